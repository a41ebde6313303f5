/* lower_match.c - `match`: tests in order, what they bind, and whether every case has an arm. */
#include <string.h>

#include "compiler/suggest.h"

/* What a value of the subject's type may be: a variant, a literal, a tool, or a whole type. */
struct mcase {
    struct type *type;
    uint32_t     index;         /* variant, tool; 0 or 1 of a bool */
    bool         covered;
};

struct matching {
    struct low  *l;
    struct mcase at[1024];
    uint32_t     n;
    bool         open;          /* has cases that only `_` covers */
};

static void add_case(struct matching *m, struct type *t, uint32_t index)
{
    if (m->n < sizeof m->at / sizeof m->at[0])
        m->at[m->n++] = (struct mcase){ t, index, false };
    else
        m->open = true;
}

static void expand(struct matching *m, struct type *t)
{
    switch (t->kind) {
    case T_ENUM:
        for (uint32_t i = 0; i < t->enm->n; i++)
            add_case(m, t, i);
        break;
    case T_BOOL:
        add_case(m, t, 0);
        add_case(m, t, 1);
        break;
    case T_CALL:
        for (uint32_t i = 0; i < t->n_tool; i++)
            add_case(m, t, i);
        break;
    case T_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            expand(m, t->elem[i]);
        break;
    case T_OPT:
        expand(m, t->elem[0]);
        add_case(m, type_plain(T_NULL), 0);
        break;
    default:
        add_case(m, t, 0);
        break;
    }
}

static bool exhausted(const struct matching *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (!m->at[i].covered)
            return false;
    return !m->open;
}

static void cover_all(struct matching *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        m->at[i].covered = true;
    m->open = false;
}

static void case_text(struct comp *c, const struct mcase *k, struct str *out)
{
    if (k->type->kind == T_ENUM)
        str_add_slice(out, k->type->enm->variant[k->index].name);
    else if (k->type->kind == T_BOOL)
        str_adds(out, k->index ? "true" : "false");
    else if (k->type->kind == T_CALL)
        str_add_slice(out, k->type->tool[k->index]->name);
    else
        str_adds(out, comp_type_text(c, k->type));
}

static void not_exhaustive(struct matching *m, struct span at)
{
    struct str s = { 0 };
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n; i++) {
        if (m->at[i].covered)
            continue;
        if (n++ < 4) {
            str_adds(&s, n > 1 ? ", `" : "`");
            case_text(m->l->c, &m->at[i], &s);
            str_addc(&s, '`');
        }
    }
    low_diag(m->l, "E0304", at, "this match has no arm for %s%s", s.ptr ? s.ptr : "some values",
             n > 4 ? " and others" : "");
    str_free(&s);
}

/* ---- tests ---- */

struct test {                   /* what one pattern does */
    struct matching *m;
    uint32_t         v;         /* value under test */
    struct type     *t;
    uint32_t         no;        /* block when it fails */
    bool             top;       /* of the subject: covers cases */
    bool             whole;     /* covers them unless something inside tests */
    uint32_t         as_v;      /* what `as` binds */
    struct type     *as_t;
};

static void test_pattern(struct test *t, const struct node *p);

static void test_equal(struct test *t, uint32_t konst, struct type *kt, struct span at)
{
    struct low *l = t->m->l;
    uint32_t k = ex_value(l, ex_konst(l->c, konst, kt, at));
    uint32_t eq = ir_op2(l, IR_EQ, type_plain(T_BOOL), t->v, k, at);
    ir_branch(l, IR_BR_FALSE, eq, t->no, at);
}

static bool is_open_type(const struct type *t)
{
    enum type_kind k = type_base(t)->kind;
    return k == T_ANY || k == T_JSON;
}

static void test_str(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    struct slice s = p->u.str_lit;
    bool found = is_open_type(t->t), plain = false;
    for (uint32_t i = 0; i < t->m->n && t->top; i++) {
        struct mcase *k = &t->m->at[i];
        bool hit = k->type->kind == T_ENUM ? slice_eq(k->type->enm->variant[k->index].text, s)
                   : k->type->kind == T_LIT && k->type->lit == T_STR && slice_eq(k->type->text, s);
        if (hit && t->whole)
            k->covered = true;
        found |= hit;
        plain |= type_base(k->type)->kind == T_STR && k->type->kind != T_LIT;
    }
    if (!t->top)
        found = plain = true;
    if (!found && !plain)
        low_diag(l, "E0314", p->span, "\"%.*s\" is no text of %s", (int)s.len, s.ptr,
                 comp_type_text(l->c, t->t));
    test_equal(t, konst_str(l->c, s), type_plain(T_STR), p->span);
}

static uint32_t number_konst(struct comp *c, const struct node *x)
{
    return x->kind == AST_EXPR_INT ? konst_int(c, x->u.int_value) : konst_float(c,
                                                                                x->u.float_value);
}

static void test_number(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    const struct node *x = p->u.num_lit.number;
    const struct type *bare = type_no_null(t->t);
    if (!type_is_num(type_base(bare)) && bare->kind != T_UNION && !is_open_type(t->t))
        low_diag(l, "E0301", p->span, "a number never matches %s", comp_type_text(l->c, t->t));
    uint32_t k = number_konst(l->c, x);
    for (uint32_t i = 0; i < t->m->n && t->top && t->whole; i++) {
        struct type *ct = t->m->at[i].type;
        if (ct->kind == T_LIT && ct->lit == T_INT && x->kind == AST_EXPR_INT &&
            ct->lo == x->u.int_value)
            t->m->at[i].covered = true;
    }
    test_equal(t, k, x->kind == AST_EXPR_INT ? type_plain(T_INT) : type_plain(T_FLOAT), p->span);
}

static void test_range(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    struct type *b = type_plain(T_BOOL), *it = type_plain(T_INT);
    if (t->t->kind == T_UNION || t->t->kind == T_OPT || is_open_type(t->t)) {
        uint32_t is = ir_op1(l, IR_IS, b, t->v, rtype_of(l->c, it), p->span);
        ir_branch(l, IR_BR_FALSE, is, t->no, p->span);
    } else if (!type_is_num(t->t)) {
        low_diag(l, "E0301", p->span, "a range never matches %s", comp_type_text(l->c, t->t));
    }
    const struct node *lo = p->u.range.lo, *hi = p->u.range.hi;
    for (uint32_t i = 0; i < t->m->n && t->top && t->whole; i++) {
        struct type *ct = t->m->at[i].type;
        if (ct->kind == T_INT && lo->u.int_value <= ct->lo && hi->u.int_value >= ct->hi)
            t->m->at[i].covered = true;
        if (ct->kind == T_LIT && ct->lit == T_INT && ct->lo >= lo->u.int_value &&
            ct->lo <= hi->u.int_value)
            t->m->at[i].covered = true;
    }
    uint32_t k = ex_value(l, ex_konst(l->c, number_konst(l->c, lo), it, p->span));
    ir_branch(l, IR_BR_FALSE, ir_op2(l, IR_GE, b, t->v, k, p->span), t->no, p->span);
    k = ex_value(l, ex_konst(l->c, number_konst(l->c, hi), it, p->span));
    ir_branch(l, IR_BR_FALSE, ir_op2(l, IR_LE, b, t->v, k, p->span), t->no, p->span);
}

/* Is the value of the pattern (bool or null) one that the type has? */
static bool may_hold(const struct type *t, enum type_kind kind)
{
    if (t->kind == T_OPT)
        return kind == T_NULL || may_hold(t->elem[0], kind);
    for (uint32_t i = 0; t->kind == T_UNION && i < t->n; i++)
        if (may_hold(t->elem[i], kind))
            return true;
    return type_base(t)->kind == kind || is_open_type(t) || t->kind == T_NEVER;
}

static void test_plain(struct test *t, const struct node *p, enum type_kind kind, uint32_t konst)
{
    if (!may_hold(t->t, kind))
        low_diag(t->m->l, "E0301", p->span, "%s never matches %s",
                 kind == T_NULL ? "null" : "a bool",
                 comp_type_text(t->m->l->c, t->t));
    for (uint32_t i = 0; i < t->m->n && t->top && t->whole; i++) {
        struct mcase *k = &t->m->at[i];
        if (k->type->kind == kind && (kind == T_NULL || k->index == p->u.bool_value))
            k->covered = true;
        if (kind == T_BOOL && k->type->kind == T_LIT && k->type->lit == T_BOOL &&
            k->type->lo == p->u.bool_value)
            k->covered = true;
    }
    test_equal(t, konst, type_plain(kind), p->span);
}

static void test_regex(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    struct comp *c = l->c;
    const struct type *bare = type_no_null(t->t);
    if (!type_is_str(bare) && bare->kind != T_UNION && !is_open_type(t->t))
        low_diag(l, "E0301", p->span, "a regex never matches %s", comp_type_text(c, t->t));
    if (t->t->kind == T_OPT || t->t->kind == T_UNION || is_open_type(t->t)) {
        uint32_t is = ir_op1(l, IR_IS, type_plain(T_BOOL), t->v, rtype_of(c, type_plain(T_STR)),
                             p->span);
        ir_branch(l, IR_BR_FALSE, is, t->no, p->span);
    }
    uint32_t flags = (p->u.regex.icase ? SHAPE_ICASE : 0) | (p->u.regex.dotall ? SHAPE_DOTALL : 0);
    regex_lint(c, l->mod, p->u.regex.text, p->u.regex.icase, p->u.regex.dotall, p->span);
    uint32_t k = konst_add(c,
                           (struct konst){ .kind = KONST_REGEX,
                                           .text = comp_slice(c, p->u.regex.text),
                                               .flags = flags });
    uint32_t re = ex_value(l, ex_konst(c, k, type_plain(T_REGEX), p->span));
    struct type *mt = type_plain(T_MATCH);
    uint32_t match = ir_op2(l, IR_MATCH_RE, type_opt(&c->arena, mt), t->v, re, p->span);
    ir_branch(l, IR_BR_NULL, match, t->no, p->span);
    t->as_v = match;
    t->as_t = mt;
}

static void test_fields(struct test *t, const struct node *p, uint32_t v, struct type *st,
                        struct sym *tool)
{
    struct low *l = t->m->l;
    struct comp *c = l->c;
    for (uint32_t i = 0; i < p->u.mpath.n; i++) {
        const struct mfield *f = &p->u.mpath.field[i];
        uint32_t n = tool ? tool->n_param : st->strct->n, k = 0;
        while (k < n && !slice_eq(tool ? tool->param[k].name : st->strct->field[k].name,
                                  f->name.text))
            k++;
        if (k == n) {
            struct suggest near = { .wanted = f->name.text };
            for (k = 0; k < n; k++)
                suggest_try(&near, tool ? tool->param[k].name : st->strct->field[k].name);
            struct diag *d = low_diag(l, "E0204", f->name.at, "there is no field `%.*s` here",
                                      (int)f->name.text.len, f->name.text.ptr);
            suggest_say(&near, c, d, f->name.at);
            if (!f->patterns.n)         /* its uses are no further mistakes */
                scope_bind(l, f->name, BIND_VALUE, ex_value(l, ex_bad(l, f->name.at)),
                           type_plain(T_ANY))->quiet = true;
            continue;
        }
        struct type *ft = tool ? tool->param[k].type : st->strct->field[k].type;
        bool by_name = tool || !st->strct->sym;
        uint32_t fv = by_name ? ir_op1(l, IR_MEMBER, ft, v, konst_str(c, f->name.text), f->name.at)
                              : ir_op1(l, IR_FIELD, ft, v, k, f->name.at);
        if (!f->patterns.n) {
            scope_bind(l, f->name, BIND_VALUE, fv, ft)->quiet = true;
            continue;
        }
        t->whole = false;
        uint32_t yes = ir_block_new(l);
        for (uint32_t a = 0; a < f->patterns.n; a++) {
            bool last = a + 1 == f->patterns.n;
            uint32_t no = last ? t->no : ir_block_new(l);
            struct test in = { .m = t->m, .v = fv, .t = ft, .no = no, .as_v = fv, .as_t = ft };
            test_pattern(&in, f->patterns.at[a]);
            ir_br(l, yes, f->name.at);
            if (!last)
                ir_block(l, no, f->name.at);
        }
        ir_block(l, yes, f->name.at);
    }
}

static bool find_tool(struct test *t, const struct node *p, struct type **ret_call,
                      uint32_t *ret_index)
{
    const struct path *path = &p->u.mpath.path;
    struct slice last = path->at[path->n - 1].text;
    for (uint32_t i = 0; i < t->m->n && t->top; i++) {
        struct mcase *k = &t->m->at[i];
        if (k->type->kind != T_CALL || !slice_eq(k->type->tool[k->index]->name, last))
            continue;
        struct sym *s = path->n > 1 ? resolve_path(t->m->l->c, t->m->l->mod, path, false) : NULL;
        if (s && s != k->type->tool[k->index])
            continue;
        *ret_call = k->type;
        *ret_index = k->index;
        return true;
    }
    return false;
}

static void test_tool(struct test *t, const struct node *p, struct type *call, uint32_t index)
{
    struct low *l = t->m->l;
    struct comp *c = l->c;
    struct sym *s = call->tool[index];
    struct type *str = type_plain(T_STR);
    uint32_t name = ir_op1(l, IR_MEMBER, str, t->v, konst_str(c, SLICE("name")), p->span);
    uint32_t k = ex_value(l, ex_konst(c, konst_str(c, s->name), str, p->span));
    ir_branch(l, IR_BR_FALSE, ir_op2(l, IR_EQ, type_plain(T_BOOL), name, k, p->span), t->no,
              p->span);
    if (p->u.mpath.n) {
        uint32_t args = ir_op1(l, IR_MEMBER, type_plain(T_JSON), t->v, konst_str(c, SLICE("args")),
                               p->span);
        test_fields(t, p, args, NULL, s);
    }
    for (uint32_t i = 0; i < t->m->n && t->whole; i++)
        if (t->m->at[i].type->kind == T_CALL && t->m->at[i].type->tool[t->m->at[i].index] == s)
            t->m->at[i].covered = true;
}

static bool test_variant(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    struct comp *c = l->c;
    const struct path *path = &p->u.mpath.path;
    struct slice last = path->at[path->n - 1].text;
    struct sym *s = NULL;
    if (path->n > 1) {
        struct path head = { path->at, path->n - 1 };
        s = resolve_path(c, l->mod, &head, false);
        if (!s || s->kind != SYM_ENUM)
            return false;
        resolve_enum(c, s);
    }
    struct type *et = t->t->kind == T_OPT ? t->t->elem[0] : t->t;
    for (uint32_t u = 0; u < (et->kind == T_UNION ? et->n : 1); u++) {
        struct type *x = et->kind == T_UNION ? et->elem[u] : et;
        if (x->kind != T_ENUM || (s && x->enm != s->enm))
            continue;
        for (uint32_t i = 0; i < x->enm->n; i++) {
            if (!slice_eq(x->enm->variant[i].name, last))
                continue;
            for (uint32_t k = 0; k < t->m->n && t->top && t->whole; k++)
                if (t->m->at[k].type->kind == T_ENUM && t->m->at[k].type->enm == x->enm &&
                    t->m->at[k].index == i)
                    t->m->at[k].covered = true;
            test_equal(t, konst_add(c,
                                    (struct konst){ .kind = KONST_ENUM, .rtype = rtype_of(c, x),
                                                    .i = i }), x, p->span);
            return true;
        }
    }
    if (s)
        low_diag(l, "E0204", p->span, "`%.*s` is no variant here", (int)last.len, last.ptr);
    return s != NULL;
}

/* A lone name against an enum that is no type either: a variant was meant. */
static bool no_variant(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    const struct path *path = &p->u.mpath.path;
    const struct type *et = type_no_null(t->t);
    if (path->n != 1 || et->kind != T_ENUM || p->u.mpath.has_fields ||
        resolve_path(l->c, l->mod, path, false))
        return false;
    struct name name = path->at[0];
    struct suggest near = { .wanted = name.text };
    for (uint32_t i = 0; i < et->enm->n; i++)
        suggest_try(&near, et->enm->variant[i].name);
    struct diag *d = low_diag(l, "E0204", name.at, "`%.*s` has no variant `%.*s`",
                              (int)et->enm->name.len,
                              et->enm->name.ptr, (int)name.text.len, name.text.ptr);
    suggest_say(&near, l->c, d, name.at);
    return true;
}

static void test_type(struct test *t, const struct node *p)
{
    struct low *l = t->m->l;
    struct comp *c = l->c;
    if (no_variant(t, p))
        return;
    struct node tn = { .kind = AST_TYPE_NAME, .span = p->span };
    tn.u.tname.path = p->u.mpath.path;
    struct type *pt = lower_type(l, &tn);
    if (pt->kind == T_ANY)
        return;
    if (!is_open_type(t->t) && type_fits(pt, t->t) == FIT_NO && type_fits(t->t, pt) == FIT_NO)
        low_diag(l, "E0301", p->span, "%s never matches %s", comp_type_text(c, pt),
                 comp_type_text(c, t->t));
    if (type_fits(t->t, pt) != FIT_SAME || is_open_type(t->t)) {
        uint32_t is = ir_op1(l, IR_IS, type_plain(T_BOOL), t->v, rtype_of(c, pt), p->span);
        ir_branch(l, IR_BR_FALSE, is, t->no, p->span);
    }
    t->as_t = pt;
    if (p->u.mpath.has_fields && pt->kind == T_STRUCT)
        test_fields(t, p, t->v, pt, NULL);
    else if (p->u.mpath.n)
        low_diag(l, "E0204", p->span, "%s has no fields", comp_type_text(c, pt));
    for (uint32_t i = 0; i < t->m->n && t->top && t->whole; i++)
        if (type_fits(t->m->at[i].type, pt) == FIT_SAME)
            t->m->at[i].covered = true;
}

static void test_path(struct test *t, const struct node *p)
{
    struct type *call;
    uint32_t index;
    if (find_tool(t, p, &call, &index)) {
        test_tool(t, p, call, index);
        return;
    }
    if (!p->u.mpath.has_fields && test_variant(t, p))
        return;
    test_type(t, p);
}

static void test_pattern(struct test *t, const struct node *p)
{
    struct comp *c = t->m->l->c;
    switch (p->kind) {
    case AST_MPAT_WILD:
        if (t->top && t->whole)
            cover_all(t->m);
        break;
    case AST_MPAT_STR:
        test_str(t, p);
        break;
    case AST_MPAT_NUM:
        test_number(t, p);
        break;
    case AST_MPAT_RANGE:
        test_range(t, p);
        break;
    case AST_MPAT_BOOL:
        test_plain(t, p, T_BOOL, konst_bool(c, p->u.bool_value));
        break;
    case AST_MPAT_NULL:
        test_plain(t, p, T_NULL, konst_null(c));
        break;
    case AST_MPAT_REGEX:
        test_regex(t, p);
        break;
    default:
        test_path(t, p);
        break;
    }
}

/* ---- arms ---- */

/* The subject's name has the narrower type inside an arm. */
static void narrow_subject(struct low *l, const struct node *subject, struct type *t)
{
    struct binding *b = subject->kind == AST_EXPR_NAME ? scope_find(l, subject->u.name.text) : NULL;
    if (!b || b->kind != BIND_VALUE || b->ex.k)
        return;
    struct name name = { b->name, { 0, 0 } };
    struct binding *r = scope_bind(l, name, BIND_VALUE, b->v, t);
    r->ex = b->ex;
    r->ex.t = t;
    r->quiet = true;
}

static bool null_covered(const struct matching *m)
{
    for (uint32_t i = 0; i < m->n; i++)
        if (m->at[i].type->kind == T_NULL)
            return m->at[i].covered;
    return false;
}

static void arm_tests(struct low *l, struct matching *m, const struct arm *a,
                      const struct node *subject,
                      uint32_t v, struct type *t, uint32_t no)
{
    struct type *rest = t->kind == T_OPT && null_covered(m) ? t->elem[0] : t;
    struct test one = { .m = m, .v = v, .t = t, .no = no, .top = true, .whole = !a->guard,
                        .as_v = v, .as_t = rest };
    if (a->patterns.n == 1) {
        test_pattern(&one, a->patterns.at[0]);
        if (one.as_t != t && one.as_v == v)
            narrow_subject(l, subject, one.as_t);
    } else {
        uint32_t yes = ir_block_new(l);
        for (uint32_t i = 0; i < a->patterns.n; i++) {
            bool last = i + 1 == a->patterns.n;
            struct test x = one;
            x.no = last ? no : ir_block_new(l);
            test_pattern(&x, a->patterns.at[i]);
            ir_br(l, yes, a->at);
            if (!last)
                ir_block(l, x.no, a->at);
        }
        ir_block(l, yes, a->at);
    }
    if (a->as.text.len)
        scope_bind(l, a->as, BIND_VALUE, one.as_v, one.as_t);
}

static void guard(struct low *l, const struct node *cond, uint32_t no)
{
    ir_branch(l, IR_BR_FALSE, lower_cond(l, cond), no, cond->span);
    narrow(l, cond, true);
}

struct ex lower_match(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    struct ex s = ex_join(l, lower_any(l, n->u.match.subject, BLOCK_VALUE, NULL));
    uint32_t v = ex_value(l, s);
    struct matching *m = comp_alloc(l->c, sizeof *m);
    m->l = l;
    expand(m, s.t);
    struct meet meet;
    bool broken = false;
    meet_begin(l, &meet, mode == BLOCK_VALUE, want);
    for (uint32_t i = 0; i < n->u.match.n; i++) {
        const struct arm *a = &n->u.match.arm[i];
        uint32_t no = ir_block_new(l);
        if (i)
            meet_enter(l, &meet);
        if (exhausted(m) && m->n && !broken)
            low_diag(l, "W0302", a->at, "earlier arms match everything: this is never reached");
        uint32_t errors = l->c->diags->n_error;
        scope_push(l);
        arm_tests(l, m, a, n->u.match.subject, v, s.t, no);
        if (l->c->diags->n_error > errors)
            broken = true;      /* what it covers is not known */
        if (a->guard)
            guard(l, a->guard, no);
        struct ex e = lower_block(l, a->body, mode, want);
        if (!e.at.len)
            e.at = a->at;
        scope_pop(l);
        meet_way(l, &meet, e, a->at);
        ir_block(l, no, a->at);
    }
    meet_enter(l, &meet);
    if (!exhausted(m) && s.t->kind != T_NEVER && !broken) {
        if (is_open_type(s.t) || s.t->kind == T_ANY)
            low_diag(l, "E0304", n->span, "this match needs a last arm `_ =>`");
        else
            not_exhaustive(m, n->u.match.subject->span);
    }
    ir_br(l, meet.end, n->span);
    return meet_end(l, &meet, n->span);
}
