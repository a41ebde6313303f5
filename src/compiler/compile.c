/* compile.c - the driver: load, check and lower, passes, verify, emit, freeze. */
#include "compiler/compile.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/bounds.h"
#include "compiler/pass.h"
#include "frontend/allow.h"

/* ---- memory and messages of a compilation ---- */

void comp_nomem(struct comp *c)
{
    longjmp(c->oom, 1);
}

void *comp_alloc(struct comp *c, size_t size)
{
    void *p = arena_zalloc(&c->arena, size ? size : 1);
    if (!p)
        comp_nomem(c);
    return p;
}

void *comp_push(struct comp *c, void *data_ptr, uint32_t *n, uint32_t *cap, size_t size)
{
    void *p = array_push(data_ptr, n, cap, size);
    if (!p)
        comp_nomem(c);
    return p;
}

struct slice comp_slice(struct comp *c, struct slice s)
{
    struct slice r = arena_slice(&c->m->arena, s);
    if (!r.ptr)
        comp_nomem(c);
    return r;
}

struct slice comp_printf(struct comp *c, const char *fmt, ...)
{
    struct str s = { 0 };
    va_list ap;
    va_start(ap, fmt);
    str_addv(&s, fmt, ap);
    va_end(ap);
    struct slice r = comp_slice(c, str_slice(&s));
    str_free(&s);
    return r;
}

const char *comp_type_text(struct comp *c, const struct type *t)
{
    struct str s = { 0 };
    type_text(t, &s);
    char *r = arena_strdup(&c->arena, str_slice(&s));
    str_free(&s);
    if (!r)
        comp_nomem(c);
    return r;
}

static struct diag *add_diag(struct comp *c, const struct mod *m, const char *code, struct span at,
                             const char *fmt, va_list ap)
{
    bool warning = code[0] == 'W';
    if (c->quiet || (warning && m->is_std))
        return NULL;
    char text[512];
    vsnprintf(text, sizeof text, fmt, ap);
    return diag_add(c->diags, code, m->source, at, "%s", text);
}

struct diag *comp_diag(struct comp *c, const struct mod *m, const char *code, struct span at,
                       const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct diag *d = add_diag(c, m, code, at, fmt, ap);
    va_end(ap);
    return d;
}

struct diag *low_diag(struct low *l, const char *code, struct span at, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct diag *d = add_diag(l->c, l->mod, code, at, fmt, ap);
    va_end(ap);
    return d;
}

/* ---- the environment of a prompt loop ---- */

enum status compile_env_new(struct compile_env **ret, struct error *err)
{
    struct compile_env *env = mem_zalloc(sizeof *env);
    if (!env)
        return error_nomem(err);
    *ret = env;
    return ST_OK;
}

void compile_env_free(struct compile_env *env)
{
    if (!env)
        return;
    arena_free(&env->arena);
    mem_free(env->name);
    str_free(&env->decls);
    mem_free(env);
}

static bool is_decl(const struct node *n)
{
    return n->kind >= AST_DECL_IMPORT;
}

/* What the entry declared and bound is there for the next one. */
static void env_learn(struct comp *c)
{
    struct compile_env *env = c->opts->env;
    for (uint32_t i = 0; i < c->n_new_name; i++) {
        struct env_name *from = &c->new_name[i], *to = NULL;
        for (uint32_t k = 0; k < env->n && !to; k++)
            if (slice_eq(env->name[k].name, from->name))
                to = &env->name[k];
        if (!to)
            to = array_push(&env->name, &env->n, &env->cap, sizeof *to);
        if (!to)
            comp_nomem(c);
        *to = *from;
        to->name = arena_slice(&env->arena, from->name);
        to->type_text = arena_slice(&env->arena, from->type_text);
    }
    env->n_slot = c->env_slots;
    const struct node_list *list = &c->main_mod->ast->u.list;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct node *n = list->at[i];
        if (!is_decl(n))
            continue;
        uint32_t from = n->span.off;
        for (uint32_t a = 0; a < n->u.decl->n_annot; a++)
            if (n->u.decl->annot[a].at.off < from)
                from = n->u.decl->annot[a].at.off;
        uint32_t end = n->span.off + n->span.len;
        str_add_slice(&env->decls, slice_sub(c->main_mod->source->text, from, end - from));
        str_addc(&env->decls, '\n');
    }
}

/* ---- freezing ---- */

static void *freeze(struct comp *c, const void *data, uint32_t n, size_t size)
{
    void *p = n ? arena_dup(&c->m->arena, data, n * size) : NULL;
    if (n && !p)
        comp_nomem(c);
    return p;
}

static void freeze_sources(struct comp *c)
{
    struct module *m = c->m;
    const struct source **list = arena_array(&m->arena, c->n_mod + 1, sizeof *list);
    if (!list)
        comp_nomem(c);
    uint64_t seed = 0;
    struct hash128 h = { 0, 0 };
    /* the main file comes first, whatever was read before it */
    for (uint32_t i = c->main_mod->index; i > 0; i--) {
        c->mod[i] = c->mod[i - 1];
        c->mod[i]->index = i;
    }
    c->mod[0] = c->main_mod;
    c->main_mod->index = 0;
    for (uint32_t i = 0; i < c->n_mod; i++) {
        const struct source *s = c->mod[i]->source;
        struct source *copy;
        struct error err;
        if (source_new(&m->arena, s->name, s->text, &copy, &err) != ST_OK)
            comp_nomem(c);
        list[i] = copy;
        h = hash128_seeded(s->text.ptr, s->text.len, seed);
        seed = hash_combine(h.lo, h.hi);
    }
    m->source = list;
    m->n_source = c->n_mod;
    m->hash = h;
}

static const struct source *frozen_source(struct comp *c, const struct source *s)
{
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (c->mod[i]->source == s)
            return c->m->source[i];
    return c->m->source[0];
}

static void freeze_module(struct comp *c)
{
    struct module *m = c->m;
    freeze_sources(c);
    struct func *func = arena_array(&m->arena, c->n_func + 1, sizeof *func);
    if (!func)
        comp_nomem(c);
    for (uint32_t i = 0; i < c->n_func; i++) {
        func[i] = c->func[i]->out;
        func[i].source = frozen_source(c, func[i].source);
    }
    for (uint32_t i = 0; i < c->n_ext; i++)
        c->ext[i].source = frozen_source(c, c->ext[i].source);
    m->func = func;
    m->n_func = c->n_func;
#define FREEZE(x) m->x = freeze(c, c->x, c->n_##x, sizeof *c->x), m->n_##x = c->n_##x
    FREEZE(konst);
    FREEZE(rtype);
    FREEZE(gen);
    FREEZE(fork);
    FREEZE(scope);
    FREEZE(attempt);
    FREEZE(ext);
    FREEZE(prefix);
#undef FREEZE
    m->main_func = c->main_func;
    m->n_env = c->env_slots;
}

/* ---- the stages ---- */

enum { ERRORS_SHOWN = 20 };

static void dump_ir(struct comp *c, struct str *out)
{
    struct ir_names names = { c->konst, c->n_konst, c->gen, c->n_gen, c->func, c->n_func };
    for (uint32_t i = 0; i < c->n_func; i++)
        ir_dump(c->func[i], &names, out);
}

static void comp_free(struct comp *c)
{
    for (uint32_t i = 0; i < c->n_func; i++)
        ir_func_free(c->func[i]);
    for (uint32_t i = 0; i < c->n_spare; i++)
        ir_func_free(c->spare[i]);
    for (uint32_t i = 0; i < c->n_mod; i++) {
        hashmap_free(&c->mod[i]->name);
        mem_free(c->mod[i]->sym);
    }
    for (uint32_t i = 0; i < c->n_big; i++)
        hashmap_free(&c->big[i]->map);
    hashmap_free(&c->mod_name);
    hashmap_free(&c->konst_text);
    hashmap_free(&c->rtype_text);
    hashmap_free(&c->checked);
    void *own[] = { c->mod, c->func, c->konst, c->rtype, c->gen, c->fork, c->scope, c->attempt,
                    c->ext, c->ext_sym, c->prefix, c->new_name, c->big, c->spare };
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        mem_free(own[i]);
    str_free(&c->tmp);
    arena_free(&c->arena);
}

static void stages(struct comp *c, struct str *ret_ir)
{
    c->prelude = module_load_std(c, "prelude");
    c->n_std = c->n_mod;
    c->main_mod = module_load_main(c);
    if (!c->main_mod || c->unparsed)
        return;
    lower_module(c);
    if (c->diags->n_error)
        return;
    effects_infer(c);
    mock_check(c);
    if (c->diags->n_error)
        return;
    passes_run(c);
    if (ret_ir && c->opts->keep_ir)
        dump_ir(c, ret_ir);
    if (c->opts->cost || c->opts->ret_cost)
        bounds_infer(c, c->opts->ret_cost);
    passes_run_last(c);
    for (uint32_t i = 0; i < c->n_func; i++)
        bytecode_emit(c, c->func[i]);
    if (c->diags->n_error)
        return;
    freeze_module(c);
}

enum status compile_module(const struct compile_opts *opts, struct diag_list *diags,
                           struct module **ret_module, struct str *ret_ir, struct error *err)
{
    struct comp *c = mem_zalloc(sizeof *c);
    struct module *m = mem_zalloc(sizeof *m);
    if (!c || !m) {
        mem_free(c);
        mem_free(m);
        return error_nomem(err);
    }
    c->opts = opts;
    c->diags = diags;
    c->m = m;
    c->main_func = BC_NO_INDEX;
    atomic_init(&m->refs, 1);

    enum status st = ST_OK;
    int jumped = setjmp(c->oom);
    if (jumped == 1) {
        st = error_nomem(err);
    } else if (jumped) {
        st = c->failed.status;
        if (err)
            *err = c->failed;
    } else {
        stages(c, ret_ir);
        if (diags->n_error) {       /* what was not understood may have been the use */
            diag_drop(diags, "W0201");
            diag_drop(diags, "W0501");
        }
        for (uint32_t i = 0; i < c->n_mod && st == ST_OK; i++)
            st = allow_apply(diags, c->mod[i]->source, err);
        if (opts->deny)
            diag_deny(diags);
        diag_sort(diags);
        diag_limit(diags, ERRORS_SHOWN);
        if (diags->arena->failed || (ret_ir && ret_ir->failed))
            st = error_nomem(err);
        else if (diags->n_error)
            st = error_set(err, ST_FAILED, "the program has errors");
        else
            st = bytecode_verify(m, err);
        if (st == ST_OK && opts->env && !opts->probe)
            env_learn(c);
    }
    comp_free(c);
    mem_free(c);
    if (st != ST_OK) {
        module_unref(m);
        m = NULL;
    }
    *ret_module = m;
    return st;
}

/* ---- the frozen result ---- */

struct module *module_ref(struct module *m)
{
    atomic_fetch_add(&m->refs, 1);
    return m;
}

void module_unref(struct module *m)
{
    if (!m || atomic_fetch_sub(&m->refs, 1) != 1)
        return;
    arena_free(&m->arena);
    mem_free(m);
}
