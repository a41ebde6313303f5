/* ast_build.h - the constructors that grammar/sgl.y calls.
 *
 * Everything lives in the compile arena.  A constructor never fails in the grammar's eyes: when
 * memory is out it gives a node that nobody keeps, and the arena remembers.  Every node knows how
 * deep the tree below it is; a tree over AST_DEPTH_MAX is refused here, so that whoever walks it
 * may recurse. */
#ifndef FRONTEND_AST_BUILD_H
#define FRONTEND_AST_BUILD_H

#include "frontend/ast.h"
#include "frontend/lexer.h"

enum { AST_DEPTH_MAX = 500 };

/* A list under construction: of node pointers or of the structs of ast.h. */
struct vec {
    void       *at;
    uint32_t    n, cap;
    uint32_t    doc;            /* of annotations: the doc comment above the first */
    struct span span;           /* of annotations and paths */
};

struct annot_at {
    struct annotation annot;
    uint32_t          doc;
};

struct ast_builder {
    struct arena        *arena;
    const struct source *source;
    struct diag_list    *diags;
    const struct lexer  *lexer;     /* for its doc comments */
    struct node         *module;
    uint32_t             n_node;
    uint16_t            *depth;     /* [n_node] height of the tree below a node */
    uint32_t             n_depth, cap_depth;
    bool                 stuck;     /* the parser met a token it had promised to take */
    bool                 too_deep;
    struct node          nil;       /* given when memory is out */
    struct decl          nil_decl;
    struct vec           nil_vec;
};

void ast_builder_free(struct ast_builder *b);
void ast_too_deep(struct ast_builder *b);

/* Lists: v NULL begins one. */
struct vec *vec_node(struct ast_builder *b, struct vec *v, struct node *x);     /* x NULL: skipped */
struct vec *vec_pair(struct ast_builder *b, struct vec *v, struct node *key, struct node *value);
struct vec *vec_name(struct ast_builder *b, struct vec *v, const struct token *name);
struct vec *vec_path(struct ast_builder *b, struct vec *v, struct vec *path);
struct vec *vec_arg(struct ast_builder *b, struct vec *v, const struct arg *a);
struct vec *vec_annot(struct ast_builder *b, struct vec *v, struct annot_at a);
struct vec *vec_param(struct ast_builder *b, struct vec *v, const struct token *name,
                      struct node *type, struct node *fallback);
struct vec *vec_field(struct ast_builder *b, struct vec *v, const struct field *f);
struct vec *vec_variant(struct ast_builder *b, struct vec *v, const struct variant *x);
struct vec *vec_forker(struct ast_builder *b, struct vec *v, struct node *pat, struct node *list);
struct vec *vec_catch(struct ast_builder *b, struct vec *v, const struct token *word,
                      const struct token *name, struct node *type, struct node *body);
struct vec *vec_arm(struct ast_builder *b, struct vec *v, const struct arm *a);
struct vec *vec_mfield(struct ast_builder *b, struct vec *v, const struct token *name,
                       struct vec *patterns);
struct vec *vec_piece(struct ast_builder *b, struct vec *v, const struct piece *p);

/* Module and declarations (ast_decl.c). */
void ast_module(struct ast_builder *b, const struct token *begin, struct vec *items);
struct node *ast_annotate(struct ast_builder *b, struct vec *annots, struct node *decl);
struct annot_at ast_annot(struct ast_builder *b, const struct token *at, const struct token *name,
                          struct vec *args, const struct token *end);
struct node *ast_import(struct ast_builder *b, const struct token *word, struct vec *path,
                        const struct token *as);
struct node *ast_import_file(struct ast_builder *b, const struct token *word,
                             const struct token *file, const struct token *as);
struct node *ast_fn(struct ast_builder *b, bool is_part, const struct token *word,
                    const struct token *name, struct vec *params, struct node *result,
                    struct node *body);
struct node *ast_extern(struct ast_builder *b, const struct token *word, const struct token *name,
                        struct vec *params, const struct token *end, struct node *result,
                        struct node *binding);
struct node *ast_struct(struct ast_builder *b, const struct token *word, const struct token *name,
                        struct vec *fields, const struct token *end);
struct node *ast_enum(struct ast_builder *b, const struct token *word, const struct token *name,
                      struct vec *variants, const struct token *end);
struct node *ast_alias(struct ast_builder *b, const struct token *word, const struct token *name,
                       struct node *type);
struct node *ast_const(struct ast_builder *b, const struct token *word, const struct token *name,
                       struct node *type, struct node *value);
struct node *ast_test(struct ast_builder *b, const struct token *word, const struct token *text,
                      struct vec *args, struct node *body);
struct node *ast_eval(struct ast_builder *b, const struct token *word, const struct token *text,
                      struct vec *args, struct node *pat, struct node *list, struct node *body);
struct field *ast_field(struct ast_builder *b, struct vec *annots, const struct token *name,
                        struct node *type, struct node *fallback);
struct variant *ast_variant(struct ast_builder *b, const struct token *name,
                            const struct token *text);

/* Types and match patterns (ast_decl.c). */
struct node *ast_type_union(struct ast_builder *b, struct vec *types);
struct node *ast_type_optional(struct ast_builder *b, struct node *type, const struct token *mark);
struct node *ast_type_name(struct ast_builder *b, struct vec *path, struct vec *args,
                           struct node *index, const struct token *end);
struct node *ast_type_list(struct ast_builder *b, const struct token *start, struct node *elem,
                           struct vec *args, const struct token *end);
struct node *ast_type_map(struct ast_builder *b, const struct token *start, struct node *key,
                          struct node *value, struct vec *args, const struct token *end);
struct node *ast_type_call(struct ast_builder *b, const struct token *start, struct vec *tools,
                           const struct token *end);
struct node *ast_type_tuple(struct ast_builder *b, const struct token *start, struct vec *types,
                            const struct token *end);
struct node *ast_type_fn(struct ast_builder *b, const struct token *start, struct vec *params,
                         const struct token *end, struct node *result);
struct node *ast_mpat_range(struct ast_builder *b, struct node *lo, struct node *hi);
struct node *ast_mpat_path(struct ast_builder *b, struct vec *path, struct vec *fields,
                           const struct token *end);

/* Leaves; `kind` tells expression, type and pattern apart. */
struct node *ast_plain(struct ast_builder *b, enum ast_kind kind, const struct token *t);
struct node *ast_name(struct ast_builder *b, enum ast_kind kind, const struct token *t);
struct node *ast_bool(struct ast_builder *b, enum ast_kind kind, const struct token *t, bool x);
struct node *ast_int(struct ast_builder *b, const struct token *t, const struct token *minus);
struct node *ast_float(struct ast_builder *b, const struct token *t, const struct token *minus);
struct node *ast_duration(struct ast_builder *b, const struct token *t);
struct node *ast_regex(struct ast_builder *b, enum ast_kind kind, const struct token *t);
struct node *ast_str_lit(struct ast_builder *b, enum ast_kind kind, const struct token *t);
struct node *ast_num_lit(struct ast_builder *b, enum ast_kind kind, struct node *number);

/* Statements. */
struct node *ast_block(struct ast_builder *b, const struct token *start, struct vec *stmts,
                       const struct token *end);
struct node *ast_let(struct ast_builder *b, const struct token *word, bool is_var, struct node *pat,
                     struct node *type, struct node *value);
struct node *ast_stmt_expr(struct ast_builder *b, struct node *x);
struct node *ast_assign(struct ast_builder *b, enum assign_op op, struct node *target,
                        struct node *value);
struct node *ast_emit(struct ast_builder *b, enum ast_kind kind, const struct token *word,
                      struct node *x);
struct node *ast_role(struct ast_builder *b, const struct token *word, struct node *body);
struct node *ast_for(struct ast_builder *b, const struct token *word, struct node *pat,
                     struct node *list, struct node *body);
struct node *ast_while(struct ast_builder *b, const struct token *word, struct node *cond,
                       struct node *body);
struct node *ast_return(struct ast_builder *b, const struct token *word, struct node *x);

/* Expressions. */
struct node *ast_paren(struct ast_builder *b, const struct token *start, struct node *x,
                       const struct token *end);
struct node *ast_tuple(struct ast_builder *b, const struct token *start, struct node *first,
                       struct vec *rest, const struct token *end);
struct node *ast_list(struct ast_builder *b, enum ast_kind kind, const struct token *start,
                      struct vec *elems, const struct token *end);
struct node *ast_map(struct ast_builder *b, const struct token *start, struct vec *pairs,
                     const struct token *end);
struct node *ast_model(struct ast_builder *b, const struct token *word, struct node *type,
                       struct vec *args, const struct token *end);
struct node *ast_if(struct ast_builder *b, const struct token *word, struct node *cond,
                    struct node *then, struct node *other);
struct node *ast_match(struct ast_builder *b, const struct token *word, struct node *subject,
                       struct vec *arms, const struct token *end);
struct node *ast_fork(struct ast_builder *b, const struct token *word, struct vec *forkers,
                      struct node *count, struct node *body);
struct node *ast_scratch(struct ast_builder *b, const struct token *word, struct node *body);
struct node *ast_with(struct ast_builder *b, const struct token *word, struct vec *subjects,
                      struct node *body);
/* name: of an infer; NULL for attempt. */
struct node *ast_attempt(struct ast_builder *b, const struct token *word, const struct token *name,
                         struct vec *args, struct node *body);
struct node *ast_try(struct ast_builder *b, const struct token *word, struct node *body,
                     struct vec *clauses, struct node *finally);
struct node *ast_member(struct ast_builder *b, struct node *object, const struct token *name,
                        bool optional);
struct node *ast_call(struct ast_builder *b, struct node *callee, struct vec *args,
                      const struct token *end);
struct node *ast_index(struct ast_builder *b, struct node *object, struct node *index,
                       const struct token *end);
struct node *ast_unary(struct ast_builder *b, enum unary_op op, const struct token *mark,
                       struct node *operand);
struct node *ast_binary(struct ast_builder *b, enum binary_op op, struct node *left,
                        const struct token *mark, struct node *right);
struct node *ast_join(struct ast_builder *b, const struct token *word, struct node *branches,
                      struct node *until, const struct token *as);
struct node *ast_lambda(struct ast_builder *b, const struct token *bar, struct vec *pats,
                        struct node *body);
struct arg ast_arg(struct ast_builder *b, const struct token *name, struct node *value);
struct arm *ast_arm(struct ast_builder *b, struct vec *patterns, const struct token *as,
                    struct node *guard, struct node *body);

/* Texts. */
struct node *ast_text_plain(struct ast_builder *b, const struct token *t);
struct node *ast_text(struct ast_builder *b, const struct token *start, struct vec *pieces,
                      const struct token *end);
struct piece ast_piece_text(struct ast_builder *b, const struct token *t);
struct piece ast_piece_insert(struct ast_builder *b, const struct token *start, struct node *x,
                              const struct token *end);
struct piece ast_piece_hole(struct ast_builder *b, const struct token *start,
                            const struct token *name, struct node *type, struct vec *args,
                            const struct token *end);

/* Shared by the two files of constructors. */
struct node *node_new(struct ast_builder *b, enum ast_kind kind, struct span span);
struct slice ast_text_at(const struct ast_builder *b, struct span at);
void node_adopt(struct ast_builder *b, struct node *parent, const struct node *child);
void node_adopt_args(struct ast_builder *b, struct node *parent, struct arg_list args);
struct node_list vec_nodes(struct ast_builder *b, struct node *parent, struct vec *v);
struct arg_list vec_args(struct ast_builder *b, struct node *parent, struct vec *v);
struct name name_of(struct ast_builder *b, const struct token *t);      /* t NULL: no name */
struct span span_join(struct span a, struct span b);

#endif
