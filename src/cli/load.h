/* load.h - the shared libraries of --load, whose functions bind externs. */
#ifndef CLI_LOAD_H
#define CLI_LOAD_H

#include <stdbool.h>

#include <sgl/sgl.h>

#include "cli/options.h"

struct loaded {
    sgl_library **at;
    size_t        n;
};

/* Opens them and names them in the config.  False: a message was printed.  Closed in both cases. */
bool load_open(const struct options *o, struct loaded *ret, sgl_run_config *config);
void load_close(struct loaded *l);      /* after the runs that use them */

#endif
