/* daemon.c - libmicrohttpd on one thread, connections that wait suspended, one watcher beside it.
 *
 * A suspended connection is looked at by nobody, so the watcher does three things for it a few
 * times a second: it notices that the client has hung up, it lets time pass (headers after two
 * seconds, comments that keep a stream alive), and nothing else.  Everything that happens to an
 * exchange happens on the daemon thread; wake-ups only resume its connection. */
#include "runtime/server/daemon.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/clock.h"
#include "runtime/server/exchange.h"

enum {
    WATCH_MS = 200,
    TICK_MS = 1000,
    STOP_MS = 5000,
    IDLE_SECONDS = 600,             /* a connection that sends nothing */
    MAX_CONNECTIONS = 4096,
    DEFAULT_BODY = 64 << 20,
    FAR_TOO_BIG = 16,               /* times the limit */
    DEFAULT_QUEUED = 1024,
};

/* ---- suspension ------------------------------------------------------------------------ */

bool exchange_suspend(struct exchange *x)
{
    struct server *s = x->server;
    pthread_mutex_lock(&s->lock);
    bool look_again = x->woken || x->gone || s->stopping;
    x->woken = false;
    if (!look_again) {
        x->suspended = true;
        MHD_suspend_connection(x->connection);
    }
    pthread_mutex_unlock(&s->lock);
    return !look_again;
}

/* Under the lock. */
static void resume(struct exchange *x)
{
    if (!x->suspended) {
        x->woken = true;
        return;
    }
    x->suspended = false;
    MHD_resume_connection(x->connection);
}

void exchange_wake(void *ctx)
{
    struct exchange *x = ctx;
    pthread_mutex_lock(&x->server->lock);
    resume(x);
    pthread_mutex_unlock(&x->server->lock);
}

static bool hung_up(struct exchange *x)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct pollfd p = { .fd = info ? info->connect_fd : -1, .events = POLLRDHUP };
    return poll(&p, 1, 0) > 0 && p.revents & (POLLRDHUP | POLLHUP | POLLERR | POLLNVAL);
}

static void *watch(void *ctx)
{
    struct server *s = ctx;
    uint64_t last_tick = clock_ms();
    pthread_mutex_lock(&s->lock);
    while (!s->stopping) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_MS * 1000000L;
        until.tv_sec += until.tv_nsec / 1000000000L;
        until.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&s->changed, &s->lock, &until);
        bool tick = clock_ms() - last_tick >= TICK_MS;
        if (tick)
            last_tick = clock_ms();
        for (struct exchange *x = s->live; x; x = x->next) {
            if (!x->suspended)
                continue;
            x->gone = hung_up(x);
            x->tick = x->tick || tick;
            if (x->gone || tick)
                resume(x);
        }
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* ---- one request ----------------------------------------------------------------------- */

static void new_id(char *out, size_t size, const char *prefix)
{
    uint8_t raw[12];
    char hex[25];
    if (getrandom(raw, sizeof raw, 0) != (ssize_t)sizeof raw)
        memset(raw, 0, sizeof raw);
    for (int i = 0; i < 12; i++)
        snprintf(hex + 2 * i, 3, "%02x", raw[i]);
    snprintf(out, size, "%s%s", prefix, hex);
}

/* The caller's name for the request where it is fit for a header, else one of ours. */
static void name_request(struct exchange *x)
{
    const char *given = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, "x-request-id");
    new_id(x->id, sizeof x->id, "");
    bool fit = given && *given && strlen(given) < sizeof x->request_id;
    for (const char *c = given; fit && *c; c++)
        fit = *c > ' ' && *c < 0x7f;
    snprintf(x->request_id, sizeof x->request_id, "%s%s", fit ? "" : "req-", fit ? given : x->id);
}

struct exchange *exchange_new(struct server *s, struct MHD_Connection *connection,
                              const char *method, const char *path)
{
    struct exchange *x = mem_zalloc(sizeof *x);
    if (!x)
        return NULL;
    x->server = s;
    x->connection = connection;
    x->method = arena_strdup(&x->arena, slice_of(method));
    x->path = arena_strdup(&x->arena, slice_of(path));
    x->created = (int64_t)time(NULL);
    if (x->arena.failed) {
        arena_free(&x->arena);
        mem_free(x);
        return NULL;
    }
    name_request(x);
    pthread_mutex_lock(&s->lock);
    x->next = s->live;
    if (s->live)
        s->live->prev = x;
    s->live = x;
    s->n_live++;
    pthread_mutex_unlock(&s->lock);
    return x;
}

void exchange_free(struct exchange *x)
{
    struct server *s = x->server;
    exchange_stop(x);               /* no wake-up comes after this */
    pthread_mutex_lock(&s->lock);
    if (x->prev)
        x->prev->next = x->next;
    else
        s->live = x->next;
    if (x->next)
        x->next->prev = x->prev;
    s->n_live--;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    json_decref(x->json);
    str_free(&x->body);
    str_free(&x->ignored);
    str_free(&x->out);
    arena_free(&x->arena);
    mem_free(x);
}

/* The announced length of the body, 0 when it is not. */
static uint64_t announced(struct exchange *x)
{
    const char *length = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
                                                     MHD_HTTP_HEADER_CONTENT_LENGTH);
    return length ? strtoull(length, NULL, 10) : 0;
}

static enum MHD_Result reply_too_big(struct exchange *x)
{
    refuse(x, 413, "body_too_large", NULL, "the body has more than %zu bytes", x->server->max_body);
    return reply_error(x);
}

static void take_body(struct exchange *x, const char *data, size_t len)
{
    if (x->body.len + len > x->server->max_body) {
        x->too_big = true;
        str_free(&x->body);
    }
    if (!x->too_big)
        str_add(&x->body, data, len);
}

static enum MHD_Result on_request(void *ctx, struct MHD_Connection *connection, const char *path,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **state)
{
    (void)version;
    struct exchange *x = *state;
    if (!x) {
        x = exchange_new(ctx, connection, method, path);
        *state = x;
        if (!x)
            return MHD_NO;
        /* A body that is somewhat too large is read and dropped, so that its sender hears why;
         * one that is far too large is not read at all. */
        x->too_big = announced(x) > x->server->max_body;
        return announced(x) / FAR_TOO_BIG > x->server->max_body ? reply_too_big(x) : MHD_YES;
    }
    if (*data_size) {
        take_body(x, data, *data_size);
        *data_size = 0;
        return MHD_YES;
    }
    if (x->too_big)
        return reply_too_big(x);
    if (x->routed)
        return exchange_wait(x);    /* resumed */
    x->routed = true;
    return route_exchange(x);
}

static void on_completed(void *ctx, struct MHD_Connection *connection, void **state,
                         enum MHD_RequestTerminationCode code)
{
    (void)ctx;
    (void)connection;
    (void)code;
    if (*state)
        exchange_free(*state);
    *state = NULL;
}

/* ---- start and stop -------------------------------------------------------------------- */

static sgl_status fail(sgl_error *err, sgl_status st, const char *fmt, const char *what)
{
    if (err) {
        memset(err, 0, sizeof *err);
        err->status = st;
        snprintf(err->text, sizeof err->text, fmt, what);
    }
    return st;
}

static bool parse_address(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
    struct addrinfo hints = { .ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM }, *list = NULL;
    char service[8];
    snprintf(service, sizeof service, "%u", port);
    if (getaddrinfo(host, service, &hints, &list) != 0 || !list)
        return false;
    memcpy(ret, list->ai_addr, list->ai_addrlen);
    freeaddrinfo(list);
    return true;
}

static bool start_daemon(struct server *s, const struct sockaddr_storage *at)
{
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
                     (at->ss_family == AF_INET6 ? MHD_USE_IPv6 : 0u);
    s->daemon = MHD_start_daemon(flags, 0, NULL, NULL, on_request, s,
                                 MHD_OPTION_SOCK_ADDR, (const struct sockaddr *)at,
                                 MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                                 MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                                 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)IDLE_SECONDS,
                                 MHD_OPTION_LISTENING_ADDRESS_REUSE, 1u,
                                 MHD_OPTION_END);
    if (!s->daemon)
        return false;
    const union MHD_DaemonInfo *info = MHD_get_daemon_info(s->daemon, MHD_DAEMON_INFO_BIND_PORT);
    s->port = info ? info->port : 0;
    return true;
}

sgl_status server_start(sgl_engine *engine, const struct server_opts *opts, struct server **ret,
                        sgl_error *err)
{
    struct sockaddr_storage at;
    const char *host = opts->host ? opts->host : "127.0.0.1";
    if (!parse_address(host, opts->port, &at))
        return fail(err, SGL_INVALID, "%s is not an address of this machine", host);
    struct server *s = mem_zalloc(sizeof *s);
    if (!s)
        return fail(err, SGL_NOMEM, "%s", "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    s->engine = sgl_engine_ref(engine);
    s->max_body = opts->max_body ? opts->max_body : DEFAULT_BODY;
    s->max_queued = opts->max_queued ? opts->max_queued : DEFAULT_QUEUED;
    s->max_deadline_ms = opts->max_deadline_ms;
    s->started = (int64_t)time(NULL);
    sgl_engine_info info;
    sgl_engine_get_info(engine, &info);
    s->model = mem_strdup(opts->model_name ? opts->model_name : info.model ? info.model : "model");
    s->api_key = opts->api_key && *opts->api_key ? mem_strdup(opts->api_key) : NULL;
    if (!s->model || (opts->api_key && *opts->api_key && !s->api_key)) {
        server_stop(s);
        return fail(err, SGL_NOMEM, "%s", "out of memory");
    }
    struct error why;
    if (tenants_read(s, opts->tenants, &why) != ST_OK) {
        server_stop(s);
        return fail(err, SGL_INVALID, "tenants: %.400s", why.text);
    }
    if (!start_daemon(s, &at)) {
        int why = errno;
        char where[160];
        snprintf(where, sizeof where, "%.100s port %u", host, opts->port);
        server_stop(s);
        return fail(err, SGL_IO, why == EADDRINUSE ? "%s is in use" : "cannot listen on %s", where);
    }
    if (pthread_create(&s->watcher, NULL, watch, s) != 0) {
        server_stop(s);
        return fail(err, SGL_NOMEM, "%s", "no more threads");
    }
    s->has_watcher = true;
    *ret = s;
    return SGL_OK;
}

uint16_t server_port(const struct server *s)
{
    return s->port;
}

/* Ends what waits; its clients are answered with an error where nothing was sent yet. */
static void drain(struct server *s)
{
    uint64_t until = clock_ms() + STOP_MS;
    pthread_mutex_lock(&s->lock);
    s->stopping = true;
    pthread_cond_broadcast(&s->changed);
    for (struct exchange *x = s->live; x; x = x->next) {
        x->gone = true;
        resume(x);
    }
    while (s->n_live && clock_ms() < until) {
        struct timespec wait;
        clock_gettime(CLOCK_REALTIME, &wait);
        wait.tv_nsec += 20000000L;
        wait.tv_sec += wait.tv_nsec / 1000000000L;
        wait.tv_nsec %= 1000000000L;
        pthread_cond_timedwait(&s->changed, &s->lock, &wait);
    }
    pthread_mutex_unlock(&s->lock);
}

void server_stop(struct server *s)
{
    if (!s)
        return;
    if (s->daemon) {
        MHD_socket listener = MHD_quiesce_daemon(s->daemon);
        drain(s);
        if (s->has_watcher)
            pthread_join(s->watcher, NULL);
        MHD_stop_daemon(s->daemon);
        if (listener != MHD_INVALID_SOCKET)
            close(listener);
    }
    sgl_engine_unref(s->engine);
    mem_free(s->model);
    mem_free(s->api_key);
    tenants_free(s);
    pthread_cond_destroy(&s->changed);
    pthread_mutex_destroy(&s->lock);
    mem_free(s);
}
