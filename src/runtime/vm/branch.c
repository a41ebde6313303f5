/* branch.c - fork and join: branches as tasks, results in order, the lowest-numbered error.
 *
 * A branch that has not started is a number: its element is worked out and its context copied
 * when it begins.  At most `width` of one set are at work.  A set cancels what is left when it is
 * let go, so branches never outlive the block that holds it.
 *
 * Under `mock` a fork runs its branches one after another before the parent goes on. */
#include "runtime/vm/vm_int.h"

#include <stdio.h>
#include <string.h>

enum { MAX_BRANCHES = 1000000 };

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

static void set_destroy(struct obj *o)
{
    struct branches *s = (struct branches *)o;
    branches_cancel(s, 0);
    for (uint32_t i = 0; i < s->n; i++) {
        struct branch *b = &s->b[i];
        if (b->state == BRANCH_FAILED && !s->joined && s->first_failed == i &&
            !s->run->finishing && b->value.tag == VAL_ERROR) {
            struct str note = { 0 };
            str_addf(&note, "R0505: branch %u failed and was never joined: ", i);
            value_format(b->value, &note);
            run_emit_text(s->run, RUN_NOTE, str_slice(&note), true, SLICE(""), (int32_t)i);
            str_free(&note);
        }
        value_unref(b->value);
        node_unref(b->end);
        print_drop(b->print, b->n_print);
    }
    for (uint32_t i = 0; s->capture && i < s->site->n_capture; i++)
        value_unref(s->capture[i]);
    for (uint32_t i = 0; s->over && i < s->site->n_forker; i++)
        value_unref(s->over[i]);
    value_unref(s->ctx);
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
    uint64_t n = 1, one;
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
        n = one && n > MAX_BRANCHES / one ? MAX_BRANCHES + 1u : n * one;
    }
    if (n > MAX_BRANCHES)
        return task_fail(t, "R0706", "more than %d branches in one fork", MAX_BRANCHES);
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
    uint64_t rest = index, n;
    for (uint32_t i = site->n_forker; i-- > 0 && st == ST_OK;) {
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
    s->b[index].task = t;
    s->b[index].state = BRANCH_RUNNING;
    s->n_running++;
    s->run->stats.n_branch++;
    struct frame *f = frame_push(t, s->image, s->site->func);
    if (!f)
        return ST_NOMEM;
    f->then = THEN_END;
    f->key = rng_key_step(s->key, KEY_BRANCH, index);
    enum status st = branch_args(s, index, f);
    if (st == ST_OK && s->ctx.tag == VAL_CONTEXT && f->fn->ctx != BC_NONE)
        st = context_copy(s->ctx, t->owner, true, &t->ctx);
    if (t->ctx.tag == VAL_CONTEXT)      /* the register may serve another value behind the last use */
        f->reg[f->fn->ctx] = value_ref(t->ctx);
    return st;
}

static void branches_start(struct branches *s)
{
    while (s->n_started < s->n && s->n_running < s->width) {
        uint32_t i = s->n_started++;
        enum status st = branch_begin(s, i);
        struct task *t = s->b[i].task;
        if (st == ST_OK) {
            task_ready(t);
            continue;
        }
        if (!t) {
            s->b[i].state = BRANCH_FAILED;
            s->n_ended++;
            if (i < s->first_failed)
                s->first_failed = i;
            continue;
        }
        if (t->error.tag == VAL_NULL)
            task_fail_status(t, st);
        t->state = TASK_FAILED;
        branches_ended(t);
    }
}

enum step op_fork(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct fork_site *site = &f->image->module->fork[in.b];
    bool mock = mock_find(t) != NULL;
    if (f->stage == 1) {
        struct branches *s = (struct branches *)f->reg[in.a].obj;
        if (s->n_ended == s->n)
            return STEP_NEXT;
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (site->uses_ctx && f->reg[site->ctx].tag == VAL_CONTEXT && context_of(f->reg[site->ctx])->busy) {
        wait_on(&context_of(f->reg[site->ctx])->idle, t);
        return STEP_WAIT;
    }
    struct branches *s = mem_zalloc(sizeof *s);
    if (!s)
        return task_fail_status(t, ST_NOMEM);
    s->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_BRANCHES };
    s->hdr.destroy = set_destroy;
    s->run = t->run;
    s->image = image_ref(f->image);
    s->site = site;
    s->settings = settings_ref(t->settings);
    s->width = mock ? 1 : settings_width(t);
    s->key = frame_key(f, KEY_FORK, site->ordinal);
    s->parent_owner = t->owner;
    s->first_failed = UINT32_MAX;
    struct value v = { .tag = VAL_BRANCHES, .obj = &s->hdr.hdr };
    enum step st = set_fill(t, s, in);
    if (st == STEP_NEXT && site->uses_ctx && f->reg[site->ctx].tag == VAL_CONTEXT) {
        enum status cs = context_copy(f->reg[site->ctx], t->owner, true, &s->ctx);
        if (cs == ST_OK)
            s->fork_node = node_ref(context_of(s->ctx)->tail);
        else
            st = task_fail_status(t, cs);
    }
    if (st != STEP_NEXT) {
        value_unref(v);
        return st;
    }
    value_set_take(&f->reg[in.a], v);
    branches_start(s);
    if (!mock || s->n_ended == s->n)
        return STEP_NEXT;
    f->stage = 1;
    wait_on(&s->waiters, t);
    return STEP_WAIT;
}

/* ---- ending ---- */

/* Branches from number `from` on that have not ended are stopped where they are. */
void branches_cancel(struct branches *s, uint32_t from)
{
    for (uint32_t i = from; i < s->n; i++) {
        struct branch *b = &s->b[i];
        if (b->state != BRANCH_NEW && b->state != BRANCH_RUNNING)
            continue;
        if (b->state == BRANCH_RUNNING) {
            task_free(b->task);
            b->task = NULL;
            s->n_running--;
        }
        b->state = BRANCH_CANCELLED;
        s->n_ended++;
    }
    if (from <= s->n_started)
        s->n_started = s->n;        /* those that had not started never will */
}

void branches_ended(struct task *t)
{
    struct branches *s = t->set;
    uint32_t i = t->index;
    struct branch *b = &s->b[i];
    value_ref((struct value){ .tag = VAL_BRANCHES, .obj = &s->hdr.hdr });
    s->n_running--;
    s->n_ended++;
    b->print = t->print;
    b->n_print = t->n_print;
    t->print = NULL;
    t->n_print = 0;
    b->task = NULL;
    if (t->state == TASK_DONE) {
        b->state = BRANCH_DONE;
        b->value = t->result;
        t->result = value_null();
        context_own(b->value, s->parent_owner);
        if (t->ctx.tag == VAL_CONTEXT)
            b->end = node_ref(context_of(t->ctx)->tail);
        s->order[s->n_order++] = i;
    } else {
        b->state = BRANCH_FAILED;
        b->value = t->error;
        t->error = value_null();
        if (i < s->first_failed)
            s->first_failed = i;
    }
    bool failed = b->state == BRANCH_FAILED;
    task_free(t);
    if (failed && !s->site->race)
        branches_cancel(s, i + 1);
    branches_start(s);
    wake_all(&s->waiters);
    value_unref((struct value){ .tag = VAL_BRANCHES, .obj = &s->hdr.hdr });
}

/* ---- joining ---- */

static enum step raise_branch(struct task *t, struct branches *s, uint32_t i)
{
    struct value e = value_ref(s->b[i].value);
    s->joined = true;
    error_add_branch(t, &e, i);
    return task_raise(t, e);
}

static void take_print(struct task *t, struct branch *b)
{
    print_flush(t, b->print, b->n_print);
    b->print = NULL;
    b->n_print = 0;
}

static enum status taken_add(struct branches *s, uint32_t i)
{
    if (!s->taken)
        s->taken = mem_calloc(s->n + 1u, sizeof *s->taken);
    if (!s->taken)
        return ST_NOMEM;
    s->taken[s->n_taken++] = i;
    return ST_OK;
}

/* Values of the branches that `have` counts, in branch order. */
static enum status values_so_far(struct branches *s, const bool *have, struct value *ret)
{
    enum status st = value_list(0, ret);
    for (uint32_t i = 0; i < s->n && st == ST_OK; i++) {
        if (have && !have[i])
            continue;
        st = value_list_push_take(ret, value_ref(s->b[i].value));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static enum status taken_values(struct branches *s, struct value *ret)
{
    enum status st = value_list(s->n_taken, ret);
    for (uint32_t i = 0; i < s->n_taken && st == ST_OK; i++) {
        st = value_list_push_take(ret, value_ref(s->b[s->taken[i]].value));
        if (st != ST_OK)
            value_unref(*ret);
    }
    return st;
}

static struct branches *set_of(struct value v)
{
    return v.tag == VAL_BRANCHES ? (struct branches *)v.obj : NULL;
}

/* Everything that succeeded is joined: in branch order, printing what it printed. */
static enum step join_all(struct task *t, struct branches *s)
{
    if (s->joined)
        return STEP_NEXT;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->b[i].state != BRANCH_DONE)
            continue;
        take_print(t, &s->b[i]);
        enum status st = taken_add(s, i);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    s->joined = true;
    return STEP_NEXT;
}

static bool all_ended_below(const struct branches *s, uint32_t limit)
{
    for (uint32_t i = 0; i < limit; i++)
        if (s->b[i].state == BRANCH_NEW || s->b[i].state == BRANCH_RUNNING)
            return false;
    return true;
}

enum step op_join(struct task *t, struct insn in)
{
    struct value v = t->top->reg[in.b];
    struct branches *s = set_of(v);
    if (!s) {               /* a list already: an implicit join of something joined */
        value_set_take(&t->top->reg[in.a], value_ref(v));
        return STEP_NEXT;
    }
    if (!s->joined) {
        bool failed = s->first_failed != UINT32_MAX;
        if (!s->site->race && failed && all_ended_below(s, s->first_failed))
            return raise_branch(t, s, s->first_failed);
        if (s->n_ended < s->n) {
            wait_on(&s->waiters, t);
            return STEP_WAIT;
        }
        if (failed)
            return raise_branch(t, s, s->first_failed);
        enum step st = join_all(t, s);
        if (st != STEP_NEXT)
            return st;
    }
    struct value list;
    enum status st = taken_values(s, &list);
    if (st != ST_OK)
        return task_fail_status(t, st);
    value_set_take(&t->top->reg[in.a], list);
    return STEP_NEXT;
}

/* The successes that the predicate has seen, as flags. */
static bool *seen_flags(const struct branches *s)
{
    bool *have = mem_calloc(s->n + 1u, sizeof *have);
    for (uint32_t i = 0; have && i < s->seen; i++)
        have[s->order[i]] = true;
    return have;
}

enum step op_join_next(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct branches *s = set_of(f->reg[in.b]);
    if (!s)
        return task_fail(t, "R0205", "join until wants branches");
    struct value list;
    enum status st;
    if (s->joined || (s->seen == s->n_order && s->n_ended == s->n)) {
        if (!s->joined && s->first_failed != UINT32_MAX)
            return raise_branch(t, s, s->first_failed);
        enum step step = join_all(t, s);
        if (step != STEP_NEXT)
            return step;
        st = taken_values(s, &list);
        if (st != ST_OK)
            return task_fail_status(t, st);
        value_set_take(&f->reg[in.a], list);
        return STEP_NEXT;
    }
    if (s->seen == s->n_order) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    s->seen++;
    bool *have = seen_flags(s);
    st = have ? values_so_far(s, have, &list) : ST_NOMEM;
    mem_free(have);
    if (st != ST_OK)
        return task_fail_status(t, st);
    uint32_t failed = 0;
    for (uint32_t i = 0; i < s->n; i++)
        failed += s->b[i].state == BRANCH_FAILED || s->b[i].state == BRANCH_CANCELLED;
    value_set_take(&f->reg[in.a], list);
    value_set_take(&f->reg[in.c], value_int((int64_t)s->n - s->seen - failed));
    f->pc++;
    return STEP_NEXT;
}

enum step op_join_stop(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct branches *s = set_of(f->reg[in.b]);
    if (!s)
        return task_fail(t, "R0205", "join until wants branches");
    struct value list;
    enum status st = ST_OK;
    if (!s->joined) {
        branches_cancel(s, 0);
        bool *have = seen_flags(s);
        if (!have)
            return task_fail_status(t, ST_NOMEM);
        for (uint32_t i = 0; i < s->n && st == ST_OK; i++) {
            if (!have[i])
                continue;
            take_print(t, &s->b[i]);
            st = taken_add(s, i);
        }
        mem_free(have);
        s->joined = true;
    }
    if (st == ST_OK)
        st = taken_values(s, &list);
    if (st != ST_OK)
        return task_fail_status(t, st);
    value_set_take(&f->reg[in.a], list);
    return STEP_NEXT;
}

enum step op_join_text(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct context *c = context_of(f->reg[in.a]);
    struct branches *s = set_of(f->reg[in.b]);
    if (c->busy) {
        wait_on(&c->idle, t);
        return STEP_WAIT;
    }
    if (!s)
        return task_fail(t, "R0205", "join as text wants branches");
    for (uint32_t i = 0; i < s->n_taken; i++) {
        const struct branch *b = &s->b[s->taken[i]];
        if (!b->end)
            continue;
        enum status st = context_append_copy(c, b->end, s->fork_node);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    return STEP_NEXT;
}

/* One branch by number, for `for x in b`: WAIT until it has ended. */
enum step branches_take(struct task *t, struct branches *s, uint32_t i, struct value *ret)
{
    struct branch *b = &s->b[i];
    if (b->state == BRANCH_NEW || b->state == BRANCH_RUNNING) {
        wait_on(&s->waiters, t);
        return STEP_WAIT;
    }
    if (b->state != BRANCH_DONE)
        return raise_branch(t, s, s->first_failed < s->n ? s->first_failed : i);
    take_print(t, b);
    *ret = value_ref(b->value);
    if (i + 1 == s->n && !s->joined && s->first_failed == UINT32_MAX)
        return join_all(t, s);
    return STEP_NEXT;
}

enum step op_branches(struct task *t, struct insn in)
{
    struct branches *s = set_of(t->top->reg[in.b]);
    if (!s)
        return task_fail(t, "R0205", "not branches");
    struct value v = value_int(in.c == BRANCHES_COUNT ? s->n : s->n_ended);
    if (in.c == BRANCHES_INDEX) {
        enum status st = value_list(s->n_taken, &v);
        for (uint32_t i = 0; i < s->n_taken && st == ST_OK; i++)
            st = value_list_push_take(&v, value_int(s->taken[i]));
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    value_set_take(&t->top->reg[in.a], v);
    return STEP_NEXT;
}
