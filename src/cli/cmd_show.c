/* cmd_show.c - `show`: the prompt that a program writes, and what the compiler made of it. */
#include <stdio.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAG(FLAG_BOOL, "ir", ir, NULL, "the intermediate form"),
    FLAG(FLAG_BOOL, "bytecode", bytecode, NULL, "the machine's instructions"),
    FLAG(FLAG_BOOL, "tokens", tokens, NULL, "token borders of the constant texts"),
    FLAG(FLAG_TEXT, "model", model, "NAME", "whose tokenizer and role markers are used"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

static int show(const struct options *o)
{
    struct program p;
    sgl_engine *engine = NULL;
    char *text = NULL;
    sgl_error err;

    if (!program_open(&p, o->rest.at[0], NULL, o, o->ir, SGL_ERROR, NULL))
        return EXIT_FAILED;
    int rc = EXIT_FAILED;
    sgl_show what = o->ir ? SGL_SHOW_IR : o->bytecode ? SGL_SHOW_BYTECODE
                  : o->tokens ? SGL_SHOW_TOKENS : SGL_SHOW_PROMPT;
    bool engine_ok = !o->tokens && !o->model;
    if (engine_ok || output_engine(o, true, &engine)) {
        if (sgl_module_show(p.module, what, isatty(STDOUT_FILENO), engine, &text, &err) == SGL_OK) {
            fputs(text, stdout);
            rc = EXIT_DONE;
        } else {
            output_error(&err);
        }
    }
    sgl_free(text);
    sgl_engine_unref(engine);
    program_close(&p);
    return rc;
}

int cmd_show(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "show", flags, N_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("show", flags, N_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n != 1) {
            fprintf(stderr, "sglrun: show needs one program; see sglrun show --help\n");
        } else {
            rc = show(&o);
        }
    }
    options_free(&o);
    return rc;
}
