/* format.c - writes a source again, token by token: indentation, blanks between tokens, nothing else.
 *
 * Lines are never joined or split.  A line that begins a statement stands one level inside the
 * line of its brace; any other line moves as far as the first line of its statement did.  Texts
 * (with the code inside them) and comments are copied byte for byte.
 *
 *      {  .indent 0         the level at the brace's own statement
 *          let x = f(       begins a statement: indent 4, it moved by `shift`
 *              1)           goes on: its old indent + shift */
#include "frontend/format.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"

enum { INDENT = 4, COMMENT_GAP = 2 };

/* What stands in the output: a token, a whole text, or a comment. */
enum atom_kind { ATOM_TOKEN, ATOM_TEXT, ATOM_COMMENT };

struct atom {
    uint8_t     kind;
    uint16_t    code;           /* ATOM_TEXT: TK_STRING; `;`: TK_NL */
    bool        starts;         /* begins a statement, field, variant or arm */
    bool        lambda_open, lambda_close, angle;
    struct span at;
};

struct level {                  /* an open bracket */
    uint16_t code;
    int      indent;            /* of a line that closes it */
    int      line_indent;       /* of the line it stands on */
    uint32_t line;
    bool     bars;              /* a lambda's parameters are open */
};

struct format {
    struct arena    arena;
    struct source  *source;
    struct atom    *atom;
    uint32_t        n_atom, cap_atom;
    struct level    level[LEXER_OPEN_MAX + 1];
    uint32_t        n_level;
    int             indent;     /* of the first line of the statement being written */
    int             shift;      /* how far that line moved */
    int             line_indent;
    uint32_t        line;
    struct str     *out;
};

/* ---- reading */

static bool add_atom(struct format *f, struct atom a)
{
    struct atom *slot = array_push(&f->atom, &f->n_atom, &f->cap_atom, sizeof *slot);
    if (slot)
        *slot = a;
    return slot != NULL;
}

/* The comments between two tokens. */
static bool add_comments(struct format *f, uint32_t from, uint32_t to)
{
    const char *text = f->source->text.ptr;
    for (uint32_t i = from; i < to; i++) {
        if (text[i] != '/')
            continue;
        uint32_t end = i;
        while (end < to && text[end] != '\n')
            end++;
        uint32_t len = end - i;
        while (len && strchr(" \t\r", text[i + len - 1]))
            len--;
        if (!add_atom(f, (struct atom){ .kind = ATOM_COMMENT, .at = { i, len } }))
            return false;
        i = end;
    }
    return true;
}

/* Tokens up to the end of the text that t begins become one atom. */
static bool whole_text(struct lexer *lx, struct token *t)
{
    uint32_t open = lx->n_open, from = t->at.off;
    while (!(t->code == TK_TEND && lx->n_open < open) && t->code)
        if (!lexer_next(lx, t))
            return false;
    t->at = (struct span){ from, t->at.off + t->at.len - from };
    return true;
}

static bool read_atoms(struct format *f, struct lexer *lx)
{
    struct token t;
    uint32_t end = 0;
    bool starts = true, head = false;   /* head: of `with` or `fork`, whose commas end nothing */

    for (;;) {
        if (!lexer_next(lx, &t))
            return false;
        if (t.code == TK_BEGIN) {
            end = t.at.off;
            continue;
        }
        if (t.code == TK_NL && !t.at.len) {
            starts = true;
            continue;
        }
        bool text = t.code == TK_TSTART || t.code == TK_STRING;
        uint32_t from = t.at.off;
        if (!add_comments(f, end, from) || (t.code == TK_TSTART && !whole_text(lx, &t)))
            return false;
        if (!t.code)
            return true;
        struct atom a = { .kind = text ? ATOM_TEXT : ATOM_TOKEN, .starts = starts, .at = t.at,
                          .code = text ? TK_STRING : t.code };
        if (!add_atom(f, a))
            return false;
        end = t.at.off + t.at.len;
        const struct open *top = lx->n_open ? &lx->open[lx->n_open - 1] : NULL;
        bool brace = !top || top->kind == OPEN_BRACE;
        head = (head && t.code != TK_LC && !starts) || t.code == TK_WITH || t.code == TK_FORK;
        starts = t.code == TK_LC || t.code == TK_NL ||
                 (t.code == TK_COMMA && top && brace && !head);
    }
}

/* ---- blanks between two tokens of a line */

/* Can the token end an operand, so that a `(`, `[`, `-` or `|` behind it is not a first one? */
static bool ends_operand(const struct atom *a)
{
    switch (a->code) {
    case TK_NAME: case TK_INT: case TK_FLOAT: case TK_DURATION: case TK_STRING: case TK_REGEX:
    case TK_UNDERSCORE: case TK_TRUE: case TK_FALSE: case TK_NULL: case TK_HERE: case TK_RP:
    case TK_RB: case TK_RC: case TK_QUESTION:
        return true;
    case TK_GT:
        return a->angle;
    case TK_BAR:
        return false;
    default:
        return false;
    }
}

static bool takes_paren(const struct atom *a)
{
    switch (a->code) {
    case TK_NAME: case TK_RP: case TK_RB: case TK_GEN: case TK_SELECT: case TK_SCORE:
    case TK_PARSE: case TK_ATTEMPT: case TK_FN: case TK_HERE:
        return true;
    case TK_GT:
        return a->angle;
    default:
        return false;
    }
}

static bool is_prefix_minus(const struct atom *before, const struct atom *a)
{
    return a->code == TK_MINUS && (!before || a->starts || !ends_operand(before));
}

/* One blank between a and b?  `before` stands before a, or is NULL.  `as` and `until` are words or
 * names: whether a bracket behind them is an argument's, the author has said with a blank. */
static bool blank_between(const struct atom *before, const struct atom *a, const struct atom *b)
{
    bool had = b->at.off > a->at.off + a->at.len;

    switch (b->code) {
    case TK_RP: case TK_RB: case TK_COMMA: case TK_COLON: case TK_DOT: case TK_QDOT:
    case TK_QUESTION: case TK_NL: case TK_DOTDOT: case TK_DOTDOTLT:
        return false;
    case TK_RC:
        return a->code != TK_LC;
    case TK_LT: case TK_GT:
        if (b->angle)
            return false;
        break;
    case TK_LP:
        if (a->code == TK_AS || a->code == TK_UNTIL)
            return had;
        if (takes_paren(a))
            return false;
        break;
    case TK_LB:
        if (ends_operand(a) && a->code != TK_RC)
            return false;
        break;
    default:
        break;
    }
    if (b->lambda_close)
        return false;
    switch (a->code) {
    case TK_LP: case TK_LB: case TK_DOT: case TK_QDOT: case TK_AT: case TK_DOTDOT: case TK_DOTDOTLT:
        return false;
    case TK_LT:
        return !a->angle;
    case TK_BAR:
        return !a->lambda_open;
    case TK_MINUS:
        return !is_prefix_minus(before, a);
    default:
        return true;
    }
}

/* ---- marks whose kind their neighbours decide */

static void mark_bars_and_angles(struct format *f)
{
    const struct atom *before = NULL;
    bool bars[LEXER_OPEN_MAX + 1] = { false };
    uint32_t depth = 0, n_angle = 0;

    for (uint32_t i = 0; i < f->n_atom; i++) {
        struct atom *a = &f->atom[i];
        if (a->kind == ATOM_COMMENT)
            continue;
        switch (a->code) {
        case TK_LP: case TK_LB: case TK_LC:
            bars[++depth] = false;
            break;
        case TK_RP: case TK_RB: case TK_RC:
            depth -= depth > 0;
            break;
        case TK_LT:
            a->angle = before && (before->code == TK_GEN || before->code == TK_SELECT ||
                                  before->code == TK_SCORE || before->code == TK_PARSE ||
                                  before->code == TK_CALL);
            n_angle += a->angle;
            break;
        case TK_GT:
            a->angle = n_angle > 0;
            n_angle -= a->angle;
            break;
        case TK_BAR:
            a->lambda_close = bars[depth];
            a->lambda_open = !bars[depth] && !(before && ends_operand(before));
            bars[depth] = a->lambda_open;
            break;
        default:
            break;
        }
        before = a;
    }
}

/* ---- lines */

static int old_indent(const struct format *f, uint32_t off)
{
    uint32_t line = off;
    int n = 0;
    while (line && f->source->text.ptr[line - 1] != '\n')
        line--;
    for (; line < off; line++)
        n += f->source->text.ptr[line] == '\t' ? INDENT : 1;
    return n;
}

static int inside(const struct format *f)
{
    for (uint32_t n = f->n_level; n; n--)
        if (f->level[n - 1].code == TK_LC)
            return f->level[n - 1].indent + INDENT;
    return 0;
}

static void begin_line(struct format *f, const struct atom *a, const struct atom *next)
{
    bool closes = a->code == TK_RC && f->n_level && a->kind == ATOM_TOKEN;
    const struct atom *decides = a->kind == ATOM_COMMENT && next ? next : a;
    bool starts = decides->starts || (a->kind == ATOM_COMMENT && (!next || next->code == TK_RC));
    int old = old_indent(f, a->at.off);

    if (closes) {
        f->line_indent = f->level[f->n_level - 1].indent;
    } else if (starts) {
        f->line_indent = inside(f);
    } else {
        f->line_indent = old + f->shift;
        if (f->line_indent < 0)
            f->line_indent = 0;
    }
    if ((starts || closes) && a->kind != ATOM_COMMENT) {
        f->indent = f->line_indent;
        f->shift = f->line_indent - old;
    }
    for (int i = 0; i < f->line_indent; i++)
        str_addc(f->out, ' ');
}

/* A brace belongs to its statement's first line, unless a round or square bracket that an
 * earlier line opened lies between: then to its own line. */
static void open_level(struct format *f, const struct atom *a)
{
    struct level *l = &f->level[f->n_level];
    const struct level *outer = f->n_level ? &f->level[f->n_level - 1] : NULL;
    bool own = outer && outer->code != TK_LC && outer->line != f->line;
    *l = (struct level){ .code = a->code, .indent = own ? f->line_indent : f->indent,
                         .line_indent = f->line_indent, .line = f->line };
    f->n_level++;
}

static void track(struct format *f, const struct atom *a)
{
    if (a->kind != ATOM_TOKEN)
        return;
    switch (a->code) {
    case TK_LP: case TK_LB: case TK_LC:
        open_level(f, a);
        break;
    case TK_RP: case TK_RB: case TK_RC:
        if (f->n_level) {
            f->n_level--;
            if (a->code == TK_RC)
                f->indent = f->level[f->n_level].indent;
        }
        break;
    default:
        break;
    }
}

static uint32_t newlines(const struct format *f, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = from; i < to; i++)
        n += f->source->text.ptr[i] == '\n';
    return n;
}

static void comment_gap(struct format *f, uint32_t from, uint32_t to)
{
    uint32_t n = to - from > COMMENT_GAP ? to - from : COMMENT_GAP;
    while (n--)
        str_addc(f->out, ' ');
}

static void write_atoms(struct format *f, uint32_t start)
{
    const struct atom *before = NULL, *last = NULL;
    uint32_t end = start;

    for (uint32_t i = 0; i < f->n_atom; i++) {
        const struct atom *a = &f->atom[i], *next = NULL;
        for (uint32_t k = i + 1; a->kind == ATOM_COMMENT && !next && k < f->n_atom; k++)
            if (f->atom[k].kind != ATOM_COMMENT)
                next = &f->atom[k];
        uint32_t lines = newlines(f, end, a->at.off);
        if (f->out->len && lines)
            str_adds(f->out, lines > 1 && i ? "\n\n" : "\n");
        if (lines || !last) {
            f->line++;
            begin_line(f, a, next);
        } else if (a->kind == ATOM_COMMENT) {
            comment_gap(f, end, a->at.off);
        } else if (blank_between(before, last, a)) {
            str_addc(f->out, ' ');
        }
        str_add(f->out, f->source->text.ptr + a->at.off, a->at.len);
        f->line += newlines(f, a->at.off, a->at.off + a->at.len);
        track(f, a);
        end = a->at.off + a->at.len;
        if (a->kind != ATOM_COMMENT) {
            before = last;
            last = a;
        } else if (!last) {
            last = a;
        }
    }
    if (f->out->len)
        str_addc(f->out, '\n');
}

/* ---- the entry */

static enum status first_error(const struct diag_list *diags, struct error *err)
{
    for (uint32_t i = 0; i < diags->n; i++) {
        const struct diag *d = diags->at[i];
        if (d->severity != DIAG_ERROR)
            continue;
        struct place p = source_place(d->source, d->at.off);
        return error_at(err, ST_SYNTAX, d->code, d->at, "line %u, column %u: %s", p.line, p.col,
                        d->message);
    }
    return ST_OK;
}

static enum status parses(struct format *f, struct error *err)
{
    struct diag_list diags;
    struct parse_result parsed;
    diag_list_init(&diags, &f->arena);
    enum status st = parse_module(&f->arena, f->source, &diags, &parsed, err);
    if (st == ST_OK)
        st = first_error(&diags, err);
    diag_list_free(&diags);
    return st;
}

enum status format_source(struct slice text, struct str *ret, struct error *err)
{
    struct format *f = mem_zalloc(sizeof *f);
    struct lexer *lx = mem_zalloc(sizeof *lx);
    struct str out = { 0 };
    enum status st = f && lx ? source_new(&f->arena, "<source>", text, &f->source, err)
                             : error_nomem(err);
    if (st == ST_OK)
        st = parses(f, err);
    if (st != ST_OK)
        goto done;

    f->out = &out;
    lexer_init(lx, f->source, NULL);
    uint32_t start = (uint32_t)(lx->p - lx->text);
    str_add(&out, lx->text, start);                 /* the #! line */
    if (!read_atoms(f, lx)) {
        st = error_nomem(err);
        goto done;
    }
    mark_bars_and_angles(f);
    write_atoms(f, start);
    str_add_slice(ret, str_slice(&out));
    if (out.failed || ret->failed)
        st = error_nomem(err);

done:
    str_free(&out);
    if (lx)
        lexer_free(lx);
    mem_free(lx);
    if (f) {
        mem_free(f->atom);
        arena_free(&f->arena);
    }
    mem_free(f);
    return st;
}
