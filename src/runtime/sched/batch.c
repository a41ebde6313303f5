/* batch.c - which rows the next step computes.
 *
 * Decoding rows first, then chunks of prompts in order of admission under a budget; with more than
 * one prompt to read none gets more than three quarters of it while others need the rest.  Pages are secured before the first
 * row is added, because securing them may retract a request. */
#include "runtime/sched/sched_int.h"

#include <math.h>
#include <string.h>

#include "base/array.h"

uint32_t batch_first_wanted(const struct request *r)
{
    uint32_t last = r->tl->tok.n - 1;
    for (uint32_t i = 0; r->kind == REQUEST_GEN && r->logprobs && i < r->n_token; i++) {
        if (isnan(r->token[i].logprob) && r->value_pos + i)
            return r->value_pos + i - 1 < last ? r->value_pos + i - 1 : last;
    }
    return last;
}

bool batch_has_room(const struct sched *s, uint32_t n_logit)
{
    return s->n_seq < s->info->max_seq && s->n_row < s->info->max_batch_tok &&
           s->n_logit + n_logit <= SCHED_MAX_LOGITS;
}

uint32_t batch_add(struct sched *s, const uint32_t *tok, uint32_t n, uint32_t pos,
                   const uint32_t *page)
{
    uint32_t row = s->n_row;
    memcpy(s->tok + row, tok, n * sizeof *tok);
    s->seq[s->n_seq++] = (struct batch_seq){ .row = row, .n_row = n, .pos = pos, .page = page };
    s->n_row += n;
    return row;
}

uint32_t batch_want_logits(struct sched *s, uint32_t row)
{
    s->logit_row[s->n_logit] = row;
    return s->n_logit++;
}

/* The unfinished page of somebody who read the same text: its tokens are copied, not computed.
 * False: worth waiting for, because an older request is computing it now. */
static bool copy_tail(struct sched *s, struct request *r)
{
    uint32_t P = s->info->page_tokens;
    const struct token_list *tok = &r->tl->tok;
    uint32_t limit = r->kind == REQUEST_PREFILL ? tok->n : batch_first_wanted(r);
    struct radix_node *own = radix_at(r->hold.node, r->n_match);
    struct radix_node *end = r->hold.node;
    if (r->hold.n_tree > r->n_match)
        end = radix_parent(own);
    else
        own = NULL;

    struct radix_source src = radix_find_tail(s->radix, end, tok->id + r->n_match,
                                              limit - r->n_match, own, &r->hold.tail);
    if (src.n_tok > src.n_done && src.owner && src.owner < r->seq && !s->no_pending)
        return false;
    r->tail_tried = true;
    if (src.n_done && src.n_done < P) {
        s->backend->vt->copy_page(s->backend, r->hold.page[r->n_match / P], src.page, src.n_done);
        s->n_copied++;
        r->n_kv = r->n_match + src.n_done;
        r->miss_boundary -= r->miss_boundary < src.n_done ? r->miss_boundary : src.n_done;
        if (r->hold.n_tree > r->n_match)
            radix_advance(s->radix, r->hold.node, r->n_match, src.n_done);
    }
    timeline_wake(s, r->tl);
    return true;
}

/* Tokens that r could compute now, from r->n_kv on; 0: it waits for somebody, or has nothing. */
static uint32_t runnable(struct sched *s, struct request *r)
{
    uint32_t n_tok = r->tl->tok.n;
    if (r->n_kv < r->hold.n_tree) {
        uint32_t ready = radix_ready(r->hold.node);
        if (ready > r->n_kv)
            r->n_kv = ready < r->hold.n_tree ? ready : r->hold.n_tree;
    }
    if (r->n_kv >= n_tok)
        return 0;
    if (!r->tail_tried && r->n_kv >= r->n_match && !copy_tail(s, r))
        return 0;
    if (r->n_kv >= r->hold.n_tree)
        return n_tok - r->n_kv;
    uint32_t n = radix_claim(r->hold.node, r->n_kv, r->seq);
    return r->n_kv + n == r->hold.n_tree ? n_tok - r->n_kv : n;
}

/* Prompt rows that are new to the request: what is computed again after a retraction is the
 * engine's doing, and does not count as a miss of the request. */
static void count_prompt_rows(struct request *r, uint32_t pos, uint32_t n)
{
    uint32_t from = pos > r->n_counted ? pos : r->n_counted;
    if (pos + n <= from)
        return;
    r->n_computed += pos + n - from;
    r->n_counted = pos + n;
}

static void add_rows(struct sched *s, struct request *r, uint32_t n)
{
    uint32_t pos = r->n_kv;
    uint32_t from = batch_first_wanted(r);
    uint32_t room = SCHED_MAX_LOGITS - s->n_logit;

    if (r->kind != REQUEST_PREFILL && pos + n > from &&
        pos + n - (from > pos ? from : pos) > room) {
        n = (from > pos ? from - pos : 0) + room;
        if (!n)
            return;
    }
    r->row = batch_add(s, r->tl->tok.id + pos, n, pos, r->hold.page);
    r->n_row = n;
    r->n_logit = 0;
    r->logit_pos = pos > from ? pos : from;
    for (uint32_t p = r->logit_pos; r->kind != REQUEST_PREFILL && p < pos + n; p++) {
        uint32_t at = batch_want_logits(s, r->row + p - pos);
        r->logit = r->n_logit++ ? r->logit : at;
    }
    if (pos < r->hold.n_tree)
        radix_advance(s->radix, r->hold.node, pos, n);
    uint32_t n_prompt_rows = r->n_prompt > pos ? r->n_prompt - pos : 0;
    n_prompt_rows = n_prompt_rows < n ? n_prompt_rows : n;
    count_prompt_rows(r, pos, n_prompt_rows);
    s->stats.computed_tokens += n_prompt_rows;
    order_charge(s->order, r, n_prompt_rows, 0);
    s->has_prompt_rows = s->has_prompt_rows || n > 1;
    r->n_kv = pos + n;
}

/* Who computes a prefix does it for those that wait for it too, as urgently as the most urgent of
 * them.  Requests wait for older ones only, so that one round from the youngest on is enough. */
static void inherit(struct sched *s)
{
    s->urged = false;
    for (uint32_t i = 0; i < s->n_running; i++) {
        struct request *r = s->running[i];
        r->urge = r->priority;
        r->urge_ms = r->deadline_ms ? r->deadline_ms : UINT64_MAX;
        s->urged = s->urged || r->urge != s->running[0]->urge ||
                   r->urge_ms != s->running[0]->urge_ms;
    }
    for (uint32_t i = s->n_running; s->urged && i-- > 1;) {
        const struct request *r = s->running[i];
        struct radix_node *at = r->n_kv < r->hold.n_tree ? r->hold.node : NULL;
        for (uint64_t seq; (seq = radix_next_producer(&at)) != 0;) {
            for (uint32_t k = 0; k < i; k++) {
                struct request *p = s->running[k];
                if (p->seq != seq)
                    continue;
                p->urge = p->urge > r->urge ? p->urge : r->urge;
                p->urge_ms = p->urge_ms < r->urge_ms ? p->urge_ms : r->urge_ms;
            }
        }
    }
}

static bool more_urgent(const struct request *a, const struct request *b)
{
    return a->urge != b->urge ? a->urge > b->urge : a->urge_ms < b->urge_ms;
}

/* Whose prompt is read first: by urgency, then by admission.  A producer is never behind those
 * that wait for it.  What nobody computes any more goes to the oldest all the same. */
static struct request **by_urgency(struct sched *s)
{
    if (!s->urged || !array_reserve(&s->reader, &s->cap_reader, s->n_running, sizeof *s->reader))
        return s->running;
    for (uint32_t i = 0; i < s->n_running; i++) {
        struct request *r = s->running[i];
        if (!r->n_row)
            runnable(s, r);
        uint32_t k = i;
        for (; k > 0 && more_urgent(r, s->reader[k - 1]); k--)
            s->reader[k] = s->reader[k - 1];
        s->reader[k] = r;
    }
    return s->reader;
}

static bool secure_pages(struct sched *s)
{
    for (uint32_t i = 0; i < s->n_running; i++) {
        struct request *r = s->running[i];
        uint32_t had = s->n_running;
        sched_grow(s, r, r->tl->tok.n);
        if (s->n_running != had)
            return false;       /* somebody left: begin again */
    }
    return true;
}

static void add_decode_rows(struct sched *s)
{
    for (uint32_t i = 0; i < s->n_running; i++) {
        struct request *r = s->running[i];
        if (r->n_kv + 1 == r->tl->tok.n && r->n_kv >= r->hold.n_tree && r->tail_tried &&
            batch_has_room(s, 1))
            add_rows(s, r, 1);
    }
}

static void add_prompt_rows(struct sched *s)
{
    uint32_t n_reader = 0;
    for (uint32_t i = 0; i < s->n_running; i++)
        n_reader += !s->running[i]->n_row && s->running[i]->n_kv < s->running[i]->tl->tok.n;

    uint32_t room = s->info->max_batch_tok - s->n_row;
    uint32_t most = pace_rows(&s->pace, s->n_decode_row);
    uint32_t budget = room < most ? room : most;
    uint32_t share = n_reader > 1 ? budget - budget / 4 : budget;
    struct request **reader = by_urgency(s);
    for (uint32_t i = 0; i < s->n_running && budget; i++) {
        struct request *r = reader[i];
        if (r->n_row || !batch_has_room(s, 1))
            continue;
        uint32_t n = runnable(s, r);
        uint32_t at_most = share < budget ? share : budget;
        n = n < at_most ? n : at_most;
        if (!n)
            continue;
        add_rows(s, r, n);
        budget -= r->n_row;
    }
    /* What the others did not need goes back to who was held to a share, as one more sequence: its
     * rows follow the first ones, whose keys and values are written before any attention reads. */
    for (uint32_t i = 0; i < s->n_running && budget; i++) {
        struct request *r = reader[i];
        if (!r->n_row || r->n_logit || r->job || !batch_has_room(s, 1))
            continue;
        uint32_t n = runnable(s, r);
        n = n < budget ? n : budget;
        if (!n)
            continue;
        add_rows(s, r, n);
        budget -= r->n_row;
    }
}

void batch_build(struct sched *s)
{
    s->n_row = s->n_seq = s->n_logit = 0;
    s->has_prompt_rows = false;
    inherit(s);
    while (!secure_pages(s))
        inherit(s);
    for (uint32_t i = 0; i < s->n_running; i++)
        s->running[i]->n_row = s->running[i]->n_logit = 0;
    add_decode_rows(s);
    s->n_decode_row = s->n_row;
    for (uint32_t i = 0; i < s->n_running; i++) {
        if (s->running[i]->job)
            score_job_build(s, s->running[i]);
    }
    add_prompt_rows(s);
}
