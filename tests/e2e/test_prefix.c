/* test_prefix.c - a prefix of over 1,000 tokens is computed once, before the first row arrives: by
 * a bound module for 64 rows of a fork, and for 64 calls that a host makes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
    N_ROW = 64,
    LEAST = 1000,           /* tokens of one prefix */
    ROW_MOST = 48,          /* tokens that one row may add to it: its own text, and an unfinished page */
    SEED = 7,
};

static unsigned long long computed(struct host *h)
{
    sgl_engine_stats s;
    sgl_engine_get_stats(h->engine, &s);
    return s.computed_tokens;
}

static int expect(int good, const char *what, unsigned long long n)
{
    printf("%s %s: %llu tokens computed\n", good ? "ok  " : "FAIL", what, n);
    return !good;
}

/* What binding computes; the rest of the test must not compute it again. */
static int check_bind(struct host *h, sgl_module *m)
{
    sgl_error err;
    size_t kept = 0;
    unsigned long long before = computed(h);
    if (sgl_module_bind(m, h->engine, &kept, &err) != SGL_OK) {
        fprintf(stderr, "bind: %s\n", err.text);
        return 1;
    }
    unsigned long long n = computed(h) - before;
    int bad = expect(kept >= 2 * LEAST && n >= 2 * LEAST && n <= kept, "binding", n);
    before = computed(h);
    sgl_module_bind(m, h->engine, &kept, &err);
    return bad + expect(computed(h) == before, "binding again", computed(h) - before);
}

static int check_fork(struct host *h, sgl_module *m)
{
    char *rows = calloc(1, N_ROW * 32);
    strcpy(rows, "[");
    for (int i = 0; i < N_ROW; i++)
        sprintf(rows + strlen(rows), "%s\"Row number %d.\"", i ? ", " : "", i);
    strcat(rows, "]");
    const char *args[] = { "rows", rows, NULL };
    unsigned long long before = computed(h);
    struct outcome o = host_run(h, m, SEED, args);
    unsigned long long n = computed(h) - before;
    int bad = expect(o.done && n < N_ROW * ROW_MOST, "64 rows of a fork", n);
    if (!o.done)
        fprintf(stderr, "%s\n", o.text);
    outcome_free(&o);
    free(rows);
    return bad;
}

static int check_calls(struct host *h, sgl_module *m)
{
    unsigned long long before = computed(h);
    int done = 0;
    for (int i = 0; i < N_ROW; i++) {
        char ticket[32];
        sprintf(ticket, "Ticket %d.", i);
        const char *args[] = { "ticket", ticket, NULL };
        struct outcome o = host_call(h, m, "label", SEED, args);
        done += o.done;
        outcome_free(&o);
    }
    unsigned long long n = computed(h) - before;
    return expect(done == N_ROW && n < N_ROW * ROW_MOST, "64 calls of a host", n);
}

/* A module that nobody bound: its run computes the prefix once all the same. */
static int check_unbound(struct host *h, const char *path)
{
    sgl_module *m = host_compile(h, path);
    unsigned long long before = computed(h);
    int bad = check_fork(h, m);
    unsigned long long n = computed(h) - before;
    sgl_module_unref(m);
    return bad + expect(n < LEAST, "after another module", n);
}

int main(int argc, char **argv)
{
    const char *path = argc > 1 ? argv[1] : "prefix.sgl";
    struct host h;
    host_open(&h, NULL);
    sgl_module *m = host_compile(&h, path);
    int bad = check_bind(&h, m);
    bad += check_fork(&h, m);
    bad += check_calls(&h, m);
    bad += check_unbound(&h, path);
    sgl_module_unref(m);
    host_close(&h);
    return bad != 0;
}
