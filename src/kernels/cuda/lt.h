/* lt.h - products through cuBLASLt, which is opened when a GPU is.
 *
 * One algorithm for one (n_out, n_in, type), whatever the number of rows: rows are padded to whole
 * tiles and the algorithm neither splits K nor looks at the rows, so that a row's bits do not
 * depend on how many stand beside it. */
#ifndef KERNELS_CUDA_LT_H
#define KERNELS_CUDA_LT_H

#include <cuda_runtime_api.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

#ifdef __cplusplus
extern "C" {
#endif

struct lt;
struct lt_choice;

/* max_row: a multiple of KERNEL_ROW_TILE. */
enum status lt_new(uint32_t max_row, struct lt **ret, struct error *err);
void        lt_free(struct lt *lt);                             /* NULL is fine */

/* Found again when the shape has been asked for before; lives as long as lt. */
enum status lt_choose(struct lt *lt, uint32_t n_out, uint32_t n_in, bool bf16,
                      const struct lt_choice **ret, struct error *err);

/* The same, chosen for max_row rows: for measuring. */
enum status lt_choose_large(struct lt *lt, uint32_t n_out, uint32_t n_in, bool bf16,
                            const struct lt_choice **ret, struct error *err);

/* out[r, o] (+)= sum over k of x[r, k] * w[o, k]; fp32 sums.  n_row: a multiple of the tile.  The
 * answer is cuBLAS's status, 0 for success. */
int         lt_product(struct lt *lt, cudaStream_t s, const struct lt_choice *c,
                       const uint16_t *w, const uint16_t *x, uint32_t n_row, float *out,
                       bool add);

#ifdef __cplusplus
}
#endif

#endif
