/* sgl.re - words, numbers, marks, and where a text ends.
 *
 * The rules here know nothing of neighbours: frontend/lexer.c decides about newlines, soft
 * keywords and regexes, and calls these functions at the place where it knows what is wanted.
 * The source ends with a NUL byte, which no rule runs over. */
#include "frontend/lexer.h"

/*!re2c
    re2c:define:YYCTYPE = "unsigned char";
    re2c:define:YYCURSOR = p;
    re2c:define:YYMARKER = marker;
    re2c:yyfill:enable = 0;

    digit   = [0-9];
    letter  = [A-Za-z_];
    name    = letter [A-Za-z0-9_]*;
    int     = digit [0-9_]* | "0x" [0-9A-Fa-f_]+ | "0b" [01_]+;
    float   = digit [0-9_]* ( "." digit [0-9_]* ) ( [eE] [+-]? digit+ )?
            | digit [0-9_]* [eE] [+-]? digit+;
    unit    = "ms" | "s" | "m" | "h";
    comment = "//" [^\n\x00]*;
*/

uint32_t scan_code(struct lexer *lx, bool angle)
{
    const char *p = lx->p, *marker;
    uint32_t code;

#define GIVE(x) do { code = (x); goto done; } while (0)
    /*!re2c
        [ \t]+              { GIVE(SCAN_BLANK); }
        "\n"                { GIVE(SCAN_NEWLINE); }
        "///" [^\n\x00]*    { GIVE(SCAN_DOC); }
        comment             { GIVE(SCAN_COMMENT); }
        ";"                 { GIVE(SCAN_SEMICOLON); }
        "\x00"              { p--; GIVE(0); }

        "_"                 { GIVE(TK_UNDERSCORE); }
        name                { GIVE(scan_keyword(lx->p, (uint32_t)(p - lx->p))); }
        int                 { GIVE(TK_INT); }
        float               { GIVE(TK_FLOAT); }
        (int | float) unit  { GIVE(TK_DURATION); }
        (int | float | int unit | float unit) letter [A-Za-z0-9_]*  { GIVE(SCAN_BAD_NUMBER); }

        "\""                { GIVE(SCAN_OPEN_TEXT); }
        "r\""               { GIVE(SCAN_OPEN_TEXT); }
        "f\""               { p--; GIVE(SCAN_F_TEXT); }

        "("                 { GIVE(TK_LP); }
        ")"                 { GIVE(TK_RP); }
        "["                 { GIVE(TK_LB); }
        "]"                 { GIVE(TK_RB); }
        "{"                 { GIVE(TK_LC); }
        "}"                 { GIVE(TK_RC); }
        ","                 { GIVE(TK_COMMA); }
        ":"                 { GIVE(TK_COLON); }
        "."                 { GIVE(TK_DOT); }
        "?"                 { GIVE(TK_QUESTION); }
        "|"                 { GIVE(TK_BAR); }
        "@"                 { GIVE(TK_AT); }
        "="                 { GIVE(TK_EQ); }
        "<"                 { GIVE(TK_LT); }
        ">"                 { GIVE(TK_GT); }
        "+"                 { GIVE(TK_PLUS); }
        "-"                 { GIVE(TK_MINUS); }
        "*"                 { GIVE(TK_STAR); }
        "/"                 { GIVE(SCAN_SLASH); }
        "%"                 { GIVE(TK_PERCENT); }
        "=="                { GIVE(TK_EQEQ); }
        "!="                { GIVE(TK_NE); }
        "<="                { GIVE(TK_LE); }
        ">="                { if (angle) { p--; GIVE(TK_GT); } GIVE(TK_GE); }
        "+="                { GIVE(TK_PLUSEQ); }
        "-="                { GIVE(TK_MINUSEQ); }
        "=>"                { GIVE(TK_FATARROW); }
        "->"                { GIVE(TK_ARROW); }
        ".."                { GIVE(TK_DOTDOT); }
        "..<"               { GIVE(TK_DOTDOTLT); }
        "??"                { GIVE(TK_COALESCE); }
        "?."                { GIVE(TK_QDOT); }

        "..="               { GIVE(SCAN_DOTDOT_EQ); }
        "&&"                { GIVE(SCAN_AND_AND); }
        "!"                 { GIVE(SCAN_BANG); }
        "'" [^'\n\x00]* "'" { GIVE(SCAN_APOSTROPHE); }
        "`" [^`\n\x00]* "`" { GIVE(SCAN_APOSTROPHE); }
        [\x80-\xff]+        { GIVE(SCAN_NON_ASCII); }
        *                   { GIVE(SCAN_BAD_CHAR); }
    */
#undef GIVE
done:
    lx->p = p;
    return code;
}

bool scan_regex(struct lexer *lx)
{
    const char *p = lx->p, *marker;

    /*!re2c
        piece = [^/\\[\n\x00] | "\\" [^\n\x00] | "[" ( [^\]\\\n\x00] | "\\" [^\n\x00] )* "]";
        piece+ "/" [is]*    { lx->p = p; return true; }
        *                   { return false; }
    */
}

enum scan_end scan_text(struct lexer *lx, uint32_t flags)
{
    const char *p = lx->p, *marker;

    for (;;) {
        lx->p = p;
        /*!re2c
            [^\\$"\n\x00]+      { continue; }
            "\\" [^\n\x00]      { continue; }
            "\\\n"              { if (flags & TOKEN_BLOCK) continue; lx->p++; return SCAN_LINE_END; }
            "\\"                { continue; }
            "${"                { return SCAN_INSERT; }
            "$["                { return SCAN_HOLE; }
            "$"                 { continue; }
            "\"\"\""            { return SCAN_QUOTE; }
            "\""                { if (flags & TOKEN_TRIPLE) continue; return SCAN_QUOTE; }
            "\n"                { if (flags & TOKEN_BLOCK) continue; return SCAN_LINE_END; }
            "\x00"              { return SCAN_TEXT_END; }
        */
    }
}

enum scan_end scan_raw(struct lexer *lx, uint32_t flags)
{
    const char *p = lx->p, *marker;

    for (;;) {
        lx->p = p;
        /*!re2c
            [^"\n\x00]+         { continue; }
            "\"\"\""            { return SCAN_QUOTE; }
            "\""                { if (flags & TOKEN_TRIPLE) continue; return SCAN_QUOTE; }
            "\n"                { if (flags & TOKEN_BLOCK) continue; return SCAN_LINE_END; }
            "\x00"              { return SCAN_TEXT_END; }
        */
    }
}

uint32_t scan_keyword(const char *word, uint32_t len)
{
    const char *p = word, *marker;

#define WORD(x) return p == word + len ? (uint32_t)(x) : (uint32_t)TK_NAME
    /*!re2c
        "and"       { WORD(TK_AND); }
        "attempt"   { WORD(TK_ATTEMPT); }
        "break"     { WORD(TK_BREAK); }
        "catch"     { WORD(TK_CATCH); }
        "continue"  { WORD(TK_CONTINUE); }
        "else"      { WORD(TK_ELSE); }
        "false"     { WORD(TK_FALSE); }
        "finally"   { WORD(TK_FINALLY); }
        "fn"        { WORD(TK_FN); }
        "for"       { WORD(TK_FOR); }
        "fork"      { WORD(TK_FORK); }
        "here"      { WORD(TK_HERE); }
        "if"        { WORD(TK_IF); }
        "in"        { WORD(TK_IN); }
        "join"      { WORD(TK_JOIN); }
        "let"       { WORD(TK_LET); }
        "match"     { WORD(TK_MATCH); }
        "matches"   { WORD(TK_MATCHES); }
        "not"       { WORD(TK_NOT); }
        "null"      { WORD(TK_NULL); }
        "or"        { WORD(TK_OR); }
        "return"    { WORD(TK_RETURN); }
        "true"      { WORD(TK_TRUE); }
        "try"       { WORD(TK_TRY); }
        "var"       { WORD(TK_VAR); }
        "while"     { WORD(TK_WHILE); }
        "with"      { WORD(TK_WITH); }
        "as"        { WORD(TK_AS); }
        "until"     { WORD(TK_UNTIL); }
        *           { return TK_NAME; }
    */
#undef WORD
}
