/* draw.cu - a token of each row of logits, chosen as runtime/sample chooses it.
 *
 * Blocks of threads take one row each: edits, the greatest logit, top-k, top-p, min-p, then the
 * argmax of score + Gumbel noise.  The choice is the host's, bit for bit: scores and noise are
 * made of the same double operations (base/exact.h, no contraction), the noise is a function of
 * key, index and id, shares are integers whose sum has no order, and an argmax has none.
 *
 * top-k and top-p look for one key: logits and ids make one order of 64-bit keys, greatest logit
 * first and of equal ones the lowest id, and what stays are the keys from some key on.  The range
 * that holds it is cut in eight until few keys are left in it, which are sorted. */
#include "base/exact.h"
#include "kernels/cuda/cuda.h"

enum { THREADS = 1024, WARPS = THREADS / 32, CUTS = 7, FEW = THREADS, LEVELS = 24 };

struct shared {
    uint64_t sum[WARPS][CUTS + 1];
    uint32_t count[WARPS][CUTS + 1];
    uint64_t all_sum[CUTS + 1];
    uint32_t all_count[CUTS + 1];
    uint64_t key[FEW], scan[FEW];
    uint64_t found;
    uint32_t n_key;
    double   noisy[WARPS];
    uint32_t id[WARPS];
    double   level[LEVELS];
};

/* One row and what is known of it so far. */
struct row {
    const struct draw_work *w;
    const uint32_t         *mask;       /* or NULL */
    float                  *logit;      /* [n] */
    uint32_t                n;
    double                  best;       /* greatest score */
    uint64_t                least;      /* key: candidates are those from it on */
};

__device__ static inline bool allowed(const struct row &r, uint32_t id)
{
    return !r.mask || (r.mask[id / 32] >> id % 32 & 1u);
}

/* -0 and 0 are equal logits. */
__device__ static inline uint64_t key_of(float logit, uint32_t id)
{
    uint32_t u = __float_as_uint(logit + 0.0f);
    u = u >> 31 ? ~u : u | 0x80000000u;
    return (uint64_t)u << 32 | (uint32_t)~id;
}

__device__ static inline float key_logit(uint64_t key)
{
    uint32_t u = (uint32_t)(key >> 32);
    return __uint_as_float(u >> 31 ? u & 0x7fffffffu : ~u);
}

__device__ static inline double score_of(const struct row &r, float logit)
{
    return (double)logit / r.w->temp;
}

/* As in filters.c: a share of the best one's probability in units of 2^-44. */
__device__ static inline uint64_t weight(const struct row &r, float logit)
{
    return (uint64_t)(exact_exp(score_of(r, logit) - r.best) * 0x1p44);
}

/* ---- edits ---- */

/* Of biases with one id the first one's thread adds all, in their order. */
__device__ static void add_biases(float *logit, const struct draw_edit *e, uint32_t n)
{
    for (uint32_t i = threadIdx.x; i < n; i += THREADS) {
        uint32_t before = 0;
        while (before < i && e[before].id != e[i].id)
            before++;
        if (before < i)
            continue;
        float x = logit[e[i].id];
        for (uint32_t k = i; k < n; k++)
            if (e[k].id == e[i].id)
                x += e[k].x;
        logit[e[i].id] = x;
    }
}

__device__ static void edit_logits(const struct draw_work &w, const struct draw_edit *e,
                                   float *logit)
{
    for (uint32_t i = threadIdx.x; i < w.n_repeat; i += THREADS) {
        float x = logit[e[i].id];
        logit[e[i].id] = x > 0 ? x / w.repetition : x * w.repetition;
    }
    __syncthreads();
    e += w.n_repeat;
    for (uint32_t i = threadIdx.x; i < w.n_minus; i += THREADS)
        logit[e[i].id] -= e[i].x;
    __syncthreads();
    add_biases(logit, e + w.n_minus, w.n_plus);
    __syncthreads();
}

/* ---- the greatest ---- */

/* Key of the greatest logit that is allowed; 0: none is.  The number of candidates; NaN met. */
__device__ static uint64_t greatest(const struct row &r, struct shared &s, uint32_t *ret_n,
                                    bool *ret_nan)
{
    uint64_t best = 0;
    uint32_t n = 0;
    bool nan = false;
    for (uint32_t id = threadIdx.x; id < r.n; id += THREADS) {
        if (!allowed(r, id))
            continue;
        float x = r.logit[id];
        nan |= isnan(x);
        n++;
        uint64_t k = key_of(x, id);
        best = k > best ? k : best;
    }
    for (int i = 16; i > 0; i /= 2) {
        uint64_t k = __shfl_xor_sync(0xffffffffu, best, i);
        best = k > best ? k : best;
        n += __shfl_xor_sync(0xffffffffu, n, i);
    }
    if (threadIdx.x % 32 == 0) {
        s.sum[threadIdx.x / 32][0] = best;
        s.count[threadIdx.x / 32][0] = n;
    }
    *ret_nan = __syncthreads_or(nan);
    n = 0;
    for (int i = 0; i < WARPS; i++) {
        best = s.sum[i][0] > best ? s.sum[i][0] : best;
        n += s.count[i][0];
    }
    __syncthreads();
    *ret_n = n;
    return best;
}

/* ---- the key that ends a set ---- */

/* Amounts and numbers of candidates from each cut on, of those in lo .. hi. */
template <bool WEIGH>
__device__ static void measure(const struct row &r, struct shared &s, uint64_t lo, uint64_t hi,
                               const uint64_t cut[CUTS])
{
    uint64_t sum[CUTS + 1] = { 0 };
    uint32_t count[CUTS + 1] = { 0 };
    for (uint32_t id = threadIdx.x; id < r.n; id += THREADS) {
        if (!allowed(r, id))
            continue;
        float x = r.logit[id];
        uint64_t k = key_of(x, id);
        if (k < lo || k > hi)
            continue;
        uint64_t a = WEIGH ? weight(r, x) : 1;
        sum[0] += a;
        count[0]++;
#pragma unroll
        for (int i = 0; i < CUTS; i++) {
            sum[i + 1] += k >= cut[i] ? a : 0;
            count[i + 1] += k >= cut[i];
        }
    }
#pragma unroll
    for (int c = 0; c <= CUTS; c++) {
        for (int i = 16; i > 0; i /= 2) {
            sum[c] += __shfl_xor_sync(0xffffffffu, sum[c], i);
            count[c] += __shfl_xor_sync(0xffffffffu, count[c], i);
        }
        if (threadIdx.x % 32 == 0) {
            s.sum[threadIdx.x / 32][c] = sum[c];
            s.count[threadIdx.x / 32][c] = count[c];
        }
    }
    __syncthreads();
    if (threadIdx.x <= CUTS) {
        uint64_t a = 0;
        uint32_t n = 0;
        for (int i = 0; i < WARPS; i++) {
            a += s.sum[i][threadIdx.x];
            n += s.count[i][threadIdx.x];
        }
        s.all_sum[threadIdx.x] = a;
        s.all_count[threadIdx.x] = n;
    }
    __syncthreads();
}

/* s.key descending. */
__device__ static void sort_keys(struct shared &s)
{
    uint32_t i = threadIdx.x;
    for (uint32_t size = 2; size <= FEW; size *= 2)
        for (uint32_t gap = size / 2; gap > 0; gap /= 2) {
            uint32_t j = i ^ gap;
            if (j > i) {
                uint64_t a = s.key[i], b = s.key[j];
                if ((a < b) == ((i & size) == 0)) {
                    s.key[i] = b;
                    s.key[j] = a;
                }
            }
            __syncthreads();
        }
}

/* Few candidates are in lo .. hi: the first of them at which `above` and what they add reach
 * `need`; lo when none does. */
template <bool WEIGH>
__device__ static uint64_t among_few(const struct row &r, struct shared &s, uint64_t lo,
                                     uint64_t hi, uint64_t above, uint64_t need)
{
    uint32_t i = threadIdx.x;
    s.key[i] = 0;
    if (i == 0) {
        s.n_key = 0;
        s.found = lo;
    }
    __syncthreads();
    for (uint32_t id = i; id < r.n; id += THREADS) {
        if (!allowed(r, id))
            continue;
        uint64_t k = key_of(r.logit[id], id);
        if (k >= lo && k <= hi)
            s.key[atomicAdd(&s.n_key, 1u)] = k;
    }
    __syncthreads();
    sort_keys(s);
    uint64_t own = s.key[i] == 0 ? 0 : WEIGH ? weight(r, key_logit(s.key[i])) : 1, sum = own;
    s.scan[i] = sum;
    __syncthreads();
    for (uint32_t d = 1; d < FEW; d *= 2) {
        uint64_t left = i >= d ? s.scan[i - d] : 0;
        __syncthreads();
        s.scan[i] = sum += left;
        __syncthreads();
    }
    if (s.key[i] && above + sum >= need && above + sum - own < need)
        s.found = s.key[i];
    __syncthreads();
    uint64_t found = s.found;
    __syncthreads();
    return found;
}

/* The key that ends the smallest set of first candidates: `need` of them, or those whose share of
 * all is at least p. */
template <bool WEIGH>
__device__ static uint64_t last_of(const struct row &r, struct shared &s, uint64_t first,
                                   uint64_t need, double p)
{
    static const float depth[CUTS] = { 32, 16, 8, 4, 2, 1, 0.5f };
    uint64_t lo = r.least, hi = first, above = 0, cut[CUTS];
#pragma unroll
    for (int i = 0; i < CUTS; i++)      /* depths are good first cuts; any would be right */
        cut[i] = key_of(key_logit(first) - depth[i] * (float)r.w->temp, 0xffffffffu);
    for (bool begun = false;; begun = true) {
        measure<WEIGH>(r, s, lo, hi, cut);
        if (WEIGH && !begun) {
            need = (uint64_t)ceil(p * (double)s.all_sum[0]);
            need = need > 0 ? need : 1;
        }
        if (above + s.all_sum[0] < need)
            return r.least;
        int c = CUTS;                   /* the last cut from which on there is enough */
        while (c > 0 && above + s.all_sum[c] < need)
            c--;
        uint32_t n = s.all_count[c];
        if (c < CUTS) {
            above += s.all_sum[c + 1];
            n -= s.all_count[c + 1];
            hi = cut[c] - 1 < hi ? cut[c] - 1 : hi;
        }
        if (c > 0)
            lo = cut[c - 1] > lo ? cut[c - 1] : lo;
        __syncthreads();
        if (n <= FEW)
            return among_few<WEIGH>(r, s, lo, hi, above, need);
        uint64_t step = (hi - lo) / (CUTS + 1) + 1;
#pragma unroll
        for (int i = 0; i < CUTS; i++)
            cut[i] = lo + (uint64_t)(i + 1) * step;
    }
}

/* ---- noise ---- */

/* Philox4x32-10, as in base/rng.c. */
__device__ static uint4 random_block(const struct draw_work &w, uint32_t block)
{
    uint32_t k0 = (uint32_t)w.key_lo, k1 = (uint32_t)(w.key_lo >> 32);
    uint4 c = { block, w.index, (uint32_t)w.key_hi, (uint32_t)(w.key_hi >> 32) };
#pragma unroll
    for (int i = 0; i < 10; i++) {
        uint32_t h0 = __umulhi(0xd2511f53u, c.x), l0 = 0xd2511f53u * c.x;
        uint32_t h1 = __umulhi(0xcd9e8d57u, c.z), l1 = 0xcd9e8d57u * c.z;
        c = { h1 ^ c.y ^ k0, l1, h0 ^ c.w ^ k1, l0 };
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    return c;
}

__device__ static inline double uniform(const uint4 &word, uint32_t id)
{
    uint32_t w = id % 4 == 0 ? word.x : id % 4 == 1 ? word.y : id % 4 == 2 ? word.z : word.w;
    return ((double)w + 0.5) * 0x1p-32;
}

/* The argmax of score + noise.  Everybody starts from the best candidate, which every filter
 * keeps; a candidate is skipped when its number is too small for it to win (sampler.c). */
__device__ static uint32_t noisiest(const struct row &r, struct shared &s, uint32_t best_id,
                                    double least_score)
{
    if (threadIdx.x < LEVELS)
        s.level[threadIdx.x] = exact_exp(-exact_exp(-(double)threadIdx.x)) - 1e-6;
    __syncthreads();
    uint32_t chosen = best_id;
    double noisy = r.best - exact_log(-exact_log(uniform(random_block(*r.w, best_id / 4),
                                                         best_id)));
    for (uint32_t block = threadIdx.x; block * 4 < r.n; block += THREADS) {
        bool filled = false;
        uint4 word = { 0, 0, 0, 0 };
        for (uint32_t id = block * 4; id < block * 4 + 4 && id < r.n; id++) {
            if (!allowed(r, id))
                continue;
            float x = r.logit[id];
            double score = score_of(r, x), below = noisy - score;
            if (!(below < LEVELS) || key_of(x, id) < r.least || !(score >= least_score))
                continue;
            if (!filled)
                word = random_block(*r.w, block);
            filled = true;
            double u = uniform(word, id);
            if (below > 0 && u < s.level[(int)below])
                continue;
            double with = score - exact_log(-exact_log(u));
            if (with > noisy || (with == noisy && id < chosen)) {
                noisy = with;
                chosen = id;
            }
        }
    }
    for (int i = 16; i > 0; i /= 2) {
        double other = __shfl_xor_sync(0xffffffffu, noisy, i);
        uint32_t id = __shfl_xor_sync(0xffffffffu, chosen, i);
        if (other > noisy || (other == noisy && id < chosen)) {
            noisy = other;
            chosen = id;
        }
    }
    if (threadIdx.x % 32 == 0) {
        s.noisy[threadIdx.x / 32] = noisy;
        s.id[threadIdx.x / 32] = chosen;
    }
    __syncthreads();
    for (int i = 0; i < WARPS; i++)
        if (s.noisy[i] > noisy || (s.noisy[i] == noisy && s.id[i] < chosen)) {
            noisy = s.noisy[i];
            chosen = s.id[i];
        }
    return chosen;
}

/* ---- a row ---- */

__device__ static struct drawn choose(struct row &r, struct shared &s)
{
    uint32_t n;
    bool nan;
    uint64_t first = greatest(r, s, &n, &nan);
    uint32_t best_id = ~(uint32_t)first;
    float best = key_logit(first);
    if (n == 0)
        return { 0, DRAW_NO_TOKEN };
    if (nan)
        return { 0, DRAW_NOT_A_NUMBER };
    if (isinf(best))
        return { 0, DRAW_NOT_FINITE };
    if (r.w->temp == 0)
        return { best_id, DRAW_FINE };
    r.best = score_of(r, best);
    if (r.w->top_k > 0 && r.w->top_k < n)
        r.least = last_of<false>(r, s, first, r.w->top_k, 0);
    if (r.w->top_p < 1)
        r.least = last_of<true>(r, s, first, 0, r.w->top_p);
    double least_score = r.w->min_p > 0 ? r.best + exact_log(r.w->min_p) : -INFINITY;
    return { noisiest(r, s, best_id, least_score), DRAW_FINE };
}

__global__ void __launch_bounds__(THREADS)
draw_kernel(const struct draw_work *work, const uint32_t *mask /* [n_row, n_word] */,
            const struct draw_edit *edit, float *logits /* [.., n_vocab] */, uint32_t n_vocab,
            struct drawn *out /* [n_row] */)
{
    __shared__ struct shared s;
    const struct draw_work &w = work[blockIdx.x];
    struct row r = { .w = &w,
                     .mask = w.masked ? mask + (size_t)blockIdx.x * ((n_vocab + 31) / 32) : NULL,
                     .logit = logits + (size_t)w.logit * n_vocab, .n = n_vocab };
    edit_logits(w, edit + w.edit, r.logit);
    struct drawn d = choose(r, s);
    if (threadIdx.x == 0)
        out[blockIdx.x] = d;
}

cudaError_t draw_launch(cudaStream_t s, const struct draw_work *work, uint32_t n_row,
                        const uint32_t *mask, const struct draw_edit *edit, float *logits,
                        uint32_t n_vocab, struct drawn *out)
{
    draw_kernel<<<n_row, THREADS, 0, s>>>(work, mask, edit, logits, n_vocab, out);
    return cudaGetLastError();
}
