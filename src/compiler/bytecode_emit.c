/* bytecode_emit.c - IR to bytecode: registers by linear scan, operations by the form of their row.
 *
 *      [ inputs | values and variables, shared by lifetime | area for groups ]
 *        ^0                                                  ^n_fixed
 *
 * A value lives from the operation that writes it to the last that mentions it, and to the end of
 * every loop that it enters alive.  Operands that have to lie side by side are moved into the area
 * at the end of the frame just before their operation. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/lower.h"

enum { REG_MAX = 0xff00 };

enum form { FORM_OWN, FORM_NONE, FORM_DA, FORM_DAB, FORM_DAI, FORM_GN, FORM_GI, FORM_IG, FORM_A,
            FORM_K,
            FORM_KA, FORM_KAB, FORM_KB, FORM_KI, FORM_DK, FORM_DKA, FORM_DKI };

struct op_row {
    enum form  form;
    enum bc_op bc;
};

static const struct op_row op_rows[IR_N] = {
#define X(name, text, form, bc, sentence) [IR_##name] = { FORM_##form, OP_##bc },
    IR_OPS(X)
#undef X
};

struct life {
    uint32_t first, last;       /* positions: 0 for inputs, i + 1 for operation i; first IR_NO: never */
    uint16_t reg;
};

struct emit {
    struct comp    *c;
    struct ir_func *f;
    struct life    *life;       /* [n_value] */
    uint32_t       *pc;         /* [n_block] */
    struct insn    *code;  uint32_t n_code, cap_code;
    struct span    *span;  uint32_t n_span, cap_span;
    uint32_t       *ordinal; uint32_t n_ordinal, cap_ordinal;
    uint32_t        now;        /* ordinal of the operation being written */
    struct fixup { uint32_t at, block; } *fix; uint32_t n_fix, cap_fix;
    uint32_t        n_fixed, n_area;
    bool            too_big;
};

/* ---- lifetimes ---- */

static void mention(struct emit *e, uint32_t v, uint32_t pos)
{
    if (v == IR_NO)
        return;
    struct life *x = &e->life[v];
    if (x->first == IR_NO || pos < x->first)
        x->first = pos;
    if (pos > x->last)
        x->last = pos;
}

static void mention_token(struct emit *e, uint32_t token, uint32_t pos)
{
    if (token == IR_NO)
        return;
    const struct ir_chain *k = &e->f->chain[e->f->token[token]];
    if (k->used)
        mention(e, k->handle, pos);
}

static void extend_over_regions(struct emit *e)
{
    const struct ir_func *f = e->f;
    /* a region is opened before those inside it and closed after them: backwards is inner first */
    for (uint32_t r = f->n_region; r-- > 0;) {
        uint32_t first = f->region[r].first + 1, last = f->region[r].last + 1;
        for (uint32_t v = 0; v < f->n_value; v++) {
            struct life *x = &e->life[v];
            if (x->first != IR_NO && x->first < first && x->last >= first && x->last < last)
                x->last = last;
        }
    }
}

static void lifetimes(struct emit *e)
{
    const struct ir_func *f = e->f;
    for (uint32_t v = 0; v < f->n_value; v++)
        e->life[v] = (struct life){ IR_NO, 0, BC_NONE };
    for (uint32_t i = 0; i < f->n_input; i++)
        mention(e, f->input[i], 0);
    mention(e, f->ctx, 0);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_NOP || n->op == IR_KPHI)
            continue;
        mention(e, n->dst, i + 1);
        mention(e, n->dst2, i + 1);
        mention_token(e, n->kin, i + 1);
        mention_token(e, n->kout, i + 1);
        for (uint32_t a = 0; a < n->n_arg; a++)
            mention(e, n->arg[a], i + 1);
    }
    /* a context of its own is dropped at its last use; what was said in it is for errors to show */
    for (uint32_t k = 0; k < f->n_chain; k++)
        if (f->chain[k].own && e->life[f->chain[k].handle].first != IR_NO)
            mention(e, f->chain[k].handle, f->n_insn);
    extend_over_regions(e);
}

/* ---- registers ---- */

struct order {                  /* lists of values by position */
    uint32_t *head, *next;
};

static void order_add(struct order *o, uint32_t pos, uint32_t v)
{
    o->next[v] = o->head[pos];
    o->head[pos] = v;
}

static struct order order_new(struct comp *c, uint32_t n_pos, uint32_t n_value)
{
    struct order o = { comp_alloc(c, n_pos * sizeof(uint32_t)),
                       comp_alloc(c, n_value * sizeof(uint32_t) + 4) };
    memset(o.head, 0xff, n_pos * sizeof(uint32_t));
    return o;
}

static void allocate(struct emit *e)
{
    const struct ir_func *f = e->f;
    uint32_t n_pos = f->n_insn + 3;
    struct order start = order_new(e->c, n_pos, f->n_value),
                 stop = order_new(e->c, n_pos, f->n_value);
    uint16_t *spare = comp_alloc(e->c, (f->n_value + 1) * sizeof *spare);
    uint32_t n_spare = 0, n_reg = 0;
    for (uint32_t i = 0; i < f->n_input; i++)
        e->life[f->input[i]].reg = (uint16_t)n_reg++;
    for (uint32_t v = f->n_value; v-- > 0;) {
        if (e->life[v].first == IR_NO)
            continue;
        order_add(&stop, e->life[v].last + 1, v);
        if (e->life[v].reg == BC_NONE)
            order_add(&start, e->life[v].first, v);
    }
    for (uint32_t p = 0; p < n_pos; p++) {
        for (uint32_t v = stop.head[p]; v != IR_NO; v = stop.next[v])
            spare[n_spare++] = e->life[v].reg;
        for (uint32_t v = start.head[p]; v != IR_NO; v = start.next[v]) {
            e->life[v].reg = n_spare ? spare[--n_spare] : (uint16_t)n_reg++;
            if (n_reg > REG_MAX) {
                e->too_big = true;
                n_reg = REG_MAX;
            }
        }
    }
    e->n_fixed = n_reg;
}

/* ---- writing ---- */

static uint16_t reg(const struct emit *e, uint32_t v)
{
    return v == IR_NO ? BC_NONE : e->life[v].reg;
}

static uint16_t ctx_reg(const struct emit *e, const struct ir_insn *n)
{
    uint32_t token = n->kin != IR_NO ? n->kin : n->kout;
    return token == IR_NO ? BC_NONE : reg(e, e->f->chain[e->f->token[token]].handle);
}

static void put(struct emit *e, enum bc_op op, uint32_t a, uint32_t b, uint32_t c, struct span at)
{
    struct insn *i = comp_push(e->c, &e->code, &e->n_code, &e->cap_code, sizeof *i);
    *i = (struct insn){ (uint16_t)op, (uint16_t)a, (uint16_t)b, (uint16_t)c };
    *(struct span *)comp_push(e->c, &e->span, &e->n_span, &e->cap_span, sizeof at) = at;
    *(uint32_t *)comp_push(e->c, &e->ordinal, &e->n_ordinal, &e->cap_ordinal, sizeof(uint32_t)) = e->now;
}

static void put_wide(struct emit *e, enum bc_op op, uint32_t a, uint32_t bc, struct span at)
{
    put(e, op, a, bc & 0xffff, bc >> 16, at);
}

static void put_jump(struct emit *e, enum bc_op op, uint32_t a, uint32_t block, struct span at)
{
    struct fixup *x = comp_push(e->c, &e->fix, &e->n_fix, &e->cap_fix, sizeof *x);
    x->at = e->n_code;
    x->block = block;
    put(e, op, a, 0, 0, at);
}

static void move(struct emit *e, uint16_t to, uint16_t from, struct span at)
{
    if (to != from)
        put(e, OP_MOVE, to, from, 0, at);
}

/* Operands side by side in the area; gives its first register. */
static uint16_t group(struct emit *e, const uint32_t *arg, uint32_t n, struct span at)
{
    if (n > e->n_area)
        e->n_area = n;
    if (e->n_fixed + n > REG_MAX) {
        e->too_big = true;
        return 0;
    }
    if (n == 1)
        return reg(e, arg[0]);
    bool aligned = n > 0;
    for (uint32_t i = 1; i < n && aligned; i++)
        aligned = reg(e, arg[i]) == reg(e, arg[0]) + i;
    if (aligned)
        return reg(e, arg[0]);
    for (uint32_t i = 0; i < n; i++)
        move(e, (uint16_t)(e->n_fixed + i), reg(e, arg[i]), at);
    return (uint16_t)e->n_fixed;
}

static void narrow_index(struct emit *e, uint32_t index)
{
    e->too_big |= index >= BC_NONE;
}

static void *own(struct emit *e, const void *data, uint32_t n, size_t size)
{
    void *p = arena_dup(&e->c->m->arena, data, (n ? n : 1) * size);
    if (!p)
        comp_nomem(e->c);
    return p;
}

static void site_regs(struct emit *e, const struct site_arg *arg, uint32_t n,
                      const struct ir_insn *i)
{
    struct site_arg *a = (struct site_arg *)arg;        /* the module is still ours */
    for (uint32_t k = 0; k < n; k++)
        a[k].reg = reg(e, i->arg[k]);
}

static void emit_gen(struct emit *e, const struct ir_insn *n, enum bc_op op)
{
    struct gen_site *g = &e->c->gen[n->imm];
    narrow_index(e, n->imm);
    site_regs(e, g->arg, g->n_arg, n);
    if (n->n_arg > g->n_arg)
        g->options = reg(e, n->arg[g->n_arg]);
    g->meta = reg(e, n->dst2);
    put(e, op, reg(e, n->dst), ctx_reg(e, n), n->imm, n->at);
}

static void emit_fork(struct emit *e, const struct ir_insn *n)
{
    struct fork_site *s = &e->c->fork[n->imm];
    uint32_t head = s->n_forker ? s->n_forker : 1;
    uint16_t base = group(e, n->arg, head, n->at);
    uint16_t *capture = comp_alloc(e->c, (s->n_capture + 1) * sizeof *capture);
    narrow_index(e, n->imm);
    for (uint32_t i = 0; i < s->n_capture; i++)
        capture[i] = reg(e, n->arg[head + i]);
    s->capture = own(e, capture, s->n_capture, sizeof *capture);
    s->ctx = s->uses_ctx ? ctx_reg(e, n) : BC_NONE;
    if (s->parallel != BC_NONE)
        s->parallel = reg(e, n->arg[head + s->n_capture]);
    put(e, OP_FORK, reg(e, n->dst), n->imm, base, n->at);
}

static void emit_scope(struct emit *e, const struct ir_insn *n)
{
    struct scope_site *s = &e->c->scope[n->imm];
    narrow_index(e, n->imm);
    site_regs(e, s->arg, s->n_arg, n);
    if (s->kind == SCOPE_MOCK || s->kind == SCOPE_STUB)
        s->value = reg(e, n->arg[0]);
    put(e, OP_SCOPE_PUSH, n->imm, 0, 0, n->at);
}

static void emit_attempt(struct emit *e, const struct ir_insn *n)
{
    struct attempt_site *s = &e->c->attempt[n->imm];
    narrow_index(e, n->imm);
    site_regs(e, s->arg, s->n_arg, n);
    s->n_restore = n->n_arg - s->n_arg;
    uint16_t *restore = comp_alloc(e->c, (s->n_restore + 1) * sizeof *restore);
    for (uint32_t i = 0; i < s->n_restore; i++)
        restore[i] = reg(e, n->arg[s->n_arg + i]);
    s->restore = own(e, restore, s->n_restore, sizeof *restore);
    bool uses = n->kin != IR_NO && e->f->chain[e->f->token[n->kin]].used;
    s->ctx = uses ? ctx_reg(e, n) : BC_NONE;
    put_jump(e, OP_ATTEMPT_ENTER, n->imm, n->label, n->at);
}

/* A branch to the block that comes next anyway is left out. */
static bool falls_through(const struct ir_func *f, uint32_t i, uint32_t label)
{
    for (i++; i < f->n_insn; i++) {
        enum ir_op op = f->insn[i].op;
        if (op == IR_BLOCK && f->insn[i].label == label)
            return true;
        if (op != IR_NOP && op != IR_KPHI && op != IR_BLOCK)
            return false;
    }
    return false;
}

static void emit_own(struct emit *e, const struct ir_insn *n, uint32_t i)
{
    enum bc_op op = op_rows[n->op].bc;
    uint16_t d = reg(e, n->dst), a = n->n_arg ? reg(e, n->arg[0]) : BC_NONE;
    switch (n->op) {
    case IR_NOP:
    case IR_KPHI:
        break;
    case IR_BLOCK:
        e->pc[n->label] = e->n_code;
        break;
    case IR_CONST:
        put_wide(e, OP_CONST, d, n->imm, n->at);
        break;
    case IR_LOAD:
        move(e, d, a, n->at);
        break;
    case IR_STORE:
        move(e, d, a, n->at);
        if (n->imm != BC_NO_INDEX)
            put_wide(e, OP_CHECK, d, n->imm, n->at);
        break;
    case IR_CHECK:
        move(e, d, a, n->at);
        put_wide(e, OP_CHECK, d, n->imm, n->at);
        break;
    case IR_CHECK_FIELDS:
        put_wide(e, OP_CHECK_FIELDS, a, n->imm, n->at);
        break;
    case IR_MAP:
        put(e, OP_MAP, d, group(e, n->arg, n->n_arg, n->at), n->n_arg / 2, n->at);
        break;
    case IR_PUT_FIELD:
        move(e, d, a, n->at);
        put(e, OP_PUT_FIELD, d, n->imm, reg(e, n->arg[1]), n->at);
        break;
    case IR_PUT_INDEX:
        move(e, d, a, n->at);
        put(e, OP_PUT_INDEX, d, reg(e, n->arg[1]), reg(e, n->arg[2]), n->at);
        break;
    case IR_ENV_GET:
        put_wide(e, OP_ENV_GET, d, n->imm, n->at);
        break;
    case IR_ENV_SET:
        put_wide(e, OP_ENV_SET, a, n->imm, n->at);
        break;
    case IR_BR:
        if (!falls_through(e->f, i, n->label))
            put_jump(e, OP_JUMP, 0, n->label, n->at);
        break;
    case IR_BR_TRUE: case IR_BR_FALSE: case IR_BR_NULL: case IR_BR_NOT_NULL:
        put_jump(e, op, a, n->label, n->at);
        break;
    case IR_NEXT: case IR_STREAM_NEXT:
        put(e, op, a, d, 0, n->at);
        put_jump(e, OP_JUMP, 0, n->label, n->at);
        break;
    case IR_JOIN_NEXT:
        put(e, op, d, a, reg(e, n->dst2), n->at);
        put_jump(e, OP_JUMP, 0, n->label, n->at);
        break;
    case IR_TRY_ENTER:
        put_jump(e, n->imm ? OP_FINALLY_ENTER : op, d, n->label, n->at);
        break;
    case IR_CTX_NEW: case IR_CTX_ENV:
        put(e, op, d, 0, 0, n->at);
        break;
    case IR_GEN: case IR_SELECT: case IR_SCORE: case IR_STREAM_OPEN:
        emit_gen(e, n, op);
        break;
    case IR_FORK:
        emit_fork(e, n);
        break;
    case IR_SCOPE_PUSH:
        emit_scope(e, n);
        break;
    case IR_ATTEMPT_ENTER:
        emit_attempt(e, n);
        break;
    case IR_ASSERT_CMP:
        put(e, OP_ASSERT_CMP, n->label, group(e, n->arg, 3, n->at), 0, n->at);
        break;
    default:
        break;
    }
}

static void emit_insn(struct emit *e, uint32_t i)
{
    const struct ir_insn *n = &e->f->insn[i];
    const struct op_row *r = &op_rows[n->op];
    uint16_t d = reg(e, n->dst), k = ctx_reg(e, n);
    uint16_t a = n->n_arg ? reg(e, n->arg[0]) : BC_NONE,
             b = n->n_arg > 1 ? reg(e, n->arg[1]) : BC_NONE;
    switch (r->form) {
    case FORM_OWN:
        emit_own(e, n, i);
        break;
    case FORM_NONE:
        put(e, r->bc, 0, 0, 0, n->at);
        break;
    case FORM_DA:
        put(e, r->bc, d, a, 0, n->at);
        break;
    case FORM_DAB:
        put(e, r->bc, d, a, b, n->at);
        break;
    case FORM_DAI:
        narrow_index(e, n->imm);
        put(e, r->bc, d, a, n->imm, n->at);
        break;
    case FORM_GN:
        put(e, r->bc, d, group(e, n->arg, n->n_arg, n->at), n->op == IR_CALL_VALUE ||
            n->op == IR_CALL_VALUE_DEFERRED ? n->n_arg - 1 : n->n_arg, n->at);
        break;
    case FORM_GI:
        narrow_index(e, n->imm);
        put(e, r->bc, d, group(e, n->arg, n->n_arg, n->at), n->imm, n->at);
        break;
    case FORM_IG:
        narrow_index(e, n->imm);
        put(e, r->bc, d, n->imm, group(e, n->arg, n->n_arg, n->at), n->at);
        break;
    case FORM_A:
        put(e, r->bc, a, 0, 0, n->at);
        break;
    case FORM_K:
        put(e, r->bc, k, 0, 0, n->at);
        break;
    case FORM_KA:
        put(e, r->bc, k, a, 0, n->at);
        break;
    case FORM_KAB:
        put(e, r->bc, k, a, b, n->at);
        break;
    case FORM_KB:
        put(e, r->bc, k, n->imm, 0, n->at);
        break;
    case FORM_KI:
        put_wide(e, r->bc, k, n->imm, n->at);
        break;
    case FORM_DK:
        put(e, r->bc, d, k, 0, n->at);
        break;
    case FORM_DKA:
        put(e, r->bc, d, k, a, n->at);
        break;
    case FORM_DKI:
        put(e, r->bc, d, k, n->imm, n->at);
        break;
    }
}

static void patch(struct emit *e)
{
    for (uint32_t i = 0; i < e->n_fix; i++) {
        uint32_t rel = e->pc[e->fix[i].block] - (e->fix[i].at + 1);
        e->code[e->fix[i].at].b = (uint16_t)(rel & 0xffff);
        e->code[e->fix[i].at].c = (uint16_t)(rel >> 16);
    }
}

static void finish(struct emit *e)
{
    struct func *o = &e->f->out;
    o->code = own(e, e->code, e->n_code, sizeof *e->code);
    o->span = own(e, e->span, e->n_code, sizeof *e->span);
    o->ordinal = own(e, e->ordinal, e->n_code, sizeof *e->ordinal);
    o->n_code = e->n_code;
    o->n_reg = e->n_fixed + e->n_area + 1;
    bool uses = e->f->ctx != IR_NO && e->f->chain[0].used;
    o->ctx = uses ? reg(e, e->f->ctx) : BC_NONE;
}

void bytecode_emit(struct comp *c, struct ir_func *f)
{
    struct emit e = { .c = c, .f = f };
    e.life = comp_alloc(c, (f->n_value + 1) * sizeof *e.life);
    e.pc = comp_alloc(c, (f->n_block + 1) * sizeof *e.pc);
    lifetimes(&e);
    allocate(&e);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        e.now = f->insn[i].ordinal;
        emit_insn(&e, i);
    }
    patch(&e);
    finish(&e);
    if (e.too_big)
        diag_add(c->diags, "R0706", f->out.source, f->out.at, "this function is too large");
    mem_free(e.code);
    mem_free(e.span);
    mem_free(e.ordinal);
    mem_free(e.fix);
}
