/* ir_verify.c - what every function satisfies, before and after each pass. */
#include "base/alloc.h"
#include "compiler/ir.h"

struct check {
    const struct ir_func *f;
    bool                 *defined;      /* [n_value] */
    bool                 *made;         /* [n_token] */
    uint32_t             *used_in;      /* [n_token] block number + 1 that used it */
    bool                 *block;        /* [n_block] */
};

static enum status bad(const struct check *k, uint32_t i, const char *what, struct error *err)
{
    return error_set(err, ST_INTERNAL, "ir of %.*s, operation %u (%s): %s",
                     (int)k->f->out.name.len, k->f->out.name.ptr, i,
                     ir_op_text(k->f->insn[i].op), what);
}

static enum status check_values(struct check *k, uint32_t i, struct error *err)
{
    const struct ir_insn *n = &k->f->insn[i];
    for (uint32_t a = 0; a < n->n_arg; a++) {
        uint32_t v = n->arg[a];
        if (v >= k->f->n_value)
            return bad(k, i, "argument is no value", err);
        if (!k->f->value[v].is_var && !k->defined[v])
            return bad(k, i, "value is used before it is written", err);
    }
    for (int d = 0; d < 2; d++) {
        uint32_t v = d ? n->dst2 : n->dst;
        if (v == IR_NO)
            continue;
        if (v >= k->f->n_value)
            return bad(k, i, "result is no value", err);
        if (!k->f->value[v].is_var && k->defined[v])
            return bad(k, i, "value is written twice", err);
        k->defined[v] = true;
    }
    return ST_OK;
}

static enum status check_tokens(struct check *k, uint32_t i, uint32_t block, struct error *err)
{
    const struct ir_insn *n = &k->f->insn[i];
    if (n->kin != IR_NO && n->kout != IR_NO) {       /* without a next token it only looks */
        if (n->kin >= k->f->n_token || !k->made[n->kin])
            return bad(k, i, "context token does not exist yet", err);
        if (k->used_in[n->kin] == block + 1)
            return bad(k, i, "context token is used twice", err);
        k->used_in[n->kin] = block + 1;
        if (n->kout != IR_NO && k->f->token[n->kin] != k->f->token[n->kout])
            return bad(k, i, "context token changes its chain", err);
    }
    if (n->kout == IR_NO)
        return ST_OK;
    if (n->kout >= k->f->n_token || k->made[n->kout])
        return bad(k, i, "context token is made twice", err);
    k->made[n->kout] = true;
    return ST_OK;
}

static enum status run(struct check *k, struct error *err)
{
    const struct ir_func *f = k->f;
    for (uint32_t i = 0; i < f->n_input; i++)
        k->defined[f->input[i]] = true;
    if (f->ctx != IR_NO)
        k->defined[f->ctx] = true;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_BLOCK) {
            if (f->insn[i].label >= f->n_block || k->block[f->insn[i].label])
                return bad(k, i, "block is begun twice", err);
            k->block[f->insn[i].label] = true;
        }
    uint32_t block = 0;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_BLOCK)
            block++;
        if (ir_has_label(n->op) && (n->label >= f->n_block || !k->block[n->label]))
            return bad(k, i, "branch to a block that does not exist", err);
        enum status st = check_values(k, i, err);
        if (st == ST_OK)
            st = check_tokens(k, i, block, err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}

enum status ir_verify(const struct ir_func *f, struct error *err)
{
    struct check k = {
        .f = f,
        .defined = mem_calloc(f->n_value + 1, sizeof(bool)),
        .made = mem_calloc(f->n_token + 1, sizeof(bool)),
        .used_in = mem_calloc(f->n_token + 1, sizeof(uint32_t)),
        .block = mem_calloc(f->n_block + 1, sizeof(bool)),
    };
    enum status st = k.defined && k.made && k.used_in && k.block ? ST_OK : error_nomem(err);
    if (st == ST_OK) {
        st = run(&k, err);
    }
    mem_free(k.defined);
    mem_free(k.made);
    mem_free(k.used_in);
    mem_free(k.block);
    return st;
}
