#!/usr/bin/env python3
"""check_includes.py SOURCE_DIR - compares every #include below src/ with tests/tree/may_use.txt.

The longest folder of the table that holds a file is the file's folder, so compiler/pattern has a
row of its own beside compiler."""
import pathlib
import re
import sys

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]', re.M)
GENERATED = {"config.h", "code_points.h"}
# Token numbers made by Lemon: each has one door.
GRAMMAR = {"grammar/sgl.h": "frontend/token.h", "grammar/jinja.h": "runtime/chat/jinja.h"}


def read_table(path):
    folders, libraries = {}, {}
    for line in path.read_text().splitlines():
        line = line.split("#", 1)[0].strip()
        if not line:
            continue
        name, _, rest = line.partition(":")
        target = libraries if name.startswith("<") else folders
        target[name.strip("<>")] = rest.split()
    return folders, libraries


def folder_of(name, folders):
    parts = name.split("/")[:-1]
    while parts:
        if "/".join(parts) in folders:
            return "/".join(parts)
        parts.pop()
    return None


def covers(rows, name):
    return any(name == row or name.startswith(row + "/") for row in rows)


def quoted_fits(name, folder, header, folders):
    if header in GENERATED:
        return True
    if header in GRAMMAR:
        return GRAMMAR[header] == name
    if "/" not in header:
        return False
    home = folder_of(header, folders)
    if home in (folder, "base"):
        return True
    # A folder that is allowed does not open the rows below it that stand for themselves.
    return header in folders[folder] or home in folders[folder]


def main():
    source = pathlib.Path(sys.argv[1])
    folders, libraries = read_table(source / "tests/tree/may_use.txt")
    good = bad = 0
    for path in sorted((source / "src").rglob("*")):
        if path.suffix not in {".c", ".h", ".cu", ".cuh"}:
            continue
        name = path.relative_to(source / "src").as_posix()
        folder = folder_of(name, folders)
        if folder is None:
            print(f"src/{name}: its folder is not in may_use.txt")
            bad += 1
            continue
        for mark, header in INCLUDE.findall(path.read_text()):
            if mark == '"':
                fits = quoted_fits(name, folder, header, folders)
            elif header.startswith("sgl/"):
                fits = "sgl" in folders[folder]
            elif header in libraries:
                fits = covers(libraries[header], name)
            else:
                fits = True
            good += fits
            bad += not fits
            if not fits:
                print(f"src/{name} may not include {header}")
    print(f"includes: {good} passed, {bad} failed")
    return 1 if bad or not good else 0


sys.exit(main())
