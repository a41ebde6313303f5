/* schema_set.c - the algebra: a goal to clauses, one type at a time.
 *
 * A clause under work has a list of what is still to be expanded.  Expanding a literal adds to the
 * clause, kills it, or makes several of it.  Lists are persistent (newest first), so that making a
 * copy of a clause is copying a struct. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/derive.h"
#include "compiler/pattern/schema_set.h"

enum { CLAUSE_MAX = 4096, QUESTION_NEST = 6 };

void clauses_free(struct clauses *c)
{
    mem_free(c->c);
    *c = (struct clauses){ 0 };
}

/* A copy of the clause that is worked on later; NULL: over budget. */
struct clause *clause_branch(struct expansion *x, const struct clause *c)
{
    struct clause copy = *c;
    if (++x->n_made > CLAUSE_MAX) {
        schema_refuse(x->s, x->lit[0] >> 1, WORD_NONE, "BUDGET_CLAUSES: too many combinations of alternatives");
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

void clause_push_lit(struct schema *s, struct clause *c, uint32_t lit)
{
    push(s, c, (struct pending){ .kind = P_LIT, .x = lit });
}

void clause_add_atom(struct schema *s, struct clause *c, struct atom a)
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

/* False: too many divisors. */
bool clause_meet_number(struct schema *s, struct clause *c, const struct num_set *set)
{
    struct num_set both = { 0 };
    if (c->num)
        both = *c->num;
    bool ok = num_meet(&both, set);
    c->num = arena_dup(&s->arena, &both, sizeof both);
    if (!c->num)
        schema_nomem(s);
    return ok;
}

bool clause_add_integer(struct schema *s, struct clause *c, bool negated)
{
    struct num_set set = { .n_div = 1 };
    set.div[0] = (struct num_divisor){ 1, 0, negated };
    return clause_meet_number(s, c, &set);
}

/* The pool gives up without a word: numbers are asked again why. */
static void refuse_number(struct schema *s, const struct clause *c,
                          const struct num_spelling *spelling)
{
    static const enum schema_word words[] = { WORD_MULTIPLE_OF, WORD_MINIMUM, WORD_MAXIMUM,
                                              WORD_EXCLUSIVE_MINIMUM, WORD_EXCLUSIVE_MAXIMUM };
    struct num_dfa *d = NULL;
    struct error why = { 0 };
    enum schema_word word = WORD_NONE;
    for (int i = 0; i < 5 && word == WORD_NONE; i++)
        if (schema_keyword(s, c->scalar_node, words[i]))
            word = words[i];
    if (num_dfa_new(c->num, spelling, &d, &why) == ST_LIMIT)
        schema_refuse(s, c->scalar_node, word, why.text);
    num_dfa_free(d);
}

uint32_t schema_number_leaf(struct schema *s, const struct clause *c)
{
    static const struct num_set any = { 0 };
    const struct num_set *set = c->num ? c->num : &any;
    const struct num_spelling *spelling = &s->r->num_spelling[num_integer(set) ? 0 : 1];
    struct expr_pool *p = &s->r->t.ex;
    bool before = rules_failed(s->r);
    uint32_t leaf = terminal_number(&s->r->t, set, spelling);
    if (c->num && !before && p->failed == ST_LIMIT && p->work <= p->work_limit)
        refuse_number(s, c, spelling);
    return leaf;
}

/* Members of an enum, or the one of a const. */
uint32_t schema_listed(const struct schema *s, uint32_t node, enum schema_word word, struct jnode *const **ret)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j)
        return 0;
    if (word == WORD_ENUM) {
        *ret = j->kid;
        return j->n;
    }
    for (uint32_t i = 0; i < s->node[node].json->n; i++)
        if (s->node[node].json->kid[i] == j)
            *ret = &s->node[node].json->kid[i];
    return 1;
}

static bool meet_list(struct schema *s, struct clause *c, struct jnode *const *v, uint32_t n)
{
    uint32_t kept = 0;
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

static bool meet_values(struct schema *s, struct clause *c, uint32_t node, enum schema_word word)
{
    struct jnode *const *v = NULL;
    uint32_t n = schema_listed(s, node, word, &v);
    return meet_list(s, c, v, n);
}

/* ---- positive literals ---------------------------------------------------------------------- */

static const uint64_t array_words = WORD_BIT(PREFIX_ITEMS) | WORD_BIT(ITEMS) | WORD_BIT(ADDITIONAL_ITEMS) |
    WORD_BIT(MIN_ITEMS) | WORD_BIT(MAX_ITEMS) | WORD_BIT(CONTAINS) | WORD_BIT(MIN_CONTAINS) |
    WORD_BIT(MAX_CONTAINS) | WORD_BIT(UNIQUE_ITEMS) | WORD_BIT(UNEVALUATED_ITEMS);
static const uint64_t object_words = WORD_BIT(PROPERTIES) | WORD_BIT(PATTERN_PROPERTIES) |
    WORD_BIT(ADDITIONAL_PROPERTIES) | WORD_BIT(REQUIRED) | WORD_BIT(MIN_PROPERTIES) |
    WORD_BIT(MAX_PROPERTIES) | WORD_BIT(PROPERTY_NAMES) | WORD_BIT(UNEVALUATED_PROPERTIES);
static const uint64_t applicators = WORD_BIT(ALL_OF) | WORD_BIT(ANY_OF) | WORD_BIT(ONE_OF) | WORD_BIT(IF) |
    WORD_BIT(REF) | WORD_BIT(DYNAMIC_REF) | WORD_BIT(RECURSIVE_REF) | WORD_BIT(DEPENDENT_SCHEMAS) |
    WORD_BIT(CONTAINS);

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

static void plan_members(struct schema *s, struct todo *t, uint32_t node, enum schema_word word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j || j->kind != J_ARRAY || !j->n) {
        schema_malformed(s, node, word, "a list of schemas is expected");
        return;
    }
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++)
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_pos(schema_member(s, node, word, i)) });
}

static void plan_reference(struct schema *s, struct todo *t, uint32_t node, enum schema_word word)
{
    uint32_t target;
    if (schema_resolve(s, node, word, &target))
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_pos(target) });
}

/* unevaluated* is the same as additional* where nothing else of the node could evaluate. */
bool schema_evaluates_alone(const struct schema *s, uint32_t node)
{
    return !(s->node[node].has & applicators);
}

static void plan_unevaluated(struct schema *s, struct todo *t, uint32_t node, enum schema_word word)
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

static void plan_dependencies(struct schema *s, struct todo *t, uint32_t node, enum schema_word word)
{
    const struct jnode *j = schema_keyword(s, node, word);
    if (!j || j->kind != J_OBJECT) {
        schema_malformed(s, node, word, "an object is expected");
        return;
    }
    for (uint32_t i = 0; i < j->n; i++)
        plan(s, t, (struct pending){ .kind = P_DEP, .x = node, .i = i, .word = word });
}

static void plan_keyword(struct schema *s, struct todo *t, uint32_t node, enum schema_word word, enum jkind type)
{
    if (word == WORD_REF || word == WORD_DYNAMIC_REF || word == WORD_RECURSIVE_REF)
        plan_reference(s, t, node, word);
    else if (word == WORD_ALL_OF)
        plan_members(s, t, node, word);
    else if (word == WORD_ANY_OF || word == WORD_ONE_OF)
        plan(s, t, (struct pending){ .kind = word == WORD_ANY_OF ? P_ANY : P_ONE, .x = node });
    else if (word == WORD_NOT)
        plan(s, t, (struct pending){ .kind = P_LIT, .x = lit_neg(schema_kid(s, node, word)) });
    else if (word == WORD_IF)
        plan(s, t, (struct pending){ .kind = P_IF, .x = node });
    else if (type == J_OBJECT && (word == WORD_DEPENDENCIES || word == WORD_DEPENDENT_REQUIRED ||
                                  word == WORD_DEPENDENT_SCHEMAS))
        plan_dependencies(s, t, node, word);
    else if (type == J_OBJECT && (object_words >> word & 1))
        plan_atom(s, t, node, ATOM_OBJECT);
    else if (type == J_ARRAY && (array_words >> word & 1))
        plan_atom(s, t, node, ATOM_ARRAY);
    if (type == J_OBJECT && word == WORD_UNEVALUATED_PROPERTIES)
        plan_unevaluated(s, t, node, word);
    if (type == J_ARRAY && word == WORD_UNEVALUATED_ITEMS)
        plan_unevaluated(s, t, node, word);
}

/* Keywords that hold for scalars at once.  False: the clause is dead. */
static bool meet_scalars(struct schema *s, struct clause *c, uint32_t node)
{
    bool integer;
    struct num_set set = { 0 };
    if (!schema_type_allows(s, node, c->type, &integer))
        return false;
    if (integer)
        c->scalar_node = node;
    if (integer && !clause_add_integer(s, c, false)) {
        schema_refuse(s, node, WORD_TYPE, "too many divisors");
        return false;
    }
    static const enum schema_word lists[2] = { WORD_ENUM, WORD_CONST };
    for (int i = 0; i < 2; i++) {
        const struct jnode *j = schema_keyword(s, node, lists[i]);
        if (j && !i && j->kind != J_ARRAY)
            schema_malformed(s, node, WORD_ENUM, "a list is expected");
        else if (j && !meet_values(s, c, node, lists[i]))
            return false;
        else if (j)
            c->scalar_node = node;
    }
    if (c->type == J_STRING) {
        bool open;
        c->str = expr_and2(&s->r->t.ex, c->str, schema_string_expr(s, node, &open));
        c->open_text &= open;
    }
    if (c->type == J_NUMBER && schema_number_set(s, node, &set)) {
        c->scalar_node = node;
        if (!clause_meet_number(s, c, &set))
            schema_refuse(s, node, WORD_MULTIPLE_OF, "too many divisors");
    }
    return s->st == ST_OK;
}

static bool expand_pos(struct schema *s, struct clause *c, uint32_t node)
{
    const struct jnode *j = s->node[node].json;
    struct todo t = { 0 };
    if (j->kind == J_BOOL)
        return j->truth;
    bool only_ref = s->node[node].draft <= DRAFT_7 && schema_keyword(s, node, WORD_REF);
    if (only_ref)
        plan_reference(s, &t, node, WORD_REF);
    else if (!meet_scalars(s, c, node))
        return false;
    for (uint32_t i = 0; i < s->node[node].n_word && !only_ref && s->st == ST_OK; i++)
        plan_keyword(s, &t, node, (enum schema_word)s->node[node].word[i], c->type);
    for (uint32_t i = t.n; i-- > 0;)
        push(s, c, t.p[i]);
    mem_free(t.p);
    return s->st == ST_OK;
}

/* ---- branching items ------------------------------------------------------------------------ */

/* Members of anyOf or oneOf that only list values are one branch with all their values: which of
 * them are valid is asked of each value in the end.  False: there are fewer than two such members. */
static bool branch_listed(struct expansion *x, const struct clause *c, uint32_t node, enum schema_word word)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, word);
    uint32_t members = 0, n = 0;
    struct jnode *const *v = NULL;
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, word, i);
        if (!schema_only_lists(s, kid))
            continue;
        members++;
        n += schema_listed(s, kid, WORD_ENUM, &v) + schema_listed(s, kid, WORD_CONST, &v);
    }
    struct jnode **list = members > 1 ? arena_array(&s->arena, n + 1ul, sizeof *list) : NULL;
    if (!list)
        return false;
    n = 0;
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++) {
        uint32_t kid = schema_member(s, node, word, i);
        static const enum schema_word lists[2] = { WORD_ENUM, WORD_CONST };
        for (int k = 0; k < 2 && schema_only_lists(s, kid); k++)
            for (uint32_t m = schema_listed(s, kid, lists[k], &v); m; m--)
                list[n++] = *v++;
    }
    struct clause one = *c;
    if (meet_list(s, &one, list, n))
        clause_branch(x, &one);
    return true;
}

static void expand_any_of(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, WORD_ANY_OF);
    if (j->kind != J_ARRAY || !j->n) {
        schema_malformed(s, node, WORD_ANY_OF, "a list of schemas is expected");
        return;
    }
    const struct clause here = *c;
    bool listed = branch_listed(x, &here, node, WORD_ANY_OF);
    for (uint32_t i = j->n; i-- > 0 && s->st == ST_OK;) {
        uint32_t kid = schema_member(s, node, WORD_ANY_OF, i);
        if (!(listed && schema_only_lists(s, kid)) && schema_admits(s, kid, x->type))
            clause_lit_branch(x, &here, lit_pos(kid), LIT_NONE);
    }
}

static void expand_one_of(struct expansion *x, const struct clause *c, uint32_t node)
{
    struct schema *s = x->s;
    const struct jnode *j = schema_keyword(s, node, WORD_ONE_OF);
    if (j->kind != J_ARRAY || !j->n) {
        schema_malformed(s, node, WORD_ONE_OF, "a list of schemas is expected");
        return;
    }
    const struct clause here = *c;
    bool listed = branch_listed(x, &here, node, WORD_ONE_OF);
    for (uint32_t i = 0; i < j->n && s->st == ST_OK; i++) {
        uint32_t own = schema_member(s, node, WORD_ONE_OF, i);
        if ((listed && schema_only_lists(s, own)) || !schema_admits(s, own, x->type))
            continue;
        bool twice = false;
        for (uint32_t k = 0; k < j->n; k++)
            twice |= k != i && jtree_equal(j->kid[i], j->kid[k]);
        struct clause n = here;
        for (uint32_t k = 0; k < j->n && !twice && s->st == ST_OK; k++) {
            uint32_t other = schema_member(s, node, WORD_ONE_OF, k);
            if (k != i && s->st == ST_OK && schema_admits(s, other, x->type) && !schema_disjoint(s, own, other))
                clause_push_lit(s, &n, lit_neg(other));
        }
        if (!twice) {
            clause_push_lit(s, &n, lit_pos(own));
            clause_branch(x, &n);
        }
    }
}

static void expand_dependency(struct expansion *x, const struct clause *c, const struct pending *p)
{
    struct schema *s = x->s;
    const struct clause here = *c;
    const struct jnode *j = schema_keyword(s, p->x, p->word), *k = j->kid[p->i];
    clause_atom_branch(x, &here, (struct atom){ .kind = ATOM_NO_KEY, .lit = LIT_NONE, .name = j->key[p->i] });
    struct clause *n = clause_branch(x, &here);
    clause_add_atom(s, n, (struct atom){ .kind = ATOM_KEY, .lit = LIT_NONE, .name = j->key[p->i] });
    if (k->kind == J_OBJECT || k->kind == J_BOOL) {
        clause_push_lit(s, n, lit_pos(schema_member(s, p->x, p->word, p->i)));
        return;
    }
    for (uint32_t i = 0; i < (k->kind == J_ARRAY ? k->n : 1); i++) {
        const struct jnode *name = k->kind == J_ARRAY ? k->kid[i] : k;
        if (name->kind != J_STRING) {
            schema_malformed(s, p->x, p->word, "names of keys are expected");
            return;
        }
        clause_add_atom(s, n, (struct atom){ .kind = ATOM_KEY, .lit = LIT_NONE, .name = name->text });
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
    return lit & 1 ? schema_expand_neg(x, c, lit >> 1) : expand_pos(x->s, c, lit >> 1);
}

static bool expand_item(struct expansion *x, struct clause *c, const struct pending *p)
{
    struct schema *s = x->s;
    switch (p->kind) {
    case P_LIT:
        return expand_lit(x, c, p->x);
    case P_ATOM:
        clause_add_atom(s, c, *p->atom);
        return true;
    case P_ANY:
        expand_any_of(x, c, p->x);
        return false;
    case P_ONE:
        expand_one_of(x, c, p->x);
        return false;
    case P_IF: {
        const struct clause here = *c;
        uint32_t cond = schema_kid(s, p->x, WORD_IF), kid = LIT_NONE;
        bool then = schema_keyword(s, p->x, WORD_THEN), other = schema_keyword(s, p->x, WORD_ELSE);
        if (!then && !other)
            return true;
        if (then)
            kid = lit_pos(schema_kid(s, p->x, WORD_THEN));
        clause_lit_branch(x, &here, lit_pos(cond), kid);
        kid = other ? lit_pos(schema_kid(s, p->x, WORD_ELSE)) : LIT_NONE;
        clause_lit_branch(x, &here, lit_neg(cond), kid);
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
    for (uint32_t i = 0; i < n; i++)
        if (!(lit[i] & 1) && !schema_admits(s, lit[i] >> 1, type))
            return s->st == ST_OK && !rules_failed(s->r);
    struct clause c = { .type = (uint8_t)type, .bools = 3, .open_text = true, .str = EXPR_ALL };
    for (uint32_t i = n; i-- > 0;)
        clause_push_lit(s, &c, lit[i]);
    clause_branch(&x, &c);
    while (x.work.n && s->st == ST_OK && !rules_failed(s->r)) {
        c = x.work.c[--x.work.n];
        bool alive = true;
        while (alive && c.pending && !c.has_values && s->st == ST_OK) {
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
    case J_NUMBER:
        if (!c->num || (!c->num->n_div && !(c->num->has_lo && c->num->has_hi)))
            return false;
        if (c->num->empty || (c->num->has_lo && c->num->has_hi && decimal_cmp(&c->num->lo, &c->num->hi) > 0))
            return true;
        return schema_number_leaf(s, c) == TERM_DEAD;
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
        schema_refuse(s, n ? lit[0] >> 1 : 0, WORD_NONE, "BUDGET_CLAUSES: too many combinations of schemas");
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
            schema_refuse(s, out.c[i].atom->node, WORD_NONE, out.c[i].atom->why ? out.c[i].atom->why
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
