/* grammar.h - the parser that Lemon makes of grammar/sgl.y, and the questions to its tables.
 *
 * The stack is an array inside the parser, so a parser is one block of grammar_size() bytes that
 * lives where its caller puts it. */
#ifndef FRONTEND_GRAMMAR_H
#define FRONTEND_GRAMMAR_H

#include <stdbool.h>
#include <stddef.h>

#include "frontend/token.h"

struct ast_builder;

size_t grammar_size(void);
int grammar_n_token(void);            /* codes are below */
void grammar_Init(void *parser);
void grammar_(void *parser, int code, struct token token, struct ast_builder *b);

/* Would the token be taken, after whatever reductions it causes?  Nothing is changed. */
bool grammar_accepts(const void *parser, int code);
/* The same without `as` and `until` standing for names: for lists of what is expected. */
bool grammar_expects(const void *parser, int code);
/* Drops what is unfinished up to the innermost list that can hold an error; false at the bottom. */
bool grammar_recover(void *parser);

#endif
