/* jinja_text.c - text that knows where it came from: building, cutting, printing of values. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"
#include "runtime/chat/jinja.h"

struct slice jtext_slice(const struct jtext *t)
{
    return (struct slice){ t->ptr, t->len };
}

/* Index of the run that holds byte `off`. */
static uint32_t run_at(const struct jtext *t, uint32_t off)
{
    uint32_t lo = 0, hi = t->n_run;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (t->run[mid].end <= off)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

bool jtext_markup_at(const struct jtext *t, uint32_t off)
{
    if (!t->n_run)
        return t->markup;
    uint32_t r = run_at(t, off);
    return r < t->n_run && t->run[r].markup;
}

bool jtext_sub(struct jeval *e, const struct jtext *t, size_t off, size_t len, struct jval *ret)
{
    if (t->n_run) {
        struct jbuf b = { 0 };
        jbuf_add_text(&b, t, off, len);
        return jbuf_take(e, &b, ret);
    }
    struct jtext *sub = arena_zalloc(e->arena, sizeof *sub);
    if (!sub)
        return jfail(e, ST_NOMEM, "out of memory");
    *sub = (struct jtext){ .ptr = t->ptr + off, .len = (uint32_t)len, .markup = t->markup };
    *ret = (struct jval){ .kind = J_STR, .s = sub };
    return jstep(e, 1);
}

void jbuf_add(struct jbuf *b, const char *ptr, size_t len, bool markup)
{
    if (b->failed || !len)
        return;
    if (b->text.len + len > JINJA_MAX_OUTPUT) {
        b->failed = true;
        return;
    }
    str_add(&b->text, ptr, len);
    if (b->n_run && b->run[b->n_run - 1].markup == markup) {
        b->run[b->n_run - 1].end = (uint32_t)b->text.len;
        return;
    }
    struct jrun *r = array_push(&b->run, &b->n_run, &b->cap_run, sizeof *r);
    if (!r || b->text.failed) {
        b->failed = true;
        return;
    }
    *r = (struct jrun){ (uint32_t)b->text.len, markup };
}

void jbuf_add_text(struct jbuf *b, const struct jtext *t, size_t off, size_t len)
{
    if (!t->n_run) {
        jbuf_add(b, t->ptr + off, len, t->markup);
        return;
    }
    size_t end = off + len;
    for (uint32_t r = run_at(t, (uint32_t)off); off < end; r++) {
        size_t stop = t->run[r].end < end ? t->run[r].end : end;
        jbuf_add(b, t->ptr + off, stop - off, t->run[r].markup);
        off = stop;
    }
}

bool jbuf_take(struct jeval *e, struct jbuf *b, struct jval *ret)
{
    if (b->failed) {
        bool full = b->text.len + 1 > JINJA_MAX_OUTPUT / 2;
        jbuf_free(b);
        return full ? jfail(e, ST_LIMIT, "a text grows beyond %d bytes", JINJA_MAX_OUTPUT)
                    : jfail(e, ST_NOMEM, "out of memory");
    }
    struct jtext *t = arena_zalloc(e->arena, sizeof *t);
    char *bytes = arena_dup(e->arena, b->text.len ? b->text.ptr : "", b->text.len + 1);
    struct jrun *run = NULL;
    if (b->n_run > 1)
        run = arena_dup(e->arena, b->run, b->n_run * sizeof *run);
    if (!t || !bytes || (b->n_run > 1 && !run)) {
        jbuf_free(b);
        return jfail(e, ST_NOMEM, "out of memory");
    }
    *t = (struct jtext){ .ptr = bytes, .len = (uint32_t)b->text.len, .run = run,
                         .n_run = b->n_run > 1 ? b->n_run : 0,
                         .markup = b->n_run == 1 ? b->run[0].markup : true };
    jbuf_free(b);
    *ret = (struct jval){ .kind = J_STR, .s = t };
    return jstep(e, t->len / 64);
}

void jbuf_free(struct jbuf *b)
{
    str_free(&b->text);
    mem_free(b->run);
    *b = (struct jbuf){ 0 };
}

/* Shortest digits that read back, then the layout of repr(): an exponent below 1e-4 and from
 * 1e16 on, and always a sign of being a float. */
void j_format_float(double f, struct str *out)
{
    if (isnan(f) || isinf(f)) {
        str_adds(out, isnan(f) ? "nan" : f < 0 ? "-inf" : "inf");
        return;
    }
    char text[40];
    int precision = 1;
    for (; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision - 1, f);
        if (strtod(text, NULL) == f)
            break;
    }
    int exponent = atoi(strchr(text, 'e') + 1);
    if (exponent >= -4 && exponent < 16) {
        int decimals = precision - 1 - exponent;
        snprintf(text, sizeof text, "%.*f", decimals > 0 ? decimals : 0, f);
        str_adds(out, text);
        if (decimals <= 0)
            str_adds(out, ".0");
        return;
    }
    str_adds(out, text);
}

/* Characters that repr() writes as they are. */
static bool is_printable(uint32_t cp)
{
    if (cp < 0x7f)
        return cp >= 0x20;
    const char *cat = utf8_category_name(cp);
    return cat[0] != 'C' && cat[0] != 'Z';
}

static void write_repr_char(struct jbuf *out, uint32_t cp, const char *p, int n, char quote,
                            bool markup)
{
    char text[16];
    if (cp == (uint32_t)quote || cp == '\\')
        snprintf(text, sizeof text, "\\%c", (char)cp);
    else if (cp == '\n' || cp == '\r' || cp == '\t')
        snprintf(text, sizeof text, "\\%c", cp == '\n' ? 'n' : cp == '\r' ? 'r' : 't');
    else if (is_printable(cp)) {
        jbuf_add(out, p, (size_t)n, markup);
        return;
    } else if (cp < 0x100)
        snprintf(text, sizeof text, "\\x%02x", cp);
    else
        snprintf(text, sizeof text, cp < 0x10000 ? "\\u%04x" : "\\U%08x", cp);
    jbuf_add(out, text, strlen(text), markup);
}

static void write_repr_text(struct jbuf *out, const struct jtext *t)
{
    char quote = memchr(t->ptr, '\'', t->len) && !memchr(t->ptr, '"', t->len) ? '"' : '\'';
    bool markup = t->len ? jtext_markup_at(t, 0) : true;
    jbuf_add(out, &quote, 1, markup);
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0xfffd;
        int n = utf8_decode(p, end, &cp);
        n = n ? n : 1;
        markup = jtext_markup_at(t, (uint32_t)(p - t->ptr));
        write_repr_char(out, cp, p, n, quote, markup);
        p += n;
    }
    jbuf_add(out, &quote, 1, markup);
}

static bool write_value(struct jeval *e, struct jbuf *out, struct jval v, bool repr, int depth);

static bool write_items(struct jeval *e, struct jbuf *out, struct jval v, int depth)
{
    bool tuple = v.kind == J_TUPLE;
    jbuf_add(out, tuple ? "(" : "[", 1, false);
    for (uint32_t i = 0; i < v.l->n; i++) {
        if (i)
            jbuf_add(out, ", ", 2, false);
        if (!write_value(e, out, v.l->at[i], true, depth))
            return false;
    }
    if (tuple && v.l->n == 1)
        jbuf_add(out, ",", 1, false);
    jbuf_add(out, tuple ? ")" : "]", 1, false);
    return true;
}

static bool write_pairs(struct jeval *e, struct jbuf *out, struct jval v, int depth)
{
    jbuf_add(out, "{", 1, false);
    for (uint32_t i = 0; i < v.d->n; i++) {
        if (i)
            jbuf_add(out, ", ", 2, false);
        if (!write_value(e, out, v.d->at[i].key, true, depth))
            return false;
        jbuf_add(out, ": ", 2, false);
        if (!write_value(e, out, v.d->at[i].val, true, depth))
            return false;
    }
    jbuf_add(out, "}", 1, false);
    return true;
}

/* str() at the top, repr() inside of containers. */
static bool write_value(struct jeval *e, struct jbuf *out, struct jval v, bool repr, int depth)
{
    if (depth > JINJA_MAX_DEPTH)
        return jfail(e, ST_LIMIT, "a value is nested too deeply");
    if (!jstep(e, 1))
        return false;
    struct str num = { 0 };
    switch (v.kind) {
    case J_STR:
        if (repr)
            write_repr_text(out, v.s);
        else
            jbuf_add_text(out, v.s, 0, v.s->len);
        return true;
    case J_ABSENT:
    case J_UNDEF:
        if (repr)
            jbuf_add(out, "Undefined", 9, false);
        return true;
    case J_NONE:
        jbuf_add(out, "None", 4, false);
        return true;
    case J_BOOL:
        jbuf_add(out, v.b ? "True" : "False", v.b ? 4 : 5, false);
        return true;
    case J_INT:
        str_addf(&num, "%lld", (long long)v.i);
        break;
    case J_FLOAT:
        j_format_float(v.f, &num);
        break;
    case J_LIST:
    case J_TUPLE:
        return write_items(e, out, v, depth + 1);
    case J_DICT:
        return write_pairs(e, out, v, depth + 1);
    default:
        return jfail(e, ST_UNSUPPORTED, "printing a %s is not supported", j_type(v));
    }
    jbuf_add(out, num.ptr, num.len, false);
    str_free(&num);
    return true;
}

bool j_write(struct jeval *e, struct jbuf *out, struct jval v)
{
    if (!write_value(e, out, v, false, 0))
        return false;
    if (out->failed)
        return jfail(e, ST_LIMIT, "a text grows beyond %d bytes", JINJA_MAX_OUTPUT);
    return true;
}

bool j_text(struct jeval *e, struct jval v, const struct jtext **ret)
{
    if (v.kind == J_STR) {
        *ret = v.s;
        return true;
    }
    struct jbuf b = { 0 };
    struct jval s;
    if (!j_write(e, &b, v)) {
        jbuf_free(&b);
        return false;
    }
    if (!jbuf_take(e, &b, &s))
        return false;
    *ret = s.s;
    return true;
}
