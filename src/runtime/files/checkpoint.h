/* checkpoint.h - a model as transformers saves it: config.json, safetensors, tokenizer.json.
 *
 * It is handed out as if it were a GGUF file of the same model: the same keys, the same names of
 * tensors, rows of q and k in the order that the family has there, 1 + w in the norms of Gemma.
 * Whoever reads a bundle therefore knows one convention.  What differs from the file is copied at
 * open (q and k of Llama, norms of Gemma); everything else is the mapping. */
#ifndef RUNTIME_FILES_CHECKPOINT_H
#define RUNTIME_FILES_CHECKPOINT_H

#include "runtime/files/bundle.h"

struct checkpoint_shard {
    const char    *name;
    const uint8_t *bytes;
    size_t         size;
};

/* The files of a checkpoint; an empty slice is a file that is not there. */
struct checkpoint {
    struct slice config;                /* config.json */
    struct slice tokenizer;             /* tokenizer.json */
    struct slice tokenizer_config;      /* tokenizer_config.json */
    struct slice chat_template;         /* chat_template.jinja */
    struct slice index;                 /* model.safetensors.index.json */
    const struct checkpoint_shard *shard;
    uint32_t     n_shard;
};

/* Fills an empty bundle.  The bytes of the shards stay the caller's and must outlive it. */
enum status checkpoint_read(struct bundle *b, const struct checkpoint *c, struct error *err);
/* The same from a directory; the bundle owns the mappings. */
enum status checkpoint_open(struct bundle *b, const char *dir, struct error *err);

/* A bundle over files in memory (tests, fuzzing). */
enum status bundle_open_checkpoint(const struct checkpoint *c, struct bundle **ret_bundle,
                                   struct error *err);

#endif
