/* detok.c - joins the bytes of tokens and hands out whole characters.
 *
 * A token may end in the middle of a character.  Its bytes are held back until the rest arrives;
 * bytes that can no longer become a character come out as U+FFFD, one for each maximal part of a
 * sequence, as Unicode recommends.  At most three bytes are ever held. */
#include <string.h>

#include "base/utf8.h"
#include "runtime/tokenizer/tokenizer.h"

enum { SEQ_WHOLE, SEQ_PARTIAL, SEQ_BAD };

/* What begins at p: how many bytes belong together, and whether more could complete them. */
static int sequence_at(const uint8_t *p, size_t n, size_t *ret_len)
{
    uint8_t b = p[0];
    size_t need = b < 0x80 ? 1 : b < 0xc2 ? 0 : b < 0xe0 ? 2 : b < 0xf0 ? 3 : b < 0xf5 ? 4 : 0;
    *ret_len = 1;
    if (need == 0)
        return SEQ_BAD;
    for (size_t i = 1; i < need; i++) {
        if (i == n) {
            *ret_len = i;
            return SEQ_PARTIAL;
        }
        uint8_t lo = 0x80, hi = 0xbf;
        if (i == 1) {               /* no overlong forms, no surrogates, at most U+10FFFF */
            lo = b == 0xe0 ? 0xa0 : b == 0xf0 ? 0x90 : lo;
            hi = b == 0xed ? 0x9f : b == 0xf4 ? 0x8f : hi;
        }
        if (p[i] < lo || p[i] > hi) {
            *ret_len = i;
            return SEQ_BAD;
        }
    }
    *ret_len = need;
    return SEQ_WHOLE;
}

static void add_all(const char *bytes, size_t len, struct detok *d, struct str *out)
{
    size_t i = 0;
    while (i < len) {
        size_t n;
        int what = sequence_at((const uint8_t *)bytes + i, len - i, &n);
        if (what == SEQ_PARTIAL) {
            memmove(d->held, bytes + i, n);
            d->n_held = (uint32_t)n;
            return;
        }
        if (what == SEQ_WHOLE)
            str_add(out, bytes + i, n);
        else
            str_add_cp(out, 0xfffd);
        i += n;
    }
}

void detok_push(struct detok *d, struct slice bytes, struct str *out)
{
    /* A held start is completed byte by byte: at most three bytes decide it. */
    while (d->n_held && bytes.len) {
        char seq[8];
        size_t n = d->n_held;
        memcpy(seq, d->held, n);
        seq[n++] = bytes.ptr[0];
        bytes = slice_sub(bytes, 1, bytes.len - 1);
        d->n_held = 0;
        add_all(seq, n, d, out);
    }
    if (bytes.len)
        add_all(bytes.ptr, bytes.len, d, out);
}

void detok_flush(struct detok *d, struct str *out)
{
    if (d->n_held)
        str_add_cp(out, 0xfffd);
    d->n_held = 0;
}
