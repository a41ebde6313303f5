/* score.c - the arithmetic of choosing, on a table of log-probabilities.
 *
 * All sums run left to right in double precision, so that a score is the same number on every
 * run; "equal" means exactly equal, and the earlier option wins. */
#include "runtime/sched/score.h"

#include <math.h>

#include "base/alloc.h"

enum { DRAW_INDEX = 0 };
static const double GREEDY_BELOW = 1e-6;

static double sum_of(const double *x, uint32_t n)
{
    double sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += x[i];
    return sum;
}

static double joint(const struct score_row *row)
{
    return sum_of(row->lp, row->n) + row->end;
}

static double mean(const struct score_row *row)
{
    return row->n ? sum_of(row->lp, row->n) / row->n : 0;
}

static double pmi(const struct score_row *row)
{
    double sum = 0;
    for (uint32_t i = 0; i < row->n; i++)
        sum += row->lp[i] - row->u[i];
    return row->n ? sum / row->n : 0;
}

static uint32_t largest(const double *x, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (x[i] > x[best])
            best = i;
    }
    return best;
}

/* In place; a table without any finite score becomes uniform. */
static void softmax(double *x, uint32_t n)
{
    double top = x[largest(x, n)];
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        x[i] = isfinite(top) ? exp(x[i] - top) : 1;
        sum += x[i];
    }
    for (uint32_t i = 0; i < n; i++)
        x[i] /= sum;
}

/* Column by column, keeping the rows with the largest value; short rows are padded with their own
 * mean. */
static enum status solve_greedy(const struct score_row *row, uint32_t n, uint32_t *ret_chosen,
                                double *prob, struct error *err)
{
    uint32_t longest = 0;
    for (uint32_t i = 0; i < n; i++)
        longest = row[i].n > longest ? row[i].n : longest;

    bool *out = mem_calloc(n, sizeof *out);
    if (!out)
        return error_nomem(err);
    uint32_t left = n;
    for (uint32_t col = 0; col < longest && left > 1; col++) {
        double best = -INFINITY;
        for (uint32_t i = 0; i < n; i++) {
            double x = col < row[i].n ? row[i].lp[col] : mean(&row[i]);
            if (!out[i] && x > best)
                best = x;
        }
        for (uint32_t i = 0; i < n; i++) {
            double x = col < row[i].n ? row[i].lp[col] : mean(&row[i]);
            if (!out[i] && x < best) {
                out[i] = true;
                left--;
            }
        }
    }
    uint32_t first = 0;
    while (out[first])
        first++;
    mem_free(out);
    for (uint32_t i = 0; i < n; i++)
        prob[i] = i == first;
    *ret_chosen = first;
    return ST_OK;
}

static uint32_t draw(const double *prob, uint32_t n, struct rng_key key)
{
    double at = rng_unit(key, DRAW_INDEX);
    double sum = 0;
    for (uint32_t i = 0; i < n; i++) {
        sum += prob[i];
        if (at < sum)
            return i;
    }
    return largest(prob, n);
}

enum status score_solve(const struct score_row *row, uint32_t n, enum score_by by, double temp,
                        struct rng_key key, uint32_t *ret_chosen, double *prob, struct error *err)
{
    if (!n)
        return error_code(err, ST_INVALID, "R0403", "there is nothing to choose from");
    if (by == SCORE_GREEDY)
        return solve_greedy(row, n, ret_chosen, prob, err);

    for (uint32_t i = 0; i < n; i++) {
        if (by == SCORE_MEAN)
            prob[i] = mean(&row[i]);
        else
            prob[i] = by == SCORE_PMI ? pmi(&row[i]) : joint(&row[i]);
    }
    uint32_t chosen = largest(prob, n);
    bool drawn = by == SCORE_SAMPLE && temp >= GREEDY_BELOW;
    for (uint32_t i = 0; drawn && i < n; i++)
        prob[i] /= temp;
    softmax(prob, n);
    *ret_chosen = drawn ? draw(prob, n, key) : chosen;
    return ST_OK;
}
