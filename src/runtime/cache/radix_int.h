/* radix_int.h - the insides of the prefix cache, for the files of this folder. */
#ifndef RUNTIME_CACHE_RADIX_INT_H
#define RUNTIME_CACHE_RADIX_INT_H

#include "base/hashmap.h"
#include "base/slab.h"
#include "runtime/cache/radix.h"

struct radix_node {
    struct radix_node *parent;              /* NULL: a root */
    struct radix_node *child;               /* the newest; siblings behind it */
    struct radix_node *sib_prev, *sib_next;
    struct radix_node *hash_next;           /* others with the same hash of (parent, first page) */
    struct radix_tail *tail;                /* tails of holders that end here */
    struct radix_wish *wish;                /* wishes for paths that end here; never at a root */

    uint32_t *tok;          /* [n_tok], whole pages */
    uint32_t *page;         /* [n_tok / P] */
    uint64_t *hash;         /* [n_tok / P] of all tokens from the root to the page's end */
    uint64_t  ns_key;       /* of the namespace, to be combined with them */
    uint32_t  n_tok, cap_tok, cap_page, cap_hash;
    uint32_t  start;        /* tokens before it */
    uint32_t  ready, done;  /* of n_tok; equal and full except while PENDING */
    uint32_t  locks;        /* holders and hard pins that end here or below */
    uint32_t  n_hard;       /* of which hard pins */
    uint32_t  n_soft;       /* soft pins that end here */
    uint64_t  next_use;     /* least of the uses that end here; UINT64_MAX: none is known */
    uint64_t  producer;
    uint64_t  last_use, created;
    uint32_t  hits;         /* times it was matched */
    int32_t   priority;     /* greatest of the requests that ended here, not below */
    uint32_t  order_at;     /* place in the order of eviction, from 1; 0: not in it */
    uint64_t  id;           /* part of its children's hash keys */
    bool      touched;      /* ready is ahead of done in this step */
    bool      low;          /* nobody will read it, somebody said */
    struct hash128 ns;      /* of a root: the key of its map entry */
};

struct radix {
    struct pages      *pages;
    struct events     *events;      /* or NULL */
    uint32_t           page_tokens;
    struct slab        nodes;
    struct idmap       by_hash;     /* (parent, first page) to a chain of nodes */
    struct hashmap     root;        /* namespace to node */
    enum radix_policy  policy;
    struct radix_node **order;      /* [n_order] a heap of the unlocked leaves, first out on top */
    uint32_t           n_order, cap_order;
    uint32_t           n_node;
    uint32_t           n_evictable; /* pages of unlocked nodes */
    uint32_t           pin_budget;
    uint32_t           n_pinned;    /* pages of nodes with a hard pin */
    struct radix_wish **hard;       /* [n_hard] */
    uint32_t           n_hard, cap_hard;
    uint64_t          *gone;        /* [n_place] hashes of pages that were taken back ... */
    uint64_t          *there;       /* ... and of those that are there */
    uint32_t           n_place;
    uint64_t           clock;
    uint64_t           next_id;
    uint64_t           n_evicted;
    struct radix_node **touched;    /* nodes whose ready moved in this step */
    uint32_t           n_touched, cap_touched;
};

static inline uint32_t least(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

uint64_t radix_child_key(const struct radix *r, const struct radix_node *parent,
                         const uint32_t *tok);
void radix_unlink(struct radix *r, struct radix_node *node);    /* a leaf without pages: frees it */
/* A new upper node takes the first m tokens (whole pages) of `node`; NULL: out of memory. */
struct radix_node *radix_split(struct radix *r, struct radix_node *node, uint32_t m);
/* How many tokens two texts of n have in common. */
uint32_t radix_common(const uint32_t *a, const uint32_t *b, uint32_t n);
/* The deepest node of the longest match; *ret_pos: tokens matched, which may end inside it. */
struct radix_node *radix_walk(const struct radix *r, struct hash128 ns, const uint32_t *tok,
                              uint32_t n, uint32_t *ret_pos);
/* Hash of all tokens before the i-th page of a node; 0: there are none. */
uint64_t radix_hash_before(const struct radix *r, const struct radix_node *node, uint32_t i);
/* ---- misses.c ---- */
bool     radix_memory_new(struct radix *r);
void     radix_memory_free(struct radix *r);
uint64_t radix_ns_key(struct hash128 ns);
uint64_t radix_next_hash(const struct radix *r, uint64_t before, const uint32_t *tok);
void     radix_remember(struct radix *r, uint64_t hash);
void     radix_remember_gone(struct radix *r, uint64_t ns_key, uint64_t hash);
/* ---- tell.c: tokens from .. to of a node, in whole pages ---- */
void radix_tell_done(struct radix *r, const struct radix_node *node, uint32_t from, uint32_t to);
void radix_tell_gone(struct radix *r, const struct radix_node *node, uint32_t from, uint32_t to);
void radix_tell_touched(struct radix *r);       /* before their `ready` is `done` */
/* ---- pin.c ---- */
void radix_wishes_up(struct radix *r, struct radix_node *node);     /* before it goes */
/* ---- evict.c ---- */
/* Into the order when it is an unlocked leaf, out of it when not.  While a node is in the order,
 * nothing that the order goes by may change. */
void radix_order_update(struct radix *r, struct radix_node *node);
void radix_order_del(struct radix *r, struct radix_node *node);
bool radix_order_check(const struct radix *r);

void radix_drop_root(struct radix *r, struct radix_node *node); /* if it is one, empty, unlocked */
/* Gives back pages from the end of an unlocked leaf until n_tok tokens are left. */
void radix_shorten(struct radix *r, struct radix_node *node, uint32_t n_tok);

#endif
