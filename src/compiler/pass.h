/* pass.h - the passes over the IR: rows in the order in which they run.
 *
 * A pass works on one function at a time, but every function has gone through it before the next
 * pass begins, so that a pass may read what the ones before it did to another function (the body
 * of a fork, a callee).  Each keeps the meaning of a program and can be switched off by name for
 * testing (--no-opt=NAME), except those that are part of the meaning: they say ALWAYS.  In builds
 * with asserts the verifier looks at a function after every pass.
 *
 * The listing of the IR shows what stands before the first row that says LAST: what follows writes
 * variables in place and is no longer in single assignment. */
#ifndef COMPILER_PASS_H
#define COMPILER_PASS_H

#include "compiler/lower.h"

enum pass_kind { PASS_ALWAYS, PASS_OPT, PASS_LAST };

/* X(name, function, kind, sentence) */
#define PASS_ROWS(X)                                                                            \
    X(follow, pass_follow, ALWAYS, "finds the constant text that follows each value")           \
    X(lint, pass_lint, ALWAYS, "warns of values and turns whose place in a context is doubtful") \
    X(const, pass_const, OPT, "unrolls loops over constants that append")                       \
    X(fold, pass_fold, OPT, "joins neighbouring texts before they are tokenised")               \
    X(deadgen, pass_deadgen, OPT, "removes generations that nobody reads")                      \
    X(order, pass_order, OPT, "warns of changing text before constant text")                    \
    X(hoist, pass_hoist, OPT, "appends once what all branches of a fork append first")          \
    X(prefix, pass_prefix, OPT, "finds the constant text that begins a context")                \
    X(lifetime, pass_lifetime, OPT, "drops each context behind its last use")                   \
    X(parallel, pass_parallel, OPT, "defers calls, and places where they are waited for")       \
    X(place, pass_place, LAST, "changes lists and maps of a variable in place")

typedef void (*pass_fn)(struct comp *c, struct ir_func *f, uint32_t index);

#define X(name, function, kind, sentence) \
    void function(struct comp *c, struct ir_func *f, uint32_t index);
PASS_ROWS(X)
#undef X

/* Whether the function is of the library: nobody wants to hear what its passes find. */
bool pass_of_std(const struct comp *c, const struct ir_func *f);

/* overlap.c */
enum barrier_why { BARRIER_OUTSIDE = 1, BARRIER_STORE, BARRIER_APPEND };
/* Notes where one of the barriers keeps deferred calls apart; both arrays go over operations. */
void overlap_notes(struct comp *c, struct ir_func *f, const bool *deferred, const uint8_t *barrier);

/* Every pass of the kinds before LAST, or those of LAST, over every function. */
void passes_run(struct comp *c);
void passes_run_last(struct comp *c);

#endif
