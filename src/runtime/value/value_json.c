/* value_json.c - text form, JSON out and in, and copies that share nothing.
 *
 * The text form of a container is its JSON on one line (LANGUAGE.md 3.4), so one writer serves
 * both; only the outermost str, enum or duration is written bare. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/value/value_int.h"

void value_format_float(double f, struct str *out)
{
    char buf[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, f);
        if (strtod(buf, NULL) == f)
            break;
    }
    /* The shortest digits in plain notation where that is no longer than people write. */
    double mag = fabs(f);
    if (strchr(buf, 'e') && mag >= 1e-5 && mag < 1e16) {
        char plain[64];
        for (int dec = 0; dec <= 22; dec++) {
            snprintf(plain, sizeof plain, "%.*f", dec, f);
            if (strtod(plain, NULL) == f)
                break;
        }
        snprintf(buf, sizeof buf, "%.39s", plain);
    }
    str_adds(out, buf);
    if (!strpbrk(buf, ".en"))
        str_adds(out, ".0");
}

void value_format_duration(int64_t ms, struct str *out)
{
    if (ms % 1000 == 0)
        str_addf(out, "%llds", (long long)(ms / 1000));
    else
        str_addf(out, "%lldms", (long long)ms);
}

struct json_out {
    struct str       *out;
    enum jsonio_style style;
    uint32_t          level;
};

static bool put_value(struct json_out *w, struct value v);

static void put_break(struct json_out *w)
{
    str_addc(w->out, '\n');
    for (uint32_t i = 0; i < w->level; i++)
        str_adds(w->out, "  ");
}

static void put_open(struct json_out *w, char c, bool filled)
{
    str_addc(w->out, c);
    w->level++;
    if (filled && w->style == JSONIO_PRETTY)
        put_break(w);
}

static void put_close(struct json_out *w, char c, bool filled)
{
    w->level--;
    if (filled && w->style == JSONIO_PRETTY)
        put_break(w);
    str_addc(w->out, c);
}

static void put_comma(struct json_out *w)
{
    str_adds(w->out, w->style == JSONIO_SPACED ? ", " : ",");
    if (w->style == JSONIO_PRETTY)
        put_break(w);
}

static void put_key(struct json_out *w, struct slice key)
{
    jsonio_quote(key, w->out);
    str_adds(w->out, w->style == JSONIO_COMPACT ? ":" : ": ");
}

static bool put_items(struct json_out *w, struct value v)
{
    uint32_t n = value_len(v);
    put_open(w, '[', n > 0);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            put_comma(w);
        struct value x = v.tag == VAL_RANGE
            ? value_int(((const struct obj_range *)v.obj)->lo + i) : value_at(v, i);
        if (!put_value(w, x))
            return false;
    }
    put_close(w, ']', n > 0);
    return true;
}

static bool put_map(struct json_out *w, struct value v)
{
    uint32_t n = value_len(v);
    put_open(w, '{', n > 0);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            put_comma(w);
        const struct map_entry *e = value_map_entry(v, i);
        struct str key = { 0 };
        bool ok = value_format(e->key, &key);
        if (ok)
            put_key(w, str_slice(&key));
        str_free(&key);
        if (!ok || !put_value(w, e->val))
            return false;
    }
    put_close(w, '}', n > 0);
    return true;
}

static bool put_record(struct json_out *w, struct value v)
{
    const struct obj_struct *s = (const struct obj_struct *)v.obj;
    uint32_t n = v.tag == VAL_CALL ? 2 : s->n;  /* a call shows name and arguments, not its tool */
    put_open(w, '{', n > 0);
    for (uint32_t i = 0; i < n; i++) {
        if (i)
            put_comma(w);
        put_key(w, s->type->key[i]);
        if (!put_value(w, s->field[i]))
            return false;
    }
    put_close(w, '}', n > 0);
    return true;
}

static bool put_value(struct json_out *w, struct value v)
{
    switch ((enum value_tag)v.tag) {
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
        return value_format(v, w->out);
    case VAL_STR:
    case VAL_ENUM:
    case VAL_REGEX:
    case VAL_TOKEN:
        jsonio_quote(value_text(v), w->out);
        return true;
    case VAL_DURATION: {
        str_addc(w->out, '"');
        value_format_duration(v.i, w->out);
        str_addc(w->out, '"');
        return true;
    }
    case VAL_LIST:
    case VAL_TUPLE:
    case VAL_RANGE:
        return put_items(w, v);
    case VAL_MAP:
        return put_map(w, v);
    case VAL_STRUCT:
    case VAL_CALL:
    case VAL_ERROR:
    case VAL_MATCH:
    case VAL_META:
        return put_record(w, v);
    default:
        return false;
    }
}

bool value_json(struct value v, enum jsonio_style style, struct str *out)
{
    struct json_out w = { .out = out, .style = style };
    return put_value(&w, v);
}

bool value_format(struct value v, struct str *out)
{
    switch ((enum value_tag)v.tag) {
    case VAL_NULL:
        str_adds(out, "null");
        return true;
    case VAL_BOOL:
        str_adds(out, v.b ? "true" : "false");
        return true;
    case VAL_INT:
        str_addf(out, "%lld", (long long)v.i);
        return true;
    case VAL_FLOAT:
        value_format_float(v.f, out);
        return true;
    case VAL_DURATION:
        value_format_duration(v.i, out);
        return true;
    case VAL_STR:
    case VAL_ENUM:
    case VAL_REGEX:
    case VAL_TOKEN:
        str_add_slice(out, value_text(v));
        return true;
    case VAL_ERROR: {
        struct value text;
        if (value_field_find(v, SLICE("message"), &text))
            str_add_slice(out, value_text(text));
        return true;
    }
    default:
        return value_json(v, JSONIO_SPACED, out);
    }
}

/* ---- JSON in ---- */

static enum status from_json(const json_t *json, struct value *ret);

static enum status array_in(const json_t *json, struct value *ret)
{
    enum status st = value_list((uint32_t)json_array_size(json), ret);
    for (size_t i = 0; i < json_array_size(json) && st == ST_OK; i++) {
        struct value x;
        st = from_json(json_array_get(json, i), &x);
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status object_in(const json_t *json, struct value *ret)
{
    enum status st = value_map(ret);
    if (st != ST_OK)
        return st;
    const char *key;
    json_t *item;
    json_object_foreach((json_t *)json, key, item) {
        struct value k, x;
        st = value_str(slice_of(key), &k);
        if (st == ST_OK) {
            st = from_json(item, &x);
            if (st == ST_OK)
                st = value_map_put_take(ret, k, x);
            else
                value_unref(k);
        }
        if (st != ST_OK) {
            value_unref(*ret);
            return st;
        }
    }
    return ST_OK;
}

static enum status from_json(const json_t *json, struct value *ret)
{
    switch (json_typeof(json)) {
    case JSON_NULL:
        *ret = value_null();
        return ST_OK;
    case JSON_TRUE:
    case JSON_FALSE:
        *ret = value_bool(json_is_true(json));
        return ST_OK;
    case JSON_INTEGER:
        *ret = value_int(json_integer_value(json));
        return ST_OK;
    case JSON_REAL:
        *ret = value_float(json_real_value(json));
        return ST_OK;
    case JSON_STRING:
        return value_str((struct slice){ json_string_value(json), json_string_length(json) }, ret);
    case JSON_ARRAY:
        return array_in(json, ret);
    case JSON_OBJECT:
        return object_in(json, ret);
    }
    return ST_INVALID;
}

enum status value_from_json(const json_t *json, struct value *ret, struct error *err)
{
    enum status st = from_json(json, ret);
    if (st == ST_LIMIT)
        return error_set(err, st, "JSON nested deeper or longer than values can be");
    return st == ST_OK ? st : error_nomem(err);
}

enum status value_parse_json(struct slice text, struct value *ret, struct error *err)
{
    struct jsonio_limits limits = { .max_depth = VALUE_MAX_DEPTH, .wide_numbers = true };
    json_t *json = NULL;
    enum status st = jsonio_load(text, &limits, &json, err);
    if (st != ST_OK)
        return st;
    st = value_from_json(json, ret, err);
    json_decref(json);
    return st;
}

/* ---- copies ---- */

static enum status detach_items(struct value v, struct value *ret)
{
    uint32_t n = value_len(v);
    enum status st = value_list(n, ret);
    for (uint32_t i = 0; i < n && st == ST_OK; i++) {
        struct value x;
        st = value_detach(value_at(v, i), &x);
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
        if (st != ST_OK)
            value_unref(*ret);
    }
    if (st == ST_OK) {
        ret->tag = v.tag;
        ret->obj->tag = (uint16_t)v.tag;
    }
    return st;
}

static enum status detach_map(struct value v, struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < value_len(v) && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(v, i);
        struct value k = value_null(), x = value_null();
        st = value_detach(e->key, &k);
        if (st == ST_OK)
            st = value_detach(e->val, &x);
        if (st == ST_OK)
            st = value_map_put_take(ret, k, x);
        else
            value_unref(k);
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status detach_vtype(const struct vtype *t, struct vtype **ret)
{
    return vtype_new(t->name, t->n, t->field, t->key, ret);
}

static enum status detach_record(struct value v, struct value *ret)
{
    const struct obj_struct *s = (const struct obj_struct *)v.obj;
    struct vtype *type = NULL;
    enum status st = detach_vtype(s->type, &type);
    if (st != ST_OK)
        return st;
    struct value *field = mem_calloc(s->n + 1u, sizeof *field);
    if (!field)
        st = ST_NOMEM;
    uint32_t done = 0;
    for (; st == ST_OK && done < s->n; done++) {
        st = value_detach(s->field[done], &field[done]);
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK) {
        st = value_record_take(v.tag, type, field, ret);
    } else {
        for (uint32_t i = 0; i < done; i++)
            value_unref(field[i]);
    }
    mem_free(field);
    vtype_unref(type);
    return st;
}

enum status value_detach(struct value v, struct value *ret)
{
    switch ((enum value_tag)v.tag) {
    case VAL_NULL:
    case VAL_BOOL:
    case VAL_INT:
    case VAL_FLOAT:
    case VAL_DURATION:
    case VAL_TOOL:
        *ret = v;
        return ST_OK;
    case VAL_STR:
        return value_str(value_text(v), ret);
    case VAL_BYTES:
        return value_bytes(value_text(v), ret);
    case VAL_REGEX:
        return value_regex(value_text(v), ((const struct obj_regex *)v.obj)->flags, ret);
    case VAL_RANGE: {
        const struct obj_range *r = (const struct obj_range *)v.obj;
        return value_range(r->lo, r->hi, ret);
    }
    case VAL_ENUM: {
        struct vtype *t;
        enum status st = detach_vtype((const struct vtype *)v.obj, &t);
        if (st == ST_OK)
            *ret = (struct value){ .tag = VAL_ENUM, .aux = v.aux, .obj = &t->hdr };
        return st;
    }
    case VAL_LIST:
    case VAL_TUPLE:
        return detach_items(v, ret);
    case VAL_MAP:
        return detach_map(v, ret);
    case VAL_STRUCT:
    case VAL_CALL:
    case VAL_ERROR:
    case VAL_MATCH:
    case VAL_META:
    case VAL_TOKEN:
        return detach_record(v, ret);
    default:
        return ST_UNSUPPORTED;
    }
}
