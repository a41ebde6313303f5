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
    const struct jnode *t = schema_keyword(s, node, "type");
    if (!t)
        return true;
    if (t->kind == J_STRING)
        return type_is(v, t->text);
    for (uint32_t i = 0; i < t->n; i++)
        if (t->kid[i]->kind == J_STRING && type_is(v, t->kid[i]->text))
            return true;
    return false;
}

static bool check_listed(struct schema *s, uint32_t node, const struct jnode *v)
{
    const struct jnode *e = schema_keyword(s, node, "enum"), *c = schema_keyword(s, node, "const");
    bool found = !e;
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

static bool kid_valid(struct schema *s, uint32_t node, const char *word, const struct jnode *v, uint32_t depth)
{
    return schema_valid(s, schema_kid(s, node, word), v, depth);
}

/* unevaluated* beside applicators is not decided here: the schema is refused. */
static void refuse_unevaluated(struct schema *s, uint32_t node, const char *word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (j && !(j->kind == J_BOOL && j->truth) && !schema_evaluates_alone(s, node))
        schema_refuse(s, node, word, "listed values under this keyword beside other applicators");
}

static bool check_array(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    const struct jnode *prefix = schema_keyword(s, node, "prefixItems"), *items = schema_keyword(s, node, "items");
    const char *word = "prefixItems", *rest = "items";
    if (items && items->kind == J_ARRAY) {
        prefix = items;
        word = "items";
        rest = "additionalItems";
    }
    refuse_unevaluated(s, node, "unevaluatedItems");
    bool has_rest = schema_keyword(s, node, rest) && (prefix || !strcmp(rest, "items"));
    uint32_t n_prefix = prefix && prefix->kind == J_ARRAY ? prefix->n : 0, counted = 0;
    if (v->n < schema_count(s, node, "minItems", 0) || v->n > schema_count(s, node, "maxItems", EXPR_INF))
        return false;
    for (uint32_t i = 0; i < v->n; i++) {
        if (i < n_prefix && !schema_valid(s, schema_member(s, node, word, i), v->kid[i], depth))
            return false;
        if (i >= n_prefix && has_rest && !kid_valid(s, node, rest, v->kid[i], depth))
            return false;
        if (schema_keyword(s, node, "contains"))
            counted += kid_valid(s, node, "contains", v->kid[i], depth);
    }
    if (schema_keyword(s, node, "contains") &&
        (counted < schema_count(s, node, "minContains", 1) ||
         counted > schema_count(s, node, "maxContains", EXPR_INF)))
        return false;
    const struct jnode *unique = schema_keyword(s, node, "uniqueItems");
    for (uint32_t i = 0; unique && unique->kind == J_BOOL && unique->truth && i < v->n; i++)
        for (uint32_t k = i + 1; k < v->n; k++)
            if (jtree_equal(v->kid[i], v->kid[k]))
                return false;
    const struct jnode *u = schema_keyword(s, node, "unevaluatedItems");
    if (u && !has_rest && v->n > n_prefix && schema_evaluates_alone(s, node))      /* beside applicators the clause is refused */
        for (uint32_t i = n_prefix; i < v->n; i++)
            if (!kid_valid(s, node, "unevaluatedItems", v->kid[i], depth))
                return false;
    return true;
}

static bool check_member(struct schema *s, uint32_t node, struct slice key, const struct jnode *v, uint32_t depth)
{
    const struct jnode *props = schema_keyword(s, node, "properties");
    const struct jnode *pats = schema_keyword(s, node, "patternProperties");
    bool matched = false;
    for (uint32_t i = 0; props && i < props->n; i++)
        if (slice_eq(props->key[i], key)) {
            matched = true;
            if (!schema_valid(s, schema_member(s, node, "properties", i), v, depth))
                return false;
        }
    for (uint32_t i = 0; pats && i < pats->n && s->st == ST_OK; i++) {
        uint32_t e = schema_pattern_text(s, node, "patternProperties", &pats->key[i],
                                         (uint64_t)(uintptr_t)&pats->key[i]);
        if (!expr_contains(&s->r->t.ex, e, key))
            continue;
        matched = true;
        if (!schema_valid(s, schema_member(s, node, "patternProperties", i), v, depth))
            return false;
    }
    const char *rest = schema_keyword(s, node, "additionalProperties") ? "additionalProperties"
                     : schema_keyword(s, node, "unevaluatedProperties") && schema_evaluates_alone(s, node)
                     ? "unevaluatedProperties" : NULL;
    if (!matched && rest && !kid_valid(s, node, rest, v, depth))
        return false;
    if (schema_keyword(s, node, "propertyNames")) {
        struct jnode name = { .kind = J_STRING, .text = key };
        return kid_valid(s, node, "propertyNames", &name, depth);
    }
    return true;
}

static bool check_needs(struct schema *s, uint32_t node, const char *word, const struct jnode *v, uint32_t depth)
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
    const struct jnode *required = schema_keyword(s, node, "required");
    refuse_unevaluated(s, node, "unevaluatedProperties");
    if (v->n < schema_count(s, node, "minProperties", 0) ||
        v->n > schema_count(s, node, "maxProperties", EXPR_INF))
        return false;
    for (uint32_t i = 0; required && required->kind == J_ARRAY && i < required->n; i++)
        if (!jtree_find(v, required->kid[i]->text))
            return false;
    for (uint32_t i = 0; i < v->n; i++)
        if (!check_member(s, node, v->key[i], v->kid[i], depth))
            return false;
    return check_needs(s, node, "dependencies", v, depth) &&
           check_needs(s, node, "dependentRequired", v, depth) &&
           check_needs(s, node, "dependentSchemas", v, depth);
}

static bool check_reference(struct schema *s, uint32_t node, const char *word, const struct jnode *v,
                            uint32_t depth)
{
    uint32_t target;
    if (!schema_keyword(s, node, word))
        return true;
    return schema_resolve(s, node, word, &target) && schema_valid(s, target, v, depth);
}

static bool check_applied(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    static const char *const word[] = { "allOf", "anyOf", "oneOf" };
    for (int w = 0; w < 3; w++) {
        const struct jnode *j = schema_keyword(s, node, word[w]);
        uint32_t n = 0;
        for (uint32_t i = 0; j && i < j->n && s->st == ST_OK; i++)
            n += schema_valid(s, schema_member(s, node, word[w], i), v, depth);
        if (j && (w == 0 ? n != j->n : w == 1 ? n == 0 : n != 1))
            return false;
    }
    if (schema_keyword(s, node, "not") && kid_valid(s, node, "not", v, depth))
        return false;
    if (schema_keyword(s, node, "if")) {
        const char *then = kid_valid(s, node, "if", v, depth) ? "then" : "else";
        if (schema_keyword(s, node, then) && !kid_valid(s, node, then, v, depth))
            return false;
    }
    return true;
}

bool schema_valid(struct schema *s, uint32_t node, const struct jnode *v, uint32_t depth)
{
    const struct jnode *j = s->node[node].json;
    if (s->st != ST_OK)
        return false;
    if (++depth > CHECK_NEST) {
        schema_refuse(s, node, "", "REF_LOOP: this reference leads back to itself");
        return false;
    }
    if (j->kind == J_BOOL)
        return j->truth;
    if (s->node[node].draft <= DRAFT_7 && jtree_get(j, "$ref"))
        return check_reference(s, node, "$ref", v, depth);
    return check_type(s, node, v) && check_listed(s, node, v) && check_scalar(s, node, v) &&
           (v->kind != J_ARRAY || check_array(s, node, v, depth)) &&
           (v->kind != J_OBJECT || check_object(s, node, v, depth)) &&
           check_reference(s, node, "$ref", v, depth) &&
           check_reference(s, node, "$dynamicRef", v, depth) &&
           check_reference(s, node, "$recursiveRef", v, depth) &&
           check_applied(s, node, v, depth);
}
