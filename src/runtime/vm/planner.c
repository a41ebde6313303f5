/* planner.c - from a context's transcript to plans, and from the engine's answers back.
 *
 * Appending costs nothing here: nodes gather until something needs the model, and then everything
 * that the session has not read goes out as one plan with the hole at its end.  A base (the state
 * at a fork) is read by a plan of its own, once, before the first session is taken from it; a
 * base with a single user needs none, its session is simply taken over. */
#include "runtime/vm/vm_int.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"

/* ---- operations of a plan ---- */

struct ops {
    struct plan *plan;
    struct str   text;          /* not written yet */
    size_t       skip;          /* bytes of the next text that tokens already hold */
    bool         ids;           /* the engine takes token ids */
};

static void ops_flush(struct ops *o, size_t hold_back)
{
    size_t n = o->text.len > hold_back ? o->text.len - hold_back : 0;
    if (n)
        plan_text(o->plan, PLAN_TEXT, (struct slice){ o->text.ptr, n });
    str_cut(&o->text, 0);
}

static void ops_text(struct ops *o, struct slice text)
{
    size_t skip = o->skip < text.len ? o->skip : text.len;
    o->skip -= skip;
    str_add(&o->text, text.ptr + skip, text.len - skip);
}

/* Whether the texts behind node i begin with what its last token spells already. */
static bool follows_ahead(const struct node **list, uint32_t n, uint32_t i)
{
    struct slice want = str_slice(&list[i]->ahead);
    for (i++; want.len && i < n && list[i]->kind == NODE_TEXT; i++) {
        struct slice text = str_slice(&list[i]->text);
        size_t k = text.len < want.len ? text.len : want.len;
        if (k && memcmp(text.ptr, want.ptr, k) != 0)
            return false;
        want = slice_sub(want, k, want.len - k);
    }
    return !want.len;
}

/* Tokens may begin inside the prompt (healing) and end inside what follows, or before the end.  A
 * last token that goes on otherwise than the transcript is cut: its own bytes become text. */
static void ops_gen(struct ops *o, const struct node **list, uint32_t n, uint32_t at)
{
    const struct node *x = list[at];
    if (!x->n_id || !o->ids || o->text.len < x->head) {     /* its beginning was sent already */
        ops_text(o, str_slice(&x->text));
        return;
    }
    bool whole = follows_ahead(list, n, at);
    uint32_t cover = whole ? x->cover : x->cover - x->last;
    ops_flush(o, x->head);
    plan_tokens(o->plan, x->id, whole ? x->n_id : x->n_id - 1);
    if (whole)
        o->skip = x->ahead.len;
    if (cover < x->text.len)
        ops_text(o, slice_sub(str_slice(&x->text), cover, x->text.len - cover));
}

bool planner_ops(struct plan *p, bool ids, const struct node *from, const struct node *to)
{
    const struct node **list;
    uint32_t n = node_list(to, from, &list);
    struct ops o = { .plan = p, .ids = ids };
    if (!list)
        return false;
    for (uint32_t i = 0; i < n; i++) {
        const struct node *x = list[i];
        switch ((enum node_kind)x->kind) {
        case NODE_ROOT:
            break;
        case NODE_TEXT:
            ops_text(&o, str_slice(&x->text));
            break;
        case NODE_GEN:
            ops_gen(&o, list, n, i);
            break;
        case NODE_CONTROL:
            ops_flush(&o, 0);
            plan_text(p, PLAN_CONTROL, str_slice(&x->text));
            break;
        case NODE_MARKUP:
            ops_flush(&o, 0);
            plan_text(p, PLAN_MARKUP, str_slice(&x->text));
            o.skip = 0;
            break;
        case NODE_OPEN:
            ops_flush(&o, 0);
            plan_turn(p, PLAN_TURN_OPEN, (enum plan_role)x->role);
            o.skip = 0;
            break;
        case NODE_CLOSE:
            ops_flush(&o, 0);
            plan_turn(p, PLAN_TURN_CLOSE, PLAN_USER);
            o.skip = 0;
            break;
        case NODE_SEAL:
            ops_flush(&o, 0);
            plan_seal(p);
            break;
        }
    }
    ops_flush(&o, 0);
    bool ok = !o.text.failed && plan_ok(p);
    str_free(&o.text);
    mem_free(list);
    return ok;
}

/* ---- events of the engine ---- */

/* On a thread of the engine: hands over and returns. */
static void sink(void *ctx, struct plan_event *ev)
{
    struct vm *vm = ctx;
    struct op_wait *w = ev->user;
    if (ev->kind == PLAN_CHUNK) {
        struct chunk_post *c = mem_alloc(sizeof *c + ev->chunk.len);
        if (!c)
            return;         /* the whole text comes with the result */
        c->post.kind = POST_CHUNK;
        c->wait = w;
        c->len = ev->chunk.len;
        memcpy(c->byte, ev->chunk.ptr, c->len);
        vm_post(vm, &c->post);
        return;
    }
    w->ev = *ev;
    vm_post(vm, &w->post);
}

static void count_result(struct run *r, const struct plan_result *res)
{
    if (!res)
        return;
    r->stats.prompt_tokens += res->n_prompt;
    r->stats.cached_tokens += res->n_cached;
    r->stats.generated_tokens += res->n_generated;
    r->stats.forced_tokens += res->n_forced;
    r->stats.charged_tokens += res->n_charged;
    r->stats.prefill_ms += res->prefill_ms;
    r->stats.decode_ms += res->decode_ms;
    if (r->stats.first_plan_ttft_ms == 0)
        r->stats.first_plan_ttft_ms = res->ttft_ms;
    if (r->stats.ttft_ms == 0 && res->n_generated)
        r->stats.ttft_ms = (double)(clock_ns() - r->start_ns) / 1e6 - res->decode_ms;
}

static void wait_free(struct op_wait *w)
{
    plan_result_free(w->ev.result);
    if (w->ctx)
        value_unref((struct value){ .tag = VAL_CONTEXT, .obj = &w->ctx->hdr.hdr });
    base_unref(w->base);
    shown_unref(w->shown);
    settings_unref(w->settings);
    mem_free(w);
}

static void base_answer(struct op_wait *w)
{
    struct ctx_base *b = w->base;
    b->flying = false;
    if (w->ev.kind == PLAN_FAILED) {
        b->failed = true;
        b->error = w->ev.error;
    } else {
        node_unref(b->sent);
        b->sent = node_ref(b->node);
        if (w->ev.result)
            b->n_tok = w->ev.result->n_tok;
    }
    wake_all(&b->waiters);
    wait_free(w);
}

/* The context is read again when it is next used. */
void planner_forget(struct context *c)
{
    session_drop(c->session);
    c->session = NULL;
    node_unref(c->sent);
    c->sent = NULL;
}

void planner_answer(struct op_wait *w)
{
    struct run *r = w->run;
    r->n_wait--;
    count_result(r, w->ev.result);
    if (w->ev.result)
        settings_spend(w->settings, w->ev.result->n_charged);
    if (w->kind == WAIT_BASE) {
        base_answer(w);
        return;
    }
    r->n_hole--;
    w->ctx->busy = false;
    w->ctx->appends = false;
    if (w->ev.result)
        w->ctx->n_tok = w->ev.result->n_tok;
    if (w->ev.kind == PLAN_FAILED)
        planner_forget(w->ctx);         /* what the session has read now is not known */
    w->done = true;
    if (w->stream) {
        struct stream *s = w->stream;
        stream_ended(s, w);
        s->wait = NULL;
        wake_all(&w->ctx->idle);
        wait_free(w);
        return;
    }
    if (w->task) {
        task_ready(w->task);
        wake_all(&w->ctx->idle);
        return;
    }
    wake_all(&w->ctx->idle);
    wait_free(w);
}

/* Nobody wants the answer any more.  In flight it is cancelled and freed when it comes. */
void planner_abandon(struct op_wait *w)
{
    w->task = NULL;
    w->stream = NULL;
    if (w->done) {
        wait_free(w);
        return;
    }
    if (w->ctx && w->ctx->session)
        session_cancel(w->ctx->session);
}

/* ---- sessions ---- */

static enum step fail_status(struct task *t, enum status st, struct error *err)
{
    if (!err->text[0])
        error_set(err, st, "%s", status_text(st));
    return task_fail_error(t, err);
}

static bool takes_ids(const struct run *r)
{
    return engine_info(r->engine)->can_tokens;
}

static bool base_ready(const struct ctx_base *b)
{
    return b->session && b->sent == b->node && !b->flying;
}

static bool only_spaces(const struct node *tail, const struct node *from)
{
    for (const struct node *x = tail; x && x != from; x = x->prev)
        if (x->kind != NODE_ROOT && x->kind != NODE_SEAL)
            return false;
    return true;
}

/* Brings a base one step nearer to being ready. */
static enum step base_step(struct task *t, struct ctx_base *b)
{
    struct error err = { 0 };
    while (!b->session && b->from && !base_ready(b->from))
        b = b->from;
    if (b->failed)
        return task_fail_error(t, &b->error);
    if (b->flying) {
        wait_on(&b->waiters, t);
        return STEP_WAIT;
    }
    if (!b->session) {
        struct session_opts opts = { 0 };
        enum status st;
        if (b->from)
            st = session_fork(b->from->session, &b->session, &err);
        else
            st = session_new(t->run->engine, &opts, &b->session, &err);
        if (st != ST_OK)
            return fail_status(t, st, &err);
        node_unref(b->sent);
        b->sent = b->from ? node_ref(b->from->node) : NULL;
        b->n_tok = b->from ? b->from->n_tok : 0;
        base_unref(b->from);
        b->from = NULL;
    }
    if (only_spaces(b->node, b->sent)) {
        node_unref(b->sent);
        b->sent = node_ref(b->node);
        return STEP_AGAIN;
    }
    struct plan *p = plan_new();
    struct op_wait *w = mem_zalloc(sizeof *w);
    if (!p || !w || !planner_ops(p, takes_ids(t->run), b->sent, b->node)) {
        if (p)
            plan_free(p);
        mem_free(w);
        return task_fail_status(t, ST_NOMEM);
    }
    w->post.kind = POST_PLAN;
    w->run = t->run;
    w->kind = WAIT_BASE;
    w->base = base_ref(b);
    w->settings = settings_ref(b->settings ? b->settings : t->settings);
    p->prefill = true;
    p->sink = sink;
    p->sink_ctx = t->run->vm;
    p->user = w;
    b->flying = true;
    t->run->n_wait++;
    enum status st = session_submit(b->session, p, &err);
    if (st != ST_OK) {
        t->run->n_wait--;
        b->flying = false;
        wait_free(w);
        return fail_status(t, st, &err);
    }
    wait_on(&b->waiters, t);
    return STEP_WAIT;
}

static enum step take_session(struct task *t, struct context *c)
{
    struct error err = { 0 };
    struct ctx_base *b = c->base;
    enum status st = ST_OK;
    if (b->refs == 1) {
        c->session = b->session;
        b->session = NULL;
    } else {
        st = session_fork(b->session, &c->session, &err);
    }
    if (st != ST_OK)
        return fail_status(t, st, &err);
    c->sent = node_ref(b->node);
    c->base = NULL;
    c->n_shared = b->n_tok;
    if (c->n_tok < b->n_tok)
        c->n_tok = b->n_tok;
    base_unref(b);
    return STEP_NEXT;
}

enum step planner_session(struct task *t, struct context *c)
{
    struct run *r = t->run;
    struct error err = { 0 };
    if (c->busy) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    if (!r->engine) {
        r->stats.no_model = true;
        return task_fail(t, "R0103", "this program needs a model, and none is loaded");
    }
    while (!c->session && c->base) {
        struct ctx_base *b = c->base;
        if (b->failed)
            return task_fail_error(t, &b->error);
        if (base_ready(b))
            return take_session(t, c);
        if (b->refs == 1 && !b->flying) {   /* ours alone: what it has not read goes with our plan */
            c->session = b->session;
            c->sent = b->sent;
            c->base = b->from;
            b->session = NULL;
            b->sent = NULL;
            b->from = NULL;
            base_unref(b);
            continue;
        }
        enum step s = base_step(t, b);
        if (s != STEP_AGAIN)
            return s;
    }
    if (c->session)
        return STEP_NEXT;
    struct session_opts opts = { 0 };
    enum status st = session_new(r->engine, &opts, &c->session, &err);
    return st == ST_OK ? STEP_NEXT : fail_status(t, st, &err);
}

/* Takes the plan.  Everything not yet read becomes its operations. */
enum step planner_submit(struct task *t, struct context *c, struct plan *p, enum wait_kind kind,
                         struct stream *s, const struct gen_site *site)
{
    struct run *r = t->run;
    struct error err = { 0 };
    struct op_wait *w = mem_zalloc(sizeof *w);
    if (!w || !planner_ops(p, takes_ids(r), c->sent, c->tail)) {
        plan_free(p);
        mem_free(w);
        return task_fail_status(t, ST_NOMEM);
    }
    w->post.kind = POST_PLAN;
    w->run = r;
    w->kind = kind;
    w->ctx = c;
    value_ref((struct value){ .tag = VAL_CONTEXT, .obj = &c->hdr.hdr });
    w->task = kind == WAIT_GEN ? t : NULL;
    w->stream = s;
    w->live = r->opts.chunks;
    w->shown = w->live ? task_shown(t) : NULL;
    w->settings = settings_ref(t->settings);
    w->name = site ? site->name : SLICE("");
    w->branch = task_branch(t);
    p->sink = sink;
    p->sink_ctx = r->vm;
    p->user = w;
    p->deadline_ms = settings_deadline(t->settings);
    if (kind == WAIT_GEN)
        t->wait = w;
    else
        s->wait = w;
    c->busy = true;
    node_unref(c->sent);
    c->sent = node_ref(c->tail);
    r->n_wait++;
    r->n_hole++;
    if (r->n_hole > r->stats.n_at_once)
        r->stats.n_at_once = r->n_hole;
    t->steps = 0;
    enum status st = session_submit(c->session, p, &err);
    if (st == ST_OK)
        return STEP_WAIT;
    r->n_wait--;
    r->n_hole--;
    c->busy = false;
    t->wait = NULL;
    if (s)
        s->wait = NULL;
    wait_free(w);
    return fail_status(t, st, &err);
}
