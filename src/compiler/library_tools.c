/* library_tools.c - functions as tools: what a program can say about them.
 *
 * The name of a function where a `tool` is wanted is a constant that holds its description as
 * JSON, which is all that tool_docs and std.tools ask for.  A call of a tool (call.f(x)) keeps the
 * function itself; lower_call.c makes that. */
#include <string.h>

#include "base/jsonio.h"
#include "compiler/lower.h"

static void pair(const char *key, struct slice text, struct str *out)
{
    str_addf(out, "\"%s\": ", key);
    jsonio_quote(text, out);
}

/* The parameters as the schema of an object; those with a default may be left out. */
static void params_schema(struct comp *c, const struct sym *s, struct str *out)
{
    str_adds(out, "{\"type\": \"object\", \"properties\": {");
    for (uint32_t i = 0; i < s->n_param; i++) {
        str_adds(out, i ? ", " : "");
        jsonio_quote(s->param[i].name, out);
        str_adds(out, ": ");
        schema_text(c, s->param[i].type, out);
    }
    str_adds(out, "}, \"required\": [");
    bool first = true;
    for (uint32_t i = 0; i < s->n_param; i++) {
        if (s->param[i].fallback)
            continue;
        str_adds(out, first ? "" : ", ");
        jsonio_quote(s->param[i].name, out);
        first = false;
    }
    str_adds(out, "], \"additionalProperties\": false}");
}

static void tool_line(struct sym *s, struct str *out)
{
    str_addf(out, "- %.*s(", (int)s->name.len, s->name.ptr);
    for (uint32_t p = 0; p < s->n_param; p++) {
        str_addf(out, "%s%.*s: ", p ? ", " : "", (int)s->param[p].name.len, s->param[p].name.ptr);
        type_text(s->param[p].type, out);
    }
    str_addc(out, ')');
    if (s->node->u.decl->doc.len) {
        str_adds(out, ": ");
        str_add_slice(out, s->node->u.decl->doc);
    }
}

struct ex tool_value(struct low *l, struct sym *s, struct span at)
{
    struct comp *c = l->c;
    struct str text = { 0 }, line = { 0 };
    resolve_func(c, s);
    tool_line(s, &line);
    str_addc(&text, '{');
    pair("name", s->name, &text);
    str_adds(&text, ", ");
    pair("description", s->node->u.decl->doc, &text);
    str_adds(&text, ", \"parameters\": ");
    params_schema(c, s, &text);
    str_adds(&text, ", ");
    pair("line", str_slice(&line), &text);
    str_addc(&text, '}');
    int64_t id = s->kind == SYM_FN ? (int64_t)func_of(c, s) : -1 - (int64_t)extern_of(c, s);
    struct konst k = { .kind = KONST_TOOL, .text = comp_slice(c, str_slice(&text)), .i = id };
    if (text.failed || line.failed)
        comp_nomem(c);
    str_free(&text);
    str_free(&line);
    return ex_konst(c, konst_add(c, k), type_plain(T_TOOL), at);
}

/* tool_docs([f, g]): a constant. */
static struct ex folded(struct low *l, const struct node *list, struct span at)
{
    struct str text = { 0 };
    for (uint32_t i = 0; i < list->u.list.n; i++) {
        struct sym *s = path_sym(l, list->u.list.at[i]);
        if (!s || (s->kind != SYM_FN && s->kind != SYM_EXTERN)) {
            low_diag(l, "E0615", list->u.list.at[i]->span, "this is not a tool");
            continue;
        }
        resolve_func(l->c, s);
        str_adds(&text, i ? "\n" : "");
        tool_line(s, &text);
    }
    struct ex r = ex_konst(l->c, konst_str(l->c, str_slice(&text)), type_plain(T_STR), at);
    str_free(&text);
    return r;
}

struct ex tool_docs_call(struct low *l, const struct node *n)
{
    const struct arg_list *args = &n->u.call.args;
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", n->span, "`tool_docs` takes one argument");
        return ex_bad(l, n->span);
    }
    const struct node *a = args->at[0].value;
    if (a->kind == AST_EXPR_LIST)
        return folded(l, a, n->span);
    struct type *tools = type_list(&l->c->arena, type_plain(T_TOOL));
    struct sym *s = prelude_sym(l->c, "_tool_docs");
    if (!tools || !s)
        comp_nomem(l->c);
    uint32_t v = ex_value(l, lower_to(l, a, tools)), func = func_of(l->c, s);
    struct ir_func *f = l->f;
    *(uint32_t *)comp_push(l->c, &f->callee, &f->n_callee, &f->cap_callee, sizeof func) = func;
    struct type *str = type_plain(T_STR);
    return ex_of(ir_opn(l, IR_CALL, str, &v, 1, func, n->span), str, n->span);
}
