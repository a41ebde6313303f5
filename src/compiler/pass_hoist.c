/* pass_hoist.c - what all branches of a fork append first is appended once, before they part.
 *
 *      k1, %b = fork k0, %rows             %h, k1 = scratch k0
 *      branch:  turn.open system           turn.open system; text "..."; turn.close     on %h
 *               text "..."         ==>     %b = fork %h, %rows
 *               turn.close                 branch:  insert %row ...
 *               insert %row ...
 *
 * Texts, turns and values of the parent at the head of the body, up to its last turn boundary,
 * move to a hidden context between parent and branches: a boundary seals, so the tokens are those
 * that each branch would have made by itself.  Text behind it stays, because it may be split
 * together with what the branch appends next.  The parent's seal stands where the fork stood.
 *
 * Left alone: forks whose branches are joined as text or kept (what a branch appended begins at
 * the fork), and modules with a token budget (each branch pays for what it appends). */
#include <string.h>

#include "base/array.h"
#include "compiler/pass.h"

enum { MAX_OP = 256, LEAST_BYTES = 32 };

struct hoist {
    struct comp    *c;
    struct ir_func *f, *body;
    uint32_t        fork;           /* operation of f */
    uint32_t        op[MAX_OP];     /* operations of the body that move */
    uint32_t        n;
};

static bool budgets(const struct comp *c)
{
    for (uint32_t i = 0; i < c->n_scope; i++)
        for (uint32_t k = 0; c->scope[i].kind == SCOPE_BUDGET && k < c->scope[i].n_arg; k++)
            if (c->scope[i].arg[k].kind == ARG_TOKENS)
                return true;
    return false;
}

static bool keeps_texts(const struct ir_func *f)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_JOIN_TEXT || f->insn[i].op == IR_JOIN_KEEP ||
            f->insn[i].op == IR_JOIN_PASS)
            return true;
    return false;
}

/* The parent's name of a value of the body, or IR_NO. */
static uint32_t parent_value(const struct hoist *h, uint32_t v)
{
    const struct fork_site *s = &h->c->fork[h->f->insn[h->fork].imm];
    uint32_t head = s->n_forker ? s->n_forker : 1;
    for (uint32_t i = 0; i < h->body->out.n_capture && i < h->body->n_input; i++)
        if (h->body->input[i] == v)
            return h->f->insn[h->fork].arg[head + i];
    return IR_NO;
}

static bool moves(const struct hoist *h, const struct ir_insn *n, uint32_t token)
{
    if (n->kin != token || n->kout == IR_NO)
        return false;
    if (n->op == IR_INSERT)
        return parent_value(h, n->arg[0]) != IR_NO;
    return n->op == IR_TEXT || n->op == IR_TURN_OPEN || n->op == IR_TURN_CLOSE;
}

static bool is_silent(const struct ir_insn *n)
{
    return n->op == IR_NOP || n->op == IR_CONST || n->op == IR_LOAD;
}

/* Finds what moves; false: nothing worth it. */
static bool find(struct hoist *h)
{
    const struct ir_func *g = h->body;
    uint32_t i = 0, token = IR_NO, n_sealed = 0;
    size_t n_byte = 0, n_moved = 0;
    while (i < g->n_insn && is_silent(&g->insn[i]))
        i++;
    if (i == g->n_insn || g->insn[i].op != IR_KPHI || g->insn[i].kout == IR_NO ||
        g->chain[g->token[g->insn[i].kout]].handle != g->ctx)
        return false;
    token = g->insn[i++].kout;
    for (; i < g->n_insn && h->n < MAX_OP; i++) {
        const struct ir_insn *n = &g->insn[i];
        if (is_silent(n))
            continue;
        if (!moves(h, n, token))
            break;
        token = n->kout;
        h->op[h->n++] = i;
        n_byte += n->op == IR_TEXT ? h->c->konst[n->imm].text.len : n->op == IR_INSERT
            ? LEAST_BYTES : 0;
        if (n->op == IR_TURN_OPEN || n->op == IR_TURN_CLOSE) {
            n_sealed = h->n;
            n_moved = n_byte;
        }
    }
    h->n = n_sealed;
    return n_moved >= LEAST_BYTES;
}

static uint32_t new_token(struct hoist *h, uint32_t chain)
{
    struct ir_func *f = h->f;
    *(uint32_t *)comp_push(h->c, &f->token, &f->n_token, &f->cap_token, sizeof(uint32_t)) = chain;
    return f->n_token - 1;
}

static uint32_t hidden_chain(struct hoist *h)
{
    struct ir_func *f = h->f;
    struct ir_value *v = comp_push(h->c, &f->value, &f->n_value, &f->cap_value, sizeof *v);
    *v = (struct ir_value){ .type = type_plain(T_CONTEXT) };
    struct ir_chain *k = comp_push(h->c, &f->chain, &f->n_chain, &f->cap_chain, sizeof *k);
    *k = (struct ir_chain){ .handle = f->n_value - 1, .own = true, .used = true };
    return f->n_chain - 1;
}

/* The operations that stand before the fork, which takes their last token. */
static uint32_t write_head(struct hoist *h, struct ir_insn *out)
{
    struct ir_insn *fork = &h->f->insn[h->fork];
    uint32_t chain = hidden_chain(h), n = 0;
    const struct ir_insn none = { .op = IR_NOP, .dst = IR_NO, .dst2 = IR_NO, .kin = IR_NO,
                                  .kout = IR_NO,
                                  .at = fork->at };
    out[n] = none;
    out[n].op = IR_SCRATCH;
    out[n].dst = h->f->chain[chain].handle;
    out[n].kin = fork->kin;
    out[n++].kout = fork->kout;
    out[n] = none;
    out[n].op = IR_KPHI;
    out[n].imm = out[n].label = IR_NO;
    out[n++].kout = new_token(h, chain);
    for (uint32_t i = 0; i < h->n; i++) {
        out[n] = h->body->insn[h->op[i]];
        if (out[n].n_arg) {
            uint32_t v = parent_value(h, out[n].arg[0]);
            out[n].arg = comp_alloc(h->c, sizeof v);
            out[n].arg[0] = v;
        }
        out[n].kin = out[n - 1].kout;
        out[n++].kout = new_token(h, chain);
    }
    fork->kin = out[n - 1].kout;
    fork->kout = new_token(h, chain);
    return n;
}

static void take_from_body(struct hoist *h)
{
    struct ir_func *g = h->body;
    uint32_t from = g->insn[h->op[h->n - 1]].kout, to = g->insn[h->op[0]].kin;
    for (uint32_t i = 0; i < h->n; i++) {
        struct ir_insn *n = &g->insn[h->op[i]];
        *n = (struct ir_insn){ .op = IR_NOP, .dst = IR_NO, .dst2 = IR_NO,
                               .kin = IR_NO, .kout = IR_NO, .at = n->at };
    }
    for (uint32_t i = 0; i < g->n_insn; i++) {
        struct ir_insn *n = &g->insn[i];
        if (n->kin == from)
            n->kin = to;
        if (n->op == IR_KPHI && n->imm == from)
            n->imm = to;
        if (n->op == IR_KPHI && n->label == from)
            n->label = to;
    }
}

static void insert(struct hoist *h, const struct ir_insn *head, uint32_t n)
{
    struct ir_func *f = h->f;
    if (!array_reserve(&f->insn, &f->cap_insn, f->n_insn + n, sizeof *f->insn))
        comp_nomem(h->c);
    memmove(f->insn + h->fork + n, f->insn + h->fork, (f->n_insn - h->fork) * sizeof *f->insn);
    memcpy(f->insn + h->fork, head, n * sizeof *head);
    f->n_insn += n;
    for (uint32_t r = 0; r < f->n_region; r++) {
        f->region[r].first += f->region[r].first > h->fork ? n : 0;
        f->region[r].last += f->region[r].last >= h->fork ? n : 0;
    }
}

void pass_hoist(struct comp *c, struct ir_func *f, uint32_t index)
{
    struct ir_insn head[MAX_OP + 2];
    (void)index;
    if (budgets(c) || keeps_texts(f))
        return;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op != IR_FORK || n->kin == IR_NO || !c->fork[n->imm].uses_ctx)
            continue;
        struct hoist h = { .c = c, .f = f, .body = c->func[c->fork[n->imm].func], .fork = i };
        if (!find(&h))
            continue;
        uint32_t n_head = write_head(&h, head);
        take_from_body(&h);
        insert(&h, head, n_head);
        i += n_head;
    }
}
