/* api_session.c - contexts of the engine interface.
 *
 * What a host appends is gathered in a plan and travels with the next generation, so appending
 * costs nothing.  Marks, forks and counts need the engine's view: they send what was gathered
 * first and wait until the engine has taken it in, which is tokenising, not computing. */
#include "runtime/api/api_int.h"

#include <pthread.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

struct sgl_session {
    struct sgl_engine *engine;
    struct session    *s;
    struct plan       *pending;     /* appended and not sent; or NULL */
    bool               in_turn;
};

/* The public mark holds the engine's, and in its last word whether a turn was open. */
enum { MARK_IN_TURN = 5 };

_Static_assert(sizeof(struct session_mark) <= MARK_IN_TURN * sizeof(uint32_t),
               "the engine's mark leaves the last word free");

static sgl_status open_session(sgl_engine *engine, const struct session_opts *opts,
                               sgl_session **ret, sgl_error *err)
{
    struct error why;
    struct sgl_session *h = mem_zalloc(sizeof *h);
    if (!h)
        return api_nomem(err);
    enum status st = session_new(engine->e, opts, &h->s, &why);
    if (st != ST_OK) {
        mem_free(h);
        return api_error(st, &why, err);
    }
    h->engine = sgl_engine_ref(engine);
    *ret = h;
    return SGL_OK;
}

static void end_session(sgl_session *session, enum session_end end)
{
    if (!session)
        return;
    if (session->pending)
        plan_free(session->pending);
    session_drop_as(session->s, end);
    sgl_engine_unref(session->engine);
    mem_free(session);
}

sgl_status sgl_session_new(sgl_engine *engine, sgl_session **ret, sgl_error *err)
{
    struct session_opts opts = { 0 };
    return open_session(engine, &opts, ret, err);
}

sgl_status sgl_session_new_pinned(sgl_engine *engine, uint32_t keep_ms, sgl_session **ret,
                                  sgl_error *err)
{
    struct session_opts opts = { .pin = keep_ms ? SESSION_PINNED_HARD : SESSION_PINNED_SOFT,
                                 .pin_ms = keep_ms };
    return open_session(engine, &opts, ret, err);
}

void sgl_session_free(sgl_session *session)
{
    end_session(session, SESSION_KEEP);
}

void sgl_session_discard(sgl_session *session)
{
    end_session(session, SESSION_DISCARD);
}

/* ---- appending ---- */

static struct plan *pending(struct sgl_session *h)
{
    if (!h->pending)
        h->pending = plan_new();
    return h->pending;
}

static sgl_status append(struct sgl_session *h, enum plan_op_kind kind, const char *text,
                         size_t len,
                         sgl_error *err)
{
    struct slice s = { text, len };
    if (!utf8_valid(s))
        return api_fail(err, ST_INVALID, NULL, "byte %zu of the text is not UTF-8",
                        utf8_invalid_at(s));
    struct plan *p = pending(h);
    if (!p)
        return api_nomem(err);
    plan_text(p, kind, s);
    return plan_ok(p) ? SGL_OK : api_nomem(err);
}

sgl_status sgl_session_append(sgl_session *session, const char *text, size_t len, sgl_error *err)
{
    return append(session, PLAN_TEXT, text, len, err);
}

sgl_status sgl_session_append_markup(sgl_session *session, const char *text, size_t len,
                                     sgl_error *err)
{
    return append(session, PLAN_MARKUP, text, len, err);
}

sgl_status sgl_session_turn_open(sgl_session *session, sgl_role role, sgl_error *err)
{
    static const enum plan_role plan_role[] = { PLAN_SYSTEM, PLAN_USER, PLAN_ASSISTANT, PLAN_TOOL };
    if ((unsigned)role > SGL_TOOL)
        return api_fail(err, ST_INVALID, NULL, "there is no such role");
    if (session->in_turn)
        return api_fail(err, ST_STATE, NULL, "a turn is open already");
    if (!engine_info(session->engine->e)->has_role[plan_role[role]])
        return api_fail(err, ST_UNSUPPORTED, "R0704",
                        "the model's template does not know this role");
    struct plan *p = pending(session);
    if (!p)
        return api_nomem(err);
    plan_turn(p, PLAN_TURN_OPEN, plan_role[role]);
    session->in_turn = true;
    return plan_ok(p) ? SGL_OK : api_nomem(err);
}

sgl_status sgl_session_turn_close(sgl_session *session, sgl_error *err)
{
    if (!session->in_turn)
        return api_fail(err, ST_STATE, NULL, "no turn is open");
    struct plan *p = pending(session);
    if (!p)
        return api_nomem(err);
    plan_turn(p, PLAN_TURN_CLOSE, PLAN_ASSISTANT);
    session->in_turn = false;
    return plan_ok(p) ? SGL_OK : api_nomem(err);
}

/* ---- generating ---- */

static struct plan *take_pending(struct sgl_session *h)
{
    struct plan *p = pending(h);
    h->pending = NULL;
    return p;
}

sgl_status sgl_session_generate(sgl_session *session, const sgl_request *request, sgl_call **ret,
                                sgl_error *err)
{
    sgl_request r;
    uint64_t seed = 0;
    api_take_request(&r, request);
    if (r.prompt || r.ids || r.messages)
        return api_fail(err, ST_INVALID, NULL, "a session has its prompt already: append to it");
    struct plan *p = pending(session);
    if (!p)
        return api_nomem(err);
    sgl_status st = api_fill_hole(&r, p, &seed, err);
    if (st != SGL_OK)
        return st;
    p->hole.next = session->in_turn ? NEXT_TURN_END : NEXT_NONE;
    return api_call_start(session->engine->e, session->s, false, take_pending(session), seed, ret,
                          err);
}

sgl_status sgl_session_score(sgl_session *session, const char *const *options, size_t n,
                             sgl_call **ret, sgl_error *err)
{
    if (n < 1 || n > UINT32_MAX)
        return api_fail(err, ST_INVALID, NULL, "there are no options");
    struct plan *p = pending(session);
    struct slice *option = p ? arena_array(&p->arena, n, sizeof *option) : NULL;
    if (!option)
        return api_nomem(err);
    for (size_t i = 0; i < n; i++)
        option[i] = arena_slice(&p->arena, slice_of(options[i]));
    hole_init(&p->hole, HOLE_SCORE);
    p->hole.option = option;
    p->hole.n_option = (uint32_t)n;
    p->hole.by = BY_JOINT;
    p->hole.next = session->in_turn ? NEXT_TURN_END : NEXT_NONE;
    if (!plan_ok(p))
        return api_nomem(err);
    return api_call_start(session->engine->e, session->s, false, take_pending(session), 0, ret,
                          err);
}

/* ---- marks and forks ---- */

/* Sends what was appended and waits for the engine to take it in. */
static sgl_status flush(struct sgl_session *h, sgl_error *err)
{
    if (!h->pending)
        return SGL_OK;
    sgl_call *call = NULL;
    sgl_call_event ev;
    hole_init(&h->pending->hole, HOLE_NONE);
    sgl_status st = api_call_start(h->engine->e, h->s, false, take_pending(h), 0, &call, err);
    if (st != SGL_OK)
        return st;
    while ((st = sgl_call_next(call, -1, &ev)) == SGL_OK)
        if (ev.kind == SGL_CALL_FAILED)
            break;
    if (st == SGL_OK) {
        st = ev.error.status;
        if (err)
            *err = ev.error;
    } else if (st == SGL_END) {
        st = SGL_OK;
    }
    sgl_call_free(call);
    return st;
}

sgl_status sgl_session_fork(sgl_session *session, sgl_session **ret, sgl_error *err)
{
    struct error why;
    sgl_status st = flush(session, err);
    if (st != SGL_OK)
        return st;
    struct sgl_session *h = mem_zalloc(sizeof *h);
    if (!h)
        return api_nomem(err);
    enum status in = session_fork(session->s, &h->s, &why);
    if (in != ST_OK) {
        mem_free(h);
        return api_error(in, &why, err);
    }
    h->engine = sgl_engine_ref(session->engine);
    h->in_turn = session->in_turn;
    *ret = h;
    return SGL_OK;
}

sgl_status sgl_session_mark(sgl_session *session, sgl_mark *ret, sgl_error *err)
{
    struct error why;
    struct session_mark m;
    sgl_status st = flush(session, err);
    if (st != SGL_OK)
        return st;
    enum status in = session_mark(session->s, &m, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    memset(ret, 0, sizeof *ret);
    memcpy(ret, &m, sizeof m);
    ret->opaque[MARK_IN_TURN] = session->in_turn;
    return SGL_OK;
}

sgl_status sgl_session_rollback(sgl_session *session, const sgl_mark *mark, sgl_error *err)
{
    struct error why;
    struct session_mark m;
    memcpy(&m, mark, sizeof m);
    sgl_status st = flush(session, err);
    if (st != SGL_OK)
        return st;
    enum status in = session_rollback(session->s, &m, &why);
    if (in == ST_OK)
        session->in_turn = mark->opaque[MARK_IN_TURN] != 0;
    return api_error(in, &why, err);
}

uint32_t sgl_session_tokens(const sgl_session *session)
{
    flush((sgl_session *)(uintptr_t)session, NULL);
    return session_n_tok(session->s);
}
