/* lib_list.c - natives over lists and maps.  Sorting is stable; ties go to the earlier element. */
#include "runtime/vm/vm_int.h"

#include <string.h>

/* A list from whatever stands for one; a range is spelled out. */
static enum status as_list(struct value v, struct value *ret)
{
    if (v.tag != VAL_RANGE) {
        *ret = value_ref(v);
        return ST_OK;
    }
    enum status st = value_list(value_len(v), ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++)
        st = value_list_push_take(ret, value_int(((const struct obj_range *)v.obj)->lo + i));
    return st;
}

static enum step empty(struct task *t, const char *what)
{
    return task_fail(t, "R0201", "%s of an empty list", what);
}

static enum step sum(struct task *t, struct value v, struct value *ret)
{
    struct value acc = value_int(0);
    for (uint32_t i = 0; i < value_len(v); i++) {
        enum step s = op_arith(t, OP_ADD, acc, value_at(v, i), &acc);
        if (s != STEP_NEXT)
            return s;
    }
    *ret = acc;
    return STEP_NEXT;
}

static enum step extreme(struct task *t, struct value v, bool max, struct value *ret)
{
    if (!value_len(v))
        return empty(t, max ? "max" : "min");
    struct value best = value_at(v, 0);
    for (uint32_t i = 1; i < value_len(v); i++) {
        int c;
        if (!value_cmp(value_at(v, i), best, &c))
            return task_fail(t, "R0205", "these elements have no order");
        if (max ? c > 0 : c < 0)
            best = value_at(v, i);
    }
    *ret = value_ref(best);
    return STEP_NEXT;
}

/* ---- sorting: a merge sort of positions by their keys ---- */

struct sorter {
    struct value keys;
    bool         largest_first;
    bool         bad;
};

static bool goes_before(struct sorter *s, uint32_t a, uint32_t b)
{
    int c = 0;
    if (!value_cmp(value_at(s->keys, a), value_at(s->keys, b), &c))
        s->bad = true;
    return s->largest_first ? c > 0 : c < 0;
}

static void merge(struct sorter *s, const uint32_t *from, uint32_t lo, uint32_t mid, uint32_t hi,
                  uint32_t *to)
{
    uint32_t a = lo, b = mid;
    for (uint32_t at = lo; at < hi; at++) {
        bool right = a >= mid || (b < hi && goes_before(s, from[b], from[a]));
        to[at] = right ? from[b++] : from[a++];
    }
}

static uint32_t *sort_positions(struct sorter *s, uint32_t n)
{
    uint32_t *a = mem_calloc(n + 1u, sizeof *a), *b = mem_calloc(n + 1u, sizeof *b);
    if (!a || !b) {
        mem_free(a);
        mem_free(b);
        return NULL;
    }
    for (uint32_t i = 0; i < n; i++)
        a[i] = i;
    for (uint32_t width = 1; width < n; width *= 2) {
        for (uint32_t lo = 0; lo < n; lo += 2 * width) {
            uint32_t mid = lo + width < n ? lo + width : n;
            uint32_t hi = mid + width < n ? mid + width : n;
            merge(s, a, lo, mid, hi, b);
        }
        uint32_t *swap = a;
        a = b;
        b = swap;
    }
    mem_free(b);
    return a;
}

static enum step sorted(struct task *t, struct value xs, struct value keys, bool largest,
                        uint32_t take, struct value *ret)
{
    struct sorter s = { .keys = keys, .largest_first = largest };
    uint32_t n = value_len(xs);
    if (value_len(keys) != n)
        return task_fail(t, "R0404", "%u elements and %u keys", n, value_len(keys));
    uint32_t *pos = sort_positions(&s, n);
    if (!pos)
        return task_fail_status(t, ST_NOMEM);
    enum status st = s.bad ? ST_INVALID : value_list(take < n ? take : n, ret);
    for (uint32_t i = 0; i < n && i < take && st == ST_OK; i++) {
        st = value_list_push_take(ret, value_ref(value_at(xs, pos[i])));
        if (st != ST_OK)
            value_unref(*ret);
    }
    mem_free(pos);
    return st == ST_INVALID ? task_fail(t, "R0205", "these elements have no order")
                            : step_of(t, st);
}

static enum step group(struct task *t, struct value xs, struct value keys, struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < value_len(xs) && st == ST_OK; i++) {
        struct value key = value_at(keys, i), list;
        if (value_map_get(*ret, key, &list)) {
            value_ref(list);
        } else {
            st = value_list(0, &list);
        }
        if (st == ST_OK)
            st = value_list_push_take(&list, value_ref(value_at(xs, i)));
        if (st == ST_OK)
            st = value_map_put_take(ret, value_ref(key), list);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

/* ---- parts ---- */

static enum step part(struct task *t, struct value v, uint32_t from, uint32_t to,
                      struct value *ret)
{
    enum status st = value_list(to > from ? to - from : 0, ret);
    for (uint32_t i = from; i < to && st == ST_OK; i++) {
        st = value_list_push_take(ret, value_ref(value_at(v, i)));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

static uint32_t clamp(int64_t n, uint32_t max)
{
    return n < 0 ? 0 : n > max ? max : (uint32_t)n;
}

static enum step reverse(struct task *t, struct value v, struct value *ret)
{
    uint32_t n = value_len(v);
    enum status st = value_list(n, ret);
    for (uint32_t i = n; i-- > 0 && st == ST_OK;) {
        st = value_list_push_take(ret, value_ref(value_at(v, i)));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

static enum step unique(struct task *t, struct value v, struct value *ret)
{
    struct value seen, old;
    enum status st = value_map(&seen);
    if (st == ST_OK)
        st = value_list(0, ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        struct value x = value_at(v, i);
        if (value_map_get(seen, x, &old))
            continue;
        st = value_map_put_take(&seen, value_ref(x), value_null());
        if (st == ST_OK)
            st = value_list_push_take(ret, value_ref(x));
        if (st != ST_OK)
            value_unref(*ret);
    }
    value_unref(seen);
    return step_of(t, st);
}

static int64_t where(struct value v, struct value x)
{
    for (uint32_t i = 0; i < value_len(v); i++)
        if (value_eq(value_at(v, i), x))
            return i;
    return -1;
}

static enum step join(struct task *t, struct value v, struct value sep, struct value *ret)
{
    struct str text = { 0 };
    bool ok = true;
    for (uint32_t i = 0; i < value_len(v) && ok; i++) {
        if (i)
            str_add_slice(&text, value_text(sep));
        ok = value_format(value_at(v, i), &text);
    }
    enum status st = text.failed ? ST_NOMEM : ok ? value_str(str_slice(&text), ret) : ST_INVALID;
    str_free(&text);
    return st == ST_INVALID ? task_fail(t, "R0205", "an element has no text form")
                            : step_of(t, st);
}

static enum step flatten(struct task *t, struct value v, struct value *ret)
{
    enum status st = value_list(0, ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        struct value inner = value_at(v, i);
        for (uint32_t k = 0; k < value_len(inner) && st == ST_OK; k++)
            st = value_list_push_take(ret, value_ref(value_at(inner, k)));
    }
    return step_of(t, st);
}

static enum step chunks(struct task *t, struct value v, int64_t size, struct value *ret)
{
    if (size < 1)
        return task_fail(t, "R0404", "chunks must have at least one element");
    enum status st = value_list(0, ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK;) {
        uint32_t to = clamp((int64_t)i + size, value_len(v));
        struct value c;
        enum step s = part(t, v, i, to, &c);
        if (s != STEP_NEXT)
            return s;
        st = value_list_push_take(ret, c);
        i = to;
    }
    return step_of(t, st);
}

static enum step push(struct task *t, struct value *arg, struct value *ret)
{
    /* the register gives its reference up, so that a list nobody else holds grows in place */
    struct value list = arg[0];
    arg[0] = value_null();
    if (list.tag == VAL_RANGE) {
        struct value spelled;
        enum status st = as_list(list, &spelled);
        value_unref(list);
        if (st != ST_OK)
            return task_fail_status(t, st);
        list = spelled;
    }
    enum status st = value_list_push_take(&list, value_ref(arg[1]));
    if (st != ST_OK) {
        value_unref(list);
        return task_fail_status(t, st);
    }
    *ret = list;
    return STEP_NEXT;
}

static enum step indexed(struct task *t, struct value v, struct value *ret)
{
    enum status st = value_list(value_len(v), ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        const struct value pair[2] = { value_int(i), value_ref(value_at(v, i)) };
        struct value p;
        st = value_tuple_take(pair, 2, &p);
        if (st == ST_OK)
            st = value_list_push_take(ret, p);
    }
    return step_of(t, st);
}

/* Draws follow the path of the call (LANGUAGE.md 19.2), like those of a generation. */
static enum step draw(struct task *t, struct value v, int64_t k, struct value *ret)
{
    struct rng_key key = frame_key(t->top, KEY_DRAW, frame_ordinal(t->top));
    uint32_t n = value_len(v);
    if (k < 0 || k > n)
        return task_fail(t, "R0404", "%lld elements cannot be picked from %u", (long long)k, n);
    uint32_t *pos = mem_calloc(n + 1u, sizeof *pos);
    if (!pos)
        return task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < n; i++)
        pos[i] = i;
    enum status st = value_list((uint32_t)k, ret);
    for (uint32_t i = 0; i < k && st == ST_OK; i++) {
        uint32_t j = i + (uint32_t)(rng_u64(key, i) % (n - i));
        uint32_t swap = pos[i];
        pos[i] = pos[j];
        pos[j] = swap;
        st = value_list_push_take(ret, value_ref(value_at(v, pos[i])));
    }
    mem_free(pos);
    return step_of(t, st);
}

static enum step list_op(struct task *t, enum native_id id, struct value v, struct value *arg,
                         struct value *ret)
{
    uint32_t n = value_len(v);
    switch (id) {
    case NATIVE_LIST_SUM:
        return sum(t, v, ret);
    case NATIVE_LIST_MIN:
    case NATIVE_LIST_MAX:
        return extreme(t, v, id == NATIVE_LIST_MAX, ret);
    case NATIVE_LIST_SORT:
        return sorted(t, v, v, false, n, ret);
    case NATIVE_LIST_SORT_BY:
        return sorted(t, v, arg[1], false, n, ret);
    case NATIVE_LIST_TOP_BY:
        return sorted(t, v, arg[2], true, clamp(arg[1].i, n), ret);
    case NATIVE_LIST_GROUP_BY:
        return group(t, v, arg[1], ret);
    case NATIVE_LIST_REVERSE:
        return reverse(t, v, ret);
    case NATIVE_LIST_UNIQUE:
        return unique(t, v, ret);
    case NATIVE_LIST_FIRST:
    case NATIVE_LIST_LAST:
        if (!n)
            return empty(t, id == NATIVE_LIST_FIRST ? "first" : "last");
        *ret = value_ref(value_at(v, id == NATIVE_LIST_FIRST ? 0 : n - 1));
        return STEP_NEXT;
    case NATIVE_LIST_TAKE:
        return part(t, v, 0, clamp(arg[1].i, n), ret);
    case NATIVE_LIST_DROP:
        return part(t, v, clamp(arg[1].i, n), n, ret);
    case NATIVE_LIST_HAS:
        *ret = value_bool(where(v, arg[1]) >= 0);
        return STEP_NEXT;
    case NATIVE_LIST_INDEX: {
        int64_t at = where(v, arg[1]);
        *ret = at < 0 ? value_null() : value_int(at);
        return STEP_NEXT;
    }
    case NATIVE_LIST_JOIN:
        return join(t, v, arg[1], ret);
    case NATIVE_LIST_FLATTEN:
        return flatten(t, v, ret);
    case NATIVE_LIST_CHUNKS:
        return chunks(t, v, arg[1].i, ret);
    case NATIVE_LIST_INDEXED:
        return indexed(t, v, ret);
    case NATIVE_LIST_SHUFFLE:
        return draw(t, v, n, ret);
    default:
        return draw(t, v, arg[1].i, ret);
    }
}

enum step native_list(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    enum value_tag tag = arg[0].tag;
    if (id == NATIVE_LIST_LEN) {
        *ret = value_int(tag == VAL_STR ? (int64_t)value_str_count(arg[0]) : value_len(arg[0]));
        return STEP_NEXT;
    }
    if (tag != VAL_LIST && tag != VAL_RANGE && tag != VAL_TUPLE)
        return task_fail(t, "R0205", "a %s where a list is wanted", value_tag_name(tag));
    if (id == NATIVE_LIST_PUSH)
        return push(t, arg, ret);
    struct value v;
    enum status st = as_list(arg[0], &v);
    if (st != ST_OK)
        return task_fail_status(t, st);
    enum step s = list_op(t, id, v, arg, ret);
    value_unref(v);
    return s;
}

/* ---- maps ---- */

static enum step column(struct task *t, struct value m, int which, struct value *ret)
{
    enum status st = value_list(value_len(m), ret);
    for (uint32_t i = 0; i < value_len(m) && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(m, i);
        struct value x = value_ref(which == 1 ? e->val : e->key);
        if (which == 2) {
            const struct value pair[2] = { x, value_ref(e->val) };
            st = value_tuple_take(pair, 2, &x);
        }
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
    }
    return step_of(t, st);
}

static enum step arg_extreme(struct task *t, struct value m, bool max, struct value *ret)
{
    if (!value_len(m))
        return task_fail(t, "R0201", "%s of an empty map", max ? "argmax" : "argmin");
    uint32_t best = 0;
    for (uint32_t i = 1; i < value_len(m); i++) {
        int c;
        if (!value_cmp(value_map_entry(m, i)->val, value_map_entry(m, best)->val, &c))
            return task_fail(t, "R0205", "these values have no order");
        if (max ? c > 0 : c < 0)
            best = i;
    }
    *ret = value_ref(value_map_entry(m, best)->key);
    return STEP_NEXT;
}

enum step native_map(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    struct value x;
    if (id == NATIVE_ENUM_TEXT)
        return step_of(t, value_str(value_text(arg[0]), ret));
    if (id == NATIVE_ENUM_NAME)
        return step_of(t, value_str(value_enum_name(arg[0]), ret));
    if (arg[0].tag != VAL_MAP)
        return task_fail(t, "R0205", "a %s where a map is wanted", value_tag_name(arg[0].tag));
    switch (id) {
    case NATIVE_MAP_KEYS:
        return column(t, arg[0], 0, ret);
    case NATIVE_MAP_VALUES:
        return column(t, arg[0], 1, ret);
    case NATIVE_MAP_PAIRS:
        return column(t, arg[0], 2, ret);
    case NATIVE_MAP_HAS:
        *ret = value_bool(value_map_get(arg[0], arg[1], &x));
        return STEP_NEXT;
    case NATIVE_MAP_GET:
        *ret = value_ref(value_map_get(arg[0], arg[1], &x) ? x : arg[2]);
        return STEP_NEXT;
    case NATIVE_MAP_ARGMAX:
    case NATIVE_MAP_ARGMIN:
        return arg_extreme(t, arg[0], id == NATIVE_MAP_ARGMAX, ret);
    default:
        *ret = value_ref(arg[0]);
        return step_of(t, value_map_del(ret, arg[1]));
    }
}
