/* ceilings.c - what this GPU reaches: a copy of memory, a bf16 product of random numbers.
 *
 * Random, because zeros run faster than any model. */
#include "kernels/cuda/cuda.h"

enum { SIDE = 8192, RUNS = 10 };

static const size_t COPY_BYTES = (size_t)2 << 30;

static enum status failed(struct error *err)
{
    return error_set(err, ST_INTERNAL, "measuring the GPU: %s",
                     cudaGetErrorString(cudaGetLastError()));
}

/* Seconds of one of RUNS calls; the first is not counted. */
static float since(cudaEvent_t a, cudaEvent_t b, cudaStream_t s)
{
    float ms = 0;
    cudaEventRecord(b, s);
    cudaEventSynchronize(b);
    cudaEventElapsedTime(&ms, a, b);
    return ms / 1e3f / RUNS;
}

static enum status time_copy(cudaStream_t s, cudaEvent_t a, cudaEvent_t b, double *ret,
                             struct error *err)
{
    char *p = NULL;
    if (cudaMalloc((void **)&p, 2 * COPY_BYTES) != cudaSuccess)
        return failed(err);
    random_launch(s, (uint16_t *)p, COPY_BYTES, 1);
    for (int i = 0; i <= RUNS; i++) {
        if (i == 1)
            cudaEventRecord(a, s);
        cudaMemcpyAsync(p + COPY_BYTES, p, COPY_BYTES, cudaMemcpyDeviceToDevice, s);
    }
    *ret = 2.0 * (double)COPY_BYTES / (double)since(a, b, s);
    cudaFree(p);
    return cudaGetLastError() == cudaSuccess ? ST_OK : failed(err);
}

static enum status time_product(cudaStream_t s, cudaEvent_t a, cudaEvent_t b, double *ret,
                                struct error *err)
{
    struct lt *lt = NULL;
    const struct lt_choice *c = NULL;
    uint16_t *in = NULL;
    float *out = NULL;
    size_t n = (size_t)SIDE * SIDE;
    enum status st = lt_new(SIDE, &lt, err);
    if (st == ST_OK)
        st = lt_choose_large(lt, SIDE, SIDE, true, &c, err);
    if (st == ST_OK && (cudaMalloc((void **)&in, 2 * n * sizeof *in) != cudaSuccess ||
                        cudaMalloc((void **)&out, n * sizeof *out) != cudaSuccess))
        st = failed(err);
    if (st == ST_OK) {
        random_launch(s, in, 2 * n, 2);
        for (int i = 0; i <= RUNS; i++) {
            if (i == 1)
                cudaEventRecord(a, s);
            lt_product(lt, s, c, in, in + n, SIDE, out, false);
        }
        *ret = 2.0 * SIDE * (double)n / (double)since(a, b, s);
        if (cudaGetLastError() != cudaSuccess)
            st = failed(err);
    }
    cudaFree(in);
    cudaFree(out);
    lt_free(lt);
    return st;
}

enum status cuda_ceilings(int gpu, double *ret_copy, double *ret_product, struct error *err)
{
    cudaStream_t s;
    cudaEvent_t a, b;
    if (cudaSetDevice(gpu) != cudaSuccess || cudaStreamCreate(&s) != cudaSuccess)
        return failed(err);
    cudaEventCreate(&a);
    cudaEventCreate(&b);
    enum status st = time_copy(s, a, b, ret_copy, err);
    if (st == ST_OK)
        st = time_product(s, a, b, ret_product, err);
    cudaEventDestroy(a);
    cudaEventDestroy(b);
    cudaStreamDestroy(s);
    return st;
}
