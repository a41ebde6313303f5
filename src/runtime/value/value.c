/* value.c - counting, scalars, texts, comparing and hashing of values.
 *
 * Lists live in list.c, maps in map.c, text form and JSON in value_json.c.  Everything that walks
 * into a value recurses, which is safe because constructors refuse to nest beyond
 * VALUE_MAX_DEPTH. */
#include "runtime/value/value_int.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/utf8.h"

static const char *const tag_names[VAL_N] = {
#define X(name, text) [VAL_##name] = text,
    VALUE_TAG_ROWS(X)
#undef X
};

const char *value_tag_name(enum value_tag tag)
{
    return tag < VAL_N ? tag_names[tag] : "?";
}

bool value_is_counted(struct value v)
{
    return v.tag >= VAL_STR || v.tag == VAL_ENUM;
}

/* ---- counting ---- */

struct value value_ref(struct value v)
{
    if (value_is_counted(v))
        v.obj->refs++;
    return v;
}

static void list_destroy(struct obj_list *l)
{
    for (uint32_t i = 0; i < l->n; i++)
        value_unref(l->item[i]);
    mem_free(l->item);
    mem_free(l);
}

static void struct_destroy(struct obj_struct *s)
{
    for (uint32_t i = 0; i < s->n; i++)
        value_unref(s->field[i]);
    vtype_unref(s->type);
    mem_free(s);
}

static void regex_destroy(struct obj_regex *r)
{
    if (r->code_free)
        r->code_free(r->code);
    mem_free(r);
}

static void obj_destroy(struct obj *o)
{
    switch ((enum value_tag)o->tag) {
    case VAL_LIST:
    case VAL_TUPLE:
        list_destroy((struct obj_list *)o);
        return;
    case VAL_MAP:
        map_destroy((struct obj_map *)o);
        return;
    case VAL_STRUCT:
    case VAL_CALL:
    case VAL_ERROR:
    case VAL_MATCH:
    case VAL_META:
    case VAL_TOKEN:
        struct_destroy((struct obj_struct *)o);
        return;
    case VAL_REGEX:
        regex_destroy((struct obj_regex *)o);
        return;
    case VAL_FN:
    case VAL_CONTEXT:
    case VAL_MARK:
    case VAL_BRANCHES:
    case VAL_STREAM:
    case VAL_FUTURE:
    case VAL_ITER:
        ((struct obj_opaque *)o)->destroy(o);
        return;
    default:
        mem_free(o);
    }
}

void value_unref(struct value v)
{
    if (value_is_counted(v) && --v.obj->refs == 0)
        obj_destroy(v.obj);
}

void value_clear(struct value *v)
{
    struct value old = *v;
    *v = value_null();
    value_unref(old);
}

void value_set_take(struct value *at, struct value v)
{
    struct value old = *at;
    *at = v;
    value_unref(old);
}

/* ---- texts ---- */

static enum status text_make(enum value_tag tag, struct slice text, struct value *ret)
{
    if (text.len > VALUE_MAX_TEXT)
        return ST_LIMIT;
    struct obj_str *s = mem_alloc(sizeof *s + text.len + 1);
    if (!s)
        return ST_NOMEM;
    s->hdr = (struct obj){ .refs = 1, .tag = (uint16_t)tag };
    s->n_cp = UINT32_MAX;
    s->len = text.len;
    if (text.len)
        memcpy(s->byte, text.ptr, text.len);
    s->byte[text.len] = 0;
    *ret = (struct value){ .tag = tag, .obj = &s->hdr };
    return ST_OK;
}

enum status value_str(struct slice text, struct value *ret)
{
    return text_make(VAL_STR, text, ret);
}

enum status value_bytes(struct slice bytes, struct value *ret)
{
    return text_make(VAL_BYTES, bytes, ret);
}

enum status value_regex(struct slice text, uint32_t flags, struct value *ret)
{
    struct obj_regex *r = mem_zalloc(sizeof *r + text.len + 1);
    if (!r)
        return ST_NOMEM;
    r->hdr = (struct obj){ .refs = 1, .tag = VAL_REGEX };
    r->flags = flags;
    r->len = text.len;
    if (text.len)
        memcpy(r->byte, text.ptr, text.len);
    *ret = (struct value){ .tag = VAL_REGEX, .obj = &r->hdr };
    return ST_OK;
}

struct slice value_text(struct value v)
{
    switch ((enum value_tag)v.tag) {
    case VAL_STR:
    case VAL_BYTES: {
        const struct obj_str *s = (const struct obj_str *)v.obj;
        return (struct slice){ s->byte, s->len };
    }
    case VAL_REGEX: {
        const struct obj_regex *r = (const struct obj_regex *)v.obj;
        return (struct slice){ r->byte, r->len };
    }
    case VAL_ENUM: {
        const struct vtype *t = (const struct vtype *)v.obj;
        return v.aux < t->n ? t->key[v.aux] : SLICE("");
    }
    case VAL_TOKEN:
        return value_text(value_field(v, 0));
    default:
        return SLICE("");
    }
}

size_t value_str_count(struct value v)
{
    if (v.tag != VAL_STR)
        return utf8_count(value_text(v));
    struct obj_str *s = (struct obj_str *)v.obj;
    if (s->n_cp == UINT32_MAX)
        s->n_cp = (uint32_t)utf8_count(value_text(v));
    return s->n_cp;
}

enum status value_range(int64_t lo, int64_t hi, struct value *ret)
{
    struct obj_range *r = mem_alloc(sizeof *r);
    if (!r)
        return ST_NOMEM;
    *r = (struct obj_range){ .hdr = { .refs = 1, .tag = VAL_RANGE }, .lo = lo, .hi = hi };
    *ret = (struct value){ .tag = VAL_RANGE, .obj = &r->hdr };
    return ST_OK;
}

uint32_t value_depth(struct value v)
{
    return v.tag >= VAL_STR ? v.obj->depth : 0;
}

/* ---- comparing ---- */

static bool is_record(uint32_t tag)
{
    return tag >= VAL_STRUCT && tag <= VAL_TOKEN;
}

static bool is_texty(uint32_t tag)
{
    return tag == VAL_STR || tag == VAL_ENUM;
}

static bool items_eq(struct value a, struct value b)
{
    const struct obj_list *x = (const struct obj_list *)a.obj, *y = (const struct obj_list *)b.obj;
    if (x->n != y->n)
        return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (!value_eq(x->item[i], y->item[i]))
            return false;
    return true;
}

static bool maps_eq(struct value a, struct value b)
{
    uint32_t n = value_len(a);
    if (n != value_len(b))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct map_entry *e = value_map_entry(a, i);
        struct value other;
        if (!value_map_get(b, e->key, &other) || !value_eq(e->val, other))
            return false;
    }
    return true;
}

static bool records_eq(struct value a, struct value b)
{
    const struct obj_struct *x = (const struct obj_struct *)a.obj;
    const struct obj_struct *y = (const struct obj_struct *)b.obj;
    if (a.tag != b.tag || x->n != y->n || !vtype_eq(x->type, y->type))
        return false;
    for (uint32_t i = 0; i < x->n; i++)
        if (!value_eq(x->field[i], y->field[i]))
            return false;
    return true;
}

/* A range is usable as a list of ints, so it equals one. */
static bool range_eq_list(struct value r, struct value l)
{
    const struct obj_range *x = (const struct obj_range *)r.obj;
    uint32_t n = value_len(r);
    if (n != value_len(l))
        return false;
    for (uint32_t i = 0; i < n; i++)
        if (!value_eq(value_at(l, i), value_int(x->lo + i)))
            return false;
    return true;
}

bool value_eq(struct value a, struct value b)
{
    if (a.tag == VAL_INT && b.tag == VAL_FLOAT)
        return (double)a.i == b.f;
    if (a.tag == VAL_FLOAT && b.tag == VAL_INT)
        return a.f == (double)b.i;
    if (is_texty(a.tag) && is_texty(b.tag))
        return slice_eq(value_text(a), value_text(b));
    if (a.tag == VAL_RANGE && b.tag == VAL_LIST)
        return range_eq_list(a, b);
    if (a.tag == VAL_LIST && b.tag == VAL_RANGE)
        return range_eq_list(b, a);
    if (a.tag != b.tag)
        return false;
    switch ((enum value_tag)a.tag) {
    case VAL_NULL:
        return true;
    case VAL_BOOL:
        return a.b == b.b;
    case VAL_INT:
    case VAL_DURATION:
        return a.i == b.i;
    case VAL_FLOAT:
        return a.f == b.f;
    case VAL_TOOL:
        return a.aux == b.aux && a.i == b.i;
    case VAL_BYTES:
    case VAL_REGEX:
        return slice_eq(value_text(a), value_text(b));
    case VAL_LIST:
    case VAL_TUPLE:
        return items_eq(a, b);
    case VAL_MAP:
        return maps_eq(a, b);
    case VAL_RANGE: {
        const struct obj_range *x = (const struct obj_range *)a.obj;
        const struct obj_range *y = (const struct obj_range *)b.obj;
        return x->lo == y->lo && x->hi == y->hi;
    }
    default:
        return is_record(a.tag) ? records_eq(a, b) : a.obj == b.obj;
    }
}

static uint64_t double_hash(double f)
{
    if (f >= -9.2e18 && f <= 9.2e18 && f == floor(f))
        return hash_u64((uint64_t)(int64_t)f);      /* an integral float equals its int */
    uint64_t bits;
    memcpy(&bits, &f, sizeof bits);
    return hash_u64(bits ^ 0x5bd1e995u);
}

static uint64_t items_hash(struct value v)
{
    uint64_t h = 7;
    for (uint32_t i = 0; i < value_len(v); i++) {
        struct value x = v.tag == VAL_RANGE
            ? value_int(((const struct obj_range *)v.obj)->lo + i) : value_at(v, i);
        h = hash_combine(h, value_hash(x));
    }
    return h;
}

static uint64_t map_hash(struct value v)
{
    uint64_t h = 11;        /* order does not count, so entries are summed */
    for (uint32_t i = 0; i < value_len(v); i++) {
        const struct map_entry *e = value_map_entry(v, i);
        h += hash_combine(value_hash(e->key), value_hash(e->val));
    }
    return h;
}

uint64_t value_hash(struct value v)
{
    switch ((enum value_tag)v.tag) {
    case VAL_NULL:
        return 1;
    case VAL_BOOL:
        return v.b ? 3 : 2;
    case VAL_INT:
        return hash_u64((uint64_t)v.i);
    case VAL_FLOAT:
        return double_hash(v.f);
    case VAL_DURATION:
        return hash_u64((uint64_t)v.i) ^ 0x77;
    case VAL_TOOL:
        return hash_u64((uint64_t)v.i * 2 + v.aux) ^ 0x99;
    case VAL_STR:
    case VAL_ENUM:
    case VAL_BYTES:
    case VAL_REGEX: {
        struct slice t = value_text(v);
        return hash_bytes(t.ptr, t.len);
    }
    case VAL_LIST:
    case VAL_TUPLE:
    case VAL_RANGE:
        return items_hash(v);
    case VAL_MAP:
        return map_hash(v);
    default:
        break;
    }
    if (!is_record(v.tag))
        return hash_u64((uint64_t)(uintptr_t)v.obj);
    const struct obj_struct *s = (const struct obj_struct *)v.obj;
    uint64_t h = 13;
    for (uint32_t i = 0; i < s->n; i++)
        h = hash_combine(h, value_hash(s->field[i]));
    return h;
}

static int sign_int(int64_t a, int64_t b)
{
    return a < b ? -1 : a > b;
}

static bool cmp_numbers(struct value a, struct value b, int *ret)
{
    if (a.tag == VAL_INT && b.tag == VAL_INT) {
        *ret = sign_int(a.i, b.i);
        return true;
    }
    double x = a.tag == VAL_INT ? (double)a.i : a.f, y = b.tag == VAL_INT ? (double)b.i : b.f;
    if (isnan(x) || isnan(y))
        return false;
    *ret = x < y ? -1 : x > y;
    return true;
}

static bool is_number(uint32_t tag)
{
    return tag == VAL_INT || tag == VAL_FLOAT;
}

static bool cmp_items(struct value a, struct value b, int *ret)
{
    uint32_t na = value_len(a), nb = value_len(b);
    for (uint32_t i = 0; i < na && i < nb; i++) {
        if (!value_cmp(value_at(a, i), value_at(b, i), ret))
            return false;
        if (*ret)
            return true;
    }
    *ret = sign_int(na, nb);
    return true;
}

bool value_cmp(struct value a, struct value b, int *ret)
{
    if (is_number(a.tag) && is_number(b.tag))
        return cmp_numbers(a, b, ret);
    if (is_texty(a.tag) && is_texty(b.tag)) {
        int c = slice_cmp(value_text(a), value_text(b));   /* UTF-8 sorts as its code points */
        *ret = c < 0 ? -1 : c > 0;
        return true;
    }
    if (a.tag != b.tag)
        return false;
    if (a.tag == VAL_DURATION) {
        *ret = sign_int(a.i, b.i);
        return true;
    }
    if (a.tag == VAL_BOOL) {
        *ret = (int)a.b - (int)b.b;
        return true;
    }
    if (a.tag == VAL_TUPLE || a.tag == VAL_LIST)
        return cmp_items(a, b, ret);
    return false;
}
