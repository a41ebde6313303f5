#!/usr/bin/env python3
"""The same positions as a file of make_logits.py, computed in double precision over the dequantised weights.

    pip install numpy
    make_exact.py MODEL.gguf smollm2.txt > smollm2_exact.txt

It reads the file and writes the forward pass on its own (Llama family; F32, Q4_1 and Q8_0 tensors), so it
tells how far an engine that rounds activations is from what the weights say."""
import struct
import sys

import numpy as np

SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
TOP = 20


class File:
    def __init__(self, path):
        self.f = open(path, "rb")
        assert self.f.read(4) == b"GGUF"
        _, n_tensor, n_key = struct.unpack("<IQQ", self.f.read(20))
        self.meta = {}
        for _ in range(n_key):
            key = self.text()
            self.meta[key.decode()] = self.value(self.number("<I"))
        self.info = {}
        for _ in range(n_tensor):
            name = self.text().decode()
            dims = [self.number("<Q") for _ in range(self.number("<I"))]
            self.info[name] = (dims, self.number("<I"), self.number("<Q"))
        align = self.meta.get("general.alignment", 32)
        self.base = (self.f.tell() + align - 1) // align * align

    def number(self, form):
        return struct.unpack(form, self.f.read(struct.calcsize(form)))[0]

    def text(self):
        return self.f.read(self.number("<Q"))

    def value(self, kind):
        if kind == 8:
            return self.text()
        if kind == 9:
            elem, n = self.number("<I"), self.number("<Q")
            return [self.value(elem) for _ in range(n)]
        return self.number(SCALARS[kind])

    def tensor(self, name):
        dims, kind, off = self.info[name]
        n = int(np.prod(dims))
        self.f.seek(self.base + off)
        if kind == 0:
            flat = np.frombuffer(self.f.read(4 * n), "<f4").astype(np.float64)
        elif kind == 3:
            raw = np.frombuffer(self.f.read(n // 32 * 20), np.dtype([("d", "<f2"), ("m", "<f2"), ("q", "u1", 16)]))
            q = np.concatenate([raw["q"] & 15, raw["q"] >> 4], axis=1)
            flat = raw["d"].astype(np.float64)[:, None] * q + raw["m"].astype(np.float64)[:, None]
        elif kind == 8:
            raw = np.frombuffer(self.f.read(n // 32 * 34), np.dtype([("d", "<f2"), ("q", "i1", 32)]))
            flat = raw["d"].astype(np.float64)[:, None] * raw["q"]
        else:
            raise SystemExit(f"{name}: tensor type {kind}")
        return flat.reshape(dims[::-1])


def norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def forward(f, ids):
    get = lambda key: f.meta["llama." + key]
    n_head, n_kv = get("attention.head_count"), get("attention.head_count_kv")
    eps = get("attention.layer_norm_rms_epsilon")
    embed = f.tensor("token_embd.weight")
    x = embed[ids]
    n, hd = len(ids), embed.shape[1] // n_head
    angle = np.arange(n)[:, None] * get("rope.freq_base") ** (-2.0 * np.arange(hd // 2) / hd)
    cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]

    def turn(v):                        # the file's rows lie in interleaved pairs
        a, b = v[..., 0::2], v[..., 1::2]
        return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

    mask = np.triu(np.full((n, n), -np.inf), 1)
    for i in range(get("block_count")):
        w = lambda name: f.tensor(f"blk.{i}.{name}.weight")
        h = norm(x, w("attn_norm"), eps)
        q = turn((h @ w("attn_q").T).reshape(n, n_head, hd))
        k = turn((h @ w("attn_k").T).reshape(n, n_kv, hd))
        v = (h @ w("attn_v").T).reshape(n, n_kv, hd)
        out = np.empty((n, n_head, hd))
        for head in range(n_head):
            kv = head * n_kv // n_head
            s = q[:, head] @ k[:, kv].T / np.sqrt(hd) + mask
            p = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = p / p.sum(-1, keepdims=True) @ v[:, kv]
        x = x + out.reshape(n, -1) @ w("attn_output").T
        h = norm(x, w("ffn_norm"), eps)
        g = h @ w("ffn_gate").T
        x = x + (g / (1 + np.exp(-g)) * (h @ w("ffn_up").T)) @ w("ffn_down").T
    return norm(x, f.tensor("output_norm.weight"), eps), embed


def main():
    f = File(sys.argv[1])
    print("# double precision over dequantised weights, %d greatest logits" % TOP)
    x = embed = None
    for line in open(sys.argv[2]):
        word = line.split()
        if word[0] == "prompt":
            print(line, end="")
        elif word[0] == "ids":
            print(line, end="")
            x, embed = forward(f, np.array(word[1:], dtype=np.int64))
        elif word[0] == "pos":
            row = embed @ x[int(word[1])]
            best = np.lexsort((np.arange(len(row)), -row))[:TOP]
            print("pos", word[1], *("%d:%.4f" % (i, row[i]) for i in best))


main()
