/* backend_cpu.c - the model on the cores of this machine.
 *
 * Owns the device, the model and the KV pool.  Everything is allocated at open; a forward pass
 * allocates nothing and cannot run out.  A batch is checked before it runs, because a wrong page
 * or position would be somebody else's memory. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/backend/backend_int.h"
#include "runtime/model/model.h"

enum {
    DEFAULT_BATCH_TOK = 512,
    DEFAULT_SEQ = 64,
    DEFAULT_CONTEXTS = 8        /* full contexts that the default pool holds, within its budget */
};

static const uint64_t KV_BUDGET = 1ull << 30;   /* bytes of the pool when nobody says how many */

struct backend_cpu {
    struct backend       base;
    struct device       *device;
    struct model        *model;
    struct model_config  config;
    struct attn_shape    shape;
    struct backend_info  info;
    uint16_t            *kv;        /* [layer][page] */
    struct attn_item    *item;      /* [max_seq] of the running batch */
};

static void cpu_close(struct backend *be)
{
    struct backend_cpu *c = (struct backend_cpu *)be;
    model_free(c->model);
    if (c->device)
        c->device->ops->close(c->device);
    mem_free_aligned(c->kv);
    mem_free(c->item);
    mem_free(c);
}

static uint64_t page_bytes(const struct backend_cpu *c)
{
    return (uint64_t)kv_page_elems(&c->shape) * sizeof(uint16_t) * c->config.n_layer;
}

/* Some full contexts within a budget; never less than one context and the scratch page. */
static uint32_t default_pages(const struct backend_cpu *c)
{
    uint64_t one = (c->info.context + KERNEL_PAGE - 1) / KERNEL_PAGE;
    uint64_t want = one * DEFAULT_CONTEXTS, afford = KV_BUDGET / page_bytes(c);
    want = want < afford ? want : afford;
    return (uint32_t)(want > one ? want : one) + 1;
}

static void fill_info(struct backend_cpu *c, const struct backend_opts *o)
{
    c->info.n_vocab = c->config.n_vocab;
    c->info.context = o->context && o->context < c->config.context ? o->context
                                                                   : c->config.context;
    c->info.page_tokens = KERNEL_PAGE;
    c->info.max_batch_tok = o->max_batch_tok ? o->max_batch_tok : DEFAULT_BATCH_TOK;
    c->info.max_seq = o->max_seq ? o->max_seq : DEFAULT_SEQ;
    c->info.n_page = o->n_page ? o->n_page : default_pages(c);
    c->info.kv_bytes = page_bytes(c) * c->info.n_page;
}

static enum status cpu_open(const struct bundle *b, const struct backend_opts *o,
                            struct backend **ret, struct error *err)
{
    struct backend_cpu *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    c->base.vt = &backend_cpu;
    enum status st = model_config_read(b, &c->config, err);
    if (st != ST_OK)
        goto fail;
    c->shape = model_attn_shape(&c->config);
    fill_info(c, o);
    struct device_opts d = { .n_thread = o->n_thread, .max_row = c->info.max_batch_tok,
                             .max_width = model_widest(&c->config) };
    st = cpu_device_open(&d, &c->device, err);
    if (st == ST_OK)
        st = model_new(b, &c->config, c->device, c->info.max_batch_tok, c->info.context,
                       &c->model, err);
    if (st != ST_OK)
        goto fail;
    c->kv = mem_alloc_aligned(64, (size_t)c->info.kv_bytes);
    c->item = mem_calloc(c->info.max_seq, sizeof *c->item);
    if (!c->kv || !c->item) {
        st = error_nomem(err);
        goto fail;
    }
    c->info.device = c->device->ops->name;
    c->info.weight_bytes = model_weight_bytes(c->model);
    c->info.model_hash = model_hash(c->model);
    *ret = &c->base;
    return ST_OK;

fail:
    cpu_close(&c->base);
    return st;
}

static const struct backend_info *cpu_info(const struct backend *be)
{
    return &((const struct backend_cpu *)be)->info;
}

static enum status check_seq(const struct backend_cpu *c, const struct batch_seq *s,
                             uint32_t row, struct error *err)
{
    if (s->row != row || s->n_row == 0)
        return error_set(err, ST_INTERNAL, "a batch has a gap before row %u", row);
    if (s->n_row > c->info.context || s->pos > c->info.context - s->n_row)
        return error_set(err, ST_LIMIT, "position %u is beyond the context of %u",
                         s->pos + s->n_row, c->info.context);
    uint32_t n_page = (s->pos + s->n_row + KERNEL_PAGE - 1) / KERNEL_PAGE;
    for (uint32_t i = 0; i < n_page; i++)
        if (s->page[i] >= c->info.n_page)
            return error_set(err, ST_INTERNAL, "page %u is outside the pool", s->page[i]);
    return ST_OK;
}

static enum status check_batch(const struct backend_cpu *c, const struct batch *b,
                               struct error *err)
{
    if (b->n_row > c->info.max_batch_tok || b->n_seq > c->info.max_seq)
        return error_set(err, ST_LIMIT, "a batch of %u rows of %u sequences is over the limits of "
                         "%u and %u", b->n_row, b->n_seq, c->info.max_batch_tok, c->info.max_seq);
    uint32_t row = 0;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        enum status st = check_seq(c, &b->seq[i], row, err);
        if (st != ST_OK)
            return st;
        row += b->seq[i].n_row;
    }
    if (row != b->n_row || b->n_logit > b->n_row)
        return error_set(err, ST_INTERNAL, "a batch of %u rows has sequences of %u rows",
                         b->n_row, row);
    for (uint32_t i = 0; i < b->n_row; i++)
        if (b->tok[i] >= c->info.n_vocab)
            return error_set(err, ST_INVALID, "there is no token %u", b->tok[i]);
    for (uint32_t i = 0; i < b->n_logit; i++)
        if (b->logit_row[i] >= b->n_row)
            return error_set(err, ST_INTERNAL, "there is no row %u", b->logit_row[i]);
    return ST_OK;
}

static enum status cpu_forward(struct backend *be, const struct batch *b, float *logits,
                               struct error *err)
{
    struct backend_cpu *c = (struct backend_cpu *)be;
    enum status st = check_batch(c, b, err);
    if (st != ST_OK || b->n_row == 0)
        return st;
    for (uint32_t i = 0; i < b->n_seq; i++) {
        const struct batch_seq *s = &b->seq[i];
        c->item[i] = (struct attn_item){ .row = s->row, .n_row = s->n_row, .pos = s->pos,
                                         .page = s->page };
    }
    struct model_batch m = { .tok = b->tok, .n_row = b->n_row, .item = c->item,
                             .n_item = b->n_seq, .logit_row = b->logit_row,
                             .n_logit = b->n_logit, .kv = c->kv, .n_page = c->info.n_page };
    model_forward(c->model, &m, logits);
    return ST_OK;
}

/* A page holds n_tok tokens first in each key column and in each run of values; what is behind
 * them is never read, so the whole page is copied. */
static void cpu_copy_page(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    struct backend_cpu *c = (struct backend_cpu *)be;
    size_t n = kv_page_elems(&c->shape);
    if (n_tok == 0 || dst == src)
        return;
    for (uint32_t i = 0; i < c->config.n_layer; i++) {
        uint16_t *layer = c->kv + (size_t)i * c->info.n_page * n;
        memcpy(layer + dst * n, layer + src * n, n * sizeof *layer);
    }
}

const struct backend_vtable backend_cpu = {
    .name = "cpu",
    .open = cpu_open,
    .close = cpu_close,
    .info = cpu_info,
    .forward = cpu_forward,
    .copy_page = cpu_copy_page,
};
