#include "base/bitset.h"
#include "suites.h"

START_TEST(sets_and_counts)
{
    uint32_t a[3] = { 0 }, b[3] = { 0 };
    bitset_add(a, 0);
    bitset_add(a, 31);
    bitset_add(a, 32);
    bitset_add(a, 70);
    bitset_add(b, 70);
    bitset_add(b, 71);
    ck_assert(bitset_has(a, 31) && bitset_has(a, 32) && !bitset_has(a, 33));
    ck_assert_uint_eq(bitset_count(a, 3), 4);
    bitset_and(b, a, 3);
    ck_assert_uint_eq(bitset_count(b, 3), 1);
    bitset_del(b, 70);
    bitset_or(b, a, 3);
    ck_assert_uint_eq(bitset_count(b, 3), 4);
}
END_TEST

START_TEST(fills_the_tail_clear)
{
    for (size_t n = 0; n <= 96; n++) {
        uint32_t w[3] = { 0 };
        bitset_fill(w, n);
        ck_assert_uint_eq(bitset_count(w, 3), n);
        ck_assert(bitset_words(n) <= 3);
    }
}
END_TEST

Suite *suite_bitset(void)
{
    Suite *s = suite_create("bitset");
    TCase *t = tcase_create("bitset");
    tcase_add_test(t, sets_and_counts);
    tcase_add_test(t, fills_the_tail_clear);
    suite_add_tcase(s, t);
    return s;
}
