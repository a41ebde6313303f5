/* prefix.c - what each mechanism of sharing brings: programs on the real model, with the whole engine
 * and with one of its mechanisms off at a time.
 *
 *     prefix [MODEL] [rounds=5] [workload=NAME] [variant=NAME] [threads=N]
 *
 * Every variant opens an engine of its own, so that all begin cold; the variants take turns in every
 * round, so that what else the machine does hits all of them, and medians are shown.  What a variant
 * answers is compared with what the whole engine answers: a mechanism may cost time, never tokens.
 * Forced tokens alone are another spelling: without them the model spells the same text token by
 * token as it likes, so what it samples behind it may differ.
 *
 * "no tree" lets only prompts share that are equal as a whole, like a table of prompts; "not while
 * computed" shares a prefix only when its computation is over. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <sgl/sgl.h>

#include "base/clock.h"
#include "measure.h"

enum { MAX_RUN = 64, MAX_ROUND = 31, MAX_ARG = 2, N_WORKLOAD = 5, TEXT_BYTES = 16384 };

struct variant {
    const char *name;
    const char *order;              /* NULL: the default */
    bool        no_cache, no_tree, no_pending;
    bool        no_forced;          /* answers may differ */
};

static const struct variant variants[] = {
    { .name = "whole engine" },
    { .name = "no cache", .no_cache = true },
    { .name = "no tree", .no_tree = true },
    { .name = "not while computed", .no_pending = true },
    { .name = "no forced tokens", .no_forced = true },
    { .name = "order fcfs", .order = "fcfs" },
    { .name = "order lpm", .order = "lpm" },
    { .name = "order dfs", .order = "dfs" },
    { .name = "order random", .order = "random" },
};
enum { N_VARIANT = sizeof variants / sizeof *variants };

/* Texts of the arguments; in `each`, %d is the number of the run. */
struct workload {
    const char *name, *what;
    int         n_run;              /* runs of the program, all started at once */
    struct {
        const char *name, *text, *each;
    } arg[MAX_ARG];
};

struct setup {
    const char *model, *workload, *variant;     /* names; NULL: all */
    int         n_round, n_thread;
};

struct result {
    double   wall[MAX_ROUND], cpu[MAX_ROUND];
    uint64_t computed, cached, generated, forced;
    char    *said[MAX_RUN];         /* of the last round */
};

static void die(const char *what, const char *why)
{
    fprintf(stderr, "prefix: %s: %s\n", what, why);
    exit(1);
}

/* ---- workloads ---- */

static void repeat(char *out, size_t size, int n, const char *each)
{
    size_t len = strlen(out);
    for (int i = 1; i <= n && len < size; i++)
        len += (size_t)snprintf(out + len, size - len, each, i);
}

static void repeat_json(char *out, size_t size, int n, const char *each)
{
    strcpy(out, "[");
    for (int i = 1; i <= n; i++) {
        size_t len = strlen(out);
        snprintf(out + len, size - len, i > 1 ? ", \"" : "\"");
        len = strlen(out);
        snprintf(out + len, size - len, each, i);
        strncat(out, i < n ? "\"" : "\"]", size - strlen(out) - 1);
    }
}

static void make_workloads(struct workload *w)
{
    static char rules[TEXT_BYTES], sums[TEXT_BYTES], visits[TEXT_BYTES], notes[TEXT_BYTES],
        people[TEXT_BYTES];
    repeat(rules, sizeof rules, 80, "Rule %d: drink water, walk and rest well. ");
    repeat(sums, sizeof sums, 12, "Ann has %d bags of 4 apples and eats 2. First we count the bags, "
                                  "then we take away what she ate.\n");
    repeat(visits, sizeof visits, 14, "Visit %d: you read a note of the hospital and write down who "
                                      "comes, to which department, and for how long.\n");
    repeat_json(notes, sizeof notes, 16, "Note %d: Mr. Brown comes to the surgery on Monday, confirmed, "
                                         "for half an hour.");
    repeat_json(people, sizeof people, 8, "I am visitor number %d and this is my first time here.");
    w[0] = (struct workload){ "shared", "64 requests behind one text of 1,000 tokens", 64,
                              { { "rules", rules, NULL }, { "ticket", NULL, "Ticket %d: what now?" } } };
    w[1] = (struct workload){ "tree", "a tree of thought, 3 levels of 3 branches", 1,
                              { { "problem", "Use 4, 6, 8 and 8 to make 24.", NULL } } };
    w[2] = (struct workload){ "votes", "self-consistency, 16 chains", 1,
                              { { "examples", sums, NULL },
                                { "problem", "Bob has 3 boxes of 5 pears and eats 4. How many are left?",
                                  NULL } } };
    w[3] = (struct workload){ "fields", "fields of 16 notes behind examples", 1,
                              { { "examples", visits, NULL }, { "notes", notes, NULL } } };
    w[4] = (struct workload){ "turns", "8 conversations of 4 turns", 1,
                              { { "people", people, NULL } } };
}

/* ---- one round of one variant ---- */

static sgl_run *start(sgl_runtime *rt, sgl_module *m, sgl_engine *engine, const struct workload *w,
                      int i)
{
    sgl_error err;
    sgl_run_config config;
    sgl_run *run;
    sgl_run_config_init(&config);
    config.has_seed = true;
    config.seed = (uint64_t)i + 1;
    if (sgl_run_new(rt, m, NULL, engine, &config, &run, &err) != SGL_OK)
        die(w->name, err.text);
    for (int k = 0; k < MAX_ARG && w->arg[k].name; k++) {
        char text[64];
        if (w->arg[k].each)
            snprintf(text, sizeof text, w->arg[k].each, i);
        if (sgl_run_arg_text(run, w->arg[k].name, w->arg[k].each ? text : w->arg[k].text, &err) !=
            SGL_OK)
            die(w->name, err.text);
    }
    if (sgl_run_start(run, &err) != SGL_OK)
        die(w->name, err.text);
    return run;
}

/* The result as JSON; frees the run. */
static char *finish(sgl_run *run, const char *name)
{
    sgl_event ev;
    char *json = NULL;
    while (sgl_run_next(run, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_EV_FAILED)
            die(name, ev.text);
        if (ev.kind == SGL_EV_DONE && sgl_value_json(ev.value, &json) != SGL_OK)
            die(name, "no memory");
    }
    sgl_run_free(run);
    return json;
}

static void measure(sgl_runtime *rt, sgl_module *m, const struct setup *o, const struct variant *v,
                    const struct workload *w, int round, struct result *ret)
{
    sgl_error err;
    sgl_engine *engine;
    sgl_engine_config config;
    sgl_engine_config_init(&config);
    config.model = o->model;
    config.threads = o->n_thread;
    config.device = "cpu";
    config.order = v->order;
    config.no_cache = v->no_cache;
    config.no_tree = v->no_tree;
    config.no_pending = v->no_pending;
    config.no_forced = v->no_forced;
    if (sgl_engine_open(&config, &engine, &err) != SGL_OK)
        die("engine", err.text);

    sgl_run *run[MAX_RUN];
    uint64_t begun = clock_ns();
    double cpu = bench_cpu();
    for (int i = 0; i < w->n_run; i++)
        run[i] = start(rt, m, engine, w, i);
    for (int i = 0; i < w->n_run; i++) {
        sgl_free(ret->said[i]);
        ret->said[i] = finish(run[i], w->name);
    }
    ret->wall[round] = (double)(clock_ns() - begun) / 1e9;
    ret->cpu[round] = bench_cpu() - cpu;

    sgl_engine_stats s;
    sgl_engine_get_stats(engine, &s);
    ret->computed = s.computed_tokens;
    ret->cached = s.cached_tokens;
    ret->generated = s.generated_tokens;
    ret->forced = s.forced_tokens;
    sgl_engine_unref(engine);
    fprintf(stderr, "round %d, %s, %s: %.2f s, %.2f s of processors, %llu tokens computed\n",
            round + 1, w->name, v->name, ret->wall[round], ret->cpu[round],
            (unsigned long long)ret->computed);
}

/* ---- the table ---- */

/* The whole engine always runs: the others are compared with it. */
static bool wanted(const struct setup *o, int v)
{
    return v == 0 || !o->variant || strcmp(o->variant, variants[v].name) == 0;
}

static double median(const double *x, int n)
{
    double sorted[MAX_ROUND];
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, bench_by_value);
    return sorted[n / 2];
}

/* Median of the ratios of one round: a and b ran one after the other. */
static double ratio(const double *a, const double *b, int n)
{
    double x[MAX_ROUND];
    for (int i = 0; i < n; i++)
        x[i] = a[i] / b[i];
    return median(x, n);
}

static bool same(const struct result *a, const struct result *b, int n_run)
{
    for (int i = 0; i < n_run; i++)
        if (strcmp(a->said[i], b->said[i]) != 0)
            return false;
    return true;
}

/* False: an answer differs. */
static bool show(const struct setup *o, const struct workload *w, const struct result *r)
{
    int n_round = o->n_round;
    bool all = true;
    printf("%s: %s, medians of %d rounds\n", w->name, w->what, n_round);
    printf("  %-19s %9s %8s %7s %7s %8s %8s %8s %8s  %s\n", "", "computed", "cached", "sampled",
           "forced", "seconds", "out/s", "whole is", "by cpu", "answers");
    for (int v = 0; v < N_VARIANT; v++) {
        if (!wanted(o, v))
            continue;
        bool equal = same(&r[v], &r[0], w->n_run);
        double wall = median(r[v].wall, n_round);
        printf("  %-19s %9llu %8llu %7llu %7llu %8.2f %8.1f %7.2fx %7.2fx  %s\n", variants[v].name,
               (unsigned long long)r[v].computed, (unsigned long long)r[v].cached,
               (unsigned long long)r[v].generated, (unsigned long long)r[v].forced, wall,
               (double)(r[v].generated + r[v].forced) / wall, ratio(r[v].wall, r[0].wall, n_round),
               ratio(r[v].cpu, r[0].cpu, n_round), equal                   ? "equal"
               : variants[v].no_forced ? "differ"
                                       : "DIFFER");
        all = all && (equal || variants[v].no_forced);
    }
    fflush(stdout);
    return all;
}

static bool run_workload(sgl_runtime *rt, const struct setup *o, const struct workload *w)
{
    struct result result[N_VARIANT];
    char path[512];
    sgl_error err;
    sgl_source source;
    sgl_module *m;
    sgl_diagnostics *diags = NULL;
    memset(result, 0, sizeof result);
    snprintf(path, sizeof path, "%s/%s.sgl", BENCH_PROGRAMS, w->name);
    sgl_source_init(&source);
    source.name = path;
    if (sgl_module_compile(rt, &source, &m, &diags, &err) != SGL_OK)
        die(path, err.text);
    sgl_diagnostics_free(diags);

    for (int round = 0; round < o->n_round; round++)
        for (int v = 0; v < N_VARIANT; v++)
            if (wanted(o, v))
                measure(rt, m, o, &variants[v], w, round, &result[v]);
    bool equal = show(o, w, result);

    for (int v = 0; v < N_VARIANT; v++)
        for (int i = 0; i < w->n_run; i++)
            sgl_free(result[v].said[i]);
    sgl_module_unref(m);
    return equal;
}

static bool read_option(struct setup *o, const char *arg)
{
    if (!strncmp(arg, "rounds=", 7))
        return sscanf(arg + 7, "%d", &o->n_round) == 1 && o->n_round > 0 && o->n_round <= MAX_ROUND;
    if (!strncmp(arg, "threads=", 8))
        return sscanf(arg + 8, "%d", &o->n_thread) == 1 && o->n_thread > 0;
    if (!strncmp(arg, "workload=", 9))
        return *(o->workload = arg + 9) != 0;
    if (!strncmp(arg, "variant=", 8))
        return *(o->variant = arg + 8) != 0;
    o->model = arg;
    return true;
}

int main(int argc, char **argv)
{
    static struct workload workload[N_WORKLOAD];
    struct setup o = { .n_round = 5 };
    sgl_error err;
    sgl_runtime *rt;
    char *model;
    for (int i = 1; i < argc; i++) {
        if (!read_option(&o, argv[i])) {
            fprintf(stderr, "prefix: cannot read %s; bench/prefix.c says what there is\n", argv[i]);
            return 2;
        }
    }
    if (sgl_model_find(o.model, &model, &err) != SGL_OK) {
        fprintf(stderr, "prefix: %s\n", err.text);
        return 77;
    }
    o.model = model;
    if (sgl_runtime_new(NULL, &rt, &err) != SGL_OK)
        die("runtime", err.text);
    make_workloads(workload);
    bool equal = true;
    for (int i = 0; i < N_WORKLOAD; i++)
        if (!o.workload || strcmp(o.workload, workload[i].name) == 0)
            equal = run_workload(rt, &o, &workload[i]) && equal;
    sgl_runtime_free(rt);
    sgl_free(model);
    return !equal;
}
