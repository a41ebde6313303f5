/* load_client.c - see load_client.h.  One thread over curl's multi interface: at the rates that a
 * CPU serves, what it adds to a gap is far below a millisecond. */
#include "load_client.h"

#include <curl/curl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/rng.h"
#include "base/str.h"

enum { DRAW_PROMPT = 1, DRAW_OUT, DRAW_ARRIVAL, DRAW_WORD, POLL_MS = 20, TIMEOUT_S = 600 };

struct client {
    const struct load_shape *shape;
    struct load_result      *result;
    CURLM                   *multi;
    struct curl_slist       *headers;
    struct str               url;
    const char              *model;
    uint64_t                 begin_ns;
    double                  *due;           /* [n_request] of an open loop */
    uint32_t                 n_begun, n_active;
};

struct request {
    struct client      *client;
    struct load_sample *sample;
    CURL               *curl;
    char               *body;
    struct str          line;               /* of the stream, not ended yet */
};

static double seconds(const struct client *c)
{
    return (double)(clock_ns() - c->begin_ns) / 1e9;
}

/* ---- what is asked ---- */

static uint32_t between(struct rng_key key, uint64_t i, uint32_t lo, uint32_t hi)
{
    return lo + (uint32_t)(rng_unit(key, i) * (double)(hi - lo + 1));
}

static void add_words(struct str *out, struct rng_key key, uint32_t n)
{
    static const char *const word[] = {
        "house", "river", "green", "light", "morning", "seven", "letter", "bread", "garden", "quiet",
        "train", "window", "silver", "north", "market", "story",
    };
    for (uint32_t i = 0; i < n; i++)
        str_addf(out, "%s ", word[rng_u64(key, i) % (sizeof word / sizeof *word)]);
}

static char *make_body(const struct client *c, uint32_t i)
{
    const struct load_shape *s = c->shape;
    struct rng_key key = rng_key_seed(s->seed);
    struct str prompt = { 0 };
    add_words(&prompt, rng_key_step(key, DRAW_WORD, 0), s->n_shared);
    add_words(&prompt, rng_key_step(key, DRAW_WORD, i + 1u),
              between(rng_key_step(key, DRAW_PROMPT, 0), i, s->prompt_lo, s->prompt_hi));
    uint32_t out = between(rng_key_step(key, DRAW_OUT, 0), i, s->out_lo, s->out_hi);
    json_t *body = json_pack("{s:s, s:s#, s:i, s:f, s:I, s:b, s:b, s:{s:b}}", "model", c->model,
                             "prompt", prompt.ptr, (int)prompt.len, "max_tokens", (int)out,
                             "temperature", 0.7, "seed", (json_int_t)i, "stream", 1, "ignore_eos", 1,
                             "stream_options", "include_usage", 1);
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    json_decref(body);
    str_free(&prompt);
    return text;
}

static bool make_arrivals(struct client *c)
{
    const struct load_shape *s = c->shape;
    struct rng_key key = rng_key_step(rng_key_seed(s->seed), DRAW_ARRIVAL, 0);
    double at = 0;
    c->due = calloc(s->n_request, sizeof *c->due);
    for (uint32_t i = 0; c->due && i < s->n_request; i++) {
        at += s->rate > 0 ? -log(rng_unit(key, i)) / s->rate : 0;
        c->due[i] = at;
    }
    return c->due != NULL;
}

/* ---- what comes back ---- */

static void add_gap(struct load_result *r, double gap)
{
    if (r->n_gap == r->cap_gap) {
        r->cap_gap = r->cap_gap ? 2 * r->cap_gap : 1024;
        double *grown = realloc(r->gap, r->cap_gap * sizeof *grown);
        if (!grown)
            abort();
        r->gap = grown;
    }
    r->gap[r->n_gap++] = gap;
}

static void fail(struct load_sample *s, const char *why, size_t len)
{
    if (!s->why[0])
        snprintf(s->why, sizeof s->why, "%.*s", (int)len, why);
}

static void on_event(struct request *r, struct slice data)
{
    struct load_sample *s = r->sample;
    if (slice_eq(data, SLICE("[DONE]"))) {
        s->ok = !s->why[0];
        return;
    }
    json_t *event = json_loadb(data.ptr, data.len, 0, NULL);
    const json_t *choice = json_array_get(json_object_get(event, "choices"), 0);
    const char *text = json_string_value(json_object_get(choice, "text"));
    const json_t *usage = json_object_get(event, "usage");
    if (json_object_get(event, "error"))
        fail(s, data.ptr, data.len);
    if (text && text[0]) {
        double now = seconds(r->client);
        if (s->n_chunk++)
            add_gap(r->client->result, now - s->last);
        else
            s->first = now;
        s->last = now;
    }
    if (json_is_object(usage))
        s->n_out = (uint32_t)json_integer_value(json_object_get(usage, "completion_tokens"));
    json_decref(event);
}

static size_t on_bytes(char *data, size_t size, size_t n, void *ctx)
{
    struct request *r = ctx;
    size_t len = size * n;
    str_add(&r->line, data, len);
    for (char *end; (end = memchr(r->line.ptr, '\n', r->line.len));) {
        struct slice line = { r->line.ptr, (size_t)(end - r->line.ptr) };
        size_t whole = line.len + 1;
        if (line.len && line.ptr[line.len - 1] == '\r')
            line.len--;
        if (slice_starts(line, SLICE("data: ")))
            on_event(r, slice_sub(line, 6, line.len - 6));
        else if (line.len && line.ptr[0] == '{')
            fail(r->sample, line.ptr, line.len);
        memmove(r->line.ptr, r->line.ptr + whole, r->line.len - whole);
        str_cut(&r->line, r->line.len - whole);
    }
    return len;
}

/* ---- one request ---- */

static void begin(struct client *c, uint32_t i)
{
    struct request *r = calloc(1, sizeof *r);
    if (!r)
        abort();
    r->client = c;
    r->sample = &c->result->sample[i];
    r->sample->due = c->shape->rate > 0 ? c->due[i] : seconds(c);
    r->body = make_body(c, i);
    r->curl = curl_easy_init();
    if (!r->curl || !r->body)
        abort();
    curl_easy_setopt(r->curl, CURLOPT_URL, c->url.ptr);
    curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, c->headers);
    curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, r->body);
    curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, on_bytes);
    curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
    curl_easy_setopt(r->curl, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    curl_multi_add_handle(c->multi, r->curl);
    c->n_active++;
}

static void end(struct client *c, CURL *curl, CURLcode code)
{
    struct request *r;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &r);
    struct load_sample *s = r->sample;
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (code != CURLE_OK)
        fail(s, curl_easy_strerror(code), strlen(curl_easy_strerror(code)));
    if (status != 200)
        fail(s, r->line.len ? r->line.ptr : "no answer", r->line.len ? r->line.len : 9);
    s->ok = s->ok && code == CURLE_OK && status == 200;
    s->over = seconds(c);
    s->n_out = s->n_out ? s->n_out : s->n_chunk;
    curl_multi_remove_handle(c->multi, curl);
    curl_easy_cleanup(curl);
    free(r->body);
    str_free(&r->line);
    free(r);
    c->n_active--;
}

/* ---- the load ---- */

/* Begins what is due; milliseconds to wait at most for the next one. */
static int begin_due(struct client *c)
{
    const struct load_shape *s = c->shape;
    while (c->n_begun < s->n_request) {
        if (s->rate > 0) {
            double wait = c->due[c->n_begun] - seconds(c);
            if (wait > 0)
                return wait * 1e3 < POLL_MS ? (int)ceil(wait * 1e3) : POLL_MS;
        } else if (c->n_active >= s->n_at_once) {
            return POLL_MS;
        }
        begin(c, c->n_begun++);
    }
    return POLL_MS;
}

void load_run(const char *url, const char *model, const struct load_shape *shape,
              struct load_result *ret)
{
    struct client c = { .shape = shape, .result = ret, .model = model };
    memset(ret, 0, sizeof *ret);
    ret->sample = calloc(shape->n_request, sizeof *ret->sample);
    c.multi = curl_multi_init();
    c.headers = curl_slist_append(NULL, "Content-Type: application/json");
    str_addf(&c.url, "%s/v1/completions", url);
    if (!ret->sample || !c.multi || !c.headers || c.url.failed || !make_arrivals(&c))
        abort();
    c.begin_ns = clock_ns();
    do {
        int wait_ms = begin_due(&c), n_left = 0;
        curl_multi_perform(c.multi, &n_left);
        for (CURLMsg *m; (m = curl_multi_info_read(c.multi, &n_left));)
            end(&c, m->easy_handle, m->data.result);
        if (c.n_active || c.n_begun < shape->n_request)
            curl_multi_poll(c.multi, NULL, 0, wait_ms, NULL);
    } while (c.n_active || c.n_begun < shape->n_request);
    ret->seconds = seconds(&c);
    curl_slist_free_all(c.headers);
    curl_multi_cleanup(c.multi);
    str_free(&c.url);
    free(c.due);
}

void load_free(struct load_result *r)
{
    free(r->sample);
    free(r->gap);
    memset(r, 0, sizeof *r);
}
