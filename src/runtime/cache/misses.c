/* misses.c - why tokens were not found: what the tree remembers of pages that it has no more.
 *
 * Every page has a hash of all tokens up to its end.  Two tables of such hashes, of a fixed size
 * and with one place for each hash, stand beside the tree: pages that were taken back, by
 * namespace and text, and pages that are there, by their text alone.  A place that another hash
 * took makes a page look cold; an answer here counts tokens for an operator and decides nothing. */
#include "runtime/cache/radix_int.h"

#include <string.h>

#include "base/alloc.h"

enum { PLACES_A_PAGE = 16, MIN_PLACES = 4096, MAX_PLACES = 1 << 20 };
enum { UNKNOWN_MOST = 8 };      /* pages in a row that nothing is known of: nor of those behind */

bool radix_memory_new(struct radix *r)
{
    uint32_t n = MIN_PLACES;
    while (n < MAX_PLACES && n / PLACES_A_PAGE < pages_total(r->pages))
        n *= 2;
    r->gone = mem_calloc(n, sizeof *r->gone);
    r->there = mem_calloc(n, sizeof *r->there);
    r->n_place = n;
    return r->gone && r->there;
}

void radix_memory_free(struct radix *r)
{
    mem_free(r->gone);
    mem_free(r->there);
}

uint64_t radix_ns_key(struct hash128 ns)
{
    return hash_combine(ns.lo, ns.hi);
}

uint64_t radix_next_hash(const struct radix *r, uint64_t before, const uint32_t *tok)
{
    return hash_combine(before, hash_bytes(tok, r->page_tokens * sizeof *tok));
}

static uint64_t *place(const struct radix *r, uint64_t *table, uint64_t hash)
{
    return &table[hash & (r->n_place - 1)];
}

void radix_remember(struct radix *r, uint64_t hash)
{
    *place(r, r->there, hash) = hash;
}

void radix_remember_gone(struct radix *r, uint64_t ns_key, uint64_t hash)
{
    uint64_t mine = hash_combine(ns_key, hash);
    *place(r, r->gone, mine) = mine;
    if (*place(r, r->there, hash) == hash)
        *place(r, r->there, hash) = 0;
}

/* Tokens at the beginning that the tree has, in pages or not.  *ret_page: those in whole pages, and
 * *ret_hash the hash of them. */
static uint32_t known(const struct radix *r, struct hash128 ns, const uint32_t *tok, uint32_t n,
                      uint32_t *ret_page, uint64_t *ret_hash)
{
    uint32_t pos;
    struct radix_node *node = radix_walk(r, ns, tok, n, &pos);
    *ret_page = pos;
    *ret_hash = node ? radix_hash_before(r, node, (pos - node->start) / r->page_tokens) : 0;
    if (!node)
        return 0;
    if (pos == radix_end(node))
        return pos + radix_find_tail(r, node, tok + pos, n - pos, NULL, NULL).n_tok;
    while (pos < n && node->tok[pos - node->start] == tok[pos])
        pos++;
    return pos;
}

void radix_explain(const struct radix *r, struct hash128 ns, const uint32_t *tok, uint32_t n,
                   uint32_t limit, uint32_t n_match, struct radix_misses *ret)
{
    uint32_t P = r->page_tokens, from;
    uint64_t hash, key = radix_ns_key(ns);
    uint32_t end = known(r, ns, tok, n, &from, &hash);
    end = end > n_match ? end : n_match;
    uint32_t usable = least(end, limit);
    usable = usable > n_match ? usable : n_match;
    *ret = (struct radix_misses){ .boundary = usable - n_match, .logprobs = end - usable };

    /* A page that was here had all before it, also those that are not remembered any more. */
    uint32_t was_here = end, elsewhere = end, n_unknown = 0;
    for (uint32_t pos = from; pos + P <= n && n_unknown < UNKNOWN_MOST; pos += P) {
        hash = radix_next_hash(r, hash, tok + pos);
        if (pos + P <= end)
            continue;
        uint64_t mine = hash_combine(key, hash);
        bool gone = *place(r, r->gone, mine) == mine, there = *place(r, r->there, hash) == hash;
        was_here = gone ? pos + P : was_here;
        elsewhere = there ? pos + P : elsewhere;
        n_unknown = gone || there ? 0 : n_unknown + 1;
    }
    ret->evicted = was_here - end;
    ret->other_namespace = elsewhere > was_here ? elsewhere - was_here : 0;
    ret->cold = n - n_match - ret->boundary - ret->logprobs - ret->evicted - ret->other_namespace;
}
