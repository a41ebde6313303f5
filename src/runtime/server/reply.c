/* reply.c - error bodies and finished answers.
 *
 * An error is noted once, where its reason is known, and written at the end of the route.  The
 * body holds OpenAI's error object and a flat copy of it, so that clients of both dialects find
 * what they look for. */
#include <stdio.h>
#include <string.h>

#include "base/jsonio.h"
#include "base/utf8.h"
#include "runtime/server/exchange.h"

static const char *type_of(unsigned status)
{
    switch (status) {
    case 401: return "authentication_error";
    case 403: return "permission_error";
    case 409: return "conflict_error";
    case 429: return "rate_limit_error";
    case 500: return "internal_error";
    case 503: return "unavailable_error";
    case 504: return "timeout_error";
    default: return "invalid_request_error";
    }
}

/* What is no character - a path's own bytes, a character that was cut - becomes '?': a body is
 * valid JSON whatever it quotes. */
static void make_text(char *text)
{
    for (char *p = text, *end = text + strlen(text); p < end;) {
        uint32_t cp;
        int len = utf8_decode(p, end, &cp);
        if (!len)
            *p = '?';
        p += len ? len : 1;
    }
}

bool refuse(struct exchange *x, unsigned status, const char *code, const char *param,
            const char *fmt, ...)
{
    if (x->error.status)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(x->error.message, sizeof x->error.message, fmt, ap);
    va_end(ap);
    make_text(x->error.message);
    snprintf(x->error.param, sizeof x->error.param, "%s", param ? param : "");
    make_text(x->error.param);
    x->error.status = status;
    x->error.type = type_of(status);
    x->error.code = code;
    return false;
}

bool refuse_nomem(struct exchange *x)
{
    return refuse(x, 500, "out_of_memory", NULL, "out of memory");
}

bool refuse_error(struct exchange *x, const sgl_error *err, const char *param)
{
    const char *at = err->pointer[0] ? " (at " : "", *end = err->pointer[0] ? ")" : "";
    switch (err->status) {
    case SGL_FULL:
        return refuse(x, 429, "queue_full", param, "%s", err->text);
    case SGL_TIMEOUT:       /* whoever set the deadline does not want it three times */
        x->error.permanent = true;
        return refuse(x, 504, "deadline_exceeded", param, "%s", err->text);
    case SGL_CANCELLED:
        return refuse(x, 503, "draining", param, "%s", err->text);
    case SGL_NOMEM:
    case SGL_IO:
    case SGL_INTERNAL:
        return refuse(x, 500, "engine_failed", param, "%s", err->text);
    default:
        break;
    }
    if (strcmp(err->code, "R0502") == 0)
        return refuse(x, 400, "context_length_exceeded", param,
                      "the prompt is longer than the model's context length: %s", err->text);
    if (strncmp(err->code, "E04", 3) == 0)
        return refuse(x, 400, err->status == SGL_LIMIT ? "grammar_too_complex" : "invalid_schema",
                      param, "%s: %s%s%s%s", err->code, err->text, at, err->pointer, end);
    x->error.permanent = err->status == SGL_FAILED;     /* the same request fails the same way */
    return refuse(x, err->status == SGL_FAILED ? 500 : 400,
                  err->status == SGL_UNSUPPORTED ? "unsupported_parameter" : "invalid_value",
                  param, "%s%s%s%s", err->text, at, err->pointer, end);
}

json_t *error_json(const struct answer_error *e)
{
    return json_pack("{s:{s:s, s:s, s:s?, s:s?}, s:s, s:s, s:s, s:s?, s:i}",
                     "error", "message", e->message, "type", e->type,
                     "param", e->param[0] ? e->param : NULL, "code", e->code,
                     "object", "error", "message", e->message, "type", e->type,
                     "param", e->param[0] ? e->param : NULL, "code", (int)e->status);
}

/* Choices of one prompt share its computation: the first reports the hit, to the others the prompt
 * is forked. */
json_t *cached_json(const struct exchange *x, const struct choice *c)
{
    const sgl_result *r = c->result;
    bool first = (uint32_t)(c - x->choice) % x->n_per_prompt == 0;
    return json_pack("{s:i, s:i, s:i, s:i}", "device", first ? (int)r->cached_device : 0, "shared",
                     first ? (int)r->cached_shared : 0, "forked",
                     first ? (int)r->cached_forked : (int)r->cached_tokens, "host",
                     first ? (int)r->cached_host : 0);
}

void reply_headers(struct exchange *x, struct MHD_Response *response)
{
    MHD_add_response_header(response, "x-request-id", x->request_id);
    if (x->ignored.len)
        MHD_add_response_header(response, "x-ignored-fields", x->ignored.ptr);
}

enum { RESTART_MS = 1000 };     /* one that stops is replaced, or is behind a balancer */

static void add_retry(struct MHD_Response *response, uint32_t ms)
{
    char text[16];
    snprintf(text, sizeof text, "%u", (ms + 999) / 1000);
    MHD_add_response_header(response, "Retry-After", text);
    snprintf(text, sizeof text, "%u", ms);
    MHD_add_response_header(response, "retry-after-ms", text);
}

enum MHD_Result reply_text(struct exchange *x, unsigned status, const char *type, struct slice text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text.len, (void *)text.ptr, MHD_RESPMEM_MUST_COPY);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", type);
    reply_headers(x, response);
    if (status == 429 || status == 503)
        add_retry(response, status == 429 ? overload_retry_ms(x->server) : RESTART_MS);
    if (x->error.permanent)
        MHD_add_response_header(response, "x-should-retry", "false");
    if (status == 405)
        MHD_add_response_header(response, "Allow", strcmp(x->method, "POST") ? "POST" : "GET");
    enum MHD_Result rc = MHD_queue_response(x->connection, status, response);
    MHD_destroy_response(response);
    x->server->n_answer[status / 100 < 6 ? status / 100 : 0]++;
    return rc;
}

enum MHD_Result reply_json(struct exchange *x, unsigned status, json_t *json)
{
    struct str text = { 0 };
    if (json)
        jsonio_dump(json, JSONIO_COMPACT, &text);
    json_decref(json);
    enum MHD_Result rc = json && !text.failed
                             ? reply_text(x, status, "application/json", str_slice(&text))
                             : MHD_NO;
    str_free(&text);
    return rc;
}

enum MHD_Result reply_error(struct exchange *x)
{
    return reply_json(x, x->error.status, error_json(&x->error));
}
