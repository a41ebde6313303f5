/* task.c - strands and their frames: calls, returns, unwinding, cancelling, slices.
 *
 * A task is a linked list of frames on the heap and a stack of handlers.  An error unwinds by
 * looking at the innermost handler: branches forked inside it are ended, frames above it are
 * dropped, settings are put back, and the handler says where to go on.  Nothing here keeps a C
 * stack per task, so unwinding may wait for the `finally` blocks of branches.
 *
 * A cancelled task unwinds in the same way, but only `finally` blocks take part.  They may
 * compute and write files; they generate nothing, fork nothing and have GRACE_MS in all.  Its
 * error is no value: nothing can catch it. */
#include "runtime/vm/vm_int.h"

#include <string.h>

#include "base/clock.h"

enum { SLICE_STEPS = 20000, GRACE_MS = 5000 };

enum step dispatch(struct task *t, uint64_t slice);

/* ---- tasks ---- */

struct task *task_new(struct run *r, struct settings *s)
{
    struct task *t = mem_zalloc(sizeof *t);
    if (!t)
        return NULL;
    t->run = r;
    t->settings = settings_ref(s);
    t->owner = ++r->next_owner;
    t->state = TASK_WAITING;
    t->run_next = r->task;
    if (r->task)
        r->task->run_prev = t;
    r->task = t;
    r->n_task++;
    return t;
}

static void abandon(struct task *t)
{
    wait_leave(t);
    if (t->wait)
        planner_abandon(t->wait);
    if (t->job) {
        t->job->task = NULL;
        atomic_store(&t->job->cancel, true);
        if (t->job->done)
            job_done(t->job);
    }
    if (t->call) {
        t->call->task = NULL;
        t->call->run = NULL;
        if (t->call->done)
            call_done(t->call);
    }
    t->wait = NULL;
    t->job = NULL;
    t->call = NULL;
    t->has_input = false;
    t->input_request = 0;
    str_free(&t->input);
    t->input = (struct str){ 0 };
}

void task_free(struct task *t)
{
    abandon(t);
    t->state = TASK_CANCELLED;
    branches_kill(t);
    while (t->top)
        frame_pop(t);
    while (t->n_handler)
        handler_pop(t);
    mem_free(t->handler);
    print_drop(t->print, t->n_print);
    value_clear(&t->error);
    value_clear(&t->result);
    value_clear(&t->ctx);
    if (t->future && t->future->task == t)
        t->future->task = NULL;
    slot_release(t);
    settings_unref(t->settings);
    shown_unref(t->shown);
    if (t->run_prev)
        t->run_prev->run_next = t->run_next;
    else
        t->run->task = t->run_next;
    if (t->run_next)
        t->run_next->run_prev = t->run_prev;
    t->run->n_task--;
    mem_free(t);
}

/* Whether anything has to happen before it can be freed. */
static bool has_to_unwind(const struct task *t)
{
    for (uint32_t i = 0; i < t->n_handler; i++)
        if (t->handler[i].finally)
            return true;
    return t->sets != NULL || t->n_future;
}

bool task_stop(struct task *t)
{
    if (!has_to_unwind(t))
        return false;
    abandon(t);
    value_clear(&t->error);
    t->cancelled = true;
    t->unwinding = true;
    t->cancel_base = t->n_handler;
    t->grace_ms = clock_ms() + GRACE_MS;
    t->steps = 0;
    t->state = TASK_WAITING;
    task_ready(t);
    return true;
}

bool task_cancel(struct task *t)
{
    if (task_stop(t))
        return true;
    task_free(t);
    return false;
}

/* ---- frames ---- */

struct frame *frame_push(struct task *t, struct image *im, uint32_t func)
{
    const struct func *fn = &im->module->func[func];
    uint32_t max = t->run->opts.max_depth;
    if (t->depth >= max) {
        task_fail(t, "R0706", "calls nest deeper than %u", max);
        return NULL;
    }
    struct frame *f = mem_zalloc(sizeof *f + fn->n_reg * sizeof(struct value));
    if (!f) {
        task_fail_status(t, ST_NOMEM);
        return NULL;
    }
    f->image = image_ref(im);
    f->fn = fn;
    f->n_handler = t->n_handler;
    f->up = t->top;
    f->into = t->top;
    t->top = f;
    t->depth++;
    return f;
}

void frame_pop(struct task *t)
{
    struct frame *f = t->top;
    while (t->n_handler > f->n_handler)
        handler_pop(t);
    futures_kill(t, f);
    t->top = f->up;
    t->depth--;
    if (t->cancel_frame == f)
        t->cancel_frame = NULL;
    for (uint32_t i = 0; i < f->fn->n_reg; i++)
        value_unref(f->reg[i]);
    for (size_t i = 0; i < sizeof f->tmp / sizeof *f->tmp; i++)
        value_unref(f->tmp[i]);
    mem_free(f->count);
    image_unref(f->image);
    mem_free(f);
}

uint32_t frame_ordinal(const struct frame *f)
{
    return f->pc < f->fn->n_code ? f->fn->ordinal[f->pc] : 0;
}

/* How often this frame has come to the site is part of the path of a draw (LANGUAGE.md 19.2). */
struct rng_key frame_key(struct frame *f, uint32_t kind, uint32_t site)
{
    uint32_t id = site << 4 | kind;
    struct site_count *c = NULL;
    for (uint32_t i = 0; i < f->n_count && !c; i++)
        if (f->count[i].site == id)
            c = &f->count[i];
    if (!c) {
        c = array_push(&f->count, &f->n_count, &f->cap_count, sizeof *c);
        if (c)
            c->site = id;
    }
    struct rng_key key = rng_key_step(f->key, kind, site);
    return c ? rng_key_step(key, KEY_COUNT, c->n++) : key;
}

static enum step enter(struct task *t, struct image *im, uint32_t func,
                       const struct value *capture, const struct value *arg, uint32_t n,
                       enum frame_then then, uint32_t dst)
{
    const struct func *fn = &im->module->func[func];
    if (n < fn->n_param)
        return task_fail(t, "R0205", "%.*s wants %u arguments, %u were given",
                         (int)fn->name.len, fn->name.ptr, fn->n_param, n);
    struct rng_key key = t->top ? frame_key(t->top, KEY_CALL, then == THEN_FEEDBACK ? 0 : frame_ordinal(t->top))
                                : rng_key_seed(t->run->seed);
    struct frame *f = frame_push(t, im, func);
    if (!f)
        return STEP_FAIL;
    f->key = key;
    f->then = (uint8_t)then;
    f->dst = dst;
    for (uint32_t i = 0; i < fn->n_capture; i++)
        f->reg[i] = value_ref(capture[i]);
    for (uint32_t i = 0; i < fn->n_param; i++)
        f->reg[fn->n_capture + i] = value_ref(arg[i]);
    return STEP_AGAIN;
}

enum step call_value(struct task *t, struct value fn, const struct value *arg, uint32_t n,
                     enum frame_then then, uint32_t dst)
{
    if (fn.tag != VAL_FN)
        return task_fail(t, "R0205", "a %s cannot be called", value_tag_name(fn.tag));
    struct fn_value *f = (struct fn_value *)fn.obj;
    struct value stub;
    if (!f->n && settings_stub(t, f->func, BC_NO_INDEX, &stub) && stub.obj != fn.obj) {
        f = (struct fn_value *)stub.obj;
    }
    return enter(t, f->image, f->func, f->capture, arg, n, then, dst);
}

enum step call_func(struct task *t, struct image *im, uint32_t func, const struct value *arg,
                    uint32_t n, enum frame_then then, uint32_t dst)
{
    struct value stub;
    if (settings_stub(t, func, BC_NO_INDEX, &stub))
        return call_value(t, stub, arg, n, then, dst);
    return enter(t, im, func, NULL, arg, n, then, dst);
}

/* ---- handlers ---- */

bool handler_push(struct task *t, struct handler *h)
{
    struct handler *slot = array_push(&t->handler, &t->n_handler, &t->cap_handler, sizeof *slot);
    if (!slot)
        return false;
    *slot = *h;
    slot->frame = t->top;
    return true;
}

/* Ends the innermost handler as leaving it does: its settings go out of force. */
void handler_pop(struct task *t)
{
    struct handler h = t->handler[--t->n_handler];
    if (h.kind == HANDLER_SCOPE) {
        settings_unref(t->settings);
        t->settings = h.outer;
        if (h.has_key)
            h.frame->key = h.key;
    }
    if (h.attempt) {
        h.frame->key = h.attempt->key;
        attempt_free(h.attempt);
    }
}

void task_clear_op(struct task *t)
{
    struct frame *f = t->top;
    f->stage = 0;
    f->stage_i = 0;
    for (size_t i = 0; i < sizeof f->tmp / sizeof *f->tmp; i++)
        value_clear(&f->tmp[i]);
}

/* In cancelled code an error of a `finally` block ends there: what goes on outwards is the cancel. */
static void forget_error(struct task *t, uint32_t at)
{
    if (t->cancelled && at < t->cancel_base)
        value_clear(&t->error);
}

static bool takes(const struct task *t, const struct handler *h)
{
    bool cancel = t->cancelled && t->error.tag != VAL_ERROR;
    return h->kind == HANDLER_TRY && (h->finally || !cancel);
}

static void enter_handler(struct task *t, uint32_t at)
{
    uint32_t pc = t->handler[at].pc;
    uint16_t reg = t->handler[at].reg;
    if (t->handler[at].finally) {
        t->cancel_base = at;
        t->cancel_frame = t->top;
    }
    handler_pop(t);
    value_set_take(&t->top->reg[reg], t->error);
    t->error = value_null();
    t->top->pc = pc;
}

/* The innermost handler of the top frame: AGAIN, it deals with the error; NEXT, it does not. */
static enum step unwind_handler(struct task *t)
{
    uint32_t at = t->n_handler - 1;
    enum step s = branches_leave(t, t->top, at + 1);
    if (s == STEP_NEXT)
        s = futures_leave(t, t->top, at + 1);
    if (s != STEP_NEXT)
        return s;
    struct handler *h = &t->handler[at];
    task_clear_op(t);
    forget_error(t, at);
    if (takes(t, h)) {
        enter_handler(t, at);
        return STEP_AGAIN;
    }
    if (h->kind == HANDLER_ATTEMPT && t->error.tag == VAL_ERROR) {
        s = attempt_idle(t, h);
        if (s == STEP_NEXT)
            s = attempt_failed(t, h);
        if (s != STEP_FAIL)
            return s;
    }
    handler_pop(t);
    return STEP_NEXT;
}

/* Finds who deals with t->error; entered again as long as it has to wait. */
enum step task_unwind(struct task *t)
{
    if (!t->unwinding)
        abandon(t);
    t->unwinding = true;
    while (t->top) {
        enum step s = STEP_NEXT;
        while (s == STEP_NEXT && t->n_handler > t->top->n_handler)
            s = unwind_handler(t);
        if (s == STEP_NEXT)
            s = branches_leave(t, t->top, 0);
        if (s == STEP_NEXT)
            s = futures_leave(t, t->top, 0);
        if (s == STEP_AGAIN)
            t->unwinding = false;
        if (s != STEP_NEXT)
            return s;
        frame_pop(t);
    }
    forget_error(t, 0);
    return STEP_FAIL;
}

/* ---- running ---- */

void task_end(struct task *t)
{
    if (t->set)
        branches_ended(t);
    else if (t->future)
        future_ended(t);
    else
        run_finish(t->run);
}

/* Parameters that a host gave are checked here, where a default inside one can be computed. */
enum step task_check_params(struct task *t)
{
    struct frame *f = t->top;
    const struct func *fn = f->fn;
    for (uint32_t i = 0; i < fn->n_param; i++) {
        struct value *at = &f->reg[fn->n_capture + i];
        struct type_fault fault;
        struct value v;
        enum status st = type_accept(f->image, fn->param[i].rtype, *at, TYPE_JSON, &v, &fault);
        if (st != ST_OK)
            return type_fault_step(t, f->image, st, &fault, "R0104");
        value_set_take(at, v);
    }
    f->unchecked = false;
    return STEP_NEXT;
}

uint64_t task_due(const struct task *t)
{
    if (t->cancelled)
        return t->grace_ms;
    return t->unwinding ? 0 : settings_deadline(t->settings);
}

static bool out_of_time(struct task *t)
{
    uint64_t d = t->run->due_ms && !t->cancelled ? task_due(t) : 0;
    if (!d || clock_ms() < d)
        return false;
    task_fail(t, "R0702", "the time budget is spent");
    return true;
}

static enum step task_slice(struct task *t)
{
    enum step s = STEP_AGAIN;
    if (t->unwinding || out_of_time(t))
        s = STEP_FAIL;
    else if (t->top && t->top->unchecked)
        s = task_check_params(t);
    else if (t->late_args)
        s = future_args(t);
    if (s == STEP_FAIL)
        s = task_unwind(t);
    if (s == STEP_AGAIN || s == STEP_NEXT)
        s = dispatch(t, SLICE_STEPS);
    return s;
}

void task_run(struct task *t)
{
    bool over = t->cancelled && clock_ms() >= t->grace_ms;
    enum step s = over ? STEP_FAIL : slot_resume(t) ? task_slice(t) : STEP_WAIT;
    if (s == STEP_WAIT) {
        run_due(t->run, task_due(t));
        if (!t->queued)
            t->state = TASK_WAITING;
        return;
    }
    if (s == STEP_END || s == STEP_FAIL) {
        t->state = t->cancelled ? TASK_CANCELLED : s == STEP_END ? TASK_DONE : TASK_FAILED;
        task_end(t);
        return;
    }
    task_ready(t);
}
