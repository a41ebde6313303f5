#include "base/intern.h"
#include "suites.h"

START_TEST(ids_count_from_zero)
{
    struct intern t = { 0 };
    ck_assert_uint_eq(intern_add(&t, SLICE("a")), 0);
    ck_assert_uint_eq(intern_add(&t, SLICE("b")), 1);
    ck_assert_uint_eq(intern_add(&t, SLICE("a")), 0);
    ck_assert_uint_eq(intern_add(&t, SLICE("")), 2);
    ck_assert_uint_eq(intern_find(&t, SLICE("b")), 1);
    ck_assert_uint_eq(intern_find(&t, SLICE("c")), INTERN_NONE);
    ck_assert(slice_is(intern_text(&t, 1), "b"));
    intern_free(&t);
    ck_assert_uint_eq(intern_find(&t, SLICE("a")), INTERN_NONE);
}
END_TEST

Suite *suite_intern(void)
{
    Suite *s = suite_create("intern");
    TCase *t = tcase_create("intern");
    tcase_add_test(t, ids_count_from_zero);
    suite_add_tcase(s, t);
    return s;
}
