/* exchange.h - inside of the server: one HTTP request from its first byte to its last.
 *
 *      reading body --> route --> answered at once
 *                         |
 *                         +--> calls running --> suspended <--> woken by a call, a tick, a hang-up
 *                                                    |
 *                                                    +--> whole answer, or a stream of chunks
 *
 * The daemon thread owns an exchange.  `suspended`, `woken`, `gone` and `tick` are shared with the
 * threads that wake it and lie behind the server's mutex; nothing else is. */
#ifndef RUNTIME_SERVER_EXCHANGE_H
#define RUNTIME_SERVER_EXCHANGE_H

#include <jansson.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <sgl/sgl_engine.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "runtime/server/daemon.h"

enum {
    SERVER_MAX_CHOICES = 128,
    SERVER_MAX_STOPS = 64,
    SERVER_MAX_STOP_BYTES = 1024,
    SERVER_MAX_STOP_IDS = 128,
    SERVER_MAX_BIAS = 1024,
    SERVER_MAX_TOP = 20,
    SERVER_JSON_DEPTH = 128,
};

struct exchange;

/* Somebody with a share of the engine (tenants.c). */
struct tenant {
    char    *name;
    char    *key;                       /* NULL: goes by what requests say of their user */
    uint32_t weight;                    /* thousandths */
    bool     may_come_first;            /* its `priority` counts */
};

struct server {
    sgl_engine         *engine;
    struct MHD_Daemon  *daemon;
    pthread_t           watcher;
    bool                has_watcher;
    pthread_mutex_t     lock;
    pthread_cond_t      changed;
    struct exchange    *live;           /* list by `next` */
    uint32_t            n_live;
    bool                stopping;
    char               *model;
    char               *api_key;
    struct tenant      *tenant;         /* [n_tenant] */
    uint32_t            n_tenant;
    bool                has_keys;
    uint64_t            max_deadline_ms;    /* 0: none */
    size_t              max_body;
    uint32_t            max_queued;
    uint16_t            port;
    int64_t             started;        /* unix seconds */
    uint32_t            n_call;         /* on their way; this and the next two: the daemon thread only */
    double              ended_lately;
    uint64_t            ended_ms;
    uint64_t            n_answer[6];    /* by hundreds of the status; the daemon thread only */
};

/* One value on its way. */
struct choice {
    sgl_call         *call;
    const sgl_result *result;           /* when done; lives as long as the call */
    sgl_error         error;
    bool              done, failed;
    bool              aborted;          /* done, with what there was when the deadline came: `error` */
    struct str        text;             /* streamed so far, where a dialect repeats it */
    json_t           *ids, *logprobs, *tops;    /* likewise, of the tokens */
    uint32_t          n_token;          /* streamed so far */
    size_t            n_char;           /* characters begun in their bytes */
};

/* How an API writes answers. */
struct dialect {
    json_t *(*whole)(struct exchange *x);                               /* NULL: out of memory */
    void    (*open)(struct exchange *x);                                /* before the first chunk */
    void    (*chunk)(struct exchange *x, struct choice *c, const sgl_call_event *ev);
    void    (*finish)(struct exchange *x, struct choice *c);            /* c is done and not failed */
    void    (*close)(struct exchange *x);                               /* all are done */
};

struct answer_error {
    unsigned    status;                 /* 0: none */
    bool        permanent;              /* of a 5xx: asking again does not help */
    const char *type, *code;
    char        param[64];
    char        message[640];
};

struct exchange {
    struct server         *server;
    struct MHD_Connection *connection;
    struct exchange       *next, *prev;
    const char            *method, *path;
    const struct tenant   *tenant;      /* whose key was given, or NULL */
    struct arena           arena;       /* everything that lives as long as the exchange */
    struct str             body;
    bool                   too_big, routed;
    json_t                *json;
    struct str             ignored;     /* names of fields without a meaning */
    char                   id[64];      /* of the answer */
    char                   request_id[132];
    int64_t                created;
    struct answer_error    error;

    /* calls */
    const struct dialect  *dialect;
    struct choice         *choice;      /* [n_choice] */
    uint32_t               n_choice;
    bool                   stream, streaming, opened, ended;
    uint64_t               begun_ms, last_ms;
    struct str             out;         /* bytes of the stream not yet handed to the socket */
    size_t                 out_sent;

    /* what the dialects keep */
    const char            *model;
    const char            *prompt_text; /* echoed, or NULL */
    uint32_t               n_per_prompt;
    bool                   chat, logprobs, usage, incremental, list_answer, cached_details;
    uint32_t               top_logprobs;
    bool                   text_in_logprobs;

    /* behind the lock */
    bool                   suspended, woken, gone, tick;
};

/* ---- errors and answers (reply.c) ---- */

/* Notes what is wrong; false, for returning it.  param may be NULL. */
bool refuse(struct exchange *x, unsigned status, const char *code, const char *param,
            const char *fmt, ...) __attribute__((format(printf, 5, 6)));
bool refuse_error(struct exchange *x, const sgl_error *err, const char *param);
bool refuse_nomem(struct exchange *x);
json_t *error_json(const struct answer_error *e);
enum MHD_Result reply_error(struct exchange *x);        /* what was noted */
/* Where the cached prompt tokens of a choice that has a result came from. */
json_t *cached_json(const struct exchange *x, const struct choice *c);
enum MHD_Result reply_json(struct exchange *x, unsigned status, json_t *json);      /* takes json */
enum MHD_Result reply_text(struct exchange *x, unsigned status, const char *type, struct slice text);
void reply_headers(struct exchange *x, struct MHD_Response *response);

/* ---- fields of a body (fields.c); absent and null leave *ret alone ---- */

bool field_bool(struct exchange *x, const json_t *o, const char *name, bool *ret);
bool field_int(struct exchange *x, const json_t *o, const char *name, int64_t lo, int64_t hi,
               int64_t *ret, bool *ret_given);
bool field_num(struct exchange *x, const json_t *o, const char *name, double lo, double hi,
               double *ret);
bool field_str(struct exchange *x, const json_t *o, const char *name, const char **ret);
/* A string or a list of strings. */
bool field_texts(struct exchange *x, const json_t *o, const char *name, size_t most,
                 size_t most_bytes, const char *const **ret, size_t *ret_n);
bool field_ids(struct exchange *x, const json_t *o, const char *name, size_t most,
               const uint32_t **ret, size_t *ret_n);
bool ids_of(struct exchange *x, const json_t *list, const char *name, size_t most,
            const uint32_t **ret, size_t *ret_n);
/* Every key is in `known` (names separated by blanks), or has no effect, or is refused. */
bool fields_check(struct exchange *x, const json_t *o, const char *known, const char *without_effect,
                  const char *refused);
char *json_text(struct exchange *x, const json_t *json);       /* compact, in the arena; or NULL */

/* Sampling, stops and constraints under the names that all routes share. */
bool fields_sampling(struct exchange *x, const json_t *o, sgl_request *r);

/* ---- who asks (tenants.c) ---- */

enum status tenants_read(struct server *s, const char *text, struct error *err);
void tenants_free(struct server *s);
bool check_key(struct exchange *x);
/* user, safety_identifier, cache_salt, extra_key, priority, deadline_ms */
bool fields_identity(struct exchange *x, const json_t *o, sgl_request *r);

/* ---- the queue (overload.c); the daemon thread ---- */

bool overload_take(struct exchange *x, uint32_t n_call);        /* counts them, or refuses */
void overload_ended(struct server *s, uint32_t n_call);
uint32_t overload_retry_ms(const struct server *s);

/* ---- calls (stream.c) ---- */

/* Makes room for n calls.  Then exchange_call for each, in order; then exchange_wait. */
bool exchange_begin(struct exchange *x, const struct dialect *dialect, uint32_t n);
bool exchange_call(struct exchange *x, uint32_t i, const sgl_request *r);
enum MHD_Result exchange_wait(struct exchange *x);      /* answers, or suspends the connection */
void exchange_stop(struct exchange *x);                 /* ends the calls; the daemon thread */
void stream_json(struct exchange *x, json_t *json);     /* one event; takes json */

/* ---- life and suspension (daemon.c) ---- */

struct exchange *exchange_new(struct server *s, struct MHD_Connection *connection,
                              const char *method, const char *path);
void exchange_free(struct exchange *x);                 /* ends its calls */

bool exchange_suspend(struct exchange *x);              /* false: woken already, look again */
void exchange_wake(void *x);                            /* any thread */

/* ---- routes ---- */

enum MHD_Result route_exchange(struct exchange *x);     /* the body is there (routes.c) */
enum MHD_Result route_completions(struct exchange *x);
enum MHD_Result route_chat(struct exchange *x);
enum MHD_Result route_generate(struct exchange *x);
enum MHD_Result route_health(struct exchange *x);
enum MHD_Result route_models(struct exchange *x);
enum MHD_Result route_model_info(struct exchange *x);
enum MHD_Result route_server_info(struct exchange *x);
enum MHD_Result route_tokenize(struct exchange *x);
enum MHD_Result route_detokenize(struct exchange *x);
enum MHD_Result route_metrics(struct exchange *x);
enum MHD_Result route_flush(struct exchange *x);

#endif
