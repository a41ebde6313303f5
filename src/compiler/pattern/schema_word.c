/* schema_word.c - names of keywords to their numbers, and back. */
#include "compiler/pattern/schema_word.h"

struct word_row {
    const char *name;
    uint8_t     from, to;
    bool        legacy;
};

static const struct word_row rows[N_SCHEMA_WORD] = {
    { "", 0, 0, false },
#define X(word, name, from, to, legacy) { name, from, to, legacy },
    SCHEMA_WORDS(X)
#undef X
};

_Static_assert(N_SCHEMA_WORD <= 64, "the words of a node are one set of bits");

enum schema_word schema_word_of(struct slice name, uint8_t draft, bool legacy)
{
    uint32_t lo = 1, hi = N_SCHEMA_WORD;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        int order = slice_cmp(name, slice_of(rows[mid].name));
        if (!order) {
            bool known = (draft >= rows[mid].from && draft <= rows[mid].to) || (legacy && rows[mid].legacy);
            return known ? (enum schema_word)mid : WORD_NONE;
        }
        if (order < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    return WORD_NONE;
}

const char *schema_word_name(enum schema_word word)
{
    return rows[word].name;
}
