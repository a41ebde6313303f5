/* schema_array.c - the array keywords of a clause to one array of values. */

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_data.h"

enum { UNIQUE_LEAST = 1000 };   /* distinct items that may be asked for */

struct counted {                /* items that must meet a literal: lo..hi of them */
    uint32_t lit, lo, hi, from;
    uint32_t node;
};

struct array_plan {
    struct atom  **atom;        /* in order of appearance */
    uint32_t       n_atom, cap_atom;
    uint32_t       lo, hi;
    uint32_t       n_prefix;
    struct counted count[4];
    uint32_t       n_count;
    uint32_t       unique;      /* node that asks for it + 1 */
};

/* Where the leading items of a node are, and what the others must meet. */
static uint32_t leading(const struct schema *s, uint32_t node, enum schema_word *ret_word, enum schema_word *ret_rest)
{
    const struct jnode *items = schema_keyword(s, node, WORD_ITEMS), *prefix = schema_keyword(s, node, WORD_PREFIX_ITEMS);
    *ret_word = WORD_PREFIX_ITEMS;
    *ret_rest = schema_keyword(s, node, WORD_ITEMS) ? WORD_ITEMS : WORD_NONE;
    if (items && items->kind == J_ARRAY) {
        prefix = items;
        *ret_word = WORD_ITEMS;
        *ret_rest = schema_keyword(s, node, WORD_ADDITIONAL_ITEMS) ? WORD_ADDITIONAL_ITEMS : WORD_NONE;
    }
    if (!*ret_rest && schema_keyword(s, node, WORD_UNEVALUATED_ITEMS) && schema_evaluates_alone(s, node))
        *ret_rest = WORD_UNEVALUATED_ITEMS;
    return prefix && prefix->kind == J_ARRAY ? prefix->n : 0;
}

static void raise(uint32_t *x, uint32_t to)
{
    *x = *x < to ? to : *x;
}

static void lower_to(uint32_t *x, uint32_t to)
{
    *x = *x > to ? to : *x;
}

static void add_count(struct schema *s, struct array_plan *p, struct counted c)
{
    if (!c.lo && c.hi == EXPR_INF)
        return;
    if (p->n_count == 4)
        schema_refuse(s, c.node, WORD_CONTAINS, "too many counted conditions on items");
    else
        p->count[p->n_count++] = c;
}

static void plan_node(struct schema *s, struct array_plan *p, uint32_t node)
{
    enum schema_word word, rest;
    raise(&p->n_prefix, leading(s, node, &word, &rest));
    raise(&p->lo, schema_count(s, node, WORD_MIN_ITEMS, 0));
    lower_to(&p->hi, schema_count(s, node, WORD_MAX_ITEMS, EXPR_INF));
    const struct jnode *unique = schema_keyword(s, node, WORD_UNIQUE_ITEMS);
    if (unique && unique->kind != J_BOOL)
        schema_malformed(s, node, WORD_UNIQUE_ITEMS, "a boolean is expected");
    else if (unique && unique->truth)
        p->unique = node + 1;
    if (schema_keyword(s, node, WORD_CONTAINS))
        add_count(s, p, (struct counted){ lit_pos(schema_kid(s, node, WORD_CONTAINS)),
                                          schema_count(s, node, WORD_MIN_CONTAINS, 1),
                                          schema_count(s, node, WORD_MAX_CONTAINS, EXPR_INF), 0, node });
}

static void plan_clause(struct schema *s, const struct clause *c, struct array_plan *p)
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
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++) {
        const struct atom *a = p->atom[i];
        if (a->kind == ATOM_ARRAY) {
            plan_node(s, p, a->node);
        } else if (a->kind == ATOM_ITEMS) {
            raise(&p->lo, a->lo);
            lower_to(&p->hi, a->hi);
        } else if (a->kind == ATOM_ITEM) {
            raise(&p->lo, a->n + 1);
            raise(&p->n_prefix, a->n + 1);
        } else if (a->kind == ATOM_SOME_ITEM) {
            raise(&p->n_prefix, a->n);
            add_count(s, p, (struct counted){ a->lit, a->lo, EXPR_INF, a->n, a->lit >> 1 });
        }
    }
}

/* What item `pos` must meet; pos at n_prefix stands for all behind. */
static void item_lits(struct schema *s, const struct array_plan *p, uint32_t pos, struct lits *l)
{
    for (uint32_t i = 0; i < p->n_atom && s->st == ST_OK; i++) {
        const struct atom *a = p->atom[i];
        enum schema_word word, rest;
        if (a->kind == ATOM_ALL_ITEMS || (a->kind == ATOM_ITEM && a->n == pos))
            lits_add(s, l, a->lit);
        if (a->kind != ATOM_ARRAY)
            continue;
        if (pos < leading(s, a->node, &word, &rest))
            lits_add(s, l, lit_pos(schema_member(s, a->node, word, pos)));
        else if (rest)
            lits_add(s, l, lit_pos(schema_kid(s, a->node, rest)));
    }
}

static uint32_t with_lit(struct schema *s, const struct lits *l, uint32_t lit)
{
    struct lits more = { 0 };
    for (uint32_t i = 0; i < l->n; i++)
        lits_add(s, &more, l->lit[i]);
    lits_add(s, &more, lit);
    uint32_t v = schema_goal_value(s, more.lit, more.n);
    mem_free(more.lit);
    return v;
}

struct item_values {
    uint32_t item, counted, other;
};

static struct item_values item_values(struct schema *s, const struct array_plan *p, uint32_t pos)
{
    struct lits l = { 0 };
    struct item_values v = { VALUE_NONE, VALUE_NONE, VALUE_NONE };
    item_lits(s, p, pos, &l);
    if (s->st == ST_OK)
        v.item = v.other = schema_goal_value(s, l.lit, l.n);
    const struct counted *c = p->n_count ? &p->count[0] : NULL;
    if (c && pos >= c->from && s->st == ST_OK) {
        v.counted = with_lit(s, &l, c->lit);
        if (c->hi != EXPR_INF)
            v.other = with_lit(s, &l, c->lit ^ 1);
    }
    mem_free(l.lit);
    return v;
}

static void fill_prefix(struct schema *s, const struct array_plan *p, uint32_t id)
{
    uint32_t n = p->n_prefix, c1 = 0, c2 = 0, c3 = 0;
    uint32_t *item = NULL, *counted = NULL, *other = NULL;
    if (!array_reserve(&item, &c1, n + 1, sizeof *item) || !array_reserve(&counted, &c2, n + 1, sizeof *item) ||
        !array_reserve(&other, &c3, n + 1, sizeof *item))
        schema_nomem(s);
    for (uint32_t i = 0; i < n && s->st == ST_OK; i++) {
        struct item_values v = item_values(s, p, i);
        item[i] = v.item;
        counted[i] = v.counted;
        other[i] = v.other;
    }
    struct value_array *a = &s->r->array[id];
    a->prefix = item;
    a->prefix_counted = counted;
    a->prefix_other = other;
    a->cap_prefix = c1;
    a->n_prefix = s->st == ST_OK ? n : 0;
}

static void note_unique(struct schema *s, const struct array_plan *p, int kind, const char *what)
{
    struct str pointer = { 0 };
    schema_add_pointer(s, p->unique - 1, &pointer);
    str_adds(&pointer, "/uniqueItems");
    if (pointer.failed || pattern_add_note(s->p, kind, pointer.ptr, what) != ST_OK)
        schema_nomem(s);
    str_free(&pointer);
}

/* uniqueItems asks nothing where there is at most one item.  Else the items must be scalars that can
 * be told apart, all of one kind of place.  False: there are fewer values than items. */
static bool settle_unique(struct schema *s, const struct array_plan *p, struct value_array *ret)
{
    struct expr_pool *x = &s->r->t.ex;
    struct lits l = { 0 };
    if (!p->unique || p->hi <= 1)
        return true;
    bool told = !p->n_count && !p->n_prefix && p->lo <= UNIQUE_LEAST;
    if (told)
        item_lits(s, p, 0, &l);
    told = told && s->st == ST_OK && schema_unique_words(s, l.lit, l.n, &ret->text, &ret->word);
    mem_free(l.lit);
    if (s->st != ST_OK)
        return false;
    if (told) {
        ret->unique = true;
        bool no_text = ret->text == EXPR_EMPTY, no_word = ret->word == EXPR_EMPTY;
        ret->roomy = !(no_text && no_word) && (no_text || value_roomy(s->r, ret->text)) &&
                     (no_word || value_roomy(s->r, ret->word));
        ret->open = ret->roomy && (no_text || value_open(s->r, ret->text)) &&
                    (no_word || value_open(s->r, ret->word));
        note_unique(s, p, NOTE_NARROWED, "items are decoded in one spelling for each value");
        return expr_words(x, ret->text, p->lo) + expr_words(x, ret->word, p->lo) >= p->lo;
    }
    if (s->flags & SHAPE_RESIDUE)
        note_unique(s, p, NOTE_RESIDUE, "items are not kept distinct");
    else
        schema_refuse(s, p->unique - 1, WORD_UNIQUE_ITEMS, "distinct items of this kind cannot be decoded");
    return s->st == ST_OK;
}

static void lower_plan(struct schema *s, const struct array_plan *p, const struct value_array *told, uint32_t value)
{
    uint32_t id = value_add_array(s->r, value);
    if (rules_failed(s->r))
        return;
    struct item_values rest = item_values(s, p, p->n_prefix);
    fill_prefix(s, p, id);
    struct value_array *a = &s->r->array[id];
    a->item = rest.item;
    a->counted = rest.counted;
    a->other = rest.other;
    a->lo = p->lo;
    a->hi = p->hi;
    a->unique = told->unique;
    a->roomy = told->roomy;
    a->open = told->open;
    a->text = told->text;
    a->word = told->word;
    if (p->n_count) {
        a->contains = true;
        a->contains_lo = p->count[0].lo;
        a->contains_hi = p->count[0].hi;
    }
}

void schema_lower_array(struct schema *s, const struct clause *c, uint32_t value)
{
    struct array_plan p = { 0 };
    struct value_array told = { 0 };
    plan_clause(s, c, &p);
    if (p.n_count > 1)
        schema_refuse(s, p.count[1].node, WORD_CONTAINS, "several counted conditions on the same items");
    if (p.n_prefix > 4096)
        schema_refuse(s, 0, WORD_NONE, "BUDGET_CLAUSES: too many leading items");
    if (s->st == ST_OK && settle_unique(s, &p, &told) && !rules_failed(s->r))
        lower_plan(s, &p, &told, value);
    mem_free(p.atom);
}

bool schema_array_dead(struct schema *s, const struct clause *c)
{
    struct array_plan p = { 0 };
    plan_clause(s, c, &p);
    bool dead = p.lo > p.hi;
    for (uint32_t i = 0; i < p.lo && i <= p.n_prefix && i < 16 && !dead && s->st == ST_OK; i++) {
        struct lits l = { 0 };
        item_lits(s, &p, i, &l);
        dead = schema_goal_dead(s, l.lit, l.n);
        mem_free(l.lit);
    }
    mem_free(p.atom);
    return dead && s->st == ST_OK;
}
