/* cuda.c - opens one GPU and fills the table of kernels.
 *
 * Code is made for one architecture, so a GPU of another kind is refused by name.  Everything a
 * pass needs is made here; one thread at a time uses the device, and not always the one that
 * opened it. */
#include "kernels/cuda/cuda.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

bool cuda_ok(struct cuda *c, cudaError_t e, const char *what)
{
    if (e != cudaSuccess && c->failed == cudaSuccess) {
        c->failed = e;
        c->failed_in = what;
    }
    return c->failed == cudaSuccess;
}

/* ---- memory ---- */

static void *cuda_mem_new(struct device *d, size_t n_byte)
{
    (void)d;
    void *p = NULL;
    if (cudaMalloc(&p, n_byte ? n_byte : 1) == cudaSuccess)
        return p;
    cudaGetLastError();         /* a full GPU is not a failed one */
    return NULL;
}

static void cuda_mem_free(struct device *d, void *p)
{
    (void)d;
    cudaFree(p);
}

static uint64_t cuda_mem_room(struct device *d)
{
    (void)d;
    size_t left = 0, all = 0;
    return cudaMemGetInfo(&left, &all) == cudaSuccess ? left : 0;
}

static enum status copied(struct cuda *c, cudaError_t e, struct error *err)
{
    if (e == cudaSuccess)
        e = cudaStreamSynchronize(c->stream);
    if (e == cudaSuccess)
        return ST_OK;
    cuda_ok(c, e, "copy");
    return error_set(err, ST_INTERNAL, "copying to or from the GPU: %s", cudaGetErrorString(e));
}

static enum status cuda_upload(struct device *d, void *dst, const void *src, size_t n,
                               struct error *err)
{
    struct cuda *c = (struct cuda *)d;
    return copied(c, cudaMemcpyAsync(dst, src, n, cudaMemcpyHostToDevice, c->stream), err);
}

static enum status cuda_download(struct device *d, void *dst, const void *src, size_t n,
                                 struct error *err)
{
    struct cuda *c = (struct cuda *)d;
    cudaError_t e = cudaSetDevice(c->gpu);
    if (e == cudaSuccess)
        e = cudaMemcpyAsync(dst, src, n, cudaMemcpyDeviceToHost, c->stream);
    return copied(c, e, err);
}

static enum status cuda_wait(struct device *d, struct error *err)
{
    struct cuda *c = (struct cuda *)d;
    cuda_replay_end(c);
    cuda_ok(c, cudaStreamSynchronize(c->stream), "a kernel");
    if (c->failed == cudaSuccess)
        return ST_OK;
    enum status st = error_set(err, ST_INTERNAL, "%s failed on %s: %s", c->failed_in, c->name,
                               cudaGetErrorString(c->failed));
    c->failed = cudaSuccess;
    return st;
}

/* ---- operations ---- */

static void cuda_embed(struct device *d, const struct embed_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (c->failed == cudaSuccess && c->plan.n_row)
        cuda_ok(c, embed_launch(c->stream, c->plan.tok, c->plan.n_row, a->table->rows,
                                a->table->bf16, a->width, a->scale != 0 ? a->scale : 1.0f,
                                a->out, a->stride), "embed");
}

static void cuda_norm_add(struct device *d, const struct norm_add_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (c->failed == cudaSuccess && c->plan.n_row)
        cuda_ok(c, norm_add_launch(c->stream, a->x, c->plan.n_row, a->norm, a->eps, a->n, a->out),
                "norm_add");
}

static void cuda_cap(struct device *d, const struct cap_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (c->failed == cudaSuccess && a->n_row)
        cuda_ok(c, cap_launch(c->stream, a->x, (size_t)a->n_row * a->n, a->cap), "cap");
}

static void cuda_rope_kv(struct device *d, const struct rope_kv_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (c->failed == cudaSuccess && c->plan.n_row)
        cuda_ok(c, rope_launch(c->stream, &c->plan, a), "rope_kv");
}

static void cuda_attention(struct device *d, const struct attention_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (c->failed == cudaSuccess && c->plan.n_row)
        cuda_ok(c, attention_launch(c->stream, &c->plan, a, c->part_out, c->part_lse),
                "attention");
}

static void cuda_copy_page(struct device *d, const struct copy_page_args *a)
{
    struct cuda *c = (struct cuda *)d;
    size_t pitch = a->stride * sizeof *a->dst;
    if (c->failed == cudaSuccess && cuda_ok(c, cudaSetDevice(c->gpu), "copy_page"))
        cuda_ok(c, cudaMemcpy2DAsync(a->dst, pitch, a->src, pitch, a->n * sizeof *a->dst,
                                     a->n_layer, cudaMemcpyDeviceToDevice, c->stream),
                "copy_page");
}

/* ---- open ---- */

static void cuda_close(struct device *d)
{
    struct cuda *c = (struct cuda *)d;
    if (!c)
        return;
    cudaSetDevice(c->gpu);
    cuda_plan_free(c);
    cuda_draws_free(c);
    cuda_replays_free(c);
    cudaFree(c->act);
    cudaFree(c->part_out);
    cudaFree(c->part_lse);
    lt_free(c->lt);
    if (c->stream)
        cudaStreamDestroy(c->stream);
    mem_free(c);
}

static enum status find_gpu(int gpu, struct cudaDeviceProp *ret, struct error *err)
{
    int n = 0;
    cudaError_t e = cudaGetDeviceCount(&n);
    if (e == cudaErrorInsufficientDriver)
        return error_set(err, ST_NOT_FOUND, "this machine has no NVIDIA driver for CUDA %d.%d",
                         CUDART_VERSION / 1000, CUDART_VERSION % 1000 / 10);
    if (e != cudaSuccess || n == 0)
        return error_set(err, ST_NOT_FOUND, "this machine has no NVIDIA GPU (%s)",
                         cudaGetErrorString(e));
    if (gpu >= n)
        return error_set(err, ST_NOT_FOUND, "there is no GPU %d: this machine has %d", gpu, n);
    if (cudaGetDeviceProperties(ret, gpu) != cudaSuccess || cudaSetDevice(gpu) != cudaSuccess)
        return error_set(err, ST_NOT_FOUND, "GPU %d cannot be used: %s", gpu,
                         cudaGetErrorString(cudaGetLastError()));
    if (ret->major != 9 || ret->minor != 0)
        return error_set(err, ST_NOT_FOUND, "GPU %d (%s, compute capability %d.%d) is not one that "
                         "this build has code for (9.0)", gpu, ret->name, ret->major, ret->minor);
    return ST_OK;
}

static enum status make_buffers(struct cuda *c, struct error *err)
{
    const struct device_opts *o = &c->opts;
    uint32_t rows = (o->max_row + KERNEL_ROW_TILE - 1) / KERNEL_ROW_TILE * KERNEL_ROW_TILE;
    size_t act = (size_t)rows * o->max_width * sizeof *c->act;
    size_t lse = (size_t)MAX_PARTS * o->shape.n_head * sizeof(float);
    if (cudaStreamCreateWithFlags(&c->stream, cudaStreamNonBlocking) != cudaSuccess ||
        cudaMalloc((void **)&c->act, act) != cudaSuccess ||
        cudaMemset(c->act, 0, act) != cudaSuccess ||
        cudaMalloc((void **)&c->part_out, lse * o->shape.head_dim) != cudaSuccess ||
        cudaMalloc((void **)&c->part_lse, lse) != cudaSuccess ||
        attention_open(&o->shape) != cudaSuccess)
        return error_set(err, ST_NOMEM, "GPU %d does not start: %s", c->gpu,
                         cudaGetErrorString(cudaGetLastError()));
    enum status st = cuda_plan_new(c, err);
    if (st == ST_OK)
        st = cuda_draws_new(c, err);
    return st == ST_OK ? lt_new(rows, &c->lt, err) : st;
}

enum status cuda_device_open(const struct device_opts *opts, struct device **ret,
                             struct error *err)
{
    struct cudaDeviceProp prop;
    enum status st = find_gpu(opts->gpu, &prop, err);
    if (st != ST_OK)
        return st;
    struct cuda *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    c->opts = *opts;
    c->gpu = opts->gpu;
    snprintf(c->name, sizeof c->name, "cuda:%d (%s)", c->gpu, prop.name);
    c->ops = (struct kernels){
        .name = c->name,
        .mem_new = cuda_mem_new,
        .mem_free = cuda_mem_free,
        .mem_room = cuda_mem_room,
        .upload = cuda_upload,
        .download = cuda_download,
        .wait = cuda_wait,
        .table_new = cuda_table_new,
        .table_free = cuda_table_free,
        .matrix_new = cuda_matrix_new,
        .matrix_free = cuda_matrix_free,
        .matrix_bytes = cuda_matrix_bytes,
        .draw_add = cuda_draw_add,
        .draw_run = cuda_draw_run,
        .close = cuda_close,
#define X(op, sentence) .op = cuda_##op,
        KERNEL_ROWS(X)
#undef X
    };
    c->base.ops = &c->ops;
    st = make_buffers(c, err);
    if (st != ST_OK) {
        cuda_close(&c->base);
        return st;
    }
    *ret = &c->base;
    return ST_OK;
}
