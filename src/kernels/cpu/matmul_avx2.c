/* matmul_avx2.c - integer products with maddubs: a tile is sixteen output rows by up to four
 * activations.
 *
 * 4-bit weights are the unsigned side and are summed in 16 bits over a whole block: eight pairs of
 * at most 2 * 15 * 127 stay below 2^15.  For 8-bit weights |w| is the unsigned side and the
 * activation takes w's sign (2 * 128 * 127 fits; the flipped form would not), widened at once.
 *
 * What limits is not the multiplications but the loads: every four bytes of an activation are
 * broadcast from memory, two loads a cycle.  So both halves of a group of rows share a broadcast,
 * and dots, not weights, stay in registers. */
#include <immintrin.h>
#include <string.h>

#include "kernels/cpu/level.h"

enum { TILE = 4, AHEAD = 4096 };     /* bytes ahead, chosen by kcheck --time */

__attribute__((always_inline)) static inline __m256 load_scale(const uint8_t *p, size_t at,
                                                               const bool half)
{
    if (half)
        return _mm256_cvtph_ps(_mm_load_si128((const __m128i *)(p + at * 2)));
    return _mm256_load_ps((const float *)(const void *)(p + at * 4));
}

__attribute__((always_inline)) static inline __m256i bytes4(const int8_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return _mm256_set1_epi32(v);
}

/* Lines that will be needed AHEAD bytes later: weights come from memory. */
__attribute__((always_inline)) static inline void ahead(const uint8_t *p, size_t n)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + i, _MM_HINT_T0);
}

/* A sum as it stands.  Left free, the compiler sorts the terms of a sum anew and spills them all
 * until the last has come. */
__attribute__((always_inline)) static inline __m256i summed(__m256i v)
{
    __asm__("" : "+x"(v));
    return v;
}

/* Dots of one block: 16 rows in two halves, nt activations x_stride apart. */
__attribute__((always_inline)) static inline void dots_u4(const uint8_t *q, const int8_t *x,
                                                          size_t x_stride, const int nt,
                                                          __m256i dot[TILE][2])
{
    const __m256i low = _mm256_set1_epi8(15);
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        __m256i a = _mm256_load_si256((const __m256i *)(q + j * 64));
        __m256i b = _mm256_load_si256((const __m256i *)(q + j * 64 + 32));
        __m256i a0 = _mm256_and_si256(a, low), b0 = _mm256_and_si256(b, low);
        __m256i a1 = _mm256_and_si256(_mm256_srli_epi16(a, 4), low);
        __m256i b1 = _mm256_and_si256(_mm256_srli_epi16(b, 4), low);
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            const int8_t *xt = x + (size_t)t * x_stride + j * 4;
            __m256i x0 = bytes4(xt), x1 = bytes4(xt + 16);
            __m256i pa = _mm256_add_epi16(_mm256_maddubs_epi16(a0, x0),
                                          _mm256_maddubs_epi16(a1, x1));
            __m256i pb = _mm256_add_epi16(_mm256_maddubs_epi16(b0, x0),
                                          _mm256_maddubs_epi16(b1, x1));
            dot[t][0] = summed(j ? _mm256_add_epi16(dot[t][0], pa) : pa);
            dot[t][1] = summed(j ? _mm256_add_epi16(dot[t][1], pb) : pb);
        }
    }
    const __m256i ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++) {
        dot[t][0] = _mm256_madd_epi16(dot[t][0], ones);
        dot[t][1] = _mm256_madd_epi16(dot[t][1], ones);
    }
}

__attribute__((always_inline)) static inline __m256i signed_dot(__m256i w, __m256i most, __m256i x)
{
    return _mm256_madd_epi16(_mm256_maddubs_epi16(most, _mm256_sign_epi8(x, w)),
                             _mm256_set1_epi16(1));
}

/* The same over lines j0 .. j1 - 1 of 8-bit weights. */
__attribute__((always_inline)) static inline void dots_s8(const uint8_t *q, const int8_t *x,
                                                          size_t x_stride, const int nt,
                                                          const int j0, const int j1,
                                                          __m256i dot[TILE][2])
{
    const __m256i flip = _mm256_set1_epi8(-128);
#pragma GCC unroll 8
    for (int j = j0; j < j1; j++) {
        __m256i a = _mm256_xor_si256(_mm256_load_si256((const __m256i *)(q + j * 64)), flip);
        __m256i b = _mm256_xor_si256(_mm256_load_si256((const __m256i *)(q + j * 64 + 32)), flip);
        __m256i most_a = _mm256_abs_epi8(a), most_b = _mm256_abs_epi8(b);
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            __m256i xj = bytes4(x + (size_t)t * x_stride + j * 4);
            __m256i pa = signed_dot(a, most_a, xj), pb = signed_dot(b, most_b, xj);
            dot[t][0] = summed(j == j0 ? pa : _mm256_add_epi32(dot[t][0], pa));
            dot[t][1] = summed(j == j0 ? pb : _mm256_add_epi32(dot[t][1], pb));
        }
    }
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
    const bool half = kind != PACK_U4FM && kind != PACK_S8FM && kind != PACK_S8F2;
    const bool min = kind == PACK_U4HM || kind == PACK_U4FM || kind == PACK_S8HM ||
                     kind == PACK_S8FM;
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
                    __m256i exact = dot[t][h];
                    if (kind == PACK_U4H)
                        exact = _mm256_add_epi32(exact, _mm256_set1_epi32(a->c8[abt]));
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

__attribute__((always_inline)) static inline void groups(const enum pack_kind kind,
                                                         const struct packed *w, uint32_t group0,
                                                         uint32_t group1, const struct acts *a,
                                                         uint32_t row0, uint32_t row1,
                                                         const struct product_out *o)
{
    for (uint32_t g = group0; g < group1; g++) {
        uint32_t r = row0;
        for (; r + TILE <= row1; r += TILE)
            tile(kind, TILE, w, g, a, r, o);
        for (; r + 2 <= row1; r += 2)
            tile(kind, 2, w, g, a, r, o);
        if (r < row1)
            tile(kind, 1, w, g, a, r, o);
    }
}

void product_q_avx2(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o)
{
    switch (w->kind) {
    case PACK_U4H:  groups(PACK_U4H, w, group0, group1, a, row0, row1, o); break;
    case PACK_U4HM: groups(PACK_U4HM, w, group0, group1, a, row0, row1, o); break;
    case PACK_U4FM: groups(PACK_U4FM, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8H:  groups(PACK_S8H, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8HM: groups(PACK_S8HM, w, group0, group1, a, row0, row1, o); break;
    case PACK_S8FM: groups(PACK_S8FM, w, group0, group1, a, row0, row1, o); break;
    default:        groups(PACK_S8F2, w, group0, group1, a, row0, row1, o); break;
    }
}
