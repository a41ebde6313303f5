/* follow.c - the loop of a command line around one run: its events to the two streams.
 *
 * The loop waits for the run's descriptor and for Ctrl-C at once; the first Ctrl-C cancels the run,
 * which then ends like any other. */
#include "cli/follow.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cmd.h"
#include "cli/interrupt.h"
#include "cli/output.h"

/* A line of standard input without its newline; NULL at its end.  Freed by free. */
static char *read_line(size_t *ret_len)
{
    char *line = NULL;
    size_t cap = 0;
    ssize_t n = getline(&line, &cap, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n > 0 && line[n - 1] == '\n')
        n--;
    *ret_len = (size_t)n;
    return line;
}

static void answer_input(sgl_run *run, const sgl_event *ev)
{
    fflush(stdout);
    if (isatty(STDIN_FILENO))
        fwrite(ev->text, 1, ev->text_len, stderr);
    size_t len = 0;
    char *line = read_line(&len);
    sgl_run_input(run, line, len);
    free(line);
}

static void print_result(const sgl_value *v, bool json)
{
    char *text = NULL;
    size_t len = 0;
    sgl_kind kind = sgl_value_kind(v);
    if (kind == SGL_NULL && !json)
        return;
    bool bare = kind == SGL_BOOL || kind == SGL_INT || kind == SGL_FLOAT || kind == SGL_STR ||
                kind == SGL_ENUM;
    if (bare && !json && sgl_value_text(v, &text, &len) == SGL_OK)
        fwrite(text, 1, len, stdout);
    else if (sgl_value_json(v, &text) == SGL_OK)
        fputs(text, stdout);
    else
        fprintf(stderr, "sglrun: the result, a %s, has no text form\n", sgl_value_type(v));
    if (text)
        putchar('\n');
    sgl_free(text);
}

static int exit_of(const sgl_event *ev)
{
    if (strcmp(ev->error_kind, "Cancelled") == 0)
        return EXIT_INTERRUPT;
    bool spent = strcmp(ev->error_kind, "Budget") == 0 || ev->error.status == SGL_TIMEOUT;
    return spent ? EXIT_BUDGET : EXIT_FAILED;
}

/* False at the end of the run. */
static bool handle(sgl_run *run, const sgl_event *ev, const struct follow_opts *opts, int *rc)
{
    if (opts->events && ev->kind != SGL_EV_INPUT) {
        printf("%s\n", ev->json);
        fflush(stdout);
    }
    switch (ev->kind) {
    case SGL_EV_PRINT:
        if (!opts->events)
            fwrite(ev->text, 1, ev->text_len, ev->to_stderr ? stderr : stdout);
        break;
    case SGL_EV_TEXT:
        if (opts->stream && !opts->events)
            fwrite(ev->text, 1, ev->text_len, stderr);
        break;
    case SGL_EV_ROLLBACK:
        if (opts->stream && !opts->events)
            fprintf(stderr, "\n[taken back: %llu bytes]\n", (unsigned long long)ev->n_back);
        break;
    case SGL_EV_VALUE: case SGL_EV_COMMIT:
        break;
    case SGL_EV_INPUT:
        answer_input(run, ev);
        break;
    case SGL_EV_NOTE:
        fprintf(stderr, "%.*s\n", (int)ev->text_len, ev->text);
        break;
    case SGL_EV_DONE:
        if (!opts->events && !opts->no_result)
            print_result(ev->value, opts->json);
        *rc = EXIT_DONE;
        return false;
    case SGL_EV_FAILED:
        *rc = exit_of(ev);
        fflush(stdout);
        fprintf(stderr, "%.*s\n", (int)ev->text_len, ev->text);
        return false;
    }
    if (isatty(STDOUT_FILENO))
        fflush(stdout);
    return true;
}

static int loop(sgl_run *run, const struct follow_opts *opts, int interrupt)
{
    struct pollfd fds[2] = {
        { .fd = sgl_run_fd(run), .events = POLLIN },
        { .fd = interrupt, .events = POLLIN },
    };
    int rc = EXIT_FAILED;
    for (;;) {
        sgl_event ev;
        sgl_status st = sgl_run_next(run, 0, &ev);
        if (st == SGL_OK) {
            if (!handle(run, &ev, opts, &rc))
                return rc;
            continue;
        }
        if (st != SGL_PENDING)
            return rc;
        fflush(stdout);
        if (poll(fds, 2, -1) > 0 && (fds[1].revents & POLLIN)) {
            char drop[8];
            ssize_t unused = read(interrupt, drop, sizeof drop);
            (void)unused;
            sgl_run_cancel(run);
        }
    }
}

int follow_run(sgl_run *run, const struct follow_opts *opts)
{
    struct interrupt stop;
    if (!interrupt_open(&stop)) {
        fprintf(stderr, "sglrun: no pipe: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    int rc = loop(run, opts, stop.fd[0]);
    interrupt_close(&stop);
    if (fflush(stdout) != 0 && rc == EXIT_DONE) {
        fprintf(stderr, "sglrun: standard output: %s\n", strerror(errno));
        rc = EXIT_FAILED;
    }
    return rc;
}

static double per_second(uint64_t n, double ms)
{
    return ms > 0 ? 1000.0 * (double)n / ms : 0;
}

void follow_stats(const sgl_run *run, sgl_engine *engine)
{
    sgl_run_stats s;
    sgl_run_get_stats(run, &s);
    fprintf(stderr, "seed %llu, %.0f ms", (unsigned long long)s.seed, s.total_ms);
    if (s.first_token_ms >= 0)
        fprintf(stderr, ", first token %.0f ms", s.first_token_ms);
    fprintf(stderr, "; %llu calls, at most %llu at once, %llu branches\n",
            (unsigned long long)s.calls,
            (unsigned long long)s.at_once, (unsigned long long)s.branches);
    if (!engine)
        return;
    sgl_engine_info info;
    sgl_engine_stats e;
    sgl_engine_get_info(engine, &info);
    sgl_engine_get_stats(engine, &e);
    fprintf(stderr, "%s on %s, loaded in %.0f ms", info.model, info.device, info.load_ms);
    if (s.first_token_ms >= 0)
        fprintf(stderr, "; load and first token together %.0f ms", info.load_ms + s.first_token_ms);
    fputc('\n', stderr);
    fprintf(stderr, "prompt %llu tokens: %llu cached, %llu computed at %.0f tok/s\n",
            (unsigned long long)e.prompt_tokens, (unsigned long long)e.cached_tokens,
            (unsigned long long)e.computed_tokens, per_second(e.computed_tokens, e.prefill_ms));
    fprintf(stderr, "generated %llu tokens at %.0f tok/s, %llu forced; %llu steps, %llu forks\n",
            (unsigned long long)e.generated_tokens, per_second(e.generated_tokens, e.decode_ms),
            (unsigned long long)e.forced_tokens, (unsigned long long)e.steps,
            (unsigned long long)e.forks);
    if (e.computed_tokens)
        fprintf(stderr, "computed because: %llu cold, %llu evicted, %llu of another namespace, %llu in "
                        "open pages, %llu for their logits; %llu retractions\n",
                (unsigned long long)e.miss_cold, (unsigned long long)e.miss_evicted,
                (unsigned long long)e.miss_namespace, (unsigned long long)e.miss_boundary,
                (unsigned long long)e.miss_logprobs, (unsigned long long)e.retracted);
    fprintf(stderr, "pages %u: %u free, %u cached, %u held; %llu copied, %llu evicted\n",
            e.pages_total,
            e.pages_free, e.pages_cached, e.pages_held, (unsigned long long)e.copied_pages,
            (unsigned long long)e.evicted_pages);
}
