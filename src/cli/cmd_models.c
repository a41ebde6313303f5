/* cmd_models.c - `models`, `pull` and `version`. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/options.h"
#include "cli/output.h"

static const struct flag models_flags[] = {
    FLAG(FLAG_BOOL, "json", json, NULL, "as JSON"),
};

static void print_table(const char *text)
{
    json_error_t why;
    json_t *list = json_loads(text, 0, &why), *one;
    size_t i;
    json_array_foreach(list, i, one) {
        const char *path = json_string_value(json_object_get(one, "path"));
        double mb = (double)json_integer_value(json_object_get(one, "size")) / 1e6;
        printf("%-14s %8.1f MB  %s\n", json_string_value(json_object_get(one, "name")), mb,
               path ? path : "not here; get it with sglrun pull");
    }
    json_decref(list);
}

int cmd_models(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "models", models_flags, 1, argc, argv, false)) {
        char *text = NULL;
        sgl_error err;
        if (o.help) {
            options_help("models", models_flags, 1);
            rc = EXIT_DONE;
        } else if (o.rest.n > 1) {
            fprintf(stderr, "sglrun: models takes one name at most\n");
        } else if (sgl_model_list(o.rest.n ? o.rest.at[0] : NULL, &text, &err) != SGL_OK) {
            output_error(&err);
            rc = EXIT_FAILED;
        } else {
            if (o.json || o.rest.n)
                printf("%s\n", text);
            else
                print_table(text);
            rc = EXIT_DONE;
        }
        sgl_free(text);
    }
    options_free(&o);
    return rc;
}

/* What one agrees to by getting a model is said before it is got. */
static void print_terms(const char *name)
{
    char *text = NULL;
    json_error_t why;
    if (sgl_model_list(NULL, &text, NULL) != SGL_OK)
        return;
    json_t *list = json_loads(text, 0, &why), *one;
    size_t i;
    json_array_foreach(list, i, one) {
        const char *terms = json_string_value(json_object_get(one, "terms"));
        if (terms && strcmp(json_string_value(json_object_get(one, "name")), name) == 0)
            fprintf(stderr, "%s: %s\n", name, terms);
    }
    json_decref(list);
    sgl_free(text);
}

static bool get_model(const char *name, char **ret_path, sgl_error *err)
{
    print_terms(name);
    return sgl_model_pull(name, output_progress, NULL, ret_path, err) == SGL_OK;
}

int cmd_pull(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "pull", NULL, 0, argc, argv, false)) {
        char *path = NULL;
        sgl_error err;
        if (o.help) {
            options_help("pull", NULL, 0);
            rc = EXIT_DONE;
        } else if (o.rest.n != 1) {
            fprintf(stderr, "sglrun: pull needs a name; sglrun models lists them\n");
        } else if (!get_model(o.rest.at[0], &path, &err)) {
            output_error(&err);
            rc = err.status == SGL_CANCELLED ? EXIT_INTERRUPT : EXIT_FAILED;
        } else {
            output_progress_end();
            printf("%s\n", path);
            rc = EXIT_DONE;
        }
        sgl_free(path);
    }
    options_free(&o);
    return rc;
}

int cmd_version(int argc, char **argv)
{
    struct options o = { 0 };
    int rc = EXIT_USAGE;
    if (options_parse(&o, "version", NULL, 0, argc, argv, false)) {
        if (o.help)
            options_help("version", NULL, 0);
        else
            printf("sglrun %s, built with %s\n", sgl_version(), __VERSION__);
        rc = EXIT_DONE;
    }
    options_free(&o);
    return rc;
}
