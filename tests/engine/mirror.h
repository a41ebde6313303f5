/* mirror.h - a subscriber's picture of the cache: which blocks it has, by the events alone. */
#ifndef TESTS_ENGINE_MIRROR_H
#define TESTS_ENGINE_MIRROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { MIRROR_MOST = 4096 };

struct mirror {
    uint64_t hash[MIRROR_MOST];
    uint32_t n;
    uint32_t n_stored, n_removed, n_cleared;    /* events */
    uint32_t page_tokens;
};

/* One batch.  False: it is not what events.h promises, a block is told twice, one goes that was not
 * there, or one comes before the one it follows. */
bool mirror_take(struct mirror *m, struct slice batch);
bool mirror_same(const struct mirror *a, const struct mirror *b);

#endif
