/* operators.c - arithmetic, members, indexes, iteration: what one instruction does to values. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <string.h>

#include "base/utf8.h"

/* ---- arithmetic ---- */

static bool is_num(struct value v)
{
    return v.tag == VAL_INT || v.tag == VAL_FLOAT;
}

static double num(struct value v)
{
    return v.tag == VAL_INT ? (double)v.i : v.f;
}

static enum step overflow(struct task *t)
{
    return task_fail(t, "R0203", "integer overflow");
}

static enum step int_op(struct task *t, enum bc_op op, int64_t a, int64_t b, struct value *ret)
{
    int64_t r = 0;
    bool over = false;
    switch (op) {
    case OP_ADD:
        over = __builtin_add_overflow(a, b, &r);
        break;
    case OP_SUB:
        over = __builtin_sub_overflow(a, b, &r);
        break;
    case OP_MUL:
        over = __builtin_mul_overflow(a, b, &r);
        break;
    default:                            /* MOD: the sign of the divisor */
        if (b == 0)
            return task_fail(t, "R0204", "division by zero");
        r = b == -1 ? 0 : a % b;
        if (r && (r < 0) != (b < 0))
            r += b;
    }
    *ret = value_int(r);
    return over ? overflow(t) : STEP_NEXT;
}

static enum step float_op(struct task *t, enum bc_op op, double a, double b, struct value *ret)
{
    double r;
    if ((op == OP_DIV || op == OP_MOD) && b == 0)
        return task_fail(t, "R0204", "division by zero");
    switch (op) {
    case OP_ADD:
        r = a + b;
        break;
    case OP_SUB:
        r = a - b;
        break;
    case OP_MUL:
        r = a * b;
        break;
    case OP_DIV:
        r = a / b;
        break;
    default:
        r = a - b * floor(a / b);
    }
    *ret = value_float(r);
    return STEP_NEXT;
}

static enum step join_text(struct task *t, struct value a, struct value b, struct value *ret)
{
    struct str text = { 0 };
    str_reserve(&text, value_text(a).len + value_text(b).len + 1);
    str_add_slice(&text, value_text(a));
    str_add_slice(&text, value_text(b));
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return step_of(t, st);
}

static enum step join_lists(struct task *t, struct value a, struct value b, struct value *ret)
{
    enum status st = value_list(value_len(a) + value_len(b), ret);
    for (int part = 0; part < 2 && st == ST_OK; part++) {
        struct value from = part ? b : a;
        for (uint32_t i = 0; i < value_len(from) && st == ST_OK; i++) {
            struct value x = from.tag == VAL_RANGE
                ? value_int(((const struct obj_range *)from.obj)->lo + i)
                : value_ref(value_at(from, i));
            st = value_list_push_take(ret, x);
            if (st != ST_OK)
                value_unref(*ret);
        }
    }
    return step_of(t, st);
}

static bool texty(struct value v)
{
    return v.tag == VAL_STR || v.tag == VAL_ENUM;
}

static bool listy(struct value v)
{
    return v.tag == VAL_LIST || v.tag == VAL_RANGE;
}

enum step op_arith(struct task *t, enum bc_op op, struct value a, struct value b,
                   struct value *ret)
{
    if (op == OP_NEG) {
        if (a.tag == VAL_INT)
            return a.i == INT64_MIN ? overflow(t) : (*ret = value_int(-a.i), STEP_NEXT);
        if (a.tag == VAL_FLOAT)
            return *ret = value_float(-a.f), STEP_NEXT;
        return task_fail(t, "R0205", "a %s cannot be negated", value_tag_name(a.tag));
    }
    if (a.tag == VAL_INT && b.tag == VAL_INT && op != OP_DIV)
        return int_op(t, op, a.i, b.i, ret);
    if (is_num(a) && is_num(b))
        return float_op(t, op, num(a), num(b), ret);
    if (op == OP_ADD && texty(a) && texty(b))
        return join_text(t, a, b, ret);
    if (op == OP_ADD && listy(a) && listy(b))
        return join_lists(t, a, b, ret);
    if (a.tag == VAL_DURATION && b.tag == VAL_DURATION && (op == OP_ADD || op == OP_SUB)) {
        *ret = value_duration(op == OP_ADD ? a.i + b.i : a.i - b.i);
        return STEP_NEXT;
    }
    return task_fail(t, "R0205", "a %s and a %s cannot be computed with", value_tag_name(a.tag),
                     value_tag_name(b.tag));
}

/* ---- indexes and members ---- */

static enum step out_of_range(struct task *t, int64_t at, size_t n)
{
    return task_fail(t, "R0201", "index %lld is out of range: there %s %zu", (long long)at,
                     n == 1 ? "is" : "are", n);
}

static enum step slice_list(struct task *t, struct value v, uint32_t lo, uint32_t n,
                            struct value *ret)
{
    enum status st = value_list(n, ret);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        st = value_list_push_take(ret, value_ref(value_at(v, lo + i)));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

static enum step slice_text(struct task *t, struct value v, size_t lo, size_t n,
                            struct value *ret)
{
    struct slice s = value_text(v);
    size_t from = utf8_offset(s, lo), to = utf8_offset(s, lo + n);
    return step_of(t, value_str(slice_sub(s, from, to - from), ret));
}

static enum step index_range(struct task *t, struct value v, struct value at, struct value *ret)
{
    const struct obj_range *r = (const struct obj_range *)at.obj;
    int64_t n = v.tag == VAL_STR ? (int64_t)value_str_count(v) : value_len(v);
    int64_t lo = r->lo < 0 ? r->lo + n : r->lo, hi = r->hi < 0 && r->hi >= r->lo ? r->hi + n : r->hi;
    if (hi < lo)
        return v.tag == VAL_STR ? step_of(t, value_str(SLICE(""), ret))
                                : step_of(t, value_list(0, ret));
    if (lo < 0 || hi >= n)
        return out_of_range(t, lo < 0 ? r->lo : r->hi, (size_t)n);
    if (v.tag == VAL_STR)
        return slice_text(t, v, (size_t)lo, (size_t)(hi - lo + 1), ret);
    return slice_list(t, v, (uint32_t)lo, (uint32_t)(hi - lo + 1), ret);
}

static enum step no_key(struct task *t, struct value key)
{
    struct str text = { 0 };
    value_format(key, &text);
    enum step s = task_fail(t, "R0202", "there is no key \"%.*s\"",
                            (int)(text.len < 80 ? text.len : 80), text.ptr ? text.ptr : "");
    str_free(&text);
    return s;
}

enum step op_index(struct task *t, struct value v, struct value at, struct value *ret)
{
    struct value x;
    if (v.tag == VAL_MAP) {
        if (!value_map_get(v, at, &x))
            return no_key(t, at);
        *ret = value_ref(x);
        return STEP_NEXT;
    }
    if (v.tag == VAL_STRUCT && at.tag == VAL_STR)
        return op_member(t, v, value_text(at), ret);
    bool seq = v.tag == VAL_LIST || v.tag == VAL_TUPLE || v.tag == VAL_RANGE || v.tag == VAL_STR;
    if (seq && v.tag != VAL_RANGE && at.tag == VAL_RANGE)
        return index_range(t, v, at, ret);
    if (!seq || at.tag != VAL_INT)
        return task_fail(t, "R0205", "a %s cannot be indexed by a %s", value_tag_name(v.tag),
                         value_tag_name(at.tag));
    int64_t n = v.tag == VAL_STR ? (int64_t)value_str_count(v) : value_len(v);
    int64_t i = at.i < 0 ? at.i + n : at.i;
    if (i < 0 || i >= n)
        return out_of_range(t, at.i, (size_t)n);
    if (v.tag == VAL_STR)
        return slice_text(t, v, (size_t)i, 1, ret);
    *ret = v.tag == VAL_RANGE ? value_int(((const struct obj_range *)v.obj)->lo + i)
                              : value_ref(value_at(v, (uint32_t)i));
    return STEP_NEXT;
}

enum step op_put_index(struct task *t, struct value *v, struct value at, struct value x)
{
    if (v->tag == VAL_MAP)
        return step_of(t, value_map_put_take(v, value_ref(at), value_ref(x)));
    if (v->tag != VAL_LIST || at.tag != VAL_INT)
        return task_fail(t, "R0205", "a %s cannot be changed at a %s", value_tag_name(v->tag),
                         value_tag_name(at.tag));
    int64_t n = value_len(*v), i = at.i < 0 ? at.i + n : at.i;
    if (i < 0 || i >= n)
        return out_of_range(t, at.i, (size_t)n);
    return step_of(t, value_list_put_take(v, (uint32_t)i, value_ref(x)));
}

enum step op_member(struct task *t, struct value v, struct slice name, struct value *ret)
{
    struct value x;
    if (v.tag == VAL_MAP && value_map_find(v, name, &x)) {
        *ret = value_ref(x);
        return STEP_NEXT;
    }
    if (value_field_find(v, name, &x)) {
        *ret = value_ref(x);
        return STEP_NEXT;
    }
    /* the arguments of a tool call are reached through the call as well */
    if (v.tag == VAL_CALL && value_field_find(value_field(v, 1), name, &x)) {
        *ret = value_ref(x);
        return STEP_NEXT;
    }
    if (v.tag == VAL_ENUM && slice_is(name, "text"))
        return step_of(t, value_str(value_text(v), ret));
    if (v.tag == VAL_ENUM && slice_is(name, "name"))
        return step_of(t, value_str(value_enum_name(v), ret));
    if (v.tag == VAL_DURATION && slice_is(name, "ms")) {
        *ret = value_int(v.i);
        return STEP_NEXT;
    }
    return task_fail(t, "R0202", "a %s has no member `%.*s`", value_tag_name(v.tag),
                     (int)name.len, name.ptr);
}

/* ---- iteration ---- */

static void iter_destroy(struct obj *o)
{
    value_unref(((struct iter *)o)->over);
    mem_free(o);
}

enum step op_iter(struct task *t, struct value over, struct value *ret)
{
    if (over.tag == VAL_STREAM) {
        stream_rewind((struct stream *)over.obj);
        *ret = value_ref(over);
        return STEP_NEXT;
    }
    struct iter *it = mem_zalloc(sizeof *it);
    if (!it)
        return task_fail_status(t, ST_NOMEM);
    it->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_ITER };
    it->hdr.destroy = iter_destroy;
    switch ((enum value_tag)over.tag) {
    case VAL_INT:
        it->end = over.i;
        break;
    case VAL_RANGE:
        it->at = ((const struct obj_range *)over.obj)->lo;
        it->end = ((const struct obj_range *)over.obj)->hi;
        break;
    case VAL_LIST:
    case VAL_TUPLE:
    case VAL_MAP:
        it->end = value_len(over);
        break;
    case VAL_BRANCHES:
        it->end = ((const struct branches *)over.obj)->n;
        break;
    default:
        mem_free(it);
        return task_fail(t, "R0205", "for cannot go over a %s", value_tag_name(over.tag));
    }
    it->over = value_ref(over);
    *ret = (struct value){ .tag = VAL_ITER, .obj = &it->hdr.hdr };
    return STEP_NEXT;
}

enum step op_next(struct task *t, struct value iter, struct value *ret, bool *ret_end)
{
    struct iter *it = (struct iter *)iter.obj;
    if (iter.tag != VAL_ITER)
        return task_fail(t, "R0205", "not an iterator");
    if (it->over.tag == VAL_RANGE) {
        *ret_end = it->at > it->end;
        if (*ret_end)
            return STEP_NEXT;
        *ret = value_int(it->at);
        if (it->at == INT64_MAX)
            it->end = INT64_MIN;        /* the last one there is */
        else
            it->at++;
        return STEP_NEXT;
    }
    *ret_end = it->at >= it->end;
    if (*ret_end)
        return STEP_NEXT;
    uint32_t i = (uint32_t)it->at;
    if (it->over.tag == VAL_BRANCHES) {
        enum step s = branches_take(t, (struct branches *)it->over.obj, i, ret);
        if (s == STEP_NEXT)
            it->at++;
        return s;
    }
    it->at++;
    if (it->over.tag == VAL_INT) {
        *ret = value_int(it->at - 1);
        return STEP_NEXT;
    }
    if (it->over.tag == VAL_MAP) {
        const struct map_entry *e = value_map_entry(it->over, i);
        const struct value pair[2] = { value_ref(e->key), value_ref(e->val) };
        return step_of(t, value_tuple_take(pair, 2, ret));
    }
    *ret = value_ref(value_at(it->over, i));
    return STEP_NEXT;
}
