/* forward.c - the layer loop, written once over kernels.h.
 *
 * All rows of a batch go through each operation together.  The keys and values of all rows of a
 * layer are written before its attention reads, so two sequences of one batch may share a page
 * that one of them is filling. */
#include <string.h>

#include "base/alloc.h"
#include "runtime/model/model_int.h"

static uint32_t qkv_width(const struct model_config *c)
{
    return (c->n_head + 2 * c->n_kv_head) * c->head_dim;
}

static bool alloc_rows(float **ret, uint32_t n_row, uint32_t width)
{
    *ret = mem_alloc_aligned(64, (size_t)n_row * width * sizeof **ret);
    return *ret != NULL;
}

enum status model_new(const struct bundle *b, const struct model_config *config,
                      const struct model_opts *opts, struct device *device, struct model **ret,
                      struct error *err)
{
    struct model *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    const struct model_config *c = config;
    m->config = *c;
    m->device = device;
    m->n_page = opts->n_page;
    m->max_row = opts->max_row;
    m->shape = (struct attn_shape){ c->n_head, c->n_kv_head, c->head_dim,
                                    1.0f / __builtin_sqrtf((float)c->head_dim) };

    enum status st = weights_load(b, m, err);
    if (st == ST_OK)
        st = rope_table(b, c, opts->context, &m->rope, err);
    if (st == ST_OK) {
        m->kv = mem_alloc_aligned(64, (size_t)model_kv_bytes(c, opts->n_page));
        if (!m->kv || !alloc_rows(&m->x, m->max_row, c->width) ||
            !alloc_rows(&m->qkv, m->max_row, qkv_width(c)) ||
            !alloc_rows(&m->att, m->max_row, c->n_head * c->head_dim) ||
            !alloc_rows(&m->gate_up, m->max_row, 2 * c->n_ff))
            st = error_nomem(err);
    }
    if (st != ST_OK) {
        model_free(m);
        return st;
    }
    *ret = m;
    return ST_OK;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    weights_free(m);
    mem_free(m->rope);
    mem_free_aligned(m->kv);
    mem_free_aligned(m->x);
    mem_free_aligned(m->qkv);
    mem_free_aligned(m->att);
    mem_free_aligned(m->gate_up);
    mem_free(m);
}

static struct kv_layer kv_of(const struct model *m, uint32_t layer)
{
    size_t page = kv_page_elems(&m->shape);
    return (struct kv_layer){ m->kv + (size_t)layer * m->n_page * page, page };
}

static void attention(struct model *m, const struct model_batch *batch, uint32_t i)
{
    const struct model_config *c = &m->config;
    const struct kernels *ops = m->device->ops;
    const struct layer *y = &m->layer[i];
    uint32_t n_q = c->n_head * c->head_dim;

    ops->product(m->device, &(struct product_args){
        .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .n_row = batch->n_row,
        .norm = y->attn_norm, .eps = c->eps, .w = y->qkv, .bias = y->qkv_bias,
        .out = m->qkv, .out_stride = qkv_width(c) });
    ops->rope_kv(m->device, &(struct rope_kv_args){
        .shape = m->shape, .qkv = m->qkv, .stride = qkv_width(c), .rope = m->rope,
        .q_norm = y->q_norm, .k_norm = y->k_norm, .eps = c->eps,
        .item = batch->item, .n_item = batch->n_item, .kv = kv_of(m, i) });
    ops->attention(m->device, &(struct attention_args){
        .shape = m->shape, .qkv = m->qkv, .stride = qkv_width(c),
        .item = batch->item, .n_item = batch->n_item, .kv = kv_of(m, i),
        .out = m->att, .out_stride = n_q });
    ops->product(m->device, &(struct product_args){
        .in = PRODUCT_PLAIN, .x = m->att, .x_stride = n_q, .n_row = batch->n_row,
        .w = y->o, .add = true, .out = m->x, .out_stride = c->width });
}

static void feed_forward(struct model *m, const struct model_batch *batch, uint32_t i)
{
    const struct model_config *c = &m->config;
    const struct kernels *ops = m->device->ops;
    const struct layer *y = &m->layer[i];

    ops->product(m->device, &(struct product_args){
        .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .n_row = batch->n_row,
        .norm = y->ffn_norm, .eps = c->eps, .w = y->gate_up,
        .out = m->gate_up, .out_stride = 2 * c->n_ff });
    ops->product(m->device, &(struct product_args){
        .in = PRODUCT_GATE, .x = m->gate_up, .x_stride = 2 * c->n_ff, .n_row = batch->n_row,
        .w = y->down, .add = true, .out = m->x, .out_stride = c->width });
}

void model_forward(struct model *m, const struct model_batch *batch, float *logits)
{
    const struct model_config *c = &m->config;
    const struct kernels *ops = m->device->ops;
    ops->embed(m->device, &(struct embed_args){
        .tok = batch->tok, .n_row = batch->n_row, .dtype = m->embed->dtype, .table = m->embed->data,
        .width = c->width, .out = m->x, .stride = c->width });
    for (uint32_t i = 0; i < c->n_layer; i++) {
        attention(m, batch, i);
        feed_forward(m, batch, i);
    }
    if (batch->n_logit > 0)
        ops->product(m->device, &(struct product_args){
            .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .pick = batch->logit_row,
            .n_row = batch->n_logit, .norm = m->out_norm, .eps = c->eps, .w = m->head,
            .out = logits, .out_stride = c->n_vocab });
}

/* A key's elements lie a page apart, a value's side by side (kernels.h). */
void model_copy_page(struct model *m, uint32_t dst, uint32_t src, uint32_t n_tok)
{
    uint32_t hd = m->shape.head_dim;
    for (uint32_t i = 0; i < m->config.n_layer; i++) {
        struct kv_layer kv = kv_of(m, i);
        for (uint32_t h = 0; h < m->shape.n_kv_head; h++) {
            size_t head = (size_t)h * 2 * hd * KERNEL_PAGE;
            uint16_t *to = kv.base + dst * kv.page_stride + head;
            const uint16_t *from = kv.base + src * kv.page_stride + head;
            for (uint32_t d = 0; d < hd; d++)
                memcpy(to + d * KERNEL_PAGE, from + d * KERNEL_PAGE, n_tok * sizeof *to);
            memcpy(to + (size_t)hd * KERNEL_PAGE, from + (size_t)hd * KERNEL_PAGE,
                   (size_t)n_tok * hd * sizeof *to);
        }
    }
}
