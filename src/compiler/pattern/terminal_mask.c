/* terminal_mask.c - what masks ask of leaf states: identity, loops, sets that may be read over and
 * over, texts left out. */
#include "compiler/pattern/terminal_int.h"

bool terminal_key(struct terminals *t, uint32_t q, struct hash128 *ret)
{
    const struct term_state *s = &t->st[q];
    struct hash128 h = { 0, 0 };
    if (s->kind == K_NUM)
        h = (struct hash128){ t->num[s->e]->key, 0x6e756d };
    else if (!expr_hash(&t->ex, s->e, &h))
        return false;
    uint64_t x[4] = { h.lo, h.hi, (uint64_t)s->kind | (uint64_t)s->enc << 8 | (uint64_t)s->left << 16 |
                                  (uint64_t)s->size << 24, s->v };
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

bool terminal_excludes(struct terminals *t, uint32_t q, uint32_t *ret_base, uint32_t *ret_words)
{
    const struct term_state s = t->st[q];
    const struct expr_node x = t->ex.node[s.e];
    if ((s.kind != K_AT && s.kind != K_OPEN) || s.enc != ENC_CANON || x.kind != EX_NOT)
        return false;
    if (t->ex.node[x.a].flags & (EXF_LOGIC | EXF_ENDLESS))
        return false;
    struct term_state other = { .kind = s.kind, .enc = s.enc, .e = EXPR_ALL };
    *ret_base = terminal_intern(t, other);
    other.e = x.a;
    *ret_words = terminal_intern(t, other);
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

/* ---- sets that may be read over and over ---------------------------------------------------- */

static void add_bits(uint64_t set[2], uint32_t lo, uint32_t hi)
{
    for (uint32_t b = lo; b <= hi && b < 128; b++)
        set[b / 64] |= 1ull << (b % 64);
}

/* The code points of ascending arcs: ASCII into *set; whether all beyond are there, whether any is. */
static void add_arcs(struct arc_list l, const uint32_t *only, uint64_t set[2], bool *ret_all_high, bool *ret_high)
{
    uint32_t high = 0x80;
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < EXPR_LABEL; i++) {
        const struct arc a = l.arc[i];
        if (only && a.to != *only)
            continue;
        add_bits(set, a.lo, a.hi);
        *ret_high |= a.hi >= 0x80;
        if (high == CP_SURROGATE && a.lo > high)
            high = CP_SURROGATE_END + 1;
        if (a.lo <= high && a.hi >= high)
            high = a.hi + 1;
    }
    *ret_all_high = high > CP_MAX;
}

/* `lead` gets what can be read in e and is not in the set. */
static void add_lead(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    bool all, high = false;
    uint64_t set[2] = { 0 };
    add_arcs(expr_live_arcs(&t->ex, e), NULL, set, &all, &high);
    for (int k = 0; k < 2; k++)
        c->lead[k] |= set[k] & ~c->stay[k];
    c->lead[0] |= high && !c->high_stay;
}

/* A state that leads back to itself. */
static bool class_of_loop(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    bool high = false;
    *c = (struct terminal_class){ .hi = EXPR_INF };
    add_arcs(expr_live_arcs(&t->ex, e), &e, c->stay, &c->high_stay, &high);
    if (!(c->stay[0] | c->stay[1]) && !c->high_stay)
        return false;
    add_lead(t, e, c);
    return true;
}

/* lo..hi code points of a set, then the rest. */
static bool class_of_run(struct terminals *t, uint32_t rep, uint32_t rest, struct terminal_class *c)
{
    const struct expr_node x = t->ex.node[rep];
    bool high = false;
    uint32_t set = x.kind == EX_REP ? x.a : rep;
    if (t->ex.node[set].kind != EX_SET || (x.kind == EX_REP && x.c < 2) || !expr_live(&t->ex, rest))
        return false;
    *c = (struct terminal_class){ .hi = x.kind == EX_REP ? x.c : 1 };
    add_arcs(expr_live_arcs(&t->ex, set), NULL, c->stay, &c->high_stay, &high);
    c->lead[0] |= high && !c->high_stay;
    add_lead(t, rest, c);
    return true;
}

static bool class_at(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    const struct expr_node x = t->ex.node[e];
    if (class_of_loop(t, e, c))
        return true;
    if (x.kind == EX_REP)
        return class_of_run(t, e, EXPR_EPS, c);
    if (x.kind == EX_CAT && !expr_nullable(&t->ex, x.b))
        return class_of_run(t, x.a, x.b, c);
    if (x.kind != EX_AND || x.b != 2)
        return false;
    /* a bound on the length of something that can end soon */
    for (uint32_t i = 0; i < 2; i++) {
        const struct expr_node n = t->ex.node[t->ex.kid[x.a + i]];
        uint32_t other = t->ex.kid[x.a + 1 - i];
        if (n.kind != EX_REP || n.a != EXPR_ANY || !class_of_loop(t, other, c))
            continue;
        size_t least = expr_shortest(&t->ex, other, false);
        c->hi = n.c == EXPR_INF ? EXPR_INF : n.c > least ? n.c - (uint32_t)least : 0;
        return n.b == 0 && c->hi > 1;
    }
    return false;
}

/* The first code point leads to such a state: the one that most of them lead to. */
static bool class_behind(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    struct arc_list l = expr_live_arcs(&t->ex, e);
    uint32_t best = EXPR_EMPTY, width = 0;
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < 128; i++) {
        uint32_t n = 0;
        for (uint32_t k = i; k < l.n && l.arc[k].lo < 128; k++)
            n += l.arc[k].to == l.arc[i].to ? (l.arc[k].hi < 128 ? l.arc[k].hi : 127) - l.arc[k].lo + 1 : 0;
        if (n > width) {
            best = l.arc[i].to;
            width = n;
        }
    }
    if (width < 8 || !class_at(t, best, c))
        return false;
    uint64_t first[2] = { 0 };
    bool all_high, high = false;
    add_arcs(l, &best, first, &all_high, &high);
    c->high_stay &= all_high;
    c->lead[0] |= !c->high_stay;
    for (int k = 0; k < 2; k++)
        c->not_first[k] = c->stay[k] & ~first[k];
    c->hi = c->hi == EXPR_INF ? EXPR_INF : c->hi + 1;
    return true;
}

bool terminal_class(struct terminals *t, uint32_t q, struct terminal_class *ret)
{
    const struct term_state s = t->st[q];
    bool raw = s.enc == ENC_RAW;
    if (s.kind != K_AT || (t->ex.node[s.e].flags & EXF_LABEL))
        return false;
    /* raw text may end between any two code points: only a state that stays the same tells where */
    if (!(raw ? class_of_loop(t, s.e, ret) : class_at(t, s.e, ret) || class_behind(t, s.e, ret)))
        return false;
    if (!raw) {
        static const uint64_t kept[2] = { ~(0xffffffffull | 1ull << '"'), ~(1ull << ('\\' - 64)) };
        for (int k = 0; k < 2; k++) {
            ret->stay[k] &= kept[k];
            ret->lead[k] &= kept[k] | 1;
        }
        add_bits(ret->lead, '"', '"');
        add_bits(ret->lead, '\\', '\\');
    }
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
