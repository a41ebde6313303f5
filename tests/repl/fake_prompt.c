/* fake_prompt.c - the prompt loop over entries that mean little, so that only the loop is tested.
 *
 * "say WORDS" streams the words, slowly after "slow"; "fail" fails; "ask" reads a line; a line
 * that ends in "{" needs a "}" later; anything else is a string value. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "cli/output.h"
#include "cli/repl.h"

struct sgl_engine {
    int unused;
};

struct sgl_value {
    char *text;
};

struct sgl_prompt {
    char    *text;              /* all entries */
    size_t   mark[64];
    unsigned n_mark;
};

struct sgl_run {
    sgl_prompt      *prompt;
    char            *entry, *at;
    struct sgl_value value;
    char             word[256], json[512], input[128];
    bool             slow, fail, ask, asked, streamed, cancel, ended;
    int              fd;
    pthread_t        ticker;
    _Atomic bool     stop;
};

/* ---- engine ---- */

const char *sgl_version(void)
{
    return "0.0.0";
}

void sgl_free(void *p)
{
    free(p);
}

sgl_engine *sgl_engine_ref(sgl_engine *e)
{
    return e;
}

void sgl_engine_unref(sgl_engine *e)
{
    (void)e;
}

void sgl_engine_config_init(sgl_engine_config *c)
{
    memset(c, 0, sizeof *c);
}

sgl_status sgl_engine_open(const sgl_engine_config *c, sgl_engine **ret, sgl_error *err)
{
    (void)ret;
    snprintf(err->text, sizeof err->text, "no model is called %s", c->model);
    return err->status = SGL_NOT_FOUND;
}

void sgl_engine_get_info(sgl_engine *e, sgl_engine_info *ret)
{
    (void)e;
    *ret = (sgl_engine_info){ .model = "fake", .arch = "fake", .device = "none", .context = 9 };
}

/* ---- prompt ---- */

sgl_status sgl_prompt_new(sgl_runtime *rt, sgl_engine *e, const sgl_run_config *c, sgl_prompt **ret,
                          sgl_error *err)
{
    (void)rt;
    (void)e;
    (void)c;
    (void)err;
    *ret = calloc(1, sizeof **ret);
    (*ret)->text = strdup("");
    return SGL_OK;
}

void sgl_prompt_free(sgl_prompt *p)
{
    if (p)
        free(p->text);
    free(p);
}

sgl_status sgl_prompt_enter(sgl_prompt *p, const char *text, size_t len, bool *ret_incomplete,
                            sgl_run **ret, sgl_diagnostics **ret_diags, sgl_error *err)
{
    (void)err;
    *ret_diags = NULL;
    *ret_incomplete = memchr(text, '{', len) && !memchr(text, '}', len);
    if (*ret_incomplete)
        return SGL_SYNTAX;
    sgl_run *r = calloc(1, sizeof *r);
    r->prompt = p;
    r->entry = strndup(text, len);
    r->slow = strstr(r->entry, "slow");
    r->fail = strncmp(r->entry, "fail", 4) == 0;
    r->ask = strncmp(r->entry, "ask", 3) == 0;
    r->at = strncmp(r->entry, "say ", 4) == 0 ? r->entry + 4 : NULL;
    r->fd = eventfd(0, EFD_NONBLOCK);
    *ret = r;
    return SGL_OK;
}

sgl_status sgl_prompt_undo(sgl_prompt *p, sgl_error *err)
{
    if (!p->n_mark) {
        snprintf(err->text, sizeof err->text, "nothing to undo");
        return err->status = SGL_STATE;
    }
    p->text[p->mark[--p->n_mark]] = '\0';
    return SGL_OK;
}

sgl_status sgl_prompt_reset(sgl_prompt *p, sgl_error *err)
{
    (void)err;
    p->n_mark = 0;
    p->text[0] = '\0';
    return SGL_OK;
}

sgl_status sgl_prompt_add_folder(sgl_prompt *p, const char *folder, sgl_error *err)
{
    (void)p;
    (void)folder;
    (void)err;
    return SGL_OK;
}

sgl_status sgl_prompt_fork(sgl_prompt *p, sgl_prompt **ret, sgl_error *err)
{
    (void)err;
    *ret = calloc(1, sizeof **ret);
    **ret = *p;
    (*ret)->text = strdup(p->text);
    return SGL_OK;
}

sgl_status sgl_prompt_type(sgl_prompt *p, const char *text, size_t len, char **ret, sgl_diagnostics **ret_diags,
                           sgl_error *err)
{
    (void)p;
    (void)err;
    *ret_diags = NULL;
    *ret = malloc(len + 10);
    sprintf(*ret, "type of %.*s", (int)len, text);
    return SGL_OK;
}

sgl_status sgl_prompt_source(sgl_prompt *p, char **ret, sgl_error *err)
{
    return sgl_prompt_text(p, ret, err);
}

const char *sgl_prompt_value_type(const sgl_prompt *p)
{
    (void)p;
    return "str";
}

size_t sgl_prompt_entries(const sgl_prompt *p)
{
    return p->n_mark;
}

sgl_status sgl_prompt_text(sgl_prompt *p, char **ret, sgl_error *err)
{
    (void)err;
    *ret = strdup(p->text);
    return SGL_OK;
}

uint32_t sgl_prompt_tokens(sgl_prompt *p)
{
    return (uint32_t)strlen(p->text);
}

sgl_status sgl_prompt_set(sgl_prompt *p, const char *setting, sgl_error *err)
{
    (void)p;
    if (strncmp(setting, "temp=", 5) == 0 || strncmp(setting, "seed=", 5) == 0)
        return SGL_OK;
    snprintf(err->text, sizeof err->text, "unknown setting %s", setting);
    return err->status = SGL_INVALID;
}

sgl_status sgl_prompt_complete(sgl_prompt *p, const char *text, size_t len, char **ret)
{
    (void)p;
    (void)text;
    (void)len;
    *ret = strdup("[\"alpha\", \"alpine\", \"beta_long\"]");
    return SGL_OK;
}

/* ---- runs ---- */

static void *tick(void *arg)
{
    sgl_run *r = arg;
    while (!r->stop) {
        uint64_t one = 1;
        ssize_t unused = write(r->fd, &one, sizeof one);
        (void)unused;
        usleep(r->slow ? 200000 : 1000);
    }
    return NULL;
}

sgl_status sgl_run_start(sgl_run *r, sgl_error *err)
{
    (void)err;
    return pthread_create(&r->ticker, NULL, tick, r) ? SGL_NOMEM : SGL_OK;
}

static sgl_status end(sgl_run *r, sgl_event *ev, bool failed, const char *kind, const char *text)
{
    r->ended = true;
    ev->kind = failed ? SGL_EV_FAILED : SGL_EV_DONE;
    ev->error_kind = kind;
    ev->text = text;
    ev->text_len = strlen(text);
    ev->value = failed || r->streamed ? NULL : &r->value;
    if (!failed) {
        sgl_prompt *p = r->prompt;
        p->mark[p->n_mark++ % 64] = strlen(p->text);
        p->text = realloc(p->text, strlen(p->text) + strlen(r->entry) + 2);
        strcat(strcat(p->text, r->entry), "\n");
    }
    return SGL_OK;
}

sgl_status sgl_run_next(sgl_run *r, int timeout, sgl_event *ev)
{
    (void)timeout;
    uint64_t n;
    memset(ev, 0, sizeof *ev);
    if (r->ended)
        return SGL_END;
    if (read(r->fd, &n, sizeof n) < 0 && !r->cancel)
        return SGL_PENDING;
    if (r->cancel)
        return end(r, ev, true, "Cancelled", "cancelled");
    if (r->fail)
        return end(r, ev, true, "Value", "error: it failed");
    if (r->at && *r->at) {
        size_t len = strcspn(r->at + 1, " ") + 1;
        snprintf(r->word, sizeof r->word, "%.*s", (int)len, r->at);
        r->at += len;
        r->streamed = true;
        *ev = (sgl_event){ .kind = SGL_EV_TEXT, .text = r->word, .text_len = strlen(r->word) };
        return SGL_OK;
    }
    if (r->ask && !r->asked) {
        r->asked = true;
        *ev = (sgl_event){ .kind = SGL_EV_INPUT, .text = "name? ", .text_len = 6 };
        return SGL_OK;
    }
    r->value.text = r->ask ? r->input : r->entry;
    return end(r, ev, false, NULL, "");
}

int sgl_run_fd(sgl_run *r)
{
    return r->fd;
}

void sgl_run_input(sgl_run *r, const char *text, size_t len)
{
    snprintf(r->input, sizeof r->input, "%.*s", (int)len, text ? text : "");
}

void sgl_run_cancel(sgl_run *r)
{
    r->cancel = true;
}

void sgl_run_free(sgl_run *r)
{
    if (!r)
        return;
    r->stop = true;
    pthread_join(r->ticker, NULL);
    close(r->fd);
    free(r->entry);
    free(r);
}

void sgl_run_get_stats(const sgl_run *r, sgl_run_stats *ret)
{
    (void)r;
    memset(ret, 0, sizeof *ret);
    ret->first_token_ms = -1;
}

/* ---- values, messages ---- */

sgl_kind sgl_value_kind(const sgl_value *v)
{
    (void)v;
    return SGL_STR;
}

const char *sgl_value_type(const sgl_value *v)
{
    (void)v;
    return "str";
}

sgl_status sgl_value_json(const sgl_value *v, char **ret)
{
    *ret = malloc(strlen(v->text) + 3);
    sprintf(*ret, "\"%s\"", v->text);
    return SGL_OK;
}

sgl_status sgl_value_text(const sgl_value *v, char **ret, size_t *ret_len)
{
    *ret = strdup(v->text);
    *ret_len = strlen(v->text);
    return SGL_OK;
}

void sgl_diagnostics_free(sgl_diagnostics *d)
{
    (void)d;
}

size_t sgl_diagnostics_count(const sgl_diagnostics *d, sgl_severity s)
{
    (void)d;
    (void)s;
    return 0;
}

void output_error(const sgl_error *err)
{
    fprintf(stderr, "sglrun: %s\n", err->text);
}

void output_diagnostics(const sgl_diagnostics *d, sgl_severity least, bool json)
{
    (void)d;
    (void)least;
    (void)json;
}

bool output_progress(void *ctx, double share, uint64_t done, uint64_t total, const char *what)
{
    (void)ctx;
    (void)share;
    (void)done;
    (void)total;
    (void)what;
    return true;
}

void output_progress_end(void)
{
}

char *output_read(const char *path, size_t *ret_len)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 4096);
    if (!f) {
        fprintf(stderr, "sglrun: %s cannot be read\n", path);
        free(text);
        return NULL;
    }
    *ret_len = fread(text, 1, 4095, f);
    fclose(f);
    return text;
}

int main(void)
{
    sgl_engine engine = { 0 };
    sgl_run_config config;
    memset(&config, 0, sizeof config);
    struct repl_opts opts = { .engine = &engine, .config = &config };
    return repl_run(&opts);
}
