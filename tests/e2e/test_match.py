#!/usr/bin/env python3
"""`sglrun match`, and `show --json-schema`: answers, offsets, refusals and exit codes.

    test_match.py SGLRUN

No model is needed."""
import json
import os
import subprocess
import sys
import tempfile

SGLRUN = os.path.abspath(sys.argv[1])
failures = []
cases = 0


def run(*args, stdin=b""):
    env = {k: v for k, v in os.environ.items() if not k.startswith("SGL_")}
    done = subprocess.run([SGLRUN, *args], input=stdin, capture_output=True, timeout=60, env=env)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(name, want, got):
    global cases
    cases += 1
    if want != got:
        failures.append(name)
        print(f"FAIL {name}\n  want {want!r}\n  got  {got!r}")


def holds(name, ok, got):
    check(name, True, ok or got)


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


def answers(name, args, stdin, want):
    code, out, err = run("match", *args, stdin=stdin)
    check(name, (0, want, ""), (code, out.splitlines(), err))


def test_lines():
    schema = write("s.json", json.dumps({"type": "object", "properties": {"a": {"type": "integer", "minimum": 3},
                                                                          "b": {"type": "string"}},
                                         "required": ["a"], "additionalProperties": False}))
    answers("schema", ["--json-schema", schema],
            b'{"a": 3}\n{"a":2}\n{"a": 3\n\n{"b":"x"}\n{"a":3,"b":"\xc3\xa9"}\n{"a":3,"b":"\xff"}',
            ["accept", "reject 6", "reject 7", "reject 0", "reject 2", "accept", "reject 12"])
    answers("regex", ["--regex", "[a-z]{2,3}"], b"ab\nabcd\na\n\r\n", ["accept", "reject 3", "reject 1", "reject 0"])
    answers("regex that is empty", ["--regex", ""], b"\na\n", ["accept", "reject 0"])
    answers("json lines", ["--regex", "a\\n[^b]?", "--jsonl"], b'"a\\n"\n"a\\n\\u0000"\n"a\\nb"\n',
            ["accept", "accept", "reject 2"])
    answers("gbnf", ["--grammar", write("g.gbnf", 'root ::= "a" | "(" root ")"\n')], b"((a))\n((a)\nx\n",
            ["accept", "reject 4", "reject 0"])
    answers("lark", ["--grammar", write("g.lark", 'start: e\ne: e "+" N | N\nN: /[0-9]+/\n')], b"1+22\n1+\n",
            ["accept", "reject 2"])
    tags = {"type": "structural_tag", "triggers": ["<f="],
            "structures": [{"begin": "<f=x>", "schema": {"type": "integer"}, "end": "</f>"}]}
    answers("structural tags", ["--structural-tag", write("t.json", json.dumps(tags))],
            b"text\nsee <f=x>1</f> there\n<f=y>\n<f=x>1\n", ["accept", "accept", "reject 3", "reject 6"])
    answers("no lines", ["--regex", "a"], b"", [])


def test_dialogue():
    p = subprocess.Popen([SGLRUN, "match", "--regex", "a+"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for line, want in [(b"aa\n", b"accept\n"), (b"ab\n", b"reject 1\n")]:
        p.stdin.write(line)
        p.stdin.flush()
        check("an answer before the next line", want, p.stdout.readline())
    p.stdin.close()
    check("end of input", 0, p.wait(timeout=20))
    p.stdout.close()


def test_refusals():
    for name, args, texts in [
            ("regex syntax", ["--regex", "a(b"], ["E0403", "byte 1"]),
            ("regex feature", ["--regex", "(a)\\1"], ["E0404"]),
            ("no value", ["--json-schema", write("f.json", "false")], ["E0401"]),
            ("no JSON", ["--json-schema", write("n.json", '{"type":')], ["E0407", "byte 8"]),
            ("bad keyword", ["--json-schema", write("k.json", '{"properties": {"a": {"type": 7}}}')],
             ["E0407", "/properties/a/type"]),
            ("no rule", ["--grammar", write("r.gbnf", "root ::= x\n")], ["E0406", "rule x"]),
            ("no trigger", ["--structural-tag", write("u.json", '{"triggers": ["<"], "structures": '
                                                                '[{"begin": "x", "schema": {}, "end": ""}]}')],
             ["E0405", "trigger"])]:
        code, out, err = run("match", *args, stdin=b"x\n")
        holds(name, code == 4 and not out and all(t in err for t in texts), (code, out, err))
    code, out, err = run("match", "--regex", "a", "--jsonl", stdin=b'"a"\nb\n"a"\n')
    holds("a line that is no JSON", code == 1 and out == "accept\n" and "line 2" in err, (code, out, err))
    code, out, err = run("match", "--grammar", "no-such-file")
    holds("no such file", code == 1 and "no-such-file" in err, (code, out, err))
    for args in [[], ["--regex", "a", "--grammar", "g"], ["--regex", "a", "text"]]:
        holds(f"usage {args}", run("match", *args)[0] == 2, args)


def test_show():
    schema = write("show.json", '{"type": "object", "properties": {"k": {"type": "boolean"}}, "required": ["k"]}')
    code, out, err = run("show", "--json-schema", schema)
    rows = dict(line.split(None, 1) for line in out.splitlines())
    holds("show", code == 0 and "automaton" in rows and out.count("\n") == 6 and not err, (code, out, err))
    holds("first bytes", "first bytes   1: {\n" in out, out)
    holds("shortest", '10 bytes: "{\\"k\\":true}"' in out, out)
    write("p.sgl", "fn main(n: int) -> int { n }\n")
    code, out, err = run("show", "--schema", "p.sgl", "--json-schema", schema)
    holds("show with a program", code == 0 and '"functions"' in out and "automaton" in out, (code, out, err))
    holds("show refuses", run("show", "--json-schema", write("f2.json", "false"))[0] == 4, "")
    holds("show of both", run("show", "p.sgl", "--json-schema", schema)[0] == 2, "")


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        for test in [test_lines, test_dialogue, test_refusals, test_show]:
            test()
        os.chdir("/")
    print(f"{cases - len(failures)} passed, {len(failures)} failed")
    sys.exit(1 if failures else 0)


main()
