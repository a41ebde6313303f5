/* lower_extern.c - what crosses the border of a program: externs, and the parameters of `main`.
 *
 * An extern is a row of the module's table.  One bound by cmd(...) brings two functions of its
 * parameters that make the arguments and the input of the command. */
#include "compiler/lower.h"

/* cmd("prog", "-n", "${a}", stdin: "${b}", timeout: 10s): two functions of the parameters. */
static uint32_t template_func(struct comp *c, struct sym *s, const struct node **e, uint32_t n,
                              bool list)
{
    uint32_t index;
    struct ir_func *f = ir_func_new(c, slice_of("cmd"), s->mod->source, s->at, FUNC_HELPER, &index);
    struct low l;
    low_init(&l, c, NULL, f, s->mod);
    l.func_index = index;
    l.ctx_code = "E0613";
    for (uint32_t i = 0; i < s->n_param; i++) {
        uint32_t v = ir_value_new(&l, s->param[i].type);
        add_input(&l, v);
        struct name name = { s->param[i].name, s->param[i].at };
        scope_bind(&l, name, BIND_VALUE, v, s->param[i].type)->quiet = true;
    }
    uint32_t *v = comp_alloc(c, (n + 1) * sizeof *v);
    for (uint32_t i = 0; i < n; i++)
        v[i] = ex_value(&l, lower_to(&l, e[i], type_plain(T_STR)));
    struct type *t = list ? type_list(&c->arena, type_plain(T_STR)) : type_plain(T_STR);
    struct ex r = ex_of(list ? ir_opn(&l, IR_LIST, t, v, n, 0, s->at) : v[0], t, s->at);
    f->out.param = params_of(c, s, false);
    f->out.result = rtype_of(c, t);
    low_end(&l, r, s->at);
    return index;
}

static void bind_cmd(struct comp *c, struct sym *s, const struct node *call, struct bc_extern *x)
{
    const struct arg_list *args = &call->u.call.args;
    const struct node **argv = comp_alloc(c, (args->n + 1) * sizeof *argv);
    uint32_t n = 0;
    x->is_cmd = true;
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        struct ex e;
        if (!a->name.text.len)
            argv[n++] = a->value;
        else if (slice_is(a->name.text, "stdin"))
            x->cmd_stdin = template_func(c, s, (const struct node **)&a->value, 1, false);
        else if (slice_is(a->name.text, "timeout")) {
            if (const_eval(c, s->mod, a->value, type_plain(T_DURATION), &e))
                x->timeout_ms = (uint64_t)c->konst[e.k - 1].i;
        } else {
            comp_diag(c, s->mod, "E0613", a->name.at, "`cmd` has no argument `%.*s`",
                      (int)a->name.text.len, a->name.text.ptr);
        }
    }
    if (!n)
        comp_diag(c, s->mod, "E0613", call->span, "`cmd` needs the name of a program");
    x->cmd_argv = template_func(c, s, argv, n, true);
}

static void bind_extern(struct comp *c, struct sym *s, struct bc_extern *x)
{
    const struct node *b = s->node->u.decl->u.ext.binding;
    if (!b)
        return;
    bool call = b->kind == AST_EXPR_CALL && b->u.call.callee->kind == AST_EXPR_NAME;
    struct slice what = call ? b->u.call.callee->u.name.text : SLICE("");
    if (slice_is(what, "cmd"))
        bind_cmd(c, s, b, x);
    else if (slice_is(what, "mcp") || slice_is(what, "http"))
        comp_diag(c, s->mod, "E0113", b->span, "`%.*s` externs belong to a later stage",
                  (int)what.len, what.ptr);
    else
        comp_diag(c, s->mod, "E0613", b->span, "an extern is bound by cmd(...)");
}

/* Values of the machine have no meaning outside it. */
static bool goes_outside(const struct type *t)
{
    enum type_kind k = t->kind;
    if (k == T_CONTEXT || k == T_FN || k == T_BRANCHES || k == T_MARK || k == T_TOKEN ||
        k == T_MATCH)
        return false;
    for (uint32_t i = 0; i < t->n; i++)
        if (!goes_outside(t->elem[i]))
            return false;
    return true;
}

uint32_t extern_of(struct comp *c, struct sym *s)
{
    resolve_func(c, s);
    if (s->ext)
        return s->ext - 1;
    uint32_t id = c->n_ext;
    comp_push(c, &c->ext, &c->n_ext, &c->cap_ext, sizeof(struct bc_extern));
    *(struct sym **)comp_push(c, &c->ext_sym, &c->n_ext_sym, &c->cap_ext_sym, sizeof s) = s;
    s->ext = id + 1;
    for (uint32_t i = 0; i < s->n_param; i++)
        if (!goes_outside(s->param[i].type))
            comp_diag(c, s->mod, "E0614", s->param[i].at, "%s cannot be passed to an extern",
                      comp_type_text(c, s->param[i].type));
    if (!goes_outside(s->result))
        comp_diag(c, s->mod, "E0614", s->node->u.decl->u.ext.result->span,
                  "an extern cannot give %s",
                  comp_type_text(c, s->result));
    struct bc_extern x = { .name = qualified(c, s), .n_param = s->n_param, .cmd_argv = BC_NO_INDEX,
                           .cmd_stdin = BC_NO_INDEX, .source = s->mod->source, .at = s->at,
                           .pure = s->pure, .idempotent = s->idempotent };
    x.name = comp_slice(c, x.name);
    x.param = params_of(c, s, true);
    x.result = rtype_of(c, s->result);
    x.doc = comp_slice(c, s->node->u.decl->doc);
    bind_extern(c, s, &x);
    c->ext[id] = x;
    return id;
}

/* ---- parameters of main ---- */

/* Flags of `sglrun run`; `_` of a parameter is `-` there. */
static bool is_run_flag(struct slice name)
{
    static const char *const flag[] = {
        "e", "model", "seed", "budget", "set", "stream", "events", "json", "quiet", "dry_run",
            "load", "limit",
        "allow_run", "allow_read", "allow_write", "no_opt", "stats", "help",
    };
    for (size_t i = 0; i < sizeof flag / sizeof flag[0]; i++)
        if (slice_is(name, flag[i]))
            return true;
    return false;
}

void check_flags(struct comp *c, struct sym *s)
{
    for (uint32_t i = 0; i < s->n_param; i++) {
        const struct fparam *p = &s->param[i];
        const struct type *t = type_no_null(p->type);
        if (!goes_outside(t) || t->kind == T_CALL || t->kind == T_BYTES || t->kind == T_ERROR ||
            t->kind == T_REGEX || t->kind == T_TOOL)
            comp_diag(c, s->mod, "E0213", p->at, "a parameter of `main` cannot be %s",
                      comp_type_text(c, p->type));
        else if (is_run_flag(p->name))
            comp_diag(c, s->mod, "W0203", p->at, "`%.*s` hides the flag of `sglrun run`",
                      (int)p->name.len,
                      p->name.ptr);
    }
}
