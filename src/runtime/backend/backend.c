/* backend.c - the list of backends and the choice among them by the name of a device. */
#include "runtime/backend/backend.h"

#include <string.h>

#include "runtime/backend/backend_int.h"

/* Best first: "auto" takes the first whose device is there; the last one always is. */
static const struct backend_vtable *const backends[] = {
    &backend_cuda,
    &backend_cpu,
};

/* A GPU that is not there, or not of our kind, is no error here.  A build that could use one says
 * in the device's name why it does not. */
static enum status open_auto(const struct bundle *b, const struct backend_opts *opts,
                             struct backend **ret, struct error *err)
{
    struct error why = { 0 };
    struct backend_opts o = *opts;
    o.device = NULL;
    enum status st = backend_cuda.open(b, &o, ret, &why);
    if (st != ST_UNSUPPORTED && st != ST_NOT_FOUND) {
        if (st != ST_OK && err)
            *err = why;
        return st;
    }
    bool could = st == ST_NOT_FOUND;
    st = backend_cpu.open(b, &o, ret, err);
    if (st == ST_OK && could)
        device_backend_note(*ret, why.text);
    return st;
}

enum status backend_open(const struct bundle *b, const struct backend_opts *opts,
                         struct backend **ret, struct error *err)
{
    const char *device = opts->device ? opts->device : "auto";
    if (strcmp(device, "auto") == 0)
        return open_auto(b, opts, ret, err);
    size_t kind = strcspn(device, ":");
    for (size_t i = 0; i < sizeof backends / sizeof *backends; i++)
        if (strlen(backends[i]->name) == kind && memcmp(backends[i]->name, device, kind) == 0)
            return backends[i]->open(b, opts, ret, err);
    return error_set(err, ST_UNSUPPORTED, "there is no device \"%.64s\"", device);
}

void backend_close(struct backend *be)
{
    if (be)
        be->vt->close(be);
}
