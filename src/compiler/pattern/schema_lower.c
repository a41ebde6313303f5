/* schema_lower.c - clauses to alternatives of a JSON value: scalars and listed values here. */
#include <string.h>

#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_data.h"

void lits_add(struct schema *s, struct lits *l, uint32_t lit)
{
    for (uint32_t i = 0; i < l->n; i++)
        if (l->lit[i] == lit)
            return;
    uint32_t *n = array_push(&l->lit, &l->n, &l->cap, sizeof *n);
    if (n)
        *n = lit;
    else
        schema_nomem(s);
}

/* What the scalars of a goal have in common: one leaf for each spelling. */
struct scalars {
    uint32_t open, canon;       /* strings */
    uint32_t word;              /* true, false, null and listed numbers */
};

static void add_expr(struct schema *s, uint32_t *e, uint32_t more)
{
    *e = expr_or2(&s->r->t.ex, *e, more);
}

static void add_number(struct schema *s, const struct jnode *v, uint32_t node, uint32_t *word)
{
    struct decimal d;
    struct str text = { 0 };
    if (decimal_read(v->text, &d) && d.exp < 400 && d.n - d.exp < 400) {
        decimal_write(&d, &text);
        add_expr(s, word, expr_text(&s->r->t.ex, str_slice(&text)));
    }
    /* As it was written too, unless it is minus zero. */
    if (text.len && !(v->text.ptr[0] == '-' && !d.n) && !text.failed)
        add_expr(s, word, expr_text(&s->r->t.ex, v->text));
    if (!text.len)
        schema_refuse(s, node, WORD_NONE, "a listed number has too many digits");
    str_free(&text);
}

/* An array or object as a value with exactly one member. */
static void lower_constant(struct schema *s, const struct jnode *v, uint32_t node, uint32_t value)
{
    struct rules *r = s->r;
    if (rules_failed(r))
        return;
    struct slice word = v->kind == J_NULL ? SLICE("null") : v->truth ? SLICE("true") : SLICE("false");
    uint32_t e = EXPR_EMPTY, id;
    switch (v->kind) {
    case J_STRING:
        value_add_term(r, value, terminal_start(&r->t, expr_text(&r->t.ex, v->text), ENC_CANON));
        return;
    case J_NUMBER:
        add_number(s, v, node, &e);
        value_add_term(r, value, terminal_start(&r->t, e, ENC_RAW));
        return;
    case J_ARRAY: {
        uint32_t *kid = arena_array(&s->arena, v->n + 1ul, sizeof *kid);
        for (uint32_t i = 0; kid && i < v->n; i++)
            lower_constant(s, v->kid[i], node, kid[i] = value_new(r));
        id = value_add_array(r, value);
        if (rules_failed(r))
            return;
        struct value_array *a = &r->array[id];
        a->lo = a->hi = v->n;
        if (!kid || !array_reserve(&a->prefix, &a->cap_prefix, v->n + 1, sizeof *a->prefix)) {
            schema_nomem(s);
            return;
        }
        memcpy(a->prefix, kid, v->n * sizeof *kid);
        a->n_prefix = v->n;
        return;
    }
    case J_OBJECT: {
        uint32_t *kid = arena_array(&s->arena, v->n + 1ul, sizeof *kid);
        for (uint32_t i = 0; kid && i < v->n; i++)
            lower_constant(s, v->kid[i], node, kid[i] = value_new(r));
        id = value_add_object(r, value);
        if (!kid)
            schema_nomem(s);
        for (uint32_t i = 0; kid && i < v->n; i++)
            object_add_key(r, id, v->key[i], kid[i], true);
        return;
    }
    default:
        value_add_term(r, value, terminal_text(&r->t, word));
    }
}

static void lower_listed(struct schema *s, const struct clause *c, struct scalars *x, uint32_t value)
{
    if (c->type == J_STRING) {
        struct slice *text = arena_array(&s->arena, c->n_value, sizeof *text);
        for (uint32_t i = 0; text && i < c->n_value; i++)
            text[i] = c->value[i]->text;
        if (text)
            add_expr(s, &x->canon, expr_choices(&s->r->t.ex, text, NULL, c->n_value));
        else
            schema_nomem(s);
        return;
    }
    for (uint32_t i = 0; i < c->n_value && s->st == ST_OK; i++) {
        if (c->type == J_NUMBER)
            add_number(s, c->value[i], c->scalar_node, &x->word);
        else
            lower_constant(s, c->value[i], c->scalar_node, value);
    }
}

static bool refuses(struct schema *s, const struct clause *c)
{
    for (const struct atom *a = c->atom; a; a = a->below)
        if (a->kind == ATOM_UNSUPPORTED && !schema_clause_dead(s, c)) {
            schema_refuse(s, a->node, WORD_NONE, a->why);
            return true;
        }
    return s->st != ST_OK;
}

static void lower_clause(struct schema *s, const struct clause *c, struct scalars *x, uint32_t value)
{
    struct rules *r = s->r;
    if (c->has_values) {
        lower_listed(s, c, x, value);
        return;
    }
    if (refuses(s, c))
        return;
    switch (c->type) {
    case J_NULL:
        add_expr(s, &x->word, expr_text(&r->t.ex, SLICE("null")));
        return;
    case J_BOOL:
        if (c->bools & 1)
            add_expr(s, &x->word, expr_text(&r->t.ex, SLICE("true")));
        if (c->bools & 2)
            add_expr(s, &x->word, expr_text(&r->t.ex, SLICE("false")));
        return;
    case J_NUMBER:
        value_add_term(r, value, schema_number_leaf(s, c));
        return;
    case J_STRING:
        add_expr(s, c->open_text ? &x->open : &x->canon, c->str);
        return;
    case J_ARRAY:
        schema_lower_array(s, c, value);
        return;
    default:
        schema_lower_object(s, c, value);
    }
}

static bool same_atom(const struct atom *a, const struct atom *b)
{
    return a->kind == b->kind && a->node == b->node && a->lit == b->lit && a->n == b->n &&
           a->lo == b->lo && a->hi == b->hi && slice_eq(a->name, b->name) && a->why == b->why;
}

static bool same_atoms(const struct atom *a, const struct atom *b)
{
    while (a && b && same_atom(a, b)) {
        a = a->below;
        b = b->below;
    }
    return !a && !b;
}

/* Whether an array or object clause says what an earlier one has said: what is alike in every
 * combination of alternatives must not be read in as many ways. */
static bool said_before(struct schema *s, const struct clauses *l, uint32_t i)
{
    const struct clause *c = &l->c[i];
    if ((c->type != J_ARRAY && c->type != J_OBJECT) || c->has_values)
        return false;
    expr_work(&s->r->t.ex, i / 8);
    for (uint32_t k = 0; k < i; k++)
        if (!l->c[k].has_values && same_atoms(l->c[k].atom, c->atom))
            return true;
    return false;
}

void schema_lower_goal(struct schema *s, uint32_t goal)
{
    const struct schema_goal g = s->goal[goal];
    struct rules *r = s->r;
    struct scalars x = { EXPR_EMPTY, EXPR_EMPTY, EXPR_EMPTY };
    for (int t = 0; t < N_JKIND && s->st == ST_OK; t++) {
        struct clauses out = { 0 };
        schema_expand(s, g.lit, g.n, (enum jkind)t, &out);
        for (uint32_t i = 0; i < out.n && s->st == ST_OK && !rules_failed(r); i++)
            if (!said_before(s, &out, i))
                lower_clause(s, &out.c[i], &x, g.value);
        clauses_free(&out);
    }
    if (s->st != ST_OK || rules_failed(r))
        return;
    if (x.canon != EXPR_EMPTY && x.open == EXPR_ALL)
        x.canon = EXPR_EMPTY;
    value_add_term(r, g.value, terminal_start(&r->t, x.open, ENC_JSON));
    value_add_term(r, g.value, terminal_start(&r->t, x.canon, ENC_CANON));
    value_add_term(r, g.value, terminal_start(&r->t, x.word, ENC_RAW));
}
