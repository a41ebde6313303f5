/* jinja_test.c - the tests ("value is name") and the functions that every template has. */
#include <string.h>
#include <time.h>

#include "runtime/chat/jinja.h"

/* ---- tests ----------------------------------------------------------------------------- */

/* Tests that look at the kind alone. */

static bool t_defined(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind != J_UNDEF);
    return true;
}

static bool t_undefined(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_UNDEF);
    return true;
}

static bool t_none(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_NONE);
    return true;
}

static bool t_string(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_STR);
    return true;
}

static bool t_mapping(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_DICT);
    return true;
}

static bool t_number(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(j_is_number(self));
    return true;
}

static bool t_integer(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_INT);
    return true;
}

static bool t_float(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_FLOAT);
    return true;
}

static bool t_boolean(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_BOOL);
    return true;
}

static bool t_true(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_BOOL && self.b);
    return true;
}

static bool t_false(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_BOOL && !self.b);
    return true;
}

static bool t_iterable(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_STR || self.kind == J_LIST || self.kind == J_TUPLE ||
                  self.kind == J_DICT || self.kind == J_UNDEF || self.kind == J_LOOP);
    return true;
}

static bool t_sequence(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_STR || self.kind == J_LIST || self.kind == J_TUPLE ||
                  self.kind == J_DICT || self.kind == J_UNDEF);
    return true;
}

static bool t_callable(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_MACRO || self.kind == J_METHOD || self.kind == J_FUNC ||
                  self.kind == J_UNDEF);
    return true;
}

static bool t_escaped(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    (void)self;
    *ret = j_bool(false);
    return true;
}

static bool t_sameas(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    struct jval b = arg[0];
    bool same = self.kind == b.kind;
    if (same && (self.kind == J_LIST || self.kind == J_TUPLE || self.kind == J_DICT))
        same = self.d == b.d;
    else
        same = same && j_equal(self, b);
    *ret = j_bool(same);
    return true;
}

static bool compare_test(struct jeval *e, enum jop op, struct jval a, struct jval b,
                         struct jval *ret)
{
    bool holds;
    if (!jcompare(e, op, a, b, &holds))
        return false;
    *ret = j_bool(holds);
    return true;
}

static bool t_eq(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_EQ, self, arg[0], ret);
}

static bool t_ne(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_NE, self, arg[0], ret);
}

static bool t_lt(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_LT, self, arg[0], ret);
}

static bool t_le(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_LE, self, arg[0], ret);
}

static bool t_gt(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_GT, self, arg[0], ret);
}

static bool t_ge(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_GE, self, arg[0], ret);
}

static bool t_in(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return compare_test(e, J_IN, self, arg[0], ret);
}

static bool remainder_is(struct jeval *e, struct jval a, struct jval by, int64_t want,
                         struct jval *ret)
{
    struct jval r;
    if (!jbinary(e, J_MOD, a, by, &r))
        return false;
    *ret = j_bool(j_equal(r, j_int(want)));
    return true;
}

static bool t_odd(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return remainder_is(e, self, j_int(2), 1, ret);
}

static bool t_even(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return remainder_is(e, self, j_int(2), 0, ret);
}

static bool t_divisibleby(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return remainder_is(e, self, arg[0], 0, ret);
}

static bool cased(struct jeval *e, struct jval self, const char *method, struct jval *ret)
{
    const struct jtext *t;
    bool unsafe;
    const struct jfunc *f = jmethod_find(J_STR, slice_of(method), &unsafe);
    return j_text(e, self, &t) && f->fn(e, (struct jval){ .kind = J_STR, .s = t }, NULL, ret);
}

static bool t_lower(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return cased(e, self, "islower", ret);
}

static bool t_upper(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return cased(e, self, "isupper", ret);
}

static bool t_filter(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_STR && jfilter_find(jtext_slice(self.s)));
    return true;
}

static bool t_test(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = j_bool(self.kind == J_STR && jtest_find(jtext_slice(self.s)));
    return true;
}

static const struct jfunc tests[] = {
    { "!=", "other", t_ne, NULL },
    { "<", "other", t_lt, NULL },
    { "<=", "other", t_le, NULL },
    { "==", "other", t_eq, NULL },
    { ">", "other", t_gt, NULL },
    { ">=", "other", t_ge, NULL },
    { "boolean", "", t_boolean, NULL },
    { "callable", "", t_callable, NULL },
    { "defined", "", t_defined, NULL },
    { "divisibleby", "num", t_divisibleby, NULL },
    { "eq", "other", t_eq, NULL },
    { "equalto", "other", t_eq, NULL },
    { "escaped", "", t_escaped, NULL },
    { "even", "", t_even, NULL },
    { "false", "", t_false, NULL },
    { "filter", "", t_filter, NULL },
    { "float", "", t_float, NULL },
    { "ge", "other", t_ge, NULL },
    { "greaterthan", "other", t_gt, NULL },
    { "gt", "other", t_gt, NULL },
    { "in", "seq", t_in, NULL },
    { "integer", "", t_integer, NULL },
    { "iterable", "", t_iterable, NULL },
    { "le", "other", t_le, NULL },
    { "lessthan", "other", t_lt, NULL },
    { "lower", "", t_lower, NULL },
    { "lt", "other", t_lt, NULL },
    { "mapping", "", t_mapping, NULL },
    { "ne", "other", t_ne, NULL },
    { "none", "", t_none, NULL },
    { "number", "", t_number, NULL },
    { "odd", "", t_odd, NULL },
    { "sameas", "other", t_sameas, NULL },
    { "sequence", "", t_sequence, NULL },
    { "string", "", t_string, NULL },
    { "test", "", t_test, NULL },
    { "true", "", t_true, NULL },
    { "undefined", "", t_undefined, NULL },
    { "upper", "", t_upper, NULL },
};

const struct jfunc *jtest_find(struct slice name)
{
    return jfunc_find(tests, sizeof tests / sizeof *tests, name);
}

bool jtest_call(struct jeval *e, struct slice name, struct jval self, const struct jargs *args,
                bool *ret)
{
    const struct jfunc *f = jtest_find(name);
    struct jval v;
    if (!f)
        return jfail(e, ST_UNSUPPORTED, "the test '%.*s' is not supported",
                     (int)(name.len < 60 ? name.len : 60), name.ptr);
    if (!jcall_func(e, f, self, args, &v))
        return false;
    *ret = v.b;
    return true;
}

/* ---- functions ------------------------------------------------------------------------- */

static bool g_range(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    (void)self;
    int64_t v[3] = { 0, 0, 1 };
    if (args->n_pos < 1 || args->n_pos > 3 || args->n_kw)
        return jfail(e, ST_INVALID, "range takes 1 to 3 numbers");
    for (uint32_t i = 0; i < args->n_pos; i++) {
        struct jval a = args->pos[i];
        if (a.kind != J_INT && a.kind != J_BOOL)
            return jfail(e, ST_INVALID, "'%s' object cannot be interpreted as an integer",
                         j_type(a));
        v[args->n_pos == 1 ? 1 : i] = a.kind == J_BOOL ? (int64_t)a.b : a.i;
    }
    if (v[2] == 0)
        return jfail(e, ST_INVALID, "range() arg 3 must not be zero");
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (int64_t i = v[0]; v[2] > 0 ? i < v[1] : i > v[1];) {
        if (ret->l->n == JINJA_MAX_RANGE)
            return jfail(e, ST_LIMIT, "Range too big. The maximum size for a range is %d",
                         JINJA_MAX_RANGE);
        if (!j_list_push(e, ret->l, j_int(i)))
            return false;
        if (__builtin_add_overflow(i, v[2], &i))
            break;
    }
    return true;
}

/* dict() and namespace(): pairs of a dict or a list, then the named arguments. */
static bool make_dict(struct jeval *e, enum jkind kind, const struct jargs *args, struct jval *ret)
{
    if (!j_dict_new(e, kind, ret))
        return false;
    if (args->n_pos > 1)
        return jfail(e, ST_INVALID, "at most one argument without a name");
    if (args->n_pos == 1 && args->pos[0].kind == J_DICT) {
        const struct jdict *d = args->pos[0].d;
        for (uint32_t i = 0; i < d->n; i++)
            if (!j_dict_put(e, ret->d, d->at[i].key, d->at[i].val))
                return false;
    } else if (args->n_pos == 1) {
        struct jlist *pairs, *pair;
        if (!j_items(e, args->pos[0], &pairs))
            return false;
        for (uint32_t i = 0; i < pairs->n; i++) {
            if (!j_items(e, pairs->at[i], &pair))
                return false;
            if (pair->n != 2)
                return jfail(e, ST_INVALID, "an entry of a dict needs 2 items, not %u", pair->n);
            if (!j_dict_put(e, ret->d, pair->at[0], pair->at[1]))
                return false;
        }
    }
    for (uint32_t i = 0; i < args->n_kw; i++) {
        struct jval key;
        if (!j_str(e, args->kw[i].name, true, &key) ||
            !j_dict_put(e, ret->d, key, args->kw[i].val))
            return false;
    }
    return true;
}

static bool g_dict(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    (void)self;
    return make_dict(e, J_DICT, args, ret);
}

static bool g_namespace(struct jeval *e, struct jval self, const struct jargs *args,
                        struct jval *ret)
{
    (void)self;
    return make_dict(e, J_SPACE, args, ret);
}

static bool g_raise(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)self;
    (void)ret;
    const struct jtext *t;
    if (!j_text(e, arg[0], &t))
        return false;
    return jfail(e, ST_INVALID, "%.*s", (int)(t->len < 400 ? t->len : 400), t->ptr);
}

static bool g_strftime_now(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)self;
    if (arg[0].kind != J_STR)
        return jfail(e, ST_INVALID, "strftime_now needs a format");
    char text[256];
    struct tm tm;
    time_t now = (time_t)e->now;
    char *format = arena_strdup(e->arena, jtext_slice(arg[0].s));
    if (!format)
        return jfail(e, ST_NOMEM, "out of memory");
    if (!localtime_r(&now, &tm))
        return jfail(e, ST_INVALID, "no such time");
    size_t n = strftime(text, sizeof text, format, &tm);
    if (n == 0 && *format)
        return jfail(e, ST_LIMIT, "a time of more than %zu bytes", sizeof text);
    return j_str(e, (struct slice){ text, n }, true, ret);
}

static bool g_unsupported(struct jeval *e, struct jval self, const struct jargs *args,
                          struct jval *ret)
{
    (void)self;
    (void)args;
    (void)ret;
    return jfail(e, ST_UNSUPPORTED, "cycler, joiner and lipsum are not supported");
}

static const struct jfunc globals[] = {
    { "cycler", NULL, NULL, g_unsupported },
    { "dict", NULL, NULL, g_dict },
    { "joiner", NULL, NULL, g_unsupported },
    { "lipsum", NULL, NULL, g_unsupported },
    { "namespace", NULL, NULL, g_namespace },
    { "raise_exception", "message", g_raise, NULL },
    { "range", NULL, NULL, g_range },
    { "strftime_now", "format", g_strftime_now, NULL },
};

const struct jfunc *jglobal_find(struct slice name)
{
    return jfunc_find(globals, sizeof globals / sizeof *globals, name);
}
