/* jinja.re - scanner of chat templates: text, and the tokens inside of {{ }} and {% %}.
 *
 * Which blanks a template keeps is decided here and nowhere else, as the reference environment
 * does it with trim_blocks and lstrip_blocks on: the newline behind a block or comment goes, the
 * blanks between the start of a line and a block or comment go, "-" takes all blanks on its side,
 * "+" keeps them.  A word directly behind "{%" is a statement and comes out as one TAG_ token, so
 * that the same word is an ordinary name anywhere else.
 *
 * The source is NUL-terminated and has "\n" for every line end; jinja_parse.c sees to both. */
#include <string.h>

#include "base/utf8.h"
#include "runtime/chat/jinja.h"

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = p;
    re2c:define:YYMARKER = marker;
    re2c:yyfill:enable = 0;

    digits = [0-9] ("_"? [0-9])*;
    name   = [A-Za-z_\x80-\xff] [A-Za-z0-9_\x80-\xff]*;
*/

struct word {
    const char *text;
    int         code;
};

static const struct word operators[] = {
    { "and", JK_AND }, { "else", JK_ELSE }, { "if", JK_IF }, { "in", JK_IN },
    { "is", JK_IS },   { "not", JK_NOT },   { "or", JK_OR },
};

static const struct word tags[] = {
    { "break", JK_TAG_BREAK },
    { "call", JK_TAG_CALL },
    { "continue", JK_TAG_CONTINUE },
    { "elif", JK_TAG_ELIF },
    { "else", JK_TAG_ELSE },
    { "endcall", JK_TAG_ENDCALL },
    { "endfilter", JK_TAG_ENDFILTER },
    { "endfor", JK_TAG_ENDFOR },
    { "endgeneration", JK_TAG_ENDGENERATION },
    { "endif", JK_TAG_ENDIF },
    { "endmacro", JK_TAG_ENDMACRO },
    { "endset", JK_TAG_ENDSET },
    { "endwith", JK_TAG_ENDWITH },
    { "filter", JK_TAG_FILTER },
    { "for", JK_TAG_FOR },
    { "generation", JK_TAG_GENERATION },
    { "if", JK_TAG_IF },
    { "macro", JK_TAG_MACRO },
    { "set", JK_TAG_SET },
    { "with", JK_TAG_WITH },
};

static int find_word(const struct word *words, size_t n, struct slice s)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(s, words[i].text))
            return words[i].code;
    return 0;
}

static enum status lex_fail(struct jinja_lexer *lx, const char *at, const char *what,
                            struct slice arg, struct error *err)
{
    int len = (int)(arg.len < 40 ? arg.len : 40);
    return error_at(err, ST_SYNTAX, NULL, (struct span){ (uint32_t)(at - lx->src), 1 },
                    "chat template, line %u: %s%s%.*s%s", jinja_line(lx->src, at), what,
                    len ? " '" : "", len, len ? arg.ptr : "", len ? "'" : "");
}

static const char *skip_blank(const char *p, const char *end)
{
    while (p < end) {
        int n = jinja_blank(p, end);
        if (!n)
            break;
        p += n;
    }
    return p;
}

/* Everything up to `to` has been taken; what follows may stand at the start of a line. */
static void advance(struct jinja_lexer *lx, const char *to)
{
    if (to > lx->p)
        lx->line_start = to[-1] == '\n';
    lx->p = to;
}

/* The text in front of an opening bracket, without the blanks that `sign` and the line rule take. */
static struct slice trim_text(const struct jinja_lexer *lx, struct slice text, char sign, bool is_var)
{
    if (sign == '-')
        return jinja_rstrip(text);
    if (sign == '+' || is_var)
        return text;
    size_t from = text.len;
    while (from > 0 && text.ptr[from - 1] != '\n')
        from--;
    if (from == 0 && !lx->line_start)
        return text;
    const char *end = text.ptr + text.len;
    return skip_blank(text.ptr + from, end) == end ? slice_sub(text, 0, from) : text;
}

/* The end of "-%}", "+%}" or "%}" that begins at p with the blanks it takes, or NULL. */
static const char *block_end(const char *p, const char *end)
{
    if (end - p >= 3 && p[0] == '-' && p[1] == '%' && p[2] == '}')
        return skip_blank(p + 3, end);
    if (end - p >= 3 && p[0] == '+' && p[1] == '%' && p[2] == '}')
        return p + 3;
    if (end - p >= 2 && p[0] == '%' && p[1] == '}')
        return p + 2 + (p + 2 < end && p[2] == '\n');
    return NULL;
}

/* "{%- word %}" at p: its end, or NULL.  A raw block's opening keeps the newline behind it. */
static const char *bare_tag(const char *p, const char *end, const char *word, char *ret_sign)
{
    size_t len = strlen(word);
    if (end - p < 2 || p[0] != '{' || p[1] != '%')
        return NULL;
    p += 2;
    *ret_sign = 0;
    if (p < end && (*p == '-' || *p == '+'))
        *ret_sign = *p++;
    p = skip_blank(p, end);
    if ((size_t)(end - p) < len || memcmp(p, word, len) != 0)
        return NULL;
    p = skip_blank(p + len, end);
    if (strcmp(word, "raw") == 0 && end - p >= 2 && p[0] == '%' && p[1] == '}')
        return p + 2;
    if (strcmp(word, "raw") == 0 && *p == '+')
        return NULL;
    return block_end(p, end);
}

static bool text_token(struct jinja_lexer *lx, struct slice text, struct jinja_token *ret)
{
    if (!text.len)
        return false;
    *ret = (struct jinja_token){ JK_TEXT, text, (uint32_t)(text.ptr - lx->src) };
    return true;
}

/* Behind "{% raw %}": its text up to "{% endraw %}". */
static enum status lex_raw(struct jinja_lexer *lx, struct jinja_token *ret, bool *ret_has,
                           struct error *err)
{
    for (const char *q = lx->p; q < lx->end; q++) {
        char sign;
        const char *after = *q == '{' ? bare_tag(q, lx->end, "endraw", &sign) : NULL;
        if (!after)
            continue;
        struct slice text = { lx->p, (size_t)(q - lx->p) };
        *ret_has = text_token(lx, trim_text(lx, text, sign, false), ret);
        advance(lx, after);
        return ST_OK;
    }
    return lex_fail(lx, lx->p, "a raw block without an end", (struct slice){ 0 }, err);
}

static enum status skip_comment(struct jinja_lexer *lx, const char *body, struct error *err)
{
    for (const char *q = body; q + 1 < lx->end; q++) {
        if (q[0] != '#' || q[1] != '}')
            continue;
        const char *after = q + 2;
        if (q > body && q[-1] == '-')
            after = skip_blank(after, lx->end);
        else if (!(q > body && q[-1] == '+') && after < lx->end && *after == '\n')
            after++;
        advance(lx, after);
        return ST_OK;
    }
    return lex_fail(lx, body, "a comment without an end", (struct slice){ 0 }, err);
}

static enum status lex_tag(struct jinja_lexer *lx, const char *p, struct jinja_token *ret,
                           struct error *err)
{
    p = skip_blank(p, lx->end);
    const char *from = p;
    while (p < lx->end && (*p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z')))
        p++;
    struct slice word = { from, (size_t)(p - from) };
    int code = find_word(tags, sizeof tags / sizeof *tags, word);
    if (!code)
        return lex_fail(lx, from, word.len ? "this tag is not supported:" : "a tag without a name",
                        word, err);
    *ret = (struct jinja_token){ code, word, (uint32_t)(from - lx->src) };
    lx->mode = JINJA_TAG;
    lx->n_open = 0;
    lx->last = 0;
    advance(lx, p);
    return ST_OK;
}

/* Text mode.  ret_has is false when there was nothing to hand out: the caller calls again. */
static enum status lex_text(struct jinja_lexer *lx, struct jinja_token *ret, bool *ret_has,
                            struct error *err)
{
    const char *q = lx->p;
    while (q + 1 < lx->end && !(q[0] == '{' && (q[1] == '{' || q[1] == '%' || q[1] == '#')))
        q++;
    if (q + 1 >= lx->end) {
        *ret_has = text_token(lx, (struct slice){ lx->p, (size_t)(lx->end - lx->p) }, ret);
        advance(lx, lx->end);
        return ST_OK;
    }
    char kind = q[1];
    char sign = q + 2 < lx->end && (q[2] == '-' || q[2] == '+') ? q[2] : 0;
    struct slice text = { lx->p, (size_t)(q - lx->p) };
    if (text.len) {
        /* Hand out the text; the bracket is met again with nothing in front of it. */
        text = trim_text(lx, text, sign, kind == '{');
        advance(lx, q);
        *ret_has = text_token(lx, text, ret);
        return ST_OK;
    }

    const char *inside = q + 2 + (sign != 0);
    if (kind == '#')
        return skip_comment(lx, inside, err);
    char raw_sign;
    const char *raw = kind == '%' ? bare_tag(q, lx->end, "raw", &raw_sign) : NULL;
    if (raw) {
        advance(lx, raw);
        return lex_raw(lx, ret, ret_has, err);
    }
    *ret_has = true;
    if (kind == '%')
        return lex_tag(lx, inside, ret, err);
    *ret = (struct jinja_token){ JK_VAR_BEGIN, { q, 2 }, (uint32_t)(q - lx->src) };
    lx->mode = JINJA_VAR;
    lx->n_open = 0;
    lx->last = 0;
    advance(lx, inside);
    return ST_OK;
}

/* Closing brackets of the tag itself, which count only outside of all others. */
static bool lex_end(struct jinja_lexer *lx, const char *p, struct jinja_token *ret)
{
    if (lx->n_open)
        return false;
    const char *after = NULL;
    if (lx->mode == JINJA_TAG) {
        after = block_end(p, lx->end);
    } else if (lx->end - p >= 3 && p[0] == '-' && p[1] == '}' && p[2] == '}') {
        after = skip_blank(p + 3, lx->end);
    } else if (lx->end - p >= 2 && p[0] == '}' && p[1] == '}') {
        after = p + 2;
    }
    if (!after)
        return false;
    *ret = (struct jinja_token){ lx->mode == JINJA_TAG ? JK_END : JK_VAR_END,
                                 { p, 2 }, (uint32_t)(p - lx->src) };
    lx->mode = JINJA_TEXT;
    advance(lx, after);
    return true;
}

static enum status balance(struct jinja_lexer *lx, int code, const char *at, struct error *err)
{
    static const char close_of[] = { ')', ']', '}' };
    int open = code == JK_LPAREN ? 0 : code == JK_LBRACKET ? 1 : code == JK_LBRACE ? 2 : -1;
    int close = code == JK_RPAREN ? 0 : code == JK_RBRACKET ? 1 : code == JK_RBRACE ? 2 : -1;
    if (open >= 0) {
        if (lx->n_open == JINJA_MAX_DEPTH)
            return lex_fail(lx, at, "brackets are nested too deeply", (struct slice){ 0 }, err);
        lx->open[lx->n_open++] = close_of[open];
    }
    if (close >= 0) {
        if (!lx->n_open || lx->open[lx->n_open - 1] != close_of[close])
            return lex_fail(lx, at, "unexpected", (struct slice){ at, 1 }, err);
        lx->n_open--;
    }
    return ST_OK;
}

/* One token of an expression. */
static enum status lex_code(struct jinja_lexer *lx, struct jinja_token *ret, struct error *err)
{
    const char *start = skip_blank(lx->p, lx->end);
    if (start == lx->end)
        return lex_fail(lx, start, "the template ends inside of a tag", (struct slice){ 0 }, err);
    if (lex_end(lx, start, ret))
        return ST_OK;

    const unsigned char *p = (const unsigned char *)start;
    const unsigned char *marker = p;
    int code = 0;
    if (lx->last == JK_DOT && *p >= '0' && *p <= '9') {
        while (*p >= '0' && *p <= '9')
            p++;
        code = JK_INT;
        goto done;
    }
    /*!re2c
        name {
            struct slice word = { start, (size_t)((const char *)p - start) };
            code = lx->last == JK_DOT ? 0 : find_word(operators,
                                                      sizeof operators / sizeof *operators, word);
            code = code ? code : JK_NAME;
            goto done;
        }
        '0b' ("_"? [01])+ | '0o' ("_"? [0-7])+ | '0x' ("_"? [0-9a-fA-F])+ | digits
                            { code = JK_INT; goto done; }
        digits ("." digits)? 'e' [+-]? digits | digits "." digits
                            { code = JK_FLOAT; goto done; }
        "'" ([^'\\\x00] | "\\" [^\x00])* "'" | "\"" ([^"\\\x00] | "\\" [^\x00])* "\""
                            { code = JK_STRING; goto done; }
        "//" { code = JK_FLOORDIV; goto done; }
        "**" { code = JK_POW; goto done; }
        "==" { code = JK_EQ; goto done; }
        "!=" { code = JK_NE; goto done; }
        "<=" { code = JK_LE; goto done; }
        ">=" { code = JK_GE; goto done; }
        "<"  { code = JK_LT; goto done; }
        ">"  { code = JK_GT; goto done; }
        "+"  { code = JK_PLUS; goto done; }
        "-"  { code = JK_MINUS; goto done; }
        "/"  { code = JK_DIV; goto done; }
        "*"  { code = JK_MUL; goto done; }
        "%"  { code = JK_MOD; goto done; }
        "~"  { code = JK_TILDE; goto done; }
        "["  { code = JK_LBRACKET; goto done; }
        "]"  { code = JK_RBRACKET; goto done; }
        "("  { code = JK_LPAREN; goto done; }
        ")"  { code = JK_RPAREN; goto done; }
        "{"  { code = JK_LBRACE; goto done; }
        "}"  { code = JK_RBRACE; goto done; }
        "="  { code = JK_ASSIGN; goto done; }
        "."  { code = JK_DOT; goto done; }
        ":"  { code = JK_COLON; goto done; }
        "|"  { code = JK_PIPE; goto done; }
        ","  { code = JK_COMMA; goto done; }
        *    { goto bad; }
    */
bad:
    return lex_fail(lx, start, *start == '\'' || *start == '"' ? "a string without an end"
                                                               : "unexpected character",
                    *start == '\'' || *start == '"' ? (struct slice){ 0 }
                                                    : (struct slice){ start, 1 }, err);
done:
    *ret = (struct jinja_token){ code, { start, (size_t)((const char *)p - start) },
                                 (uint32_t)(start - lx->src) };
    lx->last = code;
    lx->p = (const char *)p;
    return balance(lx, code, start, err);
}

enum status jinja_lex(struct jinja_lexer *lx, struct jinja_token *ret, struct error *err)
{
    if (lx->mode != JINJA_TEXT)
        return lex_code(lx, ret, err);
    bool has = false;
    while (!has) {
        if (lx->p == lx->end) {
            *ret = (struct jinja_token){ 0, { lx->end, 0 }, (uint32_t)(lx->end - lx->src) };
            return ST_OK;
        }
        enum status st = lex_text(lx, ret, &has, err);
        if (st != ST_OK)
            return st;
    }
    return ST_OK;
}
