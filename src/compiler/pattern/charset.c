/* charset.c - sorted ranges of code points, and the named sets that patterns speak of.
 *
 * General categories and case folding are those of base/utf8.h, as tables of runs and pairs that
 * are made when the project is built: to ask for every code point takes milliseconds. */
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

struct category_run {           /* from here on, up to the next run */
    uint32_t from;
    char     code[3];
};

struct fold_pair {              /* a code point that folds to another */
    uint32_t cp, fold;
};

#include "code_points.h"

enum {
    N_RUN = sizeof category_run / sizeof *category_run,
    N_FOLD = sizeof fold_pair / sizeof *fold_pair,
};

static bool in_ranges(const struct range *r, uint32_t n, uint32_t cp)
{
    uint32_t lo = 0, hi = n;
    while (lo < hi) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (r[mid].hi < cp)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < n && r[lo].lo <= cp;
}

/* What the set folds to, then everything that folds into either. */
void ranges_fold(struct ranges *s)
{
    struct ranges to = { 0 };
    ranges_sort(s);
    for (uint32_t i = 0; i < N_FOLD; i++)
        if (in_ranges(s->r, s->n, fold_pair[i].cp))
            ranges_add(&to, fold_pair[i].fold, fold_pair[i].fold);
    ranges_add_all(&to, s);
    ranges_sort(&to);
    struct ranges out = { 0 };
    ranges_add_all(&out, &to);
    for (uint32_t i = 0; i < N_FOLD; i++)
        if (in_ranges(to.r, to.n, fold_pair[i].fold))
            ranges_add(&out, fold_pair[i].cp, fold_pair[i].cp);
    ranges_sort(&out);
    out.failed |= s->failed | to.failed;
    ranges_free(&to);
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

static bool in_category(const char *name, const char *code)
{
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
    /* Alphabetic is Letter, Letter_Number and Other_Alphabetic; the last is not tabled here. */
    bool alpha = slice_is(name, "Alphabetic") || slice_is(name, "Alpha");
    const char *code = white ? "Z" : alpha ? NULL : charset_category_code(name);
    if (!code)
        return false;
    if (white) {
        ranges_add(s, 0x09, 0x0d);
        ranges_add(s, 0x85, 0x85);
    }
    for (uint32_t i = 0; i < N_RUN; i++)
        if (in_category(category_run[i].code, code))
            add_valid(s, category_run[i].from, i + 1 < N_RUN ? category_run[i + 1].from - 1 : CP_MAX);
    return true;
}
