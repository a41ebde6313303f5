/* future.c - deferred calls: a task each, a future in the caller's register, an order of errors.
 *
 *      frame ---> future ---> future ---> future      in program order, each with its error scope
 *                   |           |           |
 *                  task        done      waiting for a slot
 *
 * A future never leaves the frame that made it: the compiler forces it before its value is needed
 * elsewhere, and settles everything started in an error scope before the scope ends.  So the frame
 * holds them in a list, and an error has a clear order: of several failures of one scope the first
 * in program order is raised.  When a call fails, later ones of its scope are cancelled and earlier
 * ones run to their end, since one of them may fail as well.
 *
 * An argument may be a future of the same frame: the task of the call waits for it, not the caller.
 *
 * Under `mock`, where a `stub` is in force, and for a host that follows the text of generations as
 * it comes, nothing runs ahead: the call runs where it stands. */
#include "runtime/vm/vm_int.h"

/* ---- life ---- */

static struct value future_value(struct future *x)
{
    return (struct value){ .tag = VAL_FUTURE, .obj = &x->hdr.hdr };
}

static struct future *future_of(struct value v)
{
    return (struct future *)v.obj;
}

static void drop_args(struct future *x)
{
    for (uint32_t i = 0; i < x->n_arg; i++)
        value_clear(&x->arg[i]);
    x->n_arg = 0;
}

/* Nothing runs any more: a future with a task is in the list of its frame, which holds it. */
static void future_destroy(struct obj *o)
{
    struct future *x = (struct future *)o;
    drop_args(x);
    value_unref(x->value);
    settings_unref(x->settings);
    image_unref(x->image);
    waitlist_free(&x->waiters);
    mem_free(x->late);
    x->run->n_future--;
    mem_free(x);
}

static bool is_over(const struct future *x)
{
    return x->state != FUTURE_NEW && x->state != FUTURE_RUNNING && !x->task;
}

/* ---- text that comes later ---- */

static void fill(const struct late_text *l, struct slice text)
{
    struct node *n = l->ctx->tail;
    while (n && n != l->node)
        n = n->prev;
    for (struct node *x = l->ctx->tail; n && x != n; x = x->prev)
        x->total += text.len;
    str_add_slice(&l->node->text, text);
    l->node->total += text.len;
}

static void drop_late(struct future *x)
{
    for (uint32_t i = 0; i < x->n_late; i++) {
        x->late[i].ctx->n_late--;
        node_unref(x->late[i].node);
        value_unref((struct value){ .tag = VAL_CONTEXT, .obj = &x->late[i].ctx->hdr.hdr });
    }
    x->n_late = 0;
}

/* It is over: its text form goes where it was inserted.  One that failed keeps its places, so that
 * whoever needs the context finds out. */
static void fill_late(struct future *x)
{
    struct str text = { 0 };
    if (!x->n_late || x->state != FUTURE_DONE)
        return;
    if (value_format(x->value, &text) && !text.failed) {
        for (uint32_t i = 0; i < x->n_late; i++)
            fill(&x->late[i], str_slice(&text));
        drop_late(x);
    } else {
        x->state = FUTURE_FAILED;       /* without memory the error is bare */
        value_clear(&x->value);
    }
    str_free(&text);
}

static void unlink_first(struct future **at, struct task *t)
{
    struct future *x = *at;
    *at = x->next;
    x->next = NULL;
    x->frame = NULL;
    x->parent = NULL;
    drop_late(x);
    t->n_future--;
    value_unref(future_value(x));
}

static void future_link(struct task *t, struct frame *f, struct future *x)
{
    struct future **at = f->future_last ? &f->future_last->next : &f->future;
    *at = x;
    f->future_last = x;
    x->frame = f;
    x->parent = t;
    t->n_future++;
    value_ref(future_value(x));
}

/* The list from *at on is empty now, or ends where it ended before. */
static void list_cut(struct frame *f, struct future **at)
{
    if (*at)
        return;
    f->future_last = at == &f->future ? NULL
        : (struct future *)((char *)at - offsetof(struct future, next));
}

/* The innermost error scope of the top frame, as handlers below it; 0: the frame itself. */
static uint32_t error_level(const struct task *t)
{
    for (uint32_t i = t->n_handler; i > t->top->n_handler; i--)
        if (t->handler[i - 1].kind != HANDLER_SCOPE || t->handler[i - 1].budget)
            return i;
    return 0;
}

/* ---- cancelling ---- */

static void future_cancel(struct future *x)
{
    if (x->state != FUTURE_NEW && x->state != FUTURE_RUNNING)
        return;
    if (x->state == FUTURE_NEW)
        starter_leave(&x->starter);
    else if (!task_cancel(x->task))
        x->task = NULL;
    x->state = FUTURE_CANCELLED;
    drop_args(x);
    wake_all(&x->waiters);
}

static void cancel_behind(const struct future *failed)
{
    for (struct future *x = failed->next; x; x = x->next)
        if (x->level == failed->level)
            future_cancel(x);
}

void futures_kill(struct task *t, struct frame *f)
{
    while (f->future) {
        struct future *x = f->future;
        if (x->state == FUTURE_NEW)
            starter_leave(&x->starter);
        if (x->task)
            task_free(x->task);
        x->task = NULL;
        if (x->state == FUTURE_NEW || x->state == FUTURE_RUNNING)
            x->state = FUTURE_CANCELLED;
        unlink_first(&f->future, t);
    }
    f->future_last = NULL;
}

/* ---- starting ---- */

/* How deep a value of the type may nest: what holds a future counts it as that deep. */
static uint16_t result_depth(const struct image *im, uint32_t func)
{
    return im->depth[im->module->func[func].result];
}

static struct future *future_new(struct task *t, struct image *im, uint32_t func, const struct value *capture,
                                 const struct value *arg)
{
    struct frame *f = t->top;
    const struct func *fn = &im->module->func[func];
    struct future *x = mem_zalloc(sizeof *x + (fn->n_capture + fn->n_param) * sizeof(struct value));
    if (!x)
        return NULL;
    x->hdr.hdr = (struct obj){ .refs = 1, .tag = VAL_FUTURE, .depth = result_depth(im, func) };
    x->hdr.destroy = future_destroy;
    x->run = t->run;
    x->starter.kind = STARTER_FUTURE;
    x->level = error_level(t);
    x->pc = f->pc;
    x->image = image_ref(im);
    x->func = func;
    x->key = frame_key(f, KEY_CALL, frame_ordinal(f));
    x->settings = settings_ref(t->settings);
    x->depth = t->depth;
    for (uint32_t i = 0; i < fn->n_capture; i++)
        x->arg[i] = value_ref(capture[i]);
    for (uint32_t i = 0; i < fn->n_param; i++)
        x->arg[fn->n_capture + i] = value_ref(arg[i]);
    x->n_arg = fn->n_capture + fn->n_param;
    x->run->n_future++;
    return x;
}

/* A slot is free: the call gets its task. */
void future_start(struct future *x)
{
    struct task *t = task_new(x->run, x->settings);
    x->state = FUTURE_RUNNING;
    x->task = t;
    if (!t) {
        x->state = FUTURE_FAILED;       /* without memory the error is bare */
        if (x->frame)
            cancel_behind(x);
        wake_all(&x->waiters);
        return;
    }
    t->future = x;
    t->depth = x->depth;
    slot_take(t, x->settings);
    struct frame *f = frame_push(t, x->image, x->func);
    if (!f) {
        t->state = TASK_FAILED;
        future_ended(t);
        return;
    }
    f->then = THEN_END;
    f->key = x->key;
    for (uint32_t i = 0; i < x->n_arg; i++)
        f->reg[i] = x->arg[i];
    t->late_args = x->n_arg;
    x->n_arg = 0;
    task_ready(t);
}

static bool holds_future(struct value v)
{
    switch ((enum value_tag)v.tag) {
    case VAL_FUTURE:
        return true;
    case VAL_LIST: case VAL_TUPLE:
        for (uint32_t i = 0; i < value_len(v); i++)
            if (holds_future(value_at(v, i)))
                return true;
        return false;
    case VAL_MAP:
        for (uint32_t i = 0; i < value_len(v); i++)
            if (holds_future(value_map_entry(v, i)->val))
                return true;
        return false;
    case VAL_STRUCT:
        for (uint32_t i = 0; i < value_vtype(v)->n; i++)
            if (holds_future(value_field(v, i)))
                return true;
        return false;
    default:
        return false;
    }
}

/* Nothing runs ahead in tests that replace the model or functions, nor in cancelled code, nor where
 * the host follows the text as it is written: it is to come in program order. */
static bool in_order(const struct task *t)
{
    return t->cancelled || t->run->opts.chunks || settings_has(t, SCOPE_MOCK) || settings_has(t, SCOPE_STUB);
}

static bool runs_here(struct task *t, const struct func *fn, const struct value *arg)
{
    if (in_order(t))
        return true;
    if (fn->effects & EFFECT_MODEL)
        return false;
    for (uint32_t i = 0; i < fn->n_param && t->run->n_future; i++)
        if (holds_future(arg[i]))
            return false;
    return true;
}

static enum step force_all(struct task *t, struct value *v, uint32_t n)
{
    enum step s = STEP_NEXT;
    for (uint32_t i = 0; i < n && s == STEP_NEXT && t->run->n_future; i++)
        s = future_force(t, &v[i], NULL);
    return s;
}

static enum step defer(struct task *t, struct future *x, uint16_t dst)
{
    if (!x)
        return task_fail_status(t, ST_NOMEM);
    future_link(t, t->top, x);
    value_set_take(&t->top->reg[dst], future_value(x));
    slots_enter(&x->starter, x->settings);
    return STEP_NEXT;
}

enum step op_call_deferred(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    const struct func *fn = &f->image->module->func[in.b];
    struct value *arg = &f->reg[in.c];
    if (!runs_here(t, fn, arg))
        return defer(t, future_new(t, f->image, in.b, NULL, arg), in.a);
    enum step s = in_order(t) ? op_settle(t) : STEP_NEXT;
    if (s == STEP_NEXT)
        s = force_all(t, arg, fn->n_param);
    return s == STEP_NEXT ? call_func(t, f->image, in.b, arg, fn->n_param, THEN_CALL, in.a) : s;
}

/* Only here it is known which function it is: one that may not be deferred may be a barrier. */
enum step op_call_value_deferred(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    struct value callee = f->reg[in.b], *arg = &f->reg[in.b + 1];
    const struct fn_value *v = callee.tag == VAL_FN ? (const struct fn_value *)callee.obj : NULL;
    const struct func *fn = v ? &v->image->module->func[v->func] : NULL;
    if (fn && (fn->flags & FUNC_FREE) && in.c >= fn->n_param && !in_order(t))
        return defer(t, future_new(t, v->image, v->func, v->capture, arg), in.a);
    enum step s = STEP_NEXT;
    if (!fn || in_order(t) || (fn->effects & (EFFECT_IO | EFFECT_EXT | EFFECT_VALUE)))
        s = op_settle(t);
    if (s == STEP_NEXT)
        s = force_all(t, arg, in.c);
    return s == STEP_NEXT ? call_value(t, callee, arg, in.c, THEN_CALL, in.a) : s;
}

/* ---- ending ---- */

static void keep_result(struct future *x, struct task *t)
{
    if (t->state == TASK_DONE) {
        x->state = FUTURE_DONE;
        x->value = t->result;
        t->result = value_null();
    } else {
        x->state = FUTURE_FAILED;
        x->value = t->error;
        t->error = value_null();
    }
}

void future_ended(struct task *t)
{
    struct future *x = t->future;
    value_ref(future_value(x));
    if (x->state == FUTURE_RUNNING)
        keep_result(x, t);
    fill_late(x);
    x->task = NULL;
    task_free(t);
    if (x->state == FUTURE_FAILED && x->frame)
        cancel_behind(x);
    wake_all(&x->waiters);
    value_unref(future_value(x));
}

/* Before its first operation a task waits for those of its arguments that are futures.  One that
 * has failed is raised where both were deferred, since it came first there: here it just ends. */
enum step future_args(struct task *t)
{
    while (t->late_args) {
        enum step s = future_force(t, &t->top->reg[t->late_args - 1], NULL);
        if (s != STEP_NEXT)
            return s;
        t->late_args--;
    }
    return STEP_NEXT;
}

/* ---- waiting ---- */

/* Everything of the level has to be over; what ended well is let go on the way. */
static enum step level_over(struct task *t, struct frame *f, uint32_t level, struct future ***ret_at,
                            struct future **ret_failed)
{
    struct future **at = &f->future;
    while (*at && (*at)->level < level)
        at = &(*at)->next;
    *ret_at = at;
    *ret_failed = NULL;
    for (struct future *x = *at; x; x = x->next) {
        if (!is_over(x)) {
            list_cut(f, at);
            wait_children(t, &x->waiters);
            return STEP_WAIT;
        }
        if (!*ret_failed && x->state == FUTURE_FAILED)
            *ret_failed = x;
    }
    return STEP_NEXT;
}

static void level_drop(struct task *t, struct frame *f, struct future **at)
{
    while (*at)
        unlink_first(at, t);
    list_cut(f, at);
}

static enum step settle(struct task *t, uint32_t level)
{
    struct frame *f = t->top;
    struct future **at, *failed;
    while (f->future && level <= f->future->level && f->future->state == FUTURE_DONE && is_over(f->future)) {
        unlink_first(&f->future, t);
        list_cut(f, &f->future);
    }
    enum step s = level_over(t, f, level, &at, &failed);
    if (s != STEP_NEXT)
        return s;
    struct value error = failed ? value_ref(failed->value) : value_null();
    bool raise = failed != NULL;
    level_drop(t, f, at);
    return raise ? task_raise(t, error) : STEP_NEXT;
}

enum step op_settle(struct task *t)
{
    return t->top->future ? settle(t, error_level(t)) : STEP_NEXT;
}

/* An error, or a cancel, goes out of a scope. */
enum step futures_leave(struct task *t, struct frame *f, uint32_t level)
{
    struct future **at, *failed;
    for (struct future *x = f->future; x && t->cancelled; x = x->next)
        if (x->level >= level)
            future_cancel(x);
    enum step s = level_over(t, f, level, &at, &failed);
    if (s != STEP_NEXT)
        return s;
    if (failed && !t->cancelled)
        value_set_take(&t->error, value_ref(failed->value));
    level_drop(t, f, at);
    return STEP_NEXT;
}

static enum step take(struct task *t, struct value *v)
{
    struct future *x = future_of(*v);
    if (!is_over(x)) {
        wait_children(t, &x->waiters);
        return STEP_WAIT;
    }
    if (x->state == FUTURE_DONE) {
        if (x->value.tag > VAL_TOOL && x->value.obj->depth > x->hdr.hdr.depth)
            return task_fail_status(t, ST_LIMIT);
        value_set_take(v, value_ref(x->value));
        return STEP_NEXT;
    }
    if (x->frame == t->top)
        return settle(t, x->level);
    return task_raise(t, value_ref(x->value));
}

static bool goes_into(const struct future *x, const struct context *c)
{
    for (uint32_t i = 0; i < x->n_late; i++)
        if (x->late[i].ctx == c)
            return true;
    return false;
}

/* Every text that goes into the context is there; entered again after each that was waited for. */
static enum step force_context(struct task *t, const struct context *c)
{
    for (struct future *x = t->top->future; x && c->n_late; x = x->next) {
        if (!goes_into(x, c))
            continue;
        if (is_over(x))
            return settle(t, x->level);         /* it failed, or one before it did */
        wait_children(t, &x->waiters);
        return STEP_WAIT;
    }
    return STEP_NEXT;
}

static enum step force_items(struct task *t, struct value *item, uint32_t n, uint32_t *from)
{
    for (uint32_t i = from ? *from : 0; i < n; i++) {
        enum step s = future_force(t, &item[i], NULL);
        if (s != STEP_NEXT) {
            if (from)
                *from = i;
            return s;
        }
    }
    return STEP_NEXT;
}

/* Puts values in the place of futures, also inside what others share: a future and its value are
 * the same to a program.  `from`: elements of a list that need not be looked at again. */
enum step future_force(struct task *t, struct value *v, uint32_t *from)
{
    enum step s = STEP_NEXT;
    switch ((enum value_tag)v->tag) {
    case VAL_FUTURE:
        return take(t, v);
    case VAL_CONTEXT:
        return force_context(t, context_of(*v));
    case VAL_LIST: case VAL_TUPLE: {
        struct obj_list *l = (struct obj_list *)v->obj;
        return force_items(t, l->item, l->n, from);
    }
    case VAL_STRUCT: {
        struct obj_struct *o = (struct obj_struct *)v->obj;
        return force_items(t, o->field, o->n, NULL);
    }
    case VAL_MAP: {
        struct obj_map *m = (struct obj_map *)v->obj;
        for (uint32_t i = 0; i < m->n && s == STEP_NEXT; i++)
            s = future_force(t, &m->entry[i].val, NULL);
        return s;
    }
    default:
        return STEP_NEXT;
    }
}

bool future_insert(struct task *t, struct value ctx, struct value *v, enum step *ret)
{
    struct future *x = future_of(*v);
    struct context *c = context_of(ctx);
    if (is_over(x) || c->busy) {
        *ret = future_force(t, v, NULL);
        return *ret != STEP_NEXT;
    }
    struct late_text *slot = array_push(&x->late, &x->n_late, &x->cap_late, sizeof *slot);
    struct node *n;
    enum status st = slot ? context_node(c, NODE_TEXT, c->tail->role, &n) : ST_NOMEM;
    if (st != ST_OK) {
        x->n_late -= slot != NULL;
    } else {
        *slot = (struct late_text){ c, node_ref(n) };
        value_ref(ctx);
        c->n_late++;
    }
    *ret = step_of(t, st);
    return true;
}

enum step op_force(struct task *t, struct insn in)
{
    struct frame *f = t->top;
    if (!t->run->n_future)
        return STEP_NEXT;
    uint32_t from = f->stage_i;
    enum step s = future_force(t, &f->reg[in.a], &from);
    f->stage = s == STEP_WAIT;
    f->stage_i = s == STEP_WAIT ? from : 0;
    return s;
}
