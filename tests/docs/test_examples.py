#!/usr/bin/env python3
"""Every block marked `sgl` in README.md and docs/ passes `sglrun check`.

    test_examples.py SGLRUN SOURCE_DIR"""
import pathlib
import re
import subprocess
import sys
import tempfile

SGLRUN, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
BLOCK = re.compile(r"^```sgl\n(.*?)^```", re.M | re.S)

blocks = bad = 0
with tempfile.TemporaryDirectory() as folder:
    for page in [SOURCE / "README.md", *sorted((SOURCE / "docs").rglob("*.md"))]:
        for found in BLOCK.finditer(page.read_text()):
            blocks += 1
            line = page.read_text()[:found.start()].count("\n") + 1
            path = pathlib.Path(folder) / f"{page.stem}_{line}.sgl"
            path.write_text(found.group(1))
            done = subprocess.run([SGLRUN, "check", str(path)], capture_output=True, text=True)
            if done.returncode != 0:
                bad += 1
                print(f"{page.name}:{line}\n{done.stdout}{done.stderr}")
print(f"{blocks - bad} passed, {bad} failed")
sys.exit(1 if bad or not blocks else 0)
