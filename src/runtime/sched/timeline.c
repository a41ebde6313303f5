/* timeline.c - holds on the cache: publishing pages, resting between requests, letting go. */
#include "runtime/sched/timeline.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "runtime/sched/sched_int.h"

struct timeline *timeline_new(struct hash128 ns)
{
    struct timeline *tl = mem_zalloc(sizeof *tl);
    if (!tl)
        return NULL;
    tl->ns = ns;
    tl->drop.kind = INBOX_DROP;
    tl->poke.kind = INBOX_POKE;
    return tl;
}

bool hold_reserve(struct hold *h, uint32_t n_page)
{
    return array_reserve(&h->page, &h->cap_page, n_page, sizeof *h->page);
}

void hold_release(struct sched *s, struct hold *h, uint64_t owner)
{
    radix_tail_hide(&h->tail);
    for (uint32_t i = h->n_tree / s->info->page_tokens; i < h->n_page; i++)
        pages_give(s->pages, h->page[i]);
    if (h->node)
        radix_leave(s->radix, h->node, owner);
    mem_free(h->page);
    memset(h, 0, sizeof *h);
}

void hold_publish(struct sched *s, struct hold *h, const struct token_list *tok, uint32_t n_done,
                  uint64_t owner)
{
    uint32_t P = s->info->page_tokens;
    radix_tail_hide(&h->tail);
    while (n_done >= h->n_tree + P && radix_done(h->node) == h->n_tree) {
        struct radix_node *node = radix_extend(s->radix, h->node, tok->id + h->n_tree,
                                               &h->page[h->n_tree / P]);
        if (!node)
            break;
        h->node = node;
        h->n_tree += P;
    }
    uint32_t at = h->n_tree / P;
    if (at >= h->n_page || tok->n <= h->n_tree)
        return;
    struct radix_tail *t = &h->tail;
    t->n_tok = tok->n - h->n_tree < P ? tok->n - h->n_tree : P;
    memcpy(t->tok, tok->id + h->n_tree, t->n_tok * sizeof *t->tok);
    t->n_done = n_done <= h->n_tree ? 0 : n_done - h->n_tree;
    t->n_done = t->n_done < t->n_tok ? t->n_done : t->n_tok;
    t->page = h->page[at];
    t->owner = owner;
    radix_tail_show(t, h->node);
}

/* Behind all that are like it: those that are not pinned stand before those that are. */
static void rest_link(struct sched *s, struct timeline *tl)
{
    struct timeline *next = tl->pinned ? NULL : s->rest_pin;
    struct timeline *prev = next ? next->rest_prev : s->rest_last;
    tl->rest_next = next;
    tl->rest_prev = prev;
    if (prev)
        prev->rest_next = tl;
    else
        s->rest_first = tl;
    if (next)
        next->rest_prev = tl;
    else
        s->rest_last = tl;
    if (tl->pinned && !s->rest_pin)
        s->rest_pin = tl;
    tl->resting = true;
}

static void rest_unlink(struct sched *s, struct timeline *tl)
{
    if (s->rest_pin == tl)
        s->rest_pin = tl->rest_next;
    if (tl->rest_prev)
        tl->rest_prev->rest_next = tl->rest_next;
    else
        s->rest_first = tl->rest_next;
    if (tl->rest_next)
        tl->rest_next->rest_prev = tl->rest_prev;
    else
        s->rest_last = tl->rest_prev;
    tl->rest_prev = tl->rest_next = NULL;
    tl->resting = false;
}

void timeline_wake(struct sched *s, struct timeline *tl)
{
    if (!tl->resting)
        return;
    rest_unlink(s, tl);
    hold_release(s, &tl->rest, 0);
}

/* A hard pin over the budget is a soft one. */
static void pin(struct sched *s, struct timeline *tl)
{
    radix_forget(s->radix, &tl->pin);
    if (tl->pinned == PINNED_HARD &&
        radix_wish(s->radix, &tl->pin, tl->rest.node, RADIX_HARD, clock_ms() + tl->pin_ms))
        return;
    s->stats.pins_refused += tl->pinned == PINNED_HARD;
    if (tl->pinned)
        radix_wish(s->radix, &tl->pin, tl->rest.node, RADIX_SOFT, 0);
}

void timeline_rest(struct sched *s, struct timeline *tl, struct hold *h)
{
    struct radix_node *shown_at = h->tail.node;
    timeline_wake(s, tl);
    radix_tail_hide(&h->tail);      /* it is linked by its address, which changes now */
    tl->rest = *h;
    memset(h, 0, sizeof *h);
    tl->rest.tail.owner = 0;
    if (shown_at)
        radix_tail_show(&tl->rest.tail, shown_at);
    rest_link(s, tl);
    pin(s, tl);
}

void timeline_yield(struct sched *s, struct timeline *tl)
{
    if (s->announces)
        radix_wish(s->radix, &tl->use, tl->rest.node, RADIX_USE, USE_LATER);
    timeline_wake(s, tl);
}

/* What it alone has said is of no use to anybody, if its owner says so. */
static void give_up(struct sched *s, struct timeline *tl)
{
    struct hold *h = &tl->rest;
    if (!tl->resting || tl->end == TIMELINE_KEEP)
        return;
    radix_tail_hide(&h->tail);
    if (tl->end == TIMELINE_LOW)
        radix_lower(s->radix, h->node, tl->n_given);
    else
        radix_discard(s->radix, h->node, tl->n_given);
    h->node = NULL;
}

void timeline_free(struct sched *s, struct timeline *tl)
{
    if (tl->pin.node)
        radix_forget(s->radix, &tl->pin);
    if (tl->use.node)
        radix_forget(s->radix, &tl->use);
    give_up(s, tl);
    timeline_wake(s, tl);
    token_list_free(&tl->tok);
    mem_free(tl);
}
