/* no_kv_events.c - stands in for kv_events.c where ZeroMQ is not there. */
#include "runtime/cache/kv_events.h"

enum status kv_events_open(struct events *e, const char *url, struct kv_events **ret,
                           struct error *err)
{
    (void)e;
    (void)ret;
    return error_set(err, ST_UNSUPPORTED, "%s: this build cannot publish events, "
                     "ZeroMQ was not there", url);
}

void kv_events_close(struct kv_events *k)
{
    (void)k;
}
