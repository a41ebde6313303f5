/* kcheck.c - products of every level beside fp64 sums over the same operands.
 *
 * For every element type and awkward shapes: random blocks, random activations, results poisoned
 * first.  A result must be within the fp32 bar of the exact sum over the dequantised weights and
 * the quantised activations, all levels must agree bit for bit, for one row and for many, and
 * nothing beside the result may be written.
 *
 *     kcheck                          what the suite runs
 *     kcheck --time [LEVEL [TYPE]]    times beside what one core reaches; by hand */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/kernels.h"
#include "ktime.h"

static const double BAR = 5e-6;     /* relative L2 of a product in fp32 */

struct shape { uint32_t n_row, n_out, n_in; };

/* Whole and cut tiles of rows, whole and cut groups of outputs, one block and odd numbers of
 * blocks; for the second list every number of rows from 1 on. */
static const struct shape shapes[] = {
    { 1, 16, 32 }, { 2, 17, 64 }, { 7, 1, 256 }, { 8, 31, 512 }, { 9, 24, 256 }, { 64, 40, 512 },
    { 1, 200, 1536 }, { 65, 9, 768 },
};
static const struct shape rows_over[] = {
    { 17, 16, 256 }, { 17, 23, 96 }, { 17, 8, 32 }, { 17, 33, 544 }, { 17, 40, 768 },
};

enum { MAX_WIDTH = 4096, MAX_ROW = 128 };

static uint64_t draw;

static double unit(void)
{
    return rng_unit(rng_key_seed(20261127), draw++);
}

/* Random blocks whose scales are ordinary numbers; quants take all values, extremes included. */
static void random_weights(enum dtype t, uint8_t *w, size_t n_block)
{
    size_t bytes = dtype_block_bytes(t);
    for (size_t b = 0; b < n_block; b++) {
        uint8_t *p = w + b * bytes;
        for (size_t i = 0; i < bytes; i++)
            p[i] = (uint8_t)(256 * unit());
        if (dtype_block_elems(t) == 1) {
            float f = (float)(unit() - 0.5);
            uint16_t h = (uint16_t)(0x2c00 + 1024 * unit()), bf;
            uint32_t bits;
            memcpy(&bits, &f, sizeof bits);
            bf = (uint16_t)(bits >> 16);
            if (unit() < 0.5)
                h |= 0x8000;
            memcpy(p, t == DT_F32 ? (void *)&f : t == DT_F16 ? (void *)&h : (void *)&bf, bytes);
            continue;
        }
        uint16_t d = (uint16_t)(0x1c00 + 2048 * unit()), m = (uint16_t)(0x9c00 + 2048 * unit());
        memcpy(t == DT_Q6_K ? p + bytes - 2 : p, &d, sizeof d);
        if (t == DT_Q4_1 || t == DT_Q5_1)
            memcpy(p + 2, &m, sizeof m);
        if (t == DT_Q4_K || t == DT_Q5_K) {
            m &= 0x7fff;
            memcpy(p + 2, &m, sizeof m);
        }
        if (t == DT_Q8_0 && b % 3 == 0)
            memset(p + 2, b % 2 ? 0x80 : 0x7f, 32);     /* -128 and 127 throughout */
    }
}

/* An activation as the integer products see it: int8 in blocks of 32, scale max / 127. */
static void quantised(const float *x, uint32_t n, double *ret)
{
    for (uint32_t b = 0; b < n; b += 32) {
        float most = 0;
        for (uint32_t i = 0; i < 32; i++)
            most = fabsf(x[b + i]) > most ? fabsf(x[b + i]) : most;
        float d = most / 127.0f, inv = most > 0 ? 127.0f / most : 0;
        for (uint32_t i = 0; i < 32; i++)
            ret[b + i] = (double)d * (double)rintf(x[b + i] * inv);
    }
}

static double check(const struct shape *s, enum dtype t, const uint8_t *w, const float *x,
                    const float *bias, const float *out, size_t stride)
{
    static float row[MAX_WIDTH];
    static double q[MAX_ROW][MAX_WIDTH];
    size_t row_bytes = s->n_in / dtype_block_elems(t) * dtype_block_bytes(t);
    double err = 0, sum = 0;
    for (uint32_t r = 0; r < s->n_row; r++) {
        if (dtype_block_elems(t) > 1)
            quantised(x + (size_t)r * s->n_in, s->n_in, q[r]);
        else
            for (uint32_t k = 0; k < s->n_in; k++)
                q[r][k] = (double)x[(size_t)r * s->n_in + k];
    }
    for (uint32_t o = 0; o < s->n_out; o++) {
        tensor_row(t, w + o * row_bytes, row, s->n_in);
        for (uint32_t r = 0; r < s->n_row; r++) {
            double want = 0;
            for (uint32_t k = 0; k < s->n_in; k++)
                want += (double)row[k] * q[r][k];
            want += bias ? 2 * (double)bias[o] : 0;
            double d = (double)out[(size_t)r * stride + o] - want;
            err += d * d;
            sum += want * want;
        }
    }
    return sqrt(err / sum);
}

enum { GUARD = 5 };         /* columns behind a result, which nobody may touch */

struct operands {
    const struct shape *s;
    enum dtype          t;
    uint8_t            *w;
    float              *x, *bias, *first, *out;
    size_t              stride;             /* of first and out */
};

/* Rows from row0 on into `out`, poisoned first; with a bias, added to one that stands there.
 * False when a column of the guard was written. */
static bool multiply(struct device *d, const struct matrix *m, const struct operands *p,
                     uint32_t row0, uint32_t n_row, bool biased)
{
    const struct shape *s = p->s;
    struct product_args a = { .x = p->x + (size_t)row0 * s->n_in, .x_stride = s->n_in,
                              .n_row = n_row, .w = m, .bias = biased ? p->bias : NULL,
                              .add = biased, .out = p->out, .out_stride = p->stride };
    memset(p->out, 0xff, n_row * p->stride * sizeof *p->out);       /* NaN */
    for (uint32_t r = 0; biased && r < n_row; r++)
        memcpy(p->out + r * p->stride, p->bias, s->n_out * sizeof *p->bias);
    d->ops->product(d, &a);
    for (uint32_t r = 0; r < n_row; r++)
        for (uint32_t i = s->n_out; i < p->stride; i++)
            if (!isnan(p->out[r * p->stride + i]))
                return false;
    return true;
}

/* All levels over the same operands; `first` keeps what the first of them, the definition, gave. */
static int check_levels(struct device *const *dev, uint32_t n_dev, const struct operands *p,
                        bool biased)
{
    const struct shape *s = p->s;
    size_t n_byte = s->n_row * p->stride * sizeof *p->out;
    struct matrix_part part = { .dtype = p->t, .data = p->w, .n_out = s->n_out };
    for (uint32_t i = 0; i < n_dev; i++) {
        const char *wrong = NULL;
        struct matrix *m = NULL;
        if (dev[i]->ops->matrix_new(dev[i], &part, 1, s->n_in, &m, NULL) != ST_OK)
            return 1;
        if (!multiply(dev[i], m, p, 0, s->n_row, biased))
            wrong = "wrote beside its columns";
        double e = check(s, p->t, p->w, p->x, biased ? p->bias : NULL, p->out, p->stride);
        if (!(e < BAR))
            wrong = "is too far from the exact sum";
        if (i == 0)
            memcpy(p->first, p->out, n_byte);
        else if (memcmp(p->first, p->out, n_byte))
            wrong = "differs in bits from the definition";
        for (uint32_t r = 0; r < s->n_row && r < 9; r++) {
            if (!multiply(dev[i], m, p, r, 1, biased) ||
                memcmp(p->first + r * p->stride, p->out, s->n_out * sizeof *p->out))
                wrong = "has other bits for a row alone";
        }
        dev[i]->ops->matrix_free(m);
        if (wrong) {
            printf("%s %s %u x %u x %u%s: %s (relative error %g)\n", dev[i]->ops->name,
                   dtype_name(p->t), s->n_row, s->n_out, s->n_in, biased ? " biased" : "",
                   wrong, e);
            return 1;
        }
    }
    return 0;
}

static int check_shape(struct device *const *dev, uint32_t n_dev, enum dtype t,
                       const struct shape *s)
{
    if (s->n_in % dtype_block_elems(t))
        return 0;
    size_t n_w = (size_t)s->n_out * s->n_in / dtype_block_elems(t), stride = s->n_out + GUARD;
    struct operands p = {
        .s = s, .t = t, .stride = stride,
        .w = malloc(n_w * dtype_block_bytes(t)),
        .x = malloc((size_t)s->n_row * s->n_in * sizeof *p.x),
        .bias = malloc(s->n_out * sizeof *p.bias),
        .first = malloc(s->n_row * stride * sizeof *p.first),
        .out = malloc(s->n_row * stride * sizeof *p.out),
    };
    random_weights(t, p.w, n_w);
    for (size_t i = 0; i < (size_t)s->n_row * s->n_in; i++)
        p.x[i] = (float)(4 * (unit() - 0.5));
    for (uint32_t i = 0; i < s->n_out; i++)
        p.bias[i] = (float)(unit() - 0.5);
    int bad = check_levels(dev, n_dev, &p, false) | check_levels(dev, n_dev, &p, true);
    free(p.w);
    free(p.x);
    free(p.bias);
    free(p.first);
    free(p.out);
    return bad;
}

static int check_type(struct device *const *dev, uint32_t n_dev, enum dtype t)
{
    int bad = 0;
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        bad |= check_shape(dev, n_dev, t, &shapes[i]);
    for (size_t i = 0; i < sizeof rows_over / sizeof *rows_over; i++) {
        struct shape s = rows_over[i];
        for (s.n_row = 1; s.n_row <= rows_over[i].n_row; s.n_row++)
            bad |= check_shape(dev, n_dev, t, &s);
    }
    return bad;
}

/* Times of the shapes of a small model. */
static void time_level(const char *level, const char *type)
{
    static const uint32_t shape[][3] = {
        { 1, 3072, 576 }, { 1, 576, 1536 }, { 4, 3072, 576 }, { 16, 3072, 576 },
        { 128, 3072, 1536 },
    };
    struct device_opts o = { .n_thread = 1, .max_row = MAX_ROW, .max_width = MAX_WIDTH,
                             .level = level };
    struct device *d = NULL;
    if (cpu_device_open(&o, &d, NULL) != ST_OK)
        return;
    for (int t = 0; t < DT_N; t++) {
        for (size_t i = 0; i < sizeof shape / sizeof *shape; i++) {
            struct ktime_shape s = { (enum dtype)t, shape[i][0], shape[i][1], shape[i][2] };
            size_t n_w = (size_t)s.n_out * s.n_in / dtype_block_elems(s.dtype);
            if (s.n_in % dtype_block_elems(s.dtype) || (type && strcmp(type, dtype_name(s.dtype))))
                continue;
            uint8_t *w = malloc(n_w * dtype_block_bytes(s.dtype));
            float *x = malloc((size_t)s.n_row * s.n_in * sizeof *x);
            float *out = malloc((size_t)s.n_row * s.n_out * sizeof *out);
            random_weights(s.dtype, w, n_w);
            for (size_t k = 0; k < (size_t)s.n_row * s.n_in; k++)
                x[k] = (float)(unit() - 0.5);
            ktime_product(d, level, &s, w, x, out);
            free(w);
            free(x);
            free(out);
        }
    }
    d->ops->close(d);
}

int main(int argc, char **argv)
{
    const char *level[4];
    struct device *dev[4];
    uint32_t n = cpu_levels(level);
    int bad = 0;
    for (uint32_t i = 0; i < n; i++) {
        struct device_opts o = { .n_thread = 2, .max_row = MAX_ROW, .max_width = MAX_WIDTH,
                                 .level = level[i] };
        if (cpu_device_open(&o, &dev[i], NULL) != ST_OK)
            return 1;
    }
    if (argc > 1 && strcmp(argv[1], "--time") == 0) {
        for (uint32_t i = 1; i < n; i++)
            if (argc < 3 || strcmp(argv[2], level[i]) == 0)
                time_level(level[i], argc > 3 ? argv[3] : NULL);
    } else {
        for (int t = 0; t < DT_N; t++)
            bad |= check_type(dev, n, (enum dtype)t);
        printf("%u levels, %d types: %s\n", n, DT_N, bad ? "FAILED" : "equal and within the bar");
    }
    for (uint32_t i = 0; i < n; i++)
        dev[i]->ops->close(dev[i]);
    return bad;
}
