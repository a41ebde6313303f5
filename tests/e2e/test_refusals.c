/* test_refusals.c - what cannot be done is refused through the library with a clear error, and
 * whoever works beside it notices nothing: its tokens are those that it writes alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

enum {
    N_REFUSED = 12,
    PAGES = 40,             /* 608 tokens of context fit */
    LONG = 1000,            /* words of a prompt that does not */
    SEED = 5,
};

static int failed, passed;

static void check(int good, const char *what, const char *said)
{
    passed += good != 0;
    failed += !good;
    if (!good)
        printf("FAIL %s: %s\n", what, said);
}

static sgl_status open_engine(const char *path, uint32_t pages, uint32_t context, sgl_engine **ret,
                              sgl_error *err)
{
    sgl_engine_config config;
    sgl_engine_config_init(&config);
    config.model = path;
    config.pages = pages;
    config.context = context;
    return sgl_engine_open(&config, ret, err);
}

static void refused_at_open(const char *path)
{
    static const struct {
        uint32_t    pages, context;
        const char *says;
    } at[] = {
        { 1, 0, "a pool of 1 KV pages holds no context; 3 pages of 16 tokens are the least" },
        { 2, 0, "a pool of 2 KV pages holds no context; 3 pages of 16 tokens are the least" },
        { 4000000000u, 0, "no memory for 4000000000 KV pages" },
        { 0, 100000, "the model has a context of 8192 tokens, 100000 cannot be had" },
    };
    for (size_t i = 0; i < sizeof at / sizeof *at; i++) {
        sgl_engine *engine = NULL;
        sgl_error err = { 0 };
        sgl_status st = open_engine(path, at[i].pages, at[i].context, &engine, &err);
        check(st != SGL_OK && strstr(err.text, at[i].says) != NULL, at[i].says,
              st == SGL_OK ? "opened" : err.text);
        sgl_engine_unref(engine);
    }
}

static char *words(int n)
{
    char *text = calloc((size_t)n + 1, 5);
    for (int i = 0; text && i < n; i++)
        memcpy(text + (size_t)i * 5, "word ", 5);
    return text;
}

/* The ids of a generation as text; a failure is its message. */
struct told {
    char text[4096];
    bool done;
};

static sgl_call *ask(sgl_engine *engine, const char *prompt, uint32_t max)
{
    sgl_request q;
    sgl_error err;
    sgl_call *call = NULL;
    sgl_request_init(&q);
    q.prompt = prompt;
    q.prompt_len = strlen(prompt);
    q.max_tokens = max;
    q.ignore_eos = true;
    q.temperature = 1;
    q.has_seed = true;
    q.seed = SEED;
    if (sgl_generate(engine, &q, &call, &err) != SGL_OK)
        check(0, "sgl_generate", err.text);
    return call;
}

static void finish(sgl_call *call, struct told *ret)
{
    sgl_call_event ev;
    memset(ret, 0, sizeof *ret);
    while (call && sgl_call_next(call, -1, &ev) == SGL_OK) {
        ret->done = ev.kind == SGL_CALL_DONE;
        if (ev.kind == SGL_CALL_FAILED)
            snprintf(ret->text, sizeof ret->text, "%s %s", ev.error.code, ev.error.text);
        for (size_t i = 0; ret->done && i < ev.result->n_tokens; i++)
            snprintf(ret->text + strlen(ret->text), sizeof ret->text - strlen(ret->text), "%u ",
                     ev.result->tokens[i].id);
    }
    sgl_call_free(call);
}

static void expect_refusal(const struct told *t, const char *what)
{
    check(!t->done && strncmp(t->text, "R0502 the context has ", 22) == 0 &&
              strstr(t->text, " and the pool of KV pages holds ") != NULL,
          what, t->text);
}

/* A generation, a score and a program over what the pool holds, many of them while a neighbour
 * writes. */
static void refused_requests(struct host *h, const char *program)
{
    char *much = words(LONG);
    struct told alone, beside, refused;
    finish(ask(h->engine, "The old lighthouse", 80), &alone);
    check(alone.done, "alone", alone.text);

    sgl_module *m = host_compile(h, program);
    const char *args[] = { "prefix", much, NULL };
    sgl_call *neighbour = ask(h->engine, "The old lighthouse", 80);
    for (int i = 0; i < N_REFUSED; i++) {
        sgl_session *s = NULL;
        sgl_call *score = NULL;
        sgl_error err = { 0 };
        static const char *const options[] = { " yes", " no" };
        finish(ask(h->engine, much, 4), &refused);
        expect_refusal(&refused, "generation over the pool");
        check(sgl_session_new(h->engine, &s, &err) == SGL_OK &&
                  sgl_session_append(s, much, strlen(much), &err) == SGL_OK &&
                  sgl_session_score(s, options, 2, &score, &err) == SGL_OK,
              "score", err.text);
        finish(score, &refused);
        expect_refusal(&refused, "score over the pool");
        sgl_session_free(s);
    }
    struct outcome o = host_run(h, m, SEED, args);
    check(!o.done && strstr(o.text, "error[R0502]: the context has ") != NULL, "program", o.text);
    outcome_free(&o);
    finish(neighbour, &beside);
    check(beside.done && strcmp(alone.text, beside.text) == 0, "the neighbour's tokens", beside.text);
    sgl_module_unref(m);
    free(much);
}

int main(int argc, char **argv)
{
    char *path = NULL;
    sgl_error err;
    struct host h = { 0 };
    if (sgl_model_find(NULL, &path, &err) != SGL_OK) {
        fprintf(stderr, "skipped: %s\n", err.text);
        return 77;
    }
    refused_at_open(path);
    if (sgl_runtime_new(NULL, &h.rt, &err) != SGL_OK ||
        open_engine(path, PAGES, 0, &h.engine, &err) != SGL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    refused_requests(&h, argc > 1 ? argv[1] : "branches.sgl");
    sgl_free(path);
    host_close(&h);
    printf("%d passed, %d failed\n", passed, failed);
    return failed != 0;
}
