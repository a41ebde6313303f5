/* grammar_lark.c - a subset of Lark: rules in lower case, terminals in upper case, start `start`.
 *
 *     rule: a B "text"i | /regex/is | "a".."z" | (x y)* | [x] | x~2..5
 *     TERMINAL: ...        %ignore TERMINAL        %import common.WS        // comment
 *
 * Terminals are matched without maximal munch.  What is ignored may stand once behind any terminal.
 * Priorities, templates and other imports are refused. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "compiler/pattern/grammar.h"
#include "compiler/pattern/regex.h"

struct lark {
    struct grammar *g;
    struct slice    ignored[16];
    uint32_t        n_ignored;
    bool            in_terminal;
};

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

static void skip(struct grammar *g, bool lines)
{
    for (int c; (c = peek(g)) >= 0;) {
        if (c == ' ' || c == '\t' || c == '\r' || (lines && c == '\n')) {
            g->at++;
        } else if (slice_starts(slice_sub(g->text, g->at, 2), SLICE("//")) || c == '#') {
            while (peek(g) >= 0 && peek(g) != '\n')
                g->at++;
        } else {
            return;
        }
    }
}

static bool is_letter(int c)
{
    return ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_';
}

static struct slice read_name(struct grammar *g)
{
    uint32_t from = g->at;
    while (is_letter(peek(g)) || (peek(g) >= '0' && peek(g) <= '9'))
        g->at++;
    return slice_sub(g->text, from, g->at - from);
}

static bool is_terminal(struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        if (name.ptr[i] >= 'a' && name.ptr[i] <= 'z')
            return false;
    return true;
}

/* Behind the opening quote. */
static bool read_text(struct grammar *g, struct str *out)
{
    static const char from[] = "nrtfv\\\"'/", to[] = "\n\r\t\f\v\\\"'/";
    uint32_t off = g->at;
    while (peek(g) != '"') {
        int c = peek(g);
        if (c < 0 || c == '\n') {
            grammar_bad(g, off, "E0405", "the text is not closed");
            return false;
        }
        g->at++;
        if (c != '\\') {
            str_addc(out, (char)c);
            continue;
        }
        c = peek(g);
        g->at++;
        const char *k = c > 0 ? strchr(from, c) : NULL;
        uint32_t v = 0, digits = c == 'x' ? 2 : c == 'u' ? 4 : 0;
        if (!k && !digits) {
            grammar_bad(g, off, "E0405", "unknown escape in the text");
            return false;
        }
        for (uint32_t i = 0; i < digits; i++, g->at++) {
            int h = peek(g) | 32;
            v = v * 16 + (uint32_t)(h <= '9' ? h - '0' : h - 'a' + 10) % 16;
        }
        if (k)
            str_addc(out, to[k - from]);
        else
            str_add_cp(out, v);
    }
    g->at++;
    return true;
}

static uint32_t text_expr(struct grammar *g, struct slice s, bool icase)
{
    uint32_t e = EXPR_EPS;
    if (!icase)
        return expr_text(g->ex, s);
    for (size_t at = s.len; at > 0;) {
        size_t from = at - 1;
        uint32_t cp;
        while (from > 0 && ((uint8_t)s.ptr[from] & 0xc0) == 0x80)
            from--;
        if (utf8_decode(s.ptr + from, s.ptr + s.len, &cp) < 1)
            cp = 0xfffd;
        struct ranges set = { 0 };
        ranges_add(&set, cp, cp);
        ranges_fold(&set);
        e = expr_cat(g->ex, expr_set(g->ex, &set), e);
        ranges_free(&set);
        at = from;
    }
    return e;
}

static uint32_t read_string(struct grammar *g)
{
    struct str s = { 0 }, s2 = { 0 };
    uint32_t off = g->at++, e = EXPR_EMPTY, lo, hi;
    if (read_text(g, &s)) {
        if (eat(g, "..")) {
            if (!eat(g, "\"") || !read_text(g, &s2) || !s.len || !s2.len ||
                utf8_decode(s.ptr, s.ptr + s.len, &lo) != (int)s.len ||
                utf8_decode(s2.ptr, s2.ptr + s2.len, &hi) != (int)s2.len || hi < lo)
                grammar_bad(g, off, "E0405", "a range is written \"a\"..\"z\"");
            else
                e = expr_range(g->ex, lo, hi);
        } else {
            bool icase = eat(g, "i");
            e = text_expr(g, str_slice(&s), icase);
        }
    }
    str_free(&s);
    str_free(&s2);
    return e;
}

static uint32_t read_regex(struct grammar *g)
{
    uint32_t off = ++g->at, flags = 0, e = EXPR_EMPTY;
    bool in_class = false;
    for (int c; (c = peek(g)) != '/' || in_class; g->at++) {
        if (c < 0 || c == '\n') {
            grammar_bad(g, off, "E0405", "the regular expression is not closed");
            return e;
        }
        struct slice rest = slice_sub(g->text, g->at, 3);
        if (!in_class && (slice_is(rest, "(?=") || slice_is(rest, "(?!"))) {
            grammar_bad(g, g->at, "E0405", "LARK_LOOKAROUND: look-ahead is not supported here");
            return e;
        }
        if (c == '\\')
            g->at++;
        else if (c == '[' || c == ']')
            in_class = c == '[';
    }
    struct slice text = slice_sub(g->text, off, g->at - off);
    g->at++;
    for (;;) {
        if (eat(g, "i"))
            flags |= SHAPE_ICASE;
        else if (eat(g, "s"))
            flags |= SHAPE_DOTALL;
        else
            break;
    }
    struct error why = { 0 };
    if (regex_compile(g->ex, text, REGEX_GEN, flags, &e, &why) != ST_OK)
        grammar_bad(g, off + why.at.off, "E0405", why.text);
    return e;
}

static struct item *read_alternatives(struct lark *l);

static struct item *ignored_item(struct lark *l, uint32_t off);

/* A terminal inside a rule, with what may be ignored behind it. */
static struct item *with_ignored(struct lark *l, struct item *x)
{
    struct grammar_list both = { 0 };
    if (!x || l->in_terminal || !l->n_ignored)
        return x;
    grammar_push(l->g, &both, x);
    grammar_push(l->g, &both, ignored_item(l, x->off));
    return grammar_join(l->g, ITEM_CAT, &both, x->off);
}

static struct item *rule_item(struct grammar *g, struct slice name, uint32_t off)
{
    struct item *x = grammar_item(g, ITEM_RULE, off);
    if (x)
        x->x = grammar_rule(g, name, off);
    return x;
}

static struct item *ignored_item(struct lark *l, uint32_t off)
{
    struct grammar_list all = { 0 };
    for (uint32_t i = 0; i < l->n_ignored; i++)
        grammar_push(l->g, &all, rule_item(l->g, l->ignored[i], off));
    return grammar_repeat(l->g, grammar_join(l->g, ITEM_ALT, &all, off), 0, 1);
}

static struct item *read_group(struct lark *l, const char *close)
{
    struct grammar *g = l->g;
    uint32_t off = g->at++;
    if (++g->nest > GRAMMAR_NEST_MAX)
        return grammar_bad(g, off, "E0402", "groups are nested too deep");
    struct item *x = read_alternatives(l);
    g->nest--;
    skip(g, true);
    if (x && !eat(g, close))
        return grammar_bad(g, off, "E0405", "the group is not closed");
    return x;
}

static struct item *read_primary(struct lark *l)
{
    struct grammar *g = l->g;
    uint32_t off = g->at;
    int c = peek(g);
    if (c == '"')
        return with_ignored(l, grammar_expr(g, read_string(g), off));
    if (c == '/')
        return with_ignored(l, grammar_expr(g, read_regex(g), off));
    if (c == '(')
        return read_group(l, ")");
    if (c == '[') {
        struct item *x = read_group(l, "]");
        return grammar_repeat(g, x, 0, 1);
    }
    if (!is_letter(c))
        return grammar_bad(g, off, "E0405", "a text, regular expression, name or group is expected");
    struct slice name = read_name(g);
    if (peek(g) == '{')
        return grammar_bad(g, off, "E0405", "templates are not supported");
    struct item *x = rule_item(g, name, off);
    return is_terminal(name) ? with_ignored(l, x) : x;
}

static struct item *read_item(struct lark *l)
{
    struct grammar *g = l->g;
    struct item *x = read_primary(l);
    while (x && g->st == ST_OK) {
        uint32_t lo = 0, hi = EXPR_INF;
        int c = peek(g);
        if (c == '*' || c == '+' || c == '?') {
            g->at++;
            lo = c == '+';
            hi = c == '?' ? 1 : EXPR_INF;
        } else if (c == '~' || (c == ' ' && slice_starts(slice_sub(g->text, g->at, 2), SLICE(" ~")))) {
            g->at += c == '~' ? 1 : 2;
            char bounds[32];
            skip(g, false);
            uint32_t from = g->at;
            while ((peek(g) >= '0' && peek(g) <= '9') || peek(g) == '.')
                g->at++;
            uint32_t len = g->at - from < 31 ? g->at - from : 31;
            memcpy(bounds, g->text.ptr + from, len);
            bounds[len] = 0;
            unsigned a = 0, b = 0;
            int got = sscanf(bounds, "%u..%u", &a, &b);
            if (got < 1 || (got == 2 && b < a) || a > 1u << 20 || b > 1u << 20)
                return grammar_bad(g, from, "E0405", "a count such as ~ 2 or ~ 2..5 is expected");
            lo = a;
            hi = got == 2 ? b : a;
        } else {
            break;
        }
        x = grammar_repeat(g, x, lo, hi);
    }
    return x;
}

/* A definition begins at the start of a line: `name:`, `?name:`, `name.2:`. */
static bool at_definition(struct grammar *g)
{
    uint32_t at = g->at;
    bool yes = eat(g, "%");
    if (!yes) {
        while (peek(g) == '?' || peek(g) == '!')
            g->at++;
        struct slice name = read_name(g);
        while (peek(g) == '.' || (peek(g) >= '0' && peek(g) <= '9'))
            g->at++;
        skip(g, false);
        yes = name.len && peek(g) == ':';
    }
    g->at = at;
    return yes;
}

static struct item *read_sequence(struct lark *l)
{
    struct grammar *g = l->g;
    struct grammar_list list = { 0 };
    uint32_t off = g->at;
    while (g->st == ST_OK) {
        skip(g, g->nest > 0);
        if (peek(g) == '\n') {
            uint32_t at = g->at;
            skip(g, true);
            bool bar = peek(g) == '|';
            g->at = at;
            if (!bar)
                break;
            skip(g, true);
        }
        int c = peek(g);
        if (eat(g, "->")) {
            skip(g, false);
            read_name(g);
            continue;
        }
        if (c < 0 || c == '|' || c == ')' || c == ']' || (!g->nest && at_definition(g)))
            break;
        grammar_push(g, &list, read_item(l));
    }
    return grammar_join(g, ITEM_CAT, &list, off);
}

static struct item *read_alternatives(struct lark *l)
{
    struct grammar *g = l->g;
    struct grammar_list list = { 0 };
    uint32_t off = g->at;
    do
        grammar_push(g, &list, read_sequence(l));
    while (g->st == ST_OK && eat(g, "|"));
    return grammar_join(g, ITEM_ALT, &list, off);
}

/* Lark's library of terminals, as regular expressions. */
static const char *const common[][2] = {
    { "DIGIT", "[0-9]" }, { "HEXDIGIT", "[0-9A-Fa-f]" }, { "INT", "[0-9]+" },
    { "SIGNED_INT", "[+-]?[0-9]+" }, { "DECIMAL", "[0-9]+\\.[0-9]*|\\.[0-9]+" },
    { "FLOAT", "[0-9]+[eE][+-]?[0-9]+|(?:[0-9]+\\.[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?" },
    { "SIGNED_FLOAT", "[+-]?(?:[0-9]+[eE][+-]?[0-9]+|(?:[0-9]+\\.[0-9]*|\\.[0-9]+)(?:[eE][+-]?[0-9]+)?)" },
    { "NUMBER", "[0-9]+(?:\\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\\.[0-9]+(?:[eE][+-]?[0-9]+)?" },
    { "SIGNED_NUMBER", "[+-]?(?:[0-9]+(?:\\.[0-9]*)?(?:[eE][+-]?[0-9]+)?|\\.[0-9]+(?:[eE][+-]?[0-9]+)?)" },
    { "ESCAPED_STRING", "\"(?:[^\"\\\\\\n]|\\\\.)*\"" }, { "LCASE_LETTER", "[a-z]" },
    { "UCASE_LETTER", "[A-Z]" }, { "LETTER", "[A-Za-z]" }, { "WORD", "[A-Za-z]+" },
    { "CNAME", "[A-Za-z_][A-Za-z0-9_]*" }, { "WS_INLINE", "[ \\t]+" }, { "WS", "[ \\t\\f\\r\\n]+" },
    { "CR", "\\r" }, { "LF", "\\n" }, { "NEWLINE", "(?:\\r?\\n)+" }, { "SH_COMMENT", "#[^\\n]*" },
    { "CPP_COMMENT", "\\/\\/[^\\n]*" }, { "SQL_COMMENT", "--[^\\n]*" },
};

static void import_one(struct grammar *g, struct slice name, struct slice as, uint32_t off)
{
    for (size_t i = 0; i < sizeof common / sizeof *common; i++) {
        uint32_t e = EXPR_EMPTY;
        if (!slice_is(name, common[i][0]))
            continue;
        if (regex_compile(g->ex, slice_of(common[i][1]), REGEX_GEN, 0, &e, NULL) != ST_OK)
            return;
        uint32_t rule = grammar_rule(g, as, off);
        if (g->st == ST_OK)
            g->rule[rule].body = grammar_expr(g, e, off);
        return;
    }
    grammar_bad(g, off, "E0405", "this name is not in common");
}

static void read_import(struct grammar *g)
{
    uint32_t off = g->at;
    skip(g, false);
    if (!eat(g, "common")) {
        grammar_bad(g, off, "E0405", "only common.* can be imported");
        return;
    }
    skip(g, false);
    if (eat(g, ".")) {
        struct slice name = read_name(g), as = name;
        skip(g, false);
        if (eat(g, "->")) {
            skip(g, false);
            as = read_name(g);
        }
        import_one(g, name, as, off);
        return;
    }
    if (!eat(g, "("))
        grammar_bad(g, off, "E0405", "common.NAME or common (A, B) is expected");
    while (g->st == ST_OK && !eat(g, ")")) {
        skip(g, true);
        struct slice name = read_name(g);
        if (!name.len)
            grammar_bad(g, g->at, "E0405", "the name of a terminal is expected");
        else
            import_one(g, name, name, off);
        skip(g, true);
        eat(g, ",");
        skip(g, true);
    }
}

static void read_ignore(struct lark *l)
{
    struct grammar *g = l->g;
    skip(g, false);
    uint32_t off = g->at;
    if (l->n_ignored == 16) {
        grammar_bad(g, off, "E0402", "too many %ignore");
        return;
    }
    if (is_letter(peek(g))) {
        l->ignored[l->n_ignored++] = read_name(g);
        return;
    }
    char *name = arena_printf(&g->arena, "%%ignore%u", l->n_ignored);
    bool was = l->in_terminal;
    l->in_terminal = true;
    struct item *body = read_alternatives(l);
    l->in_terminal = was;
    if (!name || g->st != ST_OK)
        return;
    uint32_t rule = grammar_rule(g, slice_of(name), off);
    if (g->st == ST_OK)
        g->rule[rule].body = body;
    l->ignored[l->n_ignored++] = slice_of(name);
}

static void read_definition(struct lark *l)
{
    struct grammar *g = l->g;
    uint32_t off = g->at;
    while (peek(g) == '?' || peek(g) == '!')
        g->at++;
    struct slice name = read_name(g);
    if (!name.len) {
        grammar_bad(g, off, "E0405", "the name of a rule is expected");
        return;
    }
    if (peek(g) == '.') {
        grammar_bad(g, g->at, "E0405", "LARK_PRIORITY: priorities are not supported");
        return;
    }
    skip(g, false);
    if (!eat(g, ":")) {
        grammar_bad(g, off, "E0405", peek(g) == '{' ? "templates are not supported"
                                                   : "a colon is expected behind the rule's name");
        return;
    }
    l->in_terminal = is_terminal(name);
    uint32_t rule = grammar_rule(g, name, off);
    struct item *body = read_alternatives(l);
    if (g->st == ST_OK && g->rule[rule].body)
        grammar_bad(g, off, "E0405", "this rule is defined twice");
    else if (g->st == ST_OK)
        g->rule[rule].body = body;
}

/* Statements in order; %ignore is read in a first pass, because it counts for all rules. */
static void statements(struct lark *l, bool only_ignore)
{
    struct grammar *g = l->g;
    for (skip(g, true); peek(g) >= 0 && g->st == ST_OK; skip(g, true)) {
        bool ignore = eat(g, "%ignore");
        if (only_ignore && !ignore) {
            while (peek(g) >= 0 && peek(g) != '\n')
                g->at++;
        } else if (ignore && only_ignore) {
            read_ignore(l);
        } else if (ignore) {
            while (peek(g) >= 0 && peek(g) != '\n')
                g->at++;
        } else if (eat(g, "%import")) {
            read_import(g);
        } else if (peek(g) == '%') {
            grammar_bad(g, g->at, "E0405", "this directive is not supported");
        } else {
            read_definition(l);
        }
    }
}

void grammar_parse_lark(struct grammar *g)
{
    struct lark l = { .g = g };
    statements(&l, true);
    g->at = 0;
    if (g->st == ST_OK)
        statements(&l, false);
}
