/* repack.c - blocks of a file into lines of 16 rows.
 *
 * Done once at load, one group of rows at a time.  The quantised values themselves never change:
 * a Q4_1 weight is the same nibble, scale and minimum before and after, so that products over
 * packed rows stand for exactly the weights of the file. */
#include "kernels/cpu/repack.h"

#include <string.h>

#include "kernels/blocks.h"
#include "kernels/cpu/dequant.h"
#include "kernels/cpu/half.h"

static const struct { uint16_t quants; uint8_t scales, bytes; bool min; } pack_row[] = {
#define X(name, quants, scales, bytes, min) { quants, scales, bytes, min },
    PACK_ROWS_LIST(X)
#undef X
};

/* One block of 32 weights of one row, type-independent. */
struct unpacked {
    uint8_t  q[PACK_BLOCK];     /* 4-bit kinds: the nibble; 8-bit kinds: value + 128 */
    float    d[2], m;           /* as floats; exact where the file has fp16 */
    uint16_t dh, mh;            /* the file's own bits, for the fp16 kinds */
};

size_t pack_quant_bytes(enum pack_kind k)
{
    return pack_row[k].quants;
}

size_t pack_scale_bytes(enum pack_kind k)
{
    return (size_t)pack_row[k].scales * pack_row[k].bytes * PACK_ROWS;
}

bool pack_is_int(enum pack_kind k)
{
    return pack_row[k].scales != 0;
}

static enum pack_kind kind_of(enum dtype t)
{
    static const enum pack_kind kind[] = {
        [DT_F32] = PACK_F32,   [DT_F16] = PACK_F16,   [DT_BF16] = PACK_BF16, [DT_Q8_0] = PACK_S8H,
        [DT_Q4_0] = PACK_U4H,  [DT_Q4_1] = PACK_U4HM, [DT_Q5_0] = PACK_S8H,  [DT_Q5_1] = PACK_S8HM,
        [DT_Q4_K] = PACK_U4FM, [DT_Q5_K] = PACK_S8FM, [DT_Q6_K] = PACK_S8F2,
    };
    return kind[t];
}

static size_t min_bytes(enum pack_kind k)
{
    return pack_row[k].min ? pack_scale_bytes(k) : 0;
}

uint64_t pack_bytes(const struct packed *p)
{
    uint64_t n = (uint64_t)p->n_group * (p->n_in / PACK_BLOCK);
    return n * (pack_quant_bytes(p->kind) + pack_scale_bytes(p->kind) + min_bytes(p->kind));
}

enum status pack_new(const struct matrix_part *part, uint32_t n_in, struct store **store,
                     struct packed *ret, struct error *err)
{
    enum pack_kind kind = kind_of(part->dtype);
    uint32_t n_group = (part->n_out + PACK_ROWS - 1) / PACK_ROWS;
    size_t n = (size_t)n_group * (n_in / PACK_BLOCK);
    size_t scales = (n * pack_scale_bytes(kind) + 63) / 64 * 64;
    struct packed p = { .kind = kind, .n_out = part->n_out, .n_in = n_in, .n_group = n_group };

    p.quant = store_cut(store, n * pack_quant_bytes(kind) + scales + n * min_bytes(kind), &p.store);
    if (!p.quant)
        return error_nomem(err);
    if (pack_scale_bytes(kind))
        p.scale = p.quant + n * pack_quant_bytes(kind);
    if (min_bytes(kind))
        p.min = p.scale + scales;
    *ret = p;
    return ST_OK;
}

void pack_free(struct packed *p)
{
    store_drop(p->store);
    memset(p, 0, sizeof *p);
}

static void nibbles(const uint8_t q[16], uint8_t out[32])
{
    for (int j = 0; j < 16; j++) {
        out[j] = q[j] & 15;
        out[j + 16] = q[j] >> 4;
    }
}

static void unpack_small(enum dtype t, const uint8_t *p, struct unpacked *u)
{
    u->dh = load_u16(p);
    switch (t) {
    case DT_Q5_0: {
        const struct block_q5_0 *b = (const void *)p;
        nibbles(b->q, u->q);
        for (int j = 0; j < 32; j++)
            u->q[j] = (uint8_t)((u->q[j] | (b->h[j / 8] >> (j % 8) & 1) << 4) - 16 + 128);
        break;
    }
    case DT_Q5_1: {
        const struct block_q5_1 *b = (const void *)p;
        u->mh = load_u16(b->m);
        nibbles(b->q, u->q);
        for (int j = 0; j < 32; j++)
            u->q[j] = (uint8_t)((u->q[j] | (b->h[j / 8] >> (j % 8) & 1) << 4) + 128);
        break;
    }
    default:        /* copied whole, see copy_block */
        break;
    }
}

/* Q4_K and Q5_K begin alike: scales first, group j of 8. */
static void unpack_k45(enum dtype t, const uint8_t *p, int j, struct unpacked *u)
{
    const struct block_q4_k *b4 = (const void *)p;
    const struct block_q5_k *b5 = (const void *)p;
    const uint8_t *q = (t == DT_Q4_K ? b4->q : b5->q) + j / 2 * 32;
    uint8_t sc, mn;
    dequant_scale_k(b4->sc, j, &sc, &mn);
    u->d[0] = half_float(load_u16(b4->d)) * (float)sc;
    u->m = -(half_float(load_u16(b4->dmin)) * (float)mn);
    for (int l = 0; l < 32; l++) {
        uint8_t v = j % 2 ? q[l] >> 4 : q[l] & 15;
        u->q[l] = t == DT_Q4_K ? v : (uint8_t)((v | (b5->h[l] >> j & 1) << 4) + 128);
    }
}

static void unpack_k6(const uint8_t *p, int j, struct unpacked *u)
{
    const struct block_q6_k *b = (const void *)p;
    float d = half_float(load_u16(b->d));
    int half = j / 4, quarter = j % 4;
    for (int l = 0; l < 32; l++) {
        uint8_t low = b->l[half * 64 + (quarter & 1) * 32 + l];
        int v = (quarter < 2 ? low & 15 : low >> 4) | (b->h[half * 32 + l] >> 2 * quarter & 3) << 4;
        u->q[l] = (uint8_t)(v - 32 + 128);
    }
    u->d[0] = d * (float)b->sc[j * 2];
    u->d[1] = d * (float)b->sc[j * 2 + 1];
}

static void unpack(enum dtype t, const uint8_t *row, uint32_t block, struct unpacked *u)
{
    if (dtype_block_elems(t) == QK) {
        unpack_small(t, row + block * dtype_block_bytes(t), u);
        return;
    }
    const uint8_t *p = row + block / 8 * dtype_block_bytes(t);
    if (t == DT_Q6_K)
        unpack_k6(p, (int)(block % 8), u);
    else
        unpack_k45(t, p, (int)(block % 8), u);
}

static void put_scale(uint8_t *dst, size_t at, uint8_t bytes, uint16_t h, float f)
{
    if (bytes == 2)
        memcpy(dst + at * 2, &h, 2);
    else
        memcpy(dst + at * 4, &f, 4);
}

/* Row `lane` of one block of a group; `at` counts blocks of the whole part. */
static void put_block(struct packed *p, size_t at, uint32_t lane, const struct unpacked *u)
{
    size_t quants = pack_quant_bytes(p->kind), scales = pack_row[p->kind].scales;
    uint8_t bytes = pack_row[p->kind].bytes;
    uint8_t *q = p->quant + at * quants;
    for (uint32_t k = 0; k < PACK_BLOCK; k++) {
        if (quants == 512)
            q[k / 4 * 64 + lane * 4 + k % 4] = u->q[k];
        else if (k < 16)
            q[k / 4 * 64 + lane * 4 + k % 4] = (uint8_t)(u->q[k] | u->q[k + 16] << 4);
    }
    for (size_t i = 0; i < scales; i++)
        put_scale(p->scale, (at * scales + i) * PACK_ROWS + lane, bytes, u->dh, u->d[i]);
    if (p->min)
        put_scale(p->min, at * PACK_ROWS + lane, bytes, u->mh, u->m);
}

/* The common types need no unpacking: four bytes of the file are four bytes of a line.  False
 * for the others.  Loading a model is mostly this. */
static bool copy_block(struct packed *p, size_t at, uint32_t lane, enum dtype t,
                       const uint8_t *src)
{
    uint8_t *q = p->quant + at * pack_quant_bytes(p->kind) + lane * 4;
    if (t == DT_Q8_0) {
        for (uint32_t j = 0; j < 8; j++) {
            uint32_t four;
            memcpy(&four, src + 2 + j * 4, sizeof four);
            four ^= 0x80808080u;
            memcpy(q + j * 64, &four, sizeof four);
        }
    } else if (t == DT_Q4_0 || t == DT_Q4_1) {
        const uint8_t *nibble = src + (t == DT_Q4_1 ? 4 : 2);
        for (uint32_t j = 0; j < 4; j++)
            memcpy(q + j * 64, nibble + j * 4, 4);
    } else {
        return false;
    }
    memcpy(p->scale + (at * PACK_ROWS + lane) * 2, src, 2);
    if (p->min)
        memcpy(p->min + (at * PACK_ROWS + lane) * 2, src + 2, 2);
    return true;
}

/* Float kinds keep their bits: [k][16] of 2 or 4 bytes. */
static void put_floats(struct packed *p, size_t at, uint32_t lane, const uint8_t *src)
{
    size_t size = pack_quant_bytes(p->kind) / (PACK_BLOCK * PACK_ROWS);
    uint8_t *q = p->quant + at * pack_quant_bytes(p->kind);
    for (uint32_t k = 0; k < PACK_BLOCK; k++) {
        if (src)
            memcpy(q + (k * PACK_ROWS + lane) * size, src + k * size, size);
        else
            memset(q + (k * PACK_ROWS + lane) * size, 0, size);
    }
}

/* One row of the file into its lane; NULL: zeros. */
static void fill_lane(struct packed *p, enum dtype t, size_t at, uint32_t lane, const uint8_t *row)
{
    size_t bytes = dtype_block_bytes(t);
    for (uint32_t b = 0; b < p->n_in / PACK_BLOCK; b++) {
        if (!pack_is_int(p->kind)) {
            put_floats(p, at + b, lane, row ? row + b * bytes * PACK_BLOCK : NULL);
            continue;
        }
        if (row && copy_block(p, at + b, lane, t, row + b * bytes))
            continue;
        struct unpacked u = { 0 };
        if (row)
            unpack(t, row, b, &u);
        put_block(p, at + b, lane, &u);
    }
}

void pack_fill(struct packed *p, const struct matrix_part *part, uint32_t group0, uint32_t group1)
{
    size_t n_block = p->n_in / PACK_BLOCK;
    size_t row_bytes = p->n_in / dtype_block_elems(part->dtype) * dtype_block_bytes(part->dtype);
    for (uint32_t g = group0; g < group1; g++) {
        for (uint32_t lane = 0; lane < PACK_ROWS; lane++) {
            uint32_t i = g * PACK_ROWS + lane;
            const uint8_t *row = NULL;
            if (i < p->n_out)
                row = part->data + row_bytes * (part->order ? part->order[i] : i);
            fill_lane(p, part->dtype, g * n_block, lane, row);
        }
    }
}
