/* diag.c - keeps diagnostics, and shows one of them: header, place, line with carets, notes.
 *
 *      error[E0103]: unexpected name `xs`
 *        --> a.sgl:2:20
 *        |
 *      2 |     let b = fork x xs { x }
 *        |                    ^^ expected `in` or `{`
 *
 * Columns are code points; the caret line repeats tabs, so it lines up whatever their width. */
#include "frontend/diag.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"
#include "frontend/diag_codes.h"

/* ---- the registry */

static const struct code_row {
    const char *code, *sentence;
} code_row[] = {
#define X(code, sentence) { #code, sentence },
    DIAG_CODES(X)
#undef X
};

uint32_t diag_n_code(void)
{
    return (uint32_t)(sizeof code_row / sizeof code_row[0]);
}

const char *diag_code_at(uint32_t i)
{
    return i < diag_n_code() ? code_row[i].code : NULL;
}

const char *diag_code_sentence(const char *code)
{
    for (uint32_t i = 0; code && i < diag_n_code(); i++)
        if (!strcmp(code_row[i].code, code))
            return code_row[i].sentence;
    return NULL;
}

/* ---- the list */

void diag_list_init(struct diag_list *l, struct arena *arena)
{
    *l = (struct diag_list){ .arena = arena };
}

void diag_list_free(struct diag_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        mem_free(l->at[i]->label);
        mem_free(l->at[i]->note);
        mem_free(l->at[i]->edit);
    }
    mem_free(l->at);
    l->at = NULL;
    l->n = l->cap = 0;
}

static const char *format(struct diag_list *l, const char *fmt, va_list ap)
{
    struct str s = { 0 };
    str_addv(&s, fmt, ap);
    const char *kept = arena_strdup(l->arena, str_slice(&s));
    if (s.failed)
        l->arena->failed = true;
    str_free(&s);
    return kept ? kept : "out of memory";
}

/* What stands in when memory is out: it takes notes and loses them. */
static struct diag *lost(struct diag_list *l)
{
    static struct diag none;
    l->arena->failed = true;
    return &none;
}

static bool is_lost(const struct diag *d)
{
    return !d->code;
}

struct diag *diag_add_note(struct diag_list *l, const struct source *src, struct span at,
                           const char *fmt, ...)
{
    struct diag *d = arena_zalloc(l->arena, sizeof *d);
    struct diag **slot = d ? array_push(&l->at, &l->n, &l->cap, sizeof *slot) : NULL;
    if (!slot)
        return lost(l);
    va_list ap;
    va_start(ap, fmt);
    d->message = format(l, fmt, ap);
    va_end(ap);
    d->code = "";
    d->severity = DIAG_NOTE;
    d->source = src;
    d->at = at;
    *slot = d;
    return d;
}

struct diag *diag_add(struct diag_list *l, const char *code, const struct source *src,
                      struct span at, const char *fmt, ...)
{
    assert(diag_code_sentence(code));
    struct diag *d = arena_zalloc(l->arena, sizeof *d);
    struct diag **slot = d ? array_push(&l->at, &l->n, &l->cap, sizeof *slot) : NULL;
    if (!slot)
        return lost(l);
    va_list ap;
    va_start(ap, fmt);
    d->message = format(l, fmt, ap);
    va_end(ap);
    d->code = code;
    d->severity = code[0] == 'W' ? DIAG_WARNING : strcmp(code,
                                                         "R0105") == 0 ? DIAG_NOTE : DIAG_ERROR;
    d->source = src;
    d->at = at;
    *slot = d;
    l->n_error += d->severity == DIAG_ERROR;
    l->n_warning += d->severity == DIAG_WARNING;
    return d;
}

void diag_caret(struct diag_list *l, struct diag *d, const char *fmt, ...)
{
    if (is_lost(d))
        return;
    va_list ap;
    va_start(ap, fmt);
    d->caret = format(l, fmt, ap);
    va_end(ap);
}

void diag_note(struct diag_list *l, struct diag *d, const char *fmt, ...)
{
    const char **slot = is_lost(d) ? NULL : array_push(&d->note, &d->n_note, &d->cap_note,
                                                       sizeof *slot);
    if (!slot) {
        l->arena->failed = true;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    *slot = format(l, fmt, ap);
    va_end(ap);
}

void diag_label(struct diag_list *l, struct diag *d, const struct source *src, struct span at,
                const char *fmt, ...)
{
    struct diag_label *slot = is_lost(d) ? NULL : array_push(&d->label, &d->n_label, &d->cap_label,
                                                             sizeof *slot);
    if (!slot) {
        l->arena->failed = true;
        return;
    }
    va_list ap;
    va_start(ap, fmt);
    *slot = (struct diag_label){ src, at, format(l, fmt, ap) };
    va_end(ap);
}

void diag_edit(struct diag_list *l, struct diag *d, struct span at, const char *text)
{
    struct diag_edit *slot = is_lost(d) ? NULL : array_push(&d->edit, &d->n_edit, &d->cap_edit,
                                                            sizeof *slot);
    const char *kept = slot ? arena_strdup(l->arena, slice_of(text)) : NULL;
    if (!kept) {
        l->arena->failed = true;
        if (slot)
            d->n_edit--;
        return;
    }
    *slot = (struct diag_edit){ at, kept };
}

void diag_deny(struct diag_list *l)
{
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->at[i]->severity != DIAG_WARNING)
            continue;
        l->at[i]->severity = DIAG_ERROR;
        l->n_warning--;
        l->n_error++;
    }
}

void diag_lose(struct diag_list *l, struct diag *d)
{
    if (d->severity == DIAG_ERROR)
        l->n_error--;
    else
        l->n_warning--;
    mem_free(d->label);
    mem_free(d->note);
    mem_free(d->edit);
}

void diag_drop(struct diag_list *l, const char *code)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (strcmp(l->at[i]->code, code))
            l->at[n++] = l->at[i];
        else
            diag_lose(l, l->at[i]);
    }
    l->n = n;
}

static bool follows_from(const char *code)
{
    static const char *const known[] = {
        "E0009", "E0010", "E0102", "E0103", "E0104", "E0105", "E0108",
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (!strcmp(code, known[i]))
            return true;
    return false;
}

void diag_drop_between(struct diag_list *l, const struct source *src, uint32_t from, uint32_t to)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        uint32_t off = l->at[i]->at.off;
        if (l->at[i]->source == src && off >= from && off <= to && follows_from(l->at[i]->code))
            diag_lose(l, l->at[i]);
        else
            l->at[n++] = l->at[i];
    }
    l->n = n;
}

void diag_limit(struct diag_list *l, uint32_t n)
{
    uint32_t kept = 0, errors = 0;
    for (uint32_t i = 0; i < l->n; i++) {
        if (l->at[i]->severity != DIAG_ERROR || errors++ < n)
            l->at[kept++] = l->at[i];
        else
            diag_lose(l, l->at[i]);
    }
    l->n = kept;
}

static int compare(const void *a, const void *b)
{
    const struct diag *x = *(struct diag *const *)a, *y = *(struct diag *const *)b;
    if (x->source != y->source) {
        int c = strcmp(x->source ? x->source->name : "", y->source ? y->source->name : "");
        if (c)
            return c;
    }
    if (x->at.off != y->at.off)
        return x->at.off < y->at.off ? -1 : 1;
    if (x->severity != y->severity)
        return x->severity < y->severity ? -1 : 1;
    return strcmp(x->code, y->code);
}

static bool repeats(const struct diag *a, const struct diag *b)
{
    return a->source == b->source && a->at.off == b->at.off && !strcmp(a->code, b->code) &&
           !strcmp(a->message, b->message);
}

void diag_sort(struct diag_list *l)
{
    if (!l->n)
        return;
    qsort(l->at, l->n, sizeof *l->at, compare);
    uint32_t n = 1;
    for (uint32_t i = 1; i < l->n; i++) {
        struct diag *d = l->at[i];
        if (!repeats(l->at[n - 1], d)) {
            l->at[n++] = d;
            continue;
        }
        diag_lose(l, d);
    }
    l->n = n;
}

/* ---- rendering */

static const char *severity_name(enum diag_severity s)
{
    return s == DIAG_ERROR ? "error" : s == DIAG_WARNING ? "warning" : "note";
}

static void paint(struct str *out, bool color, const char *sgr)
{
    if (color)
        str_addf(out, "\033[%sm", sgr);
}

static uint32_t digits(uint32_t n)
{
    uint32_t d = 1;
    while (n >= 10) {
        n /= 10;
        d++;
    }
    return d;
}

static void gutter(struct str *out, bool color, uint32_t width, uint32_t line)
{
    paint(out, color, "34");
    if (line)
        str_addf(out, "%*u |", (int)width, line);
    else
        str_addf(out, "%*s |", (int)width, "");
    paint(out, color, "0");
}

/* Blanks up to the column, tabs kept, then one mark a code point of the span on this line. */
static void caret_line(struct str *out, struct slice line, uint32_t skip, uint32_t len, char mark)
{
    for (uint32_t i = 0; i < skip && i < line.len; i++)
        if (((unsigned char)line.ptr[i] & 0xC0) != 0x80)
            str_addc(out, line.ptr[i] == '\t' ? '\t' : ' ');
    uint32_t n = 0;
    for (uint32_t i = skip; i < skip + len && i < line.len; i++)
        n += ((unsigned char)line.ptr[i] & 0xC0) != 0x80;
    for (n = n ? n : 1; n; n--)
        str_addc(out, mark);
}

/* The terminal sees no control characters of the program, and no bytes that are no text. */
static void add_line(struct str *out, struct slice line)
{
    for (size_t i = 0; i < line.len;) {
        uint32_t cp;
        int n = utf8_decode(line.ptr + i, line.ptr + line.len, &cp);
        if (!n)
            str_adds(out, "\xEF\xBF\xBD");
        else if ((cp < 32 && cp != '\t') || cp == 127)
            str_addc(out, '?');
        else
            str_add(out, line.ptr + i, (size_t)n);
        i += n ? (size_t)n : 1;
    }
}

/* shown: the line that stands above already, or 0. */
static void show_place(struct str *out, bool color, uint32_t width, const struct source *src,
                       struct span at, char mark, const char *text, uint32_t shown)
{
    struct place p = source_place(src, at.off);
    struct slice line = source_line(src, p.line);
    if (p.line != shown) {
        gutter(out, color, width, p.line);
        str_addc(out, ' ');
        add_line(out, line);
        str_addc(out, '\n');
    }
    gutter(out, color, width, 0);
    str_addc(out, ' ');
    paint(out, color, mark == '^' ? "1;31" : "34");
    caret_line(out, line, at.off - src->line[p.line - 1], at.len, mark);
    if (text && *text)
        str_addf(out, " %s", text);
    paint(out, color, "0");
    str_addc(out, '\n');
}

static uint32_t gutter_width(const struct diag *d)
{
    uint32_t line = d->source ? source_place(d->source, d->at.off).line : 1;
    for (uint32_t i = 0; i < d->n_label; i++) {
        uint32_t l = d->label[i].source ? source_place(d->label[i].source, d->label[i].at.off).line
                                        : 1;
        line = l > line ? l : line;
    }
    return digits(line);
}

static void show_source(const struct diag *d, bool color, uint32_t width, struct str *out)
{
    struct place p = source_place(d->source, d->at.off);
    paint(out, color, "34");
    str_addf(out, "%*s--> ", (int)width + 1, "");
    paint(out, color, "0");
    str_addf(out, "%s:%u:%u\n", d->source->name, p.line, p.col);
    gutter(out, color, width, 0);
    str_addc(out, '\n');
    show_place(out, color, width, d->source, d->at, '^', d->caret, 0);
    uint32_t shown = p.line;
    for (uint32_t i = 0; i < d->n_label; i++) {
        const struct diag_label *l = &d->label[i];
        if (!l->source)
            continue;
        if (l->source != d->source) {
            p = source_place(l->source, l->at.off);
            str_addf(out, "%*s::: %s:%u:%u\n", (int)width + 1, "", l->source->name, p.line, p.col);
            shown = 0;
        }
        show_place(out, color, width, l->source, l->at, '-', l->text, shown);
        shown = l->source == d->source ? source_place(l->source, l->at.off).line : 0;
    }
}

void diag_render(const struct diag *d, bool color, struct str *out)
{
    uint32_t width = gutter_width(d);
    paint(out, color, d->severity == DIAG_ERROR ? "1;31" : d->severity == DIAG_WARNING ? "1;33"
                                                                                       : "1");
    str_adds(out, severity_name(d->severity));
    if (d->code && d->code[0])
        str_addf(out, "[%s]", d->code);
    paint(out, color, "0");
    str_addf(out, ": %s\n", d->message ? d->message : "");
    if (d->source)
        show_source(d, color, width, out);
    if (d->source && d->n_note) {
        gutter(out, color, width, 0);
        str_addc(out, '\n');
    }
    for (uint32_t i = 0; i < d->n_note; i++)
        str_addf(out, "%*s = note: %s\n", (int)width, "", d->note[i]);
    if (d->n_note && d->code[0])
        str_addf(out, "%*s = help: sglrun explain %s\n", (int)width, "", d->code);
}

/* ---- JSON */

static void json_text(struct str *out, const char *s)
{
    str_addc(out, '"');
    for (; s && *s; s++) {
        unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            str_addf(out, "\\%c", c);
        else if (c == '\n')
            str_adds(out, "\\n");
        else if (c == '\t')
            str_adds(out, "\\t");
        else if (c < 32)
            str_addf(out, "\\u%04x", c);
        else
            str_addc(out, (char)c);
    }
    str_addc(out, '"');
}

static void json_place(struct str *out, const struct source *src, struct span at)
{
    struct place p = { 0 }, e = { 0 };
    if (src) {
        p = source_place(src, at.off);
        e = source_place(src, at.off + at.len);
    }
    str_adds(out, "\"file\": ");
    json_text(out, src ? src->name : "");
    str_addf(out, ", \"line\": %u, \"col\": %u, \"end_line\": %u, \"end_col\": %u", p.line, p.col,
             e.line, e.col);
}

void diag_render_json(const struct diag *d, struct str *out)
{
    str_addf(out, "{\"severity\": \"%s\", \"code\": \"%s\", \"message\": ",
             severity_name(d->severity), d->code ? d->code : "");
    json_text(out, d->message);
    str_adds(out, ", ");
    json_place(out, d->source, d->at);
    str_adds(out, ", \"labels\": [");
    if (d->caret) {
        str_adds(out, "{");
        json_place(out, d->source, d->at);
        str_adds(out, ", \"text\": ");
        json_text(out, d->caret);
        str_adds(out, "}");
    }
    for (uint32_t i = 0; i < d->n_label; i++) {
        str_adds(out, i || d->caret ? ", {" : "{");
        json_place(out, d->label[i].source, d->label[i].at);
        str_adds(out, ", \"text\": ");
        json_text(out, d->label[i].text);
        str_adds(out, "}");
    }
    str_adds(out, "], \"notes\": [");
    for (uint32_t i = 0; i < d->n_note; i++) {
        str_adds(out, i ? ", " : "");
        json_text(out, d->note[i]);
    }
    str_adds(out, "], \"edits\": [");
    for (uint32_t i = 0; i < d->n_edit; i++) {
        str_adds(out, i ? ", {" : "{");
        json_place(out, d->source, d->edit[i].at);
        str_adds(out, ", \"text\": ");
        json_text(out, d->edit[i].text);
        str_adds(out, "}");
    }
    str_adds(out, "]}\n");
}
