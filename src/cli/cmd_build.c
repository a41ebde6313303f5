/* cmd_build.c - `build`: a program and all it reads, compiled into one .sglc file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"

static const struct flag flags[] = {
    FLAG(FLAG_TEXT, "o", out, "FILE", "where to (default: the program's name with .sglc)"),
    FLAG(FLAG_BOOL, "json", json, NULL, "diagnostics as JSON objects, one a line"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

/* prog.sgl -> prog.sglc; NULL: out of memory. */
static char *out_name(const char *path)
{
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".sgl") == 0)
        n -= 4;
    char *name = malloc(n + 6);
    if (name) {
        memcpy(name, path, n);
        memcpy(name + n, ".sglc", 6);
    }
    return name;
}

static int build(const struct options *o)
{
    const char *path = o->rest.at[0];
    sgl_error err;
    sgl_runtime *rt = NULL;
    sgl_diagnostics *diags = NULL;
    sgl_source source;
    sgl_source_init(&source);
    source.name = path;
    char *bytes = NULL, *name = o->out ? strdup(o->out) : out_name(path);
    size_t len = 0;
    sgl_status st = sgl_runtime_new(NULL, &rt, &err);
    if (st == SGL_OK)
        st = sgl_module_build(rt, &source, &bytes, &len, &diags, &err);
    output_diagnostics(diags, SGL_WARNING, o->json);
    int rc = EXIT_FAILED;
    if (st == SGL_OK && name && output_replace(name, bytes, len)) {
        fprintf(stderr, "%s: %zu bytes\n", name, len);
        rc = EXIT_DONE;
    } else if (diags && sgl_diagnostics_count(diags, SGL_ERROR) > 0) {
        rc = EXIT_CHECK;
    } else if (st != SGL_OK) {
        output_error(&err);
    }
    sgl_diagnostics_free(diags);
    sgl_free(bytes);
    free(name);
    sgl_runtime_free(rt);
    return rc;
}

int cmd_build(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "build", flags, N_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("build", flags, N_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n != 1) {
            fprintf(stderr, "sglrun: build needs one program; see sglrun build --help\n");
        } else {
            rc = build(&o);
        }
    }
    options_free(&o);
    return rc;
}
