/* draw.c - tokens drawn where the logits are.
 *
 * On a device that draws, the logits of a step stay there and only tokens come back.  A row is
 * drawn there when a token is all that is wanted of it; rows that somebody looks at (log
 * probabilities, options that are compared, rows whose mask is late) are fetched as ever.  The
 * device's choice is the sampler's (backend.h), so who draws changes no token.
 *
 * A mask that ends its request is left to generate_step, which finds the same. */
#include "base/clock.h"
#include "runtime/sched/sched_int.h"

/* Rows that wait to be drawn, and those that were. */
struct draws {
    struct request *who[SCHED_MAX_LOGITS];
    uint32_t        n;
    bool            done[SCHED_MAX_LOGITS];     /* by row of logits */
};

bool draw_on_device(const struct sched *s)
{
    _Static_assert((int)SCHED_MAX_LOGITS <= (int)BACKEND_KEPT, "a step's logits can stay");
    return s->backend->vt->draw_run != NULL;
}

/* Nothing but a token is wanted of r's one row. */
static bool drawable(const struct request *r)
{
    return r->kind == REQUEST_GEN && !r->job && !r->logprobs && !r->finishing && !r->late_logits &&
           r->n_logit == 1 && r->n_kv >= r->tl->tok.n;
}

static bool mask_there(struct sched *s, struct request *r, uint64_t end_ns)
{
    if (!r->mask || mask_jobs_ready(s, r, end_ns))
        return true;
    if (s->n_running > 1)
        return false;
    mask_jobs_wait(s, r);
    return true;
}

static enum status run_draws(struct sched *s, struct draws *d, struct error *err)
{
    struct backend_drawn drawn[SCHED_MAX_LOGITS];
    if (!d->n)
        return ST_OK;
    enum status st = s->backend->vt->draw_run(s->backend, drawn, err);
    for (uint32_t i = 0; i < d->n && st == ST_OK; i++) {
        struct request *r = d->who[i];
        r->drawn = true;
        r->draw = drawn[i];
        d->done[r->logit] = true;
    }
    d->n = 0;
    return st;
}

static enum status add_draw(struct sched *s, struct draws *d, struct request *r,
                            struct error *err)
{
    const uint32_t *mask;
    bool complete;
    if (mask_fill(s, r, &mask, &complete, err) != ST_OK || complete)
        return ST_OK;
    struct sample_input in = generate_input(s, r, NULL, mask);
    enum status st = s->backend->vt->draw_add(s->backend, r->logit, &r->sampling, &in, err);
    if (st == ST_LIMIT && d->n) {
        st = run_draws(s, d, err);
        if (st == ST_OK)
            st = s->backend->vt->draw_add(s->backend, r->logit, &r->sampling, &in, err);
    }
    if (st == ST_LIMIT)
        return ST_OK;           /* too large alone: the host draws it */
    if (st == ST_OK)
        d->who[d->n++] = r;
    return st;
}

/* Runs of rows that were not drawn. */
static enum status fetch_rest(struct sched *s, const struct draws *d, struct error *err)
{
    enum status st = ST_OK;
    for (uint32_t i = 0, n; i < s->n_logit && st == ST_OK; i += n + 1) {
        n = 0;
        while (i + n < s->n_logit && !d->done[i + n])
            n++;
        if (n)
            st = s->backend->vt->fetch(s->backend, i, n, s->logits + (size_t)i * s->info->n_vocab,
                                       err);
    }
    return st;
}

enum status draw_rows(struct sched *s, struct error *err)
{
    struct draws d = { .n = 0 };
    enum status st = ST_OK;
    if (!draw_on_device(s) || !s->n_row)
        return ST_OK;
    uint64_t end_ns = clock_ns();
    for (uint32_t i = 0; i < s->n_running && st == ST_OK; i++) {
        struct request *r = s->running[i];
        if (drawable(r) && mask_there(s, r, end_ns))
            st = add_draw(s, &d, r, err);
    }
    if (st == ST_OK)
        st = run_draws(s, &d, err);
    if (st == ST_OK)
        st = fetch_rest(s, &d, err);
    s->stats.sample_ns += clock_ns() - end_ns;
    return st;
}
