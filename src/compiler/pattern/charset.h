/* charset.h - sets of code points as sorted ranges.
 *
 * A struct ranges is a builder: ranges are added in any order, ranges_sort makes them disjoint
 * and ascending.  It is sticky: after a failed allocation `failed` is set and the set is not to
 * be used.  The universe is what UTF-8 can spell: 0..D7FF and E000..10FFFF. */
#ifndef COMPILER_PATTERN_CHARSET_H
#define COMPILER_PATTERN_CHARSET_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { CP_MAX = 0x10ffff, CP_SURROGATE = 0xd800, CP_SURROGATE_END = 0xdfff };

struct range {
    uint32_t lo, hi;        /* both inclusive */
};

struct ranges {             /* zeroed is empty */
    struct range *r;
    uint32_t      n, cap;
    bool          failed;
};

void ranges_add(struct ranges *s, uint32_t lo, uint32_t hi);
void ranges_add_all(struct ranges *s, const struct ranges *other);
void ranges_sort(struct ranges *s);
void ranges_not(struct ranges *s);                  /* sorted in, sorted out */
void ranges_fold(struct ranges *s);                 /* adds what simple case folding makes equal */
void ranges_free(struct ranges *s);

void ranges_digit(struct ranges *s);
void ranges_word(struct ranges *s);
void ranges_space(struct ranges *s);                /* ECMAScript's white space and line ends */
/* \p{name} or \p{key=name}: general categories and a few binary properties.  False: unknown. */
bool ranges_property(struct ranges *s, struct slice name);
/* The short name PCRE2 knows for a general category, or NULL. */
const char *charset_category_code(struct slice name);

#endif
