/* bounds.c - the most tokens and live contexts that one call of a function can come to.
 *
 * Every operation has a cost; in loops, branches and attempts it is multiplied by how often they
 * run; and the function's bound is that of the dearest way through it, where the way back to the
 * head of a loop counts as the way out (its rounds are in the factors already).  Callees come
 * first, so that their bounds can be put in with the arguments of the call; functions that call
 * each other in a circle are unbounded, and so is a `while` around something that costs.
 *
 * Units: constant text counts in tokens where a tokenizer is at hand, else in bytes, which is never
 * less; a turn's markers then as TURN_TOKENS; a generation its `max`, or the longest text of its
 * type when that is less. */
#include "compiler/bounds.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/pass.h"

enum { TURN_TOKENS = 8, HEAL_TOKENS = 4, DEFAULT_MAX = 512, FEEDBACK_BYTES = 64 };

struct cap {                    /* a budget: what stands in it is summed up and capped */
    uint32_t    up;             /* index + 1 */
    uint32_t    push;           /* operation */
    bool        caps;
    uint64_t    cap;
    struct poly sum;
};

struct work {
    struct bound_fn *x;
    struct arena    *a;
    struct poly     *times;     /* [n_region] how often it runs */
    struct poly     *node;      /* [flow.n] */
    struct cap      *scope;  uint32_t n_scope, cap_scope;
    uint32_t        *in;        /* [flow.n] scope + 1 at its head */
    struct poly      contexts;
    struct span      why;       /* first place without a bound */
    bool             has_why;
};

/* ---- generations ---- */

static uint32_t arg_of(const struct site_arg *arg, uint32_t n, enum site_arg_kind kind)
{
    for (uint32_t i = 0; i < n; i++)
        if (arg[i].kind == kind)
            return i;
    return IR_NO;
}

/* The longest text of a small type, in bytes; 0: not small. */
static uint64_t longest_of_type(const struct comp *c, const struct rtype *t)
{
    uint64_t n = 0;
    switch (t->kind) {
    case RT_BOOL: return 5;
    case RT_NULL: return 4;
    case RT_INT: return 20;
    case RT_LITERAL: return c->konst[t->konst].kind == KONST_STR ? c->konst[t->konst].text.len : 20;
    case RT_ENUM:
        for (uint32_t i = 0; i < t->n_variant; i++)
            n = t->variant[i].text.len > n ? t->variant[i].text.len : n;
        return n;
    case RT_UNION:
        for (uint32_t i = 0; i < t->n; i++) {
            if (c->rtype[t->elem[i]].kind != RT_LITERAL)
                return 0;
            uint64_t one = longest_of_type(c, &c->rtype[t->elem[i]]);
            n = one > n ? one : n;
        }
        return n;
    default: return 0;
    }
}

static uint32_t turn_cost(const struct comp *c, uint32_t role)
{
    return c->opts->counter ? c->opts->counter->turn[role & 3] : TURN_TOKENS;
}

static bool heals(const struct work *w, const struct ir_insn *n)
{
    const struct ir_func *f = w->x->f;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].kout == n->kin)
            return f->insn[i].op != IR_TURN_OPEN && f->insn[i].op != IR_TURN_CLOSE &&
                f->insn[i].op != IR_CTX_NEW;
    return true;
}

static struct poly gen_cost(struct work *w, const struct ir_insn *n)
{
    struct comp *c = w->x->b->c;
    const struct gen_site *g = &c->gen[n->imm];
    uint32_t max = arg_of(g->arg, g->n_arg, ARG_MAX), think = arg_of(g->arg, g->n_arg, ARG_THINK);
    struct poly p = max == IR_NO ? poly_const(w->a, w->x->b->max) : bound_int(w->x, n->arg[max]);
    uint64_t longest = longest_of_type(c, &c->rtype[g->rtype]), k;
    if (longest && (!poly_is_const(p, &k) || k > longest))
        p = poly_const(w->a, longest);
    if (think != IR_NO)
        p = poly_add(w->a, p, bound_int(w->x, n->arg[think]));
    if (g->opens_turn)
        return poly_add(w->a, p, poly_const(w->a, turn_cost(c, ROLE_ASSISTANT)));
    return heals(w, n) ? poly_add(w->a, p, poly_const(w->a, HEAL_TOKENS)) : p;
}

/* Each option, and the bytes that healing takes back. */
static struct poly options_cost(struct work *w, const struct ir_insn *n)
{
    struct comp *c = w->x->b->c;
    const struct gen_site *g = &c->gen[n->imm];
    const struct rtype *t = &c->rtype[g->rtype];
    uint64_t sum = TURN_TOKENS + HEAL_TOKENS;
    if (n->n_arg > g->n_arg) {
        const struct ir_insn *d = w->x->def[n->arg[g->n_arg]]
            ? &w->x->f->insn[w->x->def[n->arg[g->n_arg]] - 1] : NULL;
        if (!d || d->op != IR_CONST || c->konst[d->imm].kind != KONST_LIST)
            return bound_bytes(w->x, n->arg[g->n_arg]);
        for (uint32_t i = 0; i < c->konst[d->imm].n; i++) {
            struct str s = { 0 };
            konst_text(c, c->konst[d->imm].item[i], &s);
            sum += s.len;
            str_free(&s);
        }
        return poly_const(w->a, sum);
    }
    uint32_t count = t->kind == RT_ENUM ? t->n_variant : t->kind == RT_BOOL ? 2 : t->n ? t->n : 1;
    return poly_const(w->a, sum + count * longest_of_type(c, t));
}

/* ---- operations ---- */

static struct poly width_of(struct work *w, const struct ir_insn *n)
{
    const struct fork_site *s = &w->x->b->c->fork[n->imm];
    struct poly p = poly_const(w->a, 1);
    for (uint32_t i = 0; i < s->n_forker; i++)
        p = poly_mul(w->a, p, bound_len(w->x, n->arg[i]));
    return s->n_forker ? p : bound_int(w->x, n->arg[0]);
}

/* The bound of one branch: its inputs are the captures, then the variables. */
static struct poly branch_bound(struct work *w, const struct ir_insn *n, bool tokens)
{
    const struct fork_site *s = &w->x->b->c->fork[n->imm];
    const struct bound *b = &w->x->b->of[s->func];
    uint32_t head = s->n_forker ? s->n_forker : 1, n_in = s->n_capture + s->n_forker;
    uint32_t *in = comp_alloc(w->x->b->c, (n_in + 1) * sizeof *in);
    for (uint32_t i = 0; i < s->n_capture; i++)
        in[i] = n->arg[head + i];
    for (uint32_t i = 0; i < s->n_forker; i++)
        in[s->n_capture + i] = n->arg[i];
    if (!b->done)
        return poly_unbounded();
    return bound_put(w->x, tokens ? b->tokens : b->contexts, s->func, in, n_in, s->n_capture);
}

static struct poly fork_tokens(struct work *w, const struct ir_insn *n)
{
    return poly_mul(w->a, width_of(w, n), branch_bound(w, n, true));
}

static struct poly call_bound(struct work *w, const struct ir_insn *n, bool tokens)
{
    const struct bound *b = &w->x->b->of[n->imm];
    if (!b->done)
        return poly_unbounded();
    return bound_put(w->x, tokens ? b->tokens : b->contexts, n->imm, n->arg, n->n_arg, IR_NO);
}

static struct poly native_cost(struct work *w, const struct ir_insn *n)
{
    const struct comp *c = w->x->b->c;
    if (n->imm != NATIVE_CALL_RUN)
        return poly_const(w->a, 0);
    for (uint32_t t = 0; t < c->n_rtype; t++)
        for (uint32_t i = 0; i < c->rtype[t].n_tool; i++) {
            uint32_t f = c->rtype[t].tool[i].func;
            if (f != BC_NO_INDEX && (c->func[f]->out.effects & EFFECT_MODEL))
                return poly_unbounded();
        }
    return poly_const(w->a, 0);
}

static struct poly join_text_cost(struct work *w, const struct ir_insn *n)
{
    uint32_t d = w->x->def[n->arg[0]];
    if (!d || w->x->f->insn[d - 1].op != IR_FORK)
        return poly_unbounded();
    return fork_tokens(w, &w->x->f->insn[d - 1]);
}

static uint64_t text_cost(const struct comp *c, struct slice text)
{
    const struct token_counter *k = c->opts->counter;
    uint32_t n = k ? k->count(k->ctx, text) : UINT32_MAX;
    return n == UINT32_MAX ? text.len : n;
}

static struct poly cost_of(struct work *w, const struct ir_insn *n)
{
    const struct comp *c = w->x->b->c;
    switch (n->op) {
    case IR_TEXT:
        return poly_const(w->a, text_cost(c, c->konst[n->imm].text));
    case IR_INSERT:
        return bound_bytes(w->x, n->arg[0]);
    case IR_CONTROL:
        return poly_const(w->a, 1);
    case IR_TURN_OPEN:
        return poly_const(w->a, turn_cost(c, n->imm));
    case IR_GEN: case IR_STREAM_OPEN:
        return gen_cost(w, n);
    case IR_SELECT: case IR_SCORE:
        return options_cost(w, n);
    case IR_FORK:
        return fork_tokens(w, n);
    case IR_JOIN_TEXT:
        return join_text_cost(w, n);
    case IR_CALL: case IR_CALL_DEFERRED:
        return call_bound(w, n, true);
    case IR_CALL_VALUE: case IR_CALL_VALUE_DEFERRED:
        return bound_call_value(w->x, n->arg[0], true);
    case IR_NATIVE:
        return native_cost(w, n);
    case IR_DROP_TURNS:
        return bound_opaque(w->x, POLY_INT, (struct span){ 0, 0 }, "window");
    default:
        return poly_const(w->a, 0);
    }
}

static bool runs_ahead(const struct work *w, const struct ir_insn *n)
{
    const uint32_t calm = EFFECT_MODEL | EFFECT_IDEM | EFFECT_FAIL;
    return n->op == IR_CALL_DEFERRED || n->op == IR_CALL_VALUE_DEFERRED ||
           (n->op == IR_CALL && !(w->x->b->c->func[n->imm]->out.effects & ~calm));
}

/* Contexts that an operation keeps alive beside those before it; ret_alone: only while it runs. */
static struct poly contexts_of(struct work *w, const struct ir_insn *n, bool *ret_alone)
{
    const struct fork_site *s;
    *ret_alone = false;
    switch (n->op) {
    case IR_CTX_NEW: case IR_SNAP: case IR_CTX_FORK:
        return poly_const(w->a, 1);
    case IR_SCRATCH:
        *ret_alone = true;
        return poly_const(w->a, 1);
    case IR_FORK:
        s = &w->x->b->c->fork[n->imm];
        return poly_mul(w->a, width_of(w, n),
                        poly_add(w->a, branch_bound(w, n, false), poly_const(w->a, s->uses_ctx)));
    case IR_CALL: case IR_CALL_DEFERRED:
        *ret_alone = !runs_ahead(w, n);
        return call_bound(w, n, false);
    case IR_CALL_VALUE: case IR_CALL_VALUE_DEFERRED:
        return bound_call_value(w->x, n->arg[0], false);
    default:
        return poly_const(w->a, 0);
    }
}

/* ---- how often ---- */

/* Elements of what a loop's NEXT takes from; a race asks once a branch; a stream at most once a
 * token; a `while` nobody knows. */
static struct poly rounds(struct work *w, const struct ir_region *r)
{
    const struct ir_func *f = w->x->f;
    for (uint32_t i = r->first; i <= r->last && i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        const struct ir_insn *d = n->n_arg && w->x->def[n->arg[0]]
            ? &f->insn[w->x->def[n->arg[0]] - 1] : NULL;
        if (n->op == IR_NEXT && d && d->op == IR_ITER)
            return bound_len(w->x, d->arg[0]);
        if (n->op == IR_JOIN_NEXT)
            return bound_len(w->x, n->arg[0]);
        if (n->op == IR_STREAM_NEXT && d && d->op == IR_STREAM_OPEN)
            return gen_cost(w, d);
        if (n->op == IR_ATTEMPT_ENTER) {
            const struct attempt_site *s = &w->x->b->c->attempt[n->imm];
            uint32_t k = arg_of(s->arg, s->n_arg, ARG_TIMES);
            return k == IR_NO ? poly_unbounded() : bound_int(w->x, n->arg[k]);
        }
        if (n->op != IR_BLOCK && n->op != IR_KPHI && n->op != IR_NOP)
            break;
    }
    return poly_unbounded();
}

/* How often operation i runs, counted from the budget around it (operation `from`). */
static struct poly times(struct work *w, uint32_t i, uint32_t from)
{
    const struct ir_func *f = w->x->f;
    struct poly p = poly_const(w->a, 1);
    for (uint32_t r = 0; r < f->n_region; r++)
        if (i >= f->region[r].first && i <= f->region[r].last && f->region[r].first >= from)
            p = poly_mul(w->a, p, w->times[r]);
    return p;
}

/* ---- budgets ---- */

static uint32_t push_scope(struct work *w, uint32_t i, uint32_t up)
{
    const struct ir_insn *n = &w->x->f->insn[i];
    const struct scope_site *s = &w->x->b->c->scope[n->imm];
    struct cap *x = comp_push(w->x->b->c, &w->scope, &w->n_scope, &w->cap_scope, sizeof *x);
    uint32_t k = s->kind == SCOPE_BUDGET ? arg_of(s->arg, s->n_arg, ARG_TOKENS) : IR_NO;
    *x = (struct cap){ .up = up, .push = i, .sum = poly_const(w->a, 0) };
    x->caps = k != IR_NO && poly_is_const(bound_int(w->x, n->arg[k]), &x->cap) && x->cap;
    return w->n_scope;
}

/* The innermost scope with a cap, + 1. */
static uint32_t capping(const struct work *w, uint32_t scope)
{
    while (scope && !w->scope[scope - 1].caps)
        scope = w->scope[scope - 1].up;
    return scope;
}

/* A callee without a bound has its own warning. */
static bool said_there(const struct work *w, const struct ir_insn *n)
{
    const struct bounds *b = w->x->b;
    uint32_t f = n->op == IR_CALL || n->op == IR_CALL_DEFERRED ? n->imm
                 : n->op == IR_FORK ? b->c->fork[n->imm].func : IR_NO;
    return f != IR_NO && b->of[f].done && b->of[f].tokens.unbounded;
}

static void charge(struct work *w, uint32_t node, uint32_t i, uint32_t scope, struct poly cost)
{
    uint32_t cap = capping(w, scope);
    if (poly_is_zero(cost))
        return;
    struct poly p = poly_mul(w->a, cost, times(w, i, cap ? w->scope[cap - 1].push : 0));
    if (cap) {
        w->scope[cap - 1].sum = poly_add(w->a, w->scope[cap - 1].sum, p);
        return;
    }
    if (p.unbounded && !w->has_why && !said_there(w, &w->x->f->insn[i])) {
        w->has_why = true;
        w->why = w->x->f->insn[i].at;
    }
    w->node[node] = poly_add(w->a, w->node[node], p);
}

/* What a budget lets through, charged where it begins. */
static void close_scopes(struct work *w)
{
    for (uint32_t s = w->n_scope; s-- > 0;) {
        struct cap *x = &w->scope[s];
        uint64_t k;
        if (!x->caps)
            continue;
        struct poly p = poly_is_const(x->sum, &k) && k < x->cap ? x->sum : poly_const(w->a, x->cap);
        charge(w, flow_node_of(&w->x->flow, x->push), x->push, x->up, p);
    }
}

/* ---- the function ---- */

static void add_contexts(struct work *w, uint32_t i, struct poly *most)
{
    bool alone;
    struct poly p = contexts_of(w, &w->x->f->insn[i], &alone);
    if (alone)
        *most = poly_max(w->a, *most, p);
    else if (!poly_is_zero(p))
        w->contexts = poly_add(w->a, w->contexts, poly_mul(w->a, p, times(w, i, 0)));
}

static void costs(struct work *w)
{
    const struct flow *flow = &w->x->flow;
    const struct ir_func *f = w->x->f;
    struct poly most = poly_const(w->a, 0);
    for (uint32_t k = 0; k < flow->n; k++) {
        uint32_t scope = w->in[k];
        for (uint32_t i = flow->node[k].first; i < flow->node[k].end; i++) {
            if (f->insn[i].op == IR_SCOPE_PUSH)
                scope = push_scope(w, i, scope);
            else if (f->insn[i].op == IR_SCOPE_POP && scope)
                scope = w->scope[scope - 1].up;
            else
                charge(w, k, i, scope, cost_of(w, &f->insn[i]));
            add_contexts(w, i, &most);
        }
        for (int n = 0; n < 2; n++)
            if (flow->node[k].next[n] != IR_NO && flow->node[k].next[n] > k)
                w->in[flow->node[k].next[n]] = scope;
    }
    close_scopes(w);
    w->contexts = poly_add(w->a, w->contexts, most);
}

/* Where control is when a loop that begins at node `head` has ended. */
static uint32_t behind_loop(const struct work *w, uint32_t head)
{
    const struct ir_func *f = w->x->f;
    const struct flow *flow = &w->x->flow;
    for (uint32_t r = 0; r < f->n_region; r++)
        if (f->region[r].first == flow->node[head].first && f->region[r].last + 1 < f->n_insn)
            return flow_node_of(flow, f->region[r].last + 1);
    return IR_NO;
}

static void reach(struct work *w, struct poly *dist, uint32_t from, uint32_t to, struct poly p)
{
    if (to != IR_NO && to <= from)
        to = behind_loop(w, to);
    if (to != IR_NO && to > from)
        dist[to] = poly_max(w->a, dist[to], p);
}

/* The dearest way, over ways that lead forward. */
static struct poly dearest(struct work *w)
{
    const struct flow *flow = &w->x->flow;
    struct poly best = poly_const(w->a, 0);
    struct poly *dist = comp_alloc(w->x->b->c, (flow->n + 1) * sizeof *dist);
    for (uint32_t k = 0; k < flow->n; k++) {
        struct poly p = poly_add(w->a, dist[k], w->node[k]);
        best = poly_max(w->a, best, p);
        reach(w, dist, k, flow->node[k].next[0], p);
        reach(w, dist, k, flow->node[k].next[1], p);
        reach(w, dist, k, flow->node[k].handler, p);
    }
    return best;
}

static void bound_func(struct bounds *b, uint32_t index)
{
    struct comp *c = b->c;
    struct ir_func *f = c->func[index];
    struct bound_fn x = { .b = b, .f = f, .index = index };
    x.def = comp_alloc(c, (f->n_value + 1) * sizeof *x.def);
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op != IR_STORE && f->insn[i].dst != IR_NO &&
            !f->value[f->insn[i].dst].is_var)
            x.def[f->insn[i].dst] = i + 1;
    x.flow = flow_of(c, f);
    struct work w = { .x = &x, .a = &c->arena };
    w.times = comp_alloc(c, (f->n_region + 1) * sizeof *w.times);
    w.node = comp_alloc(c, (x.flow.n + 1) * sizeof *w.node);
    w.in = comp_alloc(c, (x.flow.n + 1) * sizeof *w.in);
    for (uint32_t r = 0; r < f->n_region; r++)
        w.times[r] = rounds(&w, &f->region[r]);
    costs(&w);
    b->of[index] = (struct bound){ dearest(&w), w.contexts, true };
    if (w.has_why && c->opts->cost && !pass_of_std(c, f))
        diag_add(c->diags, "W0701", f->out.source, w.why,
                 "nothing bounds how many tokens this comes to");
    mem_free(w.scope);
}

/* ---- all functions ---- */

/* The first callee that has no bound yet, or IR_NO. */
static uint32_t waits_for(const struct bounds *b, uint32_t func)
{
    const struct ir_func *f = b->c->func[func];
    for (uint32_t k = 0; k < f->n_callee; k++)
        if (!b->of[f->callee[k]].done)
            return f->callee[k];
    return IR_NO;
}

/* Callees first.  When all that are left wait for each other, the way from one to the next leads
 * into a circle, and one that stands on it goes first: it is unbounded. */
static void in_order(struct bounds *b)
{
    uint32_t n_func = b->c->n_func;
    for (uint32_t i = 0; i < n_func;) {
        uint32_t f = i;
        for (uint32_t steps = 0; !b->of[i].done && steps <= n_func; steps++) {
            uint32_t next = waits_for(b, f);
            if (next == IR_NO)
                break;
            f = next;
        }
        if (!b->of[i].done)
            bound_func(b, f);
        else
            i++;
    }
}

static void report(const struct bounds *b, struct str *out)
{
    const struct comp *c = b->c;
    if (c->opts->counter)
        str_addf(out, "most of one call, constant text in tokens of %s\n", c->opts->counter->model);
    else
        str_adds(out,
                 "most of one call, constant text in bytes and a turn's markers as 8 tokens\n");
    for (uint32_t i = 0; i < c->n_func; i++) {
        const struct func *o = &c->func[i]->out;
        if (o->source != c->main_mod->source || !(o->flags & (FUNC_EXPORTED | FUNC_SCRIPT)))
            continue;
        str_addf(out, "%.*s(", (int)o->name.len, o->name.ptr);
        for (uint32_t k = 0; k < o->n_param; k++)
            str_addf(out, "%s%.*s", k ? ", " : "", (int)o->param[k].name.len, o->param[k].name.ptr);
        str_adds(out, ")\n    tokens    ");
        poly_text(b->of[i].tokens, &b->vars, out);
        str_adds(out, "\n    contexts  ");
        poly_text(b->of[i].contexts, &b->vars, out);
        str_addc(out, '\n');
    }
}

/* A `max` that a sampling scope sets holds for generations that name none. */
static uint64_t default_max(const struct comp *c)
{
    uint64_t max = DEFAULT_MAX;
    for (uint32_t f = 0; f < c->n_func; f++)
        for (uint32_t i = 0; i < c->func[f]->n_insn; i++) {
            const struct ir_insn *n = &c->func[f]->insn[i];
            const struct scope_site *s = n->op == IR_SCOPE_PUSH ? &c->scope[n->imm] : NULL;
            uint32_t k = s && s->kind == SCOPE_SAMPLING ? arg_of(s->arg, s->n_arg, ARG_MAX) : IR_NO;
            for (uint32_t d = 0; k != IR_NO && d < i; d++) {
                const struct ir_insn *def = &c->func[f]->insn[d];
                if (def->op == IR_CONST && def->dst == n->arg[k] &&
                    c->konst[def->imm].i > (int64_t)max)
                    max = (uint64_t)c->konst[def->imm].i;
            }
        }
    return max;
}

void bounds_infer(struct comp *c, struct str *ret_text)
{
    struct bounds b = { .c = c, .max = default_max(c) };
    b.of = comp_alloc(c, (c->n_func + 1) * sizeof *b.of);
    in_order(&b);
    if (ret_text)
        report(&b, ret_text);
    mem_free(b.vars.at);
}
