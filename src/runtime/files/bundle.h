/* bundle.h - what a model on disk offers: metadata by key, tensors by name.
 *
 * One header for every file format; the format is picked by the file's first bytes.  A directory
 * with config.json is a checkpoint of safetensors; its keys, names and tensors are those that a GGUF
 * file of the same model has (checkpoint.h).  Everything
 * that is handed out points into the mapped file and lives as long as the bundle.  A bundle is
 * immutable after open and may be read from any thread. */
#ifndef RUNTIME_FILES_BUNDLE_H
#define RUNTIME_FILES_BUNDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "kernels/dtype.h"

struct bundle;

enum { BUNDLE_MAX_DIM = 4 };

struct bundle_tensor {
    struct slice   name;
    enum dtype     dtype;
    uint32_t       n_dim;
    uint64_t       dim[BUNDLE_MAX_DIM];     /* outermost first: a matrix is [out, in] */
    const uint8_t *data;
    uint64_t       size;                    /* bytes; checked against dtype and dim */
};

/* ST_NOT_FOUND, ST_IO, ST_INVALID (with what is wrong and where), ST_UNSUPPORTED (by name). */
enum status bundle_open(const char *path, struct bundle **ret_bundle, struct error *err);
/* The same over bytes that the caller keeps alive (tests, fuzzing). */
enum status bundle_open_memory(const uint8_t *bytes, size_t size, struct bundle **ret_bundle,
                               struct error *err);
void bundle_close(struct bundle *b);                    /* NULL is fine */

const char *bundle_path(const struct bundle *b);

/* Metadata.  False when the key is absent or has another kind; numbers convert between kinds
 * when no digit is lost. */
bool bundle_str(const struct bundle *b, const char *key, struct slice *ret);
bool bundle_u64(const struct bundle *b, const char *key, uint64_t *ret);
bool bundle_f64(const struct bundle *b, const char *key, double *ret);
bool bundle_bool(const struct bundle *b, const char *key, bool *ret);

/* Arrays: length, then elements by index. */
bool bundle_array_len(const struct bundle *b, const char *key, uint64_t *ret_n);
bool bundle_array_str(const struct bundle *b, const char *key, uint64_t i, struct slice *ret);
bool bundle_array_f64(const struct bundle *b, const char *key, uint64_t i, double *ret);
bool bundle_array_u64(const struct bundle *b, const char *key, uint64_t i, uint64_t *ret);
/* Of an array of booleans, or of whole numbers that are 0 or not. */
bool bundle_array_bool(const struct bundle *b, const char *key, uint64_t i, bool *ret);
/* The whole array of strings in one pass into ret[n]; n as from bundle_array_len. */
bool bundle_array_strs(const struct bundle *b, const char *key, struct slice *ret, uint64_t n);

uint32_t bundle_n_tensor(const struct bundle *b);
const struct bundle_tensor *bundle_tensor_at(const struct bundle *b, uint32_t i);
const struct bundle_tensor *bundle_tensor(const struct bundle *b, const char *name);  /* or NULL */

#endif
