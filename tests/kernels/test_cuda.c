/* test_cuda.c - every CUDA kernel beside the C definition.
 *
 *     test_cuda [small]        small: shapes for compute-sanitizer
 *
 * Both tables get the same random operands; results and pages are poisoned first.  Products are
 * compared with the CPU's fp32 product over the same weights as plain floats, so what is measured
 * is the rounding of operands to 16 bits and nothing of the CPU's integer products.  Rows must be
 * the same bits alone and beside others, by blocks of keys shared out and taken in order.
 *
 * Without a GPU the test is skipped. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/kernels.h"

enum { MAX_WIDTH = 4096, MAX_ROW = 576, MAX_ITEM = 8, MAX_PAGE = 320, SKIP = 77 };

static const double BAR_FP16 = 6e-4, BAR_BF16 = 4e-3, BAR_FP32 = 5e-6;
/* A key that rounds to the other fp16 neighbour weighs 2^-11 of itself. */
static const double BAR_PAGES = 1e-4;

static uint64_t draw;
static bool small;
static int bad;

static float unit(void)
{
    return (float)(2 * rng_unit(rng_key_seed(20261128), draw++) - 1);
}

static float *random_floats(size_t n, float middle, float size)
{
    float *x = malloc(n * sizeof *x);
    for (size_t i = 0; i < n; i++)
        x[i] = middle + size * unit();
    return x;
}

static double distance(const float *got, const float *want, size_t n)
{
    double err = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        err += d * d;
        sum += (double)want[i] * (double)want[i];
    }
    return sqrt(err / sum);
}

static void expect(double e, double bar, const char *what, uint32_t a, uint32_t b, uint32_t c)
{
    if (e <= bar)
        return;
    printf("%s %u %u %u: relative error %g, at most %g\n", what, a, b, c, e, bar);
    bad = 1;
}

static void expect_bits(const float *a, const float *b, size_t n, const char *what, uint32_t i)
{
    if (memcmp(a, b, n * sizeof *a) == 0)
        return;
    printf("%s %u: other bits\n", what, i);
    bad = 1;
}

/* ---- memory of a device ---- */

static void *put(struct device *d, const void *src, size_t n)
{
    void *p = d->ops->mem_new(d, n);
    if (!p || d->ops->upload(d, p, src, n, NULL) != ST_OK) {
        printf("no device memory\n");
        exit(1);
    }
    return p;
}

static void *poisoned(struct device *d, size_t n)
{
    void *bytes = malloc(n);
    memset(bytes, 0xff, n);
    void *p = put(d, bytes, n);
    free(bytes);
    return p;
}

static void get(struct device *d, void *dst, const void *src, size_t n)
{
    struct error err = { 0 };
    if (d->ops->download(d, dst, src, n, &err) != ST_OK || d->ops->wait(d, &err) != ST_OK) {
        printf("%s\n", err.text);
        exit(1);
    }
}

static uint32_t up(uint32_t n_row)
{
    return (n_row + KERNEL_ROW_TILE - 1) / KERNEL_ROW_TILE * KERNEL_ROW_TILE;
}

/* ---- products ---- */

struct product_case {
    uint32_t        n_row, n_out, n_in;
    enum product_in in;
    bool            bias, add, picked;
};

static const struct product_case products[] = {
    { 1, 16, 32, PRODUCT_PLAIN, false, false, false },
    { 2, 24, 64, PRODUCT_NORM, true, false, false },
    { 7, 17, 256, PRODUCT_GATE, false, true, false },
    { 8, 264, 64, PRODUCT_NORM, false, false, true },
    { 6, 40, 96, PRODUCT_GATE_GELU, false, false, false },
    { 9, 1, 128, PRODUCT_PLAIN, true, true, false },
    { 64, 200, 96, PRODUCT_NORM, true, false, false },
    { 65, 576, 576, PRODUCT_NORM, false, false, false },
    { 513, 1536, 1536, PRODUCT_GATE, false, true, false },
    { 3, 3072, 576, PRODUCT_NORM, false, false, true },
    { 66, 960, 4096, PRODUCT_PLAIN, false, true, false },
};

/* Runs one case; rows first .. first + n - 1 of it.  ret: [n, n_out]. */
static void run_product(struct device *d, const struct product_case *t, const struct matrix *w,
                        const float *x, const float *norm, const float *bias, const float *start,
                        uint32_t first, uint32_t n, float *ret)
{
    bool gate = t->in == PRODUCT_GATE || t->in == PRODUCT_GATE_GELU;
    size_t stride = (size_t)t->n_in * (gate ? 2 : 1);
    uint32_t pick[MAX_ROW], tok[MAX_ROW] = { 0 };
    for (uint32_t i = 0; i < t->n_row; i++)
        pick[i] = t->n_row - 1 - i;
    float *dx = put(d, x, t->n_row * stride * sizeof *x);
    float *dn = put(d, norm, t->n_in * sizeof *norm), *db = put(d, bias, t->n_out * sizeof *bias);
    float *out = poisoned(d, (size_t)up(n) * t->n_out * sizeof *out);
    if (t->add)
        d->ops->upload(d, out, start + (size_t)first * t->n_out,
                       (size_t)n * t->n_out * sizeof *out, NULL);
    struct step_args s = { .tok = tok, .pick = pick, .n_pick = t->n_row };
    d->ops->step(d, &s);
    d->ops->product(d, &(struct product_args){
        .in = t->in, .x = t->picked ? dx : dx + first * stride, .x_stride = stride,
        .picked = t->picked, .pick0 = first, .n_row = n, .norm = dn, .eps = 1e-5f, .w = w,
        .bias = t->bias ? db : NULL, .add = t->add, .out = out, .out_stride = t->n_out });
    get(d, ret, out, (size_t)n * t->n_out * sizeof *ret);
    d->ops->mem_free(d, dx);
    d->ops->mem_free(d, dn);
    d->ops->mem_free(d, db);
    d->ops->mem_free(d, out);
}

static void check_product(struct device *cpu, struct device *gpu, const struct product_case *t,
                          enum dtype type)
{
    size_t n_w = (size_t)t->n_out * t->n_in, n_res = (size_t)t->n_row * t->n_out;
    float *f = random_floats(n_w, 0, 1.0f / sqrtf((float)t->n_in));
    uint16_t *half = malloc(n_w * sizeof *half);
    for (size_t i = 0; i < n_w; i++) {      /* what bf16 holds, so that both sides have the same */
        uint32_t bits;
        memcpy(&bits, &f[i], sizeof bits);
        half[i] = (uint16_t)(bits >> 16);
        bits &= type == DT_BF16 ? 0xffff0000u : ~0u;
        memcpy(&f[i], &bits, sizeof bits);
    }
    struct matrix_part cp = { .dtype = DT_F32, .data = (const uint8_t *)f, .n_out = t->n_out };
    struct matrix_part gp = { .dtype = type, .n_out = t->n_out,
                              .data = type == DT_BF16 ? (const uint8_t *)half
                                                      : (const uint8_t *)f };
    struct matrix *cm = NULL, *gm = NULL;
    struct error err = { 0 };
    if (cpu->ops->matrix_new(cpu, &cp, 1, t->n_in, &cm, &err) != ST_OK ||
        gpu->ops->matrix_new(gpu, &gp, 1, t->n_in, &gm, &err) != ST_OK) {
        printf("%s\n", err.text);
        bad = 1;
        return;
    }
    float *x = random_floats((size_t)t->n_row * t->n_in * 2, 0, 2);
    float *norm = random_floats(t->n_in, 1, 0.3f);
    float *bias = random_floats(t->n_out, 0, 1), *start = random_floats(n_res, 0, 1);
    float *want = malloc(n_res * sizeof *want), *got = malloc(n_res * sizeof *got);
    float *alone = malloc(n_res * sizeof *alone);
    run_product(cpu, t, cm, x, norm, bias, start, 0, t->n_row, want);
    run_product(gpu, t, gm, x, norm, bias, start, 0, t->n_row, got);
    expect(distance(got, want, n_res), type == DT_BF16 ? BAR_BF16 : BAR_FP16,
           dtype_name(type), t->n_row, t->n_out, t->n_in);
    for (uint32_t r = 0; r < t->n_row; r += t->n_row > 9 ? 31 : 1) {
        run_product(gpu, t, gm, x, norm, bias, start, r, 1, alone);
        expect_bits(got + (size_t)r * t->n_out, alone, t->n_out, "product: row alone", r);
    }
    cpu->ops->matrix_free(cm);
    gpu->ops->matrix_free(gm);
    void *own[] = { f, half, x, norm, bias, start, want, got, alone };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free(own[i]);
}

/* ---- embedding: from a table of its own and from a tied matrix; blocks are dequantised ---- */

static void check_embed(struct device *cpu, struct device *gpu, enum dtype t, bool tie)
{
    enum { WIDTH = 512, VOCAB = 40, N = 9 };
    size_t n_block = (size_t)VOCAB * WIDTH / dtype_block_elems(t), bytes = dtype_block_bytes(t);
    uint8_t *w = calloc(n_block, bytes);
    for (size_t b = 0; b < n_block; b++) {
        uint16_t d = (uint16_t)(0x2000 + 1000 * (unit() + 1));
        float f = unit();
        for (size_t i = 0; i < bytes; i++)
            w[b * bytes + i] = (uint8_t)(127 * (unit() + 1));
        if (t == DT_F32)
            memcpy(w + b * bytes, &f, sizeof f);
        else
            memcpy(w + b * bytes + (t == DT_Q6_K ? bytes - 2 : 0), &d, sizeof d);
        if (t == DT_Q4_1)
            memcpy(w + b * bytes + 2, &d, sizeof d);
    }
    struct matrix_part part = { .dtype = t, .data = w, .n_out = VOCAB };
    uint32_t tok[N];
    for (uint32_t i = 0; i < N; i++)
        tok[i] = (i * 17 + 39) % VOCAB;
    struct device *dev[2] = { cpu, gpu };
    float got[2][N * WIDTH];
    for (int i = 0; i < 2; i++) {
        struct device *d = dev[i];
        struct table *table = NULL;
        struct matrix *m = NULL;
        if ((tie && d->ops->matrix_new(d, &part, 1, WIDTH, &m, NULL) != ST_OK) ||
            d->ops->table_new(d, &part, WIDTH, m, &table, NULL) != ST_OK) {
            bad = 1;
            break;
        }
        float *out = poisoned(d, sizeof got[i]);
        struct attn_item it = { .n_row = N, .page = (uint32_t[]){ 0, 1 } };
        d->ops->step(d, &(struct step_args){ .tok = tok, .n_row = N, .item = &it, .n_item = 1 });
        d->ops->embed(d, &(struct embed_args){ .table = table, .width = WIDTH, .out = out,
                                               .scale = tie ? 2.5f : 0, .stride = WIDTH });
        get(d, got[i], out, sizeof got[i]);
        d->ops->mem_free(d, out);
        d->ops->table_free(table);
        d->ops->matrix_free(m);
    }
    expect(distance(got[1], got[0], N * WIDTH), BAR_FP16, "embed", t, tie, 0);
    free(w);
}

/* ---- rotation, pages, attention ---- */

/* window 0, cap 0: none; still: no rotation. */
struct attn_case {
    uint32_t n_head, n_kv_head, head_dim, length;
    bool     norm, still;
    uint32_t window;
    float    cap;
    uint32_t n_rot;             /* 0: the whole head turns */
};

static const struct attn_case attns[] = {
    { 2, 1, 32, 17, false, false, 0, 0, 0 },     { 9, 3, 64, 16, true, false, 0, 0, 0 },
    { 4, 4, 96, 15, false, true, 0, 0, 0 },      { 8, 1, 128, 300, true, false, 0, 0, 0 },
    { 32, 8, 128, 1, false, false, 0, 0, 0 },    { 9, 3, 64, 1100, false, false, 0, 0, 0 },
    { 4, 1, 256, 530, true, false, 0, 0, 0 },    { 40, 2, 64, 257, false, false, 0, 0, 0 },
    { 8, 2, 128, 4097, false, false, 0, 0, 0 },  { 2, 1, 32, 40, false, false, 7, 3, 0 },
    { 4, 1, 256, 300, true, false, 64, 0, 0 },   { 8, 4, 64, 280, false, true, 256, 2, 0 },
    { 4, 1, 256, 1200, true, false, 512, 0, 0 }, { 6, 3, 96, 900, false, false, 255, 5, 0 },
    { 4, 2, 128, 50, true, false, 0, 0, 96 },    { 3, 1, 64, 21, false, false, 9, 0, 32 },
};

/* One device's side of a case: pools, tables, rows. */
struct side {
    struct device    *d;
    struct attn_shape shape;
    uint16_t         *kv;
    float            *rope, *q_norm, *k_norm;
    uint32_t          stride, window, n_rot;
    float             cap;
};

/* Rows of items through rope_kv and attention.  qkv: all rows of the step.  ret: [n_row, q]. */
static void run_attention(const struct side *s, const struct attn_item *item, uint32_t n_item,
                          const float *qkv, float *ret, float *ret_qkv)
{
    struct device *d = s->d;
    uint32_t n_row = item[n_item - 1].row + item[n_item - 1].n_row, tok[MAX_ROW] = { 0 };
    size_t q = (size_t)s->shape.n_head * s->shape.head_dim;
    size_t page = kv_page_elems(&s->shape);
    float *x = put(d, qkv, (size_t)n_row * s->stride * sizeof *x);
    float *out = poisoned(d, n_row * q * sizeof *out);
    struct kv_layer kv = { s->kv, page };
    d->ops->step(d, &(struct step_args){ .tok = tok, .n_row = n_row, .item = item,
                                         .n_item = n_item });
    d->ops->rope_kv(d, &(struct rope_kv_args){
        .shape = s->shape, .qkv = x, .stride = s->stride, .rope = s->rope, .n_rot = s->n_rot,
        .q_norm = s->q_norm, .k_norm = s->k_norm, .eps = 1e-6f, .kv = kv });
    d->ops->attention(d, &(struct attention_args){
        .shape = s->shape, .qkv = x, .stride = s->stride, .kv = kv, .window = s->window,
        .cap = s->cap, .out = out, .out_stride = q });
    get(d, ret, out, n_row * q * sizeof *ret);
    if (ret_qkv)
        get(d, ret_qkv, x, (size_t)n_row * s->stride * sizeof *x);
    d->ops->mem_free(d, x);
    d->ops->mem_free(d, out);
}

static struct side side_new(struct device *d, const struct attn_case *t, const float *rope,
                            const float *q_norm, const float *k_norm)
{
    struct side s = { .d = d, .shape = { t->n_head, t->n_kv_head, t->head_dim,
                                         1.0f / sqrtf((float)t->head_dim) } };
    s.stride = (t->n_head + 2 * t->n_kv_head) * t->head_dim;
    s.kv = poisoned(d, (size_t)(2 * MAX_PAGE) * kv_page_elems(&s.shape) * sizeof *s.kv);
    s.window = t->window;
    s.cap = t->cap;
    s.n_rot = t->n_rot;
    s.rope = t->still ? NULL : put(d, rope, (size_t)t->length * t->head_dim * sizeof *rope);
    s.q_norm = t->norm ? put(d, q_norm, t->head_dim * sizeof *q_norm) : NULL;
    s.k_norm = t->norm ? put(d, k_norm, t->head_dim * sizeof *k_norm) : NULL;
    return s;
}

static void side_free(struct side *s)
{
    s->d->ops->mem_free(s->d, s->kv);
    s->d->ops->mem_free(s->d, s->rope);
    s->d->ops->mem_free(s->d, s->q_norm);
    s->d->ops->mem_free(s->d, s->k_norm);
}

static struct device *open_gpu(const struct attn_case *t, struct error *err)
{
    struct device_opts o = { .max_row = MAX_ROW, .max_width = MAX_WIDTH, .max_item = MAX_ITEM,
                             .max_page = MAX_PAGE,
                             .shape = { t->n_head, t->n_kv_head, t->head_dim, 1 } };
    struct device *d = NULL;
    return cuda_device_open(&o, &d, err) == ST_OK ? d : NULL;
}

/* The sequence in chunks on both; then its last rows alone, and beside another that shares its
 * pages and one of one token. */
static void check_attention(struct device *cpu, const struct attn_case *t)
{
    struct error err = { 0 };
    struct device *gpu = open_gpu(t, &err);
    if (!gpu) {
        printf("%s\n", err.text);
        bad = 1;
        return;
    }
    size_t q = (size_t)t->n_head * t->head_dim;
    float *rope = random_floats((size_t)t->length * t->head_dim, 0, 1);
    float *q_norm = random_floats(t->head_dim, 1, 0.3f);
    float *k_norm = random_floats(t->head_dim, 1, 0.3f);
    struct side a = side_new(cpu, t, rope, q_norm, k_norm);
    struct side b = side_new(gpu, t, rope, q_norm, k_norm);
    float *qkv = random_floats((size_t)t->length * a.stride, 0, 2);
    float *want = malloc(t->length * q * sizeof *want), *got = malloc(t->length * q * sizeof *got);
    float *xa = malloc((size_t)MAX_ROW * a.stride * sizeof *xa);
    float *xb = malloc((size_t)MAX_ROW * a.stride * sizeof *xb);
    uint32_t page[MAX_PAGE], chunk = 512;
    for (uint32_t i = 0; i < MAX_PAGE; i++)
        page[i] = (i * 7 + 3) % (2 * MAX_PAGE - 1) + 1;
    for (uint32_t pos = 0; pos < t->length; pos += chunk) {
        uint32_t n = t->length - pos < chunk ? t->length - pos : chunk;
        struct attn_item it = { .n_row = n, .pos = pos, .page = page };
        run_attention(&a, &it, 1, qkv + (size_t)pos * a.stride, want + pos * q, xa);
        run_attention(&b, &it, 1, qkv + (size_t)pos * a.stride, got + pos * q, xb);
        for (uint32_t r = 0; r < n; r++)        /* q is rewritten; k and v may be or not */
            expect(distance(xb + r * a.stride, xa + r * a.stride, q), BAR_FP32, "rope_kv",
                   t->n_head, t->head_dim, pos + r);
    }
    expect(distance(got, want, t->length * q), BAR_PAGES, "attention", t->n_head, t->head_dim,
           t->length);
    for (uint32_t n = 1; n <= 19 && n <= t->length; n += n < 3 ? 1 : 7) {
        uint32_t pos = t->length - n, head = pos < 40 ? pos : 40;
        float *x = malloc((size_t)(2 * n + 1 + head) * a.stride * sizeof *x);
        float *out = malloc((2 * n + 1 + head) * q * sizeof *out);
        struct attn_item it[4] = {
            { .row = 0, .n_row = n, .pos = pos, .page = page },
            { .row = n, .n_row = n, .pos = pos, .page = page },
            { .row = 2 * n, .n_row = 1, .page = (uint32_t[]){ 0 } },
            { .row = 2 * n + 1, .n_row = head, .page = page },
        };
        const float *last = qkv + (size_t)pos * a.stride, *src[4] = { last, last, qkv, qkv };
        for (int i = 0; i < 4; i++)
            memcpy(x + (size_t)it[i].row * a.stride, src[i],
                   (size_t)it[i].n_row * a.stride * sizeof *x);
        run_attention(&b, it, 1, x, out, NULL);
        expect_bits(out, got + pos * q, n * q, "attention: last rows alone", n);
        run_attention(&b, it, head ? 4 : 3, x, out, NULL);
        for (int i = 0; i < (head ? 4 : 3); i++)
            expect_bits(out + it[i].row * q, got + it[i].pos * q, it[i].n_row * q,
                        "attention: beside others", n * 10 + (uint32_t)i);
        free(x);
        free(out);
    }
    side_free(&a);
    side_free(&b);
    gpu->ops->close(gpu);
    void *own[] = { rope, q_norm, k_norm, qkv, want, got, xa, xb };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free(own[i]);
}

/* ---- norms added, caps ---- */

static void check_rows(struct device *cpu, struct device *gpu)
{
    enum { N = 96, ROW = 37, CAPPED = 1001 };
    float *x = random_floats(ROW * N, 0, 2), *w = random_floats(N, 1, 0.3f);
    float *start = random_floats(ROW * N, 0, 1), *logits = random_floats(CAPPED, 0, 20);
    struct device *dev[2] = { cpu, gpu };
    float got[2][ROW * N], capped[2][CAPPED];
    uint32_t tok[ROW] = { 0 };
    for (int i = 0; i < 2; i++) {
        struct device *d = dev[i];
        float *dx = put(d, x, ROW * N * sizeof *x), *dw = put(d, w, N * sizeof *w);
        float *out = put(d, start, sizeof got[i]), *l = put(d, logits, sizeof capped[i]);
        struct attn_item it = { .n_row = ROW, .page = (uint32_t[]){ 0, 1, 2 } };
        d->ops->step(d, &(struct step_args){ .tok = tok, .n_row = ROW, .item = &it, .n_item = 1 });
        d->ops->norm_add(d, &(struct norm_add_args){ .x = dx, .n = N, .norm = dw, .eps = 1e-6f,
                                                     .out = out });
        d->ops->cap(d, &(struct cap_args){ .x = l, .n_row = 7, .n = CAPPED / 7, .cap = 12 });
        get(d, got[i], out, sizeof got[i]);
        get(d, capped[i], l, sizeof capped[i]);
        d->ops->mem_free(d, dx);
        d->ops->mem_free(d, dw);
        d->ops->mem_free(d, out);
        d->ops->mem_free(d, l);
    }
    expect(distance(got[1], got[0], ROW * N), BAR_FP32, "norm_add", ROW, N, 0);
    expect(distance(capped[1], capped[0], CAPPED), BAR_FP32, "cap", CAPPED, 0, 0);
    void *own[] = { x, w, start, logits };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free(own[i]);
}

/* ---- copies of pages ---- */

static void check_copy(struct device *gpu)
{
    enum { N = 96, PAGES = 5, LAYERS = 3 };
    uint16_t host[LAYERS * PAGES * N], got[LAYERS * PAGES * N];
    for (size_t i = 0; i < LAYERS * PAGES * N; i++)
        host[i] = (uint16_t)(i * 40503u);
    uint16_t *kv = put(gpu, host, sizeof host);
    gpu->ops->copy_page(gpu, &(struct copy_page_args){ .dst = kv + 4 * N, .src = kv + N, .n = N,
                                                       .stride = PAGES * N, .n_layer = LAYERS });
    get(gpu, got, kv, sizeof got);
    for (int l = 0; l < LAYERS; l++)
        memcpy(host + (l * PAGES + 4) * N, host + (l * PAGES + 1) * N, N * sizeof *host);
    if (memcmp(got, host, sizeof host)) {
        printf("copy_page: other bytes\n");
        bad = 1;
    }
    gpu->ops->mem_free(gpu, kv);
}

int main(int argc, char **argv)
{
    small = argc > 1 && strcmp(argv[1], "small") == 0;
    struct error err = { 0 };
    struct device *gpu = open_gpu(&attns[0], &err), *cpu = NULL;
    if (!gpu) {
        printf("skipped: %s\n", err.text);
        return SKIP;
    }
    struct device_opts o = { .max_row = MAX_ROW, .max_width = MAX_WIDTH };
    if (cpu_device_open(&o, &cpu, &err) != ST_OK)
        return 1;
    printf("%s beside %s\n", gpu->ops->name, cpu->ops->name);
    uint32_t n_product = 0, n_attn = 0;
    for (size_t i = 0; i < sizeof products / sizeof *products; i++) {
        const struct product_case *t = &products[i];
        if (small && (size_t)t->n_row * t->n_out * t->n_in > 200000)
            continue;
        check_product(cpu, gpu, t, DT_F32);
        check_product(cpu, gpu, t, DT_BF16);
        n_product += 2;
    }
    static const enum dtype tables[] = { DT_F32, DT_Q8_0, DT_Q4_0, DT_Q4_1, DT_Q6_K };
    for (size_t i = 0; i < 2 * sizeof tables / sizeof *tables; i++)
        check_embed(cpu, gpu, tables[i / 2], i % 2);
    for (size_t i = 0; i < sizeof attns / sizeof *attns; i++) {
        if (small && attns[i].length > 300)
            continue;
        check_attention(cpu, &attns[i]);
        n_attn++;
    }
    check_rows(cpu, gpu);
    check_copy(gpu);
    gpu->ops->close(gpu);
    cpu->ops->close(cpu);
    printf("%u products, %u attentions, embedding, copies: %s\n", n_product, n_attn,
           bad ? "FAILED" : "within the bars, rows alike in every company");
    return bad;
}
