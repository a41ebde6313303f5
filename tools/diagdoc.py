#!/usr/bin/env python3
"""diagdoc.py CODES.H OUT.md [PAGE.md...] - the registry of diagnostics as one page for readers.

Rows become a table for each kind and area: the code with a link to its page, its sentence, and the
first sentence of the page.  With `--check` as the first argument nothing is written: the exit
status tells whether OUT is current."""
import os
import re
import sys

KINDS = [("E", "errors"), ("W", "warnings"), ("R", "run-time errors")]
AREAS = {
    "E00": "Characters", "E01": "Syntax", "E02": "Names", "E03": "Types", "E04": "Generation",
    "E05": "Contexts and branches", "E06": "Effects and externs", "E07": "Settings", "E08": "Tests",
    "W02": "Names", "W03": "Text and blocks", "W04": "Generation", "W05": "Branches",
    "W06": "Effects", "W07": "Bounds", "W08": "Tests",
    "R01": "Loading", "R02": "Values", "R03": "Raised by the program", "R04": "Generation",
    "R05": "Contexts and branches", "R06": "Tools and files", "R07": "Budgets, engine, limits",
    "R08": "Tests",
}


def cause(path):
    """The first sentence of a page, on one line."""
    with open(path, encoding="utf-8") as f:
        body = f.read().split("\n\n", 2)[1]
    return re.split(r"(?<=[^.])\.(?:\s|$)", " ".join(body.split()), maxsplit=1)[0] + "."


def cell(text):
    return text.replace("|", "\\|")


def page(header, pages):
    rows = re.findall(r'X\((\w+), "((?:[^"\\]|\\.)*)"\)', header)
    own = {os.path.splitext(os.path.basename(p))[0]: p for p in pages}
    out = ["# Diagnostics", "",
           "Generated from `src/frontend/diag_codes.h` and the pages of `codes/`; a code keeps its",
           "meaning. `sglrun explain CODE` prints a code's page: the cause, an example with what is",
           "printed, the fix.", ""]
    for letter, title in KINDS:
        area = None
        for code, sentence in rows:
            if code[0] != letter:
                continue
            if code[:3] != area:
                area = code[:3]
                out += [f"## {AREAS[area]} ({title})", "", "| code | meaning | cause |",
                        "|---|---|---|"]
            text = re.sub(r"\\(.)", r"\1", sentence)
            name = f"[{code}](codes/{code}.md)" if code in own else code
            why = cause(own[code]) if code in own else ""
            out.append(f"| {name} | {cell(text)} | {cell(why)} |")
            if [c for c, _ in rows if c[:3] == area][-1] == code:
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
