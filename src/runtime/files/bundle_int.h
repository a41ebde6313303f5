/* bundle_int.h - the inside of a bundle, shared by the readers of the formats only.
 *
 * A reader walks the head of the file once, checks every length against the bytes that are there,
 * and leaves a directory: keys and tensors as slices of the mapping.  Nothing is copied; only the
 * offsets of the elements of string arrays are kept, so that one element is found in one step. */
#ifndef RUNTIME_FILES_BUNDLE_INT_H
#define RUNTIME_FILES_BUNDLE_INT_H

#include "base/arena.h"
#include "base/fs.h"
#include "base/hashmap.h"
#include "runtime/files/bundle.h"

enum {
    BUNDLE_MAX_TENSORS = 1 << 16,
    BUNDLE_MAX_KEYS = 1 << 16,
    BUNDLE_MAX_NAME = 4096      /* bytes of a key or of a tensor's name */
};

enum bundle_kind { BK_U64, BK_I64, BK_F64, BK_BOOL, BK_STR, BK_ARRAY };

/* How one element of an array lies in the file; BE_STR has an offset table instead. */
enum bundle_elem { BE_U8, BE_I8, BE_U16, BE_I16, BE_U32, BE_I32, BE_F32, BE_BOOL, BE_STR,
                   BE_U64, BE_I64, BE_F64 };

struct bundle_value {
    enum bundle_kind kind;
    union {
        uint64_t     u;
        int64_t      i;
        double       f;
        struct slice str;
    };
    enum bundle_elem elem;      /* of an array */
    uint64_t         n;         /* elements of an array */
    const uint8_t   *data;      /* first element of an array */
    uint64_t        *off;       /* [n] of a string array: where each string lies from `data` */
};

struct bundle_key {
    struct slice        name;
    struct bundle_value value;
};

struct bundle {
    struct fs_map         map;          /* empty when the bytes are the caller's */
    struct fs_map        *shard;        /* [n_shard] data of a checkpoint in a directory */
    uint32_t              n_shard;
    struct arena          own;          /* what a checkpoint's reader made: keys, names, some tensors */
    const uint8_t        *bytes;
    size_t                size;
    char                 *path;         /* "memory" without a file */
    struct bundle_key    *key;          /* [n_key] */
    uint32_t              n_key, cap_key;
    struct bundle_tensor *tensor;       /* [n_tensor] */
    uint32_t              n_tensor, cap_tensor;
    struct hashmap        key_by_name;
    struct hashmap        tensor_by_name;
};

/* Fills keys and tensors of a GGUF file of version 2 or 3; b->bytes is set. */
enum status gguf_read(struct bundle *b, struct error *err);
size_t      gguf_elem_size(enum bundle_elem e);     /* 0 for strings */

/* Keys of a reader whose file has other ones; name, text and numbers are copied into b->own, which
 * is marked as failed when memory is out.  A key that is there already stays as it is. */
/* False: out of memory. */
bool bundle_put_tensor(struct bundle *b, const struct bundle_tensor *t);
void bundle_put_u64(struct bundle *b, const char *key, uint64_t x);
void bundle_put_f64(struct bundle *b, const char *key, double x);
void bundle_put_bool(struct bundle *b, const char *key, bool x);
void bundle_put_str(struct bundle *b, const char *key, struct slice text);
void bundle_put_strs(struct bundle *b, const char *key, const struct slice *text, uint32_t n);
void bundle_put_array(struct bundle *b, const char *key, enum bundle_elem e, const void *data,
                      uint32_t n);

#endif
