/* mask_walk.c - one pass over nodes of the flat trie: a byte that leads nowhere skips its subtree, a
 * token whose path lives is set. */
#include "runtime/constrain/mask_walk.h"

#include "base/alloc.h"
#include "base/array.h"

static uint32_t exactly(const struct vocab *v, struct family *f, uint32_t config, uint32_t node);

/* Walks the nodes below `root`, which stands for `config`.  `origin`: the config at the trie's root,
 * from which a config in doubt is reached again exactly; CONFIG_DEAD where nothing is left open. */
static bool walk_configs(const struct vocab *v, struct family *f, uint32_t root, uint32_t config,
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

/* Tokens below the root that have a byte which leads away from `config`; the others are the caller's. */
bool mask_walk_leading(const struct vocab *v, struct family *f, uint32_t config, struct byte_set lead,
                         uint32_t *row)
{
    const struct byte_set *below = v->atlas->below;
    const struct trie_node *n = v->node;
    uint32_t at[TRIE_TOKEN_MAX + 2];
    at[0] = config;
    for (uint32_t i = 1; i < v->n_node;) {
        uint32_t d = n[i].depth;
        uint32_t next = at[d - 1] == config && !byte_set_meets(below[i], lead) ? CONFIG_DEAD
                        : automaton_step(f, at[d - 1], (uint8_t)n[i].byte);
        if (next == CONFIG_DEAD) {
            i += n[i].subtree;
            continue;
        }
        if (n[i].token != TRIE_NO_TOKEN)
            vocab_set(v, row, n[i].token);
        at[d] = next;
        i++;
    }
    return !family_failed(f);
}

/* Bytes that can be read at a config. */
struct byte_set config_first(struct family *f, uint32_t config)
{
    uint32_t set[8];
    automaton_first(f, config, set);
    struct byte_set s = { set[0] | (uint64_t)set[1] << 32, set[2] | (uint64_t)set[3] << 32 };
    s.lo |= (set[4] | set[5] | set[6] | set[7]) != 0;
    return s;
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
    return config == CONFIG_DEAD || walk_configs(v, f, 0, config, CONFIG_DEAD, row);
}

/* ---- leaf by leaf below a node -------------------------------------------------------------- */

/* Whether what a leaf has read stays unknown where it must be known. */
bool leaves_open(struct leaves *w, struct family *f, uint32_t config)
{
    w->n = automaton_n_thread(f, config);
    if (w->n > LEAVES_MAX)
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        if (automaton_leave_matters(f, config, i))
            return false;
        w->q[0][i] = automaton_leaf(f, config, i);
    }
    w->n_end = 0;
    w->failed = false;
    return true;
}

static void note_end(struct leaves *w, uint32_t node, uint32_t thread, uint32_t label)
{
    struct leaf_end *e = array_push(&w->end, &w->n_end, &w->cap_end, sizeof *e);
    w->failed |= !e || label > UINT16_MAX;
    if (e)
        *e = (struct leaf_end){ node, (uint16_t)thread, (uint16_t)label };
}

static void note_ends(struct leaves *w, uint32_t node, uint32_t thread, uint32_t q)
{
    bool plain;
    struct arc_list a = terminal_labels(w->t, q, &plain);
    if (plain)
        note_end(w, node, thread, 0);
    for (uint32_t i = 0; i < a.n; i++)
        for (uint32_t cp = a.arc[i].lo; cp <= a.arc[i].hi; cp++)
            note_end(w, node, thread, cp - EXPR_LABEL);
}

/* One byte from depth d - 1 to d; false: no thread reads it.  *ret_goes: some goes on behind it. */
bool leaves_step(struct leaves *w, uint32_t d, uint8_t byte, uint32_t node, bool below, bool *ret_goes)
{
    bool lives = false;
    *ret_goes = false;
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t q = w->q[d - 1][i];
        w->q[d][i] = TERM_DEAD;
        if (q == TERM_DEAD || (q = terminal_step(w->t, q, byte)) == TERM_DEAD)
            continue;
        lives = true;
        if (below && terminal_accepts(w->t, q))
            note_ends(w, node, i, q);
        if (!terminal_more(w->t, q))
            continue;
        w->q[d][i] = q;
        *ret_goes = true;
    }
    w->failed |= terminals_failed(w->t);
    return lives && !w->failed;
}

/* What stands behind leaves that ended: a config each, found once for all its nodes. */
static bool walk_ends(const struct vocab *v, struct family *f, uint32_t config, uint32_t origin,
                      const struct leaves *w, uint32_t *row)
{
    uint32_t behind = CONFIG_DEAD, thread = UINT32_MAX, label = 0;
    struct byte_set first = { 0, 0 };
    for (uint32_t i = 0; i < w->n_end; i++) {
        const struct leaf_end *e = &w->end[i];
        if (e->thread != thread || e->label != label) {
            thread = e->thread;
            label = e->label;
            behind = automaton_leave(f, config, thread, label);
            if (family_failed(f))
                return false;
            first = config_first(f, behind);
        }
        if (byte_set_meets(trie_kids(v, e->node), first) && !walk_configs(v, f, e->node, behind, origin, row))
            return false;
    }
    return true;
}

static bool walk_nodes(const struct vocab *v, struct leaves *w, uint32_t root, uint32_t *row)
{
    const struct trie_node *n = v->node;
    uint32_t base = n[root].depth, end = root + n[root].subtree;
    for (uint32_t i = root + 1; i < end && !w->failed;) {
        bool goes;
        if (!leaves_step(w, n[i].depth - base, (uint8_t)n[i].byte, i, n[i].subtree > 1, &goes)) {
            i += n[i].subtree;
            continue;
        }
        if (n[i].token != TRIE_NO_TOKEN)
            vocab_set(v, row, n[i].token);
        i += goes ? 1 : n[i].subtree;
    }
    return !w->failed;
}

bool mask_walk(const struct vocab *v, struct family *f, uint32_t root, uint32_t config, uint32_t origin,
                 uint32_t *row)
{
    struct leaves w;
    w.end = NULL;
    w.cap_end = 0;
    if (!leaves_open(&w, f, config))
        return walk_configs(v, f, root, config, origin, row);
    w.t = automaton_lock(f);
    bool ok = walk_nodes(v, &w, root, row);
    automaton_unlock(f);
    ok = ok && !family_failed(f) && walk_ends(v, f, config, origin, &w, row);
    mem_free(w.end);
    return ok;
}
