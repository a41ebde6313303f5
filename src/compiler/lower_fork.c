/* lower_fork.c - branches: fork, its body as a function of its own, and the forms of join. */
#include <string.h>

#include "compiler/lower.h"

/* ---- branches ---- */

struct branching {              /* a fork while its body is lowered */
    struct low      in;
    struct ir_func *f;
    uint32_t        index;
};

static void branch_begin(struct low *l, struct branching *b, struct span at)
{
    struct comp *c = l->c;
    b->f = ir_func_new(c, SLICE("branch"), l->mod->source, at, FUNC_BRANCH, &b->index);
    struct low *in = &b->in;
    low_init(in, c, l, b->f, l->mod);
    in->func_index = b->index;
    in->is_branch = true;
    in->is_test = l->is_test;
    in->ctx_code = l->ctx_code;
    in->part_depth = l->part_depth;
    in->part_at = l->part_at;
    in->part_mod = l->part_mod;
    if (l->ctx_code)
        return;
    b->f->ctx = ir_value_new(in, type_plain(T_CONTEXT));
    enter_chain(in, b->f->ctx, false, l->k.role, at);
    b->f->chain[in->k.chain].used = false;
}

static uint32_t branch_param(struct branching *b, struct type *t)
{
    uint32_t v = ir_value_new(&b->in, t);
    *(uint32_t *)comp_push(b->in.c, &b->f->input, &b->f->n_input, &b->f->cap_input, sizeof v) = v;
    return v;
}

static struct ex branch_end(struct low *l, struct branching *b, struct ex r, const uint32_t *head,
                            uint32_t n_head,
                            uint32_t n_forker, struct span at)
{
    struct comp *c = l->c;
    r = ex_join(&b->in, r);
    struct type *t = r.t->kind == T_NEVER ? type_plain(T_ANY) : r.t;
    b->f->out.result = rtype_of(c, t);
    b->f->out.param = arena_array(&c->m->arena, n_forker + 1, sizeof(struct bc_param));
    if (!b->f->out.param)
        comp_nomem(c);
    bool uses = b->f->ctx != IR_NO && b->f->chain[0].used;
    low_end(&b->in, r, at);
    struct bc_param *param = (struct bc_param *)b->f->out.param;
    for (uint32_t i = 0; i < n_forker; i++)
        param[i] = (struct bc_param){ .name = SLICE("x"), .rtype = rtype_of(c, type_plain(T_ANY)),
                                      .fallback = BC_NO_INDEX };

    struct fork_site s = { .func = b->index, .n_forker = n_forker, .uses_ctx = uses, .ctx = BC_NONE,
                           .rtype = rtype_of(c, t), .ordinal = l->n_ordinal++, .at = at,
                           .n_capture = b->f->n_captured, .parallel = BC_NONE };
    uint32_t id = c->n_fork;
    *(struct fork_site *)comp_push(c, &c->fork, &c->n_fork, &c->cap_fork, sizeof s) = s;
    uint32_t n = n_head + b->f->n_captured;
    uint32_t *v = comp_alloc(c, n * sizeof *v + 1);
    if (n_head)
        memcpy(v, head, n_head * sizeof *v);
    if (b->f->n_captured)
        memcpy(v + n_head, b->f->captured, b->f->n_captured * sizeof *v);
    struct ir_insn *i = uses ? ir_ctx(l, IR_FORK, at) : ir_add(l, IR_FORK, at);
    i->imm = id;
    ir_args(l, i, v, n);
    *(uint32_t *)comp_push(c, &l->f->callee, &l->f->n_callee, &l->f->cap_callee, sizeof(uint32_t)) = b->index;
    struct type *bt = type_branches(&c->arena, t);
    if (!bt)
        comp_nomem(c);
    struct ex e = ex_of(ir_set_dst(l, bt), bt, at);
    e.fork = id + 1;
    e.fork_role = (int8_t)l->k.role;
    return e;
}

static void poison(struct low *l, const struct node *pat)
{
    if (pat->kind == AST_PAT_NAME)
        scope_bind(l, pat->u.name, BIND_POISON, 0, type_plain(T_ANY))->quiet = true;
    else if (pat->kind == AST_PAT_TUPLE)
        for (uint32_t i = 0; i < pat->u.list.n; i++)
            poison(l, pat->u.list.at[i]);
}

/* Lists that use no variable of an earlier one are handed over as they are.  False: they do, and
 * nothing has been written. */
static bool lists_apart(struct low *l, const struct node *n, uint32_t *head, struct type **t)
{
    struct comp *c = l->c;
    struct ir_func *f = l->f;
    uint32_t n_insn = f->n_insn, n_region = f->n_region;
    struct kctx k = l->k;
    scope_push(l);
    c->poisoned = false;
    c->quiet += n->u.fork.n > 1;            /* said when it is certain how they are lowered */
    for (uint32_t i = 0; i < n->u.fork.n && !c->poisoned; i++) {
        const struct node *list = n->u.fork.forker[i].list;
        struct ex e = ex_join(l, lower_expr(l, list, NULL));
        t[i] = iter_type(l, &e, list->span);
        head[i] = ex_value(l, e);
        poison(l, n->u.fork.forker[i].pattern);
    }
    c->quiet -= n->u.fork.n > 1;
    scope_pop(l);
    if (!c->poisoned && n->u.fork.n < 2)
        return true;
    bool apart = !c->poisoned;
    c->poisoned = false;
    f->n_insn = n_insn;
    f->n_region = n_region;
    l->k = k;
    for (uint32_t i = 0; i < n->u.fork.n && apart; i++) {
        const struct node *list = n->u.fork.forker[i].list;
        struct ex e = ex_join(l, lower_expr(l, list, NULL));
        t[i] = iter_type(l, &e, list->span);
        head[i] = ex_value(l, e);
    }
    return apart;
}

/* The tuples of dependent lists, made by loops in each other; gives the list of them. */
static uint32_t lists_nested(struct low *l, const struct node *n, struct type **t)
{
    struct comp *c = l->c;
    uint32_t count = n->u.fork.n;
    struct type *any = type_plain(T_ANY), *lt = type_list(&c->arena, any);
    struct loop *loop = comp_alloc(c, count * sizeof *loop);
    uint32_t *v = comp_alloc(c, count * sizeof *v);
    uint32_t out = ir_var_new(l, lt);
    ir_store(l, out, ir_opn(l, IR_LIST, lt, NULL, 0, 0, n->span), n->span);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *list = n->u.fork.forker[i].list;
        struct ex e = ex_join(l, lower_expr(l, list, NULL));
        t[i] = iter_type(l, &e, list->span);
        uint32_t it = ir_op1(l, IR_ITER, any, ex_value(l, e), 0, list->span);
        loop_begin(l, &loop[i], n->span);
        v[i] = ir_value_new(l, t[i]);
        struct ir_insn *next = ir_add(l, IR_NEXT, list->span);
        next->dst = v[i];
        next->label = loop[i].out;
        ir_args(l, next, &it, 1);
        ir_block(l, ir_block_new(l), n->span);
        scope_push(l);
        bind_pattern(l, n->u.fork.forker[i].pattern, ex_of(v[i], t[i], list->span), NULL);
        for (uint32_t b = 0; b < l->scope->n; b++)
            l->scope->b[b]->quiet = true;
    }
    uint32_t two[2] = { ir_load(l, out, n->span), ir_opn(l, IR_TUPLE, any, v, count, 0, n->span) };
    ir_store(l, out, call_native(l, NATIVE_LIST_PUSH, two, 2, lt, n->span), n->span);
    for (uint32_t i = count; i-- > 0;) {
        scope_pop(l);
        loop_end(l, &loop[i], n->span);
    }
    return ir_load(l, out, n->span);
}

struct ex lower_fork(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    uint32_t n_list = n->u.fork.n, n_param = n_list;
    uint32_t *head = comp_alloc(c, (n_list + 1) * sizeof *head);
    struct type **t = comp_alloc(c, (n_list + 1) * sizeof *t);
    bool apart = true;
    if (!n_list)
        head[0] = ex_value(l, lower_to(l, n->u.fork.count, type_plain(T_INT)));
    else if (!(apart = lists_apart(l, n, head, t)))
        head[0] = lists_nested(l, n, t);
    if (!apart)
        n_param = 1;

    struct branching b;
    branch_begin(l, &b, n->span);
    uint32_t *param = comp_alloc(c, (n_list + 1) * sizeof *param);
    for (uint32_t i = 0; i < n_param; i++)
        param[i] = branch_param(&b, apart ? t[i] : type_plain(T_ANY));
    for (uint32_t i = 0; i < n_list; i++) {
        const struct node *pat = n->u.fork.forker[i].pattern;
        uint32_t v = apart ? param[i] : ir_op1(&b.in, IR_ITEM, t[i], param[0], i, pat->span);
        bind_pattern(&b.in, pat, ex_of(v, t[i], pat->span), NULL);
    }
    for (uint32_t i = 0; i < b.in.scope->n; i++)
        b.in.scope->b[i]->forker = true;
    struct ex r = lower_block(&b.in, n->u.fork.body, BLOCK_VALUE, NULL);
    return branch_end(l, &b, r, head, n_param ? n_param : 1, n_param, n->span);
}

/* lower_gen(n: k) is `join fork k { lower_gen() }`. */
struct ex fork_many(struct low *l, const struct node *n, struct type *t, const struct node *count)
{
    struct comp *c = l->c;
    struct arg_list rest = { comp_alloc(c, n->u.model.args.n * sizeof(struct arg)), 0 };
    for (uint32_t i = 0; i < n->u.model.args.n; i++)
        if (!slice_is(n->u.model.args.at[i].name.text, "n"))
            rest.at[rest.n++] = n->u.model.args.at[i];
    uint32_t k = ex_value(l, lower_to(l, count, type_plain(T_INT)));
    struct branching b;
    branch_begin(l, &b, n->span);
    struct ex r = lower_gen(&b.in, NULL, t, SLICE(""), &rest, n->span, IR_GEN);
    return ex_join(l, branch_end(l, &b, r, &k, 1, 0, n->span));
}

/* Parallel attempts: branches, of which the lowest-numbered that passes is kept with its context. */
struct ex fork_attempts(struct low *l, const struct node *n, uint32_t times, uint32_t parallel,
                        struct type *want)
{
    struct comp *c = l->c;
    struct branching b;
    branch_begin(l, &b, n->span);
    struct ex r = ex_join(&b.in, lower_block(&b.in, n->u.attempt.body, BLOCK_VALUE, want));
    if (want && !b.in.dead && r.t->kind != T_NEVER)
        r = coerce(&b.in, r, want, r.at.len ? r.at : n->span);
    struct type *t = r.t;
    struct ex set = branch_end(l, &b, r, &times, 1, 0, n->span);
    struct fork_site *site = &c->fork[set.fork - 1];
    site->parallel = 0;
    site->race = true;
    bool uses = site->uses_ctx;
    struct ir_insn *i = &l->f->insn[l->f->n_insn - 1];
    uint32_t n_arg = i->n_arg, *arg = comp_alloc(c, (n_arg + 1) * sizeof *arg);
    memcpy(arg, i->arg, n_arg * sizeof *arg);
    arg[n_arg] = parallel;
    ir_args(l, i, arg, n_arg + 1);
    uint32_t v = ir_op1(l, IR_JOIN_PASS, t, set.v, 0, n->span);
    if (uses)
        ir_args(l, ir_ctx(l, IR_JOIN_KEEP, n->span), &set.v, 1);
    return ex_of(v, t, n->span);
}

static bool is_first(struct low *l, const struct node *n)
{
    return n->kind == AST_EXPR_NAME && slice_is(n->u.name.text, "first") &&
           !scope_find(l, n->u.name.text) &&
           !path_sym(l, n);
}

/* A lambda takes everything that stands behind it, and so the `catch` that was meant for the join. */
static void warn_catch(struct low *l, const struct node *lambda)
{
    const struct node *body = lambda->u.lambda.body;
    if (body->kind != AST_EXPR_BINARY || body->u.binary.op != BIN_CATCH)
        return;
    struct diag *d = low_diag(l, "W0503", body->span,
                              "this `catch` belongs to the lambda, not to the `join`");
    if (d)
        diag_note(l->c->diags, d, "put the `join` or the lambda in parentheses");
}

/* What `until` asks: fn([T], int) -> bool, or of the list alone.  `any` when it is something else. */
static struct ex predicate(struct low *l, const struct node *n, struct type *list)
{
    struct comp *c = l->c;
    struct type *want = type_make(&c->arena, T_FN, 3), *open = type_make(&c->arena, T_FN, 3);
    if (!want || !open)
        comp_nomem(c);
    want->elem[0] = open->elem[0] = list;
    want->elem[1] = open->elem[1] = type_plain(T_INT);
    want->elem[2] = type_plain(T_BOOL);
    open->elem[2] = type_plain(T_ANY);
    uint32_t errors = c->diags->n_error;
    struct ex p = ex_bad(l, n->span);
    bool lambda = n->kind == AST_EXPR_LAMBDA;
    if (lambda)
        warn_catch(l, n);
    if (lambda && (n->u.lambda.params.n < 1 || n->u.lambda.params.n > 2)) {
        low_diag(l, "E0505", n->span,
                 "a join predicate takes the values so far and the number of branches left");
        return p;
    }
    p = lower_expr(l, n, open);
    if (c->diags->n_error > errors)
        return ex_bad(l, n->span);
    if (type_fits(p.t, want) != FIT_NO &&
        (!lambda || type_fits(p.t->elem[p.t->n - 1], want->elem[2]) != FIT_NO))
        return p;
    low_diag(l, "E0505", n->span, "a join predicate is fn(%s, int) -> bool, and this is %s",
             comp_type_text(c, list), comp_type_text(c, p.t));
    return ex_bad(l, n->span);
}

/* A race: after each success the predicate says whether the others are cancelled. */
static struct ex join_until(struct low *l, const struct node *n, struct ex b, struct type *list)
{
    struct comp *c = l->c;
    struct type *boolean = type_plain(T_BOOL);
    struct span at = n->span;
    if (b.fork)
        c->fork[b.fork - 1].race = true;
    bool first = is_first(l, n->u.join.until);
    struct ex p = { 0 };
    uint32_t v = ex_value(l, b), var = ir_var_new(l, list);
    if (!first) {
        p = predicate(l, n->u.join.until, list);
        if (p.t->kind == T_ANY)
            return ex_bad(l, at);
        p.v = ex_value(l, p);
    }
    uint32_t head = ir_block_new(l), none = ir_block_new(l), end = ir_block_new(l);
    uint32_t region = ir_region_open(l);
    ir_block(l, head, at);
    uint32_t done = ir_var_new(l, list), left = ir_value_new(l, type_plain(T_INT));
    struct ir_insn *i = ir_add(l, IR_JOIN_NEXT, at);
    i->dst = done;
    i->dst2 = left;
    i->label = none;
    ir_args(l, i, &v, 1);
    ir_block(l, ir_block_new(l), at);
    if (!first) {
        uint32_t arg[3] = { p.v, ir_load(l, done, at), left };
        uint32_t r = ir_opn(l, IR_CALL_VALUE, boolean, arg, 3, 2, at);
        ir_branch(l, IR_BR_FALSE, r, head, at);
        ir_block(l, ir_block_new(l), at);
    }
    uint32_t stop = ir_op1(l, IR_JOIN_STOP, list, v, 0, at);
    ir_store(l, var, stop, at);
    ir_br(l, end, at);
    ir_block(l, none, at);
    ir_store(l, var, ir_load(l, done, at), at);
    ir_region_close(l, region);
    ir_block(l, end, at);
    return ex_of(ir_load(l, var, at), list, at);
}

static const char *turn_text(int role)
{
    static const char *const text[] = { "inside a `system` turn", "inside a `user` turn",
                                        "inside an `assistant` turn", "inside a `tool` turn" };
    return role < 0 ? "outside a turn" : text[role & 3];
}

/* What branches wrote belongs where they began: `join as text` stands in the same turn state. */
static void roles_differ(struct low *l, int fork_role, struct span at)
{
    struct diag *d = low_diag(l, "E0506", at,
                              "`as text` stands %s, and the branches were forked %s",
                              turn_text(l->k.role), turn_text(fork_role));
    if (d)
        diag_note(l->c->diags, d, "join them where they were forked, or `join` without `as text` and append the values");
}

struct ex lower_join(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    (void)want;
    struct ex b = lower_expr(l, n->u.join.branches, NULL);
    if (b.t->kind == T_ANY)
        return b;
    if (b.t->kind != T_BRANCHES) {
        low_diag(l, "E0301", n->u.join.branches->span, "`join` takes branches, and this is %s",
                 comp_type_text(c, b.t));
        return ex_bad(l, n->span);
    }
    b.v = ex_value(l, b);
    struct type *list = type_list(&c->arena, b.t->elem[0]);
    if (!list)
        comp_nomem(c);
    struct ex r = n->u.join.until ? join_until(l, n, b, list)
                                  : ex_of(ir_op1(l, IR_JOIN, list, b.v, 0, n->span), list, n->span);
    if (n->u.join.as_text) {
        if (b.fork && b.fork_role != l->k.role)
            roles_differ(l, b.fork_role, n->span);
        ir_args(l, ir_ctx(l, IR_JOIN_TEXT, n->span), &b.v, 1);
        if (b.fork && !c->fork[b.fork - 1].uses_ctx)
            low_diag(l, "W0502", n->span, "these branches append nothing");
    }
    return r;
}
