/* render.c - one program through the public API, as the command line takes it.
 *
 * A page of docs/codes shows what is printed here, so nothing is added or left out.  Diagnostics
 * come first; a program that has any is not run.  A line `// flags: ...` stands for the command
 * line: `cost`, `allow-read`, `allow-write`, `allow-run`, `limit:name=n`, `arg:name=text`. */
#include "render.h"

#include <stdio.h>
#include <string.h>

#include "runtime/api/api_int.h"

enum { TIMEOUT_MS = 20000, ARGS_MAX = 8 };

struct flags {
    bool        cost;
    const char *all[1];
    size_t      n_read, n_write, n_run;
    const char *limit[ARGS_MAX];
    size_t      n_limit;
    char       *arg[ARGS_MAX];          /* "name=text" */
    size_t      n_arg;
    struct arena arena;
};

static void read_flag(struct flags *f, struct slice word)
{
    if (slice_is(word, "cost"))
        f->cost = true;
    else if (slice_is(word, "allow-read"))
        f->n_read = 1;
    else if (slice_is(word, "allow-write"))
        f->n_write = 1;
    else if (slice_is(word, "allow-run"))
        f->n_run = 1;
    else if (slice_starts(word, SLICE("limit:")) && f->n_limit < ARGS_MAX)
        f->limit[f->n_limit++] = arena_strdup(&f->arena, slice_sub(word, 6, word.len));
    else if (slice_starts(word, SLICE("arg:")) && f->n_arg < ARGS_MAX)
        f->arg[f->n_arg++] = arena_strdup(&f->arena, slice_sub(word, 4, word.len));
}

static void read_flags(struct flags *f, struct slice text)
{
    size_t at = slice_find(text, SLICE("// flags: "));
    if (at == SIZE_MAX)
        return;
    struct slice rest = slice_sub(text, at + 10, text.len);
    size_t end = slice_find(rest, SLICE("\n"));
    rest = slice_sub(rest, 0, end == SIZE_MAX ? rest.len : end);
    while (rest.len) {
        size_t blank = slice_find(rest, SLICE(" "));
        size_t n = blank == SIZE_MAX ? rest.len : blank;
        read_flag(f, slice_sub(rest, 0, n));
        rest = slice_sub(rest, n + (n < rest.len), rest.len);
    }
}

static void show_diagnostics(const sgl_diagnostics *d)
{
    size_t n = sgl_diagnostics_total(d);
    for (size_t i = 0; i < n; i++) {
        char *text = NULL;
        if (sgl_diagnostics_render(d, i, SGL_RENDER_TEXT, &text) == SGL_OK)
            printf("%s%s\n", text, i + 1 < n ? "\n" : "");
        sgl_free(text);
    }
}

static void show_error(const sgl_error *err)
{
    printf("sglrun: %s%s%s\n", err->code, err->code[0] ? ": " : "", err->text);
}

static sgl_status give_args(sgl_run *run, const struct flags *f, sgl_error *err)
{
    sgl_status st = SGL_OK;
    for (size_t i = 0; i < f->n_arg && st == SGL_OK; i++) {
        char *eq = strchr(f->arg[i], '=');
        if (!eq)
            continue;
        *eq = '\0';
        st = sgl_run_arg_text(run, f->arg[i], eq + 1, err);
    }
    return st;
}

/* True when it ended well. */
static bool follow(sgl_run *run)
{
    for (;;) {
        sgl_event ev;
        sgl_status st = sgl_run_next(run, TIMEOUT_MS, &ev);
        if (st != SGL_OK) {
            printf("no end within %d ms\n", TIMEOUT_MS);
            return false;
        }
        if (ev.kind == SGL_EV_INPUT)
            sgl_run_input(run, NULL, 0);
        if (ev.kind == SGL_EV_NOTE || ev.kind == SGL_EV_FAILED)
            printf("%.*s\n", (int)ev.text_len, ev.text);
        if (ev.kind == SGL_EV_DONE || ev.kind == SGL_EV_FAILED)
            return ev.kind == SGL_EV_DONE;
    }
}

static bool run_function(sgl_runtime *rt, sgl_module *m, const char *name, bool tests,
                         sgl_engine *engine, const struct flags *f)
{
    sgl_run_config config;
    sgl_run *run = NULL;
    sgl_error err = { 0 };
    sgl_run_config_init(&config);
    config.has_seed = true;
    config.seed = 1;
    config.tests = tests;
    config.allow_read = config.allow_write = config.allow_run = f->all;
    config.n_allow_read = f->n_read;
    config.n_allow_write = f->n_write;
    config.n_allow_run = f->n_run;
    config.limits = f->limit;
    config.n_limits = f->n_limit;
    sgl_status st = sgl_run_new(rt, m, name, engine, &config, &run, &err);
    if (st == SGL_OK && !name)
        st = give_args(run, f, &err);
    if (st == SGL_OK)
        st = sgl_run_start(run, &err);
    bool good = st == SGL_OK && follow(run);
    if (st != SGL_OK)
        show_error(&err);
    sgl_run_free(run);
    return good;
}

static void run_module(sgl_runtime *rt, sgl_module *m, sgl_engine *engine, const struct flags *f)
{
    bool good = true;
    for (size_t i = 0; good && i < sgl_module_functions(m); i++) {
        sgl_function fn;
        sgl_module_function(m, i, &fn);
        if (fn.is_main || fn.is_script)
            good = run_function(rt, m, NULL, false, engine, f);
    }
    for (size_t i = 0; good && i < sgl_module_functions(m); i++) {
        sgl_function fn;
        sgl_module_function(m, i, &fn);
        if (fn.is_test)
            good = run_function(rt, m, fn.name, true, engine, f);
    }
}

int render_file(const char *file, struct slice text, scripted_fn answer, void *ctx)
{
    struct flags f = { .all = { "*" } };
    sgl_runtime *rt = NULL;
    sgl_module *m = NULL;
    sgl_diagnostics *d = NULL;
    sgl_engine engine = { .refs = 1 };
    sgl_error err = { 0 };
    sgl_source source;
    read_flags(&f, text);
    sgl_source_init(&source);
    source.name = file;
    source.cost = f.cost;
    if (sgl_runtime_new(NULL, &rt, &err) != SGL_OK ||
        engine_open_scripted(answer, ctx, &engine.e, NULL) != ST_OK)
        return 2;
    sgl_status st = sgl_module_compile(rt, &source, &m, &d, &err);
    if (d && sgl_diagnostics_total(d))
        show_diagnostics(d);
    else if (st != SGL_OK)
        show_error(&err);
    else
        run_module(rt, m, &engine, &f);
    sgl_diagnostics_free(d);
    sgl_module_unref(m);
    engine_unref(engine.e);
    sgl_runtime_free(rt);
    arena_free(&f.arena);
    return 0;
}
