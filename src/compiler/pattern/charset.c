/* charset.c - sorted ranges of code points, and the named sets that patterns speak of.
 *
 * General categories come from the Unicode tables behind base/utf8.h: a property set is made by
 * asking for every code point once, which costs a few milliseconds and happens only for patterns
 * that name one. */
#include "compiler/pattern/charset.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/utf8.h"

void ranges_add(struct ranges *s, uint32_t lo, uint32_t hi)
{
    if (lo > hi || s->failed)
        return;
    if (s->n && s->r[s->n - 1].hi + 1 == lo) {
        s->r[s->n - 1].hi = hi;
        return;
    }
    struct range *r = array_push(&s->r, &s->n, &s->cap, sizeof *r);
    if (!r) {
        s->failed = true;
        return;
    }
    *r = (struct range){ lo, hi };
}

void ranges_add_all(struct ranges *s, const struct ranges *other)
{
    for (uint32_t i = 0; i < other->n; i++)
        ranges_add(s, other->r[i].lo, other->r[i].hi);
    s->failed |= other->failed;
}

static int by_lo(const void *a, const void *b)
{
    const struct range *x = a, *y = b;
    return (x->lo > y->lo) - (x->lo < y->lo);
}

void ranges_sort(struct ranges *s)
{
    if (s->n < 2)
        return;
    qsort(s->r, s->n, sizeof *s->r, by_lo);
    uint32_t n = 0;
    for (uint32_t i = 1; i < s->n; i++) {
        if (s->r[i].lo <= s->r[n].hi || s->r[i].lo == s->r[n].hi + 1) {
            if (s->r[i].hi > s->r[n].hi)
                s->r[n].hi = s->r[i].hi;
        } else {
            s->r[++n] = s->r[i];
        }
    }
    s->n = n + 1;
}

/* Adds lo..hi without the surrogates. */
static void add_valid(struct ranges *s, uint32_t lo, uint32_t hi)
{
    if (hi > CP_MAX)
        hi = CP_MAX;
    if (lo > hi)
        return;
    if (hi < CP_SURROGATE || lo > CP_SURROGATE_END) {
        ranges_add(s, lo, hi);
        return;
    }
    if (lo < CP_SURROGATE)
        ranges_add(s, lo, CP_SURROGATE - 1);
    if (hi > CP_SURROGATE_END)
        ranges_add(s, CP_SURROGATE_END + 1, hi);
}

void ranges_not(struct ranges *s)
{
    struct ranges out = { 0 };
    uint32_t from = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        if (s->r[i].lo > from)
            add_valid(&out, from, s->r[i].lo - 1);
        from = s->r[i].hi + 1;
    }
    if (from <= CP_MAX)
        add_valid(&out, from, CP_MAX);
    out.failed |= s->failed;
    ranges_free(s);
    *s = out;
}

void ranges_free(struct ranges *s)
{
    mem_free(s->r);
    *s = (struct ranges){ 0 };
}

enum { FOLD_END = 0x1e944 };    /* no simple case folding at or above it (Unicode 15) */

void ranges_fold(struct ranges *s)
{
    /* Bit set of the folded forms, then everything that folds into it. */
    uint32_t *folded = mem_zalloc(FOLD_END / 8 + 8);
    if (!folded) {
        s->failed = true;
        return;
    }
    uint32_t n = s->n;
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t c = s->r[i].lo; c <= s->r[i].hi && c < FOLD_END; c++) {
            uint32_t f = utf8_fold(c);
            if (f < FOLD_END)
                folded[f / 32] |= 1u << (f % 32);
        }
    }
    struct ranges out = { 0 };
    ranges_add_all(&out, s);
    for (uint32_t c = 0; c < FOLD_END; c++) {
        uint32_t f = utf8_fold(c);
        if (f < FOLD_END && folded[f / 32] >> (f % 32) & 1u)
            ranges_add(&out, c, c);
    }
    mem_free(folded);
    ranges_sort(&out);
    ranges_free(s);
    *s = out;
}

void ranges_digit(struct ranges *s)
{
    ranges_add(s, '0', '9');
}

void ranges_word(struct ranges *s)
{
    ranges_add(s, '0', '9');
    ranges_add(s, 'A', 'Z');
    ranges_add(s, '_', '_');
    ranges_add(s, 'a', 'z');
}

void ranges_space(struct ranges *s)
{
    static const struct range space[] = {
        { 0x09, 0x0d }, { 0x20, 0x20 }, { 0xa0, 0xa0 }, { 0x1680, 0x1680 }, { 0x2000, 0x200a },
        { 0x2028, 0x2029 }, { 0x202f, 0x202f }, { 0x205f, 0x205f }, { 0x3000, 0x3000 },
        { 0xfeff, 0xfeff },
    };
    for (size_t i = 0; i < sizeof space / sizeof *space; i++)
        ranges_add(s, space[i].lo, space[i].hi);
}

/* long name, alias, short code.  A one-letter code stands for all that begin with it. */
static const char *const category[][3] = {
    { "Letter", "L", "L" }, { "Cased_Letter", "LC", "LC" }, { "Uppercase_Letter", "Lu", "Lu" },
    { "Lowercase_Letter", "Ll", "Ll" }, { "Titlecase_Letter", "Lt", "Lt" },
    { "Modifier_Letter", "Lm", "Lm" }, { "Other_Letter", "Lo", "Lo" },
    { "Mark", "Combining_Mark", "M" }, { "M", "M", "M" }, { "Nonspacing_Mark", "Mn", "Mn" },
    { "Spacing_Mark", "Mc", "Mc" }, { "Enclosing_Mark", "Me", "Me" }, { "Number", "N", "N" },
    { "Decimal_Number", "digit", "Nd" }, { "Nd", "Nd", "Nd" }, { "Letter_Number", "Nl", "Nl" },
    { "Other_Number", "No", "No" }, { "Punctuation", "punct", "P" }, { "P", "P", "P" },
    { "Connector_Punctuation", "Pc", "Pc" }, { "Dash_Punctuation", "Pd", "Pd" },
    { "Open_Punctuation", "Ps", "Ps" }, { "Close_Punctuation", "Pe", "Pe" },
    { "Initial_Punctuation", "Pi", "Pi" }, { "Final_Punctuation", "Pf", "Pf" },
    { "Other_Punctuation", "Po", "Po" }, { "Symbol", "S", "S" }, { "Math_Symbol", "Sm", "Sm" },
    { "Currency_Symbol", "Sc", "Sc" }, { "Modifier_Symbol", "Sk", "Sk" },
    { "Other_Symbol", "So", "So" }, { "Separator", "Z", "Z" }, { "Space_Separator", "Zs", "Zs" },
    { "Line_Separator", "Zl", "Zl" }, { "Paragraph_Separator", "Zp", "Zp" },
    { "Other", "C", "C" }, { "Control", "cntrl", "Cc" }, { "Cc", "Cc", "Cc" },
    { "Format", "Cf", "Cf" }, { "Private_Use", "Co", "Co" }, { "Unassigned", "Cn", "Cn" },
};

const char *charset_category_code(struct slice name)
{
    static const char *const key[] = { "General_Category=", "gc=" };
    for (size_t i = 0; i < 2; i++)
        if (slice_starts(name, slice_of(key[i])))
            name = slice_sub(name, strlen(key[i]), name.len);
    for (size_t i = 0; i < sizeof category / sizeof *category; i++)
        for (int k = 0; k < 3; k++)
            if (slice_is(name, category[i][k]))
                return category[i][2];
    return NULL;
}

static bool in_category(uint32_t cp, const char *code)
{
    const char *name = utf8_category_name(cp);
    if (!strcmp(code, "LC"))
        return !strcmp(name, "Lu") || !strcmp(name, "Ll") || !strcmp(name, "Lt");
    return name[0] == code[0] && (!code[1] || name[1] == code[1]);
}

bool ranges_property(struct ranges *s, struct slice name)
{
    if (slice_is(name, "Any")) {
        add_valid(s, 0, CP_MAX);
        return true;
    }
    if (slice_is(name, "ASCII")) {
        ranges_add(s, 0, 0x7f);
        return true;
    }
    bool white = slice_is(name, "White_Space") || slice_is(name, "space");
    bool alpha = slice_is(name, "Alphabetic") || slice_is(name, "Alpha");
    const char *code = white || alpha ? "" : charset_category_code(name);
    if (!code)
        return false;
    /* Alphabetic is Letter, Letter_Number and Other_Alphabetic; the last is not tabled here. */
    if (alpha)
        return false;
    for (uint32_t cp = 0; cp <= CP_MAX; cp++) {
        if (cp == CP_SURROGATE)
            cp = CP_SURROGATE_END + 1;
        if (white ? utf8_is_space(cp) : in_category(cp, code))
            ranges_add(s, cp, cp);
    }
    return true;
}
