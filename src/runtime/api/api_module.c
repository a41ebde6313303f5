/* api_module.c - source text to a module, its functions and dumps; diagnostics. */
#include "runtime/api/api_int.h"

#include <stdatomic.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "compiler/artifact.h"
#include "frontend/explain.h"
#include "frontend/format.h"
#include "runtime/tokenizer/tokenizer.h"

enum { SOURCE_MAX = 64 << 20 };

/* ---- loading ---- */

/* Files beside the one that names them. */
static enum status load_file(void *ctx, struct arena *arena, const char *from, struct slice name,
                             const char **ret_name, struct slice *ret_text, struct error *err)
{
    (void)ctx;
    struct str path = { 0 }, text = { 0 };
    char *own = arena_strdup(arena, name);
    fs_dirname(from, &path);
    if (path.ptr && strcmp(path.ptr, ".") == 0)
        str_cut(&path, 0);
    if (own && !path.failed)
        fs_join(path.ptr ? path.ptr : "", own, &path);
    enum status st = ST_OK;
    if (!own || path.failed)
        st = error_nomem(err);
    else
        st = fs_read(path.ptr, SOURCE_MAX, &text, err);
    if (st == ST_OK) {
        *ret_name = arena_strdup(arena, str_slice(&path));
        *ret_text = arena_slice(arena, str_slice(&text));
        if (arena->failed)
            st = error_nomem(err);
    }
    str_free(&path);
    str_free(&text);
    return st;
}

struct host_loader {
    sgl_load_fn load;
    void       *ctx;
};

static enum status load_by_host(void *ctx, struct arena *arena, const char *from, struct slice name,
                                const char **ret_name, struct slice *ret_text, struct error *err)
{
    struct host_loader *host = ctx;
    char *file = arena_strdup(arena, name);
    char *found = NULL, *text = NULL;
    size_t len = 0;
    sgl_error why = { 0 };
    if (!file)
        return error_nomem(err);
    sgl_status st = host->load(host->ctx, from, file, &found, &text, &len, &why);
    if (st != SGL_OK)
        return error_set(err, (enum status)st, "%s", why.text[0] ? why.text : sgl_status_text(st));
    *ret_name = arena_strdup(arena, slice_of(found ? found : file));
    *ret_text = arena_slice(arena, (struct slice){ text ? text : "", text ? len : 0 });
    mem_free(found);
    mem_free(text);
    return arena->failed ? error_nomem(err) : ST_OK;
}

/* ---- compiling ---- */

void sgl_source_init(sgl_source *source)
{
    memset(source, 0, sizeof *source);
    source->struct_size = sizeof *source;
}

/* What a host can name: functions of the main file, the script, tests. */
static bool is_public(const struct module *m, uint32_t i)
{
    uint32_t flags = m->func[i].flags;
    return i == m->main_func || (flags & (FUNC_EXPORTED | FUNC_SCRIPT | FUNC_TEST | FUNC_EVAL));
}

static const char *type_name(struct arena *a, const struct module *m, uint32_t rtype)
{
    return rtype < m->n_rtype ? arena_strdup(a, m->rtype[rtype].name) : "";
}

static void describe(struct arena *a, const struct module *m, uint32_t i, struct api_func *ret)
{
    const struct func *f = &m->func[i];
    ret->func = i;
    ret->param = arena_array(a, f->n_param, sizeof *ret->param);
    ret->info = (sgl_function){
        .name = arena_strdup(a, f->name),
        .result = type_name(a, m, f->result),
        .doc = arena_strdup(a, f->doc),
        .n_params = f->n_param,
        .is_main = i == m->main_func && !(f->flags & FUNC_SCRIPT),
        .is_script = (f->flags & FUNC_SCRIPT) != 0,
        .is_test = (f->flags & FUNC_TEST) != 0,
        .is_eval = (f->flags & FUNC_EVAL) != 0,
        .line = f->source ? source_place(f->source, f->at.off).line : 0,
        .runs = f->runs,
        .pass = f->pass,
        .seed = f->seed,
        .timeout_ms = f->timeout_ms,
    };
    for (uint32_t k = 0; ret->param && k < f->n_param; k++) {
        const struct bc_param *p = &f->param[k];
        ret->param[k] = (sgl_param){
            .name = arena_strdup(a, p->name),
            .type = type_name(a, m, p->rtype),
            .doc = arena_strdup(a, p->doc),
            .required = p->fallback == BC_NO_INDEX,
            .is_bool = p->rtype < m->n_rtype && m->rtype[p->rtype].kind == RT_BOOL,
        };
    }
}

static sgl_module *module_handle(struct module *m)
{
    sgl_module *h = mem_zalloc(sizeof *h);
    if (!h) {
        module_unref(m);
        return NULL;
    }
    atomic_init(&h->refs, 1);
    h->m = m;
    h->pins = api_pins_new();
    h->func = arena_array(&h->arena, m->n_func, sizeof *h->func);
    for (uint32_t i = 0; h->func && i < m->n_func; i++)
        if (is_public(m, i))
            describe(&h->arena, m, i, &h->func[h->n_func++]);
    if (h->arena.failed) {
        sgl_module_unref(h);
        return NULL;
    }
    return h;
}

static enum status read_source(const sgl_source *s, struct str *file, struct slice *ret,
                               struct error *err)
{
    if (s->text) {
        *ret = (struct slice){ s->text, s->len };
        return ST_OK;
    }
    struct error why;
    enum status st = fs_read(s->name ? s->name : "-", SOURCE_MAX, file, &why);
    if (st != ST_OK)
        return error_code(err, st, "R0101", "%s", why.text);
    *ret = str_slice(file);
    return ST_OK;
}

static uint32_t count_tokens(void *ctx, struct slice text)
{
    struct token_list ids = { 0 };
    struct error err;
    uint32_t n = engine_encode(ctx, text, false, &ids, &err) == ST_OK ? ids.n : UINT32_MAX;
    token_list_free(&ids);
    return n;
}

static uint32_t count_markup(struct engine *e, struct slice text)
{
    struct token_list ids = { 0 };
    struct error err;
    uint32_t n = engine_encode(e, text, true, &ids, &err) == ST_OK ? ids.n : (uint32_t)text.len;
    token_list_free(&ids);
    return n;
}

static struct token_counter counter_of(struct engine *e)
{
    struct token_counter k = { .count = count_tokens, .ctx = e, .model = engine_info(e)->model };
    for (int i = 0; i < PLAN_N_ROLE; i++) {
        struct slice open, close;
        if (engine_role_text(e, (enum plan_role)i, &open, &close))
            k.turn[i] = count_markup(e, open) + count_markup(e, close);
    }
    return k;
}

static enum status check_passes(const sgl_source *s, struct error *err)
{
    struct str names = { 0 };
    for (size_t i = 0; i < s->n_no_opt; i++) {
        if (pass_known(s->no_opt[i]))
            continue;
        for (uint32_t k = 0; pass_name(k); k++)
            str_addf(&names, "%s%s", k ? ", " : "", pass_name(k));
        error_set(err, ST_INVALID, "no pass is called `%s`: all, %s", s->no_opt[i],
                  names.ptr ? names.ptr : "");
        str_free(&names);
        return ST_INVALID;
    }
    return ST_OK;
}

/* `files` (may be NULL) learns what the compiler read; ret_text (with it) the main file. */
static sgl_status compile(const sgl_source *source, struct compile_env *env, bool probe,
                          struct file_recorder *files, struct str *ret_text, sgl_module **ret,
                          sgl_diagnostics **ret_diags, sgl_error *err)
{
    sgl_source s;
    sgl_source_init(&s);
    api_take_config(&s, sizeof s, source);
    if (ret_diags)
        *ret_diags = NULL;
    for (size_t i = 0; i < s.n_no_opt; i++)
        if (!pass_known(s.no_opt[i]))
            return api_fail(err, ST_INVALID, NULL, "there is no pass \"%s\" to leave out",
                            s.no_opt[i]);
    struct host_loader host = { s.load, s.load_ctx };
    struct compile_opts opts = {
        .name = s.name ? s.name : "<stdin>",
        .loader = { s.load ? load_by_host : load_file, s.load ? &host : NULL },
        .env = env,
        .probe = probe,
        .no_opt = s.no_opt,
        .n_no_opt = (uint32_t)s.n_no_opt,
        .keep_ir = s.keep_ir,
        .cost = s.cost,
        .deny = s.deny_warnings,
    };
    struct error why = { 0 };
    struct str file = { 0 }, ir = { 0 }, cost = { 0 };
    opts.ret_cost = s.cost ? &cost : NULL;
    struct token_counter counter;
    if (s.cost && s.engine) {
        counter = counter_of(s.engine->e);
        opts.counter = &counter;
    }
    struct module *m = NULL;
    sgl_module *handle = NULL;
    sgl_diagnostics *diags = mem_zalloc(sizeof *diags);
    if (!diags)
        return api_nomem(err);
    diag_list_init(&diags->list, &diags->arena);
    if (files) {
        files->inner = opts.loader;
        opts.loader = (struct loader){ recorder_load, files };
    }

    enum status st = check_passes(&s, &why);
    if (st == ST_OK)
        st = read_source(&s, &file, &opts.text, &why);
    bool built = st == ST_OK && artifact_is(opts.text);
    if (built && files)
        st = error_set(&why, ST_INVALID, "%s is built already", opts.name);
    else if (built)
        st = api_artifact_open(&opts, &diags->list, &m, s.keep_ir ? &ir : NULL, &why);
    else if (st == ST_OK)
        st = compile_module(&opts, &diags->list, &m, s.keep_ir ? &ir : NULL, &why);
    if (st == ST_OK && files)
        str_add_slice(ret_text, opts.text);
    if (st == ST_OK) {
        handle = module_handle(m);
        if (!handle)
            st = error_nomem(&why);
    } else if (st == ST_FAILED && !why.text[0]) {
        error_set(&why, st, "%s: %u error%s", opts.name, diags->list.n_error,
                  diags->list.n_error == 1 ? "" : "s");
    }
    str_free(&file);
    if (handle) {
        handle->ir = ir;
        handle->cost = cost;
    } else {
        str_free(&ir);
        str_free(&cost);
    }
    if (ret_diags)
        *ret_diags = diags;
    else
        sgl_diagnostics_free(diags);
    if (st == ST_OK)
        *ret = handle;
    return api_error(st, &why, err);
}

sgl_status api_compile_entry(const sgl_source *source, struct compile_env *env, bool probe,
                             sgl_module **ret,
                             sgl_diagnostics **ret_diags, sgl_error *err)
{
    return compile(source, env, probe, NULL, NULL, ret, ret_diags, err);
}

sgl_status api_compile_recorded(const sgl_source *source, struct file_recorder *files,
                                struct str *ret_text,
                                sgl_module **ret, sgl_diagnostics **ret_diags, sgl_error *err)
{
    return compile(source, NULL, false, files, ret_text, ret, ret_diags, err);
}

sgl_status sgl_module_compile(sgl_runtime *rt, const sgl_source *source, sgl_module **ret,
                              sgl_diagnostics **ret_diags, sgl_error *err)
{
    (void)rt;
    return compile(source, NULL, false, NULL, NULL, ret, ret_diags, err);
}

sgl_module *sgl_module_ref(sgl_module *module)
{
    atomic_fetch_add(&module->refs, 1);
    return module;
}

void sgl_module_unref(sgl_module *module)
{
    if (!module || atomic_fetch_sub(&module->refs, 1) != 1)
        return;
    api_pins_free(module->pins);
    module_unref(module->m);
    arena_free(&module->arena);
    str_free(&module->ir);
    str_free(&module->cost);
    mem_free(module);
}

/* ---- functions ---- */

size_t sgl_module_functions(const sgl_module *module)
{
    return module->n_func;
}

void sgl_module_function(const sgl_module *module, size_t i, sgl_function *ret)
{
    memset(ret, 0, sizeof *ret);
    if (i < module->n_func)
        *ret = module->func[i].info;
}

void sgl_module_param(const sgl_module *module, size_t function, size_t i, sgl_param *ret)
{
    memset(ret, 0, sizeof *ret);
    if (function < module->n_func && i < module->func[function].info.n_params)
        *ret = module->func[function].param[i];
}

bool sgl_module_runnable(const sgl_module *module)
{
    return module->m->main_func != BC_NO_INDEX;
}

bool sgl_module_needs_model(const sgl_module *module)
{
    return module->m->n_gen > 0;
}

/* ---- texts ---- */

sgl_status sgl_format(const char *text, size_t len, char **ret_text, size_t *ret_len,
                      sgl_error *err)
{
    struct str out = { 0 };
    struct error why;
    enum status st = format_source((struct slice){ text, len }, &out, &why);
    if (st != ST_OK) {
        str_free(&out);
        return api_error(st, &why, err);
    }
    return api_take_text(&out, ret_text, ret_len, err);
}

sgl_status sgl_explain(const char *code, char **ret_text, sgl_error *err)
{
    struct str out = { 0 };
    struct error why;
    enum status st = ST_OK;
    if (code)
        st = explain_code(code, &out, &why);
    else
        explain_list(&out);
    if (st != ST_OK) {
        str_free(&out);
        return api_error(st, &why, err);
    }
    return api_take_text(&out, ret_text, NULL, err);
}

/* ---- diagnostics ---- */

size_t sgl_diagnostics_count(const sgl_diagnostics *d, sgl_severity severity)
{
    size_t n = 0;
    for (uint32_t i = 0; i < d->list.n; i++)
        n += (int)d->list.at[i]->severity == (int)severity;
    return n;
}

size_t sgl_diagnostics_total(const sgl_diagnostics *d)
{
    return d->list.n;
}

void sgl_diagnostics_get(const sgl_diagnostics *d, size_t i, sgl_diagnostic *ret)
{
    memset(ret, 0, sizeof *ret);
    if (i >= d->list.n)
        return;
    const struct diag *x = d->list.at[i];
    ret->severity = (sgl_severity)x->severity;
    ret->code = x->code;
    ret->message = x->message;
    ret->file = x->source ? x->source->name : "";
    if (!x->source)
        return;
    struct place from = source_place(x->source, x->at.off);
    struct place to = source_place(x->source, x->at.off + x->at.len);
    ret->line = from.line;
    ret->col = from.col;
    ret->end_line = to.line;
    ret->end_col = to.col;
}

sgl_status sgl_diagnostics_render(const sgl_diagnostics *d, size_t i, sgl_render how,
                                  char **ret_text)
{
    if (i >= d->list.n)
        return SGL_INVALID;
    struct str out = { 0 };
    if (how == SGL_RENDER_JSON)
        diag_render_json(d->list.at[i], &out);
    else
        diag_render(d->list.at[i], how == SGL_RENDER_COLOR, &out);
    if (out.len && out.ptr[out.len - 1] == '\n')
        str_cut(&out, out.len - 1);
    return api_take_text(&out, ret_text, NULL, NULL);
}

void sgl_diagnostics_free(sgl_diagnostics *d)
{
    if (!d)
        return;
    diag_list_free(&d->list);
    arena_free(&d->arena);
    mem_free(d);
}
