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
 * Pointers to rows, weights, pages and tables are memory of the device, from mem_new.  What the
 * host knows of one forward pass (tokens, sequences, rows that want logits) goes over once, with
 * `step`, and the operations of the pass find it there.  Operations only queue work and allocate
 * nothing; `wait` ends a pass and tells what failed in it.
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
    KERNEL_ROW_TILE = 64,       /* a buffer of rows has room for a multiple of this */
};

struct device;                  /* a CPU team or one GPU, with its scratch memory */
struct matrix;                  /* weights in the device's own layout */
struct table;                   /* an embedding table, likewise */

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
 * Keys lie transposed there, so that the scores of one page's tokens are the lanes of one vector.
 * A GPU has [page][k|v][kv_head][16][head_dim] of the same size. */
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

/* One forward pass, in host memory that stays until `wait`. */
struct step_args {
    const uint32_t         *tok;    /* [n_row] */
    uint32_t                n_row;
    const struct attn_item *item;   /* [n_item], rows ascending without gaps */
    uint32_t                n_item;
    const uint32_t         *pick;   /* [n_pick] rows that want logits */
    uint32_t                n_pick;
};

struct embed_args {
    const struct table *table;
    uint32_t            width;
    float               scale;      /* multiplies the rows; 0: as they are */
    float              *out;        /* [n_row of the step, stride] */
    size_t              stride;
};

/* What happens to an input row on its way into a product. */
enum product_in {
    PRODUCT_PLAIN,
    PRODUCT_NORM,               /* RMS norm with weights */
    PRODUCT_GATE,               /* silu(x[i]) * x[n_in + i]: the row holds gate, then up */
    PRODUCT_GATE_GELU,          /* the same with gelu, by its tanh form */
};

struct product_args {
    enum product_in      in;
    const float         *x;         /* [n_row, x_stride] */
    size_t               x_stride;
    bool                 picked;    /* rows of x are the step's picks from pick0 on */
    uint32_t             pick0;
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
    const float            *rope;   /* [position, 2, n_rot / 2]: cosines, sines; NULL: no rotation */
    uint32_t                n_rot;  /* elements of a head that turn, from its first; 0: all */
    const float            *q_norm; /* [head_dim] or NULL: RMS norm of each head before rotation */
    const float            *k_norm;
    float                   eps;
    struct kv_layer         kv;
};

struct attention_args {
    struct attn_shape       shape;
    const float            *qkv;    /* [n_row, stride] after rope_kv */
    size_t                  stride;
    struct kv_layer         kv;
    uint32_t                window; /* keys that a query sees, its own included; 0: all before it */
    float                   cap;    /* a score s becomes cap * tanh(s / cap); 0: stays */
    float                  *out;    /* [n_row, out_stride]: heads side by side */
    size_t                  out_stride;
};

/* out += norm(x), for what a block gives before it is added to the hidden state. */
struct norm_add_args {
    const float *x;             /* [n_row of the step, n] */
    uint32_t     n;
    const float *norm;          /* [n] */
    float        eps;
    float       *out;           /* [n_row, n] */
};

/* Logits x become cap * tanh(x / cap). */
struct cap_args {
    float   *x;                 /* [n_row, n] */
    uint32_t n_row;
    uint32_t n;
    float    cap;
};

/* The same page of every layer. */
struct copy_page_args {
    uint16_t *dst, *src;        /* of the first layer */
    size_t    n;                /* elements of a page */
    size_t    stride;           /* elements from one layer to the next */
    uint32_t  n_layer;
};

/* ---- drawing where the logits are ---- */

/* Changes one logit; lists of them are those of runtime/sample/sampler.h. */
struct draw_edit {
    uint32_t id;
    float    x;
};

/* One token to be drawn; the rules are those of runtime/sample, which defines them. */
struct draw_row {
    uint32_t                logit;      /* which row of logits; it is used up */
    const uint32_t         *mask;       /* [ceil(n_vocab / 32)] bit set: allowed; NULL: all */
    const struct draw_edit *edit;       /* [n_repeat + n_minus + n_plus] */
    uint32_t                n_repeat, n_minus, n_plus;
    float                   repetition;
    double                  temp;       /* 0: the greatest */
    double                  top_p;      /* 1: off */
    double                  min_p;      /* 0: off */
    uint32_t                top_k;      /* 0: off */
    uint64_t                key_lo, key_hi;
    uint32_t                index;      /* upper half of the counter; the lower is the id's block */
};

enum draw_fault { DRAW_FINE, DRAW_NO_TOKEN, DRAW_NOT_A_NUMBER, DRAW_NOT_FINITE };

struct drawn {
    uint32_t id;
    uint32_t fault;             /* enum draw_fault */
};

/* ---- the table ---- */

#define KERNEL_ROWS(X)                                                                     \
    X(step, "what the operations of one forward pass work on")                             \
    X(embed, "rows of the embedding table as floats")                                      \
    X(product, "rows times a matrix, with what comes before and after it")                 \
    X(rope_kv, "norm and rotation of q and k; k and v go to their pages")                  \
    X(attention, "causal attention of every row over its sequence's pages")                \
    X(norm_add, "the norm of rows added to other rows")                                    \
    X(cap, "logits held softly between two ends")                                          \
    X(copy_page, "keys and values of one page into another, in every layer")

struct kernels {
    const char *name;           /* "cpu (avx512)", "cuda:0 (NVIDIA H100 80GB HBM3)" */
    bool        host_memory;    /* device memory is host memory */
    void *(*mem_new)(struct device *d, size_t n_byte);      /* NULL when there is none left */
    void (*mem_free)(struct device *d, void *p);            /* NULL is fine */
    uint64_t (*mem_room)(struct device *d);                 /* bytes to be had; 0: not known */
    enum status (*upload)(struct device *d, void *dst, const void *src, size_t n,
                          struct error *err);
    enum status (*download)(struct device *d, void *dst, const void *src, size_t n,
                            struct error *err);
    /* The end of a pass: everything queued is done, or what went wrong is told. */
    enum status (*wait)(struct device *d, struct error *err);
    /* tied: a matrix made of the same tensor, which outlives the table; or NULL.  The tensor's
     * bytes outlive the table too. */
    enum status (*table_new)(struct device *d, const struct matrix_part *part, uint32_t width,
                             const struct matrix *tied, struct table **ret, struct error *err);
    void (*table_free)(struct table *t);            /* NULL is fine */
    enum status (*matrix_new)(struct device *d, const struct matrix_part *part, uint32_t n_part,
                              uint32_t n_in, struct matrix **ret, struct error *err);
    void (*matrix_free)(struct matrix *m);          /* NULL is fine */
    uint64_t (*matrix_bytes)(const struct matrix *m);
    /* Both NULL where logits are host memory: the sampler reads them there.  Rows are taken in
     * (their lists are copied) until one does not fit any more; draw_run then draws them all from
     * the rows of `logits` and waits for the tokens, in the order of the rows. */
    bool (*draw_add)(struct device *d, const struct draw_row *row);
    enum status (*draw_run)(struct device *d, float *logits, struct drawn *ret, struct error *err);
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
    const char *level;          /* "scalar", "avx2", "avxvnni", "avx512"; NULL: the best one */
    int         gpu;            /* number of the GPU */
    /* What a GPU's work lists are sized by; the CPU keeps none. */
    uint32_t    max_item;       /* sequences of one step */
    uint32_t    max_page;       /* pages of one sequence */
    uint32_t    n_vocab;        /* of the rows that are drawn from; 0: none are */
    bool        replay;         /* between step and head all passes are the same operations on the
                                   same memory: they may be recorded and launched again */
    struct attn_shape shape;
};

/* The environment variable SGL_CPU_LEVEL stands in for a NULL level. */
enum status cpu_device_open(const struct device_opts *opts, struct device **ret,
                            struct error *err);
/* Levels this machine has, best last. */
uint32_t    cpu_levels(const char *ret_name[4]);

/* ST_UNSUPPORTED where this build has no device code; ST_NOT_FOUND, with the reason, where the
 * machine has no such GPU. */
enum status cuda_device_open(const struct device_opts *opts, struct device **ret,
                             struct error *err);

/* What the hardware reaches in this run: bytes a second of a copy (read and written), FLOP a
 * second of a bf16 product of random numbers.  For benches. */
enum status cuda_ceilings(int gpu, double *ret_copy, double *ret_product, struct error *err);

/* One row of a file's tensor as floats; n is a multiple of the block size. */
void        tensor_row(enum dtype t, const uint8_t *src, float *dst, size_t n);

/* Elements of one page of one layer. */
size_t      kv_page_elems(const struct attn_shape *s);

#endif
