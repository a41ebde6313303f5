#!/usr/bin/env python3
"""Makes the chat template goldens with the reference (PyPI: jinja2, set up as transformers does it).

    make_chat.py OUT.json            writes every case with what the reference made of it
    make_chat.py --compare COMMAND   feeds the cases to a program, a JSON object {"t","v"} a line, and
                                     compares its JSON answers

A case that the reference refuses must be refused.
"""
import copy
import datetime
import json
import subprocess
import sys

import jinja2
import jinja2.ext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from cases import EXPRESSIONS, STATEMENTS, VARS
from templates import CONVERSATIONS, TEMPLATES

NOW = 1721995200


class Generation(jinja2.ext.Extension):
    tags = {"generation"}

    def parse(self, parser):
        line = next(parser.stream).lineno
        body = parser.parse_statements(["name:endgeneration"], drop_needle=True)
        call = self.call_method("_generation")
        return jinja2.nodes.CallBlock(call, [], [], body).set_lineno(line)

    def _generation(self, caller):
        return caller()


def environment():
    def raise_exception(message):
        raise jinja2.exceptions.TemplateError(message)

    def tojson(x, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
        return json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators,
                          sort_keys=sort_keys)

    def strftime_now(fmt):
        return datetime.datetime.fromtimestamp(NOW, datetime.timezone.utc).strftime(fmt)

    env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                        extensions=[Generation, jinja2.ext.loopcontrols])
    env.filters["tojson"] = tojson
    env.globals["raise_exception"] = raise_exception
    env.globals["strftime_now"] = strftime_now
    return env


def all_cases():
    for text in EXPRESSIONS:
        yield "{{ " + text + " }}", VARS
    for text in STATEMENTS:
        yield text, VARS
    for template in TEMPLATES.values():
        for conversation in CONVERSATIONS:
            yield template, conversation


def render(env, template, variables):
    values = {"bos_token": "", "eos_token": "", "tools": None, "documents": None,
              "add_generation_prompt": False, "messages": [], "now": NOW}
    values.update(copy.deepcopy(variables))
    try:
        return env.from_string(template).render(**values)
    except Exception as e:                              # any refusal of the reference
        return {"error": "%s: %s" % (type(e).__name__, e)}


def compare(command, cases):
    lines = "".join(json.dumps({"t": t, "v": dict(v, now=NOW)}) + "\n" for t, v in cases)
    out = subprocess.run(command.split(), input=lines.encode(), stdout=subprocess.PIPE, check=True)
    answers = [json.loads(x) for x in out.stdout.decode().split("\n")[:-1]]
    assert len(answers) == len(cases)
    env = environment()
    bad = 0
    for (template, variables), answer in zip(cases, answers):
        want = render(env, template, variables)
        if (isinstance(want, dict) and isinstance(answer, dict)) or want == answer:
            continue
        bad += 1
        print("template %s\n  want %s\n  have %s" % (json.dumps(template)[:300], json.dumps(want),
                                                    json.dumps(answer)))
    print("%d cases, %d differ" % (len(cases), bad))
    return bad


def main():
    cases = list(all_cases())
    if sys.argv[1] == "--compare":
        sys.exit(1 if compare(sys.argv[2], cases) else 0)
    env = environment()
    with open(sys.argv[1], "w") as f:
        f.write('{"now": %d, "vars": %s, "small": [\n' % (NOW, json.dumps(VARS)))
        small = [(t, v) for t, v in cases if v is VARS]
        f.write(",\n".join(json.dumps([t, render(env, t, v)]) for t, v in small))
        f.write('\n], "conversations": %s, "templates": {\n' % json.dumps(CONVERSATIONS))
        f.write(",\n".join(
            "%s: %s" % (json.dumps(name), json.dumps(
                {"text": t, "out": [render(env, t, c) for c in CONVERSATIONS]}))
            for name, t in TEMPLATES.items()))
        f.write("\n}}\n")


if __name__ == "__main__":
    main()
