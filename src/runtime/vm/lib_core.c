/* lib_core.c - natives: print, input, errors, small functions of numbers; the table that finds
 * the others. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static enum step want(struct task *t, struct value v, const char *what)
{
    return task_fail(t, "R0205", "a %s where a %s is wanted", value_tag_name(v.tag), what);
}

static double num(struct value v)
{
    return v.tag == VAL_INT ? (double)v.i : v.tag == VAL_FLOAT ? v.f : NAN;
}

static enum step do_print(struct task *t, struct value *arg, struct value *ret)
{
    struct str text = { 0 };
    *ret = value_null();
    if (!value_format(arg[0], &text)) {
        str_free(&text);
        return task_fail(t, "R0205", "a %s has no text form", value_tag_name(arg[0].tag));
    }
    str_add_slice(&text, value_text(arg[1]));
    task_print(t, str_slice(&text), slice_is(value_text(arg[2]), "stderr"));
    str_free(&text);
    return STEP_NEXT;
}

static enum step do_dbg(struct task *t, struct value *arg, struct value *ret)
{
    struct str text = { 0 };
    str_add_slice(&text, value_text(arg[1]));
    str_adds(&text, text.len ? ": " : "dbg: ");
    if (arg[0].tag == VAL_STR)
        jsonio_quote(value_text(arg[0]), &text);
    else if (!value_format(arg[0], &text))
        str_adds(&text, value_tag_name(arg[0].tag));
    str_addc(&text, '\n');
    task_print(t, str_slice(&text), true);
    str_free(&text);
    *ret = value_ref(arg[0]);
    return STEP_NEXT;
}

static enum step do_input(struct task *t, struct value *arg, struct value *ret)
{
    struct run *r = t->run;
    if (r->opts.no_input) {
        *ret = value_null();
        return STEP_NEXT;
    }
    if (!t->input_request) {
        struct run_event ev = { .kind = RUN_INPUT, .branch = task_branch(t) };
        struct slice prompt = value_text(arg[0]);
        t->input_request = ++r->next_request;
        ev.request = t->input_request;
        ev.owned = mem_strndup(prompt.ptr ? prompt.ptr : "", prompt.len);
        ev.text = (struct slice){ ev.owned, ev.owned ? prompt.len : 0 };
        run_emit(r, &ev);
        return STEP_WAIT;
    }
    if (!t->has_input)
        return STEP_WAIT;
    enum status st = ST_OK;
    *ret = value_null();
    if (!t->input_eof)
        st = value_str(str_slice(&t->input), ret);
    str_free(&t->input);
    t->input = (struct str){ 0 };
    t->has_input = false;
    t->input_request = 0;
    t->steps = 0;
    return step_of(t, st);
}

static enum step do_check(struct task *t, struct value *arg, bool assert, struct value *ret)
{
    *ret = value_null();
    if (arg[0].tag != VAL_BOOL)
        return want(t, arg[0], "bool");
    if (arg[0].b)
        return STEP_NEXT;
    struct slice why = value_text(arg[1]);
    if (assert)
        return task_fail_kind(t, "R0303", SLICE("Assert"), why.len ? why : SLICE("assertion failed"));
    return task_fail_kind(t, "R0304", SLICE("Require"), why.len ? why : SLICE("requirement failed"));
}

static enum step do_fail(struct task *t, struct value *arg)
{
    struct slice kind = value_text(arg[1]);
    return task_fail_kind(t, "R0301", kind.len ? kind : SLICE("Fail"), value_text(arg[0]));
}

static enum step do_error(struct task *t, struct value *arg, struct value *ret)
{
    return step_of(t, error_value(t, "R0301", value_text(arg[0]), value_text(arg[1]),
                                  value_null(), ret));
}

static enum step do_token(struct task *t, struct value *arg, struct value *ret)
{
    const struct slice names[] = { SLICE("name") };
    struct run *r = t->run;
    enum status st = r->t_token ? ST_OK : vtype_new(SLICE("token"), 1, names, NULL, &r->t_token);
    struct value field = value_ref(arg[0]);
    if (st != ST_OK) {
        value_unref(field);
        return task_fail_status(t, st);
    }
    return step_of(t, value_record_take(VAL_TOKEN, r->t_token, &field, ret));
}

static enum step do_minmax(struct task *t, struct value *arg, bool max, struct value *ret)
{
    int c;
    if (!value_cmp(arg[0], arg[1], &c))
        return task_fail(t, "R0205", "a %s and a %s have no order", value_tag_name(arg[0].tag),
                         value_tag_name(arg[1].tag));
    *ret = value_ref((max ? c >= 0 : c <= 0) ? arg[0] : arg[1]);
    return STEP_NEXT;
}

static enum step do_abs(struct task *t, struct value v, struct value *ret)
{
    if (v.tag == VAL_INT) {
        if (v.i == INT64_MIN)
            return task_fail(t, "R0203", "integer overflow");
        *ret = value_int(v.i < 0 ? -v.i : v.i);
        return STEP_NEXT;
    }
    if (v.tag != VAL_FLOAT)
        return want(t, v, "number");
    *ret = value_float(fabs(v.f));
    return STEP_NEXT;
}

static enum step do_zip(struct task *t, struct value *arg, struct value *ret)
{
    uint32_t n = value_len(arg[0]) < value_len(arg[1]) ? value_len(arg[0]) : value_len(arg[1]);
    enum status st = value_list(n, ret);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        const struct value pair[2] = { value_ref(value_at(arg[0], i)),
                                       value_ref(value_at(arg[1], i)) };
        struct value p;
        st = value_tuple_take(pair, 2, &p);
        if (st == ST_OK)
            st = value_list_push_take(ret, p);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

/* A list of tuples to a tuple of lists; an empty list gives as many empty ones as its type says. */
static enum step do_unzip(struct task *t, struct value v, struct value columns, struct value *ret)
{
    enum { MAX_COLUMNS = 16 };
    struct value col[MAX_COLUMNS];
    if (columns.tag != VAL_INT || columns.i < 2)
        return want(t, columns, "number of columns");
    int64_t n_column = value_len(v) ? value_len(value_at(v, 0)) : columns.i;
    for (uint32_t i = 0; i < value_len(v); i++)
        if (value_at(v, i).tag != VAL_TUPLE || value_len(value_at(v, i)) != n_column)
            return want(t, value_at(v, i), "tuple");
    uint32_t n = (uint32_t)n_column;
    if (n_column > MAX_COLUMNS)
        return task_fail(t, "R0706", "unzip takes tuples of at most %d", MAX_COLUMNS);
    enum status st = ST_OK;
    uint32_t made = 0;
    for (; made < n && st == ST_OK; made++) {
        st = value_list(value_len(v), &col[made]);
        if (st != ST_OK)
            break;
    }
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++)
        for (uint32_t k = 0; k < n && st == ST_OK; k++)
            st = value_list_push_take(&col[k], value_ref(value_at(value_at(v, i), k)));
    if (st == ST_OK)
        return step_of(t, value_tuple_take(col, n, ret));
    for (uint32_t k = 0; k < made; k++)
        value_unref(col[k]);
    return task_fail_status(t, st);
}

static enum step do_map_of(struct task *t, struct value *arg, struct value *ret)
{
    if (value_len(arg[0]) != value_len(arg[1]))
        return task_fail(t, "R0404", "map_of: %u keys and %u values", value_len(arg[0]),
                         value_len(arg[1]));
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < value_len(arg[0]) && st == ST_OK; i++) {
        st = value_map_put_take(ret, value_ref(value_at(arg[0], i)),
                                value_ref(value_at(arg[1], i)));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return step_of(t, st);
}

enum step native_core(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    switch (id) {
    case NATIVE_PRINT:
        return do_print(t, arg, ret);
    case NATIVE_INPUT:
        return t->cancelled ? task_raise_cancelled(t) : do_input(t, arg, ret);
    case NATIVE_DBG:
        return do_dbg(t, arg, ret);
    case NATIVE_REQUIRE:
    case NATIVE_ASSERT:
        return do_check(t, arg, id == NATIVE_ASSERT, ret);
    case NATIVE_FAIL:
        return do_fail(t, arg);
    case NATIVE_ERROR:
        return do_error(t, arg, ret);
    case NATIVE_TOKEN:
        return do_token(t, arg, ret);
    case NATIVE_MIN2:
    case NATIVE_MAX2:
        return do_minmax(t, arg, id == NATIVE_MAX2, ret);
    case NATIVE_ABS:
        return do_abs(t, arg[0], ret);
    case NATIVE_NEAR:
        *ret = value_bool(fabs(num(arg[0]) - num(arg[1])) <= num(arg[2]));
        return STEP_NEXT;
    case NATIVE_ZIP:
        return do_zip(t, arg, ret);
    case NATIVE_UNZIP:
        return do_unzip(t, arg[0], arg[1], ret);
    default:
        return do_map_of(t, arg, ret);
    }
}

/* Rows of bytecode_natives.h stand in groups; a group has its file. */
enum step native_call(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    if (id <= NATIVE_MAP_OF)
        return native_core(t, id, arg, ret);
    if (id == NATIVE_STR_FIND || id == NATIVE_STR_FIND_ALL)
        return native_regex(t, id, arg, ret);
    if ((id == NATIVE_STR_SPLIT || id == NATIVE_STR_REPLACE) && arg[1].tag == VAL_REGEX)
        return native_regex(t, id, arg, ret);
    if (id <= NATIVE_STR_REPEAT)
        return native_text(t, id, arg, ret);
    if (id <= NATIVE_INT_DIV)
        return native_math(t, id, arg, ret);
    if (id <= NATIVE_LIST_PICK)
        return native_list(t, id, arg, ret);
    if (id <= NATIVE_MAP_REMOVE)
        return native_map(t, id, arg, ret);
    if (id <= NATIVE_JSON_MERGE)
        return native_json(t, id, arg, ret);
    if (id <= NATIVE_TEXT_DISTANCE)
        return native_text(t, id, arg, ret);
    if (id <= NATIVE_MATH_POW)
        return native_math(t, id, arg, ret);
    return native_io(t, id, arg, ret);
}
