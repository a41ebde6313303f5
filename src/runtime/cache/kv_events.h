/* kv_events.h - publishes the events of a cache over ZeroMQ. */
#ifndef RUNTIME_CACHE_KV_EVENTS_H
#define RUNTIME_CACHE_KV_EVENTS_H

#include "runtime/cache/events.h"

struct kv_events;

/* Binds PUB at `url` (tcp://ADDR:PORT) and ROUTER at the next port, on a thread of its own.  PUB
 * sends [topic "", number in 8 bytes, most significant first, batch]; who lost some asks ROUTER
 * with [number in 8 bytes] and gets the same for all batches from there on, then number -1 and an
 * empty batch.  The events outlive the publisher. */
enum status kv_events_open(struct events *e, const char *url, struct kv_events **ret,
                           struct error *err);
void        kv_events_close(struct kv_events *k);       /* NULL is fine */

#endif
