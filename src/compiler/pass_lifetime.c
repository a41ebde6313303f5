/* pass_lifetime.c - drops each context of a function behind its last use, on every way.
 *
 * A context that the function made is needed from its making to the last operation on it.  Where
 * the need ends inside a node, the drop stands behind the operation; where it ends because control
 * took another way (out of a loop, into the branch that does not use it), at the head of that way.
 * So a context made in a loop is freed in the same round, and one used by a loop when the loop is
 * left.  What a drop finds empty (the way never made it) it leaves alone.
 *
 * A context that is streamed or dropped already keeps to the end of its frame, and so do those of
 * a script, which the prompt loop may go on with. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/bitset.h"
#include "compiler/ir_flow.h"
#include "compiler/pass.h"

struct drop {
    uint32_t at;                /* stands before this operation */
    uint32_t chain;
};

struct lifetime {
    struct comp    *c;
    struct ir_func *f;
    bool           *follow;     /* [n_chain] */
    uint32_t       *of_handle;  /* [n_value] chain + 1 that the value is the handle of */
    struct drop    *drop;  uint32_t n_drop, cap_drop;
};

/* ---- what needs a context, what makes one ---- */

static void use_token(const struct lifetime *l, uint32_t token, uint32_t *set)
{
    if (token != IR_NO && l->follow[l->f->token[token]])
        bitset_add(set, l->f->token[token]);
}

static void on_insn(void *ctx, const struct ir_insn *n, struct flow_mark *m)
{
    struct lifetime *l = ctx;
    if (n->op == IR_NOP || n->op == IR_KPHI)
        return;
    if (n->dst != IR_NO && l->of_handle[n->dst])
        bitset_add(m->makes, l->of_handle[n->dst] - 1);
    else
        use_token(l, n->kout, m->needs);
    use_token(l, n->kin, m->needs);
    for (uint32_t a = 0; a < n->n_arg; a++)
        if (n->arg[a] != IR_NO && l->of_handle[n->arg[a]])
            bitset_add(m->needs, l->of_handle[n->arg[a]] - 1);
}

static bool choose(struct lifetime *l)
{
    const struct ir_func *f = l->f;
    bool any = false;
    for (uint32_t k = 0; k < f->n_chain; k++)
        l->follow[k] = f->chain[k].own && f->chain[k].used;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if ((f->insn[i].op == IR_STREAM_OPEN || f->insn[i].op == IR_DROP) &&
            f->insn[i].kin != IR_NO)
            l->follow[f->token[f->insn[i].kin]] = false;
    for (uint32_t k = 0; k < f->n_chain; k++)
        if (l->follow[k]) {
            l->of_handle[f->chain[k].handle] = k + 1;
            any = true;
        }
    return any;
}

/* ---- where the need ends ---- */

static void add_drop(struct lifetime *l, uint32_t at, uint32_t chain)
{
    *(struct drop *)comp_push(l->c, &l->drop, &l->n_drop, &l->cap_drop, sizeof *l->drop) =
        (struct drop){ at, chain };
}

static void inside_node(struct lifetime *l, const struct flow_node *x, uint32_t *now,
                        uint32_t n_word)
{
    const struct ir_func *f = l->f;
    struct flow_mark m = { comp_alloc(l->c, n_word * sizeof(uint32_t)), comp_alloc(l->c,
            n_word * sizeof(uint32_t)) };
    for (uint32_t i = x->end; i-- > x->first;) {
        memset(m.needs, 0, n_word * sizeof *m.needs);
        memset(m.makes, 0, n_word * sizeof *m.makes);
        on_insn(l, &f->insn[i], &m);
        bool leaves = ir_has_label(f->insn[i].op) || f->insn[i].op == IR_RET ||
            f->insn[i].op == IR_RAISE;
        for (uint32_t b = 0; b < n_word; b++) {
            uint32_t ended = (m.needs[b] | m.makes[b]) & ~now[b];
            for (uint32_t k = 0; ended && k < 32; k++)
                if (ended >> k & 1 && !leaves)
                    add_drop(l, i + 1, b * 32 + k);
            now[b] = (now[b] & ~m.makes[b]) | m.needs[b];
        }
    }
}

/* What a way in still holds, and this node does not need. */
static void at_head(struct lifetime *l, const struct live *live, uint32_t node,
                    const uint32_t *held)
{
    const struct ir_func *f = l->f;
    const uint32_t *in = live->in + (size_t)node * live->n_word;
    uint32_t at = live->flow->node[node].first;
    while (at < f->n_insn && (f->insn[at].op == IR_BLOCK || f->insn[at].op == IR_KPHI ||
                              f->insn[at].op == IR_NOP))
        at++;
    if (at < f->n_insn && (f->insn[at].op == IR_RET || f->insn[at].op == IR_RAISE))
        return;                 /* the frame ends anyway */
    for (uint32_t b = 0; b < live->n_word; b++)
        for (uint32_t k = 0, dead = held[b] & ~in[b]; dead && k < 32; k++)
            if (dead >> k & 1)
                add_drop(l, at, b * 32 + k);
}

static void find_drops(struct lifetime *l, const struct live *live)
{
    const struct flow *w = live->flow;
    uint32_t n_word = live->n_word;
    uint32_t *now = comp_alloc(l->c, n_word * sizeof *now);
    uint32_t *held = comp_alloc(l->c, ((size_t)w->n + 1) * n_word * sizeof *held);
    for (uint32_t i = 0; i < w->n; i++) {
        const uint32_t *out = live->out + (size_t)i * n_word;
        memcpy(now, out, n_word * sizeof *now);
        inside_node(l, &w->node[i], now, n_word);
        for (int k = 0; k < 2; k++)
            if (w->node[i].next[k] != IR_NO)
                bitset_or(held + (size_t)w->node[i].next[k] * n_word, out, n_word);
    }
    for (uint32_t i = 0; i < w->n; i++)
        at_head(l, live, i, held + (size_t)i * n_word);
}

/* ---- writing them ---- */

static int by_place(const void *a, const void *b)
{
    const struct drop *x = a, *y = b;
    return x->at != y->at ? (x->at > y->at) - (x->at < y->at)
        : (x->chain > y->chain) - (x->chain < y->chain);
}

/* The chain's token in force before operation `at`: the last one made on the way there. */
static uint32_t token_before(const struct lifetime *l, const struct flow *w, uint32_t at,
                             uint32_t chain)
{
    const struct ir_func *f = l->f;
    uint32_t node = flow_node_of(w, at ? at - 1 : 0);
    for (uint32_t steps = 0; steps <= w->n; steps++) {
        for (uint32_t i = at; i-- > w->node[node].first;)
            if (f->insn[i].kout != IR_NO && f->token[f->insn[i].kout] == chain)
                return f->insn[i].kout;
        if (w->node[node].from == IR_NO)
            return IR_NO;
        node = w->node[node].from;
        at = w->node[node].end;
    }
    return IR_NO;
}

static void write_drop(struct lifetime *l, const struct flow *w, const struct drop *d,
                       struct ir_insn *out,
                       uint32_t *n_out)
{
    struct ir_func *f = l->f;
    uint32_t kin = token_before(l, w, d->at, d->chain);
    if (kin == IR_NO)
        return;
    uint32_t token = f->n_token;
    uint32_t *chain = comp_push(l->c, &f->token, &f->n_token, &f->cap_token, sizeof *chain);
    *chain = d->chain;
    out[(*n_out)++] = (struct ir_insn){ .op = IR_DROP, .dst = IR_NO, .dst2 = IR_NO, .kin = kin,
                                        .kout = token,
                                        .at = f->insn[d->at ? d->at - 1 : 0].at };
}

static void insert(struct lifetime *l, const struct flow *w)
{
    struct comp *c = l->c;
    struct ir_func *f = l->f;
    qsort(l->drop, l->n_drop, sizeof *l->drop, by_place);
    uint32_t *moved = comp_alloc(c, (f->n_insn + 1) * sizeof *moved);
    struct ir_insn *out = mem_alloc((f->n_insn + (size_t)l->n_drop + 1) * sizeof *out);
    uint32_t n_out = 0, d = 0;
    if (!out)
        comp_nomem(c);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        for (; d < l->n_drop && l->drop[d].at == i; d++)
            write_drop(l, w, &l->drop[d], out, &n_out);
        moved[i] = n_out;
        out[n_out++] = f->insn[i];
    }
    for (uint32_t r = 0; r < f->n_region; r++) {
        struct ir_region *g = &f->region[r];
        g->first = g->first < f->n_insn ? moved[g->first] : g->first - f->n_insn + n_out;
        g->last = g->last < f->n_insn ? moved[g->last] : g->last;
    }
    mem_free(f->insn);
    f->insn = out;
    f->cap_insn = f->n_insn + l->n_drop + 1;
    f->n_insn = n_out;
}

void pass_lifetime(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    struct lifetime l = { .c = c, .f = f };
    if ((f->out.flags & FUNC_SCRIPT) || !f->n_chain)
        return;
    l.follow = comp_alloc(c, (f->n_chain + 1) * sizeof *l.follow);
    l.of_handle = comp_alloc(c, (f->n_value + 1) * sizeof *l.of_handle);
    if (!choose(&l))
        return;
    struct flow flow = flow_of(c, f);
    struct live live = live_of(c, &flow, f->n_chain, on_insn, &l);
    find_drops(&l, &live);
    insert(&l, &flow);
    mem_free(l.drop);
}
