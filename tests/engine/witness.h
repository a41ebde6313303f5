/* witness.h - a device around another that remembers the logits behind every token history.
 *
 * It follows what every page holds, so each row of logits has a history: all tokens that its
 * attention read.  Logits are a function of the history, in exact numerics bit for bit, whatever
 * batch, chunk, page or copy they came by; a history that is met again with other bits is counted.
 * One record may serve many devices, one after the other. */
#ifndef TESTS_ENGINE_WITNESS_H
#define TESTS_ENGINE_WITNESS_H

#include "base/hashmap.h"
#include "runtime/backend/backend.h"

/* Written by the one thread that computes; read when its engine is closed. */
struct witness {
    struct idmap seen;          /* history to hash of logits */
    uint64_t     n_new, n_again, n_differ;
    uint32_t     max_row, max_seq;      /* of one batch */
};

struct backend *witness_new(struct witness *w, struct backend *inner);     /* takes inner */

#endif
