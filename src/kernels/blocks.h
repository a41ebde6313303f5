/* blocks.h - byte layout of every quantised block that a model file may hold.
 *
 * d and m (dmin) are fp16 bits.  "Halves": low nibbles are elements 0..15 of a block of 32, high
 * nibbles elements 16..31.  All members are bytes or arrays of bytes, so that a block may lie at
 * any address of a mapped file. */
#ifndef KERNELS_BLOCKS_H
#define KERNELS_BLOCKS_H

#include <stdint.h>

enum { QK = 32, QK_K = 256 };   /* elements of a small and of a large block */

struct block_q8_0 { uint8_t d[2]; int8_t q[QK]; };                              /* d q */
struct block_q4_0 { uint8_t d[2]; uint8_t q[QK / 2]; };                         /* d (q - 8), halves */
struct block_q4_1 { uint8_t d[2], m[2]; uint8_t q[QK / 2]; };                   /* d q + m, halves */
struct block_q5_0 { uint8_t d[2], h[4]; uint8_t q[QK / 2]; };                   /* d (q - 16), bit j of h */
struct block_q5_1 { uint8_t d[2], m[2], h[4]; uint8_t q[QK / 2]; };             /* d q + m */

/* 8 groups of 32 with 6-bit scale and minimum: d sc q - dmin mn.  64 weights share 32 bytes. */
struct block_q4_k { uint8_t d[2], dmin[2], sc[12]; uint8_t q[QK_K / 2]; };
struct block_q5_k { uint8_t d[2], dmin[2], sc[12]; uint8_t h[QK_K / 8]; uint8_t q[QK_K / 2]; };

/* 16 groups of 16 with an int8 scale: d sc (q - 32); 4 low bits in l, 2 high bits in h. */
struct block_q6_k { uint8_t l[QK_K / 2]; uint8_t h[QK_K / 4]; int8_t sc[QK_K / 16]; uint8_t d[2]; };

_Static_assert(sizeof(struct block_q8_0) == 34 && sizeof(struct block_q4_0) == 18, "file layout");
_Static_assert(sizeof(struct block_q4_1) == 20 && sizeof(struct block_q5_0) == 22, "file layout");
_Static_assert(sizeof(struct block_q5_1) == 24 && sizeof(struct block_q4_k) == 144, "file layout");
_Static_assert(sizeof(struct block_q5_k) == 176 && sizeof(struct block_q6_k) == 210, "file layout");

#endif
