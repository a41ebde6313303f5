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
    if (st == SGL_OK && r->n_entry)
        repl_forget_entries(r, r->n_entry - 1);
}

static void cmd_reset(struct repl *r, char *args)
{
    (void)args;
    sgl_error err = { 0 };
    sgl_status st = sgl_prompt_reset(r->prompt, &err);
    check(r, st, &err);
    if (st == SGL_OK)
        repl_forget_entries(r, 0);
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
    FILE *f = fopen(args, "w");
    if (!f) {
        fail(r, "%s", strerror(errno));
        return;
    }
    bool ok = true;
    for (size_t i = 0; i < r->n_entry; i++)
        ok = fprintf(f, "%s\n", r->entry[i]) >= 0 && ok;
    ok = fclose(f) == 0 && ok;
    if (!ok)
        fail(r, "%s cannot be written", args);
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
    { "prompt", "", "the context as the model reads it", cmd_prompt },
    { "tokens", "", "tokens in the context", cmd_tokens },
    { "undo", "", "take back the last entry", cmd_undo },
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

/* Of the language's list, but not here yet. */
static const char *const later[] = { "type", "fork", "switch", "tree", "cost" };

static void cmd_help(struct repl *r, char *args)
{
    (void)r;
    (void)args;
    for (int i = 0; i < N_COMMAND; i++)
        printf(":%-7s %-11s %s\n", commands[i].name, commands[i].args, commands[i].help);
    printf("Everything else is a program: text goes into the context, values are shown, `it` is the "
           "last one.\nCtrl-C cancels a generation.\n");
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
    bool known = false;
    for (size_t k = 0; k < sizeof later / sizeof *later; k++)
        known = known || strcmp(later[k], name) == 0;
    if (i < N_COMMAND)
        commands[i].run(r, args);
    else
        fail(r, known ? ":%s is not supported yet" : "there is no command :%s; see :help", name);
    fflush(stdout);
    free(copy);
}
