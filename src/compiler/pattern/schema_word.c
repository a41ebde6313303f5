/* schema_word.c - names of keywords to their numbers, and back. */
#include "compiler/pattern/schema_word.h"

#include <string.h>

struct word_row {
    const char *name;
    uint8_t     len;
    uint8_t     from, to;
    bool        legacy;
};

static const struct word_row rows[N_SCHEMA_WORD] = {
    { "", 0, 0, 0, false },
#define X(word, name, from, to, legacy) { name, sizeof name - 1, from, to, legacy },
    SCHEMA_WORDS(X)
#undef X
};

_Static_assert(N_SCHEMA_WORD <= 64, "the words of a node are one set of bits");

enum schema_word schema_word_of(struct slice name)
{
    uint32_t lo = 1, hi = N_SCHEMA_WORD;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = name.len < rows[mid].len ? -1 : name.len > rows[mid].len;
        if (!order)
            order = memcmp(name.ptr, rows[mid].name, name.len);
        if (!order)
            return (enum schema_word)mid;
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return WORD_NONE;
}

bool schema_word_known(enum schema_word word, uint8_t draft, bool legacy)
{
    const struct word_row *r = &rows[word];
    return r->from && ((draft >= r->from && draft <= r->to) || (legacy && r->legacy));
}

const char *schema_word_name(enum schema_word word)
{
    return rows[word].name;
}
