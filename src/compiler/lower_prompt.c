/* lower_prompt.c - what touches contexts: texts, turns, generations, branches, copies, settings. */
#include <math.h>
#include <string.h>

#include "compiler/lower.h"

/* ---- the context in force ---- */

void use_ctx(struct low *l, struct span at)
{
    bool lambda = l->ctx_code && strcmp(l->ctx_code, "E0316") == 0;
    bool entered = l->k.chain != IR_NO;     /* a context that was entered is not the one outside */
    if (l->ctx_code && !(lambda && entered)) {
        const char *why = lambda ? "a lambda may not append or generate in the context in force"
                          : "no context may be used here";
        low_diag(l, l->ctx_code, at, "%s", why);
    }
    if (l->k.chain == IR_NO)
        low_own_ctx(l, at);
    l->f->chain[l->k.chain].used = true;
}

/* Makes the context that `handle` holds the one in force; gives what was. */
static struct kctx enter_chain(struct low *l, uint32_t handle, bool own, int role, struct span at)
{
    struct kctx saved = l->k;
    l->k.chain = ir_chain_new(l, handle, own);
    l->f->chain[l->k.chain].used = true;
    l->k.role = role;
    l->k.token = ir_token_new(l, l->k.chain);
    struct ir_insn *i = ir_add(l, IR_KPHI, at);
    i->kout = l->k.token;
    i->imm = i->label = IR_NO;
    return saved;
}

static uint32_t set_dst(struct low *l, struct type *t)
{
    uint32_t at = l->f->n_insn - 1;
    uint32_t v = ir_value_new(l, t);
    l->f->insn[at].dst = v;
    return v;
}

/* ---- texts ---- */

bool node_has_hole(const struct node *text)
{
    for (uint32_t i = 0; i < text->u.text.n; i++)
        if (text->u.text.piece[i].kind == PIECE_HOLE)
            return true;
    return false;
}

bool node_appends(const struct node *block)
{
    for (uint32_t i = 0; i + 1 < block->u.list.n; i++) {
        const struct node *n = block->u.list.at[i];
        if (n->kind == AST_STMT_ROLE || n->kind == AST_STMT_EMIT)
            return true;
        if (n->kind == AST_STMT_EXPR && (n->u.inner->kind == AST_EXPR_TEXT || n->u.inner->kind == AST_EXPR_MODEL))
            return true;
    }
    return false;
}

void append_text(struct low *l, struct slice s, struct span at)
{
    if (s.len) {
        uint32_t k = konst_str(l->c, s);
        ir_ctx(l, IR_TEXT, at)->imm = k;
    }
}

static struct ex insert_value(struct low *l, const struct node *n)
{
    struct ex e = ex_join(l, lower_any(l, n, BLOCK_VALUE, NULL));
    if (!type_has_text(e.t) && e.t->kind != T_TOKEN) {
        low_diag(l, "E0319", n->span, "%s has no text form", comp_type_text(l->c, e.t));
        return ex_bad(l, n->span);
    }
    return e;
}

static void append_value(struct low *l, struct ex e, struct span at)
{
    struct str text = { 0 };
    if (e.k && konst_text(l->c, e.k - 1, &text)) {
        append_text(l, str_slice(&text), at);
    } else {
        uint32_t v = ex_value(l, e);
        ir_args(l, ir_ctx(l, e.t->kind == T_TOKEN ? IR_CONTROL : IR_INSERT, at), &v, 1);
    }
    str_free(&text);
}

void lower_emit(struct low *l, const struct node *n)
{
    const struct node *v = n->u.emit.value;
    if (v->kind == AST_EXPR_TEXT) {
        append_template(l, v);
        return;
    }
    if (v->kind == AST_EXPR_CALL && v->u.call.callee->kind == AST_EXPR_NAME &&
        slice_is(v->u.call.callee->u.name.text, "image")) {
        low_diag(l, "E0113", v->span, "images belong to a later stage");
        return;
    }
    append_value(l, insert_value(l, v), n->span);
}

struct ex text_value(struct low *l, const struct node *text)
{
    struct comp *c = l->c;
    struct type *str = type_plain(T_STR);
    uint32_t n = text->u.text.n;
    struct ex *e = comp_alloc(c, n * sizeof *e + 1);
    bool konst = true;
    for (uint32_t i = 0; i < n; i++) {
        const struct piece *p = &text->u.text.piece[i];
        if (p->kind == PIECE_TEXT) {
            e[i] = ex_konst(c, konst_str(c, p->text), str, p->at);
        } else if (p->kind == PIECE_INSERT) {
            e[i] = insert_value(l, p->expr);
            if (e[i].t->kind == T_TOKEN) {
                low_diag(l, "E0319", p->at, "a token has no text form");
                e[i] = ex_bad(l, p->at);
            }
        } else {
            low_diag(l, "E0308", p->at, "a hole stands in a string statement only");
            return ex_konst(c, konst_str(c, SLICE("")), str, text->span);
        }
        konst &= e[i].k != 0;
    }
    if (konst) {
        struct str s = { 0 };
        for (uint32_t i = 0; i < n && konst; i++)
            konst = konst_text(c, e[i].k - 1, &s);
        struct ex r = ex_konst(c, konst_str(c, str_slice(&s)), str, text->span);
        str_free(&s);
        if (konst)
            return r;
    }
    uint32_t *v = comp_alloc(c, n * sizeof *v + 1);
    for (uint32_t i = 0; i < n; i++)
        v[i] = ex_value(l, e[i]);
    return ex_of(ir_opn(l, IR_FORMAT, str, v, n, 0, text->span), str, text->span);
}

/* ---- arguments of a generation ---- */

struct arg_row {
    const char        *name;
    enum site_arg_kind kind;
    enum type_kind     type;        /* T_ANY: looked at here */
    double             lo, hi;
    bool               open_lo;     /* lo itself is not allowed */
};

static const struct arg_row arg_rows[] = {
    { "max", ARG_MAX, T_INT, 1, 1e9, false }, { "min", ARG_MIN, T_INT, 0, 1e9, false },
    { "stop", ARG_STOP, T_ANY, 0, 0, false }, { "stop_tokens", ARG_STOP_TOKENS, T_ANY, 0, 0, false },
    { "stop_regex", ARG_STOP_REGEX, T_ANY, 0, 0, false }, { "temp", ARG_TEMP, T_FLOAT, 0, 1e9, false },
    { "top_p", ARG_TOP_P, T_FLOAT, 0, 1, true }, { "top_k", ARG_TOP_K, T_INT, -1, 1e9, false },
    { "min_p", ARG_MIN_P, T_FLOAT, 0, 1, false }, { "freq_penalty", ARG_FREQ_PENALTY, T_FLOAT, -2, 2, false },
    { "presence_penalty", ARG_PRESENCE_PENALTY, T_FLOAT, -2, 2, false },
    { "repetition_penalty", ARG_REPETITION_PENALTY, T_FLOAT, 0, 2, true },
    { "ignore_eos", ARG_IGNORE_EOS, T_BOOL, 0, 0, false }, { "logprobs", ARG_LOGPROBS, T_BOOL, 0, 0, false },
    { "top_logprobs", ARG_TOP_LOGPROBS, T_INT, 0, 64, false }, { "n", ARG_N, T_INT, 1, 256, false },
    { "seed", ARG_SEED, T_INT, 0, 1e18, false }, { "logit_bias", ARG_LOGIT_BIAS, T_ANY, 0, 0, false },
    { "think", ARG_THINK, T_INT, 0, 1e9, false }, { "keep_thinking", ARG_KEEP_THINKING, T_BOOL, 0, 0, false },
    { "strict", ARG_STRICT, T_BOOL, 0, 0, false }, { "heal", ARG_HEAL, T_BOOL, 0, 0, false },
    { "json_style", ARG_JSON_STYLE, T_STR, 0, 0, false }, { "by", ARG_BY, T_STR, 0, 0, false },
};

static const struct arg_row *find_arg(struct slice name)
{
    for (size_t i = 0; i < sizeof arg_rows / sizeof arg_rows[0]; i++)
        if (slice_is(name, arg_rows[i].name))
            return &arg_rows[i];
    return NULL;
}

static double konst_number(const struct comp *c, struct ex e)
{
    const struct konst *k = &c->konst[e.k - 1];
    return k->kind == KONST_INT ? (double)k->i : k->kind == KONST_FLOAT ? k->f : NAN;
}

static bool konst_valid(struct low *l, const struct arg_row *r, struct ex e, struct span at)
{
    struct comp *c = l->c;
    const struct konst *k = &c->konst[e.k - 1];
    if (r->type == T_INT || r->type == T_FLOAT) {
        double x = konst_number(c, e);
        bool ok = !(x < r->lo || x > r->hi || (r->open_lo && x == r->lo)) && !(r->kind == ARG_TOP_K && x == 0);
        if (!ok)
            low_diag(l, "E0411", at, "`%s` is out of range", r->name);
        return ok;
    }
    if (r->kind == ARG_STOP && k->kind == KONST_STR && !k->text.len) {
        low_diag(l, "E0411", at, "a stop text is not empty");
        return false;
    }
    if (r->kind == ARG_STOP && k->kind == KONST_LIST && k->n > 64) {
        low_diag(l, "E0411", at, "at most 64 stop texts");
        return false;
    }
    if (r->kind == ARG_JSON_STYLE && !slice_is(k->text, "spaced") && !slice_is(k->text, "compact") &&
        !slice_is(k->text, "pretty")) {
        low_diag(l, "E0411", at, "`json_style` is \"spaced\", \"compact\" or \"pretty\"");
        return false;
    }
    return true;
}

static struct ex arg_value(struct low *l, const struct arg_row *r, const struct node *n)
{
    struct comp *c = l->c;
    struct ex e;
    if (r->type != T_ANY) {
        e = lower_to(l, n, type_plain(r->type));
    } else {
        e = lower_expr(l, n, NULL);
        enum type_kind k = type_base(e.t)->kind;
        const struct type *el = k == T_LIST ? type_base(e.t->elem[0]) : NULL;
        bool ok = k == T_ANY || (r->kind == ARG_STOP && (type_is_str(e.t) || (el && type_is_str(el)))) ||
                  (r->kind == ARG_STOP_TOKENS && el && (el->kind == T_INT || el->kind == T_ANY)) ||
                  (r->kind == ARG_STOP_REGEX && (k == T_REGEX || (el && el->kind == T_REGEX))) ||
                  (r->kind == ARG_LOGIT_BIAS && k == T_MAP);
        if (!ok)
            low_diag(l, "E0301", n->span, "`%s` does not take %s", r->name, comp_type_text(c, e.t));
    }
    if (e.k)
        konst_valid(l, r, e, n->span);
    return e;
}

struct site {                   /* a site while it is being made */
    struct gen_site g;
    uint32_t        v[ARG_KIND_N + 1];      /* values of its arguments, then the options */
    struct site_arg arg[ARG_KIND_N];
    uint32_t        n;
    struct ex       max, min;
    bool            has_by;
    const struct node *n_count;             /* n: */
};

static void site_args(struct low *l, struct site *s, const struct arg_list *args, bool positional,
                      const char *what)
{
    for (uint32_t i = 0; i < args->n; i++) {
        const struct arg *a = &args->at[i];
        if (!a->name.text.len) {
            if (!positional || i)
                low_diag(l, "E0208", a->value->span, "`%s` takes no argument without a name here", what);
            continue;
        }
        const struct arg_row *r = find_arg(a->name.text);
        if (!r) {
            low_diag(l, "E0206", a->name.at, "`%s` has no argument `%.*s`", what, (int)a->name.text.len,
                     a->name.text.ptr);
            continue;
        }
        if (r->kind == ARG_N) {
            s->n_count = a->value;
            continue;
        }
        struct ex e = arg_value(l, r, a->value);
        if (r->kind == ARG_BY) {
            static const char *const by[] = { "joint", "mean", "greedy", "pmi", "sample" };
            int k = -1;
            for (int b = 0; b < 5 && e.k; b++)
                if (slice_is(l->c->konst[e.k - 1].text, by[b]))
                    k = b;
            if (k < 0)
                low_diag(l, "E0416", a->value->span, "`by` is one of \"joint\" \"mean\" \"greedy\" \"pmi\" \"sample\"");
            s->g.by = (uint8_t)(k < 0 ? 0 : k);
            s->has_by = true;
            continue;
        }
        for (uint32_t k = 0; k < s->n; k++)
            if (s->arg[k].kind == r->kind)
                low_diag(l, "E0206", a->name.at, "`%s` is given twice", r->name);
        if (s->n >= ARG_KIND_N)
            continue;
        if (r->kind == ARG_MAX)
            s->max = e;
        if (r->kind == ARG_MIN)
            s->min = e;
        s->arg[s->n].kind = r->kind;
        s->v[s->n++] = ex_value(l, e);
    }
    if (s->max.k && s->min.k && konst_number(l->c, s->min) > konst_number(l->c, s->max))
        low_diag(l, "E0422", s->g.at, "`min` is above `max`");
}

static bool site_has(const struct site *s, enum site_arg_kind kind)
{
    for (uint32_t i = 0; i < s->n; i++)
        if (s->arg[i].kind == kind)
            return true;
    return false;
}

/* Puts the site into the module and its operation into the function. */
static struct ex site_emit(struct low *l, struct site *s, enum ir_op op, struct type *t, uint32_t options)
{
    struct comp *c = l->c;
    uint32_t id = c->n_gen;
    uint32_t n_v = s->n;
    if (options != IR_NO)
        s->v[n_v++] = options;
    s->g.options = BC_NONE;
    s->g.meta = BC_NONE;
    s->g.ordinal = l->n_ordinal++;
    s->g.opens_turn = l->k.role < 0;
    struct site_arg *arg = arena_array(&c->m->arena, s->n ? s->n : 1, sizeof *arg);
    if (!arg)
        comp_nomem(c);
    memcpy(arg, s->arg, s->n * sizeof *arg);
    s->g.arg = arg;
    s->g.n_arg = s->n;
    s->g.name = comp_slice(c, s->g.name);
    *(struct gen_site *)comp_push(c, &c->gen, &c->n_gen, &c->cap_gen, sizeof s->g) = s->g;
    struct ir_insn *i = ir_ctx(l, op, s->g.at);
    i->imm = id;
    ir_args(l, i, s->v, n_v);
    struct ex r = ex_of(set_dst(l, t), t, s->g.at);
    r.gen = id + 1;
    return r;
}

/* ---- gen ---- */

static bool ends_itself(const struct type *t)
{
    switch (t->kind) {
    case T_STR: case T_REGEX_STR: case T_GRAMMAR: case T_ANY:
        return false;
    default:
        return true;
    }
}

static struct type *gen_type(struct type *want)
{
    if (!want || want->kind == T_ANY || want->kind == T_NULL || want->kind == T_NEVER || want->kind == T_VAR ||
        want->kind == T_PATH)
        return type_plain(T_STR);
    return want;
}

static void gen_constraint(struct low *l, struct site *s, struct type *t)
{
    struct comp *c = l->c;
    const char *why = "";
    s->g.rtype = rtype_of(c, t);
    if (t->kind == T_STR && !t->refined)
        return;
    s->g.shape = shape_of(c, t, &why);
    if (!s->g.shape)
        low_diag(l, "E0410", s->g.at, "%s cannot be generated: %s", comp_type_text(c, t), why);
    else
        constraint_check(l, t, s->g.shape, s->g.at);
}

static struct ex many(struct low *l, const struct node *n, struct type *t, const struct node *count);

static struct ex gen(struct low *l, const struct node *n, struct type *t, struct slice name,
                     const struct arg_list *args, struct span at, enum ir_op op)
{
    struct site s = { .g = { .name = name, .at = at } };
    site_args(l, &s, args, false, "gen");
    gen_constraint(l, &s, t);
    if (s.has_by)
        low_diag(l, "E0416", at, "`by` belongs to `select`");
    if (ends_itself(t) && (site_has(&s, ARG_STOP) || site_has(&s, ARG_STOP_REGEX)))
        low_diag(l, "E0415", at, "%s ends itself: it takes no stop", comp_type_text(l->c, t));
    if (s.n_count) {
        if (!n || op == IR_STREAM_OPEN) {
            low_diag(l, "E0412", s.n_count->span, "`n` is not possible here");
        } else {
            return many(l, n, t, s.n_count);
        }
    }
    return site_emit(l, &s, op, t, IR_NO);
}

/* ---- select and score ---- */

static bool is_finite_type(const struct type *t)
{
    switch (t->kind) {
    case T_ENUM: case T_BOOL: case T_LIT:
        return true;
    case T_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            if (!is_finite_type(t->elem[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static void check_options(struct low *l, struct ex e, struct span at)
{
    struct comp *c = l->c;
    if (!e.k || c->konst[e.k - 1].kind != KONST_LIST)
        return;
    uint32_t n = c->konst[e.k - 1].n;
    if (!n || n > 4096)
        low_diag(l, "E0417", at, n ? "at most 4096 options" : "there are no options");
    for (uint32_t i = 0; i < n && n <= 4096; i++) {
        uint32_t k = c->konst[e.k - 1].item[i];
        const struct konst *x = &c->konst[k];
        if (x->kind == KONST_STR && !x->text.len)
            low_diag(l, "E0417", at, "an option is not empty");
        else if (x->kind == KONST_STR && (x->text.ptr[0] == ' ' || x->text.ptr[x->text.len - 1] == ' '))
            low_diag(l, "W0407", at, "the blank at the edge of \"%.*s\" is part of the option",
                     (int)x->text.len, x->text.ptr);
        for (uint32_t j = 0; j < i && n <= 256; j++)
            if (konst_equal(c, c->konst[e.k - 1].item[j], k)) {
                low_diag(l, "E0417", at, "an option is repeated");
                return;
            }
    }
}

static struct ex choose(struct low *l, struct slice name, struct type *t, const struct arg_list *args,
                        struct span at, bool score)
{
    struct comp *c = l->c;
    struct site s = { .g = { .name = name, .at = at } };
    uint32_t options = IR_NO;
    const char *what = score ? "score" : "select";
    if (args->n && !args->at[0].name.text.len) {
        struct ex e = ex_join(l, lower_expr(l, args->at[0].value, t ? type_list(&c->arena, t) : NULL));
        struct type *et = e.t->kind == T_LIST ? e.t->elem[0] : type_plain(T_ANY);
        if (e.t->kind == T_JSON)
            e = coerce(l, e, type_list(&c->arena, type_plain(T_STR)), at);
        else if (e.t->kind != T_LIST && e.t->kind != T_ANY)
            low_diag(l, "E0301", args->at[0].value->span, "options are a list, and this is %s", comp_type_text(c, e.t));
        if (!t || e.t->kind != T_LIST || type_fits(et, t) == FIT_NO)
            t = et;
        check_options(l, e, args->at[0].value->span);
        options = ex_value(l, e);
    } else if (!t || !is_finite_type(t)) {
        if (t && t->kind != T_STR)
            low_diag(l, "E0418", at, "`%s` needs a list of options: %s has too many values", what, comp_type_text(c, t));
        else
            low_diag(l, "E0418", at, "`%s` needs options: a list, an enum or a union of literals", what);
        t = type_plain(T_STR);
    }
    site_args(l, &s, args, true, what);
    if (score && s.g.by == 2)
        low_diag(l, "E0416", at, "`greedy` has no probabilities");
    if (s.g.by != 4 && (site_has(&s, ARG_TEMP) || site_has(&s, ARG_SEED)))
        low_diag(l, "E0411", at, "`temp` and `seed` belong to by: \"sample\"");
    const char *why;
    s.g.rtype = rtype_of(c, t);
    s.g.shape = shape_of(c, t, &why);
    if (!score)
        return site_emit(l, &s, IR_SELECT, t, options);
    struct type *table = type_map(&c->arena, t, type_plain(T_FLOAT));
    if (!table)
        comp_nomem(c);
    return site_emit(l, &s, IR_SCORE, table, options);
}

static struct ex parse(struct low *l, const struct node *n, struct type *t)
{
    const struct arg_list *args = &n->u.model.args;
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", n->span, "`parse` takes one text");
        return ex_bad(l, n->span);
    }
    const char *why = "";
    if (!shape_of(l->c, t, &why) && t->kind != T_JSON)
        low_diag(l, "E0410", n->span, "%s cannot be parsed: %s", comp_type_text(l->c, t), why);
    struct ex e = lower_to(l, args->at[0].value, type_plain(T_STR));
    uint32_t rt = rtype_of(l->c, t);
    return ex_of(ir_op1(l, IR_PARSE, t, ex_value(l, e), rt, n->span), t, n->span);
}

struct ex lower_model(struct low *l, const struct node *n, struct type *want, struct slice name)
{
    struct type *given = n->u.model.type ? lower_type(l, n->u.model.type) : NULL;
    switch (n->u.model.op) {
    case MODEL_GEN:
        for (uint32_t i = 0; i < n->u.model.args.n && !given; i++)
            if (slice_is(n->u.model.args.at[i].name.text, "n"))      /* gives a list of what is wanted */
                given = gen_type(want && want->kind == T_LIST ? want->elem[0] : NULL);
        return gen(l, n, given ? given : gen_type(want), name, &n->u.model.args, n->span, IR_GEN);
    case MODEL_SELECT: {
        struct type *t = given ? given : want && is_finite_type(type_no_null(want)) ? type_no_null(want) : NULL;
        return choose(l, name, t, &n->u.model.args, n->span, false);
    }
    case MODEL_SCORE: {
        struct type *w = want ? type_no_null(want) : NULL;
        struct type *t = given ? given : w && w->kind == T_MAP && is_finite_type(w->elem[0]) ? w->elem[0] : NULL;
        return choose(l, name, t, &n->u.model.args, n->span, true);
    }
    default:
        if (!given && (!want || want->kind == T_ANY)) {
            low_diag(l, "E0301", n->span, "`parse` needs a type: parse<T>(text)");
            return ex_bad(l, n->span);
        }
        return parse(l, n, given ? given : want);
    }
}

/* ---- holes ---- */

static void hole(struct low *l, const struct piece *p)
{
    struct type *t = p->type ? lower_type(l, p->type) : type_plain(T_STR);
    bool select = false, binds = p->name.text.len && !slice_is(p->name.text, "_");
    for (uint32_t i = 0; i < p->args.n; i++)
        select |= slice_is(p->args.at[i].name.text, "by");
    struct slice name = binds ? p->name.text : SLICE("");
    struct ex e = select ? choose(l, name, t, &p->args, p->at, false)
                         : gen(l, NULL, t, name, &p->args, p->at, IR_GEN);
    if (!binds)
        return;
    struct binding *b = scope_bind(l, p->name, BIND_VALUE, e.v, e.t);
    b->ex = e;
    b->quiet = true;            /* a hole may stand for its text alone */
}

void append_template(struct low *l, const struct node *text)
{
    for (uint32_t i = 0; i < text->u.text.n; i++) {
        const struct piece *p = &text->u.text.piece[i];
        if (p->kind == PIECE_TEXT)
            append_text(l, p->text, p->at);
        else if (p->kind == PIECE_INSERT)
            append_value(l, insert_value(l, p->expr), p->at);
        else
            hole(l, p);
    }
}

/* ---- turns ---- */

void lower_role(struct low *l, const struct node *n)
{
    if (l->k.role >= 0) {
        if (l->part_depth) {
            uint32_t quiet = l->c->quiet;
            l->c->quiet = 0;
            comp_diag(l->c, l->part_mod, "E0322", l->part_at, "this part writes turns and cannot be called inside a turn");
            l->c->quiet = quiet;
        } else {
            low_diag(l, "E0321", n->span, "a turn cannot stand inside a turn");
        }
        return;
    }
    ir_ctx(l, IR_TURN_OPEN, n->span)->imm = n->u.role.role;
    struct ctl ctl = { .up = l->ctl, .kind = CTL_ROLE };
    l->ctl = &ctl;
    l->k.role = (int)n->u.role.role;
    const struct node *body = n->u.role.body;
    if (body->kind == AST_EXPR_TEXT) {
        append_template(l, body);
    } else {
        for (uint32_t i = 0; i < body->u.list.n; i++)       /* no scope: names stay visible */
            lower_stmt(l, body->u.list.at[i]);
    }
    l->ctl = ctl.up;
    l->k.role = -1;
    struct span end = { n->span.off + n->span.len - (n->span.len ? 1 : 0), n->span.len ? 1 : 0 };
    if (!l->dead)
        ir_ctx(l, IR_TURN_CLOSE, end);
}

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

static struct ex branch_end(struct low *l, struct branching *b, struct ex r, const uint32_t *head, uint32_t n_head,
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
        param[i] = (struct bc_param){ .name = SLICE("x"), .rtype = rtype_of(c, type_plain(T_ANY)), .fallback = BC_NO_INDEX };

    struct fork_site s = { .func = b->index, .n_forker = n_forker, .uses_ctx = uses, .ctx = BC_NONE,
                           .rtype = rtype_of(c, t), .ordinal = l->n_ordinal++, .at = at,
                           .n_capture = b->f->n_captured };
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
    struct ex e = ex_of(set_dst(l, bt), bt, at);
    e.fork = id + 1;
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

/* gen(n: k) is `join fork k { gen() }`. */
static struct ex many(struct low *l, const struct node *n, struct type *t, const struct node *count)
{
    struct comp *c = l->c;
    struct arg_list rest = { comp_alloc(c, n->u.model.args.n * sizeof(struct arg)), 0 };
    for (uint32_t i = 0; i < n->u.model.args.n; i++)
        if (!slice_is(n->u.model.args.at[i].name.text, "n"))
            rest.at[rest.n++] = n->u.model.args.at[i];
    uint32_t k = ex_value(l, lower_to(l, count, type_plain(T_INT)));
    struct branching b;
    branch_begin(l, &b, n->span);
    struct ex r = gen(&b.in, NULL, t, SLICE(""), &rest, n->span, IR_GEN);
    return ex_join(l, branch_end(l, &b, r, &k, 1, 0, n->span));
}

static bool is_first(struct low *l, const struct node *n)
{
    return n->kind == AST_EXPR_NAME && slice_is(n->u.name.text, "first") && !scope_find(l, n->u.name.text) &&
           !path_sym(l, n);
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
        struct type *want = type_make(&c->arena, T_FN, 3);
        if (!want)
            comp_nomem(c);
        want->elem[0] = list;
        want->elem[1] = type_plain(T_INT);
        want->elem[2] = boolean;
        p = lower_expr(l, n->u.join.until, want);
        if (p.t->kind != T_ANY && type_fits(p.t, want) == FIT_NO) {
            low_diag(l, "E0505", n->u.join.until->span, "a join predicate is fn(%s, int) -> bool, and this is %s",
                     comp_type_text(c, list), comp_type_text(c, p.t));
            return ex_bad(l, at);
        }
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

struct ex lower_join(struct low *l, const struct node *n, struct type *want)
{
    struct comp *c = l->c;
    (void)want;
    struct ex b = lower_expr(l, n->u.join.branches, NULL);
    if (b.t->kind == T_ANY)
        return b;
    if (b.t->kind != T_BRANCHES) {
        low_diag(l, "E0301", n->u.join.branches->span, "`join` takes branches, and this is %s", comp_type_text(c, b.t));
        return ex_bad(l, n->span);
    }
    b.v = ex_value(l, b);
    struct type *list = type_list(&c->arena, b.t->elem[0]);
    if (!list)
        comp_nomem(c);
    struct ex r = n->u.join.until ? join_until(l, n, b, list)
                                  : ex_of(ir_op1(l, IR_JOIN, list, b.v, 0, n->span), list, n->span);
    if (n->u.join.as_text) {
        ir_args(l, ir_ctx(l, IR_JOIN_TEXT, n->span), &b.v, 1);
        if (b.fork && !c->fork[b.fork - 1].uses_ctx)
            low_diag(l, "W0502", n->span, "these branches append nothing");
    }
    return r;
}

/* ---- copies and other contexts ---- */

struct ex lower_scratch(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    int role = l->k.role;
    ir_ctx(l, IR_SCRATCH, n->span);
    uint32_t h = set_dst(l, type_plain(T_CONTEXT));
    struct kctx saved = enter_chain(l, h, true, role, n->span);
    struct ex r = ex_join(l, lower_block(l, n->u.scratch.body, mode, want));
    if (mode == BLOCK_VALUE && !l->dead && r.t->kind != T_NEVER && !r.k)
        r.v = ex_value(l, r);
    if (!l->dead)
        ir_ctx(l, IR_DROP, n->span);
    l->k = saved;
    r.gen = 0;
    return r;
}

static enum scope_kind setting_kind(struct low *l, const struct node *n, bool *ret_is)
{
    static const struct { const char *name; enum scope_kind kind; } row[] = {
        { "sampling", SCOPE_SAMPLING }, { "seed", SCOPE_SEED }, { "budget", SCOPE_BUDGET },
        { "concurrency", SCOPE_CONCURRENCY }, { "mock", SCOPE_MOCK }, { "stub", SCOPE_STUB },
        { "model", SCOPE_MODEL }, { "lora", SCOPE_MODEL },
    };
    *ret_is = false;
    if (n->kind != AST_EXPR_CALL || n->u.call.callee->kind != AST_EXPR_NAME)
        return SCOPE_SAMPLING;
    struct slice name = n->u.call.callee->u.name.text;
    if (scope_find(l, name) || module_find(l->mod, name))
        return SCOPE_SAMPLING;
    for (size_t i = 0; i < sizeof row / sizeof row[0]; i++)
        if (slice_is(name, row[i].name)) {
            *ret_is = true;
            return row[i].kind;
        }
    return SCOPE_SAMPLING;
}

static void push_scope(struct low *l, struct scope_site *s, const struct site_arg *arg, uint32_t n_arg,
                       const uint32_t *v, uint32_t n_v)
{
    struct comp *c = l->c;
    struct site_arg *copy = arena_array(&c->m->arena, n_arg ? n_arg : 1, sizeof *copy);
    if (!copy)
        comp_nomem(c);
    if (n_arg)
        memcpy(copy, arg, n_arg * sizeof *copy);
    s->arg = copy;
    s->n_arg = n_arg;
    uint32_t id = c->n_scope;
    *(struct scope_site *)comp_push(c, &c->scope, &c->n_scope, &c->cap_scope, sizeof *s) = *s;
    struct ir_insn *i = ir_add(l, IR_SCOPE_PUSH, s->at);
    i->imm = id;
    ir_args(l, i, v, n_v);
}

static void budget(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    static const struct { const char *name; enum site_arg_kind kind; enum type_kind type; } row[] = {
        { "tokens", ARG_TOKENS, T_INT }, { "time", ARG_TIME, T_DURATION }, { "calls", ARG_CALLS, T_INT },
    };
    struct site_arg arg[3];
    uint32_t v[3], n = 0;
    for (uint32_t i = 0; i < args->n && n < 3; i++) {
        int k = -1;
        for (int r = 0; r < 3; r++)
            if (slice_is(args->at[i].name.text, row[r].name))
                k = r;
        if (k < 0) {
            low_diag(l, "E0206", args->at[i].value->span, "`budget` takes tokens, time and calls");
            continue;
        }
        struct ex e = lower_to(l, args->at[i].value, type_plain(row[k].type));
        if (e.k && l->c->konst[e.k - 1].i < 0)
            low_diag(l, "E0702", args->at[i].value->span, "a budget is not negative");
        arg[n].kind = row[k].kind;
        v[n++] = ex_value(l, e);
    }
    push_scope(l, s, arg, n, v, n);
}

static void sampling(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct site t = { .g = { .at = s->at } };
    site_args(l, &t, args, false, "sampling");
    if (t.n_count)
        low_diag(l, "E0412", t.n_count->span, "`n` is no default");
    push_scope(l, s, t.arg, t.n, t.v, t.n);
}

static void stub(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct sym *f = args->n == 2 ? path_sym(l, args->at[0].value) : NULL;
    if (!f || (f->kind != SYM_FN && f->kind != SYM_EXTERN)) {
        low_diag(l, "E0301", s->at, "`stub` takes a function or extern, and what replaces it");
        return;
    }
    struct type *t = type_of_func(l->c, f);
    s->stub_func = f->kind == SYM_FN ? func_of(l->c, f) : BC_NO_INDEX;
    s->stub_ext = f->kind == SYM_EXTERN ? extern_of(l->c, f) : BC_NO_INDEX;
    uint32_t v = ex_value(l, lower_to(l, args->at[1].value, t));
    push_scope(l, s, NULL, 0, &v, 1);
}

static void mock(struct low *l, const struct arg_list *args, struct scope_site *s)
{
    struct comp *c = l->c;
    if (args->n != 1) {
        low_diag(l, args->n ? "E0208" : "E0207", s->at, "`mock` takes a list, a map or a lambda");
        return;
    }
    const struct node *a = args->at[0].value;
    struct type *any = type_plain(T_ANY), *want = NULL;
    if (a->kind == AST_EXPR_LIST)
        want = type_list(&c->arena, any);
    else if (a->kind == AST_EXPR_MAP)
        want = type_map(&c->arena, type_plain(T_STR), any);
    else if (a->kind == AST_EXPR_LAMBDA && (want = type_make(&c->arena, T_FN, 2))) {
        want->elem[0] = type_plain(T_STR);
        want->elem[1] = any;
    }
    uint32_t v = ex_value(l, lower_expr(l, a, want));
    push_scope(l, s, NULL, 0, &v, 1);
}

static bool push_setting(struct low *l, const struct node *n, enum scope_kind kind)
{
    const struct arg_list *args = &n->u.call.args;
    struct scope_site s = { .kind = kind, .value = BC_NONE, .stub_func = BC_NO_INDEX, .stub_ext = BC_NO_INDEX,
                            .at = n->span };
    if ((kind == SCOPE_MOCK || kind == SCOPE_STUB) && !l->is_test) {
        low_diag(l, "E0802", n->span, "`mock` and `stub` stand in tests only");
        return false;
    }
    uint32_t before = l->c->n_scope;
    struct site_arg arg = { kind == SCOPE_SEED ? ARG_SEED : ARG_COUNT, 0 };
    switch (kind) {
    case SCOPE_SAMPLING:
        sampling(l, args, &s);
        break;
    case SCOPE_BUDGET:
        budget(l, args, &s);
        break;
    case SCOPE_MOCK:
        mock(l, args, &s);
        break;
    case SCOPE_STUB:
        stub(l, args, &s);
        break;
    case SCOPE_MODEL:
        low_diag(l, "E0113", n->span, "this setting belongs to a later stage");
        break;
    default:
        if (args->n != 1) {
            low_diag(l, args->n ? "E0208" : "E0207", n->span, "this setting takes one number");
        } else {
            struct ex e = lower_to(l, args->at[0].value, type_plain(T_INT));
            if (e.k && l->c->konst[e.k - 1].i < (kind == SCOPE_SEED ? 0 : 1))
                low_diag(l, "E0702", args->at[0].value->span, "this setting is out of range");
            uint32_t v = ex_value(l, e);
            push_scope(l, &s, &arg, 1, &v, 1);
        }
        break;
    }
    return l->c->n_scope > before && l->f->insn[l->f->n_insn - 1].op == IR_SCOPE_PUSH;
}

/* A context reached through a name of the function around the branch, or a variable of the fork. */
static bool belongs_to_parent(struct low *l, const struct node *n)
{
    while (n->kind == AST_EXPR_MEMBER)
        n = n->u.member.object;
    struct binding *b = n->kind == AST_EXPR_NAME ? scope_find(l, n->u.name.text) : NULL;
    return b && l->is_branch && (b->captured || b->forker);
}

struct ex lower_with(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    struct kctx saved = l->k;
    struct ctl *ctl = comp_alloc(l->c, (n->u.with.subject.n + 1) * sizeof *ctl), *outer = l->ctl;
    uint32_t pushed = 0;
    bool entered = false;
    for (uint32_t i = 0; i < n->u.with.subject.n; i++) {
        const struct node *s = n->u.with.subject.at[i];
        bool is;
        enum scope_kind kind = setting_kind(l, s, &is);
        if (is) {
            if (push_setting(l, s, kind)) {
                ctl[pushed] = (struct ctl){ .up = l->ctl, .kind = CTL_SCOPE };
                l->ctl = &ctl[pushed++];
            }
            continue;
        }
        struct ex c = lower_expr(l, s, type_plain(T_CONTEXT));
        if (c.t->kind != T_CONTEXT && c.t->kind != T_ANY) {
            low_diag(l, "E0701", s->span, "`with` takes settings and a context, and this is %s",
                     comp_type_text(l->c, c.t));
            continue;
        }
        if (entered) {
            low_diag(l, "E0508", s->span, "one `with` takes at most one context");
            continue;
        }
        entered = true;
        if (belongs_to_parent(l, s))
            low_diag(l, "E0501", s->span, "this context belongs to another branch: use `.fork()` of it");
        uint32_t v = ex_value(l, c);
        ir_op1(l, IR_ENTER, NULL, v, 0, s->span);
        enter_chain(l, v, false, -1, s->span);
    }
    struct ex r = ex_join(l, lower_block(l, n->u.with.body, mode, want));
    if (mode == BLOCK_VALUE && want && !l->dead && r.t->kind != T_NEVER)
        r = coerce(l, r, want, r.at.len ? r.at : n->span);
    l->ctl = outer;
    if (!l->dead) {
        if (mode == BLOCK_VALUE && r.t->kind != T_NEVER)
            r.v = ex_value(l, r);
        for (uint32_t i = 0; i < pushed; i++)
            ir_add(l, IR_SCOPE_POP, n->span);
    }
    if (entered)
        l->k = saved;
    r.gen = 0;
    return r;
}

/* ---- attempts ---- */

static struct ex attempt_arg(struct low *l, const struct arg *a, enum site_arg_kind *ret_kind, bool *ret_parallel)
{
    struct comp *c = l->c;
    struct type *fn;
    if (!a->name.text.len || slice_is(a->name.text, "n")) {
        *ret_kind = ARG_TIMES;
        struct ex e = lower_to(l, a->value, type_plain(T_INT));
        if (e.k && c->konst[e.k - 1].i < 1)
            low_diag(l, "E0411", a->value->span, "at least one attempt");
        return e;
    }
    if (slice_is(a->name.text, "parallel")) {
        *ret_kind = ARG_PARALLEL;
        struct ex e = lower_to(l, a->value, type_plain(T_BOOL));
        *ret_parallel = !e.k || c->konst[e.k - 1].i;
        return e;
    }
    if (!slice_is(a->name.text, "feedback"))
        low_diag(l, "E0206", a->name.at, "`attempt` has no argument `%.*s`", (int)a->name.text.len, a->name.text.ptr);
    *ret_kind = ARG_FEEDBACK;
    if (a->value->kind != AST_EXPR_LAMBDA)
        return lower_to(l, a->value, type_plain(T_BOOL));
    fn = type_make(&c->arena, T_FN, 2);
    if (!fn)
        comp_nomem(c);
    fn->elem[0] = fn->elem[1] = type_plain(T_STR);
    return lower_to(l, a->value, fn);
}

/* Attempts that may run side by side are tried one after another: the lowest-numbered one that
 * passes is the one that is kept, either way. */
struct ex lower_attempt(struct low *l, const struct node *n, enum block_mode mode, struct type *want)
{
    struct comp *c = l->c;
    struct site_arg arg[ARG_KIND_N];
    uint32_t v[ARG_KIND_N], n_arg = 0;
    bool parallel = false, feedback = false;
    for (uint32_t i = 0; i < n->u.attempt.args.n && n_arg < 4; i++) {
        enum site_arg_kind kind;
        struct ex e = attempt_arg(l, &n->u.attempt.args.at[i], &kind, &parallel);
        if (kind == ARG_PARALLEL)
            continue;
        feedback |= kind == ARG_FEEDBACK && !(e.k && c->konst[e.k - 1].kind == KONST_BOOL && !c->konst[e.k - 1].i);
        arg[n_arg].kind = kind;
        v[n_arg++] = ex_value(l, e);
    }
    if (parallel && feedback)
        low_diag(l, "E0411", n->span, "parallel attempts have no feedback");
    struct attempt_site site = { .n_arg = n_arg, .ctx = BC_NONE, .ordinal = l->n_ordinal++, .at = n->span };
    site.arg = arena_dup(&c->m->arena, arg, (n_arg + 1) * sizeof *arg);
    if (!site.arg)
        comp_nomem(c);
    uint32_t id = c->n_attempt;
    *(struct attempt_site *)comp_push(c, &c->attempt, &c->n_attempt, &c->cap_attempt, sizeof site) = site;

    struct meet m;
    uint32_t region = ir_region_open(l);
    meet_begin(l, &m, mode == BLOCK_VALUE, want);
    uint32_t enter = l->f->n_insn;
    struct ir_insn *i = ir_add(l, IR_ATTEMPT_ENTER, n->span);
    i->imm = id;
    i->label = m.end;
    i->kin = l->k.chain != IR_NO ? l->k.token : IR_NO;
    struct attempt_level level = { .up = l->attempt, .level = l->n_attempt + 1 };
    struct ctl ctl = { .up = l->ctl, .kind = CTL_ATTEMPT };
    l->attempt = &level;
    l->n_attempt++;
    l->ctl = &ctl;
    ir_block(l, ir_block_new(l), n->span);
    struct ex r = ex_join(l, lower_block(l, n->u.attempt.body, mode, want));
    if (!l->dead) {
        if (mode == BLOCK_VALUE && want)
            r = coerce(l, r, want, r.at.len ? r.at : n->span);
        if (mode == BLOCK_VALUE)
            r.v = ex_value(l, r);
        ir_add(l, IR_ATTEMPT_COMMIT, n->span);
    }
    l->ctl = ctl.up;
    l->attempt = level.up;
    l->n_attempt--;
    meet_way(l, &m, r, n->span);
    ir_region_close(l, region);
    uint32_t *all = comp_alloc(c, (n_arg + level.n) * sizeof *all + 1);
    memcpy(all, v, n_arg * sizeof *all);
    if (level.n)
        memcpy(all + n_arg, level.var, level.n * sizeof *all);
    ir_args(l, &l->f->insn[enter], all, n_arg + level.n);
    return meet_end(l, &m, n->span);
}

/* ---- streams ---- */

static struct ex stream_source(struct low *l, const struct node *g, struct type **ret_piece)
{
    struct comp *c = l->c;
    struct slice none = SLICE("");
    if (g->kind == AST_EXPR_MODEL && g->u.model.op == MODEL_GEN) {
        struct type *t = g->u.model.type ? lower_type(l, g->u.model.type) : type_plain(T_STR);
        struct ex e = gen(l, NULL, t, none, &g->u.model.args, g->span, IR_STREAM_OPEN);
        *ret_piece = t;
        return e;
    }
    struct ex e = lower_expr(l, g, NULL);
    *ret_piece = e.t;
    if (!e.gen)
        low_diag(l, "E0414", g->span, "`stream` takes a `gen` or a name bound by one");
    struct type *list = type_list(&c->arena, e.t);
    uint32_t v = ex_value(l, e);
    v = ir_opn(l, IR_LIST, list, &v, 1, 0, g->span);
    struct ex r = ex_of(ir_op1(l, IR_ITER, type_plain(T_ANY), v, 0, g->span), list, g->span);
    return r;
}

void lower_stream(struct low *l, const struct node *loop)
{
    struct comp *c = l->c;
    struct type *piece;
    struct ex s = stream_source(l, loop->u.loop.list->u.unary.operand, &piece);
    bool live = s.gen != 0;
    if (live && !type_is_str(piece)) {
        struct type *t = type_make(&c->arena, T_PARTIAL, 1);
        if (!t)
            comp_nomem(c);
        t->elem[0] = piece;
        piece = t;
    }
    struct ctl ctl = { .up = l->ctl, .kind = CTL_LOOP, .scope = l->scope };
    uint32_t head = ctl.cont = ir_block_new(l), out = ctl.brk = ir_block_new(l);
    uint32_t region = ir_region_open(l);
    ir_block(l, head, loop->span);
    uint32_t entry = l->k.token, phi = l->f->n_insn;
    ir_phi(l, entry, IR_NO, loop->span);
    l->ctl = &ctl;
    uint32_t v = ir_value_new(l, piece);
    struct ir_insn *i = ir_add(l, live ? IR_STREAM_NEXT : IR_NEXT, loop->span);
    i->dst = v;
    i->label = out;
    ir_args(l, i, &s.v, 1);
    ir_block(l, ir_block_new(l), loop->span);
    scope_push(l);
    bind_pattern(l, loop->u.loop.pattern, ex_of(v, piece, loop->span), NULL);
    lower_block(l, loop->u.loop.body, BLOCK_STMT, NULL);
    scope_pop(l);
    l->ctl = ctl.up;
    if (l->k.chain != IR_NO)
        l->f->insn[phi].label = l->k.token;
    ir_br(l, head, loop->span);
    ir_region_close(l, region);
    ir_block(l, out, loop->span);
    if (l->k.chain != IR_NO)
        ir_phi(l, l->f->insn[phi].kout, l->k.token, loop->span);
    l->dead = false;
}
