/* lower_try.c - handlers: try with its clauses, and the operator catch. */
#include <string.h>

#include "compiler/lower.h"

/* ---- handlers ---- */

static const char *const kinds[] = { "Truncated", "Unsat", "Parse", "Require", "Assert", "Fail",
                                     "Budget",
                                     "Timeout", "Limit", "Tool", "Permission", "Io", "Model",
                                     "Context",
                                     "ContextFull", "Type", "Index", "Math", "Mock" };

static bool known_kind(struct low *l, struct slice s)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (slice_is(s, kinds[i]))
            return true;
    char quoted[80];
    if (s.len + 3 > sizeof quoted)
        return false;
    quoted[0] = '"';
    memcpy(quoted + 1, s.ptr, s.len);
    quoted[s.len + 1] = '"';
    for (uint32_t i = 0; i < l->c->n_mod; i++)
        if (slice_find(l->c->mod[i]->source->text, (struct slice){ quoted, s.len + 2 }) != SIZE_MAX)
            return true;
    return false;
}

/* Branches to `yes` if the error's kind is the one of the type. */
static void test_kind(struct low *l, const struct node *t, uint32_t kind, uint32_t yes)
{
    if (t->kind == AST_TYPE_UNION) {
        for (uint32_t i = 0; i < t->u.list.n; i++)
            test_kind(l, t->u.list.at[i], kind, yes);
        return;
    }
    struct slice name = t->kind == AST_TYPE_NAME &&
                        t->u.tname.path.n == 1 ? t->u.tname.path.at[0].text : SLICE("");
    if (!name.len || !known_kind(l, name)) {
        low_diag(l, "E0201", t->span, "`%.*s` is no kind of error", (int)t->span.len,
                 l->mod->source->text.ptr + t->span.off);
        return;
    }
    uint32_t k = ex_value(l, ex_konst(l->c, konst_str(l->c, name), type_plain(T_STR), t->span));
    uint32_t eq = ir_op2(l, IR_EQ, type_plain(T_BOOL), kind, k, t->span);
    ir_branch(l, IR_BR_TRUE, eq, yes, t->span);
}

static uint32_t try_enter(struct low *l, uint32_t handler, struct span at)
{
    uint32_t err = ir_value_new(l, type_plain(T_ERROR));
    struct ir_insn *i = ir_add(l, IR_TRY_ENTER, at);
    i->dst = err;
    i->label = handler;
    return err;
}

static void begin_handler(struct low *l, uint32_t handler, uint32_t token, struct span at)
{
    ir_block(l, handler, at);
    l->dead = false;
    l->k.token = token;
    if (l->k.chain != IR_NO)
        ir_phi(l, token, IR_NO, at);
}

static void clauses(struct low *l, const struct node *n, uint32_t err, struct meet *m,
                    enum block_mode mode,
                    struct type *want)
{
    uint32_t token = l->k.token;
    bool all = false;
    for (uint32_t i = 0; i < n->u.tri.n; i++) {
        const struct catch_clause *c = &n->u.tri.clause[i];
        uint32_t yes = ir_block_new(l), next = ir_block_new(l);
        l->k.token = token;
        l->dead = false;
        if (c->type) {
            uint32_t kind = ir_op1(l, IR_MEMBER, type_plain(T_STR), err,
                                   konst_str(l->c, SLICE("kind")), c->at);
            test_kind(l, c->type, kind, yes);
            ir_br(l, next, c->at);
        } else {
            all = true;
        }
        ir_block(l, yes, c->at);
        scope_push(l);
        if (c->name.text.len)
            scope_bind(l, c->name, BIND_VALUE, err, type_plain(T_ERROR))->quiet = true;
        struct ex e = lower_block(l, c->body, mode, want);
        scope_pop(l);
        meet_way(l, m, e, c->at);
        ir_block(l, next, c->at);
    }
    l->k.token = token;
    l->dead = all;
    if (!all) {
        ir_op1(l, IR_RAISE, NULL, err, 0, n->span);
        l->dead = true;
    }
}

static struct ex try_catch(struct low *l, const struct node *n, enum block_mode mode,
                           struct type *want)
{
    if (!n->u.tri.n)
        return lower_block(l, n->u.tri.body, mode, want);
    struct meet m;
    uint32_t handler = ir_block_new(l), token = l->k.token;
    struct ctl ctl = { .up = l->ctl, .kind = CTL_TRY };
    meet_begin(l, &m, mode == BLOCK_VALUE, want);
    uint32_t err = try_enter(l, handler, n->span);
    l->ctl = &ctl;
    struct ex e = lower_block(l, n->u.tri.body, mode, want);
    l->ctl = ctl.up;
    if (!l->dead) {
        e = mode == BLOCK_VALUE && want ? coerce(l, e, want, e.at) : e;
        uint32_t v = mode == BLOCK_VALUE ? ex_value(l, e) : IR_NO;
        e.v = v;
        ir_add(l, IR_TRY_LEAVE, n->span);
    }
    meet_way(l, &m, e, n->span);
    begin_handler(l, handler, token, n->span);
    clauses(l, n, err, &m, mode, want);
    m.token = l->k.token;
    return meet_end(l, &m, n->span);
}

struct ex lower_try(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    const struct node *finally = n->u.tri.finally;
    if (!finally)
        return try_catch(l, n, mode, want);
    uint32_t handler = ir_block_new(l), end = ir_block_new(l), token = l->k.token;
    struct ctl fin = { .up = l->ctl, .kind = CTL_FINALLY, .finally = finally };
    struct ctl tri = { .up = &fin, .kind = CTL_TRY };
    uint32_t err = try_enter(l, handler, n->span);
    l->f->insn[l->f->n_insn - 1].imm = 1;       /* for cancelled code too */
    l->ctl = &tri;
    struct ex e = try_catch(l, n, mode, want);
    l->ctl = fin.up;
    bool dead = l->dead;
    if (!dead) {
        e.v = mode == BLOCK_VALUE ? ex_value(l, e) : e.v;
        ir_add(l, IR_TRY_LEAVE, n->span);
        lower_block(l, finally, BLOCK_STMT, NULL);
        ir_br(l, end, n->span);
    }
    uint32_t after = l->k.token;
    begin_handler(l, handler, token, n->span);
    lower_block(l, finally, BLOCK_STMT, NULL);
    ir_op1(l, IR_RAISE, NULL, err, 0, n->span);
    ir_block(l, end, n->span);
    l->k.token = after;
    l->dead = dead;
    if (l->k.chain != IR_NO && after != token)
        ir_phi(l, after, after, n->span);
    return e;
}

/* e catch d: d is a value, or a lambda of the error */
struct ex lower_catch(struct low *l, const struct node *n, struct type *want)
{
    const struct node *d = n->u.binary.right;
    struct meet m;
    uint32_t handler = ir_block_new(l), token = l->k.token;
    struct ctl ctl = { .up = l->ctl, .kind = CTL_TRY };
    meet_begin(l, &m, true, want);
    uint32_t err = try_enter(l, handler, n->span);
    l->ctl = &ctl;
    struct ex e = ex_join(l, lower_any(l, n->u.binary.left, BLOCK_VALUE, want));
    l->ctl = ctl.up;
    if (!l->dead) {
        e = want && m.want ? coerce(l, e, want, n->u.binary.left->span) : e;
        e.v = ex_value(l, e);
        ir_add(l, IR_TRY_LEAVE, n->span);
    }
    meet_way(l, &m, e, n->span);
    begin_handler(l, handler, token, n->span);
    struct type *dw = want ? want : e.t->kind == T_NEVER || e.t->kind == T_NULL ? NULL : e.t;
    struct ex r;
    if (d->kind == AST_EXPR_LAMBDA && d->u.lambda.params.n == 1) {
        scope_push(l);      /* written in place: it may end the function, and sees its names */
        bind_pattern(l, d->u.lambda.params.at[0], ex_of(err, type_plain(T_ERROR), d->span), NULL);
        r = d->u.lambda.body->kind == AST_EXPR_BLOCK ? lower_block(l, d->u.lambda.body, BLOCK_VALUE,
                                                                   dw)
                                                     : lower_any(l, d->u.lambda.body, BLOCK_VALUE,
                                                                 dw);
        scope_pop(l);
    } else {
        r = lower_any(l, d, BLOCK_VALUE, dw);
    }
    r.at = d->span;
    r = ex_join(l, r);
    if (r.k && dw && dw->kind == T_ENUM)
        r = coerce(l, r, dw, d->span);
    meet_way(l, &m, r, n->span);
    m.token = l->k.token;
    return meet_end(l, &m, n->span);
}
