/* pin.c - what is known about the future of a path: pins, uses that were announced, last uses.
 *
 * A wish stands at the node where its path ends, and only there: the order of eviction asks leaves,
 * and when a leaf is gone its wishes have moved to its parent, which is the end of what is left.
 * A soft pin and a use change the place in the order.  A hard pin is a lock, so that nothing else
 * need know of it; its pages are counted against a budget, which keeps the promise that requests
 * always have the rest of the pool. */
#include "runtime/cache/radix_int.h"

#include <assert.h>
#include <string.h>

#include "base/array.h"

/* ---- wishes at nodes ---- */

static void count_wishes(struct radix_node *node)
{
    node->n_soft = 0;
    node->next_use = UINT64_MAX;
    for (const struct radix_wish *w = node->wish; w; w = w->next) {
        node->n_soft += w->kind == RADIX_SOFT;
        if (w->kind == RADIX_USE && w->when < node->next_use)
            node->next_use = w->when;
    }
}

/* A leaf leaves the order while what it is ordered by changes. */
static void put(struct radix *r, struct radix_wish *w, struct radix_node *node)
{
    radix_order_del(r, node);
    w->node = node;
    w->prev = NULL;
    w->next = node->wish;
    if (node->wish)
        node->wish->prev = w;
    node->wish = w;
    count_wishes(node);
    radix_order_update(r, node);
}

static void take(struct radix *r, struct radix_wish *w)
{
    struct radix_node *node = w->node;
    radix_order_del(r, node);
    if (w->prev)
        w->prev->next = w->next;
    else
        node->wish = w->next;
    if (w->next)
        w->next->prev = w->prev;
    w->node = NULL;
    w->prev = w->next = NULL;
    count_wishes(node);
    radix_order_update(r, node);
}

void radix_wishes_up(struct radix *r, struct radix_node *node)
{
    struct radix_node *parent = node->parent;
    while (node->wish) {
        struct radix_wish *w = node->wish;
        assert(w->kind != RADIX_HARD);
        node->wish = w->next;
        if (w->next)
            w->next->prev = NULL;
        w->node = NULL;
        w->next = NULL;
        if (parent->parent)
            put(r, w, parent);
    }
}

/* ---- pins ---- */

void radix_set_pin_budget(struct radix *r, uint32_t n_page)
{
    r->pin_budget = n_page;
}

uint32_t radix_pin_budget(const struct radix *r)
{
    return r->pin_budget;
}

uint32_t radix_n_pinned(const struct radix *r)
{
    return r->n_pinned;
}

static bool pin_hard(struct radix *r, struct radix_wish *w, struct radix_node *node)
{
    uint32_t n_new = 0;
    for (const struct radix_node *n = node; n; n = n->parent)
        n_new += n->n_hard ? 0 : n->n_tok / r->page_tokens;
    if (n_new > r->pin_budget - r->n_pinned)
        return false;
    struct radix_wish **slot = array_push(&r->hard, &r->n_hard, &r->cap_hard, sizeof *slot);
    if (!slot)
        return false;
    *slot = w;
    r->n_pinned += n_new;
    for (struct radix_node *n = node; n; n = n->parent)
        n->n_hard++;
    radix_lock(r, node);
    return true;
}

static void unpin_hard(struct radix *r, struct radix_wish *w, struct radix_node *node)
{
    uint32_t i = 0;
    while (r->hard[i] != w)
        i++;
    r->hard[i] = r->hard[--r->n_hard];
    for (struct radix_node *n = node; n; n = n->parent) {
        if (!--n->n_hard)
            r->n_pinned -= n->n_tok / r->page_tokens;
    }
    radix_leave(r, node, 0);
}

bool radix_wish(struct radix *r, struct radix_wish *w, struct radix_node *node,
                enum radix_wish_kind kind, uint64_t when)
{
    assert(node->locks);
    radix_forget(r, w);
    if (!node->parent)
        return true;        /* nothing to keep */
    if (kind == RADIX_HARD && !pin_hard(r, w, node))
        return false;
    w->kind = kind;
    w->when = when;
    put(r, w, node);
    return true;
}

void radix_forget(struct radix *r, struct radix_wish *w)
{
    struct radix_node *node = w->node;
    if (!node)
        return;
    take(r, w);
    if (w->kind == RADIX_HARD)
        unpin_hard(r, w, node);
}

void radix_expire(struct radix *r, uint64_t now)
{
    for (uint32_t i = 0; i < r->n_hard;) {
        if (r->hard[i]->when <= now)
            radix_forget(r, r->hard[i]);
        else
            i++;
    }
}

/* ---- uses ---- */

void radix_announce(struct radix *r, struct radix_wish *w, struct hash128 ns, const uint32_t *tok,
                    uint32_t n, uint64_t when)
{
    uint32_t pos;
    radix_forget(r, w);
    w->kind = RADIX_USE;
    w->when = when;
    struct radix_node *node = radix_walk(r, ns, tok, n, &pos);
    if (!node || !node->parent)
        return;
    if (pos < radix_end(node)) {    /* what lies behind is nobody's wish */
        struct radix_node *up = radix_split(r, node, pos - node->start);
        node = up ? up : node;
    }
    put(r, w, node);
}

/* ---- last uses ---- */

/* Only the caller is left at it, nobody continued it, and nobody wants it. */
static bool is_last(const struct radix_node *n, const struct radix_node *below)
{
    return n->parent && n->locks == 1 && n->child == below && (!below || !below->sib_next) &&
           !n->wish && !n->touched;
}

static uint32_t whole_pages(const struct radix *r, uint32_t n_tok)
{
    return (n_tok + r->page_tokens - 1) / r->page_tokens * r->page_tokens;
}

void radix_lower(struct radix *r, struct radix_node *node, uint32_t from)
{
    from = whole_pages(r, from);
    struct radix_node *below = NULL;
    for (struct radix_node *n = node; is_last(n, below) && radix_end(n) > from; n = n->parent) {
        if (n->start < from && !radix_split(r, n, from - n->start))
            break;
        n->low = true;
        below = n;
    }
    radix_leave(r, node, 0);
}

void radix_discard(struct radix *r, struct radix_node *node, uint32_t from)
{
    from = whole_pages(r, from);
    struct radix_node *n = node;
    while (is_last(n, NULL) && radix_end(n) > from) {
        struct radix_node *parent = n->parent;
        uint32_t keep = from > n->start ? from - n->start : 0;
        if (keep > n->done)
            keep = n->done - n->done % r->page_tokens;
        n->locks = 0;
        r->n_evictable += n->n_tok / r->page_tokens;
        radix_order_update(r, n);
        radix_shorten(r, n, keep);
        n = parent;
    }
    radix_leave(r, n, 0);
}
