/* rules.c - rule states and the nodes of grammars. */
#include "compiler/pattern/rules.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

enum { RULE_STATE_MAX = 1u << 20 };

void rules_fail(struct rules *r, enum status st)
{
    if (r->t.ex.failed == ST_OK)
        r->t.ex.failed = st;
}

static bool grow(struct rules *r)
{
    if ((r->n_st + 1) * 2 <= r->n_slot)
        return true;
    uint32_t n = r->n_slot ? r->n_slot * 2 : 128;
    uint32_t *slot = mem_calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < r->n_st; i++) {
        uint32_t k = (uint32_t)hash_bytes(&r->st[i], sizeof *r->st) & (n - 1);
        while (slot[k])
            k = (k + 1) & (n - 1);
        slot[k] = i + 1;
    }
    mem_free(r->slot);
    r->slot = slot;
    r->n_slot = n;
    return true;
}

uint32_t rule_intern(struct rules *r, struct rule_state s)
{
    if (rules_failed(r))
        return 0;
    if (!grow(r)) {
        rules_fail(r, ST_NOMEM);
        return 0;
    }
    uint32_t k = (uint32_t)hash_bytes(&s, sizeof s) & (r->n_slot - 1);
    for (; r->slot[k]; k = (k + 1) & (r->n_slot - 1))
        if (!memcmp(&r->st[r->slot[k] - 1], &s, sizeof s))
            return r->slot[k] - 1;
    if (r->n_st >= RULE_STATE_MAX) {
        rules_fail(r, ST_LIMIT);
        return 0;
    }
    if (r->n_st == r->cap_st) {
        uint32_t cap = r->cap_st ? r->cap_st * 2 : 64, c1 = r->cap_st, c2 = r->cap_st;
        if (!array_reserve(&r->st, &c1, cap, sizeof *r->st) ||
            !array_reserve(&r->exp, &c2, cap, sizeof *r->exp)) {
            rules_fail(r, ST_NOMEM);
            return 0;
        }
        memset(r->exp + r->cap_st, 0, (cap - r->cap_st) * sizeof *r->exp);
        r->cap_st = cap;
    }
    r->st[r->n_st] = s;
    r->slot[k] = ++r->n_st;
    return r->n_st - 1;
}

/* ---- grammar nodes -------------------------------------------------------------------------- */

uint32_t rule_node_new(struct rules *r)
{
    struct rule_node *n = array_push(&r->node, &r->n_node, &r->cap_node, sizeof *n);
    if (!n) {
        rules_fail(r, ST_NOMEM);
        return 0;
    }
    n->min = SIZE_MAX;
    return rule_intern(r, (struct rule_state){ .kind = RULE_NODE, .a = r->n_node - 1 });
}

struct rule_node *rule_node_of(struct rules *r, uint32_t state)
{
    return &r->node[r->st[state].a];
}

static void add_edge(struct rules *r, uint32_t from, struct rule_edge e)
{
    if (rules_failed(r))
        return;
    struct rule_node *n = rule_node_of(r, from);
    struct rule_edge *x = array_push(&n->edge, &n->n, &n->cap, sizeof *x);
    if (x)
        *x = e;
    else
        rules_fail(r, ST_NOMEM);
}

void rule_node_term(struct rules *r, uint32_t from, uint32_t term, uint32_t next)
{
    if (term != TERM_DEAD)
        add_edge(r, from, (struct rule_edge){ EDGE_TERM, false, term, next });
}

void rule_node_call(struct rules *r, uint32_t from, uint32_t rule, uint32_t next)
{
    add_edge(r, from, (struct rule_edge){ EDGE_CALL, false, rule, next });
}

void rule_node_final(struct rules *r, uint32_t state)
{
    if (!rules_failed(r))
        rule_node_of(r, state)->final = true;
}

static size_t edge_cost(struct rules *r, const struct rule_edge *e)
{
    size_t n = e->kind == EDGE_TERM ? terminal_shortest(&r->t, e->to) : rule_cost(r, e->to);
    return add_size(n, rule_cost(r, e->next));
}

void rule_nodes_measure(struct rules *r)
{
    for (bool changed = true; changed && !rules_failed(r);) {
        changed = false;
        for (uint32_t i = r->n_node; i-- > 0;) {
            size_t best = r->node[i].final ? 0 : SIZE_MAX;
            for (uint32_t k = 0; k < r->node[i].n && best; k++) {
                size_t c = edge_cost(r, &r->node[i].edge[k]);
                best = c < best ? c : best;
            }
            expr_work(&r->t.ex, 1);
            if (best < r->node[i].min) {
                r->node[i].min = best;
                changed = true;
            }
        }
    }
    /* Edges into what has no text are taken away, so that no thread leads nowhere. */
    for (uint32_t i = 0; i < r->n_node && !rules_failed(r); i++) {
        struct rule_node *n = &r->node[i];
        uint32_t kept = 0;
        for (uint32_t k = 0; k < n->n; k++)
            if (edge_cost(r, &n->edge[k]) != SIZE_MAX)
                n->edge[kept++] = n->edge[k];
        n->n = kept;
    }
}

/* ---- states --------------------------------------------------------------------------------- */

struct rule_exp rule_expand(struct rules *r, uint32_t state)
{
    struct rule_exp x = r->exp[state];
    if (x.ready || rules_failed(r))
        return x;
    const struct rule_state s = r->st[state];
    if (s.kind == RULE_RETURN) {
        x.final = true;
    } else if (s.kind == RULE_NODE) {
        const struct rule_node *n = &r->node[s.a];
        x = (struct rule_exp){ n->edge, n->n, n->final, true };
    } else {
        value_expand(r, &s, &x);
    }
    if (rules_failed(r))
        return (struct rule_exp){ 0 };
    x.ready = true;
    r->exp[state] = x;
    return x;
}

uint32_t rule_label(struct rules *r, uint32_t state, uint32_t label)
{
    return r->st[state].kind >= RULE_ARRAY ? value_label(r, state, label) : state;
}

void rule_labels(struct rules *r, uint32_t state, uint32_t *ret_lo, uint32_t *ret_hi)
{
    const struct rule_state s = r->st[state];
    *ret_lo = 0;
    *ret_hi = 1;
    if (s.kind >= RULE_ARRAY)
        value_labels(r, &s, ret_lo, ret_hi);
}

size_t rule_cost(struct rules *r, uint32_t state)
{
    const struct rule_state s = r->st[state];
    if (s.kind == RULE_RETURN)
        return 0;
    if (s.kind == RULE_NODE)
        return r->node[s.a].min;
    return value_cost(r, &s);
}

enum status rules_init(struct rules *r, enum json_spelling spelling, uint64_t work_limit,
                       struct error *err)
{
    *r = (struct rules){ .spelling = spelling };
    r->num_spelling[0] = (struct num_spelling){ -1, 0, 0 };
    r->num_spelling[1] = (struct num_spelling){ -1, 0, -1 };
    enum status st = terminals_init(&r->t, work_limit, err);
    if (st != ST_OK)
        return st;
    rule_intern(r, (struct rule_state){ .kind = RULE_RETURN });
    value_new(r);                   /* number 0 is no value */
    if (!array_push(&r->name, &r->n_name, &r->cap_name, sizeof *r->name) || rules_failed(r))
        return error_nomem(err);
    return ST_OK;
}

void rules_free(struct rules *r)
{
    for (uint32_t i = 0; i < r->n_node; i++)
        mem_free(r->node[i].edge);
    for (uint32_t i = 0; i < r->n_value; i++) {
        mem_free(r->value[i].term);
        mem_free(r->value[i].arr);
        mem_free(r->value[i].obj);
    }
    for (uint32_t i = 0; i < r->n_array; i++) {
        mem_free(r->array[i].prefix);
        mem_free(r->array[i].prefix_counted);
        mem_free(r->array[i].prefix_other);
    }
    for (uint32_t i = 0; i < r->n_object; i++) {
        mem_free(r->object[i].key);
        mem_free(r->object[i].cls);
        choices_free(r->object[i].names);
    }
    mem_free(r->node);
    mem_free(r->value);
    mem_free(r->array);
    mem_free(r->object);
    mem_free(r->name);
    hashmap_free(&r->by_name);
    mem_free(r->st);
    mem_free(r->exp);
    mem_free(r->slot);
    idmap_free(&r->glue);
    idmap_free(&r->unused);
    arena_free(&r->arena);
    terminals_free(&r->t);
    *r = (struct rules){ 0 };
}
