/* hashmap.h - open-addressing maps: bytes to a 64-bit value, and a 64-bit key to a 64-bit value.
 *
 * Keys of a hashmap are not copied: the caller keeps their bytes alive (an arena does).  Iteration
 * order is not promised; do not let it reach an output. */
#ifndef BASE_HASHMAP_H
#define BASE_HASHMAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct hashmap_slot;

struct hashmap {                    /* zeroed is empty */
    struct hashmap_slot *slot;
    uint32_t             n;
    uint32_t             cap;       /* power of two, or 0 */
};

bool hashmap_put(struct hashmap *m, struct slice key, uint64_t value);  /* false: out of memory */
bool hashmap_get(const struct hashmap *m, struct slice key, uint64_t *ret_value);
bool hashmap_del(struct hashmap *m, struct slice key);
bool hashmap_next(const struct hashmap *m, uint32_t *it, struct slice *ret_key, uint64_t *ret_value);
void hashmap_free(struct hashmap *m);

struct idmap_slot;

struct idmap {                      /* zeroed is empty; any key is allowed */
    struct idmap_slot *slot;
    uint32_t           n;
    uint32_t           cap;
};

bool idmap_put(struct idmap *m, uint64_t key, uint64_t value);
bool idmap_get(const struct idmap *m, uint64_t key, uint64_t *ret_value);
bool idmap_del(struct idmap *m, uint64_t key);
void idmap_free(struct idmap *m);

#endif
