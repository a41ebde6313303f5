/* slab.c - same-size objects cut from blocks; a released object waits in a list of free ones. */
#include "base/slab.h"

#include <string.h>

#include "base/alloc.h"

enum { PER_BLOCK = 32, ALIGN = 16 };

struct slab_block {
    struct slab_block *older;
    size_t             pad;     /* keeps the objects behind it aligned */
};

static size_t stride(const struct slab *s)
{
    size_t size = s->size < sizeof(void *) ? sizeof(void *) : s->size;
    return (size + ALIGN - 1) & ~(size_t)(ALIGN - 1);
}

static void push_free(struct slab *s, void *obj)
{
    memcpy(obj, &s->free_list, sizeof s->free_list);
    s->free_list = obj;
}

static int slab_grow(struct slab *s)
{
    size_t step = stride(s);
    if (step > (SIZE_MAX - sizeof(struct slab_block)) / PER_BLOCK)
        return 0;
    struct slab_block *b = mem_alloc(sizeof *b + step * PER_BLOCK);
    if (!b)
        return 0;
    b->older = s->block;
    s->block = b;
    char *first = (char *)(b + 1);
    for (size_t i = PER_BLOCK; i-- > 0;)
        push_free(s, first + i * step);
    return 1;
}

void *slab_alloc(struct slab *s)
{
    if (!s->free_list && !slab_grow(s))
        return NULL;
    void *obj = s->free_list;
    memcpy(&s->free_list, obj, sizeof s->free_list);
    memset(obj, 0, s->size);
    s->n_live++;
    return obj;
}

void slab_release(struct slab *s, void *obj)
{
    if (!obj)
        return;
    push_free(s, obj);
    s->n_live--;
}

void slab_free(struct slab *s)
{
    while (s->block) {
        struct slab_block *b = s->block;
        s->block = b->older;
        mem_free(b);
    }
    *s = (struct slab){ .size = s->size };
}
