/* evict.c - taking pages back from the prefix tree, leaf by leaf in the order of a policy.
 *
 * A leaf gives up pages from its end and stays with the shorter key, because the beginning of a
 * text is what is most likely to be used again.  The unlocked leaves are kept in one heap that
 * knows each node's place: the cost of a call is the pages freed and the logarithm of the leaves,
 * never the size of the tree.  A leaf that is locked leaves the heap, so what the order goes by
 * changes only outside of it. */
#include <assert.h>
#include <string.h>

#include "runtime/cache/events.h"
#include "runtime/cache/radix_int.h"

static const struct {
    const char       *name;
    enum radix_policy policy;
} names[] = {
    { "lru", RADIX_LRU },   { "lfu", RADIX_LFU },           { "fifo", RADIX_FIFO },
    { "slru", RADIX_SLRU }, { "priority", RADIX_PRIORITY }, { "next-use", RADIX_NEXT_USE },
};

bool radix_policy_named(const char *name, enum radix_policy *ret)
{
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (strcmp(name, names[i].name) != 0)
            continue;
        *ret = names[i].policy;
        return true;
    }
    return false;
}

void radix_set_policy(struct radix *r, enum radix_policy policy)
{
    assert(!r->n_order);
    r->policy = policy;
}

void radix_note_priority(struct radix_node *node, int32_t priority)
{
    assert(!node->order_at);
    if (priority > node->priority)
        node->priority = priority;
}

/* ---- the order ---- */

/* Lowered leaves, the others, those with a soft pin. */
static int class_of(const struct radix_node *node)
{
    if (node->n_soft)
        return 2;
    return node->low ? 0 : 1;
}

/* True when a is evicted before b. */
static bool goes_before(const struct radix *r, const struct radix_node *a,
                        const struct radix_node *b)
{
    if (class_of(a) != class_of(b))
        return class_of(a) < class_of(b);
    switch (r->policy) {
    case RADIX_LFU:
        if (a->hits != b->hits)
            return a->hits < b->hits;
        break;
    case RADIX_FIFO:
        if (a->created != b->created)
            return a->created < b->created;
        break;
    case RADIX_SLRU:
        if ((a->hits < 2) != (b->hits < 2))
            return a->hits < 2;
        break;
    case RADIX_PRIORITY:
        if (a->priority != b->priority)
            return a->priority < b->priority;
        break;
    case RADIX_NEXT_USE:
        if (a->next_use != b->next_use)
            return a->next_use > b->next_use;
        break;
    case RADIX_LRU:
        break;
    }
    return a->last_use != b->last_use ? a->last_use < b->last_use : a->id < b->id;
}

static void put(struct radix *r, uint32_t at, struct radix_node *node)
{
    r->order[at] = node;
    node->order_at = at + 1;
}

static void sift_up(struct radix *r, uint32_t at, struct radix_node *node)
{
    while (at && goes_before(r, node, r->order[(at - 1) / 2])) {
        put(r, at, r->order[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    put(r, at, node);
}

static void sift_down(struct radix *r, uint32_t at, struct radix_node *node)
{
    for (uint32_t kid; (kid = 2 * at + 1) < r->n_order; at = kid) {
        if (kid + 1 < r->n_order && goes_before(r, r->order[kid + 1], r->order[kid]))
            kid++;
        if (!goes_before(r, r->order[kid], node))
            break;
        put(r, at, r->order[kid]);
    }
    put(r, at, node);
}

void radix_order_del(struct radix *r, struct radix_node *node)
{
    if (!node->order_at)
        return;
    uint32_t at = node->order_at - 1;
    struct radix_node *last = r->order[--r->n_order];
    node->order_at = 0;
    if (last == node)
        return;
    if (at && goes_before(r, last, r->order[(at - 1) / 2]))
        sift_up(r, at, last);
    else
        sift_down(r, at, last);
}

void radix_order_update(struct radix *r, struct radix_node *node)
{
    bool wanted = node->parent && !node->locks && !node->child;
    if (wanted && !node->order_at)
        sift_up(r, r->n_order++, node);
    if (!wanted)
        radix_order_del(r, node);
}

bool radix_order_check(const struct radix *r)
{
    for (uint32_t i = 0; i < r->n_order; i++) {
        if (r->order[i]->order_at != i + 1 ||
            (i && goes_before(r, r->order[i], r->order[(i - 1) / 2])))
            return false;
    }
    return r->n_order <= r->n_node;
}

/* ---- evicting ---- */

static uint32_t evict(struct radix *r, uint32_t n, int last_class)
{
    uint32_t freed = 0;
    while (freed < n && r->n_order && class_of(r->order[0]) <= last_class) {
        struct radix_node *leaf = r->order[0];
        uint32_t have = leaf->n_tok / r->page_tokens;
        uint32_t take = have < n - freed ? have : n - freed;
        radix_shorten(r, leaf, (have - take) * r->page_tokens);
        freed += take;
    }
    r->n_evicted += freed;
    return freed;
}

uint32_t radix_evict(struct radix *r, uint32_t n)
{
    return evict(r, n, 2);
}

uint32_t radix_evict_unpinned(struct radix *r, uint32_t n)
{
    return evict(r, n, 1);
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
    struct events *e = r->events;
    bool all = e && r->n_evictable == pages_count(r->pages, PAGE_CACHED) && r->n_evictable;
    r->events = all ? NULL : e;     /* one event says it */
    while (r->n_order)
        radix_shorten(r, r->order[0], 0);
    r->events = e;
    if (all)
        events_cleared(e);
}

void radix_flush_namespace(struct radix *r, struct hash128 ns)
{
    uint64_t key = radix_ns_key(ns);
    bool again = true;
    while (again) {     /* parents are leaves then, and the order has moved */
        again = false;
        for (uint32_t i = 0; i < r->n_order;) {
            if (r->order[i]->ns_key == key) {
                radix_shorten(r, r->order[i], 0);
                again = true;
            } else {
                i++;
            }
        }
    }
}
