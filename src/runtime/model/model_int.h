/* model_int.h - the inside of a model, shared by the files of this folder only. */
#ifndef RUNTIME_MODEL_MODEL_INT_H
#define RUNTIME_MODEL_MODEL_INT_H

#include "runtime/model/archs.h"
#include "runtime/model/model.h"

struct layer {
    float         *attn_norm;       /* [width] */
    struct matrix *qkv;             /* [(n_head + 2 n_kv_head) head_dim, width] */
    float         *qkv_bias;        /* or NULL */
    float         *q_norm, *k_norm; /* [head_dim] or NULL */
    struct matrix *o;               /* [width, n_head head_dim] */
    float         *ffn_norm;        /* [width] */
    struct matrix *gate_up;         /* [2 n_ff, width] */
    struct matrix *down;            /* [width, n_ff] */
};

struct model {
    struct model_config         config;
    struct device              *device;
    struct attn_shape           shape;
    struct layer               *layer;          /* [n_layer] */
    const struct bundle_tensor *embed;          /* [n_vocab, width] in the file */
    float                      *out_norm;
    struct matrix              *head;           /* [n_vocab, width] */
    float                      *rope;           /* [context, 2, head_dim / 2] */
    uint16_t                   *kv;             /* [n_layer, n_page, kv_page_elems] */
    uint32_t                    n_page;
    uint32_t                    max_row;
    float *x, *qkv, *att, *gate_up;             /* [max_row, ...] activations */
};

enum status weights_load(const struct bundle *b, struct model *m, struct error *err);
void        weights_free(struct model *m);
enum status rope_table(const struct bundle *b, const struct model_config *c, uint32_t context,
                       float **ret, struct error *err);

#endif
