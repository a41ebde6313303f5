/* admit.c - the queue, who may start, and where pages come from when there are none.
 *
 * A request is admitted when its prompt and the growth that is expected of it fit beside what has
 * been promised already; the match in the tree is locked first, so that it is not counted twice.
 * When pages run out later: evictable pages, then contexts that only rest, then the youngest
 * running requests give theirs up.  The oldest is never a victim, so it always ends. */
#include "runtime/sched/sched_int.h"

#include <string.h>

#include "base/array.h"
#include "base/clock.h"

static uint32_t pages_for(const struct sched *s, uint32_t n_tok)
{
    return (n_tok + s->info->page_tokens - 1) / s->info->page_tokens;
}

/* Whatever is pinned, the window fits: the oldest request can always get what it needs. */
uint32_t sched_window(const struct sched *s)
{
    /* One page of the pool stays for the copy of an unfinished one. */
    uint64_t pool = (uint64_t)(pages_total(s->pages) - 1 - radix_pin_budget(s->radix)) *
                    s->info->page_tokens;
    return pool < s->info->context ? (uint32_t)pool : s->info->context;
}

static uint32_t longest_option(const struct request *r)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < r->score.n_option; i++)
        n = r->score.option[i].n_tok > n ? r->score.option[i].n_tok : n;
    return n;
}

enum status sched_possible(const struct sched *s, const struct request *r, struct error *err)
{
    uint64_t n = r->tl->tok.n;
    if (r->kind == REQUEST_GEN)
        n += r->whole && r->max ? r->max : 1;
    if (r->kind == REQUEST_SCORE)
        n += longest_option(r);
    uint32_t window = sched_window(s);
    if (n <= window)
        return ST_OK;
    if (n > r->tl->tok.n + 1u && r->tl->tok.n < window)
        return error_code(err, ST_LIMIT, "R0502",
                          "the context has %u tokens and %llu more are asked for; there is room for %u",
                          r->tl->tok.n, (unsigned long long)n - r->tl->tok.n, window);
    if (window < s->info->context)
        return error_code(err, ST_LIMIT, "R0502",
                          "the context has %u tokens and the pool of KV pages holds %u",
                          r->tl->tok.n, window);
    return error_code(err, ST_LIMIT, "R0502",
                      "the context has %u tokens, the window of the model is %u", r->tl->tok.n,
                      window);
}

/* Chosen: a quarter of the pool, as long as the model's whole window fits beside it. */
void sched_set_pin_budget(struct sched *s, const struct sched_opts *opts)
{
    uint32_t most = pages_total(s->pages) - 1;
    uint32_t window = pages_for(s, s->info->context);
    uint32_t left = most > window ? most - window : 0;
    uint32_t quarter = most / 4;
    uint32_t chosen = quarter < left ? quarter : left;
    uint32_t asked = (uint32_t)((uint64_t)most * (opts->pin_percent < 90 ? opts->pin_percent : 90) /
                                100);
    if (!opts->no_pins)
        radix_set_pin_budget(s->radix, opts->pin_percent ? asked : chosen);
}

/* Where in the cache r looks and leaves what it computes. */
static struct hash128 space_of(const struct sched *s, const struct request *r)
{
    const struct token_list *tok = &r->tl->tok;
    struct hash128 ns = r->tl->ns;
    if (s->no_cache)
        ns.hi ^= s->next_seq + 1;
    if (s->no_tree)
        ns.lo ^= hash_bytes(tok->id, tok->n * sizeof *tok->id);
    return ns;
}

/* Says that the text of a waiting request will be read. */
static void announce(struct sched *s, struct request *r)
{
    if (s->announces)
        radix_announce(s->radix, &r->tl->use, space_of(s, r), r->tl->tok.id, r->tl->tok.n,
                       r->arrival);
}

bool sched_enqueue(struct sched *s, struct request *r)
{
    struct request **slot = array_push(&s->waiting, &s->n_waiting, &s->cap_waiting, sizeof *slot);
    if (!slot)
        return false;
    *slot = r;
    s->in_order = false;
    announce(s, r);
    return true;
}

/* ---- pages ---- */

static uint32_t pages_at_hand(const struct sched *s)
{
    return pages_count(s->pages, PAGE_FREE) + radix_evictable(s->radix);
}

/* What is pinned goes after what rests. */
uint32_t sched_take_page(struct sched *s)
{
    while (!pages_count(s->pages, PAGE_FREE)) {
        if (radix_evict_unpinned(s->radix, 1))
            break;
        bool loose = s->rest_first && !s->rest_first->pinned;
        if (!loose && radix_evict(s->radix, 1))
            break;
        if (!s->rest_first)
            return PAGE_NONE;
        timeline_yield(s, s->rest_first);
    }
    return pages_take(s->pages);
}

void sched_retract(struct sched *s, struct request *r)
{
    uint32_t i = 0;
    while (s->running[i] != r)
        i++;
    memmove(s->running + i, s->running + i + 1, (s->n_running - i - 1) * sizeof *s->running);
    s->n_running--;
    hold_release(s, &r->hold, r->seq);
    score_job_free(s, r->job);
    r->job = NULL;
    mask_jobs_pause(r);
    r->n_kv = 0;
    r->tail_tried = false;
    s->stats.retracted++;
    r->n_retracted++;
    if (!sched_enqueue(s, r)) {
        struct error err;
        enum status st = error_nomem(&err);
        request_finish(s, r, st, &err);
    }
}

/* The youngest of the lowest priority, unless it is the oldest request of all.  Who computes what a
 * greater one waits for counts as that one. */
struct request *sched_victim(const struct sched *s)
{
    struct request *v = NULL;
    for (uint32_t i = s->n_running; i-- > 1;) {
        if (!v || s->running[i]->urge < v->urge)
            v = s->running[i];
    }
    return v;
}

bool sched_grow(struct sched *s, struct request *r, uint32_t n_tok)
{
    uint32_t need = pages_for(s, n_tok);
    struct error err;

    if (!hold_reserve(&r->hold, need)) {
        enum status st = error_nomem(&err);
        request_finish(s, r, st, &err);
        return false;
    }
    while (r->hold.n_page < need) {
        uint32_t page = sched_take_page(s);
        if (page != PAGE_NONE) {
            r->hold.page[r->hold.n_page++] = page;
            r->reserved -= r->reserved > 0;     /* what it has is promised no more */
            continue;
        }
        struct request *v = sched_victim(s);
        if (!v) {
            enum status st = error_code(&err, ST_LIMIT, "R0502",
                                        "the pool of %u KV pages is exhausted",
                                        pages_total(s->pages));
            request_finish(s, r, st, &err);
            return false;
        }
        sched_retract(s, v);
        if (v == r)
            return false;
    }
    return true;
}

/* ---- admission ---- */

/* More than all options can need at once; no more than there are. */
static uint32_t option_pages(const struct sched *s, const struct request *r)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < r->score.n_option; i++)
        n += pages_for(s, r->score.option[i].n_tok) + 1u;
    uint32_t most = pages_total(s->pages) - 1;
    return n < most ? (uint32_t)n : most;
}

static uint32_t expected_growth(const struct sched *s, const struct request *r)
{
    if (r->kind == REQUEST_SCORE && s->strict)
        return option_pages(s, r);
    if (r->kind == REQUEST_SCORE)
        return r->score.n_option < 16 ? 2 * r->score.n_option : 32;
    if (r->kind == REQUEST_PREFILL)
        return 0;
    uint32_t left = r->max > r->n_value ? r->max - r->n_value : 1;
    uint32_t likely = s->strict ? left : order_likely_tokens(s->order, r);
    return pages_for(s, likely < left ? likely : left);
}

static uint32_t promised(const struct sched *s)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < s->n_running; i++)
        n += s->running[i]->reserved;
    return n;
}

/* Takes pages for what the tree does not have; the full ones become a leaf that others can wait
 * for.  False: out of memory, nothing is held. */
static bool take_prompt_pages(struct sched *s, struct request *r, uint32_t limit)
{
    uint32_t P = s->info->page_tokens;
    const struct token_list *tok = &r->tl->tok;
    struct hold *h = &r->hold;
    uint32_t n_page = pages_for(s, tok->n);

    if (!hold_reserve(h, n_page))
        return false;
    radix_pages(s->radix, h->node, h->page);
    h->n_page = h->n_tree / P;
    while (h->n_page < n_page) {
        uint32_t page = sched_take_page(s);
        if (page == PAGE_NONE)
            return false;
        h->page[h->n_page++] = page;
    }
    uint32_t n_leaf = limit - limit % P - h->n_tree;
    if (!n_leaf || s->no_pending)
        return true;
    struct radix_node *leaf = radix_insert(s->radix, h->node, tok->id + h->n_tree, n_leaf,
                                           h->page + h->n_tree / P, r->seq);
    if (leaf) {
        h->node = leaf;
        h->n_tree += n_leaf;
    }
    return true;
}

/* Why the prompt was not found whole, when it is first looked for. */
static void explain(struct sched *s, struct request *r, uint32_t limit)
{
    struct radix_misses m = { .cold = r->n_prompt };
    if (!s->no_cache)
        radix_explain(s->radix, space_of(s, r), r->tl->tok.id, r->n_prompt, limit, r->n_match, &m);
    r->miss_cold = m.cold;
    r->miss_evicted = m.evicted;
    r->miss_namespace = m.other_namespace;
    r->miss_boundary = m.boundary;
    r->miss_logprobs = m.logprobs;
}

/* True when r now runs. */
static bool try_admit(struct sched *s, struct request *r)
{
    const struct token_list *tok = &r->tl->tok;
    uint32_t limit = r->kind == REQUEST_PREFILL ? tok->n : batch_first_wanted(r);
    struct hash128 ns = space_of(s, r);

    memset(&r->hold, 0, sizeof r->hold);
    r->hold.node = radix_acquire(s->radix, ns, tok->id, limit);
    if (!r->hold.node)
        return false;
    r->hold.n_tree = radix_end(r->hold.node);
    r->n_match = r->hold.n_tree;
    r->seq = ++s->next_seq;

    uint32_t prompt = pages_for(s, tok->n) - r->n_match / s->info->page_tokens + 1;
    uint32_t growth = s->n_running || s->strict ? expected_growth(s, r) : 0;
    while (pages_at_hand(s) < prompt + growth + promised(s) && s->rest_first &&
           s->rest_first != r->tl)
        timeline_yield(s, s->rest_first);
    bool fits = pages_at_hand(s) >= prompt + growth + promised(s) ||
                (!s->n_running && pages_at_hand(s) + 1 >= prompt);
    if (!s->n_running && !fits) {
        timeline_wake(s, r->tl);        /* its own old pages are all that is in the way */
        while (s->rest_first)
            timeline_yield(s, s->rest_first);
        fits = true;
    }
    if (fits && !r->admit_ns)
        explain(s, r, limit);
    if (!fits || !take_prompt_pages(s, r, limit)) {
        hold_release(s, &r->hold, r->seq);
        return false;
    }
    radix_note_priority(r->hold.node, r->priority);
    radix_forget(s->radix, &r->tl->use);
    r->urge = r->priority;
    if (!r->tl->began && r->n_match > r->tl->n_given)
        r->tl->n_given = r->n_match;
    r->tl->began = true;
    r->reserved = expected_growth(s, r);
    r->n_kv = 0;
    r->tail_tried = false;
    s->running[s->n_running++] = r;
    if (!r->admit_ns)
        r->admit_ns = clock_ns();
    return true;
}

/* What the tree has of those that wait: all of them while they are few, some of them a round
 * otherwise.  It orders the queue only, so that it may be old. */
static void look_up_waiting(struct sched *s)
{
    uint32_t left = SCHED_LOOK_UPS;
    for (uint32_t i = 0; i < s->n_waiting && left && !s->no_cache; i++) {
        struct request *r = s->waiting[i];
        if (s->n_waiting > SCHED_LOOK_UPS && r->found_round &&
            s->n_round - r->found_round < s->n_waiting / SCHED_LOOK_UPS)
            continue;
        uint32_t done, had = r->n_found;
        r->n_found = radix_peek(s->radix, space_of(s, r), r->tl->tok.id, r->tl->tok.n, &done);
        if (r->n_found != had)
            announce(s, r);
        r->found_round = s->n_round;
        left--;
    }
}

/* Places are given in order.  Later, smaller requests may pass one that does not fit, a few times:
 * then it comes first (order.c) and nobody is admitted until it fits. */
static void admit_round(struct sched *s)
{
    uint32_t n_tried = 0;
    uint32_t i = 0;
    while (i < s->n_waiting && s->n_running < s->max_running) {
        struct request *r = s->waiting[i];
        if (!array_reserve(&s->running, &s->cap_running, s->n_running + 1, sizeof *s->running))
            return;
        if (try_admit(s, r)) {
            memmove(s->waiting + i, s->waiting + i + 1,
                    (s->n_waiting - i - 1) * sizeof *s->waiting);
            s->n_waiting--;
            r->n_pass = r->n_jumped = 0;
            bool enough = false;
            for (uint32_t k = 0; k < i; k++)
                enough = ++s->waiting[k]->n_jumped >= SCHED_PASS_MAX || enough;
            if (enough)
                return;
            continue;
        }
        if (r->overdue || ++n_tried > SCHED_PASS_MAX)
            return;
        i++;
    }
}

void sched_foresee(struct sched *s)
{
    if (!s->n_waiting || s->n_running >= s->max_running)
        return;
    s->n_round++;
    look_up_waiting(s);
    order_sort(s->order, s->waiting, s->n_waiting, clock_ns());
    s->in_order = true;
}

void sched_admit(struct sched *s)
{
    if (!s->n_waiting || s->n_running >= s->max_running)
        return;
    if (!s->in_order)
        sched_foresee(s);
    s->in_order = false;
    uint32_t had = s->n_waiting;
    admit_round(s);
    for (uint32_t i = 0; i < s->n_waiting && s->n_waiting < had; i++)
        s->waiting[i]->n_pass++;
}
