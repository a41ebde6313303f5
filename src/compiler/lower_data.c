/* lower_data.c - literals of lists, maps and tuples. */

#include "compiler/lower.h"

/* ---- data ---- */

static struct type *elem_want(struct type *want)
{
    if (!want)
        return NULL;
    want = type_no_null(want);
    if (want->kind == T_LIST)
        return want->elem[0];
    if (want->kind == T_JSON || want->kind == T_ANY)
        return want;
    if (want->kind == T_UNION)
        for (uint32_t i = 0; i < want->n; i++)
            if (want->elem[i]->kind == T_LIST)
                return want->elem[i]->elem[0];
    return NULL;
}

static bool no_branches(struct low *l, struct ex e)
{
    if (!type_has_branches(e.t))
        return true;
    low_diag(l, "E0503", e.at, "branches cannot be stored: join them here");
    return false;
}

/* Elements without a common type are json when all are data. */
static struct type *no_common(struct low *l, struct ex *e, uint32_t n, uint32_t stride,
                              uint32_t other,
                              struct span at)
{
    uint32_t i = 0;
    while (i < n && type_is_data(e[i * stride].t))
        i++;
    if (i == n)
        return type_plain(T_JSON);
    struct ex *x = &e[other * stride];
    struct diag *d = low_diag(l, "E0302", x->at.len ? x->at : at, "%s and %s have no common type",
                              comp_type_text(l->c, e[0].t), comp_type_text(l->c, x->t));
    if (d && other)
        diag_label(l->c->diags, d, l->mod->source, e[0].at, "the first one");
    return type_plain(T_ANY);
}

/* Makes the elements agree on one type; NULL: json or nothing fits (reported). */
static struct type *agree(struct low *l, struct ex *e, uint32_t n, uint32_t stride,
                          struct type *want,
                          struct span at)
{
    struct type *t = NULL;
    if (want && want->kind != T_VAR && !type_is_open(want)) {
        t = want;
    } else {
        uint32_t other = 0;
        for (uint32_t i = 0; i < n; i++) {
            struct type *x = e[i * stride].t;
            t = !t ? x : type_common(&l->c->arena, t, x);
            other = i;
            if (!t)
                break;
        }
        if (!t && n)
            t = no_common(l, e, n, stride, other, at);
    }
    for (uint32_t i = 0; i < n && t; i++)
        e[i * stride] = coerce(l, e[i * stride], t, e[i * stride].at);
    return t ? t : type_plain(T_ANY);
}

static bool all_konst(const struct ex *e, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        if (!e[i].k)
            return false;
    return true;
}

static struct ex konst_of(struct low *l, enum konst_kind kind, const struct ex *e, uint32_t n,
                          uint32_t words, struct type *t, struct span at)
{
    uint32_t *item = comp_alloc(l->c, words * sizeof *item + 1);
    for (uint32_t i = 0; i < words; i++)
        item[i] = e[i].k - 1;
    return ex_konst(l->c, konst_items(l->c, kind, 0, item, n), t, at);
}

static struct ex op_of(struct low *l, enum ir_op op, const struct ex *e, uint32_t n, struct type *t,
                       struct span at)
{
    uint32_t *v = comp_alloc(l->c, n * sizeof *v + 1);
    for (uint32_t i = 0; i < n; i++)
        v[i] = ex_value(l, e[i]);
    return ex_of(ir_opn(l, op, t, v, n, 0, at), t, at);
}

struct ex lower_list(struct low *l, const struct node *n, struct type *want)
{
    uint32_t count = n->u.list.n;
    struct type *ew = elem_want(want);
    struct ex *e = comp_alloc(l->c, count * sizeof *e + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct node *x = n->u.list.at[i];
        e[i] = lower_expr(l, x, ew);
        if (ew && e[i].t->kind == T_BRANCHES)
            e[i] = ex_join(l, e[i]);
        e[i].at = x->span;
        if (!no_branches(l, e[i]))
            e[i] = ex_bad(l, x->span);
    }
    struct type *et = agree(l, e, count, 1, ew, n->span);
    struct type *t = type_list(&l->c->arena, et);
    if (!t)
        comp_nomem(l->c);
    if (all_konst(e, count))
        return konst_of(l, KONST_LIST, e, count, count, t, n->span);
    return op_of(l, IR_LIST, e, count, t, n->span);
}

static void repeated_key(struct low *l, struct span at, struct span before)
{
    struct diag *d = low_diag(l, "E0318", at, "this key is repeated");
    if (d)
        diag_label(l->c->diags, d, l->mod->source, before, "it is here already");
}

struct ex lower_map(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    uint32_t count = n->u.map.key.n;
    struct type *kw = NULL, *vw = NULL;
    struct type *w = want ? type_no_null(want) : NULL;
    if (w && w->kind == T_UNION)
        for (uint32_t i = 0; i < w->n; i++)
            if (w->elem[i]->kind == T_MAP) {
                w = w->elem[i];
                break;
            }
    if (w && w->kind == T_MAP) {
        kw = w->elem[0];
        vw = w->elem[1];
    } else if (w && (w->kind == T_JSON || w->kind == T_ANY)) {
        vw = w;
    }
    struct ex *e = comp_alloc(c, 2 * count * sizeof *e + 1);
    for (uint32_t i = 0; i < count; i++) {
        e[2 * i] = lower_expr(l, n->u.map.key.at[i], kw);
        e[2 * i].at = n->u.map.key.at[i]->span;
        e[2 * i + 1] = lower_expr(l, n->u.map.value.at[i], vw);
        if (vw)
            e[2 * i + 1] = ex_join(l, e[2 * i + 1]);
        e[2 * i + 1].at = n->u.map.value.at[i]->span;
        no_branches(l, e[2 * i + 1]);
    }
    struct type *kt = agree(l, e, count, 2, kw, n->span);
    struct type *vt = agree(l, e + 1, count, 2, vw, n->span);
    for (uint32_t i = 1; i < count; i++)
        for (uint32_t k = 0; k < i && count <= 64; k++)
            if (e[2 * i].k && e[2 * k].k && konst_equal(c, e[2 * i].k - 1, e[2 * k].k - 1))
                repeated_key(l, e[2 * i].at, e[2 * k].at);
    if (count && !type_is_key(kt))
        low_diag(l, "E0301", e[0].at, "a key is a str, int, bool or enum, and this is %s",
                 comp_type_text(c, kt));
    struct type *t = type_map(&c->arena, count || kw ? kt : type_plain(T_ANY), vt);
    if (!t)
        comp_nomem(c);
    if (all_konst(e, 2 * count))
        return konst_of(l, KONST_MAP, e, count, 2 * count, t, n->span);
    return op_of(l, IR_MAP, e, 2 * count, t, n->span);
}

struct ex lower_tuple(struct low *l, const struct node *n, struct type *want)
{
    uint32_t count = n->u.list.n;
    struct type *w = want && want->kind == T_TUPLE && want->n == count ? want : NULL;
    struct type *t = type_make(&l->c->arena, T_TUPLE, count);
    struct ex *e = comp_alloc(l->c, count * sizeof *e + 1);
    if (!t)
        comp_nomem(l->c);
    for (uint32_t i = 0; i < count; i++) {
        struct type *ew = w && !type_is_open(w->elem[i]) ? w->elem[i] : NULL;
        e[i] = lower_to(l, n->u.list.at[i], ew);
        e[i].at = n->u.list.at[i]->span;
        no_branches(l, e[i]);
        t->elem[i] = e[i].t;
    }
    if (all_konst(e, count))
        return konst_of(l, KONST_TUPLE, e, count, count, t, n->span);
    return op_of(l, IR_TUPLE, e, count, t, n->span);
}
