/* dequant.h - rows of a file's tensors as numbers: the definition of every block type. */
#ifndef KERNELS_CPU_DEQUANT_H
#define KERNELS_CPU_DEQUANT_H

#include <stddef.h>
#include <stdint.h>

#include "kernels/dtype.h"

/* n elements from the start of a block; n is a multiple of the block size. */
void dequant_row(enum dtype t, const uint8_t *src, float *dst, size_t n);

/* Scale and minimum of group j (0..7) of a Q4_K or Q5_K block. */
void dequant_scale_k(const uint8_t sc[12], int j, uint8_t *ret_scale, uint8_t *ret_min);

#endif
