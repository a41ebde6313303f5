/* bpe.c - byte-pair merges in n log n steps.
 *
 * Symbols are a linked list in an array; candidate pairs wait in a heap ordered by rank, then by
 * place, so that of two equal merges the left one goes first, as the reference does it.  A pair
 * whose symbols have changed since it was pushed is recognised when it comes up and dropped; that
 * is cheaper than taking it out, and a word of a million letters stays affordable. */
#include "runtime/tokenizer/bpe.h"

#include "base/alloc.h"
#include "base/array.h"

struct bpe_symbol {
    uint32_t id;            /* TOKEN_NONE: merged into the one before */
    uint32_t prev, next;    /* TOKEN_NONE at the ends */
};

struct bpe_pair {
    uint32_t rank;
    uint32_t at;            /* index of the left symbol */
    uint32_t left, right;   /* ids when it was pushed */
    uint32_t merged;
};

static bool pair_before(const struct bpe_pair *a, const struct bpe_pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

static bool heap_push(struct bpe_work *w, struct bpe_pair p)
{
    if (!array_reserve(&w->heap, &w->cap_heap, w->n_heap + 1, sizeof p))
        return false;
    uint32_t i = w->n_heap++;
    while (i > 0) {
        uint32_t up = (i - 1) / 2;
        if (!pair_before(&p, &w->heap[up]))
            break;
        w->heap[i] = w->heap[up];
        i = up;
    }
    w->heap[i] = p;
    return true;
}

static struct bpe_pair heap_pop(struct bpe_work *w)
{
    struct bpe_pair top = w->heap[0];
    struct bpe_pair last = w->heap[--w->n_heap];
    uint32_t i = 0;
    for (;;) {
        uint32_t kid = 2 * i + 1;
        if (kid >= w->n_heap)
            break;
        if (kid + 1 < w->n_heap && pair_before(&w->heap[kid + 1], &w->heap[kid]))
            kid++;
        if (!pair_before(&w->heap[kid], &last))
            break;
        w->heap[i] = w->heap[kid];
        i = kid;
    }
    w->heap[i] = last;
    return top;
}

/* Pushes the pair that begins at symbol `at`, if it is a merge.  False: out of memory. */
static bool consider(const struct tokenizer *t, struct bpe_work *w, uint32_t at)
{
    uint32_t next = w->symbol[at].next;
    if (next == TOKEN_NONE)
        return true;
    struct bpe_pair p = { .at = at, .left = w->symbol[at].id, .right = w->symbol[next].id };
    uint64_t found;
    if (!idmap_get(&t->pair, (uint64_t)p.left << 32 | p.right, &found))
        return true;
    p.rank = (uint32_t)(found >> 32);
    p.merged = (uint32_t)found;
    return heap_push(w, p);
}

static bool symbols_of(const struct tokenizer *t, struct bpe_work *w, struct slice piece)
{
    w->n_symbol = 0;
    w->n_heap = 0;
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
static bool merge(const struct tokenizer *t, struct bpe_work *w, const struct bpe_pair *p)
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
    while (w->n_heap) {
        struct bpe_pair p = heap_pop(w);
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
    mem_free(w->heap);
    *w = (struct bpe_work){ 0 };
}
