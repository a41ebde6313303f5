/* rope.cu - norm and rotation of q and k in place; k and v to their pages as fp16.
 *
 * A warp takes one head of one row: q heads, then k heads, then v heads.  A lane holds the pairs
 * (i, i + half) for every 32nd i, so that a rotation needs no neighbour; what does not turn lies in
 * pairs of its own behind.  Page tiles are
 * [k|v][kv_head][16][head_dim]: a token's key is one run of memory, a head's keys one tile. */
#include <cuda_fp16.h>

#include "kernels/cuda/cuda.h"

enum { THREADS = 128, WARPS = THREADS / 32 };

__device__ static inline uint16_t half_bits(float x)
{
    return __half_as_ushort(__float2half_rn(fminf(fmaxf(x, -65504.0f), 65504.0f)));
}

__device__ static float head_scale(const float *x, uint32_t hd, float eps)
{
    float sum = 0;
    for (uint32_t i = threadIdx.x % 32; i < hd; i += 32)
        sum = fmaf(x[i], x[i], sum);
    for (int i = 16; i > 0; i /= 2)
        sum += __shfl_xor_sync(0xffffffffu, sum, i);
    return 1.0f / sqrtf(sum / (float)hd + eps);
}

__global__ void rope_kernel(struct plan p, struct rope_kv_args a)
{
    uint32_t hd = a.shape.head_dim, half = hd / 2, n_q = a.shape.n_head, n_kv = a.shape.n_kv_head;
    uint32_t head = blockIdx.y * WARPS + threadIdx.x / 32, lane = threadIdx.x % 32;
    if (head >= n_q + 2 * n_kv)
        return;
    uint32_t row = blockIdx.x, slot = p.slot[row];
    float *x = a.qkv + a.stride * row + (size_t)head * hd;
    bool is_q = head < n_q, is_v = head >= n_q + n_kv;
    const float *norm = is_q ? a.q_norm : is_v ? NULL : a.k_norm;
    float scale = norm ? head_scale(x, hd, a.eps) : 1.0f, out = is_q ? a.shape.scale : 1.0f;
    uint32_t rot = a.n_rot ? a.n_rot : hd, turns = rot / 2;
    const float *cosine = a.rope ? a.rope + (size_t)p.pos[row] * rot : NULL;
    uint32_t kv_head = is_v ? head - n_q - n_kv : head - n_q;
    uint16_t *kv = a.kv.base + (size_t)(slot / KERNEL_PAGE) * a.kv.page_stride +
                   ((size_t)(is_v ? n_kv + kv_head : kv_head) * KERNEL_PAGE +
                    slot % KERNEL_PAGE) * hd;
    for (uint32_t pair = lane; pair < half; pair += 32) {
        bool turn = pair < turns;
        uint32_t i = turn ? pair : turns + pair, j = turn ? turns + pair : half + pair;
        float u = x[i], v = x[j];
        if (norm) {
            u = u * scale * norm[i];
            v = v * scale * norm[j];
        }
        if (!is_v) {
            float c = cosine && turn ? cosine[i] : 1.0f, s = cosine && turn ? cosine[j] : 0.0f;
            float t = out * (u * c - v * s);
            v = out * (v * c + u * s);
            u = t;
        }
        if (is_q) {
            x[i] = u;
            x[j] = v;
        } else {
            kv[i] = half_bits(u);
            kv[j] = half_bits(v);
        }
    }
}

cudaError_t rope_launch(cudaStream_t s, const struct plan *p, const struct rope_kv_args *a)
{
    uint32_t n_head = a->shape.n_head + 2 * a->shape.n_kv_head;
    dim3 grid(p->n_row, (n_head + WARPS - 1) / WARPS);
    rope_kernel<<<grid, THREADS, 0, s>>>(*p, *a);
    return cudaGetLastError();
}
