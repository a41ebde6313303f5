/* dtype.c - names and block sizes, from the rows. */
#include "kernels/dtype.h"

const char *dtype_name(enum dtype t)
{
    static const char *const name[] = {
#define X(name, bytes, elems) #name,
        DTYPE_ROWS(X)
#undef X
    };
    return (unsigned)t < DT_N ? name[t] : "?";
}

size_t dtype_block_bytes(enum dtype t)
{
    static const uint16_t bytes[] = {
#define X(name, bytes, elems) bytes,
        DTYPE_ROWS(X)
#undef X
    };
    return bytes[t];
}

size_t dtype_block_elems(enum dtype t)
{
    static const uint16_t elems[] = {
#define X(name, bytes, elems) elems,
        DTYPE_ROWS(X)
#undef X
    };
    return elems[t];
}
