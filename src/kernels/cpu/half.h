/* half.h - fp16 and bf16 bits to float and back, in plain C.
 *
 * The definition that the vector conversions must equal: widening is exact, narrowing rounds to
 * nearest even.  Values beyond the largest finite fp16 are held at it, so that a cache never
 * holds an infinity that a masked key would turn into NaN. */
#ifndef KERNELS_CPU_HALF_H
#define KERNELS_CPU_HALF_H

#include <stdint.h>
#include <string.h>

static inline float bits_float(uint32_t bits)
{
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static inline uint32_t float_bits(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline float half_float(uint16_t h)
{
    uint32_t sign = (uint32_t)(h & 0x8000u) << 16, exp = h >> 10 & 31, frac = h & 0x3ffu;
    if (exp == 31)
        return bits_float(sign | 0x7f800000u | frac << 13);
    if (exp)
        return bits_float(sign | (exp + 112) << 23 | frac << 13);
    float x = (float)frac * 0x1p-24f;       /* subnormal: exact */
    return sign ? -x : x;
}

static inline uint16_t float_half(float x)
{
    uint32_t bits = float_bits(x), sign = bits >> 16 & 0x8000u, mag = bits & 0x7fffffffu;
    if (mag > 0x7f800000u)
        return (uint16_t)(sign | 0x7e00u);
    if (mag >= 0x477fe000u)                 /* 65504 and more */
        return (uint16_t)(sign | 0x7bffu);
    if (mag < 0x38800000u) {                /* below 2^-14: a multiple of 2^-24 */
        float m = bits_float(mag) + 0.5f;   /* the sum rounds to that multiple */
        return (uint16_t)(sign | (float_bits(m) - 0x3f000000u));
    }
    mag += 0xfffu + (mag >> 13 & 1);
    return (uint16_t)(sign | ((mag - 0x38000000u) >> 13));
}

static inline float bhalf_float(uint16_t h)
{
    return bits_float((uint32_t)h << 16);
}

static inline uint16_t load_u16(const uint8_t p[2])
{
    return (uint16_t)(p[0] | p[1] << 8);
}

#endif
