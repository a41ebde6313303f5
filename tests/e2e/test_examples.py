#!/usr/bin/env python3
"""Every example runs on the real model and gives a result of its type.

    test_examples.py SGLRUN EXAMPLES_DIR"""
import json
import os
import subprocess
import sys

SGLRUN, DIR = sys.argv[1], sys.argv[2]


def advice(text):
    a = json.loads(text)
    return set(a) == {"tips", "paragraphs", "theme"} and len(a["tips"]) == len(a["paragraphs"]) > 0


def picks(text):
    p = json.loads(text)
    return abs(sum(p["table"].values()) - 1) < 1e-6 and all(p[k] in p["table"] for k in ("joint", "mean", "greedy"))


def hero(text):
    h = json.loads(text)
    return 12 <= h["age"] <= 120 and type(h["alive"]) is bool


# arguments, standard input, check of standard output
CASES = {
    "hello": ([], "", lambda t: "Paris" in t),
    "few_shot": (["--question", "Who painted the Mona Lisa?"], "", lambda t: len(t.strip()) > 0),
    "regex_fields": (["--name", "Mira Thorn", "--style", "struct"], "", hero),
    "parallel_tips": (["--topic", "sleeping well"], "", advice),
    "judge": (["--task", "Name a prime.", "--a", "Seven.", "--b", "Nine."], "", lambda t: t.strip() in "A B tie".split()),
    "self_consistency": (["--n", "3"], "", lambda t: t.strip().lstrip("-").isdigit()),
    "tree_of_thought": (["--depth", "1", "--width", "2"], "", lambda t: len(t.strip()) > 0),
    "chat": ([], "Hello!\n/quit\n", lambda t: len(t.strip()) > 0),
    "select_methods": ([], "", picks),
    "errors_tour": (["--question", "2 + 2"], "", lambda t: "even:" in t),
    "react": (["--question", "What is 12 * 12?"], "", lambda t: len(t.strip()) > 0),
}


def main():
    bad = 0
    found = {f[:-4] for f in os.listdir(DIR) if f.endswith(".sgl")}
    for name in sorted(found ^ set(CASES)):
        print(f"{name}: an example without a case here, or a case without its example")
        bad += 1
    for name, (args, stdin, check) in CASES.items():
        done = subprocess.run([SGLRUN, "run", "--seed", "7", os.path.join(DIR, name + ".sgl"), *args],
                              input=stdin, capture_output=True, text=True, timeout=300)
        try:
            good = done.returncode == 0 and check(done.stdout)
        except (ValueError, KeyError):
            good = False
        if not good:
            bad += 1
            print(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    print(f"{len(CASES) - bad} passed, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
