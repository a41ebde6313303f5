/* test_soak.c - random work in a pool of 200 pages: no page is lost, no token changes.
 *
 *     test_soak [--seconds N] [--seed N] [--pages N]
 *
 * Contexts are extended, forked, rolled back, pinned, dropped with every hint, cancelled and given
 * deadlines while they compete for pages.  The engine checks its accounting after every step.  Every
 * plan that ends well is run again in a twin of its context, in an engine with room for all and
 * without a cache, one at a time; text, tokens and log-probabilities must be the same.  The seed also
 * picks the orders of the queue and of eviction, and odd ones have steps on a thread of their own. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_engine.h"

enum { N_ACTOR = 24, MOST_TOK = 500 };

struct actor {
    struct session     *s, *twin;
    struct session_mark mark, twin_mark;
    bool                marked;
    bool                open;           /* a plan is under way */
    bool                hurried;        /* it may have been cancelled or be late */
    struct drive        d;
    char               *text;
    uint64_t            seed;
    uint32_t            max, shape;
};

struct soak {
    struct engine *e, *ref;
    struct actor   actor[N_ACTOR];
    uint64_t       state;
    bool           longer;          /* outputs that do not fit together: retraction all the time */
    uint64_t       n_plan, n_same, n_cancelled, n_late, n_fork, n_back;
};

static uint32_t rnd(struct soak *k, uint32_t n)
{
    k->state = k->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(k->state >> 33) % n;
}

static void drop_somehow(struct soak *k, struct actor *a)
{
    session_drop_as(a->s, (enum session_end)rnd(k, 3));
    session_drop(a->twin);
}

/* Some are pinned: after all others, or for a while. */
static struct session *new_session(struct soak *k)
{
    uint32_t what = rnd(k, 8);
    struct session_opts opts = { .pin = what > 1 ? SESSION_UNPINNED
                                        : what   ? SESSION_PINNED_HARD
                                                 : SESSION_PINNED_SOFT,
                                 .pin_ms = rnd(k, 60) };
    struct session *s;
    struct error err;
    REQUIRE(session_new(k->e, &opts, &s, &err) == ST_OK);
    return s;
}

static void begin_anew(struct soak *k, struct actor *a)
{
    drop_somehow(k, a);
    a->s = new_session(k);
    a->twin = fake_session(k->ref);
    a->marked = false;
}

/* The same plan for both. */
static struct plan *plan_of(const struct actor *a, struct drive *d)
{
    static const struct slice option[] = { { "cat", 3 }, { "catalog", 7 }, { "dog", 3 } };
    struct plan *p = drive_gen(d, a->text, a->max, a->seed);
    p->hole.logprobs = a->shape % 3 == 0;
    p->hole.ignore_eos = a->shape % 2 == 0;
    switch (a->shape % 7) {
    case 1:
        p->hole.constrained = true;
        p->hole.constraint = (struct pattern_source){
            .kind = PATTERN_REGEX, .text = SLICE("\\{\"[a-z]{1,9}\": [0-9]{1,4}\\}") };
        p->hole.max = 40;
        break;
    case 2:
        hole_init(&p->hole, HOLE_SELECT);
        p->hole.option = option;
        p->hole.n_option = 3;
        p->hole.key = rng_key_seed(a->seed);
        break;
    case 3:
        p->hole.kind = HOLE_NONE;
        p->prefill = true;
        break;
    default:
        break;
    }
    return p;
}

static void start(struct soak *k, struct actor *a)
{
    a->text = fake_text(1 + rnd(k, 70), rnd(k, 4));
    a->seed = k->state;
    a->max = k->longer ? 150 + rnd(k, 250) : 1 + rnd(k, rnd(k, 4) ? 40 : 600);
    a->shape = k->longer ? 2 * rnd(k, 21) : rnd(k, 42);     /* even ones ignore the end */
    a->hurried = false;
    a->open = true;
    struct plan *p = plan_of(a, &a->d);
    p->priority = (int32_t)rnd(k, 3);
    p->tenant = rnd(k, k->longer ? 1000000 : 3);    /* a new one's answers cannot be foreseen */
    if (rnd(k, 12) == 0) {
        p->deadline_ms = clock_ms() + rnd(k, 30);
        a->hurried = true;
    }
    drive_submit(a->s, p);
    k->n_plan++;
}

/* The end of an actor's plan, and the same in its twin. */
static void finish(struct soak *k, struct actor *a)
{
    drive_wait(&a->d);
    a->open = false;
    if (!a->d.ok) {
        if (!a->hurried)
            fprintf(stderr, "failed: %s %s\n", a->d.error.code, a->d.error.text);
        REQUIRE(a->hurried);
        k->n_late += a->d.error.status == ST_TIMEOUT;
        k->n_cancelled += a->d.error.status == ST_CANCELLED;
    } else {
        struct drive t;
        drive_submit(a->twin, plan_of(a, &t));
        drive_wait(&t);
        REQUIRE(t.ok && drive_same(a->d.result, t.result));
        REQUIRE(memcmp(&a->d.result->logprob, &t.result->logprob, sizeof(double)) == 0);
        REQUIRE(a->d.result->option == t.result->option);
        REQUIRE(session_n_tok(a->s) == session_n_tok(a->twin));
        drive_free(&t);
        k->n_same++;
    }
    bool ok = a->d.ok;
    drive_free(&a->d);
    mem_free(a->text);
    if (!ok)
        begin_anew(k, a);       /* text of a failed plan may stay; the twin has none of it */
}

static void disturb(struct soak *k, struct actor *a)
{
    uint32_t what = rnd(k, 12);
    if (what < 2) {
        session_cancel(a->s);
        a->hurried = true;
    } else if (what < 3) {      /* dropped while it runs: the engine cancels it */
        session_drop_as(a->s, (enum session_end)rnd(k, 3));
        a->s = NULL;
        drive_wait(&a->d);
        drive_free(&a->d);
        mem_free(a->text);
        a->open = false;
        begin_anew(k, a);
        k->n_cancelled++;
    }
}

static void change(struct soak *k, struct actor *a)
{
    struct error err;
    uint32_t what = rnd(k, 12);
    struct actor *from = &k->actor[rnd(k, N_ACTOR)];
    if (what == 0) {
        begin_anew(k, a);
    } else if (what <= 3 && from != a && !from->open) {
        drop_somehow(k, a);
        a->s = fake_fork(from->s);
        a->twin = fake_fork(from->twin);
        a->marked = false;
        k->n_fork++;
    } else if (what <= 5 && a->marked) {
        REQUIRE(session_rollback(a->s, &a->mark, &err) == ST_OK);
        REQUIRE(session_rollback(a->twin, &a->twin_mark, &err) == ST_OK);
        a->marked = false;
        k->n_back++;
    } else if (what <= 7) {
        REQUIRE(session_mark(a->s, &a->mark, &err) == ST_OK);
        REQUIRE(session_mark(a->twin, &a->twin_mark, &err) == ST_OK);
        a->marked = true;
    }
}

static uint32_t n_open(const struct soak *k)
{
    uint32_t n = 0;
    for (int i = 0; i < N_ACTOR; i++)
        n += k->actor[i].open;
    return n;
}

static void play(struct soak *k, uint64_t end_ms)
{
    while (clock_ms() < end_ms) {
        struct actor *a = &k->actor[rnd(k, N_ACTOR)];
        if (!a->open) {
            change(k, a);
            if (session_n_tok(a->s) > MOST_TOK)
                begin_anew(k, a);
            start(k, a);
        } else if (rnd(k, 12) == 0) {
            disturb(k, a);
        } else if (n_open(k) >= N_ACTOR * 3 / 4) {
            finish(k, a);
        }
    }
    for (int i = 0; i < N_ACTOR; i++) {
        if (k->actor[i].open)
            finish(k, &k->actor[i]);
    }
    fake_check_idle(k->e);
}

static void report(struct soak *k, uint64_t seed)
{
    struct engine_stats st;
    engine_stats(k->e, &st);
    printf("seed %llu: %llu plans, %llu the same again, %llu cancelled, %llu late, %llu forks, %llu "
           "rolled back\n", (unsigned long long)seed, (unsigned long long)k->n_plan,
           (unsigned long long)k->n_same, (unsigned long long)k->n_cancelled,
           (unsigned long long)k->n_late, (unsigned long long)k->n_fork,
           (unsigned long long)k->n_back);
    printf("%llu steps, cached %llu of %llu tokens, %llu pages evicted, %llu copied, %llu retracted; "
           "%llu masks, %llu shared, %llu late\n", (unsigned long long)st.steps,
           (unsigned long long)st.cached_tokens, (unsigned long long)st.prompt_tokens,
           (unsigned long long)st.evicted_pages, (unsigned long long)st.copied_pages,
           (unsigned long long)st.retracted, (unsigned long long)st.masks,
           (unsigned long long)st.masks_shared, (unsigned long long)st.masks_late);
    REQUIRE(k->n_same && k->n_fork && st.evicted_pages);
    REQUIRE(!k->longer || st.retracted >= k->n_plan / 20);
}

static void soak(uint64_t seed, uint32_t n_page, uint32_t n_second, bool longer)
{
    static struct soak k;
    struct fake_opts small = fake_plain, big = fake_plain;
    static const char *const order[] = { "random", "hrrn", "fcfs", "lpm", "dfs" };
    static const char *const evict[] = { "priority", "next-use", "lfu", "slru", "lru" };
    struct engine_opts o = { .max_running = 16, .max_wait_ms = 200, .order = order[seed % 5],
                             .evict = evict[seed % 5], .overlap = seed % 2 };
    struct engine_opts plain = { .no_cache = true };
    small.n_page = n_page + 1;
    small.max_batch_tok = 64;
    small.step_us = 300;            /* so that many run at once */
    big.n_page = 4000;
    memset(&k, 0, sizeof k);
    k.state = seed;
    k.longer = longer;
    k.e = fake_engine_open(&small, &o, NULL);
    k.ref = fake_engine_open(&big, &plain, NULL);
    for (int i = 0; i < N_ACTOR; i++) {
        k.actor[i].s = fake_session(k.e);
        k.actor[i].twin = fake_session(k.ref);
    }
    play(&k, clock_ms() + n_second * 1000u);
    report(&k, seed);
    for (int i = 0; i < N_ACTOR; i++) {
        session_drop(k.actor[i].s);
        session_drop(k.actor[i].twin);
    }
    fake_check_idle(k.e);
    engine_unref(k.e);
    engine_unref(k.ref);
}

int main(int argc, char **argv)
{
    uint32_t n_second = 20, n_page = 200;
    uint64_t seed = 1;
    bool longer = argc > 1 && strcmp(argv[argc - 1], "--long") == 0;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--seconds") == 0)
            n_second = (uint32_t)atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--pages") == 0)
            n_page = (uint32_t)atoi(argv[i + 1]);
    }
    soak(seed, n_page, n_second, longer);
    printf("1 passed, 0 failed\n");
    return 0;
}
