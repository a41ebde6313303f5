/* tell.c - the tree tells which pages it has: each when it is computed, and when it goes. */
#include "runtime/cache/radix_int.h"

#include <stdlib.h>

#include "runtime/cache/events.h"

enum { HASHES = 64 };       /* told at once */

void radix_set_events(struct radix *r, struct events *e)
{
    r->events = e;
}

/* What pages from i on are called outside, of HASHES at most; returns how many. */
static uint32_t names_of(const struct radix_node *node, uint32_t i, uint32_t end,
                         uint64_t ret[HASHES])
{
    uint32_t n = least(end - i, HASHES);
    for (uint32_t k = 0; k < n; k++)
        ret[k] = hash_combine(node->ns_key, node->hash[i + k]);
    return n;
}

void radix_tell_done(struct radix *r, const struct radix_node *node, uint32_t from, uint32_t to)
{
    uint64_t hash[HASHES], before;
    uint32_t P = r->page_tokens, i = from / P, end = to / P;
    while (r->events && i < end) {
        bool has_parent = i || node->parent->parent;
        before = hash_combine(node->ns_key, radix_hash_before(r, node, i));
        uint32_t n = names_of(node, i, end, hash);
        events_stored(r->events, has_parent ? &before : NULL, hash, n, node->tok + i * P, P);
        i += n;
    }
}

void radix_tell_gone(struct radix *r, const struct radix_node *node, uint32_t from, uint32_t to)
{
    uint64_t hash[HASHES];
    uint32_t P = r->page_tokens, i = from / P, end = to / P;
    while (r->events && i < end) {
        uint32_t n = names_of(node, i, end, hash);
        events_removed(r->events, hash, n);
        i += n;
    }
}

static int by_start(const void *a, const void *b)
{
    const struct radix_node *x = *(struct radix_node *const *)a;
    const struct radix_node *y = *(struct radix_node *const *)b;
    return (x->start > y->start) - (x->start < y->start);
}

/* A page is told behind the one that it follows. */
void radix_tell_touched(struct radix *r)
{
    if (!r->events || !r->n_touched)
        return;
    qsort(r->touched, r->n_touched, sizeof *r->touched, by_start);
    for (uint32_t i = 0; i < r->n_touched; i++)
        radix_tell_done(r, r->touched[i], r->touched[i]->done, r->touched[i]->ready);
}
