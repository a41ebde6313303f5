/* deliver.c - how a value ends, what the receiver sees of it, and how every request ends.
 *
 * The context keeps whole tokens.  When a value ends inside one, the context is cut before it and
 * the kept bytes are tokenised anew; they stay loose, so that the text that follows may join them. */
#include "runtime/sched/sched_int.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

void deliver_stream(struct request *r, bool last)
{
    if (!r->on_chunk)
        return;
    struct slice value = str_slice(&r->value);
    size_t safe = last || !r->stop ? value.len : stop_safe(r->stop, value);
    struct str out = {0};
    if (safe > r->n_sent) {
        detok_push(&r->detok, slice_sub(value, r->n_sent, safe - r->n_sent), &out);
        r->n_sent = safe;
    }
    if (last)
        detok_flush(&r->detok, &out);
    if (out.len)
        r->on_chunk(r, str_slice(&out));
    str_free(&out);
}

void deliver_soon(struct sched *s, struct request *r)
{
    if (!s->runner || !r->on_chunk) {
        deliver_stream(r, false);
        return;
    }
    r->stream_due = true;
    s->n_stream_due++;
}

/* Cuts the context behind byte `at` of token_text. */
static enum status cut_context(struct sched *s, struct request *r, size_t at, struct error *err)
{
    struct token_list *tok = &r->tl->tok;
    while (r->n_token && r->token[r->n_token - 1].n_byte && r->token[r->n_token - 1].off >= at)
        r->n_token--;
    tok->n = r->value_pos + r->n_token;
    if (!r->n_token)
        return ST_OK;

    const struct request_token *t = &r->token[r->n_token - 1];
    size_t n_kept = at - t->off;
    if (!t->n_byte || n_kept >= t->n_byte)
        return ST_OK;
    tok->n--;
    uint32_t before = tok->n;
    struct slice kept = { r->token_text.ptr + t->off, n_kept };
    enum status st = tokenizer_encode(s->tokenizer, kept, ENCODE_DATA, false, tok, err);
    r->n_loose = tok->n - before;
    return st;
}

static bool lacks_logprobs(const struct request *r)
{
    if (!r->logprobs)
        return false;
    for (uint32_t i = 0; i < r->n_token; i++) {
        if (isnan(r->token[i].logprob))
            return true;
    }
    return false;
}

void deliver_end(struct sched *s, struct request *r, enum request_end end, size_t n_value)
{
    struct error err;
    r->end = end;
    if (r->stop_text.len) {     /* kept behind the tokens' text, where the value's cut spares it */
        size_t off = r->token_text.len;
        str_add_slice(&r->token_text, r->stop_text);
        if (r->token_text.failed)
            r->stop_text = (struct slice){0};
        else
            r->stop_text.ptr = r->token_text.ptr + off;
    }
    str_cut(&r->value, n_value);
    if (!r->n_ahead) {
        enum status st = cut_context(s, r, r->n_head + n_value, &err);
        if (st != ST_OK) {
            request_finish(s, r, st, &err);
            return;
        }
    }
    deliver_stream(r, true);
    /* Only tokens that are still in the context can be asked about. */
    if (lacks_logprobs(r) && !r->n_loose && r->n_kv < r->tl->tok.n) {
        r->finishing = true;
        return;
    }
    request_finish(s, r, ST_OK, NULL);
}

void request_remove(struct sched *s, struct request *r)
{
    for (uint32_t i = 0; i < s->n_running; i++) {
        if (s->running[i] != r)
            continue;
        memmove(s->running + i, s->running + i + 1, (s->n_running - i - 1) * sizeof *s->running);
        s->n_running--;
        return;
    }
    for (uint32_t i = 0; i < s->n_waiting; i++) {
        if (s->waiting[i] != r)
            continue;
        memmove(s->waiting + i, s->waiting + i + 1, (s->n_waiting - i - 1) * sizeof *s->waiting);
        s->n_waiting--;
        return;
    }
}

/* What was computed stays with the context; pages that only growth wanted go back. */
static void keep_hold(struct sched *s, struct request *r)
{
    struct hold *h = &r->hold;
    if (!h->node)
        return;
    if (radix_done(h->node) < h->n_tree) {
        hold_release(s, h, r->seq);
        return;
    }
    uint32_t n_tok = r->tl->tok.n;
    hold_publish(s, h, &r->tl->tok, r->n_kv < n_tok ? r->n_kv : n_tok, 0);
    uint32_t keep = h->n_tree / s->info->page_tokens + (h->tail.node && h->tail.n_done);
    if (h->tail.node && !h->tail.n_done)
        radix_tail_hide(&h->tail);
    while (h->n_page > keep)
        pages_give(s->pages, h->page[--h->n_page]);
    timeline_rest(s, r->tl, h);
}

/* Where the prompt tokens came from that the request did not compute. */
static void count_cached(struct request *r)
{
    r->n_cached = r->n_prompt > r->n_computed ? r->n_prompt - r->n_computed : 0;
    uint32_t pending = r->n_match > r->n_ready_found ? r->n_match - r->n_ready_found : 0;
    uint32_t late = r->n_cached > r->n_ready_found ? r->n_cached - r->n_ready_found : 0;
    r->n_shared = pending < late ? pending : late;
    uint32_t ready = r->n_cached - r->n_shared;
    r->n_forked = r->tl->n_forked < ready ? r->tl->n_forked : ready;
    r->tl->n_forked = 0;
}

void request_finish(struct sched *s, struct request *r, enum status st, const struct error *err)
{
    r->ended = true;
    if (r->stream_due && st != ST_OK)
        deliver_stream(r, false);
    r->end_ns = clock_ns();
    request_remove(s, r);
    radix_forget(s->radix, &r->tl->use);
    if (st == ST_OK && r->joined && r->kind == REQUEST_GEN)
        order_note_answer(s->order, r);
    order_leave(s->order, r);
    score_job_free(s, r->job);
    r->job = NULL;
    mask_jobs_leave(s, r);
    if (st != ST_OK && r->tl->tok.n > r->n_ctx_fail)
        r->tl->tok.n = r->n_ctx_fail;
    keep_hold(s, r);

    count_cached(r);
    r->n_generated = r->n_gen;
    s->stats.miss_cold += r->miss_cold;
    s->stats.miss_evicted += r->miss_evicted;
    s->stats.miss_namespace += r->miss_namespace;
    s->stats.miss_boundary += r->miss_boundary;
    s->stats.miss_logprobs += r->miss_logprobs;
    for (uint32_t i = 0; i < r->n_token && r->logprobs; i++)
        r->logprob += isnan(r->token[i].logprob) ? 0 : (double)r->token[i].logprob;
    if (st == ST_OK)
        s->stats.cached_tokens += r->n_cached;
    if (st == ST_CANCELLED)
        s->stats.cancelled++;
    else if (st != ST_OK)
        s->stats.failed++;
    r->status = st;
    if (st != ST_OK)
        r->error = *err;
    if (s->ended_last)
        s->ended_last->next_ended = r;
    else
        s->ended_first = r;
    s->ended_last = r;
}
