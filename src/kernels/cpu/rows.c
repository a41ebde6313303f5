/* rows.c - operations on single rows that no product carries: the norm behind a block, the cap on
 * logits.  Rows are shared out over the team. */
#include "kernels/cpu/cpu.h"

enum { ROWS = 4, CAP_PART = 4096 };     /* rows, or logits of one row, one member takes at a time */

struct rows_job {
    struct cpu                 *c;
    const struct norm_add_args *norm_add;
    const struct cap_args      *cap;
};

static void norm_add_row(const struct rows_job *j, uint32_t row)
{
    const struct norm_add_args *a = j->norm_add;
    float *scratch = j->c->shared.f + (size_t)row * a->n, *out = a->out + (size_t)row * a->n;
    j->c->level->norm_row(a->x + (size_t)row * a->n, a->norm, a->eps, a->n, scratch);
    for (uint32_t i = 0; i < a->n; i++)
        out[i] += scratch[i];
}

static void norm_add_share(void *arg, uint32_t share, int member)
{
    (void)member;
    const struct rows_job *j = arg;
    uint32_t n = j->c->step.n_row;
    for (uint32_t i = share * ROWS; i < (share + 1) * ROWS && i < n; i++)
        norm_add_row(j, i);
}

void cpu_norm_add(struct device *d, const struct norm_add_args *a)
{
    struct rows_job j = { .c = (struct cpu *)d, .norm_add = a };
    uint32_t n = j.c->step.n_row;
    if (n == 1)
        norm_add_row(&j, 0);
    else if (n)
        team_run(j.c->team, &(struct team_job){ .arg = &j, .share[0] = norm_add_share,
                                                .n_share[0] = (n + ROWS - 1) / ROWS });
}

static uint32_t cap_parts(const struct cap_args *a)
{
    return (a->n + CAP_PART - 1) / CAP_PART;
}

static void cap_share(void *arg, uint32_t share, int member)
{
    (void)member;
    const struct rows_job *j = arg;
    const struct cap_args *a = j->cap;
    uint32_t row = share / cap_parts(a), at = share % cap_parts(a) * CAP_PART;
    uint32_t n = a->n - at < CAP_PART ? a->n - at : CAP_PART;
    j->c->level->cap_row(a->x + (size_t)row * a->n + at, n, a->cap);
}

void cpu_cap(struct device *d, const struct cap_args *a)
{
    struct rows_job j = { .c = (struct cpu *)d, .cap = a };
    if (a->n_row)
        team_run(j.c->team, &(struct team_job){ .arg = &j, .share[0] = cap_share,
                                                .n_share[0] = a->n_row * cap_parts(a) });
}
