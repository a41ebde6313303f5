/* backend_device.c - the model on a device of kernels.h, whichever it is.
 *
 * Owns the device, the model and the KV pool.  Everything is allocated at open; a forward pass
 * allocates nothing and cannot run out.  A batch is checked before it runs, because a wrong page
 * or position would be somebody else's memory.
 *
 * Logits go straight to the caller where device memory is host memory.  Elsewhere they are
 * computed and fetched a few rows at a time, because a row's bits do not depend on the rows beside
 * it; or they stay on the device, and tokens are drawn there. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/backend/backend_int.h"
#include "runtime/model/model.h"

enum {
    DEFAULT_BATCH_TOK = 512,
    DEFAULT_SEQ = 64,
    LOGIT_ROWS = BACKEND_KEPT    /* rows of logits on a device at one time */
};

struct backend_device {
    struct backend       base;
    struct device       *device;
    struct model        *model;
    struct model_config  config;
    struct attn_shape    shape;
    struct backend_info  info;
    char                 name[256];
    uint16_t            *kv;        /* [layer][page], in memory of the device */
    float               *logits;    /* [LOGIT_ROWS, n_vocab] likewise, unless that is the host's */
    struct attn_item    *item;      /* [max_seq] of the running batch */
    struct sampler      *sampler;   /* where the device draws: makes lists of edits */
    struct sample_edit  *edit;      /* [3 * n_vocab] of the row that is added */
    uint32_t             n_kept;    /* rows of logits that the last pass left */
    uint32_t             n_draw;    /* rows that wait to be drawn */
};

void device_backend_close(struct backend *be)
{
    struct backend_device *c = (struct backend_device *)be;
    model_free(c->model);
    if (c->device) {
        c->device->ops->mem_free(c->device, c->kv);
        c->device->ops->mem_free(c->device, c->logits);
        c->device->ops->close(c->device);
    }
    mem_free(c->item);
    sampler_free(c->sampler);
    mem_free(c->edit);
    mem_free(c);
}

static uint64_t page_bytes(const struct backend_device *c)
{
    return (uint64_t)kv_page_elems(&c->shape) * sizeof(uint16_t) * c->config.n_layer;
}

/* Some full contexts within a budget; never less than one context and the scratch page. */
static uint32_t default_pages(const struct backend_device *c, const struct backend_kind *kind)
{
    uint64_t budget = kind->kv_budget;
    if (budget == 0)
        budget = c->device->ops->mem_room(c->device) / 10 * 8;
    uint64_t one = (c->info.context + KERNEL_PAGE - 1) / KERNEL_PAGE;
    uint64_t want = one * kind->contexts, afford = budget / page_bytes(c);
    want = want < afford ? want : afford;
    return (uint32_t)(want > one ? want : one) + 1;
}

static void fill_info(struct backend_device *c, const struct backend_opts *o)
{
    c->info.n_vocab = c->config.n_vocab;
    c->info.context = o->context && o->context < c->config.context ? o->context
                                                                   : c->config.context;
    c->info.page_tokens = KERNEL_PAGE;
    c->info.max_batch_tok = o->max_batch_tok ? o->max_batch_tok : DEFAULT_BATCH_TOK;
    c->info.max_seq = o->max_seq ? o->max_seq : DEFAULT_SEQ;
}

static enum status make_pool(struct backend_device *c, const struct backend_kind *kind,
                             const struct backend_opts *o, struct error *err)
{
    const struct kernels *ops = c->device->ops;
    c->info.n_page = o->n_page ? o->n_page : default_pages(c, kind);
    c->info.kv_bytes = page_bytes(c) * c->info.n_page;
    uint64_t room = ops->mem_room(c->device);
    if (!room || c->info.kv_bytes <= room)
        c->kv = ops->mem_new(c->device, (size_t)c->info.kv_bytes);
    c->item = mem_calloc(c->info.max_seq, sizeof *c->item);
    if (!c->kv || !c->item)
        return error_set(err, ST_NOMEM, "no memory for %u KV pages (%llu MB)", c->info.n_page,
                         (unsigned long long)(c->info.kv_bytes >> 20));
    return ST_OK;
}

/* Room for logits on a device that does not share the host's memory, and for drawing there. */
static enum status make_logits(struct backend_device *c, struct error *err)
{
    if (c->device->ops->host_memory)
        return ST_OK;
    size_t n_vocab = c->info.n_vocab;
    c->logits = c->device->ops->mem_new(c->device, LOGIT_ROWS * n_vocab * sizeof *c->logits);
    c->edit = mem_calloc(3 * n_vocab, sizeof *c->edit);
    if (!c->logits || !c->edit)
        return error_nomem(err);
    return sampler_new(c->info.n_vocab, &c->sampler, err);
}

enum status device_backend_open(const struct backend_kind *kind, const struct bundle *b,
                                const struct backend_opts *o, struct backend **ret,
                                struct error *err)
{
    struct backend_device *c = mem_zalloc(sizeof *c);
    if (!c)
        return error_nomem(err);
    c->base.vt = kind->vt;
    enum status st = model_config_read(b, &c->config, err);
    if (st != ST_OK)
        goto fail;
    c->shape = model_attn_shape(&c->config);
    fill_info(c, o);
    struct device_opts d = { .n_thread = o->n_thread, .max_row = c->info.max_batch_tok,
                             .max_width = model_widest(&c->config), .gpu = kind->gpu,
                             .max_item = c->info.max_seq, .shape = c->shape,
                             .max_page = (c->info.context + KERNEL_PAGE - 1) / KERNEL_PAGE,
                             .n_vocab = c->info.n_vocab, .replay = true };
    st = kind->open(&d, &c->device, err);
    if (st == ST_OK)
        st = model_new(b, &c->config, c->device, c->info.max_batch_tok, c->info.context,
                       &c->model, err);
    if (st != ST_OK)
        goto fail;
    st = make_logits(c, err);
    if (st != ST_OK)
        goto fail;
    st = make_pool(c, kind, o, err);
    if (st != ST_OK)
        goto fail;
    c->info.device = c->device->ops->name;
    c->info.weight_bytes = model_weight_bytes(c->model);
    c->info.model_hash = model_hash(c->model);
    *ret = &c->base;
    return ST_OK;

fail:
    device_backend_close(&c->base);
    return st;
}

void device_backend_note(struct backend *be, const char *why)
{
    struct backend_device *c = (struct backend_device *)be;
    snprintf(c->name, sizeof c->name, "%s; no GPU: %s", c->device->ops->name, why);
    c->info.device = c->name;
}

const struct backend_info *device_backend_info(const struct backend *be)
{
    return &((const struct backend_device *)be)->info;
}

static enum status check_seq(const struct backend_device *c, const struct batch_seq *s,
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

static enum status check_batch(const struct backend_device *c, const struct batch *b,
                               struct error *err)
{
    if (b->keep && (c->device->ops->host_memory || b->n_logit > LOGIT_ROWS))
        return error_set(err, ST_INTERNAL, "%u rows of logits cannot stay on the device",
                         b->n_logit);
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

/* Logits of all wanted rows, through the device's own few rows where there is no other way. */
static enum status fetch_logits(struct backend_device *c, uint32_t n, float *logits,
                                struct error *err)
{
    const struct kernels *ops = c->device->ops;
    if (n && ops->host_memory) {
        model_logits(c->model, 0, n, logits);
        return ST_OK;
    }
    size_t width = c->info.n_vocab;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < n && st == ST_OK; i += LOGIT_ROWS) {
        uint32_t k = n - i < LOGIT_ROWS ? n - i : LOGIT_ROWS;
        model_logits(c->model, i, k, c->logits);
        st = ops->download(c->device, logits + i * width, c->logits, k * width * sizeof *logits,
                           err);
    }
    return st;
}

enum status device_backend_forward(struct backend *be, const struct batch *b, float *logits,
                                   struct error *err)
{
    struct backend_device *c = (struct backend_device *)be;
    enum status st = check_batch(c, b, err);
    c->n_kept = c->n_draw = 0;
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
    model_forward(c->model, &m);
    if (b->keep) {
        model_logits(c->model, 0, b->n_logit, c->logits);
        c->n_kept = b->n_logit;
    } else {
        st = fetch_logits(c, b->n_logit, logits, err);
    }
    enum status end = c->device->ops->wait(c->device, st == ST_OK ? err : NULL);
    return st == ST_OK ? end : st;
}

/* A page holds n_tok tokens somewhere in every tile; what is behind them is never read, so the
 * whole page is copied. */
void device_backend_copy_page(struct backend *be, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    struct backend_device *c = (struct backend_device *)be;
    size_t n = kv_page_elems(&c->shape);
    if (n_tok == 0 || dst == src)
        return;
    c->device->ops->copy_page(c->device, &(struct copy_page_args){
        .dst = c->kv + dst * n, .src = c->kv + src * n, .n = n, .stride = c->info.n_page * n,
        .n_layer = c->config.n_layer });
}

/* ---- logits that stayed ---- */

static bool is_kept(const struct backend_device *c, uint32_t first, uint32_t n, struct error *err)
{
    if (n <= c->n_kept && first <= c->n_kept - n)
        return true;
    error_set(err, ST_INTERNAL, "the device keeps %u rows of logits, not row %u", c->n_kept,
              first + n);
    return false;
}

enum status device_backend_fetch(struct backend *be, uint32_t first, uint32_t n, float *logits,
                                 struct error *err)
{
    struct backend_device *c = (struct backend_device *)be;
    size_t width = c->info.n_vocab;
    if (!is_kept(c, first, n, err))
        return ST_INTERNAL;
    return c->device->ops->download(c->device, logits, c->logits + first * width,
                                    n * width * sizeof *logits, err);
}

enum status device_backend_draw_add(struct backend *be, uint32_t logit, const struct sampling *p,
                                    const struct sample_input *in, struct error *err)
{
    _Static_assert(sizeof(struct sample_edit) == sizeof(struct draw_edit), "one edit, two names");
    struct backend_device *c = (struct backend_device *)be;
    if (!is_kept(c, logit, 1, err))
        return ST_INTERNAL;
    if (in->n_extra)
        return error_set(err, ST_UNSUPPORTED, "the device knows no tokens beside the mask");
    struct sample_edits e = { .edit = c->edit };
    enum status st = sampler_edits(c->sampler, p, in, &e, err);
    if (st != ST_OK)
        return st;
    struct draw_row row = {
        .logit = logit, .mask = in->mask, .edit = (const struct draw_edit *)e.edit,
        .n_repeat = e.n_repeat, .n_minus = e.n_minus, .n_plus = e.n_plus,
        .repetition = (float)p->repetition_penalty,
        .temp = sample_greedy(p) ? 0 : p->temp, .top_p = p->top_p, .min_p = p->min_p,
        .top_k = p->top_k >= 1 ? (uint32_t)p->top_k : 0,
        .key_lo = in->key.lo, .key_hi = in->key.hi, .index = (uint32_t)in->index };
    if (!c->device->ops->draw_add(c->device, &row))
        return error_set(err, ST_LIMIT, "no room beside the rows that wait to be drawn");
    c->n_draw++;
    return ST_OK;
}

enum status device_backend_draw_run(struct backend *be, struct backend_drawn *ret,
                                    struct error *err)
{
    static const enum sample_fault fault[] = {
        [DRAW_FINE] = SAMPLE_FINE, [DRAW_NO_TOKEN] = SAMPLE_NO_TOKEN,
        [DRAW_NOT_A_NUMBER] = SAMPLE_NOT_A_NUMBER, [DRAW_NOT_FINITE] = SAMPLE_NOT_FINITE,
    };
    struct backend_device *c = (struct backend_device *)be;
    struct drawn drawn[BACKEND_KEPT];
    uint32_t n = c->n_draw;
    c->n_draw = 0;
    enum status st = c->device->ops->draw_run(c->device, c->logits, drawn, err);
    for (uint32_t i = 0; i < n && st == ST_OK; i++)
        ret[i] = (struct backend_drawn){ drawn[i].id, fault[drawn[i].fault & 3] };
    return st;
}
