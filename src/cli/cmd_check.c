/* cmd_check.c - `check`, `fmt` and `explain`: what can be said of a program without running it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

/* ---- check ---- */

static const struct flag check_flags[] = {
    FLAG(FLAG_BOOL, "cost", cost, NULL, "say where there is no static bound (W0701)"),
    FLAG(FLAG_BOOL, "json", json, NULL, "diagnostics as JSON objects, one a line"),
    FLAG(FLAG_BOOL, "deny-warnings", deny, NULL, "warnings fail the check"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
};
enum { N_CHECK_FLAG = sizeof check_flags / sizeof *check_flags };

static int check_all(const struct options *o)
{
    int rc = EXIT_DONE;
    for (size_t i = 0; i < o->rest.n; i++) {
        struct program p;
        size_t n_warning = 0;
        bool good = program_open(&p, o->rest.at[i], NULL, o, false, SGL_NOTE, &n_warning);
        if (!good || (o->deny && n_warning > 0))
            rc = EXIT_CHECK;
        if (good)
            program_close(&p);
    }
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

static bool replace(const char *path, const char *text, size_t len)
{
    size_t n = strlen(path);
    char *beside = malloc(n + 5);
    if (!beside)
        return false;
    memcpy(beside, path, n);
    memcpy(beside + n, ".tmp", 5);
    FILE *f = fopen(beside, "wb");
    bool good = f && fwrite(text, 1, len, f) == len;
    good = f && fclose(f) == 0 && good;
    good = good && rename(beside, path) == 0;
    if (!good)
        perror(path);
    free(beside);
    return good;
}

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
    } else if (strcmp(path, "-") == 0) {
        fwrite(out, 1, n_out, stdout);
    } else if (n_in != n_out || memcmp(in, out, n_in) != 0) {
        if (o->check) {
            printf("%s\n", path);
            rc = EXIT_CHECK;
        } else if (!replace(path, out, n_out)) {
            rc = EXIT_FAILED;
        }
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
        } else if (o.rest.n != 1) {
            fprintf(stderr, "sglrun: explain needs one code, such as E0103\n");
        } else if (sgl_explain(o.rest.at[0], &text, &err) != SGL_OK) {
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
