/* api_prompt.c - the prompt loop: entries compiled one by one over one context and its names. */
#include "runtime/api/api_int.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "frontend/parser.h"

struct sgl_prompt {
    struct sgl_runtime *rt;
    struct sgl_engine  *engine;         /* counted, or NULL */
    struct run_env     *env;
    struct compile_env *names;
    struct arena        arena;          /* texts of the config and of :set */
    sgl_run_config      config;
    uint32_t            n_entry;
};

static const char *const *copy_list(struct arena *a, const char *const *text, size_t n)
{
    const char **own = arena_array(a, n, sizeof *own);
    for (size_t i = 0; own && i < n; i++)
        own[i] = arena_strdup(a, slice_of(text[i]));
    return (const char *const *)own;
}

sgl_status sgl_prompt_new(sgl_runtime *rt, sgl_engine *engine, const sgl_run_config *config,
                          sgl_prompt **ret, sgl_error *err)
{
    struct error why;
    struct sgl_prompt *p = mem_zalloc(sizeof *p);
    if (!p)
        return api_nomem(err);
    p->rt = rt;
    p->engine = engine ? sgl_engine_ref(engine) : NULL;
    sgl_run_config_init(&p->config);
    api_take_config(&p->config, sizeof p->config, config);
    sgl_run_config *c = &p->config;
    c->set = copy_list(&p->arena, c->set, c->n_set);
    c->allow_read = copy_list(&p->arena, c->allow_read, c->n_allow_read);
    c->allow_write = copy_list(&p->arena, c->allow_write, c->n_allow_write);
    c->allow_run = copy_list(&p->arena, c->allow_run, c->n_allow_run);
    c->limits = copy_list(&p->arena, c->limits, c->n_limits);

    enum status st = p->arena.failed ? error_nomem(&why) : ST_OK;
    if (st == ST_OK)
        st = run_env_new(engine ? engine->e : NULL, &p->env, &why);
    if (st == ST_OK)
        st = compile_env_new(&p->names, &why);
    if (st != ST_OK) {
        sgl_prompt_free(p);
        return api_error(st, &why, err);
    }
    *ret = p;
    return SGL_OK;
}

void sgl_prompt_free(sgl_prompt *p)
{
    if (!p)
        return;
    if (p->env)
        run_env_free(p->env);
    if (p->names)
        compile_env_free(p->names);
    sgl_engine_unref(p->engine);
    arena_free(&p->arena);
    mem_free(p);
}

/* Whether the text ends where the grammar wants more. */
static enum status is_incomplete(const char *name, struct slice text, bool *ret, struct error *err)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct source *src = NULL;
    struct parse_result parsed = { 0 };
    diag_list_init(&diags, &arena);
    enum status st = source_new(&arena, name, text, &src, err);
    if (st == ST_OK)
        st = parse_module(&arena, src, &diags, &parsed, err);
    *ret = parsed.incomplete;
    diag_list_free(&diags);
    arena_free(&arena);
    return st;
}

sgl_status sgl_prompt_enter(sgl_prompt *p, const char *text, size_t len, bool *ret_incomplete,
                            sgl_run **ret_run, sgl_diagnostics **ret_diags, sgl_error *err)
{
    struct error why;
    char name[32];
    bool incomplete = false;
    *ret_incomplete = false;
    *ret_run = NULL;
    if (ret_diags)
        *ret_diags = NULL;
    snprintf(name, sizeof name, "<entry %u>", p->n_entry + 1);
    enum status in = is_incomplete(name, (struct slice){ text, len }, &incomplete, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    if (incomplete) {
        *ret_incomplete = true;
        return SGL_OK;
    }

    sgl_source source;
    sgl_module *module = NULL;
    sgl_source_init(&source);
    source.name = name;
    source.text = text;
    source.len = len;
    sgl_status st = api_compile(&source, p->names, &module, ret_diags, err);
    if (st != SGL_OK)
        return st;
    if (module->m->main_func != BC_NO_INDEX) {
        in = run_env_save(p->env, &why);
        if (in != ST_OK)
            st = api_error(in, &why, err);
        else
            st = api_run_new(p->rt, module, module->m->main_func, p->engine, p->env, &p->config,
                             ret_run, err);
    }
    p->n_entry++;
    sgl_module_unref(module);
    return st;
}

sgl_status sgl_prompt_undo(sgl_prompt *p, sgl_error *err)
{
    if (!run_env_undo(p->env))
        return api_fail(err, ST_STATE, NULL, "there is nothing to take back");
    return SGL_OK;
}

sgl_status sgl_prompt_reset(sgl_prompt *p, sgl_error *err)
{
    struct error why;
    struct compile_env *names = NULL;
    enum status st = compile_env_new(&names, &why);
    if (st != ST_OK)
        return api_error(st, &why, err);
    compile_env_free(p->names);
    p->names = names;
    run_env_reset(p->env);
    return SGL_OK;
}

sgl_status sgl_prompt_text(sgl_prompt *p, char **ret_text, sgl_error *err)
{
    struct str text = { 0 };
    run_env_prompt(p->env, true, &text);
    return api_take_text(&text, ret_text, NULL, err);
}

uint32_t sgl_prompt_tokens(sgl_prompt *p)
{
    struct str pieces = { 0 };
    struct error why;
    uint32_t n = 0;
    if (run_env_tokens(p->env, &pieces, &n, &why) != ST_OK)
        n = 0;
    str_free(&pieces);
    return n;
}

static sgl_status set_seed(sgl_prompt *p, const char *text, sgl_error *err)
{
    char *end = NULL;
    uint64_t seed = strtoull(text, &end, 10);
    if (!*text || *end || text[0] == '-')
        return api_fail(err, ST_INVALID, "E0702", "\"%s\" is not a seed", text);
    p->config.has_seed = true;
    p->config.seed = seed;
    return SGL_OK;
}

/* Later settings of a name win, so the list only grows. */
sgl_status sgl_prompt_set(sgl_prompt *p, const char *setting, sgl_error *err)
{
    if (strncmp(setting, "seed=", 5) == 0)
        return set_seed(p, setting + 5, err);
    if (!strchr(setting, '='))
        return api_fail(err, ST_INVALID, "E0701", "\"%s\" is not a setting: name=value", setting);
    size_t n = p->config.n_set;
    const char **set = arena_array(&p->arena, n + 1, sizeof *set);
    char *own = arena_strdup(&p->arena, slice_of(setting));
    if (!set || !own)
        return api_nomem(err);
    for (size_t i = 0; i < n; i++)
        set[i] = p->config.set[i];
    set[n] = own;
    p->config.set = set;
    p->config.n_set = n + 1;
    return SGL_OK;
}

sgl_status sgl_prompt_complete(sgl_prompt *p, const char *text, size_t len, char **ret_json)
{
    (void)p;
    struct arena arena = { 0 };
    struct source *src = NULL;
    struct error why;
    const char **name = NULL;
    uint32_t n = 0;
    struct str out = { 0 };
    enum status st = source_new(&arena, "<entry>", (struct slice){ text, len }, &src, &why);
    if (st == ST_OK)
        st = parse_expected(&arena, src, &name, &n, &why);
    str_addc(&out, '[');
    for (uint32_t i = 0; st == ST_OK && i < n; i++) {
        str_adds(&out, i ? "," : "");
        jsonio_quote(slice_of(name[i]), &out);
    }
    str_addc(&out, ']');
    arena_free(&arena);
    if (st != ST_OK) {
        str_free(&out);
        return (sgl_status)st;
    }
    return api_take_text(&out, ret_json, NULL, NULL);
}
