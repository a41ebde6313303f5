/* array.c - the one growth rule of plain arrays: double, with every product checked. */
#include "base/array.h"

#include <string.h>

#include "base/alloc.h"

enum { FIRST_CAP = 8 };

/* The pointer is read and written by memcpy: its type is only known to the caller. */
bool array_reserve(void *data_ptr, uint32_t *cap, uint32_t need, size_t elem_size)
{
    if (need <= *cap)
        return true;
    uint32_t want = *cap ? *cap : FIRST_CAP;
    while (want < need) {
        if (want > UINT32_MAX / 2) {
            want = need;
            break;
        }
        want *= 2;
    }
    size_t bytes;
    if (__builtin_mul_overflow((size_t)want, elem_size, &bytes))
        return false;
    void *old;
    memcpy(&old, data_ptr, sizeof old);
    void *grown = mem_realloc(old, bytes);
    if (!grown)
        return false;
    memcpy(data_ptr, &grown, sizeof grown);
    *cap = want;
    return true;
}

void *array_push(void *data_ptr, uint32_t *n, uint32_t *cap, size_t elem_size)
{
    if (*n == UINT32_MAX || !array_reserve(data_ptr, cap, *n + 1, elem_size))
        return NULL;
    char *base;
    memcpy(&base, data_ptr, sizeof base);
    char *p = base + (size_t)*n * elem_size;
    memset(p, 0, elem_size);
    *n += 1;
    return p;
}
