/* ast_forms.c - nodes of statements and expressions. */
#include "frontend/ast_build.h"

/* ---- statements */

struct node *ast_block(struct ast_builder *b, const struct token *start, struct vec *stmts,
                       const struct token *end)
{
    return ast_list(b, AST_EXPR_BLOCK, start, stmts, end);
}

struct node *ast_let(struct ast_builder *b, const struct token *word, bool is_var, struct node *pat,
                     struct node *type, struct node *value)
{
    struct node *x = node_new(b, AST_STMT_LET, span_join(word->at, value->span));
    x->u.let.is_var = is_var;
    x->u.let.pattern = pat;
    x->u.let.type = type;
    x->u.let.value = value;
    node_adopt(b, x, pat);
    node_adopt(b, x, type);
    node_adopt(b, x, value);
    return x;
}

struct node *ast_stmt_expr(struct ast_builder *b, struct node *inner)
{
    struct node *x = node_new(b, AST_STMT_EXPR, inner->span);
    x->u.inner = inner;
    node_adopt(b, x, inner);
    return x;
}

struct node *ast_assign(struct ast_builder *b, enum assign_op op, struct node *target,
                        struct node *value)
{
    struct node *x = node_new(b, AST_STMT_ASSIGN, span_join(target->span, value->span));
    bool place = target->kind == AST_EXPR_NAME || target->kind == AST_EXPR_INDEX ||
                 (target->kind == AST_EXPR_MEMBER && !target->u.member.optional);
    if (!place)
        diag_add(b->diags, "E0111", b->source, target->span,
                 "only a `var`, or a field or an index of one, can be assigned");
    x->u.assign.op = op;
    x->u.assign.target = target;
    x->u.assign.value = value;
    node_adopt(b, x, target);
    node_adopt(b, x, value);
    return x;
}

struct node *ast_emit(struct ast_builder *b, enum ast_kind kind, const struct token *word,
                      struct node *value)
{
    struct node *x = node_new(b, kind, span_join(word->at, value->span));
    x->u.emit.value = value;
    node_adopt(b, x, value);
    return x;
}

struct node *ast_role(struct ast_builder *b, const struct token *word, struct node *body)
{
    struct node *x = node_new(b, AST_STMT_ROLE, span_join(word->at, body->span));
    switch (b->source->text.ptr[word->at.off]) {
    case 's':
        x->u.role.role = ROLE_SYSTEM;
        break;
    case 'u':
        x->u.role.role = ROLE_USER;
        break;
    case 'a':
        x->u.role.role = ROLE_ASSISTANT;
        break;
    default:
        x->u.role.role = ROLE_TOOL;
    }
    x->u.role.body = body;
    node_adopt(b, x, body);
    return x;
}

static struct node *loop(struct ast_builder *b, enum ast_kind kind, const struct token *word,
                         struct node *pat, struct node *list, struct node *body)
{
    struct node *x = node_new(b, kind, span_join(word->at, body->span));
    x->u.loop.pattern = pat;
    x->u.loop.list = list;
    x->u.loop.body = body;
    node_adopt(b, x, pat);
    node_adopt(b, x, list);
    node_adopt(b, x, body);
    return x;
}

struct node *ast_for(struct ast_builder *b, const struct token *word, struct node *pat,
                     struct node *list, struct node *body)
{
    return loop(b, AST_STMT_FOR, word, pat, list, body);
}

struct node *ast_while(struct ast_builder *b, const struct token *word, struct node *cond,
                       struct node *body)
{
    return loop(b, AST_STMT_WHILE, word, NULL, cond, body);
}

struct node *ast_return(struct ast_builder *b, const struct token *word, struct node *value)
{
    struct node *x = node_new(b, AST_STMT_RETURN, value ? span_join(word->at, value->span)
                                                        : word->at);
    x->u.inner = value;
    node_adopt(b, x, value);
    return x;
}

/* ---- expressions */

struct node *ast_paren(struct ast_builder *b, const struct token *start, struct node *inner,
                       const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_PAREN, span_join(start->at, end->at));
    x->u.inner = inner;
    node_adopt(b, x, inner);
    return x;
}

struct node *ast_tuple(struct ast_builder *b, const struct token *start, struct node *first,
                       struct vec *rest, const struct token *end)
{
    struct vec *all = vec_node(b, NULL, first);
    for (uint32_t i = 0; i < rest->n; i++)
        all = vec_node(b, all, ((struct node **)rest->at)[i]);
    return ast_list(b, AST_EXPR_TUPLE, start, all, end);
}

struct node *ast_list(struct ast_builder *b, enum ast_kind kind, const struct token *start,
                      struct vec *elems, const struct token *end)
{
    struct node *x = node_new(b, kind, span_join(start->at, end->at));
    x->u.list = vec_nodes(b, x, elems);
    return x;
}

struct node *ast_map(struct ast_builder *b, const struct token *start, struct vec *pairs,
                     const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_MAP, span_join(start->at, end->at));
    struct node_list both = vec_nodes(b, x, pairs);
    struct vec *key = NULL, *value = NULL;
    for (uint32_t i = 0; i + 1 < both.n; i += 2) {
        key = vec_node(b, key, both.at[i]);
        value = vec_node(b, value, both.at[i + 1]);
    }
    x->u.map.key = vec_nodes(b, x, key);
    x->u.map.value = vec_nodes(b, x, value);
    return x;
}

struct node *ast_model(struct ast_builder *b, const struct token *word, struct node *type,
                       struct vec *args, const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_MODEL, span_join(word->at, end->at));
    x->u.model.op = word->code == TK_GEN ? MODEL_GEN : word->code == TK_SELECT ? MODEL_SELECT
                  : word->code == TK_SCORE ? MODEL_SCORE : MODEL_PARSE;
    x->u.model.type = type;
    x->u.model.args = vec_args(b, x, args);
    node_adopt(b, x, type);
    return x;
}

struct node *ast_if(struct ast_builder *b, const struct token *word, struct node *cond,
                    struct node *then, struct node *other)
{
    struct node *last = other ? other : then;
    struct node *x = node_new(b, AST_EXPR_IF, span_join(word->at, last->span));
    x->u.cond.cond = cond;
    x->u.cond.then = then;
    x->u.cond.other = other;
    node_adopt(b, x, cond);
    node_adopt(b, x, then);
    node_adopt(b, x, other);
    return x;
}

struct node *ast_match(struct ast_builder *b, const struct token *word, struct node *subject,
                       struct vec *arms, const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_MATCH, span_join(word->at, end->at));
    x->u.match.subject = subject;
    x->u.match.arm = arms->at;
    x->u.match.n = arms->n;
    node_adopt(b, x, subject);
    for (uint32_t i = 0; i < x->u.match.n; i++) {
        const struct arm *a = &x->u.match.arm[i];
        for (uint32_t k = 0; k < a->patterns.n; k++)
            node_adopt(b, x, a->patterns.at[k]);
        node_adopt(b, x, a->guard);
        node_adopt(b, x, a->body);
    }
    return x;
}

/* The body of an arm after an error is missing: an empty block stands for it. */
struct arm *ast_arm(struct ast_builder *b, struct vec *patterns, const struct token *as,
                    struct node *guard, struct node *body)
{
    struct arm *a = arena_zalloc(b->arena, sizeof *a);
    if (!a || !patterns->n)
        return NULL;
    struct span first = ((struct node **)patterns->at)[0]->span;
    if (!body)
        body = node_new(b, AST_EXPR_BLOCK, (struct span){ first.off + first.len, 0 });
    a->patterns = (struct node_list){ patterns->at, patterns->n };
    a->as = name_of(b, as);
    a->guard = guard;
    a->body = body;
    a->at = span_join(first, body->span);
    return a;
}

struct node *ast_fork(struct ast_builder *b, const struct token *word, struct vec *forkers,
                      struct node *count, struct node *body)
{
    struct node *x = node_new(b, AST_EXPR_FORK, span_join(word->at, body->span));
    x->u.fork.count = count;
    x->u.fork.body = body;
    if (forkers) {
        x->u.fork.forker = forkers->at;
        x->u.fork.n = forkers->n;
    }
    for (uint32_t i = 0; i < x->u.fork.n; i++) {
        node_adopt(b, x, x->u.fork.forker[i].pattern);
        node_adopt(b, x, x->u.fork.forker[i].list);
    }
    node_adopt(b, x, count);
    node_adopt(b, x, body);
    return x;
}

struct node *ast_scratch(struct ast_builder *b, const struct token *word, struct node *body)
{
    struct node *x = node_new(b, AST_EXPR_SCRATCH, span_join(word->at, body->span));
    x->u.scratch.body = body;
    node_adopt(b, x, body);
    return x;
}

struct node *ast_with(struct ast_builder *b, const struct token *word, struct vec *subjects,
                      struct node *body)
{
    struct node *x = node_new(b, AST_EXPR_WITH, span_join(word->at, body->span));
    x->u.with.subject = vec_nodes(b, x, subjects);
    x->u.with.body = body;
    node_adopt(b, x, body);
    return x;
}

struct node *ast_attempt(struct ast_builder *b, const struct token *word, const struct token *name,
                         struct vec *args, struct node *body)
{
    struct node *x = node_new(b, name ? AST_EXPR_INFER : AST_EXPR_ATTEMPT,
                              span_join(word->at, body->span));
    x->u.attempt.args = vec_args(b, x, args);
    x->u.attempt.body = body;
    x->u.attempt.name = name_of(b, name);
    node_adopt(b, x, body);
    return x;
}

struct node *ast_try(struct ast_builder *b, const struct token *word, struct node *body,
                     struct vec *clauses, struct node *finally)
{
    struct node *x = node_new(b, AST_EXPR_TRY, word->at);
    struct span end = body->span;
    x->u.tri.body = body;
    x->u.tri.finally = finally;
    node_adopt(b, x, body);
    node_adopt(b, x, finally);
    if (clauses) {
        x->u.tri.clause = clauses->at;
        x->u.tri.n = clauses->n;
    }
    for (uint32_t i = 0; i < x->u.tri.n; i++) {
        node_adopt(b, x, x->u.tri.clause[i].type);
        node_adopt(b, x, x->u.tri.clause[i].body);
        end = x->u.tri.clause[i].at;
    }
    x->span = span_join(word->at, finally ? finally->span : end);
    return x;
}

struct node *ast_member(struct ast_builder *b, struct node *object, const struct token *name,
                        bool optional)
{
    struct node *x = node_new(b, AST_EXPR_MEMBER, span_join(object->span, name->at));
    x->u.member.object = object;
    x->u.member.name = name_of(b, name);
    x->u.member.optional = optional;
    node_adopt(b, x, object);
    return x;
}

struct node *ast_call(struct ast_builder *b, struct node *callee, struct vec *args,
                      const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_CALL, span_join(callee->span, end->at));
    x->u.call.callee = callee;
    x->u.call.args = vec_args(b, x, args);
    node_adopt(b, x, callee);
    return x;
}

struct node *ast_index(struct ast_builder *b, struct node *object, struct node *index,
                       const struct token *end)
{
    struct node *x = node_new(b, AST_EXPR_INDEX, span_join(object->span, end->at));
    x->u.index.object = object;
    x->u.index.index = index;
    node_adopt(b, x, object);
    node_adopt(b, x, index);
    return x;
}

struct node *ast_unary(struct ast_builder *b, enum unary_op op, const struct token *mark,
                       struct node *operand)
{
    if (op == UN_NEG && operand->kind == AST_EXPR_INT && operand->u.int_value == INT64_MIN) {
        operand->span = span_join(mark->at, operand->span);
        return operand;
    }
    struct node *x = node_new(b, AST_EXPR_UNARY, span_join(mark->at, operand->span));
    x->u.unary.op = op;
    x->u.unary.operand = operand;
    node_adopt(b, x, operand);
    return x;
}

struct node *ast_binary(struct ast_builder *b, enum binary_op op, struct node *left,
                        const struct token *mark, struct node *right)
{
    struct node *x = node_new(b, AST_EXPR_BINARY, span_join(left->span, right->span));
    x->u.binary.op = op;
    x->u.binary.left = left;
    x->u.binary.right = right;
    x->u.binary.op_at = mark->at;
    node_adopt(b, x, left);
    node_adopt(b, x, right);
    return x;
}

struct node *ast_join(struct ast_builder *b, const struct token *word, struct node *branches,
                      struct node *until, const struct token *as)
{
    struct span end = as ? as->at : until ? until->span : branches->span;
    struct node *x = node_new(b, AST_EXPR_JOIN, span_join(word->at, end));
    if (as && !slice_is(ast_text_at(b, as->at), "text"))
        diag_add(b->diags, "E0112", b->source, as->at, "`join ... as` takes only `text`");
    x->u.join.branches = branches;
    x->u.join.until = until;
    x->u.join.as_text = as != NULL;
    node_adopt(b, x, branches);
    node_adopt(b, x, until);
    return x;
}

struct node *ast_lambda(struct ast_builder *b, const struct token *bar, struct vec *pats,
                        struct node *body)
{
    struct node *x = node_new(b, AST_EXPR_LAMBDA, span_join(bar->at, body->span));
    x->u.lambda.params = vec_nodes(b, x, pats);
    x->u.lambda.body = body;
    node_adopt(b, x, body);
    return x;
}

struct arg ast_arg(struct ast_builder *b, const struct token *name, struct node *value)
{
    return (struct arg){ name_of(b, name), value };
}
