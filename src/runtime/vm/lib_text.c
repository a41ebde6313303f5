/* lib_text.c - natives over texts.  Lengths and places count code points; case is simple case
 * mapping; white space is Unicode's White_Space. */
#include "runtime/vm/vm_int.h"

#include <string.h>

#include "base/utf8.h"

static enum step give(struct task *t, struct str *text, struct value *ret)
{
    enum status st = text->failed ? ST_NOMEM : value_str(str_slice(text), ret);
    str_free(text);
    return step_of(t, st);
}

static enum step map_case(struct task *t, struct slice s, uint32_t (*fn)(uint32_t),
                          struct value *ret)
{
    struct str out = { 0 };
    const char *p = s.ptr, *end = s.ptr + s.len;
    str_reserve(&out, s.len + 1);
    while (p < end) {
        uint32_t cp;
        int n = utf8_decode(p, end, &cp);
        if (n <= 0)
            break;
        str_add_cp(&out, fn(cp));
        p += n;
    }
    return give(t, &out, ret);
}

static struct slice trim(struct slice s, bool start, bool end)
{
    uint32_t cp;
    while (start && s.len) {
        int n = utf8_decode(s.ptr, s.ptr + s.len, &cp);
        if (n <= 0 || !utf8_is_space(cp))
            break;
        s = slice_sub(s, (size_t)n, s.len);
    }
    while (end && s.len) {
        size_t at = s.len - 1;
        while (at && ((unsigned char)s.ptr[at] & 0xc0) == 0x80)
            at--;
        if (utf8_decode(s.ptr + at, s.ptr + s.len, &cp) <= 0 || !utf8_is_space(cp))
            break;
        s.len = at;
    }
    return s;
}

static enum status push(struct value *list, struct slice part)
{
    struct value v;
    enum status st = value_str(part, &v);
    return st == ST_OK ? value_list_push_take(list, v) : st;
}

static enum status split_chars(struct slice s, struct value *list)
{
    enum status st = ST_OK;
    for (size_t at = 0; at < s.len && st == ST_OK;) {
        uint32_t cp;
        int n = utf8_decode(s.ptr + at, s.ptr + s.len, &cp);
        if (n <= 0)
            break;
        st = push(list, slice_sub(s, at, (size_t)n));
        at += (size_t)n;
    }
    return st;
}

static enum status split_by(struct slice s, struct slice sep, struct value *list)
{
    if (!sep.len)
        return split_chars(s, list);
    enum status st = ST_OK;
    for (;;) {
        size_t at = slice_find(s, sep);
        if (at == SIZE_MAX)
            return push(list, s);
        st = push(list, slice_sub(s, 0, at));
        if (st != ST_OK)
            return st;
        s = slice_sub(s, at + sep.len, s.len);
    }
}

static enum status split_lines(struct slice s, struct value *list)
{
    enum status st = ST_OK;
    while (s.len && st == ST_OK) {
        size_t at = slice_find(s, SLICE("\n"));
        struct slice line = at == SIZE_MAX ? s : slice_sub(s, 0, at);
        line.len -= slice_ends(line, SLICE("\r"));
        st = push(list, line);
        if (at == SIZE_MAX)
            break;
        s = slice_sub(s, at + 1, s.len);
    }
    return st;
}

static enum status split_words(struct slice s, struct value *list)
{
    size_t from = 0, at = 0;
    enum status st = ST_OK;
    while (at <= s.len && st == ST_OK) {
        uint32_t cp = ' ';
        int n = at < s.len ? utf8_decode(s.ptr + at, s.ptr + s.len, &cp) : 1;
        if (n <= 0)
            n = 1;
        if (at == s.len || utf8_is_space(cp)) {
            if (at > from)
                st = push(list, slice_sub(s, from, at - from));
            from = at + (size_t)n;
        }
        at += (size_t)n;
    }
    return st;
}

static enum step splitter(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    struct slice s = value_text(arg[0]);
    enum status st = value_list(0, ret);
    if (st != ST_OK)
        return task_fail_status(t, st);
    if (id == NATIVE_STR_SPLIT)
        st = split_by(s, value_text(arg[1]), ret);
    else if (id == NATIVE_STR_LINES)
        st = split_lines(s, ret);
    else if (id == NATIVE_STR_WORDS)
        st = split_words(s, ret);
    else
        st = split_chars(s, ret);
    if (st != ST_OK)
        value_unref(*ret);
    return step_of(t, st);
}

static enum step replace(struct task *t, struct value *arg, struct value *ret)
{
    struct slice s = value_text(arg[0]), from = value_text(arg[1]), to = value_text(arg[2]);
    struct str out = { 0 };
    for (;;) {
        size_t at = from.len ? slice_find(s, from) : SIZE_MAX;
        if (at == SIZE_MAX || out.len > VALUE_MAX_TEXT)
            break;
        str_add_slice(&out, slice_sub(s, 0, at));
        str_add_slice(&out, to);
        s = slice_sub(s, at + from.len, s.len);
    }
    str_add_slice(&out, s);
    return give(t, &out, ret);
}

static enum step pad(struct task *t, struct value *arg, struct value *ret)
{
    struct str out = { 0 };
    int64_t have = (int64_t)value_str_count(arg[0]), n = arg[1].i;
    if (n > VALUE_MAX_TEXT || n < -VALUE_MAX_TEXT)
        return task_fail_status(t, ST_LIMIT);
    int64_t want = n < 0 ? -n : n;
    if (n >= 0)
        str_add_slice(&out, value_text(arg[0]));
    for (; have < want; have++)
        str_addc(&out, ' ');
    if (n < 0)
        str_add_slice(&out, value_text(arg[0]));
    return give(t, &out, ret);
}

static enum step repeat(struct task *t, struct value *arg, struct value *ret)
{
    struct slice s = value_text(arg[0]);
    if (arg[1].i < 0)
        return task_fail(t, "R0404", "a text cannot be repeated %lld times", (long long)arg[1].i);
    if (s.len && (uint64_t)arg[1].i > VALUE_MAX_TEXT / s.len)
        return task_fail_status(t, ST_LIMIT);
    struct str out = { 0 };
    for (int64_t i = 0; i < arg[1].i && s.len; i++)
        str_add_slice(&out, s);
    return give(t, &out, ret);
}

/* Edit distance over code points, one row at a time. */
static enum step distance(struct task *t, struct value *arg, struct value *ret)
{
    enum { MOST = 20000 };
    size_t n = value_str_count(arg[0]), m = value_str_count(arg[1]);
    if (n > MOST || m > MOST)
        return task_fail(t, "R0706", "distance takes texts of at most %d characters", MOST);
    uint32_t *row = mem_calloc(m + 1, sizeof *row), *b = mem_calloc(m + 1, sizeof *b);
    if (!row || !b) {
        mem_free(row);
        mem_free(b);
        return task_fail_status(t, ST_NOMEM);
    }
    struct slice x = value_text(arg[0]), y = value_text(arg[1]);
    size_t at = 0;
    for (size_t j = 0; j < m; j++)
        at += (size_t)utf8_decode(y.ptr + at, y.ptr + y.len, &b[j]);
    for (size_t j = 0; j <= m; j++)
        row[j] = (uint32_t)j;
    at = 0;
    for (size_t i = 1; i <= n; i++) {
        uint32_t cp, diag = row[0];
        at += (size_t)utf8_decode(x.ptr + at, x.ptr + x.len, &cp);
        row[0] = (uint32_t)i;
        for (size_t j = 1; j <= m; j++) {
            uint32_t best = diag + (cp != b[j - 1]);
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            diag = row[j];
            row[j] = best;
        }
    }
    *ret = value_int(row[m]);
    mem_free(row);
    mem_free(b);
    return STEP_NEXT;
}

/* Lower case, punctuation gone, one blank between words: for comparing answers. */
static enum step normalize(struct task *t, struct slice s, struct value *ret)
{
    struct str out = { 0 }, nfc = { 0 };
    bool gap = false;
    utf8_nfc(s, &nfc);
    const char *p = nfc.ptr, *end = nfc.ptr + nfc.len;
    while (p < end) {
        uint32_t cp;
        int n = utf8_decode(p, end, &cp);
        if (n <= 0)
            break;
        p += n;
        const char *cat = utf8_category_name(cp);
        if (utf8_is_space(cp) || cat[0] == 'P') {
            gap = gap || out.len;
            continue;
        }
        if (gap)
            str_addc(&out, ' ');
        gap = false;
        str_add_cp(&out, utf8_lower(cp));
    }
    str_free(&nfc);
    return give(t, &out, ret);
}

enum step native_text(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    struct slice s = value_text(arg[0]);
    if (arg[0].tag == VAL_LIST || arg[0].tag == VAL_MAP) {     /* a json: what it is shows now */
        if (id == NATIVE_STR_LEN)
            return native_list(t, NATIVE_LIST_LEN, arg, ret);
        if (id == NATIVE_STR_HAS)
            return arg[0].tag == VAL_MAP ? native_map(t, NATIVE_MAP_HAS, arg, ret)
                                         : native_list(t, NATIVE_LIST_HAS, arg, ret);
    }
    if (arg[0].tag != VAL_STR && arg[0].tag != VAL_ENUM)
        return task_fail(t, "R0205", "a %s where a str is wanted", value_tag_name(arg[0].tag));
    switch (id) {
    case NATIVE_STR_LEN:
        *ret = value_int((int64_t)value_str_count(arg[0]));
        return STEP_NEXT;
    case NATIVE_STR_LOWER:
        return map_case(t, s, utf8_lower, ret);
    case NATIVE_STR_UPPER:
        return map_case(t, s, utf8_upper, ret);
    case NATIVE_STR_TRIM:
    case NATIVE_STR_TRIM_START:
    case NATIVE_STR_TRIM_END:
        return step_of(t, value_str(trim(s, id != NATIVE_STR_TRIM_END,
                                         id != NATIVE_STR_TRIM_START), ret));
    case NATIVE_STR_SPLIT:
    case NATIVE_STR_LINES:
    case NATIVE_STR_WORDS:
    case NATIVE_STR_CHARS:
        return splitter(t, id, arg, ret);
    case NATIVE_STR_REPLACE:
        return replace(t, arg, ret);
    case NATIVE_STR_HAS:
        if (arg[1].tag == VAL_REGEX) {
            enum step st = native_regex(t, NATIVE_STR_FIND, arg, ret);
            bool found = st == STEP_NEXT && ret->tag != VAL_NULL;
            if (st == STEP_NEXT)
                value_set_take(ret, value_bool(found));
            return st;
        }
        *ret = value_bool(slice_find(s, value_text(arg[1])) != SIZE_MAX);
        return STEP_NEXT;
    case NATIVE_STR_STARTS:
        *ret = value_bool(slice_starts(s, value_text(arg[1])));
        return STEP_NEXT;
    case NATIVE_STR_ENDS:
        *ret = value_bool(slice_ends(s, value_text(arg[1])));
        return STEP_NEXT;
    case NATIVE_STR_PAD:
        return pad(t, arg, ret);
    case NATIVE_STR_REPEAT:
        return repeat(t, arg, ret);
    case NATIVE_TEXT_NORMALIZE:
        return normalize(t, s, ret);
    default:
        return distance(t, arg, ret);
    }
}
