/* pass_flow.c - the last use of a context, the constant beginning of a function, effects. */
#include <string.h>

#include "compiler/lower.h"

/* ---- lifetime ---- */

static bool in_region(const struct ir_func *f, uint32_t i)
{
    for (uint32_t r = 0; r < f->n_region; r++)
        if (i >= f->region[r].first && i <= f->region[r].last)
            return true;
    return false;
}

static void insert_drop(struct comp *c, struct ir_func *f, uint32_t after, uint32_t chain)
{
    struct ir_insn last = f->insn[after];
    comp_push(c, &f->insn, &f->n_insn, &f->cap_insn, sizeof *f->insn);
    memmove(&f->insn[after + 2], &f->insn[after + 1], (f->n_insn - after - 2) * sizeof *f->insn);
    uint32_t token = f->n_token;
    *(uint32_t *)comp_push(c, &f->token, &f->n_token, &f->cap_token, sizeof(uint32_t)) = chain;
    f->insn[after + 1] = (struct ir_insn){ .op = IR_DROP, .dst = IR_NO, .dst2 = IR_NO, .kin = last.kout,
                                           .kout = token, .at = last.at };
    for (uint32_t r = 0; r < f->n_region; r++) {
        f->region[r].first += f->region[r].first > after;
        f->region[r].last += f->region[r].last > after;
    }
}

/* A context that the function made is dropped behind the last operation on it, in source order,
 * unless that stands in a loop or attempt: then the frame's end does it. */
void pass_lifetime(struct comp *c, struct ir_func *f)
{
    if (f->out.flags & FUNC_SCRIPT)
        return;
    for (uint32_t k = 0; k < f->n_chain; k++) {
        uint32_t last = IR_NO;
        bool keep = !f->chain[k].own;
        for (uint32_t i = 0; i < f->n_insn && !keep; i++) {
            const struct ir_insn *n = &f->insn[i];
            if (n->kout != IR_NO && f->token[n->kout] == k && n->op != IR_KPHI)
                last = i;
            keep = (n->op == IR_STREAM_OPEN || n->op == IR_DROP) && n->kin != IR_NO && f->token[n->kin] == k;
        }
        if (!keep && last != IR_NO && f->insn[last].op != IR_CTX_NEW && f->insn[last].kin != IR_NO &&
            !in_region(f, last))
            insert_drop(c, f, last, k);
    }
}

/* ---- prefix ---- */

void pass_prefix(struct comp *c, struct ir_func *f, uint32_t index)
{
    uint32_t chain = IR_NO, n_op = 0;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_CTX_NEW && n->kout != IR_NO) {
            chain = f->token[n->kout];
            continue;
        }
        if (n->op == IR_BLOCK || n->op == IR_RET)
            break;
        if (chain == IR_NO || n->kin == IR_NO || f->token[n->kin] != chain)
            continue;
        if (n->op != IR_TEXT && n->op != IR_TURN_OPEN && n->op != IR_TURN_CLOSE)
            break;
        n_op++;
    }
    if (n_op)
        *(struct bc_prefix *)comp_push(c, &c->prefix, &c->n_prefix, &c->cap_prefix, sizeof(struct bc_prefix)) =
            (struct bc_prefix){ index, n_op };
}

/* ---- effects ---- */

static uint32_t native_effect(enum native_id id)
{
    switch (id) {
    case NATIVE_PRINT: case NATIVE_INPUT: case NATIVE_DBG: case NATIVE_IO_READ_TEXT:
    case NATIVE_IO_READ_JSON: case NATIVE_IO_READ_JSONL: case NATIVE_IO_READ_CSV: case NATIVE_IO_READ_BYTES:
    case NATIVE_IO_EXISTS: case NATIVE_IO_LIST: case NATIVE_IO_ENV: case NATIVE_IO_NOW:
        return EFFECT_IO | EFFECT_FAIL;
    case NATIVE_IO_WRITE_TEXT: case NATIVE_IO_WRITE_JSON: case NATIVE_IO_WRITE_JSONL:
        return EFFECT_IO | EFFECT_IDEM | EFFECT_FAIL;
    case NATIVE_IO_APPEND_TEXT: case NATIVE_IO_APPEND_JSONL:
        return EFFECT_IO | EFFECT_EXT | EFFECT_FAIL;
    default:
        return EFFECT_FAIL;
    }
}

static uint32_t extern_effect(const struct bc_extern *x)
{
    return EFFECT_FAIL | (x->pure ? 0 : x->idempotent ? EFFECT_IDEM : EFFECT_EXT);
}

static uint32_t insn_effect(const struct comp *c, const struct ir_insn *n)
{
    switch (n->op) {
    case IR_GEN: case IR_SELECT: case IR_SCORE: case IR_STREAM_OPEN:
        return EFFECT_MODEL | EFFECT_FAIL;
    case IR_NATIVE:
        return native_effect((enum native_id)n->imm);
    case IR_CALL_EXTERN:
        return extern_effect(&c->ext[n->imm]);
    case IR_CALL:
        return c->func[n->imm]->out.effects;
    case IR_FORK:
        return c->func[c->fork[n->imm].func]->out.effects;
    default:
        return EFFECT_FAIL;
    }
}

static bool spread(const struct comp *c, struct ir_func *f)
{
    uint32_t e = f->out.effects;
    for (uint32_t i = 0; i < f->n_callee; i++)
        e |= c->func[f->callee[i]]->out.effects;
    bool more = e != f->out.effects;
    f->out.effects = e;
    return more;
}

static void check_region(struct comp *c, const struct ir_func *f, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last && i < f->n_insn; i++)
        if (insn_effect(c, &f->insn[i]) & EFFECT_EXT)
            diag_add(c->diags, "E0611", f->out.source, f->insn[i].at,
                     "this has an effect outside that an attempt could repeat: mark it @idempotent or move it out");
}

static void check_effects(struct comp *c, const struct ir_func *f)
{
    if (f->pure && (f->out.effects & ~(uint32_t)EFFECT_FAIL))
        diag_add(c->diags, f->sym && f->sym->kind == SYM_CONST ? "E0313" : "E0612", f->out.source, f->out.at,
                 "this is to have no effects, but it has");
    for (uint32_t r = 0; r < f->n_region; r++) {
        const struct ir_insn *n = &f->insn[f->region[r].first];
        if (f->region[r].first < f->n_insn && n->op == IR_ATTEMPT_ENTER)
            check_region(c, f, f->region[r].first, f->region[r].last);
    }
    for (uint32_t i = 0; i < f->n_insn; i++) {
        if (f->insn[i].op != IR_FORK || !(insn_effect(c, &f->insn[i]) & EFFECT_EXT))
            continue;
        bool race = c->fork[f->insn[i].imm].race;
        diag_add(c->diags, race ? "E0611" : "W0601", f->out.source, f->insn[i].at, race
                 ? "these branches have an effect outside, and a race could cut it off"
                 : "these branches have an effect outside that a failing branch could cut off");
    }
}

void effects_infer(struct comp *c)
{
    for (uint32_t i = 0; i < c->n_func; i++) {
        struct ir_func *f = c->func[i];
        for (uint32_t k = 0; k < f->n_insn; k++)
            if (f->insn[k].op != IR_CALL && f->insn[k].op != IR_FORK)
                f->out.effects |= insn_effect(c, &f->insn[k]);
    }
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = c->n_func; i-- > 0;)
            more |= spread(c, c->func[i]);
    }
    for (uint32_t i = 0; i < c->n_func; i++)
        check_effects(c, c->func[i]);
}
