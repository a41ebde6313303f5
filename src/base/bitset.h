/* bitset.h - sets of small numbers, and the layout of a mask row: bit i%32 of word i/32. */
#ifndef BASE_BITSET_H
#define BASE_BITSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline size_t bitset_words(size_t n_bit)
{
    return (n_bit + 31) / 32;
}

static inline bool bitset_has(const uint32_t *w, size_t i)
{
    return w[i / 32] >> (i % 32) & 1u;
}

static inline void bitset_add(uint32_t *w, size_t i)
{
    w[i / 32] |= 1u << (i % 32);
}

static inline void bitset_del(uint32_t *w, size_t i)
{
    w[i / 32] &= ~(1u << (i % 32));
}

static inline size_t bitset_count(const uint32_t *w, size_t n_word)
{
    size_t n = 0;
    for (size_t i = 0; i < n_word; i++)
        n += (size_t)__builtin_popcount(w[i]);
    return n;
}

/* Rows are joined many words at a time; they need not be aligned. */
typedef uint32_t bitset_lanes __attribute__((vector_size(32), aligned(4), may_alias));

static inline void bitset_or(uint32_t *dst, const uint32_t *src, size_t n_word)
{
    size_t i = 0;
    for (; i + 8 <= n_word; i += 8)
        *(bitset_lanes *)(dst + i) |= *(const bitset_lanes *)(src + i);
    for (; i < n_word; i++)
        dst[i] |= src[i];
}

static inline void bitset_and(uint32_t *dst, const uint32_t *src, size_t n_word)
{
    size_t i = 0;
    for (; i + 8 <= n_word; i += 8)
        *(bitset_lanes *)(dst + i) &= *(const bitset_lanes *)(src + i);
    for (; i < n_word; i++)
        dst[i] &= src[i];
}

/* All bits below n_bit set, the tail of the last word clear. */
static inline void bitset_fill(uint32_t *w, size_t n_bit)
{
    memset(w, 0xff, n_bit / 32 * 4);
    if (n_bit % 32)
        w[n_bit / 32] = (1u << (n_bit % 32)) - 1;
}

#endif
