/* radix.h - the prefix cache: a tree over tokens whose edges carry KV pages.
 *
 *   namespace ->  root (no tokens)
 *                   |-- [A 64 tok  p3 p4 p5 p6]             locks 4
 *                   |      |-- [C 48 tok p20 p21 p22]       locks 1   . . tail of r12: p40, 5 tokens
 *                   |      `-- [D 160 tok p30..p39]         locks 3   PENDING: ready 96, producer 17
 *                   `-- [B 32 tok  p9 p12]                  locks 0, no child: can be evicted
 *
 * An edge holds whole pages; nodes split only at page borders, and a handle to a node stays good
 * over a split because the lower half remains the same object.  A node counts the holders that
 * end at it or below it, so an unlocked node has an unlocked subtree.
 *
 * A prefix is shared while it is still being computed: the request that will compute it (its
 * producer, named by a number that grows with admission) inserts the node at once.  `ready` tokens
 * are computed or part of the step now being built; `done` ones are computed for certain.
 *
 * What does not fill a page is never in the tree.  A holder may show it as a tail of the node that
 * it ends at; others copy the tokens they share instead of computing them.
 *
 * One owner: the scheduler thread.  Memory that runs out costs sharing, never correctness. */
#ifndef RUNTIME_CACHE_RADIX_H
#define RUNTIME_CACHE_RADIX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"
#include "runtime/cache/pages.h"

struct events;
struct radix;
struct radix_node;

enum { RADIX_MAX_PAGE_TOKENS = 64 };

/* Which unlocked leaf goes first: the one that was used longest ago; matched least often; made
 * first; matched less than twice; of the least important requests; whose next use is not known,
 * then whose is farthest.  Ties: used longest ago.  Under each of them leaves that were lowered go
 * before all others, and leaves with a soft pin behind them. */
enum radix_policy { RADIX_LRU, RADIX_LFU, RADIX_FIFO, RADIX_SLRU, RADIX_PRIORITY, RADIX_NEXT_USE };

/* What somebody says about the future of a path; the owner's, and put at the node where the path
 * ends.  It stays with what is left of the path when its end is evicted.
 *
 *      soft    evicted after everything without one
 *      hard    not evicted before a time: a lock, counted against a budget
 *      use     will be read again; `when` orders such uses, the least is next */
enum radix_wish_kind { RADIX_SOFT, RADIX_HARD, RADIX_USE };

struct radix_wish {
    struct radix_node   *node;          /* NULL: it stands nowhere */
    struct radix_wish   *prev, *next;   /* others at the node */
    enum radix_wish_kind kind;
    uint64_t             when;          /* hard: clock_ms of its end; use: see above */
};

/* Tokens behind the last whole page of a holder; a copy, so that the holder may change its own. */
struct radix_tail {
    struct radix_node *node;            /* NULL: not shown */
    struct radix_tail *prev, *next;
    uint32_t tok[RADIX_MAX_PAGE_TOKENS];
    uint32_t n_tok;                     /* known tokens ... */
    uint32_t n_done;                    /* ... of which computed */
    uint32_t page;
    uint64_t owner;                     /* the request computing it, 0 when nobody does */
};

enum status radix_new(struct pages *pages, uint32_t page_tokens, struct radix **ret,
                      struct error *err);
void        radix_free(struct radix *r);
/* False: no policy has this name. */
bool        radix_policy_named(const char *name, enum radix_policy *ret);
/* Both while the tree is empty.  Events NULL: tells nobody. */
void        radix_set_policy(struct radix *r, enum radix_policy policy);
void        radix_set_events(struct radix *r, struct events *e);

/* Length of the longest match of at most `n` tokens, in whole pages, and how much of it is
 * computed.  Changes nothing. */
uint32_t radix_peek(const struct radix *r, struct hash128 ns, const uint32_t *tok, uint32_t n,
                    uint32_t *ret_done);

/* ---- misses.c ---- */
/* Why tokens behind a match were not found, how many for each reason. */
struct radix_misses {
    uint32_t cold;              /* nobody has said them here, as far as is remembered */
    uint32_t evicted;           /* they were there, and were taken back */
    uint32_t other_namespace;   /* another namespace has them: nothing for a caller's eyes */
    uint32_t boundary;          /* they are there, in a page that differs behind them */
    uint32_t logprobs;          /* they are there, but their rows of logits are wanted */
};
/* Of n tokens, at most `limit` of which could be taken and n_match were. */
void radix_explain(const struct radix *r, struct hash128 ns, const uint32_t *tok, uint32_t n,
                   uint32_t limit, uint32_t n_match, struct radix_misses *ret);

/* Matches at most `limit` tokens and locks the node where the match ends, splitting there.  NULL
 * only when out of memory. */
struct radix_node *radix_acquire(struct radix *r, struct hash128 ns, const uint32_t *tok,
                                 uint32_t limit);
/* The caller's locked node serves a request of this priority. */
void radix_note_priority(struct radix_node *node, int32_t priority);
/* ---- pin.c ---- */
/* Pages that hard pins may keep; the rest is always there for requests.  0 at first. */
void radix_set_pin_budget(struct radix *r, uint32_t n_page);
uint32_t radix_pin_budget(const struct radix *r);
uint32_t radix_n_pinned(const struct radix *r);         /* pages under a hard pin */
/* For the path to the caller's locked node.  False: a hard pin beyond the budget, or no memory;
 * nothing changed. */
bool radix_wish(struct radix *r, struct radix_wish *w, struct radix_node *node,
                enum radix_wish_kind kind, uint64_t when);
void radix_expire(struct radix *r, uint64_t now);       /* ends hard pins that are over */
/* A use of these tokens: it stands at what the tree has of them.  Said anew: replaced. */
void radix_announce(struct radix *r, struct radix_wish *w, struct hash128 ns, const uint32_t *tok,
                    uint32_t n, uint64_t when);
void radix_forget(struct radix *r, struct radix_wish *w);   /* ends a wish; none is fine */
/* The caller's lock on `node` goes and nobody will read what lies behind the first `from` tokens:
 * those pages are evicted first, or freed now.  What others hold, wish or continued stays. */
void radix_lower(struct radix *r, struct radix_node *node, uint32_t from);
void radix_discard(struct radix *r, struct radix_node *node, uint32_t from);

void radix_lock(struct radix *r, struct radix_node *node);
void radix_unlock(struct radix *r, struct radix_node *node);

/* Adds a leaf of n tokens (whole pages) below `node`, to be computed by `producer`; the pages
 * become the tree's and the caller's lock moves to the leaf.  No child may begin with the same
 * page.  NULL when out of memory: nothing changed. */
struct radix_node *radix_insert(struct radix *r, struct radix_node *node, const uint32_t *tok,
                                uint32_t n, const uint32_t *page, uint64_t producer);
/* One computed page behind `node`.  The page becomes the tree's, or, when the tree has these tokens
 * already, *page is given back and set to the tree's.  The caller's lock moves to the returned
 * node.  NULL: not now (the same page is being computed, or out of memory); nothing changed. */
struct radix_node *radix_extend(struct radix *r, struct radix_node *node, const uint32_t *tok,
                                uint32_t *page);

uint32_t radix_end(const struct radix_node *node);      /* tokens from the root to its end */
/* Page ids of the path: table[radix_end / P]. */
void     radix_pages(const struct radix *r, const struct radix_node *node, uint32_t *table);

/* Along the path to the end of `node`: tokens from the root on that are ready, that are done. */
uint32_t radix_ready(const struct radix_node *node);
uint32_t radix_done(const struct radix_node *node);
/* Who computes the last node on the way to *at that is not ready, 0 when none is left; *at becomes
 * the node above it. */
uint64_t radix_next_producer(struct radix_node **at);
/* How many tokens from `pos` (which is radix_ready) `owner` may compute: those it produces, and
 * those whose producer is gone, which it becomes. */
uint32_t radix_claim(struct radix_node *node, uint32_t pos, uint64_t owner);
/* Tokens pos .. pos + n of the path are part of the step being built ... */
void     radix_advance(struct radix *r, struct radix_node *node, uint32_t pos, uint32_t n);
/* ... which has ended: what was ready is done, or (failed) what was not done is not ready. */
void     radix_commit(struct radix *r, bool ok);
/* `owner` stops producing and gives up its lock: waiters take over, what nobody waits for is cut
 * to its done pages. */
void     radix_leave(struct radix *r, struct radix_node *node, uint64_t owner);

void radix_tail_show(struct radix_tail *t, struct radix_node *node);
void radix_tail_hide(struct radix_tail *t);

/* The best source of the tokens behind the end of `node`. */
struct radix_source {
    uint32_t n_tok;                 /* tokens in common, computed or not */
    uint32_t n_done;                /* of which can be copied now */
    uint32_t page;
    uint64_t owner;                 /* who computes the rest, or 0 */
    const struct radix_tail *tail;  /* when it is one */
};
/* At most `limit` tokens; `skip` (a child, or NULL) and `skip_tail` are the caller's own. */
struct radix_source radix_find_tail(const struct radix *r, const struct radix_node *node,
                                    const uint32_t *tok, uint32_t limit,
                                    const struct radix_node *skip,
                                    const struct radix_tail *skip_tail);
/* The node on the path to `node` that begins at `pos`, and the one that ends there. */
struct radix_node *radix_at(struct radix_node *node, uint32_t pos);
struct radix_node *radix_parent(struct radix_node *node);

/* Frees at least n pages of unlocked leaves, in the order of the policy and from their ends;
 * returns how many.  Less than n only when fewer can be evicted. */
uint32_t radix_evict(struct radix *r, uint32_t n);
uint32_t radix_evict_unpinned(struct radix *r, uint32_t n);     /* not from under soft pins */
uint32_t radix_evictable(const struct radix *r);        /* pages */
uint64_t radix_n_evicted(const struct radix *r);        /* pages, ever */
/* Everything that is unlocked, of all namespaces or of one. */
void     radix_flush(struct radix *r);
void     radix_flush_namespace(struct radix *r, struct hash128 ns);

/* Every invariant above, and that the pool counts as many cached pages as the tree owns. */
bool radix_check(const struct radix *r, struct error *err);
void radix_dump(const struct radix *r, struct str *out);

#endif
