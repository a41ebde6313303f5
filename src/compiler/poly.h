/* poly.h - bounds as polynomials: sums of products of names, with whole coefficients.
 *
 *      540 + 12*bytes(question) + 160*len(rows)*n
 *
 * A bound never gets smaller by what is done to it: coefficients saturate, `max` takes the larger
 * coefficient of each product, and what has too many terms, or nothing known to bound it, is
 * unbounded, which swallows everything. */
#ifndef COMPILER_POLY_H
#define COMPILER_POLY_H

#include "base/arena.h"
#include "base/str.h"

enum { POLY_MAX_VAR = 6, POLY_MAX_TERM = 48 };

enum poly_var_kind { POLY_LEN, POLY_BYTES, POLY_INT, POLY_CALL, POLY_LIVE };

struct poly_var {
    enum poly_var_kind kind;
    struct slice       name;
    uint32_t           func, input;     /* of a parameter; input IR_NO: a name by itself */
};

struct poly_vars {
    struct poly_var *at;
    uint32_t         n, cap;
};

struct poly_term {
    uint64_t coef;
    uint32_t var[POLY_MAX_VAR];         /* sorted; [n_var] */
    uint32_t n_var;
};

struct poly {
    const struct poly_term *term;       /* [n]; the constant first when there is one */
    uint32_t                n;
    bool                    unbounded;
};

/* Terms live in the arena; where it has no more memory, results are unbounded. */
struct poly poly_const(struct arena *a, uint64_t n);
struct poly poly_name(struct arena *a, uint32_t var);
struct poly poly_unbounded(void);
struct poly poly_add(struct arena *a, struct poly x, struct poly y);
struct poly poly_mul(struct arena *a, struct poly x, struct poly y);
struct poly poly_max(struct arena *a, struct poly x, struct poly y);
bool        poly_is_zero(struct poly x);
/* True when it is only a number. */
bool        poly_is_const(struct poly x, uint64_t *ret);
/* Each name is replaced by what by(ctx, var) gives. */
struct poly poly_put(struct arena *a, struct poly x, struct poly (*by)(void *ctx, uint32_t var),
                     void *ctx);
void        poly_text(struct poly x, const struct poly_vars *vars, struct str *out);

#endif
