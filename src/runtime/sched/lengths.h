/* lengths.h - how long a tenant's answers have been lately, so that room for the next can be
 * foreseen.
 *
 * Lengths are counted in quarters of a power of two, up to half a million tokens; old ones fade, so
 * that what is asked now decides. */
#ifndef RUNTIME_SCHED_LENGTHS_H
#define RUNTIME_SCHED_LENGTHS_H

#include <stdint.h>

enum { LENGTHS_CLASSES = 72 };

struct lengths {                /* zeroed is empty */
    uint16_t count[LENGTHS_CLASSES];
    uint32_t n;
};

void     lengths_note(struct lengths *l, uint32_t n_tok);
/* Nine of ten were at most this long; 0: too few were seen to tell. */
uint32_t lengths_high(const struct lengths *l);

#endif
