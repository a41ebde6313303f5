/* generate.c - gen, select and score: a hole to a plan, its result to a value and the transcript.
 *
 * Each operation is entered several times: it opens the turn, waits for a session, hands out the
 * plan, and takes the answer; frame->stage says which of these is next.  Under `mock` no engine
 * is asked and all of it happens at once. */
#include "runtime/vm/vm_int.h"

#include <string.h>

/* ---- what a result leaves in the transcript ---- */

/* The last token may go on behind the value: with the text that the program appends next. */
static void note_last(struct node *n, const struct plan_result *res)
{
    uint32_t bytes = (uint32_t)res->token_text.len - n->head;
    const struct plan_token *last = &res->token[res->n_token - 1];
    uint32_t own = last->text_len - (res->n_token == 1 ? n->head : 0);
    uint32_t ahead = bytes > n->text.len ? bytes - (uint32_t)n->text.len : 0;
    n->cover = bytes - ahead;
    n->last = own > ahead ? own - ahead : 0;
    str_add(&n->ahead, res->token_text.ptr + res->token_text.len - ahead, ahead);
}

enum status gen_fill_node(struct node *n, const struct plan_result *res)
{
    str_add_slice(&n->text, res->text);
    n->total += res->text.len;
    n->head = res->n_value_head;
    n->cover = (uint32_t)res->text.len;
    if (res->n_token) {
        n->id = mem_calloc(res->n_token, sizeof *n->id);
        if (!n->id)
            return ST_NOMEM;
        for (uint32_t i = 0; i < res->n_token; i++)
            n->id[i] = res->token[i].id;
        n->n_id = res->n_token;
        note_last(n, res);
    }
    return n->text.failed || n->ahead.failed ? ST_NOMEM : ST_OK;
}

enum step gen_keep_result(struct task *t, struct context *c, const struct plan_result *res)
{
    struct node *n;
    enum status st = context_node(c, NODE_GEN, c->tail->role, &n);
    if (st == ST_OK)
        st = gen_fill_node(n, res);
    if (st != ST_OK)
        return task_fail_status(t, st);
    node_unref(c->sent);
    c->sent = node_ref(n);
    return STEP_NEXT;
}

enum step gen_keep_text(struct task *t, struct context *c, struct slice text)
{
    struct node *n;
    enum status st = context_node(c, NODE_GEN, c->tail->role, &n);
    if (st != ST_OK)
        return task_fail_status(t, st);
    str_add_slice(&n->text, text);
    n->total += text.len;
    c->n_tok = (uint32_t)((n->total + 3) / 4);
    return settings_charge(t, (text.len + 3) / 4);
}

/* The plan of this operation has been answered. */
enum step wait_failed(struct task *t, struct op_wait *w)
{
    struct error *e = &w->ev.error;
    enum step s = settings_spent(t);
    if (s != STEP_NEXT)
        return s;
    if (e->status == ST_TIMEOUT)
        return task_fail(t, "R0702", "the time budget is spent");
    return task_fail_error(t, e);
}

void wait_drop(struct task *t)
{
    struct op_wait *w = t->wait;
    t->wait = NULL;
    if (w)
        planner_abandon(w);
}

/* ---- gen ---- */

enum step gen_open_turn(struct task *t, const struct gen_site *site, struct context *c,
                           bool *ret_opened)
{
    *ret_opened = site->opens_turn && c->tail->mode == MODE_CHAT && c->tail->role < 0;
    if (!*ret_opened)
        return STEP_NEXT;
    return step_of(t, context_node(c, NODE_OPEN, PLAN_ASSISTANT, NULL));
}

enum step gen_close_turn(struct task *t, struct context *c, bool opened)
{
    return opened ? step_of(t, context_node(c, NODE_CLOSE, -1, NULL)) : STEP_NEXT;
}

void gen_tell(struct task *t, const struct gen_site *site, struct value v)
{
    if (!t->run->opts.names || !site->name.len)
        return;
    struct run_event ev = { .kind = RUN_VALUE, .branch = task_branch(t) };
    ev.owned = mem_strndup(site->name.ptr, site->name.len);
    ev.name = (struct slice){ ev.owned, ev.owned ? site->name.len : 0 };
    if (value_detach(v, &ev.value) == ST_OK)
        run_emit(t->run, &ev);
    else
        mem_free(ev.owned);
}

static enum step give(struct task *t, struct insn in, const struct gen_site *site, struct value v,
                      const struct meta_parts *parts)
{
    struct frame *f = t->top;
    if (site->meta != BC_NONE) {
        struct value meta;
        enum step s = hole_meta(t, parts, &meta);
        if (s != STEP_NEXT) {
            value_unref(v);
            return s;
        }
        value_set_take(&f->reg[site->meta], meta);
    }
    gen_tell(t, site, v);
    value_set_take(&f->reg[in.a], v);
    return STEP_NEXT;
}

static enum step gen_mock(struct task *t, struct insn in, const struct gen_site *site,
                          struct settings *mock, struct value ctx)
{
    struct frame *f = t->top;
    struct context *c = context_of(ctx);
    enum step s;
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
    struct value v;
    struct str text = { 0 };
    bool opened = false;
    s = mock_gen(t, site, f->tmp[TMP_ANSWER], &v, &text);
    if (s == STEP_NEXT) {
        s = gen_open_turn(t, site, c, &opened);
        if (s == STEP_NEXT)
            s = gen_keep_text(t, c, str_slice(&text));
        if (s == STEP_NEXT)
            s = gen_close_turn(t, c, opened);
        struct meta_parts parts = { .probs = value_null() };
        if (s == STEP_NEXT)
            s = give(t, in, site, v, &parts);
        else
            value_unref(v);
    }
    str_free(&text);
    return s;
}

enum step gen_submit(struct task *t, const struct gen_site *site, struct context *c,
                            enum wait_kind kind, struct stream *stream)
{
    struct plan *p = plan_new();
    if (!p)
        return task_fail_status(t, ST_NOMEM);
    struct value thought = t->top->tmp[TMP_ANSWER];
    hole_init(&p->hole, HOLE_GEN);
    p->hole.key = think_key(t, site);
    enum step s = hole_fill(t, site, &p->hole, &p->arena);
    if (s != STEP_NEXT) {
        plan_free(p);
        return s;
    }
    p->hole.first_index = think_draws(thought);
    p->hole.heal = p->hole.heal && thought.tag != VAL_TUPLE;    /* the closing text stays whole */
    if (t->top->tmp[TMP_CTX].b)         /* the turn that was opened for it ends behind it */
        p->hole.next = NEXT_TURN_END;
    p->hole.stream = kind == WAIT_STREAM || t->run->opts.chunks;
    uint64_t left = settings_tokens_left(t);
    t->top->stage_i = p->hole.strict ? AT_MAX_TRUNCATED : 0;
    p->hole.cut = p->hole.strict;       /* what was written stays, and then it raises */
    if (left < p->hole.max) {
        p->hole.max = left ? (uint32_t)left : 1;
        if (p->hole.min > p->hole.max)
            p->hole.min = p->hole.max;
        p->hole.cut = true;
        p->hole.strict = false;
        t->top->stage_i = AT_MAX_BUDGET;
    }
    return planner_submit(t, c, p, kind, stream, site);
}

bool gen_at_max(const struct plan_result *res)
{
    return res->finish == FINISH_LENGTH || res->finish == FINISH_CLOSED;
}

/* There is no value: the turn that was opened for it goes too. */
static void take_back_turn(struct context *c, bool opened)
{
    if (opened && c->tail->kind == NODE_OPEN)
        context_set_tail(c, c->tail->prev);
}

static enum step gen_take(struct task *t, struct insn in, const struct gen_site *site,
                          struct context *c, bool opened)
{
    struct op_wait *w = t->wait;
    if (w->ev.kind == PLAN_FAILED) {
        take_back_turn(c, opened);
        return wait_failed(t, w);
    }
    const struct plan_result *res = w->ev.result;
    struct value thought = t->top->tmp[TMP_ANSWER];
    enum step s;
    if (t->top->stage_i == AT_MAX_BUDGET && gen_at_max(res)) {
        planner_forget(c);              /* the value is lost */
        take_back_turn(c, opened);
        s = settings_spent(t);
        return s == STEP_NEXT ? task_fail(t, "R0701", "the token budget is spent") : s;
    }
    s = gen_keep_result(t, c, res);
    if (s == STEP_NEXT && !hole_keeps_thinking(t, site))
        think_cut(c, c->tail, thought);
    if (s == STEP_NEXT)
        s = gen_close_turn(t, c, opened);
    if (s == STEP_NEXT)
        s = settings_spent(t);
    if (s == STEP_NEXT && t->top->stage_i == AT_MAX_TRUNCATED && gen_at_max(res))
        s = task_fail(t, "R0401", "the value is not complete after %u tokens", res->n_token);
    struct value v;
    struct type_fault fault = { .need = BC_NO_INDEX };
    if (s == STEP_NEXT) {
        enum status st = type_read(t->top->image, site->rtype, res->text, &v, &fault);
        if (st != ST_OK && fault.schema)
            s = task_fail(t, "R0405", "%s", fault.text);
        else if (st != ST_OK)
            s = task_fail(t, "R0206", "the model's text \"%.*s\" cannot be read: %s",
                          (int)(res->text.len < 80 ? res->text.len : 80), res->text.ptr,
                          fault.text);
    }
    struct meta_parts parts = { .res = res, .thinking = think_text(thought) };
    return s == STEP_NEXT ? give(t, in, site, v, &parts) : s;
}

/* The first stage of gen and of a stream: the call is counted and the turn stands open; whether
 * this call opened it is in TMP_CTX.  Once behind it, does nothing. */
enum step gen_begin(struct task *t, const struct gen_site *site, struct context *c)
{
    struct frame *f = t->top;
    if (f->stage != STAGE_BEGIN)
        return STEP_NEXT;
    if (c->busy) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    bool opened;
    t->run->stats.n_gen++;
    enum step s = settings_call(t);
    if (s == STEP_NEXT)
        s = gen_open_turn(t, site, c, &opened);
    if (s != STEP_NEXT)
        return s;
    f->tmp[TMP_CTX] = value_bool(opened);
    f->stage = STAGE_OPENED;
    return STEP_NEXT;
}

enum step op_gen(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct value ctx = f->reg[in.b];
    struct context *c = context_of(ctx);
    struct settings *mock = mock_find(t);
    if (mock)
        return gen_mock(t, in, site, mock, ctx);
    enum step s = gen_begin(t, site, c);
    if (s == STEP_NEXT)
        s = think_step(t, site, c);
    if (s != STEP_NEXT)
        return s;
    if (f->stage == STAGE_THOUGHT) {
        s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_ASKED;
        s = gen_submit(t, site, c, WAIT_GEN, NULL);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    s = gen_take(t, in, site, c, f->tmp[TMP_CTX].b);
    wait_drop(t);
    return s;
}

/* ---- select and score ---- */

static enum status probs_map(struct value options, const double *prob, uint32_t n,
                             struct value *ret)
{
    enum status st = value_map(ret);
    for (uint32_t i = 0; i < n && i < value_len(options) && st == ST_OK; i++) {
        struct value key;
        st = option_key(value_at(options, i), &key);
        if (st == ST_OK)
            st = value_map_put_take(ret, key, value_float(prob[i]));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum step select_give(struct task *t, struct insn in, const struct gen_site *site,
                             struct value options, uint32_t best, struct value probs, bool score,
                             const struct plan_result *res)
{
    struct meta_parts parts = { .res = res, .probs = probs };
    struct value v = value_ref(score ? probs : value_at(options, best));
    return give(t, in, site, v, &parts);
}

/* One option needs no model: nothing is asked and its probability is 1. */
static enum step select_local(struct task *t, struct insn in, const struct gen_site *site,
                              struct context *c, struct value options, uint32_t best,
                              struct value probs, bool score)
{
    enum step s = STEP_NEXT;
    if (!score) {
        struct str text = { 0 };
        bool opened = false;
        value_format(value_at(options, best), &text);
        s = gen_open_turn(t, site, c, &opened);
        if (s == STEP_NEXT)
            s = gen_keep_text(t, c, str_slice(&text));
        if (s == STEP_NEXT)
            s = gen_close_turn(t, c, opened);
        str_free(&text);
    }
    return s == STEP_NEXT ? select_give(t, in, site, options, best, probs, score, NULL) : s;
}

/* Every node of the options' trie is charged, but for the chosen one: that is when it is appended. */
static enum step charge_trie(struct task *t, struct value options, uint32_t chosen)
{
    struct hole h = { 0 };
    struct arena a = { 0 };
    enum step s = hole_option_texts(t, &h, options, &a);
    if (s == STEP_NEXT) {
        uint64_t nodes = plan_trie_nodes(h.option, h.n_option);
        if (chosen < h.n_option)
            nodes -= (h.option[chosen].len + 3) / 4;
        s = settings_charge(t, nodes);
    }
    arena_free(&a);
    return s;
}

static enum step select_mock(struct task *t, struct insn in, const struct gen_site *site,
                             struct settings *mock, struct value ctx, bool score)
{
    struct frame *f = t->top;
    enum step s;
    if (f->tmp[TMP_ANSWER].tag == VAL_NULL) {
        s = mock_answer(t, mock, site, context_of(ctx), &f->tmp[TMP_ANSWER]);
        if (s != STEP_NEXT)
            return s;
    }
    struct value probs;
    uint32_t best = 0;
    s = mock_probs(t, f->tmp[TMP_OPTIONS], f->tmp[TMP_ANSWER], score, &probs, &best);
    if (s != STEP_NEXT)
        return s;
    s = charge_trie(t, f->tmp[TMP_OPTIONS], score ? UINT32_MAX : best);
    if (s == STEP_NEXT)
        s = select_local(t, in, site, context_of(ctx), f->tmp[TMP_OPTIONS], best, probs, score);
    value_unref(probs);
    return s;
}

static enum step select_begin(struct task *t, const struct gen_site *site, bool score)
{
    struct frame *f = t->top;
    if (score)
        t->run->stats.n_score++;
    else
        t->run->stats.n_select++;
    enum step s = settings_call(t);
    if (s == STEP_NEXT)
        s = hole_options(t, site, &f->tmp[TMP_OPTIONS]);
    if (s == STEP_NEXT)
        s = hole_check_options(t, f->tmp[TMP_OPTIONS]);
    f->stage = STAGE_MOCK;
    return s;
}

/* Score looks at the head of an assistant turn without opening one: it works on a copy. */
static enum step select_place(struct task *t, const struct gen_site *site, struct value ctx,
                              bool score)
{
    struct frame *f = t->top;
    struct context *c = context_of(ctx);
    bool outside = site->opens_turn && c->tail->mode == MODE_CHAT && c->tail->role < 0;
    if (score && outside) {
        enum status st = context_copy(ctx, t->owner, false, &f->tmp[TMP_CTX]);
        if (st != ST_OK)
            return task_fail_status(t, st);
        c = context_of(f->tmp[TMP_CTX]);
    } else {
        f->tmp[TMP_CTX] = value_ref(ctx);
    }
    bool opened;
    enum step s = gen_open_turn(t, site, c, &opened);
    if (s == STEP_NEXT && t->run->engine)
        s = step_of(t, think_say_off(t->run, c));
    f->stage_i = opened;
    f->stage = STAGE_OPENED;
    return s;
}

static enum step select_submit(struct task *t, const struct gen_site *site, struct context *c,
                               bool score)
{
    struct frame *f = t->top;
    struct plan *p = plan_new();
    if (!p)
        return task_fail_status(t, ST_NOMEM);
    hole_init(&p->hole, score ? HOLE_SCORE : HOLE_SELECT);
    p->hole.key = frame_key(f, KEY_GEN, site->ordinal);
    enum step s = hole_fill(t, site, &p->hole, &p->arena);
    if (s == STEP_NEXT)
        s = hole_option_texts(t, &p->hole, f->tmp[TMP_OPTIONS], &p->arena);
    if (s != STEP_NEXT) {
        plan_free(p);
        return s;
    }
    if (f->stage_i)
        p->hole.next = NEXT_TURN_END;
    return planner_submit(t, c, p, WAIT_GEN, NULL, site);
}

static enum step select_take(struct task *t, struct insn in, const struct gen_site *site,
                             struct context *c, bool score)
{
    struct frame *f = t->top;
    struct op_wait *w = t->wait;
    if (w->ev.kind == PLAN_FAILED)
        return wait_failed(t, w);
    const struct plan_result *res = w->ev.result;
    struct value options = f->tmp[TMP_OPTIONS], probs;
    enum step s = STEP_NEXT;
    if (!score) {
        s = gen_keep_result(t, c, res);
        if (s == STEP_NEXT)
            s = gen_close_turn(t, c, f->stage_i);
    }
    if (s == STEP_NEXT)
        s = settings_spent(t);
    if (s == STEP_NEXT)
        s = step_of(t, probs_map(options, res->prob, res->n_prob, &probs));
    if (s != STEP_NEXT)
        return s;
    s = select_give(t, in, site, options, res->option, probs, score, res);
    value_unref(probs);
    return s;
}

enum step op_select(struct task *t, struct insn in, bool score)
{
    struct frame *f = t->top;
    const struct gen_site *site = &f->image->module->gen[in.c];
    struct value ctx = f->reg[in.b];
    enum step s = STEP_NEXT;
    if (f->stage == STAGE_BEGIN) {
        if (context_of(ctx)->busy) {
            wait_on(&context_of(ctx)->idle, t);
            return STEP_WAIT;
        }
        s = select_begin(t, site, score);
        if (s != STEP_NEXT)
            return s;
    }
    if (f->stage == STAGE_MOCK) {
        struct settings *mock = mock_find(t);
        if (mock && value_len(f->tmp[TMP_OPTIONS]) > 1)
            return select_mock(t, in, site, mock, ctx, score);
        if (value_len(f->tmp[TMP_OPTIONS]) == 1) {
            struct value probs;
            const double one = 1.0;
            s = step_of(t, probs_map(f->tmp[TMP_OPTIONS], &one, 1, &probs));
            if (s != STEP_NEXT)
                return s;
            s = select_local(t, in, site, context_of(ctx), f->tmp[TMP_OPTIONS], 0, probs, score);
            value_unref(probs);
            return s;
        }
        s = select_place(t, site, ctx, score);
        if (s != STEP_NEXT)
            return s;
    }
    struct context *c = context_of(f->tmp[TMP_CTX]);
    if (f->stage == STAGE_OPENED) {
        s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_ASKED;
        s = select_submit(t, site, c, score);
        if (s != STEP_WAIT)
            return s;
    }
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    s = select_take(t, in, site, c, score);
    wait_drop(t);
    return s;
}
