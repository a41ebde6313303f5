/* test_kv_events.c - a subscriber over ZeroMQ knows which blocks an engine has.
 *
 * It listens while contexts come and go in a small pool, then asks for everything once more; both
 * pictures must be the engine's own count. */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

#include "base/alloc.h"
#include "fake_engine.h"
#include "mirror.h"

enum { N_TEXT = 40, WAIT_MS = 5000, QUIET_MS = 300, MOST = 1 << 20 };

struct subscriber {
    void    *context, *sub, *ask;
    uint64_t next;
    char     bytes[MOST];
};

/* A port that is free together with the next one. */
static int free_port(void)
{
    for (int i = 0; i < 100; i++) {
        struct sockaddr_in at[2] = { { .sin_family = AF_INET } };
        socklen_t len = sizeof at[0];
        at[0].sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int a = socket(AF_INET, SOCK_STREAM, 0), b = socket(AF_INET, SOCK_STREAM, 0);
        bool ok = bind(a, (struct sockaddr *)&at[0], len) == 0 &&
                  getsockname(a, (struct sockaddr *)&at[0], &len) == 0;
        int port = ntohs(at[0].sin_port);
        at[1] = at[0];
        at[1].sin_port = htons((uint16_t)(port + 1));
        ok = ok && port < 65000 && bind(b, (struct sockaddr *)&at[1], sizeof at[1]) == 0;
        close(a);
        close(b);
        if (ok)
            return port;
    }
    REQUIRE(!"no free port");
    return 0;
}

static uint64_t number_of(const unsigned char *b)
{
    uint64_t x = 0;
    for (int i = 0; i < 8; i++)
        x = x << 8 | b[i];
    return x;
}

/* [..., "", number, batch] from a socket; false: nothing within the time. */
static bool receive(struct subscriber *s, void *socket, int ms, uint64_t *ret_seq, size_t *ret_len)
{
    zmq_pollitem_t item = { .socket = socket, .events = ZMQ_POLLIN };
    unsigned char number[16];
    if (zmq_poll(&item, 1, ms) <= 0)
        return false;
    REQUIRE(zmq_recv(socket, s->bytes, MOST, 0) == 0);
    REQUIRE(zmq_recv(socket, number, sizeof number, 0) == 8);
    int n = zmq_recv(socket, s->bytes, MOST, 0);
    REQUIRE(n >= 0 && n < MOST);
    *ret_seq = number_of(number);
    *ret_len = (size_t)n;
    return true;
}

static void listen_all(struct subscriber *s, struct mirror *m, int ms)
{
    uint64_t seq;
    size_t len;
    while (receive(s, s->sub, ms, &seq, &len)) {
        REQUIRE(seq == s->next);
        s->next = seq + 1;
        REQUIRE(mirror_take(m, (struct slice){ s->bytes, len }));
    }
}

static void ask_all(struct subscriber *s, struct mirror *m)
{
    unsigned char from[8] = {0};
    uint64_t seq, next = 0;
    size_t len;
    REQUIRE(zmq_send(s->ask, "wrong", 5, 0) == 5);      /* is left alone */
    REQUIRE(zmq_send(s->ask, "", 0, ZMQ_SNDMORE) == 0);
    REQUIRE(zmq_send(s->ask, from, sizeof from, 0) == 8);
    while (receive(s, s->ask, WAIT_MS, &seq, &len) && seq != UINT64_MAX) {
        REQUIRE(seq == next++);
        REQUIRE(mirror_take(m, (struct slice){ s->bytes, len }));
    }
    REQUIRE(seq == UINT64_MAX && len == 0 && next == s->next);
}

static void read_text(struct engine *e, const char *salt, const char *text)
{
    struct session_opts opts = { .salt = salt };
    struct session *s;
    struct drive d;
    struct error err;
    REQUIRE(session_new(e, &opts, &s, &err) == ST_OK);
    struct plan *p = drive_gen(&d, text, 20, 1);
    p->hole.ignore_eos = true;
    drive_submit(s, p);
    drive_wait(&d);
    REQUIRE(d.ok);
    drive_free(&d);
    session_drop(s);
}

static void connect_to(struct subscriber *s, int port)
{
    char url[64];
    s->context = zmq_ctx_new();
    s->sub = zmq_socket(s->context, ZMQ_SUB);
    s->ask = zmq_socket(s->context, ZMQ_DEALER);
    zmq_setsockopt(s->sub, ZMQ_SUBSCRIBE, "", 0);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    REQUIRE(zmq_connect(s->sub, url) == 0);
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port + 1);
    REQUIRE(zmq_connect(s->ask, url) == 0);
}

int main(void)
{
    static struct subscriber s;
    static struct mirror heard, asked;
    struct fake_opts small = fake_plain;
    char url[64];
    int port = free_port();
    snprintf(url, sizeof url, "tcp://127.0.0.1:%d", port);
    struct engine_opts opts = { .kv_events = url };
    small.n_page = 101;
    connect_to(&s, port);
    struct engine *e = fake_engine_open(&small, &opts, NULL);
    usleep(200000);             /* until the subscription has arrived: before it nobody listens */
    for (unsigned i = 0; i < N_TEXT; i++) {
        char *text = fake_text(60 + i, i % 7);
        read_text(e, i % 3 ? NULL : "salt", text);
        mem_free(text);
        listen_all(&s, &heard, 0);
    }
    fake_check_idle(e);
    listen_all(&s, &heard, QUIET_MS);
    ask_all(&s, &asked);

    struct engine_stats st;
    engine_stats(e, &st);
    printf("%u stored, %u removed; %u blocks of %u tokens, the engine has %u\n", heard.n_stored,
           heard.n_removed, heard.n, heard.page_tokens, st.pages_cached);
    REQUIRE(heard.n_removed && heard.n == st.pages_cached && heard.page_tokens == 16);
    REQUIRE(mirror_same(&heard, &asked));

    /* the same place once more, and one that is none */
    struct engine *second;
    struct error err;
    REQUIRE(fake_engine_try(&small, &opts, &second, &err) != ST_OK);
    fprintf(stderr, "%s\n", err.text);
    opts.kv_events = "tcp://127.0.0.1";
    REQUIRE(fake_engine_try(&small, &opts, &second, &err) == ST_INVALID);
    fprintf(stderr, "%s\n", err.text);
    engine_unref(e);
    zmq_close(s.sub);
    zmq_close(s.ask);
    zmq_ctx_term(s.context);
    printf("1 passed, 0 failed\n");
    return 0;
}
