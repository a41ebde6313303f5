/* jinja_string.c - methods of text that trim, split, search, replace and pad.
 *
 * Each works on the text with its runs, so that what a message brought in stays told apart from
 * what the template wrote, however it is cut. */
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/chat/jinja.h"

bool jneed_text(struct jeval *e, const char *what, struct jval v)
{
    if (v.kind == J_STR)
        return true;
    if (v.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", v.undef);
    return jfail(e, ST_INVALID, "%s must be a string, not %s", what, j_type(v));
}

bool jneed_int(struct jeval *e, const char *what, struct jval v, int64_t otherwise,
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
        if (!jneed_text(e, "strip's argument", chars))
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

static bool push_sub(struct jeval *e, struct jlist *l, const struct jtext *t, size_t from,
                     size_t to)
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
    int64_t most = -1;
    if (!jneed_int(e, "maxsplit", arg[1], -1, &most) || !j_list_new(e, J_LIST, ret))
        return false;
    if (arg[0].kind == J_ABSENT || arg[0].kind == J_NONE)
        return split_blanks(e, self.s, most, ret->l);
    if (!jneed_text(e, "the separator", arg[0]))
        return false;
    if (!arg[0].s->len)
        return jfail(e, ST_INVALID, "empty separator");
    return split_on(e, self.s, jtext_slice(arg[0].s), most, ret->l);
}

static bool m_rsplit(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t most = -1;
    if (!jneed_int(e, "maxsplit", arg[1], -1, &most))
        return false;
    if (most < 0)
        return m_split(e, self, arg, ret);
    if (arg[0].kind == J_ABSENT || arg[0].kind == J_NONE)
        return jfail(e, ST_UNSUPPORTED, "rsplit by blanks with a limit is not supported");
    if (!jneed_text(e, "the separator", arg[0]) || !j_list_new(e, J_LIST, ret))
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
    if (!jneed_text(e, "the separator", sep) || !j_list_new(e, J_TUPLE, ret))
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
            if (!jneed_text(e, "the text to look for", one))
                return false;
            *ret = end ? slice_ends(jtext_slice(self.s), jtext_slice(one.s))
                       : slice_starts(jtext_slice(self.s), jtext_slice(one.s));
        }
        return true;
    }
    if (!jneed_text(e, "the text to look for", what))
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
    if (!jneed_text(e, "the prefix", arg[0]))
        return false;
    size_t cut = slice_starts(jtext_slice(self.s), jtext_slice(arg[0].s)) ? arg[0].s->len : 0;
    return jtext_sub(e, self.s, cut, self.s->len - cut, ret);
}

static bool m_removesuffix(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (!jneed_text(e, "the suffix", arg[0]))
        return false;
    size_t cut = slice_ends(jtext_slice(self.s), jtext_slice(arg[0].s)) ? arg[0].s->len : 0;
    return jtext_sub(e, self.s, 0, self.s->len - cut, ret);
}

static bool find_in(struct jeval *e, struct jval self, struct jval what, bool last, int64_t *ret)
{
    if (!jneed_text(e, "the text to look for", what))
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
    if (!jneed_text(e, "the text to count", arg[0]))
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
    int64_t most = -1;
    if (!jneed_text(e, "replace's first argument", arg[0]) ||
        !jneed_text(e, "replace's second argument", arg[1]) ||
        !jneed_int(e, "count", arg[2].kind == J_NONE ? (struct jval){ 0 } : arg[2], -1, &most))
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

/* ---- padding and joining --------------------------------------------------------------- */

static bool pad(struct jeval *e, struct jval self, struct jval *arg, int side, struct jval *ret)
{
    int64_t width = 0;
    if (!jneed_int(e, "width", arg[0], 0, &width))
        return false;
    struct jval fill = arg[1];
    if (fill.kind == J_ABSENT && !j_str(e, SLICE(" "), true, &fill))
        return false;
    if (!jneed_text(e, "the fill character", fill))
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
    int64_t width = 0;
    if (!jneed_int(e, "width", arg[0], 0, &width))
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
        if (!jneed_text(e, "a joined item", items->at[i])) {
            jbuf_free(&out);
            return false;
        }
        if (i)
            jbuf_add_text(&out, self.s, 0, self.s->len);
        jbuf_add_text(&out, items->at[i].s, 0, items->at[i].s->len);
    }
    return jbuf_take(e, &out, ret);
}

const struct jfunc jtext_methods[] = {
    { "center", "width ?fillchar", m_center, NULL },
    { "count", "sub", m_count, NULL },
    { "endswith", "suffix", m_endswith, NULL },
    { "find", "sub", m_find, NULL },
    { "index", "sub", m_index, NULL },
    { "join", "iterable", m_join, NULL },
    { "ljust", "width ?fillchar", m_ljust, NULL },
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
    { "zfill", "width", m_zfill, NULL },
};
const size_t n_jtext_methods = sizeof jtext_methods / sizeof *jtext_methods;
