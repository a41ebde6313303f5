/* grammar.c - grammars to rule nodes.
 *
 * 1. Rules that do not lead back to themselves, and lead only to such rules, are folded into
 *    expressions; in the others, runs of regular items become one leaf.
 * 2. Each remaining rule becomes a small automaton with empty edges; edges over something that may
 *    be empty get a bypass and lose the empty word; then empty edges are closed away.  From here on
 *    no rule returns at the place where it was called.
 * 3. Left recursion is turned into iteration: the rules of a cycle are put into one another until
 *    each calls only itself first; then such a call goes, and the ends of the rule go on where the
 *    call would have returned to.  Only the language matters here, no tree is built.
 * 4. The automata become rule nodes. */
#include "compiler/pattern/grammar.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"

enum { NODE_MAX = 200000, EDGE_MAX = 2000000, UNROLL_MAX = 4096 };

void *grammar_bad(struct grammar *g, uint32_t off, const char *code, const char *why)
{
    uint32_t line = 1, column = 1;
    if (g->st != ST_OK)
        return NULL;
    for (uint32_t i = 0; i < off && i < g->text.len; i++) {
        column = g->text.ptr[i] == '\n' ? 1 : column + 1;
        line += g->text.ptr[i] == '\n';
    }
    enum status st = !strcmp(code, "E0402") ? ST_LIMIT : ST_SYNTAX;
    g->st = error_at(g->err, st, code, (struct span){ off, 1 }, "%u:%u: %s", line, column, why);
    return NULL;
}

static void *nomem(struct grammar *g)
{
    if (g->st == ST_OK)
        g->st = error_nomem(g->err);
    return NULL;
}

uint32_t grammar_rule(struct grammar *g, struct slice name, uint32_t off)
{
    uint32_t id = intern_add(&g->name, name);
    if (id == INTERN_NONE || id > GRAMMAR_RULE_MAX) {
        if (id == INTERN_NONE)
            nomem(g);
        else
            grammar_bad(g, off, "E0402", "the grammar has too many rules");
        return 0;
    }
    while (g->n_rule <= id) {
        struct grammar_rule *r = array_push(&g->rule, &g->n_rule, &g->cap_rule, sizeof *r);
        if (!r) {
            nomem(g);
            return 0;
        }
        r->off = off;
    }
    return id;
}

struct item *grammar_item(struct grammar *g, enum item_kind kind, uint32_t off)
{
    struct item *x = arena_zalloc(&g->arena, sizeof *x);
    if (!x)
        return nomem(g);
    if (++g->n_item > GRAMMAR_ITEM_MAX)
        return grammar_bad(g, off, "E0402", "the grammar is too large");
    x->kind = kind;
    x->off = off;
    return x;
}

struct item *grammar_expr(struct grammar *g, uint32_t expr, uint32_t off)
{
    struct item *x = grammar_item(g, ITEM_EXPR, off);
    if (x)
        x->x = expr;
    return x;
}

void grammar_push(struct grammar *g, struct grammar_list *l, struct item *x)
{
    struct item **slot = x ? array_push(&l->x, &l->n, &l->cap, sizeof *slot) : NULL;
    if (slot)
        *slot = x;
    else if (x)
        nomem(g);
}

struct item *grammar_join(struct grammar *g, enum item_kind kind, struct grammar_list *l, uint32_t off)
{
    struct item *x = NULL;
    if (g->st == ST_OK && l->n == 1) {
        x = l->x[0];
    } else if (g->st == ST_OK && !l->n) {
        x = grammar_expr(g, kind == ITEM_CAT ? EXPR_EPS : EXPR_EMPTY, off);
    } else if (g->st == ST_OK && (x = grammar_item(g, kind, off))) {
        x->n = l->n;
        x->kid = arena_dup(&g->arena, l->x, l->n * sizeof *l->x);
        if (!x->kid)
            x = nomem(g);
    }
    mem_free(l->x);
    *l = (struct grammar_list){ 0 };
    return x;
}

struct item *grammar_repeat(struct grammar *g, struct item *x, uint32_t lo, uint32_t hi)
{
    struct item *r = x ? grammar_item(g, ITEM_REP, x->off) : NULL;
    if (!r || !(r->kid = arena_dup(&g->arena, &x, sizeof x)))
        return x ? nomem(g) : NULL;
    r->n = 1;
    r->lo = lo;
    r->hi = hi;
    return r;
}

static bool number(struct grammar *g, uint32_t *ret)
{
    uint64_t v = 0;
    uint32_t from = g->at;
    for (; g->at < g->text.len && g->text.ptr[g->at] >= '0' && g->text.ptr[g->at] <= '9'; g->at++)
        v = v > 1u << 21 ? v : v * 10 + (uint64_t)(g->text.ptr[g->at] - '0');
    if (v > 1u << 20)
        grammar_bad(g, from, "E0402", "a bound is over 1048576");
    *ret = (uint32_t)v;
    return g->at > from;
}

static void blanks(struct grammar *g)
{
    while (g->at < g->text.len && (g->text.ptr[g->at] == ' ' || g->text.ptr[g->at] == '\t'))
        g->at++;
}

bool grammar_bounds(struct grammar *g, uint32_t *lo, uint32_t *hi)
{
    uint32_t from = g->at;
    blanks(g);
    bool low = number(g, lo);
    *lo = low ? *lo : 0;
    blanks(g);
    *hi = *lo;
    bool comma = g->at < g->text.len && g->text.ptr[g->at] == ',';
    if (comma) {
        g->at++;
        blanks(g);
        if (!number(g, hi))
            *hi = EXPR_INF;
        blanks(g);
    }
    if ((!low && !comma) || g->at >= g->text.len || g->text.ptr[g->at] != '}' || *hi < *lo) {
        grammar_bad(g, from, "E0405", "bounds such as {2}, {2,} or {2,5} are expected");
        return false;
    }
    g->at++;
    return true;
}

/* ---- 1. folding ----------------------------------------------------------------------------- */

enum { NEW, OPEN, DONE };

/* Items nest at most GRAMMAR_NEST_MAX deep, rules may call one another in long chains: the search
 * below keeps its own stack of rules. */
static void mentions(struct grammar *g, const struct item *x, uint32_t **list, uint32_t *n, uint32_t *cap)
{
    if (x->kind == ITEM_RULE) {
        uint32_t *slot = array_push(list, n, cap, sizeof *slot);
        if (slot)
            *slot = x->x;
        else
            nomem(g);
    }
    for (uint32_t i = 0; i < x->n; i++)
        mentions(g, x->kid[i], list, n, cap);
}

static uint32_t fold(struct grammar *g, const struct item *x)
{
    struct expr_pool *p = g->ex;
    uint32_t e = EXPR_EPS;
    switch (x->kind) {
    case ITEM_EXPR:
        return x->x;
    case ITEM_RULE:
        return g->rule[x->x].expr;
    case ITEM_CAT:
        for (uint32_t i = x->n; i > 0; i--)
            e = expr_cat(p, fold(g, x->kid[i - 1]), e);
        return e;
    case ITEM_ALT: {
        uint32_t *arm = arena_array(&g->arena, x->n, sizeof *arm);
        for (uint32_t i = 0; arm && i < x->n; i++)
            arm[i] = fold(g, x->kid[i]);
        return arm ? expr_or(p, arm, x->n) : (nomem(g), EXPR_EMPTY);
    }
    default:
        return expr_rep(p, fold(g, x->kid[0]), x->lo, x->hi);
    }
}

static bool regular(const struct grammar *g, const struct item *x)
{
    if (x->kind == ITEM_RULE)
        return g->rule[x->x].folded;
    if (x->kind == ITEM_STATE)
        return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (!regular(g, x->kid[i]))
            return false;
    return true;
}

/* Depth first over rules; a rule met again while it is open is recursive. */
static void fold_rules(struct grammar *g, uint32_t root)
{
    uint32_t *stack = NULL, n = 0, cap = 0, *kid = NULL, n_kid = 0, cap_kid = 0;
    uint32_t *slot = array_push(&stack, &n, &cap, sizeof *slot);
    if (slot)
        *slot = root;
    while (n && g->st == ST_OK) {
        struct grammar_rule *r = &g->rule[stack[n - 1]];
        if (r->state == DONE) {
            n--;
            continue;
        }
        if (!r->body) {
            struct slice name = intern_text(&g->name, stack[n - 1]);
            char why[120];
            snprintf(why, sizeof why, "rule %.*s is not defined", (int)(name.len > 60 ? 60 : name.len), name.ptr);
            grammar_bad(g, r->off, "E0406", why);
            break;
        }
        if (r->state == OPEN) {
            r->state = DONE;
            if (!r->recursive && regular(g, r->body)) {
                r->expr = fold(g, r->body);
                r->folded = true;
            }
            n--;
            continue;
        }
        r->state = OPEN;
        n_kid = 0;
        mentions(g, r->body, &kid, &n_kid, &cap_kid);
        for (uint32_t i = 0; i < n_kid && g->st == ST_OK; i++) {
            if (g->rule[kid[i]].state == OPEN)
                g->rule[kid[i]].recursive = true;
            if (g->rule[kid[i]].state != NEW)
                continue;
            slot = array_push(&stack, &n, &cap, sizeof *slot);
            if (slot)
                *slot = kid[i];
            else
                nomem(g);
        }
    }
    mem_free(stack);
    mem_free(kid);
}

/* ---- 2. automata ---------------------------------------------------------------------------- */

enum { E_EMPTY, E_TERM, E_CALL, E_STATE };

struct aedge {
    uint8_t  kind;
    uint32_t x, to;         /* expression, rule, or rule state */
};

struct astate {
    struct aedge *e;
    uint32_t      n, cap;
    bool          final;
    uint32_t      rule;
    uint32_t      mark;
};

struct automata {
    struct grammar *g;
    struct astate  *s;
    uint32_t        n, cap, n_edge, mark;
    uint32_t       *start;          /* by rule */
    bool           *nullable;
};

static uint32_t state_new(struct automata *a, uint32_t rule)
{
    struct astate *s = a->n < NODE_MAX ? array_push(&a->s, &a->n, &a->cap, sizeof *s) : NULL;
    if (!s) {
        grammar_bad(a->g, 0, "E0402", "the grammar is too large");
        return 0;
    }
    s->rule = rule;
    return a->n - 1;
}

static void edge(struct automata *a, uint32_t from, uint8_t kind, uint32_t x, uint32_t to)
{
    struct astate *s = &a->s[from];
    for (uint32_t i = 0; i < s->n; i++)
        if (s->e[i].kind == kind && s->e[i].x == x && s->e[i].to == to)
            return;
    struct aedge *e = ++a->n_edge < EDGE_MAX ? array_push(&s->e, &s->n, &s->cap, sizeof *e) : NULL;
    if (e)
        *e = (struct aedge){ kind, x, to };
    else
        grammar_bad(a->g, 0, "E0402", "the grammar is too large");
}

static void build(struct automata *a, const struct item *x, uint32_t rule, uint32_t from, uint32_t to);

/* Runs of regular items are one leaf. */
static void build_cat(struct automata *a, const struct item *x, uint32_t rule, uint32_t from, uint32_t to)
{
    struct grammar *g = a->g;
    for (uint32_t i = 0; i < x->n && g->st == ST_OK;) {
        uint32_t j = i, e = EXPR_EPS;
        while (j < x->n && regular(g, x->kid[j]))
            j++;
        uint32_t end = j > i ? j : i + 1;
        uint32_t next = end == x->n ? to : state_new(a, rule);
        if (j > i) {
            for (uint32_t k = j; k > i; k--)
                e = expr_cat(g->ex, fold(g, x->kid[k - 1]), e);
            edge(a, from, E_TERM, e, next);
        } else {
            build(a, x->kid[i], rule, from, next);
        }
        from = next;
        i = end;
    }
}

static void build_rep(struct automata *a, const struct item *x, uint32_t rule, uint32_t from, uint32_t to)
{
    uint32_t at = from, rounds = x->hi == EXPR_INF ? x->lo : x->hi;
    if (rounds > UNROLL_MAX) {
        grammar_bad(a->g, x->off, "E0402", "this repetition is too large for what it repeats");
        return;
    }
    for (uint32_t i = 0; i < rounds && a->g->st == ST_OK; i++) {
        uint32_t next = state_new(a, rule);
        if (i >= x->lo)
            edge(a, at, E_EMPTY, 0, to);
        build(a, x->kid[0], rule, at, next);
        at = next;
    }
    if (x->hi == EXPR_INF) {
        uint32_t hub = state_new(a, rule);
        edge(a, at, E_EMPTY, 0, hub);
        build(a, x->kid[0], rule, hub, hub);
        at = hub;
    }
    edge(a, at, E_EMPTY, 0, to);
}

static void build(struct automata *a, const struct item *x, uint32_t rule, uint32_t from, uint32_t to)
{
    struct grammar *g = a->g;
    if (g->st != ST_OK)
        return;
    if (regular(g, x)) {
        edge(a, from, E_TERM, fold(g, x), to);
        return;
    }
    switch (x->kind) {
    case ITEM_RULE:
        edge(a, from, E_CALL, x->x, to);
        return;
    case ITEM_STATE:
        edge(a, from, E_STATE, x->x, to);
        return;
    case ITEM_CAT:
        build_cat(a, x, rule, from, to);
        return;
    case ITEM_ALT:
        for (uint32_t i = 0; i < x->n; i++)
            build(a, x->kid[i], rule, from, to);
        return;
    default:
        build_rep(a, x, rule, from, to);
    }
}

/* Which rules may be empty: a search along empty edges, repeated until nothing changes. */
static bool reaches_end(struct automata *a, uint32_t start)
{
    uint32_t *stack = NULL, n = 0, cap = 0;
    bool found = false;
    uint32_t *slot = array_push(&stack, &n, &cap, sizeof *slot);
    a->mark++;
    if (slot)
        *slot = start;
    while (n && !found) {
        struct astate *s = &a->s[stack[--n]];
        if (s->mark == a->mark)
            continue;
        s->mark = a->mark;
        found = s->final;
        for (uint32_t i = 0; i < s->n && !found; i++) {
            const struct aedge *e = &s->e[i];
            bool skip = e->kind == E_EMPTY || (e->kind == E_CALL && a->nullable[e->x]) ||
                        (e->kind == E_TERM && expr_nullable(a->g->ex, e->x));
            slot = skip ? array_push(&stack, &n, &cap, sizeof *slot) : NULL;
            if (slot)
                *slot = e->to;
            else if (skip)
                nomem(a->g);
        }
    }
    mem_free(stack);
    return found;
}

static uint32_t without_empty(struct expr_pool *p, uint32_t e)
{
    const struct expr_node x = p->node[e];
    if (x.kind == EX_REP && !expr_nullable(p, x.a))
        return expr_rep(p, x.a, 1, x.c);
    return expr_and2(p, e, expr_not(p, EXPR_EPS));
}

static void free_of_empty(struct automata *a)
{
    struct grammar *g = a->g;
    for (bool changed = true; changed && g->st == ST_OK;) {
        changed = false;
        for (uint32_t i = 0; i < g->n_rule; i++)
            if (a->start[i] && !a->nullable[i] && reaches_end(a, a->start[i]))
                changed = a->nullable[i] = true;
    }
    for (uint32_t i = 1; i < a->n && g->st == ST_OK; i++)
        for (uint32_t k = 0, n = a->s[i].n; k < n; k++) {
            struct aedge e = a->s[i].e[k];
            bool skips = (e.kind == E_CALL && a->nullable[e.x]) ||
                         (e.kind == E_TERM && expr_nullable(g->ex, e.x));
            if (!skips)
                continue;
            if (e.kind == E_TERM)
                a->s[i].e[k].x = without_empty(g->ex, e.x);
            edge(a, i, E_EMPTY, 0, e.to);
        }
}

/* Replaces empty edges by what lies behind them. */
static void close_empty(struct automata *a)
{
    struct grammar *g = a->g;
    uint32_t *stack = NULL, n = 0, cap = 0;
    for (uint32_t i = 1; i < a->n && g->st == ST_OK; i++) {
        a->mark++;
        n = 0;
        uint32_t *slot = array_push(&stack, &n, &cap, sizeof *slot);
        if (slot)
            *slot = i;
        while (n && g->st == ST_OK) {
            uint32_t q = stack[--n];
            if (a->s[q].mark == a->mark)
                continue;
            a->s[q].mark = a->mark;
            a->s[i].final |= a->s[q].final;
            for (uint32_t k = 0; k < a->s[q].n && g->st == ST_OK; k++) {
                struct aedge e = a->s[q].e[k];
                if (e.kind != E_EMPTY) {
                    edge(a, i, e.kind, e.x, e.to);
                    continue;
                }
                slot = array_push(&stack, &n, &cap, sizeof *slot);
                if (slot)
                    *slot = e.to;
                else
                    nomem(g);
            }
        }
    }
    for (uint32_t i = 1; i < a->n; i++) {
        uint32_t kept = 0;
        for (uint32_t k = 0; k < a->s[i].n; k++)
            if (a->s[i].e[k].kind != E_EMPTY)
                a->s[i].e[kept++] = a->s[i].e[k];
        a->s[i].n = kept;
    }
    mem_free(stack);
}

/* ---- 3. left recursion ---------------------------------------------------------------------- */

/* Whether `to` can be called first, over any number of rules, when `from` is. */
static bool calls_first(struct automata *a, uint32_t from, uint32_t to)
{
    uint32_t *stack = NULL, n = 0, cap = 0;
    bool found = false;
    uint32_t *slot = array_push(&stack, &n, &cap, sizeof *slot);
    a->mark++;
    if (slot)
        *slot = from;
    while (n && !found) {
        struct astate *s = &a->s[a->start[stack[--n]]];
        if (s->mark == a->mark)
            continue;
        s->mark = a->mark;
        for (uint32_t i = 0; i < s->n && !found; i++) {
            if (s->e[i].kind != E_CALL)
                continue;
            found = s->e[i].x == to;
            slot = array_push(&stack, &n, &cap, sizeof *slot);
            if (slot)
                *slot = s->e[i].x;
        }
    }
    mem_free(stack);
    return found;
}

/* A copy of rule `inner` inside `outer`: its first edges at `from`, its ends going on at `to`. */
static void put_inside(struct automata *a, uint32_t inner, uint32_t outer, uint32_t from, uint32_t to)
{
    struct grammar *g = a->g;
    struct idmap copy = { 0 };
    uint32_t *stack = NULL, n = 0, cap = 0;
    uint32_t *slot = array_push(&stack, &n, &cap, sizeof *slot);
    if (slot)
        *slot = a->start[inner];
    if (!idmap_put(&copy, a->start[inner], from))
        nomem(g);
    while (n && g->st == ST_OK) {
        uint32_t q = stack[--n];
        uint64_t mine = 0;
        idmap_get(&copy, q, &mine);
        if (a->s[q].final && q != a->start[inner])
            edge(a, (uint32_t)mine, E_EMPTY, 0, to);
        for (uint32_t k = 0; k < a->s[q].n && g->st == ST_OK; k++) {
            struct aedge e = a->s[q].e[k];
            uint64_t next;
            if (!idmap_get(&copy, e.to, &next)) {
                next = state_new(a, outer);
                slot = array_push(&stack, &n, &cap, sizeof *slot);
                if (!slot || !idmap_put(&copy, e.to, next))
                    nomem(g);
                else
                    *slot = e.to;
            }
            edge(a, (uint32_t)mine, e.kind, e.x, (uint32_t)next);
        }
    }
    idmap_free(&copy);
    mem_free(stack);
}

static void drop_first_call(struct automata *a, uint32_t rule, uint32_t k)
{
    struct astate *s = &a->s[a->start[rule]];
    s->e[k] = s->e[--s->n];
}

/* Lower rules of the cycle that are called first are put inside. */
static void inline_lower(struct automata *a, uint32_t rule)
{
    for (bool changed = true; changed && a->g->st == ST_OK;) {
        changed = false;
        for (uint32_t k = 0; !changed && k < a->s[a->start[rule]].n; k++) {
            struct aedge e = a->s[a->start[rule]].e[k];
            if (e.kind != E_CALL || e.x >= rule || !calls_first(a, e.x, rule))
                continue;
            drop_first_call(a, rule, k);
            put_inside(a, e.x, rule, a->start[rule], e.to);
            close_empty(a);
            changed = true;
        }
    }
}

/* E: E x | y  becomes  E: y x*. */
static void iterate(struct automata *a, uint32_t rule)
{
    bool any = false;
    for (uint32_t k = 0; k < a->s[a->start[rule]].n && a->g->st == ST_OK;) {
        struct aedge e = a->s[a->start[rule]].e[k];
        if (e.kind != E_CALL || e.x != rule) {
            k++;
            continue;
        }
        drop_first_call(a, rule, k);
        any = true;
        for (uint32_t q = 1, n = a->n; q < n && a->g->st == ST_OK; q++)
            if (a->s[q].rule == rule && a->s[q].final)
                edge(a, q, E_EMPTY, 0, e.to);
    }
    if (any)
        close_empty(a);
}

static void left_recursion(struct automata *a)
{
    struct grammar *g = a->g;
    for (uint32_t i = 0; i < g->n_rule && g->st == ST_OK; i++) {
        if (!a->start[i] || !calls_first(a, i, i))
            continue;
        inline_lower(a, i);
        iterate(a, i);
    }
}

/* ---- 4. rule nodes -------------------------------------------------------------------------- */

static void emit(struct automata *a, uint32_t root)
{
    struct grammar *g = a->g;
    struct rules *r = &g->p->r;
    uint32_t *node = mem_calloc(a->n + 1ul, sizeof *node);
    if (!node) {
        nomem(g);
        return;
    }
    for (uint32_t i = 1; i < a->n && !rules_failed(r); i++)
        node[i] = rule_node_new(r);
    for (uint32_t i = 1; i < a->n && !rules_failed(r); i++) {
        if (a->s[i].final)
            rule_node_final(r, node[i]);
        for (uint32_t k = 0; k < a->s[i].n && !rules_failed(r); k++) {
            struct aedge e = a->s[i].e[k];
            bool ends = a->s[e.to].final && !a->s[e.to].n;
            uint32_t next = ends ? 0 : node[e.to];
            if (e.kind == E_TERM)
                rule_node_term(r, node[i], terminal_start(&r->t, e.x, ENC_RAW), next);
            else if (e.kind == E_STATE)
                rule_node_call(r, node[i], e.x, next);
            else
                rule_node_call(r, node[i], node[a->start[e.x]], next);
        }
    }
    uint32_t top = rule_node_new(r);
    if (!rules_failed(r)) {
        rule_node_call(r, top, node[a->start[root]], 0);
        if (a->nullable[root])
            rule_node_final(r, top);
    }
    g->p->root = top;
    mem_free(node);
}

static void automata_free(struct automata *a)
{
    for (uint32_t i = 0; i < a->n; i++)
        mem_free(a->s[i].e);
    mem_free(a->s);
    mem_free(a->start);
    mem_free(a->nullable);
}

static void make_rules(struct grammar *g, uint32_t root)
{
    struct automata a = { .g = g };
    a.start = mem_calloc(g->n_rule + 1ul, sizeof *a.start);
    a.nullable = mem_calloc(g->n_rule + 1ul, sizeof *a.nullable);
    if (!a.start || !a.nullable)
        nomem(g);
    state_new(&a, 0);                       /* number 0 is no state */
    for (uint32_t i = 0; i < g->n_rule && g->st == ST_OK; i++) {
        if (g->rule[i].state != DONE || (g->rule[i].folded && i != root))
            continue;
        a.start[i] = state_new(&a, i);
        uint32_t end = state_new(&a, i);
        if (g->st == ST_OK) {
            a.s[end].final = true;
            build(&a, g->rule[i].body, i, a.start[i], end);
        }
    }
    if (g->st == ST_OK)
        free_of_empty(&a);
    if (g->st == ST_OK)
        close_empty(&a);
    for (uint32_t i = 0; i < g->n_rule && g->st == ST_OK; i++)
        if (a.start[i])
            a.s[a.start[i]].final = false;
    if (g->st == ST_OK)
        left_recursion(&a);
    if (g->st == ST_OK)
        emit(&a, root);
    automata_free(&a);
}

void grammar_lower(struct grammar *g, uint32_t root)
{
    if (g->st == ST_OK)
        fold_rules(g, root);
    if (g->st == ST_OK)
        make_rules(g, root);
    if (g->st == ST_OK)
        g->st = lower_failed(g->p, g->err);
}

void grammar_free(struct grammar *g)
{
    mem_free(g->rule);
    intern_free(&g->name);
    arena_free(&g->arena);
}

enum status lower_grammar(struct pattern *p, struct slice text, struct error *err)
{
    struct grammar g = { .p = p, .ex = &p->r.t.ex, .text = text, .err = err };
    bool gbnf = slice_find(text, SLICE("::=")) != SIZE_MAX;
    if (text.len > GRAMMAR_TEXT_MAX)
        grammar_bad(&g, 0, "E0402", "the grammar is over 1 MiB");
    uint32_t root = grammar_rule(&g, gbnf ? SLICE("root") : SLICE("start"), 0);
    if (g.st == ST_OK && gbnf)
        grammar_parse_gbnf(&g);
    else if (g.st == ST_OK)
        grammar_parse_lark(&g);
    grammar_lower(&g, root);
    grammar_free(&g);
    return g.st;
}
