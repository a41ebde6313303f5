/* api_prompt.c - the prompt loop: entries compiled one by one over one context and its names.
 *
 * Before each entry the names and the environment of the machine are saved, so that undo takes back
 * both.  An entry whose run fails keeps what it did to the context and binds no names. */
#include "runtime/api/api_prompt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"
#include "base/hashmap.h"
#include "base/jsonio.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"

enum { SOURCE_MAX = 64 << 20 };

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
    sgl_library **libs = arena_array(&p->arena, c->n_libraries, sizeof *libs);
    for (size_t i = 0; libs && i < c->n_libraries; i++)
        libs[i] = c->libraries[i];
    c->libraries = libs;

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

static void entry_free(struct prompt_entry *e)
{
    compile_env_free(e->before);
    mem_free(e->text);
    mem_free(e->type);
}

static void forget_entries(sgl_prompt *p)
{
    while (p->n_entry)
        entry_free(&p->entry[--p->n_entry]);
    mem_free(p->entry);
    p->entry = NULL;
    p->cap_entry = 0;
}

/* What the last run has come to: known when the host asks for the next thing. */
static enum status settle(sgl_prompt *p, struct error *err)
{
    struct prompt_entry *e = p->n_entry ? &p->entry[p->n_entry - 1] : NULL;
    if (!e || e->settled)
        return ST_OK;
    e->settled = true;
    e->ok = run_env_ok(p->env);
    if (e->ok)
        return ST_OK;
    struct compile_env *names;
    enum status st = compile_env_copy(e->before, &names, err);
    if (st == ST_OK) {
        compile_env_free(p->names);
        p->names = names;
    }
    return st;
}

void sgl_prompt_free(sgl_prompt *p)
{
    if (!p)
        return;
    if (p->env)
        run_env_free(p->env);
    if (p->names)
        compile_env_free(p->names);
    forget_entries(p);
    mem_free(p->folder);
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

/* ---- files ---- */

static enum status read_in(const char *folder, const char *name, struct str *path, struct str *text,
                           struct error *err)
{
    str_cut(path, 0);
    str_cut(text, 0);
    fs_join(folder, name, path);
    return path->failed ? error_nomem(err) : fs_read(path->ptr, SOURCE_MAX, text, err);
}

/* Files named in entries lie in the current folder or in one that was added; files named in files,
 * beside those. */
static enum status find_file(const sgl_prompt *p, const char *from, const char *name,
                             struct str *path, struct str *text, struct error *err)
{
    struct str beside = { 0 };
    struct error other;
    if (from[0] != '<') {
        fs_dirname(from, &beside);
        enum status st = beside.failed ? error_nomem(err)
                                       : read_in(beside.ptr ? beside.ptr : "", name, path, text,
                                                 err);
        str_free(&beside);
        return st;
    }
    enum status st = read_in("", name, path, text, err);
    for (uint32_t i = 0; i < p->n_folder && st != ST_OK; i++)
        if (read_in(p->folder[i], name, path, text, &other) == ST_OK)
            st = ST_OK;
    return st;
}

static sgl_status load_for_entry(void *ctx, const char *from, const char *name, char **ret_name,
                                 char **ret_text, size_t *ret_len, sgl_error *err)
{
    struct str path = { 0 }, text = { 0 };
    struct error why = { 0 };
    enum status st = find_file(ctx, from, name, &path, &text, &why);
    if (st == ST_OK) {
        *ret_name = sgl_dup(path.ptr, path.len);
        *ret_text = sgl_dup(text.ptr ? text.ptr : "", text.len);
        *ret_len = text.len;
    }
    str_free(&path);
    str_free(&text);
    if (st == ST_OK && (!*ret_name || !*ret_text))
        return api_nomem(err);
    return api_error(st, &why, err);
}

sgl_status sgl_prompt_add_folder(sgl_prompt *p, const char *folder, sgl_error *err)
{
    const char *own = arena_strdup(&p->arena, slice_of(folder));
    const char **to = own ? array_push(&p->folder, &p->n_folder, &p->cap_folder, sizeof *to) : NULL;
    if (!to)
        return api_nomem(err);
    *to = own;
    return SGL_OK;
}

/* ---- entries ---- */

static sgl_status compile_entry(sgl_prompt *p, const char *text, size_t len, bool probe,
                                sgl_module **ret, sgl_diagnostics **ret_diags, sgl_error *err)
{
    char name[32];
    sgl_source source;
    snprintf(name, sizeof name, "<entry %u>", p->n_entry + 1);
    sgl_source_init(&source);
    source.name = name;
    source.text = text;
    source.len = len;
    source.load = load_for_entry;
    source.load_ctx = p;
    return api_compile_entry(&source, p->names, probe, ret, ret_diags, err);
}

static bool has_text_form(enum rtype_kind k)
{
    return k != RT_CONTEXT && k != RT_FN && k != RT_BRANCHES && k != RT_BYTES && k != RT_MARK &&
           k != RT_TOKEN;
}

/* The entry is remembered with what undo needs; its run follows. */
static enum status remember(sgl_prompt *p, const struct module *m, struct slice text,
                            struct compile_env *before, struct error *err)
{
    struct prompt_entry *e = array_push(&p->entry, &p->n_entry, &p->cap_entry, sizeof *e);
    const struct rtype *t = &m->rtype[m->func[m->main_func].result];
    enum rtype_kind kind = t->kind;
    char *own = mem_strndup(text.ptr, text.len), *type = mem_strndup(t->name.ptr, t->name.len);
    if (!e || !own || !type) {
        p->n_entry -= e != NULL;
        mem_free(own);
        mem_free(type);
        return error_nomem(err);
    }
    *e = (struct prompt_entry){ .text = own, .len = text.len, .type = type, .before = before,
                                .value = kind != RT_NULL && kind != RT_NEVER,
                                .prints = has_text_form(kind) };
    enum status st = run_env_save(p->env, err);
    if (st != ST_OK) {
        e->before = NULL;
        entry_free(&p->entry[--p->n_entry]);
    }
    return st;
}

static sgl_status begin(sgl_prompt *p, sgl_module *module, struct slice text,
                        struct compile_env *before, sgl_run **ret_run, sgl_error *err)
{
    struct error why;
    if (module->m->main_func == BC_NO_INDEX) {
        compile_env_free(before);
        return SGL_OK;
    }
    enum status st = remember(p, module->m, text, before, &why);
    if (st != ST_OK) {
        compile_env_free(before);
        return api_error(st, &why, err);
    }
    return api_run_new(p->rt, module, module->m->main_func, p->engine, p->env, &p->config, ret_run,
                       err);
}

sgl_status sgl_prompt_enter(sgl_prompt *p, const char *text, size_t len, bool *ret_incomplete,
                            sgl_run **ret_run, sgl_diagnostics **ret_diags, sgl_error *err)
{
    struct error why;
    bool incomplete = false;
    *ret_incomplete = false;
    *ret_run = NULL;
    if (ret_diags)
        *ret_diags = NULL;
    enum status in = settle(p, &why);
    if (in == ST_OK)
        in = is_incomplete("<entry>", (struct slice){ text, len }, &incomplete, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    if (incomplete) {
        *ret_incomplete = true;
        return SGL_OK;
    }

    struct compile_env *before;
    sgl_module *module = NULL;
    in = compile_env_copy(p->names, &before, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    sgl_status st = compile_entry(p, text, len, false, &module, ret_diags, err);
    if (st != SGL_OK) {
        compile_env_free(before);
        return st;
    }
    st = begin(p, module, (struct slice){ text, len }, before, ret_run, err);
    sgl_module_unref(module);
    return st;
}

sgl_status sgl_prompt_type(sgl_prompt *p, const char *text, size_t len, char **ret_type,
                           sgl_diagnostics **ret_diags, sgl_error *err)
{
    struct error why;
    sgl_module *module = NULL;
    if (ret_diags)
        *ret_diags = NULL;
    enum status in = settle(p, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    sgl_status st = compile_entry(p, text, len, true, &module, ret_diags, err);
    if (st != SGL_OK)
        return st;
    const struct module *m = module->m;
    struct str out = { 0 };
    if (m->main_func == BC_NO_INDEX)
        str_adds(&out, "null");
    else
        str_add_slice(&out, m->rtype[m->func[m->main_func].result].name);
    sgl_module_unref(module);
    return api_take_text(&out, ret_type, NULL, err);
}

sgl_status sgl_prompt_undo(sgl_prompt *p, sgl_error *err)
{
    if (!p->n_entry || !run_env_undo(p->env))
        return api_fail(err, ST_STATE, NULL, "there is nothing to take back");
    struct prompt_entry *e = &p->entry[--p->n_entry];
    compile_env_free(p->names);
    p->names = e->before;
    e->before = NULL;
    entry_free(e);
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
    forget_entries(p);
    run_env_reset(p->env);
    return SGL_OK;
}

static enum status copy_entries(const sgl_prompt *p, sgl_prompt *to, struct error *err)
{
    for (uint32_t i = 0; i < p->n_entry; i++) {
        struct prompt_entry *e = array_push(&to->entry, &to->n_entry, &to->cap_entry, sizeof *e);
        if (!e)
            return error_nomem(err);
        *e = p->entry[i];
        e->before = NULL;
        e->text = mem_strndup(p->entry[i].text, p->entry[i].len);
        e->type = mem_strndup(p->entry[i].type, strlen(p->entry[i].type));
        if (!e->text || !e->type)
            return error_nomem(err);
        enum status st = compile_env_copy(p->entry[i].before, &e->before, err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

sgl_status sgl_prompt_fork(sgl_prompt *p, sgl_prompt **ret, sgl_error *err)
{
    struct error why;
    sgl_prompt *to = NULL;
    enum status in = settle(p, &why);
    if (in != ST_OK)
        return api_error(in, &why, err);
    sgl_status st = sgl_prompt_new(p->rt, p->engine, &p->config, &to, err);
    if (st != SGL_OK)
        return st;
    struct run_env *env = NULL;
    struct compile_env *names = NULL;
    in = run_env_fork(p->env, &env, &why);
    if (in == ST_OK) {
        run_env_free(to->env);
        to->env = env;
        in = compile_env_copy(p->names, &names, &why);
    }
    if (in == ST_OK) {
        compile_env_free(to->names);
        to->names = names;
        in = copy_entries(p, to, &why);
    }
    for (uint32_t i = 0; in == ST_OK && i < p->n_folder; i++)
        if (sgl_prompt_add_folder(to, p->folder[i], NULL) != SGL_OK)
            in = error_nomem(&why);
    if (in != ST_OK) {
        sgl_prompt_free(to);
        return api_error(in, &why, err);
    }
    *ret = to;
    return SGL_OK;
}

size_t sgl_prompt_entries(const sgl_prompt *p)
{
    return p->n_entry;
}

const char *sgl_prompt_value_type(const sgl_prompt *p)
{
    return p->n_entry ? p->entry[p->n_entry - 1].type : "null";
}

sgl_status sgl_prompt_source(sgl_prompt *p, char **ret_text, sgl_error *err)
{
    struct error why;
    struct str out = { 0 };
    enum status st = settle(p, &why);
    if (st == ST_OK)
        st = prompt_source(p, &out, &why);
    if (st != ST_OK) {
        str_free(&out);
        return api_error(st, &why, err);
    }
    return api_take_text(&out, ret_text, NULL, err);
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

/* ---- completion ---- */

struct names {
    struct str     *out;
    struct hashmap  seen;       /* keys are in the arena: what they were read from goes earlier */
    struct arena    arena;
    bool            failed;
};

static void add_name(void *ctx, struct slice name)
{
    struct names *n = ctx;
    uintptr_t had;
    if (!name.len || name.ptr[0] == '_' || hashmap_get(&n->seen, name, &had))
        return;
    struct slice own = arena_slice(&n->arena, name);
    n->failed |= !own.ptr || !hashmap_put(&n->seen, own, 1);
    str_adds(n->out, n->out->len > 1 ? "," : "");
    jsonio_quote(name, n->out);
}

/* Names of the text itself: parameters and the like, which no entry knows yet. */
static enum status text_names(struct slice text, struct names *n, struct error *err)
{
    struct arena arena = { 0 };
    struct source *src = NULL;
    struct lexer lx;
    struct token t;
    enum status st = source_new(&arena, "<entry>", text, &src, err);
    if (st != ST_OK)
        return st;
    lexer_init(&lx, src, NULL);
    do {
        if (!lexer_next(&lx, &t))
            st = error_nomem(err);
        else if (t.code == TK_NAME)
            add_name(n, slice_sub(src->text, t.at.off, t.at.len));
    } while (st == ST_OK && t.code);
    lexer_free(&lx);
    arena_free(&arena);
    return st;
}

static enum status expected_words(struct slice text, struct names *n, struct error *err)
{
    struct arena arena = { 0 };
    struct source *src = NULL;
    const char **name = NULL;
    uint32_t n_name = 0;
    enum status st = source_new(&arena, "<entry>", text, &src, err);
    if (st == ST_OK)
        st = parse_expected(&arena, src, &name, &n_name, err);
    for (uint32_t i = 0; st == ST_OK && i < n_name; i++)
        add_name(n, slice_of(name[i]));
    arena_free(&arena);
    return st;
}

static bool is_word(char c)
{
    return c == '_' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

sgl_status sgl_prompt_complete(sgl_prompt *p, const char *text, size_t len, char **ret_json)
{
    struct error why;
    struct str out = { 0 };
    struct names n = { .out = &out };
    while (len > 0 && is_word(text[len - 1]))
        len--;          /* the word that is to be completed */
    struct slice before = { text, len };
    bool member = len > 0 && text[len - 1] == '.';
    str_addc(&out, '[');
    enum status st = member ? ST_OK : expected_words(before, &n, &why);
    if (st == ST_OK && !member)
        st = text_names(before, &n, &why);
    if (st == ST_OK)
        st = compile_env_names(p->names, member, add_name, &n);
    str_addc(&out, ']');
    hashmap_free(&n.seen);
    arena_free(&n.arena);
    if (st == ST_OK && n.failed)
        st = ST_NOMEM;
    if (st != ST_OK) {
        str_free(&out);
        return (sgl_status)st;
    }
    return api_take_text(&out, ret_json, NULL, NULL);
}
