/* lower_scope.c - copies, other contexts, settings, attempts: forms that hold for what runs inside. */
#include <string.h>

#include "compiler/lower.h"

/* ---- copies and other contexts ---- */

struct ex lower_scratch(struct low *l, const struct node *n, enum block_mode mode,
                        struct type *want)
{
    int role = l->k.role;
    ir_ctx(l, IR_SCRATCH, n->span);
    uint32_t h = ir_set_dst(l, type_plain(T_CONTEXT));
    struct kctx saved = enter_chain(l, h, true, role, n->span);
    struct ex r = ex_join(l, lower_block(l, n->u.scratch.body, mode, want));
    if (mode == BLOCK_VALUE && !l->dead && r.t->kind != T_NEVER && !r.k)
        r.v = ex_value(l, r);
    if (!l->dead)
        ir_ctx(l, IR_DROP, n->span);
    l->k = saved;
    r.gen = 0;
    return r;
}

static enum scope_kind setting_kind(struct low *l, const struct node *n, bool *ret_is)
{
    static const struct { const char *name; enum scope_kind kind; } row[] = {
        { "sampling", SCOPE_SAMPLING }, { "seed", SCOPE_SEED }, { "budget", SCOPE_BUDGET },
        { "concurrency", SCOPE_CONCURRENCY }, { "mock", SCOPE_MOCK }, { "stub", SCOPE_STUB },
        { "model", SCOPE_MODEL }, { "lora", SCOPE_MODEL },
    };
    *ret_is = false;
    if (n->kind != AST_EXPR_CALL || n->u.call.callee->kind != AST_EXPR_NAME)
        return SCOPE_SAMPLING;
    struct slice name = n->u.call.callee->u.name.text;
    if (scope_find(l, name) || module_find(l->mod, name))
        return SCOPE_SAMPLING;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (slice_is(name, row[i].name)) {
            *ret_is = true;
            return row[i].kind;
        }
    return SCOPE_SAMPLING;
}

static void push_scope(struct low *l, struct scope_site *s, const struct site_arg *arg,
                       uint32_t n_arg,
                       const uint32_t *v, uint32_t n_v)
{
    struct comp *c = l->c;
    struct site_arg *copy = arena_array(&c->m->arena, n_arg ? n_arg : 1, sizeof *copy);
    if (!copy)
        comp_nomem(c);
    if (n_arg)
        memcpy(copy, arg, n_arg * sizeof *copy);
    s->arg = copy;
    s->n_arg = n_arg;
    uint32_t id = c->n_scope;
    *(struct scope_site *)comp_push(c, &c->scope, &c->n_scope, &c->cap_scope, sizeof *s) = *s;
    struct ir_insn *i = ir_add(l, IR_SCOPE_PUSH, s->at);
    i->imm = id;
    ir_args(l, i, v, n_v);
}

static void budget(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    static const struct { const char *name; enum site_arg_kind kind; enum type_kind type; } row[] = {
        { "tokens", ARG_TOKENS, T_INT }, { "time", ARG_TIME, T_DURATION },
            { "calls", ARG_CALLS, T_INT },
    };
    struct site_arg arg[3];
    uint32_t v[3], n = 0;
    for (uint32_t i = 0; i < args->n && n < 3; i++) {
        int k = -1;
        for (int r = 0; r < 3; r++)
            if (slice_is(args->at[i].name.text, row[r].name))
                k = r;
        if (k < 0) {
            low_diag(l, "E0206", args->at[i].value->span, "`budget` takes tokens, time and calls");
            continue;
        }
        struct ex e = lower_to(l, args->at[i].value, type_plain(row[k].type));
        if (e.k && l->c->konst[e.k - 1].i < 0)
            low_diag(l, "E0702", args->at[i].value->span, "a budget is not negative");
        arg[n].kind = row[k].kind;
        v[n++] = ex_value(l, e);
    }
    push_scope(l, s, arg, n, v, n);
}

static void sampling(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct site t = { .g = { .at = s->at } };
    site_args(l, &t, args, false, "sampling");
    if (t.n_count)
        low_diag(l, "E0412", t.n_at, "`n` is no default: it stands at a `gen`");
    if (t.has_by)
        low_diag(l, "E0416", t.by_at, "`by` is no default: it stands at a `select` or `score`");
    push_scope(l, s, t.arg, t.n, t.v, t.n);
}

static void stub(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct sym *f = args->n == 2 ? path_sym(l, args->at[0].value) : NULL;
    if (!f || (f->kind != SYM_FN && f->kind != SYM_EXTERN)) {
        low_diag(l, "E0301", s->at, "`stub` takes a function or extern, and what replaces it");
        return;
    }
    struct type *t = type_of_func(l->c, f);
    s->stub_func = f->kind == SYM_FN ? func_of(l->c, f) : BC_NO_INDEX;
    s->stub_ext = f->kind == SYM_EXTERN ? extern_of(l->c, f) : BC_NO_INDEX;
    uint32_t v = ex_value(l, lower_to(l, args->at[1].value, t));
    push_scope(l, s, NULL, 0, &v, 1);
}

static void mock(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct comp *c = l->c;
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", s->at, "`mock` takes a list, a map or a lambda");
        return;
    }
    const struct node *a = args->at[0].value;
    struct type *any = type_plain(T_ANY), *want = NULL;
    if (a->kind == AST_EXPR_LIST)
        want = type_list(&c->arena, any);
    else if (a->kind == AST_EXPR_MAP)
        want = type_map(&c->arena, type_plain(T_STR), any);
    else if (a->kind == AST_EXPR_LAMBDA && (want = type_make(&c->arena, T_FN, 2))) {
        want->elem[0] = type_plain(T_STR);
        want->elem[1] = any;
    }
    uint32_t v = ex_value(l, lower_expr(l, a, want));
    push_scope(l, s, NULL, 0, &v, 1);
}

static bool push_setting(struct low *l, const struct node *n, enum scope_kind kind,
                         const struct node *body)
{
    const struct arg_list *args = &n->u.call.args;
    struct scope_site s = { .kind = kind, .value = BC_NONE, .stub_func = BC_NO_INDEX,
                            .stub_ext = BC_NO_INDEX,
                            .at = n->span };
    if ((kind == SCOPE_MOCK || kind == SCOPE_STUB) && !l->is_test) {
        low_diag(l, "E0802", n->span, "`mock` and `stub` stand in tests only");
        return false;
    }
    uint32_t before = l->c->n_scope;
    struct site_arg arg = { kind == SCOPE_SEED ? ARG_SEED : ARG_COUNT, 0 };
    switch (kind) {
    case SCOPE_SAMPLING:
        sampling(l, args, &s);
        break;
    case SCOPE_BUDGET:
        budget(l, args, &s);
        break;
    case SCOPE_MOCK:
        mock_gather(l, args, body);
        mock(l, args, &s);
        break;
    case SCOPE_STUB:
        stub(l, args, &s);
        break;
    case SCOPE_MODEL:
        low_diag(l, "E0113", n->span, "this setting belongs to a later stage");
        break;
    default:
        if (args->n != 1) {
            low_diag(l, args->n ? "E0208" : "E0207", n->span, "this setting takes one number");
        } else {
            struct ex e = lower_to(l, args->at[0].value, type_plain(T_INT));
            if (e.k && l->c->konst[e.k - 1].i < (kind == SCOPE_SEED ? 0 : 1))
                low_diag(l, "E0702", args->at[0].value->span, kind == SCOPE_SEED
                         ? "a seed is not negative" : "at least one thing runs at a time");
            uint32_t v = ex_value(l, e);
            push_scope(l, &s, &arg, 1, &v, 1);
        }
        break;
    }
    return l->c->n_scope > before && l->f->insn[l->f->n_insn - 1].op == IR_SCOPE_PUSH;
}

/* A context reached through a name of the function around the branch, or a variable of the fork. */
static bool belongs_to_parent(struct low *l, const struct node *n)
{
    while (n->kind == AST_EXPR_MEMBER)
        n = n->u.member.object;
    struct binding *b = n->kind == AST_EXPR_NAME ? scope_find(l, n->u.name.text) : NULL;
    return b && l->is_branch && (b->captured || b->forker);
}

/* A call of a name that is nothing at all is meant as a setting. */
static bool unknown_setting(struct low *l, const struct node *n)
{
    if (n->kind != AST_EXPR_CALL || n->u.call.callee->kind != AST_EXPR_NAME)
        return false;
    const struct node *callee = n->u.call.callee;
    struct slice name = callee->u.name.text;
    if (scope_find(l, name) || path_sym(l, callee) || library_has(name))
        return false;
    struct diag *d = low_diag(l, "E0701", callee->span, "`%.*s` is not a setting", (int)name.len,
                              name.ptr);
    if (d)
        diag_note(l->c->diags, d,
                  "settings are sampling, seed, budget, concurrency; in tests also mock and stub");
    return true;
}

struct ex lower_with(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    struct kctx saved = l->k;
    struct ctl *ctl = comp_alloc(l->c, (n->u.with.subject.n + 1) * sizeof *ctl), *outer = l->ctl;
    uint32_t pushed = 0;
    bool entered = false;
    for (uint32_t i = 0; i < n->u.with.subject.n; i++) {
        const struct node *s = n->u.with.subject.at[i];
        bool is;
        enum scope_kind kind = setting_kind(l, s, &is);
        if (is) {
            if (push_setting(l, s, kind, n->u.with.body)) {
                ctl[pushed] = (struct ctl){ .up = l->ctl, .kind = CTL_SCOPE };
                l->ctl = &ctl[pushed++];
            }
            continue;
        }
        if (unknown_setting(l, s))
            continue;
        struct ex c = lower_expr(l, s, type_plain(T_CONTEXT));
        if (c.t->kind != T_CONTEXT && c.t->kind != T_ANY) {
            low_diag(l, "E0701", s->span, "`with` takes settings and a context, and this is %s",
                     comp_type_text(l->c, c.t));
            continue;
        }
        if (entered) {
            low_diag(l, "E0508", s->span, "one `with` takes at most one context");
            continue;
        }
        entered = true;
        if (belongs_to_parent(l, s))
            low_diag(l, "E0501", s->span,
                     "this context belongs to another branch: use `.fork()` of it");
        uint32_t v = ex_value(l, c);
        ir_op1(l, IR_ENTER, NULL, v, 0, s->span);
        enter_chain(l, v, false, -1, s->span);
    }
    struct ex r = ex_join(l, lower_block(l, n->u.with.body, mode, want));
    if (mode == BLOCK_VALUE && want && !l->dead && r.t->kind != T_NEVER)
        r = coerce(l, r, want, r.at.len ? r.at : n->span);
    l->ctl = outer;
    if (!l->dead) {
        if (mode == BLOCK_VALUE && r.t->kind != T_NEVER)
            r.v = ex_value(l, r);
        for (uint32_t i = 0; i < pushed; i++)
            ir_add(l, IR_SCOPE_POP, n->span);
    }
    if (entered)
        l->k = saved;
    r.gen = 0;
    return r;
}

/* ---- attempts ---- */

static struct ex attempt_arg(struct low *l, const struct arg *a, enum site_arg_kind *ret_kind)
{
    struct comp *c = l->c;
    struct type *fn;
    if (!a->name.text.len || slice_is(a->name.text, "n")) {
        *ret_kind = ARG_TIMES;
        struct ex e = lower_to(l, a->value, type_plain(T_INT));
        if (e.k && c->konst[e.k - 1].i < 1)
            low_diag(l, "E0411", a->value->span, "at least one attempt");
        return e;
    }
    if (slice_is(a->name.text, "parallel")) {
        *ret_kind = ARG_PARALLEL;
        return lower_to(l, a->value, type_plain(T_BOOL));
    }
    if (!slice_is(a->name.text, "feedback"))
        low_diag(l, "E0206", a->name.at, "`attempt` has no argument `%.*s`", (int)a->name.text.len,
                 a->name.text.ptr);
    *ret_kind = ARG_FEEDBACK;
    if (a->value->kind != AST_EXPR_LAMBDA)
        return lower_to(l, a->value, type_plain(T_BOOL));
    fn = type_make(&c->arena, T_FN, 2);
    if (!fn)
        comp_nomem(c);
    fn->elem[0] = fn->elem[1] = type_plain(T_STR);
    return lower_to(l, a->value, fn);
}

/* Without `parallel`, or with `parallel: false`, the body stays in this function. */
struct ex lower_attempt(struct low *l, const struct node *n, enum block_mode mode,
                        struct type *want)
{
    struct comp *c = l->c;
    struct site_arg arg[ARG_KIND_N];
    uint32_t v[ARG_KIND_N], n_arg = 0;
    uint32_t times = IR_NO, parallel = IR_NO;
    struct span feedback = { 0, 0 };
    for (uint32_t i = 0; i < n->u.attempt.args.n && n_arg < 4; i++) {
        enum site_arg_kind kind;
        struct ex e = attempt_arg(l, &n->u.attempt.args.at[i], &kind);
        if (kind == ARG_PARALLEL) {
            if (!e.k || c->konst[e.k - 1].i)
                parallel = ex_value(l, e);
            continue;
        }
        if (kind == ARG_FEEDBACK &&
            !(e.k && c->konst[e.k - 1].kind == KONST_BOOL && !c->konst[e.k - 1].i))
            feedback = n->u.attempt.args.at[i].name.at;
        arg[n_arg].kind = kind;
        v[n_arg] = ex_value(l, e);
        if (kind == ARG_TIMES)
            times = v[n_arg];
        n_arg++;
    }
    if (parallel != IR_NO && feedback.len)
        low_diag(l, "E0411", feedback, "parallel attempts have no feedback: none sees another");
    if (parallel != IR_NO && times != IR_NO)
        return fork_attempts(l, n, times, parallel, mode == BLOCK_VALUE ? want : NULL);
    struct attempt_site site = { .n_arg = n_arg, .ctx = BC_NONE, .ordinal = l->n_ordinal++,
                                 .at = n->span };
    site.arg = arena_dup(&c->m->arena, arg, (n_arg + 1) * sizeof *arg);
    if (!site.arg)
        comp_nomem(c);
    uint32_t id = c->n_attempt;
    *(struct attempt_site *)comp_push(c, &c->attempt, &c->n_attempt, &c->cap_attempt, sizeof site) = site;

    struct meet m;
    uint32_t region = ir_region_open(l);
    meet_begin(l, &m, mode == BLOCK_VALUE, want);
    uint32_t enter = l->f->n_insn;
    struct ir_insn *i = ir_add(l, IR_ATTEMPT_ENTER, n->span);
    i->imm = id;
    i->label = m.end;
    i->kin = l->k.chain != IR_NO ? l->k.token : IR_NO;
    struct attempt_level level = { .up = l->attempt, .level = l->n_attempt + 1 };
    struct ctl ctl = { .up = l->ctl, .kind = CTL_ATTEMPT };
    l->attempt = &level;
    l->n_attempt++;
    l->ctl = &ctl;
    ir_block(l, ir_block_new(l), n->span);
    struct ex r = ex_join(l, lower_block(l, n->u.attempt.body, mode, want));
    if (!l->dead) {
        if (mode == BLOCK_VALUE && want)
            r = coerce(l, r, want, r.at.len ? r.at : n->span);
        if (mode == BLOCK_VALUE)
            r.v = ex_value(l, r);
        ir_add(l, IR_ATTEMPT_COMMIT, n->span);
    }
    l->ctl = ctl.up;
    l->attempt = level.up;
    l->n_attempt--;
    meet_way(l, &m, r, n->span);
    ir_region_close(l, region);
    uint32_t *all = comp_alloc(c, (n_arg + level.n) * sizeof *all + 1);
    memcpy(all, v, n_arg * sizeof *all);
    if (level.n)
        memcpy(all + n_arg, level.var, level.n * sizeof *all);
    ir_args(l, &l->f->insn[enter], all, n_arg + level.n);
    return meet_end(l, &m, n->span);
}
