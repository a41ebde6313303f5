/* test_model.c - the same on a real model: cold, warm, alone, beside others, forked,
 * chosen among options.
 *
 * The model is the argument; without the file the test is skipped (77). */
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "drive.h"

enum { N = 16, N_BRANCH = 8 };

static struct engine *open_engine(const char *path, uint32_t max_batch_tok, bool no_cache)
{
    struct engine_opts o = { .model = path, .check_steps = true, .no_cache = no_cache,
                             .max_batch_tok = max_batch_tok };
    struct engine *e;
    struct error err;
    if (engine_open_local(&o, &e, &err) != ST_OK) {
        fprintf(stderr, "%s: %s\n", path, err.text);
        exit(1);
    }
    return e;
}

static struct session *new_session(struct engine *e)
{
    struct session *s;
    struct error err;
    REQUIRE(session_new(e, NULL, &s, &err) == ST_OK);
    return s;
}

static void run(struct session *s, const char *text, uint64_t seed, struct drive *d)
{
    drive_submit(s, drive_gen(d, text, 16, seed));
    drive_wait(d);
    REQUIRE(d->ok);
}

static char *story(uint32_t n)
{
    struct str s = {0};
    for (uint32_t i = 0; i < n; i++)
        str_addf(&s, "Day %u. The keeper of the lighthouse wrote about the weather. ", i);
    return str_take(&s);
}

static void close_engine(struct engine *e)
{
    struct error err = {0};
    if (!engine_check(e, &err)) {
        fprintf(stderr, "engine_check: %s\n", err.text);
        exit(1);
    }
    engine_unref(e);
}

static void test_equal_tokens(const char *path)
{
    char *text = story(12);
    struct drive cold, warm, other[N];
    struct engine *e = open_engine(path, 0, false);
    struct session *s = new_session(e), *all[N];
    run(s, text, 7, &cold);
    session_drop(s);
    s = new_session(e);
    run(s, text, 7, &warm);
    session_drop(s);
    REQUIRE(drive_same(cold.result, warm.result));
    REQUIRE(warm.result->n_cached + 1 >= warm.result->n_prompt);
    for (int i = 0; i < N; i++) {
        char *t = story(1 + (uint32_t)i % 5);
        all[i] = new_session(e);
        drive_submit(all[i], drive_gen(&other[i], i == 11 ? text : t, 16, i == 11 ? 7 : 90u + i));
        mem_free(t);
    }
    for (int i = 0; i < N; i++) {
        drive_wait(&other[i]);
        REQUIRE(other[i].ok);
        session_drop(all[i]);
    }
    REQUIRE(drive_same(cold.result, other[11].result));
    for (int i = 0; i < N; i++)
        drive_free(&other[i]);
    close_engine(e);

    e = open_engine(path, 37, true);
    s = new_session(e);
    drive_free(&warm);
    run(s, text, 7, &warm);
    REQUIRE(drive_same(cold.result, warm.result));
    session_drop(s);
    close_engine(e);
    drive_free(&cold);
    drive_free(&warm);
    mem_free(text);
}

static void test_branches(const char *path)
{
    char *text = story(72);
    struct drive d, branch[N_BRANCH], alone;
    struct session *b[N_BRANCH];
    struct error err;
    struct engine *e = open_engine(path, 0, false);
    struct session *s = new_session(e);
    struct plan *p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(text));
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok);
    drive_free(&d);
    uint32_t n_prefix = session_n_tok(s);
    REQUIRE(n_prefix >= 1000);
    for (int i = 0; i < N_BRANCH; i++)
        REQUIRE(session_fork(s, &b[i], &err) == ST_OK);
    for (int i = 0; i < N_BRANCH; i++) {
        char tip[32];
        snprintf(tip, sizeof tip, "\nTip %d:", i + 1);
        drive_submit(b[i], drive_gen(&branch[i], tip, 16, 40u + (uint64_t)i));
    }
    for (int i = 0; i < N_BRANCH; i++) {
        drive_wait(&branch[i]);
        REQUIRE(branch[i].ok);
        session_drop(b[i]);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    printf("prefix %u, branches %d, computed %llu, cached %llu\n", n_prefix, N_BRANCH,
           (unsigned long long)st.computed_tokens, (unsigned long long)st.cached_tokens);
    REQUIRE(st.computed_tokens <= n_prefix + N_BRANCH * 12);
    session_drop(s);
    close_engine(e);

    e = open_engine(path, 0, true);
    s = new_session(e);
    p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, slice_of(text));
    plan_seal(p);
    drive_submit(s, p);
    drive_wait(&d);
    drive_free(&d);
    run(s, "\nTip 4:", 43, &alone);
    REQUIRE(drive_same(alone.result, branch[3].result));
    drive_free(&alone);
    session_drop(s);
    close_engine(e);
    for (int i = 0; i < N_BRANCH; i++)
        drive_free(&branch[i]);
    mem_free(text);
}

static const char *const colour[] = { " red", " red and blue", " green", " light green paint" };
enum { N_COLOUR = 4 };

/* n options from `first` on; select, so that the chosen one's tokens are told. */
static void choose(struct session *s, int first, int n, enum select_by by, uint64_t seed,
                   struct drive *d)
{
    struct slice option[N_COLOUR];
    struct plan *p = drive_plan(d);
    plan_text(p, PLAN_TEXT, SLICE("The keeper painted the old door of the lighthouse"));
    hole_init(&p->hole, HOLE_SELECT);
    for (int i = 0; i < n; i++)
        option[i] = slice_of(colour[first + i]);
    p->hole.option = option;
    p->hole.n_option = (uint32_t)n;
    p->hole.by = by;
    p->hole.temp = 8;
    p->hole.key = rng_key_seed(seed);
    p->hole.logprobs = true;
    drive_submit(s, p);
    drive_wait(d);
    if (!d->ok)
        fprintf(stderr, "choice: %s %s\n", d->error.code, d->error.text);
    REQUIRE(d->ok);
}

/* The log-probabilities of option i's tokens: alone, in one pass of its own. */
static void rescore(struct engine *e, int i, struct drive *ret)
{
    struct session *s = new_session(e);
    choose(s, i, 1, BY_JOINT, 0, ret);
    session_drop(s);
}

/* The same option as the text of a gen that may be nothing else: its tokens are read or decoded like
 * any others. */
static void spell(struct engine *e, int i, struct drive *ret)
{
    struct session *s = new_session(e);
    struct plan *p = drive_plan(ret);
    struct slice only = slice_of(colour[i]);
    plan_text(p, PLAN_TEXT, SLICE("The keeper painted the old door of the lighthouse"));
    hole_init(&p->hole, HOLE_GEN);
    p->hole.constrained = true;
    p->hole.constraint = (struct pattern_source){ .kind = PATTERN_CHOICES, .choice = &only,
                                                  .n_choice = 1 };
    p->hole.max = 16;
    p->hole.temp = 0;
    p->hole.logprobs = true;
    drive_submit(s, p);
    drive_wait(ret);
    if (!ret->ok)
        fprintf(stderr, "spell: %s %s\n", ret->error.code, ret->error.text);
    REQUIRE(ret->ok);
    session_drop(s);
}

static bool same_logprobs(const struct plan_result *a, const struct plan_result *b)
{
    if (!drive_same(a, b))
        return false;
    for (uint32_t i = 0; i < a->n_token; i++)
        if (memcmp(&a->token[i].logprob, &b->token[i].logprob, sizeof a->token[i].logprob) != 0)
            return false;
    return true;
}

/* One pass over the trie of all options gives the bits that each option gives alone, whatever the
 * batches are. */
static void test_choice(const char *path)
{
    struct engine *e = open_engine(path, 0, false), *cut = open_engine(path, 5, true);
    struct drive alone[N_COLOUR], spelled, all, again;
    bool met[N_COLOUR] = { false };
    int n_met = 0;
    for (int i = 0; i < N_COLOUR; i++) {
        rescore(cut, i, &alone[i]);
        spell(e, i, &spelled);
        REQUIRE(same_logprobs(alone[i].result, spelled.result));
        drive_free(&spelled);
    }
    for (uint64_t seed = 0; n_met < N_COLOUR && seed < 200; seed++) {
        struct session *s = new_session(e);
        choose(s, 0, N_COLOUR, BY_SAMPLE, seed, &all);
        uint32_t i = all.result->option;
        REQUIRE(same_logprobs(all.result, alone[i].result));
        n_met += !met[i];
        met[i] = true;
        drive_free(&all);
        session_drop(s);
    }
    REQUIRE(n_met == N_COLOUR);
    for (int by = BY_JOINT; by <= BY_SAMPLE; by++) {
        struct session *s = new_session(e), *t = new_session(cut);
        choose(s, 0, N_COLOUR, (enum select_by)by, 3, &all);
        choose(t, 0, N_COLOUR, (enum select_by)by, 3, &again);
        REQUIRE(all.result->option == again.result->option);
        REQUIRE(memcmp(all.result->prob, again.result->prob, N_COLOUR * sizeof(double)) == 0);
        drive_free(&all);
        drive_free(&again);
        session_drop(s);
        session_drop(t);
    }
    for (int i = 0; i < N_COLOUR; i++)
        drive_free(&alone[i]);
    close_engine(e);
    close_engine(cut);
}

int main(int argc, char **argv)
{
    char path[4096];
    const char *home = getenv("HOME");
    const char *cache = getenv("XDG_CACHE_HOME");
    if (argc > 1)
        snprintf(path, sizeof path, "%s", argv[1]);
    else
        snprintf(path, sizeof path, "%s%s/sgl/models/SmolLM2-135M-Instruct.Q4_1.gguf",
                 cache ? cache : home ? home : "", cache ? "" : "/.cache");
    if (access(path, R_OK) != 0) {
        printf("no model at %s\n", path);
        return 77;
    }
    test_equal_tokens(path);
    test_branches(path);
    test_choice(path);
    printf("3 passed, 0 failed\n");
    return 0;
}
