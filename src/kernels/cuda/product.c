/* product.c - weights on the GPU, and the product in three steps: prepare, multiply, bias.
 *
 * Weights are dequantised at load: bf16 where the file's are bf16, fp16 for everything else, which
 * holds every block type to 2^-11.  Rows go over in slabs through one pageable buffer: loading is
 * bound by the dequantising, not by the copy. */
#include <string.h>

#include "base/alloc.h"
#include "kernels/cpu/half.h"
#include "kernels/cuda/cuda.h"

enum { SLAB = 8 << 20 };        /* elements that go over at one time */

static uint16_t float_bhalf(float x)
{
    uint32_t bits = float_bits(x);
    if ((bits & 0x7fffffffu) > 0x7f800000u)
        return (uint16_t)(bits >> 16 | 0x40u);
    return (uint16_t)((bits + 0x7fffu + (bits >> 16 & 1)) >> 16);
}

static void convert_row(const struct matrix_part *p, uint32_t row, uint32_t n_in, bool bf16,
                        float *f, uint16_t *ret)
{
    size_t bytes = n_in / dtype_block_elems(p->dtype) * dtype_block_bytes(p->dtype);
    tensor_row(p->dtype, p->data + bytes * (p->order ? p->order[row] : row), f, n_in);
    for (uint32_t i = 0; i < n_in; i++)
        ret[i] = bf16 ? float_bhalf(f[i]) : float_half(f[i]);
}

static enum status upload_part(struct device *d, const struct matrix_part *p, uint32_t n_in,
                               bool bf16, uint16_t *dst, struct error *err)
{
    uint32_t slab = SLAB / n_in > 0 ? SLAB / n_in : 1;
    slab = slab < p->n_out ? slab : p->n_out;
    uint16_t *rows = mem_calloc((size_t)slab * n_in, sizeof *rows);
    float *f = mem_calloc(n_in, sizeof *f);
    enum status st = rows && f ? ST_OK : error_nomem(err);
    for (uint32_t r = 0; r < p->n_out && st == ST_OK; r += slab) {
        uint32_t n = p->n_out - r < slab ? p->n_out - r : slab;
        for (uint32_t i = 0; i < n; i++)
            convert_row(p, r + i, n_in, bf16, f, rows + (size_t)i * n_in);
        st = d->ops->upload(d, dst + (size_t)r * n_in, rows, (size_t)n * n_in * sizeof *rows, err);
    }
    mem_free(rows);
    mem_free(f);
    return st;
}

static bool all_bf16(const struct matrix_part *part, uint32_t n_part)
{
    for (uint32_t i = 0; i < n_part; i++)
        if (part[i].dtype != DT_BF16)
            return false;
    return true;
}

void cuda_matrix_free(struct matrix *m)
{
    if (!m)
        return;
    m->d->ops->mem_free(m->d, m->w);
    mem_free(m);
}

enum status cuda_matrix_new(struct device *d, const struct matrix_part *part, uint32_t n_part,
                            uint32_t n_in, struct matrix **ret, struct error *err)
{
    struct cuda *c = (struct cuda *)d;
    if (n_in == 0 || n_in % KERNEL_WIDTH_UNIT || n_in > c->opts.max_width)
        return error_set(err, ST_UNSUPPORTED, "a width of %u is not supported: multiples of %d up "
                         "to %u are", n_in, KERNEL_WIDTH_UNIT, c->opts.max_width);
    struct matrix *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    m->d = d;
    m->n_in = n_in;
    m->bf16 = all_bf16(part, n_part);
    for (uint32_t i = 0; i < n_part; i++)
        m->n_out += part[i].n_out;
    enum status st = lt_choose(c->lt, m->n_out, n_in, m->bf16, &m->choice, err);
    if (st == ST_OK) {
        m->w = d->ops->mem_new(d, (size_t)m->n_out * n_in * sizeof *m->w);
        st = m->w ? ST_OK : error_set(err, ST_NOMEM, "the GPU has no memory left for the weights");
    }
    uint16_t *at = m->w;
    for (uint32_t i = 0; i < n_part && st == ST_OK; i++) {
        st = upload_part(d, &part[i], n_in, m->bf16, at, err);
        at += (size_t)part[i].n_out * n_in;
    }
    if (st != ST_OK) {
        cuda_matrix_free(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

uint64_t cuda_matrix_bytes(const struct matrix *m)
{
    return (uint64_t)m->n_out * m->n_in * sizeof *m->w;
}

/* ---- embedding tables ---- */

void cuda_table_free(struct table *t)
{
    if (!t)
        return;
    if (t->own)
        t->d->ops->mem_free(t->d, t->rows);
    mem_free(t);
}

enum status cuda_table_new(struct device *d, const struct matrix_part *part, uint32_t width,
                           const struct matrix *tied, struct table **ret, struct error *err)
{
    struct table *t = mem_zalloc(sizeof *t);
    if (!t)
        return error_nomem(err);
    t->d = d;
    t->own = !tied;
    t->bf16 = tied ? tied->bf16 : part->dtype == DT_BF16;
    t->rows = tied ? tied->w
                   : d->ops->mem_new(d, (size_t)part->n_out * width * sizeof *t->rows);
    enum status st = t->rows ? ST_OK : error_nomem(err);
    if (st == ST_OK && !tied)
        st = upload_part(d, part, width, t->bf16, t->rows, err);
    if (st != ST_OK) {
        cuda_table_free(t);
        return st;
    }
    *ret = t;
    return ST_OK;
}

/* ---- the product ---- */

static bool prepare(struct cuda *c, const struct product_args *a)
{
    const uint32_t *pick = a->picked ? c->plan.pick + a->pick0 : NULL;
    uint32_t n = a->w->n_in;
    bool bf16 = a->w->bf16;
    switch (a->in) {
    case PRODUCT_NORM:
        return cuda_ok(c, norm_launch(c->stream, a->x, a->x_stride, pick, a->n_row, a->norm,
                                      a->eps, n, c->act, bf16), "norm");
    case PRODUCT_GATE:
    case PRODUCT_GATE_GELU:
        return cuda_ok(c, gate_launch(c->stream, a->x, a->x_stride, pick, a->n_row,
                                      a->in == PRODUCT_GATE_GELU, n, c->act, bf16), "gate");
    default:
        return cuda_ok(c, narrow_launch(c->stream, a->x, a->x_stride, pick, a->n_row, n, c->act,
                                        bf16), "narrow");
    }
}

/* Rows behind the last up to a whole tile are computed of what lies there and go nowhere; so are
 * those that a shape of passes has more than the step (replay.c). */
static void multiply(struct cuda *c, const struct product_args *a)
{
    const struct matrix *w = a->w;
    if (a->n_row == 0 || c->failed != cudaSuccess || !prepare(c, a))
        return;
    if (a->out_stride != w->n_out) {
        cuda_ok(c, cudaErrorInvalidValue, "product: rows of results are not dense");
        return;
    }
    uint32_t rows = (a->n_row + KERNEL_ROW_TILE - 1) / KERNEL_ROW_TILE * KERNEL_ROW_TILE;
    int e = lt_product(c->lt, c->stream, w->choice, w->w, c->act, rows, a->out, a->add);
    if (e) {
        cuda_ok(c, cudaErrorUnknown, "product (cuBLASLt)");
        return;
    }
    if (a->bias)
        cuda_ok(c, bias_launch(c->stream, a->bias, a->n_row, w->n_out, a->out, a->out_stride),
                "bias");
}

void cuda_product(struct device *d, const struct product_args *a)
{
    struct cuda *c = (struct cuda *)d;
    struct product_args p = *a;
    if (a->picked)
        cuda_replay_end(c);
    else if (c->replays.state == PASS_REPLAYED)
        return;
    else if (c->opts.replay)
        p.n_row = c->plan.n_row;
    multiply(c, &p);
}
