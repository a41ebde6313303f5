/* host.c - the public interface, used as a host would use it. */
#include "host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void die(const char *what, const sgl_error *err)
{
    fprintf(stderr, "%s: %s\n", what, err->text);
    exit(1);
}

void host_open(struct host *h, const char *model)
{
    sgl_error err;
    char *path = NULL;
    if (sgl_model_find(model, &path, &err) != SGL_OK) {
        fprintf(stderr, "skipped: %s\n", err.text);
        exit(77);
    }
    sgl_engine_config config;
    sgl_engine_config_init(&config);
    config.model = path;
    if (sgl_runtime_new(NULL, &h->rt, &err) != SGL_OK)
        die("runtime", &err);
    if (sgl_engine_open(&config, &h->engine, &err) != SGL_OK)
        die("engine", &err);
    sgl_free(path);
}

void host_close(struct host *h)
{
    sgl_error err;
    if (sgl_engine_check(h->engine, &err) != SGL_OK)
        die("pages at the end", &err);
    sgl_engine_unref(h->engine);
    sgl_runtime_free(h->rt);
}

sgl_module *host_compile(struct host *h, const char *path)
{
    sgl_error err;
    sgl_source source;
    sgl_source_init(&source);
    source.name = path;

    sgl_module *m = NULL;
    sgl_diagnostics *diags = NULL;
    if (sgl_module_compile(h->rt, &source, &m, &diags, &err) != SGL_OK) {
        char *text = NULL;
        if (diags && sgl_diagnostics_total(diags) > 0 &&
            sgl_diagnostics_render(diags, 0, SGL_RENDER_TEXT, &text) == SGL_OK)
            fprintf(stderr, "%s", text);
        die(path, &err);
    }
    sgl_diagnostics_free(diags);
    return m;
}

static sgl_run *start(struct host *h, sgl_module *m, const char *function, uint64_t seed, const char *const *args)
{
    sgl_error err;
    sgl_run_config config;
    sgl_run_config_init(&config);
    config.has_seed = true;
    config.seed = seed;

    sgl_run *run = NULL;
    if (sgl_run_new(h->rt, m, function, h->engine, &config, &run, &err) != SGL_OK)
        die("run", &err);
    for (; args && *args; args += 2)
        if (sgl_run_arg_text(run, args[0], args[1], &err) != SGL_OK)
            die(args[0], &err);
    if (sgl_run_start(run, &err) != SGL_OK)
        die("start", &err);
    return run;
}

sgl_run *host_start(struct host *h, sgl_module *m, uint64_t seed, const char *const *args)
{
    return start(h, m, NULL, seed, args);
}

static void add(struct outcome *o, const char *text, size_t len)
{
    size_t old = o->text ? strlen(o->text) : 0;
    char *grown = realloc(o->text, old + len + 1);
    if (!grown)
        abort();
    memcpy(grown + old, text, len);
    grown[old + len] = '\0';
    o->text = grown;
}

struct outcome host_finish(sgl_run *run)
{
    struct outcome o = { 0 };
    sgl_event ev;
    add(&o, "", 0);
    while (sgl_run_next(run, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_EV_PRINT)
            add(&o, ev.text, ev.text_len);
        if (ev.kind == SGL_EV_DONE) {
            char *json = NULL;
            if (sgl_value_json(ev.value, &json) == SGL_OK)
                add(&o, json, strlen(json));
            sgl_free(json);
            o.done = true;
        }
        if (ev.kind == SGL_EV_FAILED)
            add(&o, ev.text, ev.text_len);
    }
    sgl_run_get_stats(run, &o.stats);
    sgl_run_free(run);
    return o;
}

struct outcome host_call(struct host *h, sgl_module *m, const char *function, uint64_t seed,
                         const char *const *args)
{
    return host_finish(start(h, m, function, seed, args));
}

struct outcome host_run(struct host *h, sgl_module *m, uint64_t seed, const char *const *args)
{
    return host_finish(host_start(h, m, seed, args));
}

void outcome_free(struct outcome *o)
{
    free(o->text);
    o->text = NULL;
}
