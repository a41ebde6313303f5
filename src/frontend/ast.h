/* ast.h - what the parser makes of a text: one tagged node type, everything in the compile arena.
 *
 * A node has a kind (ast_nodes.h lists them with the members they use), the span of its whole
 * text, and one union member for its kind.  Names and decoded texts are slices into the arena or
 * the source.  Lists are plain arrays.  The tree is a tree: no node has two parents; spans of
 * children lie inside their parent's.
 *
 *      let x: int = gen(max: 8)
 *
 *      STMT_LET  var=false
 *        pattern  PAT_NAME x
 *        type     TYPE_NAME int
 *        value    EXPR_MODEL gen  arg[0] max: EXPR_INT 8
 *
 * The AST keeps everything that the formatter needs except comments and blank lines, which it
 * reads from the source between spans. */
#ifndef FRONTEND_AST_H
#define FRONTEND_AST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "frontend/ast_nodes.h"

enum ast_kind {
#define X(name, sentence) AST_##name,
    AST_ROWS(X)
#undef X
    AST_N
};

struct node;

struct node_list {
    struct node **at;
    uint32_t      n;
};

struct name {                   /* an identifier where it stands */
    struct slice text;
    struct span  at;
};

struct path {                   /* a.b.c */
    struct name *at;
    uint32_t     n;
};

/* One argument of a call, a type, an annotation or a hole. */
struct arg {
    struct name  name;          /* text.len 0: positional */
    struct node *value;         /* an expression */
};

struct arg_list {
    struct arg *at;
    uint32_t    n;
};

struct param {
    struct name  name;
    struct node *type;
    struct node *fallback;      /* default, or NULL */
};

struct annotation {
    struct name     name;
    struct arg_list args;
    struct span     at;
};

struct field {                  /* of a struct */
    struct name        name;
    struct node       *type;
    struct node       *fallback;
    struct annotation *annot;
    uint32_t           n_annot;
    struct slice       doc;     /* text of the /// lines, joined by newlines */
};

struct variant {                /* of an enum */
    struct name  name;
    bool         has_text;
    struct slice text;
    struct slice doc;
};

/* A piece of a template: literal bytes, ${expr} or $[name: type, args]. */
enum piece_kind { PIECE_TEXT, PIECE_INSERT, PIECE_HOLE };

struct piece {
    enum piece_kind kind;
    struct span     at;
    struct slice    text;       /* TEXT: decoded bytes */
    struct node    *expr;       /* INSERT */
    struct name     name;       /* HOLE; text.len 0 or "_": binds nothing */
    struct node    *type;       /* HOLE; or NULL */
    struct arg_list args;       /* HOLE */
};

struct arm {                    /* of a match */
    struct node_list patterns;  /* MPAT_*, alternatives */
    struct name      as;        /* text.len 0: none */
    struct node     *guard;     /* or NULL */
    struct node     *body;      /* a statement, or EXPR_BLOCK */
    struct span      at;
};

struct catch_clause {
    struct name  name;          /* text.len 0: none */
    struct node *type;          /* or NULL: every kind */
    struct node *body;          /* EXPR_BLOCK */
    struct span  at;
};

struct forker {                 /* pat in expr */
    struct node *pattern;
    struct node *list;
};

enum unary_op { UN_NEG, UN_NOT, UN_STREAM };

enum binary_op {
    BIN_MUL, BIN_DIV, BIN_MOD, BIN_ADD, BIN_SUB, BIN_COALESCE, BIN_RANGE, BIN_RANGE_EX,
    BIN_EQ, BIN_NE, BIN_LT, BIN_LE, BIN_GT, BIN_GE, BIN_MATCHES, BIN_AND, BIN_OR, BIN_CATCH,
};

enum model_op { MODEL_GEN, MODEL_SELECT, MODEL_SCORE, MODEL_PARSE };

enum assign_op { ASSIGN_SET, ASSIGN_ADD, ASSIGN_SUB };

enum role { ROLE_SYSTEM, ROLE_USER, ROLE_ASSISTANT, ROLE_TOOL };

struct node {
    enum ast_kind kind;
    struct span   span;
    uint32_t      id;                                   /* dense, for side tables of the compiler */
    union {
        /* expressions */
        struct name name;                               /* EXPR_NAME, PAT_NAME */
        int64_t     int_value;                          /* EXPR_INT; EXPR_DURATION in milliseconds */
        double      float_value;                        /* EXPR_FLOAT */
        bool        bool_value;                         /* EXPR_BOOL, MPAT_BOOL, TYPE_BOOL_LIT */
        struct { struct slice text; bool icase, dotall; } regex;    /* EXPR_, TYPE_, MPAT_REGEX */
        struct { struct piece *piece; uint32_t n; bool block, raw; } text;  /* EXPR_TEXT: a template */
        struct node *inner;                             /* EXPR_PAREN, TYPE_OPTIONAL, STMT_EXPR, STMT_RETURN (or NULL) */
        struct node_list list;                          /* EXPR_TUPLE, EXPR_LIST, EXPR_BLOCK, TYPE_TUPLE, TYPE_UNION, PAT_TUPLE, MODULE */
        struct { struct node_list key, value; } map;    /* EXPR_MAP */
        struct { enum model_op op; struct node *type; struct arg_list args; } model;    /* EXPR_MODEL */
        struct { struct node *cond, *then, *other; } cond;          /* EXPR_IF; other: EXPR_BLOCK, EXPR_IF or NULL */
        struct { struct node *subject; struct arm *arm; uint32_t n; } match;            /* EXPR_MATCH */
        struct { struct forker *forker; uint32_t n; struct node *count; struct node *body; } fork;  /* EXPR_FORK; count or forkers */
        struct { struct node *body; } scratch;          /* EXPR_SCRATCH */
        struct { struct node_list subject; struct node *body; } with;           /* EXPR_WITH */
        struct { struct arg_list args; struct node *body; struct name name; } attempt;  /* EXPR_ATTEMPT; EXPR_INFER has a name */
        struct { struct node *body; struct catch_clause *clause; uint32_t n; struct node *finally; } tri;   /* EXPR_TRY */
        struct { enum unary_op op; struct node *operand; } unary;               /* EXPR_UNARY */
        struct { enum binary_op op; struct node *left, *right; struct span op_at; } binary;     /* EXPR_BINARY */
        struct { struct node *branches, *until; bool as_text; } join;           /* EXPR_JOIN */
        struct { struct node_list params; struct node *body; } lambda;          /* EXPR_LAMBDA: PAT_*; body expr or EXPR_BLOCK */
        struct { struct node *object; struct name name; bool optional; } member;        /* EXPR_MEMBER */
        struct { struct node *callee; struct arg_list args; } call;             /* EXPR_CALL */
        struct { struct node *object, *index; } index;                          /* EXPR_INDEX */

        /* statements */
        struct { bool is_var; struct node *pattern, *type, *value; } let;       /* STMT_LET */
        struct { enum assign_op op; struct node *target, *value; } assign;      /* STMT_ASSIGN */
        struct { struct node *value; } emit;                                    /* STMT_EMIT, STMT_WEIGH */
        struct { enum role role; struct node *body; } role;                     /* STMT_ROLE: EXPR_TEXT or EXPR_BLOCK */
        struct { struct node *pattern, *list, *body; } loop;                    /* STMT_FOR; STMT_WHILE: list is the condition */

        /* types */
        struct { struct path path; struct arg_list args; struct node *index; } tname;   /* TYPE_NAME: path, path(args), path[type] */
        struct slice str_lit;                           /* TYPE_STR_LIT, MPAT_STR */
        struct { struct node *number; } num_lit;        /* TYPE_NUM_LIT, MPAT_NUM: EXPR_INT or EXPR_FLOAT, negative folded in */
        struct { struct node *elem; struct arg_list args; } tlist;              /* TYPE_LIST */
        struct { struct node *key, *value; struct arg_list args; } tmap;        /* TYPE_MAP */
        struct { struct path *tool; uint32_t n; } tcall;                        /* TYPE_CALL */
        struct { struct node_list params; struct node *result; } tfn;           /* TYPE_FN */

        /* match patterns */
        struct { struct node *lo, *hi; } range;         /* MPAT_RANGE */
        struct { struct path path; struct mfield *field; uint32_t n; bool has_fields; } mpath;  /* MPAT_PATH */

        /* declarations */
        struct decl *decl;                              /* DECL_* */
    } u;
};

struct mfield {                 /* name  |  name: pattern | pattern */
    struct name      name;
    struct node_list patterns;  /* n 0: binds the name */
};

/* Declarations are few and large, so they stand apart. */
struct decl {
    struct name        name;        /* of what is declared; test and eval: their text */
    struct annotation *annot;
    uint32_t           n_annot;
    struct slice       doc;
    union {
        struct { struct path path; bool is_file; struct slice file; bool has_as; } import;     /* DECL_IMPORT */
        struct { bool is_part; struct param *param; uint32_t n; struct node *result, *body; } fn;   /* DECL_FN */
        struct { struct param *param; uint32_t n; struct node *result, *binding; } ext;        /* DECL_EXTERN */
        struct { struct field *field; uint32_t n; } strct;                                     /* DECL_STRUCT */
        struct { struct variant *variant; uint32_t n; } enm;                                   /* DECL_ENUM */
        struct { struct node *type; } alias;                                                   /* DECL_TYPE */
        struct { struct node *type, *value; } konst;                                           /* DECL_CONST */
        struct { struct arg_list args; struct node *body; } test;                              /* DECL_TEST */
        struct { struct arg_list args; struct node *pattern, *list, *body; } eval;             /* DECL_EVAL */
    } u;
};

const char *ast_kind_name(enum ast_kind kind);

/* S-expressions, one node a line, for goldens. */
void ast_dump(const struct node *module, struct str *out);

#endif
