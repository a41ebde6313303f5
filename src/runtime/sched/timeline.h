/* timeline.h - what a context's model has read: its tokens, and what it holds of the cache.
 *
 *      page 7             page 2             page 9
 *    +------------------+------------------+------------------+
 *    | t0 ......... t15 | t16 ........ t31 | t32 t33 t34      |
 *    +------------------+------------------+------------------+
 *      the tree's         the tree's       ^ n_tree = 32        held by this timeline alone
 *
 * A hold is a lock on the tree and the pages behind it.  Pages below n_tree belong to the tree and
 * are never written by us again; those from n_tree on are ours.  A fork copies tokens only: the
 * copy finds the pages in the tree, and copies the unfinished page when it first needs it.
 *
 * `tok` belongs to the session while no request is open, and to its request otherwise.  The hold
 * belongs to the scheduler thread always. */
#ifndef RUNTIME_SCHED_TIMELINE_H
#define RUNTIME_SCHED_TIMELINE_H

#include <stdatomic.h>

#include "base/hash.h"
#include "base/queue.h"
#include "runtime/cache/radix.h"
#include "runtime/tokenizer/tokenizer.h"

enum inbox_kind { INBOX_SUBMIT, INBOX_DROP, INBOX_POKE, INBOX_CHECK, INBOX_FLUSH, INBOX_STOP };

/* First member of everything that is posted to the scheduler. */
struct inbox_item {
    struct queue_item item;
    enum inbox_kind   kind;
};

struct hold {
    struct radix_node *node;            /* locked; NULL: nothing is held */
    uint32_t          *page;            /* [n_page] ours and the tree's */
    uint32_t           n_page, cap_page;
    uint32_t           n_tree;
    struct radix_tail  tail;
};

/* Whether what a timeline keeps is given up after all else (static prefixes), or not before a
 * time, while the budget for it lasts. */
enum timeline_pin { PINNED_NOT, PINNED_SOFT, PINNED_HARD };
/* What becomes of its own pages in the cache: they age like others; go first; go at once. */
enum timeline_end { TIMELINE_KEEP, TIMELINE_LOW, TIMELINE_DISCARD };

struct timeline {
    struct inbox_item drop;             /* posted once, at the end */
    struct inbox_item poke;
    atomic_bool       poked;            /* `poke` is in the queue */
    struct token_list tok;
    struct hash128    ns;
    struct hold       rest;             /* kept between requests, given up under pressure */
    struct timeline  *rest_prev, *rest_next;
    bool              resting;          /* in the list of those that hold something */
    uint32_t          n_forked;         /* tokens that came with the fork; 0 once a request has ended */
    struct radix_wish pin;              /* of what it kept last */
    struct radix_wish use;              /* said while it waits, or lives without a hold */
    enum timeline_pin pinned;           /* set before its first request */
    uint32_t          pin_ms;           /* PINNED_HARD: how long, from each request's end */
    enum timeline_end end;              /* set before it is dropped */
    uint32_t          n_given;          /* tokens that others had said before it ... */
    bool              began;            /* ... as its first request found them */
};

struct timeline *timeline_new(struct hash128 ns);       /* NULL: out of memory */

struct sched;

/* Gives back everything a hold has; `owner` as in radix_leave. */
void hold_release(struct sched *s, struct hold *h, uint64_t owner);
/* Moves full computed pages into the tree and shows what is left as a tail. */
void hold_publish(struct sched *s, struct hold *h, const struct token_list *tok, uint32_t n_done,
                  uint64_t owner);
/* Makes room in the page table. */
bool hold_reserve(struct hold *h, uint32_t n_page);
/* The timeline keeps *h until its next request; h is empty afterwards. */
void timeline_rest(struct sched *s, struct timeline *tl, struct hold *h);
void timeline_wake(struct sched *s, struct timeline *tl);   /* gives up what it kept */
/* The same for the sake of others: it will be back. */
void timeline_yield(struct sched *s, struct timeline *tl);
void timeline_free(struct sched *s, struct timeline *tl);

#endif
