/* jinja_ops.c - arithmetic and indexing, with the reference's results in the corners.
 *
 * Division rounds down, a remainder has the divisor's sign, a negative index counts from the end,
 * slices are clamped, and whole numbers that would leave 64 bits are refused instead of wrapped. */
#include <math.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/chat/jinja.h"

/* ---- arithmetic ------------------------------------------------------------------------ */

static bool bad_operands(struct jeval *e, const char *sign, struct jval a, struct jval b)
{
    if (a.kind == J_UNDEF || b.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", a.kind == J_UNDEF ? a.undef : b.undef);
    if (*sign == '+' && a.kind == J_STR)
        return jfail(e, ST_INVALID, "can only concatenate str (not \"%s\") to str", j_type(b));
    return jfail(e, ST_INVALID, "unsupported operand type(s) for %s: '%s' and '%s'", sign,
                 j_type(a), j_type(b));
}

static bool add_sequences(struct jeval *e, struct jval a, struct jval b, struct jval *ret)
{
    if (!j_list_new(e, a.kind, ret))
        return false;
    for (uint32_t i = 0; i < a.l->n; i++)
        if (!j_list_push(e, ret->l, a.l->at[i]))
            return false;
    for (uint32_t i = 0; i < b.l->n; i++)
        if (!j_list_push(e, ret->l, b.l->at[i]))
            return false;
    return true;
}

static bool repeat(struct jeval *e, struct jval what, int64_t n, struct jval *ret)
{
    if (what.kind == J_STR) {
        struct jbuf b = { 0 };
        for (int64_t i = 0; i < n && !b.failed && what.s->len; i++)
            jbuf_add_text(&b, what.s, 0, what.s->len);
        return jbuf_take(e, &b, ret);
    }
    if (!j_list_new(e, what.kind, ret))
        return false;
    for (int64_t i = 0; i < n && what.l->n; i++)
        for (uint32_t k = 0; k < what.l->n; k++)
            if (!j_list_push(e, ret->l, what.l->at[k]))
                return false;
    return true;
}

static bool is_sequence(struct jval v)
{
    return v.kind == J_STR || v.kind == J_LIST || v.kind == J_TUPLE;
}

static bool overflow(struct jeval *e)
{
    return jfail(e, ST_LIMIT, "a whole number leaves 64 bits");
}

static bool int_power(struct jeval *e, int64_t base, int64_t exponent, struct jval *ret)
{
    int64_t x = 1;
    while (exponent > 0) {
        if (exponent & 1 && __builtin_mul_overflow(x, base, &x))
            return overflow(e);
        exponent >>= 1;
        if (exponent && __builtin_mul_overflow(base, base, &base))
            return overflow(e);
    }
    *ret = j_int(x);
    return true;
}

/* Division rounds towards minus infinity, and the remainder has the divisor's sign. */
static bool int_divide(struct jeval *e, enum jop op, int64_t a, int64_t b, struct jval *ret)
{
    if (b == 0)
        return jfail(e, ST_INVALID, "division by zero");
    if (op == J_DIV) {
        *ret = j_float((double)a / (double)b);
        return true;
    }
    if (b == -1) {
        if (op == J_FLOORDIV && a == INT64_MIN)
            return overflow(e);
        *ret = j_int(op == J_FLOORDIV ? -a : 0);
        return true;
    }
    int64_t q = a / b, r = a % b;
    if (r != 0 && (r < 0) != (b < 0)) {
        q--;
        r += b;
    }
    *ret = j_int(op == J_FLOORDIV ? q : r);
    return true;
}

static bool int_binary(struct jeval *e, enum jop op, int64_t a, int64_t b, struct jval *ret)
{
    int64_t x = 0;
    switch (op) {
    case J_ADD:
        if (__builtin_add_overflow(a, b, &x))
            return overflow(e);
        break;
    case J_SUB:
        if (__builtin_sub_overflow(a, b, &x))
            return overflow(e);
        break;
    case J_MUL:
        if (__builtin_mul_overflow(a, b, &x))
            return overflow(e);
        break;
    case J_POW:
        if (b >= 0)
            return int_power(e, a, b, ret);
        if (a == 0)
            return jfail(e, ST_INVALID, "zero to a negative power");
        *ret = j_float(pow((double)a, (double)b));
        return true;
    default:
        return int_divide(e, op, a, b, ret);
    }
    *ret = j_int(x);
    return true;
}

static bool float_binary(struct jeval *e, enum jop op, double a, double b, struct jval *ret)
{
    if (b == 0 && (op == J_DIV || op == J_FLOORDIV || op == J_MOD))
        return jfail(e, ST_INVALID, "division by zero");
    double r;
    switch (op) {
    case J_ADD: *ret = j_float(a + b); return true;
    case J_SUB: *ret = j_float(a - b); return true;
    case J_MUL: *ret = j_float(a * b); return true;
    case J_DIV: *ret = j_float(a / b); return true;
    case J_POW: *ret = j_float(pow(a, b)); return true;
    default: break;
    }
    r = fmod(a, b);
    if (r != 0 && (r < 0) != (b < 0))
        r += b;
    else if (r == 0)
        r = copysign(0.0, b);
    if (op == J_MOD) {
        *ret = j_float(r);
        return true;
    }
    double q = (a - r) / b;
    double down = floor(q);
    *ret = j_float(q - down > 0.5 ? down + 1 : down);
    return true;
}

bool jbinary(struct jeval *e, enum jop op, struct jval a, struct jval b, struct jval *ret)
{
    static const char *const signs[] = {
        [J_ADD] = "+", [J_SUB] = "-", [J_MUL] = "*", [J_DIV] = "/",
        [J_FLOORDIV] = "//", [J_MOD] = "%", [J_POW] = "** or pow()",
    };
    if (j_is_number(a) && j_is_number(b)) {
        if (a.kind != J_FLOAT && b.kind != J_FLOAT)
            return int_binary(e, op, j_whole(a), j_whole(b), ret);
        return float_binary(e, op, j_number(a), j_number(b), ret);
    }
    if (op == J_ADD && a.kind == J_STR && b.kind == J_STR) {
        struct jbuf out = { 0 };
        jbuf_add_text(&out, a.s, 0, a.s->len);
        jbuf_add_text(&out, b.s, 0, b.s->len);
        return jbuf_take(e, &out, ret);
    }
    if (op == J_ADD && (a.kind == J_LIST || a.kind == J_TUPLE) && a.kind == b.kind)
        return add_sequences(e, a, b, ret);
    if (op == J_MUL && is_sequence(a) && (b.kind == J_INT || b.kind == J_BOOL))
        return repeat(e, a, j_whole(b), ret);
    if (op == J_MUL && is_sequence(b) && (a.kind == J_INT || a.kind == J_BOOL))
        return repeat(e, b, j_whole(a), ret);
    if (op == J_MOD && a.kind == J_STR) {
        struct jargs args = { .pos = &b, .n_pos = 1 };
        if (b.kind == J_TUPLE)
            args = (struct jargs){ .pos = b.l->at, .n_pos = b.l->n };
        return jformat(e, a.s, &args, ret);
    }
    return bad_operands(e, signs[op], a, b);
}

bool jnegate(struct jeval *e, struct jval a, struct jval *ret)
{
    if (a.kind == J_FLOAT) {
        *ret = j_float(-a.f);
        return true;
    }
    if (j_is_number(a)) {
        if (j_whole(a) == INT64_MIN)
            return overflow(e);
        *ret = j_int(-j_whole(a));
        return true;
    }
    if (a.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", a.undef);
    return jfail(e, ST_INVALID, "bad operand type for unary -: '%s'", j_type(a));
}

/* ---- indexing -------------------------------------------------------------------------- */

static bool nothing_at(struct jeval *e, struct jval of, struct jval key, struct jval *ret)
{
    char *what;
    if (key.kind == J_STR)
        what = arena_printf(e->arena, "'%s%s' has no attribute '%.*s'", j_type(of),
                            of.kind == J_NONE ? "" : " object",
                            (int)(key.s->len < 80 ? key.s->len : 80),
                            key.s->ptr);
    else if (key.kind == J_INT)
        what = arena_printf(e->arena, "%s object has no element %lld", j_type(of),
                            (long long)key.i);
    else
        what = arena_printf(e->arena, "%s object has no such element", j_type(of));
    if (!what)
        return jfail(e, ST_NOMEM, "out of memory");
    *ret = j_undef(what);
    return true;
}

/* An index counts from the end when it is negative; false when it is outside. */
static bool at_index(int64_t i, int64_t n, int64_t *ret)
{
    *ret = i < 0 ? i + n : i;
    return *ret >= 0 && *ret < n;
}

bool jget_item(struct jeval *e, struct jval of, struct jval key, struct jval *ret)
{
    int64_t n, i;
    if (of.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", of.undef);
    if (of.kind == J_DICT) {
        struct jval *found;
        if (!j_dict_get(e, of.d, key, &found))
            return false;
        if (found) {
            *ret = *found;
            return true;
        }
    } else if (is_sequence(of) && (key.kind == J_INT || key.kind == J_BOOL)) {
        if (!j_length(e, of, &n))
            return false;
        if (!at_index(j_whole(key), n, &i))
            return nothing_at(e, of, key, ret);
        if (of.kind != J_STR) {
            *ret = of.l->at[i];
            return true;
        }
        size_t from = utf8_offset(jtext_slice(of.s), (size_t)i);
        size_t to = utf8_offset(jtext_slice(of.s), (size_t)i + 1);
        return jtext_sub(e, of.s, from, to - from, ret);
    }
    if (key.kind == J_STR)
        return jget_attr(e, of, jtext_slice(key.s), ret);
    return nothing_at(e, of, key, ret);
}

/* Start, stop and step of a slice over n elements, clamped as the reference does it. */
static bool slice_bounds(struct jeval *e, const struct jval r[3], int64_t n, int64_t out[3])
{
    for (int i = 0; i < 3; i++)
        if (r[i].kind != J_NONE && r[i].kind != J_INT && r[i].kind != J_BOOL)
            return jfail(e, ST_INVALID, "slice indices must be integers or None");
    int64_t step = r[2].kind == J_NONE ? 1 : j_whole(r[2]);
    if (step == 0)
        return jfail(e, ST_INVALID, "slice step cannot be zero");
    int64_t low = step < 0 ? -1 : 0, high = step < 0 ? n - 1 : n;
    for (int i = 0; i < 2; i++) {
        if (r[i].kind == J_NONE) {
            out[i] = (i == 0) == (step > 0) ? low : high;
            continue;
        }
        int64_t x = j_whole(r[i]);
        x = x < 0 ? x + n : x;
        out[i] = x < low ? low : x > high ? high : x;
    }
    out[2] = step;
    return true;
}

bool jget_slice(struct jeval *e, struct jval of, const struct jval range[3], struct jval *ret)
{
    int64_t n, b[3];
    if (of.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", of.undef);
    if (!is_sequence(of))
        return jfail(e, ST_INVALID, of.kind == J_DICT ? "unhashable type: 'slice' (%s)"
                                                      : "'%s' object is not subscriptable",
                     j_type(of));
    if (!j_length(e, of, &n) || !slice_bounds(e, range, n, b))
        return false;
    if (of.kind == J_STR && b[2] == 1) {
        size_t from = utf8_offset(jtext_slice(of.s), (size_t)b[0]);
        size_t to = b[1] > b[0] ? utf8_offset(jtext_slice(of.s), (size_t)b[1]) : from;
        return jtext_sub(e, of.s, from, to - from, ret);
    }
    struct jlist *items;
    if (!j_items(e, of, &items))
        return false;
    struct jbuf text = { 0 };
    struct jval list;
    if (!j_list_new(e, of.kind == J_TUPLE ? J_TUPLE : J_LIST, &list))
        return false;
    for (int64_t i = b[0]; b[2] > 0 ? i < b[1] : i > b[1];) {
        if (of.kind == J_STR)
            jbuf_add_text(&text, items->at[i].s, 0, items->at[i].s->len);
        else if (!j_list_push(e, list.l, items->at[i]))
            return false;
        if (__builtin_add_overflow(i, b[2], &i))
            break;
    }
    if (of.kind == J_STR)
        return jbuf_take(e, &text, ret);
    *ret = list;
    return true;
}
