/* test_cuda_draw.c - tokens drawn on the GPU beside those of the host's sampler.
 *
 *     test_cuda_draw [small]      small: for compute-sanitizer
 *
 * Random rows of several kinds (spread, flat, full of ties, with infinities and NaN), masks,
 * penalties, biases and settings.  Every token and every refusal must be the same.  Without a GPU
 * the test is skipped; the seed is printed. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bitset.h"
#include "kernels/kernels.h"
#include "runtime/sample/sampler.h"

enum { ROWS = KERNEL_ROW_TILE, SKIP = 77, HISTORY = 200, BIASES = 12 };

struct rig {
    struct device  *d;
    struct sampler *sampler;
    uint32_t        n_vocab;
    float          *logits, *dev;       /* [ROWS, n_vocab] */
    uint32_t       *mask;               /* [ROWS, n_word] */
    struct sample_edit *edit;
};

/* One row's settings, with what they point to. */
struct setting {
    struct sampling     p;
    struct sample_input in;
    uint32_t            history[HISTORY], bias_id[BIASES];
    float               bias[BIASES];
};

static struct rng_key key;
static uint64_t counter;
static int bad;

static uint32_t below(uint32_t n)
{
    return (uint32_t)(rng_u64(key, counter++) % n);
}

static float normal(void)
{
    double u = rng_unit(key, counter++), v = rng_unit(key, counter++);
    return (float)(sqrt(-2 * log(u)) * cos(6.283185307179586 * v));
}

static void fill_row(float *x, uint32_t n, uint32_t kind)
{
    float size = kind == 1 ? 0.01f : kind == 2 ? 30 : 4;
    for (uint32_t i = 0; i < n; i++)
        x[i] = kind == 3 ? (float)below(5) : kind == 4 ? 0.0f * (below(2) ? 1 : -1)
                                           : size * normal();
    if (kind == 5)          /* like a model's: a few stand out */
        for (int i = 0; i < 6; i++)
            x[below(n)] += 20;
    if (kind == 6)
        for (uint32_t i = 0; i < n; i += 3)
            x[i] = -INFINITY;
    if (kind == 7)
        x[below(n)] = below(2) ? NAN : INFINITY;
}

static const uint32_t *fill_mask(uint32_t *m, uint32_t n, uint32_t kind)
{
    memset(m, 0, bitset_words(n) * sizeof *m);
    if (kind == 0)
        return NULL;
    if (kind == 1)
        for (uint32_t i = 0; i < 5; i++)
            bitset_add(m, below(n));
    if (kind == 2 || kind == 3)
        for (uint32_t i = 0; i < n; i++)
            if (below(kind == 2 ? 2 : 50))
                bitset_add(m, i);
    return m;               /* 4: empty */
}

static void random_setting(struct setting *s, uint32_t n_vocab)
{
    static const double temps[] = { 0, 1e-5, 0.3, 1, 1, 1, 5 };
    static const double top_ps[] = { 1, 1, 0.1, 0.5, 0.9, 0.99, 0.999999 };
    static const double min_ps[] = { 0, 0, 0.01, 0.5 };
    static const int32_t top_ks[] = { -1, -1, 1, 5, 40, 2000 };
    memset(s, 0, sizeof *s);
    s->p = sampling_default;
    s->p.temp = temps[below(7)];
    s->p.top_p = top_ps[below(7)];
    s->p.min_p = min_ps[below(4)];
    s->p.top_k = top_ks[below(6)];
    if (below(3) == 0) {
        s->p.repetition_penalty = 1.3;
        s->p.freq_penalty = 0.37 * below(2);
        s->p.presence_penalty = 0.7 * below(2);
    }
    for (uint32_t i = 0; i < HISTORY; i++)
        s->history[i] = below(below(2) ? n_vocab : n_vocab < 30 ? n_vocab : 30);
    s->p.n_bias = below(3) ? 0 : BIASES;
    for (uint32_t i = 0; i < BIASES; i++) {
        s->bias_id[i] = below(n_vocab < 9 ? n_vocab : 9) * (n_vocab / 9);
        s->bias[i] = normal() * 3;
    }
    s->p.bias_id = s->bias_id;
    s->p.bias = s->bias;
    s->in = (struct sample_input){
        .n_vocab = n_vocab, .prompt = s->history, .n_prompt = HISTORY / 2,
        .generated = s->history + HISTORY / 2, .n_generated = HISTORY / 2,
        .key = rng_key_seed(counter), .index = below(1u << 20) };
}

static bool add(struct rig *r, uint32_t row, const struct setting *s)
{
    struct error err = { 0 };
    struct sample_edits e = { .edit = r->edit };
    if (sampler_edits(r->sampler, &s->p, &s->in, &e, &err) != ST_OK)
        exit(1);
    struct draw_row d = {
        .logit = row, .mask = s->in.mask, .edit = (const struct draw_edit *)e.edit,
        .n_repeat = e.n_repeat, .n_minus = e.n_minus, .n_plus = e.n_plus,
        .repetition = (float)s->p.repetition_penalty,
        .temp = sample_greedy(&s->p) ? 0 : s->p.temp, .top_p = s->p.top_p, .min_p = s->p.min_p,
        .top_k = s->p.top_k >= 1 ? (uint32_t)s->p.top_k : 0, .key_lo = s->in.key.lo,
        .key_hi = s->in.key.hi, .index = (uint32_t)s->in.index };
    return r->d->ops->draw_add(r->d, &d);
}

static enum draw_fault fault_of(const struct error *err)
{
    return strcmp(err->code, "R0402") == 0 ? DRAW_NO_TOKEN
         : strstr(err->text, "finite") ? DRAW_NOT_FINITE : DRAW_NOT_A_NUMBER;
}

static void compare(struct rig *r, uint32_t row, const struct setting *s, const struct drawn *got)
{
    struct sample_input in = s->in;
    struct error err = { 0 };
    uint32_t want = 0, fault = DRAW_FINE;
    in.logits = r->logits + (size_t)row * r->n_vocab;
    if (sampler_draw(r->sampler, &s->p, &in, &want, &err) != ST_OK)
        fault = fault_of(&err);
    if (got->fault == fault && (fault != DRAW_FINE || got->id == want))
        return;
    printf("row %u of %u: token %u (%u), the host's is %u (%u): temp %g top_k %d top_p %g min_p %g "
           "masked %d bias %u\n", row, r->n_vocab, got->id, got->fault, want, fault, s->p.temp,
           s->p.top_k, s->p.top_p, s->p.min_p, s->in.mask != NULL, s->p.n_bias);
    bad = 1;
}

static void run(struct rig *r)
{
    static struct setting setting[ROWS];
    struct drawn got[ROWS];
    struct error err = { 0 };
    size_t n_word = bitset_words(r->n_vocab);
    for (uint32_t i = 0; i < ROWS; i++) {
        random_setting(&setting[i], r->n_vocab);
        fill_row(r->logits + (size_t)i * r->n_vocab, r->n_vocab, below(24) ? below(7) : 7);
        setting[i].in.mask = fill_mask(r->mask + i * n_word, r->n_vocab, below(24) ? below(4) : 4);
    }
    size_t n = (size_t)ROWS * r->n_vocab * sizeof *r->logits;
    memset(got, 0xff, sizeof got);
    enum status st = r->d->ops->upload(r->d, r->dev, r->logits, n, &err);
    uint32_t done = 0;
    for (uint32_t i = 0; i < ROWS && st == ST_OK; i++) {
        uint32_t row = ROWS - 1 - i;            /* not the order of the rows */
        if (add(r, row, &setting[row]))
            continue;
        st = r->d->ops->draw_run(r->d, r->dev, got + done, &err);
        if (done == i || !add(r, row, &setting[row]))
            st = error_set(&err, ST_LIMIT, "no room for row %u alone", row);
        done = i;
    }
    if (st == ST_OK)
        st = r->d->ops->draw_run(r->d, r->dev, got + done, &err);
    if (st != ST_OK) {
        printf("%s\n", err.text);
        exit(1);
    }
    for (uint32_t i = 0; i < ROWS; i++)
        compare(r, i, &setting[i], &got[ROWS - 1 - i]);
}

static int check(uint32_t n_vocab, uint32_t n_run)
{
    struct rig r = { .n_vocab = n_vocab };
    struct error err = { 0 };
    struct device_opts o = { .max_row = ROWS, .max_width = 64, .max_item = 1, .max_page = 1,
                             .shape = { 1, 1, 32, 1 }, .n_vocab = n_vocab };
    enum status st = cuda_device_open(&o, &r.d, &err);
    if (st != ST_OK) {
        printf("skipped: %s\n", err.text);
        return st == ST_NOT_FOUND || st == ST_UNSUPPORTED ? SKIP : 1;
    }
    r.logits = malloc((size_t)ROWS * n_vocab * sizeof *r.logits);
    r.dev = r.d->ops->mem_new(r.d, (size_t)ROWS * n_vocab * sizeof *r.dev);
    r.mask = malloc(ROWS * bitset_words(n_vocab) * sizeof *r.mask);
    r.edit = malloc(3 * (size_t)n_vocab * sizeof *r.edit);
    if (!r.logits || !r.dev || !r.mask || !r.edit ||
        sampler_new(n_vocab, &r.sampler, &err) != ST_OK)
        return 1;
    for (uint32_t i = 0; i < n_run; i++)
        run(&r);
    r.d->ops->mem_free(r.d, r.dev);
    r.d->ops->close(r.d);
    sampler_free(r.sampler);
    free(r.logits);
    free(r.mask);
    free(r.edit);
    return 0;
}

int main(int argc, char **argv)
{
    static const uint32_t sizes[] = { 31, 1000, 4099, 49152, 128256 };
    bool small = argc > 1 && strcmp(argv[1], "small") == 0;
    uint64_t seed = argc > 1 && !small ? strtoull(argv[1], NULL, 10) : rng_fresh_seed() % 1000000;
    uint32_t n_run = small ? 3 : 60, n = 0;
    key = rng_key_seed(seed);
    printf("seed %llu\n", (unsigned long long)seed);
    for (size_t i = 0; i < (small ? 3 : sizeof sizes / sizeof *sizes); i++) {
        uint32_t runs = sizes[i] > 10000 ? 10 : n_run;
        int rc = check(sizes[i], runs);
        if (rc)
            return rc;
        n += runs * ROWS;
    }
    printf("%u rows: %s\n", n, bad ? "FAILED" : "the host's tokens");
    return bad;
}
