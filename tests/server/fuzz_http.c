/* fuzz_http.c - any bytes as the body of a request to each route, without a network.
 *
 * The few functions of libmicrohttpd that a route calls are answered here; a route that waits for
 * its calls is left waiting and ended, as a client that hangs up does it. */
#include <stdint.h>
#include <string.h>

#include "base/alloc.h"
#include "fake_engine.h"
#include "runtime/server/exchange.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

const char *MHD_lookup_connection_value(struct MHD_Connection *c, enum MHD_ValueKind kind,
                                        const char *key)
{
    (void)c;
    (void)kind;
    return strcmp(key, MHD_HTTP_HEADER_CONTENT_TYPE) == 0 ? "application/json" : NULL;
}

struct MHD_Response *MHD_create_response_from_buffer(size_t size, void *buffer,
                                                     enum MHD_ResponseMemoryMode mode)
{
    (void)mode;
    char *copy = mem_alloc(size + 1);
    if (copy && size)
        memcpy(copy, buffer, size);
    return (struct MHD_Response *)copy;
}

struct MHD_Response *MHD_create_response_from_callback(uint64_t size, size_t block,
                                                       MHD_ContentReaderCallback read, void *ctx,
                                                       MHD_ContentReaderFreeCallback release)
{
    (void)size;
    (void)block;
    (void)read;
    (void)ctx;
    (void)release;
    return mem_alloc(1);
}

enum MHD_Result MHD_add_response_header(struct MHD_Response *r, const char *name, const char *value)
{
    (void)r;
    for (const char *c = value; *c; c++)
        if ((unsigned char)*c < ' ' || (unsigned char)*c >= 0x7f)
            __builtin_trap();           /* a header that no client would take */
    return *name ? MHD_YES : MHD_NO;
}

enum MHD_Result MHD_queue_response(struct MHD_Connection *c, unsigned status,
                                   struct MHD_Response *r)
{
    (void)c;
    (void)r;
    return status >= 200 && status < 600 ? MHD_YES : MHD_NO;
}

void MHD_destroy_response(struct MHD_Response *r)
{
    mem_free(r);
}

void MHD_suspend_connection(struct MHD_Connection *c)
{
    (void)c;
}

void MHD_resume_connection(struct MHD_Connection *c)
{
    (void)c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const paths[] = { "/v1/chat/completions", "/v1/completions", "/generate",
                                         "/tokenize", "/detokenize" };
    static sgl_engine engine;
    struct server server = { .engine = &engine, .model = (char *)"fake", .max_body = 1 << 20,
                             .max_queued = 8 };
    pthread_mutex_init(&server.lock, NULL);
    pthread_cond_init(&server.changed, NULL);
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct exchange *x = exchange_new(&server, NULL, "POST", paths[i]);
        if (!x)
            continue;
        str_add(&x->body, (const char *)data, size);
        route_exchange(x);
        exchange_free(x);
    }
    pthread_cond_destroy(&server.changed);
    pthread_mutex_destroy(&server.lock);
    return 0;
}
