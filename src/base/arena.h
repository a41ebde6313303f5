/* arena.h - memory that ends all at once.
 *
 * Bump allocation in growing blocks.  An arena is sticky: after a failed allocation `failed` is
 * set, further calls return NULL, and the stage that used it checks once at its end. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct arena_block;

struct arena {
    struct arena_block *block;      /* the newest; older ones behind it */
    size_t              used;       /* bytes used of the newest block */
    size_t              total;      /* bytes in all blocks */
    bool                failed;
};

struct arena_mark {
    struct arena_block *block;
    size_t              used;
};

/* A zeroed struct arena is a valid empty one. */
void *arena_alloc(struct arena *a, size_t size);                    /* 16-byte aligned, not zeroed */
void *arena_zalloc(struct arena *a, size_t size);
void *arena_array(struct arena *a, size_t n, size_t elem_size);     /* zeroed; NULL on overflow */
void *arena_dup(struct arena *a, const void *data, size_t size);
char *arena_strdup(struct arena *a, struct slice s);                /* NUL-terminated */
struct slice arena_slice(struct arena *a, struct slice s);          /* copied, NUL behind it */
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);            /* frees what came after m */
void arena_free(struct arena *a);                                   /* back to the empty arena */

#endif
