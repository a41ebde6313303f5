/* cuda.h - the inside of a GPU device: its buffers, its work lists, its launchers.
 *
 * Rows of activations are fp32; what goes into a product is fp16 (bf16 where the file's weights
 * are bf16), sums are fp32.  One stream carries everything, in order.
 *
 * What a pass works on is written into one pinned block and goes over in one copy; the block's
 * layout is fixed at open by the greatest step:
 *
 *     tok [row]  pos [row]  slot [row]  pick [row]  work [n_work]  fold [n_fold]  page tables
 *
 * The first thing that fails in a pass is kept; later operations do nothing until `wait` has told
 * it. */
#ifndef KERNELS_CUDA_CUDA_H
#define KERNELS_CUDA_CUDA_H

#include <cuda_runtime_api.h>
#include <stdint.h>

#include "kernels/cuda/lt.h"
#include "kernels/kernels.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
    TILE_FEW = 4,               /* queries of a tile when decoding ... */
    TILE_MANY = 16,             /* ... and of a prefill */
    WORK_WHOLE = -1,            /* all blocks of keys, one after the other */
    MAX_PARTS = 2048,           /* rows times blocks whose results may wait to be folded */
    MAX_REPLAYS = 48,           /* shapes of passes that are kept */
};

/* Queries of one item over its pages: one block of keys, or all of them.  Queries are numbered
 * row * group + head within the item, for every KV head alike. */
struct work {
    uint32_t row;               /* first row of the item */
    uint32_t pos;               /* of that row */
    uint32_t page;              /* where its page table begins */
    uint32_t q0, n_q;
    int32_t  block;             /* WORK_WHOLE or the number of a block of keys */
    uint32_t part;              /* of query row 0 and block 0; n_block parts a row */
    uint32_t n_block;
};

/* Parts of one row, to be folded ascending. */
struct fold {
    uint32_t row;
    uint32_t part;
    uint32_t n_block;
};

/* One step on the device. */
struct plan {
    uint32_t        n_row;
    uint32_t        n_few, n_many, n_fold;  /* works of small tiles come first */
    const uint32_t *tok, *pos, *slot, *pick;
    const struct work *work;
    const struct fold *fold;
    const uint32_t *page;
};

struct matrix {
    struct device         *d;
    const struct lt_choice *choice;     /* how products of this shape are computed */
    uint16_t              *w;           /* [n_out, n_in] */
    bool                   bf16;
    uint32_t               n_out, n_in;
};

struct table {
    struct device *d;
    uint16_t      *rows;        /* [n_out, width] */
    bool           bf16, own;
};

/* What draw_kernel knows of one row. */
struct draw_work {
    uint32_t logit;
    uint32_t masked;
    uint32_t edit;              /* where its edits begin */
    uint32_t n_repeat, n_minus, n_plus;
    float    repetition;
    uint32_t top_k;
    double   temp, top_p, min_p;
    uint64_t key_lo, key_hi;
    uint32_t index;
    uint32_t unused;
};

/* Rows that wait to be drawn, in pinned memory and on the device alike:
 *
 *     work [KERNEL_ROW_TILE]  mask [KERNEL_ROW_TILE, n_word]  edit [max_edit]
 *
 * A row alone has at most 3 * n_vocab edits and always fits. */
struct draws {
    uint8_t      *host, *dev;
    struct drawn *host_out, *dev_out;   /* [KERNEL_ROW_TILE] */
    size_t        off_mask, off_edit, n_byte;
    uint32_t      n_row, n_word, n_edit, max_edit;
};

/* A pass of one shape; no exec: it came once. */
struct replay {
    uint32_t        n_row, n_few, n_many, n_fold;
    uint64_t        used;           /* when last; 0: an empty place */
    cudaGraphExec_t exec;
};

struct replays {
    struct replay  slot[MAX_REPLAYS];
    uint64_t       clock;
    struct replay *now;             /* being recorded */
    enum { PASS_QUEUED, PASS_RECORDED, PASS_REPLAYED } state;   /* from step to the head */
    bool           off;
};

struct cuda {
    struct device       base;
    struct device_opts  opts;
    int                 gpu;
    cudaStream_t        stream;
    struct lt          *lt;
    cudaError_t         failed;
    const char         *failed_in;

    uint16_t           *act;        /* [max_row up to a tile, max_width] input of a product */
    uint8_t            *host_plan;  /* pinned */
    uint8_t            *dev_plan;
    size_t              plan_bytes;
    uint32_t            max_work;
    size_t              off_pos, off_slot, off_pick, off_work, off_fold, off_page;
    struct plan         plan;
    float              *part_out;   /* [MAX_PARTS, n_head, head_dim] */
    float              *part_lse;   /* [MAX_PARTS, n_head] */
    struct draws        draws;
    struct replays      replays;
    char                name[300];
    struct kernels      ops;
};

/* Keeps the first failure of a pass; true when there is none. */
bool cuda_ok(struct cuda *c, cudaError_t e, const char *what);

/* plan.c */
enum status cuda_plan_new(struct cuda *c, struct error *err);
void        cuda_plan_free(struct cuda *c);
void        cuda_step(struct device *d, const struct step_args *a);

/* replay.c */
uint32_t    cuda_replay_round(uint32_t n);
bool        cuda_replay_fits(const struct cuda *c, const struct step_args *a);
void        cuda_replay_begin(struct cuda *c);      /* the lists of the step are on their way */
void        cuda_replay_end(struct cuda *c);        /* before the head, and at the pass's end */
void        cuda_replays_free(struct cuda *c);

/* draws.c */
enum status cuda_draws_new(struct cuda *c, struct error *err);
void        cuda_draws_free(struct cuda *c);
bool        cuda_draw_add(struct device *d, const struct draw_row *row);
enum status cuda_draw_run(struct device *d, float *logits, struct drawn *ret, struct error *err);

/* product.c */
enum status cuda_matrix_new(struct device *d, const struct matrix_part *part, uint32_t n_part,
                            uint32_t n_in, struct matrix **ret, struct error *err);
void        cuda_matrix_free(struct matrix *m);
uint64_t    cuda_matrix_bytes(const struct matrix *m);
enum status cuda_table_new(struct device *d, const struct matrix_part *part, uint32_t width,
                           const struct matrix *tied, struct table **ret, struct error *err);
void        cuda_table_free(struct table *t);
void        cuda_product(struct device *d, const struct product_args *a);

/* rows.cu: launchers answer what the launch did. */
cudaError_t embed_launch(cudaStream_t s, const uint32_t *tok, uint32_t n_row,
                         const uint16_t *rows, bool bf16, uint32_t width, float scale, float *out,
                         size_t stride);
cudaError_t norm_add_launch(cudaStream_t s, const float *x, uint32_t n_row, const float *w,
                            float eps, uint32_t n, float *out);
cudaError_t cap_launch(cudaStream_t s, float *x, size_t n, float cap);
cudaError_t norm_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                        uint32_t n_row, const float *w, float eps, uint32_t n, uint16_t *out,
                        bool bf16);
cudaError_t gate_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                        uint32_t n_row, bool gelu, uint32_t n, uint16_t *out, bool bf16);
cudaError_t narrow_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                          uint32_t n_row, uint32_t n, uint16_t *out, bool bf16);
cudaError_t bias_launch(cudaStream_t s, const float *bias, uint32_t n_row, uint32_t n,
                        float *out, size_t stride);
cudaError_t random_launch(cudaStream_t s, uint16_t *out, size_t n, uint32_t seed);

/* draw.cu */
cudaError_t draw_launch(cudaStream_t s, const struct draw_work *work, uint32_t n_row,
                        const uint32_t *mask, const struct draw_edit *edit,
                        float *logits, uint32_t n_vocab, struct drawn *out);

/* rope.cu, attention.cu */
cudaError_t rope_launch(cudaStream_t s, const struct plan *p, const struct rope_kv_args *a);
cudaError_t attention_open(const struct attn_shape *s);     /* shared memory of this head size */
cudaError_t attention_launch(cudaStream_t s, const struct plan *p,
                             const struct attention_args *a, float *part_out, float *part_lse);

#ifdef __cplusplus
}
#endif

#endif
