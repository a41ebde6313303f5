/* sched.c - the thread and its step.
 *
 * inbox -> cancellations -> admission -> rows -> forward -> tokens, events, pages.  One step at a
 * time: a request that ends frees its place before the next one is built.  Everything in struct
 * sched belongs to this thread except the inbox and `shown`. */
#include "runtime/sched/sched_int.h"

#include <assert.h>
#include <semaphore.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitset.h"
#include "base/clock.h"
#include "base/log.h"

enum { DEFAULT_RUNNING = 64 };

/* ---- checks ---- */

struct check_item {
    struct inbox_item item;
    sem_t             done;
    struct error      err;
    bool              ok;
};

static uint32_t held_by(const struct sched *s, const struct hold *h)
{
    return h->n_page - (h->node ? h->n_tree / s->info->page_tokens : 0);
}

/* free + evictable + protected == total, where protected is what somebody can be named for. */
static bool check_pages(const struct sched *s, struct error *err)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < s->n_running; i++) {
        held += held_by(s, &s->running[i]->hold);
        held += s->running[i]->job ? score_job_pages(s->running[i]->job) : 0;
    }
    for (const struct timeline *tl = s->rest_first; tl; tl = tl->rest_next)
        held += held_by(s, &tl->rest);
    uint32_t cached = pages_count(s->pages, PAGE_CACHED);
    uint32_t free = pages_count(s->pages, PAGE_FREE);
    uint32_t evictable = radix_evictable(s->radix);
    uint32_t protected = held + (cached - evictable);
    if (held == pages_count(s->pages, PAGE_HELD) &&
        free + evictable + protected == pages_total(s->pages))
        return radix_check(s->radix, err);
    error_set(err, ST_INTERNAL,
              "pages: %u free, %u evictable, %u locked, %u held by requests and contexts (%u "
              "counted), %u in all", free, evictable, cached - evictable, held,
              pages_count(s->pages, PAGE_HELD), pages_total(s->pages));
    return false;
}

static void answer_check(struct sched *s, struct check_item *c)
{
    c->ok = check_pages(s, &c->err);
    if (c->ok && s->n_running + s->n_waiting) {
        error_set(&c->err, ST_STATE, "%u requests run and %u wait", s->n_running, s->n_waiting);
        c->ok = false;
    }
    sem_post(&c->done);
}

bool sched_check(struct sched *s, struct error *err)
{
    struct check_item c = { .item.kind = INBOX_CHECK };
    sem_init(&c.done, 0, 0);
    queue_push(s->inbox, &c.item.item);
    while (sem_wait(&c.done) != 0)
        continue;
    sem_destroy(&c.done);
    if (!c.ok && err)
        *err = c.err;
    return c.ok;
}

/* ---- counters ---- */

static void publish_stats(struct sched *s)
{
    struct sched_stats *st = &s->stats;
    st->pages_total = pages_total(s->pages);
    st->pages_free = pages_count(s->pages, PAGE_FREE);
    st->pages_cached = radix_evictable(s->radix);
    st->pages_held = st->pages_total - st->pages_free - st->pages_cached;
    st->running = s->n_running;
    st->waiting = s->n_waiting;
    st->evicted_pages = radix_n_evicted(s->radix);
    st->copied_pages = s->n_copied;
    pthread_mutex_lock(&s->lock);
    s->shown = *st;
    pthread_mutex_unlock(&s->lock);
}

void sched_read_stats(struct sched *s, struct sched_stats *ret)
{
    pthread_mutex_lock(&s->lock);
    *ret = s->shown;
    pthread_mutex_unlock(&s->lock);
}

/* Tells the receivers.  Apart from the work itself, so that a function that ends a request may
 * still look at it, and so that the counters are right when the news arrives. */
static void tell_ended(struct sched *s)
{
    publish_stats(s);
    while (s->ended_first) {
        struct request *r = s->ended_first;
        s->ended_first = r->next_ended;
        if (!s->ended_first)
            s->ended_last = NULL;
        r->on_end(r, r->status, r->status == ST_OK ? NULL : &r->error);
    }
}

/* ---- inbox ---- */

static void take_request(struct sched *s, struct request *r)
{
    struct error err;
    s->stats.requests++;
    r->arrival = ++s->next_arrival;
    r->n_prompt = r->tl->tok.n;
    r->n_ctx_fail = r->tl->tok.n;
    r->value_pos = r->n_prompt;
    s->stats.prompt_tokens += r->n_prompt;

    enum status st = s->stopping ? error_code(&err, ST_CANCELLED, "R0503", "the engine is closing")
                                 : sched_possible(s, r, &err);
    if (st == ST_OK && !r->tl->tok.n)
        st = error_set(&err, ST_INVALID, "a request without a token");
    if (st != ST_OK) {
        request_finish(s, r, st, &err);
        return;
    }
    if (r->kind == REQUEST_GEN) {
        generate_begin(s, r);
        if (r->ended)
            return;
    }
    order_join(s->order, r);
    if (!sched_enqueue(s, r)) {
        st = error_nomem(&err);
        request_finish(s, r, st, &err);
    }
}

static void take_item(struct sched *s, struct inbox_item *it)
{
    switch (it->kind) {
    case INBOX_SUBMIT:
        take_request(s, (struct request *)it);
        return;
    case INBOX_DROP:
        timeline_free(s, (struct timeline *)((char *)it - offsetof(struct timeline, drop)));
        return;
    case INBOX_POKE:
        atomic_store(&((struct timeline *)((char *)it - offsetof(struct timeline, poke)))->poked,
                     false);
        return;
    case INBOX_CHECK:
        answer_check(s, (struct check_item *)it);
        return;
    case INBOX_STOP:
        s->stopping = true;
        return;
    }
}

/* Ends r when it was cancelled or is out of time. */
static bool end_if_over(struct sched *s, struct request *r, uint64_t now)
{
    struct error err;
    enum status st = ST_OK;
    if (s->stopping || (r->cancel && atomic_load(r->cancel)))
        st = error_code(&err, ST_CANCELLED, "R0503", "cancelled");
    else if (r->deadline_ms && now >= r->deadline_ms)
        st = error_code(&err, ST_TIMEOUT, "R0702", "the time budget is spent");
    if (st != ST_OK)
        request_finish(s, r, st, &err);
    return st != ST_OK;
}

static void sweep(struct sched *s)
{
    uint64_t now = clock_ms();
    for (uint32_t i = 0; i < s->n_running;)
        i += !end_if_over(s, s->running[i], now);
    for (uint32_t i = 0; i < s->n_waiting;)
        i += !end_if_over(s, s->waiting[i], now);
}

/* ---- the step ---- */

static void fail_all(struct sched *s, const struct error *err)
{
    struct error e = *err;
    if (!e.code[0])
        error_code(&e, ST_FAILED, "R0705", "the device failed: %s", err->text);
    while (s->n_running) {
        struct request *r = s->running[0];
        hold_release(s, &r->hold, r->seq);
        request_finish(s, r, ST_FAILED, &e);
    }
    radix_flush(s->radix);
}

/* Behind the last row of r in the step. */
static const float *last_logits(const struct sched *s, const struct request *r)
{
    return s->logits + (size_t)(r->logit + r->n_logit - 1) * s->info->n_vocab;
}

static void collect_request(struct sched *s, struct request *r)
{
    uint32_t n_tok = r->tl->tok.n;
    if (r->n_row)
        hold_publish(s, &r->hold, &r->tl->tok, r->n_kv, r->seq);
    if (r->kind == REQUEST_PREFILL) {
        if (r->n_kv >= n_tok && radix_done(r->hold.node) == r->hold.n_tree)
            request_finish(s, r, ST_OK, NULL);
        return;
    }
    if (r->job) {
        struct error err;
        if (!score_job_collect(s, r))
            return;
        enum status st = score_job_solve(r, &err);
        if (st == ST_OK)
            score_job_keep(s, r);
        request_finish(s, r, st, &err);
        return;
    }
    if (!r->n_logit || r->n_kv < n_tok) {
        if (r->n_logit)
            generate_fill(s, r);
        return;
    }
    const float *logits = last_logits(s, r);
    if (r->kind == REQUEST_GEN) {
        generate_step(s, r, logits);
        return;
    }
    struct error err;
    enum status st = score_job_new(s, r, &err);
    if (st != ST_OK) {
        request_finish(s, r, st, &err);
        return;
    }
    score_job_root(s, r, logits);
}

/* The row of r waits for its mask: its logits must outlive the step.  False: out of memory. */
static bool keep_late(struct sched *s, struct request *r)
{
    size_t n = s->info->n_vocab;
    r->late_logits = mem_alloc(n * sizeof *r->late_logits);
    if (!r->late_logits)
        return false;
    memcpy(r->late_logits, last_logits(s, r), n * sizeof *r->late_logits);
    hold_publish(s, &r->hold, &r->tl->tok, r->n_kv, r->seq);
    generate_fill(s, r);
    s->stats.masks_late++;
    return true;
}

/* The row of a request whose mask was begun. */
static void collect_masked(struct sched *s, struct request *r, bool others, uint64_t end_ns)
{
    if (!others)
        mask_jobs_wait(s, r);
    else if (!mask_jobs_ready(s, r, end_ns)) {
        if (r->late_logits || keep_late(s, r))
            return;
        mask_jobs_wait(s, r);
    }
    if (!r->late_logits) {
        collect_request(s, r);
        return;
    }
    float *logits = r->late_logits;
    r->late_logits = NULL;
    generate_step(s, r, logits);
    mem_free(logits);
}

/* Rows without a constraint first, then those whose mask is there. */
static void collect(struct sched *s)
{
    uint64_t end_ns = clock_ns();
    for (uint32_t i = 0; i < s->n_running;) {
        struct request *r = s->running[i];
        if (!r->mask)
            collect_request(s, r);
        i += i < s->n_running && s->running[i] == r;
    }
    uint32_t n_other = 0;
    for (uint32_t i = 0; i < s->n_running; i++)
        n_other += !s->running[i]->mask;
    for (uint32_t i = 0; i < s->n_running;) {
        struct request *r = s->running[i];
        if (r->mask) {
            collect_masked(s, r, n_other, end_ns);
            n_other += i < s->n_running && s->running[i] == r && !r->mask;
        }
        i += i < s->n_running && s->running[i] == r;
    }
}

static enum status compute(struct sched *s, struct error *err)
{
    if (!s->n_row)
        return ST_OK;
    struct batch b = {
        .tok = s->tok, .n_row = s->n_row,
        .seq = s->seq, .n_seq = s->n_seq,
        .logit_row = s->logit_row, .n_logit = s->n_logit,
        .keep = draw_on_device(s),
    };
    uint64_t t0 = clock_ns();
    enum status st = s->backend->vt->forward(s->backend, &b, s->logits, err);
    uint64_t t = clock_ns() - t0;
    if (s->has_prompt_rows)
        s->stats.prefill_ns += t;
    else
        s->stats.decode_ns += t;
    s->stats.steps++;
    order_measure(s->order, t, s->n_row, s->has_prompt_rows);
    return st;
}

static void step(struct sched *s)
{
    struct error err;
    sched_admit(s);
    batch_build(s);
    mask_jobs_begin(s);
    enum status st = compute(s, &err);
    if (st == ST_OK)
        st = draw_rows(s, &err);
    radix_commit(s->radix, st == ST_OK);
    if (st != ST_OK)
        fail_all(s, &err);
    else
        collect(s);
    if (s->check_steps && !check_pages(s, &err)) {
        log_write(LOG_ERROR_LEVEL, "%s", err.text);
        assert(!"page accounting");
    }
}

static void *run(void *arg)
{
    struct sched *s = arg;
    for (;;) {
        bool idle = !s->n_running && !s->n_waiting;
        if (idle && s->stopping)
            break;
        struct queue_item *it = idle ? queue_wait(s->inbox, -1) : queue_pop(s->inbox);
        for (; it; it = queue_pop(s->inbox))
            take_item(s, (struct inbox_item *)it);
        sweep(s);
        if (s->n_running + s->n_waiting)
            step(s);
        tell_ended(s);
    }
    struct queue_item *it;
    while ((it = queue_pop(s->inbox))) {
        take_item(s, (struct inbox_item *)it);
        tell_ended(s);
    }
    return NULL;
}

/* ---- making and ending ---- */

static bool make_buffers(struct sched *s)
{
    size_t words = bitset_words(s->info->n_vocab);
    s->tok = mem_calloc(s->info->max_batch_tok, sizeof *s->tok);
    s->seq = mem_calloc(s->info->max_seq, sizeof *s->seq);
    s->logit_row = mem_calloc(SCHED_MAX_LOGITS, sizeof *s->logit_row);
    s->logits = mem_alloc((size_t)SCHED_MAX_LOGITS * s->info->n_vocab * sizeof *s->logits);
    s->mask = mem_calloc(words, sizeof *s->mask);
    s->text_mask = mem_calloc(words, sizeof *s->text_mask);
    return s->tok && s->seq && s->logit_row && s->logits && s->mask && s->text_mask;
}

/* Control tokens stand for no text, so a value never contains one. */
static void make_text_mask(struct sched *s)
{
    uint32_t n = tokenizer_n_vocab(s->tokenizer);
    n = n < s->info->n_vocab ? n : s->info->n_vocab;
    for (uint32_t id = 0; id < n; id++) {
        if (tokenizer_bytes(s->tokenizer, id).len)
            bitset_add(s->text_mask, id);
    }
    for (uint32_t i = 0; i < s->n_end_token; i++)
        bitset_add(s->text_mask, s->end_token[i]);
}

static void close_all(struct sched *s)
{
    radix_free(s->radix);
    pages_free(s->pages);
    sampler_free(s->sampler);
    mask_jobs_free(s->masks);
    order_free(s->order);
    if (s->inbox)
        queue_free(s->inbox);
    mem_free(s->running);
    mem_free(s->waiting);
    mem_free(s->tok);
    mem_free(s->seq);
    mem_free(s->logit_row);
    mem_free(s->logits);
    mem_free(s->mask);
    mem_free(s->text_mask);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}

enum status sched_new(const struct sched_opts *opts, struct sched **ret, struct error *err)
{
    struct sched *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    pthread_mutex_init(&s->lock, NULL);
    s->backend = opts->backend;
    s->info = opts->backend->vt->info(opts->backend);
    s->tokenizer = opts->tokenizer;
    s->vocab = opts->vocab;
    s->no_cache = opts->no_cache;
    s->no_force = opts->no_force;
    s->check_steps = opts->check_steps;
    s->step_tokens = opts->step_tokens ? opts->step_tokens : s->info->max_batch_tok;
    s->max_running = opts->max_running ? opts->max_running : DEFAULT_RUNNING;
    s->stop_item.kind = INBOX_STOP;
    for (uint32_t i = 0; i < opts->n_end_token && s->n_end_token < 16; i++) {
        if (opts->end_token[i] < s->info->n_vocab)
            s->end_token[s->n_end_token++] = opts->end_token[i];
    }

    enum status st = queue_new(&s->inbox, err);
    if (st == ST_OK)
        st = pages_new(1, s->info->n_page, &s->pages, err);
    if (st == ST_OK)
        st = radix_new(s->pages, s->info->page_tokens, &s->radix, err);
    if (st == ST_OK)
        radix_set_policy(s->radix, opts->evict);
    if (st == ST_OK)
        st = sampler_new(s->info->n_vocab, &s->sampler, err);
    if (st == ST_OK)
        st = order_new(&opts->order, &s->order, err);
    if (st == ST_OK)
        st = mask_jobs_new(s->max_running, s->info->n_vocab, opts->mask_workers,
                           opts->mask_patience_us, &s->masks, err);
    if (st == ST_OK && !make_buffers(s))
        st = error_nomem(err);
    if (st != ST_OK)
        goto fail;
    make_text_mask(s);
    publish_stats(s);
    if (pthread_create(&s->thread, NULL, run, s) != 0) {
        st = error_set(err, ST_FAILED, "no thread for the scheduler");
        goto fail;
    }
    *ret = s;
    return ST_OK;

fail:
    close_all(s);
    return st;
}

void sched_free(struct sched *s)
{
    if (!s)
        return;
    queue_push(s->inbox, &s->stop_item.item);
    pthread_join(s->thread, NULL);
    while (s->rest_first)
        timeline_wake(s, s->rest_first);
    close_all(s);
}

void sched_submit(struct sched *s, struct request *r)
{
    r->submit_ns = clock_ns();
    queue_push(s->inbox, &r->item.item);
}

void sched_poke(struct sched *s, struct timeline *tl)
{
    if (!atomic_exchange(&tl->poked, true))
        queue_push(s->inbox, &tl->poke.item);
}

void sched_drop(struct sched *s, struct timeline *tl)
{
    queue_push(s->inbox, &tl->drop.item);
}
