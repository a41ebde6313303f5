/* bundle.c - opens a model file by its first bytes and answers for its keys and tensors.
 *
 * The directory is built once, at open, and never changes, which is why readers need no lock. */
#include "runtime/files/bundle_int.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/files/checkpoint.h"

static enum status read_directory(struct bundle *b, struct error *err)
{
    if (b->size < 4)
        return error_set(err, ST_INVALID, "%s: too short for a model file", b->path);
    if (memcmp(b->bytes, "GGUF", 4) == 0)
        return gguf_read(b, err);
    if (memcmp(b->bytes, "FUGG", 4) == 0)
        return error_set(err, ST_UNSUPPORTED, "%s: big-endian GGUF is not read", b->path);
    return error_set(err, ST_INVALID, "%s: not a GGUF file, nor a directory of safetensors",
                     b->path);
}

static enum status bundle_new(const char *path, struct bundle **ret, struct error *err)
{
    struct bundle *b = mem_zalloc(sizeof *b);
    if (b)
        b->path = mem_strdup(path);
    if (!b || !b->path) {
        mem_free(b);
        return error_nomem(err);
    }
    *ret = b;
    return ST_OK;
}

enum status bundle_open(const char *path, struct bundle **ret_bundle, struct error *err)
{
    struct bundle *b = NULL;
    enum status st = bundle_new(path, &b, err);
    if (st != ST_OK)
        return st;
    if (fs_is_dir(path)) {
        st = checkpoint_open(b, path, err);
        if (st != ST_OK)
            goto fail;
        *ret_bundle = b;
        return ST_OK;
    }
    st = fs_map(path, &b->map, err);
    if (st != ST_OK)
        goto fail;
    b->bytes = b->map.bytes;
    b->size = b->map.size;
    st = read_directory(b, err);
    if (st != ST_OK)
        goto fail;
    *ret_bundle = b;
    return ST_OK;

fail:
    bundle_close(b);
    return st;
}

enum status bundle_open_memory(const uint8_t *bytes, size_t size, struct bundle **ret_bundle,
                               struct error *err)
{
    struct bundle *b = NULL;
    enum status st = bundle_new("memory", &b, err);
    if (st != ST_OK)
        return st;
    b->bytes = bytes;
    b->size = size;
    st = read_directory(b, err);
    if (st != ST_OK) {
        bundle_close(b);
        return st;
    }
    *ret_bundle = b;
    return ST_OK;
}

enum status bundle_open_checkpoint(const struct checkpoint *c, struct bundle **ret_bundle,
                                   struct error *err)
{
    struct bundle *b = NULL;
    enum status st = bundle_new("memory", &b, err);
    if (st != ST_OK)
        return st;
    st = checkpoint_read(b, c, err);
    if (st != ST_OK) {
        bundle_close(b);
        return st;
    }
    *ret_bundle = b;
    return ST_OK;
}

void bundle_close(struct bundle *b)
{
    if (!b)
        return;
    for (uint32_t i = 0; b->key && i < b->n_key; i++)
        mem_free(b->key[i].value.off);
    hashmap_free(&b->key_by_name);
    hashmap_free(&b->tensor_by_name);
    mem_free(b->key);
    mem_free(b->tensor);
    fs_unmap(&b->map);
    for (uint32_t i = 0; i < b->n_shard; i++)
        fs_unmap(&b->shard[i]);
    mem_free(b->shard);
    arena_free(&b->own);
    mem_free(b->path);
    mem_free(b);
}

const char *bundle_path(const struct bundle *b)
{
    return b->path;
}

static const struct bundle_value *find(const struct bundle *b, const char *key)
{
    uint64_t i;
    return hashmap_get(&b->key_by_name, slice_of(key), &i) ? &b->key[i].value : NULL;
}

static const struct bundle_value *find_array(const struct bundle *b, const char *key)
{
    const struct bundle_value *v = find(b, key);
    return v && v->kind == BK_ARRAY ? v : NULL;
}

bool bundle_str(const struct bundle *b, const char *key, struct slice *ret)
{
    const struct bundle_value *v = find(b, key);
    if (!v || v->kind != BK_STR)
        return false;
    *ret = v->str;
    return true;
}

static bool value_u64(const struct bundle_value *v, uint64_t *ret)
{
    switch (v->kind) {
    case BK_U64:
        *ret = v->u;
        return true;
    case BK_I64:
        if (v->i < 0)
            return false;
        *ret = (uint64_t)v->i;
        return true;
    case BK_F64:
        if (!(v->f >= 0 && v->f <= 0x1p53) || v->f != floor(v->f))
            return false;
        *ret = (uint64_t)v->f;
        return true;
    default:
        return false;
    }
}

static bool value_f64(const struct bundle_value *v, double *ret)
{
    switch (v->kind) {
    case BK_F64:
        *ret = v->f;
        return true;
    case BK_U64:
        *ret = (double)v->u;
        return v->u <= (uint64_t)1 << 53;
    case BK_I64:
        *ret = (double)v->i;
        return v->i <= (int64_t)1 << 53 && v->i >= -((int64_t)1 << 53);
    default:
        return false;
    }
}

bool bundle_u64(const struct bundle *b, const char *key, uint64_t *ret)
{
    const struct bundle_value *v = find(b, key);
    return v && value_u64(v, ret);
}

bool bundle_f64(const struct bundle *b, const char *key, double *ret)
{
    const struct bundle_value *v = find(b, key);
    double x;
    if (!v || !value_f64(v, &x))
        return false;
    *ret = x;
    return true;
}

bool bundle_bool(const struct bundle *b, const char *key, bool *ret)
{
    const struct bundle_value *v = find(b, key);
    if (!v || v->kind != BK_BOOL)
        return false;
    *ret = v->u != 0;
    return true;
}

bool bundle_array_len(const struct bundle *b, const char *key, uint64_t *ret_n)
{
    const struct bundle_value *v = find_array(b, key);
    if (!v)
        return false;
    *ret_n = v->n;
    return true;
}

static struct slice string_at(const struct bundle_value *v, uint64_t i)
{
    uint64_t n;
    const uint8_t *p = v->data + v->off[i];
    memcpy(&n, p, sizeof n);
    return (struct slice){ (const char *)p + sizeof n, (size_t)n };
}

bool bundle_array_str(const struct bundle *b, const char *key, uint64_t i, struct slice *ret)
{
    const struct bundle_value *v = find_array(b, key);
    if (!v || v->elem != BE_STR || i >= v->n)
        return false;
    *ret = string_at(v, i);
    return true;
}

bool bundle_array_strs(const struct bundle *b, const char *key, struct slice *ret, uint64_t n)
{
    const struct bundle_value *v = find_array(b, key);
    if (!v || v->elem != BE_STR || n > v->n)
        return false;
    for (uint64_t i = 0; i < n; i++)
        ret[i] = string_at(v, i);
    return true;
}

/* One element of a number array as a value of its own. */
static bool element(const struct bundle *b, const char *key, uint64_t i, struct bundle_value *ret)
{
    const struct bundle_value *v = find_array(b, key);
    if (!v || v->elem == BE_STR || v->elem == BE_BOOL || i >= v->n)
        return false;
    union { uint64_t u; int64_t i; double f; float f32; uint32_t u32; int32_t i32; uint16_t u16;
            int16_t i16; uint8_t u8; int8_t i8; } x = { 0 };
    size_t size = gguf_elem_size(v->elem);
    memcpy(&x, v->data + i * size, size);
    switch (v->elem) {
    case BE_F32: *ret = (struct bundle_value){ .kind = BK_F64, .f = (double)x.f32 }; break;
    case BE_F64: *ret = (struct bundle_value){ .kind = BK_F64, .f = x.f }; break;
    case BE_I8:  *ret = (struct bundle_value){ .kind = BK_I64, .i = x.i8 }; break;
    case BE_I16: *ret = (struct bundle_value){ .kind = BK_I64, .i = x.i16 }; break;
    case BE_I32: *ret = (struct bundle_value){ .kind = BK_I64, .i = x.i32 }; break;
    case BE_I64: *ret = (struct bundle_value){ .kind = BK_I64, .i = x.i }; break;
    default:     *ret = (struct bundle_value){ .kind = BK_U64, .u = x.u }; break;
    }
    return true;
}

bool bundle_array_f64(const struct bundle *b, const char *key, uint64_t i, double *ret)
{
    struct bundle_value v;
    return element(b, key, i, &v) && value_f64(&v, ret);
}

bool bundle_array_u64(const struct bundle *b, const char *key, uint64_t i, uint64_t *ret)
{
    struct bundle_value v;
    return element(b, key, i, &v) && value_u64(&v, ret);
}

bool bundle_array_bool(const struct bundle *b, const char *key, uint64_t i, bool *ret)
{
    const struct bundle_value *v = find_array(b, key);
    uint64_t x = 0;
    if (v && v->elem == BE_BOOL && i < v->n)
        x = v->data[i];
    else if (!bundle_array_u64(b, key, i, &x))
        return false;
    *ret = x != 0;
    return true;
}

uint32_t bundle_n_tensor(const struct bundle *b)
{
    return b->n_tensor;
}

const struct bundle_tensor *bundle_tensor_at(const struct bundle *b, uint32_t i)
{
    return i < b->n_tensor ? &b->tensor[i] : NULL;
}

const struct bundle_tensor *bundle_tensor(const struct bundle *b, const char *name)
{
    uint64_t i;
    return hashmap_get(&b->tensor_by_name, slice_of(name), &i) ? &b->tensor[i] : NULL;
}
