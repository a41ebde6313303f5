/* type.c - static types: equality, text, and the rules of what is accepted where.
 *
 * Types are built from source of bounded nesting, so the recursions here are bounded too; structs
 * are compared by their declaration and never walked into. */
#include "compiler/type.h"

#include <math.h>
#include <string.h>

#include "compiler/module.h"

struct type *type_plain(enum type_kind kind)
{
#define ROW(k) [k] = { .kind = k, .hi = -1, .decimals = -1 }
    static const struct type rows[T_N] = {
        ROW(T_ANY), ROW(T_NEVER), ROW(T_NULL), ROW(T_BOOL), ROW(T_STR), ROW(T_DURATION),
        ROW(T_REGEX), ROW(T_PATH), ROW(T_BYTES), ROW(T_RANGE), ROW(T_TOOL), ROW(T_JSON),
        ROW(T_CONTEXT), ROW(T_MARK), ROW(T_ERROR), ROW(T_TOKEN), ROW(T_MATCH), ROW(T_META),
        [T_INT] = { .kind = T_INT, .lo = INT64_MIN, .hi = INT64_MAX },
        [T_FLOAT] = { .kind = T_FLOAT, .flo = -INFINITY, .fhi = INFINITY, .decimals = -1 },
    };
#undef ROW
    return (struct type *)&rows[kind];      /* constant: nobody writes a type after it is made */
}

struct type *type_make(struct arena *a, enum type_kind kind, uint32_t n_elem)
{
    struct type *t = arena_zalloc(a, sizeof *t);
    struct type **elem = n_elem ? arena_array(a, n_elem, sizeof *elem) : NULL;
    if (!t || (n_elem && !elem))
        return NULL;
    t->kind = kind;
    t->hi = -1;
    t->decimals = -1;
    t->elem = elem;
    t->n = n_elem;
    return t;
}

static struct type *make1(struct arena *a, enum type_kind kind, struct type *elem)
{
    struct type *t = type_make(a, kind, 1);
    if (t)
        t->elem[0] = elem;
    return t;
}

struct type *type_list(struct arena *a, struct type *elem)
{
    return make1(a, T_LIST, elem);
}

struct type *type_map(struct arena *a, struct type *key, struct type *value)
{
    struct type *t = type_make(a, T_MAP, 2);
    if (t) {
        t->elem[0] = key;
        t->elem[1] = value;
    }
    return t;
}

struct type *type_opt(struct arena *a, struct type *t)
{
    if (!t || t->kind == T_OPT || t->kind == T_NULL || t->kind == T_ANY)
        return t;
    return make1(a, T_OPT, t);
}

struct type *type_branches(struct arena *a, struct type *t)
{
    return make1(a, T_BRANCHES, t);
}

/* ---- text ---- */

static void length_text(const struct type *t, struct str *out)
{
    if (!t->refined)
        return;
    if (t->lo && t->hi >= 0)
        str_addf(out, "(%lld..%lld)", (long long)t->lo, (long long)t->hi);
    else if (t->hi >= 0)
        str_addf(out, "(max: %lld)", (long long)t->hi);
    else if (t->lo)
        str_addf(out, "(min: %lld)", (long long)t->lo);
}

static void int_text(const struct type *t, struct str *out)
{
    str_adds(out, "int");
    if (t->lo != INT64_MIN && t->hi != INT64_MAX)
        str_addf(out, "(%lld..%lld)", (long long)t->lo, (long long)t->hi);
    else if (t->lo != INT64_MIN)
        str_addf(out, "(min: %lld)", (long long)t->lo);
    else if (t->hi != INT64_MAX)
        str_addf(out, "(max: %lld)", (long long)t->hi);
}

static void float_text(const struct type *t, struct str *out)
{
    const char *sep = "(";
    str_adds(out, "float");
    if (!isinf(t->flo)) {
        str_adds(out, "(min: ");
        str_add_double(out, t->flo);
        sep = ", ";
    }
    if (!isinf(t->fhi)) {
        str_addf(out, "%smax: ", sep);
        str_add_double(out, t->fhi);
        sep = ", ";
    }
    if (t->decimals >= 0) {
        str_addf(out, "%sdecimals: %d", sep, (int)t->decimals);
        sep = ", ";
    }
    if (sep[0] == ',')
        str_addc(out, ')');
}

static void quoted(struct slice s, struct str *out)
{
    str_addc(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '\n')
            str_adds(out, "\\n");
        else if (c == '\t')
            str_adds(out, "\\t");
        else if (c == '"' || c == '\\' || c == '$') {
            str_addc(out, '\\');
            str_addc(out, c);
        } else {
            str_addc(out, c);
        }
    }
    str_addc(out, '"');
}

static void lit_text(const struct type *t, struct str *out)
{
    if (t->lit == T_STR)
        quoted(t->text, out);
    else if (t->lit == T_INT)
        str_addf(out, "%lld", (long long)t->lo);
    else if (t->lit == T_BOOL)
        str_adds(out, t->lo ? "true" : "false");
    else
        str_add_double(out, t->flo);
}

static void elems_text(const struct type *t, uint32_t n, const char *sep, struct str *out)
{
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            str_adds(out, sep);
        type_text(t->elem[i], out);
    }
}

static void named_text(struct sym *sym, struct slice name, struct str *out)
{
    if (sym && sym->mod && sym->mod->prefix.len) {
        str_add_slice(out, sym->mod->prefix);
        str_addc(out, '.');
    }
    str_add_slice(out, name);
}

static void call_text(const struct type *t, struct str *out)
{
    str_adds(out, "call<");
    for (uint32_t i = 0; i < t->n_tool; i++) {
        if (i)
            str_adds(out, " | ");
        named_text(t->tool[i], t->tool[i]->name, out);
    }
    str_addc(out, '>');
}

static const char *const plain_name[T_N] = {
    [T_ANY] = "any", [T_NEVER] = "never", [T_NULL] = "null", [T_BOOL] = "bool",
    [T_DURATION] = "duration", [T_REGEX] = "regex", [T_PATH] = "path", [T_BYTES] = "bytes",
    [T_RANGE] = "range", [T_TOOL] = "tool", [T_JSON] = "json", [T_CONTEXT] = "context",
    [T_MARK] = "mark", [T_ERROR] = "error", [T_TOKEN] = "token", [T_MATCH] = "match",
    [T_META] = "meta",
};

void type_text(const struct type *t, struct str *out)
{
    if (!t) {
        str_adds(out, "?");
        return;
    }
    switch (t->kind) {
    case T_INT:
        int_text(t, out);
        break;
    case T_FLOAT:
        float_text(t, out);
        break;
    case T_STR:
        str_adds(out, "str");
        length_text(t, out);
        break;
    case T_REGEX_STR:
        str_addf(out, "/%.*s/%s%s", (int)t->text.len, t->text.ptr,
                 t->flags & SHAPE_ICASE ? "i" : "", t->flags & SHAPE_DOTALL ? "s" : "");
        break;
    case T_LIT:
        lit_text(t, out);
        break;
    case T_LIST:
        str_addc(out, '[');
        type_text(t->elem[0], out);
        str_addc(out, ']');
        length_text(t, out);
        break;
    case T_MAP:
        str_addc(out, '[');
        elems_text(t, 2, ": ", out);
        str_addc(out, ']');
        length_text(t, out);
        break;
    case T_TUPLE:
        str_addc(out, '(');
        elems_text(t, t->n, ", ", out);
        str_addc(out, ')');
        break;
    case T_UNION:
        elems_text(t, t->n, " | ", out);
        break;
    case T_OPT:
        if (t->elem[0]->kind == T_UNION) {
            type_text(t->elem[0], out);
            str_adds(out, " | null");
        } else {
            type_text(t->elem[0], out);
            str_addc(out, '?');
        }
        break;
    case T_STRUCT:
        named_text(t->strct->sym, t->strct->name, out);
        break;
    case T_ENUM:
        named_text(t->enm->sym, t->enm->name, out);
        break;
    case T_CALL:
        call_text(t, out);
        break;
    case T_FN:
        str_adds(out, "fn(");
        elems_text(t, t->n - 1, ", ", out);
        str_addc(out, ')');
        if (t->elem[t->n - 1]->kind != T_NULL) {
            str_adds(out, " -> ");
            type_text(t->elem[t->n - 1], out);
        }
        break;
    case T_BRANCHES:
    case T_PARTIAL:
        str_adds(out, t->kind == T_BRANCHES ? "branches[" : "partial[");
        type_text(t->elem[0], out);
        str_addc(out, ']');
        break;
    case T_SCHEMA:
        str_adds(out, "json(text: ...)");
        break;
    case T_GRAMMAR:
        str_adds(out, "grammar(text: ...)");
        break;
    case T_VAR:
        str_add_slice(out, t->text);
        break;
    default:
        str_adds(out, plain_name[t->kind] ? plain_name[t->kind] : "?");
        break;
    }
}

/* ---- equality ---- */

static bool elems_equal(const struct type *a, const struct type *b)
{
    if (a->n != b->n)
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!type_equal(a->elem[i], b->elem[i]))
            return false;
    return true;
}

bool type_equal(const struct type *a, const struct type *b)
{
    if (a == b)
        return true;
    if (a->kind != b->kind)
        return false;
    switch (a->kind) {
    case T_INT:
        return a->lo == b->lo && a->hi == b->hi;
    case T_STR:
        return a->lo == b->lo && a->hi == b->hi && a->flags == b->flags;
    case T_FLOAT:
        return a->flo == b->flo && a->fhi == b->fhi && a->decimals == b->decimals;
    case T_LIT:
        return a->lit == b->lit && a->lo == b->lo && a->flo == b->flo && slice_eq(a->text, b->text);
    case T_REGEX_STR:
    case T_SCHEMA:
    case T_GRAMMAR:
        return a->flags == b->flags && slice_eq(a->text, b->text);
    case T_LIST:
    case T_MAP:
        return a->refined == b->refined && a->lo == b->lo && a->hi == b->hi && elems_equal(a, b);
    case T_TUPLE:
    case T_UNION:
    case T_OPT:
    case T_FN:
    case T_BRANCHES:
    case T_PARTIAL:
        return elems_equal(a, b);
    case T_STRUCT:
        return a->strct == b->strct;
    case T_ENUM:
        return a->enm == b->enm;
    case T_CALL:
        if (a->n_tool != b->n_tool)
            return false;
        for (uint32_t i = 0; i < a->n_tool; i++)
            if (a->tool[i] != b->tool[i])
                return false;
        return true;
    case T_VAR:
        return slice_eq(a->text, b->text);
    default:
        return true;
    }
}

/* A union of texts or numbers of one kind is that kind: 1 | 2 is int. */
static const struct type *union_base(const struct type *t)
{
    const struct type *base = type_base(t->elem[0]);
    bool plain = base->kind == T_STR || base->kind == T_INT || base->kind == T_FLOAT ||
                 base->kind == T_BOOL;
    for (uint32_t i = 1; i < t->n && plain; i++)
        plain = type_base(t->elem[i])->kind == base->kind;
    return plain ? base : t;
}

const struct type *type_base(const struct type *t)
{
    switch (t->kind) {
    case T_UNION:
        return union_base(t);
    case T_REGEX_STR:
    case T_GRAMMAR:
        return type_plain(T_STR);
    case T_LIT:
        return type_plain(t->lit);
    case T_STR:
    case T_INT:
    case T_FLOAT:
        return type_plain(t->kind);
    case T_SCHEMA:
        return type_plain(T_JSON);
    default:
        return t;
    }
}

bool type_is_num(const struct type *t)
{
    enum type_kind k = type_base(t)->kind;
    return k == T_INT || k == T_FLOAT || k == T_ANY || k == T_JSON;
}

bool type_is_str(const struct type *t)
{
    if (t->kind == T_UNION) {
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_is_str(t->elem[i]))
                return false;
        return true;
    }
    enum type_kind k = type_base(t)->kind;
    return k == T_STR || k == T_ANY;
}

bool type_is_key(const struct type *t)
{
    switch (type_base(t)->kind) {
    case T_STR: case T_INT: case T_BOOL: case T_ENUM: case T_ANY: case T_JSON: case T_VAR:
        return true;
    case T_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_is_key(t->elem[i]))
                return false;
        return true;
    default:
        return false;
    }
}

bool type_is_data(const struct type *t)
{
    switch (t->kind) {
    case T_CONTEXT: case T_FN: case T_BRANCHES: case T_BYTES: case T_MARK: case T_NEVER:
    case T_TOKEN: case T_REGEX: case T_TOOL:
        return false;
    case T_LIST: case T_TUPLE: case T_UNION: case T_OPT: case T_MAP:
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_is_data(t->elem[i]))
                return false;
        return true;
    default:
        return true;
    }
}

bool type_has_text(const struct type *t)
{
    switch (t->kind) {
    case T_CONTEXT: case T_FN: case T_BYTES: case T_MARK: case T_TOKEN: case T_REGEX:
        return false;
    case T_LIST: case T_TUPLE: case T_UNION: case T_OPT: case T_MAP:
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_has_text(t->elem[i]))
                return false;
        return true;
    default:
        return true;
    }
}

bool type_has_branches(const struct type *t)
{
    if (t->kind == T_BRANCHES)
        return true;
    if (t->kind != T_LIST && t->kind != T_TUPLE && t->kind != T_OPT && t->kind != T_MAP)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (type_has_branches(t->elem[i]))
            return true;
    return false;
}

struct type *type_no_null(const struct type *t)
{
    return t->kind == T_OPT ? t->elem[0] : (struct type *)t;
}

/* ---- what fits where ---- */

static enum fit worse(enum fit a, enum fit b)
{
    return a < b ? a : b;
}

static bool inside(int64_t lo, int64_t hi, int64_t in_lo, int64_t in_hi)
{
    return lo >= in_lo && (in_hi < 0 || (hi >= 0 && hi <= in_hi));
}

static enum fit fits_int(const struct type *from, const struct type *to)
{
    if (from->kind == T_INT)
        return from->lo >= to->lo && from->hi <= to->hi ? FIT_SAME : FIT_CHECK;
    if (from->kind == T_LIT && from->lit == T_INT)
        return from->lo >= to->lo && from->lo <= to->hi ? FIT_SAME : FIT_NO;
    return FIT_NO;
}

static enum fit fits_float(const struct type *from, const struct type *to)
{
    const struct type *base = type_base(from);
    if (base->kind == T_INT)
        return FIT_CHECK;
    if (base->kind != T_FLOAT)
        return FIT_NO;
    if (isinf(to->flo) && isinf(to->fhi) && to->decimals < 0)
        return FIT_SAME;
    return type_equal(from, to) ? FIT_SAME : FIT_CHECK;
}

static enum fit fits_text(const struct type *from, const struct type *to)
{
    if (from->kind == T_PATH)
        return to->refined ? FIT_CHECK : FIT_SAME;
    if (type_base(from)->kind != T_STR)
        return FIT_NO;
    if (to->kind == T_STR) {
        if (!to->refined)
            return FIT_SAME;
        bool same = from->kind == T_STR && inside(from->lo, from->hi, to->lo, to->hi) &&
                    (from->flags & to->flags) == to->flags;
        return same ? FIT_SAME : FIT_CHECK;
    }
    return type_equal(from, to) ? FIT_SAME : FIT_CHECK;
}

static enum fit fits_fn(const struct type *from, const struct type *to)
{
    if (from->n > to->n)            /* wants more arguments than it will get */
        return FIT_NO;
    for (uint32_t i = 0; i + 1 < from->n; i++)
        if (type_fits(to->elem[i], from->elem[i]) == FIT_NO)
            return FIT_NO;
    const struct type *r = to->elem[to->n - 1];
    if (r->kind == T_NULL)
        return FIT_SAME;
    return type_fits(from->elem[from->n - 1], r) == FIT_NO ? FIT_NO : FIT_SAME;
}

static enum fit fits_elems(const struct type *from, const struct type *to)
{
    if (from->n != to->n)
        return FIT_NO;
    enum fit f = FIT_SAME;
    for (uint32_t i = 0; i < from->n; i++)
        f = worse(f, type_fits(from->elem[i], to->elem[i]));
    return f;
}

static enum fit fits_list(const struct type *from, const struct type *to)
{
    if (from->kind == T_RANGE)
        return type_fits(type_plain(T_INT), to->elem[0]) == FIT_NO ? FIT_NO : FIT_CHECK;
    if (from->kind == T_BRANCHES)
        return type_fits(from->elem[0], to->elem[0]) == FIT_NO ? FIT_NO : FIT_CHECK;
    if (from->kind != to->kind)
        return FIT_NO;
    enum fit f = fits_elems(from, to);
    if (f == FIT_SAME && to->refined &&
        !(from->refined && inside(from->lo, from->hi, to->lo, to->hi)))
        return FIT_CHECK;
    return f;
}

static enum fit fits_union(const struct type *from, const struct type *to)
{
    enum fit best = FIT_NO;
    for (uint32_t i = 0; i < to->n; i++) {
        enum fit f = type_fits(from, to->elem[i]);
        if (f == FIT_SAME)
            return f;
        if (f > best)
            best = f;
    }
    return best;
}

static enum fit fits_call(const struct type *from, const struct type *to)
{
    if (from->kind != T_CALL)
        return FIT_NO;
    for (uint32_t i = 0; i < from->n_tool; i++) {
        bool found = false;
        for (uint32_t k = 0; k < to->n_tool && !found; k++)
            found = from->tool[i] == to->tool[k];
        if (!found)
            return FIT_NO;
    }
    return FIT_SAME;
}

enum fit type_fits(const struct type *from, const struct type *to)
{
    if (from == to || to->kind == T_ANY || from->kind == T_ANY || from->kind == T_NEVER)
        return FIT_SAME;
    if (to->kind == T_OPT) {
        if (from->kind == T_NULL)
            return FIT_SAME;
        return type_fits(type_no_null(from), to->elem[0]);
    }
    if (from->kind == T_OPT && to->kind != T_JSON && to->kind != T_UNION)
        return FIT_NO;
    if (from->kind == T_UNION) {
        enum fit f = FIT_SAME;
        for (uint32_t i = 0; i < from->n; i++)
            f = worse(f, type_fits(from->elem[i], to));
        return f;
    }
    if (to->kind == T_UNION) {
        if (from->kind == T_OPT)
            return worse(fits_union(type_plain(T_NULL), to), fits_union(from->elem[0], to));
        return type_base(from)->kind == T_JSON ? FIT_CHECK : fits_union(from, to);
    }
    if (to->kind == T_JSON)
        return type_is_data(from) ? FIT_SAME : FIT_NO;
    if (from->kind == T_JSON || from->kind == T_SCHEMA)
        return type_is_data(to) && to->kind != T_META ? FIT_CHECK : FIT_NO;
    switch (to->kind) {
    case T_INT:
        return fits_int(from, to);
    case T_FLOAT:
        return fits_float(from, to);
    case T_STR: case T_REGEX_STR: case T_GRAMMAR:
        return fits_text(from, to);
    case T_PATH:
        return from->kind == T_PATH || type_base(from)->kind == T_STR ? FIT_SAME : FIT_NO;
    case T_LIT:
        if (from->kind == T_LIT)
            return type_equal(from, to) ? FIT_SAME : FIT_NO;
        return type_base(from)->kind == to->lit ? FIT_CHECK : FIT_NO;
    case T_LIST: case T_MAP:
        return fits_list(from, to);
    case T_TUPLE:
        return from->kind == T_TUPLE ? fits_elems(from, to) : FIT_NO;
    case T_FN:
        return from->kind == T_FN ? fits_fn(from, to) : FIT_NO;
    case T_CALL:
        return fits_call(from, to);
    case T_BOOL:
        return type_base(from)->kind == T_BOOL ? FIT_SAME : FIT_NO;
    default:
        return type_equal(from, to) ? FIT_SAME : FIT_NO;
    }
}

static struct type *common_elems(struct arena *a, const struct type *x, const struct type *y)
{
    struct type *t = type_make(a, x->kind, x->n);
    for (uint32_t i = 0; t && i < x->n; i++) {
        t->elem[i] = type_common(a, x->elem[i], y->elem[i]);
        if (!t->elem[i])
            return NULL;
    }
    return t;
}

struct type *type_common(struct arena *a, struct type *x, struct type *y)
{
    if (type_fits(x, y) == FIT_SAME)
        return y;
    if (type_fits(y, x) == FIT_SAME)
        return x;
    const struct type *bx = type_base(x), *by = type_base(y);
    if (bx->kind == by->kind && (bx != x || by != y))
        return (struct type *)bx;
    if ((bx->kind == T_INT && by->kind == T_FLOAT) || (bx->kind == T_FLOAT && by->kind == T_INT))
        return type_plain(T_FLOAT);
    if (x->kind == T_NULL)
        return type_opt(a, y);
    if (y->kind == T_NULL)
        return type_opt(a, x);
    if (x->kind == T_OPT || y->kind == T_OPT)
        return type_opt(a, type_common(a, type_no_null(x), type_no_null(y)));
    if (x->kind == y->kind && x->n == y->n &&
        (x->kind == T_LIST || x->kind == T_MAP || x->kind == T_TUPLE))
        return common_elems(a, x, y);
    return NULL;
}
