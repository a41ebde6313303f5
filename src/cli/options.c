/* options.c - one loop over argv for every verb; the tables say what there is.
 *
 * Values point into argv or the environment, so only the lists own memory. */
#include "cli/options.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"

void text_list_add(struct text_list *l, const char *text)
{
    const char **grown = realloc(l->at, (l->n + 1) * sizeof *grown);
    if (!grown) {
        fprintf(stderr, "sglrun: out of memory\n");
        exit(EXIT_FAILED);
    }
    grown[l->n] = text;
    l->at = grown;
    l->n++;
}

static bool number(const char *text, uint64_t *ret)
{
    char *end;
    errno = 0;
    unsigned long long n = strtoull(text, &end, 10);
    if (errno || end == text || *end || *text == '-')
        return false;
    *ret = n;
    return true;
}

static const struct flag *find(const struct flag *flags, size_t n_flag, const char *name,
                               size_t len)
{
    for (size_t i = 0; i < n_flag; i++)
        if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
            return &flags[i];
    return NULL;
}

static bool store(struct options *o, const struct flag *f, const char *value)
{
    void *member = (char *)o + f->member;
    switch (f->kind) {
    case FLAG_BOOL:
        *(bool *)member = true;
        return true;
    case FLAG_TEXT:
        *(const char **)member = value;
        return true;
    case FLAG_LIST:
        text_list_add(member, value);
        return true;
    case FLAG_NUMBER:
        break;
    }
    if (number(value, member))
        return true;
    fprintf(stderr, "sglrun: --%s needs a number, not \"%s\"\n", f->name, value);
    return false;
}

bool options_one(struct options *o, const struct flag *flags, size_t n_flag,
                 const struct text_list *args, size_t *i, bool *ret_known)
{
    const char *arg = args->at[*i];
    bool is_long = arg[0] == '-' && arg[1] == '-';
    const char *name = arg + (is_long ? 2 : 1);
    const char *equals = is_long ? strchr(name, '=') : NULL;
    size_t len = equals ? (size_t)(equals - name) : strlen(name);

    const struct flag *f = find(flags, n_flag, name, len);
    *ret_known = f && is_long == (len > 1);
    if (!*ret_known)
        return false;
    if (f->kind == FLAG_BOOL) {
        if (equals) {
            fprintf(stderr, "sglrun: --%s takes no value\n", f->name);
            return false;
        }
        return store(o, f, NULL);
    }
    if (equals)
        return store(o, f, equals + 1);
    if (*i + 1 >= args->n) {
        fprintf(stderr, "sglrun: %s needs a value: %s\n", arg, f->value);
        return false;
    }
    return store(o, f, args->at[++*i]);
}

bool options_parse(struct options *o, const char *verb, const struct flag *flags, size_t n_flag,
                   int argc, char **argv, bool stop_at_rest)
{
    struct text_list args = { 0 };
    for (int i = 0; i < argc; i++)
        text_list_add(&args, argv[i]);

    bool good = true, only_rest = false;
    for (size_t i = 0; good && i < args.n; i++) {
        const char *arg = args.at[i];
        bool known = false;
        if (only_rest || arg[0] != '-' || !arg[1]) {
            text_list_add(&o->rest, arg);
            only_rest = only_rest || stop_at_rest;
        } else if (strcmp(arg, "--") == 0) {
            only_rest = true;
        } else if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            o->help = true;
        } else if (!options_one(o, flags, n_flag, &args, &i, &known)) {
            if (!known)
                fprintf(stderr, "sglrun: %s has no flag %s; see sglrun %s --help\n", verb, arg,
                        verb);
            good = false;
        }
    }
    free(args.at);
    return good;
}

void options_help(const char *verb, const struct flag *flags, size_t n_flag)
{
    static const struct { const char *verb, *usage, *sentence; } rows[] = {
#define X(verb, usage, sentence) { #verb, usage, sentence },
        CMD_ROWS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].verb, verb) == 0)
            printf("usage: sglrun %s %s\n\n%s\n", verb, rows[i].usage, rows[i].sentence);
    if (n_flag > 0)
        printf("\nflags\n");
    for (size_t i = 0; i < n_flag; i++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s%s", flags[i].name[1] ? "--" : "-", flags[i].name,
                 flags[i].value ? " " : "", flags[i].value ? flags[i].value : "");
        printf("  %-26s %s\n", left, flags[i].help);
    }
}

void options_free(struct options *o)
{
    struct text_list *lists[] = { &o->set, &o->allow_read, &o->allow_write, &o->allow_run,
                                  &o->limit, &o->load,
                                  &o->no_opt, &o->rest };
    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        free(lists[i]->at);
}

static const char *or_env(const char *value, const char *name)
{
    const char *env = value ? NULL : getenv(name);
    return env && *env ? env : value;
}

static uint32_t at_most_32(uint64_t n)
{
    return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

void options_engine(const struct options *o, sgl_engine_config *config)
{
    sgl_engine_config_init(config);
    config->model = or_env(o->model, "SGL_MODEL");
    config->device = or_env(o->device, "SGL_DEVICE");
    uint64_t threads = o->threads;
    const char *env = threads ? NULL : getenv("SGL_THREADS");
    if (env && !number(env, &threads))
        threads = 0;
    config->threads = (int)threads;
    config->context = (uint32_t)o->context;
    config->pages = (uint32_t)o->pages;
    config->constraint_cache_mb = at_most_32(o->constraint_mb);
    config->no_cache = o->no_cache;
    config->no_forced = o->no_forced;
    config->order = o->order;
    config->evict = o->evict;
    config->max_running = at_most_32(o->max_running);
    config->admission = o->admission;
    config->itl_target_ms = at_most_32(o->itl_target_ms);
    config->max_queued_tokens = o->max_queued_tokens;
    config->max_wait_ms = at_most_32(o->max_wait_ms);
    config->max_passes = at_most_32(o->max_passes);
    config->pin_percent = o->pin_budget < 90 ? (int)o->pin_budget : 90;
    config->kv_events = o->kv_events;
    config->kv_events_maps = o->kv_events_maps;
    config->step_tokens = at_most_32(o->step_tokens);
}

/* "30s", "500ms", "2m", "1h" or plain seconds, to milliseconds. */
static bool duration(const char *text, size_t len, uint64_t *ret_ms)
{
    char copy[32];
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    char *unit;
    double n = strtod(copy, &unit);
    if (unit == copy || !(n >= 0) || n > 1e9)
        return false;
    static const struct { const char *unit; double ms; } units[] = {
        { "", 1000 }, { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "h", 3600000 },
    };
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (strcmp(unit, units[i].unit) == 0) {
            *ret_ms = (uint64_t)(n * units[i].ms);
            return true;
        }
    return false;
}

/* "tokens=5000,time=30s,calls=4" */
static bool budget(const char *text, sgl_run_config *config)
{
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *equals = memchr(text, '=', len);
        if (!equals)
            return false;
        size_t n_name = (size_t)(equals - text), n_value = len - n_name - 1;
        char value[32];
        if (n_value >= sizeof value)
            return false;
        memcpy(value, equals + 1, n_value);
        value[n_value] = '\0';

        bool good = false;
        if (n_name == 6 && memcmp(text, "tokens", 6) == 0)
            good = number(value, &config->budget_tokens);
        else if (n_name == 5 && memcmp(text, "calls", 5) == 0)
            good = number(value, &config->budget_calls);
        else if (n_name == 4 && memcmp(text, "time", 4) == 0)
            good = duration(value, n_value, &config->budget_ms);
        if (!good)
            return false;
        text += len + (text[len] == ',');
    }
    return true;
}

bool options_run(const struct options *o, sgl_run_config *config)
{
    sgl_run_config_init(config);
    const char *seed = or_env(o->seed, "SGL_SEED");
    if (seed && !number(seed, &config->seed)) {
        fprintf(stderr, "sglrun: --seed needs a number, not \"%s\"\n", seed);
        return false;
    }
    config->has_seed = seed != NULL;
    if (o->budget && !budget(o->budget, config)) {
        fprintf(stderr, "sglrun: --budget is written tokens=5000,time=30s,calls=4, not \"%s\"\n",
                o->budget);
        return false;
    }
    config->set = o->set.at;
    config->n_set = o->set.n;
    config->allow_read = o->allow_read.at;
    config->n_allow_read = o->allow_read.n;
    config->allow_write = o->allow_write.at;
    config->n_allow_write = o->allow_write.n;
    config->allow_run = o->allow_run.at;
    config->n_allow_run = o->allow_run.n;
    config->limits = o->limit.at;
    config->n_limits = o->limit.n;
    config->stream = o->stream || o->events;
    config->values = o->events;
    return true;
}
