#!/usr/bin/env python3
"""Programs in README.md and docs/ hold what they promise.

    test_examples.py SGLRUN LANG_RUN SOURCE_DIR

Every block marked `sgl` passes `sglrun check`, but for one that expects an error.  Those of
docs/language.md are run as well, over the scripted engine: what they print is what their
`// expect:` comments say, and their tests pass.  A block with a file's name behind its language, as
in `jsonl shots.jsonl`, is that file, beside every program of its page."""
import pathlib
import re
import subprocess
import sys
import tempfile

SGLRUN, LANG_RUN, SOURCE = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```", re.M | re.S)
RUN = {"language.md", "constraints.md"}
LEFT_OUT = {"codes"}                    # pages of codes show what is wrong; test_codes.py has them


def pages():
    yield SOURCE / "README.md"
    for page in sorted((SOURCE / "docs").rglob("*.md")):
        if page.parent.name not in LEFT_OUT:
            yield page


def fails(command):
    done = subprocess.run(command, capture_output=True, text=True)
    return done.stdout + done.stderr if done.returncode != 0 else ""


def main():
    n_block = n_run = bad = 0
    for page in pages():
        text = page.read_text()
        with tempfile.TemporaryDirectory() as folder:
            programs = []
            for found in BLOCK.finditer(text):
                info = found.group(1).split()
                line = text[:found.start()].count("\n") + 1
                if len(info) == 2:
                    (pathlib.Path(folder) / info[1]).write_text(found.group(2))
                if info == ["sgl"]:
                    path = pathlib.Path(folder) / f"{page.stem}_{line}.sgl"
                    path.write_text(found.group(2))
                    programs.append((line, path))
            for line, path in programs:
                n_block += 1
                wrong = "// expect diagnostic: E" in path.read_text()
                said = "" if wrong else fails([SGLRUN, "check", str(path)])
                if not said and page.name in RUN:
                    n_run += 1
                    said = fails([LANG_RUN, str(path)])
                if said:
                    bad += 1
                    print(f"{page.name}:{line}\n{said}")
    print(f"{n_block} programs checked, {n_run} of them run, {bad} failed")
    return 1 if bad or not n_run else 0


sys.exit(main())
