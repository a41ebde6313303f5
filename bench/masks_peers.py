#!/usr/bin/env python3
"""Masks beside llguidance and xgrammar: same schemas, tokens, vocabulary, core and call layer.

    masks_peers.py DIR --vocab FILE --lib BUILD/bench/libpeer_masks.so [--limit N] [--xgrammar N]
                   [--cold instance|schema] [--cpu N] [--json FILE] [--venv DIR]

Makes a virtual environment with the newest of both peers (PyPI) and runs itself in it.  Every engine
is called from Python: the peers through their extensions, ours by ctypes; what an empty call costs is
printed and stays inside the figures.  All matchers are cold: each instance gets a constraint compiled
anew, ours with empty memos; caches of the peers are off.  With `--cold schema` the instances of one schema
are, on our side, matchers of one constraint, as a server would have them (bench/masks does the same);
the peers get a new matcher for each instance all the same.  Valid instances are replayed in the schema's
order of keys, split by longest match.  Two engines are compared on the files that both compile and the
instances that both accept.  --limit takes N files spread over the directory; xgrammar, which may
compile for seconds, runs on N files of them (0: none).
"""
import argparse
import base64
import ctypes
import gc
import importlib.metadata
import json
import os
import subprocess
import sys
import time

PEERS = ["llguidance", "xgrammar", "numpy"]
NO_TOKEN = 0xFFFFFFFF
now = time.perf_counter_ns


def in_venv(folder):
    """Runs this script again with the Python of the environment, made if need be."""
    python = os.path.join(folder, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(folder):
        return
    if not os.path.exists(python):
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    have = subprocess.run([python, "-c", "import llguidance, xgrammar, numpy"], capture_output=True)
    if have.returncode != 0:
        subprocess.run([python, "-m", "pip", "install", "-q", "--upgrade", *PEERS], check=True)
    os.execv(python, [python, *sys.argv])


class Ours:
    name = "sgl"
    settings = "flexible white space, memos emptied before each compile"

    def __init__(self, lib, vocab_path):
        pointer, u32 = ctypes.c_void_p, ctypes.c_uint32
        self.lib = lib = ctypes.CDLL(lib)
        for name, result, args in [
                ("vocab", pointer, [ctypes.c_char_p]), ("n_vocab", u32, [pointer]),
                ("file", pointer, [pointer, ctypes.c_char_p]), ("schema", ctypes.c_char_p, [pointer]),
                ("n_instance", u32, [pointer]), ("tokens", ctypes.POINTER(u32), [pointer, u32]),
                ("file_free", None, [pointer]), ("forget", None, [pointer]),
                ("compile", pointer, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
                ("constraint_free", None, [pointer]), ("matcher", pointer, [pointer]),
                ("matcher_free", None, [pointer]), ("mask", ctypes.c_int, [pointer, pointer]),
                ("accept", ctypes.c_int, [pointer, u32]), ("may_stop", ctypes.c_int, [pointer]),
                ("nothing", ctypes.c_int, [pointer, pointer])]:
            call = getattr(lib, "peer_" + name)
            call.restype, call.argtypes = result, args
        self.vocab = lib.peer_vocab(vocab_path.encode())
        if not self.vocab:
            sys.exit(f"masks_peers: {vocab_path} cannot be read")
        self.n_vocab = lib.peer_n_vocab(self.vocab)
        self.row = (u32 * (self.n_vocab // 32 + 2))()
        self.at = ctypes.addressof(self.row)
        self.version = "this tree"
        self.held = None

    def hold(self, schema):
        """Matchers from here on are of one constraint, until release."""
        self.forget()
        text = schema.encode()
        self.held = self.lib.peer_compile(self.vocab, text, len(text))

    def release(self):
        if self.held:
            self.lib.peer_constraint_free(self.held)
        self.held = None

    def read(self, path):
        """The schema and the tokens of each valid instance, or None."""
        f = self.lib.peer_file(self.vocab, path.encode())
        if not f:
            return None
        instances = []
        for i in range(self.lib.peer_n_instance(f)):
            ids, one = self.lib.peer_tokens(f, i), []
            while ids[len(one)] != NO_TOKEN:
                one.append(ids[len(one)])
            instances.append(one)
        schema = self.lib.peer_schema(f)
        self.lib.peer_file_free(f)
        return schema.decode(), instances

    def forget(self):
        if not self.held:
            self.lib.peer_forget(self.vocab)

    def build(self, schema):
        if self.held:
            return None, self.lib.peer_matcher(self.held)
        text = schema.encode()
        c = self.lib.peer_compile(self.vocab, text, len(text))
        return (c, self.lib.peer_matcher(c)) if c else None

    def calls(self, m):
        mask, accept, stop, at = self.lib.peer_mask, self.lib.peer_accept, self.lib.peer_may_stop, self.at
        h = ctypes.c_void_p(m[1])
        return (lambda: mask(h, at)), (lambda t: accept(h, t)), (lambda: stop(h))

    def floor(self, m):
        nothing, at, h = self.lib.peer_nothing, self.at, ctypes.c_void_p(m[1])
        return lambda: nothing(h, at)

    def bit(self, t):
        return self.row[t >> 5] >> (t & 31) & 1

    def close(self, m):
        self.lib.peer_matcher_free(m[1])
        if m[0]:
            self.lib.peer_constraint_free(m[0])


class Llguidance:
    name = "llguidance"
    settings = "default options and slices, a new matcher for each instance (no deep_copy)"

    def __init__(self, tokens):
        import llguidance
        import numpy
        self.version = importlib.metadata.version("llguidance")
        self.matcher = llguidance.LLMatcher
        by_text = {t: i for i, t in reversed(list(enumerate(tokens)))}

        class Plain:
            eos_token_id, bos_token_id = len(tokens), None
            special_token_ids = [len(tokens)]

            def __init__(self):
                self.tokens = tokens + [b"<|eos|>"]

            def __call__(self, text):
                text, ids = text if isinstance(text, bytes) else text.encode(), []
                while text:
                    n = next((n for n in range(min(len(text), 64), 0, -1) if text[:n] in by_text), 0)
                    if not n:
                        break
                    ids.append(by_text[text[:n]])
                    text = text[n:]
                return ids

        self.tokenizer = llguidance.LLTokenizer(llguidance.TokenizerWrapper(Plain()))
        self.row = numpy.zeros((self.tokenizer.vocab_size + 31) // 32, dtype=numpy.uint32)

    def forget(self):
        pass

    def build(self, schema):
        try:
            m = self.matcher(self.tokenizer, self.matcher.grammar_from_json_schema(schema), log_level=0)
        except ValueError:
            return None
        return None if m.is_error() else m

    def calls(self, m):
        mask, at, size = m.unsafe_compute_mask_ptr, self.row.ctypes.data, self.row.nbytes
        return (lambda: mask(at, size)), m.consume_token, m.is_accepting

    def floor(self, m):
        return m.is_error

    def bit(self, t):
        return int(self.row[t >> 5]) >> (t & 31) & 1

    def close(self, m):
        pass


class Xgrammar:
    name = "xgrammar"
    settings = "cache off, 1 thread, any white space, JSON Schema semantics (strict_mode off)"

    def __init__(self, tokens):
        import xgrammar
        self.version = importlib.metadata.version("xgrammar")
        self.x = xgrammar
        info = xgrammar.TokenizerInfo(tokens + [b"<|eos|>"], vocab_type=xgrammar.VocabType.RAW,
                                      stop_token_ids=[len(tokens)])
        self.compiler = xgrammar.GrammarCompiler(info, max_threads=1, cache_enabled=False)
        self.rows = xgrammar.allocate_token_bitmask(1, info.vocab_size)

    def forget(self):
        pass

    def build(self, schema):
        try:
            return self.x.GrammarMatcher(self.compiler.compile_json_schema(
                schema, any_whitespace=True, strict_mode=False))
        except Exception:           # its errors have no common class
            return None

    def calls(self, m):
        fill, rows = m.fill_next_token_bitmask, self.rows
        return (lambda: fill(rows)), m.accept_token, m.is_completed

    def floor(self, m):
        return m.is_terminated

    def bit(self, t):
        return int(self.rows[0, t >> 5]) >> (t & 31) & 1

    def close(self, m):
        pass


class Outcome:
    """Of one engine and one file."""

    def __init__(self):
        self.first = None           # ns to the first mask; None: refused
        self.mask, self.commit, self.accepted = [], [], []      # a list, and a verdict, for each instance


def first_mask(engine, schema, out):
    engine.forget()
    t0 = now()
    m = engine.build(schema)
    if not m:
        return
    engine.calls(m)[0]()
    out.first = now() - t0
    engine.close(m)


def replay(engine, schema, tokens, out):
    engine.forget()
    m = engine.build(schema)
    masks, commits, good = [], [], m is not None
    mask, accept, may_stop = engine.calls(m) if m else (None, None, None)
    for t in tokens if m else []:
        t0 = now()
        mask()
        t1 = now()
        good = bool(engine.bit(t))
        if not good:
            break
        t2 = now()
        good = bool(accept(t))
        t3 = now()
        masks.append(t1 - t0)
        commits.append(t3 - t2)
        if not good:
            break
    good = good and bool(may_stop())
    if m:
        engine.close(m)
    out.mask.append(masks)
    out.commit.append(commits)
    out.accepted.append(good)


def run(engine, schema, instances, hold):
    out = Outcome()
    first_mask(engine, schema, out)
    if hold:
        engine.hold(schema)
    for tokens in instances if out.first is not None else []:
        replay(engine, schema, tokens, out)
    if hold:
        engine.release()
    return out


def floor_ns(engine):
    m = engine.build('{"type":"integer"}')
    call, best = engine.floor(m), []
    for _ in range(2000):
        t0 = now()
        call()
        best.append(now() - t0)
    engine.close(m)
    return sorted(best)[len(best) // 2]


def at(values, q):
    return values[int(q * (len(values) - 1))] / 1000 if values else 0.0


def figures(values):
    values = sorted(values)
    return {"n": len(values), "mean": sum(values) / 1000 / max(1, len(values)), "p50": at(values, 0.5),
            "p99": at(values, 0.99), "p99.9": at(values, 0.999), "max": at(values, 1)}


def compare(ours, peer, outcomes):
    """Prints both on what both can do; the ratios that are asked for."""
    sides = {e.name: {"first": [], "mask": [], "commit": []} for e in (ours, peer)}
    files = instances = 0
    for by_engine in outcomes:
        a, b = by_engine[ours.name], by_engine.get(peer.name)
        if not b or a.first is None or b.first is None:
            continue
        files += 1
        both = [i for i in range(len(a.accepted)) if a.accepted[i] and b.accepted[i]]
        instances += len(both)
        for name, o in ((ours.name, a), (peer.name, b)):
            sides[name]["first"].append(o.first)
            for i in both:
                sides[name]["mask"] += o.mask[i]
                sides[name]["commit"] += o.commit[i]
    got = {name: {k: figures(v) for k, v in side.items()} for name, side in sides.items()}
    print(f"\n{ours.name} and {peer.name} on {files} files that both compile, {instances} instances that "
          f"both accept (us)")
    for what in ("first", "mask", "commit"):
        for name in sides:
            f = got[name][what]
            print(f"  {what:7}{name:12}n {f['n']:7}  mean {f['mean']:9.2f}  p50 {f['p50']:8.2f}  p99 {f['p99']:9.2f}"
                  f"  p99.9 {f['p99.9']:9.2f}  max {f['max']:10.2f}")
    ratios = {}
    for what, q in (("mask", "mean"), ("mask", "p99"), ("mask", "p99.9"), ("commit", "p99"), ("first", "p50")):
        mine, theirs = got[ours.name][what][q], got[peer.name][what][q]
        ratios[f"{what} {q}"] = theirs / mine if mine else 0.0
    print("  ratios   " + "  ".join(f"{k} {v:.1f}x" for k, v in ratios.items()))
    return {"files": files, "instances": instances, "figures": got, "ratios": ratios}


def counts(engine, outcomes):
    mine = [o[engine.name] for o in outcomes if engine.name in o]
    compiled = [o for o in mine if o.first is not None]
    missed = sum(not ok for o in compiled for ok in o.accepted)
    print(f"{engine.name} {engine.version}: {engine.settings}; {len(compiled)} of {len(mine)} files compile, "
          f"{missed} valid instances not accepted; an empty call {floor_ns(engine) / 1000:.2f} us")


def spread(items, n):
    return items if n >= len(items) else [items[i * len(items) // n] for i in range(n)]


def main():
    p = argparse.ArgumentParser(description="Times masks beside llguidance and xgrammar.")
    p.add_argument("dir")
    p.add_argument("--vocab", required=True)
    p.add_argument("--lib", required=True)
    p.add_argument("--limit", type=int, default=1 << 30)
    p.add_argument("--xgrammar", type=int, default=50)
    p.add_argument("--cold", choices=["instance", "schema"], default="instance")
    p.add_argument("--cpu", type=int, default=None)
    p.add_argument("--json")
    p.add_argument("--venv", default=os.path.expanduser("~/.cache/sgl/peers-venv"))
    a = p.parse_args()
    in_venv(a.venv)

    os.sched_setaffinity(0, {a.cpu if a.cpu is not None else min(os.sched_getaffinity(0))})
    with open(a.vocab, "rb") as f:
        tokens = [base64.b64decode(line) for line in f.read().splitlines()]
    ours = Ours(os.path.abspath(a.lib), a.vocab)
    llg = Llguidance(tokens)
    xg = Xgrammar(tokens) if a.xgrammar else None

    names = spread(sorted(n for n in os.listdir(a.dir) if n.endswith(".json")), a.limit)
    sample = set(spread(names, a.xgrammar) if xg else [])
    outcomes = []
    gc.disable()
    for i, name in enumerate(names):
        read = ours.read(os.path.join(a.dir, name))
        if not read:
            continue
        engines = [ours, llg] if i % 2 else [llg, ours]     # neither is always the second one
        engines += [xg] if name in sample else []
        outcomes.append({e.name: run(e, *read, e is ours and a.cold == "schema") for e in engines})
        if i % 50 == 49:
            gc.collect()

    print(f"vocabulary {len(tokens)} tokens, {len(outcomes)} files, one core, cold matchers")
    peers = [llg] + ([xg] if xg else [])
    for e in [ours, *peers]:
        counts(e, outcomes)
    result = {peer.name: {"version": peer.version, **compare(ours, peer, outcomes)} for peer in peers}
    if a.json:
        with open(a.json, "w") as f:
            json.dump(result, f, indent=2)


main()
