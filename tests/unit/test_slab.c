#include <string.h>

#include "base/alloc.h"
#include "base/slab.h"
#include "suites.h"

START_TEST(reuses_and_zeroes)
{
    int64_t before = mem_live_blocks();
    struct slab s = { .size = 40 };
    void *p[100];
    for (int i = 0; i < 100; i++) {
        p[i] = slab_alloc(&s);
        memset(p[i], 0xee, 40);
    }
    ck_assert_uint_eq(s.n_live, 100);
    slab_release(&s, p[50]);
    unsigned char *again = slab_alloc(&s);
    ck_assert_ptr_eq(again, p[50]);
    for (int i = 0; i < 40; i++)
        ck_assert_uint_eq(again[i], 0);
    slab_release(&s, NULL);
    slab_free(&s);
    ck_assert_uint_eq(s.size, 40);
    ck_assert_int_eq(mem_live_blocks(), before);
}
END_TEST

Suite *suite_slab(void)
{
    Suite *s = suite_create("slab");
    TCase *t = tcase_create("slab");
    tcase_add_test(t, reuses_and_zeroes);
    suite_add_tcase(s, t);
    return s;
}
