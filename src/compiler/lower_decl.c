/* lower_decl.c - declarations to functions of the module.
 *
 * Functions of the main file are all lowered; those of imported files when something calls them,
 * but the checks are made for all of them.  A function gets its number when it is first named and
 * is lowered when its turn comes, so calls may go in any direction. */
#include <string.h>

#include "compiler/lower.h"

void low_init(struct low *l, struct comp *c, struct low *up, struct ir_func *f, struct mod *m)
{
    *l = (struct low){ .c = c, .up = up, .f = f, .mod = m };
    l->k.chain = IR_NO;
    l->k.token = IR_NO;
    l->k.role = -1;
    scope_push(l);
}

void low_own_ctx(struct low *l, struct span at)
{
    bool env = l->is_script && l->c->opts->env;
    uint32_t h = ir_value_new(l, type_plain(T_CONTEXT));
    l->k.chain = ir_chain_new(l, h, !env);
    l->k.token = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, env ? IR_CTX_ENV : IR_CTX_NEW, at);
    i->dst = h;
    i->kout = l->k.token;
}

void add_input(struct low *l, uint32_t v)
{
    struct ir_func *f = l->f;
    *(uint32_t *)comp_push(l->c, &f->input, &f->n_input, &f->cap_input, sizeof(uint32_t)) = v;
}

/* Removes the function's own context if nothing has used it. */
static void drop_unused_ctx(struct ir_func *f)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        if ((f->insn[i].op == IR_CTX_NEW || f->insn[i].op == IR_CTX_ENV) &&
            f->insn[i].kout != IR_NO &&
            !f->chain[f->token[f->insn[i].kout]].used)
            f->insn[i].op = IR_NOP, f->insn[i].dst = IR_NO, f->insn[i].kout = IR_NO;
}

void low_end(struct low *l, struct ex result, struct span at)
{
    uint32_t v = ex_value(l, result);
    scope_cancel(l, NULL, at);
    ir_op1(l, IR_RET, NULL, v, 0, at);
    while (l->scope)
        scope_pop(l);
    drop_unused_ctx(l->f);
    struct func *o = &l->f->out;
    o->n_param = l->f->n_input - o->n_capture;
    l->f->lowered = true;
}

static struct ir_func *spare_func(struct comp *c, struct mod *m)
{
    struct ir_func *f = comp_alloc(c, sizeof *f);
    f->ctx = IR_NO;
    f->out.source = m->source;
    *(struct ir_func **)comp_push(c, &c->spare, &c->n_spare, &c->cap_spare, sizeof f) = f;
    return f;
}

bool const_eval(struct comp *c, struct mod *m, const struct node *n, struct type *want,
                struct ex *ret)
{
    struct low l;
    uint32_t errors = c->diags->n_error;
    low_init(&l, c, NULL, spare_func(c, m), m);
    l.is_const = true;
    l.ctx_code = "E0313";
    *ret = want ? lower_to(&l, n, want) : lower_expr(&l, n, NULL);
    if (ret->k)
        return true;
    if (c->diags->n_error == errors)
        comp_diag(c, m, "E0313", n->span, "this is not constant");
    return false;
}

uint32_t helper_func(struct comp *c, struct mod *m, const struct node *e, struct type *want,
                     const char *name)
{
    uint32_t index;
    struct ir_func *f = ir_func_new(c, slice_of(name), m->source, e->span, FUNC_HELPER, &index);
    struct low l;
    low_init(&l, c, NULL, f, m);
    l.func_index = index;
    l.is_const = true;
    l.ctx_code = "E0313";
    struct ex r = want ? lower_to(&l, e, want) : lower_expr(&l, e, NULL);
    f->out.result = rtype_of(c, r.t);
    low_end(&l, r, e->span);
    return index;
}

uint32_t helper_lambda(struct comp *c, struct mod *m, const struct node *lambda, struct type *fn,
                       const char *name)
{
    struct low l;
    low_init(&l, c, NULL, spare_func(c, m), m);
    l.is_const = true;
    struct ex e = lower_to(&l, lambda, fn);
    if (e.k && c->konst[e.k - 1].kind == KONST_FUNC) {
        uint32_t index = (uint32_t)c->konst[e.k - 1].i;
        if (!c->func[index]->out.name.len)
            c->func[index]->out.name = comp_slice(c, slice_of(name));
        return index;
    }
    comp_diag(c, m, "E0313", lambda->span, "a check is a lambda without captures");
    return BC_NO_INDEX;
}

void resolve_const(struct comp *c, struct sym *s)
{
    if (s->state == SYM_DONE)
        return;
    const struct decl *d = s->node->u.decl;
    if (s->state == SYM_OPEN) {
        comp_diag(c, s->mod, "E0313", s->at, "`%.*s` is defined by itself", (int)s->name.len,
                  s->name.ptr);
        s->type = type_plain(T_ANY);
        return;
    }
    s->state = SYM_OPEN;
    struct type *want = d->u.konst.type ? lower_type_in(c, s->mod, d->u.konst.type) : NULL;
    struct low l;
    low_init(&l, c, NULL, spare_func(c, s->mod), s->mod);
    l.is_const = true;
    l.ctx_code = "E0313";
    struct ex e = want ? lower_to(&l, d->u.konst.value, want) : lower_expr(&l, d->u.konst.value,
                                                                           NULL);
    s->type = want ? want : e.t;
    if (e.k) {
        s->konst = e.k;
    } else {
        /* not foldable here, but without effects: evaluated where it is used */
        c->quiet++;
        s->func = helper_func(c, s->mod, d->u.konst.value, want, "const") + 1;
        c->func[s->func - 1]->pure = true;
        c->func[s->func - 1]->sym = s;
        c->quiet--;
    }
    s->state = SYM_DONE;
}

struct slice qualified(struct comp *c, const struct sym *s)
{
    if (!s->mod->prefix.len)
        return s->name;
    return comp_printf(c, "%.*s.%.*s", (int)s->mod->prefix.len, s->mod->prefix.ptr,
                       (int)s->name.len,
                       s->name.ptr);
}

uint32_t func_of(struct comp *c, struct sym *s)
{
    resolve_func(c, s);
    if (s->func)
        return s->func - 1;
    uint32_t index;
    struct ir_func *f = ir_func_new(c, qualified(c, s), s->mod->source, s->at,
                                    s->mod == c->main_mod ? FUNC_EXPORTED : 0, &index);
    f->sym = s;
    f->pure = s->pure;
    f->out.doc = comp_slice(c, s->node->u.decl->doc);
    s->func = index + 1;
    return index;
}

const struct bc_param *params_of(struct comp *c, struct sym *s, bool defaults)
{
    struct bc_param *p = arena_array(&c->m->arena, s->n_param ? s->n_param : 1, sizeof *p);
    if (!p)
        comp_nomem(c);
    for (uint32_t i = 0; i < s->n_param; i++) {
        p[i] = (struct bc_param){ comp_slice(c, s->param[i].name), rtype_of(c, s->param[i].type),
                                  BC_NO_INDEX, comp_slice(c, s->param[i].doc) };
        if (!s->param[i].fallback || !defaults)
            continue;
        if (s->param[i].fallback_func == BC_NO_INDEX)
            s->param[i].fallback_func = helper_func(c, s->mod, s->param[i].fallback,
                                                    s->param[i].type, "default");
        p[i].fallback = s->param[i].fallback_func;
    }
    return p;
}

/* ---- bodies ---- */

static void bind_params(struct low *l, struct sym *s)
{
    for (uint32_t i = 0; i < s->n_param; i++) {
        uint32_t v = ir_value_new(l, s->param[i].type);
        add_input(l, v);
        struct name name = { s->param[i].name, s->param[i].at };
        scope_bind(l, name, BIND_VALUE, v, s->param[i].type)->quiet = true;
    }
}

static struct ex body_value(struct low *l, struct sym *s, const struct node *body)
{
    bool value = s->result->kind != T_NULL;
    struct ex r = lower_block(l, body, value ? BLOCK_VALUE : BLOCK_STMT, value ? s->result : NULL);
    if (!value)
        return ex_null(l, body->span);
    struct span at = r.at.len ? r.at : s->at;
    return coerce(l, r, s->result, at);
}

static void lower_func(struct comp *c, uint32_t index)
{
    struct ir_func *f = c->func[index];
    struct sym *s = f->sym;
    const struct node *body = s->node->u.decl->u.fn.body;
    struct low l;
    low_init(&l, c, NULL, f, s->mod);
    l.func_index = index;
    l.is_fn = true;
    l.result = s->result;
    bind_params(&l, s);
    low_own_ctx(&l, s->at);
    struct ex r = body_value(&l, s, body);
    f->out.param = params_of(c, s, s->mod == c->main_mod);
    f->out.result = rtype_of(c, s->result);
    low_end(&l, r, body->span);
}

/* A part has no code of its own: it is lowered once to be checked, and again at every call. */
static void check_part(struct comp *c, struct sym *s)
{
    resolve_func(c, s);
    const struct node *body = s->node->u.decl->u.fn.body;
    struct low l;
    low_init(&l, c, NULL, spare_func(c, s->mod), s->mod);
    l.is_fn = true;
    l.result = s->result;
    s->expanding = true;
    bind_params(&l, s);
    low_own_ctx(&l, s->at);
    struct ex r = body_value(&l, s, body);
    low_end(&l, r, body->span);
    s->expanding = false;
}

static void lower_queue(struct comp *c)
{
    for (uint32_t i = 0; i < c->n_func; i++)
        if (!c->func[i]->lowered && c->func[i]->sym && c->func[i]->sym->kind == SYM_FN)
            lower_func(c, i);
}

/* ---- scripts, tests ---- */

static bool is_stmt(const struct node *n)
{
    return n->kind < AST_DECL_IMPORT;
}

static void bind_env(struct low *l)
{
    struct compile_env *env = l->c->opts->env;
    for (uint32_t i = 0; env && i < env->n; i++) {
        const struct env_name *e = &env->name[i];
        struct type *t = type_plain(T_ANY);
        struct sym *s = module_find(l->mod, comp_printf(l->c, "_env_%u", i));
        if (s && s->kind == SYM_ALIAS && s->type)
            t = s->type;
        struct name name = { comp_slice(l->c, e->name), { 0, 0 } };
        struct binding *b = scope_bind(l, name, BIND_ENV, e->slot, t);
        b->is_var = e->is_var;
        b->quiet = true;
    }
}

static void remember_it(struct low *l, struct ex e)
{
    struct comp *c = l->c;
    uint32_t slot = c->env_slots;
    for (uint32_t i = 0; i < c->opts->env->n; i++)
        if (slice_is(c->opts->env->name[i].name, "it"))
            slot = c->opts->env->name[i].slot;
    if (slot == c->env_slots)
        c->env_slots++;
    struct env_name *n = comp_push(c, &c->new_name, &c->n_new_name, &c->cap_new_name, sizeof *n);
    *n = (struct env_name){ SLICE("it"), slice_of(comp_type_text(c, e.t)), slot, false };
    ir_op1(l, IR_ENV_SET, NULL, ex_value(l, e), slot, e.at);
}

static void lower_script(struct comp *c)
{
    struct mod *m = c->main_mod;
    const struct node_list *list = &m->ast->u.list;
    uint32_t index;
    struct span at = list->n ? list->at[0]->span : (struct span){ 0, 0 };
    struct ir_func *f = ir_func_new(c, SLICE("script"), m->source, at, FUNC_SCRIPT, &index);
    struct low l;
    low_init(&l, c, NULL, f, m);
    l.func_index = index;
    l.is_script = true;
    l.is_fn = true;
    l.result = c->opts->env ? NULL : type_plain(T_NULL);
    bind_env(&l);
    low_own_ctx(&l, at);
    struct ex r = ex_null(&l, at);
    const struct node *last = NULL;
    stream_enter(&l, list);
    for (uint32_t i = 0; i < list->n; i++)
        if (is_stmt(list->at[i]))
            last = list->at[i];
    for (uint32_t i = 0; i < list->n; i++) {
        const struct node *n = list->at[i];
        if (!is_stmt(n))
            continue;
        bool value = c->opts->env && n == last && n->kind == AST_STMT_EXPR &&
                     n->u.inner->kind != AST_EXPR_TEXT;
        if (!value) {
            lower_stmt(&l, n);
            continue;
        }
        r = ex_join(&l, lower_any(&l, n->u.inner, BLOCK_VALUE, NULL));
        if (r.t->kind != T_NULL && r.t->kind != T_NEVER)
            remember_it(&l, r);
    }
    f->out.result = rtype_of(c, r.t);
    f->out.param = NULL;
    low_end(&l, r, at);
    c->main_func = index;
}

struct test_option {
    const char    *name;
    bool           test, eval;
    enum type_kind kind;
    double         lo, hi;
};

static const struct test_option test_rows[] = {
    { "runs", true, false, T_INT, 1, 10000 },
    { "pass", true, false, T_FLOAT, 0, 1 },
    { "threshold", false, true, T_FLOAT, -1e300, 1e300 },
    { "seed", true, true, T_INT, 0, 9e18 },
    { "timeout", true, true, T_DURATION, 1, 1e15 },
};

static const struct test_option *test_option(struct slice name, bool eval)
{
    for (size_t i = 0; i < sizeof test_rows / sizeof test_rows[0]; i++)
        if (slice_is(name, test_rows[i].name) && (eval ? test_rows[i].eval : test_rows[i].test))
            return &test_rows[i];
    return NULL;
}

static void put_option(struct func *o, const struct test_option *r, const struct konst *k)
{
    if (slice_is(SLICE("runs"), r->name))
        o->runs = (uint32_t)k->i;
    else if (slice_is(SLICE("seed"), r->name))
        o->seed = k->i;
    else if (r->kind == T_DURATION)
        o->timeout_ms = (uint64_t)k->i;
    else
        o->pass = k->kind == KONST_INT ? (double)k->i : k->f;
}

/* An eval without a threshold reaches it always. */
static void test_options(struct comp *c, struct mod *m, const struct arg_list *args, struct func *o,
                         bool eval)
{
    o->runs = 1;
    o->pass = eval ? 0.0 : 1.0;
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        const struct test_option *r = test_option(a->name.text, eval);
        struct ex e;
        if (!r) {
            comp_diag(c, m, "E0206", a->name.text.len ? a->name.at : a->value->span,
                      "a%s has no argument `%.*s`", eval ? "n eval" : " test",
                      (int)a->name.text.len,
                      a->name.text.len ? a->name.text.ptr : "");
            continue;
        }
        if (!const_eval(c, m, a->value, type_plain(r->kind), &e))
            continue;
        const struct konst *k = &c->konst[e.k - 1];
        double x = k->kind == KONST_FLOAT ? k->f : (double)k->i;
        if (x < r->lo || x > r->hi)
            comp_diag(c, m, "E0411", a->value->span, "`%s` is out of range", r->name);
        else
            put_option(o, r, k);
    }
}

static void lower_test(struct comp *c, struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    uint32_t index;
    struct ir_func *f = ir_func_new(c, d->name.text, m->source, n->span, FUNC_TEST, &index);
    struct low l;
    low_init(&l, c, NULL, f, m);
    l.func_index = index;
    l.is_fn = l.is_test = true;
    l.result = type_plain(T_NULL);
    test_options(c, m, &d->u.test.args, &f->out, false);
    low_own_ctx(&l, n->span);
    lower_block(&l, d->u.test.body, BLOCK_STMT, NULL);
    f->out.result = rtype_of(c, type_plain(T_NULL));
    low_end(&l, ex_null(&l, n->span), n->span);
}

static bool is_score(const struct type *t)
{
    const struct type *b = type_base(t);
    return b->kind == T_BOOL || type_is_num(b) || b->kind == T_NEVER || b->kind == T_ANY;
}

static void check_row(struct comp *c, struct mod *m, const struct decl *d, const struct type *rows)
{
    if (rows->kind != T_LIST)
        return;                 /* said before */
    const struct type *t = rows->elem[0];
    const struct type *one = t->kind == T_MAP && type_is_str(t->elem[0]) ? t->elem[1] : t;
    if (!is_score(one))
        comp_diag(c, m, "E0301", d->u.eval.body->span,
                  "a row of an eval gives bool, float or [str: float], and this gives %s",
                  comp_type_text(c, t));
}

/* An eval gives the list of its rows' results: bool, float or a map of floats each; the error of a
 * row that failed stands in its place. */
static void lower_eval(struct comp *c, struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    uint32_t index;
    struct ir_func *f = ir_func_new(c, d->name.text, m->source, n->span, FUNC_EVAL, &index);
    struct low l;
    low_init(&l, c, NULL, f, m);
    l.func_index = index;
    l.is_fn = l.is_test = true;
    test_options(c, m, &d->u.eval.args, &f->out, true);
    low_own_ctx(&l, n->span);
    struct node fork = { .kind = AST_EXPR_FORK, .span = n->span };
    struct forker forker = { d->u.eval.pattern, d->u.eval.list };
    fork.u.fork.forker = &forker;
    fork.u.fork.n = 1;
    fork.u.fork.body = d->u.eval.body;
    struct ex rows = lower_fork(&l, &fork);
    if (rows.fork)
        c->fork[rows.fork - 1].keep = true;
    struct ex r = ex_join(&l, rows);
    check_row(c, m, d, r.t);
    f->out.result = rtype_of(c, type_list(&c->arena, type_plain(T_ANY)));
    low_end(&l, r, n->span);
}

static void repeated_test(struct comp *c, struct mod *m, const struct node *first,
                          const struct node *again)
{
    struct diag *d = comp_diag(c, m, "E0803", again->u.decl->name.at,
                               "this name is used by another test");
    if (d)
        diag_label(c->diags, d, m->source, first->u.decl->name.at, "the first one");
}

static void tests_of(struct comp *c, struct mod *m)
{
    for (uint32_t i = 0; i < m->ast->u.list.n; i++) {
        const struct node *n = m->ast->u.list.at[i];
        if (n->kind != AST_DECL_TEST && n->kind != AST_DECL_EVAL)
            continue;
        for (uint32_t k = 0; k < i; k++) {
            const struct node *o = m->ast->u.list.at[k];
            if (o->kind == n->kind && slice_eq(o->u.decl->name.text, n->u.decl->name.text))
                repeated_test(c, m, o, n);
        }
        if (n->kind == AST_DECL_TEST)
            lower_test(c, m, n);
        else
            lower_eval(c, m, n);
    }
}

/* ---- the whole module ---- */

static struct sdecl *builtin_struct(struct comp *c, const char *name, const char *const *field,
                                    struct type *const *type, uint32_t n)
{
    struct sdecl *d = comp_alloc(c, sizeof *d);
    d->name = slice_of(name);
    d->n = n;
    d->field = comp_alloc(c, n * sizeof *d->field);
    for (uint32_t i = 0; i < n; i++)
        d->field[i] = (struct sfield){ .name = slice_of(field[i]), .key = slice_of(field[i]),
                                       .type = type[i], .fallback_func = BC_NO_INDEX,
                                       .check_func = BC_NO_INDEX };
    return d;
}

static void builtin_structs(struct comp *c)
{
    static const char *const msg[] = { "role", "text" };
    static const char *const tok[] = { "id", "text", "logprob", "forced", "top" };
    struct type *str = type_plain(T_STR), *flt = type_plain(T_FLOAT);
    c->msg = builtin_struct(c, "Msg", msg, (struct type *[]){ str, str }, 2);
    struct sym *own = prelude_sym(c, "Msg");
    if (own && own->kind == SYM_STRUCT)
        c->msg = resolve_struct(c, own);
    struct type *one = type_make(&c->arena, T_STRUCT, 0);
    struct type *top = one ? type_list(&c->arena, one) : NULL;      /* the alternatives, as Toks */
    if (!top)
        comp_nomem(c);
    c->tok = builtin_struct(c, "Tok", tok,
                            (struct type *[]){ type_plain(T_INT), str, flt, type_plain(T_BOOL),
                                               top }, 5);
    one->strct = c->tok;
}

/* Functions and externs look at theirs themselves; nothing else has any. */
static void check_annotations(struct comp *c, struct mod *m, const struct node *n)
{
    const struct decl *d = n->u.decl;
    bool part = n->kind == AST_DECL_FN && d->u.fn.is_part;
    for (uint32_t i = 0; i < d->n_annot &&
         (part || (n->kind != AST_DECL_FN && n->kind != AST_DECL_EXTERN)); i++)
        comp_diag(c, m, "E0616", d->annot[i].at, "`@%.*s` does not belong here",
                  (int)d->annot[i].name.text.len, d->annot[i].name.text.ptr);
}

static void resolve_all(struct comp *c, struct mod *m)
{
    for (uint32_t i = 0; i < m->n_sym; i++) {
        struct sym *s = m->sym[i];
        check_annotations(c, m, s->node);
        switch (s->kind) {
        case SYM_STRUCT: resolve_struct(c, s); break;
        case SYM_ENUM: resolve_enum(c, s); break;
        case SYM_CONST: resolve_const(c, s); break;
        case SYM_PART: check_part(c, s); break;
        case SYM_FN: func_of(c, s); break;
        case SYM_EXTERN:
            resolve_func(c, s);
            if (!s->native)
                extern_of(c, s);
            break;
        case SYM_ALIAS:
            if (s->state == SYM_NEW) {
                s->state = SYM_OPEN;
                s->type = lower_type_in(c, s->mod, s->node->u.decl->u.alias.type);
                s->state = SYM_DONE;
            }
            break;
        default:
            break;
        }
    }
}

static void unused_imports(struct comp *c, struct mod *m)
{
    for (uint32_t i = 0; i < m->n_sym; i++) {
        struct sym *s = m->sym[i];
        if (s->kind == SYM_IMPORT && !s->used && s->target && !c->opts->env)
            comp_diag(c, m, "W0201", s->at.len ? s->at : s->node->span, "`%.*s` is never used",
                      (int)s->name.len, s->name.ptr);
    }
}

void lower_module(struct comp *c)
{
    struct mod *m = c->main_mod;
    if (c->opts->env)
        c->env_slots = c->opts->env->n_slot;
    builtin_structs(c);
    if (m->has_main && m->has_statement) {
        struct sym *s = module_find(m, SLICE("main"));
        comp_diag(c, m, "E0212", s->at,
                  "a file with `fn main` has no statements outside functions");
    }
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (!c->mod[i]->is_std)
            resolve_all(c, c->mod[i]);
    struct sym *s = module_find(m, SLICE("main"));
    if (s && s->kind == SYM_FN) {
        c->main_func = func_of(c, s);
        check_flags(c, s);
    }
    if (m->has_statement || c->opts->env)
        lower_script(c);
    tests_of(c, m);
    lower_queue(c);
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (!c->mod[i]->is_std)
            unused_imports(c, c->mod[i]);
}
