/* api_call.c - one generation on its way: events of the engine queued for the host.
 *
 *     engine thread:  sink -> copy -> queue -> wake-up        host:  sgl_call_next -> convert
 *
 * The engine's events are valid only during its call, so the sink copies what the host will see.
 * A call that is freed early is cancelled and its last event waited for, which takes one step of
 * the engine: behind it nothing refers to the call any more. */
#include "runtime/api/api_int.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/queue.h"

/* An event between sink and host; everything it points to is in its arena or its result. */
struct item {
    struct queue_item   link;
    enum plan_event_kind kind;
    struct arena        arena;
    struct slice        text;
    struct plan_token  *token;
    uint32_t            n_token;
    struct slice        token_text;
    struct plan_result *result;
    struct error        error;
};

/* Crosses threads: what stands below `lock` is behind it; the queue has a lock of its own. */
struct sgl_call {
    struct engine  *e;              /* counted */
    struct session *s;
    bool            owns_session;
    uint64_t        seed;
    struct queue   *queue;

    pthread_mutex_t lock;
    pthread_cond_t  changed;
    void          (*wake)(void *ctx);
    void           *wake_ctx;
    bool            waking;         /* the wake-up runs just now */
    bool            closed;         /* the engine has sent its last event */

    struct item    *spare;          /* for the last event; taken by the sink */

    bool            ended;          /* the host has seen the last event */
    struct item    *shown;          /* handed out last */
    sgl_result      result;
};

/* ---- the engine's side ---- */

static void copy_chunk(struct item *it, const struct plan_event *ev)
{
    struct arena *a = &it->arena;
    it->text = arena_slice(a, ev->chunk);
    it->token_text = arena_slice(a, ev->token_text);
    it->token = ev->n_token ? arena_dup(a, ev->token, ev->n_token * sizeof *ev->token) : NULL;
    it->n_token = it->token ? ev->n_token : 0;
    for (uint32_t i = 0; i < it->n_token; i++)
        if (it->token[i].n_top)
            it->token[i].top = arena_dup(a, it->token[i].top,
                                         it->token[i].n_top * sizeof *it->token[i].top);
}

static void post(struct sgl_call *c, struct item *it, bool closes)
{
    pthread_mutex_lock(&c->lock);
    void (*wake)(void *ctx) = c->wake;
    void *ctx = c->wake_ctx;
    c->waking = true;
    pthread_mutex_unlock(&c->lock);

    if (it)
        queue_push(c->queue, &it->link);
    if (wake)
        wake(ctx);

    pthread_mutex_lock(&c->lock);
    c->waking = false;
    c->closed = c->closed || closes;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
}

/* Out of memory: a chunk is lost from the stream only, the result still has the whole text; the
 * end is never lost, because its item was made with the call. */
static void on_event(void *ctx, struct plan_event *ev)
{
    struct sgl_call *c = ctx;
    bool closes = ev->kind != PLAN_CHUNK;
    struct item *it = closes ? c->spare : mem_zalloc(sizeof *it);
    if (closes)
        c->spare = NULL;
    if (!it)
        return;
    it->kind = ev->kind;
    it->result = ev->result;
    if (ev->kind == PLAN_FAILED)
        it->error = ev->error;
    else if (ev->kind == PLAN_CHUNK)
        copy_chunk(it, ev);
    post(c, it, closes);
}

static void item_free(struct item *it)
{
    if (!it)
        return;
    plan_result_free(it->result);
    arena_free(&it->arena);
    mem_free(it);
}

/* ---- making and ending ---- */

sgl_status api_call_start(struct engine *e, struct session *s, bool owns_session, struct plan *p,
                          uint64_t seed, sgl_call **ret, sgl_error *err)
{
    struct error why;
    struct item *end = mem_zalloc(sizeof *end);
    struct sgl_call *c = mem_zalloc(sizeof *c);
    enum status st = end && c ? queue_new(&c->queue, &why) : error_nomem(&why);
    if (st != ST_OK) {
        plan_free(p);
        if (owns_session)
            session_drop(s);
        mem_free(end);
        mem_free(c);
        return api_error(st, &why, err);
    }
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->e = engine_ref(e);
    c->s = s;
    c->owns_session = owns_session;
    c->seed = seed;
    c->spare = end;
    p->sink = on_event;
    p->sink_ctx = c;
    st = session_submit(s, p, &why);
    if (st != ST_OK) {
        c->closed = true;
        sgl_call_free(c);
        return api_error(st, &why, err);
    }
    *ret = c;
    return SGL_OK;
}

static bool is_closed(struct sgl_call *c)
{
    pthread_mutex_lock(&c->lock);
    bool closed = c->closed;
    pthread_mutex_unlock(&c->lock);
    return closed;
}

/* Until the engine has sent its last event and no wake-up runs. */
static void wait_closed(struct sgl_call *c)
{
    pthread_mutex_lock(&c->lock);
    while (!c->closed || c->waking)
        pthread_cond_wait(&c->changed, &c->lock);
    pthread_mutex_unlock(&c->lock);
}

void sgl_call_set_wakeup(sgl_call *call, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&call->lock);
    call->wake = fn;
    call->wake_ctx = ctx;
    pthread_mutex_unlock(&call->lock);
}

void sgl_call_cancel(sgl_call *call)
{
    if (!call->ended && !is_closed(call))
        session_cancel(call->s);
}

void sgl_call_free(sgl_call *call)
{
    if (!call)
        return;
    sgl_call_set_wakeup(call, NULL, NULL);
    if (!is_closed(call))
        session_cancel(call->s);
    wait_closed(call);
    for (struct queue_item *it; (it = queue_pop(call->queue)) != NULL;)
        item_free((struct item *)it);
    item_free(call->shown);
    item_free(call->spare);
    if (call->owns_session)
        session_drop(call->s);
    engine_unref(call->e);
    queue_free(call->queue);
    pthread_cond_destroy(&call->changed);
    pthread_mutex_destroy(&call->lock);
    mem_free(call);
}

int sgl_call_fd(sgl_call *call)
{
    return queue_fd(call->queue);
}

/* ---- the host's side ---- */

static void convert_top(struct sgl_call *c, struct arena *a, const struct plan_token *from,
                        sgl_token *to)
{
    sgl_top *top = arena_array(a, from->n_top, sizeof *top);
    for (uint32_t k = 0; top && k < from->n_top; k++) {
        struct str bytes = { 0 };
        top[k].id = from->top[k].id;
        top[k].logprob = from->top[k].logprob;
        if (engine_decode(c->e, &top[k].id, 1, true, &bytes, NULL) == ST_OK) {
            struct slice own = arena_slice(a, str_slice(&bytes));
            top[k].bytes = own.ptr;
            top[k].n_bytes = own.len;
        }
        str_free(&bytes);
    }
    to->top = top;
    to->n_top = top ? from->n_top : 0;
}

static const sgl_token *convert_tokens(struct sgl_call *c, struct arena *a,
                                       const struct plan_token *from, uint32_t n,
                                       struct slice text, size_t *ret_n)
{
    sgl_token *to = arena_array(a, n, sizeof *to);
    *ret_n = 0;
    for (uint32_t i = 0; to && i < n; i++) {
        struct slice bytes = slice_sub(text, from[i].text_off, from[i].text_len);
        to[i].id = from[i].id;
        to[i].logprob = from[i].logprob;
        to[i].forced = from[i].forced;
        to[i].bytes = bytes.ptr;
        to[i].n_bytes = bytes.len;
        if (from[i].n_top)
            convert_top(c, a, &from[i], &to[i]);
        *ret_n = i + 1u;
    }
    return to;
}

static void convert_result(struct sgl_call *c, struct item *it, sgl_result *ret)
{
    struct plan_result *r = it->result;
    memset(ret, 0, sizeof *ret);
    struct slice text = arena_slice(&it->arena, r->text);
    ret->text = text.ptr ? text.ptr : "";
    ret->text_len = text.len;
    ret->finish = finish_name(r->finish);
    ret->stop_text = r->stop.len ? arena_strdup(&it->arena, r->stop) : NULL;
    ret->stop_id = r->stop_token == 0xffffffffu ? -1 : (int64_t)r->stop_token;
    ret->tokens = convert_tokens(c, &it->arena, r->token, r->n_token, r->token_text,
                                 &ret->n_tokens);
    ret->prompt_tokens = r->n_prompt;
    ret->cached_tokens = r->n_cached;
    ret->completion_tokens = r->n_token;
    ret->forced_tokens = r->n_forced;
    ret->seed = c->seed;
    ret->logprob = r->logprob;
    ret->probs = r->prob;
    ret->n_probs = r->n_prob;
    ret->queue_ms = r->queue_ms;
    ret->prefill_ms = r->prefill_ms;
    ret->decode_ms = r->decode_ms;
    ret->ttft_ms = r->ttft_ms;
    ret->cached_shared = r->n_shared;
    ret->cached_forked = r->n_forked;
    ret->cached_device = r->n_cached - r->n_shared - r->n_forked;
    ret->miss_cold = r->miss_cold + r->miss_namespace;      /* not told apart: it would tell what
                                                               others have asked */
    ret->miss_evicted = r->miss_evicted;
    ret->miss_boundary = r->miss_boundary;
    ret->miss_logprobs = r->miss_logprobs;
    ret->retractions = r->n_retracted;
}

static void convert(struct sgl_call *c, struct item *it, sgl_call_event *ret)
{
    memset(ret, 0, sizeof *ret);
    switch (it->kind) {
    case PLAN_CHUNK:
        ret->kind = SGL_CALL_TEXT;
        ret->text = it->text.ptr ? it->text.ptr : "";
        ret->text_len = it->text.len;
        ret->tokens = convert_tokens(c, &it->arena, it->token, it->n_token, it->token_text,
                                     &ret->n_tokens);
        break;
    case PLAN_DONE:
        ret->kind = SGL_CALL_DONE;
        convert_result(c, it, &c->result);
        ret->result = &c->result;
        break;
    case PLAN_FAILED:
        ret->kind = SGL_CALL_FAILED;
        api_copy_error(&it->error, &ret->error);
        if (!it->result)
            break;
        convert_result(c, it, &c->result);
        ret->result = &c->result;
        break;
    }
}

sgl_status sgl_call_next(sgl_call *call, int timeout_ms, sgl_call_event *ret)
{
    if (call->ended)
        return SGL_END;
    struct item *it = (struct item *)queue_wait(call->queue, timeout_ms);
    if (!it)
        return SGL_PENDING;
    convert(call, it, ret);
    call->ended = it->kind != PLAN_CHUNK;
    item_free(call->shown);
    call->shown = it;
    return SGL_OK;
}
