#!/usr/bin/env python3
"""Every example runs on the real model and gives a result of its type; tests that ask the model
pass as well.

    test_examples.py SGLRUN EXAMPLES_DIR"""
import json
import os
import subprocess
import sys
import tempfile

SGLRUN, DIR = sys.argv[1], sys.argv[2]
DATA = os.path.join(DIR, "data")
LABELS = ("billing", "bug", "feature request", "other")
QUESTION = "Ann has 3 bags of 4 apples and eats 2. How many are left?"


def some_text(text):
    return len(text.strip()) > 0


def advice(text):
    a = json.loads(text)
    return (set(a) == {"tips", "paragraphs", "theme", "notes"} and
            len(a["tips"]) == len(a["paragraphs"]) == 3 and type(a["notes"]) is str)


def picks(text):
    p = json.loads(text)
    return (abs(sum(p["table"].values()) - 1) < 1e-6 and len(p["table"]) == 4 and
            all(p[k] in p["table"] for k in ("joint", "mean", "greedy", "pmi", "drawn")))


def hero(text):
    h = json.loads(text)
    return 12 <= h["age"] <= 120 and type(h["alive"]) is bool and 3 <= h["staff"]["feet"] <= 9


def sheet(text):
    h = json.loads(text[text.index("{"):text.rindex("}") + 1])
    return h["temper"] in ("calm", "fiery", "cold") and 12 <= h["age"] <= 120


def receipt(text):
    r = json.loads(text)
    return set(r) in ({"store", "date", "currency", "items", "total"}, {"why"})


def sections(text):
    return 3 <= sum(line.startswith("## ") for line in text.splitlines()) <= 7


def labels(folder):
    with open(os.path.join(folder, "labels.jsonl")) as f:
        rows = [json.loads(line) for line in f]
    return [row["id"] for row in rows] == [1, 2, 3, 4] and all(r["label"] in LABELS for r in rows)


# arguments, standard input, check of standard output; {tmp} is a folder to write to
CASES = {
    "batch": (["--input", f"{DATA}/tickets.jsonl", "--output", "{tmp}/labels.jsonl",
               "--allow-read", DATA, "--allow-write", "{tmp}"], "", lambda t: t == ""),
    "chat": (["--persona", "a pirate"], "Hello!\nWho are you?\n/quit\n", some_text),
    "errors_tour": (["--question", "2 + 2"], "", lambda t: "even:" in t and "no file" in t),
    "extract": (["--input", f"{DATA}/receipt.txt", "--allow-read", DATA], "", receipt),
    "few_shot_qa": (["--question", "Who painted the Mona Lisa?"], "", some_text),
    "hello": ([], "", some_text),
    "judge": (["--task", "Name a prime.", "--a", "Seven.", "--b", "Nine."], "",
              lambda t: t.strip() in ("A", "B", "tie")),
    "parallel_tips": (["--topic", "sleeping well"], "", advice),
    "react": (["--question", "What is 12 * 12?"], "", some_text),
    "regex_fields": (["--name", "Mira Thorn", "--style", "struct"], "", hero),
    "regex_fields --style template": (["--name", "Mira Thorn", "--style", "template"], "", sheet),
    "regex_fields --style regex": (["--name", "Mira Thorn", "--style", "regex"], "",
                                   lambda t: t.startswith('{ "name": "') and t.strip().endswith(" }")),
    "select_methods": ([], "", picks),
    "self_consistency": (["--problem", QUESTION, "--n", "3"], "",
                         lambda t: t.strip().lstrip("-").isdigit()),
    "skeleton": (["--topic", "tides"], "", sections),
    "tree_of_thought": (["--problem", "Use 4, 6, 8 and 8 to make 24.", "--depth", "1", "--width", "2"],
                        "", some_text),
}
# Programs that only have tests.
NOT_RUN = {"tests_only"}


def run_case(name, folder):
    args, stdin, check = CASES[name]
    path = os.path.join(DIR, name.split()[0] + ".sgl")
    args = [a.replace("{tmp}", folder) for a in args]
    done = subprocess.run([SGLRUN, "run", "--seed", "7", path, *args], input=stdin,
                          capture_output=True, text=True, timeout=300)
    try:
        good = done.returncode == 0 and check(done.stdout)
        good = good and (name != "batch" or labels(folder))
    except (ValueError, KeyError, OSError):
        good = False
    if not good:
        print(f"{name}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return good


def run_tests(path):
    """Its test blocks with the model at hand; exit 3 would name the one that failed."""
    done = subprocess.run([SGLRUN, "test", path], capture_output=True, text=True, timeout=600)
    if done.returncode != 0:
        print(f"test {path}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.returncode == 0


def main():
    found = {f[:-4] for f in os.listdir(DIR) if f.endswith(".sgl")}
    strange = sorted(found ^ ({name.split()[0] for name in CASES} | NOT_RUN))
    for name in strange:
        print(f"{name}: an example without a case here, or a case without its example")
    bad = len(strange)
    with tempfile.TemporaryDirectory() as folder:
        bad += sum(not run_case(name, folder) for name in CASES)
    bad += sum(not run_tests(os.path.join(DIR, name + ".sgl")) for name in sorted(found))
    print(f"{len(CASES)} programs and the tests of {len(found)} files, {bad} failed")
    return 1 if bad else 0


sys.exit(main())
