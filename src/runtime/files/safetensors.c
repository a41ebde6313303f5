/* safetensors.c - one file of tensors: a JSON header that tells where each lies.
 *
 *     u64 length of the header | header | data
 *
 * The header is text from outside: its length is bounded, and every tensor must lie where its
 * neighbour ends.  That one rule leaves no tensor outside the file, none over another, and no byte
 * that nobody names, which is what the format promises. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/jsonio.h"
#include "runtime/files/checkpoint_int.h"

enum { MAX_HEADER = 16 << 20, HEADER_DEPTH = 8 };

struct span64 {
    uint64_t begin, end;
};

struct reader {
    const struct checkpoint_shard *s;
    const uint8_t                 *data;
    uint64_t                       size;        /* of data */
    struct arena                  *arena;
    struct error                  *err;
};

static enum status broken(const struct reader *r, const char *name, const char *what)
{
    return error_set(r->err, ST_INVALID, "%s: tensor %.200s %s", r->s->name, name, what);
}

static enum status read_dtype(const struct reader *r, const char *name, const json_t *info,
                              enum dtype *ret)
{
    static const struct { const char *name; enum dtype dtype; } rows[] = {
        { "F32", DT_F32 }, { "F16", DT_F16 }, { "BF16", DT_BF16 },
    };
    const char *text = json_string_value(json_object_get(info, "dtype"));
    if (!text)
        return broken(r, name, "has no dtype");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(text, rows[i].name) == 0) {
            *ret = rows[i].dtype;
            return ST_OK;
        }
    return error_set(r->err, ST_UNSUPPORTED, "%s: tensor %.200s has type %.32s, which is not read",
                     r->s->name, name, text);
}

static enum status read_shape(const struct reader *r, const char *name, const json_t *info,
                              struct bundle_tensor *t)
{
    const json_t *shape = json_object_get(info, "shape");
    size_t n = json_array_size(shape);
    if (n == 0 || n > BUNDLE_MAX_DIM)
        return broken(r, name, "has an impossible rank");
    t->n_dim = (uint32_t)n;
    t->size = dtype_block_bytes(t->dtype);
    for (size_t d = 0; d < n; d++) {
        const json_t *x = json_array_get(shape, d);
        json_int_t size = json_integer_value(x);
        if (size <= 0 || __builtin_mul_overflow(t->size, (uint64_t)size, &t->size))
            return broken(r, name, "has an impossible size");
        t->dim[d] = (uint64_t)size;
    }
    return ST_OK;
}

static enum status read_place(const struct reader *r, const char *name, const json_t *info,
                              struct bundle_tensor *t, struct span64 *ret)
{
    const json_t *at = json_object_get(info, "data_offsets");
    const json_t *begin = json_array_get(at, 0), *end = json_array_get(at, 1);
    if (json_array_size(at) != 2 || !json_is_integer(begin) || !json_is_integer(end) ||
        json_integer_value(begin) < 0 || json_integer_value(end) < json_integer_value(begin))
        return broken(r, name, "has no place");
    *ret = (struct span64){ (uint64_t)json_integer_value(begin),
                            (uint64_t)json_integer_value(end) };
    if (ret->end > r->size)
        return broken(r, name, "lies outside the file");
    if (ret->end - ret->begin != t->size)
        return broken(r, name, "has another size than its shape");
    t->data = r->data + ret->begin;
    return ST_OK;
}

static enum status add_tensor(const struct reader *r, const char *name, const json_t *info,
                              struct source_list *list, struct span64 *ret_span)
{
    struct bundle_tensor t = { 0 };
    enum status st;
    if (strlen(name) > BUNDLE_MAX_NAME)
        return broken(r, name, "has too long a name");
    if ((st = read_dtype(r, name, info, &t.dtype)) || (st = read_shape(r, name, info, &t)) ||
        (st = read_place(r, name, info, &t, ret_span)))
        return st;
    if (list->n >= BUNDLE_MAX_TENSORS)
        return error_set(r->err, ST_LIMIT, "%s: more than %d tensors", r->s->name,
                         BUNDLE_MAX_TENSORS);
    t.name = arena_slice(r->arena, slice_of(name));
    if (hashmap_get(&list->by_name, t.name, &(uint64_t){ 0 }))
        return broken(r, name, "stands in another file too");
    struct source_tensor *source = array_push(&list->tensor, &list->n, &list->cap, sizeof *source);
    if (!source || r->arena->failed || !hashmap_put(&list->by_name, t.name, list->n - 1))
        return error_nomem(r->err);
    *source = (struct source_tensor){ t, r->s->name };
    return ST_OK;
}

static int by_begin(const void *a, const void *b)
{
    const struct span64 *x = a, *y = b;
    return x->begin != y->begin ? (x->begin < y->begin ? -1 : 1)
                                : (x->end > y->end) - (x->end < y->end);
}

static enum status check_cover(const struct reader *r, struct span64 *span, size_t n)
{
    uint64_t at = 0;
    if (n)
        qsort(span, n, sizeof *span, by_begin);
    for (size_t i = 0; i < n; i++) {
        if (span[i].begin != at)
            return error_set(r->err, ST_INVALID, "%s: %s at byte %" PRIu64 " of the data",
                             r->s->name, span[i].begin < at ? "tensors lie over each other"
                                                            : "there is a hole", at);
        at = span[i].end;
    }
    if (at != r->size)
        return error_set(r->err, ST_INVALID, "%s: %" PRIu64 " bytes of data, %" PRIu64
                         " are described", r->s->name, r->size, at);
    return ST_OK;
}

static enum status read_header(const struct reader *r, json_t *header, struct source_list *list)
{
    struct span64 *span = mem_calloc(json_object_size(header) + 1, sizeof *span);
    if (!span)
        return error_nomem(r->err);
    size_t n = 0;
    enum status st = ST_OK;
    const char *name;
    json_t *info;
    json_object_foreach(header, name, info) {
        if (strcmp(name, "__metadata__") == 0)
            continue;
        st = add_tensor(r, name, info, list, &span[n++]);
        if (st != ST_OK)
            break;
    }
    if (st == ST_OK)
        st = check_cover(r, span, n);
    mem_free(span);
    return st;
}

enum status safetensors_read(const struct checkpoint_shard *s, struct arena *arena,
                             struct source_list *list, struct error *err)
{
    uint64_t n = 0;
    if (s->size < sizeof n)
        return error_set(err, ST_INVALID, "%s: too short for safetensors", s->name);
    memcpy(&n, s->bytes, sizeof n);
    if (n > s->size - sizeof n)
        return error_set(err, ST_INVALID, "%s: the header is longer than the file", s->name);
    if (n > MAX_HEADER)
        return error_set(err, ST_LIMIT, "%s: a header of %" PRIu64 " bytes, at most %d are read",
                         s->name, n, MAX_HEADER);
    struct jsonio_limits limits = { .max_bytes = MAX_HEADER, .max_depth = HEADER_DEPTH };
    json_t *header = NULL;
    struct error at = { 0 };
    struct slice text = { (const char *)s->bytes + sizeof n, (size_t)n };
    enum status st = jsonio_load(text, &limits, &header, &at);
    if (st != ST_OK)
        return error_set(err, st, "%s: the header: %.300s", s->name, at.text);
    struct reader r = { s, s->bytes + sizeof n + n, s->size - sizeof n - n, arena, err };
    st = json_is_object(header)
       ? read_header(&r, header, list)
       : error_set(err, ST_INVALID, "%s: the header is no JSON object", s->name);
    json_decref(header);
    return st;
}
