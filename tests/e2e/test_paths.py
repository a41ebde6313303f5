#!/usr/bin/env python3
"""Draws follow the path in the source (LANGUAGE.md 19.2), and nothing else.

    test_paths.py SGLRUN PROGRAM [MODEL_FILE]

With one seed a program prints the same whatever passes are switched off, however it is laid out,
and whether calls run ahead or not; with another seed it prints something else.  The run with all
passes has more than one model call in flight, and the one without `parallel` of a program that
only defers calls has not."""
import os
import re
import subprocess
import sys
import tempfile

SGLRUN, PROGRAM = sys.argv[1], sys.argv[2]
CACHE = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
MODEL = sys.argv[3] if len(sys.argv) > 3 else os.path.join(CACHE, "sgl", "models",
                                                          "SmolLM2-135M-Instruct.Q4_1.gguf")
PASSES = ["all", "fold", "prefix", "lifetime", "parallel", "place"]
JUDGE = """
fn once(x: str, y: str) -> [str: float] {
    "Which is better, ${x} or ${y}?"
    score(["first", "second"])
}

fn main() {
    let fwd = once("tea", "milk")
    let rev = once("milk", "tea")
    print(fwd["first"] + rev["second"] > 0.0)
}
"""


def run(path, *args, seed="11"):
    done = subprocess.run([SGLRUN, "run", "--stats", "--seed", seed, *args, path], capture_output=True,
                          text=True, timeout=300)
    if done.returncode:
        sys.exit(f"{' '.join(args)} {path}: exit {done.returncode}\n{done.stderr}")
    return done.stdout, int(re.search(r"at most (\d+) at once", done.stderr).group(1))


def laid_out_otherwise(text):
    """More blank lines, deeper indentation, comments behind lines: the same program."""
    lines = []
    for i, line in enumerate(text.split("\n")):
        lines.append("   " + line + ("        // again" if line and not line.startswith("//") else ""))
        if i % 3 == 0:
            lines.append("")
    return "\n".join(lines)


def main():
    if not os.path.exists(MODEL):
        sys.exit(77)
    want, busy = run(PROGRAM)
    failures = []
    if busy < 2:
        failures.append(f"nothing overlaps: {busy} at once")
    for name in PASSES:
        got, _ = run(PROGRAM, f"--no-opt={name}")
        if got != want:
            failures.append(f"--no-opt={name} draws otherwise:\n{want}\n{got}")
    if run(PROGRAM, seed="12")[0] == want:
        failures.append("another seed draws the same")
    with tempfile.TemporaryDirectory() as d:
        path = os.path.join(d, "program.sgl")
        with open(PROGRAM) as f, open(path, "w") as out:
            out.write(laid_out_otherwise(f.read()))
        if run(path)[0] != want:
            failures.append("another layout draws otherwise")
        path = os.path.join(d, "judge.sgl")
        with open(path, "w") as out:
            out.write(JUDGE)
        if run(path)[1] != 2:
            failures.append("two scores of one judge do not run side by side")
        if run(path, "--no-opt=parallel")[1] != 1:
            failures.append("without the pass calls run ahead")
    for f in failures:
        print(f)
    print(f"{len(PASSES) + 5} comparisons, {len(failures)} failures")
    return bool(failures)


if __name__ == "__main__":
    sys.exit(main())
