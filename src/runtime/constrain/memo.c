/* memo.c - making and keeping the entries of leaf states.
 *
 * A state that stays where it is for most bytes takes the tokens made of them from the atlas, and
 * walks only below nodes with a byte that leads on.  A loop on a set of code points is walked once
 * without bounds; every pair of bounds is a view of that entry.
 *
 * The table has a lock of its own, held to find and to insert; walks hold the pattern's lock, since
 * they step its leaves.  Two threads may make the same entry, harmlessly. */
#include "runtime/constrain/memo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum { SLOTS = 4096, SPARSE_MAX = 1000, EXIT_MAX = 20000, EXITS_EVERYWHERE = 512, LABEL_MAX = 4096 };

struct leaf_memo {
    pthread_mutex_t   lock;
    size_t            bytes, max_bytes;
    bool              pin;
    struct leaf_mask *slot[SLOTS];
};

struct leaf_memo *leaf_memo_new(size_t max_bytes)
{
    struct leaf_memo *m = mem_zalloc(sizeof *m);
    if (!m)
        return NULL;
    pthread_mutex_init(&m->lock, NULL);
    m->max_bytes = max_bytes;
    return m;
}

static void drop_all(struct leaf_memo *m, bool pinned_too)
{
    m->bytes = 0;
    for (uint32_t i = 0; i < SLOTS; i++)
        for (struct leaf_mask **at = &m->slot[i]; *at;) {
            struct leaf_mask *l = *at;
            if (l->pinned && !pinned_too) {
                at = &l->next;
                continue;
            }
            *at = l->next;
            leaf_mask_unref(l);
        }
}

void leaf_memo_pin(struct leaf_memo *m, bool on)
{
    m->pin = on;
}

void leaf_memo_clear(struct leaf_memo *m)
{
    pthread_mutex_lock(&m->lock);
    drop_all(m, false);
    pthread_mutex_unlock(&m->lock);
}

void leaf_memo_bound(struct leaf_memo *m, size_t max_bytes)
{
    pthread_mutex_lock(&m->lock);
    m->max_bytes = max_bytes;
    if (m->bytes > max_bytes)
        drop_all(m, false);
    pthread_mutex_unlock(&m->lock);
}

void leaf_memo_free(struct leaf_memo *m)
{
    if (!m)
        return;
    drop_all(m, true);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

void leaf_mask_unref(struct leaf_mask *l)
{
    if (!l || atomic_fetch_sub(&l->n_ref, 1) != 1)
        return;
    leaf_mask_unref(l->inside);
    mem_free(l->row);
    mem_free(l->id);
    mem_free(l->id_cps);
    mem_free(l->exit);
    mem_free(l->quoted);
    mem_free(l->quoted_cps);
    mem_free(l);
}

static struct leaf_mask *find(struct leaf_memo *m, struct hash128 key)
{
    struct leaf_mask *l;
    pthread_mutex_lock(&m->lock);
    for (l = m->slot[key.lo % SLOTS]; l; l = l->next)
        if (l->key.lo == key.lo && l->key.hi == key.hi) {
            atomic_fetch_add(&l->n_ref, 1);
            break;
        }
    pthread_mutex_unlock(&m->lock);
    return l;
}

static void insert(const struct vocab *v, struct leaf_mask *l)
{
    struct leaf_memo *m = v->memo;
    l->bytes = sizeof *l + l->n_exit * sizeof *l->exit + (l->row ? v->atlas->words * 4 : 0) + l->n_id * 5ul +
               (l->quoted ? v->atlas->n_rank * 9ul / 8 : 0);
    pthread_mutex_lock(&m->lock);
    if (m->bytes + l->bytes > m->max_bytes)
        drop_all(m, false);
    l->pinned = m->pin;
    m->bytes += l->pinned ? 0 : l->bytes;
    atomic_fetch_add(&l->n_ref, 1);
    l->next = m->slot[l->key.lo % SLOTS];
    m->slot[l->key.lo % SLOTS] = l;
    pthread_mutex_unlock(&m->lock);
}

/* ---- the walk ------------------------------------------------------------------------------- */

struct walk {
    const struct vocab *v;
    struct terminals   *t;
    struct leaf_mask   *l;
    uint32_t            loop;       /* base of a loop, whose code points are counted; TERM_NONE */
    bool                in_string;  /* quotes that are read are exits by tail */
    bool                skips;      /* tokens that stay are in the row already */
    struct terminal_class cls;
    struct byte_set     lead;
    uint32_t            cap_id, cap_cps, n_cps, cap_exit;
    bool                failed;
};

/* In depth-first order the next token at or behind a node lies below it. */
static uint32_t token_below(const struct vocab *v, uint32_t node)
{
    while (v->node[node].token == TRIE_NO_TOKEN)
        node++;
    return v->node[node].token;
}

static void push_exit(struct walk *w, struct leaf_exit x)
{
    if (w->l->n_exit >= EXIT_MAX || x.label >= LABEL_MAX) {
        w->l->exits_all = true;
        return;
    }
    struct leaf_exit *slot = array_push(&w->l->exit, &w->l->n_exit, &w->cap_exit, sizeof *slot);
    if (slot)
        *slot = x;
    w->failed |= !slot;
    if (x.label >= w->l->n_label)
        w->l->n_label = x.label + 1u;
}

static void add_exit(struct walk *w, uint32_t node, uint32_t q, uint32_t cps)
{
    bool plain;
    struct arc_list a = terminal_labels(w->t, q, &plain);
    struct leaf_exit x = { trie_kids(w->v, node), node, token_below(w->v, node), (uint16_t)cps, 0 };
    if (plain)
        push_exit(w, x);
    for (uint32_t i = 0; i < a.n && !w->l->exits_all; i++)
        for (uint32_t cp = a.arc[i].lo; cp <= a.arc[i].hi && !w->l->exits_all; cp++) {
            x.label = cp - EXPR_LABEL < LABEL_MAX ? (uint16_t)(cp - EXPR_LABEL) : LABEL_MAX;
            push_exit(w, x);
        }
}

static bool quotes_ready(struct walk *w)
{
    struct leaf_mask *l = w->l;
    if (l->quoted)
        return true;
    l->quoted = mem_calloc(w->v->atlas->n_rank / 32 + 1ul, sizeof *l->quoted);
    l->quoted_cps = w->loop != TERM_NONE ? mem_alloc(w->v->atlas->n_rank + 1ul) : NULL;
    w->failed |= !l->quoted || (w->loop != TERM_NONE && !l->quoted_cps);
    return !w->failed;
}

/* The first quote of a path ends the string: all tokens through it leave by their tails. */
static void add_quoted(struct walk *w, uint32_t node, uint32_t cps)
{
    const struct vocab *v = w->v;
    if (!quotes_ready(w))
        return;
    for (uint32_t i = node; i < node + v->node[node].subtree; i++)
        for (uint32_t t = v->node[i].token; t != TRIE_NO_TOKEN && t != TOKEN_NONE; t = v->next_dup[t]) {
            uint32_t rank = v->atlas->rank[t];
            bitset_add(w->l->quoted, rank);
            if (w->l->quoted_cps)
                w->l->quoted_cps[rank] = (uint8_t)(cps < CPS_ANY ? cps : CPS_ANY);
        }
}

/* The list becomes a row when it is long. */
static void spill(struct walk *w)
{
    struct leaf_mask *l = w->l;
    l->row = mem_calloc(w->v->atlas->words, sizeof *l->row);
    w->failed |= !l->row;
    for (uint32_t i = 0; l->row && i < l->n_id; i++)
        bitset_add(l->row, l->id[i]);
    l->n_id = 0;
}

static void add_token(struct walk *w, uint32_t token, uint32_t begun)
{
    struct leaf_mask *l = w->l;
    bool listed = w->loop != TERM_NONE || !l->row;
    for (uint32_t t = token; t != TOKEN_NONE && !w->failed; t = w->v->next_dup[t]) {
        if (!listed) {
            bitset_add(l->row, t);
            continue;
        }
        uint32_t *id = array_push(&l->id, &l->n_id, &w->cap_id, sizeof *id);
        uint8_t *cps = w->loop != TERM_NONE && id ? array_push(&l->id_cps, &w->n_cps, &w->cap_cps, 1) : NULL;
        w->failed |= !id || (w->loop != TERM_NONE && !cps);
        if (id)
            *id = t;
        if (cps)
            *cps = (uint8_t)(begun < CPS_ANY ? begun : CPS_ANY);
    }
    if (listed && w->loop == TERM_NONE && l->n_id >= SPARSE_MAX && !w->failed)
        spill(w);
}

/* Takes what stays from the atlas; then only what leads on is walked. */
static void take_staying(struct walk *w, uint32_t start)
{
    if (!terminal_class(w->t, start, &w->cls))
        return;
    const struct vocab *v = w->v;
    const struct terminal_class *k = &w->cls;
    struct class_of_state c = { { k->stay[0], k->stay[1] }, { k->not_first[0], k->not_first[1] }, k->high_stay,
                                k->hi };
    uint32_t *row = mem_calloc(v->atlas->words, sizeof *row);
    w->failed |= !row;
    if (!row)
        return;
    atlas_add_staying(v, &c, row);
    /* where the leaf may end at every byte, each node is an exit: few are listed, many are not */
    if (terminal_accepts(w->t, start)) {
        if (bitset_count(row, v->atlas->words) <= EXITS_EVERYWHERE) {
            mem_free(row);
            return;
        }
        w->l->exits_all = true;
    }
    w->l->row = row;
    w->lead = (struct byte_set){ k->lead[0], k->lead[1] };
    w->skips = true;
}

struct step {                       /* of the path to a node */
    uint32_t        q;
    uint16_t        cps;
    bool            stays, quoted;  /* nothing else was read; some quote was */
    const uint32_t *row;
};

static bool byte_stays(const struct walk *w, uint8_t b, uint32_t depth)
{
    const struct terminal_class *c = &w->cls;
    if (depth > c->hi)
        return false;               /* it might be one code point too many */
    if (b >= 0x80)
        return c->high_stay;
    return (c->stay[b / 64] & ~(depth == 1 ? c->not_first[b / 64] : 0)) >> (b % 64) & 1;
}

static void walk_leaf(struct walk *w, uint32_t start)
{
    const struct trie_node *n = w->v->node;
    const struct byte_set *below = w->v->atlas->below;
    const uint8_t *deep = w->v->atlas->deep;
    struct step path[TRIE_TOKEN_MAX + 2];
    bool by_tail = w->in_string && w->v->atlas->n_rank;
    take_staying(w, start);
    path[0] = (struct step){ start, 0, w->skips, false, terminal_row(w->t, start) };
    for (uint32_t i = 1; i < w->v->n_node && !w->failed;) {
        uint32_t d = n[i].depth;
        uint8_t byte = (uint8_t)n[i].byte;
        const struct step *up = &path[d - 1];
        bool stays = up->stays && byte_stays(w, byte, d);
        if (stays && !byte_set_meets(below[i], w->lead) && deep[i] <= w->cls.hi) {
            i += n[i].subtree;
            continue;
        }
        uint32_t q = up->row ? up->row[byte] : TERM_NONE;
        if (q == TERM_NONE) {
            q = terminal_step(w->t, up->q, byte);
            w->failed |= terminals_failed(w->t);
        }
        if (q == TERM_DEAD) {
            i += n[i].subtree;
            continue;
        }
        bool more = terminal_more(w->t, q);
        uint32_t cps = up->cps + (q == w->loop);
        if (terminal_accepts(w->t, q) && (n[i].subtree > 1 || !more) && !w->l->exits_all) {
            if (by_tail && byte == '"' && !up->quoted)
                add_quoted(w, i, cps);
            else
                add_exit(w, i, q, cps);
        }
        if (n[i].token != TRIE_NO_TOKEN && more && !stays)
            add_token(w, n[i].token, cps + (q != w->loop));
        if (!more) {
            i += n[i].subtree;
            continue;
        }
        path[d] = (struct step){ q, (uint16_t)cps, stays, up->quoted || byte == '"',
                                 n[i].subtree > 1 ? terminal_row(w->t, q) : NULL };
        i++;
    }
}

static struct leaf_mask *entry_new(struct hash128 key)
{
    struct leaf_mask *l = mem_zalloc(sizeof *l);
    if (l) {
        atomic_init(&l->n_ref, 1);
        l->key = key;
    }
    return l;
}

static struct leaf_mask *make(const struct vocab *v, struct terminals *t, uint32_t q, struct hash128 key,
                              bool loop)
{
    struct walk w = { .v = v, .t = t, .l = entry_new(key), .loop = loop ? q : TERM_NONE,
                      .in_string = terminal_in_string(t, q) };
    if (!w.l)
        return NULL;
    walk_leaf(&w, q);
    if (w.failed) {
        leaf_mask_unref(w.l);
        return NULL;
    }
    if (w.l->exits_all) {
        mem_free(w.l->exit);
        w.l->exit = NULL;
        w.l->n_exit = 0;
    }
    return w.l;
}

static struct leaf_mask *get_made(const struct vocab *v, struct terminals *t, uint32_t q,
                                  struct hash128 key, bool loop)
{
    struct leaf_mask *l = find(v->memo, key);
    if (l)
        return l;
    l = make(v, t, q, key, loop);
    if (l)
        insert(v, l);
    return l;
}

/* ---- views ---------------------------------------------------------------------------------- */

static struct leaf_view whole(struct leaf_mask *l)
{
    return (struct leaf_view){ l, 0, CPS_ANY };
}

/* lo..hi code points: a view of the entry without bounds. */
static struct leaf_view get_loop(const struct vocab *v, struct terminals *t, const struct terminal_loop *loop)
{
    uint64_t x[3] = { loop->key.lo, loop->key.hi, 0x6c6f6f70 };     /* its code points are counted */
    struct leaf_mask *l = get_made(v, t, loop->base, hash128_bytes(x, sizeof x), true);
    return (struct leaf_view){ l, loop->lo < CPS_ANY ? loop->lo : CPS_ANY, loop->hi < CPS_ANY ? loop->hi : CPS_ANY };
}

/* Whether bytes up to and with a first quote can be read from q. */
static bool reads_prefix(struct terminals *t, uint32_t q, struct slice s)
{
    for (size_t i = 0; i < s.len && q != TERM_DEAD; i++)
        q = terminal_step(t, q, (uint8_t)s.ptr[i]);
    return q != TERM_DEAD;
}

static bool reads_to_exit(const struct vocab *v, struct terminals *t, uint32_t q, const struct leaf_exit *e)
{
    const uint8_t *byte = (const uint8_t *)vocab_bytes(v, e->token).ptr;
    for (uint32_t k = 0; k < v->node[e->node].depth && q != TERM_DEAD; k++)
        q = terminal_step(t, q, byte[k]);
    return q != TERM_DEAD;
}

/* Copies those ways out of `base` that can be read from q. */
static bool keep_exits(const struct vocab *v, struct terminals *t, uint32_t q, const struct leaf_mask *base,
                       struct leaf_mask *l)
{
    uint32_t cap = 0, words = v->atlas->n_rank / 32 + 1;
    l->n_label = base->n_label;
    for (uint32_t i = 0; i < base->n_exit && !terminals_failed(t); i++) {
        if (!reads_to_exit(v, t, q, &base->exit[i]))
            continue;
        struct leaf_exit *slot = array_push(&l->exit, &l->n_exit, &cap, sizeof *slot);
        if (!slot)
            return false;
        *slot = base->exit[i];
    }
    if (!base->quoted)
        return true;
    l->quoted = mem_calloc(words, sizeof *l->quoted);
    const struct atlas *a = v->atlas;
    for (uint32_t i = 0; l->quoted && i < a->n_prefix && !terminals_failed(t); i++) {
        const struct quote_prefix *x = &a->prefix[i];
        if (!bitset_has(base->quoted, a->prefix_rank[x->first]) || !reads_prefix(t, q, x->text))
            continue;
        for (uint32_t k = x->first; k < x->first + x->n; k++)
            bitset_add(l->quoted, a->prefix_rank[k]);
    }
    return l->quoted != NULL;
}

/* Any text may still be read: what stays inside is what any text allows, and of its exits those are
 * kept whose path ends a word. */
static struct leaf_mask *get_open(const struct vocab *v, struct terminals *t, uint32_t q, uint32_t base_q)
{
    struct hash128 key;
    struct terminal_loop loop;
    if (!terminal_key(t, q, &key))
        return NULL;
    struct leaf_mask *l = find(v->memo, key);
    if (l)
        return l;
    struct leaf_mask *base = terminal_loop(t, base_q, &loop) ? get_loop(v, t, &loop).l : NULL;
    if (!base || base->exits_all || !(l = entry_new(key))) {
        leaf_mask_unref(base);
        return NULL;
    }
    l->inside = base;
    if (!keep_exits(v, t, q, base, l)) {
        leaf_mask_unref(l);
        return NULL;
    }
    insert(v, l);
    return l;
}

/* ---- the doors ------------------------------------------------------------------------------ */

static struct leaf_view get_locked(const struct vocab *v, struct terminals *t, uint32_t q)
{
    struct terminal_loop loop;
    struct hash128 key;
    uint32_t base;
    if (terminal_loop(t, q, &loop))
        return get_loop(v, t, &loop);
    struct leaf_mask *l = terminal_open(t, q, &base) ? get_open(v, t, q, base) : NULL;
    if (!l && terminal_key(t, q, &key))
        l = get_made(v, t, q, key, false);
    return whole(l);
}

struct leaf_view leaf_mask_get(const struct vocab *v, struct family *f, uint32_t q)
{
    struct terminals *t = automaton_lock(f);
    struct leaf_view l = get_locked(v, t, q);
    automaton_unlock(f);
    return l;
}

struct leaf_view leaf_mask_excluding(const struct vocab *v, struct family *f, uint32_t q,
                                     struct str *ret_excluded)
{
    uint32_t base;
    struct terminals *t = automaton_lock(f);
    struct leaf_view l = whole(NULL);
    if (terminal_excludes(t, q, &base, ret_excluded))
        l = get_locked(v, t, base);
    automaton_unlock(f);
    return l;
}
