/* terminal.c - states of leaves, made when a byte asks for them.
 *
 * What has been read of an unfinished code point is part of the state; as soon as every code point
 * that is still possible leads to the same residual, only the number of bytes to come is kept, so
 * that the fragments of a script share a few states. */
#include "compiler/pattern/terminal_int.h"

#include "base/alloc.h"
#include "base/array.h"

enum { STATE_MAX = 1u << 20, ROW_MAX = 1u << 14, STEPS_BEFORE_ROW = 6, NUM_STATE_WORK = 4 };

uint32_t terminal_give_up(struct terminals *t, enum status st)
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

bool terminal_accepts_here(struct terminals *t, uint32_t e)
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
        if (terminal_accepts_here(t, s->e))
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

uint32_t terminal_intern(struct terminals *t, struct term_state s)
{
    if (terminals_failed(t))
        return TERM_DEAD;
    if (!grow_slots(t))
        return terminal_give_up(t, ST_NOMEM);
    uint32_t k = (uint32_t)state_hash(&s) & (t->n_slot - 1);
    for (; t->slot[k]; k = (k + 1) & (t->n_slot - 1))
        if (state_same(&t->st[t->slot[k] - 1], &s))
            return t->slot[k] - 1;
    if (t->n >= STATE_MAX)
        return terminal_give_up(t, ST_LIMIT);
    s.flags = state_flags(t, &s);
    if (terminals_failed(t))
        return TERM_DEAD;
    struct term_state *x = array_push(&t->st, &t->n, &t->cap, sizeof *x);
    if (!x)
        return terminal_give_up(t, ST_NOMEM);
    *x = s;
    t->slot[k] = t->n;
    return t->n - 1;
}

/* ---- code points ---------------------------------------------------------------------------- */

uint32_t terminal_at(struct terminals *t, uint32_t e, uint8_t enc)
{
    return e == EXPR_EMPTY ? TERM_DEAD : terminal_intern(t, (struct term_state){ .kind = K_AT, .enc = enc, .e = e });
}

static uint32_t read_cp(struct terminals *t, const struct term_state *s, uint32_t cp)
{
    const struct arc *a = arc_find(expr_live_arcs(&t->ex, s->e), cp);
    return a ? terminal_at(t, a->to, s->enc) : TERM_DEAD;
}

/* Index of the first arc that meets lo..hi; l.n when none does. */
uint32_t arc_first(struct arc_list l, uint32_t lo, uint32_t hi)
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
    return arc_first(l, lo, hi) < l.n;
}

/* Inside a code point of `size` bytes with `left` to come. */
static uint32_t cont(struct terminals *t, const struct term_state *s, uint32_t v, uint8_t left,
                     uint8_t size)
{
    static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
    uint32_t lo = v << (6 * left), hi = lo | ((1u << (6 * left)) - 1);
    struct arc_list l = expr_live_arcs(&t->ex, s->e);
    uint32_t from = lo < least[size] ? least[size] : lo, to = hi > CP_MAX ? CP_MAX : hi;
    uint32_t i = from <= to ? arc_first(l, from, to) : l.n;
    if (i == l.n)
        return TERM_DEAD;
    if (from == lo && to == hi && l.arc[i].lo <= lo && l.arc[i].hi >= hi)
        return terminal_intern(t, (struct term_state){ .kind = K_SKIP, .enc = s->enc, .left = left,
                                              .e = l.arc[i].to });
    return terminal_intern(t, (struct term_state){ .kind = K_CONT, .enc = s->enc, .left = left, .size = size,
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
        return terminal_at(t, s->e, s->enc);
    return terminal_intern(t, (struct term_state){ .kind = K_SKIP, .enc = s->enc, .left = (uint8_t)(s->left - 1),
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

int terminal_short_escape(uint8_t b, uint8_t enc)
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

bool terminal_has_short(uint32_t cp)
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
        if (!terminal_has_short(c) && meets(t, e, c, c))
            return true;
    return false;
}

static uint32_t step_esc(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if (b == 'u')
        return meets_hex(t, s->e, 0, 0xffff, s->enc)
               ? terminal_intern(t, (struct term_state){ .kind = K_HEX, .enc = s->enc, .left = 4, .e = s->e })
               : TERM_DEAD;
    int cp = terminal_short_escape(b, s->enc);
    return cp < 0 ? TERM_DEAD : read_cp(t, s, (uint32_t)cp);
}

/* Any code point may be written with a backslash, but where one spelling is asked for only those
 * that must be. */
bool terminal_escapes(struct terminals *t, uint32_t e, uint8_t enc)
{
    struct arc_list l = expr_live_arcs(&t->ex, e);
    bool any = l.n && l.arc[0].lo < EXPR_LABEL;
    if (enc == ENC_JSON || !any)
        return any;
    return l.arc[0].lo < 0x20 || arc_first(l, '"', '"') < l.n || arc_first(l, '\\', '\\') < l.n;
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
        return terminal_intern(t, (struct term_state){ .kind = K_HEX, .enc = s->enc, .left = left, .e = s->e,
                                              .v = v });
    if (v >= 0xd800 && v <= 0xdbff)
        return terminal_intern(t, (struct term_state){ .kind = K_LOW, .enc = s->enc, .left = 6, .e = s->e,
                                              .v = v - 0xd800 });
    return read_cp(t, s, v);
}

/* The second half of a surrogate pair; v holds the bits of the code point so far. */
static uint32_t step_low(struct terminals *t, const struct term_state *s, uint8_t b)
{
    struct term_state n = { .kind = K_LOW, .enc = s->enc, .left = (uint8_t)(s->left - 1), .e = s->e,
                            .v = s->v };
    if (s->left == 6)
        return b == '\\' ? terminal_intern(t, n) : TERM_DEAD;
    if (s->left == 5)
        return b == 'u' ? terminal_intern(t, n) : TERM_DEAD;
    int d = hex_digit(b, s->enc);
    if (d < 0)
        return TERM_DEAD;
    if (s->left == 4)
        return d == 13 ? terminal_intern(t, n) : TERM_DEAD;
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
    return n.left ? terminal_intern(t, n) : read_cp(t, s, lo);
}

static uint32_t step_json(struct terminals *t, const struct term_state *s, uint8_t b)
{
    if (b == '"')
        return terminal_accepts_here(t, s->e)
               ? terminal_intern(t, (struct term_state){ .kind = K_DONE, .enc = s->enc, .e = s->e }) : TERM_DEAD;
    if (b == '\\')
        return terminal_escapes(t, s->e, s->enc)
               ? terminal_intern(t, (struct term_state){ .kind = K_ESC, .enc = s->enc, .e = s->e }) : TERM_DEAD;
    return b < 0x20 ? TERM_DEAD : step_raw(t, s, b);
}

static uint32_t step_number(struct terminals *t, const struct term_state *s, uint8_t b)
{
    int sym = num_symbol(b);
    const struct num_dfa *d = t->num[s->e];
    uint32_t v = sym < 0 ? 0 : d->next[s->v * NUM_SYMBOLS + (uint32_t)sym];
    return v ? terminal_intern(t, (struct term_state){ .kind = K_NUM, .e = s->e, .v = v }) : TERM_DEAD;
}

static uint32_t step_now(struct terminals *t, uint32_t q, uint8_t b)
{
    const struct term_state s = t->st[q];
    switch (s.kind) {
    case K_AT:
        return s.enc == ENC_RAW ? step_raw(t, &s, b) : step_json(t, &s, b);
    case K_OPEN:
        return b == '"' ? terminal_at(t, s.e, s.enc) : TERM_DEAD;
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
            return terminal_give_up(t, ST_NOMEM);
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
    return terminal_intern(t, (struct term_state){ .kind = kind, .enc = (uint8_t)enc, .e = e });
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
            return terminal_give_up(t, st == ST_OK ? ST_NOMEM : st);
        }
        *slot = d;
        expr_work(&t->ex, NUM_STATE_WORK * (uint64_t)d->n_met);
    }
    if (!t->num[i]->n)
        return TERM_DEAD;
    return terminal_intern(t, (struct term_state){ .kind = K_NUM, .e = i, .v = NUM_START });
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

const uint32_t *terminal_row_new(struct terminals *t, uint32_t q)
{
    struct term_state *s = &t->st[q];
    if (!s->row && t->n_row < ROW_MAX) {
        s->row = mem_calloc(256, sizeof *s->row);
        if (!s->row)
            terminal_give_up(t, ST_NOMEM);
        else
            t->n_row++;
    }
    return s->row;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum status terminals_init(struct terminals *t, uint64_t work_limit, struct error *err)
{
    *t = (struct terminals){ 0 };
    enum status st = expr_pool_init(&t->ex, work_limit, err);
    if (st != ST_OK)
        return st;
    terminal_intern(t, (struct term_state){ .kind = K_NONE });
    terminal_intern(t, (struct term_state){ .kind = K_DEAD });
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
