/* expect.h - which tokens could stand where the parser is, in words. */
#ifndef FRONTEND_EXPECT_H
#define FRONTEND_EXPECT_H

#include "base/str.h"
#include "frontend/source.h"
#include "frontend/token.h"

/* "`in` or `{`": operators as one, postfix marks left out, starts of expressions as one. */
void expect_list(const void *grammar, struct str *out);
/* What was met: "name `xs`", "end of line". */
void expect_found(const struct source *s, const struct token *t, struct str *out);
/* How a token is spelled, or NULL when its text varies. */
const char *expect_spelling(uint32_t code);

#endif
