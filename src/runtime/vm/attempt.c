/* attempt.c - attempts: a snapshot, a body that may fail, and the way back.
 *
 *      snapshot --- try 1 text --- feedback --- try 2 text
 *          ^                           ^             ^
 *        node                        start          tail
 *
 * On failure contexts and outer variables are put back and the body runs again.  With feedback
 * the failed try stays visible to the next one, followed by the reason; when a try passes, what
 * lies between the snapshot and its start is cut out, so the context reads as if it had been the
 * first. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

void attempt_free(struct attempt *a)
{
    for (uint32_t i = 0; i < a->n_saved; i++) {
        value_unref(a->saved[i].ctx);
        node_unref(a->saved[i].node);
        node_unref(a->saved[i].start);
        base_unref(a->saved[i].base);
    }
    for (uint32_t i = 0; a->restore && i < a->site->n_restore; i++)
        value_unref(a->restore[i]);
    value_unref(a->feedback);
    value_unref(a->error);
    mem_free(a->restore);
    mem_free(a->saved);
    mem_free(a);
}

static enum status save_ctx(struct attempt *a, struct value ctx)
{
    struct saved_ctx *s = array_push(&a->saved, &a->n_saved, &a->cap_saved, sizeof *s);
    if (!s)
        return ST_NOMEM;
    struct context *c = context_of(ctx);
    enum status st = context_snapshot(c, false, &s->base);
    if (st != ST_OK) {
        a->n_saved--;
        return st;
    }
    s->ctx = value_ref(ctx);
    s->node = node_ref(c->tail);
    s->start = node_ref(c->tail);
    return ST_OK;
}

/* `with c` inside attempts: each of them that has not seen c yet takes a snapshot of it. */
enum status attempt_enter_ctx(struct task *t, struct value ctx)
{
    for (uint32_t i = 0; i < t->n_handler; i++) {
        struct attempt *a = t->handler[i].attempt;
        bool known = !a;
        for (uint32_t k = 0; a && k < a->n_saved; k++)
            known = known || a->saved[k].ctx.obj == ctx.obj;
        enum status st = known ? ST_OK : save_ctx(a, ctx);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

static enum step attempt_make(struct task *t, const struct attempt_site *site, struct attempt *a)
{
    struct value *reg = t->top->reg;
    a->site = site;
    a->tries = 1;
    a->max = 1;
    a->key = t->top->key;
    a->own = t->shown ? t->shown->own : 0;
    a->below = t->shown ? t->shown->below : 0;
    for (uint32_t i = 0; i < site->n_arg; i++) {
        struct value v = reg[site->arg[i].reg];
        if (site->arg[i].kind == ARG_TIMES) {
            if (v.tag != VAL_INT || v.i < 1 || v.i > 1000000)
                return task_fail(t, "R0404", "attempt wants a number of tries above 0");
            a->max = (uint32_t)v.i;
        } else if (site->arg[i].kind == ARG_FEEDBACK) {
            value_set_take(&a->feedback, value_ref(v));
        }
    }
    a->restore = mem_calloc(site->n_restore + 1u, sizeof *a->restore);
    if (!a->restore)
        return task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < site->n_restore; i++)
        a->restore[i] = value_ref(reg[site->restore[i]]);
    if (site->ctx != BC_NONE && reg[site->ctx].tag == VAL_CONTEXT)
        return step_of(t, save_ctx(a, reg[site->ctx]));
    return STEP_NEXT;
}

enum step op_attempt_enter(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct attempt_site *site = &f->image->module->attempt[in.a];
    if (site->ctx != BC_NONE && f->reg[site->ctx].tag == VAL_CONTEXT &&
        context_of(f->reg[site->ctx])->busy) {
        wait_on(&context_of(f->reg[site->ctx])->idle, t);
        return STEP_WAIT;
    }
    struct attempt *a = mem_zalloc(sizeof *a);
    if (!a)
        return task_fail_status(t, ST_NOMEM);
    enum step s = attempt_make(t, site, a);
    struct handler h = { .kind = HANDLER_ATTEMPT, .pc = f->pc + 1, .attempt = a };
    if (s == STEP_NEXT && !handler_push(t, &h))
        s = task_fail_status(t, ST_NOMEM);
    if (s != STEP_NEXT) {
        attempt_free(a);
        return s;
    }
    f->key = rng_key_step(a->key, KEY_ATTEMPT, site->ordinal);
    return STEP_NEXT;
}

/* What lies between the snapshot and the try that passed goes out of the transcript. */
static void cut_feedback(struct saved_ctx *s)
{
    struct context *c = context_of(s->ctx);
    if (s->start == s->node)
        return;
    struct node *tail = node_ref(c->tail);
    if (tail == s->start) {
        context_restore(c, s->node, s->base);
    } else {
        struct node *first = tail;
        while (first->prev && first->prev != s->start)
            first = first->prev;
        if (first->prev) {
            node_ref(s->node);
            node_unref(first->prev);
            first->prev = s->node;
            context_restore(c, tail, NULL);
        }
    }
    node_unref(tail);
}

/* An attempt around handler number `n`, in this task or in one that forked it. */
static bool inside_attempt(const struct task *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (t->handler[i].attempt)
            return true;
    const struct branches *s = t->set;
    return s && (s->try_all || (s->parent && inside_attempt(s->parent, s->parent->n_handler)));
}

enum step op_attempt_commit(struct task *t)
{
    struct handler *h = t->n_handler > t->top->n_handler ? &t->handler[t->n_handler - 1] : NULL;
    if (!h || !h->attempt)
        return task_fail(t, "R0705", "an attempt ends that was never entered");
    struct attempt *a = h->attempt;
    for (uint32_t i = 0; i < a->n_saved; i++)
        cut_feedback(&a->saved[i]);
    if (!inside_attempt(t, t->n_handler - 1))
        shown_commit(t, a->own, a->below);
    handler_pop(t);
    return STEP_NEXT;
}

/* ---- failing ---- */

enum step attempt_idle(struct task *t, const struct handler *h)
{
    for (uint32_t i = 0; i < h->attempt->n_saved; i++) {
        struct context *c = context_of(h->attempt->saved[i].ctx);
        if (!c->busy)
            continue;
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    return STEP_NEXT;
}

bool attempt_may_retry(struct value e)
{
    struct slice k = error_kind(e);
    return slice_is(k, "Require") || slice_is(k, "Parse") || slice_is(k, "Truncated");
}

static void put_back(struct task *t, struct attempt *a, bool keep_text)
{
    for (uint32_t i = 0; i < a->n_saved; i++) {
        struct saved_ctx *s = &a->saved[i];
        if (!keep_text || i)
            context_restore(context_of(s->ctx), s->node, s->base);
    }
    for (uint32_t i = 0; i < a->site->n_restore; i++)
        value_set_take(&t->top->reg[a->site->restore[i]], value_ref(a->restore[i]));
}

static struct slice message_of(struct value e)
{
    struct value v;
    return value_field_find(e, SLICE("message"), &v) ? value_text(v) : SLICE("");
}

/* The failed try, then the reason: as a turn of the user, or as a line of raw text. */
static enum status add_feedback(struct attempt *a, struct slice chat, struct slice raw)
{
    struct saved_ctx *s = &a->saved[0];
    struct context *c = context_of(s->ctx);
    enum status st = ST_OK;
    if (c->busy)
        return ST_STATE;
    bool inside = s->node->role >= 0;
    if (c->tail->role >= 0 && !inside)
        st = context_node(c, NODE_CLOSE, -1, NULL);
    if (c->tail->mode == MODE_CHAT && !inside) {
        if (st == ST_OK)
            st = context_node(c, NODE_OPEN, PLAN_USER, NULL);
        if (st == ST_OK)
            st = context_text(c, chat);
        if (st == ST_OK)
            st = context_node(c, NODE_CLOSE, -1, NULL);
    } else if (st == ST_OK) {
        st = context_text(c, raw);
    }
    if (st == ST_OK) {
        node_unref(s->start);
        s->start = node_ref(c->tail);
    }
    return st;
}

static enum step again(struct task *t, struct handler *h)
{
    struct attempt *a = h->attempt;
    t->top->key = rng_key_step(rng_key_step(a->key, KEY_ATTEMPT, a->site->ordinal),
                               KEY_ATTEMPT, a->tries);
    t->top->pc = h->pc;
    return STEP_AGAIN;
}

static enum step default_feedback(struct task *t, struct handler *h, struct slice reason)
{
    struct str chat = { 0 }, raw = { 0 };
    str_addf(&chat, "That answer is not acceptable: %.*s\nAnswer again.", (int)reason.len,
             reason.ptr);
    str_addf(&raw, "\n[not acceptable: %.*s]\n", (int)reason.len, reason.ptr);
    enum status st = add_feedback(h->attempt, str_slice(&chat), str_slice(&raw));
    str_free(&chat);
    str_free(&raw);
    return st == ST_OK ? again(t, h) : task_fail_status(t, st);
}

/* A function has worded the feedback of the innermost attempt. */
enum step attempt_feedback(struct task *t, struct value text)
{
    struct handler *h = &t->handler[t->n_handler - 1];
    if (!h->attempt)
        return task_fail(t, "R0705", "feedback without an attempt");
    struct str raw = { 0 };
    str_addf(&raw, "\n%.*s\n", (int)value_text(text).len, value_text(text).ptr);
    enum status st = add_feedback(h->attempt, value_text(text), str_slice(&raw));
    str_free(&raw);
    return st == ST_OK ? again(t, h) : task_fail_status(t, st);
}

void attempt_tell_tries(struct task *t, uint32_t n)
{
    struct slice code = error_code_of(t->error);
    if (!slice_is(code, "R0304"))
        return;
    struct str text = { 0 };
    struct value v;
    str_addf(&text, "require failed after %u attempt%s: %.*s", n, n == 1 ? "" : "s",
             (int)message_of(t->error).len, message_of(t->error).ptr);
    if (value_str(str_slice(&text), &v) == ST_OK)
        value_struct_put_take(&t->error, 2, v);
    str_free(&text);
}

/* FAIL: the error goes on outwards.  AGAIN: the body runs once more, t->error is taken. */
enum step attempt_failed(struct task *t, struct handler *h)
{
    struct attempt *a = h->attempt;
    if (!attempt_may_retry(t->error))
        return STEP_FAIL;
    shown_rollback(t, a->own, a->below);
    if (a->tries >= a->max) {
        put_back(t, a, false);
        attempt_tell_tries(t, a->tries);
        return STEP_FAIL;
    }
    a->tries++;
    struct value e = t->error;
    t->error = value_null();
    bool feedback = (a->feedback.tag == VAL_BOOL && a->feedback.b) || a->feedback.tag == VAL_FN;
    feedback = feedback && a->n_saved;
    put_back(t, a, feedback);
    enum step s;
    if (!feedback) {
        s = again(t, h);
    } else if (a->feedback.tag == VAL_FN) {
        struct value reason;
        s = step_of(t, value_str(message_of(e), &reason));
        if (s == STEP_NEXT) {
            s = call_value(t, a->feedback, &reason, 1, THEN_FEEDBACK, 0);
            value_unref(reason);
        }
    } else {
        s = default_feedback(t, h, message_of(e));
    }
    value_unref(e);
    return s;
}
