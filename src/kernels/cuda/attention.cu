/* attention.cu - causal attention over pages, for decoding and prefill alike.
 *
 * A block of threads takes one tile: up to 4 or 16 queries of one KV head, so that the heads of a
 * group and neighbouring rows share one reading of K and V.  Keys are taken in blocks of
 * KERNEL_KEY_BLOCK cut at absolute positions; a block gives every query (out, lse), and blocks
 * are merged ascending.  A tile of a prefill goes through its blocks by itself; when decoding,
 * blocks are works of their own whose results wait in `part` and are folded by a second kernel.
 * Both merge the same numbers by the same function in the same order, and no sum runs over
 * queries: a query's bits depend neither on the way nor on its neighbours.
 *
 * Keys and values come through a ring of small tiles in shared memory, two ahead of the one that
 * is worked on: a decoding block has nothing else to hide the way to memory behind.
 *
 * lse is the natural logarithm, fp32.  Plain fp32 arithmetic: correct first, tensor cores later. */
#include <cuda_fp16.h>

#include "kernels/cuda/cuda.h"

enum { THREADS = 128, WARPS = THREADS / 32, BLOCK = KERNEL_KEY_BLOCK, PAGE = KERNEL_PAGE,
       RING = 3 };

/* Keys (or values) of one place of the ring, and the length of a row there: its end keeps the
 * reads of neighbouring keys on different banks. */
template <int HD> struct keys_of { enum { N = HD <= 128 ? 64 : 32, ROW = HD + 8 }; };

template <int HD, int QT> struct shared_tile {
    float    q[QT][HD];
    float    score[QT][BLOCK];
    uint16_t ring[RING][keys_of<HD>::N][keys_of<HD>::ROW];
    float    sum[QT], lse[QT];          /* of the running block; lse -inf: no key is seen */
    uint32_t seen[QT];                  /* end of the keys that a query sees */
    uint32_t first[QT];                 /* and their first: where its window begins */
};

/* (out, lse) a and b to the merged one: the weights of the two outs. */
__device__ static inline float merge_weights(float la, float lb, float *wa, float *wb)
{
    float m = fmaxf(la, lb);
    float a = expf(la - m), b = expf(lb - m), sum = a + b;
    *wa = a / sum;
    *wb = b / sum;
    return m + logf(sum);
}

__device__ static inline float merge_out(float a, float b, float wa, float wb)
{
    return a * wa + b * wb;
}

__device__ static inline uint32_t first_key(const struct attention_args &a, uint32_t end)
{
    return a.window && end > a.window ? end - a.window : 0;
}

__device__ static const uint16_t *tile_row(const struct attention_args &a, const uint32_t *page,
                                           uint32_t key, uint32_t head)
{
    return a.kv.base + (size_t)page[key / PAGE] * a.kv.page_stride +
           ((size_t)head * PAGE + key % PAGE) * a.shape.head_dim;
}

/* Stage n of a work: tiles of keys of its first block, tiles of values, the same of the next. */
template <int HD, int QT>
__device__ static void fetch(struct shared_tile<HD, QT> &s, const struct attention_args &a,
                             const uint32_t *page, uint32_t kv_head, uint32_t block0,
                             uint32_t stage, uint32_t most)
{
    constexpr int N = keys_of<HD>::N, TILES = BLOCK / N;
    uint32_t in_block = stage % (2 * TILES);
    uint32_t key0 = (block0 + stage / (2 * TILES)) * BLOCK + in_block % TILES * N;
    uint32_t head = in_block < TILES ? kv_head : a.shape.n_kv_head + kv_head;
    for (uint32_t i = threadIdx.x; i < N * HD / 8; i += THREADS) {
        uint32_t k = i / (HD / 8), d = i % (HD / 8) * 8;
        if (key0 + k < most) {
            uint32_t to = (uint32_t)__cvta_generic_to_shared(&s.ring[stage % RING][k][d]);
            const uint16_t *from = tile_row(a, page, key0 + k, head) + d;
            asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from));
        }
    }
    asm volatile("cp.async.commit_group;");
}

/* Stage n is there for every thread, and its predecessor's place is free: n + 2 is sent for. */
template <int HD, int QT>
__device__ static void next_stage(struct shared_tile<HD, QT> &s, const struct attention_args &a,
                                  const uint32_t *page, uint32_t kv_head, uint32_t block0,
                                  uint32_t stage, uint32_t most)
{
    asm volatile("cp.async.wait_group 1;" ::: "memory");
    __syncthreads();
    fetch<HD, QT>(s, a, page, kv_head, block0, stage + 2, most);
}

/* score[q][at ..] of the keys of one tile; -inf where a query does not see the key. */
template <int HD, int QT>
__device__ static void scores(struct shared_tile<HD, QT> &s, uint32_t place, uint32_t key0,
                              uint32_t at, uint32_t most, float cap)
{
    constexpr int N = keys_of<HD>::N, GROUPS = THREADS / N, QN = (QT + GROUPS - 1) / GROUPS;
    static_assert(QT % QN == 0, "a thread's queries fill the tile");
    uint32_t k = threadIdx.x % N, q0 = threadIdx.x / N * QN, key = key0 + at + k;
    float acc[QN];
#pragma unroll
    for (int q = 0; q < QN; q++)
        acc[q] = 0;
    if (key < most)
#pragma unroll 8
        for (int d = 0; d < HD; d += 2) {
            float2 f = __half22float2(*(const __half2 *)&s.ring[place][k][d]);
#pragma unroll
            for (int q = 0; q < QN; q++) {
                float2 x = *(const float2 *)&s.q[q0 + q][d];
                acc[q] = fmaf(x.y, f.y, fmaf(x.x, f.x, acc[q]));
            }
        }
#pragma unroll
    for (int q = 0; q < QN; q++) {
        bool seen = key < s.seen[q0 + q] && key >= s.first[q0 + q];
        float x = cap > 0 ? cap * tanhf(acc[q] / cap) : acc[q];
        s.score[q0 + q][at + k] = seen ? x : -INFINITY;
    }
}

/* Scores to weights, a warp a query; sum and lse of the block. */
template <int HD, int QT> __device__ static void softmax(struct shared_tile<HD, QT> &s)
{
    uint32_t lane = threadIdx.x % 32;
    for (uint32_t q = threadIdx.x / 32; q < QT; q += WARPS) {
        float most = -INFINITY, sum = 0;
        for (uint32_t i = lane; i < BLOCK; i += 32)
            most = fmaxf(most, s.score[q][i]);
        for (int i = 16; i > 0; i /= 2)
            most = fmaxf(most, __shfl_xor_sync(0xffffffffu, most, i));
        for (uint32_t i = lane; i < BLOCK; i += 32) {
            float w = most == -INFINITY ? 0.0f : expf(s.score[q][i] - most);
            s.score[q][i] = w;
            sum += w;
        }
        for (int i = 16; i > 0; i /= 2)
            sum += __shfl_xor_sync(0xffffffffu, sum, i);
        if (lane == 0) {
            s.sum[q] = sum;
            s.lse[q] = most == -INFINITY ? -INFINITY : most + logf(sum);
        }
    }
    __syncthreads();
}

/* Adds weighted values of one tile: a thread has two elements of the head for some queries. */
template <int HD, int QT, int QN>
__device__ static void values(const struct shared_tile<HD, QT> &s, uint32_t place, uint32_t at,
                              uint32_t n, uint32_t d, uint32_t q0, float2 acc[QN])
{
#pragma unroll 8
    for (uint32_t k = 0; k < n; k++) {
        float2 f = __half22float2(*(const __half2 *)&s.ring[place][k][d]);
#pragma unroll
        for (int q = 0; q < QN; q++) {
            float w = s.score[q0 + q][at + k];
            acc[q].x = fmaf(w, f.x, acc[q].x);
            acc[q].y = fmaf(w, f.y, acc[q].y);
        }
    }
}

template <int HD, int QT>
__global__ void __launch_bounds__(THREADS)
    tile_kernel(struct plan p, struct attention_args a, const struct work *work, float *part_out,
                float *part_lse)
{
    extern __shared__ __align__(16) unsigned char memory[];
    struct shared_tile<HD, QT> &s = *(struct shared_tile<HD, QT> *)memory;
    constexpr int PAIRS = HD / 2, FIT = THREADS / PAIRS, GROUPS = FIT < QT ? FIT : QT,
                  QN = (QT + GROUPS - 1) / GROUPS, N = keys_of<HD>::N, TILES = BLOCK / N;
    static_assert(QT % QN == 0, "a thread's queries fill the tile");
    const struct work w = work[blockIdx.x];
    if (w.n_q == 0)
        return;                 /* behind the last of a list (plan.c) */
    const uint32_t *page = p.page + w.page;
    uint32_t kv_head = blockIdx.y, group = a.shape.n_head / a.shape.n_kv_head;

    uint32_t most = w.pos + (w.q0 + w.n_q - 1) / group + 1, stage = 0;
    uint32_t far = first_key(a, w.pos + w.q0 / group + 1) / BLOCK;
    uint32_t b0 = w.block == WORK_WHOLE ? far : (uint32_t)w.block;
    if (b0 < far) {         /* no query of the tile sees this block */
        uint32_t at = w.q0 + threadIdx.x, row = at / group;
        if (threadIdx.x < w.n_q)
            part_lse[(size_t)(w.part + row * w.n_block + b0) * a.shape.n_head +
                     kv_head * group + at % group] = -INFINITY;
        return;
    }
    uint32_t b1 = w.block == WORK_WHOLE ? (most - 1) / BLOCK : b0;
    most = most < (b1 + 1) * BLOCK ? most : (b1 + 1) * BLOCK;
    fetch<HD, QT>(s, a, page, kv_head, b0, 0, most);
    fetch<HD, QT>(s, a, page, kv_head, b0, 1, most);

    for (uint32_t i = threadIdx.x; i < QT * HD; i += THREADS) {
        uint32_t q = i / HD, at = w.q0 + q;
        s.q[q][i % HD] = q < w.n_q ? a.qkv[a.stride * (w.row + at / group) +
                                           (size_t)(kv_head * group + at % group) * HD + i % HD]
                                   : 0.0f;
    }
    if (threadIdx.x < QT) {
        uint32_t end = threadIdx.x < w.n_q ? w.pos + (w.q0 + threadIdx.x) / group + 1 : 0;
        s.seen[threadIdx.x] = end;
        s.first[threadIdx.x] = first_key(a, end);
    }

    uint32_t d = threadIdx.x % PAIRS * 2, q0 = threadIdx.x / PAIRS * QN;
    bool mine = threadIdx.x / PAIRS < GROUPS && q0 < QT;
    float2 out[QN];
    float lse[QN];
    for (int q = 0; q < QN; q++)
        lse[q] = -INFINITY;
    for (uint32_t b = b0; b <= b1; b++) {
        for (uint32_t t = 0; t < TILES; t++, stage++) {
            next_stage<HD, QT>(s, a, page, kv_head, b0, stage, most);
            scores<HD, QT>(s, stage % RING, b * BLOCK, t * N, most, a.cap);
        }
        __syncthreads();
        softmax<HD, QT>(s);
        float2 acc[QN];
#pragma unroll
        for (int q = 0; q < QN; q++)
            acc[q] = make_float2(0, 0);
        for (uint32_t t = 0; t < TILES; t++, stage++) {
            next_stage<HD, QT>(s, a, page, kv_head, b0, stage, most);
            uint32_t key0 = b * BLOCK + t * N, n = key0 < most ? most - key0 : 0;
            if (mine)
                values<HD, QT, QN>(s, stage % RING, t * N, n < N ? n : N, d, q0, acc);
        }
#pragma unroll
        for (int q = 0; q < QN; q++) {
            if (!mine || s.lse[q0 + q] == -INFINITY)
                continue;
            float2 o = make_float2(acc[q].x / s.sum[q0 + q], acc[q].y / s.sum[q0 + q]);
            float wa, wb;
            if (lse[q] == -INFINITY) {
                out[q] = o;
                lse[q] = s.lse[q0 + q];
                continue;
            }
            lse[q] = merge_weights(lse[q], s.lse[q0 + q], &wa, &wb);
            out[q].x = merge_out(out[q].x, o.x, wa, wb);
            out[q].y = merge_out(out[q].y, o.y, wa, wb);
        }
    }
#pragma unroll
    for (int q = 0; q < QN; q++) {
        uint32_t at = w.q0 + q0 + q, row = at / group, head = kv_head * group + at % group;
        if (!mine || q0 + q >= w.n_q)
            continue;
        if (w.block == WORK_WHOLE) {
            *(float2 *)(a.out + a.out_stride * (w.row + row) + (size_t)head * HD + d) = out[q];
            continue;
        }
        size_t part = (size_t)(w.part + row * w.n_block + b0) * a.shape.n_head + head;
        if (lse[q] != -INFINITY)
            *(float2 *)(part_out + part * HD + d) = out[q];
        if (d == 0)
            part_lse[part] = lse[q];
    }
}

/* A block a head of a row, a thread an element. */
__global__ void fold_kernel(struct plan p, struct attention_args a, const float *part_out,
                            const float *part_lse)
{
    const struct fold f = p.fold[blockIdx.x];
    if (f.n_block == 0)
        return;
    uint32_t head = blockIdx.y, n_head = a.shape.n_head, hd = a.shape.head_dim, d = threadIdx.x;
    float out = 0, lse = -INFINITY, wa, wb;
    for (uint32_t b = 0; b < f.n_block; b++) {
        size_t at = (size_t)(f.part + b) * n_head + head;
        if (part_lse[at] == -INFINITY)
            continue;               /* before the window */
        if (lse == -INFINITY) {
            out = part_out[at * hd + d];
            lse = part_lse[at];
            continue;
        }
        lse = merge_weights(lse, part_lse[at], &wa, &wb);
        out = merge_out(out, part_out[at * hd + d], wa, wb);
    }
    a.out[a.out_stride * f.row + (size_t)head * hd + d] = out;
}

/* ---- launchers ---- */

template <int HD, int QT>
static cudaError_t tiles(cudaStream_t s, const struct plan *p, const struct attention_args *a,
                         const struct work *work, uint32_t n, float *part_out, float *part_lse)
{
    if (n == 0)
        return cudaSuccess;
    dim3 grid(n, a->shape.n_kv_head);
    tile_kernel<HD, QT><<<grid, THREADS, sizeof(struct shared_tile<HD, QT>), s>>>(
        *p, *a, work, part_out, part_lse);
    return cudaGetLastError();
}

template <int HD>
static cudaError_t head_dim(cudaStream_t s, const struct plan *p, const struct attention_args *a,
                            float *part_out, float *part_lse)
{
    cudaError_t e = tiles<HD, TILE_FEW>(s, p, a, p->work, p->n_few, part_out, part_lse);
    if (e != cudaSuccess)
        return e;
    return tiles<HD, TILE_MANY>(s, p, a, p->work + p->n_few, p->n_many, part_out, part_lse);
}

template <int HD> static cudaError_t open_head_dim(void)
{
    cudaError_t e = cudaFuncSetAttribute(tile_kernel<HD, TILE_FEW>,
                                         cudaFuncAttributeMaxDynamicSharedMemorySize,
                                         sizeof(struct shared_tile<HD, TILE_FEW>));
    if (e != cudaSuccess)
        return e;
    return cudaFuncSetAttribute(tile_kernel<HD, TILE_MANY>,
                                cudaFuncAttributeMaxDynamicSharedMemorySize,
                                sizeof(struct shared_tile<HD, TILE_MANY>));
}

#define HEAD_DIMS(X) X(32) X(64) X(96) X(128) X(160) X(192) X(224) X(256)

cudaError_t attention_open(const struct attn_shape *s)
{
    switch (s->head_dim) {
#define X(n) case n: return open_head_dim<n>();
    HEAD_DIMS(X)
#undef X
    default: return cudaErrorInvalidValue;
    }
}

cudaError_t attention_launch(cudaStream_t s, const struct plan *p,
                             const struct attention_args *a, float *part_out, float *part_lse)
{
    cudaError_t e = cudaErrorInvalidValue;
    switch (a->shape.head_dim) {
#define X(n) case n: e = head_dim<n>(s, p, a, part_out, part_lse); break;
    HEAD_DIMS(X)
#undef X
    }
    if (e != cudaSuccess || p->n_fold == 0)
        return e;
    dim3 grid(p->n_fold, a->shape.n_head);
    fold_kernel<<<grid, a->shape.head_dim, 0, s>>>(*p, *a, part_out, part_lse);
    return cudaGetLastError();
}
