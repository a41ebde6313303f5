/* matmul_load.h - how the integer products come by their operands. */
#ifndef KERNELS_CPU_MATMUL_LOAD_H
#define KERNELS_CPU_MATMUL_LOAD_H

#include <immintrin.h>
#include <stdint.h>
#include <string.h>

enum { AHEAD = 4096 };      /* bytes, chosen by kcheck --time */

/* Asks for lines that will be needed AHEAD bytes later: weights come from memory. */
__attribute__((always_inline)) static inline void ahead(const uint8_t *p, size_t n)
{
#pragma GCC unroll 8
    for (size_t i = 0; i < n; i += 64)
        _mm_prefetch((const char *)p + i, _MM_HINT_T0);
}

/* Four bytes of an activation, to be broadcast. */
__attribute__((always_inline)) static inline int32_t bytes4(const int8_t *x)
{
    int32_t v;
    memcpy(&v, x, sizeof v);
    return v;
}

/* The 4-bit values of two halves of a line: the low ones, then the high ones. */
struct nibbles {
    __m256i a0, b0, a1, b1;
};

__attribute__((always_inline)) static inline struct nibbles load_nibbles(const uint8_t *q)
{
    const __m256i low = _mm256_set1_epi8(15);
    __m256i a = _mm256_load_si256((const __m256i *)q);
    __m256i b = _mm256_load_si256((const __m256i *)(q + 32));
    return (struct nibbles){ _mm256_and_si256(a, low), _mm256_and_si256(b, low),
                             _mm256_and_si256(_mm256_srli_epi16(a, 4), low),
                             _mm256_and_si256(_mm256_srli_epi16(b, 4), low) };
}

#endif
