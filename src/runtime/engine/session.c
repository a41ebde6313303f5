/* session.c - contexts of the local engine: tokens here, pages with the scheduler.
 *
 * Everything but a plan is answered on the calling thread, from the tokens alone: a fork copies
 * them, a rollback cuts them, and the scheduler finds out what that means for pages when the next
 * plan comes. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/engine/local_int.h"
#include "runtime/engine/session.h"

enum { FORK_LOOSE = 4 };    /* tokens at the end that a fork leaves unsealed */

static struct local_session *of(struct session *s)
{
    return (struct local_session *)s;
}

static enum status refuse_busy(const struct local_session *s, struct error *err)
{
    if (!atomic_load(&s->busy))
        return ST_OK;
    return error_set(err, ST_STATE, "a plan is open on this context");
}

void session_unref_local(struct local_session *s)
{
    if (atomic_fetch_sub(&s->n_ref, 1) != 1)
        return;
    sched_drop(s->engine->sched, s->tl);
    mem_free(s);
}

static struct hash128 namespace_of(const struct local *e, const char *salt)
{
    struct {
        uint64_t model;
        uint64_t salt_len;
    } head = { e->model_hash, salt ? strlen(salt) : 0 };
    struct hash128 ns = hash128_bytes(&head, sizeof head);
    if (salt)
        ns = hash128_seeded(salt, head.salt_len, ns.lo ^ ns.hi);
    return ns;
}

static enum status make(struct local *e, struct hash128 ns, struct local_session **ret,
                        struct error *err)
{
    struct local_session *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    s->engine = e;
    s->tl = timeline_new(ns);
    if (!s->tl) {
        mem_free(s);
        return error_nomem(err);
    }
    atomic_init(&s->n_ref, 1);
    *ret = s;
    return ST_OK;
}

enum status local_session_new(struct engine *base, const struct session_opts *opts,
                              struct session **ret, struct error *err)
{
    static const enum timeline_pin pin[] = { [SESSION_UNPINNED] = PINNED_NOT,
                                             [SESSION_PINNED_SOFT] = PINNED_SOFT,
                                             [SESSION_PINNED_HARD] = PINNED_HARD };
    struct local *e = (struct local *)base;
    struct local_session *s;
    if (!e->sched)
        return error_set(err, ST_UNSUPPORTED, "the engine was opened for text only");
    enum status st = make(e, namespace_of(e, opts->salt), &s, err);
    if (st != ST_OK)
        return st;
    s->bare = opts->bare;
    s->tl->pinned = pin[opts->pin];
    s->tl->pin_ms = opts->pin_ms;
    *ret = &s->base;
    return ST_OK;
}

void local_session_drop(struct session *base, enum session_end end)
{
    static const enum timeline_end as[] = { [SESSION_KEEP] = TIMELINE_KEEP,
                                            [SESSION_LOW] = TIMELINE_LOW,
                                            [SESSION_DISCARD] = TIMELINE_DISCARD };
    struct local_session *s = of(base);
    s->tl->end = as[end];
    if (atomic_load(&s->busy))
        local_session_cancel(base);
    session_unref_local(s);
}

enum status local_session_fork(struct session *base, struct session **ret, struct error *err)
{
    struct local_session *from = of(base);
    struct local_session *s;
    enum status st = refuse_busy(from, err);
    if (st == ST_OK)
        st = make(from->engine, from->tl->ns, &s, err);
    if (st != ST_OK)
        return st;

    const struct token_list *tok = &from->tl->tok;
    for (uint32_t i = 0; i < tok->n; i++) {
        if (!token_list_push(&s->tl->tok, tok->id[i])) {
            session_unref_local(s);
            return error_nomem(err);
        }
    }
    if (tok->n > FORK_LOOSE && from->n_sealed < tok->n - FORK_LOOSE)
        from->n_sealed = tok->n - FORK_LOOSE;
    s->n_sealed = from->n_sealed;
    s->tl->n_given = tok->n;
    s->n_ahead = from->n_ahead;
    s->turn = from->turn;
    s->bare = from->bare;
    s->tl->n_forked = tok->n;
    atomic_store(&s->n_tok, tok->n);
    atomic_fetch_add(&s->engine->n_fork, 1);
    *ret = &s->base;
    return ST_OK;
}

static uint32_t pack_turn(struct turn_state t)
{
    return t.open | (uint32_t)t.started << 8 | (uint32_t)t.folded << 9;
}

static struct turn_state unpack_turn(uint32_t x)
{
    return (struct turn_state){ .open = (uint8_t)x, .started = x >> 8 & 1, .folded = x >> 9 & 1 };
}

/* A mark is a place in the bytes behind the seal, because their tokens may still change. */
enum status local_session_mark(struct session *base, struct session_mark *ret, struct error *err)
{
    struct local_session *s = of(base);
    enum status st = refuse_busy(s, err);
    if (st != ST_OK)
        return st;
    const struct token_list *tok = &s->tl->tok;
    uint32_t from = s->n_ahead && s->n_sealed >= tok->n ? tok->n - 1 : s->n_sealed;
    uint32_t n_byte = 0;
    for (uint32_t i = from; i < tok->n; i++)
        n_byte += (uint32_t)tokenizer_bytes(s->engine->tokenizer, tok->id[i]).len;
    *ret = (struct session_mark){ .n_tok = from, .n_tail = n_byte - s->n_ahead,
                                  .turn = pack_turn(s->turn) };
    return ST_OK;
}

enum status local_session_rollback(struct session *base, const struct session_mark *m,
                                   struct error *err)
{
    struct local_session *s = of(base);
    enum status st = refuse_busy(s, err);
    if (st != ST_OK)
        return st;
    struct token_list *tok = &s->tl->tok;
    if (m->n_tok > tok->n)
        return error_code(err, ST_INVALID, "R0504", "the mark lies behind the end of the context");

    struct str text = {0};
    for (uint32_t i = m->n_tok; i < tok->n && text.len < m->n_tail; i++)
        str_add_slice(&text, tokenizer_bytes(s->engine->tokenizer, tok->id[i]));
    if (text.failed || text.len < m->n_tail) {
        st = text.failed ? error_nomem(err)
                         : error_code(err, ST_INVALID, "R0504", "the mark is of another context");
        str_free(&text);
        return st;
    }
    tok->n = m->n_tok;
    s->n_sealed = m->n_tok;
    s->n_ahead = 0;
    s->turn = unpack_turn(m->turn);
    st = tokenizer_encode(s->engine->tokenizer, slice_sub(str_slice(&text), 0, m->n_tail),
                          ENCODE_DATA, false, tok, err);
    str_free(&text);
    atomic_store(&s->n_tok, tok->n);
    return st;
}

uint32_t local_session_n_tok(const struct session *base)
{
    return atomic_load(&((const struct local_session *)base)->n_tok);
}

static void fail_at_once(struct plan *p, const struct error *err)
{
    struct plan_event ev = { .kind = PLAN_FAILED, .user = p->user, .error = *err };
    p->sink(p->sink_ctx, &ev);
    plan_free(p);
}

enum status local_session_submit(struct session *base, struct plan *p, struct error *err)
{
    struct local_session *s = of(base);
    if (atomic_exchange(&s->busy, true)) {
        plan_free(p);
        return error_set(err, ST_STATE, "a plan is open on this context");
    }
    struct job *job = mem_zalloc(sizeof *job);
    enum status st = job ? ST_OK : ST_NOMEM;
    if (job) {
        request_init(&job->req, REQUEST_PREFILL, s->tl);
        job->s = s;
        job->plan = p;
        job->start_ns = clock_ns();
        atomic_store(&s->cancel, false);
        atomic_fetch_add(&s->n_ref, 1);
        st = pool_submit(s->engine->pool, prepare_job, job);
    }
    if (st == ST_OK)
        return ST_OK;
    struct error own;
    error_nomem(&own);
    if (job) {
        job_end(job, st, &own, NULL);
        return ST_OK;
    }
    atomic_store(&s->busy, false);
    fail_at_once(p, &own);
    return ST_OK;
}

void local_session_cancel(struct session *base)
{
    struct local_session *s = of(base);
    if (!atomic_load(&s->busy))
        return;
    atomic_store(&s->cancel, true);
    sched_poke(s->engine->sched, s->tl);
}
