/* config.c - a model's shape from the metadata of its file; what is not known is refused by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "runtime/model/model_int.h"

enum {
    MAX_LAYER = 1024,
    MAX_WIDTH = 1 << 17,
    MAX_VOCAB = 1 << 21,
    MAX_CONTEXT = 1 << 24,
    MAX_HEAD_DIM = 256,
};

struct reader {
    const struct bundle *b;
    const char          *arch;
    enum status          st;        /* sticky */
    struct error        *err;
};

static bool find(struct reader *r, const char *key, uint64_t *ret)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", r->arch, key);
    return bundle_u64(r->b, full, ret);
}

/* A number within 1..most; absent: `fallback`, or an error when that is 0. */
static uint32_t size(struct reader *r, const char *key, uint64_t fallback, uint64_t most)
{
    uint64_t n = fallback;
    if (r->st != ST_OK)
        return 0;
    if (!find(r, key, &n) && fallback == 0) {
        r->st = error_set(r->err, ST_INVALID, "%s: no %s.%s", bundle_path(r->b), r->arch, key);
        return 0;
    }
    if (n == 0 || n > most) {
        r->st = error_set(r->err, ST_INVALID, "%s: %s.%s is %llu, at most %llu is possible",
                          bundle_path(r->b), r->arch, key, (unsigned long long)n,
                          (unsigned long long)most);
        return 0;
    }
    return (uint32_t)n;
}

static double real(struct reader *r, const char *key, double fallback)
{
    char full[128];
    double x;
    snprintf(full, sizeof full, "%s.%s", r->arch, key);
    return bundle_f64(r->b, full, &x) && isfinite(x) && x > 0 ? x : fallback;
}

static void read_scaling(struct reader *r, struct model_config *c)
{
    char full[128];
    struct slice type;
    snprintf(full, sizeof full, "%s.rope.scaling.type", r->arch);
    c->rope_factor = 1;
    if (r->st != ST_OK || !bundle_str(r->b, full, &type) || slice_is(type, "none"))
        return;
    if (slice_is(type, "linear"))
        c->rope_factor = real(r, "rope.scaling.factor", 1);
    else
        r->st = error_set(r->err, ST_UNSUPPORTED, "%s: rotation scaling \"%.*s\" is not supported",
                          bundle_path(r->b), (int)type.len, type.ptr);
}

static enum status check(const struct bundle *b, const struct model_config *c, struct error *err)
{
    const char *what = NULL;
    if (c->n_head % c->n_kv_head)
        what = "query heads are not a multiple of key heads";
    else if (c->width % KERNEL_WIDTH_UNIT || c->n_ff % KERNEL_WIDTH_UNIT ||
             c->head_dim % KERNEL_WIDTH_UNIT)
        what = "widths are not multiples of 32";
    else if (c->head_dim > MAX_HEAD_DIM)
        what = "heads are wider than 256";
    else if ((uint64_t)c->n_head * c->head_dim > MAX_WIDTH)
        what = "heads together are too wide";
    if (what)
        return error_set(err, ST_UNSUPPORTED, "%s: %s", bundle_path(b), what);
    return ST_OK;
}

static const struct arch *find_arch(struct slice name)
{
    for (int i = 0; i < N_ARCH; i++)
        if (slice_is(name, archs[i].name))
            return &archs[i];
    return NULL;
}

static enum status read_vocab(const struct bundle *b, struct model_config *c, struct error *err)
{
    const struct bundle_tensor *t = bundle_tensor(b, "token_embd.weight");
    if (!t || t->n_dim != 2 || t->dim[1] != c->width || t->dim[0] == 0 || t->dim[0] > MAX_VOCAB)
        return error_set(err, ST_INVALID, "%s: token_embd.weight is missing or has another shape",
                         bundle_path(b));
    c->n_vocab = (uint32_t)t->dim[0];
    return ST_OK;
}

enum status model_config_read(const struct bundle *b, struct model_config *ret, struct error *err)
{
    struct slice name;
    if (!bundle_str(b, "general.architecture", &name))
        return error_set(err, ST_INVALID, "%s: no general.architecture", bundle_path(b));
    const struct arch *arch = find_arch(name);
    if (!arch)
        return error_set(err, ST_UNSUPPORTED, "%s: models of family \"%.*s\" are not supported",
                         bundle_path(b), (int)name.len, name.ptr);

    struct model_config c = { .arch = arch };
    struct reader r = { b, arch->name, ST_OK, err };
    c.n_layer = size(&r, "block_count", 0, MAX_LAYER);
    c.width = size(&r, "embedding_length", 0, MAX_WIDTH);
    c.n_ff = size(&r, "feed_forward_length", 0, MAX_WIDTH);
    c.n_head = size(&r, "attention.head_count", 0, MAX_WIDTH);
    c.n_kv_head = size(&r, "attention.head_count_kv", c.n_head, c.n_head);
    c.head_dim = size(&r, "attention.key_length", c.n_head ? c.width / c.n_head : 0, MAX_WIDTH);
    c.context = size(&r, "context_length", 0, MAX_CONTEXT);
    if (size(&r, "rope.dimension_count", c.head_dim, MAX_WIDTH) != c.head_dim && r.st == ST_OK)
        r.st = error_set(err, ST_UNSUPPORTED, "%s: heads that are rotated in part are not supported",
                         bundle_path(b));
    c.eps = (float)real(&r, "attention.layer_norm_rms_epsilon", 1e-5);
    c.rope_base = real(&r, "rope.freq_base", 10000);
    read_scaling(&r, &c);
    enum status st = r.st == ST_OK ? check(b, &c, err) : r.st;
    if (st == ST_OK)
        st = read_vocab(b, &c, err);
    if (st == ST_OK)
        *ret = c;
    return st;
}

/* Identity of the weights for cache keys: names, shapes, types and a sample of every tensor. */
uint64_t model_hash(const struct bundle *b, const struct model_config *c)
{
    enum { SAMPLE = 64 };
    uint64_t h = hash_bytes(c->arch->name, strlen(c->arch->name));
    for (uint32_t i = 0; i < bundle_n_tensor(b); i++) {
        const struct bundle_tensor *t = bundle_tensor_at(b, i);
        size_t n = t->size < SAMPLE ? (size_t)t->size : SAMPLE;
        h = hash_combine(h, hash_bytes(t->name.ptr, t->name.len));
        h = hash_combine(h, hash_bytes(t->dim, t->n_dim * sizeof t->dim[0]));
        h = hash_combine(h, hash_u64((uint64_t)t->dtype));
        h = hash_combine(h, hash_bytes(t->data + (t->size - n), n));
    }
    return h;
}

uint64_t model_kv_bytes(const struct model_config *c, uint32_t n_page)
{
    struct attn_shape s = { c->n_head, c->n_kv_head, c->head_dim, 0 };
    return (uint64_t)c->n_layer * n_page * kv_page_elems(&s) * sizeof(uint16_t);
}
