/* test_pins.c - what an engine keeps of contexts: pinned ones under pressure, nothing of those that
 * end for good; and the reasons that it gives for tokens that it read anew. */
#include <string.h>

#include "base/alloc.h"
#include "fake_engine.h"

static uint64_t computed(struct engine *e)
{
    struct engine_stats st;
    engine_stats(e, &st);
    return st.computed_tokens;
}

static struct session *read_text(struct engine *e, const char *text, enum session_pin pin)
{
    struct session_opts opts = { .pin = pin, .pin_ms = 60000 };
    struct session *s;
    struct drive d;
    struct error err;
    REQUIRE(session_new(e, &opts, &s, &err) == ST_OK);
    struct plan *p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(text));
    p->prefill = true;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok);
    drive_free(&d);
    return s;
}

/* Tokens computed for a prefix that was read first, after other contexts filled the pool. */
static uint64_t reread(enum session_pin pin)
{
    enum { N = 8 };
    struct fake_opts small = fake_plain;
    small.n_page = 121;
    struct engine *e = fake_engine_open(&small, NULL, NULL);
    char *prefix = fake_text(250, 5), *text[N];
    struct session *first = read_text(e, prefix, pin), *other[N];
    uint32_t n_prefix = session_n_tok(first);
    REQUIRE(n_prefix > 300 && n_prefix < 700);
    for (int i = 0; i < N; i++) {
        text[i] = fake_text(200, 20u + (unsigned)i);
        other[i] = read_text(e, text[i], SESSION_UNPINNED);
    }
    uint64_t before = computed(e);
    struct session *again = read_text(e, prefix, SESSION_UNPINNED);
    uint64_t n = computed(e) - before;
    session_drop(again);

    /* more than the others leave: what is pinned is given up as well, in the end */
    char *large = fake_text(700, 50);
    struct session *last = read_text(e, large, SESSION_UNPINNED);
    REQUIRE(session_n_tok(last) + n_prefix > 120 * 16);
    session_drop(last);
    session_drop(first);
    for (int i = 0; i < N; i++) {
        session_drop(other[i]);
        mem_free(text[i]);
    }
    fake_check_idle(e);
    engine_unref(e);
    mem_free(prefix);
    mem_free(large);
    return n;
}

static void test_pinned(void)
{
    uint64_t with = reread(SESSION_PINNED_SOFT), without = reread(SESSION_UNPINNED);
    fprintf(stderr, "pinned: %llu tokens read again, %llu when not\n", (unsigned long long)with,
            (unsigned long long)without);
    REQUIRE(with < 16);
    REQUIRE(without > 64);
}

/* Every prompt token was found, or has a reason why not: texts that are read one after the other
 * are computed for these reasons alone. */
static void check_misses(struct engine *e, uint64_t evicted)
{
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.miss_cold + st.miss_evicted + st.miss_namespace + st.miss_boundary +
            st.miss_logprobs == st.computed_tokens);
    REQUIRE((st.miss_evicted > 0) == (evicted > 0) && st.miss_evicted >= evicted);
}

/* A hard pin outlives pressure and its text is found again; what the pool holds beside the budget
 * is the most that a request may have; a pin beyond the budget is refused, not waited for. */
static void test_hard_pin(void)
{
    enum { N = 8 };
    struct fake_opts small = fake_plain;
    small.n_page = 121;
    struct engine_opts opts = { .pin_percent = 35 };
    struct engine *e = fake_engine_open(&small, &opts, NULL);
    char *prefix = fake_text(250, 5), *beyond = fake_text(250, 6), *large = fake_text(700, 50);
    struct session *pinned = read_text(e, prefix, SESSION_PINNED_HARD);
    struct session *refused = read_text(e, beyond, SESSION_PINNED_HARD);
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.pins_refused == 1);
    for (unsigned i = 0; i < N; i++) {
        char *text = fake_text(300, 20 + i);
        session_drop(read_text(e, text, SESSION_UNPINNED));
        mem_free(text);
    }
    uint64_t before = computed(e);
    session_drop(read_text(e, prefix, SESSION_UNPINNED));
    REQUIRE(computed(e) - before < 16);
    check_misses(e, 0);

    struct error err;
    REQUIRE(engine_flush(e, &err) == ST_OK);    /* spares what is pinned hard, and that alone */
    engine_stats(e, &st);
    REQUIRE(st.pages_cached == 0 && st.pages_held == session_n_tok(pinned) / 16);
    before = computed(e);
    session_drop(read_text(e, prefix, SESSION_UNPINNED));
    REQUIRE(computed(e) - before < 16);

    struct session *s = fake_session(e);
    struct drive d;
    struct plan *p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(large));
    p->prefill = true;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(!d.ok && strcmp(d.error.code, "R0502") == 0);
    drive_free(&d);

    session_drop(s);
    session_drop(pinned);
    session_drop(refused);
    fake_check_idle(e);
    engine_unref(e);
    mem_free(prefix);
    mem_free(beyond);
    mem_free(large);
}

/* A context that is dropped for good leaves nothing of its own; its parent's text stays. */
static void test_discard(void)
{
    struct engine *e = fake_engine_open(&fake_plain, NULL, NULL);
    char *text = fake_text(100, 5), *more = fake_text(100, 6);
    struct session *s = read_text(e, text, SESSION_UNPINNED);
    for (int round = 0; round < 2; round++) {
        struct session *b = fake_fork(s);
        struct drive d;
        uint64_t before = computed(e);
        struct plan *p = drive_plan(&d);
        plan_text(p, PLAN_TEXT, slice_of(more));
        p->prefill = true;
        drive_submit(b, p);
        drive_wait(&d);
        REQUIRE(d.ok);
        drive_free(&d);
        REQUIRE(computed(e) - before + 16 + 4 > session_n_tok(b) - session_n_tok(s));
        session_drop_as(b, SESSION_DISCARD);
        fake_check_idle(e);     /* waits until it is gone */
    }
    uint64_t before = computed(e);
    session_drop(read_text(e, text, SESSION_UNPINNED));
    REQUIRE(computed(e) == before);
    check_misses(e, 1);
    session_drop(s);
    fake_check_idle(e);
    engine_unref(e);
    mem_free(text);
    mem_free(more);
}

/* With as much pinned as may be, two requests grow as far as the window goes: one of them is taken
 * back for the other, and both end. */
static void test_beside_pins(void)
{
    struct fake_opts small = fake_plain;
    small.n_page = 121;
    struct engine_opts opts = { .pin_percent = 35, .max_running = 4 };
    struct engine *e = fake_engine_open(&small, &opts, NULL);
    char *prefix = fake_text(250, 5);
    struct session *pinned = read_text(e, prefix, SESSION_PINNED_HARD), *s[2];
    uint32_t n_pinned = session_n_tok(pinned) / 16, budget = 119 * 35 / 100;
    fprintf(stderr, "%u of %u pages pinned\n", n_pinned, budget);
    REQUIRE(n_pinned <= budget && n_pinned + 10 > budget);
    struct drive d[2];
    for (unsigned i = 0; i < 2; i++) {
        char *text = fake_text(100, 7 + i);
        s[i] = fake_session(e);
        struct plan *p = drive_gen(&d[i], text, 0, i);
        p->hole.ignore_eos = true;
        p->hole.cut = true;
        drive_submit(s[i], p);
        mem_free(text);
    }
    for (int i = 0; i < 2; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok && d[i].result->n_tok == (119 - budget) * 16);
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.retracted > 0 && st.pins_refused == 0);
    session_drop(pinned);
    fake_check_idle(e);
    engine_unref(e);
    mem_free(prefix);
}

/* Of two texts the older one would go first; the younger one was dropped as hardly of use. */
static void test_low(void)
{
    struct fake_opts small = fake_plain;
    small.n_page = 121;
    struct engine *e = fake_engine_open(&small, NULL, NULL);
    char *older = fake_text(200, 5), *younger = fake_text(200, 6), *more = fake_text(600, 7);
    session_drop(read_text(e, older, SESSION_UNPINNED));
    session_drop_as(read_text(e, younger, SESSION_UNPINNED), SESSION_LOW);
    session_drop(read_text(e, more, SESSION_UNPINNED));
    struct engine_stats st;
    engine_stats(e, &st);
    REQUIRE(st.evicted_pages > 0);
    uint64_t before = computed(e);
    session_drop(read_text(e, older, SESSION_UNPINNED));
    REQUIRE(computed(e) - before < 16);
    before = computed(e);
    session_drop(read_text(e, younger, SESSION_UNPINNED));
    REQUIRE(computed(e) - before >= 16);
    fake_check_idle(e);
    engine_unref(e);
    mem_free(older);
    mem_free(younger);
    mem_free(more);
}

int main(void)
{
    test_pinned();
    test_hard_pin();
    test_discard();
    test_beside_pins();
    test_low();
    printf("5 passed, 0 failed\n");
    return 0;
}
