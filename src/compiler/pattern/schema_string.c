/* schema_string.c - the keywords of strings and numbers as expressions and sets. */
#include <stdio.h>
#include <string.h>

#include "compiler/pattern/derive.h"
#include "compiler/pattern/regex.h"
#include "compiler/pattern/schema_data.h"

uint32_t schema_pattern_expr(struct schema *s, uint32_t node, enum schema_word keyword, const struct jnode *text)
{
    uint64_t known;
    if (idmap_get(&s->patterns, (uint64_t)(uintptr_t)text, &known))
        return (uint32_t)known;
    return schema_pattern_text(s, node, keyword, text->kind == J_STRING ? &text->text : NULL,
                               (uint64_t)(uintptr_t)text);
}

uint32_t schema_pattern_text(struct schema *s, uint32_t node, enum schema_word keyword, const struct slice *text,
                             uint64_t key)
{
    struct error why = { 0 };
    uint32_t e = EXPR_EMPTY;
    if (s->st != ST_OK)
        return e;
    if (!text) {
        schema_malformed(s, node, keyword, "a regular expression is expected");
        return e;
    }
    enum status st = regex_compile(&s->r->t.ex, *text, REGEX_SCHEMA, 0, &e, &why);
    if (st == ST_NOMEM) {
        schema_nomem(s);
    } else if (st != ST_OK) {
        char line[ERROR_TEXT_MAX + 32];
        snprintf(line, sizeof line, "%s (at %u)", why.text, why.at.off);
        schema_refuse(s, node, keyword, line);
        if (s->err)
            memcpy(s->err->code, why.code, sizeof why.code);
    } else if (!idmap_put(&s->patterns, key, e)) {
        schema_nomem(s);
    }
    return e;
}

static void note(struct schema *s, uint32_t node, const char *keyword, int kind, const char *what)
{
    struct str pointer = { 0 };
    schema_add_pointer(s, node, &pointer);
    str_addf(&pointer, "/%s", keyword);
    bool known = false;
    for (uint32_t i = 0; i < s->p->n_note && !pointer.failed; i++)
        known |= !strcmp(s->p->note[i].pointer, pointer.ptr);
    if (!known && (pointer.failed || pattern_add_note(s->p, kind, pointer.ptr, what) != ST_OK))
        schema_nomem(s);
    str_free(&pointer);
}

static void note_format(struct schema *s, uint32_t node, struct slice name, int kind, const char *what)
{
    struct str text = { 0 };
    str_addf(&text, "format \"%.*s\" %s", (int)name.len, name.ptr, what);
    if (text.failed)
        schema_nomem(s);
    else
        note(s, node, "format", kind, text.ptr);
    str_free(&text);
}

/* What draft-07 asserts about contents: base64 is decoded exactly, JSON inside a string is refused.
 * Later drafts only annotate.  EXPR_ALL: nothing is asked. */
uint32_t schema_content_expr(struct schema *s, uint32_t node, bool *ret_untold)
{
    const struct jnode *coding = schema_keyword(s, node, WORD_CONTENT_ENCODING);
    const struct jnode *media = schema_keyword(s, node, WORD_CONTENT_MEDIA_TYPE);
    uint32_t e = EXPR_ALL;
    *ret_untold = false;
    if (s->node[node].draft != DRAFT_7)
        return e;
    *ret_untold = media && media->kind == J_STRING && slice_is(media->text, "application/json");
    if (coding && coding->kind == J_STRING && slice_is(coding->text, "base64") &&
        regex_compile(&s->r->t.ex, SLICE("(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?"),
                      REGEX_GEN, 0, &e, NULL) != ST_OK)
        schema_nomem(s);
    return e;
}

uint32_t schema_string_expr(struct schema *s, uint32_t node, bool *ret_open)
{
    struct expr_pool *p = &s->r->t.ex;
    uint32_t lo = schema_count(s, node, WORD_MIN_LENGTH, 0), hi = schema_count(s, node, WORD_MAX_LENGTH, EXPR_INF);
    uint32_t e = lo > hi ? EXPR_EMPTY : expr_rep(p, EXPR_ANY, lo, hi), f;
    const struct jnode *pattern = schema_keyword(s, node, WORD_PATTERN), *format = schema_keyword(s, node, WORD_FORMAT);
    bool narrow;
    *ret_open = !pattern;
    if (pattern)
        e = expr_and2(p, e, schema_pattern_expr(s, node, WORD_PATTERN, pattern));
    if (format && format->kind == J_STRING) {
        if (schema_format_expr(s, format->text, &f, &narrow)) {
            *ret_open = false;
            e = expr_and2(p, e, f);
            if (narrow)
                note_format(s, node, format->text, NOTE_NARROWED, "is decoded as a part of its values");
        } else {
            note_format(s, node, format->text, NOTE_RESIDUE, "is not checked");
        }
    }
    bool untold;
    f = schema_content_expr(s, node, &untold);
    if (f != EXPR_ALL) {
        *ret_open = false;
        e = expr_and2(p, e, f);
    }
    if (untold && s->flags & SHAPE_RESIDUE)
        note(s, node, "contentMediaType", NOTE_RESIDUE, "application/json inside a string is not checked");
    else if (untold)
        schema_refuse(s, node, WORD_CONTENT_MEDIA_TYPE, "JSON inside a string cannot be decoded");
    return e;
}

/* ---- numbers -------------------------------------------------------------------------------- */

static bool read_number(struct schema *s, uint32_t node, enum schema_word word, const struct jnode *j,
                        struct decimal *d)
{
    if (j->kind != J_NUMBER) {
        schema_malformed(s, node, word, "a number is expected");
        return false;
    }
    if (!decimal_read(j->text, d)) {
        schema_refuse(s, node, word, "this number is too long");
        return false;
    }
    return true;
}

/* minimum and exclusiveMinimum, or the same for maximum: met into one end of the set. */
static bool read_end(struct schema *s, uint32_t node, bool low, struct num_set *set)
{
    enum schema_word word = low ? WORD_MINIMUM : WORD_MAXIMUM, open_word = low ? WORD_EXCLUSIVE_MINIMUM : WORD_EXCLUSIVE_MAXIMUM;
    const struct jnode *j = schema_keyword(s, node, word), *open = schema_keyword(s, node, open_word);
    bool flag = open && open->kind == J_BOOL && (s->node[node].draft == DRAFT_4 || s->node[node].legacy);
    bool any = false;
    for (int k = 0; k < 2; k++) {
        const struct jnode *n = k ? open : j;
        if (!n || (k && flag))
            continue;
        struct num_set end = { .has_lo = low, .has_hi = !low };
        if (!read_number(s, node, k ? open_word : word, n, low ? &end.lo : &end.hi))
            return false;
        *(low ? &end.lo_open : &end.hi_open) = k || (flag && open->truth);
        num_meet(set, &end);
        any = true;
    }
    return any;
}

bool schema_number_set(struct schema *s, uint32_t node, struct num_set *ret)
{
    struct decimal d;
    *ret = (struct num_set){ 0 };
    bool any = read_end(s, node, true, ret);
    any |= read_end(s, node, false, ret);
    const struct jnode *j = schema_keyword(s, node, WORD_MULTIPLE_OF);
    if (j && read_number(s, node, WORD_MULTIPLE_OF, j, &d)) {
        uint32_t places = d.n > d.exp ? (uint32_t)(d.n - d.exp) : 0;
        uint64_t m = 0;
        if (d.negative || !d.n) {
            schema_malformed(s, node, WORD_MULTIPLE_OF, "a number over 0 is expected");
            return false;
        }
        if (!decimal_scaled(&d, places, &m) || m > UINT32_MAX || places > NUM_PLACES) {
            schema_refuse(s, node, WORD_MULTIPLE_OF, "this divisor is too large or too fine");
            return false;
        }
        ret->n_div = 1;
        ret->div[0] = (struct num_divisor){ m, places, false };
        any = true;
    }
    return any && s->st == ST_OK;
}
