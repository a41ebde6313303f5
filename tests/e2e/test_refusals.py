#!/usr/bin/env python3
"""What cannot be done is refused by `sglrun run` and `sglrun serve`: one clear error, the right exit
code or status, and a neighbour that writes the tokens it writes alone.

    test_refusals.py SGLRUN
"""
import json
import os
import re
import subprocess
import sys
import threading
import urllib.error
import urllib.request

SGLRUN = sys.argv[1]
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
MODEL = os.path.join(CACHE, "sgl", "models", "SmolLM2-135M-Instruct.Q4_1.gguf")
PASSED = 0
FAILED = []
LONG = "word " * 1000
NO_CONTEXT = "a pool of %d KV pages holds no context; 3 pages of 16 tokens are the least"


def check(name, ok, what=""):
    global PASSED
    if ok:
        PASSED += 1
    else:
        FAILED.append(name)
        print("FAIL", name, str(what)[:800])


# ---- sglrun run ----

def refuse(name, args, says):
    done = subprocess.run([SGLRUN, *args], capture_output=True, timeout=120, text=True)
    check(name, done.returncode == 1 and says in done.stderr and not done.stdout,
          (done.returncode, done.stdout, done.stderr))


def run_refusals():
    hello = 'user "Hi"\nprint(gen(max: 4))\n'
    for verb, rest in (("run", ["-e", hello]), ("serve", ["--port", "0"])):
        args = rest if verb == "run" else ["serve", *rest]
        refuse(verb + " with 1 page", [*args, "--pages", "1"], NO_CONTEXT % 1)
        refuse(verb + " with 2 pages", [*args, "--pages", "2"], NO_CONTEXT % 2)
        refuse(verb + " with more pages than memory", [*args, "--pages", "4000000000"],
               "no memory for 4000000000 KV pages")
        refuse(verb + " with a context that the model lacks", [*args, "--context", "100000"],
               "the model has a context of 8192 tokens, 100000 cannot be had")
    much = 'user "${"word ".repeat(%d)}"\n'
    refuse("prompt over the context", ["-e", much % 20000 + "print(gen(max: 4))"],
           "error[R0502]: the context has 20010 tokens, the window of the model is 8192")
    refuse("prompt over a smaller context", ["-e", much % 300 + "print(gen(max: 4))", "--context", "200"],
           "error[R0502]: the context has 310 tokens, the window of the model is 200")
    for ask in ("gen(max: 4)", 'select(["a", "b"])', 'score(["a", "b"])["a"]'):
        refuse("prompt over the pool, " + ask, ["-e", much % 300 + "print(%s)" % ask, "--pages", "10"],
               "tokens and the pool of KV pages holds ")
    refuse("a value that cannot end in the pool",
           ["-e", 'user "Hi"\nlet x = gen(max: 500, ignore_eos: true, strict: true)\nprint(x)\n', "--pages", "6"],
           "error[R0401]: the value is not complete after ")


# ---- sglrun serve ----

def ask(port, path, body):
    data = json.dumps(body).encode()
    req = urllib.request.Request("http://127.0.0.1:%d%s" % (port, path), data,
                                 {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(req, timeout=120) as r:
            return r.status, json.loads(r.read().decode())
    except urllib.error.HTTPError as e:
        return e.code, json.loads(e.read().decode())


def neighbour(port, ret):
    ret.append(ask(port, "/generate", {"text": "The old lighthouse", "sampling_params": {
        "max_new_tokens": 120, "ignore_eos": True, "temperature": 1.0, "sampling_seed": 3}}))


def refused_requests(port, too_long, code):
    few = {"max_new_tokens": 4}
    messages = [{"role": "user", "content": LONG}]
    for path, body in (
            ("/generate", {"text": LONG, "sampling_params": few}),
            ("/generate", {"text": [LONG, "Hi"], "sampling_params": few}),
            ("/generate", {"text": LONG, "sampling_params": few, "stream": True}),
            ("/v1/completions", {"prompt": LONG, "max_tokens": 4}),
            ("/v1/chat/completions", {"messages": messages, "max_tokens": 4}),
            ("/v1/chat/completions", {"messages": messages, "max_tokens": 4, "stream": True})):
        status, answer = ask(port, path, body)
        error = answer.get("error", {})
        check("%s over the window" % path, status == 400 and error.get("code") == code and
              re.search(too_long, error.get("message", "")), (status, answer))
    for name, params in (("regex", {"regex": "("}), ("schema", {"json_schema": "{\"type\": 5}"}),
                         ("temperature", {"temperature": -1}), ("top_p", {"top_p": 2}),
                         ("max_new_tokens", {"max_new_tokens": -1})):
        status, answer = ask(port, "/generate", {"text": "Hi", "sampling_params": params})
        check("impossible " + name, status == 400 and answer["error"]["message"], (status, answer))


def serve_refusals(flags, too_long):
    server = subprocess.Popen([SGLRUN, "serve", "--port", "0", "--quiet", *flags], stderr=subprocess.PIPE,
                              text=True)
    try:
        line = server.stderr.readline()
        port = int(re.search(r":(\d+)$", line.strip()).group(1))
        alone, beside = [], []
        neighbour(port, alone)
        thread = threading.Thread(target=neighbour, args=(port, beside))
        thread.start()
        refused_requests(port, too_long, "context_length_exceeded")
        thread.join()
        check("the neighbour of refusals", alone[0][0] == 200 and beside[0][0] == 200 and
              len(alone[0][1]["output_ids"]) == 120 and
              alone[0][1]["output_ids"] == beside[0][1]["output_ids"], (alone, beside))
        with urllib.request.urlopen("http://127.0.0.1:%d/health" % port, timeout=60) as r:
            check("health after refusals", r.status == 200, r.status)
    finally:
        server.terminate()
        check("the server ends", server.wait(60) == 0, server.returncode)


if not os.path.exists(MODEL):
    print("skipped: %s is not here" % MODEL)
    sys.exit(77)
run_refusals()
serve_refusals(["--pages", "40"], r"the context has \d+ tokens and the pool of KV pages holds \d+")
serve_refusals(["--context", "600"], r"the context has \d+ tokens, the window of the model is 600")
print("%d passed, %d failed" % (PASSED, len(FAILED)))
sys.exit(1 if FAILED else 0)
