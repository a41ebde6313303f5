/* derive_words.c - how long the words of a language are, and how many there are of them.
 *
 * The shortest word of a language that is put together by AND and NOT is searched for over its
 * derivatives.  The search goes by what is left at least, so that a length that must be reached
 * does not make it look at everything that is shorter. */
#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/expr_int.h"

enum {
    VISITS_MAX = 80000,     /* expressions looked at by one search */
    DETOUR_MAX = 1 << 20,   /* bytes by which a shortest word may be longer than it seemed */
};

unsigned cp_bytes(uint32_t cp, bool json)
{
    if (cp >= EXPR_LABEL)
        return 0;
    if (json && (cp == '"' || cp == '\\'))
        return 2;
    if (json && cp < 0x20)
        return cp == 8 || cp == 9 || cp == 10 || cp == 12 || cp == 13 ? 2 : 6;
    return cp < 0x80 ? 1 : cp < 0x800 ? 2 : cp < 0x10000 ? 3 : 4;
}

/* Cheapest code point of a range. */
static unsigned range_bytes(uint32_t lo, uint32_t hi, bool json)
{
    unsigned best = cp_bytes(lo, json);
    static const uint32_t probe[] = { 8, 0x20, 0x23, 0x5d };
    for (int i = 0; json && i < 4; i++)
        if (probe[i] >= lo && probe[i] <= hi && cp_bytes(probe[i], true) < best)
            best = cp_bytes(probe[i], true);
    for (uint32_t c = 9; json && c <= 13; c++)
        if (c >= lo && c <= hi && cp_bytes(c, true) < best)
            best = cp_bytes(c, true);
    return best;
}

enum { LOOKS_A_UNIT = 8 };

/* Measuring is cheap, but long sequences in large unions are measured a great many times. */
static bool look(struct expr_pool *p)
{
    return ++p->n_look % LOOKS_A_UNIT ? p->failed == ST_OK : expr_work(p, 1);
}

/* Notes what was measured; after a failure nothing is. */
static void keep_size(struct expr_pool *p, struct idmap *map, uint64_t key, size_t n)
{
    if (p->failed == ST_OK && !idmap_put(map, key, n))
        expr_give_up(p, ST_NOMEM);
}

static size_t mul_size(size_t a, uint32_t n)
{
    return n && a > SIZE_MAX / n ? SIZE_MAX : a * n;
}

struct visit {
    uint32_t e, next;       /* next: index + 1 of the bucket's next visit */
    uint32_t from;          /* index of the visit it was met from */
    size_t   dist;
};

struct frontier {
    struct visit *v;
    uint32_t      n, cap;
    uint32_t     *bucket;   /* by distance: index + 1 of a visit */
    uint32_t      n_bucket, cap_bucket;
    struct idmap  best;
};

/* `more`: what a word through e takes at least, over what was known first; the bucket it is in. */
static bool visit_add(struct expr_pool *p, struct frontier *f, struct visit v, size_t more)
{
    uint64_t old;
    if (idmap_get(&f->best, v.e, &old) && old <= v.dist)
        return true;
    if (more > DETOUR_MAX) {
        expr_give_up(p, ST_LIMIT);
        return false;
    }
    while (f->n_bucket <= more)
        if (!array_push(&f->bucket, &f->n_bucket, &f->cap_bucket, sizeof *f->bucket))
            goto nomem;
    struct visit *x = array_push(&f->v, &f->n, &f->cap, sizeof *x);
    if (!x || !idmap_put(&f->best, v.e, v.dist))
        goto nomem;
    v.next = f->bucket[more];
    *x = v;
    f->bucket[more] = f->n;
    return true;
nomem:
    expr_give_up(p, ST_NOMEM);
    return false;
}

static size_t at_least_sequence(struct expr_pool *p, uint32_t e, bool json)
{
    size_t sum = 0;
    while (look(p)) {
        const struct expr_node x = p->node[e];
        size_t best = x.kind == EX_OR ? SIZE_MAX : 0;
        if (x.flags & EXF_NULLABLE)
            return sum;
        if (!(x.flags & EXF_LOGIC))
            return add_size(sum, expr_shortest(p, e, json));
        if (x.kind == EX_REP)
            return add_size(sum, mul_size(expr_at_least(p, x.a, json), x.b));
        if (x.kind == EX_CAT) {
            sum = add_size(sum, expr_at_least(p, x.a, json));
            e = x.b;
            continue;
        }
        uint64_t known, key = (uint64_t)e << 1 | json;
        if (x.kind != EX_OR && x.kind != EX_AND)
            return sum;
        if (idmap_get(&p->least, key, &known))
            return add_size(sum, (size_t)known);
        for (uint32_t i = 0; i < x.b; i++) {
            size_t n = expr_at_least(p, p->kid[x.a + i], json);
            if (x.kind == EX_OR ? n < best : n > best)
                best = n;
        }
        keep_size(p, &p->least, key, best);
        return add_size(sum, best);
    }
    return SIZE_MAX;
}

/* As with shortest words, tails are measured once. */
size_t expr_at_least(struct expr_pool *p, uint32_t e, bool json)
{
    const struct expr_node x = p->node[e];
    uint64_t known, key = (uint64_t)x.b << 1 | json;
    if (x.kind != EX_CAT || (x.flags & EXF_NULLABLE) || p->node[x.b].kind != EX_CAT)
        return at_least_sequence(p, e, json);
    size_t head = expr_at_least(p, x.a, json);
    if (idmap_get(&p->least, key, &known))
        return add_size(head, (size_t)known);
    size_t tail = at_least_sequence(p, x.b, json);
    keep_size(p, &p->least, key, tail);
    return add_size(head, tail);
}

/* A word from here on, where that is told without a search. */
static bool told(struct expr_pool *p, uint32_t e, bool json, size_t *ret)
{
    uint64_t known;
    bool nullable = expr_nullable(p, e);
    bool kept = !nullable && idmap_get(&p->min, (uint64_t)e << 1 | json, &known);
    *ret = nullable ? 0 : kept ? (size_t)known : SIZE_MAX;
    if (!nullable && !kept && !(p->node[e].flags & EXF_LOGIC))
        *ret = expr_shortest(p, e, json);
    return nullable || kept || !(p->node[e].flags & EXF_LOGIC);
}

/* Along a sequence, without looking into unions: parts that are shared are looked at once. */
static size_t sequence_at_most(struct expr_pool *p, uint32_t e, bool json)
{
    size_t sum = 0, n;
    for (; p->node[e].kind == EX_CAT && !told(p, e, json, &n); e = p->node[e].b) {
        uint32_t head = p->node[e].a, times = 1;
        if (p->node[head].kind == EX_REP) {
            times = p->node[head].b;
            head = p->node[head].a;
        }
        told(p, head, json, &n);
        sum = add_size(sum, mul_size(n, times));
    }
    told(p, e, json, &n);
    return add_size(sum, n);
}

size_t expr_at_most(struct expr_pool *p, uint32_t e, bool json)
{
    const struct expr_node x = p->node[e];
    size_t best = sequence_at_most(p, e, json);
    for (uint32_t i = 0; x.kind == EX_OR && best == SIZE_MAX && i < x.b; i++) {
        size_t n = sequence_at_most(p, p->kid[x.a + i], json);
        best = n < best ? n : best;
    }
    return best;
}

/* Visits the neighbours of a visit. */
static void visit_on(struct expr_pool *p, struct frontier *f, uint32_t at, bool json, size_t least,
                     size_t d, size_t best)
{
    const struct visit x = f->v[at];
    struct arc_list l = expr_arcs(p, x.e);
    for (uint32_t k = l.n; k-- > 0 && p->failed == ST_OK;) {
        uint32_t to = l.arc[k].to;
        size_t dist = x.dist + range_bytes(l.arc[k].lo, l.arc[k].hi, json);
        size_t whole = add_size(dist, expr_at_least(p, to, json));
        /* Whether a neighbour is live is not asked: the search itself answers that. */
        if (p->live[to] != LIVE_NO && whole < best)
            visit_add(p, f, (struct visit){ .e = to, .from = at, .dist = dist },
                      whole > least + d ? whole - least : d);
    }
}

/* The visits on the way to the best word are as far from its end as it is long from there on. */
static void keep_way(struct expr_pool *p, const struct frontier *f, uint32_t at, bool json,
                     size_t best)
{
    for (;; at = f->v[at].from) {
        if (!idmap_put(&p->min, (uint64_t)f->v[at].e << 1 | json, best - f->v[at].dist))
            expr_give_up(p, ST_NOMEM);
        p->live[f->v[at].e] = LIVE_YES;
        if (!at || p->failed != ST_OK)
            return;
    }
}

/* Best first over derivatives: a bucket for each length that a word by that way has at least.  The
 * newest visit of a bucket comes first, so that a search which is on a good way goes to its end. */
static size_t search_shortest(struct expr_pool *p, uint32_t e, bool json)
{
    struct frontier f = { 0 };
    size_t best = SIZE_MAX, least = expr_at_least(p, e, json), end;
    uint32_t last = 0;
    visit_add(p, &f, (struct visit){ .e = e }, 0);
    for (size_t d = 0; d < f.n_bucket && least + d < best && p->failed == ST_OK; d++) {
        while (f.bucket[d] && least + d < best && p->failed == ST_OK) {
            uint32_t at = f.bucket[d] - 1;
            const struct visit x = f.v[at];
            f.bucket[d] = x.next;
            uint64_t known;
            if (idmap_get(&f.best, x.e, &known) && known < x.dist)
                continue;
            if (!told(p, x.e, json, &end)) {
                visit_on(p, &f, at, json, least, d, best);
            } else if (add_size(x.dist, end) < best) {
                best = x.dist + end;
                last = at;
            }
            if (f.n > VISITS_MAX)
                expr_give_up(p, ST_LIMIT);
        }
    }
    if (best != SIZE_MAX && p->failed == ST_OK)
        keep_way(p, &f, last, json, best);
    for (uint32_t i = 0; best == SIZE_MAX && i < f.n && p->failed == ST_OK; i++)
        p->live[f.v[i].e] = LIVE_NO;
    mem_free(f.v);
    mem_free(f.bucket);
    idmap_free(&f.best);
    return best;
}

static size_t shortest_now(struct expr_pool *p, uint32_t e, bool json)
{
    const struct expr_node x = p->node[e];
    size_t best = SIZE_MAX;
    switch (x.kind) {
    case EX_SET:
        for (uint32_t i = 0; i < x.b; i++) {
            size_t n = range_bytes(p->range[x.a + i].lo, p->range[x.a + i].hi, json);
            best = n < best ? n : best;
        }
        return best;
    case EX_OR:
        expr_work(p, x.b / 4);
        best = x.flags & EXF_LOGIC ? expr_at_most(p, e, json) : SIZE_MAX;
        for (uint32_t i = 0; i < x.b; i++) {
            uint32_t kid = p->kid[x.a + i];
            bool better = !(p->node[kid].flags & EXF_LOGIC) || expr_at_least(p, kid, json) < best;
            size_t n = better ? expr_shortest(p, kid, json) : best;
            best = n < best ? n : best;
        }
        return best;
    case EX_REP:
        return mul_size(expr_shortest(p, x.a, json), x.b);
    case EX_AND:
    case EX_NOT:
    case EX_FIX:
        return search_shortest(p, e, json);
    default:
        return SIZE_MAX;
    }
}

static size_t shortest_sequence(struct expr_pool *p, uint32_t e, bool json)
{
    size_t sum = 0;
    while (look(p)) {
        const struct expr_node x = p->node[e];
        if (x.flags & EXF_NULLABLE)
            return sum;
        if (x.kind == EX_CAT) {
            sum = add_size(sum, expr_shortest(p, x.a, json));
            e = x.b;
            continue;
        }
        uint64_t known, key = (uint64_t)e << 1 | json;
        if (idmap_get(&p->min, key, &known))
            return add_size(sum, (size_t)known);
        size_t n = shortest_now(p, e, json);
        keep_size(p, &p->min, key, n);
        return add_size(sum, n);
    }
    return SIZE_MAX;
}

/* Many words may have a long tail in common: it is measured once. */
size_t expr_shortest(struct expr_pool *p, uint32_t e, bool json)
{
    const struct expr_node x = p->node[e];
    uint64_t known, key = (uint64_t)x.b << 1 | json;
    if (x.kind != EX_CAT || (x.flags & EXF_NULLABLE) || p->node[x.b].kind != EX_CAT)
        return shortest_sequence(p, e, json);
    size_t head = expr_shortest(p, x.a, json);
    if (idmap_get(&p->min, key, &known))
        return p->failed == ST_OK ? add_size(head, (size_t)known) : SIZE_MAX;
    size_t tail = shortest_sequence(p, x.b, json);
    keep_size(p, &p->min, key, tail);
    return add_size(head, tail);
}

static size_t longest_of_list(struct expr_pool *p, uint32_t e)
{
    const struct expr_node x = p->node[e];
    size_t best = x.kind == EX_AND ? SIZE_MAX : 0;
    uint64_t known;
    if (idmap_get(&p->longest, e, &known))
        return (size_t)known;
    for (uint32_t i = 0; i < x.b; i++) {
        size_t n = expr_longest(p, p->kid[x.a + i]);
        if (x.kind == EX_OR ? n > best : n < best)
            best = n;
    }
    keep_size(p, &p->longest, e, best);
    return best;
}

size_t expr_longest(struct expr_pool *p, uint32_t e)
{
    size_t sum = 0;
    for (;;) {
        const struct expr_node x = p->node[e];
        switch (x.kind) {
        case EX_CAT:
            sum = add_size(sum, expr_longest(p, x.a));
            e = x.b;
            continue;
        case EX_SET:
            return add_size(sum, p->range[x.a].lo >= EXPR_LABEL ? 0 : 1);
        case EX_OR:
        case EX_AND:
            return add_size(sum, longest_of_list(p, e));
        case EX_REP:
            return x.c == EXPR_INF ? SIZE_MAX : add_size(sum, mul_size(expr_longest(p, x.a), x.c));
        case EX_NOT:
        case EX_FIX:
            return SIZE_MAX;
        default:
            return sum;
        }
    }
}

/* Counts down a tree of derivatives.  A chain with one way on is walked in a loop; `depth` bounds
 * the branching, behind which a living language is taken to have enough words. */
static uint32_t count_words(struct expr_pool *p, uint32_t e, uint32_t cap, uint32_t depth)
{
    uint64_t sum = 0;
    if (depth > 64)
        return cap;
    for (uint32_t steps = 0; p->failed == ST_OK && sum < cap; steps++) {
        sum += expr_nullable(p, e);
        struct arc_list l = expr_live_arcs(p, e);
        if (!l.n || sum >= cap)
            break;
        if (steps > 4096)
            return cap;
        if (l.n == 1 && l.arc[0].lo == l.arc[0].hi) {
            e = l.arc[0].to;
            continue;
        }
        for (uint32_t i = 0; i < l.n && sum < cap; i++) {
            uint64_t width = l.arc[i].hi - l.arc[i].lo + 1;
            sum += width * count_words(p, l.arc[i].to, cap, depth + 1);
        }
        break;
    }
    return sum > cap ? cap : (uint32_t)sum;
}

uint32_t expr_words(struct expr_pool *p, uint32_t e, uint32_t cap)
{
    return count_words(p, e, cap, 0);
}
