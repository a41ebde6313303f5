/* weights.c - names of tensors to the slots of the layer loop.
 *
 * q, k, v and gate, up are stacked into one matrix each, part by part, because one product over
 * the stack is one joint of the team instead of three.  A stack may mix element types. */
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "runtime/model/model_int.h"

struct loader {
    const struct bundle       *b;
    const struct model_config *c;
    struct device             *d;
    uint32_t                  *order;   /* [q rows] rows of an interleaved q or k, in our order */
    struct error              *err;
};

static const struct bundle_tensor *find(const struct loader *l, uint32_t layer, const char *name)
{
    char full[64];
    snprintf(full, sizeof full, "blk.%u.%s", layer, name);
    return bundle_tensor(l->b, full);
}

static enum status bad_shape(const struct loader *l, uint32_t layer, const char *name)
{
    return error_set(l->err, ST_INVALID, "%s: tensor blk.%u.%s is missing or has another shape",
                     bundle_path(l->b), layer, name);
}

/* A vector in memory of the device; made here unless the caller has one. */
static enum status load_vector(const struct loader *l, const struct bundle_tensor *t, uint32_t n,
                               float **ret)
{
    const struct kernels *ops = l->d->ops;
    if (t->dim[0] != n || t->n_dim != 1)
        return error_set(l->err, ST_INVALID, "%s: tensor %.*s has another shape",
                         bundle_path(l->b), (int)t->name.len, t->name.ptr);
    float *host = mem_calloc(n, sizeof *host);
    if (host && !*ret)
        *ret = ops->mem_new(l->d, n * sizeof **ret);
    if (!host || !*ret) {
        mem_free(host);
        return error_nomem(l->err);
    }
    tensor_row(t->dtype, t->data, host, n);
    enum status st = ops->upload(l->d, *ret, host, n * sizeof *host, l->err);
    mem_free(host);
    return st;
}

static enum status need_vector(const struct loader *l, uint32_t layer, const char *name,
                               uint32_t n, float **ret)
{
    const struct bundle_tensor *t = find(l, layer, name);
    return t ? load_vector(l, t, n, ret) : bad_shape(l, layer, name);
}

static enum status find_part(const struct loader *l, uint32_t layer, const char *name,
                             uint32_t n_out, uint32_t n_in, const uint32_t *order,
                             struct matrix_part *ret)
{
    const struct bundle_tensor *t = find(l, layer, name);
    if (!t || t->n_dim != 2 || t->dim[0] != n_out || t->dim[1] != n_in)
        return bad_shape(l, layer, name);
    *ret = (struct matrix_part){ .dtype = t->dtype, .data = t->data, .n_out = n_out,
                                 .order = order };
    return ST_OK;
}

static enum status load_qkv(const struct loader *l, uint32_t i, struct layer *y)
{
    const struct model_config *c = l->c;
    const uint32_t *order = c->permuted ? l->order : NULL;
    uint32_t q = c->n_head * c->head_dim, kv = c->n_kv_head * c->head_dim;
    struct matrix_part part[3];
    enum status st;
    if (find(l, i, "attn_qkv.weight")) {        /* one tensor that is the stack already */
        if ((st = find_part(l, i, "attn_qkv.weight", q + 2 * kv, c->width, NULL, &part[0])))
            return st;
        return l->d->ops->matrix_new(l->d, part, 1, c->width, &y->qkv, l->err);
    }
    if ((st = find_part(l, i, "attn_q.weight", q, c->width, order, &part[0])) ||
        (st = find_part(l, i, "attn_k.weight", kv, c->width, order, &part[1])) ||
        (st = find_part(l, i, "attn_v.weight", kv, c->width, NULL, &part[2])))
        return st;
    return l->d->ops->matrix_new(l->d, part, 3, c->width, &y->qkv, l->err);
}

/* Biases and head norms belong to a family, but a file may have them beyond it: they are taken as
 * found, and a file whose family wants them and has none is refused. */
static enum status load_extras(const struct loader *l, uint32_t i, struct layer *y)
{
    const struct model_config *c = l->c;
    uint32_t q = c->n_head * c->head_dim, kv = c->n_kv_head * c->head_dim;
    bool bias = c->qkv_bias || find(l, i, "attn_q.bias");
    bool norm = c->qk_norm || find(l, i, "attn_q_norm.weight");
    enum status st;
    if (bias && c->permuted)
        return error_set(l->err, ST_UNSUPPORTED, "%s: biases on q and k of this family are not "
                         "supported", bundle_path(l->b));
    if (bias) {
        y->qkv_bias = l->d->ops->mem_new(l->d, (q + 2 * (size_t)kv) * sizeof *y->qkv_bias);
        if (!y->qkv_bias)
            return error_nomem(l->err);
        float *at[] = { y->qkv_bias, y->qkv_bias + q, y->qkv_bias + q + kv };
        if ((st = need_vector(l, i, "attn_q.bias", q, &at[0])) ||
            (st = need_vector(l, i, "attn_k.bias", kv, &at[1])) ||
            (st = need_vector(l, i, "attn_v.bias", kv, &at[2])))
            return st;
    }
    if (norm && ((st = need_vector(l, i, "attn_q_norm.weight", c->head_dim, &y->q_norm)) ||
                 (st = need_vector(l, i, "attn_k_norm.weight", c->head_dim, &y->k_norm))))
        return st;
    if (c->post_norm &&
        ((st = need_vector(l, i, "post_attention_norm.weight", c->width, &y->post_attn)) ||
         (st = need_vector(l, i, "post_ffw_norm.weight", c->width, &y->post_ffn))))
        return st;
    return ST_OK;
}

/* Gate and up, as one tensor or two. */
static enum status load_gate_up(const struct loader *l, uint32_t i, struct layer *y)
{
    const struct model_config *c = l->c;
    struct matrix_part part[2];
    bool fused = !find(l, i, "ffn_gate.weight");
    enum status st = fused
        ? find_part(l, i, "ffn_up.weight", 2 * c->n_ff, c->width, NULL, &part[0])
        : find_part(l, i, "ffn_gate.weight", c->n_ff, c->width, NULL, &part[0]);
    if (st == ST_OK && !fused)
        st = find_part(l, i, "ffn_up.weight", c->n_ff, c->width, NULL, &part[1]);
    if (st != ST_OK)
        return st;
    return l->d->ops->matrix_new(l->d, part, fused ? 1 : 2, c->width, &y->gate_up, l->err);
}

static enum status load_layer(const struct loader *l, uint32_t i, struct layer *y)
{
    const struct model_config *c = l->c;
    uint32_t q = c->n_head * c->head_dim;
    struct matrix_part out, down;
    enum status st;
    if ((st = need_vector(l, i, "attn_norm.weight", c->width, &y->attn_norm)) ||
        (st = need_vector(l, i, "ffn_norm.weight", c->width, &y->ffn_norm)) ||
        (st = load_qkv(l, i, y)) || (st = load_extras(l, i, y)) ||
        (st = find_part(l, i, "attn_output.weight", c->width, q, NULL, &out)) ||
        (st = load_gate_up(l, i, y)) ||
        (st = find_part(l, i, "ffn_down.weight", c->width, c->n_ff, NULL, &down)))
        return st;
    const struct kernels *ops = l->d->ops;
    if ((st = ops->matrix_new(l->d, &out, 1, q, &y->out, l->err)))
        return st;
    return ops->matrix_new(l->d, &down, 1, c->n_ff, &y->down, l->err);
}

static enum status load_ends(const struct loader *l, struct model *m)
{
    const struct model_config *c = l->c;
    const struct bundle_tensor *norm = bundle_tensor(l->b, "output_norm.weight");
    const struct bundle_tensor *head = bundle_tensor(l->b, "output.weight");
    const struct bundle_tensor *embed = bundle_tensor(l->b, "token_embd.weight");
    if (!norm)
        return error_set(l->err, ST_INVALID, "%s: no tensor output_norm.weight",
                         bundle_path(l->b));
    if (!head)
        head = embed;           /* tied */
    if (head->n_dim != 2 || head->dim[0] != c->n_vocab || head->dim[1] != c->width)
        return error_set(l->err, ST_INVALID, "%s: tensor output.weight has another shape",
                         bundle_path(l->b));
    struct matrix_part part = { .dtype = head->dtype, .data = head->data, .n_out = c->n_vocab };
    enum status st = load_vector(l, norm, c->width, &m->norm);
    if (st != ST_OK)
        return st;
    st = l->d->ops->matrix_new(l->d, &part, 1, c->width, &m->head, l->err);
    if (st != ST_OK)
        return st;
    struct matrix_part rows = { .dtype = embed->dtype, .data = embed->data,
                                .n_out = c->n_vocab };
    return l->d->ops->table_new(l->d, &rows, c->width, head == embed ? m->head : NULL, &m->embed,
                                l->err);
}

/* Row j * half + i of a head lies at 2 i + j in files with interleaved pairs. */
static uint32_t *half_split_order(const struct model_config *c)
{
    uint32_t half = c->head_dim / 2, n = c->n_head * c->head_dim;
    uint32_t *order = mem_calloc(n, sizeof *order);
    for (uint32_t r = 0; order && r < n; r++) {
        uint32_t at = r % c->head_dim;
        order[r] = r - at + 2 * (at % half) + at / half;
    }
    return order;
}

/* Names, types and the ends of every tensor: enough to tell two files of one family apart. */
static uint64_t identity(const struct bundle *b)
{
    uint64_t h = bundle_n_tensor(b);
    for (uint32_t i = 0; i < bundle_n_tensor(b); i++) {
        const struct bundle_tensor *t = bundle_tensor_at(b, i);
        size_t n = t->size < 256 ? (size_t)t->size : 256;
        h = hash_combine(h, hash_bytes(t->name.ptr, t->name.len));
        h = hash_combine(h, t->size * DT_N + t->dtype);
        h = hash_combine(h, hash_bytes(t->data, n));
        h = hash_combine(h, hash_bytes(t->data + t->size - n, n));
    }
    return h;
}

static bool scratch_new(struct model *m)
{
    const struct model_config *c = &m->config;
    size_t rows = m->max_row, q = (size_t)c->n_head * c->head_dim;
    size_t kv = (size_t)c->n_kv_head * c->head_dim;
    m->x = m->d->ops->mem_new(m->d, rows * c->width * sizeof(float));
    m->qkv = m->d->ops->mem_new(m->d, rows * (q + 2 * kv) * sizeof(float));
    m->attn = m->d->ops->mem_new(m->d, rows * q * sizeof(float));
    m->ff = m->d->ops->mem_new(m->d, rows * 2 * c->n_ff * sizeof(float));
    if (c->post_norm)
        m->post = m->d->ops->mem_new(m->d, rows * c->width * sizeof(float));
    return m->x && m->qkv && m->attn && m->ff && (m->post || !c->post_norm);
}

/* Tables of rotations, and what each layer takes of them. */
static enum status load_ropes(const struct loader *l, struct model *m)
{
    const struct model_config *c = l->c;
    bool two = c->window && c->rope_base_window > 0;
    enum status st = rope_table(l->b, c, false, m->context, l->d, &m->rope, l->err);
    if (st == ST_OK && two)
        st = rope_table(l->b, c, true, m->context, l->d, &m->rope_window, l->err);
    for (uint32_t i = 0; i < c->n_layer && st == ST_OK; i++) {
        bool window = c->layer[i] & LAYER_WINDOW;
        m->layer[i].window = window ? c->window : 0;
        m->layer[i].rope = c->layer[i] & LAYER_NO_ROPE ? NULL
                         : window && two ? m->rope_window : m->rope;
    }
    return st;
}

enum status model_new(const struct bundle *b, const struct model_config *config,
                      struct device *d, uint32_t max_row, uint32_t context, struct model **ret,
                      struct error *err)
{
    struct model *m = mem_zalloc(sizeof *m);
    if (!m)
        return error_nomem(err);
    m->config = *config;
    m->d = d;
    m->max_row = (max_row + KERNEL_ROW_TILE - 1) / KERNEL_ROW_TILE * KERNEL_ROW_TILE;
    m->context = context;
    struct loader l = { .b = b, .c = &m->config, .d = d, .err = err };
    l.order = half_split_order(config);
    m->layer = mem_calloc(config->n_layer, sizeof *m->layer);
    enum status st = l.order && m->layer && scratch_new(m) ? ST_OK : error_nomem(err);
    if (st == ST_OK)
        st = load_ropes(&l, m);
    for (uint32_t i = 0; i < config->n_layer && st == ST_OK; i++)
        st = load_layer(&l, i, &m->layer[i]);
    if (st == ST_OK)
        st = load_ends(&l, m);
    mem_free(l.order);
    if (st != ST_OK) {
        model_free(m);
        return st;
    }
    m->hash = identity(b);
    *ret = m;
    return ST_OK;
}

void model_free(struct model *m)
{
    if (!m)
        return;
    const struct kernels *ops = m->d->ops;
    for (uint32_t i = 0; m->layer && i < m->config.n_layer; i++) {
        struct layer *y = &m->layer[i];
        struct matrix *w[] = { y->qkv, y->out, y->gate_up, y->down };
        float *v[] = { y->attn_norm, y->ffn_norm, y->qkv_bias, y->q_norm, y->k_norm,
                       y->post_attn, y->post_ffn };
        for (size_t j = 0; j < sizeof w / sizeof *w; j++)
            ops->matrix_free(w[j]);
        for (size_t j = 0; j < sizeof v / sizeof *v; j++)
            ops->mem_free(m->d, v[j]);
    }
    mem_free(m->layer);
    ops->table_free(m->embed);
    ops->matrix_free(m->head);
    float *v[] = { m->norm, m->rope, m->rope_window, m->x, m->qkv, m->attn, m->ff, m->post };
    for (size_t j = 0; j < sizeof v / sizeof *v; j++)
        ops->mem_free(m->d, v[j]);
    mem_free(m);
}

uint64_t model_weight_bytes(const struct model *m)
{
    const struct kernels *ops = m->d->ops;
    uint64_t n = ops->matrix_bytes(m->head);
    for (uint32_t i = 0; i < m->config.n_layer; i++) {
        const struct layer *y = &m->layer[i];
        n += ops->matrix_bytes(y->qkv) + ops->matrix_bytes(y->out) +
             ops->matrix_bytes(y->gate_up) + ops->matrix_bytes(y->down);
    }
    return n;
}

uint64_t model_hash(const struct model *m)
{
    return m->hash;
}
