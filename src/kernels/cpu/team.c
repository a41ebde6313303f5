/* team.c - the thread team: one generation counter to start, one count to join.
 *
 * Members spin on `generation`; the caller spins on `n_done`.  Both fall asleep on a futex after
 * SPINS rounds, and whoever changes the word wakes sleepers only when there are some. */
#include "kernels/cpu/team.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/alloc.h"

enum { SPINS = 4000, MAX_THREADS = 256 };     /* about 50 us of pauses */

/* A word that is waited for, alone on its cache line. */
struct gate {
    _Atomic uint32_t word;
    _Atomic uint32_t n_asleep;
} __attribute__((aligned(64)));

struct member {
    struct team *team;
    pthread_t    thread;
    int          no;
};

struct team {
    struct gate      generation;    /* a new value starts the members */
    struct gate      done;          /* members that are through with this generation */
    struct gate      phase;         /* barriers passed */
    _Atomic uint32_t at_barrier __attribute__((aligned(64)));
    _Atomic uint32_t next __attribute__((aligned(64)));
    int              n;
    int              n_started;     /* threads beside the caller */
    bool             stop;          /* written before a generation, read after it */
    void           (*fn)(void *arg, int member);
    void            *arg;
    struct member   *member;        /* [n] */
};

static inline void pause_cpu(void)
{
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
}

static void gate_wait_change(struct gate *g, uint32_t old)
{
    for (int i = 0; i < SPINS; i++) {
        if (atomic_load_explicit(&g->word, memory_order_acquire) != old)
            return;
        pause_cpu();
    }
    atomic_fetch_add(&g->n_asleep, 1);
    while (atomic_load(&g->word) == old)
        syscall(SYS_futex, &g->word, FUTEX_WAIT_PRIVATE, old, NULL, NULL, 0);
    atomic_fetch_sub(&g->n_asleep, 1);
}

static void gate_wake(struct gate *g)
{
    if (atomic_load(&g->n_asleep))
        syscall(SYS_futex, &g->word, FUTEX_WAKE_PRIVATE, MAX_THREADS, NULL, NULL, 0);
}

static void *member_main(void *arg)
{
    struct member *m = arg;
    struct team *t = m->team;
    uint32_t seen = 0;
    for (;;) {
        gate_wait_change(&t->generation, seen);
        seen = atomic_load_explicit(&t->generation.word, memory_order_acquire);
        if (t->stop)
            return NULL;
        t->fn(t->arg, m->no);
        atomic_fetch_add(&t->done.word, 1);
        gate_wake(&t->done);
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
    t->stop = true;
    atomic_fetch_add(&t->generation.word, 1);
    gate_wake(&t->generation);
    for (int i = 1; i <= t->n_started; i++)
        pthread_join(t->member[i].thread, NULL);
    mem_free(t->member);
    mem_free_aligned(t);
}

int team_size(const struct team *t)
{
    return t->n;
}

void team_run(struct team *t, void (*fn)(void *arg, int member), void *arg)
{
    atomic_store_explicit(&t->next, 0, memory_order_relaxed);
    if (t->n == 1) {
        fn(arg, 0);
        return;
    }
    t->fn = fn;
    t->arg = arg;
    atomic_store_explicit(&t->done.word, 0, memory_order_relaxed);
    atomic_fetch_add(&t->generation.word, 1);
    gate_wake(&t->generation);
    fn(arg, 0);
    for (;;) {
        uint32_t done = atomic_load_explicit(&t->done.word, memory_order_acquire);
        if (done == (uint32_t)t->n - 1)
            return;
        gate_wait_change(&t->done, done);
    }
}

void team_barrier(struct team *t)
{
    if (t->n == 1)
        return;
    uint32_t phase = atomic_load_explicit(&t->phase.word, memory_order_acquire);
    if (atomic_fetch_add(&t->at_barrier, 1) + 1 == (uint32_t)t->n) {
        atomic_store(&t->at_barrier, 0);
        atomic_fetch_add(&t->phase.word, 1);
        gate_wake(&t->phase);
        return;
    }
    gate_wait_change(&t->phase, phase);
}

uint32_t team_next(struct team *t)
{
    return atomic_fetch_add_explicit(&t->next, 1, memory_order_relaxed);
}
