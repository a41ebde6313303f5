/* lower_args.c - the arguments of gen, select, score and sampling(...): names, types and ranges.
 *
 * Rows say what a number may be; texts, lists and patterns are looked at one by one.  Only what is
 * constant is judged here: the machine looks at the rest when it is used (R0404).  A row also says
 * which forms take the argument, so that none is accepted and then ignored. */
#include <math.h>
#include <string.h>

#include "compiler/suggest.h"

enum { TAKES_GEN = 1, TAKES_CHOICE = 2, TAKES_ALL = 3 };

struct arg_row {
    const char        *name;
    enum site_arg_kind kind;
    enum type_kind     type;        /* T_ANY: looked at here */
    double             lo, hi;
    const char        *range;       /* as a reader says it */
    uint8_t            takes;
};

/* No count of tokens is larger: a window of that size does not exist. */
#define MANY 1e9

static const struct arg_row arg_rows[] = {
    { "max", ARG_MAX, T_INT, 1, MANY, "1 or more", TAKES_GEN },
    { "min", ARG_MIN, T_INT, 0, MANY, "0 or more", TAKES_GEN },
    { "stop", ARG_STOP, T_ANY, 0, 0, "", TAKES_GEN },
    { "stop_tokens", ARG_STOP_TOKENS, T_ANY, 0, 0, "", TAKES_GEN },
    { "stop_regex", ARG_STOP_REGEX, T_ANY, 0, 0, "", TAKES_GEN },
    { "temp", ARG_TEMP, T_FLOAT, 0, 1e9, "0 or more", TAKES_ALL },
    { "top_p", ARG_TOP_P, T_FLOAT, 0, 1, "more than 0 and at most 1", TAKES_GEN },
    { "top_k", ARG_TOP_K, T_INT, -1, MANY, "-1 (all) or 1 and more", TAKES_GEN },
    { "min_p", ARG_MIN_P, T_FLOAT, 0, 1, "0 to 1", TAKES_GEN },
    { "freq_penalty", ARG_FREQ_PENALTY, T_FLOAT, -2, 2, "-2 to 2", TAKES_GEN },
    { "presence_penalty", ARG_PRESENCE_PENALTY, T_FLOAT, -2, 2, "-2 to 2", TAKES_GEN },
    { "repetition_penalty", ARG_REPETITION_PENALTY, T_FLOAT, 0, 2, "more than 0 and at most 2",
      TAKES_GEN },
    { "ignore_eos", ARG_IGNORE_EOS, T_BOOL, 0, 0, "", TAKES_GEN },
    { "logprobs", ARG_LOGPROBS, T_BOOL, 0, 0, "", TAKES_ALL },
    { "top_logprobs", ARG_TOP_LOGPROBS, T_INT, 0, 64, "0 to 64", TAKES_ALL },
    { "n", ARG_N, T_INT, 1, 256, "1 to 256", TAKES_GEN },
    { "seed", ARG_SEED, T_INT, 0, 1e19, "0 or more", TAKES_ALL },
    { "logit_bias", ARG_LOGIT_BIAS, T_ANY, -100, 100, "-100 to 100", TAKES_GEN },
    { "think", ARG_THINK, T_INT, 0, MANY, "0 or more", TAKES_ALL },
    { "keep_thinking", ARG_KEEP_THINKING, T_BOOL, 0, 0, "", TAKES_ALL },
    { "strict", ARG_STRICT, T_BOOL, 0, 0, "", TAKES_GEN },
    { "heal", ARG_HEAL, T_BOOL, 0, 0, "", TAKES_ALL },
    { "json_style", ARG_JSON_STYLE, T_STR, 0, 0, "", TAKES_GEN },
    { "by", ARG_BY, T_STR, 0, 0, "", TAKES_ALL },
};

static const struct arg_row *find_arg(struct slice name)
{
    for (size_t i = 0; i < sizeof arg_rows / sizeof arg_rows[0]; i++)
        if (slice_is(name, arg_rows[i].name))
            return &arg_rows[i];
    return NULL;
}

static void unknown_arg(struct low *l, const struct arg *a, const char *what)
{
    struct suggest near = { .wanted = a->name.text };
    struct diag *d = low_diag(l, "E0206", a->name.at, "`%s` has no argument `%.*s`", what,
                              (int)a->name.text.len, a->name.text.ptr);
    for (size_t i = 0; i < sizeof arg_rows / sizeof arg_rows[0]; i++)
        suggest_try(&near, slice_of(arg_rows[i].name));
    suggest_say(&near, l->c, d, a->name.at);
}

static double number_of(const struct konst *k)
{
    return k->kind == KONST_INT ? (double)k->i : k->kind == KONST_FLOAT ? k->f : NAN;
}

static bool in_range(const struct arg_row *r, double x)
{
    bool open = r->kind == ARG_TOP_P || r->kind == ARG_REPETITION_PENALTY;      /* above lo */
    if (isnan(x))
        return true;
    return x >= r->lo && x <= r->hi && !(open && x == r->lo) && !(r->kind == ARG_TOP_K && x == 0);
}

static void out_of_range(struct low *l, const struct arg_row *r, struct span at)
{
    struct diag *d = low_diag(l, "E0411", at, "`%s` is out of range", r->name);
    if (d)
        diag_caret(l->c->diags, d, "%s", r->range);
}

/* ---- texts, tokens, patterns ---- */

static bool matches_nothing(struct comp *c, const struct konst *k)
{
    struct pattern_source src = { .kind = PATTERN_REGEX, .text = k->text, .flags = k->flags };
    struct pattern *p;
    struct error err = { 0 };
    size_t at;
    if (pattern_compile(&src, &p, &err) != ST_OK)
        return false;           /* reported where the regex is written */
    (void)c;
    bool empty = pattern_accepts(p, SLICE(""), &at);
    pattern_unref(p);
    return empty;
}

static const char *stop_fault(struct comp *c, const struct konst *k)
{
    if (k->kind == KONST_STR && !k->text.len)
        return "a stop text is not empty";
    if (k->kind == KONST_REGEX && matches_nothing(c, k))
        return "this regex matches the empty text: the value would end at once";
    if (k->kind == KONST_INT && k->i < 0)
        return "a token id is not negative";
    return NULL;
}

static void check_stop(struct low *l, uint32_t konst, struct span at)
{
    struct comp *c = l->c;
    const struct konst k = c->konst[konst];
    const char *why = stop_fault(c, &k);
    if (k.kind == KONST_LIST && k.n > 64)
        why = "at most 64 stops";
    for (uint32_t i = 0; k.kind == KONST_LIST && i < k.n && !why; i++)
        why = stop_fault(c, &c->konst[k.item[i]]);
    if (why)
        low_diag(l, "E0411", at, "%s", why);
}

static void check_bias(struct low *l, const struct arg_row *r, uint32_t konst, struct span at)
{
    struct comp *c = l->c;
    const struct konst k = c->konst[konst];
    for (uint32_t i = 0; k.kind == KONST_MAP && i < k.n; i++) {
        const struct konst *key = &c->konst[k.item[2 * i]];
        if (key->kind == KONST_STR ? !key->text.len : key->kind == KONST_INT && key->i < 0) {
            low_diag(l, "E0411", at,
                     "a key of `logit_bias` is a token id or the text of one token");
            return;
        }
        if (!in_range(r, number_of(&c->konst[k.item[2 * i + 1]]))) {
            out_of_range(l, r, at);
            return;
        }
    }
}

static void check_constant(struct low *l, const struct arg_row *r, struct ex e, struct span at)
{
    struct comp *c = l->c;
    const struct konst *k = &c->konst[e.k - 1];
    switch (r->kind) {
    case ARG_STOP: case ARG_STOP_TOKENS: case ARG_STOP_REGEX:
        check_stop(l, e.k - 1, at);
        return;
    case ARG_LOGIT_BIAS:
        check_bias(l, r, e.k - 1, at);
        return;
    case ARG_JSON_STYLE:
        if (!slice_is(k->text, "spaced") && !slice_is(k->text, "compact") &&
            !slice_is(k->text, "pretty"))
            low_diag(l, "E0411", at, "`json_style` is \"spaced\", \"compact\" or \"pretty\"");
        return;
    default:
        if ((r->type == T_INT || r->type == T_FLOAT) && !in_range(r, number_of(k)))
            out_of_range(l, r, at);
        return;
    }
}

static bool takes_type(const struct arg_row *r, const struct type *t)
{
    enum type_kind k = type_base(t)->kind;
    const struct type *el = k == T_LIST ? type_base(t->elem[0]) : NULL;
    switch (r->kind) {
    case ARG_STOP:
        return k == T_ANY || type_is_str(t) || (el && (type_is_str(el) || el->kind == T_ANY));
    case ARG_STOP_TOKENS:
        return k == T_ANY || (el && (el->kind == T_INT || el->kind == T_ANY));
    case ARG_STOP_REGEX:
        return k == T_ANY || k == T_REGEX || (el && (el->kind == T_REGEX || el->kind == T_ANY));
    default:
        return k == T_ANY || k == T_MAP;
    }
}

static struct ex arg_value(struct low *l, const struct arg_row *r, const struct node *n)
{
    struct ex e;
    if (r->type != T_ANY) {
        e = lower_to(l, n, type_plain(r->type));
    } else {
        e = lower_expr(l, n, NULL);
        if (!takes_type(r, e.t))
            low_diag(l, "E0301", n->span, "`%s` does not take %s", r->name,
                     comp_type_text(l->c, e.t));
    }
    if (e.k)
        check_constant(l, r, e, n->span);
    return e;
}

/* ---- one call ---- */

static void take_by(struct low *l, struct site *s, const struct node *n)
{
    static const char *const by[] = { "joint", "mean", "greedy", "pmi", "sample" };
    struct ex e = lower_to(l, n, type_plain(T_STR));
    s->has_by = true;
    s->by_at = n->span;
    if (!e.k) {
        low_diag(l, "E0416", n->span, "`by` is a constant: it decides what is computed");
        return;
    }
    for (int i = 0; i < 5; i++)
        if (slice_is(l->c->konst[e.k - 1].text, by[i])) {
            s->g.by = (uint8_t)i;
            return;
        }
    low_diag(l, "E0416", n->span,
             "`by` is one of \"joint\" \"mean\" \"greedy\" \"pmi\" \"sample\"");
}

/* The count of `n:` is lowered where the branches are made; a literal is judged at once. */
static void take_count(struct low *l, struct site *s, const struct arg_row *r, struct span name,
                       const struct node *n)
{
    s->n_at = name;
    bool minus = n->kind == AST_EXPR_UNARY && n->u.unary.op == UN_NEG;
    const struct node *x = minus ? n->u.unary.operand : n;
    if (x->kind == AST_EXPR_INT && (minus || !in_range(r, (double)x->u.int_value)))
        out_of_range(l, r, n->span);
    s->n_count = n;
}

static void take_arg(struct low *l, struct site *s, const struct arg_row *r, const struct arg *a)
{
    struct ex e = arg_value(l, r, a->value);
    for (uint32_t k = 0; k < s->n; k++)
        if (s->arg[k].kind == r->kind)
            low_diag(l, "E0206", a->name.at, "`%s` is given twice", r->name);
    if (s->n >= ARG_KIND_N)
        return;
    if (r->kind == ARG_MAX)
        s->max = e;
    if (r->kind == ARG_MIN)
        s->min = e;
    s->arg[s->n].kind = r->kind;
    s->arg_at[s->n] = a->value->span;
    s->v[s->n++] = ex_value(l, e);
}

bool site_has(const struct site *s, enum site_arg_kind kind, struct span *ret_at)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->arg[i].kind == kind) {
            *ret_at = s->arg_at[i];
            return true;
        }
    return false;
}

static void check_min(struct low *l, const struct site *s)
{
    struct comp *c = l->c;
    struct span at;
    if (!s->max.k || !s->min.k || !site_has(s, ARG_MIN, &at))
        return;
    double max = number_of(&c->konst[s->max.k - 1]), min = number_of(&c->konst[s->min.k - 1]);
    struct diag *d = min > max ? low_diag(l, "E0422", at, "`min` is above `max`") : NULL;
    if (d)
        diag_caret(c->diags, d, "at most %.0f", max);
}

void site_args(struct low *l, struct site *s, const struct arg_list *args, bool choice,
               const char *what)
{
    uint8_t form = choice ? TAKES_CHOICE : TAKES_GEN;
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        if (!a->name.text.len) {
            if (!choice || i)
                low_diag(l, "E0208", a->value->span,
                         "`%s` takes no argument without a name here", what);
            continue;
        }
        const struct arg_row *r = find_arg(a->name.text);
        if (!r)
            unknown_arg(l, a, what);
        else if (r->kind == ARG_N && choice)
            low_diag(l, "E0412", a->name.at, "`n` is not possible here: `%s` gives one answer",
                     what);
        else if (!(r->takes & form))
            low_diag(l, "E0411", a->name.at, "`%s` does not apply to `%s`", r->name, what);
        else if (r->kind == ARG_N)
            take_count(l, s, r, a->name.at, a->value);
        else if (r->kind == ARG_BY)
            take_by(l, s, a->value);
        else
            take_arg(l, s, r, a);
    }
    check_min(l, s);
}
