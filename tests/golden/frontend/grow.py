#!/usr/bin/env python3
"""Grows programs from the grammar: valid, varied, and badly laid out, the same ones for a seed.

    grow.py DIR N [SEED]        writes DIR/grown_0.sgl ...

A program is first a list of tokens, made by one function for each rule of the grammar, then a text,
in one of two ways.  `program` puts between two tokens any white space that does not change what they
mean, line breaks wherever a statement cannot end, and comments at line ends.  `neat` writes the
tokens in the one style that the formatter knows, so that it has nothing to change.  Names mean
nothing here; what is grown parses, and that is all that a formatter may count on."""
import pathlib
import random
import sys

DEEP = 4                                # no forms within forms beyond this depth

NAMES = "a b c2 xs row total _t name_1 Item Money answer ctx k".split()
HARD = "and break if in match not null or return try while with fork join".split()
SOFT = "system user part struct test emit extern infer weigh type".split()
TYPES = "str int float bool json Item path.Money context duration error".split()


class Tok:
    """glue: "" any white space may follow, "same" none with a line break, "adj" none at all.
    In the neat style there is no blank before a `tight` one and none behind one that `hugs`."""

    def __init__(self, text, kind="op", glue="", tight=False, hugs=False):
        self.text, self.kind, self.glue, self.tight, self.hugs = text, kind, glue, tight, hugs


NL = Tok("\n", "nl")                    # the end of a statement
SEP = Tok(",", "sep")                   # between fields, variants, arms: a comma or a line end


def op(text, glue="", tight=False, hugs=False):
    return Tok(text, "op", glue, tight, hugs)


def opening(text="("):
    """A bracket of arguments, an index or bounds: it belongs to what stands before it."""
    return op(text, tight=True)


def kw(text, glue=""):
    return Tok(text, "kw", glue)


class Grower:
    def __init__(self, seed):
        self.r = random.Random(seed)
        self.n_name = 0

    # ---- choices

    def chance(self, p):
        return self.r.random() < p

    def one(self, *rules):
        return self.r.choice(rules)()

    def some(self, rule, lo, hi, sep):
        out = []
        for i in range(self.r.randint(lo, hi)):
            out += ([sep] if i else []) + rule()
        return out

    # ---- words and literals

    def name(self):
        return [Tok(self.r.choice(NAMES), "name")]

    def path(self):
        return self.some(self.name, 1, 2, op(".", "adj"))

    def member(self):
        return [Tok(self.r.choice(NAMES + HARD + SOFT), "name")]

    def number(self):
        return [Tok(self.r.choice(["0", "7", "1_000", "0x1F", "0b101", "2.5", "1e3", "12.5e-2"]), "num")]

    def duration(self):
        return [Tok(self.r.choice(["500ms", "10s", "2m", "1.5h"]), "num")]

    def regex(self):
        return [Tok(self.r.choice([r"/a+/", r"/[^/\n]*\/x/i", r"/(\d{2,3}|b)?/s", r"/\"q\" '/"]), "re")]

    def plain(self):
        inside = self.r.choice(["", "x", "two words", r"tab\t \"q\" \$ \u{1F600}", "{a} [b] $5", "// no comment"])
        return [Tok(f'"{inside}"', "str")]

    def raw(self):
        return [Tok(self.r.choice(['r"raw \\n ${x}"', '"""an "inline" one"""']), "str")]

    def piece(self, d):
        if self.chance(0.4):
            return self.r.choice(["text ", "- ", "{", "\\n", ": ", "é "])
        if self.chance(0.6) or d > DEEP - 2:
            return "${" + flat(self.expr(d + 2)) + "}"
        hole = flat(self.one(self.name, lambda: [Tok("_", "name")]))
        if self.chance(0.6):
            hole += ": " + flat(self.type(d + 2))
        if self.chance(0.4):
            hole += ", max: 8"
        return "$[" + hole + "]"

    def template(self, d):
        body = "".join(self.piece(d) for _ in range(self.r.randint(1, 4)))
        return [Tok('"' + body + '"', "str")]

    def block_text(self, d):
        lines = ["        " + self.r.choice(["", "  "]) + self.piece(d + 1) for _ in range(self.r.randint(1, 3))]
        if self.chance(0.3):
            lines.insert(1, "")
        return [Tok('"""\n' + "\n".join(lines) + '\n        """', "str")]

    def text(self, d):
        return self.one(self.plain, self.raw, lambda: self.template(d), lambda: self.template(d),
                        lambda: self.block_text(d))

    # ---- types

    def bounds(self):
        return self.r.choice([
            [opening(), Tok("1", "num"), op(".."), Tok("9", "num"), op(")")],
            [opening(), Tok("min", "name"), op(":"), Tok("1", "num"), op(","),
             Tok("max", "name"), op(":"), Tok("80", "num"), op(")")],
        ])

    def atype(self, d):
        r = self.r.random()
        if r < 0.45 or d >= DEEP:
            t = [Tok(self.r.choice(TYPES).split(".")[-1], "name")]
            return t + (self.bounds() if self.chance(0.2) else [])
        if r < 0.55:
            return [op("[")] + self.type(d + 1) + [op("]")] + (self.bounds() if self.chance(0.5) else [])
        if r < 0.62:
            return [op("[")] + self.type(d + 1) + [op(":")] + self.type(d + 1) + [op("]")]
        if r < 0.68:
            return [op("(")] + self.type(d + 1) + [op(",")] + self.type(d + 1) + [op(")")]
        if r < 0.74:
            return [kw("fn"), opening()] + self.some(lambda: self.type(d + 1), 0, 2, op(",")) + \
                   [op(")"), op("->")] + self.atype(d + 1)
        if r < 0.80:
            return [kw("call", "adj"), op("<", tight=True, hugs=True)] + \
                   self.some(self.path, 1, 3, op("|")) + [op(">", tight=True)]
        if r < 0.86:
            return [Tok("branches", "name", "adj"), opening("[")] + self.type(d + 1) + [op("]")]
        return self.one(self.plain, self.number, self.regex, lambda: [op("-", "adj", hugs=True)] + self.number(),
                        lambda: [kw("true")], lambda: [kw("null")], lambda: self.path())

    def type(self, d):
        out = []
        for i in range(self.r.choice([1, 1, 1, 2, 3])):
            out += ([op("|")] if i else []) + self.atype(d)
            if self.chance(0.15):
                out += [Tok("?", "opt")]
        return out

    # ---- expressions

    def arg(self, d):
        label = []
        if self.chance(0.3):
            label = [Tok(self.r.choice(["max", "in", "match", "by", "b"]), "name", "same"), op(":")]
        return label + (self.lam(d + 1) if self.chance(0.15) else self.expr(d + 1))

    def args(self, d):
        return [opening()] + self.some(lambda: self.arg(d), 0, 3, op(",")) + [op(")")]

    def apart(self, d):
        """Arguments behind the name of a test, which is a text."""
        out = self.args(d)
        return [op("(")] + out[1:]

    def lam(self, d):
        pats = self.some(lambda: self.pat(1), 0, 2, op(","))
        close = op("|", tight=True)
        head = [op("|", "adj", hugs=True), close] if not pats else [op("|", hugs=True)] + pats + [close]
        return head + (self.block(d + 1) if self.chance(0.3) else self.expr(d + 1))

    def primary(self, d):
        if d >= DEEP:
            return self.one(self.name, self.number, self.plain)
        return self.one(
            self.name, self.name, self.name, self.number, self.plain, self.duration,
            lambda: self.text(d + 1),
            lambda: [kw(self.r.choice(["true", "false", "null", "here"]))],
            lambda: [op("(")] + self.expr(d + 1) + [op(")")],
            lambda: [op("(")] + self.lam(d + 1) + [op(")")],
            lambda: [op("(")] + self.expr(d + 1) + [op(",")] + self.expr(d + 1) + [op(")")],
            lambda: [op("[")] + self.some(lambda: self.expr(d + 1), 0, 3, op(",")) + [op("]")],
            lambda: [op("[")] + self.some(lambda: self.entry(d), 1, 2, op(",")) + [op("]")],
            lambda: [op("["), op(":"), op("]")],
            lambda: self.model(d),
            lambda: self.name() + [opening()] + self.regex() + [op(")")],
        )

    def entry(self, d):
        return self.plain() + [op(":")] + self.expr(d + 1)

    def model(self, d):
        word = [kw(self.r.choice(["gen", "select", "score", "parse"]), "adj")]
        if self.chance(0.4):
            word += [op("<", tight=True, hugs=True)] + self.type(d + 1) + [op(">", "adj", tight=True)]
        return word + self.args(d)

    def postfix(self, d):
        out = self.primary(d)
        if out[0].kind == "num":
            return out
        for _ in range(self.r.choice([0, 0, 1, 2])):
            callable_ = out[-1].kind == "name" or out[-1].text in (")", "]")
            out += self.one(lambda: [op(".", "adj")] + self.member(),
                            lambda: [op("?.", "adj")] + self.member(),
                            lambda: self.args(d + 1) if callable_ else [],
                            lambda: [opening("[")] + self.expr(d + 1) + [op("]")])
        return out

    def unary(self, d):
        return ([op("-", hugs=True)] if self.chance(0.1) else []) + self.postfix(d)

    def sum(self, d):
        out = self.unary(d)
        for _ in range(self.r.choice([0, 0, 0, 1, 2])):
            out += [op(self.r.choice("+ - * / % ??".split()))] + self.unary(d + 1)
        return out

    def compare(self, d):
        out = self.sum(d)
        r = self.r.random()
        if r < 0.15:
            out += [op(self.r.choice("== != < <= > >=".split()))] + self.sum(d + 1)
        elif r < 0.2:
            out += [kw("matches")] + self.regex()
        elif r < 0.25:
            out += [op(self.r.choice(["..", "..<"]))] + self.sum(d + 1)
        return out

    def simple(self, d):
        """An expression that begins with no form of its own, so that a block may follow."""
        out = ([kw("not")] if self.chance(0.1) else []) + self.compare(d)
        if self.chance(0.15):
            out += [kw(self.r.choice(["and", "or"]))] + self.compare(d + 1)
        return out

    def expr(self, d):
        if d >= DEEP or self.chance(0.8):
            out = self.simple(d)
            return out + ([kw("catch")] + self.compare(d + 1) if self.chance(0.05) else [])
        return self.form(d)

    def form(self, d):
        return self.one(
            lambda: self.if_(d), lambda: self.match(d), lambda: self.fork(d), lambda: self.try_(d),
            lambda: [kw("scratch", "same")] + self.block(d),
            lambda: [kw("with")] + self.some(lambda: self.simple(d + 1), 1, 2, op(",")) + self.block(d),
            lambda: [kw("attempt")] + self.args(d) + self.block(d),
            lambda: [kw("infer", "same"), Tok("smc", "name")] + self.args(d) + self.block(d),
            lambda: self.join(d),
        )

    def if_(self, d):
        out = [kw("if")] + self.simple(d + 1) + self.block(d)
        if self.chance(0.5):
            out += [kw("else")] + (self.if_(d + 1) if self.chance(0.3) else self.block(d))
        return out

    def fork(self, d):
        if self.chance(0.4):
            count = self.one(self.number, self.name, lambda: self.name() + [op(".", "adj")] + self.member(),
                             lambda: self.name() + self.args(d + 1))
            return [kw("fork")] + count + self.block(d)
        one = lambda: self.pat(1) + [kw("in")] + self.simple(d + 1)
        return [kw("fork")] + self.some(one, 1, 2, op(",")) + self.block(d)

    def join(self, d):
        out = [kw("join")] + (self.fork(d) if self.chance(0.4) else self.name())
        if self.chance(0.4):
            out += [kw("until")] + self.one(self.name, lambda: [op("(")] + self.lam(d + 1) + [op(")")])
        if self.chance(0.3):
            out += [kw("as"), Tok("text", "name")]
        return out

    def try_(self, d):
        out = [kw("try")] + self.block(d)
        clauses = self.r.randint(0, 2)
        for _ in range(clauses):
            out += [kw("catch")]
            if self.chance(0.7):
                out += [Tok("e", "name")]
                if self.chance(0.5):
                    out += [op(":"), Tok("Io", "name"), op("|"), Tok("Budget", "name")]
            out += self.block(d)
        if not clauses or self.chance(0.4):
            out += [kw("finally")] + self.block(d)
        return out

    def match(self, d):
        arms = self.some(lambda: self.arm(d), 1, 3, SEP)
        return [kw("match")] + self.simple(d + 1) + [op("{")] + arms + [op("}")]

    def mpat(self, d):
        return self.one(
            lambda: [Tok("_", "name")], self.plain, self.number, self.regex, self.path,
            lambda: [op("-", "adj", hugs=True), Tok("1", "num")],
            lambda: [Tok("3", "num"), op(".."), Tok("5", "num")],
            lambda: [kw(self.r.choice(["true", "null"]))],
            lambda: self.path() + [opening()] + self.some(lambda: self.mfield(d), 0, 2, op(",")) + [op(")")])

    def mfield(self, d):
        if self.chance(0.5):
            return self.name()
        return self.name() + [op(":")] + self.some(lambda: self.mpat(d + 1), 1, 2, op("|"))

    def arm(self, d):
        out = self.some(lambda: self.mpat(d), 1, 2, op("|"))
        if self.chance(0.2):
            out += [kw("as"), Tok("m", "name")]
        if self.chance(0.2):
            out += [kw("if")] + self.simple(d + 1)
        return out + [op("=>")] + (self.block(d) if self.chance(0.3) else self.stmt(d + 1))

    # ---- statements

    def pat(self, d):
        if d and self.chance(0.2):
            return [op("(")] + self.pat(0) + [op(",")] + self.pat(0) + [op(")")]
        return self.one(self.name, self.name, lambda: [Tok("_", "name")])

    def block(self, d):
        if d >= DEEP:
            return [op("{")] + self.name() + [op("}")]
        return [op("{")] + self.some(lambda: self.stmt(d + 1), 0, 3, NL) + [op("}")]

    def start(self, d):
        """An expression as a statement of its own: not with a lambda or a soft word at its head."""
        return self.form(d) if d < DEEP and self.chance(0.3) else self.simple(d)

    def stmt(self, d):
        r = self.r.random()
        if r < 0.25:
            typed = [op(":")] + self.type(1) if self.chance(0.3) else []
            value = self.lam(d + 1) if self.chance(0.08) else self.expr(d)
            return [kw(self.r.choice(["let", "var"]))] + self.pat(1) + typed + [op("=")] + value
        if r < 0.35:
            target = self.name() + self.r.choice([
                [], [op(".", "adj")] + self.member(), [opening("[")] + self.number() + [op("]")]])
            return target + [op(self.r.choice(["=", "+=", "-="]))] + self.expr(d)
        if r < 0.5:
            return self.text(d)
        if r < 0.6:
            role = [kw(self.r.choice(["system", "user", "assistant", "tool"]), "same")]
            return role + (self.block(d) if self.chance(0.3) else self.text(d))
        if r < 0.65:
            return [kw(self.r.choice(["emit", "weigh"]), "same")] + self.one(self.name, self.number, self.plain)
        if r < 0.72 and d < DEEP:
            head = [kw("stream", "same"), kw("gen", "adj")] + self.args(d) if self.chance(0.3) else self.simple(d + 1)
            return [kw("for")] + self.pat(1) + [kw("in")] + head + self.block(d)
        if r < 0.75 and d < DEEP:
            return [kw("while")] + self.simple(d + 1) + self.block(d)
        if r < 0.78:
            return self.r.choice([[Tok("break", "name")], [Tok("continue", "name")], [Tok("return", "name")],
                                  [Tok("return", "name", "same")] + self.simple(d + 1)])
        return self.start(d)

    # ---- declarations

    def param(self, d):
        default = [op("=")] + self.simple(2) if self.chance(0.2) else []
        return self.name() + [op(":")] + self.type(d) + default

    def params(self):
        return [opening()] + self.some(lambda: self.param(1), 0, 3, op(",")) + [op(")")]

    def result(self):
        return [op("->")] + self.type(1) if self.chance(0.6) else []

    def doc(self, p):
        return [Tok("/// " + self.r.choice(["One line.", "What it is: x, y."]), "doc")] if self.chance(p) else []

    def annots(self):
        out = []
        if self.chance(0.15):
            out += [op("@", "adj"), Tok("pure", "name", "same")]
        if self.chance(0.1):
            out += [op("@", "adj"), Tok("alias", "name", "adj"), opening()] + self.plain() + [op(")", "same")]
        return out

    def field(self):
        return self.doc(0.3) + self.annots() + self.param(1)

    def variant(self):
        return self.doc(0.2) + self.name() + ([op("=")] + [Tok('"text"', "str")] if self.chance(0.3) else [])

    def decl(self):
        top = self.doc(0.3)
        return top + self.one(
            lambda: [kw("import", "same")] + self.path() + ([kw("as")] + self.name() if self.chance(0.5) else []),
            lambda: [kw("import", "same"), Tok('"lib/x.sgl"', "str"), kw("as")] + self.name(),
            lambda: self.annots() + [kw("fn")] + self.name() + self.params() + self.result() + self.block(1),
            lambda: self.annots() + [kw("fn")] + self.name() + self.params() + self.result() + self.block(1),
            lambda: [kw("part", "same")] + self.name() + self.params() + self.result() + self.block(1),
            lambda: self.annots() + [kw("extern", "same"), kw("fn")] + self.name() + self.params() + self.result() +
            ([op("=")] + self.name() + self.args(2) if self.chance(0.5) else []),
            lambda: [kw("struct", "same")] + self.name() + [op("{")] + self.some(self.field, 0, 3, SEP) + [op("}")],
            lambda: [kw("enum", "same")] + self.name() + [op("{")] + self.some(self.variant, 1, 3, SEP) + [op("}")],
            lambda: [kw("type", "same")] + self.name() + [op("=")] + self.type(0),
            lambda: [kw("const", "same")] + self.name() + ([op(":")] + self.type(1) if self.chance(0.4) else []) +
            [op("=")] + self.expr(1),
            lambda: [kw("test", "same")] + self.plain() + (self.apart(2) if self.chance(0.3) else []) + self.block(1),
            lambda: [kw("eval", "same")] + self.plain() + (self.apart(2) if self.chance(0.3) else []) +
            [kw("for")] + self.pat(1) + [kw("in")] + self.simple(1) + self.block(1),
        )

    def program(self):
        item = lambda: self.decl() if self.chance(0.6) else self.stmt(0)
        return self.some(item, 3, 12, NL)


# ---- layout

WORDS = {"name", "kw", "num"}
ENDERS = {"name", "num", "str", "re", "opt"}
GOES_ON = {"else", "catch", "finally", "and", "or"}


def is_word(t):
    return t.kind in WORDS


def may_touch(a, b):
    """No white space at all between the two?"""
    if a.text == "{" or b.text == "}" or b.kind == "nl" or a.kind == "doc":
        return False
    if a.text in ("(", "[", ",") or b.text in (")", "]", ","):
        return True
    if b.text == ":" or a.text == ":":
        return a.text != b.text
    if "/" in (a.text[0], b.text[0]) or a.kind in ("str", "re") or b.kind in ("str", "re"):
        return False
    if a.kind == "num" and b.text == ".":
        return False
    plain = {"=", "+", "*", "==", "=>", "->", "(", "[", ")", "]", ".", "?.", "..", "|", "{", "??", "+="}
    return (is_word(a) and b.text in plain and b.text != "{") or (a.text in plain and is_word(b))


def flat(tokens):
    """On one line, inside a text."""
    out = ""
    for i, t in enumerate(tokens):
        text = "; " if t.kind == "nl" else "," if t.kind == "sep" else t.text
        if "\n" in text:
            text = '"b"'
        out += text
        if i + 1 < len(tokens) and t.glue != "adj" and t.kind != "nl":
            out += " "
    return out


class Layout:
    def __init__(self, rng):
        self.r = rng
        self.out = ""
        self.open = []
        self.n_comment = 0

    def comment(self):
        self.n_comment += 1
        return self.r.choice(["// c%d", "//c%d tight", "// c%d \"quoted\" ${x} {", "// c%d  "]) % self.n_comment

    def line_break(self):
        if self.r.random() < 0.25:
            self.out += self.r.choice(["", " ", "    "]) + " " + self.comment()
        else:
            self.out += self.r.choice(["", "", " ", "\t"])
        self.out += "\n" * self.r.choice([1, 1, 1, 2, 4])
        if self.r.random() < 0.1:
            self.out += " " * self.r.randrange(9) + self.comment() + "\n"
        self.out += self.r.choice(["", " ", "    ", "        ", "\t", "   "])

    def can_break(self, a, b):
        if a.glue or b.kind == "nl":
            return False
        if self.open and self.open[-1] != "{":
            return True
        ends = a.kind in ENDERS or a.text in (")", "]", "}", "here", "true", "false", "null", ">")
        # words that must see their neighbour on the line
        return not ends or b.text in GOES_ON or b.text in (".", "?.", "??")

    def gap(self, a, b):
        if a.glue == "adj":
            return
        if a.text == "@" or b.kind == "opt":
            return
        if self.can_break(a, b) and self.r.random() < 0.12:
            self.line_break()
            return
        if may_touch(a, b) and self.r.random() < 0.5:
            return
        self.out += self.r.choice([" ", " ", " ", "  ", "\t"])

    def separator(self, kind):
        if kind == "sep" and self.r.random() < 0.4:
            self.out += self.r.choice([",", " ,", ", "])
            if self.r.random() < 0.6:
                self.line_break()
            return
        if kind == "nl" and self.r.random() < 0.15:
            self.out += self.r.choice([";", " ; ", "; "])
            return
        self.line_break()

    def write(self, tokens):
        for i, t in enumerate(tokens):
            if t.kind in ("nl", "sep"):
                self.separator(t.kind)
                continue
            if t.kind == "doc":
                if self.out and self.out.strip(" \t") and not self.out.rstrip(" \t").endswith("\n"):
                    self.out += "\n"
                self.out += t.text + "\n" + self.r.choice(["", "    "])
                continue
            self.out += t.text
            if t.text in ("(", "[", "{") and t.kind == "op":
                self.open.append(t.text)
            elif t.text in (")", "]", "}") and t.kind == "op":
                self.open.pop()
            after = tokens[i + 1] if i + 1 < len(tokens) else None
            if after and after.kind not in ("nl", "sep"):
                if t.text == "{" and t.kind == "op" and self.r.random() < 0.5:
                    self.line_break()
                elif after.text == "}" and after.kind == "op" and self.r.random() < 0.5:
                    self.line_break()
                else:
                    self.gap(t, after)
        self.out += self.r.choice(["", "\n", "\n\n\n", "  // the end", "\n// the end\n"])
        return self.out


class Neat:
    """The one style: what the formatter makes of a program whose lines are broken like these."""

    def __init__(self, rng, tokens):
        self.r, self.tokens, self.out, self.level = rng, tokens, "", 0
        self.wide = {}                          # index of a brace: is its block on lines of its own?
        self.pairs()

    def pairs(self):
        stack = []
        for i, t in enumerate(self.tokens):
            if t.kind == "op" and t.text == "{":
                stack.append([i, self.r.random() < 0.3])
            elif t.kind in ("nl", "sep", "doc") and stack:
                stack[-1][1] = True
            elif t.kind == "op" and t.text == "}":
                first, wide = stack.pop()
                wide = wide and i > first + 1
                self.wide[first] = self.wide[i] = wide
                if stack and wide:
                    stack[-1][1] = True

    def line(self):
        self.out = self.out.rstrip(" ") + "\n" + " " * (4 * self.level)

    def blank(self, a, b):
        if a.hugs or b.tight or b.kind == "opt" or a.text in ("(", "[", ".", "?.", "@", "..", "..<"):
            return False
        if b.text in (")", "]", ",", ":", ".", "?.", "..", "..<"):
            return False
        return not (a.text == "{" and b.text == "}")

    def write(self):
        before = None
        for i, t in enumerate(self.tokens):
            if t.kind in ("nl", "sep"):
                self.line()
                before = None
                continue
            if t.kind == "doc":
                self.out += t.text
                self.line()
                before = None
                continue
            wide = self.wide.get(i) if t.kind == "op" else None
            if t.text == "}" and wide:
                self.level -= 1
                self.line()
            elif before and self.blank(before, t):
                self.out += " "
            self.out += t.text
            before = t
            if t.text == "{" and wide:
                self.level += 1
                self.line()
                before = None
        return self.out + "\n"


def neat(seed):
    return Neat(random.Random(seed + 3), Grower(seed).program()).write()


def program(seed):
    tokens = Grower(seed).program()
    head = random.Random(seed + 1).choice(["", "", "#!/usr/bin/env sglrun\n", "// A grown program.\n\n"])
    return head + Layout(random.Random(seed + 2)).write(tokens)


def main():
    folder, n = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    seed = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    for i in range(n):
        (folder / f"grown_{i}.sgl").write_text(program(seed * 1_000_003 + i))


if __name__ == "__main__":
    main()
