/* shape.c - types of the language to rules, in bare or in JSON form. */
#include "compiler/pattern/shape.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/array.h"
#include "compiler/pattern/lower.h"
#include "compiler/pattern/regex.h"

enum { SHAPE_NEST_MAX = 512 };

static const struct shape *behind_refs(const struct shape *s)
{
    for (int i = 0; s->kind == SHAPE_REF && i < SHAPE_NEST_MAX; i++)
        s = s->kid[0];
    return s;
}

static bool bare_at(const struct shape *s, int depth)
{
    s = behind_refs(s);
    switch (s->kind) {
    case SHAPE_STR: case SHAPE_REGEX: case SHAPE_INT: case SHAPE_FLOAT: case SHAPE_BOOL:
    case SHAPE_NULL: case SHAPE_TEXT: case SHAPE_NUMBER: case SHAPE_ENUM: case SHAPE_GRAMMAR:
        return true;
    case SHAPE_OR:
        for (uint32_t i = 0; i < s->n; i++)
            if (depth > SHAPE_NEST_MAX || behind_refs(s->kid[i])->kind == SHAPE_STR ||
                !bare_at(s->kid[i], depth + 1))
                return false;
        return true;
    default:
        return false;
    }
}

bool shape_is_bare(const struct shape *s)
{
    return bare_at(s, 0);
}

/* ---- leaves --------------------------------------------------------------------------------- */

struct lowering {
    struct pattern *p;
    struct rules   *r;
    struct error   *err;
    enum status     st;
    struct idmap    known;      /* shape -> value, for shapes that contain themselves */
    int             depth;
};

static uint32_t bound(int64_t n)
{
    return n < 0 ? EXPR_INF : n > INT32_MAX ? INT32_MAX : (uint32_t)n;
}

static uint32_t any_but_lines(struct expr_pool *p)
{
    struct ranges s = { 0 };
    ranges_add(&s, '\n', '\n');
    ranges_add(&s, '\r', '\r');
    ranges_not(&s);
    uint32_t e = expr_set(p, &s);
    ranges_free(&s);
    return e;
}

static bool is_text(const struct shape *s)
{
    return s->kind == SHAPE_STR || s->kind == SHAPE_REGEX || s->kind == SHAPE_TEXT ||
           s->kind == SHAPE_ENUM;
}

/* The set of texts of a text-like shape. */
static uint32_t text_expr(struct lowering *l, const struct shape *s)
{
    struct expr_pool *p = &l->r->t.ex;
    uint32_t e = EXPR_EMPTY;
    switch (s->kind) {
    case SHAPE_STR:
        e = s->flags & SHAPE_NO_LINES ? any_but_lines(p) : EXPR_ANY;
        return expr_rep(p, e, bound(s->lo < 0 ? 0 : s->lo), bound(s->hi));
    case SHAPE_REGEX:
        if (l->st == ST_OK)
            l->st = regex_compile(p, s->text, REGEX_GEN, s->flags, &e, l->err);
        return e;
    case SHAPE_TEXT:
        return expr_text(p, s->text);
    default:
        return expr_choices(p, s->key, NULL, s->n);
    }
}

static bool double_decimal(double x, struct decimal *d)
{
    char text[40];
    snprintf(text, sizeof text, "%.17g", x);
    for (int digits = 1; digits < 17; digits++) {
        char shorter[40];
        double back;
        snprintf(shorter, sizeof shorter, "%.*g", digits, x);
        if (sscanf(shorter, "%lf", &back) == 1 && back == x) {
            memcpy(text, shorter, sizeof text);
            break;
        }
    }
    return decimal_read(slice_of(text), d);
}

static uint32_t number_term(struct lowering *l, const struct shape *s)
{
    struct num_set set = { 0 };
    struct num_spelling sp = { -1, 0, 0 };
    if (s->kind == SHAPE_INT) {
        char lo[24], hi[24];
        snprintf(lo, sizeof lo, "%lld", (long long)s->lo);
        snprintf(hi, sizeof hi, "%lld", (long long)s->hi);
        set.has_lo = set.has_hi = true;
        decimal_read(slice_of(lo), &set.lo);
        decimal_read(slice_of(hi), &set.hi);
        set.n_div = 1;
        set.div[0] = (struct num_divisor){ 1, 0, false };
        return terminal_number(&l->r->t, &set, &sp);
    }
    sp = (struct num_spelling){ 15, s->decimals < 0 ? 1 : s->decimals, s->decimals < 0 ? 6 : s->decimals };
    set.has_lo = !(s->flags & SHAPE_OPEN_LO) && isfinite(s->flo);
    set.has_hi = !(s->flags & SHAPE_OPEN_HI) && isfinite(s->fhi);
    if ((set.has_lo && !double_decimal(s->flo, &set.lo)) ||
        (set.has_hi && !double_decimal(s->fhi, &set.hi)))
        l->st = error_code(l->err, ST_LIMIT, "E0402", "a bound of a float has too many digits");
    return terminal_number(&l->r->t, &set, &sp);
}

/* A leaf that is written alike bare and in JSON. */
static uint32_t plain_term(struct lowering *l, const struct shape *s)
{
    struct terminals *t = &l->r->t;
    static const struct slice truth[2] = { { "true", 4 }, { "false", 5 } };
    switch (s->kind) {
    case SHAPE_INT:
    case SHAPE_FLOAT:
        return number_term(l, s);
    case SHAPE_BOOL:
        return terminal_start(t, expr_choices(&t->ex, truth, NULL, 2), ENC_RAW);
    case SHAPE_NULL:
        return terminal_text(t, SLICE("null"));
    default:
        return terminal_text(t, s->text);
    }
}

static uint32_t lower_value(struct lowering *l, const struct shape *s);

static void lower_object(struct lowering *l, const struct shape *s, uint32_t value)
{
    uint32_t kid[2] = { 0 };
    struct rules *r = l->r;
    uint32_t *v = s->n ? arena_array(&r->arena, s->n, sizeof *v) : kid;
    if (!v) {
        rules_fail(r, ST_NOMEM);
        return;
    }
    for (uint32_t i = 0; i < s->n; i++)
        v[i] = lower_value(l, s->kid[i]);
    uint32_t object = value_add_object(r, value);
    for (uint32_t i = 0; i < s->n; i++)
        object_add_key(r, object, s->key[i], v[i], true);
}

static void lower_map(struct lowering *l, const struct shape *s, uint32_t value)
{
    struct rules *r = l->r;
    const struct shape *key = behind_refs(s->kid[0]);
    uint32_t item = lower_value(l, s->kid[1]), names = EXPR_EMPTY;
    if (is_text(key)) {
        names = text_expr(l, key);
    } else if (key->kind == SHAPE_BOOL) {
        static const struct slice truth[2] = { { "true", 4 }, { "false", 5 } };
        names = expr_choices(&r->t.ex, truth, NULL, 2);
    } else if (key->kind == SHAPE_INT) {
        /* -?digits without leading zeros; the range is checked when the key is read back. */
        if (l->st == ST_OK)
            l->st = regex_compile(&r->t.ex, SLICE("-?[1-9][0-9]{0,17}|0"), REGEX_GEN, 0, &names, l->err);
    } else if (l->st == ST_OK) {
        l->st = error_code(l->err, ST_UNSUPPORTED, "E0410", "a map with keys of this type cannot be "
                           "generated");
    }
    uint32_t object = value_add_object(r, value);
    if (rules_failed(r))
        return;
    r->object[object].counts = true;
    r->object[object].lo = bound(s->lo < 0 ? 0 : s->lo);
    r->object[object].hi = bound(s->hi);
    object_add_class(r, object, names, item, 0);
}

static void lower_list(struct lowering *l, const struct shape *s, uint32_t value)
{
    struct rules *r = l->r;
    if (s->kind == SHAPE_LIST) {
        uint32_t item = lower_value(l, s->kid[0]), a = value_add_array(r, value);
        if (rules_failed(r))
            return;
        r->array[a].item = item;
        r->array[a].lo = bound(s->lo < 0 ? 0 : s->lo);
        r->array[a].hi = bound(s->hi);
        return;
    }
    uint32_t *v = arena_array(&r->arena, s->n + 1ul, sizeof *v);
    for (uint32_t i = 0; v && i < s->n; i++)
        v[i] = lower_value(l, s->kid[i]);
    uint32_t id = value_add_array(r, value);
    if (rules_failed(r))
        return;
    struct value_array *a = &r->array[id];
    a->lo = a->hi = s->n;
    if (!v || !array_reserve(&a->prefix, &a->cap_prefix, s->n + 1, sizeof *a->prefix)) {
        rules_fail(r, ST_NOMEM);
        return;
    }
    memcpy(a->prefix, v, s->n * sizeof *v);
    a->n_prefix = s->n;
}

static void lower_call(struct lowering *l, const struct shape *s, uint32_t value)
{
    struct rules *r = l->r;
    for (uint32_t i = 0; i < s->n && l->st == ST_OK && !rules_failed(r); i++) {
        uint32_t name = value_new(r), arguments = lower_value(l, s->kid[i]);
        value_add_term(r, name, terminal_start(&r->t, expr_text(&r->t.ex, s->key[i]), ENC_CANON));
        uint32_t object = value_add_object(r, value);
        object_add_key(r, object, SLICE("name"), name, true);
        object_add_key(r, object, SLICE("arguments"), arguments, true);
    }
}

/* Adds the alternatives of a shape to a value. */
static void lower_into(struct lowering *l, const struct shape *s, uint32_t value)
{
    struct rules *r = l->r;
    if (l->st != ST_OK || rules_failed(r))
        return;
    s = behind_refs(s);
    if (is_text(s)) {
        value_add_term(r, value, terminal_start(&r->t, text_expr(l, s), ENC_CANON));
        return;
    }
    switch (s->kind) {
    case SHAPE_OR:
        l->depth++;
        for (uint32_t i = 0; i < s->n && l->depth < SHAPE_NEST_MAX; i++)
            lower_into(l, s->kid[i], value);
        l->depth--;
        return;
    case SHAPE_LIST:
    case SHAPE_TUPLE:
        lower_list(l, s, value);
        return;
    case SHAPE_MAP:
        lower_map(l, s, value);
        return;
    case SHAPE_STRUCT:
        lower_object(l, s, value);
        return;
    case SHAPE_CALL:
        lower_call(l, s, value);
        return;
    case SHAPE_SCHEMA:
        l->st = lower_schema_value(l->p, s->text, s->flags, value, l->err);
        return;
    case SHAPE_ANY_JSON: {
        uint32_t any = lower_any_object(r);
        uint32_t *slot = rules_failed(r) ? NULL : array_push(&r->value[value].obj, &r->value[value].n_obj,
                                                            &r->value[value].cap_obj, sizeof *slot);
        if (slot)
            *slot = r->value[any].obj[0];
        else
            rules_fail(r, ST_NOMEM);
        return;
    }
    case SHAPE_GRAMMAR:
        l->st = error_code(l->err, ST_UNSUPPORTED, "E0410", "a grammar cannot be a part of JSON");
        return;
    default:
        value_add_term(r, value, plain_term(l, s));
    }
}

static uint32_t lower_value(struct lowering *l, const struct shape *s)
{
    struct rules *r = l->r;
    uint64_t known;
    s = behind_refs(s);
    if (idmap_get(&l->known, (uint64_t)(uintptr_t)s, &known))
        return (uint32_t)known;
    uint32_t value = value_new(r);
    if (!idmap_put(&l->known, (uint64_t)(uintptr_t)s, value))
        rules_fail(r, ST_NOMEM);
    if (++l->depth > SHAPE_NEST_MAX && l->st == ST_OK)
        l->st = error_code(l->err, ST_LIMIT, "E0402", "the type is nested too deep");
    lower_into(l, s, value);
    l->depth--;
    return value;
}

/* Bare texts of all arms are one leaf, numbers one each. */
static void lower_bare(struct lowering *l, const struct shape *s, uint32_t from, uint32_t *texts)
{
    struct rules *r = l->r;
    s = behind_refs(s);
    if (s->kind == SHAPE_OR) {
        for (uint32_t i = 0; i < s->n && l->st == ST_OK && l->depth < SHAPE_NEST_MAX; i++) {
            l->depth++;
            lower_bare(l, s->kid[i], from, texts);
            l->depth--;
        }
    } else if (is_text(s)) {
        *texts = expr_or2(&r->t.ex, *texts, text_expr(l, s));
    } else if (s->kind == SHAPE_GRAMMAR) {
        uint32_t root = l->p->root;
        l->st = lower_grammar(l->p, s->text, l->err);
        if (l->st == ST_OK)
            rule_node_call(r, from, l->p->root, 0);
        l->p->root = root;
    } else {
        rule_node_term(r, from, plain_term(l, s), 0);
    }
}

enum status lower_shape(struct pattern *p, const struct shape *s, struct error *err)
{
    struct lowering l = { .p = p, .r = &p->r, .err = err };
    if (shape_is_bare(s)) {
        uint32_t from = rule_node_new(&p->r), texts = EXPR_EMPTY;
        p->root = from;
        lower_bare(&l, s, from, &texts);
        p->root = from;
        if (texts != EXPR_EMPTY)
            rule_node_term(&p->r, from, terminal_start(&p->r.t, texts, ENC_RAW), 0);
    } else {
        uint32_t value = lower_value(&l, s);
        p->root = value_rule(&p->r, value, 0);
    }
    idmap_free(&l.known);
    return l.st;
}

/* ---- identity ------------------------------------------------------------------------------- */

struct hashing {
    struct idmap known;
    struct str  *out;
};

static uint32_t n_kid_of(const struct shape *s)
{
    switch (s->kind) {
    case SHAPE_OR: case SHAPE_TUPLE: case SHAPE_STRUCT: case SHAPE_CALL:
        return s->n;
    case SHAPE_LIST: case SHAPE_REF:
        return 1;
    case SHAPE_MAP:
        return 2;
    default:
        return 0;
    }
}

/* Only what the kind gives a meaning to is looked at. */
static void hash_own(struct str *out, const struct shape *s)
{
    str_addf(out, "%d %u", (int)s->kind, s->flags);
    switch (s->kind) {
    case SHAPE_STR: case SHAPE_INT: case SHAPE_LIST: case SHAPE_MAP:
        str_addf(out, " %lld %lld", (long long)s->lo, (long long)s->hi);
        return;
    case SHAPE_FLOAT:
        str_addf(out, " %.17g %.17g %d", s->flo, s->fhi, s->decimals);
        return;
    case SHAPE_REGEX: case SHAPE_TEXT: case SHAPE_NUMBER: case SHAPE_SCHEMA: case SHAPE_GRAMMAR:
        str_addf(out, " %zu:", s->text.len);
        str_add_slice(out, s->text);
        return;
    case SHAPE_ENUM: case SHAPE_STRUCT: case SHAPE_CALL:
        for (uint32_t i = 0; i < s->n; i++) {
            str_addf(out, " %zu:", s->key[i].len);
            str_add_slice(out, s->key[i]);
        }
        return;
    default:
        return;
    }
}

static void hash_at(struct hashing *h, const struct shape *s, int depth)
{
    uint64_t at;
    if (idmap_get(&h->known, (uint64_t)(uintptr_t)s, &at)) {
        str_addf(h->out, "@%llu", (unsigned long long)at);
        return;
    }
    if (!idmap_put(&h->known, (uint64_t)(uintptr_t)s, h->known.n))
        h->out->failed = true;
    str_addc(h->out, '(');
    hash_own(h->out, s);
    for (uint32_t i = 0, n = n_kid_of(s); i < n && depth < SHAPE_NEST_MAX; i++)
        hash_at(h, s->kid[i], depth + 1);
    str_addc(h->out, ')');
}

void shape_hash_text(const struct shape *s, struct str *out)
{
    struct hashing h = { .out = out };
    hash_at(&h, s, 0);
    idmap_free(&h.known);
}
