/* pass_place.c - changing a variable's list or map in place.
 *
 * `xs.push(v)`, `m[k] = v` and `p.f = v` are: load the variable, make the changed value, store it.
 * The loaded copy is a second reference, so the machine would have to copy the whole value, and a
 * loop of pushes would take quadratic time.  Where load, change and store are one straight line
 * with nothing of the variable in between, the change works on the variable itself; the machine
 * still copies when somebody else holds the value.  Runs last: what it leaves is no longer SSA. */
#include "compiler/pass.h"

static bool is_change(const struct ir_insn *n)
{
    return (n->op == IR_NATIVE && n->imm == NATIVE_LIST_PUSH) || n->op == IR_PUT_INDEX ||
           n->op == IR_PUT_FIELD;
}

/* Operations that neither jump, nor are jumped to, nor store. */
static bool is_plain(enum ir_op op)
{
    switch (op) {
    case IR_BLOCK: case IR_BR: case IR_BR_TRUE: case IR_BR_FALSE: case IR_BR_NULL: case IR_BR_NOT_NULL:
    case IR_NEXT: case IR_STREAM_NEXT: case IR_JOIN_NEXT: case IR_STORE: case IR_TRY_ENTER:
    case IR_TRY_LEAVE: case IR_ATTEMPT_ENTER: case IR_ATTEMPT_COMMIT:
        return false;
    default:
        return true;
    }
}

/* The load that gives the value changed by operation `at`, if the way there is plain; else IR_NO. */
static uint32_t find_load(const struct ir_func *f, uint32_t at)
{
    uint32_t value = f->insn[at].arg[0];
    for (uint32_t i = at; i-- > 0 && is_plain(f->insn[i].op);)
        if (f->insn[i].op == IR_LOAD && f->insn[i].dst == value)
            return i;
    return IR_NO;
}

static void count_uses(const struct ir_func *f, uint32_t *n_use)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        for (uint32_t k = 0; k < f->insn[i].n_arg; k++)
            if (f->insn[i].arg[k] < f->n_value)
                n_use[f->insn[i].arg[k]]++;
}

void pass_place(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    uint32_t *n_use = comp_alloc(c, (f->n_value + 1) * sizeof *n_use);
    count_uses(f, n_use);
    for (uint32_t i = 0; i + 1 < f->n_insn; i++) {
        struct ir_insn *change = &f->insn[i], *store = change + 1;
        if (!is_change(change) || store->op != IR_STORE || store->imm != BC_NO_INDEX ||
            store->arg[0] != change->dst || n_use[change->dst] != 1 || n_use[change->arg[0]] != 1)
            continue;
        uint32_t load = find_load(f, i);
        if (load == IR_NO || f->insn[load].arg[0] != store->dst)
            continue;
        change->arg[0] = change->dst = store->dst;
        f->insn[load].op = store->op = IR_NOP;
        f->insn[load].n_arg = store->n_arg = 0;
        f->insn[load].dst = store->dst = IR_NO;
    }
}
