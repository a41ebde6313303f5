/* lanes_scalar.h - sixteen float lanes in plain C: the definition of what the vector lanes do.
 *
 * Included by level_scalar.c alone.  Every function here has a twin in lanes_avx2.h and
 * lanes_avx512.h that gives the same bits. */
#ifndef KERNELS_CPU_LANES_H
#define KERNELS_CPU_LANES_H

#include <math.h>
#include <string.h>

#include "kernels/cpu/half.h"

typedef struct { float x[16]; } vf;

#define VF_EACH for (int i = 0; i < 16; i++)

static inline vf vf_set1(float a) { vf r; VF_EACH r.x[i] = a; return r; }
static inline vf vf_load(const float *p) { vf r; memcpy(&r, p, sizeof r); return r; }
static inline void vf_store(float *p, vf a) { memcpy(p, &a, sizeof a); }
static inline vf vf_add(vf a, vf b) { VF_EACH a.x[i] += b.x[i]; return a; }
static inline vf vf_sub(vf a, vf b) { VF_EACH a.x[i] -= b.x[i]; return a; }
static inline vf vf_mul(vf a, vf b) { VF_EACH a.x[i] *= b.x[i]; return a; }
static inline vf vf_div(vf a, vf b) { VF_EACH a.x[i] /= b.x[i]; return a; }

static inline vf vf_fma(vf a, vf b, vf c)
{
    VF_EACH c.x[i] = fmaf(a.x[i], b.x[i], c.x[i]);
    return c;
}

/* The second operand where either is no number, as the machine does it. */
static inline vf vf_max(vf a, vf b)
{
    VF_EACH a.x[i] = a.x[i] > b.x[i] ? a.x[i] : b.x[i];
    return a;
}

static inline vf vf_min(vf a, vf b)
{
    VF_EACH a.x[i] = a.x[i] < b.x[i] ? a.x[i] : b.x[i];
    return a;
}

static inline vf vf_abs(vf a) { VF_EACH a.x[i] = fabsf(a.x[i]); return a; }
static inline vf vf_rint(vf a) { VF_EACH a.x[i] = rintf(a.x[i]); return a; }

/* Lanes below n from a, the others from b. */
static inline vf vf_first(uint32_t n, vf a, vf b)
{
    VF_EACH
        if ((uint32_t)i >= n)
            a.x[i] = b.x[i];
    return a;
}

/* 2 to the power of a whole number in -126 .. 127. */
static inline vf vf_exp2i(vf a)
{
    VF_EACH a.x[i] = bits_float((uint32_t)((int32_t)a.x[i] + 127) << 23);
    return a;
}

static inline vf vf_load_half(const uint16_t *p)
{
    vf r;
    VF_EACH r.x[i] = half_float(p[i]);
    return r;
}

static inline vf vf_load_bhalf(const uint16_t *p)
{
    vf r;
    VF_EACH r.x[i] = bhalf_float(p[i]);
    return r;
}

static inline void vf_store_half(uint16_t *p, vf a)
{
    VF_EACH p[i] = float_half(a.x[i]);
}

/* Whole numbers in -127 .. 127 as bytes. */
static inline void vf_store_i8(int8_t *p, vf a)
{
    VF_EACH p[i] = (int8_t)a.x[i];
}

/* By halves: 8 + 8, 4 + 4, 2 + 2, 1 + 1. */
static inline float vf_sum(vf a)
{
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++)
            a.x[i] += a.x[i + w];
    return a.x[0];
}

static inline float vf_hmax(vf a)
{
    for (int w = 8; w; w /= 2)
        for (int i = 0; i < w; i++)
            a.x[i] = a.x[i] > a.x[i + w] ? a.x[i] : a.x[i + w];
    return a.x[0];
}

#undef VF_EACH

#endif
