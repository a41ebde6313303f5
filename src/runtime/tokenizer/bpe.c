/* bpe.c - byte-pair merges in n log n steps.
 *
 * Symbols are a linked list in an array; candidate pairs wait in a heap (pairs.h).  A pair whose
 * symbols have changed since it was pushed is recognised when it comes up and dropped; that is
 * cheaper than taking it out, and a word of a million letters stays affordable. */
#include "runtime/tokenizer/bpe.h"

#include "base/alloc.h"
#include "base/array.h"

struct bpe_symbol {
    uint32_t id;            /* TOKEN_NONE: merged into the one before */
    uint32_t prev, next;    /* TOKEN_NONE at the ends */
};

/* Pushes the pair that begins at symbol `at`, if it is a merge.  False: out of memory. */
static bool consider(const struct tokenizer *t, struct bpe_work *w, uint32_t at)
{
    uint32_t next = w->symbol[at].next;
    if (next == TOKEN_NONE)
        return true;
    struct merge_pair p = { .at = at, .left = w->symbol[at].id, .right = w->symbol[next].id };
    uint64_t found;
    if (!idmap_get(&t->pair, (uint64_t)p.left << 32 | p.right, &found))
        return true;
    p.rank = (uint32_t)(found >> 32);
    p.merged = (uint32_t)found;
    return pairs_push(&w->pairs, p);
}

static bool symbols_of(const struct tokenizer *t, struct bpe_work *w, struct slice piece)
{
    w->n_symbol = 0;
    w->pairs.n = 0;
    if (!array_reserve(&w->symbol, &w->cap_symbol, (uint32_t)piece.len, sizeof *w->symbol))
        return false;
    for (size_t i = 0; i < piece.len; i++) {
        uint32_t id = t->byte_id[(uint8_t)piece.ptr[i]];
        if (id == TOKEN_NONE)
            continue;
        uint32_t n = w->n_symbol++;
        w->symbol[n] = (struct bpe_symbol){ id, n ? n - 1 : TOKEN_NONE, n + 1 };
    }
    if (w->n_symbol)
        w->symbol[w->n_symbol - 1].next = TOKEN_NONE;
    for (uint32_t i = 0; i < w->n_symbol; i++)
        if (!consider(t, w, i))
            return false;
    return true;
}

/* Merges the pair `p`; false: out of memory. */
static bool merge(const struct tokenizer *t, struct bpe_work *w, const struct merge_pair *p)
{
    struct bpe_symbol *left = &w->symbol[p->at];
    if (left->id != p->left || left->next == TOKEN_NONE || w->symbol[left->next].id != p->right)
        return true;
    struct bpe_symbol *right = &w->symbol[left->next];
    left->id = p->merged;
    left->next = right->next;
    right->id = TOKEN_NONE;
    if (left->next != TOKEN_NONE)
        w->symbol[left->next].prev = p->at;
    if (left->prev != TOKEN_NONE && !consider(t, w, left->prev))
        return false;
    return consider(t, w, p->at);
}

enum status bpe_encode(const struct tokenizer *t, struct bpe_work *w, struct slice piece,
                       struct token_list *out, struct error *err)
{
    uint64_t whole;
    if (t->ignore_merges && hashmap_get(&t->by_bytes, piece, &whole) &&
        t->kind[whole] == TOKEN_NORMAL)
        return token_list_push(out, (uint32_t)whole) ? ST_OK : error_nomem(err);

    if (!symbols_of(t, w, piece))
        return error_nomem(err);
    while (w->pairs.n) {
        struct merge_pair p = pairs_pop(&w->pairs);
        if (!merge(t, w, &p))
            return error_nomem(err);
    }
    for (uint32_t i = 0; i < w->n_symbol; i = w->symbol[i].next) {
        if (!token_list_push(out, w->symbol[i].id))
            return error_nomem(err);
        if (w->symbol[i].next == TOKEN_NONE)
            break;
    }
    return ST_OK;
}

void bpe_work_free(struct bpe_work *w)
{
    mem_free(w->symbol);
    pairs_free(&w->pairs);
    *w = (struct bpe_work){ 0 };
}
