/* leaf_walk.h - making the entry of a leaf state; memo.c keeps them. */
#ifndef RUNTIME_CONSTRAIN_LEAF_WALK_H
#define RUNTIME_CONSTRAIN_LEAF_WALK_H

#include "runtime/constrain/memo.h"

/* Where the walk of an entry begins; a loop counts its code points. */
enum from { FROM_ROOT, FROM_LOOP, FROM_BLANKS };

/* An empty entry, counted once; NULL: out of memory. */
struct leaf_mask *leaf_mask_new(struct hash128 key);
/* The entry of q; `ends_only`: of its exits, which are quotes.  NULL: failed or out of memory.  The
 * lock of the leaves is held. */
struct leaf_mask *leaf_walk(const struct vocab *v, struct terminals *t, uint32_t q, struct hash128 key,
                            enum from from, bool ends_only);

#endif
