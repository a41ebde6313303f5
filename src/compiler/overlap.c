/* overlap.c - tells where a barrier keeps calls from running side by side (LANGUAGE.md 11.1).
 *
 * A note stands at a barrier when a deferred call may still run there, the barrier does not need
 * the call's value anyway, and a further deferred call may come behind it: without the barrier the
 * two would overlap.  `check` shows it; everything else is silent about it. */
#include <string.h>

#include "compiler/ir_flow.h"
#include "compiler/pass.h"

enum { CALLS_MAX = 64 };            /* of one function: more are not looked at */

struct look {
    struct comp       *c;
    struct ir_func    *f;
    const bool        *deferred;
    const uint8_t     *barrier;     /* enum barrier_why, 0: none */
    struct flow        flow;
    bool              *later;       /* [n node] a deferred call may come in it or behind it */
    bool              *said;        /* [n_insn] */
    bool              *seen;        /* [n node] by the walk from one call */
    uint32_t          *todo;
};

static bool calls_model(const struct look *k, uint32_t i)
{
    return k->deferred[i] && (effect_of(k->c, k->f, i) & (EFFECT_MODEL | EFFECT_VALUE));
}

static bool has_call(const struct look *k, uint32_t from, uint32_t end)
{
    for (uint32_t i = from; i < end; i++)
        if (calls_model(k, i))
            return true;
    return false;
}

static void find_later(struct look *k)
{
    for (uint32_t x = 0; x < k->flow.n; x++)
        k->later[x] = has_call(k, k->flow.node[x].first, k->flow.node[x].end);
    for (bool more = true; more;) {
        more = false;
        for (uint32_t x = k->flow.n; x-- > 0;)
            for (int w = 0; w < 2 && !k->later[x]; w++) {
                uint32_t to = k->flow.node[x].next[w];
                k->later[x] = to != IR_NO && k->later[to];
                more |= k->later[x];
            }
    }
}

static bool uses(const struct ir_insn *n, uint32_t v)
{
    for (uint32_t a = 0; a < n->n_arg; a++)
        if (n->arg[a] == v)
            return true;
    return false;
}

static bool keeps(const struct look *k, uint32_t i)
{
    switch (k->f->insn[i].op) {
    case IR_STORE: case IR_LIST: case IR_TUPLE: case IR_MAP: case IR_STRUCT: case IR_PUT_FIELD: case IR_PUT_INDEX:
        return true;
    case IR_NATIVE:
        return k->f->insn[i].imm == NATIVE_LIST_PUSH;
    default:
        return k->deferred[i];
    }
}

static bool ends_scope(enum ir_op op)
{
    return op == IR_TRY_LEAVE || op == IR_ATTEMPT_COMMIT || op == IR_SCOPE_POP || op == IR_RET ||
           op == IR_RAISE;
}

static void say(struct look *k, uint32_t at, uint32_t call)
{
    static const char *const why[] = {
        [BARRIER_OUTSIDE] = "it acts on the world outside, and an error before it must come first",
        [BARRIER_STORE] = "the variable outlives the scope that an error of the call would leave",
        [BARRIER_APPEND] = "the context outlives the scope that an error of the call would leave",
    };
    if (k->said[at])
        return;
    k->said[at] = true;
    struct diag_list *l = k->c->diags;
    struct diag *d = diag_add_note(l, k->f->out.source, k->f->insn[at].at,
                                   "this waits for calls that could go on beside later ones");
    diag_label(l, d, k->f->out.source, k->f->insn[call].at, "this call is still running");
    diag_note(l, d, "%s", why[k->barrier[at]]);
}

/* From operation i to the end of its node.  False: the call has ended on this way. */
static bool walk_node(struct look *k, uint32_t node, uint32_t i, uint32_t call)
{
    const struct flow_node *x = &k->flow.node[node];
    for (; i < x->end; i++) {
        const struct ir_insn *n = &k->f->insn[i];
        if (ends_scope(n->op))
            return false;
        bool used = uses(n, k->f->insn[call].dst);
        if (used && !keeps(k, i))
            return false;
        if (!k->barrier[i])
            continue;
        bool more = has_call(k, i + 1, x->end);
        for (int w = 0; w < 2; w++)
            more |= x->next[w] != IR_NO && k->later[x->next[w]];
        if (more && !used)
            say(k, i, call);
        return false;
    }
    return true;
}

static void walk(struct look *k, uint32_t call)
{
    uint32_t n = 0, node = flow_node_of(&k->flow, call), from = call + 1;
    memset(k->seen, 0, k->flow.n);
    for (;;) {
        if (walk_node(k, node, from, call))
            for (int w = 0; w < 2; w++) {
                uint32_t to = k->flow.node[node].next[w];
                if (to == IR_NO || k->seen[to])
                    continue;
                k->seen[to] = true;
                k->todo[n++] = to;
            }
        if (!n)
            return;
        node = k->todo[--n];
        from = k->flow.node[node].first;
    }
}

static bool is_users(const struct comp *c, const struct ir_func *f)
{
    for (uint32_t i = 0; i < c->n_mod; i++)
        if (c->mod[i]->source == f->out.source)
            return !c->mod[i]->is_std;
    return false;
}

void overlap_notes(struct comp *c, struct ir_func *f, const bool *deferred, const uint8_t *barrier)
{
    if (!is_users(c, f))
        return;
    struct look k = { .c = c, .f = f, .deferred = deferred, .barrier = barrier,
                      .flow = flow_of(c, f) };
    k.later = comp_alloc(c, k.flow.n + 1);
    k.seen = comp_alloc(c, k.flow.n + 1);
    k.said = comp_alloc(c, f->n_insn + 1);
    k.todo = comp_alloc(c, (k.flow.n + 1) * sizeof *k.todo);
    find_later(&k);
    for (uint32_t i = 0, n = 0; i < f->n_insn && n < CALLS_MAX; i++)
        if (calls_model(&k, i)) {
            walk(&k, i);
            n++;
        }
}
