/* test_branches.c - eight branches over a prefix of 1,000 tokens compute the prefix once, and each
 * branch writes what it writes when it runs alone with the same seed. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
    N_BRANCH = 8,
    SEED = 11,
    N_RULE = 75,            /* a little over 1,000 tokens */
    LEAST = 1000,
    BRANCH_MOST = 32,       /* prompt tokens of one branch */
};

static char *long_text(void)
{
    char *text = calloc(1, 8192);
    for (int i = 0; text && i < N_RULE; i++)
        sprintf(text + strlen(text), "Rule %d: drink water, walk and rest well. ", i);
    return text;
}

/* The i-th string of a JSON array of strings, up to its closing quote. */
static const char *item(const char *json, int i, size_t *len)
{
    const char *p = json;
    for (;; i--) {
        p = strchr(p, '"');
        if (!p)
            return NULL;
        const char *start = ++p;
        for (; *p && *p != '"'; p++)
            if (*p == '\\' && p[1])
                p++;
        if (i == 0) {
            *len = (size_t)(p - start);
            return start;
        }
        p++;
    }
}

static int same_alone(struct host *h, sgl_module *m, const char *prefix, const char *together, int i)
{
    char only[8];
    snprintf(only, sizeof only, "%d", i);
    const char *args[] = { "prefix", prefix, "only", only, NULL };
    struct outcome alone = host_run(h, m, SEED, args);

    size_t n_a = 0, n_b = 0;
    const char *a = item(alone.text, i, &n_a);
    const char *b = item(together, i, &n_b);
    int same = alone.done && a && b && n_a > 0 && n_a == n_b && memcmp(a, b, n_a) == 0;
    if (!same)
        fprintf(stderr, "branch %d differs:\nalone    %s\ntogether %s\n", i, alone.text, together);
    outcome_free(&alone);
    return same;
}

int main(int argc, char **argv)
{
    struct host h;
    host_open(&h, NULL);
    sgl_module *m = host_compile(&h, argc > 1 ? argv[1] : "branches.sgl");
    char *prefix = long_text();

    sgl_engine_stats before, after;
    sgl_engine_get_stats(h.engine, &before);
    const char *args[] = { "prefix", prefix, NULL };
    struct outcome all = host_run(&h, m, SEED, args);
    sgl_engine_get_stats(h.engine, &after);

    unsigned long long computed = after.computed_tokens - before.computed_tokens;
    unsigned long long forks = after.forks - before.forks;
    printf("prompt tokens computed %llu, forks %llu, pages copied %llu\n", computed, forks,
           (unsigned long long)(after.copied_pages - before.copied_pages));

    int bad = 0;
    if (!all.done || computed < LEAST || computed > LEAST + 200 + N_BRANCH * BRANCH_MOST) {
        fprintf(stderr, "the prefix was not computed exactly once: %llu tokens\n%s\n", computed, all.text);
        bad++;
    }
    for (int i = 0; all.done && i < N_BRANCH; i++)
        bad += !same_alone(&h, m, prefix, all.text, i);

    outcome_free(&all);
    free(prefix);
    sgl_module_unref(m);
    host_close(&h);
    printf("%d passed, %d failed\n", N_BRANCH + 1 - bad, bad);
    return bad != 0;
}
