/* expr.c - making expressions: one node for each structure, simplified on the way in.
 *
 * Simplification is what keeps automata small: units and zeros, flat sorted unions and
 * intersections, united sets, merged repetitions and common heads.  It is never needed for
 * correctness, so where it would recurse too deep it is left out. */
#include "compiler/pattern/expr_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

uint32_t expr_give_up(struct expr_pool *p, enum status st)
{
    if (p->failed == ST_OK)
        p->failed = st;
    return EXPR_EMPTY;
}

bool expr_work(struct expr_pool *p, uint64_t units)
{
    p->work += units;
    if (p->work > p->work_limit)
        expr_give_up(p, ST_LIMIT);
    return p->failed == ST_OK;
}

/* ---- nodes ---------------------------------------------------------------------------------- */

static uint64_t stir(uint64_t h, uint64_t x)
{
    h = (h ^ x) * 0x9fb21c651e98df25ull;
    return h ^ h >> 32;
}

static uint64_t node_hash(const struct expr_pool *p, const struct expr_node *x)
{
    if (x->kind == EX_FIX)      /* its number alone: the definition comes later */
        return stir(stir(0, x->kind), x->a);
    uint64_t h = stir(stir(0, x->kind), (uint64_t)x->c << 32 | x->b);
    if (x->kind == EX_SET)
        for (uint32_t i = 0; i < x->b; i++)
            h = stir(h, (uint64_t)p->range[x->a + i].hi << 32 | p->range[x->a + i].lo);
    else if (x->kind == EX_OR || x->kind == EX_AND)
        for (uint32_t i = 0; i < x->b; i++)
            h = stir(h, p->kid[x->a + i]);
    else
        h = stir(h, x->a);
    return h;
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

static struct hash128 mix(uint64_t kind, struct hash128 h, struct hash128 k)
{
    uint64_t x[5] = { kind, h.lo, h.hi, k.lo, k.hi };
    return hash128_bytes(x, sizeof x);
}

/* Whether both identities are the same: no count below is beyond the cap, or it does not matter. */
static bool counts_fit(const struct expr_pool *p, const struct expr_node *x)
{
    const uint32_t pair[2] = { x->a, x->b }, *kid = x->kind == EX_OR ? p->kid + x->a : pair;
    uint32_t n = x->kind == EX_OR ? x->b : x->kind == EX_CAT ? 2 : x->kind == EX_REP ? 1 : 0;
    if (x->kind == EX_REP && (x->b > EXPR_COUNT_CAP || (x->c > EXPR_COUNT_CAP && x->c != EXPR_INF)))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct hash128 *h = &p->hash[2 * kid[i]];
        if (h[0].lo != h[1].lo || h[0].hi != h[1].hi)
            return false;
    }
    return true;
}

/* One of the two identities of a node from those of its kids.  Lists are sorted by numbers, which
 * differ between pools: their kids are added up instead. */
static struct hash128 identity(const struct expr_pool *p, const struct expr_node *x, uint32_t capped)
{
    struct hash128 h = { 0, 0 }, none = { 0, 0 };
    uint32_t use = x->kind == EX_AND ? 0 : capped;
    switch (x->kind) {
    case EX_SET:
        return hash128_seeded(p->range + x->a, x->b * sizeof *p->range, EX_SET);
    case EX_CAT:
        return mix(EX_CAT, p->hash[2 * x->a + use], p->hash[2 * x->b + use]);
    case EX_OR:
    case EX_AND:
        for (uint32_t i = 0; i < x->b; i++) {
            struct hash128 k = mix(x->kind, p->hash[2 * p->kid[x->a + i] + use], none);
            h.lo += k.lo;
            h.hi += k.hi;
        }
        return mix(x->kind, h, (struct hash128){ x->b, 1 });
    case EX_NOT:
        return mix(EX_NOT, p->hash[2 * x->a], none);
    case EX_REP: {
        uint32_t lo = x->b, hi = x->c;
        if (capped && lo > EXPR_COUNT_CAP)
            lo = EXPR_COUNT_CAP;
        if (capped && hi > EXPR_COUNT_CAP)
            hi = EXPR_INF;
        return mix(EX_REP, p->hash[2 * x->a + use], (struct hash128){ lo, hi });
    }
    case EX_FIX:
        return mix(EX_FIX, none, (struct hash128){ (uint64_t)(uintptr_t)p, x->a });
    default:
        return mix(x->kind, none, none);
    }
}

bool expr_hash(const struct expr_pool *p, uint32_t e, struct hash128 *ret)
{
    *ret = p->hash[2 * e + 1];
    return !(p->node[e].flags & EXF_FIX);
}

/* The id of the node, new or old.  Its list, if it has one, is at the end of kid or range and is
 * given back when the node exists. */
uint32_t expr_intern_node(struct expr_pool *p, struct expr_node x)
{
    if (!expr_work(p, 1))
        return EXPR_EMPTY;
    if (!grow_slots(p) || !grow_nodes(p))
        return expr_give_up(p, ST_NOMEM);
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
        return expr_give_up(p, ST_LIMIT);
    p->node[p->n] = x;
    p->hash[2 * p->n] = identity(p, &x, 0);
    p->hash[2 * p->n + 1] = counts_fit(p, &x) ? p->hash[2 * p->n] : identity(p, &x, 1);
    p->slot[k] = ++p->n;
    return p->n - 1;
}

uint16_t expr_deeper(uint32_t d)
{
    return (uint16_t)(d + 1 > EXPR_DEPTH_MAX + 1 ? EXPR_DEPTH_MAX + 1 : d + 1);
}

/* ---- sets ----------------------------------------------------------------------------------- */

static uint32_t make_set(struct expr_pool *p, const struct range *r, uint32_t n)
{
    if (!n)
        return EXPR_EMPTY;
    if (!array_reserve(&p->range, &p->cap_range, p->n_range + n, sizeof *p->range))
        return expr_give_up(p, ST_NOMEM);
    uint32_t at = p->n_range;
    memcpy(p->range + at, r, n * sizeof *r);
    p->n_range += n;
    uint8_t flags = r[n - 1].hi >= EXPR_LABEL ? EXF_LABEL : 0;
    return expr_intern_node(p, (struct expr_node){ EX_SET, flags, 0, at, n, 0 });
}

uint32_t expr_set(struct expr_pool *p, const struct ranges *s)
{
    if (s->failed)
        return expr_give_up(p, ST_NOMEM);
    struct ranges t = { 0 };
    ranges_add_all(&t, s);
    ranges_sort(&t);
    uint32_t e = t.failed ? expr_give_up(p, ST_NOMEM) : make_set(p, t.r, t.n);
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

uint32_t expr_unite_sets(struct expr_pool *p, uint32_t a, uint32_t b)
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

uint32_t expr_meet_sets(struct expr_pool *p, uint32_t a, uint32_t b)
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

uint32_t expr_add_bound(uint32_t a, uint32_t b)
{
    return a == EXPR_INF || b == EXPR_INF || a > EXPR_INF - 1 - b ? EXPR_INF : a + b;
}

/* x as unit{lo,hi}: a repetition as it is, anything else once. */
void expr_as_rep(const struct expr_pool *p, uint32_t e, uint32_t *unit, uint32_t *lo, uint32_t *hi)
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
        expr_as_rep(p, x, &u, &lo, &hi);
        expr_as_rep(p, first, &u2, &lo2, &hi2);
        if (u == u2 && (p->node[x].kind == EX_REP || p->node[first].kind == EX_REP)) {
            x = expr_rep(p, u, expr_add_bound(lo, lo2), expr_add_bound(hi, hi2));
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
        b = expr_intern_node(p, (struct expr_node){ EX_CAT, flags, expr_deeper(d), x, b, 0 });
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
    if (hi == EXPR_INF)
        flags |= EXF_ENDLESS;
    return expr_intern_node(p, (struct expr_node){ EX_REP, flags, expr_deeper(x.depth), a, lo, hi });
}

/* ---- life ----------------------------------------------------------------------------------- */

enum status expr_pool_init(struct expr_pool *p, uint64_t work_limit, struct error *err)
{
    *p = (struct expr_pool){ .work_limit = work_limit };
    struct range any[2] = { { 0, CP_SURROGATE - 1 }, { CP_SURROGATE_END + 1, CP_MAX } };
    expr_intern_node(p, (struct expr_node){ EX_EMPTY, 0, 0, 0, 0, 0 });
    expr_intern_node(p, (struct expr_node){ EX_EPS, EXF_NULLABLE, 0, 0, 0, 0 });
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
    idmap_free(&p->least);
    idmap_free(&p->longest);
    idmap_free(&p->open);
    mem_free(p->slot);
    mem_free(p->or_seen);
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
