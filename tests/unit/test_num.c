#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "compiler/pattern/num.h"
#include "suites.h"

static bool reads(const struct num_dfa *d, const char *text)
{
    uint32_t q = d->n ? NUM_START : 0;
    for (; *text && q; text++) {
        int s = num_symbol((uint8_t)*text);
        q = s < 0 ? 0 : d->next[q * NUM_SYMBOLS + (uint32_t)s];
    }
    return q && d->accept[q];
}

START_TEST(decimals_of_any_length)
{
    struct decimal a, b;
    ck_assert(decimal_read(SLICE("18446744073709551616"), &a) &&
              decimal_read(SLICE("18446744073709551615"), &b));
    ck_assert_int_gt(decimal_cmp(&a, &b), 0);
    ck_assert(decimal_read(SLICE("1e3"), &a) && decimal_read(SLICE("1000.000"), &b));
    ck_assert_int_eq(decimal_cmp(&a, &b), 0);
    ck_assert(decimal_is_integer(&a));
    ck_assert(decimal_read(SLICE("-0.0"), &a) && !a.negative && a.n == 0);
    struct str s = { 0 };
    ck_assert(decimal_read(SLICE("-12.50e-3"), &a));
    decimal_write(&a, &s);
    ck_assert_str_eq(s.ptr, "-0.0125");
    str_free(&s);
}
END_TEST

/* Random intervals and divisors against membership by the arithmetic of num_has; every prefix of a
 * member lives. */
START_TEST(the_automaton_reads_exactly_the_members)
{
    struct rng_key key = rng_key_seed(7);
    struct num_spelling sp = { -1, 0, -1 };
    for (uint64_t i = 0; i < 300; i++) {
        struct num_set s = { .has_lo = rng_u64(key, i * 9) % 4,
                             .has_hi = rng_u64(key, i * 9 + 1) % 4,
                             .lo_open = rng_u64(key, i * 9 + 2) % 2,
                             .hi_open = rng_u64(key, i * 9 + 3) % 2 };
        char lo[40], hi[40];
        snprintf(lo, sizeof lo, "%.*f", (int)(rng_u64(key, i * 9 + 4) % 3),
                 rng_unit(key, i * 9 + 5) * 300 - 150);
        snprintf(hi, sizeof hi, "%.*f", (int)(rng_u64(key, i * 9 + 4) % 3),
                 rng_unit(key, i * 9 + 6) * 300 - 100);
        decimal_read(slice_of(lo), &s.lo);
        decimal_read(slice_of(hi), &s.hi);
        if (rng_u64(key, i * 9 + 7) % 2) {
            s.n_div = 1;
            s.div[0] = (struct num_divisor){ 1 + rng_u64(key, i * 9 + 8) % 7, (uint32_t)(i % 3),
                                             i % 5 == 0 };
        }
        struct num_dfa *d = NULL;
        ck_assert(num_dfa_new(&s, &sp, &d, NULL) == ST_OK);
        struct rng_key texts = rng_key_step(key, 1, i);
        for (uint64_t k = 0; k < 200; k++) {
            char text[40];
            struct decimal x;
            snprintf(text, sizeof text, "%.*f", (int)(k % 4), rng_unit(texts, k) * 400 - 200);
            ck_assert(decimal_read(slice_of(text), &x));
            bool minus_zero = text[0] == '-' && !x.n;
            ck_assert_msg(reads(d, text) == (num_has(&s, &x) && !minus_zero),
                          "%s in %c%s, %s%c / %d", text,
                          s.has_lo ? '[' : '(', lo, hi, s.has_hi ? ']' : ')', (int)s.n_div);
        }
        for (uint32_t q = 1; q < d->n; q++)
            for (uint32_t c = 0; c < NUM_SYMBOLS; c++)
                ck_assert(!d->next[q * NUM_SYMBOLS + c] ||
                          d->dist[d->next[q * NUM_SYMBOLS + c]] < UINT16_MAX);
        num_dfa_free(d);
    }
}
END_TEST

/* Divisors, some negated, some with places, met one after the other: the set is that of all of them,
 * however few divisors say so. */
START_TEST(divisors_that_meet_say_the_same)
{
    static const uint64_t m[] = { 1, 2, 3, 4, 5, 6, 8, 11, 12, 15, 25, 77 };
    struct rng_key key = rng_key_seed(11);
    struct num_spelling sp = { -1, 0, -1 };
    uint32_t n_large = 0;
    for (uint64_t i = 0; i < 80; i++) {
        struct num_set one[5], all = { 0 };
        uint32_t n = 2 + (uint32_t)(rng_u64(key, i * 20) % 4);
        for (uint32_t k = 0; k < n; k++) {
            one[k] = (struct num_set){ .n_div = 1 };
            one[k].div[0] = (struct num_divisor){ m[rng_u64(key, i * 20 + k + 1) % 12],
                                                  (uint32_t)(rng_u64(key, i * 20 + k + 6) % 3),
                                                  rng_u64(key, i * 20 + k + 11) % 2 };
            ck_assert(num_meet(&all, &one[k]));
        }
        struct num_dfa *d = NULL;
        struct error err = { 0 };
        enum status st = num_dfa_new(&all, &sp, &d, &err);
        n_large += st == ST_LIMIT;
        ck_assert_msg(st == ST_OK || st == ST_LIMIT, "%s", err.text);
        for (int64_t v = -400; v < 6000; v++) {
            char text[40];
            struct decimal x;
            bool in = true;
            snprintf(text, sizeof text, "%s%lld.%02lld", v < 0 ? "-" : "", llabs(v) / 100, llabs(v) % 100);
            ck_assert(decimal_read(slice_of(text), &x));
            for (uint32_t k = 0; k < n; k++)
                in &= num_has(&one[k], &x);
            ck_assert_msg(in == num_has(&all, &x), "%s", text);
            ck_assert_msg(!d || reads(d, text) == in, "%s", text);
        }
        ck_assert(!all.empty || !d->n);
        num_dfa_free(d);
    }
    ck_assert_uint_lt(n_large, 8);
}
END_TEST

START_TEST(empty_sets_have_no_states)
{
    struct num_set s = { .has_lo = true, .has_hi = true, .n_div = 1 };
    struct num_spelling sp = { -1, 0, -1 };
    decimal_read(SLICE("1"), &s.lo);
    decimal_read(SLICE("4"), &s.hi);
    s.div[0] = (struct num_divisor){ 5, 0, false };
    struct num_dfa *d = NULL;
    ck_assert(num_dfa_new(&s, &sp, &d, NULL) == ST_OK);
    ck_assert_uint_eq(d->n, 0);
    num_dfa_free(d);
}
END_TEST

Suite *suite_num(void)
{
    Suite *s = suite_create("num");
    TCase *t = tcase_create("num");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, decimals_of_any_length);
    tcase_add_test(t, the_automaton_reads_exactly_the_members);
    tcase_add_test(t, divisors_that_meet_say_the_same);
    tcase_add_test(t, empty_sets_have_no_states);
    suite_add_tcase(s, t);
    return s;
}
