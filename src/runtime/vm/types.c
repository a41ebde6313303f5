/* types.c - does a value belong to a type, and what is it as a value of that type?
 *
 * One walk serves checks on arrival, JSON from a host, answers of a mock and parsed text: STRICT
 * takes values as they are, JSON also builds structs from maps, enums from texts and tuples from
 * lists.  A default inside a struct is a function of the program; when it has not run yet the
 * walk says so (ST_PENDING) and the operation is entered again behind it. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

struct walk {
    struct image      *im;
    enum type_how      how;
    struct type_fault *fault;
    struct slice       text;        /* of the whole value, where it was read as JSON of a schema */
};

static enum status accept(struct walk *w, uint32_t rtype, struct value v, struct value *ret);

static enum status no(struct walk *w, const struct rtype *t, struct value v)
{
    struct str text = { 0 };
    if (v.tag == VAL_STR)
        jsonio_quote(slice_sub(value_text(v), 0, 40), &text);
    else if (v.tag <= VAL_ENUM)
        value_format(v, &text);
    else
        str_addf(&text, "a %s", value_tag_name(v.tag));
    snprintf(w->fault->text, sizeof w->fault->text, "%.80s is not of type %.*s",
             text.ptr ? text.ptr : "it", (int)(t->name.len < 60 ? t->name.len : 60), t->name.ptr);
    str_free(&text);
    return ST_INVALID;
}

static enum status yes(struct value v, struct value *ret)
{
    *ret = value_ref(v);
    return ST_OK;
}

static bool length_fits(const struct rtype *t, uint64_t n)
{
    if (!t->refined)
        return true;
    return n >= (uint64_t)(t->lo > 0 ? t->lo : 0) && (t->hi < 0 || n <= (uint64_t)t->hi);
}

static enum status accept_int(struct walk *w, const struct rtype *t, struct value v,
                              struct value *ret)
{
    if (v.tag != VAL_INT || (t->refined && (v.i < t->lo || v.i > t->hi)))
        return no(w, t, v);
    return yes(v, ret);
}

/* `decimals` is a spelling: a value belongs if it can be written with that many digits. */
static bool fits_decimals(double f, int32_t decimals)
{
    if (decimals < 0)
        return true;
    double scaled = f * pow(10, decimals);
    return fabs(scaled - round(scaled)) <= 1e-6 * fmax(1, fabs(scaled));
}

static enum status accept_float(struct walk *w, const struct rtype *t, struct value v,
                                struct value *ret)
{
    double f = v.tag == VAL_INT ? (double)v.i : v.f;
    if (v.tag != VAL_INT && v.tag != VAL_FLOAT)
        return no(w, t, v);
    if (t->refined && (f < t->flo || f > t->fhi || !fits_decimals(f, t->decimals)))
        return no(w, t, v);
    *ret = value_float(f);
    return ST_OK;
}

static enum status accept_str(struct walk *w, const struct rtype *t, struct value v,
                              struct value *ret)
{
    if (v.tag == VAL_ENUM && w->how == TYPE_JSON) {
        struct value text;
        enum status st = value_str(value_text(v), &text);
        if (st != ST_OK)
            return st;
        st = accept_str(w, t, text, ret);
        value_unref(text);
        return st;
    }
    if (v.tag != VAL_STR || (t->refined && !length_fits(t, value_str_count(v))))
        return no(w, t, v);
    if ((t->flags & SHAPE_NO_LINES) && memchr(value_text(v).ptr, '\n', value_text(v).len))
        return no(w, t, v);
    return yes(v, ret);
}

static enum status accept_regex(struct walk *w, uint32_t rtype, const struct rtype *t,
                                struct value v, struct value *ret)
{
    struct error err = { 0 };
    if (v.tag != VAL_STR)
        return no(w, t, v);
    struct value *re = &w->im->re[rtype];
    if (re->tag == VAL_NULL) {
        enum status st = value_regex(t->text, t->flags, re);
        if (st != ST_OK)
            return st;
    }
    enum status st = regex_match(*re, value_text(v), 0, true, NULL, 0, NULL, &err);
    return st == ST_OK ? yes(v, ret) : st == ST_NOMEM ? st : no(w, t, v);
}

static enum status accept_literal(struct walk *w, const struct rtype *t, struct value v,
                                  struct value *ret)
{
    struct value lit;
    enum status st = image_konst(w->im, t->konst, &lit);
    if (st != ST_OK)
        return st;
    if (value_eq(lit, v)) {
        *ret = lit;
        return ST_OK;
    }
    value_unref(lit);
    return no(w, t, v);
}

static enum status accept_enum(struct walk *w, uint32_t rtype, const struct rtype *t,
                               struct value v, struct value *ret)
{
    struct vtype *type = w->im->vtype[rtype];
    if (v.tag == VAL_ENUM && vtype_eq(value_vtype(v), type)) {
        *ret = value_enum(type, v.aux);
        return ST_OK;
    }
    for (uint32_t i = 0; v.tag == VAL_STR && i < type->n; i++) {
        if (slice_eq(type->key[i], value_text(v))) {
            *ret = value_enum(type, i);
            return ST_OK;
        }
    }
    return no(w, t, v);
}

static enum status accept_list(struct walk *w, const struct rtype *t, struct value v,
                               struct value *ret)
{
    if ((v.tag != VAL_LIST && v.tag != VAL_RANGE && !(v.tag == VAL_TUPLE && w->how == TYPE_JSON)) ||
        !length_fits(t, value_len(v)))
        return no(w, t, v);
    if (value_len(v) > VALUE_MAX_ITEMS)
        return ST_LIMIT;
    enum status st = value_list(value_len(v), ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        struct value x = v.tag == VAL_RANGE
            ? value_int(((const struct obj_range *)v.obj)->lo + i) : value_at(v, i);
        struct value y;
        st = accept(w, t->elem[0], x, &y);
        if (st == ST_OK)
            st = value_list_push_take(ret, y);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status accept_map(struct walk *w, const struct rtype *t, struct value v,
                              struct value *ret)
{
    if (v.tag != VAL_MAP || !length_fits(t, value_len(v)))
        return no(w, t, v);
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(v, i);
        struct value key, x;
        st = accept(w, t->elem[0], e->key, &key);
        if (st == ST_INVALID && w->how == TYPE_JSON && e->key.tag == VAL_STR)
            st = type_read(w->im, t->elem[0], value_text(e->key), &key, w->fault);
        if (st == ST_OK) {
            st = accept(w, t->elem[1], e->val, &x);
            if (st == ST_OK)
                st = value_map_put_take(ret, key, x);
            else
                value_unref(key);
        }
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status accept_tuple(struct walk *w, const struct rtype *t, struct value v,
                                struct value *ret)
{
    if ((v.tag != VAL_TUPLE && !(v.tag == VAL_LIST && w->how == TYPE_JSON)) ||
        value_len(v) != t->n)
        return no(w, t, v);
    struct value *item = mem_calloc(t->n + 1u, sizeof *item);
    enum status st = item ? ST_OK : ST_NOMEM;
    uint32_t done = 0;
    for (; st == ST_OK && done < t->n; done++) {
        st = accept(w, t->elem[done], value_at(v, done), &item[done]);
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK)
        st = value_tuple_take(item, t->n, ret);
    else
        for (uint32_t i = 0; i < done; i++)
            value_unref(item[i]);
    mem_free(item);
    return st;
}

/* A field that is missing: its default, or null where that belongs to its type. */
static enum status missing_field(struct walk *w, const struct rtype *t, uint32_t i,
                                 struct value *ret)
{
    const struct rfield *f = &t->field[i];
    if (f->fallback != BC_NO_INDEX) {
        if (!w->im->has_fallback[f->fallback]) {
            w->fault->need = f->fallback;
            return ST_PENDING;
        }
        *ret = value_ref(w->im->fallback[f->fallback]);
        return ST_OK;
    }
    if (w->im->module->rtype[f->rtype].kind == RT_OPTIONAL) {
        *ret = value_null();
        return ST_OK;
    }
    snprintf(w->fault->text, sizeof w->fault->text, "field `%.*s` is missing", (int)f->name.len,
             f->name.ptr);
    return ST_INVALID;
}

static enum status struct_field(struct walk *w, const struct rtype *t, struct value v, uint32_t i,
                                struct value *ret)
{
    struct value x;
    if (v.tag == VAL_MAP) {
        if (!value_map_find(v, t->field[i].key, &x) && !value_map_find(v, t->field[i].name, &x))
            return missing_field(w, t, i, ret);
    } else {
        x = value_field(v, i);
    }
    return accept(w, t->field[i].rtype, x, ret);
}

static enum status accept_struct(struct walk *w, uint32_t rtype, const struct rtype *t,
                                 struct value v, struct value *ret)
{
    struct vtype *type = w->im->vtype[rtype];
    bool same = v.tag == VAL_STRUCT && vtype_eq(value_vtype(v), type);
    if (!same && !(v.tag == VAL_MAP && w->how == TYPE_JSON))
        return no(w, t, v);
    if (v.tag == VAL_MAP) {
        for (uint32_t i = 0; i < value_len(v); i++) {
            struct slice key = value_text(value_map_entry(v, i)->key);
            bool known = false;
            for (uint32_t k = 0; k < t->n_field && !known; k++)
                known = slice_eq(key, t->field[k].key) || slice_eq(key, t->field[k].name);
            if (!known) {
                snprintf(w->fault->text, sizeof w->fault->text, "there is no field `%.*s`",
                         (int)(key.len < 60 ? key.len : 60), key.ptr);
                return ST_INVALID;
            }
        }
    }
    struct value *field = mem_calloc(t->n_field + 1u, sizeof *field);
    enum status st = field ? ST_OK : ST_NOMEM;
    uint32_t done = 0;
    for (; st == ST_OK && done < t->n_field; done++) {
        st = struct_field(w, t, v, done, &field[done]);
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK)
        st = value_struct_take(type, field, ret);
    else
        for (uint32_t i = 0; i < done; i++)
            value_unref(field[i]);
    mem_free(field);
    return st;
}

static enum status accept_union(struct walk *w, const struct rtype *t, struct value v,
                                struct value *ret)
{
    struct walk strict = *w;
    strict.how = TYPE_STRICT;
    for (uint32_t i = 0; i < t->n; i++) {
        enum status st = accept(&strict, t->elem[i], v, ret);
        if (st != ST_INVALID)
            return st;
    }
    for (uint32_t i = 0; i < t->n && w->how == TYPE_JSON; i++) {
        enum status st = accept(w, t->elem[i], v, ret);
        if (st != ST_INVALID)
            return st;
    }
    return no(w, t, v);
}

static const struct slice call_names[] = { { "name", 4 }, { "args", 4 }, { "_tool", 5 } };
static const struct slice call_keys[] = { { "name", 4 }, { "arguments", 9 }, { "_tool", 5 } };

static enum status accept_call(struct walk *w, const struct rtype *t, struct value v,
                               struct value *ret)
{
    struct value name, args;
    bool built = v.tag == VAL_CALL;
    if (built) {
        name = value_field(v, 0);
        args = value_field(v, 1);
    } else if (v.tag != VAL_MAP || w->how != TYPE_JSON ||
               !value_map_find(v, SLICE("name"), &name) ||
               !value_map_find(v, SLICE("arguments"), &args)) {
        return no(w, t, v);
    }
    for (uint32_t i = 0; i < t->n_tool; i++) {
        const struct rtool *tool = &t->tool[i];
        struct value id = built ? value_field(v, 2) : value_null();
        if (built && id.i == (id.aux ? tool->ext : tool->func))
            return yes(v, ret);
        if (built || !slice_eq(tool->name, value_text(name)))
            continue;
        struct vtype *type;
        struct value field[3] = { value_ref(name), value_null(), value_null() };
        enum status st = accept(w, tool->args, args, &field[1]);
        if (st == ST_OK)
            st = vtype_new(SLICE("call"), 3, call_names, call_keys, &type);
        if (st != ST_OK) {
            value_unref(field[0]);
            value_unref(field[1]);
            return st;
        }
        field[2] = tool->func != BC_NO_INDEX ? value_tool(false, tool->func)
                                             : value_tool(true, tool->ext);
        st = value_record_take(VAL_CALL, type, field, ret);
        vtype_unref(type);
        return st;
    }
    return no(w, t, v);
}

static enum status accept_tag(struct walk *w, const struct rtype *t, struct value v,
                              enum value_tag tag, struct value *ret)
{
    return v.tag == tag ? yes(v, ret) : no(w, t, v);
}

static enum status accept_json(struct walk *w, const struct rtype *t, struct value v,
                               struct value *ret)
{
    enum status st = json_like(v, ret);
    return st == ST_UNSUPPORTED ? no(w, t, v) : st;
}

static enum status schema_says(struct walk *w, uint32_t rtype, const struct rtype *t, struct value v,
                               bool *ret_valid)
{
    struct schema_checker **c = &w->im->schema[rtype];
    struct error err = { 0 };
    struct str json = { 0 };
    enum status st = *c ? ST_OK : schema_checker_new(t->text, c, &err);
    if (st == ST_OK && w->text.ptr) {       /* its numbers have more digits than a float */
        st = schema_checker_valid(*c, w->text, ret_valid, &err);
    } else if (st == ST_OK) {
        value_json(v, JSONIO_COMPACT, &json);
        st = json.failed ? ST_NOMEM : schema_checker_valid(*c, str_slice(&json), ret_valid, &err);
    }
    str_free(&json);
    return st;
}

/* What cannot be decided here was decoded, and holds; not so what decoding left out. */
static enum status accept_schema(struct walk *w, uint32_t rtype, const struct rtype *t, struct value v,
                                 struct value *ret)
{
    bool valid = true;
    enum status st = accept_json(w, t, v, ret);
    if (st != ST_OK)
        return st;
    st = schema_says(w, rtype, t, *ret, &valid);
    if (st != ST_OK && st != ST_NOMEM)
        valid = !(t->flags & SHAPE_RESIDUE);
    if (st != ST_NOMEM && valid)
        return ST_OK;
    if (st != ST_NOMEM) {
        struct str json = { 0 };
        value_json(*ret, JSONIO_SPACED, &json);
        snprintf(w->fault->text, sizeof w->fault->text, "%.120s is not valid for its schema",
                 json.ptr ? json.ptr : "it");
        w->fault->schema = true;
        str_free(&json);
        st = ST_INVALID;
    }
    value_unref(*ret);
    return st;
}

static enum status accept(struct walk *w, uint32_t rtype, struct value v, struct value *ret)
{
    const struct rtype *t = &w->im->module->rtype[rtype];
    switch (t->kind) {
    case RT_ANY:
    case RT_NEVER:
        return yes(v, ret);
    case RT_NULL:
        return accept_tag(w, t, v, VAL_NULL, ret);
    case RT_BOOL:
        return accept_tag(w, t, v, VAL_BOOL, ret);
    case RT_INT:
        return accept_int(w, t, v, ret);
    case RT_FLOAT:
        return accept_float(w, t, v, ret);
    case RT_STR:
        return accept_str(w, t, v, ret);
    case RT_PATH:
    case RT_GRAMMAR:
        return accept_tag(w, t, v, VAL_STR, ret);
    case RT_REGEX_STR:
        return accept_regex(w, rtype, t, v, ret);
    case RT_LITERAL:
        return accept_literal(w, t, v, ret);
    case RT_DURATION:
        return accept_tag(w, t, v, VAL_DURATION, ret);
    case RT_REGEX:
        return accept_tag(w, t, v, VAL_REGEX, ret);
    case RT_BYTES:
        return accept_tag(w, t, v, VAL_BYTES, ret);
    case RT_RANGE:
        return accept_tag(w, t, v, VAL_RANGE, ret);
    case RT_LIST:
        return accept_list(w, t, v, ret);
    case RT_MAP:
        return accept_map(w, t, v, ret);
    case RT_TUPLE:
        return accept_tuple(w, t, v, ret);
    case RT_STRUCT:
        return accept_struct(w, rtype, t, v, ret);
    case RT_ENUM:
        return accept_enum(w, rtype, t, v, ret);
    case RT_UNION:
        return accept_union(w, t, v, ret);
    case RT_OPTIONAL:
        return v.tag == VAL_NULL ? yes(v, ret) : accept(w, t->elem[0], v, ret);
    case RT_CALL:
        return accept_call(w, t, v, ret);
    case RT_TOOL:
        return accept_tag(w, t, v, VAL_TOOL, ret);
    case RT_JSON:
        return accept_json(w, t, v, ret);
    case RT_SCHEMA:
        return accept_schema(w, rtype, t, v, ret);
    case RT_CONTEXT:
        return accept_tag(w, t, v, VAL_CONTEXT, ret);
    case RT_MARK:
        return accept_tag(w, t, v, VAL_MARK, ret);
    case RT_FN:
        return accept_tag(w, t, v, VAL_FN, ret);
    case RT_BRANCHES:
        return accept_tag(w, t, v, VAL_BRANCHES, ret);
    case RT_ERROR:
        return accept_tag(w, t, v, VAL_ERROR, ret);
    case RT_TOKEN:
        return accept_tag(w, t, v, VAL_TOKEN, ret);
    case RT_MATCH:
        return accept_tag(w, t, v, VAL_MATCH, ret);
    case RT_META:
        return accept_tag(w, t, v, VAL_META, ret);
    }
    return no(w, t, v);
}

enum status type_accept(struct image *im, uint32_t rtype, struct value v, enum type_how how,
                        struct value *ret, struct type_fault *fault)
{
    *fault = (struct type_fault){ .need = BC_NO_INDEX };
    struct walk w = { .im = im, .how = how, .fault = fault };
    return accept(&w, rtype, v, ret);
}

enum status type_accept_read(struct image *im, uint32_t rtype, struct value v, struct slice text,
                             struct value *ret, struct type_fault *fault)
{
    *fault = (struct type_fault){ .need = BC_NO_INDEX };
    struct walk w = { .im = im, .how = TYPE_JSON, .fault = fault };
    if (im->module->rtype[rtype].kind == RT_SCHEMA)
        w.text = text;
    return accept(&w, rtype, v, ret);
}

bool type_is(struct image *im, uint32_t rtype, struct value v)
{
    struct type_fault fault;
    struct value x;
    const struct rtype *t = &im->module->rtype[rtype];
    if ((t->kind == RT_INT && v.tag != VAL_INT) || (t->kind == RT_FLOAT && v.tag != VAL_FLOAT))
        return false;
    bool enum_text = v.tag == VAL_STR && t->kind == RT_ENUM;    /* a text is no enum */
    if (enum_text || type_accept(im, rtype, v, TYPE_STRICT, &x, &fault) != ST_OK)
        return false;
    value_unref(x);
    return true;
}

enum step type_fault_step(struct task *t, struct image *im, enum status st,
                          const struct type_fault *fault, const char *code)
{
    if (st == ST_PENDING)
        return call_func(t, im, fault->need, NULL, 0, THEN_FALLBACK, fault->need);
    if (st != ST_INVALID)
        return task_fail_status(t, st);
    return task_fail(t, code, "%s", fault->text);
}

/* ---- forms and options ---- */

static bool has_str_arm(const struct module *m, const struct rtype *t)
{
    for (uint32_t i = 0; i < t->n; i++) {
        enum rtype_kind k = m->rtype[t->elem[i]].kind;
        if (k == RT_STR)
            return true;
    }
    return false;
}

/* Bare or JSON (LANGUAGE.md 4.2); nesting of types is bounded by the compiler. */
bool type_is_bare(const struct module *m, uint32_t rtype)
{
    const struct rtype *t = &m->rtype[rtype];
    switch (t->kind) {
    case RT_STR: case RT_REGEX_STR: case RT_GRAMMAR: case RT_INT: case RT_FLOAT: case RT_BOOL:
    case RT_LITERAL: case RT_ENUM: case RT_NULL:
        return true;
    case RT_UNION:
    case RT_OPTIONAL:
        if (has_str_arm(m, t))
            return false;
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_is_bare(m, t->elem[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static enum status add_options(struct image *im, uint32_t rtype, struct value *list)
{
    const struct rtype *t = &im->module->rtype[rtype];
    enum status st = ST_OK;
    struct value v;
    switch (t->kind) {
    case RT_BOOL:
        st = value_list_push_take(list, value_bool(true));
        return st == ST_OK ? value_list_push_take(list, value_bool(false)) : st;
    case RT_NULL:
        return value_list_push_take(list, value_null());
    case RT_LITERAL:
        st = image_konst(im, t->konst, &v);
        return st == ST_OK ? value_list_push_take(list, v) : st;
    case RT_ENUM:
        for (uint32_t i = 0; i < t->n_variant && st == ST_OK; i++)
            st = value_list_push_take(list, value_enum(im->vtype[rtype], i));
        return st;
    case RT_UNION:
        for (uint32_t i = 0; i < t->n && st == ST_OK; i++)
            st = add_options(im, t->elem[i], list);
        return st;
    case RT_OPTIONAL:
        st = add_options(im, t->elem[0], list);
        return st == ST_OK ? value_list_push_take(list, value_null()) : st;
    default:
        return ST_INVALID;
    }
}

enum status type_options(struct image *im, uint32_t rtype, struct value *ret)
{
    enum status st = value_list(0, ret);
    if (st != ST_OK)
        return st;
    st = add_options(im, rtype, ret);
    if (st != ST_OK)
        value_unref(*ret);
    return st;
}

/* ---- json(x) ---- */

static enum status items_like(struct value v, struct value *ret)
{
    enum status st = value_list(value_len(v), ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        struct value x = v.tag == VAL_RANGE
            ? value_int(((const struct obj_range *)v.obj)->lo + i) : value_at(v, i), y;
        st = json_like(x, &y);
        if (st == ST_OK)
            st = value_list_push_take(ret, y);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status pair_like(struct value *map, struct slice key, struct value v)
{
    struct value k, x;
    enum status st = value_str(key, &k);
    if (st != ST_OK)
        return st;
    st = json_like(v, &x);
    if (st == ST_OK)
        return value_map_put_take(map, k, x);
    value_unref(k);
    return st;
}

static enum status object_like(struct value v, struct value *ret)
{
    enum status st = value_map(ret);
    bool map = v.tag == VAL_MAP;
    uint32_t n = map ? value_len(v) : v.tag == VAL_CALL ? 2 : value_vtype(v)->n;
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        if (map) {
            struct str key = { 0 };
            const struct map_entry *e = value_map_entry(v, i);
            if (!value_format(e->key, &key))
                st = ST_UNSUPPORTED;
            else
                st = pair_like(ret, str_slice(&key), e->val);
            str_free(&key);
        } else {
            st = pair_like(ret, value_vtype(v)->key[i], value_field(v, i));
        }
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static bool is_json(struct value v)
{
    if (v.tag <= VAL_FLOAT || v.tag == VAL_STR)
        return true;
    if (v.tag == VAL_LIST) {
        for (uint32_t i = 0; i < value_len(v); i++)
            if (!is_json(value_at(v, i)))
                return false;
        return true;
    }
    if (v.tag != VAL_MAP)
        return false;
    for (uint32_t i = 0; i < value_len(v); i++) {
        const struct map_entry *e = value_map_entry(v, i);
        if (e->key.tag != VAL_STR || !is_json(e->val))
            return false;
    }
    return true;
}

/* The same data as null, bool, int, float, str, list and map only. */
enum status json_like(struct value v, struct value *ret)
{
    if (is_json(v)) {
        *ret = value_ref(v);
        return ST_OK;
    }
    switch ((enum value_tag)v.tag) {
    case VAL_ENUM:
        return value_str(value_text(v), ret);
    case VAL_DURATION: {
        struct str text = { 0 };
        value_format_duration(v.i, &text);
        enum status st = value_str(str_slice(&text), ret);
        str_free(&text);
        return st;
    }
    case VAL_LIST: case VAL_TUPLE: case VAL_RANGE:
        return items_like(v, ret);
    case VAL_MAP: case VAL_STRUCT: case VAL_CALL: case VAL_MATCH: case VAL_META:
        return object_like(v, ret);
    case VAL_REGEX: case VAL_TOKEN:
        return value_str(value_text(v), ret);
    default:
        return ST_UNSUPPORTED;
    }
}
