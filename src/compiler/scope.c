/* scope.c - names of blocks; capture by value into lambdas and branches.
 *
 * A lambda or branch is a function of its own.  A name found in the function around it becomes
 * one more input of the inner one: the outer value (of a variable: what it holds now) is noted as
 * a capture, and a binding in the inner function's outermost scope stands for it from then on. */
#include "compiler/lower.h"

enum { SCOPE_MAP_AT = 12 };

struct scope *scope_push(struct low *l)
{
    struct scope *s = comp_alloc(l->c, sizeof *s);
    s->up = l->scope;
    l->scope = s;
    return s;
}

static void add(struct low *l, struct scope *s, struct binding *b)
{
    struct comp *c = l->c;
    if (s->n == s->cap) {
        uint32_t cap = s->cap ? 2 * s->cap : 4;
        struct binding **grown = comp_alloc(c, cap * sizeof *grown);
        for (uint32_t i = 0; i < s->n; i++)
            grown[i] = s->b[i];
        s->b = grown;
        s->cap = cap;
    }
    s->b[s->n++] = b;
    if (s->n < SCOPE_MAP_AT)
        return;
    if (s->n == SCOPE_MAP_AT)
        *(struct scope **)comp_push(c, &c->big, &c->n_big, &c->cap_big, sizeof(struct scope *)) = s;
    uint32_t from = s->n == SCOPE_MAP_AT ? 0 : s->n - 1;
    for (uint32_t i = from; i < s->n; i++)
        if (!hashmap_put(&s->map, s->b[i]->name, (uintptr_t)s->b[i])) {
            comp_nomem(c);
        }
}

static struct binding *find_in(const struct scope *s, struct slice name)
{
    uint64_t found;
    if (s->n >= SCOPE_MAP_AT)
        return hashmap_get(&s->map, name, &found) ? (struct binding *)(uintptr_t)found : NULL;
    for (uint32_t i = s->n; i-- > 0;)
        if (slice_eq(s->b[i]->name, name))
            return s->b[i];
    return NULL;
}

static const struct binding *outer_name(const struct low *l, struct slice name)
{
    const struct scope *s = l->scope->up;
    bool wall = l->scope->wall;
    for (;;) {
        for (; s && !wall; s = s->up) {
            const struct binding *b = find_in(s, name);
            if (b)
                return b;
            wall = s->wall;
        }
        if (wall || !l->up)
            return NULL;
        l = l->up;
        s = l->scope;
    }
}

/* A new name beside the same one of this block, or of one around it. */
static void check_name(struct low *l, struct name name)
{
    const struct binding *old = find_in(l->scope, name.text);
    bool twice = old && !old->quiet && old->owner == l;
    if (!old)
        old = outer_name(l, name.text);
    if (!old || !old->at.len || old->kind == BIND_POISON || old->at.off == name.at.off)
        return;
    struct diag *d = low_diag(l, twice ? "E0202" : "W0202", name.at,
                              twice ? "`%.*s` is declared twice in this block"
                                    : "`%.*s` hides a name of a block around it",
                              (int)name.text.len, name.text.ptr);
    if (d)
        diag_label(l->c->diags, d, l->mod->source, old->at,
                   twice ? "first declared here" : "this one");
}

struct binding *scope_bind(struct low *l, struct name name, enum bind_kind kind, uint32_t v,
                           struct type *t)
{
    struct binding *b = comp_alloc(l->c, sizeof *b);
    b->name = name.text;
    b->at = name.at;
    b->kind = kind;
    b->v = v;
    b->t = t;
    b->ex = ex_of(v, t, name.at);
    b->level = l->n_attempt;
    b->owner = l;
    if (kind != BIND_POISON && name.at.len && !(l->is_script && l->c->opts->env))
        check_name(l, name);
    add(l, l->scope, b);
    return b;
}

void scope_pop(struct low *l)
{
    struct scope *s = l->scope;
    l->scope = s->up;
    for (uint32_t i = 0; i < s->n; i++) {
        struct binding *b = s->b[i];
        if (b->used || b->quiet || !b->at.len || b->name.ptr[0] == '_' || b->kind == BIND_ENV)
            continue;
        if (b->t && b->t->kind == T_BRANCHES)
            low_diag(l, "W0501", b->at, "the branches of `%.*s` are never joined", (int)b->name.len,
                     b->name.ptr);
        else
            low_diag(l, "W0201", b->at, "`%.*s` is never used", (int)b->name.len, b->name.ptr);
    }
}

void scope_cancel(struct low *l, const struct scope *until, struct span at)
{
    for (const struct scope *s = l->scope; s && s != until; s = s->up)
        for (uint32_t i = s->n; i-- > 0;) {
            const struct binding *b = s->b[i];
            if (b->owner == l && b->kind == BIND_VALUE && b->t && b->t->kind == T_BRANCHES &&
                b->ex.fork)
                ir_op1(l, IR_CANCEL, NULL, b->v, 0, at);
        }
}

static struct binding *capture(struct low *l, struct binding *outer)
{
    struct comp *c = l->c;
    struct scope *top = l->scope;
    while (top->up)
        top = top->up;
    struct binding *b = comp_alloc(c, sizeof *b);
    *b = *outer;
    b->quiet = true;
    b->owner = l;
    b->was_var = outer->was_var || outer->kind == BIND_VAR;
    if (outer->kind == BIND_POISON || (outer->kind == BIND_VALUE && outer->ex.k) ||
        outer->kind == BIND_ENV) {
        if (outer->kind == BIND_VALUE)
            b->ex.v = IR_NO;            /* a constant: the value that it was made in is the outer function's */
        add(l, top, b);
        return b;
    }
    uint32_t from = outer->kind == BIND_VAR ? ir_load(l->up, outer->v, outer->at)
                  : outer->ex.stream ? stream_force(l->up, outer->ex, outer->at).v : outer->v;
    uint32_t v = ir_value_new(l, outer->t);
    struct ir_func *f = l->f;
    /* captures stand before the parameters, in the order of first use */
    comp_push(c, &f->input, &f->n_input, &f->cap_input, sizeof(uint32_t));
    for (uint32_t i = f->n_input - 1; i > f->out.n_capture; i--)
        f->input[i] = f->input[i - 1];
    f->input[f->out.n_capture++] = v;
    *(uint32_t *)comp_push(c, &f->captured, &f->n_captured, &f->cap_captured, sizeof(uint32_t)) = from;
    b->captured = true;
    b->kind = BIND_VALUE;
    b->v = v;
    b->ex = outer->ex;
    b->ex.v = v;
    b->ex.t = outer->t;
    b->ex.stream = false;
    add(l, top, b);
    return b;
}

struct binding *scope_find(struct low *l, struct slice name)
{
    for (struct scope *s = l->scope; s; s = s->up) {
        struct binding *b = find_in(s, name);
        if (b) {
            b->used = true;
            return b;
        }
        if (s->wall)
            return NULL;
    }
    if (!l->up)
        return NULL;
    struct binding *outer = scope_find(l->up, name);
    return outer ? capture(l, outer) : NULL;
}
