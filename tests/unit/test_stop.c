#include <check.h>
#include <string.h>

#include "runtime/constrain/stop.h"
#include "suites.h"

static struct stop *made(const char *a, const char *b, const char *regex)
{
    struct slice text[2] = { slice_of(a), slice_of(b) }, re = slice_of(regex);
    struct stop *s = NULL;
    ck_assert(stop_new(text, b ? 2 : a ? 1 : 0, &re, regex ? 1 : 0, &s, NULL) == ST_OK);
    return s;
}

START_TEST(nothing_to_stop_at)
{
    ck_assert(made(NULL, NULL, NULL) == NULL);
    ck_assert(!stop_find(NULL, SLICE("x"), 0, 0, NULL));
    ck_assert_uint_eq(stop_safe(NULL, SLICE("abc")), 3);
}
END_TEST

START_TEST(leftmost_then_first_listed)
{
    struct stop *s = made("END", "\n\n", NULL);
    struct stop_hit h;
    ck_assert(!stop_find(s, SLICE("one\ntwo EN"), 0, 0, &h));
    ck_assert_uint_eq(stop_safe(s, SLICE("one\ntwo EN")), 8);
    ck_assert(stop_find(s, SLICE("one\ntwo END\n\n"), 10, 0, &h));
    ck_assert_uint_eq(h.at, 8);
    ck_assert_uint_eq(h.len, 3);
    ck_assert_uint_eq(h.which, 0);
    ck_assert(stop_find(s, SLICE("END x END"), 0, 1, &h));
    ck_assert_uint_eq(h.at, 6);
    stop_free(s);
    s = made("ab", "abc", NULL);
    ck_assert(stop_find(s, SLICE("xabc"), 0, 0, &h));
    ck_assert_uint_eq(h.which, 0);
    stop_free(s);
}
END_TEST

START_TEST(patterns_across_calls)
{
    struct stop *s = made(NULL, NULL, "[0-9]{2}!");
    struct stop_hit h;
    ck_assert(!stop_find(s, SLICE("a1"), 0, 0, &h));
    ck_assert_uint_eq(stop_safe(s, SLICE("a1")), 1);
    ck_assert(!stop_find(s, SLICE("a1x2"), 2, 0, &h));
    ck_assert(!stop_find(s, SLICE("a1x23"), 4, 0, &h));
    ck_assert_uint_eq(stop_safe(s, SLICE("a1x23")), 3);
    ck_assert(stop_find(s, SLICE("a1x23!"), 5, 0, &h));
    ck_assert_uint_eq(h.at, 3);
    ck_assert_uint_eq(h.len, 3);
    /* The value was cut back and went on otherwise. */
    ck_assert(!stop_find(s, SLICE("a1x2?"), 0, 0, &h));
    stop_free(s);
    struct slice bad = SLICE("(");
    struct error err = { 0 };
    ck_assert(stop_new(NULL, 0, &bad, 1, &s, &err) == ST_SYNTAX);
}
END_TEST

Suite *suite_stop(void)
{
    Suite *s = suite_create("stop");
    TCase *t = tcase_create("stop");
    tcase_add_test(t, nothing_to_stop_at);
    tcase_add_test(t, leftmost_then_first_listed);
    tcase_add_test(t, patterns_across_calls);
    suite_add_tcase(s, t);
    return s;
}
