/* stream.c - a value in pieces while it decodes (LANGUAGE.md 6.4).
 *
 *      ... text | (the value) | text behind it
 *               ^ node: its place in the transcript, filled when the value is whole
 *
 * A stream is open while its generation runs, and the program goes on: what it appends meanwhile
 * gathers behind the node.  For a text the pieces add up to the value; for any other type a piece
 * is the value so far (partial.c), given when it differs from the one before.  Under `mock` the
 * whole text is there at once and is handed out four bytes, begun, at a time. */
#include "runtime/vm/vm_int.h"

enum { MOCK_PIECE = 4 };

static void stream_destroy(struct obj *o)
{
    struct stream *s = (struct stream *)o;
    if (s->wait)
        planner_abandon(s->wait);
    value_unref(s->ctx);
    value_unref(s->value);
    value_unref(s->last);
    value_unref(s->thought);
    node_unref(s->node);
    plan_result_free(s->result);
    str_free(&s->text);
    waitlist_free(&s->waiters);
    image_unref(s->image);
    mem_free(s);
}

static struct stream *stream_new(struct task *t, const struct gen_site *site, struct value ctx)
{
    struct stream *s = mem_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_STREAM };
    s->hdr.destroy = stream_destroy;
    s->run = t->run;
    s->image = image_ref(t->top->image);
    s->site = site;
    s->ctx = value_ref(ctx);
    return s;
}

/* ---- what arrives ---- */

void stream_chunk(struct stream *s, struct slice text)
{
    str_add_slice(&s->text, text);
    wake_all(&s->waiters);
}

/* The value takes its place, and what was appended behind it counts its bytes. */
static enum status fill_place(struct stream *s, const struct plan_result *res)
{
    struct context *c = context_of(s->ctx);
    enum status st = gen_fill_node(s->node, res);
    if (st != ST_OK || !context_has(c, s->node))
        return st;
    for (struct node *n = c->tail; n != s->node; n = n->prev)
        n->total += res->text.len;
    if (c->session) {
        node_unref(c->sent);
        c->sent = node_ref(s->node);
    }
    if (!s->keeps_thought)
        think_cut(c, s->node, s->thought);
    return ST_OK;
}

static enum status take_result(struct stream *s, const struct plan_result *res, struct error *err)
{
    struct type_fault fault = { .need = BC_NO_INDEX };
    if (s->at_max == AT_MAX_BUDGET && gen_at_max(res)) {
        planner_forget(context_of(s->ctx));     /* the value is lost */
        return error_code(err, ST_FAILED, "R0701", "the token budget is spent");
    }
    str_cut(&s->text, 0);
    str_add_slice(&s->text, res->text);
    enum status st = s->text.failed ? ST_NOMEM : fill_place(s, res);
    if (st != ST_OK)
        return error_nomem(err);
    if (s->at_max == AT_MAX_TRUNCATED && gen_at_max(res))
        return error_code(err, ST_FAILED, "R0401", "the value is not complete after %u tokens",
                          res->n_token);
    st = type_read(s->image, s->site->rtype, res->text, &s->value, &fault);
    if (st == ST_OK)
        return ST_OK;
    if (fault.schema)
        return error_code(err, ST_FAILED, "R0405", "%s", fault.text);
    return error_code(err, ST_FAILED, "R0206", "the model's text cannot be read: %s", fault.text);
}

/* The generation is over; whoever reads the stream raises what went wrong. */
void stream_ended(struct stream *s, struct op_wait *w)
{
    s->ended = true;
    if (w->ev.kind == PLAN_FAILED) {
        s->failed = true;
        s->error = w->ev.error;
        if (!s->error.code[0])
            error_code(&s->error, s->error.status, "R0705", "%s", w->ev.error.text);
    } else {
        s->result = w->ev.result;
        w->ev.result = NULL;
        s->failed = take_result(s, s->result, &s->error) != ST_OK;
    }
    wake_all(&s->waiters);
}

/* ---- opening ---- */

static enum step stream_mock(struct task *t, struct insn in, const struct gen_site *site,
                             struct settings *mock)
{
    struct frame *f = t->top;
    struct context *c = context_of(f->reg[in.b]);
    enum step s = STEP_NEXT;
    if (f->stage == STAGE_BEGIN) {
        t->run->stats.n_gen++;
        s = settings_call(t);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_MOCK;
    }
    if (f->tmp[TMP_ANSWER].tag == VAL_NULL) {
        s = mock_answer(t, mock, site, c, &f->tmp[TMP_ANSWER]);
        if (s != STEP_NEXT)
            return s;
    }
    struct stream *st = stream_new(t, site, f->reg[in.b]);
    if (!st)
        return task_fail_status(t, ST_NOMEM);
    bool opened = false;
    s = mock_gen(t, site, f->tmp[TMP_ANSWER], &st->value, &st->text);
    if (s == STEP_NEXT)
        s = gen_open_turn(t, site, c, &opened);
    if (s == STEP_NEXT)
        s = gen_keep_text(t, c, str_slice(&st->text));
    if (s == STEP_NEXT)
        s = gen_close_turn(t, c, opened);
    st->ended = true;
    st->stepwise = true;
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    else
        value_unref(v);
    return s;
}

/* The place of the value, and the end of the turn that was opened for it. */
static enum status hold_place(struct stream *s, struct context *c, bool opened)
{
    struct node *n;
    enum status st = context_node(c, NODE_GEN, c->tail->role, &n);
    if (st != ST_OK)
        return st;
    s->node = node_ref(n);
    c->appends = true;
    return opened ? context_node(c, NODE_CLOSE, -1, NULL) : ST_OK;
}

enum step op_stream_open(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct context *c = context_of(f->reg[in.b]);
    struct settings *mock = mock_find(t);
    if (mock)
        return stream_mock(t, in, site, mock);
    enum step s = gen_begin(t, site, c);
    if (s == STEP_NEXT)
        s = think_step(t, site, c);
    if (s == STEP_NEXT)
        s = planner_session(t, c);
    if (s != STEP_NEXT)
        return s;
    struct stream *st = stream_new(t, site, f->reg[in.b]);
    if (!st)
        return task_fail_status(t, ST_NOMEM);
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    s = gen_submit(t, site, c, WAIT_STREAM, st);
    st->at_max = (uint8_t)f->stage_i;
    st->thought = value_ref(f->tmp[TMP_ANSWER]);
    st->keeps_thought = hole_keeps_thinking(t, site);
    if (s == STEP_WAIT)
        s = step_of(t, hold_place(st, c, f->tmp[TMP_CTX].b));
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    else
        value_unref(v);
    return s;
}

/* ---- reading ---- */

static bool streams_text(const struct module *m, const struct gen_site *site)
{
    if (!site->shape)
        return true;
    enum rtype_kind k = m->rtype[site->rtype].kind;
    return k == RT_STR || k == RT_REGEX_STR || k == RT_GRAMMAR;
}

static struct stream *stream_of(struct task *t, struct value v)
{
    if (v.tag == VAL_STREAM)
        return (struct stream *)v.obj;
    task_fail(t, "R0205", "not a stream");
    return NULL;
}

/* How far a reader at s->at may look now. */
static size_t next_end(const struct stream *s)
{
    size_t end = s->text.len;
    if (s->stepwise && s->at + MOCK_PIECE < end) {
        end = s->at + MOCK_PIECE;
        while (end < s->text.len && ((unsigned char)s->text.ptr[end] & 0xc0) == 0x80)
            end++;
    }
    return end;
}

/* ST_NOT_FOUND: no new piece in what is there. */
static enum status next_text(struct stream *s, struct value *ret)
{
    size_t end = next_end(s);
    if (end == s->at)
        return ST_NOT_FOUND;
    enum status st = value_str(slice_sub(str_slice(&s->text), s->at, end - s->at), ret);
    if (st == ST_OK)
        s->at = end;
    return st;
}

static enum status next_partial(struct stream *s, struct value *ret)
{
    bool last = false;
    while (!last && (s->at < s->text.len || (s->ended && !s->failed && !s->whole))) {
        s->at = next_end(s);
        last = s->at == s->text.len;
        s->whole = last && s->ended && !s->failed;
        struct value v;
        enum status st = partial_read(s->image, s->site->rtype,
                                      slice_sub(str_slice(&s->text), 0, s->at), s->whole, &v);
        if (st == ST_NOT_FOUND)
            continue;
        if (st != ST_OK)
            return st;
        if (s->has_last && value_eq(v, s->last)) {
            value_unref(v);
            continue;
        }
        s->has_last = true;
        value_set_take(&s->last, value_ref(v));
        *ret = v;
        return ST_OK;
    }
    return ST_NOT_FOUND;
}

enum step op_stream_next(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct stream *s = stream_of(t, f->reg[in.a]);
    struct value v;
    if (!s)
        return STEP_FAIL;
    enum status st = streams_text(s->image->module, s->site) ? next_text(s, &v)
                                                             : next_partial(s, &v);
    if (st == ST_OK) {
        value_set_take(&f->reg[in.b], v);
        f->pc++;
        return STEP_NEXT;
    }
    if (st != ST_NOT_FOUND)
        return task_fail_status(t, st);
    if (s->ended)           /* what follows jumps out */
        return s->failed ? task_fail_error(t, &s->error) : STEP_NEXT;
    wait_on(&s->waiters, t);
    return STEP_WAIT;
}

/* NEXT when the stream is over and has its value. */
static enum step stream_wait(struct task *t, struct stream *s)
{
    if (!s)
        return STEP_FAIL;
    if (s->ended)
        return s->failed ? task_fail_error(t, &s->error) : STEP_NEXT;
    wait_on(&s->waiters, t);
    return STEP_WAIT;
}

/* A loop begins: it sees every piece. */
void stream_rewind(struct stream *s)
{
    s->at = 0;
    s->whole = s->has_last = false;
    value_clear(&s->last);
}

enum step op_stream_value(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct stream *s = stream_of(t, f->reg[in.b]);
    enum step r = stream_wait(t, s);
    if (r == STEP_NEXT)
        r = settings_spent(t);
    if (r != STEP_NEXT)
        return r;
    if (!s->told)
        gen_tell(t, s->site, s->value);
    s->told = true;
    value_set_take(&f->reg[in.a], value_ref(s->value));
    return STEP_NEXT;
}

enum step op_stream_meta(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct stream *s = stream_of(t, f->reg[in.b]);
    struct value v;
    enum step r = stream_wait(t, s);
    if (r != STEP_NEXT)
        return r;
    struct meta_parts parts = { .res = s->result, .thinking = think_text(s->thought) };
    r = hole_meta(t, &parts, &v);
    if (r == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    return r;
}
