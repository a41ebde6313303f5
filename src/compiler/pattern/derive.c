/* derive.c - derivatives by ranges, and searches over them.
 *
 * A derivative is taken for all code points at once: the result is a list of disjoint ranges, each
 * with the expression that remains.  Lists are kept for good, so every question about a language
 * is a walk over numbers.  Recursion goes along the structure only, whose depth expr.c bounds. */
#include "compiler/pattern/derive.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"
#include "compiler/pattern/expr_int.h"

struct arcs {                   /* a list being made */
    struct arc *a;
    uint32_t    n, cap;
};

static void fail(struct expr_pool *p, enum status st)
{
    if (p->failed == ST_OK)
        p->failed = st;
}

static void push(struct expr_pool *p, struct arcs *l, uint32_t lo, uint32_t hi, uint32_t to)
{
    if (to == EXPR_EMPTY || lo > hi)
        return;
    if (l->n && l->a[l->n - 1].to == to && l->a[l->n - 1].hi + 1 == lo) {
        l->a[l->n - 1].hi = hi;
        return;
    }
    struct arc *x = array_push(&l->a, &l->n, &l->cap, sizeof *x);
    if (x)
        *x = (struct arc){ lo, hi, to };
    else
        fail(p, ST_NOMEM);
}

static struct arc_list keep(struct expr_pool *p, struct arcs *l)
{
    static const struct arc none = { 1, 0, 0 };
    struct arc_list r = { &none, 0 };
    if (l->n && p->failed == ST_OK) {
        const struct arc *a = arena_dup(&p->arena, l->a, l->n * sizeof *a);
        if (a)
            r = (struct arc_list){ a, l->n };
        else
            fail(p, ST_NOMEM);
    }
    mem_free(l->a);
    return r;
}

static int by_u32(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static uint32_t cut_at(const uint32_t *cut, uint32_t n, uint32_t x)
{
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (cut[mid] < x)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

/* Union of any number of arcs that may overlap: cut the line at every end, collect for each piece
 * what covers it. */
static void unite(struct expr_pool *p, const struct arc *in, uint32_t n, struct arcs *out)
{
    uint32_t *cut = mem_alloc((2ul * n + 1) * sizeof *cut), *count = NULL, *item = NULL;
    if (!cut) {
        fail(p, ST_NOMEM);
        return;
    }
    uint32_t n_cut = 0, m = 0;
    for (uint32_t i = 0; i < n; i++) {
        cut[n_cut++] = in[i].lo;
        cut[n_cut++] = in[i].hi + 1;
    }
    qsort(cut, n_cut, sizeof *cut, by_u32);
    for (uint32_t i = 0; i < n_cut; i++)
        if (!m || cut[i] != cut[m - 1])
            cut[m++] = cut[i];
    count = mem_calloc(m + 1ul, sizeof *count);
    uint64_t total = 0;
    for (uint32_t i = 0; count && i < n; i++) {
        uint32_t from = cut_at(cut, m, in[i].lo), to = cut_at(cut, m, in[i].hi + 1);
        total += to - from;
        for (uint32_t k = from; k < to; k++)
            count[k + 1]++;
    }
    if (!count || !expr_work(p, total + n_cut) || !(item = mem_alloc((total + 1) * sizeof *item))) {
        fail(p, ST_NOMEM);
        goto done;
    }
    for (uint32_t k = 0; k < m; k++)
        count[k + 1] += count[k];
    /* count[k] is now where the items of piece k begin; filling from the back moves it. */
    uint32_t *at = mem_alloc((m + 1ul) * sizeof *at);
    if (!at) {
        fail(p, ST_NOMEM);
        goto done;
    }
    memcpy(at, count, (m + 1ul) * sizeof *at);
    for (uint32_t i = 0; i < n; i++) {
        uint32_t from = cut_at(cut, m, in[i].lo), to = cut_at(cut, m, in[i].hi + 1);
        for (uint32_t k = from; k < to; k++)
            item[at[k]++] = in[i].to;
    }
    mem_free(at);
    for (uint32_t k = 0; k + 1 < m && p->failed == ST_OK; k++) {
        uint32_t k_n = count[k + 1] - count[k];
        uint32_t to = k_n == 1 ? item[count[k]] : k_n ? expr_or(p, item + count[k], k_n) : EXPR_EMPTY;
        push(p, out, cut[k], cut[k + 1] - 1, to);
    }
done:
    mem_free(item);
    mem_free(count);
    mem_free(cut);
}

static void add_raw(struct expr_pool *p, struct arcs *l, struct arc_list x)
{
    for (uint32_t i = 0; i < x.n; i++) {
        struct arc *a = array_push(&l->a, &l->n, &l->cap, sizeof *a);
        if (!a) {
            fail(p, ST_NOMEM);
            return;
        }
        *a = x.arc[i];
    }
}

static void arcs_then(struct expr_pool *p, struct arc_list x, uint32_t tail, struct arcs *out)
{
    for (uint32_t i = 0; i < x.n && p->failed == ST_OK; i++)
        push(p, out, x.arc[i].lo, x.arc[i].hi, expr_cat(p, x.arc[i].to, tail));
}

/* What all the lists read, each piece once: kid[i] is where list i is in it. */
static void meet(struct expr_pool *p, const struct arc_list *list, uint32_t *at, uint32_t *kid, uint32_t n,
                 struct arcs *out)
{
    while (p->failed == ST_OK) {
        uint32_t lo = 0, hi = UINT32_MAX;
        for (uint32_t i = 0; i < n; i++) {
            if (at[i] == list[i].n)
                return;
            const struct arc *a = &list[i].arc[at[i]];
            lo = a->lo > lo ? a->lo : lo;
            hi = a->hi < hi ? a->hi : hi;
            kid[i] = a->to;
        }
        if (lo <= hi)
            push(p, out, lo, hi, expr_and(p, kid, n));
        for (uint32_t i = 0; i < n; i++)
            at[i] += list[i].arc[at[i]].hi == hi;
    }
}

/* Union of a few lists of ascending arcs: from one end of an arc to the next. */
static void join(struct expr_pool *p, const struct arc_list *list, uint32_t *at, uint32_t *kid, uint32_t n,
                 struct arcs *out)
{
    for (uint32_t pos = 0; p->failed == ST_OK && expr_work(p, 1);) {
        uint32_t lo = UINT32_MAX, hi = UINT32_MAX, m = 0;
        for (uint32_t i = 0; i < n; i++)
            if (at[i] < list[i].n && list[i].arc[at[i]].lo < lo)
                lo = list[i].arc[at[i]].lo;
        if (lo == UINT32_MAX)
            return;
        lo = lo > pos ? lo : pos;
        for (uint32_t i = 0; i < n; i++) {
            const struct arc *a = at[i] < list[i].n ? &list[i].arc[at[i]] : NULL;
            uint32_t end = !a ? UINT32_MAX : a->lo > lo ? a->lo - 1 : a->hi;
            hi = end < hi ? end : hi;
            if (a && a->lo <= lo && !(m && kid[m - 1] == a->to))
                kid[m++] = a->to;
        }
        push(p, out, lo, hi, m == 1 ? kid[0] : expr_or(p, kid, m));
        for (uint32_t i = 0; i < n; i++)
            at[i] += at[i] < list[i].n && list[i].arc[at[i]].hi == hi;
        pos = hi + 1;
    }
}

static void push_valid(struct expr_pool *p, struct arcs *out, uint32_t lo, uint32_t hi, uint32_t to)
{
    if (hi > CP_MAX)
        hi = CP_MAX;
    if (lo < CP_SURROGATE)
        push(p, out, lo, hi < CP_SURROGATE ? hi : CP_SURROGATE - 1, to);
    if (hi > CP_SURROGATE_END)
        push(p, out, lo > CP_SURROGATE_END ? lo : CP_SURROGATE_END + 1, hi, to);
}

static void complement(struct expr_pool *p, struct arc_list x, struct arcs *out)
{
    uint32_t from = 0;
    for (uint32_t i = 0; i < x.n && x.arc[i].lo <= CP_MAX && p->failed == ST_OK; i++) {
        if (x.arc[i].lo > from)
            push_valid(p, out, from, x.arc[i].lo - 1, EXPR_ALL);
        push_valid(p, out, x.arc[i].lo, x.arc[i].hi, expr_not(p, x.arc[i].to));
        from = x.arc[i].hi + 1;
    }
    if (from <= CP_MAX)
        push_valid(p, out, from, CP_MAX, EXPR_ALL);
}

enum { FEW_LISTS = 16 };

static void derive_list(struct expr_pool *p, struct expr_node x, struct arcs *out)
{
    struct arcs all = { 0 };
    if (x.kind == EX_OR && x.b > FEW_LISTS) {
        for (uint32_t i = 0; i < x.b; i++)
            add_raw(p, &all, expr_arcs(p, p->kid[x.a + i]));
        if (p->failed == ST_OK && all.n)
            unite(p, all.a, all.n, out);
        mem_free(all.a);
        return;
    }
    struct arc_list *list = mem_alloc(x.b * sizeof *list);
    uint32_t *at = mem_calloc(2ul * x.b, sizeof *at);
    if (!list || !at)
        fail(p, ST_NOMEM);
    for (uint32_t i = 0; i < x.b && p->failed == ST_OK; i++)
        list[i] = expr_arcs(p, p->kid[x.a + i]);
    if (p->failed == ST_OK)
        (x.kind == EX_OR ? join : meet)(p, list, at, at + x.b, x.b, out);
    mem_free(list);
    mem_free(at);
}

static void derive(struct expr_pool *p, uint32_t e, struct arcs *out)
{
    struct expr_node x = p->node[e];
    struct arcs two = { 0 };
    switch (x.kind) {
    case EX_SET:
        for (uint32_t i = 0; i < x.b; i++)
            push(p, out, p->range[x.a + i].lo, p->range[x.a + i].hi, EXPR_EPS);
        return;
    case EX_CAT:
        if (!expr_nullable(p, x.a)) {
            arcs_then(p, expr_arcs(p, x.a), x.b, out);
            return;
        }
        arcs_then(p, expr_arcs(p, x.a), x.b, &two);
        if (p->failed == ST_OK) {
            const struct arc_list list[2] = { { two.a, two.n }, expr_arcs(p, x.b) };
            join(p, list, (uint32_t[2]){ 0, 0 }, (uint32_t[2]){ 0, 0 }, 2, out);
        }
        mem_free(two.a);
        return;
    case EX_OR:
    case EX_AND:
        derive_list(p, x, out);
        return;
    case EX_NOT:
        complement(p, expr_arcs(p, x.a), out);
        return;
    case EX_REP: {
        uint32_t lo = x.b ? x.b - 1 : 0, hi = x.c == EXPR_INF ? EXPR_INF : x.c - 1;
        arcs_then(p, expr_arcs(p, x.a), expr_rep(p, x.a, lo, hi), out);
        return;
    }
    case EX_FIX: {
        struct arc_list l = expr_arcs(p, x.b);
        for (uint32_t i = 0; i < l.n; i++)
            push(p, out, l.arc[i].lo, l.arc[i].hi, l.arc[i].to);
        return;
    }
    default:
        return;
    }
}

struct arc_list expr_arcs(struct expr_pool *p, uint32_t e)
{
    if (p->arcs[e].arc || p->failed != ST_OK)
        return p->arcs[e];
    struct arcs l = { 0 };
    derive(p, e, &l);
    expr_work(p, 1 + l.n);
    struct arc_list r = keep(p, &l);
    if (p->failed != ST_OK)
        return (struct arc_list){ NULL, 0 };
    p->arcs[e] = r;
    return r;
}

struct arc_list expr_live_arcs(struct expr_pool *p, uint32_t e)
{
    if (!(p->node[e].flags & EXF_LOGIC))
        return expr_arcs(p, e);
    if (p->live_arcs[e].arc || p->failed != ST_OK)
        return p->live_arcs[e];
    struct arc_list all = expr_arcs(p, e);
    struct arcs l = { 0 };
    for (uint32_t i = 0; i < all.n && p->failed == ST_OK; i++)
        if (expr_live(p, all.arc[i].to))
            push(p, &l, all.arc[i].lo, all.arc[i].hi, all.arc[i].to);
    struct arc_list r = keep(p, &l);
    if (p->failed != ST_OK)
        return (struct arc_list){ NULL, 0 };
    p->live_arcs[e] = r;
    return r;
}

const struct arc *arc_find(struct arc_list l, uint32_t cp)
{
    uint32_t lo = 0, hi = l.n;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (l.arc[mid].hi < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < l.n && l.arc[lo].lo <= cp ? &l.arc[lo] : NULL;
}

/* ---- emptiness ------------------------------------------------------------------------------ */

bool expr_live(struct expr_pool *p, uint32_t e)
{
    for (;;) {
        const struct expr_node x = p->node[e];
        if (p->failed != ST_OK || e == EXPR_EMPTY)
            return false;
        if (!(x.flags & EXF_LOGIC) || (x.flags & EXF_NULLABLE))
            return true;
        if (p->live[e] != LIVE_UNKNOWN)
            return p->live[e] == LIVE_YES;
        if (x.kind == EX_CAT) {
            if (!expr_live(p, x.a))
                return false;
            e = x.b;
        } else if (x.kind == EX_REP) {
            e = x.a;            /* lo > 0, else it were nullable */
        } else if (x.kind == EX_OR) {
            for (uint32_t i = 0; i < x.b; i++)
                if (expr_live(p, p->kid[x.a + i]))
                    return true;
            return false;
        } else {
            return expr_shortest(p, e, false) != SIZE_MAX;      /* and that is kept in `live` */
        }
    }
}

/* Every loop without an end is over a set that leaves code points out.  Then no text makes the rest
 * of the language everything: a long enough mixture of what the loops leave out is never in it. */
static bool loops_narrowly(const struct expr_pool *p, uint32_t e)
{
    for (;;) {
        const struct expr_node x = p->node[e];
        if (x.flags & EXF_LOGIC)
            return false;
        if (x.kind == EX_REP && x.c == EXPR_INF)
            return p->node[x.a].kind == EX_SET && x.a != EXPR_ANY;
        if (x.kind == EX_REP)
            e = x.a;
        else if (x.kind == EX_CAT && loops_narrowly(p, x.a))
            e = x.b;
        else if (x.kind == EX_CAT)
            return false;
        else
            break;
    }
    const struct expr_node x = p->node[e];
    for (uint32_t i = 0; x.kind == EX_OR && i < x.b; i++)
        if (!loops_narrowly(p, p->kid[x.a + i]))
            return false;
    return true;
}

/* Whether the way of writing it shows that the language is open. */
static bool open_by_form(struct expr_pool *p, uint32_t e)
{
    const struct expr_node x = p->node[e];
    if (e == EXPR_ALL)
        return true;
    if (x.kind == EX_NOT)
        return loops_narrowly(p, x.a);
    if (x.kind == EX_CAT)
        return x.a == EXPR_ALL && !(x.flags & EXF_LABEL) && expr_live(p, x.b);
    for (uint32_t i = 0; x.kind == EX_OR && i < x.b; i++)
        if (open_by_form(p, p->kid[x.a + i]))
            return true;
    return false;
}

/* Every code point can be read. */
static bool reads_all(struct arc_list l)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < EXPR_LABEL; i++) {
        if (next == CP_SURROGATE && l.arc[i].lo > next)
            next = CP_SURROGATE_END + 1;
        if (l.arc[i].lo > next)
            return false;
        next = l.arc[i].hi + 1;
    }
    return next > CP_MAX;
}

/* What is left after any text can still read anything: looked up state by state, as long as there
 * are few. */
static bool open_by_search(struct expr_pool *p, uint32_t e)
{
    enum { STATES = 48 };
    uint32_t list[STATES], n = 1;
    list[0] = e;
    for (uint32_t i = 0; i < n && p->failed == ST_OK; i++) {
        uint64_t known;
        if (idmap_get(&p->open, list[i], &known) ? !known : false)
            return false;
        if (open_by_form(p, list[i]) || (idmap_get(&p->open, list[i], &known) && known))
            continue;
        struct arc_list l = expr_live_arcs(p, list[i]);
        if (!reads_all(l))
            return false;
        for (uint32_t k = 0; k < l.n && l.arc[k].lo < EXPR_LABEL; k++) {
            uint32_t at = 0;
            while (at < n && list[at] != l.arc[k].to)
                at++;
            if (at < n)
                continue;
            if (n == STATES)
                return false;
            list[n++] = l.arc[k].to;
        }
    }
    for (uint32_t i = 0; i < n && p->failed == ST_OK; i++)
        if (!idmap_put(&p->open, list[i], 1))
            fail(p, ST_NOMEM);
    return p->failed == ST_OK;
}

bool expr_open(struct expr_pool *p, uint32_t e)
{
    uint64_t known;
    if (open_by_form(p, e))
        return true;
    if (idmap_get(&p->open, e, &known))
        return known;
    if (open_by_search(p, e))
        return true;
    if (p->failed == ST_OK && !idmap_put(&p->open, e, 0))
        fail(p, ST_NOMEM);
    return false;
}

bool expr_contains(struct expr_pool *p, uint32_t e, struct slice text)
{
    const char *s = text.ptr, *end = text.ptr + text.len;
    while (s < end && p->failed == ST_OK) {
        uint32_t cp;
        int n = utf8_decode(s, end, &cp);
        const struct arc *a = n > 0 ? arc_find(expr_arcs(p, e), cp) : NULL;
        if (!a)
            return false;
        e = a->to;
        s += n;
    }
    return p->failed == ST_OK && expr_nullable(p, e);
}
