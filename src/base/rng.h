/* rng.h - counter-based random numbers: the same key and counter give the same number, always.
 *
 * Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011).  A key is
 * a path: the seed, mixed with every step that leads to a draw (LANGUAGE.md 19.2). */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include <stdint.h>

struct rng_key {
    uint64_t lo;
    uint64_t hi;
};

struct rng_key rng_key_seed(uint64_t seed);
struct rng_key rng_key_step(struct rng_key key, uint32_t kind, uint64_t n);    /* one step further */

void     rng_block(struct rng_key key, uint64_t counter, uint32_t out[4]);
uint64_t rng_u64(struct rng_key key, uint64_t counter);
double   rng_unit(struct rng_key key, uint64_t counter);    /* strictly inside (0, 1) */
uint64_t rng_fresh_seed(void);                              /* from the system's random source */

#endif
