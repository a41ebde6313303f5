/* test_determinism.c - one program, one seed, the same tokens: with a cold and a warm cache, alone
 * and beside fifteen other runs, in this process and in a fresh engine. */
#include <stdio.h>
#include <string.h>

#include "host.h"

enum { SEED = 42, N_BESIDE = 15 };

static int same(const char *what, const struct outcome *a, const struct outcome *b)
{
    int ok = a->done && b->done && strcmp(a->text, b->text) == 0;
    printf("%-22s %s (cached %llu of %llu prompt tokens)\n", what, ok ? "equal" : "DIFFERENT",
           (unsigned long long)b->stats.cached_tokens, (unsigned long long)b->stats.prompt_tokens);
    if (!ok)
        fprintf(stderr, "%s\n%s\n", a->text, b->text);
    return ok;
}

static struct outcome beside(struct host *h, sgl_module *m)
{
    sgl_run *other[N_BESIDE];
    const char *topic[] = { "topic", "rain", NULL };
    for (int i = 0; i < N_BESIDE; i++)
        other[i] = host_start(h, m, 1000 + (uint64_t)i, i % 2 ? topic : NULL);
    struct outcome mine = host_run(h, m, SEED, NULL);
    for (int i = 0; i < N_BESIDE; i++) {
        struct outcome o = host_finish(other[i]);
        outcome_free(&o);
    }
    return mine;
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "mixed.sgl";
    struct host h;
    host_open(&h, NULL);
    sgl_module *m = host_compile(&h, path);

    struct outcome cold = host_run(&h, m, SEED, NULL);
    struct outcome warm = host_run(&h, m, SEED, NULL);
    struct outcome crowd = beside(&h, m);
    struct outcome other = host_run(&h, m, SEED + 1, NULL);
    sgl_module_unref(m);
    host_close(&h);

    host_open(&h, NULL);
    m = host_compile(&h, path);
    struct outcome crowd_cold = beside(&h, m);
    sgl_module_unref(m);
    host_close(&h);

    int good = same("warm cache", &cold, &warm) & same("beside fifteen", &cold, &crowd) &
               same("beside, cold engine", &cold, &crowd_cold);
    if (strcmp(cold.text, other.text) == 0) {
        fprintf(stderr, "another seed gave the same text\n");
        good = 0;
    }
    printf("%s\n", cold.text);
    struct outcome *all[] = { &cold, &warm, &crowd, &other, &crowd_cold };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        outcome_free(all[i]);
    return !good;
}
