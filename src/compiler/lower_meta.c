/* lower_meta.c - meta(x): what is known about a value that was generated.
 *
 * The operation that generates gives a second result when somebody asks for it.  A branch or
 * lambda that asks about a name of the function around it captures that result, under a name that
 * no program can write. */
#include "compiler/lower.h"

/* The second result of the site's operation in the function that has it. */
static uint32_t of_site(struct low *l, uint32_t site, struct span at)
{
    struct type *meta = type_plain(T_META);
    for (uint32_t i = l->f->n_insn; i-- > 0;) {
        const struct ir_insn *n = &l->f->insn[i];
        if (n->imm != site || (n->op != IR_GEN && n->op != IR_SELECT && n->op != IR_STREAM_OPEN))
            continue;
        if (n->op == IR_STREAM_OPEN)
            return ir_op1(l, IR_STREAM_META, meta, n->dst, 0, at);
        uint32_t v = n->dst2;
        if (v == IR_NO) {
            v = ir_value_new(l, meta);
            l->f->insn[i].dst2 = v;
        }
        return v;
    }
    return IR_NO;
}

/* IR_NO: reported.  logprob: the site keeps log-probabilities from now on. */
uint32_t meta_value(struct low *l, const struct node *arg, struct span at, bool logprob)
{
    struct binding *b = arg->kind == AST_EXPR_NAME ? scope_find(l, arg->u.name.text) : NULL;
    if (!b || !b->ex.gen || b->kind != BIND_VALUE) {
        low_diag(l, "E0315", arg->span,
                 "`meta` takes a name bound by a hole, or by `let` directly from `gen` or "
                 "`select`");
        return IR_NO;
    }
    uint32_t site = b->ex.gen - 1;
    l->c->gen[site].needs_logprob |= logprob;
    struct low *owner = l;
    for (struct binding *o = b; o && o->captured && owner->up; o = scope_find(owner, o->name))
        owner = owner->up;
    if (owner == l)
        return of_site(l, site, at);
    struct name hidden = { .text = comp_printf(l->c, "meta:%u", site) };
    struct binding *known = scope_find(l, hidden.text);
    if (known)
        return known->v;
    uint32_t v = of_site(owner, site, at);
    if (v == IR_NO)
        return IR_NO;
    scope_bind(owner, hidden, BIND_VALUE, v, type_plain(T_META))->quiet = true;
    return scope_find(l, hidden.text)->v;
}
