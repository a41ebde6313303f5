/* stream.c - the calls of an exchange: started, polled, written as one answer or as events.
 *
 * Headers of a stream wait for its first event, so that an error before it is an ordinary error
 * answer; after HEADER_WAIT_MS they go out in any case.  Later errors are one event. */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "base/jsonio.h"
#include "runtime/server/exchange.h"

enum { HEADER_WAIT_MS = 2000, KEEP_ALIVE_MS = 15000, STREAM_BLOCK = 16384 };

bool exchange_begin(struct exchange *x, const struct dialect *dialect, uint32_t n)
{
    if (n > SERVER_MAX_CHOICES)
        return refuse(x, 400, "invalid_value", "n", "%u values asked for, at most %d are made", n,
                      SERVER_MAX_CHOICES);
    x->choice = arena_array(&x->arena, n, sizeof *x->choice);
    if (!x->choice)
        return refuse_nomem(x);
    if (!overload_take(x, n))
        return false;
    x->dialect = dialect;
    x->n_choice = n;
    x->begun_ms = x->last_ms = clock_ms();
    return true;
}

bool exchange_call(struct exchange *x, uint32_t i, const sgl_request *r)
{
    sgl_error err = { 0 };
    sgl_status st = sgl_generate(x->server->engine, r, &x->choice[i].call, &err);
    if (st != SGL_OK) {
        err.status = st;
        return refuse_error(x, &err, NULL);
    }
    sgl_call_set_wakeup(x->choice[i].call, exchange_wake, x);
    return true;
}

void exchange_stop(struct exchange *x)
{
    x->dialect = NULL;
    uint32_t n_open = 0;
    for (uint32_t i = 0; i < x->n_choice; i++) {    /* one step ends them all */
        n_open += !x->choice[i].done;
        if (x->choice[i].call)
            sgl_call_cancel(x->choice[i].call);
    }
    if (n_open)
        overload_ended(x->server, n_open);
    for (uint32_t i = 0; i < x->n_choice; i++) {
        sgl_call_free(x->choice[i].call);
        str_free(&x->choice[i].text);
        json_decref(x->choice[i].ids);
        json_decref(x->choice[i].logprobs);
        json_decref(x->choice[i].tops);
    }
    x->n_choice = 0;
}

void stream_json(struct exchange *x, json_t *json)
{
    str_adds(&x->out, "data: ");
    if (json)
        jsonio_dump(json, JSONIO_COMPACT, &x->out);
    else
        x->out.failed = true;
    str_adds(&x->out, "\n\n");
    json_decref(json);
}

static void open_once(struct exchange *x)
{
    if (!x->opened && x->dialect->open)
        x->dialect->open(x);
    x->opened = true;
}

static void take_event(struct exchange *x, struct choice *c, const sgl_call_event *ev)
{
    switch (ev->kind) {
    case SGL_CALL_TEXT:
        if (!x->stream)
            return;
        open_once(x);
        x->dialect->chunk(x, c, ev);
        c->n_token += (uint32_t)ev->n_tokens;
        return;
    case SGL_CALL_DONE:
        c->done = true;
        overload_ended(x->server, 1);
        c->result = ev->result;
        if (!x->stream)
            return;
        open_once(x);
        x->dialect->finish(x, c);
        return;
    case SGL_CALL_FAILED:
        c->done = true;
        overload_ended(x->server, 1);
        c->error = ev->error;
        if (!ev->result || ev->error.status != SGL_TIMEOUT) {
            c->failed = true;
            return;
        }
        c->aborted = true;
        c->result = ev->result;
        if (!x->stream)
            return;
        open_once(x);
        x->dialect->finish(x, c);
        return;
    }
}

/* Takes what the calls have to say.  True when all of them are done, or one failed. */
static bool poll_calls(struct exchange *x)
{
    bool all = true;
    for (uint32_t i = 0; i < x->n_choice; i++) {
        struct choice *c = &x->choice[i];
        sgl_call_event ev;
        while (!c->done && sgl_call_next(c->call, 0, &ev) == SGL_OK)
            take_event(x, c, &ev);
        if (c->failed) {
            refuse_error(x, &c->error, NULL);
            return true;
        }
        all = all && c->done;
    }
    return all;
}

/* Asked under the lock once, so that one wake-up is one look. */
static bool take_flag(struct exchange *x, bool *flag)
{
    pthread_mutex_lock(&x->server->lock);
    bool was = *flag;
    *flag = false;
    pthread_mutex_unlock(&x->server->lock);
    return was;
}

static bool is_gone(struct exchange *x)
{
    pthread_mutex_lock(&x->server->lock);
    bool gone = x->gone;
    pthread_mutex_unlock(&x->server->lock);
    return gone;
}

/* Fills x->out with what there is.  True when nothing more will come. */
static bool fill(struct exchange *x)
{
    bool end = poll_calls(x);
    if (end && x->error.status) {
        json_t *json = error_json(&x->error);
        json_object_set_new(json_object_get(json, "error"), "retryable",
                            json_boolean(x->error.status == 429 || x->error.status >= 500));
        stream_json(x, json);
    } else if (end) {
        open_once(x);
        if (x->dialect->close)
            x->dialect->close(x);
    }
    if (end)
        str_adds(&x->out, "data: [DONE]\n\n");
    else if (!x->out.len && take_flag(x, &x->tick) &&
             clock_ms() - x->last_ms >= KEEP_ALIVE_MS)
        str_adds(&x->out, ": keep-alive\n\n");
    if (x->out.len)
        x->last_ms = clock_ms();
    return end;
}

/* libmicrohttpd asks for the next bytes; 0 means "later" and needs a suspended connection. */
static ssize_t read_stream(void *ctx, uint64_t pos, char *buf, size_t max)
{
    (void)pos;
    struct exchange *x = ctx;
    for (;;) {
        if (is_gone(x) || x->out.failed)
            return MHD_CONTENT_READER_END_WITH_ERROR;
        size_t left = x->out.len - x->out_sent;
        if (left) {
            size_t n = left < max ? left : max;
            memcpy(buf, x->out.ptr + x->out_sent, n);
            x->out_sent += n;
            return (ssize_t)n;
        }
        if (x->ended)
            return MHD_CONTENT_READER_END_OF_STREAM;
        str_cut(&x->out, 0);
        x->out_sent = 0;
        x->ended = fill(x);
        if (!x->out.len && exchange_suspend(x))
            return 0;
    }
}

static enum MHD_Result begin_stream(struct exchange *x)
{
    struct MHD_Response *response =
        MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, x, NULL);
    if (!response)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/event-stream; charset=utf-8");
    MHD_add_response_header(response, "Cache-Control", "no-cache");
    reply_headers(x, response);
    x->streaming = true;
    x->server->n_answer[2]++;
    enum MHD_Result rc = MHD_queue_response(x->connection, MHD_HTTP_OK, response);
    MHD_destroy_response(response);
    return rc;
}

static enum MHD_Result wait_stream(struct exchange *x)
{
    for (;;) {
        if (is_gone(x))
            return MHD_NO;
        bool end = poll_calls(x);
        if (end && x->error.status && !x->out.len)
            return reply_error(x);
        if (end || x->out.len || clock_ms() - x->begun_ms >= HEADER_WAIT_MS)
            return begin_stream(x);
        if (exchange_suspend(x))
            return MHD_YES;
    }
}

enum MHD_Result exchange_wait(struct exchange *x)
{
    if (x->stream)
        return wait_stream(x);
    while (!poll_calls(x)) {
        if (is_gone(x))
            return MHD_NO;
        if (exchange_suspend(x))
            return MHD_YES;
    }
    if (x->error.status)
        return reply_error(x);
    return reply_json(x, MHD_HTTP_OK, x->dialect->whole(x));
}
