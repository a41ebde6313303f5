/* regex_pcre.c - the regex dialect rewritten for PCRE2, for searching text.
 *
 * The pattern is checked by the parser of the dialect first, so the rewriting sees only what is
 * valid: it spells out the classes and escapes that PCRE2 reads otherwise.  Groups and laziness
 * stay, since searching captures. */
#include "compiler/pattern/pattern.h"
#include "compiler/pattern/charset.h"
#include "compiler/pattern/regex.h"

#include <string.h>

struct rewriter {
    struct slice s;
    size_t       at;
    struct str  *out;
    bool         in_class;
};

#define SPACE_CLASS "\\x{9}-\\x{d} \\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}" \
                    "\\x{205f}\\x{3000}\\x{feff}"
#define NOT_SPACE_CLASS "\\x{0}-\\x{8}\\x{e}-\\x{1f}!-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}" \
                        "\\x{200b}-\\x{2027}\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}" \
                        "\\x{3001}-\\x{d7ff}\\x{e000}-\\x{fefe}\\x{ff00}-\\x{10ffff}"

static void class_text(struct rewriter *w, const char *inside, const char *outside)
{
    str_adds(w->out, w->in_class ? inside : outside);
}

static void property(struct rewriter *w, bool negated)
{
    size_t end = w->at;
    while (end < w->s.len && w->s.ptr[end] != '}')
        end++;
    struct slice name = slice_sub(w->s, w->at + 1, end - w->at - 1);
    const char *code = charset_category_code(name);
    if (code)
        str_addf(w->out, "\\%c{%s}", negated ? 'P' : 'p', strcmp(code, "LC") ? code : "L&");
    else if (slice_is(name, "ASCII"))
        class_text(w, negated ? "\\x{80}-\\x{10ffff}" : "\\x{0}-\\x{7f}",
                   negated ? "[^\\x{0}-\\x{7f}]" : "[\\x{0}-\\x{7f}]");
    else if (slice_is(name, "Any"))
        class_text(w, negated ? "" : "\\x{0}-\\x{10ffff}", negated ? "(?!)" : "[\\x{0}-\\x{10ffff}]");
    else
        str_addf(w->out, "\\%c{Xps}", negated ? 'P' : 'p');
    w->at = end + 1;
}

static void code_point(struct rewriter *w)
{
    uint32_t v = 0;
    bool braces = w->at < w->s.len && w->s.ptr[w->at] == '{';
    size_t end = w->at + 4;
    if (braces)
        for (end = ++w->at; end < w->s.len && w->s.ptr[end] != '}'; end++)
            ;
    for (int half = 0; half < 2; half++) {
        uint32_t x = 0;
        for (; w->at < end && w->at < w->s.len; w->at++) {
            char c = w->s.ptr[w->at];
            x = x * 16 + (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
        }
        v = half ? 0x10000 + ((v - 0xd800) << 10) + (x - 0xdc00) : x;
        bool pair = !braces && !half && x >= 0xd800 && x < 0xdc00 && w->at + 6 <= w->s.len &&
                    w->s.ptr[w->at] == '\\' && w->s.ptr[w->at + 1] == 'u' &&
                    (w->s.ptr[w->at + 2] | 32) == 'd' && (w->s.ptr[w->at + 3] | 32) >= 'c';
        if (!pair)
            break;
        w->at += 2;
        end = w->at + 4;
    }
    w->at += braces;
    if (v >= CP_SURROGATE && v <= CP_SURROGATE_END)
        class_text(w, "", "(?!)");
    else
        str_addf(w->out, "\\x{%x}", v);
}

static void escape(struct rewriter *w)
{
    char c = w->s.ptr[w->at++];
    switch (c) {
    case 'd': class_text(w, "0-9", "[0-9]"); return;
    case 'D': class_text(w, "\\x{0}-/:-\\x{10ffff}", "[^0-9]"); return;
    case 'w': class_text(w, "A-Za-z0-9_", "[A-Za-z0-9_]"); return;
    case 'W': class_text(w, "\\x{0}-/:-@\\[-^`{-\\x{10ffff}", "[^A-Za-z0-9_]"); return;
    case 's': class_text(w, SPACE_CLASS, "[" SPACE_CLASS "]"); return;
    case 'S': class_text(w, NOT_SPACE_CLASS, "[^" SPACE_CLASS "]"); return;
    case 'p': case 'P': property(w, c == 'P'); return;
    case 'u': code_point(w); return;
    case 'x':
        str_addf(w->out, "\\x{%.2s}", w->s.ptr + w->at);
        w->at += 2;
        return;
    case '0': str_adds(w->out, "\\x{0}"); return;
    case 'v': str_adds(w->out, "\\x{b}"); return;
    case 'c':
        str_addf(w->out, "\\x{%x}", (unsigned)w->s.ptr[w->at++] & 31u);
        return;
    default:
        str_addc(w->out, '\\');
        str_addc(w->out, c);
    }
}

static void open_class(struct rewriter *w)
{
    struct slice rest = slice_sub(w->s, w->at, w->s.len);
    if (slice_starts(rest, SLICE("[^]"))) {
        str_adds(w->out, "[\\x{0}-\\x{10ffff}]");
        w->at += 3;
    } else if (slice_starts(rest, SLICE("[]"))) {
        str_adds(w->out, "(?!)");
        w->at += 2;
    } else {
        w->in_class = true;
        str_addc(w->out, '[');
        w->at++;
        if (w->s.ptr[w->at] == '^') {
            str_addc(w->out, '^');
            w->at++;
        }
    }
}

static void rewrite(struct rewriter *w)
{
    while (w->at < w->s.len) {
        char c = w->s.ptr[w->at];
        if (c == '\\') {
            w->at++;
            escape(w);
        } else if (w->in_class) {
            w->in_class = c != ']';
            if (c == '[')
                str_addc(w->out, '\\');
            str_addc(w->out, c);
            w->at++;
        } else if (c == '[') {
            open_class(w);
        } else {
            if (c == '^' || c == '$')
                str_adds(w->out, c == '^' ? "\\A" : "\\z");
            else if (c == '{' && !(w->at + 1 < w->s.len && w->s.ptr[w->at + 1] >= '0' &&
                                   w->s.ptr[w->at + 1] <= '9'))
                str_adds(w->out, "\\{");
            else
                str_addc(w->out, c);
            w->at++;
        }
    }
}

enum status regex_to_pcre(struct slice text, uint32_t flags, struct str *ret, struct error *err)
{
    enum status st = regex_check(text, REGEX_GEN, flags, err);
    if (st != ST_OK)
        return st;
    /* \N would do for the dot, but (?s) and the newline convention say it for every dot alike. */
    str_adds(ret, "(*LF)");
    if (flags & (SHAPE_ICASE | SHAPE_DOTALL))
        str_addf(ret, "(?%s%s)", flags & SHAPE_ICASE ? "i" : "", flags & SHAPE_DOTALL ? "s" : "");
    struct rewriter w = { .s = text, .out = ret };
    rewrite(&w);
    return ret->failed ? error_nomem(err) : ST_OK;
}
