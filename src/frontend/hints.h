/* hints.h - slips that newcomers make, known by the token that does not fit and the one before. */
#ifndef FRONTEND_HINTS_H
#define FRONTEND_HINTS_H

#include <stdbool.h>

#include "frontend/lexer.h"

/* Reports the slip, if it is a known one.  `*ret_code` is then the token that was meant, by which
 * the parser goes on, or 0 when there is none. */
bool hint_slip(const void *grammar, struct lexer *lx, const struct token *before,
               const struct token *t, uint32_t *ret_code);

#endif
