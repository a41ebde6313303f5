/* jinja_format.c - the two kinds of formatting: "%s" % x, and "{}".format(x).
 *
 * Conversions without widths that matter to templates are here; any other is refused by name. */
#include <stdio.h>
#include <string.h>

#include "runtime/chat/jinja.h"

static bool format_number(struct jeval *e, struct jbuf *out, const char *flags, int precision,
                          char conv, struct jval v)
{
    char spec[48], text[400];
    if (!j_is_number(v))
        return jfail(e, ST_INVALID, "%%%c format: a number is required, not %s", conv, j_type(v));
    if (strchr("dixXo", conv)) {
        snprintf(spec, sizeof spec, "%%%sll%c", flags, conv == 'i' ? 'd' : conv);
        long long i = v.kind == J_FLOAT ? (long long)v.f : v.kind == J_BOOL ? v.b : (long long)v.i;
        snprintf(text, sizeof text, spec, i);
    } else {
        snprintf(spec, sizeof spec, "%%%s.%d%c", flags, precision < 0 ? 6 : precision, conv);
        snprintf(text, sizeof text, spec, j_number(v));
    }
    jbuf_add(out, text, strlen(text), false);
    return true;
}

/* One conversion: flags, width, precision, letter.  *p stands behind the "%". */
static bool format_one(struct jeval *e, struct jbuf *out, const char **p, const char *end,
                       const struct jargs *args, uint32_t *next)
{
    char flags[24];
    size_t n = 0;
    int precision = -1;
    while (*p < end && n < 16 && strchr("-+ #0123456789", **p) && **p)
        flags[n++] = *(*p)++;
    flags[n] = '\0';
    if (n > 4)
        return jfail(e, ST_UNSUPPORTED, "a format with such a width is not supported");
    if (*p < end && **p == '.') {
        precision = 0;
        for ((*p)++; *p < end && **p >= '0' && **p <= '9' && precision < 100; (*p)++)
            precision = precision * 10 + (**p - '0');
    }
    if (*p == end)
        return jfail(e, ST_INVALID, "incomplete format");
    char conv = *(*p)++;
    if (conv == '%') {
        jbuf_add(out, "%", 1, false);
        return true;
    }
    if (!strchr("sdixXofFeEgG", conv) || (conv == 's' && (n || precision >= 0)))
        return jfail(e, ST_UNSUPPORTED, "the format %%%s%c is not supported", flags, conv);
    if (*next >= args->n_pos)
        return jfail(e, ST_INVALID, "not enough arguments for format string");
    struct jval v = args->pos[(*next)++];
    if (conv == 's')
        return j_write(e, out, v);
    return format_number(e, out, flags, precision > 60 ? 60 : precision, conv, v);
}

bool jformat(struct jeval *e, const struct jtext *format, const struct jargs *args,
             struct jval *ret)
{
    struct jbuf out = { 0 };
    const char *end = format->ptr + format->len;
    uint32_t next = 0;
    if (args->n_kw)
        return jfail(e, ST_UNSUPPORTED, "formatting by name is not supported");
    for (const char *p = format->ptr; p < end;) {
        if (*p != '%') {
            jbuf_add_text(&out, format, (size_t)(p - format->ptr), 1);
            p++;
            continue;
        }
        p++;
        if (!format_one(e, &out, &p, end, args, &next)) {
            jbuf_free(&out);
            return false;
        }
    }
    /* A dict or list that no conversion asks for is taken for a source of names, as it is there. */
    bool source = args->n_pos == 1 && next == 0 &&
                  (args->pos[0].kind == J_DICT || args->pos[0].kind == J_LIST);
    if (next < args->n_pos && !source) {
        jbuf_free(&out);
        return jfail(e, ST_INVALID, "not all arguments converted during string formatting");
    }
    return jbuf_take(e, &out, ret);
}

/* A replacement field "{}", "{0}" or "{name}"; *p stands behind the brace. */
static bool brace_field(struct jeval *e, const char **p, const char *end, const struct jargs *args,
                        uint32_t *next, struct jval *ret)
{
    const char *from = *p;
    while (*p < end && **p != '}')
        (*p)++;
    if (*p == end)
        return jfail(e, ST_INVALID, "expected '}' before end of string");
    struct slice name = { from, (size_t)(*p - from) };
    (*p)++;
    if (memchr(name.ptr, ':', name.len) || memchr(name.ptr, '!', name.len) ||
        memchr(name.ptr, '.', name.len) || memchr(name.ptr, '[', name.len))
        return jfail(e, ST_UNSUPPORTED, "the format field {%.*s} is not supported",
                     (int)(name.len < 40 ? name.len : 40), name.ptr);
    uint32_t i = 0;
    bool number = name.len < 6;
    for (size_t k = 0; k < name.len && number; k++) {
        number = name.ptr[k] >= '0' && name.ptr[k] <= '9';
        i = i * 10 + (uint32_t)(name.ptr[k] - '0');
    }
    if (!name.len)
        i = (*next)++;
    if (number) {
        if (i >= args->n_pos)
            return jfail(e, ST_INVALID, "Replacement index %u out of range", i);
        *ret = args->pos[i];
        return true;
    }
    for (i = 0; i < args->n_kw; i++)
        if (slice_eq(args->kw[i].name, name)) {
            *ret = args->kw[i].val;
            return true;
        }
    return jfail(e, ST_INVALID, "no argument '%.*s' to format", (int)name.len, name.ptr);
}

bool jtext_format(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    struct jbuf out = { 0 };
    const struct jtext *t = self.s;
    const char *end = t->ptr + t->len;
    uint32_t next = 0;
    for (const char *p = t->ptr; p < end;) {
        bool brace = *p == '{' || *p == '}';
        bool twice = brace && p + 1 < end && p[1] == *p;
        struct jval v;
        if (!brace || twice) {
            jbuf_add_text(&out, t, (size_t)(p - t->ptr), 1);
            p += twice ? 2 : 1;
            continue;
        }
        bool ok = *p == '{' || jfail(e, ST_INVALID, "Single '}' encountered in format string");
        p++;
        if (!ok || !brace_field(e, &p, end, args, &next, &v) || !j_write(e, &out, v)) {
            jbuf_free(&out);
            return false;
        }
    }
    return jbuf_take(e, &out, ret);
}
