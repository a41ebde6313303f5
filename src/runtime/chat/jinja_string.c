/* jinja_string.c - methods of text, dicts, lists and loops, and the two kinds of formatting.
 *
 * Only what leaves its receiver alone is here: the environment that templates run in forbids the
 * rest ("unsafe"), and so do we, by the same words. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/chat/jinja.h"

static bool need_text(struct jeval *e, const char *what, struct jval v)
{
    if (v.kind == J_STR)
        return true;
    if (v.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", v.undef);
    return jfail(e, ST_INVALID, "%s must be a string, not %s", what, j_type(v));
}

static bool need_int(struct jeval *e, const char *what, struct jval v, int64_t otherwise,
                     int64_t *ret)
{
    if (v.kind == J_ABSENT) {
        *ret = otherwise;
        return true;
    }
    if (v.kind != J_INT && v.kind != J_BOOL)
        return jfail(e, ST_INVALID, "%s must be a whole number, not %s", what, j_type(v));
    *ret = v.kind == J_BOOL ? (int64_t)v.b : v.i;
    return true;
}

/* ---- trimming -------------------------------------------------------------------------- */

/* True when the character [p, p + n) is to go: a blank, or one of `chars`. */
static bool goes(const struct jtext *chars, const char *p, int n)
{
    if (!chars)
        return jinja_blank(p, p + n) == n;
    const char *end = chars->ptr + chars->len;
    for (const char *c = chars->ptr; c < end;) {
        uint32_t cp;
        int len = utf8_decode(c, end, &cp);
        len = len ? len : 1;
        if (len == n && memcmp(c, p, (size_t)n) == 0)
            return true;
        c += len;
    }
    return false;
}

static bool strip(struct jeval *e, struct jval self, struct jval chars, bool left, bool right,
                  struct jval *ret)
{
    const struct jtext *set = NULL;
    if (chars.kind != J_ABSENT && chars.kind != J_NONE) {
        if (!need_text(e, "strip's argument", chars))
            return false;
        set = chars.s;
    }
    const struct jtext *t = self.s;
    size_t from = 0, to = t->len;
    while (left && from < to) {
        uint32_t cp;
        int n = utf8_decode(t->ptr + from, t->ptr + to, &cp);
        if (!n || !goes(set, t->ptr + from, n))
            break;
        from += (size_t)n;
    }
    while (right && to > from) {
        size_t at = to - 1;
        while (at > from && ((uint8_t)t->ptr[at] & 0xc0) == 0x80)
            at--;
        if (!goes(set, t->ptr + at, (int)(to - at)))
            break;
        to = at;
    }
    return jtext_sub(e, t, from, to - from, ret);
}

static bool m_strip(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return strip(e, self, arg[0], true, true, ret);
}

static bool m_lstrip(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return strip(e, self, arg[0], true, false, ret);
}

static bool m_rstrip(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return strip(e, self, arg[0], false, true, ret);
}

/* ---- splitting ------------------------------------------------------------------------- */

static bool push_sub(struct jeval *e, struct jlist *l, const struct jtext *t, size_t from, size_t to)
{
    struct jval v;
    return jtext_sub(e, t, from, to - from, &v) && j_list_push(e, l, v);
}

static bool split_blanks(struct jeval *e, const struct jtext *t, int64_t most, struct jlist *l)
{
    const char *end = t->ptr + t->len;
    size_t at = 0;
    for (;;) {
        int n;
        while (at < t->len && (n = jinja_blank(t->ptr + at, end)) > 0)
            at += (size_t)n;
        if (at == t->len)
            return true;
        size_t from = at;
        if (most == 0)
            return push_sub(e, l, t, from, t->len);
        while (at < t->len && !jinja_blank(t->ptr + at, end))
            at++;
        if (!push_sub(e, l, t, from, at))
            return false;
        most--;
    }
}

static bool split_on(struct jeval *e, const struct jtext *t, struct slice sep, int64_t most,
                     struct jlist *l)
{
    size_t from = 0;
    while (most != 0) {
        size_t at = slice_find(slice_sub(jtext_slice(t), from, t->len), sep);
        if (at == SIZE_MAX)
            break;
        if (!push_sub(e, l, t, from, from + at))
            return false;
        from += at + sep.len;
        most--;
    }
    return push_sub(e, l, t, from, t->len);
}

/* Offset of the last `what` in s, or SIZE_MAX. */
static size_t find_last(struct slice s, struct slice what)
{
    for (size_t at = s.len >= what.len ? s.len - what.len + 1 : 0; at-- > 0;)
        if (memcmp(s.ptr + at, what.ptr, what.len) == 0)
            return at;
    return SIZE_MAX;
}

static bool m_split(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t most;
    if (!need_int(e, "maxsplit", arg[1], -1, &most) || !j_list_new(e, J_LIST, ret))
        return false;
    if (arg[0].kind == J_ABSENT || arg[0].kind == J_NONE)
        return split_blanks(e, self.s, most, ret->l);
    if (!need_text(e, "the separator", arg[0]))
        return false;
    if (!arg[0].s->len)
        return jfail(e, ST_INVALID, "empty separator");
    return split_on(e, self.s, jtext_slice(arg[0].s), most, ret->l);
}

static bool m_rsplit(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t most;
    if (!need_int(e, "maxsplit", arg[1], -1, &most))
        return false;
    if (most < 0)
        return m_split(e, self, arg, ret);
    if (arg[0].kind == J_ABSENT || arg[0].kind == J_NONE)
        return jfail(e, ST_UNSUPPORTED, "rsplit by blanks with a limit is not supported");
    if (!need_text(e, "the separator", arg[0]) || !j_list_new(e, J_LIST, ret))
        return false;
    struct slice sep = jtext_slice(arg[0].s), all = jtext_slice(self.s);
    if (!sep.len)
        return jfail(e, ST_INVALID, "empty separator");
    /* Where the kept tail of pieces begins. */
    size_t head = all.len;
    int64_t n = 0;
    for (; n < most; n++) {
        size_t at = find_last(slice_sub(all, 0, head), sep);
        if (at == SIZE_MAX)
            break;
        head = at;
    }
    if (!push_sub(e, ret->l, self.s, 0, head))
        return false;
    if (n == 0)
        return true;
    struct jval tail;
    return jtext_sub(e, self.s, head + sep.len, all.len - head - sep.len, &tail) &&
           split_on(e, tail.s, sep, -1, ret->l);
}

static bool m_splitlines(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (!j_list_new(e, J_LIST, ret))
        return false;
    bool keep = arg[0].kind != J_ABSENT && j_truth(arg[0]);
    const struct jtext *t = self.s;
    size_t from = 0, at = 0;
    while (at < t->len) {
        uint32_t cp = 0;
        int n = utf8_decode(t->ptr + at, t->ptr + t->len, &cp);
        n = n ? n : 1;
        bool ends = (cp >= 0x0a && cp <= 0x0d) || (cp >= 0x1c && cp <= 0x1e) || cp == 0x85 ||
                    cp == 0x2028 || cp == 0x2029;
        size_t stop = at;
        at += (size_t)n;
        if (!ends)
            continue;
        if (cp == '\r' && at < t->len && t->ptr[at] == '\n')
            at++;
        if (!push_sub(e, ret->l, t, from, keep ? at : stop))
            return false;
        from = at;
    }
    return from == t->len || push_sub(e, ret->l, t, from, t->len);
}

static bool parts(struct jeval *e, struct jval self, struct jval sep, bool last, struct jval *ret)
{
    if (!need_text(e, "the separator", sep) || !j_list_new(e, J_TUPLE, ret))
        return false;
    if (!sep.s->len)
        return jfail(e, ST_INVALID, "empty separator");
    struct slice all = jtext_slice(self.s), what = jtext_slice(sep.s);
    size_t at = last ? find_last(all, what) : slice_find(all, what);
    if (at == SIZE_MAX) {
        size_t cut = last ? 0 : all.len;
        return push_sub(e, ret->l, self.s, 0, cut) && push_sub(e, ret->l, self.s, cut, cut) &&
               push_sub(e, ret->l, self.s, cut, all.len);
    }
    return push_sub(e, ret->l, self.s, 0, at) && j_list_push(e, ret->l, sep) &&
           push_sub(e, ret->l, self.s, at + what.len, all.len);
}

static bool m_partition(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return parts(e, self, arg[0], false, ret);
}

static bool m_rpartition(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return parts(e, self, arg[0], true, ret);
}

/* ---- searching ------------------------------------------------------------------------- */

static bool has_affix(struct jeval *e, struct jval self, struct jval what, bool end, bool *ret)
{
    *ret = false;
    if (what.kind == J_TUPLE) {
        for (uint32_t i = 0; i < what.l->n && !*ret; i++) {
            struct jval one = what.l->at[i];
            if (!need_text(e, "the text to look for", one))
                return false;
            *ret = end ? slice_ends(jtext_slice(self.s), jtext_slice(one.s))
                       : slice_starts(jtext_slice(self.s), jtext_slice(one.s));
        }
        return true;
    }
    if (!need_text(e, "the text to look for", what))
        return false;
    *ret = end ? slice_ends(jtext_slice(self.s), jtext_slice(what.s))
               : slice_starts(jtext_slice(self.s), jtext_slice(what.s));
    return true;
}

static bool m_startswith(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    bool b;
    bool ok = has_affix(e, self, arg[0], false, &b);
    *ret = j_bool(ok && b);
    return ok;
}

static bool m_endswith(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    bool b;
    bool ok = has_affix(e, self, arg[0], true, &b);
    *ret = j_bool(ok && b);
    return ok;
}

static bool m_removeprefix(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (!need_text(e, "the prefix", arg[0]))
        return false;
    size_t cut = slice_starts(jtext_slice(self.s), jtext_slice(arg[0].s)) ? arg[0].s->len : 0;
    return jtext_sub(e, self.s, cut, self.s->len - cut, ret);
}

static bool m_removesuffix(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (!need_text(e, "the suffix", arg[0]))
        return false;
    size_t cut = slice_ends(jtext_slice(self.s), jtext_slice(arg[0].s)) ? arg[0].s->len : 0;
    return jtext_sub(e, self.s, 0, self.s->len - cut, ret);
}

static bool find_in(struct jeval *e, struct jval self, struct jval what, bool last, int64_t *ret)
{
    if (!need_text(e, "the text to look for", what))
        return false;
    struct slice s = jtext_slice(self.s);
    size_t at = last ? find_last(s, jtext_slice(what.s)) : slice_find(s, jtext_slice(what.s));
    *ret = at == SIZE_MAX ? -1 : (int64_t)utf8_count(slice_sub(s, 0, at));
    return jstep(e, 1 + s.len / 64);
}

static bool m_find(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t at;
    if (!find_in(e, self, arg[0], false, &at))
        return false;
    *ret = j_int(at);
    return true;
}

static bool m_rfind(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t at;
    if (!find_in(e, self, arg[0], true, &at))
        return false;
    *ret = j_int(at);
    return true;
}

static bool m_index(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t at;
    if (!find_in(e, self, arg[0], false, &at))
        return false;
    if (at < 0)
        return jfail(e, ST_INVALID, "substring not found");
    *ret = j_int(at);
    return true;
}

static bool m_count(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (!need_text(e, "the text to count", arg[0]))
        return false;
    struct slice s = jtext_slice(self.s), what = jtext_slice(arg[0].s);
    int64_t n = 0;
    if (!what.len) {
        *ret = j_int((int64_t)utf8_count(s) + 1);
        return true;
    }
    for (size_t at; (at = slice_find(s, what)) != SIZE_MAX; n++)
        s = slice_sub(s, at + what.len, s.len);
    *ret = j_int(n);
    return jstep(e, 1 + self.s->len / 64);
}

static bool m_replace(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t most;
    if (!need_text(e, "replace's first argument", arg[0]) ||
        !need_text(e, "replace's second argument", arg[1]) ||
        !need_int(e, "count", arg[2].kind == J_NONE ? (struct jval){ 0 } : arg[2], -1, &most))
        return false;
    struct slice s = jtext_slice(self.s), old = jtext_slice(arg[0].s);
    struct jbuf out = { 0 };
    size_t from = 0;
    if (!old.len) {             /* between all characters */
        for (; from <= s.len && most != 0 && !out.failed; most--) {
            uint32_t cp;
            int n = from < s.len ? utf8_decode(s.ptr + from, s.ptr + s.len, &cp) : 0;
            jbuf_add_text(&out, arg[1].s, 0, arg[1].s->len);
            if (from == s.len)
                return jbuf_take(e, &out, ret);
            n = n ? n : 1;
            jbuf_add_text(&out, self.s, from, (size_t)n);
            from += (size_t)n;
        }
    }
    for (; old.len && most != 0 && !out.failed; most--) {
        size_t at = slice_find(slice_sub(s, from, s.len), old);
        if (at == SIZE_MAX)
            break;
        jbuf_add_text(&out, self.s, from, at);
        jbuf_add_text(&out, arg[1].s, 0, arg[1].s->len);
        from += at + old.len;
    }
    if (from < s.len)
        jbuf_add_text(&out, self.s, from, s.len - from);
    return jbuf_take(e, &out, ret);
}

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

/* ---- padding and joining --------------------------------------------------------------- */

static bool pad(struct jeval *e, struct jval self, struct jval *arg, int side, struct jval *ret)
{
    int64_t width;
    if (!need_int(e, "width", arg[0], 0, &width))
        return false;
    struct jval fill = arg[1];
    if (fill.kind == J_ABSENT && !j_str(e, SLICE(" "), true, &fill))
        return false;
    if (!need_text(e, "the fill character", fill))
        return false;
    int64_t n = (int64_t)utf8_count(jtext_slice(self.s));
    int64_t room = width > n ? width - n : 0;
    int64_t left = side < 0 ? 0 : side > 0 ? room : room / 2 + (room & width & 1);
    struct jbuf out = { 0 };
    for (int64_t i = 0; i < left && !out.failed; i++)
        jbuf_add_text(&out, fill.s, 0, fill.s->len);
    jbuf_add_text(&out, self.s, 0, self.s->len);
    for (int64_t i = left; i < room && !out.failed; i++)
        jbuf_add_text(&out, fill.s, 0, fill.s->len);
    return jbuf_take(e, &out, ret);
}

static bool m_ljust(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return pad(e, self, arg, -1, ret);
}

static bool m_rjust(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return pad(e, self, arg, 1, ret);
}

static bool m_center(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return pad(e, self, arg, 0, ret);
}

static bool m_zfill(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t width;
    if (!need_int(e, "width", arg[0], 0, &width))
        return false;
    size_t sign = self.s->len && (self.s->ptr[0] == '-' || self.s->ptr[0] == '+');
    struct jbuf out = { 0 };
    jbuf_add_text(&out, self.s, 0, sign);
    for (int64_t n = (int64_t)utf8_count(jtext_slice(self.s)); n < width && !out.failed; n++)
        jbuf_add(&out, "0", 1, false);
    jbuf_add_text(&out, self.s, sign, self.s->len - sign);
    return jbuf_take(e, &out, ret);
}

static bool m_join(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    if (!j_items(e, arg[0], &items))
        return false;
    struct jbuf out = { 0 };
    for (uint32_t i = 0; i < items->n; i++) {
        if (!need_text(e, "a joined item", items->at[i])) {
            jbuf_free(&out);
            return false;
        }
        if (i)
            jbuf_add_text(&out, self.s, 0, self.s->len);
        jbuf_add_text(&out, items->at[i].s, 0, items->at[i].s->len);
    }
    return jbuf_take(e, &out, ret);
}

/* ---- formatting ------------------------------------------------------------------------ */

static bool format_number(struct jeval *e, struct jbuf *out, const char *flags, int precision,
                          char conv, struct jval v)
{
    char spec[48], text[400];
    if (!j_is_number(v))
        return jfail(e, ST_INVALID, "%%%c format: a number is required, not %s", conv, j_type(v));
    if (strchr("dixXo", conv)) {
        snprintf(spec, sizeof spec, "%%%sll%c", flags, conv == 'i' ? 'd' : conv);
        long long i = v.kind == J_FLOAT ? (long long)v.f : v.kind == J_BOOL ? v.b : (long long)v.i;
        snprintf(text, sizeof text, spec, i);
    } else {
        snprintf(spec, sizeof spec, "%%%s.%d%c", flags, precision < 0 ? 6 : precision, conv);
        snprintf(text, sizeof text, spec, j_number(v));
    }
    jbuf_add(out, text, strlen(text), false);
    return true;
}

/* One conversion: flags, width, precision, letter.  *p stands behind the "%". */
static bool format_one(struct jeval *e, struct jbuf *out, const char **p, const char *end,
                       const struct jargs *args, uint32_t *next)
{
    char flags[24];
    size_t n = 0;
    int precision = -1;
    while (*p < end && n < 16 && strchr("-+ #0123456789", **p) && **p)
        flags[n++] = *(*p)++;
    flags[n] = '\0';
    if (n > 4)
        return jfail(e, ST_UNSUPPORTED, "a format with such a width is not supported");
    if (*p < end && **p == '.') {
        precision = 0;
        for ((*p)++; *p < end && **p >= '0' && **p <= '9' && precision < 100; (*p)++)
            precision = precision * 10 + (**p - '0');
    }
    if (*p == end)
        return jfail(e, ST_INVALID, "incomplete format");
    char conv = *(*p)++;
    if (conv == '%') {
        jbuf_add(out, "%", 1, false);
        return true;
    }
    if (!strchr("sdixXofFeEgG", conv) || (conv == 's' && (n || precision >= 0)))
        return jfail(e, ST_UNSUPPORTED, "the format %%%s%c is not supported", flags, conv);
    if (*next >= args->n_pos)
        return jfail(e, ST_INVALID, "not enough arguments for format string");
    struct jval v = args->pos[(*next)++];
    if (conv == 's')
        return j_write(e, out, v);
    return format_number(e, out, flags, precision > 60 ? 60 : precision, conv, v);
}

bool jformat(struct jeval *e, const struct jtext *format, const struct jargs *args,
             struct jval *ret)
{
    struct jbuf out = { 0 };
    const char *end = format->ptr + format->len;
    uint32_t next = 0;
    if (args->n_kw)
        return jfail(e, ST_UNSUPPORTED, "formatting by name is not supported");
    for (const char *p = format->ptr; p < end;) {
        if (*p != '%') {
            jbuf_add_text(&out, format, (size_t)(p - format->ptr), 1);
            p++;
            continue;
        }
        p++;
        if (!format_one(e, &out, &p, end, args, &next)) {
            jbuf_free(&out);
            return false;
        }
    }
    if (next < args->n_pos) {
        jbuf_free(&out);
        return jfail(e, ST_INVALID, "not all arguments converted during string formatting");
    }
    return jbuf_take(e, &out, ret);
}

/* A replacement field "{}", "{0}" or "{name}"; *p stands behind the brace. */
static bool brace_field(struct jeval *e, const char **p, const char *end, const struct jargs *args,
                        uint32_t *next, struct jval *ret)
{
    const char *from = *p;
    while (*p < end && **p != '}')
        (*p)++;
    if (*p == end)
        return jfail(e, ST_INVALID, "expected '}' before end of string");
    struct slice name = { from, (size_t)(*p - from) };
    (*p)++;
    if (memchr(name.ptr, ':', name.len) || memchr(name.ptr, '!', name.len) ||
        memchr(name.ptr, '.', name.len) || memchr(name.ptr, '[', name.len))
        return jfail(e, ST_UNSUPPORTED, "the format field {%.*s} is not supported",
                     (int)(name.len < 40 ? name.len : 40), name.ptr);
    uint32_t i = 0;
    bool number = name.len < 6;
    for (size_t k = 0; k < name.len && number; k++) {
        number = name.ptr[k] >= '0' && name.ptr[k] <= '9';
        i = i * 10 + (uint32_t)(name.ptr[k] - '0');
    }
    if (!name.len)
        i = (*next)++;
    if (number) {
        if (i >= args->n_pos)
            return jfail(e, ST_INVALID, "Replacement index %u out of range", i);
        *ret = args->pos[i];
        return true;
    }
    for (i = 0; i < args->n_kw; i++)
        if (slice_eq(args->kw[i].name, name)) {
            *ret = args->kw[i].val;
            return true;
        }
    return jfail(e, ST_INVALID, "no argument '%.*s' to format", (int)name.len, name.ptr);
}

static bool m_format(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    struct jbuf out = { 0 };
    const struct jtext *t = self.s;
    const char *end = t->ptr + t->len;
    uint32_t next = 0;
    for (const char *p = t->ptr; p < end;) {
        bool brace = *p == '{' || *p == '}';
        bool twice = brace && p + 1 < end && p[1] == *p;
        struct jval v;
        if (!brace || twice) {
            jbuf_add_text(&out, t, (size_t)(p - t->ptr), 1);
            p += twice ? 2 : 1;
            continue;
        }
        bool ok = *p == '{' || jfail(e, ST_INVALID, "Single '}' encountered in format string");
        p++;
        if (!ok || !brace_field(e, &p, end, args, &next, &v) || !j_write(e, &out, v)) {
            jbuf_free(&out);
            return false;
        }
    }
    return jbuf_take(e, &out, ret);
}

/* ---- dicts, lists, loops --------------------------------------------------------------- */

static bool d_items(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++) {
        struct jval pair;
        if (!j_list_new(e, J_TUPLE, &pair) || !j_list_push(e, pair.l, self.d->at[i].key) ||
            !j_list_push(e, pair.l, self.d->at[i].val) || !j_list_push(e, ret->l, pair))
            return false;
    }
    return true;
}

static bool d_keys(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_list_push(e, ret->l, self.d->at[i].key))
            return false;
    return true;
}

static bool d_values(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_list_push(e, ret->l, self.d->at[i].val))
            return false;
    return true;
}

static bool d_get(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jval *found;
    if (!j_dict_get(e, self.d, arg[0], &found))
        return false;
    *ret = found ? *found : arg[1].kind == J_ABSENT ? j_none() : arg[1];
    return true;
}

static bool d_copy(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_dict_new(e, J_DICT, ret))
        return false;
    for (uint32_t i = 0; i < self.d->n; i++)
        if (!j_dict_put(e, ret->d, self.d->at[i].key, self.d->at[i].val))
            return false;
    return true;
}

static bool l_count(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t n = 0;
    for (uint32_t i = 0; i < self.l->n; i++)
        n += j_equal(self.l->at[i], arg[0]);
    *ret = j_int(n);
    return jstep(e, 1 + self.l->n / 8);
}

static bool l_index(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    for (uint32_t i = 0; i < self.l->n; i++)
        if (j_equal(self.l->at[i], arg[0])) {
            *ret = j_int(i);
            return jstep(e, 1 + i / 8);
        }
    return jfail(e, ST_INVALID, "the value is not in the list");
}

static bool l_copy(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < self.l->n; i++)
        if (!j_list_push(e, ret->l, self.l->at[i]))
            return false;
    return true;
}

static bool loop_cycle(struct jeval *e, struct jval self, const struct jargs *args,
                       struct jval *ret)
{
    if (!args->n_pos)
        return jfail(e, ST_INVALID, "no items for cycling given");
    *ret = args->pos[self.loop->index % args->n_pos];
    return true;
}

static bool loop_changed(struct jeval *e, struct jval self, const struct jargs *args,
                         struct jval *ret)
{
    struct jval now;
    if (!j_list_new(e, J_TUPLE, &now))
        return false;
    for (uint32_t i = 0; i < args->n_pos; i++)
        if (!j_list_push(e, now.l, args->pos[i]))
            return false;
    *ret = j_bool(!j_equal(self.loop->changed, now));
    self.loop->changed = now;
    return true;
}

static const struct jfunc text_methods[] = {
    { "capitalize", "", m_capitalize, NULL },
    { "center", "width ?fillchar", m_center, NULL },
    { "count", "sub", m_count, NULL },
    { "endswith", "suffix", m_endswith, NULL },
    { "find", "sub", m_find, NULL },
    { "format", NULL, NULL, m_format },
    { "index", "sub", m_index, NULL },
    { "isalnum", "", m_isalnum, NULL },
    { "isalpha", "", m_isalpha, NULL },
    { "isascii", "", m_isascii, NULL },
    { "isdecimal", "", m_isdecimal, NULL },
    { "isdigit", "", m_isdigit, NULL },
    { "islower", "", m_islower, NULL },
    { "isnumeric", "", m_isnumeric, NULL },
    { "isspace", "", m_isspace, NULL },
    { "isupper", "", m_isupper, NULL },
    { "join", "iterable", m_join, NULL },
    { "ljust", "width ?fillchar", m_ljust, NULL },
    { "lower", "", m_lower, NULL },
    { "lstrip", "?chars", m_lstrip, NULL },
    { "partition", "sep", m_partition, NULL },
    { "removeprefix", "prefix", m_removeprefix, NULL },
    { "removesuffix", "suffix", m_removesuffix, NULL },
    { "replace", "old new ?count", m_replace, NULL },
    { "rfind", "sub", m_rfind, NULL },
    { "rjust", "width ?fillchar", m_rjust, NULL },
    { "rpartition", "sep", m_rpartition, NULL },
    { "rsplit", "?sep ?maxsplit", m_rsplit, NULL },
    { "rstrip", "?chars", m_rstrip, NULL },
    { "split", "?sep ?maxsplit", m_split, NULL },
    { "splitlines", "?keepends", m_splitlines, NULL },
    { "startswith", "prefix", m_startswith, NULL },
    { "strip", "?chars", m_strip, NULL },
    { "swapcase", "", m_swapcase, NULL },
    { "title", "", m_title, NULL },
    { "upper", "", m_upper, NULL },
    { "zfill", "width", m_zfill, NULL },
};

static const struct jfunc dict_methods[] = {
    { "copy", "", d_copy, NULL },
    { "get", "key ?default", d_get, NULL },
    { "items", "", d_items, NULL },
    { "keys", "", d_keys, NULL },
    { "values", "", d_values, NULL },
};

static const struct jfunc list_methods[] = {
    { "copy", "", l_copy, NULL },
    { "count", "value", l_count, NULL },
    { "index", "value", l_index, NULL },
};

static const struct jfunc loop_methods[] = {
    { "changed", NULL, NULL, loop_changed },
    { "cycle", NULL, NULL, loop_cycle },
};

/* Methods that would change their receiver. */
static const char *const unsafe_dict[] = { "clear", "pop", "popitem", "setdefault", "update" };
static const char *const unsafe_list[] = { "append", "clear", "extend", "insert", "pop", "remove",
                                           "reverse", "sort" };

static bool is_one_of(struct slice name, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, names[i]))
            return true;
    return false;
}

static const struct jfunc *find_func(const struct jfunc *rows, size_t n, struct slice name)
{
    for (size_t i = 0; i < n; i++)
        if (slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

#define COUNT(rows) (sizeof(rows) / sizeof *(rows))

const struct jfunc *jmethod_find(enum jkind kind, struct slice name, bool *ret_unsafe)
{
    *ret_unsafe = false;
    switch (kind) {
    case J_STR:
        return find_func(text_methods, COUNT(text_methods), name);
    case J_DICT:
        *ret_unsafe = is_one_of(name, unsafe_dict, COUNT(unsafe_dict));
        return find_func(dict_methods, COUNT(dict_methods), name);
    case J_LIST:
        *ret_unsafe = is_one_of(name, unsafe_list, COUNT(unsafe_list));
        return find_func(list_methods, COUNT(list_methods), name);
    case J_TUPLE:
        return slice_is(name, "copy") ? NULL : find_func(list_methods, COUNT(list_methods), name);
    case J_LOOP:
        return find_func(loop_methods, COUNT(loop_methods), name);
    default:
        return NULL;
    }
}
