#!/usr/bin/env python3
"""The unmodified openai client against a server.

    test_openai.py FOLDER PROGRAM [ARGUMENT...]

Makes a virtual environment with `openai` and `jsonschema` in FOLDER (77, a skip, where that is not
possible), starts PROGRAM, which writes its port (alone on a line, or at the end of an address) to
standard output or standard error, and asks it.
"""
import json
import os
import re
import subprocess
import sys

SCHEMA = {"type": "object", "properties": {"name": {"type": "string", "maxLength": 20},
                                           "age": {"type": "integer", "minimum": 0,
                                                   "maximum": 150}},
          "required": ["name", "age"], "additionalProperties": False}


def in_venv(folder):
    python = os.path.join(folder, "openai-venv", "bin", "python")
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", os.path.join(folder, "openai-venv")],
                       check=False)
    probe = [python, "-c", "import openai, jsonschema"]
    if not os.path.exists(python):
        sys.exit(77)
    if subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode:
        subprocess.run([python, "-m", "pip", "install", "--quiet", "openai", "jsonschema"],
                       check=False)
    if subprocess.run(probe, stderr=subprocess.DEVNULL, check=False).returncode:
        print("openai cannot be installed")
        sys.exit(77)
    os.execv(python, [python, __file__, "--inside"] + sys.argv[2:])


def start(command):
    p = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                         stderr=subprocess.STDOUT)
    for line in p.stdout:
        m = re.search(rb"(?:^|:)(\d+)\s*$", line)
        if m:
            return p, int(m.group(1))
    print("the server does not start")
    sys.exit(77 if p.wait() == 1 and command[1:2] == ["serve"] else 1)


def main(command):
    import jsonschema
    import openai
    p, port = start(command)
    client = openai.OpenAI(base_url="http://127.0.0.1:%d/v1" % port, api_key="none", timeout=120)
    model = client.models.list().data[0].id
    ask = [{"role": "user", "content": "Name one colour of the rainbow."}]

    whole = client.chat.completions.create(model=model, messages=ask, max_tokens=24, temperature=0,
                                           seed=1)
    text = whole.choices[0].message.content
    assert text and whole.usage.completion_tokens <= 24, whole
    chunks = list(client.chat.completions.create(model=model, messages=ask, max_tokens=24,
                                                 temperature=0, seed=1, stream=True,
                                                 stream_options={"include_usage": True}))
    streamed = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert streamed == text, (streamed, text)
    assert chunks[0].choices[0].delta.role == "assistant" and len(chunks) > 3, chunks
    assert chunks[-1].usage.completion_tokens == whole.usage.completion_tokens, chunks[-1]

    formatted = client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": "Describe a person as JSON."}],
        max_tokens=120, temperature=0, seed=1, response_format={
            "type": "json_schema", "json_schema": {"name": "person", "schema": SCHEMA,
                                                   "strict": True}})
    choice = formatted.choices[0]
    if choice.finish_reason == "stop":
        jsonschema.validate(json.loads(choice.message.content), SCHEMA)
    else:
        print("the answer was cut:", choice.message.content)
        assert choice.finish_reason == "length"

    two = client.completions.create(model=model, prompt="The capital of France is", max_tokens=4,
                                    n=2, logprobs=2, temperature=0.7, seed=3)
    assert [c.index for c in two.choices] == [0, 1], two
    assert len(two.choices[0].logprobs.tokens) == len(two.choices[0].logprobs.token_logprobs) > 0
    scored = client.chat.completions.create(model=model, messages=ask, max_tokens=4, logprobs=True,
                                            top_logprobs=3, temperature=0)
    content = scored.choices[0].logprobs.content
    assert content and content[0].top_logprobs and content[0].bytes, scored

    try:
        client.chat.completions.create(model=model, messages=ask, temperature=-1)
        raise AssertionError("a bad temperature is taken")
    except openai.BadRequestError as e:
        assert e.param == "temperature" and e.code == "invalid_value", e
    try:
        client.chat.completions.create(model=model, messages=ask, tools=[
            {"type": "function", "function": {"name": "f", "parameters": {}}}])
        raise AssertionError("tools are dropped in silence")
    except openai.BadRequestError as e:
        assert e.param == "tools", e

    with client.chat.completions.stream(model=model, messages=ask, max_tokens=8) as stream:
        kinds = [event.type for event in stream]
        final = stream.current_completion_snapshot
    assert final.choices[0].message.content and "content.delta" in kinds, final
    p.stdin.close()
    p.terminate()
    p.wait(20)
    print("openai %s: ok (%r)" % (openai.__version__, text[:60]))


if __name__ == "__main__":
    if sys.argv[1] == "--inside":
        main(sys.argv[2:])
    else:
        in_venv(sys.argv[1])
