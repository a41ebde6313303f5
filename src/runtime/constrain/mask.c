/* mask.c - config x vocabulary to a row of allowed tokens.
 *
 * The definition is mask_walk_plain: one pass over the flat trie with the configs of the path on a
 * stack; a byte that leads nowhere skips its subtree, a token whose path lives is set.
 *
 * What is done is the same in parts.  For each thread of the config, the tokens that end inside its
 * leaf come from the memo of leaves, and only below the leaf's exits configs are walked.  A leaf
 * without an entry is walked as a config of its own.  A config that is met again keeps its row, for
 * all requests that share its family. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/mask_walk.h"
#include "runtime/constrain/memo.h"

enum { MEMO_BYTES = 16u << 20 };

/* ---- by leaves ------------------------------------------------------------------------------ */

/* Whether the path to an exit is among the excluded: `excluded` lists the bytes that would end one. */
static bool is_excluded(const char *path, size_t n, struct slice excluded)
{
    for (size_t at = 0; at + 2 <= excluded.len;) {
        size_t len = (uint8_t)excluded.ptr[at] | (size_t)(uint8_t)excluded.ptr[at + 1] << 8;
        if (len == n && !memcmp(path, excluded.ptr + at + 2, n))
            return true;
        at += 2 + len;
    }
    return false;
}

/* Which lengths occur among the excluded texts: a cheap answer for most exits. */
static void excluded_lengths(struct slice excluded, uint32_t set[8])
{
    memset(set, 0, 8 * sizeof *set);
    for (size_t at = 0; at + 2 <= excluded.len;) {
        size_t len = (uint8_t)excluded.ptr[at] | (size_t)(uint8_t)excluded.ptr[at + 1] << 8;
        if (len < 256)
            bitset_add(set, len);
        at += 2 + len;
    }
}

/* Where a label leads, as long as one config is looked at. */
struct way {
    uint32_t        behind;     /* config, CONFIG_UNKNOWN: not asked yet */
    struct byte_set first;      /* bytes that can be read there */
};

struct ways {
    struct way *way;            /* [n_label] */
    struct way  few[8];
};

static bool ways_open(struct ways *w, uint32_t n_label)
{
    w->way = n_label <= 8 ? w->few : mem_alloc(n_label * sizeof *w->way);
    for (uint32_t i = 0; w->way && i < n_label; i++)
        w->way[i].behind = CONFIG_UNKNOWN;
    return w->way != NULL;
}

static void ways_close(struct ways *w)
{
    if (w->way != w->few)
        mem_free(w->way);
}

/* One thread of a config, as its leaf's entry sees it. */
struct part {
    const struct vocab *v;
    struct family      *f;
    uint32_t            config, thread;
    struct leaf_view    view;
    struct slice        excluded;
    uint32_t           *row;
};

static bool inside_bounds(const struct leaf_view *w, uint32_t cps)
{
    return cps >= w->lo && cps <= w->hi;
}

static bool find_way(const struct part *p, uint32_t label, struct way *w)
{
    w->behind = automaton_leave(p->f, p->config, p->thread, label);
    if (family_failed(p->f))
        return false;
    w->first = config_first(p->f, w->behind);
    return true;
}

static bool add_exit(const struct part *p, const struct leaf_exit *e, struct ways *ways)
{
    const struct vocab *v = p->v;
    if (v->node[e->node].token != TRIE_NO_TOKEN)
        vocab_set(v, p->row, v->node[e->node].token);
    if (v->node[e->node].subtree == 1)
        return true;
    struct way *w = &ways->way[e->label];
    if (w->behind == CONFIG_UNKNOWN && !find_way(p, e->label, w))
        return false;
    return !byte_set_meets(e->kids, w->first) || mask_walk(v, p->f, e->node, w->behind, p->config, p->row);
}

static bool add_exits(const struct part *p)
{
    const struct leaf_mask *l = p->view.l;
    uint32_t lengths[8];
    struct ways ways;
    if (!l->n_exit)
        return true;
    if (!ways_open(&ways, l->n_label))
        return false;
    excluded_lengths(p->excluded, lengths);
    bool ok = true;
    for (uint32_t i = 0; i < l->n_exit && ok; i++) {
        const struct leaf_exit *e = &l->exit[i];
        uint32_t depth = p->v->node[e->node].depth;
        if (!inside_bounds(&p->view, e->cps) ||
            (p->excluded.len && bitset_has(lengths, depth) &&
             is_excluded(vocab_bytes(p->v, e->token).ptr, depth, p->excluded)))
            continue;
        ok = add_exit(p, e, &ways);
    }
    ways_close(&ways);
    return ok;
}

/* ---- exits by tail -------------------------------------------------------------------------- */

/* The tokens of the ranks first .. first + n - 1 that leave here; `origin`: only those that live when
 * read exactly from there. */
static bool add_ranks(const struct part *p, const uint32_t *quoted, uint32_t first, uint32_t n, bool exact)
{
    const struct atlas *a = p->v->atlas;
    for (uint32_t r = first; r < first + n; r++) {
        if (!bitset_has(quoted, r) || (p->view.l->quoted_cps && !inside_bounds(&p->view, p->view.l->quoted_cps[r])))
            continue;
        uint32_t id = a->rank_id[r], config = p->config;
        struct slice s = vocab_bytes(p->v, id);
        for (size_t i = 0; exact && i < s.len && config != CONFIG_DEAD; i++)
            config = automaton_step(p->f, config, (uint8_t)s.ptr[i]);
        if (family_failed(p->f))
            return false;
        if (config != CONFIG_DEAD)
            bitset_add(p->row, id);
    }
    return true;
}

/* Ranks of a node and of all nodes below it: they lie side by side. */
static uint32_t ranks_below(const struct atlas *a, uint32_t node)
{
    uint32_t end = node + a->tail[node].subtree;
    uint32_t to = end < a->n_tail ? a->tail[end].first : a->n_rank;
    return to - a->tail[node].first;
}

/* The tails below `root`, read from a config. */
static bool walk_tails(const struct part *p, const uint32_t *quoted, uint32_t root, uint32_t behind)
{
    const struct atlas *a = p->v->atlas;
    const uint32_t *path[TRIE_TOKEN_MAX + 2];
    uint32_t at[TRIE_TOKEN_MAX + 2], base = a->tail[root].depth;
    at[0] = behind;
    path[0] = automaton_row(p->f, behind);
    if (!path[0])
        return false;
    for (uint32_t i = root + 1; i < root + a->tail[root].subtree;) {
        const struct tail_node *n = &a->tail[i];
        uint32_t d = n->depth - base, next = path[d - 1][n->byte];
        if (next == CONFIG_UNKNOWN) {
            next = automaton_step(p->f, at[d - 1], n->byte);
            if (family_failed(p->f))
                return false;
        }
        if (next != CONFIG_DEAD && automaton_doubt(p->f, next)) {
            if (!add_ranks(p, quoted, n->first, ranks_below(a, i), true))
                return false;
            next = CONFIG_DEAD;
        }
        if (next == CONFIG_DEAD) {
            i += n->subtree;
            continue;
        }
        if (n->n && !add_ranks(p, quoted, n->first, n->n, false))
            return false;
        at[d] = next;
        path[d] = n->subtree > 1 ? automaton_row(p->f, next) : NULL;
        if (n->subtree > 1 && !path[d])
            return false;
        i++;
    }
    return true;
}

/* The same for all tails, leaf by leaf as long as no leaf ends. */
static bool walk_all_tails(const struct part *p, const uint32_t *quoted, uint32_t behind)
{
    const struct atlas *a = p->v->atlas;
    struct leaves w;
    w.end = NULL;
    w.cap_end = 0;
    if (automaton_doubt(p->f, behind) || !leaves_open(&w, p->f, behind))
        return walk_tails(p, quoted, 0, behind);
    w.t = automaton_lock(p->f);
    for (uint32_t i = 1; i < a->n_tail && !w.failed;) {
        const struct tail_node *n = &a->tail[i];
        bool goes;
        if (!leaves_step(&w, n->depth, n->byte, i, n->subtree > 1, &goes)) {
            i += n->subtree;
            continue;
        }
        if (n->n)
            add_ranks(p, quoted, n->first, n->n, false);
        i += goes ? 1 : n->subtree;
    }
    automaton_unlock(p->f);
    bool ok = !w.failed && !family_failed(p->f);
    for (uint32_t i = 0; ok && i < w.n_end; i++) {
        uint32_t next = automaton_leave(p->f, behind, w.end[i].thread, w.end[i].label);
        ok = !family_failed(p->f) && (!automaton_n_thread(p->f, next) || walk_tails(p, quoted, w.end[i].node, next));
    }
    mem_free(w.end);
    return ok;
}

static uint32_t *row_copy(const uint32_t *row, size_t words)
{
    uint32_t *r = mem_alloc((words + 1) * sizeof *r);
    if (r)
        memcpy(r, row, words * sizeof *r);
    return r;
}

/* The quoted tokens without those that would end an excluded text; NULL: out of memory. */
static uint32_t *without_excluded(const struct part *p)
{
    const struct vocab *v = p->v;
    uint32_t *set = row_copy(p->view.l->quoted, v->atlas->n_rank / 32 + 1);
    for (size_t at = 0; set && at + 2 <= p->excluded.len;) {
        size_t len = (uint8_t)p->excluded.ptr[at] | (size_t)(uint8_t)p->excluded.ptr[at + 1] << 8;
        uint32_t node = trie_find(v, slice_sub(p->excluded, at + 2, len));
        for (uint32_t i = node; node && i < node + v->node[node].subtree; i++)
            for (uint32_t t = v->node[i].token; t != TRIE_NO_TOKEN && t != TOKEN_NONE; t = v->next_dup[t])
                bitset_del(set, v->atlas->rank[t]);
        at += 2 + len;
    }
    return set;
}

static bool add_quoted(const struct part *p)
{
    const struct atlas *a = p->v->atlas;
    if (!p->view.l->quoted)
        return true;
    uint32_t behind = automaton_leave(p->f, p->config, p->thread, 0);
    uint32_t *own = p->excluded.len ? without_excluded(p) : NULL;
    if (family_failed(p->f) || (p->excluded.len && !own)) {
        mem_free(own);
        return false;
    }
    const uint32_t *quoted = own ? own : p->view.l->quoted;
    bool ok = add_ranks(p, quoted, 0, a->tail[0].n, false) &&
              (!automaton_n_thread(p->f, behind) || walk_all_tails(p, quoted, behind));
    mem_free(own);
    return ok;
}

/* ---- threads -------------------------------------------------------------------------------- */

static void add_inside(const struct vocab *v, const struct leaf_view *w, uint32_t *row)
{
    const struct leaf_mask *l = w->l->inside ? w->l->inside : w->l;
    if (l->row && w->hi < CPS_ANY)
        atlas_add_upto(v->atlas, l->row, w->hi, row);
    else if (l->row)
        bitset_or(row, l->row, bitset_words(v->n_logit));
    for (uint32_t i = 0; i < l->n_id; i++)
        if (!l->id_cps || l->id_cps[i] <= w->hi)
            bitset_add(row, l->id[i]);
}

/* A leaf that may end anywhere, with something behind it: a config of its own.  What stays in it is
 * taken from the atlas, what leads on is walked. */
static bool walk_dense(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row)
{
    struct class_of_state c = { .hi = UINT32_MAX };
    struct byte_set lead = { 1, 0 };            /* beyond ASCII: walked */
    for (uint32_t b = 0; b < 128; b++) {
        uint32_t next = automaton_step(f, config, (uint8_t)b);
        struct byte_set one = byte_set_of((uint8_t)b), *to = next == config && b ? &c.stay : &lead;
        if (next != CONFIG_DEAD) {
            to->lo |= one.lo;
            to->hi |= one.hi;
        }
    }
    if (family_failed(f))
        return false;
    atlas_add_staying(v, &c, row);
    return mask_walk_leading(v, f, config, lead, row);
}

static bool add_thread(const struct vocab *v, struct family *f, uint32_t config, uint32_t i, uint32_t *row)
{
    struct str excluded = { 0 };
    uint32_t q = automaton_leaf(f, config, i);
    struct leaf_view w = leaf_mask_excluding(v, f, q, &excluded);
    if (!w.l) {
        str_cut(&excluded, 0);
        w = leaf_mask_get(v, f, q);
    }
    const struct leaf_mask *l = w.l;
    bool ok = !family_failed(f), ends = false;
    if (ok && l && l->exits_all) {      /* fine only where nothing can follow the leaf */
        uint32_t behind = automaton_leave(f, config, i, 0);
        ends = behind != CONFIG_UNKNOWN && !automaton_n_thread(f, behind);
    }
    bool named = ok && l && (l->n_exit || l->quoted) && automaton_leave_matters(f, config, i);
    if (ok && (!l || (l->exits_all && !ends) || named)) {
        uint32_t only = automaton_only(f, config, i);
        ok = !family_failed(f) &&
             (l && l->exits_all ? walk_dense(v, f, only, row) : mask_walk(v, f, 0, only, CONFIG_DEAD, row));
    } else if (ok) {
        struct part p = { v, f, config, i, w, str_slice(&excluded), row };
        add_inside(v, &w, row);
        ok = l->exits_all || (add_exits(&p) && add_quoted(&p));
    }
    leaf_mask_unref(w.l);
    str_free(&excluded);
    return ok;
}

bool mask_by_leaves(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row)
{
    uint32_t n = automaton_n_thread(f, config);
    for (uint32_t i = 0; i < n; i++)
        if (!add_thread(v, f, config, i, row))
            return false;
    return true;
}

/* ---- rows by config ------------------------------------------------------------------------- */

/* The first visit of a config only notes that it was there: most are met once. */
enum { SPARSE_MAX = 2000 };
#define SEEN UINT64_MAX

struct memo_row {
    uint32_t *row;              /* or NULL and */
    uint32_t *id;               /* [n_id] */
    uint32_t  n_id;
};

static void add_known(const struct memo_row *r, size_t words, uint32_t *row)
{
    if (r->row)
        bitset_or(row, r->row, words);
    for (uint32_t i = 0; i < r->n_id; i++)
        bitset_add(row, r->id[i]);
}

/* The tokens as a list, if they are few. */
static bool list_tokens(const uint32_t *row, size_t words, struct memo_row *r)
{
    uint32_t id[SPARSE_MAX], n = 0;
    for (size_t i = 0; i < words; i++)
        for (uint32_t w = row[i]; w; w &= w - 1) {
            if (n == SPARSE_MAX)
                return false;
            id[n++] = (uint32_t)(i * 32) + (uint32_t)__builtin_ctz(w);
        }
    r->id = row_copy(id, n);
    r->n_id = n;
    return r->id != NULL;
}

static bool keep_row(struct memo *m, uint64_t key, const uint32_t *row, size_t words)
{
    struct memo_row r = { 0 };
    if (!list_tokens(row, words, &r))
        r.row = row_copy(row, words);
    struct memo_row *slot = r.id || r.row ? array_push(&m->row, &m->n_row, &m->cap_row, sizeof *slot) : NULL;
    if (!slot) {
        mem_free(r.id);
        mem_free(r.row);
        return false;
    }
    *slot = r;
    m->bytes += sizeof r + (r.row ? words : r.n_id) * sizeof *row;
    return idmap_put(&m->at, key, m->n_row - 1);
}

bool mask_config(struct drive *d, const struct vocab *v, uint32_t config, uint32_t follow_id,
                 struct slice follow, uint32_t *row)
{
    uint64_t key = (uint64_t)follow_id << 32 | config, known = 0;
    struct memo *m = &d->memo;
    size_t words = bitset_words(v->n_logit);
    bool seen = idmap_get(&m->at, key, &known);
    if (seen && known != SEEN) {
        add_known(&m->row[known], words, row);
        return true;
    }
    if (m->bytes > MEMO_BYTES)          /* full: begin again */
        memo_free(m);
    if (!mask_by_leaves(v, d->f, config, row) || (follow.len && !mask_follow(v, d->f, config, follow, row)))
        return false;
    return seen ? keep_row(m, key, row, words) : idmap_put(&m->at, key, SEEN);
}

void memo_free(struct memo *m)
{
    idmap_free(&m->at);
    for (uint32_t i = 0; i < m->n_row; i++) {
        mem_free(m->row[i].row);
        mem_free(m->row[i].id);
    }
    mem_free(m->row);
    *m = (struct memo){ 0 };
}

bool mask_healed(struct drive *d, const struct vocab *v, struct slice rest, uint32_t config,
                 uint32_t *row)
{
    uint32_t node = 0;
    for (size_t i = 0; i < rest.len; i++) {
        if (!(node = trie_child(v, node, (uint8_t)rest.ptr[i])))
            return true;
        if (v->node[node].token != TRIE_NO_TOKEN)
            vocab_set(v, row, v->node[node].token);
    }
    return mask_walk(v, d->f, node, config, CONFIG_DEAD, row);
}

/* Tokens below `node` that are beginnings of the text. */
static void set_along(const struct vocab *v, uint32_t node, struct slice text, uint32_t *row)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!(node = trie_child(v, node, (uint8_t)text.ptr[i])))
            return;
        if (v->node[node].token != TRIE_NO_TOKEN)
            vocab_set(v, row, v->node[node].token);
    }
}

bool mask_follow(const struct vocab *v, struct family *f, uint32_t config, struct slice follow,
                 uint32_t *row)
{
    uint32_t at[TRIE_TOKEN_MAX + 2];
    const struct trie_node *n = v->node;
    uint8_t first = (uint8_t)follow.ptr[0];
    at[0] = config;
    for (uint32_t i = 0; i < v->n_node && !family_failed(f);) {
        uint32_t d = n[i].depth;
        if (d) {
            at[d] = automaton_step(f, at[d - 1], (uint8_t)n[i].byte);
            if (at[d] == CONFIG_DEAD) {
                i += n[i].subtree;
                continue;
            }
        }
        if (automaton_accepts(f, at[d]) && automaton_step(f, at[d], first) == CONFIG_DEAD)
            set_along(v, i, follow, row);
        i++;
    }
    return !family_failed(f);
}

void heal_mask(const struct vocab *v, struct slice rest, uint32_t *row)
{
    uint32_t node = 0;
    for (size_t i = 0; i < rest.len; i++) {
        if (!(node = trie_child(v, node, (uint8_t)rest.ptr[i])))
            return;
        if (v->node[node].token != TRIE_NO_TOKEN)
            vocab_set(v, row, v->node[node].token);
    }
    for (uint32_t i = node + 1; i < node + v->node[node].subtree; i++)
        if (v->node[i].token != TRIE_NO_TOKEN)
            vocab_set(v, row, v->node[i].token);
}
