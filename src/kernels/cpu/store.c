/* store.c - runs of large pages, counted by the parts that lie in them.
 *
 * The kernel is only asked for large pages (madvise): where it has none, or is told to give none,
 * everything works as before, slower. */
#include "kernels/cpu/store.h"

#include <stdint.h>
#include <sys/mman.h>

#include "base/alloc.h"

enum { LINE = 64, LARGE_PAGE = 2 << 20, RUN = 16 << 20 };

struct store {
    uint8_t *mem;
    size_t   size, used;
    uint32_t n_hold;        /* parts, and one for the owner while it cuts here */
};

static struct store *store_new(size_t least)
{
    if (least > SIZE_MAX - LARGE_PAGE)
        return NULL;
    size_t size = least < RUN ? RUN : (least + LARGE_PAGE - 1) / LARGE_PAGE * LARGE_PAGE;
    struct store *s = mem_zalloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (struct store){ mem_alloc_aligned(LARGE_PAGE, size), size, 0, 1 };
    if (!s->mem) {
        mem_free(s);
        return NULL;
    }
#ifdef MADV_HUGEPAGE
    (void)madvise(s->mem, size, MADV_HUGEPAGE);     /* a wish */
#endif
    return s;
}

void *store_cut(struct store **current, size_t n, struct store **ret_of)
{
    struct store *s = *current;
    if (n > SIZE_MAX - LINE)
        return NULL;
    n = (n + LINE - 1) / LINE * LINE;
    if (s && s->n_hold == 1)
        s->used = 0;        /* nobody but the owner is left */
    if (!s || s->size - s->used < n) {
        struct store *fresh = store_new(n);
        if (!fresh)
            return NULL;
        store_drop(s);
        *current = s = fresh;
    }
    void *p = s->mem + s->used;
    s->used += n;
    s->n_hold++;
    *ret_of = s;
    return p;
}

void store_drop(struct store *s)
{
    if (!s || --s->n_hold)
        return;
    mem_free_aligned(s->mem);
    mem_free(s);
}
