/* pages.h - the pool of KV pages: which ids are free, and what the others are used for.
 *
 * A page is in exactly one state: FREE; HELD by one timeline, which alone writes it; or CACHED,
 * owned by a node of the radix tree and never written again once its tokens are computed.  Pages
 * move between states, they are never owned twice.  Ids below `first` are the device's own and
 * are not given out.  Only the scheduler thread touches a pool. */
#ifndef RUNTIME_CACHE_PAGES_H
#define RUNTIME_CACHE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

enum page_state { PAGE_FREE, PAGE_HELD, PAGE_CACHED, PAGE_N_STATE };

enum { PAGE_NONE = 0xffffffffu };

struct pages;

enum status pages_new(uint32_t first, uint32_t n_page, struct pages **ret, struct error *err);
void        pages_free(struct pages *p);

uint32_t pages_take(struct pages *p);                   /* a HELD page, or PAGE_NONE */
void     pages_give(struct pages *p, uint32_t id);      /* HELD or CACHED to FREE */
void     pages_cache(struct pages *p, uint32_t id);     /* HELD to CACHED */
uint32_t pages_count(const struct pages *p, enum page_state state);
uint32_t pages_total(const struct pages *p);            /* all that can be given out */

/* The counters against the states, one by one. */
bool pages_check(const struct pages *p, struct error *err);

#endif
