/* dtype.h - element types of tensors and their block sizes. */
#ifndef KERNELS_DTYPE_H
#define KERNELS_DTYPE_H

#include <stddef.h>
#include <stdint.h>

/* name, bytes a block, elements a block */
#define DTYPE_ROWS(X)       \
    X(F32, 4, 1)            \
    X(F16, 2, 1)            \
    X(BF16, 2, 1)           \
    X(Q8_0, 34, 32)         \
    X(Q4_0, 18, 32)         \
    X(Q4_1, 20, 32)         \
    X(Q5_0, 22, 32)         \
    X(Q5_1, 24, 32)         \
    X(Q4_K, 144, 256)       \
    X(Q5_K, 176, 256)       \
    X(Q6_K, 210, 256)

enum dtype {
#define X(name, bytes, elems) DT_##name,
    DTYPE_ROWS(X)
#undef X
    DT_N
};

const char *dtype_name(enum dtype t);
size_t      dtype_block_bytes(enum dtype t);
size_t      dtype_block_elems(enum dtype t);

#endif
