/* test_sched.c - what the scheduler promises to a request: counters that say where its tokens came
 * from, an answer of what there was when its deadline came, and the same answer whether or not
 * work is done beside the running step. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_engine.h"

static uint32_t sum_of_sources(const struct plan_result *r)
{
    uint32_t device = r->n_cached - r->n_shared - r->n_forked;
    REQUIRE(r->n_shared + r->n_forked <= r->n_cached && r->n_cached <= r->n_prompt);
    return device;
}

/* Never seen, seen, being computed by another just then, inherited by a fork. */
static void test_sources(void)
{
    struct fake_opts f = fake_plain;
    f.max_batch_tok = 64;
    f.step_us = 3000;
    struct engine *e = fake_engine_open(&f, NULL, NULL);
    char *text = fake_text(300, 3);
    struct session *s[3] = { fake_session(e), fake_session(e), fake_session(e) };
    struct drive d[2];

    drive_submit(s[0], drive_gen(&d[0], text, 4, 1));
    while (true) {      /* until the first one computes */
        struct engine_stats st;
        engine_stats(e, &st);
        if (st.steps)
            break;
        usleep(1000);
    }
    drive_submit(s[1], drive_gen(&d[1], text, 4, 2));
    drive_wait(&d[0]);
    drive_wait(&d[1]);
    REQUIRE(d[0].ok && d[1].ok);
    REQUIRE(d[0].result->n_cached == 0 && sum_of_sources(d[0].result) == 0);
    REQUIRE(d[1].result->n_shared > 100 && d[1].result->n_forked == 0);
    REQUIRE(d[1].result->n_cached + 16 > d[1].result->n_prompt);
    drive_free(&d[0]);
    drive_free(&d[1]);

    drive_submit(s[2], drive_gen(&d[0], text, 4, 3));
    drive_wait(&d[0]);
    REQUIRE(d[0].ok && d[0].result->n_shared == 0 && d[0].result->n_forked == 0);
    REQUIRE(sum_of_sources(d[0].result) + 16 > d[0].result->n_prompt);
    drive_free(&d[0]);

    struct session *c = fake_fork(s[2]);
    drive_submit(c, drive_gen(&d[0], " and the", 4, 4));
    drive_wait(&d[0]);
    REQUIRE(d[0].ok && d[0].result->n_forked > 100 && d[0].result->n_shared == 0);
    REQUIRE(d[0].result->n_retracted == 0);
    drive_free(&d[0]);
    session_drop(c);
    for (int i = 0; i < 3; i++)
        session_drop(s[i]);
    fake_check_idle(e);
    engine_unref(e);
    mem_free(text);
}

/* A request that is out of time fails with what it has; one that never ran, with nothing. */
static void test_deadline(void)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 1 };
    f.step_us = 2000;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct session *s[2] = { fake_session(e), fake_session(e) };
    struct drive d[2];
    for (int i = 0; i < 2; i++) {
        struct plan *p = drive_gen(&d[i], "the cat", 1500, 1);
        p->hole.ignore_eos = true;
        p->deadline_ms = clock_ms() + (i ? 50 : 150);
        drive_submit(s[i], p);
        while (!i && !atomic_load(&d[0].n_chunk))
            usleep(1000);
    }
    for (int i = 0; i < 2; i++) {
        drive_wait(&d[i]);
        REQUIRE(!d[i].ok && d[i].error.status == ST_TIMEOUT);
    }
    REQUIRE(d[0].result && d[0].result->text.len && d[0].result->n_generated);
    REQUIRE(slice_starts(d[0].result->text, str_slice(&d[0].chunks)));
    REQUIRE(!d[1].result);
    fake_end(e, d, s, 2);
}

enum { N_MIXED = 16 };

static struct plan *mixed_plan(struct drive *d, uint32_t i, const char *text)
{
    static const struct slice stop[] = { { "a", 1 }, { " the", 4 } };
    struct plan *p = drive_gen(d, text, 40 + i, i);
    p->hole.ignore_eos = i % 2;
    if (i % 4 == 1) {
        p->hole.stop = stop;
        p->hole.n_stop = 2;
        p->hole.min = 8;
    } else if (i % 4 == 2) {
        p->hole.constrained = true;
        p->hole.constraint = (struct pattern_source){
            .kind = PATTERN_REGEX, .text = SLICE("\\{\"[a-z]{3,9}\": [0-9]{1,4}\\}") };
    } else if (i % 4 == 3) {
        p->hole.logprobs = true;
    }
    return p;
}

/* All of them at once, by one engine; returns how many chunks came while a step ran. */
static uint32_t run_mixed(struct drive *d, bool overlap)
{
    struct backend *be;
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 16, .overlap = overlap };
    f.step_us = 1000;
    f.max_batch_tok = 64;
    struct engine *e = fake_engine_open(&f, &o, &be);
    struct session *s[N_MIXED];
    uint32_t n_beside = 0;
    for (uint32_t i = 0; i < N_MIXED; i++) {
        char *text = fake_text(10 + 5 * i, i % 5);
        s[i] = fake_session(e);
        struct plan *p = mixed_plan(&d[i], i, text);
        d[i].slow_us = 100;
        d[i].busy = fake_backend_busy(be);
        drive_submit(s[i], p);
        mem_free(text);
    }
    for (uint32_t i = 0; i < N_MIXED; i++)
        drive_wait(&d[i]);
    for (uint32_t i = 0; i < N_MIXED; i++) {
        n_beside += d[i].n_beside;
        session_drop(s[i]);
    }
    fake_check_idle(e);
    engine_unref(e);
    return n_beside;
}

/* Work beside the running step changes when something is told, and nothing of what. */
static void test_overlap(void)
{
    static struct drive off[N_MIXED], on[N_MIXED];
    uint32_t n_off = run_mixed(off, false), n_on = run_mixed(on, true), n_chunk = 0;
    for (uint32_t i = 0; i < N_MIXED; i++) {
        REQUIRE(off[i].ok && on[i].ok);
        REQUIRE(drive_same(off[i].result, on[i].result));
        REQUIRE(slice_eq(str_slice(&off[i].chunks), str_slice(&on[i].chunks)));
        REQUIRE(slice_eq(off[i].result->text, str_slice(&on[i].chunks)));
        REQUIRE(off[i].result->finish == on[i].result->finish);
        REQUIRE(memcmp(&off[i].result->logprob, &on[i].result->logprob, sizeof(double)) == 0);
        n_chunk += atomic_load(&on[i].n_chunk);
        drive_free(&off[i]);
        drive_free(&on[i]);
    }
    fprintf(stderr, "of %u chunks %u came while a step ran, and %u without overlap\n", n_chunk, n_on,
            n_off);
    REQUIRE(n_off == 0 && n_on > n_chunk / 8);
}

/* Many long answers in a pool that holds few: with room for the longest nobody is set back; with room
 * for likely ones some are, and all end with the same tokens, the first to come first of all. */
static void run_tight(struct drive *d, uint32_t n, uint32_t n_page, bool strict,
                      struct engine_stats *ret)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 16, .admission = strict ? "strict" : NULL,
                             .pin_percent = -1 };
    f.n_page = n_page + 1;
    f.max_batch_tok = 64;
    f.step_us = 200;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct session *s[32];
    for (uint32_t i = 0; i < n; i++) {
        char *text = fake_text(20, i % 4);
        s[i] = fake_session(e);
        struct plan *p = drive_gen(&d[i], text, 220, i);
        p->hole.ignore_eos = true;
        drive_submit(s[i], p);
        mem_free(text);
        do {
            usleep(200);
            engine_stats(e, ret);
        } while (i == 0 && !ret->running);      /* the first one is the oldest */
    }
    for (uint32_t i = 0; i < n; i++) {
        drive_wait(&d[i]);
        if (!d[i].ok)
            fprintf(stderr, "%u: %s %s\n", i, d[i].error.code, d[i].error.text);
        REQUIRE(d[i].ok && d[i].result->n_token == 220);
        session_drop(s[i]);
    }
    fake_check_idle(e);
    engine_stats(e, ret);
    engine_unref(e);
}

static void test_admission(void)
{
    enum { N_LONG = 12 };
    static struct drive d[3][N_LONG];
    struct engine_stats strict, expected, tiny;
    run_tight(d[0], N_LONG, 60, true, &strict);
    run_tight(d[1], N_LONG, 60, false, &expected);
    run_tight(d[2], N_LONG, 24, false, &tiny);      /* not two of them */
    fprintf(stderr, "strict: %llu retracted; expected: %llu; less than two: %llu\n",
            (unsigned long long)strict.retracted, (unsigned long long)expected.retracted,
            (unsigned long long)tiny.retracted);
    REQUIRE(strict.retracted == 0 && expected.retracted > 0 && tiny.retracted > 0);
    uint32_t n_retracted = 0;
    for (uint32_t i = 0; i < N_LONG; i++) {
        REQUIRE(drive_same(d[0][i].result, d[1][i].result));
        REQUIRE(drive_same(d[0][i].result, d[2][i].result));
        REQUIRE(d[0][i].result->n_retracted == 0);
        n_retracted += d[2][i].result->n_retracted;
    }
    REQUIRE(n_retracted == tiny.retracted);
    REQUIRE(d[1][0].result->n_retracted == 0 && d[2][0].result->n_retracted == 0);
    for (uint32_t i = 0; i < 3 * N_LONG; i++)
        drive_free(&d[i / N_LONG][i % N_LONG]);
}

enum { N_OPTION = 12 };

/* Options of n words that part early. */
static struct plan *choice(struct drive *d, struct slice option[N_OPTION], uint32_t n)
{
    struct plan *p = drive_plan(d);
    plan_text(p, PLAN_TEXT, SLICE("the cat and the dog"));
    hole_init(&p->hole, HOLE_SELECT);
    for (uint32_t i = 0; i < N_OPTION; i++) {
        char *text = fake_text(n, i);
        char tip[16];
        snprintf(tip, sizeof tip, "%c%u ", 'a' + (int)(i % 3), i);
        struct str all = {0};
        str_adds(&all, tip);
        str_adds(&all, text);
        option[i] = arena_slice(&p->arena, str_slice(&all));
        str_free(&all);
        mem_free(text);
    }
    p->hole.option = arena_dup(&p->arena, option, N_OPTION * sizeof *option);
    p->hole.n_option = N_OPTION;
    return p;
}

/* Choices whose options do not fit together, three at once: they make room for each other.  One with
 * an option that does not fit at all is refused, and disturbs nobody. */
static void test_choices(void)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 8, .pin_percent = -1 };
    f.n_page = 31;
    f.max_batch_tok = 64;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct slice option[N_OPTION];
    struct session *s[4];
    struct drive d[4];
    for (uint32_t i = 0; i < 4; i++) {
        s[i] = fake_session(e);
        drive_submit(s[i], choice(&d[i], option, i == 1 ? 260 : 50));
    }
    for (uint32_t i = 0; i < 4; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok == (i != 1));
    }
    REQUIRE(strcmp(d[1].error.code, "R0502") == 0);
    REQUIRE(d[0].result->option == d[2].result->option && d[2].result->option == d[3].result->option);
    for (uint32_t k = 0; k < N_OPTION; k++)
        REQUIRE(d[0].result->prob[k] == d[2].result->prob[k] &&
                d[0].result->prob[k] == d[3].result->prob[k]);
    struct engine_stats st;
    engine_stats(e, &st);
    fprintf(stderr, "choices: %llu steps, %llu retracted; %s\n", (unsigned long long)st.steps,
            (unsigned long long)st.retracted, d[1].error.text);
    fake_end(e, d, s, 4);
}

/* Steps with many rows that reading a long prompt takes while another decodes. */
static uint64_t big_steps(uint32_t target_ms)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 4, .itl_target_ms = target_ms };
    f.row_us = 60;
    struct backend *be;
    struct engine *e = fake_engine_open(&f, &o, &be);
    struct session *s[2] = { fake_session(e), fake_session(e) };
    struct drive d[2];
    char *text = fake_text(500, 6);
    struct plan *p = drive_gen(&d[0], "the cat", 1500, 1);
    p->hole.ignore_eos = true;
    drive_submit(s[0], p);
    while (!atomic_load(&d[0].n_chunk))
        usleep(500);
    drive_submit(s[1], drive_gen(&d[1], text, 1, 1));
    drive_wait(&d[1]);
    REQUIRE(d[1].ok);
    uint64_t n = fake_backend_big_steps(be);
    session_cancel(s[0]);
    drive_wait(&d[0]);
    fake_end(e, d, s, 2);
    mem_free(text);
    return n;
}

/* A prompt of a thousand tokens is read in fewer rows a step where decoding has a target. */
static void test_pace(void)
{
    uint64_t free = big_steps(0), held = big_steps(4);
    fprintf(stderr, "a long prompt beside decoding: %llu big steps, %llu with a target of 4 ms\n",
            (unsigned long long)free, (unsigned long long)held);
    REQUIRE(free >= 4 && held <= 2);
}

/* Prompts that wait are bounded; who is over the bound is told at once, and can come again. */
static void test_full(void)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 1, .max_queued_tokens = 200 };
    f.step_us = 1000;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct session *s[5];
    struct drive d[5];
    struct engine_stats st;
    char *text = fake_text(50, 2);
    for (int i = 0; i < 4; i++) {
        s[i] = fake_session(e);
        struct plan *p = drive_gen(&d[i], i ? text : "the cat", 100, 1);
        p->hole.ignore_eos = true;
        drive_submit(s[i], p);
        do {
            usleep(500);
            engine_stats(e, &st);
        } while (i < 2 && st.running + st.waiting < (uint32_t)i + 1);
    }
    drive_wait(&d[2]);
    drive_wait(&d[3]);
    REQUIRE(!d[2].ok && d[2].error.status == ST_FULL && !d[3].ok && d[3].error.status == ST_FULL);
    fprintf(stderr, "%s\n", d[2].error.text);
    drive_wait(&d[0]);
    drive_wait(&d[1]);
    REQUIRE(d[0].ok && d[1].ok);
    s[4] = fake_session(e);
    drive_submit(s[4], drive_gen(&d[4], text, 4, 1));
    drive_wait(&d[4]);
    REQUIRE(d[4].ok);
    fake_end(e, d, s, 5);
    mem_free(text);
}

static uint32_t n_done(struct drive *d, uint32_t n)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < n; i++) {
        int at = 0;
        sem_getvalue(&d[i].done, &at);
        done += at > 0;
    }
    return done;
}

/* Behind one that does not fit eight smaller ones are admitted, and then nobody until it fits. */
static void test_passed(void)
{
    enum { N_SMALL = 12 };
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = 16, .order = "fcfs", .pin_percent = -1 };
    f.n_page = 81;
    f.step_us = 500;
    struct engine *e = fake_engine_open(&f, &o, NULL);
    struct session *s[N_SMALL + 2];
    struct drive d[N_SMALL + 2];
    struct drive *small = d + 2;
    struct engine_stats st;
    for (int i = 0; i < 2; i++) {
        char *text = fake_text(i ? 330 : 210, (uint32_t)i);
        s[i] = fake_session(e);
        struct plan *p = drive_gen(&d[i], text, i ? 4 : 600, 1);
        p->hole.ignore_eos = true;
        drive_submit(s[i], p);
        mem_free(text);
        do {
            usleep(500);
            engine_stats(e, &st);
        } while (st.running < 1 || st.waiting < (uint32_t)i);
    }
    for (uint32_t i = 0; i < N_SMALL; i++) {
        s[i + 2] = fake_session(e);
        drive_submit(s[i + 2], drive_gen(&small[i], "the cat", 3, i));
    }
    while (n_done(small, N_SMALL) < 8)
        usleep(500);
    usleep(60000);
    engine_stats(e, &st);
    fprintf(stderr, "passed: %u; %u run, %u wait\n", n_done(small, N_SMALL), st.running,
            st.waiting);
    REQUIRE(n_done(small, N_SMALL) == 8 && n_done(d, 2) == 0);
    session_cancel(s[0]);
    for (uint32_t i = 0; i < N_SMALL + 2; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok == (i != 0));
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    fake_check_idle(e);
    engine_unref(e);
}

int main(void)
{
    test_passed();
    test_pace();
    test_full();
    test_choices();
    test_admission();
    test_overlap();
    test_sources();
    test_deadline();
    printf("8 passed, 0 failed\n");
    return 0;
}
