/* lower_gen.c - sites of generation: arguments, gen, select, score, parse, holes. */
#include <math.h>
#include <string.h>

#include "compiler/lower.h"

/* Puts the site into the module and its operation into the function. */
static struct ex site_emit(struct low *l, struct site *s, enum ir_op op, struct type *t,
                           uint32_t options)
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
    s->g.at = ir_place(l, s->g.at);
    *(struct gen_site *)comp_push(c, &c->gen, &c->n_gen, &c->cap_gen, sizeof s->g) = s->g;
    struct ir_insn *i = ir_ctx(l, op, s->g.at);
    i->imm = id;
    ir_args(l, i, s->v, n_v);
    struct ex r = ex_of(ir_set_dst(l, t), t, s->g.at);
    r.gen = id + 1;
    r.stream = op == IR_STREAM_OPEN;
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
    if (!want || want->kind == T_ANY || want->kind == T_NULL || want->kind == T_NEVER ||
        want->kind == T_VAR)
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

/* A constant `max` is kept for the checks that need a tokenizer (E0421).  Where `strict: true` is
 * written, reaching it raises: so a value that may be longer deserves a word (W0402), measured at
 * four bytes a token, as `mock` counts. */
static void note_max(struct low *l, struct site *s, bool strict)
{
    struct comp *c = l->c;
    if (!s->max.k || c->konst[s->max.k - 1].kind != KONST_INT ||
        !site_has(s, ARG_MAX, &s->g.max_at))
        return;
    int64_t max = c->konst[s->max.k - 1].i;
    s->g.max = max > 0 && max <= INT32_MAX ? (uint32_t)max : 0;
    if (!strict || !s->g.max || !s->g.shape)
        return;
    enum { TOKEN_BYTES = 4 };
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = s->g.shape };
    struct pattern *p;
    struct error err = { 0 };
    enum status st = pattern_compile(&src, &p, &err);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st != ST_OK)
        return;                 /* said by constraint_check */
    size_t longest = pattern_longest(p);
    pattern_unref(p);
    if (longest == SIZE_MAX)
        low_diag(l, "W0402", s->g.max_at,
                 "`strict: true` with max %u, and a value has no greatest length", s->g.max);
    else if (longest / TOKEN_BYTES + (longest % TOKEN_BYTES != 0) > s->g.max)
        low_diag(l, "W0402", s->g.max_at,
                 "`strict: true` with max %u, and the longest value has %zu bytes", s->g.max,
                 longest);
}

static bool says_strict(const struct arg_list *args)
{
    for (uint32_t i = 0; i < args->n; i++)
        if (slice_is(args->at[i].name.text, "strict"))
            return args->at[i].value->kind == AST_EXPR_BOOL && args->at[i].value->u.bool_value;
    return false;
}

struct ex lower_gen(struct low *l, const struct node *n, struct type *t, struct slice name,
                     const struct arg_list *args, struct span at, enum ir_op op)
{
    struct site s = { .g = { .name = name, .at = at } };
    site_args(l, &s, args, false, "gen");
    gen_constraint(l, &s, t);
    note_max(l, &s, says_strict(args));
    if (s.has_by)
        low_diag(l, "E0416", s.by_at, "`by` belongs to `select` and `score`");
    struct span stop;
    if (ends_itself(t) && (site_has(&s, ARG_STOP, &stop) || site_has(&s, ARG_STOP_REGEX, &stop) ||
                           site_has(&s, ARG_STOP_TOKENS, &stop)))
        low_diag(l, "E0415", stop, "%s ends itself: it takes no stop", comp_type_text(l->c, t));
    if (s.n_count) {
        if (!n || op == IR_STREAM_OPEN) {
            low_diag(l, "E0412", s.n_at,
                     op == IR_STREAM_OPEN ? "a stream is one value: `n` is not possible here"
                                         : "a hole is one value: `n` is not possible here");
        } else {
            return fork_many(l, n, t, s.n_count);
        }
    }
    struct ex e = site_emit(l, &s, op, t, IR_NO);
    if (op == IR_GEN)
        check_fields(l, e.v, t, at);
    return e;
}

/* ---- select and score ---- */

/* Options that cannot be keys of a map are told apart by their text. */
static bool is_key(const struct type *t)
{
    switch (type_base(t)->kind) {
    case T_STR: case T_INT: case T_BOOL: case T_ENUM: case T_ANY:
        return true;
    case T_UNION:
        for (uint32_t i = 0; i < t->n; i++)
            if (!is_key(t->elem[i]))
                return false;
        return true;
    default:
        return false;
    }
}

static struct ex choose(struct low *l, struct slice name, struct type *t,
                        const struct arg_list *args,
                        struct span at, bool score)
{
    struct comp *c = l->c;
    struct site s = { .g = { .name = name, .at = at } };
    uint32_t options = IR_NO;
    const char *what = score ? "score" : "select";
    if (args->n && !args->at[0].name.text.len) {
        struct ex e = ex_join(l,
                              lower_expr(l, args->at[0].value, t ? type_list(&c->arena, t) : NULL));
        struct type *et = e.t->kind == T_LIST ? e.t->elem[0] : type_plain(T_ANY);
        if (e.t->kind == T_JSON)
            e = coerce(l, e, type_list(&c->arena, type_plain(T_STR)), at);
        else if (e.t->kind != T_LIST && e.t->kind != T_ANY)
            low_diag(l, "E0301", args->at[0].value->span, "options are a list, and this is %s",
                     comp_type_text(c, e.t));
        if (!t || e.t->kind != T_LIST || type_fits(et, t) == FIT_NO)
            t = et;
        check_option_list(l, e, args->at[0].value);
        options = ex_value(l, e);
    } else if (!t || !type_is_finite(t)) {
        if (t && t->kind != T_STR)
            low_diag(l, "E0418", at, "`%s` needs a list of options: %s has too many values", what,
                     comp_type_text(c, t));
        else
            low_diag(l, "E0418", at, "`%s` needs options: a list, an enum or a union of literals",
                     what);
        return ex_bad(l, at);
    } else {
        check_option_type(l, t, at);
    }
    site_args(l, &s, args, true, what);
    if (score && s.g.by == 2)
        low_diag(l, "E0416", s.by_at, "`greedy` picks, and has no probabilities");
    struct span drawn;
    if (s.g.by != 4 && (site_has(&s, ARG_TEMP, &drawn) || site_has(&s, ARG_SEED, &drawn)))
        low_diag(l, "E0411", drawn, "`temp` and `seed` apply to by: \"sample\" only");
    const char *why;
    s.g.rtype = rtype_of(c, t);
    s.g.shape = shape_of(c, t, &why);
    if (!score)
        return site_emit(l, &s, IR_SELECT, t, options);
    struct type *table = type_map(&c->arena, is_key(t) ? t : type_plain(T_STR),
                                  type_plain(T_FLOAT));
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
    uint32_t v = ir_op1(l, IR_PARSE, t, ex_value(l, e), rt, n->span);
    check_fields(l, v, t, n->span);
    return ex_of(v, t, n->span);
}

struct ex lower_model(struct low *l, const struct node *n, struct type *want, struct slice name)
{
    struct type *given = n->u.model.type ? lower_type(l, n->u.model.type) : NULL;
    switch (n->u.model.op) {
    case MODEL_GEN:
        for (uint32_t i = 0; i < n->u.model.args.n && !given; i++)
            if (slice_is(n->u.model.args.at[i].name.text, "n"))      /* gives a list of what is wanted */
                given = gen_type(want && want->kind == T_LIST ? want->elem[0] : NULL);
        return lower_gen(l, n, given ? given : gen_type(want), name, &n->u.model.args, n->span,
                         stream_wants(l, name) ? IR_STREAM_OPEN : IR_GEN);
    case MODEL_SELECT: {
        struct type *t = given ? given : want &&
                         type_is_finite(type_no_null(want)) ? type_no_null(want) : NULL;
        return choose(l, name, t, &n->u.model.args, n->span, false);
    }
    case MODEL_SCORE: {
        struct type *w = want ? type_no_null(want) : NULL;
        struct type *t = given ? given : w && w->kind == T_MAP &&
                         type_is_finite(w->elem[0]) ? w->elem[0] : NULL;
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
                         : lower_gen(l, NULL, t, name, &p->args, p->at,
                                     stream_wants(l, name) ? IR_STREAM_OPEN : IR_GEN);
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
