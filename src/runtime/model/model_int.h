/* model_int.h - the inside of a model, shared by loading and the layer loop. */
#ifndef RUNTIME_MODEL_MODEL_INT_H
#define RUNTIME_MODEL_MODEL_INT_H

#include "runtime/model/model.h"

struct layer {
    float         *attn_norm;           /* [width] */
    float         *ffn_norm;            /* [width] */
    float         *qkv_bias;            /* [q, k, v] or NULL */
    float         *q_norm, *k_norm;     /* [head_dim] or NULL */
    float         *post_attn, *post_ffn;    /* [width] or NULL: norms of what is added */
    const float   *rope;                /* of the model's tables; NULL: no rotation */
    uint32_t       window;              /* 0: none */
    struct matrix *qkv, *out, *gate_up, *down;
};

/* Weights and rows are memory of the device. */
struct model {
    struct model_config         config;
    struct device              *d;
    struct table               *embed;
    struct layer               *layer;  /* [n_layer] */
    float                      *norm;   /* [width] before the head */
    struct matrix              *head;
    float                      *rope;   /* [context, 2, n_rot / 2] */
    float                      *rope_window;    /* the same for layers with a window, or NULL */
    uint32_t                    context;
    uint32_t                    max_row;    /* a multiple of KERNEL_ROW_TILE */
    float                      *x;      /* [max_row, width] hidden state */
    float                      *qkv;    /* [max_row, q + k + v] */
    float                      *attn;   /* [max_row, q] */
    float                      *ff;     /* [max_row, 2 n_ff] gate, then up */
    float                      *post;   /* [max_row, width] before a norm behind, or NULL */
    uint64_t                    hash;
};

/* rope.c: the table of the layers with a window, or of the others. */
enum status rope_table(const struct bundle *b, const struct model_config *c, bool window,
                       uint32_t context, struct device *d, float **ret, struct error *err);

#endif
