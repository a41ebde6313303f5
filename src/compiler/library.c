/* library.c - the library that is always in scope: typed rows over natives and prelude functions.
 *
 * A row's types are written in a small form of the language's types with variables K T U V:
 * `[T]` against a list of int binds T to int, and the result `[U]` of `map` is what the lambda
 * gives.  Rows of one name are tried in order: by the receiver, then by the number of arguments. */
#include <string.h>

#include "compiler/suggest.h"

struct row {
    const char    *self;        /* receiver, or "" for a function */
    const char    *name;
    const char    *params;      /* name:type separated by ';'; `=` behind a type: has a default */
    const char    *result;
    int            native;      /* or -1 */
    const char    *prelude;
};

#define N(self, name, params, result, id) { self, name, params, result, NATIVE_##id, NULL }
#define P(self, name, params, result, fn) { self, name, params, result, -1, fn }

static const struct row rows[] = {
    N("str", "len", "", "int", STR_LEN), N("str", "lower", "", "str", STR_LOWER),
    N("str", "upper", "", "str", STR_UPPER), N("str", "trim", "", "str", STR_TRIM),
    N("str", "trim_start", "", "str", STR_TRIM_START),
    N("str", "trim_end", "", "str", STR_TRIM_END),
    N("str", "split", "sep:str|regex", "[str]", STR_SPLIT),
    N("str", "lines", "", "[str]", STR_LINES),
    N("str", "words", "", "[str]", STR_WORDS), N("str", "chars", "", "[str]", STR_CHARS),
    N("str", "replace", "a:str|regex;b:str", "str", STR_REPLACE),
    N("str", "has", "s:str", "bool", STR_HAS),
    N("str", "starts", "s:str", "bool", STR_STARTS), N("str", "ends", "s:str", "bool", STR_ENDS),
    N("str", "find", "re:regex|str", "match?", STR_FIND),
    N("str", "find_all", "re:regex|str", "[match]", STR_FIND_ALL),
    N("str", "pad", "n:int", "str", STR_PAD),
    N("str", "repeat", "n:int", "str", STR_REPEAT),
    N("float", "fixed", "digits:int", "str", NUM_FIXED), N("float", "round", "", "int", NUM_ROUND),
    N("float", "floor", "", "int", NUM_FLOOR), N("float", "ceil", "", "int", NUM_CEIL),
    N("int", "abs", "", "int", ABS), N("float", "abs", "", "float", ABS),
    N("int", "div", "b:int", "int", INT_DIV),
    N("[T]", "len", "", "int", LIST_LEN), P("[T]", "map", "f:fn(T,int)->U", "[U]", "_list_map"),
    P("[T]", "filter", "f:fn(T,int)->bool", "[T]", "_list_filter"),
    P("[T]", "find", "f:fn(T,int)->bool", "T?", "_list_find"),
    P("[T]", "any", "f:fn(T,int)->bool", "bool", "_list_any"),
    P("[T]", "all", "f:fn(T,int)->bool", "bool", "_list_all"),
    P("[T]", "count", "f:fn(T,int)->bool", "int", "_list_count"),
    N("[T]", "sum", "", "T", LIST_SUM),
    P("[T]", "sum", "f:fn(T,int)->U", "U", "_list_sum"), N("[T]", "min", "", "T", LIST_MIN),
    N("[T]", "max", "", "T", LIST_MAX), N("[T]", "sort", "", "[T]", LIST_SORT),
    P("[T]", "sort", "f:fn(T,int)->U", "[T]", "_list_sort"),
    P("[T]", "top", "n:int;f:fn(T,int)->U", "[T]", "_list_top"),
    N("[T]", "reverse", "", "[T]", LIST_REVERSE),
    N("[T]", "unique", "", "[T]", LIST_UNIQUE), N("[T]", "first", "", "T", LIST_FIRST),
    N("[T]", "last", "", "T", LIST_LAST), N("[T]", "take", "n:int", "[T]", LIST_TAKE),
    N("[T]", "drop", "n:int", "[T]", LIST_DROP), N("[T]", "has", "x:T", "bool", LIST_HAS),
    N("[T]", "index", "x:T", "int?", LIST_INDEX), N("[T]", "join", "sep:str=", "str", LIST_JOIN),
    N("[[T]]", "flatten", "", "[T]", LIST_FLATTEN),
    N("[T]", "chunks", "n:int", "[[T]]", LIST_CHUNKS),
    P("[T]", "group", "f:fn(T,int)->U", "[U:[T]]", "_list_group"),
    P("[T]", "reduce", "init:U;f:fn(U,T)->U", "U", "_list_reduce"),
    N("[T]", "push", "x:T", "[T]", LIST_PUSH),
    N("[T]", "indexed", "", "[(int,T)]", LIST_INDEXED),
    N("[T]", "shuffle", "", "[T]", LIST_SHUFFLE),
    N("[T]", "pick", "k:int", "[T]", LIST_PICK),
    N("[K:V]", "len", "", "int", LIST_LEN), N("[K:V]", "keys", "", "[K]", MAP_KEYS),
    N("[K:V]", "values", "", "[V]", MAP_VALUES), N("[K:V]", "pairs", "", "[(K,V)]", MAP_PAIRS),
    N("[K:V]", "has", "k:K", "bool", MAP_HAS), N("[K:V]", "get", "k:K;default:V=", "V", MAP_GET),
    P("[K:V]", "map", "f:fn(K,V)->U", "[K:U]", "_map_map"),
    P("[K:V]", "filter", "f:fn(K,V)->bool", "[K:V]", "_map_filter"),
    N("[K:V]", "argmax", "", "K", MAP_ARGMAX),
    N("[K:V]", "argmin", "", "K", MAP_ARGMIN), N("[K:V]", "remove", "k:K", "[K:V]", MAP_REMOVE),
    N("call", "run", "", "str", CALL_RUN),
    N("", "input", "prompt:str=", "str?", INPUT),
    N("", "require", "cond:bool;why:str=", "null", REQUIRE),
    N("", "fail", "text:str;kind:str=", "never", FAIL),
    N("", "error", "kind:str;text:str", "error", ERROR),
    N("", "token", "name:str", "token", TOKEN), N("", "abs", "x:T", "T", ABS),
    N("", "near", "a:float;b:float;eps:float", "bool", NEAR),
    N("", "zip", "a:[T];b:[U]", "[(T,U)]", ZIP),
    N("", "map_of", "keys:[K];values:[V]", "[K:V]", MAP_OF), N("", "min", "a:T;b:T", "T", MIN2),
    N("", "max", "a:T;b:T", "T", MAX2),
    P("", "assert_error", "kind:str;f:fn()->any", "null", "_assert_error"),
    P("", "at_least", "k:int", "fn([any],int)->bool", "_at_least"),
};

enum { N_ROW = sizeof rows / sizeof rows[0] };

/* ---- types of rows ---- */

struct sig {
    struct comp *c;
    const char  *p;
};

static struct type *sig_type(struct sig *s);

static struct type *sig_make(struct sig *s, enum type_kind kind, uint32_t n)
{
    struct type *t = type_make(&s->c->arena, kind, n);
    if (!t)
        comp_nomem(s->c);
    return t;
}

static struct type *sig_fn(struct sig *s)
{
    struct type *e[8];
    uint32_t n = 0;
    s->p += 3;                                  /* fn( */
    while (*s->p != ')' && n < 7) {
        e[n++] = sig_type(s);
        if (*s->p == ',')
            s->p++;
    }
    s->p += 3;                                  /* )-> */
    e[n++] = sig_type(s);
    struct type *t = sig_make(s, T_FN, n);
    memcpy(t->elem, e, n * sizeof *e);
    return t;
}

static struct type *sig_bracket(struct sig *s)
{
    char close = *s->p == '[' ? ']' : ')';
    s->p++;
    struct type *a = sig_type(s), *b = NULL;
    char sep = *s->p;
    if (sep == ':' || sep == ',') {
        s->p++;
        b = sig_type(s);
    }
    if (*s->p == close)
        s->p++;
    struct type *t = sig_make(s, close == ')' ? T_TUPLE : b ? T_MAP : T_LIST, b ? 2 : 1);
    t->elem[0] = a;
    if (b)
        t->elem[1] = b;
    return t;
}

static struct type *sig_word(struct sig *s)
{
    static const struct { const char *name; enum type_kind kind; } word[] = {
        { "str", T_STR }, { "int", T_INT }, { "float", T_FLOAT }, { "bool", T_BOOL },
            { "null", T_NULL },
        { "regex", T_REGEX }, { "match", T_MATCH }, { "error", T_ERROR }, { "token", T_TOKEN },
        { "any", T_ANY }, { "never", T_NEVER }, { "call", T_CALL },
    };
    size_t len = strspn(s->p, "abcdefghijklmnopqrstuvwxyz");
    if (!len) {
        struct type *t = sig_make(s, T_VAR, 0);
        t->text = (struct slice){ s->p++, 1 };
        return t;
    }
    struct slice w = { s->p, len };
    s->p += len;
    for (size_t i = 0; i < sizeof word / sizeof word[0]; i++)
        if (slice_is(w, word[i].name))
            return type_plain(word[i].kind);
    return type_plain(T_ANY);
}

static struct type *sig_type(struct sig *s)
{
    struct type *t = strncmp(s->p, "fn(", 3) == 0 ? sig_fn(s)
                     : *s->p == '[' || *s->p == '(' ? sig_bracket(s) : sig_word(s);
    if (*s->p == '?') {
        s->p++;
        struct type *o = sig_make(s, T_OPT, 1);
        o->elem[0] = t;
        return o;
    }
    if (*s->p == '|') {
        s->p++;
        struct type *u = sig_make(s, T_UNION, 2);
        u->elem[0] = t;
        u->elem[1] = sig_type(s);
        return u;
    }
    return t;
}

/* ---- variables ---- */

struct vars {
    struct comp *c;
    struct type *bound[26];
};

static void unify(struct vars *v, const struct type *pattern, struct type *actual)
{
    if (pattern->kind == T_VAR) {
        struct type **b = &v->bound[pattern->text.ptr[0] - 'A'];
        struct type *both = *b ? type_common(&v->c->arena, *b, actual) : actual;
        *b = both ? both : *b;
        return;
    }
    if (actual->kind == T_OPT && pattern->kind == T_OPT) {
        unify(v, pattern->elem[0], actual->elem[0]);
        return;
    }
    if (actual->kind == T_ANY || actual->kind == T_JSON || actual->kind == T_RANGE ||
        actual->kind != pattern->kind) {
        struct type *t = actual->kind == T_RANGE ? type_plain(T_INT)
                         : actual->kind == T_BRANCHES ? actual->elem[0] : type_plain(T_ANY);
        for (uint32_t i = 0; i < pattern->n; i++)
            if (actual->kind == T_ANY || actual->kind == T_RANGE || actual->kind == T_BRANCHES)
                unify(v, pattern->elem[i], t);
        return;
    }
    if (actual->kind == T_FN) {
        unify(v, pattern->elem[pattern->n - 1], actual->elem[actual->n - 1]);
        return;
    }
    for (uint32_t i = 0; i < pattern->n && i < actual->n; i++)
        unify(v, pattern->elem[i], actual->elem[i]);
}

static struct type *subst(struct vars *v, struct type *t)
{
    if (t->kind == T_VAR) {
        struct type *b = v->bound[t->text.ptr[0] - 'A'];
        return b ? b : t;
    }
    if (!t->n)
        return t;
    struct type *r = type_make(&v->c->arena, t->kind, t->n);
    if (!r)
        comp_nomem(v->c);
    for (uint32_t i = 0; i < t->n; i++)
        r->elem[i] = subst(v, t->elem[i]);
    return r->kind == T_OPT ? type_opt(&v->c->arena, r->elem[0]) : r;
}

/* Variables that nothing bound are `any`. */
static struct type *close_type(struct vars *v, struct type *t)
{
    for (int i = 0; i < 26; i++)
        if (!v->bound[i])
            v->bound[i] = type_plain(T_ANY);
    return subst(v, t);
}

struct type *library_gives(struct comp *c, struct slice gives, struct type *list)
{
    struct vars v = { .c = c };
    struct sig s = { c, arena_strdup(&c->arena, gives) };
    if (!s.p)
        comp_nomem(c);
    v.bound['T' - 'A'] = list->kind == T_LIST ? list->elem[0]
                         : list->kind == T_RANGE ? type_plain(T_INT) : NULL;
    return close_type(&v, sig_type(&s));
}

/* ---- rows ---- */

struct formal {
    struct slice name;
    struct type *type;
    bool         optional;
};

enum { FORMAL_MAX = 4 };

static uint32_t formals(struct comp *c, const struct row *r, struct formal *out)
{
    struct sig s = { c, r->params };
    uint32_t n = 0;
    while (*s.p && n < FORMAL_MAX) {
        size_t len = strcspn(s.p, ":");
        out[n].name = (struct slice){ s.p, len };
        s.p += len + 1;
        out[n].type = sig_type(&s);
        out[n].optional = *s.p == '=';
        s.p += out[n].optional;
        s.p += *s.p == ';';
        n++;
    }
    return n;
}

static bool receives(const char *self, const struct type *t)
{
    enum type_kind k = type_base(t)->kind;
    if (!*self)
        return false;
    if (k == T_ANY)
        return true;
    if (strcmp(self, "str") == 0)
        return type_is_str(t) || k == T_PATH;
    if (strcmp(self, "int") == 0)
        return k == T_INT;
    if (strcmp(self, "float") == 0)
        return k == T_INT || k == T_FLOAT;
    if (strcmp(self, "call") == 0)
        return k == T_CALL;
    if (strcmp(self, "[K:V]") == 0)
        return k == T_MAP;
    if (strcmp(self, "[[T]]") == 0)
        return k == T_LIST && (t->elem[0]->kind == T_LIST || t->elem[0]->kind == T_ANY);
    return k == T_LIST || k == T_RANGE || k == T_BRANCHES;
}

void library_suggest(struct suggest *s, const struct type *self)
{
    for (uint32_t i = 0; i < N_ROW; i++)
        if (self ? receives(rows[i].self, self) : !*rows[i].self)
            suggest_try(s, slice_of(rows[i].name));
    if (!self)
        library_suggest_forms(s);
}

bool library_has_method(const struct type *t, struct slice name)
{
    for (uint32_t i = 0; i < N_ROW; i++)
        if (slice_is(name, rows[i].name) && receives(rows[i].self, t))
            return true;
    return false;
}

static uint32_t required(const struct formal *f, uint32_t n)
{
    while (n && f[n - 1].optional)
        n--;
    return n;
}

/* The row of that name whose receiver and number of arguments fit; else one that is near. */
static const struct row *choose(struct comp *c, const struct type *self, struct slice name,
                                uint32_t n_arg)
{
    const struct row *near = NULL;
    for (uint32_t i = 0; i < N_ROW; i++) {
        const struct row *r = &rows[i];
        if (!slice_is(name, r->name) || (self ? !receives(r->self, self) : *r->self))
            continue;
        struct formal f[FORMAL_MAX];
        uint32_t n = formals(c, r, f);
        if (n_arg >= required(f, n) && n_arg <= n)
            return r;
        near = near ? near : r;
    }
    return near;
}

uint32_t call_native(struct low *l, enum native_id id, const uint32_t *arg, uint32_t n,
                     struct type *t, struct span at)
{
    return ir_opn(l, IR_NATIVE, t, arg, n, (uint32_t)id, at);
}

static struct ex default_value(struct low *l, const struct row *r, struct slice name,
                               struct span at)
{
    struct comp *c = l->c;
    if (slice_is(name, "kind"))
        return ex_konst(c, konst_str(c, SLICE("Fail")), type_plain(T_STR), at);
    if (slice_is(name, "why") || slice_is(name, "prompt") || slice_is(name, "sep"))
        return ex_konst(c, konst_str(c, SLICE("")), type_plain(T_STR), at);
    (void)r;
    return ex_null(l, at);
}

static struct ex finish(struct low *l, const struct row *r, const uint32_t *v, uint32_t n,
                        struct type *t,
                        struct span at)
{
    struct comp *c = l->c;
    uint32_t out;
    if (r->native >= 0) {
        out = call_native(l, (enum native_id)r->native, v, n, t, at);
    } else {
        struct sym *s = prelude_sym(c, r->prelude);
        if (!s) {
            low_diag(l, "E0113", at, "`%s` is not supported yet", r->name);
            return ex_bad(l, at);
        }
        uint32_t func = func_of(c, s);
        *(uint32_t *)comp_push(c, &l->f->callee, &l->f->n_callee, &l->f->cap_callee, sizeof func) = func;
        out = ir_opn(l, IR_CALL, t, v, n, func, at);
    }
    if (t->kind == T_NEVER)
        l->dead = true;
    /* the sum of nothing is the int 0, and max(2, 1.5) may be the int */
    if (type_base(t)->kind == T_FLOAT && (strcmp(r->name, "sum") == 0 || !*r->self))
        out = ir_op1(l, IR_CHECK, t, out, rtype_of(c, t), at);
    return ex_of(out, t, at);
}

static struct ex call_row(struct low *l, const struct row *r, const struct ex *self,
                          struct name name,
                          const struct arg_list *args, struct span at, struct type *want)
{
    struct comp *c = l->c;
    struct vars vars = { .c = c };
    struct formal f[FORMAL_MAX];
    const struct node *given[FORMAL_MAX] = { 0 };
    uint32_t n = formals(c, r, f), v[FORMAL_MAX + 1], n_v = 0;
    struct sig res = { c, r->result };
    struct type *result = sig_type(&res);
    if (self) {
        struct sig s = { c, r->self };
        struct type *st = sig_type(&s);
        struct ex e = *self;
        unify(&vars, st, e.t);
        if (e.t->kind == T_RANGE && st->kind == T_LIST)
            e = coerce(l, e, type_list(&c->arena, type_plain(T_INT)), at);
        v[n_v++] = ex_value(l, e);
    }
    (void)want;
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        uint32_t k = i;
        if (a->name.text.len)
            for (k = 0; k < n && !slice_eq(f[k].name, a->name.text);)
                k++;
        if (k >= n || given[k]) {
            bool again = k < n && a->name.text.len;
            low_diag(l, a->name.text.len ? "E0206" : "E0208",
                     a->name.text.len ? a->name.at : a->value->span,
                     again ? "`%.*s` gets `%.*s` twice" : a->name.text.len ? "`%.*s` has no argument `%.*s`"
                     : "`%.*s` has too many arguments",
                     (int)name.text.len, name.text.ptr, (int)a->name.text.len, a->name.text.ptr);
            return ex_bad(l, at);
        }
        given[k] = a->value;
    }
    for (uint32_t i = 0; i < n; i++) {
        struct type *t = subst(&vars, f[i].type);
        struct ex e;
        if (given[i]) {
            bool open = f[i].type->kind == T_VAR && t->kind == T_VAR;
            e = lower_expr(l, given[i], open ? NULL : t);
            e.at = given[i]->span;
            e = e.t->kind == T_BRANCHES ? ex_join(l, e) : e;
            if (f[i].type->kind == T_FN && e.t->kind != T_FN && e.t->kind != T_ANY &&
                e.t->kind != T_NEVER) {
                low_diag(l, "E0301", e.at, "a function is wanted here, but this is %s",
                         comp_type_text(c, e.t));
                return ex_bad(l, at);
            }
            if (f[i].type->kind == T_VAR && !self) {
                unify(&vars, f[i].type, e.t);       /* min(1, 2.5): their common type */
                t = subst(&vars, f[i].type);
            } else {
                unify(&vars, f[i].type, e.t);
            }
            if (e.t->kind == T_OPT && type_base(t)->kind != T_OPT)
                e = coerce(l, e, t, e.at);
            else if (type_fits(e.t, t) == FIT_NO || t->kind == T_STR || t->kind == T_INT ||
                     t->kind == T_FLOAT ||
                     t->kind == T_ENUM || t->kind == T_LIST || t->kind == T_BOOL || t->kind == T_FN)
                e = coerce(l, e, t, e.at);
        } else if (f[i].optional) {
            e = default_value(l, r, f[i].name, at);
            if (slice_is(f[i].name, "default"))
                result = type_opt(&c->arena, result);
        } else {
            low_diag(l, "E0207", call_end(at), "`%.*s` needs the argument `%.*s`",
                     (int)name.text.len, name.text.ptr,
                     (int)f[i].name.len, f[i].name.ptr);
            return ex_bad(l, at);
        }
        v[n_v++] = ex_value(l, e);
    }
    return finish(l, r, v, n_v, close_type(&vars, result), at);
}

struct ex library_method(struct low *l, struct ex self, struct name name,
                         const struct arg_list *args,
                         struct span at, struct type *want)
{
    struct slice s = name.text;
    if (self.t->kind == T_NEVER)
        return self;
    struct type *t = self.t;
    if (type_base(t)->kind == T_JSON) {         /* a text, list or object: by the method's name */
        self.t = type_plain(T_ANY);
        t = self.t;
    }
    const struct row *r = choose(l->c, t, s, args->n);
    if (!r) {
        if (t->kind == T_OPT)
            member_of_null(l, self, name, "()");
        else
            no_member(l, t, name);
        for (uint32_t i = 0; i < args->n; i++)
            lower_expr(l, args->at[i].value, NULL);
        return ex_bad(l, at);
    }
    self = ex_join(l, self);
    return call_row(l, r, &self, name, args, at, want);
}

/* ---- functions ---- */

bool library_has(struct slice name)
{
    if (library_is_form(name))
        return true;
    for (uint32_t i = 0; i < N_ROW; i++)
        if (!*rows[i].self && slice_is(name, rows[i].name))
            return true;
    return false;
}

void library_each(bool member, void (*fn)(void *ctx, struct slice name), void *ctx)
{
    for (uint32_t i = 0; i < N_ROW; i++)
        if (member == (*rows[i].self != '\0'))
            fn(ctx, slice_of(rows[i].name));
    if (!member)
        library_each_form(fn, ctx);
}

static bool is_setting(struct slice name)
{
    static const char *const setting[] = { "sampling", "seed", "budget", "concurrency", "mock",
                                           "stub", "model",
                                           "lora" };
    for (size_t i = 0; i < sizeof setting / sizeof setting[0]; i++)
        if (slice_is(name, setting[i]))
            return true;
    return false;
}

bool library_call(struct low *l, const struct node *n, struct slice name, struct type *want,
                  struct ex *ret)
{
    if (library_form(l, n, name, want, ret))
        return true;
    const struct row *r = library_has(name) ? choose(l->c, NULL, name, n->u.call.args.n) : NULL;
    if (r) {
        *ret = call_row(l, r, NULL, n->u.call.callee->u.name, &n->u.call.args, n->span, want);
        return true;
    }
    if (!is_setting(name))
        return false;
    low_diag(l, "E0701", n->span, "`%.*s` is a setting: write `with %.*s(...) { ... }`",
             (int)name.len, name.ptr,
             (int)name.len, name.ptr);
    *ret = ex_bad(l, n->span);
    return true;
}
