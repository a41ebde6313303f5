/* pages.c - a stack of free ids and a state byte a page.
 *
 * The state byte is what makes a double free or a page with two owners an assert at the place
 * where it happens, and not a wrong token much later. */
#include "runtime/cache/pages.h"

#include <assert.h>

#include "base/alloc.h"

struct pages {
    uint32_t  first, n_page;        /* ids first .. n_page - 1 are given out */
    uint32_t *free_id;              /* [n_free] a stack: the page used last is the warmest */
    uint8_t  *state;                /* [n_page] */
    uint32_t  n_state[PAGE_N_STATE];
};

enum status pages_new(uint32_t first, uint32_t n_page, struct pages **ret, struct error *err)
{
    if (n_page <= first)
        return error_set(err, ST_INVALID, "a pool of %u pages has none to give out", n_page);

    struct pages *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    p->first = first;
    p->n_page = n_page;
    p->free_id = mem_calloc(n_page, sizeof *p->free_id);
    p->state = mem_calloc(n_page, sizeof *p->state);
    if (!p->free_id || !p->state) {
        pages_free(p);
        return error_nomem(err);
    }
    for (uint32_t id = n_page; id-- > first;)
        p->free_id[p->n_state[PAGE_FREE]++] = id;
    *ret = p;
    return ST_OK;
}

void pages_free(struct pages *p)
{
    if (!p)
        return;
    mem_free(p->free_id);
    mem_free(p->state);
    mem_free(p);
}

static void set_state(struct pages *p, uint32_t id, enum page_state state)
{
    assert(id >= p->first && id < p->n_page && p->state[id] != state);
    p->n_state[p->state[id]]--;
    p->n_state[state]++;
    p->state[id] = (uint8_t)state;
}

uint32_t pages_take(struct pages *p)
{
    if (!p->n_state[PAGE_FREE])
        return PAGE_NONE;
    uint32_t id = p->free_id[p->n_state[PAGE_FREE] - 1];
    set_state(p, id, PAGE_HELD);
    return id;
}

void pages_give(struct pages *p, uint32_t id)
{
    set_state(p, id, PAGE_FREE);
    p->free_id[p->n_state[PAGE_FREE] - 1] = id;
}

void pages_cache(struct pages *p, uint32_t id)
{
    assert(p->state[id] == PAGE_HELD);
    set_state(p, id, PAGE_CACHED);
}

uint32_t pages_count(const struct pages *p, enum page_state state)
{
    return p->n_state[state];
}

uint32_t pages_total(const struct pages *p)
{
    return p->n_page - p->first;
}

bool pages_check(const struct pages *p, struct error *err)
{
    uint32_t n[PAGE_N_STATE] = {0};
    for (uint32_t id = p->first; id < p->n_page; id++)
        n[p->state[id]]++;
    for (int s = 0; s < PAGE_N_STATE; s++) {
        if (n[s] == p->n_state[s])
            continue;
        error_set(err, ST_INTERNAL, "%u pages are in state %d, %u are counted", n[s], s,
                  p->n_state[s]);
        return false;
    }
    for (uint32_t i = 0; i < p->n_state[PAGE_FREE]; i++) {
        if (p->state[p->free_id[i]] == PAGE_FREE)
            continue;
        error_set(err, ST_INTERNAL, "page %u is in use and in the free list", p->free_id[i]);
        return false;
    }
    return true;
}
