/* lower_options.c - what `select` and `score` choose from: lists and finite types, looked at when
 * they are constant.
 *
 * Options are told apart by their text form, whatever values they are.  Their lengths are measured
 * without a tokenizer, as `mock` does it: a token is four bytes, begun. */
#include <string.h>

#include "compiler/lower.h"

enum { OPTION_MAX = 4096, TOKEN_BYTES = 4, LENGTH_RATIO = 4 };

struct options {
    struct comp  *c;
    struct slice *text;
    uint32_t      n, cap;
    uint32_t      n_left_out;       /* beyond the limit: counted only */
    const struct node *list;        /* as it is written, or NULL */
    struct span   at;               /* of all */
};

static struct span option_at(const struct options *o, uint32_t i)
{
    bool written = o->list && o->list->kind == AST_EXPR_LIST && i < o->list->u.list.n;
    return written ? o->list->u.list.at[i]->span : o->at;
}

static void add_text(struct options *o, struct slice text)
{
    if (o->n == OPTION_MAX) {
        o->n_left_out++;
        return;
    }
    if (o->n == o->cap) {
        uint32_t cap = o->cap ? o->cap * 2 : 16;
        struct slice *grown = comp_alloc(o->c, cap * sizeof *grown);
        if (o->n)
            memcpy(grown, o->text, o->n * sizeof *grown);
        o->text = grown;
        o->cap = cap;
    }
    o->text[o->n++] = text;
}

/* False: it has no text form, which is reported elsewhere. */
static bool add_konst(struct options *o, uint32_t k)
{
    struct str s = { 0 };
    bool ok = konst_text(o->c, k, &s);
    if (ok)
        add_text(o, comp_slice(o->c, str_slice(&s)));
    str_free(&s);
    return ok;
}

bool type_is_finite(const struct type *t)
{
    switch (t->kind) {
    case T_ENUM: case T_BOOL: case T_LIT:
        return true;
    case T_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            if (!type_is_finite(t->elem[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static void add_literal(struct options *o, const struct type *t)
{
    if (t->lit == T_STR)
        add_text(o, t->text);
    else if (t->lit == T_INT)
        add_konst(o, konst_int(o->c, t->lo));
    else if (t->lit == T_BOOL)
        add_konst(o, konst_bool(o->c, t->lo));
    else
        add_konst(o, konst_float(o->c, t->flo));
}

static void add_type(struct options *o, const struct type *t)
{
    if (t->kind == T_ENUM) {
        for (uint32_t i = 0; i < t->enm->n; i++)
            add_text(o, t->enm->variant[i].text);
    } else if (t->kind == T_BOOL) {
        add_text(o, SLICE("true"));
        add_text(o, SLICE("false"));
    } else if (t->kind == T_LIT) {
        add_literal(o, t);
    } else {
        for (uint32_t i = 0; i < t->n; i++)
            add_type(o, t->elem[i]);
    }
}

/* ---- what can be wrong ---- */

static bool is_blank(char x)
{
    return x == ' ' || x == '\t';
}

static void check_distinct(struct low *l, const struct options *o)
{
    struct hashmap seen = { 0 };
    uint64_t before;
    for (uint32_t i = 0; i < o->n; i++) {
        struct slice s = o->text[i];
        if (!s.len) {
            low_diag(l, "E0417", option_at(o, i), "an option is not empty");
            break;
        }
        if (hashmap_get(&seen, s, &before)) {
            low_diag(l, "E0417", option_at(o, i), "option \"%.*s\" is repeated",
                     (int)(s.len < 60 ? s.len : 60), s.ptr);
            break;
        }
        if (!hashmap_put(&seen, s, i)) {
            hashmap_free(&seen);
            comp_nomem(l->c);
        }
    }
    hashmap_free(&seen);
}

static void warn_edges(struct low *l, const struct options *o)
{
    for (uint32_t i = 0; i < o->n; i++) {
        struct slice s = o->text[i];
        if (!s.len || !(is_blank(s.ptr[0]) || is_blank(s.ptr[s.len - 1])))
            continue;
        low_diag(l, "W0407", option_at(o, i),
                 "the blank at the edge of \"%.*s\" is part of the option",
                 (int)s.len, s.ptr);
        return;
    }
}

static void warn_lengths(struct low *l, const struct options *o)
{
    uint32_t lo = 0, hi = 0;
    for (uint32_t i = 1; i < o->n; i++) {
        lo = o->text[i].len < o->text[lo].len ? i : lo;
        hi = o->text[i].len > o->text[hi].len ? i : hi;
    }
    if (!o->n)
        return;
    size_t few = (o->text[lo].len + TOKEN_BYTES - 1) / TOKEN_BYTES;
    size_t many = (o->text[hi].len + TOKEN_BYTES - 1) / TOKEN_BYTES;
    if (!few || many <= few * LENGTH_RATIO)
        return;
    struct slice s = o->text[lo], b = o->text[hi];
    struct diag *d = low_diag(l, "W0406", option_at(o, hi),
                              "\"%.*s\" is more than four times as long as \"%.*s\"",
                              (int)(b.len < 60 ? b.len : 60), b.ptr, (int)s.len, s.ptr);
    if (d)
        diag_note(l->c->diags, d, "scores of options of very different length compare badly: "
                  "choose between short labels");
}

static void check(struct low *l, const struct options *o)
{
    if (!o->n) {
        low_diag(l, "E0417", o->at, "there are no options");
        return;
    }
    if (o->n_left_out)
        low_diag(l, "E0417", o->at, "%u options: at most %d", o->n + o->n_left_out, OPTION_MAX);
    check_distinct(l, o);
    warn_edges(l, o);
    warn_lengths(l, o);
}

void check_option_list(struct low *l, struct ex e, const struct node *written)
{
    struct comp *c = l->c;
    struct options o = { .c = c, .list = written, .at = written->span };
    if (!e.k || c->konst[e.k - 1].kind != KONST_LIST)
        return;
    const struct konst list = c->konst[e.k - 1];
    for (uint32_t i = 0; i < list.n; i++)
        if (!add_konst(&o, list.item[i]))
            return;
    check(l, &o);
}

void check_option_type(struct low *l, const struct type *t, struct span at)
{
    struct options o = { .c = l->c, .at = at };
    add_type(&o, t);
    check(l, &o);
}
