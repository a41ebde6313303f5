/* effects.c - what each function does to the world outside (LANGUAGE.md 11.2).
 *
 * A function has the effects of its operations and of everything it calls.  A call of a function
 * value has the effects of what the value is, if that can be seen where the call stands: a lambda
 * or a name.  Otherwise it is EFFECT_VALUE: whoever hands the value over knows, so at a call the
 * callee's EFFECT_VALUE is replaced by the effects of the functions among its arguments.  A
 * function that makes a lambda has its effects, called or not: so a function value that comes out
 * of a list or a variable is either somebody's parameter or is counted already. */
#include <string.h>

#include "compiler/lower.h"

static uint32_t native_effect(enum native_id id)
{
    switch (id) {
    case NATIVE_PRINT: case NATIVE_INPUT: case NATIVE_DBG: case NATIVE_IO_READ_TEXT:
    case NATIVE_IO_READ_JSON: case NATIVE_IO_READ_JSONL: case NATIVE_IO_READ_CSV: case NATIVE_IO_READ_BYTES:
    case NATIVE_IO_EXISTS: case NATIVE_IO_LIST: case NATIVE_IO_ENV: case NATIVE_IO_NOW:
        return EFFECT_IO | EFFECT_FAIL;
    case NATIVE_IO_WRITE_TEXT: case NATIVE_IO_WRITE_JSON: case NATIVE_IO_WRITE_JSONL: case NATIVE_IO_ROW_JSONL:
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

/* ---- function values ---- */

static bool holds(struct comp *c, const struct type *t, uint64_t kinds, uint32_t depth);

static bool struct_holds(struct comp *c, struct sdecl *d, uint64_t kinds, uint32_t depth)
{
    if (d->walk == c->walk)
        return false;
    d->walk = c->walk;
    for (uint32_t i = 0; i < d->n; i++)
        if (d->field[i].type && holds(c, d->field[i].type, kinds, depth + 1))
            return true;
    return false;
}

static bool holds(struct comp *c, const struct type *t, uint64_t kinds, uint32_t depth)
{
    enum { DEPTH_MAX = 64 };
    if ((kinds >> t->kind & 1) || depth > DEPTH_MAX)
        return true;
    if (t->kind == T_STRUCT)
        return struct_holds(c, t->strct, kinds, depth);
    for (uint32_t i = 0; i < t->n && t->kind != T_FN; i++)
        if (holds(c, t->elem[i], kinds, depth + 1))
            return true;
    return false;
}

bool type_holds(struct comp *c, const struct type *t, uint64_t kinds)
{
    c->walk++;
    return holds(c, t, kinds, 0);
}

/* What writes value v, looked for backwards from operation `before`; NULL: an input. */
static const struct ir_insn *writer_of(const struct ir_func *f, uint32_t before, uint32_t v)
{
    for (uint32_t i = before; i-- > 0;)
        if (f->insn[i].dst == v)
            return &f->insn[i];
    return NULL;
}

static uint32_t value_effect(const struct comp *c, const struct ir_func *f, uint32_t before,
                             uint32_t v)
{
    const struct ir_insn *n = f->value[v].is_var ? NULL : writer_of(f, before, v);
    if (n && n->op == IR_CLOSURE)
        return c->func[n->imm]->out.effects;
    if (n && n->op == IR_CONST && c->konst[n->imm].kind == KONST_FUNC)
        return c->func[c->konst[n->imm].i]->out.effects;
    return EFFECT_VALUE | EFFECT_FAIL;
}

static uint32_t call_effect(struct comp *c, const struct ir_func *f, uint32_t at)
{
    const struct ir_insn *n = &f->insn[at];
    uint32_t e = c->func[n->imm]->out.effects;
    if (!(e & EFFECT_VALUE))
        return e;
    e &= ~(uint32_t)EFFECT_VALUE;
    for (uint32_t i = 0; i < n->n_arg; i++)
        if (type_holds(c, f->value[n->arg[i]].type, 1ull << T_FN | 1ull << T_ANY | 1ull << T_VAR))
            e |= value_effect(c, f, at, n->arg[i]);
    return e;
}

/* c.run(): any of the tools of its type. */
static uint32_t tool_effect(struct comp *c, const struct type *t)
{
    if (t->kind != T_CALL)
        return EFFECT_VALUE | EFFECT_FAIL;
    uint32_t e = EFFECT_FAIL;
    for (uint32_t i = 0; i < t->n_tool; i++)
        e |= t->tool[i]->kind == SYM_EXTERN ? extern_effect(&c->ext[extern_of(c, t->tool[i])])
            : t->tool[i]->func ? c->func[t->tool[i]->func - 1]->out.effects : EFFECT_VALUE;
    return e;
}

uint32_t effect_of(struct comp *c, const struct ir_func *f, uint32_t at)
{
    const struct ir_insn *n = &f->insn[at];
    switch (n->op) {
    case IR_GEN: case IR_SELECT: case IR_SCORE: case IR_STREAM_OPEN:
        return EFFECT_MODEL | EFFECT_FAIL;
    case IR_NATIVE:
        if (n->imm == NATIVE_CALL_RUN)
            return tool_effect(c, f->value[n->arg[0]].type);
        return native_effect((enum native_id)n->imm);
    case IR_CALL_EXTERN:
        return extern_effect(&c->ext[n->imm]);
    case IR_CALL: case IR_CALL_DEFERRED:
        return call_effect(c, f, at);
    case IR_CALL_VALUE: case IR_CALL_VALUE_DEFERRED:
        return value_effect(c, f, at, n->arg[0]) | EFFECT_FAIL;
    case IR_FORK:
        return c->func[c->fork[n->imm].func]->out.effects;
    default:
        return EFFECT_FAIL;
    }
}

/* ---- inference ---- */

static bool depends_on_others(const struct ir_insn *n)
{
    return n->op == IR_CALL || n->op == IR_CALL_VALUE || n->op == IR_FORK ||
           (n->op == IR_NATIVE && n->imm == NATIVE_CALL_RUN);
}

static bool spread(struct comp *c, struct ir_func *f)
{
    uint32_t e = f->out.effects;
    for (uint32_t i = 0; i < f->n_callee; i++)
        e |= c->func[f->callee[i]]->out.effects & ~(uint32_t)EFFECT_VALUE;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (depends_on_others(&f->insn[i]))
            e |= effect_of(c, f, i);
    bool more = e != f->out.effects;
    f->out.effects = e;
    return more;
}

static void check_region(struct comp *c, const struct ir_func *f, uint32_t first, uint32_t last)
{
    for (uint32_t i = first; i <= last && i < f->n_insn; i++)
        if (effect_of(c, f, i) & EFFECT_EXT)
            diag_add(c->diags, "E0611", f->out.source, f->insn[i].at,
                     "this has an effect outside that an attempt could repeat: mark it @idempotent or move it out");
}

static const char *effect_text(uint32_t e)
{
    return e & EFFECT_MODEL ? "this generates" : e & EFFECT_EXT ? "this has an effect outside"
         : e & EFFECT_IDEM ? "this reaches outside" : "this prints, or reads something";
}

static void not_pure(struct comp *c, const struct ir_func *f)
{
    bool constant = !f->sym || f->sym->kind == SYM_CONST;
    struct diag *d = diag_add(c->diags, constant ? "E0313" : "E0612", f->out.source, f->out.at,
                              "this is to have no effects, but it has");
    for (uint32_t i = 0; i < f->n_insn; i++) {
        uint32_t e = effect_of(c, f, i) & ~(uint32_t)(EFFECT_FAIL | EFFECT_VALUE);
        if (!e)
            continue;
        diag_label(c->diags, d, f->out.source, f->insn[i].at, "%s", effect_text(e));
        return;
    }
}

static void check_effects(struct comp *c, const struct ir_func *f)
{
    if (f->pure && (f->out.effects & ~(uint32_t)(EFFECT_FAIL | EFFECT_VALUE)))
        not_pure(c, f);
    for (uint32_t r = 0; r < f->n_region; r++) {
        const struct ir_insn *n = &f->insn[f->region[r].first];
        if (f->region[r].first < f->n_insn && n->op == IR_ATTEMPT_ENTER)
            check_region(c, f, f->region[r].first, f->region[r].last);
    }
    for (uint32_t i = 0; i < f->n_insn; i++) {
        if (f->insn[i].op != IR_FORK || !(effect_of(c, f, i) & EFFECT_EXT))
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
            if (!depends_on_others(&f->insn[k]))
                f->out.effects |= effect_of(c, f, k);
    }
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = c->n_func; i-- > 0;)
            more |= spread(c, c->func[i]);
    }
    for (uint32_t i = 0; i < c->n_func; i++)
        check_effects(c, c->func[i]);
}
