/* batch.h - runs of many functions of one program, several at once, told in order. */
#ifndef CLI_BATCH_H
#define CLI_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include <sgl/sgl.h>

/* One run: the function and seed are the caller's, the rest is how it ended. */
struct batch_run {
    size_t      function;       /* of the module */
    uint64_t    seed;
    void       *ctx;            /* the caller's */

    bool        done;           /* it has ended, or could not start */
    bool        ok;
    sgl_value  *value;          /* of a run that is ok */
    char       *why;            /* rendered message of one that is not */
    char        kind[32];       /* "Assert" */
    sgl_error   error;
    char       *out, *err;      /* what it printed; NULL: nothing */
    size_t      n_out, n_err;
    double      ms;
    bool        no_model;       /* it asked for a model, and there is none */
};

struct batch {
    sgl_runtime          *rt;
    sgl_module           *module;
    sgl_engine           *engine;       /* or NULL */
    const sgl_run_config *config;       /* its seed is replaced by each run's */
    struct batch_run     *run;
    size_t                n_run;
    size_t                jobs;         /* at once; at least 1 */
    /* A run and all before it have ended. */
    void                (*told)(void *ctx, struct batch_run *run);
    void                 *ctx;
};

/* False: interrupted, or the system refused (a message was printed); the rest is cancelled. */
bool batch_go(struct batch *b);
void batch_run_free(struct batch_run *run);     /* what it holds */

#endif
