/* terminal_mask.c - what masks ask of leaf states: identity, loops, bounds that do not matter, texts
 * left out, first bytes. */
#include "compiler/pattern/terminal_int.h"

bool terminal_key(struct terminals *t, uint32_t q, struct hash128 *ret)
{
    const struct term_state *s = &t->st[q];
    struct hash128 h = { 0, 0 };
    if (s->kind == K_NUM)
        h = num_state_name(t->num[s->e], s->v);
    else if (!expr_hash(&t->ex, s->e, &h))
        return false;
    uint64_t x[4] = { h.lo, h.hi, (uint64_t)s->kind | (uint64_t)s->enc << 8 | (uint64_t)s->left << 16 |
                                  (uint64_t)s->size << 24, s->kind == K_NUM ? 0 : s->v };
    *ret = hash128_bytes(x, sizeof x);
    return true;
}

bool terminal_loop(struct terminals *t, uint32_t q, struct terminal_loop *ret)
{
    const struct term_state s = t->st[q];
    const struct expr_node x = t->ex.node[s.e];
    bool rep = x.kind == EX_REP;
    if (s.kind != K_AT || t->ex.node[rep ? x.a : s.e].kind != EX_SET || (x.flags & EXF_LABEL))
        return false;
    ret->lo = rep ? x.b : 1;
    ret->hi = rep ? x.c : 1;
    ret->json = s.enc != ENC_RAW;
    ret->base = terminal_at(t, expr_rep(&t->ex, rep ? x.a : s.e, 0, EXPR_INF), s.enc);
    return terminal_key(t, ret->base, &ret->key) && !terminals_failed(t);
}

enum { FARTHEST_NODES = 2000, LOOSENED_MAX = 16 };

/* Code points to the nearest end from any place within e, at most; SIZE_MAX: not known. */
static size_t farthest(const struct expr_pool *p, uint32_t e, uint32_t depth, uint32_t *n_node)
{
    size_t sum = 0, most = 0;
    for (; p->node[e].kind == EX_CAT; e = p->node[e].b)
        sum = add_size(sum, farthest(p, p->node[e].a, depth + 1, n_node));
    const struct expr_node x = p->node[e];
    if (depth > 100 || ++*n_node > FARTHEST_NODES)
        return SIZE_MAX;
    switch (x.kind) {
    case EX_EPS:
        return sum;
    case EX_SET:
        return add_size(sum, 1);
    case EX_OR:
        for (uint32_t i = 0; i < x.b; i++) {
            size_t one = farthest(p, p->kid[x.a + i], depth + 1, n_node);
            most = one > most ? one : most;
        }
        return add_size(sum, most);
    case EX_REP:
        most = farthest(p, x.a, depth + 1, n_node);
        for (uint32_t i = 0; i <= x.b && i <= FARTHEST_NODES && sum < SIZE_MAX; i++)
            sum = add_size(sum, most);
        return x.b > FARTHEST_NODES ? SIZE_MAX : sum;
    default:
        return SIZE_MAX;
    }
}

/* A bound on the length of something that can end soon. */
static uint32_t without_length(struct terminals *t, uint32_t e, uint32_t longest)
{
    const struct expr_node x = t->ex.node[e];
    for (uint32_t i = 0; i < 2; i++) {
        const struct expr_node bound = t->ex.node[t->ex.kid[x.a + i]];
        uint32_t other = t->ex.kid[x.a + 1 - i], n = 0;
        if (bound.kind == EX_REP && bound.a == EXPR_ANY && !bound.b && bound.c > longest)
            return farthest(&t->ex, other, 0, &n) > bound.c - longest ? e : other;
    }
    return e;
}

/* The kid of a NOT whose words are few; EXPR_EMPTY: e is no such node. */
static uint32_t few_words(const struct expr_pool *p, uint32_t e)
{
    const struct expr_node *x = &p->node[e];
    return x->kind != EX_NOT || (p->node[x->a].flags & (EXF_LOGIC | EXF_ENDLESS)) ? EXPR_EMPTY : x->a;
}

/* A count that no token can use up, of what comes first. */
static uint32_t without_count(struct terminals *t, uint32_t e, uint32_t longest)
{
    const struct expr_node x = t->ex.node[e];
    uint32_t head = x.kind == EX_CAT ? x.a : e;
    const struct expr_node rep = t->ex.node[head];
    if (rep.kind != EX_REP || rep.c == EXPR_INF || rep.c <= longest)
        return e;
    head = expr_rep(&t->ex, rep.a, rep.b, EXPR_INF);
    return x.kind == EX_CAT ? expr_cat(&t->ex, head, x.b) : head;
}

/* Words of one set but a few, when there is room for longer ones than those. */
static uint32_t without_count_but(struct terminals *t, uint32_t e, uint32_t longest)
{
    const struct expr_node x = t->ex.node[e];
    for (uint32_t i = 0; i < 2; i++) {
        const struct expr_node rep = t->ex.node[t->ex.kid[x.a + i]];
        uint32_t other = t->ex.kid[x.a + 1 - i], words = few_words(&t->ex, other);
        if (words == EXPR_EMPTY || rep.kind != EX_REP || rep.c == EXPR_INF || t->ex.node[rep.a].kind != EX_SET)
            continue;
        if (rep.c > longest && rep.c - longest > expr_longest(&t->ex, words))
            return expr_and2(&t->ex, expr_rep(&t->ex, rep.a, rep.b, EXPR_INF), other);
    }
    return e;
}

static uint32_t loosened(struct terminals *t, uint32_t e, uint32_t longest)
{
    const struct expr_node x = t->ex.node[e];
    if (x.kind == EX_AND && x.b == 2) {
        uint32_t free = without_length(t, e, longest);
        return free != e ? free : without_count_but(t, e, longest);
    }
    if (x.kind != EX_OR || x.b > LOOSENED_MAX)
        return without_count(t, e, longest);
    uint32_t kid[LOOSENED_MAX];
    for (uint32_t i = 0; i < x.b; i++)
        kid[i] = without_count(t, t->ex.kid[x.a + i], longest);
    return expr_or(&t->ex, kid, x.b);
}

uint32_t terminal_unbounded(struct terminals *t, uint32_t q, uint32_t longest)
{
    const struct term_state s = t->st[q];
    if (s.kind != K_AT && s.kind != K_OPEN)
        return q;
    uint32_t e = loosened(t, s.e, longest);
    if (e == s.e)
        return q;
    uint32_t free = terminal_intern(t, (struct term_state){ .kind = s.kind, .enc = s.enc, .e = e });
    return terminals_failed(t) ? q : free;
}

/* Ends in something over and over, so that whatever was read can go on in endlessly many ways. */
static bool ends_openly(const struct expr_pool *p, uint32_t e)
{
    while (p->node[e].kind == EX_CAT)
        e = p->node[e].b;
    const struct expr_node *x = &p->node[e];
    return x->kind == EX_REP && x->c == EXPR_INF && !(x->flags & (EXF_LABEL | EXF_LOGIC));
}

bool terminal_excludes(struct terminals *t, uint32_t q, uint32_t *ret_base, uint32_t *ret_words)
{
    const struct term_state s = t->st[q];
    const struct expr_node x = t->ex.node[s.e];
    if ((s.kind != K_AT && s.kind != K_OPEN) || s.enc != ENC_CANON)
        return false;
    uint32_t base = EXPR_ALL, words = few_words(&t->ex, s.e);
    for (uint32_t i = 0; i < 2 && x.kind == EX_AND && x.b == 2 && words == EXPR_EMPTY; i++) {
        base = t->ex.kid[x.a + 1 - i];
        words = ends_openly(&t->ex, base) ? few_words(&t->ex, t->ex.kid[x.a + i]) : EXPR_EMPTY;
    }
    if (words == EXPR_EMPTY)
        return false;
    *ret_base = terminal_intern(t, (struct term_state){ .kind = s.kind, .enc = s.enc, .e = base });
    *ret_words = terminal_intern(t, (struct term_state){ .kind = s.kind, .enc = s.enc, .e = words });
    return !terminals_failed(t);
}

bool terminal_open(struct terminals *t, uint32_t q, uint32_t *ret_base)
{
    const struct term_state s = t->st[q];
    if (s.kind != K_AT || s.enc == ENC_RAW || s.e == EXPR_ALL || (t->ex.node[s.e].flags & EXF_LABEL) ||
        !expr_open(&t->ex, s.e))
        return false;
    *ret_base = terminal_at(t, EXPR_ALL, s.enc);
    return !terminals_failed(t);
}

static void add_bytes(uint32_t set[8], uint32_t lo, uint32_t hi)
{
    for (uint32_t b = lo; b <= hi; b++)
        set[b / 32] |= 1u << (b % 32);
}

static void first_at(struct terminals *t, const struct term_state *s, uint32_t set[8])
{
    struct arc_list l = expr_live_arcs(&t->ex, s->e);
    bool json = s->enc != ENC_RAW;
    uint32_t ascii[4] = { 0 };
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < EXPR_LABEL; i++) {
        for (uint32_t b = l.arc[i].lo; b < 128 && b <= l.arc[i].hi; b++)
            ascii[b / 32] |= 1u << (b % 32);
        if (l.arc[i].hi >= 0x80)
            add_bytes(set, 0xc2, 0xf4);
    }
    if (json) {
        ascii[0] = 0;
        ascii[1] &= ~(1u << ('"' - 32));
        ascii[2] &= ~(1u << ('\\' - 64));
        if (terminal_accepts_here(t, s->e))
            add_bytes(set, '"', '"');
        if (terminal_escapes(t, s->e, s->enc))
            add_bytes(set, '\\', '\\');
    }
    for (uint32_t k = 0; k < 4; k++)
        set[k] |= ascii[k];
}

void terminal_first(struct terminals *t, uint32_t q, uint32_t set[8])
{
    const struct term_state s = t->st[q];
    switch (s.kind) {
    case K_AT:
        first_at(t, &s, set);
        break;
    case K_OPEN:
        add_bytes(set, '"', '"');
        break;
    case K_CONT: case K_SKIP:
        add_bytes(set, 0x80, 0xbf);
        break;
    case K_ESC: case K_HEX: case K_LOW:
        add_bytes(set, '"', 'u');
        break;
    case K_NUM:
        add_bytes(set, '+', '9');
        add_bytes(set, 'E', 'E');
        add_bytes(set, 'e', 'e');
        break;
    default:
        break;
    }
}

bool terminal_in_string(const struct terminals *t, uint32_t q)
{
    const struct term_state *s = &t->st[q];
    return s->kind == K_AT && s->enc != ENC_RAW && !(t->ex.node[s->e].flags & EXF_LABEL);
}
