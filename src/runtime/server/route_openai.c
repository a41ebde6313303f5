/* route_openai.c - /v1/completions and /v1/chat/completions. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/server/exchange.h"

#define SAMPLING "temperature top_p top_k min_p frequency_penalty presence_penalty " \
                 "repetition_penalty seed stop stop_token_ids stop_regex min_tokens ignore_eos " \
                 "logit_bias regex ebnf json_schema structural_tag cache_salt extra_key priority " \
                 "n logprobs stream stream_options model max_tokens deadline_ms response_format rid " \
                 "return_cached_tokens_details user safety_identifier"
#define WITHOUT_EFFECT "store metadata service_tier prompt_cache_key prompt_cache_retention " \
                       "verbosity no_logs custom_labels skip_special_tokens " \
                       "spaces_between_special_tokens separate_reasoning stream_reasoning"
#define REFUSED "lora_path custom_params no_stop_trim return_token_ids " \
                "return_hidden_states"

/* ---- pieces of answers ----------------------------------------------------------------- */

static const char *finish_reason(const struct choice *c)
{
    const sgl_result *r = c->result;
    if (c->aborted)
        return "abort";
    return strcmp(r->finish, "length") == 0 || strcmp(r->finish, "closed") == 0 ? "length" : "stop";
}

static json_t *matched_stop(const sgl_result *r)
{
    if (r->stop_text)
        return json_string(r->stop_text);
    return r->stop_id >= 0 ? json_integer(r->stop_id) : json_null();
}

static json_t *usage_json(const struct exchange *x)
{
    uint32_t prompt = 0, cached = 0, completion = 0;
    json_t *sources = json_array();
    for (uint32_t i = 0; i < x->n_choice; i++) {
        const sgl_result *r = x->choice[i].result;
        if (!r)
            continue;
        completion += r->completion_tokens;
        if (i % x->n_per_prompt)
            continue;                   /* the prompt counts once, whatever n */
        prompt += r->prompt_tokens;
        cached += r->cached_tokens;
        json_array_append_new(sources, cached_json(x, &x->choice[i]));
    }
    json_t *details = json_pack("{s:i}", "cached_tokens", (int)cached);
    if (x->cached_details)      /* of each prompt */
        json_object_set(details, "cached_tokens_details", sources);
    json_decref(sources);
    return json_pack("{s:i, s:i, s:i, s:o, s:{s:i}}", "prompt_tokens", (int)prompt,
                     "completion_tokens", (int)completion, "total_tokens",
                     (int)(prompt + completion), "prompt_tokens_details", details,
                     "completion_tokens_details", "reasoning_tokens", 0);
}

/* Bytes as valid text: what is no character becomes U+FFFD. */
static json_t *lossy_string(const char *bytes, size_t n)
{
    struct str s = { 0 };
    for (const char *p = bytes, *end = bytes + n; p < end;) {
        uint32_t cp;
        int len = utf8_decode(p, end, &cp);
        if (len)
            str_add(&s, p, (size_t)len);
        else
            str_add_cp(&s, 0xfffd);
        p += len ? len : 1;
    }
    json_t *json = s.failed ? NULL : json_stringn(s.ptr ? s.ptr : "", s.len);
    str_free(&s);
    return json;
}

static json_t *byte_list(const char *bytes, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++)
        json_array_append_new(list, json_integer((uint8_t)bytes[i]));
    return list;
}

static json_t *logprob_number(float logprob)
{
    return isfinite(logprob) ? json_real(logprob) : json_real(-9999.0);
}

static json_t *chat_token(const char *bytes, size_t n, float logprob)
{
    return json_pack("{s:o, s:o, s:o}", "token", lossy_string(bytes, n), "logprob",
                     logprob_number(logprob), "bytes", byte_list(bytes, n));
}

static json_t *chat_logprobs(const struct exchange *x, const sgl_token *token, size_t n)
{
    if (!x->logprobs)
        return json_null();
    json_t *content = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *one = chat_token(token[i].bytes, token[i].n_bytes, token[i].logprob);
        json_t *top = json_array();
        for (size_t k = 0; k < token[i].n_top && k < x->top_logprobs; k++)
            json_array_append_new(top, chat_token(token[i].top[k].bytes, token[i].top[k].n_bytes,
                                                  token[i].top[k].logprob));
        json_object_set_new(one, "top_logprobs", top);
        json_array_append_new(content, one);
    }
    return json_pack("{s:o, s:n}", "content", content, "refusal");
}

static bool is_inner(char byte)
{
    return ((uint8_t)byte & 0xc0) == 0x80;
}

/* The older form: parallel lists, offsets in characters of the text.  *n_char counts the characters
 * begun so far; a token that starts inside one has that one's offset. */
static json_t *text_logprobs(const struct exchange *x, const sgl_token *token, size_t n,
                             size_t *n_char)
{
    size_t base = x->prompt_text ? utf8_count(slice_of(x->prompt_text)) : 0;
    if (!x->logprobs)
        return json_null();
    json_t *tokens = json_array(), *logprobs = json_array(), *tops = json_array();
    json_t *offsets = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *top = json_object();
        for (size_t k = 0; k < token[i].n_top && k < x->top_logprobs; k++) {
            json_t *name = lossy_string(token[i].top[k].bytes, token[i].top[k].n_bytes);
            json_object_set_new(top, json_string_value(name),
                                logprob_number(token[i].top[k].logprob));
            json_decref(name);
        }
        json_t *name = lossy_string(token[i].bytes, token[i].n_bytes);
        if (!json_object_get(top, json_string_value(name)))
            json_object_set_new(top, json_string_value(name), logprob_number(token[i].logprob));
        bool inside = *n_char && token[i].n_bytes && is_inner(token[i].bytes[0]);
        json_array_append_new(offsets, json_integer((json_int_t)(base + *n_char - inside)));
        for (size_t k = 0; k < token[i].n_bytes; k++)
            *n_char += !is_inner(token[i].bytes[k]);
        json_array_append_new(tokens, name);
        json_array_append_new(logprobs, logprob_number(token[i].logprob));
        json_array_append_new(tops, top);
    }
    return json_pack("{s:o, s:o, s:o, s:o}", "tokens", tokens, "token_logprobs", logprobs,
                     "top_logprobs", tops, "text_offset", offsets);
}

static json_t *envelope(const struct exchange *x, const char *object, json_t *choices)
{
    char id[80], print[64];
    snprintf(id, sizeof id, "%s-%s", x->chat ? "chatcmpl" : "cmpl", x->id);
    snprintf(print, sizeof print, "sgl-%s", sgl_version());
    return json_pack("{s:s, s:s, s:I, s:s, s:s, s:o}", "id", id, "object", object, "created",
                     (json_int_t)x->created, "model", x->model, "system_fingerprint", print,
                     "choices", choices);
}

static uint32_t index_of(const struct exchange *x, const struct choice *c)
{
    return (uint32_t)(c - x->choice);
}

/* ---- chat ------------------------------------------------------------------------------ */

static json_t *chat_whole(struct exchange *x)
{
    json_t *choices = json_array();
    for (uint32_t i = 0; i < x->n_choice; i++) {
        const sgl_result *r = x->choice[i].result;
        json_array_append_new(choices, json_pack(
            "{s:i, s:{s:s, s:o, s:n, s:n}, s:o, s:s, s:o}", "index", (int)i, "message", "role",
            "assistant", "content", json_stringn(r->text, r->text_len), "refusal", "tool_calls",
            "logprobs", chat_logprobs(x, r->tokens, r->n_tokens), "finish_reason",
            finish_reason(&x->choice[i]), "matched_stop", matched_stop(r)));
    }
    json_t *json = envelope(x, "chat.completion", choices);
    json_object_set_new(json, "usage", usage_json(x));
    return json;
}

static void chat_send(struct exchange *x, uint32_t i, json_t *delta, json_t *logprobs,
                      const struct choice *ended)
{
    json_t *choice = json_pack("{s:i, s:o, s:o, s:s?, s:o}", "index", (int)i, "delta", delta,
                               "logprobs", logprobs, "finish_reason",
                               ended ? finish_reason(ended) : NULL, "matched_stop",
                               ended ? matched_stop(ended->result) : json_null());
    json_t *json = envelope(x, "chat.completion.chunk", json_pack("[o]", choice));
    if (x->usage)
        json_object_set_new(json, "usage", json_null());
    stream_json(x, json);
}

static void chat_open(struct exchange *x)
{
    for (uint32_t i = 0; i < x->n_choice; i++)
        chat_send(x, i, json_pack("{s:s, s:s}", "role", "assistant", "content", ""), json_null(),
                  NULL);
}

static void chat_chunk(struct exchange *x, struct choice *c, const sgl_call_event *ev)
{
    chat_send(x, index_of(x, c),
              json_pack("{s:o}", "content", json_stringn(ev->text, ev->text_len)),
              chat_logprobs(x, ev->tokens, ev->n_tokens), NULL);
}

/* Tokens that no chunk has shown: the end token, and what became known with the result. */
static size_t unsent(const struct exchange *x, const struct choice *c, const sgl_token **ret)
{
    size_t n = c->result->n_tokens;
    if (!x->logprobs || n <= c->n_token)
        return 0;
    *ret = c->result->tokens + c->n_token;
    return n - c->n_token;
}

static void chat_finish(struct exchange *x, struct choice *c)
{
    const sgl_token *rest;
    size_t n = unsent(x, c, &rest);
    if (n)
        chat_send(x, index_of(x, c), json_pack("{s:s}", "content", ""), chat_logprobs(x, rest, n),
                  NULL);
    chat_send(x, index_of(x, c), json_object(), json_null(), c);
}

static void send_usage(struct exchange *x)
{
    if (!x->usage)
        return;
    json_t *json = envelope(x, x->chat ? "chat.completion.chunk" : "text_completion", json_array());
    json_object_set_new(json, "usage", usage_json(x));
    stream_json(x, json);
}

static const struct dialect chat_dialect = { chat_whole, chat_open, chat_chunk, chat_finish,
                                             send_usage };

/* ---- completions ----------------------------------------------------------------------- */

static json_t *text_whole(struct exchange *x)
{
    json_t *choices = json_array();
    struct str text = { 0 };
    for (uint32_t i = 0; i < x->n_choice; i++) {
        const sgl_result *r = x->choice[i].result;
        size_t n_char = 0;
        str_cut(&text, 0);
        str_adds(&text, x->prompt_text ? x->prompt_text : "");
        str_add(&text, r->text, r->text_len);
        json_array_append_new(choices, json_pack(
            "{s:i, s:o, s:o, s:s, s:o}", "index", (int)i, "text",
            json_stringn(text.ptr ? text.ptr : "", text.len), "logprobs",
            text_logprobs(x, r->tokens, r->n_tokens, &n_char), "finish_reason",
            finish_reason(&x->choice[i]), "matched_stop", matched_stop(r)));
    }
    str_free(&text);
    json_t *json = envelope(x, "text_completion", choices);
    json_object_set_new(json, "usage", usage_json(x));
    return json;
}

static void text_send(struct exchange *x, uint32_t i, json_t *text, json_t *logprobs,
                      const struct choice *ended)
{
    json_t *choice = json_pack("{s:i, s:o, s:o, s:s?, s:o}", "index", (int)i, "text", text,
                               "logprobs", logprobs, "finish_reason",
                               ended ? finish_reason(ended) : NULL, "matched_stop",
                               ended ? matched_stop(ended->result) : json_null());
    json_t *json = envelope(x, "text_completion", json_pack("[o]", choice));
    if (x->usage)
        json_object_set_new(json, "usage", json_null());
    stream_json(x, json);
}

static void text_open(struct exchange *x)
{
    for (uint32_t i = 0; x->prompt_text && i < x->n_choice; i++)
        text_send(x, i, json_string(x->prompt_text), json_null(), NULL);
}

static void text_chunk(struct exchange *x, struct choice *c, const sgl_call_event *ev)
{
    text_send(x, index_of(x, c), json_stringn(ev->text, ev->text_len),
              text_logprobs(x, ev->tokens, ev->n_tokens, &c->n_char), NULL);
}

static void text_finish(struct exchange *x, struct choice *c)
{
    const sgl_token *rest;
    size_t n = unsent(x, c, &rest);
    text_send(x, index_of(x, c), json_string(""),
              n ? text_logprobs(x, rest, n, &c->n_char) : json_null(), c);
}

static const struct dialect text_dialect = { text_whole, text_open, text_chunk, text_finish,
                                             send_usage };

/* ---- reading requests ------------------------------------------------------------------ */

/* What both routes share: the model's name, streaming, n. */
static bool read_common(struct exchange *x, sgl_request *r, int64_t *ret_n)
{
    const json_t *o = x->json, *opts = json_object_get(o, "stream_options");
    x->model = x->server->model;
    *ret_n = 1;
    if (!field_str(x, o, "model", &x->model) || !field_bool(x, o, "stream", &x->stream) ||
        !field_bool(x, o, "return_cached_tokens_details", &x->cached_details) ||
        !field_int(x, o, "n", 1, SERVER_MAX_CHOICES, ret_n, NULL) || !fields_sampling(x, o, r) ||
        !fields_identity(x, o, r))
        return false;
    if (opts && !json_is_null(opts)) {
        if (!json_is_object(opts))
            return refuse(x, 400, "invalid_value", "stream_options",
                          "stream_options must be an object");
        if (!x->stream)
            return refuse(x, 400, "invalid_value", "stream_options",
                          "stream_options is only allowed when stream is true");
        if (!field_bool(x, opts, "include_usage", &x->usage) ||
            !fields_check(x, opts, "include_usage", "include_obfuscation",
                          "continuous_usage_stats"))
            return false;
    }
    r->stream = x->stream;
    x->n_per_prompt = (uint32_t)*ret_n;
    return true;
}

static bool read_format(struct exchange *x, sgl_request *r)
{
    const json_t *f = json_object_get(x->json, "response_format");
    const char *type = json_string_value(json_object_get(f, "type"));
    if (!f || json_is_null(f))
        return true;
    if (!type)
        return refuse(x, 400, "invalid_value", "response_format",
                      "response_format must be an object with a type");
    if (strcmp(type, "text") == 0)
        return true;
    if (r->regex || r->grammar || r->json_schema || r->structural_tag)
        return refuse(x, 400, "invalid_value", "response_format",
                      "response_format and another constraint exclude each other");
    if (strcmp(type, "json_object") == 0) {
        r->json_object = true;
        return true;
    }
    if (strcmp(type, "structural_tag") == 0) {
        r->structural_tag = json_text(x, f);
        return r->structural_tag != NULL;
    }
    if (strcmp(type, "json_schema") != 0)
        return refuse(x, 400, "unsupported_parameter", "response_format",
                      "the response format \"%.40s\" is not supported", type);
    const json_t *schema = json_object_get(json_object_get(f, "json_schema"), "schema");
    if (!json_is_object(schema) && !json_is_boolean(schema))
        return refuse(x, 400, "invalid_value", "response_format",
                      "response_format.json_schema needs a schema");
    r->json_schema = json_text(x, schema);
    return r->json_schema != NULL;
}

/* Starts n calls for the request; choice i of a seeded request draws with seed + i. */
static bool start(struct exchange *x, const sgl_request *r, uint32_t first, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        sgl_request one = *r;
        one.seed = r->seed + i;
        if (!exchange_call(x, first + i, &one))
            return false;
    }
    return true;
}

/* The content of a message: a string as it is, text parts joined. */
static json_t *content_text(struct exchange *x, size_t at, const json_t *content)
{
    struct str text = { 0 };
    size_t i;
    json_t *part;
    json_array_foreach(content, i, part) {
        const char *type = json_string_value(json_object_get(part, "type"));
        const json_t *t = json_object_get(part, "text");
        if (!type || strcmp(type, "text") != 0 || !json_is_string(t)) {
            str_free(&text);
            refuse(x, 400, "unsupported_parameter", "messages",
                   "messages[%zu].content[%zu]: only parts of type text are supported", at, i);
            return NULL;
        }
        str_add(&text, json_string_value(t), json_string_length(t));
    }
    json_t *json = json_stringn(text.ptr ? text.ptr : "", text.len);
    str_free(&text);
    if (!json)
        refuse_nomem(x);
    return json;
}

static json_t *read_message(struct exchange *x, size_t at, const json_t *m)
{
    static const char *const roles[] = { "system", "developer", "user", "assistant", "tool",
                                         "function" };
    const char *role = json_string_value(json_object_get(m, "role"));
    const json_t *content = json_object_get(m, "content");
    size_t r = 0;
    while (role && r < 6 && strcmp(role, roles[r]) != 0)
        r++;
    if (!role || r == 6) {
        refuse(x, 400, "invalid_value", "messages",
               "messages[%zu].role must be system, developer, user, assistant or tool", at);
        return NULL;
    }
    bool calls = json_array_size(json_object_get(m, "tool_calls")) > 0;
    bool absent = !content || json_is_null(content);
    if (!json_is_string(content) && !json_is_array(content) && !(absent && r == 3)) {
        refuse(x, 400, "invalid_value", "messages",
               "messages[%zu].content must be a string or a list of parts", at);
        return NULL;
    }
    json_t *copy = json_copy((json_t *)m);
    json_t *text = json_is_array(content) ? content_text(x, at, content)
                   : absent               ? (calls ? json_null() : json_string(""))
                                          : json_incref((json_t *)content);
    if (!copy || !text) {
        json_decref(copy);
        json_decref(text);
        return NULL;
    }
    json_object_set_new(copy, "content", text);
    if (r == 1)
        json_object_set_new(copy, "role", json_string("system"));
    return copy;
}

static bool read_messages(struct exchange *x, sgl_request *r)
{
    const json_t *list = json_object_get(x->json, "messages");
    size_t n = json_array_size(list);
    if (!json_is_array(list) || n == 0)
        return refuse(x, 400, "invalid_value", "messages",
                      "messages must be a list of at least one");
    json_t *copy = json_array();
    bool ok = copy != NULL;
    for (size_t i = 0; i < n && ok; i++) {
        json_t *m = read_message(x, i, json_array_get(list, i));
        ok = m && json_array_append_new(copy, m) == 0;
    }
    r->messages = ok ? json_text(x, copy) : NULL;
    json_decref(copy);
    if (!r->messages)
        return refuse_nomem(x);             /* keeps what was noted before */
    const char *last = json_string_value(
        json_object_get(json_array_get(list, n - 1), "role"));
    if (r->continue_final && strcmp(last, "assistant") != 0)
        return refuse(x, 400, "invalid_value", "continue_final_message",
                      "continue_final_message needs an assistant message at the end");
    return true;
}

static bool read_tools(struct exchange *x)
{
    const json_t *tools = json_object_get(x->json, "tools");
    const json_t *choice = json_object_get(x->json, "tool_choice");
    const char *how = json_string_value(choice);
    bool none = how && strcmp(how, "none") == 0;
    if (json_array_size(tools) && !none)
        return refuse(x, 400, "unsupported_parameter", "tools",
                      "tools are not supported by this server yet");
    if (choice && !json_is_null(choice) && !none && !(how && strcmp(how, "auto") == 0))
        return refuse(x, 400, "unsupported_parameter", "tool_choice",
                      "tool_choice other than none is not supported by this server yet");
    return true;
}

static bool read_chat(struct exchange *x, sgl_request *r, int64_t *ret_n)
{
    const json_t *o = x->json, *vars = json_object_get(o, "chat_template_kwargs");
    int64_t max = 0, top = 0;
    bool has_top = false;
    if (!fields_check(x, o,
                      SAMPLING " messages max_completion_tokens top_logprobs tools tool_choice "
                      "chat_template_kwargs continue_final_message",
                      WITHOUT_EFFECT " parallel_tool_calls modalities",
                      REFUSED " functions function_call audio prediction reasoning_effort "
                      "web_search_options input_ids return_meta_info add_generation_prompt") ||
        !read_common(x, r, ret_n) ||
        !field_int(x, o, "max_tokens", 1, 1 << 24, &max, NULL) ||
        !field_int(x, o, "max_completion_tokens", 1, 1 << 24, &max, NULL) ||
        !field_bool(x, o, "logprobs", &x->logprobs) ||
        !field_int(x, o, "top_logprobs", 0, SERVER_MAX_TOP, &top, &has_top) ||
        !field_bool(x, o, "continue_final_message", &r->continue_final) || !read_tools(x) ||
        !read_messages(x, r) || !read_format(x, r))
        return false;
    if (has_top && top > 0 && !x->logprobs)
        return refuse(x, 400, "invalid_value", "top_logprobs", "top_logprobs needs logprobs");
    if (vars && !json_is_null(vars)) {
        if (!json_is_object(vars))
            return refuse(x, 400, "invalid_value", "chat_template_kwargs",
                          "chat_template_kwargs must be an object");
        r->template_vars = json_text(x, vars);
        if (!r->template_vars)
            return false;
    }
    r->max_tokens = (uint32_t)max;
    r->logprobs = x->logprobs;
    r->top_logprobs = x->top_logprobs = (uint32_t)top;
    return true;
}

enum MHD_Result route_chat(struct exchange *x)
{
    sgl_request r;
    int64_t n;
    sgl_request_init(&r);
    x->chat = true;
    bool ok = read_chat(x, &r, &n) && exchange_begin(x, &chat_dialect, (uint32_t)n) &&
              start(x, &r, 0, (uint32_t)n);
    return ok ? exchange_wait(x) : reply_error(x);
}

/* prompt: a string, strings, ids, or lists of ids.  Each prompt gets n calls. */
static bool start_prompt(struct exchange *x, sgl_request *r, const json_t *p, uint32_t first,
                         uint32_t n)
{
    r->prompt = NULL;
    r->ids = NULL;
    if (json_is_string(p)) {
        r->prompt = json_string_value(p);
        r->prompt_len = json_string_length(p);
        if (!r->prompt_len)
            return refuse(x, 400, "invalid_value", "prompt", "prompt is empty");
    } else {
        if (!ids_of(x, p, "prompt", 1 << 24, &r->ids, &r->n_ids))
            return false;
        if (!r->n_ids)
            return refuse(x, 400, "invalid_value", "prompt", "prompt is empty");
    }
    return start(x, r, first, n);
}

static bool start_prompts(struct exchange *x, sgl_request *r, uint32_t n)
{
    const json_t *p = json_object_get(x->json, "prompt");
    bool many = json_is_array(p) && !json_is_integer(json_array_get(p, 0));
    size_t n_prompt = many ? json_array_size(p) : 1;
    if (!json_is_string(p) && !json_is_array(p))
        return refuse(x, 400, "invalid_value", "prompt",
                      "prompt must be a string, a list of strings, or token ids");
    if (n_prompt == 0 || n_prompt > SERVER_MAX_CHOICES)
        return refuse(x, 400, "invalid_value", "prompt", "prompt must have 1 to %d entries",
                      SERVER_MAX_CHOICES);
    if (x->prompt_text && many)
        return refuse(x, 400, "unsupported_parameter", "echo",
                      "echo is supported for a single prompt only");
    if (!exchange_begin(x, &text_dialect, (uint32_t)n_prompt * n))
        return false;
    for (size_t i = 0; i < n_prompt; i++)
        if (!start_prompt(x, r, many ? json_array_get(p, i) : p, (uint32_t)i * n, n))
            return false;
    return true;
}

static bool read_completions(struct exchange *x, sgl_request *r, int64_t *ret_n)
{
    const json_t *o = x->json;
    int64_t max = 16, top = 0, best = 0;
    bool echo = false;
    if (!fields_check(x, o, SAMPLING " prompt echo best_of", WITHOUT_EFFECT, REFUSED " suffix") ||
        !read_common(x, r, ret_n) || !read_format(x, r) ||
        !field_int(x, o, "max_tokens", 1, 1 << 24, &max, NULL) ||
        !field_int(x, o, "logprobs", 0, SERVER_MAX_TOP, &top, &x->logprobs) ||
        !field_int(x, o, "best_of", 1, SERVER_MAX_CHOICES, &best, NULL) ||
        !field_bool(x, o, "echo", &echo))
        return false;
    if (best && best != *ret_n)
        return refuse(x, 400, "unsupported_parameter", "best_of", "best_of must equal n");
    if (echo && x->logprobs)
        return refuse(x, 400, "unsupported_parameter", "echo",
                      "log-probabilities of the prompt are not supported yet");
    if (echo && !json_is_string(json_object_get(o, "prompt")))
        return refuse(x, 400, "unsupported_parameter", "echo",
                      "echo is supported for a prompt of text only");
    x->prompt_text = echo ? json_string_value(json_object_get(o, "prompt")) : NULL;
    r->max_tokens = (uint32_t)max;
    r->logprobs = x->logprobs;
    r->top_logprobs = x->top_logprobs = (uint32_t)top;
    return true;
}

enum MHD_Result route_completions(struct exchange *x)
{
    sgl_request r;
    int64_t n;
    sgl_request_init(&r);
    bool ok = read_completions(x, &r, &n) && start_prompts(x, &r, (uint32_t)n);
    return ok ? exchange_wait(x) : reply_error(x);
}
