/* pass_const.c - unrolls loops over constants that append, so that their text is constant too.
 *
 *      for (q, a) in shots {                      k1 = text k0, "Q: 2+2?\nA: 4\n"
 *          "Q: ${q}\nA: ${a}\n"          ==>      k2 = text k1, "Q: 3*3?\nA: 9\n"
 *      }                                          ...
 *
 * The loop is run here, from its ITER to the block behind it, with what is known: constants, and
 * values that stay what they were.  Appends are written out with the tokens in turn; what is only
 * computed and not known is copied with new names.  Ways that part on something unknown, calls,
 * generations and anything else with an effect or a random path of its own leave the loop as it
 * is, and so do too many steps or too much text.  A loop that appends nothing stays, too: it would
 * only become longer. */
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "compiler/pass.h"

enum {
    MAX_STEP = 1000000,         /* of all loops of a function */
    MAX_INSN = 8192,            /* that one loop becomes */
    MAX_TEXT = 1 << 20,
};

enum what { UNKNOWN, KNOWN, RANGE, ITERATOR };

struct fact {                   /* of a value or variable, while the loop runs */
    enum what what;
    uint32_t  konst;            /* KNOWN */
    int64_t   lo, hi;           /* RANGE: [lo, hi); ITERATOR over one */
    uint32_t  list;             /* ITERATOR: constant, or IR_NO for a range */
    uint64_t  pos;
    uint32_t  now;              /* UNKNOWN: its name in the unrolled text, + 1; 0: itself */
};

struct unroll {
    struct comp     *c;
    struct ir_func  *f;
    struct fact     *base;      /* [n_value] constants and ranges of them written so far */
    struct fact     *fact;      /* [n_value] what is known in this loop, ... */
    uint32_t        *stamp;     /* [n_value] ... if it was noted in this loop */
    uint32_t         loop;      /* number of this loop, from 1 */
    uint32_t        *place;     /* [n_block] operation that begins it */
    uint32_t        *token;     /* [n_chain] in force, or IR_NO */
    uint32_t        *alias;     /* [n_token] what a token has become */
    uint32_t        *region_at; /* [n_insn] region that begins there, + 1 */
    uint32_t         first, end;        /* ITER, and the block behind the loop */
    struct ir_insn  *insn;  uint32_t n_insn, cap_insn;      /* the function as it becomes */
    uint32_t         mark;      /* operations of it before this loop */
    uint32_t         steps;
    size_t           n_text;
    bool             appends;
};

/* ---- what is known ---- */

static struct fact known(uint32_t konst)
{
    return (struct fact){ .what = KNOWN, .konst = konst };
}

static struct fact *fact(const struct unroll *u, uint32_t v)
{
    if (u->stamp[v] != u->loop) {
        u->stamp[v] = u->loop;
        u->fact[v] = u->base[v];
    }
    return &u->fact[v];
}

static const struct konst *konst_of(const struct unroll *u, uint32_t v)
{
    const struct fact *x = fact(u, v);
    return x->what == KNOWN ? &u->c->konst[x->konst] : NULL;
}

static bool is_int(const struct konst *k)
{
    return k && k->kind == KONST_INT;
}

static uint32_t pair(struct unroll *u, uint32_t a, uint32_t b)
{
    uint32_t item[2] = { a, b };
    return konst_items(u->c, KONST_TUPLE, 0, item, 2);
}

static bool iterator_of(const struct unroll *u, uint32_t v, struct fact *ret)
{
    const struct fact *x = fact(u, v);
    *ret = (struct fact){ .what = ITERATOR, .list = IR_NO };
    if (x->what == RANGE) {
        ret->lo = x->lo;
        ret->hi = x->hi;
        return true;
    }
    const struct konst *k = konst_of(u, v);
    if (is_int(k)) {
        ret->hi = k->i > 0 ? k->i : 0;
        return true;
    }
    ret->list = x->konst;
    return k && (k->kind == KONST_LIST || k->kind == KONST_MAP);
}

/* Sets *ret to the next element; false at the end. */
static bool iterator_next(struct unroll *u, struct fact *it, struct fact *ret)
{
    if (it->list == IR_NO) {
        if (it->lo + (int64_t)it->pos >= it->hi)
            return false;
        *ret = known(konst_int(u->c, it->lo + (int64_t)it->pos++));
        return true;
    }
    const struct konst *k = &u->c->konst[it->list];
    if (it->pos >= k->n)
        return false;
    uint32_t i = (uint32_t)it->pos++;
    *ret = known(k->kind == KONST_MAP ? pair(u, k->item[2 * i], k->item[2 * i + 1]) : k->item[i]);
    return true;
}

/* ---- folding ---- */

static bool fold_range(const struct konst *a, const struct konst *b, bool inclusive,
                       struct fact *ret)
{
    if (!is_int(a) || !is_int(b) || a->i < INT32_MIN || b->i > INT32_MAX)
        return false;
    *ret = (struct fact){ .what = RANGE, .lo = a->i, .hi = b->i + inclusive };
    return true;
}

static bool fold_order(struct unroll *u, enum ir_op op, const struct konst *a,
                       const struct konst *b,
                       struct fact *ret)
{
    if (!is_int(a) || !is_int(b))
        return false;
    bool r = op == IR_LT ? a->i < b->i : op == IR_LE ? a->i <= b->i : op == IR_GT ? a->i > b->i
        : a->i >= b->i;
    *ret = known(konst_bool(u->c, r));
    return true;
}

static bool fold_sum(struct unroll *u, enum ir_op op, const struct konst *a, const struct konst *b,
                     struct fact *ret)
{
    int64_t r;
    if (op == IR_ADD && a->kind == KONST_STR && b->kind == KONST_STR) {
        struct str s = { 0 };
        str_add_slice(&s, a->text);
        str_add_slice(&s, b->text);
        *ret = known(konst_str(u->c, str_slice(&s)));
        str_free(&s);
        return true;
    }
    if (!is_int(a) || !is_int(b))
        return false;
    if (op == IR_ADD ? __builtin_add_overflow(a->i, b->i, &r) : op == IR_SUB
        ? __builtin_sub_overflow(a->i, b->i, &r)
                     : __builtin_mul_overflow(a->i, b->i, &r))
        return false;
    *ret = known(konst_int(u->c, r));
    return true;
}

static bool fold_mod(struct unroll *u, const struct konst *a, const struct konst *b,
                     struct fact *ret)
{
    if (!is_int(a) || !is_int(b) || b->i <= 0)
        return false;
    *ret = known(konst_int(u->c, (a->i % b->i + b->i) % b->i));
    return true;
}

static bool fold_part(const struct unroll *u, const struct ir_insn *n, struct fact *ret)
{
    const struct konst *o = konst_of(u, n->arg[0]);
    if (!o || n->imm >= o->n || (n->op == IR_FIELD ? o->kind != KONST_STRUCT
                                 : o->kind != KONST_TUPLE))
        return false;
    *ret = known(o->item[n->imm]);
    return true;
}

static bool fold_index(const struct unroll *u, const struct konst *o, const struct konst *i,
                       struct fact *ret)
{
    if (o->kind != KONST_LIST || !is_int(i))
        return false;
    int64_t at = i->i < 0 ? i->i + o->n : i->i;
    (void)u;
    if (at < 0 || at >= o->n)
        return false;
    *ret = known(o->item[at]);
    return true;
}

static bool fold_format(struct unroll *u, const struct ir_insn *n, struct fact *ret)
{
    struct str s = { 0 };
    bool ok = true;
    for (uint32_t i = 0; i < n->n_arg && ok; i++)
        ok = fact(u, n->arg[i])->what == KNOWN && konst_text(u->c, fact(u, n->arg[i])->konst, &s);
    if (ok)
        *ret = known(konst_str(u->c, str_slice(&s)));
    str_free(&s);
    return ok;
}

static bool fold_two(struct unroll *u, const struct ir_insn *n, struct fact *ret)
{
    const struct konst *a = konst_of(u, n->arg[0]), *b = konst_of(u, n->arg[1]);
    if (!a || !b)
        return false;
    switch (n->op) {
    case IR_ADD: case IR_SUB: case IR_MUL:
        return fold_sum(u, n->op, a, b, ret);
    case IR_MOD:
        return fold_mod(u, a, b, ret);
    case IR_LT: case IR_LE: case IR_GT: case IR_GE:
        return fold_order(u, n->op, a, b, ret);
    case IR_EQ: case IR_NE:
        *ret = known(konst_bool(u->c, konst_equal(u->c, fact(u, n->arg[0])->konst,
                                                 fact(u, n->arg[1])->konst) ==
                                      (n->op == IR_EQ)));
        return a->kind == b->kind;
    case IR_RANGE: case IR_RANGE_EX:
        return fold_range(a, b, n->op == IR_RANGE, ret);
    case IR_INDEX:
        return fold_index(u, a, b, ret);
    default:
        return false;
    }
}

static bool fold(struct unroll *u, const struct ir_insn *n, struct fact *ret)
{
    const struct konst *a;
    switch (n->op) {
    case IR_CONST:
        *ret = known(n->imm);
        return true;
    case IR_LOAD:
        *ret = *fact(u, n->arg[0]);
        return ret->what == KNOWN;
    case IR_NOT:
        a = konst_of(u, n->arg[0]);
        if (!a || a->kind != KONST_BOOL)
            return false;
        *ret = known(konst_bool(u->c, !a->i));
        return true;
    case IR_FIELD: case IR_ITEM:
        return fold_part(u, n, ret);
    case IR_FORMAT:
        return fold_format(u, n, ret);
    default:
        return n->n_arg == 2 && fold_two(u, n, ret);
    }
}

/* ---- what the loop becomes ---- */

static struct ir_insn *put(struct unroll *u, const struct ir_insn *like)
{
    struct ir_insn *n = comp_push(u->c, &u->insn, &u->n_insn, &u->cap_insn, sizeof *n);
    *n = *like;
    return n;
}

static uint32_t new_value(struct unroll *u, struct type *t)
{
    struct ir_func *f = u->f;
    uint32_t id = f->n_value;
    struct ir_value *v = comp_push(u->c, &f->value, &f->n_value, &f->cap_value, sizeof *v);
    *v = (struct ir_value){ .type = t };
    return id;
}

/* The name of a value in the unrolled text; a known one is written there first. */
static uint32_t name_of(struct unroll *u, uint32_t v, struct span at)
{
    const struct fact *x = fact(u, v);
    if (u->f->value[v].is_var || x->what != KNOWN)
        return x->what == UNKNOWN && x->now ? x->now - 1 : v;
    uint32_t id = new_value(u, u->f->value[v].type);
    struct ir_insn n = { .op = IR_CONST, .dst = id, .dst2 = IR_NO, .kin = IR_NO, .kout = IR_NO,
                         .imm = x->konst, .at = at };
    put(u, &n);
    return id;
}

static void put_args(struct unroll *u, const struct ir_insn *n, struct ir_insn *copy)
{
    *copy = *n;
    copy->arg = n->n_arg ? comp_alloc(u->c, n->n_arg * sizeof *n->arg) : NULL;
    for (uint32_t i = 0; i < n->n_arg; i++)
        copy->arg[i] = name_of(u, n->arg[i], n->at);
}

/* A copy of an operation that only computes. */
static void put_copy(struct unroll *u, const struct ir_insn *n)
{
    struct ir_insn copy;
    put_args(u, n, &copy);
    copy.dst = new_value(u, u->f->value[n->dst].type);
    put(u, &copy);
    *fact(u, n->dst) = (struct fact){ .what = UNKNOWN, .now = copy.dst + 1 };
}

static bool put_append(struct unroll *u, const struct ir_insn *n)
{
    struct ir_func *f = u->f;
    uint32_t chain = f->token[n->kin];
    struct ir_insn copy;
    if (u->token[chain] == IR_NO)
        return false;
    put_args(u, n, &copy);
    if (n->op == IR_INSERT && fact(u, n->arg[0])->what == KNOWN) {
        struct str s = { 0 };
        bool ok = konst_text(u->c, fact(u, n->arg[0])->konst, &s);
        u->n_insn -= ok;                /* name_of wrote the constant: it is not needed */
        if (ok) {
            copy.op = IR_TEXT;
            copy.imm = konst_str(u->c, str_slice(&s));
            copy.n_arg = 0;
        }
        str_free(&s);
    }
    u->n_text += copy.op == IR_TEXT ? u->c->konst[copy.imm].text.len : 0;
    u->appends |= copy.op == IR_TEXT || copy.op == IR_INSERT;
    copy.kin = u->token[chain];
    copy.kout = f->n_token;
    *(uint32_t *)comp_push(u->c, &f->token, &f->n_token, &f->cap_token, sizeof(uint32_t)) = chain;
    u->token[chain] = copy.kout;
    put(u, &copy);
    return u->n_text <= MAX_TEXT;
}

static void put_store(struct unroll *u, const struct ir_insn *n)
{
    struct ir_insn copy;
    struct fact x = *fact(u, n->arg[0]);
    put_args(u, n, &copy);
    put(u, &copy);
    if (x.what != KNOWN || n->imm != BC_NO_INDEX)
        x = (struct fact){ .what = UNKNOWN };
    *fact(u, n->dst) = x;
}

/* ---- running ---- */

static bool only_computes(enum ir_op op)
{
    switch (op) {
    case IR_LOAD: case IR_NOT: case IR_NEG: case IR_ADD: case IR_SUB: case IR_MUL: case IR_DIV:
    case IR_MOD: case IR_EQ: case IR_NE: case IR_LT: case IR_LE: case IR_GT: case IR_GE:
    case IR_FORMAT: case IR_TUPLE: case IR_LIST: case IR_FIELD: case IR_ITEM: case IR_INDEX:
    case IR_CONVERT: case IR_IS:
        return true;
    default:
        return false;
    }
}

/* Whether the way is taken; false in *ret_known when that is not known. */
static bool takes(const struct unroll *u, const struct ir_insn *n, bool *ret_known)
{
    const struct konst *k = konst_of(u, n->arg[0]);
    *ret_known = k != NULL;
    if (!k)
        return false;
    switch (n->op) {
    case IR_BR_NULL: return k->kind == KONST_NULL;
    case IR_BR_NOT_NULL: return k->kind != KONST_NULL;
    case IR_BR_TRUE: return k->kind == KONST_BOOL && k->i;
    default: return k->kind == KONST_BOOL && !k->i;
    }
}

static bool go_to(const struct unroll *u, uint32_t label, uint32_t *pc)
{
    *pc = u->place[label];
    return *pc > u->first && *pc <= u->end;
}

static bool branch(struct unroll *u, const struct ir_insn *n, uint32_t *pc)
{
    bool is_known, taken = takes(u, n, &is_known);
    if (!is_known)
        return false;
    if (taken)
        return go_to(u, n->label, pc);
    ++*pc;
    return true;
}

static bool next(struct unroll *u, const struct ir_insn *n, uint32_t *pc)
{
    struct fact item;
    if (fact(u, n->arg[0])->what != ITERATOR)
        return false;
    if (!iterator_next(u, fact(u, n->arg[0]), &item))
        return go_to(u, n->label, pc);
    *fact(u, n->dst) = item;
    ++*pc;
    return true;
}

/* One operation; false: this loop cannot be unrolled. */
static bool step(struct unroll *u, uint32_t *pc)
{
    const struct ir_insn n = u->f->insn[*pc];
    struct fact x = { .what = UNKNOWN };
    switch (n.op) {
    case IR_BR:
        return go_to(u, n.label, pc);
    case IR_BR_TRUE: case IR_BR_FALSE: case IR_BR_NULL: case IR_BR_NOT_NULL:
        return branch(u, &n, pc);
    case IR_NEXT:
        return next(u, &n, pc);
    case IR_ITER:
        if (!iterator_of(u, n.arg[0], &x))
            return false;
        *fact(u, n.dst) = x;
        break;
    case IR_NOP: case IR_BLOCK: case IR_KPHI:
        break;
    case IR_TEXT: case IR_INSERT: case IR_CONTROL: case IR_TURN_OPEN: case IR_TURN_CLOSE:
        if (!put_append(u, &n))
            return false;
        break;
    case IR_STORE:
        put_store(u, &n);
        break;
    default:
        if (fold(u, &n, &x))
            *fact(u, n.dst) = x;
        else if (only_computes(n.op))
            put_copy(u, &n);
        else
            return false;
        break;
    }
    ++*pc;
    return true;
}

static bool run(struct unroll *u)
{
    uint32_t pc = u->first;
    for (; u->steps < MAX_STEP; u->steps++) {
        if (pc == u->end)
            return u->appends;
        if (!step(u, &pc) || u->n_insn - u->mark > MAX_INSN)
            return false;
    }
    return false;
}

/* ---- finding loops ---- */

static void tokens_before(struct unroll *u)
{
    const struct ir_func *f = u->f;
    memset(u->token, 0xff, (f->n_chain + 1) * sizeof *u->token);
    for (uint32_t i = u->first + 1; f->insn[i].op == IR_BLOCK || f->insn[i].op == IR_KPHI; i++)
        if (f->insn[i].op == IR_KPHI && f->insn[i].kout != IR_NO && f->insn[i].imm != IR_NO)
            u->token[f->token[f->insn[i].kout]] = u->alias[f->insn[i].imm];
}

static bool appends_in(const struct ir_func *f, uint32_t first, uint32_t end)
{
    for (uint32_t i = first; i < end; i++)
        if (f->insn[i].op == IR_TEXT || f->insn[i].op == IR_INSERT)
            return true;
    return false;
}

/* ITER over something known, then the region, then the block behind it. */
static bool is_loop(struct unroll *u, uint32_t i)
{
    const struct ir_func *f = u->f;
    if (f->insn[i].op != IR_ITER || u->base[f->insn[i].arg[0]].what == UNKNOWN ||
        i + 1 == f->n_insn ||
        !u->region_at[i + 1])
        return false;
    u->first = i;
    u->end = f->region[u->region_at[i + 1] - 1].last + 1;
    return u->end < f->n_insn && f->insn[u->end].op == IR_BLOCK && appends_in(f, i, u->end);
}

/* Behind the loop its tokens are those that were written last. */
static uint32_t leave_loop(struct unroll *u)
{
    const struct ir_func *f = u->f;
    uint32_t i = u->end + 1;
    for (; i < f->n_insn && f->insn[i].op == IR_KPHI; i++)
        if (u->token[f->token[f->insn[i].kout]] != IR_NO)
            u->alias[f->insn[i].kout] = u->token[f->token[f->insn[i].kout]];
    return i;
}

static bool try_loop(struct unroll *u, uint32_t i)
{
    struct ir_func *f = u->f;
    if (!is_loop(u, i))
        return false;
    uint32_t n_value = f->n_value, n_token = f->n_token;
    u->loop++;
    u->mark = u->n_insn;
    u->n_text = 0;
    u->appends = false;
    tokens_before(u);
    if (run(u))
        return true;
    u->n_insn = u->mark;
    f->n_value = n_value;
    f->n_token = n_token;
    return false;
}

/* ---- the function ---- */

static void note_constant(struct unroll *u, const struct ir_insn *n)
{
    struct fact x;
    if (n->op == IR_CONST)
        u->base[n->dst] = known(n->imm);
    if (n->op == IR_RANGE || n->op == IR_RANGE_EX) {
        u->loop++;
        if (fold_two(u, n, &x))
            u->base[n->dst] = x;
    }
}

static uint32_t moved_to(const uint32_t *moved, uint32_t n_insn, uint32_t n_new, uint32_t i)
{
    return i < n_insn ? moved[i] : n_new;
}

/* A region whose head was unrolled away (its place is that of what follows) is gone. */
static void move_regions(struct ir_func *f, const uint32_t *moved, const bool *gone,
                         uint32_t n_insn, uint32_t n_new)
{
    uint32_t n = 0;
    for (uint32_t r = 0; r < f->n_region; r++) {
        struct ir_region g = f->region[r];
        if (g.first < n_insn && gone[g.first])
            continue;
        f->region[n++] = (struct ir_region){ moved_to(moved, n_insn, n_new, g.first),
                                             moved_to(moved, n_insn, n_new, g.last) };
    }
    f->n_region = n;
}

static void rename_tokens(struct unroll *u, uint32_t n_token)
{
    for (uint32_t i = 0; i < u->n_insn; i++) {
        struct ir_insn *n = &u->insn[i];
        if (n->kin < n_token)
            n->kin = u->alias[n->kin];
        if (n->op == IR_KPHI && n->imm < n_token)
            n->imm = u->alias[n->imm];
        if (n->op == IR_KPHI && n->label < n_token)
            n->label = u->alias[n->label];
    }
}

static void walk(struct unroll *u)
{
    struct ir_func *f = u->f;
    uint32_t n_token = f->n_token;
    uint32_t *moved = comp_alloc(u->c, (f->n_insn + 1) * sizeof *moved);
    bool *gone = comp_alloc(u->c, (f->n_insn + 1) * sizeof *gone);
    for (uint32_t i = 0; i < f->n_insn;) {
        if (try_loop(u, i)) {
            uint32_t end = leave_loop(u);
            for (; i < end; i++) {
                moved[i] = u->n_insn;
                gone[i] = true;
            }
            continue;
        }
        moved[i] = u->n_insn;
        put(u, &f->insn[i]);
        note_constant(u, &f->insn[i++]);
    }
    move_regions(f, moved, gone, f->n_insn, u->n_insn);
    rename_tokens(u, n_token);
    mem_free(f->insn);
    f->insn = u->insn;
    f->n_insn = u->n_insn;
    f->cap_insn = u->cap_insn;
}

void pass_const(struct comp *c, struct ir_func *f, uint32_t index)
{
    (void)index;
    struct unroll u = { .c = c, .f = f };
    if (!f->n_region || !appends_in(f, 0, f->n_insn))
        return;
    u.base = comp_alloc(c, (f->n_value + 1) * sizeof *u.base);
    u.fact = comp_alloc(c, (f->n_value + 1) * sizeof *u.fact);
    u.stamp = comp_alloc(c, (f->n_value + 1) * sizeof *u.stamp);
    u.place = comp_alloc(c, (f->n_block + 1) * sizeof *u.place);
    u.token = comp_alloc(c, (f->n_chain + 1) * sizeof *u.token);
    u.alias = comp_alloc(c, (f->n_token + 1) * sizeof *u.alias);
    u.region_at = comp_alloc(c, (f->n_insn + 1) * sizeof *u.region_at);
    for (uint32_t i = 0; i < f->n_insn; i++)
        if (f->insn[i].op == IR_BLOCK)
            u.place[f->insn[i].label] = i;
    for (uint32_t i = 0; i < f->n_token; i++)
        u.alias[i] = i;
    for (uint32_t r = 0; r < f->n_region; r++)
        if (f->region[r].first < f->n_insn)
            u.region_at[f->region[r].first] = r + 1;
    walk(&u);
}
