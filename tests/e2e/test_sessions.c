/* test_sessions.c - contexts of a host under pressure: what is pinned is found again, what is
 * discarded is not, and the cache can be emptied. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sgl/sgl_engine.h>

enum { N_OTHER = 12, KEEP_MS = 600000 };

static int bad;

static void expect(int good, const char *what, size_t n)
{
    printf("%s %s: %zu\n", good ? "ok  " : "FAIL", what, n);
    bad += !good;
}

static void need(sgl_status st, const sgl_error *err)
{
    if (st == SGL_OK)
        return;
    fprintf(stderr, "%s\n", err->text);
    exit(1);
}

static sgl_engine *open_small(void)
{
    sgl_error err;
    sgl_engine *e;
    sgl_engine_config config;
    char *path;
    if (sgl_model_find(NULL, &path, &err) != SGL_OK) {
        fprintf(stderr, "skipped: %s\n", err.text);
        exit(77);
    }
    sgl_engine_config_init(&config);
    config.model = path;
    config.pages = 64;
    config.context = 256;
    need(sgl_engine_open(&config, &e, &err), &err);
    sgl_free(path);
    return e;
}

/* About 150 tokens that begin with their number; reads them, and tells how many were cached. */
static size_t read_text(sgl_session *s, int number)
{
    sgl_error err;
    sgl_request r;
    sgl_call *call;
    sgl_call_event ev;
    size_t cached = 0;
    char text[1024];
    int n = snprintf(text, sizeof text, "%d.", number);
    for (int i = 0; i < 60; i++)
        n += snprintf(text + n, sizeof text - (size_t)n, " line %d", i % 9);
    sgl_request_init(&r);
    r.max_tokens = 1;
    need(sgl_session_append(s, text, (size_t)n, &err), &err);
    need(sgl_session_generate(s, &r, &call, &err), &err);
    while (sgl_call_next(call, -1, &ev) == SGL_OK) {
        if (ev.kind == SGL_CALL_DONE)
            cached = ev.result->cached_tokens;
        else if (ev.kind == SGL_CALL_FAILED)
            need(ev.error.status, &ev.error);
    }
    sgl_call_free(call);
    return cached;
}

static size_t read_anew(sgl_engine *e, int number)
{
    sgl_error err;
    sgl_session *s;
    need(sgl_session_new(e, &s, &err), &err);
    size_t cached = read_text(s, number);
    sgl_session_free(s);
    return cached;
}

int main(void)
{
    sgl_error err;
    sgl_engine *e = open_small();
    sgl_session *kept, *gone;
    need(sgl_session_new_pinned(e, KEEP_MS, &kept, &err), &err);
    read_text(kept, 100);
    read_anew(e, 101);
    for (int i = 0; i < N_OTHER; i++)
        read_anew(e, 200 + i);
    size_t n = read_anew(e, 100);
    expect(n > 100, "tokens found of a pinned text", n);
    n = read_anew(e, 101);
    expect(n < 16, "tokens found of another", n);

    need(sgl_session_new(e, &gone, &err), &err);
    read_text(gone, 102);
    sgl_session_discard(gone);
    n = read_anew(e, 102);
    expect(n < 16, "tokens found of a text that was discarded", n);
    n = read_anew(e, 102);
    expect(n > 100, "tokens found when it was not", n);

    need(sgl_engine_flush(e, &err), &err);
    n = read_anew(e, 102);
    expect(n < 16, "tokens found after a flush", n);
    n = read_anew(e, 100);
    expect(n > 100, "tokens of the pinned text after it", n);
    sgl_session_free(kept);
    need(sgl_engine_check(e, &err), &err);
    sgl_engine_unref(e);
    return bad != 0;
}
