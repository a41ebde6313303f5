/* test_share.c - the switches of sharing: what each computes, and that none changes a token.
 *
 * Sixteen prompts come at once: four that begin alike, each four times. */
#include "base/alloc.h"
#include "fake_engine.h"

enum { N = 16, N_TEXT = 4, MAX_TOKENS = 6, PAGE = 16 };

struct outcome {
    struct drive d[N];
    uint64_t     computed;
    uint32_t     n_prompt;          /* of the longest */
};

static void run(const struct engine_opts *opts, const char *text, struct outcome *ret)
{
    struct engine *e = fake_engine_open(&fake_plain, opts, NULL);
    struct session *s[N];
    ret->n_prompt = 0;
    for (int i = 0; i < N; i++) {
        struct str all = { 0 };
        str_adds(&all, text);
        str_addf(&all, " Question %d: the", i % N_TEXT);
        char *prompt = str_take(&all);
        s[i] = fake_session(e);
        drive_submit(s[i], drive_gen(&ret->d[i], prompt, MAX_TOKENS, (uint64_t)i));
        mem_free(prompt);
    }
    for (int i = 0; i < N; i++) {
        drive_wait(&ret->d[i]);
        REQUIRE(ret->d[i].ok);
        uint32_t n = ret->d[i].result->n_prompt;
        ret->n_prompt = n > ret->n_prompt ? n : ret->n_prompt;
        session_drop(s[i]);
    }
    struct engine_stats st;
    engine_stats(e, &st);
    ret->computed = st.computed_tokens;
    fake_check_idle(e);
    engine_unref(e);
}

int main(void)
{
    static const struct { const char *name; struct engine_opts opts; } variant[] = {
        { "everything", { .max_running = N } },
        { "not while computed", { .max_running = N, .no_pending = true } },
        { "no tree", { .max_running = N, .no_tree = true } },
        { "no cache", { .max_running = N, .no_cache = true } },
    };
    enum { N_VARIANT = sizeof variant / sizeof *variant };
    static struct outcome o[N_VARIANT];
    char *text = fake_text(120, 6);
    for (int v = 0; v < N_VARIANT; v++) {
        run(&variant[v].opts, text, &o[v]);
        printf("%s: prompts of %u, computed %llu\n", variant[v].name, o[v].n_prompt,
               (unsigned long long)o[v].computed);
        for (int i = 0; i < N; i++)
            REQUIRE(drive_same(o[0].d[i].result, o[v].d[i].result));
    }
    uint64_t prompt = o[0].n_prompt;
    REQUIRE(o[0].computed < prompt + N * 2 * PAGE);
    REQUIRE(o[1].computed >= prompt && o[1].computed <= o[3].computed);     /* as they happen to come */
    REQUIRE(o[2].computed >= N_TEXT * prompt && o[2].computed < N_TEXT * prompt + N * 2 * PAGE);
    REQUIRE(o[3].computed == N * prompt);
    for (int v = 0; v < N_VARIANT; v++)
        for (int i = 0; i < N; i++)
            drive_free(&o[v].d[i]);
    mem_free(text);
    printf("%d passed, 0 failed\n", N_VARIANT);
    return 0;
}
