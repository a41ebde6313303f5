#!/usr/bin/env python3
"""tests/lang/README.md names every folder of tests/lang, and no other.

    test_areas.py SOURCE_DIR"""
import pathlib
import re
import sys

LANG = pathlib.Path(sys.argv[1]) / "tests/lang"
page = (LANG / "README.md").read_text()
first, second = page.split("## What is where")
folders = {p.name for p in LANG.iterdir() if p.is_dir() and list(p.glob("*.sgl"))}
rows = set(re.findall(r"^\| `(\w+)` \|", first, re.M))
cells = " ".join(re.findall(r"\|([^|]*)\|$", second, re.M))
named = {name.split("/")[0] for name in re.findall(r"`([\w/*.]+)`", cells)}
# What is named beside folders: places elsewhere, and files of a folder named before them.
known = folders | {"tests", "docs", "differ.c", "fmt", "core", "str_methods", "numbers", "list_*",
                   "map_methods", "draws", "print", "*_tests"}
bad = [f"no row for the folder {name}" for name in sorted(folders - rows - {"parts"})]
bad += [f"a row for {name}, which is no folder" for name in sorted(rows - folders)]
bad += [f"no section says what {name} has" for name in sorted(folders - named - {"parts"})]
bad += [f"a section names {name}, which is no folder" for name in sorted(named - known)]
print("\n".join(bad) or f"{len(folders)} folders")
sys.exit(1 if bad else 0)
