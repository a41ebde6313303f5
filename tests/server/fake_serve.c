/* fake_serve.c - serves the fake engine; prints its port, ends with its standard input.
 *
 *     fake_serve [KEY [TENANTS [MAX_QUEUED [MAX_DEADLINE_MS]]]]
 *
 * KEY may be empty; TENANTS is the JSON itself. */
#include <stdio.h>
#include <stdlib.h>

#include "fake_engine.h"
#include "runtime/server/daemon.h"

int main(int argc, char **argv)
{
    sgl_engine engine = { 1, 0, 0, 0, 0 };
    struct server_opts opts = { .api_key = argc > 1 ? argv[1] : NULL, .max_body = 1 << 20,
                                .tenants = argc > 2 ? argv[2] : NULL,
                                .max_queued = argc > 3 ? (uint32_t)atoi(argv[3]) : 0,
                                .max_deadline_ms = argc > 4 ? (uint64_t)atoi(argv[4]) : 0 };
    struct server *server;
    sgl_error err;
    if (server_start(&engine, &opts, &server, &err) != SGL_OK) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("%u\n", server_port(server));
    fflush(stdout);
    while (getchar() != EOF)
        ;
    server_stop(server);
    if (engine.refs != 1 || engine.live != 0) {
        fprintf(stderr, "%d references, %d calls are left\n", (int)engine.refs, (int)engine.live);
        return 1;
    }
    return 0;
}
