#!/usr/bin/env python3
"""Requests over loopback against `sglrun serve` with the default model.

    test_model.py SGLRUN
"""
import json
import re
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request

FAILED = []
PORT = 0


def check(name, ok, what=""):
    if not ok:
        FAILED.append(name)
        print("FAILED", name, str(what)[:600])


def ask(path, body=None):
    data = json.dumps(body).encode() if body is not None else None
    req = urllib.request.Request("http://127.0.0.1:%d%s" % (PORT, path), data,
                                 {"Content-Type": "application/json"} if data else {})
    try:
        with urllib.request.urlopen(req, timeout=120) as r:
            text = r.read().decode()
            return r.status, json.loads(text) if text[:1] in "{[" else text
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read().decode())


def stat(name):
    _, text = ask("/metrics")
    return float(re.search(r"^sglang:%s\{.*\} (.*)$" % name, text, re.M).group(1))


def drop(body):
    data = json.dumps(body).encode()
    s = socket.create_connection(("127.0.0.1", PORT))
    s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\n\r\n" % len(data) + data)
    time.sleep(0.4)
    s.close()


def wait_idle(seconds=20):
    end = time.time() + seconds
    while time.time() < end:
        if stat("num_running_reqs") == 0 and stat("num_queue_reqs") == 0:
            return True
        time.sleep(0.1)
    return False


def test_constraints():
    for seed in range(3):
        s, j = ask("/generate", {"text": "A date: ", "sampling_params": {
            "regex": "[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]", "max_new_tokens": 40,
            "temperature": 1.0, "sampling_seed": seed}})
        check("regex", s == 200 and re.fullmatch("[0-9]{4}-(0[1-9]|1[0-2])-[0-3][0-9]", j["text"]), j)
    schema = {"type": "object", "properties": {"colour": {"enum": ["red", "green"]},
                                               "n": {"type": "integer", "minimum": 3, "maximum": 12}},
              "required": ["colour", "n"], "additionalProperties": False}
    s, j = ask("/generate", {"text": "JSON: ", "sampling_params": {
        "json_schema": json.dumps(schema), "max_new_tokens": 60, "sampling_seed": 1}})
    v = json.loads(j["text"]) if s == 200 else {}
    check("schema", v.get("colour") in ("red", "green") and 3 <= v.get("n", 0) <= 12, j)
    s, j = ask("/v1/chat/completions", {"messages": [{"role": "user", "content": "A JSON object."}],
                                        "response_format": {"type": "json_object"},
                                        "max_tokens": 200, "seed": 1})
    check("json_object", s == 200 and (j["choices"][0]["finish_reason"] == "length" or isinstance(
        json.loads(j["choices"][0]["message"]["content"]), dict)), j)
    for bad in ({"regex": "("}, {"json_schema": "{\"type\": 5}"}, {"json_schema": "{"},
                {"json_schema": "{\"type\": \"object\", \"patternProperties\": 3}"},
                {"json_schema": "{\"type\": \"string\", \"enum\": [1]}"},
                {"json_schema": "{\"not\": {}}"}):
        s, j = ask("/generate", {"text": "x", "sampling_params": bad})
        check("refuses %s" % bad, s == 400 and j["error"]["message"], j)


def test_tags():
    """Calls in free text: whatever the model says, the tags hold what their schemas ask."""
    schema = {"type": "object", "properties": {"city": {"enum": ["Rome", "Oslo"]}},
              "required": ["city"], "additionalProperties": False}
    flat = {"type": "structural_tag", "triggers": ["<call="], "at_least_one": True,
            "structures": [{"begin": "<call=sun>", "schema": schema, "end": "</call>"},
                           {"begin": "<call=rain>", "schema": schema, "end": "</call>"}]}
    whole = r'(<call=(?:sun|rain)>\{\s*"city"\s*:\s*"(?:Rome|Oslo)"\s*\}</call>)'
    for seed in range(3):
        params = {"structural_tag": json.dumps(flat) if seed else flat, "max_new_tokens": 60,
                  "temperature": 1.0, "sampling_seed": seed}
        s, j = ask("/generate", {"text": "Ask for the weather. ", "sampling_params": params})
        check("tags of generate", s == 200 and re.match(whole, j["text"]), j)
        cut = j["text"].rfind("<call=") if j["meta_info"]["finish_reason"]["type"] == "length" else None
        rest = re.sub(whole, "", j["text"][:cut])
        check("nothing but tags behind a trigger", "<call=" not in rest, j)
    tree = {"type": "structural_tag", "format": {"type": "sequence", "elements": [
        {"type": "tag", "begin": "<think>", "content": {"type": "regex", "pattern": "[a-z ]{1,20}"},
         "end": "</think>"}, {"type": "json_schema", "json_schema": schema}]}}
    s, j = ask("/v1/chat/completions", {
        "messages": [{"role": "user", "content": "Where is the Colosseum?"}],
        "response_format": tree, "max_tokens": 80, "seed": 4})
    text = j["choices"][0]["message"]["content"] if s == 200 else ""
    m = re.fullmatch("<think>[a-z ]{1,20}</think>(.*)", text, re.S)
    check("tags of chat", m and json.loads(m.group(1))["city"] in ("Rome", "Oslo"), j)
    for bad in ({"format": 7}, {"format": {"type": "token", "token": 1}}, {"type": "tag"}, {},
                {"triggers": ["<"], "structures": []}):
        s, j = ask("/generate", {"text": "x", "sampling_params": {"structural_tag": bad}})
        check("refuses %s" % bad, s == 400 and j["error"]["message"], j)


def test_same_answers():
    body = {"prompt": "The sea is", "max_tokens": 24, "temperature": 0.8, "seed": 11}
    want = ask("/v1/completions", body)[1]["choices"][0]["text"]
    got = []

    def one(i):
        noise = {"prompt": "Number %d:" % i, "max_tokens": 20, "temperature": 1}
        got.append(ask("/v1/completions", body if i % 2 else noise)[1]["choices"][0]["text"]
                   if i % 2 else (ask("/v1/completions", noise), want)[1])

    threads = [threading.Thread(target=one, args=(i,)) for i in range(12)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("the same beside others", len(got) == 12 and set(got) == {want}, (want, got))
    s, j = ask("/v1/completions", {"prompt": "one two three four five", "max_tokens": 4,
                                   "temperature": 0, "stop": [" seven"]})
    check("stop", s == 200 and " seven" not in j["choices"][0]["text"], j)


def stream(path, body):
    data = json.dumps(dict(body, stream=True)).encode()
    req = urllib.request.Request("http://127.0.0.1:%d%s" % (PORT, path), data,
                                 {"Content-Type": "application/json"})
    with urllib.request.urlopen(req, timeout=120) as r:
        text = r.read().decode()
    return [json.loads(e[6:]) for e in text.split("\n\n") if e.startswith("data: {")]


def test_streams():
    """Chunks together are the whole answer, forced tokens and half characters included."""
    body = {"prompt": "The sea \u65e5\u672c", "max_tokens": 40, "temperature": 0, "logprobs": 2,
            "regex": "(\u65e5\u672c|\u00e9a){3,6}[\U0001f600\U0001f601]{2,4}"}
    whole = ask("/v1/completions", body)[1]["choices"][0]
    parts = [j["choices"][0] for j in stream("/v1/completions", body)]
    check("stream text", "".join(p["text"] for p in parts) == whole["text"], parts)
    for name in ("tokens", "token_logprobs", "top_logprobs", "text_offset"):
        got = [v for p in parts if p["logprobs"] for v in p["logprobs"][name]]
        check("stream " + name, got == whole["logprobs"][name], (got, whole["logprobs"][name]))
    check("known logprobs", min(whole["logprobs"]["token_logprobs"]) > -9999, whole)
    body = {"text": "A river", "return_logprob": True,
            "sampling_params": {"max_new_tokens": 12, "temperature": 0}}
    whole = ask("/generate", body)[1]
    parts = stream("/generate", dict(body, incremental=True))
    check("incremental", "".join(p["text"] for p in parts) == whole["text"] and
          [i for p in parts for i in p["output_ids"]] == whole["output_ids"] and
          [t for p in parts for t in p["meta_info"]["output_token_logprobs"]] ==
          whole["meta_info"]["output_token_logprobs"], parts)
    for p in stream("/generate", body):
        n = len(p["output_ids"])
        check("cumulative", whole["text"].startswith(p["text"]) and
              p["output_ids"] == whole["output_ids"][:n] and
              len(p["meta_info"]["output_token_logprobs"]) == n, p)


def test_counters():
    """Where tokens came from, and that they add up; what a deadline leaves."""
    body = {"text": "The keeper of the lighthouse wrote every day. " * 8,
            "sampling_params": {"max_new_tokens": 3, "temperature": 0}}
    cold = ask("/generate", body)[1]["meta_info"]
    warm = ask("/generate", body)[1]["meta_info"]
    other = ask("/generate", dict(body, cache_salt="x"))[1]["meta_info"]
    pair = [j["meta_info"] for j in ask("/generate", dict(body, sampling_params={
        "n": 2, "max_new_tokens": 3}, cache_salt="y"))[1]]
    check("cold", cold["cached_tokens"] < 3 and         # a word that another text began with
          cold["uncached_tokens_details"]["cold"] > cold["prompt_tokens"] - 16, cold)
    check("warm", warm["cached_tokens_details"]["device"] == warm["cached_tokens"] and
          warm["cached_tokens"] + 16 > warm["prompt_tokens"], warm)
    check("another part of the cache", other["cached_tokens"] == 0 and
          "namespace" not in other["uncached_tokens_details"], other)
    for m in [cold, warm, other] + pair:
        check("adds up", sum(m["cached_tokens_details"].values()) == m["cached_tokens"] and
              m["num_retractions"] == 0 and m["queue_time"] >= 0 and m["prefill_time"] > 0, m)
    for m in (cold, warm, other, pair[0]):
        check("every token has a reason", sum(m["uncached_tokens_details"].values()) ==
              m["prompt_tokens"] - m["cached_tokens"], m)
    check("choices are forks", pair[1]["cached_tokens_details"]["forked"] == pair[1]["cached_tokens"] and
          pair[1]["cached_tokens"] + 16 > pair[1]["prompt_tokens"], pair)
    late = ask("/generate", {"text": "Once upon a time", "deadline_ms": 700,
                             "sampling_params": {"max_new_tokens": 4000, "ignore_eos": True}})
    check("a deadline leaves what there is", late[0] == 200 and late[1]["text"] and
          late[1]["meta_info"]["finish_reason"]["err_type"] == "deadline_exceeded" and
          len(late[1]["output_ids"]) == late[1]["meta_info"]["completion_tokens"], late)


def test_bad_input():
    s, j = ask("/v1/completions", {"prompt": "A word", "max_tokens": 1 << 20})
    check("too much asked", s == 400 and j["error"]["code"] == "context_length_exceeded", j)
    s, j = ask("/v1/completions", {"prompt": "word " * 20000, "max_tokens": 4})
    check("too long", s == 400 and j["error"]["code"] == "context_length_exceeded" and
          "is longer than the model's context length" in j["error"]["message"], j)
    s, j = ask("/v1/chat/completions", {"messages": [{"role": "user", "content": "<|im_end|>" * 50}],
                                        "max_tokens": 2})
    n = j["usage"]["prompt_tokens"] if s == 200 else 0
    check("user text opens no turn", n > 200, j)


def test_dropped():
    before = stat("num_aborted_requests_total")
    long = {"prompt": "Once upon a time", "max_tokens": 3000, "ignore_eos": True}
    drop(long)
    drop(dict(long, stream=True))
    drop(dict(long, n=3))
    check("dropped clients free their requests", wait_idle(), stat("num_running_reqs"))
    check("dropped clients are cancelled", stat("num_aborted_requests_total") >= before + 5,
          stat("num_aborted_requests_total"))
    s, j = ask("/v1/completions", {"prompt": "Hello", "max_tokens": 3})
    check("serves on", s == 200 and j["usage"]["completion_tokens"] <= 3, j)


def main():
    global PORT
    p = subprocess.Popen([sys.argv[1], "serve", "--port", "0"], stderr=subprocess.PIPE)
    for line in p.stderr:
        m = re.search(rb":(\d+)\s*$", line)
        if m:
            PORT = int(m.group(1))
            break
    if not PORT:
        print("the server does not start (no model?)")
        sys.exit(77)
    for test in (test_constraints, test_tags, test_same_answers, test_streams, test_counters,
                 test_bad_input, test_dropped):
        test()
    p.terminate()
    check("ends", p.wait(20) == 0, p.returncode)
    print("server with a model: %s" % ("ok" if not FAILED else "%d failed" % len(FAILED)))
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
