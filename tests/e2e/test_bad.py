#!/usr/bin/env python3
"""Bad input ends in one clear error with the right exit code, and disturbs nothing.

    test_bad.py SGLRUN [MODEL_FILE]

Exit codes: 1 program, model or engine; 2 usage; 4 check; 124 budget; 130 interrupted."""
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

SGLRUN = sys.argv[1]
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
MODEL = sys.argv[2] if len(sys.argv) > 2 else os.path.join(CACHE, "sgl", "models",
                                                          "SmolLM2-135M-Instruct.Q4_1.gguf")
failures = []
cases = 0


def run(args, stdin=None, timeout=120):
    return subprocess.run([SGLRUN, *args], input=stdin, capture_output=True, timeout=timeout)


def case(name, args, code, says=(), stdin=None):
    """stderr must hold every text of `says`; stdout must be empty; no signal may end the process."""
    global cases
    cases += 1
    done = run(args, stdin)
    err = done.stderr.decode("utf-8", "replace")
    problems = []
    if done.returncode != code:
        problems.append(f"exit {done.returncode}, expected {code}")
    problems += [f"standard error does not say {text!r}" for text in says if text not in err]
    if done.stdout:
        problems.append(f"standard output holds {done.stdout[:80]!r}")
    if "Sanitizer" in err:
        problems.append("a sanitizer reported")
    if problems:
        failures.append(f"{name}: {'; '.join(problems)}\n{err}")


def write(folder, name, data):
    path = os.path.join(folder, name)
    with open(path, "wb") as f:
        f.write(data if isinstance(data, bytes) else data.encode())
    return path


def programs(d):
    case("missing file", ["nowhere.sgl"], 1, ["R0101", "nowhere.sgl"])
    case("no such verb", ["frobnicate"], 2, ["frobnicate"])
    case("unknown flag", ["run", "--frobnicate", "x.sgl"], 2, ["--frobnicate"])
    case("unknown model", ["-e", 'print(gen(max: 1))', "--model", "no-such-model"], 1, ["no-such-model"])
    case("syntax error", [write(d, "a.sgl", "let x = = 2\n")], 1, ["E0103", "a.sgl:1:9", "^"])
    case("check of a syntax error", ["check", os.path.join(d, "a.sgl")], 4, ["E0103"])
    case("not UTF-8", [write(d, "b.sgl", b'print("\xff")\n')], 1, ["E0001"])
    case("NUL byte", [write(d, "c.sgl", b"print(1)\x00\n")], 1, ["E0002"])
    case("unclosed string", [write(d, "d.sgl", 'user "hello\n')], 1, ["E0003"])
    case("nothing satisfies", [write(d, "e.sgl", 'let x: int(5..3) = gen()\nprint(x)\n')], 1, ["E0409"])
    case("bad regex", [write(d, "f.sgl", 'let x: /(a/ = gen()\nprint(x)\n')], 1, ["E0403"])
    case("missing argument", [write(d, "g.sgl", 'fn main(q: str) { print(q) }\n')], 1, ["R0104", "q"])
    case("program fails", [write(d, "h.sgl", 'fail("broken pipe dream")\n')], 1, ["R0301", "broken pipe dream"])
    case("index out of range", [write(d, "i.sgl", 'let xs = [1, 2]\nprint(xs[5])\n')], 1, ["R0201"])
    case("division by zero", [write(d, "j.sgl", 'let n = 0\nprint(1 / n)\n')], 1, ["R0204"])
    case("endless recursion", [write(d, "k.sgl", "fn f(n: int) -> int { f(n + 1) }\nprint(f(0))\n")], 1, ["R0706"])
    case("deep nesting", [write(d, "l.sgl", "print(" + "(" * 5000 + "1" + ")" * 5000 + ")\n")], 1, [])
    case("prompt over the context", [write(d, "m.sgl", 'user "${"word ".repeat(20000)}"\nprint(gen(max: 4))\n')],
         1, ["R0502"])
    case("schema that nobody satisfies",
         [write(d, "n.sgl", 'let x = gen<json(text: r"""{"type": "object", "required": ["a"], "properties": {"a": false}}""")>()\nprint(x)\n')],
         1, ["E0401"])
    case("max below the shortest value",
         [write(d, "q.sgl", 'let day: /\\d{4}-\\d{2}-\\d{2}/ = gen(max: 8)\nprint(day)\n')],
         1, ["E0421", "needs at least 10 tokens, but max is 8", "^ raise this to 10 or more",
             "shortest value: 0000-00-00 (10 tokens with"])
    case("schema keyword", [write(d, "o.sgl",
                                  'let x = gen<json(text: r"""{"type": "array", "uniqueItems": true, "items": {}}""")>()\nprint(x)\n')],
         1, ["E0408", "/uniqueItems"])
    case("budget", [write(d, "p.sgl", 'with budget(tokens: 5) { user "Count to ten thousand."\ngen(max: 200) }\n')],
         124, ["R0701"])


def garbage(d):
    rng = random.Random(5)
    for i in range(40):
        size = rng.randrange(1, 300)
        text = bytes(rng.choice(b'{}()[]"$|<>=.,:;\n abcxyz019_/\\@#\xc3\xff') for _ in range(size))
        path = write(d, "noise.sgl", text)
        done = run(["check", path])
        global cases
        cases += 1
        if done.returncode not in (0, 4):
            failures.append(f"noise {i}: exit {done.returncode} for {text!r}\n{done.stderr.decode('utf-8', 'replace')}")


def models(d):
    with open(MODEL, "rb") as f:
        head = f.read(4 << 20)
    program = write(d, "ok.sgl", 'user "Hi"\nprint(gen(max: 1))\n')
    for size in (0, 3, 4, 23, 24, 1000, 100000, len(head)):
        path = write(d, f"cut{size}.gguf", head[:size])
        case(f"model cut at {size}", ["--model", path, program], 1, [os.path.basename(path)])
    rng = random.Random(9)
    for i in range(12):
        bad = bytearray(head[:200000])
        for _ in range(8):
            bad[rng.randrange(4, 2000 if i % 2 else 60)] = rng.randrange(256)
        path = write(d, f"bad{i}.gguf", bytes(bad))
        case(f"model with flipped bytes {i}", ["--model", path, program], 1, [])
    case("model is a folder", ["--model", d, program], 1, [])


def interrupt(d):
    global cases
    cases += 1
    path = write(d, "long.sgl", 'print("begun")\nuser "Write a very long story."\n'
                 'print(gen(max: 4000, ignore_eos: true))\n')
    p = subprocess.Popen([SGLRUN, path], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    p.stdout.readline()
    time.sleep(0.5)
    p.send_signal(signal.SIGINT)
    try:
        p.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        p.kill()
        failures.append("interrupt: the process did not end")
        return
    if p.returncode != 130:
        failures.append(f"interrupt: exit {p.returncode}, expected 130")


if not os.path.exists(MODEL):
    print(f"skipped: {MODEL} is not here")
    sys.exit(77)
with tempfile.TemporaryDirectory() as folder:
    programs(folder)
    garbage(folder)
    models(folder)
    interrupt(folder)
for failure in failures:
    print("FAIL", failure)
print(f"{cases - len(failures)} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
