/* backend.c - the list of devices, picked by name in one place. */
#include <string.h>

#include "runtime/backend/backend.h"
#include "runtime/backend/backend_cpu.h"

enum status backend_open(const struct bundle *b, const struct backend_opts *opts,
                         struct backend **ret, struct error *err)
{
    const char *device = opts->device && *opts->device ? opts->device : "auto";
    if (strcmp(device, "auto") == 0 || strcmp(device, "cpu") == 0)
        return backend_cpu.open(b, opts, ret, err);
    if (strncmp(device, "cuda", 4) == 0)
        return error_set(err, ST_UNSUPPORTED, "device \"%s\": this build computes on the CPU only", device);
    return error_set(err, ST_INVALID, "no device \"%s\": auto, cpu", device);
}

void backend_close(struct backend *be)
{
    if (be)
        be->vt->close(be);
}
