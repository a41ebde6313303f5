/* forward.c - the layer loop, once, over kernels.h.
 *
 * Six operations a layer.  Norms, gates, biases and residual sums ride on the products they
 * stand beside, so that a row goes through memory as seldom as possible.  Every row's result
 * depends on its own tokens alone: the operations promise it, and nothing here mixes rows.
 *
 * What a family has beyond plain Llama was settled when the model was loaded: a pointer that is
 * NULL, a window or a cap that is 0, is left out. */
#include "runtime/model/model_int.h"

/* A product added to the hidden state, through a norm where there is one. */
static void add_product(struct model *m, struct product_args a, const float *norm)
{
    const struct model_config *c = &m->config;
    a.add = !norm;
    a.out = norm ? m->post : m->x;
    a.out_stride = c->width;
    m->d->ops->product(m->d, &a);
    if (norm)
        m->d->ops->norm_add(m->d, &(struct norm_add_args){
            .x = m->post, .n = c->width, .norm = norm, .eps = c->eps, .out = m->x });
}

static void attention_half(struct model *m, const struct layer *y, const struct model_batch *b,
                           const struct kv_layer *kv)
{
    const struct model_config *c = &m->config;
    struct attn_shape shape = model_attn_shape(c);
    uint32_t q = c->n_head * c->head_dim, qkv = q + 2 * c->n_kv_head * c->head_dim;
    m->d->ops->product(m->d, &(struct product_args){
        .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .n_row = b->n_row,
        .norm = y->attn_norm, .eps = c->eps, .w = y->qkv, .bias = y->qkv_bias,
        .out = m->qkv, .out_stride = qkv });
    m->d->ops->rope_kv(m->d, &(struct rope_kv_args){
        .shape = shape, .qkv = m->qkv, .stride = qkv, .rope = y->rope, .n_rot = c->n_rot,
        .q_norm = y->q_norm, .k_norm = y->k_norm, .eps = c->eps, .kv = *kv });
    m->d->ops->attention(m->d, &(struct attention_args){
        .shape = shape, .qkv = m->qkv, .stride = qkv, .kv = *kv, .window = y->window,
        .cap = c->score_cap, .out = m->attn, .out_stride = q });
    add_product(m, (struct product_args){ .in = PRODUCT_PLAIN, .x = m->attn, .x_stride = q,
                                          .n_row = b->n_row, .w = y->out }, y->post_attn);
}

static void feed_forward_half(struct model *m, const struct layer *y, const struct model_batch *b)
{
    const struct model_config *c = &m->config;
    m->d->ops->product(m->d, &(struct product_args){
        .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .n_row = b->n_row,
        .norm = y->ffn_norm, .eps = c->eps, .w = y->gate_up, .out = m->ff,
        .out_stride = 2 * (size_t)c->n_ff });
    add_product(m, (struct product_args){ .in = c->gelu ? PRODUCT_GATE_GELU : PRODUCT_GATE,
                                          .x = m->ff, .x_stride = 2 * (size_t)c->n_ff,
                                          .n_row = b->n_row, .w = y->down }, y->post_ffn);
}

void model_forward(struct model *m, const struct model_batch *b)
{
    const struct model_config *c = &m->config;
    struct attn_shape shape = model_attn_shape(c);
    size_t page = kv_page_elems(&shape);
    m->d->ops->step(m->d, &(struct step_args){
        .tok = b->tok, .n_row = b->n_row, .item = b->item, .n_item = b->n_item,
        .pick = b->logit_row, .n_pick = b->n_logit });
    m->d->ops->embed(m->d, &(struct embed_args){
        .table = m->embed, .width = c->width, .scale = c->embed_scale, .out = m->x,
        .stride = c->width });
    for (uint32_t i = 0; i < c->n_layer; i++) {
        struct kv_layer kv = { b->kv + (size_t)i * b->n_page * page, page };
        attention_half(m, &m->layer[i], b, &kv);
        feed_forward_half(m, &m->layer[i], b);
    }
}

void model_logits(struct model *m, uint32_t first, uint32_t n, float *ret)
{
    const struct model_config *c = &m->config;
    m->d->ops->product(m->d, &(struct product_args){
        .in = PRODUCT_NORM, .x = m->x, .x_stride = c->width, .picked = true, .pick0 = first,
        .n_row = n, .norm = m->norm, .eps = c->eps, .w = m->head, .out = ret,
        .out_stride = c->n_vocab });
    if (c->logit_cap > 0)
        m->d->ops->cap(m->d, &(struct cap_args){ .x = ret, .n_row = n, .n = c->n_vocab,
                                                 .cap = c->logit_cap });
}
