/* vm.c - the machine's thread: its queue, its ready list, the life of runs.
 *
 * The thread does one of two things: it takes what was posted, or it runs the next ready task for
 * a slice.  It sleeps only when neither is there, and then at most until the nearest time budget
 * ends.  Nothing on it blocks: files and processes are jobs of the pool, models are plans. */
#include "runtime/vm/vm_int.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"

/* What is due is looked at again after LATE_MS at the earliest, and looking takes one part in so many. */
enum { POOL_THREADS = 2, LATE_MS = 20, SCAN_SHARE = 8 };

void vm_post(struct vm *vm, struct post *p)
{
    queue_push(vm->queue, &p->item);
}

/* ---- ready list and wait lists ---- */

void task_ready(struct task *t)
{
    if (t->queued || t->state > TASK_WAITING)
        return;
    struct vm *vm = t->run->vm;
    t->state = TASK_READY;
    t->queued = true;
    t->next = NULL;
    t->prev = vm->ready_tail;
    if (vm->ready_tail)
        vm->ready_tail->next = t;
    else
        vm->ready_head = t;
    vm->ready_tail = t;
}

static void ready_remove(struct vm *vm, struct task *t)
{
    if (t->prev)
        t->prev->next = t->next;
    else
        vm->ready_head = t->next;
    if (t->next)
        t->next->prev = t->prev;
    else
        vm->ready_tail = t->prev;
    t->queued = false;
}

static struct task *ready_pop(struct vm *vm)
{
    struct task *t = vm->ready_head;
    if (t)
        ready_remove(vm, t);
    return t;
}

void wait_on(struct waitlist *w, struct task *t)
{
    struct task **slot = array_push(&w->task, &w->n, &w->cap, sizeof *slot);
    if (!slot) {
        task_ready(t);      /* without memory to wait it polls */
        return;
    }
    *slot = t;
    t->on = w;
    t->on_at = w->n - 1;
}

void wake_all(struct waitlist *w)
{
    uint32_t n = w->n;
    w->n = 0;
    for (uint32_t i = 0; i < n; i++) {
        if (!w->task[i])
            continue;
        w->task[i]->on = NULL;
        task_ready(w->task[i]);
    }
}

void wait_leave(struct task *t)
{
    if (t->queued)
        ready_remove(t->run->vm, t);
    struct waitlist *w = t->on;
    if (!w)
        return;
    w->task[t->on_at] = NULL;
    while (w->n && !w->task[w->n - 1])
        w->n--;
    t->on = NULL;
}

void waitlist_free(struct waitlist *w)
{
    wake_all(w);
    mem_free(w->task);
    *w = (struct waitlist){ 0 };
}

/* ---- the end of runs ---- */

static void run_last_event(struct run *r)
{
    if (!r->finishing || r->n_wait || r->ended)
        return;
    r->ended = true;
    r->stats.wall_ms = (double)(clock_ns() - r->start_ns) / 1e6;
    run_emit(r, &r->last);
}

/* The main task has ended: everything else is cancelled, and the host hears of it when the last
 * plan has come back, so that it may close the engine at once. */
void run_finish(struct run *r)
{
    struct task *m = r->main;
    r->last = (struct run_event){ .branch = -1 };
    if (m->state == TASK_DONE) {
        r->last.kind = RUN_DONE;
        if (value_detach(m->result, &r->last.value) != ST_OK)
            r->last.value = value_null();       /* contexts and functions stay here */
    } else {
        r->last.kind = RUN_FAILED;
        r->last.failure = failure_of(r, r->cancelling ? value_null() : m->error);
    }
    if (r->env)
        r->env->ok = m->state == TASK_DONE;
    r->finishing = true;
    task_free(m);               /* and every branch with it */
    while (r->task)
        task_free(r->task);
    r->main = NULL;
    run_last_event(r);
}

static void run_unlink(struct run *r)
{
    if (r->prev)
        r->prev->next = r->next;
    else
        r->vm->run = r->next;
    if (r->next)
        r->next->prev = r->prev;
}

static void run_let_go(struct run *r)
{
    run_unlink(r);
    settings_unref(r->root);
    r->root = NULL;
    for (uint32_t i = 0; r->env && i < r->env->n_image; i++)
        image_forget(r->env->image[i]);
    image_forget(r->image);
    image_unref(r->image);
    value_clear(&r->args);
    count_unref(r->live);
    struct vtype *const types[] = { r->t_error, r->t_match, r->t_meta, r->t_token, r->t_call,
                                    r->t_msg, r->t_tok };
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        vtype_unref(types[i]);
    pthread_mutex_lock(&r->lock);
    r->dead = true;
    pthread_cond_broadcast(&r->more);
    pthread_mutex_unlock(&r->lock);
}

static void run_begin(struct run *r)
{
    r->next = r->vm->run;
    if (r->next)
        r->next->prev = r;
    r->vm->run = r;
    r->started = true;
    r->start_ns = clock_ns();
    task_ready(r->main);
}

/* `finally` blocks run first, unless it is said a second time or the host frees the run. */
static void run_stop(struct run *r, bool now)
{
    if (r->finishing)
        return;
    now = now || r->cancelling;
    r->cancelling = true;
    if (!now && task_stop(r->main))
        return;
    r->main->state = TASK_CANCELLED;
    run_finish(r);
}

/* ---- what arrives ---- */

static void input_arrived(struct run_post *p)
{
    for (struct task *t = p->run->task; t; t = t->run_next) {
        if (t->input_request != p->request || t->has_input)
            continue;
        t->has_input = true;
        t->input_eof = p->eof;
        t->input = p->text;
        p->text = (struct str){ 0 };
        task_ready(t);
        break;
    }
}

static void chunk_arrived(struct chunk_post *c)
{
    struct op_wait *w = c->wait;
    struct slice text = { c->byte, c->len };
    struct run *r = w->run;
    if (r->stats.ttft_ms == 0)
        r->stats.ttft_ms = (double)(clock_ns() - r->start_ns) / 1e6;
    if (w->live)
        shown_add(w->shown, text.len);
    if (w->live && !r->finishing)
        run_emit_text(r, RUN_CHUNK, text, false, w->name, w->branch);
    if (w->stream)
        stream_chunk(w->stream, text);
    mem_free(c);
}

static bool take_post(struct vm *vm, struct post *p)
{
    struct run_post *rp = (struct run_post *)p;
    struct run *r;
    switch (p->kind) {
    case POST_START:
        run_begin(rp->run);
        break;
    case POST_CANCEL:
        run_stop(rp->run, false);
        break;
    case POST_FREE:
        r = rp->run;
        if (!r->finishing)
            run_stop(r, true);
        if (r->n_wait) {            /* comes back when the last plan has */
            vm_post(vm, p);
            return false;
        }
        run_let_go(r);
        break;
    case POST_QUIT:
        vm->quit = true;
        break;
    case POST_PLAN:
        r = ((struct op_wait *)p)->run;
        planner_answer((struct op_wait *)p);
        run_last_event(r);
        return true;
    case POST_CHUNK:
        chunk_arrived((struct chunk_post *)p);
        return true;
    case POST_ANSWER:
        call_done((struct run_call *)p);
        return true;
    case POST_JOB:
        r = ((struct job *)p)->run;
        job_done((struct job *)p);
        run_last_event(r);
        return true;
    case POST_INPUT:
        input_arrived(rp);
        break;
    }
    str_free(&rp->text);
    mem_free(rp);
    return true;
}

/* ---- time budgets ---- */

void run_due(struct run *r, uint64_t ms)
{
    if (ms && ms < r->scan_ms)
        ms = r->scan_ms;
    if (ms && (!r->due_ms || ms < r->due_ms))
        r->due_ms = ms;
}

/* No task is due before. */
static uint64_t nearest_due(const struct vm *vm)
{
    uint64_t best = 0;
    for (const struct run *r = vm->run; r; r = r->next)
        if (r->due_ms && (!best || r->due_ms < best))
            best = r->due_ms;
    return best;
}

/* A waiting task whose time is up is run: it drops what it waits for and raises, or is given up. */
static void expire_run(struct run *r, uint64_t now)
{
    if (!r->due_ms || r->due_ms > now)
        return;
    r->due_ms = r->scan_ms = 0;
    for (struct task *t = r->task; t; t = t->run_next) {
        uint64_t due = task_due(t);
        run_due(r, due);
        if (t->state == TASK_WAITING && due && due <= now) {
            wait_leave(t);
            task_ready(t);
        }
    }
    r->scan_ms = now + LATE_MS + SCAN_SHARE * (clock_ms() - now);
    if (r->due_ms && r->due_ms < r->scan_ms)
        r->due_ms = r->scan_ms;
}

/* ---- the thread ---- */

static int idle_ms(struct vm *vm, bool retry)
{
    if (vm->ready_head)
        return 0;
    if (retry)
        return 2;
    uint64_t d = nearest_due(vm);
    if (!d)
        return -1;
    uint64_t now = clock_ms();
    return d <= now ? 0 : (int)(d - now < 60000 ? d - now : 60000);
}

static void *vm_main(void *arg)
{
    struct vm *vm = arg;
    bool retry = false;
    while (!vm->quit) {
        struct queue_item *item = vm->ready_head ? queue_pop(vm->queue)
                                                 : queue_wait(vm->queue, idle_ms(vm, retry));
        retry = false;
        while (item) {
            if (!take_post(vm, (struct post *)item)) {
                retry = true;
                break;
            }
            item = queue_pop(vm->queue);
        }
        uint64_t d = nearest_due(vm), now = d ? clock_ms() : 0;
        for (struct run *r = d && d <= now ? vm->run : NULL; r; r = r->next)
            expire_run(r, now);
        struct task *t = ready_pop(vm);
        if (t)
            task_run(t);
    }
    return NULL;
}

enum status vm_new(struct vm **ret, struct error *err)
{
    struct vm *vm = mem_zalloc(sizeof *vm);
    if (!vm)
        return error_nomem(err);
    enum status st = queue_new(&vm->queue, err);
    if (st == ST_OK)
        st = pool_new(POOL_THREADS, "sgl-files", &vm->pool, err);
    if (st == ST_OK && pthread_create(&vm->thread, NULL, vm_main, vm) != 0)
        st = error_set(err, ST_FAILED, "cannot start the machine's thread");
    if (st != ST_OK) {
        pool_free(vm->pool);
        if (vm->queue)
            queue_free(vm->queue);
        mem_free(vm);
        return st;
    }
    *ret = vm;
    return ST_OK;
}

void vm_free(struct vm *vm)
{
    if (!vm)
        return;
    struct run_post *p = mem_zalloc(sizeof *p);
    if (!p) {
        vm->quit = true;        /* seen with the next post; there is no better way without memory */
    } else {
        p->post.kind = POST_QUIT;
        vm_post(vm, &p->post);
    }
    pthread_join(vm->thread, NULL);
    pool_free(vm->pool);
    struct queue_item *item;
    while ((item = queue_pop(vm->queue)))
        take_post(vm, (struct post *)item);
    queue_free(vm->queue);
    mem_free(vm);
}
