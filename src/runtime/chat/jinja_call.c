/* jinja_call.c - calls of macros, methods and functions; attributes.
 *
 * A function of ours names its parameters in its row, and arguments are put in place here, so that
 * it never looks at names itself.  A macro runs in a scope below the one it was written in. */
#include <string.h>

#include "runtime/chat/jinja.h"

/* Evaluates arguments into the arena; there is room for one more of each behind them. */
bool jeval_args(struct jeval *e, const struct jn_list *list, struct jargs *ret)
{
    *ret = (struct jargs){ 0 };
    ret->pos = arena_array(e->arena, list->n + 1, sizeof *ret->pos);
    ret->kw = arena_array(e->arena, list->n + 1, sizeof *ret->kw);
    if (!ret->pos || !ret->kw)
        return jfail(e, ST_NOMEM, "out of memory");
    for (const struct jn *a = list->head; a; a = a->next) {
        if (a->kind != JN_KWARG) {
            if (!jeval_expr(e, a, &ret->pos[ret->n_pos++]))
                return false;
            continue;
        }
        struct jkw *kw = &ret->kw[ret->n_kw++];
        kw->name = a->name;
        if (!jeval_expr(e, a->a, &kw->val))
            return false;
    }
    return true;
}

static const struct jkw *find_kw(const struct jargs *args, struct slice name)
{
    for (uint32_t i = 0; i < args->n_kw; i++)
        if (slice_eq(args->kw[i].name, name))
            return &args->kw[i];
    return NULL;
}

/* What a macro's parameters did not take, under `varargs` and `kwargs`. */
static bool bind_rest(struct jeval *e, const struct jn *m, const struct jargs *args,
                      uint32_t n_named)
{
    struct jval rest, named;
    if (!j_list_new(e, J_TUPLE, &rest) || !j_dict_new(e, J_DICT, &named))
        return false;
    uint32_t n_extra = args->n_kw - n_named;
    const struct jkw *caller = find_kw(args, SLICE("caller"));
    bool rest_ok = m->kind == JN_MACRO && m->takes_rest;
    if (!rest_ok && args->n_pos > m->list.n)
        return jfail(e, ST_INVALID, "macro '%.*s' takes not more than %u argument(s)",
                     (int)m->name.len, m->name.ptr, m->list.n);
    if (!rest_ok && n_extra > (caller ? 1u : 0u))
        return jfail(e, ST_INVALID, "macro '%.*s' takes no such keyword argument",
                     (int)m->name.len, m->name.ptr);
    if (!rest_ok)
        return true;
    for (uint32_t i = m->list.n; i < args->n_pos; i++)
        if (!j_list_push(e, rest.l, args->pos[i]))
            return false;
    for (uint32_t i = 0; i < args->n_kw; i++) {
        struct jval key;
        const struct jn *p = m->list.head;
        while (p && !slice_eq(p->name, args->kw[i].name))
            p = p->next;
        if (p || &args->kw[i] == caller)
            continue;
        if (!j_str(e, args->kw[i].name, true, &key) ||
            !j_dict_put(e, named.d, key, args->kw[i].val))
            return false;
    }
    return jscope_set(e, e->scope, SLICE("varargs"), rest) &&
           jscope_set(e, e->scope, SLICE("kwargs"), named);
}

static bool bind_params(struct jeval *e, const struct jn *m, const struct jargs *args)
{
    uint32_t i = 0, n_named = 0;
    for (const struct jn *p = m->list.head; p; p = p->next, i++) {
        struct jval v;
        const struct jkw *kw = find_kw(args, p->name);
        n_named += kw != NULL;
        if (i < args->n_pos && kw)
            return jfail(e, ST_INVALID, "macro '%.*s' got two values for '%.*s'",
                         (int)m->name.len, m->name.ptr, (int)p->name.len, p->name.ptr);
        if (i < args->n_pos) {
            v = args->pos[i];
        } else if (kw) {
            v = kw->val;
        } else if (p->a) {
            if (!jeval_expr(e, p->a, &v))
                return false;
        } else {
            char *what = arena_printf(e->arena, "parameter '%.*s' was not provided",
                                      (int)(p->name.len < 80 ? p->name.len : 80), p->name.ptr);
            if (!what)
                return jfail(e, ST_NOMEM, "out of memory");
            v = j_undef(what);
        }
        if (!jscope_set(e, e->scope, p->name, v))
            return false;
    }
    const struct jkw *caller = find_kw(args, SLICE("caller"));
    if (caller && !jscope_set(e, e->scope, SLICE("caller"), caller->val))
        return false;
    return bind_rest(e, m, args, n_named);
}

static bool call_macro(struct jeval *e, const struct jmacro *m, const struct jargs *args,
                       struct jval *ret)
{
    struct jscope *scope = e->scope;
    struct jscope *own = jscope_new(e, m->scope);
    if (!own)
        return false;
    e->scope = own;
    bool ok = bind_params(e, m->node, args) && jcapture(e, &m->node->body, ret);
    e->scope = scope;
    return ok;
}

static bool find_param(const char *params, uint32_t i, struct slice *ret, bool *ret_optional)
{
    const char *p = params;
    *ret_optional = false;
    for (uint32_t n = 0; *p; n++) {
        if (*p == '?') {
            *ret_optional = true;
            p++;
        }
        size_t len = strcspn(p, " ");
        if (n == i) {
            *ret = (struct slice){ p, len };
            return true;
        }
        p += len;
        p += *p == ' ';
    }
    return false;
}

bool jcall_func(struct jeval *e, const struct jfunc *f, struct jval self, const struct jargs *args,
                struct jval *ret)
{
    if (!jstep(e, 1))
        return false;
    if (f->raw)
        return f->raw(e, self, args, ret);

    struct jval arg[JINJA_MAX_ARGS] = { 0 };
    uint32_t n_used = 0;
    struct slice name;
    bool optional = false;
    uint32_t i = 0;
    for (; find_param(f->params, i, &name, &optional); i++) {
        const struct jkw *kw = find_kw(args, name);
        if (i < args->n_pos)
            arg[i] = args->pos[i];
        else if (kw)
            arg[i] = kw->val, n_used++;
        else if (!optional)
            return jfail(e, ST_INVALID, "%s needs its argument '%.*s'", f->name, (int)name.len,
                         name.ptr);
    }
    if (args->n_pos > i)
        return jfail(e, ST_INVALID, "%s takes at most %u argument(s), not %u", f->name, i,
                     args->n_pos);
    if (n_used < args->n_kw)
        return jfail(e, ST_INVALID, "%s has no argument '%.*s'", f->name,
                     (int)args->kw[0].name.len, args->kw[0].name.ptr);
    return f->fn(e, self, arg, ret);
}

bool jeval_call(struct jeval *e, struct jval callee, const struct jargs *args, struct jval *ret)
{
    if (e->calls >= JINJA_MAX_CALLS)
        return jfail(e, ST_LIMIT, "calls are nested too deeply");
    switch (callee.kind) {
    case J_MACRO:
        return call_macro(e, callee.macro, args, ret);
    case J_METHOD:
        return jcall_func(e, callee.method->func, callee.method->self, args, ret);
    case J_FUNC:
        return jcall_func(e, callee.func, j_none(), args, ret);
    case J_UNDEF:
        return jfail(e, ST_INVALID, "%s", callee.undef);
    case J_LOOP:
        return jfail(e, ST_UNSUPPORTED, "recursive loops are not supported");
    default:
        return jfail(e, ST_INVALID, "'%s' object is not callable", j_type(callee));
    }
}

static bool loop_attr(struct jeval *e, struct jval of, struct slice name, struct jval *ret)
{
    const struct jloop *l = of.loop;
    uint32_t i = l->index, n = l->items->n;
    if (slice_is(name, "index"))
        *ret = j_int((int64_t)i + 1);
    else if (slice_is(name, "index0"))
        *ret = j_int(i);
    else if (slice_is(name, "revindex"))
        *ret = j_int((int64_t)n - i);
    else if (slice_is(name, "revindex0"))
        *ret = j_int((int64_t)n - i - 1);
    else if (slice_is(name, "first"))
        *ret = j_bool(i == 0);
    else if (slice_is(name, "last"))
        *ret = j_bool(i + 1 == n);
    else if (slice_is(name, "length"))
        *ret = j_int(n);
    else if (slice_is(name, "depth"))
        *ret = j_int(1);            /* it counts recursive loops, which are not supported */
    else if (slice_is(name, "depth0"))
        *ret = j_int(0);
    else if (slice_is(name, "previtem"))
        *ret = i > 0 ? l->items->at[i - 1] : j_undef("there is no previous item");
    else if (slice_is(name, "nextitem"))
        *ret = i + 1 < n ? l->items->at[i + 1] : j_undef("there is no next item");
    else
        return jfail(e, ST_UNSUPPORTED, "loop.%.*s is not supported",
                     (int)(name.len < 40 ? name.len : 40), name.ptr);
    return true;
}

static bool bind_method(struct jeval *e, const struct jfunc *f, struct jval self, struct jval *ret)
{
    struct jmethod *m = arena_zalloc(e->arena, sizeof *m);
    if (!m)
        return jfail(e, ST_NOMEM, "out of memory");
    *m = (struct jmethod){ f, self };
    *ret = (struct jval){ .kind = J_METHOD, .method = m };
    return true;
}

bool jget_attr(struct jeval *e, struct jval of, struct slice name, struct jval *ret)
{
    if (of.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", of.undef);
    bool unsafe = false;
    const struct jfunc *f = jmethod_find(of.kind, name, &unsafe);
    if (f)
        return bind_method(e, f, of, ret);
    if (unsafe)
        return jfail(e, ST_INVALID, "access to attribute '%.*s' of '%s' object is unsafe",
                     (int)name.len, name.ptr, j_type(of));
    if (of.kind == J_LOOP)
        return loop_attr(e, of, name, ret);
    if (of.kind == J_MACRO && slice_is(name, "name"))
        return j_str(e, of.macro->node->name, true, ret);
    struct jval *found = of.kind == J_DICT || of.kind == J_SPACE ? j_dict_find(of.d, name) : NULL;
    if (found) {
        *ret = *found;
        return jstep(e, 1 + of.d->n / 16);
    }
    char *what = arena_printf(e->arena, "'%s%s' has no attribute '%.*s'",
                              of.kind == J_NONE ? "None" : j_type(of),
                              of.kind == J_NONE ? "" : " object",
                              (int)(name.len < 80 ? name.len : 80), name.ptr);
    if (!what)
        return jfail(e, ST_NOMEM, "out of memory");
    *ret = j_undef(what);
    return true;
}
