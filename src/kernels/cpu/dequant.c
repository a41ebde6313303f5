/* dequant.c - every block type as numbers, in plain C.
 *
 * One function a type, each the definition of its layout; repacking and the embedding use them,
 * and the tests compare every product with them.  Each value is one multiply and at most one add
 * in float, in the order written here. */
#include "kernels/cpu/dequant.h"

#include <string.h>

#include "kernels/blocks.h"
#include "kernels/cpu/half.h"

static void row_q8_0(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q8_0 *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d));
        for (int j = 0; j < QK; j++)
            dst[i * QK + j] = d * (float)b[i].q[j];
    }
}

static void row_q4_0(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q4_0 *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d));
        for (int j = 0; j < QK / 2; j++) {
            dst[i * QK + j] = d * (float)((b[i].q[j] & 15) - 8);
            dst[i * QK + QK / 2 + j] = d * (float)((b[i].q[j] >> 4) - 8);
        }
    }
}

static void row_q4_1(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q4_1 *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d)), m = half_float(load_u16(b[i].m));
        for (int j = 0; j < QK / 2; j++) {
            dst[i * QK + j] = d * (float)(b[i].q[j] & 15) + m;
            dst[i * QK + QK / 2 + j] = d * (float)(b[i].q[j] >> 4) + m;
        }
    }
}

/* The fifth bit of element j of a block of 32. */
static int high_bit(const uint8_t h[4], int j)
{
    return (h[j / 8] >> (j % 8) & 1) << 4;
}

static void row_q5_0(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q5_0 *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d));
        for (int j = 0; j < QK / 2; j++) {
            int hi = j + QK / 2;
            dst[i * QK + j] = d * (float)(((b[i].q[j] & 15) | high_bit(b[i].h, j)) - 16);
            dst[i * QK + hi] = d * (float)(((b[i].q[j] >> 4) | high_bit(b[i].h, hi)) - 16);
        }
    }
}

static void row_q5_1(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q5_1 *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d)), m = half_float(load_u16(b[i].m));
        for (int j = 0; j < QK / 2; j++) {
            int hi = j + QK / 2;
            dst[i * QK + j] = d * (float)((b[i].q[j] & 15) | high_bit(b[i].h, j)) + m;
            dst[i * QK + hi] = d * (float)((b[i].q[j] >> 4) | high_bit(b[i].h, hi)) + m;
        }
    }
}

void dequant_scale_k(const uint8_t sc[12], int j, uint8_t *ret_scale, uint8_t *ret_min)
{
    if (j < 4) {
        *ret_scale = sc[j] & 63;
        *ret_min = sc[j + 4] & 63;
        return;
    }
    *ret_scale = (uint8_t)((sc[j + 4] & 15) | (sc[j - 4] >> 6) << 4);
    *ret_min = (uint8_t)((sc[j + 4] >> 4) | (sc[j] >> 6) << 4);
}

static void row_q4_k(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q4_k *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d)), dmin = half_float(load_u16(b[i].dmin));
        for (int j = 0; j < 8; j++) {
            uint8_t sc, mn;
            dequant_scale_k(b[i].sc, j, &sc, &mn);
            float ds = d * (float)sc, ms = -(dmin * (float)mn);
            const uint8_t *q = b[i].q + j / 2 * 32;
            for (int l = 0; l < 32; l++)
                dst[i * QK_K + (size_t)j * 32 + l] =
                    ds * (float)(j % 2 ? q[l] >> 4 : q[l] & 15) + ms;
        }
    }
}

static void row_q5_k(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q5_k *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d)), dmin = half_float(load_u16(b[i].dmin));
        for (int j = 0; j < 8; j++) {
            uint8_t sc, mn;
            dequant_scale_k(b[i].sc, j, &sc, &mn);
            float ds = d * (float)sc, ms = -(dmin * (float)mn);
            const uint8_t *q = b[i].q + j / 2 * 32;
            for (int l = 0; l < 32; l++) {
                int v = (j % 2 ? q[l] >> 4 : q[l] & 15) | (b[i].h[l] >> j & 1) << 4;
                dst[i * QK_K + (size_t)j * 32 + l] = ds * (float)v + ms;
            }
        }
    }
}

static void row_q6_k(const uint8_t *src, float *dst, size_t n_block)
{
    const struct block_q6_k *b = (const void *)src;
    for (size_t i = 0; i < n_block; i++) {
        float d = half_float(load_u16(b[i].d));
        for (int e = 0; e < QK_K; e++) {
            int half = e / 128, quarter = e % 128 / 32, l = e % 32;
            uint8_t low = b[i].l[half * 64 + (quarter & 1) * 32 + l];
            int v = (quarter < 2 ? low & 15 : low >> 4) |
                    (b[i].h[half * 32 + l] >> 2 * quarter & 3) << 4;
            dst[i * QK_K + e] = d * (float)b[i].sc[e / 16] * (float)(v - 32);
        }
    }
}

static void row_f32(const uint8_t *src, float *dst, size_t n)
{
    memcpy(dst, src, n * sizeof *dst);
}

static void row_f16(const uint8_t *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = half_float(load_u16(src + 2 * i));
}

static void row_bf16(const uint8_t *src, float *dst, size_t n)
{
    for (size_t i = 0; i < n; i++)
        dst[i] = bhalf_float(load_u16(src + 2 * i));
}

void dequant_row(enum dtype t, const uint8_t *src, float *dst, size_t n)
{
    static void (*const row[])(const uint8_t *, float *, size_t) = {
        [DT_F32] = row_f32,   [DT_F16] = row_f16,   [DT_BF16] = row_bf16, [DT_Q8_0] = row_q8_0,
        [DT_Q4_0] = row_q4_0, [DT_Q4_1] = row_q4_1, [DT_Q5_0] = row_q5_0, [DT_Q5_1] = row_q5_1,
        [DT_Q4_K] = row_q4_k, [DT_Q5_K] = row_q5_k, [DT_Q6_K] = row_q6_k,
    };
    row[t](src, dst, n / dtype_block_elems(t));
}
