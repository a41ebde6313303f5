/* cmd_run.c - `run`: a program, its arguments from flags, its result to standard output.
 *
 * Flags before the file are sglrun's.  Behind it, a parameter of main hides a flag of the same
 * name; what is neither is an error of usage that lists the parameters. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/follow.h"
#include "cli/load.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAGS_ENGINE,
    FLAG(FLAG_TEXT, "e", code, "'CODE'", "run this text instead of a file"),
    FLAG(FLAG_TEXT, "seed", seed, "N", "seed of all draws; without it one is picked (see --stats)"),
    FLAG(FLAG_LIST, "set", set, "NAME=V", "default of a sampling argument, such as temp=0.7"),
    FLAG(FLAG_TEXT, "budget", budget, "B", "tokens=5000,time=30s,calls=4"),
    FLAG(FLAG_LIST, "allow-read", allow_read, "DIR", "folder that the program may read"),
    FLAG(FLAG_LIST, "allow-write", allow_write, "DIR", "folder that the program may write"),
    FLAG(FLAG_LIST, "allow-run", allow_run, "PROG", "program that an extern may start"),
    FLAG(FLAG_LIST, "limit", limit, "NAME=N", "changes a limit, such as contexts=1000"),
    FLAG(FLAG_LIST, "load", load, "LIB", "shared library whose functions bind externs"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
    FLAG(FLAG_BOOL, "stream", stream, NULL, "show generated text on standard error as it comes"),
    FLAG(FLAG_BOOL, "events", events, NULL, "print events as JSON lines instead of the result"),
    FLAG(FLAG_BOOL, "json", json, NULL, "print the result as JSON always"),
    FLAG(FLAG_BOOL, "quiet", quiet, NULL, "no progress"),
    FLAG(FLAG_BOOL, "dry-run", dry_run, NULL, "print the prompts; ask no model"),
    FLAG(FLAG_BOOL, "stats", stats, NULL, "print counters and speeds on standard error"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

/* ---- parameters ---- */

struct params {
    const sgl_module *module;
    size_t            function, n;
};

static bool find_main(const sgl_module *m, struct params *ret)
{
    for (size_t i = 0; i < sgl_module_functions(m); i++) {
        sgl_function f;
        sgl_module_function(m, i, &f);
        if (f.is_main) {
            *ret = (struct params){ m, i, f.n_params };
            return true;
        }
    }
    *ret = (struct params){ m, 0, 0 };
    return false;
}

/* The parameter that a flag text names ('-' reads as '_'), in *ret. */
static bool find_param(const struct params *ps, const char *text, size_t len, sgl_param *ret)
{
    for (size_t i = 0; i < ps->n; i++) {
        sgl_module_param(ps->module, ps->function, i, ret);
        if (strlen(ret->name) != len)
            continue;
        size_t k = 0;
        while (k < len && (ret->name[k] == text[k] || (ret->name[k] == '_' && text[k] == '-')))
            k++;
        if (k == len)
            return true;
    }
    return false;
}

static void list_params(const struct params *ps)
{
    if (ps->n == 0) {
        fprintf(stderr, "this program takes no arguments\n");
        return;
    }
    fprintf(stderr, "arguments of this program:\n");
    for (size_t i = 0; i < ps->n; i++) {
        sgl_param p;
        sgl_module_param(ps->module, ps->function, i, &p);
        fputs("  --", stderr);
        for (const char *c = p.name; *c; c++)
            fputc(*c == '_' ? '-' : *c, stderr);
        fprintf(stderr, " %s%s%s%s\n", p.type, p.required ? "" : " (optional)",
                p.doc && *p.doc ? "  " : "", p.doc ? p.doc : "");
    }
}

static bool ends_in_file(const char *name, size_t *len)
{
    static const char tail[] = "-file";
    if (*len <= 5 || memcmp(name + *len - 5, tail, 5) != 0)
        return false;
    *len -= 5;
    return true;
}

/* One argument behind the program's name: 1 taken, 0 not a parameter, -1 a message was printed. */
static int take_param(sgl_run *run, const struct params *ps, const struct text_list *args,
                      size_t *i)
{
    const char *name = args->at[*i] + 2;
    const char *equals = strchr(name, '=');
    size_t len = equals ? (size_t)(equals - name) : strlen(name);
    sgl_param p;
    bool is_file = false, negated = false;

    if (!find_param(ps, name, len, &p)) {
        negated = len > 3 && memcmp(name, "no-", 3) == 0 &&
                  find_param(ps, name + 3, len - 3, &p) && p.is_bool;
        is_file = !negated && ends_in_file(name, &len) && find_param(ps, name, len, &p);
        if (!negated && !is_file)
            return 0;
    }
    const char *next = *i + 1 < args->n ? args->at[*i + 1] : NULL;
    const char *value = equals ? equals + 1 : next;
    if (p.is_bool && !is_file && !equals) {
        bool given = next && (strcmp(next, "true") == 0 || strcmp(next, "false") == 0);
        value = negated ? "false" : given ? next : "true";
        *i += given && !negated;
    } else if (!value) {
        fprintf(stderr, "sglrun: --%s needs a value of type %s\n", p.name, p.type);
        return -1;
    } else if (!equals) {
        ++*i;
    }

    size_t n_text = 0;
    char *text = is_file ? output_read(value, &n_text) : NULL;
    if (is_file && !text)
        return -1;
    sgl_error err;
    sgl_status st = sgl_run_arg_text(run, p.name, text ? text : value, &err);
    free(text);
    if (st != SGL_OK)
        output_error(&err);
    return st == SGL_OK ? 1 : -1;
}

/* Everything behind the file's name.  When run is NULL only sglrun's own flags are looked at. */
static bool take_rest(struct options *o, sgl_run *run, const struct params *ps)
{
    for (size_t i = o->code ? 0 : 1; i < o->rest.n; i++) {
        const char *arg = o->rest.at[i];
        sgl_param p;
        const char *name = arg[0] == '-' && arg[1] == '-' ? arg + 2 : "";
        bool is_param = find_param(ps, name, strcspn(name, "="), &p);
        bool known = false;
        if (!is_param && options_one(o, flags, N_FLAG, &o->rest, &i, &known))
            continue;
        if (known)
            return false;
        if (!run) {
            /* Steps over the value of a parameter, so that it is not read as a flag. */
            i += *name && !strchr(name, '=') && i + 1 < o->rest.n && o->rest.at[i + 1][0] != '-';
            continue;
        }
        int taken = *name ? take_param(run, ps, &o->rest, &i) : 0;
        if (taken < 0)
            return false;
        if (taken == 0) {
            fprintf(stderr, "sglrun: \"%s\" is neither an argument of this program nor a flag "
                            "of run\n", arg);
            list_params(ps);
            return false;
        }
    }
    return true;
}

/* ---- the run ---- */

static int run_program(struct options *o, struct program *p, const struct params *ps)
{
    sgl_engine *engine = NULL;
    sgl_run *run = NULL;
    sgl_run_config config;
    sgl_error err;
    int rc = EXIT_FAILED;

    if (!options_run(o, &config))
        return EXIT_USAGE;
    struct loaded libs;
    bool ready = load_open(o, &libs, &config);
    if (!ready || (sgl_module_needs_model(p->module) && !output_engine(o, false, &engine))) {
        load_close(&libs);
        return EXIT_FAILED;
    }
    if (engine && !program_fits(p, engine, SGL_ERROR, false, NULL)) {
        rc = EXIT_FAILED;
    } else if (sgl_run_new(p->rt, p->module, NULL, engine, &config, &run, &err) != SGL_OK) {
        output_error(&err);
        rc = err.status == SGL_INVALID ? EXIT_USAGE : EXIT_FAILED;      /* a setting or limit */
    } else if (!take_rest(o, run, ps)) {
        rc = EXIT_USAGE;
    } else if (sgl_run_start(run, &err) != SGL_OK) {
        output_error(&err);
        if (strcmp(err.code, "R0104") == 0)
            list_params(ps);
    } else {
        struct follow_opts how = { .json = o->json, .events = o->events, .stream = o->stream };
        rc = follow_run(run, &how);
        if (o->stats)
            follow_stats(run, engine);
    }
    sgl_run_free(run);
    sgl_engine_unref(engine);
    load_close(&libs);
    return rc;
}

/* The prompts as `show` prints them; only a model that was named is opened, for its markers. */
static int dry_run(const struct options *o, struct program *p)
{
    char *text = NULL;
    sgl_error err;
    sgl_engine *engine = NULL;
    if (o->model && !output_engine(o, true, &engine))
        return EXIT_FAILED;
    sgl_status st = sgl_module_show(p->module, SGL_SHOW_PROMPT, false, engine, &text, &err);
    if (st == SGL_OK)
        fputs(text, stdout);
    else
        output_error(&err);
    sgl_free(text);
    sgl_engine_unref(engine);
    return st == SGL_OK ? EXIT_DONE : EXIT_FAILED;
}

static int with_options(struct options *o)
{
    if (o->rest.n == 0 && !o->code) {
        fprintf(stderr, "sglrun: run needs a program; see sglrun run --help\n");
        return EXIT_USAGE;
    }
    struct program p;
    if (o->dry_run)
        text_list_add(&o->no_opt, "hoist");     /* texts stay where they were written */
    const char *path = o->code ? NULL : o->rest.at[0];
    if (!program_open(&p, path, o->code, o, false, SGL_ERROR, NULL))
        return EXIT_FAILED;

    struct params ps;
    int rc = EXIT_USAGE;
    find_main(p.module, &ps);
    if (!sgl_module_runnable(p.module))
        fprintf(stderr, "sglrun: %s is a library: it has neither statements nor fn main\n",
                path ? path : "-e");
    else if (take_rest(o, NULL, &ps))
        rc = o->dry_run ? dry_run(o, &p) : run_program(o, &p, &ps);
    program_close(&p);
    return rc;
}

int cmd_run(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "run", flags, N_FLAG, argc, argv, true)) {
        if (o.help) {
            options_help("run", flags, N_FLAG);
            rc = EXIT_DONE;
        } else {
            rc = with_options(&o);
        }
    }
    options_free(&o);
    return rc;
}
