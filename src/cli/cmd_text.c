/* cmd_text.c - `tokenize` and `template`: a model's tokenizer and chat template on their own. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"

/* ---- tokenize ---- */

static const struct flag tokenize_flags[] = {
    FLAG(FLAG_TEXT, "model", model, "NAME", "whose tokenizer is used"),
    FLAG(FLAG_BOOL, "jsonl", jsonl, NULL, "each line of standard input is a JSON string"),
    FLAG(FLAG_BOOL, "markup", markup, NULL, "names of control tokens become their ids"),
};
enum { N_TOKENIZE_FLAG = sizeof tokenize_flags / sizeof *tokenize_flags };

/* A piece is a JSON string, or a list of bytes where it is not whole characters. */
static json_t *piece_json(const char *bytes, size_t len)
{
    json_t *text = json_stringn(bytes, len);
    if (text)
        return text;
    json_t *list = json_array();
    for (size_t i = 0; i < len; i++)
        json_array_append_new(list, json_integer((unsigned char)bytes[i]));
    return list;
}

static bool tokenize_one(sgl_engine *engine, const char *text, size_t len, const struct options *o)
{
    uint32_t *ids = NULL;
    size_t n = 0;
    sgl_error err;
    if (sgl_tokenize(engine, text, len, o->markup, &ids, &n, &err) != SGL_OK) {
        output_error(&err);
        return false;
    }
    json_t *id_list = json_array(), *pieces = json_array();
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        char *bytes = NULL;
        size_t n_byte = 0;
        good = sgl_detokenize(engine, &ids[i], 1, true, &bytes, &n_byte, &err) == SGL_OK;
        if (good) {
            json_array_append_new(id_list, json_integer(ids[i]));
            json_array_append_new(pieces, piece_json(bytes, n_byte));
        } else {
            output_error(&err);
        }
        sgl_free(bytes);
    }
    json_t *out = json_pack("{s:o, s:o}", "ids", id_list, "pieces", pieces);
    if (good) {
        json_dumpf(out, stdout, 0);
        putchar('\n');
    }
    json_decref(out);
    sgl_free(ids);
    return good;
}

static bool tokenize_lines(sgl_engine *engine, const char *text, size_t len,
                           const struct options *o)
{
    size_t line = 1;
    for (size_t at = 0; at < len; line++) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t n = end ? (size_t)(end - text) - at : len - at;
        json_error_t why;
        json_t *one = json_loadb(text + at, n, JSON_DECODE_ANY | JSON_ALLOW_NUL, &why);
        bool good = json_is_string(one);
        if (!good)
            fprintf(stderr, "sglrun: line %zu is not a JSON string\n", line);
        good = good && tokenize_one(engine, json_string_value(one), json_string_length(one), o);
        json_decref(one);
        if (!good)
            return false;
        at += n + 1;
    }
    return true;
}

static int tokenize(const struct options *o)
{
    sgl_engine *engine = NULL;
    if (!output_engine(o, true, &engine))
        return EXIT_FAILED;
    size_t len = 0;
    char *read = o->rest.n ? NULL : output_read("-", &len);
    const char *text = o->rest.n ? o->rest.at[0] : read;
    if (o->rest.n)
        len = strlen(text);
    bool good = text && (o->jsonl ? tokenize_lines : tokenize_one)(engine, text, len, o);
    free(read);
    sgl_engine_unref(engine);
    return good ? EXIT_DONE : EXIT_FAILED;
}

int cmd_tokenize(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "tokenize", tokenize_flags, N_TOKENIZE_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("tokenize", tokenize_flags, N_TOKENIZE_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n > 1 || (o.rest.n == 1 && o.jsonl)) {
            fprintf(stderr, "sglrun: tokenize takes one text, or standard input\n");
        } else {
            rc = tokenize(&o);
        }
    }
    options_free(&o);
    return rc;
}

/* ---- template ---- */

static const struct flag template_flags[] = {
    FLAG(FLAG_TEXT, "messages", messages, "F", "JSON file: an array of messages"),
    FLAG(FLAG_TEXT, "tools", tools, "F", "JSON file: an array of tools"),
    FLAG(FLAG_TEXT, "vars", vars, "F", "JSON file: an object of further variables"),
};
enum { N_TEMPLATE_FLAG = sizeof template_flags / sizeof *template_flags };

static bool read_optional(const char *path, char **ret)
{
    size_t len;
    *ret = path ? output_read(path, &len) : NULL;
    return !path || *ret;
}

/* The model's own template when the file is a model. */
static sgl_status render(const char *path, const char *text, size_t len, char **part, char **ret,
                         size_t *ret_len, sgl_error *err)
{
    if (len < 4 || memcmp(text, "GGUF", 4) != 0)
        return sgl_template_render(text, len, part[0], part[1], part[2], ret, ret_len, err);
    sgl_engine_config config;
    sgl_engine *engine = NULL;
    sgl_engine_config_init(&config);
    config.model = path;
    config.text_only = true;
    sgl_status st = sgl_engine_open(&config, &engine, err);
    if (st == SGL_OK)
        st = sgl_chat_text(engine, part[0], part[1], part[2], false, ret, err);
    if (st == SGL_OK)
        *ret_len = strlen(*ret);
    sgl_engine_unref(engine);
    return st;
}

static int template(const struct options *o)
{
    char *part[3] = { 0 }, *out = NULL;
    size_t len = 0, n_out = 0;
    char *text = output_read(o->rest.at[0], &len);
    sgl_error err;
    int rc = EXIT_FAILED;
    if (text && read_optional(o->messages, &part[0]) && read_optional(o->tools, &part[1]) &&
        read_optional(o->vars, &part[2])) {
        if (render(o->rest.at[0], text, len, part, &out, &n_out, &err) == SGL_OK) {
            fwrite(out, 1, n_out, stdout);
            rc = EXIT_DONE;
        } else {
            output_error(&err);
        }
    }
    for (int i = 0; i < 3; i++)
        free(part[i]);
    free(text);
    sgl_free(out);
    return rc;
}

int cmd_template(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "template", template_flags, N_TEMPLATE_FLAG, argc, argv, false)) {
        if (o.help) {
            options_help("template", template_flags, N_TEMPLATE_FLAG);
            rc = EXIT_DONE;
        } else if (o.rest.n != 1 || !o.messages) {
            fprintf(stderr, "sglrun: template needs a template file and --messages F\n");
        } else {
            rc = template(&o);
        }
    }
    options_free(&o);
    return rc;
}
