/* batch.c - keeps up to `jobs` runs going and waits for any of them.
 *
 * All runs share the machine's thread, so several at once help where a model answers: their
 * generations go into one batch.  Results are told in the order of the list, whatever ends first,
 * and what a run prints is kept until then; so the output depends neither on jobs nor on time. */
#include "cli/batch.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/interrupt.h"

struct live {
    struct batch_run *of;
    sgl_run          *run;
};

static bool keep(char **text, size_t *len, const char *more, size_t n)
{
    char *grown = realloc(*text, *len + n + 1);
    if (!grown)
        return false;
    memcpy(grown + *len, more, n);
    *text = grown;
    *len += n;
    grown[*len] = '\0';
    return true;
}

static void failed(struct batch_run *r, const sgl_error *err, const char *kind, const char *why,
                   size_t len)
{
    size_t n = 0;
    r->done = true;
    r->error = *err;
    snprintf(r->kind, sizeof r->kind, "%s", kind);
    if (!keep(&r->why, &n, why, len))
        r->why = NULL;
}

static bool start(struct batch *b, struct batch_run *r, struct live *ret)
{
    sgl_run_config config = *b->config;
    sgl_error err;
    char text[512];
    config.has_seed = true;
    config.seed = r->seed;
    config.tests = true;
    *ret = (struct live){ r, NULL };
    if (sgl_run_new_at(b->rt, b->module, r->function, b->engine, &config, &ret->run,
                       &err) == SGL_OK &&
        sgl_run_start(ret->run, &err) == SGL_OK)
        return true;
    sgl_run_free(ret->run);
    int n = snprintf(text, sizeof text, "error%s%s%s: %s", err.code[0] ? "[" : "", err.code,
                     err.code[0] ? "]" : "", err.text);
    failed(r, &err, "", text, n < (int)sizeof text ? (size_t)n : sizeof text - 1);
    return false;
}

/* Takes what has happened; false: the run has ended. */
static bool pull(struct live *l)
{
    struct batch_run *r = l->of;
    sgl_event ev;
    while (sgl_run_next(l->run, 0, &ev) == SGL_OK) {
        switch (ev.kind) {
        case SGL_EV_PRINT:
            keep(ev.to_stderr ? &r->err : &r->out, ev.to_stderr ? &r->n_err : &r->n_out, ev.text,
                 ev.text_len);
            break;
        case SGL_EV_NOTE:
            keep(&r->err, &r->n_err, ev.text, ev.text_len);
            keep(&r->err, &r->n_err, "\n", 1);
            break;
        case SGL_EV_INPUT:
            sgl_run_input(l->run, NULL, 0);
            break;
        case SGL_EV_DONE:
            r->done = r->ok = true;
            r->value = sgl_value_ref(ev.value);
            break;
        case SGL_EV_FAILED:
            failed(r, &ev.error, ev.error_kind, ev.text, ev.text_len);
            break;
        default:
            break;
        }
    }
    if (!r->done)
        return true;
    sgl_run_stats stats;
    sgl_run_get_stats(l->run, &stats);
    r->ms = stats.total_ms;
    r->no_model = stats.no_model;
    return false;
}

/* Waits until one of them has something; false: Ctrl-C, or no waiting is possible. */
static bool wait_any(struct live *live, size_t n, struct pollfd *fds, int stop)
{
    fds[0] = (struct pollfd){ .fd = stop, .events = POLLIN };
    for (size_t i = 0; i < n; i++)
        fds[i + 1] = (struct pollfd){ .fd = sgl_run_fd(live[i].run), .events = POLLIN };
    if (poll(fds, n + 1, -1) < 0)
        return errno == EINTR;
    return !(fds[0].revents & POLLIN);
}

static bool go(struct batch *b, struct live *live, struct pollfd *fds, int stop)
{
    size_t next = 0, n_live = 0, told = 0;
    bool good = true;
    while (good && told < b->n_run) {
        while (n_live < b->jobs && next < b->n_run)
            n_live += start(b, &b->run[next++], &live[n_live]);
        for (size_t i = 0; i < n_live;) {
            if (pull(&live[i])) {
                i++;
                continue;
            }
            sgl_run_free(live[i].run);
            live[i] = live[--n_live];
        }
        while (told < next && b->run[told].done)
            b->told(b->ctx, &b->run[told++]);
        if (n_live > 0 && (n_live == b->jobs || next == b->n_run))
            good = wait_any(live, n_live, fds, stop);
    }
    for (size_t i = 0; i < n_live; i++)
        sgl_run_free(live[i].run);
    return good;
}

bool batch_go(struct batch *b)
{
    size_t jobs = b->jobs < b->n_run ? b->jobs : b->n_run;
    struct interrupt stop;
    struct live *live = calloc(jobs + 1, sizeof *live);
    struct pollfd *fds = calloc(jobs + 2, sizeof *fds);
    bool good = live && fds && interrupt_open(&stop);
    b->jobs = jobs ? jobs : 1;
    if (good) {
        good = go(b, live, fds, stop.fd[0]);
        interrupt_close(&stop);
    } else {
        fprintf(stderr, "sglrun: %s\n", strerror(errno ? errno : ENOMEM));
    }
    free(live);
    free(fds);
    return good;
}

void batch_run_free(struct batch_run *run)
{
    sgl_value_unref(run->value);
    free(run->why);
    free(run->out);
    free(run->err);
}
