/* plan.c - what one step works on, written into pinned memory and sent over in one copy.
 *
 * Attention's work list is made here.  A sequence of few rows is cut into works of one block of
 * keys each, as long as there is room for their results; any other is cut by queries alone.  Both
 * give the same bits (attention.cu), so the choice may depend on the batch. */
#include <string.h>

#include "kernels/cuda/cuda.h"

enum { FEW_ROWS = 16 };     /* up to here blocks of keys are shared out */

static uint32_t group_of(const struct cuda *c)
{
    return c->opts.shape.n_head / c->opts.shape.n_kv_head;
}

/* Rounds a part of the block up to 16 bytes. */
static size_t part(size_t *at, size_t n_byte)
{
    size_t here = *at;
    *at += (n_byte + 15) / 16 * 16;
    return here;
}

enum status cuda_plan_new(struct cuda *c, struct error *err)
{
    const struct device_opts *o = &c->opts;
    size_t rows = o->max_row * sizeof(uint32_t), at = 0;
    /* A row has group / TILE_FEW tiles and a broken one at most, whole or for each of its parts;
     * an item of many rows has less. */
    c->max_work = cuda_replay_round((o->max_row + MAX_PARTS) * (group_of(c) / TILE_FEW + 1));
    part(&at, rows);
    c->off_pos = part(&at, rows);
    c->off_slot = part(&at, rows);
    c->off_pick = part(&at, rows);
    c->off_work = part(&at, c->max_work * sizeof(struct work));
    c->off_fold = part(&at, o->max_row * sizeof(struct fold));
    c->off_page = part(&at, (size_t)o->max_item * o->max_page * sizeof(uint32_t));
    c->plan_bytes = at;
    if (cudaMallocHost((void **)&c->host_plan, at) != cudaSuccess ||
        cudaMalloc((void **)&c->dev_plan, at) != cudaSuccess)
        return error_set(err, ST_NOMEM, "no memory for the work lists of the GPU");
    return ST_OK;
}

void cuda_plan_free(struct cuda *c)
{
    cudaFreeHost(c->host_plan);
    cudaFree(c->dev_plan);
}

static uint32_t blocks(uint32_t n_key)
{
    return (n_key + KERNEL_KEY_BLOCK - 1) / KERNEL_KEY_BLOCK;
}

/* The tiles of one item, once or once for each block of keys. */
static void add_works(struct cuda *c, const struct attn_item *it, uint32_t page, uint32_t tile,
                      bool split, uint32_t part0, uint32_t *n)
{
    struct work *w = (struct work *)(c->host_plan + c->off_work);
    uint32_t group = group_of(c), all = it->n_row * group, n_block = blocks(it->pos + it->n_row);
    for (uint32_t q = 0; q < all; q += tile) {
        uint32_t n_q = all - q < tile ? all - q : tile;
        uint32_t end = split ? blocks(it->pos + (q + n_q - 1) / group + 1) : 1;
        for (uint32_t b = 0; b < end; b++)
            w[(*n)++] = (struct work){ .row = it->row, .pos = it->pos, .page = page, .q0 = q,
                                       .n_q = n_q, .block = split ? (int32_t)b : WORK_WHOLE,
                                       .part = part0, .n_block = n_block };
    }
}

static void add_folds(struct cuda *c, const struct attn_item *it, uint32_t part0, uint32_t *n)
{
    struct fold *f = (struct fold *)(c->host_plan + c->off_fold);
    uint32_t n_block = blocks(it->pos + it->n_row);
    for (uint32_t r = 0; r < it->n_row; r++)
        f[(*n)++] = (struct fold){ .row = it->row + r, .part = part0 + r * n_block,
                                   .n_block = blocks(it->pos + r + 1) };
}

/* Works of small tiles first, then those of large ones. */
static void list_works(struct cuda *c, const struct step_args *a, struct plan *p)
{
    uint32_t n_part = 0, n = 0;
    for (int large = 0; large < 2; large++) {
        uint32_t page = 0;
        for (uint32_t i = 0; i < a->n_item; i++) {
            const struct attn_item *it = &a->item[i];
            uint32_t n_block = blocks(it->pos + it->n_row), parts = n_block * it->n_row;
            bool is_large = it->n_row * group_of(c) > TILE_FEW;
            if (is_large == (bool)large) {
                bool split = n_block > 1 && it->n_row <= FEW_ROWS &&
                             parts <= MAX_PARTS - n_part;
                add_works(c, it, page, is_large ? TILE_MANY : TILE_FEW, split, n_part, &n);
                if (split) {
                    add_folds(c, it, n_part, &p->n_fold);
                    n_part += parts;
                }
            }
            page += (it->pos + it->n_row + KERNEL_PAGE - 1) / KERNEL_PAGE;
        }
        if (!large)
            p->n_few = n;
    }
    p->n_many = n - p->n_few;
}

static uint32_t list_rows(struct cuda *c, const struct step_args *a)
{
    uint32_t *pos = (uint32_t *)(c->host_plan + c->off_pos);
    uint32_t *slot = (uint32_t *)(c->host_plan + c->off_slot);
    uint32_t *page = (uint32_t *)(c->host_plan + c->off_page);
    memcpy(c->host_plan, a->tok, a->n_row * sizeof *a->tok);
    if (a->n_pick)
        memcpy(c->host_plan + c->off_pick, a->pick, a->n_pick * sizeof *a->pick);
    uint32_t n_page = 0;
    for (uint32_t i = 0; i < a->n_item; i++) {
        const struct attn_item *it = &a->item[i];
        for (uint32_t r = 0; r < it->n_row; r++) {
            uint32_t at = it->pos + r;
            pos[it->row + r] = at;
            slot[it->row + r] = it->page[at / KERNEL_PAGE] * KERNEL_PAGE + at % KERNEL_PAGE;
        }
        uint32_t n = (it->pos + it->n_row + KERNEL_PAGE - 1) / KERNEL_PAGE;
        memcpy(page + n_page, it->page, n * sizeof *page);
        n_page += n;
    }
    return n_page;
}

/* Up to a shape that comes again (replay.c): rows of the scratch page, works of no queries. */
static void pad(struct cuda *c, struct plan *p)
{
    struct work *w = (struct work *)(c->host_plan + c->off_work);
    uint32_t *tok = (uint32_t *)c->host_plan;
    uint32_t *pos = (uint32_t *)(c->host_plan + c->off_pos);
    uint32_t *slot = (uint32_t *)(c->host_plan + c->off_slot);
    uint32_t n = p->n_row, n_work = p->n_few + p->n_many;
    p->n_row = cuda_replay_round(n);
    for (uint32_t i = n; i < p->n_row; i++) {
        tok[i] = pos[i] = 0;
        slot[i] = i % KERNEL_PAGE;
    }
    /* Rows of one each are all of few queries or all of many. */
    uint32_t *count = p->n_few ? &p->n_few : &p->n_many;
    *count = cuda_replay_round(*count);
    memset(w + n_work, 0, (*count - n_work) * sizeof *w);
    struct fold *f = (struct fold *)(c->host_plan + c->off_fold);
    n = p->n_fold;
    p->n_fold = n ? p->n_row : 0;
    memset(f + n, 0, (p->n_fold - n) * sizeof *f);
}

void cuda_step(struct device *d, const struct step_args *a)
{
    struct cuda *c = (struct cuda *)d;
    if (!cuda_ok(c, cudaSetDevice(c->gpu), "step"))     /* each thread has its own choice */
        return;
    c->draws.n_row = c->draws.n_edit = 0;       /* of logits that are gone now */
    uint32_t n_page = list_rows(c, a);
    struct plan p = {
        .n_row = a->n_row,
        .tok = (const uint32_t *)c->dev_plan,
        .pos = (const uint32_t *)(c->dev_plan + c->off_pos),
        .slot = (const uint32_t *)(c->dev_plan + c->off_slot),
        .pick = (const uint32_t *)(c->dev_plan + c->off_pick),
        .work = (const struct work *)(c->dev_plan + c->off_work),
        .fold = (const struct fold *)(c->dev_plan + c->off_fold),
        .page = (const uint32_t *)(c->dev_plan + c->off_page),
    };
    list_works(c, a, &p);
    bool again = cuda_replay_fits(c, a);
    if (again)
        pad(c, &p);
    c->plan = p;
    size_t used = c->off_page + n_page * sizeof(uint32_t);
    if (cuda_ok(c, cudaMemcpyAsync(c->dev_plan, c->host_plan, used, cudaMemcpyHostToDevice,
                                   c->stream), "step") && again)
        cuda_replay_begin(c);
}
