/* utf8.c - strict decoding of our own; properties and normal forms by utf8proc. */
#include "base/utf8.h"

#include <stdlib.h>
#include <utf8proc.h>

static bool is_tail(unsigned char c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the sequence that a lead byte opens; 0 for a byte that opens none. */
static int lead_len(unsigned char c)
{
    if (c < 0x80)
        return 1;
    if (c >= 0xc2 && c <= 0xdf)
        return 2;
    if (c >= 0xe0 && c <= 0xef)
        return 3;
    return c >= 0xf0 && c <= 0xf4 ? 4 : 0;
}

/* The second byte decides about overlong forms, surrogates and the upper end. */
static bool second_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xe0:
        return second >= 0xa0 && second <= 0xbf;
    case 0xed:
        return second >= 0x80 && second <= 0x9f;
    case 0xf0:
        return second >= 0x90 && second <= 0xbf;
    case 0xf4:
        return second >= 0x80 && second <= 0x8f;
    default:
        return is_tail(second);
    }
}

int utf8_decode(const char *p, const char *end, uint32_t *ret_cp)
{
    const unsigned char *s = (const unsigned char *)p;
    if (p >= end)
        return 0;
    int len = lead_len(s[0]);
    if (len == 0 || end - p < len)
        return 0;
    if (len == 1) {
        *ret_cp = s[0];
        return 1;
    }
    if (!second_fits(s[0], s[1]))
        return 0;
    uint32_t cp = s[0] & (0x7fu >> len);
    for (int i = 1; i < len; i++) {
        if (!is_tail(s[i]))
            return 0;
        cp = cp << 6 | (s[i] & 0x3fu);
    }
    *ret_cp = cp;
    return len;
}

int utf8_encode(uint32_t cp, char out[4])
{
    if (cp < 0x80) {
        out[0] = (char)cp;
        return 1;
    }
    if (cp < 0x800) {
        out[0] = (char)(0xc0 | cp >> 6);
        out[1] = (char)(0x80 | (cp & 0x3f));
        return 2;
    }
    if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
        return 0;
    if (cp < 0x10000) {
        out[0] = (char)(0xe0 | cp >> 12);
        out[1] = (char)(0x80 | (cp >> 6 & 0x3f));
        out[2] = (char)(0x80 | (cp & 0x3f));
        return 3;
    }
    out[0] = (char)(0xf0 | cp >> 18);
    out[1] = (char)(0x80 | (cp >> 12 & 0x3f));
    out[2] = (char)(0x80 | (cp >> 6 & 0x3f));
    out[3] = (char)(0x80 | (cp & 0x3f));
    return 4;
}

size_t utf8_invalid_at(struct slice s)
{
    size_t i = 0;
    uint32_t cp;
    while (i < s.len) {
        if (!((unsigned char)s.ptr[i] & 0x80)) {
            i++;
            continue;
        }
        int n = utf8_decode(s.ptr + i, s.ptr + s.len, &cp);
        if (n == 0)
            return i;
        i += (size_t)n;
    }
    return s.len;
}

bool utf8_valid(struct slice s)
{
    return utf8_invalid_at(s) == s.len;
}

size_t utf8_count(struct slice s)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += !is_tail((unsigned char)s.ptr[i]);
    return n;
}

size_t utf8_offset(struct slice s, size_t n)
{
    size_t i = 0;
    for (; i < s.len; i++) {
        if (is_tail((unsigned char)s.ptr[i]))
            continue;
        if (n-- == 0)
            return i;
    }
    return s.len;
}

/* Looks back over at most three bytes for a lead whose sequence would run past the end. */
size_t utf8_whole(struct slice s)
{
    for (size_t back = 1; back <= 3 && back <= s.len; back++) {
        unsigned char c = (unsigned char)s.ptr[s.len - back];
        if (is_tail(c))
            continue;
        return (size_t)lead_len(c) > back ? s.len - back : s.len;
    }
    return s.len;
}

uint32_t utf8_lower(uint32_t cp)
{
    return (uint32_t)utf8proc_tolower((utf8proc_int32_t)cp);
}

uint32_t utf8_upper(uint32_t cp)
{
    return (uint32_t)utf8proc_toupper((utf8proc_int32_t)cp);
}

uint32_t utf8_title(uint32_t cp)
{
    return (uint32_t)utf8proc_totitle((utf8proc_int32_t)cp);
}

/* utf8proc folds to up to several code points; a fold that is not simple leaves cp as it is,
 * except where its lower form is simple. */
uint32_t utf8_fold(uint32_t cp)
{
    utf8proc_int32_t out[4];
    int bound = 0;
    utf8proc_ssize_t n = utf8proc_decompose_char((utf8proc_int32_t)cp, out, 4, UTF8PROC_CASEFOLD,
                                                 &bound);
    return n == 1 ? (uint32_t)out[0] : utf8_lower(cp);
}

int utf8_category(uint32_t cp)
{
    return utf8proc_category((utf8proc_int32_t)cp);
}

const char *utf8_category_name(uint32_t cp)
{
    return utf8proc_category_string((utf8proc_int32_t)cp);
}

bool utf8_is_space(uint32_t cp)
{
    if ((cp >= 0x09 && cp <= 0x0d) || cp == 0x85)
        return true;
    int c = utf8_category(cp);
    return c == UTF8PROC_CATEGORY_ZS || c == UTF8PROC_CATEGORY_ZL || c == UTF8PROC_CATEGORY_ZP;
}

int utf8_width(uint32_t cp)
{
    return utf8proc_charwidth((utf8proc_int32_t)cp);
}

/* Invalid text has no normal form and is added as it is. */
void utf8_nfc(struct slice s, struct str *out)
{
    utf8proc_uint8_t *norm = NULL;
    utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)(s.len ? s.ptr : ""),
                                      (utf8proc_ssize_t)s.len, &norm,
                                      UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    if (n == UTF8PROC_ERROR_NOMEM) {
        out->failed = true;
        return;
    }
    if (n < 0) {
        str_add_slice(out, s);
        return;
    }
    str_add(out, (const char *)norm, (size_t)n);
    free(norm);     /* utf8proc allocates with libc */
}
