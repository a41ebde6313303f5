#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/str.h"
#include "suites.h"

START_TEST(slices_compare_and_search)
{
    ck_assert(slice_cmp(SLICE("ab"), SLICE("abc")) < 0);
    ck_assert(slice_cmp(SLICE("b"), SLICE("abc")) > 0);
    ck_assert(slice_starts(SLICE("abc"), SLICE("ab")) && slice_ends(SLICE("abc"), SLICE("bc")));
    ck_assert(!slice_ends(SLICE("c"), SLICE("bc")));
    ck_assert_uint_eq(slice_find(SLICE("hello"), SLICE("lo")), 3);
    ck_assert_uint_eq(slice_find(SLICE("hello"), SLICE("x")), SIZE_MAX);
    ck_assert(slice_is(slice_trim(SLICE(" \t x y\n")), "x y"));
    ck_assert(slice_is(slice_sub(SLICE("abc"), 1, 100), "bc"));
    ck_assert_uint_eq(slice_sub(SLICE("abc"), 9, 1).len, 0);
    ck_assert(slice_eq(slice_of(NULL), SLICE("")));
}
END_TEST

START_TEST(builds)
{
    struct str s = { 0 };
    for (int i = 0; i < 100; i++)
        str_addf(&s, "%d,", i);
    str_cut(&s, 4);
    str_add_cp(&s, 0x1f600);
    str_addc(&s, '!');
    ck_assert_str_eq(s.ptr, "0,1,\xf0\x9f\x98\x80!");
    char *p = str_take(&s);
    ck_assert_str_eq(p, "0,1,\xf0\x9f\x98\x80!");
    ck_assert_ptr_null(s.ptr);
    mem_free(p);
    p = str_take(&s);
    ck_assert_str_eq(p, "");
    mem_free(p);
}
END_TEST

START_TEST(is_sticky)
{
    struct str s = { 0 };
    str_adds(&s, "x");
    ck_assert(!str_reserve(&s, SIZE_MAX - 1));
    str_adds(&s, "y");
    ck_assert(s.failed);
    ck_assert_uint_eq(s.len, 1);
    ck_assert_ptr_null(str_take(&s));
    ck_assert(!s.failed);
}
END_TEST

START_TEST(doubles_read_back)
{
    double x[] = { 0, -0.0, 0.1, 1.0 / 3, 1e300, 5e-324, 123456789012345680.0, 2.5, -7 };
    const char *text[] = { "0", "-0", "0.1", "0.3333333333333333", "1e+300", "5e-324",
                           "1.2345678901234568e+17", "2.5", "-7" };
    for (size_t i = 0; i < sizeof x / sizeof x[0]; i++) {
        struct str s = { 0 };
        str_add_double(&s, x[i]);
        ck_assert_str_eq(s.ptr, text[i]);
        ck_assert(strtod(s.ptr, NULL) == x[i]);
        str_free(&s);
    }
}
END_TEST

Suite *suite_str(void)
{
    Suite *s = suite_create("str");
    TCase *t = tcase_create("str");
    tcase_add_test(t, slices_compare_and_search);
    tcase_add_test(t, builds);
    tcase_add_test(t, is_sticky);
    tcase_add_test(t, doubles_read_back);
    suite_add_tcase(s, t);
    return s;
}
