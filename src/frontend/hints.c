/* hints.c - forms of other languages, and words at the wrong place. */
#include "frontend/hints.h"

#include <string.h>

#include "frontend/grammar.h"

static struct slice text_of(const struct lexer *lx, const struct token *t)
{
    return (struct slice){ lx->text + t->at.off, t->at.len };
}

static struct diag *say(struct lexer *lx, const char *code, struct span at, const char *text)
{
    return lx->diags ? diag_add(lx->diags, code, lx->source, at, "%s", text) : NULL;
}

static void say_slip(struct lexer *lx, struct span at, const char *text, const char *edit)
{
    struct diag *d = say(lx, "E0108", at, text);
    if (d && edit)
        diag_edit(lx->diags, d, at, edit);
}

/* A mark that stands for another one. */
static bool mark_slip(const void *g, struct lexer *lx, const struct token *before,
                      const struct token *t, uint32_t *ret_code)
{
    const char *behind = lx->text + t->at.off + t->at.len;
    if (t->code == TK_BAR && *behind == '|' && grammar_expects(g, TK_OR)) {
        lx->p = behind + 1;
        say_slip(lx, (struct span){ t->at.off, 2 }, "`||` is not written so here; write `or`",
                 "or");
        *ret_code = TK_OR;
        return true;
    }
    if (t->code == TK_ARROW && grammar_expects(g, TK_FATARROW)) {
        say_slip(lx, t->at, "an arm is written with `=>`", "=>");
        *ret_code = TK_FATARROW;
        return true;
    }
    if (t->code == TK_EQ && before->code == TK_NAME && grammar_expects(g, TK_COLON) &&
        grammar_expects(g, TK_RP)) {
        say_slip(lx, t->at, "an argument is named with `:`", ":");
        *ret_code = TK_COLON;
        return true;
    }
    while (*behind == ' ' || *behind == '\t')
        behind++;
    if (t->code == TK_ELSE && !strncmp(behind, "=>", 2)) {
        say_slip(lx, t->at, "the last arm of a match is written `_ =>`", "_");
        *ret_code = TK_UNDERSCORE;
        return true;
    }
    return false;
}

static const struct slip_word {
    const char *word, *text, *edit;
} slip_word[] = {
    { "elif", "`elif` is not written so here; write `else if`", "else if" },
    { "def", "`def` is not written so here; write `fn name(a: str) -> str { ... }`", "fn" },
    { "func", "`func` is not written so here; write `fn`", "fn" },
    { "function", "`function` is not written so here; write `fn`", "fn" },
    { "elseif", "`elseif` is not written so here; write `else if`", "else if" },
    { "except", "`except` is not written so here; write `catch`", "catch" },
    { "class", "`class` is not written so here; write `struct Name { field: type }`", "struct" },
    { "lambda", "`lambda` is not written so here; write `|x| x + 1`", NULL },
    { "new", "there is no `new`: a struct is made by its name, `P(x: 1)`", "" },
    { "then", "there is no `then`: the body of `if` stands in braces", NULL },
    { "await", "there is no `await`: a value is waited for where it is needed", "" },
    { "async", "there is no `async`: calls that generate run ahead by themselves", "" },
};

static bool is_role(struct slice word)
{
    return slice_is(word, "system") || slice_is(word, "user") || slice_is(word, "assistant") ||
           slice_is(word, "tool");
}

static const struct slip_word *known_word(struct slice word)
{
    for (size_t i = 0; i < sizeof slip_word / sizeof slip_word[0]; i++)
        if (slice_is(word, slip_word[i].word))
            return &slip_word[i];
    return NULL;
}

static bool word_slip(const void *g, struct lexer *lx, const struct token *before,
                      const struct token *t)
{
    const struct slip_word *w = t->code == TK_NAME ? known_word(text_of(lx, t)) : NULL;
    struct span at = t->at;
    if (!w && before->code == TK_NAME) {
        w = known_word(text_of(lx, before));
        at = before->at;
    }
    if (w) {
        say_slip(lx, at, w->text, w->edit);
        return true;
    }
    if (t->code == TK_IF && !(t->flags & TOKEN_NEWLINE) && grammar_expects(g, TK_CATCH)) {
        say(lx, "E0108", t->at, "a choice is written `if c { a } else { b }`");
        return true;
    }
    if ((t->code == TK_UNTIL || t->code == TK_NAME) && slice_is(text_of(lx, t), "until")) {
        say(lx, "E0109", t->at, "`until` belongs to `join`: write `join fork ... { } until p`");
        return true;
    }
    bool operand = t->code == TK_NAME || t->code == TK_INT || t->code == TK_FLOAT ||
                   t->code == TK_LP || t->code == TK_LB;
    if (operand && before->code == TK_NAME && before->flags & TOKEN_START &&
        !(t->flags & TOKEN_NEWLINE) && is_role(text_of(lx, before))) {
        struct diag *d = say(lx, "E0106", t->at, "a role takes a string or a block");
        if (d)
            diag_caret(lx->diags, d, "write \"${...}\" around it");
        return true;
    }
    return false;
}

bool hint_slip(const void *g, struct lexer *lx, const struct token *before, const struct token *t,
               uint32_t *ret_code)
{
    *ret_code = 0;
    if (mark_slip(g, lx, before, t, ret_code) || word_slip(g, lx, before, t))
        return true;
    bool doubled = lx->text[t->at.off + 1] == '{' ||
                   (before->code == TK_LC && before->at.off + 1 == t->at.off);
    if (t->code == TK_LC && doubled) {
        say(lx, "E0108", t->at,
            "`{{x}}` is not written so here; a value goes into a text as `${x}`");
        return true;
    }
    if (t->code == TK_BAR && t->flags & TOKEN_NEWLINE && grammar_expects(g, TK_STAR)) {
        struct diag *d = say(lx, "E0103", t->at, "unexpected `|`");
        if (d)
            diag_note(lx->diags, d, "a lambda cannot begin a line; write `(|x| ...)`");
        return true;
    }
    return false;
}
