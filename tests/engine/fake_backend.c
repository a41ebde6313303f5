/* fake_backend.c - see fake_backend.h. */
#include "fake_backend.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/hash.h"

enum { UNWRITTEN = 0xffffffffu };

struct fake {
    struct backend      base;
    struct fake_opts    opts;
    struct backend_info info;
    uint32_t           *kv;         /* [n_page, page_tokens] */
    uint32_t           *history;    /* [context] of the row at hand */
    atomic_ullong       n_row, n_big;
    uint32_t            n_forward;
    float              *kept;       /* [BACKEND_KEPT, n_vocab] when it draws */
    uint32_t            n_kept;
    struct sampler     *sampler;
    struct backend_drawn draw[BACKEND_KEPT];
    uint32_t            n_draw;
    atomic_ullong       n_drawn;
};

static const struct backend_info *fake_info(const struct backend *be)
{
    return &((const struct fake *)be)->info;
}

static void row_logits(const struct fake *f, const struct batch_seq *seq, uint32_t pos, float *out)
{
    uint32_t P = f->opts.page_tokens;
    uint64_t h = 0x9e37;
    for (uint32_t p = 0; p <= pos; p++) {
        uint32_t tok = f->kv[(size_t)seq->page[p / P] * P + p % P];
        assert(tok != UNWRITTEN);
        f->history[p] = tok;
        h = hash_combine(h, tok + 1);
    }
    if (f->opts.known) {
        f->opts.known(f->opts.known_ctx, f->history, pos + 1, out);
        return;
    }
    for (uint32_t id = 0; id < f->opts.n_vocab; id++) {
        uint64_t x = hash_u64(h ^ ((uint64_t)id * 0x9e3779b97f4a7c15u));
        out[id] = (float)(x >> 40) / (float)(1 << 24) * 8.0f;
    }
    out[f->opts.end_token] -= f->opts.end_bias;
}

static enum status fake_forward(struct backend *be, const struct batch *b, float *logits,
                                struct error *err)
{
    struct fake *f = (struct fake *)be;
    uint32_t P = f->opts.page_tokens;
    if (f->opts.fail_at && ++f->n_forward == f->opts.fail_at)
        return error_set(err, ST_FAILED, "the device is gone");
    assert(b->n_row <= f->opts.max_batch_tok && b->n_seq <= f->opts.max_seq);
    uint32_t row = 0;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        const struct batch_seq *s = &b->seq[i];
        assert(s->row == row && s->n_row > 0);
        for (uint32_t k = 0; k < s->n_row; k++) {
            uint32_t page = s->page[(s->pos + k) / P];
            assert(page > 0 && page < f->opts.n_page);
            f->kv[(size_t)page * P + (s->pos + k) % P] = b->tok[row++];
        }
    }
    assert(row == b->n_row);
    uint32_t n = 0;
    assert(b->keep == f->opts.draws && (!b->keep || b->n_logit <= BACKEND_KEPT));
    f->n_kept = b->keep ? b->n_logit : 0;
    f->n_draw = 0;
    logits = b->keep ? f->kept : logits;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        const struct batch_seq *s = &b->seq[i];
        while (n < b->n_logit && b->logit_row[n] < s->row + s->n_row) {
            row_logits(f, s, s->pos + b->logit_row[n] - s->row,
                       logits + (size_t)n * f->opts.n_vocab);
            n++;
        }
    }
    assert(n == b->n_logit);
    atomic_fetch_add(&f->n_row, b->n_row);
    atomic_fetch_add(&f->n_big, b->n_row > f->opts.max_batch_tok / 2);
    int us = f->opts.step_us + f->opts.row_us * (int)b->n_row;
    if (us)
        usleep((useconds_t)us);
    return ST_OK;
}

static void fake_copy(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    struct fake *f = (struct fake *)be;
    uint32_t P = f->opts.page_tokens;
    assert(dst != src && n_tok <= P);
    memcpy(f->kv + (size_t)dst * P, f->kv + (size_t)src * P, n_tok * sizeof *f->kv);
}

static void fake_close(struct backend *be)
{
    struct fake *f = (struct fake *)be;
    mem_free(f->kv);
    mem_free(f->history);
    mem_free(f->kept);
    sampler_free(f->sampler);
    mem_free(f);
}

static enum status fake_fetch(struct backend *be, uint32_t first, uint32_t n, float *logits,
                              struct error *err)
{
    struct fake *f = (struct fake *)be;
    (void)err;
    assert(first + n <= f->n_kept);
    memcpy(logits, f->kept + (size_t)first * f->opts.n_vocab,
           (size_t)n * f->opts.n_vocab * sizeof *logits);
    return ST_OK;
}

/* Holds two rows at a time, so that there is often no room; a drawn row is used up. */
static enum status fake_draw_add(struct backend *be, uint32_t logit, const struct sampling *p,
                                 const struct sample_input *in, struct error *err)
{
    struct fake *f = (struct fake *)be;
    float *row = f->kept + (size_t)logit * f->opts.n_vocab;
    struct sample_input here = *in;
    assert(logit < f->n_kept);
    if (f->n_draw == 2)
        return error_set(err, ST_LIMIT, "no room");
    struct backend_drawn *d = &f->draw[f->n_draw++];
    here.logits = row;
    *d = (struct backend_drawn){ .fault = SAMPLE_FINE };
    if (sampler_draw(f->sampler, p, &here, &d->id, NULL) != ST_OK)
        d->fault = SAMPLE_NO_TOKEN;
    memset(row, 0xff, f->opts.n_vocab * sizeof *row);
    return ST_OK;
}

static enum status fake_draw_run(struct backend *be, struct backend_drawn *ret, struct error *err)
{
    struct fake *f = (struct fake *)be;
    (void)err;
    memcpy(ret, f->draw, f->n_draw * sizeof *ret);
    atomic_fetch_add(&f->n_drawn, f->n_draw);
    f->n_draw = 0;
    return ST_OK;
}

static const struct backend_vtable fake_vtable = {
    .name = "fake", .close = fake_close, .info = fake_info, .forward = fake_forward,
    .copy_page = fake_copy,
};

static const struct backend_vtable drawing_vtable = {
    .name = "fake", .close = fake_close, .info = fake_info, .forward = fake_forward,
    .copy_page = fake_copy, .fetch = fake_fetch, .draw_add = fake_draw_add,
    .draw_run = fake_draw_run,
};

struct backend *fake_backend_new(const struct fake_opts *opts)
{
    struct fake *f = mem_zalloc(sizeof *f);
    f->base.vt = opts->draws ? &drawing_vtable : &fake_vtable;
    f->opts = *opts;
    f->info = (struct backend_info){
        .device = "fake", .n_vocab = opts->n_vocab, .context = opts->context,
        .page_tokens = opts->page_tokens, .n_page = opts->n_page,
        .max_batch_tok = opts->max_batch_tok, .max_seq = opts->max_seq, .model_hash = 7,
    };
    size_t n = (size_t)opts->n_page * opts->page_tokens;
    f->kv = mem_alloc(n * sizeof *f->kv);
    memset(f->kv, 0xff, n * sizeof *f->kv);
    f->history = mem_alloc((opts->context + 1) * sizeof *f->history);
    if (opts->draws) {
        f->kept = mem_calloc((size_t)BACKEND_KEPT * opts->n_vocab, sizeof *f->kept);
        if (sampler_new(opts->n_vocab, &f->sampler, NULL) != ST_OK)
            abort();
    }
    return &f->base;
}

uint64_t fake_backend_rows(const struct backend *be)
{
    return atomic_load(&((struct fake *)be)->n_row);
}

uint64_t fake_backend_big_steps(const struct backend *be)
{
    return atomic_load(&((struct fake *)be)->n_big);
}

uint64_t fake_backend_drawn(const struct backend *be)
{
    return atomic_load(&((struct fake *)be)->n_drawn);
}
