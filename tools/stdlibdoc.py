#!/usr/bin/env python3
"""stdlibdoc.py OUT.md STDLIB_DIR - the modules of the standard library as one page for readers.

Each module has its head comment, then a row for each public name: how it is declared, and its doc
comment.  With `--check` as the first argument nothing is written: the exit status tells whether OUT
is current."""
import pathlib
import re
import sys

DECL = re.compile(r"^((?:extern )?(?:fn|part)|const|enum|struct) (\w+)([^\n]*)", re.M)
LEFT_OUT = {"prelude"}              # always in scope; language.md has its tables
HEAD = """# Standard library

Made from the comments in [stdlib/](../stdlib) by `tools/stdlibdoc.py`. `import std.vote` binds `vote`. What is always
in scope, and the methods of texts, numbers, lists and maps, are in [language.md](language.md#library). `any` stands
for values of any type, `T` for the type of a list's elements.
"""


def comment(text, at):
    """The `///` lines above, and what @gives says of the result; other annotations are left out."""
    lines = text[:at].rstrip("\n").split("\n")
    gives = ""
    while lines and lines[-1].startswith("@"):
        found = re.match(r'@gives\("(.*)"\)', lines.pop())
        gives = found.group(1).replace(":", ": ") if found else gives
    out = []
    while lines and lines[-1].startswith("///"):
        out.insert(0, lines.pop()[3:].strip())
    return re.sub(" +", " ", " ".join(out)), gives


def declared(kind, name, rest, gives):
    """`majority(xs: [any]) -> any`, `part rules(xs: [str])`, `const pi: float`."""
    kind = kind.replace("extern ", "")
    if kind in ("enum", "struct"):
        return f"{kind} {name}{rest}"
    rest = re.split(r" \{| = (?![^(]*\))", rest)[0]
    if gives:                       # the elements of the first list keep their type
        rest = re.sub(r"-> .*", f"-> {gives}", rest.replace("[any]", "[T]", 1))
    return (name if kind == "fn" else f"{kind} {name}") + rest


def module(path):
    text = path.read_text(encoding="utf-8")
    head = []
    for line in text.split("\n"):
        if not line.startswith("// "):
            break
        head.append(line[3:])
    out = [f"\n## std.{path.stem}\n", " ".join(head) + "\n", "| | |", "|---|---|"]
    for found in DECL.finditer(text):
        if not found.group(2).startswith("_"):
            said, gives = comment(text, found.start())
            shown = declared(*found.groups(), gives).replace("|", "\\|")
            out.append(f"| `{shown}` | {said} |")
    return "\n".join(out) + "\n"


def main():
    check = sys.argv[1] == "--check"
    out, folder = map(pathlib.Path, sys.argv[2 if check else 1:])
    files = [p for p in sorted(folder.glob("*.sgl")) if p.stem not in LEFT_OUT]
    page = HEAD + "".join(module(p) for p in files)
    if not check:
        out.write_text(page, encoding="utf-8")
        return 0
    if out.exists() and out.read_text(encoding="utf-8") == page:
        return 0
    print(f"{out} is not what tools/stdlibdoc.py makes; run it")
    return 1


sys.exit(main())
