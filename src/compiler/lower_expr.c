/* lower_expr.c - expressions: narrowing, names, indexes, lambdas, and the switch over all kinds. */

#include "compiler/suggest.h"

enum { EXPR_DEPTH_MAX = 1000 };

/* ---- narrowing ---- */

static void narrow_name(struct low *l, const struct node *n, bool null)
{
    while (n->kind == AST_EXPR_PAREN)
        n = n->u.inner;
    if (n->kind != AST_EXPR_NAME)
        return;
    struct binding *b = scope_find(l, n->u.name.text);
    if (!b || (b->kind != BIND_VALUE && !(b->kind == BIND_ENV && !b->is_var)) ||
        b->t->kind != T_OPT)
        return;
    struct name name = { b->name, { 0, 0 } };
    struct type *t = null ? type_plain(T_NULL) : b->t->elem[0];
    struct binding *r = scope_bind(l, name, b->kind, b->v, t);
    r->ex = b->ex;
    r->ex.t = t;
    r->quiet = true;
}

/* Binds names again with what `cond` being true (or false) says about them. */
void narrow(struct low *l, const struct node *cond, bool truth)
{
    switch (cond->kind) {
    case AST_EXPR_PAREN:
        narrow(l, cond->u.inner, truth);
        return;
    case AST_EXPR_UNARY:
        if (cond->u.unary.op == UN_NOT)
            narrow(l, cond->u.unary.operand, !truth);
        return;
    case AST_EXPR_BINARY:
        break;
    default:
        return;
    }
    const struct node *a = cond->u.binary.left, *b = cond->u.binary.right;
    enum binary_op op = cond->u.binary.op;
    if ((op == BIN_AND && truth) || (op == BIN_OR && !truth)) {
        narrow(l, a, truth);
        narrow(l, b, truth);
    } else if (op == BIN_EQ || op == BIN_NE) {
        bool null = (op == BIN_EQ) == truth;
        if (b->kind == AST_EXPR_NULL)
            narrow_name(l, a, null);
        else if (a->kind == AST_EXPR_NULL)
            narrow_name(l, b, null);
    }
}

/* ---- names, indexes ---- */

static struct ex bound_name(struct low *l, struct binding *b, struct span at)
{
    struct ex e = b->ex;
    switch (b->kind) {
    case BIND_VALUE:
        e.at = at;
        return stream_force(l, e, at);
    case BIND_VAR:
        return ex_of(ir_load(l, b->v, at), b->t, at);
    case BIND_ENV: {
        uint32_t v = ir_op0(l, IR_ENV_GET, b->t, at);
        l->f->insn[l->f->n_insn - 1].imm = b->v;
        return ex_of(v, b->t, at);
    }
    default:                    /* tried only: the lists depend on each other */
        l->c->poisoned = true;
        return ex_bad(l, at);
    }
}

static bool pattern_binds(const struct node *p, struct slice name)
{
    if (p->kind == AST_PAT_NAME)
        return slice_eq(p->u.name.text, name);
    for (uint32_t i = 0; p->kind == AST_PAT_TUPLE && i < p->u.list.n; i++)
        if (pattern_binds(p->u.list.at[i], name))
            return true;
    return false;
}

static bool text_binds(const struct node *n, struct slice name)
{
    if (n->kind == AST_STMT_ROLE && n->u.role.body)
        return text_binds(n->u.role.body, name);
    if (n->kind == AST_STMT_EXPR)
        n = n->u.inner;
    for (uint32_t i = 0; n->kind == AST_EXPR_TEXT && i < n->u.text.n; i++)
        if (n->u.text.piece[i].kind == PIECE_HOLE && slice_eq(n->u.text.piece[i].name.text, name))
            return true;
    return false;
}

static bool script_has(const struct comp *c, struct slice name)
{
    const struct node_list *list = &c->main_mod->ast->u.list;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct node *n = list->at[i];
        if (n->kind == AST_STMT_LET ? pattern_binds(n->u.let.pattern, name) : text_binds(n, name))
            return true;
    }
    return false;
}

static void unknown_name(struct low *l, struct slice text, struct span at)
{
    struct suggest near = { .wanted = text };
    struct diag *d = low_diag(l, "E0201", at, "unknown name `%.*s`", (int)text.len, text.ptr);
    suggest_name(&near, l);
    suggest_say(&near, l->c, d, at);
}

static struct ex name(struct low *l, const struct node *n, struct type *want)
{
    struct slice text = n->u.name.text;
    struct binding *b = scope_find(l, text);
    if (b && b->captured && b->t->kind == T_BRANCHES) {
        low_diag(l, "E0503", n->span, "branches cannot be captured by %s: join them outside",
                 l->is_branch ? "another branch" : "a lambda");
        return ex_bad(l, n->span);
    }
    if (b)
        return bound_name(l, b, n->span);
    struct sym *s = path_sym(l, n);
    if (s)
        return sym_value(l, s, n->span, want);
    if (!l->is_script && l->mod == l->c->main_mod && script_has(l->c, text))
        low_diag(l, "E0203", n->span,
                 "`%.*s` belongs to the script and is not visible in functions",
                 (int)text.len, text.ptr);
    else if (library_has(text))
        low_diag(l, "E0201", n->span, "`%.*s` is called, not used as a value", (int)text.len,
                 text.ptr);
    else
        unknown_name(l, text, n->span);
    return ex_bad(l, n->span);
}

static struct ex tuple_item(struct low *l, struct ex o, struct ex i, struct span at)
{
    int64_t k = i.k ? l->c->konst[i.k - 1].i : -1;
    if (!i.k || l->c->konst[i.k - 1].kind != KONST_INT || k < 0 || k >= o.t->n) {
        low_diag(l, "E0301", at, "a tuple of %u is indexed by a constant 0 to %u", o.t->n,
                 o.t->n - 1);
        return ex_bad(l, at);
    }
    return ex_of(ir_op1(l, IR_ITEM, o.t->elem[k], ex_value(l, o), (uint32_t)k, at), o.t->elem[k],
                 at);
}

static struct ex element(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    struct ex o = ex_join(l, lower_expr(l, n->u.index.object, NULL));
    struct type *key = o.t->kind == T_MAP && o.t->elem[0]->kind != T_ANY ? o.t->elem[0] : NULL;
    struct ex i = lower_expr(l, n->u.index.index, key);
    if (key)
        i = coerce(l, i, key, n->u.index.index->span);
    struct type *t = type_plain(T_ANY);
    const struct type *it = type_base(i.t);
    switch (type_base(o.t)->kind) {
    case T_LIST:
        if (it->kind == T_RANGE) {
            t = type_list(&c->arena, o.t->elem[0]);
        } else {
            i = coerce(l, i, type_plain(T_INT), n->u.index.index->span);
            t = o.t->elem[0];
        }
        if (o.k && i.k && it->kind == T_INT) {
            int64_t k = c->konst[i.k - 1].i, count = c->konst[o.k - 1].n;
            k = k < 0 ? k + count : k;
            if (k >= 0 && k < count)
                return ex_konst(c, c->konst[o.k - 1].item[k], t, n->span);
        }
        break;
    case T_RANGE:
        i = it->kind == T_RANGE ? i : coerce(l, i, type_plain(T_INT), n->u.index.index->span);
        t = it->kind == T_RANGE ? type_list(&c->arena, type_plain(T_INT)) : type_plain(T_INT);
        break;
    case T_MAP:
        t = o.t->elem[1];
        break;
    case T_TUPLE:
        return tuple_item(l, o, i, n->span);
    case T_STR:
        if (it->kind != T_RANGE)
            i = coerce(l, i, type_plain(T_INT), n->u.index.index->span);
        t = type_plain(T_STR);
        break;
    case T_JSON:
        t = type_plain(T_JSON);
        break;
    case T_ANY:
        break;
    case T_OPT:
        return ex_mismatch(l, o, type_no_null(o.t), n->u.index.object->span);
    default:
        low_diag(l, "E0301", n->span, "%s cannot be indexed", comp_type_text(c, o.t));
        return ex_bad(l, n->span);
    }
    uint32_t vo = ex_value(l, o);
    return ex_of(ir_op2(l, IR_INDEX, t, vo, ex_value(l, i), n->span), t, n->span);
}

struct type *iter_type(struct low *l, struct ex *e, struct span at)
{
    struct comp *c = l->c;
    switch (type_base(e->t)->kind) {
    case T_LIST: case T_BRANCHES:
        return e->t->elem[0];
    case T_RANGE: case T_INT:
        return type_plain(T_INT);
    case T_MAP: {
        struct type *t = type_make(&c->arena, T_TUPLE, 2);
        if (!t)
            comp_nomem(c);
        t->elem[0] = e->t->elem[0];
        t->elem[1] = e->t->elem[1];
        return t;
    }
    case T_JSON:
        return type_plain(T_JSON);
    case T_ANY: case T_NEVER:
        return type_plain(T_ANY);
    default:
        low_diag(l, "E0504", at, "cannot iterate over %s", comp_type_text(c, e->t));
        return type_plain(T_ANY);
    }
}

/* ---- lambdas ---- */

static struct type *lambda_param(struct type *want, uint32_t i)
{
    if (!want || want->kind != T_FN || i + 1 >= want->n || type_is_open(want->elem[i]))
        return type_plain(T_ANY);
    return want->elem[i];
}

static struct ex lambda_body(struct low *in, const struct node *body, struct type *result)
{
    bool none = result && result->kind == T_NULL;
    struct type *want = result && !type_is_open(result) && !none &&
                        result->kind != T_ANY ? result : NULL;
    struct ex r = body->kind == AST_EXPR_BLOCK ? lower_block(in, body, BLOCK_VALUE, want)
                                               : ex_join(in, lower_any(in, body, BLOCK_VALUE,
                                                                       want));
    if (none)
        return ex_null(in, body->span);
    if (in->found && !want) {
        struct type *t = r.t->kind == T_NEVER ? in->found : type_common(&in->c->arena, in->found,
                                                                        r.t);
        r.t = t ? t : type_plain(T_ANY);
        if (r.v == IR_NO && !r.k)
            r = ex_of(ex_value(in, ex_null(in, body->span)), r.t, body->span);
        return r;
    }
    return want ? coerce(in, r, want, body->span) : r;
}

struct ex lower_lambda(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    uint32_t count = n->u.lambda.params.n, index;
    struct ir_func *f = ir_func_new(c, SLICE("lambda"), l->mod->source, n->span, FUNC_LAMBDA,
                                    &index);
    struct low in;
    low_init(&in, c, l, f, l->mod);
    in.func_index = index;
    in.is_lambda = true;
    in.is_test = l->is_test;
    in.ctx_code = "E0316";
    if (want && want->kind == T_FN && count + 1 > want->n)
        low_diag(l, "E0301", n->span, "this lambda takes %u arguments, but gets %u", count,
                 want->n - 1);
    struct type *t = type_make(&c->arena, T_FN, count + 1);
    struct bc_param *param = arena_array(&c->m->arena, count ? count : 1, sizeof *param);
    if (!t || !param)
        comp_nomem(c);
    for (uint32_t i = 0; i < count; i++) {
        struct type *pt = lambda_param(want, i);
        uint32_t v = ir_value_new(&in, pt);
        *(uint32_t *)comp_push(c, &f->input, &f->n_input, &f->cap_input, sizeof v) = v;
        t->elem[i] = pt;
        param[i] = (struct bc_param){ .name = SLICE("x"), .rtype = rtype_of(c, pt),
                                      .fallback = BC_NO_INDEX };
    }
    for (uint32_t i = 0; i < count; i++)
        bind_pattern(&in, n->u.lambda.params.at[i],
                     ex_of(f->input[f->out.n_capture + i], t->elem[i],
                     n->u.lambda.params.at[i]->span), NULL);
    for (uint32_t i = 0; i < in.scope->n; i++)
        in.scope->b[i]->quiet = true;       /* the caller decides how many there are */
    struct type *result = want && want->kind == T_FN ? want->elem[want->n - 1] : NULL;
    struct ex r = lambda_body(&in, n->u.lambda.body, result);
    t->elem[count] = r.t;
    f->out.param = param;
    f->out.result = rtype_of(c, r.t);
    low_end(&in, r, n->span);
    *(uint32_t *)comp_push(c, &l->f->callee, &l->f->n_callee, &l->f->cap_callee, sizeof index) = index;
    if (!f->n_captured) {
        uint32_t k = konst_add(c, (struct konst){ .kind = KONST_FUNC, .i = index });
        return ex_konst(c, k, t, n->span);
    }
    return ex_of(ir_opn(l, IR_CLOSURE, t, f->captured, f->n_captured, index, n->span), t, n->span);
}

/* ---- the switch ---- */

static struct ex regex_value(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    uint32_t flags = (n->u.regex.icase ? SHAPE_ICASE : 0) | (n->u.regex.dotall ? SHAPE_DOTALL : 0);
    regex_lint(c, l->mod, n->u.regex.text, n->u.regex.icase, n->u.regex.dotall, n->span);
    struct konst k = { .kind = KONST_REGEX, .text = comp_slice(c, n->u.regex.text),
                       .flags = flags };
    return ex_konst(c, konst_add(c, k), type_plain(T_REGEX), n->span);
}

static struct ex lower_inner(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    switch (n->kind) {
    case AST_EXPR_NAME:
        return name(l, n, want);
    case AST_EXPR_INT:
        return ex_konst(c, konst_int(c, n->u.int_value), type_plain(T_INT), n->span);
    case AST_EXPR_FLOAT:
        return ex_konst(c, konst_float(c, n->u.float_value), type_plain(T_FLOAT), n->span);
    case AST_EXPR_DURATION:
        return ex_konst(c, konst_add(c,
                                     (struct konst){ .kind = KONST_DURATION, .i = n->u.int_value }),
                        type_plain(T_DURATION), n->span);
    case AST_EXPR_REGEX:
        return regex_value(l, n);
    case AST_EXPR_BOOL:
        return ex_konst(c, konst_bool(c, n->u.bool_value), type_plain(T_BOOL), n->span);
    case AST_EXPR_NULL:
        return ex_null(l, n->span);
    case AST_EXPR_HERE: {
        struct ir_insn *i = ir_ctx(l, IR_SNAP, n->span);
        size_t at = (size_t)(i - l->f->insn);
        uint32_t v = ir_value_new(l, type_plain(T_CONTEXT));
        l->f->insn[at].dst = v;
        return ex_of(v, type_plain(T_CONTEXT), n->span);
    }
    case AST_EXPR_TEXT:
        return text_value(l, n);
    case AST_EXPR_PAREN:
        return lower_expr(l, n->u.inner, want);
    case AST_EXPR_TUPLE:
        return lower_tuple(l, n, want);
    case AST_EXPR_LIST:
        return lower_list(l, n, want);
    case AST_EXPR_MAP:
        return lower_map(l, n, want);
    case AST_EXPR_MODEL:
        return lower_model(l, n, want, SLICE(""));
    case AST_EXPR_FORK:
        return lower_fork(l, n);
    case AST_EXPR_JOIN:
        return lower_join(l, n, want);
    case AST_EXPR_INFER:
        low_diag(l, "E0113", n->span, "`infer` belongs to a later stage");
        return ex_bad(l, n->span);
    case AST_EXPR_UNARY:
        return lower_unary(l, n);
    case AST_EXPR_BINARY:
        return lower_binary(l, n, want);
    case AST_EXPR_LAMBDA:
        return lower_lambda(l, n, want);
    case AST_EXPR_MEMBER:
        return lower_member(l, n, want);
    case AST_EXPR_CALL:
        return lower_call(l, n, want);
    case AST_EXPR_INDEX:
        return element(l, n);
    default:
        return lower_any(l, n, BLOCK_VALUE, want);
    }
}

struct ex lower_expr(struct low *l, const struct node *n, struct type *want)
{
    if (l->c->depth >= EXPR_DEPTH_MAX) {
        low_diag(l, "R0706", n->span, "this expression is nested too deeply");
        return ex_bad(l, n->span);
    }
    l->c->depth++;
    struct ex e = lower_inner(l, n, want);
    l->c->depth--;
    if (!e.at.len)
        e.at = n->span;
    return e;
}
