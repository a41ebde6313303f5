/* cmd_test.c - `test`: every test block of a program as a run of its own. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_TEXT, "filter", filter, "TEXT", "only tests whose name holds this"),
    FLAG(FLAG_BOOL, "list", list, NULL, "print the names; run nothing"),
    FLAG(FLAG_BOOL, "no-model", no_model, NULL, "without a model: tests that need one are skipped"),
    FLAG(FLAG_LIST, "allow-read", allow_read, "DIR", "folder that the program may read"),
    FLAG(FLAG_LIST, "allow-write", allow_write, "DIR", "folder that the program may write"),
    FLAG(FLAG_LIST, "allow-run", allow_run, "PROG", "program that an extern may start"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "no progress"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

struct tally {
    size_t passed, failed, skipped;
};

/* A test that meets the absence of a model is skipped: R0103 says so. */
static void run_one(struct program *p, const char *name, sgl_engine *engine, const struct options *o,
                    struct tally *t)
{
    sgl_run_config config;
    sgl_run *run = NULL;
    sgl_error err;
    if (!options_run(o, &config))
        return;
    config.tests = true;
    if (sgl_run_new(p->rt, p->module, name, engine, &config, &run, &err) != SGL_OK ||
        sgl_run_start(run, &err) != SGL_OK) {
        output_error(&err);
        t->failed++;
        sgl_run_free(run);
        return;
    }
    sgl_event ev;
    const char *verdict = "failed";
    char *why = NULL;
    while (sgl_run_next(run, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_EV_PRINT)
            fwrite(ev.text, 1, ev.text_len, ev.to_stderr ? stderr : stdout);
        if (ev.kind == SGL_EV_INPUT)
            sgl_run_input(run, NULL, 0);
        if (ev.kind == SGL_EV_DONE)
            verdict = "passed";
        if (ev.kind == SGL_EV_FAILED) {
            bool no_model = !engine && strcmp(ev.error.code, "R0103") == 0;
            verdict = no_model ? "skipped" : "failed";
            why = no_model ? NULL : sgl_dup(ev.text, ev.text_len);
        }
    }
    printf("%-7s %s\n", verdict, name);
    if (why)
        fprintf(stderr, "%s\n", why);
    *(verdict[0] == 'p' ? &t->passed : verdict[0] == 's' ? &t->skipped : &t->failed) += 1;
    sgl_free(why);
    sgl_run_free(run);
}

static bool test_file(const char *path, sgl_engine *engine, const struct options *o, struct tally *t)
{
    struct program p;
    if (!program_open(&p, path, NULL, o, false, SGL_ERROR, NULL))
        return false;
    for (size_t i = 0; i < sgl_module_functions(p.module); i++) {
        sgl_function f;
        sgl_module_function(p.module, i, &f);
        if (!f.is_test || (o->filter && !strstr(f.name, o->filter)))
            continue;
        if (o->list)
            printf("%s\n", f.name);
        else
            run_one(&p, f.name, engine, o, t);
    }
    program_close(&p);
    return true;
}

static int test_all(const struct options *o)
{
    sgl_engine *engine = NULL;
    struct tally t = { 0 };
    if (!o->no_model && !o->list && !output_engine(o, false, &engine))
        return EXIT_FAILED;
    bool good = true;
    for (size_t i = 0; i < o->rest.n; i++)
        good &= test_file(o->rest.at[i], engine, o, &t);
    sgl_engine_unref(engine);
    if (!o->list)
        printf("%zu passed, %zu failed, %zu skipped\n", t.passed, t.failed, t.skipped);
    return !good ? EXIT_FAILED : t.failed ? EXIT_TEST : EXIT_DONE;
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
