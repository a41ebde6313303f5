/* lexer.h - the state of the lexer and its one entry.
 *
 * grammar/sgl.re scans single words and texts; lexer.c decides what depends on the neighbours:
 * where a statement ends, which words are keywords here, regex or division.  Everything it looks
 * at ahead lies before the next token, so the whole is linear.
 *
 *      "a ${ f([1, "b"]) } c"          open:  STR "    INSERT ${    ( [    STR "
 *
 * `open` is the stack of what has been opened: brackets, inserts and holes, and the texts around
 * them.  Its depth is limited, so nothing behind the lexer meets deeper nesting.  Messages go to
 * `diags`, when there is one; a bad character is skipped, a bad text is closed where its line ends. */
#ifndef FRONTEND_LEXER_H
#define FRONTEND_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "frontend/diag.h"
#include "frontend/source.h"
#include "frontend/token.h"

enum {
    LEXER_NEST_MAX = 64,            /* brackets, inserts and holes in each other */
    LEXER_OPEN_MAX = 2 * LEXER_NEST_MAX + 2,    /* and a text around each */
};

enum open_kind { OPEN_PAREN, OPEN_SQUARE, OPEN_BRACE, OPEN_ANGLE, OPEN_INSERT, OPEN_HOLE, OPEN_TEXT };

struct open {
    uint8_t  kind;
    uint8_t  flags;                 /* OPEN_TEXT: TOKEN_RAW | TOKEN_TRIPLE | TOKEN_BLOCK */
    bool     is_call;               /* OPEN_ANGLE: of call<, whose end can end a statement */
    bool     is_annot;              /* OPEN_PAREN: of an annotation */
    uint32_t off;
    uint32_t n_join;                /* `join`s on this level that have no `until` yet */
};

struct doc_range {                  /* from the first `///` to the end of the last such line */
    uint32_t from, to;
};

struct lexer {
    const struct source *source;
    struct diag_list    *diags;
    const char  *text, *end;        /* *end is NUL */
    const char  *p;                 /* next byte */
    struct open  open[LEXER_OPEN_MAX];
    uint32_t     n_open;
    uint32_t     n_nest;            /* entries that are no OPEN_TEXT */
    uint32_t     n_join;            /* as in struct open, outside all brackets */
    struct token last;              /* the token given before */
    uint16_t     before_last;       /* code of the one before that */
    bool         last_ends;         /* `last` can end a statement */
    bool         newline;           /* seen since `last` */
    bool         annot_closed;      /* `last` is the `)` of an annotation */
    bool         begun;
    bool         unclosed;          /* the text ended inside a bracket or a text that may span lines */
    bool         failed;            /* nesting limit, or not UTF-8: only end of text follows */
    uint32_t     n_error;
    uint32_t     pending_doc;       /* as in struct token, for the next one */
    struct doc_range *doc;
    uint32_t     n_doc, cap_doc;
};

void lexer_init(struct lexer *lx, const struct source *source, struct diag_list *diags);
void lexer_free(struct lexer *lx);
/* The next token; at the end, code 0 for ever.  False when out of memory. */
bool lexer_next(struct lexer *lx, struct token *ret);

/* ---- words.c */

/* Does the next token begin a statement, a declaration or an arm? */
bool lexer_at_start(const struct lexer *lx);
/* The code of the word at p, which is `code` to the scanner. */
uint32_t lexer_word(const struct lexer *lx, const char *p, uint32_t len, uint32_t code);

/* ---- single bytes */

static inline const char *lexer_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

static inline bool lexer_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static inline bool lexer_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline uint32_t lexer_word_len(const char *p)
{
    uint32_t n = 0;
    while (lexer_letter(p[n]) || lexer_digit(p[n]))
        n++;
    return n;
}

/* ---- grammar/sgl.re: single words, without neighbours */

enum scan_end { SCAN_QUOTE, SCAN_INSERT, SCAN_HOLE, SCAN_LINE_END, SCAN_TEXT_END };

/* Codes beyond the grammar's, for what is no token. */
enum scan_code {
    SCAN_BLANK = 512, SCAN_NEWLINE, SCAN_COMMENT, SCAN_DOC, SCAN_SEMICOLON, SCAN_OPEN_TEXT,
    SCAN_SLASH, SCAN_BAD_NUMBER, SCAN_NON_ASCII, SCAN_BAD_CHAR,
    SCAN_AND_AND, SCAN_BANG, SCAN_DOTDOT_EQ, SCAN_APOSTROPHE, SCAN_F_TEXT,
};

/* One word at lx->p, which moves behind it.  `>` alone when `angle`. */
uint32_t scan_code(struct lexer *lx, bool angle);
/* Behind the `/`: to the end of the regex and its flags.  False: not closed on its line. */
bool scan_regex(struct lexer *lx);
/* Text from lx->p on to what ends it, which lx->p then points at. */
enum scan_end scan_text(struct lexer *lx, uint32_t flags);
enum scan_end scan_raw(struct lexer *lx, uint32_t flags);
/* The code of a word that is a keyword wherever it stands; TK_NAME for others. */
uint32_t scan_keyword(const char *word, uint32_t len);

#endif
