/* pattern_try.h - what the suites about patterns ask again and again. */
#ifndef TESTS_UNIT_PATTERN_TRY_H
#define TESTS_UNIT_PATTERN_TRY_H

#include <check.h>
#include <string.h>

#include "compiler/pattern/automaton.h"

/* Compiles; the test fails when it is refused. */
static inline struct pattern *pattern_made(struct pattern_source src)
{
    struct error err = { 0 };
    struct pattern *p = NULL;
    enum status st = pattern_compile(&src, &p, &err);
    ck_assert_msg(st == ST_OK, "refused: %s %s: %.*s", err.code, err.text, (int)src.text.len, src.text.ptr);
    return p;
}

static inline void pattern_yes(struct pattern *p, const char *text)
{
    size_t at;
    ck_assert_msg(pattern_accepts(p, slice_of(text), &at), "rejects '%s' at %zu", text, at);
}

static inline void pattern_no(struct pattern *p, const char *text)
{
    ck_assert_msg(!pattern_accepts(p, slice_of(text), NULL), "accepts '%s'", text);
}

/* The shortest text of the pattern. */
static inline void pattern_least(struct pattern *p, const char *want)
{
    struct str s = { 0 };
    ck_assert(pattern_shortest(p, &s, NULL) == ST_OK);
    ck_assert_msg(slice_is(str_slice(&s), want), "shortest is '%.*s', not '%s'", (int)s.len, s.ptr, want);
    str_free(&s);
}

/* Texts split by newline: all accepted, all rejected. */
static inline void pattern_lines(struct pattern_source src, const char *yes, const char *no)
{
    struct pattern *p = pattern_made(src);
    for (int k = 0; k < 2; k++) {
        for (const char *at = k ? no : yes; at && *at;) {
            const char *end = strchr(at, '\n');
            size_t n = end ? (size_t)(end - at) : strlen(at);
            bool ok = pattern_accepts(p, (struct slice){ at, n }, NULL);
            ck_assert_msg(ok == !k, "%.*s: %s '%.*s'", (int)src.text.len, src.text.ptr ? src.text.ptr : "",
                          ok ? "accepts" : "rejects", (int)n, at);
            at = end ? end + 1 : NULL;
        }
    }
    pattern_unref(p);
}

static inline void pattern_refused(struct pattern_source src, const char *code, const char *pointer)
{
    struct error err = { 0 };
    struct pattern *p = NULL;
    ck_assert_msg(pattern_compile(&src, &p, &err) != ST_OK, "not refused: %.*s", (int)src.text.len, src.text.ptr);
    ck_assert_str_eq(err.code, code);
    if (pointer)
        ck_assert_str_eq(err.pointer, pointer);
}

#endif
