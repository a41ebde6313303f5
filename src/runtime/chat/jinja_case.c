/* jinja_case.c - methods of text about the case and the kind of its characters. */
#include <string.h>

#include "base/utf8.h"
#include "runtime/chat/jinja.h"

/* ---- case ------------------------------------------------------------------------------ */

enum casing { TO_UPPER, TO_LOWER, TO_TITLE, TO_CAPITAL, TO_SWAPPED };

static bool is_cased(uint32_t cp)
{
    return utf8_lower(cp) != cp || utf8_upper(cp) != cp;
}

static bool change_case(struct jeval *e, const struct jtext *t, enum casing how, struct jval *ret)
{
    struct jbuf out = { 0 };
    const char *end = t->ptr + t->len;
    bool inside = false;                /* behind a letter (title) or behind the first character */
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0;
        char utf8[4];
        int n = utf8_decode(p, end, &cp);
        size_t off = (size_t)(p - t->ptr);
        uint32_t to = cp;
        if (how == TO_UPPER || (how == TO_SWAPPED && utf8_upper(cp) != cp))
            to = utf8_upper(cp);
        else if (how == TO_LOWER || how == TO_SWAPPED || inside)
            to = utf8_lower(cp);
        else
            to = utf8_title(cp);
        inside = how == TO_CAPITAL || (how == TO_TITLE && is_cased(cp));
        p += n ? n : 1;
        if (!n || to == cp)
            jbuf_add_text(&out, t, off, (size_t)(n ? n : 1));
        else if (cp == 0xdf && how == TO_UPPER)
            jbuf_add(&out, "SS", 2, jtext_markup_at(t, (uint32_t)off));
        else
            jbuf_add(&out, utf8, (size_t)utf8_encode(to, utf8), jtext_markup_at(t, (uint32_t)off));
    }
    return jbuf_take(e, &out, ret);
}

static bool m_upper(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return change_case(e, self.s, TO_UPPER, ret);
}

static bool m_lower(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return change_case(e, self.s, TO_LOWER, ret);
}

static bool m_title(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return change_case(e, self.s, TO_TITLE, ret);
}

static bool m_capitalize(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return change_case(e, self.s, TO_CAPITAL, ret);
}

static bool m_swapcase(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return change_case(e, self.s, TO_SWAPPED, ret);
}

/* ---- kinds of characters --------------------------------------------------------------- */

enum chars { ARE_DIGIT, ARE_DECIMAL, ARE_NUMERIC, ARE_ALPHA, ARE_ALNUM, ARE_SPACE, ARE_ASCII };

static bool is_of(uint32_t cp, enum chars what)
{
    const char *cat = utf8_category_name(cp);
    char utf8[4];
    switch (what) {
    case ARE_DIGIT: return strcmp(cat, "Nd") == 0 || cp == 0xb2 || cp == 0xb3 || cp == 0xb9;
    case ARE_DECIMAL: return strcmp(cat, "Nd") == 0;
    case ARE_NUMERIC: return cat[0] == 'N';
    case ARE_ALPHA: return cat[0] == 'L';
    case ARE_ALNUM: return cat[0] == 'L' || cat[0] == 'N';
    case ARE_SPACE: {
        int n = utf8_encode(cp, utf8);
        return jinja_blank(utf8, utf8 + n) > 0;
    }
    case ARE_ASCII: return cp < 0x80;
    }
    return false;
}

static bool all_are(struct jeval *e, struct jval self, enum chars what, struct jval *ret)
{
    const struct jtext *t = self.s;
    bool all = t->len > 0 || what == ARE_ASCII;
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end && all;) {
        uint32_t cp;
        int n = utf8_decode(p, end, &cp);
        all = n > 0 && is_of(cp, what);
        p += n ? n : 1;
    }
    *ret = j_bool(all);
    return jstep(e, 1 + t->len / 64);
}

static bool m_isdigit(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_DIGIT, ret);
}

static bool m_isdecimal(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_DECIMAL, ret);
}

static bool m_isnumeric(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_NUMERIC, ret);
}

static bool m_isalpha(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_ALPHA, ret);
}

static bool m_isalnum(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_ALNUM, ret);
}

static bool m_isspace(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_SPACE, ret);
}

static bool m_isascii(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return all_are(e, self, ARE_ASCII, ret);
}

/* Some letter has a case, and none has the other one. */
static bool cased_as(struct jeval *e, struct jval self, bool upper, struct jval *ret)
{
    const struct jtext *t = self.s;
    bool some = false, other = false;
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0;
        int n = utf8_decode(p, end, &cp);
        bool is_upper = utf8_lower(cp) != cp, is_lower = utf8_upper(cp) != cp && !is_upper;
        some = some || (upper ? is_upper : is_lower);
        other = other || (upper ? is_lower : is_upper);
        p += n ? n : 1;
    }
    *ret = j_bool(some && !other);
    return jstep(e, 1 + t->len / 64);
}

static bool m_isupper(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return cased_as(e, self, true, ret);
}

static bool m_islower(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return cased_as(e, self, false, ret);
}

const struct jfunc jcase_methods[] = {
    { "capitalize", "", m_capitalize, NULL },
    { "isalnum", "", m_isalnum, NULL },
    { "isalpha", "", m_isalpha, NULL },
    { "isascii", "", m_isascii, NULL },
    { "isdecimal", "", m_isdecimal, NULL },
    { "isdigit", "", m_isdigit, NULL },
    { "islower", "", m_islower, NULL },
    { "isnumeric", "", m_isnumeric, NULL },
    { "isspace", "", m_isspace, NULL },
    { "isupper", "", m_isupper, NULL },
    { "lower", "", m_lower, NULL },
    { "swapcase", "", m_swapcase, NULL },
    { "title", "", m_title, NULL },
    { "upper", "", m_upper, NULL },
};
const size_t n_jcase_methods = sizeof jcase_methods / sizeof *jcase_methods;
