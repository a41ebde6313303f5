/* utf8.h - strict UTF-8 (no overlong forms, no surrogates, at most U+10FFFF), over utf8proc. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Bytes of the code point at p (1..4) and the code point; 0 when p does not begin a valid one. */
int    utf8_decode(const char *p, const char *end, uint32_t *ret_cp);
int    utf8_encode(uint32_t cp, char out[4]);           /* bytes written; 0 for an invalid cp */
bool   utf8_valid(struct slice s);
size_t utf8_invalid_at(struct slice s);                 /* offset of the first bad byte; len if none */
size_t utf8_count(struct slice s);                      /* code points of a valid text */
size_t utf8_offset(struct slice s, size_t n);           /* byte offset of code point n, clamped */
size_t utf8_whole(struct slice s);      /* length without an unfinished sequence at the end */

uint32_t utf8_lower(uint32_t cp);
uint32_t utf8_upper(uint32_t cp);
uint32_t utf8_title(uint32_t cp);
uint32_t utf8_fold(uint32_t cp);        /* simple case folding */
int      utf8_category(uint32_t cp);    /* utf8proc_category_t */
const char *utf8_category_name(uint32_t cp);    /* "Lu", "Nd", ... */
bool     utf8_is_space(uint32_t cp);    /* White_Space */
int      utf8_width(uint32_t cp);       /* columns on a terminal */
void     utf8_nfc(struct slice s, struct str *out);

#endif
