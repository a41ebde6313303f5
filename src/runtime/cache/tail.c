/* tail.c - tokens behind the last whole page: shown by their holders, found by others.
 *
 * A page that is not full is nobody's but its holder's; the others copy what they share of it. */
#include "runtime/cache/radix_int.h"

enum { TAIL_SCAN_MAX = 64 };    /* children and tails looked at for a partial page, newest first */

void radix_tail_show(struct radix_tail *t, struct radix_node *node)
{
    radix_tail_hide(t);
    t->node = node;
    t->prev = NULL;
    t->next = node->tail;
    if (node->tail)
        node->tail->prev = t;
    node->tail = t;
}

void radix_tail_hide(struct radix_tail *t)
{
    if (!t->node)
        return;
    if (t->prev)
        t->prev->next = t->next;
    else
        t->node->tail = t->next;
    if (t->next)
        t->next->prev = t->prev;
    t->node = NULL;
    t->prev = t->next = NULL;
}

static void take_better(struct radix_source *best, const struct radix_source *s)
{
    if (s->n_tok > best->n_tok || (s->n_tok == best->n_tok && s->n_done > best->n_done))
        *best = *s;
}

struct radix_source radix_find_tail(const struct radix *r, const struct radix_node *node,
                                    const uint32_t *tok, uint32_t limit,
                                    const struct radix_node *skip,
                                    const struct radix_tail *skip_tail)
{
    struct radix_source best = { .page = PAGE_NONE };
    uint32_t most = least(limit, r->page_tokens);

    uint32_t n_seen = 0;
    for (const struct radix_node *c = node->child; c && n_seen < TAIL_SCAN_MAX; c = c->sib_next) {
        if (c == skip)
            continue;
        n_seen++;
        struct radix_source s = { .n_tok = radix_common(c->tok, tok, most), .page = c->page[0] };
        s.n_done = least(s.n_tok, c->done);
        s.owner = c->done < s.n_tok ? c->producer : 0;
        take_better(&best, &s);
    }
    n_seen = 0;
    for (const struct radix_tail *t = node->tail; t && n_seen < TAIL_SCAN_MAX; t = t->next) {
        if (t == skip_tail)
            continue;
        n_seen++;
        struct radix_source s = { .n_tok = radix_common(t->tok, tok, least(most, t->n_tok)),
                                  .page = t->page, .tail = t };
        s.n_done = least(s.n_tok, t->n_done);
        s.owner = t->n_done < s.n_tok ? t->owner : 0;
        take_better(&best, &s);
    }
    return best;
}
