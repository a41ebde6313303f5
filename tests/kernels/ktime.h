/* ktime.h - times one shape of a product on one core; for kcheck --time. */
#ifndef TESTS_KERNELS_KTIME_H
#define TESTS_KERNELS_KTIME_H

#include "kernels/kernels.h"

enum { KTIME_MANY = 12 };   /* rows from which operations, not bytes, are the ceiling */

struct ktime_shape {
    enum dtype dtype;
    uint32_t   n_row, n_out, n_in;
};

/* w: random blocks of one matrix; x: [n_row, n_in]; out: room for the result.  The device has one
 * thread.  Prints one line. */
void ktime_product(struct device *d, const char *level, const struct ktime_shape *s,
                   const uint8_t *w, const float *x, float *out);

#endif
