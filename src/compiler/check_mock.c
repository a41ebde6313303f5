/* check_mock.c - answers of `mock` that no generation of their test could take (E0801).
 *
 * A list is served in an order that is known only when the test runs, so an answer of a list is
 * wrong when it fits no generation that the test reaches; one of a map when it fits none of that
 * name.  Only literals are judged, when every function has been lowered; anything doubtful fits, and
 * a body that speaks of the kind "Mock" expects the refusal. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/jsonio.h"
#include "compiler/lower.h"

struct mock_answer {
    struct mock_answer *next;
    const struct mod   *mod;
    uint32_t            func;       /* the test, or a function inside it */
    struct slice        name;       /* empty: of a list */
    struct slice        text;
    bool                is_text;    /* a string, which may be the value or its spelling */
    struct span         at;
};

/* ---- gathering ---- */

static bool literal_text(struct comp *c, const struct node *n, struct str *out, bool *ret_is_text)
{
    bool minus = n->kind == AST_EXPR_UNARY && n->u.unary.op == UN_NEG;
    const struct node *x = minus ? n->u.unary.operand : n;
    uint32_t k;
    *ret_is_text = false;
    if (x->kind == AST_EXPR_INT)
        k = konst_int(c, minus ? -x->u.int_value : x->u.int_value);
    else if (x->kind == AST_EXPR_FLOAT)
        k = konst_float(c, minus ? -x->u.float_value : x->u.float_value);
    else if (n->kind == AST_EXPR_BOOL)
        k = konst_bool(c, n->u.bool_value);
    else if (n->kind == AST_EXPR_TEXT) {
        *ret_is_text = true;
        for (uint32_t i = 0; i < n->u.text.n; i++) {
            if (n->u.text.piece[i].kind != PIECE_TEXT)
                return false;
            str_add_slice(out, n->u.text.piece[i].text);
        }
        return true;
    } else {
        return false;
    }
    return konst_text(c, k, out);
}

static void gather_one(struct low *l, struct slice name, const struct node *n)
{
    struct comp *c = l->c;
    struct str text = { 0 };
    bool is_text;
    if (literal_text(c, n, &text, &is_text)) {
        struct mock_answer *a = comp_alloc(c, sizeof *a);
        *a = (struct mock_answer){ .next = c->mock_answer, .mod = l->mod, .func = l->func_index,
                                   .name = name, .text = comp_slice(c, str_slice(&text)),
                                   .is_text = is_text, .at = n->span };
        c->mock_answer = a;
    }
    str_free(&text);
}

static void gather_list(struct low *l, struct slice name, const struct node *n)
{
    if (n->kind != AST_EXPR_LIST) {
        gather_one(l, name, n);
        return;
    }
    for (uint32_t i = 0; i < n->u.list.n; i++)
        gather_one(l, name, n->u.list.at[i]);
}

/* A test may show that an answer is refused. */
static bool wants_refusal(const struct low *l, const struct node *body)
{
    struct slice text = slice_sub(l->mod->source->text, body->span.off, body->span.len);
    return slice_find(text, SLICE("\"Mock\"")) != SIZE_MAX;
}

void mock_gather(struct low *l, const struct arg_list *args, const struct node *body)
{
    struct str key = { 0 };
    bool is_text;
    if (args->n != 1 || wants_refusal(l, body))
        return;
    const struct node *answers = args->at[0].value;
    if (answers->kind == AST_EXPR_LIST)
        gather_list(l, SLICE(""), answers);
    if (answers->kind != AST_EXPR_MAP)
        return;
    for (uint32_t i = 0; i < answers->u.map.key.n; i++) {
        str_cut(&key, 0);
        if (literal_text(l->c, answers->u.map.key.at[i], &key, &is_text) && is_text && key.len)
            gather_list(l, comp_slice(l->c, str_slice(&key)), answers->u.map.value.at[i]);
    }
    str_free(&key);
}

/* ---- whether an answer fits a generation ---- */

static bool pattern_of_shape_has(struct comp *c, const struct shape *shape, struct slice text)
{
    struct pattern_source src = { .kind = PATTERN_SHAPE, .shape = shape };
    struct pattern *p;
    struct error err = { 0 };
    size_t at;
    enum status st = pattern_compile(&src, &p, &err);
    if (st == ST_NOMEM)
        comp_nomem(c);
    if (st != ST_OK)
        return true;
    bool ok = pattern_accepts(p, text, &at);
    pattern_unref(p);
    return ok;
}

static bool number_fits(const struct shape *s, struct slice text)
{
    char buf[40];
    char *end;
    snprintf(buf, sizeof buf, "%.*s", (int)text.len, text.ptr);
    double x = strtod(buf, &end);
    return end != buf && !*end && (s->flags & SHAPE_OPEN_LO || x >= s->flo) &&
           (s->flags & SHAPE_OPEN_HI || x <= s->fhi);
}

/* JSON may be spelled in any way and with fields in any order; a text that is none can still be the
 * value of an arm. */
static bool json_fits(struct comp *c, const struct shape *s, const struct mock_answer *a)
{
    struct str quoted = { 0 };
    struct error err = { 0 };
    json_t *json = NULL;
    bool fits = !a->is_text || jsonio_load(a->text, NULL, &json, &err) == ST_OK;
    if (json)
        json_decref(json);
    if (!fits) {
        jsonio_quote(a->text, &quoted);
        fits = pattern_of_shape_has(c, s, str_slice(&quoted));
    }
    str_free(&quoted);
    return fits;
}

static bool gen_fits(struct comp *c, const struct gen_site *g, const struct mock_answer *a)
{
    if (!g->shape || c->rtype[g->rtype].kind == RT_STR)
        return a->is_text && (!g->shape || pattern_of_shape_has(c, g->shape, a->text));
    if (!shape_is_bare(g->shape))
        return json_fits(c, g->shape, a);
    if (g->shape->kind == SHAPE_FLOAT && !a->is_text)
        return number_fits(g->shape, a->text);
    return pattern_of_shape_has(c, g->shape, a->text);
}

static const struct konst *const_arg(struct comp *c, const struct ir_func *f, uint32_t v)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].dst == v && f->insn[i].op == IR_CONST)
            return &c->konst[f->insn[i].imm];
    return NULL;
}

static bool choice_fits(struct comp *c, const struct ir_func *f, const struct ir_insn *n,
                        const struct mock_answer *a)
{
    const struct gen_site *g = &c->gen[n->imm];
    if (n->n_arg <= g->n_arg)               /* no list: a finite type */
        return !g->shape || pattern_of_shape_has(c, g->shape, a->text);
    const struct konst *list = const_arg(c, f, n->arg[g->n_arg]);
    if (!list || list->kind != KONST_LIST)
        return true;
    bool fits = false;
    for (uint32_t i = 0; i < list->n && !fits; i++) {
        struct str text = { 0 };
        fits = !konst_text(c, list->item[i], &text) || slice_eq(str_slice(&text), a->text);
        str_free(&text);
    }
    return fits;
}

/* ---- what a test reaches ---- */

struct reach {
    struct comp *c;
    uint8_t     *seen;          /* [n_func] */
    uint32_t    *list, n;
};

static void reach_add(struct reach *r, uint32_t func)
{
    if (func >= r->c->n_func || r->seen[func])
        return;
    r->seen[func] = 1;
    r->list[r->n++] = func;
}

static void reach_konst(struct reach *r, uint32_t k, uint32_t depth)
{
    const struct konst *x = &r->c->konst[k];
    if (x->kind == KONST_FUNC || (x->kind == KONST_TOOL && x->i >= 0))
        reach_add(r, (uint32_t)x->i);
    bool map = x->kind == KONST_MAP;
    bool many = map || x->kind == KONST_LIST || x->kind == KONST_TUPLE || x->kind == KONST_STRUCT;
    for (uint32_t i = 0; many && depth < TYPE_DEPTH_MAX && i < (map ? 2 * x->n : x->n); i++)
        reach_konst(r, r->c->konst[k].item[i], depth + 1);
}

static struct reach reach_from(struct comp *c, uint32_t func)
{
    struct reach r = { .c = c, .seen = comp_alloc(c, c->n_func) };
    r.list = comp_alloc(c, c->n_func * sizeof *r.list);
    reach_add(&r, func);
    for (uint32_t k = 0; k < r.n; k++) {
        const struct ir_func *f = c->func[r.list[k]];
        for (uint32_t i = 0; i < f->n_callee; i++)
            reach_add(&r, f->callee[i]);
        for (uint32_t i = 0; i < f->n_insn; i++)
            if (f->insn[i].op == IR_CONST)
                reach_konst(&r, f->insn[i].imm, 0);
    }
    return r;
}

/* ---- the check ---- */

static bool is_model_op(enum ir_op op)
{
    return op == IR_GEN || op == IR_SELECT || op == IR_SCORE || op == IR_STREAM_OPEN;
}

static bool fits_some(struct comp *c, const struct reach *r, const struct mock_answer *a,
                      bool *ret_any)
{
    *ret_any = false;
    for (uint32_t k = 0; k < r->n; k++) {
        const struct ir_func *f = c->func[r->list[k]];
        for (uint32_t i = 0; i < f->n_insn; i++) {
            const struct ir_insn *n = &f->insn[i];
            if (!is_model_op(n->op) || (a->name.len && !slice_eq(c->gen[n->imm].name, a->name)))
                continue;
            *ret_any = true;
            bool choice = n->op == IR_SELECT || n->op == IR_SCORE;
            if (choice ? choice_fits(c, f, n, a) : gen_fits(c, &c->gen[n->imm], a))
                return true;
        }
    }
    return false;
}

void mock_check(struct comp *c)
{
    struct reach r = { 0 };
    uint32_t from = IR_NO;
    for (const struct mock_answer *a = c->mock_answer; a; a = a->next) {
        if (a->func != from)
            r = reach_from(c, a->func);
        from = a->func;
        bool any;
        if (fits_some(c, &r, a, &any) || !any)
            continue;
        struct slice s = slice_sub(a->text, 0, 60);
        if (a->name.len)
            comp_diag(c, a->mod, "E0801", a->at,
                      "`%.*s` can never answer `%.*s`: it is outside its type", (int)s.len, s.ptr,
                      (int)a->name.len, a->name.ptr);
        else
            comp_diag(c, a->mod, "E0801", a->at, "`%.*s` fits no generation that this test reaches",
                      (int)s.len, s.ptr);
    }
}
