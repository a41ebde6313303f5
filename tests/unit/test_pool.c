#include <stdatomic.h>

#include "base/pool.h"
#include "suites.h"

static void add_one(void *arg)
{
    atomic_fetch_add((_Atomic int *)arg, 1);
}

START_TEST(runs_every_job_before_it_ends)
{
    _Atomic int n = 0;
    struct pool *p = NULL;
    ck_assert_int_eq(pool_new(3, "test", &p, NULL), ST_OK);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(pool_submit(p, add_one, &n), ST_OK);
    pool_free(p);
    ck_assert_int_eq(n, 1000);
    pool_free(NULL);
    ck_assert_int_eq(pool_new(0, "test", &p, NULL), ST_INVALID);
}
END_TEST

struct order {
    int seen[100];
    int n;
};

struct numbered {
    struct order *order;
    int           number;
};

static void note(void *arg)
{
    struct numbered *j = arg;
    j->order->seen[j->order->n++] = j->number;
}

START_TEST(keeps_the_order_of_submission)
{
    struct order order = { .n = 0 };
    struct numbered job[100];
    struct pool *p = NULL;
    ck_assert_int_eq(pool_new(1, "test", &p, NULL), ST_OK);
    for (int i = 0; i < 100; i++) {
        job[i] = (struct numbered){ &order, i };
        pool_submit(p, note, &job[i]);
    }
    pool_free(p);
    for (int i = 0; i < 100; i++)
        ck_assert_int_eq(order.seen[i], i);
}
END_TEST

Suite *suite_pool(void)
{
    Suite *s = suite_create("pool");
    TCase *t = tcase_create("pool");
    tcase_add_test(t, runs_every_job_before_it_ends);
    tcase_add_test(t, keeps_the_order_of_submission);
    suite_add_tcase(s, t);
    return s;
}
