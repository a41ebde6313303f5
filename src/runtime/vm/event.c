/* event.c - what a host sees of a run: events in a list behind a mutex, counted by an eventfd.
 *
 * What a branch prints is kept with it and handed on when it is joined, so that the order of
 * output is that of the program and never that of the clock. */
#include "runtime/vm/vm_int.h"

#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void fd_add(struct run *r)
{
    uint64_t one = 1;
    ssize_t n = write(r->fd, &one, sizeof one);
    (void)n;                /* a full counter is readable already */
}

void run_emit(struct run *r, struct run_event *ev)
{
    struct event_node *n = mem_alloc(sizeof *n);
    if (!n) {
        run_event_free(ev);
        return;
    }
    n->next = NULL;
    n->ev = *ev;
    pthread_mutex_lock(&r->lock);
    if (r->ev_tail)
        r->ev_tail->next = n;
    else
        r->ev_head = n;
    r->ev_tail = n;
    pthread_cond_signal(&r->more);
    pthread_mutex_unlock(&r->lock);
    fd_add(r);
    if (r->opts.wake)
        r->opts.wake(r->opts.wake_ctx);
}

void run_emit_text(struct run *r, enum run_event_kind kind, struct slice text, bool to_stderr,
                   struct slice name, int32_t branch)
{
    struct run_event ev = { .kind = kind, .to_stderr = to_stderr, .branch = branch };
    ev.owned = mem_alloc(text.len + name.len + 2);
    if (!ev.owned)
        return;
    if (text.len)
        memcpy(ev.owned, text.ptr, text.len);
    ev.owned[text.len] = 0;
    if (name.len)
        memcpy(ev.owned + text.len + 1, name.ptr, name.len);
    ev.owned[text.len + 1 + name.len] = 0;
    ev.text = (struct slice){ ev.owned, text.len };
    ev.name = (struct slice){ ev.owned + text.len + 1, name.len };
    run_emit(r, &ev);
}

int32_t task_branch(const struct task *t)
{
    while (t->future && t->future->parent)
        t = t->future->parent;
    return t->set ? (int32_t)t->index : -1;
}

/* ---- provisional chunks ---- */

struct shown *task_shown(struct task *t)
{
    if (!t->shown) {
        struct shown *s = mem_zalloc(sizeof *s);
        if (!s)
            return NULL;
        s->refs = 1;
        if (t->set && t->set->parent)
            s->up = task_shown(t->set->parent);
        t->shown = s;
    }
    t->shown->refs++;
    return t->shown;
}

void shown_unref(struct shown *s)
{
    while (s && --s->refs == 0) {
        struct shown *up = s->up;
        mem_free(s);
        s = up;
    }
}

void shown_add(struct shown *s, size_t n)
{
    if (!s)
        return;
    s->own += n;
    for (s = s->up; s; s = s->up)
        s->below += n;
}

void shown_rollback(struct task *t, uint64_t own, uint64_t below)
{
    struct shown *s = t->shown;
    if (!s || (s->own <= own && s->below <= below))
        return;
    struct run_event ev = { .kind = RUN_ROLLBACK, .branch = task_branch(t), .n_back = s->own - own };
    run_emit(t->run, &ev);
    s->own = own;
    s->below = below;
}

void shown_commit(struct task *t, uint64_t own, uint64_t below)
{
    if (!t->shown || (t->shown->own <= own && t->shown->below <= below))
        return;
    struct run_event ev = { .kind = RUN_COMMIT, .branch = task_branch(t) };
    run_emit(t->run, &ev);
}

/* ---- printing ---- */

void task_print(struct task *t, struct slice text, bool to_stderr)
{
    if (!t->set) {
        run_emit_text(t->run, RUN_PRINT, text, to_stderr, SLICE(""), -1);
        return;
    }
    struct print_line *l = t->n_print ? &t->print[t->n_print - 1] : NULL;
    if (!l || l->to_stderr != to_stderr) {
        l = array_push(&t->print, &t->n_print, &t->cap_print, sizeof *l);
        if (!l)
            return;
        l->to_stderr = to_stderr;
    }
    str_add_slice(&l->text, text);
}

void print_flush(struct task *t, struct print_line *line, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        task_print(t, str_slice(&line[i].text), line[i].to_stderr);
    print_drop(line, n);
}

void print_drop(struct print_line *line, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        str_free(&line[i].text);
    mem_free(line);
}

/* ---- the host's side ---- */

static bool is_last(enum run_event_kind k)
{
    return k == RUN_DONE || k == RUN_FAILED;
}

static void deadline_in(struct timespec *ts, int ms)
{
    clock_gettime(CLOCK_MONOTONIC, ts);
    ts->tv_sec += ms / 1000;
    ts->tv_nsec += (ms % 1000) * 1000000L;
    if (ts->tv_nsec >= 1000000000L) {
        ts->tv_sec++;
        ts->tv_nsec -= 1000000000L;
    }
}

enum status run_next(struct run *r, int timeout_ms, struct run_event *ret)
{
    struct timespec until;
    if (timeout_ms > 0)
        deadline_in(&until, timeout_ms);
    pthread_mutex_lock(&r->lock);
    while (!r->ev_head && !r->over && timeout_ms != 0) {
        if (timeout_ms < 0)
            pthread_cond_wait(&r->more, &r->lock);
        else if (pthread_cond_timedwait(&r->more, &r->lock, &until) == ETIMEDOUT)
            break;
    }
    struct event_node *n = r->ev_head;
    enum status st = n ? ST_OK : r->over ? ST_END : ST_TIMEOUT;
    if (n) {
        r->ev_head = n->next;
        if (!r->ev_head)
            r->ev_tail = NULL;
        if (is_last(n->ev.kind))
            r->over = true;
    }
    if (!r->ev_head) {
        uint64_t sum;
        ssize_t got = read(r->fd, &sum, sizeof sum);
        (void)got;
    }
    pthread_mutex_unlock(&r->lock);
    if (n) {
        *ret = n->ev;
        mem_free(n);
    }
    return st;
}

void run_event_free(struct run_event *ev)
{
    value_clear(&ev->value);
    failure_free(ev->failure);
    mem_free(ev->owned);
    *ev = (struct run_event){ 0 };
}

int run_fd(const struct run *r)
{
    return r->fd;
}

static void post_run(struct run *r, enum post_kind kind)
{
    struct run_post *p = mem_zalloc(sizeof *p);
    if (!p)
        return;
    p->post.kind = kind;
    p->run = r;
    vm_post(r->vm, &p->post);
}

void run_answer_input(struct run *r, uint32_t request, struct slice text, bool eof)
{
    struct run_post *p = mem_zalloc(sizeof *p);
    if (!p)
        return;
    p->post.kind = POST_INPUT;
    p->run = r;
    p->request = request;
    p->eof = eof;
    str_add_slice(&p->text, text);
    vm_post(r->vm, &p->post);
}

void run_cancel(struct run *r)
{
    post_run(r, POST_CANCEL);
}

void run_free(struct run *r)
{
    if (!r)
        return;
    post_run(r, POST_FREE);
    pthread_mutex_lock(&r->lock);
    while (!r->dead)
        pthread_cond_wait(&r->more, &r->lock);
    pthread_mutex_unlock(&r->lock);
    while (r->ev_head) {
        struct event_node *n = r->ev_head;
        r->ev_head = n->next;
        run_event_free(&n->ev);
        mem_free(n);
    }
    engine_unref(r->engine);
    close(r->fd);
    pthread_cond_destroy(&r->more);
    pthread_mutex_destroy(&r->lock);
    arena_free(&r->arena);
    mem_free(r);
}

uint64_t run_seed(const struct run *r)
{
    return r->seed;
}

void run_get_stats(struct run *r, struct run_stats *ret)
{
    *ret = r->stats;
}
