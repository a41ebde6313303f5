/* str.c - slices compare and search; str grows, and after one failed allocation does nothing. */
#include "base/str.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"

struct slice slice_of(const char *c_string)
{
    return c_string ? (struct slice){ c_string, strlen(c_string) } : (struct slice){ "", 0 };
}

bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool slice_is(struct slice a, const char *c_string)
{
    return slice_eq(a, slice_of(c_string));
}

int slice_cmp(struct slice a, struct slice b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    if (c)
        return c;
    return (a.len > b.len) - (a.len < b.len);
}

bool slice_starts(struct slice s, struct slice prefix)
{
    return s.len >= prefix.len && slice_eq((struct slice){ s.ptr, prefix.len }, prefix);
}

bool slice_ends(struct slice s, struct slice suffix)
{
    if (s.len < suffix.len)
        return false;
    return suffix.len == 0
        || memcmp(s.ptr + (s.len - suffix.len), suffix.ptr, suffix.len) == 0;
}

size_t slice_find(struct slice s, struct slice what)
{
    if (what.len == 0)
        return 0;
    if (s.len < what.len)
        return SIZE_MAX;
    const char *p = memmem(s.ptr, s.len, what.ptr, what.len);
    return p ? (size_t)(p - s.ptr) : SIZE_MAX;
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

struct slice slice_trim(struct slice s)
{
    while (s.len && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    while (s.len && is_blank(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

struct slice slice_sub(struct slice s, size_t off, size_t len)
{
    if (off > s.len)
        off = s.len;
    if (len > s.len - off)
        len = s.len - off;
    return (struct slice){ s.ptr ? s.ptr + off : s.ptr, len };
}

bool str_reserve(struct str *s, size_t more)
{
    if (s->failed)
        return false;
    if (s->ptr && more < s->cap - s->len)
        return true;
    if (more > SIZE_MAX / 2 - s->len - 1) {
        s->failed = true;
        return false;
    }
    size_t need = s->len + more + 1;
    size_t cap = s->cap ? s->cap : 32;
    while (cap < need)
        cap *= 2;
    char *p = mem_realloc(s->ptr, cap);
    if (!p) {
        s->failed = true;
        return false;
    }
    s->ptr = p;
    s->cap = cap;
    s->ptr[s->len] = '\0';
    return true;
}

void str_add(struct str *s, const char *data, size_t len)
{
    if (!str_reserve(s, len))
        return;
    if (len)
        memcpy(s->ptr + s->len, data, len);
    s->len += len;
    s->ptr[s->len] = '\0';
}

void str_adds(struct str *s, const char *c_string)
{
    str_add(s, c_string, strlen(c_string));
}

void str_addc(struct str *s, char c)
{
    str_add(s, &c, 1);
}

void str_add_slice(struct str *s, struct slice x)
{
    str_add(s, x.ptr, x.len);
}

void str_addv(struct str *s, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, ap);
    if (n < 0)
        s->failed = true;
    else if (str_reserve(s, (size_t)n)) {
        vsnprintf(s->ptr + s->len, (size_t)n + 1, fmt, again);
        s->len += (size_t)n;
    }
    va_end(again);
}

void str_addf(struct str *s, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    str_addv(s, fmt, ap);
    va_end(ap);
}

void str_add_cp(struct str *s, uint32_t cp)
{
    char bytes[4];
    str_add(s, bytes, (size_t)utf8_encode(cp, bytes));
}

/* The fewest digits that read back as the same number; 17 always do.  The text is C's %g form:
 * no fraction for whole numbers, an exponent for very large and small ones. */
void str_add_double(struct str *s, double x)
{
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (isnan(x) || strtod(text, NULL) == x)
            break;
    }
    str_adds(s, text);
}

void str_cut(struct str *s, size_t len)
{
    if (len >= s->len)
        return;
    s->len = len;
    s->ptr[len] = '\0';
}

struct slice str_slice(const struct str *s)
{
    return s->ptr ? (struct slice){ s->ptr, s->len } : (struct slice){ "", 0 };
}

char *str_take(struct str *s)
{
    if (!s->ptr)
        str_reserve(s, 0);
    char *p = s->failed ? NULL : s->ptr;
    if (!p)
        mem_free(s->ptr);
    *s = (struct str){ 0 };
    return p;
}

void str_free(struct str *s)
{
    mem_free(s->ptr);
    *s = (struct str){ 0 };
}
