/* fake_engine.c - the engine interface without a model.
 *
 * An answer is made of the prompt: the words of "You said: <prompt>", one event a word, from a
 * thread for each call.  Words in the prompt change what happens: FAIL fails before the first
 * word, LATE after the second, SLOW waits between words, TIMEUP is cut at the third as by its
 * deadline, WHO is answered with what the request says of its caller, QUEUED counts as not
 * running, REFUSED fails for good.  A JSON constraint answers with a fixed object.  Statistics count what was cancelled, so that a test can see a dropped client. */
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fake_engine.h"

enum { MAX_WORDS = 256, SLOW_US = 300000 };

struct word {
    char     *text;
    sgl_token token;
};

struct sgl_call {
    sgl_engine     *engine;
    pthread_t       thread;
    pthread_mutex_t lock;
    pthread_cond_t  changed;
    void          (*wake)(void *ctx);
    void           *wake_ctx;
    char           *prompt, *answer;
    struct word     word[MAX_WORDS];
    sgl_token       token[MAX_WORDS];
    sgl_top         top;
    uint32_t        n_word, max;
    uint32_t        n_ready, n_taken;   /* words */
    bool            stream, logprobs, finished, failed, ended, cancel, cut;
    sgl_result      result;
    sgl_error       error;
};

const char *sgl_version(void)
{
    return "0.0.0";
}

void sgl_free(void *ptr)
{
    free(ptr);
}

void sgl_engine_get_info(sgl_engine *engine, sgl_engine_info *ret)
{
    (void)engine;
    *ret = (sgl_engine_info){ .model = "fake", .arch = "fake", .device = "none", .context = 1000,
                              .vocab = 256, .has_chat_template = true };
}

void sgl_engine_get_stats(sgl_engine *engine, sgl_engine_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->requests = engine->requests;
    ret->cancelled = engine->cancelled;
    ret->running = (uint32_t)(engine->live - engine->queued);
}

sgl_status sgl_engine_flush(sgl_engine *engine, sgl_error *err)
{
    if (!engine->live)
        return SGL_OK;
    memset(err, 0, sizeof *err);
    err->status = SGL_STATE;
    strcpy(err->text, "requests run");
    return SGL_STATE;
}

sgl_engine *sgl_engine_ref(sgl_engine *engine)
{
    engine->refs++;
    return engine;
}

void sgl_engine_unref(sgl_engine *engine)
{
    engine->refs--;
}

sgl_status sgl_tokenize(sgl_engine *engine, const char *text, size_t len, bool markup,
                        uint32_t **ret_ids, size_t *ret_n, sgl_error *err)
{
    (void)engine;
    (void)markup;
    (void)err;
    uint32_t *ids = malloc((len + 1) * sizeof *ids);
    for (size_t i = 0; i < len; i++)
        ids[i] = (uint8_t)text[i];
    *ret_ids = ids;
    *ret_n = len;
    return SGL_OK;
}

sgl_status sgl_detokenize(sgl_engine *engine, const uint32_t *ids, size_t n, bool control,
                          char **ret_text, size_t *ret_len, sgl_error *err)
{
    (void)engine;
    (void)control;
    (void)err;
    char *text = malloc(n + 1);
    for (size_t i = 0; i < n; i++)
        text[i] = (char)ids[i];
    text[n] = '\0';
    *ret_text = text;
    *ret_len = n;
    return SGL_OK;
}

sgl_status sgl_chat_text(sgl_engine *engine, const char *messages, const char *tools,
                         const char *vars, bool add_generation_prompt, char **ret_text,
                         sgl_error *err)
{
    (void)engine;
    (void)tools;
    (void)vars;
    (void)add_generation_prompt;
    (void)err;
    *ret_text = strdup(messages);
    return SGL_OK;
}

void sgl_request_init(sgl_request *r)
{
    memset(r, 0, sizeof *r);
    r->struct_size = sizeof *r;
    r->temperature = r->top_p = r->min_p = r->repetition_penalty = NAN;
    r->top_k = INT32_MIN;
}

static void tell(sgl_call *c)
{
    pthread_cond_broadcast(&c->changed);
    if (c->wake)
        c->wake(c->wake_ctx);
}

static void end_call(sgl_call *c, bool failed)
{
    c->failed = failed;
    c->finished = true;
    c->engine->live--;
    c->engine->queued -= strstr(c->prompt, "QUEUED") != NULL;
    tell(c);
}

static void *speak(void *arg)
{
    sgl_call *c = arg;
    pthread_mutex_lock(&c->lock);
    for (uint32_t i = 0; i < c->n_word && !c->cancel; i++) {
        bool slow = strstr(c->prompt, "SLOW");
        pthread_mutex_unlock(&c->lock);
        usleep(slow ? SLOW_US : 500);
        pthread_mutex_lock(&c->lock);
        if (strstr(c->prompt, "REFUSED")) {
            c->error = (sgl_error){ .status = SGL_FAILED, .code = "R0402", .text = "no continuation" };
            end_call(c, true);
            pthread_mutex_unlock(&c->lock);
            return NULL;
        }
        if (strstr(c->prompt, "FAIL") || (i == 2 && strstr(c->prompt, "LATE"))) {
            c->error = (sgl_error){ .status = SGL_INVALID, .code = "R0502",
                                    .text = "as the prompt asked" };
            end_call(c, true);
            pthread_mutex_unlock(&c->lock);
            return NULL;
        }
        if (i == 2 && strstr(c->prompt, "TIMEUP")) {
            c->error = (sgl_error){ .status = SGL_TIMEOUT, .code = "R0702", .text = "too late" };
            c->cut = true;
            end_call(c, true);
            pthread_mutex_unlock(&c->lock);
            return NULL;
        }
        c->n_ready++;
        tell(c);
    }
    if (c->cancel) {
        c->engine->cancelled++;
        c->error = (sgl_error){ .status = SGL_CANCELLED, .text = "cancelled" };
    }
    end_call(c, c->cancel);
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

static void split_words(sgl_call *c)
{
    const char *p = c->answer;
    while (*p && c->n_word < MAX_WORDS && c->n_word < c->max) {
        size_t len = strcspn(p + 1, " ") + 1;
        struct word *w = &c->word[c->n_word];
        w->text = strndup(p, len);
        c->token[c->n_word] = (sgl_token){ .id = (uint8_t)p[0], .logprob = -0.5f, .bytes = w->text,
                                           .n_bytes = len, .top = &c->top, .n_top = 1 };
        c->n_word++;
        p += len;
    }
    bool cut = *p != '\0';
    c->answer[p - c->answer] = '\0';
    c->result.finish = cut ? "length" : "eos";
}

sgl_status sgl_generate(sgl_engine *engine, const sgl_request *r, sgl_call **ret, sgl_error *err)
{
    if (r->regex && strcmp(r->regex, "(") == 0) {
        *err = (sgl_error){ .status = SGL_SYNTAX, .code = "E0404", .text = "unbalanced" };
        return SGL_SYNTAX;
    }
    sgl_call *c = calloc(1, sizeof *c);
    c->engine = engine;
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    c->prompt = r->messages ? strdup(r->messages)
                            : r->prompt ? strndup(r->prompt, r->prompt_len) : strdup("ids");
    c->max = r->max_tokens ? r->max_tokens : MAX_WORDS;
    c->stream = r->stream;
    c->top = (sgl_top){ 65, -0.5f, "A", 1 };
    const char *tags = r->structural_tag ? r->structural_tag : "";
    c->answer = malloc(strlen(c->prompt) + strlen(tags) + 64);
    if (strcmp(c->prompt, "WHO") == 0) {
        free(c->answer);
        c->answer = malloc(1024);
        snprintf(c->answer, 1024, "%s|%u|%d|%s|%llu", r->tenant ? r->tenant : "-", r->tenant_weight,
                 (int)r->priority, r->cache_salt ? r->cache_salt : "-",
                 (unsigned long long)r->deadline_ms);
    } else if (r->structural_tag)
        sprintf(c->answer, "Tags: %s", tags);
    else if (r->json_schema || r->json_object)
        strcpy(c->answer, "{\"name\": \"Ann\", \"age\": 3}");
    else
        sprintf(c->answer, "You said: %s", c->prompt);
    split_words(c);
    c->result.text = c->answer;
    c->result.text_len = strlen(c->answer);
    c->result.stop_id = -1;
    c->result.tokens = c->token;
    c->result.n_tokens = c->n_word;
    c->result.prompt_tokens = (uint32_t)strlen(c->prompt);
    c->result.completion_tokens = c->n_word;
    c->result.cached_tokens = 7;
    c->result.cached_device = 4;
    c->result.cached_shared = 2;
    c->result.cached_forked = 1;
    c->result.miss_cold = c->result.prompt_tokens - 7;
    c->result.retractions = 3;
    engine->requests++;
    engine->live++;
    engine->queued += strstr(c->prompt, "QUEUED") != NULL;
    *ret = c;
    pthread_create(&c->thread, NULL, speak, c);
    return SGL_OK;
}

sgl_status sgl_call_next(sgl_call *c, int timeout_ms, sgl_call_event *ret)
{
    (void)timeout_ms;
    sgl_status st = SGL_OK;
    memset(ret, 0, sizeof *ret);
    pthread_mutex_lock(&c->lock);
    if (c->ended) {
        st = SGL_END;
    } else if (c->stream && c->n_taken < c->n_ready) {
        ret->kind = SGL_CALL_TEXT;
        ret->text = c->word[c->n_taken].text;
        ret->text_len = strlen(ret->text);
        ret->tokens = &c->token[c->n_taken];
        ret->n_tokens = 1;
        c->n_taken++;
    } else if (!c->finished) {
        st = SGL_PENDING;
    } else {
        c->ended = true;
        ret->kind = c->failed ? SGL_CALL_FAILED : SGL_CALL_DONE;
        ret->error = c->error;
        ret->result = c->failed && !c->cut ? NULL : &c->result;
    }
    pthread_mutex_unlock(&c->lock);
    return st;
}

void sgl_call_set_wakeup(sgl_call *c, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&c->lock);
    c->wake = fn;
    c->wake_ctx = ctx;
    bool ready = c->n_ready || c->finished;
    pthread_mutex_unlock(&c->lock);
    if (ready)
        fn(ctx);
}

void sgl_call_cancel(sgl_call *c)
{
    pthread_mutex_lock(&c->lock);
    c->cancel = true;
    pthread_mutex_unlock(&c->lock);
}

void sgl_call_free(sgl_call *c)
{
    if (!c)
        return;
    pthread_mutex_lock(&c->lock);
    c->cancel = true;
    c->wake = NULL;
    pthread_mutex_unlock(&c->lock);
    pthread_join(c->thread, NULL);
    for (uint32_t i = 0; i < c->n_word; i++)
        free(c->word[i].text);
    free(c->prompt);
    free(c->answer);
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    free(c);
}
