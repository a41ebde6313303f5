/* regex.c - a parsed regular expression to an expression, by continuation.
 *
 * C(x, k) is the language of x followed by k.  With the continuation in hand, assertions become
 * logic: `$` is k without anything but the end, (?=y) is k and y-then-anything, (?!y) is k and not
 * y-then-anything.  A loop around assertions becomes a recursive definition.  at0 says that
 * nothing has been read, which is what `^` asks. */
#include "compiler/pattern/regex.h"

#include "compiler/pattern/derive.h"
#include "compiler/pattern/regex_tree.h"

struct cont {
    struct expr_pool *p;
    struct error     *err;
    enum status       st;
};

static uint32_t refuse(struct cont *c, const struct rx *x, const char *text)
{
    if (c->st == ST_OK)
        c->st = error_at(c->err, ST_UNSUPPORTED, "E0404", (struct span){ x->off, 1 }, "%s", text);
    return EXPR_EMPTY;
}

/* A node without assertions. */
static uint32_t plain(struct cont *c, const struct rx *x)
{
    struct expr_pool *p = c->p;
    uint32_t e = EXPR_EPS;
    switch (x->kind) {
    case RX_SET: {
        struct ranges s = { x->range, x->n, x->n, false };
        return expr_set(p, &s);
    }
    case RX_CAT:
        for (uint32_t i = x->n; i > 0; i--)
            e = expr_cat(p, plain(c, x->kid[i - 1]), e);
        return e;
    case RX_ALT: {
        uint32_t *arm = arena_array(&p->arena, x->n, sizeof *arm);
        for (uint32_t i = 0; arm && i < x->n; i++)
            arm[i] = plain(c, x->kid[i]);
        if (!arm)
            p->failed = ST_NOMEM;
        return arm ? expr_or(p, arm, x->n) : EXPR_EMPTY;
    }
    case RX_REP:
        return expr_rep(p, plain(c, x->kid[0]), x->lo, x->hi);
    default:
        return EXPR_EMPTY;
    }
}

static uint32_t with(struct cont *c, const struct rx *x, uint32_t k, bool at0);

/* The first `n` of the kids, then k.  Behind the last `^` the order of reading is from the end and
 * needs no recursion; before it, what may be empty is split into empty and not. */
static uint32_t sequence(struct cont *c, struct rx *const *kid, uint32_t n, uint32_t from,
                         uint32_t k, bool at0)
{
    struct expr_pool *p = c->p;
    uint32_t last = 0;
    for (uint32_t i = from; i < n; i++)
        if (kid[i]->begins)
            last = i + 1;
    uint32_t stop = last > from && at0 ? last : from;
    for (uint32_t i = n; i > stop && c->st == ST_OK; i--) {
        bool still = at0 && i - 1 == from;
        k = with(c, kid[i - 1], k, still);
    }
    if (stop == from)
        return k;
    if (stop - from > RX_UNROLL_MAX)
        return refuse(c, kid[from], "RX_LIMIT: ^ stands too far inside the pattern");

    const struct rx *x = kid[from];
    if (x->kind == RX_BEGIN || x->kind == RX_END || x->kind == RX_AHEAD)
        return with(c, x, sequence(c, kid, stop, from + 1, k, true), true);
    bool more = stop > from + 1;
    if (!more)
        return with(c, x, k, true);
    if (!x->nullable)
        return with(c, x, sequence(c, kid, stop, from + 1, k, false), true);
    if (x->asserts)
        return refuse(c, x, "RX_LIMIT: ^ behind a part that may be empty and has assertions");
    uint32_t some = expr_and2(p, plain(c, x), expr_not(p, EXPR_EPS));
    uint32_t read = expr_cat(p, some, sequence(c, kid, stop, from + 1, k, false));
    return expr_or2(p, read, sequence(c, kid, stop, from + 1, k, true));
}

static uint32_t loop(struct cont *c, const struct rx *x, uint32_t k, bool at0)
{
    struct expr_pool *p = c->p;
    const struct rx *body = x->kid[0];
    bool open = x->hi == EXPR_INF;
    if (x->lo > RX_UNROLL_MAX || (!open && x->hi > RX_UNROLL_MAX))
        return refuse(c, x, "RX_LIMIT: a loop with assertions and a bound over 64");
    if (open && body->nullable)
        return refuse(c, x, "RX_LIMIT: an unbounded loop whose body may be empty and has assertions");
    if (at0 && body->begins && body->nullable && x->hi > 1)
        return refuse(c, x, "RX_LIMIT: ^ inside a loop whose body may be empty");
    uint32_t rest = k;
    uint32_t rounds = open ? x->lo : x->hi;
    if (open) {
        rest = expr_fix(p);
        expr_fix_define(p, rest, expr_or2(p, k, with(c, body, rest, false)));
        if (!x->lo)
            return expr_or2(p, k, with(c, body, rest, at0));
    }
    for (uint32_t i = rounds; i > 0 && c->st == ST_OK; i--) {
        rest = with(c, body, rest, at0 && i == 1);
        if (i > x->lo)
            rest = expr_or2(p, k, rest);
    }
    return rest;
}

static uint32_t with(struct cont *c, const struct rx *x, uint32_t k, bool at0)
{
    struct expr_pool *p = c->p;
    if (c->st != ST_OK || p->failed != ST_OK)
        return EXPR_EMPTY;
    if (!x->asserts)
        return expr_cat(p, plain(c, x), k);
    switch (x->kind) {
    case RX_BEGIN:
        return at0 ? k : EXPR_EMPTY;
    case RX_END:
        return expr_and2(p, EXPR_EPS, k);
    case RX_AHEAD: {
        uint32_t y = with(c, x->kid[0], EXPR_ALL, at0);
        return expr_and2(p, x->negative ? expr_not(p, y) : y, k);
    }
    case RX_CAT:
        return sequence(c, x->kid, x->n, 0, k, at0);
    case RX_ALT: {
        uint32_t e = EXPR_EMPTY;
        for (uint32_t i = 0; i < x->n; i++)
            e = expr_or2(p, e, with(c, x->kid[i], k, at0));
        return e;
    }
    case RX_REP:
        return loop(c, x, k, at0);
    default:
        return EXPR_EMPTY;
    }
}

static uint32_t compile(struct cont *c, const struct rx *x, enum regex_dialect dialect)
{
    if (dialect == REGEX_GEN)
        return with(c, x, EXPR_EPS, true);
    uint32_t here = with(c, x, EXPR_ALL, true);
    if (!x->begins)
        return expr_cat(c->p, EXPR_ALL, here);
    uint32_t some = expr_rep(c->p, EXPR_ANY, 1, EXPR_INF);
    return expr_or2(c->p, here, expr_cat(c->p, some, with(c, x, EXPR_ALL, false)));
}

enum status regex_compile(struct expr_pool *p, struct slice text, enum regex_dialect dialect,
                          uint32_t flags, uint32_t *ret_expr, struct error *err)
{
    struct arena a = { 0 };
    struct rx *x = NULL;
    enum status st = regex_parse(&a, text, dialect, flags, &x, err);
    if (st == ST_OK) {
        struct cont c = { p, err, ST_OK };
        uint32_t e = compile(&c, x, dialect);
        st = c.st;
        if (st == ST_OK && p->failed != ST_OK)
            st = p->failed == ST_NOMEM ? error_nomem(err)
               : error_code(err, ST_LIMIT, "E0402", "RX_LIMIT: the pattern is too large");
        if (st == ST_OK)
            *ret_expr = e;
    }
    arena_free(&a);
    return st;
}

enum status regex_check(struct slice text, enum regex_dialect dialect, uint32_t flags,
                        struct error *err)
{
    struct arena a = { 0 };
    struct rx *x = NULL;
    enum status st = regex_parse(&a, text, dialect, flags, &x, err);
    arena_free(&a);
    return st;
}
