/* list.c - lists, tuples, structs and the names behind them.
 *
 * A list with one reference grows in place; a shared one is copied first.  That is the whole
 * difference between `x.push(v)` in a loop and a copy for every element. */
#include <string.h>

#include "runtime/value/value_int.h"

/* ---- lists and tuples ---- */

static enum status list_make(enum value_tag tag, uint32_t room, struct value *ret)
{
    if (room > VALUE_MAX_ITEMS)
        return ST_LIMIT;
    struct obj_list *l = mem_zalloc(sizeof *l);
    if (!l)
        return ST_NOMEM;
    l->hdr = (struct obj){ .refs = 1, .tag = (uint16_t)tag, .depth = 1 };
    if (room) {
        l->item = mem_calloc(room, sizeof *l->item);
        if (!l->item) {
            mem_free(l);
            return ST_NOMEM;
        }
        l->cap = room;
    }
    *ret = (struct value){ .tag = tag, .obj = &l->hdr };
    return ST_OK;
}

enum status value_list(uint32_t room, struct value *ret)
{
    return list_make(VAL_LIST, room, ret);
}

static enum status depth_raise(struct obj *o, struct value inner)
{
    uint32_t d = value_depth(inner) + 1;
    if (d > VALUE_MAX_DEPTH)
        return ST_LIMIT;
    if (d > o->depth)
        o->depth = (uint16_t)d;
    return ST_OK;
}

enum status value_tuple_take(const struct value *item, uint32_t n, struct value *ret)
{
    struct value v;
    enum status st = list_make(VAL_TUPLE, n, &v);
    struct obj_list *l = st == ST_OK ? (struct obj_list *)v.obj : NULL;
    for (uint32_t i = 0; i < n && st == ST_OK; i++)
        st = depth_raise(&l->hdr, item[i]);
    if (st != ST_OK) {
        for (uint32_t i = 0; i < n; i++)
            value_unref(item[i]);
        if (l)
            value_unref(v);
        return st;
    }
    if (n)
        memcpy(l->item, item, n * sizeof *item);
    l->n = n;
    *ret = v;
    return ST_OK;
}

/* A list of our own: the same one when nobody else holds it. */
static enum status list_own(struct value *list, uint32_t room)
{
    struct obj_list *l = (struct obj_list *)list->obj;
    if (l->hdr.refs == 1)
        return ST_OK;
    struct value copy;
    enum status st = list_make(list->tag, room > l->n ? room : l->n, &copy);
    if (st != ST_OK)
        return st;
    struct obj_list *c = (struct obj_list *)copy.obj;
    for (uint32_t i = 0; i < l->n; i++)
        c->item[i] = value_ref(l->item[i]);
    c->n = l->n;
    c->hdr.depth = l->hdr.depth;
    value_unref(*list);
    *list = copy;
    return ST_OK;
}

static enum status list_room(struct obj_list *l)
{
    if (l->n < l->cap)
        return ST_OK;
    if (l->n >= VALUE_MAX_ITEMS)
        return ST_LIMIT;
    uint32_t cap = l->cap < 4 ? 4 : l->cap * 2;
    struct value *p = mem_realloc(l->item, cap * sizeof *p);
    if (!p)
        return ST_NOMEM;
    l->item = p;
    l->cap = cap;
    return ST_OK;
}

enum status value_list_push_take(struct value *list, struct value item)
{
    enum status st = list_own(list, value_len(*list) + 1);
    struct obj_list *l = (struct obj_list *)list->obj;
    if (st == ST_OK)
        st = list_room(l);
    if (st == ST_OK)
        st = depth_raise(&l->hdr, item);
    if (st != ST_OK) {
        value_unref(item);
        return st;
    }
    l->item[l->n++] = item;
    return ST_OK;
}

enum status value_list_put_take(struct value *list, uint32_t at, struct value item)
{
    enum status st = list_own(list, 0);
    struct obj_list *l = (struct obj_list *)list->obj;
    if (st == ST_OK && at >= l->n)
        st = ST_INVALID;
    if (st == ST_OK)
        st = depth_raise(&l->hdr, item);
    if (st != ST_OK) {
        value_unref(item);
        return st;
    }
    value_set_take(&l->item[at], item);
    return ST_OK;
}

uint32_t value_len(struct value v)
{
    if (v.tag == VAL_LIST || v.tag == VAL_TUPLE)
        return ((const struct obj_list *)v.obj)->n;
    if (v.tag == VAL_MAP)
        return ((const struct obj_map *)v.obj)->n;
    if (v.tag != VAL_RANGE)
        return 0;
    const struct obj_range *r = (const struct obj_range *)v.obj;
    if (r->hi < r->lo)
        return 0;
    uint64_t n = (uint64_t)r->hi - (uint64_t)r->lo;
    return n >= UINT32_MAX ? UINT32_MAX : (uint32_t)n + 1;
}

struct value value_at(struct value v, uint32_t i)
{
    if (v.tag != VAL_LIST && v.tag != VAL_TUPLE)
        return value_null();
    const struct obj_list *l = (const struct obj_list *)v.obj;
    return i < l->n ? l->item[i] : value_null();
}

/* ---- the names behind structs and enums ---- */

static size_t names_size(uint32_t n, const struct slice *name)
{
    size_t size = 0;
    for (uint32_t i = 0; i < n; i++)
        size += name[i].len + 1;
    return size;
}

static char *name_copy(char *at, struct slice from, struct slice *to)
{
    if (from.len)
        memcpy(at, from.ptr, from.len);
    at[from.len] = 0;
    *to = (struct slice){ at, from.len };
    return at + from.len + 1;
}

enum status vtype_new(struct slice name, uint32_t n, const struct slice *field,
                      const struct slice *key, struct vtype **ret)
{
    if (!key)
        key = field;
    size_t head = sizeof(struct vtype) + 2 * (size_t)n * sizeof(struct slice);
    struct vtype *t = mem_zalloc(head + name.len + 1 + names_size(n, field) + names_size(n, key));
    if (!t)
        return ST_NOMEM;
    t->hdr = (struct obj){ .refs = 1, .tag = VAL_ENUM };
    t->n = n;
    t->field = (struct slice *)(t + 1);
    t->key = t->field + n;
    char *at = name_copy((char *)t + head, name, &t->name);
    for (uint32_t i = 0; i < n; i++) {
        at = name_copy(at, field[i], &t->field[i]);
        at = name_copy(at, key[i], &t->key[i]);
    }
    *ret = t;
    return ST_OK;
}

struct vtype *vtype_ref(struct vtype *t)
{
    t->hdr.refs++;
    return t;
}

void vtype_unref(struct vtype *t)
{
    if (t && --t->hdr.refs == 0)
        mem_free(t);
}

bool vtype_eq(const struct vtype *a, const struct vtype *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->n != b->n || !slice_eq(a->name, b->name))
        return false;
    for (uint32_t i = 0; i < a->n; i++)
        if (!slice_eq(a->field[i], b->field[i]))
            return false;
    return true;
}

enum status value_record_take(enum value_tag tag, struct vtype *type, const struct value *field,
                              struct value *ret)
{
    struct obj_struct *s = mem_zalloc(sizeof *s + type->n * sizeof(struct value));
    enum status st = s ? ST_OK : ST_NOMEM;
    if (s)
        s->hdr = (struct obj){ .refs = 1, .tag = (uint16_t)tag, .depth = 1 };
    for (uint32_t i = 0; i < type->n && st == ST_OK; i++)
        st = depth_raise(&s->hdr, field[i]);
    if (st != ST_OK) {
        for (uint32_t i = 0; i < type->n; i++)
            value_unref(field[i]);
        mem_free(s);
        return st;
    }
    s->n = type->n;
    s->type = vtype_ref(type);
    if (s->n)
        memcpy(s->field, field, s->n * sizeof *field);
    *ret = (struct value){ .tag = tag, .obj = &s->hdr };
    return ST_OK;
}

enum status value_struct_take(struct vtype *type, const struct value *field, struct value *ret)
{
    return value_record_take(VAL_STRUCT, type, field, ret);
}

static enum status struct_own(struct value *v)
{
    struct obj_struct *s = (struct obj_struct *)v->obj;
    if (s->hdr.refs == 1)
        return ST_OK;
    struct obj_struct *c = mem_alloc(sizeof *c + s->n * sizeof(struct value));
    if (!c)
        return ST_NOMEM;
    memcpy(c, s, sizeof *c + s->n * sizeof(struct value));
    c->hdr.refs = 1;
    vtype_ref(c->type);
    for (uint32_t i = 0; i < c->n; i++)
        value_ref(c->field[i]);
    value_unref(*v);
    v->obj = &c->hdr;
    return ST_OK;
}

enum status value_struct_put_take(struct value *s, uint32_t field, struct value v)
{
    enum status st = struct_own(s);
    struct obj_struct *o = (struct obj_struct *)s->obj;
    if (st == ST_OK && field >= o->n)
        st = ST_INVALID;
    if (st == ST_OK)
        st = depth_raise(&o->hdr, v);
    if (st != ST_OK) {
        value_unref(v);
        return st;
    }
    value_set_take(&o->field[field], v);
    return ST_OK;
}

static bool is_record(struct value v)
{
    return v.tag >= VAL_STRUCT && v.tag <= VAL_TOKEN;
}

struct vtype *value_vtype(struct value v)
{
    if (v.tag == VAL_ENUM)
        return (struct vtype *)v.obj;
    return is_record(v) ? ((struct obj_struct *)v.obj)->type : NULL;
}

struct value value_field(struct value v, uint32_t i)
{
    if (!is_record(v))
        return value_null();
    const struct obj_struct *s = (const struct obj_struct *)v.obj;
    return i < s->n ? s->field[i] : value_null();
}

bool value_field_find(struct value v, struct slice name, struct value *ret)
{
    if (!is_record(v))
        return false;
    const struct obj_struct *s = (const struct obj_struct *)v.obj;
    for (uint32_t i = 0; i < s->n; i++) {
        if (slice_eq(s->type->field[i], name)) {
            *ret = s->field[i];
            return true;
        }
    }
    return false;
}

struct value value_enum(struct vtype *type, uint32_t variant)
{
    return (struct value){ .tag = VAL_ENUM, .aux = variant, .obj = &vtype_ref(type)->hdr };
}

struct slice value_enum_name(struct value v)
{
    const struct vtype *t = (const struct vtype *)v.obj;
    return v.tag == VAL_ENUM && v.aux < t->n ? t->field[v.aux] : SLICE("");
}
