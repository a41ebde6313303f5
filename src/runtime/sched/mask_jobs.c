/* mask_jobs.c - masks of constrained rows, filled beside the forward of their step.
 *
 * What may follow a token is known before the logits behind it are, so the masks of a step are
 * begun when its batch is built and are usually there when the device is done.  A few workers fill
 * several at once; rows that stand at the same place of the same constraint are filled once.
 *
 *      scheduler   build | begin . . . forward . . . | free rows | rows whose mask is there | ...
 *      workers             fill  fill  fill
 *
 * A mask that is late does not hold up others: its row keeps its logits and slips a step.  Only
 * when nothing else is to be done does the scheduler wait, and then it fills masks itself.  A mask
 * depends on its matcher alone, so neither workers nor slips change a token.
 *
 * A matcher belongs to the scheduler thread, and is lent to a worker from begin until the job is
 * done.  A request that ends before that leaves its matcher to the job, so nobody waits for a mask
 * that nobody will read; one that is retracted comes back to its job.  What crosses threads is
 * behind `lock`. */
#include <pthread.h>
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/bitset.h"
#include "base/clock.h"
#include "base/pool.h"
#include "runtime/sched/sched_int.h"

enum job_state { JOB_DONE, JOB_QUEUED, JOB_TAKEN };

struct mask_job {
    struct matcher *matcher;        /* that is asked; NULL: nobody wants to know any more */
    struct matcher *left;           /* the same, when its request has ended: the job's to free */
    struct request *first;          /* whose matcher it is; NULL: it has left */
    uint32_t       *row;            /* [n_word], made when first used */
    uint32_t        n_user;         /* requests that will read it; 0 and done: not in use */
    enum job_state  state;
    enum status     st;             /* good once DONE */
    struct error    err;
    uint64_t        ns;
};

struct mask_jobs {
    size_t           n_word;
    struct mask_job *job;           /* [n_job] one a running request */
    uint32_t         n_job;
    struct pool     *pool;          /* NULL: the scheduler fills all */
    uint32_t         n_worker;
    uint64_t         patience_ns;   /* what a step waits for masks while others could go on */

    pthread_mutex_t  lock;          /* guards `state` of jobs and what follows */
    pthread_cond_t   done;
    uint32_t        *queue;         /* [n_job] a ring of jobs to be taken */
    uint32_t         head, n_queued;
    uint32_t         n_active;      /* workers that take jobs */
};

enum status mask_jobs_new(uint32_t n_job, size_t n_logit, uint32_t n_worker,
                          uint32_t patience_us, struct mask_jobs **ret, struct error *err)
{
    struct mask_jobs *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_mutex_init(&m->lock, NULL);
    pthread_cond_init(&m->done, &attr);
    pthread_condattr_destroy(&attr);
    m->n_word = bitset_words(n_logit);
    m->n_job = n_job;
    m->n_worker = n_worker;
    m->patience_ns = patience_us * 1000u;
    m->job = mem_calloc(n_job, sizeof *m->job);
    m->queue = mem_calloc(n_job, sizeof *m->queue);
    enum status st = m->job && m->queue ? ST_OK : error_nomem(err);
    if (st == ST_OK && n_worker)
        st = pool_new((int)n_worker, "masks", &m->pool, err);
    if (st != ST_OK) {
        mask_jobs_free(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

void mask_jobs_free(struct mask_jobs *m)
{
    if (!m)
        return;
    pool_free(m->pool);
    for (uint32_t i = 0; m->job && i < m->n_job; i++) {
        matcher_free(m->job[i].left);
        mem_free(m->job[i].row);
    }
    mem_free(m->job);
    mem_free(m->queue);
    pthread_cond_destroy(&m->done);
    pthread_mutex_destroy(&m->lock);
    mem_free(m);
}

/* ---- filling ---- */

/* Takes the oldest queued job and fills it.  The lock is held before and after.  False: none. */
static bool fill_one(struct mask_jobs *m)
{
    if (!m->n_queued)
        return false;
    struct mask_job *j = &m->job[m->queue[m->head]];
    m->head = (m->head + 1) % m->n_job;
    m->n_queued--;
    if (j->matcher) {
        struct matcher *matcher = j->matcher;
        j->state = JOB_TAKEN;
        pthread_mutex_unlock(&m->lock);

        uint64_t t0 = clock_ns();
        j->st = matcher_mask(matcher, j->row, &j->err);
        j->ns = clock_ns() - t0;

        pthread_mutex_lock(&m->lock);
    }
    j->state = JOB_DONE;
    pthread_cond_broadcast(&m->done);
    return true;
}

static void work(void *arg)
{
    struct mask_jobs *m = arg;
    pthread_mutex_lock(&m->lock);
    while (fill_one(m))
        continue;
    m->n_active--;
    pthread_mutex_unlock(&m->lock);
}

static void wake_workers(struct mask_jobs *m)
{
    pthread_mutex_lock(&m->lock);
    while (m->pool && m->n_active < m->n_worker && m->n_active < m->n_queued) {
        m->n_active++;
        if (pool_submit(m->pool, work, m) == ST_OK)
            continue;
        m->n_active--;      /* whoever waits for the masks fills them */
        break;
    }
    pthread_mutex_unlock(&m->lock);
}

/* ---- beginning ---- */

/* True when the row that r is about to have will be sampled under a constraint. */
static bool wants_mask(const struct request *r)
{
    return r->kind == REQUEST_GEN && r->matcher && !r->finishing && !r->mask && r->n_logit &&
           r->n_kv == r->tl->tok.n;
}

/* Both matchers have read the same bytes under the same constraint. */
static bool same_place(const struct request *a, const struct request *b)
{
    return a->pattern == b->pattern && !a->heal_left && !b->heal_left &&
           a->value.len == b->value.len && a->open_end == b->open_end &&
           slice_eq(a->follow, b->follow) && slice_eq(str_slice(&a->value), str_slice(&b->value));
}

static struct mask_job *job_like(struct mask_jobs *m, const struct request *r)
{
    for (uint32_t i = 0; i < m->n_job; i++) {
        struct mask_job *j = &m->job[i];
        if (j->n_user && j->first && same_place(j->first, r))
            return j;
    }
    return NULL;
}

static struct mask_job *job_free(struct mask_jobs *m)
{
    uint32_t i = 0;
    pthread_mutex_lock(&m->lock);
    while (i < m->n_job && (m->job[i].n_user || m->job[i].state != JOB_DONE))
        i++;
    pthread_mutex_unlock(&m->lock);
    if (i == m->n_job)
        return NULL;
    struct mask_job *j = &m->job[i];
    matcher_free(j->left);
    j->left = NULL;
    if (!j->row)
        j->row = mem_calloc(m->n_word, sizeof *j->row);
    return j->row ? j : NULL;
}

static void begin_one(struct sched *s, struct request *r)
{
    struct mask_jobs *m = s->masks;
    struct mask_job *j = job_like(m, r);
    if (j) {
        j->n_user++;
        r->mask = j;
        s->stats.masks_shared++;
        return;
    }
    j = job_free(m);
    if (!j)
        return;         /* none is left, or no memory: mask_fill does it in its turn */
    j->first = r;
    j->matcher = r->matcher;
    j->n_user = 1;
    r->mask = j;
    s->stats.masks++;
    pthread_mutex_lock(&m->lock);
    j->state = JOB_QUEUED;
    m->queue[(m->head + m->n_queued++) % m->n_job] = (uint32_t)(j - m->job);
    pthread_mutex_unlock(&m->lock);
}

void mask_jobs_begin(struct sched *s)
{
    bool any = false;
    for (uint32_t i = 0; i < s->n_running; i++) {
        if (!wants_mask(s->running[i]))
            continue;
        begin_one(s, s->running[i]);
        any = true;
    }
    if (any)
        wake_workers(s->masks);
}

/* ---- reading ---- */

/* Waits until the job is done or the time is over; fills masks meanwhile when `help`, or when no
 * worker would. */
static bool wait_done(struct mask_jobs *m, const struct mask_job *j, bool help, uint64_t until_ns)
{
    struct timespec t = { .tv_sec = (time_t)(until_ns / 1000000000u),
                          .tv_nsec = (long)(until_ns % 1000000000u) };
    int rc = 0;
    pthread_mutex_lock(&m->lock);
    while (j->state != JOB_DONE && rc == 0) {
        if ((help || !m->n_active) && fill_one(m))
            continue;
        rc = until_ns ? pthread_cond_timedwait(&m->done, &m->lock, &t)
                      : pthread_cond_wait(&m->done, &m->lock);
    }
    bool done = j->state == JOB_DONE;
    pthread_mutex_unlock(&m->lock);
    return done;
}

void mask_jobs_wait(struct sched *s, struct request *r)
{
    wait_done(s->masks, r->mask, true, 0);
}

bool mask_jobs_ready(struct sched *s, struct request *r, uint64_t step_end_ns)
{
    return wait_done(s->masks, r->mask, false, step_end_ns + s->masks->patience_ns);
}

enum status mask_jobs_take(struct sched *s, struct request *r, uint32_t *row, struct error *err)
{
    struct mask_job *j = r->mask;
    enum status st = j->st;
    if (st != ST_OK)
        *err = j->err;
    memcpy(row, j->row, s->masks->n_word * sizeof *row);
    if (j->first == r)
        s->stats.mask_ns += j->ns;
    mask_jobs_leave(s, r);
    return st;
}

/* The request ends, and its matcher is or will be asked: the job takes it. */
static void leave_matcher(struct mask_jobs *m, struct mask_job *j, struct request *r)
{
    pthread_mutex_lock(&m->lock);
    if (j->state != JOB_DONE) {
        j->left = r->matcher;
        r->matcher = NULL;
    }
    if (j->state == JOB_QUEUED && j->n_user == 1)
        j->matcher = NULL;
    pthread_mutex_unlock(&m->lock);
    j->first = NULL;
}

void mask_jobs_leave(struct sched *s, struct request *r)
{
    struct mask_job *j = r->mask;
    mem_free(r->late_logits);
    r->late_logits = NULL;
    if (!j)
        return;
    if (j->first == r)
        leave_matcher(s->masks, j, r);
    j->n_user--;
    r->mask = NULL;
}

void mask_jobs_pause(struct request *r)
{
    mem_free(r->late_logits);
    r->late_logits = NULL;
}
