/* lower_member.c - members: of contexts, enums, structs and values. */

#include "compiler/suggest.h"

/* ---- contexts ---- */

/* The context a value holds becomes the one in force, until the caller puts `saved` back. */
static struct kctx enter_value(struct low *l, struct ex c, bool write, struct span at)
{
    struct kctx saved = l->k;
    uint32_t v = ex_value(l, c);
    l->k.chain = ir_chain_new(l, v, false);
    l->f->chain[l->k.chain].used = true;
    l->k.role = -1;
    l->k.token = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, write ? IR_ENTER : IR_KPHI, at);
    i->kout = l->k.token;
    i->imm = i->label = IR_NO;
    if (write) {
        i->imm = i->label = 0;
        ir_args(l, i, &v, 1);
    }
    return saved;
}

static uint32_t ctx_result(struct low *l, struct type *t)
{
    uint32_t at = l->f->n_insn - 1;
    uint32_t v = ir_value_new(l, t);
    l->f->insn[at].dst = v;
    return v;
}

static struct ex ctx_query(struct low *l, enum ctx_query q, struct type *t, struct span at)
{
    ir_ctx(l, IR_QUERY, at)->imm = q;
    return ex_of(ctx_result(l, t), t, at);
}

static const struct node *ctx_arg(const struct arg_list *args, const char *name, uint32_t pos)
{
    for (uint32_t i = 0; args && i < args->n; i++)
        if (args->at[i].name.text.len ? slice_is(args->at[i].name.text, name) : i == pos)
            return args->at[i].value;
    return NULL;
}

static void drop_turns(struct low *l, const struct arg_list *args, struct span at)
{
    const struct node *oldest = ctx_arg(args, "oldest", 0), *keep = ctx_arg(args, "keep_system", 1);
    struct ex n = oldest ? lower_to(l, oldest, type_plain(T_INT))
                         : ex_konst(l->c, konst_int(l->c, 1), type_plain(T_INT), at);
    struct ex k = keep ? lower_to(l, keep, type_plain(T_BOOL))
                       : ex_konst(l->c, konst_bool(l->c, true), type_plain(T_BOOL), at);
    uint32_t v[2] = { ex_value(l, n), ex_value(l, k) };
    ir_args(l, ir_ctx(l, IR_DROP_TURNS, at), v, 2);
}

static struct ex ctx_method(struct low *l, const struct node *object, struct ex c, bool here,
                            struct name name, const struct arg_list *args, struct span at)
{
    struct slice s = name.text;
    struct type *ctx = type_plain(T_CONTEXT), *mark = type_plain(T_MARK), *str = type_plain(T_STR);
    if (slice_is(s, "fork")) {
        if (here)
            c = lower_expr(l, object, NULL);
        return here ? c : ex_of(ir_op1(l, IR_CTX_FORK, ctx, ex_value(l, c), 0, at), ctx, at);
    }
    const struct node *arg = ctx_arg(args, "m", 0);
    struct ex m = { 0 };
    bool takes = slice_is(s, "since") || slice_is(s, "rollback");
    if (takes && !arg) {
        low_diag(l, "E0207", at, "`%.*s` needs a mark", (int)s.len, s.ptr);
        return ex_bad(l, at);
    }
    if (takes)
        m = lower_to(l, arg, mark);
    bool write = slice_is(s, "rollback") || slice_is(s, "drop_turns");
    struct kctx saved = l->k;
    if (!here)
        saved = enter_value(l, c, write, at);
    struct ex r = ex_null(l, at);
    uint32_t v = takes ? ex_value(l, m) : IR_NO;
    if (slice_is(s, "mark")) {
        ir_ctx(l, IR_MARK, at);
        r = ex_of(ctx_result(l, mark), mark, at);
    } else if (slice_is(s, "since")) {
        ir_args(l, ir_ctx(l, IR_SINCE, at), &v, 1);
        r = ex_of(ctx_result(l, str), str, at);
    } else if (slice_is(s, "rollback")) {
        ir_args(l, ir_ctx(l, IR_ROLLBACK, at), &v, 1);
    } else if (slice_is(s, "drop_turns")) {
        drop_turns(l, args, at);
    } else {
        low_diag(l, "E0204", name.at, "a context has no method `%.*s`", (int)s.len, s.ptr);
    }
    if (!here)
        l->k = saved;
    return r;
}

static struct type *msg_list(struct low *l)
{
    struct type *t = type_make(&l->c->arena, T_STRUCT, 0);
    if (!t)
        comp_nomem(l->c);
    t->strct = l->c->msg;
    return type_list(&l->c->arena, t);
}

static bool ctx_property(struct low *l, struct slice s, struct span at, struct ex *ret)
{
    static const struct { const char *name; enum ctx_query q; enum type_kind t; bool opt; } row[] = {
        { "tokens", QUERY_TOKENS, T_INT, false }, { "left", QUERY_LEFT, T_INT, false },
        { "text", QUERY_TEXT, T_STR, false }, { "role", QUERY_ROLE, T_STR, true },
        { "model", QUERY_MODEL, T_STR, false },
    };
    if (slice_is(s, "messages")) {
        *ret = ctx_query(l, QUERY_MESSAGES, msg_list(l), at);
        return true;
    }
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (slice_is(s, row[i].name)) {
            struct type *t = type_plain(row[i].t);
            *ret = ctx_query(l, row[i].q, row[i].opt ? type_opt(&l->c->arena, t) : t, at);
            return true;
        }
    return false;
}

/* object is `here`, or NULL with the context in *value */
struct ex member_on_context(struct low *l, const struct node *object, struct ex c, struct name name,
                            const struct arg_list *args, struct span at)
{
    bool here = object && object->kind == AST_EXPR_HERE;
    if (args)
        return ctx_method(l, object, c, here, name, args, at);
    struct kctx saved = l->k;
    if (!here)
        saved = enter_value(l, c, false, at);
    struct ex r;
    bool found = ctx_property(l, name.text, at, &r);
    if (!here)
        l->k = saved;
    if (found)
        return r;
    low_diag(l, "E0204", name.at, "a context has no member `%.*s`", (int)name.text.len,
             name.text.ptr);
    return ex_bad(l, at);
}

struct ex context_member(struct low *l, const struct node *object, struct name name,
                         const struct arg_list *args, struct span at)
{
    return member_on_context(l, object, ex_null(l, at), name, args, at);
}

/* ---- members ---- */

static struct ex enum_member(struct low *l, struct sym *s, struct name name, struct span at)
{
    struct comp *c = l->c;
    struct edecl *d = resolve_enum(c, s);
    struct type *t = type_make(&c->arena, T_ENUM, 0);
    if (!t)
        comp_nomem(c);
    t->enm = d;
    uint32_t rt = rtype_of(c, t);
    bool all = slice_is(name.text, "all");
    uint32_t *item = comp_alloc(c, d->n * sizeof *item + 1);
    for (uint32_t i = 0; i < d->n; i++) {
        if (!all && !slice_eq(d->variant[i].name, name.text))
            continue;
        item[i] = konst_add(c, (struct konst){ .kind = KONST_ENUM, .rtype = rt, .i = i });
        if (!all)
            return ex_konst(c, item[i], t, at);
    }
    if (all)
        return ex_konst(c, konst_items(c, KONST_LIST, 0, item, d->n), type_list(&c->arena, t), at);
    struct suggest near = { .wanted = name.text };
    for (uint32_t i = 0; i < d->n; i++)
        suggest_try(&near, d->variant[i].name);
    struct diag *dg = low_diag(l, "E0204", name.at, "`%.*s` has no variant `%.*s`",
                               (int)d->name.len,
                               d->name.ptr, (int)name.text.len, name.text.ptr);
    suggest_say(&near, c, dg, name.at);
    return ex_bad(l, at);
}

static struct ex by_name(struct low *l, struct ex o, struct slice name, struct type *t,
                         struct span at)
{
    uint32_t k = konst_str(l->c, name);
    return ex_of(ir_op1(l, IR_MEMBER, t, ex_value(l, o), k, at), t, at);
}

static bool struct_member(struct low *l, struct ex o, struct slice name, struct span at,
                          struct ex *ret)
{
    struct sdecl *d = o.t->kind == T_PARTIAL ? o.t->elem[0]->strct : o.t->strct;
    for (uint32_t i = 0; i < d->n; i++) {
        if (!slice_eq(d->field[i].name, name))
            continue;
        struct type *t = d->field[i].type;
        if (o.k && o.t->kind == T_STRUCT && l->c->konst[o.k - 1].kind == KONST_STRUCT)
            *ret = ex_konst(l->c, l->c->konst[o.k - 1].item[i], t, at);
        else if (o.t->kind == T_PARTIAL)
            *ret = by_name(l, o, name, type_opt(&l->c->arena, partial_type(l->c, t)), at);
        else if (!d->sym)
            *ret = by_name(l, o, name, t, at);
        else
            *ret = ex_of(ir_op1(l, IR_FIELD, t, ex_value(l, o), i, at), t, at);
        return true;
    }
    return false;
}

static struct type *plain_member(struct low *l, const struct type *t, struct slice s)
{
    struct comp *c = l->c;
    struct type *str = type_plain(T_STR), *num = type_plain(T_INT), *flt = type_plain(T_FLOAT);
    struct type *opt = type_opt(&c->arena, str);
    switch (t->kind) {
    case T_ERROR:
        if (slice_is(s, "kind") || slice_is(s, "code") || slice_is(s, "message") ||
            slice_is(s, "where") ||
            slice_is(s, "context"))
            return str;
        return slice_is(s, "cause") ? type_opt(&c->arena, type_plain(T_ERROR)) : NULL;
    case T_MATCH:
        if (slice_is(s, "text"))
            return str;
        if (slice_is(s, "groups"))
            return type_list(&c->arena, str);
        return slice_is(s, "start") || slice_is(s, "end") ? num : NULL;
    case T_META:
        if (slice_is(s, "finish"))
            return str;
        if (slice_is(s, "stop") || slice_is(s, "thinking"))
            return opt;
        if (slice_is(s, "logprob"))
            return flt;
        if (slice_is(s, "forced"))
            return num;
        if (slice_is(s, "probs"))
            return type_map(&c->arena, str, flt);
        if (slice_is(s, "tokens")) {
            struct type *tok = type_make(&c->arena, T_STRUCT, 0);
            if (!tok)
                comp_nomem(c);
            tok->strct = c->tok;
            return type_list(&c->arena, tok);
        }
        return NULL;
    case T_CALL:
        return slice_is(s, "name") ? str : slice_is(s, "args") ? type_plain(T_JSON) : NULL;
    case T_ENUM:
        return slice_is(s, "text") || slice_is(s, "name") ? str : NULL;
    case T_DURATION:
        return slice_is(s, "ms") ? num : NULL;
    default:
        return NULL;
    }
}

struct ex member_of(struct low *l, struct ex o, struct name name, struct span at)
{
    struct comp *c = l->c;
    struct slice s = name.text;
    struct ex r;
    enum type_kind kind = type_base(o.t)->kind;
    if (kind == T_CONTEXT)
        return member_on_context(l, NULL, o, name, NULL, at);
    if (kind == T_BRANCHES) {
        int what = slice_is(s, "count") ? BRANCHES_COUNT : slice_is(s,
                                                                    "finished") ? BRANCHES_FINISHED
                   : slice_is(s, "index") ? BRANCHES_INDEX : -1;
        struct type *t = what == BRANCHES_INDEX ? type_list(&c->arena,
                                                            type_plain(T_INT)) : type_plain(T_INT);
        if (what >= 0)
            return ex_of(ir_op1(l, IR_BRANCHES, t, ex_value(l, o), (uint32_t)what, at), t, at);
    }
    if (kind == T_STRUCT || kind == T_PARTIAL)
        if (struct_member(l, o, s, at, &r))
            return r;
    if (kind == T_JSON || kind == T_ANY)
        return by_name(l, o, s, type_plain(kind), at);
    struct type *t = plain_member(l, o.t, s);
    if (t)
        return by_name(l, o, s, t, at);
    if (o.t->kind == T_NEVER)
        return o;
    if (o.t->kind == T_OPT)
        member_of_null(l, o, name, "");
    else if (library_has_method(o.t, s))
        low_diag(l, "E0204", name.at, "`%.*s` is a method: call it with ()", (int)s.len, s.ptr);
    else
        no_member(l, o.t, name);
    return ex_bad(l, at);
}

/* The object may be null, which has no members at all. */
void member_of_null(struct low *l, struct ex o, struct name name, const char *call)
{
    struct diag *d = low_diag(l, "E0305", o.at.len ? o.at : name.at,
                              "this may be null: use `?.%.*s%s`, or test it first",
                              (int)name.text.len,
                              name.text.ptr, call);
    const char *text = l->mod->source->text.ptr;
    if (d && name.at.off && text[name.at.off - 1] == '.')
        diag_edit(l->c->diags, d, (struct span){ name.at.off - 1, 1 }, "?.");
}

/* Names that plain_member knows. */
static void suggest_plain(struct suggest *near, const struct type *t)
{
    static const char *const meta[] = { "finish", "stop", "tokens", "logprob", "forced", "thinking",
                                        "probs" };
    static const char *const error[] = { "kind", "code", "message", "where", "context", "cause" };
    static const char *const match[] = { "text", "groups", "start", "end" };
    for (size_t i = 0; t->kind == T_META && i < sizeof meta / sizeof meta[0]; i++)
        suggest_try(near, slice_of(meta[i]));
    for (size_t i = 0; t->kind == T_ERROR && i < sizeof error / sizeof error[0]; i++)
        suggest_try(near, slice_of(error[i]));
    for (size_t i = 0; t->kind == T_MATCH && i < sizeof match / sizeof match[0]; i++)
        suggest_try(near, slice_of(match[i]));
}

void no_member(struct low *l, const struct type *t, struct name name)
{
    struct suggest near = { .wanted = name.text };
    const struct sdecl *d = t->kind == T_STRUCT ? t->strct : NULL;
    for (uint32_t i = 0; d && i < d->n; i++)
        suggest_try(&near, d->field[i].name);
    suggest_plain(&near, t);
    library_suggest(&near, t);
    struct diag *dg = low_diag(l, "E0204", name.at, "%s has no member `%.*s`",
                               comp_type_text(l->c, t),
                               (int)name.text.len, name.text.ptr);
    suggest_say(&near, l->c, dg, name.at);
}

/* x?.f: null stays null */
struct ex lower_optional(struct low *l, struct ex o, const struct node *n,
                         const struct arg_list *args,
                          struct type *want)
{
    struct meet m;
    uint32_t v = ex_value(l, o), none = ir_block_new(l);
    meet_begin(l, &m, true, NULL);
    ir_branch(l, IR_BR_NULL, v, none, n->span);
    ir_block(l, ir_block_new(l), n->span);
    struct ex some = ex_of(v, type_no_null(o.t), n->span);
    struct name name = args ? n->u.call.callee->u.member.name : n->u.member.name;
    struct ex r = args ? library_method(l, some, name, args, n->span,
                                        want) : member_of(l, some, name, n->span);
    meet_way(l, &m, r, n->span);
    ir_block(l, none, n->span);
    meet_enter(l, &m);
    meet_way(l, &m, ex_null(l, n->span), n->span);
    return meet_end(l, &m, n->span);
}

static bool is_meta_call(const struct node *n)
{
    return n->kind == AST_EXPR_CALL && n->u.call.callee->kind == AST_EXPR_NAME &&
           slice_is(n->u.call.callee->u.name.text, "meta") && n->u.call.args.n == 1;
}

struct ex lower_member(struct low *l, const struct node *n, struct type *want)
{
    const struct node *o = n->u.member.object;
    struct name name = n->u.member.name;
    if (o->kind == AST_EXPR_HERE)
        return context_member(l, o, name, NULL, n->span);
    struct sym *s = path_sym(l, n);
    if (s)
        return sym_value(l, s, n->span, want);
    bool local = o->kind == AST_EXPR_NAME && scope_find(l, o->u.name.text);
    struct sym *os = local ? NULL : path_sym(l, o);
    if (os && os->kind == SYM_ENUM)
        return enum_member(l, os, name, n->span);
    if (os && os->kind == SYM_ALIAS && os->type && os->type->kind == T_ENUM)
        return enum_member(l, os->type->enm->sym, name, n->span);
    if (os && os->kind == SYM_IMPORT) {
        struct suggest near = { .wanted = name.text };
        suggest_syms(&near, os->target);
        if (os->target)
            suggest_say(&near, l->c, low_diag(l, "E0204", name.at, "module `%.*s` has no `%.*s`",
                                              (int)os->name.len, os->name.ptr, (int)name.text.len,
                                              name.text.ptr), name.at);
        return ex_bad(l, n->span);
    }
    if (is_meta_call(o)) {
        bool logprob = slice_is(name.text, "logprob") || slice_is(name.text, "tokens");
        uint32_t v = meta_value(l, o->u.call.args.at[0].value, o->span, logprob);
        return v == IR_NO ? ex_bad(l, n->span) : member_of(l, ex_of(v, type_plain(T_META), o->span),
                                                           name, n->span);
    }
    struct ex e = lower_expr(l, o, NULL);
    if (n->u.member.optional && (e.t->kind == T_OPT || e.t->kind == T_JSON || e.t->kind == T_ANY))
        return lower_optional(l, e, n, NULL, want);
    return member_of(l, e, name, n->span);
}
