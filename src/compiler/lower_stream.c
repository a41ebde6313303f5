/* lower_stream.c - `for piece in stream g`: which generations are streams, their pieces, the loop.
 *
 * A name that a loop of the same block streams is bound to a stream from the start: the loop sees
 * the value while it decodes, and every other use of the name waits for the whole of it.  Behind
 * the loop the value is waited for in any case, so errors and checks come where the loop stands. */
#include "compiler/lower.h"

/* ---- names that are streamed ---- */

static const struct node *streamed_name(const struct node *n)
{
    if (n->kind != AST_STMT_FOR)
        return NULL;
    const struct node *list = n->u.loop.list;
    if (list->kind != AST_EXPR_UNARY || list->u.unary.op != UN_STREAM)
        return NULL;
    const struct node *g = list->u.unary.operand;
    while (g->kind == AST_EXPR_PAREN)
        g = g->u.inner;
    return g->kind == AST_EXPR_NAME ? g : NULL;
}

/* A role block is no scope: its statements count as those of the block around it. */
static void collect(struct low *l, const struct node_list *list)
{
    struct comp *c = l->c;
    for (uint32_t i = 0; i < list->n; i++) {
        const struct node *n = list->at[i];
        if (n->kind == AST_STMT_ROLE && n->u.role.body->kind == AST_EXPR_BLOCK)
            collect(l, &n->u.role.body->u.list);
        const struct node *g = streamed_name(n);
        if (!g)
            continue;
        struct slice *grown = comp_alloc(c, (l->streamed.n + 1) * sizeof *grown);
        for (uint32_t k = 0; k < l->streamed.n; k++)
            grown[k] = l->streamed.name[k];
        grown[l->streamed.n++] = g->u.name.text;
        l->streamed.name = grown;
    }
}

struct streamed stream_enter(struct low *l, const struct node_list *list)
{
    struct streamed saved = l->streamed;
    l->streamed = (struct streamed){ NULL, 0 };
    if (!(l->is_script && l->c->opts->env))     /* names of the prompt loop outlive the entry */
        collect(l, list);
    return saved;
}

bool stream_wants(const struct low *l, struct slice name)
{
    for (uint32_t i = 0; i < l->streamed.n; i++)
        if (name.len && slice_eq(l->streamed.name[i], name))
            return true;
    return false;
}

/* The whole value of a name that is bound to a stream. */
struct ex stream_force(struct low *l, struct ex e, struct span at)
{
    if (!e.stream)
        return e;
    e.v = ir_op1(l, IR_STREAM_VALUE, e.t, e.v, 0, at);
    e.stream = false;
    return e;
}

/* ---- types of pieces ---- */

static struct type *partial_struct(struct comp *c, struct type *elem)
{
    struct type *t = type_make(&c->arena, T_PARTIAL, 1);
    if (!t)
        comp_nomem(c);
    t->elem[0] = elem;
    return t;
}

static bool is_scalar(const struct type *t)
{
    switch (t->kind) {
    case T_UNION: case T_OPT:
        for (uint32_t i = 0; i < t->n; i++)
            if (!is_scalar(t->elem[i]))
                return false;
        return true;
    case T_LIST: case T_MAP: case T_TUPLE: case T_STRUCT: case T_CALL: case T_JSON: case T_SCHEMA:
        return false;
    default:
        return true;
    }
}

/* What a value of the type is while it is not whole: texts and lists so far, fields that may be
 * null, anything else only when it is there. */
struct type *partial_type(struct comp *c, struct type *t)
{
    struct arena *a = &c->arena;
    struct type *r;
    switch (t->kind) {
    case T_STRUCT:
        return partial_struct(c, t);
    case T_OPT:
        r = is_scalar(t) ? t : type_opt(a, partial_type(c, t->elem[0]));
        break;
    case T_LIST:
        r = type_list(a, partial_type(c, t->elem[0]));
        break;
    case T_MAP:
        r = type_map(a, t->elem[0], partial_type(c, t->elem[1]));
        break;
    case T_TUPLE:
        r = type_make(a, T_TUPLE, t->n);
        for (uint32_t i = 0; r && i < t->n; i++)
            r->elem[i] = type_opt(a, partial_type(c, t->elem[i]));
        break;
    case T_STR: case T_REGEX_STR: case T_GRAMMAR:
        return type_plain(T_STR);
    case T_UNION:
        return is_scalar(t) ? t : type_plain(T_JSON);
    case T_CALL: case T_SCHEMA:
        return type_plain(T_JSON);
    default:
        return t;
    }
    if (!r)
        comp_nomem(c);
    return r;
}

/* ---- the loop ---- */

static bool chosen(const struct low *l, uint32_t gen)
{
    for (uint32_t i = l->f->n_insn; i-- > 0;)
        if (l->f->insn[i].op == IR_SELECT && l->f->insn[i].imm == gen - 1)
            return true;
    return false;
}

/* A value that was there before its loop: one piece, the whole of it. */
static struct ex one_piece(struct low *l, struct ex e, struct span at)
{
    struct type *list = type_list(&l->c->arena, e.t);
    if (!list)
        comp_nomem(l->c);
    uint32_t v = ex_value(l, e);
    v = ir_opn(l, IR_LIST, list, &v, 1, 0, at);
    return ex_of(ir_op1(l, IR_ITER, type_plain(T_ANY), v, 0, at), e.t, at);
}

static struct ex source(struct low *l, const struct node *g)
{
    while (g->kind == AST_EXPR_PAREN)
        g = g->u.inner;
    if (g->kind == AST_EXPR_MODEL && g->u.model.op == MODEL_GEN) {
        struct type *t = g->u.model.type ? lower_type(l, g->u.model.type) : type_plain(T_STR);
        return lower_gen(l, NULL, t, SLICE(""), &g->u.model.args, g->span, IR_STREAM_OPEN);
    }
    struct binding *b = g->kind == AST_EXPR_NAME ? scope_find(l, g->u.name.text) : NULL;
    if (b && b->kind == BIND_VALUE && b->ex.stream)
        return b->ex;
    struct ex e = lower_expr(l, g, NULL);
    if (!e.gen || chosen(l, e.gen))
        low_diag(l, "E0414", g->span, "`stream` takes a `gen` or a name bound by one");
    return one_piece(l, e, g->span);
}

void lower_stream(struct low *l, const struct node *loop)
{
    struct ex s = source(l, loop->u.loop.list->u.unary.operand);
    struct type *piece = partial_type(l->c, s.t);
    uint32_t from = s.v;
    if (s.stream)           /* from its first piece, also when a loop before has seen them */
        from = ir_op1(l, IR_ITER, type_plain(T_ANY), s.v, 0, loop->span);
    struct loop p;
    loop_begin(l, &p, loop->span);
    uint32_t v = ir_value_new(l, piece);
    struct ir_insn *i = ir_add(l, s.stream ? IR_STREAM_NEXT : IR_NEXT, loop->span);
    i->dst = v;
    i->label = p.out;
    ir_args(l, i, &from, 1);
    ir_block(l, ir_block_new(l), loop->span);
    scope_push(l);
    bind_pattern(l, loop->u.loop.pattern, ex_of(v, piece, loop->span), NULL);
    lower_block(l, loop->u.loop.body, BLOCK_STMT, NULL);
    scope_pop(l);
    loop_end(l, &p, loop->span);
    if (s.stream)
        check_fields(l, stream_force(l, s, loop->span).v, s.t, loop->span);
}
