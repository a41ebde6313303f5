/* mask.c - config x vocabulary to a row of allowed tokens.
 *
 * The definition is mask_walk_plain: one pass over the flat trie with the configs of the path on a
 * stack; a byte that leads nowhere skips its subtree, a token whose path lives is set.
 *
 * What is done is the same in parts.  For each thread of the config, the tokens that end inside its
 * leaf come from the memo of leaves, and only below the leaf's exits configs are walked.  A leaf
 * without an entry is walked as a config of its own.  Rows are kept by config, so that a config is
 * walked once for all requests that share its family. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/constraint_data.h"
#include "runtime/constrain/memo.h"

enum { MEMO_BYTES = 16u << 20 };

static uint32_t exactly(const struct vocab *v, struct family *f, uint32_t config, uint32_t node);

/* Walks the nodes below `root`, which stands for `config`.  `origin`: the config at the trie's root,
 * from which a config in doubt is reached again exactly; CONFIG_DEAD where nothing is left open. */
static bool walk(const struct vocab *v, struct family *f, uint32_t root, uint32_t config,
                 uint32_t origin, uint32_t *row)
{
    const uint32_t *path[TRIE_TOKEN_MAX + 2];
    uint32_t at[TRIE_TOKEN_MAX + 2];
    uint32_t base = v->node[root].depth;
    const struct trie_node *n = v->node;
    uint32_t end = root + n[root].subtree;
    at[0] = config;
    path[0] = automaton_row(f, config);
    if (!path[0])
        return false;
    for (uint32_t i = root + 1; i < end;) {
        uint32_t d = n[i].depth - base, byte = n[i].byte;
        uint32_t next = path[d - 1][byte];
        if (next == CONFIG_UNKNOWN) {
            next = automaton_step(f, at[d - 1], (uint8_t)byte);
            if (family_failed(f))
                return false;
        }
        if (next != CONFIG_DEAD && origin != CONFIG_DEAD && automaton_doubt(f, next))
            next = exactly(v, f, origin, i);
        if (next == CONFIG_DEAD) {
            i += n[i].subtree;
            continue;
        }
        if (n[i].token != TRIE_NO_TOKEN)
            vocab_set(v, row, n[i].token);
        if (n[i].subtree > 1) {
            at[d] = next;
            path[d] = automaton_row(f, next);
            if (!path[d])
                return false;
        }
        i++;
    }
    return true;
}

/* The bytes of the path to a node. */
static void path_of(const struct vocab *v, uint32_t node, uint8_t *byte)
{
    for (uint32_t at = 0; at != node;)
        for (uint32_t i = at + 1;; i += v->node[i].subtree)
            if (node >= i && node < i + v->node[i].subtree) {
                byte[v->node[i].depth - 1] = (uint8_t)v->node[i].byte;
                at = i;
                break;
            }
}

/* The config after the path to the node, read from `config` on. */
static uint32_t exactly(const struct vocab *v, struct family *f, uint32_t config, uint32_t node)
{
    uint8_t byte[TRIE_TOKEN_MAX + 1];
    uint32_t n = v->node[node].depth;
    path_of(v, node, byte);
    for (uint32_t i = 0; i < n && config != CONFIG_DEAD; i++)
        config = automaton_step(f, config, byte[i]);
    return config;
}

bool mask_walk_plain(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row)
{
    return config == CONFIG_DEAD || walk(v, f, 0, config, CONFIG_DEAD, row);
}

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

static bool add_exits(const struct vocab *v, struct family *f, uint32_t config, uint32_t thread,
                      const struct leaf_mask *l, struct slice excluded, uint32_t *row)
{
    uint32_t behind[8], lengths[8];
    bool leads[8];
    memset(behind, 0xff, sizeof behind);
    excluded_lengths(excluded, lengths);
    for (uint32_t i = 0; i < l->n_exit; i++) {
        uint32_t node = l->exit[i].node;
        if (excluded.len && bitset_has(lengths, v->node[node].depth) &&
            is_excluded(vocab_bytes(v, l->exit[i].token).ptr, v->node[node].depth, excluded))
            continue;
        if (v->node[node].token != TRIE_NO_TOKEN)
            vocab_set(v, row, v->node[node].token);
        if (v->node[node].subtree == 1)
            continue;
        for (uint32_t k = 0; k < 8; k++) {
            if (!(l->exit[i].labels >> k & 1))
                continue;
            if (behind[k] == CONFIG_UNKNOWN) {
                behind[k] = automaton_leave(f, config, thread, k);
                leads[k] = automaton_n_thread(f, behind[k]) > 0;
                if (family_failed(f))
                    return false;
            }
            if (leads[k] && !walk(v, f, node, behind[k], config, row))
                return false;
        }
    }
    return true;
}

static void add_inside(const struct vocab *v, const struct leaf_mask *l, uint32_t *row)
{
    if (l->row)
        bitset_or(row, l->row, bitset_words(v->n_logit));
    for (uint32_t i = 0; i < l->n_id; i++)
        bitset_add(row, l->id[i]);
}

static bool add_thread(const struct vocab *v, struct family *f, uint32_t config, uint32_t i, uint32_t *row)
{
    struct str excluded = { 0 };
    uint32_t q = automaton_leaf(f, config, i);
    struct leaf_mask *l = leaf_mask_excluding(v, f, q, &excluded);
    if (!l) {
        str_cut(&excluded, 0);
        l = leaf_mask_get(v, f, q);
    }
    if (family_failed(f)) {
        leaf_mask_unref(l);
        str_free(&excluded);
        return false;
    }
    bool ends = false, ok = true;
    if (l && l->exits_all) {            /* fine only where nothing can follow the leaf */
        uint32_t behind = automaton_leave(f, config, i, 0);
        ends = behind != CONFIG_UNKNOWN && !automaton_n_thread(f, behind);
    }
    bool named = l && l->n_exit && automaton_leave_matters(f, config, i);
    if (!l || (l->exits_all && !ends) || named) {
        uint32_t only = automaton_only(f, config, i);
        ok = !family_failed(f) && walk(v, f, 0, only, CONFIG_DEAD, row);
    } else {
        add_inside(v, l, row);
        ok = l->exits_all || add_exits(v, f, config, i, l, str_slice(&excluded), row);
    }
    leaf_mask_unref(l);
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

const uint32_t *mask_row(struct drive *d, const struct vocab *v, uint32_t config, uint32_t follow_id,
                         struct slice follow)
{
    uint64_t key = (uint64_t)follow_id << 32 | config;
    struct memo *m = &d->memo;
    size_t words = bitset_words(v->n_logit);
    uint64_t known;
    if (idmap_get(&m->at, key, &known))
        return m->row[known];
    if (!m->max_row)
        m->max_row = (uint32_t)(MEMO_BYTES / (words * 4 + 1)) + 16;
    if (m->n_row >= m->max_row) {               /* full: begin again */
        idmap_free(&m->at);
        for (uint32_t i = 0; i < m->n_row; i++)
            mem_free(m->row[i]);
        m->n_row = 0;
    }
    uint32_t *row = mem_calloc(words + 1, sizeof *row);
    if (!row)
        return NULL;
    bool ok = mask_by_leaves(v, d->f, config, row) &&
              (!follow.len || mask_follow(v, d->f, config, follow, row));
    uint32_t **slot = ok ? array_push(&m->row, &m->n_row, &m->cap_row, sizeof *slot) : NULL;
    if (!slot) {
        mem_free(row);
        return NULL;
    }
    *slot = row;
    if (!idmap_put(&m->at, key, m->n_row - 1)) {
        m->n_row--;
        mem_free(row);
        return NULL;
    }
    return row;
}

void memo_free(struct memo *m)
{
    idmap_free(&m->at);
    for (uint32_t i = 0; i < m->n_row; i++)
        mem_free(m->row[i]);
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
    return walk(v, d->f, node, config, CONFIG_DEAD, row);
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
