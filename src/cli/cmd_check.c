/* cmd_check.c - `check`, `fmt` and `explain`: what can be said of a program without running it. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

/* ---- check ---- */

static const struct flag check_flags[] = {
    FLAG(FLAG_BOOL, "cost", cost, NULL,
         "most tokens that each function can use, and where none is known (W0701)"),
    FLAG(FLAG_BOOL, "json", json, NULL, "diagnostics as JSON objects, one a line"),
    FLAG(FLAG_TEXT, "model", model, "NAME", "check for this model's tokens too (E0421)"),
    FLAG(FLAG_TEXT, "deny", deny, "warnings", "warnings fail the check"),
    FLAG(FLAG_BOOL, "deny-warnings", deny_warnings, NULL, "the same"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
};
enum { N_CHECK_FLAG = sizeof check_flags / sizeof *check_flags };

/* With --json the text is a member of an object, so that every line stays one. */
static bool print_cost(const struct program *p, const char *path, const struct options *o)
{
    char *text = NULL;
    sgl_error err;
    if (sgl_module_show(p->module, SGL_SHOW_COST, false, NULL, &text, &err) != SGL_OK) {
        output_error(&err);
        return false;
    }
    if (o->json) {
        json_t *line = json_pack("{s:s, s:s}", "file", path, "cost", text);
        json_dumpf(line, stdout, 0);
        putchar('\n');
        json_decref(line);
    } else {
        fputs(text, stdout);
    }
    sgl_free(text);
    return true;
}

/* With a model that was named, what depends on its tokens is checked too. */
static int check_all(struct options *o)
{
    int rc = EXIT_DONE;
    sgl_engine *engine = NULL;
    if (o->model && !output_engine(o, false, &engine))
        return EXIT_FAILED;
    o->engine = engine;
    for (size_t i = 0; i < o->rest.n; i++) {
        struct program p;
        size_t n_warning = 0;
        bool open = program_open(&p, o->rest.at[i], NULL, o, false, SGL_NOTE, &n_warning);
        bool good = open && (!engine || program_fits(&p, engine, SGL_NOTE, o->json, &n_warning));
        if (!good || ((o->deny || o->deny_warnings) && n_warning > 0))
            rc = EXIT_CHECK;
        if (!open)
            continue;
        if (o->cost && !print_cost(&p, o->rest.at[i], o))
            rc = EXIT_FAILED;
        program_close(&p);
    }
    sgl_engine_unref(engine);
    return rc;
}

int cmd_check(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "check", check_flags, N_CHECK_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("check", check_flags, N_CHECK_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n == 0) {
            fprintf(stderr, "sglrun: check needs a program; see sglrun check --help\n");
        } else if (o.deny && strcmp(o.deny, "warnings") != 0) {
            fprintf(stderr, "sglrun: --deny takes \"warnings\", not \"%s\"\n", o.deny);
        } else {
            rc = check_all(&o);
        }
    }
    options_free(&o);
    return rc;
}

/* ---- fmt ---- */

static const struct flag fmt_flags[] = {
    FLAG(FLAG_BOOL, "check", check, NULL, "change nothing; fail when a file would change"),
    FLAG(FLAG_BOOL, "stdin", from_stdin, NULL, "from standard input to standard output"),
};
enum { N_FMT_FLAG = sizeof fmt_flags / sizeof *fmt_flags };

static int format_one(const char *path, const struct options *o)
{
    size_t n_in = 0, n_out = 0;
    char *in = output_read(path, &n_in), *out = NULL;
    sgl_error err;
    if (!in)
        return EXIT_FAILED;
    int rc = EXIT_DONE;
    if (sgl_format(in, n_in, &out, &n_out, &err) != SGL_OK) {
        fprintf(stderr, "sglrun: %s: %s\n", path, err.text);
        rc = EXIT_CHECK;
    } else if (o->check) {
        bool same = n_in == n_out && memcmp(in, out, n_in) == 0;
        if (!same)
            printf("%s\n", strcmp(path, "-") == 0 ? "<stdin>" : path);
        rc = same ? EXIT_DONE : EXIT_CHECK;
    } else if (strcmp(path, "-") == 0) {
        fwrite(out, 1, n_out, stdout);
    } else if ((n_in != n_out || memcmp(in, out, n_in) != 0) && !output_replace(path, out, n_out)) {
        rc = EXIT_FAILED;
    }
    sgl_free(out);
    free(in);
    return rc;
}

int cmd_fmt(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "fmt", fmt_flags, N_FMT_FLAG, argc, argv, false)) {
        if (o.from_stdin)
            text_list_add(&o.rest, "-");
        if (o.help)
            options_help("fmt", fmt_flags, N_FMT_FLAG);
        else if (o.rest.n == 0)
            fprintf(stderr, "sglrun: fmt needs a program; see sglrun fmt --help\n");
        rc = o.help || o.rest.n > 0 ? EXIT_DONE : EXIT_USAGE;
        for (size_t i = 0; !o.help && i < o.rest.n; i++) {
            int one = format_one(o.rest.at[i], &o);
            rc = rc == EXIT_DONE ? one : rc;
        }
    }
    options_free(&o);
    return rc;
}

/* ---- explain ---- */

int cmd_explain(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "explain", NULL, 0, argc, argv, false)) {
        char *text = NULL;
        sgl_error err;
        if (o.help) {
            options_help("explain", NULL, 0);
            rc = EXIT_DONE;
        } else if (o.rest.n > 1) {
            fprintf(stderr, "sglrun: explain takes one code, such as E0103; alone it lists them\n");
        } else if (sgl_explain(o.rest.n ? o.rest.at[0] : NULL, &text, &err) != SGL_OK) {
            output_error(&err);
        } else {
            fputs(text, stdout);
            rc = EXIT_DONE;
        }
        sgl_free(text);
    }
    options_free(&o);
    return rc;
}
