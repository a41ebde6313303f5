/* matmul_vnni256.c - integer products with VNNI in 256-bit registers.
 *
 * The instruction has two spellings: AVX-VNNI's, for processors without AVX-512, and that of
 * AVX-512 at its shorter length.  This text is compiled once for each; the second runs on every
 * machine that has the level avx512, which is how the first is checked there.  Weights are the
 * unsigned side, as in matmul_avx512.c, and are corrected by the sums kept with the activations. */
#include "kernels/cpu/level.h"
#include "kernels/cpu/matmul_load.h"

enum { TILE = 4, DOTS_S8_UNSIGNED = 1 };

#ifdef __AVXVNNI__
#define PRODUCT_Q product_q_avxvnni
#define DPBUSD    _mm256_dpbusd_avx_epi32
#else
#define PRODUCT_Q product_q_vnni256
#define DPBUSD    _mm256_dpbusd_epi32
#endif

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
            __m256i none = _mm256_setzero_si256();
            dot[t][0] = DPBUSD(DPBUSD(j ? dot[t][0] : none, w.a0, x0), w.a1, x1);
            dot[t][1] = DPBUSD(DPBUSD(j ? dot[t][1] : none, w.b0, x0), w.b1, x1);
        }
    }
}

/* The same over lines j0 .. j1 - 1 of 8-bit weights. */
__attribute__((always_inline)) static inline void dots_s8(const uint8_t *q, const int8_t *x,
                                                          size_t x_stride, const int nt,
                                                          const int j0, const int j1,
                                                          __m256i dot[TILE][2])
{
#pragma GCC unroll 8
    for (int j = j0; j < j1; j++) {
        __m256i a = _mm256_load_si256((const __m256i *)(q + j * 64));
        __m256i b = _mm256_load_si256((const __m256i *)(q + j * 64 + 32));
#pragma GCC unroll 4
        for (int t = 0; t < nt; t++) {
            __m256i xj = _mm256_set1_epi32(bytes4(x + (size_t)t * x_stride + j * 4));
            __m256i none = _mm256_setzero_si256();
            dot[t][0] = DPBUSD(j == j0 ? none : dot[t][0], a, xj);
            dot[t][1] = DPBUSD(j == j0 ? none : dot[t][1], b, xj);
        }
    }
}

#include "kernels/cpu/matmul256_tmpl.h"

void PRODUCT_Q(const struct packed *w, uint32_t group0, uint32_t group1, const struct acts *a,
               uint32_t row0, uint32_t row1, const struct product_out *o)
{
    product_q(w, group0, group1, a, row0, row1, o);
}
