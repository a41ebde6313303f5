/* pairs.c - a binary heap of candidate merges. */
#include "runtime/tokenizer/pairs.h"

#include "base/alloc.h"
#include "base/array.h"

static bool before(const struct merge_pair *a, const struct merge_pair *b)
{
    return a->rank != b->rank ? a->rank < b->rank : a->at < b->at;
}

bool pairs_push(struct merge_pairs *h, struct merge_pair p)
{
    if (!array_reserve(&h->pair, &h->cap, h->n + 1, sizeof p))
        return false;
    uint32_t i = h->n++;
    while (i > 0) {
        uint32_t up = (i - 1) / 2;
        if (!before(&p, &h->pair[up]))
            break;
        h->pair[i] = h->pair[up];
        i = up;
    }
    h->pair[i] = p;
    return true;
}

struct merge_pair pairs_pop(struct merge_pairs *h)
{
    struct merge_pair top = h->pair[0];
    struct merge_pair last = h->pair[--h->n];
    uint32_t i = 0;
    for (;;) {
        uint32_t kid = 2 * i + 1;
        if (kid >= h->n)
            break;
        if (kid + 1 < h->n && before(&h->pair[kid + 1], &h->pair[kid]))
            kid++;
        if (!before(&h->pair[kid], &last))
            break;
        h->pair[i] = h->pair[kid];
        i = kid;
    }
    h->pair[i] = last;
    return top;
}

void pairs_free(struct merge_pairs *h)
{
    mem_free(h->pair);
    *h = (struct merge_pairs){ 0 };
}
