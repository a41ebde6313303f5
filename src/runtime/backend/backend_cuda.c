/* backend_cuda.c - the model on one NVIDIA GPU: "cuda" is the first, "cuda:N" is GPU N. */
#include <stdlib.h>
#include <string.h>

#include "runtime/backend/backend_int.h"

static enum status gpu_number(const char *device, int *ret, struct error *err)
{
    const char *colon = device ? strchr(device, ':') : NULL;
    *ret = 0;
    if (!colon)
        return ST_OK;
    char *end;
    long n = strtol(colon + 1, &end, 10);
    if (colon[1] < '0' || colon[1] > '9' || *end || n > 255)
        return error_set(err, ST_INVALID, "\"%.64s\" names no GPU: write cuda or cuda:N", device);
    *ret = (int)n;
    return ST_OK;
}

static enum status cuda_open(const struct bundle *b, const struct backend_opts *o,
                             struct backend **ret, struct error *err)
{
    struct backend_kind kind = { .vt = &backend_cuda, .open = cuda_device_open, .contexts = 64 };
    enum status st = gpu_number(o->device, &kind.gpu, err);
    return st == ST_OK ? device_backend_open(&kind, b, o, ret, err) : st;
}

const struct backend_vtable backend_cuda = {
    .name = "cuda",
    .open = cuda_open,
    .close = device_backend_close,
    .info = device_backend_info,
    .forward = device_backend_forward,
    .copy_page = device_backend_copy_page,
    .fetch = device_backend_fetch,
    .draw_add = device_backend_draw_add,
    .draw_run = device_backend_draw_run,
};
