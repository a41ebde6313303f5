/* ast_nodes.h - the kinds of nodes, one row each. */
#ifndef FRONTEND_AST_NODES_H
#define FRONTEND_AST_NODES_H

#define AST_ROWS(X)                                                     \
    X(MODULE, "declarations and statements in order")                   \
    X(EXPR_NAME, "a name")                                              \
    X(EXPR_INT, "an integer")                                           \
    X(EXPR_FLOAT, "a number with fraction or exponent")                 \
    X(EXPR_DURATION, "a duration in milliseconds")                      \
    X(EXPR_REGEX, "a regex literal")                                    \
    X(EXPR_BOOL, "true or false")                                       \
    X(EXPR_NULL, "null")                                                \
    X(EXPR_HERE, "the context in force")                                \
    X(EXPR_TEXT, "a string with inserts and holes")                     \
    X(EXPR_PAREN, "an expression in parentheses")                       \
    X(EXPR_TUPLE, "two or more values in parentheses")                  \
    X(EXPR_LIST, "[a, b]")                                              \
    X(EXPR_MAP, "[a: b] or [:]")                                        \
    X(EXPR_MODEL, "gen, select, score or parse")                        \
    X(EXPR_IF, "if with its branches")                                  \
    X(EXPR_MATCH, "match with its arms")                                \
    X(EXPR_FORK, "fork with its body")                                  \
    X(EXPR_SCRATCH, "scratch block")                                    \
    X(EXPR_WITH, "with block")                                          \
    X(EXPR_ATTEMPT, "attempt block")                                    \
    X(EXPR_INFER, "infer block (S2)")                                   \
    X(EXPR_TRY, "try with its clauses")                                 \
    X(EXPR_BLOCK, "statements in braces")                               \
    X(EXPR_UNARY, "- not stream")                                       \
    X(EXPR_BINARY, "two operands")                                      \
    X(EXPR_JOIN, "join with until and as text")                         \
    X(EXPR_LAMBDA, "|x| body")                                          \
    X(EXPR_MEMBER, "x.name or x?.name")                                 \
    X(EXPR_CALL, "f(args)")                                             \
    X(EXPR_INDEX, "x[i]")                                               \
    X(STMT_LET, "let or var")                                           \
    X(STMT_ASSIGN, "= += -=")                                           \
    X(STMT_EXPR, "an expression on its own")                            \
    X(STMT_EMIT, "emit e")                                              \
    X(STMT_WEIGH, "weigh e (S2)")                                       \
    X(STMT_ROLE, "system, user, assistant, tool")                       \
    X(STMT_FOR, "for loop")                                             \
    X(STMT_WHILE, "while loop")                                         \
    X(STMT_BREAK, "break")                                              \
    X(STMT_CONTINUE, "continue")                                        \
    X(STMT_RETURN, "return")                                            \
    X(TYPE_NAME, "a named type with arguments or an index")             \
    X(TYPE_STR_LIT, "a string literal as a type")                       \
    X(TYPE_NUM_LIT, "a number as a type")                               \
    X(TYPE_BOOL_LIT, "true or false as a type")                         \
    X(TYPE_NULL, "null as a type")                                      \
    X(TYPE_REGEX, "a regex as a type")                                  \
    X(TYPE_LIST, "[T]")                                                 \
    X(TYPE_MAP, "[K: V]")                                               \
    X(TYPE_CALL, "call<f | g>")                                         \
    X(TYPE_TUPLE, "(A, B)")                                             \
    X(TYPE_FN, "fn(A) -> R")                                            \
    X(TYPE_UNION, "A | B")                                              \
    X(TYPE_OPTIONAL, "T?")                                              \
    X(PAT_NAME, "binds a name")                                         \
    X(PAT_WILD, "_")                                                    \
    X(PAT_TUPLE, "(a, b)")                                              \
    X(MPAT_WILD, "_ in a match")                                        \
    X(MPAT_STR, "a string in a match")                                  \
    X(MPAT_NUM, "a number in a match")                                  \
    X(MPAT_RANGE, "lo..hi in a match")                                  \
    X(MPAT_BOOL, "true or false in a match")                            \
    X(MPAT_NULL, "null in a match")                                     \
    X(MPAT_REGEX, "a regex in a match")                                 \
    X(MPAT_PATH, "a type, variant, struct or tool in a match")          \
    X(DECL_IMPORT, "import")                                            \
    X(DECL_FN, "fn or part")                                            \
    X(DECL_EXTERN, "extern fn")                                         \
    X(DECL_STRUCT, "struct")                                            \
    X(DECL_ENUM, "enum")                                                \
    X(DECL_TYPE, "type alias")                                          \
    X(DECL_CONST, "const")                                              \
    X(DECL_TEST, "test block")                                          \
    X(DECL_EVAL, "eval block")

#endif
