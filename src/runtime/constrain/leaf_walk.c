/* leaf_walk.c - what a leaf state allows, by going down the trie with it.
 *
 * A state that stays where it is for most bytes takes the tokens made of them from the atlas, and
 * walks only below nodes with a byte that leads on.  A leaf with few ways is read by its bytes, one
 * with many by going over all nodes; subtrees made of what a state reads over and over are taken
 * whole. */
#include "runtime/constrain/leaf_walk.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum { MANY = 24, NARROW = 24, DENSE = 48, LEADS_MAX = 16, SPARSE_MAX = 1000, EXIT_MAX = 20000,
       EXITS_EVERYWHERE = 512, LABEL_MAX = 4096 };

#define UTF8_LEADS 0x001ffffffffffffcull      /* 0xc2 to 0xf4, from 0xc0 on */

struct walk {
    const struct vocab *v;
    struct terminals   *t;
    struct leaf_mask   *l;
    uint32_t            loop;       /* base of a loop, whose code points are counted; TERM_NONE */
    bool                counts;     /* code points of a loop, or blanks before */
    bool                in_string;  /* quotes that are read are exits by tail */
    bool                skips;      /* tokens that stay are in the row already */
    bool                ends_only;  /* nothing but the exits is asked for, which are quotes */
    struct class_of_state cls;      /* of those; texts of them with more code points are walked, if `beyond` */
    bool                beyond;
    struct byte_set     lead;
    struct { uint32_t q, first[8]; bool many; } asked[32];      /* by state: what was said before */
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

static struct byte_set kids_of(const struct vocab *v, uint32_t node)
{
    struct byte_set s = { 0, 0, 0 };
    for (uint32_t k = v->kid_at[node]; k < v->kid_at[node + 1]; k++)
        s = byte_set_join(s, byte_set_of(v->kid_byte[k]));
    return s;
}

static void add_exit(struct walk *w, uint32_t node, uint32_t q, uint32_t cps)
{
    bool plain;
    struct arc_list a = terminal_labels(w->t, q, &plain);
    struct leaf_exit x = { kids_of(w->v, node), node, token_below(w->v, node), (uint16_t)cps, 0 };
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
    l->quoted_cps = w->counts ? mem_alloc(w->v->atlas->n_rank + 1ul) : NULL;
    w->failed |= !l->quoted || (w->counts && !l->quoted_cps);
    return !w->failed;
}

/* The first quote of a path ends the string: all tokens through it leave by their tails. */
static void add_quoted(struct walk *w, uint32_t node, uint32_t cps)
{
    const struct vocab *v = w->v;
    if (!quotes_ready(w))
        return;
    for (uint32_t i = node; i < node + v->node[node].subtree; i++)
        for (uint32_t t = trie_token(&v->node[i]); t != TOKEN_NONE; t = trie_twin(v, &v->node[i], t)) {
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

static void add_tokens(struct walk *w, const struct trie_node *n, uint32_t begun)
{
    struct leaf_mask *l = w->l;
    bool listed = w->counts || !l->row;
    for (uint32_t t = trie_token(n); t != TOKEN_NONE && !w->failed; t = trie_twin(w->v, n, t)) {
        if (!listed) {
            bitset_add(l->row, t);
            continue;
        }
        uint32_t *id = array_push(&l->id, &l->n_id, &w->cap_id, sizeof *id);
        uint8_t *cps = w->counts && id ? array_push(&l->id_cps, &w->n_cps, &w->cap_cps, 1) : NULL;
        w->failed |= !id || (w->counts && !cps);
        if (id)
            *id = t;
        if (cps)
            *cps = (uint8_t)(begun < CPS_ANY ? begun : CPS_ANY);
    }
    if (listed && !w->counts && l->n_id >= SPARSE_MAX && !w->failed)
        spill(w);
}

static struct byte_set set_of(struct lead_bytes b)
{
    return (struct byte_set){ b.ascii[0], b.ascii[1], b.up };
}

/* Code points beyond ASCII stay only where most of them do: the others would be a row each. */
static void take_class(struct walk *w, const struct terminal_class *k)
{
    w->cls = (struct class_of_state){ set_of(k->stay), set_of(k->not_first), k->hi };
    w->lead = set_of(k->lead);
    w->beyond = k->beyond;
    struct byte_set no = { 0, 0, ~k->stay.up & UTF8_LEADS };
    if (byte_set_over(no, LEADS_MAX)) {
        w->lead.up |= k->stay.up;
        w->cls.stay.up = 0;
    }
}

/* Takes what stays from the atlas; then only what leads on is walked.  Texts of a few bytes are soon
 * walked themselves. */
static void take_staying(struct walk *w, uint32_t start)
{
    struct terminal_class k;
    if (!terminal_class(w->t, start, &k) || k.hi < 2)
        return;
    take_class(w, &k);
    if (!byte_set_over(w->cls.stay, NARROW))
        return;
    const struct vocab *v = w->v;
    uint32_t *row = mem_calloc(v->atlas->words, sizeof *row);
    w->failed |= !row;
    if (!row)
        return;
    atlas_add_staying(v, &w->cls, row);
    /* where the leaf may end at every byte, each node is an exit: few are listed, many are not */
    if (terminal_accepts(w->t, start)) {
        if (bitset_count(row, v->atlas->words) <= EXITS_EVERYWHERE) {
            mem_free(row);
            return;
        }
        w->l->exits_all = true;
    }
    w->l->row = row;
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
    const struct class_of_state *c = &w->cls;
    if (depth > c->hi)
        return false;               /* it might be one code point too many */
    if (b >= 0x80 && b < 0xc0)
        return c->stay.up != 0;     /* inside a code point that stays */
    struct byte_set one = byte_set_of(b);
    return byte_set_meets(c->stay, one) && !(depth == 1 && byte_set_meets(c->not_first, one));
}

/* What is read at node i, behind the path above it. */
static bool read_node(struct walk *w, uint32_t i, const struct step *up, bool stays, struct step *at)
{
    const struct trie_node *n = &w->v->node[i];
    uint8_t byte = (uint8_t)n->byte;
    uint32_t q = up->row ? up->row[byte] : TERM_NONE;
    if (q == TERM_NONE) {
        q = terminal_step(w->t, up->q, byte);
        w->failed |= terminals_failed(w->t);
    }
    if (q == TERM_DEAD)
        return false;
    bool more = terminal_more(w->t, q);
    uint32_t cps = up->cps + (q == w->loop);
    if (terminal_accepts(w->t, q) && (n->subtree > 1 || !more) && !w->l->exits_all) {
        if (w->in_string && byte == '"' && !up->quoted)
            add_quoted(w, i, cps);
        else
            add_exit(w, i, q, cps);
    }
    if (more && !stays && !w->ends_only)
        add_tokens(w, n, cps + (w->loop != TERM_NONE && q != w->loop));
    if (more)
        *at = (struct step){ q, (uint16_t)cps, stays, up->quoted || byte == '"', NULL };
    return more;
}

/* 256 bits: bytes that may be read. */
static const uint32_t *first_of(struct walk *w, uint32_t q)
{
    uint32_t *first = w->asked[q % 32].first;
    if (w->asked[q % 32].q != q) {
        memset(first, 0, sizeof w->asked[0].first);
        terminal_first(w->t, q, first);
        w->asked[q % 32].q = q;
        w->asked[q % 32].many = bitset_count(first, 8) > MANY;
    }
    return first;
}

/* A token that stays inside, where tokens go into a row. */
static void add_to_row(const struct vocab *v, const struct trie_node *n, uint32_t *row)
{
    for (uint32_t t = trie_token(n); t != TOKEN_NONE; t = trie_twin(v, n, t))
        bitset_add(row, t);
}

/* The same with all below a node. */
static void add_below(const struct atlas *a, const struct trie_node *n, uint32_t node, uint32_t *row)
{
    for (uint32_t k = a->order_at[node + 1]; k < a->order_at[node + n->subtree]; k++)
        bitset_add(row, a->order[k]);
}

/* What a state on the way reads over and over, as far as it was asked. */
struct inner {
    uint32_t q;
    uint16_t kinds;             /* all of whose bytes are so */
    uint64_t up;                /* bytes that begin a longer code point */
};

enum { INNER = 64, WORTH_ASKING = 4 };

/* Whether all that lies below a node is made of what the state reads over and over. */
static bool all_stay(struct walk *w, struct inner *inner, uint32_t q, uint32_t node)
{
    const struct atlas *a = w->v->atlas;
    struct inner *x = &inner[q % INNER];
    if (x->q != q) {
        struct byte_set stay = set_of(terminal_stays(w->t, q));
        *x = (struct inner){ q, byte_kinds_all(a, stay), stay.up };
    }
    uint16_t others = a->kinds[node] & (uint16_t)~x->kinds;
    if (!(others & KIND_UP))
        return !others;
    return !(others & ~(KIND_UP | KIND_INNER)) && !(a->below[node].up & ~x->up) && a->fits[node];
}

/* All nodes, read from `start` on; most of them live.  What neither ends nor is new goes the short way. */
static void walk_all(struct walk *w, uint32_t start)
{
    const struct vocab *v = w->v;
    const struct trie_node *n = v->node;
    const struct byte_set *below = v->atlas->below, quote = byte_set_of('"');
    const uint8_t *deep = v->atlas->deep;
    const uint16_t *kinds = v->atlas->kinds, lead = byte_kinds_some(v->atlas, w->lead);
    struct step path[TRIE_TOKEN_MAX + 2];
    struct inner inner[INNER];
    memset(inner, 0, sizeof inner);
    path[0] = (struct step){ start, 0, w->skips, false, terminal_row(w->t, start) };
    for (uint32_t i = 1; i < v->n_node && !w->failed;) {
        uint32_t d = n[i].depth, byte = n[i].byte;
        const struct step *up = &path[d - 1];
        bool stays = up->stays && byte_stays(w, (uint8_t)byte, d);
        bool known = stays && (!(kinds[i] & lead) || !byte_set_meets(below[i], w->lead)) &&
                     (!w->beyond || deep[i] <= w->cls.hi);
        uint32_t q = up->row ? up->row[byte] : TERM_NONE;
        if (q == TERM_DEAD || known || (w->ends_only && !byte_set_meets(below[i], quote))) {
            i += n[i].subtree;
            continue;
        }
        bool in = q != TERM_NONE && !w->counts && terminal_more(w->t, q) && !terminal_accepts(w->t, q);
        if (in) {
            if (!stays && !w->ends_only)
                add_to_row(v, &n[i], w->l->row);
            if (n[i].subtree == 1) {
                i++;
                continue;
            }
            path[d] = (struct step){ q, 0, stays, up->quoted || byte == '"', NULL };
        } else {
            in = read_node(w, i, up, stays, &path[d]);
        }
        if (in && !stays && !w->counts && n[i].subtree >= WORTH_ASKING && all_stay(w, inner, path[d].q, i)) {
            if (!w->ends_only)
                add_below(v->atlas, &n[i], i, w->l->row);
            in = false;
        }
        if (in && n[i].subtree > 1)
            path[d].row = terminal_row(w->t, path[d].q);
        i += in ? 1 : n[i].subtree;
    }
}

/* A node on the way down, and which of its children are to be looked at. */
struct spot {
    struct step at;
    uint32_t    first[8], kid, end;
};

static void look_below(struct walk *w, struct spot *x, uint32_t node)
{
    memcpy(x->first, first_of(w, x->at.q), sizeof x->first);
    x->kid = w->v->kid_at[node];
    x->end = w->v->kid_at[node + 1];
}

/* The same where few bytes lead on: of the children only those are looked at. */
static void walk_few(struct walk *w, uint32_t root, uint32_t start, uint32_t cps)
{
    const struct vocab *v = w->v;
    const struct byte_set quote = byte_set_of('"');
    struct spot path[TRIE_TOKEN_MAX + 2], *x = path;
    x->at = (struct step){ start, (uint16_t)cps, false, false, NULL };
    look_below(w, x, root);
    while (!w->failed) {
        if (x->kid == x->end) {
            if (x == path)
                return;
            x--;
            continue;
        }
        uint8_t byte = v->kid_byte[x->kid];
        uint32_t i = v->kid[x->kid++];
        if (!bitset_has(x->first, byte) || (w->ends_only && !byte_set_meets(v->atlas->below[i], quote)) ||
            !read_node(w, i, &x->at, false, &x[1].at) || v->node[i].subtree == 1)
            continue;
        look_below(w, ++x, i);
        if (w->asked[x->at.q % 32].many)
            x->at.row = terminal_row(w->t, x->at.q);
    }
}

static int by_node(const void *a, const void *b)
{
    const struct leaf_exit *x = a, *y = b;
    return (x->node > y->node) - (x->node < y->node);
}

/* Blanks lie within blanks, so exits are found out of order. */
static void walk_behind_blanks(struct walk *w, uint32_t start)
{
    const struct atlas *a = w->v->atlas;
    struct byte_set first = byte_set_from(first_of(w, start));
    for (uint32_t i = 0; i < a->n_blank && !w->failed; i++)
        if (byte_set_meets(a->blank[i].kids, first))
            walk_few(w, a->blank[i].node, start, a->blank[i].n);
    if (w->l->n_exit)
        qsort(w->l->exit, w->l->n_exit, sizeof *w->l->exit, by_node);
}

/* A loop reads either all kinds of blanks or is none of blanks. */
static bool loops_on_blanks(struct terminals *t, uint32_t q)
{
    for (const char *b = " \n\t\r"; *b; b++)
        if (terminal_step(t, q, (uint8_t)*b) != q)
            return false;
    return true;
}

/* Whether the exits are all runs of blanks of some lengths, with one label.  Beyond the longest run
 * nothing is read, but by a loop: so the longest are exits whether tokens go on there or not. */
static void find_blanks(struct walk *w, uint32_t q)
{
    const struct atlas *a = w->v->atlas;
    const struct trie_node *node = w->v->node;
    struct leaf_mask *l = w->l;
    uint32_t k = 0, lo = UINT32_MAX, hi = 0, n = 0;
    bool loop = w->loop != TERM_NONE;
    if (!l->n_exit || (loop && !loops_on_blanks(w->t, q)))
        return;
    for (uint32_t i = 0; i < l->n_exit; i++) {
        while (k < a->n_blank && a->blank[k].node < l->exit[i].node)
            k++;
        if (k == a->n_blank || a->blank[k].node != l->exit[i].node || l->exit[i].label != l->exit[0].label)
            return;
        lo = a->blank[k].n < lo ? a->blank[k].n : lo;
        hi = a->blank[k].n > hi ? a->blank[k].n : hi;
        n++;
    }
    for (uint32_t i = 0; i < a->n_blank; i++) {
        const struct blank_node *b = &a->blank[i];
        bool last = b->n == hi && !loop;
        n -= b->n >= lo && b->n <= hi && (last || node[b->node].subtree > 1);
    }
    l->blank = !n;
    l->blank_lo = (uint8_t)lo;
    l->blank_hi = (uint8_t)hi;
}

struct leaf_mask *leaf_walk(const struct vocab *v, struct terminals *t, uint32_t q, struct hash128 key,
                            enum from from, bool ends_only)
{
    struct walk w = { .v = v, .t = t, .l = leaf_mask_new(key), .loop = from == FROM_LOOP ? q : TERM_NONE,
                      .counts = from != FROM_ROOT, .ends_only = ends_only,
                      .in_string = v->atlas->n_rank && terminal_in_string(t, q) };
    if (!w.l)
        return NULL;
    if (from == FROM_BLANKS) {
        walk_behind_blanks(&w, q);
    } else {
        take_staying(&w, q);
        if (!w.skips && from == FROM_ROOT && bitset_count(first_of(&w, q), 8) > DENSE)
            spill(&w);
        if (w.l->row)
            walk_all(&w, q);
        else
            walk_few(&w, 0, q, 0);
    }
    if (w.failed) {
        leaf_mask_unref(w.l);
        return NULL;
    }
    if (w.l->exits_all) {
        mem_free(w.l->exit);
        w.l->exit = NULL;
        w.l->n_exit = 0;
    }
    if (from != FROM_BLANKS)
        find_blanks(&w, q);
    return w.l;
}
