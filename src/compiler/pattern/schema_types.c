/* schema_types.c - which types of values a node can have, and which nodes only list values.
 *
 * What is told here is told at a glance, from keywords of the node and a few hops: it spares the
 * algebra the expansion of what cannot be there.  A malformed keyword allows everything; it is told
 * when it is expanded. */
#include "compiler/pattern/schema_set.h"

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
    schema_malformed(s, node, WORD_TYPE, "the name of a type is expected");
    return false;
}

/* Whether values of the type pass the keyword `type`; only integers when *ret_integer. */
bool schema_type_allows(struct schema *s, uint32_t node, enum jkind type, bool *ret_integer)
{
    const struct jnode *t = schema_keyword(s, node, WORD_TYPE);
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

enum { ALL_TYPES = (1 << N_JKIND) - 1, TYPES_KNOWN = 1 << N_JKIND, TYPE_HOPS = 8 };

static uint8_t type_bit(const struct jnode *name)
{
    static const char *const names[N_JKIND] = { "null", "boolean", "number", "string", "array", "object" };
    for (int i = 0; i < N_JKIND && name->kind == J_STRING; i++)
        if (slice_is(name->text, names[i]))
            return (uint8_t)(1 << i);
    return name->kind == J_STRING && slice_is(name->text, "integer") ? 1 << J_NUMBER : 0;
}

/* What the node's own type, enum and const leave over; ALL_TYPES where one is malformed, which is
 * told later. */
static uint8_t own_types(const struct schema *s, uint32_t node)
{
    const struct jnode *t = schema_keyword(s, node, WORD_TYPE);
    const struct jnode *e = schema_keyword(s, node, WORD_ENUM);
    const struct jnode *c = schema_keyword(s, node, WORD_CONST);
    uint8_t types = ALL_TYPES, some = 0;
    for (uint32_t i = 0; t && i < (t->kind == J_ARRAY ? t->n : 1); i++) {
        uint8_t one = type_bit(t->kind == J_ARRAY ? t->kid[i] : t);
        if (!one)
            return ALL_TYPES;
        some |= one;
    }
    types &= t ? some : ALL_TYPES;
    some = 0;
    for (uint32_t i = 0; e && e->kind == J_ARRAY && i < e->n; i++)
        some |= (uint8_t)(1 << e->kid[i]->kind);
    types &= e && e->kind == J_ARRAY ? some : ALL_TYPES;
    return c ? types & (uint8_t)(1 << c->kind) : types;
}

static uint8_t member_types(struct schema *s, uint32_t node, enum schema_word word);

/* Types that values of the node can have as far as can be told at a glance: by itself, by what its
 * reference leads to, and by the members of its anyOf or oneOf. */
static uint8_t node_types(struct schema *s, uint32_t node, bool members)
{
    uint8_t types = ALL_TYPES;
    for (int hop = 0; hop < TYPE_HOPS; hop++) {
        const struct jnode *j = s->node[node].json, *ref = schema_keyword(s, node, WORD_REF);
        if (j->kind != J_OBJECT)
            return j->truth ? types : 0;
        if (!ref || s->node[node].draft > DRAFT_7) {
            types &= own_types(s, node);
            if (members)
                types &= member_types(s, node, WORD_ANY_OF) & member_types(s, node, WORD_ONE_OF);
        }
        uint32_t target;
        if (!ref || ref->kind != J_STRING || !schema_resolve(s, node, WORD_REF, &target))
            return types;
        node = target;
    }
    return types;
}

static uint8_t member_types(struct schema *s, uint32_t node, enum schema_word word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    uint8_t some = 0;
    if (!j || j->kind != J_ARRAY || !j->n)
        return ALL_TYPES;
    for (uint32_t i = 0; i < j->n && some != ALL_TYPES && s->st == ST_OK; i++)
        some |= node_types(s, schema_member(s, node, word, i), false);
    return some;
}

/* The same, asked once. */
bool schema_admits(struct schema *s, uint32_t node, enum jkind type)
{
    if (!(s->node[node].types & TYPES_KNOWN)) {
        uint8_t types = node_types(s, node, true);
        s->node[node].types = types | TYPES_KNOWN;
    }
    return s->node[node].types >> type & 1;
}

/* Whether the node says nothing but which values there are. */
bool schema_only_lists(const struct schema *s, uint32_t node)
{
    const uint64_t lists = WORD_BIT(ENUM) | WORD_BIT(CONST), has = s->node[node].has;
    const struct jnode *e = schema_keyword(s, node, WORD_ENUM);
    return (has & lists) && !(has & ~(lists | WORD_BIT(TYPE))) && (!e || e->kind == J_ARRAY);
}
