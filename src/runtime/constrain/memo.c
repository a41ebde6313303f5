/* memo.c - keeping the entries of leaf states, and showing them to states.
 *
 * Many states are views of one entry: a loop on a set of code points is walked once without bounds,
 * and every pair of bounds is a view of that; any text but a few is any text, without the exits of
 * the few; bounds that no token can reach are left out.
 *
 * The table has a lock of its own, held to find and to insert; walks hold the pattern's lock, since
 * they step its leaves.  Two threads may make the same entry, harmlessly. */
#include "runtime/constrain/memo.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/leaf_walk.h"

enum { SLOTS = 4096 };

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

struct leaf_mask *leaf_mask_new(struct hash128 key)
{
    struct leaf_mask *l = mem_zalloc(sizeof *l);
    if (l) {
        atomic_init(&l->n_ref, 1);
        l->key = key;
    }
    return l;
}

struct leaf_mask *leaf_mask_ref(struct leaf_mask *l)
{
    atomic_fetch_add(&l->n_ref, 1);
    return l;
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

static struct leaf_mask *get_made(const struct vocab *v, struct terminals *t, uint32_t q,
                                  struct hash128 key, enum from from, bool ends_only)
{
    struct leaf_mask *l = find(v->memo, key);
    if (l)
        return l;
    l = leaf_walk(v, t, q, key, from, ends_only);
    if (l)
        insert(v, l);
    return l;
}

/* ---- views ---------------------------------------------------------------------------------- */

static struct leaf_view whole(struct leaf_mask *l)
{
    return (struct leaf_view){ l, NULL, 0, CPS_ANY, 0, CPS_ANY };
}

/* lo..hi code points: a view of the entry without bounds. */
static struct leaf_view get_loop(const struct vocab *v, struct terminals *t, const struct terminal_loop *loop)
{
    uint64_t x[3] = { loop->key.lo, loop->key.hi, 0x6c6f6f70 };     /* its code points are counted */
    struct leaf_mask *l = get_made(v, t, loop->base, hash128_bytes(x, sizeof x), FROM_LOOP, false);
    struct leaf_view w = whole(l);
    w.lo = loop->lo < CPS_ANY ? loop->lo : CPS_ANY;
    w.hi = loop->hi < CPS_ANY ? loop->hi : CPS_ANY;
    return w;
}

/* Whether the bytes can be read from q. */
static bool reads_prefix(struct terminals *t, uint32_t q, struct slice s)
{
    for (size_t i = 0; i < s.len && q != TERM_DEAD; i++)
        q = terminal_step(t, q, (uint8_t)s.ptr[i]);
    return q != TERM_DEAD;
}

static bool reads_to_exit(const struct vocab *v, struct terminals *t, uint32_t q, const struct leaf_exit *e)
{
    return reads_prefix(t, q, slice_sub(vocab_bytes(v, e->token), 0, v->node[e->node].depth));
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
    if (!base || base->exits_all || !(l = leaf_mask_new(key))) {
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

/* The entry of the state itself; or of its exits alone, where all of them are quotes. */
static struct leaf_mask *get_plain(const struct vocab *v, struct terminals *t, uint32_t q, enum from from,
                                   bool ends_only)
{
    struct hash128 key;
    if (!terminal_key(t, q, &key))
        return NULL;
    uint64_t x[3] = { key.lo, key.hi, (uint64_t)from << 1 | ends_only };
    return get_made(v, t, q, hash128_bytes(x, sizeof x), from, ends_only);
}

static struct leaf_view get_locked(const struct vocab *v, struct terminals *t, uint32_t q)
{
    struct terminal_loop loop;
    uint32_t base;
    if (terminal_loop(t, q, &loop))
        return get_loop(v, t, &loop);
    struct leaf_mask *l = terminal_open(t, q, &base) ? get_open(v, t, q, base) : NULL;
    return whole(l ? l : get_plain(v, t, q, FROM_ROOT, false));
}

/* The exits of the words that a leaf leaves out. */
static void take_away(const struct vocab *v, struct terminals *t, uint32_t words, bool behind, struct leaf_view *w)
{
    struct terminal_loop loop;
    struct leaf_view m = whole(NULL);
    words = terminal_unbounded(t, words, v->longest);
    if (!behind && terminal_loop(t, words, &loop))
        m = get_loop(v, t, &loop);
    else
        m.l = get_plain(v, t, words, behind ? FROM_BLANKS : FROM_ROOT, true);
    w->minus = m.l;
    w->minus_lo = m.lo;
    w->minus_hi = m.hi;
    if (!m.l || m.l->exits_all)
        leaf_view_close(w);
}

/* Any text but a few: the few are a leaf of their own, whose exits are taken away. */
static struct leaf_view get_from(const struct vocab *v, struct family *f, uint32_t q, bool behind)
{
    uint32_t base, words;
    struct terminals *t = automaton_lock(f);
    q = terminal_unbounded(t, q, v->longest);
    bool excludes = terminal_excludes(t, q, &base, &words);
    struct leaf_view w = whole(NULL);
    base = excludes ? terminal_unbounded(t, base, v->longest) : q;
    if (behind)
        w.l = get_plain(v, t, base, FROM_BLANKS, false);
    else
        w = get_locked(v, t, base);
    if (excludes && w.l)
        take_away(v, t, words, behind, &w);
    automaton_unlock(f);
    return w;
}

struct leaf_view leaf_mask_get(const struct vocab *v, struct family *f, uint32_t q)
{
    return get_from(v, f, q, false);
}

struct leaf_view leaf_mask_behind_blanks(const struct vocab *v, struct family *f, uint32_t q)
{
    return get_from(v, f, q, true);
}

void leaf_view_close(struct leaf_view *w)
{
    leaf_mask_unref(w->l);
    leaf_mask_unref(w->minus);
    w->l = w->minus = NULL;
}
