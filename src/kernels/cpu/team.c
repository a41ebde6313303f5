/* team.c - the thread team: tickets that carry the number of the job.
 *
 * The state of a phase is one 64-bit word, {job number, next share}, so that a member that wakes
 * late draws no share of a job that it does not know: its draw is a compare-and-swap that fails
 * once the job number has moved on.  A draw that succeeds holds the job open, because the job
 * ends only when all drawn shares are counted as done; so a member that holds a share may read
 * the job, and one that holds none reads nothing but atomics. */
#include "kernels/cpu/team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SPINS = 4000, MAX_THREADS = 256 };       /* spins: about 50 us of pauses */

#define LINE __attribute__((aligned(64)))

struct phase {
    _Atomic uint64_t next LINE;     /* job number << 32 | next share */
    _Atomic uint32_t n_share;
    _Atomic uint32_t n_done LINE;
};

struct member {
    struct team *team;
    pthread_t    thread;
    int          no;
};

struct team {
    struct phase     phase[TEAM_PHASES];
    _Atomic uint32_t number LINE;   /* of the running job; a new value starts the members */
    _Atomic uint32_t n_asleep;
    _Atomic bool     stop;
    struct team_job  job;           /* read by who holds a share of it */
    int              n;
    int              n_started;     /* threads beside the caller */
    struct member   *member;        /* [n] */
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

/* Round i of waiting for a share that somebody holds: that member may need this core. */
static void wait_a_little(uint32_t i)
{
    if (i < SPINS)
        pause_cpu();
    else
        sched_yield();
}

/* Takes one share of phase p of job `number` and does it; false when there is none. */
static bool take_share(struct team *t, int p, uint32_t number, int member)
{
    struct phase *ph = &t->phase[p];
    uint64_t at = atomic_load_explicit(&ph->next, memory_order_acquire);
    do {
        if ((uint32_t)(at >> 32) != number ||
            (uint32_t)at >= atomic_load_explicit(&ph->n_share, memory_order_relaxed))
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&ph->next, &at, at + 1, memory_order_acq_rel,
                                                    memory_order_acquire));
    t->job.share[p](t->job.arg, (uint32_t)at, member);
    atomic_fetch_add_explicit(&ph->n_done, 1, memory_order_release);
    return true;
}

static bool phase_done(struct team *t, int p)
{
    return atomic_load_explicit(&t->phase[p].n_done, memory_order_acquire) ==
           atomic_load_explicit(&t->phase[p].n_share, memory_order_relaxed);
}

/* The first phase is over for this member when all its shares are done, or the job is. */
static void help(struct team *t, uint32_t number, int member)
{
    for (int p = 0; p < TEAM_PHASES; p++) {
        while (take_share(t, p, number, member))
            ;
        for (uint32_t i = 0; !phase_done(t, p); i++) {
            if (atomic_load_explicit(&t->number, memory_order_acquire) != number)
                return;
            wait_a_little(i);
        }
    }
}

static void wait_for_job(struct team *t, uint32_t seen)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&t->number, memory_order_acquire) != seen)
            return;
        pause_cpu();
    }
    atomic_fetch_add(&t->n_asleep, 1);
    while (atomic_load(&t->number) == seen)
        syscall(SYS_futex, &t->number, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
    atomic_fetch_sub(&t->n_asleep, 1);
}

static void start(struct team *t)
{
    atomic_fetch_add(&t->number, 1);
    if (atomic_load(&t->n_asleep))
        syscall(SYS_futex, &t->number, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
}

static void *member_main(void *arg)
{
    struct member *m = arg;
    struct team *t = m->team;
    for (uint32_t seen = 0;;) {
        wait_for_job(t, seen);
        seen = atomic_load_explicit(&t->number, memory_order_acquire);
        if (atomic_load(&t->stop))
            return NULL;
        help(t, seen, m->no);
    }
}

/* Cores this process may use, not those of the machine. */
static int core_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (int)n : 1;
}

enum status team_new(int n_thread, struct team **ret, struct error *err)
{
    int n = n_thread > 0 ? n_thread : core_count();
    if (n > MAX_THREADS)
        n = MAX_THREADS;
    struct team *t = mem_alloc_aligned(64, sizeof *t);
    if (!t)
        return error_nomem(err);
    *t = (struct team){ .n = n };
    t->member = mem_calloc((size_t)n, sizeof *t->member);
    if (!t->member) {
        mem_free_aligned(t);
        return error_nomem(err);
    }
    for (int i = 1; i < n; i++) {
        t->member[i] = (struct member){ .team = t, .no = i };
        if (pthread_create(&t->member[i].thread, NULL, member_main, &t->member[i])) {
            team_free(t);
            return error_set(err, ST_LIMIT, "cannot start thread %d of %d", i, n);
        }
        t->n_started++;
    }
    *ret = t;
    return ST_OK;
}

void team_free(struct team *t)
{
    if (!t)
        return;
    atomic_store(&t->stop, true);
    start(t);
    for (int i = 1; i <= t->n_started; i++)
        pthread_join(t->member[i].thread, NULL);
    mem_free(t->member);
    mem_free_aligned(t);
}

int team_size(const struct team *t)
{
    return t->n;
}

void team_run(struct team *t, const struct team_job *job)
{
    if (t->n == 1) {
        for (int p = 0; p < TEAM_PHASES; p++)
            for (uint32_t s = 0; s < job->n_share[p]; s++)
                job->share[p](job->arg, s, 0);
        return;
    }
    /* No share is out now: the last job ended.  Its number is closed first, so that a late member
     * cannot draw while counts change; the new number opens the tickets last. */
    uint32_t number = atomic_load_explicit(&t->number, memory_order_relaxed) + 1;
    for (int p = 0; p < TEAM_PHASES; p++) {
        atomic_store(&t->phase[p].next, (uint64_t)(number - 1) << 32 | UINT32_MAX);
        atomic_store(&t->phase[p].n_done, 0);
        atomic_store(&t->phase[p].n_share, job->n_share[p]);
    }
    t->job = *job;
    for (int p = 0; p < TEAM_PHASES; p++)
        atomic_store(&t->phase[p].next, (uint64_t)number << 32);
    start(t);

    for (int p = 0; p < TEAM_PHASES; p++) {
        while (take_share(t, p, number, 0))
            ;
        for (uint32_t i = 0; !phase_done(t, p); i++)
            wait_a_little(i);
    }
}
