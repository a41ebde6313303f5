/* lower_stmt.c - blocks, bindings, assignment, loops, if. */
#include <string.h>

#include "compiler/lower.h"

/* ---- blocks ---- */

static bool ends_as_text(const struct node *n)
{
    return n->kind == AST_STMT_EXPR && n->u.inner->kind == AST_EXPR_TEXT &&
           !node_has_hole(n->u.inner);
}

static bool is_statement(const struct node *n)
{
    return n->kind >= AST_STMT_LET && n->kind <= AST_STMT_RETURN;
}

static struct ex last_value(struct low *l, const struct node *n, struct type *want, bool appends)
{
    if (ends_as_text(n)) {
        if (appends && l->is_branch)
            low_diag(l, "W0305", n->span, "this text is the branch's value and is not appended");
        return text_value(l, n->u.inner);
    }
    if (n->kind == AST_STMT_EXPR && n->u.inner->kind != AST_EXPR_TEXT) {
        struct ex e = lower_any(l, n->u.inner, BLOCK_VALUE, want);
        e.none |= e.t->kind == T_NULL && n->u.inner->kind == AST_EXPR_CALL;
        return e;
    }
    lower_stmt(l, n);
    return l->dead ? ex_of(IR_NO, type_plain(T_NEVER), n->span) : ex_none(l, n->span);
}

static void never_reached(struct low *l, const struct node *n)
{
    if (!l->dead || l->dead_said)
        return;
    l->dead_said = true;
    low_diag(l, "W0302", n->span, "this is never reached");
}

struct ex lower_block(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    const struct node_list *list = &n->u.list;
    struct ex r = ex_none(l, n->span);
    if (n->kind != AST_EXPR_BLOCK) {            /* an arm's statement or expression */
        if (mode == BLOCK_VALUE && !is_statement(n))
            return lower_any(l, n, mode, want);
        if (mode == BLOCK_VALUE && n->kind == AST_STMT_EXPR)
            return last_value(l, n, want, false);
        if (is_statement(n) || n->kind == AST_STMT_EXPR)
            lower_stmt(l, n);
        else
            check_unused(l, n, lower_any(l, n, mode, want));
        return l->dead ? ex_of(IR_NO, type_plain(T_NEVER), n->span) : r;
    }
    scope_push(l);
    struct streamed streamed = stream_enter(l, list);
    bool said = l->dead_said;
    for (uint32_t i = 0; i < list->n; i++) {
        never_reached(l, list->at[i]);
        if (mode == BLOCK_VALUE && i + 1 == list->n)
            r = ex_join(l, last_value(l, list->at[i], want, i > 0 && node_appends(n)));
        else
            lower_stmt(l, list->at[i]);
    }
    l->dead_said = said;
    l->streamed = streamed;
    if (!l->dead) {
        if (r.v == IR_NO && r.k == 0 && r.t->kind != T_NEVER)
            r = ex_none(l, n->span);
        scope_cancel(l, l->scope->up, n->span);
    } else {
        r = ex_of(IR_NO, type_plain(T_NEVER), n->span);
    }
    if (list->n && !r.at.len)
        r.at = list->at[list->n - 1]->span;
    scope_pop(l);
    return r;
}

bool is_block_form(const struct node *n)
{
    switch (n->kind) {
    case AST_EXPR_IF: case AST_EXPR_MATCH: case AST_EXPR_SCRATCH: case AST_EXPR_WITH:
    case AST_EXPR_ATTEMPT: case AST_EXPR_TRY: case AST_EXPR_BLOCK:
        return true;
    default:
        return false;
    }
}

struct ex lower_any(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    switch (n->kind) {
    case AST_EXPR_IF:
        return lower_if(l, n, mode, want);
    case AST_EXPR_MATCH:
        return lower_match(l, n, mode, want);
    case AST_EXPR_SCRATCH:
        return lower_scratch(l, n, mode, want);
    case AST_EXPR_WITH:
        return lower_with(l, n, mode, want);
    case AST_EXPR_ATTEMPT:
        return lower_attempt(l, n, mode, want);
    case AST_EXPR_TRY:
        return lower_try(l, n, mode, want);
    case AST_EXPR_BLOCK:
        return lower_block(l, n, mode, want);
    default:
        if (n->kind > AST_EXPR_INDEX) {
            low_diag(l, "E0113", n->span, "%s is not supported here yet", ast_kind_name(n->kind));
            return ex_bad(l, n->span);
        }
        return lower_expr(l, n, want);
    }
}

/* ---- bindings ---- */

static void env_bind(struct low *l, struct name name, struct ex e, bool is_var)
{
    struct comp *c = l->c;
    uint32_t slot = c->env_slots;
    struct binding *old = scope_find(l, name.text);
    if (old && old->kind == BIND_ENV)
        slot = old->v;
    else
        c->env_slots++;
    ir_op1(l, IR_ENV_SET, NULL, ex_value(l, e), slot, name.at);
    struct binding *b = scope_bind(l, name, BIND_ENV, slot, e.t);
    b->is_var = is_var;
    struct env_name *n = comp_push(c, &c->new_name, &c->n_new_name, &c->cap_new_name, sizeof *n);
    *n = (struct env_name){ name.text, slice_of(comp_type_text(c, e.t)), slot, is_var };
}

static bool at_env_top(const struct low *l)
{
    return l->is_script && l->c->opts->env && !l->scope->up;
}

static void bind_one(struct low *l, struct name name, struct ex e, bool is_var)
{
    if (e.t->kind == T_BRANCHES && is_var)
        low_diag(l, "E0503", name.at, "branches cannot be stored in a `var`");
    if (module_find(l->mod, name.text) && !l->c->opts->env)
        low_diag(l, "W0202", name.at, "`%.*s` hides a declaration of this file", (int)name.text.len,
                 name.text.ptr);
    if (at_env_top(l) && e.t->kind != T_BRANCHES) {
        env_bind(l, name, e, is_var);
        return;
    }
    if (is_var) {
        uint32_t var = ir_var_new(l, e.t);
        ir_store(l, var, ex_value(l, e), name.at);
        scope_bind(l, name, BIND_VAR, var, e.t);
        return;
    }
    if (!e.k || e.gen)
        e.v = ex_value(l, e);
    struct binding *b = scope_bind(l, name, BIND_VALUE, e.v, e.t);
    struct span at = b->ex.at;
    b->ex = e;
    b->ex.at = at;
}

static void bind_tuple(struct low *l, const struct node *pat, struct ex e, bool is_var);

static void bind_any(struct low *l, const struct node *pat, struct ex e, bool is_var)
{
    if (pat->kind == AST_PAT_NAME)
        bind_one(l, pat->u.name, e, is_var);
    else if (pat->kind == AST_PAT_TUPLE)
        bind_tuple(l, pat, e, is_var);
    else if (e.t->kind == T_BRANCHES && e.fork)
        ir_op1(l, IR_CANCEL, NULL, ex_value(l, e), 0, e.at);
}

static void bind_tuple(struct low *l, const struct node *pat, struct ex e, bool is_var)
{
    uint32_t n = pat->u.list.n;
    e = ex_join(l, e);
    bool known = e.t->kind == T_TUPLE;
    if (!known && e.t->kind != T_ANY && e.t->kind != T_NEVER)
        low_diag(l, "E0301", pat->span, "a tuple of %u is wanted here, but this is %s", n,
                 comp_type_text(l->c, e.t));
    else if (known && e.t->n != n)
        low_diag(l, "E0301", pat->span, "%u names for a tuple of %u", n, e.t->n);
    uint32_t v = ex_value(l, e);
    for (uint32_t i = 0; i < n; i++) {
        const struct node *p = pat->u.list.at[i];
        struct type *t = known && i < e.t->n ? e.t->elem[i] : type_plain(T_ANY);
        if (p->kind == AST_PAT_WILD)
            continue;
        bind_any(l, p, ex_of(ir_op1(l, IR_ITEM, t, v, i, p->span), t, p->span), is_var);
    }
}

void bind_pattern(struct low *l, const struct node *pat, struct ex e, struct type *declared)
{
    if (declared)
        e = coerce(l, e, declared, e.at);
    bind_any(l, pat, e, false);
}

static bool is_generation(const struct node *n)
{
    while (n->kind == AST_EXPR_PAREN)
        n = n->u.inner;
    return n->kind == AST_EXPR_MODEL;
}

static void let(struct low *l, const struct node *n)
{
    struct type *want = n->u.let.type ? lower_type(l, n->u.let.type) : NULL;
    const struct node *value = n->u.let.value, *pat = n->u.let.pattern;
    struct ex e;
    if (is_generation(value) && pat->kind == AST_PAT_NAME) {
        while (value->kind == AST_EXPR_PAREN)
            value = value->u.inner;
        struct streamed streamed = l->streamed;
        l->streamed.n = n->u.let.is_var ? 0 : streamed.n;
        e = lower_model(l, value, want, pat->u.name.text);
        l->streamed = streamed;
    } else {
        e = lower_any(l, value, BLOCK_VALUE, want);
        if (!is_generation(value))
            e.gen = 0;
    }
    e.at = value->span;
    if (want) {
        uint32_t gen = e.gen, fork = e.fork;
        e = coerce(l, e, want, value->span);
        e.gen = gen;
        e.fork = e.t->kind == T_BRANCHES ? fork : 0;
        if (e.t->kind != T_BRANCHES && e.t->kind != T_NEVER && want->kind != T_ANY)
            e.t = want;
    }
    if (e.t->kind == T_NEVER)
        e.t = type_plain(T_ANY);
    if (e.t->kind == T_NULL && !want && n->u.let.is_var)
        e.t = type_plain(T_NULL);
    if (n->u.let.is_var)        /* a var of a literal's type takes every value of it */
        e.t = (struct type *)(want ? want : type_base(e.t));
    bind_any(l, pat, e, n->u.let.is_var);
}

/* ---- assignment ---- */

static struct binding *root_of(struct low *l, const struct node *n)
{
    while (n->kind == AST_EXPR_MEMBER || n->kind == AST_EXPR_INDEX)
        n = n->kind == AST_EXPR_MEMBER ? n->u.member.object : n->u.index.object;
    return n->kind == AST_EXPR_NAME ? scope_find(l, n->u.name.text) : NULL;
}

bool is_var_path(struct low *l, const struct node *target)
{
    struct binding *b = root_of(l, target);
    return b && (b->kind == BIND_VAR || (b->kind == BIND_ENV && b->is_var));
}

static void note_restore(struct low *l, uint32_t var, uint32_t level)
{
    for (struct attempt_level *a = l->attempt; a && a->level > level; a = a->up) {
        bool known = false;
        for (uint32_t i = 0; i < a->n && !known; i++)
            known = a->var[i] == var;
        if (known)
            continue;
        uint32_t *grown = comp_alloc(l->c, (a->n + 1) * sizeof *grown);
        if (a->n)
            memcpy(grown, a->var, a->n * sizeof *grown);
        grown[a->n++] = var;
        a->var = grown;
    }
}

static void assign_name(struct low *l, const struct node *n, struct ex e, struct span at)
{
    struct slice name = n->u.name.text;
    struct binding *b = scope_find(l, name);
    if (!b) {
        lower_expr(l, n, NULL);
        return;
    }
    if (b->captured) {
        low_diag(l, l->is_branch ? "E0502" : "E0111", n->span, l->is_branch
                 ? "a branch cannot assign `%.*s` of its parent: give the value at its end"
                 : "a lambda has a copy of `%.*s` and cannot assign it", (int)name.len, name.ptr);
        return;
    }
    e = coerce(l, e, b->t, e.at.len ? e.at : at);
    if (b->kind == BIND_ENV && b->is_var) {
        ir_op1(l, IR_ENV_SET, NULL, ex_value(l, e), b->v, at);
    } else if (b->kind == BIND_VAR) {
        note_restore(l, b->v, b->level);
        ir_store(l, b->v, ex_value(l, e), at);
    } else {
        struct diag *d = low_diag(l, "E0111", n->span,
                                  "`%.*s` is bound by `let` and cannot be assigned",
                                  (int)name.len, name.ptr);
        if (d)
            diag_note(l->c->diags, d, "declare it with `var`");
    }
}

static void assign_member(struct low *l, const struct node *t, struct ex e, struct span at)
{
    struct ex o = lower_expr(l, t->u.member.object, NULL);
    struct slice name = t->u.member.name.text;
    struct sdecl *d = o.t->kind == T_STRUCT ? o.t->strct : NULL;
    uint32_t k = 0;
    while (d && k < d->n && !slice_eq(d->field[k].name, name))
        k++;
    if (!d || k == d->n) {
        if (o.t->kind != T_ANY)
            low_diag(l, "E0204", t->u.member.name.at, "%s has no field `%.*s`",
                     comp_type_text(l->c, o.t),
                     (int)name.len, name.ptr);
        return;
    }
    uint32_t v[2] = { ex_value(l, o), ex_value(l, coerce(l, e, d->field[k].type, at)) };
    assign_to(l, t->u.member.object, ex_of(ir_opn(l, IR_PUT_FIELD, o.t, v, 2, k, at), o.t, at), at);
}

static void assign_index(struct low *l, const struct node *t, struct ex e, struct span at)
{
    struct ex o = lower_expr(l, t->u.index.object, NULL);
    struct type *key = NULL, *value = NULL;
    if (o.t->kind == T_LIST) {
        key = type_plain(T_INT);
        value = o.t->elem[0];
    } else if (o.t->kind == T_MAP) {
        key = o.t->elem[0];
        value = o.t->elem[1];
    } else if (o.t->kind != T_ANY && o.t->kind != T_JSON) {
        low_diag(l, "E0111", t->span, "an element of %s cannot be assigned",
                 comp_type_text(l->c, o.t));
        return;
    }
    struct ex i = lower_to(l, t->u.index.index, key);
    uint32_t v[3] = { ex_value(l, o), ex_value(l, i),
                      ex_value(l, value ? coerce(l, e, value, at) : e) };
    assign_to(l, t->u.index.object, ex_of(ir_opn(l, IR_PUT_INDEX, o.t, v, 3, 0, at), o.t, at), at);
}

void assign_to(struct low *l, const struct node *target, struct ex e, struct span at)
{
    switch (target->kind) {
    case AST_EXPR_NAME:
        assign_name(l, target, e, at);
        return;
    case AST_EXPR_MEMBER:
        assign_member(l, target, e, at);
        return;
    case AST_EXPR_INDEX:
        assign_index(l, target, e, at);
        return;
    default:
        low_diag(l, "E0111", target->span, "this cannot be assigned");
    }
}

static struct type *target_type(struct low *l, const struct node *t)
{
    struct binding *b = t->kind == AST_EXPR_NAME ? scope_find(l, t->u.name.text) : root_of(l, t);
    if (!b)
        return NULL;
    if (t->kind == AST_EXPR_NAME)
        return b->t;
    if (t->kind == AST_EXPR_INDEX && t->u.index.object->kind == AST_EXPR_NAME) {
        if (b->t->kind == T_LIST)
            return b->t->elem[0];
        return b->t->kind == T_MAP ? b->t->elem[1] : NULL;
    }
    return NULL;
}

static void assign(struct low *l, const struct node *n)
{
    const struct node *t = n->u.assign.target;
    if (t->kind != AST_EXPR_NAME && t->kind != AST_EXPR_MEMBER && t->kind != AST_EXPR_INDEX) {
        low_diag(l, "E0111", t->span, "this cannot be assigned");
        return;
    }
    struct binding *b = root_of(l, t);
    if (t->kind != AST_EXPR_NAME && b && !b->captured && !is_var_path(l, t)) {
        low_diag(l, "E0111", t->span, "`%.*s` is bound by `let`: a part of it cannot be assigned",
                 (int)b->name.len, b->name.ptr);
        return;
    }
    struct type *want = target_type(l, t);
    struct ex e;
    if (n->u.assign.op == ASSIGN_SET) {
        e = ex_join(l, lower_any(l, n->u.assign.value, BLOCK_VALUE, want));
        e.at = n->u.assign.value->span;
    } else {
        struct ex a = lower_expr(l, t, NULL);
        struct ex v = lower_expr(l, n->u.assign.value, a.t->kind == T_LIST ? a.t : NULL);
        v.at = n->u.assign.value->span;
        e = lower_binary_values(l, n->u.assign.op == ASSIGN_ADD ? BIN_ADD : BIN_SUB, a, v, n->span);
    }
    assign_to(l, t, e, n->span);
}

/* ---- statements ---- */

static bool may_be_lost(const struct node *n)
{
    switch (n->kind) {
    case AST_EXPR_MODEL:
        return n->u.model.op == MODEL_GEN || n->u.model.op == MODEL_SELECT;
    case AST_EXPR_JOIN:
        return true;
    case AST_EXPR_PAREN:
        return may_be_lost(n->u.inner);
    default:
        return is_block_form(n);
    }
}

/* xs.push(v) as a statement, in a branch, on a variable of its parent. */
static bool pushes_to_parent(struct low *l, const struct node *n)
{
    if (!l->is_branch || n->kind != AST_EXPR_CALL || n->u.call.callee->kind != AST_EXPR_MEMBER ||
        !slice_is(n->u.call.callee->u.member.name.text, "push"))
        return false;
    const struct node *o = n->u.call.callee->u.member.object;
    struct binding *b = root_of(l, o);
    if (!b || !b->was_var)
        return false;
    low_diag(l, "E0502", o->span,
             "a branch cannot change `%.*s` of its parent: give the value at its end",
             (int)b->name.len, b->name.ptr);
    return true;
}

void check_unused(struct low *l, const struct node *n, struct ex e)
{
    if (e.t->kind == T_BRANCHES) {
        low_diag(l, "W0501", n->span, "these branches are never joined");
        ir_op1(l, IR_CANCEL, NULL, ex_value(l, e), 0, n->span);
        return;
    }
    if (e.t->kind == T_NULL || e.t->kind == T_NEVER || e.t->kind == T_ANY || may_be_lost(n))
        return;
    if (pushes_to_parent(l, n))
        return;
    struct diag *d = low_diag(l, "E0311", n->span, "the value of this is not used");
    if (d)
        diag_note(l->c->diags, d, "`let _ = ...` discards it on purpose");
}

/* A scratch ends in a generation that nobody reads: its text is forgotten too. */
static void scratch_unused(struct low *l, const struct node *n)
{
    const struct node_list *list = n->kind == AST_EXPR_SCRATCH ? &n->u.scratch.body->u.list : NULL;
    const struct node *last = list && list->n ? list->at[list->n - 1] : NULL;
    if (last && last->kind == AST_STMT_EXPR && is_generation(last->u.inner))
        low_diag(l, "W0303", (struct span){ n->span.off, 7 },
                 "the value of this `scratch` is not used");
}

static void expr_stmt(struct low *l, const struct node *n)
{
    if (n->kind == AST_EXPR_TEXT) {
        append_template(l, n);
        return;
    }
    scratch_unused(l, n);
    check_unused(l, n, lower_any(l, n, BLOCK_STMT, NULL));
}

void leave_to(struct low *l, struct ctl *until, struct span at)
{
    struct ctl *saved = l->ctl;
    for (struct ctl *c = l->ctl; c && c != until; c = c->up) {
        if (c->kind == CTL_TRY)
            ir_add(l, IR_TRY_LEAVE, at);
        else if (c->kind == CTL_SCOPE)
            ir_add(l, IR_SCOPE_POP, at);
        else if (c->kind == CTL_ATTEMPT)
            ir_add(l, IR_ATTEMPT_COMMIT, at);
        else if (c->kind == CTL_ROLE)
            ir_ctx(l, IR_TURN_CLOSE, at);
        else if (c->kind == CTL_FINALLY) {
            l->ctl = c->up;             /* a jump inside it leaves from there */
            lower_block(l, c->finally, BLOCK_STMT, NULL);
            l->ctl = saved;
        }
    }
}

static void jump(struct low *l, const struct node *n)
{
    struct ctl *c = l->ctl;
    while (c && c->kind != CTL_LOOP && c->kind != CTL_PART)
        c = c->up;
    if (!c || c->kind == CTL_PART) {
        low_diag(l, l->is_branch ? "E0507" : "E0103", n->span, l->is_branch
                 ? "`%s` cannot leave a branch" : "`%s` stands outside a loop",
                 n->kind == AST_STMT_BREAK ? "break" : "continue");
        return;
    }
    struct kctx k = l->k;
    leave_to(l, c, n->span);
    scope_cancel(l, c->scope, n->span);
    ir_br(l, n->kind == AST_STMT_BREAK ? c->brk : c->cont, n->span);
    l->k = k;
    l->dead = true;
}

static void ret(struct low *l, const struct node *n)
{
    struct ctl *part = l->ctl;
    while (part && part->kind != CTL_PART)
        part = part->up;
    if (l->is_branch && !part) {
        low_diag(l, "E0507", n->span,
                 "`return` cannot leave a branch: its last expression is its value");
        return;
    }
    struct type *want = part ? part->result : l->result;
    bool none = want && want->kind == T_NULL;
    struct ex e = n->u.inner ? ex_join(l, lower_any(l, n->u.inner, BLOCK_VALUE, none ? NULL : want))
                             : ex_null(l, n->span);
    if (e.t->kind == T_NEVER)
        return;
    if (want)
        e = coerce(l, e, want, n->u.inner ? n->u.inner->span : n->span);
    uint32_t v = ex_value(l, e);
    e.v = v;
    struct kctx k = l->k;
    leave_to(l, part, n->span);
    if (part) {
        scope_cancel(l, part->scope, n->span);
        meet_way(l, part->meet, e, n->span);
    } else {
        scope_cancel(l, NULL, n->span);
        ir_op1(l, IR_RET, NULL, v, 0, n->span);
        if (!want)
            l->found = l->found ? type_common(&l->c->arena, l->found, e.t) : e.t;
    }
    l->k = k;
    l->dead = true;
}

void loop_begin(struct low *l, struct loop *p, struct span at)
{
    *p = (struct loop){ .ctl = { .up = l->ctl, .kind = CTL_LOOP, .scope = l->scope }, .phi = IR_NO };
    p->head = ir_block_new(l);
    p->out = ir_block_new(l);
    p->ctl.brk = p->out;
    p->ctl.cont = p->head;
    p->region = ir_region_open(l);
    ir_block(l, p->head, at);
    p->entry = l->k.token;
    if (l->k.chain != IR_NO) {
        p->phi = l->f->n_insn;
        ir_phi(l, p->entry, IR_NO, at);
    }
    l->ctl = &p->ctl;
}

void loop_end(struct low *l, struct loop *p, struct span at)
{
    l->ctl = p->ctl.up;
    if (p->phi != IR_NO)
        l->f->insn[p->phi].label = l->k.token;
    ir_br(l, p->head, at);
    ir_region_close(l, p->region);
    ir_block(l, p->out, at);
    if (p->phi != IR_NO)
        ir_phi(l, l->f->insn[p->phi].kout, l->k.token, at);
    l->dead = false;
}

static void for_loop(struct low *l, const struct node *n)
{
    const struct node *list = n->u.loop.list;
    if (list->kind == AST_EXPR_UNARY && list->u.unary.op == UN_STREAM) {
        lower_stream(l, n);
        return;
    }
    struct ex e = lower_any(l, list, BLOCK_VALUE, NULL);
    struct type *t = iter_type(l, &e, list->span);
    uint32_t it = ir_op1(l, IR_ITER, type_plain(T_ANY), ex_value(l, e), 0, list->span);
    struct loop p;
    loop_begin(l, &p, n->span);
    uint32_t v = ir_value_new(l, t);
    struct ir_insn *i = ir_add(l, IR_NEXT, list->span);
    i->dst = v;
    i->label = p.out;
    ir_args(l, i, &it, 1);
    ir_block(l, ir_block_new(l), n->span);
    scope_push(l);
    bind_pattern(l, n->u.loop.pattern, ex_of(v, t, n->u.loop.pattern->span), NULL);
    lower_block(l, n->u.loop.body, BLOCK_STMT, NULL);
    scope_pop(l);
    loop_end(l, &p, n->span);
}

static void while_loop(struct low *l, const struct node *n)
{
    struct loop p;
    const struct node *cond = n->u.loop.list;
    loop_begin(l, &p, n->span);
    uint32_t v = lower_cond(l, cond);
    ir_branch(l, IR_BR_FALSE, v, p.out, cond->span);
    ir_block(l, ir_block_new(l), n->span);
    scope_push(l);
    narrow(l, cond, true);
    lower_block(l, n->u.loop.body, BLOCK_STMT, NULL);
    scope_pop(l);
    loop_end(l, &p, n->span);
}

void lower_stmt(struct low *l, const struct node *n)
{
    switch (n->kind) {
    case AST_STMT_LET:
        let(l, n);
        break;
    case AST_STMT_ASSIGN:
        assign(l, n);
        break;
    case AST_STMT_EXPR:
        expr_stmt(l, n->u.inner);
        break;
    case AST_STMT_EMIT:
        lower_emit(l, n);
        break;
    case AST_STMT_WEIGH:
        low_diag(l, "E0113", n->span, "`weigh` belongs to a later stage");
        break;
    case AST_STMT_ROLE:
        lower_role(l, n);
        break;
    case AST_STMT_FOR:
        for_loop(l, n);
        break;
    case AST_STMT_WHILE:
        while_loop(l, n);
        break;
    case AST_STMT_BREAK:
    case AST_STMT_CONTINUE:
        jump(l, n);
        break;
    case AST_STMT_RETURN:
        ret(l, n);
        break;
    default:
        if (n->kind < AST_STMT_LET)
            expr_stmt(l, n);
        else
            low_diag(l, "E0107", n->span, "a declaration stands at the top level of a file only");
        break;
    }
}

/* ---- if ---- */

struct ex lower_if(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    struct meet m;
    uint32_t other = ir_block_new(l);
    uint32_t cond = lower_cond(l, n->u.cond.cond);
    meet_begin(l, &m, mode == BLOCK_VALUE, want);
    ir_branch(l, IR_BR_FALSE, cond, other, n->u.cond.cond->span);
    ir_block(l, ir_block_new(l), n->span);
    scope_push(l);
    narrow(l, n->u.cond.cond, true);
    struct ex a = lower_block(l, n->u.cond.then, mode, want);
    scope_pop(l);
    bool then_dead = l->dead;
    meet_way(l, &m, a, n->span);
    ir_block(l, other, n->span);
    meet_enter(l, &m);
    if (n->u.cond.other) {
        scope_push(l);
        narrow(l, n->u.cond.cond, false);
        struct ex b = lower_block(l, n->u.cond.other, mode, want);
        scope_pop(l);
        bool else_dead = l->dead;
        meet_way(l, &m, b, n->span);
        struct ex r = meet_end(l, &m, n->span);
        if (else_dead && !then_dead)
            narrow(l, n->u.cond.cond, true);
        else if (then_dead && !else_dead)
            narrow(l, n->u.cond.cond, false);
        return r;
    }
    meet_way(l, &m, ex_none(l, n->span), n->span);
    struct ex r = meet_end(l, &m, n->span);
    if (then_dead)
        narrow(l, n->u.cond.cond, false);
    return r;
}
