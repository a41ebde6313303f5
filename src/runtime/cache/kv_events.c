/* kv_events.c - see kv_events.h.
 *
 * The thread owns both sockets.  It sleeps until there are new batches or somebody asks for old
 * ones, and never holds up the scheduler: what a slow subscriber does not take, ZeroMQ drops, and
 * the subscriber asks again. */
#include "runtime/cache/kv_events.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zmq.h>

#include "base/alloc.h"

enum { MAX_URL = 256, SEQ_BYTES = 8, MAX_FRAME = 256, LINGER_MS = 200, MOST_WAITING = 100000 };

struct kv_events {
    struct events *events;
    void          *context;
    void          *pub, *router;
    pthread_t      thread;
    bool           runs;
    atomic_bool    stopping;
    uint64_t       next;            /* number of the batch that is published next */
};

static void put_seq(unsigned char *out, uint64_t seq)
{
    for (int i = 0; i < SEQ_BYTES; i++)
        out[i] = (unsigned char)(seq >> (8 * (SEQ_BYTES - 1 - i)));
}

static uint64_t take_seq(const unsigned char *in)
{
    uint64_t seq = 0;
    for (int i = 0; i < SEQ_BYTES; i++)
        seq = seq << 8 | in[i];
    return seq;
}

static void publish(struct kv_events *k)
{
    struct str bytes = {0};
    uint64_t seq;
    events_woken(k->events);
    while (events_read(k->events, k->next, &seq, &bytes)) {
        unsigned char number[SEQ_BYTES];
        put_seq(number, seq);
        zmq_send(k->pub, "", 0, ZMQ_SNDMORE);
        zmq_send(k->pub, number, sizeof number, ZMQ_SNDMORE);
        zmq_send(k->pub, bytes.ptr, bytes.len, 0);
        k->next = seq + 1;
        str_cut(&bytes, 0);
    }
    str_free(&bytes);
}

/* False: whoever asked is gone. */
static bool answer(struct kv_events *k, const void *who, size_t n_who, uint64_t seq,
                   struct slice bytes)
{
    unsigned char number[SEQ_BYTES];
    put_seq(number, seq);
    return zmq_send(k->router, who, n_who, ZMQ_SNDMORE | ZMQ_DONTWAIT) >= 0 &&
           zmq_send(k->router, "", 0, ZMQ_SNDMORE) >= 0 &&
           zmq_send(k->router, number, sizeof number, ZMQ_SNDMORE) >= 0 &&
           zmq_send(k->router, bytes.ptr, bytes.len, 0) >= 0;
}

static void repeat(struct kv_events *k, const void *who, size_t n_who, uint64_t from)
{
    struct str bytes = {0};
    uint64_t seq;
    while (from < k->next && events_read(k->events, from, &seq, &bytes) && seq < k->next) {
        if (!answer(k, who, n_who, seq, str_slice(&bytes)))
            break;
        from = seq + 1;
        str_cut(&bytes, 0);
    }
    answer(k, who, n_who, UINT64_MAX, (struct slice){ "", 0 });
    str_free(&bytes);
}

/* [who, "", number]; a request of another shape is read to its end and left alone. */
static void take_request(struct kv_events *k)
{
    unsigned char frame[3][MAX_FRAME];
    int len[3] = { -1, -1, -1 }, n = 0, more = 1;
    while (more) {
        unsigned char rest[MAX_FRAME];
        int got = zmq_recv(k->router, n < 3 ? frame[n] : rest, MAX_FRAME, ZMQ_DONTWAIT);
        size_t size = sizeof more;
        if (got < 0 || zmq_getsockopt(k->router, ZMQ_RCVMORE, &more, &size) != 0)
            return;
        if (n < 3)
            len[n] = got;
        n++;
    }
    if (n == 3 && len[0] > 0 && len[0] <= MAX_FRAME && len[1] == 0 && len[2] == SEQ_BYTES)
        repeat(k, frame[0], (size_t)len[0], take_seq(frame[2]));
}

static void *run(void *arg)
{
    struct kv_events *k = arg;
    zmq_pollitem_t item[] = {
        { .socket = k->router, .events = ZMQ_POLLIN },
        { .fd = events_fd(k->events), .events = ZMQ_POLLIN },
    };
    while (!atomic_load(&k->stopping)) {
        if (zmq_poll(item, 2, -1) < 0 && errno != EINTR)
            break;
        if (item[1].revents)
            publish(k);
        if (item[0].revents)
            take_request(k);
    }
    publish(k);
    return NULL;
}

/* The address of the next port; false: not tcp://ADDR:PORT. */
static bool next_port(const char *url, char *out, size_t n_out)
{
    const char *colon = strrchr(url, ':');
    char *end;
    if (strncmp(url, "tcp://", 6) != 0 || colon < url + 6 || strlen(url) >= MAX_URL)
        return false;
    unsigned long port = strtoul(colon + 1, &end, 10);
    if (end == colon + 1 || *end || port == 0 || port >= 65535)
        return false;
    snprintf(out, n_out, "%.*s:%lu", (int)(colon - url), url, port + 1);
    return true;
}

static void *bind_socket(struct kv_events *k, int type, const char *url)
{
    int linger = LINGER_MS, most = MOST_WAITING;
    void *socket = zmq_socket(k->context, type);
    if (!socket)
        return NULL;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger, sizeof linger);
    zmq_setsockopt(socket, ZMQ_SNDHWM, &most, sizeof most);
    if (zmq_bind(socket, url) == 0)
        return socket;
    int why = errno;
    zmq_close(socket);
    errno = why;
    return NULL;
}

enum status kv_events_open(struct events *e, const char *url, struct kv_events **ret,
                           struct error *err)
{
    char replay[MAX_URL + 8];
    if (!next_port(url, replay, sizeof replay))
        return error_set(err, ST_INVALID, "%s: events are published at tcp://ADDR:PORT, "
                         "with a port from 1 to 65534", url);
    struct kv_events *k = mem_zalloc(sizeof *k);
    if (!k)
        return error_nomem(err);
    k->events = e;
    atomic_init(&k->stopping, false);
    k->context = zmq_ctx_new();
    const char *at = url;
    k->pub = k->context ? bind_socket(k, ZMQ_PUB, url) : NULL;
    if (k->pub) {
        at = replay;
        k->router = bind_socket(k, ZMQ_ROUTER, replay);
    }
    enum status st = ST_OK;
    if (!k->router)
        st = error_set(err, ST_FAILED, "%s: cannot be bound: %s", at, zmq_strerror(errno));
    else if (pthread_create(&k->thread, NULL, run, k) != 0)
        st = error_set(err, ST_FAILED, "no thread to publish events");
    k->runs = st == ST_OK;
    if (st != ST_OK) {
        kv_events_close(k);
        return st;
    }
    *ret = k;
    return ST_OK;
}

void kv_events_close(struct kv_events *k)
{
    if (!k)
        return;
    if (k->runs) {
        atomic_store(&k->stopping, true);
        events_wake(k->events);
        pthread_join(k->thread, NULL);
    }
    if (k->pub)
        zmq_close(k->pub);
    if (k->router)
        zmq_close(k->router);
    if (k->context)
        zmq_ctx_term(k->context);
    mem_free(k);
}
