/* mask.c - config x vocabulary to a row of allowed tokens.
 *
 * One pass over the flat trie with the configs of the path on a stack: a byte that leads nowhere
 * skips its subtree, a token whose path lives is set.  Rows are kept by config, so that a config
 * is walked once for all requests that share its family. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/constraint_data.h"

enum { MEMO_BYTES = 16u << 20 };

/* Walks the nodes below `root`, which stands for `config`. */
static bool walk(const struct vocab *v, struct family *f, uint32_t root, uint32_t config,
                 uint32_t *row)
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

bool mask_walk_plain(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row)
{
    return config == CONFIG_DEAD || walk(v, f, 0, config, row);
}

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
    bool ok = mask_walk_plain(v, d->f, config, row) &&
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
    return walk(v, d->f, node, config, row);
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
