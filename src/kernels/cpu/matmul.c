/* matmul.c - integer products over packed rows in plain C: the definition.
 *
 * Per block of 32 and output row: an exact integer dot of quants and int8 activations, turned to
 * float and added with one fused step; a minimum adds one more fused step.  Blocks ascend. */
#include <math.h>
#include <string.h>

#include "kernels/cpu/half.h"
#include "kernels/cpu/level.h"

static float scale_at(const uint8_t *p, size_t i, bool half)
{
    float f;
    uint16_t h;
    if (half) {
        memcpy(&h, p + 2 * i, sizeof h);
        return half_float(h);
    }
    memcpy(&f, p + 4 * i, sizeof f);
    return f;
}

/* Signed dot of elements k0 .. k1 - 1 of one block and one lane. */
static int32_t block_dot(const struct packed *w, const uint8_t *q, uint32_t lane, const int8_t *x,
                         uint32_t k0, uint32_t k1)
{
    bool nibbles = pack_quant_bytes(w->kind) == 256;
    int bias = nibbles ? (w->min ? 0 : 8) : 128;
    int32_t dot = 0;
    for (uint32_t k = k0; k < k1; k++) {
        uint8_t byte = q[(nibbles ? k % 16 : k) / 4 * 64 + lane * 4 + k % 4];
        int v = nibbles ? (k < 16 ? byte & 15 : byte >> 4) : byte;
        dot += (v - bias) * x[k];
    }
    return dot;
}

static float row_dot(const struct packed *w, uint32_t g, uint32_t lane, const struct acts *a,
                     uint32_t row)
{
    uint32_t n_block = w->n_in / PACK_BLOCK;
    bool half = pack_half_scales(w->kind);
    float acc = 0;
    for (uint32_t b = 0; b < n_block; b++) {
        size_t at = (size_t)g * n_block + b, ab = (size_t)row * n_block + b;
        const uint8_t *q = w->quant + at * pack_quant_bytes(w->kind);
        const int8_t *x = a->q + ab * PACK_BLOCK;
        if (w->kind == PACK_S8F2) {
            for (uint32_t h = 0; h < 2; h++) {
                float d = scale_at(w->scale, (at * 2 + h) * PACK_ROWS + lane, false);
                acc = fmaf(d * a->d[ab],
                           (float)block_dot(w, q, lane, x, h * 16, h * 16 + 16), acc);
            }
            continue;
        }
        float d = scale_at(w->scale, at * PACK_ROWS + lane, half);
        acc = fmaf(d * a->d[ab], (float)block_dot(w, q, lane, x, 0, PACK_BLOCK), acc);
        if (w->min)
            acc = fmaf(scale_at(w->min, at * PACK_ROWS + lane, half), a->s[ab], acc);
    }
    return acc;
}

void product_q_scalar(const struct packed *w, uint32_t group0, uint32_t group1,
                      const struct acts *a, uint32_t row0, uint32_t row1,
                      const struct product_out *o)
{
    uint32_t end = group1 * PACK_ROWS < w->n_out ? group1 * PACK_ROWS : w->n_out;
    for (uint32_t r = row0; r < row1; r++) {
        for (uint32_t col = group0 * PACK_ROWS; col < end; col++) {
            float x = row_dot(w, col / PACK_ROWS, col % PACK_ROWS, a, r);
            float *out = o->out + (size_t)r * o->stride + col;
            if (o->bias)
                x += o->bias[col];
            *out = o->add ? *out + x : x;
        }
    }
}
