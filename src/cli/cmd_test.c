/* cmd_test.c - `test`: every test block of a program as runs of its own.
 *
 * A test that asks for `runs` is run that often, each time with the next seed, and passes when the
 * share that passed reaches its `pass`.  Tests are told in the order of the source whatever ends
 * first.  One that needs a model where there is none is skipped, even if it catches the error.
 *
 * There is no --update: a test holds no recorded output that could be rewritten. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/batch.h"
#include "cli/cmd.h"
#include "cli/junit.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_TEXT, "filter", filter, "TEXT", "only tests whose name holds this"),
    FLAG(FLAG_BOOL, "list", list, NULL, "print the names; run nothing"),
    FLAG(FLAG_NUMBER, "runs", runs, "N", "run every test that often, each time with the next seed"),
    FLAG(FLAG_TEXT, "seed", seed, "N", "first seed of every test, in place of its own"),
    FLAG(FLAG_NUMBER, "jobs", jobs, "N", "runs at once; 1"),
    FLAG(FLAG_BOOL, "no-model", no_model, NULL, "without a model: tests that need one are skipped"),
    FLAG(FLAG_BOOL, "json", json, NULL, "verdicts as JSON objects, one a line"),
    FLAG(FLAG_TEXT, "junit", junit, "FILE", "write a report for build servers"),
    FLAG(FLAG_LIST, "set", set, "NAME=V", "default of a sampling argument, such as temp=0.7"),
    FLAG(FLAG_LIST, "limit", limit, "NAME=N", "changes a limit, such as contexts=1000"),
    FLAG(FLAG_LIST, "allow-read", allow_read, "DIR", "folder that the program may read"),
    FLAG(FLAG_LIST, "allow-write", allow_write, "DIR", "folder that the program may write"),
    FLAG(FLAG_LIST, "allow-run", allow_run, "PROG", "program that an extern may start"),
    FLAG(FLAG_LIST, "load", load, "LIB", "shared library whose functions bind externs"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "no progress"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

struct tester {
    const struct options *o;
    sgl_run_config        config;
    sgl_engine           *engine;       /* opened for the first file that asks a model */
    bool                  no_engine;    /* there is none, and that is fine */
    struct junit         *junit;
    const char           *file;         /* the one at work */
    size_t                passed, failed, skipped;
};

/* One test: its runs so far. */
struct test {
    sgl_function      info;
    size_t            n_run, ended, passed;
    double            ms;
    bool              no_model;
    struct batch_run *fault;            /* the first that failed */
    struct batch_run *first;
    struct tester    *t;
};

/* ---- telling ---- */

static void tell_json(const struct test *x, const char *verdict, const char *why)
{
    json_t *o = json_pack("{s:s, s:s, s:i, s:s, s:I, s:I, s:f}", "file", x->t->file,
                          "name", x->info.name, "line", (int)x->info.line, "verdict", verdict,
                          "runs", (json_int_t)x->n_run, "passed", (json_int_t)x->passed,
                          "ms", x->ms);
    if (why && x->fault) {
        const char *code = x->passed ? "R0803" : x->fault->error.code;
        json_object_set_new(o, "error", json_pack("{s:s, s:s, s:s}", "code", code, "kind",
                                                  x->fault->kind, "text", why));
    }
    for (size_t i = 0; i < x->n_run; i++)
        if (x->first[i].out)
            json_object_set_new(o, "output", json_stringn(x->first[i].out, x->first[i].n_out));
    json_dumpf(o, stdout, 0);
    putchar('\n');
    json_decref(o);
}

static void tell_text(const struct test *x, const char *verdict, const char *why)
{
    printf("%-7s ", verdict);
    if (x->t->o->rest.n > 1)
        printf("%s: ", x->t->file);
    printf("%s", x->info.name);
    if (x->n_run > 1)
        printf(" (%zu of %zu)", x->passed, x->n_run);
    putchar('\n');
    fflush(stdout);
    if (why)
        fprintf(stderr, "%s\n", why);
}

/* Why a test failed: what went wrong in its first bad run, behind R0803 when others passed. */
static char *reason(const struct test *x)
{
    const char *why = x->fault && x->fault->why ? x->fault->why : "";
    char *text = NULL;
    size_t len = 0;
    FILE *f = open_memstream(&text, &len);
    if (!f)
        return NULL;
    if (x->n_run > 1)
        fprintf(f, "error[R0803]: passed %zu of %zu runs, and %g of them have to pass\n"
                   "  --> %s:%u:1 in %s\n  = note: the first failure, with seed %llu:\n",
                x->passed, x->n_run, x->info.pass, x->t->file, x->info.line, x->info.name,
                x->fault ? (unsigned long long)x->fault->seed : 0);
    fputs(why, f);
    return fclose(f) == 0 ? text : NULL;
}

static void tell(struct test *x)
{
    static const char *const names[] = { "passed", "failed", "skipped" };
    struct tester *t = x->t;
    bool enough = (double)x->passed >= x->info.pass * (double)x->n_run - 1e-9;
    enum verdict v = x->no_model ? VERDICT_SKIPPED : enough ? VERDICT_PASSED : VERDICT_FAILED;
    char *why = v == VERDICT_FAILED ? reason(x) : NULL;
    *(v == VERDICT_PASSED ? &t->passed : v == VERDICT_FAILED ? &t->failed : &t->skipped) += 1;
    (t->o->json ? tell_json : tell_text)(x, names[v], why);
    if (t->junit) {
        struct junit_case c = { .name = x->info.name, .verdict = v, .ms = x->ms,
                                .kind = x->fault ? x->fault->kind : NULL, .out = x->first->out,
                                .why = v == VERDICT_SKIPPED ? "it needs a model" : why };
        junit_add(t->junit, &c);
    }
    free(why);
}

static void on_told(void *ctx, struct batch_run *r)
{
    struct tester *t = ctx;
    struct test *x = r->ctx;
    if (!t->o->json && r->n_out)
        fwrite(r->out, 1, r->n_out, stdout);
    if (r->n_err)
        fwrite(r->err, 1, r->n_err, stderr);
    x->ended++;
    x->passed += r->ok;
    x->ms += r->ms;
    x->no_model |= r->no_model;
    if (!r->ok && !x->fault)
        x->fault = r;
    if (x->ended == x->n_run)
        tell(x);
}

/* ---- running ---- */

/* The engine, once some test could ask it.  Without a model that was named, none is fine. */
static bool have_engine(struct tester *t, const sgl_module *m)
{
    if (t->engine || t->no_engine || !sgl_module_needs_model(m))
        return true;
    return output_engine_if(t->o, &t->engine, &t->no_engine);
}

static void list_test(const struct tester *t, const sgl_function *f)
{
    if (!t->o->json) {
        printf("%s\n", f->name);
        return;
    }
    json_t *o = json_pack("{s:s, s:s, s:i}", "file", t->file, "name", f->name, "line",
                          (int)f->line);
    json_dumpf(o, stdout, 0);
    putchar('\n');
    json_decref(o);
}

/* The tests of a program that are wanted, and their runs; false: out of memory. */
static bool gather(struct tester *t, const sgl_module *m, struct test **ret_test,
                   struct batch_run **ret_run, size_t *ret_n_run)
{
    size_t n = sgl_module_functions(m), n_test = 0, n_run = 0;
    struct test *test = calloc(n + 1, sizeof *test);
    size_t *function = calloc(n + 1, sizeof *function);
    for (size_t i = 0; test && function && i < n; i++) {
        struct test *x = &test[n_test];
        sgl_module_function(m, i, &x->info);
        if (!x->info.is_test || (t->o->filter && !strstr(x->info.name, t->o->filter)))
            continue;
        x->t = t;
        x->n_run = t->o->runs ? t->o->runs : x->info.runs ? x->info.runs : 1;
        n_run += x->n_run;
        function[n_test++] = i;
    }
    struct batch_run *run = calloc(n_run + 1, sizeof *run);
    size_t at = 0;
    for (size_t i = 0; run && i < n_test; i++) {
        test[i].first = &run[at];
        uint64_t seed = t->config.has_seed ? t->config.seed : (uint64_t)test[i].info.seed;
        for (size_t k = 0; k < test[i].n_run; k++)
            run[at++] = (struct batch_run){ .function = function[i], .seed = seed + k,
                                            .ctx = &test[i] };
    }
    free(function);
    *ret_test = test;
    *ret_run = run;
    *ret_n_run = n_run;
    return test && run;
}

static int test_program(struct tester *t, struct program *p)
{
    struct test *test = NULL;
    struct batch_run *run = NULL;
    size_t n_run = 0;
    int rc = EXIT_FAILED;
    if (!gather(t, p->module, &test, &run, &n_run)) {
        fprintf(stderr, "sglrun: out of memory\n");
    } else if (t->o->list) {
        for (size_t i = 0; test[i].t; i++)
            list_test(t, &test[i].info);
        rc = EXIT_DONE;
    } else if (n_run == 0 || have_engine(t, p->module)) {
        struct batch b = { .rt = p->rt, .module = p->module, .engine = t->engine,
                           .config = &t->config,
                           .run = run, .n_run = n_run, .jobs = t->o->jobs ? t->o->jobs : 1,
                           .told = on_told, .ctx = t };
        if (t->junit)
            junit_suite(t->junit, t->file);
        rc = batch_go(&b) ? EXIT_DONE : EXIT_INTERRUPT;
    }
    for (size_t i = 0; run && i < n_run; i++)
        batch_run_free(&run[i]);
    free(run);
    free(test);
    return rc;
}

static void summary(const struct tester *t)
{
    if (t->o->list)
        return;
    if (t->o->json)
        printf("{\"passed\": %zu, \"failed\": %zu, \"skipped\": %zu}\n", t->passed, t->failed,
               t->skipped);
    else
        printf("%zu passed, %zu failed, %zu skipped%s\n", t->passed, t->failed, t->skipped,
               t->skipped ? " (no model)" : "");
}

static int test_all(const struct options *o)
{
    struct tester t = { .o = o, .no_engine = o->no_model };
    if (!options_run(o, &t.config))
        return EXIT_USAGE;
    if (o->runs > 10000 || o->jobs > 1024) {
        fprintf(stderr, "sglrun: --runs goes up to 10000, --jobs up to 1024\n");
        return EXIT_USAGE;
    }
    if (o->junit && !o->list && !(t.junit = junit_open(o->junit)))
        return EXIT_FAILED;
    struct loaded libs;
    int rc = load_open(o, &libs, &t.config) ? EXIT_DONE : EXIT_FAILED;
    bool ready = rc == EXIT_DONE;
    for (size_t i = 0; ready && i < o->rest.n && rc != EXIT_INTERRUPT; i++) {
        struct program p;
        t.file = o->rest.at[i];
        int one = EXIT_FAILED;
        if (program_open(&p, t.file, NULL, o, false, SGL_ERROR, NULL)) {
            one = test_program(&t, &p);
            program_close(&p);
        }
        rc = one != EXIT_DONE ? one : rc;
    }
    sgl_engine_unref(t.engine);
    load_close(&libs);
    if (ready)
        summary(&t);
    if (!junit_close(t.junit) && rc == EXIT_DONE)
        rc = EXIT_FAILED;
    return rc == EXIT_DONE && t.failed ? EXIT_TEST : rc;
}

int cmd_test(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "test", flags, N_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("test", flags, N_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n == 0) {
            fprintf(stderr, "sglrun: test needs a program; see sglrun test --help\n");
        } else {
            rc = test_all(&o);
        }
    }
    options_free(&o);
    return rc;
}
