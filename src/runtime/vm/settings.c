/* settings.c - what `with` puts in force: sampling, seeds, budgets, widths, mocks, stubs.
 *
 * Settings are a chain, innermost first; a task holds its head and branches start with their
 * parent's.  A budget is one object however many tasks are under it, so nested budgets all count
 * and branches spend from the same purse. */
#include "runtime/vm/vm_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { WIDTH_DEFAULT = 1024, WIDTH_MAX = 1000000 };

struct settings *settings_ref(struct settings *s)
{
    if (s)
        s->refs++;
    return s;
}

void settings_unref(struct settings *s)
{
    while (s && --s->refs == 0) {
        struct settings *up = s->up;
        for (uint32_t i = 0; i < s->n_arg; i++)
            value_unref(s->arg[i].v);
        for (uint32_t i = 0; i < s->n_name; i++)
            value_unref(s->name[i].name);
        value_unref(s->value);
        mem_free(s->arg);
        mem_free(s->name);
        mem_free(s);
        s = up;
    }
}

struct settings *settings_new(struct settings *up, enum scope_kind kind)
{
    struct settings *s = mem_zalloc(sizeof *s);
    if (!s)
        return NULL;
    s->refs = 1;
    s->up = settings_ref(up);
    s->kind = kind;
    s->stub_func = s->stub_ext = BC_NO_INDEX;
    return s;
}

/* ---- looking up ---- */

bool settings_arg(struct task *t, const struct site_arg *arg, uint32_t n, enum site_arg_kind kind,
                  struct value *ret)
{
    for (uint32_t i = 0; i < n; i++) {
        if (arg[i].kind == kind) {
            *ret = t->top->reg[arg[i].reg];
            return true;
        }
    }
    for (const struct settings *s = t->settings; s; s = s->up) {
        for (uint32_t i = 0; i < s->n_arg; i++) {
            if (s->arg[i].kind == kind) {
                *ret = s->arg[i].v;
                return true;
            }
        }
    }
    return false;
}

uint64_t settings_deadline(const struct settings *s)
{
    uint64_t best = 0;
    for (; s; s = s->up)
        if (s->deadline_ms && (!best || s->deadline_ms < best))
            best = s->deadline_ms;
    return best;
}

uint64_t settings_tokens_left(struct task *t)
{
    uint64_t best = UINT64_MAX;
    for (const struct settings *s = t->settings; s; s = s->up) {
        if (!s->max_tok)
            continue;
        uint64_t left = s->tok < s->max_tok ? s->max_tok - s->tok : 0;
        if (left < best)
            best = left;
    }
    return best;
}

bool settings_has(const struct task *t, enum scope_kind kind)
{
    const struct settings *s = t->settings;
    while (s && s->kind != kind)
        s = s->up;
    return s != NULL;
}

bool settings_stub(struct task *t, uint32_t func, uint32_t ext, struct value *ret)
{
    for (const struct settings *s = t->settings; s; s = s->up) {
        if (s->kind != SCOPE_STUB)
            continue;
        if ((func != BC_NO_INDEX && s->stub_func == func) ||
            (ext != BC_NO_INDEX && s->stub_ext == ext)) {
            *ret = s->value;
            return s->value.tag == VAL_FN;
        }
    }
    return false;
}

/* ---- spending ---- */

void settings_spend(struct settings *s, uint64_t tok)
{
    for (; s; s = s->up)
        if (s->max_tok)
            s->tok += tok;
}

enum step settings_spent(struct task *t)
{
    for (const struct settings *s = t->settings; s; s = s->up)
        if (s->max_tok && s->tok > s->max_tok)
            return task_fail(t, "R0701", "the budget of %llu tokens is spent",
                             (unsigned long long)s->max_tok);
    return STEP_NEXT;
}

enum step settings_charge(struct task *t, uint64_t tok)
{
    settings_spend(t->settings, tok);
    return settings_spent(t);
}

/* A model operation begins.  One that is cancelled generates no more. */
enum step settings_call(struct task *t)
{
    if (t->cancelled)
        return task_raise_cancelled(t);
    for (struct settings *s = t->settings; s; s = s->up) {
        if (s->max_tok && s->tok >= s->max_tok)
            return task_fail(t, "R0701", "the budget of %llu tokens is spent",
                             (unsigned long long)s->max_tok);
        if (s->max_calls && s->calls >= s->max_calls)
            return task_fail(t, "R0703", "the budget of %llu call%s is spent",
                             (unsigned long long)s->max_calls, s->max_calls == 1 ? "" : "s");
        if (s->deadline_ms && clock_ms() >= s->deadline_ms)
            return task_fail(t, "R0702", "the time budget is spent");
    }
    for (struct settings *s = t->settings; s; s = s->up)
        if (s->max_calls)
            s->calls++;
    return STEP_NEXT;
}

/* ---- entering ---- */

static enum step take_sampling(struct task *t, const struct scope_site *site, struct settings *s)
{
    s->arg = mem_calloc(site->n_arg + 1u, sizeof *s->arg);
    if (!s->arg)
        return task_fail_status(t, ST_NOMEM);
    for (uint32_t i = 0; i < site->n_arg; i++) {
        s->arg[i].kind = site->arg[i].kind;
        s->arg[i].v = value_ref(t->top->reg[site->arg[i].reg]);
    }
    s->n_arg = site->n_arg;
    return STEP_NEXT;
}

static enum step take_budget(struct task *t, const struct scope_site *site, struct settings *s)
{
    for (uint32_t i = 0; i < site->n_arg; i++) {
        struct value v = t->top->reg[site->arg[i].reg];
        if ((v.tag != VAL_INT && v.tag != VAL_DURATION) || v.i <= 0)
            return task_fail(t, "R0404", "a budget must be above 0");
        if (site->arg[i].kind == ARG_TOKENS)
            s->max_tok = (uint64_t)v.i;
        else if (site->arg[i].kind == ARG_CALLS)
            s->max_calls = (uint64_t)v.i;
        else if (site->arg[i].kind == ARG_TIME)
            s->deadline_ms = clock_ms() + (uint64_t)v.i;
    }
    if (s->deadline_ms)
        run_due(t->run, s->deadline_ms);
    return STEP_NEXT;
}

static enum step take_int(struct task *t, const struct scope_site *site, int64_t lo, int64_t *ret)
{
    struct value v = site->n_arg ? t->top->reg[site->arg[0].reg] : value_null();
    if (v.tag != VAL_INT || v.i < lo)
        return task_fail(t, "R0404", "a whole number of at least %lld is wanted", (long long)lo);
    *ret = v.i;
    return STEP_NEXT;
}

static enum step scope_fill(struct task *t, const struct scope_site *site, struct settings *s,
                            struct handler *h)
{
    int64_t n = 0;
    enum step st;
    switch (site->kind) {
    case SCOPE_SAMPLING:
        return take_sampling(t, site, s);
    case SCOPE_BUDGET:
        return take_budget(t, site, s);
    case SCOPE_SEED:
        st = take_int(t, site, 0, &n);
        if (st == STEP_NEXT) {
            h->has_key = true;
            h->key = t->top->key;
            t->top->key = rng_key_seed((uint64_t)n);
        }
        return st;
    case SCOPE_CONCURRENCY:
        st = take_int(t, site, 1, &n);
        s->width = n > WIDTH_MAX ? WIDTH_MAX : (uint32_t)n;
        return st;
    case SCOPE_MOCK:
        s->value = value_ref(t->top->reg[site->value]);
        return STEP_NEXT;
    case SCOPE_STUB:
        s->value = value_ref(t->top->reg[site->value]);
        s->stub_func = site->stub_func;
        s->stub_ext = site->stub_ext;
        return STEP_NEXT;
    case SCOPE_MODEL:
        return task_fail(t, "R0705", "another model inside a run is not supported");
    }
    return STEP_NEXT;
}

enum step op_scope_push(struct task *t, uint32_t scope)
{
    const struct scope_site *site = &t->top->image->module->scope[scope];
    struct settings *s = settings_new(t->settings, site->kind);
    struct handler h = { .kind = HANDLER_SCOPE, .budget = site->kind == SCOPE_BUDGET };
    if (!s)
        return task_fail_status(t, ST_NOMEM);
    enum step st = scope_fill(t, site, s, &h);
    if (st == STEP_NEXT) {
        h.outer = t->settings;
        if (!handler_push(t, &h))
            st = task_fail_status(t, ST_NOMEM);
    }
    if (st != STEP_NEXT) {
        settings_unref(s);
        return st;
    }
    t->settings = s;
    return STEP_NEXT;
}

/* ---- the host's settings ---- */

struct set_row {
    const char        *name;
    enum site_arg_kind kind;
};

static const struct set_row set_rows[] = {
    { "max", ARG_MAX }, { "min", ARG_MIN }, { "temp", ARG_TEMP }, { "top_p", ARG_TOP_P },
    { "top_k", ARG_TOP_K }, { "min_p", ARG_MIN_P }, { "freq_penalty", ARG_FREQ_PENALTY },
    { "presence_penalty", ARG_PRESENCE_PENALTY },
    { "repetition_penalty", ARG_REPETITION_PENALTY }, { "ignore_eos", ARG_IGNORE_EOS },
    { "think", ARG_THINK }, { "strict", ARG_STRICT }, { "heal", ARG_HEAL },
    { "json_style", ARG_JSON_STYLE }, { "stop", ARG_STOP },
};

static enum status set_value(struct slice text, struct value *ret, struct error *err)
{
    struct error ignored = { 0 };
    if (value_parse_json(text, ret, &ignored) == ST_OK)
        return ST_OK;
    return value_str(text, ret) == ST_OK ? ST_OK : error_nomem(err);
}

static enum status set_one(struct settings *s, const struct run_setting *in, struct error *err)
{
    for (size_t i = 0; i < sizeof set_rows / sizeof *set_rows; i++) {
        if (!slice_is(in->name, set_rows[i].name))
            continue;
        enum status st = set_value(in->text, &s->arg[s->n_arg].v, err);
        if (st == ST_OK)
            s->arg[s->n_arg++].kind = set_rows[i].kind;
        return st;
    }
    return error_set(err, ST_INVALID, "%.*s is not a setting", (int)in->name.len, in->name.ptr);
}

enum status settings_root(struct run *r, struct error *err)
{
    const struct run_opts *o = &r->opts;
    struct settings *s = settings_new(NULL, SCOPE_SAMPLING);
    if (!s)
        return error_nomem(err);
    s->arg = mem_calloc(o->n_set + 1u, sizeof *s->arg);
    enum status st = s->arg ? ST_OK : error_nomem(err);
    for (uint32_t i = 0; i < o->n_set && st == ST_OK; i++)
        st = set_one(s, &o->set[i], err);
    if (st != ST_OK) {
        settings_unref(s);
        return st;
    }
    s->width = WIDTH_DEFAULT;
    s->max_tok = o->budget_tokens;
    s->max_calls = o->budget_calls;
    if (o->budget_ms) {
        s->deadline_ms = clock_ms() + o->budget_ms;
        run_due(r, s->deadline_ms);
    }
    r->root = s;
    return ST_OK;
}
