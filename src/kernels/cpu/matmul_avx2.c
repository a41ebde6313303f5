/* matmul_avx2.c - integer products with maddubs.
 *
 * 4-bit weights are the unsigned side and are summed in 16 bits over a whole block: eight pairs of
 * at most 2 * 15 * 127 stay below 2^15.  For 8-bit weights |w| is the unsigned side and the
 * activation takes w's sign (2 * 128 * 127 fits; the flipped form would not), widened at once. */
#include "kernels/cpu/level.h"
#include "kernels/cpu/matmul_load.h"

enum { TILE = 4, DOTS_S8_UNSIGNED = 0 };

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
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) {
        struct nibbles w = load_nibbles(q + j * 64);
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            const int8_t *xt = x + (size_t)t * x_stride + j * 4;
            __m256i x0 = _mm256_set1_epi32(bytes4(xt)), x1 = _mm256_set1_epi32(bytes4(xt + 16));
            __m256i pa = _mm256_add_epi16(_mm256_maddubs_epi16(w.a0, x0),
                                          _mm256_maddubs_epi16(w.a1, x1));
            __m256i pb = _mm256_add_epi16(_mm256_maddubs_epi16(w.b0, x0),
                                          _mm256_maddubs_epi16(w.b1, x1));
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
            __m256i xj = _mm256_set1_epi32(bytes4(x + (size_t)t * x_stride + j * 4));
            __m256i pa = signed_dot(a, most_a, xj), pb = signed_dot(b, most_b, xj);
            dot[t][0] = summed(j == j0 ? pa : _mm256_add_epi32(dot[t][0], pa));
            dot[t][1] = summed(j == j0 ? pb : _mm256_add_epi32(dot[t][1], pb));
        }
    }
}

#include "kernels/cpu/matmul256_tmpl.h"

void product_q_avx2(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
                    uint32_t row0, uint32_t row1, const struct product_out *o)
{
    product_q(w, group0, group1, a, row0, row1, o);
}
