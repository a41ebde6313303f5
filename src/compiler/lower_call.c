/* lower_call.c - calls and members: declarations, values, constructors, contexts. */
#include <string.h>

#include "compiler/lower.h"

enum { PART_DEPTH_MAX = 64 };

/* ---- names of declarations ---- */

static struct sym *member_sym(struct low *l, const struct node *n)
{
    const struct node *o = n->u.member.object;
    if (o->kind == AST_EXPR_NAME && scope_find(l, o->u.name.text))
        return NULL;
    struct sym *m = path_sym(l, o);
    if (!m || m->kind != SYM_IMPORT || !m->target)
        return NULL;
    struct name name = n->u.member.name;
    struct sym *s = module_find(m->target, name.text);
    if (!s)
        return NULL;
    if (name.text.ptr[0] == '_' && !l->mod->is_std)
        low_diag(l, "E0211", name.at, "`%.*s` is private to its file", (int)name.text.len, name.text.ptr);
    return s;
}

struct sym *path_sym(struct low *l, const struct node *n)
{
    struct sym *s = NULL;
    if (n->kind == AST_EXPR_NAME) {
        s = module_find(l->mod, n->u.name.text);
        if (!s && l->c->prelude && (l->mod->is_std || n->u.name.text.ptr[0] != '_'))
            s = module_find(l->c->prelude, n->u.name.text);
    } else if (n->kind == AST_EXPR_MEMBER && !n->u.member.optional) {
        s = member_sym(l, n);
    }
    if (s)
        s->used = true;
    return s;
}

struct sym *prelude_sym(struct comp *c, const char *name)
{
    return c->prelude ? module_find(c->prelude, slice_of(name)) : NULL;
}

static void note_callee(struct low *l, uint32_t func)
{
    struct ir_func *f = l->f;
    *(uint32_t *)comp_push(l->c, &f->callee, &f->n_callee, &f->cap_callee, sizeof func) = func;
}

/* An extern as a value is a lambda that calls it. */
static uint32_t extern_wrapper(struct low *l, struct sym *s, struct span at)
{
    struct comp *c = l->c;
    uint32_t index;
    struct ir_func *f = ir_func_new(c, s->name, s->mod->source, at, FUNC_LAMBDA, &index);
    struct low in;
    low_init(&in, c, NULL, f, s->mod);
    uint32_t *v = comp_alloc(c, s->n_param * sizeof *v + 1);
    struct bc_param *p = arena_array(&c->m->arena, s->n_param + 1, sizeof *p);
    if (!p)
        comp_nomem(c);
    for (uint32_t i = 0; i < s->n_param; i++) {
        v[i] = ir_value_new(&in, s->param[i].type);
        *(uint32_t *)comp_push(c, &f->input, &f->n_input, &f->cap_input, sizeof *v) = v[i];
        p[i] = (struct bc_param){ comp_slice(c, s->param[i].name), rtype_of(c, s->param[i].type), BC_NO_INDEX, SLICE("") };
    }
    enum ir_op op = s->native ? IR_NATIVE : IR_CALL_EXTERN;
    uint32_t r = ir_opn(&in, op, s->result, v, s->n_param, s->native ? s->native - 1 : extern_of(c, s), at);
    f->out.param = p;
    f->out.result = rtype_of(c, s->result);
    low_end(&in, ex_of(r, s->result, at), at);
    return index;
}

struct ex sym_value(struct low *l, struct sym *s, struct span at, struct type *want)
{
    struct comp *c = l->c;
    uint32_t k;
    switch (s->kind) {
    case SYM_CONST:
        resolve_const(c, s);
        if (s->konst)
            return ex_konst(c, s->konst - 1, s->type, at);
        if (!s->func)
            return ex_bad(l, at);
        note_callee(l, s->func - 1);
        return ex_of(ir_opn(l, IR_CALL, s->type, NULL, 0, s->func - 1, at), s->type, at);
    case SYM_FN:
    case SYM_EXTERN:
        resolve_func(c, s);
        if (want && want->kind == T_TOOL) {
            int64_t id = s->kind == SYM_FN ? (int64_t)func_of(c, s) : -1 - (int64_t)extern_of(c, s);
            k = konst_add(c, (struct konst){ .kind = KONST_TOOL, .i = id });
            return ex_konst(c, k, type_plain(T_TOOL), at);
        }
        k = s->kind == SYM_FN ? func_of(c, s) : extern_wrapper(l, s, at);
        note_callee(l, k);
        k = konst_add(c, (struct konst){ .kind = KONST_FUNC, .i = k });
        return ex_konst(c, k, type_of_func(c, s), at);
    default:
        low_diag(l, "E0201", at, "`%.*s` is not a value", (int)s->name.len, s->name.ptr);
        return ex_bad(l, at);
    }
}

/* ---- arguments ---- */

struct slot {                   /* a parameter and the argument that goes there */
    const struct node *arg;
};

static bool too_many(struct low *l, const struct arg *a, struct slice what, uint32_t n)
{
    low_diag(l, "E0208", a->value->span, "`%.*s` takes %u argument%s", (int)what.len, what.ptr, n,
             n == 1 ? "" : "s");
    return false;
}

/* Positional first, then named; slot[i].arg NULL: left out. */
static bool match_args(struct low *l, const struct arg_list *args, struct slice what,
                       const struct slice *name, uint32_t n, struct slot *slot)
{
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        uint32_t k = i;
        if (a->name.text.len) {
            for (k = 0; k < n && !slice_eq(name[k], a->name.text);)
                k++;
            if (k == n) {
                low_diag(l, "E0206", a->name.at, "`%.*s` has no argument `%.*s`", (int)what.len, what.ptr,
                         (int)a->name.text.len, a->name.text.ptr);
                return false;
            }
        }
        if (k >= n)
            return too_many(l, a, what, n);
        if (slot[k].arg) {
            low_diag(l, "E0206", a->value->span, "argument `%.*s` is given twice", (int)name[k].len, name[k].ptr);
            return false;
        }
        slot[k].arg = a->value;
    }
    return true;
}

static struct ex default_of(struct low *l, struct mod *m, const struct node *e, struct type *t,
                            uint32_t *func, struct span at)
{
    struct comp *c = l->c;
    if (*func == BC_NO_INDEX)
        *func = helper_func(c, m, e, t, "default");
    note_callee(l, *func);
    return ex_of(ir_opn(l, IR_CALL, t, NULL, 0, *func, at), t, at);
}

static bool is_literal(const struct node *n)
{
    switch (n->kind) {
    case AST_EXPR_INT: case AST_EXPR_FLOAT: case AST_EXPR_BOOL: case AST_EXPR_NULL:
    case AST_EXPR_DURATION:
        return true;
    case AST_EXPR_TEXT:
        return n->u.text.n == 0 || (n->u.text.n == 1 && n->u.text.piece[0].kind == PIECE_TEXT);
    case AST_EXPR_UNARY:
        return n->u.unary.op == UN_NEG && is_literal(n->u.unary.operand);
    default:
        return false;
    }
}

/* Lowers the arguments of a declaration in the order written, then the defaults. */
static bool lower_args(struct low *l, struct sym *s, const struct arg_list *args, struct span at,
                       struct ex *out)
{
    struct comp *c = l->c;
    uint32_t n = s->n_param;
    struct slice *name = comp_alloc(c, n * sizeof *name + 1);
    struct slot *slot = comp_alloc(c, n * sizeof *slot + 1);
    for (uint32_t i = 0; i < n; i++)
        name[i] = s->param[i].name;
    if (!match_args(l, args, s->name, name, n, slot))
        return false;
    for (uint32_t a = 0; a < args->n; a++)
        for (uint32_t i = 0; i < n; i++)
            if (slot[i].arg == args->at[a].value)
                out[i] = lower_to(l, slot[i].arg, s->param[i].type);
    for (uint32_t i = 0; i < n; i++) {
        if (slot[i].arg)
            continue;
        struct fparam *p = &s->param[i];
        if (!p->fallback) {
            low_diag(l, "E0207", at, "`%.*s` needs the argument `%.*s`", (int)s->name.len, s->name.ptr,
                     (int)p->name.len, p->name.ptr);
            return false;
        }
        out[i] = is_literal(p->fallback) ? lower_to(l, p->fallback, p->type)
                                         : default_of(l, s->mod, p->fallback, p->type, &p->fallback_func, at);
    }
    return true;
}

/* ---- parts ---- */

static struct ex expand_part(struct low *l, struct sym *s, const struct ex *arg, struct span at)
{
    struct comp *c = l->c;
    const struct node *body = s->node->u.decl->u.fn.body;
    bool value = s->result->kind != T_NULL;
    struct mod *mod = l->mod;
    struct meet m;
    struct ctl ctl = { .up = l->ctl, .kind = CTL_PART, .meet = &m, .result = value ? s->result : NULL };

    s->expanding = true;
    if (!l->part_depth++) {
        l->part_at = at;
        l->part_mod = mod;
    }
    struct scope *outside = l->scope;
    scope_push(l)->wall = true;
    l->mod = s->mod;
    ctl.scope = outside;
    meet_begin(l, &m, value, ctl.result);
    l->ctl = &ctl;
    c->quiet++;
    for (uint32_t i = 0; i < s->n_param; i++) {
        struct name name = { s->param[i].name, s->param[i].at };
        struct binding *b = scope_bind(l, name, BIND_VALUE, arg[i].v, s->param[i].type);
        b->quiet = true;
        b->ex = arg[i];
        b->ex.t = s->param[i].type;
        if (!b->ex.k)
            b->v = b->ex.v = ex_value(l, arg[i]);
    }
    struct ex r = lower_block(l, body, value ? BLOCK_VALUE : BLOCK_STMT, ctl.result);
    meet_way(l, &m, value ? r : ex_null(l, at), at);
    c->quiet--;
    l->ctl = ctl.up;
    l->mod = mod;
    scope_pop(l);
    l->part_depth--;
    s->expanding = false;
    struct ex e = meet_end(l, &m, at);
    if (value && e.t->kind != T_NEVER)
        e.t = s->result;
    return e;
}

/* ---- declarations ---- */

static struct ex convert_enum(struct low *l, struct type *t, const struct arg_list *args, struct span at)
{
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", at, "an enum is made of one text");
        return ex_bad(l, at);
    }
    struct ex e = lower_expr(l, args->at[0].value, NULL);
    if (e.k && e.t->kind == T_STR)
        return coerce(l, e, t, args->at[0].value->span);
    if (!type_is_str(e.t) && e.t->kind != T_ENUM && e.t->kind != T_JSON && e.t->kind != T_ANY) {
        low_diag(l, "E0307", at, "%s cannot be made of %s", comp_type_text(l->c, t), comp_type_text(l->c, e.t));
        return ex_bad(l, at);
    }
    return ex_of(ir_op1(l, IR_CONVERT, t, ex_value(l, e), rtype_of(l->c, t), at), t, at);
}

struct ex construct(struct low *l, struct type *t, const struct arg_list *args, struct span at)
{
    struct comp *c = l->c;
    struct sdecl *d = t->strct;
    struct slice *name = comp_alloc(c, d->n * sizeof *name + 1);
    struct slot *slot = comp_alloc(c, d->n * sizeof *slot + 1);
    struct ex *e = comp_alloc(c, d->n * sizeof *e + 1);
    for (uint32_t i = 0; i < d->n; i++)
        name[i] = d->field[i].name;
    if (!match_args(l, args, d->name, name, d->n, slot))
        return ex_of(ex_value(l, ex_null(l, at)), t, at);
    for (uint32_t a = 0; a < args->n; a++)
        for (uint32_t i = 0; i < d->n; i++)
            if (slot[i].arg == args->at[a].value)
                e[i] = lower_to(l, slot[i].arg, d->field[i].type);
    bool konst = true;
    uint32_t *v = comp_alloc(c, d->n * sizeof *v + 1);
    for (uint32_t i = 0; i < d->n; i++) {
        struct sfield *f = &d->field[i];
        if (!slot[i].arg && !f->fallback) {
            low_diag(l, "E0207", at, "`%.*s` needs the field `%.*s`", (int)d->name.len, d->name.ptr,
                     (int)f->name.len, f->name.ptr);
            return ex_of(ex_value(l, ex_null(l, at)), t, at);
        }
        if (!slot[i].arg)
            e[i] = is_literal(f->fallback) ? lower_to(l, f->fallback, f->type)
                                           : default_of(l, d->sym->mod, f->fallback, f->type, &f->fallback_func, at);
        konst &= e[i].k != 0;
    }
    uint32_t rt = rtype_of(c, t);
    for (uint32_t i = 0; i < d->n; i++)
        v[i] = konst ? e[i].k - 1 : ex_value(l, e[i]);
    if (konst)
        return ex_konst(c, konst_items(c, KONST_STRUCT, rt, v, d->n), t, at);
    return ex_of(ir_opn(l, IR_STRUCT, t, v, d->n, rt, at), t, at);
}

static struct ex call_part(struct low *l, struct sym *s, const struct ex *e, struct span at)
{
    if (s->expanding || l->part_depth >= PART_DEPTH_MAX) {
        low_diag(l, "E0312", at, "part `%.*s` calls itself", (int)s->name.len, s->name.ptr);
        return ex_bad(l, at);
    }
    return expand_part(l, s, e, at);
}

static struct ex call_func(struct low *l, struct sym *s, const struct arg_list *args, struct span at)
{
    struct comp *c = l->c;
    resolve_func(c, s);
    struct ex *e = comp_alloc(c, s->n_param * sizeof *e + 1);
    if (!lower_args(l, s, args, at, e))
        return s->result->kind == T_NULL ? ex_null(l, at) : ex_of(ex_value(l, ex_null(l, at)), s->result, at);
    if (s->kind == SYM_PART)
        return call_part(l, s, e, at);
    uint32_t *v = comp_alloc(c, s->n_param * sizeof *v + 1);
    for (uint32_t i = 0; i < s->n_param; i++)
        v[i] = ex_value(l, e[i]);
    uint32_t r;
    if (s->native) {
        r = ir_opn(l, IR_NATIVE, s->result, v, s->n_param, s->native - 1, at);
    } else if (s->kind == SYM_EXTERN) {
        r = ir_opn(l, IR_CALL_EXTERN, s->result, v, s->n_param, extern_of(c, s), at);
    } else {
        uint32_t func = func_of(c, s);
        note_callee(l, func);
        r = ir_opn(l, IR_CALL, s->result, v, s->n_param, func, at);
    }
    if (s->result->kind == T_NEVER)
        l->dead = true;
    return ex_of(r, s->result, at);
}

struct ex call_sym(struct low *l, struct sym *s, const struct arg_list *args, struct span at,
                   struct type *want)
{
    struct comp *c = l->c;
    struct type *t;
    (void)want;
    switch (s->kind) {
    case SYM_FN: case SYM_PART: case SYM_EXTERN:
        return call_func(l, s, args, at);
    case SYM_STRUCT:
        t = type_make(&c->arena, T_STRUCT, 0);
        if (!t)
            comp_nomem(c);
        t->strct = resolve_struct(c, s);
        return construct(l, t, args, at);
    case SYM_ENUM:
        t = type_make(&c->arena, T_ENUM, 0);
        if (!t)
            comp_nomem(c);
        t->enm = resolve_enum(c, s);
        return convert_enum(l, t, args, at);
    case SYM_ALIAS:
        if (s->type && s->type->kind == T_STRUCT)
            return construct(l, s->type, args, at);
        if (s->type && s->type->kind == T_ENUM)
            return convert_enum(l, s->type, args, at);
        break;
    default:
        break;
    }
    low_diag(l, "E0301", at, "`%.*s` cannot be called", (int)s->name.len, s->name.ptr);
    return ex_bad(l, at);
}

/* ---- values that are functions ---- */

static struct ex call_value(struct low *l, struct ex f, const struct arg_list *args, struct span at)
{
    struct comp *c = l->c;
    if (f.t->kind != T_FN && f.t->kind != T_ANY) {
        low_diag(l, f.t->kind == T_OPT ? "E0305" : "E0301", at, "%s cannot be called", comp_type_text(c, f.t));
        return ex_bad(l, at);
    }
    uint32_t n = f.t->kind == T_FN ? f.t->n - 1 : args->n;
    struct type *result = f.t->kind == T_FN ? f.t->elem[n] : type_plain(T_ANY);
    uint32_t *v = comp_alloc(c, (args->n + 1) * sizeof *v);
    v[0] = ex_value(l, f);
    if (args->n < n)
        low_diag(l, "E0207", at, "this function takes %u arguments", n);
    /* the library hands on more than a function may take: the surplus is dropped */
    if (args->n > n && !l->mod->is_std)
        low_diag(l, "E0208", at, "this function takes %u arguments", n);
    for (uint32_t i = 0; i < args->n; i++) {
        if (args->at[i].name.text.len)
            low_diag(l, "E0206", args->at[i].name.at, "arguments of a function value have no names");
        struct type *t = f.t->kind == T_FN && i < n ? f.t->elem[i] : NULL;
        v[i + 1] = ex_value(l, ex_join(l, lower_to(l, args->at[i].value, t)));
    }
    return ex_of(ir_opn(l, IR_CALL_VALUE, result, v, args->n + 1, args->n, at), result, at);
}

/* call.f(x): a tool call that has not run. */
static bool call_path(struct low *l, const struct node *n, struct sym **ret)
{
    struct path p = { 0 };
    struct name parts[8];
    const struct node *at = n;
    while (at->kind == AST_EXPR_MEMBER && p.n < 8) {
        parts[7 - p.n++] = at->u.member.name;
        at = at->u.member.object;
    }
    if (at->kind != AST_EXPR_NAME || !slice_is(at->u.name.text, "call") || !p.n ||
        scope_find(l, at->u.name.text) || module_find(l->mod, at->u.name.text))
        return false;
    p.at = parts + 8 - p.n;
    *ret = resolve_path(l->c, l->mod, &p, true);
    return true;
}

static struct ex make_call(struct low *l, struct sym *s, const struct arg_list *args, struct span at)
{
    struct comp *c = l->c;
    if (!s)
        return ex_bad(l, at);
    if (s->kind != SYM_FN && s->kind != SYM_EXTERN) {
        low_diag(l, "E0615", at, "`%.*s` is not a tool", (int)s->name.len, s->name.ptr);
        return ex_bad(l, at);
    }
    resolve_func(c, s);
    struct type *t = type_make(&c->arena, T_CALL, 0);
    struct ex *e = comp_alloc(c, s->n_param * sizeof *e + 1);
    if (!t)
        comp_nomem(c);
    t->tool = comp_alloc(c, sizeof *t->tool);
    t->tool[0] = s;
    t->n_tool = 1;
    if (!lower_args(l, s, args, at, e))
        return ex_bad(l, at);
    uint32_t *v = comp_alloc(c, s->n_param * sizeof *v + 1);
    for (uint32_t i = 0; i < s->n_param; i++)
        v[i] = ex_value(l, e[i]);
    uint32_t two[2];
    struct ex tool = sym_value(l, s, at, type_plain(T_TOOL));
    two[1] = ir_opn(l, IR_STRUCT, type_plain(T_ANY), v, s->n_param, rtype_args(c, s), at);
    two[0] = ex_value(l, tool);
    return ex_of(ir_opn(l, IR_CALLVAL, t, two, 2, rtype_of(c, t), at), t, at);
}

/* ---- contexts ---- */

/* The context a value holds becomes the one in force, until the caller puts `saved` back. */
static struct kctx enter_value(struct low *l, struct ex c, bool write, struct span at)
{
    struct kctx saved = l->k;
    uint32_t v = ex_value(l, c);
    l->k.chain = ir_chain_new(l, v, false);
    l->f->chain[l->k.chain].used = true;
    l->k.role = -1;
    l->k.token = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, write ? IR_ENTER : IR_KPHI, at);
    i->kout = l->k.token;
    i->imm = i->label = IR_NO;
    if (write) {
        i->imm = i->label = 0;
        ir_args(l, i, &v, 1);
    }
    return saved;
}

static uint32_t ctx_result(struct low *l, struct type *t)
{
    uint32_t at = l->f->n_insn - 1;
    uint32_t v = ir_value_new(l, t);
    l->f->insn[at].dst = v;
    return v;
}

static struct ex ctx_query(struct low *l, enum ctx_query q, struct type *t, struct span at)
{
    ir_ctx(l, IR_QUERY, at)->imm = q;
    return ex_of(ctx_result(l, t), t, at);
}

static const struct node *ctx_arg(const struct arg_list *args, const char *name, uint32_t pos)
{
    for (uint32_t i = 0; args && i < args->n; i++)
        if (args->at[i].name.text.len ? slice_is(args->at[i].name.text, name) : i == pos)
            return args->at[i].value;
    return NULL;
}

static void drop_turns(struct low *l, const struct arg_list *args, struct span at)
{
    const struct node *oldest = ctx_arg(args, "oldest", 0), *keep = ctx_arg(args, "keep_system", 1);
    struct ex n = oldest ? lower_to(l, oldest, type_plain(T_INT))
                         : ex_konst(l->c, konst_int(l->c, 1), type_plain(T_INT), at);
    struct ex k = keep ? lower_to(l, keep, type_plain(T_BOOL))
                       : ex_konst(l->c, konst_bool(l->c, true), type_plain(T_BOOL), at);
    uint32_t v[2] = { ex_value(l, n), ex_value(l, k) };
    ir_args(l, ir_ctx(l, IR_DROP_TURNS, at), v, 2);
}

static struct ex ctx_method(struct low *l, const struct node *object, struct ex c, bool here,
                            struct name name, const struct arg_list *args, struct span at)
{
    struct slice s = name.text;
    struct type *ctx = type_plain(T_CONTEXT), *mark = type_plain(T_MARK), *str = type_plain(T_STR);
    if (slice_is(s, "fork")) {
        if (here)
            c = lower_expr(l, object, NULL);
        return here ? c : ex_of(ir_op1(l, IR_CTX_FORK, ctx, ex_value(l, c), 0, at), ctx, at);
    }
    const struct node *arg = ctx_arg(args, "m", 0);
    struct ex m = { 0 };
    bool takes = slice_is(s, "since") || slice_is(s, "rollback");
    if (takes && !arg) {
        low_diag(l, "E0207", at, "`%.*s` needs a mark", (int)s.len, s.ptr);
        return ex_bad(l, at);
    }
    if (takes)
        m = lower_to(l, arg, mark);
    bool write = slice_is(s, "rollback") || slice_is(s, "drop_turns");
    struct kctx saved = l->k;
    if (!here)
        saved = enter_value(l, c, write, at);
    struct ex r = ex_null(l, at);
    uint32_t v = takes ? ex_value(l, m) : IR_NO;
    if (slice_is(s, "mark")) {
        ir_ctx(l, IR_MARK, at);
        r = ex_of(ctx_result(l, mark), mark, at);
    } else if (slice_is(s, "since")) {
        ir_args(l, ir_ctx(l, IR_SINCE, at), &v, 1);
        r = ex_of(ctx_result(l, str), str, at);
    } else if (slice_is(s, "rollback")) {
        ir_args(l, ir_ctx(l, IR_ROLLBACK, at), &v, 1);
    } else if (slice_is(s, "drop_turns")) {
        drop_turns(l, args, at);
    } else {
        low_diag(l, "E0204", name.at, "a context has no method `%.*s`", (int)s.len, s.ptr);
    }
    if (!here)
        l->k = saved;
    return r;
}

static struct type *msg_list(struct low *l)
{
    struct type *t = type_make(&l->c->arena, T_STRUCT, 0);
    if (!t)
        comp_nomem(l->c);
    t->strct = l->c->msg;
    return type_list(&l->c->arena, t);
}

static bool ctx_property(struct low *l, struct slice s, struct span at, struct ex *ret)
{
    static const struct { const char *name; enum ctx_query q; enum type_kind t; bool opt; } row[] = {
        { "tokens", QUERY_TOKENS, T_INT, false }, { "left", QUERY_LEFT, T_INT, false },
        { "text", QUERY_TEXT, T_STR, false }, { "role", QUERY_ROLE, T_STR, true },
        { "model", QUERY_MODEL, T_STR, false },
    };
    if (slice_is(s, "messages")) {
        *ret = ctx_query(l, QUERY_MESSAGES, msg_list(l), at);
        return true;
    }
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (slice_is(s, row[i].name)) {
            struct type *t = type_plain(row[i].t);
            *ret = ctx_query(l, row[i].q, row[i].opt ? type_opt(&l->c->arena, t) : t, at);
            return true;
        }
    return false;
}

/* object is `here`, or NULL with the context in *value */
static struct ex on_context(struct low *l, const struct node *object, struct ex c, struct name name,
                            const struct arg_list *args, struct span at)
{
    bool here = object && object->kind == AST_EXPR_HERE;
    if (args)
        return ctx_method(l, object, c, here, name, args, at);
    struct kctx saved = l->k;
    if (!here)
        saved = enter_value(l, c, false, at);
    struct ex r;
    bool found = ctx_property(l, name.text, at, &r);
    if (!here)
        l->k = saved;
    if (found)
        return r;
    low_diag(l, "E0204", name.at, "a context has no member `%.*s`", (int)name.text.len, name.text.ptr);
    return ex_bad(l, at);
}

struct ex context_member(struct low *l, const struct node *object, struct name name,
                         const struct arg_list *args, struct span at)
{
    return on_context(l, object, ex_null(l, at), name, args, at);
}

/* ---- members ---- */

static struct ex enum_member(struct low *l, struct sym *s, struct name name, struct span at)
{
    struct comp *c = l->c;
    struct edecl *d = resolve_enum(c, s);
    struct type *t = type_make(&c->arena, T_ENUM, 0);
    if (!t)
        comp_nomem(c);
    t->enm = d;
    uint32_t rt = rtype_of(c, t);
    bool all = slice_is(name.text, "all");
    uint32_t *item = comp_alloc(c, d->n * sizeof *item + 1);
    for (uint32_t i = 0; i < d->n; i++) {
        if (!all && !slice_eq(d->variant[i].name, name.text))
            continue;
        item[i] = konst_add(c, (struct konst){ .kind = KONST_ENUM, .rtype = rt, .i = i });
        if (!all)
            return ex_konst(c, item[i], t, at);
    }
    if (all)
        return ex_konst(c, konst_items(c, KONST_LIST, 0, item, d->n), type_list(&c->arena, t), at);
    low_diag(l, "E0204", name.at, "`%.*s` has no variant `%.*s`", (int)d->name.len, d->name.ptr,
             (int)name.text.len, name.text.ptr);
    return ex_bad(l, at);
}

static struct ex by_name(struct low *l, struct ex o, struct slice name, struct type *t, struct span at)
{
    uint32_t k = konst_str(l->c, name);
    return ex_of(ir_op1(l, IR_MEMBER, t, ex_value(l, o), k, at), t, at);
}

static struct type *partial_of(struct low *l, struct type *t)
{
    return type_opt(&l->c->arena, t);
}

static bool struct_member(struct low *l, struct ex o, struct slice name, struct span at, struct ex *ret)
{
    struct sdecl *d = o.t->kind == T_PARTIAL ? o.t->elem[0]->strct : o.t->strct;
    for (uint32_t i = 0; i < d->n; i++) {
        if (!slice_eq(d->field[i].name, name))
            continue;
        struct type *t = d->field[i].type;
        if (o.k && o.t->kind == T_STRUCT && l->c->konst[o.k - 1].kind == KONST_STRUCT)
            *ret = ex_konst(l->c, l->c->konst[o.k - 1].item[i], t, at);
        else if (o.t->kind == T_PARTIAL)
            *ret = by_name(l, o, name, partial_of(l, t), at);
        else if (!d->sym)
            *ret = by_name(l, o, name, t, at);
        else
            *ret = ex_of(ir_op1(l, IR_FIELD, t, ex_value(l, o), i, at), t, at);
        return true;
    }
    return false;
}

static struct type *plain_member(struct low *l, const struct type *t, struct slice s)
{
    struct comp *c = l->c;
    struct type *str = type_plain(T_STR), *num = type_plain(T_INT), *flt = type_plain(T_FLOAT);
    struct type *opt = type_opt(&c->arena, str);
    switch (t->kind) {
    case T_ERROR:
        if (slice_is(s, "kind") || slice_is(s, "code") || slice_is(s, "message") || slice_is(s, "where") ||
            slice_is(s, "context"))
            return str;
        return slice_is(s, "cause") ? type_opt(&c->arena, type_plain(T_ERROR)) : NULL;
    case T_MATCH:
        if (slice_is(s, "text"))
            return str;
        if (slice_is(s, "groups"))
            return type_list(&c->arena, str);
        return slice_is(s, "start") || slice_is(s, "end") ? num : NULL;
    case T_META:
        if (slice_is(s, "finish"))
            return str;
        if (slice_is(s, "stop") || slice_is(s, "thinking"))
            return opt;
        if (slice_is(s, "logprob"))
            return flt;
        if (slice_is(s, "forced"))
            return num;
        if (slice_is(s, "probs"))
            return type_map(&c->arena, str, flt);
        if (slice_is(s, "tokens")) {
            struct type *tok = type_make(&c->arena, T_STRUCT, 0);
            if (!tok)
                comp_nomem(c);
            tok->strct = c->tok;
            return type_list(&c->arena, tok);
        }
        return NULL;
    case T_CALL:
        return slice_is(s, "name") ? str : slice_is(s, "args") ? type_plain(T_JSON) : NULL;
    case T_ENUM:
        return slice_is(s, "text") || slice_is(s, "name") ? str : NULL;
    case T_DURATION:
        return slice_is(s, "ms") ? num : NULL;
    default:
        return NULL;
    }
}

static struct ex member_of(struct low *l, struct ex o, struct name name, struct span at)
{
    struct comp *c = l->c;
    struct slice s = name.text;
    struct ex r;
    enum type_kind kind = type_base(o.t)->kind;
    if (kind == T_CONTEXT)
        return on_context(l, NULL, o, name, NULL, at);
    if (kind == T_BRANCHES) {
        int what = slice_is(s, "count") ? BRANCHES_COUNT : slice_is(s, "finished") ? BRANCHES_FINISHED
                   : slice_is(s, "index") ? BRANCHES_INDEX : -1;
        struct type *t = what == BRANCHES_INDEX ? type_list(&c->arena, type_plain(T_INT)) : type_plain(T_INT);
        if (what >= 0)
            return ex_of(ir_op1(l, IR_BRANCHES, t, ex_value(l, o), (uint32_t)what, at), t, at);
    }
    if (kind == T_STRUCT || (kind == T_PARTIAL && o.t->elem[0]->kind == T_STRUCT))
        if (struct_member(l, o, s, at, &r))
            return r;
    if (kind == T_JSON || kind == T_ANY || kind == T_PARTIAL)
        return by_name(l, o, s, type_plain(kind == T_PARTIAL ? T_ANY : kind), at);
    struct type *t = plain_member(l, o.t, s);
    if (t)
        return by_name(l, o, s, t, at);
    if (o.t->kind == T_NEVER)
        return o;
    if (o.t->kind == T_OPT)
        low_diag(l, "E0305", at, "this may be null: use `?.%.*s`, or test it first", (int)s.len, s.ptr);
    else if (library_has_method(o.t, s))
        low_diag(l, "E0204", name.at, "`%.*s` is a method: call it with ()", (int)s.len, s.ptr);
    else
        low_diag(l, "E0204", name.at, "%s has no member `%.*s`", comp_type_text(c, o.t), (int)s.len, s.ptr);
    return ex_bad(l, at);
}

/* x?.f: null stays null */
static struct ex optional(struct low *l, struct ex o, const struct node *n, const struct arg_list *args,
                          struct type *want)
{
    struct meet m;
    uint32_t v = ex_value(l, o), none = ir_block_new(l);
    meet_begin(l, &m, true, NULL);
    ir_branch(l, IR_BR_NULL, v, none, n->span);
    ir_block(l, ir_block_new(l), n->span);
    struct ex some = ex_of(v, type_no_null(o.t), n->span);
    struct name name = args ? n->u.call.callee->u.member.name : n->u.member.name;
    struct ex r = args ? library_method(l, some, name, args, n->span, want) : member_of(l, some, name, n->span);
    meet_way(l, &m, r, n->span);
    ir_block(l, none, n->span);
    meet_enter(l, &m);
    meet_way(l, &m, ex_null(l, n->span), n->span);
    return meet_end(l, &m, n->span);
}

static bool is_meta_call(const struct node *n)
{
    return n->kind == AST_EXPR_CALL && n->u.call.callee->kind == AST_EXPR_NAME &&
           slice_is(n->u.call.callee->u.name.text, "meta") && n->u.call.args.n == 1;
}

struct ex lower_member(struct low *l, const struct node *n, struct type *want)
{
    const struct node *o = n->u.member.object;
    struct name name = n->u.member.name;
    if (o->kind == AST_EXPR_HERE)
        return context_member(l, o, name, NULL, n->span);
    struct sym *s = path_sym(l, n);
    if (s)
        return sym_value(l, s, n->span, want);
    bool local = o->kind == AST_EXPR_NAME && scope_find(l, o->u.name.text);
    struct sym *os = local ? NULL : path_sym(l, o);
    if (os && os->kind == SYM_ENUM)
        return enum_member(l, os, name, n->span);
    if (os && os->kind == SYM_ALIAS && os->type && os->type->kind == T_ENUM)
        return enum_member(l, os->type->enm->sym, name, n->span);
    if (os && os->kind == SYM_IMPORT) {
        if (os->target)
            low_diag(l, "E0204", name.at, "module `%.*s` has no `%.*s`", (int)os->name.len, os->name.ptr,
                     (int)name.text.len, name.text.ptr);
        return ex_bad(l, n->span);
    }
    if (is_meta_call(o) && (slice_is(name.text, "logprob") || slice_is(name.text, "tokens"))) {
        uint32_t v = meta_value(l, o->u.call.args.at[0].value, o->span, true);
        return v == IR_NO ? ex_bad(l, n->span) : member_of(l, ex_of(v, type_plain(T_META), o->span), name, n->span);
    }
    struct ex e = lower_expr(l, o, NULL);
    if (n->u.member.optional && (e.t->kind == T_OPT || e.t->kind == T_JSON || e.t->kind == T_ANY))
        return optional(l, e, n, NULL, want);
    return member_of(l, e, name, n->span);
}

/* ---- calls ---- */

static bool has_fn_field(const struct type *t, struct slice name)
{
    if (t->kind != T_STRUCT)
        return false;
    for (uint32_t i = 0; i < t->strct->n; i++)
        if (slice_eq(t->strct->field[i].name, name))
            return true;
    return false;
}

/* xs.push(v) on a variable gives it the longer list. */
static struct ex push_to_var(struct low *l, const struct node *n)
{
    const struct node *o = n->u.call.callee->u.member.object;
    struct ex list = lower_expr(l, o, NULL);
    struct ex r = library_method(l, list, n->u.call.callee->u.member.name, &n->u.call.args, n->span, NULL);
    assign_to(l, o, r, n->span);
    return ex_null(l, n->span);
}

static struct ex call_method(struct low *l, const struct node *n, struct type *want)
{
    const struct node *callee = n->u.call.callee, *o = callee->u.member.object;
    struct name name = callee->u.member.name;
    struct sym *s;
    if (call_path(l, callee, &s))
        return make_call(l, s, &n->u.call.args, n->span);
    if (o->kind == AST_EXPR_HERE)
        return context_member(l, o, name, &n->u.call.args, n->span);
    s = path_sym(l, callee);
    if (s && s->kind == SYM_CONST)
        return call_value(l, sym_value(l, s, callee->span, NULL), &n->u.call.args, n->span);
    if (s)
        return call_sym(l, s, &n->u.call.args, n->span, want);
    if (o->kind == AST_EXPR_NAME && !scope_find(l, o->u.name.text)) {
        struct sym *os = path_sym(l, o);
        if (os && os->kind == SYM_IMPORT)
            return lower_member(l, callee, want);
    }
    if (slice_is(name.text, "push") && is_var_path(l, o))
        return push_to_var(l, n);
    struct ex e = lower_expr(l, o, NULL);
    if (callee->u.member.optional && (e.t->kind == T_OPT || e.t->kind == T_ANY || e.t->kind == T_JSON))
        return optional(l, e, n, &n->u.call.args, want);
    if (e.t->kind == T_CONTEXT)
        return on_context(l, NULL, e, name, &n->u.call.args, n->span);
    if (e.t->kind == T_BRANCHES && slice_is(name.text, "cancel")) {
        ir_op1(l, IR_CANCEL, NULL, ex_value(l, e), 0, n->span);
        return ex_null(l, n->span);
    }
    if (has_fn_field(e.t, name.text))
        return call_value(l, member_of(l, e, name, callee->span), &n->u.call.args, n->span);
    return library_method(l, e, name, &n->u.call.args, n->span, want);
}

struct ex lower_call(struct low *l, const struct node *n, struct type *want)
{
    const struct node *callee = n->u.call.callee;
    if (callee->kind == AST_EXPR_MEMBER)
        return call_method(l, n, want);
    if (callee->kind != AST_EXPR_NAME)
        return call_value(l, lower_expr(l, callee, NULL), &n->u.call.args, n->span);
    struct slice name = callee->u.name.text;
    struct binding *b = scope_find(l, name);
    struct ex r;
    if (b)
        return call_value(l, lower_expr(l, callee, NULL), &n->u.call.args, n->span);
    struct sym *s = path_sym(l, callee);
    if (s && s->kind == SYM_CONST)
        return call_value(l, sym_value(l, s, callee->span, NULL), &n->u.call.args, n->span);
    if (s && s->kind != SYM_IMPORT)     /* `json(x)` converts beside `import std.json` */
        return call_sym(l, s, &n->u.call.args, n->span, want);
    if (library_call(l, n, name, want, &r))
        return r;
    if (s)
        return call_sym(l, s, &n->u.call.args, n->span, want);
    lower_expr(l, callee, NULL);        /* says that it is unknown */
    for (uint32_t i = 0; i < n->u.call.args.n; i++)
        lower_expr(l, n->u.call.args.at[i].value, NULL);
    return ex_bad(l, n->span);
}
