#!/usr/bin/env python3
"""The same positions as a file of make_logits.py, computed in double precision over the dequantised weights.

    pip install numpy
    make_exact.py MODEL.gguf smollm2.txt > smollm2_exact.txt

It reads the file (gguf_double.py) and writes the forward pass on its own (Llama and Gemma 3), so it tells how far an
engine that rounds activations is from what the weights say."""
import sys

import numpy as np

from gguf_double import File

TOP = 20


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
            x, embed = (gemma if f.meta["general.architecture"] == "gemma3" else llama)(f, np.array(word[1:], dtype=np.int64))
        elif word[0] == "pos":
            row = embed @ x[int(word[1])]
            best = np.lexsort((np.arange(len(row)), -row))[:TOP]
            print("pos", word[1], *("%d:%.4f" % (i, row[i]) for i in best))


main()
