/* regex.h - regular expression text to an expression.
 *
 * Two dialects of ECMA-262 with the u flag: SCHEMA searches (the result is the set of whole texts
 * that contain a match), GEN matches as a whole and knows inline flags. */
#ifndef COMPILER_PATTERN_REGEX_H
#define COMPILER_PATTERN_REGEX_H

#include "base/error.h"
#include "compiler/pattern/expr.h"

enum regex_dialect { REGEX_GEN, REGEX_SCHEMA };

/* flags: SHAPE_ICASE, SHAPE_DOTALL.  E0403 syntax, E0404 feature, E0402 too large; `at` of the
 * error is the place inside `text`. */
enum status regex_compile(struct expr_pool *p, struct slice text, enum regex_dialect dialect,
                          uint32_t flags, uint32_t *ret_expr, struct error *err);
/* Only the syntax. */
enum status regex_check(struct slice text, enum regex_dialect dialect, uint32_t flags,
                        struct error *err);

#endif
