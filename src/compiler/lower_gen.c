/* lower_gen.c - sites of generation: arguments, gen, select, score, parse, holes, streams. */
#include <math.h>
#include <string.h>

#include "compiler/lower.h"

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

void site_args(struct low *l, struct site *s, const struct arg_list *args, bool positional,
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
    struct ex r = ex_of(ir_set_dst(l, t), t, s->g.at);
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

struct ex lower_gen(struct low *l, const struct node *n, struct type *t, struct slice name,
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
            return fork_many(l, n, t, s.n_count);
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
        return lower_gen(l, n, given ? given : gen_type(want), name, &n->u.model.args, n->span, IR_GEN);
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
                         : lower_gen(l, NULL, t, name, &p->args, p->at, IR_GEN);
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

/* ---- streams ---- */

static struct ex stream_source(struct low *l, const struct node *g, struct type **ret_piece)
{
    struct comp *c = l->c;
    struct slice none = SLICE("");
    if (g->kind == AST_EXPR_MODEL && g->u.model.op == MODEL_GEN) {
        struct type *t = g->u.model.type ? lower_type(l, g->u.model.type) : type_plain(T_STR);
        struct ex e = lower_gen(l, NULL, t, none, &g->u.model.args, g->span, IR_STREAM_OPEN);
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
