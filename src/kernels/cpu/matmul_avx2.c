/* matmul_avx2.c - integer products with maddubs: eight output rows a register.
 *
 * 4-bit weights are the unsigned side and are summed in 16 bits over a whole block: eight pairs of
 * at most 2 * 15 * 127 stay below 2^15.  For 8-bit weights |w| is the unsigned side and the
 * activation takes w's sign (2 * 128 * 127 fits; the flipped form would not), widened at once.
 * A tile is half a group of rows by up to four activations. */
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

__attribute__((always_inline)) static inline void dots_u4(const uint8_t *q, const int8_t *x,
                                                          size_t x_stride, const int nt,
                                                          __m256i dot[TILE])
{
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        dot[t] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        __m256i w = _mm256_load_si256((const __m256i *)(q + j * 64));
        __m256i w0 = _mm256_and_si256(w, low);
        __m256i w1 = _mm256_and_si256(_mm256_srli_epi16(w, 4), low);
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            const int8_t *xt = x + (size_t)t * x_stride + j * 4;
            __m256i p = _mm256_add_epi16(_mm256_maddubs_epi16(w0, bytes4(xt)),
                                         _mm256_maddubs_epi16(w1, bytes4(xt + 16)));
            dot[t] = _mm256_add_epi16(dot[t], p);
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        dot[t] = _mm256_madd_epi16(dot[t], ones);
}

__attribute__((always_inline)) static inline void dots_s8(const uint8_t *q, const int8_t *x,
                                                          size_t x_stride, const int nt,
                                                          const int j0, const int j1,
                                                          __m256i dot[TILE])
{
    const __m256i flip = _mm256_set1_epi8(-128), ones = _mm256_set1_epi16(1);
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        dot[t] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int j = j0; j < j1; j++) {
        __m256i w = _mm256_xor_si256(_mm256_load_si256((const __m256i *)(q + j * 64)), flip);
        __m256i most = _mm256_abs_epi8(w);
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            __m256i a = _mm256_sign_epi8(bytes4(x + (size_t)t * x_stride + j * 4), w);
            dot[t] = _mm256_add_epi32(dot[t],
                                      _mm256_madd_epi16(_mm256_maddubs_epi16(most, a), ones));
        }
    }
}

/* Lines that a group of rows will need AHEAD bytes later. */
__attribute__((always_inline)) static inline void ahead(const uint8_t *p, size_t n)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + i, _MM_HINT_T0);
}

__attribute__((always_inline)) static inline void pair_u4(const uint8_t *q, const int8_t *x,
                                                          __m256i dot[2])
{
    const __m256i low = _mm256_set1_epi8(15), ones = _mm256_set1_epi16(1);
    dot[0] = dot[1] = _mm256_setzero_si256();
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        __m256i x0 = bytes4(x + j * 4), x1 = bytes4(x + j * 4 + 16);
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            __m256i w = _mm256_load_si256((const __m256i *)(q + j * 64 + h * 32));
            __m256i w1 = _mm256_and_si256(_mm256_srli_epi16(w, 4), low);
            __m256i p = _mm256_add_epi16(_mm256_maddubs_epi16(_mm256_and_si256(w, low), x0),
                                         _mm256_maddubs_epi16(w1, x1));
            dot[h] = _mm256_add_epi16(dot[h], p);
        }
    }
    dot[0] = _mm256_madd_epi16(dot[0], ones);
    dot[1] = _mm256_madd_epi16(dot[1], ones);
}

__attribute__((always_inline)) static inline void pair_s8(const uint8_t *q, const int8_t *x,
                                                          const int j0, const int j1,
                                                          __m256i dot[2])
{
    const __m256i flip = _mm256_set1_epi8(-128), ones = _mm256_set1_epi16(1);
    dot[0] = dot[1] = _mm256_setzero_si256();
#pragma GCC unroll 8
    for (int j = j0; j < j1; j++) {
        __m256i xj = bytes4(x + j * 4);
#pragma GCC unroll 2
        for (int h = 0; h < 2; h++) {
            __m256i w = _mm256_load_si256((const __m256i *)(q + j * 64 + h * 32));
            w = _mm256_xor_si256(w, flip);
            __m256i p = _mm256_maddubs_epi16(_mm256_abs_epi8(w), _mm256_sign_epi8(xj, w));
            dot[h] = _mm256_add_epi32(dot[h], _mm256_madd_epi16(p, ones));
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
                                                       uint32_t half_group, const struct acts *a,
                                                       uint32_t row, const struct product_out *o)
{
    const bool half = kind != PACK_U4FM && kind != PACK_S8FM && kind != PACK_S8F2;
    const bool min = kind == PACK_U4HM || kind == PACK_U4FM || kind == PACK_S8HM ||
                     kind == PACK_S8FM;
    const size_t n_block = w->n_in / PACK_BLOCK, quants = kind > PACK_U4FM ? 512 : 256;
    const size_t at0 = (size_t)g * n_block;
    const int n_part = kind == PACK_S8F2 ? 2 : 1;
    __m256 acc[TILE];
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        acc[t] = _mm256_setzero_ps();
    for (size_t b = 0; b < n_block; b++) {
        const uint8_t *q = w->quant + (at0 + b) * quants + half_group * 32;
        const size_t ab = (size_t)row * n_block + b, lane = half_group * 8;
        const int8_t *x = a->q + ab * PACK_BLOCK;
#pragma GCC unroll 2
        for (int h = 0; h < n_part; h++) {
            __m256i dot[TILE];
            if (kind <= PACK_U4FM)
                dots_u4(q, x, w->n_in, nt, dot);
            else
                dots_s8(q, x, w->n_in, nt, n_part == 2 ? h * 4 : 0, n_part == 2 ? h * 4 + 4 : 8,
                        dot);
            size_t at = ((at0 + b) * (size_t)n_part + (size_t)h) * PACK_ROWS + lane;
            __m256 d = load_scale(w->scale, at, half);
            __m256 m = min ? load_scale(w->min, at, half) : d;
#pragma GCC unroll 4
            for (int t = 0; t < nt; t++) {
                size_t abt = ab + (size_t)t * n_block;
                if (kind == PACK_U4H)
                    dot[t] = _mm256_add_epi32(dot[t], _mm256_set1_epi32(a->c8[abt]));
                acc[t] = _mm256_fmadd_ps(_mm256_mul_ps(d, _mm256_set1_ps(a->d[abt])),
                                         _mm256_cvtepi32_ps(dot[t]), acc[t]);
                if (min)
                    acc[t] = _mm256_fmadd_ps(m, _mm256_set1_ps(a->s[abt]), acc[t]);
            }
        }
    }
#pragma GCC unroll 4
    for (int t = 0; t < nt; t++)
        put(w, g * PACK_ROWS + half_group * 8, row + (uint32_t)t, acc[t], o);
}

/* A whole group of rows with one activation: both halves share its broadcasts, and the weights are
 * asked for ahead, since they come from memory. */
__attribute__((always_inline)) static inline void alone(const enum pack_kind kind,
                                                        const struct packed *w, uint32_t g,
                                                        const struct acts *a, uint32_t row,
                                                        const struct product_out *o)
{
    const bool half = kind != PACK_U4FM && kind != PACK_S8FM && kind != PACK_S8F2;
    const bool min = kind == PACK_U4HM || kind == PACK_U4FM || kind == PACK_S8HM ||
                     kind == PACK_S8FM;
    const size_t n_block = w->n_in / PACK_BLOCK, quants = kind > PACK_U4FM ? 512 : 256;
    const size_t at0 = (size_t)g * n_block, ab0 = (size_t)row * n_block;
    const int n_part = kind == PACK_S8F2 ? 2 : 1;
    __m256 acc[2] = { _mm256_setzero_ps(), _mm256_setzero_ps() };
    for (size_t b = 0; b < n_block; b++) {
        const uint8_t *q = w->quant + (at0 + b) * quants;
        const int8_t *x = a->q + (ab0 + b) * PACK_BLOCK;
        ahead(q + AHEAD, quants);
#pragma GCC unroll 2
        for (int part = 0; part < n_part; part++) {
            __m256i dot[2];
            if (kind <= PACK_U4FM)
                pair_u4(q, x, dot);
            else
                pair_s8(q, x, n_part == 2 ? part * 4 : 0, n_part == 2 ? part * 4 + 4 : 8, dot);
            size_t at = ((at0 + b) * (size_t)n_part + (size_t)part) * PACK_ROWS;
            __m256 ad = _mm256_set1_ps(a->d[ab0 + b]);
#pragma GCC unroll 2
            for (int h = 0; h < 2; h++) {
                __m256 d = load_scale(w->scale, at + (size_t)h * 8, half);
                if (kind == PACK_U4H)
                    dot[h] = _mm256_add_epi32(dot[h], _mm256_set1_epi32(a->c8[ab0 + b]));
                acc[h] = _mm256_fmadd_ps(_mm256_mul_ps(d, ad), _mm256_cvtepi32_ps(dot[h]), acc[h]);
                if (min)
                    acc[h] = _mm256_fmadd_ps(load_scale(w->min, at + (size_t)h * 8, half),
                                             _mm256_set1_ps(a->s[ab0 + b]), acc[h]);
            }
        }
    }
    uint32_t col = g * PACK_ROWS;
    put(w, col, row, acc[0], o);
    if (col + 8 < w->n_out)
        put(w, col + 8, row, acc[1], o);
}

__attribute__((always_inline)) static inline void groups(const enum pack_kind kind,
                                                         const struct packed *w, uint32_t group0,
                                                         uint32_t group1, const struct acts *a,
                                                         uint32_t row0, uint32_t row1,
                                                         const struct product_out *o)
{
    for (uint32_t g = group0; g < group1; g++) {
        if (row1 - row0 == 1) {
            alone(kind, w, g, a, row0, o);
            continue;
        }
        uint32_t n_half = w->n_out - g * PACK_ROWS > 8 ? 2 : 1;
        for (uint32_t h = 0; h < n_half; h++) {
            uint32_t r = row0;
            for (; r + TILE <= row1; r += TILE)
                tile(kind, TILE, w, g, h, a, r, o);
            for (; r < row1; r++)
                tile(kind, 1, w, g, h, a, r, o);
        }
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
