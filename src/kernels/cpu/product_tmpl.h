/* product_tmpl.h - products with float weights, written once over lanes; and the way results of
 * a group of 16 rows go out, which the integer products of the scalar level share.
 *
 * One lane is one output row, K ascends one element at a time with one fused step each. */

__attribute__((always_inline)) static inline vf load_weights(const enum pack_kind kind,
                                                             const uint8_t *w, uint32_t k)
{
    if (kind == PACK_F16)
        return vf_load_half((const uint16_t *)w + (size_t)k * 16);
    if (kind == PACK_BF16)
        return vf_load_bhalf((const uint16_t *)w + (size_t)k * 16);
    return vf_load((const float *)w + (size_t)k * 16);
}

/* Sixteen results of one row; the last group may have fewer columns. */
static inline void put_group(const struct packed *w, uint32_t g, uint32_t row, vf acc,
                             const struct product_out *o)
{
    uint32_t col = g * PACK_ROWS, n = w->n_out - col < PACK_ROWS ? w->n_out - col : PACK_ROWS;
    float *out = o->out + (size_t)row * o->stride + col;
    if (n == PACK_ROWS) {
        if (o->bias)
            acc = vf_add(acc, vf_load(o->bias + col));
        vf_store(out, o->add ? vf_add(vf_load(out), acc) : acc);
        return;
    }
    float r[16];
    vf_store(r, acc);
    for (uint32_t i = 0; i < n; i++) {
        float x = o->bias ? r[i] + o->bias[col + i] : r[i];
        out[i] = o->add ? out[i] + x : x;
    }
}

enum { FLOAT_TILE = 6 };

__attribute__((always_inline)) static inline void float_tile(
    const enum pack_kind kind, const int nt, const struct packed *w, uint32_t g,
    const struct acts *a, uint32_t row, const struct product_out *o)
{
    const uint8_t *q = w->quant + (size_t)g * (w->n_in / PACK_BLOCK) * pack_quant_bytes(kind);
    const float *x = a->f + (size_t)row * a->n_in;
    vf acc[FLOAT_TILE];
#pragma GCC unroll 6
    for (int t = 0; t < nt; t++)
        acc[t] = vf_set1(0);
    for (uint32_t k = 0; k < w->n_in; k++) {
        vf weight = load_weights(kind, q, k);
#pragma GCC unroll 6
        for (int t = 0; t < nt; t++)
            acc[t] = vf_fma(weight, vf_set1(x[(size_t)t * a->n_in + k]), acc[t]);
    }
#pragma GCC unroll 6
    for (int t = 0; t < nt; t++)
        put_group(w, g, row + (uint32_t)t, acc[t], o);
}

__attribute__((always_inline)) static inline void float_groups(
    const enum pack_kind kind, const struct packed *w, uint32_t group0, uint32_t group1,
    const struct acts *a, uint32_t row0, uint32_t row1, const struct product_out *o)
{
    for (uint32_t g = group0; g < group1; g++) {
        uint32_t r = row0;
        for (; r + FLOAT_TILE <= row1; r += FLOAT_TILE)
            float_tile(kind, FLOAT_TILE, w, g, a, r, o);
        for (; r < row1; r++)
            float_tile(kind, 1, w, g, a, r, o);
    }
}

static void product_f(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o)
{
    switch (w->kind) {
    case PACK_F16:
        float_groups(PACK_F16, w, group0, group1, a, row0, row1, o);
        break;
    case PACK_BF16:
        float_groups(PACK_BF16, w, group0, group1, a, row0, row1, o);
        break;
    default:
        float_groups(PACK_F32, w, group0, group1, a, row0, row1, o);
        break;
    }
}
