/* cmd_show.c - `show`: the prompt that a program writes, and what the compiler made of it.
 *
 * Role markers and tokens are a model's: without --model (or SGL_MODEL) turns are shown by name.
 * `--json-schema FILE` needs no program: it shows the automaton that the schema becomes. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"
#include "cli/program.h"

static const struct flag flags[] = {
    FLAG(FLAG_BOOL, "tokens", tokens, NULL, "with the borders of the tokens of constant parts"),
    FLAG(FLAG_BOOL, "prefix", prefix, NULL, "constant beginnings of contexts, computed once"),
    FLAG(FLAG_BOOL, "cost", cost, NULL, "most tokens and contexts that each function can use"),
    FLAG(FLAG_BOOL, "schema", schema, NULL, "parameters, results and constraints as JSON Schema"),
    FLAG(FLAG_BOOL, "grammar", grammar, NULL, "the automaton of every constraint"),
    FLAG(FLAG_TEXT, "json-schema", json_schema, "FILE", "size, first mask and shortest text of this JSON Schema"),
    FLAG(FLAG_BOOL, "ir", ir, NULL, "the intermediate form"),
    FLAG(FLAG_BOOL, "bytecode", bytecode, NULL, "the machine's instructions"),
    FLAG(FLAG_TEXT, "model", model, "NAME", "whose tokenizer and role markers are used"),
    FLAG(FLAG_LIST, "no-opt", no_opt, "PASS", "leaves an optimisation pass out"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

static sgl_show view_of(const struct options *o)
{
    return o->ir ? SGL_SHOW_IR : o->bytecode ? SGL_SHOW_BYTECODE : o->tokens ? SGL_SHOW_TOKENS
         : o->prefix ? SGL_SHOW_PREFIX : o->schema ? SGL_SHOW_SCHEMA : o->grammar ? SGL_SHOW_GRAMMAR
         : o->cost ? SGL_SHOW_COST : SGL_SHOW_PROMPT;
}

/* A JSON document with a line for each member. */
static bool print_json(const char *text)
{
    json_error_t why;
    json_t *v = json_loads(text, JSON_DECODE_ANY, &why);
    bool good = v && json_dumpf(v, stdout, JSON_INDENT(2)) == 0;
    if (good)
        putchar('\n');
    else
        fprintf(stderr, "sglrun: the schema cannot be printed: %s\n", v ? "too deep" : why.text);
    json_decref(v);
    return good;
}

/* The automaton of a schema; with a model its first mask, without the first bytes. */
static int show_constraint(const struct options *o)
{
    sgl_engine *engine = NULL;
    sgl_pattern *p = NULL;
    sgl_error err;
    size_t len;
    char *text = NULL, *schema = output_read(o->json_schema, &len);
    const char *env = getenv("SGL_MODEL");
    if (!schema)
        return EXIT_FAILED;
    int rc = EXIT_FAILED;
    if (sgl_pattern_new(SGL_PATTERN_JSON_SCHEMA, schema, len, &p, &err) != SGL_OK) {
        output_error(&err);
        rc = err.status == SGL_NOMEM ? EXIT_FAILED : EXIT_CHECK;
    } else if ((!o->model && !(env && *env)) || output_engine(o, true, &engine)) {
        if (sgl_pattern_show(p, engine, &text, &err) == SGL_OK)
            rc = fputs(text, stdout) >= 0 ? EXIT_DONE : EXIT_FAILED;
        else
            output_error(&err);
    }
    sgl_free(text);
    sgl_pattern_free(p);
    sgl_engine_unref(engine);
    free(schema);
    return rc;
}

static int show(struct options *o)
{
    struct program p;
    sgl_engine *engine = NULL;
    char *text = NULL;
    sgl_error err;
    sgl_show what = view_of(o);

    const char *env = getenv("SGL_MODEL");
    bool plain = what != SGL_SHOW_TOKENS && !o->model && !(env && *env);
    if (!plain && !output_engine(o, true, &engine))
        return EXIT_FAILED;
    o->engine = engine;
    if (!program_open(&p, o->rest.at[0], NULL, o, o->ir, SGL_ERROR, NULL)) {
        sgl_engine_unref(engine);
        return EXIT_FAILED;
    }
    int rc = EXIT_FAILED;
    bool color = isatty(STDOUT_FILENO) && !getenv("NO_COLOR");
    if (sgl_module_show(p.module, what, color, engine, &text, &err) != SGL_OK)
        output_error(&err);
    else if (what == SGL_SHOW_SCHEMA)
        rc = print_json(text) ? EXIT_DONE : EXIT_FAILED;
    else
        rc = fputs(text, stdout) >= 0 ? EXIT_DONE : EXIT_FAILED;
    sgl_free(text);
    program_close(&p);
    sgl_engine_unref(engine);
    return rc;
}

int cmd_show(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "show", flags, N_FLAG, argc, argv, false)) {
        int views = o.tokens + o.prefix + o.cost + o.schema + o.grammar + o.ir + o.bytecode;
        if (o.help) {
            options_help("show", flags, N_FLAG);
            rc = EXIT_DONE;
        } else if (o.json_schema && !o.rest.n && !views) {
            rc = show_constraint(&o);
        } else if (o.rest.n != 1 || views > 1 || (o.json_schema && !o.schema)) {
            fprintf(stderr, "sglrun: show needs one program and at most one view, or --json-schema alone; "
                            "see sglrun show --help\n");
        } else {
            if (view_of(&o) == SGL_SHOW_PROMPT || o.tokens)
                text_list_add(&o.no_opt, "hoist");      /* texts stay where they were written */
            rc = show(&o);
            if (rc == EXIT_DONE && o.json_schema)
                rc = show_constraint(&o);       /* `--schema FILE --json-schema S`: both */
        }
    }
    options_free(&o);
    return rc;
}
