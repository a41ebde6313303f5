/* lower_ops.c - operators: folding, types of operands, comparison. */
#include <math.h>

#include "compiler/lower.h"

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
    b = ex_join(l, b);
    if (want || (b.k && type_wants_text(t)) ||
        (b.t->kind != T_NEVER && !type_common(&l->c->arena, t, b.t)))
        b = coerce(l, b, want && type_fits(t, want) != FIT_NO ? want : t, n->u.binary.right->span);
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
    if (op == BIN_ADD && type_is_str(a.t) && type_is_str(b.t) &&
        !(x->kind == T_ANY && y->kind == T_ANY))
        return type_plain(T_STR);
    if (op == BIN_ADD && x->kind == T_LIST && y->kind == T_LIST) {
        struct type *e = type_common(&l->c->arena, x->elem[0], y->elem[0]);
        return e ? type_list(&l->c->arena, e) : NULL;
    }
    if (op == BIN_ADD &&
        ((x->kind == T_LIST && y->kind == T_ANY) || (y->kind == T_LIST && x->kind == T_ANY)))
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
    if (b.k && b.t->kind == T_STR && type_wants_text(a.t))
        b = coerce(l, b, type_no_null(a.t), b.at);
    else if (a.k && a.t->kind == T_STR && type_wants_text(b.t))
        a = coerce(l, a, type_no_null(b.t), a.at);
    const struct type *x = type_base(a.t), *y = type_base(b.t);
    bool ordered = (type_is_num(x) && type_is_num(y)) || (type_is_str(a.t) && type_is_str(b.t)) ||
                   (x->kind == T_DURATION && y->kind == T_DURATION) || x->kind == T_ANY ||
                   y->kind == T_ANY;
    if (a.t->kind == T_NEVER || b.t->kind == T_NEVER)
        ordered = true;
    if (order && (a.t->kind == T_OPT || b.t->kind == T_OPT)) {
        struct ex bad = a.t->kind == T_OPT ? a : b;
        return ex_mismatch(l, bad, type_no_null(bad.t), bad.at);
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

struct ex lower_binary_values(struct low *l, enum binary_op op, struct ex a, struct ex b,
                              struct span at)
{
    static const enum ir_op ir[] = {
        [BIN_MUL] = IR_MUL, [BIN_DIV] = IR_DIV, [BIN_MOD] = IR_MOD, [BIN_ADD] = IR_ADD,
        [BIN_SUB] = IR_SUB, [BIN_RANGE] = IR_RANGE, [BIN_RANGE_EX] = IR_RANGE_EX,
    };
    if (op >= BIN_EQ && op <= BIN_GE)
        return compare(l, op, a, b, at);
    if (op == BIN_MATCHES) {
        struct ex s = coerce(l, a, type_plain(T_STR), a.at),
                  re = coerce(l, b, type_plain(T_REGEX), b.at);
        uint32_t vs = ex_value(l, s);
        return ex_of(ir_op2(l, IR_MATCHES, type_plain(T_BOOL), vs, ex_value(l, re), at),
                     type_plain(T_BOOL), at);
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
            return ex_mismatch(l, bad, type_no_null(bad.t), bad.at);
        struct diag *d = low_diag(l, "E0301", at, "this operator does not take %s and %s",
                                  comp_type_text(l->c, a.t), comp_type_text(l->c, b.t));
        if (d && op == BIN_ADD && type_is_str(a.t) != type_is_str(b.t) && type_has_text(a.t) &&
            type_has_text(b.t))
            diag_note(l->c->diags, d, "a value goes into a text as `${x}`");
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

/* Ints in it may stand beside floats. */
static bool holds_int(const struct type *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        if (holds_int(t->elem[i]))
            return true;
    return type_base(t)->kind == T_INT;
}

static struct type *operand_want(enum binary_op op, struct ex a, const struct node *right)
{
    bool empty = (right->kind == AST_EXPR_LIST && !right->u.list.n) ||
                 (right->kind == AST_EXPR_MAP && !right->u.map.key.n);
    if (!empty && holds_int(a.t))
        return NULL;
    if (op == BIN_ADD && a.t->kind == T_LIST)
        return a.t;
    if (op >= BIN_EQ && op <= BIN_GE && a.t->kind != T_NULL && a.t->kind != T_ANY &&
        a.t->kind != T_JSON &&
        (a.t->kind == T_LIST || a.t->kind == T_MAP || a.t->kind == T_TUPLE))
        return a.t;
    return NULL;
}

struct ex lower_binary(struct low *l, const struct node *n, struct type *want)
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
    struct type *bw = operand_want(op, a, n->u.binary.right);
    struct ex b = lower_expr(l, n->u.binary.right, bw);
    if (!a.at.len)
        a.at = n->u.binary.left->span;
    if (!b.at.len)
        b.at = n->u.binary.right->span;
    return lower_binary_values(l, op, a, b, n->span);
}

struct ex lower_unary(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    if (n->u.unary.op == UN_STREAM) {
        low_diag(l, "E0414", n->span, "`stream` stands only after `in` of a `for`");
        return ex_bad(l, n->span);
    }
    if (n->u.unary.op == UN_NOT) {
        uint32_t v = lower_cond(l, n->u.unary.operand);
        return ex_of(ir_op1(l, IR_NOT, type_plain(T_BOOL), v, 0, n->span), type_plain(T_BOOL),
                     n->span);
    }
    struct ex e = lower_expr(l, n->u.unary.operand, NULL);
    if (!type_is_num(e.t) && e.t->kind != T_NEVER) {
        low_diag(l, "E0301", n->span, "a number is wanted here, but this is %s",
                 comp_type_text(c, e.t));
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
