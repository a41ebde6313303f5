/* jinja_value.c - values of templates: making, comparing, walking.
 *
 * They behave as the values of the reference do, quirks included: booleans are numbers, a missing
 * key is undefined and not an error, and an undefined value may be printed but not used. */
#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/utf8.h"
#include "runtime/chat/jinja.h"

struct jval j_none(void)
{
    return (struct jval){ .kind = J_NONE };
}

struct jval j_bool(bool b)
{
    return (struct jval){ .kind = J_BOOL, .b = b };
}

struct jval j_int(int64_t i)
{
    return (struct jval){ .kind = J_INT, .i = i };
}

struct jval j_float(double f)
{
    return (struct jval){ .kind = J_FLOAT, .f = f };
}

struct jval j_undef(const char *what)
{
    return (struct jval){ .kind = J_UNDEF, .undef = what };
}

bool j_str(struct jeval *e, struct slice s, bool markup, struct jval *ret)
{
    struct jtext *t = arena_zalloc(e->arena, sizeof *t);
    struct slice kept = arena_slice(e->arena, s);
    if (!t || e->arena->failed)
        return jfail(e, ST_NOMEM, "out of memory");
    *t = (struct jtext){ .ptr = kept.ptr, .len = (uint32_t)kept.len, .markup = markup };
    *ret = (struct jval){ .kind = J_STR, .s = t };
    return jstep(e, 1 + s.len / 64);
}

bool j_list_new(struct jeval *e, enum jkind kind, struct jval *ret)
{
    struct jlist *l = arena_zalloc(e->arena, sizeof *l);
    if (!l)
        return jfail(e, ST_NOMEM, "out of memory");
    *ret = (struct jval){ .kind = kind, .l = l };
    return true;
}

bool j_list_push(struct jeval *e, struct jlist *l, struct jval v)
{
    if (l->n == l->cap) {
        uint32_t cap = l->cap ? l->cap * 2 : 4;
        struct jval *at = arena_array(e->arena, cap, sizeof *at);
        if (!at)
            return jfail(e, ST_NOMEM, "out of memory");
        if (l->n)
            memcpy(at, l->at, l->n * sizeof *at);
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = v;
    return jstep(e, 1);
}

bool j_dict_new(struct jeval *e, enum jkind kind, struct jval *ret)
{
    struct jdict *d = arena_zalloc(e->arena, sizeof *d);
    if (!d)
        return jfail(e, ST_NOMEM, "out of memory");
    *ret = (struct jval){ .kind = kind, .d = d };
    return true;
}

struct jval *j_dict_find(const struct jdict *d, struct slice key)
{
    for (uint32_t i = 0; i < d->n; i++) {
        const struct jval *k = &d->at[i].key;
        if (k->kind == J_STR && k->s->len == key.len &&
            (key.len == 0 || memcmp(k->s->ptr, key.ptr, key.len) == 0))
            return &d->at[i].val;
    }
    return NULL;
}

bool j_dict_get(struct jeval *e, const struct jdict *d, struct jval key, struct jval **ret)
{
    *ret = NULL;
    if (key.kind == J_LIST || key.kind == J_DICT)
        return jfail(e, ST_INVALID, "unhashable type: '%s'", j_type(key));
    if (key.kind == J_STR) {
        *ret = j_dict_find(d, jtext_slice(key.s));
        return jstep(e, 1 + d->n / 16);
    }
    for (uint32_t i = 0; i < d->n && !*ret; i++)
        if (j_equal(d->at[i].key, key))
            *ret = &d->at[i].val;
    return jstep(e, 1 + d->n / 16);
}

bool j_dict_put(struct jeval *e, struct jdict *d, struct jval key, struct jval val)
{
    struct jval *have;
    if (!j_dict_get(e, d, key, &have))
        return false;
    if (have) {
        *have = val;
        return true;
    }
    if (d->n == d->cap) {
        uint32_t cap = d->cap ? d->cap * 2 : 4;
        struct jpair *at = arena_array(e->arena, cap, sizeof *at);
        if (!at)
            return jfail(e, ST_NOMEM, "out of memory");
        if (d->n)
            memcpy(at, d->at, d->n * sizeof *at);
        d->at = at;
        d->cap = cap;
    }
    d->at[d->n++] = (struct jpair){ key, val };
    return true;
}

/* The role of a message may be part of a control token's name ("<|" + role + "|>"), so a plain
 * word there counts as markup; the text of a message never does. */
static bool is_role(const char *key, struct slice s)
{
    if (strcmp(key, "role") != 0 || s.len == 0 || s.len > 32)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
              c == '_' || c == '-'))
            return false;
    }
    return true;
}

static bool from_json_object(struct jeval *e, const json_t *json, uint32_t depth, struct jval *ret)
{
    if (!j_dict_new(e, J_DICT, ret))
        return false;
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)json, key, item) {
        struct jval k, v;
        if (!j_str(e, slice_of(key), false, &k))
            return false;
        struct slice text = { json_string_value(item), json_string_length(item) };
        bool role = json_is_string(item) && is_role(key, text);
        if (!(role ? j_str(e, text, true, &v) : j_from_json(e, item, depth + 1, &v)) ||
            !j_dict_put(e, ret->d, k, v))
            return false;
    }
    return true;
}

bool j_from_json(struct jeval *e, const json_t *json, uint32_t depth, struct jval *ret)
{
    if (depth > JINJA_MAX_DEPTH)
        return jfail(e, ST_LIMIT, "a value is nested too deeply");
    switch (json_typeof(json)) {
    case JSON_OBJECT:
        return from_json_object(e, json, depth, ret);
    case JSON_ARRAY:
        if (!j_list_new(e, J_LIST, ret))
            return false;
        for (size_t i = 0; i < json_array_size(json); i++) {
            struct jval v;
            if (!j_from_json(e, json_array_get(json, i), depth + 1, &v) ||
                !j_list_push(e, ret->l, v))
                return false;
        }
        return true;
    case JSON_STRING:
        return j_str(e, (struct slice){ json_string_value(json), json_string_length(json) }, false,
                     ret);
    case JSON_INTEGER:
        *ret = j_int(json_integer_value(json));
        return true;
    case JSON_REAL:
        *ret = j_float(json_real_value(json));
        return true;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = j_bool(json_is_true(json));
        return true;
    default:
        *ret = j_none();
        return true;
    }
}

const char *j_type(struct jval v)
{
    switch (v.kind) {
    case J_ABSENT:
    case J_UNDEF: return "undefined";
    case J_NONE: return "NoneType";
    case J_BOOL: return "bool";
    case J_INT: return "int";
    case J_FLOAT: return "float";
    case J_STR: return "str";
    case J_LIST: return "list";
    case J_TUPLE: return "tuple";
    case J_DICT: return "dict";
    case J_SPACE: return "namespace";
    case J_MACRO: return "macro";
    case J_LOOP: return "loop";
    case J_METHOD: return "method";
    case J_FUNC: return "function";
    }
    return "value";
}

bool j_truth(struct jval v)
{
    switch (v.kind) {
    case J_ABSENT:
    case J_UNDEF:
    case J_NONE: return false;
    case J_BOOL: return v.b;
    case J_INT: return v.i != 0;
    case J_FLOAT: return v.f != 0;
    case J_STR: return v.s->len != 0;
    case J_LIST:
    case J_TUPLE: return v.l->n != 0;
    case J_DICT: return v.d->n != 0;
    default: return true;
    }
}

bool j_is_number(struct jval v)
{
    return v.kind == J_BOOL || v.kind == J_INT || v.kind == J_FLOAT;
}

double j_number(struct jval v)
{
    return v.kind == J_FLOAT ? v.f : v.kind == J_BOOL ? (double)v.b : (double)v.i;
}

int64_t j_whole(struct jval v)
{
    return v.kind == J_BOOL ? (int64_t)v.b : v.i;
}

static bool equal_to(struct jval a, struct jval b, int depth);

static bool equal_dicts(const struct jdict *a, const struct jdict *b, int depth)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++) {
        bool same = false;
        for (uint32_t k = 0; k < b->n && !same; k++)
            same = equal_to(a->at[i].key, b->at[k].key, depth) &&
                   equal_to(a->at[i].val, b->at[k].val, depth);
        if (!same)
            return false;
    }
    return true;
}

/* Lists that a loop has nested beyond the limit are never equal; namespaces, which could be made to
 * hold themselves, are compared by identity. */
static bool equal_to(struct jval a, struct jval b, int depth)
{
    if (depth > JINJA_MAX_DEPTH)
        return false;
    if (j_is_number(a) && j_is_number(b)) {
        if (a.kind != J_FLOAT && b.kind != J_FLOAT)
            return j_whole(a) == j_whole(b);
        return j_number(a) == j_number(b);
    }
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case J_STR:
        return slice_eq(jtext_slice(a.s), jtext_slice(b.s));
    case J_LIST:
    case J_TUPLE:
        if (a.l->n != b.l->n)
            return false;
        for (uint32_t i = 0; i < a.l->n; i++)
            if (!equal_to(a.l->at[i], b.l->at[i], depth + 1))
                return false;
        return true;
    case J_DICT:
        return equal_dicts(a.d, b.d, depth + 1);
    case J_NONE:
    case J_UNDEF:
    case J_ABSENT:
        return true;
    default:
        return a.d == b.d;
    }
}

bool j_equal(struct jval a, struct jval b)
{
    return equal_to(a, b, 0);
}

/* -1, 0 or 1; false: they have no order. */
static bool order(struct jeval *e, enum jop op, struct jval a, struct jval b, int depth, int *ret)
{
    static const char *const names[] = { [J_LT] = "<", [J_LE] = "<=", [J_GT] = ">", [J_GE] = ">=" };
    if (a.kind == J_UNDEF || b.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", a.kind == J_UNDEF ? a.undef : b.undef);
    if (j_is_number(a) && j_is_number(b)) {
        if (a.kind != J_FLOAT && b.kind != J_FLOAT)
            *ret = j_whole(a) < j_whole(b) ? -1 : j_whole(a) > j_whole(b);
        else
            *ret = j_number(a) < j_number(b) ? -1 : j_number(a) > j_number(b);
        return true;
    }
    if (a.kind == J_STR && b.kind == J_STR) {
        *ret = slice_cmp(jtext_slice(a.s), jtext_slice(b.s));
        return true;
    }
    if ((a.kind == J_LIST || a.kind == J_TUPLE) && a.kind == b.kind) {
        for (uint32_t i = 0; i < a.l->n && i < b.l->n; i++)
            if (!j_equal(a.l->at[i], b.l->at[i]))
                return depth < JINJA_MAX_DEPTH
                           ? order(e, op, a.l->at[i], b.l->at[i], depth + 1, ret)
                           : jfail(e, ST_LIMIT, "a value is nested too deeply");
        *ret = a.l->n < b.l->n ? -1 : a.l->n > b.l->n;
        return true;
    }
    return jfail(e, ST_INVALID, "'%s' not supported between instances of '%s' and '%s'", names[op],
                 j_type(a), j_type(b));
}

static bool contains(struct jeval *e, struct jval item, struct jval in, bool *ret)
{
    *ret = false;
    struct jval *found;
    switch (in.kind) {
    case J_STR:
        if (item.kind != J_STR)
            return jfail(e, ST_INVALID, "'in <string>' requires string as left operand, not %s",
                         j_type(item));
        *ret = slice_find(jtext_slice(in.s), jtext_slice(item.s)) != SIZE_MAX;
        return jstep(e, 1 + in.s->len / 64);
    case J_LIST:
    case J_TUPLE:
        for (uint32_t i = 0; i < in.l->n && !*ret; i++)
            *ret = j_equal(in.l->at[i], item);
        return jstep(e, 1 + in.l->n / 8);
    case J_DICT:
        if (!j_dict_get(e, in.d, item, &found))
            return false;
        *ret = found != NULL;
        return true;
    case J_UNDEF:
        return true;
    default:
        return jfail(e, ST_INVALID, "argument of type '%s' is not iterable", j_type(in));
    }
}

bool jcompare(struct jeval *e, enum jop op, struct jval a, struct jval b, bool *ret)
{
    int cmp = 0;
    switch (op) {
    case J_EQ:
        *ret = j_equal(a, b);
        return true;
    case J_NE:
        *ret = !j_equal(a, b);
        return true;
    case J_IN:
        return contains(e, a, b, ret);
    case J_NOT_IN:
        if (!contains(e, a, b, ret))
            return false;
        *ret = !*ret;
        return true;
    default:
        break;
    }
    if (!order(e, op, a, b, 0, &cmp))
        return false;
    bool nan = (a.kind == J_FLOAT && isnan(a.f)) || (b.kind == J_FLOAT && isnan(b.f));
    *ret = !nan && (op == J_LT ? cmp < 0 : op == J_LE ? cmp <= 0 : op == J_GT ? cmp > 0 : cmp >= 0);
    return true;
}

bool j_length(struct jeval *e, struct jval v, int64_t *ret)
{
    switch (v.kind) {
    case J_STR: *ret = (int64_t)utf8_count(jtext_slice(v.s)); return jstep(e, 1 + v.s->len / 64);
    case J_LIST:
    case J_TUPLE: *ret = v.l->n; return true;
    case J_DICT: *ret = v.d->n; return true;
    case J_UNDEF: *ret = 0; return true;
    case J_LOOP: *ret = v.loop->items->n; return true;
    default: return jfail(e, ST_INVALID, "object of type '%s' has no len()", j_type(v));
    }
}

static bool text_items(struct jeval *e, const struct jtext *t, struct jlist *l)
{
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp;
        int n = utf8_decode(p, end, &cp);
        struct jval c;
        n = n ? n : 1;
        if (!jtext_sub(e, t, (size_t)(p - t->ptr), (size_t)n, &c) || !j_list_push(e, l, c))
            return false;
        p += n;
    }
    return true;
}

bool j_items(struct jeval *e, struct jval v, struct jlist **ret)
{
    struct jval list;
    switch (v.kind) {
    case J_LIST:
    case J_TUPLE:
        *ret = v.l;
        return true;
    case J_STR:
    case J_DICT:
    case J_UNDEF:
        break;
    default:
        return jfail(e, ST_INVALID, "'%s' object is not iterable", j_type(v));
    }
    if (!j_list_new(e, J_LIST, &list))
        return false;
    *ret = list.l;
    if (v.kind == J_STR)
        return text_items(e, v.s, list.l);
    for (uint32_t i = 0; v.kind == J_DICT && i < v.d->n; i++)
        if (!j_list_push(e, list.l, v.d->at[i].key))
            return false;
    return true;
}
