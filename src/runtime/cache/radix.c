/* radix.c - matching, splitting, inserting and sharing in the prefix tree.
 *
 * Children are found through one hash map for the whole tree, keyed by the parent's number and the
 * tokens of the first page; tokens are always compared, a hash is never trusted.  Locks are
 * counted on every node up to the root, so that eviction needs only look at one number. */
#include "runtime/cache/radix_int.h"

#include <assert.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum status radix_new(struct pages *pages, uint32_t page_tokens, struct radix **ret,
                      struct error *err)
{
    if (page_tokens == 0 || page_tokens > RADIX_MAX_PAGE_TOKENS)
        return error_set(err, ST_INVALID, "pages of %u tokens; 1 to %d are possible", page_tokens,
                         RADIX_MAX_PAGE_TOKENS);
    struct radix *r = mem_zalloc(sizeof *r);
    if (!r)
        return error_nomem(err);
    r->pages = pages;
    r->page_tokens = page_tokens;
    r->nodes.size = sizeof(struct radix_node);
    if (!radix_memory_new(r)) {
        radix_free(r);
        return error_nomem(err);
    }
    *ret = r;
    return ST_OK;
}

/* The order of eviction has a place for every node, so that unlocking one cannot fail. */
static struct radix_node *new_node(struct radix *r)
{
    if (!array_reserve(&r->order, &r->cap_order, r->n_node + 1, sizeof *r->order))
        return NULL;
    struct radix_node *node = slab_alloc(&r->nodes);
    if (!node)
        return NULL;
    r->n_node++;
    node->id = ++r->next_id;
    node->created = ++r->clock;
    node->priority = INT32_MIN;
    node->next_use = UINT64_MAX;
    return node;
}

static void free_node(struct radix *r, struct radix_node *node)
{
    r->n_node--;
    mem_free(node->tok);
    mem_free(node->page);
    mem_free(node->hash);
    slab_release(&r->nodes, node);
}

/* Walks the whole tree without recursion: down to a leaf, free it, back to its parent. */
static void free_tree(struct radix *r, struct radix_node *root)
{
    struct radix_node *node = root;
    while (node) {
        if (node->child) {
            node = node->child;
            continue;
        }
        struct radix_node *parent = node->parent;
        if (parent)
            parent->child = node->sib_next;
        for (uint32_t i = 0; i < node->n_tok / r->page_tokens; i++)
            pages_give(r->pages, node->page[i]);
        for (struct radix_wish *w = node->wish; w; w = w->next)
            w->node = NULL;
        free_node(r, node);
        node = parent;
    }
}

void radix_free(struct radix *r)
{
    if (!r)
        return;
    uint32_t it = 0;
    struct slice key;
    uint64_t value;
    while (hashmap_next(&r->root, &it, &key, &value))
        free_tree(r, (struct radix_node *)(uintptr_t)value);
    hashmap_free(&r->root);
    idmap_free(&r->by_hash);
    mem_free(r->touched);
    mem_free(r->order);
    mem_free(r->hard);
    radix_memory_free(r);
    slab_free(&r->nodes);
    mem_free(r);
}

/* ---- children ---- */

static struct slice ns_slice(const struct hash128 *ns)
{
    return (struct slice){ (const char *)ns, sizeof *ns };
}

uint64_t radix_child_key(const struct radix *r, const struct radix_node *parent,
                         const uint32_t *tok)
{
    return hash_combine(parent->id, hash_bytes(tok, r->page_tokens * sizeof *tok));
}

static struct radix_node *chain_of(const struct radix *r, uint64_t key)
{
    uint64_t value;
    if (!idmap_get(&r->by_hash, key, &value))
        return NULL;
    return (struct radix_node *)(uintptr_t)value;
}

static struct radix_node *find_child(const struct radix *r, const struct radix_node *parent,
                                     const uint32_t *tok)
{
    struct radix_node *c = chain_of(r, radix_child_key(r, parent, tok));
    while (c && (c->parent != parent || memcmp(c->tok, tok, r->page_tokens * sizeof *tok) != 0))
        c = c->hash_next;
    return c;
}

static bool hash_add(struct radix *r, struct radix_node *node)
{
    uint64_t key = radix_child_key(r, node->parent, node->tok);
    node->hash_next = chain_of(r, key);
    return idmap_put(&r->by_hash, key, (uintptr_t)node);
}

static void hash_del(struct radix *r, struct radix_node *node)
{
    uint64_t key = radix_child_key(r, node->parent, node->tok);
    struct radix_node *c = chain_of(r, key);
    if (c == node) {
        if (node->hash_next)
            idmap_put(&r->by_hash, key, (uintptr_t)node->hash_next);
        else
            idmap_del(&r->by_hash, key);
        return;
    }
    while (c && c->hash_next != node)
        c = c->hash_next;
    if (c)
        c->hash_next = node->hash_next;
}

static void sibling_add(struct radix_node *parent, struct radix_node *node)
{
    node->parent = parent;
    node->sib_prev = NULL;
    node->sib_next = parent->child;
    if (parent->child)
        parent->child->sib_prev = node;
    parent->child = node;
}

static void sibling_del(struct radix_node *node)
{
    if (node->sib_prev)
        node->sib_prev->sib_next = node->sib_next;
    else
        node->parent->child = node->sib_next;
    if (node->sib_next)
        node->sib_next->sib_prev = node->sib_prev;
}

static uint32_t n_page(const struct radix *r, const struct radix_node *node)
{
    return node->n_tok / r->page_tokens;
}

void radix_drop_root(struct radix *r, struct radix_node *node)
{
    if (node->parent || node->child || node->locks)
        return;
    hashmap_del(&r->root, ns_slice(&node->ns));
    free_node(r, node);
}

void radix_unlink(struct radix *r, struct radix_node *node)
{
    struct radix_node *parent = node->parent;
    assert(parent && !node->child && !node->locks && !node->tail && !node->touched);
    radix_order_del(r, node);
    radix_wishes_up(r, node);
    sibling_del(node);
    free_node(r, node);
    radix_order_update(r, parent);
    radix_drop_root(r, parent);
}

void radix_shorten(struct radix *r, struct radix_node *node, uint32_t n_tok)
{
    assert(!node->locks && !node->child && n_tok % r->page_tokens == 0);
    uint32_t keep = n_tok / r->page_tokens;
    radix_tell_gone(r, node, n_tok, node->done);
    if (!n_tok)
        hash_del(r, node);      /* needs the first page's tokens */
    for (uint32_t i = n_page(r, node); i-- > keep;) {
        pages_give(r->pages, node->page[i]);
        r->n_evictable--;
        if ((i + 1) * r->page_tokens <= node->done)
            radix_remember_gone(r, node->ns_key, node->hash[i]);
    }
    node->n_tok = n_tok;
    node->ready = node->ready < n_tok ? node->ready : n_tok;
    node->done = node->done < n_tok ? node->done : n_tok;
    if (!n_tok)
        radix_unlink(r, node);
}

/* ---- locks ---- */

void radix_lock(struct radix *r, struct radix_node *node)
{
    uint64_t now = ++r->clock;
    for (; node; node = node->parent) {
        if (!node->locks++) {
            radix_order_del(r, node);
            r->n_evictable -= n_page(r, node);
        }
        node->last_use = now;
    }
}

void radix_unlock(struct radix *r, struct radix_node *node)
{
    uint64_t now = ++r->clock;
    while (node) {
        struct radix_node *parent = node->parent;
        assert(node->locks);
        node->last_use = now;
        if (!--node->locks) {
            r->n_evictable += n_page(r, node);
            radix_order_update(r, node);
            radix_drop_root(r, node);
        }
        node = parent;
    }
}

/* ---- matching ---- */

uint32_t radix_common(const uint32_t *a, const uint32_t *b, uint32_t n)
{
    uint32_t i = 0;
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* Whole pages of `node` that the n tokens begin with, in tokens. */
static uint32_t match_edge(const struct radix *r, const struct radix_node *node,
                           const uint32_t *tok, uint32_t n)
{
    uint32_t same = radix_common(node->tok, tok, least(node->n_tok, n));
    return same - same % r->page_tokens;
}

static struct radix_node *root_of(const struct radix *r, struct hash128 ns)
{
    uint64_t value;
    if (!hashmap_get(&r->root, ns_slice(&ns), &value))
        return NULL;
    return (struct radix_node *)(uintptr_t)value;
}

static struct radix_node *root_make(struct radix *r, struct hash128 ns)
{
    struct radix_node *root = root_of(r, ns);
    if (root)
        return root;
    root = new_node(r);
    if (!root)
        return NULL;
    root->ns = ns;
    root->ns_key = radix_ns_key(ns);
    if (!hashmap_put(&r->root, ns_slice(&root->ns), (uintptr_t)root)) {
        free_node(r, root);
        return NULL;
    }
    return root;
}

struct radix_node *radix_walk(const struct radix *r, struct hash128 ns, const uint32_t *tok,
                              uint32_t n, uint32_t *ret_pos)
{
    struct radix_node *node = root_of(r, ns);
    uint32_t pos = 0;
    while (node && n - pos >= r->page_tokens) {
        struct radix_node *c = find_child(r, node, tok + pos);
        if (!c)
            break;
        node = c;
        uint32_t same = match_edge(r, c, tok + pos, n - pos);
        pos += same;
        if (same < c->n_tok)
            break;
    }
    *ret_pos = pos;
    return node;
}

uint32_t radix_peek(const struct radix *r, struct hash128 ns, const uint32_t *tok, uint32_t n,
                    uint32_t *ret_done)
{
    uint32_t pos, end;
    const struct radix_node *node = radix_walk(r, ns, tok, n, &pos);
    *ret_done = end = pos;
    for (; node; end = node->start, node = node->parent)
        if (node->start + node->done < end)     /* what stands behind the gap does not count */
            *ret_done = node->start + node->done;
    return pos;
}

static bool node_reserve(struct radix *r, struct radix_node *node, uint32_t n_tok)
{
    return array_reserve(&node->tok, &node->cap_tok, n_tok, sizeof *node->tok) &&
           array_reserve(&node->page, &node->cap_page, n_tok / r->page_tokens,
                         sizeof *node->page) &&
           array_reserve(&node->hash, &node->cap_hash, n_tok / r->page_tokens,
                         sizeof *node->hash);
}

static bool touch(struct radix *r, struct radix_node *node)
{
    if (node->touched)
        return true;
    struct radix_node **slot = array_push(&r->touched, &r->n_touched, &r->cap_touched,
                                          sizeof *slot);
    if (!slot)
        return false;
    *slot = node;
    node->touched = true;
    return true;
}

/* Handles to `node` stay valid: it is the lower half. */
struct radix_node *radix_split(struct radix *r, struct radix_node *node, uint32_t m)
{
    struct radix_node *up = new_node(r);
    if (!up)
        return NULL;
    if (!node_reserve(r, up, m) || (node->touched && !touch(r, up))) {
        free_node(r, up);
        return NULL;
    }
    uint32_t n_up = m / r->page_tokens;
    uint32_t n_low = n_page(r, node) - n_up;

    hash_del(r, node);
    sibling_del(node);
    memcpy(up->tok, node->tok, m * sizeof *up->tok);
    memcpy(up->page, node->page, n_up * sizeof *up->page);
    memcpy(up->hash, node->hash, n_up * sizeof *up->hash);
    memmove(node->tok, node->tok + m, (node->n_tok - m) * sizeof *node->tok);
    memmove(node->page, node->page + n_up, n_low * sizeof *node->page);
    memmove(node->hash, node->hash + n_up, n_low * sizeof *node->hash);

    up->n_tok = m;
    up->start = node->start;
    up->ready = least(node->ready, m);
    up->done = least(node->done, m);
    up->ns_key = node->ns_key;
    up->locks = node->locks;
    up->producer = up->ready < m ? node->producer : 0;
    up->last_use = node->last_use;
    up->created = node->created;
    up->hits = node->hits;
    up->n_hard = node->n_hard;
    up->low = node->low;

    node->n_tok -= m;
    node->start += m;
    node->ready -= up->ready;
    node->done -= up->done;
    sibling_add(node->parent, up);
    node->parent = NULL;
    sibling_add(up, node);
    /* The map has just lost an entry, so putting the first one back cannot fail; when the second
     * one does, the lower half is only found no more. */
    hash_add(r, up);
    hash_add(r, node);
    return up;
}

struct radix_node *radix_acquire(struct radix *r, struct hash128 ns, const uint32_t *tok,
                                 uint32_t limit)
{
    struct radix_node *node = root_make(r, ns);
    if (!node)
        return NULL;
    uint32_t pos = 0;
    while (limit - pos >= r->page_tokens) {
        struct radix_node *c = find_child(r, node, tok + pos);
        if (!c)
            break;
        uint32_t same = match_edge(r, c, tok + pos, limit - pos);
        if (same < c->n_tok) {
            struct radix_node *up = radix_split(r, c, same);
            node = up ? up : node;
            break;
        }
        node = c;
        pos += same;
    }
    radix_lock(r, node);
    for (struct radix_node *n = node; n; n = n->parent) {
        n->hits++;
        n->low = false;
    }
    return node;
}

/* ---- inserting ---- */

uint64_t radix_hash_before(const struct radix *r, const struct radix_node *node, uint32_t i)
{
    const struct radix_node *up = node->parent;
    return i ? node->hash[i - 1] : up && up->parent ? up->hash[n_page(r, up) - 1] : 0;
}

/* Of the pages from the i-th on, whose tokens are there. */
static void hash_pages(struct radix *r, struct radix_node *node, uint32_t i)
{
    uint64_t before = radix_hash_before(r, node, i);
    for (; i < n_page(r, node); i++) {
        before = radix_next_hash(r, before, node->tok + i * r->page_tokens);
        node->hash[i] = before;
        radix_remember(r, before);
    }
}

struct radix_node *radix_insert(struct radix *r, struct radix_node *node, const uint32_t *tok,
                                uint32_t n, const uint32_t *page, uint64_t producer)
{
    assert(n && n % r->page_tokens == 0 && node->locks);
    if (find_child(r, node, tok))
        return NULL;        /* a split that ran out of memory left it unmatched */
    struct radix_node *leaf = new_node(r);
    if (!leaf)
        return NULL;
    leaf->parent = node;
    if (!node_reserve(r, leaf, n)) {
        free_node(r, leaf);
        return NULL;
    }
    memcpy(leaf->tok, tok, n * sizeof *tok);
    memcpy(leaf->page, page, n / r->page_tokens * sizeof *page);
    if (!hash_add(r, leaf)) {
        free_node(r, leaf);
        return NULL;
    }
    leaf->n_tok = n;
    leaf->start = node->start + node->n_tok;
    leaf->locks = 1;
    leaf->producer = producer;
    leaf->last_use = ++r->clock;
    leaf->ns_key = node->ns_key;
    sibling_add(node, leaf);
    hash_pages(r, leaf, 0);
    for (uint32_t i = 0; i < n / r->page_tokens; i++)
        pages_cache(r->pages, page[i]);
    return leaf;
}

/* The tree has these tokens already: the caller's page is a duplicate. */
static struct radix_node *join_child(struct radix *r, struct radix_node *c, uint32_t *page)
{
    if (c->done < r->page_tokens)
        return NULL;
    if (c->n_tok > r->page_tokens)
        c = radix_split(r, c, r->page_tokens);
    if (!c)
        return NULL;
    if (!c->locks++) {
        radix_order_del(r, c);
        r->n_evictable -= n_page(r, c);
    }
    c->last_use = ++r->clock;
    c->low = false;
    pages_give(r->pages, *page);
    *page = c->page[0];
    return c;
}

struct radix_node *radix_extend(struct radix *r, struct radix_node *node, const uint32_t *tok,
                                uint32_t *page)
{
    struct radix_node *c = find_child(r, node, tok);
    if (c)
        return join_child(r, c, page);

    bool alone = node->parent && node->locks == 1 && !node->child && !node->wish &&
                 node->ready == node->n_tok && node->done == node->n_tok;
    if (!alone || !node_reserve(r, node, node->n_tok + r->page_tokens)) {
        struct radix_node *leaf = radix_insert(r, node, tok, r->page_tokens, page, 0);
        if (leaf) {
            leaf->ready = leaf->done = leaf->n_tok;
            leaf->priority = node->priority;
            radix_tell_done(r, leaf, 0, leaf->n_tok);
        }
        return leaf;
    }
    memcpy(node->tok + node->n_tok, tok, r->page_tokens * sizeof *tok);
    node->page[n_page(r, node)] = *page;
    node->n_tok += r->page_tokens;
    node->ready = node->done = node->n_tok;
    hash_pages(r, node, n_page(r, node) - 1);
    radix_tell_done(r, node, node->n_tok - r->page_tokens, node->n_tok);
    pages_cache(r->pages, *page);
    return node;
}

uint32_t radix_end(const struct radix_node *node)
{
    return node->start + node->n_tok;
}

void radix_pages(const struct radix *r, const struct radix_node *node, uint32_t *table)
{
    for (; node->parent; node = node->parent)
        memcpy(table + node->start / r->page_tokens, node->page,
               n_page(r, node) * sizeof *table);
}

/* ---- prefixes that are being computed ---- */

uint32_t radix_ready(const struct radix_node *node)
{
    uint32_t pos = radix_end(node);
    for (; node; node = node->parent) {
        if (node->ready < node->n_tok)
            pos = node->start + node->ready;
    }
    return pos;
}

uint32_t radix_done(const struct radix_node *node)
{
    uint32_t pos = radix_end(node);
    for (; node; node = node->parent) {
        if (node->done < node->n_tok)
            pos = node->start + node->done;
    }
    return pos;
}

uint64_t radix_next_producer(struct radix_node **at)
{
    struct radix_node *n = *at;
    while (n && (n->ready == n->n_tok || !n->producer))
        n = n->parent;
    *at = n ? n->parent : NULL;
    return n ? n->producer : 0;
}

uint32_t radix_claim(struct radix_node *node, uint32_t pos, uint64_t owner)
{
    uint32_t end = radix_end(node);
    /* From the leaf upwards: the lowest node that somebody else produces ends the claim. */
    for (struct radix_node *n = node; n && radix_end(n) > pos; n = n->parent) {
        if (n->ready < n->n_tok && n->producer && n->producer != owner)
            end = n->start > pos ? n->start : pos;
    }
    for (struct radix_node *n = node; end > pos && n && radix_end(n) > pos; n = n->parent) {
        if (n->ready < n->n_tok && n->start < end)
            n->producer = owner;
    }
    return end - pos;
}

void radix_advance(struct radix *r, struct radix_node *node, uint32_t pos, uint32_t n)
{
    for (; node && radix_end(node) > pos; node = node->parent) {
        if (node->start >= pos + n)
            continue;
        uint32_t to = least(pos + n - node->start, node->n_tok);
        if (to <= node->ready)
            continue;
        node->ready = to;
        if (!touch(r, node))
            node->done = to;    /* no room to remember it: the failure path flushes everything */
    }
}

void radix_commit(struct radix *r, bool ok)
{
    if (ok)
        radix_tell_touched(r);
    for (uint32_t i = 0; i < r->n_touched; i++) {
        struct radix_node *node = r->touched[i];
        node->touched = false;
        if (ok)
            node->done = node->ready;
        else
            node->ready = node->done;
        if (node->ready == node->n_tok)
            node->producer = 0;
    }
    r->n_touched = 0;
}

void radix_leave(struct radix *r, struct radix_node *node, uint64_t owner)
{
    for (struct radix_node *n = node; owner && n; n = n->parent) {
        if (n->producer == owner)
            n->producer = 0;
    }
    struct radix_node *n = node;
    while (n && n->parent && n->locks == 1 && n->done < n->n_tok && !n->child) {
        struct radix_node *parent = n->parent;
        assert(!n->touched);
        n->locks = 0;
        r->n_evictable += n_page(r, n);
        n->last_use = ++r->clock;
        radix_order_update(r, n);
        radix_shorten(r, n, n->done - n->done % r->page_tokens);
        n = parent;
    }
    radix_unlock(r, n);
}

struct radix_node *radix_at(struct radix_node *node, uint32_t pos)
{
    while (node && node->start > pos)
        node = node->parent;
    return node;
}

struct radix_node *radix_parent(struct radix_node *node)
{
    return node->parent;
}
