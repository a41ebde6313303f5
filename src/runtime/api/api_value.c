/* api_value.c - handles of values.
 *
 *      root (counted) ----> struct value (owned)
 *       | child[0..n)
 *       v
 *      handles of elements: borrowed values, kept alive and counted through the root
 *
 * The values inside are counted without atomics, so a host never counts them: it counts the root,
 * atomically.  Handles of elements are made when somebody first asks, under the root's lock. */
#include "runtime/api/api_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"

struct sgl_value {
    struct sgl_value  *root;
    struct value       v;           /* owned by the root's handle, borrowed in all others */
    struct sgl_value **child;       /* [n] NULL until asked for */
    size_t             n;

    _Atomic uint32_t   refs;        /* of a root */
    pthread_mutex_t    lock;        /* of a root: making handles */
};

sgl_value *api_value_take(struct value v)
{
    struct sgl_value *h = mem_zalloc(sizeof *h);
    if (!h) {
        value_unref(v);
        return NULL;
    }
    h->root = h;
    h->v = v;
    atomic_init(&h->refs, 1);
    pthread_mutex_init(&h->lock, NULL);
    return h;
}

struct value api_value(const sgl_value *v)
{
    return v->v;
}

static bool is_record(const struct value *v)
{
    return v->tag == VAL_STRUCT || v->tag == VAL_CALL || v->tag == VAL_ERROR ||
           v->tag == VAL_MATCH || v->tag == VAL_META;
}

sgl_kind sgl_value_kind(const sgl_value *v)
{
    switch ((enum value_tag)v->v.tag) {
    case VAL_NULL:   return SGL_NULL;
    case VAL_BOOL:   return SGL_BOOL;
    case VAL_INT:    return SGL_INT;
    case VAL_FLOAT:  return SGL_FLOAT;
    case VAL_STR:    return SGL_STR;
    case VAL_ENUM:   return SGL_ENUM;
    case VAL_LIST:   return SGL_LIST;
    case VAL_TUPLE:  return SGL_TUPLE;
    case VAL_MAP:    return SGL_MAP;
    default:         return is_record(&v->v) ? SGL_STRUCT : SGL_OTHER;
    }
}

const char *sgl_value_type(const sgl_value *v)
{
    struct vtype *t = value_vtype(v->v);
    return t && t->name.len ? t->name.ptr : value_tag_name((enum value_tag)v->v.tag);
}

bool sgl_value_bool(const sgl_value *v)
{
    return v->v.tag == VAL_BOOL && v->v.b;
}

int64_t sgl_value_int(const sgl_value *v)
{
    return v->v.tag == VAL_INT || v->v.tag == VAL_DURATION ? v->v.i : 0;
}

double sgl_value_float(const sgl_value *v)
{
    if (v->v.tag == VAL_INT)
        return (double)v->v.i;
    return v->v.tag == VAL_FLOAT ? v->v.f : 0;
}

const char *sgl_value_str(const sgl_value *v, size_t *ret_len)
{
    if (v->v.tag != VAL_STR && v->v.tag != VAL_ENUM)
        return NULL;
    struct slice s = value_text(v->v);
    if (ret_len)
        *ret_len = s.len;
    return s.ptr;
}

size_t sgl_value_len(const sgl_value *v)
{
    if (is_record(&v->v)) {
        struct vtype *t = value_vtype(v->v);
        return t ? t->n : 0;
    }
    bool has_items = v->v.tag == VAL_LIST || v->v.tag == VAL_TUPLE || v->v.tag == VAL_MAP;
    return has_items ? value_len(v->v) : 0;
}

static struct value item_at(const sgl_value *v, size_t i)
{
    if (v->v.tag == VAL_MAP)
        return value_map_entry(v->v, (uint32_t)i)->val;
    return is_record(&v->v) ? value_field(v->v, (uint32_t)i) : value_at(v->v, (uint32_t)i);
}

/* The handle of element i, made under the lock; NULL when memory is out. */
static sgl_value *make_child(sgl_value *v, size_t i)
{
    if (!v->child) {
        v->n = sgl_value_len(v);
        v->child = mem_calloc(v->n ? v->n : 1, sizeof *v->child);
        if (!v->child)
            return NULL;
    }
    if (!v->child[i]) {
        v->child[i] = mem_zalloc(sizeof *v->child[i]);
        if (v->child[i]) {
            v->child[i]->root = v->root;
            v->child[i]->v = item_at(v, i);
        }
    }
    return v->child[i];
}

const sgl_value *sgl_value_at(const sgl_value *v, size_t i)
{
    sgl_value *own = (sgl_value *)(uintptr_t)v;
    if (i >= sgl_value_len(v))
        return NULL;
    pthread_mutex_lock(&own->root->lock);
    sgl_value *child = make_child(own, i);
    pthread_mutex_unlock(&own->root->lock);
    return child;
}

const sgl_value *sgl_value_get(const sgl_value *v, const char *key)
{
    struct vtype *t = is_record(&v->v) ? value_vtype(v->v) : NULL;
    for (uint32_t i = 0; t && i < t->n; i++)
        if (slice_is(t->field[i], key))
            return sgl_value_at(v, i);
    for (uint32_t i = 0; v->v.tag == VAL_MAP && i < value_len(v->v); i++) {
        struct value k = value_map_entry(v->v, i)->key;
        if ((k.tag == VAL_STR || k.tag == VAL_ENUM) && slice_is(value_text(k), key))
            return sgl_value_at(v, i);
    }
    return NULL;
}

const char *sgl_value_key(const sgl_value *v, size_t i, size_t *ret_len)
{
    struct slice s = { NULL, 0 };
    if (i >= sgl_value_len(v))
        return NULL;
    if (is_record(&v->v)) {
        s = value_vtype(v->v)->field[i];
    } else if (v->v.tag == VAL_MAP) {
        struct value k = value_map_entry(v->v, (uint32_t)i)->key;
        if (k.tag == VAL_STR || k.tag == VAL_ENUM)
            s = value_text(k);
    }
    if (ret_len)
        *ret_len = s.len;
    return s.ptr;
}

sgl_status sgl_value_text(const sgl_value *v, char **ret_text, size_t *ret_len)
{
    struct str out = { 0 };
    if (!value_format(v->v, &out)) {
        str_free(&out);
        return SGL_UNSUPPORTED;
    }
    return api_take_text(&out, ret_text, ret_len, NULL);
}

sgl_status sgl_value_json(const sgl_value *v, char **ret_text)
{
    struct str out = { 0 };
    if (!value_json(v->v, JSONIO_SPACED, &out)) {
        str_free(&out);
        return SGL_UNSUPPORTED;
    }
    return api_take_text(&out, ret_text, NULL, NULL);
}

sgl_status sgl_value_from_json(const char *json, size_t len, sgl_value **ret, sgl_error *err)
{
    struct value v;
    struct error why;
    enum status st = value_parse_json((struct slice){ json, len }, &v, &why);
    if (st != ST_OK)
        return api_error(st, &why, err);
    sgl_value *h = api_value_take(v);
    if (!h)
        return api_nomem(err);
    *ret = h;
    return SGL_OK;
}

sgl_value *sgl_value_ref(const sgl_value *v)
{
    sgl_value *own = (sgl_value *)(uintptr_t)v;
    atomic_fetch_add(&own->root->refs, 1);
    return own;
}

/* Handles nest no deeper than values do, which VALUE_MAX_DEPTH bounds. */
static void free_children(sgl_value *v)
{
    for (size_t i = 0; v->child && i < v->n; i++) {
        if (v->child[i])
            free_children(v->child[i]);
        mem_free(v->child[i]);
    }
    mem_free(v->child);
}

void sgl_value_unref(sgl_value *v)
{
    if (!v)
        return;
    sgl_value *root = v->root;
    if (atomic_fetch_sub(&root->refs, 1) != 1)
        return;
    free_children(root);
    value_unref(root->v);
    pthread_mutex_destroy(&root->lock);
    mem_free(root);
}
