/* vocab_file.c - reads base64 lines into a vocabulary. */
#include "vocab_file.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/fs.h"

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Decodes in place over the text of the file; the result is never longer. */
static size_t decode(const char *in, size_t n, char *out)
{
    uint32_t bits = 0, n_bit = 0;
    size_t k = 0;
    for (size_t i = 0; i < n && digit(in[i]) >= 0; i++) {
        bits = bits << 6 | (uint32_t)digit(in[i]);
        n_bit += 6;
        if (n_bit >= 8) {
            n_bit -= 8;
            out[k++] = (char)(bits >> n_bit & 0xff);
        }
    }
    return k;
}

enum status vocab_file_load(const char *path, uint32_t max, struct vocab **ret, struct error *err)
{
    struct str text = { 0 };
    struct slice *token = NULL;
    uint32_t n = 0, cap = 0;
    enum status st = fs_read(path, 64u << 20, &text, err);
    for (size_t at = 0; st == ST_OK && at < text.len && (!max || n < max);) {
        size_t end = at;
        while (end < text.len && text.ptr[end] != '\n')
            end++;
        size_t len = decode(text.ptr + at, end - at, text.ptr + at);
        struct slice *slot = array_push(&token, &n, &cap, sizeof *slot);
        if (slot)
            *slot = (struct slice){ text.ptr + at, len };
        else
            st = error_nomem(err);
        at = end + 1;
    }
    if (st == ST_OK)
        st = vocab_from_bytes(token, n, n, ret, err);
    mem_free(token);
    str_free(&text);
    return st;
}
