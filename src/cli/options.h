/* options.h - flags of a verb as a table: parsing, environment, and the help text made from it. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <sgl/sgl.h>

struct text_list {
    const char **at;
    size_t       n;
};

/* What any verb may be told.  A verb reads the members whose flags it offers. */
struct options {
    /* engine */
    const char *model, *device;
    uint64_t    threads, context, pages, constraint_mb;
    bool        no_cache, no_forced;
    /* run */
    const char *code;               /* -e */
    const char *seed, *budget;
    struct text_list set, allow_read, allow_write, allow_run, limit, no_opt;
    bool        stream, events, json, quiet, dry_run, stats;
    /* check, show, fmt, test */
    const char *deny;               /* "warnings" */
    struct text_list load;
    bool        cost, deny_warnings, ir, bytecode, tokens, prefix, schema, grammar, check, from_stdin, list, no_model;
    const char *filter, *junit;
    uint64_t    runs, jobs;
    /* match; show of a schema */
    const char *json_schema, *regex, *grammar_file, *tags;
    /* build */
    const char *out;
    /* tokenize, template */
    bool        jsonl, markup;
    const char *messages, *tools, *vars;
    /* serve */
    const char *host, *api_key, *served_name, *order, *evict;
    uint64_t    port, max_running, max_wait_ms, max_passes, step_tokens, pin_budget;
    const char *kv_events;
    bool        kv_events_maps;
    const char *tenants, *admission;
    uint64_t    max_queued, max_queued_tokens, max_deadline_ms, itl_target_ms;

    sgl_engine *engine;             /* set by check and show: costs count its tokens */
    struct text_list rest;          /* what is no flag */
    bool        help;
};

enum flag_kind { FLAG_BOOL, FLAG_TEXT, FLAG_NUMBER, FLAG_LIST };

struct flag {
    const char    *name;            /* without dashes; one letter: "-e" */
    enum flag_kind kind;
    size_t         member;          /* offsetof(struct options, ...) */
    const char    *value;           /* name of its value in the help, or NULL */
    const char    *help;
};

#define FLAG(kind, name, member, value, help) { name, kind, offsetof(struct options, member), value, help }

/* Flags that several verbs share. */
#define FLAGS_ENGINE                                                                             \
    FLAG(FLAG_TEXT, "model", model, "NAME", "a model's name, or the path of its file"),          \
    FLAG(FLAG_TEXT, "device", device, "D", "auto, cpu, cuda, cuda:N"),                           \
    FLAG(FLAG_NUMBER, "threads", threads, "N", "threads of the CPU kernels"),                    \
    FLAG(FLAG_NUMBER, "context", context, "N", "tokens of a context"),                           \
    FLAG(FLAG_NUMBER, "pages", pages, "N", "KV pages of 16 tokens"),                             \
    FLAG(FLAG_NUMBER, "constraint-cache-mb", constraint_mb, "N",                                 \
         "MiB kept of constraints and their masks; 192"),                                        \
    FLAG(FLAG_BOOL, "no-cache", no_cache, NULL, "do not share prefixes"),                        \
    FLAG(FLAG_BOOL, "no-forced", no_forced, NULL, "decode forced tokens one by one")

/* argv without the verb.  Flags may stand anywhere; `stop_at_rest`: what follows the first
 * argument that is no flag is left in `rest` untouched.  False: a message was printed. */
bool options_parse(struct options *o, const char *verb, const struct flag *flags, size_t n_flag,
                   int argc, char **argv, bool stop_at_rest);
/* One flag with its value from args[*i...]; *ret_known false: no such flag (nothing was printed). */
bool options_one(struct options *o, const struct flag *flags, size_t n_flag,
                 const struct text_list *args, size_t *i, bool *ret_known);
void options_help(const char *verb, const struct flag *flags, size_t n_flag);
void options_free(struct options *o);

void text_list_add(struct text_list *l, const char *text);

/* Fills from flags, then SGL_MODEL, SGL_DEVICE, SGL_THREADS. */
void options_engine(const struct options *o, sgl_engine_config *config);
/* False: a message was printed (a seed or budget that cannot be read). */
bool options_run(const struct options *o, sgl_run_config *config);

#endif
