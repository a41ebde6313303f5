/* parser.c - feeds tokens to the grammar, and goes on behind errors.
 *
 * A token is fed only when the grammar's tables would take it, so Lemon never sees an error and
 * the stack is whole when one is reported.  Then everything unfinished is dropped up to the
 * innermost list of statements, arms or fields, and tokens are skipped to the next statement end
 * on the bracket level of that list (or to the bracket that closes it). */
#include "frontend/parser.h"

#include <assert.h>

#include "base/alloc.h"
#include "frontend/ast_build.h"
#include "frontend/expect.h"
#include "frontend/grammar.h"
#include "frontend/hints.h"
#include "frontend/lexer.h"

enum { ERRORS_MAX = 20 };

struct parser {
    void               *grammar;
    struct lexer        lx;
    struct ast_builder  b;
    const struct source *source;
    struct diag_list   *diags;
    struct token        before;         /* the last one fed */
    uint32_t            n_lexer_error;  /* of the lexer's, when the last token was fed */
    uint32_t            errors_at_start;
    uint32_t            two_at;         /* offset + 1 of the last E0105 */
    bool                incomplete;
    bool                stops_at_end;   /* leaves the stack as it is at the end of the text */
};

static void feed(struct parser *p, const struct token *t)
{
    p->before = *t;
    p->n_lexer_error = p->lx.n_error;
    grammar_(p->grammar, t->code, *t, &p->b);
    assert(!p->b.stuck);
}

static bool dead(const struct parser *p)
{
    return p->b.arena->failed || p->b.too_deep;
}

/* Brackets open up to the innermost brace of code: the level of the list being parsed. */
static uint32_t list_level(const struct lexer *lx)
{
    uint32_t n = lx->n_open;
    while (n && lx->open[n - 1].kind != OPEN_BRACE)
        n--;
    return n;
}

/* ---- errors */

static bool is_decl_word(uint32_t code)
{
    switch (code) {
    case TK_FN: case TK_PART: case TK_STRUCT: case TK_ENUM: case TK_TYPE: case TK_CONST:
    case TK_EXTERN: case TK_IMPORT: case TK_TEST: case TK_EVAL: case TK_AT:
        return true;
    default:
        return false;
    }
}

/* Did a statement end here, with another one behind it on the same line? */
static bool two_statements(struct parser *p, const struct token *t)
{
    if (t->flags & TOKEN_NEWLINE || t->code == TK_RP || t->code == TK_RB || t->code == TK_RC)
        return false;
    bool ended = p->before.code == TK_RC || p->before.code == TK_BREAK ||
                 p->before.code == TK_CONTINUE || grammar_expects(p->grammar, TK_CATCH);
    if (!ended || !grammar_expects(p->grammar, TK_NL))
        return false;
    switch (t->code) {
    case TK_COMMA: case TK_COLON: case TK_EQ: case TK_FATARROW: case TK_ARROW: case TK_BAR:
    case TK_QUESTION: case TK_ELSE: case TK_FINALLY: case TK_IN: case TK_LC: case TK_UNTIL:
    case TK_AS: case TK_PLUSEQ: case TK_MINUSEQ: case TK_TEXT: case TK_TEND: case 0:
        return false;
    default:
        return true;
    }
}

static bool is_comparison(uint32_t code)
{
    switch (code) {
    case TK_EQEQ: case TK_NE: case TK_LT: case TK_LE: case TK_GT: case TK_GE: case TK_MATCHES:
        return true;
    default:
        return false;
    }
}

static bool is_operator(uint32_t code)
{
    switch (code) {
    case TK_STAR: case TK_SLASH: case TK_PERCENT: case TK_PLUS: case TK_COALESCE: case TK_DOTDOT:
    case TK_DOTDOTLT: case TK_AND: case TK_OR: case TK_CATCH:
        return true;
    default:
        return is_comparison(code);
    }
}

static void report_unexpected(struct parser *p, const char *code, const struct token *t)
{
    struct str found = { 0 }, list = { 0 };
    expect_found(p->source, t, &found);
    expect_list(p->grammar, &list);
    struct diag *d = diag_add(p->diags, code, p->source, t->at, "unexpected %s",
                              found.ptr ? found.ptr : "token");
    if (list.len)
        diag_caret(p->diags, d, "expected %s", list.ptr);
    if (is_comparison(t->code) && grammar_expects(p->grammar, TK_AND))
        diag_note(p->diags, d, "comparisons do not chain; join two of them by `and`");
    if (t->code == TK_EQ && grammar_expects(p->grammar, TK_EQEQ))
        diag_note(p->diags, d, "equality is written `==`");
    if (t->code == TK_IN && grammar_expects(p->grammar, TK_AND))
        diag_note(p->diags, d, "whether a list or map has a value is `xs.has(x)`");
    str_free(&found);
    str_free(&list);
}

/* Is t on a line that was taken for two statements?  Then that guess was the mistake. */
static bool behind_two(const struct parser *p, const struct token *t)
{
    if (!p->two_at || t->at.off < p->two_at)
        return false;
    struct slice between = slice_sub(p->source->text, p->two_at - 1, t->at.off - (p->two_at - 1));
    return slice_find(between, SLICE("\n")) == SIZE_MAX;
}

/* Says what is wrong with t.  Gives the code of a token that was meant (TK_NL: before t), or 0. */
static uint32_t report(struct parser *p, const struct token *t)
{
    const void *g = p->grammar;
    uint32_t meant = 0;
    if (p->lx.failed || p->lx.n_error > p->n_lexer_error || p->before.flags & TOKEN_OPEN)
        return 0;                                               /* the lexer has said it */
    if (t->code == 0) {
        struct token end = *t;
        end.at = (struct span){ p->before.at.off + p->before.at.len, 0 };
        p->incomplete = p->diags->n_error == p->errors_at_start;
        report_unexpected(p, "E0104", &end);
        return 0;
    }
    if (hint_slip(g, &p->lx, &p->before, t, &meant))
        return meant;
    if (is_decl_word(t->code) && grammar_expects(g, TK_LET) && !grammar_expects(g, TK_STRUCT)) {
        diag_add(p->diags, "E0107", p->source, t->at,
                 "declarations stand at the top level of a file only");
        return 0;
    }
    if (grammar_expects(g, TK_STRUCT) && !grammar_expects(g, TK_LET)) {
        diag_add(p->diags, "E0110", p->source, t->at,
                 "an annotation belongs to a declaration, which should stand here");
        return 0;
    }
    if (!is_operator(t->code) && two_statements(p, t)) {
        struct diag *d = diag_add(p->diags, "E0105", p->source, t->at,
                                  "two statements on a line need `;` between them");
        diag_edit(p->diags, d, (struct span){ t->at.off, 0 }, "; ");
        p->two_at = t->at.off + 1;
        return TK_NL;
    }
    if (!behind_two(p, t))
        report_unexpected(p, "E0103", t);
    return 0;
}

/* ---- going on */

static struct token made_token(uint32_t code, uint32_t off)
{
    return (struct token){ .code = (uint16_t)code, .at = { off, 0 } };
}

/* Skips to where the list on `level` goes on or ends. */
static bool skip_to_end(struct parser *p, struct token *t, uint32_t level)
{
    while (t->code && !(t->code == TK_NL && p->lx.n_open <= level) && p->lx.n_open >= level)
        if (!lexer_next(&p->lx, t))
            return false;
    return true;
}

/* Closes what is still open at the end of the text, so that there is a module. */
static void finish(struct parser *p)
{
    uint32_t end = (uint32_t)p->source->text.len;
    for (int i = 0; i < 4 * LEXER_OPEN_MAX && !dead(p); i++) {
        struct token t = made_token(0, end);
        if (grammar_accepts(p->grammar, 0)) {
            feed(p, &t);
            return;
        }
        t.code = TK_RC;
        if (grammar_accepts(p->grammar, TK_RC))
            feed(p, &t);
        else if (!grammar_recover(p->grammar))
            return;
    }
}

/* t does not fit.  Leaves in t the next token to feed. */
static bool go_on(struct parser *p, struct token *t, uint32_t level)
{
    uint32_t meant = report(p, t);
    struct token nl = made_token(TK_NL, t->at.off);
    if (meant == TK_NL)
        feed(p, &nl);
    else if (meant)
        t->code = (uint16_t)meant;
    if (meant == TK_UNDERSCORE && grammar_accepts(p->grammar, TK_NL))
        feed(p, &nl);                           /* `else` had joined its line to the one before */
    if (meant && grammar_accepts(p->grammar, t->code))
        return true;
    if (!skip_to_end(p, t, level))
        return false;
    p->n_lexer_error = p->lx.n_error;
    grammar_recover(p->grammar);
    return true;
}

static bool run(struct parser *p)
{
    struct token t;
    do {
        uint32_t level = list_level(&p->lx);
        if (!lexer_next(&p->lx, &t))
            return false;
        if (!t.code && p->stops_at_end)
            return true;
        if (!grammar_accepts(p->grammar, t.code) && !go_on(p, &t, level))
            return false;
        if (t.code && grammar_accepts(p->grammar, t.code))
            feed(p, &t);
    } while (t.code && !dead(p) && p->diags->n_error - p->errors_at_start < ERRORS_MAX);
    return true;
}

static bool open_parser(struct parser *p, struct arena *arena, const struct source *src,
                        struct diag_list *diags)
{
    *p = (struct parser){ .source = src, .diags = diags, .errors_at_start = diags->n_error };
    p->b = (struct ast_builder){ .arena = arena, .source = src, .diags = diags, .lexer = &p->lx };
    p->grammar = mem_alloc(grammar_size());
    if (!p->grammar)
        return false;
    grammar_Init(p->grammar);
    lexer_init(&p->lx, src, diags);
    return true;
}

static void close_parser(struct parser *p)
{
    lexer_free(&p->lx);
    ast_builder_free(&p->b);
    mem_free(p->grammar);
}

static void report_depth(struct parser *p)
{
    uint32_t off = p->before.at.off;
    diag_add(p->diags, "R0706", p->source, (struct span){ off, p->before.at.len },
             "this is nested or chained deeper than %d", AST_DEPTH_MAX);
}

/* ---- entries */

enum status parse_module(struct arena *arena, const struct source *src, struct diag_list *diags,
                         struct parse_result *ret, struct error *err)
{
    struct parser *p = mem_alloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    bool ok = open_parser(p, arena, src, diags) && run(p);
    if (ok && p->b.too_deep)
        report_depth(p);
    else if (ok)
        finish(p);
    if (ok && !p->b.module) {
        struct token begin = made_token(TK_BEGIN, 0);
        ast_module(&p->b, &begin, NULL);
    }
    ok = ok && !arena->failed;
    if (ok)
        *ret = (struct parse_result){
            .module = p->b.module, .n_node = p->b.n_node,
            .incomplete = p->incomplete ||
                          (p->lx.unclosed && diags->n_error == p->errors_at_start + 1),
        };
    close_parser(p);
    mem_free(p);
    return ok ? ST_OK : error_nomem(err);
}

enum status parse_expected(struct arena *arena, const struct source *src, const char ***ret_text,
                           uint32_t *ret_n, struct error *err)
{
    struct parser *p = mem_alloc(sizeof *p);
    const char **text = arena_array(arena, (size_t)grammar_n_token(), sizeof *text);
    struct diag_list diags;
    uint32_t n = 0;
    if (!p || !text) {
        mem_free(p);
        return error_nomem(err);
    }
    diag_list_init(&diags, arena);
    bool ok = open_parser(p, arena, src, &diags);
    p->stops_at_end = true;
    ok = ok && run(p) && !arena->failed;
    for (int code = 1; ok && !p->b.too_deep && code < grammar_n_token(); code++)
        if (expect_spelling((uint32_t)code) && grammar_expects(p->grammar, code))
            text[n++] = expect_spelling((uint32_t)code);
    close_parser(p);
    mem_free(p);
    diag_list_free(&diags);
    if (!ok)
        return error_nomem(err);
    *ret_text = text;
    *ret_n = n;
    return ST_OK;
}
