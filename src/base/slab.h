/* slab.h - objects of one size in blocks, reused through a free list.  Not locked. */
#ifndef BASE_SLAB_H
#define BASE_SLAB_H

#include <stddef.h>
#include <stdint.h>

struct slab_block;

struct slab {                       /* zeroed except `size` is empty */
    size_t             size;        /* bytes of one object, set by the owner before first use */
    void              *free_list;
    struct slab_block *block;
    uint32_t           n_live;
};

void *slab_alloc(struct slab *s);   /* zeroed; NULL when out of memory */
void  slab_release(struct slab *s, void *obj);
void  slab_free(struct slab *s);    /* all blocks, live objects too */

#endif
