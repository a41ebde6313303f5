/* cmd_match.c - `match`: which texts a constraint accepts, one text a line.
 *
 * The answer to a line is printed before the next one is read, so that a program can talk to it over
 * two pipes.  Nothing here needs a model: a text is accepted or not as bytes, whatever the tokens. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"

static const struct flag flags[] = {
    FLAG(FLAG_TEXT, "json-schema", json_schema, "FILE", "a JSON Schema"),
    FLAG(FLAG_TEXT, "regex", regex, "R", "a regular expression; the whole line must match"),
    FLAG(FLAG_TEXT, "grammar", grammar_file, "FILE", "a grammar, GBNF or Lark"),
    FLAG(FLAG_TEXT, "structural-tag", tags, "FILE", "structural tags: free text with tagged values, JSON"),
    FLAG(FLAG_BOOL, "jsonl", jsonl, NULL, "each line of standard input is a JSON string"),
};
enum { N_FLAG = sizeof flags / sizeof *flags };

static const char more[] =
    "\nprints `accept`, or `reject OFFSET`, for each line of standard input.  OFFSET is the first byte\n"
    "that cannot stand there; the length of the text, when it ends too early.\n"
    "exit codes: 0 all lines were answered, 1 a line could not be, 4 the constraint is refused\n";

static bool answer(sgl_pattern *p, const char *text, size_t len)
{
    bool accepts;
    size_t at;
    sgl_error err;
    if (sgl_pattern_match(p, text, len, &accepts, &at, &err) != SGL_OK) {
        output_error(&err);
        return false;
    }
    return (accepts ? puts("accept") : printf("reject %zu\n", at)) >= 0 && fflush(stdout) == 0;
}

static bool answer_json(sgl_pattern *p, const char *line, size_t len, size_t n_line)
{
    json_error_t why;
    json_t *text = json_loadb(line, len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
    bool good = json_is_string(text);
    if (!good)
        fprintf(stderr, "sglrun: line %zu is not a JSON string\n", n_line);
    good = good && answer(p, json_string_value(text), json_string_length(text));
    json_decref(text);
    return good;
}

static bool answer_all(sgl_pattern *p, bool jsonl)
{
    char *line = NULL;
    size_t cap = 0, n_line = 0;
    bool good = true;
    for (ssize_t n; good && (n = getline(&line, &cap, stdin)) >= 0;) {
        size_t len = (size_t)n - (n > 0 && line[n - 1] == '\n');
        n_line++;
        good = jsonl ? answer_json(p, line, len, n_line) : answer(p, line, len);
    }
    if (ferror(stdin))
        fprintf(stderr, "sglrun: standard input cannot be read\n");
    good = good && !ferror(stdin);
    free(line);
    return good;
}

/* An exit code; EXIT_DONE with *ret. */
static int compile(const struct options *o, sgl_pattern **ret)
{
    const char *path = o->json_schema ? o->json_schema : o->grammar_file ? o->grammar_file : o->tags;
    sgl_pattern_kind kind = o->regex ? SGL_PATTERN_REGEX : o->json_schema ? SGL_PATTERN_JSON_SCHEMA
                          : o->grammar_file ? SGL_PATTERN_GRAMMAR : SGL_PATTERN_TAGS;
    size_t len = o->regex ? strlen(o->regex) : 0;
    char *read = o->regex ? NULL : output_read(path, &len);
    sgl_error err;
    if (!o->regex && !read)
        return EXIT_FAILED;
    bool good = sgl_pattern_new(kind, o->regex ? o->regex : read, len, ret, &err) == SGL_OK;
    free(read);
    if (good)
        return EXIT_DONE;
    output_error(&err);
    if (err.length > 0)
        fprintf(stderr, "sglrun: that is at byte %u of the constraint\n", err.offset);
    return err.status == SGL_NOMEM ? EXIT_FAILED : EXIT_CHECK;
}

int cmd_match(int argc, char **argv)
{
    struct options o = { 0 };
    sgl_pattern *p = NULL;
    int rc = EXIT_USAGE;
    if (options_parse(&o, "match", flags, N_FLAG, argc, argv, false)) {
        int n = (o.json_schema != NULL) + (o.regex != NULL) + (o.grammar_file != NULL) + (o.tags != NULL);
        if (o.help) {
            options_help("match", flags, N_FLAG);
            fputs(more, stdout);
            rc = EXIT_DONE;
        } else if (n != 1 || o.rest.n) {
            fprintf(stderr, "sglrun: match needs one of --json-schema, --regex, --grammar and "
                            "--structural-tag, and reads texts from standard input\n");
        } else {
            rc = compile(&o, &p);
            if (rc == EXIT_DONE && !answer_all(p, o.jsonl))
                rc = EXIT_FAILED;
        }
    }
    sgl_pattern_free(p);
    options_free(&o);
    return rc;
}
