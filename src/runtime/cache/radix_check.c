/* radix_check.c - the invariants of radix.h in code, and the tree as text.
 *
 * Both walk the tree in preorder by its links, without recursion. */
#include "runtime/cache/radix_int.h"

static const struct radix_node *next_node(const struct radix_node *node)
{
    if (node->child)
        return node->child;
    while (node && !node->sib_next)
        node = node->parent;
    return node ? node->sib_next : NULL;
}

static bool bad(struct error *err, const struct radix_node *node, const char *what)
{
    error_set(err, ST_INTERNAL, "radix node %llu at %u: %s", (unsigned long long)node->id,
              node->start, what);
    return false;
}

/* Wishes that end here, and hard pins that end here or below. */
static bool check_wishes(const struct radix_node *node, struct error *err)
{
    uint32_t n_soft = 0, n_hard = 0;
    uint64_t next = UINT64_MAX;
    for (const struct radix_wish *w = node->wish; w; w = w->next) {
        if (w->node != node || (w->next && w->next->prev != w))
            return bad(err, node, "a wish that stands elsewhere");
        n_soft += w->kind == RADIX_SOFT;
        n_hard += w->kind == RADIX_HARD;
        if (w->kind == RADIX_USE && w->when < next)
            next = w->when;
    }
    if (!node->parent && node->wish)
        return bad(err, node, "a root with a wish");
    for (const struct radix_node *c = node->child; c; c = c->sib_next)
        n_hard += c->n_hard;
    if (n_soft != node->n_soft || n_hard != node->n_hard || next != node->next_use)
        return bad(err, node, "wishes are counted wrongly");
    return node->locks >= n_hard || bad(err, node, "a hard pin without a lock");
}

static bool check_node(const struct radix *r, const struct radix_node *node, struct error *err)
{
    uint32_t kid_locks = 0;
    for (const struct radix_node *c = node->child; c; c = c->sib_next) {
        kid_locks += c->locks;
        if (c->parent != node || c->start != node->start + node->n_tok)
            return bad(err, c, "does not begin where its parent ends");
    }
    if (node->locks < kid_locks)
        return bad(err, node, "fewer locks than its children");
    if (!check_wishes(node, err))
        return false;
    if (node->done > node->ready || node->ready > node->n_tok)
        return bad(err, node, "done, ready and length are out of order");
    if (!node->parent)
        return node->n_tok == 0 || bad(err, node, "a root with tokens");
    if (!node->n_tok || node->n_tok % r->page_tokens)
        return bad(err, node, "not whole pages");
    if (!node->locks && node->done < node->n_tok)
        return bad(err, node, "unlocked and not computed");
    if ((node->order_at != 0) != (!node->locks && !node->child))
        return bad(err, node, "wrongly in or out of the order of eviction");

    uint64_t value;
    if (!idmap_get(&r->by_hash, radix_child_key(r, node->parent, node->tok), &value))
        return bad(err, node, "not in the hash map");
    const struct radix_node *c = (const struct radix_node *)(uintptr_t)value;
    while (c && c != node)
        c = c->hash_next;
    return c || bad(err, node, "not in its hash chain");
}

static bool check_order(const struct radix *r, struct error *err)
{
    if (radix_order_check(r))
        return true;
    error_set(err, ST_INTERNAL, "the order of eviction is broken");
    return false;
}

bool radix_check(const struct radix *r, struct error *err)
{
    uint32_t n_page = 0, n_free = 0, n_pinned = 0, it = 0;
    struct slice key;
    uint64_t value;
    while (hashmap_next(&r->root, &it, &key, &value)) {
        const struct radix_node *root = (const struct radix_node *)(uintptr_t)value;
        if (!root->child && !root->locks)
            return bad(err, root, "a root that serves nobody");
        for (const struct radix_node *n = root; n; n = next_node(n)) {
            if (!check_node(r, n, err))
                return false;
            n_page += n->n_tok / r->page_tokens;
            n_free += n->locks ? 0 : n->n_tok / r->page_tokens;
            n_pinned += n->n_hard ? n->n_tok / r->page_tokens : 0;
        }
    }
    if (n_pinned != r->n_pinned || n_pinned > r->pin_budget) {
        error_set(err, ST_INTERNAL, "%u pages are pinned, %u counted, %u allowed", n_pinned,
                  r->n_pinned, r->pin_budget);
        return false;
    }
    if (n_page != pages_count(r->pages, PAGE_CACHED) || n_free != r->n_evictable) {
        error_set(err, ST_INTERNAL, "the tree has %u pages and %u evictable, counted are %u and %u",
                  n_page, n_free, pages_count(r->pages, PAGE_CACHED), r->n_evictable);
        return false;
    }
    return check_order(r, err) && pages_check(r->pages, err);
}

static uint32_t depth_of(const struct radix_node *node)
{
    uint32_t depth = 0;
    for (; node->parent; node = node->parent)
        depth++;
    return depth;
}

void radix_dump(const struct radix *r, struct str *out)
{
    uint32_t it = 0;
    struct slice key;
    uint64_t value;
    while (hashmap_next(&r->root, &it, &key, &value)) {
        const struct radix_node *root = (const struct radix_node *)(uintptr_t)value;
        for (const struct radix_node *n = root; n; n = next_node(n)) {
            for (uint32_t i = depth_of(n); i > 0; i--)
                str_adds(out, "  ");
            str_addf(out, "%u..%u locks %u", n->start, n->start + n->n_tok, n->locks);
            if (n->n_hard || n->n_soft)
                str_addf(out, " pins %u hard %u soft", n->n_hard, n->n_soft);
            if (n->done < n->n_tok)
                str_addf(out, " done %u ready %u producer %llu", n->done, n->ready,
                         (unsigned long long)n->producer);
            str_addc(out, '\n');
        }
    }
}
