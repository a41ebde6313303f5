/* hash.h - xxhash with our seeds.  A hash is a hint unless it has 128 bits. */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

struct hash128 {
    uint64_t lo;
    uint64_t hi;
};

uint64_t       hash_bytes(const void *data, size_t len);                        /* stable across runs */
uint64_t       hash_u64(uint64_t x);                                            /* mixes one word */
uint64_t       hash_combine(uint64_t a, uint64_t b);
struct hash128 hash128_bytes(const void *data, size_t len);
struct hash128 hash128_seeded(const void *data, size_t len, uint64_t seed);

#endif
