/* regex_parse.c - regular expression text to a tree.
 *
 * Recursive descent over at most RX_NEST_MAX groups.  What cannot be supported is refused by name
 * and place; nothing is read as something else than what ECMA-262 says, except that a brace that
 * begins no quantifier is an ordinary character, as all engines have it. */
#include "compiler/pattern/regex_tree.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"
#include "compiler/pattern/shape.h"

struct parser {
    struct slice       s;
    uint32_t           at;
    uint32_t           nest;
    enum regex_dialect dialect;
    bool               icase, dotall;
    struct arena      *arena;
    struct error      *err;
    enum status        st;          /* sticky */
};

static void *bad(struct parser *p, uint32_t off, const char *code, const char *text)
{
    if (p->st == ST_OK) {
        enum status st = !strcmp(code, "E0403") ? ST_SYNTAX
                       : !strcmp(code, "E0402") ? ST_LIMIT : ST_UNSUPPORTED;
        p->st = error_at(p->err, st, code, (struct span){ off, 1 }, "%s", text);
    }
    return NULL;
}

static void *nomem(struct parser *p)
{
    if (p->st == ST_OK)
        p->st = error_nomem(p->err);
    return NULL;
}

static int peek(const struct parser *p, uint32_t ahead)
{
    return p->at + ahead < p->s.len ? (uint8_t)p->s.ptr[p->at + ahead] : -1;
}

static bool eat(struct parser *p, const char *text)
{
    if (!slice_starts(slice_sub(p->s, p->at, p->s.len), slice_of(text)))
        return false;
    p->at += (uint32_t)strlen(text);
    return true;
}

static struct rx *make(struct parser *p, enum rx_kind kind, uint32_t off)
{
    struct rx *x = arena_zalloc(p->arena, sizeof *x);
    if (!x)
        return nomem(p);
    x->kind = kind;
    x->off = off;
    return x;
}

/* ---- characters and classes ----------------------------------------------------------------- */

static int hex(int c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 32) >= 'a' && (c | 32) <= 'f')
        return (c | 32) - 'a' + 10;
    return -1;
}

static bool read_hex(struct parser *p, int n, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < n; i++) {
        int d = hex(peek(p, (uint32_t)i));
        if (d < 0)
            return false;
        v = v * 16 + (uint32_t)d;
    }
    p->at += (uint32_t)n;
    *ret = v;
    return true;
}

/* Behind `\u`. */
static bool read_unicode(struct parser *p, uint32_t off, uint32_t *ret)
{
    if (eat(p, "{")) {
        uint32_t v = 0, n = 0;
        for (int d; (d = hex(peek(p, 0))) >= 0 && v <= CP_MAX; p->at++, n++)
            v = v * 16 + (uint32_t)d;
        if (!n || v > CP_MAX || !eat(p, "}")) {
            bad(p, off, "E0403", "RX_SYNTAX: \\u{...} needs a code point up to 10FFFF");
            return false;
        }
        *ret = v;
        return true;
    }
    if (!read_hex(p, 4, ret)) {
        bad(p, off, "E0403", "RX_SYNTAX: \\u needs four hexadecimal digits");
        return false;
    }
    uint32_t low, at = p->at;
    if (*ret >= 0xd800 && *ret < 0xdc00 && eat(p, "\\u") && read_hex(p, 4, &low) &&
        low >= 0xdc00 && low < 0xe000)
        *ret = 0x10000 + ((*ret - 0xd800) << 10) + (low - 0xdc00);
    else
        p->at = at;
    return true;
}

static void add_set(struct parser *p, struct ranges *out, struct ranges *set, bool negate)
{
    ranges_sort(set);
    if (p->icase)
        ranges_fold(set);
    if (negate)
        ranges_not(set);
    ranges_add_all(out, set);
    ranges_free(set);
}

/* A class escape such as \d or \p{L}, its letter at p->at.  False: it is none. */
static bool class_escape(struct parser *p, struct ranges *out)
{
    struct ranges set = { 0 };
    int c = peek(p, 0);
    uint32_t off = p->at - 1;
    switch (c) {
    case 'd': case 'D':
        ranges_digit(&set);
        break;
    case 'w': case 'W':
        ranges_word(&set);
        break;
    case 's': case 'S':
        ranges_space(&set);
        break;
    case 'p': case 'P': {
        uint32_t end = p->at + 2;
        while (end < p->s.len && p->s.ptr[end] != '}')
            end++;
        if (peek(p, 1) != '{' || end >= p->s.len) {
            bad(p, off, "E0403", "RX_SYNTAX: \\p needs a name in braces");
            return true;
        }
        if (!ranges_property(&set, slice_sub(p->s, p->at + 2, end - p->at - 2))) {
            bad(p, off, "E0404", "RX_PROPERTY: this Unicode property is not supported");
            return true;
        }
        p->at = end;
        break;
    }
    default:
        return false;
    }
    p->at++;
    add_set(p, out, &set, c >= 'A' && c <= 'Z');
    return true;
}

/* A single character behind a backslash, its letter at p->at. */
static bool char_escape(struct parser *p, bool in_class, uint32_t *ret)
{
    static const char from[] = "tnvfr", to[] = "\t\n\v\f\r";
    uint32_t off = p->at - 1;
    int c = peek(p, 0);
    if (c < 0) {
        bad(p, off, "E0403", "RX_SYNTAX: the pattern ends in a backslash");
        return false;
    }
    p->at++;
    const char *k = c ? strchr(from, c) : NULL;
    if (k) {
        *ret = (uint8_t)to[k - from];
        return true;
    }
    if (c == '0' && !(peek(p, 0) >= '0' && peek(p, 0) <= '9')) {
        *ret = 0;
        return true;
    }
    if (c == 'c' && (peek(p, 0) | 32) >= 'a' && (peek(p, 0) | 32) <= 'z') {
        *ret = (uint32_t)peek(p, 0) & 31;
        p->at++;
        return true;
    }
    if (c == 'x') {
        if (read_hex(p, 2, ret))
            return true;
        bad(p, off, "E0403", "RX_SYNTAX: \\x needs two hexadecimal digits");
        return false;
    }
    if (c == 'u')
        return read_unicode(p, off, ret);
    if (in_class && c == 'b') {
        *ret = 8;
        return true;
    }
    if ((c >= '1' && c <= '9') || c == 'k') {
        bad(p, off, "E0404", "RX_BACKREF: a back-reference is not regular");
        return false;
    }
    if (c == 'b' || c == 'B') {
        bad(p, off, "E0404", "RX_WORD_BOUNDARY: use an explicit character class");
        return false;
    }
    bool word = (c | 32) >= 'a' && (c | 32) <= 'z';
    if (word || c < 0x21 || c > 0x7e || (c >= '0' && c <= '9')) {
        bad(p, off, "E0403", "RX_SYNTAX: this escape is not ECMA-262");
        return false;
    }
    *ret = (uint32_t)c;
    return true;
}

static bool plain_char(struct parser *p, uint32_t *ret)
{
    int n = utf8_decode(p->s.ptr + p->at, p->s.ptr + p->s.len, ret);
    if (n < 1) {
        bad(p, p->at, "E0403", "RX_SYNTAX: the pattern is not valid UTF-8");
        return false;
    }
    p->at += (uint32_t)n;
    return true;
}

/* One item of a class: a set was added (*ret_set) or a code point read. */
static bool class_atom(struct parser *p, struct ranges *out, uint32_t *ret_cp, bool *ret_set)
{
    *ret_set = false;
    if (peek(p, 0) != '\\')
        return plain_char(p, ret_cp);
    p->at++;
    if (class_escape(p, out)) {
        *ret_set = true;
        return p->st == ST_OK;
    }
    return char_escape(p, true, ret_cp);
}

static struct rx *finish_set(struct parser *p, struct ranges *set, uint32_t off)
{
    struct rx *x = make(p, RX_SET, off);
    ranges_sort(set);
    /* Two complements clip the set to what UTF-8 can spell. */
    ranges_not(set);
    ranges_not(set);
    if (x && set->failed)
        x = nomem(p);
    if (x && set->n) {
        x->range = arena_dup(p->arena, set->r, set->n * sizeof *set->r);
        x->n = set->n;
        if (!x->range)
            x = nomem(p);
    }
    ranges_free(set);
    return x;
}

/* Behind `[`. */
static struct rx *parse_class(struct parser *p)
{
    uint32_t off = p->at - 1;
    bool negate = eat(p, "^");
    struct ranges plain = { 0 }, sets = { 0 };
    if (peek(p, 0) == '[' && peek(p, 1) == ':')
        bad(p, off, "E0403", "RX_SYNTAX: a POSIX class is not ECMA-262");
    while (p->st == ST_OK && peek(p, 0) != ']') {
        uint32_t lo, hi, from = p->at;
        bool set, set2;
        if (peek(p, 0) < 0) {
            bad(p, off, "E0403", "RX_SYNTAX: the class is not closed");
            break;
        }
        if (!class_atom(p, &sets, &lo, &set))
            break;
        if (peek(p, 0) == '-' && peek(p, 1) != ']' && peek(p, 1) >= 0) {
            p->at++;
            if (!class_atom(p, &sets, &hi, &set2))
                break;
            if (set || set2) {          /* `\w-x`: the dash is itself */
                ranges_add(&plain, '-', '-');
                if (!set)
                    ranges_add(&plain, lo, lo);
                if (!set2)
                    ranges_add(&plain, hi, hi);
                continue;
            }
            if (hi < lo)
                bad(p, from, "E0403", "RX_SYNTAX: the range of the class is reversed");
            ranges_add(&plain, lo, hi);
            continue;
        }
        if (!set)
            ranges_add(&plain, lo, lo);
    }
    p->at++;
    struct ranges all = { 0 };
    add_set(p, &all, &plain, false);
    ranges_add_all(&all, &sets);
    ranges_free(&sets);
    ranges_sort(&all);
    if (negate)
        ranges_not(&all);
    if (p->st != ST_OK) {
        ranges_free(&all);
        return NULL;
    }
    return finish_set(p, &all, off);
}

static struct rx *one_char(struct parser *p, uint32_t cp, uint32_t off)
{
    struct ranges set = { 0 }, out = { 0 };
    ranges_add(&set, cp, cp);
    add_set(p, &out, &set, false);
    return finish_set(p, &out, off);
}

static struct rx *parse_dot(struct parser *p, uint32_t off)
{
    struct ranges set = { 0 };
    if (!p->dotall) {
        ranges_add(&set, '\n', '\n');
        if (p->dialect == REGEX_SCHEMA) {
            ranges_add(&set, '\r', '\r');
            ranges_add(&set, 0x2028, 0x2029);
        }
    }
    ranges_not(&set);
    return finish_set(p, &set, off);
}

/* ---- structure ------------------------------------------------------------------------------ */

struct kids {
    struct rx **x;
    uint32_t    n, cap;
};

static void kids_push(struct parser *p, struct kids *k, struct rx *x)
{
    struct rx **slot = x ? array_push(&k->x, &k->n, &k->cap, sizeof *k->x) : NULL;
    if (slot)
        *slot = x;
    else
        nomem(p);
}

/* A node over the list, which is freed; a single kid is itself. */
static struct rx *join(struct parser *p, enum rx_kind kind, struct kids *k, uint32_t off)
{
    struct rx *x = NULL;
    if (p->st == ST_OK && k->n == 1) {
        x = k->x[0];
    } else if (p->st == ST_OK && (x = make(p, kind, off))) {
        x->n = k->n;
        x->kid = k->n ? arena_dup(p->arena, k->x, k->n * sizeof *k->x) : NULL;
        if (k->n && !x->kid)
            x = nomem(p);
        if (x)
            x->nullable = kind == RX_CAT;
        for (uint32_t i = 0; x && i < k->n; i++) {
            x->asserts |= k->x[i]->asserts;
            x->begins |= k->x[i]->begins;
            if (kind == RX_CAT)
                x->nullable &= k->x[i]->nullable;
            else
                x->nullable |= k->x[i]->nullable;
        }
    }
    mem_free(k->x);
    *k = (struct kids){ 0 };
    return x;
}

static struct rx *parse_alt(struct parser *p);

static bool close_group(struct parser *p, uint32_t off)
{
    if (eat(p, ")"))
        return true;
    bad(p, off, "E0403", "RX_SYNTAX: the group is not closed");
    return false;
}

static struct rx *look_ahead(struct parser *p, bool negative, uint32_t off)
{
    struct rx *x = make(p, RX_AHEAD, off), *kid = parse_alt(p);
    if (!x || !kid || !close_group(p, off))
        return NULL;
    x->negative = negative;
    x->nullable = x->asserts = true;
    x->begins = kid->begins;
    x->n = 1;
    x->kid = arena_dup(p->arena, &kid, sizeof kid);
    return x->kid ? x : nomem(p);
}

/* `(?i)`, `(?s-i:...)`.  True when flags were read; *ret is NULL for a group that is only flags. */
static bool flag_group(struct parser *p, uint32_t off, struct rx **ret)
{
    uint32_t at = p->at;
    bool icase = p->icase, dotall = p->dotall, on = true, any = false;
    for (int c; (c = peek(p, 0)) == 'i' || c == 's' || c == '-'; p->at++, any = true) {
        if (c == '-')
            on = false;
        else
            *(c == 'i' ? &icase : &dotall) = on;
    }
    if (!any || (peek(p, 0) != ')' && peek(p, 0) != ':')) {
        p->at = at;
        return false;
    }
    *ret = NULL;
    if (p->dialect == REGEX_SCHEMA) {
        bad(p, off, "E0404", "RX_FLAGS: inline flags are not part of a schema's pattern");
        return true;
    }
    bool was_icase = p->icase, was_dotall = p->dotall;
    p->icase = icase;
    p->dotall = dotall;
    if (eat(p, ")"))                    /* to the end of the enclosing group */
        return true;
    p->at++;
    *ret = parse_alt(p);
    p->icase = was_icase;
    p->dotall = was_dotall;
    if (*ret && !close_group(p, off))
        *ret = NULL;
    return true;
}

/* Behind `(`.  NULL with status OK: flags only. */
static struct rx *parse_group(struct parser *p)
{
    uint32_t off = p->at - 1;
    struct rx *x = NULL;
    bool icase = p->icase, dotall = p->dotall;
    if (eat(p, "?=") || eat(p, "?!")) {
        x = look_ahead(p, p->s.ptr[p->at - 1] == '!', off);
    } else if (eat(p, "?<=") || eat(p, "?<!")) {
        return bad(p, off, "E0404", "RX_LOOKBEHIND: look-behind is not supported");
    } else if (eat(p, "?<")) {
        while (peek(p, 0) >= 0 && peek(p, 0) != '>')
            p->at++;
        if (!eat(p, ">"))
            return bad(p, off, "E0403", "RX_SYNTAX: the group's name is not closed");
        x = parse_alt(p);
        if (x && !close_group(p, off))
            return NULL;
    } else if (peek(p, 0) == '?' && peek(p, 1) != ':') {
        p->at++;
        if (flag_group(p, off, &x)) {
            if (!x)
                return NULL;
        } else {
            return bad(p, off, "E0403", "RX_SYNTAX: this kind of group is not ECMA-262");
        }
    } else {
        eat(p, "?:");
        x = parse_alt(p);
        if (x && !close_group(p, off))
            return NULL;
    }
    p->icase = icase;
    p->dotall = dotall;
    return x;
}

static struct rx *assertion(struct parser *p, enum rx_kind kind, uint32_t off)
{
    struct rx *x = make(p, kind, off);
    if (x) {
        x->nullable = x->asserts = true;
        x->begins = kind == RX_BEGIN;
    }
    return x;
}

static struct rx *parse_escape(struct parser *p)
{
    uint32_t off = p->at++, cp;
    struct ranges set = { 0 };
    if (class_escape(p, &set)) {
        if (p->st == ST_OK)
            return finish_set(p, &set, off);
        ranges_free(&set);
        return NULL;
    }
    int c = peek(p, 0);
    if (c == 'A' || c == 'Z' || c == 'z')
        return bad(p, off, "E0403", "RX_SYNTAX: \\A, \\Z and \\z are not ECMA-262; use ^ and $");
    return char_escape(p, false, &cp) ? one_char(p, cp, off) : NULL;
}

static struct rx *parse_atom(struct parser *p)
{
    uint32_t off = p->at, cp;
    int c = peek(p, 0);
    if (c == '(') {
        p->at++;
        return parse_group(p);
    }
    if (c == '[') {
        p->at++;
        return parse_class(p);
    }
    if (c == '.') {
        p->at++;
        return parse_dot(p, off);
    }
    if (c == '\\')
        return parse_escape(p);
    if (c == '^' || c == '$') {
        p->at++;
        return assertion(p, c == '^' ? RX_BEGIN : RX_END, off);
    }
    if (c == '*' || c == '+' || c == '?')
        return bad(p, off, "E0403", "RX_SYNTAX: nothing to repeat");
    return plain_char(p, &cp) ? one_char(p, cp, off) : NULL;
}

static bool read_count(struct parser *p, uint32_t *ret)
{
    uint64_t v = 0;
    uint32_t n = 0;
    for (int c; (c = peek(p, 0)) >= '0' && c <= '9'; p->at++, n++)
        v = v > RX_BOUND_MAX ? v : v * 10 + (uint64_t)(c - '0');
    *ret = v > UINT32_MAX - 1 ? UINT32_MAX - 1 : (uint32_t)v;
    return n > 0;
}

/* `{m}`, `{m,}`, `{m,n}`; false and back at the brace when it is none. */
static bool braces(struct parser *p, uint32_t *lo, uint32_t *hi)
{
    uint32_t at = p->at++;
    if (!read_count(p, lo))
        goto no;
    *hi = *lo;
    if (eat(p, ",") && !read_count(p, hi))
        *hi = EXPR_INF;
    if (eat(p, "}"))
        return true;
no:
    p->at = at;
    return false;
}

static struct rx *parse_quantified(struct parser *p)
{
    uint32_t off = p->at;
    struct rx *x = parse_atom(p);
    while (x && p->st == ST_OK) {
        uint32_t lo = 0, hi = EXPR_INF;
        int c = peek(p, 0);
        if (c == '{') {
            if (!braces(p, &lo, &hi))
                break;
        } else if (c == '*' || c == '+' || c == '?') {
            p->at++;
            lo = c == '+';
            hi = c == '?' ? 1 : EXPR_INF;
        } else {
            break;
        }
        if (lo > RX_BOUND_MAX || (hi != EXPR_INF && hi > RX_BOUND_MAX))
            return bad(p, off, "E0402", "RX_LIMIT: a bound is over 1048576");
        if (hi < lo)
            return bad(p, off, "E0403", "RX_SYNTAX: the bounds are reversed");
        eat(p, "?");
        if (peek(p, 0) == '+' || peek(p, 0) == '*' || peek(p, 0) == '?')
            return bad(p, p->at, "E0403", "RX_SYNTAX: a possessive or doubled quantifier is not "
                                          "ECMA-262");
        struct rx *r = make(p, RX_REP, off);
        if (!r || !(r->kid = arena_dup(p->arena, &x, sizeof x)))
            return nomem(p);
        r->n = 1;
        r->lo = lo;
        r->hi = hi;
        r->nullable = !lo || x->nullable;
        r->asserts = x->asserts;
        r->begins = x->begins;
        x = r;
    }
    return x;
}

static struct rx *parse_cat(struct parser *p)
{
    struct kids k = { 0 };
    uint32_t off = p->at;
    while (p->st == ST_OK && peek(p, 0) >= 0 && peek(p, 0) != '|' && peek(p, 0) != ')') {
        struct rx *x = parse_quantified(p);
        if (x)
            kids_push(p, &k, x);
    }
    return join(p, RX_CAT, &k, off);
}

static struct rx *parse_alt(struct parser *p)
{
    struct kids k = { 0 };
    uint32_t off = p->at;
    if (++p->nest > RX_NEST_MAX)
        return bad(p, off, "E0402", "RX_LIMIT: groups are nested too deep");
    do {
        struct rx *x = parse_cat(p);
        if (x)
            kids_push(p, &k, x);
    } while (p->st == ST_OK && eat(p, "|"));
    p->nest--;
    return join(p, RX_ALT, &k, off);
}

enum status regex_parse(struct arena *a, struct slice text, enum regex_dialect dialect,
                        uint32_t flags, struct rx **ret, struct error *err)
{
    struct parser p = { .s = text, .dialect = dialect, .arena = a, .err = err,
                        .icase = flags & SHAPE_ICASE, .dotall = flags & SHAPE_DOTALL };
    if (text.len > RX_TEXT_MAX)
        return error_code(err, ST_LIMIT, "E0402", "RX_LIMIT: the pattern is over 64 KiB");
    struct rx *x = parse_alt(&p);
    if (p.st == ST_OK && p.at < text.len)
        bad(&p, p.at, "E0403", "RX_SYNTAX: a group is closed that was not opened");
    if (p.st == ST_OK)
        *ret = x;
    return p.st;
}
