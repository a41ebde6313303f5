/* bytechar.c - vocabulary text to bytes. */
#include "runtime/tokenizer/bytechar.h"

#include "base/utf8.h"

/* Bytes that are written as themselves. */
static bool is_plain(uint32_t b)
{
    return (b >= 0x21 && b <= 0x7e) || (b >= 0xa1 && b <= 0xac) || (b >= 0xae && b <= 0xff);
}

int bytechar_byte(uint32_t cp)
{
    if (cp < 0x100)
        return is_plain(cp) ? (int)cp : -1;
    /* The others in order: 00-20, 7f-a0, ad. */
    uint32_t n = cp - 0x100;
    if (n <= 0x20)
        return (int)n;
    n -= 0x21;
    if (n <= 0xa0 - 0x7f)
        return (int)(0x7f + n);
    return n == 0xa0 - 0x7f + 1 ? 0xad : -1;
}

bool bytechar_decode(struct slice text, struct str *out)
{
    size_t before = out->len;
    const char *p = text.ptr, *end = text.ptr + text.len;
    while (p < end) {
        uint32_t cp;
        int len = utf8_decode(p, end, &cp);
        int b = len ? bytechar_byte(cp) : -1;
        if (b < 0) {
            str_cut(out, before);
            return false;
        }
        str_addc(out, (char)b);
        p += len;
    }
    return true;
}
