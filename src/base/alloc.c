/* alloc.c - the one door to host memory, with a counter of live blocks.
 *
 * Every block carries a small header with its size, so that a hook learns the old size and a
 * counter needs no table.  The header keeps malloc's alignment.
 *
 * The hook is process-wide by nature: it is set before anything is allocated and never again
 * while blocks live, which is why it is read without a lock. */
#include "base/alloc.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER = 16 };   /* alignof(max_align_t) on our targets */

struct block_head {
    size_t size;        /* bytes the caller asked for */
    void  *base;        /* start of the block; differs from the header for aligned ones */
};

static void *libc_hook(void *ctx, void *ptr, size_t old_size, size_t size)
{
    (void)ctx;
    (void)old_size;
    if (size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, size);
}

static mem_fn hook_fn = libc_hook;
static void *hook_ctx;
static _Atomic int64_t live_blocks;

_Static_assert(sizeof(struct block_head) == HEADER, "the header keeps the alignment of malloc");

void mem_set_hook(mem_fn fn, void *ctx)
{
    hook_fn = fn ? fn : libc_hook;
    hook_ctx = fn ? ctx : NULL;
}

static struct block_head *head_of(void *ptr)
{
    return (struct block_head *)(void *)((char *)ptr - HEADER);
}

void *mem_alloc(size_t size)
{
    return mem_realloc(NULL, size ? size : 1);
}

void *mem_zalloc(size_t size)
{
    void *p = mem_alloc(size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *mem_calloc(size_t n, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(n, size, &total))
        return NULL;
    return mem_zalloc(total);
}

void *mem_realloc(void *ptr, size_t size)
{
    if (size == 0) {
        mem_free(ptr);
        return NULL;
    }
    if (size > SIZE_MAX - HEADER)
        return NULL;
    struct block_head *old = ptr ? head_of(ptr) : NULL;
    size_t old_size = old ? old->size + HEADER : 0;
    struct block_head *h = hook_fn(hook_ctx, old, old_size, size + HEADER);
    if (!h)
        return NULL;
    if (!ptr)
        atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    h->size = size;
    h->base = h;
    return (char *)h + HEADER;
}

void mem_free(void *ptr)
{
    if (!ptr)
        return;
    struct block_head *h = head_of(ptr);
    hook_fn(hook_ctx, h, h->size + HEADER, 0);
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
}

char *mem_strdup(const char *s)
{
    return mem_strndup(s, strlen(s));
}

char *mem_strndup(const char *s, size_t n)
{
    if (n == SIZE_MAX)
        return NULL;
    char *p = mem_alloc(n + 1);
    if (!p)
        return NULL;
    if (n)
        memcpy(p, s, n);
    p[n] = '\0';
    return p;
}

void *mem_alloc_aligned(size_t align, size_t size)
{
    if (align < HEADER)
        align = HEADER;
    if (size > SIZE_MAX - align - HEADER)
        return NULL;
    size_t total = size + align + HEADER;
    char *base = hook_fn(hook_ctx, NULL, 0, total);
    if (!base)
        return NULL;
    atomic_fetch_add_explicit(&live_blocks, 1, memory_order_relaxed);
    uintptr_t at = ((uintptr_t)base + HEADER + align - 1) & ~(uintptr_t)(align - 1);
    char *p = base + (at - (uintptr_t)base);
    struct block_head *h = head_of(p);
    h->size = total;
    h->base = base;
    return p;
}

void mem_free_aligned(void *ptr)
{
    if (!ptr)
        return;
    struct block_head *h = head_of(ptr);
    hook_fn(hook_ctx, h->base, h->size, 0);
    atomic_fetch_sub_explicit(&live_blocks, 1, memory_order_relaxed);
}

int64_t mem_live_blocks(void)
{
    return atomic_load_explicit(&live_blocks, memory_order_relaxed);
}
