/* literal.c - decodes numbers and texts.
 *
 *      let x = """          the first newline is dropped
 *          a ${b}           the indentation of the closing quotes goes from every line
 *            c              "a ${b}\n  c"
 *          """              so does the newline before them
 *
 * A text with inserts comes in pieces.  A line may begin in one piece and go on in the next, so
 * only newlines inside a piece begin lines; a piece behind an insert begins in mid-line. */
#include "frontend/literal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

/* ---- numbers */

static int digit_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return 99;
}

bool literal_int(struct slice text, uint64_t *ret)
{
    unsigned base = 10;
    size_t i = 0;
    if (text.len > 2 && text.ptr[0] == '0' && (text.ptr[1] == 'x' || text.ptr[1] == 'b')) {
        base = text.ptr[1] == 'x' ? 16 : 2;
        i = 2;
    }
    uint64_t v = 0;
    bool any = false;
    for (; i < text.len; i++) {
        if (text.ptr[i] == '_')
            continue;
        unsigned d = (unsigned)digit_value(text.ptr[i]);
        if (d >= base || v > (UINT64_MAX - d) / base)
            return false;
        v = v * base + d;
        any = true;
    }
    if (any)
        *ret = v;
    return any;
}

bool literal_float(struct slice text, double *ret)
{
    struct str s = { 0 };
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '_')
            str_addc(&s, text.ptr[i]);
    bool ok = !s.failed && s.ptr;
    if (ok) {
        char *end;
        double x = strtod(s.ptr, &end);
        ok = !*end && x - x == 0;       /* neither infinite nor a rest behind it */
        if (ok)
            *ret = x;
    }
    str_free(&s);
    return ok;
}

bool literal_duration(struct slice text, int64_t *ret_ms)
{
    size_t n = text.len;
    while (n && (text.ptr[n - 1] < '0' || text.ptr[n - 1] > '9') && text.ptr[n - 1] != '_')
        n--;
    struct slice unit = slice_sub(text, n, text.len);
    double scale = slice_is(unit, "ms") ? 1 : slice_is(unit, "s") ? 1000
                 : slice_is(unit, "m") ? 60000 : 3600000;
    text.len = n;
    uint64_t whole;
    double x;
    if (literal_int(text, &whole))
        x = (double)whole;
    else if (!literal_float(text, &x))
        return false;
    x *= scale;
    if (x > 9e15)                       /* beyond it a double has no single milliseconds */
        return false;
    *ret_ms = (int64_t)(x + 0.5);
    return true;
}

/* ---- texts */

struct span literal_inside(const struct source *s, struct span whole, uint32_t flags)
{
    uint32_t open = (flags & TOKEN_TRIPLE ? 3 : 1) + (flags & TOKEN_RAW &&
                    s->text.ptr[whole.off] == 'r' ? 1 : 0);
    uint32_t close = flags & TOKEN_OPEN ? 0 : flags & TOKEN_TRIPLE ? 3 : 1;
    if (open + close > whole.len)
        return (struct span){ whole.off + whole.len, 0 };
    return (struct span){ whole.off + open, whole.len - open - close };
}

static void text_error(struct literal_text *t, const char *code, uint32_t off, uint32_t len,
                       const char *message)
{
    t->bad = true;
    diag_add(t->diags, code, t->source, (struct span){ off, len }, "%s", message);
}

void literal_begin(struct literal_text *t, struct span whole)
{
    if (!(t->flags & TOKEN_BLOCK) || t->flags & TOKEN_OPEN)
        return;
    const char *text = t->source->text.ptr;
    uint32_t close = whole.off + whole.len - 3, line = close;
    while (line && text[line - 1] != '\n')
        line--;
    for (uint32_t i = line; i < close; i++) {
        if (text[i] == ' ' || text[i] == '\t')
            continue;
        text_error(t, "E0005", close, 3,
                   "the closing `\"\"\"` of a block string stands first on its line");
        return;
    }
    t->indent = (struct slice){ text + line, close - line };
}

static uint32_t hex_escape(struct literal_text *t, const char *p, uint32_t n, struct str *out)
{
    uint32_t i = 3, cp = 0;             /* behind \u{ */
    if (n < 4 || p[2] != '{')
        return 0;
    for (; i < n && p[i] != '}'; i++) {
        int d = digit_value(p[i]);
        if (d > 15 || i > 8)
            return 0;
        cp = cp * 16 + (uint32_t)d;
    }
    char utf8[4];
    if (i == 3 || i >= n || !utf8_encode(cp, utf8))
        return 0;
    str_add_cp(out, cp);
    (void)t;
    return i + 1;
}

/* One escape at p; gives its length. */
static uint32_t escape(struct literal_text *t, const char *p, uint32_t n, struct str *out)
{
    static const char from[] = "ntr0\\\"$", to[] = "\n\t\r\0\\\"$";
    uint32_t off = (uint32_t)(p - t->source->text.ptr);
    if (n < 2)
        return n;
    if (p[1] == '\n' && t->flags & TOKEN_BLOCK)
        return 2;                       /* joins the lines */
    const char *known = memchr(from, p[1], sizeof from - 1);
    if (known) {
        str_addc(out, to[known - from]);
        return 2;
    }
    uint32_t len = p[1] == 'u' ? hex_escape(t, p, n, out) : 0;
    if (len)
        return len;
    uint32_t cp;
    int wide = utf8_decode(p + 1, p + n, &cp);
    len = 1 + (wide > 0 ? (uint32_t)wide : 1);
    if (!t->bad)
        text_error(t, "E0006", off, len, p[1] == 'u'
                   ? "write a code point as `\\u{1F600}`"
                   : "unknown escape; a backslash itself is written `\\\\`");
    return len;
}

/* Behind a newline: the length of the indentation to drop. */
static uint32_t dedent(struct literal_text *t, const char *p, uint32_t n, bool last)
{
    uint32_t i = 0;
    while (i < t->indent.len && i < n && p[i] == t->indent.ptr[i])
        i++;
    if (i == t->indent.len)
        return i;
    uint32_t blank = i;
    while (blank < n && (p[blank] == ' ' || p[blank] == '\t'))
        blank++;
    if ((blank < n && p[blank] == '\n') || (blank == n && last))
        return blank;
    if (!t->bad)
        text_error(t, "E0005", (uint32_t)(p - t->source->text.ptr), blank ? blank : 1,
                   "this line is indented less than the closing `\"\"\"`");
    return i;
}

struct slice literal_piece(struct literal_text *t, struct span at, bool first, bool last)
{
    const char *p = t->source->text.ptr + at.off;
    uint32_t n = at.len, i = 0;
    bool block = t->flags & TOKEN_BLOCK && !(t->flags & TOKEN_OPEN);
    struct str out = { 0 };

    if (block && last) {                /* the last newline and the indentation behind it */
        n -= t->indent.len <= n ? (uint32_t)t->indent.len : 0;
        if (n > (first ? 1 : 0) && p[n - 1] == '\n')
            n--;
    }
    if (block && first)
        i = n ? 1 + dedent(t, p + 1, n - 1, last) : 0;
    while (i < n) {
        if (p[i] == '\\' && !(t->flags & TOKEN_RAW)) {
            bool joins = i + 1 < n && p[i + 1] == '\n';
            i += escape(t, p + i, n - i, &out);
            if (joins && block)
                i += dedent(t, p + i, n - i, last);
            continue;
        }
        str_addc(&out, p[i++]);
        if (block && p[i - 1] == '\n')
            i += dedent(t, p + i, n - i, last);
    }
    struct slice kept = arena_slice(t->arena, str_slice(&out));
    if (out.failed)
        t->arena->failed = true;
    str_free(&out);
    return kept;
}
