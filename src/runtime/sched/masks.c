/* masks.c - which tokens may come next.
 *
 * Fails closed: a matcher that gives no mask ends the request.  End tokens are allowed exactly
 * where the value may end. */
#include "base/bitset.h"
#include "base/clock.h"
#include "runtime/sched/sched_int.h"

bool is_end_token(const struct sched *s, uint32_t id)
{
    for (uint32_t i = 0; i < s->n_end_token; i++) {
        if (s->end_token[i] == id)
            return true;
    }
    return false;
}

static void allow_ends(struct sched *s, const struct request *r)
{
    for (uint32_t i = 0; i < s->n_end_token; i++)
        bitset_add(s->mask, s->end_token[i]);
    for (uint32_t i = 0; i < r->n_stop_token; i++) {
        if (r->stop_token[i] < s->info->n_vocab)
            bitset_add(s->mask, r->stop_token[i]);
    }
}

static enum status constrained_mask(struct sched *s, struct request *r, bool *ret_complete,
                                    struct error *err)
{
    bool whole = !r->heal_left && matcher_may_stop(r->matcher);
    enum status st = r->mask ? mask_jobs_take(s, r, s->mask, err)
                             : matcher_mask(r->matcher, s->mask, err);
    bool empty = st != ST_OK || !bitset_count(s->mask, bitset_words(s->info->n_vocab));
    if (whole && empty) {
        *ret_complete = true;
        return ST_OK;
    }
    if (st != ST_OK)
        return st;
    if (empty)
        return error_code(err, ST_FAILED, "R0402", "the constraint has no continuation here");
    if (whole && r->n_value >= r->min)
        allow_ends(s, r);
    return ST_OK;
}

static void free_mask(struct sched *s, const struct request *r)
{
    size_t words = bitset_words(s->info->n_vocab);
    memcpy(s->mask, s->text_mask, words * sizeof *s->mask);
    if (!r->ignore_eos && r->n_value >= r->min)
        allow_ends(s, r);
    if (r->ignore_eos || r->n_value < r->min) {
        for (uint32_t i = 0; i < s->n_end_token; i++)
            bitset_del(s->mask, s->end_token[i]);
    }
}

/* Any text, but first what healing took back. */
static void spell_mask(struct sched *s, const struct request *r)
{
    memset(s->mask, 0, bitset_words(s->info->n_vocab) * sizeof *s->mask);
    heal_mask(s->vocab, slice_sub(r->heal, r->heal.len - r->heal_left, r->heal_left), s->mask);
}

enum status mask_fill(struct sched *s, struct request *r, const uint32_t **ret_row,
                      bool *ret_complete, struct error *err)
{
    uint64_t t0 = clock_ns();
    enum status st = ST_OK;
    *ret_complete = false;
    *ret_row = s->mask;
    if (r->matcher)
        st = constrained_mask(s, r, ret_complete, err);
    else if (r->heal_left)
        spell_mask(s, r);
    else
        free_mask(s, r);
    s->stats.mask_ns += clock_ns() - t0;
    return st;
}
