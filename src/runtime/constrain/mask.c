/* mask.c - config x vocabulary to a row of allowed tokens.
 *
 * The definition is mask_walk_plain: one pass over the flat trie with the configs of the path on a
 * stack; a byte that leads nowhere skips its subtree, a token whose path lives is set.
 *
 * What is done is the same in parts.  For each thread of the config, the tokens that end inside its
 * leaf come from the memo of leaves, and only below the leaf's exits something is walked:
 *
 *      in a string    behind the closing quote, all tails at once, kept by what stands there
 *      blanks         the leaves behind them, by their own entries behind any run of blanks
 *      elsewhere      the nodes below each exit
 *
 * A leaf without an entry is walked as a config of its own. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/constrain/mask_walk.h"
#include "runtime/constrain/memo.h"

/* One thread of a config, as its leaf's entry sees it. */
struct part {
    struct mask_out *o;
    struct memo     *m;
    uint32_t         config, thread;
    uint32_t         origin;    /* the config at the trie's root */
    struct leaf_view view;
    uint32_t         lo, hi;    /* bounds of what the entry counts */
};

static bool inside_bounds(const struct part *p, uint32_t cps)
{
    return cps >= p->lo && cps <= p->hi;
}

/* `lo`: tokens that stay inside count so much at least. */
static void add_inside(const struct part *p, uint32_t lo)
{
    struct leaf_mask *l = p->view.l->inside ? p->view.l->inside : p->view.l;
    if (l->row)
        mask_add_base(p->o, l, p->hi);
    for (uint32_t i = 0; i < l->n_id; i++)
        if (!l->id_cps || (l->id_cps[i] >= lo && l->id_cps[i] <= p->hi))
            mask_add(p->o, l->id[i]);
}

/* ---- exits, one by one ---------------------------------------------------------------------- */

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

static bool find_way(const struct part *p, uint32_t label, struct way *w)
{
    struct family *f = p->o->f;
    w->behind = automaton_leave(f, p->config, p->thread, label);
    if (family_failed(f))
        return false;
    w->first = config_first(f, w->behind);
    return true;
}

static bool add_exit(const struct part *p, const struct leaf_exit *e, struct ways *ways)
{
    const struct trie_node *n = &p->o->v->node[e->node];
    mask_add_node(p->o, n);
    if (n->subtree == 1)
        return true;
    struct way *w = &ways->way[e->label];
    if (w->behind == CONFIG_UNKNOWN && !find_way(p, e->label, w))
        return false;
    return !byte_set_meets(e->kids, w->first) || mask_walk(p->o, e->node, w->behind, p->origin);
}

/* Exits of the left out words that count so much. */
static bool taken_away(const struct part *p, uint32_t cps)
{
    return cps >= p->view.minus_lo && cps <= p->view.minus_hi;
}

static bool add_exits(const struct part *p)
{
    const struct leaf_mask *l = p->view.l, *minus = p->view.minus;
    struct ways ways;
    if (!l->n_exit)
        return true;
    if (!ways_open(&ways, l->n_label))
        return false;
    bool ok = true;
    for (uint32_t i = 0, k = 0; i < l->n_exit && ok; i++) {
        const struct leaf_exit *e = &l->exit[i];
        while (minus && k < minus->n_exit && minus->exit[k].node < e->node)
            k++;
        bool taken = minus && k < minus->n_exit && minus->exit[k].node == e->node &&
                     taken_away(p, minus->exit[k].cps);
        if (!taken && inside_bounds(p, e->cps))
            ok = add_exit(p, e, &ways);
    }
    ways_close(&ways);
    return ok;
}

/* ---- exits by tail -------------------------------------------------------------------------- */

/* Whether a token lives, read from the trie's root. */
static bool lives(const struct part *p, uint32_t id)
{
    struct slice s = vocab_bytes(p->o->v, id);
    size_t n;
    automaton_read(p->o->f, p->origin, s, &n);
    return n == s.len && !family_failed(p->o->f);
}

/* The quoted tokens whose tail can be read from what stands behind the string. */
static bool add_quoted(const struct part *p)
{
    const struct leaf_mask *l = p->view.l, *minus = p->view.minus;
    const struct atlas *a = p->o->v->atlas;
    if (!l->quoted)
        return true;
    uint32_t behind = automaton_leave(p->o->f, p->config, p->thread, 0);
    const struct tail_set *t = family_failed(p->o->f) ? NULL : memo_tails(p->m, p->o, behind);
    if (!t)
        return false;
    for (uint32_t i = 0; i <= a->n_rank / 32; i++) {
        uint32_t w = l->quoted[i] & (t->live[i] | t->doubt[i]);
        uint32_t out = minus && minus->quoted ? minus->quoted[i] : 0;
        for (w = out && !minus->quoted_cps ? w & ~out : w; w; w &= w - 1) {
            uint32_t rank = i * 32 + (uint32_t)__builtin_ctz(w);
            if (l->quoted_cps && !inside_bounds(p, l->quoted_cps[rank]))
                continue;
            if (out >> (rank % 32) & 1 && taken_away(p, minus->quoted_cps[rank]))
                continue;
            if (bitset_has(t->live, rank) || lives(p, a->rank_id[rank]))
                mask_add(p->o, a->rank_id[rank]);
        }
    }
    return !family_failed(p->o->f);
}

/* ---- exits behind blanks -------------------------------------------------------------------- */

static bool walk_behind_blanks(const struct part *p, uint32_t config)
{
    const struct atlas *a = p->o->v->atlas;
    struct byte_set first = config_first(p->o->f, config);
    bool ok = !family_failed(p->o->f);
    for (uint32_t i = 0; i < a->n_blank && ok; i++)
        if (inside_bounds(p, a->blank[i].n) && byte_set_meets(a->blank[i].kids, first))
            ok = mask_walk(p->o, a->blank[i].node, config, p->origin);
    return ok;
}

static bool add_behind_blanks(const struct part *p, uint32_t behind, uint32_t thread)
{
    struct family *f = p->o->f;
    struct part x = { p->o, p->m, behind, thread, p->origin, { .l = NULL }, p->lo, p->hi };
    x.view = leaf_mask_behind_blanks(p->o->v, f, automaton_leaf(f, behind, thread));
    bool ok = !family_failed(f);
    if (ok && (!x.view.l || x.view.l->exits_all || (x.view.l->n_exit && automaton_leave_matters(f, behind, thread)))) {
        uint32_t only = automaton_only(f, behind, thread);
        ok = !family_failed(f) && walk_behind_blanks(p, only);
    } else if (ok) {
        add_inside(&x, x.lo);
        ok = add_exits(&x);
    }
    leaf_view_close(&x.view);
    return ok;
}

/* All exits stand behind blanks alone and lead to one config: its leaves are asked, not the exits. */
static bool add_blanks(const struct part *p)
{
    const struct leaf_mask *l = p->view.l;
    const struct atlas *a = p->o->v->atlas;
    struct part x = *p;
    x.lo = p->lo > l->blank_lo ? p->lo : l->blank_lo;
    x.hi = p->hi < l->blank_hi ? p->hi : l->blank_hi;
    if (x.lo > x.hi)
        return true;
    for (uint32_t i = 0; i < a->n_blank; i++)
        if (a->blank[i].n == x.hi)
            mask_add_node(p->o, &p->o->v->node[a->blank[i].node]);
    uint32_t behind = automaton_leave(p->o->f, p->config, p->thread, l->exit[0].label);
    if (family_failed(p->o->f))
        return false;
    if (automaton_doubt(p->o->f, behind))
        return walk_behind_blanks(&x, behind);
    for (uint32_t i = 0, n = automaton_n_thread(p->o->f, behind); i < n; i++)
        if (!add_behind_blanks(&x, behind, i))
            return false;
    return true;
}

/* ---- threads -------------------------------------------------------------------------------- */

/* A leaf that may end anywhere, with something behind it: a config of its own.  What stays in it is
 * taken from the atlas, what leads on is walked. */
static bool walk_dense(struct mask_out *o, uint32_t config)
{
    struct class_of_state c = { .hi = UINT32_MAX };
    struct byte_set lead = { 1, 0, ~0ull };     /* beyond ASCII: walked */
    for (uint32_t b = 0; b < 128; b++) {
        uint32_t next = automaton_step(o->f, config, (uint8_t)b);
        struct byte_set *to = next == config && b ? &c.stay : &lead;
        if (next != CONFIG_DEAD)
            *to = byte_set_join(*to, byte_set_of((uint8_t)b));
    }
    if (family_failed(o->f))
        return false;
    atlas_add_staying(o->v, &c, o->row);
    o->dense = true;
    return mask_walk_leading(o, config, lead);
}

/* Whether the entry tells what the thread allows. */
static bool entry_tells(const struct part *p)
{
    const struct leaf_mask *l = p->view.l;
    struct family *f = p->o->f;
    if (!l)
        return false;
    if (l->exits_all) {         /* fine only where nothing can follow the leaf */
        uint32_t behind = automaton_leave(f, p->config, p->thread, 0);
        return behind != CONFIG_UNKNOWN && !automaton_n_thread(f, behind);
    }
    return !(l->n_exit || l->quoted) || !automaton_leave_matters(f, p->config, p->thread);
}

static bool add_thread(struct mask_out *o, struct memo *m, uint32_t config, uint32_t i)
{
    struct part p = { o, m, config, i, config, { .l = NULL }, 0, 0 };
    p.view = leaf_mask_get(o->v, o->f, automaton_leaf(o->f, config, i));
    p.lo = p.view.lo;
    p.hi = p.view.hi;
    const struct leaf_mask *l = p.view.l;
    bool ok = !family_failed(o->f);
    if (ok && !entry_tells(&p)) {
        uint32_t only = automaton_only(o->f, config, i);
        ok = !family_failed(o->f) &&
             (l && l->exits_all ? walk_dense(o, only) : mask_walk(o, 0, only, CONFIG_DEAD));
    } else if (ok) {
        add_inside(&p, 0);
        ok = l->exits_all || (l->blank ? add_blanks(&p) : add_exits(&p) && add_quoted(&p));
    }
    leaf_view_close(&p.view);
    return ok;
}

bool mask_by_leaves(struct mask_out *o, struct memo *m, uint32_t config)
{
    uint32_t n = automaton_n_thread(o->f, config);
    for (uint32_t i = 0; i < n; i++)
        if (!add_thread(o, m, config, i))
            return false;
    return true;
}
