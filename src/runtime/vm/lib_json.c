/* lib_json.c - natives over JSON values: parse, text, pointer, merge. */
#include "runtime/vm/vm_int.h"

#include <stdlib.h>
#include <string.h>

static enum step parse(struct task *t, struct value v, struct value *ret)
{
    struct error err = { 0 };
    enum status st = value_parse_json(value_text(v), ret, &err);
    if (st == ST_OK || st == ST_NOMEM)
        return step_of(t, st);
    return task_fail(t, "R0206", "%s", err.text);
}

static enum step text(struct task *t, struct value v, struct value style, struct value *ret)
{
    struct slice s = value_text(style);
    enum jsonio_style how = slice_is(s, "compact") ? JSONIO_COMPACT
        : slice_is(s, "pretty") ? JSONIO_PRETTY : JSONIO_SPACED;
    struct str out = { 0 };
    bool ok = value_json(v, how, &out);
    enum status st = out.failed ? ST_NOMEM : ok ? value_str(str_slice(&out), ret) : ST_INVALID;
    str_free(&out);
    return st == ST_INVALID ? task_fail(t, "R0205", "a %s has no JSON form", value_tag_name(v.tag))
                            : step_of(t, st);
}

/* One step of a JSON pointer: ~0 is ~ and ~1 is /. */
static void unescape(struct slice part, struct str *out)
{
    for (size_t i = 0; i < part.len; i++) {
        bool esc = part.ptr[i] == '~' && i + 1 < part.len;
        if (!esc)
            str_addc(out, part.ptr[i]);
        else
            str_addc(out, part.ptr[++i] == '1' ? '/' : '~');
    }
}

static bool step_into(struct value v, struct slice part, struct value *ret)
{
    if (v.tag == VAL_MAP)
        return value_map_find(v, part, ret);
    if (v.tag == VAL_STRUCT)
        return value_field_find(v, part, ret);
    if (v.tag != VAL_LIST || !part.len || part.len > 9)
        return false;
    char buf[16] = { 0 }, *end;
    memcpy(buf, part.ptr, part.len);
    unsigned long at = strtoul(buf, &end, 10);
    if (*end || at >= value_len(v))
        return false;
    *ret = value_at(v, (uint32_t)at);
    return true;
}

static enum step get(struct task *t, struct value v, struct slice pointer, struct value *ret)
{
    if (pointer.len && pointer.ptr[0] != '/')
        return task_fail(t, "R0404", "a JSON pointer begins with /");
    while (pointer.len) {
        pointer = slice_sub(pointer, 1, pointer.len);
        size_t end = slice_find(pointer, SLICE("/"));
        struct str part = { 0 };
        unescape(end == SIZE_MAX ? pointer : slice_sub(pointer, 0, end), &part);
        struct value next = value_null();
        bool found = step_into(v, str_slice(&part), &next);
        str_free(&part);
        if (!found) {
            *ret = value_null();
            return STEP_NEXT;
        }
        v = next;
        pointer = end == SIZE_MAX ? SLICE("") : slice_sub(pointer, end, pointer.len);
    }
    *ret = value_ref(v);
    return STEP_NEXT;
}

/* Values nest at most VALUE_MAX_DEPTH deep, so this may recurse. */
static enum status merge(struct value a, struct value b, struct value *ret)
{
    if (a.tag != VAL_MAP || b.tag != VAL_MAP) {
        *ret = value_ref(b);
        return ST_OK;
    }
    *ret = value_ref(a);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < value_len(b) && st == ST_OK; i++) {
        const struct map_entry *e = value_map_entry(b, i);
        struct value old, x;
        if (value_map_get(a, e->key, &old))
            st = merge(old, e->val, &x);
        else
            x = value_ref(e->val);
        if (st == ST_OK)
            st = value_map_put_take(ret, value_ref(e->key), x);
    }
    if (st != ST_OK)
        value_unref(*ret);
    return st;
}

enum step native_json(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    switch (id) {
    case NATIVE_JSON_PARSE:
        return parse(t, arg[0], ret);
    case NATIVE_JSON_TEXT:
        return text(t, arg[0], arg[1], ret);
    case NATIVE_JSON_GET:
        return get(t, arg[0], value_text(arg[1]), ret);
    default:
        return step_of(t, merge(arg[0], arg[1], ret));
    }
}
