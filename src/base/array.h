/* array.h - growth for arrays kept as plain members `T *x; uint32_t n_x, cap_x;`.
 *
 *     struct edge *e = array_push(&g->edge, &g->n_edge, &g->cap_edge, sizeof *e);
 *     if (!e)
 *         return error_nomem(err);
 *     e->to = to;
 */
#ifndef BASE_ARRAY_H
#define BASE_ARRAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Makes room for `need` elements in *(T **)data_ptr.  False when out of memory (nothing changed). */
bool array_reserve(void *data_ptr, uint32_t *cap, uint32_t need, size_t elem_size);

/* One more element at the end, zeroed; NULL when out of memory. */
void *array_push(void *data_ptr, uint32_t *n, uint32_t *cap, size_t elem_size);

#endif
