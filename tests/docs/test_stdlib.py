#!/usr/bin/env python3
"""Every public name of the standard library has a doc comment, a test that uses it, and a place in
docs/language.md.

    test_stdlib.py SOURCE_DIR"""
import pathlib
import re
import sys

SOURCE = pathlib.Path(sys.argv[1])
DECL = re.compile(r"^(?:extern )?(?:fn|part|const|enum|struct) (\w+)", re.M)
# Built into every program; their tests are by member, in core.sgl, str_methods.sgl, ...
LEFT_OUT = {"prelude"}

tests = [path.read_text() for folder in ("library", "files")
         for path in (SOURCE / "tests/lang" / folder).glob("*.sgl")]
page = (SOURCE / "docs/language.md").read_text()
names = bad = 0


def say(what):
    global bad
    bad += 1
    print(what)


def documented(text, at):
    """The lines above, annotations left out, end in a doc comment."""
    lines = text[:at].rstrip("\n").split("\n")
    while lines and lines[-1].startswith("@"):
        lines.pop()
    return bool(lines) and lines[-1].startswith("///")


def used(module, name):
    """By `module.name`, or by the name that an import gave the module."""
    for text in tests:
        found = re.search(rf"import std\.{module}(?: as (\w+))?$", text, re.M)
        if found and re.search(rf"\b{found.group(1) or module}\.{name}\b", text):
            return True
    return False


for path in sorted((SOURCE / "stdlib").glob("*.sgl")):
    text, module = path.read_text(), path.stem
    row = next((line for line in page.split("\n") if line.startswith(f"| `std.{module}` ")), "")
    for found in DECL.finditer(text) if module not in LEFT_OUT else ():
        name = found.group(1)
        if name.startswith("_"):
            continue
        names += 1
        if not documented(text, found.start()):
            say(f"stdlib/{path.name}: {name} has no doc comment")
        if found.group(0).startswith(("enum", "struct")):
            continue
        if not used(module, name):
            say(f"{module}.{name} is in no test of tests/lang/library or files")
        if not re.search(rf"\b{name}\b", row):
            say(f"docs/language.md: std.{module} does not name {name}")
print(f"{names} names, {bad} complaints")
sys.exit(1 if bad or not names else 0)
