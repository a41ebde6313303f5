#!/usr/bin/env python3
"""Decode and prefill beside llama.cpp on the same file, alternating in one run.

    peers.py BENCH_FOLDER MODEL.gguf [THREADS]

BENCH_FOLDER holds our `decode` and `prefill`.  The peer is the PyPI package llama-cpp-python,
which builds for this processor; install it in the Python that runs this script.
"""
import os
import re
import statistics
import subprocess
import sys
import time

import llama_cpp

ROUNDS, PROMPT, STEPS = 5, 512, 64


def ours(folder, name, model):
    out = subprocess.run([os.path.join(folder, name), model], capture_output=True, text=True,
                         check=True).stdout
    return float(re.search(r"median ([0-9.]+) tok/s", out).group(1)), out


def peer(model):
    tok = [i * 7919 % model.n_vocab() for i in range(PROMPT + STEPS)]
    model.reset()
    t = time.perf_counter()
    model.eval(tok[:PROMPT])
    prefill = PROMPT / (time.perf_counter() - t)
    model.reset()
    model.eval(tok[:64])
    t = time.perf_counter()
    for i in range(STEPS):
        model.eval([tok[64 + i]])
    return STEPS / (time.perf_counter() - t), prefill


def main():
    folder, path = sys.argv[1:3]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else len(os.sched_getaffinity(0))
    model = llama_cpp.Llama(model_path=path, n_ctx=1024, n_batch=512, n_threads=threads,
                            n_threads_batch=threads, verbose=False)
    peer(model)
    rows = {"decode": ([], []), "prefill": ([], [])}
    for _ in range(ROUNDS):
        for name in rows:
            rate, text = ours(folder, name, path)
            rows[name][0].append(rate)
        for name, rate in zip(rows, peer(model)):
            rows[name][1].append(rate)
    for name, (mine, theirs) in rows.items():
        a, b = statistics.median(mine), statistics.median(theirs)
        print("%-8s ours %.1f tok/s, llama.cpp (llama-cpp-python %s, %d threads) %.1f: %.2fx"
              % (name, a, llama_cpp.__version__, threads, b, a / b))


main()
