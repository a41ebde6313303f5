/* expr_int.h - for the files that make expressions. */
#ifndef COMPILER_PATTERN_EXPR_INT_H
#define COMPILER_PATTERN_EXPR_INT_H

#include "compiler/pattern/expr.h"

enum {
    EXPR_DEPTH_MAX = 3000,          /* derivatives recurse this deep at most */
    EXPR_NEST_MAX = 200,            /* simplifications within simplifications */
    EXPR_NODE_MAX = 1u << 22,
    EXF_PASSED = EXF_LOGIC | EXF_LABEL | EXF_FIX | EXF_ENDLESS,   /* from kids to parents */
};

enum { LIVE_UNKNOWN, LIVE_YES, LIVE_NO };   /* expr_pool.live */

struct ids {
    uint32_t *id;
    uint32_t  n, cap;
};

void expr_ids_push(struct expr_pool *p, struct ids *l, uint32_t id);
uint32_t expr_add_bound(uint32_t a, uint32_t b);
void expr_as_rep(const struct expr_pool *p, uint32_t e, uint32_t *unit, uint32_t *lo, uint32_t *hi);
uint16_t expr_deeper(uint32_t d);
uint32_t expr_give_up(struct expr_pool *p, enum status st);
uint32_t expr_intern_node(struct expr_pool *p, struct expr_node x);
uint32_t expr_meet_sets(struct expr_pool *p, uint32_t a, uint32_t b);
uint32_t expr_unite_sets(struct expr_pool *p, uint32_t a, uint32_t b);

#endif
