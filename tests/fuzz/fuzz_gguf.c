/* fuzz_gguf.c - any bytes as a model file: opened, asked for everything, and loaded if it is one.
 *
 * A small file that describes a whole model goes on to a forward pass, because shapes and tensors
 * that agree with each other are what the layer loop relies on. */
#include <stdint.h>
#include <stdlib.h>

#include "runtime/backend/backend.h"
#include "runtime/files/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void ask(const struct bundle *b)
{
    static const char *const keys[] = { "general.architecture", "tokenizer.ggml.tokens",
                                        "tokenizer.ggml.token_type", "llama.block_count", "" };
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
        struct slice s;
        uint64_t n = 0;
        double x;
        bundle_str(b, keys[i], &s);
        bundle_u64(b, keys[i], &n);
        bundle_f64(b, keys[i], &x);
        if (!bundle_array_len(b, keys[i], &n) || n == 0)
            continue;
        bundle_array_str(b, keys[i], n - 1, &s);
        bundle_array_u64(b, keys[i], n - 1, &n);
        bundle_array_f64(b, keys[i], 0, &x);
    }
}

static void forward(const struct bundle *b)
{
    struct backend_opts opts = { .n_page = 4, .max_batch_tok = 4, .max_seq = 1, .context = 32,
                                 .n_thread = 1, .device = "cpu" };
    struct backend *be = NULL;
    struct error err = { 0 };
    if (backend_open(b, &opts, &be, &err) != ST_OK)
        return;
    float *logits = malloc((size_t)be->vt->info(be)->n_vocab * sizeof *logits);
    struct batch_seq seq = { .n_row = 3, .page = (uint32_t[]){ 1, 2 } };
    struct batch batch = { .tok = (uint32_t[]){ 0, 0, 0 }, .n_row = 3, .seq = &seq, .n_seq = 1,
                           .logit_row = (uint32_t[]){ 2 }, .n_logit = 1 };
    if (logits)
        be->vt->forward(be, &batch, logits, &err);
    free(logits);
    backend_close(be);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bundle *b = NULL;
    struct error err = { 0 };
    if (bundle_open_memory(data, size, &b, &err) != ST_OK)
        return 0;
    struct arena arena = { 0 };
    struct manifest manifest;
    ask(b);
    manifest_load(b, &arena, &manifest, &err);
    forward(b);
    arena_free(&arena);
    bundle_close(b);
    return 0;
}
