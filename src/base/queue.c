/* queue.c - a locked list of intrusive items and an eventfd that is readable while it holds any.
 *
 * Writers push under the lock and write the eventfd when the list was empty; the reader clears
 * it when it takes the last item.  Both happen under the lock, so the fd and the list agree. */
#include "base/queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"

/* Crosses threads: first and last behind `lock`; fd is set once. */
struct queue {
    pthread_mutex_t    lock;
    struct queue_item *first;
    struct queue_item *last;
    int                fd;
};

enum status queue_new(struct queue **ret_queue, struct error *err)
{
    struct queue *q = mem_zalloc(sizeof *q);
    if (!q)
        return error_nomem(err);
    q->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (q->fd < 0) {
        enum status st = error_set(err, ST_IO, "eventfd: %s", strerror(errno));
        mem_free(q);
        return st;
    }
    pthread_mutex_init(&q->lock, NULL);
    *ret_queue = q;
    return ST_OK;
}

void queue_push(struct queue *q, struct queue_item *item)
{
    item->next = NULL;
    pthread_mutex_lock(&q->lock);
    if (q->last) {
        q->last->next = item;
    } else {
        q->first = item;
        eventfd_write(q->fd, 1);
    }
    q->last = item;
    pthread_mutex_unlock(&q->lock);
}

struct queue_item *queue_pop(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    struct queue_item *item = q->first;
    if (item) {
        q->first = item->next;
        item->next = NULL;
        if (!q->first) {
            eventfd_t seen;
            q->last = NULL;
            eventfd_read(q->fd, &seen);
        }
    }
    pthread_mutex_unlock(&q->lock);
    return item;
}

struct queue_item *queue_wait(struct queue *q, int timeout_ms)
{
    uint64_t end = timeout_ms < 0 ? 0 : clock_ms() + (uint64_t)timeout_ms;
    for (;;) {
        struct queue_item *item = queue_pop(q);
        if (item)
            return item;
        int left = -1;
        if (timeout_ms >= 0) {
            uint64_t now = clock_ms();
            if (now >= end && timeout_ms > 0)
                return NULL;
            left = now >= end ? 0 : (int)(end - now);
        }
        struct pollfd p = { .fd = q->fd, .events = POLLIN };
        int n = poll(&p, 1, left);
        if (n == 0 && left == 0)
            return queue_pop(q);
    }
}

int queue_fd(const struct queue *q)
{
    return q->fd;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    pthread_mutex_destroy(&q->lock);
    close(q->fd);
    mem_free(q);
}
