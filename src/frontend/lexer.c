/* lexer.c - what a word means beside its neighbours: statement ends, soft keywords, open texts.
 *
 * Blanks, comments and newlines before a token are consumed first, all of them once.  Then the
 * next byte is known, and with it whether the newline ends a statement (three rules: the token
 * before can end one, the innermost bracket is a brace, the token behind does not continue). */
#include "frontend/lexer.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

static uint32_t off_of(const struct lexer *lx, const char *p)
{
    return (uint32_t)(p - lx->text);
}

static struct span span_to_here(const struct lexer *lx, uint32_t from)
{
    return (struct span){ from, off_of(lx, lx->p) - from };
}

/* Counts the error; NULL when nobody listens. */
static struct diag *report(struct lexer *lx, const char *code, struct span at, const char *text)
{
    lx->n_error++;
    return lx->diags ? diag_add(lx->diags, code, lx->source, at, "%s", text) : NULL;
}

/* ---- what is open */

static struct open *top(struct lexer *lx)
{
    return lx->n_open ? &lx->open[lx->n_open - 1] : NULL;
}

static bool top_is(struct lexer *lx, enum open_kind kind)
{
    return lx->n_open && lx->open[lx->n_open - 1].kind == kind;
}

static uint32_t *joins_here(struct lexer *lx)
{
    return lx->n_open ? &top(lx)->n_join : &lx->n_join;
}

static void cut_open(struct lexer *lx, uint32_t n)
{
    while (lx->n_open > n)
        if (lx->open[--lx->n_open].kind != OPEN_TEXT)
            lx->n_nest--;
}

static struct open *push_open(struct lexer *lx, enum open_kind kind, uint32_t off)
{
    if (kind != OPEN_TEXT && lx->n_nest == LEXER_NEST_MAX) {
        report(lx, "R0706", (struct span){ off, 1 }, "more than 64 brackets are open here");
        lx->failed = true;
        cut_open(lx, 0);
    }
    if (kind != OPEN_TEXT)
        lx->n_nest++;
    struct open *o = &lx->open[lx->n_open++];
    *o = (struct open){ .kind = (uint8_t)kind, .off = off };
    return o;
}

static const char *const open_mark[] = {
    [OPEN_PAREN] = "(", [OPEN_SQUARE] = "[", [OPEN_BRACE] = "{", [OPEN_ANGLE] = "<",
    [OPEN_INSERT] = "${", [OPEN_HOLE] = "$[", [OPEN_TEXT] = "\"",
};

static void report_unclosed(struct lexer *lx, const struct open *o)
{
    const char *mark = open_mark[o->kind];
    lx->n_error++;
    if (lx->diags && o->kind != OPEN_BRACE)     /* no line end was seen behind it */
        diag_drop_between(lx->diags, lx->source, o->off, off_of(lx, lx->end));
    if (lx->diags)
        diag_add(lx->diags, "E0101", lx->source, (struct span){ o->off, (uint32_t)strlen(mark) },
                 "this `%s` is never closed", mark);
}

static bool closes(uint32_t code, uint8_t kind)
{
    switch (code) {
    case TK_RP:
        return kind == OPEN_PAREN;
    case TK_RB:
        return kind == OPEN_SQUARE || kind == OPEN_HOLE;
    default:
        return kind == OPEN_BRACE || kind == OPEN_INSERT;
    }
}

/* A closing bracket: pops what it closes.  False: nothing is open for it. */
static bool close_bracket(struct lexer *lx, uint32_t code, struct span at)
{
    while (top_is(lx, OPEN_ANGLE))
        cut_open(lx, lx->n_open - 1);
    uint32_t n = lx->n_open;
    while (n && lx->open[n - 1].kind != OPEN_TEXT && !closes(code, lx->open[n - 1].kind))
        n--;
    if (!n || lx->open[n - 1].kind == OPEN_TEXT) {
        report(lx, "E0102", at, "this bracket closes nothing");
        return false;
    }
    if (n != lx->n_open)
        report_unclosed(lx, top(lx));
    lx->annot_closed = lx->open[n - 1].is_annot;
    cut_open(lx, n - 1);
    return true;
}

/* ---- statement ends */

/* Does the token at lx->p go on with the statement of the line before? */
static bool continues(struct lexer *lx)
{
    const char *p = lx->p;
    if (*p == '.')
        return lexer_letter(p[1]);
    if (*p && strchr("?|)]}", *p))
        return true;
    if (!lexer_letter(*p))
        return false;
    uint32_t len = lexer_word_len(p);
    if (*lexer_blanks(p + len) == ':')
        return false;
    switch (scan_keyword(p, len)) {
    case TK_ELSE: case TK_CATCH: case TK_FINALLY: case TK_AND: case TK_OR:
        return true;
    case TK_UNTIL:
        return *joins_here(lx) > 0;
    default:
        return false;
    }
}

static bool can_end(const struct lexer *lx, uint32_t code, bool closed_call)
{
    switch (code) {
    case TK_NAME: case TK_INT: case TK_FLOAT: case TK_DURATION: case TK_STRING: case TK_TEND:
    case TK_REGEX: case TK_UNDERSCORE: case TK_TRUE: case TK_FALSE: case TK_NULL: case TK_HERE:
    case TK_BREAK: case TK_CONTINUE: case TK_RETURN: case TK_RP: case TK_RB: case TK_RC:
    case TK_QUESTION:
        return true;
    case TK_GT:
        return closed_call;
    case TK_AS: case TK_UNTIL:      /* names, unless they stand behind an operand */
        return !lx->last_ends;
    default:
        return false;
    }
}

/* ---- giving a token */

static void give(struct lexer *lx, struct token *ret, uint32_t code, uint32_t flags, uint32_t from)
{
    bool closed_call = code == TK_GT && top_is(lx, OPEN_ANGLE) && top(lx)->is_call;
    if (code == TK_GT && top_is(lx, OPEN_ANGLE))
        cut_open(lx, lx->n_open - 1);
    if (lexer_at_start(lx))
        flags |= TOKEN_START;
    if (lx->newline)
        flags |= TOKEN_NEWLINE;
    if (code != TK_RP)
        lx->annot_closed = false;
    bool ends = can_end(lx, code, closed_call);
    if (code == TK_UNTIL && *joins_here(lx)) {
        ends = false;
        --*joins_here(lx);
    }
    if (code == TK_JOIN)
        ++*joins_here(lx);
    if (code == TK_NL)
        *joins_here(lx) = 0;

    *ret = (struct token){ .code = (uint16_t)code, .flags = (uint16_t)flags,
                           .at = span_to_here(lx, from) };
    if (code != TK_NL) {
        ret->doc = lx->pending_doc;
        lx->pending_doc = 0;
        lx->newline = false;
    }
    lx->before_last = lx->last.code;
    lx->last = *ret;
    lx->last_ends = ends;
}

/* ---- texts */

/* Where a text that its line cuts off should have ended: before the brackets at the end of the
 * line, when they close what is open, innermost first.  NULL: there are none. */
static const char *before_closers(const struct lexer *lx, uint32_t from)
{
    const char *end = lx->p, *p = end;
    uint32_t n = lx->n_open;
    bool any = false;
    if (n && lx->open[n - 1].kind == OPEN_TEXT)
        n--;
    while (p > lx->text + from && strchr(")]} \t", p[-1]))
        p--;
    for (const char *c = p; c < end; c++) {
        uint32_t code = *c == ')' ? TK_RP : *c == ']' ? TK_RB : TK_RC;
        if (*c == ' ' || *c == '\t')
            continue;
        uint8_t kind = n ? lx->open[n - 1].kind : OPEN_TEXT;
        if (kind == OPEN_INSERT || kind == OPEN_HOLE || !closes(code, kind))
            return NULL;
        n--;
        any = true;
    }
    return any ? p : NULL;
}

/* A text that its line or the source cuts off.  Brackets opened on that line go with it, so that
 * the next line begins afresh. */
static void text_unclosed(struct lexer *lx, uint32_t from, uint32_t flags, enum scan_end end)
{
    if (flags & TOKEN_BLOCK) {
        report(lx, "E0003", (struct span){ from, flags & TOKEN_RAW ? 4 : 3 },
               "this block string is never closed");
        lx->unclosed = true;
        return;
    }
    if (flags & TOKEN_TRIPLE && end == SCAN_LINE_END) {
        report(lx, "E0004", span_to_here(lx, from), "an inline `\"\"\"` cannot span lines");
        const char *close = strstr(lx->p, "\"\"\"");
        if (close)                      /* all of it was meant to be text */
            lx->p = close + 3;
        return;
    }
    uint32_t line = from;
    while (line && lx->text[line - 1] != '\n')
        line--;
    if (lx->diags)                      /* a quote that is missing turns text and code around */
        diag_drop_between(lx->diags, lx->source, line, off_of(lx, lx->p));
    report(lx, "E0003", span_to_here(lx, from), "this string is not closed on its line");
    if (end == SCAN_LINE_END && *lx->p != '\n')     /* what is open is closed on this line */
        return;
    uint32_t n = lx->n_open;
    while (n && lx->open[n - 1].kind != OPEN_BRACE && lx->open[n - 1].off >= line)
        n--;
    cut_open(lx, n);
}

/* Behind the opening quote: STRING if nothing is inserted, else TSTART. */
static void open_text(struct lexer *lx, struct token *ret, uint32_t from)
{
    uint32_t flags = lx->text[from] == 'r' ? TOKEN_RAW : 0;
    if (lx->p[0] == '"' && lx->p[1] == '"') {
        lx->p += 2;
        flags |= TOKEN_TRIPLE;
        if (*lx->p == '\n')
            flags |= TOKEN_BLOCK;
    }
    const char *body = lx->p;
    enum scan_end end = flags & TOKEN_RAW ? scan_raw(lx, flags) : scan_text(lx, flags);

    if (end == SCAN_QUOTE) {
        lx->p += flags & TOKEN_TRIPLE ? 3 : 1;
        give(lx, ret, TK_STRING, flags, from);
        return;
    }
    if (end == SCAN_LINE_END || end == SCAN_TEXT_END) {
        const char *stop = end == SCAN_LINE_END && !(flags & TOKEN_TRIPLE)
                         ? before_closers(lx, from + 1) : NULL;
        lx->p = stop ? stop : lx->p;
        text_unclosed(lx, from, flags, end);
        give(lx, ret, TK_STRING, flags | TOKEN_OPEN, from);
        return;
    }
    lx->p = body;
    give(lx, ret, TK_TSTART, flags, from);
    push_open(lx, OPEN_TEXT, from)->flags = (uint8_t)flags;
}

/* Inside an open text: TEXT, INSERT, HOLE or TEND. */
static void text_part(struct lexer *lx, struct token *ret)
{
    struct open text = *top(lx);
    uint32_t from = off_of(lx, lx->p);
    enum scan_end end = scan_text(lx, text.flags);
    const char *stop = end == SCAN_LINE_END && !(text.flags & TOKEN_TRIPLE)
                     ? before_closers(lx, from) : NULL;

    lx->p = stop ? stop : lx->p;
    if (off_of(lx, lx->p) > from) {
        give(lx, ret, TK_TEXT, 0, from);
        return;
    }
    if (end == SCAN_INSERT || end == SCAN_HOLE) {
        lx->p += 2;
        give(lx, ret, end == SCAN_INSERT ? TK_INSERT : TK_HOLE, 0, from);
        push_open(lx, end == SCAN_INSERT ? OPEN_INSERT : OPEN_HOLE, from);
        return;
    }
    cut_open(lx, lx->n_open - 1);
    if (end == SCAN_QUOTE)
        lx->p += text.flags & TOKEN_TRIPLE ? 3 : 1;
    else
        text_unclosed(lx, text.off, text.flags, end);
    give(lx, ret, TK_TEND, 0, from);
}

/* ---- blanks */

static bool note_doc(struct lexer *lx, const char *from)
{
    if (!lx->pending_doc) {
        struct doc_range *d = array_push(&lx->doc, &lx->n_doc, &lx->cap_doc, sizeof *d);
        if (!d)
            return false;
        d->from = off_of(lx, from);
        lx->pending_doc = lx->n_doc;
    }
    lx->doc[lx->pending_doc - 1].to = off_of(lx, lx->p);
    return true;
}

/* A newline in the code of an insert: a text that must end on its line is cut off here. */
static void newline_in_insert(struct lexer *lx)
{
    for (uint32_t i = 0; i < lx->n_open; i++) {
        struct open o = lx->open[i];
        if (o.kind != OPEN_TEXT || o.flags & TOKEN_BLOCK)
            continue;
        cut_open(lx, i);
        text_unclosed(lx, o.off, o.flags, SCAN_LINE_END);
        lx->last_ends = true;       /* what was cut off stood for a value */
        return;
    }
}

static bool skip(struct lexer *lx)
{
    for (;;) {
        const char *from = lx->p;
        switch (scan_code(lx, false)) {
        case SCAN_BLANK: case SCAN_COMMENT:
            break;
        case SCAN_DOC:
            if (!note_doc(lx, from))
                return false;
            break;
        case SCAN_NEWLINE:
            lx->p = from;
            newline_in_insert(lx);
            lx->p = from + 1;
            lx->newline = true;
            break;
        default:
            lx->p = from;
            return true;
        }
    }
}

/* ---- code */

static void end_of_source(struct lexer *lx, struct token *ret)
{
    for (uint32_t i = 0; i < lx->n_open; i++) {
        if (lx->open[i].kind == OPEN_TEXT) {
            text_unclosed(lx, lx->open[i].off, lx->open[i].flags, SCAN_TEXT_END);
            cut_open(lx, 0);
        }
    }
    while (top_is(lx, OPEN_ANGLE))
        cut_open(lx, lx->n_open - 1);
    if (lx->n_open) {
        report_unclosed(lx, top(lx));
        lx->unclosed = true;
        cut_open(lx, 0);
    }
    give(lx, ret, 0, 0, off_of(lx, lx->p));
}

static void report_char(struct lexer *lx, uint32_t code, struct span at)
{
    const char *c = lx->text + at.off;
    if (code == SCAN_NON_ASCII) {
        report(lx, "E0010", at, "only ASCII is allowed outside strings and comments");
        while (lexer_letter(*lx->p) || lexer_digit(*lx->p) || (unsigned char)*lx->p >= 0x80)
            lx->p++;                    /* the rest of the word */
        return;
    }
    struct diag *d = report(lx, "E0009", at, "this character means nothing here");
    if (d && (unsigned char)*c < 32)
        diag_note(lx->diags, d, "it is the control character 0x%02X", (unsigned)*c);
}

/* Letters behind a number: a unit that there is not, or a name that wants a blank before it. */
static void report_number(struct lexer *lx, struct span at)
{
    struct diag *d = report(lx, "E0007", at, "this is no number and no duration");
    const char *c = lx->text + at.off;
    if (d && !(c[0] == '0' && (c[1] == 'x' || c[1] == 'b')))
        diag_caret(lx->diags, d, "the units of a duration are `ms`, `s`, `m` and `h`");
}

static void report_slip(struct lexer *lx, struct span at, const char *found, const char *instead,
                        const char *edit)
{
    lx->n_error++;
    if (!lx->diags)
        return;
    struct diag *d = diag_add(lx->diags, "E0108", lx->source, at,
                              "%s is not written so here; write %s", found, instead);
    if (edit)
        diag_edit(lx->diags, d, at, edit);
}

/* A form of other languages, taken for what it means.  Returns the code it stands for. */
static uint32_t slip(struct lexer *lx, uint32_t code, uint32_t from)
{
    struct span at = span_to_here(lx, from);
    switch (code) {
    case SCAN_AND_AND:
        report_slip(lx, at, "`&&`", "`and`", "and");
        return TK_AND;
    case SCAN_BANG:
        report_slip(lx, at, "`!`", "`not`", "not ");
        return TK_NOT;
    case SCAN_DOTDOT_EQ:
        report_slip(lx, at, "`..=`", "`..`, which includes the end", "..");
        return TK_DOTDOT;
    case SCAN_APOSTROPHE:
        report_slip(lx, at, lx->text[from] == '`' ? "a string in backticks" : "a string in single quotes",
                    "double quotes", NULL);
        return TK_STRING;
    default:
        return 0;
    }
}

static void slash(struct lexer *lx, struct token *ret, uint32_t from)
{
    if (lx->last_ends && lx->last.code != TK_RETURN) {
        give(lx, ret, TK_SLASH, 0, from);
        return;
    }
    uint32_t flags = 0;
    if (!scan_regex(lx)) {
        while (lx->p < lx->end && *lx->p != '\n')
            lx->p++;
        report(lx, "E0008", span_to_here(lx, from), "this regex is not closed on its line");
        flags = TOKEN_OPEN;
    }
    give(lx, ret, TK_REGEX, flags, from);
}

static enum open_kind opens(uint32_t code)
{
    return code == TK_LP ? OPEN_PAREN : code == TK_LB ? OPEN_SQUARE : OPEN_BRACE;
}

static void bracket(struct lexer *lx, struct token *ret, uint32_t code, uint32_t from)
{
    bool annot = code == TK_LP && lx->last.code == TK_NAME && lx->before_last == TK_AT;
    while (code == TK_LC && top_is(lx, OPEN_ANGLE))
        cut_open(lx, lx->n_open - 1);
    give(lx, ret, code, 0, from);
    push_open(lx, opens(code), from)->is_annot = annot;
}

static void less(struct lexer *lx, struct token *ret, uint32_t from)
{
    uint32_t before = lx->last.code;
    bool type_args = before == TK_GEN || before == TK_SELECT || before == TK_SCORE ||
                     before == TK_PARSE || before == TK_CALL;
    give(lx, ret, TK_LT, 0, from);
    if (type_args)
        push_open(lx, OPEN_ANGLE, from)->is_call = before == TK_CALL;
}

/* One token of code at lx->p.  False: what stood there is no token and was skipped. */
static bool code_token(struct lexer *lx, struct token *ret)
{
    uint32_t from = off_of(lx, lx->p);
    uint32_t code = scan_code(lx, top_is(lx, OPEN_ANGLE));

    switch (code) {
    case 0:
        end_of_source(lx, ret);
        return true;
    case SCAN_SEMICOLON:
        if (!lx->last_ends)
            return false;
        give(lx, ret, TK_NL, 0, from);
        return true;
    case SCAN_F_TEXT:
        report_slip(lx, (struct span){ from, 2 }, "`f\"...\"`", "`\"...${x}...\"`", "\"");
        return false;
    case SCAN_OPEN_TEXT:
        open_text(lx, ret, from);
        return true;
    case SCAN_SLASH:
        slash(lx, ret, from);
        return true;
    case SCAN_BAD_NUMBER:
        report_number(lx, span_to_here(lx, from));
        give(lx, ret, TK_INT, TOKEN_OPEN, from);
        return true;
    case SCAN_AND_AND: case SCAN_BANG: case SCAN_DOTDOT_EQ: case SCAN_APOSTROPHE:
        give(lx, ret, slip(lx, code, from), TOKEN_RAW, from);
        return true;
    case SCAN_NON_ASCII: case SCAN_BAD_CHAR:
        report_char(lx, code, span_to_here(lx, from));
        return false;
    case TK_LP: case TK_LB: case TK_LC:
        bracket(lx, ret, code, from);
        return true;
    case TK_RP: case TK_RB: case TK_RC:
        if (!close_bracket(lx, code, span_to_here(lx, from)))
            return false;
        give(lx, ret, code, 0, from);
        return true;
    case TK_LT:
        less(lx, ret, from);
        return true;
    default:
        if (lexer_letter(lx->text[from]) && code != TK_UNDERSCORE)
            code = lexer_word(lx, lx->text + from, off_of(lx, lx->p) - from, code);
        give(lx, ret, code, 0, from);
        return true;
    }
}

/* ---- the entry */

void lexer_init(struct lexer *lx, const struct source *source, struct diag_list *diags)
{
    *lx = (struct lexer){ .source = source, .diags = diags, .text = source->text.ptr,
                          .end = source->text.ptr + source->text.len, .p = source->text.ptr };
    size_t bad = utf8_invalid_at(source->text);
    const char *nul = memchr(source->text.ptr, 0, source->text.len);
    if (bad < source->text.len) {
        report(lx, "E0001", (struct span){ (uint32_t)bad, 1 }, "this byte is not UTF-8");
        lx->failed = true;
    } else if (nul) {
        report(lx, "E0002", (struct span){ off_of(lx, nul), 1 }, "a source holds no NUL byte");
        lx->failed = true;
    }
    if (source->text.len > 2 && !memcmp(lx->p, "#!", 2))
        while (lx->p < lx->end && *lx->p != '\n')
            lx->p++;
}

void lexer_free(struct lexer *lx)
{
    mem_free(lx->doc);
    lx->doc = NULL;
}

bool lexer_next(struct lexer *lx, struct token *ret)
{
    if (!lx->begun) {
        lx->begun = true;
        give(lx, ret, TK_BEGIN, 0, off_of(lx, lx->p));
        return true;
    }
    do {
        if (lx->failed) {
            lx->p = lx->end;
            give(lx, ret, 0, 0, off_of(lx, lx->p));
            return true;
        }
        if (top_is(lx, OPEN_TEXT)) {
            text_part(lx, ret);
            return true;
        }
        uint32_t from = off_of(lx, lx->p);
        if (!skip(lx))
            return false;
        bool brace = !lx->n_open || top_is(lx, OPEN_BRACE);
        if (lx->newline && lx->last_ends && brace && !continues(lx)) {
            give(lx, ret, TK_NL, 0, from);
            ret->at = lx->last.at = (struct span){ from, 0 };
            return true;
        }
    } while (!code_token(lx, ret));
    return true;
}
