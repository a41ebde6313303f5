#!/usr/bin/env python3
"""Makes the SentencePiece vocabularies and goldens with the reference library (PyPI: sentencepiece).

    make_spm.py DIR             writes spm_prefix.gguf, spm_plain.gguf and spm.json

The vocabularies are trained on sentences made here: a few hundred pieces with bytes to fall back
to and pieces that are found before any merge.  The 10,000 random texts are not stored: test_spm.c
makes the same ones with the same generator, and spm.json has a hash of the ids of each hundred.
U+2581 is left out of them, which the reference cannot tell from a blank and we can.  Pieces of many
blanks are in the vocabulary without a blank in front of the text: no model has both.
"""
import io
import json
import random
import struct
import sys

import sentencepiece as spm

WORDS = ("the of and to in is you that it he was for on are as with his they at be this have from or "
         "one had by word but not what all were we when your can said there use an each which she do "
         "how their if will up other about out many then them these so some her would make like him "
         "into time has look two more write go see number no way could people my than first water "
         "been call who its now find long down day did get come made may part").split()
OTHERS = ["na\u00efve caf\u00e9", "\u00fcber stra\u00dfe", "\u043f\u0440\u0438\u0432\u0435\u0442 \u043c\u0438\u0440",
          "\u4f60\u597d\u4e16\u754c", "\u3053\u3093\u306b\u3061\u306f", "x = y[0] + 1;", "{\"a\": 1}", "   indented",
          "3.14 100 2026", "don't can't it's"]
USER = ["<tool>", "<tool>>", "\n", "\n\n"]
BLANKS = ["\u2581\u2581", "\u2581\u2581\u2581", "\u2581\u2581\u2581\u2581\u2581\u2581"]
FRAGMENTS = [" ", "  ", "   ", "\n", "\n\n\n", "<tool>", "<tool", "<s>", "<0x41>", "the", "The", "ing", "caf\u00e9",
             "cafe\u0301", "\u4f60\u597d", "\u0645\u0631", "\U0001f468\u200d\U0001f469", "don't", "1234", "\t", "a", "e",
             "\u00a0", "\u0000", "thethe", "andand", "\ufffd", "would", "people"]
AWKWARD = ["", " ", "  ", "   ", " a", "a ", "a  b", "\n", "a\n\nb", "\r\n", "\t\tx", "a\u00a0b", "\u3000x",
           "the people", " the people", "thepeople", "THE PEOPLE", "<tool>", "<tool>>", "a<tool>b",
           "a <tool> b", "<tool><tool>>>", "<tool", "<s>", "</s>x", "<unk>", "<0x41>", "<0x0A>", "caf\u00e9 cafe\u0301",
           "\U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea", "\u4f60\u597d\u4e16\u754c\u3002", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
           "\x00\x01\x1f\x7f", "\ud7ff\ue000\ufffd\uffff\U0010ffff", "1 22 333 4444", "x = y[0] + 1;",
           "a" * 50, " " * 41 + "x", "\n" * 7, "it's don't I'LL", "wordwordword water waters",
           "\ufeffBOM", "a\u200bb"]
N_RANDOM, GROUP = 10000, 100


def train(prefix):
    rng = random.Random(11)
    lines = [" ".join(rng.choice(WORDS) for _ in range(12)) for _ in range(400)]
    lines += [o + " " + rng.choice(WORDS) for o in OTHERS for _ in range(12)]
    model = io.BytesIO()
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines), model_writer=model, model_type="bpe", vocab_size=640,
        byte_fallback=True, normalization_rule_name="identity", add_dummy_prefix=prefix,
        remove_extra_whitespaces=False, user_defined_symbols=USER + ([] if prefix else BLANKS), character_coverage=1.0,
        minloglevel=2, num_threads=1)
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


def kind(sp, i):
    if sp.is_unknown(i):
        return 2
    if sp.is_control(i):
        return 3
    if sp.is_byte(i):
        return 6
    return 4 if sp.id_to_piece(i) in USER + BLANKS and sp.get_score(i) == 0 else 1


def write_gguf(sp, prefix, path):
    def text(s):
        s = s.encode()
        return struct.pack("<Q", len(s)) + s

    n = sp.vocab_size()
    keys = [
        ("general.architecture", struct.pack("<I", 8) + text("none")),
        ("tokenizer.ggml.model", struct.pack("<I", 8) + text("llama")),
        ("tokenizer.ggml.tokens", struct.pack("<IIQ", 9, 8, n)
         + b"".join(text(sp.id_to_piece(i)) for i in range(n))),
        ("tokenizer.ggml.scores", struct.pack("<IIQ", 9, 6, n)
         + struct.pack("<%df" % n, *(sp.get_score(i) for i in range(n)))),
        ("tokenizer.ggml.token_type", struct.pack("<IIQ", 9, 5, n)
         + struct.pack("<%di" % n, *(kind(sp, i) for i in range(n)))),
        ("tokenizer.ggml.bos_token_id", struct.pack("<II", 4, sp.bos_id())),
        ("tokenizer.ggml.eos_token_id", struct.pack("<II", 4, sp.eos_id())),
        ("tokenizer.ggml.unknown_token_id", struct.pack("<II", 4, sp.unk_id())),
        ("tokenizer.ggml.add_space_prefix", struct.pack("<I?", 7, prefix)),
    ]
    with open(path, "wb") as f:
        f.write(b"GGUF" + struct.pack("<IQQ", 3, 0, len(keys)))
        for name, value in keys:
            f.write(text(name) + value)


class Lcg:
    """The generator of test_spm.c."""
    def __init__(self, seed):
        self.x = seed

    def below(self, n):
        self.x = (self.x * 6364136223846793005 + 1442695040888963407) % (1 << 64)
        return (self.x >> 33) % n


def random_text(rng):
    what = rng.below(4)
    out = ""
    for _ in range(1 + rng.below(40)):
        if what == 0:
            out += "the ofandin is"[rng.below(14)]
        elif what == 1:
            out += FRAGMENTS[rng.below(len(FRAGMENTS))]
        else:
            top = 0x110000 if what == 3 else (0x80, 0x800, 0xd800)[rng.below(3)]
            cp = rng.below(top)
            out += "x" if 0xd800 <= cp < 0xe000 or cp == 0x2581 else chr(cp)
    return out


def hash_ids(h, ids):
    for b in struct.pack("<%dI" % (len(ids) + 1), *ids, 0xffffffff):
        h = (h ^ b) * 0x100000001b3 % (1 << 64)
    return h


def hashes(encode):
    rng = Lcg(7)
    all = []
    for _ in range(N_RANDOM // GROUP):
        h = 0xcbf29ce484222325
        for _ in range(GROUP):
            h = hash_ids(h, encode(random_text(rng)))
        all.append("%016x" % h)
    return all


def main():
    out = sys.argv[1]
    golden = {"texts": AWKWARD, "fragments": FRAGMENTS}
    for name, prefix in (("prefix", True), ("plain", False)):
        sp = train(prefix)
        write_gguf(sp, prefix, "%s/spm_%s.gguf" % (out, name))
        golden[name] = [sp.encode(t) for t in AWKWARD]
        golden[name + "_random"] = hashes(sp.encode)
    with open(out + "/spm.json", "w") as f:
        f.write("{\n" + ",\n".join("%s: %s" % (json.dumps(k), json.dumps(v, separators=(",", ":")))
                                  for k, v in golden.items()) + "\n}\n")


if __name__ == "__main__":
    main()
