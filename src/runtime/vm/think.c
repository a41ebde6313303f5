/* think.c - thinking before a value (LANGUAGE.md 6.5), made of plans like everything else.
 *
 *      before | <think> what the model thinks </think> | the value
 *             ^ mark                                   ^ goes out again: the value follows `before`
 *
 * The opening text goes into the context, an unconstrained generation writes up to `think` tokens
 * or to the closing text, the closing text follows, and then the value is asked for as always.
 * Its draws count on from those of the thinking.  When it is whole the thinking goes out of the
 * transcript and the value's tokens are computed again at their new place, unless it is kept; then
 * its nodes are marked, so that `join as text` leaves it out.
 *
 * What the operation has to remember is a tuple in TMP_ANSWER: where it began, the key of its
 * draws, and when it is over the thinking and the number of draws. */
#include "runtime/vm/vm_int.h"

#include "runtime/tokenizer/tokenizer.h"

enum { THOUGHT_MARK, THOUGHT_KEY_LO, THOUGHT_KEY_HI, THOUGHT_TEXT, THOUGHT_DRAWS, THOUGHT_N };

static const char open_text[] = "<think>", close_text[] = "</think>";

/* ---- texts around it ---- */

static enum status add_marker(struct context *c, const char *own, const char *plain)
{
    struct node *n;
    enum status st = context_node(c, own ? NODE_MARKUP : NODE_TEXT, c->tail->role, &n);
    if (st != ST_OK)
        return st;
    str_adds(&n->text, own ? own : plain);
    n->thought = true;
    n->total += own ? 0 : n->text.len;
    return n->text.failed ? ST_NOMEM : ST_OK;
}

/* Models that think unless told otherwise have a text for the head of a turn that says so. */
enum status think_say_off(struct run *r, struct context *c)
{
    const char *off = engine_info(r->engine)->think_off;
    bool head = c->tail->kind == NODE_OPEN && c->tail->role == PLAN_ASSISTANT;
    if (!off || !head)
        return ST_OK;
    struct node *n;
    enum status st = context_node(c, NODE_MARKUP, c->tail->role, &n);
    if (st == ST_OK)
        str_adds(&n->text, off);
    return st != ST_OK ? st : n->text.failed ? ST_NOMEM : ST_OK;
}

/* ---- the generation ---- */

/* A closing text that is one control token ends the thinking by its id. */
static enum status stop_at_close(struct run *r, struct hole *h, struct arena *a)
{
    const char *own = engine_info(r->engine)->think_close;
    struct slice *stop = arena_array(a, 1, sizeof *stop);
    uint32_t *id = arena_array(a, 1, sizeof *id);
    if (!stop || !id)
        return ST_NOMEM;
    struct slice all = slice_of(own ? own : close_text);
    *stop = arena_slice(a, slice_trim(all));
    h->stop = stop;
    h->n_stop = 1;
    struct token_list tok = { 0 };
    struct error err = { 0 };
    enum status st = own ? engine_encode(r->engine, *stop, true, &tok, &err) : ST_UNSUPPORTED;
    if (st == ST_OK && tok.n == 1) {
        *id = tok.id[0];
        h->stop_token = id;
        h->n_stop_token = 1;
    }
    token_list_free(&tok);
    return st == ST_NOMEM || a->failed ? ST_NOMEM : ST_OK;
}

/* One key for thinking and value: its draws are counted through. */
struct rng_key think_key(struct task *t, const struct gen_site *site)
{
    struct value thought = t->top->tmp[TMP_ANSWER];
    if (thought.tag != VAL_TUPLE)
        return frame_key(t->top, KEY_GEN, site->ordinal);
    return (struct rng_key){ .lo = (uint64_t)value_at(thought, THOUGHT_KEY_LO).i,
                             .hi = (uint64_t)value_at(thought, THOUGHT_KEY_HI).i };
}

static enum step ask(struct task *t, const struct gen_site *site, struct context *c, uint32_t max)
{
    struct run *r = t->run;
    struct plan *p = plan_new();
    enum status st = p ? add_marker(c, engine_info(r->engine)->think_open, open_text)
                       : ST_NOMEM;
    if (st != ST_OK) {
        if (p)
            plan_free(p);
        return task_fail_status(t, st);
    }
    hole_init(&p->hole, HOLE_GEN);
    p->hole.key = think_key(t, site);
    enum step s = hole_fill_sampling(t, site, &p->hole, &p->arena);
    if (s == STEP_NEXT)
        s = step_of(t, stop_at_close(r, &p->hole, &p->arena));
    if (s != STEP_NEXT) {
        plan_free(p);
        return s;
    }
    uint64_t left = settings_tokens_left(t);
    p->hole.max = left < max ? (left ? (uint32_t)left : 1) : max;
    p->hole.cut = true;
    p->hole.heal = false;
    p->hole.stream = false;
    return planner_submit(t, c, p, WAIT_GEN, NULL, NULL);
}

static enum step take(struct task *t, struct context *c)
{
    struct frame *f = t->top;
    struct run *r = t->run;
    struct op_wait *w = t->wait;
    if (w->ev.kind == PLAN_FAILED)
        return wait_failed(t, w);
    const struct plan_result *res = w->ev.result;
    enum step s = gen_keep_result(t, c, res);
    c->tail->thought = true;
    if (s == STEP_NEXT)
        s = step_of(t, add_marker(c, engine_info(r->engine)->think_close, close_text));
    if (s == STEP_NEXT)
        s = settings_spent(t);
    if (s != STEP_NEXT)
        return s;
    struct value item[THOUGHT_N], all;
    for (int i = 0; i < THOUGHT_N; i++)
        item[i] = value_ref(value_at(f->tmp[TMP_ANSWER], (uint32_t)i));
    enum status st = value_str(res->text, &item[THOUGHT_TEXT]);
    if (st != ST_OK) {
        value_unref(item[THOUGHT_MARK]);
        return task_fail_status(t, st);
    }
    item[THOUGHT_DRAWS] = value_int(res->n_generated);
    st = value_tuple_take(item, THOUGHT_N, &all);
    if (st == ST_OK)
        value_set_take(&f->tmp[TMP_ANSWER], all);
    return step_of(t, st);
}

/* What has to be known when the thinking is over. */
static enum status remember(struct task *t, struct context *c, struct rng_key key)
{
    struct value item[THOUGHT_N] = { 0 };
    enum status st = mark_new(c, &item[THOUGHT_MARK]);
    item[THOUGHT_KEY_LO] = value_int((int64_t)key.lo);
    item[THOUGHT_KEY_HI] = value_int((int64_t)key.hi);
    return st == ST_OK ? value_tuple_take(item, THOUGHT_N, &t->top->tmp[TMP_ANSWER]) : st;
}

/* Between opening the turn and asking for the value; NEXT when that can be done. */
enum step think_step(struct task *t, const struct gen_site *site, struct context *c)
{
    struct frame *f = t->top;
    enum step s;
    uint32_t max = 0;
    if (f->stage == STAGE_OPENED) {
        s = hole_think(t, site, &max);
        if (s != STEP_NEXT)
            return s;
        s = planner_session(t, c);
        if (s != STEP_NEXT)
            return s;
        if (!max) {
            f->stage = STAGE_THOUGHT;
            return step_of(t, think_say_off(t->run, c));
        }
        s = step_of(t, remember(t, c, frame_key(f, KEY_GEN, site->ordinal)));
        if (s != STEP_NEXT)
            return s;
        f->stage = STAGE_THINKS;
        return ask(t, site, c, max);
    }
    if (f->stage != STAGE_THINKS)
        return STEP_NEXT;
    if (!t->wait || !t->wait->done)
        return STEP_WAIT;
    s = take(t, c);
    wait_drop(t);
    f->stage = STAGE_THOUGHT;
    return s;
}

/* ---- afterwards ---- */

struct slice think_text(struct value thought)
{
    return thought.tag == VAL_TUPLE ? value_text(value_at(thought, THOUGHT_TEXT)) : SLICE("");
}

uint32_t think_draws(struct value thought)
{
    return thought.tag == VAL_TUPLE ? (uint32_t)value_at(thought, THOUGHT_DRAWS).i : 0;
}

/* The value's node comes to stand where the thinking began; everything behind it is read again. */
void think_cut(struct context *c, struct node *value, struct value thought)
{
    if (thought.tag != VAL_TUPLE || !context_has(c, value))
        return;
    struct node *before = ((struct mark *)value_at(thought, THOUGHT_MARK).obj)->node;
    uint64_t gone = value->prev->total - before->total;
    for (struct node *n = c->tail; n != value->prev; n = n->prev)
        n->total -= gone;
    node_ref(before);
    node_unref(value->prev);
    value->prev = before;
    struct node *tail = node_ref(c->tail);
    context_restore(c, tail, NULL);
    node_unref(tail);
}
