/* expect.c - asks the grammar's tables for every token, and says the answer shortly.
 *
 * A kind of place is known by one token that begins nothing else: `fork` only begins expressions,
 * `let` only statements, `struct` only declarations, `call` only types.  Where that token is
 * possible its whole family is one entry of the list. */
#include "frontend/expect.h"

#include <stdbool.h>
#include <string.h>

#include "frontend/grammar.h"

enum family { FAM_ALONE, FAM_EXPR, FAM_STMT, FAM_DECL, FAM_TYPE, FAM_OPERATOR, FAM_POSTFIX,
              FAM_END };

static const struct spelling {
    uint16_t    code;
    uint8_t     family;
    const char *text;       /* NULL: its text varies, `word` names it */
    const char *word;
} spelling[] = {
    { TK_NAME, FAM_EXPR, NULL, "a name" },          { TK_INT, FAM_EXPR, NULL, "a number" },
    { TK_FLOAT, FAM_EXPR, NULL, NULL },             { TK_DURATION, FAM_EXPR, NULL, NULL },
    { TK_STRING, FAM_EXPR, NULL, "a string" },      { TK_TSTART, FAM_EXPR, NULL, NULL },
    { TK_REGEX, FAM_EXPR, NULL, "a regex" },        { TK_TRUE, FAM_EXPR, "true", NULL },
    { TK_FALSE, FAM_EXPR, "false", NULL },          { TK_NULL, FAM_EXPR, "null", NULL },
    { TK_HERE, FAM_EXPR, "here", NULL },            { TK_GEN, FAM_EXPR, "gen", NULL },
    { TK_SELECT, FAM_EXPR, "select", NULL },        { TK_SCORE, FAM_EXPR, "score", NULL },
    { TK_PARSE, FAM_EXPR, "parse", NULL },          { TK_IF, FAM_EXPR, "if", NULL },
    { TK_MATCH, FAM_EXPR, "match", NULL },          { TK_FORK, FAM_EXPR, "fork", NULL },
    { TK_SCRATCH, FAM_EXPR, "scratch", NULL },      { TK_WITH, FAM_EXPR, "with", NULL },
    { TK_ATTEMPT, FAM_EXPR, "attempt", NULL },      { TK_INFER, FAM_EXPR, "infer", NULL },
    { TK_TRY, FAM_EXPR, "try", NULL },              { TK_JOIN, FAM_EXPR, "join", NULL },
    { TK_STREAM, FAM_EXPR, "stream", NULL },        { TK_NOT, FAM_EXPR, "not", NULL },
    { TK_LET, FAM_STMT, "let", NULL },              { TK_VAR, FAM_STMT, "var", NULL },
    { TK_EMIT, FAM_STMT, "emit", NULL },            { TK_WEIGH, FAM_STMT, "weigh", NULL },
    { TK_ROLE, FAM_STMT, NULL, NULL },              { TK_FOR, FAM_STMT, "for", NULL },
    { TK_WHILE, FAM_STMT, "while", NULL },          { TK_BREAK, FAM_STMT, "break", NULL },
    { TK_CONTINUE, FAM_STMT, "continue", NULL },    { TK_RETURN, FAM_STMT, "return", NULL },
    { TK_IMPORT, FAM_DECL, "import", NULL },        { TK_PART, FAM_DECL, "part", NULL },
    { TK_EXTERN, FAM_DECL, "extern", NULL },        { TK_STRUCT, FAM_DECL, "struct", NULL },
    { TK_ENUM, FAM_DECL, "enum", NULL },            { TK_TYPE, FAM_DECL, "type", NULL },
    { TK_CONST, FAM_DECL, "const", NULL },          { TK_TEST, FAM_DECL, "test", NULL },
    { TK_EVAL, FAM_DECL, "eval", NULL },            { TK_AT, FAM_DECL, "@", NULL },
    { TK_CALL, FAM_TYPE, "call", NULL },            { TK_FN, FAM_DECL, "fn", NULL },
    { TK_STAR, FAM_OPERATOR, "*", NULL },           { TK_SLASH, FAM_OPERATOR, "/", NULL },
    { TK_PERCENT, FAM_OPERATOR, "%", NULL },        { TK_PLUS, FAM_OPERATOR, "+", NULL },
    { TK_COALESCE, FAM_OPERATOR, "??", NULL },      { TK_DOTDOT, FAM_OPERATOR, "..", NULL },
    { TK_DOTDOTLT, FAM_OPERATOR, "..<", NULL },     { TK_EQEQ, FAM_OPERATOR, "==", NULL },
    { TK_NE, FAM_OPERATOR, "!=", NULL },            { TK_LE, FAM_OPERATOR, "<=", NULL },
    { TK_LT, FAM_OPERATOR, "<", NULL },             { TK_GT, FAM_OPERATOR, ">", NULL },
    { TK_GE, FAM_OPERATOR, ">=", NULL },            { TK_MATCHES, FAM_OPERATOR, "matches", NULL },
    { TK_AND, FAM_OPERATOR, "and", NULL },          { TK_OR, FAM_OPERATOR, "or", NULL },
    { TK_MINUS, FAM_OPERATOR, "-", NULL },          { TK_CATCH, FAM_OPERATOR, "catch", NULL },
    { TK_PLUSEQ, FAM_OPERATOR, "+=", NULL },        { TK_MINUSEQ, FAM_OPERATOR, "-=", NULL },
    { TK_EQ, FAM_OPERATOR, "=", NULL },             { TK_DOT, FAM_POSTFIX, ".", NULL },
    { TK_QDOT, FAM_POSTFIX, "?.", NULL },           { TK_QUESTION, FAM_POSTFIX, "?", NULL },
    { TK_LP, FAM_POSTFIX, "(", NULL },              { TK_LB, FAM_POSTFIX, "[", NULL },
    { TK_UNDERSCORE, FAM_ALONE, "_", NULL },        { TK_IN, FAM_ALONE, "in", NULL },
    { TK_ELSE, FAM_ALONE, "else", NULL },           { TK_FINALLY, FAM_ALONE, "finally", NULL },
    { TK_UNTIL, FAM_ALONE, "until", NULL },         { TK_AS, FAM_ALONE, "as", NULL },
    { TK_BAR, FAM_ALONE, "|", NULL },               { TK_COLON, FAM_ALONE, ":", NULL },
    { TK_ARROW, FAM_ALONE, "->", NULL },            { TK_FATARROW, FAM_ALONE, "=>", NULL },
    { TK_COMMA, FAM_ALONE, ",", NULL },             { TK_LC, FAM_ALONE, "{", NULL },
    { TK_RP, FAM_ALONE, ")", NULL },                { TK_RB, FAM_ALONE, "]", NULL },
    { TK_RC, FAM_ALONE, "}", NULL },                { TK_NL, FAM_END, NULL, "end of line" },
    { 0, FAM_END, NULL, "end of file" },
};

enum { N_SPELLING = sizeof spelling / sizeof spelling[0] };

const char *expect_spelling(uint32_t code)
{
    for (size_t i = 0; i < N_SPELLING; i++)
        if (spelling[i].code == code)
            return spelling[i].text;
    return NULL;
}

struct place_kind {
    bool expr, stmt, decl, type, op, postfix;
};

static struct place_kind kind_of(const void *g)
{
    return (struct place_kind){
        .expr = grammar_expects(g, TK_FORK), .stmt = grammar_expects(g, TK_LET),
        .decl = grammar_expects(g, TK_STRUCT), .type = grammar_expects(g, TK_CALL),
        .op = grammar_expects(g, TK_STAR), .postfix = grammar_expects(g, TK_DOT),
    };
}

/* Is the token told by the name of its family, or not told at all? */
static bool told(const struct place_kind *k, const struct spelling *s)
{
    bool start = s->code == TK_LP || s->code == TK_LB || s->code == TK_MINUS || s->code == TK_BAR;
    if (k->expr && (s->family == FAM_EXPR || start))
        return true;
    if (k->type && (s->family == FAM_EXPR || start || s->code == TK_FN || s->code == TK_CALL))
        return true;
    return (k->stmt && s->family == FAM_STMT) || (k->decl && s->family == FAM_DECL) ||
           (k->op && s->family == FAM_OPERATOR) || (k->postfix && s->family == FAM_POSTFIX) ||
           s->code == TK_QUESTION;
}

void expect_list(const void *g, struct str *out)
{
    const char *entry[N_SPELLING + 5];
    bool quoted[N_SPELLING + 5];
    size_t n = 0;
    struct place_kind k = kind_of(g);

#define ADD(text, quote) (entry[n] = (text), quoted[n] = (quote), n++)
    if (k.decl)
        ADD("a declaration", false);
    if (k.stmt)
        ADD("a statement", false);
    else if (k.expr)
        ADD("an expression", false);
    if (k.type)
        ADD("a type", false);
    if (k.op)
        ADD("an operator", false);
    bool line = grammar_expects(g, TK_NL);
    for (size_t i = 0; i < N_SPELLING; i++) {
        const struct spelling *s = &spelling[i];
        if ((!s->text && !s->word) || told(&k, s) || !grammar_expects(g, s->code))
            continue;
        if (s->code == 0 && line)
            continue;
        ADD(s->text ? s->text : s->word, s->text != NULL);
    }
#undef ADD
    for (size_t i = 0; i < n; i++) {
        str_adds(out, i == 0 ? "" : i + 1 == n ? " or " : ", ");
        str_addf(out, quoted[i] ? "`%s`" : "%s", entry[i]);
    }
}

void expect_found(const struct source *s, const struct token *t, struct str *out)
{
    enum { SHOWN_MAX = 40 };
    struct slice text = { s->text.ptr + t->at.off, t->at.len };
    switch (t->code) {
    case 0:
        str_adds(out, "end of file");
        return;
    case TK_NL:
        str_adds(out, "end of line");
        return;
    case TK_STRING: case TK_TSTART: case TK_TEXT:
        str_adds(out, "string");
        return;
    case TK_TEND:
        str_adds(out, "end of string");
        return;
    case TK_NAME:
        str_adds(out, "name ");
        break;
    case TK_INT: case TK_FLOAT:
        str_adds(out, "number ");
        break;
    default:
        break;
    }
    bool cut = text.len > SHOWN_MAX;
    str_addc(out, '`');
    str_add_slice(out, slice_sub(text, 0, SHOWN_MAX));
    str_adds(out, cut ? "...`" : "`");
}
