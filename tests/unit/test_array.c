#include "base/alloc.h"
#include "base/array.h"
#include "suites.h"

START_TEST(pushes_zeroed)
{
    int *x = NULL;
    uint32_t n = 0, cap = 0;
    for (int i = 0; i < 1000; i++) {
        int *p = array_push(&x, &n, &cap, sizeof *p);
        ck_assert_int_eq(*p, 0);
        *p = i;
    }
    ck_assert_uint_eq(n, 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(x[i], i);
    mem_free(x);
}
END_TEST

START_TEST(refuses_overflow)
{
    char *x = NULL;
    uint32_t cap = 0;
    ck_assert(!array_reserve(&x, &cap, UINT32_MAX, SIZE_MAX / 8));
    ck_assert_ptr_null(x);
    ck_assert_uint_eq(cap, 0);
    ck_assert(array_reserve(&x, &cap, 0, 1));
}
END_TEST

Suite *suite_array(void)
{
    Suite *s = suite_create("array");
    TCase *t = tcase_create("array");
    tcase_add_test(t, pushes_zeroed);
    tcase_add_test(t, refuses_overflow);
    suite_add_tcase(s, t);
    return s;
}
