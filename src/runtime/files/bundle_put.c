/* bundle_put.c - keys and tensors that a reader makes, for files with other names. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/files/bundle_int.h"

/* NULL when the key is there already, or memory is out (b->own.failed). */
static struct bundle_value *put(struct bundle *b, const char *key, enum bundle_kind kind)
{
    if (b->own.failed || hashmap_get(&b->key_by_name, slice_of(key), &(uint64_t){ 0 }))
        return NULL;
    struct slice name = arena_slice(&b->own, slice_of(key));
    struct bundle_key *k = array_push(&b->key, &b->n_key, &b->cap_key, sizeof *k);
    if (!k || b->own.failed || !hashmap_put(&b->key_by_name, name, b->n_key - 1)) {
        b->own.failed = true;
        return NULL;
    }
    k->name = name;
    k->value.kind = kind;
    return &k->value;
}

bool bundle_put_tensor(struct bundle *b, const struct bundle_tensor *t)
{
    struct bundle_tensor *to = array_push(&b->tensor, &b->n_tensor, &b->cap_tensor, sizeof *to);
    if (!to)
        return false;
    *to = *t;
    to->name = arena_slice(&b->own, t->name);
    return !b->own.failed && hashmap_put(&b->tensor_by_name, to->name, b->n_tensor - 1);
}

void bundle_put_u64(struct bundle *b, const char *key, uint64_t x)
{
    struct bundle_value *v = put(b, key, BK_U64);
    if (v)
        v->u = x;
}

void bundle_put_f64(struct bundle *b, const char *key, double x)
{
    struct bundle_value *v = put(b, key, BK_F64);
    if (v)
        v->f = x;
}

void bundle_put_bool(struct bundle *b, const char *key, bool x)
{
    struct bundle_value *v = put(b, key, BK_BOOL);
    if (v)
        v->u = x;
}

void bundle_put_str(struct bundle *b, const char *key, struct slice text)
{
    struct bundle_value *v = put(b, key, BK_STR);
    if (v)
        v->str = arena_slice(&b->own, text);
}

/* Lengths and texts one behind the other, as they lie in a GGUF file. */
void bundle_put_strs(struct bundle *b, const char *key, const struct slice *text, uint32_t n)
{
    struct bundle_value *v = put(b, key, BK_ARRAY);
    if (!v)
        return;
    size_t size = 0;
    for (uint32_t i = 0; i < n; i++)
        size += sizeof(uint64_t) + text[i].len;
    uint8_t *data = arena_alloc(&b->own, size ? size : 1);
    v->elem = BE_STR;
    v->off = mem_calloc(n ? n : 1, sizeof *v->off);
    if (!v->off || !data) {
        b->own.failed = true;
        return;
    }
    v->data = data;
    v->n = n;
    size_t at = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint64_t len = text[i].len;
        v->off[i] = at;
        memcpy(data + at, &len, sizeof len);
        if (len)
            memcpy(data + at + sizeof len, text[i].ptr, len);
        at += sizeof len + len;
    }
}

void bundle_put_array(struct bundle *b, const char *key, enum bundle_elem e, const void *data,
                      uint32_t n)
{
    struct bundle_value *v = put(b, key, BK_ARRAY);
    if (!v)
        return;
    v->elem = e;
    v->data = arena_dup(&b->own, data, n * gguf_elem_size(e));
    v->n = v->data ? n : 0;
}
