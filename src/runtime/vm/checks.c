/* checks.c - the @check functions of a generated value (LANGUAGE.md 4.1).
 *
 * A walk over the value by its type lists every field that has a check, in the order of the text;
 * then the functions run one after the other, each with its field as argument.  The first that
 * gives false raises Require, as `require` behind the generation would, so an attempt repeats. */
#include "runtime/vm/vm_int.h"

#include <string.h>

enum { STAGE_FIRST, STAGE_CALLED };
enum { TMP_LIST, TMP_RESULT };
enum { ITEM_FUNC, ITEM_VALUE, ITEM_WHY, ITEM_N };

static enum status collect(struct image *im, uint32_t rtype, struct value v, struct value *list,
                           uint32_t depth);

/* The reason that the program gives, or the name of the field. */
static enum status why_of(const struct rfield *f, struct value *ret)
{
    struct str text = { 0 };
    if (f->check_text.len)
        str_add_slice(&text, f->check_text);
    else
        str_addf(&text, "the check of field `%.*s` failed", (int)f->name.len, f->name.ptr);
    enum status st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return st;
}

static enum status add_check(const struct rfield *f, struct value v, struct value *list)
{
    struct value item[ITEM_N] = { value_int(f->check), value_ref(v), value_null() }, tuple;
    enum status st = why_of(f, &item[ITEM_WHY]);
    if (st != ST_OK) {
        value_unref(item[ITEM_VALUE]);
        return st;
    }
    st = value_tuple_take(item, ITEM_N, &tuple);
    return st == ST_OK ? value_list_push_take(list, tuple) : st;
}

static enum status collect_struct(struct image *im, const struct rtype *t, struct value v,
                                  struct value *list, uint32_t depth)
{
    enum status st = ST_OK;
    if (v.tag != VAL_STRUCT || value_vtype(v)->n != t->n_field)
        return ST_OK;
    for (uint32_t i = 0; i < t->n_field && st == ST_OK; i++) {
        const struct rfield *f = &t->field[i];
        struct value x = value_field(v, i);
        st = collect(im, f->rtype, x, list, depth + 1);
        if (st == ST_OK && f->check != BC_NO_INDEX)
            st = add_check(f, x, list);
    }
    return st;
}

static enum status collect_items(struct image *im, const struct rtype *t, struct value v,
                                 struct value *list, uint32_t depth)
{
    enum status st = ST_OK;
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        if (v.tag == VAL_MAP)
            st = collect(im, t->elem[1], value_map_entry(v, i)->val, list, depth + 1);
        else
            st = collect(im, t->elem[v.tag == VAL_TUPLE ? i : 0], value_at(v, i), list, depth + 1);
    }
    return st;
}

static enum status collect(struct image *im, uint32_t rtype, struct value v, struct value *list,
                           uint32_t depth)
{
    const struct rtype *t = &im->module->rtype[rtype];
    if (depth > VALUE_MAX_DEPTH || v.tag == VAL_NULL)
        return ST_OK;
    switch (t->kind) {
    case RT_STRUCT:
        return collect_struct(im, t, v, list, depth);
    case RT_LIST:
        return v.tag == VAL_LIST ? collect_items(im, t, v, list, depth) : ST_OK;
    case RT_MAP:
        return v.tag == VAL_MAP ? collect_items(im, t, v, list, depth) : ST_OK;
    case RT_TUPLE:
        return v.tag == VAL_TUPLE && value_len(v) == t->n ? collect_items(im, t, v, list, depth)
                                                          : ST_OK;
    case RT_OPTIONAL:
        return collect(im, t->elem[0], v, list, depth + 1);
    case RT_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            if (type_is(im, t->elem[i], v))
                return collect(im, t->elem[i], v, list, depth + 1);
        return ST_OK;
    default:
        return ST_OK;
    }
}

/* Entered once to make the list, then once for every function that has returned. */
enum step op_check_fields(struct task *t, struct value v, uint32_t rtype)
{
    struct frame *f = t->top;
    if (f->stage == STAGE_FIRST) {
        enum status st = value_list(0, &f->tmp[TMP_LIST]);
        if (st == ST_OK)
            st = collect(f->image, rtype, v, &f->tmp[TMP_LIST], 0);
        if (st != ST_OK)
            return task_fail_status(t, st);
        f->stage = STAGE_CALLED;
    } else {
        struct value item = value_at(f->tmp[TMP_LIST], f->stage_i++);
        if (f->tmp[TMP_RESULT].tag != VAL_BOOL || !f->tmp[TMP_RESULT].b)
            return task_fail_kind(t, "R0304", SLICE("Require"),
                                  value_text(value_at(item, ITEM_WHY)));
    }
    if (f->stage_i >= value_len(f->tmp[TMP_LIST]))
        return STEP_NEXT;
    struct value item = value_at(f->tmp[TMP_LIST], f->stage_i);
    struct value arg = value_at(item, ITEM_VALUE);
    return call_func(t, f->image, (uint32_t)value_at(item, ITEM_FUNC).i, &arg, 1, THEN_TMP,
                     TMP_RESULT);
}
