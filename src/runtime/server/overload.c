/* overload.c - when the queue is full, and when to come back.
 *
 * Calls are counted on the daemon thread, from the moment they are made: a burst is refused before
 * it costs a token.  How fast they end is a count that fades over ten seconds.  Who is sent away
 * is asked back when a tenth of what waits will have gone, which leaves room for more than the
 * first of those who come back. */
#include <math.h>

#include "base/clock.h"
#include "runtime/server/exchange.h"

enum { FADE_MS = 10000, LEAST_MS = 100, MOST_MS = 60000, UNKNOWN_MS = 5000, DRAINED = 10 };

static double faded(const struct server *s, uint64_t now_ms)
{
    return s->ended_lately * exp(-(double)(now_ms - s->ended_ms) / FADE_MS);
}

static uint32_t n_queued(const struct server *s)
{
    sgl_engine_stats st;
    sgl_engine_get_stats(s->engine, &st);
    return s->n_call > st.running ? s->n_call - st.running : 0;
}

bool overload_take(struct exchange *x, uint32_t n_call)
{
    struct server *s = x->server;
    uint32_t queued = n_queued(s);
    if (queued >= s->max_queued)
        return refuse(x, 429, "queue_full", NULL, "the queue is full: %u requests wait", queued);
    s->n_call += n_call;
    return true;
}

void overload_ended(struct server *s, uint32_t n_call)
{
    uint64_t now = clock_ms();
    s->ended_lately = faded(s, now) + n_call;
    s->ended_ms = now;
    s->n_call -= n_call;
}

uint32_t overload_retry_ms(const struct server *s)
{
    double per_ms = faded(s, clock_ms()) / FADE_MS;
    double ms = per_ms > 0 ? (n_queued(s) / (double)DRAINED + 1) / per_ms : UNKNOWN_MS;
    return ms < LEAST_MS ? LEAST_MS : ms > MOST_MS ? MOST_MS : (uint32_t)ms;
}
