/* rng.c - Philox4x32-10 as published: ten rounds of two wide products, no state but the key. */
#include "base/rng.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/hash.h"

enum { ROUNDS = 10 };

static const uint32_t MUL0 = 0xd2511f53u, MUL1 = 0xcd9e8d57u;   /* multipliers of the paper */
static const uint32_t WEYL0 = 0x9e3779b9u, WEYL1 = 0xbb67ae85u; /* key increments of the paper */

struct rng_key rng_key_seed(uint64_t seed)
{
    return (struct rng_key){ hash_u64(seed), hash_u64(seed ^ 0x7365656421ull) };
}

struct rng_key rng_key_step(struct rng_key key, uint32_t kind, uint64_t n)
{
    uint64_t words[4] = { key.lo, key.hi, kind, n };
    struct hash128 h = hash128_bytes(words, sizeof words);
    return (struct rng_key){ h.lo, h.hi };
}

/* Philox takes a key of 64 bits and a counter of 128: the upper half of ours joins the counter. */
void rng_block(struct rng_key key, uint64_t counter, uint32_t out[4])
{
    uint32_t k0 = (uint32_t)key.lo, k1 = (uint32_t)(key.lo >> 32);
    uint32_t c0 = (uint32_t)counter, c1 = (uint32_t)(counter >> 32);
    uint32_t c2 = (uint32_t)key.hi, c3 = (uint32_t)(key.hi >> 32);
    for (int i = 0; i < ROUNDS; i++) {
        uint64_t p0 = (uint64_t)MUL0 * c0;
        uint64_t p1 = (uint64_t)MUL1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += WEYL0;
        k1 += WEYL1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint64_t rng_u64(struct rng_key key, uint64_t counter)
{
    uint32_t w[4];
    rng_block(key, counter, w);
    return (uint64_t)w[1] << 32 | w[0];
}

/* 52 random bits and a half: never 0, never 1, every step of the same width. */
double rng_unit(struct rng_key key, uint64_t counter)
{
    return ((double)(rng_u64(key, counter) >> 12) + 0.5) * 0x1p-52;
}

uint64_t rng_fresh_seed(void)
{
    uint64_t seed;
    if (getrandom(&seed, sizeof seed, 0) != (ssize_t)sizeof seed)
        seed = hash_u64(clock_ns());
    return seed;
}
