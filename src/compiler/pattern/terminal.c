/* terminal.c - states of leaves, made when a byte asks for them.
 *
 * What has been read of an unfinished code point is part of the state; as soon as every code point
 * that is still possible leads to the same residual, only the number of bytes to come is kept, so
 * that the fragments of a script share a few states. */
#include "compiler/pattern/terminal.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

enum kind {
    K_NONE, K_DEAD,
    K_AT,           /* between code points, residual e */
    K_OPEN,         /* before the opening quote */
    K_DONE,         /* behind the closing quote */
    K_CONT,         /* left continuation bytes to come, bits v so far, size bytes in all */
    K_SKIP,         /* left continuation bytes to come, whatever they are: then e */
    K_ESC,          /* behind a backslash */
    K_HEX,          /* behind \u and (4 - left) digits, v */
    K_LOW,          /* behind a high surrogate v: left = 6 \, 5 u, 4.. digits; lower half in size bits */
    K_NUM,
};

enum { STATE_MAX = 1u << 20, ROW_MAX = 1u << 14, STEPS_BEFORE_ROW = 6 };

static uint32_t give_up(struct terminals *t, enum status st)
{
    if (t->ex.failed == ST_OK)
        t->ex.failed = st;
    return TERM_DEAD;
}

static uint64_t state_hash(const struct term_state *s)
{
    uint64_t a = (uint64_t)s->e << 32 | s->v;
    return hash_combine(hash_u64(a), (uint64_t)s->kind | (uint64_t)s->enc << 8 |
                                     (uint64_t)s->left << 16 | (uint64_t)s->size << 24);
}

static bool state_same(const struct term_state *a, const struct term_state *b)
{
    return a->kind == b->kind && a->enc == b->enc && a->left == b->left && a->size == b->size &&
           a->e == b->e && a->v == b->v;
}

static bool accepts_here(struct terminals *t, uint32_t e)
{
    if (expr_nullable(&t->ex, e))
        return true;
    if (!(t->ex.node[e].flags & EXF_LABEL))
        return false;
    struct arc_list l = expr_live_arcs(&t->ex, e);
    return l.n && l.arc[l.n - 1].hi >= EXPR_LABEL;
}

static bool reads_here(struct terminals *t, uint32_t e)
{
    struct arc_list l = expr_live_arcs(&t->ex, e);
    return l.n && l.arc[0].lo < EXPR_LABEL;
}

static uint8_t state_flags(struct terminals *t, const struct term_state *s)
{
    uint8_t f = 0;
    switch (s->kind) {
    case K_AT:
        if (s->enc != ENC_RAW)
            return TERM_MORE;
        if (accepts_here(t, s->e))
            f |= TERM_ACCEPT;
        return reads_here(t, s->e) ? f | TERM_MORE : f;
    case K_DONE:
        return TERM_ACCEPT;
    case K_NUM:
        if (t->num[s->e]->accept[s->v])
            f |= TERM_ACCEPT;
        return t->num[s->e]->more[s->v] ? f | TERM_MORE : f;
    default:
        return TERM_MORE;
    }
}

static bool grow_slots(struct terminals *t)
{
    if ((t->n + 1) * 2 <= t->n_slot)
        return true;
    uint32_t n = t->n_slot ? t->n_slot * 2 : 256;
    uint32_t *slot = mem_calloc(n, sizeof *slot);
    if (!slot)
        return false;
    for (uint32_t i = 0; i < t->n; i++) {
        uint32_t k = (uint32_t)state_hash(&t->st[i]) & (n - 1);
        while (slot[k])
            k = (k + 1) & (n - 1);
        slot[k] = i + 1;
    }
    mem_free(t->slot);
    t->slot = slot;
    t->n_slot = n;
    return true;
}

static uint32_t intern(struct terminals *t, struct term_state s)
{
    if (terminals_failed(t))
        return TERM_DEAD;
    if (!grow_slots(t))
        return give_up(t, ST_NOMEM);
    uint32_t k = (uint32_t)state_hash(&s) & (t->n_slot - 1);
    for (; t->slot[k]; k = (k + 1) & (t->n_slot - 1))
        if (state_same(&t->st[t->slot[k] - 1], &s))
            return t->slot[k] - 1;
    if (t->n >= STATE_MAX)
        return give_up(t, ST_LIMIT);
    s.flags = state_flags(t, &s);
    if (terminals_failed(t))
        return TERM_DEAD;
    struct term_state *x = array_push(&t->st, &t->n, &t->cap, sizeof *x);
    if (!x)
        return give_up(t, ST_NOMEM);
    *x = s;
    t->slot[k] = t->n;
    return t->n - 1;
}

/* ---- code points ---------------------------------------------------------------------------- */

static uint32_t at(struct terminals *t, uint32_t e, uint8_t enc)
{
    return e == EXPR_EMPTY ? TERM_DEAD : intern(t, (struct term_state){ .kind = K_AT, .enc = enc, .e = e });
}

static uint32_t read_cp(struct terminals *t, const struct term_state *s, uint32_t cp)
{
    const struct arc *a = arc_find(expr_live_arcs(&t->ex, s->e), cp);
    return a ? at(t, a->to, s->enc) : TERM_DEAD;
}

/* Index of the first arc that meets lo..hi; l.n when none does. */
static uint32_t first_arc(struct arc_list l, uint32_t lo, uint32_t hi)
{
    uint32_t a = 0, b = l.n;
    while (a < b) {
        uint32_t mid = (a + b) / 2;
        if (l.arc[mid].hi < lo)
            a = mid + 1;
        else
            b = mid;
    }
    return a < l.n && l.arc[a].lo <= hi ? a : l.n;
}

static bool meets(struct terminals *t, uint32_t e, uint32_t lo, uint32_t hi)
{
    struct arc_list l = expr_live_arcs(&t->ex, e);
    return first_arc(l, lo, hi) < l.n;
}

/* Inside a code point of `size` bytes with `left` to come. */
static uint32_t cont(struct terminals *t, const struct term_state *s, uint32_t v, uint8_t left,
                     uint8_t size)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t lo = v << (6 * left), hi = lo | ((1u << (6 * left)) - 1);
    struct arc_list l = expr_live_arcs(&t->ex, s->e);
    uint32_t from = lo < least[size] ? least[size] : lo, to = hi > CP_MAX ? CP_MAX : hi;
    uint32_t i = from <= to ? first_arc(l, from, to) : l.n;
    if (i == l.n)
        return TERM_DEAD;
    if (from == lo && to == hi && l.arc[i].lo <= lo && l.arc[i].hi >= hi)
        return intern(t, (struct term_state){ .kind = K_SKIP, .enc = s->enc, .left = left,
                                              .e = l.arc[i].to });
    return intern(t, (struct term_state){ .kind = K_CONT, .enc = s->enc, .left = left, .size = size,
                                          .e = s->e, .v = v });
}

static uint32_t step_cont(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if ((b & 0xc0) != 0x80)
        return TERM_DEAD;
    uint32_t v = s->v << 6 | (b & 0x3f);
    if (s->left > 1)
        return cont(t, s, v, (uint8_t)(s->left - 1), s->size);
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    return v < least[s->size] ? TERM_DEAD : read_cp(t, s, v);
}

static uint32_t step_skip(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if ((b & 0xc0) != 0x80)
        return TERM_DEAD;
    if (s->left == 1)
        return at(t, s->e, s->enc);
    return intern(t, (struct term_state){ .kind = K_SKIP, .enc = s->enc, .left = (uint8_t)(s->left - 1),
                                          .e = s->e });
}

static uint32_t step_raw(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if (b < 0x80)
        return read_cp(t, s, b);
    if (b >= 0xc2 && b <= 0xdf)
        return cont(t, s, b & 0x1fu, 1, 2);
    if (b >= 0xe0 && b <= 0xef)
        return cont(t, s, b & 0x0fu, 2, 3);
    if (b >= 0xf0 && b <= 0xf4)
        return cont(t, s, b & 0x07u, 3, 4);
    return TERM_DEAD;
}

/* ---- JSON strings --------------------------------------------------------------------------- */

static int short_escape(uint8_t b, uint8_t enc)
{
    switch (b) {
    case '"': return '"';
    case '\\': return '\\';
    case '/': return enc == ENC_JSON ? '/' : -1;
    case 'b': return 8;
    case 'f': return 12;
    case 'n': return 10;
    case 'r': return 13;
    case 't': return 9;
    default: return -1;
    }
}

static bool has_short(uint32_t cp)
{
    return cp == 8 || cp == 9 || cp == 10 || cp == 12 || cp == 13;
}

/* Whether a code point of lo..hi may be written as \uXXXX. */
static bool meets_hex(struct terminals *t, uint32_t e, uint32_t lo, uint32_t hi, uint8_t enc)
{
    if (enc == ENC_JSON)
        return meets(t, e, lo, hi) ||
               (hi >= 0xd800 && lo <= 0xdbff &&
                meets(t, e, 0x10000 + (((lo < 0xd800 ? 0xd800 : lo) - 0xd800) << 10),
                      0x10000 + (((hi > 0xdbff ? 0xdbff : hi) - 0xd800) << 10) + 0x3ff));
    for (uint32_t c = lo; c <= hi && c < 0x20; c++)
        if (!has_short(c) && meets(t, e, c, c))
            return true;
    return false;
}

static uint32_t step_esc(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if (b == 'u')
        return meets_hex(t, s->e, 0, 0xffff, s->enc)
               ? intern(t, (struct term_state){ .kind = K_HEX, .enc = s->enc, .left = 4, .e = s->e })
               : TERM_DEAD;
    int cp = short_escape(b, s->enc);
    return cp < 0 ? TERM_DEAD : read_cp(t, s, (uint32_t)cp);
}

static bool escapes(struct terminals *t, uint32_t e, uint8_t enc)
{
    static const char key[] = "\"\\/bfnrt";
    for (int i = 0; key[i]; i++) {
        int cp = short_escape((uint8_t)key[i], enc);
        if (cp >= 0 && meets(t, e, (uint32_t)cp, (uint32_t)cp))
            return true;
    }
    return meets_hex(t, e, 0, 0xffff, enc);
}

static int hex_digit(uint8_t b, uint8_t enc)
{
    if (b >= '0' && b <= '9')
        return b - '0';
    if (b >= 'a' && b <= 'f')
        return b - 'a' + 10;
    return enc == ENC_JSON && b >= 'A' && b <= 'F' ? b - 'A' + 10 : -1;
}

static uint32_t step_hex(struct terminals *t, const struct term_state *s, uint8_t b)
{
    int d = hex_digit(b, s->enc);
    if (d < 0)
        return TERM_DEAD;
    uint32_t v = s->v << 4 | (uint32_t)d;
    uint8_t left = (uint8_t)(s->left - 1);
    uint32_t lo = v << (4 * left), hi = lo | ((1u << (4 * left)) - 1);
    if (!meets_hex(t, s->e, lo, hi, s->enc))
        return TERM_DEAD;
    if (left)
        return intern(t, (struct term_state){ .kind = K_HEX, .enc = s->enc, .left = left, .e = s->e,
                                              .v = v });
    if (v >= 0xd800 && v <= 0xdbff)
        return intern(t, (struct term_state){ .kind = K_LOW, .enc = s->enc, .left = 6, .e = s->e,
                                              .v = v - 0xd800 });
    return read_cp(t, s, v);
}

/* The second half of a surrogate pair; v holds the bits of the code point so far. */
static uint32_t step_low(struct terminals *t, const struct term_state *s, uint8_t b)
{
    struct term_state n = { .kind = K_LOW, .enc = s->enc, .left = (uint8_t)(s->left - 1), .e = s->e,
                            .v = s->v };
    if (s->left == 6)
        return b == '\\' ? intern(t, n) : TERM_DEAD;
    if (s->left == 5)
        return b == 'u' ? intern(t, n) : TERM_DEAD;
    int d = hex_digit(b, s->enc);
    if (d < 0)
        return TERM_DEAD;
    if (s->left == 4)
        return d == 13 ? intern(t, n) : TERM_DEAD;
    if (s->left == 3) {
        if (d < 12)
            return TERM_DEAD;
        n.v = s->v << 2 | (uint32_t)(d - 12);
    } else {
        n.v = s->v << 4 | (uint32_t)d;
    }
    uint32_t lo = 0x10000 + (n.v << (4 * n.left)), hi = lo | ((1u << (4 * n.left)) - 1);
    if (!meets(t, s->e, lo, hi))
        return TERM_DEAD;
    return n.left ? intern(t, n) : read_cp(t, s, lo);
}

static uint32_t step_json(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if (b == '"')
        return accepts_here(t, s->e)
               ? intern(t, (struct term_state){ .kind = K_DONE, .enc = s->enc, .e = s->e }) : TERM_DEAD;
    if (b == '\\')
        return escapes(t, s->e, s->enc)
               ? intern(t, (struct term_state){ .kind = K_ESC, .enc = s->enc, .e = s->e }) : TERM_DEAD;
    return b < 0x20 ? TERM_DEAD : step_raw(t, s, b);
}

static uint32_t step_number(struct terminals *t, const struct term_state *s, uint8_t b)
{
    int sym = num_symbol(b);
    const struct num_dfa *d = t->num[s->e];
    uint32_t v = sym < 0 ? 0 : d->next[s->v * NUM_SYMBOLS + (uint32_t)sym];
    return v ? intern(t, (struct term_state){ .kind = K_NUM, .e = s->e, .v = v }) : TERM_DEAD;
}

static uint32_t step_now(struct terminals *t, uint32_t q, uint8_t b)
{
    const struct term_state s = t->st[q];
    switch (s.kind) {
    case K_AT:
        return s.enc == ENC_RAW ? step_raw(t, &s, b) : step_json(t, &s, b);
    case K_OPEN:
        return b == '"' ? at(t, s.e, s.enc) : TERM_DEAD;
    case K_CONT:
        return step_cont(t, &s, b);
    case K_SKIP:
        return step_skip(t, &s, b);
    case K_ESC:
        return step_esc(t, &s, b);
    case K_HEX:
        return step_hex(t, &s, b);
    case K_LOW:
        return step_low(t, &s, b);
    case K_NUM:
        return step_number(t, &s, b);
    default:
        return TERM_DEAD;
    }
}

uint32_t terminal_step(struct terminals *t, uint32_t q, uint8_t byte)
{
    struct term_state *s = &t->st[q];
    if (s->row && s->row[byte])
        return s->row[byte];
    if (!s->row && ++s->n_step > STEPS_BEFORE_ROW && t->n_row < ROW_MAX) {
        s->row = mem_calloc(256, sizeof *s->row);
        if (!s->row)
            return give_up(t, ST_NOMEM);
        t->n_row++;
    }
    if (s->n_step > STEPS_BEFORE_ROW)
        s->n_step = STEPS_BEFORE_ROW;
    uint32_t next = step_now(t, q, byte);
    if (terminals_failed(t))
        return TERM_DEAD;
    if (t->st[q].row)
        t->st[q].row[byte] = next;
    return next;
}

/* ---- making and asking ---------------------------------------------------------------------- */

uint32_t terminal_start(struct terminals *t, uint32_t e, enum term_enc enc)
{
    if (!expr_live(&t->ex, e))
        return TERM_DEAD;
    uint8_t kind = enc == ENC_RAW ? K_AT : K_OPEN;
    return intern(t, (struct term_state){ .kind = kind, .enc = (uint8_t)enc, .e = e });
}

uint32_t terminal_text(struct terminals *t, struct slice utf8)
{
    return terminal_start(t, expr_text(&t->ex, utf8), ENC_RAW);
}

uint32_t terminal_number(struct terminals *t, const struct num_set *set, const struct num_spelling *sp)
{
    uint64_t key = num_key(set, sp);
    uint32_t i = 0;
    while (i < t->n_num && t->num[i]->key != key)
        i++;
    if (i == t->n_num) {
        struct num_dfa *d = NULL;
        enum status st = num_dfa_new(set, sp, &d, NULL);
        struct num_dfa **slot = st == ST_OK ? array_push(&t->num, &t->n_num, &t->cap_num, sizeof *slot)
                                            : NULL;
        if (!slot) {
            num_dfa_free(d);
            return give_up(t, st == ST_OK ? ST_NOMEM : st);
        }
        *slot = d;
        expr_work(&t->ex, d->n);
    }
    if (!t->num[i]->n)
        return TERM_DEAD;
    return intern(t, (struct term_state){ .kind = K_NUM, .e = i, .v = NUM_START });
}

struct arc_list terminal_labels(struct terminals *t, uint32_t q, bool *ret_plain)
{
    const struct term_state *s = &t->st[q];
    struct arc_list none = { NULL, 0 };
    *ret_plain = true;
    if (s->kind == K_NUM || expr_nullable(&t->ex, s->e))
        return none;
    *ret_plain = false;
    struct arc_list l = expr_live_arcs(&t->ex, s->e);
    uint32_t i = l.n;
    while (i > 0 && l.arc[i - 1].lo >= EXPR_LABEL)
        i--;
    return (struct arc_list){ l.arc + i, l.n - i };
}

size_t terminal_longest(struct terminals *t, uint32_t q)
{
    const struct term_state *s = &t->st[q];
    if (s->kind == K_NUM)
        return 64;
    size_t n = expr_longest(&t->ex, s->e);
    if (n == SIZE_MAX)
        return n;
    return s->enc == ENC_RAW ? n * 4 : n * 12 + 2;
}

/* ---- the shortest way on -------------------------------------------------------------------- */

struct way {
    size_t cost;            /* bytes from here to the end; SIZE_MAX: there is none */
    char   byte[16];        /* the first of them, up to the next code point border */
    int    n;
};

static size_t residual(struct terminals *t, uint32_t e, bool json)
{
    size_t n = expr_shortest(&t->ex, e, json);
    return n == SIZE_MAX ? n : n + json;
}

/* Cheapest code point of lo..hi to read next, counting `own` bytes for itself unless own is 0,
 * where its spelling is counted. */
static size_t cheapest(struct terminals *t, const struct term_state *s, uint32_t lo, uint32_t hi,
                       size_t own, uint32_t *ret_cp)
{
    /* A letter, a digit or a blank where it costs no more: the text is shown to people. */
    static const uint32_t probe[] = { 'a', '0', ' ', '-', '#', ']', 10, 9, 13, 8, 12 };
    struct arc_list l = expr_live_arcs(&t->ex, s->e);
    bool json = s->enc != ENC_RAW;
    size_t best = SIZE_MAX;
    for (uint32_t i = first_arc(l, lo, hi); i < l.n && l.arc[i].lo <= hi; i++) {
        uint32_t from = l.arc[i].lo > lo ? l.arc[i].lo : lo, to = l.arc[i].hi < hi ? l.arc[i].hi : hi;
        uint32_t cp = from;
        for (int k = 0; !own && k < 11; k++)
            if (probe[k] >= from && probe[k] <= to &&
                (cp_bytes(probe[k], json) < cp_bytes(cp, json) ||
                 (cp < 0x20 && cp_bytes(probe[k], json) == cp_bytes(cp, json))))
                cp = probe[k];
        size_t rest = residual(t, l.arc[i].to, json), n = own ? own : cp_bytes(cp, json);
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

static void way_cp(struct way *w, uint32_t cp, bool json)
{
    char utf8[4];
    if (json && (cp == '"' || cp == '\\' || cp < 0x20)) {
        static const char letter[] = "btnvfr";
        way_add(w, "\\", 1);
        if (cp == '"' || cp == '\\') {
            w->byte[w->n++] = (char)cp;
        } else if (has_short(cp)) {
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
    if ((end || json) && accepts_here(t, s->e)) {
        w->cost = json;
        if (json)
            way_add(w, "\"", 1);
        return;
    }
    w->cost = cheapest(t, s, 0, CP_MAX, 0, &cp);
    if (w->cost != SIZE_MAX)
        way_cp(w, cp, json);
}

static void way_hex_state(struct terminals *t, const struct term_state *s, struct way *w)
{
    uint32_t lo = s->v << (4 * s->left), hi = lo | ((1u << (4 * s->left)) - 1), cp = 0;
    if (s->enc == ENC_CANON) {
        for (uint32_t c = lo; c <= hi && c < 0x20; c++) {
            uint32_t got;
            size_t n = has_short(c) ? SIZE_MAX : cheapest(t, s, c, c, s->left, &got);
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
        int cp = short_escape((uint8_t)key[i], s->enc);
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

bool terminal_complete(struct terminals *t, uint32_t q, struct str *out)
{
    bool end = false;
    do {
        struct way w = way_on(t, q, end);
        if (terminals_failed(t) || w.cost == SIZE_MAX || !w.n)
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
        uint32_t id = intern(t, s);
        return terminal_shortest(t, id) == SIZE_MAX ? TERM_DEAD : id;
    }
    return intern(t, s);
}

/* ---- for masks ------------------------------------------------------------------------------ */

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
    ret->base = at(t, expr_rep(&t->ex, rep ? x.a : s.e, 0, EXPR_INF), s.enc);
    return terminal_key(t, ret->base, &ret->key) && !terminals_failed(t);
}

enum { EXCLUDED_MAX = 4096, EXCLUDED_BYTES = 255 };

struct excluded {
    struct str *out;
    char        byte[EXCLUDED_BYTES + 16];
    uint32_t    n, n_word;
};

/* Words of a finite language, depth first; false when there are too many.  The depth is bounded by
 * the length that a token can have. */
static bool list_words(struct terminals *t, uint32_t e, struct excluded *x)
{
    if (x->n > EXCLUDED_BYTES)
        return true;                    /* longer than any token */
    if (expr_nullable(&t->ex, e)) {
        if (++x->n_word > EXCLUDED_MAX)
            return false;
        str_addc(x->out, (char)((x->n + 1) & 0xff));
        str_addc(x->out, (char)((x->n + 1) >> 8));
        str_add(x->out, x->byte, x->n);
        str_addc(x->out, '"');
    }
    struct arc_list l = expr_live_arcs(&t->ex, e);
    for (uint32_t i = 0; i < l.n; i++) {
        if (l.arc[i].hi - l.arc[i].lo > 64)
            return false;
        for (uint32_t cp = l.arc[i].lo; cp <= l.arc[i].hi; cp++) {
            struct way w = { 0 };
            uint32_t n = x->n;
            way_cp(&w, cp, true);
            memcpy(x->byte + n, w.byte, (size_t)w.n);
            x->n += (uint32_t)w.n;
            bool ok = list_words(t, l.arc[i].to, x);
            x->n = n;
            if (!ok)
                return false;
        }
    }
    return true;
}

bool terminal_excludes(struct terminals *t, uint32_t q, uint32_t *ret_base, struct str *out)
{
    const struct term_state s = t->st[q];
    const struct expr_node x = t->ex.node[s.e];
    if ((s.kind != K_AT && s.kind != K_OPEN) || s.enc != ENC_CANON || x.kind != EX_NOT)
        return false;
    struct excluded list = { .out = out };
    if ((t->ex.node[x.a].flags & EXF_LOGIC) || expr_longest(&t->ex, x.a) == SIZE_MAX ||
        expr_words(&t->ex, x.a, EXCLUDED_MAX + 1) > EXCLUDED_MAX)
        return false;
    if (s.kind == K_OPEN)
        list.byte[list.n++] = '"';
    if (!list_words(t, x.a, &list) || out->failed)
        return false;
    struct term_state base = { .kind = s.kind, .enc = s.enc, .e = EXPR_ALL };
    *ret_base = intern(t, base);
    return !terminals_failed(t);
}

bool terminal_open(struct terminals *t, uint32_t q, uint32_t *ret_base)
{
    const struct term_state s = t->st[q];
    if (s.kind != K_AT || s.enc == ENC_RAW || s.e == EXPR_ALL || (t->ex.node[s.e].flags & EXF_LABEL) ||
        !expr_open(&t->ex, s.e))
        return false;
    *ret_base = at(t, EXPR_ALL, s.enc);
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
        if (accepts_here(t, s->e))
            add_bytes(set, '"', '"');
        if (escapes(t, s->e, s->enc))
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

const uint32_t *terminal_row(struct terminals *t, uint32_t q)
{
    struct term_state *s = &t->st[q];
    if (!s->row && t->n_row < ROW_MAX) {
        s->row = mem_calloc(256, sizeof *s->row);
        if (!s->row)
            give_up(t, ST_NOMEM);
        else
            t->n_row++;
    }
    return s->row;
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

/* ---- life ----------------------------------------------------------------------------------- */

enum status terminals_init(struct terminals *t, uint64_t work_limit, struct error *err)
{
    *t = (struct terminals){ 0 };
    enum status st = expr_pool_init(&t->ex, work_limit, err);
    if (st != ST_OK)
        return st;
    intern(t, (struct term_state){ .kind = K_NONE });
    intern(t, (struct term_state){ .kind = K_DEAD });
    t->st[TERM_NONE].flags = t->st[TERM_DEAD].flags = 0;
    return terminals_failed(t) ? error_nomem(err) : ST_OK;
}

void terminals_free(struct terminals *t)
{
    for (uint32_t i = 0; i < t->n; i++)
        mem_free(t->st[i].row);
    for (uint32_t i = 0; i < t->n_num; i++)
        num_dfa_free(t->num[i]);
    mem_free(t->st);
    mem_free(t->slot);
    mem_free(t->num);
    expr_pool_free(&t->ex);
    *t = (struct terminals){ 0 };
}

size_t terminals_bytes(const struct terminals *t)
{
    return expr_pool_bytes(&t->ex) + t->cap * sizeof *t->st + t->n_slot * 4ul + t->n_row * 1024ul;
}
