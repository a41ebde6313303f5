/* schema_set.c - the algebra: a goal to clauses, one type at a time.
 *
 * A clause under work has a list of what is still to be expanded.  Expanding a literal adds to the
 * clause, kills it, or makes several of it.  Lists are persistent (newest first), so that making a
 * copy of a clause is copying a struct. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_data.h"

enum { CLAUSE_MAX = 4096, QUESTION_NEST = 6, EXCLUDED_NUMBERS = 64 };

enum pending_kind { P_LIT, P_ATOM, P_ANY, P_ONE, P_IF, P_DEP };

struct pending {
    struct pending *below;
    uint8_t         kind;
    uint32_t        x;          /* literal, or node */
    uint32_t        i;          /* DEP: member; keyword in `word` */
    const char     *word;
    struct atom    *atom;
};

struct expansion {
    struct schema  *s;
    enum jkind      type;
    const uint32_t *lit;
    uint32_t        n_lit;
    struct clauses  work;
    struct clauses *out;
    uint32_t        n_made;
};

void clauses_free(struct clauses *c)
{
    mem_free(c->c);
    *c = (struct clauses){ 0 };
}

/* A copy of the clause that is worked on later; NULL: over budget. */
static struct clause *branch(struct expansion *x, const struct clause *c)
{
    struct clause copy = *c;
    if (++x->n_made > CLAUSE_MAX) {
        schema_refuse(x->s, x->lit[0] >> 1, "", "BUDGET_CLAUSES: too many combinations of alternatives");
        return NULL;
    }
    struct clause *n = array_push(&x->work.c, &x->work.n, &x->work.cap, sizeof *n);
    if (!n || !expr_work(&x->s->r->t.ex, 8)) {
        if (!n)
            schema_nomem(x->s);
        return NULL;
    }
    *n = copy;
    return n;
}

static void push(struct schema *s, struct clause *c, struct pending p)
{
    struct pending *n = c ? arena_dup(&s->arena, &p, sizeof p) : NULL;
    if (!n) {
        if (c)
            schema_nomem(s);
        return;
    }
    n->below = c->pending;
    c->pending = n;
}

static void push_lit(struct schema *s, struct clause *c, uint32_t lit)
{
    push(s, c, (struct pending){ .kind = P_LIT, .x = lit });
}

static void add_atom(struct schema *s, struct clause *c, struct atom a)
{
    struct atom *n = c ? arena_dup(&s->arena, &a, sizeof a) : NULL;
    if (!n) {
        if (c)
            schema_nomem(s);
        return;
    }
    n->below = c->atom;
    c->atom = n;
}

/* ---- types and values ----------------------------------------------------------------------- */

static bool names_type(struct schema *s, uint32_t node, const struct jnode *t, enum jkind type,
                       bool *ret_integer)
{
    static const char *const name[] = { "null", "boolean", "number", "string", "array", "object" };
    if (t->kind == J_STRING) {
        for (int i = 0; i < N_JKIND; i++)
            if (slice_is(t->text, name[i]))
                return i == (int)type;
        if (slice_is(t->text, "integer")) {
            *ret_integer = type == J_NUMBER;
            return type == J_NUMBER;
        }
    }
    schema_malformed(s, node, "type", "the name of a type is expected");
    return false;
}

/* Whether values of the type pass the keyword `type`; only integers when *ret_integer. */
static bool type_allows(struct schema *s, uint32_t node, enum jkind type, bool *ret_integer)
{
    const struct jnode *t = schema_keyword(s, node, "type");
    *ret_integer = false;
    if (!t)
        return true;
    if (t->kind != J_ARRAY)
        return names_type(s, node, t, type, ret_integer);
    bool any = false, integer = false, whole = false;
    for (uint32_t i = 0; i < t->n; i++) {
        bool one = false;
        if (!names_type(s, node, t->kid[i], type, &one))
            continue;
        any = true;
        integer |= one;
        whole |= !one;
    }
    *ret_integer = integer && !whole;
    return any;
}

static bool add_integer(struct clause *c, bool negated)
{
    struct num_set set = { .n_div = 1 };
    set.div[0] = (struct num_divisor){ 1, 0, negated };
    return num_meet(&c->num, &set);
}

/* Members of an enum, or the one of a const. */
static uint32_t listed(const struct schema *s, uint32_t node, const char *word, struct jnode *const **ret)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j)
        return 0;
    if (!strcmp(word, "enum")) {
        *ret = j->kid;
        return j->n;
    }
    for (uint32_t i = 0; i < s->node[node].json->n; i++)
        if (s->node[node].json->kid[i] == j)
            *ret = &s->node[node].json->kid[i];
    return 1;
}

static bool meet_values(struct schema *s, struct clause *c, uint32_t node, const char *word)
{
    struct jnode *const *v = NULL;
    uint32_t n = listed(s, node, word, &v), kept = 0;
    const struct jnode **list = arena_array(&s->arena, n + 1ul, sizeof *list);
    if (!list) {
        schema_nomem(s);
        return false;
    }
    for (uint32_t i = 0; i < n; i++) {
        bool take = v[i]->kind == (enum jkind)c->type, known = false;
        for (uint32_t k = 0; take && c->has_values && k < c->n_value; k++)
            known |= jtree_equal(c->value[k], v[i]);
        if (take && (!c->has_values || known))
            list[kept++] = v[i];
    }
    c->value = list;
    c->n_value = kept;
    c->has_values = true;
    return kept > 0;
}

/* ---- positive literals ---------------------------------------------------------------------- */

static bool is_any(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list))
            return true;
    return false;
}

static const char *const array_words[] = { "prefixItems", "items", "additionalItems", "minItems",
    "maxItems", "contains", "minContains", "maxContains", "uniqueItems", "unevaluatedItems", NULL };
static const char *const object_words[] = { "properties", "patternProperties", "additionalProperties",
    "required", "minProperties", "maxProperties", "propertyNames", "unevaluatedProperties", NULL };
static const char *const applicators[] = { "allOf", "anyOf", "oneOf", "if", "$ref", "$dynamicRef",
    "$recursiveRef", "dependentSchemas", "contains", NULL };

struct todo {                   /* in order of the document, pushed from its end */
    struct pending *p;
    uint32_t        n, cap;
};

static void plan(struct schema *s, struct todo *t, struct pending p)
{
    struct pending *n = array_push(&t->p, &t->n, &t->cap, sizeof *n);
    if (n)
        *n = p;
    else
        schema_nomem(s);
}

static void plan_members(struct schema *s, struct todo *t, uint32_t node, const char *word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j || j->kind != J_ARRAY || !j->n) {
        schema_malformed(s, node, word, "a list of schemas is expected");
        return;
    }
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++)
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_pos(schema_member(s, node, word, i)) });
}

static void plan_reference(struct schema *s, struct todo *t, uint32_t node, const char *word)
{
    uint32_t target;
    if (schema_resolve(s, node, word, &target))
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_pos(target) });
}

/* unevaluated* is the same as additional* where nothing else of the node could evaluate. */
bool schema_evaluates_alone(const struct schema *s, uint32_t node)
{
    for (int i = 0; applicators[i]; i++)
        if (schema_keyword(s, node, applicators[i]))
            return false;
    return true;
}

static void plan_unevaluated(struct schema *s, struct todo *t, uint32_t node, const char *word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j || (j->kind == J_BOOL && j->truth) || schema_evaluates_alone(s, node))
        return;
    struct atom a = { .kind = ATOM_UNSUPPORTED, .node = node, .lit = LIT_NONE,
                      .why = "unevaluated items or properties beside other applicators" };
    struct pending p = { .kind = P_ATOM, .atom = arena_dup(&s->arena, &a, sizeof a) };
    if (p.atom)
        plan(s, t, p);
    else
        schema_nomem(s);
}

static void plan_atom(struct schema *s, struct todo *t, uint32_t node, uint8_t kind)
{
    struct atom a = { .kind = kind, .node = node, .lit = LIT_NONE };
    struct pending p = { .kind = P_ATOM, .atom = arena_dup(&s->arena, &a, sizeof a) };
    for (uint32_t i = 0; i < t->n; i++)
        if (t->p[i].kind == P_ATOM && t->p[i].atom->kind == kind && t->p[i].atom->node == node)
            return;
    if (p.atom)
        plan(s, t, p);
    else
        schema_nomem(s);
}

static void plan_dependencies(struct schema *s, struct todo *t, uint32_t node, const char *word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j || j->kind != J_OBJECT) {
        schema_malformed(s, node, word, "an object is expected");
        return;
    }
    for (uint32_t i = 0; i < j->n; i++)
        plan(s, t, (struct pending){ .kind = P_DEP, .x = node, .i = i, .word = word });
}

static void plan_keyword(struct schema *s, struct todo *t, uint32_t node, const char *word, enum jkind type)
{
    if (!schema_keyword(s, node, word))
        return;
    if (!strcmp(word, "$ref") || !strcmp(word, "$dynamicRef") || !strcmp(word, "$recursiveRef"))
        plan_reference(s, t, node, word);
    else if (!strcmp(word, "allOf"))
        plan_members(s, t, node, word);
    else if (!strcmp(word, "anyOf") || !strcmp(word, "oneOf"))
        plan(s, t, (struct pending){ .kind = *word == 'a' ? P_ANY : P_ONE, .x = node });
    else if (!strcmp(word, "not"))
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_neg(schema_kid(s, node, word)) });
    else if (!strcmp(word, "if"))
        plan(s, t, (struct pending){ .kind = P_IF, .x = node });
    else if (type == J_OBJECT && (!strcmp(word, "dependencies") || !strcmp(word, "dependentRequired") ||
                                  !strcmp(word, "dependentSchemas")))
        plan_dependencies(s, t, node, word);
    else if (type == J_OBJECT && is_any(word, object_words))
        plan_atom(s, t, node, ATOM_OBJECT);
    else if (type == J_ARRAY && is_any(word, array_words))
        plan_atom(s, t, node, ATOM_ARRAY);
    if (type == J_OBJECT && !strcmp(word, "unevaluatedProperties"))
        plan_unevaluated(s, t, node, word);
    if (type == J_ARRAY && !strcmp(word, "unevaluatedItems"))
        plan_unevaluated(s, t, node, word);
}

/* Keywords that hold for scalars at once.  False: the clause is dead. */
static bool meet_scalars(struct schema *s, struct clause *c, uint32_t node)
{
    bool integer;
    struct num_set set = { 0 };
    if (!type_allows(s, node, c->type, &integer))
        return false;
    if (integer && !add_integer(c, false)) {
        schema_refuse(s, node, "type", "too many divisors");
        return false;
    }
    static const char *const lists[2] = { "enum", "const" };
    for (int i = 0; i < 2; i++) {
        const struct jnode *j = schema_keyword(s, node, lists[i]);
        if (j && !i && j->kind != J_ARRAY)
            schema_malformed(s, node, "enum", "a list is expected");
        else if (j && !meet_values(s, c, node, lists[i]))
            return false;
    }
    if (c->type == J_STRING) {
        bool open;
        c->str = expr_and2(&s->r->t.ex, c->str, schema_string_expr(s, node, &open));
        c->open_text &= open;
    }
    if (c->type == J_NUMBER && schema_number_set(s, node, &set) && !num_meet(&c->num, &set))
        schema_refuse(s, node, "multipleOf", "too many divisors");
    return s->st == ST_OK;
}

static bool expand_pos(struct schema *s, struct clause *c, uint32_t node)
{
    const struct jnode *j = s->node[node].json;
    struct todo t = { 0 };
    if (j->kind == J_BOOL)
        return j->truth;
    bool only_ref = s->node[node].draft <= DRAFT_7 && jtree_get(j, "$ref");
    if (only_ref)
        plan_reference(s, &t, node, "$ref");
    else if (!meet_scalars(s, c, node))
        return false;
    for (uint32_t i = 0; i < j->n && !only_ref && s->st == ST_OK; i++)
        plan_keyword(s, &t, node, j->key[i].ptr, c->type);
    for (uint32_t i = t.n; i-- > 0;)
        push(s, c, t.p[i]);
    mem_free(t.p);
    return s->st == ST_OK;
}

/* ---- negative literals ---------------------------------------------------------------------- */

static void atom_branch(struct expansion *x, const struct clause *c, struct atom a)
{
    add_atom(x->s, branch(x, c), a);
}

static void unsupported(struct expansion *x, const struct clause *c, uint32_t node, const char *why)
{
    atom_branch(x, c, (struct atom){ .kind = ATOM_UNSUPPORTED, .node = node, .lit = LIT_NONE, .why = why });
}

static void lit_branch(struct expansion *x, const struct clause *c, uint32_t a, uint32_t b)
{
    struct clause *n = branch(x, c);
    if (b != LIT_NONE)
        push_lit(x->s, n, b);
    push_lit(x->s, n, a);
}

static void str_branch(struct expansion *x, const struct clause *c, uint32_t expr)
{
    struct clause *n = branch(x, c);
    if (n)
        n->str = expr_and2(&x->s->r->t.ex, n->str, expr);
}

static void num_branch(struct expansion *x, const struct clause *c, const struct num_set *set, uint32_t node)
{
    struct clause *n = branch(x, c);
    if (n && !num_meet(&n->num, set))
        schema_refuse(x->s, node, "", "too many divisors");
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
    uint32_t lo = schema_count(s, node, "minLength", 0), hi = schema_count(s, node, "maxLength", EXPR_INF);
    const struct jnode *pattern = schema_keyword(s, node, "pattern"), *format = schema_keyword(s, node, "format");
    if (lo)
        str_branch(x, c, expr_rep(p, EXPR_ANY, 0, lo - 1));
    if (hi != EXPR_INF)
        str_branch(x, c, expr_rep(p, EXPR_ANY, hi + 1, EXPR_INF));
    if (pattern)
        str_branch(x, c, expr_not(p, schema_pattern_expr(s, node, "pattern", pattern)));
    uint32_t e;
    bool narrow;
    if (format && format->kind == J_STRING && schema_format_expr(s, format->text, &e, &narrow)) {
        if (narrow)
            unsupported(x, c, node, "NARROWED_NEGATION: the negation of this format");
        else
            str_branch(x, c, expr_not(p, e));
    }
}

/* Number of keyword counts: lo..hi of the positive form. */
static void negate_counts(struct expansion *x, const struct clause *c, uint32_t node, const char *min,
                          const char *max, uint8_t kind)
{
    uint32_t lo = schema_count(x->s, node, min, 0), hi = schema_count(x->s, node, max, EXPR_INF);
    if (lo)
        atom_branch(x, c, (struct atom){ .kind = kind, .lit = LIT_NONE, .hi = lo - 1 });
    if (hi != EXPR_INF)
        atom_branch(x, c, (struct atom){ .kind = kind, .lit = LIT_NONE, .lo = hi + 1, .hi = EXPR_INF });
}

static void negate_items(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *prefix = schema_keyword(s, node, "prefixItems");
    const struct jnode *items = schema_keyword(s, node, "items");
    const char *word = "prefixItems", *rest = "items";
    if (items && items->kind == J_ARRAY) {
        prefix = items;
        word = "items";
        rest = "additionalItems";
    }
    uint32_t n = prefix && prefix->kind == J_ARRAY ? prefix->n : 0;
    for (uint32_t i = 0; i < n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, word, i);
        if (!schema_is_true(s, kid))
            atom_branch(x, c, (struct atom){ .kind = ATOM_ITEM, .n = i, .lit = lit_neg(kid) });
    }
    if (schema_keyword(s, node, rest) && !(prefix == NULL && !strcmp(rest, "additionalItems"))) {
        uint32_t kid = schema_kid(s, node, rest);
        if (!schema_is_true(s, kid))
            atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_ITEM, .n = n, .lo = 1, .lit = lit_neg(kid) });
    }
}

static void negate_array(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    negate_counts(x, c, node, "minItems", "maxItems", ATOM_ITEMS);
    negate_items(x, c, node);
    const struct jnode *unique = schema_keyword(s, node, "uniqueItems");
    if (unique && unique->kind == J_BOOL && unique->truth)
        unsupported(x, c, node, "the negation of uniqueItems");
    if (schema_keyword(s, node, "contains")) {
        uint32_t kid = schema_kid(s, node, "contains");
        uint32_t lo = schema_count(s, node, "minContains", 1), hi = schema_count(s, node, "maxContains", EXPR_INF);
        if (lo == 1)
            atom_branch(x, c, (struct atom){ .kind = ATOM_ALL_ITEMS, .lit = lit_neg(kid) });
        else if (lo)
            unsupported(x, c, node, "the negation of minContains");
        if (hi != EXPR_INF)
            atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_ITEM, .lo = hi + 1, .lit = lit_pos(kid) });
    }
    const struct jnode *u = schema_keyword(s, node, "unevaluatedItems");
    if (u && !(u->kind == J_BOOL && u->truth))
        unsupported(x, c, node, "the negation of unevaluatedItems");
}

static void negate_dependencies(struct expansion *x, const struct clause *c, uint32_t node, const char *word)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, word);
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++) {
        struct atom has = { .kind = ATOM_KEY, .lit = LIT_NONE, .name = j->key[i] };
        if (j->kid[i]->kind != J_ARRAY) {
            struct clause *n = branch(x, c);
            add_atom(s, n, has);
            push_lit(s, n, lit_neg(schema_member(s, node, word, i)));
            continue;
        }
        for (uint32_t k = 0; k < j->kid[i]->n; k++) {
            struct clause *n = branch(x, c);
            add_atom(s, n, has);
            add_atom(s, n, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->kid[i]->kid[k]->text });
        }
    }
}

static void negate_object(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    negate_counts(x, c, node, "minProperties", "maxProperties", ATOM_KEYS);
    const struct jnode *j = schema_keyword(s, node, "required");
    for (uint32_t i = 0; j && j->kind == J_ARRAY && i < j->n; i++)
        atom_branch(x, c, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->kid[i]->text });
    j = schema_keyword(s, node, "properties");
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, "properties", i);
        if (!schema_is_true(s, kid))
            atom_branch(x, c, (struct atom){ .kind = ATOM_KEY, .lit = lit_neg(kid), .name = j->key[i] });
    }
    j = schema_keyword(s, node, "additionalProperties");
    if (j && !(j->kind == J_BOOL && j->truth))
        atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_UNDECLARED,
                                         .lit = lit_neg(schema_kid(s, node, "additionalProperties")) });
    j = schema_keyword(s, node, "patternProperties");
    for (uint32_t i = 0; j && j->kind == J_OBJECT && i < j->n && s->st == ST_OK; i++)
        if (!schema_is_true(s, schema_member(s, node, "patternProperties", i)))
            atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_PATTERN + i,
                                             .lit = lit_neg(schema_member(s, node, "patternProperties", i)) });
    j = schema_keyword(s, node, "propertyNames");
    if (j && !(j->kind == J_BOOL && j->truth))
        atom_branch(x, c, (struct atom){ .kind = ATOM_SOME_KEY, .node = node, .n = SOME_BAD_NAME, .lit = LIT_NONE });
    j = schema_keyword(s, node, "unevaluatedProperties");
    if (j && !(j->kind == J_BOOL && j->truth))
        unsupported(x, c, node, "the negation of unevaluatedProperties");
    negate_dependencies(x, c, node, "dependencies");
    negate_dependencies(x, c, node, "dependentRequired");
    negate_dependencies(x, c, node, "dependentSchemas");
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
static bool negate_listed(struct expansion *x, const struct clause *c, uint32_t node, const char *word)
{
    struct schema *s = x->s;
    struct jnode *const *v = NULL;
    uint32_t n = listed(s, node, word, &v), same = 0;
    struct clause *b;
    for (uint32_t i = 0; i < n; i++)
        same += v[i]->kind == x->type;
    if (!same)
        return false;
    switch (x->type) {
    case J_NULL:
        return true;
    case J_BOOL:
        if ((b = branch(x, c)))
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
        atom_branch(x, c, (struct atom){ .kind = x->type == J_ARRAY ? ATOM_ITEMS : ATOM_KEYS,
                                         .lit = LIT_NONE, .lo = 1, .hi = EXPR_INF });
        return true;
    }
}

static void negate_all(struct expansion *x, const struct clause *c, uint32_t node, const char *word)
{
    struct schema *s = x->s;
    uint32_t n = schema_keyword(s, node, word)->n;
    struct clause *b = branch(x, c);
    for (uint32_t i = n; i-- > 0 && s->st == ST_OK && b;)
        push_lit(s, b, lit_neg(schema_member(s, node, word, i)));
}

static void negate_one_of(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    uint32_t n = schema_keyword(s, node, "oneOf")->n;
    negate_all(x, c, node, "oneOf");
    for (uint32_t i = 0; i < n && s->st == ST_OK; i++)
        for (uint32_t j = i + 1; j < n && s->st == ST_OK; j++) {
            uint32_t a = schema_member(s, node, "oneOf", i), b = schema_member(s, node, "oneOf", j);
            if (!schema_disjoint(s, a, b))
                lit_branch(x, c, lit_pos(a), lit_pos(b));
        }
}

static void negate_reference(struct expansion *x, const struct clause *c, uint32_t node, const char *word)
{
    uint32_t target;
    if (schema_keyword(x->s, node, word) && schema_resolve(x->s, node, word, &target))
        lit_branch(x, c, lit_neg(target), LIT_NONE);
}

static void negate_applicators(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j;
    negate_reference(x, c, node, "$ref");
    negate_reference(x, c, node, "$dynamicRef");
    negate_reference(x, c, node, "$recursiveRef");
    j = schema_keyword(s, node, "allOf");
    for (uint32_t i = 0; j && i < j->n && s->st == ST_OK; i++)
        lit_branch(x, c, lit_neg(schema_member(s, node, "allOf", i)), LIT_NONE);
    if (schema_keyword(s, node, "anyOf"))
        negate_all(x, c, node, "anyOf");
    if (schema_keyword(s, node, "oneOf"))
        negate_one_of(x, c, node);
    if (schema_keyword(s, node, "not"))
        lit_branch(x, c, lit_pos(schema_kid(s, node, "not")), LIT_NONE);
    if (schema_keyword(s, node, "if")) {
        uint32_t cond = schema_kid(s, node, "if");
        if (schema_keyword(s, node, "then"))
            lit_branch(x, c, lit_pos(cond), lit_neg(schema_kid(s, node, "then")));
        if (schema_keyword(s, node, "else"))
            lit_branch(x, c, lit_neg(cond), lit_neg(schema_kid(s, node, "else")));
    }
}

/* Makes a branch for each way to violate the node.  True: the clause itself goes on (the type alone
 * violates); false: only the branches do. */
static bool expand_neg(struct expansion *x, struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j = s->node[node].json;
    bool integer;
    const struct clause here = *c;
    if (j->kind == J_BOOL)
        return !j->truth;
    if (s->node[node].draft <= DRAFT_7 && jtree_get(j, "$ref")) {
        negate_reference(x, &here, node, "$ref");
        return false;
    }
    if (!type_allows(s, node, x->type, &integer))
        return s->st == ST_OK;
    static const char *const lists[2] = { "enum", "const" };
    uint32_t before = x->work.n;
    for (int i = 0; i < 2; i++)
        if (schema_keyword(s, node, lists[i]) && !negate_listed(x, &here, node, lists[i])) {
            x->work.n = before;
            return true;
        }
    if (integer) {
        struct clause *b = branch(x, &here);
        if (b)
            add_integer(b, true);
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

/* ---- branching items ------------------------------------------------------------------------ */

static void expand_one_of(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, "oneOf");
    if (j->kind != J_ARRAY || !j->n) {
        schema_malformed(s, node, "oneOf", "a list of schemas is expected");
        return;
    }
    const struct clause here = *c;
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++) {
        uint32_t own = schema_member(s, node, "oneOf", i);
        bool twice = false;
        for (uint32_t k = 0; k < j->n; k++)
            twice |= k != i && jtree_equal(j->kid[i], j->kid[k]);
        struct clause n = here;
        for (uint32_t k = 0; k < j->n && !twice && s->st == ST_OK; k++) {
            uint32_t other = schema_member(s, node, "oneOf", k);
            if (k != i && s->st == ST_OK && !schema_disjoint(s, own, other))
                push_lit(s, &n, lit_neg(other));
        }
        if (!twice) {
            push_lit(s, &n, lit_pos(own));
            branch(x, &n);
        }
    }
}

static void expand_dependency(struct expansion *x, const struct clause *c, const struct pending *p)
{
    struct schema *s = x->s;
    const struct clause here = *c;
    const struct jnode *j = schema_keyword(s, p->x, p->word), *k = j->kid[p->i];
    atom_branch(x, &here, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->key[p->i] });
    struct clause *n = branch(x, &here);
    add_atom(s, n, (struct atom){ .kind = ATOM_KEY, .lit = LIT_NONE, .name = j->key[p->i] });
    if (k->kind == J_OBJECT || k->kind == J_BOOL) {
        push_lit(s, n, lit_pos(schema_member(s, p->x, p->word, p->i)));
        return;
    }
    for (uint32_t i = 0; i < (k->kind == J_ARRAY ? k->n : 1); i++) {
        const struct jnode *name = k->kind == J_ARRAY ? k->kid[i] : k;
        if (name->kind != J_STRING) {
            schema_malformed(s, p->x, p->word, "names of keys are expected");
            return;
        }
        add_atom(s, n, (struct atom){ .kind = ATOM_KEY, .lit = LIT_NONE, .name = name->text });
    }
}

static bool seen_lit(const struct clause *c, uint32_t lit)
{
    for (const struct pending *p = c->done; p; p = p->below)
        if (p->x == lit)
            return true;
    return false;
}

/* True: the clause goes on. */
static bool expand_lit(struct expansion *x, struct clause *c, uint32_t lit)
{
    struct pending p = { .below = c->done, .x = lit };
    if (seen_lit(c, lit))
        return true;
    if (seen_lit(c, lit ^ 1))
        return false;
    c->done = arena_dup(&x->s->arena, &p, sizeof p);
    if (!c->done) {
        schema_nomem(x->s);
        return false;
    }
    return lit & 1 ? expand_neg(x, c, lit >> 1) : expand_pos(x->s, c, lit >> 1);
}

static bool expand_item(struct expansion *x, struct clause *c, const struct pending *p)
{
    struct schema *s = x->s;
    switch (p->kind) {
    case P_LIT:
        return expand_lit(x, c, p->x);
    case P_ATOM:
        add_atom(s, c, *p->atom);
        return true;
    case P_ANY: {
        const struct jnode *j = schema_keyword(s, p->x, "anyOf");
        const struct clause here = *c;
        if (j->kind != J_ARRAY || !j->n)
            schema_malformed(s, p->x, "anyOf", "a list of schemas is expected");
        for (uint32_t i = j->n; i-- > 0 && s->st == ST_OK;)
            lit_branch(x, &here, lit_pos(schema_member(s, p->x, "anyOf", i)), LIT_NONE);
        return false;
    }
    case P_ONE:
        expand_one_of(x, c, p->x);
        return false;
    case P_IF: {
        const struct clause here = *c;
        uint32_t cond = schema_kid(s, p->x, "if"), kid = LIT_NONE;
        bool then = schema_keyword(s, p->x, "then"), other = schema_keyword(s, p->x, "else");
        if (!then && !other)
            return true;
        if (then)
            kid = lit_pos(schema_kid(s, p->x, "then"));
        lit_branch(x, &here, lit_pos(cond), kid);
        kid = other ? lit_pos(schema_kid(s, p->x, "else")) : LIT_NONE;
        lit_branch(x, &here, lit_neg(cond), kid);
        return false;
    }
    default:
        expand_dependency(x, c, p);
        return false;
    }
}

/* Of listed values those stay that the whole goal admits. */
static void filter_values(struct expansion *x, struct clause *c)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < c->n_value; i++) {
        bool ok = true;
        for (uint32_t k = 0; k < x->n_lit && ok; k++)
            ok = schema_valid(x->s, x->lit[k] >> 1, c->value[i], 0) == !(x->lit[k] & 1);
        if (ok)
            c->value[n++] = c->value[i];
    }
    c->n_value = n;
}

static void finish(struct expansion *x, struct clause *c)
{
    if (c->has_values) {
        const struct jnode **copy = arena_dup(&x->s->arena, c->value, (c->n_value + 1ul) * sizeof *copy);
        if (!copy) {
            schema_nomem(x->s);
            return;
        }
        c->value = copy;
        filter_values(x, c);
        if (!c->n_value)
            return;
    }
    struct clause *n = array_push(&x->out->c, &x->out->n, &x->out->cap, sizeof *n);
    if (n)
        *n = *c;
    else
        schema_nomem(x->s);
}

bool schema_expand(struct schema *s, const uint32_t *lit, uint32_t n, enum jkind type, struct clauses *out)
{
    struct expansion x = { .s = s, .type = type, .lit = lit, .n_lit = n, .out = out };
    struct clause c = { .type = (uint8_t)type, .bools = 3, .open_text = true, .str = EXPR_ALL };
    for (uint32_t i = n; i-- > 0;)
        push_lit(s, &c, lit[i]);
    branch(&x, &c);
    while (x.work.n && s->st == ST_OK && !rules_failed(s->r)) {
        c = x.work.c[--x.work.n];
        bool alive = true;
        while (alive && c.pending && s->st == ST_OK) {
            const struct pending *p = c.pending;
            c.pending = p->below;
            alive = expand_item(&x, &c, p);
        }
        if (alive && s->st == ST_OK)
            finish(&x, &c);
    }
    clauses_free(&x.work);
    return s->st == ST_OK && !rules_failed(s->r);
}

/* ---- questions ------------------------------------------------------------------------------ */

bool schema_clause_dead(struct schema *s, const struct clause *c)
{
    if (c->has_values)
        return c->n_value == 0;
    switch (c->type) {
    case J_NULL:
        return false;
    case J_BOOL:
        return !c->bools;
    case J_NUMBER: {
        if (!c->num.n_div && !(c->num.has_lo && c->num.has_hi))
            return false;
        if (c->num.has_lo && c->num.has_hi && decimal_cmp(&c->num.lo, &c->num.hi) > 0)
            return true;
        return terminal_number(&s->r->t, &c->num, &s->r->num_spelling[num_integer(&c->num) ? 0 : 1]) == TERM_DEAD;
    }
    case J_STRING:
        return !expr_live(&s->r->t.ex, c->str);
    case J_ARRAY:
        return schema_array_dead(s, c);
    default:
        return schema_object_dead(s, c);
    }
}

/* A goal that is asked too deep counts as alive, which is sound: it only costs work later. */
bool schema_goal_dead(struct schema *s, const uint32_t *lit, uint32_t n)
{
    bool dead = true;
    if (s->nest >= QUESTION_NEST)
        return false;
    s->nest++;
    for (int t = 0; t < N_JKIND && dead && s->st == ST_OK; t++) {
        struct clauses out = { 0 };
        if (!schema_expand(s, lit, n, (enum jkind)t, &out))
            dead = false;
        for (uint32_t i = 0; i < out.n && dead; i++)
            dead = schema_clause_dead(s, &out.c[i]);
        clauses_free(&out);
    }
    s->nest--;
    return dead && s->st == ST_OK;
}

enum { DISJOINT = 1, OVERLAP = 2, ASKED = 3 };

bool schema_disjoint(struct schema *s, uint32_t a, uint32_t b)
{
    uint64_t key = a < b ? (uint64_t)a << 32 | b : (uint64_t)b << 32 | a, known;
    if (idmap_get(&s->disjoint, key, &known))
        return known == DISJOINT;
    const uint32_t lit[2] = { lit_pos(a), lit_pos(b) };
    bool shallow = s->nest >= QUESTION_NEST;
    if (!idmap_put(&s->disjoint, key, ASKED))
        schema_nomem(s);
    bool dead = schema_goal_dead(s, lit, 2);
    if (shallow)
        idmap_del(&s->disjoint, key);       /* not asked: another place may ask again */
    else if (!idmap_put(&s->disjoint, key, dead ? DISJOINT : OVERLAP))
        schema_nomem(s);
    return dead;
}

/* ---- goals ---------------------------------------------------------------------------------- */

enum { GOAL_MAX = 65536 };

uint32_t schema_goal_value(struct schema *s, const uint32_t *lit, uint32_t n)
{
    uint32_t *list = arena_array(&s->arena, n + 1ul, sizeof *list), k = 0;
    if (!list) {
        schema_nomem(s);
        return 0;
    }
    for (uint32_t i = 0; i < n; i++) {          /* in order of appearance, each once */
        bool known = !(lit[i] & 1) && schema_is_true(s, lit[i] >> 1);
        for (uint32_t m = 0; m < k; m++)
            known |= list[m] == lit[i];
        if (!known)
            list[k++] = lit[i];
    }
    struct slice key = { (const char *)list, k * sizeof *list };
    uint64_t at;
    if (hashmap_get(&s->by_lits, key, &at))
        return s->goal[at].value;
    if (s->n_goal >= GOAL_MAX) {
        schema_refuse(s, n ? lit[0] >> 1 : 0, "", "BUDGET_CLAUSES: too many combinations of schemas");
        return 0;
    }
    struct schema_goal *g = array_push(&s->goal, &s->n_goal, &s->cap_goal, sizeof *g);
    if (!g || !hashmap_put(&s->by_lits, key, s->n_goal - 1)) {
        schema_nomem(s);
        return 0;
    }
    *g = (struct schema_goal){ list, k, value_new(s->r) };
    return g->value;
}

uint32_t schema_goal_texts(struct schema *s, const uint32_t *lit, uint32_t n)
{
    struct clauses out = { 0 };
    uint32_t e = EXPR_EMPTY;
    struct expr_pool *p = &s->r->t.ex;
    schema_expand(s, lit, n, J_STRING, &out);
    for (uint32_t i = 0; i < out.n && s->st == ST_OK; i++) {
        uint32_t one = out.c[i].str;
        if (out.c[i].atom)
            schema_refuse(s, out.c[i].atom->node, "", out.c[i].atom->why ? out.c[i].atom->why
                          : "names with this constraint");
        if (out.c[i].has_values) {
            one = EXPR_EMPTY;
            for (uint32_t k = 0; k < out.c[i].n_value; k++)
                one = expr_or2(p, one, expr_text(p, out.c[i].value[k]->text));
        }
        e = expr_or2(p, e, one);
    }
    clauses_free(&out);
    return e;
}
