/* backend_cpu.c - a model on the CPU's kernels, behind backend.h.
 *
 * The scheduler thread owns a backend.  Everything is allocated at open; a forward pass allocates
 * nothing. */
#include "runtime/backend/backend_cpu.h"

#include "base/alloc.h"
#include "runtime/model/model.h"

enum {
    DEFAULT_BATCH_TOK = 512,
    DEFAULT_SEQ = 64,
    CONTEXTS_WANTED = 8,                /* full contexts that the pool holds, when memory allows */
};

static const uint64_t KV_BUDGET = 1ull << 30;   /* bytes of the pool when nobody says how many pages */

struct cpu_backend {
    struct backend      base;           /* first */
    struct backend_info info;
    struct device      *device;
    struct model       *model;
    struct attn_item   *item;           /* [max_seq] */
};

static void close_cpu(struct backend *be)
{
    struct cpu_backend *c = (struct cpu_backend *)be;
    model_free(c->model);
    if (c->device)
        c->device->ops->close(c->device);
    mem_free(c->item);
    mem_free(c);
}

static const struct backend_info *info_cpu(const struct backend *be)
{
    return &((const struct cpu_backend *)be)->info;
}

static uint32_t widest(const struct model_config *c)
{
    uint32_t heads = c->n_head * c->head_dim, most = c->width > c->n_ff ? c->width : c->n_ff;
    return most > heads ? most : heads;
}

/* At least one full context and the scratch page; more as the budget allows. */
static uint32_t choose_pages(const struct model_config *c, uint32_t context)
{
    uint32_t one = (context + KERNEL_PAGE - 1) / KERNEL_PAGE;
    uint64_t afford = KV_BUDGET / model_kv_bytes(c, 1);
    uint64_t wanted = (uint64_t)one * CONTEXTS_WANTED;
    uint64_t n = wanted < afford ? wanted : afford;
    return (uint32_t)(n < one ? one : n) + 1;
}

static void fill_info(struct cpu_backend *be, const struct bundle *b, const struct model_config *c,
                      const struct backend_opts *opts)
{
    struct backend_info *i = &be->info;
    i->n_vocab = c->n_vocab;
    i->context = opts->context && opts->context < c->context ? opts->context : c->context;
    i->page_tokens = KERNEL_PAGE;
    i->n_page = opts->n_page ? opts->n_page : choose_pages(c, i->context);
    i->max_batch_tok = opts->max_batch_tok ? opts->max_batch_tok : DEFAULT_BATCH_TOK;
    i->max_seq = opts->max_seq ? opts->max_seq : DEFAULT_SEQ;
    i->kv_bytes = model_kv_bytes(c, i->n_page);
    i->model_hash = model_hash(b, c);
}

static enum status open_cpu(const struct bundle *b, const struct backend_opts *opts,
                            struct backend **ret, struct error *err)
{
    struct model_config config;
    enum status st = model_config_read(b, &config, err);
    if (st != ST_OK)
        return st;
    struct cpu_backend *be = mem_zalloc(sizeof *be);
    if (!be)
        return error_nomem(err);
    be->base.vt = &backend_cpu;
    fill_info(be, b, &config, opts);

    struct device_opts device = { .n_thread = opts->n_thread, .max_row = be->info.max_batch_tok,
                                  .max_width = widest(&config) };
    struct model_opts model = { .max_row = be->info.max_batch_tok, .n_page = be->info.n_page,
                                .context = be->info.context };
    be->item = mem_calloc(be->info.max_seq, sizeof *be->item);
    st = be->item ? cpu_device_open(&device, &be->device, err) : error_nomem(err);
    if (st == ST_OK)
        st = model_new(b, &config, &model, be->device, &be->model, err);
    if (st != ST_OK) {
        close_cpu(&be->base);
        return st;
    }
    be->info.device = be->device->ops->name;
    be->info.weight_bytes = model_weight_bytes(be->model);
    *ret = &be->base;
    return ST_OK;
}

static enum status forward_cpu(struct backend *be, const struct batch *batch, float *logits,
                               struct error *err)
{
    struct cpu_backend *c = (struct cpu_backend *)be;
    if (batch->n_row > c->info.max_batch_tok || batch->n_seq > c->info.max_seq)
        return error_set(err, ST_INTERNAL, "a batch of %u rows and %u sequences", batch->n_row,
                         batch->n_seq);
    for (uint32_t i = 0; i < batch->n_seq; i++) {
        const struct batch_seq *s = &batch->seq[i];
        c->item[i] = (struct attn_item){ s->row, s->n_row, s->pos, s->page };
    }
    model_forward(c->model, &(struct model_batch){
        .tok = batch->tok, .n_row = batch->n_row, .item = c->item, .n_item = batch->n_seq,
        .logit_row = batch->logit_row, .n_logit = batch->n_logit }, logits);
    return ST_OK;
}

static void copy_cpu(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    model_copy_page(((struct cpu_backend *)be)->model, dst, src, n_tok);
}

const struct backend_vtable backend_cpu = {
    .name = "cpu",
    .open = open_cpu,
    .close = close_cpu,
    .info = info_cpu,
    .forward = forward_cpu,
    .copy_page = copy_cpu,
};
