/* spm.c - SentencePiece merges in n log n steps.
 *
 * The text begins as single characters.  Of all neighbours whose joined text is a token, those
 * with the best score are joined first, the left ones first among equals, until nothing joins.
 * What is no token then is written byte by byte, or as the unknown token where the vocabulary has
 * no bytes.
 *
 * A token is looked up by its text, not by the two symbols it is made of, because a file lists
 * scores and no pairs; no text is longer than the longest token, so a look-up is cheap.  Blanks
 * stay blanks: the sign U+2581 that files write for them is undone when a vocabulary is built, and
 * a U+2581 in a text is therefore written as its three bytes and comes back as it was (the
 * reference turns it into a blank). */
#include "runtime/tokenizer/spm.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

struct spm_symbol {
    uint32_t off, len;      /* len 0: joined to the one before */
    uint32_t id;            /* the token of this text, or TOKEN_NONE */
    uint32_t prev, next;    /* TOKEN_NONE at the ends */
};

uint32_t spm_rank(float score)
{
    uint32_t u;
    score = 0.0f - score;               /* ascending, and one zero */
    memcpy(&u, &score, sizeof u);
    return u & 0x80000000u ? ~u : u | 0x80000000u;
}

/* The ordinary token with this text, which merges may lead to. */
static uint32_t piece_of(const struct tokenizer *t, struct slice text)
{
    uint64_t id;
    if (text.len > t->max_piece || !hashmap_get(&t->by_bytes, text, &id) ||
        t->kind[id] != TOKEN_NORMAL)
        return TOKEN_NONE;
    return (uint32_t)id;
}

/* Pushes the pair that begins at symbol `at`, if it is a token.  False: out of memory. */
static bool consider(const struct tokenizer *t, struct spm_work *w, struct slice run, uint32_t at)
{
    const struct spm_symbol *left = &w->symbol[at];
    if (left->next == TOKEN_NONE)
        return true;
    const struct spm_symbol *right = &w->symbol[left->next];
    struct merge_pair p = { .at = at, .left = left->len, .right = right->len };
    p.merged = piece_of(t, slice_sub(run, left->off, left->len + right->len));
    if (p.merged == TOKEN_NONE || t->rank[p.merged] == TOKEN_NONE)
        return true;
    p.rank = t->rank[p.merged];
    return pairs_push(&w->pairs, p);
}

static bool symbols_of(const struct tokenizer *t, struct spm_work *w, struct slice run)
{
    w->n_symbol = 0;
    w->pairs.n = 0;
    if (!array_reserve(&w->symbol, &w->cap_symbol, (uint32_t)run.len, sizeof *w->symbol))
        return false;
    for (size_t at = 0; at < run.len;) {
        uint32_t cp;
        int len = utf8_decode(run.ptr + at, run.ptr + run.len, &cp);
        struct slice text = slice_sub(run, at, len ? (size_t)len : 1);
        uint32_t n = w->n_symbol++;
        w->symbol[n] = (struct spm_symbol){ (uint32_t)at, (uint32_t)text.len, piece_of(t, text),
                                            n ? n - 1 : TOKEN_NONE, n + 1 };
        at += text.len;
    }
    w->symbol[w->n_symbol - 1].next = TOKEN_NONE;
    for (uint32_t i = 0; i < w->n_symbol; i++)
        if (!consider(t, w, run, i))
            return false;
    return true;
}

/* Joins the pair `p` unless one of its sides has changed; false: out of memory. */
static bool merge(const struct tokenizer *t, struct spm_work *w, struct slice run,
                  const struct merge_pair *p)
{
    struct spm_symbol *left = &w->symbol[p->at];
    if (left->len != p->left || left->next == TOKEN_NONE || w->symbol[left->next].len != p->right)
        return true;
    struct spm_symbol *right = &w->symbol[left->next];
    left->id = p->merged;
    left->len += right->len;
    left->next = right->next;
    right->len = 0;
    if (left->next != TOKEN_NONE)
        w->symbol[left->next].prev = p->at;
    if (left->prev != TOKEN_NONE && !consider(t, w, run, left->prev))
        return false;
    return consider(t, w, run, p->at);
}

/* A text that is no token.  Unknown tokens that follow each other are one, as in the reference. */
static bool push_unknown(const struct tokenizer *t, struct slice text, bool *was_unknown,
                         struct token_list *out)
{
    for (size_t i = 0; i < text.len; i++) {
        uint32_t id = t->byte_id[(uint8_t)text.ptr[i]];
        bool unknown = id == TOKEN_NONE;
        if (unknown)
            id = *was_unknown ? TOKEN_NONE : t->unk;
        *was_unknown = unknown;
        if (id != TOKEN_NONE && !token_list_push(out, id))
            return false;
    }
    return true;
}

enum status spm_encode(const struct tokenizer *t, struct spm_work *w, struct slice run,
                       struct token_list *out, struct error *err)
{
    if (run.len == 0)
        return ST_OK;
    if (!symbols_of(t, w, run))
        return error_nomem(err);
    while (w->pairs.n) {
        struct merge_pair p = pairs_pop(&w->pairs);
        if (!merge(t, w, run, &p))
            return error_nomem(err);
    }
    bool was_unknown = false;
    for (uint32_t i = 0; i != TOKEN_NONE; i = w->symbol[i].next) {
        const struct spm_symbol *s = &w->symbol[i];
        bool ok = s->id != TOKEN_NONE
                ? token_list_push(out, s->id)
                : push_unknown(t, slice_sub(run, s->off, s->len), &was_unknown, out);
        if (!ok)
            return error_nomem(err);
        if (s->id != TOKEN_NONE)
            was_unknown = false;
    }
    return ST_OK;
}

void spm_work_free(struct spm_work *w)
{
    mem_free(w->symbol);
    pairs_free(&w->pairs);
    *w = (struct spm_work){ 0 };
}
