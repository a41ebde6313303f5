/* pass_order.c - finds text that changes from call to call before long constant text (W0301).
 *
 * Contexts that begin alike share what was computed for their beginning.  A value inserted near
 * the head of a context ends that, and everything constant behind it, up to the first generation,
 * is computed anew in each call.  The pass changes nothing: only the writer knows whether the
 * order matters to the model. */
#include "compiler/pass.h"

enum { LONG_BYTES = 512 };      /* about 128 tokens: less is not worth a word */

struct order {
    struct span at;             /* of the first inserted value */
    bool        changed;
    bool        done;
    uint64_t    n_byte;         /* constant text behind it */
};

static bool ends_prompt(enum ir_op op)
{
    return op == IR_GEN || op == IR_SELECT || op == IR_SCORE || op == IR_STREAM_OPEN ||
        op == IR_FORK ||
           op == IR_SCRATCH || op == IR_SNAP || op == IR_JOIN_TEXT;
}

static void look(const struct comp *c, const struct ir_insn *n, struct order *o)
{
    if (n->op == IR_INSERT && !o->changed) {
        o->changed = true;
        o->at = n->at;
    } else if (n->op == IR_TEXT && o->changed) {
        o->n_byte += c->konst[n->imm].text.len;
    } else if (ends_prompt(n->op)) {
        o->done = true;
    }
}

static bool begins_context(const struct ir_func *f, uint32_t chain)
{
    return f->chain[chain].own || ((f->out.flags & FUNC_BRANCH) &&
                                   f->chain[chain].handle == f->ctx);
}

void pass_order(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    if ((f->out.flags & (FUNC_SCRIPT | FUNC_TEST | FUNC_EVAL)) || !f->n_chain || pass_of_std(c, f))
        return;
    struct order *order = comp_alloc(c, f->n_chain * sizeof *order);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->kin != IR_NO && !order[f->token[n->kin]].done)
            look(c, n, &order[f->token[n->kin]]);
    }
    for (uint32_t k = 0; k < f->n_chain; k++) {
        const struct order *o = &order[k];
        if (o->n_byte < LONG_BYTES || !begins_context(f, k))
            continue;
        struct diag *d = diag_add(c->diags, "W0301", f->out.source, o->at,
                                  "this changes from call to call, and %llu bytes of constant "
                                  "text stand behind it",
                                  (unsigned long long)o->n_byte);
        diag_note(c->diags, d,
                  "put the constant text first: what contexts have in common at their beginning is "
                  "computed once");
    }
}
