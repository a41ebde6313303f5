/* overlap.c - whether a device gains by working for the next step beside the running one.
 *
 *     overlap MODEL.gguf [RUNS [DEVICE]]
 *
 * Streams of 1, 4 and 16 requests at once, decoded by one engine that does everything between the
 * steps and by one that does what it can beside them, in turns.  Prints tokens per second of both,
 * the median of the ratios (also of processor time, which other work on the machine disturbs less),
 * and whether the answers were the same (they must be). */
#include <string.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "drive.h"
#include "measure.h"

enum { MOST = 16, MAX_RUN = 64, ANSWER = 48 };

static struct engine *open_engine(const char *path, const char *device, bool overlap)
{
    struct engine_opts o = { .model = path, .device = device, .overlap = overlap };
    struct engine *e;
    struct error err;
    if (engine_open_local(&o, &e, &err) == ST_OK)
        return e;
    fprintf(stderr, "overlap: %s\n", err.text);
    exit(1);
}

/* Tokens per second of n requests; *ret_text gets what they said. */
static double once(struct engine *e, uint32_t n, uint32_t run, struct str *ret_text, double *ret_cpu)
{
    double cpu = bench_cpu();
    struct drive d[MOST];
    struct session *s[MOST];
    struct error err;
    uint32_t n_tok = 0;
    uint64_t t0 = clock_ns();
    for (uint32_t i = 0; i < n; i++) {
        char text[64];
        snprintf(text, sizeof text, "Day %u of run %u. The keeper wrote that", i, run);
        REQUIRE(session_new(e, NULL, &s[i], &err) == ST_OK);
        struct plan *p = drive_gen(&d[i], text, ANSWER, i);
        p->hole.ignore_eos = true;
        drive_submit(s[i], p);
    }
    for (uint32_t i = 0; i < n; i++) {
        drive_wait(&d[i]);
        REQUIRE(d[i].ok);
        n_tok += d[i].result->n_token;
        str_add_slice(ret_text, d[i].result->text);
        drive_free(&d[i]);
        session_drop(s[i]);
    }
    double rate = n_tok * 1e9 / (double)(clock_ns() - t0);
    *ret_cpu = bench_cpu() - cpu;
    return rate;
}

static bool compare(struct engine *const e[2], uint32_t n, uint32_t n_run)
{
    double rate[2][MAX_RUN], ratio[MAX_RUN], cpu[2], cpu_ratio[MAX_RUN];
    bool same = true;
    for (uint32_t i = 0; i <= n_run; i++) {         /* the first one warms up */
        struct str text[2] = {{0}};
        uint32_t at = i ? i - 1 : 0;
        for (uint32_t k = 0; k < 2; k++) {
            uint32_t on = (i + k) % 2;
            rate[on][at] = once(e[on], n, i, &text[on], &cpu[on]);
        }
        ratio[at] = rate[1][at] / rate[0][at];
        cpu_ratio[at] = cpu[1] / cpu[0];
        same = same && slice_eq(str_slice(&text[0]), str_slice(&text[1]));
        str_free(&text[0]);
        str_free(&text[1]);
    }
    qsort(ratio, n_run, sizeof *ratio, bench_by_value);
    qsort(cpu_ratio, n_run, sizeof *cpu_ratio, bench_by_value);
    qsort(rate[0], n_run, sizeof *rate[0], bench_by_value);
    qsort(rate[1], n_run, sizeof *rate[1], bench_by_value);
    printf("%2u at once: between steps %6.1f tok/s, beside them %6.1f; ratio %.3f (%.3f to %.3f), of "
           "processor time %.3f; %s\n", n, rate[0][n_run / 2], rate[1][n_run / 2],
           ratio[n_run / 2], ratio[0], ratio[n_run - 1], cpu_ratio[n_run / 2],
           same ? "same answers" : "ANSWERS DIFFER");
    return same;
}

int main(int argc, char **argv)
{
    int n_run = argc > 2 ? atoi(argv[2]) : 7;
    if (argc < 2 || n_run < 1 || n_run > MAX_RUN) {
        fprintf(stderr, "usage: overlap MODEL.gguf [1..%d runs [DEVICE]]\n", MAX_RUN);
        return 2;
    }
    const char *device = argc > 3 ? argv[3] : "cpu";
    struct engine *e[2] = { open_engine(argv[1], device, false), open_engine(argv[1], device, true) };
    printf("%s\n", engine_info(e[0])->device);
    bool same = true;
    for (uint32_t n = 1; n <= MOST; n *= 4)
        same = compare(e, n, (uint32_t)n_run) && same;
    engine_unref(e[0]);
    engine_unref(e[1]);
    return !same;
}
