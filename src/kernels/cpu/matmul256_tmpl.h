/* matmul256_tmpl.h - integer products with eight lanes, written once over dots of a block.
 *
 * A tile is sixteen output rows, in two halves, by up to four activations.  What limits is less
 * the multiplications than the loads: every four bytes of an activation are broadcast from memory,
 * two loads a cycle.  So both halves of a group of rows share a broadcast, and dots, not weights,
 * stay in registers.
 *
 * The file that includes this has dots_u4 and dots_s8, and says with DOTS_S8_UNSIGNED whether the
 * latter are those of weight + 128. */

__attribute__((always_inline)) static inline __m256 load_scale(const uint8_t *p, size_t at,
                                                               const bool half)
{
    if (half)
        return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(p + at * 2)));
    return _mm256_load_ps((const float *)(const void *)(p + at * 4));
}

/* Dots of unsigned weights become those of signed ones. */
__attribute__((always_inline)) static inline __m256i corrected(const enum pack_kind kind,
                                                               __m256i dot, const struct acts *a,
                                                               size_t block, const int part)
{
    if (kind == PACK_U4H)
        return _mm256_add_epi32(dot, _mm256_set1_epi32(a->c8[block]));
    if (kind <= PACK_U4FM || !DOTS_S8_UNSIGNED)
        return dot;
    if (kind == PACK_S8F2)
        return _mm256_add_epi32(dot, _mm256_set1_epi32(a->c128_half[2 * block + (size_t)part]));
    return _mm256_add_epi32(dot, _mm256_set1_epi32(a->c128[block]));
}

__attribute__((always_inline)) static inline void put(const struct packed *w, uint32_t col,
                                                      uint32_t row, __m256 acc,
                                                      const struct product_out *o)
{
    float *out = o->out + (size_t)row * o->stride + col;
    if (col + 8 <= w->n_out) {
        if (o->bias)
            acc = _mm256_add_ps(acc, _mm256_loadu_ps(o->bias + col));
        _mm256_storeu_ps(out, o->add ? _mm256_add_ps(_mm256_loadu_ps(out), acc) : acc);
        return;
    }
    float r[8];
    _mm256_storeu_ps(r, acc);
    for (uint32_t i = 0; col + i < w->n_out; i++) {
        float x = o->bias ? r[i] + o->bias[col + i] : r[i];
        out[i] = o->add ? out[i] + x : x;
    }
}

__attribute__((always_inline)) static inline void tile(const enum pack_kind kind, const int nt,
                                                       const struct packed *w, uint32_t g,
                                                       const struct acts *a, uint32_t row,
                                                       const struct product_out *o)
{
    const bool half = pack_half_scales(kind), min = pack_has_min(kind);
    const size_t n_block = w->n_in / PACK_BLOCK, quants = kind > PACK_U4FM ? 512 : 256;
    const size_t at0 = (size_t)g * n_block;
    const int n_part = kind == PACK_S8F2 ? 2 : 1;
    __m256 acc[TILE][2];
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        acc[t][0] = acc[t][1] = _mm256_setzero_ps();
    for (size_t b = 0; b < n_block; b++) {
        const uint8_t *q = w->quant + (at0 + b) * quants;
        const size_t ab = (size_t)row * n_block + b;
        const int8_t *x = a->q + ab * PACK_BLOCK;
        ahead(q + AHEAD, quants);
#pragma GCC unroll 2
        for (int part = 0; part < n_part; part++) {
            __m256i dot[TILE][2];
            if (kind <= PACK_U4FM)
                dots_u4(q, x, w->n_in, nt, dot);
            else
                dots_s8(q, x, w->n_in, nt, part * 4, n_part == 2 ? part * 4 + 4 : 8, dot);
            size_t at = ((at0 + b) * (size_t)n_part + (size_t)part) * PACK_ROWS;
#pragma GCC unroll 2
            for (int h = 0; h < 2; h++) {
                __m256 d = load_scale(w->scale, at + (size_t)h * 8, half);
                __m256 m = min ? load_scale(w->min, at + (size_t)h * 8, half) : d;
#pragma GCC unroll 4
                for (int t = 0; t < nt; t++) {
                    size_t abt = ab + (size_t)t * n_block;
                    __m256i exact = corrected(kind, dot[t][h], a, abt, part);
                    acc[t][h] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(a->d[abt])),
                                                _mm256_cvtepi32_ps(exact), acc[t][h]);
                    if (min)
                        acc[t][h] = _mm256_fmadd_ps(m, _mm256_set1_ps(a->s[abt]), acc[t][h]);
                }
            }
        }
    }
    uint32_t col = g * PACK_ROWS;
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++) {
        put(w, col, row + (uint32_t)t, acc[t][0], o);
        if (col + 8 < w->n_out)
            put(w, col + 8, row + (uint32_t)t, acc[t][1], o);
    }
}

#include "kernels/cpu/matmul_groups_tmpl.h"
