#!/usr/bin/env python3
"""Tiny random checkpoints, one for each family, with golden logits of transformers.

    pip install torch transformers
    make_families.py [NAME...]          (writes families/NAME beside this file)

Weights have a standard deviation of one over the root of the width, norms and biases are random, heads are not
width / heads where the family allows it, and windows, scalings and caps bend within 65 tokens: what is left out of
a forward pass shows.  Everything is rounded to bf16 before it is saved.  golden.txt has logits in double precision
(eager attention; norms, softmax and rotations are fp32 inside of transformers) at some positions of prompts of 1, 17
and 65 ids, and how far the logits of transformers in bf16 are from them: relative L2 over the same rows."""
import os
import sys

import torch
import transformers

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "families")
VOCAB = 256

BASE = dict(vocab_size=VOCAB, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=512, bos_token_id=1, eos_token_id=2, pad_token_id=0,
            tie_word_embeddings=True)
HEADS = dict(num_attention_heads=4, num_key_value_heads=1, head_dim=32)
ROPE = {"rope_type": "default", "rope_theta": 500.0}
GEMMA = dict(BASE, hidden_size=96, intermediate_size=64, num_attention_heads=2, num_key_value_heads=1, head_dim=32,
             query_pre_attn_scalar=24, sliding_window=9)

PHI = dict(BASE, num_attention_heads=2, num_key_value_heads=1, max_position_embeddings=1024)


def longrope(original, part=1.0):
    return dict(partial_rotary_factor=part, original_max_position_embeddings=original, rope_parameters={
        "rope_type": "longrope", "rope_theta": 500.0, "original_max_position_embeddings": original,
        "short_factor": [1.0 + 0.1 * i for i in range(16)], "long_factor": [1.0 + 0.5 * i for i in range(16)]})


FAMILIES = {
    "llama": ("LlamaConfig", dict(BASE, **HEADS, tie_word_embeddings=False, rope_parameters={
        "rope_type": "llama3", "rope_theta": 500.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
        "original_max_position_embeddings": 32})),
    "qwen2": ("Qwen2Config", dict(BASE, num_attention_heads=2, num_key_value_heads=1, rope_parameters=ROPE)),
    "qwen3": ("Qwen3Config", dict(BASE, **HEADS, rope_parameters=ROPE)),
    "mistral": ("MistralConfig", dict(BASE, **HEADS, sliding_window=11, rope_parameters=ROPE)),
    "smollm3": ("SmolLM3Config", dict(BASE, intermediate_size=64, num_hidden_layers=4, num_attention_heads=2,
                                      num_key_value_heads=1, no_rope_layers=[1, 0, 1, 1], rope_parameters=ROPE)),
    "phi3": ("Phi3Config", dict(PHI, sliding_window=20, **longrope(256))),     # the short list
    "phi3_long": ("Phi3Config", dict(PHI, num_attention_heads=1, **longrope(16, part=0.5))),   # the long one
    "gemma2": ("Gemma2Config", dict(GEMMA, attn_logit_softcapping=2.0, final_logit_softcapping=3.0,
                                    rope_parameters=ROPE)),
    "gemma3": ("Gemma3TextConfig", dict(GEMMA, num_hidden_layers=3, num_attention_heads=2, layer_types=[
        "sliding_attention", "full_attention", "sliding_attention"], rope_parameters={
        "full_attention": {"rope_type": "linear", "factor": 4.0, "rope_theta": 2000.0},
        "sliding_attention": {"rope_type": "default", "rope_theta": 200.0}})),
}

# The same text model inside of one for images; what is for images is random too, and not looked at.
FAMILIES["gemma3_images"] = ("Gemma3Config", dict(
    text_config=dict(FAMILIES["gemma3"][1], num_hidden_layers=2, intermediate_size=32), mm_tokens_per_image=1,
    vision_config=dict(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=1, image_size=14,
                       patch_size=14), boi_token_index=250, eoi_token_index=251, image_token_index=252,
    tie_word_embeddings=True))
FAMILIES["gemma3_images"][1]["text_config"]["layer_types"] = ["sliding_attention", "full_attention"]


def fill(model, gemma, gen):
    for name, p in model.named_parameters():
        x = torch.randn(p.shape, generator=gen)
        if p.dim() == 2:
            x = x / p.shape[1] ** 0.5
        elif "norm" in name:
            x = x * 0.3 + (0.0 if gemma else 1.0)
        else:
            x = x * 0.3
        p.data.copy_(x.to(torch.bfloat16).to(p.dtype))


def auto(name):
    return transformers.AutoModelForImageTextToText if "images" in name else transformers.AutoModelForCausalLM


def logits(path, dtype, ids):
    model = auto(path).from_pretrained(path, dtype=dtype, attn_implementation="eager")
    with torch.no_grad():
        return model.eval()(torch.tensor([ids])).logits[0].double()


def make(name):
    kind, options = FAMILIES[name]
    path = os.path.join(HERE, name)
    gen = torch.Generator().manual_seed(sum(name.encode()))
    config = getattr(transformers, kind)(**options)
    model = auto(name).from_config(config)
    fill(model, name.startswith("gemma"), gen)
    model.to(torch.bfloat16).save_pretrained(path)
    if os.path.exists(os.path.join(path, "generation_config.json")):
        os.remove(os.path.join(path, "generation_config.json"))
    with open(os.path.join(path, "golden.txt"), "w") as out:
        print("# transformers", transformers.__version__, "torch", torch.__version__.split("+")[0], file=out)
        for n, step in (1, 1), (17, 4), (65, 8):
            ids = torch.randint(3, VOCAB, (n,), generator=gen).tolist()
            exact, half = logits(path, torch.float64, ids)[::step], logits(path, torch.bfloat16, ids)[::step]
            print("prompt", n, "bf16 %.3e" % ((half - exact).norm() / exact.norm()), file=out)
            print("ids", *ids, file=out)
            for i, row in enumerate(exact):
                print("pos", i * step, *("%.6g" % x for x in row.tolist()), file=out)


for name in sys.argv[1:] or FAMILIES:
    make(name)
