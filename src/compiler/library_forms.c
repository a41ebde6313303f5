/* library_forms.c - functions always in scope whose types have rules of their own. */

#include "compiler/suggest.h"

/* ---- functions with rules of their own ---- */

static struct ex print_call(struct low *l, const struct node *n)
{
    struct comp *c = l->c;
    const struct arg_list *args = &n->u.call.args;
    struct type *str = type_plain(T_STR);
    struct ex x[3] = { ex_konst(c, konst_str(c, SLICE("")), str, n->span),
                       ex_konst(c, konst_str(c, SLICE("\n")), str, n->span),
                       ex_konst(c, konst_str(c, SLICE("stdout")), str, n->span) };
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        int k = !a->name.text.len ? (int)i : slice_is(a->name.text, "end") ? 1
                : slice_is(a->name.text, "to") ? 2 : slice_is(a->name.text, "x") ? 0 : 3;
        if (k > 2) {
            low_diag(l, a->name.text.len ? "E0206" : "E0208",
                     a->name.text.len ? a->name.at : a->value->span,
                     "`print` takes x, end and to");
            return ex_null(l, n->span);
        }
        x[k] = k ? lower_to(l, a->value, str) : ex_join(l, lower_expr(l, a->value, NULL));
        if (!k && !type_has_text(x[0].t))
            low_diag(l, "E0319", a->value->span, "%s has no text form", comp_type_text(c, x[0].t));
    }
    uint32_t v[3];
    for (int i = 0; i < 3; i++)
        v[i] = ex_value(l, x[i]);
    call_native(l, NATIVE_PRINT, v, 3, type_plain(T_NULL), n->span);
    return ex_null(l, n->span);
}

static const struct node *only_arg(struct low *l, const struct node *n)
{
    const struct arg_list *args = &n->u.call.args;
    struct slice name = n->u.call.callee->u.name.text;
    if (args->n == 1)
        return args->at[0].value;
    low_diag(l, args->n ? "E0208" : "E0207", args->n ? args->at[1].value->span : call_end(n->span),
             "`%.*s` takes one argument", (int)name.len, name.ptr);
    return NULL;
}

static struct ex dbg_call(struct low *l, const struct node *n)
{
    const struct node *a = only_arg(l, n);
    if (!a)
        return ex_bad(l, n->span);
    struct ex e = ex_join(l, lower_expr(l, a, NULL));
    struct place p = source_place(l->mod->source, n->span.off);
    uint32_t v[2];
    v[0] = ex_value(l, e);
    struct slice where = comp_printf(l->c, "%s:%u:%u", l->mod->source->name, p.line, p.col);
    v[1] = ex_value(l, ex_konst(l->c, konst_str(l->c, where), type_plain(T_STR), n->span));
    return ex_of(call_native(l, NATIVE_DBG, v, 2, e.t, n->span), e.t, n->span);
}

static bool is_compare(const struct node *n)
{
    return n->kind == AST_EXPR_BINARY && n->u.binary.op >= BIN_EQ && n->u.binary.op <= BIN_GE;
}

/* The comparison that gives e, when it is the operation written last and nothing else. */
static struct ir_insn *comparison_of(struct low *l, struct ex e)
{
    struct ir_insn *i = l->f->n_insn ? &l->f->insn[l->f->n_insn - 1] : NULL;
    bool is = i && !e.k && i->op >= IR_EQ && i->op <= IR_GE && i->dst == e.v;
    return is ? i : NULL;
}

/* What is said of a condition that is no comparison: its own text. */
static struct ex condition_text(struct low *l, const struct node *cond)
{
    struct slice text = slice_sub(l->mod->source->text, cond->span.off, cond->span.len);
    bool fits = text.len <= 120 && slice_find(text, SLICE("\n")) == SIZE_MAX;
    struct slice why = fits ? comp_printf(l->c, "%.*s is false", (int)text.len,
                                          text.ptr) : SLICE("assertion failed");
    return ex_konst(l->c, konst_str(l->c, why), type_plain(T_STR), cond->span);
}

/* assert(a == b, "why") keeps both sides for the message: its comparison becomes the assertion. */
static struct ex assert_call(struct low *l, const struct node *n)
{
    static const enum bc_op op[] = { [IR_EQ - IR_EQ] = OP_EQ, [IR_NE - IR_EQ] = OP_NE,
                                     [IR_LT - IR_EQ] = OP_LT, [IR_LE - IR_EQ] = OP_LE,
                                     [IR_GT - IR_EQ] = OP_GT, [IR_GE - IR_EQ] = OP_GE };
    const struct arg_list *args = &n->u.call.args;
    if (args->n < 1 || args->n > 2) {
        low_diag(l, args->n ? "E0208" : "E0207",
                 args->n ? args->at[2].value->span : call_end(n->span),
                 "`assert` takes a condition and a reason");
        return ex_null(l, n->span);
    }
    const struct node *cond = args->at[0].value;
    while (cond->kind == AST_EXPR_PAREN)
        cond = cond->u.inner;
    struct ex e = ex_of(lower_cond(l, cond), type_plain(T_BOOL), cond->span);
    struct ir_insn *cmp = is_compare(cond) ? comparison_of(l, e) : NULL;
    uint32_t v[3] = { e.v };
    enum bc_op code = OP_EQ;
    if (cmp) {
        v[0] = cmp->arg[0];
        v[1] = cmp->arg[1];
        code = op[cmp->op - IR_EQ];
        l->f->n_insn--;
    }
    struct ex why = args->n == 2 ? lower_to(l, args->at[1].value, type_plain(T_STR))
                  : cmp          ? ex_null(l, n->span)
                                 : condition_text(l, cond);
    v[cmp ? 2 : 1] = ex_value(l, why);
    if (!cmp) {
        call_native(l, NATIVE_ASSERT, v, 2, type_plain(T_NULL), n->span);
        return ex_null(l, n->span);
    }
    struct ir_insn *i = ir_add(l, IR_ASSERT_CMP, n->span);
    i->label = code;
    ir_args(l, i, v, 3);
    return ex_null(l, n->span);
}

static struct ex unzip_call(struct low *l, const struct node *n)
{
    const struct node *a = only_arg(l, n);
    if (!a)
        return ex_bad(l, n->span);
    struct ex e = ex_join(l, lower_expr(l, a, NULL));
    const struct type *et = e.t->kind == T_LIST ? e.t->elem[0] : type_plain(T_ANY);
    struct type *t = type_plain(T_ANY);
    if (et->kind == T_TUPLE) {
        t = type_make(&l->c->arena, T_TUPLE, et->n);
        if (!t)
            comp_nomem(l->c);
        for (uint32_t i = 0; i < et->n; i++)
            t->elem[i] = type_list(&l->c->arena, et->elem[i]);
    } else if (et->kind != T_ANY) {
        low_diag(l, "E0301", a->span, "`unzip` takes a list of tuples, and this is %s",
                 comp_type_text(l->c, e.t));
    }
    uint32_t v[2] = { ex_value(l, e), IR_NO };
    uint32_t columns = konst_int(l->c, et->kind == T_TUPLE ? (int64_t)et->n : 2);
    v[1] = ex_value(l, ex_konst(l->c, columns, type_plain(T_INT), n->span));
    return ex_of(call_native(l, NATIVE_UNZIP, v, 2, t, n->span), t, n->span);
}

static struct ex copy_call(struct low *l, const struct node *n)
{
    const struct arg_list *args = &n->u.call.args;
    if (!args->n || args->at[0].name.text.len) {
        low_diag(l, "E0207", call_end(n->span), "`copy` needs a struct");
        return ex_bad(l, n->span);
    }
    struct ex e = lower_expr(l, args->at[0].value, NULL);
    if (e.t->kind != T_STRUCT) {
        low_diag(l, "E0301", args->at[0].value->span, "`copy` takes a struct, and this is %s",
                 comp_type_text(l->c, e.t));
        return ex_bad(l, n->span);
    }
    struct sdecl *d = e.t->strct;
    uint32_t v = ex_value(l, e);
    for (uint32_t i = 1; i < args->n; i++) {
        uint32_t k = 0;
        while (k < d->n && !slice_eq(d->field[k].name, args->at[i].name.text))
            k++;
        if (k == d->n) {
            low_diag(l, "E0206",
                     args->at[i].name.text.len ? args->at[i].name.at : args->at[i].value->span,
                     "`%.*s` has no field `%.*s`", (int)d->name.len,
                     d->name.ptr, (int)args->at[i].name.text.len, args->at[i].name.text.ptr);
            continue;
        }
        uint32_t two[2] = { v, ex_value(l, lower_to(l, args->at[i].value, d->field[k].type)) };
        v = ir_opn(l, IR_PUT_FIELD, e.t, two, 2, k, n->span);
    }
    return ex_of(v, e.t, n->span);
}

static struct ex meta_call(struct low *l, const struct node *n)
{
    const struct node *a = only_arg(l, n);
    uint32_t v = a ? meta_value(l, a, n->span, true) : IR_NO;
    return v == IR_NO ? ex_bad(l, n->span) : ex_of(v, type_plain(T_META), n->span);
}

static struct ex data_call(struct low *l, const struct node *n, struct type *want)
{
    const struct node *a = only_arg(l, n);
    struct ex e;
    if (!a || !const_eval(l->c, l->mod, a, type_plain(T_STR), &e))
        return ex_bad(l, n->span);
    struct ex r;
    if (!konst_data(l, l->c->konst[e.k - 1].text, want, n->span, &r))
        return ex_bad(l, n->span);
    return r;
}

static bool convertible(const struct type *from, enum type_kind to)
{
    enum type_kind k = type_base(from)->kind;
    if (k == T_ANY || k == T_JSON)
        return true;
    if (k == T_UNION || k == T_OPT)
        return true;
    switch (to) {
    case T_INT: case T_FLOAT:
        return k == T_INT || k == T_FLOAT || k == T_STR || k == T_BOOL || k == T_DURATION;
    case T_BOOL:
        return k == T_BOOL || k == T_STR;
    case T_PATH:
        return k == T_STR || k == T_PATH;
    case T_STR:
        return type_has_text(from);
    default:
        return type_is_data(from);
    }
}

static bool conversion(struct low *l, const struct node *n, struct slice name, struct ex *ret)
{
    static const struct { const char *name; enum type_kind kind; } row[] = {
        { "int", T_INT }, { "float", T_FLOAT }, { "str", T_STR }, { "bool", T_BOOL },
            { "json", T_JSON },
        { "path", T_PATH },
    };
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
        if (!slice_is(name, row[i].name))
            continue;
        const struct node *a = only_arg(l, n);
        struct type *t = type_plain(row[i].kind);
        *ret = ex_of(ex_value(l, ex_null(l, n->span)), t, n->span);
        if (!a)
            return true;
        struct ex e = ex_join(l, lower_expr(l, a, row[i].kind == T_JSON ? t : NULL));
        if (!convertible(e.t, row[i].kind)) {
            low_diag(l, "E0307", a->span, "%s cannot be made of %s", row[i].name,
                     comp_type_text(l->c, e.t));
            return true;
        }
        struct str text = { 0 };
        if (e.k && row[i].kind == T_STR && konst_text(l->c, e.k - 1, &text))
            *ret = ex_konst(l->c, konst_str(l->c, str_slice(&text)), t, n->span);
        else
            *ret = ex_of(ir_op1(l, IR_CONVERT, t, ex_value(l, e), rtype_of(l->c, t), n->span), t, n->span);
        str_free(&text);
        return true;
    }
    return false;
}

/* ---- which is which ---- */

static const char *const form[] = { "print", "dbg", "assert", "unzip", "copy", "meta", "data",
                                    "schema_of",
                                    "tool_docs", "context", "first", "int", "float", "str", "bool",
                                    "json",
                                    "path" };
enum { N_FORM = sizeof form / sizeof form[0] };

bool library_is_form(struct slice name)
{
    for (size_t i = 0; i < N_FORM; i++)
        if (slice_is(name, form[i]))
            return true;
    return false;
}

void library_each_form(void (*fn)(void *ctx, struct slice name), void *ctx)
{
    for (size_t i = 0; i < N_FORM; i++)
        fn(ctx, slice_of(form[i]));
}

void library_suggest_forms(struct suggest *s)
{
    for (size_t i = 0; i < N_FORM; i++)
        suggest_try(s, slice_of(form[i]));
}

bool library_form(struct low *l, const struct node *n, struct slice name, struct type *want,
                  struct ex *ret)
{
    if (slice_is(name, "print"))
        *ret = print_call(l, n);
    else if (slice_is(name, "dbg"))
        *ret = dbg_call(l, n);
    else if (slice_is(name, "assert"))
        *ret = assert_call(l, n);
    else if (slice_is(name, "unzip"))
        *ret = unzip_call(l, n);
    else if (slice_is(name, "copy"))
        *ret = copy_call(l, n);
    else if (slice_is(name, "meta"))
        *ret = meta_call(l, n);
    else if (slice_is(name, "data"))
        *ret = data_call(l, n, want);
    else if (slice_is(name, "schema_of"))
        *ret = schema_call(l, n);
    else if (slice_is(name, "tool_docs"))
        *ret = tool_docs_call(l, n);
    else if (slice_is(name, "context") && !n->u.call.args.n)
        *ret = ex_of(ir_op0(l, IR_CTX_NEW, type_plain(T_CONTEXT), n->span), type_plain(T_CONTEXT), n->span);
    else
        return conversion(l, n, name, ret);
    return true;
}
