/* queue.h - many writers, one reader, woken through an eventfd.
 *
 * Items are intrusive: a struct queue_item is the first member of what is posted, and belongs to
 * the queue from push to pop. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>

#include "base/error.h"

struct queue_item {
    struct queue_item *next;
};

struct queue;

enum status queue_new(struct queue **ret_queue, struct error *err);
void        queue_push(struct queue *q, struct queue_item *item);   /* any thread; never fails */
struct queue_item *queue_pop(struct queue *q);      /* reader; NULL when empty; first in, first out */
struct queue_item *queue_wait(struct queue *q, int timeout_ms);     /* -1: for ever; NULL: timed out */
int         queue_fd(const struct queue *q);        /* readable while the queue may hold items */
void        queue_free(struct queue *q);            /* must be empty */

#endif
