/* archs.h - the families that the layer loop knows, one row each.
 *
 * A row says what a family has beyond plain Llama; forward.c asks the model for it and never for a
 * name.  Mistral is "llama" with heads of its own width and perhaps a window. */
#ifndef RUNTIME_MODEL_ARCHS_H
#define RUNTIME_MODEL_ARCHS_H

#include <stdbool.h>
#include <stdint.h>

struct arch_row {
    const char *name;           /* in the file */
    bool        permuted;       /* q and k rows lie in interleaved pairs */
    bool        qkv_bias;       /* biases on q, k and v */
    bool        qk_norm;        /* a norm of each q and k head */
    bool        post_norm;      /* norms behind attention and feed-forward, before they are added */
    bool        gelu;           /* the gate is gelu, by its tanh form */
    bool        scaled_embed;   /* embeddings times the root of the width */
    bool        window_all;     /* a window, where the file names one, is for every layer ... */
    uint32_t    window_but;     /* ... or for all but each n-th */
    uint32_t    no_rope;        /* each n-th layer has no rotation */
    uint32_t    local_base;     /* of the rotation in layers with a window; 0: that of the others */
    uint32_t    large;          /* layers of the one size whose scores are scaled by width / heads */
};

#define ARCH_ROWS(X)                                                                            \
    X("llama", .permuted = true, .window_all = true)                                            \
    X("smollm3", .permuted = true, .no_rope = 4)                                                \
    X("qwen2", .qkv_bias = true)                                                                \
    X("qwen3", .qk_norm = true)                                                                 \
    X("phi3", .window_all = true)                                                               \
    X("gemma2", .post_norm = true, .gelu = true, .scaled_embed = true, .window_but = 2,         \
      .large = 46)                                                                              \
    X("gemma3", .qk_norm = true, .post_norm = true, .gelu = true, .scaled_embed = true,         \
      .window_but = 6, .local_base = 10000, .large = 62)

#endif
