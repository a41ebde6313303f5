/* repl.c - the prompt loop: entries that share one context.
 *
 * An entry is text up to the line where the parser is satisfied.  While it runs, its output comes
 * as it is made, and Ctrl-C cancels it and nothing else: the handler writes to a pipe, which the
 * line editor and the loop around a run both watch. */
#include "cli/repl.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "cli/cmd.h"
#include "cli/output.h"
#include "cli/repl_int.h"

/* The one thing that a signal handler can reach. */
static volatile sig_atomic_t interrupt_fd = -1;

static void on_interrupt(int sig)
{
    (void)sig;
    int saved = errno;
    ssize_t unused = write(interrupt_fd, "!", 1);
    (void)unused;
    errno = saved;
}

/* ---- one run --------------------------------------------------------------------------- */

/* What the terminal shows so far of an entry's output. */
struct shown {
    bool any;
    bool at_line_start;
};

static void show(struct shown *s, const char *text, size_t len)
{
    if (!len)
        return;
    fwrite(text, 1, len, stdout);
    fflush(stdout);
    s->any = true;
    s->at_line_start = text[len - 1] == '\n';
}

static void end_line(struct shown *s)
{
    if (s->any && !s->at_line_start)
        putchar('\n');
    s->at_line_start = true;
}

static void echo_value(struct repl *r, const sgl_value *v)
{
    char *json = NULL, *text = NULL;
    size_t len;
    if (!v || sgl_value_kind(v) == SGL_NULL)
        return;
    if (sgl_value_json(v, &json) != SGL_OK && sgl_value_text(v, &text, &len) != SGL_OK)
        return;
    const char *dim = r->opts->color ? "\x1b[2m" : "", *plain = r->opts->color ? "\x1b[0m" : "";
    printf("%s %s: %s%s\n", json ? json : text, dim, sgl_prompt_value_type(r->prompt), plain);
    sgl_free(json);
    sgl_free(text);
}

static void answer_input(struct repl *r, sgl_run *run, const sgl_event *ev)
{
    char prompt[256];
    const char *text;
    size_t len;
    bool had;
    snprintf(prompt, sizeof prompt, "%.*s", (int)ev->text_len, ev->text);
    switch (repl_line_read(r->line, prompt, &text, &len, &had)) {
    case LINE_READ: sgl_run_input(run, text, len); break;
    case LINE_CLOSED: sgl_run_input(run, NULL, 0); break;
    case LINE_INTERRUPTED: sgl_run_cancel(run); break;
    }
}

/* False at the end of the run; *ret_ok says how it ended. */
static bool handle(struct repl *r, sgl_run *run, const sgl_event *ev, struct shown *s, bool *ret_ok)
{
    switch (ev->kind) {
    case SGL_EV_TEXT:
        show(s, ev->text, ev->text_len);
        return true;
    case SGL_EV_PRINT:
        if (ev->to_stderr)
            fwrite(ev->text, 1, ev->text_len, stderr);
        else
            show(s, ev->text, ev->text_len);
        return true;
    case SGL_EV_INPUT:
        answer_input(r, run, ev);
        return true;
    case SGL_EV_NOTE:
        end_line(s);
        fprintf(stderr, "%.*s\n", (int)ev->text_len, ev->text);
        return true;
    case SGL_EV_VALUE: case SGL_EV_ROLLBACK: case SGL_EV_COMMIT:
        return true;
    case SGL_EV_DONE:
        end_line(s);
        echo_value(r, ev->value);
        *ret_ok = true;
        return false;
    case SGL_EV_FAILED:
        end_line(s);
        fflush(stdout);
        if (ev->error_kind && strcmp(ev->error_kind, "Cancelled") == 0)
            fprintf(stderr, "interrupted\n");
        else
            fprintf(stderr, "%.*s\n", (int)ev->text_len, ev->text);
        *ret_ok = false;
        return false;
    }
    return true;
}

static void drain_interrupts(struct repl *r)
{
    char drop[16];
    while (read(r->interrupt[0], drop, sizeof drop) > 0)
        ;
}

static bool follow(struct repl *r, sgl_run *run)
{
    struct pollfd fds[2] = { { .fd = sgl_run_fd(run), .events = POLLIN },
                             { .fd = r->interrupt[0], .events = POLLIN } };
    struct shown shown = { false, true };
    bool ok = false;
    drain_interrupts(r);
    for (;;) {
        sgl_event ev;
        sgl_status st = sgl_run_next(run, 0, &ev);
        if (st == SGL_OK) {
            if (!handle(r, run, &ev, &shown, &ok))
                return ok;
        } else if (st != SGL_PENDING) {
            return ok;
        } else if (poll(fds, 2, -1) > 0 && fds[1].revents & POLLIN) {
            drain_interrupts(r);
            sgl_run_cancel(run);
        }
    }
}

static void print_time(const sgl_run *run)
{
    sgl_run_stats st;
    sgl_run_get_stats(run, &st);
    fprintf(stderr, "%.0f ms, %llu tokens of prompt (%llu cached), %llu generated", st.total_ms,
            (unsigned long long)st.prompt_tokens, (unsigned long long)st.cached_tokens,
            (unsigned long long)st.generated_tokens);
    if (st.first_token_ms >= 0)
        fprintf(stderr, ", first token after %.0f ms", st.first_token_ms);
    fputc('\n', stderr);
}

static void add_stats(struct repl *r, const sgl_run *run)
{
    sgl_run_stats st;
    sgl_run_get_stats(run, &st);
    r->n_run++;
    r->spent.prompt_tokens += st.prompt_tokens;
    r->spent.cached_tokens += st.cached_tokens;
    r->spent.generated_tokens += st.generated_tokens;
    r->spent.forced_tokens += st.forced_tokens;
    r->spent.calls += st.calls;
    r->spent.total_ms += st.total_ms;
}

void repl_forget_places(struct repl *r)
{
    for (size_t i = 0; i < r->n_place; i++) {
        sgl_prompt_free(r->place[i].prompt);
        free(r->place[i].name);
    }
    free(r->place);
    r->place = NULL;
    r->n_place = r->here = 0;
    r->prompt = NULL;
}

bool repl_enter(struct repl *r, const char *text, size_t len)
{
    bool incomplete = false;
    sgl_run *run = NULL;
    sgl_diagnostics *diags = NULL;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_enter(r->prompt, text, len, &incomplete, &run, &diags, &err);
    if (incomplete) {
        sgl_diagnostics_free(diags);
        return false;
    }
    if (diags)
        output_diagnostics(diags, SGL_ERROR, false);
    if (st == SGL_OK && run)
        st = sgl_run_start(run, &err);
    bool ok = st == SGL_OK;
    if (st != SGL_OK && (!diags || !sgl_diagnostics_count(diags, SGL_ERROR)))
        output_error(&err);
    sgl_diagnostics_free(diags);
    if (ok && run) {
        ok = follow(r, run);
        add_stats(r, run);
        if (r->show_time)
            print_time(run);
    }
    sgl_run_free(run);
    r->failed = r->failed || !ok;
    return true;
}

/* ---- the loop -------------------------------------------------------------------------- */

/* Appends a line to the unfinished entry. */
static bool add_line(struct repl *r, const char *line, size_t len)
{
    size_t have = r->pending ? strlen(r->pending) : 0;
    char *all = realloc(r->pending, have + len + 2);
    if (!all)
        return false;
    r->pending = all;
    if (have)
        all[have++] = '\n';
    memcpy(all + have, line, len);
    all[have + len] = '\0';
    return true;
}

static void drop_pending(struct repl *r)
{
    free(r->pending);
    r->pending = NULL;
}

static bool is_blank(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t' || line[i] == '\r'))
        i++;
    return i == len;
}

static void take_line(struct repl *r, const char *line, size_t len)
{
    if (memchr(line, '\0', len)) {
        fprintf(stderr, "a line with U+0000 is not taken\n");
        r->failed = true;
        return;
    }
    if (!r->pending && is_blank(line, len))
        return;
    if (!r->pending && line[0] == ':') {
        char *copy = strndup(line, len);
        repl_line_remember(r->line, copy ? copy : "");
        if (copy)
            repl_command(r, copy);
        free(copy);
        return;
    }
    if (!add_line(r, line, len)) {
        fprintf(stderr, "out of memory\n");
        drop_pending(r);
        return;
    }
    if (repl_enter(r, r->pending, strlen(r->pending))) {
        repl_line_remember(r->line, r->pending);
        drop_pending(r);
    }
}

/* What is unfinished at the end of input is entered with its error. */
static void close_pending(struct repl *r)
{
    if (!r->pending)
        return;
    if (!repl_enter(r, r->pending, strlen(r->pending))) {
        fprintf(stderr, "the input ends inside of an entry\n");
        r->failed = true;
    }
    drop_pending(r);
}

static int loop(struct repl *r)
{
    int interrupts = 0;
    while (!r->leaving) {
        const char *line;
        size_t len;
        bool had_text;
        enum line_end end = repl_line_read(r->line, r->pending ? "...> " : "sgl> ", &line, &len,
                                           &had_text);
        if (end == LINE_CLOSED)
            break;
        if (end == LINE_READ) {
            interrupts = 0;
            take_line(r, line, len);
            fflush(stdout);
            continue;
        }
        bool empty = !had_text && !r->pending;
        drop_pending(r);
        interrupts = empty ? interrupts + 1 : 0;
        if (interrupts == 2)
            break;
        if (interrupts == 1)
            printf("Ctrl-C again, Ctrl-D or :quit leaves\n");
    }
    close_pending(r);
    return r->failed && !repl_line_is_terminal(r->line) ? EXIT_FAILED : EXIT_DONE;
}

/* Adds the texts of a JSON list. */
static size_t add_names(char **names, size_t n, const char *json)
{
    json_t *list = json_loads(json, 0, NULL);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *s = json_string_value(json_array_get(list, i));
        if (s && (names[n] = strdup(s)))
            n++;
    }
    json_decref(list);
    return n;
}

static char **complete_command(void)
{
    size_t n = 0, k = 0;
    while (repl_command_name(n))
        n++;
    char **names = calloc(n + 1, sizeof *names);
    for (size_t i = 0; names && i < n; i++)
        if ((names[k] = strdup(repl_command_name(i))))
            k++;
    return names;
}

static char **complete_names(void *ctx, const char *text, size_t len)
{
    struct repl *r = ctx;
    if (!r->pending && len > 0 && text[0] == ':' && !memchr(text, ' ', len))
        return complete_command();
    bool is_expression = len > 6 && memcmp(text, ":type ", 6) == 0;
    size_t skip = is_expression ? 6 : 0, have = r->pending ? strlen(r->pending) + 1 : 0;
    char *all = malloc(have + len + 1), *json = NULL;
    char **names = NULL;
    if (!all)
        return NULL;
    if (have)
        sprintf(all, "%s\n", r->pending);
    memcpy(all + have, text + skip, len - skip);
    all[have + len - skip] = '\0';
    if (sgl_prompt_complete(r->prompt, all, have + len - skip, &json) == SGL_OK) {
        names = calloc(strlen(json) + 1, sizeof *names);    /* more than it has texts */
        if (names)
            add_names(names, 0, json);
    }
    sgl_free(json);
    free(all);
    return names;
}

bool repl_restart(struct repl *r)
{
    sgl_prompt *prompt;
    sgl_error err = { 0 };
    if (sgl_prompt_new(r->opts->rt, r->engine, r->opts->config, &prompt, &err) != SGL_OK) {
        output_error(&err);
        return false;
    }
    struct place *place = calloc(1, sizeof *place);
    char *name = strdup("main");
    if (!place || !name) {
        fprintf(stderr, "out of memory\n");
        free(place);
        free(name);
        sgl_prompt_free(prompt);
        return false;
    }
    repl_forget_places(r);
    place[0] = (struct place){ .name = name, .prompt = prompt };
    r->place = place;
    r->n_place = 1;
    r->prompt = prompt;
    return true;
}

int repl_run(const struct repl_opts *opts)
{
    struct repl r = { .opts = opts, .interrupt = { -1, -1 } };
    struct sigaction on = { .sa_handler = on_interrupt }, old;
    if (pipe2(r.interrupt, O_CLOEXEC | O_NONBLOCK) != 0) {
        fprintf(stderr, "sglrun: %s\n", strerror(errno));
        return EXIT_FAILED;
    }
    interrupt_fd = r.interrupt[1];
    sigaction(SIGINT, &on, &old);
    r.engine = opts->engine ? sgl_engine_ref(opts->engine) : NULL;
    r.line = repl_line_new(r.interrupt[0], complete_names, &r);
    int rc = EXIT_FAILED;
    if (!r.line)
        fprintf(stderr, "sglrun: the terminal cannot be used\n");
    else if (repl_restart(&r)) {
        if (repl_line_is_terminal(r.line))
            printf("sgl %s.  :help lists the commands.\n", sgl_version());
        if (opts->file) {
            char load[4200];
            snprintf(load, sizeof load, ":load %s", opts->file);
            repl_command(&r, load);
        }
        rc = loop(&r);
    }
    sigaction(SIGINT, &old, NULL);
    repl_forget_places(&r);
    sgl_engine_unref(r.engine);
    repl_line_free(r.line);
    drop_pending(&r);
    close(r.interrupt[0]);
    close(r.interrupt[1]);
    return rc;
}
