/* replay.c - passes that repeat are recorded as CUDA graphs and launched in one call.
 *
 * A step of decoding is some hundred short kernels, and queueing them one by one takes longer than
 * they do.  Where one row a sequence is computed, all that differs from one step to the next of a
 * shape lies in the work lists, in memory; so the operations between `step` and the head are
 * recorded once and then launched whole.  A shape is rounded up to powers of two: rows behind the
 * last are tokens 0 whose keys go to the scratch page, works and folds behind the last are empty.
 *
 *      step of a shape:   first time   queued one by one (and every kernel is loaded)
 *                         second       recorded, then launched
 *                         later        launched; the operations that follow find nothing to do
 *
 * The bits are those of the operations one by one: the same kernels over the same lists.  Only who
 * promises that all passes are the same operations on the same memory may ask for it
 * (device_opts.replay). */
#include <string.h>

#include "kernels/cuda/cuda.h"

uint32_t cuda_replay_round(uint32_t n)
{
    uint32_t up = n ? 1 : 0;
    while (up < n)
        up *= 2;
    return up;
}

bool cuda_replay_fits(const struct cuda *c, const struct step_args *a)
{
    return c->opts.replay && !c->replays.off && a->n_row == a->n_item &&
           a->n_row <= KERNEL_ROW_TILE && cuda_replay_round(a->n_row) <= c->opts.max_row;
}

void cuda_replays_free(struct cuda *c)
{
    for (uint32_t i = 0; i < MAX_REPLAYS; i++)
        if (c->replays.slot[i].exec)
            cudaGraphExecDestroy(c->replays.slot[i].exec);
}

static struct replay *find(struct replays *p, const struct plan *plan)
{
    for (uint32_t i = 0; i < MAX_REPLAYS; i++) {
        struct replay *r = &p->slot[i];
        if (r->used && r->n_row == plan->n_row && r->n_few == plan->n_few &&
            r->n_many == plan->n_many && r->n_fold == plan->n_fold)
            return r;
    }
    return NULL;
}

/* A place for a shape that is new: the one that was not used for longest. */
static void remember(struct replays *p, const struct plan *plan)
{
    struct replay *r = &p->slot[0];
    for (uint32_t i = 1; i < MAX_REPLAYS; i++)
        if (p->slot[i].used < r->used)
            r = &p->slot[i];
    if (r->exec)
        cudaGraphExecDestroy(r->exec);
    *r = (struct replay){ .n_row = plan->n_row, .n_few = plan->n_few, .n_many = plan->n_many,
                          .n_fold = plan->n_fold, .used = ++p->clock };
}

void cuda_replay_begin(struct cuda *c)
{
    struct replays *p = &c->replays;
    struct replay *r = find(p, &c->plan);
    if (!r) {
        remember(p, &c->plan);
        return;
    }
    r->used = ++p->clock;
    if (r->exec) {
        cuda_ok(c, cudaGraphLaunch(r->exec, c->stream), "a recorded pass");
        p->state = PASS_REPLAYED;
        c->plan.n_row = 0;      /* for what follows: nothing to do */
        return;
    }
    if (cuda_ok(c, cudaStreamBeginCapture(c->stream, cudaStreamCaptureModeRelaxed), "recording")) {
        p->state = PASS_RECORDED;
        p->now = r;
    }
}

/* The operations that were recorded, as one launch.  A pass that cannot be recorded fails, and is
 * the last that is tried. */
static void launch_recorded(struct cuda *c)
{
    struct replays *p = &c->replays;
    cudaGraph_t graph = NULL;
    cudaError_t e = cudaStreamEndCapture(c->stream, &graph);
    if (e == cudaSuccess)
        e = cudaGraphInstantiate(&p->now->exec, graph, 0);
    if (graph)
        cudaGraphDestroy(graph);
    if (e == cudaSuccess && c->failed == cudaSuccess)
        e = cudaGraphLaunch(p->now->exec, c->stream);
    p->off = !cuda_ok(c, e, "recording");
}

void cuda_replay_end(struct cuda *c)
{
    if (c->replays.state == PASS_RECORDED)
        launch_recorded(c);
    c->replays.state = PASS_QUEUED;
}
