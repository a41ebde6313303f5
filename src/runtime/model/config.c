/* config.c - metadata of a file to the shapes of the layer loop.
 *
 * What the loop cannot compute is refused here, by name: an unknown family, a kind of rotation
 * scaling, a width that the kernels do not take.  Nothing is guessed. */
#include <stdio.h>
#include <string.h>

#include "runtime/model/archs.h"
#include "runtime/model/model.h"

struct arch_row { const char *name; bool permuted, qkv_bias, qk_norm; };

static const struct arch_row arch_rows[] = {
#define X(name, permuted, bias, norm) { name, permuted, bias, norm },
    ARCH_ROWS(X)
#undef X
};

struct keys {
    const struct bundle *b;
    const char          *arch;
    struct error        *err;
};

static bool get_u64(const struct keys *k, const char *name, uint64_t *ret)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", k->arch, name);
    return bundle_u64(k->b, key, ret);
}

static bool get_f64(const struct keys *k, const char *name, double *ret)
{
    char key[128];
    snprintf(key, sizeof key, "%s.%s", k->arch, name);
    return bundle_f64(k->b, key, ret);
}

static enum status need_u32(const struct keys *k, const char *name, uint64_t most, uint32_t *ret)
{
    uint64_t x;
    if (!get_u64(k, name, &x))
        return error_set(k->err, ST_INVALID, "%s: no whole number %s.%s", bundle_path(k->b),
                         k->arch, name);
    if (x == 0 || x > most)
        return error_set(k->err, ST_INVALID, "%s: %s.%s is out of range", bundle_path(k->b),
                         k->arch, name);
    *ret = (uint32_t)x;
    return ST_OK;
}

static enum status find_arch(const struct bundle *b, const struct arch_row **ret,
                             struct error *err)
{
    struct slice arch;
    if (!bundle_str(b, "general.architecture", &arch))
        return error_set(err, ST_INVALID, "%s: no general.architecture", bundle_path(b));
    for (size_t i = 0; i < sizeof arch_rows / sizeof *arch_rows; i++) {
        if (slice_is(arch, arch_rows[i].name)) {
            *ret = &arch_rows[i];
            return ST_OK;
        }
    }
    return error_set(err, ST_UNSUPPORTED, "%s: the architecture \"%.*s\" is not supported",
                     bundle_path(b), arch.len > 64 ? 64 : (int)arch.len, arch.ptr);
}

static enum status read_rope(const struct keys *k, struct model_config *c)
{
    char key[128];
    struct slice type;
    c->rope_base = 10000;
    get_f64(k, "rope.freq_base", &c->rope_base);
    snprintf(key, sizeof key, "%s.rope.scaling.type", k->arch);
    if (bundle_str(k->b, key, &type) && !slice_is(type, "none"))
        return error_set(k->err, ST_UNSUPPORTED, "%s: rotation scaling \"%.*s\" is not supported",
                         bundle_path(k->b), type.len > 64 ? 64 : (int)type.len, type.ptr);
    uint64_t n_rot = c->head_dim;
    get_u64(k, "rope.dimension_count", &n_rot);
    if (n_rot != c->head_dim)
        return error_set(k->err, ST_UNSUPPORTED, "%s: rotation of a part of a head is not "
                         "supported",
                         bundle_path(k->b));
    if (!(c->rope_base > 1))
        return error_set(k->err, ST_INVALID, "%s: %s.rope.freq_base is out of range",
                         bundle_path(k->b), k->arch);
    return ST_OK;
}

static enum status check_shapes(const struct keys *k, const struct model_config *c)
{
    uint32_t unit = KERNEL_WIDTH_UNIT;
    if (c->n_head % c->n_kv_head)
        return error_set(k->err, ST_INVALID, "%s: %u heads do not divide by %u KV heads",
                         bundle_path(k->b), c->n_head, c->n_kv_head);
    if (c->width % unit || c->n_ff % unit || c->head_dim % unit || c->head_dim > 256)
        return error_set(k->err, ST_UNSUPPORTED, "%s: widths %u, %u and heads of %u are not "
                         "supported: multiples of %u are, heads up to 256", bundle_path(k->b),
                         c->width, c->n_ff, c->head_dim, unit);
    return ST_OK;
}

enum status model_config_read(const struct bundle *b, struct model_config *ret, struct error *err)
{
    const struct arch_row *row = NULL;
    enum status st = find_arch(b, &row, err);
    if (st != ST_OK)
        return st;
    struct keys k = { b, row->name, err };
    struct model_config c = { .arch = row->name, .permuted = row->permuted,
                              .qkv_bias = row->qkv_bias, .qk_norm = row->qk_norm };
    if ((st = need_u32(&k, "block_count", MODEL_MAX_LAYERS, &c.n_layer)) ||
        (st = need_u32(&k, "embedding_length", 1 << 16, &c.width)) ||
        (st = need_u32(&k, "attention.head_count", 1024, &c.n_head)) ||
        (st = need_u32(&k, "feed_forward_length", 1 << 20, &c.n_ff)) ||
        (st = need_u32(&k, "context_length", 1 << 20, &c.context)))
        return st;

    uint64_t kv = c.n_head, dim = c.width / c.n_head;
    double eps = 1e-5;
    get_u64(&k, "attention.head_count_kv", &kv);
    get_u64(&k, "attention.key_length", &dim);
    get_f64(&k, "attention.layer_norm_rms_epsilon", &eps);
    if (kv == 0 || kv > c.n_head || dim == 0 || dim > 1024)
        return error_set(err, ST_INVALID, "%s: impossible attention heads", bundle_path(b));
    c.n_kv_head = (uint32_t)kv;
    c.head_dim = (uint32_t)dim;
    c.eps = (float)eps;

    const struct bundle_tensor *embed = bundle_tensor(b, "token_embd.weight");
    if (!embed || embed->n_dim != 2 || embed->dim[1] != c.width || embed->dim[0] > 1 << 24)
        return error_set(err, ST_INVALID, "%s: token_embd.weight is missing or has another shape",
                         bundle_path(b));
    c.n_vocab = (uint32_t)embed->dim[0];
    if ((st = read_rope(&k, &c)) || (st = check_shapes(&k, &c)))
        return st;
    *ret = c;
    return ST_OK;
}

struct attn_shape model_attn_shape(const struct model_config *c)
{
    /* The square root is correctly rounded, so the scale is the same everywhere. */
    return (struct attn_shape){ .n_head = c->n_head, .n_kv_head = c->n_kv_head,
                                .head_dim = c->head_dim,
                                .scale = 1.0f / __builtin_sqrtf((float)c->head_dim) };
}

uint32_t model_widest(const struct model_config *c)
{
    uint32_t q = c->n_head * c->head_dim, most = c->width > c->n_ff ? c->width : c->n_ff;
    return q > most ? q : most;
}
