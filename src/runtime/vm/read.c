/* read.c - texts to values: what a model wrote, what parse<T> is given, what int(x) converts.
 *
 * Generated text is read exactly, by the form of its type.  parse<T> is lenient: it looks for
 * JSON inside prose, forgives quotes, commas and keys, and falls back to the bare forms. */
#include "runtime/vm/vm_int.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

/* ---- numbers ---- */

static bool read_int(struct slice s, int64_t *ret)
{
    char buf[32], *end;
    if (!s.len || s.len >= sizeof buf || s.ptr[0] == '+')
        return false;
    memcpy(buf, s.ptr, s.len);
    buf[s.len] = 0;
    errno = 0;
    *ret = strtoll(buf, &end, 10);
    return !errno && *end == 0 && end != buf && buf[0] != ' ';
}

static bool read_float(struct slice s, double *ret)
{
    char buf[64], *end;
    if (!s.len || s.len >= sizeof buf || !strchr("-0123456789", s.ptr[0]))
        return false;
    memcpy(buf, s.ptr, s.len);
    buf[s.len] = 0;
    if (strpbrk(buf, "xXpPnN"))
        return false;
    *ret = strtod(buf, &end);
    return *end == 0 && end != buf && isfinite(*ret);
}

/* ---- bare forms ---- */

static enum status misread(struct type_fault *fault, const struct rtype *t, struct slice text)
{
    snprintf(fault->text, sizeof fault->text, "\"%.*s\" is not of type %.*s",
             (int)(text.len < 60 ? text.len : 60), text.ptr ? text.ptr : "",
             (int)(t->name.len < 60 ? t->name.len : 60), t->name.ptr);
    return ST_INVALID;
}

static enum status read_scalar(const struct rtype *t, struct slice text, struct value *ret)
{
    int64_t i;
    double f;
    switch (t->kind) {
    case RT_NULL:
        *ret = value_null();
        return slice_is(text, "null") ? ST_OK : ST_INVALID;
    case RT_BOOL:
        *ret = value_bool(slice_is(text, "true"));
        return ret->b || slice_is(text, "false") ? ST_OK : ST_INVALID;
    case RT_INT:
        if (!read_int(text, &i))
            return ST_INVALID;
        *ret = value_int(i);
        return ST_OK;
    case RT_FLOAT:
        if (!read_float(text, &f))
            return ST_INVALID;
        *ret = value_float(f);
        return ST_OK;
    default:
        return value_str(text, ret);
    }
}

static enum status read_bare(struct image *im, uint32_t rtype, struct slice text,
                             struct value *ret, struct type_fault *fault)
{
    const struct rtype *t = &im->module->rtype[rtype];
    if (t->kind == RT_UNION || t->kind == RT_OPTIONAL) {
        for (uint32_t i = 0; i < t->n; i++) {
            enum status st = read_bare(im, t->elem[i], text, ret, fault);
            if (st != ST_INVALID)
                return st;
        }
        if (t->kind == RT_OPTIONAL && slice_is(text, "null")) {
            *ret = value_null();
            return ST_OK;
        }
        return misread(fault, t, text);
    }
    if (t->kind == RT_LITERAL) {
        struct value lit;
        struct str want = { 0 };
        enum status st = image_konst(im, t->konst, &lit);
        if (st != ST_OK)
            return st;
        value_format(lit, &want);
        bool same = slice_eq(str_slice(&want), text);
        str_free(&want);
        if (same)
            *ret = lit;
        else
            value_unref(lit);
        return same ? ST_OK : misread(fault, t, text);
    }
    struct value raw;
    enum status st = read_scalar(t, text, &raw);
    if (st == ST_INVALID)
        return misread(fault, t, text);
    if (st != ST_OK)
        return st;
    st = type_accept(im, rtype, raw, TYPE_JSON, ret, fault);
    value_unref(raw);
    return st;
}

enum status type_read(struct image *im, uint32_t rtype, struct slice text, struct value *ret,
                      struct type_fault *fault)
{
    *fault = (struct type_fault){ .need = BC_NO_INDEX };
    enum rtype_kind k = im->module->rtype[rtype].kind;
    if (k == RT_ANY || k == RT_PATH)
        return value_str(text, ret);
    if (type_is_bare(im->module, rtype))
        return read_bare(im, rtype, text, ret, fault);
    struct value v;
    struct error err = { 0 };
    enum status st = value_parse_json(text, &v, &err);
    if (st == ST_NOMEM)
        return st;
    if (st != ST_OK) {
        snprintf(fault->text, sizeof fault->text, "%.150s", err.text);
        return ST_INVALID;
    }
    st = type_accept_read(im, rtype, v, text, ret, fault);
    value_unref(v);
    return st;
}

/* ---- lenient JSON ---- */

struct lenient {
    const char *at, *end;
    uint32_t    depth;
};

static void skip_blank(struct lenient *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\n' || *p->at == '\t' || *p->at == '\r'))
        p->at++;
}

static bool take(struct lenient *p, char c)
{
    skip_blank(p);
    if (p->at >= p->end || *p->at != c)
        return false;
    p->at++;
    return true;
}

static int hex4(const char *p, const char *end)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        if (p + i >= end || !strchr("0123456789abcdefABCDEF", p[i]) || !p[i])
            return -1;
        v = v * 16 + (p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    }
    return v;
}

static void take_escape(struct lenient *p, struct str *out)
{
    static const char from[] = "nrtbf", to[] = "\n\r\t\b\f";
    char c = *p->at++;
    const char *k = strchr(from, c);
    if (k && c) {
        str_addc(out, to[k - from]);
        return;
    }
    int cp = c == 'u' ? hex4(p->at, p->end) : -1;
    if (cp < 0) {
        str_addc(out, c);
        return;
    }
    p->at += 4;
    if (cp >= 0xd800 && cp < 0xdc00 && p->end - p->at >= 6 && p->at[0] == '\\' &&
        p->at[1] == 'u') {
        int low = hex4(p->at + 2, p->end);
        if (low >= 0xdc00 && low < 0xe000) {
            cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
            p->at += 6;
        }
    }
    str_add_cp(out, cp >= 0xd800 && cp < 0xe000 ? 0xfffd : (uint32_t)cp);
}

static enum status lenient_string(struct lenient *p, struct value *ret)
{
    struct str out = { 0 };
    char quote = *p->at++;
    while (p->at < p->end && *p->at != quote) {
        if (*p->at == '\\' && p->at + 1 < p->end) {
            p->at++;
            take_escape(p, &out);
        } else {
            str_addc(&out, *p->at++);
        }
    }
    enum status st = p->at < p->end ? ST_OK : ST_INVALID;
    p->at++;
    if (st == ST_OK)
        st = out.failed ? ST_NOMEM : utf8_valid(str_slice(&out)) ? value_str(str_slice(&out), ret)
                                                                  : ST_INVALID;
    str_free(&out);
    return st;
}

/* A word: true, false, null, a number, or an unquoted text. */
static enum status lenient_word(struct lenient *p, struct value *ret)
{
    const char *from = p->at;
    while (p->at < p->end && !strchr(",:{}[]\n\"", *p->at))
        p->at++;
    struct slice w = slice_trim((struct slice){ from, (size_t)(p->at - from) });
    int64_t i;
    double f;
    if (!w.len)
        return ST_INVALID;
    if (slice_is(w, "true") || slice_is(w, "True") || slice_is(w, "false") || slice_is(w, "False"))
        *ret = value_bool((w.ptr[0] | 32) == 't');
    else if (slice_is(w, "null") || slice_is(w, "None"))
        *ret = value_null();
    else if (read_int(w, &i))
        *ret = value_int(i);
    else if (read_float(w, &f))
        *ret = value_float(f);
    else
        return value_str(w, ret);
    return ST_OK;
}

static enum status lenient_value(struct lenient *p, struct value *ret);

static enum status lenient_list(struct lenient *p, struct value *ret)
{
    enum status st = value_list(0, ret);
    while (st == ST_OK && !take(p, ']')) {
        struct value x;
        st = lenient_value(p, &x);
        if (st == ST_OK)
            st = value_list_push_take(ret, x);
        if (st == ST_OK && !take(p, ',')) {
            if (!take(p, ']'))
                st = ST_INVALID;
            break;
        }
    }
    if (st != ST_OK)
        value_unref(*ret);
    return st;
}

static enum status lenient_key(struct lenient *p, struct value *ret)
{
    skip_blank(p);
    if (p->at < p->end && (*p->at == '"' || *p->at == '\''))
        return lenient_string(p, ret);
    const char *from = p->at;
    while (p->at < p->end && !strchr(" :,{}[]\n", *p->at))
        p->at++;
    if (p->at == from)
        return ST_INVALID;
    return value_str((struct slice){ from, (size_t)(p->at - from) }, ret);
}

static enum status lenient_map(struct lenient *p, struct value *ret)
{
    enum status st = value_map(ret);
    while (st == ST_OK && !take(p, '}')) {
        struct value k, x;
        st = lenient_key(p, &k);
        if (st != ST_OK)
            break;
        st = take(p, ':') ? lenient_value(p, &x) : ST_INVALID;
        if (st != ST_OK) {
            value_unref(k);
            break;
        }
        st = value_map_put_take(ret, k, x);
        if (st == ST_OK && !take(p, ',')) {
            if (!take(p, '}'))
                st = ST_INVALID;
            break;
        }
    }
    if (st != ST_OK)
        value_unref(*ret);
    return st;
}

static enum status lenient_value(struct lenient *p, struct value *ret)
{
    skip_blank(p);
    if (p->at >= p->end || p->depth >= VALUE_MAX_DEPTH)
        return ST_INVALID;
    enum status st;
    p->depth++;
    if (*p->at == '{' || *p->at == '[') {
        bool map = *p->at++ == '{';
        st = map ? lenient_map(p, ret) : lenient_list(p, ret);
    } else if (*p->at == '"' || *p->at == '\'') {
        st = lenient_string(p, ret);
    } else {
        st = lenient_word(p, ret);
    }
    p->depth--;
    return st;
}

/* The first object or array in the text that can be read. */
enum status lenient_json(struct slice text, struct value *ret)
{
    enum { TRIES = 16 };
    int tries = 0;
    for (size_t i = 0; i < text.len && tries < TRIES; i++) {
        if (text.ptr[i] != '{' && text.ptr[i] != '[')
            continue;
        struct lenient p = { .at = text.ptr + i, .end = text.ptr + text.len };
        enum status st = lenient_value(&p, ret);
        if (st != ST_INVALID)
            return st;
        tries++;
    }
    return ST_INVALID;
}

/* ---- parse<T> ---- */

static bool word_byte(char c)
{
    return (c >= '0' && c <= '9') || ((c | 32) >= 'a' && (c | 32) <= 'z') || c == '_' ||
           (unsigned char)c >= 0x80;
}

static bool same_fold(char a, char b)
{
    bool letter = (a | 32) >= 'a' && (a | 32) <= 'z';
    return a == b || (letter && (a ^ b) == 32);
}

/* Where `what` stands in the text as a word of its own, ASCII case apart. */
static bool has_word(struct slice text, struct slice what)
{
    for (size_t i = 0; what.len && i + what.len <= text.len; i++) {
        size_t k = 0;
        while (k < what.len && same_fold(text.ptr[i + k], what.ptr[k]))
            k++;
        bool left = i == 0 || !word_byte(text.ptr[i - 1]);
        bool right = i + k == text.len || !word_byte(text.ptr[i + k]);
        if (k == what.len && left && right)
            return true;
    }
    return false;
}

static struct slice first_number(struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        bool digit = text.ptr[i] >= '0' && text.ptr[i] <= '9';
        if (!digit || (i && word_byte(text.ptr[i - 1])))
            continue;
        size_t from = i && text.ptr[i - 1] == '-' ? i - 1 : i, to = i;
        while (to < text.len && ((text.ptr[to] >= '0' && text.ptr[to] <= '9') ||
               (text.ptr[to] == '.' && to + 1 < text.len && text.ptr[to + 1] >= '0' &&
                text.ptr[to + 1] <= '9')))
            to++;
        return slice_sub(text, from, to - from);
    }
    return SLICE("");
}

static enum status parse_options(struct image *im, uint32_t rtype, struct slice text,
                                 struct value *ret)
{
    struct value options;
    enum status st = type_options(im, rtype, &options);
    if (st != ST_OK)
        return st;
    st = ST_INVALID;
    for (uint32_t i = 0; i < value_len(options) && st == ST_INVALID; i++) {
        struct str one = { 0 };
        value_format(value_at(options, i), &one);
        if (has_word(text, str_slice(&one))) {
            *ret = value_ref(value_at(options, i));
            st = ST_OK;
        }
        str_free(&one);
    }
    value_unref(options);
    return st;
}

enum status type_parse(struct image *im, uint32_t rtype, struct slice text, struct value *ret,
                       struct type_fault *fault)
{
    const struct rtype *t = &im->module->rtype[rtype];
    struct slice s = slice_trim(text);
    enum status st = type_read(im, rtype, s, ret, fault);
    if (st != ST_INVALID)
        return st;
    if (type_is_bare(im->module, rtype)) {
        if (t->kind == RT_INT || t->kind == RT_FLOAT)
            return read_bare(im, rtype, first_number(s), ret, fault);
        st = parse_options(im, rtype, s, ret);
        return st == ST_INVALID ? misread(fault, t, s) : st;
    }
    struct value v;
    st = lenient_json(s, &v);
    if (st == ST_INVALID)
        return misread(fault, t, s);
    if (st != ST_OK)
        return st;
    *fault = (struct type_fault){ .need = BC_NO_INDEX };
    st = type_accept(im, rtype, v, TYPE_JSON, ret, fault);
    value_unref(v);
    return st;
}

/* ---- conversions ---- */

static enum status to_int(struct value v, struct value *ret)
{
    int64_t i;
    if (v.tag == VAL_INT) {
        *ret = v;
    } else if (v.tag == VAL_BOOL) {
        *ret = value_int(v.b);
    } else if (v.tag == VAL_FLOAT && v.f > -9.3e18 && v.f < 9.3e18 &&
               trunc(v.f) >= -0x1p63 && trunc(v.f) < 0x1p63) {
        *ret = value_int((int64_t)v.f);
    } else if (v.tag == VAL_DURATION) {
        *ret = value_int(v.i);
    } else if ((v.tag == VAL_STR || v.tag == VAL_ENUM) &&
               read_int(slice_trim(value_text(v)), &i)) {
        *ret = value_int(i);
    } else {
        return ST_INVALID;
    }
    return ST_OK;
}

static enum status to_float(struct value v, struct value *ret)
{
    double f;
    if (v.tag == VAL_FLOAT || v.tag == VAL_INT)
        *ret = value_float(v.tag == VAL_INT ? (double)v.i : v.f);
    else if ((v.tag == VAL_STR || v.tag == VAL_ENUM) && read_float(slice_trim(value_text(v)), &f))
        *ret = value_float(f);
    else
        return ST_INVALID;
    return ST_OK;
}

static enum status to_text(struct value v, struct value *ret)
{
    struct str text = { 0 };
    enum status st = value_format(v, &text) ? ST_OK : ST_INVALID;
    if (st == ST_OK)
        st = text.failed ? ST_NOMEM : value_str(str_slice(&text), ret);
    str_free(&text);
    return st;
}

static enum status to_bool(struct value v, struct value *ret)
{
    struct slice s = slice_trim(value_text(v));
    if (v.tag == VAL_BOOL)
        *ret = v;
    else if (v.tag == VAL_INT)
        *ret = value_bool(v.i != 0);
    else if (slice_is(s, "true") || slice_is(s, "false"))
        *ret = value_bool(s.ptr[0] == 't');
    else
        return ST_INVALID;
    return ST_OK;
}

enum status type_convert(struct image *im, uint32_t rtype, struct value v, struct value *ret,
                         struct type_fault *fault)
{
    const struct rtype *t = &im->module->rtype[rtype];
    enum status st;
    *fault = (struct type_fault){ .need = BC_NO_INDEX };
    switch (t->kind) {
    case RT_INT:
        st = to_int(v, ret);
        break;
    case RT_FLOAT:
        st = to_float(v, ret);
        break;
    case RT_STR:
    case RT_PATH:
        st = to_text(v, ret);
        break;
    case RT_BOOL:
        st = to_bool(v, ret);
        break;
    default:
        return type_accept(im, rtype, v, TYPE_JSON, ret, fault);
    }
    if (st != ST_INVALID)
        return st;
    struct str text = { 0 };
    value_format(v, &text);
    misread(fault, t, str_slice(&text));
    str_free(&text);
    return ST_INVALID;
}
