/* exact.h - exponential and logarithm that give the same bits on every machine.
 *
 * Both are made of additions, products and one division of doubles in a written order, which
 * IEEE 754 fixes; a library's are not the same from one to the next, and a GPU has its own.  So
 * a token drawn on a GPU is the one that the host would draw.  They are right to about one unit in
 * the last place, in the range that sampling needs.  Compiled without contraction to fused
 * operations, on both sides. */
#ifndef BASE_EXACT_H
#define BASE_EXACT_H

#include <stdint.h>
#include <string.h>

#ifdef __CUDACC__
#define EXACT_FN __host__ __device__ static inline
#else
#define EXACT_FN static inline
#endif

/* Ln 2 in two parts; the first has room for a product with any exponent. */
#define EXACT_LN2_HI 0x1.62e42feep-1
#define EXACT_LN2_LO 0x1.a39ef35793c76p-33

EXACT_FN double exact_double(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

EXACT_FN uint64_t exact_bits(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* e^x for x <= 0; 0 below -700. */
EXACT_FN double exact_exp(double x)
{
    if (!(x > -700.0))
        return 0;
    int64_t k = (int64_t)(x * 0x1.71547652b82fep0 - 0.5);   /* towards zero: to the nearest */
    double r = (x - (double)k * EXACT_LN2_HI) - (double)k * EXACT_LN2_LO;
    double p = 1.0 / 6227020800.0;                          /* Taylor's, up to r^13 */
    p = p * r + 1.0 / 479001600.0;
    p = p * r + 1.0 / 39916800.0;
    p = p * r + 1.0 / 3628800.0;
    p = p * r + 1.0 / 362880.0;
    p = p * r + 1.0 / 40320.0;
    p = p * r + 1.0 / 5040.0;
    p = p * r + 1.0 / 720.0;
    p = p * r + 1.0 / 120.0;
    p = p * r + 1.0 / 24.0;
    p = p * r + 1.0 / 6.0;
    p = p * r + 0.5;
    p = p * r + 1.0;
    p = p * r + 1.0;
    return p * exact_double((uint64_t)(1023 + k) << 52);
}

/* ln x for normal x > 0. */
EXACT_FN double exact_log(double x)
{
    uint64_t bits = exact_bits(x);
    int64_t k = (int64_t)(bits >> 52) - 1023;
    double m = exact_double((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
    if (m > 0x1.6a09e667f3bcdp0) {                          /* m in root 1/2 .. root 2 */
        m *= 0.5;
        k++;
    }
    double f = m - 1.0, s = f / (f + 2.0), z = s * s;
    double p = 2.0 / 23.0;                                  /* 2 artanh s = 2s + s z (2/3 + ...) */
    p = p * z + 2.0 / 21.0;
    p = p * z + 2.0 / 19.0;
    p = p * z + 2.0 / 17.0;
    p = p * z + 2.0 / 15.0;
    p = p * z + 2.0 / 13.0;
    p = p * z + 2.0 / 11.0;
    p = p * z + 2.0 / 9.0;
    p = p * z + 2.0 / 7.0;
    p = p * z + 2.0 / 5.0;
    p = p * z + 2.0 / 3.0;
    return (double)k * EXACT_LN2_HI + (2.0 * s + (s * (z * p) + (double)k * EXACT_LN2_LO));
}

#endif
