/* lib_regex.c - search and whole matches over PCRE2, in the language's own dialect.
 *
 * The pattern is checked and rewritten by the constraint compiler's parser, so `matches` and a
 * generated type mean the same language; PCRE2 only finds where.  A compiled pattern is kept in
 * its regex value. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "runtime/vm/vm_int.h"

#include "base/utf8.h"

enum { MATCH_LIMIT = 10000000, MAX_PAIRS = 32 };

struct compiled {
    pcre2_code *search, *whole;
};

static void compiled_free(void *code)
{
    struct compiled *c = code;
    pcre2_code_free(c->search);
    pcre2_code_free(c->whole);
    mem_free(c);
}

static pcre2_code *compile(struct slice text, uint32_t extra, struct error *err)
{
    int code;
    size_t at;
    pcre2_code *re = pcre2_compile((PCRE2_SPTR)text.ptr, text.len,
                                   PCRE2_UTF | PCRE2_NO_UTF_CHECK | extra, &code, &at, NULL);
    if (!re) {
        char why[120];
        pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
        error_code(err, ST_INVALID, "R0404", "regex: %s at %zu", why, at);
    }
    return re;
}

enum status regex_prepare(struct value re, struct error *err)
{
    if (re.tag != VAL_REGEX)
        return error_code(err, ST_INVALID, "R0205", "a %s where a regex is wanted",
                          value_tag_name(re.tag));
    struct obj_regex *r = (struct obj_regex *)re.obj;
    if (r->code)
        return ST_OK;
    struct str text = { 0 };
    enum status st = regex_to_pcre(value_text(re), r->flags, &text, err);
    if (st != ST_OK) {
        str_free(&text);
        return st;
    }
    struct compiled *c = mem_zalloc(sizeof *c);
    if (!c) {
        str_free(&text);
        return error_nomem(err);
    }
    c->search = compile(str_slice(&text), 0, err);
    c->whole = c->search ? compile(str_slice(&text), PCRE2_ANCHORED | PCRE2_ENDANCHORED, err) : NULL;
    str_free(&text);
    if (!c->whole) {
        compiled_free(c);
        return ST_INVALID;
    }
    r->code = c;
    r->code_free = compiled_free;
    return ST_OK;
}

enum status regex_match(struct value re, struct slice text, size_t from, bool whole,
                        size_t *ovector, uint32_t max_pair, uint32_t *ret_pairs,
                        struct error *err)
{
    enum status st = regex_prepare(re, err);
    if (st != ST_OK)
        return st;
    struct compiled *c = ((struct obj_regex *)re.obj)->code;
    pcre2_code *code = whole ? c->whole : c->search;
    pcre2_match_data *data = pcre2_match_data_create_from_pattern(code, NULL);
    pcre2_match_context *ctx = pcre2_match_context_create(NULL);
    if (!data || !ctx) {
        pcre2_match_data_free(data);
        pcre2_match_context_free(ctx);
        return error_nomem(err);
    }
    pcre2_set_match_limit(ctx, MATCH_LIMIT);
    int n = pcre2_match(code, (PCRE2_SPTR)text.ptr, text.len, from, PCRE2_NO_UTF_CHECK, data, ctx);
    st = n > 0 ? ST_OK : n == PCRE2_ERROR_NOMATCH ? ST_NOT_FOUND : ST_LIMIT;
    if (st == ST_LIMIT)
        error_code(err, st, "R0706", "this regex takes too many steps on this text");
    if (st == ST_OK && ovector) {
        uint32_t pairs = pcre2_get_ovector_count(data);
        const size_t *ov = pcre2_get_ovector_pointer(data);
        if (pairs > max_pair)
            pairs = max_pair;
        for (uint32_t i = 0; i < 2 * pairs; i++)
            ovector[i] = i < 2 * (uint32_t)n ? ov[i] : PCRE2_UNSET;
        *ret_pairs = pairs;
    }
    pcre2_match_data_free(data);
    pcre2_match_context_free(ctx);
    return st;
}

enum status match_value(struct run *r, struct slice text, const size_t *ov, uint32_t pairs,
                        struct value *ret)
{
    const struct slice names[] = { SLICE("text"), SLICE("groups"), SLICE("start"), SLICE("end") };
    enum status st = r->t_match ? ST_OK : vtype_new(SLICE("match"), 4, names, NULL, &r->t_match);
    struct value field[4] = { 0 };
    if (st == ST_OK)
        st = value_str(slice_sub(text, ov[0], ov[1] - ov[0]), &field[0]);
    if (st == ST_OK)
        st = value_list(pairs, &field[1]);
    for (uint32_t i = 1; i < pairs && st == ST_OK; i++) {
        struct value g;
        struct slice part = ov[2 * i] == PCRE2_UNSET
            ? SLICE("") : slice_sub(text, ov[2 * i], ov[2 * i + 1] - ov[2 * i]);
        st = value_str(part, &g);
        if (st == ST_OK)
            st = value_list_push_take(&field[1], g);
    }
    if (st != ST_OK) {
        value_unref(field[0]);
        value_unref(field[1]);
        return st;
    }
    int64_t start = (int64_t)utf8_count(slice_sub(text, 0, ov[0]));
    field[2] = value_int(start);
    field[3] = value_int(start + (int64_t)value_str_count(field[0]));
    return value_record_take(VAL_MATCH, r->t_match, field, ret);
}

static enum step regex_fail(struct task *t, enum status st, const struct error *err)
{
    return st == ST_NOMEM ? task_fail_status(t, st) : task_fail_error(t, err);
}

enum step op_match(struct task *t, struct insn in, bool want_groups)
{
    struct value *reg = t->top->reg;
    struct value s = reg[in.b], re = reg[in.c];
    struct error err = { 0 };
    size_t ov[2 * MAX_PAIRS];
    uint32_t pairs = 0;
    if ((s.tag != VAL_STR && s.tag != VAL_ENUM) || re.tag != VAL_REGEX) {
        if (want_groups) {
            value_set_take(&reg[in.a], value_null());
            return STEP_NEXT;
        }
        return task_fail(t, "R0205", "`matches` wants a str and a regex");
    }
    enum status st = regex_match(re, value_text(s), 0, true, ov, MAX_PAIRS, &pairs, &err);
    if (st != ST_OK && st != ST_NOT_FOUND)
        return regex_fail(t, st, &err);
    struct value v = want_groups ? value_null() : value_bool(st == ST_OK);
    if (want_groups && st == ST_OK) {
        st = match_value(t->run, value_text(s), ov, pairs, &v);
        if (st != ST_OK)
            return task_fail_status(t, st);
    }
    value_set_take(&reg[in.a], v);
    return STEP_NEXT;
}

/* ---- find, find_all, split, replace ---- */

static enum step find_one(struct task *t, struct value s, struct value re, struct value *ret)
{
    struct error err = { 0 };
    size_t ov[2 * MAX_PAIRS];
    uint32_t pairs;
    enum status st = regex_match(re, value_text(s), 0, false, ov, MAX_PAIRS, &pairs, &err);
    if (st == ST_NOT_FOUND) {
        *ret = value_null();
        return STEP_NEXT;
    }
    if (st != ST_OK)
        return regex_fail(t, st, &err);
    return step_of(t, match_value(t->run, value_text(s), ov, pairs, ret));
}

/* The next match at or behind *from; *from moves behind it, past one code point when it is empty. */
static enum status next_match(struct value re, struct slice text, size_t *from, size_t *ov,
                              uint32_t *pairs, struct error *err)
{
    if (*from > text.len)
        return ST_NOT_FOUND;
    enum status st = regex_match(re, text, *from, false, ov, MAX_PAIRS, pairs, err);
    if (st != ST_OK)
        return st;
    *from = ov[1];
    if (ov[0] == ov[1]) {
        uint32_t cp;
        int n = utf8_decode(text.ptr + ov[1], text.ptr + text.len, &cp);
        *from += n ? (size_t)n : 1;
    }
    return ST_OK;
}

static enum step find_all(struct task *t, struct value s, struct value re, struct value *ret)
{
    struct error err = { 0 };
    size_t ov[2 * MAX_PAIRS], from = 0;
    uint32_t pairs;
    enum status st = value_list(0, ret);
    while (st == ST_OK) {
        st = next_match(re, value_text(s), &from, ov, &pairs, &err);
        struct value m;
        if (st == ST_OK)
            st = match_value(t->run, value_text(s), ov, pairs, &m);
        if (st == ST_OK)
            st = value_list_push_take(ret, m);
    }
    if (st == ST_NOT_FOUND)
        return STEP_NEXT;
    value_unref(*ret);
    return err.text[0] ? regex_fail(t, st, &err) : task_fail_status(t, st);
}

static enum status push_part(struct value *list, struct slice text, size_t from, size_t to)
{
    struct value part;
    enum status st = value_str(slice_sub(text, from, to - from), &part);
    return st == ST_OK ? value_list_push_take(list, part) : st;
}

static enum step split_re(struct task *t, struct value s, struct value re, struct value *ret)
{
    struct error err = { 0 };
    struct slice text = value_text(s);
    size_t ov[2 * MAX_PAIRS], from = 0, last = 0;
    uint32_t pairs;
    enum status st = value_list(0, ret);
    while (st == ST_OK) {
        st = next_match(re, text, &from, ov, &pairs, &err);
        if (st == ST_OK && ov[1] > ov[0]) {
            st = push_part(ret, text, last, ov[0]);
            last = ov[1];
        }
    }
    if (st == ST_NOT_FOUND)
        st = push_part(ret, text, last, text.len);
    if (st == ST_OK)
        return STEP_NEXT;
    value_unref(*ret);
    return err.text[0] ? regex_fail(t, st, &err) : task_fail_status(t, st);
}

static enum step replace_re(struct task *t, struct value s, struct value re, struct value by,
                            struct value *ret)
{
    struct error err = { 0 };
    struct slice text = value_text(s);
    struct str out = { 0 };
    size_t ov[2 * MAX_PAIRS], from = 0, last = 0;
    uint32_t pairs;
    enum status st = ST_OK;
    while (st == ST_OK) {
        st = next_match(re, text, &from, ov, &pairs, &err);
        if (st == ST_OK) {
            str_add_slice(&out, slice_sub(text, last, ov[0] - last));
            str_add_slice(&out, value_text(by));
            last = ov[1];
        }
    }
    if (st == ST_NOT_FOUND) {
        str_add_slice(&out, slice_sub(text, last, text.len - last));
        st = out.failed ? ST_NOMEM : value_str(str_slice(&out), ret);
    }
    str_free(&out);
    if (st == ST_OK)
        return STEP_NEXT;
    return err.text[0] ? regex_fail(t, st, &err) : task_fail_status(t, st);
}

enum step native_regex(struct task *t, enum native_id id, struct value *arg, struct value *ret)
{
    if (arg[0].tag == VAL_BYTES)        /* matching takes valid UTF-8 for granted */
        return task_fail(t, "R0205", "bytes where a str is wanted");
    switch (id) {
    case NATIVE_STR_FIND:
        return find_one(t, arg[0], arg[1], ret);
    case NATIVE_STR_FIND_ALL:
        return find_all(t, arg[0], arg[1], ret);
    case NATIVE_STR_SPLIT:
        return split_re(t, arg[0], arg[1], ret);
    default:
        return replace_re(t, arg[0], arg[1], arg[2], ret);
    }
}
