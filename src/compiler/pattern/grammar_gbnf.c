/* grammar_gbnf.c - GBNF: `name ::= alternatives`, start rule `root`.
 *
 *     "text"  [a-z] [^"]  .  name  ( ... )  * + ? {m} {m,} {m,n}  |  # comment
 *
 * Inside parentheses a line may end anywhere; outside of them a rule ends with its line unless the
 * next one begins with a bar.  Classes and texts are code points. */
#include <string.h>

#include "base/utf8.h"
#include "compiler/pattern/grammar.h"

static int peek(const struct grammar *g)
{
    return g->at < g->text.len ? (uint8_t)g->text.ptr[g->at] : -1;
}

static bool eat(struct grammar *g, const char *word)
{
    if (!slice_starts(slice_sub(g->text, g->at, g->text.len), slice_of(word)))
        return false;
    g->at += (uint32_t)strlen(word);
    return true;
}

/* Blanks and comments; lines too where `lines` says so. */
static void skip(struct grammar *g, bool lines)
{
    for (int c; (c = peek(g)) >= 0;) {
        if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
            g->at++;
        } else if (c == '#' || (c == '/' && g->at + 1 < g->text.len && g->text.ptr[g->at + 1] == '/')) {
            while (peek(g) >= 0 && peek(g) != '\n')
                g->at++;
        } else {
            return;
        }
    }
}

static bool is_name(int c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '-' || c == '_';
}

static struct slice read_name(struct grammar *g)
{
    uint32_t from = g->at;
    while (is_name(peek(g)))
        g->at++;
    return slice_sub(g->text, from, g->at - from);
}

static bool hex(struct grammar *g, int digits, uint32_t *ret)
{
    uint32_t v = 0;
    for (int i = 0; i < digits; i++, g->at++) {
        int c = peek(g), d = c >= '0' && c <= '9' ? c - '0'
                            : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10 : -1;
        if (c < 0 || d < 0)
            return false;
        v = v * 16 + (uint32_t)d;
    }
    *ret = v;
    return true;
}

/* One character of a text or class. */
static bool read_char(struct grammar *g, uint32_t *ret)
{
    uint32_t off = g->at;
    if (!eat(g, "\\")) {
        int n = utf8_decode(g->text.ptr + g->at, g->text.ptr + g->text.len, ret);
        if (n < 1) {
            grammar_bad(g, off, "E0405", "the grammar is not valid UTF-8");
            return false;
        }
        g->at += (uint32_t)n;
        return true;
    }
    static const char from[] = "nrt\\\"[]-^/'", to[] = "\n\r\t\\\"[]-^/'";
    int c = peek(g);
    const char *k = c > 0 ? strchr(from, c) : NULL;
    g->at++;
    if (k) {
        *ret = (uint8_t)to[k - from];
        return true;
    }
    if ((c == 'x' && hex(g, 2, ret)) || (c == 'u' && hex(g, 4, ret)) || (c == 'U' && hex(g, 8, ret)))
        return true;
    grammar_bad(g, off, "E0405", "unknown escape");
    return false;
}

static struct item *read_text(struct grammar *g)
{
    uint32_t off = g->at++, cp;
    struct str s = { 0 };
    while (g->st == ST_OK && peek(g) != '"') {
        if (peek(g) < 0 || peek(g) == '\n') {
            grammar_bad(g, off, "E0405", "the text is not closed");
        } else if (read_char(g, &cp)) {
            str_add_cp(&s, cp);
        }
    }
    g->at++;
    uint32_t e = g->st == ST_OK ? expr_text(g->ex, str_slice(&s)) : EXPR_EMPTY;
    str_free(&s);
    return grammar_expr(g, e, off);
}

static struct item *read_class(struct grammar *g)
{
    uint32_t off = g->at++, lo, hi;
    struct ranges set = { 0 };
    bool negated = eat(g, "^");
    while (g->st == ST_OK && peek(g) != ']') {
        if (peek(g) < 0) {
            grammar_bad(g, off, "E0405", "the class is not closed");
            break;
        }
        if (!read_char(g, &lo))
            break;
        hi = lo;
        if (peek(g) == '-' && g->at + 1 < g->text.len && g->text.ptr[g->at + 1] != ']') {
            g->at++;
            if (!read_char(g, &hi))
                break;
        }
        if (hi < lo)
            grammar_bad(g, off, "E0405", "a range of the class is reversed");
        ranges_add(&set, lo, hi);
    }
    g->at++;
    ranges_sort(&set);
    ranges_not(&set);               /* two complements clip the set to what UTF-8 can spell */
    if (!negated)
        ranges_not(&set);
    uint32_t e = g->st == ST_OK ? expr_set(g->ex, &set) : EXPR_EMPTY;
    ranges_free(&set);
    return grammar_expr(g, e, off);
}

static struct item *read_alternatives(struct grammar *g, bool inside);

static struct item *read_primary(struct grammar *g)
{
    uint32_t off = g->at;
    int c = peek(g);
    if (c == '"')
        return read_text(g);
    if (c == '[')
        return read_class(g);
    if (c == '.') {
        g->at++;
        return grammar_expr(g, EXPR_ANY, off);
    }
    if (c == '(') {
        g->at++;
        if (++g->nest > GRAMMAR_NEST_MAX)
            return grammar_bad(g, off, "E0402", "groups are nested too deep");
        struct item *x = read_alternatives(g, true);
        g->nest--;
        if (x && !eat(g, ")"))
            return grammar_bad(g, off, "E0405", "the group is not closed");
        return x;
    }
    if (c == '<' || c == '!')
        return grammar_bad(g, off, "E0405", "control tokens in grammars are not supported");
    if (!is_name(c))
        return grammar_bad(g, off, "E0405", "a text, class, name or group is expected");
    struct item *x = grammar_item(g, ITEM_RULE, off);
    if (x)
        x->x = grammar_rule(g, read_name(g), off);
    return x;
}

static struct item *read_item(struct grammar *g)
{
    struct item *x = read_primary(g);
    while (x && g->st == ST_OK) {
        uint32_t lo = 0, hi = EXPR_INF;
        int c = peek(g);
        if (c == '{') {
            g->at++;
            if (!grammar_bounds(g, &lo, &hi))
                return NULL;
        } else if (c == '*' || c == '+' || c == '?') {
            g->at++;
            lo = c == '+';
            hi = c == '?' ? 1 : EXPR_INF;
        } else {
            break;
        }
        x = grammar_repeat(g, x, lo, hi);
    }
    return x;
}

/* A name with `::=` behind it begins the next rule. */
static bool at_rule(struct grammar *g)
{
    uint32_t at = g->at;
    bool yes = false;
    if (is_name(peek(g))) {
        read_name(g);
        skip(g, false);
        yes = eat(g, "::=");
    }
    g->at = at;
    return yes;
}

static struct item *read_sequence(struct grammar *g, bool inside)
{
    struct grammar_list l = { 0 };
    uint32_t off = g->at;
    for (;;) {
        skip(g, inside);
        int c = peek(g);
        if (c < 0 || c == '|' || c == ')' || c == '\n' || g->st != ST_OK || at_rule(g))
            break;
        grammar_push(g, &l, read_item(g));
    }
    return grammar_join(g, ITEM_CAT, &l, off);
}

/* Outside a group the alternatives go on when the next line begins with a bar. */
static bool next_bar(struct grammar *g, bool inside)
{
    uint32_t at = g->at;
    skip(g, true);
    if (eat(g, "|"))
        return true;
    if (!inside)
        g->at = at;
    return false;
}

static struct item *read_alternatives(struct grammar *g, bool inside)
{
    struct grammar_list l = { 0 };
    uint32_t off = g->at;
    do {
        if (!inside)
            skip(g, true);          /* a rule may begin on the line behind `::=` or the bar */
        grammar_push(g, &l, read_sequence(g, inside));
    } while (g->st == ST_OK && next_bar(g, inside));
    return grammar_join(g, ITEM_ALT, &l, off);
}

void grammar_parse_gbnf(struct grammar *g)
{
    for (skip(g, true); peek(g) >= 0 && g->st == ST_OK; skip(g, true)) {
        uint32_t off = g->at;
        if (!is_name(peek(g))) {
            grammar_bad(g, off, "E0405", "the name of a rule is expected");
            return;
        }
        uint32_t rule = grammar_rule(g, read_name(g), off);
        skip(g, false);
        if (!eat(g, "::=")) {
            grammar_bad(g, off, "E0405", "::= is expected behind the rule's name");
            return;
        }
        struct item *body = read_alternatives(g, false);
        if (g->st == ST_OK && g->rule[rule].body)
            grammar_bad(g, off, "E0405", "this rule is defined twice");
        else if (g->st == ST_OK)
            g->rule[rule].body = body;
    }
}
