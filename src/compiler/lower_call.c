/* lower_call.c - calls: names of declarations, arguments, parts, constructors, function values. */

#include "compiler/suggest.h"

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
        low_diag(l, "E0211", name.at, "`%.*s` is private to its file", (int)name.text.len,
                 name.text.ptr);
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
        p[i] = (struct bc_param){ comp_slice(c, s->param[i].name), rtype_of(c, s->param[i].type),
                                  BC_NO_INDEX, SLICE("") };
    }
    enum ir_op op = s->native ? IR_NATIVE : IR_CALL_EXTERN;
    uint32_t r = ir_opn(&in, op, s->result, v, s->n_param,
                        s->native ? s->native - 1 : extern_of(c, s), at);
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
        if (want && want->kind == T_TOOL)
            return tool_value(l, s, at);
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
                struct suggest near = { .wanted = a->name.text };
                for (k = 0; k < n; k++)
                    suggest_try(&near, name[k]);
                struct diag *d = low_diag(l, "E0206", a->name.at, "`%.*s` has no argument `%.*s`",
                                          (int)what.len, what.ptr, (int)a->name.text.len,
                                          a->name.text.ptr);
                suggest_say(&near, l->c, d, a->name.at);
                return false;
            }
        }
        if (k >= n)
            return too_many(l, a, what, n);
        if (slot[k].arg) {
            low_diag(l, "E0206", a->name.text.len ? a->name.at : a->value->span,
                     "argument `%.*s` is given twice", (int)name[k].len, name[k].ptr);
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

/* Where an argument is missing: the bracket that closes the call. */
struct span call_end(struct span call)
{
    return call.len ? (struct span){ call.off + call.len - 1, 1 } : call;
}

/* The list of a library function that says what it gives: its elements keep their type. */
static struct ex lower_listed(struct low *l, const struct node *arg, struct type *want)
{
    bool empty = arg->kind == AST_EXPR_LIST && !arg->u.list.n;
    struct ex e = ex_join(l, lower_expr(l, arg, empty ? want : NULL));
    return e.t->kind == T_LIST ? e : coerce(l, e, want, arg->span);
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
                out[i] = i == 0 && s->gives.len ? lower_listed(l, slot[i].arg, s->param[i].type)
                                                : lower_to(l, slot[i].arg, s->param[i].type);
    for (uint32_t i = 0; i < n; i++) {
        if (slot[i].arg)
            continue;
        struct fparam *p = &s->param[i];
        if (!p->fallback) {
            low_diag(l, "E0207", call_end(at), "`%.*s` needs the argument `%.*s`", (int)s->name.len,
                     s->name.ptr,
                     (int)p->name.len, p->name.ptr);
            return false;
        }
        out[i] = is_literal(p->fallback) ? lower_to(l, p->fallback, p->type)
                                         : default_of(l, s->mod, p->fallback, p->type,
                                                      &p->fallback_func, at);
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
    struct ctl ctl = { .up = l->ctl, .kind = CTL_PART, .meet = &m,
                       .result = value ? s->result : NULL };

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
        b->ex.gen = 0;              /* a parameter is not bound by the generation itself */
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

static struct ex convert_enum(struct low *l, struct type *t, const struct arg_list *args,
                              struct span at)
{
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", args->n ? args->at[1].value->span : call_end(at),
                 "an enum is made of one text");
        return ex_bad(l, at);
    }
    struct ex e = lower_expr(l, args->at[0].value, NULL);
    if (e.k && e.t->kind == T_STR)
        return coerce(l, e, t, args->at[0].value->span);
    if (!type_is_str(e.t) && e.t->kind != T_ENUM && e.t->kind != T_JSON && e.t->kind != T_ANY) {
        low_diag(l, "E0307", args->at[0].value->span, "%s cannot be made of %s",
                 comp_type_text(l->c, t),
                 comp_type_text(l->c, e.t));
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
            low_diag(l, "E0207", call_end(at), "`%.*s` needs the field `%.*s`", (int)d->name.len,
                     d->name.ptr,
                     (int)f->name.len, f->name.ptr);
            return ex_of(ex_value(l, ex_null(l, at)), t, at);
        }
        if (!slot[i].arg)
            e[i] = is_literal(f->fallback) ? lower_to(l, f->fallback, f->type)
                                           : default_of(l, d->sym->mod, f->fallback, f->type,
                                                        &f->fallback_func, at);
        konst &= e[i].k != 0;
    }
    uint32_t rt = rtype_of(c, t);
    for (uint32_t i = 0; i < d->n; i++)
        v[i] = konst ? e[i].k - 1 : ex_value(l, e[i]);
    if (konst)
        return ex_konst(c, konst_items(c, KONST_STRUCT, rt, v, d->n), t, at);
    return ex_of(ir_opn(l, IR_STRUCT, t, v, d->n, rt, at), t, at);
}

/* Said once for all parts of a circle, at the call that leads into it. */
static void part_loop(struct low *l, struct sym *s, struct span at)
{
    struct comp *c = l->c;
    uint32_t quiet = c->quiet;
    if (s->looped)
        return;
    for (uint32_t m = 0; m < c->n_mod; m++)
        for (uint32_t i = 0; i < c->mod[m]->n_sym; i++)
            c->mod[m]->sym[i]->looped |= c->mod[m]->sym[i]->expanding;
    c->quiet = 0;
    comp_diag(c, l->part_depth ? l->part_mod : l->mod, "E0312", l->part_depth ? l->part_at : at,
              "part `%.*s` calls itself", (int)s->name.len, s->name.ptr);
    c->quiet = quiet;
}

static struct ex call_part(struct low *l, struct sym *s, const struct ex *e, struct span at)
{
    if (s->expanding) {
        part_loop(l, s, at);
        return ex_bad(l, at);
    }
    if (l->part_depth >= PART_DEPTH_MAX) {
        low_diag(l, "R0706", at, "parts call each other more than %d deep here", PART_DEPTH_MAX);
        return ex_bad(l, at);
    }
    return expand_part(l, s, e, at);
}

static struct ex call_func(struct low *l, struct sym *s, const struct arg_list *args,
                           struct span at)
{
    struct comp *c = l->c;
    resolve_func(c, s);
    struct ex *e = comp_alloc(c, s->n_param * sizeof *e + 1);
    if (!lower_args(l, s, args, at, e))
        return s->result->kind == T_NULL ? ex_null(l, at) : ex_of(ex_value(l, ex_null(l, at)),
                                                                  s->result, at);
    if (s->kind == SYM_PART)
        return call_part(l, s, e, at);
    uint32_t *v = comp_alloc(c, s->n_param * sizeof *v + 1);
    for (uint32_t i = 0; i < s->n_param; i++)
        v[i] = ex_value(l, e[i]);
    struct type *t = s->gives.len ? library_gives(c, s->gives, e[0].t) : s->result;
    uint32_t r;
    if (s->native) {
        r = ir_opn(l, IR_NATIVE, t, v, s->n_param, s->native - 1, at);
    } else if (s->kind == SYM_EXTERN) {
        r = ir_opn(l, IR_CALL_EXTERN, t, v, s->n_param, extern_of(c, s), at);
    } else {
        uint32_t func = func_of(c, s);
        note_callee(l, func);
        r = ir_opn(l, IR_CALL, t, v, s->n_param, func, at);
    }
    if (t->kind == T_NEVER)
        l->dead = true;
    return ex_of(r, t, at);
}

struct ex call_sym(struct low *l, struct sym *s, const struct arg_list *args, struct span at,
                   struct type *want)
{
    struct comp *c = l->c;
    struct type *t;
    (void)want;
    switch (s->kind) {
    case SYM_FN: case SYM_PART: case SYM_EXTERN:
        if (library_writes_rows(l, s, args, at))
            return ex_null(l, at);
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

static bool holds_float(const struct type *t)
{
    if (t->kind == T_LIST || t->kind == T_MAP || t->kind == T_TUPLE || t->kind == T_OPT)
        for (uint32_t i = 0; i < t->n; i++)
            if (holds_float(t->elem[i]))
                return true;
    return t->kind == T_FLOAT;
}

static struct ex call_value(struct low *l, struct ex f, const struct arg_list *args, struct span at)
{
    struct comp *c = l->c;
    if (f.t->kind != T_FN && f.t->kind != T_ANY) {
        low_diag(l, f.t->kind == T_OPT ? "E0305" : "E0301", f.at.len ? f.at : at,
                 "%s cannot be called",
                 comp_type_text(c, f.t));
        return ex_bad(l, at);
    }
    uint32_t n = f.t->kind == T_FN ? f.t->n - 1 : args->n;
    struct type *result = f.t->kind == T_FN ? f.t->elem[n] : type_plain(T_ANY);
    uint32_t *v = comp_alloc(c, (args->n + 1) * sizeof *v);
    v[0] = ex_value(l, f);
    if (args->n < n)
        low_diag(l, "E0207", call_end(at), "this function takes %u argument%s", n,
                 n == 1 ? "" : "s");
    /* the library hands on more than a function may take: the surplus is dropped */
    if (args->n > n && !l->mod->is_std)
        low_diag(l, "E0208", args->at[n].value->span, "this function takes %u argument%s", n,
                 n == 1 ? "" : "s");
    for (uint32_t i = 0; i < args->n; i++) {
        if (args->at[i].name.text.len)
            low_diag(l, "E0206", args->at[i].name.at,
                     "arguments of a function value have no names");
        struct type *t = f.t->kind == T_FN && i < n ? f.t->elem[i] : NULL;
        v[i + 1] = ex_value(l, ex_join(l, lower_to(l, args->at[i].value, t)));
    }
    uint32_t r = ir_opn(l, IR_CALL_VALUE, result, v, args->n + 1, args->n, at);
    if (holds_float(result))        /* a function that gives int is accepted too */
        r = ir_op1(l, IR_CHECK, result, r, rtype_of(c, result), at);
    return ex_of(r, result, at);
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

static struct ex make_call(struct low *l, struct sym *s, const struct arg_list *args,
                           struct span at)
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
    int64_t id = s->kind == SYM_FN ? (int64_t)func_of(c, s) : -1 - (int64_t)extern_of(c, s);
    uint32_t k = konst_add(c, (struct konst){ .kind = KONST_TOOL, .i = id });
    struct ex tool = ex_konst(c, k, type_plain(T_TOOL), at);
    two[1] = ir_opn(l, IR_STRUCT, type_plain(T_ANY), v, s->n_param, rtype_args(c, s), at);
    two[0] = ex_value(l, tool);
    return ex_of(ir_opn(l, IR_CALLVAL, t, two, 2, rtype_of(c, t), at), t, at);
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
    struct ex r = library_method(l, list, n->u.call.callee->u.member.name, &n->u.call.args, n->span,
                                 NULL);
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
    if (callee->u.member.optional &&
        (e.t->kind == T_OPT || e.t->kind == T_ANY || e.t->kind == T_JSON))
        return lower_optional(l, e, n, &n->u.call.args, want);
    if (e.t->kind == T_CONTEXT)
        return member_on_context(l, NULL, e, name, &n->u.call.args, n->span);
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
