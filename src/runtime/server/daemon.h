/* daemon.h - the HTTP door: one daemon over one engine, a customer of the public interface.
 *
 * The daemon has threads of its own; server_start returns when the port is bound. */
#ifndef RUNTIME_SERVER_DAEMON_H
#define RUNTIME_SERVER_DAEMON_H

#include <sgl/sgl_engine.h>

struct server;

struct server_opts {
    const char *host;           /* NULL: 127.0.0.1 */
    uint16_t    port;           /* 0: any free one */
    const char *model_name;     /* served name; NULL: the engine's */
    const char *api_key;        /* NULL: none asked for */
    size_t      max_body;       /* bytes; 0: 64 MiB */
    uint32_t    max_queued;     /* waiting requests before 429; 0: 1024 */
    const char *tenants;        /* JSON: [{"name", "key"?, "weight"?, "priority"?}, ...]; NULL: none */
    uint64_t    max_deadline_ms;    /* no request may take longer; 0: no bound */
};

sgl_status server_start(sgl_engine *engine, const struct server_opts *opts, struct server **ret,
                        sgl_error *err);
uint16_t   server_port(const struct server *s);
/* Refuses new requests, cancels what runs, joins its threads; NULL is fine. */
void       server_stop(struct server *s);

#endif
