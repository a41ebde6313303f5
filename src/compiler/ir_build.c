/* ir_build.c - writes operations: values, variables, blocks, context tokens. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/lower.h"

void ir_func_free(struct ir_func *f)
{
    mem_free(f->insn);
    mem_free(f->value);
    mem_free(f->token);
    mem_free(f->chain);
    mem_free(f->region);
    mem_free(f->input);
    mem_free(f->captured);
    mem_free(f->callee);
}

const char *ir_op_text(enum ir_op op)
{
    static const char *const text[IR_N] = {
#define X(name, text, form, bc, sentence) [IR_##name] = text,
        IR_OPS(X)
#undef X
    };
    return text[op];
}

bool ir_has_label(enum ir_op op)
{
    return op == IR_BR || op == IR_BR_TRUE || op == IR_BR_FALSE || op == IR_BR_NULL ||
           op == IR_BR_NOT_NULL || op == IR_NEXT || op == IR_STREAM_NEXT || op == IR_JOIN_NEXT ||
           op == IR_TRY_ENTER || op == IR_ATTEMPT_ENTER;
}

struct ir_func *ir_func_new(struct comp *c, struct slice name, const struct source *source,
                            struct span at, uint32_t flags, uint32_t *ret_index)
{
    struct ir_func *f = comp_alloc(c, sizeof *f);
    f->out.name = comp_slice(c, name);
    f->out.source = source;
    f->out.at = at;
    f->out.flags = flags;
    f->out.ctx = BC_NONE;
    f->out.result = BC_NO_INDEX;
    f->ctx = IR_NO;
    *ret_index = c->n_func;
    *(struct ir_func **)comp_push(c, &c->func, &c->n_func, &c->cap_func, sizeof(struct ir_func *)) = f;
    return f;
}

uint32_t ir_value_new(struct low *l, struct type *t)
{
    struct ir_func *f = l->f;
    uint32_t id = f->n_value;
    struct ir_value *v = comp_push(l->c, &f->value, &f->n_value, &f->cap_value, sizeof *v);
    v->type = t;
    return id;
}

uint32_t ir_var_new(struct low *l, struct type *t)
{
    uint32_t id = ir_value_new(l, t);
    l->f->value[id].is_var = true;
    return id;
}

uint32_t ir_block_new(struct low *l)
{
    return l->f->n_block++;
}

/* Operations from which a path of random draws may go on (LANGUAGE.md 19.2); generations, forks and
 * attempts have the number in their sites. */
static bool has_path(enum ir_op op)
{
    return op == IR_CALL || op == IR_CALL_VALUE || op == IR_NATIVE;
}

struct span ir_place(const struct low *l, struct span at)
{
    return l->part_depth && l->mod->source != l->f->out.source ? l->part_at : at;
}

struct ir_insn *ir_add(struct low *l, enum ir_op op, struct span at)
{
    struct ir_func *f = l->f;
    struct ir_insn *i = comp_push(l->c, &f->insn, &f->n_insn, &f->cap_insn, sizeof *i);
    i->op = op;
    i->dst = i->dst2 = i->kin = i->kout = IR_NO;
    i->at = ir_place(l, at);
    i->ordinal = has_path(op) ? l->n_ordinal++ : 0;
    return i;
}

void ir_args(struct low *l, struct ir_insn *i, const uint32_t *arg, uint32_t n)
{
    size_t at = (size_t)(i - l->f->insn);
    uint32_t *copy = n ? comp_alloc(l->c, n * sizeof *copy) : NULL;
    if (n)
        memcpy(copy, arg, n * sizeof *copy);
    l->f->insn[at].arg = copy;
    l->f->insn[at].n_arg = n;
}

uint32_t ir_opn(struct low *l, enum ir_op op, struct type *t, const uint32_t *arg, uint32_t n,
                uint32_t imm, struct span at)
{
    uint32_t v = t ? ir_value_new(l, t) : IR_NO;
    struct ir_insn *i = ir_add(l, op, at);
    i->dst = v;
    i->imm = imm;
    ir_args(l, i, arg, n);
    return v;
}

uint32_t ir_op0(struct low *l, enum ir_op op, struct type *t, struct span at)
{
    return ir_opn(l, op, t, NULL, 0, 0, at);
}

uint32_t ir_op1(struct low *l, enum ir_op op, struct type *t, uint32_t a, uint32_t imm,
                struct span at)
{
    return ir_opn(l, op, t, &a, 1, imm, at);
}

uint32_t ir_op2(struct low *l, enum ir_op op, struct type *t, uint32_t a, uint32_t b,
                struct span at)
{
    uint32_t arg[2] = { a, b };
    return ir_opn(l, op, t, arg, 2, 0, at);
}

void ir_block(struct low *l, uint32_t block, struct span at)
{
    ir_add(l, IR_BLOCK, at)->label = block;
}

void ir_br(struct low *l, uint32_t block, struct span at)
{
    ir_add(l, IR_BR, at)->label = block;
}

void ir_branch(struct low *l, enum ir_op op, uint32_t v, uint32_t block, struct span at)
{
    struct ir_insn *i = ir_add(l, op, at);
    i->label = block;
    ir_args(l, i, &v, 1);
}

void ir_store(struct low *l, uint32_t var, uint32_t v, struct span at)
{
    struct ir_insn *i = ir_add(l, IR_STORE, at);
    i->dst = var;
    i->imm = BC_NO_INDEX;
    ir_args(l, i, &v, 1);
}

uint32_t ir_load(struct low *l, uint32_t var, struct span at)
{
    return ir_op1(l, IR_LOAD, l->f->value[var].type, var, 0, at);
}

uint32_t ir_chain_new(struct low *l, uint32_t handle, bool own)
{
    struct ir_func *f = l->f;
    uint32_t id = f->n_chain;
    struct ir_chain *k = comp_push(l->c, &f->chain, &f->n_chain, &f->cap_chain, sizeof *k);
    k->handle = handle;
    k->own = own;
    return id;
}

uint32_t ir_token_new(struct low *l, uint32_t chain)
{
    struct ir_func *f = l->f;
    uint32_t id = f->n_token;
    *(uint32_t *)comp_push(l->c, &f->token, &f->n_token, &f->cap_token, sizeof(uint32_t)) = chain;
    return id;
}

struct ir_insn *ir_ctx(struct low *l, enum ir_op op, struct span at)
{
    use_ctx(l, at);
    uint32_t out = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, op, at);
    i->kin = l->k.token;
    i->kout = out;
    l->k.token = out;
    return i;
}

void ir_phi(struct low *l, uint32_t a, uint32_t b, struct span at)
{
    if (l->k.chain == IR_NO)
        return;
    uint32_t out = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, IR_KPHI, at);
    i->kout = out;
    i->imm = a;
    i->label = b;
    l->k.token = out;
}

uint32_t ir_region_open(struct low *l)
{
    struct ir_func *f = l->f;
    uint32_t id = f->n_region;
    struct ir_region *r = comp_push(l->c, &f->region, &f->n_region, &f->cap_region, sizeof *r);
    r->first = f->n_insn;
    return id;
}

void ir_region_close(struct low *l, uint32_t region)
{
    l->f->region[region].last = l->f->n_insn ? l->f->n_insn - 1 : 0;
}
