#!/usr/bin/env python3
"""docs/constraints.md: its commands print what the page says, its refusals are those of the tables.

    test_constraints.py SGLRUN SOURCE_DIR

In a `console` block a line that begins with `$` is a command, the lines behind it are what it prints.
A row of a table headed `regex`, `schema`, `grammar` or `tag` and `answer` is a constraint that is refused
in these words."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

SGLRUN = os.path.abspath(sys.argv[1])
TEXT = (pathlib.Path(sys.argv[2]) / "docs" / "constraints.md").read_text()
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
TABLE = re.compile(r"^\| (regex|schema|grammar|tag) \| answer \|\n\|[-|]+\|\n((?:\|.*\n)+)", re.M)
FLAG = {"schema": "--json-schema", "grammar": "--grammar", "tag": "--structural-tag"}


def console(block, folder):
    """(command, what it prints, what it should) of each command."""
    env = dict(os.environ, PATH=os.path.dirname(SGLRUN) + ":" + os.environ["PATH"])
    for part in re.split(r"^\$ ", block, flags=re.M)[1:]:
        command, _, want = part.partition("\n")
        got = subprocess.run(["bash", "-c", command], cwd=folder, env=env, text=True,
                             capture_output=True, timeout=60)
        yield command, got.stdout + got.stderr, want


def refusal(kind, text, folder):
    if kind == "regex":
        args = ["--regex", text]
    else:
        with open(os.path.join(folder, "refused"), "w") as f:
            f.write(text + "\n")
        args = [FLAG[kind], os.path.join(folder, "refused")]
    done = subprocess.run([SGLRUN, "match"] + args, text=True, capture_output=True, timeout=60,
                          stdin=subprocess.DEVNULL)
    return done.returncode, done.stderr.split("\n")[0].removeprefix("sglrun: ")


def main():
    n = bad = 0
    with tempfile.TemporaryDirectory() as folder:
        for info, body in BLOCK.findall(TEXT):
            words = info.split()
            if len(words) == 2:
                (pathlib.Path(folder) / words[1]).write_text(body)
        for info, body in BLOCK.findall(TEXT):
            for command, got, want in console(body, folder) if info == "console" else ():
                n += 1
                if got != want:
                    bad += 1
                    print("$ %s\n%s-- the page says:\n%s" % (command, got, want))
        for kind, rows in TABLE.findall(TEXT):
            for text, want in re.findall(r"^\| `(.*)` \| (.*) \|$", rows.replace("\\|", "|"), re.M):
                n += 1
                rc, said = refusal(kind, text, folder)
                if rc != 4 or not said.startswith(want):
                    bad += 1
                    print("%s %s: exit %d, %s\n-- the page says: %s" % (kind, text, rc, said, want))
    print("%d commands and refusals of the page, %d are not as it says" % (n, bad))
    sys.exit(1 if bad or n < 40 else 0)


main()
