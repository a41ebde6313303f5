/* routes.c - the table of routes, and what is the same for all of them: who may ask, and what a
 * body must be. */
#include <string.h>

#include "base/jsonio.h"
#include "runtime/server/exchange.h"

struct route {
    const char *method;
    const char *path;           /* a final '*' takes the rest */
    bool        json;           /* has a JSON object as its body */
    bool        open;           /* needs no key */
    enum MHD_Result (*fn)(struct exchange *x);
};

static const struct route routes[] = {
    { "POST", "/v1/chat/completions", true, false, route_chat },
    { "POST", "/v1/completions", true, false, route_completions },
    { "POST", "/generate", true, false, route_generate },
    { "PUT", "/generate", true, false, route_generate },
    { "GET", "/v1/models", false, false, route_models },
    { "GET", "/v1/models/*", false, false, route_models },
    { "GET", "/health", false, true, route_health },
    { "GET", "/get_model_info", false, false, route_model_info },
    { "GET", "/model_info", false, false, route_model_info },
    { "GET", "/get_server_info", false, false, route_server_info },
    { "GET", "/server_info", false, false, route_server_info },
    { "GET", "/metrics", false, false, route_metrics },
    { "POST", "/flush_cache", false, false, route_flush },
    { "POST", "/tokenize", true, false, route_tokenize },
    { "POST", "/v1/tokenize", true, false, route_tokenize },
    { "POST", "/detokenize", true, false, route_detokenize },
    { "POST", "/v1/detokenize", true, false, route_detokenize },
};

static bool path_fits(const char *pattern, const char *path)
{
    size_t n = strlen(pattern);
    if (pattern[n - 1] == '*')
        return strncmp(pattern, path, n - 1) == 0;
    return strcmp(pattern, path) == 0;
}

static const struct route *find_route(const char *method, const char *path, bool *ret_other)
{
    *ret_other = false;
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++) {
        if (!path_fits(routes[i].path, path))
            continue;
        if (strcmp(routes[i].method, method) == 0 ||
            (strcmp(routes[i].method, "GET") == 0 && strcmp(method, "HEAD") == 0))
            return &routes[i];
        *ret_other = true;
    }
    return NULL;
}

static bool read_body(struct exchange *x)
{
    const char *type = MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND,
                                                   MHD_HTTP_HEADER_CONTENT_TYPE);
    if (!type || strncasecmp(type, "application/json", 16) != 0)
        return refuse(x, 415, "json_required", NULL, "the body must be application/json");
    if (x->body.failed)
        return refuse_nomem(x);
    struct jsonio_limits limits = { .max_bytes = x->server->max_body,
                                    .max_depth = SERVER_JSON_DEPTH };
    struct error err = { 0 };
    if (jsonio_load(str_slice(&x->body), &limits, &x->json, &err) != ST_OK)
        return refuse(x, 400, "invalid_json", NULL, "the body is not JSON: %s", err.text);
    if (!json_is_object(x->json))
        return refuse(x, 400, "invalid_json", NULL, "the body must be a JSON object");
    str_free(&x->body);
    return true;
}

static bool is_stopping(struct exchange *x)
{
    pthread_mutex_lock(&x->server->lock);
    bool stopping = x->server->stopping;
    pthread_mutex_unlock(&x->server->lock);
    return stopping;
}

enum MHD_Result route_exchange(struct exchange *x)
{
    bool other;
    const struct route *r = find_route(x->method, x->path, &other);
    bool ok = true;
    if (is_stopping(x))
        ok = refuse(x, 503, "draining", NULL, "the server is stopping");
    else if (!r && other)
        ok = refuse(x, 405, "method_not_allowed", NULL, "%.16s is not allowed for %.200s",
                    x->method, x->path);
    else if (!r)
        ok = refuse(x, 404, "not_found", NULL, "there is no route %.200s", x->path);
    ok = ok && (r->open || check_key(x)) && (!r->json || read_body(x));
    return ok ? r->fn(x) : reply_error(x);
}
