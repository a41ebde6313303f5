/* mask_walk.c - one pass over nodes of a flat trie: a byte that leads nowhere skips its subtree, what
 * ends at a node whose path lives is found. */
#include "runtime/constrain/mask_walk.h"

#include "base/alloc.h"
#include "base/array.h"

void walk_room_close(struct walk_room *r)
{
    mem_free(r->end);
    mem_free(r->todo);
}

struct walker {
    struct mask_out        *o;
    const struct trie_node *node;
    uint32_t                origin;
    uint32_t               *live, *doubt;       /* tails: by rank */
    struct terminals       *t;
    uint32_t                n;                  /* leaves walked at once */
    bool                    failed;
};

static void found(struct walker *w, uint32_t node)
{
    if (w->live)
        tail_ranks_add(w->o->v->atlas, node, 1, w->live);
    else
        mask_add_node(w->o, &w->node[node]);
}

/* The bytes of the path to a node of the vocabulary. */
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

/* The config after the path to the node, read from the trie's root on. */
static uint32_t exactly(struct walker *w, uint32_t node)
{
    uint8_t byte[TRIE_TOKEN_MAX + 1];
    struct slice path = { (const char *)byte, w->node[node].depth };
    size_t n;
    path_of(w->o->v, node, byte);
    uint32_t config = automaton_read(w->o->f, w->origin, path, &n);
    return n == path.len ? config : CONFIG_DEAD;
}

/* A config in doubt at a node: reached exactly, or all below it is left to the caller. */
static uint32_t settled(struct walker *w, uint32_t config, uint32_t node)
{
    if (config == CONFIG_DEAD || !automaton_doubt(w->o->f, config))
        return config;
    if (w->live) {
        tail_ranks_add(w->o->v->atlas, node, w->node[node].subtree, w->doubt);
        return CONFIG_DEAD;
    }
    return w->origin == CONFIG_DEAD ? config : exactly(w, node);
}

/* Walks the nodes below `root` config by config. */
static bool walk_configs(struct walker *w, uint32_t root, uint32_t config)
{
    struct family *f = w->o->f;
    const struct trie_node *n = w->node;
    const uint32_t *path[TRIE_TOKEN_MAX + 2];
    uint32_t at[TRIE_TOKEN_MAX + 2], base = n[root].depth, end = root + n[root].subtree;
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
        next = settled(w, next, i);
        if (next == CONFIG_DEAD) {
            i += n[i].subtree;
            continue;
        }
        found(w, i);
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

/* ---- leaf by leaf --------------------------------------------------------------------------- */

/* False: the threads are many, or what a leaf has read must be known behind it. */
static bool leaves_open(struct walker *w, uint32_t config)
{
    w->n = automaton_n_thread(w->o->f, config);
    if (w->n > LEAVES_MAX || automaton_doubt(w->o->f, config))
        return false;
    for (uint32_t i = 0; i < w->n; i++) {
        if (automaton_leave_matters(w->o->f, config, i))
            return false;
        w->o->room->q[0][i] = automaton_leaf(w->o->f, config, i);
    }
    w->o->room->n_end = 0;
    return true;
}

static void note_end(struct walker *w, uint32_t node, uint32_t thread, uint32_t label)
{
    struct walk_room *r = w->o->room;
    struct leaf_end *e = array_push(&r->end, &r->n_end, &r->cap_end, sizeof *e);
    w->failed |= !e || label > UINT16_MAX;
    if (e)
        *e = (struct leaf_end){ node, (uint16_t)thread, (uint16_t)label };
}

static void note_ends(struct walker *w, uint32_t node, uint32_t thread, uint32_t q)
{
    bool plain;
    struct arc_list a = terminal_labels(w->t, q, &plain);
    if (plain)
        note_end(w, node, thread, 0);
    for (uint32_t i = 0; i < a.n; i++)
        for (uint32_t cp = a.arc[i].lo; cp <= a.arc[i].hi; cp++)
            note_end(w, node, thread, cp - EXPR_LABEL);
}

/* One byte into node i, which lies d deep; false: no thread reads it.  *ret_goes: some goes on. */
static bool leaves_step(struct walker *w, uint32_t d, uint32_t i, bool *ret_goes)
{
    uint32_t *from = w->o->room->q[d - 1], *to = w->o->room->q[d];
    bool lives = false;
    *ret_goes = false;
    for (uint32_t k = 0; k < w->n; k++) {
        uint32_t q = from[k];
        to[k] = TERM_DEAD;
        if (q == TERM_DEAD || (q = terminal_step(w->t, q, (uint8_t)w->node[i].byte)) == TERM_DEAD)
            continue;
        lives = true;
        if (w->node[i].subtree > 1 && terminal_accepts(w->t, q))
            note_ends(w, i, k, q);
        if (!terminal_more(w->t, q))
            continue;
        to[k] = q;
        *ret_goes = true;
    }
    w->failed |= terminals_failed(w->t);
    return lives && !w->failed;
}

static void walk_leaves(struct walker *w, uint32_t root, struct byte_set first)
{
    const struct trie_node *n = w->node;
    uint32_t base = n[root].depth, end = root + n[root].subtree;
    w->t = automaton_lock(w->o->f);
    for (uint32_t i = root + 1; i < end && !w->failed;) {
        uint32_t d = n[i].depth - base;
        bool goes, may = d > 1 || byte_set_meets(byte_set_of((uint8_t)n[i].byte), first);
        if (!may || !leaves_step(w, d, i, &goes)) {
            i += n[i].subtree;
            continue;
        }
        found(w, i);
        i += goes ? 1 : n[i].subtree;
    }
    automaton_unlock(w->o->f);
    w->failed |= family_failed(w->o->f);
}

static void add_todo(struct walker *w, uint32_t node, uint32_t config, struct byte_set first, uint32_t depth)
{
    struct walk_room *r = w->o->room;
    struct walk_todo *x = array_push(&r->todo, &r->n_todo, &r->cap_todo, sizeof *x);
    w->failed |= !x;
    if (x)
        *x = (struct walk_todo){ first, node, config, depth };
}

/* What stands behind leaves that ended: a config each, found once for all its nodes. */
static void follow_ends(struct walker *w, uint32_t config, uint32_t depth)
{
    struct walk_room *r = w->o->room;
    uint32_t behind = CONFIG_DEAD, thread = UINT32_MAX, label = 0;
    struct byte_set first = { 0, 0, 0 };
    for (uint32_t i = 0; i < r->n_end && !w->failed; i++) {
        const struct leaf_end e = r->end[i];
        if (e.thread != thread || e.label != label) {
            thread = e.thread;
            label = e.label;
            behind = automaton_leave(w->o->f, config, thread, label);
            first = config_first(w->o->f, behind);
            w->failed |= family_failed(w->o->f);
        }
        if (!w->failed && byte_set_meets(trie_kids(w->node, e.node), first))
            add_todo(w, e.node, behind, first, depth);
    }
}

/* Where texts can be cut in many ways, walking each cut alone would do the same over and over: behind
 * the second leaf configs are walked, which join them. */
enum { LEAVES_DEEP = 3 };

static bool walk_all(struct walker *w, uint32_t root, uint32_t config)
{
    struct walk_room *r = w->o->room;
    r->n_todo = 0;
    add_todo(w, root, config, config_first(w->o->f, config), 0);
    while (r->n_todo && !w->failed) {
        struct walk_todo x = r->todo[--r->n_todo];
        if (x.depth >= LEAVES_DEEP || !leaves_open(w, x.config)) {
            w->failed |= !walk_configs(w, x.node, x.config);
            continue;
        }
        walk_leaves(w, x.node, x.first);
        follow_ends(w, x.config, x.depth + 1);
    }
    return !w->failed;
}

bool mask_walk(struct mask_out *o, uint32_t root, uint32_t config, uint32_t origin)
{
    struct walker w = { .o = o, .node = o->v->node, .origin = origin };
    return walk_all(&w, root, config);
}

bool mask_walk_plain(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row)
{
    struct mask_out o;
    mask_out_open(&o, v, f, NULL, row);
    struct walker w = { .o = &o, .node = v->node, .origin = CONFIG_DEAD };
    return config == CONFIG_DEAD || walk_configs(&w, 0, config);
}

bool tails_walk(struct mask_out *o, uint32_t config, uint32_t *live, uint32_t *doubt)
{
    struct walker w = { .o = o, .node = o->v->atlas->tail, .origin = CONFIG_DEAD, .live = live, .doubt = doubt };
    found(&w, 0);
    return !automaton_n_thread(o->f, config) || walk_all(&w, 0, config);
}

/* Tokens below the root that have a byte which leads away from `config`; the others are the caller's. */
bool mask_walk_leading(struct mask_out *o, uint32_t config, struct byte_set lead)
{
    const struct byte_set *below = o->v->atlas->below;
    const struct trie_node *n = o->v->node;
    uint32_t at[TRIE_TOKEN_MAX + 2];
    at[0] = config;
    for (uint32_t i = 1; i < o->v->n_node;) {
        uint32_t d = n[i].depth, up = at[d - 1];
        bool stays = up == config && !byte_set_meets(below[i], lead);
        uint32_t next = stays ? CONFIG_DEAD : automaton_step(o->f, up, (uint8_t)n[i].byte);
        if (next == CONFIG_DEAD) {
            i += n[i].subtree;
            continue;
        }
        mask_add_node(o, &n[i]);
        at[d] = next;
        i++;
    }
    return !family_failed(o->f);
}

struct byte_set config_first(struct family *f, uint32_t config)
{
    uint32_t set[8];
    automaton_first(f, config, set);
    return byte_set_from(set);
}
