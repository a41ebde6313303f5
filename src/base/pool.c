/* pool.c - a fixed set of threads that take jobs from one list, first in, first out.
 *
 * pool_free runs what was submitted and then joins: a job may rely on being run exactly once. */
#include "base/pool.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

enum { THREAD_NAME_MAX = 16 };      /* of pthread_setname_np, with its NUL */

struct job {
    struct job *next;
    void      (*fn)(void *arg);
    void       *arg;
};

/* Crosses threads: everything below `lock` is behind it. */
struct pool {
    pthread_mutex_t lock;
    pthread_cond_t  wake;
    struct job     *first;
    struct job     *last;
    bool            closing;

    char       name[THREAD_NAME_MAX];
    int        n_thread;
    pthread_t *thread;              /* [n_thread] */
};

/* Waits for a job; NULL when the pool closes and none is left. */
static struct job *take_job(struct pool *p)
{
    pthread_mutex_lock(&p->lock);
    while (!p->first && !p->closing)
        pthread_cond_wait(&p->wake, &p->lock);
    struct job *j = p->first;
    if (j) {
        p->first = j->next;
        if (!p->first)
            p->last = NULL;
    }
    pthread_mutex_unlock(&p->lock);
    return j;
}

static void *work(void *arg)
{
    struct pool *p = arg;
    pthread_setname_np(pthread_self(), p->name);
    for (struct job *j; (j = take_job(p)) != NULL;) {
        j->fn(j->arg);
        mem_free(j);
    }
    return NULL;
}

enum status pool_new(int n_thread, const char *name, struct pool **ret_pool, struct error *err)
{
    if (n_thread < 1)
        return error_set(err, ST_INVALID, "a pool needs at least one thread");
    struct pool *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    pthread_mutex_init(&p->lock, NULL);
    pthread_cond_init(&p->wake, NULL);
    snprintf(p->name, sizeof p->name, "%s", name);

    enum status st = ST_OK;
    p->thread = mem_calloc((size_t)n_thread, sizeof *p->thread);
    if (!p->thread) {
        st = error_nomem(err);
        goto fail;
    }
    for (; p->n_thread < n_thread; p->n_thread++) {
        int e = pthread_create(&p->thread[p->n_thread], NULL, work, p);
        if (e) {
            st = error_set(err, ST_FAILED, "cannot start a thread: %s", strerror(e));
            goto fail;
        }
    }
    *ret_pool = p;
    return ST_OK;

fail:
    pool_free(p);
    return st;
}

enum status pool_submit(struct pool *p, void (*fn)(void *arg), void *arg)
{
    struct job *j = mem_alloc(sizeof *j);
    if (!j)
        return ST_NOMEM;
    *j = (struct job){ NULL, fn, arg };
    pthread_mutex_lock(&p->lock);
    if (p->last)
        p->last->next = j;
    else
        p->first = j;
    p->last = j;
    pthread_cond_signal(&p->wake);
    pthread_mutex_unlock(&p->lock);
    return ST_OK;
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->closing = true;
    pthread_cond_broadcast(&p->wake);
    pthread_mutex_unlock(&p->lock);
    for (int i = 0; i < p->n_thread; i++)
        pthread_join(p->thread[i], NULL);
    pthread_cond_destroy(&p->wake);
    pthread_mutex_destroy(&p->lock);
    mem_free(p->thread);
    mem_free(p);
}
