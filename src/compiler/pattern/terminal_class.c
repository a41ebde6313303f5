/* terminal_class.c - sets of code points that a leaf state may read over and over.
 *
 * Every text of such a set may be read, whatever the order: a mask takes those tokens from the
 * vocabulary at once.  The set is found in one of four shapes:
 *
 *      loop      a place that leads back to itself          [^"]*
 *      closed    a few places that lead to each other       .*(no)?\.gif
 *      run       some number of times, then the rest        [0-9a-f]{8}-
 *      chain     one place after the other                  counts within counts */
#include "compiler/pattern/terminal_int.h"

enum { WIDE = 24, CHAIN_MAX = 24, CLOSED_MAX = 24 };

static void add_bits(uint64_t set[2], uint32_t lo, uint32_t hi)
{
    for (uint32_t b = lo; b <= hi && b < 128; b++)
        set[b / 64] |= 1ull << (b % 64);
}

/* Code points whose UTF-8 begins with 0xc0 + i: the first, and how many (no surrogates). */
static uint32_t led_by(uint32_t i, uint32_t *ret_n)
{
    uint32_t lead = 0xc0 + i, at = 0;
    *ret_n = 0;
    if (lead >= 0xc2 && lead <= 0xdf) {
        at = i * 64;
        *ret_n = 64;
    } else if (lead >= 0xe0 && lead <= 0xef) {
        at = lead == 0xe0 ? 0x800 : (lead - 0xe0) * 0x1000;
        *ret_n = lead == 0xe0 || lead == 0xed ? 0x800 : 0x1000;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
        at = lead == 0xf0 ? 0x10000 : (lead - 0xf0) * 0x40000;
        *ret_n = lead == 0xf0 ? 0x30000 : lead == 0xf4 ? 0x10000 : 0x40000;
    }
    return at;
}

/* The number of the byte that a code point begins with. */
static uint32_t lead_of(uint32_t cp)
{
    return cp < 0x80 ? 2 : cp < 0x800 ? cp >> 6 : cp < 0x10000 ? 32 + (cp >> 12) : 48 + (cp >> 18);
}

/* The bytes that code points of lo..hi beyond ASCII begin with. */
static uint64_t leads(uint32_t lo, uint32_t hi)
{
    uint32_t from = lead_of(lo > 0x80 ? lo : 0x80);
    return hi < 0x80 ? 0 : (2ull << lead_of(hi < CP_MAX ? hi : CP_MAX)) - (1ull << from);
}

/* The bytes that code points of ascending arcs begin with: those of all, and of any of theirs.  `only`:
 * arcs to one expression. */
static void bytes_of(struct arc_list l, const uint32_t *only, struct lead_bytes *all, struct lead_bytes *any)
{
    uint32_t have[64] = { 0 };
    *all = (struct lead_bytes){ { 0, 0 }, 0 };
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < EXPR_LABEL; i++) {
        const struct arc a = l.arc[i];
        if (only && a.to != *only)
            continue;
        add_bits(all->ascii, a.lo, a.hi);
        for (uint32_t k = lead_of(a.lo); a.hi >= 0x80 && k <= lead_of(a.hi); k++) {
            uint32_t n, at = led_by(k, &n), from = a.lo > at ? a.lo : at;
            uint32_t to = a.hi < at + n - 1 ? a.hi : at + n - 1;
            have[k] += n && from <= to ? to - from + 1 : 0;
        }
    }
    *any = *all;
    for (uint32_t k = 2; k < 53; k++) {
        uint32_t n;
        led_by(k, &n);
        all->up |= (uint64_t)(n && have[k] == n) << k;
        any->up |= (uint64_t)(have[k] != 0) << k;
    }
}

static struct lead_bytes without(struct lead_bytes a, struct lead_bytes b)
{
    return (struct lead_bytes){ { a.ascii[0] & ~b.ascii[0], a.ascii[1] & ~b.ascii[1] }, a.up & ~b.up };
}

static struct lead_bytes with(struct lead_bytes a, struct lead_bytes b)
{
    return (struct lead_bytes){ { a.ascii[0] | b.ascii[0], a.ascii[1] | b.ascii[1] }, a.up | b.up };
}

static bool some(struct lead_bytes a)
{
    return a.ascii[0] | a.ascii[1] | a.up;
}

static bool meet(struct lead_bytes a, struct lead_bytes b)
{
    return (a.ascii[0] & b.ascii[0]) | (a.ascii[1] & b.ascii[1]) | (a.up & b.up);
}

static uint32_t n_ascii(struct lead_bytes a)
{
    uint32_t n = 0;
    for (int k = 0; k < 2; k++)
        for (uint64_t w = a.ascii[k]; w; w &= w - 1)
            n++;
    return n;
}

/* Bytes of e's code points; `lead` gets those not of the set. */
static struct lead_bytes add_lead(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    struct lead_bytes all, any;
    bytes_of(expr_live_arcs(&t->ex, e), NULL, &all, &any);
    c->lead = with(c->lead, without(any, c->stay));
    return any;
}

/* In a string these cannot stand for themselves. */
static const struct lead_bytes barred = { { 0xffffffffull | 1ull << '"', 1ull << ('\\' - 64) }, 0 };

struct place {
    uint32_t          e;
    struct lead_bytes by;       /* bytes that led here first */
};

/* Adds the places that code points of the set lead to; false: too many. */
static bool add_places(struct terminals *t, uint32_t e, struct lead_bytes set, struct place *place, uint32_t *n)
{
    struct arc_list l = expr_live_arcs(&t->ex, e);
    for (uint32_t i = 0; i < l.n && l.arc[i].lo < EXPR_LABEL; i++) {
        struct lead_bytes by = { { 0, 0 }, set.up & leads(l.arc[i].lo, l.arc[i].hi) };
        add_bits(by.ascii, l.arc[i].lo, l.arc[i].hi);
        for (uint32_t k = 0; k < 2; k++)
            by.ascii[k] &= set.ascii[k];
        uint32_t k = 0;
        while (k < *n && place[k].e != l.arc[i].to)
            k++;
        if (k < *n || !some(by))
            continue;
        if (*n == CLOSED_MAX)
            return false;
        place[(*n)++] = (struct place){ l.arc[i].to, by };
    }
    return true;
}

/* Where most ASCII code points of e lead; EXPR_EMPTY: to no one place. */
static uint32_t widest(struct terminals *t, uint32_t e)
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
    return width < 8 ? EXPR_EMPTY : best;
}

/* A few places between which every code point of the set leads; `narrow`: a set that leads from e to one.  Where some of it does not lead on
 * from a place, either that is left out of the set or what leads to the place.  *ret_least, *ret_most:
 * code points from a place to the end. */
static bool class_of_closed(struct terminals *t, uint32_t e, bool narrow, struct terminal_class *c,
                            size_t *ret_least, size_t *ret_most)
{
    struct place place[CLOSED_MAX] = { { e, { { 0, 0 }, 0 } } };
    struct lead_bytes all, any;
    uint32_t n = 1, best = narrow ? widest(t, e) : EXPR_EMPTY;
    *c = (struct terminal_class){ .hi = EXPR_INF };
    bytes_of(expr_live_arcs(&t->ex, e), narrow ? &best : NULL, &c->stay, &any);
    c->stay = without(c->stay, barred);
    for (uint32_t i = 0; i < n; i++) {
        if (n_ascii(c->stay) < WIDE || terminals_failed(t))
            return false;
        bytes_of(expr_live_arcs(&t->ex, place[i].e), NULL, &all, &any);
        struct lead_bytes lost = without(c->stay, all);
        if (some(lost)) {               /* from the start with a smaller set */
            c->stay = without(c->stay, i && n_ascii(place[i].by) < n_ascii(lost) ? place[i].by : lost);
            n = 1;
            i = UINT32_MAX;
        } else if (!add_places(t, place[i].e, c->stay, place, &n)) {
            return false;
        }
    }
    *ret_least = SIZE_MAX;
    *ret_most = 0;
    for (uint32_t i = 0; i < n; i++) {
        add_lead(t, place[i].e, c);
        size_t left = expr_shortest(&t->ex, place[i].e, false);
        *ret_least = left < *ret_least ? left : *ret_least;
        *ret_most = left > *ret_most ? left : *ret_most;
    }
    return true;
}

/* A state that leads back to itself. */
static bool class_of_loop(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    struct lead_bytes any;
    *c = (struct terminal_class){ .hi = EXPR_INF };
    bytes_of(expr_live_arcs(&t->ex, e), &e, &c->stay, &any);
    if (!some(c->stay))
        return false;
    add_lead(t, e, c);
    return true;
}

/* lo..hi code points of a set, then the rest. */
static bool class_of_run(struct terminals *t, uint32_t rep, uint32_t rest, struct terminal_class *c)
{
    const struct expr_node x = t->ex.node[rep];
    uint32_t set = x.kind == EX_REP ? x.a : rep;
    if (t->ex.node[set].kind != EX_SET || x.kind != EX_REP || x.c < 2 || !expr_live(&t->ex, rest))
        return false;
    struct lead_bytes any;
    *c = (struct terminal_class){ .hi = x.c };
    bytes_of(expr_live_arcs(&t->ex, set), NULL, &c->stay, &any);
    c->lead = without(any, c->stay);
    c->beyond = meet(add_lead(t, rest, c), c->stay);
    return true;
}

/* Ends in any text, so that there is an end at every length from the shortest on. */
static bool ends_in_all(const struct expr_pool *p, uint32_t e)
{
    while (p->node[e].kind == EX_CAT)
        e = p->node[e].b;
    return e == EXPR_ALL;
}

static bool class_at(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    const struct expr_node x = t->ex.node[e];
    struct terminal_class closed;
    size_t least, most;
    bool loops = class_of_loop(t, e, c);
    if (loops && !some(without(c->lead, barred)))
        return true;
    uint32_t have = loops ? n_ascii(without(c->stay, barred)) : 0;
    bool closes = class_of_closed(t, e, false, &closed, &least, &most) ||
                  (loops && have < WIDE && class_of_closed(t, e, true, &closed, &least, &most));
    if (closes && n_ascii(closed.stay) >= have)
        *c = closed;
    if (loops || closes)
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
        if (n.kind != EX_REP || n.a != EXPR_ANY || !class_of_closed(t, other, false, c, &least, &most))
            continue;
        c->hi = n.c == EXPR_INF ? EXPR_INF : n.c > most ? n.c - (uint32_t)most : 0;
        c->beyond = least < most;
        return (n.b == 0 || ends_in_all(&t->ex, other)) && c->hi > 1;
    }
    return false;
}

/* The first code point leads to such a state: the one that most of them lead to. */
static bool class_behind(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    uint32_t best = widest(t, e);
    struct lead_bytes all, any;
    if (best == EXPR_EMPTY || !class_at(t, best, c))
        return false;
    bytes_of(expr_live_arcs(&t->ex, e), &best, &all, &any);
    c->not_first = without(c->stay, all);
    c->not_first.up = 0;
    c->lead.up |= c->stay.up & ~all.up;
    c->stay.up &= all.up;
    add_lead(t, e, c);
    c->hi = c->hi == EXPR_INF ? EXPR_INF : c->hi + 1;
    return true;
}

/* One place after the other, each for all code points of the set. */
static bool class_of_chain(struct terminals *t, uint32_t e, struct terminal_class *c)
{
    *c = (struct terminal_class){ .hi = 0 };
    for (; c->hi < CHAIN_MAX && e != EXPR_EMPTY && !terminals_failed(t); c->hi++) {
        uint32_t next = widest(t, e);
        struct lead_bytes all, any;
        bytes_of(expr_live_arcs(&t->ex, e), &next, &all, &any);
        if (!c->hi)
            c->stay = all;
        if (next == EXPR_EMPTY || n_ascii(c->stay) < WIDE || some(without(c->stay, all)))
            break;
        add_lead(t, e, c);
        e = next;
    }
    c->beyond = meet(add_lead(t, e, c), c->stay);
    return c->hi > 1;
}

bool terminal_class(struct terminals *t, uint32_t q, struct terminal_class *ret)
{
    const struct term_state s = t->st[q];
    bool raw = s.enc == ENC_RAW;
    if (s.kind != K_AT || (t->ex.node[s.e].flags & EXF_LABEL))
        return false;
    /* raw text may end between any two code points: only a state that stays the same tells where */
    if (!(raw ? class_of_loop(t, s.e, ret)
              : class_at(t, s.e, ret) || class_behind(t, s.e, ret) || class_of_chain(t, s.e, ret)))
        return false;
    if (!raw) {
        ret->stay = without(ret->stay, barred);
        ret->lead = without(ret->lead, barred);
        add_bits(ret->lead.ascii, '"', '"');
        add_bits(ret->lead.ascii, '\\', '\\');
    }
    return !terminals_failed(t);
}

struct lead_bytes terminal_stays(struct terminals *t, uint32_t q)
{
    struct lead_bytes stay = { { 0, 0 }, 0 }, any;
    const struct term_state s = t->st[q];
    if (terminal_in_string(t, q))
        bytes_of(expr_live_arcs(&t->ex, s.e), &s.e, &stay, &any);
    return without(stay, barred);
}
