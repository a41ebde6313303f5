/* product.c - shares a product out over the team.
 *
 * Rows are prepared first (norm or gate, then int8), then groups of output rows are handed out in
 * small shares, so that a member that was held up takes fewer.  A single row is prepared by every
 * member for itself: that costs no more time than waiting for one of them, and saves a joint.
 * Which member computes an element changes nothing about it. */
#include <string.h>

#include "kernels/cpu/cpu.h"

enum {
    PREPARE_ROWS = 4,       /* rows one member prepares at a time */
    ROW_BLOCK = 256,        /* rows whose activations stay in a core's own cache */
    SHARES = 8              /* shares of output rows a member, when there is one block of rows */
};

struct job {
    struct cpu                *c;
    const struct product_args *a;
    uint32_t                   share;           /* groups of output rows of one share */
    uint32_t                   n_share;         /* shares of one block of rows */
};

static void prepare_row(struct cpu *c, const struct product_args *a, struct acts *acts,
                        uint32_t i, uint32_t slot)
{
    uint32_t n = a->w->n_in;
    const float *x = a->x + a->x_stride * (a->picked ? c->step.pick[a->pick0 + i] : i);
    float *f = acts->f + (size_t)slot * n;
    switch (a->in) {
    case PRODUCT_NORM:
        c->level->norm_row(x, a->norm, a->eps, n, f);
        break;
    case PRODUCT_GATE:
        c->level->gate_row(x, x + n, n, f);
        break;
    case PRODUCT_GATE_GELU:
        c->level->gelu_row(x, x + n, n, f);
        break;
    case PRODUCT_PLAIN:
        memcpy(f, x, n * sizeof *f);
        break;
    }
    c->level->quantise_row(acts, slot);
}

static void multiply(struct cpu *c, const struct product_args *a, const struct acts *acts,
                     uint32_t group0, uint32_t group1, uint32_t row0, uint32_t row1)
{
    uint32_t first = 0;
    for (uint32_t i = 0; i < a->w->n_part; i++) {
        const struct packed *p = &a->w->part[i];
        uint32_t g0 = group0 > first ? group0 - first : 0;
        uint32_t g1 = group1 > first ? group1 - first : 0;
        first += p->n_group;
        if (g1 > p->n_group)
            g1 = p->n_group;
        if (g0 >= g1)
            continue;
        struct product_out o = {
            .bias = a->bias ? a->bias + p->out_off : NULL,
            .add = a->add,
            .out = a->out + p->out_off,
            .stride = a->out_stride,
        };
        c->level->product(p, g0, g1, acts, row0, row1, &o);
    }
}

static void prepare_share(void *arg, uint32_t share, int member)
{
    (void)member;
    const struct job *j = arg;
    struct acts acts = j->c->shared;
    acts.n_in = j->a->w->n_in;
    for (uint32_t i = share * PREPARE_ROWS; i < (share + 1) * PREPARE_ROWS && i < j->a->n_row; i++)
        prepare_row(j->c, j->a, &acts, i, i);
}

static void multiply_share(void *arg, uint32_t share, int member)
{
    const struct job *j = arg;
    struct cpu *c = j->c;
    const struct product_args *a = j->a;
    struct acts acts = a->n_row == 1 ? c->own[member] : c->shared;
    acts.n_in = a->w->n_in;
    if (a->n_row == 1 && c->own_of[member] != c->n_product) {
        prepare_row(c, a, &acts, 0, 0);
        c->own_of[member] = c->n_product;
    }
    uint32_t row0 = share / j->n_share * ROW_BLOCK, g = share % j->n_share * j->share;
    uint32_t row1 = row0 + ROW_BLOCK < a->n_row ? row0 + ROW_BLOCK : a->n_row;
    uint32_t g1 = g + j->share < a->w->n_group ? g + j->share : a->w->n_group;
    multiply(c, a, &acts, g, g1, row0, row1);
}

void cpu_product(struct device *d, const struct product_args *a)
{
    struct cpu *c = (struct cpu *)d;
    if (a->n_row == 0)
        return;
    uint32_t share = a->w->n_group / (SHARES * (uint32_t)team_size(c->team));
    struct job j = { .c = c, .a = a, .share = share ? share : 1 };
    j.n_share = (a->w->n_group + j.share - 1) / j.share;
    c->n_product++;
    team_run(c->team, &(struct team_job){
        .arg = &j,
        .share = { prepare_share, multiply_share },
        .n_share = { a->n_row == 1 ? 0 : (a->n_row + PREPARE_ROWS - 1) / PREPARE_ROWS,
                     (a->n_row + ROW_BLOCK - 1) / ROW_BLOCK * j.n_share } });
}
