/* checkpoint_int.h - the parts of the checkpoint reader. */
#ifndef RUNTIME_FILES_CHECKPOINT_INT_H
#define RUNTIME_FILES_CHECKPOINT_INT_H

#include <jansson.h>

#include "runtime/files/bundle_int.h"
#include "runtime/files/checkpoint.h"

/* What differs between the families in names, shapes and data; found by "model_type". */
struct family {
    const char *type;           /* in config.json */
    const char *arch;           /* in GGUF files */
    const char *act;            /* the one activation that the family has */
    uint32_t    head_dim;       /* where config.json does not say; 0: width / heads */
    double      base;           /* of the rotation, likewise */
    bool        permuted;       /* q and k rows in GGUF files stand in interleaved pairs */
    bool        gemma;          /* norms around every block, stored as w and meant as 1 + w */
    /* Where config.json does not say; 0: it must. */
    uint32_t    n_head, n_kv_head, context;
};

const struct family *family_find(struct slice type);    /* or NULL */

/* A tensor as a shard has it; the name lies in the arena that safetensors_read was given. */
struct source_tensor {
    struct bundle_tensor t;
    const char          *shard;
};

struct source_list {
    struct source_tensor *tensor;
    uint32_t              n, cap;
    struct hashmap        by_name;
};

/* Appends the tensors of one file. */
enum status safetensors_read(const struct checkpoint_shard *s, struct arena *arena,
                             struct source_list *list, struct error *err);

/* The shapes of the q and k heads, for the order of their rows. */
struct config_shape {
    const struct family *family;
    uint32_t             head_dim;
    bool                 tied;          /* lm_head is the embedding, whatever the file holds */
    bool                 nested;        /* the text part of a model that reads images too */
};

/* config.json to the keys of a GGUF file. */
enum status checkpoint_config(struct bundle *b, const json_t *config, struct config_shape *ret,
                              struct error *err);
/* The tensors of the list under their names in GGUF files. */
enum status checkpoint_tensors(struct bundle *b, const struct config_shape *shape,
                               const struct source_list *list, struct error *err);
/* tokenizer.json and tokenizer_config.json (NULL: not there) to the keys of a GGUF file. */
enum status checkpoint_tokenizer(struct bundle *b, const json_t *config, const json_t *tokenizer,
                                 const json_t *tokenizer_config, struct error *err);

#endif
