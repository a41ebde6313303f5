/* filters.c - top-k, top-p and min-p: which candidates may be drawn at all.
 *
 * None of them sorts the vocabulary: k candidates are found by selection, and top-p looks only as
 * far below the best score as its share needs. */
#include <math.h>
#include <stdlib.h>

#include "base/exact.h"
#include "runtime/sample/sampler_int.h"

/* Larger scores first, of equal ones the lower id: a total order, so results do not depend on how
 * a sort treats ties. */
static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return x->id < y->id ? -1 : 1;
}

static void swap(struct candidate *a, struct candidate *b)
{
    struct candidate t = *a;
    *a = *b;
    *b = t;
}

/* Moves the k first of the order to the front (Hoare, 1961). */
static void select_first(struct candidate *c, size_t n, size_t k)
{
    size_t lo = 0, hi = n;
    while (hi - lo > 1) {
        struct candidate pivot = c[lo + (hi - lo - 1) / 2];    /* never the last: both parts shrink */
        size_t i = lo, j = hi - 1;
        for (;;) {
            while (by_score(&c[i], &pivot) < 0)
                i++;
            while (by_score(&pivot, &c[j]) < 0)
                j--;
            if (i >= j)
                break;
            swap(&c[i++], &c[j--]);
        }
        size_t split = j + 1;
        if (k == split)
            return;
        if (k < split)
            hi = split;
        else
            lo = split;
    }
}

void filter_top_k(struct sampler *s, uint32_t k)
{
    select_first(s->cand, s->n_cand, k);
    s->n_cand = k;
}

/* A share of the best candidate's probability in units of 2^-44.  Sums of integers have no order,
 * so that a device which adds in parallel finds the same set; 2^19 tokens fit into one. */
static uint64_t weight(const struct sampler *s, const struct candidate *c)
{
    return (uint64_t)(exact_exp(c->score - s->best) * 0x1p44);
}

/* Candidates at most `depth` below the best, into s->spare; their weight. */
static uint32_t gather(struct sampler *s, double depth, uint64_t *ret_sum)
{
    uint32_t n = 0;
    uint64_t sum = 0;
    for (uint32_t i = 0; i < s->n_cand; i++) {
        if (s->best - s->cand[i].score > depth)
            continue;
        s->spare[n++] = s->cand[i];
        sum += weight(s, &s->cand[i]);
    }
    *ret_sum = sum;
    return n;
}

/* The smallest set of most probable candidates whose share is at least p (Holtzman et al., 2019). */
void filter_top_p(struct sampler *s, double p)
{
    uint64_t total, mass;
    gather(s, INFINITY, &total);
    uint64_t wanted = (uint64_t)ceil(p * (double)total);
    double depth = 4;
    uint32_t n = gather(s, depth, &mass);
    while (mass < wanted && depth < 64) {
        depth *= 2;
        n = gather(s, depth, &mass);
    }
    qsort(s->spare, n, sizeof *s->spare, by_score);

    uint64_t sum = 0;
    uint32_t keep = 0;
    while (keep < n && (keep == 0 || sum < wanted)) {
        sum += weight(s, &s->spare[keep]);
        s->cand[keep] = s->spare[keep];
        keep++;
    }
    s->n_cand = keep;
}

void filter_min_p(struct sampler *s, double min_p)
{
    double least = s->best + exact_log(min_p);
    uint32_t keep = 0;
    for (uint32_t i = 0; i < s->n_cand; i++)
        if (s->cand[i].score >= least)
            s->cand[keep++] = s->cand[i];
    s->n_cand = keep;
}
