/* pass_parallel.c - calls that give their value later, and where it is waited for (LANGUAGE.md 11.1).
 *
 * A call whose callee does no more than generate, call idempotent externs and fail becomes a
 * deferred one: its register holds a future, and the function goes on.  Three things are put in:
 *
 *      force %v     before an operation that needs the value and not just a place to keep it
 *      settle       before a barrier: it waits for everything started in the error scope so far
 *      settle       at the end of an error scope: the function, try, attempt, budget
 *
 * Futures stay inside the function that made them: lists, maps and variables of it may hold them,
 * arguments of further deferred calls may be them, and everything else forces.  Which values and
 * variables may hold one is found without regard to control flow: a force of what is no future
 * costs one look.
 *
 * Error scopes nest.  What an inner scope uses of an outer one is forced before it is entered, and
 * if an inner scope has a barrier that concerns the outer one, that is settled before as well: so
 * inside a scope nothing of an outer one is ever waited for, and an error has one place to go. */
#include <string.h>

#include "compiler/pass.h"

enum { MAY_BE = 1, MAY_HOLD = 2 };
enum { OUTSIDE = IR_NO - 1 };       /* home of what outlives the function's own scope */

struct escope {                     /* an error scope; number 0 is the function */
    uint32_t up;
    uint32_t enter;                 /* operation that enters it */
    bool     settles;               /* the scope around it is settled before */
};

struct level {                      /* what handlers stand, innermost first */
    uint32_t up;
    uint32_t scope;                 /* the error scope in force */
};

struct extra {                      /* put before an operation */
    uint32_t value;                 /* IR_NO: settle */
    uint32_t next;
};

struct par {
    struct comp    *c;
    struct ir_func *f;
    uint32_t       *at;             /* [n_insn] error scope around the operation */
    struct escope  *scope;  uint32_t n_scope;
    struct level   *level;  uint32_t n_level;
    uint8_t        *may;            /* [n_value] */
    uint32_t       *home;           /* [n_value] error scope in which it begins, IR_NO: nowhere */
    uint32_t       *writer;         /* [n_value] operation, IR_NO: none */
    bool           *deferred;       /* [n_insn] */
    struct extra   *extra;  uint32_t n_extra;
    uint32_t       *head, *tail;    /* [n_insn] lists of extras */
    uint8_t        *why;            /* [n_insn] enum barrier_why */
    bool           *late;           /* [n_chain] texts that are not there yet may be inserted */
    bool            io_fork;        /* some branches print, which joining them shows */
};

/* ---- error scopes ---- */

static uint32_t scope_new(struct par *p, uint32_t up, uint32_t enter)
{
    p->scope[p->n_scope] = (struct escope){ up, enter, false };
    return p->n_scope++;
}

static uint32_t level_new(struct par *p, uint32_t up, uint32_t scope)
{
    p->level[p->n_level] = (struct level){ up, scope };
    return p->n_level++;
}

static bool has_target(enum ir_op op)
{
    switch (op) {
    case IR_BR: case IR_BR_TRUE: case IR_BR_FALSE: case IR_BR_NULL: case IR_BR_NOT_NULL: case IR_NEXT:
    case IR_STREAM_NEXT: case IR_JOIN_NEXT: case IR_TRY_ENTER: case IR_ATTEMPT_ENTER:
        return true;
    default:
        return false;
    }
}

static bool leaves(enum ir_op op)
{
    return op == IR_TRY_LEAVE || op == IR_ATTEMPT_COMMIT || op == IR_SCOPE_POP;
}

/* Control is structured: a block has the same handlers on every way to it, and some way to it
 * stands before it in the order of operations. */
static void find_scopes(struct par *p)
{
    struct ir_func *f = p->f;
    uint32_t *block = comp_alloc(p->c, (f->n_block + 1) * sizeof *block);
    memset(block, 0xff, (f->n_block + 1) * sizeof *block);
    uint32_t now = level_new(p, IR_NO, scope_new(p, IR_NO, IR_NO));
    for (uint32_t i = 0; i < f->n_insn; i++) {
        const struct ir_insn *n = &f->insn[i];
        if (n->op == IR_BLOCK)
            now = block[n->label] != IR_NO ? block[n->label] : now != IR_NO ? now : 0;
        uint32_t l = now == IR_NO ? 0 : now;
        p->at[i] = p->level[l].scope;
        if (has_target(n->op) && block[n->label] == IR_NO)
            block[n->label] = l;
        if (n->op == IR_TRY_ENTER || n->op == IR_ATTEMPT_ENTER)
            now = level_new(p, l, scope_new(p, p->level[l].scope, i));
        else if (n->op == IR_SCOPE_PUSH)
            now = level_new(p, l, p->c->scope[n->imm].kind == SCOPE_BUDGET ? scope_new(p, p->level[l].scope, i)
                                                                           : p->level[l].scope);
        else if (leaves(n->op) && p->level[l].up != IR_NO)
            now = p->level[l].up;
        else if (n->op == IR_BR || n->op == IR_RET || n->op == IR_RAISE)
            now = IR_NO;
    }
}

/* Whether `in` is inside `around`, and not the same. */
static bool inside(const struct par *p, uint32_t in, uint32_t around)
{
    if (around == OUTSIDE)
        return true;
    while (in != IR_NO && in != around)
        in = p->scope[in].up;
    return in == around;
}

static void find_writers(struct par *p)
{
    const struct ir_func *f = p->f;
    memset(p->home, 0xff, (f->n_value + 1) * sizeof *p->home);
    memset(p->writer, 0xff, (f->n_value + 1) * sizeof *p->writer);
    for (uint32_t i = 0; i < f->n_input; i++)
        p->home[f->input[i]] = OUTSIDE;
    for (uint32_t i = 0; i < f->n_insn; i++)
        for (int d = 0; d < 2; d++) {
            uint32_t v = d ? f->insn[i].dst2 : f->insn[i].dst;
            if (v == IR_NO || p->home[v] != IR_NO)
                continue;
            p->home[v] = p->at[i];
            p->writer[v] = i;
        }
}

/* ---- which calls are deferred, and where their values may be ---- */

/* What such a value holds may be appended to, or called: it belongs to the task that has it. */
static const uint64_t bound_types = 1ull << T_CONTEXT | 1ull << T_MARK | 1ull << T_FN | 1ull << T_BRANCHES |
                                    1ull << T_ANY | 1ull << T_VAR | 1ull << T_NEVER;

static bool is_quiet(uint32_t effects)
{
    return !(effects & ~(uint32_t)(EFFECT_MODEL | EFFECT_IDEM | EFFECT_FAIL));
}

static bool is_free(struct par *p, uint32_t i)
{
    const struct ir_insn *n = &p->f->insn[i];
    if (!is_quiet(effect_of(p->c, p->f, i)))
        return false;
    if (n->dst == IR_NO || type_holds(p->c, p->f->value[n->dst].type, bound_types))
        return false;
    for (uint32_t a = 0; a < n->n_arg; a++)
        if (type_holds(p->c, p->f->value[n->arg[a]].type, bound_types))
            return false;
    return true;
}

/* A function that may be deferred wherever it is called as a value.  The machine looks at this, since
 * only it knows which function that is. */
static void mark_free(struct comp *c, struct ir_func *f)
{
    bool is = is_quiet(f->out.effects) && (f->out.effects & EFFECT_MODEL);
    for (uint32_t i = 0; i < f->n_input && is; i++)
        is = !type_holds(c, f->value[f->input[i]].type, bound_types);
    for (uint32_t i = 0; i < f->n_insn && is; i++)
        if (f->insn[i].op == IR_RET)
            is = !type_holds(c, f->value[f->insn[i].arg[0]].type, bound_types & ~(1ull << T_NEVER));
    f->out.flags |= is ? FUNC_FREE : 0;
}

/* Whether the first operation behind i, on the only way, waits for its value anyway. */
static bool waits_at_once(const struct ir_func *f, uint32_t i)
{
    uint32_t v = f->insn[i].dst;
    for (i++; i < f->n_insn && (f->insn[i].op == IR_NOP || f->insn[i].op == IR_KPHI);)
        i++;
    const struct ir_insn *n = &f->insn[i];
    switch (i < f->n_insn ? n->op : IR_NOP) {
    case IR_RET: case IR_TRY_LEAVE: case IR_ATTEMPT_COMMIT: case IR_BR_TRUE: case IR_BR_FALSE: case IR_BR_NULL:
    case IR_BR_NOT_NULL: case IR_ITER: case IR_FIELD: case IR_ITEM: case IR_MEMBER:
        return n->op == IR_TRY_LEAVE || n->op == IR_ATTEMPT_COMMIT || n->arg[0] == v;
    default:
        return false;
    }
}

/* The context that a function or branch works on without naming it, or the copy of a scratch block:
 * every operation on it is one of its chain. */
static bool is_private(const struct par *p, const struct ir_insn *n)
{
    const struct ir_func *f = p->f;
    uint32_t handle = f->chain[f->token[n->kin]].handle;
    if (handle == f->ctx)
        return true;
    uint32_t w = p->writer[handle];
    return w != IR_NO &&
           ((f->insn[w].op == IR_CTX_NEW && f->insn[w].kout != IR_NO) ||
            f->insn[w].op == IR_SCRATCH);
}

/* How operation n takes its argument a: as a place to keep it, as a container that is changed, or
 * as the value itself. */
enum take { TAKE_KEEP, TAKE_CHANGE, TAKE_VALUE };

static enum take takes(const struct par *p, uint32_t i, uint32_t a)
{
    const struct ir_insn *n = &p->f->insn[i];
    switch (n->op) {
    case IR_LOAD: case IR_LIST: case IR_TUPLE: case IR_STRUCT:
        return TAKE_KEEP;
    case IR_STORE:
        return n->imm == BC_NO_INDEX ? TAKE_KEEP : TAKE_VALUE;
    case IR_MAP:
        return a & 1 ? TAKE_KEEP : TAKE_VALUE;
    case IR_NATIVE:
        return n->imm != NATIVE_LIST_PUSH ? TAKE_VALUE : a ? TAKE_KEEP : TAKE_CHANGE;
    case IR_PUT_INDEX:
        return a == 2 ? TAKE_KEEP : a ? TAKE_VALUE : TAKE_CHANGE;
    case IR_PUT_FIELD:
        return a ? TAKE_KEEP : TAKE_CHANGE;
    case IR_INSERT:
        return p->may[n->arg[a]] == MAY_BE && is_private(p, n) ? TAKE_KEEP : TAKE_VALUE;
    case IR_CALL:
        return p->deferred[i] ? TAKE_KEEP : TAKE_VALUE;
    case IR_CALL_VALUE:                 /* its callee comes first */
        return p->deferred[i] && a ? TAKE_KEEP : TAKE_VALUE;
    default:
        return TAKE_VALUE;
    }
}

static uint8_t gives(const struct par *p, uint32_t i)
{
    const struct ir_insn *n = &p->f->insn[i];
    if (p->deferred[i])
        return MAY_BE;
    uint8_t may = 0;
    for (uint32_t a = 0; a < n->n_arg; a++) {
        enum take t = takes(p, i, a);
        uint8_t m = p->may[n->arg[a]];
        if (t == TAKE_KEEP && (n->op == IR_LOAD || n->op == IR_STORE))
            may |= m;
        else if (t == TAKE_KEEP && m)
            may |= MAY_HOLD;
        else if (t == TAKE_CHANGE)
            may |= m & MAY_HOLD;
    }
    return may;
}

/* One call alone that is waited for at once has nothing to run beside. */
static uint32_t count_calls(struct par *p)
{
    uint32_t n = 0, last = 0;
    for (uint32_t i = 0; i < p->f->n_insn; i++)
        if (p->deferred[i])
            n++, last = i;
    if (n != 1 || !waits_at_once(p->f, last))
        return n;
    p->deferred[last] = false;
    return 0;
}

/* A call without the model is deferred only if that keeps it from waiting for one that has it. */
static void choose(struct par *p, const bool *free_call)
{
    const struct ir_func *f = p->f;
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < f->n_insn; i++) {
            const struct ir_insn *n = &f->insn[i];
            if (free_call[i] && !p->deferred[i])
                for (uint32_t a = 0; a < n->n_arg; a++)
                    p->deferred[i] |= p->may[n->arg[a]] != 0;
            uint8_t m = n->dst == IR_NO ? 0 : gives(p, i);
            if (m & ~p->may[n->dst == IR_NO ? 0 : n->dst]) {
                p->may[n->dst] |= m;
                more = true;
            }
        }
    }
}

static bool find_calls(struct par *p, bool *free_call)
{
    const struct ir_func *f = p->f;
    for (uint32_t i = 0; i < f->n_insn; i++) {
        if (f->insn[i].op == IR_FORK)
            p->io_fork |= (effect_of(p->c, f, i) & (EFFECT_IO | EFFECT_VALUE)) != 0;
        if (f->insn[i].op == IR_CALL_VALUE)
            p->deferred[i] = f->insn[i].dst != IR_NO &&
            is_quiet(effect_of(p->c, f, i) & ~(uint32_t)EFFECT_VALUE);
        if (f->insn[i].op != IR_CALL)
            continue;
        free_call[i] = is_free(p, i);
        p->deferred[i] = free_call[i] && (effect_of(p->c, f, i) & EFFECT_MODEL);
    }
    return count_calls(p) > 0;
}

/* ---- what is put in ---- */

static void put_before(struct par *p, uint32_t i, uint32_t value)
{
    for (uint32_t x = p->head[i]; x != IR_NO; x = p->extra[x].next)
        if (p->extra[x].value == value)
            return;
    uint32_t id = p->n_extra++;
    struct extra *x = &p->extra[id];
    *x = (struct extra){ value, IR_NO };
    if (value == IR_NO) {               /* settling comes first */
        x->next = p->head[i];
        p->head[i] = id;
        if (x->next == IR_NO)
            p->tail[i] = id;
        return;
    }
    if (p->head[i] == IR_NO)
        p->head[i] = id;
    else
        p->extra[p->tail[i]].next = id;
    p->tail[i] = id;
}

static bool is_change(const struct ir_insn *n)
{
    return (n->op == IR_NATIVE && n->imm == NATIVE_LIST_PUSH) || n->op == IR_PUT_INDEX ||
           n->op == IR_PUT_FIELD;
}

/* The scopes around i, and inside `home`, are settled before they are left inwards. */
static void settle_around(struct par *p, uint32_t i, uint32_t home)
{
    for (uint32_t s = p->at[i]; p->scope[s].up != IR_NO &&
         p->scope[s].up != home; s = p->scope[s].up)
        p->scope[s].settles = true;
}

/* Everything inside `home` is settled before operation i. */
static void settle(struct par *p, uint32_t i, uint32_t home)
{
    settle_around(p, i, home);
    /* a change and its store stay together, so that it can be made in place */
    const struct ir_insn *n = &p->f->insn[i];
    if (n->op == IR_STORE && i && is_change(n - 1) && n[-1].dst == n->arg[0])
        i--;
    put_before(p, i, IR_NO);
}

/* Where the context dies on which operation n works: inside that scope nobody sees it after an error. */
static uint32_t context_home(const struct par *p, const struct ir_insn *n)
{
    const struct ir_func *f = p->f;
    uint32_t handle = f->chain[f->token[n->kout]].handle;
    if (handle == f->ctx)
        return 0;
    uint32_t w = p->writer[handle];
    if (w == IR_NO)
        return OUTSIDE;
    switch (f->insn[w].op) {
    case IR_CTX_NEW: case IR_CTX_FORK: case IR_SNAP: case IR_SCRATCH:
        return p->at[w];
    default:
        return OUTSIDE;
    }
}

static bool appends(enum ir_op op)
{
    switch (op) {
    case IR_TEXT: case IR_INSERT: case IR_CONTROL: case IR_TURN_OPEN: case IR_TURN_CLOSE: case IR_GEN:
    case IR_SELECT: case IR_STREAM_OPEN: case IR_ROLLBACK: case IR_DROP_TURNS: case IR_JOIN_TEXT: case IR_JOIN_KEEP:
        return true;
    default:
        return false;
    }
}

/* Operations that only gather what will be read later. */
static bool gathers(enum ir_op op)
{
    return op == IR_TEXT || op == IR_INSERT || op == IR_CONTROL || op == IR_TURN_OPEN ||
           op == IR_TURN_CLOSE ||
           op == IR_DROP || op == IR_KPHI || op == IR_NOP;
}

static void find_late(struct par *p)
{
    const struct ir_func *f = p->f;
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_INSERT && p->may[f->insn[i].arg[0]] && takes(p, i, 0) == TAKE_KEEP)
            p->late[f->token[f->insn[i].kin]] = true;
}

static bool goes_over_branches(const struct par *p, const struct ir_insn *n)
{
    uint32_t w = p->writer[n->arg[0]];
    return w != IR_NO && p->f->insn[w].n_arg &&
           p->f->value[p->f->insn[w].arg[0]].type->kind == T_BRANCHES;
}

/* The scope from which on operation i has to find everything settled; IR_NO: it is no barrier. */
static uint32_t barrier(struct par *p, uint32_t i)
{
    const struct ir_func *f = p->f;
    const struct ir_insn *n = &f->insn[i];
    const uint32_t seen = EFFECT_IO | EFFECT_EXT | EFFECT_VALUE;
    switch (n->op) {
    case IR_RET: case IR_ENV_SET:
        return OUTSIDE;
    case IR_NATIVE: case IR_CALL_EXTERN: case IR_CALL: case IR_CALL_VALUE: case IR_FORK:
        return !p->deferred[i] && (effect_of(p->c, f, i) & seen) ? OUTSIDE : IR_NO;
    case IR_JOIN: case IR_JOIN_NEXT: case IR_JOIN_STOP:
        return p->io_fork ? OUTSIDE : IR_NO;
    case IR_NEXT:
        return p->io_fork && goes_over_branches(p, n) ? OUTSIDE : IR_NO;
    case IR_STORE:
        return inside(p, p->at[i], p->home[n->dst]) &&
               p->home[n->dst] != p->at[i] ? p->home[n->dst] : IR_NO;
    default:
        break;
    }
    if (!appends(n->op) || n->kout == IR_NO)
        return IR_NO;
    uint32_t home = context_home(p, n);
    return home != p->at[i] && inside(p, p->at[i], home) ? home : IR_NO;
}

/* What an inner scope uses of an outer one is there before it is entered. */
static void force_at_entry(struct par *p, uint32_t i, uint32_t v, uint32_t home)
{
    if (home == IR_NO || home == OUTSIDE)
        return;
    uint32_t s = p->at[i];
    if (s == home || !inside(p, s, home))
        return;
    while (p->scope[s].up != home)
        s = p->scope[s].up;
    put_before(p, p->scope[s].enter, v);
}

/* What reads a context, or copies it, waits for the texts that go into it. */
static void force_texts(struct par *p, uint32_t i)
{
    const struct ir_func *f = p->f;
    const struct ir_insn *n = &f->insn[i];
    if (n->kin == IR_NO || gathers(n->op) || !p->late[f->token[n->kin]])
        return;
    uint32_t handle = f->chain[f->token[n->kin]].handle;
    put_before(p, i, handle);
    force_at_entry(p, i, handle, p->writer[handle] == IR_NO ? 0 : p->home[handle]);
}

/* The list or map that a change works on: the variable itself is forced, before it is loaded. */
static void force_changed(struct par *p, uint32_t i)
{
    const struct ir_func *f = p->f;
    uint32_t v = f->insn[i].arg[0], w = p->writer[v];
    if (w != IR_NO && f->insn[w].op == IR_LOAD)
        put_before(p, w, f->insn[w].arg[0]);
    else
        put_before(p, i, v);
}

static void visit(struct par *p, uint32_t i)
{
    const struct ir_insn *n = &p->f->insn[i];
    uint32_t home = barrier(p, i);
    if (home != IR_NO && n->op != IR_RET && n->op != IR_ENV_SET)
        p->why[i] = appends(n->op) ? BARRIER_APPEND : n->op == IR_STORE ? BARRIER_STORE : BARRIER_OUTSIDE;
    if (n->op == IR_CALL_VALUE && p->deferred[i])
        settle_around(p, i, OUTSIDE);   /* should it not be one to defer, the machine settles the rest */
    else if (home != IR_NO)
        settle(p, i, home);
    else if (n->op == IR_TRY_LEAVE || n->op == IR_ATTEMPT_COMMIT ||
             (n->op == IR_SCOPE_POP && p->at[i] != IR_NO && p->scope[p->at[i]].enter != IR_NO &&
              p->f->insn[p->scope[p->at[i]].enter].op == IR_SCOPE_PUSH))
        put_before(p, i, IR_NO);
    force_texts(p, i);
    for (uint32_t a = 0; a < n->n_arg; a++) {
        uint32_t v = n->arg[a];
        if (p->may[v])
            force_at_entry(p, i, v, p->home[v]);
        enum take t = takes(p, i, a);
        if (t == TAKE_VALUE && p->may[v])
            put_before(p, i, v);
        else if (t == TAKE_CHANGE && (p->may[v] & MAY_BE))
            force_changed(p, i);
    }
}

/* ---- writing ---- */

static struct ir_insn extra_insn(struct par *p, uint32_t v, struct span at)
{
    struct ir_insn e = { .op = v == IR_NO ? IR_SETTLE : IR_FORCE, .dst = IR_NO, .dst2 = IR_NO,
                         .kin = IR_NO,
                         .kout = IR_NO, .at = at };
    if (v == IR_NO)
        return e;
    e.arg = comp_alloc(p->c, sizeof *e.arg);
    e.arg[0] = v;
    e.n_arg = 1;
    return e;
}

static void rewrite(struct par *p)
{
    struct ir_func *f = p->f;
    uint32_t total = f->n_insn + p->n_extra, n = 0;
    uint32_t *moved = comp_alloc(p->c, (f->n_insn + 1) * sizeof *moved);
    struct ir_insn *list = comp_alloc(p->c, (total + 1) * sizeof *list);
    for (uint32_t i = 0; i < f->n_insn; i++) {
        for (uint32_t x = p->head[i]; x != IR_NO; x = p->extra[x].next)
            list[n++] = extra_insn(p, p->extra[x].value, f->insn[i].at);
        moved[i] = n;
        list[n] = f->insn[i];
        if (p->deferred[i])
            list[n].op = list[n].op == IR_CALL ? IR_CALL_DEFERRED : IR_CALL_VALUE_DEFERRED;
        n++;
    }
    for (uint32_t r = 0; r < f->n_region; r++) {
        struct ir_region *x = &f->region[r];
        x->first = x->first < f->n_insn ? moved[x->first] : n;
        x->last = x->last < f->n_insn ? moved[x->last] : n - 1;
    }
    while (f->n_insn < n)
        comp_push(p->c, &f->insn, &f->n_insn, &f->cap_insn, sizeof *f->insn);
    memcpy(f->insn, list, n * sizeof *list);
}

/* Bounds of what can be put in: an operation, and each of its arguments here and at an entry. */
static uint32_t most_extras(const struct ir_func *f)
{
    uint32_t n = 4 * f->n_insn;
    for (uint32_t i = 0; i < f->n_insn; i++)
        n += 2 * f->insn[i].n_arg;
    return n;
}

void pass_parallel(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    struct par p = { .c = c, .f = f };
    mark_free(c, f);
    p.deferred = comp_alloc(c, f->n_insn + 1);
    bool *free_call = comp_alloc(c, f->n_insn + 1);
    if (!find_calls(&p, free_call))
        return;
    p.may = comp_alloc(c, f->n_value + 1);
    p.at = comp_alloc(c, (f->n_insn + 1) * sizeof *p.at);
    p.scope = comp_alloc(c, (f->n_insn + 1) * sizeof *p.scope);
    p.level = comp_alloc(c, (f->n_insn + 1) * sizeof *p.level);
    p.home = comp_alloc(c, (f->n_value + 1) * sizeof *p.home);
    p.writer = comp_alloc(c, (f->n_value + 1) * sizeof *p.writer);
    p.head = comp_alloc(c, (f->n_insn + 1) * sizeof *p.head);
    p.tail = comp_alloc(c, (f->n_insn + 1) * sizeof *p.tail);
    p.why = comp_alloc(c, f->n_insn + 1);
    p.late = comp_alloc(c, f->n_chain + 1);
    p.extra = comp_alloc(c, most_extras(f) * sizeof *p.extra);
    memset(p.head, 0xff, (f->n_insn + 1) * sizeof *p.head);
    find_scopes(&p);
    find_writers(&p);
    choose(&p, free_call);
    find_late(&p);
    for (uint32_t i = 0; i < f->n_insn; i++)
        visit(&p, i);
    for (uint32_t s = 1; s < p.n_scope; s++)
        if (p.scope[s].settles)
            put_before(&p, p.scope[s].enter, IR_NO);
    overlap_notes(c, f, p.deferred, p.why);
    rewrite(&p);
}
