/* lower_value.c - what an expression has become, how it is made to fit, and values where ways meet. */

#include "compiler/lower.h"

/* ---- what an expression has become ---- */

struct ex ex_of(uint32_t v, struct type *t, struct span at)
{
    return (struct ex){ .v = v, .t = t, .at = at };
}

struct ex ex_konst(struct comp *c, uint32_t k, struct type *t, struct span at)
{
    (void)c;
    return (struct ex){ .v = IR_NO, .k = k + 1, .t = t, .at = at };
}

struct ex ex_null(struct low *l, struct span at)
{
    return ex_konst(l->c, konst_null(l->c), type_plain(T_NULL), at);
}

struct ex ex_none(struct low *l, struct span at)
{
    struct ex e = ex_null(l, at);
    e.none = true;
    return e;
}

/* What stands for an expression that is wrong: fits anywhere. */
struct ex ex_bad(struct low *l, struct span at)
{
    return ex_of(ex_value(l, ex_null(l, at)), type_plain(T_ANY), at);
}

uint32_t ex_value(struct low *l, struct ex e)
{
    if (e.v != IR_NO)
        return e.v;
    uint32_t v = ir_op0(l, IR_CONST, e.t, e.at);
    l->f->insn[l->f->n_insn - 1].imm = e.k ? e.k - 1 : konst_null(l->c);
    return v;
}

struct ex ex_join(struct low *l, struct ex e)
{
    if (e.t->kind != T_BRANCHES)
        return e;
    struct type *t = type_list(&l->c->arena, e.t->elem[0]);
    if (!t)
        comp_nomem(l->c);
    return ex_of(ir_op1(l, IR_JOIN, t, ex_value(l, e), 0, e.at), t, e.at);
}

bool type_is_open(const struct type *t)
{
    if (t->kind == T_VAR)
        return true;
    for (uint32_t i = 0; i < t->n; i++)
        if (type_is_open(t->elem[i]))
            return true;
    return false;
}

bool type_wants_text(const struct type *t)
{
    if (t->kind == T_ENUM)
        return true;
    if (t->kind == T_OPT)
        return type_wants_text(t->elem[0]);
    if (t->kind != T_UNION)
        return t->kind == T_LIT && t->lit == T_STR;
    for (uint32_t i = 0; i < t->n; i++)
        if (!type_wants_text(t->elem[i]))
            return false;
    return true;
}

/* A value that a call could turn into what is wanted; a literal is better written otherwise. */
static void suggest_conversion(struct low *l, struct diag *d, struct ex e, const struct type *want,
                               struct span at)
{
    const char *to = want->kind == T_INT ? "int" : want->kind == T_FLOAT ? "float"
                   : want->kind == T_STR ? "str" : NULL;
    const struct type *from = type_base(e.t);
    bool plain = from->kind == T_INT || from->kind == T_FLOAT || from->kind == T_STR ||
                 from->kind == T_BOOL;
    struct slice text = slice_sub(l->mod->source->text, at.off, at.len);
    if (!d || e.k || !to || !text.len || text.len > 30 ||
        slice_find(text, SLICE("\n")) != SIZE_MAX ||
        !(plain || (want->kind == T_STR && type_has_text(e.t))))
        return;
    diag_caret(l->c->diags, d, "`%s(%.*s)` converts it", to, (int)text.len, text.ptr);
}

struct ex ex_mismatch(struct low *l, struct ex e, struct type *want, struct span at)
{
    struct comp *c = l->c;
    const char *have = comp_type_text(c, e.t), *need = comp_type_text(c, want);
    if (e.none && l->is_fn && want == l->result)
        low_diag(l, "E0310", at, "a path through this function ends without a value of %s", need);
    else if (e.none)
        low_diag(l, "E0309", at, "this block has no value, and %s is wanted", need);
    else if (e.t->kind == T_NULL ||
             (e.t->kind == T_OPT && type_fits(e.t->elem[0], want) != FIT_NO)) {
        struct diag *d = low_diag(l, "E0305", at,
                                  e.t->kind == T_NULL ? "this is null, but %s is wanted"
                                                                     : "this may be null, but %s is wanted", need);
        if (d && e.t->kind == T_OPT)
            diag_note(c->diags, d, "test it with `!= null`, or give a default with `??`");
    } else if (e.k && c->konst[e.k - 1].kind == KONST_STR && type_wants_text(want)) {
        struct slice s = c->konst[e.k - 1].text;
        low_diag(l, "E0314", at, "\"%.*s\" is no text of %s", (int)s.len, s.ptr, need);
    } else if (e.k && type_fits(e.t, want) != FIT_NO) {
        low_diag(l, "E0306", at, "this value is outside %s", need);
    } else {
        struct diag *d = low_diag(l, "E0301", at, "%s is wanted here, but this is %s", need, have);
        suggest_conversion(l, d, e, want, at);
    }
    return ex_bad(l, at);
}

static bool holds_fn(const struct type *t)
{
    for (uint32_t i = 0; t->kind != T_FN && i < t->n; i++)
        if (holds_fn(t->elem[i]))
            return true;
    return t->kind == T_FN;
}

struct ex coerce(struct low *l, struct ex e, struct type *want, struct span at)
{
    struct comp *c = l->c;
    if (!want || e.t->kind == T_NEVER || want->kind == T_ANY || type_is_open(want))
        return e;
    if (e.k && e.t->kind != T_ANY && e.t->kind != T_FN && e.t->kind != T_TOOL &&
        e.t->kind != T_CALL &&
        e.t->kind != T_RANGE && e.t->kind != T_JSON) {
        uint32_t k;
        const char *why;
        if (holds_fn(want) && type_fits(e.t, want) == FIT_NO)
            return ex_mismatch(l, e, want, at);
        if (!konst_fit(c, e.k - 1, want, &k, &why))
            return ex_mismatch(l, e, want, at);
        struct ex r = ex_konst(c, k, want, e.at);
        return r;
    }
    if (e.t->kind == T_BRANCHES && want->kind != T_BRANCHES)
        e = ex_join(l, e);
    enum fit fit = type_fits(e.t, want);
    if (fit == FIT_NO)
        return ex_mismatch(l, e, want, at);
    if (e.t->kind == T_ANY && (l->mod->is_std || !type_is_data(want)))
        return ex_of(ex_value(l, e), want, at);
    if (e.t->kind == T_ANY)         /* what the library gives without a type is checked on arrival */
        return ex_of(ir_op1(l, IR_CHECK, want, ex_value(l, e), rtype_of(c, want), at), want, at);
    if (fit == FIT_SAME) {
        e.t = want->kind == T_BRANCHES ? e.t : want;
        return e;
    }
    uint32_t v = ir_op1(l, IR_CHECK, want, ex_value(l, e), rtype_of(c, want), at);
    struct ex r = ex_of(v, want, e.at);
    r.gen = e.gen;
    return r;
}

struct ex lower_to(struct low *l, const struct node *n, struct type *want)
{
    struct ex e = lower_expr(l, n, want);
    return coerce(l, e, want, n->span);
}

uint32_t lower_cond(struct low *l, const struct node *n)
{
    struct ex e = lower_expr(l, n, type_plain(T_BOOL));
    if (type_base(e.t)->kind != T_BOOL && e.t->kind != T_ANY && e.t->kind != T_NEVER) {
        if (e.t->kind == T_JSON)
            return ex_value(l, coerce(l, e, type_plain(T_BOOL), n->span));
        low_diag(l, "E0303", n->span, "a condition is a bool, and this is %s",
                 comp_type_text(l->c, e.t));
    }
    return ex_value(l, e);
}

/* ---- ways that meet ---- */

void meet_begin(struct low *l, struct meet *m, bool value, struct type *want)
{
    *m = (struct meet){ .value = value, .want = want && !type_is_open(want) && want->kind != T_ANY ? want : NULL,
                        .token = l->k.token, .out = IR_NO };
    m->end = ir_block_new(l);
    m->var = value ? ir_var_new(l, type_plain(T_ANY)) : IR_NO;
}

static void meet_room(struct low *l, struct meet *m)
{
    if (m->n < m->cap_ex)
        return;
    uint32_t cap = m->cap_ex ? 2 * m->cap_ex : 4;
    uint32_t *store = comp_alloc(l->c, cap * sizeof *store);
    struct ex *ex = comp_alloc(l->c, cap * sizeof *ex);
    for (uint32_t i = 0; i < m->n; i++) {
        store[i] = m->store[i];
        ex[i] = m->ex[i];
    }
    m->store = store;
    m->ex = ex;
    m->cap_ex = m->cap_store = cap;
}

void meet_way(struct low *l, struct meet *m, struct ex e, struct span at)
{
    if (l->dead || e.t->kind == T_NEVER) {
        l->dead = true;
        return;
    }
    if (m->value) {
        e = ex_join(l, e);
        if (m->want)
            e = coerce(l, e, m->want, e.at.len ? e.at : at);
        uint32_t v = ex_value(l, e);
        meet_room(l, m);
        ir_store(l, m->var, v, at);
        m->store[m->n] = l->f->n_insn - 1;
        m->ex[m->n++] = e;
    }
    ir_br(l, m->end, at);
    if (!m->open)
        m->out = l->k.token;
    m->open = true;
    m->last = l->k.token;
}

void meet_enter(struct low *l, struct meet *m)
{
    l->dead = false;
    l->k.token = m->token;
}

static struct type *meet_type(struct low *l, struct meet *m, struct span at)
{
    struct type *t = m->n ? m->ex[0].t : type_plain(T_NEVER);
    if (m->want)
        return m->want;
    for (uint32_t i = 1; i < m->n && t; i++)
        t = type_common(&l->c->arena, t, m->ex[i].t);
    if (t)
        return t;
    for (uint32_t i = 0; i < m->n; i++)
        if (!type_is_data(m->ex[i].t)) {
            const struct ex *other = &m->ex[i ? i : 1];
            struct diag *d = low_diag(l, "E0302", other->at.len ? other->at : at,
                                      "the ways of this have no common type: %s and %s",
                                      comp_type_text(l->c, m->ex[0].t),
                                      comp_type_text(l->c, other->t));
            if (d && m->ex[0].at.len)
                diag_label(l->c->diags, d, l->mod->source, m->ex[0].at, "the first one");
            return type_plain(T_ANY);
        }
    return type_plain(T_JSON);
}

struct ex meet_end(struct low *l, struct meet *m, struct span at)
{
    ir_block(l, m->end, at);
    l->dead = !m->open;
    l->k.token = m->token;
    if (m->open && l->k.chain != IR_NO && (m->out != m->token || m->last != m->token))
        ir_phi(l, m->out, m->last, at);
    if (!m->open)
        return ex_of(IR_NO, type_plain(T_NEVER), at);
    if (!m->value)
        return ex_null(l, at);
    struct type *t = meet_type(l, m, at);
    for (uint32_t i = 0; i < m->n; i++)
        if (!m->want && !type_equal(m->ex[i].t, t) && type_fits(m->ex[i].t, t) == FIT_CHECK)
            l->f->insn[m->store[i]].imm = rtype_of(l->c, t);
    l->f->value[m->var].type = t;
    return ex_of(ir_load(l, m->var, at), t, at);
}
