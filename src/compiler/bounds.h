/* bounds.h - worst-case tokens and live contexts of functions: what `check --cost` prints. */
#ifndef COMPILER_BOUNDS_H
#define COMPILER_BOUNDS_H

#include "compiler/ir_flow.h"
#include "compiler/poly.h"

struct bound {
    struct poly tokens;         /* prompt and generated, of one call */
    struct poly contexts;       /* alive at once */
    bool        done;
};

struct bounds {
    struct comp     *c;
    struct poly_vars vars;
    struct bound    *of;        /* [n_func] */
    uint64_t         max;       /* of a generation that names none */
};

/* One function while its bound is found. */
struct bound_fn {
    struct bounds  *b;
    struct ir_func *f;
    uint32_t        index;
    uint32_t       *def;        /* [n_value] operation that writes it, + 1 */
    struct flow     flow;
    uint32_t        depth;
};

/* bound_value.c: how long, how large, how many. */
struct poly bound_len(struct bound_fn *x,
                      uint32_t v);          /* elements that an iteration gives */
struct poly bound_bytes(struct bound_fn *x, uint32_t v);        /* of its text form */
struct poly bound_int(struct bound_fn *x, uint32_t v);
struct poly bound_opaque(struct bound_fn *x, enum poly_var_kind kind, struct span at,
                         const char *more);
/* The tokens or contexts of calling a function value once. */
struct poly bound_call_value(struct bound_fn *x, uint32_t v, bool tokens);
/* A bound of `func` where its inputs are these values; list_at: inputs from there on are elements
 * of the values (variables of a fork). */
struct poly bound_put(struct bound_fn *x, struct poly p, uint32_t func, const uint32_t *arg,
                      uint32_t n,
                      uint32_t list_at);

/* Finds the bounds of all functions; W0701 where there is none.  ret_text (or NULL) gets one entry
 * for each function of the main file. */
void bounds_infer(struct comp *c, struct str *ret_text);

#endif
