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

/* A question to the thread; who asks waits for the answer. */
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

static bool is_idle(const struct sched *s, struct error *err)
{
    if (!s->n_running && !s->n_waiting)
        return true;
    error_set(err, ST_STATE, "%u requests run and %u wait", s->n_running, s->n_waiting);
    return false;
}

static void answer_check(struct sched *s, struct check_item *c)
{
    c->ok = check_pages(s, &c->err) && is_idle(s, &c->err);
    sem_post(&c->done);
}

static bool ask(struct sched *s, enum inbox_kind kind, struct error *err)
{
    struct check_item c = { .item.kind = kind };
    sem_init(&c.done, 0, 0);
    queue_push(s->inbox, &c.item.item);
    while (sem_wait(&c.done) != 0)
        continue;
    sem_destroy(&c.done);
    if (!c.ok && err)
        *err = c.err;
    return c.ok;
}

bool sched_check(struct sched *s, struct error *err)
{
    return ask(s, INBOX_CHECK, err);
}

enum status sched_flush(struct sched *s, struct error *err)
{
    struct error why;
    if (ask(s, INBOX_FLUSH, &why))
        return ST_OK;
    *err = why;
    return why.status;
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

static void answer_flush(struct sched *s, struct check_item *c)
{
    c->ok = is_idle(s, &c->err);
    radix_expire(s->radix, clock_ms());
    while (c->ok && s->rest_first)
        timeline_wake(s, s->rest_first);
    if (c->ok)
        radix_flush(s->radix);
    publish_stats(s);
    sem_post(&c->done);
}

/* Tells the receivers.  Apart from the work itself, so that a function that ends a request may
 * still look at it, and after the counters, so that they are right when the news arrives. */
static void tell_ended(struct sched *s)
{
    while (s->ended_first) {
        struct request *r = s->ended_first;
        s->ended_first = r->next_ended;
        if (!s->ended_first)
            s->ended_last = NULL;
        r->on_end(r, r->status, r->status == ST_OK ? NULL : &r->error);
    }
}

/* ---- inbox ---- */

static enum status check_queue(const struct sched *s, const struct request *r, struct error *err)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < s->n_waiting && s->max_queued_tokens; i++)
        n += s->waiting[i]->tl->tok.n;
    if (!n || n + r->tl->tok.n <= s->max_queued_tokens)
        return ST_OK;
    return error_set(err, ST_FULL, "the queue is full: prompts of %llu tokens wait",
                     (unsigned long long)n);
}

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
    if (st == ST_OK)
        st = check_queue(s, r, &err);
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
    case INBOX_FLUSH:
        answer_flush(s, (struct check_item *)it);
        return;
    case INBOX_STOP:
        s->stopping = true;
        return;
    }
}

/* The next thing in the queue, as s->next_item; it stays there until it is taken.  False: none. */
static bool peek_item(struct sched *s)
{
    if (!s->next_item)
        s->next_item = (struct inbox_item *)queue_pop(s->inbox);
    return s->next_item != NULL;
}

static void take_items(struct sched *s)
{
    while (peek_item(s)) {
        struct inbox_item *it = s->next_item;
        s->next_item = NULL;
        take_item(s, it);
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

/* True when a row of r is there, or kept, and is sampled under the mask that was begun for it.  A
 * mask alone is left where the request was retracted. */
static bool has_masked_row(const struct request *r)
{
    return r->mask && (r->late_logits || (r->n_logit && r->n_kv == r->tl->tok.n));
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
        if (!has_masked_row(r))
            collect_request(s, r);
        i += i < s->n_running && s->running[i] == r;
    }
    uint32_t n_other = 0;
    for (uint32_t i = 0; i < s->n_running; i++)
        n_other += !has_masked_row(s->running[i]);
    for (uint32_t i = 0; i < s->n_running;) {
        struct request *r = s->running[i];
        if (has_masked_row(r)) {
            collect_masked(s, r, n_other, end_ns);
            n_other += i < s->n_running && s->running[i] == r && !r->mask;
        }
        i += i < s->n_running && s->running[i] == r;
    }
}

static void show_texts(struct request *const *r, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (!r[i]->stream_due)
            continue;
        r[i]->stream_due = false;
        deliver_stream(r[i], false);
    }
}

/* What the step that runs does not need: texts and ends of the one before, what came into the
 * queue, the order of the next round.  A running request is touched by nothing here but its text,
 * so its pages stay as the batch has them. */
static void work_aside(struct sched *s)
{
    if (s->n_stream_due) {
        show_texts(s->running, s->n_running);
        show_texts(s->waiting, s->n_waiting);
        s->n_stream_due = 0;
    }
    tell_ended(s);
    for (uint32_t i = 0; i < SCHED_ASIDE_ITEMS && peek_item(s); i++) {
        if (s->next_item->kind == INBOX_CHECK || s->next_item->kind == INBOX_FLUSH)
            break;              /* between two steps only */
        struct inbox_item *it = s->next_item;
        s->next_item = NULL;
        take_item(s, it);
    }
    sched_foresee(s);
}

static bool has_work_aside(struct sched *s)
{
    return s->n_stream_due || s->ended_first || s->n_waiting || peek_item(s);
}

static enum status compute(struct sched *s, struct error *err)
{
    if (!s->n_row) {
        if (s->runner)
            work_aside(s);
        return ST_OK;
    }
    struct batch b = {
        .tok = s->tok, .n_row = s->n_row,
        .seq = s->seq, .n_seq = s->n_seq,
        .logit_row = s->logit_row, .n_logit = s->n_logit,
        .keep = draw_on_device(s),
    };
    enum status st;
    uint64_t t = clock_ns();
    if (s->runner && has_work_aside(s)) {
        runner_begin(s->runner, &b, s->logits);
        work_aside(s);
        st = runner_wait(s->runner, &t, err);
    } else {
        st = s->backend->vt->forward(s->backend, &b, s->logits, err);
        t = clock_ns() - t;
    }
    if (s->has_prompt_rows)
        s->stats.prefill_ns += t;
    else
        s->stats.decode_ns += t;
    s->stats.steps++;
    order_measure(s->order, t, s->n_row, s->has_prompt_rows);
    pace_note(&s->pace, t, s->n_decode_row, s->n_row - s->n_decode_row);
    return st;
}

/* What those who were just admitted have found; what they share later was computed meanwhile. */
static void note_admitted(struct sched *s)
{
    for (uint32_t i = 0; i < s->n_running; i++) {
        struct request *r = s->running[i];
        if (r->noted)
            continue;
        uint32_t done = radix_done(r->hold.node);
        r->n_ready_found = done < r->n_match ? done : r->n_match;
        r->noted = true;
    }
}

static bool waits_for_mask(const struct sched *s)
{
    for (uint32_t i = 0; i < s->n_running; i++)
        if (s->running[i]->late_logits)
            return true;
    return false;
}

/* Options that are scored take pages as they go, and may hold them against each other.  When steps
 * have no rows and nobody ends, the youngest makes room; one alone has what the pool has. */
static void unstick(struct sched *s, uint32_t had)
{
    bool moves = s->n_row || s->n_running != had || s->ended_first || waits_for_mask(s);
    s->n_still = moves || !s->n_running ? 0 : s->n_still + 1;
    if (s->n_still < SCHED_STUCK_STEPS)
        return;
    s->n_still = 0;
    struct request *v = sched_victim(s);
    if (v) {
        sched_retract(s, v);
        return;
    }
    struct error err;
    enum status st = error_code(&err, ST_LIMIT, "R0502", "the pool of %u KV pages is exhausted",
                                pages_total(s->pages));
    request_finish(s, s->running[0], st, &err);
}

static void step(struct sched *s)
{
    struct error err;
    radix_expire(s->radix, clock_ms());
    sched_admit(s);
    note_admitted(s);
    batch_build(s);
    uint32_t n_built = s->n_running;
    mask_jobs_begin(s);
    enum status st = compute(s, &err);
    if (st == ST_OK)
        st = draw_rows(s, &err);
    radix_commit(s->radix, st == ST_OK);
    if (st != ST_OK)
        fail_all(s, &err);
    else
        collect(s);
    unstick(s, n_built);
    if (s->check_steps && !check_pages(s, &err)) {
        log_write(LOG_ERROR_LEVEL, "%s", err.text);
        assert(!"page accounting");
    }
}

static void *run(void *arg)
{
    struct sched *s = arg;
    for (;;) {
        bool idle = !s->n_running && !s->n_waiting && !s->next_item;
        if (idle && s->stopping)
            break;
        if (idle)
            s->next_item = (struct inbox_item *)queue_wait(s->inbox, -1);
        take_items(s);
        sweep(s);
        if (s->n_running + s->n_waiting)
            step(s);
        if (s->events)
            events_seal(s->events);
        publish_stats(s);
        if (!s->runner || !(s->n_running + s->n_waiting))
            tell_ended(s);
    }
    take_items(s);
    publish_stats(s);
    tell_ended(s);
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
    runner_free(s->runner);
    order_free(s->order);
    if (s->inbox)
        queue_free(s->inbox);
    mem_free(s->running);
    mem_free(s->waiting);
    mem_free(s->reader);
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
    s->no_tree = opts->no_tree;
    s->no_pending = opts->no_pending;
    s->check_steps = opts->check_steps;
    s->strict = opts->strict;
    pace_init(&s->pace, opts->itl_target_ms,
              opts->step_tokens ? opts->step_tokens : s->info->max_batch_tok);
    s->max_queued_tokens = opts->max_queued_tokens;
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
        radix_set_events(s->radix, opts->events);
    s->events = opts->events;
    s->announces = opts->evict == RADIX_NEXT_USE;
    if (st == ST_OK)
        sched_set_pin_budget(s, opts);
    if (st == ST_OK)
        st = sampler_new(s->info->n_vocab, &s->sampler, err);
    if (st == ST_OK)
        st = order_new(&opts->order, &s->order, err);
    if (st == ST_OK)
        st = mask_jobs_new(s->max_running, s->info->n_vocab, opts->mask_workers,
                           opts->mask_patience_us, &s->masks, err);
    if (st == ST_OK && opts->overlap)
        st = runner_new(s->backend, &s->runner, err);
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
