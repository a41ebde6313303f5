/* str.h - slices of bytes, and the one string builder. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that somebody else owns.  Not NUL-terminated unless its origin says so. */
struct slice {
    const char *ptr;
    size_t      len;
};

#define SLICE(literal) ((struct slice){ (literal), sizeof(literal) - 1 })

struct slice slice_of(const char *c_string);            /* NULL gives the empty slice */
bool slice_eq(struct slice a, struct slice b);
bool slice_is(struct slice a, const char *c_string);
int  slice_cmp(struct slice a, struct slice b);         /* by bytes, as memcmp, shorter first */
bool slice_starts(struct slice s, struct slice prefix);
bool slice_ends(struct slice s, struct slice suffix);
size_t slice_find(struct slice s, struct slice what);   /* offset, or SIZE_MAX */
struct slice slice_trim(struct slice s);                /* ASCII blanks off both ends */
struct slice slice_sub(struct slice s, size_t off, size_t len);     /* clamped */

/* A growing byte string; ptr is NUL-terminated whenever it is not NULL.  Sticky: after a failed
 * allocation `failed` is set and nothing more is added.  A zeroed struct str is empty. */
struct str {
    char  *ptr;
    size_t len;
    size_t cap;
    bool   failed;
};

void str_add(struct str *s, const char *data, size_t len);
void str_adds(struct str *s, const char *c_string);
void str_addc(struct str *s, char c);
void str_add_slice(struct str *s, struct slice x);
void str_addf(struct str *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void str_addv(struct str *s, const char *fmt, va_list ap);
void str_add_cp(struct str *s, uint32_t cp);            /* one code point as UTF-8 */
void str_add_double(struct str *s, double x);           /* shortest text that reads back, as %.17g would */
bool str_reserve(struct str *s, size_t more);           /* room for `more` bytes beyond len */
void str_cut(struct str *s, size_t len);                /* shorten to len */
struct slice str_slice(const struct str *s);
char *str_take(struct str *s);      /* the bytes, NUL-terminated, now the caller's (mem_free); NULL if failed */
void str_free(struct str *s);

#endif
