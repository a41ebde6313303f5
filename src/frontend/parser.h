/* parser.h - a source to its AST: the loop that feeds the lexer's tokens to Lemon's parser.
 *
 * After a syntax error it goes on at the next statement end on the same bracket level; at most 20
 * errors are reported.  The tree is returned even then, for tools; a caller that compiles looks at
 * diags->n_error first. */
#ifndef FRONTEND_PARSER_H
#define FRONTEND_PARSER_H

#include "frontend/ast.h"
#include "frontend/diag.h"
#include "frontend/source.h"

struct parse_result {
    struct node *module;        /* AST_MODULE */
    uint32_t     n_node;        /* ids are below */
    bool         incomplete;    /* the text ended where more was expected (for a prompt loop) */
};

/* ST_OK also for a text with syntax errors; ST_NOMEM, ST_LIMIT otherwise. */
enum status parse_module(struct arena *arena, const struct source *src, struct diag_list *diags,
                         struct parse_result *ret, struct error *err);

/* Names of what could stand at the end of the text, for completion: keywords and punctuation. */
enum status parse_expected(struct arena *arena, const struct source *src, const char ***ret_text,
                           uint32_t *ret_n, struct error *err);

#endif
