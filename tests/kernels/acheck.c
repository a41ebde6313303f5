/* acheck.c - attention of every CPU level beside fp64 sums, with windows, caps and still heads.
 *
 * A sequence of random rows goes through rope_kv and attention in chunks of several sizes, over
 * pages in no order.  Each row must be near the exact result over the same fp16 keys and values,
 * and have the same bits at every level and in every chunk. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "kernels/kernels.h"

static const double BAR = 5e-6;     /* relative L2 of a row in fp32 */

enum { LENGTH = 800, MAX_PAGE = LENGTH / KERNEL_PAGE + 1, CHUNK = 256 };

struct attn_case {
    uint32_t n_head, n_kv_head, head_dim, window;
    float    cap;
    bool     still;             /* no rotation */
    uint32_t n_rot;             /* 0: the whole head turns */
};

static const struct attn_case cases[] = {
    { 2, 1, 32, 0, 0, false, 0 },    { 2, 2, 64, 1, 0, false, 32 },   { 6, 2, 32, 7, 3, false, 0 },
    { 3, 3, 32, 255, 0, true, 0 },   { 4, 1, 32, 256, 2, true, 0 },   { 7, 1, 32, 257, 0, false, 0 },
    { 2, 1, 256, 512, 0, true, 0 },  { 1, 1, 96, 600, 5, false, 64 }, { 2, 1, 32, 5000, 1, false, 0 },
};

static uint64_t draw;
static int bad;

static float unit(void)
{
    return (float)(2 * rng_unit(rng_key_seed(20261128), draw++) - 1);
}

struct rig {
    const struct attn_case *t;
    struct attn_shape       shape;
    uint32_t                stride, q;
    float                  *qkv, *rope;     /* [LENGTH, stride], [LENGTH, head_dim] */
    uint32_t                page[MAX_PAGE];
};

static struct rig rig_new(const struct attn_case *t)
{
    struct rig r = { .t = t, .shape = { t->n_head, t->n_kv_head, t->head_dim,
                                        1.0f / sqrtf((float)t->head_dim) } };
    r.q = t->n_head * t->head_dim;
    r.stride = r.q + 2 * t->n_kv_head * t->head_dim;
    r.qkv = malloc((size_t)LENGTH * r.stride * sizeof *r.qkv);
    r.rope = malloc((size_t)LENGTH * t->head_dim * sizeof *r.rope);
    for (size_t i = 0; i < (size_t)LENGTH * r.stride; i++)
        r.qkv[i] = 2 * unit();
    for (size_t i = 0; i < (size_t)LENGTH * t->head_dim; i++)
        r.rope[i] = unit();
    for (uint32_t i = 0; i < MAX_PAGE; i++)
        r.page[i] = (i * 7 + 3) % MAX_PAGE;
    return r;
}

/* out: [LENGTH, q]; x: the rows, rewritten. */
static void run(const struct rig *r, struct device *d, uint32_t chunk, float *x, float *out)
{
    size_t n_page = kv_page_elems(&r->shape);
    uint16_t *kv = calloc(MAX_PAGE * n_page, sizeof *kv);
    uint32_t tok[CHUNK] = { 0 };
    memcpy(x, r->qkv, (size_t)LENGTH * r->stride * sizeof *x);
    for (uint32_t pos = 0; pos < LENGTH; pos += chunk) {
        struct attn_item it = { .n_row = LENGTH - pos < chunk ? LENGTH - pos : chunk, .pos = pos,
                                .page = r->page };
        float *rows = x + (size_t)pos * r->stride;
        struct kv_layer layer = { kv, n_page };
        d->ops->step(d, &(struct step_args){ .tok = tok, .n_row = it.n_row, .item = &it,
                                             .n_item = 1 });
        d->ops->rope_kv(d, &(struct rope_kv_args){
            .shape = r->shape, .qkv = rows, .stride = r->stride,
            .rope = r->t->still ? NULL : r->rope, .n_rot = r->t->n_rot, .kv = layer });
        d->ops->attention(d, &(struct attention_args){
            .shape = r->shape, .qkv = rows, .stride = r->stride, .kv = layer,
            .window = r->t->window, .cap = r->t->cap, .out = out + (size_t)pos * r->q,
            .out_stride = r->q });
    }
    free(kv);
}

/* The nearest fp16 of an ordinary number, as pages hold it. */
static double half(double x)
{
    int exp;
    double frac = frexp(x, &exp);
    int bits = exp < -13 ? 24 + exp : 11;       /* fewer below the normal ones */
    return ldexp(rint(ldexp(frac, bits)), exp - bits);
}

/* Row pos, head h in double precision.  x: the rows after rope_kv, which rewrites q and k. */
static void exact(const struct rig *r, const float *x, uint32_t pos, uint32_t h, double *ret)
{
    static double w[LENGTH];
    const struct attn_case *t = r->t;
    uint32_t hd = t->head_dim, kv = h / (t->n_head / t->n_kv_head);
    uint32_t first = t->window && pos + 1 > t->window ? pos + 1 - t->window : 0;
    const float *q = x + (size_t)pos * r->stride + (size_t)h * hd;
    double most = -INFINITY, sum = 0;
    for (uint32_t j = first; j <= pos; j++) {
        const float *k = x + (size_t)j * r->stride + r->q + (size_t)kv * hd;
        w[j] = 0;
        for (uint32_t i = 0; i < hd; i++)
            w[j] += (double)q[i] * half((double)k[i]);
        if (t->cap > 0)
            w[j] = (double)t->cap * tanh(w[j] / (double)t->cap);
        most = w[j] > most ? w[j] : most;
    }
    memset(ret, 0, hd * sizeof *ret);
    for (uint32_t j = first; j <= pos; j++) {
        const float *v = x + (size_t)j * r->stride + r->q + (size_t)(t->n_kv_head + kv) * hd;
        double e = exp(w[j] - most);
        sum += e;
        for (uint32_t i = 0; i < hd; i++)
            ret[i] += e * half((double)v[i]);
    }
    for (uint32_t i = 0; i < hd; i++)
        ret[i] /= sum;
}

/* q of the last row after rope_kv: turned by the table up to n_rot, as it was behind; scaled. */
static void check_turns(const struct rig *r, const float *x)
{
    const struct attn_case *t = r->t;
    size_t row = (size_t)(LENGTH - 1) * r->stride;
    uint32_t rot = t->still ? 0 : t->n_rot ? t->n_rot : t->head_dim, half = rot / 2;
    const float *cosine = r->rope + (size_t)(LENGTH - 1) * rot;
    for (uint32_t i = 0; i < r->q; i++) {
        uint32_t e = i % t->head_dim, pair = e < half ? e : e - half;
        const float *head = r->qkv + row + i - e;
        double want = (double)head[e];
        if (e < rot) {
            double c = (double)cosine[pair], s = (double)cosine[half + pair];
            double a = (double)head[pair], b = (double)head[half + pair];
            want = e < half ? a * c - b * s : b * c + a * s;
        }
        if (!(fabs((double)x[row + i] - want * (double)r->shape.scale) < 1e-6)) {
            printf("element %u of a head, %u turn: another value\n", e, rot);
            bad = 1;
        }
    }
}

static double distance(const struct rig *r, const float *x, const float *out)
{
    double worst = 0, want[256];
    for (uint32_t pos = 0; pos < LENGTH; pos += pos % 5 + 3) {
        double err = 0, sum = 0;
        for (uint32_t h = 0; h < r->t->n_head; h++) {
            const float *got = out + (size_t)pos * r->q + (size_t)h * r->t->head_dim;
            exact(r, x, pos, h, want);
            for (uint32_t i = 0; i < r->t->head_dim; i++) {
                err += ((double)got[i] - want[i]) * ((double)got[i] - want[i]);
                sum += want[i] * want[i];
            }
        }
        double d = sqrt(err / sum);
        worst = d > worst || d != d ? d : worst;
    }
    return worst;
}

static void check(const struct attn_case *t, struct device *const *dev, uint32_t n_dev)
{
    static const uint32_t chunk[] = { CHUNK, 37, 1 };
    struct rig r = rig_new(t);
    size_t n_x = (size_t)LENGTH * r.stride * sizeof(float), n = (size_t)LENGTH * r.q;
    float *x = malloc(n_x), *first = malloc(n * sizeof *first), *out = malloc(n * sizeof *out);
    for (uint32_t i = 0; i < n_dev; i++)
        for (size_t c = 0; c < sizeof chunk / sizeof *chunk; c++) {
            float *to = i || c ? out : first;
            memset(to, 0xff, n * sizeof *to);
            run(&r, dev[i], chunk[c], x, to);
            if (to == out && memcmp(out, first, n * sizeof *out)) {
                printf("window %u cap %g: %s in chunks of %u has other bits\n", t->window,
                       (double)t->cap, dev[i]->ops->name, chunk[c]);
                bad = 1;
            }
        }
    check_turns(&r, x);
    double d = distance(&r, x, first);
    if (!(d <= BAR)) {
        printf("heads %u/%u of %u, window %u, cap %g: relative error %.2g\n", t->n_head,
               t->n_kv_head, t->head_dim, t->window, (double)t->cap, d);
        bad = 1;
    }
    void *own[] = { r.qkv, r.rope, x, first, out };
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        free(own[i]);
}

int main(void)
{
    const char *name[4];
    struct device *dev[4];
    uint32_t n = cpu_levels(name);
    struct error err = { 0 };
    for (uint32_t i = 0; i < n; i++) {
        struct device_opts o = { .n_thread = 2, .max_row = CHUNK, .max_width = 2048,
                                 .level = name[i] };
        if (cpu_device_open(&o, &dev[i], &err) != ST_OK) {
            printf("%s\n", err.text);
            return 1;
        }
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check(&cases[i], dev, n);
    for (uint32_t i = 0; i < n; i++)
        dev[i]->ops->close(dev[i]);
    printf("%zu attentions, %u levels: %s\n", sizeof cases / sizeof *cases, n,
           bad ? "FAILED" : "equal and within the bar");
    return bad;
}
