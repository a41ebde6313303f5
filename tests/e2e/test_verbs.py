#!/usr/bin/env python3
"""The command line as a user meets it: flags, output streams and exit codes of every verb.

    test_verbs.py SGLRUN [LIBRARY]

Nothing here asks a model.  LIBRARY is tests/embed/library.c, built, for --load."""
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

SGLRUN = os.path.abspath(sys.argv[1])
LIBRARY = os.path.abspath(sys.argv[2]) if len(sys.argv) > 2 else None
VERBS = ["run", "check", "test", "eval", "show", "fmt", "explain", "repl", "match", "build", "serve", "models", "pull",
         "tokenize", "template", "version"]
failures = []
cases = 0


class Result:
    def __init__(self, done):
        self.code = done.returncode
        self.out = done.stdout.decode()
        self.err = done.stderr.decode()

    def lines(self):
        return self.out.splitlines()

    def objects(self):
        return [json.loads(line) for line in self.lines()]


def run(*args, stdin=""):
    env = {k: v for k, v in os.environ.items() if not k.startswith("SGL_")}
    return Result(subprocess.run([SGLRUN, *args], input=stdin.encode(), capture_output=True, timeout=60, env=env))


def check(name, ok, r=None):
    global cases
    cases += 1
    if not ok:
        failures.append(name)
        print("FAIL", name)
        if r:
            print(f"  exit {r.code}\n  out {r.out!r}\n  err {r.err!r}")


def write(name, text):
    with open(name, "w") as f:
        f.write(text)
    return name


def test_help():
    for verb in VERBS:
        r = run(verb, "--help")
        check(f"{verb} --help", r.code == 0 and f"sglrun {verb}" in r.out and not r.err, r)
    for verb in ["check", "test", "eval", "show", "fmt", "run"]:
        r = run(verb)
        check(f"{verb} alone", r.code == 2 and not r.out and verb in r.err, r)
        r = run(verb, "--frobnicate")
        check(f"{verb} with a bad flag", r.code == 2 and "--frobnicate" in r.err, r)
    r = run("version")
    check("version", r.code == 0 and r.out.startswith("sglrun "), r)


def test_run():
    write("main.sgl", 'struct Out { n: int\n    s: str }\n'
          'fn main(name: str, n: int = 2, loud: bool = false) -> Out {\n'
          '    print("hi ${name}")\n    Out(n: n, s: if loud { "L" } else { "q" })\n}\n')
    r = run("main.sgl", "--name", "Ann", "--n", "3", "--loud")
    check("run", r.code == 0 and r.out == 'hi Ann\n{"n": 3, "s": "L"}\n' and not r.err, r)
    r = run("main.sgl", "--name", "Ann", "--no-loud")
    check("run with --no-", r.code == 0 and '"q"' in r.out, r)
    write("text.txt", "from a file")
    r = run("main.sgl", "--name-file", "text.txt")
    check("run with a file", r.out.startswith("hi from a file\n"), r)
    r = run("main.sgl", "--name-file", "-", stdin="from input")
    check("run with standard input", r.out.startswith("hi from input\n"), r)
    r = run("main.sgl")
    check("run without its argument", r.code in (1, 2) and "R0104" in r.err and "--name" in r.err, r)
    r = run("main.sgl", "--name", "x", "--n", "many")
    check("run with a malformed argument", r.code == 2 and "R0104" in r.err, r)
    r = run("-e", "print(1 + 1)")
    check("run -e", r.code == 0 and r.out == "2\n", r)
    r = run("-", stdin="print(7)\n")
    check("run from standard input", r.code == 0 and r.out == "7\n", r)
    r = run("--json", "-e", 'fn main() -> str { "a" }')
    check("run --json", r.out == '"a"\n', r)
    r = run("--events", "-e", 'fn main() -> int { print("x"); 4 }')
    kinds = [e["event"] for e in r.objects()]
    check("run --events", r.code == 0 and kinds == ["print", "done"] and r.objects()[1]["value"] == 4, r)
    r = run("--limit", "depth=20", "-e", "fn f(n: int) -> int { f(n + 1) }\nprint(f(0))")
    check("run --limit", r.code == 1 and "R0706" in r.err, r)
    r = run("--limit", "nothing=1", "-e", "print(1)")
    check("run with an unknown limit", r.code == 2 and "nothing" in r.err, r)
    r = run("--set", "tmep=1", "-e", "print(1)")
    check("run with an unknown setting", r.code != 0 and "tmep" in r.err, r)
    r = run("--budget", "tokens=x", "-e", "print(1)")
    check("run with a bad budget", r.code == 2, r)
    r = run("--model", "http://127.0.0.1:1", "-e", "print(gen(max: 1))")
    check("run with a server", r.code == 1 and "R0103" in r.err and "server" in r.err, r)
    draws = [run("--seed", s, "-e", "let xs: [int] = 0..99\nprint(xs.shuffle())").out for s in ("1", "1", "2")]
    check("run --seed", draws[0] == draws[1] != draws[2] and draws[0] != "")
    r = run("--quiet", "-e", "fail(\"no\")")
    check("run fails", r.code == 1 and "R0301" in r.err and not r.out, r)
    r = run("--dry-run", "-e", 'user "Hi ${1 + 1}"\nprint(gen(max: 3))')
    check("run --dry-run", r.code == 0 and "--- user ---\nHi 2" in r.out and "$[gen: str]" in r.out, r)
    write("read.sgl", 'import std.io\nprint(io.read_text("text.txt"))\n')
    r = run("read.sgl")
    check("reading needs permission", r.code == 1 and "R0602" in r.err, r)
    r = run("--allow-read", ".", "read.sgl")
    check("--allow-read", r.code == 0 and r.out == "from a file\n", r)
    write("cmd.sgl", 'extern fn shout(s: str) -> str = cmd("echo", "${s}!")\nprint(shout("hey"))\n')
    r = run("cmd.sgl")
    check("a program needs permission", r.code == 1 and "R0602" in r.err, r)
    r = run("--allow-run", "echo", "cmd.sgl")
    check("--allow-run", r.code == 0 and r.out == "hey!\n", r)
    r = run("-e", 'let a = 1')
    check("run prints no warnings", r.code == 0 and not r.err, r)


def test_load():
    if not LIBRARY:
        return
    write("lib.sgl", 'struct City { name: str\n    people: int }\nextern fn city(name: str, n: int) -> City\n'
          'extern fn later() -> str\nextern fn refuse() -> str\n'
          'print(city("Ulm", 4))\nprint(later())\nprint(refuse() catch |e| "${e.kind}: ${e.message}")\n'
          'test "in tests" { assert(city("A", 1).people == 2) }\n')
    r = run("--load", LIBRARY, "lib.sgl")
    check("--load", r.code == 0 and r.out == '{"name": "Ulm", "people": 5}\nlater\nTool: not today\n', r)
    r = run("lib.sgl")
    check("an extern that nobody binds", r.code == 1 and "R0102" in r.err and "city" in r.err, r)
    r = run("test", "--load", LIBRARY, "lib.sgl")
    check("test --load", r.code == 0 and "1 passed" in r.out, r)
    r = run("--load", "./nowhere.so", "lib.sgl")
    check("--load of nothing", r.code == 1 and "nowhere.so" in r.err, r)


TESTS = '''fn rate(name: str) -> int(1..5) {
    user "Rate ${name}."
    gen()
}
test "passes" { with mock([4]) { assert(rate("a") == 4) } }
test "fails" { with mock([4]) { assert(rate("a") == 5, "the rate") } }
test "often" (runs: 20, pass: 0.2, seed: 5) {
    print("run")
    let n = [1, 2].shuffle()[0]
    assert(n == 1)
}
test "seldom" (runs: 4, pass: 1.0) { assert([1, 2, 3, 4, 5, 6].shuffle()[0] == 1) }
test "needs a model" { assert((rate("a") catch 1) == 1) }
'''


def test_tests():
    write("t.sgl", TESTS)
    r = run("test", "--no-model", "t.sgl")
    words = [line.split()[0] for line in r.lines() if line.split()[0] in ("passed", "failed", "skipped")]
    check("test", r.code == 3 and words == ["passed", "failed", "passed", "failed", "skipped"], r)
    check("test sums up", r.lines()[-1] == "2 passed, 2 failed, 1 skipped (no model)", r)
    check("test says why", "the rate: 4 == 5 is false" in r.err and "t.sgl:6" in r.err, r)
    check("test says how often", "R0803" in r.err and "seldom" in r.err, r)
    check("test counts runs", "of 20)" in r.out, r)
    same = [run("test", "--no-model", "--jobs", n, "t.sgl") for n in ("1", "3", "50")]
    check("test --jobs changes nothing", len({s.out for s in same}) == 1 and len({s.err for s in same}) == 1)
    r = run("test", "--no-model", "--filter", "ass", "t.sgl")
    check("test --filter", r.code == 0 and r.lines() == ["passed  passes", "1 passed, 0 failed, 0 skipped"], r)
    r = run("test", "--list", "t.sgl")
    check("test --list", r.code == 0 and r.lines() == ["passes", "fails", "often", "seldom", "needs a model"], r)
    r = run("test", "--list", "--json", "--filter", "fails", "t.sgl")
    check("test --list --json", r.objects() == [{"file": "t.sgl", "name": "fails", "line": 6}], r)
    r = run("test", "--no-model", "--runs", "3", "--filter", "passes", "t.sgl")
    check("test --runs", r.code == 0 and "passed  passes (3 of 3)" in r.out, r)
    r = run("test", "--no-model", "--json", "t.sgl")
    got = r.objects()
    check("test --json", r.code == 3 and [x["verdict"] for x in got[:-1]] == ["passed", "failed", "passed", "failed",
                                                                             "skipped"], r)
    check("test --json has the error", got[1]["error"]["kind"] == "Assert" and got[1]["error"]["code"] == "R0303"
          and got[3]["error"]["code"] == "R0803", r)
    check("test --json has the output", got[2]["output"].startswith("run\n") and got[2]["runs"] == 20, r)
    check("test --json sums up", got[-1] == {"passed": 2, "failed": 2, "skipped": 1}, r)
    r = run("test", "--no-model", "--junit", "report.xml", "t.sgl")
    suite = xml.etree.ElementTree.parse("report.xml").getroot().find("testsuite")
    check("test --junit", r.code == 3 and suite.attrib["tests"] == "5" and suite.attrib["failures"] == "2"
          and suite.attrib["skipped"] == "1" and suite.attrib["name"] == "t.sgl", r)
    one = suite.findall("testcase")[1]
    check("test --junit has the failure", "4 == 5" in one.find("failure").attrib["message"])
    r = run("test", "--no-model", "--junit", "no/such/report.xml", "t.sgl")
    check("test --junit to nowhere", r.code == 1 and "report.xml" in r.err, r)
    write("u.sgl", 'test "bytes" { print("\\u{1}<&>")\n    fail("<\\u{2}>") }\n')
    run("test", "--no-model", "--junit", "report.xml", "u.sgl", "t.sgl")
    check("junit escapes", len(xml.etree.ElementTree.parse("report.xml").getroot().findall("testsuite")) == 2)
    r = run("test", "--no-model", "u.sgl", "t.sgl", "--filter", "bytes")
    check("test of several files names them", "failed  u.sgl: bytes" in r.out, r)
    write("broken.sgl", "let = 1\n")
    r = run("test", "--no-model", "broken.sgl", "u.sgl")
    check("test of a broken file", r.code != 0 and "E0103" in r.err and "1 failed" in r.out, r)
    write("wait.sgl", 'extern fn wait() -> str = cmd("sleep", "20")\ntest "waits" { assert(wait() == "") }\n')
    p = subprocess.Popen([SGLRUN, "test", "--no-model", "--allow-run", "sleep", "wait.sgl"], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE)
    time.sleep(0.7)
    p.send_signal(signal.SIGINT)
    p.communicate(timeout=10)
    check("test is interrupted", p.returncode == 130)
    write("slow.sgl", 'test "slow" (timeout: 100ms) { var n = 0\n    while true { n += 1 } }\n')
    r = run("test", "--no-model", "slow.sgl")
    check("test timeout", r.code == 3 and ("R0702" in r.err or "R0706" in r.err), r)


EVALS = '''struct Row { q: str
    want: int }
const rows = [Row(q: "one", want: 1), Row(q: "two", want: 2), Row(q: "three", want: 3), Row(q: "four", want: 4)]
eval "bools" (threshold: 0.5) for r in rows {
    if r.want == 4 { fail("four is too many") }
    print(r.q)
    r.want < 3
}
eval "maps" (threshold: 0.6) for r in rows { ["long": float(r.q.len()) / 5.0, "known": 1.0] }
eval "floats" (threshold: 0.9) for r in rows { float(r.want) / 4.0 }
'''


def test_evals():
    write("e.sgl", EVALS)
    r = run("eval", "e.sgl")
    check("eval", r.code == 3, r)
    check("eval shows rows", "  0     1\n" in r.out and "  3     failed, Fail: four is too many\n" in r.out, r)
    check("eval shows means", "reached bools: mean 0.5000, 4 rows, threshold 0.5\n" in r.out
          and "long mean 0.7500, known mean 1.0000" in r.out and "missed  floats: mean 0.6250" in r.out, r)
    check("eval keeps the order of prints", r.out.startswith("one\ntwo\nthree\n"), r)
    check("eval is the same again", run("eval", "e.sgl").out == r.out)
    r = run("eval", "--filter", "maps", "--quiet", "e.sgl")
    check("eval --filter --quiet", r.code == 0 and len(r.lines()) == 1, r)
    r = run("eval", "--json", "e.sgl")
    got = r.objects()
    check("eval --json", [x["reached"] for x in got] == [True, True, False] and got[0]["rows"][0] is True
          and got[0]["rows"][3] == {"error": "Fail: four is too many"} and got[1]["mean"]["known"] == 1.0
          and got[2]["mean"]["score"] == 0.625, r)
    r = run("eval", "--list", "e.sgl")
    check("eval --list", r.lines() == ["bools", "maps", "floats"], r)
    write("bad.sgl", 'eval "texts" for x in [1] { "no" }\n')
    r = run("eval", "bad.sgl")
    check("eval of texts", r.code == 1 and "E0301" in r.err, r)
    write("whole.sgl", 'eval "no rows" for x in [1][3..5] { true }\n')
    r = run("eval", "whole.sgl")
    check("eval that fails as a whole", r.code == 3 and "R0201" in r.err, r)


PROMPT = '''struct City {
    /// Its name.
    name: str(1..20)
    next: City?
}
fn main(q: str, n: int = 3) -> City {
    system "Be terse."
    user "About ${q}.\\n"
    if n > 2 { user "Many." } else { user "Few." }
    assistant "So: $[word: /[a-z]+/]."
    gen()
}
'''


def test_show():
    write("p.sgl", PROMPT)
    r = run("show", "p.sgl")
    check("show", r.code == 0 and "--- system ---\nBe terse.\n--- user ---\nAbout ${q}.\n" in r.out
          and "[if n > 2]\n--- user ---\nMany.\n[else]" in r.out and "So: $[word: /[a-z]+/]." in r.out
          and "--- assistant ---\n$[gen: City]" in r.out, r)
    r = run("show", "--schema", "p.sgl")
    s = json.loads(r.out)
    check("show --schema", s["functions"]["main"]["parameters"]["required"] == ["q"]
          and s["functions"]["main"]["result"] == {"$ref": "#/$defs/City"}
          and s["$defs"]["City"]["properties"]["name"] == {"type": "string", "minLength": 1, "maxLength": 20,
                                                           "description": "Its name."}
          and [c["type"] for c in s["constraints"]] == ["/[a-z]+/", "City"], r)
    r = run("show", "--grammar", "p.sgl")
    check("show --grammar", r.code == 0 and "== word, p.sgl:10:" in r.out and '"name" v' in r.out, r)
    for view, text in (("--ir", "fn main"), ("--bytecode", "main"), ("--prefix", "Be terse.")):
        r = run("show", view, "p.sgl")
        check(f"show {view}", r.code == 0 and text in r.out, r)
    r = run("show", "--ir", "--schema", "p.sgl")
    check("show with two views", r.code == 2, r)
    r = run("show", "broken.sgl")
    check("show of a broken file", r.code == 1 and "E0103" in r.err, r)


def test_check():
    write("w.sgl", '''fn f() -> int {
    // sgl: allow W0201
    let a = 3
    let b = 4
    // sgl: allow W0202, W0201
    for i in 2 {
        let c = i
    }
    // no: "// sgl: allow W0201"
    let d = "// sgl: allow W0201"
    5
}
// sgl: allow W0801
test "x" { print(f()) }
''')
    r = run("check", "w.sgl")
    check("check", r.code == 0 and not r.out and r.err.count("warning[") == 2 and "`b`" in r.err and "`d`" in r.err, r)
    r = run("check", "--json", "w.sgl")
    got = r.objects()
    fields = {"severity", "code", "message", "file", "line", "col", "end_line", "end_col", "labels", "notes", "edits"}
    check("check --json", [x["code"] for x in got] == ["W0201", "W0201"] and fields <= set(got[0])
          and (got[0]["line"], got[0]["col"]) == (4, 9), r)
    for flags in (["--deny", "warnings"], ["--deny=warnings"]):
        r = run("check", *flags, "w.sgl")
        check(f"check {flags}", r.code == 4 and r.err.count("error[W0201]") == 2, r)
    r = run("check", "--deny", "everything", "w.sgl")
    check("check --deny of something else", r.code == 2, r)
    write("cost.sgl", 'fn main(n: int) {\n    for i in n { user "Say ${i}."; let _ = gen(max: 10) }\n'
          '    while n > 0 { print(gen(max: 10)) }\n}\n')
    r = run("check", "cost.sgl")
    check("check has no W0701", r.code == 0 and "W0701" not in r.err, r)
    r = run("check", "--cost", "cost.sgl")
    check("check --cost", r.code == 0 and "W0701" in r.err and "main(n)" in r.out, r)
    r = run("check", "--cost", "--json", "p.sgl")
    check("check --cost --json", r.objects()[-1]["file"] == "p.sgl" and "main(q, n)" in r.objects()[-1]["cost"], r)
    r = run("show", "--cost", "p.sgl")
    check("show --cost", r.code == 0 and "main(q, n)" in r.out and "tokens" in r.out, r)
    r = run("check", "broken.sgl", "w.sgl")
    check("check of several", r.code == 4 and "E0103" in r.err and "W0201" in r.err, r)
    r = run("check", "--no-opt", "everything", "w.sgl")
    check("check without an unknown pass", r.code != 0 and "everything" in r.err, r)
    r = run("check", "nowhere.sgl")
    check("check of nothing", r.code != 0 and "R0101" in r.err, r)


def test_fmt():
    write("ugly.sgl", "let  x=1 // one\n\n\n\nprint( x )\n")
    r = run("fmt", "--check", "ugly.sgl")
    check("fmt --check", r.code == 4 and r.out == "ugly.sgl\n" and open("ugly.sgl").read().startswith("let  x"), r)
    r = run("fmt", "ugly.sgl")
    nice = open("ugly.sgl").read()
    check("fmt", r.code == 0 and not r.out and nice.startswith("let x = 1  // one\n\n") and "\n\n\n" not in nice, r)
    r = run("fmt", "--check", "ugly.sgl")
    check("fmt is done", r.code == 0 and not r.out, r)
    r = run("fmt", "--stdin", stdin="let  y=2\n")
    check("fmt --stdin", r.code == 0 and r.out == "let y = 2\n", r)
    r = run("fmt", "--check", "--stdin", stdin="let  y=2\n")
    check("fmt --check --stdin", r.code == 4, r)
    r = run("fmt", "broken.sgl", "ugly.sgl")
    check("fmt of a broken file", r.code == 4 and "broken.sgl" in r.err, r)


def test_explain():
    r = run("explain")
    codes = [line.split()[0] for line in r.lines()]
    check("explain lists", r.code == 0 and len(codes) > 140 and codes == sorted(set(codes), key=codes.index), r)
    r = run("explain", "e0103")
    check("explain", r.code == 0 and r.out.startswith("E0103"), r)
    r = run("explain", "E9999")
    check("explain of no code", r.code != 0 and "E9999" in r.err, r)


with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    test_help()
    test_run()
    test_load()
    test_tests()
    test_evals()
    test_show()
    test_check()
    test_fmt()
    test_explain()
print(f"{cases - len(failures)} passed, {len(failures)} failed")
sys.exit(1 if failures else 0)
