#!/usr/bin/env python3
"""Requests over loopback against the fake engine: whole answers, streams, errors, dropped clients.

    test_http.py PROGRAM

PROGRAM serves the fake engine, prints its port and stops at the end of its input.
"""
import http.client
import json
import socket
import subprocess
import sys
import threading
import time

PORT = 0
FAILED = []


def check(name, ok, what=""):
    if not ok:
        FAILED.append(name)
        print("FAILED", name, what)


def ask(method, path, body=None, headers=None, raw=None):
    c = http.client.HTTPConnection("127.0.0.1", PORT, timeout=20)
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    h = {"Content-Type": "application/json"} if data is not None else {}
    h.update(headers or {})
    c.request(method, path, data, h)
    r = c.getresponse()
    text = r.read().decode()
    c.close()
    try:
        return r.status, dict((k.lower(), v) for k, v in r.getheaders()), json.loads(text)
    except ValueError:
        return r.status, dict((k.lower(), v) for k, v in r.getheaders()), text


def events(text):
    out = []
    for part in text.split("\n\n"):
        if part.startswith("data: "):
            out.append(part[6:])
    return out


def stat(name):
    _, _, text = ask("GET", "/metrics")
    for line in text.split("\n"):
        if line.startswith("sglang:%s{" % name):
            return float(line.split()[-1])
    return None


def test_whole():
    s, h, j = ask("POST", "/v1/chat/completions", {
        "model": "any", "messages": [{"role": "user", "content": "hi there"}]})
    check("chat", s == 200 and j["object"] == "chat.completion" and j["model"] == "any" and
          j["choices"][0]["message"]["role"] == "assistant" and
          "hi there" in j["choices"][0]["message"]["content"] and
          j["choices"][0]["finish_reason"] == "stop" and j["id"].startswith("chatcmpl-"), j)
    check("chat usage", j["usage"]["total_tokens"] ==
          j["usage"]["prompt_tokens"] + j["usage"]["completion_tokens"], j)
    check("request id", h.get("x-request-id", "").startswith("req-"), h)
    s, h, j = ask("POST", "/v1/completions", {"prompt": "a b c", "max_tokens": 2, "n": 2,
                                              "logprobs": 1, "colour": 1},
                  {"x-request-id": "mine-1"})
    check("completions", s == 200 and len(j["choices"]) == 2 and j["choices"][1]["index"] == 1 and
          j["choices"][0]["text"] == "You said:" and j["choices"][0]["finish_reason"] == "length",
          j)
    lp = j["choices"][0]["logprobs"]
    check("completions logprobs", lp["tokens"] == ["You", " said:"] and
          lp["text_offset"] == [0, 3] and len(lp["top_logprobs"]) == 2, lp)
    check("ignored fields", h.get("x-ignored-fields") == "colour", h)
    check("given id", h.get("x-request-id") == "mine-1", h)
    s, _, j = ask("POST", "/v1/completions", {"prompt": ["a", "b"], "echo": False})
    check("prompts", s == 200 and [c["text"][-1] for c in j["choices"]] == ["a", "b"], j)
    s, _, j = ask("POST", "/v1/completions", {"prompt": [[1, 2], [3]]})
    check("id prompts", s == 200 and len(j["choices"]) == 2, j)
    s, _, j = ask("POST", "/v1/completions", {"prompt": "x", "echo": True})
    check("echo", s == 200 and j["choices"][0]["text"].startswith("xYou said"), j)
    s, _, j = ask("POST", "/v1/chat/completions", {
        "messages": [{"role": "system", "content": "s"},
                     {"role": "user", "content": [{"type": "text", "text": "part one"},
                                                  {"type": "text", "text": " two"}]}],
        "logprobs": True, "top_logprobs": 1,
        "response_format": {"type": "json_schema",
                            "json_schema": {"name": "p", "schema": {"type": "object"}}}})
    content = j["choices"][0]["message"]["content"]
    lp = j["choices"][0]["logprobs"]["content"]
    check("schema and logprobs", s == 200 and json.loads(content)["age"] == 3 and
          lp[0]["bytes"] == list(lp[0]["token"].encode()) and len(lp[0]["top_logprobs"]) == 1, j)


def test_generate():
    s, _, j = ask("POST", "/generate", {"text": "abc", "sampling_params": {"max_new_tokens": 8}})
    check("generate", s == 200 and j["text"] == "You said: abc" and
          len(j["output_ids"]) == j["meta_info"]["completion_tokens"] and
          j["meta_info"]["finish_reason"]["type"] == "stop", j)
    s, _, j = ask("POST", "/generate", {"text": ["a", "b"], "sampling_params": {"n": 2}})
    check("generate batch", s == 200 and len(j) == 4 and j[2]["text"].endswith("b"), j)
    s, _, j = ask("POST", "/generate", {"input_ids": [1, 2, 3], "return_logprob": True,
                                        "top_logprobs_num": 1, "rid": "r1"})
    check("generate ids", s == 200 and j["meta_info"]["id"] == "r1" and
          j["meta_info"]["output_token_logprobs"][0][1] == j["output_ids"][0] and
          j["meta_info"]["output_top_logprobs"][0][0][1] == 65, j)
    s, _, text = ask("POST", "/generate", {"text": "abc", "stream": True})
    ev = events(text)
    last = json.loads(ev[-2])
    check("generate stream", ev[-1] == "[DONE]" and last["text"] == "You said: abc" and
          json.loads(ev[1])["text"] == "You said:" and
          last["meta_info"]["finish_reason"]["type"] == "stop", ev)
    s, _, text = ask("POST", "/generate", {"text": "abc", "stream": True, "incremental": True})
    ev = events(text)
    check("generate incremental", "".join(json.loads(e)["text"] for e in ev[:-1]) ==
          "You said: abc", ev)
    s, _, j = ask("POST", "/generate", {"text": "a", "sampling_params": {"regex": "("}})
    check("bad regex", s == 400 and j["error"]["code"] == "invalid_schema", j)
    for body in ({}, {"text": "a", "input_ids": [1]}, {"text": ""}, {"input_ids": [999]},
                 {"text": "a", "sampling_params": {"temperature": -1}},
                 {"text": "a", "sampling_params": {"regex": "a", "json_schema": "{}"}},
                 {"text": "a", "sampling_params": [{}, {}]}, {"text": "a", "lora_path": "x"},
                 {"text": "a", "sampling_params": {"stop": 5}}):
        s, _, j = ask("POST", "/generate", body)
        check("generate refuses %s" % body, s == 400 and j["error"]["message"], j)


def test_counters():
    s, _, j = ask("POST", "/generate", {"text": "a longer prompt", "sampling_params": {"n": 2}})
    meta = [one["meta_info"] for one in j]
    check("sources of cached tokens", s == 200 and
          meta[0]["cached_tokens_details"] == {"device": 4, "shared": 2, "forked": 1, "host": 0} and
          meta[1]["cached_tokens_details"] == {"device": 0, "shared": 0, "forked": 7, "host": 0} and
          all(sum(m["cached_tokens_details"].values()) == m["cached_tokens"] for m in meta), meta)
    check("misses", sum(meta[0]["uncached_tokens_details"].values()) ==
          meta[0]["prompt_tokens"] - meta[0]["cached_tokens"], meta[0])
    check("times", all(meta[0][k] >= 0 for k in ("queue_time", "prefill_time", "decode_time", "ttft",
                                                 "e2e_latency")) and
          meta[0]["num_retractions"] == 3 and meta[0]["forced_tokens"] == 0, meta[0])
    s, _, j = ask("POST", "/v1/completions", {"prompt": ["a longer prompt", "another prompt"],
                                              "return_cached_tokens_details": True})
    u = j["usage"]["prompt_tokens_details"]
    check("usage", s == 200 and u["cached_tokens"] == 14 and
          [d["device"] for d in u["cached_tokens_details"]] == [4, 4], j)


def test_deadline():
    """Cut by its deadline: what there was, and why; in every dialect, whole and streamed."""
    s, _, j = ask("POST", "/generate", {"text": "TIMEUP a b c"})
    why = j["meta_info"]["finish_reason"]
    check("deadline of generate", s == 200 and why["type"] == "abort" and why["status_code"] == 504 and
          why["err_type"] == "deadline_exceeded" and j["text"].startswith("You said"), j)
    s, _, j = ask("POST", "/v1/completions", {"prompt": "TIMEUP a b c"})
    check("deadline of completions", s == 200 and j["choices"][0]["finish_reason"] == "abort", j)
    s, _, text = ask("POST", "/v1/chat/completions", {
        "messages": [{"role": "user", "content": "TIMEUP a b c"}], "stream": True})
    ev = events(text)
    check("deadline of a stream", s == 200 and ev[-1] == "[DONE]" and
          json.loads(ev[-2])["choices"][0]["finish_reason"] == "abort", ev)


def test_tags():
    """A structural tag reaches the engine as JSON, from each door."""
    tags = {"type": "structural_tag", "triggers": ["<f="],
            "structures": [{"begin": "<f=a>", "schema": {"type": "null"}, "end": "</f>"}]}
    for given in (tags, json.dumps(tags)):
        s, _, j = ask("POST", "/generate", {"text": "a", "sampling_params": {
            "structural_tag": given}})
        check("tags of generate", s == 200 and json.loads(j["text"][6:]) == tags, j)
        s, _, j = ask("POST", "/v1/completions", {"prompt": "a", "structural_tag": given})
        check("tags of completions", s == 200 and
              json.loads(j["choices"][0]["text"][6:]) == tags, j)
    user = [{"role": "user", "content": "x"}]
    s, _, j = ask("POST", "/v1/chat/completions", {"messages": user, "response_format": tags})
    check("tags of chat", s == 200 and
          json.loads(j["choices"][0]["message"]["content"][6:]) == tags, j)
    s, _, j = ask("POST", "/generate", {"text": "a", "sampling_params": {"structural_tag": ""}})
    check("no tags", s == 200 and j["text"] == "You said: a", j)
    for path, body in (("/generate", {"text": "a", "sampling_params": {"structural_tag": 7}}),
                       ("/generate", {"text": "a", "sampling_params": {"structural_tag": [tags]}}),
                       ("/generate", {"text": "a", "sampling_params": {"structural_tag": tags,
                                                                       "regex": "a"}}),
                       ("/v1/chat/completions", {"messages": user, "response_format": tags,
                                                 "structural_tag": tags})):
        s, _, j = ask("POST", path, body)
        check("refuses %s" % body, s == 400 and j["error"]["message"], j)


def test_stream():
    s, h, text = ask("POST", "/v1/chat/completions", {
        "messages": [{"role": "user", "content": "x y"}], "stream": True, "n": 2,
        "stream_options": {"include_usage": True}})
    ev = events(text)
    js = [json.loads(e) for e in ev[:-1]]
    check("stream type", s == 200 and h["content-type"].startswith("text/event-stream"), h)
    check("stream order", js[0]["choices"][0] == dict(js[0]["choices"][0], index=0) and
          js[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""} and
          js[1]["choices"][0]["index"] == 1 and ev[-1] == "[DONE]", ev[:3])
    check("stream usage", js[-1]["choices"] == [] and js[-1]["usage"]["completion_tokens"] > 0 and
          all(j["usage"] is None for j in js[:-1]), js[-1])
    for i in (0, 1):
        mine = [j["choices"][0] for j in js[:-1] if j["choices"][0]["index"] == i]
        check("stream text", "".join(c["delta"].get("content", "") for c in mine)
              .startswith("You said:") and mine[-1]["finish_reason"] == "stop" and
              mine[-1]["delta"] == {} and
              all(c["finish_reason"] is None for c in mine[:-1]), mine)
    check("stream ids", len({j["id"] for j in js}) == 1 and len({j["created"] for j in js}) == 1)
    s, _, j = ask("POST", "/v1/chat/completions", {
        "messages": [{"role": "user", "content": "FAIL"}], "stream": True})
    check("early failure", s == 400 and j["error"]["code"] == "context_length_exceeded" and
          "is longer than the model's context length" in j["error"]["message"], j)
    s, _, text = ask("POST", "/v1/completions", {"prompt": "LATE but long enough", "stream": True})
    ev = events(text)
    check("late failure", s == 200 and "error" in json.loads(ev[-2]) and ev[-1] == "[DONE]" and
          json.loads(ev[0])["choices"][0]["text"] == "You", ev)


def test_refusals():
    ok = [{"role": "user", "content": "x"}]
    bad = [
        ({}, "messages"), ({"messages": []}, "messages"), ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "king", "content": "x"}]}, "messages"),
        ({"messages": [{"role": "user"}]}, "messages"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages"),
        ({"messages": ok, "temperature": 1e9}, "temperature"),
        ({"messages": ok, "temperature": "hot"}, "temperature"),
        ({"messages": ok, "top_p": 0}, "top_p"), ({"messages": ok, "top_k": 0}, "top_k"),
        ({"messages": ok, "n": 0}, "n"), ({"messages": ok, "n": 1.5}, "n"),
        ({"messages": ok, "max_tokens": 0}, "max_tokens"),
        ({"messages": ok, "stop": ["a"] * 65}, "stop"),
        ({"messages": ok, "logit_bias": {"x": 1}}, "logit_bias"),
        ({"messages": ok, "logit_bias": {"300": 1}}, "logit_bias"),
        ({"messages": ok, "top_logprobs": 2}, "top_logprobs"),
        ({"messages": ok, "stream_options": {}}, "stream_options"),
        ({"messages": ok, "tools": [{"type": "function"}]}, "tools"),
        ({"messages": ok, "response_format": {"type": "yaml"}}, "response_format"),
        ({"messages": ok, "response_format": {"type": "json_schema"}}, "response_format"),
        ({"messages": ok, "reasoning_effort": "high"}, "reasoning_effort"),
        ({"messages": ok, "stream": "yes"}, "stream"),
    ]
    for body, param in bad:
        s, h, j = ask("POST", "/v1/chat/completions", body)
        check("refuses %s" % body, s == 400 and j["error"]["param"] == param and
              j["error"]["type"] == "invalid_request_error" and j["object"] == "error" and
              h["content-type"] == "application/json", j)
    for raw, status in ((b"{", 400), (b"", 400), (b"[]", 400), (b"\xff", 400),
                        (b"[" * 100000, 400), (b'{"a":1,"a":2}', 400), (b'{"a": 1} x', 400)):
        s, _, j = ask("POST", "/v1/completions", raw=raw)
        check("refuses %r" % raw[:20], s == status and j["error"]["code"] == "invalid_json", j)
    s, _, j = ask("POST", "/v1/completions", raw=b"{}", headers={"Content-Type": "text/plain"})
    check("content type", s == 415, j)
    s, _, j = ask("POST", "/v1/completions", raw=b" " * (1 << 21))
    check("too big", s == 413 and j["error"]["code"] == "body_too_large", j)
    s, _, j = ask("GET", "/nope")
    check("no route", s == 404, j)
    s, h, j = ask("GET", "/v1/completions")
    check("method", s == 405 and h["allow"] == "POST", j)
    for path in ("/%FF%FE", "/v1/models/%FF", "/" + "%C3%A9" * 300, "/v1/models/" + "%E6%97%A5" * 60):
        s, _, j = ask("GET", path)
        check("answers %s" % path[:20], s == 404 and j["error"]["message"], j)
    s, _, j = ask("POST", "/generate", {"text": "x", "rid": "\u00e9" * 40})
    check("long rid", s == 400 and j["error"]["param"] == "rid", j)
    s, _, j = ask("GET", "/v1/models/other")
    check("no model", s == 404 and j["error"]["code"] == "model_not_found", j)


def test_manage():
    s, _, j = ask("GET", "/health")
    check("health", s == 200 and j["status"] == "ok", j)
    s, _, j = ask("GET", "/v1/models")
    check("models", s == 200 and j["data"][0]["id"] == "fake" and
          j["data"][0]["max_model_len"] == 1000, j)
    s, _, j = ask("GET", "/v1/models/fake")
    check("model", s == 200 and j["object"] == "model", j)
    for path in ("/model_info", "/get_model_info", "/server_info", "/get_server_info"):
        s, _, j = ask("GET", path)
        check(path, s == 200 and isinstance(j, dict), j)
    s, _, j = ask("POST", "/tokenize", {"prompt": "ab", "return_token_strs": True})
    check("tokenize", s == 200 and j["tokens"] == [97, 98] and j["token_strs"] == ["a", "b"], j)
    s, _, j = ask("POST", "/v1/tokenize", {"prompt": ["ab", "c"]})
    check("tokenize list", s == 200 and j["tokens"] == [[97, 98], [99]] and j["count"] == [2, 1], j)
    s, _, j = ask("POST", "/tokenize", {"messages": [{"role": "user", "content": "x"}]})
    check("tokenize chat", s == 200 and j["count"] > 10, j)
    s, _, j = ask("POST", "/detokenize", {"tokens": [97, 98]})
    check("detokenize", s == 200 and j["text"] == "ab" and j["prompt"] == "ab", j)
    s, _, j = ask("POST", "/detokenize", {"tokens": [195]})
    check("detokenize half", s == 400, j)


def drop(body, read_some):
    data = json.dumps(body).encode()
    s = socket.create_connection(("127.0.0.1", PORT))
    s.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
              b"Content-Length: %d\r\n\r\n" % len(data) + data)
    if read_some:
        s.recv(100)
    else:
        time.sleep(0.3)
    s.close()


def test_dropped():
    before = stat("num_aborted_requests_total")
    long = "SLOW " + "word " * 100
    drop({"prompt": long, "max_tokens": 200}, False)
    drop({"prompt": long, "max_tokens": 200, "stream": True}, True)
    drop({"prompt": long, "max_tokens": 200, "stream": True, "n": 3}, False)
    end = time.time() + 8
    while time.time() < end and stat("num_running_reqs") > 0:
        time.sleep(0.1)
    s, _, text = ask("POST", "/flush_cache")
    check("flush when idle", s == 200 and text == "Cache flushed.\n", text)
    check("dropped clients free their requests", stat("num_running_reqs") == 0,
          stat("num_running_reqs"))
    check("dropped clients are cancelled", stat("num_aborted_requests_total") == before + 5,
          stat("num_aborted_requests_total"))


def test_many():
    bad = []

    def one(i):
        for k in range(5):
            s, _, j = ask("POST", "/v1/completions", {"prompt": "p%d" % i, "max_tokens": 50,
                                                      "stream": k % 2 == 1})
            text = j["choices"][0]["text"] if k % 2 == 0 else "".join(
                json.loads(e)["choices"][0]["text"] for e in events(j)[:-1])
            if s != 200 or text != "You said: p%d" % i:
                bad.append((i, k, s, j))

    threads = [threading.Thread(target=one, args=(i,)) for i in range(16)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    check("many at once", not bad, bad[:2])


def who(body=None, key=None):
    """[tenant, weight, priority, namespace, deadline] as the engine hears them, and the headers."""
    headers = {"Authorization": "Bearer " + key} if key else {}
    s, h, j = ask("POST", "/generate", {"text": "WHO", **(body or {})}, headers)
    return (j["text"].split("|") if s == 200 else [s, j["error"]["code"]]), h


def test_tenants(program):
    """By key, by what a request says of its user; weights, priority, parts of the cache."""
    table = json.dumps([{"name": "a", "key": "ka", "weight": 2.5, "priority": True},
                        {"name": "b", "key": "kb"}, {"name": "guest", "weight": 0.5}])
    p = serve(program, "", table, "0", "5000")
    check("needs a key", who()[0] == [401, "invalid_api_key"] and
          who(key="kc")[0] == [401, "invalid_api_key"])
    check("a key is a tenant", who({"user": "b", "priority": 7}, "ka")[0] ==
          ["a", "2500", "7", "1:a0:0:", "5000"], who({"user": "b", "priority": 7}, "ka"))
    got, h = who({"priority": 7, "cache_salt": "x", "deadline_ms": 10}, "kb")
    check("priority is a right", got == ["b", "1000", "0", "1:b1:x0:", "10"] and
          h.get("x-ignored-fields") == "priority", (got, h))
    check("later than others", who({"priority": -2}, "kb")[0][2] == "-2")
    salts = [who({"cache_salt": s, "extra_key": e}, k)[0][3]
             for k in ("ka", "kb") for s, e in (("ab", "c"), ("a", "bc"), ("", "abc"), ("abc", ""))]
    check("namespaces differ", len(set(salts)) == 8, salts)
    stop(p, "stops with tenants")

    p = serve(program, "", '[{"name": "guest", "weight": 0.5}]')
    check("by user", who({"user": "guest"})[0] == ["guest", "500", "0", "-", "0"] and
          who({"safety_identifier": "z", "user": "guest"})[0][0] == "z" and
          who()[0] == ["-", "0", "0", "-", "0"], who({"user": "guest"}))
    s, _, j = ask("POST", "/v1/chat/completions", {
        "user": 5, "messages": [{"role": "user", "content": "x"}]})
    check("user is a text", s == 400 and j["error"]["param"] == "user", j)
    stop(p, "stops without keys")
    for bad in ('{"name": "a"}', '[{"key": "k"}]', '[{"name": "a"}, {"name": "a"}]', '[{"name": ""}]',
                '[{"name": "a", "weight": 0}]', '[{"name": "a", "colour": 1}]', '[', '[5]',
                '[{"name": "a", "key": "k"}, {"name": "b", "key": "k"}]'):
        r = subprocess.run([program, "", bad], stdin=subprocess.DEVNULL, capture_output=True, text=True)
        check("table %s" % bad, r.returncode == 1 and r.stderr.startswith("tenants: "), r.stderr)


def test_full(program):
    """Over the bound: 429, and when to come back, from how fast requests end."""
    p = serve(program, "", "[]", "3")
    # The fake engine says that all of its calls run; the three are its own, so none is queued.
    for _ in range(5):
        ask("POST", "/generate", {"text": "x"})
    threads = [threading.Thread(target=ask, args=("POST", "/generate", {
        "text": "QUEUED SLOW a", "sampling_params": {"max_new_tokens": 5}})) for _ in range(3)]
    for t in threads:
        t.start()
    time.sleep(0.4)
    s, h, j = ask("POST", "/generate", {"text": "x"})
    check("queue full", s == 429 and j["error"]["code"] == "queue_full" and
          j["error"]["type"] == "rate_limit_error", j)
    check("come back", 1 <= int(h["retry-after"]) <= 60 and
          int(h["retry-after"]) == -(-int(h["retry-after-ms"]) // 1000) and
          "x-should-retry" not in h, h)
    for t in threads:
        t.join()
    s, _, j = ask("POST", "/generate", {"text": "x"})
    check("room again", s == 200, j)
    s, h, j = ask("POST", "/generate", {"text": "REFUSED"})
    check("failed for good", s == 500 and h.get("x-should-retry") == "false", (s, h, j))
    stop(p, "stops when it was full")


def serve(program, *args):
    global PORT
    p = subprocess.Popen([program, *args], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    PORT = int(p.stdout.readline())
    return p


def stop(p, name):
    p.stdin.close()
    check(name, p.wait(20) == 0, p.returncode)


def main():
    p = serve(sys.argv[1])
    for test in (test_whole, test_generate, test_counters, test_deadline, test_tags, test_stream, test_refusals, test_manage,
                 test_dropped, test_many):
        test()
    hanging = socket.create_connection(("127.0.0.1", PORT))
    data = json.dumps({"prompt": "SLOW " + "w " * 100, "max_tokens": 100}).encode()
    hanging.sendall(b"POST /v1/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json"
                    b"\r\nContent-Length: %d\r\n\r\n" % len(data) + data)
    time.sleep(0.2)
    s, _, j = ask("POST", "/flush_cache")
    check("no flush while a request runs", s == 400 and j["error"]["code"] == "not_idle", j)
    stop(p, "stops while a request runs")
    hanging.close()

    test_tenants(sys.argv[1])
    test_full(sys.argv[1])

    p = serve(sys.argv[1], "secret")
    s, _, j = ask("GET", "/v1/models")
    check("no key", s == 401 and j["error"]["code"] == "invalid_api_key", j)
    s, _, j = ask("GET", "/v1/models", headers={"Authorization": "Bearer secret"})
    check("key", s == 200, j)
    s, _, j = ask("GET", "/health")
    check("health needs no key", s == 200, j)
    stop(p, "stops")
    print("server: %s" % ("ok" if not FAILED else "%d failed" % len(FAILED)))
    sys.exit(1 if FAILED else 0)


if __name__ == "__main__":
    main()
