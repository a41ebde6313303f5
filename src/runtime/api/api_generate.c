/* api_generate.c - a request of a host to a plan: the prompt, and what ends, shapes and samples.
 *
 * Everything that the plan needs is copied into its arena, so the host's strings may go as soon
 * as the call returns.  What can be seen to be wrong here is refused here. */
#include "runtime/api/api_int.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/utf8.h"

void sgl_request_init(sgl_request *r)
{
    memset(r, 0, sizeof *r);
    r->struct_size = sizeof *r;
    r->temperature = NAN;
    r->top_p = NAN;
    r->top_k = INT32_MIN;
    r->min_p = NAN;
    r->repetition_penalty = NAN;
}

void api_take_request(sgl_request *own, const sgl_request *given)
{
    sgl_request_init(own);
    api_take_config(own, sizeof *own, given);
}

/* ---- checks ---- */

static sgl_status refuse(sgl_error *err, const char *name, const char *range)
{
    return api_fail(err, ST_INVALID, NULL, "%s must be %s", name, range);
}

static sgl_status check_sampling(const sgl_request *r, sgl_error *err)
{
    if (r->temperature < 0 || isinf(r->temperature))
        return refuse(err, "temperature", "0 or more");
    if (r->top_p <= 0 || r->top_p > 1)
        return refuse(err, "top_p", "above 0 and at most 1");
    if (r->min_p < 0 || r->min_p > 1)
        return refuse(err, "min_p", "between 0 and 1");
    if (r->top_k != INT32_MIN && r->top_k < -1)
        return refuse(err, "top_k", "-1, 0 (both: all) or a number of tokens");
    if (!(fabs(r->frequency_penalty) <= 2) || !(fabs(r->presence_penalty) <= 2))
        return refuse(err, "a penalty", "between -2 and 2");
    if (r->repetition_penalty <= 0 || isinf(r->repetition_penalty))
        return refuse(err, "repetition_penalty", "above 0");
    if (r->max_tokens && r->min_tokens > r->max_tokens)
        return refuse(err, "min_tokens", "at most max_tokens");
    return SGL_OK;
}

static sgl_status check_constraint(const sgl_request *r, sgl_error *err)
{
    int n = (r->regex != NULL) + (r->json_schema != NULL) + r->json_object + (r->grammar != NULL) +
            (r->choices != NULL) + (r->structural_tag != NULL);
    if (n > 1)
        return api_fail(err, ST_INVALID, NULL, "a request has at most one constraint");
    if (r->choices && r->n_choices == 0)
        return api_fail(err, ST_INVALID, NULL, "choices must not be empty");
    return SGL_OK;
}

/* ---- the hole ---- */

static const struct slice *copy_slices(struct arena *a, const char *const *text, size_t n)
{
    struct slice *own = arena_array(a, n, sizeof *own);
    for (size_t i = 0; own && i < n; i++)
        own[i] = arena_slice(a, slice_of(text[i]));
    return own;
}

static const void *copy(struct arena *a, const void *data, size_t n, size_t elem_size)
{
    return n ? arena_dup(a, data, n * elem_size) : NULL;
}

static void fill_constraint(const sgl_request *r, struct arena *a, struct hole *h)
{
    struct pattern_source *src = &h->constraint;
    const char *text = NULL;
    memset(src, 0, sizeof *src);
    src->spelling = SPELL_FLEXIBLE;
    h->constrained = true;
    if (r->regex) {
        src->kind = PATTERN_REGEX;
        text = r->regex;
    } else if (r->json_schema) {
        src->kind = PATTERN_SCHEMA;
        text = r->json_schema;
    } else if (r->grammar) {
        src->kind = PATTERN_GRAMMAR;
        text = r->grammar;
    } else if (r->choices) {
        src->kind = PATTERN_CHOICES;
        src->choice = copy_slices(a, r->choices, r->n_choices);
        src->n_choice = (uint32_t)r->n_choices;
    } else if (r->structural_tag) {
        src->kind = PATTERN_TAGS;
        text = r->structural_tag;
    } else if (r->json_object) {
        src->kind = PATTERN_JSON_OBJECT;
    } else {
        src->kind = PATTERN_REGEX;
        h->constrained = false;
    }
    if (text)
        src->text = arena_slice(a, slice_of(text));
}

static void fill_sampling(const sgl_request *r, struct arena *a, struct hole *h)
{
    h->use_model_defaults = true;
    h->temp = r->temperature;
    h->top_p = r->top_p;
    h->top_k = r->top_k;
    h->min_p = r->min_p;
    h->freq_penalty = r->frequency_penalty;
    h->presence_penalty = r->presence_penalty;
    h->repetition_penalty = r->repetition_penalty;
    h->bias_id = copy(a, r->bias_ids, r->n_bias, sizeof *r->bias_ids);
    h->bias = copy(a, r->bias, r->n_bias, sizeof *r->bias);
    h->n_bias = (uint32_t)r->n_bias;
}

sgl_status api_fill_hole(const sgl_request *r, struct plan *p, uint64_t *ret_seed, sgl_error *err)
{
    sgl_status st = check_sampling(r, err);
    if (st == SGL_OK)
        st = check_constraint(r, err);
    if (st != SGL_OK)
        return st;

    struct arena *a = &p->arena;
    struct hole *h = &p->hole;
    hole_init(h, HOLE_GEN);
    fill_constraint(r, a, h);
    fill_sampling(r, a, h);
    h->max = r->max_tokens;
    h->min = r->min_tokens;
    h->strict = false;
    h->cut = !r->close;
    h->whole = true;
    h->ignore_eos = r->ignore_eos;
    h->stop = copy_slices(a, r->stop, r->n_stop);
    h->n_stop = (uint32_t)r->n_stop;
    h->stop_regex = copy_slices(a, r->stop_regex, r->n_stop_regex);
    h->n_stop_regex = (uint32_t)r->n_stop_regex;
    h->stop_token = copy(a, r->stop_ids, r->n_stop_ids, sizeof *r->stop_ids);
    h->n_stop_token = (uint32_t)r->n_stop_ids;
    h->logprobs = r->logprobs || r->top_logprobs > 0;
    h->top_logprobs = r->top_logprobs;
    h->stream = r->stream;

    *ret_seed = r->has_seed ? r->seed : rng_fresh_seed();
    h->key = rng_key_seed(*ret_seed);
    p->priority = r->priority;
    p->tenant = r->tenant && *r->tenant ? hash_bytes(r->tenant, strlen(r->tenant)) | 1 : 0;
    p->weight = r->tenant_weight;
    p->deadline_ms = r->deadline_ms ? clock_ms() + r->deadline_ms : 0;
    return plan_ok(p) ? SGL_OK : api_nomem(err);
}

/* ---- the prompt ---- */

/* The conversation through the model's template.  When the last message is to be continued, the
 * template writes the others and the head of the new turn, and its text follows as data. */
static enum status put_messages(struct engine *e, const sgl_request *r, struct plan *p,
                                struct error *err)
{
    json_t *messages = NULL, *tools = NULL, *vars = NULL, *last = NULL;
    enum status st = jsonio_load(slice_of(r->messages), NULL, &messages, err);
    if (st == ST_OK && r->tools)
        st = jsonio_load(slice_of(r->tools), NULL, &tools, err);
    if (st == ST_OK && r->template_vars)
        st = jsonio_load(slice_of(r->template_vars), NULL, &vars, err);
    if (st == ST_OK && !json_is_array(messages))
        st = error_set(err, ST_INVALID, "messages must be an array");

    if (st == ST_OK && r->continue_final) {
        size_t n = json_array_size(messages);
        last = json_incref(n ? json_array_get(messages, n - 1) : NULL);
        const char *role = json_string_value(json_object_get(last, "role"));
        if (!role || strcmp(role, "assistant") != 0 ||
            !json_is_string(json_object_get(last, "content")))
            st = error_set(err, ST_INVALID,
                           "only a last message of the assistant can be continued");
        else
            json_array_remove(messages, n - 1);
    }
    if (st == ST_OK)
        st = engine_chat(e, messages, tools, vars, true, p, err);
    if (st == ST_OK && last) {
        const json_t *text = json_object_get(last, "content");
        plan_text(p, PLAN_TEXT,
                  (struct slice){ json_string_value(text), json_string_length(text) });
    }
    json_decref(messages);
    json_decref(tools);
    json_decref(vars);
    json_decref(last);
    return st;
}

static enum status put_prompt(struct engine *e, const sgl_request *r, struct plan *p,
                              struct error *err)
{
    if ((r->prompt != NULL) + (r->ids != NULL) + (r->messages != NULL) != 1)
        return error_set(err, ST_INVALID, "exactly one of prompt, ids and messages is given");
    if (r->messages)
        return put_messages(e, r, p, err);
    if (r->prompt) {
        plan_text(p, PLAN_TEXT, (struct slice){ r->prompt, r->prompt_len });
        return ST_OK;
    }
    uint32_t n_vocab = engine_info(e)->n_vocab;
    for (size_t i = 0; i < r->n_ids; i++)
        if (r->ids[i] >= n_vocab)
            return error_set(err, ST_INVALID, "there is no token %u", r->ids[i]);
    if (r->n_ids > UINT32_MAX)
        return error_set(err, ST_LIMIT, "too many tokens");
    plan_tokens(p, r->ids, (uint32_t)r->n_ids);
    return ST_OK;
}

sgl_status sgl_generate(sgl_engine *engine, const sgl_request *request, sgl_call **ret,
                        sgl_error *err)
{
    sgl_request r;
    struct error why;
    struct session *s = NULL;
    uint64_t seed = 0;
    api_take_request(&r, request);
    struct plan *p = plan_new();
    if (!p)
        return api_nomem(err);
    enum status st = put_prompt(engine->e, &r, p, &why);
    if (st != ST_OK) {
        plan_free(p);
        return api_error(st, &why, err);
    }
    sgl_status pub = api_fill_hole(&r, p, &seed, err);
    if (pub != SGL_OK) {
        plan_free(p);
        return pub;
    }
    /* A template writes the BOS where the model wants one; ids are taken as they are. */
    struct session_opts opts = { .bare = r.prompt == NULL, .salt = r.cache_salt };
    p->hole.heal = r.prompt != NULL;
    p->hole.next = r.messages ? NEXT_TURN_END : NEXT_NONE;
    st = session_new(engine->e, &opts, &s, &why);
    if (st != ST_OK) {
        plan_free(p);
        return api_error(st, &why, err);
    }
    return api_call_start(engine->e, s, true, p, seed, ret, err);
}
