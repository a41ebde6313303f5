/* ir.h - the intermediate form: values, variables and context tokens over a list of operations.
 *
 *      %n   a value, written by exactly one operation
 *      @n   a variable: STORE and LOAD; what `var` and the meeting of two ways become
 *      kn   a context token: an operation on a context takes one and gives the next, so that the
 *           order of work on a context is a chain; where ways of control meet, a phi joins them
 *
 * All tokens of one context belong to one chain; the chain's handle is the value that holds the
 * context when the program runs.  A function is one array of operations in source order; BLOCK
 * begins a block, branches name blocks.  Regions are loops and attempts: what is alive at their
 * head and used inside stays alive to their end. */
#ifndef COMPILER_IR_H
#define COMPILER_IR_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "compiler/bytecode.h"
#include "compiler/ir_ops.h"
#include "compiler/type.h"

enum ir_op {
#define X(name, text, form, bc, sentence) IR_##name,
    IR_OPS(X)
#undef X
    IR_N
};

#define IR_NO UINT32_MAX

struct ir_insn {
    enum ir_op  op;
    uint32_t    dst, dst2;          /* values; STORE: the variable */
    uint32_t    kin, kout;          /* context tokens */
    uint32_t   *arg;                /* [n_arg] values, or variables where said */
    uint32_t    n_arg;
    uint32_t    imm;                /* constant, site, function, type, field ... */
    uint32_t    label;              /* block */
    uint32_t    ordinal;            /* among the calls and draws of its function as written; copies keep it */
    struct span at;
};

struct ir_value {
    struct type *type;
    bool         is_var;
};

struct ir_region {
    uint32_t first, last;           /* operations, inclusive */
};

struct ir_chain {
    uint32_t handle;                /* value of the context */
    bool     own;                   /* made by this function: ends with it */
    bool     used;
};

struct ir_func {
    struct func       out;          /* what the module will say of it; code comes last */
    struct ir_insn   *insn;   uint32_t n_insn, cap_insn;
    struct ir_value  *value;  uint32_t n_value, cap_value;
    uint32_t         *token;  uint32_t n_token, cap_token;      /* chain of each */
    struct ir_chain  *chain;  uint32_t n_chain, cap_chain;
    struct ir_region *region; uint32_t n_region, cap_region;
    uint32_t          n_block;
    uint32_t         *input;  uint32_t n_input, cap_input;      /* captures, then parameters */
    uint32_t         *captured; uint32_t n_captured, cap_captured;  /* values of the function around */
    uint32_t          ctx;          /* value that receives a branch's context, or IR_NO */
    uint32_t         *head;   uint32_t n_head;              /* branch: constant beginning of its context, */
    bool              has_head;     /* ... when its fork stands on one (pass_prefix.c) */
    uint8_t           entry_state;  /* branch: of its context where its fork stands (pass_lint.c) */
    uint32_t         *callee; uint32_t n_callee, cap_callee;    /* for the effects */
    bool              lowered;
    bool              pure;         /* @pure: at most `fail` */
    struct sym       *sym;
};

void        ir_func_free(struct ir_func *f);
const char *ir_op_text(enum ir_op op);
bool        ir_has_label(enum ir_op op);         /* control may go to insn.label from it */

/* Everything a listing needs beyond the functions. */
struct ir_names {
    const struct konst    *konst;   uint32_t n_konst;
    const struct gen_site *gen;     uint32_t n_gen;
    struct ir_func *const *func;    uint32_t n_func;
};

enum status ir_verify(const struct ir_func *f, struct error *err);
void        ir_dump(const struct ir_func *f, const struct ir_names *names, struct str *out);
/* Reads a listing of functions; they live in the arena and are not freed by ir_func_free. */
enum status ir_read(struct slice text, const struct ir_names *names, struct arena *arena,
                    struct ir_func ***ret, uint32_t *ret_n, struct error *err);

#endif
