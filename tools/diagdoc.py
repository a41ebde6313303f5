#!/usr/bin/env python3
"""diagdoc.py CODES.H OUT.md [PAGE.md...] - the registry of diagnostics as one page for readers.

Rows become a table for each kind and area; a code that has a page of its own links to it.  With
`--check` as the first argument nothing is written: the exit status tells whether OUT is current."""
import os
import re
import sys

KINDS = [("E", "Errors"), ("W", "Warnings"), ("R", "Run-time errors")]


def page(header, pages):
    rows = re.findall(r'X\((\w+), "((?:[^"\\]|\\.)*)"\)', header)
    own = {os.path.splitext(os.path.basename(p))[0] for p in pages}
    out = ["# Diagnostics", "", "Generated from `src/frontend/diag_codes.h`; a code keeps its meaning.",
           "`sglrun explain CODE` prints the same.", ""]
    for letter, title in KINDS:
        out += [f"## {title}", "", "| code | meaning |", "|---|---|"]
        for code, sentence in rows:
            if code[0] != letter:
                continue
            text = sentence.replace('\\"', '"').replace("\\\\", "\\").replace("|", "\\|")
            name = f"[{code}](codes/{code}.md)" if code in own else code
            out.append(f"| {name} | {text} |")
        out.append("")
    return "\n".join(out)


def main():
    args = sys.argv[1:]
    check = args[0] == "--check"
    header, out, pages = args[check], args[check + 1], args[check + 2:]
    with open(header, encoding="utf-8") as f:
        text = page(f.read(), pages)
    if check:
        with open(out, encoding="utf-8") as f:
            sys.exit(f.read() != text and f"{out} is not current: run tools/diagdoc.py")
    with open(out, "w", encoding="utf-8") as f:
        f.write(text)


main()
