/* test_masks.c - masks filled beside the step: equal tokens for any number of workers and whoever
 * draws them, rows of one place filled once, requests that end while theirs is being filled. */
#include <string.h>
#include <time.h>

#include "base/alloc.h"
#include "fake_engine.h"

enum { N = 24, N_ROUND = 3 };

static const char *const pattern[] = {
    "[a-c]{2,5}[0-9]+", "(the|cat|dog| and){3,9}", "\\{\"[a-z]{1,12}\": [0-9]{1,4}\\}",
    "([a-z]+ ){4,20}[.]", "[^x]{30,40}", "[a-z ]*[act][a-z ]{12}[bdo][a-z ]*x",
};
enum { N_PATTERN = sizeof pattern / sizeof *pattern };

static struct plan *plan_of(struct drive *d, int i, const char *text)
{
    struct plan *p = drive_gen(d, text, 40, (uint64_t)i / 2 + 7);
    p->hole.logprobs = i % 8 == 3;      /* rows that the host looks at */
    if (i % 6 == 5)
        return p;       /* a free row */
    p->hole.constrained = true;
    p->hole.constraint = (struct pattern_source){ .kind = PATTERN_REGEX,
                                                  .text = slice_of(pattern[i / 2 % N_PATTERN]) };
    return p;
}

/* All tokens of all requests, as text. */
static void run_all(int workers, bool patient, bool draws, struct str *out,
                    struct engine_stats *ret)
{
    struct engine_opts o = { .max_running = 16, .mask_workers = workers,
                             .mask_patience_us = patient ? 0 : -1 };
    struct fake_opts fake = fake_plain;
    struct backend *be;
    fake.draws = draws;
    struct engine *e = fake_engine_open(&fake, &o, &be);
    struct drive d[N];
    struct session *s[N];
    for (int round = 0; round < N_ROUND; round++) {
        for (int i = 0; i < N; i++) {
            char *text = fake_text(12, (uint32_t)(i / 6 + round));
            s[i] = fake_session(e);
            drive_submit(s[i], plan_of(&d[i], i, text));
            mem_free(text);
        }
        for (int i = 0; i < N; i++) {
            drive_wait(&d[i]);
            if (!d[i].ok)
                fprintf(stderr, "%d: %s %s\n", i, d[i].error.code, d[i].error.text);
            REQUIRE(d[i].ok);
            for (uint32_t k = 0; k < d[i].result->n_token; k++)
                str_addf(out, "%u ", d[i].result->token[k].id);
            str_addc(out, '\n');
            drive_free(&d[i]);
            session_drop(s[i]);
        }
        fake_check_idle(e);
    }
    engine_stats(e, ret);
    REQUIRE((fake_backend_drawn(be) > 0) == draws);
    engine_unref(e);
}

static void test_equal_for_any_workers(void)
{
    static const struct { int workers; bool patient, draws; } with[] = {
        { -1, true, false }, { 1, true, false }, { 4, true, false }, { 1, false, false },
        { 3, false, false }, { -1, true, true }, { 3, true, true }, { 3, false, true },
    };
    struct str first = {0};
    struct engine_stats st;
    uint64_t n_late = 0;
    for (size_t i = 0; i < sizeof with / sizeof *with; i++) {
        struct str got = {0};
        run_all(with[i].workers, with[i].patient, with[i].draws, &got, &st);
        fprintf(stderr, "workers %d: masks %llu, shared %llu, late %llu\n", with[i].workers,
                (unsigned long long)st.masks, (unsigned long long)st.masks_shared,
                (unsigned long long)st.masks_late);
        REQUIRE(st.masks > 0 && st.masks_shared > 0);
        n_late += with[i].patient ? 0 : st.masks_late;
        REQUIRE(with[i].workers >= 0 || st.masks_late == 0);
        if (!first.len) {
            first = got;
            continue;
        }
        REQUIRE(slice_eq(str_slice(&first), str_slice(&got)));
        str_free(&got);
    }
    REQUIRE(n_late > 0);
    str_free(&first);
}

/* Sixteen samples of one question begin at one place: one mask for their first tokens. */
static void test_one_place_one_mask(void)
{
    enum { N_SAMPLE = 16 };
    struct engine *e = fake_engine_open(&fake_plain, NULL, NULL);
    struct session *s = fake_session(e), *b[N_SAMPLE];
    struct drive d[N_SAMPLE], first;
    struct plan *p = drive_plan(&first);
    plan_text(p, PLAN_TEXT, SLICE("the cat and the dog sings"));
    drive_submit(s, p);
    drive_wait(&first);
    drive_free(&first);
    for (int i = 0; i < N_SAMPLE; i++)
        b[i] = fake_fork(s);
    for (int i = 0; i < N_SAMPLE; i++) {
        p = drive_gen(&d[i], "\n", 1, (uint64_t)i);
        p->hole.constrained = p->hole.cut = true;
        p->hole.constraint = (struct pattern_source){ .kind = PATTERN_REGEX,
                                                      .text = SLICE("[a-z]{9}") };
        drive_submit(b[i], p);
    }
    for (int i = 0; i < N_SAMPLE; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok && d[i].result->n_token == 1);
        drive_free(&d[i]);
        session_drop(b[i]);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.masks + st.masks_shared == N_SAMPLE);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);
}

static void test_cancelled_in_a_mask(void)
{
    struct engine_opts o = { .max_running = 16, .mask_workers = 4, .mask_patience_us = -1 };
    struct engine *e = fake_engine_open(&fake_plain, &o, NULL);
    for (int round = 0; round < 40; round++) {
        struct drive d[6];
        struct session *s[6];
        for (int i = 0; i < 6; i++) {
            s[i] = fake_session(e);
            drive_submit(s[i], plan_of(&d[i], i, "the cat"));
        }
        nanosleep(&(struct timespec){ .tv_nsec = round * 50000L }, NULL);
        for (int i = 0; i < 6; i += 2)
            session_cancel(s[i]);
        for (int i = 0; i < 6; i++) {
            drive_wait(&d[i]);
            REQUIRE(d[i].ok || (i % 2 == 0 && d[i].error.status == ST_CANCELLED));
            drive_free(&d[i]);
            session_drop(s[i]);
        }
        fake_check_idle(e);
    }
    engine_unref(e);
}

int main(void)
{
    test_equal_for_any_workers();
    test_one_place_one_mask();
    test_cancelled_in_a_mask();
    printf("3 passed, 0 failed\n");
    return 0;
}
