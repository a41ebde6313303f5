#include <string.h>

#include "base/alloc.h"
#include "kernels/cpu/store.h"
#include "suites.h"

START_TEST(parts_share_a_run)
{
    int64_t before = mem_live_blocks();
    struct store *owner = NULL, *of_a = NULL, *of_b = NULL, *of_big = NULL;
    uint8_t *a = store_cut(&owner, 100, &of_a), *b = store_cut(&owner, 64, &of_b);
    ck_assert_uint_eq((uintptr_t)a % (2 << 20), 0);
    ck_assert_ptr_eq(b, a + 128);
    ck_assert_ptr_eq(of_a, of_b);
    memset(a, 1, 100);
    memset(b, 2, 64);

    uint8_t *big = store_cut(&owner, (size_t)40 << 20, &of_big);    /* more than a run */
    ck_assert_ptr_ne(of_big, of_a);
    ck_assert_ptr_eq(owner, of_big);
    big[((size_t)40 << 20) - 1] = 3;
    ck_assert_uint_eq(a[99], 1);        /* the first run lives while its parts do */
    store_drop(of_a);
    ck_assert_uint_eq(b[63], 2);
    store_drop(of_b);
    store_drop(of_big);
    store_drop(owner);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(an_empty_run_is_used_again)
{
    int64_t before = mem_live_blocks();
    struct store *owner = NULL, *of = NULL;
    uint8_t *first = store_cut(&owner, 10 << 20, &of);
    store_drop(of);
    for (int i = 0; i < 20; i++) {
        ck_assert_ptr_eq(store_cut(&owner, 10 << 20, &of), first);
        store_drop(of);
    }
    store_drop(owner);
    store_drop(NULL);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

START_TEST(refuses_what_is_too_large)
{
    int64_t before = mem_live_blocks();
    struct store *owner = NULL, *of = NULL;
    ck_assert_ptr_null(store_cut(&owner, SIZE_MAX, &of));
    ck_assert_ptr_null(store_cut(&owner, SIZE_MAX - 100, &of));
    ck_assert_ptr_null(owner);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

Suite *suite_store(void)
{
    Suite *s = suite_create("store");
    TCase *t = tcase_create("store");
    tcase_add_test(t, parts_share_a_run);
    tcase_add_test(t, an_empty_run_is_used_again);
    tcase_add_test(t, refuses_what_is_too_large);
    suite_add_tcase(s, t);
    return s;
}
