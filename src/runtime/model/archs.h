/* archs.h - families of models, a row each: what they have beyond the plain Llama layer. */
#ifndef RUNTIME_MODEL_ARCHS_H
#define RUNTIME_MODEL_ARCHS_H

#include <stdbool.h>

struct arch {
    const char *name;           /* general.architecture of the file */
    bool        pairs;          /* q and k rows lie in interleaved pairs and are put into halves at load */
    bool        qkv_bias;       /* bias on q, k and v */
    bool        qk_norm;        /* RMS norm of each q and k head before rotation */
};

static const struct arch archs[] = {
    { .name = "llama", .pairs = true },     /* Llama, SmolLM2, Mistral */
    { .name = "qwen2", .qkv_bias = true },
    { .name = "qwen3", .qk_norm = true },
};

enum { N_ARCH = sizeof archs / sizeof *archs };

#endif
