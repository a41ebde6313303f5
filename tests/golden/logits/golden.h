/* golden.h - what tests against golden logits share: ids of a line, and every position's logits. */
#ifndef TESTS_GOLDEN_LOGITS_GOLDEN_H
#define TESTS_GOLDEN_LOGITS_GOLDEN_H

#include "runtime/backend/backend.h"

/* Numbers of a line; returns how many, at most `most`. */
uint32_t golden_ids(const char *at, uint32_t most, uint32_t *ret);
/* Logits [n, n_vocab] of n ids, by at most `chunk` rows a pass and no more than a batch may hold. */
enum status golden_logits(struct backend *be, const uint32_t *id, uint32_t n, uint32_t chunk,
                          const uint32_t *page, float *ret, struct error *err);

#endif
