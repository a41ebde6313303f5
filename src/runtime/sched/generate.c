/* generate.c - from a row of logits to the next token of a value.
 *
 * A value grows by sampled tokens and by forced ones, which need no sampling because the
 * constraint leaves no choice.  Both go through take_token, so that stops, limits and ends treat
 * them alike. */
#include "runtime/sched/sched_int.h"

#include <math.h>
#include <string.h>

#include "base/array.h"
#include "base/clock.h"

enum { FORCED_LOOK_BACK = 64 };     /* bytes before forced text that splitting may look at */

static void fail(struct sched *s, struct request *r, enum status st, const struct error *err)
{
    request_finish(s, r, st, err);
}

static void fail_nomem(struct sched *s, struct request *r)
{
    struct error err;
    enum status st = error_nomem(&err);
    fail(s, r, st, &err);
}

static void note_logprobs(struct sched *s, struct request *r, struct request_token *t,
                          const float *logits)
{
    if (!r->logprobs || !logits)
        return;
    t->logprob = (float)sampler_logprob(s->sampler, logits, t->id);
    if (!r->n_top)
        return;
    struct sample_top top[64];
    uint32_t n = r->n_top < 64 ? r->n_top : 64;
    sampler_top(s->sampler, logits, n, top);
    if (!array_reserve(&r->top, &r->cap_top, r->n_top_kept + n, sizeof *r->top))
        return;
    t->top = r->n_top_kept;
    t->n_top = n;
    for (uint32_t i = 0; i < n; i++)
        r->top[r->n_top_kept++] = (struct request_top){ top[i].id, top[i].logprob };
}

/* Appends a token to the context and its bytes to the value.  n_left bytes at its end are behind
 * the value. */
static bool push_token(struct sched *s, struct request *r, uint32_t id, bool forced,
                       uint32_t n_left, const float *logits)
{
    struct slice bytes = tokenizer_bytes(s->tokenizer, id);
    uint32_t head = bytes.len < r->heal_left ? (uint32_t)bytes.len : r->heal_left;
    bool in_value = bytes.len > head || !r->heal_left;

    if (!token_list_push(&r->tl->tok, id))
        return false;
    r->n_gen++;
    r->heal_left -= head;
    if (!in_value) {
        r->value_pos = r->tl->tok.n;
        return true;
    }
    struct request_token *t = array_push(&r->token, &r->n_token, &r->cap_token, sizeof *t);
    if (!t)
        return false;
    *t = (struct request_token){ .id = id, .logprob = NAN, .forced = forced,
                                 .n_byte = (uint32_t)bytes.len,
                                 .off = (uint32_t)r->token_text.len };
    note_logprobs(s, r, t, logits);
    if (r->n_token == 1)
        r->n_head = head;
    r->n_value++;
    r->n_forced += forced;
    str_add_slice(&r->token_text, bytes);
    str_add(&r->value, bytes.ptr + head, bytes.len - head - n_left);
    if (r->n_value <= r->min)
        r->n_min_byte = r->value.len;
    return !r->token_text.failed && !r->value.failed;
}

static bool is_stop_token(const struct request *r, uint32_t id)
{
    for (uint32_t i = 0; i < r->n_stop_token; i++) {
        if (r->stop_token[i] == id)
            return true;
    }
    return false;
}

static bool may_end(const struct request *r)
{
    if (r->heal_left || r->n_value < r->min)
        return false;
    return !r->matcher || matcher_may_stop(r->matcher);
}

/* A stop text counts only where the constraint is satisfied; elsewhere it is text. */
static bool find_stop(struct request *r, struct stop_hit *ret)
{
    if (!r->stop || r->n_value < r->min)
        return false;
    size_t earliest = r->n_min_byte > r->stop_earliest ? r->n_min_byte : r->stop_earliest;
    while (stop_find(r->stop, str_slice(&r->value), r->stop_from, earliest, ret)) {
        size_t at;
        if (!r->pattern ||
            pattern_accepts(r->pattern, slice_sub(str_slice(&r->value), 0, ret->at), &at))
            return true;
        earliest = r->stop_earliest = ret->at + 1;
        r->stop_from = 0;
    }
    r->stop_from = r->value.len;
    return false;
}

/* The shortest way to a whole value, appended as prompt tokens. */
static void close_value(struct sched *s, struct request *r)
{
    struct str rest = {0};
    struct token_list tok = {0};
    struct error err;
    enum status st = matcher_close(r->matcher, &rest, &err);
    if (st == ST_OK)
        st = tokenizer_encode(s->tokenizer, str_slice(&rest), ENCODE_DATA, false, &tok, &err);
    bool ok = st == ST_OK;
    for (uint32_t i = 0; ok && i < tok.n; i++)
        ok = push_token(s, r, tok.id[i], true, 0, NULL);
    str_free(&rest);
    token_list_free(&tok);
    if (st != ST_OK) {
        fail(s, r, st, &err);
        return;
    }
    if (!ok) {
        fail_nomem(s, r);
        return;
    }
    deliver_end(s, r, END_CLOSED, r->value.len);
}

static void end_at_max(struct sched *s, struct request *r)
{
    struct error err;
    if (r->strict) {
        enum status st = error_code(&err, ST_FAILED, "R0401",
                                    "the value is not complete after %u tokens", r->n_value);
        fail(s, r, st, &err);
        return;
    }
    if (!r->matcher || r->cut)
        deliver_end(s, r, END_LENGTH, r->value.len);
    else if (matcher_may_stop(r->matcher))
        deliver_end(s, r, END_CLOSED, r->value.len);
    else
        close_value(s, r);
}

/* Feeds the matcher.  False: the request has ended, or the value was closed instead. */
static bool accept_token(struct sched *s, struct request *r, uint32_t id, uint32_t *ret_left)
{
    *ret_left = 0;
    if (!r->matcher)
        return true;
    enum matcher_step step = matcher_accept(r->matcher, id, ret_left);
    if (step == MATCHER_REFUSED) {
        struct error err;
        enum status st = error_code(&err, ST_FAILED, "R0402",
                                    "the constraint refused token %u that it had allowed", id);
        fail(s, r, st, &err);
        return false;
    }
    if (step == MATCHER_LEFT || r->strict || r->cut || r->heal_left)
        return true;
    uint32_t left = r->max - r->n_value - 1;
    if (matcher_may_stop(r->matcher) || matcher_close_tokens(r->matcher) <= left)
        return true;
    /* With this token the value could not be completed in time: close it from before. */
    matcher_rollback(r->matcher, 1);
    if (matcher_may_stop(r->matcher))
        deliver_end(s, r, END_CLOSED, r->value.len);
    else
        close_value(s, r);
    return false;
}

/* True while the value goes on. */
static bool take_token(struct sched *s, struct request *r, uint32_t id, bool forced,
                       const float *logits)
{
    if (may_end(r) && is_stop_token(r, id)) {
        r->stop_id = id;
        deliver_end(s, r, END_STOP, r->value.len);
        return false;
    }
    if (is_end_token(s, id) && !tokenizer_bytes(s->tokenizer, id).len) {
        deliver_end(s, r, END_EOS, r->value.len);
        return false;
    }
    uint32_t n_left;
    if (!accept_token(s, r, id, &n_left))
        return false;
    if (!push_token(s, r, id, forced, n_left, logits)) {
        fail_nomem(s, r);
        return false;
    }
    struct stop_hit hit;
    if (find_stop(r, &hit)) {
        r->stop_text = (struct slice){ r->value.ptr + hit.at, hit.len };
        deliver_end(s, r, END_STOP, hit.at);
        return false;
    }
    if (n_left) {
        r->n_ahead = r->keep_left ? n_left : 0;
        deliver_end(s, r, END_TEXT, r->value.len);
        return false;
    }
    if (r->matcher && !r->heal_left && matcher_must_stop(r->matcher)) {
        deliver_end(s, r, END_COMPLETE, r->value.len);
        return false;
    }
    if (r->n_value >= r->max || r->tl->tok.n >= sched_window(s)) {
        end_at_max(s, r);
        return false;
    }
    return true;
}

/* Text that the constraint leaves no choice about. */
static void force_tokens(struct sched *s, struct request *r)
{
    if (!r->matcher || !r->force || s->no_force || r->heal_left)
        return;
    struct slice before = str_slice(&r->value);
    if (before.len > FORCED_LOOK_BACK)
        before = slice_sub(before, before.len - FORCED_LOOK_BACK, FORCED_LOOK_BACK);
    struct token_list tok = {0};
    struct error err;
    enum status st = matcher_forced_tokens(r->matcher, s->tokenizer, before, &tok, &err);
    if (st != ST_OK) {
        token_list_free(&tok);
        fail(s, r, st, &err);
        return;
    }
    for (uint32_t i = 0; i < tok.n; i++) {
        s->stats.forced_tokens++;
        if (!take_token(s, r, tok.id[i], true, NULL))
            break;
    }
    token_list_free(&tok);
}

void generate_begin(struct sched *s, struct request *r)
{
    uint32_t left = sched_window(s) - r->n_prompt;
    if (!r->max || r->max > left)
        r->max = left;
    r->heal_left = (uint32_t)r->heal.len;
    if (r->matcher && !r->heal_left && matcher_must_stop(r->matcher)) {
        deliver_end(s, r, END_COMPLETE, 0);
        return;
    }
    force_tokens(s, r);
}

/* Log-probabilities of forced tokens, from the rows before them. */
void generate_fill(struct sched *s, struct request *r)
{
    for (uint32_t i = 0; i < r->n_logit; i++) {
        uint32_t pos = r->logit_pos + i + 1;
        if (pos < r->value_pos || pos - r->value_pos >= r->n_token)
            continue;
        struct request_token *t = &r->token[pos - r->value_pos];
        if (isnan(t->logprob))
            note_logprobs(s, r, t, s->logits + (size_t)(r->logit + i) * s->info->n_vocab);
    }
}

struct sample_input generate_input(const struct sched *s, const struct request *r,
                                   const float *logits, const uint32_t *mask)
{
    return (struct sample_input){
        .logits = logits,
        .n_vocab = s->info->n_vocab,
        .mask = mask,
        .prompt = r->tl->tok.id,
        .n_prompt = r->n_prompt,
        .generated = r->tl->tok.id + r->n_prompt,
        .n_generated = r->tl->tok.n - r->n_prompt,
        .key = r->key,
        .index = r->first_index + r->n_gen,
    };
}

/* The token that the device drew, or one from the row.  *ret_complete: none may come. */
static enum status next_token(struct sched *s, struct request *r, const float *logits,
                              uint32_t *ret_id, bool *ret_complete, struct error *err)
{
    const uint32_t *row;
    *ret_complete = false;
    if (r->drawn) {
        r->drawn = false;
        *ret_id = r->draw.id;
        return sample_failed(r->draw.fault, err);
    }
    enum status st = mask_fill(s, r, &row, ret_complete, err);
    if (st != ST_OK || *ret_complete)
        return st;
    struct sample_input in = generate_input(s, r, logits, row);
    uint64_t t0 = clock_ns();
    st = sampler_draw(s->sampler, &r->sampling, &in, ret_id, err);
    s->stats.sample_ns += clock_ns() - t0;
    return st;
}

void generate_step(struct sched *s, struct request *r, const float *logits)
{
    struct error err;
    uint32_t id;
    bool complete;

    if (!r->first_ns)
        r->first_ns = clock_ns();
    generate_fill(s, r);
    if (r->finishing) {
        request_finish(s, r, ST_OK, NULL);
        return;
    }
    enum status st = next_token(s, r, logits, &id, &complete, &err);
    if (st != ST_OK) {
        fail(s, r, st, &err);
        return;
    }
    if (complete) {
        deliver_end(s, r, END_COMPLETE, r->value.len);
        return;
    }
    s->stats.generated_tokens++;
    order_charge(s->order, r, 0, 1);
    if (!take_token(s, r, id, false, logits))
        return;
    force_tokens(s, r);
    if (!r->ended)
        deliver_soon(s, r);
}
