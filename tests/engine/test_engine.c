/* test_engine.c - the local engine over a fake device: equal tokens whatever the cache, the batch
 * and the neighbours do, and every page accounted for. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "fake_engine.h"
#include "fake_model.h"
#include "runtime/engine/local.h"

static struct engine *open_engine(const struct fake_opts *fake, bool no_cache,
                                  struct backend **ret_backend)
{
    struct engine_opts opts = { .no_cache = no_cache, .max_running = 16 };
    return fake_engine_open(fake, &opts, ret_backend);
}

static void run_gen(struct session *s, const char *text, uint32_t max, uint64_t seed,
                    struct drive *d)
{
    drive_submit(s, drive_gen(d, text, max, seed));
    drive_wait(d);
    if (!d->ok)
        fprintf(stderr, "gen: %s %s\n", d->error.code, d->error.text);
    REQUIRE(d->ok);
    REQUIRE(slice_eq(str_slice(&d->chunks), d->result->text));
}

static void test_cold_warm_batched(void)
{
    enum { N = 16 };
    char *text = fake_text(300, 1);
    struct drive cold, warm, many[N];
    struct engine *e = open_engine(&fake_plain, false, NULL);
    struct session *s = fake_session(e);
    run_gen(s, text, 60, 5, &cold);
    REQUIRE(cold.result->n_cached == 0 && cold.result->n_prompt > 200);
    session_drop(s);
    s = fake_session(e);
    run_gen(s, text, 60, 5, &warm);
    REQUIRE(warm.result->n_cached + 16 >= warm.result->n_prompt);
    REQUIRE(drive_same(cold.result, warm.result));
    session_drop(s);

    struct session *all[N];
    for (int i = 0; i < N; i++) {
        all[i] = fake_session(e);
        char *other = fake_text(50 + 20 * (uint32_t)i, (uint32_t)i);
        drive_submit(all[i], drive_gen(&many[i], i == 9 ? text : other, 60, i == 9 ? 5 : 100u + i));
        mem_free(other);
    }
    for (int i = 0; i < N; i++) {
        drive_wait(&many[i]);
        REQUIRE(many[i].ok);
    }
    REQUIRE(drive_same(cold.result, many[9].result));
    fake_end(e, many, all, N);

    /* Without a cache, in small chunks, with pages of one token: the same. */
    struct fake_opts odd = fake_plain;
    odd.max_batch_tok = 37;
    for (int i = 0; i < 2; i++) {
        odd.page_tokens = i ? 1 : 64;
        odd.n_page = i ? 2000 : 100;
        e = open_engine(&odd, i == 0, NULL);
        s = fake_session(e);
        struct drive d;
        run_gen(s, text, 60, 5, &d);
        REQUIRE(drive_same(cold.result, d.result));
        drive_free(&d);
        session_drop(s);
        fake_check_idle(e);
        engine_unref(e);
    }
    drive_free(&cold);
    drive_free(&warm);
    mem_free(text);
}

static void test_fork_shares_prefix(void)
{
    enum { N = 8 };
    char *text = fake_text(620, 3);
    struct backend *be;
    struct engine *e = open_engine(&fake_plain, false, &be);
    struct session *s = fake_session(e);
    struct drive d, branch[N], alone;
    struct plan *p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(text));
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok);
    uint32_t n_prefix = session_n_tok(s);
    REQUIRE(n_prefix > 1000);
    drive_free(&d);

    struct session *b[N];
    for (int i = 0; i < N; i++)
        b[i] = fake_fork(s);
    for (int i = 0; i < N; i++) {
        char tip[32];
        snprintf(tip, sizeof tip, " Branch %d: the", i);
        drive_submit(b[i], drive_gen(&branch[i], tip, 40, 40u + (uint64_t)i));
    }
    for (int i = 0; i < N; i++) {
        drive_wait(&branch[i]);
        REQUIRE(branch[i].ok);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    fprintf(stderr, "fork: prefix %u, computed %llu, cached %llu, copied pages %llu\n", n_prefix,
            (unsigned long long)st.computed_tokens, (unsigned long long)st.cached_tokens,
            (unsigned long long)st.copied_pages);
    REQUIRE(st.computed_tokens < n_prefix + N * 24);
    REQUIRE(st.copied_pages <= N);
    for (int i = 0; i < N; i++)
        session_drop(b[i]);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);

    e = open_engine(&fake_plain, false, NULL);
    s = fake_session(e);
    p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(text));
    plan_seal(p);
    drive_submit(s, p);
    drive_wait(&d);
    drive_free(&d);
    run_gen(s, " Branch 5: the", 40, 45, &alone);
    REQUIRE(drive_same(alone.result, branch[5].result));
    drive_free(&alone);
    session_drop(s);
    engine_unref(e);
    for (int i = 0; i < N; i++)
        drive_free(&branch[i]);
    mem_free(text);
}

static void test_refusals_and_cancel(void)
{
    struct fake_opts slow = fake_plain;
    slow.step_us = 3000;
    struct engine *e = open_engine(&slow, false, NULL);
    struct session *s = fake_session(e);
    struct drive d;
    char *text = fake_text(1500, 2);
    drive_submit(s, drive_gen(&d, text, 10, 1));
    drive_wait(&d);
    REQUIRE(!d.ok && strcmp(d.error.code, "R0502") == 0);
    drive_free(&d);
    mem_free(text);
    session_drop(s);

    for (int wait_ms = 0; wait_ms < 40; wait_ms += 8) {
        s = fake_session(e);
        text = fake_text(300, 50 + (uint32_t)wait_ms);
        drive_submit(s, drive_gen(&d, text, 400, 1));
        struct error err;
        struct session_mark m;
        REQUIRE(session_mark(s, &m, &err) == ST_STATE);
        struct timespec t = { 0, wait_ms * 1000000L };
        nanosleep(&t, NULL);
        session_cancel(s);
        session_cancel(s);
        drive_wait(&d);
        REQUIRE(!d.ok && d.error.status == ST_CANCELLED);
        drive_free(&d);
        run_gen(s, " go on", 5, 2, &d);     /* the context is still good */
        drive_free(&d);
        mem_free(text);
        session_drop(s);
    }
    s = fake_session(e);
    struct plan *p = drive_gen(&d, "the cat", 400, 1);
    p->hole.ignore_eos = true;
    p->deadline_ms = clock_ms() + 30;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(!d.ok && strcmp(d.error.code, "R0702") == 0);
    drive_free(&d);
    drive_submit(s, drive_gen(&d, "the cat", 400, 1));
    session_drop(s);                        /* cancels */
    drive_wait(&d);
    drive_free(&d);
    fake_check_idle(e);
    engine_unref(e);
}

static void test_device_failure(void)
{
    struct fake_opts f = fake_plain;
    f.fail_at = 5;
    struct engine *e = open_engine(&f, false, NULL);
    struct session *s = fake_session(e);
    struct drive d;
    struct plan *p = drive_gen(&d, "the cat and", 50, 1);
    p->hole.ignore_eos = true;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(!d.ok && strcmp(d.error.code, "R0705") == 0);
    drive_free(&d);
    run_gen(s, " or", 5, 1, &d);
    drive_free(&d);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);
}

static void test_stops_and_marks(void)
{
    struct engine *e = open_engine(&fake_plain, false, NULL);
    struct session *s = fake_session(e);
    struct drive d, d2;
    struct error err;
    struct plan *p = drive_gen(&d, "the dog", 40, 3);
    p->hole.ignore_eos = true;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok && d.result->finish == FINISH_LENGTH && d.result->n_token == 40);
    struct slice all = d.result->text;

    /* Stop at a text that is known to come, inside a token or not. */
    for (size_t at = 3; at + 3 < all.len; at += 5) {
        if ((all.ptr[at] & 0x80) || (all.ptr[at + 1] & 0x80))
            continue;
        struct slice stop = slice_sub(all, at, 2);
        struct session *t = fake_session(e);
        p = drive_gen(&d2, "the dog", 40, 3);
        p->hole.ignore_eos = true;
        p->hole.stop = &stop;
        p->hole.n_stop = 1;
        drive_submit(t, p);
        drive_wait(&d2);
        REQUIRE(d2.ok && d2.result->finish == FINISH_STOP);
        REQUIRE(slice_eq(d2.result->stop, stop));
        REQUIRE(slice_starts(all, d2.result->text) && d2.result->text.len == slice_find(all, stop));
        REQUIRE(slice_eq(str_slice(&d2.chunks), d2.result->text));
        drive_free(&d2);
        session_drop(t);
    }
    drive_free(&d);

    /* Rolling back to a mark gives the tokens that were there. */
    session_drop(s);
    s = fake_session(e);
    p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of("the the ca"));
    drive_submit(s, p);
    drive_wait(&d);
    drive_free(&d);
    struct session_mark m;
    REQUIRE(session_mark(s, &m, &err) == ST_OK);
    uint32_t n_tok = session_n_tok(s);
    struct session *c = fake_fork(s);
    run_gen(s, "t and the dog", 20, 1, &d);
    drive_free(&d);
    REQUIRE(session_rollback(s, &m, &err) == ST_OK);
    REQUIRE(session_n_tok(s) == n_tok);
    run_gen(s, " no", 20, 9, &d);
    run_gen(c, " no", 20, 9, &d2);
    REQUIRE(drive_same(d.result, d2.result));
    drive_free(&d);
    drive_free(&d2);
    session_drop(c);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);
}

static void test_constrained(void)
{
    struct engine *e = open_engine(&fake_plain, false, NULL);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct session *s = fake_session(e);
        struct drive d;
        struct plan *p = drive_gen(&d, "Age: ", 8, seed);
        p->hole.constrained = true;
        p->hole.constraint = (struct pattern_source){ .kind = PATTERN_REGEX,
                                                      .text = SLICE("[a-c]{2,5}[0-9]+") };
        p->hole.next = NEXT_TEXT;
        p->hole.follow = SLICE(", then");
        drive_submit(s, p);
        drive_wait(&d);
        if (!d.ok)
            fprintf(stderr, "constrained: %s %s\n", d.error.code, d.error.text);
        REQUIRE(d.ok);
        size_t i = 0;
        struct slice v = d.result->text;
        while (i < v.len && v.ptr[i] >= 'a' && v.ptr[i] <= 'c')
            i++;
        REQUIRE(i >= 2 && i <= 5 && v.len > i);
        while (i < v.len && v.ptr[i] >= '0' && v.ptr[i] <= '9')
            i++;
        REQUIRE(i == v.len);
        drive_free(&d);
        run_gen(s, ", then the", 4, seed, &d);
        drive_free(&d);
        session_drop(s);
    }
    fake_check_idle(e);
    engine_unref(e);
}

static void run_choice(struct session *s, enum hole_kind kind, enum select_by by, struct drive *d)
{
    static const struct slice option[] = {
        { "cat", 3 }, { "catalog", 7 }, { "dog", 3 }, { "crocodile", 9 },
    };
    struct plan *p = drive_plan(d);
    plan_text(p, PLAN_TEXT, SLICE("It is a "));
    hole_init(&p->hole, kind);
    p->hole.option = option;
    p->hole.n_option = 4;
    p->hole.by = by;
    p->hole.temp = 1;
    p->hole.key = rng_key_seed(1);
    drive_submit(s, p);
    drive_wait(d);
    if (!d->ok)
        fprintf(stderr, "choice: %s %s\n", d->error.code, d->error.text);
    REQUIRE(d->ok && d->result->n_prob == 4);
}

static void test_choice(void)
{
    struct engine *e = open_engine(&fake_plain, false, NULL);
    struct engine *tiny = open_engine(&(struct fake_opts){
        .context = 256, .page_tokens = 4, .n_page = 20, .max_batch_tok = 3, .max_seq = 2,
        .end_token = FAKE_IM_END, .end_bias = 4 }, false, NULL);
    for (int by = BY_JOINT; by <= BY_SAMPLE; by++) {
        struct drive a, b;
        struct session *s = fake_session(e);
        uint32_t before = session_n_tok(s);
        run_choice(s, HOLE_SCORE, (enum select_by)by, &a);
        REQUIRE(before == 0);
        double sum = 0;
        for (int i = 0; i < 4; i++)
            sum += a.result->prob[i];
        REQUIRE(fabs(sum - 1) < 1e-9);
        session_drop(s);
        s = fake_session(tiny);
        run_choice(s, HOLE_SELECT, (enum select_by)by, &b);
        REQUIRE(memcmp(a.result->prob, b.result->prob, 4 * sizeof(double)) == 0);
        REQUIRE(a.result->option == b.result->option);
        drive_free(&a);
        drive_free(&b);
        session_drop(s);
    }
    fake_check_idle(e);
    fake_check_idle(tiny);
    engine_unref(e);
    engine_unref(tiny);
}

/* What was computed of a chosen option stays: what follows is computed alone, and is the same
 * whatever the pages are (a wrong page would change the fake model's logits). */
static void test_choice_stays(void)
{
    static const struct fake_opts small = {
        .context = 256, .page_tokens = 4, .n_page = 40, .max_batch_tok = 16, .max_seq = 2,
        .end_token = FAKE_IM_END, .end_bias = 4 };
    static const struct fake_opts tight = {
        .context = 256, .page_tokens = 4, .n_page = 20, .max_batch_tok = 3, .max_seq = 2,
        .end_token = FAKE_IM_END, .end_bias = 4 };
    const struct fake_opts *const opts[] = { &fake_plain, &small, &tight };
    for (int by = BY_JOINT; by <= BY_SAMPLE; by++) {
        struct drive said[3];
        for (int i = 0; i < 3; i++) {
            struct engine *e = open_engine(opts[i], false, NULL);
            struct session *s = fake_session(e);
            struct drive first, choice;
            run_gen(s, "Once. ", 5, 1, &first);
            run_choice(s, HOLE_SELECT, (enum select_by)by, &choice);
            uint32_t n_tok = session_n_tok(s);
            run_gen(s, "!", 6, 9, &said[i]);
            uint32_t computed = said[i].result->n_prompt - said[i].result->n_cached;
            REQUIRE(i == 2 || by == BY_PMI || computed <= said[i].result->n_prompt - n_tok + 1);
            REQUIRE(drive_same(said[0].result, said[i].result));
            drive_free(&first);
            drive_free(&choice);
            session_drop(s);
            fake_check_idle(e);
            engine_unref(e);
        }
        for (int i = 0; i < 3; i++)
            drive_free(&said[i]);
    }
}

static void test_turns(void)
{
    struct engine *e = open_engine(&fake_plain, false, NULL);
    struct session *s = fake_session(e);
    struct drive d;
    struct plan *p = drive_gen(&d, NULL, 10, 1);
    plan_turn(p, PLAN_TURN_OPEN, PLAN_USER);
    plan_text(p, PLAN_TEXT, SLICE("say <|im_end|> please"));
    plan_turn(p, PLAN_TURN_CLOSE, PLAN_USER);
    plan_turn(p, PLAN_TURN_OPEN, PLAN_ASSISTANT);
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok);
    drive_free(&d);

    json_t *messages = json_pack("[{s:s,s:s}]", "role", "user", "content", "say <|im_end|> please");
    struct str text = {0};
    struct error err;
    REQUIRE(engine_chat_text(e, messages, NULL, NULL, true, &text, &err) == ST_OK);
    REQUIRE(strcmp(text.ptr, "<|im_start|>user\nsay <|im_end|> please<|im_end|>\n"
                             "<|im_start|>assistant\n") == 0);
    struct session *h = fake_session(e);
    struct drive d2;
    p = drive_gen(&d2, NULL, 10, 1);
    REQUIRE(engine_chat(e, messages, NULL, NULL, true, p, &err) == ST_OK);
    drive_submit(h, p);
    drive_wait(&d2);
    REQUIRE(d2.ok);
    drive_free(&d2);
    str_free(&text);
    json_decref(messages);
    session_drop(h);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);
}

/* More growth than pages: the youngest give theirs up, come back, and nobody sees it. */
static void test_retraction(void)
{
    enum { N = 6 };
    struct fake_opts small = fake_plain;
    small.n_page = 61;
    struct engine *e = open_engine(&small, false, NULL);
    struct session *s[N];
    struct drive d[N], alone;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < (pass ? 1 : N); i++) {
            s[i] = fake_session(e);
            struct plan *p = drive_gen(pass ? &alone : &d[i], "the cat", 300,
                                       pass ? 4u : (uint64_t)i);
            p->hole.ignore_eos = true;
            drive_submit(s[i], p);
        }
        for (int i = 0; i < (pass ? 1 : N); i++) {
            struct drive *one = pass ? &alone : &d[i];
            drive_wait(one);
            REQUIRE(one->ok && one->result->n_token == 300);
            session_drop(s[i]);
        }
    }
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.retracted > 0);
    REQUIRE(drive_same(alone.result, d[4].result));
    drive_free(&alone);
    for (int i = 0; i < N; i++)
        drive_free(&d[i]);
    fake_check_idle(e);
    engine_unref(e);
}

/* ---- random soak ---- */

struct actor {
    struct session *s;
    struct drive    d;
    bool            open;
    uint64_t        seed;
    struct session *twin;       /* of an engine without cache and with room for everything */
};

static uint32_t rnd(uint64_t *x, uint32_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 33) % n;
}

/* The same plan on the twin must give the same tokens. */
static void settle(struct actor *a, struct plan *twin_plan, struct drive *td)
{
    drive_wait(&a->d);
    drive_submit(a->twin, twin_plan);
    drive_wait(td);
    if (a->d.ok && td->ok)
        REQUIRE(drive_same(a->d.result, td->result));
    drive_free(&a->d);
    drive_free(td);
    a->open = false;
}

static void test_soak(uint64_t seed, int n_round, uint32_t n_page)
{
    enum { N = 24 };
    struct fake_opts small = fake_plain;
    small.n_page = n_page;
    small.max_batch_tok = 64;
    struct fake_opts big = fake_plain;
    big.n_page = 8000;
    struct engine *e = open_engine(&small, false, NULL);
    struct engine *ref = open_engine(&big, true, NULL);
    struct actor actor[N] = {0};
    uint64_t x = seed;
    for (int i = 0; i < N; i++) {
        actor[i].s = fake_session(e);
        actor[i].twin = fake_session(ref);
    }
    for (int round = 0; round < n_round; round++) {
        struct plan *twin[N] = {0};
        struct drive td[N];
        for (int i = 0; i < N; i++) {
            struct actor *a = &actor[i];
            uint32_t what = rnd(&x, 10);
            if (what == 0 || session_n_tok(a->s) > 900) {
                session_drop(a->s);
                session_drop(a->twin);
                a->s = fake_session(e);
                a->twin = fake_session(ref);
            } else if (what <= 2) {
                struct actor *from = &actor[rnd(&x, N)];
                if (from != a && !from->open) {
                    session_drop(a->s);
                    session_drop(a->twin);
                    a->s = fake_fork(from->s);
                    a->twin = fake_fork(from->twin);
                }
            }
            if (rnd(&x, 3) == 0)
                continue;
            char *text = fake_text(1 + rnd(&x, 60), rnd(&x, 4));
            uint64_t s = x;
            uint32_t max = 1 + rnd(&x, 60);
            drive_submit(a->s, drive_gen(&a->d, text, max, s));
            twin[i] = drive_gen(&td[i], text, max, s);
            a->open = true;
            mem_free(text);
            if (rnd(&x, 12) == 0) {     /* a cancelled one ends here: both begin anew */
                session_cancel(a->s);
                drive_wait(&a->d);
                drive_free(&a->d);
                plan_free(twin[i]);
                sem_destroy(&td[i].done);
                twin[i] = NULL;
                a->open = false;
                session_drop(a->s);
                session_drop(a->twin);
                a->s = fake_session(e);
                a->twin = fake_session(ref);
            }
        }
        for (int i = 0; i < N; i++) {
            if (actor[i].open)
                settle(&actor[i], twin[i], &td[i]);
        }
        fake_check_idle(e);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    fprintf(stderr, "soak: requests %llu, steps %llu, cached %llu of %llu, evicted %llu, retracted "
            "%llu, copied %llu\n", (unsigned long long)st.requests, (unsigned long long)st.steps,
            (unsigned long long)st.cached_tokens, (unsigned long long)st.prompt_tokens,
            (unsigned long long)st.evicted_pages, (unsigned long long)st.retracted,
            (unsigned long long)st.copied_pages);
    for (int i = 0; i < N; i++) {
        session_drop(actor[i].s);
        session_drop(actor[i].twin);
    }
    fake_check_idle(e);
    engine_unref(e);
    engine_unref(ref);
}

int main(int argc, char **argv)
{
    int n_round = argc > 1 ? atoi(argv[1]) : 30;
    test_cold_warm_batched();
    test_fork_shares_prefix();
    test_refusals_and_cancel();
    test_device_failure();
    test_stops_and_marks();
    test_constrained();
    test_choice();
    test_choice_stays();
    test_turns();
    test_retraction();
    test_soak(1, n_round, 201);
    test_soak(2, n_round, 81);
    printf("10 passed, 0 failed\n");
    return 0;
}
