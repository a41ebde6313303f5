/* model.h - a loaded model: shapes from metadata, weights in the device's layout, the layer loop.
 *
 * A model is made once and never changes; its scratch rows belong to the one thread that calls
 * model_forward.  Only pages of the KV pool carry anything from one call to the next, and the
 * pool is the caller's. */
#ifndef RUNTIME_MODEL_MODEL_H
#define RUNTIME_MODEL_MODEL_H

#include "kernels/kernels.h"
#include "runtime/files/bundle.h"

enum { MODEL_MAX_LAYERS = 1024 };

/* What a layer has or lacks. */
enum { LAYER_WINDOW = 1, LAYER_NO_ROPE = 2 };

struct model_config {
    const char *arch;           /* of the family row */
    uint32_t    n_layer;
    uint32_t    width;          /* of the hidden state */
    uint32_t    n_head, n_kv_head, head_dim;
    uint32_t    n_ff;
    uint32_t    n_vocab;
    uint32_t    context;        /* tokens the model was trained for */
    float       eps;
    uint32_t    n_rot;          /* elements of a head that turn */
    double      rope_base;
    double      rope_base_window;   /* in layers with a window, which have no scaling; 0: alike */
    double      rope_factor;    /* divides the frequencies ("linear"); 1: none */
    double      rope_gain;      /* on cosines and sines ("longrope"); 1: none */
    uint32_t    rope_short;     /* the greatest context of "longrope"'s short factors; 0: none */
    float       scale;          /* of attention scores */
    float       embed_scale;    /* 0: none */
    float       score_cap, logit_cap;   /* 0: none */
    uint32_t    window;         /* keys seen in layers with one; 0: there are none */
    bool        permuted;       /* q and k rows lie in interleaved pairs */
    bool        qkv_bias;       /* the family has biases on q, k and v */
    bool        qk_norm;        /* the family has a norm of each q and k head */
    bool        post_norm;      /* the family has norms behind both halves of a layer */
    bool        gelu;           /* the gate is gelu instead of silu */
    uint8_t     layer[MODEL_MAX_LAYERS];    /* LAYER_ bits */
};

struct model;

struct model_batch {
    const uint32_t         *tok;        /* [n_row] */
    uint32_t                n_row;
    const struct attn_item *item;       /* [n_item], rows ascending without gaps */
    uint32_t                n_item;
    const uint32_t         *logit_row;  /* [n_logit] */
    uint32_t                n_logit;
    uint16_t               *kv;         /* [layer][page] pool, in memory of the device */
    uint32_t                n_page;
};

/* ST_UNSUPPORTED by name for a family or a shape that is not known. */
enum status model_config_read(const struct bundle *b, struct model_config *ret, struct error *err);

/* The device and the bundle outlive the model.  context: rows of the rotation table. */
enum status model_new(const struct bundle *b, const struct model_config *config,
                      struct device *d, uint32_t max_row, uint32_t context, struct model **ret,
                      struct error *err);
void        model_free(struct model *m);                        /* NULL is fine */
struct attn_shape model_attn_shape(const struct model_config *c);
uint32_t    model_widest(const struct model_config *c);         /* of all inputs of products */
uint64_t    model_weight_bytes(const struct model *m);          /* read for one token */
uint64_t    model_hash(const struct model *m);                  /* of shapes and weights */

/* Queues all layers of a batch. */
void        model_forward(struct model *m, const struct model_batch *batch);
/* Behind it, as often as wanted: logits of rows logit_row[first] .. [first + n - 1].
 * ret: [n rounded up to KERNEL_ROW_TILE, n_vocab] in memory of the device. */
void        model_logits(struct model *m, uint32_t first, uint32_t n, float *ret);

#endif
