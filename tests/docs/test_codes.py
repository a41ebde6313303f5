#!/usr/bin/env python3
"""Every diagnostic code has a page in docs/codes, and the page tells what is printed.

    test_codes.py LANG_RUN SOURCE_DIR [--update] [CODE...]

A page is `# CODE title`, the cause, one or more examples, and the fix.

- An example is a block marked `sgl` with a block marked `text` directly behind it: exactly what is
  printed of the program, whose file is called example.sgl.  Of errors it shows only its own code.
- A block marked `sgl` without one is a fix: it compiles, and prints nothing with the code.
- A block marked `sgl escaped` has `\\xHH` for a byte that this page cannot hold.
- Any other block with a file's name behind its language, as in `json city.json`, is that file,
  beside every program of the page.

With --update the text blocks are written anew; read the difference before it is kept."""
import os
import pathlib
import re
import subprocess
import sys
import tempfile

# A code without a page, and why there can be none yet.
WITHOUT_PAGE = {
}
# A page without an example that runs here, and why; its blocks are not run.
NOT_RUN = {
    "E0421": "needs a tokenizer",
    "R0101": "no program",
    "R0103": "the scripted engine has no tokenizer to miss",
    "R0105": "needs two models",
    "R0402": "needs a vocabulary without some byte",
    "R0502": "the scripted engine has no window",
    "R0503": "seen in events only",
    "R0704": "needs a template",
    "R0705": "an engine that breaks",
    "R0803": "said by the runner of tests",
}

BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```\n", re.M | re.S)
HEADER = re.compile(r"X\((\w+), \"((?:[^\"\\]|\\.)*)\"\)")
SHOWN = re.compile(r"(?:error|warning|note)\[(\w+)\]|^sglrun: (\w\d{4}):", re.M)


class Page:
    def __init__(self, path):
        self.path, self.code = path, path.stem
        self.text = path.read_text()
        self.blocks = [(m.group(1).strip(), m.group(2), m) for m in BLOCK.finditer(self.text)]
        self.bad = []

    def say(self, at, what):
        line = self.text[:at].count("\n") + 1
        self.bad.append(f"docs/codes/{self.path.name}:{line}: {what}")

    def files(self):
        for info, body, _ in self.blocks:
            words = info.split()
            if len(words) == 2 and words != ["sgl", "escaped"]:
                yield words[1], body

    def programs(self):
        """(block, its bytes, the text block behind it or None)"""
        for i, (info, body, m) in enumerate(self.blocks):
            if info not in ("sgl", "sgl escaped"):
                continue
            data = body.encode()
            if info == "sgl escaped":
                data = re.sub(rb"\\x([0-9A-F]{2})", lambda x: bytes([int(x.group(1), 16)]), data)
            behind = self.blocks[i + 1] if i + 1 < len(self.blocks) else None
            near = behind and behind[0] == "text"
            near = near and not self.text[m.end():behind[2].start()].strip()
            yield m, data, behind[2] if near else None


def render(lang_run, page, data):
    with tempfile.TemporaryDirectory() as folder:
        for name, body in page.files():
            (pathlib.Path(folder) / name).write_text(body)
        (pathlib.Path(folder) / "example.sgl").write_bytes(data)
        done = subprocess.run([lang_run, "--render", "example.sgl"], cwd=folder,
                              capture_output=True, timeout=60)
    if done.returncode:
        return f"lang_run ends with {done.returncode}: {done.stderr.decode(errors='replace')}"
    return done.stdout.decode(errors="replace").rstrip("\n") + "\n"


def check_form(page, sentence):
    title = re.match(r"# (\w+) (.+)\n\n(?=\S)(?!```)", page.text)
    if not title or title.group(1) != page.code:
        page.say(0, f"the page begins with `# {page.code} title`, an empty line and the cause")
    elif title.group(2) != sentence:
        page.say(0, f"the title is the sentence of diag_codes.h: {sentence}")
    if page.code in NOT_RUN:
        return
    kinds = [t is not None for _, _, t in page.programs()]
    if not any(kinds):
        page.say(0, "no example: a block `sgl` with a block `text` directly behind it")
    if all(kinds):
        page.say(0, "no fix: a block `sgl` without a block `text` behind it")


def check_example(page, m, want, got):
    shown = [a or b for a, b in SHOWN.findall(got)]
    if page.code not in shown:
        page.say(m.start(), f"does not give {page.code}:\n{got}")
    elif any(c != page.code and c[0] != "W" for c in shown):
        page.say(m.start(), f"gives further errors:\n{got}")
    elif got != want:
        page.say(m.start(), f"other text than the page has:\n{got}")


def check_page(lang_run, page, sentence, update):
    check_form(page, sentence)
    new, cut = "", 0
    for m, data, text in page.programs() if page.code not in NOT_RUN else ():
        got = render(lang_run, page, data)
        if text is None:
            shown = [a or b for a, b in SHOWN.findall(got)]
            if page.code in shown or any(c[0] == "E" for c in shown) or "ends with" in got:
                page.say(m.start(), f"the fix does not hold:\n{got}")
            continue
        check_example(page, m, got if update else text.group(2), got)
        new += page.text[cut:text.start(2)] + got
        cut = text.end(2)
    if update and cut:
        page.path.write_text(new + page.text[cut:])
    return page.bad


def main():
    args = [a for a in sys.argv[1:] if a != "--update"]
    lang_run, source = os.path.abspath(args[0]), pathlib.Path(args[1])
    update = "--update" in sys.argv
    rows = HEADER.findall((source / "src/frontend/diag_codes.h").read_text())
    sentence = {code: re.sub(r"\\(.)", r"\1", text) for code, text in rows}
    folder = source / "docs/codes"
    bad, n = [], 0
    for code in args[2:] or sentence:
        path = folder / f"{code}.md"
        if not path.exists():
            if code not in WITHOUT_PAGE:
                bad.append(f"docs/codes/{code}.md: there is no page of this code")
            continue
        n += 1
        bad += check_page(lang_run, Page(path), sentence[code], update)
    for path in sorted(folder.glob("*.md")):
        if path.stem not in sentence or path.stem in WITHOUT_PAGE:
            bad.append(f"docs/codes/{path.name}: no such code, or one listed as without a page")
    print("\n".join(bad))
    print(f"{n} pages, {len(bad)} complaints")
    sys.exit(1 if bad else 0)


main()
