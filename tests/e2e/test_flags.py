#!/usr/bin/env python3
"""The parameters of `main` as flags of the command line: each kind of type, and what is refused.

    test_flags.py SGLRUN

Every case is a parameter, the arguments, and the result or the code of the error."""
import os
import subprocess
import sys
import tempfile

SGLRUN = os.path.abspath(sys.argv[1])
DECLS = """enum Color { red, dark = "dark red" }
struct P { x: int, name: str = "n" }
"""
# parameter, arguments, what is printed (without its newline) or the code of the error
CASES = [
    ("v: str", ["--v", "a b"], "a b"),
    ("v: str", ["--v", "5"], "5"),
    ("v: str", ["--v=x=y"], "x=y"),
    ("v: str", ["--v", ""], ""),
    ("v: str", ["--v", "--v"], "--v"),
    ("v: str", [], "R0104"),
    ("v: str = \"d\"", [], "d"),
    ("v: path", ["--v", "a/../b"], "a/../b"),
    ("v: int", ["--v", "-12"], "-12"),
    ("v: int", ["--v", "1.5"], "R0104"),
    ("v: int", ["--v", "x"], "R0104"),
    ("v: int(0..9)", ["--v", "9"], "9"),
    ("v: int(0..9)", ["--v", "10"], "R0104"),
    ("v: str(max: 3)", ["--v", "abcd"], "R0104"),
    ("v: float", ["--v", "2.5"], "2.5"),
    ("v: float", ["--v", "2"], "2.0"),
    ("v: bool", ["--v"], "true"),
    ("v: bool", ["--no-v"], "false"),
    ("v: bool", ["--v", "false"], "false"),
    ("v: bool", ["--v=true"], "true"),
    ("v: bool = true", [], "true"),
    ("v: Color", ["--v", "dark red"], "dark red"),
    ("v: Color", ["--v", "blue"], "R0104"),
    ("v: \"a\" | \"b\"", ["--v", "b"], "b"),
    ("v: \"a\" | \"b\"", ["--v", "c"], "R0104"),
    ("v: 1 | 2", ["--v", "2"], "2"),
    ("v: [int]", ["--v", "[1, 2]"], "[1, 2]"),
    ("v: [int]", ["--v", "[1, \"a\"]"], "R0104"),
    ("v: [int]", ["--v", "1, 2"], "R0104"),
    ("v: [str: int]", ["--v", '{"a": 1}'], '{"a": 1}'),
    ("v: (int, str)", ["--v", '[1, "a"]'], '[1, "a"]'),
    ("v: P", ["--v", '{"x": 1, "name": "q"}'], '{"x": 1, "name": "q"}'),
    ("v: P", ["--v", '{"x": "1"}'], "R0104"),
    ("v: json", ["--v", '{"a": [null]}'], '{"a": [null]}'),
    ("v: int?", ["--v", "3"], "3"),
    ("v: int? = null", [], ""),
    ("max_steps: int", ["--max-steps", "4"], "4"),
    ("a: int, v: int = 2", ["--a", "1"], "2"),
    ("a: int = 1, v: int = a", [], "E0201"),
    ("v: int", ["--v", "1", "--w", "2"], "--w"),
    ("v: int", ["--v", "1", "--v", "2"], "2"),
    ("seed: int", ["--seed", "7"], "7"),
]


def run(param, args):
    name = param.replace("a: int, ", "").replace("a: int = 1, ", "").split(":")[0]
    with open("p.sgl", "w") as f:
        kind = param.split(f"{name}: ", 1)[1].split(" = ")[0]
        f.write(f"{DECLS}fn main({param}) -> {kind} {{ {name} }}\n")
    return subprocess.run([SGLRUN, "p.sgl", *args], capture_output=True, text=True, timeout=60)


failed = 0
with tempfile.TemporaryDirectory() as folder:
    os.chdir(folder)
    for param, args, want in CASES:
        r = run(param, args)
        code = want[:1] in ("R", "E") and want[1:].isdigit()
        if code or want.startswith("--w"):
            good = r.returncode != 0 and want in r.stderr and not r.stdout
        else:
            good = r.returncode == 0 and r.stdout.rstrip("\n") == want
        if not good:
            failed += 1
            print(f"main({param}) {args}: wanted {want!r}")
            print(f"  exit {r.returncode} out {r.stdout!r}\n  err {r.stderr!r}")
print(f"{len(CASES) - failed} passed, {failed} failed")
sys.exit(failed != 0)
