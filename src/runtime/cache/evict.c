/* evict.c - taking pages back from the prefix tree, least recently used leaves first.
 *
 * A leaf gives up pages from its end and stays with the shorter key, because the beginning of a
 * text is what is most likely to be used again.  One list kept in order serves every call: the
 * cost is the pages freed, never the size of the tree. */
#include "runtime/cache/radix_int.h"

uint32_t radix_evict(struct radix *r, uint32_t n)
{
    uint32_t freed = 0;
    while (freed < n && r->lru_first) {
        struct radix_node *leaf = r->lru_first;
        uint32_t have = leaf->n_tok / r->page_tokens;
        uint32_t take = have < n - freed ? have : n - freed;
        radix_shorten(r, leaf, (have - take) * r->page_tokens);
        freed += take;
    }
    r->n_evicted += freed;
    return freed;
}

uint32_t radix_evictable(const struct radix *r)
{
    return r->n_evictable;
}

uint64_t radix_n_evicted(const struct radix *r)
{
    return r->n_evicted;
}

void radix_flush(struct radix *r)
{
    while (r->lru_first)
        radix_shorten(r, r->lru_first, 0);
}
