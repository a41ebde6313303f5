/* explain.h - what a code means, at length: `sglrun explain E0103`. */
#ifndef FRONTEND_EXPLAIN_H
#define FRONTEND_EXPLAIN_H

#include "base/error.h"
#include "base/str.h"

/* Adds code, sentence and, where there is one, the page with cause, example and fix.  The case of
 * the letter does not matter.  ST_NOT_FOUND for an unknown code. */
enum status explain_code(const char *code, struct str *ret, struct error *err);

/* Every code with its sentence, one a line. */
void explain_list(struct str *ret);

#endif
