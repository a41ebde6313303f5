/* repl_commands.c - the lines that begin with ':'. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/repl_int.h"

struct command {
    const char *name;
    const char *args;
    const char *help;
    void      (*run)(struct repl *r, char *args);
};

static void fail(struct repl *r, const char *fmt, const char *what)
{
    fflush(stdout);
    fprintf(stderr, fmt, what);
    fputc('\n', stderr);
    r->failed = true;
}

static void check(struct repl *r, sgl_status st, const sgl_error *err)
{
    if (st == SGL_OK)
        return;
    fflush(stdout);
    output_error(err);
    r->failed = true;
}

static void cmd_prompt(struct repl *r, char *args)
{
    (void)args;
    char *text = NULL;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_text(r->prompt, &text, &err);
    check(r, st, &err);
    if (st == SGL_OK && *text)
        printf("%s%s", text, text[strlen(text) - 1] == '\n' ? "" : "\n");
    sgl_free(text);
}

static void cmd_tokens(struct repl *r, char *args)
{
    (void)args;
    printf("%u\n", sgl_prompt_tokens(r->prompt));
}

static void cmd_undo(struct repl *r, char *args)
{
    (void)args;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_undo(r->prompt, &err);
    check(r, st, &err);
}

static void cmd_reset(struct repl *r, char *args)
{
    (void)args;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_reset(r->prompt, &err);
    check(r, st, &err);
}

static void set(struct repl *r, const char *name, const char *value)
{
    char setting[512];
    sgl_error err = { 0 };
    if (snprintf(setting, sizeof setting, "%s=%s", name, value) >= (int)sizeof setting) {
        fail(r, "%s is too long", "the setting");
        return;
    }
    check(r, sgl_prompt_set(r->prompt, setting, &err), &err);
}

/* ":set temp 0.7" and ":set temp=0.7". */
static void cmd_set(struct repl *r, char *args)
{
    size_t n = strcspn(args, " =");
    char *value = args + n + strspn(args + n, " =");
    if (n == 0 || !*value) {
        fail(r, "usage: %s", ":set NAME VALUE");
        return;
    }
    args[n] = '\0';
    set(r, args, value);
}

static void cmd_seed(struct repl *r, char *args)
{
    if (!*args)
        fail(r, "usage: %s", ":seed N");
    else
        set(r, "seed", args);
}

static void cmd_model(struct repl *r, char *args)
{
    sgl_engine_config config;
    sgl_engine *engine, *old = r->engine;
    sgl_error err = { 0 };
    if (!*args && !r->engine) {
        printf("none; :model NAME loads one\n");
        return;
    }
    if (!*args) {
        sgl_engine_info info;
        sgl_engine_get_info(r->engine, &info);
        printf("%s (%s, %u tokens, %s)\n", info.model, info.arch, info.context, info.device);
        return;
    }
    sgl_engine_config_init(&config);
    config.model = args;
    config.progress = output_progress;
    sgl_status st = sgl_engine_open(&config, &engine, &err);
    output_progress_end();
    check(r, st, &err);
    if (st != SGL_OK)
        return;
    r->engine = engine;
    if (repl_restart(r)) {
        sgl_engine_unref(old);
        return;
    }
    r->engine = old;
    sgl_engine_unref(engine);
}

static void cmd_load(struct repl *r, char *args)
{
    size_t len;
    if (!*args) {
        fail(r, "usage: %s", ":load FILE");
        return;
    }
    char *text = output_read(args, &len);
    if (!text) {
        r->failed = true;
        return;
    }
    char *slash = strrchr(args, '/');
    sgl_error err = { 0 };
    if (slash) {
        *slash = '\0';
        check(r, sgl_prompt_add_folder(r->prompt, slash == args ? "/" : args, &err), &err);
        *slash = '/';
    }
    if (!repl_enter(r, text, len))
        fail(r, "%s ends inside of an entry", args);
    free(text);
}

static void cmd_save(struct repl *r, char *args)
{
    if (!*args) {
        fail(r, "usage: %s", ":save FILE");
        return;
    }
    char *text = NULL;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_source(r->prompt, &text, &err);
    check(r, st, &err);
    if (st != SGL_OK)
        return;
    FILE *f = fopen(args, "w");
    bool ok = f && fputs(text, f) >= 0;
    ok = f && fclose(f) == 0 && ok;
    if (!ok)
        fail(r, "the file cannot be written: %s", strerror(errno));
    sgl_free(text);
}

/* ":type e": compiled, not run. */
static void cmd_type(struct repl *r, char *args)
{
    char *type = NULL;
    sgl_error err = { 0 };
    sgl_diagnostics *diags = NULL;
    if (!*args) {
        fail(r, "usage: %s", ":type EXPRESSION");
        return;
    }
    sgl_status st = sgl_prompt_type(r->prompt, args, strlen(args), &type, &diags, &err);
    if (diags)
        output_diagnostics(diags, SGL_ERROR, false);
    if (st != SGL_OK && (!diags || !sgl_diagnostics_count(diags, SGL_ERROR)))
        output_error(&err);
    r->failed = r->failed || st != SGL_OK;
    if (st == SGL_OK)
        printf("%s\n", type);
    sgl_diagnostics_free(diags);
    sgl_free(type);
}

/* ---- places ---- */

static size_t find_place(const struct repl *r, const char *name)
{
    size_t i = 0;
    while (i < r->n_place && strcmp(r->place[i].name, name) != 0)
        i++;
    return i;
}

static bool is_name(const char *text)
{
    size_t n = strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");
    return n > 0 && n <= 40 && !text[n];
}

/* ":fork name": a copy of the context in force, which is entered. */
static void cmd_fork(struct repl *r, char *args)
{
    if (!is_name(args)) {
        fail(r, "usage: %s", ":fork NAME");
        return;
    }
    if (find_place(r, args) < r->n_place) {
        fail(r, "there is a context %s already; see :tree", args);
        return;
    }
    sgl_error err = { 0 };
    sgl_prompt *copy = NULL;
    sgl_status st = sgl_prompt_fork(r->prompt, &copy, &err);
    check(r, st, &err);
    if (st != SGL_OK)
        return;
    struct place *grown = realloc(r->place, (r->n_place + 1) * sizeof *grown);
    char *name = strdup(args);
    if (grown)
        r->place = grown;
    if (!grown || !name) {
        fail(r, "%s", "out of memory");
        free(name);
        sgl_prompt_free(copy);
        return;
    }
    r->place[r->n_place] = (struct place){ name, copy, r->here, sgl_prompt_entries(r->prompt) };
    r->here = r->n_place++;
    r->prompt = copy;
}

static void cmd_switch(struct repl *r, char *args)
{
    size_t i = find_place(r, args);
    if (i == r->n_place) {
        fail(r, *args ? "there is no context %s; see :tree" : "usage: :switch NAME%s", args);
        return;
    }
    r->here = i;
    r->prompt = r->place[i].prompt;
}

/* Places are made after the one they come from, so a walk over pairs meets each once. */
static void print_place(const struct repl *r, size_t i, unsigned depth)
{
    const struct place *p = &r->place[i];
    printf("%*s%s%s  %zu entries, %u tokens", (int)(depth * 2), "", i == r->here ? "* " : "  ",
           p->name, sgl_prompt_entries(p->prompt), sgl_prompt_tokens(p->prompt));
    if (i > 0)
        printf(", forked after %zu", p->at);
    putchar('\n');
    for (size_t k = i + 1; k < r->n_place && depth < 64; k++)
        if (r->place[k].from == i)
            print_place(r, k, depth + 1);
}

static void cmd_tree(struct repl *r, char *args)
{
    (void)args;
    if (r->n_place)
        print_place(r, 0, 0);
}

static void cmd_cost(struct repl *r, char *args)
{
    (void)args;
    const sgl_run_stats *s = &r->spent;
    printf("%zu entries, %llu calls: %llu tokens of prompt (%llu cached), "
           "%llu generated (%llu forced), %.0f ms\n",
           r->n_run, (unsigned long long)s->calls, (unsigned long long)s->prompt_tokens,
           (unsigned long long)s->cached_tokens, (unsigned long long)s->generated_tokens,
           (unsigned long long)s->forced_tokens, s->total_ms);
}

static void cmd_time(struct repl *r, char *args)
{
    (void)args;
    r->show_time = !r->show_time;
    printf("times are %s\n", r->show_time ? "shown" : "not shown");
}

static void cmd_quit(struct repl *r, char *args)
{
    (void)args;
    r->leaving = true;
}

static void cmd_help(struct repl *r, char *args);

static const struct command commands[] = {
    { "help", "", "this list", cmd_help },
    { "type", "EXPR", "the type of an expression, which is not run", cmd_type },
    { "prompt", "", "the context as the model reads it", cmd_prompt },
    { "tokens", "", "tokens in the context", cmd_tokens },
    { "undo", "", "take back the last entry", cmd_undo },
    { "fork", "NAME", "go on in a copy of the context, under a name", cmd_fork },
    { "switch", "NAME", "go on in another context; the first is main", cmd_switch },
    { "tree", "", "the contexts, and which came from which", cmd_tree },
    { "cost", "", "tokens and time of all entries so far", cmd_cost },
    { "set", "NAME VALUE", "default of a sampling argument, such as temp 0.7", cmd_set },
    { "seed", "N", "seed of the draws that follow", cmd_seed },
    { "model", "[NAME]", "the model; with a name another one, in a fresh context", cmd_model },
    { "load", "FILE", "enter a file", cmd_load },
    { "save", "FILE", "write the entries as a program", cmd_save },
    { "time", "", "show tokens and times after each entry, or no longer", cmd_time },
    { "reset", "", "empty context, no names", cmd_reset },
    { "quit", "", "leave; so does Ctrl-D", cmd_quit },
};
enum { N_COMMAND = sizeof commands / sizeof *commands };

const char *repl_command_name(size_t i)
{
    return i < N_COMMAND ? commands[i].name : NULL;
}

static void cmd_help(struct repl *r, char *args)
{
    (void)r;
    (void)args;
    for (int i = 0; i < N_COMMAND; i++)
        printf(":%-7s %-11s %s\n", commands[i].name, commands[i].args, commands[i].help);
    printf("Everything else is a program: text goes into the context, values are shown, `it` is "
           "the last one.\nCtrl-C cancels a generation.\n");
}

void repl_command(struct repl *r, const char *line)
{
    char name[32], *copy = strdup(line);
    if (!copy) {
        fail(r, "%s", "out of memory");
        return;
    }
    size_t end = strlen(copy);
    while (end > 0 && (copy[end - 1] == ' ' || copy[end - 1] == '\t' || copy[end - 1] == '\r'))
        copy[--end] = '\0';
    size_t n = strcspn(copy + 1, " \t");
    snprintf(name, sizeof name, "%.*s", (int)n, copy + 1);
    char *args = copy + 1 + n + strspn(copy + 1 + n, " \t");
    int i = 0;
    while (i < N_COMMAND && strcmp(commands[i].name, name) != 0)
        i++;
    if (i < N_COMMAND)
        commands[i].run(r, args);
    else
        fail(r, "there is no command :%s; see :help", name);
    fflush(stdout);
    free(copy);
}
