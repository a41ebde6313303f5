/* model.h - one transformer: its shape, its weights on a device, and the loop over its layers.
 *
 * A model belongs to the backend that made it: one thread at a time.  Weights are repacked for the
 * device at load; the embedding table is read from the mapped file, which must outlive the model. */
#ifndef RUNTIME_MODEL_MODEL_H
#define RUNTIME_MODEL_MODEL_H

#include "base/error.h"
#include "kernels/kernels.h"
#include "runtime/files/bundle.h"

struct model_config {
    const struct arch *arch;
    uint32_t n_layer, width, n_head, n_kv_head, head_dim, n_ff, n_vocab, context;
    float    eps;
    double   rope_base;
    double   rope_factor;           /* positions are divided by it; 1: none */
};

struct model;

/* Shape from metadata.  ST_UNSUPPORTED by name for a family or a setting that is not known. */
enum status model_config_read(const struct bundle *b, struct model_config *ret, struct error *err);

struct model_opts {
    uint32_t max_row;               /* rows of one forward */
    uint32_t n_page;                /* KV pages, page 0 included */
    uint32_t context;               /* positions of the rotation tables */
};

/* Takes neither the bundle nor the device; both must outlive the model. */
enum status model_new(const struct bundle *b, const struct model_config *config,
                      const struct model_opts *opts, struct device *device, struct model **ret,
                      struct error *err);
void        model_free(struct model *m);                    /* NULL is fine */
uint64_t    model_weight_bytes(const struct model *m);
uint64_t    model_kv_bytes(const struct model_config *c, uint32_t n_page);
uint64_t    model_hash(const struct bundle *b, const struct model_config *c);

/* Rows of several sequences; logits: [n_logit, n_vocab] of the rows named, ascending. */
struct model_batch {
    const uint32_t         *tok;        /* [n_row] */
    uint32_t                n_row;
    const struct attn_item *item;       /* [n_item] rows ascending, without gaps */
    uint32_t                n_item;
    const uint32_t         *logit_row;
    uint32_t                n_logit;
};
void model_forward(struct model *m, const struct model_batch *batch, float *logits);

/* The first n_tok tokens' keys and values of one page into another. */
void model_copy_page(struct model *m, uint32_t dst, uint32_t src, uint32_t n_tok);

#endif
