/* gguf.c - the GGUF container, versions 2 and 3, little-endian.
 *
 *     magic, version, n_tensor, n_key | keys with typed values | tensor infos | padding | data
 *
 * Every length comes from outside: each is compared with the bytes that are left before it is
 * used, and a count is compared with the least room that its elements take, so that nothing is
 * allocated that the file could not hold.  Arrays of arrays are refused by name; no model of the
 * families we know has them. */
#include "runtime/files/bundle_int.h"

#include <string.h>

#include "base/alloc.h"

enum { GGUF_MIN_KEY = 8 + 4 + 1, GGUF_MIN_TENSOR = 8 + 4 + 8 + 4 + 8, GGUF_MAX_ALIGN = 1 << 16 };

struct reader {
    const struct bundle *b;
    size_t               at;
    struct error        *err;
};

/* Type numbers of values in the file. */
static const struct { enum bundle_kind kind; enum bundle_elem elem; uint8_t size; } value_types[] = {
    { BK_U64, BE_U8, 1 },  { BK_I64, BE_I8, 1 },  { BK_U64, BE_U16, 2 }, { BK_I64, BE_I16, 2 },
    { BK_U64, BE_U32, 4 }, { BK_I64, BE_I32, 4 }, { BK_F64, BE_F32, 4 }, { BK_BOOL, BE_BOOL, 1 },
    { BK_STR, BE_STR, 0 }, { BK_ARRAY, BE_U8, 0 }, { BK_U64, BE_U64, 8 }, { BK_I64, BE_I64, 8 },
    { BK_F64, BE_F64, 8 },
};

enum { TYPE_ARRAY = 9, N_VALUE_TYPE = sizeof value_types / sizeof *value_types };

/* Numbers of tensor types in the file; -1: known by name, not read. */
static const struct { uint32_t id; int dtype; const char *name; } tensor_types[] = {
    { 0, DT_F32, "F32" },     { 1, DT_F16, "F16" },     { 2, DT_Q4_0, "Q4_0" },
    { 3, DT_Q4_1, "Q4_1" },   { 6, DT_Q5_0, "Q5_0" },   { 7, DT_Q5_1, "Q5_1" },
    { 8, DT_Q8_0, "Q8_0" },   { 9, -1, "Q8_1" },        { 10, -1, "Q2_K" },
    { 11, -1, "Q3_K" },       { 12, DT_Q4_K, "Q4_K" },  { 13, DT_Q5_K, "Q5_K" },
    { 14, DT_Q6_K, "Q6_K" },  { 15, -1, "Q8_K" },       { 16, -1, "IQ2_XXS" },
    { 17, -1, "IQ2_XS" },     { 18, -1, "IQ3_XXS" },    { 19, -1, "IQ1_S" },
    { 20, -1, "IQ4_NL" },     { 21, -1, "IQ3_S" },      { 22, -1, "IQ2_S" },
    { 23, -1, "IQ4_XS" },     { 24, -1, "I8" },         { 25, -1, "I16" },
    { 26, -1, "I32" },        { 27, -1, "I64" },        { 28, -1, "F64" },
    { 29, -1, "IQ1_M" },      { 30, DT_BF16, "BF16" },  { 39, -1, "MXFP4" },
};

size_t gguf_elem_size(enum bundle_elem e)
{
    static const uint8_t size[] = { [BE_U8] = 1, [BE_I8] = 1, [BE_U16] = 2, [BE_I16] = 2,
                                    [BE_U32] = 4, [BE_I32] = 4, [BE_F32] = 4, [BE_BOOL] = 1,
                                    [BE_STR] = 0, [BE_U64] = 8, [BE_I64] = 8, [BE_F64] = 8 };
    return size[e];
}

static size_t left(const struct reader *r)
{
    return r->b->size - r->at;
}

static enum status broken(const struct reader *r, const char *what)
{
    return error_set(r->err, ST_INVALID, "%s: %s at byte %zu", r->b->path, what, r->at);
}

static enum status read_u32(struct reader *r, uint32_t *ret)
{
    if (left(r) < sizeof *ret)
        return broken(r, "the file ends early");
    memcpy(ret, r->b->bytes + r->at, sizeof *ret);
    r->at += sizeof *ret;
    return ST_OK;
}

static enum status read_u64(struct reader *r, uint64_t *ret)
{
    if (left(r) < sizeof *ret)
        return broken(r, "the file ends early");
    memcpy(ret, r->b->bytes + r->at, sizeof *ret);
    r->at += sizeof *ret;
    return ST_OK;
}

static enum status read_str(struct reader *r, uint64_t max, struct slice *ret)
{
    uint64_t n = 0;
    enum status st = read_u64(r, &n);
    if (st != ST_OK)
        return st;
    if (n > left(r))
        return broken(r, "a string is longer than the file");
    if (n > max)
        return broken(r, "a name is too long");
    *ret = (struct slice){ (const char *)r->b->bytes + r->at, (size_t)n };
    r->at += (size_t)n;
    return ST_OK;
}

static void load_scalar(const uint8_t *p, enum bundle_elem e, struct bundle_value *v)
{
    union { uint8_t u8; int8_t i8; uint16_t u16; int16_t i16; uint32_t u32; int32_t i32; float f32;
            uint64_t u64; int64_t i64; double f64; } x = { 0 };
    memcpy(&x, p, gguf_elem_size(e));
    switch (e) {
    case BE_BOOL: v->u = x.u8 != 0; break;
    case BE_U8:  v->u = x.u8;  break;
    case BE_U16: v->u = x.u16; break;
    case BE_U32: v->u = x.u32; break;
    case BE_U64: v->u = x.u64; break;
    case BE_I8:  v->i = x.i8;  break;
    case BE_I16: v->i = x.i16; break;
    case BE_I32: v->i = x.i32; break;
    case BE_I64: v->i = x.i64; break;
    case BE_F32: v->f = (double)x.f32; break;
    case BE_F64: v->f = x.f64; break;
    case BE_STR: break;
    }
}

static enum status read_str_array(struct reader *r, struct bundle_value *v)
{
    if (v->n > left(r) / sizeof(uint64_t))
        return broken(r, "an array is longer than the file");
    v->off = mem_calloc(v->n ? (size_t)v->n : 1, sizeof *v->off);
    if (!v->off)
        return error_nomem(r->err);
    size_t start = r->at;
    for (uint64_t i = 0; i < v->n; i++) {
        struct slice s;
        v->off[i] = r->at - start;
        enum status st = read_str(r, UINT64_MAX, &s);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum status read_array(struct reader *r, struct bundle_value *v)
{
    uint32_t type = 0;
    enum status st = read_u32(r, &type);
    if (st == ST_OK)
        st = read_u64(r, &v->n);
    if (st != ST_OK)
        return st;
    if (type == TYPE_ARRAY)
        return error_set(r->err, ST_UNSUPPORTED, "%s: arrays of arrays are not read", r->b->path);
    if (type >= N_VALUE_TYPE)
        return broken(r, "an array has elements of an unknown type");
    v->elem = value_types[type].elem;
    v->data = r->b->bytes + r->at;
    if (v->elem == BE_STR)
        return read_str_array(r, v);
    size_t size = value_types[type].size;
    if (v->n > left(r) / size)
        return broken(r, "an array is longer than the file");
    r->at += (size_t)v->n * size;
    return ST_OK;
}

static enum status read_value(struct reader *r, struct bundle_value *v)
{
    uint32_t type = 0;
    enum status st = read_u32(r, &type);
    if (st != ST_OK)
        return st;
    if (type >= N_VALUE_TYPE)
        return broken(r, "a value has an unknown type");
    v->kind = value_types[type].kind;
    if (v->kind == BK_ARRAY)
        return read_array(r, v);
    if (v->kind == BK_STR)
        return read_str(r, UINT64_MAX, &v->str);
    if (left(r) < value_types[type].size)
        return broken(r, "the file ends early");
    load_scalar(r->b->bytes + r->at, value_types[type].elem, v);
    r->at += value_types[type].size;
    return ST_OK;
}

static enum status read_keys(struct reader *r, struct bundle *b)
{
    for (uint32_t i = 0; i < b->n_key; i++) {
        struct bundle_key *k = &b->key[i];
        enum status st = read_str(r, BUNDLE_MAX_NAME, &k->name);
        if (st == ST_OK)
            st = read_value(r, &k->value);
        if (st != ST_OK)
            return st;
        if (hashmap_get(&b->key_by_name, k->name, &(uint64_t){ 0 }))
            return broken(r, "a key stands twice before");
        if (!hashmap_put(&b->key_by_name, k->name, i))
            return error_nomem(r->err);
    }
    return ST_OK;
}

static enum status tensor_type(struct reader *r, const struct bundle_tensor *t, uint32_t id,
                               enum dtype *ret)
{
    for (size_t i = 0; i < sizeof tensor_types / sizeof *tensor_types; i++) {
        if (tensor_types[i].id != id)
            continue;
        if (tensor_types[i].dtype >= 0) {
            *ret = (enum dtype)tensor_types[i].dtype;
            return ST_OK;
        }
        return error_set(r->err, ST_UNSUPPORTED, "%s: tensor %.*s has type %s, which is not read",
                         r->b->path, (int)t->name.len, t->name.ptr, tensor_types[i].name);
    }
    return error_set(r->err, ST_UNSUPPORTED, "%s: tensor %.*s has the unknown type %u", r->b->path,
                     (int)t->name.len, t->name.ptr, id);
}

/* Sizes stand innermost first in the file; ours stand outermost first. */
static enum status read_dims(struct reader *r, struct bundle_tensor *t)
{
    uint64_t elems = 1;
    for (uint32_t d = 0; d < t->n_dim; d++) {
        uint64_t n = 0;
        enum status st = read_u64(r, &n);
        if (st != ST_OK)
            return st;
        if (n == 0 || n > INT64_MAX / 8 || __builtin_mul_overflow(elems, n, &elems))
            return broken(r, "a tensor has an impossible size");
        t->dim[t->n_dim - 1 - d] = n;
    }
    t->size = elems;        /* elements for now; bytes once the type is known */
    return ST_OK;
}

static enum status read_tensor(struct reader *r, struct bundle_tensor *t, uint64_t *ret_off)
{
    enum status st = read_str(r, BUNDLE_MAX_NAME, &t->name);
    if (st == ST_OK)
        st = read_u32(r, &t->n_dim);
    if (st != ST_OK)
        return st;
    if (t->n_dim == 0 || t->n_dim > BUNDLE_MAX_DIM)
        return broken(r, "a tensor has an impossible rank");
    st = read_dims(r, t);
    if (st != ST_OK)
        return st;
    uint32_t id = 0;
    st = read_u32(r, &id);
    if (st == ST_OK)
        st = tensor_type(r, t, id, &t->dtype);
    if (st == ST_OK)
        st = read_u64(r, ret_off);
    if (st != ST_OK)
        return st;
    size_t elems = dtype_block_elems(t->dtype);
    if (t->dim[t->n_dim - 1] % elems)
        return broken(r, "a tensor's rows are no whole number of blocks");
    if (__builtin_mul_overflow(t->size / elems, (uint64_t)dtype_block_bytes(t->dtype), &t->size))
        return broken(r, "a tensor has an impossible size");
    return ST_OK;
}

static enum status read_tensors(struct reader *r, struct bundle *b, uint64_t align)
{
    uint64_t *off = mem_calloc(b->n_tensor ? b->n_tensor : 1, sizeof *off);
    if (!off)
        return error_nomem(r->err);
    enum status st = ST_OK;
    for (uint32_t i = 0; i < b->n_tensor && st == ST_OK; i++) {
        struct bundle_tensor *t = &b->tensor[i];
        st = read_tensor(r, t, &off[i]);
        if (st != ST_OK)
            break;
        if (hashmap_get(&b->tensor_by_name, t->name, &(uint64_t){ 0 }))
            st = broken(r, "a tensor stands twice before");
        else if (!hashmap_put(&b->tensor_by_name, t->name, i))
            st = error_nomem(r->err);
    }

    uint64_t base = ((uint64_t)r->at + align - 1) / align * align;
    for (uint32_t i = 0; i < b->n_tensor && st == ST_OK; i++) {
        struct bundle_tensor *t = &b->tensor[i];
        uint64_t end;
        if (off[i] % align || __builtin_add_overflow(base, off[i], &end) ||
            __builtin_add_overflow(end, t->size, &end) || end > b->size) {
            st = error_set(r->err, ST_INVALID, "%s: tensor %.*s lies outside the file", b->path,
                           (int)t->name.len, t->name.ptr);
            break;
        }
        t->data = b->bytes + base + off[i];
    }
    mem_free(off);
    return st;
}

static enum status read_counts(struct reader *r, uint64_t *ret_tensors, uint64_t *ret_keys)
{
    uint32_t version = 0;
    enum status st = read_u32(r, &version);
    if (st != ST_OK)
        return st;
    if (version != 2 && version != 3)
        return error_set(r->err, ST_UNSUPPORTED, "%s: version %u of GGUF is not read", r->b->path,
                         version);
    st = read_u64(r, ret_tensors);
    if (st == ST_OK)
        st = read_u64(r, ret_keys);
    if (st != ST_OK)
        return st;
    if (*ret_tensors > left(r) / GGUF_MIN_TENSOR || *ret_keys > left(r) / GGUF_MIN_KEY)
        return broken(r, "the file is too short for what it announces");
    if (*ret_tensors > BUNDLE_MAX_TENSORS || *ret_keys > BUNDLE_MAX_KEYS)
        return error_set(r->err, ST_LIMIT, "%s: more than %d tensors or keys", r->b->path,
                         BUNDLE_MAX_TENSORS);
    return ST_OK;
}

enum status gguf_read(struct bundle *b, struct error *err)
{
    struct reader r = { b, 4, err };
    uint64_t n_tensor = 0, n_key = 0;
    enum status st = read_counts(&r, &n_tensor, &n_key);
    if (st != ST_OK)
        return st;
    b->key = mem_calloc(n_key ? (size_t)n_key : 1, sizeof *b->key);
    b->tensor = mem_calloc(n_tensor ? (size_t)n_tensor : 1, sizeof *b->tensor);
    if (!b->key || !b->tensor)
        return error_nomem(err);
    b->n_key = (uint32_t)n_key;
    b->n_tensor = (uint32_t)n_tensor;

    st = read_keys(&r, b);
    if (st != ST_OK)
        return st;
    uint64_t align = 32;
    if (bundle_u64(b, "general.alignment", &align) &&
        (align == 0 || align > GGUF_MAX_ALIGN || (align & (align - 1))))
        return broken(&r, "general.alignment is no usable power of two before");
    return read_tensors(&r, b, align);
}
