/* ir_flow.c - nodes, their ways on, and liveness over them. */
#include "compiler/ir_flow.h"

#include <string.h>

#include "base/bitset.h"

/* ---- nodes ---- */

static bool ends_node(enum ir_op op)
{
    return ir_has_label(op) || op == IR_RET || op == IR_RAISE;
}

static void cut(struct comp *c, struct flow *w, uint32_t *node_at)
{
    const struct ir_func *f = w->f;
    bool fresh = true;
    w->node = comp_alloc(c, (f->n_insn + 1) * sizeof *w->node);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        if (fresh || f->insn[i].op == IR_BLOCK || f->insn[i].op == IR_ATTEMPT_ENTER)
            w->node[w->n++] = (struct flow_node){ i, i, { IR_NO, IR_NO }, IR_NO, IR_NO, IR_NO };
        if (f->insn[i].op == IR_BLOCK)
            node_at[f->insn[i].label] = w->n - 1;
        w->node[w->n - 1].end = i + 1;
        fresh = ends_node(f->insn[i].op);
    }
}

static void link_ways(struct flow *w, const uint32_t *node_at)
{
    for (uint32_t i = 0; i < w->n; i++) {
        struct flow_node *x = &w->node[i];
        const struct ir_insn *last = &w->f->insn[x->end - 1];
        if (last->op != IR_BR && last->op != IR_RET && last->op != IR_RAISE && i + 1 < w->n)
            x->next[0] = i + 1;
        if (ir_has_label(last->op))
            x->next[1] = node_at[last->label];
        for (int k = 0; k < 2; k++)
            if (x->next[k] != IR_NO && x->next[k] > i && w->node[x->next[k]].from == IR_NO)
                w->node[x->next[k]].from = i;
    }
}

/* A handler stands behind the operations that it guards, and inner ones are entered later: the
 * last that reaches over a node is its innermost. */
static void link_handlers(struct comp *c, struct flow *w, const uint32_t *node_at)
{
    uint32_t *open = comp_alloc(c, (w->n + 1) * sizeof *open), n_open = 0;
    for (uint32_t i = 0; i < w->n; i++) {
        while (n_open && open[n_open - 1] <= i)
            n_open--;
        w->node[i].handler = n_open ? open[n_open - 1] : IR_NO;
        const struct ir_insn *last = &w->f->insn[w->node[i].end - 1];
        if (last->op == IR_TRY_ENTER && node_at[last->label] > i)
            open[n_open++] = node_at[last->label];
    }
}

uint32_t flow_node_of(const struct flow *w, uint32_t insn)
{
    uint32_t lo = 0, hi = w->n;
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (w->node[mid].first <= insn)
            lo = mid;
        else
            hi = mid;
    }
    return lo;
}

static void link_attempts(struct flow *w)
{
    const struct ir_func *f = w->f;
    /* outer regions come first, so the innermost is written last */
    for (uint32_t r = 0; r < f->n_region; r++) {
        const struct ir_region *g = &f->region[r];
        if (g->first >= f->n_insn || f->insn[g->first].op != IR_ATTEMPT_ENTER)
            continue;
        uint32_t head = flow_node_of(w, g->first), last = flow_node_of(w, g->last < f->n_insn
                                                                       ? g->last : f->n_insn - 1);
        for (uint32_t i = head; i <= last && i < w->n; i++)
            w->node[i].retry = head;
    }
}

struct flow flow_of(struct comp *c, const struct ir_func *f)
{
    struct flow w = { .f = f };
    uint32_t *node_at = comp_alloc(c, (f->n_block + 1) * sizeof *node_at);
    if (!f->n_insn)
        return w;
    cut(c, &w, node_at);
    link_ways(&w, node_at);
    link_handlers(c, &w, node_at);
    link_attempts(&w);
    return w;
}

/* ---- liveness ---- */

struct gather {
    uint32_t *needs, *makes;    /* [n * n_word] per node: needed before made, made */
};

static void gather(struct comp *c, const struct flow *w, uint32_t n_word, flow_fn on, void *ctx,
                   struct gather *g)
{
    size_t n = (size_t)w->n * n_word;
    g->needs = comp_alloc(c, (n + 1) * sizeof *g->needs);
    g->makes = comp_alloc(c, (n + 1) * sizeof *g->makes);
    struct flow_mark m = { comp_alloc(c, n_word * sizeof(uint32_t)), comp_alloc(c,
            n_word * sizeof(uint32_t)) };
    for (uint32_t i = 0; i < w->n; i++) {
        uint32_t *needs = g->needs + (size_t)i * n_word, *makes = g->makes + (size_t)i * n_word;
        for (uint32_t k = w->node[i].first; k < w->node[i].end; k++) {
            memset(m.needs, 0, n_word * sizeof *m.needs);
            memset(m.makes, 0, n_word * sizeof *m.makes);
            on(ctx, &w->f->insn[k], &m);
            for (uint32_t b = 0; b < n_word; b++) {
                needs[b] |= m.needs[b] & ~makes[b];
                makes[b] |= m.makes[b];
            }
        }
    }
}

static void add_in(const struct live *l, uint32_t node, uint32_t *out)
{
    if (node != IR_NO)
        bitset_or(out, l->in + (size_t)node * l->n_word, l->n_word);
}

struct live live_of(struct comp *c, struct flow *w, uint32_t n_thing, flow_fn on, void *ctx)
{
    struct live l = { .flow = w, .n_thing = n_thing, .n_word = (uint32_t)bitset_words(n_thing) };
    size_t n = (size_t)w->n * l.n_word;
    struct gather g;
    uint32_t *raised = comp_alloc(c, (l.n_word + 1) * sizeof *raised);
    l.in = comp_alloc(c, (n + 1) * sizeof *l.in);
    l.out = comp_alloc(c, (n + 1) * sizeof *l.out);
    gather(c, w, l.n_word, on, ctx, &g);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = w->n; i-- > 0;) {
            const struct flow_node *x = &w->node[i];
            uint32_t *in = l.in + (size_t)i * l.n_word, *out = l.out + (size_t)i * l.n_word;
            memset(raised, 0, l.n_word * sizeof *raised);
            add_in(&l, x->handler, raised);
            add_in(&l, x->retry, raised);
            add_in(&l, x->next[0], out);
            add_in(&l, x->next[1], out);
            bitset_or(out, raised, l.n_word);
            for (uint32_t b = 0; b < l.n_word; b++) {
                size_t at = (size_t)i * l.n_word + b;
                uint32_t now = g.needs[at] | raised[b] | (out[b] & ~g.makes[at]);
                more |= now != in[b];
                in[b] = now;
            }
        }
    }
    return l;
}
