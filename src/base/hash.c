/* hash.c - XXH3 with one seed of ours, so that hashes written to a file stay comparable. */
#include "base/hash.h"

#include <xxhash.h>

static const uint64_t OUR_SEED = 0x73676c2d31ull;   /* "sgl-1" */

uint64_t hash_bytes(const void *data, size_t len)
{
    return XXH3_64bits_withSeed(len ? data : "", len, OUR_SEED);
}

/* The finaliser of SplitMix64 (Steele et al., 2014): every input bit reaches every output bit. */
uint64_t hash_u64(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

uint64_t hash_combine(uint64_t a, uint64_t b)
{
    return hash_u64(hash_u64(a) + b);
}

struct hash128 hash128_bytes(const void *data, size_t len)
{
    return hash128_seeded(data, len, OUR_SEED);
}

struct hash128 hash128_seeded(const void *data, size_t len, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(len ? data : "", len, seed);
    return (struct hash128){ h.low64, h.high64 };
}
