/* test_sampler.c - order of steps, filters, and that draws follow the distribution. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/exact.h"
#include "runtime/sample/sampler.h"
#include "suites.h"

enum { N = 40 };

static struct sampler *sampler;
static float logits[N];

static void setup(void)
{
    ck_assert_int_eq(sampler_new(N, &sampler, NULL), ST_OK);
    for (int i = 0; i < N; i++)
        logits[i] = (float)((i * 7) % 11) * 0.5f - 2.0f;
}

static void teardown(void)
{
    sampler_free(sampler);
}

static uint32_t draw(struct sampling p, struct sample_input in)
{
    uint32_t id = UINT32_MAX;
    in.logits = logits;
    in.n_vocab = N;
    ck_assert_int_eq(sampler_draw(sampler, &p, &in, &id, NULL), ST_OK);
    return id;
}

START_TEST(greedy_takes_the_first_of_equals)
{
    struct sampling p = sampling_default;
    p.temp = 0;
    logits[5] = logits[9] = 8;
    ck_assert_uint_eq(draw(p, (struct sample_input){ 0 }), 5);
}
END_TEST

START_TEST(the_mask_and_its_corrections_rule)
{
    struct sampling p = sampling_default;
    uint32_t mask[2] = { 0, 0 }, extra[] = { 3 };
    p.temp = 0;
    mask[1] = 1u << (37 - 32);
    ck_assert_uint_eq(draw(p, (struct sample_input){ .mask = mask }), 37);
    logits[3] = 50;
    ck_assert_uint_eq(draw(p, (struct sample_input){ .mask = mask, .extra = extra, .n_extra = 1 }),
                      3);

    struct error err;
    uint32_t none[2] = { 0 }, id;
    struct sample_input in = { .logits = logits, .n_vocab = N, .mask = none };
    ck_assert_int_eq(sampler_draw(sampler, &p, &in, &id, &err), ST_FAILED);
    ck_assert_str_eq(err.code, "R0402");
}
END_TEST

START_TEST(what_is_no_number_is_an_error)
{
    struct error err;
    uint32_t id;
    struct sample_input in = { .logits = logits, .n_vocab = N };
    logits[7] = NAN;
    ck_assert_int_eq(sampler_draw(sampler, &sampling_default, &in, &id, &err), ST_FAILED);
    ck_assert_str_eq(err.code, "R0705");
}
END_TEST

START_TEST(penalties_and_bias_come_before_the_choice)
{
    struct sampling p = sampling_default;
    uint32_t ids[] = { 4, 4, 4 }, bias_id[] = { 6 };
    float bias[] = { 100 };
    p.temp = 0;
    logits[4] = 10;
    logits[8] = 9;
    ck_assert_uint_eq(draw(p, (struct sample_input){ .generated = ids, .n_generated = 3 }), 4);
    p.freq_penalty = 0.5;
    ck_assert_uint_eq(draw(p, (struct sample_input){ .generated = ids, .n_generated = 3 }), 8);
    p.freq_penalty = 0;
    p.repetition_penalty = 1.5;
    ck_assert_uint_eq(draw(p, (struct sample_input){ .prompt = ids, .n_prompt = 3 }), 8);
    p.repetition_penalty = 1;
    p.presence_penalty = 2;
    ck_assert_uint_eq(draw(p, (struct sample_input){ .generated = ids, .n_generated = 1 }), 8);
    p.n_bias = 1;
    p.bias_id = bias_id;
    p.bias = bias;
    ck_assert_uint_eq(draw(p, (struct sample_input){ 0 }), 6);
}
END_TEST

/* Draws often and compares shares with the softmax over `in_set`. */
static void follows(struct sampling p, const int *in_set)
{
    enum { DRAWS = 40000 };
    unsigned got[N] = { 0 };
    double total = 0;
    for (int i = 0; i < N; i++)
        total += in_set[i] ? exp(logits[i] / p.temp) : 0;
    for (int i = 0; i < DRAWS; i++)
        got[draw(p, (struct sample_input){ .key = rng_key_seed(7), .index = (uint64_t)i })]++;
    for (int i = 0; i < N; i++) {
        double share = in_set[i] ? exp(logits[i] / p.temp) / total : 0;
        double sd = sqrt(share * (1 - share) / DRAWS);
        ck_assert_msg(fabs(got[i] / (double)DRAWS - share) <= 5 * sd + 1e-9,
                      "id %d: %u of %d, share %g", i,
                      got[i], DRAWS, share);
    }
}

START_TEST(exact_functions_are_right_to_a_few_units_in_the_last_place)
{
    struct rng_key key = rng_key_seed(3);
    for (uint64_t i = 0; i < 200000; i++) {
        double u = rng_unit(key, i), x = -700 * u;
        ck_assert_double_le(fabs(exact_exp(x) - exp(x)), 3 * 0x1p-53 * exp(x));
        ck_assert_double_le(fabs(exact_log(u) - log(u)), 3 * 0x1p-53 * fabs(log(u)));
    }
    ck_assert_double_eq(exact_exp(0), 1);
    ck_assert_double_eq(exact_exp(-INFINITY), 0);
    ck_assert_double_eq(exact_log(1), 0);
}
END_TEST

START_TEST(edits_are_the_steps_before_the_mask)
{
    struct sampling p = sampling_default;
    uint32_t prompt[] = { 4, 4, 7 }, made[] = { 9, 4, 9 }, bias_id[] = { 6, 6, 99 };
    float bias[] = { 1, 2, 3 };
    struct sample_edit edit[3 * N];
    struct sample_edits e = { .edit = edit };
    struct sample_input in = { .prompt = prompt, .n_prompt = 3, .generated = made,
                               .n_generated = 3 };
    p.repetition_penalty = 2;
    p.freq_penalty = 0.5;
    p.presence_penalty = 0.25;
    p.n_bias = 3;
    p.bias_id = bias_id;
    p.bias = bias;
    ck_assert_int_eq(sampler_edits(sampler, &p, &in, &e, NULL), ST_OK);
    ck_assert_uint_eq(e.n_repeat, 3);
    ck_assert(edit[0].id == 4 && edit[1].id == 7 && edit[2].id == 9);
    ck_assert_uint_eq(e.n_minus, 2);
    ck_assert(edit[3].id == 9 && edit[3].x == 1.25f && edit[4].id == 4 && edit[4].x == 0.75f);
    ck_assert_uint_eq(e.n_plus, 2);
    ck_assert(edit[5].id == 6 && edit[5].x == 1 && edit[6].id == 6 && edit[6].x == 2);
}
END_TEST

START_TEST(draws_follow_the_distribution)
{
    int all[N];
    for (int i = 0; i < N; i++)
        all[i] = 1;
    struct sampling p = sampling_default;
    follows(p, all);
    p.temp = 0.5;
    follows(p, all);
}
END_TEST

START_TEST(top_k_keeps_the_best_and_the_lowest_of_equals)
{
    int set[N] = { 0 };
    memset(logits, 0, sizeof logits);
    logits[30] = 2;
    logits[20] = 1;
    set[30] = set[20] = set[0] = set[1] = 1;    /* the rest is level: lowest ids first */
    struct sampling p = sampling_default;
    p.top_k = 4;
    follows(p, set);
}
END_TEST

START_TEST(top_p_keeps_the_smallest_set)
{
    int set[N] = { 0 };
    for (int i = 0; i < N; i++)
        logits[i] = -20;
    logits[3] = logf(0.5f);
    logits[9] = logf(0.3f);
    logits[1] = logf(0.2f);
    set[3] = set[9] = 1;
    struct sampling p = sampling_default;
    p.top_p = 0.7;
    follows(p, set);
    p.top_p = 0.9;
    set[1] = 1;
    follows(p, set);
}
END_TEST

START_TEST(min_p_is_relative_to_the_best)
{
    int set[N] = { 0 };
    for (int i = 0; i < N; i++)
        logits[i] = -30;
    logits[2] = 0;
    logits[5] = logf(0.2f);
    logits[6] = logf(0.05f);
    set[2] = set[5] = 1;
    struct sampling p = sampling_default;
    p.min_p = 0.1;
    follows(p, set);
}
END_TEST

START_TEST(a_draw_depends_on_key_and_index_alone)
{
    struct sampling p = sampling_default;
    unsigned differ = 0;
    for (uint64_t i = 0; i < 50; i++) {
        struct sample_input in = { .key = rng_key_seed(1), .index = i };
        uint32_t first = draw(p, in);
        ck_assert_uint_eq(draw(p, in), first);
        in.key = rng_key_seed(2);
        differ += draw(p, in) != first;
    }
    ck_assert_uint_gt(differ, 20);
}
END_TEST

START_TEST(logprobs_are_normalised)
{
    double sum = 0;
    for (uint32_t i = 0; i < N; i++)
        sum += exp(sampler_logprob(sampler, logits, i));
    ck_assert(fabs(sum - 1) < 1e-9);

    struct sample_top top[5];
    sampler_top(sampler, logits, 5, top);
    for (int i = 0; i < 5; i++) {
        ck_assert(fabs(top[i].logprob - sampler_logprob(sampler, logits, top[i].id)) < 1e-5);
        if (i > 0)
            ck_assert(top[i - 1].logprob > top[i].logprob ||
                      (top[i - 1].logprob == top[i].logprob && top[i - 1].id < top[i].id));
    }
}
END_TEST

Suite *suite_sampler(void)
{
    Suite *s = suite_create("sampler");
    TCase *tc = tcase_create("sampler");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, greedy_takes_the_first_of_equals);
    tcase_add_test(tc, the_mask_and_its_corrections_rule);
    tcase_add_test(tc, what_is_no_number_is_an_error);
    tcase_add_test(tc, penalties_and_bias_come_before_the_choice);
    tcase_add_test(tc, exact_functions_are_right_to_a_few_units_in_the_last_place);
    tcase_add_test(tc, edits_are_the_steps_before_the_mask);
    tcase_add_test(tc, draws_follow_the_distribution);
    tcase_add_test(tc, top_k_keeps_the_best_and_the_lowest_of_equals);
    tcase_add_test(tc, top_p_keeps_the_smallest_set);
    tcase_add_test(tc, min_p_is_relative_to_the_best);
    tcase_add_test(tc, a_draw_depends_on_key_and_index_alone);
    tcase_add_test(tc, logprobs_are_normalised);
    suite_add_tcase(s, tc);
    return s;
}
