/* load_client.h - many streamed completions against one server, timed from the outside.
 *
 *      arrives          first text    more text            over
 *        |------ ttft ------|--- gap ---|--- gap ---| ...   |
 *        |------------------------ e2e ---------------------|
 *
 * Speaks OpenAI's POST /v1/completions with `stream`, which this project's server and others have.
 * What is asked, and when, depends on the seed alone. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

struct load_shape {
    uint64_t seed;
    uint32_t n_request;
    uint32_t prompt_lo, prompt_hi;      /* words of a prompt, ... */
    uint32_t n_shared;                  /* ... behind as many that all begin with */
    uint32_t out_lo, out_hi;            /* tokens asked for */
    double   rate;                      /* open loop: requests a second, Poisson; 0: closed */
    uint32_t n_at_once;                 /* closed loop: requests under way */
};

/* Seconds since the load began.  An open loop counts from the moment at which a request was due, so
 * that a client which falls behind hides nothing. */
struct load_sample {
    double   due, first, last, over;    /* first 0: no text came */
    uint32_t n_chunk;                   /* pieces of text */
    uint32_t n_out;                     /* tokens: as the server counts them, or else pieces */
    bool     ok;
    char     why[160];                  /* not ok */
};

struct load_result {
    struct load_sample *sample;         /* [n_request] */
    double             *gap;            /* [n_gap] between two pieces of one answer */
    uint32_t            n_gap, cap_gap;
    double              seconds;        /* until the last one was over */
};

/* url: "http://host:port"; model: the name to send.  Ends the process when curl cannot begin. */
void load_run(const char *url, const char *model, const struct load_shape *shape,
              struct load_result *ret);
void load_free(struct load_result *r);

#endif
