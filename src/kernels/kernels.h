/* kernels.h - the operations of a forward pass as one table that every device fills.
 *
 * The layer loop (runtime/model/forward.c) is written once over this table.  The plain C
 * operations of cpu/ define what each row means; a faster level or another device replaces a row
 * and is compared with the definition by tests/kernels.
 *
 * What every filling keeps: an element of a result is summed in an order that depends on its own
 * row alone, never on how many rows stand beside it.  Products run over K in blocks of 32, keys
 * in blocks of KERNEL_KEY_BLOCK cut at absolute positions and merged ascending.  On the CPU all
 * levels are bit-equal.
 *
 * Shapes trail the parameters; rows are activations of one token, strides count floats. */
#ifndef KERNELS_KERNELS_H
#define KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernels/dtype.h"

enum {
    KERNEL_PAGE = 16,           /* tokens of a KV page */
    KERNEL_KEY_BLOCK = 256,     /* keys summed before one merge; a multiple of the page */
    KERNEL_WIDTH_UNIT = 32,     /* widths of activations are multiples of this */
};

struct device;                  /* a CPU team or one GPU, with its scratch memory */
struct matrix;                  /* weights in the device's own layout */

/* ---- operands ---- */

/* Rows of one tensor of a file.  Row i of the result is file row order[i]. */
struct matrix_part {
    enum dtype      dtype;
    const uint8_t  *data;       /* [n_out, n_in] */
    uint32_t        n_out;
    const uint32_t *order;      /* [n_out], or NULL for the file's order */
};

/* Heads and the KV pool of one model.  One layer of the pool on the CPU, fp16:
 *
 *     [page][kv_head]  k: [head_dim][16]   v: [16][head_dim]
 *
 * Keys lie transposed, so that the scores of one page's tokens are the lanes of one vector. */
struct attn_shape {
    uint32_t n_head;
    uint32_t n_kv_head;
    uint32_t head_dim;
    float    scale;             /* multiplies the scores */
};

struct kv_layer {
    uint16_t *base;             /* first page of the layer */
    size_t    page_stride;      /* elements from one page to the next */
};

/* Consecutive positions of one sequence. */
struct attn_item {
    uint32_t        row;
    uint32_t        n_row;
    uint32_t        pos;        /* of its first row */
    const uint32_t *page;       /* page table from position 0 */
};

/* ---- arguments of the operations ---- */

struct embed_args {
    const uint32_t *tok;        /* [n_row] */
    uint32_t        n_row;
    enum dtype      dtype;
    const uint8_t  *table;      /* [n_vocab, width] as in the file */
    uint32_t        width;
    float          *out;        /* [n_row, stride] */
    size_t          stride;
};

/* What happens to an input row on its way into a product. */
enum product_in {
    PRODUCT_PLAIN,
    PRODUCT_NORM,               /* RMS norm with weights */
    PRODUCT_GATE,               /* silu(x[i]) * x[n_in + i]: the row holds gate, then up */
};

struct product_args {
    enum product_in      in;
    const float         *x;         /* [n_row, x_stride] */
    size_t               x_stride;
    const uint32_t      *pick;      /* [n_row] rows of x, or NULL for 0, 1, .. */
    uint32_t             n_row;
    const float         *norm;      /* [n_in] of PRODUCT_NORM */
    float                eps;
    const struct matrix *w;         /* [n_out, n_in] */
    const float         *bias;      /* [n_out] or NULL */
    bool                 add;       /* add to what stands in out */
    float               *out;       /* [n_row, out_stride] */
    size_t               out_stride;
};

struct rope_kv_args {
    struct attn_shape       shape;
    float                  *qkv;    /* [n_row, stride]: q heads, k heads, v heads; q is rewritten */
    size_t                  stride;
    const float            *rope;   /* [position, 2, head_dim / 2]: cosines, sines */
    const float            *q_norm; /* [head_dim] or NULL: RMS norm of each head before rotation */
    const float            *k_norm;
    float                   eps;
    const struct attn_item *item;   /* [n_item] */
    uint32_t                n_item;
    struct kv_layer         kv;
};

struct attention_args {
    struct attn_shape       shape;
    const float            *qkv;    /* [n_row, stride] after rope_kv */
    size_t                  stride;
    const struct attn_item *item;   /* [n_item] */
    uint32_t                n_item;
    struct kv_layer         kv;
    float                  *out;    /* [n_row, out_stride]: heads side by side */
    size_t                  out_stride;
};

/* ---- the table ---- */

#define KERNEL_ROWS(X)                                                                     \
    X(embed, "rows of the embedding table as floats")                                      \
    X(product, "rows times a matrix, with what comes before and after it")                 \
    X(rope_kv, "norm and rotation of q and k; k and v go to their pages")                  \
    X(attention, "causal attention of every row over its sequence's pages")

struct kernels {
    const char *name;           /* "cpu (avx512)" */
    enum status (*matrix_new)(struct device *d, const struct matrix_part *part, uint32_t n_part,
                              uint32_t n_in, struct matrix **ret, struct error *err);
    void (*matrix_free)(struct matrix *m);          /* NULL is fine */
    uint64_t (*matrix_bytes)(const struct matrix *m);
    void (*close)(struct device *d);
#define X(op, sentence) void (*op)(struct device *d, const struct op##_args *a);
    KERNEL_ROWS(X)
#undef X
};

struct device {
    const struct kernels *ops;  /* first member of every implementation */
};

struct device_opts {
    int         n_thread;       /* 0: one a core */
    uint32_t    max_row;        /* rows of one call */
    uint32_t    max_width;      /* widest n_in of a matrix */
    const char *level;          /* "scalar", "avx2", "avx512"; NULL: the best of this machine */
};

/* The environment variable SGL_CPU_LEVEL stands in for a NULL level. */
enum status cpu_device_open(const struct device_opts *opts, struct device **ret,
                            struct error *err);
/* Levels this machine has, best last. */
uint32_t    cpu_levels(const char *ret_name[4]);

/* One row of a file's tensor as floats; n is a multiple of the block size. */
void        tensor_row(enum dtype t, const uint8_t *src, float *dst, size_t n);

/* Elements of one page of one layer. */
size_t      kv_page_elems(const struct attn_shape *s);

#endif
