/* weights.c - names of a file's tensors to the slots of a model, repacked for its device.
 *
 * Products that read the same input are one matrix of several parts: q, k and v; gate and up.
 * Files of the `llama` family hold the rows of q and k in interleaved pairs; undoing that only
 * moves whole rows, so it is done while repacking and one rotation kernel serves every family. */
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/model/model_int.h"

struct loader {
    const struct bundle *b;
    struct model        *m;
    struct error        *err;
};

static const struct bundle_tensor *find(const struct loader *l, uint32_t layer, const char *name)
{
    char full[96];
    snprintf(full, sizeof full, "blk.%u.%s", layer, name);
    return bundle_tensor(l->b, full);
}

static enum status bad(const struct loader *l, uint32_t layer, const char *name)
{
    return error_set(l->err, ST_INVALID, "%s: blk.%u.%s is missing or has another shape",
                     bundle_path(l->b), layer, name);
}

static enum status vector_of(const struct loader *l, const struct bundle_tensor *t, uint32_t n,
                             float **ret)
{
    float *v = mem_calloc(n, sizeof *v);
    if (!v)
        return error_nomem(l->err);
    tensor_row(t->dtype, t->data, v, n);
    *ret = v;
    return ST_OK;
}

static bool is_vector(const struct bundle_tensor *t, uint32_t n)
{
    return t && t->n_dim == 1 && t->dim[0] == n && n % dtype_block_elems(t->dtype) == 0;
}

static enum status load_vector(const struct loader *l, uint32_t layer, const char *name, uint32_t n,
                               float **ret)
{
    const struct bundle_tensor *t = find(l, layer, name);
    return is_vector(t, n) ? vector_of(l, t, n, ret) : bad(l, layer, name);
}

/* Row i of the result is file row ret[i]: element j of half p of a head lies at 2 j + p. */
static uint32_t *halves_from_pairs(uint32_t n_head, uint32_t head_dim)
{
    uint32_t *order = mem_calloc((size_t)n_head * head_dim, sizeof *order);
    uint32_t half = head_dim / 2;
    for (uint32_t h = 0; order && h < n_head; h++)
        for (uint32_t i = 0; i < head_dim; i++)
            order[h * head_dim + i] = h * head_dim + 2 * (i % half) + i / half;
    return order;
}

struct wanted {
    const char     *name;
    uint32_t        n_out;
    const uint32_t *order;
};

enum { MAX_PART = 3 };

static enum status load_matrix(const struct loader *l, uint32_t layer, const struct wanted *w,
                               uint32_t n, uint32_t n_in, struct matrix **ret)
{
    struct matrix_part part[MAX_PART];
    for (uint32_t i = 0; i < n; i++) {
        const struct bundle_tensor *t = find(l, layer, w[i].name);
        if (!t || t->n_dim != 2 || t->dim[0] != w[i].n_out || t->dim[1] != n_in)
            return bad(l, layer, w[i].name);
        part[i] = (struct matrix_part){ t->dtype, t->data, w[i].n_out, w[i].order };
    }
    return l->m->device->ops->matrix_new(l->m->device, part, n, n_in, ret, l->err);
}

/* Biases of q, k and v side by side, moved as their rows are. */
static enum status load_bias(const struct loader *l, uint32_t layer, const struct wanted *w,
                             float **ret)
{
    static const char *const names[] = { "attn_q.bias", "attn_k.bias", "attn_v.bias" };
    uint32_t total = w[0].n_out + w[1].n_out + w[2].n_out, at = 0;
    float *all = mem_calloc(total, sizeof *all);
    if (!all)
        return error_nomem(l->err);
    *ret = all;                         /* the layer owns it from here on */
    for (int i = 0; i < 3; i++) {
        float *one = NULL;
        enum status st = load_vector(l, layer, names[i], w[i].n_out, &one);
        if (st != ST_OK)
            return st;
        for (uint32_t k = 0; k < w[i].n_out; k++)
            all[at + k] = one[w[i].order ? w[i].order[k] : k];
        at += w[i].n_out;
        mem_free(one);
    }
    return ST_OK;
}

static enum status load_attention(const struct loader *l, uint32_t i, const uint32_t *q_order,
                                  const uint32_t *k_order)
{
    const struct model_config *c = &l->m->config;
    struct layer *y = &l->m->layer[i];
    uint32_t n_q = c->n_head * c->head_dim, n_kv = c->n_kv_head * c->head_dim;
    const struct wanted qkv[] = {
        { "attn_q.weight", n_q, q_order },
        { "attn_k.weight", n_kv, k_order },
        { "attn_v.weight", n_kv, NULL },
    };
    const struct wanted o = { "attn_output.weight", c->width, NULL };

    enum status st = load_vector(l, i, "attn_norm.weight", c->width, &y->attn_norm);
    if (st == ST_OK)
        st = load_matrix(l, i, qkv, 3, c->width, &y->qkv);
    if (st == ST_OK && c->arch->qkv_bias)
        st = load_bias(l, i, qkv, &y->qkv_bias);
    if (st == ST_OK && c->arch->qk_norm)
        st = load_vector(l, i, "attn_q_norm.weight", c->head_dim, &y->q_norm);
    if (st == ST_OK && c->arch->qk_norm)
        st = load_vector(l, i, "attn_k_norm.weight", c->head_dim, &y->k_norm);
    if (st == ST_OK)
        st = load_matrix(l, i, &o, 1, n_q, &y->o);
    return st;
}

static enum status load_ffn(const struct loader *l, uint32_t i)
{
    const struct model_config *c = &l->m->config;
    struct layer *y = &l->m->layer[i];
    const struct wanted gate_up[] = {
        { "ffn_gate.weight", c->n_ff, NULL },
        { "ffn_up.weight", c->n_ff, NULL },
    };
    const struct wanted down = { "ffn_down.weight", c->width, NULL };

    enum status st = load_vector(l, i, "ffn_norm.weight", c->width, &y->ffn_norm);
    if (st == ST_OK)
        st = load_matrix(l, i, gate_up, 2, c->width, &y->gate_up);
    if (st == ST_OK)
        st = load_matrix(l, i, &down, 1, c->n_ff, &y->down);
    return st;
}

static enum status load_ends(const struct loader *l)
{
    struct model *m = l->m;
    const struct model_config *c = &m->config;
    m->embed = bundle_tensor(l->b, "token_embd.weight");
    const struct bundle_tensor *norm = bundle_tensor(l->b, "output_norm.weight");
    const struct bundle_tensor *head = bundle_tensor(l->b, "output.weight");
    if (!head)
        head = m->embed;        /* tied */
    if (!is_vector(norm, c->width))
        return error_set(l->err, ST_INVALID, "%s: output_norm.weight is missing or has another shape",
                         bundle_path(l->b));
    if (head->n_dim != 2 || head->dim[0] != c->n_vocab || head->dim[1] != c->width)
        return error_set(l->err, ST_INVALID, "%s: output.weight has another shape", bundle_path(l->b));
    enum status st = vector_of(l, norm, c->width, &m->out_norm);
    struct matrix_part part = { head->dtype, head->data, c->n_vocab, NULL };
    if (st == ST_OK)
        st = m->device->ops->matrix_new(m->device, &part, 1, c->width, &m->head, l->err);
    return st;
}

enum status weights_load(const struct bundle *b, struct model *m, struct error *err)
{
    const struct model_config *c = &m->config;
    struct loader l = { b, m, err };
    uint32_t *q_order = NULL, *k_order = NULL;
    m->layer = mem_calloc(c->n_layer, sizeof *m->layer);
    enum status st = m->layer ? load_ends(&l) : error_nomem(err);
    if (st == ST_OK && c->arch->pairs) {
        q_order = halves_from_pairs(c->n_head, c->head_dim);
        k_order = halves_from_pairs(c->n_kv_head, c->head_dim);
        st = q_order && k_order ? ST_OK : error_nomem(err);
    }
    for (uint32_t i = 0; st == ST_OK && i < c->n_layer; i++) {
        st = load_attention(&l, i, q_order, k_order);
        if (st == ST_OK)
            st = load_ffn(&l, i);
    }
    mem_free(q_order);
    mem_free(k_order);
    return st;
}

void weights_free(struct model *m)
{
    const struct kernels *ops = m->device->ops;
    for (uint32_t i = 0; m->layer && i < m->config.n_layer; i++) {
        struct layer *y = &m->layer[i];
        ops->matrix_free(y->qkv);
        ops->matrix_free(y->o);
        ops->matrix_free(y->gate_up);
        ops->matrix_free(y->down);
        mem_free(y->attn_norm);
        mem_free(y->qkv_bias);
        mem_free(y->q_norm);
        mem_free(y->k_norm);
        mem_free(y->ffn_norm);
    }
    ops->matrix_free(m->head);
    mem_free(m->out_norm);
    mem_free(m->layer);
}

uint64_t model_weight_bytes(const struct model *m)
{
    const struct kernels *ops = m->device->ops;
    uint64_t n = ops->matrix_bytes(m->head);
    for (uint32_t i = 0; i < m->config.n_layer; i++)
        n += ops->matrix_bytes(m->layer[i].qkv) + ops->matrix_bytes(m->layer[i].o) +
             ops->matrix_bytes(m->layer[i].gate_up) + ops->matrix_bytes(m->layer[i].down);
    return n;
}
