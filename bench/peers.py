#!/usr/bin/env python3
"""Decode, decode of a batch and prefill beside llama.cpp on the same file, alternating in one run.
By the clock, and by processor time: on one core (taskset) with other work on it, the latter counts.

    peers.py BENCH_FOLDER MODEL.gguf [THREADS]

BENCH_FOLDER holds our `decode` and `prefill`.  The peer is the PyPI package llama-cpp-python,
which builds for this processor; install it in the Python that runs this script.  Its own line about
the instructions that it was built for is printed first.

For machines with AVX2 alone, on one that has more: build the package from source with
CMAKE_ARGS="-DGGML_NATIVE=OFF -DGGML_AVX512=OFF -DGGML_AVX2=ON -DGGML_FMA=ON -DGGML_F16C=ON
-DGGML_BMI2=ON" and run this script with SGL_CPU_LEVEL=avx2.
"""
import os
import re
import statistics
import subprocess
import sys
import time

import llama_cpp

ROUNDS, PROMPT, STEPS, BATCH = 5, 512, 64, 16


def ours(folder, name, model):
    """(tokens a second, tokens a second of processor time), and what was printed."""
    program = {"decode": ["decode", model, "1", "3"], "batch": ["decode", model, str(BATCH), "1"],
               "prefill": ["prefill", model, "3"]}[name]
    program[0] = os.path.join(folder, program[0])
    out = subprocess.run(program, capture_output=True, text=True, check=True).stdout
    found = re.search(r"median ([0-9.]+) tok/s, ([0-9.]+) a second of processor", out)
    return (float(found.group(1)), float(found.group(2))), out


def timed(n_token, work):
    t, cpu = time.perf_counter(), time.process_time()
    work()
    return n_token / (time.perf_counter() - t), n_token / (time.process_time() - cpu)


def peer(model, ctx):
    tok = [i * 7919 % model.n_vocab() for i in range(PROMPT + STEPS)]
    model.reset()
    prefill = timed(PROMPT, lambda: model.eval(tok[:PROMPT]))
    model.reset()
    model.eval(tok[:64])
    decode = timed(STEPS, lambda: [model.eval([tok[64 + i]]) for i in range(STEPS)])
    return {"decode": decode, "prefill": prefill, "batch": peer_batch(ctx, tok, model.n_vocab())}


def fill(batch, rows):
    """rows: (token, position, sequence), all with logits."""
    batch.n_tokens = len(rows)
    for i, (token, pos, seq) in enumerate(rows):
        batch.token[i], batch.pos[i], batch.logits[i] = token, pos, 1
        batch.n_seq_id[i] = 1
        batch.seq_id[i][0] = seq


def batch_context(model, threads):
    """A context of its own for BATCH sequences: the package's class holds one."""
    params = llama_cpp.llama_context_default_params()
    params.n_ctx, params.n_batch, params.n_ubatch, params.n_seq_max = BATCH * 128, 512, 512, BATCH
    params.n_threads = params.n_threads_batch = threads
    return llama_cpp.llama_init_from_model(model._model.model, params)


def peer_batch(ctx, tok, n_vocab):
    """Tokens per second of BATCH sequences that decode in step."""
    llama_cpp.llama_memory_clear(llama_cpp.llama_get_memory(ctx), True)
    batch = llama_cpp.llama_batch_init(512, 0, 1)
    for seq in range(BATCH):
        fill(batch, [(tok[i], i, seq) for i in range(64)])
        assert llama_cpp.llama_decode(ctx, batch) == 0

    def steps():
        for i in range(STEPS):
            fill(batch, [((tok[64 + i] + seq) % n_vocab, 64 + i, seq) for seq in range(BATCH)])
            assert llama_cpp.llama_decode(ctx, batch) == 0
            llama_cpp.llama_synchronize(ctx)
    rate = timed(BATCH * STEPS, steps)
    llama_cpp.llama_batch_free(batch)
    return rate


def main():
    folder, path = sys.argv[1:3]
    threads = int(sys.argv[3]) if len(sys.argv) > 3 else len(os.sched_getaffinity(0))
    model = llama_cpp.Llama(model_path=path, n_ctx=1024, n_batch=512, n_threads=threads,
                            n_threads_batch=threads, verbose=False)
    ctx = batch_context(model, threads)
    print("llama.cpp:", llama_cpp.llama_print_system_info().decode().strip(), flush=True)
    peer(model, ctx)
    rows = {"decode": ([], []), "prefill": ([], []), "batch": ([], [])}
    for _ in range(ROUNDS):
        theirs = peer(model, ctx)
        for name in rows:
            mine, text = ours(folder, name, path)
            rows[name][0].append(mine)
            rows[name][1].append(theirs[name])
        print("  ".join("%s %.1f / %.1f" % (name, mine[-1][0], theirs[-1][0])
                        for name, (mine, theirs) in rows.items()), flush=True)
    print(text.split(",")[0].strip())
    for name, (mine, theirs) in rows.items():
        for i, what in enumerate(("", " of processor time")):
            a, b = (statistics.median(rate[i] for rate in side) for side in (mine, theirs))
            pairs = sorted(x[i] / y[i] for x, y in zip(mine, theirs))
            print("%-8s ours %.1f tok/s%s, llama.cpp (llama-cpp-python %s, %d threads) %.1f: %.2fx "
                  "(pairs %.2f to %.2f)" % (name, a, what, llama_cpp.__version__, threads, b, a / b,
                                            pairs[0], pairs[-1]))


main()
