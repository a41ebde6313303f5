/* deliver.c - what the scheduler found, as events of the seam.
 *
 * Runs on the scheduler thread (and on the pool for plans that end early).  The session is whole
 * again, and its own, before the last event leaves. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/engine/local_int.h"

static double ms_between(uint64_t from, uint64_t to)
{
    return from && to > from ? (double)(to - from) / 1e6 : 0;
}

static struct slice as_text(struct arena *arena, struct slice bytes)
{
    struct detok d = {0};
    struct str out = {0};
    detok_push(&d, bytes, &out);
    detok_flush(&d, &out);
    struct slice text = arena_slice(arena, str_slice(&out));
    arena->failed = arena->failed || out.failed;
    str_free(&out);
    return text;
}

/* Tokens first..end-1 and the bytes that are theirs. */
static void fill_tokens(const struct request *r, uint32_t first, uint32_t end,
                        struct plan_result *res)
{
    uint32_t n = end - first, base = n ? r->token[first].off : 0;
    size_t n_byte = n ? r->token[end - 1].off + r->token[end - 1].n_byte - base : 0;
    res->token_text = arena_slice(&res->arena, slice_sub(str_slice(&r->token_text), base, n_byte));
    res->token = arena_array(&res->arena, n + 1, sizeof *res->token);
    if (!res->token)
        return;
    res->n_token = n;
    for (uint32_t i = 0; i < n; i++) {
        const struct request_token *t = &r->token[first + i];
        struct plan_token *p = &res->token[i];
        *p = (struct plan_token){ .id = t->id, .logprob = t->logprob, .forced = t->forced,
                                  .text_off = t->off - base, .text_len = t->n_byte };
        if (!t->n_top)
            continue;
        p->top = arena_array(&res->arena, t->n_top, sizeof *p->top);
        if (!p->top)
            return;
        p->n_top = t->n_top;
        for (uint32_t k = 0; k < t->n_top; k++)
            p->top[k] = (struct plan_top){ r->top[t->top + k].id, r->top[t->top + k].logprob };
    }
}

static void fill_gen(const struct request *r, struct plan_result *res)
{
    static const enum finish finish[] = {
        [END_NONE] = FINISH_NONE, [END_COMPLETE] = FINISH_COMPLETE, [END_EOS] = FINISH_EOS,
        [END_TEXT] = FINISH_TEXT, [END_STOP] = FINISH_STOP, [END_CLOSED] = FINISH_CLOSED,
        [END_LENGTH] = FINISH_LENGTH,
    };
    res->finish = finish[r->end];
    res->text = as_text(&res->arena, str_slice(&r->value));
    res->stop = as_text(&res->arena, r->stop_text);
    res->stop_token = r->stop_id;
    res->n_forced = r->n_forced;
    res->n_value_head = r->n_head;
    res->logprob = r->logprob;
    fill_tokens(r, 0, r->n_token, res);
}

/* The tokens of the chosen option; those that only spell what healing took back are not its. */
static void fill_option_tokens(const struct job *job, struct plan_result *res)
{
    const struct local *e = job->s->engine;
    const struct score_option *o = &job->req.score.option[res->option];
    struct str text = {0};
    uint32_t left = job->n_heal_byte;
    res->token = arena_array(&res->arena, o->n_tok + 1, sizeof *res->token);
    if (!res->token)
        return;
    for (uint32_t i = 0; i < o->n_tok; i++) {
        struct slice bytes = tokenizer_bytes(e->tokenizer, o->tok[i]);
        if (left && bytes.len <= left) {
            left -= (uint32_t)bytes.len;
            continue;
        }
        if (!res->n_token)
            res->n_value_head = left;
        left = 0;
        float lp = i < job->req.scored.n_lp ? (float)job->req.scored.lp[i] : NAN;
        res->logprob += isnan(lp) ? 0 : (double)lp;
        res->token[res->n_token++] = (struct plan_token){
            .id = o->tok[i], .logprob = lp, .text_off = (uint32_t)text.len,
            .text_len = (uint32_t)bytes.len,
        };
        str_add_slice(&text, bytes);
    }
    res->token_text = arena_slice(&res->arena, str_slice(&text));
    str_free(&text);
}

static void fill_option(struct job *job, struct plan_result *res)
{
    const struct request *r = &job->req;
    const struct hole *h = &job->plan->hole;
    res->finish = FINISH_COMPLETE;
    res->option = r->scored.chosen;
    res->prob = arena_dup(&res->arena, r->scored.prob, h->n_option * sizeof *res->prob);
    res->n_prob = res->prob ? h->n_option : 0;
    res->text = arena_slice(&res->arena, h->option[res->option]);
    res->stop_token = TOKEN_NONE;
    fill_option_tokens(job, res);
}

static void give_back_healed(struct job *job)
{
    for (uint32_t i = 0; i < job->n_heal; i++)
        token_list_push(&job->s->tl->tok, job->heal_id[i]);
}

/* select appends the option; score leaves the context as the text before it made it. */
static bool settle_option(struct job *job)
{
    struct token_list *tok = &job->s->tl->tok;
    if (job->plan->hole.kind == HOLE_SCORE) {
        give_back_healed(job);
        return true;
    }
    const struct score_option *o = &job->req.score.option[job->req.scored.chosen];
    for (uint32_t i = 0; i < o->n_tok && !job->req.scored.kept; i++) {
        if (!token_list_push(tok, o->tok[i]))
            return false;
    }
    job->s->n_sealed = tok->n;
    return true;
}

static void fill_counters(const struct job *job, struct plan_result *res)
{
    const struct request *r = &job->req;
    res->n_prompt = r->n_prompt;
    res->n_cached = r->n_cached;
    res->n_shared = r->n_shared;
    res->n_forked = r->n_forked;
    res->miss_cold = r->miss_cold;
    res->miss_evicted = r->miss_evicted;
    res->miss_namespace = r->miss_namespace;
    res->miss_boundary = r->miss_boundary;
    res->miss_logprobs = r->miss_logprobs;
    res->n_retracted = r->n_retracted;
    res->n_generated = r->n_generated;
    res->queue_ms = ms_between(r->submit_ns, r->admit_ns);
    res->prefill_ms = ms_between(r->admit_ns, r->first_ns);
    res->decode_ms = ms_between(r->first_ns, r->end_ns);
    res->ttft_ms = ms_between(job->start_ns, r->first_ns);
}

static struct plan_result *make_result(struct job *job)
{
    const struct request *r = &job->req;
    struct plan_result *res = mem_zalloc(sizeof *res);
    if (!res)
        return NULL;
    if (r->kind == REQUEST_GEN)
        fill_gen(r, res);
    else if (r->kind == REQUEST_SCORE)
        fill_option(job, res);
    fill_counters(job, res);
    if (!res->arena.failed)
        return res;
    plan_result_free(res);
    return NULL;
}

/* A choice is charged every node of the trie; the chosen path is among them. */
static void charge_options(struct job *job, struct plan_result *res)
{
    const struct score_opts *o = &job->req.score;
    struct slice *path = arena_array(&res->arena, o->n_option + 1u, sizeof *path);
    for (uint32_t i = 0; path && i < o->n_option; i++)
        path[i] = (struct slice){ (const char *)o->option[i].tok,
                                  o->option[i].n_tok * sizeof *o->option[i].tok };
    uint32_t chosen = o->keep ? o->option[job->req.scored.chosen].n_tok : 0;
    res->n_charged -= chosen < res->n_charged ? chosen : res->n_charged;
    if (path)
        res->n_charged += plan_trie_nodes(path, o->n_option);
}

static void count_tokens(struct job *job, struct plan_result *res)
{
    res->n_tok = job->s->tl->tok.n;
    res->n_charged = res->n_tok > job->n_before ? res->n_tok - job->n_before : 0;
    if (job->req.kind == REQUEST_SCORE)
        charge_options(job, res);
}

void job_on_end(struct request *r, enum status st, const struct error *err)
{
    struct job *job = r->user;
    struct local_session *s = job->s;
    struct error own;
    struct plan_result *res = NULL;

    bool cut_short = st == ST_TIMEOUT && r->kind == REQUEST_GEN && r->admit_ns;
    if ((st == ST_OK || cut_short) && !(res = make_result(job))) {
        st = error_nomem(&own);
        err = &own;
    }
    if (st != ST_OK) {
        give_back_healed(job);
    } else if (r->kind == REQUEST_GEN) {
        s->n_sealed = s->tl->tok.n - r->n_loose;
        s->n_ahead = r->n_ahead;
    } else if (r->kind == REQUEST_SCORE && !settle_option(job)) {
        plan_result_free(res);
        res = NULL;
        st = error_nomem(&own);
        err = &own;
    }
    if (res && st == ST_OK)
        count_tokens(job, res);
    job_end(job, st, err, res);
}

static void free_job(struct job *job)
{
    request_clear(&job->req);
    matcher_free(job->req.matcher);
    stop_free(job->req.stop);
    if (job->constraint)
        constraint_unref(job->constraint);
    arena_free(&job->arena);
    mem_free(job);
}

void job_end(struct job *job, enum status st, const struct error *err, struct plan_result *result)
{
    struct local_session *s = job->s;
    struct plan *p = job->plan;
    struct plan_event ev = {
        .kind = st == ST_OK ? PLAN_DONE : PLAN_FAILED,
        .user = p->user,
        .result = result,
    };
    if (st != ST_OK)
        ev.error = *err;
    free_job(job);
    atomic_store(&s->n_tok, s->tl->tok.n);
    atomic_store(&s->busy, false);
    p->sink(p->sink_ctx, &ev);
    plan_free(p);
    session_unref_local(s);
}

/* A token goes with the text that it ends in.  A forced one has its log-probability a step later,
 * so it and those behind it wait for the next chunk, or for the result. */
static uint32_t tokens_shown(const struct job *job, const struct request *r)
{
    uint32_t end = job->n_tok_sent;
    while (end < r->n_token && r->token[end].off < r->n_head + r->n_sent &&
           !(r->logprobs && isnan(r->token[end].logprob)))
        end++;
    return end;
}

void job_on_chunk(struct request *r, struct slice text)
{
    struct job *job = r->user;
    struct plan *p = job->plan;
    struct plan_event ev = { .kind = PLAN_CHUNK, .user = p->user, .chunk = text };
    struct plan_result shown = {0};
    uint32_t end = tokens_shown(job, r);
    fill_tokens(r, job->n_tok_sent, end, &shown);
    ev.token = shown.token;
    ev.n_token = shown.n_token;
    ev.token_text = shown.token_text;
    job->n_tok_sent = end;
    p->sink(p->sink_ctx, &ev);
    arena_free(&shown.arena);
}
