/* arena.c - bump allocation in blocks that grow, freed all at once or back to a mark. */
#include "base/arena.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum {
    ALIGN = 16,
    BLOCK_FIRST = 4096,
    BLOCK_MOST = 1 << 20,   /* a block stops doubling here; a larger request gets its own */
};

struct arena_block {
    struct arena_block *older;
    size_t              size;   /* bytes behind the header */
};

_Static_assert(sizeof(struct arena_block) % ALIGN == 0, "data behind the header stays aligned");

static char *block_data(struct arena_block *b)
{
    return (char *)(b + 1);
}

static bool arena_grow(struct arena *a, size_t need)
{
    size_t size = a->block ? a->block->size * 2 : BLOCK_FIRST;
    if (size > BLOCK_MOST)
        size = BLOCK_MOST;
    if (size < need)
        size = need;
    struct arena_block *b = size <= SIZE_MAX - sizeof *b ? mem_alloc(sizeof *b + size) : NULL;
    if (!b) {
        a->failed = true;
        return false;
    }
    b->older = a->block;
    b->size = size;
    a->block = b;
    a->used = 0;
    a->total += size;
    return true;
}

void *arena_alloc(struct arena *a, size_t size)
{
    if (a->failed)
        return NULL;
    if (size > SIZE_MAX - ALIGN) {
        a->failed = true;
        return NULL;
    }
    size_t need = size ? (size + ALIGN - 1) & ~(size_t)(ALIGN - 1) : ALIGN;
    if ((!a->block || a->block->size - a->used < need) && !arena_grow(a, need))
        return NULL;
    void *p = block_data(a->block) + a->used;
    a->used += need;
    return p;
}

void *arena_zalloc(struct arena *a, size_t size)
{
    void *p = arena_alloc(a, size);
    if (p)
        memset(p, 0, size);
    return p;
}

void *arena_array(struct arena *a, size_t n, size_t elem_size)
{
    size_t total;
    if (__builtin_mul_overflow(n, elem_size, &total)) {
        a->failed = true;
        return NULL;
    }
    return arena_zalloc(a, total);
}

void *arena_dup(struct arena *a, const void *data, size_t size)
{
    void *p = arena_alloc(a, size);
    if (p && size)
        memcpy(p, data, size);
    return p;
}

char *arena_strdup(struct arena *a, struct slice s)
{
    if (s.len == SIZE_MAX) {
        a->failed = true;
        return NULL;
    }
    char *p = arena_alloc(a, s.len + 1);
    if (!p)
        return NULL;
    if (s.len)
        memcpy(p, s.ptr, s.len);
    p[s.len] = '\0';
    return p;
}

struct slice arena_slice(struct arena *a, struct slice s)
{
    char *p = arena_strdup(a, s);
    return p ? (struct slice){ p, s.len } : (struct slice){ NULL, 0 };
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) {
        a->failed = true;
        return NULL;
    }
    char *p = arena_alloc(a, (size_t)n + 1);
    if (!p)
        return NULL;
    va_start(ap, fmt);
    vsnprintf(p, (size_t)n + 1, fmt, ap);
    va_end(ap);
    return p;
}

struct arena_mark arena_mark(const struct arena *a)
{
    return (struct arena_mark){ a->block, a->used };
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
    while (a->block != m.block) {
        struct arena_block *b = a->block;
        a->block = b->older;
        a->total -= b->size;
        mem_free(b);
    }
    a->used = m.used;
}

void arena_free(struct arena *a)
{
    arena_rewind(a, (struct arena_mark){ NULL, 0 });
    *a = (struct arena){ 0 };
}
