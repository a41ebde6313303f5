/* schema_object.c - the object keywords of a clause to one object of values: which keys, in which
 * order, with which values; and the classes of names that nobody declared. */

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_data.h"

enum { PATTERN_MAX = 6 };       /* 64 combinations of patterns for names */

struct key_plan {
    struct slice name;
    bool         required, forbidden;
};

struct name_pattern {
    uint32_t expr;
};

struct object_plan {
    struct atom       **atom;
    uint32_t            n_atom, cap_atom;
    struct key_plan    *key;
    uint32_t            n_key, cap_key;
    struct hashmap      by_name;
    struct lits         names;          /* propertyNames */
    struct name_pattern pattern[PATTERN_MAX];
    uint32_t            n_pattern;
    uint32_t            lo, hi;
    bool                dead;
};

static struct key_plan *plan_key(struct schema *s, struct object_plan *p, struct slice name)
{
    uint64_t at;
    if (hashmap_get(&p->by_name, name, &at))
        return &p->key[at];
    struct key_plan *k = array_push(&p->key, &p->n_key, &p->cap_key, sizeof *k);
    if (!k || !hashmap_put(&p->by_name, name, p->n_key - 1)) {
        schema_nomem(s);
        return NULL;
    }
    k->name = name;
    return k;
}

static void require(struct schema *s, struct object_plan *p, struct slice name)
{
    struct key_plan *k = plan_key(s, p, name);
    if (k)
        k->required = true;
}

static const struct jnode *map_keyword(struct schema *s, uint32_t node, enum schema_word word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (j && j->kind != J_OBJECT)
        schema_malformed(s, node, word, "an object of schemas is expected");
    return j && j->kind == J_OBJECT ? j : NULL;
}

static uint32_t name_expr(struct schema *s, uint32_t node, const struct jnode *pats, uint32_t i)
{
    uint64_t key = (uint64_t)(uintptr_t)&pats->key[i], known;
    if (idmap_get(&s->patterns, key, &known))
        return (uint32_t)known;
    return schema_pattern_text(s, node, WORD_PATTERN_PROPERTIES, &pats->key[i], key);
}

static void plan_patterns(struct schema *s, struct object_plan *p, uint32_t node)
{
    const struct jnode *pats = map_keyword(s, node, WORD_PATTERN_PROPERTIES);
    for (uint32_t i = 0; pats && i < pats->n && s->st == ST_OK; i++) {
        uint32_t e = name_expr(s, node, pats, i);
        bool known = false;
        for (uint32_t k = 0; k < p->n_pattern; k++)
            known |= p->pattern[k].expr == e;
        if (known)
            continue;
        if (p->n_pattern == PATTERN_MAX)
            schema_refuse(s, node, WORD_PATTERN_PROPERTIES, "BUDGET_CLAUSES: too many patterns for names");
        else
            p->pattern[p->n_pattern++].expr = e;
    }
}

static void plan_node(struct schema *s, struct object_plan *p, uint32_t node)
{
    const struct jnode *props = map_keyword(s, node, WORD_PROPERTIES);
    for (uint32_t i = 0; props && i < props->n; i++)
        plan_key(s, p, props->key[i]);
    plan_patterns(s, p, node);
    uint32_t lo = schema_count(s, node, WORD_MIN_PROPERTIES, 0), hi = schema_count(s, node, WORD_MAX_PROPERTIES, EXPR_INF);
    p->lo = lo > p->lo ? lo : p->lo;
    p->hi = hi < p->hi ? hi : p->hi;
    if (schema_keyword(s, node, WORD_PROPERTY_NAMES))
        lits_add(s, &p->names, lit_pos(schema_kid(s, node, WORD_PROPERTY_NAMES)));
}

static void plan_required(struct schema *s, struct object_plan *p, uint32_t node)
{
    const struct jnode *j = schema_keyword(s, node, WORD_REQUIRED);
    if (!j)
        return;
    if (j->kind == J_BOOL && s->node[node].legacy)      /* draft-03 leftovers: no meaning since */
        return;
    if (j->kind != J_ARRAY) {
        schema_malformed(s, node, WORD_REQUIRED, "a list of names is expected");
        return;
    }
    for (uint32_t i = 0; i < j->n; i++) {
        if (j->kid[i]->kind == J_STRING)
            require(s, p, j->kid[i]->text);
        else
            schema_malformed(s, node, WORD_REQUIRED, "a list of names is expected");
    }
}

static void plan_clause(struct schema *s, const struct clause *c, struct object_plan *p)
{
    p->hi = EXPR_INF;
    for (struct atom *a = c->atom; a; a = a->below) {
        struct atom **slot = array_push(&p->atom, &p->n_atom, &p->cap_atom, sizeof *slot);
        if (!slot) {
            schema_nomem(s);
            return;
        }
        *slot = a;
    }
    for (uint32_t i = 0, j = p->n_atom; i + 1 < j; i++) {
        struct atom *t = p->atom[i];
        p->atom[i] = p->atom[--j];
        p->atom[j] = t;
    }
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++)
        if (p->atom[i]->kind == ATOM_OBJECT)
            plan_node(s, p, p->atom[i]->node);
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++)
        if (p->atom[i]->kind == ATOM_OBJECT)
            plan_required(s, p, p->atom[i]->node);
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++) {
        const struct atom *a = p->atom[i];
        struct key_plan *k = NULL;
        if (a->kind == ATOM_KEY) {
            require(s, p, a->name);
        } else if (a->kind == ATOM_NO_KEY && (k = plan_key(s, p, a->name))) {
            k->forbidden = true;
        } else if (a->kind == ATOM_KEYS) {
            p->lo = a->lo > p->lo ? a->lo : p->lo;
            p->hi = a->hi < p->hi ? a->hi : p->hi;
        }
    }
    for (uint32_t i = 0; i < p->n_key; i++)
        p->dead |= p->key[i].required && p->key[i].forbidden;
    p->dead |= p->lo > p->hi;
}

static void plan_free(struct object_plan *p)
{
    mem_free(p->atom);
    mem_free(p->key);
    mem_free(p->names.lit);
    hashmap_free(&p->by_name);
}

static enum schema_word rest_keyword(const struct schema *s, uint32_t node)
{
    if (schema_keyword(s, node, WORD_ADDITIONAL_PROPERTIES))
        return WORD_ADDITIONAL_PROPERTIES;
    bool alone = schema_keyword(s, node, WORD_UNEVALUATED_PROPERTIES) && schema_evaluates_alone(s, node);
    return alone ? WORD_UNEVALUATED_PROPERTIES : WORD_NONE;
}

/* What one node asks of the value of a declared key, which is likely its member `hint`. */
static void node_lits(struct schema *s, uint32_t node, struct slice name, uint32_t hint, struct lits *l)
{
    const struct jnode *props = map_keyword(s, node, WORD_PROPERTIES), *pats = map_keyword(s, node, WORD_PATTERN_PROPERTIES);
    uint32_t at = hint;
    if (props && !(hint < props->n && slice_eq(props->key[hint], name)))
        at = schema_find_key(s, props, name);
    bool matched = props && at != UINT32_MAX;
    if (matched)
        lits_add(s, l, lit_pos(schema_member(s, node, WORD_PROPERTIES, at)));
    for (uint32_t i = 0; pats && i < pats->n && s->st == ST_OK; i++)
        if (expr_contains(&s->r->t.ex, name_expr(s, node, pats, i), name)) {
            matched = true;
            lits_add(s, l, lit_pos(schema_member(s, node, WORD_PATTERN_PROPERTIES, i)));
        }
    enum schema_word rest = rest_keyword(s, node);
    if (!matched && rest && s->st == ST_OK)
        lits_add(s, l, lit_pos(schema_kid(s, node, rest)));
}

/* What the value of the key must meet.  False: the key cannot be there. */
static bool key_lits(struct schema *s, const struct object_plan *p, const struct key_plan *k, struct lits *l)
{
    struct jnode name = { .kind = J_STRING, .text = k->name };
    if (k->forbidden)
        return false;
    for (uint32_t i = 0; i < p->names.n; i++)
        if (!schema_valid(s, p->names.lit[i] >> 1, &name, 0))
            return false;
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++) {
        const struct atom *a = p->atom[i];
        if (a->kind == ATOM_OBJECT)
            node_lits(s, a->node, k->name, (uint32_t)(k - p->key), l);
        else if (a->kind == ATOM_KEY && a->lit != LIT_NONE && slice_eq(a->name, k->name))
            lits_add(s, l, a->lit);
    }
    for (uint32_t i = 0; i < l->n; i++)
        if (!(l->lit[i] & 1) && schema_is_false(s, l->lit[i] >> 1))
            return false;
    return s->st == ST_OK;
}

static void lower_keys(struct schema *s, const struct object_plan *p, uint32_t object)
{
    uint32_t never = 0;
    for (uint32_t i = 0; i < p->n_key && s->st == ST_OK && !rules_failed(s->r); i++) {
        struct lits l = { 0 };
        uint32_t v;
        if (key_lits(s, p, &p->key[i], &l))
            v = schema_goal_value(s, l.lit, l.n);
        else
            v = never = never ? never : value_new(s->r);
        mem_free(l.lit);
        if (s->st == ST_OK)
            object_add_key(s->r, object, p->key[i].name, v, p->key[i].required);
    }
}

/* Names of one combination of patterns, without the declared ones. */
static uint32_t class_names(struct schema *s, const struct object_plan *p, uint32_t mask, uint32_t undeclared)
{
    struct expr_pool *x = &s->r->t.ex;
    uint32_t e = undeclared;
    for (uint32_t i = 0; i < p->n_pattern; i++)
        e = expr_and2(x, e, mask >> i & 1 ? p->pattern[i].expr : expr_not(x, p->pattern[i].expr));
    return e;
}

/* What names of the combination ask of their values.  False: they cannot be there. */
static bool class_lits(struct schema *s, const struct object_plan *p, uint32_t mask, struct lits *l)
{
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++) {
        if (p->atom[i]->kind != ATOM_OBJECT)
            continue;
        uint32_t node = p->atom[i]->node;
        const struct jnode *pats = map_keyword(s, node, WORD_PATTERN_PROPERTIES);
        bool matched = false;
        for (uint32_t k = 0; pats && k < pats->n && s->st == ST_OK; k++) {
            uint32_t e = name_expr(s, node, pats, k);
            for (uint32_t m = 0; m < p->n_pattern; m++)
                if (p->pattern[m].expr == e && (mask >> m & 1)) {
                    matched = true;
                    lits_add(s, l, lit_pos(schema_member(s, node, WORD_PATTERN_PROPERTIES, k)));
                }
        }
        enum schema_word rest = rest_keyword(s, node);
        if (!matched && rest && s->st == ST_OK)
            lits_add(s, l, lit_pos(schema_kid(s, node, rest)));
    }
    for (uint32_t i = 0; i < l->n; i++)
        if (!(l->lit[i] & 1) && schema_is_false(s, l->lit[i] >> 1))
            return false;
    return s->st == ST_OK;
}

/* Every name but these, asked once for each list; the list stays where it is. */
static uint32_t other_names(struct schema *s, const struct slice *name, uint32_t n)
{
    struct expr_pool *x = &s->r->t.ex;
    struct slice list = { (const char *)name, n * sizeof *name };
    uint64_t known;
    if (!n)
        return EXPR_ALL;
    if (hashmap_get(&s->by_names, list, &known))
        return (uint32_t)known;
    uint32_t e = expr_not(x, expr_choices(x, name, NULL, n));
    if (!hashmap_put(&s->by_names, list, e))
        schema_nomem(s);
    return e;
}

/* Names that no key of the plan has, and that the propertyNames allow. */
static uint32_t undeclared_names(struct schema *s, const struct object_plan *p)
{
    struct expr_pool *x = &s->r->t.ex;
    uint32_t e = EXPR_ALL;
    struct slice *name = arena_array(&s->arena, p->n_key + 1ul, sizeof *name);
    for (uint32_t i = 0; name && i < p->n_key; i++)
        name[i] = p->key[i].name;
    if (!name)
        schema_nomem(s);
    else
        e = other_names(s, name, p->n_key);
    if (p->names.n && s->st == ST_OK)
        e = expr_and2(x, e, schema_goal_texts(s, p->names.lit, p->names.n));
    return e;
}

/* Names that could settle what ATOM_SOME_KEY asks for. */
static uint32_t settling_names(struct schema *s, const struct atom *a)
{
    struct expr_pool *x = &s->r->t.ex;
    const struct jnode *props = map_keyword(s, a->node, WORD_PROPERTIES);
    const struct jnode *pats = map_keyword(s, a->node, WORD_PATTERN_PROPERTIES);
    if (a->n >= SOME_PATTERN)
        return name_expr(s, a->node, pats, a->n - SOME_PATTERN);
    if (a->n == SOME_BAD_NAME) {
        uint32_t lit = lit_pos(schema_kid(s, a->node, WORD_PROPERTY_NAMES));
        return expr_not(x, schema_goal_texts(s, &lit, 1));
    }
    uint32_t e = props ? other_names(s, props->key, props->n) : EXPR_ALL;
    for (uint32_t i = 0; pats && i < pats->n && s->st == ST_OK; i++)
        e = expr_and2(x, e, expr_not(x, name_expr(s, a->node, pats, i)));
    return e;
}

enum { SOME_MAX = 4 };

/* What names outside the plan must settle: some[i] is bit i. */
struct debts {
    const struct atom *some[SOME_MAX];
    uint32_t           names[SOME_MAX];
    uint32_t           n;
};

/* The names of a combination of patterns, as they are and once for each set of debts they can pay. */
static void lower_class(struct schema *s, const struct debts *d, const struct lits *l, uint32_t names, uint32_t object)
{
    struct expr_pool *x = &s->r->t.ex;
    for (uint32_t pays = 0; pays < 1u << d->n && s->st == ST_OK; pays++) {
        struct lits more = { 0 };
        uint32_t e = names;
        for (uint32_t i = 0; i < l->n; i++)
            lits_add(s, &more, l->lit[i]);
        for (uint32_t i = 0; i < d->n; i++) {
            if (!(pays >> i & 1))
                continue;
            e = expr_and2(x, e, d->names[i]);
            if (d->some[i]->lit != LIT_NONE)
                lits_add(s, &more, d->some[i]->lit);
        }
        if (s->st == ST_OK && expr_live(x, e))
            object_add_class(s->r, object, e, schema_goal_value(s, more.lit, more.n), (uint8_t)pays);
        mem_free(more.lit);
    }
}

static void lower_classes(struct schema *s, const struct object_plan *p, const struct debts *d, uint32_t object)
{
    uint32_t undeclared = EXPR_EMPTY;
    bool built = false;
    for (uint32_t mask = 0; mask < 1u << p->n_pattern && s->st == ST_OK && !rules_failed(s->r); mask++) {
        struct lits l = { 0 };
        if (class_lits(s, p, mask, &l)) {
            if (!built)
                undeclared = undeclared_names(s, p);
            built = true;
            uint32_t names = class_names(s, p, mask, undeclared);
            if (s->st == ST_OK)
                lower_class(s, d, &l, names, object);
        }
        mem_free(l.lit);
    }
}

static void lower_plan(struct schema *s, const struct object_plan *p, const struct debts *d, uint32_t value)
{
    uint32_t id = value_add_object(s->r, value);
    lower_keys(s, p, id);
    lower_classes(s, p, d, id);
    if (s->st != ST_OK || rules_failed(s->r))
        return;
    struct value_object *o = &s->r->object[id];
    o->lo = p->lo;
    o->hi = p->hi;
    o->counts = p->lo > o->n_required || p->hi != EXPR_INF;
    o->owes = (uint8_t)((1u << d->n) - 1);
}

/* The clause with one ATOM_SOME_KEY in another form: settled by the key, or (key NULL) left to the
 * names outside the plan, which the mark in `lo` says. */
static void lower_settled(struct schema *s, const struct clause *c, const struct object_plan *p,
                          const struct atom *some, const struct slice *key, uint32_t value)
{
    struct clause one = *c;
    struct atom *list = NULL;
    for (uint32_t k = 0; k < p->n_atom; k++) {
        struct atom a = *p->atom[k];
        if (p->atom[k] == some && key)
            a = (struct atom){ .kind = ATOM_KEY, .lit = some->lit, .name = *key };
        else if (p->atom[k] == some)
            a.lo = 1;
        a.below = list;
        list = arena_dup(&s->arena, &a, sizeof a);
        if (!list) {
            schema_nomem(s);
            return;
        }
    }
    one.atom = list;
    schema_lower_object(s, &one, value);
}

static void settle_by_keys(struct schema *s, const struct clause *c, const struct object_plan *p,
                           const struct atom *some, uint32_t value)
{
    uint32_t names = settling_names(s, some);
    for (uint32_t i = 0; i < p->n_key && s->st == ST_OK && !rules_failed(s->r); i++)
        if (!p->key[i].forbidden && expr_contains(&s->r->t.ex, names, p->key[i].name))
            lower_settled(s, c, p, some, &p->key[i].name, value);
    lower_settled(s, c, p, some, NULL, value);
}

/* Recursion is as deep as there are conditions of the kind, which SOME_MAX bounds. */
void schema_lower_object(struct schema *s, const struct clause *c, uint32_t value)
{
    struct object_plan p = { 0 };
    struct debts d = { 0 };
    const struct atom *open = NULL;
    uint32_t n = 0;
    plan_clause(s, c, &p);
    for (uint32_t i = 0; i < p.n_atom && !p.dead && s->st == ST_OK; i++) {
        const struct atom *a = p.atom[i];
        if (a->kind != ATOM_SOME_KEY)
            continue;
        if (++n > SOME_MAX && !schema_object_dead(s, c))
            schema_refuse(s, a->node, WORD_NONE, "several conditions that some key must meet");
        if (!a->lo)
            open = a;
        else if (s->st == ST_OK && d.n < SOME_MAX) {
            d.names[d.n] = settling_names(s, a);
            d.some[d.n++] = a;
        }
    }
    if (!p.dead && s->st == ST_OK && n <= SOME_MAX && expr_work(&s->r->t.ex, 1 + p.n_key)) {
        if (open)
            settle_by_keys(s, c, &p, open, value);
        else
            lower_plan(s, &p, &d, value);
    }
    plan_free(&p);
}

bool schema_object_dead(struct schema *s, const struct clause *c)
{
    struct object_plan p = { 0 };
    plan_clause(s, c, &p);
    bool dead = p.dead;
    for (uint32_t i = 0; i < p.n_key && !dead && s->st == ST_OK; i++) {
        struct lits l = { 0 };
        if (p.key[i].required)
            dead = !key_lits(s, &p, &p.key[i], &l) || schema_goal_dead(s, l.lit, l.n);
        mem_free(l.lit);
    }
    plan_free(&p);
    return dead && s->st == ST_OK;
}
