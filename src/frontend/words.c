/* words.c - whether a word is a keyword where it stands.
 *
 * Hard keywords are known to the scanner.  A soft one is a keyword only at its place: at a start,
 * or before what it needs on the same line, so that programs may use it as a name elsewhere. */
#include "frontend/lexer.h"

#include <string.h>

bool lexer_at_start(const struct lexer *lx)
{
    switch (lx->last.code) {
    case TK_BEGIN: case TK_NL: case TK_LC: case TK_FATARROW:
        return true;
    case TK_NAME:
        return lx->before_last == TK_AT;
    case TK_RP:
        return lx->annot_closed;
    default:
        return false;
    }
}

static bool word_is(const char *p, uint32_t len, const char *word)
{
    return strlen(word) == len && !memcmp(p, word, len);
}

static bool text_follows(const char *p)
{
    return *p == '"' || (*p == 'r' && p[1] == '"');
}

static bool operand_word_follows(const char *p)
{
    static const char *const other[] = {
        "and", "or", "not", "matches", "in", "catch", "until", "as", "else", "if",
    };
    if (!lexer_letter(*p))
        return false;
    uint32_t len = lexer_word_len(p);
    for (size_t i = 0; i < sizeof other / sizeof other[0]; i++)
        if (word_is(p, len, other[i]))
            return false;
    return true;
}

enum soft { SOFT_ROLE, SOFT_DECL, SOFT_IMPORT, SOFT_TEST, SOFT_EMIT, SOFT_SCRATCH, SOFT_STREAM,
            SOFT_CALL, SOFT_MODEL };

static const struct soft_word {
    const char *word;
    uint16_t    code;
    uint8_t     soft;
} soft_word[] = {
    { "system", TK_ROLE, SOFT_ROLE },       { "user", TK_ROLE, SOFT_ROLE },
    { "assistant", TK_ROLE, SOFT_ROLE },    { "tool", TK_ROLE, SOFT_ROLE },
    { "part", TK_PART, SOFT_DECL },         { "struct", TK_STRUCT, SOFT_DECL },
    { "enum", TK_ENUM, SOFT_DECL },         { "type", TK_TYPE, SOFT_DECL },
    { "const", TK_CONST, SOFT_DECL },       { "extern", TK_EXTERN, SOFT_DECL },
    { "import", TK_IMPORT, SOFT_IMPORT },   { "test", TK_TEST, SOFT_TEST },
    { "eval", TK_EVAL, SOFT_TEST },         { "emit", TK_EMIT, SOFT_EMIT },
    { "weigh", TK_WEIGH, SOFT_EMIT },       { "scratch", TK_SCRATCH, SOFT_SCRATCH },
    { "stream", TK_STREAM, SOFT_STREAM },   { "infer", TK_INFER, SOFT_STREAM },
    { "call", TK_CALL, SOFT_CALL },         { "gen", TK_GEN, SOFT_MODEL },
    { "select", TK_SELECT, SOFT_MODEL },    { "score", TK_SCORE, SOFT_MODEL },
    { "parse", TK_PARSE, SOFT_MODEL },
};

/* Is the soft word a keyword here?  `behind` is the byte directly behind it. */
static bool soft_holds(const struct lexer *lx, enum soft soft, const char *behind)
{
    const char *next = lexer_blanks(behind);
    uint32_t before = lx->last.code;

    switch (soft) {
    case SOFT_ROLE:
        return lexer_at_start(lx) && (*next == '{' || text_follows(next));
    case SOFT_DECL:
        return lexer_at_start(lx) && lexer_letter(*next);
    case SOFT_IMPORT:
        return lexer_at_start(lx) && (lexer_letter(*next) || *next == '"');
    case SOFT_TEST:
        return lexer_at_start(lx) && *next == '"';
    case SOFT_EMIT:
        return lexer_at_start(lx) &&
               (lexer_letter(*next) || lexer_digit(*next) || (*next && strchr("\"[(-|", *next)));
    case SOFT_SCRATCH:
        return *next == '{' && before != TK_IF && before != TK_WHILE && before != TK_FOR &&
               before != TK_IN && before != TK_MATCH && before != TK_WITH;
    case SOFT_STREAM:
        return operand_word_follows(next);
    case SOFT_CALL:
        return *behind == '<';
    case SOFT_MODEL:
        return (*behind == '(' || *behind == '<') && before != TK_FN && before != TK_PART;
    }
    return false;
}

uint32_t lexer_word(const struct lexer *lx, const char *p, uint32_t len, uint32_t code)
{
    if (lx->last.code == TK_DOT || lx->last.code == TK_QDOT)
        return TK_NAME;
    if (*lexer_blanks(p + len) == ':' && code != TK_TRUE && code != TK_FALSE && code != TK_NULL &&
        code != TK_HERE && code != TK_ELSE)
        return TK_NAME;
    if (code != TK_NAME)
        return code;
    for (size_t i = 0; i < sizeof soft_word / sizeof soft_word[0]; i++)
        if (*p == *soft_word[i].word && word_is(p, len, soft_word[i].word))
            return soft_holds(lx, soft_word[i].soft, p + len) ? soft_word[i].code : TK_NAME;
    return TK_NAME;
}
