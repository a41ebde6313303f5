/* jinja_json.c - the tojson filter: JSON as the reference's dump writes it.
 *
 * ", " and ": " between items unless an indent or separators are given, keys in their order,
 * non-ASCII as it is.  The text of strings keeps its provenance; the signs around it are data, so a
 * schema brought in by a caller cannot spell a control token with them. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "runtime/chat/jinja.h"

struct writer {
    struct jeval *e;
    struct jbuf  *out;
    const char   *indent;       /* NULL: on one line */
    struct slice  item_sep, key_sep;
    bool          sort, ascii;
};

static void put(struct writer *w, const char *s)
{
    jbuf_add(w->out, s, strlen(s), false);
}

static void put_escaped(struct writer *w, uint32_t cp)
{
    char text[16];
    if (cp >= 0x10000)
        snprintf(text, sizeof text, "\\u%04x\\u%04x", 0xd7c0 + (cp >> 10), 0xdc00 + (cp & 0x3ff));
    else
        snprintf(text, sizeof text, "\\u%04x", cp);
    put(w, text);
}

static void put_string(struct writer *w, const struct jtext *t)
{
    static const char plain[] = "\"\\\n\r\t\b\f";
    static const char means[] = "\"\\nrtbf";
    put(w, "\"");
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0xfffd;
        int n = utf8_decode(p, end, &cp);
        n = n ? n : 1;
        const char *found = cp && cp < 0x80 ? memchr(plain, (int)cp, sizeof plain - 1) : NULL;
        if (found) {
            char text[3] = { '\\', means[found - plain], '\0' };
            put(w, text);
        } else if (cp < 0x20 || (w->ascii && cp >= 0x7f + 1)) {
            put_escaped(w, cp);
        } else {
            jbuf_add_text(w->out, t, (size_t)(p - t->ptr), (size_t)n);
        }
        p += n;
    }
    put(w, "\"");
}

static void line_break(struct writer *w, int depth)
{
    if (!w->indent)
        return;
    put(w, "\n");
    for (int i = 0; i < depth; i++)
        put(w, w->indent);
}

static void between(struct writer *w, bool first)
{
    if (!first)
        jbuf_add(w->out, w->item_sep.ptr, w->item_sep.len, false);
}

static void put_float(struct writer *w, double f)
{
    if (isnan(f) || isinf(f)) {
        put(w, isnan(f) ? "NaN" : f < 0 ? "-Infinity" : "Infinity");
        return;
    }
    struct str num = { 0 };
    j_format_float(f, &num);
    jbuf_add(w->out, num.ptr, num.len, false);
    str_free(&num);
}

static bool put_value(struct writer *w, struct jval v, int depth);

static bool put_key(struct writer *w, struct jval key)
{
    switch (key.kind) {
    case J_STR:
        put_string(w, key.s);
        return true;
    case J_INT:
    case J_FLOAT:
    case J_BOOL:
    case J_NONE:
        put(w, "\"");
        if (!put_value(w, key, 0))
            return false;
        put(w, "\"");
        return true;
    default:
        return jfail(w->e, ST_INVALID, "keys must be str, int, float, bool or None, not %s",
                     j_type(key));
    }
}

static int by_key(const void *a, const void *b)
{
    const struct jpair *x = a, *y = b;
    if (x->key.kind != J_STR || y->key.kind != J_STR)
        return (int)x->key.kind - (int)y->key.kind;
    return slice_cmp(jtext_slice(x->key.s), jtext_slice(y->key.s));
}

static bool put_object(struct writer *w, const struct jdict *d, int depth)
{
    const struct jpair *at = d->at;
    if (w->sort && d->n) {
        struct jpair *sorted = arena_dup(w->e->arena, d->at, d->n * sizeof *sorted);
        if (!sorted)
            return jfail(w->e, ST_NOMEM, "out of memory");
        qsort(sorted, d->n, sizeof *sorted, by_key);
        at = sorted;
    }
    put(w, "{");
    for (uint32_t i = 0; i < d->n; i++) {
        between(w, i == 0);
        line_break(w, depth + 1);
        if (!put_key(w, at[i].key))
            return false;
        jbuf_add(w->out, w->key_sep.ptr, w->key_sep.len, false);
        if (!put_value(w, at[i].val, depth + 1))
            return false;
    }
    if (d->n)
        line_break(w, depth);
    put(w, "}");
    return true;
}

static bool put_array(struct writer *w, const struct jlist *l, int depth)
{
    put(w, "[");
    for (uint32_t i = 0; i < l->n; i++) {
        between(w, i == 0);
        line_break(w, depth + 1);
        if (!put_value(w, l->at[i], depth + 1))
            return false;
    }
    if (l->n)
        line_break(w, depth);
    put(w, "]");
    return true;
}

static bool put_value(struct writer *w, struct jval v, int depth)
{
    if (depth > JINJA_MAX_DEPTH)
        return jfail(w->e, ST_LIMIT, "a value is nested too deeply");
    if (!jstep(w->e, 1))
        return false;
    char num[32];
    switch (v.kind) {
    case J_NONE: put(w, "null"); return true;
    case J_BOOL: put(w, v.b ? "true" : "false"); return true;
    case J_INT:
        snprintf(num, sizeof num, "%lld", (long long)v.i);
        put(w, num);
        return true;
    case J_FLOAT: put_float(w, v.f); return true;
    case J_STR: put_string(w, v.s); return true;
    case J_LIST:
    case J_TUPLE: return put_array(w, v.l, depth);
    case J_DICT: return put_object(w, v.d, depth);
    case J_UNDEF:
        return jfail(w->e, ST_INVALID, "Object of type Undefined is not JSON serializable (%s)",
                     v.undef);
    default:
        return jfail(w->e, ST_INVALID, "Object of type %s is not JSON serializable", j_type(v));
    }
}

bool j_write_json(struct jeval *e, struct jbuf *out, struct jval v, const char *indent,
                  struct slice item_sep, struct slice key_sep, bool sort, bool ascii)
{
    struct writer w = { e, out, indent, item_sep, key_sep, sort, ascii };
    if (!put_value(&w, v, 0))
        return false;
    return !out->failed || jfail(e, ST_LIMIT, "a text grows beyond %d bytes", JINJA_MAX_OUTPUT);
}
