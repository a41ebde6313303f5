/* join.c - waiting for branches: values in branch order, the lowest-numbered error, races, texts.
 *
 * Each operation is entered again whenever a branch of its set has ended and looks at what is
 * there now.  Only what was joined is handed on: values, what the branches printed, what they
 * appended.  A set that is joined and over is forgotten by the block that forked it. */
#include "runtime/vm/vm_int.h"

static enum step raise_branch(struct task *t, struct branches *s, uint32_t i)
{
    s->joined = true;
    return task_raise(t, value_ref(s->b[i].value));
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

/* What the predicate of a race has been told of, in branch order. */
static enum status values_seen(struct branches *s, struct value *ret)
{
    enum status st = value_list(s->seen, ret);
    for (uint32_t i = 0; i < s->n && st == ST_OK; i++) {
        if (!s->b[i].seen)
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

/* The list into register dst.  The list of branches may be forgotten now, not its set: the register
 * that names it holds it. */
static enum step give_taken(struct task *t, struct branches *s, uint16_t dst)
{
    struct value list;
    enum status st = taken_values(s, &list);
    if (st != ST_OK)
        return task_fail_status(t, st);
    branches_settled(s);
    value_set_take(&t->top->reg[dst], list);
    return STEP_NEXT;
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

/* All branches up to number `limit` have ended.  Looks at each of them once in the set's life. */
static bool ended_below(struct branches *s, uint32_t limit)
{
    while (s->n_below < limit && s->b[s->n_below].state >= BRANCH_DONE)
        s->n_below++;
    return s->n_below >= limit;
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
        if (!s->site->race && failed && ended_below(s, s->first_failed))
            return raise_branch(t, s, s->first_failed);
        if (s->n_ended < s->n) {
            wait_children(t, &s->waiters);
            return STEP_WAIT;
        }
        if (failed)
            return raise_branch(t, s, s->first_failed);
        enum step st = join_all(t, s);
        if (st != STEP_NEXT)
            return st;
    }
    return give_taken(t, s, in.a);
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
        return step == STEP_NEXT ? give_taken(t, s, in.a) : step;
    }
    if (s->seen == s->n_order) {
        wait_children(t, &s->waiters);
        return STEP_WAIT;
    }
    s->b[s->order[s->seen++]].seen = true;
    st = values_seen(s, &list);
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
    enum status st = ST_OK;
    if (!s->joined) {
        branches_cancel(s, 0);
        for (uint32_t i = 0; i < s->n && st == ST_OK; i++) {
            if (!s->b[i].seen)
                continue;
            take_print(t, &s->b[i]);
            st = taken_add(s, i);
        }
        s->joined = true;
    }
    return st == ST_OK ? give_taken(t, s, in.a) : task_fail_status(t, st);
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
    uint64_t before = context_cost(c);
    for (uint32_t i = 0; i < s->n_taken; i++) {
        const struct branch *b = &s->b[s->taken[i]];
        if (!b->end)
            continue;
        enum status st = context_append_copy(c, b->end, s->fork_node);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    return mock_find(t) ? settings_charge(t, context_cost(c) - before) : STEP_NEXT;
}

/* One branch by number, for `for x in b`: WAIT until it has ended. */
enum step branches_take(struct task *t, struct branches *s, uint32_t i, struct value *ret)
{
    struct branch *b = &s->b[i];
    if (b->state == BRANCH_NEW || b->state == BRANCH_RUNNING) {
        wait_children(t, &s->waiters);
        return STEP_WAIT;
    }
    if (b->state != BRANCH_DONE)
        return raise_branch(t, s, s->first_failed < s->n ? s->first_failed : i);
    take_print(t, b);
    *ret = value_ref(b->value);
    if (i + 1 == s->n && !s->joined && s->first_failed == UINT32_MAX) {
        enum step st = join_all(t, s);
        if (st == STEP_NEXT)
            branches_settled(s);
        return st;
    }
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

/* ---- parallel attempts (LANGUAGE.md 10.2) ---- */

static enum step keep_attempt(struct task *t, struct branches *s, uint16_t dst)
{
    if (!s->joined) {
        branches_cancel(s, 0);
        take_print(t, &s->b[s->pick]);
        enum status st = taken_add(s, s->pick);
        if (st != ST_OK)
            return task_fail_status(t, st);
        s->joined = true;
    }
    if (s->n_stopping) {
        wait_children(t, &s->waiters);
        return STEP_WAIT;
    }
    value_set_take(&t->top->reg[dst], value_ref(s->b[s->pick].value));
    branches_settled(s);
    return STEP_NEXT;
}

enum step op_join_pass(struct task *t, struct insn in)
{
    struct branches *s = set_of(t->top->reg[in.b]);
    if (!s || !s->try_all)
        return task_fail(t, "R0205", "these are no attempts");
    if (!s->n)
        return task_fail(t, "R0404", "attempt wants a number of tries above 0");
    while (s->pick < s->n && s->b[s->pick].state == BRANCH_FAILED &&
           attempt_may_retry(s->b[s->pick].value))
        s->pick++;
    if (s->pick == s->n) {
        s->joined = true;
        task_raise(t, value_ref(s->b[s->n - 1].value));
        attempt_tell_tries(t, s->n);
        return STEP_FAIL;
    }
    switch ((enum branch_state)s->b[s->pick].state) {
    case BRANCH_DONE:
        return keep_attempt(t, s, in.a);
    case BRANCH_FAILED:
        return raise_branch(t, s, s->pick);
    case BRANCH_NEW: case BRANCH_RUNNING: case BRANCH_CANCELLED:
        break;
    }
    wait_children(t, &s->waiters);
    return STEP_WAIT;
}

static void adopt(struct context *c, struct context *from)
{
    session_drop(c->session);
    node_unref(c->sent);
    node_unref(c->tail);
    base_unref(c->base);
    c->session = from->session;
    c->sent = from->sent;
    c->base = from->base;
    c->tail = node_ref(from->tail);
    c->n_tok = from->n_tok;
    from->session = NULL;
    from->sent = NULL;
    from->base = NULL;
}

/* The context in force becomes what the attempt that passed made of its copy. */
enum step op_join_keep(struct task *t, struct insn in)
{
    struct value ctx = t->top->reg[in.a];
    struct branches *s = set_of(t->top->reg[in.b]);
    if (!s || s->kept.tag != VAL_CONTEXT)
        return STEP_NEXT;
    struct context *c = context_of(ctx), *from = context_of(s->kept);
    struct context *busy = c->busy ? c : from->busy ? from : NULL;
    if (busy) {
        wait_on(&busy->idle, t);
        return STEP_WAIT;
    }
    adopt(c, from);
    value_clear(&s->kept);
    return STEP_NEXT;
}
