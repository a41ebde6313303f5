/* runner.c - see runner.h.  What crosses threads is behind `lock`. */
#include "runtime/sched/runner.h"

#include <pthread.h>

#include "base/alloc.h"
#include "base/clock.h"

enum runner_state { RUNNER_IDLE, RUNNER_BUSY, RUNNER_DONE, RUNNER_STOP };

struct runner {
    struct backend    *backend;
    pthread_t          thread;
    pthread_mutex_t    lock;
    pthread_cond_t     changed;
    enum runner_state  state;
    struct batch       batch;
    float             *logits;
    enum status        st;
    struct error       err;
    uint64_t           ns;
};

static void *run(void *arg)
{
    struct runner *r = arg;
    pthread_mutex_lock(&r->lock);
    while (r->state != RUNNER_STOP) {
        if (r->state != RUNNER_BUSY) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        uint64_t t0 = clock_ns();
        r->st = r->backend->vt->forward(r->backend, &r->batch, r->logits, &r->err);
        r->ns = clock_ns() - t0;
        pthread_mutex_lock(&r->lock);
        r->state = RUNNER_DONE;
        pthread_cond_broadcast(&r->changed);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

enum status runner_new(struct backend *backend, struct runner **ret, struct error *err)
{
    struct runner *r = mem_zalloc(sizeof *r);
    if (!r)
        return error_nomem(err);
    r->backend = backend;
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    if (pthread_create(&r->thread, NULL, run, r) != 0) {
        pthread_cond_destroy(&r->changed);
        pthread_mutex_destroy(&r->lock);
        mem_free(r);
        return error_set(err, ST_FAILED, "no thread for the steps");
    }
    *ret = r;
    return ST_OK;
}

static void set_state(struct runner *r, enum runner_state state)
{
    pthread_mutex_lock(&r->lock);
    r->state = state;
    pthread_cond_broadcast(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    set_state(r, RUNNER_STOP);
    pthread_join(r->thread, NULL);
    pthread_cond_destroy(&r->changed);
    pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void runner_begin(struct runner *r, const struct batch *batch, float *logits)
{
    r->batch = *batch;
    r->logits = logits;
    set_state(r, RUNNER_BUSY);
}

enum status runner_wait(struct runner *r, uint64_t *ret_ns, struct error *err)
{
    pthread_mutex_lock(&r->lock);
    while (r->state != RUNNER_DONE)
        pthread_cond_wait(&r->changed, &r->lock);
    r->state = RUNNER_IDLE;
    pthread_mutex_unlock(&r->lock);
    *ret_ns = r->ns;
    if (r->st != ST_OK)
        *err = r->err;
    return r->st;
}
