/* memo.c - making and keeping the entries of leaf states.
 *
 * A loop on a set of code points is walked once without bounds; every pair of bounds is made from
 * that walk by counting code points.  So a text of at most 100 code points costs no walk at any of
 * its hundred states.
 *
 * The table has a lock of its own, held to find and to insert; walks hold the pattern's lock, since
 * they step its leaves.  Two threads may make the same entry, harmlessly. */
#include "runtime/constrain/memo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum { SLOTS = 4096, SPARSE_MAX = 1000, EXIT_MAX = 20000, LABEL_MAX = 8, CPS_NONE = 255 };

struct leaf_memo {
    pthread_mutex_t   lock;
    size_t            bytes, max_bytes;
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

static void drop_all(struct leaf_memo *m)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        while (m->slot[i]) {
            struct leaf_mask *l = m->slot[i];
            m->slot[i] = l->next;
            leaf_mask_unref(l);
        }
    m->bytes = 0;
}

void leaf_memo_free(struct leaf_memo *m)
{
    if (!m)
        return;
    drop_all(m);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

void leaf_mask_unref(struct leaf_mask *l)
{
    if (!l || atomic_fetch_sub(&l->n_ref, 1) != 1)
        return;
    mem_free(l->row);
    mem_free(l->id);
    mem_free(l->exit);
    mem_free(l->cps);
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

static void insert(struct leaf_memo *m, struct leaf_mask *l)
{
    pthread_mutex_lock(&m->lock);
    if (m->bytes + l->bytes > m->max_bytes)
        drop_all(m);
    m->bytes += l->bytes;
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
    uint32_t            cap_exit;
    bool                failed, many_labels;
};

static uint8_t labels_of(struct walk *w, uint32_t q)
{
    bool plain;
    struct arc_list a = terminal_labels(w->t, q, &plain);
    uint8_t bits = plain;
    for (uint32_t i = 0; i < a.n; i++) {
        if (a.arc[i].hi - EXPR_LABEL >= LABEL_MAX) {
            w->many_labels = true;
            return 0;
        }
        for (uint32_t cp = a.arc[i].lo; cp <= a.arc[i].hi; cp++)
            bits |= (uint8_t)(1u << (cp - EXPR_LABEL));
    }
    return bits;
}

/* In depth-first order the next token at or behind a node lies below it. */
static uint32_t token_below(const struct vocab *v, uint32_t node)
{
    while (v->node[node].token == TRIE_NO_TOKEN)
        node++;
    return v->node[node].token;
}

static void add_exit(struct walk *w, uint32_t node, uint32_t q, uint32_t cps)
{
    if (w->l->n_exit >= EXIT_MAX) {
        w->l->exits_all = true;
        return;
    }
    struct leaf_exit *x = array_push(&w->l->exit, &w->l->n_exit, &w->cap_exit, sizeof *x);
    if (x)
        *x = (struct leaf_exit){ node, token_below(w->v, node), (uint16_t)cps, labels_of(w, q) };
    else
        w->failed = true;
}

/* `loop`: the base of a loop, whose code points are counted; TERM_NONE: no loop. */
static void walk_leaf(struct walk *w, uint32_t start, uint32_t loop)
{
    const struct trie_node *n = w->v->node;
    const uint32_t *path[TRIE_TOKEN_MAX + 2];
    uint32_t at[TRIE_TOKEN_MAX + 2];
    uint16_t cps[TRIE_TOKEN_MAX + 2];
    at[0] = start;
    cps[0] = 0;
    path[0] = terminal_row(w->t, start);
    for (uint32_t i = 1; i < w->v->n_node && !w->failed;) {
        uint32_t d = n[i].depth, byte = n[i].byte;
        uint32_t q = path[d - 1] ? path[d - 1][byte] : TERM_NONE;
        if (q == TERM_NONE) {
            q = terminal_step(w->t, at[d - 1], (uint8_t)byte);
            w->failed |= terminals_failed(w->t);
        }
        if (q == TERM_DEAD) {
            i += n[i].subtree;
            continue;
        }
        bool more = terminal_more(w->t, q);
        cps[d] = (uint16_t)(cps[d - 1] + (q == loop));
        if (terminal_accepts(w->t, q) && (n[i].subtree > 1 || !more) && !w->l->exits_all)
            add_exit(w, i, q, cps[d]);
        if (n[i].token != TRIE_NO_TOKEN && more) {
            vocab_set(w->v, w->l->row, n[i].token);
            uint32_t begun = cps[d] + (q != loop);
            for (uint32_t t = n[i].token; w->l->cps && t != TOKEN_NONE; t = w->v->next_dup[t])
                w->l->cps[t] = (uint8_t)(begun < 254 ? begun : 254);
        }
        if (!more) {
            i += n[i].subtree;
            continue;
        }
        at[d] = q;
        path[d] = n[i].subtree > 1 ? terminal_row(w->t, q) : NULL;
        i++;
    }
}

static struct leaf_mask *entry_new(const struct vocab *v, struct hash128 key)
{
    struct leaf_mask *l = mem_zalloc(sizeof *l);
    if (!l)
        return NULL;
    atomic_init(&l->n_ref, 1);
    l->key = key;
    l->row = mem_calloc(bitset_words(v->n_logit) + 1, sizeof *l->row);
    if (!l->row) {
        leaf_mask_unref(l);
        return NULL;
    }
    return l;
}

/* A row with few tokens is kept as a list. */
static void settle(const struct vocab *v, struct leaf_mask *l)
{
    size_t words = bitset_words(v->n_logit);
    size_t n = bitset_count(l->row, words);
    uint32_t *id = n < SPARSE_MAX ? mem_alloc((n + 1) * sizeof *id) : NULL;
    if (l->exits_all) {
        mem_free(l->exit);
        l->exit = NULL;
        l->n_exit = 0;
    }
    if (id) {
        for (size_t i = 0; i < words; i++)
            for (uint32_t w = l->row[i]; w; w &= w - 1)
                id[l->n_id++] = (uint32_t)(i * 32) + (uint32_t)__builtin_ctz(w);
        mem_free(l->row);
        l->row = NULL;
        l->id = id;
    }
    l->bytes = sizeof *l + l->n_exit * sizeof *l->exit + (l->row ? words * 4 : l->n_id * 4ul) +
               (l->cps ? v->n_id : 0);
}

static struct leaf_mask *make(const struct vocab *v, struct terminals *t, uint32_t q, struct hash128 key,
                              bool loop)
{
    struct walk w = { .v = v, .t = t, .l = entry_new(v, key) };
    if (!w.l)
        return NULL;
    if (loop) {
        w.l->cps = mem_alloc(v->n_id + 1ul);
        if (!w.l->cps) {
            leaf_mask_unref(w.l);
            return NULL;
        }
        memset(w.l->cps, CPS_NONE, v->n_id + 1ul);
    }
    walk_leaf(&w, q, loop ? q : TERM_NONE);
    if (w.failed || w.many_labels) {
        leaf_mask_unref(w.l);
        return NULL;
    }
    settle(v, w.l);
    return w.l;
}

/* ---- loops ---------------------------------------------------------------------------------- */

static struct leaf_mask *get_made(const struct vocab *v, struct terminals *t, uint32_t q,
                                  struct hash128 key, bool loop)
{
    struct leaf_mask *l = find(v->memo, key);
    if (l && (!loop || l->cps))
        return l;
    leaf_mask_unref(l);
    l = make(v, t, q, key, loop);
    if (l)
        insert(v->memo, l);
    return l;
}

static void narrow_row(const struct vocab *v, const struct leaf_mask *base, uint32_t hi, uint32_t *row)
{
    for (uint32_t i = 0; i < v->n_id; i += 32) {
        uint32_t word = 0, end = v->n_id - i < 32 ? v->n_id - i : 32;
        for (uint32_t k = 0; k < end; k++)
            word |= (uint32_t)(base->cps[i + k] <= hi) << k;
        row[i / 32] = word;
    }
}

/* lo..hi code points: made from the entry without bounds. */
static struct leaf_mask *get_loop(const struct vocab *v, struct terminals *t, const struct terminal_loop *loop)
{
    uint32_t hi = loop->hi > 254 ? 254 : loop->hi, lo = loop->lo > 254 ? 254 : loop->lo;
    bool free_of_bounds = loop->lo == 0 && loop->hi > 254;
    if (free_of_bounds)
        return get_made(v, t, loop->base, loop->key, true);
    uint64_t x[3] = { loop->key.lo, loop->key.hi, (uint64_t)lo << 32 | hi };
    struct hash128 key = hash128_bytes(x, sizeof x);
    struct leaf_mask *l = find(v->memo, key);
    if (l)
        return l;
    struct leaf_mask *base = get_made(v, t, loop->base, loop->key, true);
    if (!base || !(l = entry_new(v, key))) {
        leaf_mask_unref(base);
        return NULL;
    }
    narrow_row(v, base, hi, l->row);
    uint32_t cap = 0;
    bool ok = true;
    for (uint32_t i = 0; i < base->n_exit && ok; i++) {
        const struct leaf_exit *e = &base->exit[i];
        if (e->cps < lo || e->cps > hi)
            continue;
        struct leaf_exit *slot = array_push(&l->exit, &l->n_exit, &cap, sizeof *slot);
        ok = slot != NULL;
        if (ok)
            *slot = *e;
    }
    /* Raw text: an end is everywhere, and a token that reaches the last code point just ends. */
    l->exits_all = base->exits_all || !loop->json;
    leaf_mask_unref(base);
    if (!ok) {
        leaf_mask_unref(l);
        return NULL;
    }
    settle(v, l);
    insert(v->memo, l);
    return l;
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
    struct leaf_mask *base = terminal_loop(t, base_q, &loop) ? get_loop(v, t, &loop) : NULL;
    if (!base || !base->row || base->exits_all || !(l = entry_new(v, key))) {
        leaf_mask_unref(base);
        return NULL;
    }
    memcpy(l->row, base->row, bitset_words(v->n_logit) * sizeof *l->row);
    uint32_t cap = 0;
    for (uint32_t i = 0; i < base->n_exit && !terminals_failed(t); i++) {
        const struct leaf_exit *e = &base->exit[i];
        const uint8_t *byte = (const uint8_t *)vocab_bytes(v, e->token).ptr;
        uint32_t at = q;
        for (uint32_t k = 0; k < v->node[e->node].depth && at != TERM_DEAD; k++)
            at = terminal_step(t, at, byte[k]);
        struct leaf_exit *slot = at == TERM_DEAD ? NULL : array_push(&l->exit, &l->n_exit, &cap, sizeof *slot);
        if (slot)
            *slot = *e;
        else if (at != TERM_DEAD)
            t->ex.failed = ST_NOMEM;
    }
    leaf_mask_unref(base);
    settle(v, l);
    insert(v->memo, l);
    return l;
}

/* ---- the doors ------------------------------------------------------------------------------ */

static struct leaf_mask *get_locked(const struct vocab *v, struct terminals *t, uint32_t q)
{
    struct terminal_loop loop;
    struct hash128 key;
    uint32_t base;
    if (terminal_loop(t, q, &loop))
        return get_loop(v, t, &loop);
    struct leaf_mask *l = terminal_open(t, q, &base) ? get_open(v, t, q, base) : NULL;
    if (l)
        return l;
    return terminal_key(t, q, &key) ? get_made(v, t, q, key, false) : NULL;
}

struct leaf_mask *leaf_mask_get(const struct vocab *v, struct family *f, uint32_t q)
{
    struct terminals *t = automaton_lock(f);
    struct leaf_mask *l = get_locked(v, t, q);
    automaton_unlock(f);
    return l;
}

struct leaf_mask *leaf_mask_excluding(const struct vocab *v, struct family *f, uint32_t q,
                                      struct str *ret_excluded)
{
    uint32_t base;
    struct terminals *t = automaton_lock(f);
    struct leaf_mask *l = terminal_excludes(t, q, &base, ret_excluded) ? get_locked(v, t, base) : NULL;
    automaton_unlock(f);
    return l;
}
