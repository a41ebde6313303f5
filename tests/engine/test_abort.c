/* test_abort.c - a request ends by a cancel, a drop or its deadline in every state that it can be in.
 *
 *      received | queued | reading its prompt | waiting for another's prompt | decoding | set back |
 *      resting between two plans
 *
 * After each the engine's accounting holds (it is checked after every step, and once more when
 * nothing runs), the others end as if nothing had happened, and the same request asked again has the
 * tokens that it has alone. */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_engine.h"

enum how { BY_CANCEL, BY_DROP, BY_DEADLINE, N_HOW };

enum { N_TOKEN = 40, SOON_MS = 40 };

struct stage {
    struct engine  *e;
    struct session *s[8];
    struct drive    d[8];
    char           *text;           /* a prompt of many steps */
    uint32_t        n;
};

static void open_stage(struct stage *st, uint32_t max_running, uint32_t n_page, bool overlap)
{
    struct fake_opts f = fake_plain;
    struct engine_opts o = { .max_running = max_running, .overlap = overlap, .pin_percent = -1 };
    f.max_batch_tok = 32;
    f.step_us = 2000;
    f.n_page = n_page + 1;
    memset(st, 0, sizeof *st);
    st->e = fake_engine_open(&f, &o, NULL);
    st->text = fake_text(200, 9);
}

/* One more request; its place. */
static uint32_t begin(struct stage *st, const char *text, uint32_t max, uint64_t deadline_ms)
{
    uint32_t i = st->n++;
    st->s[i] = fake_session(st->e);
    struct plan *p = drive_gen(&st->d[i], text, max, 11);
    p->hole.ignore_eos = true;
    p->deadline_ms = deadline_ms ? clock_ms() + deadline_ms : 0;
    drive_submit(st->s[i], p);
    return i;
}

static struct engine_stats stats(struct stage *st)
{
    struct engine_stats s;
    engine_stats(st->e, &s);
    return s;
}

#define AWAIT(cond)                                                                         \
    do {                                                                                    \
        usleep(200);                                                                        \
    } while (!(cond))

/* On a slow machine a deadline may come before the state that it was meant for. */
static bool ended(struct stage *st, uint32_t i)
{
    int at = 0;
    sem_getvalue(&st->d[i].done, &at);
    return at > 0;
}

static void end(struct stage *st, uint32_t i, enum how how)
{
    if (how == BY_CANCEL)
        session_cancel(st->s[i]);
    if (how == BY_DROP) {
        session_drop(st->s[i]);
        st->s[i] = NULL;
    }
    drive_wait(&st->d[i]);
    REQUIRE(!st->d[i].ok);
    REQUIRE(st->d[i].error.status == (how == BY_DEADLINE ? ST_TIMEOUT : ST_CANCELLED));
}

static void wait_ok(struct stage *st, uint32_t i)
{
    drive_wait(&st->d[i]);
    REQUIRE(st->d[i].ok);
}

/* Everything has ended; the long prompt again, beside what it says alone. */
static void close_stage(struct stage *st, struct str *alone)
{
    for (uint32_t i = 0; i < st->n; i++) {
        session_drop(st->s[i]);
        drive_free(&st->d[i]);
    }
    st->n = 0;
    fake_check_idle(st->e);
    uint32_t i = begin(st, st->text, N_TOKEN, 0);
    wait_ok(st, i);
    struct slice said = st->d[i].result->text;
    if (!alone->len)
        str_add_slice(alone, said);
    REQUIRE(slice_eq(str_slice(alone), said));
    drive_free(&st->d[i]);
    session_drop(st->s[i]);
    fake_check_idle(st->e);
    engine_unref(st->e);
    mem_free(st->text);
}

static uint64_t deadline(enum how how)
{
    return how == BY_DEADLINE ? SOON_MS : 0;
}

static void test_received(enum how how, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 599, overlap);
    for (int k = 0; k < 8; k++) {       /* at once: most are with the tokeniser or in the inbox */
        uint32_t i = begin(&st, st.text, 1500, deadline(how));
        end(&st, i, how);
    }
    close_stage(&st, alone);
}

static void test_queued(enum how how, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 1, 599, overlap);
    uint32_t a = begin(&st, "the cat", 100, 0);
    AWAIT(stats(&st).running == 1);
    uint32_t b = begin(&st, st.text, 10, deadline(how));
    AWAIT(stats(&st).waiting == 1 || how == BY_DEADLINE);
    end(&st, b, how);
    REQUIRE(!st.d[b].result && stats(&st).running == 1);
    wait_ok(&st, a);
    close_stage(&st, alone);
}

static void test_prefill(enum how how, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 599, overlap);
    uint32_t a = begin(&st, "the cat", 30, 0);
    uint32_t b = begin(&st, st.text, 1000, deadline(how) / 2);
    AWAIT(stats(&st).computed_tokens > 60 || how == BY_DEADLINE);
    end(&st, b, how);
    REQUIRE(!atomic_load(&st.d[b].n_chunk));
    wait_ok(&st, a);
    close_stage(&st, alone);
}

/* Two read one prompt; the one that computes it ends, or the one that waits for it. */
static void test_shared(enum how how, bool producer, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 599, overlap);
    uint32_t a = begin(&st, st.text, N_TOKEN, producer ? deadline(how) / 2 : 0);
    AWAIT(stats(&st).computed_tokens > 30 || ended(&st, a));
    uint32_t b = begin(&st, st.text, N_TOKEN, producer ? 0 : deadline(how) / 4);
    AWAIT(stats(&st).running == 2 || how == BY_DEADLINE);
    end(&st, producer ? a : b, how);
    wait_ok(&st, producer ? b : a);
    str_cut(alone, 0);
    str_add_slice(alone, st.d[producer ? b : a].result->text);
    close_stage(&st, alone);
}

static void test_decode(enum how how, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 599, overlap);
    uint32_t a = begin(&st, "the cat", 30, 0);
    uint32_t b = begin(&st, "and dogs", 1900, deadline(how) * 8);
    AWAIT(atomic_load(&st.d[b].n_chunk) > 2 || ended(&st, b));
    bool spoke = atomic_load(&st.d[b].n_chunk) > 2;
    end(&st, b, how);
    REQUIRE(how != BY_DEADLINE || !spoke || st.d[b].result->n_token > 2);
    wait_ok(&st, a);
    close_stage(&st, alone);
}

/* Many that do not fit: when one has been set back, all end but the first. */
static void test_retracted(enum how how, bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 50, overlap);
    for (uint32_t k = 0; k < 4; k++)
        begin(&st, k % 2 ? "the cat" : "and dogs", k ? 700 : 600,
              how == BY_DEADLINE && k ? 1200 : 0);
    AWAIT((stats(&st).retracted && stats(&st).waiting) || ended(&st, 1));
    for (uint32_t k = 1; k < 4; k++)
        if (how == BY_CANCEL)
            session_cancel(st.s[k]);    /* together: which one waits is not ours to know */
    for (uint32_t k = 1; k < 4; k++)
        end(&st, k, how);
    wait_ok(&st, 0);
    close_stage(&st, alone);
}

/* Pages that a context keeps between two plans, and their fork. */
static void test_paused(bool overlap, struct str *alone)
{
    struct stage st;
    open_stage(&st, 4, 599, overlap);
    uint32_t a = begin(&st, st.text, 10, 0);
    wait_ok(&st, a);
    struct session *f = fake_fork(st.s[a]);
    REQUIRE(stats(&st).pages_held > 0);
    session_drop(st.s[a]);
    st.s[a] = NULL;
    session_cancel(f);                  /* nothing is open: nothing happens */
    session_drop(f);
    AWAIT(stats(&st).pages_held == 0 || engine_check(st.e, NULL));
    close_stage(&st, alone);
}

int main(void)
{
    struct str alone = {0};
    uint32_t n = 0;
    for (int overlap = 0; overlap <= 1; overlap++) {
        for (int how = 0; how < N_HOW; how++) {
            test_received((enum how)how, overlap, &alone);
            test_queued((enum how)how, overlap, &alone);
            test_prefill((enum how)how, overlap, &alone);
            test_shared((enum how)how, true, overlap, &alone);
            test_shared((enum how)how, false, overlap, &alone);
            test_decode((enum how)how, overlap, &alone);
            test_retracted((enum how)how, overlap, &alone);
            n += 7;
        }
        test_paused(overlap, &alone);
        n++;
    }
    str_free(&alone);
    printf("%u passed, 0 failed\n", n);
    return 0;
}
