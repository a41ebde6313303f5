/* pass_prefix.c - the constant text that begins a context, whatever way the program takes.
 *
 *      k0 = ctx.new
 *      k1 = turn.open system            |
 *      k2 = text "You answer ..."       |  the prefix of the function
 *      k3 = turn.close                  |
 *      fork k3 ------------------------ |  and, sealed, the beginning of what its branches read
 *      k4 = insert k3, %question           ends it
 *
 * The chain of tokens is followed from where a context is made.  A token with one use that leads
 * on is passed by every way that appends anything, so the walk needs no other analysis: it ends
 * at a token that two operations use (ways part), at a phi of different tokens (ways meet), and
 * at everything that is not constant.  Copies (scratch, branches) go on where their parent stood.
 *
 * An engine computes a prefix once and keeps it, before the first call arrives; it is a hint that
 * may be dropped at any time.  Functions are visited in the order of their numbers, and a branch
 * has a higher number than the function that forks it. */
#include <string.h>

#include "base/alloc.h"
#include "compiler/pass.h"

enum { PREFIX_MAX_OP = 4096, START_MAX = 256 };

struct start {                  /* a place where the walk goes on, and what was read before */
    uint32_t  token;
    uint32_t *op;
    uint32_t  n;
};

struct walk {
    struct comp    *c;
    struct ir_func *f;
    uint32_t        index;
    bool           *live;       /* [n_token] some operation needs it */
    uint32_t       *n_use;      /* [n_token] live uses */
    uint32_t       *use;        /* [n_token] the last of them */
    struct start   *start;  uint32_t n_start, cap_start;
    uint32_t       *op;     uint32_t n_op, cap_op;
};

/* ---- uses of tokens ---- */

static bool is_use(const struct ir_insn *n)
{
    return n->op != IR_KPHI && n->op != IR_DROP && n->kin != IR_NO && n->kout != IR_NO;
}

static void mark_live(struct walk *w)
{
    const struct ir_func *f = w->f;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = f->n_insn; i-- > 0;) {
            const struct ir_insn *n = &f->insn[i];
            if (is_use(n)) {
                w->live[n->kin] = true;
            } else if (n->op == IR_KPHI && n->kout != IR_NO && w->live[n->kout]) {
                uint32_t from[2] = { n->imm, n->label };
                for (int k = 0; k < 2; k++)
                    if (from[k] != IR_NO && !w->live[from[k]])
                        w->live[from[k]] = more = true;
            }
        }
    }
}

static void add_use(struct walk *w, uint32_t token, uint32_t i)
{
    if (token == IR_NO)
        return;
    w->n_use[token]++;
    w->use[token] = i;
}

static void count_uses(struct walk *w)
{
    const struct ir_func *f = w->f;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (is_use(n)) {
            add_use(w, n->kin, i);
        } else if (n->op == IR_KPHI && n->kout != IR_NO && w->live[n->kout]) {
            if (n->imm != n->kout)
                add_use(w, n->imm, i);
            if (n->label != n->imm && n->label != n->kout)
                add_use(w, n->label, i);
        }
    }
}

/* ---- what is read ---- */

static void add_op(struct walk *w, enum prefix_op op, uint32_t operand)
{
    uint32_t *word = comp_push(w->c, &w->op, &w->n_op, &w->cap_op, sizeof *word);
    *word = PREFIX_WORD(op, operand);
}

static void add_seal(struct walk *w)
{
    if (w->n_op && PREFIX_OP(w->op[w->n_op - 1]) == PREFIX_TEXT)
        add_op(w, PREFIX_SEAL, 0);
}

static void start_at(struct walk *w, uint32_t token, const uint32_t *op, uint32_t n)
{
    if (w->n_start == START_MAX)
        return;
    struct start *s = comp_push(w->c, &w->start, &w->n_start, &w->cap_start, sizeof *s);
    *s = (struct start){ token, comp_alloc(w->c, (n + 1) * sizeof *op), n };
    if (n)
        memcpy(s->op, op, n * sizeof *op);
}

/* The first token of the context that a value holds. */
static uint32_t entry_of(const struct ir_func *f, uint32_t handle)
{
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_KPHI && f->insn[i].kout != IR_NO && f->insn[i].imm == IR_NO &&
            f->chain[f->token[f->insn[i].kout]].handle == handle)
            return f->insn[i].kout;
    return IR_NO;
}

/* One step along the chain; gives the next token, or IR_NO at the end. */
static uint32_t step(struct walk *w, const struct ir_insn *n, uint32_t token)
{
    uint32_t entry;
    switch (n->op) {
    case IR_KPHI:
        for (int k = 0; k < 2; k++) {
            uint32_t from = k ? n->label : n->imm;
            if (from != token && from != IR_NO && from != n->kout)
                return IR_NO;
        }
        return n->kout;
    case IR_TEXT:
        add_op(w, PREFIX_TEXT, n->imm);
        return n->kout;
    case IR_TURN_OPEN:
        add_op(w, PREFIX_OPEN, n->imm);
        return n->kout;
    case IR_TURN_CLOSE:
        add_op(w, PREFIX_CLOSE, 0);
        return n->kout;
    case IR_SNAP:
        add_seal(w);
        return n->kout;
    case IR_MARK: case IR_QUERY:
        return n->kout;
    case IR_SCRATCH:
        add_seal(w);
        entry = entry_of(w->f, n->dst);
        if (entry != IR_NO)
            start_at(w, entry, w->op, w->n_op);
        return n->kout;
    case IR_FORK: {
        add_seal(w);
        struct ir_func *body = w->c->func[w->c->fork[n->imm].func];
        body->head = comp_alloc(w->c, (w->n_op + 1) * sizeof *body->head);
        if (w->n_op)
            memcpy(body->head, w->op, w->n_op * sizeof *w->op);
        body->n_head = w->n_op;
        body->has_head = true;
        return n->kout;
    }
    default:
        return IR_NO;
    }
}

static void keep(struct walk *w)
{
    struct comp *c = w->c;
    while (w->n_op && PREFIX_OP(w->op[w->n_op - 1]) == PREFIX_SEAL)
        w->n_op--;
    struct bc_prefix p = { .func = w->index, .n_op = w->n_op };
    for (uint32_t i = 0; i < w->n_op; i++) {
        uint64_t word = w->op[i];
        if (PREFIX_OP(w->op[i]) != PREFIX_TEXT) {
            p.hash = hash128_seeded(&word, sizeof word, p.hash.lo ^ p.hash.hi);
            continue;
        }
        struct slice text = c->konst[PREFIX_OPERAND(w->op[i])].text;
        p.hash = hash128_seeded(text.ptr, text.len, p.hash.lo ^ p.hash.hi);
        p.n_byte += (uint32_t)text.len;
    }
    if (!p.n_byte)
        return;
    p.op = arena_dup(&c->m->arena, w->op, w->n_op * sizeof *w->op);
    if (!p.op)
        comp_nomem(c);
    *(struct bc_prefix *)comp_push(c, &c->prefix, &c->n_prefix, &c->cap_prefix, sizeof p) = p;
}

static void follow(struct walk *w, const struct start *s)
{
    w->n_op = 0;
    for (uint32_t i = 0; i < s->n; i++)
        add_op(w, (enum prefix_op)PREFIX_OP(s->op[i]), PREFIX_OPERAND(s->op[i]));
    uint32_t token = s->token;
    for (uint32_t steps = 0; steps <= w->f->n_insn && token != IR_NO &&
         w->n_op < PREFIX_MAX_OP; steps++) {
        if (w->n_use[token] != 1)
            break;
        token = step(w, &w->f->insn[w->use[token]], token);
    }
    keep(w);
}

void pass_prefix(struct comp *c, struct ir_func *f, uint32_t index)
{
    struct walk w = { .c = c, .f = f, .index = index };
    if (!f->n_token)
        return;
    w.live = comp_alloc(c, f->n_token * sizeof *w.live);
    w.n_use = comp_alloc(c, f->n_token * sizeof *w.n_use);
    w.use = comp_alloc(c, f->n_token * sizeof *w.use);
    mark_live(&w);
    count_uses(&w);
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_CTX_NEW && f->insn[i].kout != IR_NO)
            start_at(&w, f->insn[i].kout, NULL, 0);
    if (f->has_head && f->ctx != IR_NO && entry_of(f, f->ctx) != IR_NO)
        start_at(&w, entry_of(f, f->ctx), f->head, f->n_head);
    for (uint32_t i = 0; i < w.n_start; i++) {
        struct start s = w.start[i];
        follow(&w, &s);
    }
    mem_free(w.start);
    mem_free(w.op);
}
