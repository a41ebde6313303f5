/* host.h - a small host for tests: runs a program to its end and keeps what it said. */
#ifndef TESTS_E2E_HOST_H
#define TESTS_E2E_HOST_H

#include <sgl/sgl.h>

struct host {
    sgl_runtime *rt;
    sgl_engine  *engine;
};

struct outcome {
    char         *text;         /* printed text, then the result as JSON; freed by outcome_free */
    bool          done;         /* false: failed, text is the rendered error */
    sgl_run_stats stats;
};

/* Both end the process with a message when they fail; host_open ends it with 77 (skipped) when
 * there is no model. */
void        host_open(struct host *h, const char *model);
sgl_module *host_compile(struct host *h, const char *path);
void        host_close(struct host *h);

/* args: name, text, name, text, NULL.  NULL: none. */
sgl_run       *host_start(struct host *h, sgl_module *m, uint64_t seed, const char *const *args);
struct outcome host_finish(sgl_run *run);       /* frees the run */
struct outcome host_run(struct host *h, sgl_module *m, uint64_t seed, const char *const *args);
/* The same of one function. */
struct outcome host_call(struct host *h, sgl_module *m, const char *function, uint64_t seed,
                         const char *const *args);
void           outcome_free(struct outcome *o);

#endif
