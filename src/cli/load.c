/* load.c - opens and closes the libraries of --load. */
#include "cli/load.h"

#include <stdlib.h>

#include "cli/output.h"

bool load_open(const struct options *o, struct loaded *ret, sgl_run_config *config)
{
    sgl_error err;
    *ret = (struct loaded){ calloc(o->load.n + 1, sizeof(sgl_library *)), 0 };
    for (size_t i = 0; ret->at && i < o->load.n; i++) {
        if (sgl_library_load(o->load.at[i], &ret->at[i], &err) != SGL_OK) {
            output_error(&err);
            return false;
        }
        ret->n++;
    }
    config->libraries = ret->at;
    config->n_libraries = ret->n;
    return ret->at != NULL;
}

void load_close(struct loaded *l)
{
    for (size_t i = 0; i < l->n; i++)
        sgl_library_free(l->at[i]);
    free(l->at);
}
