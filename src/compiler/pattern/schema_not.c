/* schema_not.c - what a schema that must not hold says of a clause, keyword by keyword. */
#include <string.h>

#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_set.h"

void clause_atom_branch(struct expansion *x, const struct clause *c, struct atom a)
{
    clause_add_atom(x->s, clause_branch(x, c), a);
}

static void unsupported(struct expansion *x, const struct clause *c, uint32_t node, const char *why)
{
    clause_atom_branch(x, c, (struct atom){ .kind = ATOM_UNSUPPORTED, .node = node, .lit = LIT_NONE, .why = why });
}

void clause_lit_branch(struct expansion *x, const struct clause *c, uint32_t a, uint32_t b)
{
    struct clause *n = clause_branch(x, c);
    if (b != LIT_NONE)
        clause_push_lit(x->s, n, b);
    clause_push_lit(x->s, n, a);
}

static void str_branch(struct expansion *x, const struct clause *c, uint32_t expr)
{
    struct clause *n = clause_branch(x, c);
    if (n)
        n->str = expr_and2(&x->s->r->t.ex, n->str, expr);
}

static void num_branch(struct expansion *x, const struct clause *c, const struct num_set *set, uint32_t node)
{
    struct clause *n = clause_branch(x, c);
    if (n)
        n->scalar_node = node;
    if (n && !clause_meet_number(x->s, n, set))
        schema_refuse(x->s, node, WORD_NONE, "too many divisors");
}

/* The numbers outside lo..hi of the set, and those that miss one of its divisors. */
static void negate_number(struct expansion *x, const struct clause *c, const struct num_set *set, uint32_t node)
{
    if (set->has_lo) {
        struct num_set below = { .has_hi = true, .hi = set->lo, .hi_open = !set->lo_open };
        num_branch(x, c, &below, node);
    }
    if (set->has_hi) {
        struct num_set above = { .has_lo = true, .lo = set->hi, .lo_open = !set->hi_open };
        num_branch(x, c, &above, node);
    }
    for (uint32_t i = 0; i < set->n_div; i++) {
        struct num_set miss = { .n_div = 1 };
        miss.div[0] = set->div[i];
        miss.div[0].negated = !miss.div[0].negated;
        num_branch(x, c, &miss, node);
    }
}

static void negate_string(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    struct expr_pool *p = &s->r->t.ex;
    uint32_t lo = schema_count(s, node, WORD_MIN_LENGTH, 0), hi = schema_count(s, node, WORD_MAX_LENGTH, EXPR_INF);
    const struct jnode *pattern = schema_keyword(s, node, WORD_PATTERN), *format = schema_keyword(s, node, WORD_FORMAT);
    if (lo)
        str_branch(x, c, expr_rep(p, EXPR_ANY, 0, lo - 1));
    if (hi != EXPR_INF)
        str_branch(x, c, expr_rep(p, EXPR_ANY, hi + 1, EXPR_INF));
    if (pattern)
        str_branch(x, c, expr_not(p, schema_pattern_expr(s, node, WORD_PATTERN, pattern)));
    uint32_t e = 0;
    bool narrow, untold;
    uint32_t content = schema_content_expr(s, node, &untold);
    if (content != EXPR_ALL)
        str_branch(x, c, expr_not(p, content));
    if (untold)
        unsupported(x, c, node, "the negation of contentMediaType");
    if (format && format->kind == J_STRING && schema_format_expr(s, format->text, &e, &narrow)) {
        if (narrow)
            unsupported(x, c, node, "NARROWED_NEGATION: the negation of this format");
        else
            str_branch(x, c, expr_not(p, e));
    }
}

/* Number of keyword counts: lo..hi of the positive form. */
static void negate_counts(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word min,
                          enum schema_word max, uint8_t kind)
{
    uint32_t lo = schema_count(x->s, node, min, 0), hi = schema_count(x->s, node, max, EXPR_INF);
    if (lo)
        clause_atom_branch(x, c, (struct atom){ .kind = kind, .lit = LIT_NONE, .hi = lo - 1 });
    if (hi != EXPR_INF)
        clause_atom_branch(x, c, (struct atom){ .kind = kind, .lit = LIT_NONE, .lo = hi + 1, .hi = EXPR_INF });
}

static void negate_items(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *prefix = schema_keyword(s, node, WORD_PREFIX_ITEMS);
    const struct jnode *items = schema_keyword(s, node, WORD_ITEMS);
    enum schema_word word = WORD_PREFIX_ITEMS, rest = WORD_ITEMS;
    if (items && items->kind == J_ARRAY) {
        prefix = items;
        word = WORD_ITEMS;
        rest = WORD_ADDITIONAL_ITEMS;
    }
    uint32_t n = prefix && prefix->kind == J_ARRAY ? prefix->n : 0;
    for (uint32_t i = 0; i < n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, word, i);
        if (!schema_is_true(s, kid))
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_ITEM, .n = i, .lit = lit_neg(kid) });
    }
    if (schema_keyword(s, node, rest) && !(prefix == NULL && rest == WORD_ADDITIONAL_ITEMS)) {
        uint32_t kid = schema_kid(s, node, rest);
        if (!schema_is_true(s, kid))
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_ITEM, .n = n, .lo = 1, .lit = lit_neg(kid) });
    }
}

static void negate_array(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    negate_counts(x, c, node, WORD_MIN_ITEMS, WORD_MAX_ITEMS, ATOM_ITEMS);
    negate_items(x, c, node);
    const struct jnode *unique = schema_keyword(s, node, WORD_UNIQUE_ITEMS);
    if (unique && unique->kind == J_BOOL && unique->truth)
        unsupported(x, c, node, "the negation of uniqueItems");
    if (schema_keyword(s, node, WORD_CONTAINS)) {
        uint32_t kid = schema_kid(s, node, WORD_CONTAINS);
        uint32_t lo = schema_count(s, node, WORD_MIN_CONTAINS, 1), hi = schema_count(s, node, WORD_MAX_CONTAINS, EXPR_INF);
        if (lo == 1)
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_ALL_ITEMS, .lit = lit_neg(kid) });
        else if (lo)
            unsupported(x, c, node, "the negation of minContains");
        if (hi != EXPR_INF)
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_ITEM, .lo = hi + 1, .lit = lit_pos(kid) });
    }
    const struct jnode *u = schema_keyword(s, node, WORD_UNEVALUATED_ITEMS);
    if (u && !(u->kind == J_BOOL && u->truth))
        unsupported(x, c, node, "the negation of unevaluatedItems");
}

static void negate_dependencies(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word word)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, word);
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++) {
        struct atom has = { .kind = ATOM_KEY, .lit = LIT_NONE, .name = j->key[i] };
        if (j->kid[i]->kind != J_ARRAY) {
            struct clause *n = clause_branch(x, c);
            clause_add_atom(s, n, has);
            clause_push_lit(s, n, lit_neg(schema_member(s, node, word, i)));
            continue;
        }
        for (uint32_t k = 0; k < j->kid[i]->n; k++) {
            struct clause *n = clause_branch(x, c);
            clause_add_atom(s, n, has);
            clause_add_atom(s, n, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->kid[i]->kid[k]->text });
        }
    }
}

static void negate_object(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    negate_counts(x, c, node, WORD_MIN_PROPERTIES, WORD_MAX_PROPERTIES, ATOM_KEYS);
    const struct jnode *j = schema_keyword(s, node, WORD_REQUIRED);
    for (uint32_t i = 0; j && j->kind == J_ARRAY && i < j->n; i++)
        clause_atom_branch(x, c, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->kid[i]->text });
    j = schema_keyword(s, node, WORD_PROPERTIES);
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, WORD_PROPERTIES, i);
        if (!schema_is_true(s, kid))
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_KEY, .lit = lit_neg(kid), .name = j->key[i] });
    }
    j = schema_keyword(s, node, WORD_ADDITIONAL_PROPERTIES);
    if (j && !(j->kind == J_BOOL && j->truth))
        clause_atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_UNDECLARED,
                                         .lit = lit_neg(schema_kid(s, node, WORD_ADDITIONAL_PROPERTIES)) });
    j = schema_keyword(s, node, WORD_PATTERN_PROPERTIES);
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++)
        if (!schema_is_true(s, schema_member(s, node, WORD_PATTERN_PROPERTIES, i)))
            clause_atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_PATTERN + i,
                                             .lit = lit_neg(schema_member(s, node, WORD_PATTERN_PROPERTIES, i)) });
    j = schema_keyword(s, node, WORD_PROPERTY_NAMES);
    if (j && !(j->kind == J_BOOL && j->truth))
        clause_atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_BAD_NAME, .lit = LIT_NONE });
    j = schema_keyword(s, node, WORD_UNEVALUATED_PROPERTIES);
    if (j && !(j->kind == J_BOOL && j->truth))
        unsupported(x, c, node, "the negation of unevaluatedProperties");
    negate_dependencies(x, c, node, WORD_DEPENDENCIES);
    negate_dependencies(x, c, node, WORD_DEPENDENT_REQUIRED);
    negate_dependencies(x, c, node, WORD_DEPENDENT_SCHEMAS);
}

/* The numbers that are none of the listed: intervals between them. */
static void exclude_numbers(struct expansion *x, const struct clause *c, struct jnode *const *v, uint32_t n,
                            uint32_t node)
{
    struct decimal d[EXCLUDED_NUMBERS];
    uint32_t k = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (v[i]->kind != J_NUMBER)
            continue;
        if (k == EXCLUDED_NUMBERS || !decimal_read(v[i]->text, &d[k])) {
            unsupported(x, c, node, "the negation of that many numbers");
            return;
        }
        uint32_t at = k++;
        for (; at && decimal_cmp(&d[at - 1], &d[at]) > 0; at--) {
            struct decimal t = d[at];
            d[at] = d[at - 1];
            d[at - 1] = t;
        }
    }
    for (uint32_t i = 0; i <= k; i++) {
        struct num_set gap = { .has_lo = i > 0, .has_hi = i < k, .lo_open = true, .hi_open = true };
        if (i)
            gap.lo = d[i - 1];
        if (i < k)
            gap.hi = d[i];
        num_branch(x, c, &gap, node);
    }
}

/* Everything of the type that is not listed.  False: nothing of the type is listed at all. */
static bool negate_listed(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word word)
{
    struct schema *s = x->s;
    struct jnode *const *v = NULL;
    uint32_t n = schema_listed(s, node, word, &v), same = 0;
    struct clause *b;
    for (uint32_t i = 0; i < n; i++)
        same += v[i]->kind == x->type;
    if (!same)
        return false;
    switch (x->type) {
    case J_NULL:
        return true;
    case J_BOOL:
        if ((b = clause_branch(x, c)))
            for (uint32_t i = 0; i < n; i++)
                if (v[i]->kind == J_BOOL)
                    b->bools &= (uint8_t)~(v[i]->truth ? 1 : 2);
        return true;
    case J_NUMBER:
        exclude_numbers(x, c, v, n, node);
        return true;
    case J_STRING: {
        struct slice *text = arena_array(&s->arena, same, sizeof *text);
        uint32_t k = 0;
        for (uint32_t i = 0; text && i < n; i++)
            if (v[i]->kind == J_STRING)
                text[k++] = v[i]->text;
        if (!text)
            schema_nomem(s);
        else
            str_branch(x, c, expr_not(&s->r->t.ex, expr_choices(&s->r->t.ex, text, NULL, k)));
        return true;
    }
    default:
        for (uint32_t i = 0; i < n; i++)
            if (v[i]->kind == x->type && v[i]->n) {
                unsupported(x, c, node, "the negation of an array or object value");
                return true;
            }
        clause_atom_branch(x, c, (struct atom){ .kind = x->type == J_ARRAY ? ATOM_ITEMS : ATOM_KEYS,
                                         .lit = LIT_NONE, .lo = 1, .hi = EXPR_INF });
        return true;
    }
}

static void negate_all(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word word)
{
    struct schema *s = x->s;
    uint32_t n = schema_keyword(s, node, word)->n;
    struct clause *b = clause_branch(x, c);
    for (uint32_t i = n; i-- > 0 && s->st == ST_OK && b;)
        clause_push_lit(s, b, lit_neg(schema_member(s, node, word, i)));
}

static void negate_one_of(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    uint32_t n = schema_keyword(s, node, WORD_ONE_OF)->n;
    negate_all(x, c, node, WORD_ONE_OF);
    for (uint32_t i = 0; i < n && s->st == ST_OK; i++)
        for (uint32_t j = i + 1; j < n && s->st == ST_OK; j++) {
            uint32_t a = schema_member(s, node, WORD_ONE_OF, i), b = schema_member(s, node, WORD_ONE_OF, j);
            if (!schema_disjoint(s, a, b))
                clause_lit_branch(x, c, lit_pos(a), lit_pos(b));
        }
}

static void negate_reference(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word word)
{
    uint32_t target;
    if (schema_keyword(x->s, node, word) && schema_resolve(x->s, node, word, &target))
        clause_lit_branch(x, c, lit_neg(target), LIT_NONE);
}

static void negate_applicators(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j;
    negate_reference(x, c, node, WORD_REF);
    negate_reference(x, c, node, WORD_DYNAMIC_REF);
    negate_reference(x, c, node, WORD_RECURSIVE_REF);
    j = schema_keyword(s, node, WORD_ALL_OF);
    for (uint32_t i = 0; j && i < j->n && s->st == ST_OK; i++)
        clause_lit_branch(x, c, lit_neg(schema_member(s, node, WORD_ALL_OF, i)), LIT_NONE);
    if (schema_keyword(s, node, WORD_ANY_OF))
        negate_all(x, c, node, WORD_ANY_OF);
    if (schema_keyword(s, node, WORD_ONE_OF))
        negate_one_of(x, c, node);
    if (schema_keyword(s, node, WORD_NOT))
        clause_lit_branch(x, c, lit_pos(schema_kid(s, node, WORD_NOT)), LIT_NONE);
    if (schema_keyword(s, node, WORD_IF)) {
        uint32_t cond = schema_kid(s, node, WORD_IF);
        if (schema_keyword(s, node, WORD_THEN))
            clause_lit_branch(x, c, lit_pos(cond), lit_neg(schema_kid(s, node, WORD_THEN)));
        if (schema_keyword(s, node, WORD_ELSE))
            clause_lit_branch(x, c, lit_neg(cond), lit_neg(schema_kid(s, node, WORD_ELSE)));
    }
}

/* Makes a branch for each way to violate the node.  True: the clause itself goes on (the type alone
 * violates); false: only the branches do. */
bool schema_expand_neg(struct expansion *x, struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j = s->node[node].json;
    bool integer;
    const struct clause here = *c;
    if (j->kind == J_BOOL)
        return !j->truth;
    if (s->node[node].draft <= DRAFT_7 && schema_keyword(s, node, WORD_REF)) {
        negate_reference(x, &here, node, WORD_REF);
        return false;
    }
    if (!schema_type_allows(s, node, x->type, &integer))
        return s->st == ST_OK;
    static const enum schema_word lists[2] = { WORD_ENUM, WORD_CONST };
    uint32_t before = x->work.n;
    for (int i = 0; i < 2; i++)
        if (schema_keyword(s, node, lists[i]) && !negate_listed(x, &here, node, lists[i])) {
            x->work.n = before;
            return true;
        }
    if (integer) {
        struct clause *b = clause_branch(x, &here);
        if (b)
            clause_add_integer(s, b, true);
    }
    struct num_set set = { 0 };
    if (x->type == J_STRING)
        negate_string(x, &here, node);
    else if (x->type == J_NUMBER && schema_number_set(s, node, &set))
        negate_number(x, &here, &set, node);
    else if (x->type == J_ARRAY)
        negate_array(x, &here, node);
    else if (x->type == J_OBJECT)
        negate_object(x, &here, node);
    negate_applicators(x, &here, node);
    return false;
}
