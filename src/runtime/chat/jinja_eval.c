/* jinja_eval.c - walks the nodes of a template: statements write, expressions give values.
 *
 * Scopes are a chain: a loop round, a macro call and a `with` open one, an `if` does not, and an
 * assignment writes into the innermost.  The walk recurses over nodes, whose depth the parser has
 * bounded, and over macro calls, whose depth `calls` bounds; every node counts as a step, so that
 * any template ends. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "runtime/chat/jinja.h"

enum flow { GO_ON, BREAK, CONTINUE, FAILED };

struct jvar {
    struct jvar *next;
    struct slice name;
    struct jval  val;
};

bool jfail(struct jeval *e, enum status st, const char *fmt, ...)
{
    if (e->st != ST_OK)
        return false;
    e->st = st;
    char text[ERROR_TEXT_MAX - 64];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    uint32_t off = e->at ? e->at->off : 0;
    error_at(e->err, st, NULL, (struct span){ off, 1 }, "chat template, line %u: %s",
             jinja_line(e->t->src, e->t->src + off), text);
    return false;
}

bool jstep(struct jeval *e, uint64_t n)
{
    e->steps += n;
    if (e->steps > JINJA_MAX_STEPS)
        return jfail(e, ST_LIMIT, "more than %d steps", JINJA_MAX_STEPS);
    if (e->arena->total > JINJA_MAX_MEMORY)
        return jfail(e, ST_LIMIT, "more than %d bytes of values", JINJA_MAX_MEMORY);
    return true;
}

/* ---- scopes ---------------------------------------------------------------------------- */

struct jscope *jscope_new(struct jeval *e, struct jscope *up)
{
    struct jscope *s = arena_zalloc(e->arena, sizeof *s);
    if (!s) {
        jfail(e, ST_NOMEM, "out of memory");
        return NULL;
    }
    s->up = up;
    return s;
}

static struct jvar *var_find(const struct jscope *s, struct slice name)
{
    for (struct jvar *v = s->var; v; v = v->next)
        if (slice_eq(v->name, name))
            return v;
    return NULL;
}

bool jscope_set(struct jeval *e, struct jscope *s, struct slice name, struct jval val)
{
    struct jvar *v = var_find(s, name);
    if (!v) {
        v = arena_zalloc(e->arena, sizeof *v);
        if (!v)
            return jfail(e, ST_NOMEM, "out of memory");
        v->name = name;
        v->next = s->var;
        s->var = v;
    }
    v->val = val;
    return true;
}

static bool lookup(struct jeval *e, struct slice name, struct jval *ret)
{
    for (const struct jscope *s = e->scope; s; s = s->up) {
        const struct jvar *v = var_find(s, name);
        if (v) {
            *ret = v->val;
            return true;
        }
    }
    const struct jfunc *f = jglobal_find(name);
    if (f) {
        *ret = (struct jval){ .kind = J_FUNC, .func = f };
        return true;
    }
    char *what = arena_printf(e->arena, "'%.*s' is undefined",
                              (int)(name.len < 80 ? name.len : 80), name.ptr);
    if (!what)
        return jfail(e, ST_NOMEM, "out of memory");
    *ret = j_undef(what);
    return true;
}

/* `target` is a name, a tuple of targets, or an attribute of a namespace. */
static bool assign(struct jeval *e, const struct jn *target, struct jval val)
{
    if (target->kind == JN_NAME)
        return jscope_set(e, e->scope, target->name, val);
    if (target->kind == JN_CONST)
        return jfail(e, ST_INVALID, "cannot assign to a constant");
    if (target->kind == JN_ATTR) {
        struct jval space, key;
        if (!jeval_expr(e, target->a, &space))
            return false;
        if (space.kind != J_SPACE)
            return jfail(e, ST_INVALID, "cannot assign attribute on non-namespace object");
        return j_str(e, target->name, true, &key) && j_dict_put(e, space.d, key, val);
    }
    struct jlist *items;
    if (!j_items(e, val, &items))
        return false;
    if (items->n != target->list.n)
        return jfail(e, ST_INVALID, "%u values to unpack into %u names", items->n, target->list.n);
    uint32_t i = 0;
    for (const struct jn *t = target->list.head; t; t = t->next)
        if (!assign(e, t, items->at[i++]))
            return false;
    return true;
}

/* ---- captures ------------------------------------------------------------------------- */

static enum flow exec_body(struct jeval *e, const struct jn_list *body);

/* Runs a body with its output going into a text of its own. */
bool jcapture(struct jeval *e, const struct jn_list *body, struct jval *ret)
{
    struct jbuf text = { 0 };
    struct jbuf *out = e->out;
    e->out = &text;
    enum flow flow = exec_body(e, body);
    e->out = out;
    if (flow == FAILED) {
        jbuf_free(&text);
        return false;
    }
    return jbuf_take(e, &text, ret);
}

/* ---- expressions ----------------------------------------------------------------------- */

static bool eval_logic(struct jeval *e, const struct jn *n, struct jval *ret)
{
    if (!jeval_expr(e, n->a, ret))
        return false;
    if (j_truth(*ret) == (n->kind == JN_OR))
        return true;
    return jeval_expr(e, n->b, ret);
}

static bool eval_cond(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval c;
    if (!jeval_expr(e, n->b, &c))
        return false;
    if (j_truth(c))
        return jeval_expr(e, n->a, ret);
    if (n->c)
        return jeval_expr(e, n->c, ret);
    *ret = j_undef("the inline if-expression evaluated to false and no else section was defined");
    return true;
}

static bool eval_compare(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval left, right;
    if (!jeval_expr(e, n->a, &left))
        return false;
    bool holds = true;
    for (const struct jn *op = n->list.head; op && holds; op = op->next) {
        if (!jeval_expr(e, op->b, &right))
            return false;
        e->at = op;
        if (!jcompare(e, op->op, left, right, &holds))
            return false;
        left = right;
    }
    *ret = j_bool(holds);
    return true;
}

static bool eval_concat(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jbuf out = { 0 };
    for (const struct jn *i = n->list.head; i; i = i->next) {
        struct jval v;
        if (!jeval_expr(e, i, &v) || !j_write(e, &out, v)) {
            jbuf_free(&out);
            return false;
        }
    }
    return jbuf_take(e, &out, ret);
}

static bool eval_list(struct jeval *e, const struct jn *n, struct jval *ret)
{
    if (!j_list_new(e, n->kind == JN_TUPLE ? J_TUPLE : J_LIST, ret))
        return false;
    for (const struct jn *i = n->list.head; i; i = i->next) {
        struct jval v;
        if (!jeval_expr(e, i, &v) || !j_list_push(e, ret->l, v))
            return false;
    }
    return true;
}

static bool eval_dict(struct jeval *e, const struct jn *n, struct jval *ret)
{
    if (!j_dict_new(e, J_DICT, ret))
        return false;
    for (const struct jn *i = n->list.head; i; i = i->next) {
        struct jval k, v;
        if (!jeval_expr(e, i->a, &k) || !jeval_expr(e, i->b, &v) || !j_dict_put(e, ret->d, k, v))
            return false;
    }
    return true;
}

static bool eval_item(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval of, key;
    if (!jeval_expr(e, n->a, &of))
        return false;
    if (n->b->kind != JN_SLICE) {
        if (!jeval_expr(e, n->b, &key))
            return false;
        e->at = n;
        return jget_item(e, of, key, ret);
    }
    const struct jn *part[3] = { n->b->a, n->b->b, n->b->c };
    struct jval range[3] = { j_none(), j_none(), j_none() };
    for (int i = 0; i < 3; i++)
        if (part[i] && !jeval_expr(e, part[i], &range[i]))
            return false;
    e->at = n;
    return jget_slice(e, of, range, ret);
}

static bool eval_called(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval self = j_none();
    struct jargs args;
    if (n->a && !jeval_expr(e, n->a, &self))
        return false;
    if (!jeval_args(e, &n->list, &args))
        return false;
    e->at = n;
    if (n->kind == JN_CALL)
        return jeval_call(e, self, &args, ret);
    if (n->kind == JN_FILTER)
        return jfilter_call(e, n->name, self, &args, ret);
    bool holds;
    if (!jtest_call(e, n->name, self, &args, &holds))
        return false;
    *ret = j_bool(holds);
    return true;
}

static bool eval_binary(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval a, b;
    if (!jeval_expr(e, n->a, &a) || !jeval_expr(e, n->b, &b))
        return false;
    e->at = n;
    return jbinary(e, n->op, a, b, ret);
}

static bool eval_unary(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jval a;
    if (!jeval_expr(e, n->a, &a))
        return false;
    e->at = n;
    if (n->kind == JN_NOT) {
        *ret = j_bool(!j_truth(a));
        return true;
    }
    if (n->kind == JN_ATTR)
        return jget_attr(e, a, n->name, ret);
    if (n->kind == JN_NEG)
        return jnegate(e, a, ret);
    if (!j_is_number(a))
        return jfail(e, ST_INVALID, "bad operand type for unary +: '%s'", j_type(a));
    *ret = a.kind == J_BOOL ? j_int(a.b) : a;
    return true;
}

static bool eval_node(struct jeval *e, const struct jn *n, struct jval *ret)
{
    switch (n->kind) {
    case JN_CONST:
        *ret = n->val;
        return true;
    case JN_NAME: return lookup(e, n->name, ret);
    case JN_LIST:
    case JN_TUPLE: return eval_list(e, n, ret);
    case JN_DICT: return eval_dict(e, n, ret);
    case JN_COND: return eval_cond(e, n, ret);
    case JN_OR:
    case JN_AND: return eval_logic(e, n, ret);
    case JN_COMPARE: return eval_compare(e, n, ret);
    case JN_BINARY: return eval_binary(e, n, ret);
    case JN_CONCAT: return eval_concat(e, n, ret);
    case JN_NOT:
    case JN_NEG:
    case JN_POS:
    case JN_ATTR: return eval_unary(e, n, ret);
    case JN_ITEM: return eval_item(e, n, ret);
    case JN_CALL:
    case JN_FILTER:
    case JN_TEST: return eval_called(e, n, ret);
    default: return jfail(e, ST_INTERNAL, "a node of kind %d is no expression", n->kind);
    }
}

bool jeval_expr(struct jeval *e, const struct jn *n, struct jval *ret)
{
    if (!jstep(e, 1))
        return false;
    if (e->calls >= JINJA_MAX_CALLS)
        return jfail(e, ST_LIMIT, "calls are nested too deeply");
    e->calls++;
    e->at = n;
    bool ok = eval_node(e, n, ret);
    e->calls--;
    return ok;
}

/* ---- statements ------------------------------------------------------------------------ */

/* The items of a loop, filtered by its `if`. */
static bool loop_items(struct jeval *e, const struct jn *n, struct jlist **ret)
{
    struct jval iter, kept;
    struct jlist *all;
    if (!jeval_expr(e, n->b, &iter) || !j_items(e, iter, &all))
        return false;
    if (!n->c) {
        *ret = all;
        return true;
    }
    if (!j_list_new(e, J_LIST, &kept))
        return false;
    struct jscope *scope = e->scope;
    bool ok = true;
    for (uint32_t i = 0; i < all->n && ok; i++) {
        struct jval c;
        e->scope = jscope_new(e, scope);
        ok = e->scope && assign(e, n->a, all->at[i]) && jeval_expr(e, n->c, &c);
        if (ok && j_truth(c))
            ok = j_list_push(e, kept.l, all->at[i]);
    }
    e->scope = scope;
    *ret = kept.l;
    return ok;
}

static enum flow exec_round(struct jeval *e, const struct jn *n, struct jscope *scope,
                            struct jval loop)
{
    e->scope = jscope_new(e, scope);
    if (!e->scope || !jscope_set(e, e->scope, SLICE("loop"), loop) ||
        !assign(e, n->a, loop.loop->items->at[loop.loop->index]))
        return FAILED;
    return exec_body(e, &n->body);
}

static enum flow exec_for(struct jeval *e, const struct jn *n)
{
    struct jlist *items;
    if (!loop_items(e, n, &items))
        return FAILED;
    if (items->n == 0)
        return exec_body(e, &n->other);
    struct jloop *l = arena_zalloc(e->arena, sizeof *l);
    if (!l)
        return jfail(e, ST_NOMEM, "out of memory") ? GO_ON : FAILED;
    l->items = items;
    struct jval loop = { .kind = J_LOOP, .loop = l };
    struct jscope *scope = e->scope;
    enum flow flow = GO_ON;
    for (; l->index < items->n && flow != FAILED && flow != BREAK; l->index++)
        flow = exec_round(e, n, scope, loop);
    e->scope = scope;
    return flow == FAILED ? FAILED : GO_ON;
}

static enum flow exec_if(struct jeval *e, const struct jn *n)
{
    for (const struct jn *b = n->list.head; b; b = b->next) {
        struct jval c;
        if (!jeval_expr(e, b->a, &c))
            return FAILED;
        if (j_truth(c))
            return exec_body(e, &b->body);
    }
    return exec_body(e, &n->other);
}

/* Filters that stand behind one another, applied to a text. */
static bool apply_filters(struct jeval *e, const struct jn_list *filters, struct jval *v)
{
    for (const struct jn *f = filters->head; f; f = f->next) {
        struct jargs args;
        struct jval in = *v;
        if (!jeval_args(e, &f->list, &args))
            return false;
        e->at = f;
        if (!jfilter_call(e, f->name, in, &args, v))
            return false;
    }
    return true;
}

static bool set_block(struct jeval *e, const struct jn *n)
{
    struct jscope *scope = e->scope;
    struct jval v;
    e->scope = jscope_new(e, scope);
    bool ok = e->scope && jcapture(e, &n->body, &v) && apply_filters(e, &n->list, &v);
    e->scope = scope;
    return ok && assign(e, n->a, v);
}

/* The chain of a filter block ends in a filter without an operand, which takes the text. */
static bool filter_chain(struct jeval *e, const struct jn *f, struct jval text, struct jval *ret)
{
    struct jval in = text;
    struct jargs args;
    if (f->a && !filter_chain(e, f->a, text, &in))
        return false;
    if (!jeval_args(e, &f->list, &args))
        return false;
    e->at = f;
    return jfilter_call(e, f->name, in, &args, ret);
}

static bool filter_block(struct jeval *e, const struct jn *n)
{
    struct jscope *scope = e->scope;
    struct jval v, filtered;
    e->scope = jscope_new(e, scope);
    bool ok = e->scope && jcapture(e, &n->body, &v) && filter_chain(e, n->a, v, &filtered) &&
              j_write(e, e->out, filtered);
    e->scope = scope;
    return ok;
}

static bool macro_value(struct jeval *e, const struct jn *n, struct jval *ret)
{
    struct jmacro *m = arena_zalloc(e->arena, sizeof *m);
    if (!m)
        return jfail(e, ST_NOMEM, "out of memory");
    *m = (struct jmacro){ n, e->scope };
    *ret = (struct jval){ .kind = J_MACRO, .macro = m };
    return true;
}

/* The body becomes a macro of its own, handed over as `caller`. */
static bool call_block(struct jeval *e, const struct jn *n)
{
    struct jval callee, caller, v;
    struct jargs args;
    const struct jn *call = n->a;
    if (!jeval_expr(e, call->a, &callee) || !jeval_args(e, &call->list, &args) ||
        !macro_value(e, n, &caller))
        return false;
    args.kw[args.n_kw++] = (struct jkw){ SLICE("caller"), caller };     /* there is room for one more */
    e->at = n;
    return jeval_call(e, callee, &args, &v) && j_write(e, e->out, v);
}

static enum flow with_block(struct jeval *e, const struct jn *n)
{
    struct jscope *scope = e->scope;
    struct jscope *own = jscope_new(e, scope);
    if (!own)
        return FAILED;
    for (const struct jn *b = n->list.head; b; b = b->next) {
        struct jval v;
        if (!jeval_expr(e, b->b, &v) || !jscope_set(e, own, b->a->name, v))
            return FAILED;
    }
    e->scope = own;
    enum flow flow = exec_body(e, &n->body);
    e->scope = scope;
    return flow;
}

static bool set_value(struct jeval *e, const struct jn *n)
{
    struct jval v;
    return jeval_expr(e, n->b, &v) && assign(e, n->a, v);
}

static bool write_output(struct jeval *e, const struct jn *n)
{
    struct jval v;
    return jeval_expr(e, n->a, &v) && j_write(e, e->out, v);
}

static bool define_macro(struct jeval *e, const struct jn *n)
{
    struct jval v;
    return macro_value(e, n, &v) && jscope_set(e, e->scope, n->name, v);
}

static enum flow exec(struct jeval *e, const struct jn *n)
{
    bool ok = true;
    switch (n->kind) {
    case JN_TEXT:
        jbuf_add_text(e->out, n->val.s, 0, n->val.s->len);
        break;
    case JN_OUTPUT: ok = write_output(e, n); break;
    case JN_SET: ok = set_value(e, n); break;
    case JN_SETBLOCK: ok = set_block(e, n); break;
    case JN_MACRO: ok = define_macro(e, n); break;
    case JN_CALLBLOCK: ok = call_block(e, n); break;
    case JN_FILTERBLOCK: ok = filter_block(e, n); break;
    case JN_IF: return exec_if(e, n);
    case JN_FOR: return exec_for(e, n);
    case JN_WITH: return with_block(e, n);
    case JN_GENERATION: return exec_body(e, &n->body);
    case JN_BREAK: return BREAK;
    case JN_CONTINUE: return CONTINUE;
    default: ok = jfail(e, ST_INTERNAL, "a node of kind %d is no statement", n->kind);
    }
    if (ok && e->out->failed)
        ok = jfail(e, ST_LIMIT, "the output grows beyond %d bytes", JINJA_MAX_OUTPUT);
    return ok ? GO_ON : FAILED;
}

static enum flow exec_body(struct jeval *e, const struct jn_list *body)
{
    if (e->calls >= JINJA_MAX_CALLS)
        return jfail(e, ST_LIMIT, "calls are nested too deeply") ? GO_ON : FAILED;
    e->calls++;
    enum flow flow = GO_ON;
    for (const struct jn *n = body->head; n && flow == GO_ON; n = n->next) {
        e->at = n;
        flow = jstep(e, 1) ? exec(e, n) : FAILED;
    }
    e->calls--;
    return flow;
}

enum status jinja_render(const struct jinja *t, const struct jdict *vars, int64_t now,
                         struct arena *arena, struct jbuf *out, struct error *err)
{
    struct jeval e = { .t = t, .arena = arena, .out = out, .now = now, .err = err };
    e.scope = jscope_new(&e, NULL);
    for (uint32_t i = 0; e.scope && i < vars->n; i++)
        if (!jscope_set(&e, e.scope, jtext_slice(vars->at[i].key.s), vars->at[i].val))
            break;
    if (e.st == ST_OK && !out->failed)
        exec_body(&e, &t->root);
    return e.st;
}
