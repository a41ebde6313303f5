/* store.h - memory of packed weights, cut from runs of large pages.
 *
 *     current run   | part | part | part |   free until the next cut   |
 *     a full run    | part | part | part | part | rest |                 lives while its parts do
 *
 * A step reads every weight once.  With pages of 4 KiB that is a walk of the page tables every few
 * hundred nanoseconds, and a hardware prefetcher stops at each page; the matrices of a small model
 * are too small to get large pages each for itself, so they share runs.
 *
 * Parts of one owner are cut and dropped by one thread at a time. */
#ifndef KERNELS_CPU_STORE_H
#define KERNELS_CPU_STORE_H

#include <stddef.h>

struct store;

/* n bytes, aligned to a line, of the run in *current, or of a new one that takes its place there.
 * *ret_of is what store_drop wants back.  NULL when out of memory. */
void *store_cut(struct store **current, size_t n, struct store **ret_of);
/* One cut less, or the owner's own hold on *current; the last one frees the run.  NULL is fine. */
void  store_drop(struct store *s);

#endif
