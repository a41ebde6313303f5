/* lower_type.c - types as written to types as used; declarations to their resolved form. */
#include <math.h>
#include <string.h>

#include "compiler/suggest.h"

bool annotation_is(const struct annotation *a, const char *name)
{
    return slice_is(a->name.text, name);
}

static struct type *make(struct comp *c, enum type_kind kind, uint32_t n)
{
    struct type *t = type_make(&c->arena, kind, n);
    if (!t)
        comp_nomem(c);
    return t;
}

/* A copy of a plain type that may be refined. */
static struct type *refine(struct comp *c, enum type_kind kind)
{
    struct type *t = comp_alloc(c, sizeof *t);
    *t = *type_plain(kind);
    return t;
}

static const struct { const char *name; enum type_kind kind; } plain_row[] = {
    { "bool", T_BOOL }, { "duration", T_DURATION }, { "regex", T_REGEX }, { "path", T_PATH },
    { "bytes", T_BYTES }, { "range", T_RANGE }, { "tool", T_TOOL }, { "context", T_CONTEXT },
    { "mark", T_MARK }, { "error", T_ERROR }, { "token", T_TOKEN }, { "match", T_MATCH },
    { "never", T_NEVER },
};
enum { N_PLAIN_ROW = sizeof plain_row / sizeof plain_row[0] };

/* The name is wanted in `in`, from the file m. */
static void unknown(struct comp *c, struct mod *m, struct mod *in, const struct name *name,
                    bool plain)
{
    static const char *const other[] = { "str", "int", "float", "json", "grammar" };
    static const char *const foreign[][2] = {
        { "string", "str" }, { "String", "str" }, { "integer", "int" }, { "number", "float" },
        { "double", "float" }, { "boolean", "bool" }, { "any", "json" }, { "object", "json" },
        { "list", "[T]" }, { "List", "[T]" }, { "array", "[T]" }, { "dict", "[K: V]" },
        { "map", "[K: V]" }, { "Optional", "T?" },
    };
    struct suggest near = { .wanted = name->text };
    struct diag *d = comp_diag(c, m, "E0201", name->at, "unknown name `%.*s`", (int)name->text.len,
                               name->text.ptr);
    for (size_t i = 0; plain && i < sizeof foreign / sizeof foreign[0]; i++)
        if (d && slice_is(name->text, foreign[i][0])) {
            diag_caret(c->diags, d, "the type is `%s` here", foreign[i][1]);
            return;
        }
    suggest_syms(&near, in);
    for (size_t i = 0; plain && i < N_PLAIN_ROW; i++)
        suggest_try(&near, slice_of(plain_row[i].name));
    for (size_t i = 0; plain && i < sizeof other / sizeof other[0]; i++)
        suggest_try(&near, slice_of(other[i]));
    suggest_say(&near, c, d, name->at);
}

struct sym *resolve_path(struct comp *c, struct mod *m, const struct path *p, bool report)
{
    struct mod *at = m;
    for (uint32_t i = 0; i < p->n; i++) {
        struct sym *s = module_find(at, p->at[i].text);
        if (!s && i == 0 && c->prelude && c->prelude != m && p->at[0].text.ptr[0] != '_')
            s = module_find(c->prelude, p->at[0].text);
        if (!s) {
            if (report)
                unknown(c, m, at, &p->at[i], i == 0);
            return NULL;
        }
        s->used = true;
        if (i > 0 && s->name.ptr[0] == '_') {
            if (report)
                comp_diag(c, m, "E0211", p->at[i].at, "`%.*s` is private to its file",
                          (int)s->name.len, s->name.ptr);
            return NULL;
        }
        if (i + 1 == p->n)
            return s;
        if (s->kind != SYM_IMPORT || !s->target) {
            if (report && !(s->kind == SYM_IMPORT))
                comp_diag(c, m, "E0201", p->at[i].at, "`%.*s` is not a module",
                          (int)s->name.len, s->name.ptr);
            return NULL;
        }
        at = s->target;
    }
    return NULL;
}

/* ---- arguments of types ---- */

struct bounds {
    struct comp *c;
    struct mod  *m;
    bool         has_lo, has_hi;
    struct ex    lo, hi;
    bool         failed;
};

static double number(const struct comp *c, struct ex e)
{
    const struct konst *k = &c->konst[e.k - 1];
    return k->kind == KONST_INT ? (double)k->i : k->f;
}

static bool is_number(const struct comp *c, struct ex e)
{
    return e.k && (c->konst[e.k - 1].kind == KONST_INT || c->konst[e.k - 1].kind == KONST_FLOAT);
}

static void bound(struct bounds *b, const struct node *n, bool *has, struct ex *ret)
{
    b->c->quiet++;              /* whatever is wrong with it, it is no bound */
    *has = const_eval(b->c, b->m, n, NULL, ret);
    b->c->quiet--;
    if (!*has || !is_number(b->c, *ret)) {
        comp_diag(b->c, b->m, "E0409", n->span, "a bound is a constant number");
        b->failed = true;
    }
}

/* (lo..hi), (min: x, max: y); anything else is left to `other`. */
static void read_bounds(struct bounds *b, const struct arg_list *args,
                        bool (*other)(struct bounds *b, const struct arg *a, struct type *t),
                        struct type *t)
{
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        if (!a->name.text.len && a->value->kind == AST_EXPR_BINARY &&
            a->value->u.binary.op == BIN_RANGE) {
            bound(b, a->value->u.binary.left, &b->has_lo, &b->lo);
            bound(b, a->value->u.binary.right, &b->has_hi, &b->hi);
        } else if (slice_is(a->name.text, "min")) {
            bound(b, a->value, &b->has_lo, &b->lo);
        } else if (slice_is(a->name.text, "max")) {
            bound(b, a->value, &b->has_hi, &b->hi);
        } else if (!other || !other(b, a, t)) {
            comp_diag(b->c, b->m, a->name.text.len ? "E0206" : "E0409", a->value->span,
                      a->name.text.len ? "this type has no argument `%.*s`" : "not a bound of this type",
                      (int)a->name.text.len, a->name.text.ptr);
            b->failed = true;
        }
    }
    if (!b->failed && b->has_lo && b->has_hi && number(b->c, b->lo) > number(b->c, b->hi)) {
        comp_diag(b->c, b->m, "E0409", args->at[0].value->span, "the bounds are reversed");
        b->failed = true;
    }
}

static void length_bounds(struct comp *c, struct mod *m, const struct arg_list *args,
                          struct type *t,
                          bool (*other)(struct bounds *, const struct arg *, struct type *))
{
    struct bounds b = { .c = c, .m = m };
    read_bounds(&b, args, other, t);
    if (b.failed)
        return;
    if ((b.has_lo && c->konst[b.lo.k - 1].kind != KONST_INT) ||
        (b.has_hi && c->konst[b.hi.k - 1].kind != KONST_INT)) {
        comp_diag(c, m, "E0409", args->at[0].value->span, "bounds of a length are ints");
        return;
    }
    t->lo = b.has_lo ? (int64_t)number(c, b.lo) : 0;
    t->hi = b.has_hi ? (int64_t)number(c, b.hi) : -1;
    t->refined = true;
    if (t->lo < 0 || (b.has_hi && t->hi < 0))
        comp_diag(c, m, "E0409", args->at[0].value->span, "a length is not negative");
}

static bool str_option(struct bounds *b, const struct arg *a, struct type *t)
{
    struct ex e;
    if (!slice_is(a->name.text, "lines"))
        return false;
    if (const_eval(b->c, b->m, a->value, type_plain(T_BOOL), &e) && e.k && !b->c->konst[e.k - 1].i)
        t->flags |= SHAPE_NO_LINES;
    return true;
}

static bool float_option(struct bounds *b, const struct arg *a, struct type *t)
{
    struct ex e;
    if (!slice_is(a->name.text, "decimals"))
        return false;
    if (!const_eval(b->c, b->m, a->value, type_plain(T_INT), &e))
        return true;
    int64_t n = b->c->konst[e.k - 1].i;
    if (n < 0 || n > 15)
        comp_diag(b->c, b->m, "E0409", a->value->span, "`decimals` is 0 to 15");
    else
        t->decimals = (int32_t)n;
    return true;
}

static struct type *int_type(struct comp *c, struct mod *m, const struct arg_list *args)
{
    struct type *t = refine(c, T_INT);
    struct bounds b = { .c = c, .m = m };
    read_bounds(&b, args, NULL, t);
    if (b.failed)
        return t;
    if ((b.has_lo && c->konst[b.lo.k - 1].kind != KONST_INT) ||
        (b.has_hi && c->konst[b.hi.k - 1].kind != KONST_INT)) {
        comp_diag(c, m, "E0409", args->at[0].value->span, "bounds of an int are ints");
        return t;
    }
    if (b.has_lo)
        t->lo = c->konst[b.lo.k - 1].i;
    if (b.has_hi)
        t->hi = c->konst[b.hi.k - 1].i;
    t->refined = b.has_lo || b.has_hi;
    return t;
}

static struct type *float_type(struct comp *c, struct mod *m, const struct arg_list *args)
{
    struct type *t = refine(c, T_FLOAT);
    struct bounds b = { .c = c, .m = m };
    read_bounds(&b, args, float_option, t);
    if (b.failed)
        return t;
    if (b.has_lo)
        t->flo = number(c, b.lo);
    if (b.has_hi)
        t->fhi = number(c, b.hi);
    t->refined = b.has_lo || b.has_hi || t->decimals >= 0;
    return t;
}

/* json("file") json(text: r"...") json([...]); grammar(...) */
static struct type *text_type(struct comp *c, struct mod *m, enum type_kind kind,
                              const struct arg_list *args, struct span at)
{
    struct type *t = refine(c, T_STR);
    t->kind = kind;
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        struct ex e;
        if (!const_eval(c, m, a->value, NULL, &e))
            return t;
        const struct konst *k = &c->konst[e.k - 1];
        if (slice_is(a->name.text, "residue")) {
            if (k->kind == KONST_STR && slice_is(k->text, "check"))
                t->flags |= SHAPE_RESIDUE;
        } else if (slice_is(a->name.text, "text") && k->kind == KONST_STR) {
            t->text = k->text;
        } else if (!a->name.text.len && k->kind == KONST_STR) {
            const char *name;
            struct slice text;
            struct error err = { 0 };
            const struct loader *ld = &c->opts->loader;
            if (!ld->load || ld->load(ld->ctx, &c->arena, m->source->name, k->text, &name, &text,
                                      &err) != ST_OK) {
                comp_diag(c, m, kind == T_SCHEMA ? "E0407" : "E0405", a->value->span,
                          "cannot read `%.*s`: %s", (int)k->text.len, k->text.ptr, err.text);
                return type_plain(T_ANY);
            }
            t->text = comp_slice(c, text);
        } else if (!a->name.text.len && k->kind == KONST_MAP && kind == T_SCHEMA) {
            struct str s = { 0 };
            konst_json(c, e.k - 1, &s);
            t->text = comp_slice(c, str_slice(&s));
            str_free(&s);
        } else {
            comp_diag(c, m, "E0206", a->value->span, "not an argument of this type");
        }
    }
    if (!t->text.len && !c->diags->n_error)
        comp_diag(c, m, kind == T_SCHEMA ? "E0407" : "E0405", at, "the text is empty");
    return t;
}

/* ---- forms ---- */

static struct type *written(struct type *t, struct mod *m, struct span at)
{
    if (t->kind != T_UNION && t->kind != T_FLOAT && t->kind != T_SCHEMA && t->kind != T_GRAMMAR)
        return t;               /* one that is shared, or said elsewhere */
    t->at = at;
    t->mod = m;
    return t;
}

static struct type *plain_named(struct comp *c, struct mod *m, struct slice name,
                                const struct node *n)
{
    const struct arg_list *args = &n->u.tname.args;
    if (slice_is(name, "str")) {
        if (!args->n)
            return type_plain(T_STR);
        struct type *t = refine(c, T_STR);
        length_bounds(c, m, args, t, str_option);
        return t;
    }
    if (slice_is(name, "int"))
        return args->n ? int_type(c, m, args) : type_plain(T_INT);
    if (slice_is(name, "float"))
        return args->n ? written(float_type(c, m, args), m, n->span) : type_plain(T_FLOAT);
    if (slice_is(name, "json"))
        return args->n ? written(text_type(c, m, T_SCHEMA, args, n->span), m,
                                 n->span) : type_plain(T_JSON);
    if (slice_is(name, "grammar"))
        return written(text_type(c, m, T_GRAMMAR, args, n->span), m, n->span);
    if (slice_is(name, "any") && m->is_std)
        return type_plain(T_ANY);
    for (size_t i = 0; i < N_PLAIN_ROW; i++)
        if (slice_is(name, plain_row[i].name)) {
            if (args->n)
                comp_diag(c, m, "E0208", args->at[0].value->span, "`%s` takes no arguments",
                          plain_row[i].name);
            return type_plain(plain_row[i].kind);
        }
    return NULL;
}

static struct type *builtin_struct(struct comp *c, struct slice name)
{
    struct sdecl *d = slice_is(name, "Msg") ? c->msg : slice_is(name, "Tok") ? c->tok : NULL;
    if (!d)
        return NULL;
    struct type *t = make(c, T_STRUCT, 0);
    t->strct = d;
    return t;
}

static struct type *named(struct comp *c, struct mod *m, const struct node *n)
{
    const struct path *p = &n->u.tname.path;
    if (n->u.tname.index) {
        struct type *inner = lower_type_in(c, m, n->u.tname.index);
        if (p->n == 1 && slice_is(p->at[0].text, "branches"))
            return type_branches(&c->arena, inner);
        if (p->n == 1 && slice_is(p->at[0].text, "partial"))
            return partial_type(c, inner);
        comp_diag(c, m, "E0201", n->span, "only `branches` and `partial` take a type in brackets");
        return inner;
    }
    struct sym *s = resolve_path(c, m, p, false);
    if (!s || s->kind == SYM_FN || s->kind == SYM_IMPORT) {
        struct type *t = p->n == 1 ? plain_named(c, m, p->at[0].text, n) : NULL;
        if (!t && p->n == 1)
            t = builtin_struct(c, p->at[0].text);
        if (t)
            return t;
    }
    if (!s) {
        resolve_path(c, m, p, true);
        return type_plain(T_ANY);
    }
    struct type *t;
    switch (s->kind) {
    case SYM_STRUCT:
        t = make(c, T_STRUCT, 0);
        t->strct = resolve_struct(c, s);
        return t;
    case SYM_ENUM:
        t = make(c, T_ENUM, 0);
        t->enm = resolve_enum(c, s);
        return t;
    case SYM_ALIAS:
        if (s->state == SYM_DONE)
            return s->type;
        if (s->state == SYM_OPEN) {
            comp_diag(c, m, "E0401", n->span, "type `%.*s` is defined by itself", (int)s->name.len,
                      s->name.ptr);
            return type_plain(T_ANY);
        }
        s->state = SYM_OPEN;
        s->type = lower_type_in(c, s->mod, s->node->u.decl->u.alias.type);
        s->state = SYM_DONE;
        return s->type;
    default:
        comp_diag(c, m, "E0201", n->span, "`%.*s` is not a type", (int)s->name.len, s->name.ptr);
        return type_plain(T_ANY);
    }
}

static struct type *literal(struct comp *c, enum type_kind lit)
{
    struct type *t = make(c, T_LIT, 0);
    t->lit = lit;
    return t;
}

static struct type *number_literal(struct comp *c, const struct node *n)
{
    const struct node *x = n->u.num_lit.number;
    struct type *t = literal(c, x->kind == AST_EXPR_INT ? T_INT : T_FLOAT);
    if (x->kind == AST_EXPR_INT)
        t->lo = x->u.int_value;
    else
        t->flo = x->u.float_value;
    return t;
}

static struct type *union_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = make(c, T_UNION, n->u.list.n);
    bool null = false;
    uint32_t k = 0;
    for (uint32_t i = 0; i < n->u.list.n; i++) {
        struct type *e = lower_type_in(c, m, n->u.list.at[i]);
        if (e->kind == T_NULL)
            null = true;
        else
            t->elem[k++] = e;
    }
    t->n = k;
    struct type *r = k == 1 ? t->elem[0] : k == 0 ? type_plain(T_NULL) : t;
    return null ? type_opt(&c->arena, r) : r;
}

static bool is_tool(struct comp *c, struct mod *m, struct sym *s, struct span at)
{
    if (s->kind != SYM_FN && s->kind != SYM_EXTERN) {
        comp_diag(c, m, "E0615", at, "`%.*s` is not a tool", (int)s->name.len, s->name.ptr);
        return false;
    }
    resolve_func(c, s);
    for (uint32_t i = 0; i < s->n_param; i++) {
        const struct type *t = s->param[i].type;
        if (t->kind == T_ANY || (t->kind != T_BYTES && type_has_text(t)))
            continue;
        struct diag *d = comp_diag(c, m, "E0615", at, "`%.*s` is not a tool: no model can write %s",
                                   (int)s->name.len, s->name.ptr, comp_type_text(c, t));
        if (d)
            diag_label(c->diags, d, s->mod->source, s->param[i].at, "this parameter");
        return false;
    }
    return true;
}

static struct type *call_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = make(c, T_CALL, 0);
    t->tool = comp_alloc(c, n->u.tcall.n * sizeof *t->tool);
    for (uint32_t i = 0; i < n->u.tcall.n; i++) {
        struct sym *s = resolve_path(c, m, &n->u.tcall.tool[i], true);
        if (!s)
            continue;
        if (is_tool(c, m, s, n->u.tcall.tool[i].at[n->u.tcall.tool[i].n - 1].at))
            t->tool[t->n_tool++] = s;
    }
    return t;
}

static struct type *fn_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = make(c, T_FN, n->u.tfn.params.n + 1);
    for (uint32_t i = 0; i < n->u.tfn.params.n; i++)
        t->elem[i] = lower_type_in(c, m, n->u.tfn.params.at[i]);
    t->elem[t->n - 1] = n->u.tfn.result ? lower_type_in(c, m, n->u.tfn.result) : type_plain(T_NULL);
    return t;
}

static struct type *map_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = type_map(&c->arena, lower_type_in(c, m, n->u.tmap.key),
                              lower_type_in(c, m, n->u.tmap.value));
    if (!t)
        comp_nomem(c);
    if (!type_is_key(t->elem[0]))
        comp_diag(c, m, "E0301", n->u.tmap.key->span,
                  "a key is a str, int, bool or enum, and this is %s",
                  comp_type_text(c, t->elem[0]));
    if (n->u.tmap.args.n)
        length_bounds(c, m, &n->u.tmap.args, t, NULL);
    return t;
}

static struct type *list_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = type_list(&c->arena, lower_type_in(c, m, n->u.tlist.elem));
    if (!t)
        comp_nomem(c);
    if (n->u.tlist.args.n)
        length_bounds(c, m, &n->u.tlist.args, t, NULL);
    return t;
}

static struct type *regex_type(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t = refine(c, T_STR);
    t->kind = T_REGEX_STR;
    t->text = comp_slice(c, n->u.regex.text);
    t->flags = (n->u.regex.icase ? SHAPE_ICASE : 0) | (n->u.regex.dotall ? SHAPE_DOTALL : 0);
    regex_lint(c, m, n->u.regex.text, n->u.regex.icase, n->u.regex.dotall, n->span);
    return t;
}

struct type *lower_type_in(struct comp *c, struct mod *m, const struct node *n)
{
    struct type *t;
    switch (n->kind) {
    case AST_TYPE_NAME:
        return named(c, m, n);
    case AST_TYPE_STR_LIT:
        t = literal(c, T_STR);
        t->text = comp_slice(c, n->u.str_lit);
        return t;
    case AST_TYPE_NUM_LIT:
        return number_literal(c, n);
    case AST_TYPE_BOOL_LIT:
        t = literal(c, T_BOOL);
        t->lo = n->u.bool_value;
        return t;
    case AST_TYPE_NULL:
        return type_plain(T_NULL);
    case AST_TYPE_REGEX:
        return regex_type(c, m, n);
    case AST_TYPE_LIST:
        return list_type(c, m, n);
    case AST_TYPE_MAP:
        return map_type(c, m, n);
    case AST_TYPE_CALL:
        return call_type(c, m, n);
    case AST_TYPE_TUPLE:
        t = make(c, T_TUPLE, n->u.list.n);
        for (uint32_t i = 0; i < n->u.list.n; i++)
            t->elem[i] = lower_type_in(c, m, n->u.list.at[i]);
        return n->u.list.n == 1 ? t->elem[0] : t;
    case AST_TYPE_FN:
        return fn_type(c, m, n);
    case AST_TYPE_UNION:
        return written(union_type(c, m, n), m, n->span);
    case AST_TYPE_OPTIONAL:
        t = type_opt(&c->arena, lower_type_in(c, m, n->u.inner));
        if (!t)
            comp_nomem(c);
        return t;
    default:
        return type_plain(T_ANY);
    }
}

struct type *lower_type(struct low *l, const struct node *n)
{
    return lower_type_in(l->c, l->mod, n);
}

/* ---- declarations ---- */

static struct slice const_str_arg(struct comp *c, struct mod *m, const struct node *n)
{
    struct ex e;
    if (!const_eval(c, m, n, type_plain(T_STR), &e) || c->konst[e.k - 1].kind != KONST_STR)
        return SLICE("");
    return c->konst[e.k - 1].text;
}

static void field_annotations(struct comp *c, struct sym *s, const struct field *from,
                              struct sfield *to)
{
    for (uint32_t i = 0; i < from->n_annot; i++) {
        const struct annotation *a = &from->annot[i];
        if (annotation_is(a, "alias") && a->args.n == 1) {
            to->key = const_str_arg(c, s->mod, a->args.at[0].value);
        } else if (annotation_is(a, "done") && !a->args.n) {
            to->done = true;
        } else if (annotation_is(a, "check") && a->args.n >= 1) {
            to->check = a->args.at[0].value;
            if (a->args.n > 1)
                to->check_text = const_str_arg(c, s->mod, a->args.at[1].value);
        } else {
            comp_diag(c, s->mod, "E0616", a->at, "`@%.*s` is not an annotation of a field",
                      (int)a->name.text.len, a->name.text.ptr);
        }
    }
}

struct sdecl *resolve_struct(struct comp *c, struct sym *s)
{
    if (s->strct)
        return s->strct;
    const struct decl *d = s->node->u.decl;
    struct sdecl *r = comp_alloc(c, sizeof *r);
    s->strct = r;               /* before the fields: they may refer to it */
    r->name = s->name;
    r->sym = s;
    r->n = d->u.strct.n;
    r->field = comp_alloc(c, r->n * sizeof *r->field + 1);
    for (uint32_t i = 0; i < r->n; i++) {
        const struct field *f = &d->u.strct.field[i];
        r->field[i] = (struct sfield){ .name = f->name.text, .key = f->name.text, .doc = f->doc,
                                       .fallback = f->fallback, .fallback_func = BC_NO_INDEX,
                                       .check_func = BC_NO_INDEX };
        r->field[i].type = type_plain(T_ANY);
        for (uint32_t k = 0; k < i; k++)
            if (slice_eq(r->field[k].name, f->name.text))
                comp_diag(c, s->mod, "E0318", f->name.at, "field `%.*s` is repeated",
                          (int)f->name.text.len, f->name.text.ptr);
        field_annotations(c, s, f, &r->field[i]);
    }
    for (uint32_t i = 0; i < r->n; i++) {
        r->field[i].type = lower_type_in(c, s->mod, d->u.strct.field[i].type);
        if (type_has_branches(r->field[i].type))
            comp_diag(c, s->mod, "E0503", d->u.strct.field[i].name.at,
                      "branches cannot be stored in a field");
    }
    s->state = SYM_DONE;
    return r;
}

struct edecl *resolve_enum(struct comp *c, struct sym *s)
{
    if (s->enm)
        return s->enm;
    const struct decl *d = s->node->u.decl;
    struct edecl *r = comp_alloc(c, sizeof *r);
    s->enm = r;
    r->name = s->name;
    r->sym = s;
    r->n = d->u.enm.n;
    r->variant = comp_alloc(c, r->n * sizeof *r->variant + 1);
    for (uint32_t i = 0; i < r->n; i++) {
        const struct variant *v = &d->u.enm.variant[i];
        r->variant[i] = (struct evariant){ v->name.text, v->has_text ? v->text : v->name.text,
                                           v->doc };
        for (uint32_t k = 0; k < i; k++)
            if (slice_eq(r->variant[k].name, v->name.text) ||
                slice_eq(r->variant[k].text, r->variant[i].text))
                comp_diag(c, s->mod, "E0318", v->name.at, "variant `%.*s` is repeated",
                          (int)v->name.text.len, v->name.text.ptr);
    }
    s->state = SYM_DONE;
    return r;
}

static void func_annotations(struct comp *c, struct sym *s)
{
    static const char *const native_text[] = {
#define X(name, text, n) text,
        NATIVE_ROWS(X)
#undef X
    };
    const struct decl *d = s->node->u.decl;
    for (uint32_t i = 0; i < d->n_annot; i++) {
        const struct annotation *a = &d->annot[i];
        if (annotation_is(a, "pure")) {
            s->pure = true;
        } else if (annotation_is(a, "idempotent") && s->kind == SYM_EXTERN) {
            s->idempotent = true;
        } else if (annotation_is(a, "native") && s->mod->is_std && a->args.n == 1) {
            struct slice text = const_str_arg(c, s->mod, a->args.at[0].value);
            for (uint32_t k = 0; k < NATIVE_N && !s->native; k++)
                if (slice_is(text, native_text[k]))
                    s->native = k + 1;
            if (!s->native)
                comp_diag(c, s->mod, "E0616", a->at, "there is no native `%.*s`", (int)text.len,
                          text.ptr);
        } else if (annotation_is(a, "gives") && s->mod->is_std && a->args.n == 1) {
            s->gives = const_str_arg(c, s->mod, a->args.at[0].value);
        } else {
            comp_diag(c, s->mod, "E0616", a->at, "`@%.*s` does not belong here",
                      (int)a->name.text.len, a->name.text.ptr);
        }
    }
}

void resolve_func(struct comp *c, struct sym *s)
{
    if (s->state != SYM_NEW)
        return;
    s->state = SYM_OPEN;
    const struct decl *d = s->node->u.decl;
    bool ext = s->kind == SYM_EXTERN;
    const struct param *from = ext ? d->u.ext.param : d->u.fn.param;
    s->n_param = ext ? d->u.ext.n : d->u.fn.n;
    s->param = comp_alloc(c, s->n_param * sizeof *s->param + 1);
    for (uint32_t i = 0; i < s->n_param; i++) {
        struct fparam *p = &s->param[i];
        *p = (struct fparam){ .name = from[i].name.text, .at = from[i].name.at,
                              .fallback = from[i].fallback, .fallback_func = BC_NO_INDEX };
        p->type = lower_type_in(c, s->mod, from[i].type);
        for (uint32_t k = 0; k < i; k++)
            if (slice_eq(s->param[k].name, p->name))
                comp_diag(c, s->mod, "E0202", p->at, "parameter `%.*s` is declared twice",
                          (int)p->name.len, p->name.ptr);
    }
    const struct node *result = ext ? d->u.ext.result : d->u.fn.result;
    s->result = result ? lower_type_in(c, s->mod, result) : type_plain(T_NULL);
    if (type_has_branches(s->result)) {
        comp_diag(c, s->mod, "E0503", result->span,
                  "branches cannot leave the block that forked them");
        s->result = type_plain(T_ANY);
    }
    func_annotations(c, s);
    s->state = SYM_DONE;
}

struct type *type_of_func(struct comp *c, struct sym *s)
{
    resolve_func(c, s);
    struct type *t = make(c, T_FN, s->n_param + 1);
    for (uint32_t i = 0; i < s->n_param; i++)
        t->elem[i] = s->param[i].type;
    t->elem[s->n_param] = s->result;
    return t;
}
