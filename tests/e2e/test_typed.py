#!/usr/bin/env python3
"""Typed holes hold their types: runs typed.sgl with random seeds and checks every line.

    test_typed.py SGLRUN [RUNS]

The checks are written from the program's types alone, without the project's code."""
import json
import os
import random
import re
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
COLORS = {"red", "green", "dark blue"}


def is_int(text, lo, hi):
    return re.fullmatch(r"-?(0|[1-9]\d*)", text) is not None and text != "-0" and lo <= int(text) <= hi


def person(text):
    p = json.loads(text)
    return (list(p) == ["name", "age", "colors", "share", "ok", "code"]
            and isinstance(p["name"], str) and 1 <= len(p["name"]) <= 12
            and type(p["age"]) is int and 18 <= p["age"] <= 65
            and 1 <= len(p["colors"]) <= 3 and set(p["colors"]) <= COLORS
            and 0 <= p["share"] <= 1 and round(p["share"], 2) == p["share"]
            and type(p["ok"]) is bool
            and (p["code"] is None or re.fullmatch(r"[a-z]{2,5}-[0-9]{2}", p["code"]) is not None))


def pairs(text):
    rows = json.loads(text)
    return 2 <= len(rows) <= 3 and all(
        len(r) == 2 and type(r[0]) is int and 1 <= r[0] <= 9 and isinstance(r[1], str) and 1 <= len(r[1]) <= 6
        for r in rows)


def scores(text):
    rows = json.loads(text)
    return 1 <= len(rows) <= 3 and all(type(v) is int and 0 <= v <= 10 for v in rows.values())


def short(text):
    return 3 <= len(text) <= 9 and "\r" not in text


CHECKS = {
    "age": lambda t: is_int(t, 0, 120),
    "cold": lambda t: is_int(t, -40, -1),
    "height": lambda t: re.fullmatch(r"\d\.\d{1,2}", t) is not None and 0.5 <= float(t) <= 2.5,
    "phone": lambda t: re.fullmatch(r"\+[0-9]{2} [0-9]{3} [0-9]{4}", t) is not None,
    "color": lambda t: t in COLORS,
    "agreed": lambda t: t in ("true", "false"),
    "size": lambda t: t in ("S", "M", "XL"),
    "short": short,
    "person": person,
    "pairs": pairs,
    "scores": scores,
}


def main():
    sglrun, runs = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 20
    values = bad = 0
    for _ in range(runs):
        seed = random.randrange(1 << 31)
        done = subprocess.run([sglrun, "--seed", str(seed), os.path.join(HERE, "typed.sgl")],
                              capture_output=True, text=True, timeout=300)
        lines = done.stdout.split("\n")[:-1]      # other line breaks may stand inside texts
        names = [line.split(" ", 1)[0] for line in lines]
        if done.returncode != 0 or names != list(CHECKS):
            print(f"seed {seed}: exit {done.returncode}\n{done.stdout}{done.stderr}")
            bad += 1
            continue
        for line in lines:
            name, text = line.split(" ", 1)
            values += 1
            if not CHECKS[name](text):
                print(f"seed {seed}: {line}")
                bad += 1
    print(f"{runs} runs, {values} values, {bad} violations")
    print(f"{values - bad} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
