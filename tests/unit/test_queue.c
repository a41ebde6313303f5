#include <poll.h>
#include <pthread.h>

#include "base/queue.h"
#include "suites.h"

enum { N_WRITER = 4, N_ITEM = 500 };

struct item {
    struct queue_item link;
    int               writer;
    int               number;
};

struct writer {
    struct queue *queue;
    struct item   item[N_ITEM];
    int           id;
};

static void *write_items(void *arg)
{
    struct writer *w = arg;
    for (int i = 0; i < N_ITEM; i++) {
        w->item[i] = (struct item){ .writer = w->id, .number = i };
        queue_push(w->queue, &w->item[i].link);
    }
    return NULL;
}

START_TEST(keeps_the_order_of_each_writer)
{
    static struct writer w[N_WRITER];
    struct queue *q = NULL;
    pthread_t thread[N_WRITER];
    int next[N_WRITER] = { 0 };
    ck_assert_int_eq(queue_new(&q, NULL), ST_OK);
    for (int i = 0; i < N_WRITER; i++) {
        w[i].queue = q;
        w[i].id = i;
        pthread_create(&thread[i], NULL, write_items, &w[i]);
    }
    for (int i = 0; i < N_WRITER * N_ITEM; i++) {
        struct item *it = (struct item *)queue_wait(q, 5000);
        ck_assert_ptr_nonnull(it);
        ck_assert_int_eq(it->number, next[it->writer]++);
    }
    for (int i = 0; i < N_WRITER; i++)
        pthread_join(thread[i], NULL);
    ck_assert_ptr_null(queue_pop(q));
    queue_free(q);
}
END_TEST

static int is_readable(struct queue *q)
{
    struct pollfd p = { .fd = queue_fd(q), .events = POLLIN };
    return poll(&p, 1, 0);
}

START_TEST(fd_says_whether_it_holds_items)
{
    struct queue *q = NULL;
    struct item a = { .number = 1 }, b = { .number = 2 };
    ck_assert_int_eq(queue_new(&q, NULL), ST_OK);
    ck_assert_int_eq(is_readable(q), 0);
    queue_push(q, &a.link);
    queue_push(q, &b.link);
    ck_assert_int_eq(is_readable(q), 1);
    ck_assert_ptr_eq(queue_pop(q), &a.link);
    ck_assert_int_eq(is_readable(q), 1);
    ck_assert_ptr_eq(queue_pop(q), &b.link);
    ck_assert_int_eq(is_readable(q), 0);
    ck_assert_ptr_null(queue_wait(q, 0));
    ck_assert_ptr_null(queue_wait(q, 10));
    queue_free(q);
}
END_TEST

Suite *suite_queue(void)
{
    Suite *s = suite_create("queue");
    TCase *t = tcase_create("queue");
    tcase_add_test(t, keeps_the_order_of_each_writer);
    tcase_add_test(t, fd_says_whether_it_holds_items);
    suite_add_tcase(s, t);
    return s;
}
