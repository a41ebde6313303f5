/* stream.c - a value in pieces while it decodes. */
#include "runtime/vm/vm_int.h"

/* ---- streams (LANGUAGE.md 6.4) ---- */

static void stream_destroy(struct obj *o)
{
    struct stream *s = (struct stream *)o;
    if (s->wait)
        planner_abandon(s->wait);
    value_unref(s->ctx);
    value_unref(s->value);
    value_unref(s->meta);
    value_unref(s->error);
    str_free(&s->piece);
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

void stream_chunk(struct stream *s, struct slice text)
{
    str_add_slice(&s->piece, text);
    s->given += text.len;
    wake_all(&s->waiters);
}

/* The generation is over: the rest of its text becomes the last piece. */
void stream_ended(struct stream *s, struct op_wait *w)
{
    s->ended = true;
    const struct plan_result *res = w->ev.result;
    if (w->ev.kind == PLAN_DONE) {
        struct task *m = s->run->main;      /* whoever reads raises what goes wrong here */
        if (res->text.len > s->given)
            str_add(&s->piece, res->text.ptr + s->given, res->text.len - s->given);
        if (m && gen_keep_result(m, context_of(s->ctx), res) == STEP_NEXT)
            gen_close_turn(m, context_of(s->ctx), s->closes_turn);
        struct type_fault fault = { .need = BC_NO_INDEX };
        if (type_read(s->image, s->site->rtype, res->text, &s->value, &fault) != ST_OK)
            w->ev.kind = PLAN_FAILED;
    }
    if (w->ev.kind == PLAN_FAILED && s->run->main) {
        struct error *e = &w->ev.error;
        const char *code = e->code[0] ? e->code : "R0705";
        error_value(s->run->main, code, slice_of(kind_of_code(code)), slice_of(e->text),
                    value_null(), &s->error);
    }
    wake_all(&s->waiters);
}

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
    s = mock_gen(t, site, f->tmp[TMP_ANSWER], &st->value, &st->piece);
    if (s == STEP_NEXT)
        s = gen_open_turn(t, site, c, &opened);
    if (s == STEP_NEXT)
        s = gen_keep_text(t, c, str_slice(&st->piece));
    if (s == STEP_NEXT)
        s = gen_close_turn(t, c, opened);
    st->ended = true;
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    if (s == STEP_NEXT)
        value_set_take(&f->reg[in.a], v);
    else
        value_unref(v);
    return s;
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
    if (s != STEP_NEXT)
        return s;
    s = planner_session(t, c);
    if (s != STEP_NEXT)
        return s;
    struct stream *st = stream_new(t, site, f->reg[in.b]);
    if (!st)
        return task_fail_status(t, ST_NOMEM);
    st->closes_turn = f->tmp[TMP_CTX].b;
    struct value v = { .tag = VAL_STREAM, .obj = &st->hdr.hdr };
    s = gen_submit(t, site, c, WAIT_STREAM, st);
    if (s != STEP_WAIT) {
        value_unref(v);
        return s;
    }
    value_set_take(&f->reg[in.a], v);
    return STEP_NEXT;
}

static bool streams_text(const struct module *m, const struct gen_site *site)
{
    if (!site->shape)
        return true;
    enum rtype_kind k = m->rtype[site->rtype].kind;
    return k == RT_STR || k == RT_REGEX_STR || k == RT_GRAMMAR;
}

enum step op_stream_next(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    if (f->reg[in.a].tag != VAL_STREAM)
        return task_fail(t, "R0205", "not a stream");
    struct stream *s = (struct stream *)f->reg[in.a].obj;
    if (s->error.tag == VAL_ERROR)
        return task_raise(t, value_ref(s->error));
    bool text = streams_text(s->image->module, s->site);
    bool piece = s->piece.len && (text || s->ended);
    if (!piece && !s->ended) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (!piece)
        return STEP_NEXT;           /* the end: what follows jumps out */
    struct value v = value_ref(s->value);
    if (text) {
        value_unref(v);
        enum status st = value_str(str_slice(&s->piece), &v);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    str_cut(&s->piece, 0);
    value_set_take(&f->reg[in.b], v);
    f->pc++;
    return STEP_NEXT;
}

enum step op_stream_value(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    if (f->reg[in.b].tag != VAL_STREAM)
        return task_fail(t, "R0205", "not a stream");
    struct stream *s = (struct stream *)f->reg[in.b].obj;
    if (!s->ended) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (s->error.tag == VAL_ERROR)
        return task_raise(t, value_ref(s->error));
    value_set_take(&f->reg[in.a], value_ref(s->value));
    return STEP_NEXT;
}
