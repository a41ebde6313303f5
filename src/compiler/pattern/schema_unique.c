/* schema_unique.c - which items can be told apart while they are decoded: strings, and scalars that
 * have one spelling for each value.
 *
 * What was read is compared as text, so numbers are narrowed to their plain spelling without
 * trailing zeros.  Arrays and objects as items, which are equal up to the order of keys, are not
 * told apart here: the keyword is refused. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/regex.h"
#include "compiler/pattern/schema_data.h"

enum { LISTED_BOUND = 1024 };   /* of bounds: the integers between are listed */

static void add(struct schema *s, uint32_t *e, uint32_t more)
{
    *e = expr_or2(&s->r->t.ex, *e, more);
}

static uint32_t fixed(struct schema *s, const char *regex)
{
    uint32_t e = EXPR_EMPTY;
    if (regex_compile(&s->r->t.ex, slice_of(regex), REGEX_GEN, 0, &e, NULL) != ST_OK)
        schema_nomem(s);
    return e;
}

static uint32_t one_number(struct schema *s, struct slice as_written)
{
    struct decimal d;
    struct str text = { 0 };
    uint32_t e = EXPR_EMPTY;
    if (decimal_read(as_written, &d) && d.exp < 400 && d.n - d.exp < 400)
        decimal_write(&d, &text);
    else
        schema_refuse(s, 0, WORD_NONE, "a listed number has too many digits");
    if (text.len)
        e = expr_text(&s->r->t.ex, str_slice(&text));
    str_free(&text);
    return e;
}

/* Integers from lo to hi, each alone. */
static uint32_t listed(struct schema *s, int64_t lo, int64_t hi)
{
    struct str text = { 0 };
    struct slice *all = arena_array(&s->arena, hi >= lo ? (size_t)(hi - lo + 1) : 1, sizeof *all);
    uint32_t n = 0;
    for (int64_t i = lo; all && i <= hi; i++) {
        str_cut(&text, 0);
        str_addf(&text, "%lld", (long long)i);
        all[n++] = arena_slice(&s->arena, str_slice(&text));
        if (!all[n - 1].ptr)
            all = NULL;
    }
    str_free(&text);
    if (!all)
        schema_nomem(s);
    return all && n ? expr_choices(&s->r->t.ex, all, NULL, n) : EXPR_EMPTY;
}

/* The least (or greatest) integer of a bound; false: it is too far from 0. */
static bool integer_bound(const struct decimal *d, bool open, bool low, int64_t *ret)
{
    uint64_t u;
    if (!decimal_is_integer(d) || !decimal_scaled(d, 0, &u) || u > LISTED_BOUND)
        return false;
    *ret = (d->negative ? -(int64_t)u : (int64_t)u) + (open ? low ? 1 : -1 : 0);
    return true;
}

/* The plain spellings of a set; false: they are not told here. */
static bool number_words(struct schema *s, const struct num_set *only, uint32_t *e)
{
    static const struct num_set any = { 0 };
    const struct num_set *set = only ? only : &any;
    struct expr_pool *p = &s->r->t.ex;
    bool integer = set->n_div == 1 && set->div[0].m == 1 && !set->div[0].places && !set->div[0].negated;
    int64_t lo = 0, hi = 0;
    if ((set->n_div && !integer) || (set->has_lo && !integer_bound(&set->lo, set->lo_open, true, &lo)) ||
        (set->has_hi && !integer_bound(&set->hi, set->hi_open, false, &hi)))
        return false;
    if (!integer) {
        if (set->has_hi || (set->has_lo && (set->lo.n || set->lo.negative)))
            return false;
        add(s, e, fixed(s, set->has_lo ? "[1-9][0-9]*|(?:0|[1-9][0-9]*)\\.[0-9]*[1-9]"
                                       : "-?[1-9][0-9]*|-?(?:0|[1-9][0-9]*)\\.[0-9]*[1-9]"));
        if (!set->has_lo || !set->lo_open)
            add(s, e, expr_text(p, SLICE("0")));
        return true;
    }
    if (set->has_lo && set->has_hi) {
        add(s, e, listed(s, lo, hi));
        return true;
    }
    uint32_t all = fixed(s, set->has_lo ? "0|[1-9][0-9]*" : set->has_hi ? "0|-[1-9][0-9]*" : "0|-?[1-9][0-9]*");
    if (set->has_lo && lo > 0)
        all = expr_and2(p, all, expr_not(p, listed(s, 0, lo - 1)));
    else if (set->has_lo)
        add(s, e, listed(s, lo, -1));
    if (set->has_hi && hi < 0)
        all = expr_and2(p, all, expr_not(p, listed(s, hi + 1, 0)));
    else if (set->has_hi)
        add(s, e, listed(s, 1, hi));
    add(s, e, all);
    return true;
}

static void value_words(struct schema *s, const struct jnode *v, uint32_t *text, uint32_t *word)
{
    struct expr_pool *p = &s->r->t.ex;
    if (v->kind == J_STRING)
        add(s, text, expr_text(p, v->text));
    else if (v->kind == J_NUMBER)
        add(s, word, one_number(s, v->text));
    else
        add(s, word, expr_text(p, v->kind == J_NULL ? SLICE("null") : v->truth ? SLICE("true") : SLICE("false")));
}

static bool clause_words(struct schema *s, const struct clause *c, uint32_t *text, uint32_t *word)
{
    struct expr_pool *p = &s->r->t.ex;
    if (c->type == J_ARRAY || c->type == J_OBJECT)
        return c->has_values ? !c->n_value : schema_clause_dead(s, c);
    for (const struct atom *a = c->atom; a; a = a->below)
        if (a->kind == ATOM_UNSUPPORTED)
            return false;
    if (c->has_values && c->type == J_STRING) {
        struct slice *all = arena_array(&s->arena, c->n_value + 1ul, sizeof *all);
        for (uint32_t i = 0; all && i < c->n_value; i++)
            all[i] = c->value[i]->text;
        if (!all)
            schema_nomem(s);
        else if (c->n_value)
            add(s, text, expr_choices(p, all, NULL, c->n_value));
        return true;
    }
    for (uint32_t i = 0; c->has_values && i < c->n_value; i++)
        value_words(s, c->value[i], text, word);
    if (c->has_values)
        return true;
    struct jnode v = { .kind = (enum jkind)c->type };
    switch (c->type) {
    case J_STRING:
        add(s, text, c->str);
        return true;
    case J_NUMBER:
        return number_words(s, c->num, word);
    case J_BOOL:
        for (int i = 0; i < 2; i++) {
            v.truth = !i;
            if (c->bools >> i & 1)
                value_words(s, &v, text, word);
        }
        return true;
    default:
        value_words(s, &v, text, word);
        return true;
    }
}

bool schema_unique_words(struct schema *s, const uint32_t *lit, uint32_t n, uint32_t *ret_text, uint32_t *ret_word)
{
    bool ok = true;
    *ret_text = *ret_word = EXPR_EMPTY;
    for (int t = N_JKIND; t-- > 0 && ok && s->st == ST_OK;) {
        struct clauses out = { 0 };
        schema_expand(s, lit, n, (enum jkind)t, &out);
        for (uint32_t i = 0; i < out.n && ok && s->st == ST_OK; i++)
            ok = clause_words(s, &out.c[i], ret_text, ret_word);
        clauses_free(&out);
    }
    return ok && s->st == ST_OK;
}
