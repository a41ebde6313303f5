/* expr_bool.c - union, intersection and complement: flat, sorted, with what is the same said once. */
#include "compiler/pattern/expr_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

void expr_ids_push(struct expr_pool *p, struct ids *l, uint32_t id)
{
    uint32_t *slot = array_push(&l->id, &l->n, &l->cap, sizeof *l->id);
    if (slot)
        *slot = id;
    else
        expr_give_up(p, ST_NOMEM);
}

static int by_id(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

/* By insertion with shrinking steps: lists are short, mostly in order, and sorted all the time. */
static void few_sort(uint32_t *id, uint32_t n)
{
    static const uint32_t steps[] = { 701, 301, 132, 57, 23, 10, 4, 1 };
    for (uint32_t s = 0; s < sizeof steps / sizeof steps[0]; s++)
        for (uint32_t i = steps[s]; i < n; i++) {
            uint32_t x = id[i], k = i;
            for (; k >= steps[s] && id[k - steps[s]] > x; k -= steps[s])
                id[k] = id[k - steps[s]];
            id[k] = x;
        }
}

static void ids_sort(struct ids *l)
{
    enum { FEW_IDS = 2048 };
    if (l->n < 2)
        return;
    if (l->n > FEW_IDS)
        qsort(l->id, l->n, sizeof *l->id, by_id);
    else
        few_sort(l->id, l->n);
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
            expr_ids_push(p, l, x[i]);
            continue;
        }
        for (uint32_t j = 0; j < k.b; j++)
            expr_ids_push(p, l, p->kid[k.a + j]);
    }
    ids_sort(l);
}

static uint32_t make_list(struct expr_pool *p, uint8_t kind, const struct ids *l)
{
    if (!expr_work(p, l->n / 4))
        return EXPR_EMPTY;
    if (!array_reserve(&p->kid, &p->cap_kid, p->n_kid + l->n, sizeof *p->kid))
        return expr_give_up(p, ST_NOMEM);
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
    return expr_intern_node(p, (struct expr_node){ kind, flags, expr_deeper(d), at, l->n, 0 });
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
        expr_give_up(p, ST_NOMEM);
        return false;
    }
    for (uint32_t i = 0; i < l->n; i++) {
        const struct expr_node *k = &p->node[l->id[i]];
        bool cat = k->kind == EX_CAT;
        h[i] = (struct head_tail){ cat ? k->a : l->id[i], cat ? k->b : EXPR_EPS, i };
    }
    qsort(h, l->n, sizeof *h, by_head);
    bool changed = false;
    for (uint32_t i = 1; i < l->n && !changed; i++)
        changed = h[i].head == h[i - 1].head;
    if (!changed) {
        mem_free(h);
        return false;
    }
    uint32_t n = 0, n_all = l->n;
    struct ids tails = { 0 };
    p->nest++;
    for (uint32_t i = 0; i < n_all && p->failed == ST_OK;) {
        uint32_t j = i;
        tails.n = 0;
        for (; j < n_all && h[j].head == h[i].head; j++)
            expr_ids_push(p, &tails, h[j].tail);
        if (j - i > 1) {
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
    return true;
}

struct rep {                    /* unit{lo,hi} */
    uint32_t unit, lo, hi;
};

/* Joins what stands behind arm i with it, where the counts touch. */
static void merge_behind(struct expr_pool *p, struct ids *l, struct rep *r, uint32_t i)
{
    for (uint32_t j = i + 1; j < l->n; j++) {
        if (r[j].unit != r[i].unit || l->id[j] <= EXPR_EPS || r[j].lo > expr_add_bound(r[i].hi, 1) ||
            r[i].lo > expr_add_bound(r[j].hi, 1))
            continue;
        r[i].lo = r[i].lo < r[j].lo ? r[i].lo : r[j].lo;
        r[i].hi = r[i].hi > r[j].hi ? r[i].hi : r[j].hi;
        l->id[i] = expr_rep(p, r[i].unit, r[i].lo, r[i].hi);
        l->id[j] = EXPR_EMPTY;
    }
}

/* u{a,b} | u{c,d} with touching counts is u{min,max}; eps | u{1,h} is u{0,h}. */
static void merge_reps(struct expr_pool *p, struct ids *l)
{
    enum { MANY = 64 };
    struct rep r[MANY];
    bool eps = l->n && l->id[0] == EXPR_EPS, few = l->n <= MANY;
    for (uint32_t i = 0; few && i < l->n; i++)
        expr_as_rep(p, l->id[i], &r[i].unit, &r[i].lo, &r[i].hi);
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->id[i] <= EXPR_EPS)
            continue;
        if (eps && expr_nullable(p, l->id[i])) {
            eps = false;
            l->id[0] = EXPR_EMPTY;
        }
        const struct expr_node x = p->node[l->id[i]];
        if (eps && x.kind == EX_REP && x.b == 1) {
            l->id[i] = expr_rep(p, x.a, 0, x.c);
            eps = false;
            l->id[0] = EXPR_EMPTY;
            if (few)
                r[i].lo = 0;
        }
        if (few)
            merge_behind(p, l, r, i);
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
            set = found++ ? expr_unite_sets(p, set, l->id[i]) : l->id[i];
    }
    if (!found)
        return;
    l->n = n;
    expr_ids_push(p, l, set);
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

/* Counts within counts make the same unions over and over: where work has piled up, the latest are
 * looked up by their arms. */
enum { SEEN_ARMS = 14, SEEN_SLOTS = 1024, SEEN_FROM = 50000 };

struct or_seen {
    uint32_t n, arm[SEEN_ARMS], made;
};

/* Where the union of these arms is kept or would be; NULL: nowhere. */
static struct or_seen *seen_slot(struct expr_pool *p, const struct ids *l)
{
    if (p->n_fix || p->work < SEEN_FROM || l->n < 2 || l->n > SEEN_ARMS)
        return NULL;
    if (!p->or_seen)
        p->or_seen = mem_calloc(SEEN_SLOTS, sizeof *p->or_seen);
    return p->or_seen ? &p->or_seen[hash_bytes(l->id, l->n * sizeof *l->id) % SEEN_SLOTS] : NULL;
}

uint32_t expr_or(struct expr_pool *p, const uint32_t *x, uint32_t n)
{
    struct ids l = { 0 };
    struct or_seen now = { 0 };
    flatten(p, &l, x, n, EX_OR);
    struct or_seen *seen = seen_slot(p, &l);
    if (seen && seen->n == l.n && !memcmp(seen->arm, l.id, l.n * sizeof *l.id)) {
        mem_free(l.id);
        return expr_work(p, 1) ? seen->made : EXPR_EMPTY;
    }
    if (seen) {
        now.n = l.n;
        memcpy(now.arm, l.id, l.n * sizeof *l.id);
    }
    now.made = expr_work(p, 1 + l.n / 4) && p->failed == ST_OK ? finish_or(p, &l) : EXPR_EMPTY;
    mem_free(l.id);
    if (seen && p->failed == ST_OK)
        *seen = now;
    return now.made;
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
        expr_as_rep(p, l->id[i], &u2, &lo2, &hi2);
        if (p->node[u2].kind != EX_SET)
            continue;
        if (at == UINT32_MAX) {
            at = i;
            u = u2;
            lo = lo2;
            hi = hi2;
            continue;
        }
        u = expr_meet_sets(p, u, u2);
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
            expr_ids_push(p, &not, p->node[l->id[i]].a);
        else
            l->id[n++] = l->id[i];
    }
    if (not.n && p->failed == ST_OK) {
        l->n = n;
        expr_ids_push(p, l, expr_not(p, not.n == 1 ? not.id[0] : expr_or(p, not.id, not.n)));
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
    return expr_intern_node(p, (struct expr_node){ EX_NOT, flags, expr_deeper(x.depth), a, 0, 0 });
}

uint32_t expr_fix(struct expr_pool *p)
{
    return expr_intern_node(p, (struct expr_node){ EX_FIX, EXF_LOGIC | EXF_FIX, 1, ++p->n_fix, 0, 0 });
}

void expr_fix_define(struct expr_pool *p, uint32_t fix, uint32_t body)
{
    if (p->failed != ST_OK)
        return;
    struct expr_node *x = &p->node[fix];
    x->flags |= p->node[body].flags & (EXF_NULLABLE | EXF_LABEL);
    x->depth = expr_deeper(p->node[body].depth);
    x->b = body;
}
