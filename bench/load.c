/* load.c - a served model under load: how long requests wait, how fast they are written, how many a
 * second keep a promise.
 *
 *     load [MODEL] [NAME=VALUE...]
 *
 * Starts `sglrun serve` on a free port and loads it; url=http://HOST:PORT loads a server that runs
 * already.  peer=URL loads another one in the same rounds, in turns, and prints how many times better
 * ours is.  Values and their defaults:
 *
 *     requests=64 rate=0 at_once=16 prompt=64-256 shared=0 out=16-64 seed=1 rounds=5
 *     ttft_ms=1000 gap_ms=100     a request keeps the promise with its first text and mean gap below
 *
 * rate=R sends R requests a second at moments drawn like those of independent people (an open loop:
 * it does not wait for answers); without it `at_once` requests are always under way. */
#include <curl/curl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "load_client.h"
#include "measure.h"

enum { MAX_ROUND = 31, N_FIGURE = 9 };

struct setup {
    const char       *model, *url, *peer, *serve;
    struct load_shape shape;
    uint32_t          rounds;
    double            ttft_ms, gap_ms;
};

static const char *const figure_name[N_FIGURE] = {
    "tokens/s", "requests/s", "kept/s", "ttft p50 ms", "ttft p99 ms", "gap p50 ms", "gap p99 ms",
    "e2e p50 ms", "e2e p99 ms",
};
enum { FIRST_TIME = 3 };        /* figures from here on are better when smaller */

struct target {
    const char *name, *url;
    double      figure[N_FIGURE][MAX_ROUND];
    uint32_t    n_ok, n_failed;
    char        why[160];
};

/* ---- options ---- */

static bool read_range(const char *text, uint32_t *ret_lo, uint32_t *ret_hi)
{
    int n = sscanf(text, "%u-%u", ret_lo, ret_hi);
    if (n == 1)
        *ret_hi = *ret_lo;
    return n >= 1 && *ret_lo <= *ret_hi && *ret_lo > 0 && *ret_hi <= 100000;
}

static bool read_option(struct setup *o, const char *arg)
{
    const char *eq = strchr(arg, '=');
    if (!eq) {
        o->model = arg;
        return true;
    }
    size_t n = (size_t)(eq - arg);
    const char *v = eq + 1;
    const struct { const char *name; uint32_t *at; } number[] = {
        { "requests", &o->shape.n_request }, { "at_once", &o->shape.n_at_once },
        { "shared", &o->shape.n_shared }, { "rounds", &o->rounds },
    };
    const struct { const char *name; double *at; } real[] = {
        { "rate", &o->shape.rate }, { "ttft_ms", &o->ttft_ms }, { "gap_ms", &o->gap_ms },
    };
    const struct { const char *name; const char **at; } text[] = {
        { "url", &o->url }, { "peer", &o->peer }, { "serve", &o->serve },
    };
    for (size_t i = 0; i < sizeof number / sizeof *number; i++)
        if (strlen(number[i].name) == n && !strncmp(arg, number[i].name, n))
            return sscanf(v, "%u", number[i].at) == 1;
    for (size_t i = 0; i < sizeof real / sizeof *real; i++)
        if (strlen(real[i].name) == n && !strncmp(arg, real[i].name, n))
            return sscanf(v, "%lf", real[i].at) == 1;
    for (size_t i = 0; i < sizeof text / sizeof *text; i++)
        if (strlen(text[i].name) == n && !strncmp(arg, text[i].name, n))
            return *(*text[i].at = v) != 0;
    if (!strncmp(arg, "seed=", 5))
        return sscanf(v, "%llu", (unsigned long long *)&o->shape.seed) == 1;
    if (!strncmp(arg, "prompt=", 7))
        return read_range(v, &o->shape.prompt_lo, &o->shape.prompt_hi);
    return !strncmp(arg, "out=", 4) && read_range(v, &o->shape.out_lo, &o->shape.out_hi);
}

/* ---- our server ---- */

static pid_t start_server(const struct setup *o, char *url, size_t size)
{
    int out[2];
    if (pipe(out) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) {
        dup2(out[1], STDERR_FILENO);
        close(out[0]);
        execl(o->serve, "sglrun", "serve", "--port", "0", "--quiet", o->model ? "--model" : NULL,
              o->model, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    FILE *said = fdopen(out[0], "r");
    char line[512] = "", *at;
    url[0] = '\0';
    while (pid > 0 && said && !url[0] && fgets(line, sizeof line, said)) {
        if ((at = strstr(line, "http://")))
            snprintf(url, size, "%.*s", (int)strcspn(at, "\r\n"), at);
        else
            fputs(line, stderr);
    }
    if (pid > 0 && url[0])
        return pid;         /* what it says later stays in the pipe: it is quiet */
    fprintf(stderr, "load: %s serve did not begin\n", o->serve);
    exit(1);
}

static void stop_server(pid_t pid)
{
    if (pid <= 0)
        return;
    kill(pid, SIGTERM);
    waitpid(pid, NULL, 0);
}

/* ---- figures ---- */

/* The q-th part of n values in ascending order. */
static double part(double *x, uint32_t n, double q)
{
    if (!n)
        return 0;
    qsort(x, n, sizeof *x, bench_by_value);
    uint32_t at = (uint32_t)(q * (double)n);
    return x[at < n ? at : n - 1];
}

static bool kept(const struct setup *o, const struct load_sample *s)
{
    double gap = s->n_chunk > 1 ? (s->last - s->first) / (s->n_chunk - 1) : 0;
    return s->ok && (s->first - s->due) * 1e3 <= o->ttft_ms && gap * 1e3 <= o->gap_ms;
}

static void take_figures(const struct setup *o, struct load_result *r, uint32_t round,
                         struct target *t)
{
    double *ttft = calloc(o->shape.n_request, sizeof *ttft);
    double *e2e = calloc(o->shape.n_request, sizeof *e2e);
    uint32_t n = 0, n_kept = 0;
    uint64_t n_out = 0;
    if (!ttft || !e2e)
        abort();
    for (uint32_t i = 0; i < o->shape.n_request; i++) {
        const struct load_sample *s = &r->sample[i];
        if (!s->ok) {
            t->n_failed++;
            memcpy(t->why, s->why, sizeof t->why);
            continue;
        }
        t->n_ok++;
        ttft[n] = (s->first - s->due) * 1e3;
        e2e[n++] = (s->over - s->due) * 1e3;
        n_out += s->n_out;
        n_kept += kept(o, s);
    }
    const double figure[N_FIGURE] = {
        (double)n_out / r->seconds, n / r->seconds, n_kept / r->seconds, part(ttft, n, 0.5),
        part(ttft, n, 0.99), part(r->gap, r->n_gap, 0.5) * 1e3, part(r->gap, r->n_gap, 0.99) * 1e3,
        part(e2e, n, 0.5), part(e2e, n, 0.99),
    };
    for (int f = 0; f < N_FIGURE; f++)
        t->figure[f][round] = figure[f];
    free(ttft);
    free(e2e);
}

static void show(const struct setup *o, struct target *t, int n_target)
{
    double value[2] = { 0 };
    printf("%-12s", "");
    for (int i = 0; i < n_target; i++)
        printf(" %12s", t[i].name);
    printf("%s\n", n_target > 1 ? "    times better" : "");
    for (int f = 0; f < N_FIGURE; f++) {
        printf("%-12s", figure_name[f]);
        for (int i = 0; i < n_target; i++) {
            value[i] = part(t[i].figure[f], o->rounds, 0.5);
            printf(" %12.2f", value[i]);
        }
        double better = f < FIRST_TIME ? value[0] / value[1] : value[1] / value[0];
        if (n_target > 1)
            printf(" %15.2f", better);
        printf("\n");
    }
    for (int i = 0; i < n_target; i++)
        printf("%s: %u answered, %u failed%s%s\n", t[i].name, t[i].n_ok, t[i].n_failed,
               t[i].why[0] ? ": " : "", t[i].why);
}

int main(int argc, char **argv)
{
    struct setup o = { .serve = BENCH_SGLRUN, .rounds = 5, .ttft_ms = 1000, .gap_ms = 100,
                       .shape = { .seed = 1, .n_request = 64, .prompt_lo = 64, .prompt_hi = 256,
                                  .out_lo = 16, .out_hi = 64, .n_at_once = 16 } };
    for (int i = 1; i < argc; i++) {
        if (!read_option(&o, argv[i])) {
            fprintf(stderr, "load: cannot read %s; bench/load.c says what there is\n", argv[i]);
            return 2;
        }
    }
    if (!o.shape.n_request || !o.shape.n_at_once || !o.rounds || o.rounds > MAX_ROUND) {
        fprintf(stderr, "load: requests, at_once and rounds (at most %d) are at least 1\n", MAX_ROUND);
        return 2;
    }
    static struct target target[2] = { { .name = "ours" }, { .name = "peer" } };
    char url[128] = "";
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pid_t server = o.url ? 0 : start_server(&o, url, sizeof url);
    target[0].url = o.url ? o.url : url;
    target[1].url = o.peer;
    int n_target = o.peer ? 2 : 1;
    for (uint32_t round = 0; round < o.rounds; round++) {
        for (int i = 0; i < n_target; i++) {
            struct load_result r;
            struct load_shape shape = o.shape;
            shape.seed += round;        /* no round finds the one before in a cache */
            load_run(target[i].url, "default", &shape, &r);
            take_figures(&o, &r, round, &target[i]);
            load_free(&r);
        }
    }
    stop_server(server);
    char loop[64];
    snprintf(loop, sizeof loop, o.shape.rate > 0 ? "%.3g a second" : "%.0f at once",
             o.shape.rate > 0 ? o.shape.rate : o.shape.n_at_once);
    printf("%u requests, %s, prompts of %u + %u-%u words, %u-%u tokens out, medians of %u rounds\n",
           o.shape.n_request, loop, o.shape.n_shared, o.shape.prompt_lo, o.shape.prompt_hi,
           o.shape.out_lo, o.shape.out_hi, o.rounds);
    show(&o, target, n_target);
    curl_global_cleanup();
    return target[0].n_failed || target[1].n_failed;
}
