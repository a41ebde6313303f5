/* branch.c - branches from their start to their end: fork, failing, cancelling, leaving the block.
 *
 * A branch that has not started is a number: its element is worked out and its context copied
 * when it begins.  How many are at work at once is a matter of slots (slot.c).
 *
 *      new ---> running ---> done | failed
 *        \         \
 *         '---------'------> cancelled       with a task: its `finally` blocks still run
 *
 * The task that forks holds its sets in a list until their block is left, by whatever way: at the
 * end of the block, by a return, or by an error that unwinds.  Leaving cancels what is not joined
 * and waits for `finally` blocks, so branches never outlive their block.
 *
 * Under `mock` a fork runs its branches one after another before the parent goes on. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

static struct value set_value(struct branches *s)
{
    return (struct value){ .tag = VAL_BRANCHES, .obj = &s->hdr.hdr };
}

/* ---- the parent's list ---- */

static void set_link(struct branches *s, struct task *t)
{
    s->parent = t;
    s->frame = t->top;
    s->n_handler = t->n_handler;
    s->up = t->sets;
    t->sets = s;
    value_ref(set_value(s));
}

static void set_unlink(struct branches *s)
{
    if (!s->parent)
        return;
    struct branches **at = &s->parent->sets;
    while (*at != s)
        at = &(*at)->up;
    *at = s->up;
    s->up = NULL;
    s->parent = NULL;
    value_unref(set_value(s));
}

void branches_settled(struct branches *s)
{
    if (s->joined && s->n_ended == s->n && !s->n_stopping)
        set_unlink(s);
}

/* ---- starting ---- */

static enum status over_item(struct value over, uint32_t i, struct value *ret)
{
    if (over.tag == VAL_RANGE) {
        *ret = value_int(((const struct obj_range *)over.obj)->lo + i);
        return ST_OK;
    }
    if (over.tag == VAL_INT) {
        *ret = value_int(i);
        return ST_OK;
    }
    if (over.tag == VAL_MAP) {
        const struct map_entry *e = value_map_entry(over, i);
        const struct value pair[2] = { value_ref(e->key), value_ref(e->val) };
        return value_tuple_take(pair, 2, ret);
    }
    *ret = value_ref(value_at(over, i));
    return ST_OK;
}

static bool over_len(struct value over, uint64_t *ret)
{
    if (over.tag == VAL_INT)
        *ret = over.i > 0 ? (uint64_t)over.i : 0;
    else if (over.tag == VAL_LIST || over.tag == VAL_MAP || over.tag == VAL_RANGE)
        *ret = value_len(over);
    else
        return false;
    return true;
}

static void note_unjoined(const struct branches *s)
{
    uint32_t i = s->first_failed;
    if (i >= s->n || s->joined || s->run->finishing || s->b[i].value.tag != VAL_ERROR)
        return;
    struct str note = { 0 };
    str_addf(&note, "note[R0505]: branch %u failed and was never joined: ", i);
    value_format(s->b[i].value, &note);
    struct value where;
    if (value_field_find(s->b[i].value, SLICE("where"), &where) && value_text(where).len) {
        str_adds(&note, "\n  --> ");
        str_add_slice(&note, value_text(where));
    }
    run_emit_text(s->run, RUN_NOTE, str_slice(&note), true, SLICE(""), (int32_t)i);
    str_free(&note);
}

/* Nothing runs any more: a set with tasks is in its parent's list, which holds it. */
static void set_destroy(struct obj *o)
{
    struct branches *s = (struct branches *)o;
    note_unjoined(s);
    for (uint32_t i = 0; i < s->n; i++) {
        struct branch *b = &s->b[i];
        value_unref(b->value);
        node_unref(b->end);
        print_drop(b->print, b->n_print);
    }
    for (uint32_t i = 0; s->capture && i < s->site->n_capture; i++)
        value_unref(s->capture[i]);
    for (uint32_t i = 0; s->over && i < s->site->n_forker; i++)
        value_unref(s->over[i]);
    value_unref(s->ctx);
    value_unref(s->kept);
    node_unref(s->fork_node);
    settings_unref(s->settings);
    waitlist_free(&s->waiters);
    mem_free(s->b);
    mem_free(s->capture);
    mem_free(s->over);
    mem_free(s->order);
    mem_free(s->taken);
    image_unref(s->image);
    mem_free(s);
}

static enum step set_fill(struct task *t, struct branches *s, struct insn in)
{
    const struct fork_site *site = s->site;
    struct value *reg = t->top->reg;
    uint64_t n = 1, one, max = t->run->opts.max_branches;
    s->capture = mem_calloc(site->n_capture + 1u, sizeof *s->capture);
    s->over = mem_calloc(site->n_forker + 1u, sizeof *s->over);
    if (!s->capture || !s->over)
        return task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < site->n_capture; i++)
        s->capture[i] = value_ref(reg[site->capture[i]]);
    for (uint32_t i = 0; i < site->n_forker; i++)
        s->over[i] = value_ref(reg[in.c + i]);
    if (!site->n_forker && (reg[in.c].tag != VAL_INT || !over_len(reg[in.c], &n)))
        return task_fail(t, "R0205", "fork wants a number of branches");
    for (uint32_t i = 0; i < site->n_forker; i++) {
        if (!over_len(s->over[i], &one))
            return task_fail(t, "R0205", "fork cannot go over a %s",
                             value_tag_name(s->over[i].tag));
        n = one && n > max / one ? max + 1 : n * one;
    }
    if (n > max)
        return task_fail(t, "R0706", "more than %llu branches in one fork", (unsigned long long)max);
    s->b = mem_calloc(n + 1u, sizeof *s->b);
    s->order = mem_calloc(n + 1u, sizeof *s->order);
    if (!s->b || !s->order)
        return task_fail_status(t, ST_NOMEM);
    s->n = (uint32_t)n;
    return STEP_NEXT;
}

static enum status branch_args(struct branches *s, uint32_t index, struct frame *f)
{
    const struct fork_site *site = s->site;
    struct value *reg = f->reg;
    for (uint32_t i = 0; i < site->n_capture; i++)
        reg[i] = value_ref(s->capture[i]);
    enum status st = ST_OK;
    uint64_t rest = index;
    for (uint32_t i = site->n_forker; i-- > 0 && st == ST_OK;) {
        uint64_t n = 1;
        over_len(s->over[i], &n);
        st = over_item(s->over[i], (uint32_t)(rest % n), &reg[site->n_capture + i]);
        rest /= n;
    }
    return st;
}

static enum status branch_begin(struct branches *s, uint32_t index)
{
    struct task *t = task_new(s->run, s->settings);
    if (!t)
        return ST_NOMEM;
    t->set = s;
    t->index = index;
    t->depth = s->depth;
    slot_take(t, s->settings);
    s->b[index].task = t;
    s->b[index].state = BRANCH_RUNNING;
    s->n_running++;
    s->run->stats.n_branch++;
    struct frame *f = frame_push(t, s->image, s->site->func);
    if (!f)
        return ST_NOMEM;
    f->then = THEN_END;
    f->key = rng_key_step(s->key, KEY_BRANCH, index);
    if (s->run->n_task > s->run->opts.max_branches + 1) {       /* forks in forks: all of them count */
        task_fail(t, "R0706", "more than %u branches are live", s->run->opts.max_branches);
        return ST_LIMIT;
    }
    enum status st = branch_args(s, index, f);
    if (st == ST_OK && s->ctx.tag == VAL_CONTEXT && f->fn->ctx != BC_NONE)
        st = context_copy(s->ctx, t->owner, true, &t->ctx);
    if (t->ctx.tag == VAL_CONTEXT)      /* the register may serve another value behind the last use */
        f->reg[f->fn->ctx] = value_ref(t->ctx);
    return st;
}

static bool may_start(const struct branches *s)
{
    return s->n_started < s->n && s->n_running < s->width;
}

static void branches_start(struct branches *s)
{
    if (may_start(s))
        slots_enter(&s->starter, s->settings);
}

bool branches_start_one(struct branches *s)
{
    if (!may_start(s))
        return false;
    uint32_t i = s->n_started++;
    enum status st = branch_begin(s, i);
    struct task *t = s->b[i].task;
    if (st == ST_OK) {
        task_ready(t);
    } else if (!t) {
        s->b[i].state = BRANCH_FAILED;
        s->n_ended++;
        if (i < s->first_failed)
            s->first_failed = i;
    } else {
        if (t->error.tag == VAL_NULL)
            context_step(t, st);
        t->state = TASK_FAILED;
        branches_ended(t);
    }
    return may_start(s);
}

static enum status set_context(struct task *t, struct branches *s)
{
    struct value ctx = s->site->uses_ctx ? t->top->reg[s->site->ctx] : value_null();
    if (ctx.tag != VAL_CONTEXT)
        return ST_OK;
    enum status st = context_copy(ctx, t->owner, true, &s->ctx);
    if (st == ST_OK)
        s->fork_node = node_ref(context_of(s->ctx)->tail);
    return st;
}

/* Without `parallel`, or under `mock`, attempts and branches run one after another; else slots decide. */
static uint32_t set_width(struct task *t, const struct fork_site *site)
{
    bool apart = site->parallel != BC_NONE && t->top->reg[site->parallel].tag == VAL_BOOL &&
                 !t->top->reg[site->parallel].b;
    return apart || mock_find(t) ? 1 : UINT32_MAX;
}

static enum step set_new(struct task *t, const struct fork_site *site, struct insn in,
                         struct branches **ret)
{
    struct branches *s = mem_zalloc(sizeof *s);
    if (!s)
        return task_fail_status(t, ST_NOMEM);
    s->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_BRANCHES };
    s->hdr.destroy = set_destroy;
    s->run = t->run;
    s->image = image_ref(t->top->image);
    s->site = site;
    s->settings = settings_ref(t->settings);
    s->starter.kind = STARTER_SET;
    s->width = set_width(t, site);
    s->key = frame_key(t->top, KEY_FORK, site->ordinal);
    s->parent_owner = t->owner;
    s->depth = t->depth;
    s->try_all = site->parallel != BC_NONE;
    s->first_failed = UINT32_MAX;
    enum step st = set_fill(t, s, in);
    if (st == STEP_NEXT)
        st = context_step(t, set_context(t, s));
    if (st != STEP_NEXT) {
        value_unref(set_value(s));
        return st;
    }
    *ret = s;
    return STEP_NEXT;
}

enum step op_fork(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct fork_site *site = &f->image->module->fork[in.b];
    if (f->stage == 1) {
        struct branches *s = (struct branches *)f->reg[in.a].obj;
        if (s->n_ended == s->n && !s->n_stopping)
            return STEP_NEXT;
        wait_children(t, &s->waiters);
        return STEP_WAIT;
    }
    if (t->cancelled)
        return task_raise_cancelled(t);
    if (site->uses_ctx && f->reg[site->ctx].tag == VAL_CONTEXT && context_of(f->reg[site->ctx])->busy) {
        wait_on(&context_of(f->reg[site->ctx])->idle, t);
        return STEP_WAIT;
    }
    struct branches *s = NULL;
    enum step st = set_new(t, site, in, &s);
    if (st != STEP_NEXT)
        return st;
    value_set_take(&f->reg[in.a], set_value(s));
    set_link(s, t);
    branches_start(s);
    if (!mock_find(t) || s->n_ended == s->n)
        return STEP_NEXT;
    f->stage = 1;
    wait_children(t, &s->waiters);
    return STEP_WAIT;
}

/* ---- ending ---- */

void branches_cancel(struct branches *s, uint32_t from)
{
    for (uint32_t i = from; i < s->n; i++) {
        struct branch *b = &s->b[i];
        if (b->state != BRANCH_NEW && b->state != BRANCH_RUNNING)
            continue;
        s->n_ended++;
        if (b->state == BRANCH_RUNNING) {
            s->n_running--;
            if (task_cancel(b->task))
                s->n_stopping++;
            else
                b->task = NULL;
        }
        b->state = BRANCH_CANCELLED;
    }
    if (from <= s->n_started) {
        s->n_started = s->n;        /* those that had not started never will */
        starter_leave(&s->starter);
    }
}

static void set_kill(struct branches *s)
{
    for (uint32_t i = 0; i < s->n; i++) {
        struct branch *b = &s->b[i];
        if (b->task) {
            task_free(b->task);
            b->task = NULL;
        }
        if (b->state == BRANCH_NEW || b->state == BRANCH_RUNNING) {
            b->state = BRANCH_CANCELLED;
            s->n_ended++;
        }
    }
    s->n_started = s->n;
    starter_leave(&s->starter);
    s->n_running = s->n_stopping = 0;
}

void branches_kill(struct task *t)
{
    while (t->sets) {
        struct branches *s = t->sets;
        set_kill(s);
        set_unlink(s);
    }
}

enum step branches_leave(struct task *t, const struct frame *f, uint32_t n_handler)
{
    struct branches *next;
    for (struct branches *s = t->sets; s; s = s->up)
        if (s->frame == f && s->n_handler >= n_handler && s->n_ended < s->n)
            branches_cancel(s, 0);
    for (struct branches *s = t->sets; s; s = next) {
        next = s->up;
        if (s->frame != f || s->n_handler < n_handler)
            continue;
        if (s->n_stopping) {
            wait_children(t, &s->waiters);
            return STEP_WAIT;
        }
        set_unlink(s);
    }
    return STEP_NEXT;
}

enum step op_cancel(struct task *t, struct insn in)
{
    struct value v = t->top->reg[in.a];
    if (v.tag != VAL_BRANCHES)
        return STEP_NEXT;           /* a list: it was joined where it was bound */
    struct branches *s = (struct branches *)v.obj;
    branches_cancel(s, 0);
    if (s->n_stopping) {
        wait_children(t, &s->waiters);
        return STEP_WAIT;
    }
    set_unlink(s);
    return STEP_NEXT;
}

static void keep_done(struct branches *s, struct task *t)
{
    struct branch *b = &s->b[t->index];
    b->state = BRANCH_DONE;
    b->value = t->result;
    t->result = value_null();
    context_own(b->value, s->parent_owner);
    if (t->ctx.tag == VAL_CONTEXT)
        b->end = node_ref(context_of(t->ctx)->tail);
    if (s->try_all && t->ctx.tag == VAL_CONTEXT) {
        value_set_take(&s->kept, t->ctx);       /* a later one that passes is a lower one */
        t->ctx = value_null();
    }
    s->order[s->n_order++] = t->index;
}

static void keep_failed(struct branches *s, struct task *t)
{
    struct branch *b = &s->b[t->index];
    b->state = BRANCH_FAILED;
    b->value = t->error;
    t->error = value_null();
    if (t->index < s->first_failed)
        s->first_failed = t->index;
}

/* A set that is no race stops behind a failure; of attempts, only the first that passes counts. */
static bool stops_others(const struct branches *s, const struct branch *b)
{
    if (!s->try_all)
        return b->state == BRANCH_FAILED && !s->site->race;
    return b->state == BRANCH_DONE || !attempt_may_retry(b->value);
}

static void stopped(struct branches *s, struct task *t)
{
    s->b[t->index].task = NULL;
    task_free(t);
    s->n_stopping--;
    wake_all(&s->waiters);
    branches_settled(s);
}

void branches_ended(struct task *t)
{
    struct branches *s = t->set;
    uint32_t i = t->index;
    struct branch *b = &s->b[i];
    if (t->cancelled) {
        stopped(s, t);
        return;
    }
    s->n_running--;
    s->n_ended++;
    b->print = t->print;
    b->n_print = t->n_print;
    t->print = NULL;
    t->n_print = 0;
    b->task = NULL;
    if (s->site->keep && t->state == TASK_FAILED && t->error.tag == VAL_ERROR) {
        t->result = t->error;           /* a row of an eval: its error is its value */
        t->error = value_null();
        t->state = TASK_DONE;
    }
    if (t->state == TASK_DONE)
        keep_done(s, t);
    else
        keep_failed(s, t);
    if (stops_others(s, b))
        branches_cancel(s, i + 1);
    task_free(t);
    branches_start(s);
    wake_all(&s->waiters);
}
