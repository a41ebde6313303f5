/* synth.h - tiny random models as bytes of a GGUF file, so that tests need no download. */
#ifndef RUNTIME_MODEL_SYNTH_H
#define RUNTIME_MODEL_SYNTH_H

#include "base/error.h"
#include "base/str.h"
#include "kernels/dtype.h"

struct synth_opts {
    const char *arch;           /* of model/archs.h */
    enum dtype  dtype;          /* of all matrices */
    uint64_t    seed;
    uint32_t    n_layer;
    uint32_t    width;          /* multiples of the block size of dtype, and of 32 */
    uint32_t    n_head;
    uint32_t    n_kv_head;
    uint32_t    head_dim;
    uint32_t    n_ff;
    uint32_t    context;
    uint32_t    n_vocab;        /* 0: the 264 tokens below; more are names that nobody writes */
};

/* 2 layers of 64, 2 heads over 1, of 32; ff 96; context 512.  More layers where the family has
 * more kinds of them; windows of 40. */
struct synth_opts synth_defaults(const char *arch, enum dtype dtype, uint64_t seed);

/* The vocabulary: 256 tokens that are one byte each (in the byte-level alphabet), a few merged
 * pairs, then <|end|> and <|start|>.  The same options give the same bytes.  ST_NOMEM. */
enum status synth_gguf(const struct synth_opts *o, struct str *ret_bytes, struct error *err);

#endif
