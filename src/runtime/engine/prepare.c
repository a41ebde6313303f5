/* prepare.c - a plan made ready for the scheduler, on the pool: tokenise, compile, heal.
 *
 * Whatever is wrong with a plan is found here, before it costs a page.  A plan without a hole ends
 * here too: its text is computed when somebody needs it. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/hashmap.h"
#include "runtime/engine/local_int.h"

enum { MAX_OPTIONS = 4096, HEAL_TOKENS = 4 };

/* ---- a snapshot of what a plan may change ---- */

static enum status snapshot(struct job *job, struct error *err)
{
    struct local_session *s = job->s;
    const struct token_list *tok = &s->tl->tok;
    job->n_before = tok->n;
    job->n_keep = s->n_sealed < tok->n ? s->n_sealed : tok->n;
    if (s->n_ahead)
        job->n_keep = tok->n - 1;
    job->old_sealed = s->n_sealed;
    job->old_ahead = s->n_ahead;
    job->old_turn = s->turn;
    uint32_t n = job->n_before - job->n_keep;
    job->old = arena_array(&job->arena, n + 1, sizeof *job->old);
    if (!job->old)
        return error_nomem(err);
    if (n)
        memcpy(job->old, tok->id + job->n_keep, n * sizeof *job->old);
    return ST_OK;
}

void job_restore(struct job *job)
{
    struct local_session *s = job->s;
    struct token_list *tok = &s->tl->tok;
    if (!job->old)
        return;
    tok->n = job->n_keep;
    for (uint32_t i = 0; i < job->n_before - job->n_keep; i++)
        token_list_push(tok, job->old[i]);      /* there was room for them before */
    s->n_sealed = job->old_sealed;
    s->n_ahead = job->old_ahead;
    s->turn = job->old_turn;
}

/* ---- healing ---- */

static enum status heal(struct job *job, struct slice *ret_bytes, struct error *err)
{
    struct local_session *s = job->s;
    struct token_list *tok = &s->tl->tok;
    *ret_bytes = (struct slice){0};
    if (!job->plan->hole.heal)
        return ST_OK;

    uint32_t n_tail = tok->n - s->n_sealed;
    if (n_tail == tok->n && n_tail)
        n_tail--;               /* the model must have something to go on */
    bool useful;
    uint32_t n = heal_count(s->engine->vocab, job->constraint, tok->id + tok->n - n_tail, n_tail,
                            &useful);
    n = n < HEAL_TOKENS ? n : HEAL_TOKENS;
    if (!n)
        return ST_OK;
    struct str bytes = {0};
    session_bytes(s, tok->n - n, tok->n, &bytes);
    *ret_bytes = arena_slice(&job->arena, str_slice(&bytes));
    bool ok = !bytes.failed && !job->arena.failed;
    str_free(&bytes);
    if (!ok)
        return error_nomem(err);
    memcpy(job->heal_id, tok->id + tok->n - n, n * sizeof *job->heal_id);
    job->n_heal = n;
    job->n_heal_byte = (uint32_t)ret_bytes->len;
    tok->n -= n;
    return ST_OK;
}

/* A model needs a token to say anything. */
static enum status first_token(struct job *job, struct error *err)
{
    struct local_session *s = job->s;
    const struct local *e = s->engine;
    if (s->tl->tok.n)
        return ST_OK;
    uint32_t id = tokenizer_bos(e->tokenizer);
    if (id == TOKEN_NONE && e->n_end_token)
        id = e->end_token[0];
    if (id == TOKEN_NONE)
        return error_code(err, ST_INVALID, "R0404",
                          "the context is empty and the model has no token to begin with");
    if (!token_list_push(&s->tl->tok, id))
        return error_nomem(err);
    s->n_sealed = s->tl->tok.n;
    return ST_OK;
}

/* ---- gen ---- */

static enum status prepare_bias(struct job *job, struct sampling *sp, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    if (!h->n_bias)
        return ST_OK;
    uint32_t *id = arena_array(&job->arena, h->n_bias, sizeof *id);
    if (!id)
        return error_nomem(err);
    for (uint32_t i = 0; i < h->n_bias; i++) {
        if (!h->bias_text) {
            id[i] = h->bias_id[i];
            continue;
        }
        id[i] = tokenizer_find_bytes(job->s->engine->tokenizer, h->bias_text[i]);
        if (id[i] == TOKEN_NONE)
            return error_code(err, ST_INVALID, "R0404", "\"%.*s\" is not exactly one token",
                              (int)(h->bias_text[i].len < 64 ? h->bias_text[i].len : 64),
                              h->bias_text[i].ptr);
    }
    sp->bias_id = id;
    sp->bias = h->bias;
    sp->n_bias = h->n_bias;
    return ST_OK;
}

static double pick(double asked, double model, bool use_model, double plain)
{
    if (!isnan(asked))
        return asked;
    return use_model ? model : plain;
}

static enum status prepare_sampling(struct job *job, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    const struct manifest *m = &job->s->engine->manifest;
    bool model = h->use_model_defaults;
    struct sampling *sp = &job->req.sampling;
    sp->temp = pick(h->temp, m->temp, model, 1);
    sp->top_p = pick(h->top_p, m->top_p, model, 1);
    sp->min_p = pick(h->min_p, m->min_p, model, 0);
    sp->repetition_penalty = pick(h->repetition_penalty, m->repetition_penalty, model, 1);
    sp->top_k = h->top_k != INT32_MIN ? h->top_k : model ? m->top_k : -1;
    sp->freq_penalty = isnan(h->freq_penalty) ? 0 : h->freq_penalty;
    sp->presence_penalty = isnan(h->presence_penalty) ? 0 : h->presence_penalty;
    return prepare_bias(job, sp, err);
}

static enum status prepare_matcher(struct job *job, struct slice healed, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    if (!job->constraint)
        return ST_OK;
    bool whole = h->max && (h->strict || !h->cut);
    uint32_t least = whole ? constraint_min_tokens(job->constraint) : 0;
    if (whole && least > h->max)
        return error_code(err, ST_INVALID, "R0404",
                          "`max` is out of range: %u tokens, and the shortest value needs %u",
                          h->max,
                          least);
    struct matcher_opts o = {
        .heal = healed,
        .follow = h->next == NEXT_TEXT ? h->follow : (struct slice){0},
        .open_end = h->next != NEXT_TEXT,
    };
    job->req.pattern = constraint_pattern(job->constraint);
    job->req.follow = o.follow;
    job->req.open_end = o.open_end;
    return matcher_new(job->constraint, &o, &job->req.matcher, err);
}

static enum status prepare_gen(struct job *job, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    struct request *r = &job->req;
    enum status st = ST_OK;
    if (h->constrained)
        st = constraint_get(job->s->engine->constraints, &h->constraint, &job->constraint, err);
    if (st == ST_OK)
        st = heal(job, &r->heal, err);
    if (st == ST_OK)
        st = first_token(job, err);
    if (st == ST_OK)
        st = prepare_sampling(job, err);
    if (st == ST_OK)
        st = prepare_matcher(job, r->heal, err);
    if (st == ST_OK && h->n_stop + h->n_stop_regex)
        st = stop_new(h->stop, h->n_stop, h->stop_regex, h->n_stop_regex, &r->stop, err);
    r->keep_left = h->next == NEXT_TEXT;
    r->strict = h->strict && !h->cut;
    r->cut = h->cut;
    r->whole = h->whole;
    r->ignore_eos = h->ignore_eos;
    r->force = h->force;
    r->logprobs = h->logprobs || h->top_logprobs;
    r->n_top = h->top_logprobs;
    r->max = h->max;
    r->min = h->min;
    r->key = h->key;
    r->first_index = h->first_index;
    r->stop_token = h->stop_token;
    r->n_stop_token = h->n_stop_token;
    return st;
}

/* ---- select and score ---- */

static enum status check_options(const struct hole *h, struct error *err)
{
    if (!h->n_option || h->n_option > MAX_OPTIONS)
        return error_code(err, ST_INVALID, "R0403", "%u options; 1 to %d are possible",
                          h->n_option, MAX_OPTIONS);
    for (uint32_t i = 0; i < h->n_option; i++) {
        if (!h->option[i].len)
            return error_code(err, ST_INVALID, "R0403", "option %u is empty", i);
    }
    return ST_OK;
}

static enum status check_distinct(struct job *job, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    struct hashmap seen = {0};
    enum status st = ST_OK;
    for (uint32_t i = 0; st == ST_OK && i < h->n_option; i++) {
        uint64_t first;
        if (hashmap_get(&seen, h->option[i], &first))
            st = error_code(err, ST_INVALID, "R0403", "options %u and %u are the same text",
                            (uint32_t)first, i);
        else if (!hashmap_put(&seen, h->option[i], i))
            st = error_nomem(err);
    }
    hashmap_free(&seen);
    return st;
}

static enum status encode_option(struct job *job, struct slice healed, struct slice text,
                                 struct score_option *ret, struct error *err)
{
    struct str all = {0};
    struct token_list tok = {0};
    str_add_slice(&all, healed);
    str_add_slice(&all, text);
    enum status st = all.failed ? error_nomem(err)
                                : tokenizer_encode(job->s->engine->tokenizer, str_slice(&all),
                                                   ENCODE_DATA, false, &tok, err);
    if (st == ST_OK) {
        ret->text = text;
        ret->tok = arena_dup(&job->arena, tok.id, tok.n * sizeof *tok.id);
        ret->n_tok = tok.n;
        st = job->arena.failed ? error_nomem(err) : ST_OK;
    }
    str_free(&all);
    token_list_free(&tok);
    return st;
}

static enum status prepare_options(struct job *job, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    struct score_opts *o = &job->req.score;
    struct slice healed = {0};
    struct pattern_source src = { .kind = PATTERN_CHOICES, .choice = h->option,
                                  .n_choice = h->n_option };
    enum status st = check_options(h, err);
    if (st == ST_OK)
        st = check_distinct(job, err);
    if (st == ST_OK)
        st = constraint_get(job->s->engine->constraints, &src, &job->constraint, err);
    if (st == ST_OK)
        st = heal(job, &healed, err);
    if (st == ST_OK)
        st = first_token(job, err);
    if (st != ST_OK)
        return st;

    struct score_option *option = arena_array(&job->arena, h->n_option, sizeof *option);
    job->req.scored.prob = arena_array(&job->arena, h->n_option, sizeof(double));
    if (!option || !job->req.scored.prob)
        return error_nomem(err);
    for (uint32_t i = 0; st == ST_OK && i < h->n_option; i++)
        st = encode_option(job, healed, h->option[i], &option[i], err);
    static const enum score_by by[] = {
        [BY_JOINT] = SCORE_JOINT, [BY_MEAN] = SCORE_MEAN, [BY_GREEDY] = SCORE_GREEDY,
        [BY_PMI] = SCORE_PMI, [BY_SAMPLE] = SCORE_SAMPLE,
    };
    *o = (struct score_opts){
        .option = option,
        .n_option = h->n_option,
        .by = by[h->by],
        .next = h->next == NEXT_TEXT && h->follow.len ? SCORE_TEXT
              : h->next == NEXT_TURN_END              ? SCORE_TURN_END
                                                      : SCORE_OPEN,
        .follow = h->follow,
        .temp = pick(h->temp, job->s->engine->manifest.temp, h->use_model_defaults, 1),
        .key = h->key,
        .keep = h->kind == HOLE_SELECT,
    };
    return st;
}

/* ---- the job ---- */

static enum status prepare_hole(struct job *job, struct error *err)
{
    const struct hole *h = &job->plan->hole;
    enum request_kind kind = h->kind == HOLE_NONE  ? REQUEST_PREFILL
                             : h->kind == HOLE_GEN ? REQUEST_GEN
                                                   : REQUEST_SCORE;
    struct request *r = &job->req;
    request_init(r, kind, job->s->tl);
    r->user = job;
    r->on_end = job_on_end;
    r->on_chunk = h->stream ? job_on_chunk : NULL;
    r->cancel = &job->s->cancel;
    r->priority = job->plan->priority;
    r->tenant = job->plan->tenant;
    r->weight = job->plan->weight;
    r->deadline_ms = job->plan->deadline_ms;
    if (h->kind == HOLE_NONE)
        return first_token(job, err);
    return h->kind == HOLE_GEN ? prepare_gen(job, err) : prepare_options(job, err);
}

void prepare_job(void *arg)
{
    struct job *job = arg;
    struct error err = {0};
    const struct plan *p = job->plan;

    enum status st = snapshot(job, &err);
    if (st == ST_OK && atomic_load(&job->s->cancel))
        st = error_code(&err, ST_CANCELLED, "R0503", "cancelled");
    if (st == ST_OK && !plan_ok(p))
        st = error_nomem(&err);
    if (st == ST_OK)
        st = append_ops(job, &err);
    bool needs_model = p->hole.kind != HOLE_NONE || p->prefill;
    if (st == ST_OK && needs_model)
        st = prepare_hole(job, &err);
    if (st != ST_OK) {
        job_restore(job);
        job_end(job, st, &err, NULL);
        return;
    }
    if (needs_model) {
        sched_submit(job->s->engine->sched, &job->req);
        return;
    }
    struct plan_result *result = mem_zalloc(sizeof *result);
    if (!result) {
        job_restore(job);
        st = error_nomem(&err);
    } else {
        result->n_tok = job->s->tl->tok.n;
        result->n_prompt = result->n_tok;
        result->n_charged = result->n_tok > job->n_before ? result->n_tok - job->n_before : 0;
        result->stop_token = TOKEN_NONE;
    }
    job_end(job, st, &err, result);
}
