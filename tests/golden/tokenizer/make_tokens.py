#!/usr/bin/env python3
"""Makes the tokenizer goldens with the reference library (PyPI: tokenizers).

    make_tokens.py MODEL.gguf OUT.json            the committed cases
    make_tokens.py MODEL.gguf --random N COMMAND  compares N random texts with a program

The vocabulary and the merges come out of the GGUF file; the split in front of the merges is the one
that the makers of each vocabulary configured.  The same vocabulary is used under each split, which
tests the splits without three models.  COMMAND reads records of a 32-bit length and the bytes on its
standard input and writes the ids of each on a line; it is called as COMMAND MODEL.gguf PRE.
"""
import json
import random
import struct
import subprocess
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers
from tokenizers.models import BPE

CL100K = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s"
          r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def read_metadata(path):
    formats = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?",
               10: "<Q", 11: "<q", 12: "<d"}
    with open(path, "rb") as f:
        def unpack(fmt):
            return struct.unpack(fmt, f.read(struct.calcsize(fmt)))

        def value(kind):
            if kind == 8:
                return f.read(unpack("<Q")[0]).decode()
            if kind == 9:
                kind, n = unpack("<IQ")
                return [value(kind) for _ in range(n)]
            return unpack(formats[kind])[0]

        assert f.read(4) == b"GGUF"
        _, _, n = unpack("<IQQ")
        pairs = {}
        for _ in range(n):
            key = value(8)
            pairs[key] = value(unpack("<I")[0])
        return pairs


def splits(pre):
    level = pre_tokenizers.ByteLevel
    if pre == "gpt-2":
        return level(add_prefix_space=False, use_regex=True)
    if pre == "smollm":
        return pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True),
                                        level(add_prefix_space=False, use_regex=True)])
    number = {"llama-bpe": "{1,3}", "qwen2": ""}[pre]
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(CL100K % number), behavior="isolated", invert=False),
        level(add_prefix_space=False, use_regex=False)])


def reference(meta, pre, markup):
    tokens = meta["tokenizer.ggml.tokens"]
    merges = [tuple(m.split(" ")) for m in meta["tokenizer.ggml.merges"]]
    tok = Tokenizer(BPE({t: i for i, t in enumerate(tokens)}, merges,
                        ignore_merges=pre == "llama-bpe"))
    tok.pre_tokenizer = splits(pre)
    if pre == "qwen2":
        tok.normalizer = normalizers.NFC()
    tok.decoder = decoders.ByteLevel()
    if markup:
        kinds = meta["tokenizer.ggml.token_type"]
        tok.add_special_tokens([AddedToken(t, special=True, normalized=False)
                                for t, k in zip(tokens, kinds) if k == 3])
    return tok


AWKWARD = [
    "", " ", "  ", "   a", "a ", "a  b", "\n", "\n\n\n", " \n", "\n ", "a\n\n b", "\r\n", "\t\tx", "a\u00a0b",
    "\u3000x", "x\u2028y", "\u180e\u180e x", "\u0085 a", "don't I'LL we've IT'S 'Tis y'all'd", "'\u017f '\u017fx",
    "1 22 333 4444 55555", "3.14e-10", "a1b2 c3", "  12", "12  ", "\u00bd\u00b2\u216b\u0665", "x  1  y", "\u4e00\u4e8c\u4e09",
    "Hello, world! How are you?", "<|im_start|>user\nhi<|im_end|>\n", "<|im_start", "<|im_end|><|im_end|>",
    "na\u00efve caf\u00e9 cafe\u0301", "\u00df\u1e9e \u01c5 \u02b0", "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35 \u0645\u0631\u062d\u0628\u0627 \u05e9\u05dc\u05d5\u05dd", "a\u0300\u0301\u0302",
    "int main(void)\n{\n    return 0;\n}\n", "\tfor (;;) {\r\n\t}\r\n", "https://example.org/a?b=c&d=%20#e",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", " " * 40 + "x", "-" * 70, "=" * 33 + "\n", "\x00\x01\x1f\x7f",
    "\u0378\ud7ff\ue000\ufffd\uffff\U0010ffff", "\U00020000\U0001d400\U000e0041", "!?!?!?...;;;", "_a__b___", "a-b_c.d/e\\f",
    "\u201cquoted\u201d \u2018x\u2019s", "$1,000.00 \u20ac5", "\u2003\u2003x\u2003", "a\u200bb\u200b c", "\ufeffBOM",
    "e\u0301\u0323 \u1100\u1161\u11a8 \u212b\u2126 \u0958 \ufb1d \U0001d15e \u0344 \ufb01", "e" + "\u0301" * 40,
]
ALPHABETS = [
    "ab \n", "a 1\t", "'stremvlldSTREMVLLD x", " \n\r\t\u00a0\u2003x.", "0123456789 ,.-e", "{}[]\":, \n01ax",
    "\u00e9\u0301e \u00df", "\u4e00\u3042\u30a2\u3002 \uff11", "\u0627\u0644\u0645 \u0661", "<|im_startend|>\n",
    "\U0001f600\U0001f3fd\u200d\ufe0f x", "the of and to in is you that it he ",
]


def random_text(rng):
    kind = rng.randrange(4)
    n = rng.randrange(1, 40)
    if kind == 0:
        return "".join(rng.choice(rng.choice(ALPHABETS)) for _ in range(n))
    if kind == 1:
        letters = rng.choice(ALPHABETS)
        return "".join(rng.choice(letters) for _ in range(n))
    if kind == 2:
        return "".join(chr(rng.choice([rng.randrange(0x80), rng.randrange(0x800),
                                       rng.randrange(0xd800)])) for _ in range(n))
    return "".join(chr(c) for c in (rng.randrange(0x110000) for _ in range(n))
                   if not 0xd800 <= c < 0xe000)


def write_goldens(meta, out):
    rng = random.Random(7)
    texts = AWKWARD + [random_text(rng) for _ in range(100)]
    cases = {"made_by": "make_tokens.py", "texts": texts, "ids": {}}
    for pre in ("smollm", "gpt-2", "llama-bpe", "qwen2"):
        tok = reference(meta, pre, False)
        cases["ids"][pre] = [tok.encode(t, add_special_tokens=False).ids for t in texts]
    tok = reference(meta, "smollm", True)
    cases["ids_markup"] = [tok.encode(t, add_special_tokens=False).ids for t in texts]
    with open(out, "w") as f:
        f.write("{\n")
        f.write('"made_by": "make_tokens.py",\n"texts": %s,\n' % json.dumps(texts))
        for pre, ids in cases["ids"].items():
            f.write('"%s": %s,\n' % (pre, json.dumps(ids, separators=(",", ":"))))
        f.write('"markup": %s\n}\n' % json.dumps(cases["ids_markup"], separators=(",", ":")))


def compare_random(model, meta, n, command):
    rng = random.Random()
    seed = rng.randrange(1 << 32)
    rng.seed(seed)
    texts = AWKWARD + [random_text(rng) for _ in range(n)]
    data = b"".join(struct.pack("<I", len(t.encode())) + t.encode() for t in texts)
    bad = 0
    for pre in ("smollm", "gpt-2", "llama-bpe", "qwen2"):
        tok = reference(meta, pre, False)
        out = subprocess.run([command, model, pre], input=data, stdout=subprocess.PIPE, check=True)
        lines = out.stdout.decode().split("\n")[:-1]
        assert len(lines) == len(texts)
        for text, line in zip(texts, lines):
            want = tok.encode(text, add_special_tokens=False).ids
            if [int(x) for x in line.split()] != want:
                bad += 1
                if bad < 10:
                    print("differs", pre, repr(text), line, want)
    print("seed %d: %d texts under each split, %d differ" % (seed, len(texts), bad))
    return bad


def main():
    meta = read_metadata(sys.argv[1])
    if sys.argv[2] == "--random":
        sys.exit(1 if compare_random(sys.argv[1], meta, int(sys.argv[3]), sys.argv[4]) else 0)
    write_goldens(meta, sys.argv[2])


if __name__ == "__main__":
    main()
