/* fs.h - read, map and replace files; paths. */
#ifndef BASE_FS_H
#define BASE_FS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct fs_map {                     /* zeroed is "nothing mapped" */
    const uint8_t *bytes;
    size_t         size;
};

/* The whole file; a path "-" is standard input.  ST_NOT_FOUND, ST_IO, ST_LIMIT. */
enum status fs_read(const char *path, size_t max_bytes, struct str *ret_text, struct error *err);
enum status fs_map(const char *path, struct fs_map *ret_map, struct error *err);    /* read-only */
void        fs_unmap(struct fs_map *map);

/* Writes beside the file and renames over it, so that a reader sees the old or the new one. */
enum status fs_replace(const char *path, struct slice bytes, struct error *err);
enum status fs_append(const char *path, struct slice bytes, struct error *err);
enum status fs_mkdirs(const char *path, struct error *err);

bool   fs_exists(const char *path);
bool   fs_is_dir(const char *path);
int64_t fs_size(const char *path);                      /* -1 when it cannot be read */

/* Results are NUL-terminated in *out, which is replaced. */
void fs_join(const char *dir, const char *name, struct str *out);   /* an absolute name stands alone */
void fs_dirname(const char *path, struct str *out);
const char *fs_basename(const char *path);              /* points into path */
void fs_cache_dir(struct str *out);                     /* $XDG_CACHE_HOME or ~/.cache, then "/sgl" */

#endif
