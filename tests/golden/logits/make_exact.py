#!/usr/bin/env python3
"""The same positions as a file of make_logits.py, computed in double precision over the dequantised weights.

    pip install numpy
    make_exact.py MODEL.gguf smollm2.txt > smollm2_exact.txt

It reads the file and writes the forward pass on its own (Llama and Gemma 3; F32, Q4_1, Q5_0, Q8_0, Q4_K and Q6_K
tensors), so it tells how far an engine that rounds activations is from what the weights say."""
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
        elif kind == 6:
            raw = np.frombuffer(self.f.read(n // 32 * 22), np.dtype([("d", "<f2"), ("h", "<u4"), ("q", "u1", 16)]))
            high = (raw["h"][:, None] >> np.arange(32, dtype=np.uint32) & 1) << 4
            q = np.concatenate([raw["q"] & 15, raw["q"] >> 4], axis=1) | high
            flat = raw["d"].astype(np.float64)[:, None] * (q.astype(np.float64) - 16)
        elif kind == 12:
            flat = q4_k(np.frombuffer(self.f.read(n // 256 * 144), np.dtype(
                [("d", "<f2"), ("m", "<f2"), ("s", "u1", 12), ("q", "u1", (4, 32))])))
        elif kind == 14:
            flat = q6_k(np.frombuffer(self.f.read(n // 256 * 210), np.dtype(
                [("l", "u1", (2, 2, 32)), ("h", "u1", (2, 32)), ("s", "i1", 16), ("d", "<f2")])))
        elif kind == 8:
            raw = np.frombuffer(self.f.read(n // 32 * 34), np.dtype([("d", "<f2"), ("q", "i1", 32)]))
            flat = raw["d"].astype(np.float64)[:, None] * raw["q"]
        else:
            raise SystemExit(f"{name}: tensor type {kind}")
        return flat.reshape(dims[::-1])


def q4_k(raw):
    s = raw["s"].astype(np.int64)
    low, high = s[:, :4], s[:, 8:]
    scale = np.concatenate([low & 63, high & 15 | low >> 6 << 4], axis=1)
    least = np.concatenate([s[:, 4:8] & 63, high >> 4 | s[:, 4:8] >> 6 << 4], axis=1)
    q = np.stack([raw["q"] & 15, raw["q"] >> 4], axis=2).reshape(len(raw), 8, 32)
    d, m = raw["d"].astype(np.float64)[:, None], raw["m"].astype(np.float64)[:, None]
    return (d * scale)[..., None] * q - (m * least)[..., None]


def q6_k(raw):
    low, high = raw["l"], raw["h"][:, :, None, :] >> np.array([0, 2, 4, 6], dtype=np.uint8)[None, None, :, None] & 3
    q = np.concatenate([low & 15, low >> 4], axis=2).astype(np.int64) | high.astype(np.int64) << 4
    by = (raw["d"].astype(np.float64)[:, None] * raw["s"])[..., None]
    return by * (q.reshape(len(raw), 16, 16) - 32.0)


def norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x ** 3)))


def gemma(f, ids):
    get = lambda key: f.meta["gemma3." + key]
    n_head, n_kv, hd = get("attention.head_count"), get("attention.head_count_kv"), get("attention.key_length")
    eps, window, n = get("attention.layer_norm_rms_epsilon"), get("attention.sliding_window"), len(ids)
    embed = f.tensor("token_embd.weight")
    x = embed[ids] * np.sqrt(embed.shape[1])
    far = np.arange(n)[:, None] - np.arange(n)

    for i in range(get("block_count")):
        w = lambda name: f.tensor(f"blk.{i}.{name}.weight")
        local = (i + 1) % 6 != 0
        angle = np.arange(n)[:, None] * (1e4 if local else get("rope.freq_base")) ** (-2.0 * np.arange(hd // 2) / hd)
        cos, sin = np.cos(angle)[:, None], np.sin(angle)[:, None]

        def turn(v):
            a, b = v[..., :hd // 2], v[..., hd // 2:]
            return np.concatenate([a * cos - b * sin, b * cos + a * sin], -1)

        hidden = (far < 0) | (local & (far >= window))
        h = norm(x, w("attn_norm"), eps)
        q = turn(norm((h @ w("attn_q").T).reshape(n, n_head, hd), w("attn_q_norm"), eps))
        k = turn(norm((h @ w("attn_k").T).reshape(n, n_kv, hd), w("attn_k_norm"), eps))
        v = (h @ w("attn_v").T).reshape(n, n_kv, hd)
        out = np.empty((n, n_head, hd))
        for head in range(n_head):
            kv = head * n_kv // n_head
            s = np.where(hidden, -np.inf, q[:, head] @ k[:, kv].T / np.sqrt(hd))
            p = np.exp(s - s.max(-1, keepdims=True))
            out[:, head] = p / p.sum(-1, keepdims=True) @ v[:, kv]
        x = x + norm(out.reshape(n, -1) @ w("attn_output").T, w("post_attention_norm"), eps)
        h = norm(x, w("ffn_norm"), eps)
        h = gelu(h @ w("ffn_gate").T) * (h @ w("ffn_up").T)
        x = x + norm(h @ w("ffn_down").T, w("post_ffw_norm"), eps)
    return norm(x, f.tensor("output_norm.weight"), eps), embed


def llama(f, ids):
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
            x, embed = (gemma if f.meta["general.architecture"] == b"gemma3" else llama)(f, np.array(word[1:], dtype=np.int64))
        elif word[0] == "pos":
            row = embed @ x[int(word[1])]
            best = np.lexsort((np.arange(len(row)), -row))[:TOP]
            print("pos", word[1], *("%d:%.4f" % (i, row[i]) for i in best))


main()
