/* backend_int.h - the implementations, for the list in backend.c, and what they share. */
#ifndef RUNTIME_BACKEND_BACKEND_INT_H
#define RUNTIME_BACKEND_BACKEND_INT_H

#include "kernels/kernels.h"
#include "runtime/backend/backend.h"

extern const struct backend_vtable backend_cpu, backend_cuda;

/* How a model is put on one kind of device. */
struct backend_kind {
    const struct backend_vtable *vt;
    enum status (*open)(const struct device_opts *opts, struct device **ret, struct error *err);
    int      gpu;
    uint32_t contexts;          /* full contexts that the default pool holds, within its budget */
    uint64_t kv_budget;         /* bytes of the pool when nobody says how many; 0: most of what
                                   the device has left when the weights are there */
};

/* backend_device.c: a vtable's functions over any table of kernels. */
enum status device_backend_open(const struct backend_kind *kind, const struct bundle *b,
                                const struct backend_opts *o, struct backend **ret,
                                struct error *err);
void        device_backend_close(struct backend *be);
const struct backend_info *device_backend_info(const struct backend *be);
enum status device_backend_forward(struct backend *be, const struct batch *b, float *logits,
                                   struct error *err);
void        device_backend_copy_page(struct backend *be, uint32_t dst, uint32_t src,
                                     uint32_t n_tok);
enum status device_backend_fetch(struct backend *be, uint32_t first, uint32_t n, float *logits,
                                 struct error *err);
enum status device_backend_draw_add(struct backend *be, uint32_t logit, const struct sampling *p,
                                    const struct sample_input *in, struct error *err);
enum status device_backend_draw_run(struct backend *be, struct backend_drawn *ret,
                                    struct error *err);
/* Adds to the device's name why a better one was passed over. */
void        device_backend_note(struct backend *be, const char *why);

#endif
