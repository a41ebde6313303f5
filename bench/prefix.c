/* prefix.c - what sharing a prefix saves: branches behind one long text, with the tree and without.
 *
 *     prefix MODEL.gguf [BRANCHES]
 *
 * Prints tokens really computed, tokens found in the cache and wall time of both, and whether the
 * answers were the same (they must be). */
#include <string.h>

#include "base/clock.h"
#include "drive.h"

enum { MAX_BRANCH = 64, SENTENCES = 72, ANSWER = 16 };

struct outcome {
    struct drive branch[MAX_BRANCH];
    double       ms;
    uint64_t     computed, cached;
    uint32_t     n_prefix;
};

static void measure(const char *path, bool no_cache, int n, struct outcome *ret)
{
    struct engine_opts o = { .model = path, .no_cache = no_cache };
    struct engine *e;
    struct session *s, *b[MAX_BRANCH];
    struct drive d;
    struct error err;
    REQUIRE(engine_open_local(&o, &e, &err) == ST_OK);
    REQUIRE(session_new(e, NULL, &s, &err) == ST_OK);
    struct str text = {0};
    for (int i = 0; i < SENTENCES; i++)
        str_addf(&text, "Day %d. The keeper of the lighthouse wrote about the weather. ", i);
    struct plan *p = drive_plan(&d);
    plan_text(p, PLAN_TEXT, str_slice(&text));
    drive_submit(s, p);
    drive_wait(&d);
    drive_free(&d);
    str_free(&text);
    ret->n_prefix = session_n_tok(s);

    uint64_t t0 = clock_ns();
    for (int i = 0; i < n; i++) {
        char tip[32];
        snprintf(tip, sizeof tip, "\nTip %d:", i + 1);
        REQUIRE(session_fork(s, &b[i], &err) == ST_OK);
        drive_submit(b[i], drive_gen(&ret->branch[i], tip, ANSWER, (uint64_t)i));
    }
    for (int i = 0; i < n; i++) {
        drive_wait(&ret->branch[i]);
        REQUIRE(ret->branch[i].ok);
        session_drop(b[i]);
    }
    ret->ms = (double)(clock_ns() - t0) / 1e6;
    struct engine_stats st;
    engine_stats(e, &st);
    ret->computed = st.computed_tokens;
    ret->cached = st.cached_tokens;
    session_drop(s);
    engine_unref(e);
}

int main(int argc, char **argv)
{
    static struct outcome with, without;
    int n = argc > 2 ? atoi(argv[2]) : 8;
    if (argc < 2 || n < 1 || n > MAX_BRANCH) {
        fprintf(stderr, "usage: prefix MODEL.gguf [1..%d branches]\n", MAX_BRANCH);
        return 2;
    }
    measure(argv[1], false, n, &with);
    measure(argv[1], true, n, &without);
    bool same = true;
    for (int i = 0; i < n; i++) {
        same = same && drive_same(with.branch[i].result, without.branch[i].result);
        drive_free(&with.branch[i]);
        drive_free(&without.branch[i]);
    }
    printf("%d branches of %d tokens behind %u\n", n, ANSWER, with.n_prefix);
    printf("  tree     %8.1f ms  computed %llu  cached %llu\n", with.ms,
           (unsigned long long)with.computed, (unsigned long long)with.cached);
    printf("  no tree  %8.1f ms  computed %llu  cached %llu\n", without.ms,
           (unsigned long long)without.computed, (unsigned long long)without.cached);
    printf("  %.2fx, answers %s\n", without.ms / with.ms, same ? "identical" : "DIFFER");
    return same ? 0 : 1;
}
