/* jinja_filter.c - the filters ("value|name(arguments)").
 *
 * Filters that give a generator in the reference give a list here; nothing a template can see
 * tells the two apart, except that a list may be walked twice. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "runtime/chat/jinja.h"

static struct jval text_value(const struct jtext *t)
{
    return (struct jval){ .kind = J_STR, .s = t };
}

/* Calls the method of the same name on str(self). */
static bool by_method(struct jeval *e, const char *name, struct jval self, struct jval *arg,
                      struct jval *ret)
{
    const struct jtext *t;
    bool unsafe;
    const struct jfunc *f = jmethod_find(J_STR, slice_of(name), &unsafe);
    return j_text(e, self, &t) && f->fn(e, text_value(t), arg, ret);
}

static bool int_arg(struct jeval *e, struct jval v, int64_t otherwise, int64_t *ret)
{
    if (v.kind == J_ABSENT || v.kind == J_INT || v.kind == J_BOOL) {
        *ret = v.kind == J_ABSENT ? otherwise : v.kind == J_BOOL ? (int64_t)v.b : v.i;
        return true;
    }
    return jfail(e, ST_INVALID, "a whole number is needed, not %s", j_type(v));
}

bool jflag(struct jval v)
{
    return v.kind != J_ABSENT && j_truth(v);
}

/* An item, or what "a.b.0" leads to from it.  `otherwise` stands in for what is undefined. */
bool jget_path(struct jeval *e, struct jval item, struct jval path, struct jval otherwise,
                     struct jval *ret)
{
    *ret = item;
    if (path.kind == J_ABSENT || path.kind == J_NONE)
        return true;
    if (path.kind != J_STR)
        return jget_item(e, item, path, ret);
    struct slice rest = jtext_slice(path.s);
    for (bool more = true; more;) {
        size_t dot = slice_find(rest, SLICE("."));
        struct slice part = slice_sub(rest, 0, dot == SIZE_MAX ? rest.len : dot);
        more = dot != SIZE_MAX;
        rest = slice_sub(rest, part.len + 1, rest.len);
        struct jval key, of = *ret;
        int64_t i = 0;
        bool digits = part.len > 0 && part.len < 10;
        for (size_t k = 0; k < part.len && digits; k++) {
            digits = part.ptr[k] >= '0' && part.ptr[k] <= '9';
            i = i * 10 + (part.ptr[k] - '0');
        }
        if (digits)
            key = j_int(i);
        else if (!j_str(e, part, true, &key))
            return false;
        if (!jget_item(e, of, key, ret))
            return false;
        if (ret->kind == J_UNDEF && otherwise.kind != J_ABSENT)
            *ret = otherwise;
    }
    return true;
}

/* ---- text ------------------------------------------------------------------------------ */

static bool f_upper(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return by_method(e, "upper", self, arg, ret);
}

static bool f_lower(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return by_method(e, "lower", self, arg, ret);
}

static bool f_capitalize(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return by_method(e, "capitalize", self, arg, ret);
}

static bool f_trim(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    return by_method(e, "strip", self, arg, ret);
}

static bool f_center(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jval a[2] = { arg[0].kind == J_ABSENT ? j_int(80) : arg[0], { 0 } };
    return by_method(e, "center", self, a, ret);
}

static bool f_replace(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jval a[3] = { arg[0], arg[1], arg[2] };
    for (int i = 0; i < 2; i++) {
        const struct jtext *t;
        if (!j_text(e, arg[i], &t))
            return false;
        a[i] = text_value(t);
    }
    return by_method(e, "replace", self, a, ret);
}

/* A word begins behind a blank, "-", or an opening bracket. */
static bool f_title(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    const struct jtext *t;
    if (!j_text(e, self, &t))
        return false;
    struct jbuf out = { 0 };
    const char *end = t->ptr + t->len;
    bool begins = true;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0;
        char utf8[4];
        int n = utf8_decode(p, end, &cp);
        n = n ? n : 1;
        uint32_t to = begins ? utf8_upper(cp) : utf8_lower(cp);
        int len = utf8_encode(to, utf8);
        jbuf_add(&out, utf8, (size_t)len, jtext_markup_at(t, (uint32_t)(p - t->ptr)));
        begins = jinja_blank(p, end) || (cp < 0x80 && cp && strchr("-({[<", (int)cp));
        p += n;
    }
    return jbuf_take(e, &out, ret);
}

static bool f_string(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    const struct jtext *t;
    if (!j_text(e, self, &t))
        return false;
    *ret = text_value(t);
    return true;
}

static bool f_safe(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)e;
    (void)arg;
    *ret = self;
    return true;
}

static bool f_escape(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    const struct jtext *t;
    if (!j_text(e, self, &t))
        return false;
    struct jbuf out = { 0 };
    for (uint32_t i = 0; i < t->len; i++) {
        char c = t->ptr[i];
        const char *as = c == '&' ? "&amp;" : c == '<' ? "&lt;" : c == '>' ? "&gt;"
                       : c == '"' ? "&#34;" : c == '\'' ? "&#39;" : NULL;
        if (as)
            jbuf_add(&out, as, strlen(as), jtext_markup_at(t, i));
        else
            jbuf_add_text(&out, t, i, 1);
    }
    return jbuf_take(e, &out, ret);
}

static bool f_format(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    const struct jtext *t;
    return j_text(e, self, &t) && jformat(e, t, args, ret);
}

static bool f_indent(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    const struct jtext *t;
    struct jval lines, no[1] = { { 0 } };
    int64_t width = 4;
    if (!j_text(e, self, &t) || (arg[0].kind != J_STR && !int_arg(e, arg[0], 4, &width)))
        return false;
    if (width > 1000)
        return jfail(e, ST_LIMIT, "an indent of %lld", (long long)width);
    struct str blanks = { 0 };
    for (int64_t i = 0; i < width; i++)
        str_addc(&blanks, ' ');
    struct jval by = arg[0];
    bool ok = by.kind == J_STR || j_str(e, str_slice(&blanks), true, &by);
    str_free(&blanks);
    /* One line end more, as the reference does it: the text's own last one is then kept. */
    struct jbuf with = { 0 };
    struct jval whole;
    jbuf_add_text(&with, t, 0, t->len);
    jbuf_add(&with, "\n", 1, true);
    bool unsafe;
    const struct jfunc *split = jmethod_find(J_STR, SLICE("splitlines"), &unsafe);
    if (!jbuf_take(e, &with, &whole) || !ok || !split->fn(e, whole, no, &lines))
        return false;
    struct jbuf out = { 0 };
    for (uint32_t i = 0; i < lines.l->n; i++) {
        const struct jtext *line = lines.l->at[i].s;
        if (i)
            jbuf_add(&out, "\n", 1, true);
        if (i == 0 ? jflag(arg[1]) : line->len || jflag(arg[2]))
            jbuf_add_text(&out, by.s, 0, by.s->len);
        jbuf_add_text(&out, line, 0, line->len);
    }
    return jbuf_take(e, &out, ret);
}

static bool f_truncate(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    const struct jtext *t;
    int64_t length, leeway;
    struct jval end = arg[2], cut;
    if (!j_text(e, self, &t) || !int_arg(e, arg[0], 255, &length) ||
        !int_arg(e, arg[3], 5, &leeway) ||
        (end.kind != J_STR && !j_str(e, SLICE("..."), true, &end)))
        return false;
    int64_t n = (int64_t)utf8_count(jtext_slice(t)),
            n_end = (int64_t)utf8_count(jtext_slice(end.s));
    if (length < n_end || leeway < 0)
        return jfail(e, ST_INVALID, "truncate needs a length of at least %lld", (long long)n_end);
    if (n <= length + leeway) {
        *ret = text_value(t);
        return true;
    }
    size_t keep = utf8_offset(jtext_slice(t), (size_t)(length - n_end));
    if (!jflag(arg[1]))
        for (size_t i = keep; i-- > 0;)
            if (t->ptr[i] == ' ') {
                keep = i;
                break;
            }
    return jtext_sub(e, t, 0, keep, &cut) && jbinary(e, J_ADD, cut, end, ret);
}

static bool f_wordcount(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    const struct jtext *t;
    if (!j_text(e, self, &t))
        return false;
    int64_t n = 0;
    bool inside = false;
    const char *end = t->ptr + t->len;
    for (const char *p = t->ptr; p < end;) {
        uint32_t cp = 0;
        int len = utf8_decode(p, end, &cp);
        const char *cat = utf8_category_name(cp);
        bool word = cat[0] == 'L' || cat[0] == 'N' || cp == '_';
        n += word && !inside;
        inside = word;
        p += len ? len : 1;
    }
    *ret = j_int(n);
    return true;
}

static bool f_urlencode(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    const struct jtext *t;
    if (self.kind != J_STR)
        return jfail(e, ST_UNSUPPORTED, "urlencode of a %s is not supported", j_type(self));
    t = self.s;
    struct jbuf out = { 0 };
    for (uint32_t i = 0; i < t->len; i++) {
        uint8_t c = (uint8_t)t->ptr[i];
        char text[4];
        bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                     (c && strchr("_.-~/", c));
        snprintf(text, sizeof text, plain ? "%c" : "%%%02X", c);
        jbuf_add(&out, text, strlen(text), jtext_markup_at(t, i));
    }
    return jbuf_take(e, &out, ret);
}

static bool f_tojson(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    /* ensure_ascii indent separators sort_keys */
    struct str blanks = { 0 };
    const char *indent = NULL;
    struct slice item = SLICE(", "), key = SLICE(": ");
    if (arg[1].kind == J_INT || arg[1].kind == J_BOOL) {
        int64_t n = arg[1].kind == J_INT ? arg[1].i : arg[1].b;
        for (int64_t i = 0; i < n && i < 100; i++)
            str_addc(&blanks, ' ');
        indent = blanks.ptr ? blanks.ptr : "";
        item = SLICE(",");
    } else if (arg[1].kind == J_STR) {
        indent = arena_strdup(e->arena, jtext_slice(arg[1].s));
        item = SLICE(",");
    }
    bool ok = true;
    if (arg[2].kind == J_TUPLE || arg[2].kind == J_LIST) {
        const struct jlist *l = arg[2].l;
        ok = (l->n == 2 && l->at[0].kind == J_STR && l->at[1].kind == J_STR) ||
             jfail(e, ST_INVALID, "separators are two strings");
        item = ok ? jtext_slice(l->at[0].s) : item;
        key = ok ? jtext_slice(l->at[1].s) : key;
    }
    struct jbuf out = { 0 };
    ok = ok && j_write_json(e, &out, self, indent, item, key, jflag(arg[3]), jflag(arg[0]));
    str_free(&blanks);
    if (!ok) {
        jbuf_free(&out);
        return false;
    }
    return jbuf_take(e, &out, ret);
}

/* ---- numbers --------------------------------------------------------------------------- */

/* A whole number as int() reads it from text. */
static bool read_int(struct slice s, int64_t base, int64_t *ret)
{
    s = slice_trim(s);
    bool minus = s.len && s.ptr[0] == '-';
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+'))
        s = slice_sub(s, 1, s.len);
    if (s.len > 2 && s.ptr[0] == '0' && (base == 16 || base == 8 || base == 2)) {
        char c = (char)(s.ptr[1] | 0x20);
        if ((base == 16 && c == 'x') || (base == 8 && c == 'o') || (base == 2 && c == 'b'))
            s = slice_sub(s, 2, s.len);
    }
    if (!s.len || s.ptr[0] == '_' || s.ptr[s.len - 1] == '_')
        return false;
    int64_t x = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '_' && s.ptr[i - 1] != '_')
            continue;
        int64_t d = c >= '0' && c <= '9' ? c - '0'
                  : (c | 0x20) >= 'a' && (c | 0x20) <= 'z' ? (c | 0x20) - 'a' + 10 : 99;
        if (d >= base || __builtin_mul_overflow(x, base, &x) || __builtin_add_overflow(x, d, &x))
            return false;
    }
    *ret = minus ? -x : x;
    return true;
}

static bool read_float(struct slice s, double *ret)
{
    char text[128];
    size_t n = 0;
    s = slice_trim(s);
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '_')
            continue;
        if (n + 1 == sizeof text || c == 'x' || c == 'X' || c == '(')
            return false;
        text[n++] = c;
    }
    text[n] = '\0';
    char *end;
    *ret = strtod(text, &end);
    return n > 0 && *end == '\0';
}

static bool whole_of(double f, int64_t *ret)
{
    if (!(f > -9.2e18 && f < 9.2e18))
        return false;
    *ret = (int64_t)f;
    return true;
}

static bool f_int(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t base, i;
    double f;
    if (self.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", self.undef);
    if (!int_arg(e, arg[1], 10, &base))
        return false;
    if (base < 2 || base > 36)
        return jfail(e, ST_INVALID, "int() base must be >= 2 and <= 36");
    *ret = arg[0].kind == J_ABSENT ? j_int(0) : arg[0];
    if (self.kind == J_STR) {
        struct slice s = jtext_slice(self.s);
        if (read_int(s, base, &i) || (read_float(s, &f) && whole_of(f, &i)))
            *ret = j_int(i);
    } else if (self.kind == J_FLOAT) {
        if (whole_of(self.f, &i))
            *ret = j_int(i);
    } else if (j_is_number(self)) {
        *ret = j_int(self.kind == J_BOOL ? (int64_t)self.b : self.i);
    }
    return true;
}

static bool f_float(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    double f;
    if (self.kind == J_UNDEF)
        return jfail(e, ST_INVALID, "%s", self.undef);
    *ret = arg[0].kind == J_ABSENT ? j_float(0) : arg[0];
    if (j_is_number(self))
        *ret = j_float(j_number(self));
    else if (self.kind == J_STR && read_float(jtext_slice(self.s), &f))
        *ret = j_float(f);
    return true;
}

static bool f_abs(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    if (!j_is_number(self))
        return jfail(e, ST_INVALID, "bad operand type for abs(): '%s'", j_type(self));
    if (self.kind == J_FLOAT)
        *ret = j_float(fabs(self.f));
    else if (self.kind == J_INT && self.i < 0)
        return jnegate(e, self, ret);
    else
        *ret = self.kind == J_BOOL ? j_int(self.b) : self;
    return true;
}

static bool f_round(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    int64_t precision;
    if (!j_is_number(self))
        return jfail(e, ST_INVALID, "round needs a number, not %s", j_type(self));
    if (!int_arg(e, arg[0], 0, &precision))
        return false;
    bool up = arg[1].kind == J_STR && slice_is(jtext_slice(arg[1].s), "ceil");
    bool down = arg[1].kind == J_STR && slice_is(jtext_slice(arg[1].s), "floor");
    if (arg[1].kind == J_STR && !up && !down && !slice_is(jtext_slice(arg[1].s), "common"))
        return jfail(e, ST_INVALID, "method must be common, ceil or floor");
    if (up || down) {
        double scale = pow(10, (double)precision), x = j_number(self) * scale;
        *ret = j_float((up ? ceil(x) : floor(x)) / scale);
        return true;
    }
    if (self.kind != J_FLOAT && precision >= 0) {
        *ret = j_int(self.kind == J_BOOL ? (int64_t)self.b : self.i);
        return true;
    }
    if (precision < 0) {
        double scale = pow(10, (double)-precision);
        double x = rint(j_number(self) / scale) * scale;
        *ret = self.kind == J_FLOAT ? j_float(x) : j_int((int64_t)x);
        return true;
    }
    char text[400];
    snprintf(text, sizeof text, "%.*f", (int)(precision < 40 ? precision : 40), self.f);
    *ret = j_float(strtod(text, NULL));
    return true;
}

/* ---- sequences ------------------------------------------------------------------------- */

static bool f_length(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    int64_t n;
    if (!j_length(e, self, &n))
        return false;
    *ret = j_int(n);
    return true;
}

static bool f_default(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    bool use = self.kind == J_UNDEF || (jflag(arg[1]) && !j_truth(self));
    *ret = self;
    if (use && arg[0].kind == J_ABSENT)
        return j_str(e, SLICE(""), true, ret);
    if (use)
        *ret = arg[0];
    return true;
}

static bool end_item(struct jeval *e, struct jval self, bool last, struct jval *ret)
{
    struct jlist *items;
    if (!j_items(e, self, &items))
        return false;
    *ret = items->n ? items->at[last ? items->n - 1 : 0]
                    : j_undef(last ? "No last item, sequence was empty."
                                   : "No first item, sequence was empty.");
    return true;
}

static bool f_first(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return end_item(e, self, false, ret);
}

static bool f_last(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    return end_item(e, self, true, ret);
}

static bool f_list(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    struct jlist *items;
    if (!j_items(e, self, &items) || !j_list_new(e, J_LIST, ret))
        return false;
    for (uint32_t i = 0; i < items->n; i++)
        if (!j_list_push(e, ret->l, items->at[i]))
            return false;
    return true;
}

static bool f_items(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    bool unsafe;
    if (self.kind == J_UNDEF)
        return j_list_new(e, J_LIST, ret);
    if (self.kind != J_DICT)
        return jfail(e, ST_INVALID, "Can only get item pairs from a mapping.");
    return jmethod_find(J_DICT, SLICE("items"), &unsafe)->fn(e, self, arg, ret);
}

static bool f_join(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    if (!j_items(e, self, &items))
        return false;
    struct jbuf out = { 0 };
    for (uint32_t i = 0; i < items->n; i++) {
        struct jval v;
        if ((i && arg[0].kind != J_ABSENT && !j_write(e, &out, arg[0])) ||
            !jget_path(e, items->at[i], arg[1], (struct jval){ 0 }, &v) || !j_write(e, &out, v)) {
            jbuf_free(&out);
            return false;
        }
    }
    return jbuf_take(e, &out, ret);
}

static bool f_reverse(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    (void)arg;
    struct jval range[3] = { j_none(), j_none(), j_int(-1) };
    struct jlist *items;
    if (self.kind == J_STR)
        return jget_slice(e, self, range, ret);
    if (!j_items(e, self, &items))
        return false;
    struct jval list = { .kind = J_LIST, .l = items };
    return jget_slice(e, list, range, ret);
}

static bool f_attr(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    if (arg[0].kind != J_STR)
        return jfail(e, ST_INVALID, "attr needs the name of an attribute");
    /* An attribute only: a key of a dict is none. */
    struct jval of = self;
    struct jdict empty = { 0 };
    if (of.kind == J_DICT)
        of.d = &empty;
    return jget_attr(e, of, jtext_slice(arg[0].s), ret);
}

static bool f_sum(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    if (!j_items(e, self, &items))
        return false;
    *ret = arg[1].kind == J_ABSENT ? j_int(0) : arg[1];
    for (uint32_t i = 0; i < items->n; i++) {
        struct jval v, so_far = *ret;
        if (!jget_path(e, items->at[i], arg[0], (struct jval){ 0 }, &v) ||
            !jbinary(e, J_ADD, so_far, v, ret))
            return false;
    }
    return true;
}

static bool f_batch(struct jeval *e, struct jval self, struct jval *arg, struct jval *ret)
{
    struct jlist *items;
    int64_t n;
    struct jval row = { 0 };
    if (!j_items(e, self, &items) || !int_arg(e, arg[0], 1, &n) || !j_list_new(e, J_LIST, ret))
        return false;
    if (n < 1)
        return jfail(e, ST_INVALID, "batch needs a count of at least 1");
    for (uint32_t i = 0; i < items->n; i++) {
        if (i % n == 0 && (!j_list_new(e, J_LIST, &row) || !j_list_push(e, ret->l, row)))
            return false;
        if (!j_list_push(e, row.l, items->at[i]))
            return false;
    }
    bool fill = arg[1].kind != J_ABSENT && arg[1].kind != J_NONE && row.kind == J_LIST;
    while (fill && row.l->n < n)
        if (!j_list_push(e, row.l, arg[1]))
            return false;
    return true;
}

/* ---- filters over filters and tests ---------------------------------------------------- */

static struct jval keyword(const struct jargs *args, const char *name)
{
    for (uint32_t i = 0; i < args->n_kw; i++)
        if (slice_is(args->kw[i].name, name))
            return args->kw[i].val;
    return (struct jval){ 0 };
}

static bool f_map(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    struct jlist *items;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    if (!j_truth(self))
        return true;
    if (!j_items(e, self, &items))
        return false;
    struct jval path = keyword(args, "attribute"), otherwise = keyword(args, "default");
    bool by_path = args->n_pos == 0 && path.kind != J_ABSENT;
    if (!by_path && (args->n_pos == 0 || args->pos[0].kind != J_STR))
        return jfail(e, ST_INVALID, "map requires a filter argument");
    struct jargs rest = { args->pos + 1, args->kw, args->n_pos ? args->n_pos - 1 : 0, args->n_kw };
    for (uint32_t i = 0; i < items->n; i++) {
        struct jval v;
        bool ok = by_path ? jget_path(e, items->at[i], path, otherwise, &v)
                          : jfilter_call(e, jtext_slice(args->pos[0].s), items->at[i], &rest, &v);
        if (!ok || !j_list_push(e, ret->l, v))
            return false;
    }
    return true;
}

static bool choose(struct jeval *e, struct jval self, const struct jargs *args, bool by_path,
                   bool keep, struct jval *ret)
{
    struct jlist *items;
    uint32_t off = by_path ? 1 : 0;
    if (!j_list_new(e, J_LIST, ret))
        return false;
    if (!j_truth(self))
        return true;
    if (by_path && args->n_pos == 0)
        return jfail(e, ST_INVALID, "Missing parameter for attribute name");
    if (!j_items(e, self, &items))
        return false;
    bool has_test = args->n_pos > off;
    if (has_test && args->pos[off].kind != J_STR)
        return jfail(e, ST_INVALID, "the name of a test must be a string");
    struct jargs rest = { args->pos + off + 1, args->kw, has_test ? args->n_pos - off - 1 : 0,
                          args->n_kw };
    for (uint32_t i = 0; i < items->n; i++) {
        struct jval v = items->at[i];
        if (by_path && !jget_path(e, items->at[i], args->pos[0], (struct jval){ 0 }, &v))
            return false;
        bool holds = j_truth(v);
        if (has_test && !jtest_call(e, jtext_slice(args->pos[off].s), v, &rest, &holds))
            return false;
        if (holds == keep && !j_list_push(e, ret->l, items->at[i]))
            return false;
    }
    return true;
}

static bool f_select(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    return choose(e, self, args, false, true, ret);
}

static bool f_reject(struct jeval *e, struct jval self, const struct jargs *args, struct jval *ret)
{
    return choose(e, self, args, false, false, ret);
}

static bool f_selectattr(struct jeval *e, struct jval self, const struct jargs *args,
                         struct jval *ret)
{
    return choose(e, self, args, true, true, ret);
}

static bool f_rejectattr(struct jeval *e, struct jval self, const struct jargs *args,
                         struct jval *ret)
{
    return choose(e, self, args, true, false, ret);
}

static const struct jfunc filters[] = {
    { "abs", "", f_abs, NULL },
    { "attr", "name", f_attr, NULL },
    { "batch", "linecount ?fill_with", f_batch, NULL },
    { "capitalize", "", f_capitalize, NULL },
    { "center", "?width", f_center, NULL },
    { "count", "", f_length, NULL },
    { "d", "?default_value ?boolean", f_default, NULL },
    { "default", "?default_value ?boolean", f_default, NULL },
    { "e", "", f_escape, NULL },
    { "escape", "", f_escape, NULL },
    { "first", "", f_first, NULL },
    { "float", "?default", f_float, NULL },
    { "forceescape", "", f_escape, NULL },
    { "format", NULL, NULL, f_format },
    { "indent", "?width ?first ?blank", f_indent, NULL },
    { "int", "?default ?base", f_int, NULL },
    { "items", "", f_items, NULL },
    { "join", "?d ?attribute", f_join, NULL },
    { "last", "", f_last, NULL },
    { "length", "", f_length, NULL },
    { "list", "", f_list, NULL },
    { "lower", "", f_lower, NULL },
    { "map", NULL, NULL, f_map },
    { "reject", NULL, NULL, f_reject },
    { "rejectattr", NULL, NULL, f_rejectattr },
    { "replace", "old new ?count", f_replace, NULL },
    { "reverse", "", f_reverse, NULL },
    { "round", "?precision ?method", f_round, NULL },
    { "safe", "", f_safe, NULL },
    { "select", NULL, NULL, f_select },
    { "selectattr", NULL, NULL, f_selectattr },
    { "string", "", f_string, NULL },
    { "sum", "?attribute ?start", f_sum, NULL },
    { "title", "", f_title, NULL },
    { "tojson", "?ensure_ascii ?indent ?separators ?sort_keys", f_tojson, NULL },
    { "trim", "?chars", f_trim, NULL },
    { "truncate", "?length ?killwords ?end ?leeway", f_truncate, NULL },
    { "upper", "", f_upper, NULL },
    { "urlencode", "", f_urlencode, NULL },
    { "wordcount", "", f_wordcount, NULL },
};

const struct jfunc *jfilter_find(struct slice name)
{
    const struct jfunc *f = jfunc_find(filters, sizeof filters / sizeof *filters, name);
    return f ? f : jfunc_find(jsort_filters, n_jsort_filters, name);
}

bool jfilter_call(struct jeval *e, struct slice name, struct jval self, const struct jargs *args,
                  struct jval *ret)
{
    const struct jfunc *f = jfilter_find(name);
    if (!f)
        return jfail(e, ST_UNSUPPORTED, "the filter '%.*s' is not supported",
                     (int)(name.len < 60 ? name.len : 60), name.ptr);
    return jcall_func(e, f, self, args, ret);
}
