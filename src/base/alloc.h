/* alloc.h - the host's allocator: every byte of host memory that we keep goes through it.
 *
 * The hook is set once, before anything else is called (sgl_runtime_new does it); the counters
 * are atomic, so that a test can assert that everything came back. */
#ifndef BASE_ALLOC_H
#define BASE_ALLOC_H

#include <stddef.h>
#include <stdint.h>

/* realloc semantics: ptr NULL allocates, size 0 frees and returns NULL. */
typedef void *(*mem_fn)(void *ctx, void *ptr, size_t old_size_hint, size_t size);

void  mem_set_hook(mem_fn fn, void *ctx);   /* fn NULL: back to libc */

/* NULL when out of memory.  Alignment as malloc's. */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_calloc(size_t n, size_t size);            /* NULL also when n * size overflows */
void *mem_realloc(void *ptr, size_t size);
void  mem_free(void *ptr);                          /* NULL is fine */
char *mem_strdup(const char *s);
char *mem_strndup(const char *s, size_t n);

/* Blocks aligned to `align` (a power of two); freed by mem_free_aligned only. */
void *mem_alloc_aligned(size_t align, size_t size);
void  mem_free_aligned(void *ptr);

int64_t mem_live_blocks(void);                      /* blocks allocated and not freed */

#endif
