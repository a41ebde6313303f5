#!/usr/bin/env python3
"""Verbs of the command line that show or ask the default model.

    test_verbs_model.py SGLRUN"""
import os
import subprocess
import sys
import tempfile

SGLRUN = os.path.abspath(sys.argv[1])
failures = []
cases = 0


def run(*args, stdin=""):
    done = subprocess.run([SGLRUN, *args], input=stdin.encode(), capture_output=True, timeout=300)
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def check(name, ok, what=""):
    global cases
    cases += 1
    if not ok:
        failures.append(name)
        print("FAIL", name, repr(what))


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


PROMPT = 'system "Be terse."\nuser { "One\\n"; "two " + "three" }\nassistant "Yes\\n"\nuser "$"\n'


def test_show():
    write("p.sgl", PROMPT.replace('"two " + "three"', '"two "; "three"'))
    rc, shown, err = run("show", "--model", "smollm2", "p.sgl")
    if "R0103" in err:
        print(err)
        sys.exit(77)
    _, said, _ = run("repl", stdin=":load p.sgl\n:prompt\n")
    body = shown.split("\n", 1)[1]
    check("show is what the model reads", rc == 0 and body.rstrip("\n") == said.rstrip("\n") and "<|im_start|>" in body,
          (body, said))
    _, tokens, _ = run("show", "--tokens", "--model", "smollm2", "p.sgl")
    count = int(tokens.rsplit("(", 1)[1].split()[0])
    _, said, _ = run("repl", stdin=":load p.sgl\n:tokens\n")
    check("its tokens are the ones of the context", count == int(said), (tokens, said))
    check("bars stand for borders", tokens.split("\n", 1)[1].rsplit("(", 1)[0].count("|") - 2 * body.count("|>")
          == count, tokens)
    rc, shown, _ = run("run", "--dry-run", "--model", "smollm2", "p.sgl")
    check("run --dry-run", rc == 0 and shown.split("\n", 1)[1] == body, shown)


TESTS = '''fn ask(q: str) -> str {
    user "${q}"
    gen(max: 6, temp: 1.0)
}
test "asks" { assert(ask("Hi").len() > 0) }
test "mocked" { with mock(["a"]) { assert(ask("Hi") == "a") } }
test "draws" (runs: 3) {
    print(ask("Tell me a word."))
    assert(true)
}
eval "lengths" (threshold: 0.5) for q in ["Hi", "Bye", "Well", "So"] {
    let answer = ask(q)
    print("${q}: ${answer}")
    answer.len() > 0
}
'''


def test_runs():
    write("t.sgl", TESTS)
    rc, one, err = run("test", "t.sgl")
    check("test asks the model", rc == 0 and "3 passed, 0 failed, 0 skipped" in one, (one, err))
    check("runs draw anew", len(set(one.split("passed  draws")[0].splitlines()[2:])) > 1, one)
    for jobs in ("2", "8"):
        rc, many, _ = run("test", "--jobs", jobs, "t.sgl")
        check(f"--jobs {jobs} gives the same", rc == 0 and many == one, (one, many))
    rc, one, err = run("eval", "t.sgl")
    check("eval asks the model", rc == 0 and "reached lengths: mean 1.0000, 4 rows" in one, (one, err))
    check("eval gives the same again", run("eval", "t.sgl")[1] == one)
    check("eval with another seed", run("eval", "--seed", "9", "t.sgl")[1] != one)
    write("short.sgl", 'fn main() {\n    let d: /\\d{4}-\\d{2}/ = gen(max: 3)\n    print(d)\n}\n')
    rc, _, err = run("check", "short.sgl")
    check("check needs no model", rc == 0, err)
    _, count, _ = run("show", "--cost", "--model", "smollm2", "t.sgl")
    _, bytes_, _ = run("show", "--cost", "t.sgl")
    check("costs count the model's tokens", "ask(q)" in count and count != bytes_, (count, bytes_))
    rc, _, err = run("check", "--model", "smollm2", "short.sgl")
    check("check for a model's tokens", rc == 4 and "E0421" in err, err)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    test_show()
    test_runs()
print(f"{cases - len(failures)} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
