/* witness.c - see witness.h. */
#include "witness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"

struct witnessed {
    struct backend  base;
    struct backend *inner;
    struct witness *w;
    uint32_t       *tok;        /* [n_page, page_tokens] what was written where */
};

static const struct backend_info *info_of(const struct backend *be)
{
    const struct backend *inner = ((const struct witnessed *)be)->inner;
    return inner->vt->info(inner);
}

static uint64_t history(const struct witnessed *x, const struct batch_seq *s, uint32_t pos)
{
    uint32_t P = info_of(&x->base)->page_tokens;
    uint64_t h = 0x5eed;
    for (uint32_t p = 0; p <= pos; p++)
        h = hash_combine(h, x->tok[(size_t)s->page[p / P] * P + p % P] + 1);
    return h;
}

static void compare(struct witness *w, uint64_t key, uint64_t logits, uint32_t pos)
{
    uint64_t was;
    if (!idmap_get(&w->seen, key, &was)) {
        w->n_new++;
        if (!idmap_put(&w->seen, key, logits))
            abort();
        return;
    }
    w->n_again++;
    if (was == logits)
        return;
    if (!w->n_differ++)
        fprintf(stderr, "other bits at position %u\n", pos);
}

static enum status forward(struct backend *be, const struct batch *b, float *logits,
                           struct error *err)
{
    struct witnessed *x = (struct witnessed *)be;
    const struct backend_info *info = info_of(be);
    uint32_t P = info->page_tokens;
    x->w->max_row = b->n_row > x->w->max_row ? b->n_row : x->w->max_row;
    x->w->max_seq = b->n_seq > x->w->max_seq ? b->n_seq : x->w->max_seq;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        const struct batch_seq *s = &b->seq[i];
        for (uint32_t k = 0; k < s->n_row; k++)
            x->tok[(size_t)s->page[(s->pos + k) / P] * P + (s->pos + k) % P] = b->tok[s->row + k];
    }
    enum status st = x->inner->vt->forward(x->inner, b, logits, err);
    if (st != ST_OK)
        return st;
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        const struct batch_seq *s = &b->seq[i];
        for (; n < b->n_logit && b->logit_row[n] < s->row + s->n_row; n++) {
            uint32_t pos = s->pos + b->logit_row[n] - s->row;
            const float *row = logits + (size_t)n * info->n_vocab;
            compare(x->w, history(x, s, pos), hash_bytes(row, info->n_vocab * sizeof *row), pos);
        }
    }
    return ST_OK;
}

static void copy_page(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    struct witnessed *x = (struct witnessed *)be;
    uint32_t P = info_of(be)->page_tokens;
    memcpy(x->tok + (size_t)dst * P, x->tok + (size_t)src * P, n_tok * sizeof *x->tok);
    x->inner->vt->copy_page(x->inner, dst, src, n_tok);
}

static void close_both(struct backend *be)
{
    struct witnessed *x = (struct witnessed *)be;
    backend_close(x->inner);
    mem_free(x->tok);
    mem_free(x);
}

static const struct backend_vtable witness_vtable = {
    .name = "witness", .close = close_both, .info = info_of, .forward = forward,
    .copy_page = copy_page,
};

struct backend *witness_new(struct witness *w, struct backend *inner)
{
    struct witnessed *x = mem_zalloc(sizeof *x);
    const struct backend_info *info = inner->vt->info(inner);
    x->base.vt = &witness_vtable;
    x->inner = inner;
    x->w = w;
    x->tok = mem_calloc((size_t)info->n_page * info->page_tokens, sizeof *x->tok);
    return &x->base;
}
