#!/usr/bin/env python3
"""Golden logits of a GGUF file, computed by llama.cpp.

    pip install llama-cpp-python
    make_logits.py MODEL.gguf > smollm2.txt
    make_logits.py MODEL.gguf --gemma > gemma3.txt      (texts begin with <bos>, the chat has its own marks)

Prompts are kept as token ids, so that the comparison needs no tokenizer of ours.  For each prompt
a few positions are kept (the first, the middle, the last), with the 20 greatest logits of each.
"""
import sys

import llama_cpp
import numpy

LONG = ("The lighthouse keeper wrote down the weather every evening. On the first day there was "
        "fog, on the second day rain, and on the third day a wind that bent the grass. ")
CODE = ("#include <stdio.h>\n\nint main(int argc, char **argv)\n{\n    for (int i = 1; i < argc; "
        "i++)\n        printf(\"%d: %s\\n\", i, argv[i]);\n    return 0;\n}\n\n"
        "def fib(n):\n    return n if n < 2 else fib(n - 1) + ")
GEMMA_CHAT = ("<start_of_turn>user\nName three primary colours.<end_of_turn>\n<start_of_turn>model\n")
CHAT = ("<|im_start|>system\nYou are a helpful assistant.<|im_end|>\n<|im_start|>user\n"
        "Name three primary colours.<|im_end|>\n<|im_start|>assistant\n")

PROMPTS = [
    ("short", "The capital of France is"),
    ("one", "Hello"),
    ("long", LONG * 18 + "On the fourth day"),
    ("code", CODE),
    ("french", "Où sont passées les clés de l'été ? Elles étaient à côté de la fenêtre où"),
    ("mixed", "日本語のテキスト, русский текст, ελληνικά, 🙂🙃 and then"),
    ("chat", CHAT),
    ("numbers", "1, 1, 2, 3, 5, 8, 13, 21, 34, 55,"),
]
TOP = 20


def main():
    model = llama_cpp.Llama(model_path=sys.argv[1], n_ctx=2048, n_batch=512, logits_all=True,
                            verbose=False, n_threads=2)
    gemma = "--gemma" in sys.argv
    print("# llama-cpp-python %s, %d greatest logits" % (llama_cpp.__version__, TOP))
    if gemma:
        print("# at most 1.5: llama.cpp is up to 0.84 from exact here")
    for name, text in PROMPTS:
        text = GEMMA_CHAT if gemma and name == "chat" else text
        ids = model.tokenize(text.encode(), add_bos=gemma, special=True)
        model.reset()
        model.eval(ids)
        print("prompt", name, len(ids))
        print("ids", *ids)
        for pos in sorted({0, len(ids) // 2, len(ids) - 1}):
            row = numpy.array(model.scores[pos], dtype=numpy.float64)
            best = numpy.lexsort((numpy.arange(len(row)), -row))[:TOP]
            print("pos", pos, *("%d:%.4f" % (i, row[i]) for i in best))


main()
