/* jsonio.c - foreign JSON in through limits, our JSON out in three styles.
 *
 * jansson parses by recursion, so the depth is counted before it sees the text.  Writing is our
 * own: jansson prints 0.1 with seventeen digits, and its recursion has no limit. */
#include "base/jsonio.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    DEFAULT_DEPTH = 128,
    MOST_DEPTH = 1024,      /* jansson itself refuses 2048 */
};

static const size_t DEFAULT_BYTES = 64u << 20;

/* Offset of the first bracket that is deeper than allowed; text.len if none is. */
static size_t too_deep_at(struct slice text, int most)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > most)
                return i;
        } else if (c == ']' || c == '}') {
            depth--;
        }
    }
    return text.len;
}

static enum status at_offset(struct error *err, enum status st, size_t off, const char *what)
{
    struct span at = { (uint32_t)off, 1 };
    return error_at(err, st, NULL, at, "JSON, byte %zu: %s", off, what);
}

/* A number as jansson can hold it; `number` ends where its text does. */
static void put_fitting(struct slice number, struct str *out)
{
    char *digits = NULL;
    str_add_slice(out, number);
    if (out->failed)
        return;
    digits = out->ptr + out->len - number.len;
    errno = 0;
    if (!strpbrk(digits, ".eE")) {
        strtoll(digits, NULL, 10);
        if (errno != ERANGE)
            return;
    }
    double nearest = strtod(digits, NULL);
    if (isfinite(nearest) && strpbrk(digits, ".eE"))
        return;
    str_cut(out, out->len - number.len);
    str_addf(out, "%.17e", isfinite(nearest) ? nearest : copysign(DBL_MAX, nearest));
}

/* The text with numbers out of range put as floats.  False: memory is out. */
static bool fit_numbers(struct slice text, struct str *out)
{
    bool in_string = false;
    for (size_t i = 0; i < text.len && !out->failed;) {
        char c = text.ptr[i];
        size_t n = 1;
        if (in_string && c == '\\' && i + 1 < text.len)
            n = 2;
        else if (c == '"')
            in_string = !in_string;
        if (!in_string && (c == '-' || (c >= '0' && c <= '9'))) {
            while (i + n < text.len && strchr("+-.eE0123456789", text.ptr[i + n]) && text.ptr[i + n])
                n++;
            put_fitting(slice_sub(text, i, n), out);
        } else {
            str_add(out, text.ptr + i, n);
        }
        i += n;
    }
    return !out->failed;
}

static json_t *load(struct slice text, size_t flags, bool wide, json_error_t *why)
{
    struct str fitting = { 0 };
    json_t *json = json_loadb(text.len ? text.ptr : "", text.len, flags, why);
    if (json || !wide || json_error_code(why) != json_error_numeric_overflow)
        return json;
    if (fit_numbers(text, &fitting))
        json = json_loadb(fitting.ptr, fitting.len, flags, why);
    str_free(&fitting);
    return json;
}

enum status jsonio_load(struct slice text, const struct jsonio_limits *limits, json_t **ret_json,
                        struct error *err)
{
    struct jsonio_limits none = { 0 };
    const struct jsonio_limits *l = limits ? limits : &none;
    size_t max_bytes = l->max_bytes ? l->max_bytes : DEFAULT_BYTES;
    int max_depth = l->max_depth ? l->max_depth : DEFAULT_DEPTH;
    if (max_depth > MOST_DEPTH)
        max_depth = MOST_DEPTH;
    if (text.len > max_bytes)
        return error_set(err, ST_LIMIT, "JSON: more than %zu bytes", max_bytes);
    size_t deep = too_deep_at(text, max_depth);
    if (deep < text.len)
        return at_offset(err, ST_LIMIT, deep, "nested too deeply");

    size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL;
    if (!l->allow_duplicate)
        flags |= JSON_REJECT_DUPLICATES;
    json_error_t why;
    json_t *json = load(text, flags, l->wide_numbers, &why);
    if (!json) {
        if (json_error_code(&why) == json_error_out_of_memory)
            return error_nomem(err);
        return at_offset(err, ST_SYNTAX, why.position > 0 ? (size_t)why.position : 0, why.text);
    }
    *ret_json = json;
    return ST_OK;
}

/* One open container of the writer. */
struct frame {
    const json_t *at;
    void         *iter;     /* of an object: the next member */
    size_t        i;        /* elements written */
};

static void newline(struct str *out, size_t depth)
{
    str_addc(out, '\n');
    for (size_t i = 0; i < depth; i++)
        str_adds(out, "  ");
}

static void dump_real(double x, struct str *out)
{
    size_t from = out->len;
    if (!isfinite(x)) {
        str_adds(out, "null");      /* JSON has no other word for it */
        return;
    }
    str_add_double(out, x);
    if (!out->failed && !strpbrk(out->ptr + from, ".e"))
        str_adds(out, ".0");
}

static void dump_scalar(const json_t *v, struct str *out)
{
    switch (json_typeof(v)) {
    case JSON_STRING:
        jsonio_quote((struct slice){ json_string_value(v), json_string_length(v) }, out);
        break;
    case JSON_INTEGER:
        str_addf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(v));
        break;
    case JSON_REAL:
        dump_real(json_real_value(v), out);
        break;
    case JSON_TRUE:
        str_adds(out, "true");
        break;
    case JSON_FALSE:
        str_adds(out, "false");
        break;
    default:
        str_adds(out, "null");
        break;
    }
}

/* The next child of a container, with its separator and key written; NULL at the end. */
static const json_t *next_child(struct frame *f, enum jsonio_style style, size_t depth,
                                struct str *out)
{
    const json_t *child = NULL;
    bool is_object = json_is_object(f->at);
    if (is_object && f->iter)
        child = json_object_iter_value(f->iter);
    else if (!is_object && f->i < json_array_size(f->at))
        child = json_array_get(f->at, f->i);
    if (!child)
        return NULL;
    if (f->i++)
        str_adds(out, style == JSONIO_SPACED ? ", " : ",");
    if (style == JSONIO_PRETTY)
        newline(out, depth);
    if (is_object) {
        const char *key = json_object_iter_key(f->iter);
        jsonio_quote(slice_of(key), out);
        str_adds(out, style == JSONIO_COMPACT ? ":" : ": ");
        f->iter = json_object_iter_next((json_t *)(uintptr_t)f->at, f->iter);
    }
    return child;
}

void jsonio_dump(const json_t *json, enum jsonio_style style, struct str *out)
{
    struct frame stack[MOST_DEPTH];
    size_t depth = 0;
    const json_t *v = json;
    for (;;) {
        if (v && (json_is_object(v) || json_is_array(v))) {
            if (depth == MOST_DEPTH) {
                out->failed = true;     /* nothing that came through jsonio_load is so deep */
                return;
            }
            void *iter = json_is_object(v) ? json_object_iter((json_t *)(uintptr_t)v) : NULL;
            stack[depth++] = (struct frame){ v, iter, 0 };
            str_addc(out, json_is_object(v) ? '{' : '[');
        } else if (v) {
            dump_scalar(v, out);
        }
        if (depth == 0)
            return;
        struct frame *top = &stack[depth - 1];
        v = next_child(top, style, depth, out);
        if (!v) {
            depth--;
            if (style == JSONIO_PRETTY && top->i)
                newline(out, depth);
            str_addc(out, json_is_object(top->at) ? '}' : ']');
        }
    }
}

void jsonio_quote(struct slice text, struct str *out)
{
    str_addc(out, '"');
    size_t from = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\')
            continue;
        str_add(out, text.ptr + from, i - from);
        from = i + 1;
        const char *plain = "\"\\\b\f\n\r\t", *name = "\"\\bfnrt";
        const char *hit = c ? strchr(plain, c) : NULL;
        if (hit)
            str_addf(out, "\\%c", name[hit - plain]);
        else
            str_addf(out, "\\u%04x", c);
    }
    if (text.len)
        str_add(out, text.ptr + from, text.len - from);
    str_addc(out, '"');
}
