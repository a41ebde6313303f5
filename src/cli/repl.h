/* repl.h - the prompt loop. */
#ifndef CLI_REPL_H
#define CLI_REPL_H

#include <sgl/sgl.h>

struct repl_opts {
    sgl_runtime          *rt;
    sgl_engine           *engine;       /* borrowed; `:model` opens others */
    const sgl_run_config *config;
    const char           *file;         /* loaded first, or NULL */
    bool                  color;
};

/* Until end of input or :quit; an exit code. */
int repl_run(const struct repl_opts *opts);

#endif
