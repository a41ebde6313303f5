#!/usr/bin/env python3
"""What a model writes under a JSON Schema is valid for it, told by a validator that is not ours.

    test_constraints_model.py SGLRUN [--schemas DIR] [--seeds N] [--max TOKENS] [--verbose]

A file of DIR is {"schema": ...}.  Every schema is the type of a hole in a program; the model (the
default one) fills it at temperature 1, once a seed, and the raw text is judged.  A value that reaches
the token limit is closed, so it is judged like the others.  A schema that is refused is named and
counted; those that come with the project are all decoded."""
import argparse
import calendar
import json
import os
import re
import subprocess
import sys
import tempfile

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not there")
    sys.exit(77)

HERE = os.path.dirname(os.path.abspath(__file__))
PROGRAM = """
fn one(k: int) -> str {
    "A JSON document:\\n$[v: json("schema.json"), max: MAX, temp: 1, strict: false, seed: k]"
    "${meta(v).finish} ${here.text}"
}

fn main() -> [str] {
    fork k in SEEDS { one(k) }
}
"""
HEAD = "A JSON document:\n"


def is_date(v):
    m = re.fullmatch("([0-9]{4})-([0-9]{2})-([0-9]{2})", v, re.ASCII)
    y, mo, d = map(int, m.groups()) if m else (0, 0, 0)
    return 1 <= mo <= 12 and 1 <= d <= calendar.monthrange(y or 2000, mo)[1]


def is_time(v):
    m = re.fullmatch(r"([0-9]{2}):([0-9]{2}):([0-9]{2})(\.[0-9]+)?([zZ]|[+-]([0-9]{2}):([0-9]{2}))", v)
    h, mi, s, oh, om = (int(x or 0) for x in m.group(1, 2, 3, 6, 7)) if m else (99, 0, 0, 0, 0)
    return h <= 23 and mi <= 59 and s <= 60 and oh <= 23 and om <= 59


def format_checker():
    """The library's own checks where they are of this time, and those of times."""
    c = jsonschema.FormatChecker(formats=("email", "ipv4", "ipv6", "uuid", "regex"))
    own = {"date": is_date, "time": is_time,
           "date-time": lambda v: is_date(v[:10]) and v[10:11] in ("t", "T") and is_time(v[11:])}
    for name, f in own.items():
        c.checks(name)(lambda v, f=f: not isinstance(v, str) or f(v))
    return c


def validators(schema):
    """Of the draft it names; else of every draft that takes it for a schema."""
    known = [jsonschema.Draft202012Validator, jsonschema.Draft7Validator, jsonschema.Draft4Validator]
    if isinstance(schema, dict) and "$schema" in schema:
        known = [jsonschema.validators.validator_for(schema, known[0])]
    takes = []
    for v in known:
        try:
            v.check_schema(schema)
            takes.append(v(schema, format_checker=format_checker()))
        except jsonschema.SchemaError:
            pass
    return takes[:2]


def once(pairs):
    keys = [k for k, _ in pairs]
    if len(set(keys)) != len(keys):
        raise ValueError("a key stands twice")
    return dict(pairs)


def fault(checks, text):
    """Why the text is not valid, or None."""
    try:
        value = json.loads(text, object_pairs_hook=once)
    except ValueError as e:
        return "not JSON: %s" % e
    for check in checks:
        for error in check.iter_errors(value):
            return "%s: %s" % (type(check).__name__, error.message[:200])
    return None


def generate(sglrun, schema, seeds, most):
    with tempfile.TemporaryDirectory() as d:
        with open(os.path.join(d, "schema.json"), "w") as f:
            json.dump(schema, f)
        with open(os.path.join(d, "p.sgl"), "w") as f:
            f.write(PROGRAM.replace("SEEDS", str(seeds)).replace("MAX", str(most)))
        done = subprocess.run([sglrun, "run", "--json", "--quiet", "p.sgl"], cwd=d, text=True,
                              capture_output=True, timeout=300)
    if done.returncode == 0:
        return json.loads(done.stdout), ""
    if "R0103" in done.stderr:
        print("skipped: no model")
        sys.exit(77)
    if "error[R" in done.stderr:
        return [], done.stderr.strip()
    return None, done.stderr.split("\n")[0]


def main():
    a = argparse.ArgumentParser()
    a.add_argument("sglrun")
    a.add_argument("--schemas", default=os.path.join(HERE, "schemas"))
    a.add_argument("--seeds", type=int, default=3)
    a.add_argument("--max", type=int, default=160)
    a.add_argument("--verbose", action="store_true")
    o = a.parse_args()
    sglrun = os.path.abspath(o.sglrun)
    own = os.path.samefile(o.schemas, os.path.join(HERE, "schemas"))
    values = invalid = refused = failed = 0
    finishes = {}
    for name in sorted(os.listdir(o.schemas)):
        with open(os.path.join(o.schemas, name)) as f:
            schema = json.load(f)["schema"]
        checks = validators(schema)
        texts, error = generate(sglrun, schema, o.seeds, o.max)
        if texts is None:
            refused += 1
            print("%s: refused: %s" % (name, error))
            continue
        if error:
            failed += 1
            print("%s: the program failed: %s" % (name, error))
        if not checks:
            print("%s: the validator does not know this kind of schema" % name)
        for seed, text in enumerate(texts):
            finish, text = text.split(" ", 1)
            text = text[len(HEAD):]
            why = fault(checks, text)
            values += 1
            invalid += why is not None
            finishes[finish] = finishes.get(finish, 0) + 1
            if why or o.verbose:
                print("%s seed %d (%s): %s\n  %s" % (name, seed, finish, why or "valid", text))
    ends = ", ".join("%s %d" % i for i in sorted(finishes.items()))
    print("%d values (%s): %d valid, %d invalid; %d schemas refused, %d programs failed"
          % (values, ends, values - invalid, invalid, refused, failed))
    sys.exit(1 if invalid or failed or not values or (own and refused) else 0)


if __name__ == "__main__":
    main()
