/* token.c - the names of tokens, for dumps and goldens. */
#include "frontend/token.h"

#include <stddef.h>

const char *token_name(uint32_t code)
{
    static const char *const name[] = {
        [0] = "END", [TK_NAME] = "NAME", [TK_AS] = "AS", [TK_UNTIL] = "UNTIL",
        [TK_CATCH] = "CATCH", [TK_OR] = "OR", [TK_AND] = "AND", [TK_NOT] = "NOT",
        [TK_EQEQ] = "EQEQ", [TK_NE] = "NE", [TK_LT] = "LT", [TK_LE] = "LE", [TK_GT] = "GT",
        [TK_GE] = "GE", [TK_MATCHES] = "MATCHES", [TK_DOTDOT] = "DOTDOT",
        [TK_DOTDOTLT] = "DOTDOTLT", [TK_COALESCE] = "COALESCE", [TK_PLUS] = "PLUS",
        [TK_MINUS] = "MINUS", [TK_STAR] = "STAR", [TK_SLASH] = "SLASH",
        [TK_PERCENT] = "PERCENT", [TK_JOIN] = "JOIN", [TK_STREAM] = "STREAM", [TK_DOT] = "DOT",
        [TK_QDOT] = "QDOT", [TK_LP] = "LP", [TK_LB] = "LB", [TK_BEGIN] = "BEGIN", [TK_NL] = "NL",
        [TK_AT] = "AT", [TK_RP] = "RP", [TK_IMPORT] = "IMPORT", [TK_STRING] = "STRING",
        [TK_FN] = "FN", [TK_PART] = "PART", [TK_EXTERN] = "EXTERN", [TK_EQ] = "EQ",
        [TK_STRUCT] = "STRUCT", [TK_LC] = "LC", [TK_RC] = "RC", [TK_ENUM] = "ENUM",
        [TK_TYPE] = "TYPE", [TK_CONST] = "CONST", [TK_COLON] = "COLON", [TK_TEST] = "TEST",
        [TK_EVAL] = "EVAL", [TK_FOR] = "FOR", [TK_IN] = "IN", [TK_COMMA] = "COMMA",
        [TK_ARROW] = "ARROW", [TK_BAR] = "BAR", [TK_QUESTION] = "QUESTION", [TK_TRUE] = "TRUE",
        [TK_FALSE] = "FALSE", [TK_NULL] = "NULL", [TK_REGEX] = "REGEX", [TK_RB] = "RB",
        [TK_CALL] = "CALL", [TK_INT] = "INT", [TK_FLOAT] = "FLOAT", [TK_LET] = "LET",
        [TK_VAR] = "VAR", [TK_PLUSEQ] = "PLUSEQ", [TK_MINUSEQ] = "MINUSEQ", [TK_EMIT] = "EMIT",
        [TK_WEIGH] = "WEIGH", [TK_ROLE] = "ROLE", [TK_WHILE] = "WHILE", [TK_BREAK] = "BREAK",
        [TK_CONTINUE] = "CONTINUE", [TK_RETURN] = "RETURN", [TK_UNDERSCORE] = "UNDERSCORE",
        [TK_DURATION] = "DURATION", [TK_HERE] = "HERE", [TK_GEN] = "GEN", [TK_SELECT] = "SELECT",
        [TK_SCORE] = "SCORE", [TK_PARSE] = "PARSE", [TK_IF] = "IF", [TK_ELSE] = "ELSE",
        [TK_MATCH] = "MATCH", [TK_FORK] = "FORK", [TK_SCRATCH] = "SCRATCH", [TK_WITH] = "WITH",
        [TK_ATTEMPT] = "ATTEMPT", [TK_INFER] = "INFER", [TK_TRY] = "TRY",
        [TK_FINALLY] = "FINALLY", [TK_FATARROW] = "FATARROW", [TK_TSTART] = "TSTART",
        [TK_TEND] = "TEND", [TK_TEXT] = "TEXT", [TK_INSERT] = "INSERT", [TK_HOLE] = "HOLE",
    };
    const char *s = code < sizeof name / sizeof name[0] ? name[code] : NULL;
    return s ? s : "?";
}
