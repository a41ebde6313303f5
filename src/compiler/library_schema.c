/* library_schema.c - schema_of(T): a type that stands where an expression does.
 *
 * The grammar has read the argument as an expression: a name, a call, a list, a map or a tuple.
 * Those are turned into the type that is spelled in the same way; unions and optionals have no such
 * spelling and want a name of their own (`type Both = A | B`). */
#include "compiler/lower.h"

enum { SPELLED_DEPTH_MAX = 16, PATH_MAX_NAMES = 8 };

static struct node *type_node(struct low *l, enum ast_kind kind, struct span at)
{
    struct node *n = comp_alloc(l->c, sizeof *n);
    *n = (struct node){ .kind = kind, .span = at };
    return n;
}

/* a.b.c as a path; false: something else. */
static bool as_path(struct low *l, const struct node *e, struct path *ret)
{
    uint32_t n = 1;
    const struct node *head = e;
    for (; head->kind == AST_EXPR_MEMBER && !head->u.member.optional; n++)
        head = head->u.member.object;
    if (head->kind != AST_EXPR_NAME || n > PATH_MAX_NAMES)
        return false;
    ret->at = comp_alloc(l->c, n * sizeof *ret->at);
    ret->n = n;
    for (uint32_t i = n; i-- > 1; e = e->u.member.object)
        ret->at[i] = e->u.member.name;
    ret->at[0] = head->u.name;
    return true;
}

static struct node *as_type(struct low *l, const struct node *e, uint32_t depth);

static struct node *as_tuple(struct low *l, const struct node *e, uint32_t depth)
{
    struct node *n = type_node(l, AST_TYPE_TUPLE, e->span);
    n->u.list.n = e->u.list.n;
    n->u.list.at = comp_alloc(l->c, (e->u.list.n + 1) * sizeof *n->u.list.at);
    for (uint32_t i = 0; i < e->u.list.n; i++)
        if (!(n->u.list.at[i] = as_type(l, e->u.list.at[i], depth + 1)))
            return NULL;
    return n;
}

/* The type that is spelled like the expression; NULL: none is. */
static struct node *as_type(struct low *l, const struct node *e, uint32_t depth)
{
    const struct arg_list *args = NULL;
    struct node *n;
    if (depth > SPELLED_DEPTH_MAX)
        return NULL;
    if (e->kind == AST_EXPR_CALL) {             /* int(0..9), [T](1..3) */
        args = &e->u.call.args;
        e = e->u.call.callee;
    }
    switch (e->kind) {
    case AST_EXPR_NAME: case AST_EXPR_MEMBER:
        n = type_node(l, AST_TYPE_NAME, e->span);
        if (!as_path(l, e, &n->u.tname.path))
            return NULL;
        if (args)
            n->u.tname.args = *args;
        return n;
    case AST_EXPR_LIST:
        n = type_node(l, AST_TYPE_LIST, e->span);
        if (e->u.list.n != 1 || !(n->u.tlist.elem = as_type(l, e->u.list.at[0], depth + 1)))
            return NULL;
        if (args)
            n->u.tlist.args = *args;
        return n;
    case AST_EXPR_MAP:
        n = type_node(l, AST_TYPE_MAP, e->span);
        if (e->u.map.key.n != 1 || !(n->u.tmap.key = as_type(l, e->u.map.key.at[0], depth + 1)) ||
            !(n->u.tmap.value = as_type(l, e->u.map.value.at[0], depth + 1)))
            return NULL;
        if (args)
            n->u.tmap.args = *args;
        return n;
    case AST_EXPR_TUPLE:
        return args ? NULL : as_tuple(l, e, depth);
    case AST_EXPR_NULL:
        return args ? NULL : type_node(l, AST_TYPE_NULL, e->span);
    default:
        return NULL;
    }
}

struct ex schema_call(struct low *l, const struct node *n)
{
    const struct arg_list *args = &n->u.call.args;
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", n->span, "`schema_of` takes one argument");
        return ex_bad(l, n->span);
    }
    struct node *spelled = as_type(l, args->at[0].value, 0);
    if (!spelled) {
        low_diag(l, "E0301", args->at[0].value->span, "`schema_of` takes a type");
        return ex_bad(l, n->span);
    }
    struct str text = { 0 };
    schema_text(l->c, lower_type(l, spelled), &text);
    struct ex r = ex_konst(l->c, konst_str(l->c, str_slice(&text)), type_plain(T_STR), n->span);
    str_free(&text);
    return r;
}
