/* schema_check.c - plain validation of one value, used to filter the members of enums.
 *
 * It reads the keywords a second time and by itself, so that two readings of JSON Schema must
 * agree.  Values come from the schema text, so their depth is bounded; references without
 * progress are cut by a limit. */
#include <string.h>

#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_data.h"

enum { CHECK_NEST = 600 };

static bool type_is(const struct jnode *v, struct slice name)
{
    static const char *const names[] = { "null", "boolean", "number", "string", "array", "object" };
    struct decimal d;
    if (slice_is(name, "integer"))
        return v->kind == J_NUMBER && decimal_read(v->text, &d) && decimal_is_integer(&d);
    return slice_is(name, names[v->kind]);
}

static bool check_type(struct schema *s, uint32_t node, const struct jnode *v)
{
    const struct jnode *t = schema_keyword(s, node, WORD_TYPE);
    if (!t)
        return true;
    if (t->kind == J_STRING)
        return type_is(v, t->text);
    for (uint32_t i = 0; i < t->n; i++)
        if (t->kid[i]->kind == J_STRING && type_is(v, t->kid[i]->text))
            return true;
    return false;
}

/* Whether v is a member itself; members stand in the order of the text. */
static bool is_member(const struct jnode *list, const struct jnode *v)
{
    uint32_t lo = 0, hi = list->n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (list->kid[mid] == v)
            return true;
        if (list->kid[mid]->order < v->order)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static bool check_listed(struct schema *s, uint32_t node, const struct jnode *v)
{
    const struct jnode *e = schema_keyword(s, node, WORD_ENUM), *c = schema_keyword(s, node, WORD_CONST);
    bool found = !e || is_member(e, v);
    for (uint32_t i = 0; e && i < e->n && !found; i++)
        found = jtree_equal(e->kid[i], v);
    return found && (!c || jtree_equal(c, v));
}

static bool check_scalar(struct schema *s, uint32_t node, const struct jnode *v)
{
    bool open;
    struct num_set set;
    struct decimal d;
    if (v->kind == J_STRING)
        return expr_contains(&s->r->t.ex, schema_string_expr(s, node, &open), v->text);
    if (v->kind == J_NUMBER && schema_number_set(s, node, &set))
        return decimal_read(v->text, &d) && num_has(&set, &d);
    return true;
}

static bool kid_valid(struct schema *s, uint32_t node, enum schema_word word, const struct jnode *v, uint32_t depth)
{
    return schema_valid(s, schema_kid(s, node, word), v, depth);
}

/* unevaluated* beside applicators is not decided here: the schema is refused. */
static void refuse_unevaluated(struct schema *s, uint32_t node, enum schema_word word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (j && !(j->kind == J_BOOL && j->truth) && !schema_evaluates_alone(s, node))
        schema_refuse(s, node, word, "listed values under this keyword beside other applicators");
}

static bool check_array(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    const struct jnode *prefix = schema_keyword(s, node, WORD_PREFIX_ITEMS), *items = schema_keyword(s, node, WORD_ITEMS);
    enum schema_word word = WORD_PREFIX_ITEMS, rest = WORD_ITEMS;
    if (items && items->kind == J_ARRAY) {
        prefix = items;
        word = WORD_ITEMS;
        rest = WORD_ADDITIONAL_ITEMS;
    }
    refuse_unevaluated(s, node, WORD_UNEVALUATED_ITEMS);
    bool has_rest = schema_keyword(s, node, rest) && (prefix || rest == WORD_ITEMS);
    uint32_t n_prefix = prefix && prefix->kind == J_ARRAY ? prefix->n : 0, counted = 0;
    if (v->n < schema_count(s, node, WORD_MIN_ITEMS, 0) || v->n > schema_count(s, node, WORD_MAX_ITEMS, EXPR_INF))
        return false;
    for (uint32_t i = 0; i < v->n; i++) {
        if (i < n_prefix && !schema_valid(s, schema_member(s, node, word, i), v->kid[i], depth))
            return false;
        if (i >= n_prefix && has_rest && !kid_valid(s, node, rest, v->kid[i], depth))
            return false;
        if (schema_keyword(s, node, WORD_CONTAINS))
            counted += kid_valid(s, node, WORD_CONTAINS, v->kid[i], depth);
    }
    if (schema_keyword(s, node, WORD_CONTAINS) &&
        (counted < schema_count(s, node, WORD_MIN_CONTAINS, 1) ||
         counted > schema_count(s, node, WORD_MAX_CONTAINS, EXPR_INF)))
        return false;
    const struct jnode *unique = schema_keyword(s, node, WORD_UNIQUE_ITEMS);
    for (uint32_t i = 0; unique && unique->kind == J_BOOL && unique->truth && i < v->n; i++)
        for (uint32_t k = i + 1; k < v->n; k++)
            if (jtree_equal(v->kid[i], v->kid[k]))
                return false;
    const struct jnode *u = schema_keyword(s, node, WORD_UNEVALUATED_ITEMS);
    if (u && !has_rest && v->n > n_prefix && schema_evaluates_alone(s, node))      /* beside applicators the clause is refused */
        for (uint32_t i = n_prefix; i < v->n; i++)
            if (!kid_valid(s, node, WORD_UNEVALUATED_ITEMS, v->kid[i], depth))
                return false;
    return true;
}

static bool check_member(struct schema *s, uint32_t node, struct slice key, const struct jnode *v, uint32_t depth)
{
    const struct jnode *props = schema_keyword(s, node, WORD_PROPERTIES);
    const struct jnode *pats = schema_keyword(s, node, WORD_PATTERN_PROPERTIES);
    uint32_t at = props && props->kind == J_OBJECT ? schema_find_key(s, props, key) : UINT32_MAX;
    bool matched = at != UINT32_MAX;
    if (matched && !schema_valid(s, schema_member(s, node, WORD_PROPERTIES, at), v, depth))
        return false;
    for (uint32_t i = 0; pats && i < pats->n && s->st == ST_OK; i++) {
        uint32_t e = schema_pattern_text(s, node, WORD_PATTERN_PROPERTIES, &pats->key[i],
                                         (uint64_t)(uintptr_t)&pats->key[i]);
        if (!expr_contains(&s->r->t.ex, e, key))
            continue;
        matched = true;
        if (!schema_valid(s, schema_member(s, node, WORD_PATTERN_PROPERTIES, i), v, depth))
            return false;
    }
    enum schema_word rest = schema_keyword(s, node, WORD_ADDITIONAL_PROPERTIES) ? WORD_ADDITIONAL_PROPERTIES
                     : schema_keyword(s, node, WORD_UNEVALUATED_PROPERTIES) && schema_evaluates_alone(s, node)
                     ? WORD_UNEVALUATED_PROPERTIES : WORD_NONE;
    if (!matched && rest && !kid_valid(s, node, rest, v, depth))
        return false;
    if (schema_keyword(s, node, WORD_PROPERTY_NAMES)) {
        struct jnode name = { .kind = J_STRING, .text = key };
        return kid_valid(s, node, WORD_PROPERTY_NAMES, &name, depth);
    }
    return true;
}

static bool check_needs(struct schema *s, uint32_t node, enum schema_word word, const struct jnode *v, uint32_t depth)
{
    const struct jnode *d = schema_keyword(s, node, word);
    for (uint32_t i = 0; d && d->kind == J_OBJECT && i < d->n; i++) {
        const struct jnode *need = d->kid[i];
        if (!jtree_find(v, d->key[i]))
            continue;
        if (need->kind == J_OBJECT || need->kind == J_BOOL) {
            if (!schema_valid(s, schema_member(s, node, word, i), v, depth))
                return false;
            continue;
        }
        for (uint32_t k = 0; need->kind == J_ARRAY && k < need->n; k++)
            if (!jtree_find(v, need->kid[k]->text))
                return false;
        if (need->kind == J_STRING && !jtree_find(v, need->text))
            return false;
    }
    return true;
}

static bool check_object(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    const struct jnode *required = schema_keyword(s, node, WORD_REQUIRED);
    refuse_unevaluated(s, node, WORD_UNEVALUATED_PROPERTIES);
    if (v->n < schema_count(s, node, WORD_MIN_PROPERTIES, 0) ||
        v->n > schema_count(s, node, WORD_MAX_PROPERTIES, EXPR_INF))
        return false;
    for (uint32_t i = 0; required && required->kind == J_ARRAY && i < required->n; i++)
        if (!jtree_find(v, required->kid[i]->text))
            return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (!check_member(s, node, v->key[i], v->kid[i], depth))
            return false;
    return check_needs(s, node, WORD_DEPENDENCIES, v, depth) &&
           check_needs(s, node, WORD_DEPENDENT_REQUIRED, v, depth) &&
           check_needs(s, node, WORD_DEPENDENT_SCHEMAS, v, depth);
}

static bool check_reference(struct schema *s, uint32_t node, enum schema_word word, const struct jnode *v,
                            uint32_t depth)
{
    uint32_t target;
    if (!schema_keyword(s, node, word))
        return true;
    return schema_resolve(s, node, word, &target) && schema_valid(s, target, v, depth);
}

static bool check_applied(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    static const enum schema_word word[] = { WORD_ALL_OF, WORD_ANY_OF, WORD_ONE_OF };
    for (int w = 0; w < 3; w++) {
        const struct jnode *j = schema_keyword(s, node, word[w]);
        uint32_t n = 0;
        for (uint32_t i = 0; j && i < j->n && s->st == ST_OK; i++)
            n += schema_valid(s, schema_member(s, node, word[w], i), v, depth);
        if (j && (w == 0 ? n != j->n : w == 1 ? n == 0 : n != 1))
            return false;
    }
    if (schema_keyword(s, node, WORD_NOT) && kid_valid(s, node, WORD_NOT, v, depth))
        return false;
    if (schema_keyword(s, node, WORD_IF)) {
        enum schema_word then = kid_valid(s, node, WORD_IF, v, depth) ? WORD_THEN : WORD_ELSE;
        if (schema_keyword(s, node, then) && !kid_valid(s, node, then, v, depth))
            return false;
    }
    return true;
}

static bool valid(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    if (s->node[node].draft <= DRAFT_7 && schema_keyword(s, node, WORD_REF))
        return check_reference(s, node, WORD_REF, v, depth);
    return check_type(s, node, v) && check_listed(s, node, v) && check_scalar(s, node, v) &&
           (v->kind != J_ARRAY || check_array(s, node, v, depth)) &&
           (v->kind != J_OBJECT || check_object(s, node, v, depth)) &&
           check_reference(s, node, WORD_REF, v, depth) &&
           check_reference(s, node, WORD_DYNAMIC_REF, v, depth) &&
           check_reference(s, node, WORD_RECURSIVE_REF, v, depth) &&
           check_applied(s, node, v, depth);
}

/* Nodes whose verdict is worth keeping: those that ask other nodes about the same value. */
enum { VERDICT_NO = 1, VERDICT_YES = 2 };

static bool asks_others(const struct schema *s, uint32_t node)
{
    return s->node[node].has & (WORD_BIT(REF) | WORD_BIT(ALL_OF) | WORD_BIT(ANY_OF) | WORD_BIT(ONE_OF) |
                                WORD_BIT(NOT) | WORD_BIT(IF));
}

bool schema_valid(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    const struct jnode *j = s->node[node].json;
    uint64_t key = (uint64_t)node << 32 | v->order, known;
    if (s->st != ST_OK)
        return false;
    if (++depth > CHECK_NEST) {
        schema_refuse(s, node, WORD_NONE, "REF_LOOP: this reference leads back to itself");
        return false;
    }
    if (j->kind == J_BOOL)
        return j->truth;
    /* Only values of the schema's own text are known by their place in it; names of keys have none. */
    bool keeps = s->own_values && v->order && asks_others(s, node);
    if (keeps && idmap_get(&s->verdicts, key, &known))
        return known == VERDICT_YES;
    if (!expr_work(&s->r->t.ex, 1))
        return false;
    bool ok = valid(s, node, v, depth);
    if (keeps && s->st == ST_OK && !idmap_put(&s->verdicts, key, ok ? VERDICT_YES : VERDICT_NO))
        schema_nomem(s);
    return ok;
}
