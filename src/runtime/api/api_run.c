/* api_run.c - one run: arguments, host functions, and its events as a host sees them.
 *
 * The machine's events own their storage; the one that was handed out last is kept here and
 * released by the next call, so that a host copies nothing it does not want to keep. */
#include "runtime/api/api_int.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

struct binding {
    sgl_host_fn fn;
    void       *ctx;
};

struct sgl_run {
    struct sgl_runtime *rt;
    sgl_module         *module;
    struct engine      *engine;     /* counted, or NULL */
    struct arena        arena;      /* copies of what the config pointed to */
    struct run_opts     opts;
    uint32_t            func;
    bool                stream, values;
    struct run_extern  *ext;
    uint32_t            n_ext, cap_ext;
    struct run         *run;        /* NULL before the start */

    /* The event handed out last. */
    struct run_event    event;
    bool                has_event;
    sgl_value          *value;
    struct str          text, name, kind, json;
    char                branch[16];

    /* Set by the host, called by the machine's threads. */
    pthread_mutex_t     wake_lock;
    void              (*wake)(void *ctx);
    void               *wake_ctx;
};

/* ---- making ---- */

void sgl_run_config_init(sgl_run_config *config)
{
    memset(config, 0, sizeof *config);
    config->struct_size = sizeof *config;
}

static void on_wake(void *ctx)
{
    struct sgl_run *r = ctx;
    pthread_mutex_lock(&r->wake_lock);
    if (r->wake)
        r->wake(r->wake_ctx);
    pthread_mutex_unlock(&r->wake_lock);
}

static const char *const *copy_texts(struct arena *a, const char *const *text, size_t n,
                                     uint32_t *ret_n)
{
    const char **own = arena_array(a, n, sizeof *own);
    for (size_t i = 0; own && i < n; i++)
        own[i] = arena_strdup(a, slice_of(text[i]));
    *ret_n = (uint32_t)n;
    return (const char *const *)own;
}

/* "name=value" in two; false without the sign. */
static bool split(struct arena *a, const char *text, struct slice *ret_name,
                  struct slice *ret_value)
{
    const char *equals = strchr(text, '=');
    if (!equals)
        return false;
    *ret_name = arena_slice(a, (struct slice){ text, (size_t)(equals - text) });
    *ret_value = arena_slice(a, slice_of(equals + 1));
    return true;
}

static sgl_status take_settings(struct sgl_run *r, const sgl_run_config *c, sgl_error *err)
{
    struct run_setting *set = arena_array(&r->arena, c->n_set, sizeof *set);
    for (size_t i = 0; set && i < c->n_set; i++)
        if (!split(&r->arena, c->set[i], &set[i].name, &set[i].text))
            return api_fail(err, ST_INVALID, "E0701", "\"%s\" is not a setting: name=value",
                            c->set[i]);
    r->opts.set = set;
    r->opts.n_set = (uint32_t)c->n_set;
    return SGL_OK;
}

static sgl_status take_limits(struct sgl_run *r, const sgl_run_config *c, sgl_error *err)
{
    for (size_t i = 0; i < c->n_limits; i++) {
        struct slice name, value;
        char *end = NULL;
        unsigned long long n = 0;
        bool good = split(&r->arena, c->limits[i], &name, &value) && value.ptr && value.len;
        if (good) {
            n = strtoull(value.ptr, &end, 10);
            good = *end == '\0' && n > 0 && value.ptr[0] != '-';
        }
        if (good && slice_is(name, "contexts") && n <= UINT32_MAX)
            r->opts.max_contexts = (uint32_t)n;
        else if (good && slice_is(name, "branches") && n <= UINT32_MAX / 16)
            r->opts.max_branches = (uint32_t)n;
        else if (good && slice_is(name, "depth") && n <= UINT32_MAX)
            r->opts.max_depth = (uint32_t)n;
        else if (good && slice_is(name, "steps"))
            r->opts.max_steps = n;
        else
            return api_fail(err, ST_INVALID, NULL,
                            "\"%s\" is not a limit: contexts=N, branches=N, depth=N or steps=N",
                            c->limits[i]);
    }
    return SGL_OK;
}

static sgl_status take_config(struct sgl_run *r, const sgl_run_config *given, sgl_error *err)
{
    sgl_run_config c;
    sgl_run_config_init(&c);
    api_take_config(&c, sizeof c, given);
    struct run_opts *o = &r->opts;
    o->has_seed = c.has_seed;
    o->seed = c.seed;
    o->budget_tokens = c.budget_tokens;
    o->budget_ms = c.budget_ms;
    o->budget_calls = c.budget_calls;
    o->chunks = c.stream;
    o->names = c.values;
    o->allow_read = copy_texts(&r->arena, c.allow_read, c.n_allow_read, &o->n_allow_read);
    o->allow_write = copy_texts(&r->arena, c.allow_write, c.n_allow_write, &o->n_allow_write);
    o->allow_run = copy_texts(&r->arena, c.allow_run, c.n_allow_run, &o->n_allow_run);
    sgl_status st = take_settings(r, &c, err);
    if (st == SGL_OK)
        st = take_limits(r, &c, err);
    if (st == SGL_OK && r->arena.failed)
        st = api_nomem(err);
    for (size_t i = 0; i < c.n_libraries && st == SGL_OK; i++)
        st = api_bind_library(r, r->module->m, c.libraries[i], err);
    return st;
}

sgl_status api_run_new(sgl_runtime *rt, sgl_module *module, uint32_t func, sgl_engine *engine,
                       struct run_env *env, const sgl_run_config *config, sgl_run **ret,
                       sgl_error *err)
{
    struct sgl_run *r = mem_zalloc(sizeof *r);
    if (!r)
        return api_nomem(err);
    r->rt = rt;
    r->module = sgl_module_ref(module);
    r->engine = engine ? engine_ref(engine->e) : NULL;
    r->func = func;
    pthread_mutex_init(&r->wake_lock, NULL);
    run_opts_init(&r->opts);
    r->opts.module = module->m;
    r->opts.engine = r->engine;
    r->opts.func = func;
    r->opts.env = env;
    r->opts.wake = on_wake;
    r->opts.wake_ctx = r;
    r->opts.args = value_null();
    sgl_status st = take_config(r, config, err);
    if (st == SGL_OK && value_map(&r->opts.args) != ST_OK)
        st = api_nomem(err);
    if (st != SGL_OK) {
        sgl_run_free(r);
        return st;
    }
    *ret = r;
    return SGL_OK;
}

/* Tests are named like functions and found among what a host can name. */
static uint32_t find_func(const sgl_module *module, const char *name)
{
    if (!name)
        return module->m->main_func;
    for (uint32_t i = 0; i < module->n_func; i++)
        if (strcmp(module->func[i].info.name, name) == 0)
            return module->func[i].func;
    return BC_NO_INDEX;
}

sgl_status sgl_run_new(sgl_runtime *rt, sgl_module *module, const char *function,
                       sgl_engine *engine, const sgl_run_config *config, sgl_run **ret,
                       sgl_error *err)
{
    uint32_t func = find_func(module, function);
    if (func == BC_NO_INDEX && !function)
        return api_fail(err, ST_NOT_FOUND, NULL, "the program has neither statements nor fn main");
    if (func == BC_NO_INDEX)
        return api_fail(err, ST_NOT_FOUND, NULL, "no function \"%s\" in the program", function);
    return api_run_new(rt, module, func, engine, NULL, config, ret, err);
}

sgl_status sgl_run_new_at(sgl_runtime *rt, sgl_module *module, size_t function, sgl_engine *engine,
                          const sgl_run_config *config, sgl_run **ret, sgl_error *err)
{
    if (function >= module->n_func)
        return api_fail(err, ST_NOT_FOUND, NULL, "the program has no function %zu", function);
    return api_run_new(rt, module, module->func[function].func, engine, NULL, config, ret, err);
}

/* ---- arguments and host functions ---- */

static sgl_status started(sgl_error *err)
{
    return api_fail(err, ST_STATE, NULL, "the run has been started");
}

static const struct bc_param *find_param(const struct sgl_run *r, const char *name)
{
    const struct func *f = &r->module->m->func[r->func];
    for (uint32_t i = 0; i < f->n_param; i++)
        if (slice_is(f->param[i].name, name))
            return &f->param[i];
    return NULL;
}

/* Takes v, also when it fails. */
static sgl_status put_arg(struct sgl_run *r, const char *name, struct value v, sgl_error *err)
{
    struct value key;
    if (value_str(slice_of(name), &key) != ST_OK) {
        value_unref(v);
        return api_nomem(err);
    }
    return value_map_put_take(&r->opts.args, key, v) == ST_OK ? SGL_OK : api_nomem(err);
}

sgl_status sgl_run_arg_text(sgl_run *run, const char *name, const char *text, sgl_error *err)
{
    if (run->run)
        return started(err);
    const struct bc_param *p = find_param(run, name);
    if (!p)
        return api_fail(err, ST_NOT_FOUND, "R0104", "no parameter named %s", name);
    struct value v;
    struct error why = { 0 };
    enum status st = run_arg_from_text(run->module->m, p->rtype, slice_of(text), &v, &why);
    if (st != ST_OK) {
        struct error named;
        error_code(&named, st, why.code[0] ? why.code : "R0104", "%s: %s", name, why.text);
        return api_error(st, &named, err);
    }
    return put_arg(run, name, v, err);
}

sgl_status sgl_run_arg_json(sgl_run *run, const char *name, const char *json, sgl_error *err)
{
    if (run->run)
        return started(err);
    if (!find_param(run, name))
        return api_fail(err, ST_NOT_FOUND, "R0104", "no parameter named %s", name);
    struct value v;
    struct error why = { 0 };
    enum status st = value_parse_json(slice_of(json), &v, &why);
    if (st != ST_OK) {
        struct error named;
        error_code(&named, st, "R0104", "%s: %s", name, why.text);
        return api_error(st, &named, err);
    }
    return put_arg(run, name, v, err);
}

/* One call of a host function.  Two hold it: the machine's thread while the host's function runs,
 * and whoever answers; the answer comes once, from any thread. */
struct sgl_host_call {
    struct run_call *call;
    char            *name;
    sgl_value      **arg;
    size_t           n_arg;
    atomic_bool      answered;
    _Atomic uint32_t refs;
};

static void host_call_unref(struct sgl_host_call *c)
{
    if (atomic_fetch_sub(&c->refs, 1) != 1)
        return;
    for (size_t i = 0; i < c->n_arg; i++)
        sgl_value_unref(c->arg[i]);
    mem_free(c->arg);
    mem_free(c->name);
    mem_free(c);
}

/* A copy of the argument that a host may keep and look at from any thread. */
static sgl_value *copy_arg(struct run_call *call, uint32_t i)
{
    struct value v;
    if (value_detach(run_call_arg(call, i), &v) != ST_OK)
        return NULL;
    return api_value_take(v);
}

static struct sgl_host_call *host_call_new(struct run_call *call)
{
    struct slice name = run_call_name(call);
    uint32_t n = run_call_n_arg(call);
    struct sgl_host_call *c = mem_zalloc(sizeof *c);
    if (!c)
        return NULL;
    atomic_init(&c->refs, 2);
    c->call = call;
    c->name = mem_strndup(name.ptr, name.len);
    c->arg = mem_calloc(n ? n : 1, sizeof *c->arg);
    bool good = c->name && c->arg;
    for (uint32_t i = 0; good && i < n; i++) {
        c->arg[i] = copy_arg(call, i);
        good = c->arg[i] != NULL;
        c->n_arg += good;
    }
    if (good)
        return c;
    atomic_store(&c->refs, 1);
    host_call_unref(c);
    return NULL;
}

static void on_extern(void *ctx, struct run_call *call)
{
    struct binding *b = ctx;
    struct sgl_host_call *c = host_call_new(call);
    if (!c) {
        run_call_fail(call, NULL, status_text(ST_NOMEM));
        return;
    }
    sgl_status st = b->fn(b->ctx, c);
    if (st != SGL_PENDING && !atomic_load(&c->answered)) {
        char text[128];
        if (st == SGL_OK)
            snprintf(text, sizeof text, "the host function gave no answer");
        else
            snprintf(text, sizeof text, "the host function failed: %s", sgl_status_text(st));
        sgl_host_fail(c, text);
    }
    host_call_unref(c);
}

sgl_status sgl_run_bind(sgl_run *run, const char *ext, sgl_host_fn fn, void *ctx, sgl_error *err)
{
    if (run->run)
        return started(err);
    const struct module *m = run->module->m;
    bool known = false;
    for (uint32_t i = 0; i < m->n_ext && !known; i++)
        known = slice_is(m->ext[i].name, ext);
    if (!known)
        return api_fail(err, ST_NOT_FOUND, NULL, "the program declares no extern fn %s", ext);
    struct binding *b = arena_zalloc(&run->arena, sizeof *b);
    struct slice name = arena_slice(&run->arena, slice_of(ext));
    struct run_extern *e = array_push(&run->ext, &run->n_ext, &run->cap_ext, sizeof *e);
    if (!b || !name.ptr || !e)
        return api_nomem(err);
    *b = (struct binding){ fn, ctx };
    *e = (struct run_extern){ .name = name, .fn = on_extern, .ctx = b };
    return SGL_OK;
}

const char *sgl_host_name(const sgl_host_call *call)
{
    return call->name;
}

size_t sgl_host_args(const sgl_host_call *call)
{
    return call->n_arg;
}

const sgl_value *sgl_host_arg(const sgl_host_call *call, size_t i)
{
    return i < call->n_arg ? call->arg[i] : NULL;
}

/* True for the one answer that counts. */
static bool take_answer(sgl_host_call *call)
{
    return !atomic_exchange(&call->answered, true);
}

void sgl_host_return(sgl_host_call *call, const char *json)
{
    if (!take_answer(call))
        return;
    struct value v;
    struct error why = { 0 };
    if (value_parse_json(slice_of(json), &v, &why) == ST_OK)
        run_call_answer(call->call, v);
    else
        run_call_fail(call->call, NULL, why.text);
    host_call_unref(call);
}

void sgl_host_return_text(sgl_host_call *call, const char *text, size_t len)
{
    if (!take_answer(call))
        return;
    struct value v;
    struct slice s = { text, len };
    if (!utf8_valid(s))
        run_call_fail(call->call, NULL, "the host's text is not UTF-8");
    else if (value_str(s, &v) != ST_OK)
        run_call_fail(call->call, NULL, "the host's text is too large");
    else
        run_call_answer(call->call, v);
    host_call_unref(call);
}

void sgl_host_fail(sgl_host_call *call, const char *message)
{
    if (!take_answer(call))
        return;
    run_call_fail(call->call, NULL, message);
    host_call_unref(call);
}

/* ---- running ---- */

sgl_status sgl_run_start(sgl_run *run, sgl_error *err)
{
    if (run->run)
        return started(err);
    struct error why = { 0 };
    run->opts.ext = run->ext;
    run->opts.n_ext = run->n_ext;
    if (!run->opts.env)
        api_bind(run->module, run->engine, run->func);
    enum status st = run_start(run->rt->vm, &run->opts, &run->run, &why);
    run->opts.args = value_null();      /* taken, also when the start failed */
    if (st != ST_OK)
        run->run = NULL;
    return api_error(st, &why, err);
}

static const char *as_text(struct str *s)
{
    return s->ptr ? s->ptr : "";
}

static void refill(struct str *s, struct slice text)
{
    str_cut(s, 0);
    str_add_slice(s, text);
}

/* "context: 96 tokens (61 shared, 35 generated); last lines:", without what is zero or, as long as
 * no model has read it, unknown. */
static void context_head(const struct run_failure *f, struct str *out)
{
    if (!f->n_tok) {
        str_adds(out, "\n   | context; last lines:");
        return;
    }
    str_addf(out, "\n   | context: %u token%s", f->n_tok, f->n_tok == 1 ? "" : "s");
    if (f->n_shared)
        str_addf(out, " (%u shared", f->n_shared);
    if (f->n_generated)
        str_addf(out, "%s%u generated", f->n_shared ? ", " : " (", f->n_generated);
    str_adds(out, f->n_shared || f->n_generated ? "); last lines:" : "; last lines:");
}

/* The form of LANGUAGE.md 16.1: code, sentence, place and the last lines of the context. */
static void render_failure(const struct run_failure *f, struct str *out)
{
    if (f->code[0])
        str_addf(out, "error[%s]: ", f->code);
    else
        str_adds(out, "error: ");
    str_add_slice(out, f->message);
    if (f->source) {
        struct place p = source_place(f->source, f->at.off);
        str_addf(out, "\n  --> %s:%u:%u", f->source->name, p.line, p.col);
        if (f->where.len)
            str_addc(out, ' ');
    } else if (f->where.len) {
        str_adds(out, "\n  --> ");
    }
    str_add_slice(out, f->where);
    if (f->context.len)
        context_head(f, out);
    for (struct slice rest = f->context; rest.len;) {
        size_t n = slice_find(rest, SLICE("\n"));
        size_t len = n == SIZE_MAX ? rest.len : n;
        str_adds(out, "\n   |   ");
        str_add(out, rest.ptr, len);
        rest = slice_sub(rest, len + 1, rest.len);
    }
}

static void json_member(struct str *out, const char *name, struct slice text)
{
    str_addf(out, ",\"%s\":", name);
    jsonio_quote(text, out);
}

static void json_value(struct str *out, struct value v)
{
    size_t from = out->len;
    str_adds(out, ",\"value\":");
    size_t at = out->len;
    if (!value_json(v, JSONIO_COMPACT, out)) {
        str_cut(out, at);
        str_adds(out, "null");
    }
    if (out->failed)
        str_cut(out, from);
}

static void fill_failed(struct sgl_run *r, sgl_event *ret)
{
    const struct run_failure *f = r->event.failure;
    str_cut(&r->text, 0);
    render_failure(f, &r->text);
    refill(&r->kind, f->kind);
    ret->error_kind = as_text(&r->kind);
    ret->error.status = (sgl_status)f->status;
    memcpy(ret->error.code, f->code, sizeof ret->error.code);
    ret->error.offset = f->at.off;
    ret->error.length = f->at.len;
    snprintf(ret->error.text, sizeof ret->error.text, "%.*s", (int)f->message.len, f->message.ptr);
    json_member(&r->json, "kind", f->kind);
    json_member(&r->json, "code", slice_of(f->code));
    json_member(&r->json, "message", f->message);
    if (f->source) {
        struct place p = source_place(f->source, f->at.off);
        json_member(&r->json, "file", slice_of(f->source->name));
        str_addf(&r->json, ",\"line\":%u,\"col\":%u", p.line, p.col);
    }
}

static bool public_kind(enum run_event_kind kind, sgl_event_kind *ret, const char **ret_name)
{
    switch (kind) {
    case RUN_PRINT:  *ret = SGL_EV_PRINT;  *ret_name = "print";  return true;
    case RUN_CHUNK:  *ret = SGL_EV_TEXT;   *ret_name = "text";   return true;
    case RUN_ROLLBACK: *ret = SGL_EV_ROLLBACK; *ret_name = "rollback"; return true;
    case RUN_COMMIT: *ret = SGL_EV_COMMIT; *ret_name = "commit"; return true;
    case RUN_VALUE:  *ret = SGL_EV_VALUE;  *ret_name = "value";  return true;
    case RUN_INPUT:  *ret = SGL_EV_INPUT;  *ret_name = "input";  return true;
    case RUN_NOTE:   *ret = SGL_EV_NOTE;   *ret_name = "note";   return true;
    case RUN_DONE:   *ret = SGL_EV_DONE;   *ret_name = "done";   return true;
    case RUN_FAILED: *ret = SGL_EV_FAILED; *ret_name = "failed"; return true;
    default:         return false;      /* bookkeeping of streams that this interface does not show */
    }
}

/* False: an event that hosts do not see. */
static bool fill_event(struct sgl_run *r, sgl_event *ret)
{
    const struct run_event *ev = &r->event;
    const char *label = "";
    memset(ret, 0, sizeof *ret);
    if (!public_kind(ev->kind, &ret->kind, &label))
        return false;

    refill(&r->text, ev->text);
    refill(&r->name, ev->name);
    str_cut(&r->json, 0);
    str_addf(&r->json, "{\"event\":\"%s\"", label);
    r->branch[0] = '\0';
    if (ev->branch >= 0)
        snprintf(r->branch, sizeof r->branch, "%d", (int)ev->branch);
    if (ev->name.len)
        json_member(&r->json, "name", ev->name);
    if (r->branch[0])
        json_member(&r->json, "branch", slice_of(r->branch));

    if (ev->kind == RUN_FAILED) {
        fill_failed(r, ret);
    } else if (ev->kind == RUN_DONE || ev->kind == RUN_VALUE) {
        json_value(&r->json, ev->value);
        r->value = api_value_take(value_ref(ev->value));
        ret->value = r->value;
    } else if (ev->kind == RUN_ROLLBACK) {
        str_addf(&r->json, ",\"bytes\":%llu", (unsigned long long)ev->n_back);
        ret->n_back = ev->n_back;
    } else if (ev->kind != RUN_COMMIT) {
        json_member(&r->json, "text", ev->text);
        if (ev->to_stderr)
            str_adds(&r->json, ",\"to\":\"stderr\"");
    }
    str_addc(&r->json, '}');
    ret->text = as_text(&r->text);
    ret->text_len = r->text.len;
    ret->to_stderr = ev->to_stderr;
    ret->name = as_text(&r->name);
    ret->branch = r->branch;
    ret->json = as_text(&r->json);
    return true;
}

static void drop_event(struct sgl_run *r)
{
    sgl_value_unref(r->value);
    r->value = NULL;
    if (r->has_event)
        run_event_free(&r->event);
    r->has_event = false;
}

sgl_status sgl_run_next(sgl_run *run, int timeout_ms, sgl_event *ret)
{
    if (!run->run)
        return SGL_STATE;
    for (;;) {
        drop_event(run);
        enum status st = run_next(run->run, timeout_ms, &run->event);
        if (st == ST_TIMEOUT)
            return SGL_PENDING;
        if (st != ST_OK)
            return (sgl_status)st;
        run->has_event = true;
        if (fill_event(run, ret))
            return SGL_OK;
    }
}

int sgl_run_fd(sgl_run *run)
{
    return run->run ? run_fd(run->run) : -1;
}

void sgl_run_set_wakeup(sgl_run *run, void (*fn)(void *ctx), void *ctx)
{
    pthread_mutex_lock(&run->wake_lock);
    run->wake = fn;
    run->wake_ctx = ctx;
    pthread_mutex_unlock(&run->wake_lock);
}

void sgl_run_input(sgl_run *run, const char *text, size_t len)
{
    if (run->has_event && run->event.kind == RUN_INPUT)
        run_answer_input(run->run, run->event.request,
                         (struct slice){ text ? text : "", text ? len : 0 },
                         text == NULL);
}

void sgl_run_cancel(sgl_run *run)
{
    if (run->run)
        run_cancel(run->run);
}

void sgl_run_free(sgl_run *run)
{
    if (!run)
        return;
    sgl_run_set_wakeup(run, NULL, NULL);
    drop_event(run);
    run_free(run->run);
    value_unref(run->opts.args);
    engine_unref(run->engine);
    sgl_module_unref(run->module);
    str_free(&run->text);
    str_free(&run->name);
    str_free(&run->kind);
    str_free(&run->json);
    mem_free(run->ext);
    arena_free(&run->arena);
    pthread_mutex_destroy(&run->wake_lock);
    mem_free(run);
}

void sgl_run_get_stats(const sgl_run *run, sgl_run_stats *ret)
{
    memset(ret, 0, sizeof *ret);
    ret->first_token_ms = -1;
    if (!run->run)
        return;
    struct run_stats s;
    run_get_stats(run->run, &s);
    ret->seed = run_seed(run->run);
    ret->prompt_tokens = s.prompt_tokens;
    ret->cached_tokens = s.cached_tokens;
    ret->computed_tokens = s.prompt_tokens > s.cached_tokens ? s.prompt_tokens - s.cached_tokens : 0;
    ret->generated_tokens = s.generated_tokens;
    ret->forced_tokens = s.forced_tokens;
    ret->calls = s.n_gen + s.n_select + s.n_score;
    ret->branches = s.n_branch;
    ret->at_once = s.n_at_once;
    if (s.ttft_ms > 0)
        ret->first_token_ms = s.ttft_ms;
    ret->total_ms = s.wall_ms;
    ret->prefill_ms = s.prefill_ms;
    ret->decode_ms = s.decode_ms;
    ret->no_model = s.no_model;
}
