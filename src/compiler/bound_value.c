/* bound_value.c - what bounds a value: constants, parameters, and names for everything else.
 *
 * A parameter stays a name until the function is called with something known; what neither is
 * becomes a name of its own, spelled as in the source. */
#include <string.h>

#include "compiler/bounds.h"

enum { NAME_MAX_BYTES = 40, INT_BYTES = 20, FLOAT_BYTES = 24, BOOL_BYTES = 5, MAX_VAR = 4096,
       MAX_DEPTH = 32 };        /* of sums and texts that are looked through */

static struct arena *arena(struct bound_fn *x)
{
    return &x->b->c->arena;
}

static const struct ir_insn *def_of(const struct bound_fn *x, uint32_t v)
{
    return v < x->f->n_value && x->def[v] ? &x->f->insn[x->def[v] - 1] : NULL;
}

/* ---- names ---- */

static struct poly name(struct bound_fn *x, struct poly_var v)
{
    struct poly_vars *vars = &x->b->vars;
    for (uint32_t i = 0; i < vars->n; i++) {
        const struct poly_var *o = &vars->at[i];
        if (o->kind == v.kind && o->func == v.func && o->input == v.input && slice_eq(o->name,
                v.name))
            return poly_name(arena(x), i);
    }
    if (vars->n == MAX_VAR)
        return poly_unbounded();
    *(struct poly_var *)comp_push(x->b->c, &vars->at, &vars->n, &vars->cap, sizeof v) = v;
    return poly_name(arena(x), vars->n - 1);
}

struct poly bound_opaque(struct bound_fn *x, enum poly_var_kind kind, struct span at,
                         const char *more)
{
    struct slice text = slice_sub(x->f->out.source->text, at.off, at.len);
    size_t line = slice_find(text, SLICE("\n"));
    bool cut = line != SIZE_MAX || text.len > NAME_MAX_BYTES;
    text = slice_sub(text, 0, line < NAME_MAX_BYTES - 3 ? line : cut ? NAME_MAX_BYTES - 3
                     : text.len);
    struct slice full = comp_printf(x->b->c, "%.*s%s%s", (int)text.len, text.ptr, cut ? "..." : "",
                                    more);
    return name(x, (struct poly_var){ kind, full, 0, IR_NO });
}

/* The number of a function's input, or IR_NO. */
static uint32_t input_of(const struct bound_fn *x, uint32_t v)
{
    for (uint32_t i = 0; i < x->f->n_input; i++)
        if (x->f->input[i] == v)
            return i;
    return IR_NO;
}

static struct poly input_name(struct bound_fn *x, enum poly_var_kind kind, uint32_t i)
{
    const struct func *o = &x->f->out;
    struct slice text = SLICE("value");
    if (i >= o->n_capture && o->param && i - o->n_capture < o->n_param)
        text = o->param[i - o->n_capture].name;
    return name(x, (struct poly_var){ kind, text, x->index, i });
}

static struct poly named(struct bound_fn *x, enum poly_var_kind kind, uint32_t v)
{
    uint32_t i = input_of(x, v);
    if (i != IR_NO)
        return input_name(x, kind, i);
    const struct ir_insn *d = def_of(x, v);
    if (d && d->op == IR_NEXT) {
        const struct ir_insn *it = def_of(x, d->arg[0]);
        return bound_opaque(x, kind, it ? it->at : d->at, "[i]");
    }
    return bound_opaque(x, kind, d ? d->at : x->f->out.at, "");
}

/* ---- constants ---- */

static const struct konst *konst_of(const struct bound_fn *x, uint32_t v)
{
    const struct ir_insn *d = def_of(x, v);
    return d && d->op == IR_CONST ? &x->b->c->konst[d->imm] : NULL;
}

static uint64_t text_bytes(struct comp *c, uint32_t konst)
{
    struct str s = { 0 };
    konst_text(c, konst, &s);
    uint64_t n = s.len;
    str_free(&s);
    return n;
}

/* The longest element of a constant list. */
static bool longest_item(struct bound_fn *x, uint32_t list, uint64_t *ret)
{
    const struct konst *k = konst_of(x, list);
    if (!k || k->kind != KONST_LIST)
        return false;
    *ret = 0;
    for (uint32_t i = 0; i < k->n; i++) {
        uint64_t n = text_bytes(x->b->c, k->item[i]);
        *ret = n > *ret ? n : *ret;
    }
    return true;
}

/* ---- how many, how large, how long ---- */

struct poly bound_int(struct bound_fn *x, uint32_t v)
{
    const struct ir_insn *d = def_of(x, v);
    const struct konst *k = konst_of(x, v);
    if (k && k->kind == KONST_INT)
        return poly_const(arena(x), k->i > 0 ? (uint64_t)k->i : 0);
    if (d && (d->op == IR_ADD || d->op == IR_MUL) && x->depth < MAX_DEPTH) {
        x->depth++;
        struct poly a = bound_int(x, d->arg[0]), b = bound_int(x, d->arg[1]);
        x->depth--;
        return d->op == IR_ADD ? poly_add(arena(x), a, b) : poly_mul(arena(x), a, b);
    }
    if (d && d->op == IR_NATIVE && d->imm == NATIVE_LIST_LEN)
        return bound_len(x, d->arg[0]);
    return named(x, POLY_INT, v);
}

static struct poly fork_width(struct bound_fn *x, const struct ir_insn *fork)
{
    const struct fork_site *s = &x->b->c->fork[fork->imm];
    struct poly n = poly_const(arena(x), 1);
    if (!s->n_forker)
        return bound_int(x, fork->arg[0]);
    for (uint32_t i = 0; i < s->n_forker; i++)
        n = poly_mul(arena(x), n, bound_len(x, fork->arg[i]));
    return n;
}

struct poly bound_len(struct bound_fn *x, uint32_t v)
{
    const struct ir_insn *d = def_of(x, v);
    const struct konst *k = konst_of(x, v);
    if (k && k->kind == KONST_INT)
        return bound_int(x, v);
    if (k && k->kind >= KONST_LIST && k->kind <= KONST_STRUCT)
        return poly_const(arena(x), k->n);
    if (!d)
        return named(x, x->f->value[v].type && type_base(x->f->value[v].type)->kind == T_INT
                     ? POLY_INT : POLY_LEN, v);
    switch (d->op) {
    case IR_RANGE:
        return poly_add(arena(x), bound_int(x, d->arg[1]), poly_const(arena(x), 1));
    case IR_RANGE_EX:
        return bound_int(x, d->arg[1]);
    case IR_LIST:
        return poly_const(arena(x), d->n_arg);
    case IR_JOIN: case IR_FORCE:
        return bound_len(x, d->arg[0]);
    case IR_FORK:
        return fork_width(x, d);
    default:
        return named(x, type_base(x->f->value[v].type)->kind == T_INT ? POLY_INT : POLY_LEN, v);
    }
}

static bool bytes_by_type(const struct type *t, uint64_t *ret)
{
    switch (t ? type_base(t)->kind : T_ANY) {
    case T_INT: *ret = INT_BYTES; return true;
    case T_FLOAT: *ret = FLOAT_BYTES; return true;
    case T_BOOL: *ret = BOOL_BYTES; return true;
    case T_NULL: *ret = 4; return true;
    default: return false;
    }
}

struct poly bound_bytes(struct bound_fn *x, uint32_t v)
{
    const struct ir_insn *d = def_of(x, v);
    uint64_t n;
    if (konst_of(x, v))
        return poly_const(arena(x), text_bytes(x->b->c, d->imm));
    if (bytes_by_type(x->f->value[v].type, &n))
        return poly_const(arena(x), n);
    if (d && d->op == IR_FORMAT && x->depth < MAX_DEPTH) {
        struct poly sum = poly_const(arena(x), 0);
        x->depth++;
        for (uint32_t i = 0; i < d->n_arg; i++)
            sum = poly_add(arena(x), sum, bound_bytes(x, d->arg[i]));
        x->depth--;
        return sum;
    }
    if (d && d->op == IR_NEXT) {
        const struct ir_insn *it = def_of(x, d->arg[0]);
        if (it && it->op == IR_ITER && longest_item(x, it->arg[0], &n))
            return poly_const(arena(x), n);
    }
    return named(x, POLY_BYTES, v);
}

/* ---- calls ---- */

struct put {
    struct bound_fn *x;
    uint32_t         func;
    const uint32_t  *arg;
    uint32_t         n, list_at;
};

static struct poly element(struct bound_fn *x, enum poly_var_kind kind, uint32_t list)
{
    const struct ir_insn *d = def_of(x, list);
    uint32_t i = input_of(x, list);
    uint64_t n;
    if (kind == POLY_BYTES && longest_item(x, list, &n))
        return poly_const(arena(x), n);
    if (kind == POLY_INT)
        return bound_len(x, list);              /* of a range */
    if (i != IR_NO && i >= x->f->out.n_capture && i - x->f->out.n_capture < x->f->out.n_param) {
        struct slice s = x->f->out.param[i - x->f->out.n_capture].name;
        return name(x, (struct poly_var){ kind, comp_printf(x->b->c, "%.*s[i]", (int)s.len, s.ptr),
                                          0, IR_NO });
    }
    return bound_opaque(x, kind, d ? d->at : x->f->out.at, "[i]");
}

static struct poly put_one(void *ctx, uint32_t var)
{
    struct put *p = ctx;
    const struct poly_var v = p->x->b->vars.at[var];
    if (v.input == IR_NO || v.func != p->func || v.input >= p->n)
        return poly_name(arena(p->x), var);
    uint32_t value = p->arg[v.input];
    if (v.input >= p->list_at)
        return element(p->x, v.kind, value);
    switch (v.kind) {
    case POLY_LEN: return bound_len(p->x, value);
    case POLY_BYTES: return bound_bytes(p->x, value);
    case POLY_INT: return bound_int(p->x, value);
    default: return bound_call_value(p->x, value, v.kind == POLY_CALL);
    }
}

struct poly bound_put(struct bound_fn *x, struct poly p, uint32_t func, const uint32_t *arg,
                      uint32_t n,
                      uint32_t list_at)
{
    struct put put = { x, func, arg, n, list_at };
    return poly_put(arena(x), p, put_one, &put);
}

struct poly bound_call_value(struct bound_fn *x, uint32_t v, bool tokens)
{
    const struct ir_insn *d = def_of(x, v);
    const struct konst *k = konst_of(x, v);
    uint32_t func = d && d->op == IR_CLOSURE ? d->imm : k && k->kind == KONST_FUNC ? (uint32_t)k->i
        : IR_NO;
    if (k && k->kind != KONST_FUNC)
        return poly_const(arena(x), 0);
    if (func == IR_NO)
        return named(x, tokens ? POLY_CALL : POLY_LIVE, v);
    const struct bound *b = &x->b->of[func];
    if (!b->done)
        return poly_unbounded();
    struct poly p = tokens ? b->tokens : b->contexts;
    return d->op == IR_CLOSURE ? bound_put(x, p, func, d->arg, d->n_arg, IR_NO) : p;
}
