#!/usr/bin/env python3
"""Our logits on a GPU and on the CPU beside those of transformers, in one run.

    gpu_transformers.py LOGITS [MODEL.gguf]         LOGITS: the program bench/logits

Models: random Llama and Qwen3 checkpoints of moderate size, made here from a seed and saved by transformers (we
read the safetensors); the tiny ones of test_cuda_model; and the default model's file, if it is given.

The reference is transformers in double precision over the weights as they are stored.  The ruler is transformers
in 16 bits with eager attention, in bf16 where the weights are bf16 and in fp16 elsewhere: our logits may be no
further from the reference (relative L2 norm over all positions) than 1.5 times what the ruler is.  The greatest
logit may be another one only where the reference's gap between its two best is below our difference there.
Exits with 1 when a bar is missed, 77 where torch or transformers is not installed."""
import json
import os
import subprocess
import sys
import tempfile

# Beside this file where only what a GPU machine needs was copied.
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "golden", "logits"))

try:
    import gguf_double
    import numpy as np
    import torch
    import transformers
    from transformers import (AutoModelForCausalLM, Gemma2Config, Gemma3TextConfig, LlamaConfig, Phi3Config,
                              Qwen2Config, Qwen3Config, SmolLM3Config)
except ImportError as e:
    print(f"skipped: {e}")
    sys.exit(77)

BAR = 1.5
CONFIGS = {"llama": LlamaConfig, "qwen2": Qwen2Config, "qwen3": Qwen3Config, "smollm3": SmolLM3Config,
           "phi3": Phi3Config, "gemma2": Gemma2Config, "gemma3": Gemma3TextConfig}
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
SHAPES = {
    "llama": dict(hidden_size=1024, intermediate_size=2816, num_hidden_layers=8, num_attention_heads=16,
                  num_key_value_heads=4, head_dim=64, vocab_size=16384, rope_theta=10000.0),
    "llama-128": dict(hidden_size=2048, intermediate_size=5632, num_hidden_layers=6, num_attention_heads=16,
                      num_key_value_heads=8, head_dim=128, vocab_size=32000, rope_theta=500000.0),
    "qwen3": dict(hidden_size=1024, intermediate_size=3072, num_hidden_layers=8, num_attention_heads=16,
                  num_key_value_heads=8, head_dim=128, vocab_size=16384, rope_theta=1000000.0),
}


def config(kind, theta, **shape):
    rope = {"rope_type": "default", "rope_theta": theta}
    if kind == "gemma3":
        rope = {"full_attention": rope, "sliding_attention": {"rope_type": "default", "rope_theta": 10000.0}}
    c = CONFIGS[kind](max_position_embeddings=4096, rms_norm_eps=shape.pop("rms_norm_eps", 1e-5),
                      tie_word_embeddings=shape.pop("tie_word_embeddings", False), pad_token_id=None,
                      rope_parameters=rope, **shape)
    c._attn_implementation = "eager"
    return c


def blank(c):
    torch.set_default_dtype(torch.float64)
    with torch.device(DEVICE):
        m = AutoModelForCausalLM.from_config(c, attn_implementation="eager")
    torch.set_default_dtype(torch.float32)
    return m.eval()


def cast(m, dtype):
    """Parameters alone: frequencies of rotation stay fp32, as they do when a checkpoint is loaded."""
    for p in m.parameters():
        p.data = p.data.to(dtype)
    return m


def randomise(m, dtype, seed):
    """Weights near one over the root of the width, norms around one, rounded to what is stored."""
    g = torch.Generator(device="cpu").manual_seed(seed)
    with torch.no_grad():
        for name, p in m.named_parameters():
            x = torch.randn(p.shape, generator=g)
            x = 1 + 0.3 * x if "norm" in name else 0.3 * x if p.dim() == 1 else x / p.shape[-1] ** 0.5
            p.copy_(x.to(dtype).double())


# ---- a GGUF file as a model of transformers ----

NAMES = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head",
         "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
         "attn_output": "self_attn.o_proj", "attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm",
         "ffn_gate": "mlp.gate_proj", "ffn_up": "mlp.up_proj", "ffn_down": "mlp.down_proj",
         "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}
OTHER_NAMES = {
    "phi3": {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
    "gemma": {"ffn_norm": "pre_feedforward_layernorm", "post_attention_norm": "post_attention_layernorm",
              "post_ffw_norm": "post_feedforward_layernorm"},
}


def pairs_apart(w, head_dim):
    """Rows of interleaved pairs to first halves, then second halves."""
    rest = w.shape[1:]
    return w.reshape(-1, head_dim // 2, 2, *rest).transpose(1, 2).reshape(-1, *rest)


def from_gguf(path):
    f = gguf_double.File(path)
    arch = f.meta["general.architecture"]
    get = lambda key, other=None: f.meta.get(f"{arch}.{key}", other)
    width, heads = get("embedding_length"), get("attention.head_count")
    hd = get("attention.key_length", width // heads)
    gemma = arch.startswith("gemma")
    names = {**NAMES, **OTHER_NAMES.get("gemma" if gemma else arch, {})}
    more = {"sliding_window": get("attention.sliding_window")} if gemma or arch == "phi3" else {}
    if gemma:
        more["query_pre_attn_scalar"] = hd
    if arch == "gemma2":
        more |= {k: get(k) for k in ("attn_logit_softcapping", "final_logit_softcapping")}
    c = config(arch, get("rope.freq_base"), hidden_size=width, intermediate_size=get("feed_forward_length"),
               num_hidden_layers=get("block_count"), num_attention_heads=heads,
               num_key_value_heads=get("attention.head_count_kv"), head_dim=hd,
               vocab_size=f.info["token_embd.weight"][0][0], tie_word_embeddings="output.weight" not in f.info,
               rms_norm_eps=get("attention.layer_norm_rms_epsilon"), **more)
    m = blank(c)
    state, kinds = {}, set()
    for name, (dims, kind, _) in f.info.items():
        parts = name.split(".")
        head = f"model.layers.{parts[1]}." if parts[0] == "blk" else ""
        w = torch.from_numpy(f.tensor(name))
        if len(dims) == 2:
            kinds.add(kind)
        if arch in ("llama", "smollm3") and parts[-2] in ("attn_q", "attn_k"):
            w = pairs_apart(w, hd)
        if gemma and len(dims) == 1:
            w = w - 1               # the file's norms are what is multiplied with
        state[head + names[parts[-2]] + "." + parts[-1]] = w
    missing, unknown = m.load_state_dict(state, strict=False)
    assert not unknown and set(missing) <= {"lm_head.weight"}, (missing, unknown)
    m.tie_weights()
    return m, torch.bfloat16 if kinds == {30} else torch.float16


# ---- comparing ----

def run_ours(program, model, device, ids, n_vocab):
    with tempfile.TemporaryDirectory() as d:
        ids.astype(np.uint32).tofile(d + "/ids")
        done = subprocess.run([program, model, device, d + "/ids", d + "/out"], capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"{model} on {device}: {done.stderr.strip()}")
        return np.fromfile(d + "/out", np.float32).reshape(len(ids), n_vocab).astype(np.float64)


def run_theirs(m, ids):
    with torch.no_grad():
        return m(torch.from_numpy(ids)[None].to(DEVICE)).logits[0].double().cpu().numpy()


def distance(x, ref):
    return np.sqrt(((x - ref) ** 2).sum() / (ref ** 2).sum())


def other_best(x, ref):
    """Positions where another logit is the greatest, and those where the gap does not excuse it."""
    best, rows = x.argmax(-1), np.arange(len(x))
    two = np.partition(ref, -2, axis=-1)[:, -2:]
    other = best != ref.argmax(-1)
    return int(other.sum()), int((other & (two[:, 1] - two[:, 0] > np.abs(x - ref).max(-1))).sum())


def compare(name, program, path, m, dtype, ids, devices):
    n_vocab = m.config.vocab_size
    ids = np.arange(ids) * 7919 % n_vocab if isinstance(ids, int) else ids
    ref = run_theirs(m, ids)
    theirs = distance(run_theirs(cast(m, dtype), ids), ref)
    row = {"model": name, "ruler": str(dtype)[6:], "positions": len(ids), "transformers": float(f"{theirs:.3g}")}
    good = True
    for device in devices:
        x = run_ours(program, path, device, ids, n_vocab)
        e = distance(x, ref)
        other, bad = other_best(x, ref)
        row[device] = {"error": float(f"{e:.3g}"), "of ruler": round(e / theirs, 3), "other best": other}
        if device != "cpu":         # the CPU's int8 activations have bars of their own
            good &= bool(e <= BAR * theirs) and bad == 0 and bool(np.isfinite(x).all())
    print(json.dumps(row), "" if good else "MISSED", flush=True)
    return good


def main():
    program, files = sys.argv[1], sys.argv[2:]
    devices = ["cuda", "cpu"] if DEVICE == "cuda" else ["cpu"]
    print(f"transformers {transformers.__version__}, torch {torch.__version__} on {DEVICE}")
    torch.backends.cuda.matmul.allow_tf32 = False
    transformers.utils.logging.disable_progress_bar()
    good = True
    with tempfile.TemporaryDirectory() as d:
        for arch in CONFIGS:
            for dtype in ("F32", "F16", "BF16"):
                path = f"{d}/{arch}.gguf"
                subprocess.run([program, "--synth", arch, dtype, path], check=True)
                m, ruler = from_gguf(path)
                ids = np.array([(i * 89 + i // 7) % m.config.vocab_size for i in range(300)])
                good &= compare(f"tiny {arch} {dtype}", program, path, m, ruler, ids, devices)
        for name, shape in SHAPES.items():
            for seed, dtype in ((1, torch.bfloat16), (2, torch.float16)):
                shape_now = dict(shape)
                m = blank(config(name.split("-")[0], shape_now.pop("rope_theta"), **shape_now))
                randomise(m, dtype, seed)
                path = f"{d}/{name}-{seed}"
                cast(m, dtype).save_pretrained(path)
                cast(m, torch.float64)
                good &= compare(f"random {name} {str(dtype)[6:]}", program, path, m, dtype, 300, devices)
        for path in files:
            m, ruler = from_gguf(path)
            good &= compare(path.split("/")[-1], program, path, m, ruler, 300, devices)
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
