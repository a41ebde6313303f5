#!/usr/bin/env python3
"""count.py TESTLOG.json... - adds up what Meson's test logs say, and exits 1 when something failed.

A program that prints `N passed, N failed` counts with its own numbers (the last such line), any
other as one.  A log that is missing or empty is a failure: no result is not a good result."""
import json
import re
import sys

COUNTS = re.compile(r"(\d+) passed, (\d+) failed")
GOOD = {"OK", "EXPECTEDFAIL"}


def read(path):
    try:
        with open(path, encoding="utf-8") as f:
            return [json.loads(line) for line in f if line.strip()]
    except OSError as e:
        print(f"{path}: {e.strerror}")
        return []


def main():
    passed = failed = skipped = 0
    for path in sys.argv[1:]:
        rows = read(path)
        if not rows:
            failed += 1
        for row in rows:
            if row["result"] == "SKIP":
                print(f"skipped: {row['name']}")
                skipped += 1
                continue
            own = COUNTS.findall(row.get("stdout") or "")
            good, bad = map(int, own[-1]) if own else (1, 0)
            if row["result"] in GOOD:
                passed += good
                failed += bad
                continue
            print(f"failed: {row['name']} ({row['result']})")
            passed += good if own else 0
            failed += max(bad, 1)
    print(f"{skipped} skipped")
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


sys.exit(main())
