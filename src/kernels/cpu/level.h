/* level.h - the inner loops of the CPU device, one table an instruction set.
 *
 * The scalar level is the definition.  All levels give the same bits: the integer dots are exact,
 * floats are combined in one order (lane = output, blocks ascending, fused where the definition
 * says fmaf), and sixteen lanes are summed by halves.  The functions know no threads. */
#ifndef KERNELS_CPU_LEVEL_H
#define KERNELS_CPU_LEVEL_H

#include "kernels/cpu/repack.h"
#include "kernels/kernels.h"

enum { ATTEND_MAX_Q = 6, LEVEL_MAX_HEAD_DIM = 256 };

/* Activations of a batch as a product wants them.  Floats always; per block of 32 also int8
 * values with scale d, d * sum, and the corrections -8 * sum and -128 * sum of unsigned weights. */
struct acts {
    uint32_t n_in;
    float   *f;             /* [n_row, n_in] */
    int8_t  *q;             /* [n_row, n_in] */
    float   *d;             /* [n_row, n_in / 32] */
    float   *s;
    int32_t *c8;
    int32_t *c128;
    int32_t *c128_half;     /* [n_row, n_in / 16]: by halves of a block */
};

struct product_out {
    const float *bias;      /* of the first column of the packed part, or NULL */
    bool         add;
    float       *out;       /* column 0 of the packed part, row 0 */
    size_t       stride;
};

/* Partial result of some keys for one query: out is not divided by sum yet. */
struct attend_part {
    float max;
    float sum;
    float out[LEVEL_MAX_HEAD_DIM];
};

struct attend_block {
    const struct attn_shape *shape;
    const uint32_t          *page;      /* page table of the sequence */
    struct kv_layer          kv;
    uint32_t                 kv_head;
    uint32_t                 key0;      /* first key: a multiple of KERNEL_KEY_BLOCK */
    uint32_t                 n_q;       /* 1 .. ATTEND_MAX_Q */
    const float             *q[ATTEND_MAX_Q];
    uint32_t                 n_key[ATTEND_MAX_Q];   /* end of the keys each may see, 0 .. 256 */
    uint32_t                 first[ATTEND_MAX_Q];   /* their first, at most n_key */
    float                    cap;                   /* of scores; 0: none */
};

struct cpu_level {
    const char *name;
    bool (*usable)(void);
    void (*norm_row)(const float *x, const float *w, float eps, uint32_t n, float *out);
    void (*gate_row)(const float *gate, const float *up, uint32_t n, float *out);
    void (*gelu_row)(const float *gate, const float *up, uint32_t n, float *out);
    void (*cap_row)(float *x, uint32_t n, float cap);       /* n: any */
    void (*quantise_row)(const struct acts *a, uint32_t row);
    void (*product)(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o);
    /* Rotates one head in place, scaled; cos_sin: [2, n / 2], or NULL: scaled only. */
    void (*rope_head)(float *x, const float *cos_sin, uint32_t n, float scale);
    void (*kv_write)(const float *k, const float *v, uint32_t n, uint32_t slot, uint16_t *kv);
    void (*attend)(const struct attend_block *b, struct attend_part *ret);      /* [n_q] */
    /* Folds b (later keys) into a. */
    void (*merge)(struct attend_part *a, const struct attend_part *b, uint32_t n);
    void (*finish)(const struct attend_part *a, uint32_t n, float *out);
};

extern const struct cpu_level cpu_level_scalar;
extern const struct cpu_level cpu_level_avx2;
extern const struct cpu_level cpu_level_avxvnni;
extern const struct cpu_level cpu_level_avx512;

/* Integer products of one level, called by its `product`; the float kinds share one template. */
void product_q_scalar(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o);
void product_q_avx2(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o);
void product_q_avxvnni(const struct packed *w, uint32_t group0, uint32_t group1,
                       const struct acts *a, uint32_t row0, uint32_t row1,
                       const struct product_out *o);
void product_q_vnni256(const struct packed *w, uint32_t group0, uint32_t group1,
                       const struct acts *a, uint32_t row0, uint32_t row1,
                       const struct product_out *o);
void product_q_avx512(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o);

#endif
