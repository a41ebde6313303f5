/* pass_deadgen.c - removes generations that nobody reads (LANGUAGE.md 11.2, rule 5).
 *
 * A generation shows itself in two ways: by its value, and by its context.  Where the value (and
 * meta of it) is used nowhere, and the context is one that the function made and that nothing
 * looks at, copies or generates on afterwards, the model would work for nobody.  Appending is not
 * looking; of several dead generations in a row none is a reason to keep another, so liveness is
 * asked with all candidates left out.
 *
 * Kept: everything in a script, whose generations the host may show as they come, in a test or an
 * eval, where answers are handed out in order, and in a context that came from elsewhere. */
#include <string.h>

#include "base/bitset.h"
#include "compiler/ir_flow.h"
#include "compiler/pass.h"

struct dead {
    struct ir_func *f;
    uint32_t       *n_use;      /* [n_value] */
    uint32_t       *of_handle;  /* [n_value] chain + 1 */
};

static bool is_gen(enum ir_op op)
{
    return op == IR_GEN || op == IR_SELECT || op == IR_SCORE;
}

/* Nobody reads the value. */
static bool is_candidate(const struct dead *d, const struct ir_insn *n)
{
    return is_gen(n->op) && n->kin != IR_NO && d->f->chain[d->f->token[n->kin]].own &&
           (n->dst == IR_NO || !d->n_use[n->dst]) && (n->dst2 == IR_NO || !d->n_use[n->dst2]);
}

/* Operations on a context whose outcome does not depend on what stands in it. */
static bool only_appends(enum ir_op op)
{
    return op == IR_TEXT || op == IR_INSERT || op == IR_CONTROL || op == IR_TURN_OPEN ||
        op == IR_TURN_CLOSE ||
           op == IR_DROP || op == IR_KPHI || op == IR_NOP || op == IR_JOIN_TEXT;
}

static void on_insn(void *ctx, const struct ir_insn *n, struct flow_mark *m)
{
    struct dead *d = ctx;
    if (n->dst != IR_NO && d->of_handle[n->dst])
        bitset_add(m->makes, d->of_handle[n->dst] - 1);
    for (uint32_t a = 0; a < n->n_arg; a++)
        if (n->arg[a] != IR_NO && n->op != IR_ENTER && d->of_handle[n->arg[a]])
            bitset_add(m->needs, d->of_handle[n->arg[a]] - 1);
    if (n->kin != IR_NO && !only_appends(n->op) && !is_candidate(d, n))
        bitset_add(m->needs, d->f->token[n->kin]);
}

static void later_tokens(struct ir_func *f, uint32_t from, uint32_t to)
{
    for (uint32_t i = 0; i < f->n_insn; i++) {
        struct ir_insn *n = &f->insn[i];
        if (n->kin == from)
            n->kin = to;
        if (n->op == IR_KPHI && n->imm == from)
            n->imm = to;
        if (n->op == IR_KPHI && n->label == from)
            n->label = to;
    }
}

static void remove_gen(struct comp *c, struct ir_func *f, struct ir_insn *n)
{
    const struct gen_site *g = &c->gen[n->imm];
    bool say = !pass_of_std(c, f);
    if (say && g->name.len)
        diag_add(c->diags, "W0401", f->out.source, n->at,
                 "nothing uses `%.*s` or what is generated after it: it is "
                 "not generated", (int)g->name.len, g->name.ptr);
    else if (say)
        diag_add(c->diags, "W0401", f->out.source, n->at,
                 "nothing uses this value or the context behind it: it is not generated");
    uint32_t kin = n->kin, kout = n->kout;
    *n = (struct ir_insn){ .op = IR_NOP, .dst = IR_NO, .dst2 = IR_NO,
                           .kin = IR_NO, .kout = IR_NO, .at = n->at };
    if (kout != IR_NO)
        later_tokens(f, kout, kin);
}

/* Goes through a node from its end with what is needed there. */
static void sweep(struct comp *c, struct dead *d, const struct live *live, uint32_t node)
{
    const struct flow_node *x = &live->flow->node[node];
    uint32_t n_word = live->n_word;
    uint32_t *now = comp_alloc(c, 3 * n_word * sizeof *now);
    struct flow_mark m = { now + n_word, now + 2 * n_word };
    memcpy(now, live->out + (size_t)node * n_word, n_word * sizeof *now);
    for (uint32_t i = x->end; i-- > x->first;) {
        struct ir_insn *n = &d->f->insn[i];
        if (is_candidate(d, n) && (n->op == IR_SCORE || !bitset_has(now, d->f->token[n->kin]))) {
            remove_gen(c, d->f, n);
            continue;
        }
        memset(m.needs, 0, 2 * n_word * sizeof *m.needs);
        on_insn(d, n, &m);
        for (uint32_t b = 0; b < n_word; b++)
            now[b] = (now[b] & ~m.makes[b]) | m.needs[b];
    }
}

static bool any_candidate(const struct dead *d)
{
    for (uint32_t i = 0; i < d->f->n_insn; i++)
        if (is_candidate(d, &d->f->insn[i]))
            return true;
    return false;
}

void pass_deadgen(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    struct dead d = { .f = f };
    if ((f->out.flags & (FUNC_SCRIPT | FUNC_TEST | FUNC_EVAL)) || !f->n_chain)
        return;
    d.n_use = comp_alloc(c, (f->n_value + 1) * sizeof *d.n_use);
    d.of_handle = comp_alloc(c, (f->n_value + 1) * sizeof *d.of_handle);
    for (uint32_t i = 0; i < f->n_insn; i++)
        for (uint32_t a = 0; a < f->insn[i].n_arg; a++)
            if (f->insn[i].arg[a] != IR_NO)
                d.n_use[f->insn[i].arg[a]]++;
    if (!any_candidate(&d))
        return;
    for (uint32_t k = 0; k < f->n_chain; k++)
        if (f->chain[k].own)
            d.of_handle[f->chain[k].handle] = k + 1;
    struct flow flow = flow_of(c, f);
    struct live live = live_of(c, &flow, f->n_chain, on_insn, &d);
    for (uint32_t i = 0; i < flow.n; i++)
        sweep(c, &d, &live, i);
}
