/* backend_cpu.c - the model on the cores of this machine. */
#include "runtime/backend/backend_int.h"

static enum status cpu_open(const struct bundle *b, const struct backend_opts *o,
                            struct backend **ret, struct error *err)
{
    /* Machines are often shared: a gigabyte of pages unless more are asked for. */
    struct backend_kind kind = { .vt = &backend_cpu, .open = cpu_device_open, .contexts = 8,
                                 .kv_budget = 1ull << 30 };
    return device_backend_open(&kind, b, o, ret, err);
}

const struct backend_vtable backend_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = device_backend_close,
    .info = device_backend_info,
    .forward = device_backend_forward,
    .copy_page = device_backend_copy_page,
};
