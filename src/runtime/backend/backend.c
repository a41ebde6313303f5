/* backend.c - the list of backends and the choice among them by the name of a device. */
#include "runtime/backend/backend.h"

#include <string.h>

#include "runtime/backend/backend_int.h"

/* Best first: "auto" takes the first whose device is there. */
static const struct backend_vtable *const backends[] = {
    &backend_cpu,
};

enum status backend_open(const struct bundle *b, const struct backend_opts *opts,
                         struct backend **ret, struct error *err)
{
    const char *device = opts->device ? opts->device : "auto";
    if (strcmp(device, "auto") == 0)
        return backends[0]->open(b, opts, ret, err);
    size_t kind = strcspn(device, ":");
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strlen(backends[i]->name) == kind && memcmp(backends[i]->name, device, kind) == 0)
            return backends[i]->open(b, opts, ret, err);
    if (kind == 4 && memcmp(device, "cuda", 4) == 0)
        return error_set(err, ST_UNSUPPORTED, "this build has no device \"%.64s\": it was made "
                         "without CUDA", device);
    return error_set(err, ST_UNSUPPORTED, "there is no device \"%.64s\"", device);
}

void backend_close(struct backend *be)
{
    if (be)
        be->vt->close(be);
}
