/* attention_tmpl.h - scores, softmax and values of one block of keys, written once over lanes.
 *
 * A block is at most 256 keys of one KV head, seen by up to six queries: the heads of a group,
 * and neighbouring rows of a chunk.  A lane of the scores is a key, a lane of the result is an
 * element of the head, so nothing is summed across lanes but the softmax denominators.  What a
 * query gets does not depend on the queries beside it: keys it may not see have weight zero.
 * Pages before the first key that any of the queries sees are passed over. */

enum { BLOCK_PAGES = KERNEL_KEY_BLOCK / KERNEL_PAGE };

static inline const uint16_t *head_tile(const struct attend_block *b, uint32_t page_no)
{
    uint32_t hd = b->shape->head_dim;
    return b->kv.base + (size_t)b->page[b->key0 / KERNEL_PAGE + page_no] * b->kv.page_stride +
           (size_t)b->kv_head * 2 * hd * KERNEL_PAGE;
}

__attribute__((always_inline)) static inline void scores_page(
    const int nq, const struct attend_block *b, const uint16_t *k, float (*score)[KERNEL_KEY_BLOCK],
    uint32_t at)
{
    vf acc[ATTEND_MAX_Q];
#pragma GCC unroll 6
    for (int q = 0; q < nq; q++)
        acc[q] = vf_set1(0);
    for (uint32_t d = 0; d < b->shape->head_dim; d++) {
        vf key = vf_load_half(k + (size_t)d * KERNEL_PAGE);
#pragma GCC unroll 6
        for (int q = 0; q < nq; q++)
            acc[q] = vf_fma(vf_set1(b->q[q][d]), key, acc[q]);
    }
#pragma GCC unroll 6
    for (int q = 0; q < nq; q++)
        vf_store(score[q] + at, acc[q]);
}

/* Lanes of keys at .. at + 15 that are none of first .. n_key - 1 from b. */
static inline vf only_seen(uint32_t first, uint32_t n_key, uint32_t at, vf a, vf b)
{
    a = vf_first(n_key > at ? n_key - at : 0, a, b);
    return first > at ? vf_first(first - at, b, a) : a;
}

/* Scores to weights; the greatest score and the sum of the weights go to the part. */
static inline void softmax_block(float *score, uint32_t first, uint32_t n_key, uint32_t page0,
                                 uint32_t n_page, float cap, struct attend_part *ret)
{
    vf none = vf_set1(-INFINITY), most = none;
    for (uint32_t p = page0; p < n_page; p++) {
        uint32_t at = p * KERNEL_PAGE;
        vf s = vf_load(score + at);
        s = only_seen(first, n_key, at, cap > 0 ? vf_cap(s, cap) : s, none);
        vf_store(score + at, s);
        most = vf_max(s, most);
    }
    ret->max = vf_hmax(most);
    vf m = vf_set1(ret->max), sum = vf_set1(0);
    for (uint32_t p = page0; p < n_page; p++) {
        uint32_t at = p * KERNEL_PAGE;
        vf w = vf_exp(vf_sub(vf_load(score + at), m));
        w = only_seen(first, n_key, at, w, vf_set1(0));
        vf_store(score + at, w);
        sum = vf_add(sum, w);
    }
    ret->sum = vf_sum(sum);
}

__attribute__((always_inline)) static inline void values_slice(
    const int nq, const struct attend_block *b, uint32_t page0, uint32_t n_key, uint32_t d,
    float (*weight)[KERNEL_KEY_BLOCK], struct attend_part *ret)
{
    uint32_t hd = b->shape->head_dim;
    vf acc[ATTEND_MAX_Q];
#pragma GCC unroll 6
    for (int q = 0; q < nq; q++)
        acc[q] = vf_set1(0);
    for (uint32_t j = page0 * KERNEL_PAGE; j < n_key; j += KERNEL_PAGE) {
        const uint16_t *v = head_tile(b, j / KERNEL_PAGE) + (size_t)hd * KERNEL_PAGE + d;
        uint32_t n = n_key - j < KERNEL_PAGE ? n_key - j : KERNEL_PAGE;
        for (uint32_t t = 0; t < n; t++) {
            vf value = vf_load_half(v + (size_t)t * hd);
#pragma GCC unroll 6
            for (int q = 0; q < nq; q++)
                acc[q] = vf_fma(vf_set1(weight[q][j + t]), value, acc[q]);
        }
    }
#pragma GCC unroll 6
    for (int q = 0; q < nq; q++)
        vf_store(ret[q].out + d, acc[q]);
}

__attribute__((always_inline)) static inline void attend_n(const int nq,
                                                           const struct attend_block *b,
                                                           struct attend_part *ret)
{
    float score[ATTEND_MAX_Q][KERNEL_KEY_BLOCK] __attribute__((aligned(64)));
    uint32_t most = 0, page0 = BLOCK_PAGES;
    for (int q = 0; q < nq; q++) {
        most = b->n_key[q] > most ? b->n_key[q] : most;
        if (b->n_key[q] && b->first[q] / KERNEL_PAGE < page0)
            page0 = b->first[q] / KERNEL_PAGE;
    }
    uint32_t n_page = (most + KERNEL_PAGE - 1) / KERNEL_PAGE;
    for (uint32_t p = page0; p < n_page; p++)
        scores_page(nq, b, head_tile(b, p), score, p * KERNEL_PAGE);
    for (int q = 0; q < nq; q++)
        softmax_block(score[q], b->first[q], b->n_key[q], page0, n_page, b->cap, &ret[q]);
    for (uint32_t d = 0; d < b->shape->head_dim; d += 16)
        values_slice(nq, b, page0, most, d, score, ret);
}

static void attend(const struct attend_block *b, struct attend_part *ret)
{
    switch (b->n_q) {
    case 1: attend_n(1, b, ret); break;
    case 2: attend_n(2, b, ret); break;
    case 3: attend_n(3, b, ret); break;
    case 4: attend_n(4, b, ret); break;
    case 5: attend_n(5, b, ret); break;
    default: attend_n(6, b, ret); break;
    }
}

/* exp of one number through the lanes, so that every level rounds alike. */
static inline float exp_one(float x)
{
    float r[16];
    vf_store(r, vf_exp(vf_set1(x)));
    return r[0];
}

static void merge(struct attend_part *a, const struct attend_part *b, uint32_t n)
{
    float most = a->max > b->max ? a->max : b->max;
    float fa = exp_one(a->max - most), fb = exp_one(b->max - most);
    vf va = vf_set1(fa), vb = vf_set1(fb);
    a->max = most;
    a->sum = a->sum * fa + b->sum * fb;
    for (uint32_t i = 0; i < n; i += 16)
        vf_store(a->out + i,
                 vf_add(vf_mul(vf_load(a->out + i), va), vf_mul(vf_load(b->out + i), vb)));
}

static void finish(const struct attend_part *a, uint32_t n, float *out)
{
    vf sum = vf_set1(a->sum);
    for (uint32_t i = 0; i < n; i += 16)
        vf_store(out + i, vf_div(vf_load(a->out + i), sum));
}
