/* matmul_avx512.c - integer products with VNNI: one instruction feeds sixteen output rows.
 *
 * A line of weights is the unsigned side of vpdpbusd, four bytes of an activation, broadcast from
 * memory, the signed one.  A tile is one group of rows by up to eight activations, so that weights
 * are unpacked once for eight uses.  Unsigned forms are corrected in the integer domain, by the
 * sums kept with the activations, which keeps every dot exact. */
#include "kernels/cpu/level.h"
#include "kernels/cpu/matmul_load.h"

enum { TILE = 8 };

__attribute__((always_inline)) static inline __m512 load_scale(const uint8_t *p, size_t at,
                                                               const bool half)
{
    if (half)
        return _mm512_cvtph_ps(_mm256_load_si256((const __m256i *)(p + at * 32)));
    return _mm512_load_ps((const float *)(const void *)(p + at * 64));
}

/* The eight lines of one block, as unsigned bytes. */
__attribute__((always_inline)) static inline void load_lines(const enum pack_kind kind,
                                                             const uint8_t *q, __m512i line[8])
{
    const __m512i low = _mm512_set1_epi8(15);
#pragma GCC unroll 8
    for (int j = 0; j < 8; j++) {
        if (kind > PACK_U4FM) {
            line[j] = _mm512_load_si512(q + j * 64);
        } else if (j < 4) {
            line[j] = _mm512_load_si512(q + j * 64);
            line[j + 4] = _mm512_and_si512(_mm512_srli_epi16(line[j], 4), low);
            line[j] = _mm512_and_si512(line[j], low);
        }
    }
}

/* Dot of lines j0 .. j1 - 1 with one activation, starting at a correction. */
__attribute__((always_inline)) static inline __m512 dot_lines(const __m512i line[8],
                                                              const int8_t *x, int32_t start,
                                                              const int j0, const int j1)
{
    __m512i acc = _mm512_set1_epi32(start);
#pragma GCC unroll 8
    for (int j = j0; j < j1; j++)
        acc = _mm512_dpbusd_epi32(acc, line[j], _mm512_set1_epi32(bytes4(x + j * 4)));
    return _mm512_cvtepi32_ps(acc);
}

__attribute__((always_inline)) static inline void put(const struct packed *w, uint32_t g,
                                                      uint32_t row, __m512 acc,
                                                      const struct product_out *o)
{
    uint32_t col = g * PACK_ROWS, n = w->n_out - col;
    __mmask16 m = (__mmask16)(n >= PACK_ROWS ? 0xffffu : (1u << n) - 1);
    float *out = o->out + (size_t)row * o->stride + col;
    if (o->bias)
        acc = _mm512_add_ps(acc, _mm512_maskz_loadu_ps(m, o->bias + col));
    if (o->add)
        acc = _mm512_add_ps(_mm512_maskz_loadu_ps(m, out), acc);
    _mm512_mask_storeu_ps(out, m, acc);
}

__attribute__((always_inline)) static inline void tile(const enum pack_kind kind, const int nt,
                                                       const struct packed *w, uint32_t g,
                                                       const struct acts *a, uint32_t row,
                                                       const struct product_out *o)
{
    const bool half = pack_half_scales(kind), min = pack_has_min(kind);
    const size_t n_block = w->n_in / PACK_BLOCK, quants = kind > PACK_U4FM ? 512 : 256;
    const size_t at0 = (size_t)g * n_block;
    __m512 acc[TILE];
#pragma GCC unroll 8
    for (int t = 0; t < nt; t++)
        acc[t] = _mm512_setzero_ps();
    for (size_t b = 0; b < n_block; b++) {
        __m512i line[8];
        ahead(w->quant + (at0 + b) * quants + AHEAD, quants);
        load_lines(kind, w->quant + (at0 + b) * quants, line);
        if (kind == PACK_S8F2) {
            __m512 d0 = load_scale(w->scale, (at0 + b) * 2, false);
            __m512 d1 = load_scale(w->scale, (at0 + b) * 2 + 1, false);
#pragma GCC unroll 8
            for (int t = 0; t < nt; t++) {
                size_t ab = (row + (size_t)t) * n_block + b;
                const int8_t *x = a->q + ab * PACK_BLOCK;
                __m512 ad = _mm512_set1_ps(a->d[ab]);
                acc[t] = _mm512_fmadd_ps(_mm512_mul_ps(d0, ad),
                                         dot_lines(line, x, a->c128_half[2 * ab], 0, 4), acc[t]);
                acc[t] = _mm512_fmadd_ps(_mm512_mul_ps(d1, ad),
                                         dot_lines(line, x, a->c128_half[2 * ab + 1], 4, 8),
                                         acc[t]);
            }
            continue;
        }
        __m512 d = load_scale(w->scale, at0 + b, half), m = d;
        if (min)
            m = load_scale(w->min, at0 + b, half);
#pragma GCC unroll 8
        for (int t = 0; t < nt; t++) {
            size_t ab = (row + (size_t)t) * n_block + b;
            int32_t start = kind > PACK_U4FM ? a->c128[ab] : min ? 0 : a->c8[ab];
            __m512 dot = dot_lines(line, a->q + ab * PACK_BLOCK, start, 0, 8);
            acc[t] = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(a->d[ab])), dot, acc[t]);
            if (min)
                acc[t] = _mm512_fmadd_ps(m, _mm512_set1_ps(a->s[ab]), acc[t]);
        }
    }
#pragma GCC unroll 8
    for (int t = 0; t < nt; t++)
        put(w, g, row + (uint32_t)t, acc[t], o);
}

#include "kernels/cpu/matmul_groups_tmpl.h"

void product_q_avx512(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o)
{
    product_q(w, group0, group1, a, row0, row1, o);
}
