/* route_sglang.c - /generate, in SGLang's shape.
 *
 * A stream repeats text and ids from the start in each chunk unless `incremental` asks for the new
 * part alone. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/clock.h"
#include "runtime/server/exchange.h"

static json_t *finish_json(const struct choice *c)
{
    const sgl_result *r = c->result;
    if (c->aborted)
        return json_pack("{s:s, s:s, s:i, s:s}", "type", "abort", "message", c->error.text,
                         "status_code", 504, "err_type", "deadline_exceeded");
    if (strcmp(r->finish, "length") == 0 || strcmp(r->finish, "closed") == 0)
        return json_pack("{s:s, s:i}", "type", "length", "length", (int)r->completion_tokens);
    json_t *matched = r->stop_text      ? json_string(r->stop_text)
                      : r->stop_id >= 0 ? json_integer(r->stop_id)
                                        : json_null();
    return json_pack("{s:s, s:o}", "type", "stop", "matched", matched);
}

static json_t *number(float f)
{
    return isfinite(f) ? json_real(f) : json_null();
}

/* [logprob, id, text or null] */
static json_t *triple(const struct exchange *x, float logprob, uint32_t id, const char *bytes,
                      size_t n)
{
    json_t *text = x->text_in_logprobs ? json_stringn(bytes, n) : NULL;
    return json_pack("[o, i, o]", number(logprob), (int)id, text ? text : json_null());
}

/* Takes note of more tokens of a value. */
static void add_tokens(const struct exchange *x, struct choice *c, const sgl_token *token, size_t n)
{
    if (!c->ids) {
        c->ids = json_array();
        c->logprobs = json_array();
        c->tops = json_array();
    }
    for (size_t i = 0; i < n; i++) {
        json_array_append_new(c->ids, json_integer(token[i].id));
        if (!x->logprobs)
            continue;
        json_array_append_new(c->logprobs, triple(x, token[i].logprob, token[i].id, token[i].bytes,
                                                  token[i].n_bytes));
        json_t *top = json_array();
        for (size_t k = 0; k < token[i].n_top && k < x->top_logprobs; k++)
            json_array_append_new(top, triple(x, token[i].top[k].logprob, token[i].top[k].id,
                                              token[i].top[k].bytes, token[i].top[k].n_bytes));
        json_array_append_new(c->tops, top);
    }
}

static void put_logprobs(const struct exchange *x, json_t *meta, const struct choice *c)
{
    json_object_set_new(meta, "output_token_logprobs_length",
                        json_integer((json_int_t)json_array_size(c->logprobs)));
    json_object_set(meta, "output_token_logprobs", c->logprobs);
    json_object_set_new(meta, "input_token_logprobs", json_array());
    if (!x->top_logprobs)
        return;
    json_object_set(meta, "output_top_logprobs", c->tops);
    json_object_set_new(meta, "input_top_logprobs", json_array());
}

/* An incremental stream keeps nothing of what it has sent. */
static void forget(struct choice *c)
{
    str_cut(&c->text, 0);
    json_array_clear(c->ids);
    json_array_clear(c->logprobs);
    json_array_clear(c->tops);
}

static void put_counters(const struct exchange *x, json_t *meta, const struct choice *c)
{
    const sgl_result *r = c->result;
    json_object_set_new(meta, "cached_tokens_details", cached_json(x, c));
    json_object_set_new(meta, "uncached_tokens_details", json_pack(
        "{s:i, s:i, s:i, s:i}", "cold", (int)r->miss_cold, "evicted", (int)r->miss_evicted,
        "boundary", (int)r->miss_boundary, "logprobs", (int)r->miss_logprobs));
    json_object_set_new(meta, "forced_tokens", json_integer(r->forced_tokens));
    json_object_set_new(meta, "num_retractions", json_integer(r->retractions));
    json_object_set_new(meta, "queue_time", json_real(r->queue_ms / 1000));
    json_object_set_new(meta, "prefill_time", json_real(r->prefill_ms / 1000));
    json_object_set_new(meta, "decode_time", json_real(r->decode_ms / 1000));
    json_object_set_new(meta, "ttft", json_real(r->ttft_ms / 1000));
}

static json_t *meta_json(const struct exchange *x, const struct choice *c)
{
    const sgl_result *r = c->result;
    char id[80];
    uint32_t i = (uint32_t)(c - x->choice);
    size_t n_noted = (x->incremental ? c->n_token : 0) + json_array_size(c->ids);
    if (x->n_choice > 1)
        snprintf(id, sizeof id, "%s_%u", x->id, i);
    else
        snprintf(id, sizeof id, "%s", x->id);
    json_t *meta = json_pack(
        "{s:s, s:o, s:i, s:i, s:i, s:i, s:s, s:f}", "id", id, "finish_reason",
        r ? finish_json(c) : json_null(), "prompt_tokens", r ? (int)r->prompt_tokens : 0,
        "completion_tokens", r ? (int)r->completion_tokens : (int)n_noted, "cached_tokens",
        r ? (int)r->cached_tokens : 0, "reasoning_tokens", 0, "weight_version", "default",
        "e2e_latency", (double)(clock_ms() - x->begun_ms) / 1000);
    if (r)
        put_counters(x, meta, c);
    return meta;
}

/* What is noted of a value, under the given text. */
static json_t *value_json(const struct exchange *x, const struct choice *c, const char *text,
                          size_t len)
{
    json_t *meta = meta_json(x, c);
    if (x->logprobs)
        put_logprobs(x, meta, c);
    return json_pack("{s:o, s:O, s:o}", "text", json_stringn(text ? text : "", len), "output_ids",
                     c->ids, "meta_info", meta);
}

/* A value at its end; tokens that were streamed are noted already. */
static json_t *result_json(const struct exchange *x, struct choice *c)
{
    const sgl_result *r = c->result;
    size_t seen = c->n_token < r->n_tokens ? c->n_token : r->n_tokens;
    bool rest_only = x->stream && x->incremental;
    if (rest_only && c->ids)
        forget(c);
    add_tokens(x, c, r->tokens + seen, r->n_tokens - seen);
    return value_json(x, c, rest_only ? "" : r->text, rest_only ? 0 : r->text_len);
}

static json_t *whole(struct exchange *x)
{
    if (!x->list_answer)
        return result_json(x, &x->choice[0]);
    json_t *list = json_array();
    for (uint32_t i = 0; i < x->n_choice; i++)
        json_array_append_new(list, result_json(x, &x->choice[i]));
    return list;
}

static void send_chunk(struct exchange *x, struct choice *c, json_t *json)
{
    if (x->list_answer)
        json_object_set_new(json, "index", json_integer((json_int_t)(c - x->choice)));
    stream_json(x, json);
}

static void chunk(struct exchange *x, struct choice *c, const sgl_call_event *ev)
{
    if (x->incremental && c->ids)
        forget(c);
    str_add(&c->text, ev->text, ev->text_len);
    add_tokens(x, c, ev->tokens, ev->n_tokens);
    send_chunk(x, c, value_json(x, c, c->text.ptr, c->text.len));
}

/* The last chunk has the whole text and all ids; an incremental one has only what is left. */
static void finish(struct exchange *x, struct choice *c)
{
    send_chunk(x, c, result_json(x, c));
}

static const struct dialect dialect = { whole, NULL, chunk, finish, NULL };

/* ---- reading --------------------------------------------------------------------------- */

static bool read_params(struct exchange *x, const json_t *p, sgl_request *r, int64_t *ret_n)
{
    int64_t max = 128;
    if (p && !json_is_null(p) && !json_is_object(p))
        return refuse(x, 400, "invalid_value", "sampling_params",
                      "sampling_params must be an object");
    if (json_is_null(json_object_get(p, "max_new_tokens")))
        max = 0;                            /* null: up to the context */
    if (!fields_check(x, p, "max_new_tokens min_new_tokens temperature top_p top_k min_p "
                      "frequency_penalty presence_penalty repetition_penalty sampling_seed stop "
                      "stop_token_ids stop_regex ignore_eos logit_bias regex ebnf json_schema "
                      "structural_tag n",
                      "skip_special_tokens spaces_between_special_tokens stream_interval",
                      "no_stop_trim custom_params") ||
        !fields_sampling(x, p, r) ||
        !field_int(x, p, "max_new_tokens", 0, 1 << 24, &max, NULL) ||
        !field_int(x, p, "n", 1, SERVER_MAX_CHOICES, ret_n, NULL))
        return false;
    if (max == 0 && !json_is_null(json_object_get(p, "max_new_tokens")))
        return refuse(x, 400, "unsupported_parameter", "max_new_tokens",
                      "max_new_tokens 0 (prefill alone) is not supported yet");
    r->max_tokens = (uint32_t)max;
    return true;
}

static bool start_one(struct exchange *x, const json_t *text, const json_t *ids, sgl_request *r,
                      uint32_t first, uint32_t n)
{
    r->prompt = NULL;
    r->ids = NULL;
    if (text && !json_is_string(text))
        return refuse(x, 400, "invalid_value", "text",
                      "text must be a string or a list of strings");
    if (text) {
        r->prompt = json_string_value(text);
        r->prompt_len = json_string_length(text);
    } else if (!ids_of(x, ids, "input_ids", 1 << 24, &r->ids, &r->n_ids)) {
        return false;
    }
    if (text ? !r->prompt_len : !r->n_ids)
        return refuse(x, 400, "invalid_value", text ? "text" : "input_ids", "the prompt is empty");
    for (uint32_t i = 0; i < n; i++) {
        sgl_request one = *r;
        one.seed = r->seed + i;
        if (!exchange_call(x, first + i, &one))
            return false;
    }
    return true;
}

static const json_t *given(const json_t *o, const char *name)
{
    const json_t *v = json_object_get(o, name);
    return v && !json_is_null(v) ? v : NULL;
}

/* Parameters may be one object for all prompts, or one each. */
static bool start_batch(struct exchange *x, const sgl_request *base)
{
    const json_t *text = given(x->json, "text"), *ids = given(x->json, "input_ids");
    const json_t *params = given(x->json, "sampling_params");
    if (!text == !ids)
        return refuse(x, 400, "invalid_value", "text",
                      "exactly one of text and input_ids is needed");
    bool batch = text ? json_is_array(text) : json_is_array(json_array_get(ids, 0));
    size_t n_prompt = batch ? json_array_size(text ? text : ids) : 1;
    if (n_prompt == 0 || n_prompt > SERVER_MAX_CHOICES)
        return refuse(x, 400, "invalid_value", text ? "text" : "input_ids",
                      "a batch has 1 to %d prompts", SERVER_MAX_CHOICES);
    if (json_is_array(params) && json_array_size(params) != n_prompt)
        return refuse(x, 400, "invalid_value", "sampling_params",
                      "sampling_params must be one object, or one for each prompt");
    int64_t n = 1;
    sgl_request r = *base;
    if (!read_params(x, json_is_array(params) ? json_array_get(params, 0) : params, &r, &n) ||
        !exchange_begin(x, &dialect, (uint32_t)(n_prompt * (size_t)n)))
        return false;
    x->list_answer = batch || n > 1;
    x->n_per_prompt = (uint32_t)n;
    for (size_t i = 0; i < n_prompt; i++) {
        int64_t n_here = n;
        if (i && json_is_array(params)) {
            n_here = 1;
            r = *base;
            if (!read_params(x, json_array_get(params, i), &r, &n_here))
                return false;
        }
        if (n_here != n)
            return refuse(x, 400, "invalid_value", "n", "n must be the same for all prompts");
        if (!start_one(x, text ? (batch ? json_array_get(text, i) : text) : NULL,
                       text ? NULL : (batch ? json_array_get(ids, i) : ids), &r,
                       (uint32_t)i * (uint32_t)n, (uint32_t)n))
            return false;
    }
    return true;
}

static bool read_generate(struct exchange *x, sgl_request *r)
{
    const json_t *o = x->json;
    const char *rid = NULL;
    int64_t top = 0, start_len = -1;
    bool ok = fields_check(x, o, "text input_ids sampling_params stream rid return_logprob "
                           "logprob_start_len top_logprobs_num return_text_in_logprobs extra_key "
                           "cache_salt priority incremental deadline_ms user "
                           "safety_identifier",
                           "no_logs custom_labels log_metrics model",
                           "token_ids_logprob return_prompt_token_ids lora_path logprobs_mode "
                           "return_logits_hash input_embeds image_data video_data audio_data "
                           "custom_logit_processor return_hidden_states session_params "
                           "return_routed_experts bootstrap_host bootstrap_port bootstrap_room") &&
              field_bool(x, o, "stream", &x->stream) && field_str(x, o, "rid", &rid) &&
              field_bool(x, o, "return_logprob", &x->logprobs) &&
              field_int(x, o, "logprob_start_len", -1, 1 << 24, &start_len, NULL) &&
              field_int(x, o, "top_logprobs_num", 0, 128, &top, NULL) &&
              field_bool(x, o, "return_text_in_logprobs", &x->text_in_logprobs) &&
              field_bool(x, o, "incremental", &x->incremental) && fields_identity(x, o, r);
    if (!ok)
        return false;
    if (start_len >= 0 && x->logprobs)
        return refuse(x, 400, "unsupported_parameter", "logprob_start_len",
                      "log-probabilities of the prompt are not supported yet");
    if (rid && strlen(rid) >= sizeof x->id)
        return refuse(x, 400, "invalid_value", "rid", "rid must have at most %zu bytes",
                      sizeof x->id - 1);
    if (rid && *rid)
        snprintf(x->id, sizeof x->id, "%s", rid);
    r->stream = x->stream;
    r->logprobs = x->logprobs;
    r->top_logprobs = x->top_logprobs = x->logprobs ? (uint32_t)top : 0;
    return true;
}

enum MHD_Result route_generate(struct exchange *x)
{
    sgl_request r;
    sgl_request_init(&r);
    x->n_per_prompt = 1;
    bool ok = read_generate(x, &r) && start_batch(x, &r);
    return ok ? exchange_wait(x) : reply_error(x);
}
