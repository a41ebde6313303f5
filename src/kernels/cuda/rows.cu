/* rows.cu - operations on single rows: embedding, norm, gate, narrowing, bias.
 *
 * A block computes one row, and in an order that depends on the row alone.  Everything here is
 * bound by memory; rows are short, so a block's threads take every 256th element. */
#include <cuda_bf16.h>
#include <cuda_fp16.h>

#include "kernels/cuda/cuda.h"

enum { THREADS = 256, WARPS = THREADS / 32 };

/* Held at the largest finite fp16: an activation beyond it must not become infinite. */
__device__ static inline uint16_t narrow(float x, bool bf16)
{
    if (bf16)
        return __bfloat16_as_ushort(__float2bfloat16_rn(x));
    return __half_as_ushort(__float2half_rn(fminf(fmaxf(x, -65504.0f), 65504.0f)));
}

__device__ static inline float widen(uint16_t x, bool bf16)
{
    return bf16 ? __bfloat162float(__ushort_as_bfloat16(x)) : __half2float(__ushort_as_half(x));
}

/* ---- embedding ---- */

__global__ void embed_kernel(const uint32_t *tok, const uint16_t *rows, bool bf16, uint32_t width,
                             float scale, float *out /* [n_row, stride] */, size_t stride)
{
    const uint16_t *row = rows + (size_t)tok[blockIdx.x] * width;
    for (uint32_t i = threadIdx.x; i < width; i += THREADS)
        out[blockIdx.x * stride + i] = scale * widen(row[i], bf16);
}

cudaError_t embed_launch(cudaStream_t s, const uint32_t *tok, uint32_t n_row,
                         const uint16_t *rows, bool bf16, uint32_t width, float scale, float *out,
                         size_t stride)
{
    embed_kernel<<<n_row, THREADS, 0, s>>>(tok, rows, bf16, width, scale, out, stride);
    return cudaGetLastError();
}

/* ---- RMS norm ---- */

__device__ static float block_sum(float x)
{
    __shared__ float part[WARPS];
    for (int i = 16; i > 0; i /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, i);
    if (threadIdx.x % 32 == 0)
        part[threadIdx.x / 32] = x;
    __syncthreads();
    float sum = 0;
    for (int i = 0; i < WARPS; i++)
        sum += part[i];
    return sum;
}

__global__ void norm_kernel(const float *x /* [n_row, stride] */, size_t stride,
                            const uint32_t *pick, const float *w, float eps, uint32_t n,
                            uint16_t *out /* [n_row, n] */, bool bf16)
{
    const float *row = x + stride * (pick ? pick[blockIdx.x] : blockIdx.x);
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        sum = fmaf(row[i], row[i], sum);
    float scale = 1.0f / sqrtf(block_sum(sum) / (float)n + eps);
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        out[(size_t)blockIdx.x * n + i] = narrow(row[i] * scale * w[i], bf16);
}

cudaError_t norm_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                        uint32_t n_row, const float *w, float eps, uint32_t n, uint16_t *out,
                        bool bf16)
{
    norm_kernel<<<n_row, THREADS, 0, s>>>(x, stride, pick, w, eps, n, out, bf16);
    return cudaGetLastError();
}

/* ---- the norm of a row added to another ---- */

__global__ void norm_add_kernel(const float *x /* [n_row, n] */, const float *w, float eps,
                                uint32_t n, float *out /* [n_row, n] */)
{
    const float *row = x + (size_t)blockIdx.x * n;
    float sum = 0;
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        sum = fmaf(row[i], row[i], sum);
    float scale = 1.0f / sqrtf(block_sum(sum) / (float)n + eps);
    for (uint32_t i = threadIdx.x; i < n; i += THREADS)
        out[(size_t)blockIdx.x * n + i] += row[i] * scale * w[i];
}

cudaError_t norm_add_launch(cudaStream_t s, const float *x, uint32_t n_row, const float *w,
                            float eps, uint32_t n, float *out)
{
    norm_add_kernel<<<n_row, THREADS, 0, s>>>(x, w, eps, n, out);
    return cudaGetLastError();
}

/* ---- logits between two ends: cap * tanh(x / cap) ---- */

__global__ void cap_kernel(float *x /* [n] */, size_t n, float cap)
{
    size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x;
    if (i < n)
        x[i] = cap * tanhf(x[i] / cap);
}

cudaError_t cap_launch(cudaStream_t s, float *x, size_t n, float cap)
{
    cap_kernel<<<(unsigned)((n + THREADS - 1) / THREADS), THREADS, 0, s>>>(x, n, cap);
    return cudaGetLastError();
}

/* ---- gate: silu or gelu (tanh form) of x[i], times x[n + i] ---- */

__global__ void gate_kernel(const float *x /* [n_row, stride] */, size_t stride,
                            const uint32_t *pick, bool gelu, uint32_t n,
                            uint16_t *out /* [n_row, n] */, bool bf16)
{
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i >= n)
        return;
    const float *row = x + stride * (pick ? pick[blockIdx.y] : blockIdx.y);
    float g = row[i], u = gelu ? g * fmaf(g * g, 0.0713548163f, 1.59576912f) : g;
    out[(size_t)blockIdx.y * n + i] = narrow(g / (1.0f + expf(-u)) * row[n + i], bf16);
}

cudaError_t gate_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                        uint32_t n_row, bool gelu, uint32_t n, uint16_t *out, bool bf16)
{
    dim3 grid((n + THREADS - 1) / THREADS, n_row);
    gate_kernel<<<grid, THREADS, 0, s>>>(x, stride, pick, gelu, n, out, bf16);
    return cudaGetLastError();
}

/* ---- plain rows ---- */

__global__ void narrow_kernel(const float *x /* [n_row, stride] */, size_t stride,
                              const uint32_t *pick, uint32_t n, uint16_t *out /* [n_row, n] */,
                              bool bf16)
{
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i < n)
        out[(size_t)blockIdx.y * n + i] =
            narrow(x[stride * (pick ? pick[blockIdx.y] : blockIdx.y) + i], bf16);
}

cudaError_t narrow_launch(cudaStream_t s, const float *x, size_t stride, const uint32_t *pick,
                          uint32_t n_row, uint32_t n, uint16_t *out, bool bf16)
{
    dim3 grid((n + THREADS - 1) / THREADS, n_row);
    narrow_kernel<<<grid, THREADS, 0, s>>>(x, stride, pick, n, out, bf16);
    return cudaGetLastError();
}

/* ---- bias ---- */

__global__ void bias_kernel(const float *bias /* [n] */, uint32_t n,
                            float *out /* [n_row, stride] */, size_t stride)
{
    uint32_t i = blockIdx.x * THREADS + threadIdx.x;
    if (i < n)
        out[blockIdx.y * stride + i] += bias[i];
}

cudaError_t bias_launch(cudaStream_t s, const float *bias, uint32_t n_row, uint32_t n,
                        float *out, size_t stride)
{
    dim3 grid((n + THREADS - 1) / THREADS, n_row);
    bias_kernel<<<grid, THREADS, 0, s>>>(bias, n, out, stride);
    return cudaGetLastError();
}

/* ---- random bf16 in -1 .. 1, for measuring ---- */

__global__ void random_kernel(uint16_t *out /* [n] */, size_t n, uint32_t seed)
{
    for (size_t i = (size_t)blockIdx.x * THREADS + threadIdx.x; i < n;
         i += (size_t)gridDim.x * THREADS) {
        uint32_t x = (uint32_t)i * 2654435761u ^ seed;      /* a hash is random enough here */
        x = (x ^ x >> 16) * 0x85ebca6bu;
        x = (x ^ x >> 13) * 0xc2b2ae35u;
        out[i] = narrow((float)(x ^ x >> 16) * 0x1p-31f - 1.0f, true);
    }
}

cudaError_t random_launch(cudaStream_t s, uint16_t *out, size_t n, uint32_t seed)
{
    random_kernel<<<1024, THREADS, 0, s>>>(out, n, seed);
    return cudaGetLastError();
}
