/* pattern.c - a source to a pattern: picks the front end, checks that something is left, and
 * answers the questions that need no vocabulary. */
#include "compiler/pattern/pattern.h"

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pattern/automaton.h"
#include "compiler/pattern/lower.h"
#include "compiler/pattern/regex.h"

/* LEAST_BYTES: a value that is longer is not closed by its shortest way, which is found byte by
 * byte and keeps what it meets (automaton_close.c has the bound of what is left of one). */
enum { WORK_UNITS = 4000000, SPENT_BYTES = 48 << 20, LEAST_BYTES = 1 << 15 };

/* Driving the automaton may spend this much more than compiling did. */
#define RUN_UNITS ((uint64_t)1 << 34)

enum status lower_failed(const struct pattern *p, struct error *err)
{
    if (p->r.t.ex.failed == ST_OK)
        return ST_OK;
    if (p->r.t.ex.failed == ST_NOMEM)
        return error_nomem(err);
    return error_code(err, ST_LIMIT, "E0402", "the constraint is too large (given up after %llu units of "
                      "work)", (unsigned long long)p->r.t.ex.work);
}

enum status pattern_add_note(struct pattern *p, int kind, const char *pointer, const char *text)
{
    struct pattern_note *n = array_push(&p->note, &p->n_note, &p->cap_note, sizeof *n);
    if (!n)
        return ST_NOMEM;
    n->kind = kind;
    n->pointer = arena_strdup(&p->r.arena, slice_of(pointer));
    n->text = arena_strdup(&p->r.arena, slice_of(text));
    return n->pointer && n->text ? ST_OK : ST_NOMEM;
}

uint32_t pattern_n_note(const struct pattern *p)
{
    return p->n_note;
}

const struct pattern_note *pattern_note(const struct pattern *p, uint32_t i)
{
    return &p->note[i];
}

/* ---- any JSON ------------------------------------------------------------------------------- */

uint32_t lower_any_value(struct rules *r)
{
    static const struct slice word[3] = { { "true", 4 }, { "false", 5 }, { "null", 4 } };
    uint32_t any = value_new(r);
    struct num_set number = { 0 };
    value_add_term(r, any, terminal_start(&r->t, EXPR_ALL, ENC_JSON));
    value_add_term(r, any, terminal_number(&r->t, &number, &r->num_spelling[1]));
    value_add_term(r, any, terminal_start(&r->t, expr_choices(&r->t.ex, word, NULL, 3), ENC_RAW));
    uint32_t a = value_add_array(r, any), o = value_add_object(r, any);
    if (rules_failed(r))
        return any;
    r->array[a].item = any;
    object_add_class(r, o, EXPR_ALL, any, 0);
    return any;
}

uint32_t lower_any_object(struct rules *r)
{
    uint32_t any = lower_any_value(r), object = value_new(r);
    uint32_t o = value_add_object(r, object);
    object_add_class(r, o, EXPR_ALL, any, 0);
    return object;
}

/* ---- compiling ------------------------------------------------------------------------------ */

static enum status lower_expr(struct pattern *p, uint32_t e)
{
    uint32_t from = rule_node_new(&p->r);
    rule_node_term(&p->r, from, terminal_start(&p->r.t, e, ENC_RAW), 0);
    p->root = from;
    return ST_OK;
}

static enum status lower(struct pattern *p, const struct pattern_source *src, struct error *err)
{
    uint32_t e = EXPR_EMPTY;
    enum status st;
    switch (src->kind) {
    case PATTERN_SHAPE:
        return lower_shape(p, src->shape, err);
    case PATTERN_REGEX:
        st = regex_compile(&p->r.t.ex, src->text, REGEX_GEN, src->flags, &e, err);
        return st == ST_OK ? lower_expr(p, e) : st;
    case PATTERN_CHOICES:
        return lower_expr(p, expr_choices(&p->r.t.ex, src->choice, NULL, src->n_choice));
    case PATTERN_JSON_OBJECT:
        p->root = value_rule(&p->r, lower_any_object(&p->r), 0);
        return ST_OK;
    case PATTERN_SCHEMA:
        return lower_schema(p, src->text, src->flags, err);
    case PATTERN_GRAMMAR:
        return lower_grammar(p, src->text, err);
    case PATTERN_TAGS:
        return lower_tags(p, src->text, src->flags, err);
    }
    return error_set(err, ST_INVALID, "unknown kind of constraint");
}

static void pattern_free(struct pattern *p)
{
    pthread_mutex_destroy(&p->lock);
    rules_free(&p->r);
    mem_free(p->note);
    mem_free(p);
}

enum status pattern_compile(const struct pattern_source *src, struct pattern **ret,
                            struct error *err)
{
    struct pattern *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    atomic_init(&p->n_ref, 1);
    pthread_mutex_init(&p->lock, NULL);
    uint64_t units = src->work_limit ? src->work_limit : WORK_UNITS;
    enum status st = rules_init(&p->r, src->spelling, units, err);
    if (st == ST_OK)
        st = lower(p, src, err);
    if (st == ST_OK)
        values_measure(&p->r);
    if (st == ST_OK)
        rule_nodes_measure(&p->r);
    if (st == ST_OK)
        st = lower_failed(p, err);
    size_t least = st == ST_OK ? rule_cost(&p->r, p->root) : 0;
    if (least == SIZE_MAX)
        st = error_code(err, ST_INVALID, "E0401", "no value satisfies this constraint");
    else if (least > LEAST_BYTES)
        st = error_code(err, ST_LIMIT, "E0402", "even the shortest value is over 32 KiB");
    if (st != ST_OK) {
        pattern_free(p);
        return st;
    }
    p->r.t.ex.work_limit = p->r.t.ex.work + RUN_UNITS;
    *ret = p;
    return ST_OK;
}

struct pattern *pattern_ref(struct pattern *p)
{
    atomic_fetch_add(&p->n_ref, 1);
    return p;
}

void pattern_unref(struct pattern *p)
{
    if (p && atomic_fetch_sub(&p->n_ref, 1) == 1)
        pattern_free(p);
}

static size_t bytes_now(const struct pattern *p)
{
    return terminals_bytes(&p->r.t) + p->r.arena.total +
           p->r.cap_st * (sizeof *p->r.st + sizeof *p->r.exp) + p->r.n_slot * 4ul;
}

size_t pattern_bytes(struct pattern *p)
{
    pthread_mutex_lock(&p->lock);
    size_t n = bytes_now(p);
    pthread_mutex_unlock(&p->lock);
    return n;
}

bool pattern_spent(struct pattern *p)
{
    pthread_mutex_lock(&p->lock);
    bool spent = rules_failed(&p->r) || bytes_now(p) > SPENT_BYTES;
    pthread_mutex_unlock(&p->lock);
    return spent;
}

struct hash128 pattern_source_hash(const struct pattern_source *src)
{
    struct str s = { 0 };
    str_addf(&s, "%d %u %d %llu %zu:", (int)src->kind, src->flags, (int)src->spelling,
             (unsigned long long)src->work_limit, src->text.len);
    str_add_slice(&s, src->text);
    for (uint32_t i = 0; i < src->n_choice; i++) {
        str_addf(&s, " %zu:", src->choice[i].len);
        str_add_slice(&s, src->choice[i]);
    }
    if (src->kind == PATTERN_SHAPE && src->shape)
        shape_hash_text(src->shape, &s);
    struct hash128 h = hash128_bytes(s.ptr ? s.ptr : "", s.len);
    if (s.failed)           /* half a text would stand for many sources: this one for none */
        h = (struct hash128){ (uint64_t)(uintptr_t)src, h.hi + 1 };
    str_free(&s);
    return h;
}

/* ---- questions ------------------------------------------------------------------------------ */

enum status pattern_shortest(struct pattern *p, struct str *ret, struct error *err)
{
    struct family *f = NULL;
    enum status st = family_new(p, &f, err);
    if (st != ST_OK)
        return st;
    st = automaton_complete(f, automaton_start(f), ret);
    family_free(f);
    if (st != ST_OK)
        return error_code(err, st, "E0402", "the shortest value could not be found");
    return ST_OK;
}

static size_t times(size_t a, uint32_t n)
{
    return n == EXPR_INF || (n && a > SIZE_MAX / n) ? SIZE_MAX : a * n;
}

/* Brackets, commas and indentation of one member, generously. */
enum { LONGEST_NEST = 32, LONGEST_GLUE = 64 };

/* Each value is looked at once: `known` is its length plus one, 0 before it was asked.  While a value
 * is being looked at it counts as endless, which it is if it is met again inside itself.  Endless is
 * SIZE_MAX - 1 here. */
static size_t value_longest(struct rules *r, size_t *known, uint32_t value, int depth);

static size_t array_longest(struct rules *r, size_t *known, const struct value_array *a, int depth)
{
    size_t n = LONGEST_GLUE;
    for (uint32_t k = 0; k < a->n_prefix && k < a->hi && n != SIZE_MAX; k++)
        n = add_size(n, add_size(LONGEST_GLUE, value_longest(r, known, a->prefix[k], depth)));
    if (a->item == VALUE_NONE || a->hi <= a->n_prefix)
        return n;
    return add_size(n, times(add_size(LONGEST_GLUE, value_longest(r, known, a->item, depth)),
                         a->hi == EXPR_INF ? a->hi : a->hi - a->n_prefix));
}

static size_t object_longest(struct rules *r, size_t *known, const struct value_object *o, int depth)
{
    size_t n = o->n_cls ? SIZE_MAX : LONGEST_GLUE;
    for (uint32_t k = 0; k < o->n_key && n != SIZE_MAX; k++)
        n = add_size(n, add_size(LONGEST_GLUE + o->key[k].name.len * 6, value_longest(r, known, o->key[k].value, depth)));
    return n;
}

static size_t value_longest(struct rules *r, size_t *known, uint32_t value, int depth)
{
    size_t best = 0, n;
    if (known[value])
        return known[value] - 1;
    if (depth > LONGEST_NEST)
        return SIZE_MAX - 1;
    known[value] = SIZE_MAX;
    const struct value v = r->value[value];
    if (v.same)
        best = value_longest(r, known, v.same, depth + 1);
    for (uint32_t i = 0; i < v.n_term; i++)
        if ((n = terminal_longest(&r->t, v.term[i])) > best)
            best = n;
    for (uint32_t i = 0; i < v.n_arr && best < SIZE_MAX - 1; i++) {
        n = array_longest(r, known, &r->array[v.arr[i]], depth + 1);
        best = n > best ? n : best;
    }
    for (uint32_t i = 0; i < v.n_obj && best < SIZE_MAX - 1; i++) {
        n = object_longest(r, known, &r->object[v.obj[i]], depth + 1);
        best = n > best ? n : best;
    }
    known[value] = best < SIZE_MAX - 1 ? best + 1 : SIZE_MAX;
    return known[value] - 1;
}

size_t pattern_longest(struct pattern *p)
{
    pthread_mutex_lock(&p->lock);
    struct rules *r = &p->r;
    size_t best = 0;
    const struct rule_state root = r->st[p->root];
    if (root.kind == RULE_VALUE) {
        size_t *known = mem_calloc(r->n_value, sizeof *known);
        best = known ? value_longest(r, known, root.a, 0) : SIZE_MAX;
        best = best == SIZE_MAX - 1 ? SIZE_MAX : best;
        mem_free(known);
    } else {
        struct rule_exp x = rule_expand(r, p->root);
        for (uint32_t i = 0; i < x.n; i++) {
            size_t n = x.edge[i].kind == EDGE_TERM && x.edge[i].next == 0
                       ? terminal_longest(&r->t, x.edge[i].to) : SIZE_MAX;
            best = n > best ? n : best;
        }
    }
    pthread_mutex_unlock(&p->lock);
    return best;
}

bool pattern_accepts(struct pattern *p, struct slice text, size_t *ret_at)
{
    struct family *f = NULL;
    size_t i = 0;
    bool ok = false;
    if (family_new(p, &f, NULL) == ST_OK) {
        uint32_t config = automaton_start(f);
        for (; i < text.len; i++) {
            uint32_t next = automaton_step(f, config, (uint8_t)text.ptr[i]);
            if (next == CONFIG_DEAD)
                break;
            config = next;
        }
        ok = i == text.len && automaton_accepts(f, config);
    }
    family_free(f);
    if (ret_at)
        *ret_at = i;
    return ok;
}
