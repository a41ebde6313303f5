/* expr.c - making expressions: one node for each structure, simplified on the way in.
 *
 * Simplification is what keeps automata small: units and zeros, flat sorted unions and
 * intersections, united sets, merged repetitions and common heads.  It is never needed for
 * correctness, so where it would recurse too deep it is left out. */
#include "compiler/pattern/expr.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

enum {
    EXPR_DEPTH_MAX = 3000,          /* derivatives recurse this deep at most */
    EXPR_NEST_MAX = 200,            /* simplifications within simplifications */
    EXPR_NODE_MAX = 1u << 22,
    EXF_PASSED = EXF_LOGIC | EXF_LABEL | EXF_FIX,   /* from kids to parents */
};

static uint32_t give_up(struct expr_pool *p, enum status st)
{
    if (p->failed == ST_OK)
        p->failed = st;
    return EXPR_EMPTY;
}

bool expr_work(struct expr_pool *p, uint64_t units)
{
    p->work += units;
    if (p->work > p->work_limit)
        give_up(p, ST_LIMIT);
    return p->failed == ST_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static uint64_t node_hash(const struct expr_pool *p, const struct expr_node *x)
{
    if (x->kind == EX_FIX)      /* its number alone: the definition comes later */
        return hash_combine(hash_u64(x->kind), x->a);
    uint64_t h = hash_combine(hash_u64(x->kind), hash_u64((uint64_t)x->c << 32 | x->b));
    if (x->kind == EX_SET)
        return hash_combine(h, hash_bytes(p->range + x->a, x->b * sizeof *p->range));
    if (x->kind == EX_OR || x->kind == EX_AND)
        return hash_combine(h, hash_bytes(p->kid + x->a, x->b * sizeof *p->kid));
    return hash_combine(h, x->a);
}

static bool node_same(const struct expr_pool *p, const struct expr_node *x, const struct expr_node *y)
{
    if (x->kind != y->kind)
        return false;
    if (x->kind == EX_FIX)
        return x->a == y->a;
    if (x->b != y->b || x->c != y->c)
        return false;
    if (x->kind == EX_SET)
        return !memcmp(p->range + x->a, p->range + y->a, x->b * sizeof *p->range);
    if (x->kind == EX_OR || x->kind == EX_AND)
        return !memcmp(p->kid + x->a, p->kid + y->a, x->b * sizeof *p->kid);
    return x->a == y->a;
}

static bool grow_nodes(struct expr_pool *p)
{
    if (p->n < p->cap)
        return true;
    uint32_t cap = p->cap ? p->cap * 2 : 256;
    uint32_t old = p->cap;
    uint32_t c1 = old, c2 = old, c3 = old, c4 = old, c5 = old * 2;
    if (!array_reserve(&p->node, &c1, cap, sizeof *p->node) ||
        !array_reserve(&p->arcs, &c2, cap, sizeof *p->arcs) ||
        !array_reserve(&p->live_arcs, &c3, cap, sizeof *p->live_arcs) ||
        !array_reserve(&p->live, &c4, cap, sizeof *p->live) ||
        !array_reserve(&p->hash, &c5, cap * 2, sizeof *p->hash))
        return false;
    memset(p->arcs + old, 0, (cap - old) * sizeof *p->arcs);
    memset(p->live_arcs + old, 0, (cap - old) * sizeof *p->live_arcs);
    memset(p->live + old, 0, (cap - old) * sizeof *p->live);
    p->cap = cap;
    return true;
}

static bool grow_slots(struct expr_pool *p)
{
    if ((p->n + 1) * 2 <= p->n_slot)
        return true;
    uint32_t n = p->n_slot ? p->n_slot * 2 : 512;
    uint32_t *slot = mem_calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < p->n; i++) {
        uint32_t k = (uint32_t)node_hash(p, &p->node[i]) & (n - 1);
        while (slot[k])
            k = (k + 1) & (n - 1);
        slot[k] = i + 1;
    }
    mem_free(p->slot);
    p->slot = slot;
    p->n_slot = n;
    return true;
}

/* ---- identity across pools ------------------------------------------------------------------- */

static struct hash128 mix(struct hash128 h, uint64_t a, uint64_t b)
{
    uint64_t x[4] = { h.lo, h.hi, a, b };
    return hash128_bytes(x, sizeof x);
}

/* Both identities of a node from those of its kids.  Lists are sorted by numbers, which differ
 * between pools: their kids are added up instead. */
static struct hash128 identity(const struct expr_pool *p, const struct expr_node *x, uint32_t capped)
{
    struct hash128 h = { x->kind, 0 };
    bool logic = x->kind == EX_AND || x->kind == EX_NOT;
    uint32_t use = logic ? 0 : capped;
    switch (x->kind) {
    case EX_SET:
        return hash128_seeded(p->range + x->a, x->b * sizeof *p->range, EX_SET);
    case EX_CAT:
        h = mix(p->hash[2 * x->a + use], p->hash[2 * x->b + use].lo, p->hash[2 * x->b + use].hi);
        return mix(h, EX_CAT, 0);
    case EX_OR:
    case EX_AND:
        for (uint32_t i = 0; i < x->b; i++) {
            struct hash128 k = mix(p->hash[2 * p->kid[x->a + i] + use], x->kind, 1);
            h.lo += k.lo;
            h.hi += k.hi;
        }
        return mix(h, x->kind, x->b);
    case EX_NOT:
        return mix(p->hash[2 * x->a], EX_NOT, 0);
    case EX_REP: {
        uint32_t lo = x->b, hi = x->c;
        if (capped && lo > EXPR_COUNT_CAP)
            lo = EXPR_COUNT_CAP;
        if (capped && hi > EXPR_COUNT_CAP)
            hi = EXPR_INF;
        return mix(mix(p->hash[2 * x->a + use], EX_REP, 0), lo, hi);
    }
    case EX_FIX:
        return mix(h, (uint64_t)(uintptr_t)p, x->a);
    default:
        return mix(h, 77, 77);
    }
}

bool expr_hash(const struct expr_pool *p, uint32_t e, struct hash128 *ret)
{
    *ret = p->hash[2 * e + 1];
    return !(p->node[e].flags & EXF_FIX);
}

/* The id of the node, new or old.  Its list, if it has one, is at the end of kid or range and is
 * given back when the node exists. */
static uint32_t intern_node(struct expr_pool *p, struct expr_node x)
{
    if (!expr_work(p, 1))
        return EXPR_EMPTY;
    if (!grow_slots(p) || !grow_nodes(p))
        return give_up(p, ST_NOMEM);
    uint32_t k = (uint32_t)node_hash(p, &x) & (p->n_slot - 1);
    for (; p->slot[k]; k = (k + 1) & (p->n_slot - 1)) {
        uint32_t id = p->slot[k] - 1;
        if (!node_same(p, &p->node[id], &x))
            continue;
        if (x.kind == EX_SET && x.a + x.b == p->n_range && p->node[id].a != x.a)
            p->n_range = x.a;
        if ((x.kind == EX_OR || x.kind == EX_AND) && x.a + x.b == p->n_kid && p->node[id].a != x.a)
            p->n_kid = x.a;
        return id;
    }
    if (x.depth > EXPR_DEPTH_MAX || p->n >= EXPR_NODE_MAX)
        return give_up(p, ST_LIMIT);
    p->node[p->n] = x;
    p->hash[2 * p->n] = identity(p, &x, 0);
    p->hash[2 * p->n + 1] = identity(p, &x, 1);
    p->slot[k] = ++p->n;
    return p->n - 1;
}

static uint16_t deeper(uint32_t d)
{
    return (uint16_t)(d + 1 > EXPR_DEPTH_MAX + 1 ? EXPR_DEPTH_MAX + 1 : d + 1);
}

/* ---- sets ----------------------------------------------------------------------------------- */

static uint32_t make_set(struct expr_pool *p, const struct range *r, uint32_t n)
{
    if (!n)
        return EXPR_EMPTY;
    if (!array_reserve(&p->range, &p->cap_range, p->n_range + n, sizeof *p->range))
        return give_up(p, ST_NOMEM);
    uint32_t at = p->n_range;
    memcpy(p->range + at, r, n * sizeof *r);
    p->n_range += n;
    uint8_t flags = r[n - 1].hi >= EXPR_LABEL ? EXF_LABEL : 0;
    return intern_node(p, (struct expr_node){ EX_SET, flags, 0, at, n, 0 });
}

uint32_t expr_set(struct expr_pool *p, const struct ranges *s)
{
    if (s->failed)
        return give_up(p, ST_NOMEM);
    struct ranges t = { 0 };
    ranges_add_all(&t, s);
    ranges_sort(&t);
    uint32_t e = t.failed ? give_up(p, ST_NOMEM) : make_set(p, t.r, t.n);
    ranges_free(&t);
    return e;
}

uint32_t expr_range(struct expr_pool *p, uint32_t lo, uint32_t hi)
{
    struct range r = { lo, hi };
    return lo > hi ? EXPR_EMPTY : make_set(p, &r, 1);
}

uint32_t expr_text(struct expr_pool *p, struct slice text)
{
    uint32_t tail = EXPR_EPS;
    return expr_choices(p, &text, &tail, 1);
}

static uint32_t unite_sets(struct expr_pool *p, uint32_t a, uint32_t b)
{
    struct ranges s = { 0 };
    const uint32_t id[2] = { a, b };
    for (int k = 0; k < 2; k++) {
        const struct expr_node *x = &p->node[id[k]];
        for (uint32_t i = 0; i < x->b; i++)
            ranges_add(&s, p->range[x->a + i].lo, p->range[x->a + i].hi);
    }
    uint32_t e = expr_set(p, &s);
    ranges_free(&s);
    return e;
}

static uint32_t meet_sets(struct expr_pool *p, uint32_t a, uint32_t b)
{
    const struct expr_node x = p->node[a], y = p->node[b];
    struct ranges s = { 0 };
    for (uint32_t i = 0, j = 0; i < x.b && j < y.b;) {
        struct range r = p->range[x.a + i], q = p->range[y.a + j];
        uint32_t lo = r.lo > q.lo ? r.lo : q.lo, hi = r.hi < q.hi ? r.hi : q.hi;
        ranges_add(&s, lo, hi);
        if (r.hi < q.hi)
            i++;
        else
            j++;
    }
    uint32_t e = expr_set(p, &s);
    ranges_free(&s);
    return e;
}

/* ---- sequence and repetition ---------------------------------------------------------------- */

static uint32_t add_bound(uint32_t a, uint32_t b)
{
    return a == EXPR_INF || b == EXPR_INF || a > EXPR_INF - 1 - b ? EXPR_INF : a + b;
}

/* x as unit{lo,hi}: a repetition as it is, anything else once. */
static void as_rep(const struct expr_pool *p, uint32_t e, uint32_t *unit, uint32_t *lo, uint32_t *hi)
{
    const struct expr_node *x = &p->node[e];
    bool rep = x->kind == EX_REP;
    *unit = rep ? x->a : e;
    *lo = rep ? x->b : 1;
    *hi = rep ? x->c : 1;
}

uint32_t expr_cat(struct expr_pool *p, uint32_t a, uint32_t b)
{
    if (a == EXPR_EMPTY || b == EXPR_EMPTY)
        return EXPR_EMPTY;
    if (a == EXPR_EPS)
        return b;
    if (b == EXPR_EPS)
        return a;
    /* Right-nested: (x y) b is x (y b).  The heads of a are walked with a list, not recursion. */
    uint32_t head[65], n = 0;
    while (p->node[a].kind == EX_CAT && n < 64) {
        head[n++] = p->node[a].a;
        a = p->node[a].b;
    }
    if (p->node[a].kind == EX_CAT && p->nest < EXPR_NEST_MAX) {
        p->nest++;
        b = expr_cat(p, a, b);
        p->nest--;
    } else {
        head[n++] = a;
    }
    while (n && p->failed == ST_OK) {
        uint32_t x = head[--n], u, lo, hi, first = b, rest = EXPR_EPS, u2, lo2, hi2;
        if (p->node[b].kind == EX_CAT) {
            first = p->node[b].a;
            rest = p->node[b].b;
        }
        as_rep(p, x, &u, &lo, &hi);
        as_rep(p, first, &u2, &lo2, &hi2);
        if (u == u2 && (p->node[x].kind == EX_REP || p->node[first].kind == EX_REP)) {
            x = expr_rep(p, u, add_bound(lo, lo2), add_bound(hi, hi2));
            b = rest;
            if (b == EXPR_EPS) {
                b = x;
                continue;
            }
        }
        const struct expr_node *h = &p->node[x], *t = &p->node[b];
        uint8_t flags = (uint8_t)((h->flags & t->flags & EXF_NULLABLE) |
                                  ((h->flags | t->flags) & EXF_PASSED));
        uint32_t d = h->depth;
        if ((h->flags & EXF_NULLABLE) && t->depth > d)
            d = t->depth;
        b = intern_node(p, (struct expr_node){ EX_CAT, flags, deeper(d), x, b, 0 });
    }
    return b;
}

uint32_t expr_rep(struct expr_pool *p, uint32_t a, uint32_t lo, uint32_t hi)
{
    if (hi == 0 || a == EXPR_EPS)
        return EXPR_EPS;
    if (a == EXPR_EMPTY)
        return lo ? EXPR_EMPTY : EXPR_EPS;
    if (lo == 1 && hi == 1)
        return a;
    struct expr_node x = p->node[a];
    if (x.kind == EX_REP) {
        /* (u{l,h}){lo,hi}: merges when the reachable counts have no gap. */
        bool star = x.b == 0 && x.c == EXPR_INF;
        bool plus = x.b <= 1 && x.c == EXPR_INF;
        if (star || (plus && (lo <= 1)))
            return expr_rep(p, x.a, lo == 0 ? 0 : x.b, EXPR_INF);
        if (x.b == 0 && x.c == 1)
            return expr_rep(p, x.a, 0, hi);
    }
    if ((x.flags & EXF_NULLABLE) && lo)
        lo = 0;
    uint8_t flags = (uint8_t)(x.flags & EXF_PASSED);
    if (!lo)
        flags |= EXF_NULLABLE;
    return intern_node(p, (struct expr_node){ EX_REP, flags, deeper(x.depth), a, lo, hi });
}

/* ---- union and intersection ----------------------------------------------------------------- */

struct ids {
    uint32_t *id;
    uint32_t  n, cap;
};

static void ids_push(struct expr_pool *p, struct ids *l, uint32_t id)
{
    uint32_t *slot = array_push(&l->id, &l->n, &l->cap, sizeof *l->id);
    if (slot)
        *slot = id;
    else
        give_up(p, ST_NOMEM);
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void ids_sort(struct ids *l)
{
    if (l->n < 2)
        return;
    qsort(l->id, l->n, sizeof *l->id, by_id);
    uint32_t n = 1;
    for (uint32_t i = 1; i < l->n; i++)
        if (l->id[i] != l->id[n - 1])
            l->id[n++] = l->id[i];
    l->n = n;
}

/* Arms of nested unions (or intersections) in one sorted list; a kid of the same kind is flat. */
static void flatten(struct expr_pool *p, struct ids *l, const uint32_t *x, uint32_t n, uint8_t kind)
{
    for (uint32_t i = 0; i < n; i++) {
        struct expr_node k = p->node[x[i]];
        if (k.kind != kind) {
            ids_push(p, l, x[i]);
            continue;
        }
        for (uint32_t j = 0; j < k.b; j++)
            ids_push(p, l, p->kid[k.a + j]);
    }
    ids_sort(l);
}

static uint32_t make_list(struct expr_pool *p, uint8_t kind, const struct ids *l)
{
    if (!array_reserve(&p->kid, &p->cap_kid, p->n_kid + l->n, sizeof *p->kid))
        return give_up(p, ST_NOMEM);
    uint32_t at = p->n_kid, d = 0;
    uint8_t any = 0, all = EXF_NULLABLE;
    for (uint32_t i = 0; i < l->n; i++) {
        const struct expr_node *k = &p->node[l->id[i]];
        any |= k->flags;
        all &= k->flags;
        if (k->depth > d)
            d = k->depth;
        p->kid[at + i] = l->id[i];
    }
    p->n_kid += l->n;
    uint8_t flags = any & EXF_PASSED;
    flags |= kind == EX_OR ? any & EXF_NULLABLE : all & EXF_NULLABLE;
    if (kind == EX_AND)
        flags |= EXF_LOGIC;
    return intern_node(p, (struct expr_node){ kind, flags, deeper(d), at, l->n, 0 });
}

static bool has_complement(const struct expr_pool *p, const struct ids *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        const struct expr_node *k = &p->node[l->id[i]];
        if (k->kind == EX_NOT && bsearch(&k->a, l->id, l->n, sizeof *l->id, by_id))
            return true;
    }
    return false;
}

struct head_tail {
    uint32_t head, tail, at;
};

static int by_head(const void *a, const void *b)
{
    const struct head_tail *x = a, *y = b;
    if (x->head != y->head)
        return x->head < y->head ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

/* x y | x z becomes x (y | z).  True when something changed. */
static bool factor_heads(struct expr_pool *p, struct ids *l)
{
    if (l->n < 2 || p->nest >= EXPR_NEST_MAX)
        return false;
    struct head_tail *h = mem_alloc(l->n * sizeof *h);
    if (!h) {
        give_up(p, ST_NOMEM);
        return false;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        const struct expr_node *k = &p->node[l->id[i]];
        bool cat = k->kind == EX_CAT;
        h[i] = (struct head_tail){ cat ? k->a : l->id[i], cat ? k->b : EXPR_EPS, i };
    }
    qsort(h, l->n, sizeof *h, by_head);
    bool changed = false;
    uint32_t n = 0, n_all = l->n;
    struct ids tails = { 0 };
    p->nest++;
    for (uint32_t i = 0; i < n_all && p->failed == ST_OK;) {
        uint32_t j = i;
        tails.n = 0;
        for (; j < n_all && h[j].head == h[i].head; j++)
            ids_push(p, &tails, h[j].tail);
        if (j - i > 1) {
            changed = true;
            l->id[n++] = expr_cat(p, h[i].head, expr_or(p, tails.id, tails.n));
        } else {
            l->id[n++] = expr_cat(p, h[i].head, h[i].tail);
        }
        i = j;
    }
    p->nest--;
    l->n = n;
    mem_free(tails.id);
    mem_free(h);
    ids_sort(l);
    return changed;
}

/* u{a,b} | u{c,d} with touching counts is u{min,max}; eps | u{1,h} is u{0,h}. */
static void merge_reps(struct expr_pool *p, struct ids *l)
{
    bool eps = l->n && l->id[0] == EXPR_EPS;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->id[i] <= EXPR_EPS)
            continue;
        uint32_t u, lo, hi;
        if (eps && expr_nullable(p, l->id[i])) {
            eps = false;
            l->id[0] = EXPR_EMPTY;
        }
        as_rep(p, l->id[i], &u, &lo, &hi);
        if (eps && lo == 1 && p->node[l->id[i]].kind == EX_REP) {
            l->id[i] = expr_rep(p, u, lo = 0, hi);
            eps = false;
            l->id[0] = EXPR_EMPTY;
        }
        for (uint32_t j = i + 1; j < l->n && l->n <= 64; j++) {
            uint32_t u2, lo2, hi2;
            as_rep(p, l->id[j], &u2, &lo2, &hi2);
            if (l->id[j] <= EXPR_EPS || u2 != u || lo2 > add_bound(hi, 1) || lo > add_bound(hi2, 1))
                continue;
            lo = lo < lo2 ? lo : lo2;
            hi = hi > hi2 ? hi : hi2;
            l->id[i] = expr_rep(p, u, lo, hi);
            l->id[j] = EXPR_EMPTY;
        }
    }
    ids_sort(l);
    if (l->n && l->id[0] == EXPR_EMPTY)
        memmove(l->id, l->id + 1, --l->n * sizeof *l->id);
}

static void merge_sets(struct expr_pool *p, struct ids *l)
{
    uint32_t set = EXPR_EMPTY, n = 0, found = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (p->node[l->id[i]].kind != EX_SET)
            l->id[n++] = l->id[i];
        else
            set = found++ ? unite_sets(p, set, l->id[i]) : l->id[i];
    }
    if (!found)
        return;
    l->n = n;
    ids_push(p, l, set);
    ids_sort(l);
}

static uint32_t finish_or(struct expr_pool *p, struct ids *l)
{
    if (l->n && l->id[0] == EXPR_EMPTY)
        memmove(l->id, l->id + 1, --l->n * sizeof *l->id);
    if (!l->n)
        return EXPR_EMPTY;
    if (bsearch(&(uint32_t){ EXPR_ALL }, l->id, l->n, sizeof *l->id, by_id))
        return EXPR_ALL;
    merge_sets(p, l);
    if (l->n > 1 && factor_heads(p, l)) {
        /* A head that was factored may have become a union or ALL again: look once more. */
        struct ids flat = { 0 };
        flatten(p, &flat, l->id, l->n, EX_OR);
        mem_free(l->id);
        *l = flat;
    }
    if (l->n > 1)
        merge_reps(p, l);
    if (l->n > 1 && has_complement(p, l))
        return EXPR_ALL;
    if (bsearch(&(uint32_t){ EXPR_ALL }, l->id, l->n, sizeof *l->id, by_id))
        return EXPR_ALL;
    return l->n == 1 ? l->id[0] : l->n ? make_list(p, EX_OR, l) : EXPR_EMPTY;
}

uint32_t expr_or(struct expr_pool *p, const uint32_t *x, uint32_t n)
{
    struct ids l = { 0 };
    flatten(p, &l, x, n, EX_OR);
    uint32_t e = p->failed == ST_OK ? finish_or(p, &l) : EXPR_EMPTY;
    mem_free(l.id);
    return e;
}

uint32_t expr_or2(struct expr_pool *p, uint32_t a, uint32_t b)
{
    if (a == b || b == EXPR_EMPTY)
        return a;
    if (a == EXPR_EMPTY)
        return b;
    const uint32_t x[2] = { a, b };
    return expr_or(p, x, 2);
}

/* Sets in repetition: C{l,h} & D{m,k} is (C&D){max,min}.  Lengths beside classes are so common
 * that this alone decides most intersections. */
static void meet_reps(struct expr_pool *p, struct ids *l)
{
    uint32_t at = UINT32_MAX, u = 0, lo = 0, hi = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t u2, lo2, hi2;
        as_rep(p, l->id[i], &u2, &lo2, &hi2);
        if (p->node[u2].kind != EX_SET)
            continue;
        if (at == UINT32_MAX) {
            at = i;
            u = u2;
            lo = lo2;
            hi = hi2;
            continue;
        }
        u = meet_sets(p, u, u2);
        lo = lo > lo2 ? lo : lo2;
        hi = hi < hi2 ? hi : hi2;
        l->id[at] = lo > hi ? EXPR_EMPTY : expr_rep(p, u, lo, hi);
        l->id[i] = EXPR_ALL;
    }
    ids_sort(l);
}

/* ~a & ~b is ~(a | b): what is excluded stays one list of words. */
static void meet_nots(struct expr_pool *p, struct ids *l)
{
    struct ids not = { 0 };
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (p->node[l->id[i]].kind == EX_NOT)
            ids_push(p, &not, p->node[l->id[i]].a);
        else
            l->id[n++] = l->id[i];
    }
    if (not.n && p->failed == ST_OK) {
        l->n = n;
        ids_push(p, l, expr_not(p, not.n == 1 ? not.id[0] : expr_or(p, not.id, not.n)));
        ids_sort(l);
    }
    mem_free(not.id);
}

static uint32_t finish_and(struct expr_pool *p, struct ids *l)
{
    if (l->n > 1)
        meet_nots(p, l);
    if (l->n > 1)
        meet_reps(p, l);
    if (l->n && l->id[0] == EXPR_EMPTY)
        return EXPR_EMPTY;
    uint32_t n = 0;
    bool eps = false, nullable = true;
    for (uint32_t i = 0; i < l->n; i++) {
        eps |= l->id[i] == EXPR_EPS;
        nullable &= expr_nullable(p, l->id[i]);
        if (l->id[i] != EXPR_ALL)
            l->id[n++] = l->id[i];
    }
    l->n = n;
    if (eps)
        return nullable ? EXPR_EPS : EXPR_EMPTY;
    if (!n)
        return EXPR_ALL;
    if (n > 1 && has_complement(p, l))
        return EXPR_EMPTY;
    return n == 1 ? l->id[0] : make_list(p, EX_AND, l);
}

uint32_t expr_and(struct expr_pool *p, const uint32_t *x, uint32_t n)
{
    struct ids l = { 0 };
    flatten(p, &l, x, n, EX_AND);
    uint32_t e = p->failed == ST_OK ? finish_and(p, &l) : EXPR_EMPTY;
    mem_free(l.id);
    return e;
}

uint32_t expr_and2(struct expr_pool *p, uint32_t a, uint32_t b)
{
    if (a == b || b == EXPR_ALL)
        return a;
    if (a == EXPR_ALL)
        return b;
    const uint32_t x[2] = { a, b };
    return expr_and(p, x, 2);
}

uint32_t expr_not(struct expr_pool *p, uint32_t a)
{
    if (a == EXPR_ALL || p->failed != ST_OK)
        return EXPR_EMPTY;
    if (a == EXPR_EMPTY)
        return EXPR_ALL;
    struct expr_node x = p->node[a];
    if (x.kind == EX_NOT)
        return x.a;
    uint8_t flags = EXF_LOGIC | (x.flags & EXF_FIX) | (x.flags & EXF_NULLABLE ? 0 : EXF_NULLABLE);
    return intern_node(p, (struct expr_node){ EX_NOT, flags, deeper(x.depth), a, 0, 0 });
}

uint32_t expr_fix(struct expr_pool *p)
{
    return intern_node(p, (struct expr_node){ EX_FIX, EXF_LOGIC | EXF_FIX, 1, ++p->n_fix, 0, 0 });
}

void expr_fix_define(struct expr_pool *p, uint32_t fix, uint32_t body)
{
    if (p->failed != ST_OK)
        return;
    struct expr_node *x = &p->node[fix];
    x->flags |= p->node[body].flags & (EXF_NULLABLE | EXF_LABEL);
    x->depth = deeper(p->node[body].depth);
    x->b = body;
}

/* ---- many texts ----------------------------------------------------------------------------- */

struct choice {
    struct slice text;
    uint32_t     tail;
};

static int by_text(const void *a, const void *b)
{
    const struct choice *x = a, *y = b;
    return slice_cmp(x->text, y->text);
}


static uint32_t first_cp(struct slice s, size_t at, int *ret_len)
{
    uint32_t cp = 0xfffd;
    *ret_len = utf8_decode(s.ptr + at, s.ptr + s.len, &cp);
    if (*ret_len < 1)
        *ret_len = 1;
    return cp;
}

/* Texts c[0..n) agree in their first `at` bytes.  Single texts are built from their end without
 * recursion; the recursion is on branching points, whose depth the budget of nesting bounds. */
static uint32_t build_trie(struct expr_pool *p, const struct choice *c, uint32_t n, size_t at)
{
    size_t end = at;
    if (n == 1)
        end = c[0].text.len;
    else
        while (end < c[0].text.len && end < c[n - 1].text.len &&
               c[0].text.ptr[end] == c[n - 1].text.ptr[end])
            end++;
    while (n > 1 && end > at && end < c[0].text.len && ((uint8_t)c[0].text.ptr[end] & 0xc0) == 0x80)
        end--;

    struct ids arms = { 0 };
    uint32_t i = 0;
    if (p->nest >= 1000)
        return give_up(p, ST_LIMIT);
    p->nest++;
    while (i < n && p->failed == ST_OK) {
        if (c[i].text.len <= end) {
            ids_push(p, &arms, c[i++].tail);
            continue;
        }
        int len;
        uint32_t cp = first_cp(c[i].text, end, &len), j = i + 1;
        for (int l2; j < n && c[j].text.len > end && first_cp(c[j].text, end, &l2) == cp; j++)
            ;
        uint32_t rest = build_trie(p, c + i, j - i, end + (size_t)len);
        ids_push(p, &arms, expr_cat(p, expr_range(p, cp, cp), rest));
        i = j;
    }
    p->nest--;
    uint32_t e = arms.n == 1 ? arms.id[0] : expr_or(p, arms.id, arms.n);
    mem_free(arms.id);
    while (end > at && p->failed == ST_OK) {
        size_t b = end - 1;
        while (b > at && ((uint8_t)c[0].text.ptr[b] & 0xc0) == 0x80)
            b--;
        int len;
        uint32_t cp = first_cp(c[0].text, b, &len);
        e = expr_cat(p, expr_range(p, cp, cp), e);
        end = b;
    }
    return e;
}

uint32_t expr_choices(struct expr_pool *p, const struct slice *text, const uint32_t *tail, uint32_t n)
{
    if (!n)
        return EXPR_EMPTY;
    struct choice *c = mem_alloc(n * sizeof *c);
    if (!c)
        return give_up(p, ST_NOMEM);
    for (uint32_t i = 0; i < n; i++)
        c[i] = (struct choice){ text[i], tail ? tail[i] : EXPR_EPS };
    qsort(c, n, sizeof *c, by_text);
    uint32_t e = build_trie(p, c, n, 0);
    mem_free(c);
    return e;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum status expr_pool_init(struct expr_pool *p, uint64_t work_limit, struct error *err)
{
    *p = (struct expr_pool){ .work_limit = work_limit };
    struct range any[2] = { { 0, CP_SURROGATE - 1 }, { CP_SURROGATE_END + 1, CP_MAX } };
    intern_node(p, (struct expr_node){ EX_EMPTY, 0, 0, 0, 0, 0 });
    intern_node(p, (struct expr_node){ EX_EPS, EXF_NULLABLE, 0, 0, 0, 0 });
    make_set(p, any, 2);
    if (p->failed == ST_OK)
        expr_rep(p, EXPR_ANY, 0, EXPR_INF);
    if (p->failed != ST_OK)
        return error_nomem(err);
    return ST_OK;
}

void expr_pool_free(struct expr_pool *p)
{
    arena_free(&p->arena);
    mem_free(p->node);
    mem_free(p->arcs);
    mem_free(p->live_arcs);
    mem_free(p->live);
    mem_free(p->hash);
    idmap_free(&p->min);
    idmap_free(&p->open);
    mem_free(p->slot);
    mem_free(p->kid);
    mem_free(p->range);
    *p = (struct expr_pool){ 0 };
}

size_t expr_pool_bytes(const struct expr_pool *p)
{
    return p->arena.total + p->cap * (sizeof *p->node + 2 * sizeof *p->arcs + 2 * sizeof *p->hash + 5) +
           p->n_slot * sizeof *p->slot + p->cap_kid * 4ul + p->cap_range * sizeof *p->range;
}

static void dump_cp(uint32_t cp, struct str *out)
{
    if (cp >= EXPR_LABEL)
        str_addf(out, "<%u>", cp - EXPR_LABEL);
    else if (cp > 0x20 && cp < 0x7f)
        str_addc(out, (char)cp);
    else
        str_addf(out, "\\u{%x}", cp);
}

static void dump_at(const struct expr_pool *p, uint32_t e, struct str *out, int depth)
{
    static const char *const mark[] = { "!", "()", "", "", "|", "&", "~", "", "" };
    const struct expr_node *x = &p->node[e];
    if (depth > 60) {
        str_adds(out, "...");
        return;
    }
    switch (x->kind) {
    case EX_SET:
        str_addc(out, '[');
        for (uint32_t i = 0; i < x->b; i++) {
            dump_cp(p->range[x->a + i].lo, out);
            if (p->range[x->a + i].hi > p->range[x->a + i].lo) {
                str_addc(out, '-');
                dump_cp(p->range[x->a + i].hi, out);
            }
        }
        str_addc(out, ']');
        return;
    case EX_CAT:
        dump_at(p, x->a, out, depth + 1);
        str_addc(out, ' ');
        dump_at(p, x->b, out, depth + 1);
        return;
    case EX_OR:
    case EX_AND:
        str_addc(out, '(');
        for (uint32_t i = 0; i < x->b; i++) {
            if (i)
                str_addf(out, " %s ", mark[x->kind]);
            dump_at(p, p->kid[x->a + i], out, depth + 1);
        }
        str_addc(out, ')');
        return;
    case EX_NOT:
        str_adds(out, "~");
        dump_at(p, x->a, out, depth + 1);
        return;
    case EX_REP:
        str_addc(out, '(');
        dump_at(p, x->a, out, depth + 1);
        str_addf(out, "){%u,", x->b);
        if (x->c != EXPR_INF)
            str_addf(out, "%u", x->c);
        str_addc(out, '}');
        return;
    case EX_FIX:
        str_addf(out, "fix%u", x->a);
        return;
    default:
        str_adds(out, mark[x->kind]);
    }
}

void expr_dump(const struct expr_pool *p, uint32_t e, struct str *out)
{
    dump_at(p, e, out, 0);
}
