/* ir_flow.h - the ways of control through a function, and what is needed later on them.
 *
 *      node 0   ops [0, 4)   -> 1, 2        a node is a run of operations that only its last one
 *      node 1   ops [4, 9)   -> 2           leaves; it begins behind a branch, at a block
 *                                           and at the head of an attempt
 *      node 2   ops [9, 12)  -> (ends)
 *
 * Beside its one or two ways on, an operation may raise: then control goes to the handler of the
 * try around it, or back to the head of the attempt around it.  Those ways are kept per node and
 * counted from anywhere in it, which can only make a thing look needed that is not. */
#ifndef COMPILER_IR_FLOW_H
#define COMPILER_IR_FLOW_H

#include "compiler/lower.h"

struct flow_node {
    uint32_t first, end;        /* operations */
    uint32_t next[2];           /* nodes, or IR_NO */
    uint32_t from;              /* the first node that leads here and stands before it, or IR_NO */
    uint32_t handler;           /* of the innermost try around it, or IR_NO */
    uint32_t retry;             /* head of the innermost attempt around it, or IR_NO */
};

struct flow {
    const struct ir_func *f;
    struct flow_node     *node;
    uint32_t              n;
};

/* Lives in the compile arena. */
struct flow flow_of(struct comp *c, const struct ir_func *f);
uint32_t    flow_node_of(const struct flow *w, uint32_t insn);

/* Things that are needed where a node begins, and where it ends: bit sets, n_word words a node. */
struct live {
    struct flow *flow;
    uint32_t     n_thing, n_word;
    uint32_t    *in, *out;
};
/* What one operation does: it needs things, then makes things (which begin anew). */
struct flow_mark {
    uint32_t *needs, *makes;
};
typedef void (*flow_fn)(void *ctx, const struct ir_insn *n, struct flow_mark *mark);

struct live live_of(struct comp *c, struct flow *flow, uint32_t n_thing, flow_fn on, void *ctx);

#endif
