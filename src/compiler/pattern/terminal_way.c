/* terminal_way.c - the shortest way from a leaf state to its end, and its text. */
#include "compiler/pattern/terminal_int.h"

#include <string.h>

#include "base/utf8.h"

static size_t residual(struct terminals *t, uint32_t e, bool json)
{
    size_t n = expr_shortest(&t->ex, e, json);
    return n == SIZE_MAX ? n : n + json;
}

/* The code point of from..to to read: a letter, a digit or a blank where it costs no more, for the
 * text is shown to people. */
static uint32_t shown(uint32_t from, uint32_t to, bool json)
{
    static const uint32_t probe[] = { 'a', '0', ' ', '-', '#', ']', 10, 9, 13, 8, 12 };
    uint32_t cp = from;
    for (int k = 0; k < 11; k++)
        if (probe[k] >= from && probe[k] <= to &&
            (cp_bytes(probe[k], json) < cp_bytes(cp, json) ||
             (cp < 0x20 && cp_bytes(probe[k], json) == cp_bytes(cp, json))))
            cp = probe[k];
    return cp;
}

/* A search has left the way that it found: the code point that goes on with it needs no other. */
static bool goes_on(struct terminals *t, const struct term_state *s, size_t whole, uint32_t *ret_cp)
{
    struct arc_list l = expr_arcs(&t->ex, s->e);
    bool json = s->enc != ENC_RAW;
    for (uint32_t i = 0; i < l.n && l.arc[i].lo <= CP_MAX; i++) {
        uint32_t cp = shown(l.arc[i].lo, l.arc[i].hi < CP_MAX ? l.arc[i].hi : CP_MAX, json);
        size_t n = cp_bytes(cp, json) + json;
        if (n <= whole && expr_at_most(&t->ex, l.arc[i].to, json) == whole - n) {
            *ret_cp = cp;
            return true;
        }
    }
    return false;
}

/* Cheapest code point of lo..hi to read next, counting `own` bytes for itself unless own is 0,
 * where its spelling is counted. */
static size_t cheapest(struct terminals *t, const struct term_state *s, uint32_t lo, uint32_t hi,
                       size_t own, uint32_t *ret_cp)
{
    struct arc_list l = expr_arcs(&t->ex, s->e);       /* what is dead has no length */
    bool json = s->enc != ENC_RAW;
    size_t best = SIZE_MAX, whole = own ? 0 : residual(t, s->e, json);
    if (!own && whole != SIZE_MAX && goes_on(t, s, whole, ret_cp))
        return whole;
    for (uint32_t i = arc_first(l, lo, hi); i < l.n && l.arc[i].lo <= hi && best > whole; i++) {
        uint32_t from = l.arc[i].lo > lo ? l.arc[i].lo : lo, to = l.arc[i].hi < hi ? l.arc[i].hi : hi;
        uint32_t cp = own ? from : shown(from, to, json);
        size_t n = own ? own : cp_bytes(cp, json), least = expr_at_least(&t->ex, l.arc[i].to, json);
        bool worse = best <= n || least >= best - n;
        size_t rest = worse ? SIZE_MAX : residual(t, l.arc[i].to, json);
        if (rest != SIZE_MAX && rest + n < best) {
            best = rest + n;
            *ret_cp = cp;
        }
    }
    return best;
}

static void way_add(struct way *w, const char *text, int n)
{
    memcpy(w->byte + w->n, text, (size_t)n);
    w->n += n;
}

/* The last `left` digits of a four-digit escape. */
static void way_hex(struct way *w, uint32_t v, int left)
{
    static const char digit[] = "0123456789abcdef";
    for (int i = left; i > 0; i--)
        w->byte[w->n++] = digit[v >> (4 * (i - 1)) & 15];
}

void terminal_way_cp(struct way *w, uint32_t cp, bool json)
{
    char utf8[4];
    if (json && (cp == '"' || cp == '\\' || cp < 0x20)) {
        static const char letter[] = "btnvfr";
        way_add(w, "\\", 1);
        if (cp == '"' || cp == '\\') {
            w->byte[w->n++] = (char)cp;
        } else if (terminal_has_short(cp)) {
            w->byte[w->n++] = letter[cp - 8];
        } else {
            way_add(w, "u", 1);
            way_hex(w, cp, 4);
        }
        return;
    }
    way_add(w, utf8, utf8_encode(cp, utf8));
}

static void way_at(struct terminals *t, const struct term_state *s, struct way *w, bool end)
{
    bool json = s->enc != ENC_RAW;
    uint32_t cp = 0;
    if ((end || json) && terminal_accepts_here(t, s->e)) {
        w->cost = json;
        if (json)
            way_add(w, "\"", 1);
        return;
    }
    w->cost = cheapest(t, s, 0, CP_MAX, 0, &cp);
    if (w->cost != SIZE_MAX)
        terminal_way_cp(w, cp, json);
}

static void way_hex_state(struct terminals *t, const struct term_state *s, struct way *w)
{
    uint32_t lo = s->v << (4 * s->left), hi = lo | ((1u << (4 * s->left)) - 1), cp = 0;
    if (s->enc == ENC_CANON) {
        for (uint32_t c = lo; c <= hi && c < 0x20; c++) {
            uint32_t got;
            size_t n = terminal_has_short(c) ? SIZE_MAX : cheapest(t, s, c, c, s->left, &got);
            if (n < w->cost) {
                w->cost = n;
                cp = c;
            }
        }
    } else {
        w->cost = cheapest(t, s, lo, hi, s->left, &cp);
    }
    if (w->cost != SIZE_MAX) {
        way_hex(w, cp, s->left);
        return;
    }
    if (hi < 0xd800 || lo > 0xdbff)
        return;
    lo = 0x10000 + (((lo < 0xd800 ? 0xd800 : lo) - 0xd800) << 10);
    hi = 0x10000 + (((hi > 0xdbff ? 0xdbff : hi) - 0xd800) << 10) + 0x3ff;
    w->cost = cheapest(t, s, lo, hi, s->left + 6u, &cp);
    if (w->cost == SIZE_MAX)
        return;
    way_hex(w, 0xd800 + ((cp - 0x10000) >> 10), s->left);
    way_add(w, "\\u", 2);
    way_hex(w, 0xdc00 + (cp & 0x3ff), 4);
}

static void way_esc(struct terminals *t, const struct term_state *s, struct way *w)
{
    static const char key[] = "nt\"\\/bfr";
    for (int i = 0; key[i]; i++) {
        int cp = terminal_short_escape((uint8_t)key[i], s->enc);
        uint32_t got;
        size_t n = cp < 0 ? SIZE_MAX : cheapest(t, s, (uint32_t)cp, (uint32_t)cp, 1, &got);
        if (n < w->cost) {
            w->cost = n;
            w->n = 0;
            way_add(w, key + i, 1);
        }
    }
    if (w->cost != SIZE_MAX)
        return;
    struct term_state hex = { .kind = K_HEX, .enc = s->enc, .left = 4, .e = s->e };
    way_add(w, "u", 1);
    way_hex_state(t, &hex, w);
    if (w->cost != SIZE_MAX)
        w->cost++;
}

static void way_low(struct terminals *t, const struct term_state *s, struct way *w)
{
    int digits = s->left > 4 ? 4 : s->left;
    uint32_t high = digits == 4 ? s->v : s->v >> (digits == 3 ? 0 : 2 + 4 * (2 - digits));
    uint32_t lo, hi, cp = 0;
    if (digits >= 3) {          /* no bit of the lower half is read yet */
        lo = 0x10000 + (high << 10);
        hi = lo + 0x3ff;
    } else {
        lo = 0x10000 + (s->v << (4 * digits));
        hi = lo | ((1u << (4 * digits)) - 1);
    }
    w->cost = cheapest(t, s, lo, hi, s->left, &cp);
    if (w->cost == SIZE_MAX)
        return;
    if (s->left == 6)
        way_add(w, "\\", 1);
    if (s->left >= 5)
        way_add(w, "u", 1);
    way_hex(w, 0xdc00 + (cp & 0x3ff), digits);
}

static void way_cont(struct terminals *t, const struct term_state *s, struct way *w)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t lo = s->v << (6 * s->left), hi = lo | ((1u << (6 * s->left)) - 1), cp = 0;
    char utf8[4];
    w->cost = cheapest(t, s, lo < least[s->size] ? least[s->size] : lo, hi > CP_MAX ? CP_MAX : hi,
                       s->left, &cp);
    if (w->cost == SIZE_MAX)
        return;
    utf8_encode(cp, utf8);
    way_add(w, utf8 + s->size - s->left, s->left);
}

static void way_number(struct terminals *t, const struct term_state *s, struct way *w, bool end)
{
    static const char symbol[] = "0123456789-.";
    const struct num_dfa *d = t->num[s->e];
    if (end && d->accept[s->v]) {
        w->cost = 0;
        return;
    }
    uint32_t best = NUM_SYMBOLS;
    for (uint32_t i = 0; i < NUM_SYMBOLS; i++) {
        uint32_t to = d->next[s->v * NUM_SYMBOLS + i];
        if (to && d->dist[to] + 1ul < w->cost) {
            w->cost = d->dist[to] + 1ul;
            best = i;
        }
    }
    if (best < NUM_SYMBOLS)
        way_add(w, symbol + best, 1);
}

/* `end`: an accepting state is an end; else one code point more is read. */
static struct way way_on(struct terminals *t, uint32_t q, bool end)
{
    struct way w = { .cost = SIZE_MAX };
    const struct term_state s = t->st[q];
    switch (s.kind) {
    case K_AT:
        way_at(t, &s, &w, end);
        break;
    case K_OPEN:
        w.cost = residual(t, s.e, true);
        w.cost += w.cost != SIZE_MAX;
        way_add(&w, "\"", 1);
        break;
    case K_DONE:
        w.cost = end ? 0 : SIZE_MAX;
        break;
    case K_CONT:
        way_cont(t, &s, &w);
        break;
    case K_SKIP:
        w.cost = residual(t, s.e, s.enc != ENC_RAW);
        w.cost += w.cost != SIZE_MAX ? s.left : 0;
        way_add(&w, "\x80\x80\x80", s.left);
        break;
    case K_ESC:
        way_esc(t, &s, &w);
        break;
    case K_HEX:
        way_hex_state(t, &s, &w);
        break;
    case K_LOW:
        way_low(t, &s, &w);
        break;
    case K_NUM:
        way_number(t, &s, &w, end);
        break;
    default:
        break;
    }
    return w;
}

size_t terminal_shortest(struct terminals *t, uint32_t q)
{
    return way_on(t, q, true).cost;
}

size_t terminal_further(struct terminals *t, uint32_t q)
{
    return way_on(t, q, false).cost;
}

bool terminal_complete(struct terminals *t, uint32_t q, uint64_t work_most, struct str *out)
{
    bool end = false;
    do {
        struct way w = way_on(t, q, end);
        if (terminals_failed(t) || t->ex.work > work_most || w.cost == SIZE_MAX || !w.n)
            return false;
        for (int i = 0; i < w.n; i++)
            q = terminal_step(t, q, (uint8_t)w.byte[i]);
        str_add(out, w.byte, (size_t)w.n);
        if (q == TERM_DEAD)
            return false;
        end = true;
    } while (!terminal_accepts(t, q));
    return true;
}

bool terminal_has_labels(const struct terminals *t, uint32_t q)
{
    return t->st[q].kind != K_NUM && (t->ex.node[t->st[q].e].flags & EXF_LABEL);
}

uint32_t terminal_restrict(struct terminals *t, uint32_t q, uint32_t label)
{
    struct term_state s = t->st[q];
    uint32_t mark = expr_range(&t->ex, EXPR_LABEL + label, EXPR_LABEL + label);
    s.e = expr_and2(&t->ex, s.e, expr_cat(&t->ex, EXPR_ALL, mark));
    s.row = NULL;
    s.n_step = 0;
    if (!expr_live(&t->ex, s.e))
        return TERM_DEAD;
    if (s.kind == K_CONT || s.kind == K_HEX || s.kind == K_LOW || s.kind == K_ESC) {
        /* The unfinished code point must still lead somewhere. */
        uint32_t id = terminal_intern(t, s);
        return terminal_shortest(t, id) == SIZE_MAX ? TERM_DEAD : id;
    }
    return terminal_intern(t, s);
}

void terminal_dump(const struct terminals *t, uint32_t q, struct str *out)
{
    static const char *const enc[] = { "raw ", "json ", "canonical " };
    const struct term_state *s = &t->st[q];
    if (s->kind == K_NUM) {
        str_addf(out, "number of %u states", t->num[s->e]->n);
        return;
    }
    str_adds(out, enc[s->enc]);
    expr_dump(&t->ex, s->e, out);
}
