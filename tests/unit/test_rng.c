#include "base/rng.h"
#include "suites.h"

/* Known answers of the published generator: all bits clear, and the digits of pi. */
START_TEST(agrees_with_the_published_answers)
{
    uint32_t out[4];
    rng_block((struct rng_key){ 0, 0 }, 0, out);
    ck_assert_uint_eq(out[0], 0x6627e8d5u);
    ck_assert_uint_eq(out[1], 0xe169c58du);
    ck_assert_uint_eq(out[2], 0xbc57ac4cu);
    ck_assert_uint_eq(out[3], 0x9b00dbd8u);
    struct rng_key pi = { 0x299f31d0a4093822ull, 0x0370734413198a2eull };
    rng_block(pi, 0x85a308d3243f6a88ull, out);
    ck_assert_uint_eq(out[0], 0xd16cfe09u);
    ck_assert_uint_eq(out[1], 0x94fdccebu);
    ck_assert_uint_eq(out[2], 0x5001e420u);
    ck_assert_uint_eq(out[3], 0x24126ea1u);
}
END_TEST

START_TEST(units_are_inside_and_even)
{
    struct rng_key key = rng_key_step(rng_key_seed(1), 2, 3);
    double sum = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        double u = rng_unit(key, i);
        ck_assert(u > 0 && u < 1);
        sum += u;
    }
    ck_assert_double_eq_tol(sum / 20000, 0.5, 0.01);
}
END_TEST

START_TEST(paths_differ)
{
    struct rng_key seed = rng_key_seed(7);
    uint64_t a = rng_u64(rng_key_step(seed, 1, 2), 0);
    ck_assert_uint_eq(a, rng_u64(rng_key_step(rng_key_seed(7), 1, 2), 0));
    ck_assert_uint_ne(a, rng_u64(rng_key_step(seed, 2, 1), 0));
    ck_assert_uint_ne(a, rng_u64(rng_key_step(seed, 1, 2), 1));
    ck_assert_uint_ne(rng_u64(rng_key_seed(0), 0), rng_u64(rng_key_seed(1), 0));
    ck_assert_uint_ne(rng_fresh_seed(), rng_fresh_seed());
}
END_TEST

Suite *suite_rng(void)
{
    Suite *s = suite_create("rng");
    TCase *t = tcase_create("rng");
    tcase_add_test(t, agrees_with_the_published_answers);
    tcase_add_test(t, units_are_inside_and_even);
    tcase_add_test(t, paths_differ);
    suite_add_tcase(s, t);
    return s;
}
