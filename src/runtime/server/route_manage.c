/* route_manage.c - health, models, tokens, counters. */
#include <string.h>

#include "runtime/server/exchange.h"

enum { PAGE_TOKENS = 16 };

enum MHD_Result route_health(struct exchange *x)
{
    return reply_json(x, MHD_HTTP_OK, json_pack("{s:s, s:s}", "status", "ok", "code", "ready"));
}

static json_t *model_card(struct exchange *x)
{
    sgl_engine_info info;
    sgl_engine_get_info(x->server->engine, &info);
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:n, s:i}", "id", x->server->model, "object",
                     "model", "created", (json_int_t)x->server->started, "owned_by", "sgl", "root",
                     x->server->model, "parent", "max_model_len", (int)info.context);
}

enum MHD_Result route_models(struct exchange *x)
{
    static const char prefix[] = "/v1/models/";
    if (strncmp(x->path, prefix, sizeof prefix - 1) != 0)
        return reply_json(x, MHD_HTTP_OK, json_pack("{s:s, s:[o]}", "object", "list", "data",
                                                    model_card(x)));
    const char *id = x->path + sizeof prefix - 1;
    if (strcmp(id, x->server->model) == 0)
        return reply_json(x, MHD_HTTP_OK, model_card(x));
    refuse(x, 404, "model_not_found", "model", "there is no model %.100s", id);
    return reply_error(x);
}

enum MHD_Result route_model_info(struct exchange *x)
{
    sgl_engine_info info;
    sgl_engine_get_info(x->server->engine, &info);
    return reply_json(x, MHD_HTTP_OK, json_pack(
        "{s:s, s:s, s:b, s:n, s:s, s:b, s:b, s:s, s:[s]}", "model_path", x->server->model,
        "tokenizer_path", x->server->model, "is_generation", 1, "preferred_sampling_params",
        "weight_version", "default", "has_image_understanding", 0, "has_audio_understanding", 0,
        "model_type", info.arch, "architectures", info.arch));
}

enum MHD_Result route_server_info(struct exchange *x)
{
    sgl_engine_info info;
    sgl_engine_stats st;
    sgl_engine_get_info(x->server->engine, &info);
    sgl_engine_get_stats(x->server->engine, &st);
    return reply_json(x, MHD_HTTP_OK, json_pack(
        "{s:s, s:s, s:s, s:I, s:i, s:i, s:i, s:i, s:s, s:[]}", "version", sgl_version(),
        "served_model_name", x->server->model, "device", info.device, "max_total_num_tokens",
        (json_int_t)st.pages_total * PAGE_TOKENS, "max_req_input_len", (int)info.context,
        "page_size", PAGE_TOKENS, "tp_size", 1, "dp_size", 1, "numerics", "exact",
        "internal_states"));
}

/* While requests run it is refused by the counters, so that nothing waits for a step; who slips in
 * between is waited for by at most one. */
enum MHD_Result route_flush(struct exchange *x)
{
    sgl_engine_stats st;
    sgl_error err;
    sgl_engine_get_stats(x->server->engine, &st);
    if (st.running || st.waiting || sgl_engine_flush(x->server->engine, &err) != SGL_OK) {
        refuse(x, 400, "not_idle", NULL, "the cache is flushed only while no request runs");
        return reply_error(x);
    }
    return reply_text(x, MHD_HTTP_OK, "text/plain", SLICE("Cache flushed.\n"));
}

/* ---- tokens ---------------------------------------------------------------------------- */

/* {"tokens", "count", "token_strs"?} of one text. */
static json_t *tokenized(struct exchange *x, const char *text, size_t len, bool markup, bool pieces)
{
    uint32_t *ids;
    size_t n;
    sgl_error err = { 0 };
    sgl_engine *engine = x->server->engine;
    if (sgl_tokenize(engine, text, len, markup, &ids, &n, &err) != SGL_OK) {
        refuse_error(x, &err, "prompt");
        return NULL;
    }
    sgl_engine_info info;
    sgl_engine_get_info(engine, &info);
    json_t *tokens = json_array(), *strings = json_array();
    for (size_t i = 0; i < n; i++) {
        char *piece;
        size_t n_piece;
        json_array_append_new(tokens, json_integer(ids[i]));
        if (!pieces || sgl_detokenize(engine, &ids[i], 1, true, &piece, &n_piece, &err) != SGL_OK)
            continue;
        json_t *s = json_stringn(piece, n_piece);
        json_array_append_new(strings, s ? s : json_string("\xef\xbf\xbd"));
        sgl_free(piece);
    }
    sgl_free(ids);
    json_t *json = json_pack("{s:o, s:i, s:i}", "tokens", tokens, "count", (int)n, "max_model_len",
                             (int)info.context);
    if (pieces)
        json_object_set(json, "token_strs", strings);
    json_decref(strings);
    return json;
}

static json_t *tokenize_chat(struct exchange *x, const json_t *messages, bool pieces)
{
    bool prompt = true;
    char *text;
    sgl_error err = { 0 };
    const json_t *tools = json_object_get(x->json, "tools");
    const json_t *vars = json_object_get(x->json, "chat_template_kwargs");
    if (!field_bool(x, x->json, "add_generation_prompt", &prompt))
        return NULL;
    const char *m = json_text(x, messages);
    const char *t = tools && !json_is_null(tools) ? json_text(x, tools) : NULL;
    const char *v = vars && !json_is_null(vars) ? json_text(x, vars) : NULL;
    if (x->error.status)
        return NULL;
    if (sgl_chat_text(x->server->engine, m, t, v, prompt, &text, &err) != SGL_OK) {
        refuse_error(x, &err, "messages");
        return NULL;
    }
    json_t *json = tokenized(x, text, strlen(text), true, pieces);
    sgl_free(text);
    return json;
}

/* A list of prompts gives lists under the same names. */
static json_t *tokenize_list(struct exchange *x, const json_t *list, bool pieces)
{
    json_t *all = json_object();
    static const char *const names[] = { "tokens", "count", "token_strs" };
    for (int k = 0; k < (pieces ? 3 : 2); k++)
        json_object_set_new(all, names[k], json_array());
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *p = json_array_get(list, i);
        json_t *one = json_is_string(p) ? tokenized(x, json_string_value(p), json_string_length(p),
                                                    false, pieces)
                                        : NULL;
        if (!one) {
            json_decref(all);
            refuse(x, 400, "invalid_value", "prompt", "prompt[%zu] must be a string", i);
            return NULL;
        }
        for (int k = 0; k < (pieces ? 3 : 2); k++)
            json_array_append(json_object_get(all, names[k]), json_object_get(one, names[k]));
        json_object_set(all, "max_model_len", json_object_get(one, "max_model_len"));
        json_decref(one);
    }
    return all;
}

enum MHD_Result route_tokenize(struct exchange *x)
{
    const json_t *o = x->json, *prompt = json_object_get(o, "prompt");
    const json_t *messages = json_object_get(o, "messages");
    bool pieces = false, special = true;
    json_t *json = NULL;
    bool ok = fields_check(x, o, "prompt messages tools add_special_tokens add_generation_prompt "
                           "chat_template_kwargs return_token_strs model", "", "") &&
              field_bool(x, o, "return_token_strs", &pieces) &&
              field_bool(x, o, "add_special_tokens", &special);
    if (ok && json_is_string(prompt))
        json = tokenized(x, json_string_value(prompt), json_string_length(prompt), false, pieces);
    else if (ok && json_is_array(prompt))
        json = tokenize_list(x, prompt, pieces);
    else if (ok && json_is_array(messages))
        json = tokenize_chat(x, messages, pieces);
    else if (ok)
        refuse(x, 400, "invalid_value", "prompt", "prompt (text) or messages is needed");
    return json ? reply_json(x, MHD_HTTP_OK, json) : reply_error(x);
}

enum MHD_Result route_detokenize(struct exchange *x)
{
    const uint32_t *ids = NULL;
    size_t n = 0, len;
    bool skip = true;
    char *text;
    sgl_error err = { 0 };
    if (!fields_check(x, x->json, "tokens skip_special_tokens model", "", "") ||
        !field_bool(x, x->json, "skip_special_tokens", &skip) ||
        !ids_of(x, json_object_get(x->json, "tokens"), "tokens", 1 << 24, &ids, &n))
        return reply_error(x);
    if (sgl_detokenize(x->server->engine, ids, n, !skip, &text, &len, &err) != SGL_OK) {
        refuse_error(x, &err, "tokens");
        return reply_error(x);
    }
    json_t *s = json_stringn(text, len);        /* NULL: the ids end inside of a character */
    sgl_free(text);
    if (!s) {
        refuse(x, 400, "invalid_value", "tokens", "these ids are no whole characters");
        return reply_error(x);
    }
    json_t *json = json_pack("{s:O, s:o}", "text", s, "prompt", s);
    return reply_json(x, MHD_HTTP_OK, json);
}

/* ---- counters -------------------------------------------------------------------------- */

static void metric(struct str *out, const struct exchange *x, const char *name, const char *kind,
                   double value)
{
    str_addf(out, "# TYPE sglang:%s %s\nsglang:%s{model_name=\"", name, kind, name);
    for (const char *c = x->server->model; *c; c++)
        if (*c != '"' && *c != '\\' && *c != '\n')
            str_addc(out, *c);
    str_addf(out, "\"} %.17g\n", value);
}

/* Prompt tokens that were computed, by why the cache did not have them. */
static void metric_misses(struct str *out, const sgl_engine_stats *st)
{
    const struct { const char *reason; uint64_t n; } rows[] = {
        { "cold", st->miss_cold }, { "evicted", st->miss_evicted },
        { "namespace", st->miss_namespace }, { "boundary", st->miss_boundary },
        { "logprobs", st->miss_logprobs },
    };
    str_adds(out, "# TYPE sgl:uncached_tokens_total counter\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        str_addf(out, "sgl:uncached_tokens_total{reason=\"%s\"} %llu\n", rows[i].reason,
                 (unsigned long long)rows[i].n);
}

enum MHD_Result route_metrics(struct exchange *x)
{
    sgl_engine_stats st;
    struct str out = { 0 };
    sgl_engine_get_stats(x->server->engine, &st);
    double pages = st.pages_total ? st.pages_total : 1;
    double prompt = st.prompt_tokens ? (double)st.prompt_tokens : 1;
    metric(&out, x, "num_running_reqs", "gauge", st.running);
    metric(&out, x, "num_queue_reqs", "gauge", st.waiting);
    metric(&out, x, "token_usage", "gauge", st.pages_held / pages);
    metric(&out, x, "kv_available_tokens", "gauge", (double)st.pages_free * PAGE_TOKENS);
    metric(&out, x, "kv_evictable_tokens", "gauge", (double)st.pages_cached * PAGE_TOKENS);
    metric(&out, x, "kv_used_tokens", "gauge", (double)st.pages_held * PAGE_TOKENS);
    metric(&out, x, "max_total_num_tokens", "gauge", (double)st.pages_total * PAGE_TOKENS);
    metric(&out, x, "cache_hit_rate", "gauge", (double)st.cached_tokens / prompt);
    metric(&out, x, "prompt_tokens_total", "counter", (double)st.prompt_tokens);
    metric(&out, x, "generation_tokens_total", "counter", (double)st.generated_tokens);
    metric(&out, x, "cached_tokens_total", "counter", (double)st.cached_tokens);
    metric(&out, x, "num_requests_total", "counter", (double)st.requests);
    metric(&out, x, "num_aborted_requests_total", "counter", (double)st.cancelled);
    metric(&out, x, "num_retracted_requests_total", "counter", (double)st.retracted);
    metric(&out, x, "evicted_tokens_total", "counter", (double)st.evicted_pages * PAGE_TOKENS);
    metric_misses(&out, &st);
    enum MHD_Result rc = out.failed ? MHD_NO : reply_text(x, MHD_HTTP_OK,
                                                          "text/plain; version=0.0.4",
                                                          str_slice(&out));
    str_free(&out);
    return rc;
}
