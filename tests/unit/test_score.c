/* test_score.c - the known answers of choosing. */
#include <check.h>
#include <math.h>

#include "runtime/sched/score.h"
#include "suites.h"

static const double cat[] = { -0.9 }, cat_u[] = { 0 };
static const double catalog[] = { -0.9, -1.2 }, catalog_u[] = { 0, -0.5 };
static const double dog[] = { -1.0, -1.6 }, dog_u[] = { 0, -3.0 };
static const double croc[] = { -2.0, -0.2, -0.1, -0.1 }, croc_u[] = { 0, -0.3, -0.2, -0.2 };

static const struct score_row animal[] = {
    { cat, cat_u, -2.6, 1 }, { catalog, catalog_u, -0.1, 2 }, { dog, dog_u, -0.2, 2 },
    { croc, croc_u, -0.05, 4 },
};

static uint32_t choose(enum score_by by, double temp, uint64_t seed, double *prob)
{
    uint32_t chosen = 99;
    struct error err;
    ck_assert_int_eq(score_solve(animal, 4, by, temp, rng_key_seed(seed), &chosen, prob, &err),
                     ST_OK);
    return chosen;
}

START_TEST(test_known_answers)
{
    static const double joint[] = { 0.1048, 0.3846, 0.2111, 0.2995 };
    double prob[4];
    ck_assert_uint_eq(choose(SCORE_JOINT, 1, 0, prob), 1);
    for (int i = 0; i < 4; i++)
        ck_assert(fabs(prob[i] - joint[i]) < 5e-5);
    ck_assert_uint_eq(choose(SCORE_MEAN, 1, 0, prob), 3);
    ck_assert_uint_eq(choose(SCORE_GREEDY, 1, 0, prob), 0);
    ck_assert_uint_eq(choose(SCORE_PMI, 1, 0, prob), 2);
}
END_TEST

START_TEST(test_ties_and_draws)
{
    struct score_row same[] = { animal[2], animal[2], animal[0] };
    double prob[4];
    uint32_t chosen, n[4] = {0};
    struct error err;
    ck_assert_int_eq(score_solve(same, 3, SCORE_JOINT, 1, rng_key_seed(0), &chosen, prob, &err),
                     ST_OK);
    ck_assert_uint_eq(chosen, 0);
    for (uint64_t seed = 0; seed < 4000; seed++)
        n[choose(SCORE_SAMPLE, 1, seed, prob)]++;
    for (int i = 0; i < 4; i++)
        ck_assert(fabs(n[i] / 4000.0 - prob[i]) < 0.03);
    ck_assert_uint_eq(choose(SCORE_SAMPLE, 0, 1, prob), 1);
    ck_assert_int_eq(score_solve(animal, 0, SCORE_JOINT, 1, rng_key_seed(0), &chosen, prob, &err),
                     ST_INVALID);
}
END_TEST

Suite *suite_score(void)
{
    Suite *s = suite_create("score");
    TCase *t = tcase_create("score");
    tcase_add_test(t, test_known_answers);
    tcase_add_test(t, test_ties_and_draws);
    suite_add_tcase(s, t);
    return s;
}
