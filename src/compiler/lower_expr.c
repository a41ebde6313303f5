/* lower_expr.c - expressions: literals, operators, data, lambdas, and what fits where. */
#include <math.h>
#include <string.h>

#include "compiler/lower.h"

enum { EXPR_DEPTH_MAX = 1000 };

/* ---- what an expression has become ---- */

struct ex ex_of(uint32_t v, struct type *t, struct span at)
{
    return (struct ex){ .v = v, .t = t, .at = at };
}

struct ex ex_konst(struct comp *c, uint32_t k, struct type *t, struct span at)
{
    (void)c;
    return (struct ex){ .v = IR_NO, .k = k + 1, .t = t, .at = at };
}

struct ex ex_null(struct low *l, struct span at)
{
    return ex_konst(l->c, konst_null(l->c), type_plain(T_NULL), at);
}

struct ex ex_none(struct low *l, struct span at)
{
    struct ex e = ex_null(l, at);
    e.none = true;
    return e;
}

/* What stands for an expression that is wrong: fits anywhere. */
struct ex ex_bad(struct low *l, struct span at)
{
    return ex_of(ex_value(l, ex_null(l, at)), type_plain(T_ANY), at);
}

uint32_t ex_value(struct low *l, struct ex e)
{
    if (e.v != IR_NO)
        return e.v;
    uint32_t v = ir_op0(l, IR_CONST, e.t, e.at);
    l->f->insn[l->f->n_insn - 1].imm = e.k ? e.k - 1 : konst_null(l->c);
    return v;
}

struct ex ex_join(struct low *l, struct ex e)
{
    if (e.t->kind != T_BRANCHES)
        return e;
    struct type *t = type_list(&l->c->arena, e.t->elem[0]);
    if (!t)
        comp_nomem(l->c);
    return ex_of(ir_op1(l, IR_JOIN, t, ex_value(l, e), 0, e.at), t, e.at);
}

static bool is_open(const struct type *t)
{
    if (t->kind == T_VAR)
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (is_open(t->elem[i]))
            return true;
    return false;
}

static bool wants_text_of(const struct type *t)
{
    if (t->kind == T_ENUM)
        return true;
    if (t->kind == T_OPT)
        return wants_text_of(t->elem[0]);
    if (t->kind != T_UNION)
        return t->kind == T_LIT && t->lit == T_STR;
    for (uint32_t i = 0; i < t->n; i++)
        if (!wants_text_of(t->elem[i]))
            return false;
    return true;
}

static struct ex mismatch(struct low *l, struct ex e, struct type *want, struct span at)
{
    struct comp *c = l->c;
    const char *have = comp_type_text(c, e.t), *need = comp_type_text(c, want);
    if (e.none && l->is_fn && want == l->result)
        low_diag(l, "E0310", at, "a path through this function ends without a value of %s", need);
    else if (e.none)
        low_diag(l, "E0309", at, "this block has no value, and %s is wanted", need);
    else if (e.t->kind == T_NULL || (e.t->kind == T_OPT && type_fits(e.t->elem[0], want) != FIT_NO)) {
        struct diag *d = low_diag(l, "E0305", at, "this may be null, but %s is wanted", need);
        if (d && e.t->kind == T_OPT)
            diag_note(c->diags, d, "test it with `!= null`, or give a default with `??`");
    } else if (e.k && c->konst[e.k - 1].kind == KONST_STR && wants_text_of(want)) {
        struct slice s = c->konst[e.k - 1].text;
        low_diag(l, "E0314", at, "\"%.*s\" is no text of %s", (int)s.len, s.ptr, need);
    } else if (e.k && type_base(e.t)->kind == type_base(want)->kind) {
        low_diag(l, "E0306", at, "this value is outside %s", need);
    } else {
        low_diag(l, "E0301", at, "%s is wanted here, but this is %s", need, have);
    }
    return ex_bad(l, at);
}

struct ex coerce(struct low *l, struct ex e, struct type *want, struct span at)
{
    struct comp *c = l->c;
    if (!want || e.t->kind == T_NEVER || want->kind == T_ANY || is_open(want))
        return e;
    if (e.k && e.t->kind != T_ANY && e.t->kind != T_FN && e.t->kind != T_TOOL && e.t->kind != T_CALL &&
        e.t->kind != T_RANGE && e.t->kind != T_JSON) {
        uint32_t k;
        const char *why;
        if (!konst_fit(c, e.k - 1, want, &k, &why))
            return mismatch(l, e, want, at);
        struct ex r = ex_konst(c, k, want, e.at);
        return r;
    }
    if (e.t->kind == T_BRANCHES && want->kind != T_BRANCHES)
        e = ex_join(l, e);
    enum fit fit = type_fits(e.t, want);
    if (fit == FIT_NO)
        return mismatch(l, e, want, at);
    if (e.t->kind == T_ANY)
        return ex_of(ex_value(l, e), want, at);
    if (fit == FIT_SAME) {
        e.t = want->kind == T_BRANCHES ? e.t : want;
        return e;
    }
    uint32_t v = ir_op1(l, IR_CHECK, want, ex_value(l, e), rtype_of(c, want), at);
    struct ex r = ex_of(v, want, e.at);
    r.gen = e.gen;
    return r;
}

struct ex lower_to(struct low *l, const struct node *n, struct type *want)
{
    struct ex e = lower_expr(l, n, want);
    return coerce(l, e, want, n->span);
}

uint32_t lower_cond(struct low *l, const struct node *n)
{
    struct ex e = lower_expr(l, n, type_plain(T_BOOL));
    if (type_base(e.t)->kind != T_BOOL && e.t->kind != T_ANY && e.t->kind != T_NEVER) {
        if (e.t->kind == T_JSON)
            return ex_value(l, coerce(l, e, type_plain(T_BOOL), n->span));
        low_diag(l, "E0303", n->span, "a condition is a bool, and this is %s", comp_type_text(l->c, e.t));
    }
    return ex_value(l, e);
}

/* ---- ways that meet ---- */

void meet_begin(struct low *l, struct meet *m, bool value, struct type *want)
{
    *m = (struct meet){ .value = value, .want = want && !is_open(want) && want->kind != T_ANY ? want : NULL,
                        .token = l->k.token, .out = IR_NO };
    m->end = ir_block_new(l);
    m->var = value ? ir_var_new(l, type_plain(T_ANY)) : IR_NO;
}

static void meet_room(struct low *l, struct meet *m)
{
    if (m->n < m->cap_ex)
        return;
    uint32_t cap = m->cap_ex ? 2 * m->cap_ex : 4;
    uint32_t *store = comp_alloc(l->c, cap * sizeof *store);
    struct ex *ex = comp_alloc(l->c, cap * sizeof *ex);
    for (uint32_t i = 0; i < m->n; i++) {
        store[i] = m->store[i];
        ex[i] = m->ex[i];
    }
    m->store = store;
    m->ex = ex;
    m->cap_ex = m->cap_store = cap;
}

void meet_way(struct low *l, struct meet *m, struct ex e, struct span at)
{
    if (l->dead || e.t->kind == T_NEVER) {
        l->dead = true;
        return;
    }
    if (m->value) {
        e = ex_join(l, e);
        if (m->want)
            e = coerce(l, e, m->want, e.at.len ? e.at : at);
        uint32_t v = ex_value(l, e);
        meet_room(l, m);
        ir_store(l, m->var, v, at);
        m->store[m->n] = l->f->n_insn - 1;
        m->ex[m->n++] = e;
    }
    ir_br(l, m->end, at);
    if (!m->open)
        m->out = l->k.token;
    m->open = true;
    m->last = l->k.token;
}

void meet_enter(struct low *l, struct meet *m)
{
    l->dead = false;
    l->k.token = m->token;
}

static struct type *meet_type(struct low *l, struct meet *m, struct span at)
{
    struct type *t = m->n ? m->ex[0].t : type_plain(T_NEVER);
    if (m->want)
        return m->want;
    for (uint32_t i = 1; i < m->n && t; i++)
        t = type_common(&l->c->arena, t, m->ex[i].t);
    if (t)
        return t;
    for (uint32_t i = 0; i < m->n; i++)
        if (!type_is_data(m->ex[i].t)) {
            low_diag(l, "E0302", at, "the ways of this have no common type: %s and %s",
                     comp_type_text(l->c, m->ex[0].t), comp_type_text(l->c, m->ex[i ? i : 1].t));
            return type_plain(T_ANY);
        }
    return type_plain(T_JSON);
}

struct ex meet_end(struct low *l, struct meet *m, struct span at)
{
    ir_block(l, m->end, at);
    l->dead = !m->open;
    l->k.token = m->token;
    if (m->open && l->k.chain != IR_NO && (m->out != m->token || m->last != m->token))
        ir_phi(l, m->out, m->last, at);
    if (!m->open)
        return ex_of(IR_NO, type_plain(T_NEVER), at);
    if (!m->value)
        return ex_null(l, at);
    struct type *t = meet_type(l, m, at);
    for (uint32_t i = 0; i < m->n; i++)
        if (!m->want && !type_equal(m->ex[i].t, t) && type_fits(m->ex[i].t, t) == FIT_CHECK)
            l->f->insn[m->store[i]].imm = rtype_of(l->c, t);
    l->f->value[m->var].type = t;
    return ex_of(ir_load(l, m->var, at), t, at);
}

/* ---- narrowing ---- */

static void narrow_name(struct low *l, const struct node *n, bool null)
{
    while (n->kind == AST_EXPR_PAREN)
        n = n->u.inner;
    if (n->kind != AST_EXPR_NAME)
        return;
    struct binding *b = scope_find(l, n->u.name.text);
    if (!b || (b->kind != BIND_VALUE && !(b->kind == BIND_ENV && !b->is_var)) || b->t->kind != T_OPT)
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

/* ---- operators ---- */

static struct ex logic(struct low *l, const struct node *n)
{
    bool is_and = n->u.binary.op == BIN_AND;
    uint32_t var = ir_var_new(l, type_plain(T_BOOL));
    uint32_t end = ir_block_new(l);
    uint32_t a = lower_cond(l, n->u.binary.left);
    ir_store(l, var, a, n->span);
    uint32_t token = l->k.token;
    ir_branch(l, is_and ? IR_BR_FALSE : IR_BR_TRUE, a, end, n->span);
    ir_block(l, ir_block_new(l), n->span);
    scope_push(l);
    narrow(l, n->u.binary.left, is_and);
    uint32_t b = lower_cond(l, n->u.binary.right);
    scope_pop(l);
    ir_store(l, var, b, n->span);
    ir_block(l, end, n->span);
    if (l->k.token != token)
        ir_phi(l, token, l->k.token, n->span);
    l->dead = false;
    return ex_of(ir_load(l, var, n->span), type_plain(T_BOOL), n->span);
}

static struct ex coalesce(struct low *l, const struct node *n, struct type *want)
{
    struct ex a = lower_expr(l, n->u.binary.left, want ? type_opt(&l->c->arena, want) : NULL);
    if (a.t->kind == T_NULL)
        return lower_expr(l, n->u.binary.right, want);
    struct type *t = type_no_null(a.t);
    struct meet m;
    uint32_t v = ex_value(l, a), other = ir_block_new(l);
    meet_begin(l, &m, true, NULL);
    ir_branch(l, IR_BR_NULL, v, other, n->span);
    ir_block(l, ir_block_new(l), n->span);
    meet_way(l, &m, ex_of(v, t, n->u.binary.left->span), n->span);
    ir_block(l, other, n->span);
    meet_enter(l, &m);
    struct ex b = lower_expr(l, n->u.binary.right, want ? want : t->kind == T_ANY ? NULL : t);
    if (b.k && wants_text_of(t))
        b = coerce(l, b, t, n->u.binary.right->span);
    meet_way(l, &m, b, n->span);
    return meet_end(l, &m, n->span);
}

static bool fold_ints(int64_t a, int64_t b, enum binary_op op, int64_t *r)
{
    switch (op) {
    case BIN_ADD: return !__builtin_add_overflow(a, b, r);
    case BIN_SUB: return !__builtin_sub_overflow(a, b, r);
    case BIN_MUL: return !__builtin_mul_overflow(a, b, r);
    default: return false;
    }
}

/* Arithmetic and equality of two constants; false: left to the machine. */
static bool fold(struct low *l, enum binary_op op, struct ex a, struct ex b, struct type *t,
                 struct span at, struct ex *ret)
{
    struct comp *c = l->c;
    if (!a.k || !b.k)
        return false;
    const struct konst x = c->konst[a.k - 1], y = c->konst[b.k - 1];
    bool num_x = x.kind == KONST_INT || x.kind == KONST_FLOAT;
    bool num_y = y.kind == KONST_INT || y.kind == KONST_FLOAT;
    if (op == BIN_EQ || op == BIN_NE) {
        if (x.kind != y.kind && !(num_x && num_y))
            return false;
        *ret = ex_konst(c, konst_bool(c, konst_equal(c, a.k - 1, b.k - 1) == (op == BIN_EQ)), t, at);
        return true;
    }
    if (x.kind == KONST_STR && y.kind == KONST_STR && op == BIN_ADD) {
        struct str s = { 0 };
        str_add_slice(&s, x.text);
        str_add_slice(&s, y.text);
        *ret = ex_konst(c, konst_str(c, str_slice(&s)), t, at);
        str_free(&s);
        return true;
    }
    int64_t i;
    if (x.kind == KONST_INT && y.kind == KONST_INT && fold_ints(x.i, y.i, op, &i)) {
        *ret = ex_konst(c, konst_int(c, i), t, at);
        return true;
    }
    if (!num_x || !num_y || (t->kind != T_FLOAT))
        return false;
    double p = x.kind == KONST_INT ? (double)x.i : x.f, q = y.kind == KONST_INT ? (double)y.i : y.f;
    double r = op == BIN_ADD ? p + q : op == BIN_SUB ? p - q : op == BIN_MUL ? p * q
               : op == BIN_DIV && q != 0 ? p / q : NAN;
    if (isnan(r) || isinf(r))
        return false;
    *ret = ex_konst(c, konst_float(c, r), t, at);
    return true;
}

static struct type *arith_type(struct low *l, enum binary_op op, struct ex a, struct ex b)
{
    const struct type *x = type_base(a.t), *y = type_base(b.t);
    bool free = x->kind == T_ANY || y->kind == T_ANY;
    if (op == BIN_ADD && type_is_str(a.t) && type_is_str(b.t) && !(x->kind == T_ANY && y->kind == T_ANY))
        return type_plain(T_STR);
    if (op == BIN_ADD && x->kind == T_LIST && y->kind == T_LIST) {
        struct type *e = type_common(&l->c->arena, x->elem[0], y->elem[0]);
        return e ? type_list(&l->c->arena, e) : NULL;
    }
    if (op == BIN_ADD && ((x->kind == T_LIST && y->kind == T_ANY) || (y->kind == T_LIST && x->kind == T_ANY)))
        return (struct type *)(x->kind == T_LIST ? x : y);
    if (x->kind == T_JSON || y->kind == T_JSON)
        return op == BIN_DIV ? type_plain(T_FLOAT) : type_plain(T_JSON);
    if (free)
        return op == BIN_DIV ? type_plain(T_FLOAT) : type_plain(T_ANY);
    if (x->kind == T_DURATION && y->kind == T_DURATION && (op == BIN_ADD || op == BIN_SUB))
        return type_plain(T_DURATION);
    if (!type_is_num(x) || !type_is_num(y))
        return NULL;
    if (op == BIN_DIV || x->kind == T_FLOAT || y->kind == T_FLOAT)
        return type_plain(T_FLOAT);
    return type_plain(T_INT);
}

static bool comparable(const struct type *a, const struct type *b)
{
    if (a->kind == T_ANY || b->kind == T_ANY || a->kind == T_JSON || b->kind == T_JSON ||
        a->kind == T_NEVER || b->kind == T_NEVER)
        return true;
    if (a->kind == T_NULL || b->kind == T_NULL)
        return true;
    if (type_is_num(a) && type_is_num(b))
        return true;
    if (type_is_str(a) && type_is_str(b))
        return true;
    if ((a->kind == T_ENUM && type_is_str(b)) || (b->kind == T_ENUM && type_is_str(a)))
        return true;
    if (a->kind == T_OPT || b->kind == T_OPT)
        return comparable(type_no_null(a), type_no_null(b));
    if (a->kind == T_RANGE && b->kind == T_LIST)
        return true;
    if (a->kind == T_LIST && b->kind == T_LIST)
        return comparable(a->elem[0], b->elem[0]);
    if (a->kind == T_UNION) {
        for (uint32_t i = 0; i < a->n; i++)
            if (comparable(a->elem[i], b))
                return true;
        return false;
    }
    if (b->kind == T_UNION)
        return comparable(b, a);
    return type_fits(a, b) != FIT_NO || type_fits(b, a) != FIT_NO;
}

static struct ex compare(struct low *l, enum binary_op op, struct ex a, struct ex b, struct span at)
{
    static const enum ir_op ir[] = { [BIN_EQ] = IR_EQ, [BIN_NE] = IR_NE, [BIN_LT] = IR_LT,
                                     [BIN_LE] = IR_LE, [BIN_GT] = IR_GT, [BIN_GE] = IR_GE };
    struct type *t = type_plain(T_BOOL);
    bool order = op != BIN_EQ && op != BIN_NE;
    if (b.k && b.t->kind == T_STR && wants_text_of(a.t))
        b = coerce(l, b, type_no_null(a.t), b.at);
    else if (a.k && a.t->kind == T_STR && wants_text_of(b.t))
        a = coerce(l, a, type_no_null(b.t), a.at);
    const struct type *x = type_base(a.t), *y = type_base(b.t);
    bool ordered = (type_is_num(x) && type_is_num(y)) || (type_is_str(a.t) && type_is_str(b.t)) ||
                   (x->kind == T_DURATION && y->kind == T_DURATION) || x->kind == T_ANY || y->kind == T_ANY;
    if (a.t->kind == T_NEVER || b.t->kind == T_NEVER)
        ordered = true;
    if (order && (a.t->kind == T_OPT || b.t->kind == T_OPT)) {
        struct ex bad = a.t->kind == T_OPT ? a : b;
        return mismatch(l, bad, type_no_null(bad.t), bad.at);
    }
    if (order ? !ordered : !comparable(a.t, b.t)) {
        low_diag(l, "E0301", at, "%s and %s cannot be compared", comp_type_text(l->c, a.t),
                 comp_type_text(l->c, b.t));
        return ex_of(ex_value(l, ex_konst(l->c, konst_bool(l->c, false), t, at)), t, at);
    }
    struct ex r;
    if (fold(l, op, a, b, t, at, &r))
        return r;
    uint32_t va = ex_value(l, a), vb = ex_value(l, b);
    return ex_of(ir_op2(l, ir[op], t, va, vb, at), t, at);
}

struct ex lower_binary_values(struct low *l, enum binary_op op, struct ex a, struct ex b, struct span at)
{
    static const enum ir_op ir[] = {
        [BIN_MUL] = IR_MUL, [BIN_DIV] = IR_DIV, [BIN_MOD] = IR_MOD, [BIN_ADD] = IR_ADD,
        [BIN_SUB] = IR_SUB, [BIN_RANGE] = IR_RANGE, [BIN_RANGE_EX] = IR_RANGE_EX,
    };
    if (op >= BIN_EQ && op <= BIN_GE)
        return compare(l, op, a, b, at);
    if (op == BIN_MATCHES) {
        struct ex s = coerce(l, a, type_plain(T_STR), a.at), re = coerce(l, b, type_plain(T_REGEX), b.at);
        uint32_t vs = ex_value(l, s);
        return ex_of(ir_op2(l, IR_MATCHES, type_plain(T_BOOL), vs, ex_value(l, re), at), type_plain(T_BOOL), at);
    }
    if (op == BIN_RANGE || op == BIN_RANGE_EX) {
        uint32_t x = ex_value(l, coerce(l, a, type_plain(T_INT), a.at));
        uint32_t y = ex_value(l, coerce(l, b, type_plain(T_INT), b.at));
        return ex_of(ir_op2(l, ir[op], type_plain(T_RANGE), x, y, at), type_plain(T_RANGE), at);
    }
    if (a.t->kind == T_NEVER || b.t->kind == T_NEVER)
        return ex_of(IR_NO, type_plain(T_NEVER), at);
    a = ex_join(l, a);
    b = ex_join(l, b);
    struct type *t = arith_type(l, op, a, b);
    if (!t) {
        struct ex bad = a.t->kind == T_OPT ? a : b;
        if (bad.t->kind == T_OPT)
            return mismatch(l, bad, type_no_null(bad.t), bad.at);
        low_diag(l, "E0301", at, "this operator does not take %s and %s", comp_type_text(l->c, a.t),
                 comp_type_text(l->c, b.t));
        return ex_bad(l, at);
    }
    struct ex r;
    if (fold(l, op, a, b, t, at, &r))
        return r;
    if (t->kind == T_LIST && t->elem[0]->kind == T_FLOAT) {
        a = coerce(l, a, t, a.at);
        b = coerce(l, b, t, b.at);
    }
    uint32_t x = ex_value(l, a), y = ex_value(l, b);
    return ex_of(ir_op2(l, ir[op], t, x, y, at), t, at);
}

static struct type *operand_want(enum binary_op op, struct ex a)
{
    if (op == BIN_ADD && a.t->kind == T_LIST)
        return a.t;
    if (op >= BIN_EQ && op <= BIN_GE && a.t->kind != T_NULL && a.t->kind != T_ANY && a.t->kind != T_JSON &&
        (a.t->kind == T_LIST || a.t->kind == T_MAP || a.t->kind == T_TUPLE))
        return a.t;
    return NULL;
}

static struct ex binary(struct low *l, const struct node *n, struct type *want)
{
    enum binary_op op = n->u.binary.op;
    if (op == BIN_AND || op == BIN_OR)
        return logic(l, n);
    if (op == BIN_COALESCE)
        return coalesce(l, n, want);
    if (op == BIN_CATCH)
        return lower_catch(l, n, want);
    struct type *lw = op == BIN_ADD && want && want->kind == T_LIST ? want : NULL;
    struct ex a = lower_expr(l, n->u.binary.left, lw);
    if (a.v != IR_NO && l->f->value[a.v].is_var)
        a.v = ir_load(l, a.v, n->span);
    struct type *bw = operand_want(op, a);
    struct ex b = lower_expr(l, n->u.binary.right, bw);
    if (!a.at.len)
        a.at = n->u.binary.left->span;
    if (!b.at.len)
        b.at = n->u.binary.right->span;
    return lower_binary_values(l, op, a, b, n->span);
}

static struct ex unary(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    if (n->u.unary.op == UN_STREAM) {
        low_diag(l, "E0414", n->span, "`stream` stands only after `in` of a `for`");
        return ex_bad(l, n->span);
    }
    if (n->u.unary.op == UN_NOT) {
        uint32_t v = lower_cond(l, n->u.unary.operand);
        return ex_of(ir_op1(l, IR_NOT, type_plain(T_BOOL), v, 0, n->span), type_plain(T_BOOL), n->span);
    }
    struct ex e = lower_expr(l, n->u.unary.operand, NULL);
    if (!type_is_num(e.t) && e.t->kind != T_NEVER) {
        low_diag(l, "E0301", n->span, "a number is wanted here, but this is %s", comp_type_text(c, e.t));
        return ex_bad(l, n->span);
    }
    if (e.k) {
        const struct konst *k = &c->konst[e.k - 1];
        if (k->kind == KONST_INT && k->i != INT64_MIN)
            return ex_konst(c, konst_int(c, -k->i), e.t, n->span);
        if (k->kind == KONST_FLOAT)
            return ex_konst(c, konst_float(c, -k->f), e.t, n->span);
    }
    struct type *t = (struct type *)type_base(e.t);
    return ex_of(ir_op1(l, IR_NEG, t, ex_value(l, e), 0, n->span), t, n->span);
}

/* ---- data ---- */

static struct type *elem_want(struct type *want)
{
    if (!want)
        return NULL;
    want = type_no_null(want);
    if (want->kind == T_LIST)
        return want->elem[0];
    if (want->kind == T_JSON || want->kind == T_ANY)
        return want;
    if (want->kind == T_UNION)
        for (uint32_t i = 0; i < want->n; i++)
            if (want->elem[i]->kind == T_LIST)
                return want->elem[i]->elem[0];
    return NULL;
}

static bool no_branches(struct low *l, struct ex e)
{
    if (!type_has_branches(e.t))
        return true;
    low_diag(l, "E0503", e.at, "branches cannot be stored: join them here");
    return false;
}

/* Makes the elements agree on one type; NULL: json or nothing fits (reported). */
static struct type *agree(struct low *l, struct ex *e, uint32_t n, uint32_t stride, struct type *want,
                          struct span at)
{
    struct type *t = NULL;
    if (want && want->kind != T_VAR && !is_open(want)) {
        t = want;
    } else {
        for (uint32_t i = 0; i < n; i++) {
            struct type *x = e[i * stride].t;
            t = !t ? x : type_common(&l->c->arena, t, x);
            if (!t)
                break;
        }
        if (!t && n) {
            t = type_plain(T_JSON);
            for (uint32_t i = 0; i < n; i++)
                if (!type_is_data(e[i * stride].t)) {
                    low_diag(l, "E0302", at, "the elements have no common type");
                    t = type_plain(T_ANY);
                    break;
                }
        }
    }
    for (uint32_t i = 0; i < n && t; i++)
        e[i * stride] = coerce(l, e[i * stride], t, e[i * stride].at);
    return t ? t : type_plain(T_ANY);
}

static bool all_konst(const struct ex *e, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!e[i].k)
            return false;
    return true;
}

static struct ex konst_of(struct low *l, enum konst_kind kind, const struct ex *e, uint32_t n,
                          uint32_t words, struct type *t, struct span at)
{
    uint32_t *item = comp_alloc(l->c, words * sizeof *item + 1);
    for (uint32_t i = 0; i < words; i++)
        item[i] = e[i].k - 1;
    return ex_konst(l->c, konst_items(l->c, kind, 0, item, n), t, at);
}

static struct ex op_of(struct low *l, enum ir_op op, const struct ex *e, uint32_t n, struct type *t,
                       struct span at)
{
    uint32_t *v = comp_alloc(l->c, n * sizeof *v + 1);
    for (uint32_t i = 0; i < n; i++)
        v[i] = ex_value(l, e[i]);
    return ex_of(ir_opn(l, op, t, v, n, 0, at), t, at);
}

static struct ex list(struct low *l, const struct node *n, struct type *want)
{
    uint32_t count = n->u.list.n;
    struct type *ew = elem_want(want);
    struct ex *e = comp_alloc(l->c, count * sizeof *e + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *x = n->u.list.at[i];
        e[i] = lower_expr(l, x, ew);
        if (ew && e[i].t->kind == T_BRANCHES)
            e[i] = ex_join(l, e[i]);
        e[i].at = x->span;
        if (!no_branches(l, e[i]))
            e[i] = ex_bad(l, x->span);
    }
    struct type *et = agree(l, e, count, 1, ew, n->span);
    struct type *t = type_list(&l->c->arena, et);
    if (!t)
        comp_nomem(l->c);
    if (all_konst(e, count))
        return konst_of(l, KONST_LIST, e, count, count, t, n->span);
    return op_of(l, IR_LIST, e, count, t, n->span);
}

static struct ex map(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    uint32_t count = n->u.map.key.n;
    struct type *kw = NULL, *vw = NULL;
    struct type *w = want ? type_no_null(want) : NULL;
    if (w && w->kind == T_UNION)
        for (uint32_t i = 0; i < w->n; i++)
            if (w->elem[i]->kind == T_MAP) {
                w = w->elem[i];
                break;
            }
    if (w && w->kind == T_MAP) {
        kw = w->elem[0];
        vw = w->elem[1];
    } else if (w && (w->kind == T_JSON || w->kind == T_ANY)) {
        vw = w;
    }
    struct ex *e = comp_alloc(c, 2 * count * sizeof *e + 1);
    for (uint32_t i = 0; i < count; i++) {
        e[2 * i] = lower_expr(l, n->u.map.key.at[i], kw);
        e[2 * i].at = n->u.map.key.at[i]->span;
        e[2 * i + 1] = lower_expr(l, n->u.map.value.at[i], vw);
        if (vw)
            e[2 * i + 1] = ex_join(l, e[2 * i + 1]);
        e[2 * i + 1].at = n->u.map.value.at[i]->span;
        no_branches(l, e[2 * i + 1]);
    }
    struct type *kt = agree(l, e, count, 2, kw, n->span);
    struct type *vt = agree(l, e + 1, count, 2, vw, n->span);
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = 0; k < i && count <= 64; k++)
            if (e[2 * i].k && e[2 * k].k && konst_equal(c, e[2 * i].k - 1, e[2 * k].k - 1))
                low_diag(l, "E0318", e[2 * i].at, "this key is repeated");
    enum type_kind kk = type_base(kt)->kind;
    if (count && kk != T_STR && kk != T_INT && kk != T_BOOL && kk != T_ENUM && kk != T_ANY && kk != T_UNION &&
        kk != T_JSON)
        low_diag(l, "E0301", e[0].at, "a key is a str, int, bool or enum, and this is %s",
                 comp_type_text(c, kt));
    struct type *t = type_map(&c->arena, count || kw ? kt : type_plain(T_ANY), vt);
    if (!t)
        comp_nomem(c);
    if (all_konst(e, 2 * count))
        return konst_of(l, KONST_MAP, e, count, 2 * count, t, n->span);
    return op_of(l, IR_MAP, e, 2 * count, t, n->span);
}

static struct ex tuple(struct low *l, const struct node *n, struct type *want)
{
    uint32_t count = n->u.list.n;
    struct type *w = want && want->kind == T_TUPLE && want->n == count ? want : NULL;
    struct type *t = type_make(&l->c->arena, T_TUPLE, count);
    struct ex *e = comp_alloc(l->c, count * sizeof *e + 1);
    if (!t)
        comp_nomem(l->c);
    for (uint32_t i = 0; i < count; i++) {
        struct type *ew = w && !is_open(w->elem[i]) ? w->elem[i] : NULL;
        e[i] = lower_to(l, n->u.list.at[i], ew);
        e[i].at = n->u.list.at[i]->span;
        no_branches(l, e[i]);
        t->elem[i] = e[i].t;
    }
    if (all_konst(e, count))
        return konst_of(l, KONST_TUPLE, e, count, count, t, n->span);
    return op_of(l, IR_TUPLE, e, count, t, n->span);
}

/* ---- names, indexes ---- */

static struct ex bound_name(struct low *l, struct binding *b, struct span at)
{
    struct ex e = b->ex;
    switch (b->kind) {
    case BIND_VALUE:
        e.at = at;
        return e;
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

static bool script_has(const struct comp *c, struct slice name)
{
    const struct node_list *list = &c->main_mod->ast->u.list;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct node *n = list->at[i];
        if (n->kind == AST_STMT_LET && n->u.let.pattern->kind == AST_PAT_NAME &&
            slice_eq(n->u.let.pattern->u.name.text, name))
            return true;
    }
    return false;
}

static struct ex name(struct low *l, const struct node *n, struct type *want)
{
    struct slice text = n->u.name.text;
    struct binding *b = scope_find(l, text);
    if (b)
        return bound_name(l, b, n->span);
    struct sym *s = path_sym(l, n);
    if (s)
        return sym_value(l, s, n->span, want);
    if (!l->is_script && l->mod == l->c->main_mod && script_has(l->c, text))
        low_diag(l, "E0203", n->span, "`%.*s` belongs to the script and is not visible in functions",
                 (int)text.len, text.ptr);
    else if (library_has(text))
        low_diag(l, "E0201", n->span, "`%.*s` is called, not used as a value", (int)text.len, text.ptr);
    else
        low_diag(l, "E0201", n->span, "unknown name `%.*s`", (int)text.len, text.ptr);
    return ex_bad(l, n->span);
}

static struct ex tuple_item(struct low *l, struct ex o, struct ex i, struct span at)
{
    int64_t k = i.k ? l->c->konst[i.k - 1].i : -1;
    if (!i.k || l->c->konst[i.k - 1].kind != KONST_INT || k < 0 || k >= o.t->n) {
        low_diag(l, "E0301", at, "a tuple of %u is indexed by a constant 0 to %u", o.t->n, o.t->n - 1);
        return ex_bad(l, at);
    }
    return ex_of(ir_op1(l, IR_ITEM, o.t->elem[k], ex_value(l, o), (uint32_t)k, at), o.t->elem[k], at);
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
        return mismatch(l, o, type_no_null(o.t), n->u.index.object->span);
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
    if (!want || want->kind != T_FN || i + 1 >= want->n || is_open(want->elem[i]))
        return type_plain(T_ANY);
    return want->elem[i];
}

static struct ex lambda_body(struct low *in, const struct node *body, struct type *result)
{
    bool none = result && result->kind == T_NULL;
    struct type *want = result && !is_open(result) && !none && result->kind != T_ANY ? result : NULL;
    struct ex r = body->kind == AST_EXPR_BLOCK ? lower_block(in, body, BLOCK_VALUE, want)
                                               : ex_join(in, lower_any(in, body, BLOCK_VALUE, want));
    if (none)
        return ex_null(in, body->span);
    if (in->found && !want) {
        struct type *t = r.t->kind == T_NEVER ? in->found : type_common(&in->c->arena, in->found, r.t);
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
    struct ir_func *f = ir_func_new(c, SLICE("lambda"), l->mod->source, n->span, FUNC_LAMBDA, &index);
    struct low in;
    low_init(&in, c, l, f, l->mod);
    in.func_index = index;
    in.is_lambda = true;
    in.is_test = l->is_test;
    in.ctx_code = "E0316";
    if (want && want->kind == T_FN && count + 1 > want->n)
        low_diag(l, "E0301", n->span, "this lambda takes %u arguments, but gets %u", count, want->n - 1);
    struct type *t = type_make(&c->arena, T_FN, count + 1);
    struct bc_param *param = arena_array(&c->m->arena, count ? count : 1, sizeof *param);
    if (!t || !param)
        comp_nomem(c);
    for (uint32_t i = 0; i < count; i++) {
        struct type *pt = lambda_param(want, i);
        uint32_t v = ir_value_new(&in, pt);
        *(uint32_t *)comp_push(c, &f->input, &f->n_input, &f->cap_input, sizeof v) = v;
        t->elem[i] = pt;
        param[i] = (struct bc_param){ .name = SLICE("x"), .rtype = rtype_of(c, pt), .fallback = BC_NO_INDEX };
    }
    for (uint32_t i = 0; i < count; i++)
        bind_pattern(&in, n->u.lambda.params.at[i], ex_of(f->input[f->out.n_capture + i], t->elem[i],
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
    struct konst k = { .kind = KONST_REGEX, .text = comp_slice(c, n->u.regex.text), .flags = flags };
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
        return ex_konst(c, konst_add(c, (struct konst){ .kind = KONST_DURATION, .i = n->u.int_value }),
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
        return tuple(l, n, want);
    case AST_EXPR_LIST:
        return list(l, n, want);
    case AST_EXPR_MAP:
        return map(l, n, want);
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
        return unary(l, n);
    case AST_EXPR_BINARY:
        return binary(l, n, want);
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
