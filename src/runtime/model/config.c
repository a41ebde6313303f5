/* config.c - metadata of a file to the shapes of the layer loop.
 *
 * What the loop cannot compute is refused here, by name: an unknown family, a kind of rotation
 * scaling, a width that the kernels do not take.  Nothing is guessed. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/model/archs.h"
#include "runtime/model/model.h"

static const struct arch_row arch_rows[] = {
#define X(name, ...) { name, __VA_ARGS__ },
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

/* "linear" divides all frequencies.  "longrope" has two lists of divisors as tensors; which one
 * counts is chosen when the table is made. */
static enum status read_scaling(const struct keys *k, struct model_config *c)
{
    char key[128];
    struct slice type = { 0 };
    uint64_t original = 0;
    c->rope_factor = c->rope_gain = 1;
    snprintf(key, sizeof key, "%s.rope.scaling.type", k->arch);
    bundle_str(k->b, key, &type);
    if (bundle_tensor(k->b, "rope_factors_short.weight") &&
        (!type.len || slice_is(type, "longrope"))) {
        get_u64(k, "rope.scaling.original_context_length", &original);
        get_f64(k, "rope.scaling.attn_factor", &c->rope_gain);
        c->rope_short = original && original < c->context ? (uint32_t)original : c->context;
    } else if (slice_is(type, "linear")) {
        get_f64(k, "rope.scaling.factor", &c->rope_factor);
    } else if (type.len && !slice_is(type, "none")) {
        return error_set(k->err, ST_UNSUPPORTED, "%s: rotation scaling \"%.*s\" is not supported",
                         bundle_path(k->b), type.len > 64 ? 64 : (int)type.len, type.ptr);
    }
    if (!(c->rope_factor > 0 && c->rope_factor < 1e6 && c->rope_gain > 0 && c->rope_gain < 1e3))
        return error_set(k->err, ST_INVALID, "%s: rotation scaling is out of range",
                         bundle_path(k->b));
    return ST_OK;
}

static enum status read_rope(const struct keys *k, const struct arch_row *row,
                             struct model_config *c)
{
    c->rope_base = 10000;
    c->rope_base_window = row->local_base;
    get_f64(k, "rope.freq_base", &c->rope_base);
    if (row->local_base)
        get_f64(k, "rope.freq_base_swa", &c->rope_base_window);
    enum status st = read_scaling(k, c);
    if (st != ST_OK)
        return st;
    uint64_t n_rot = c->head_dim;
    get_u64(k, "rope.dimension_count", &n_rot);
    if (n_rot == 0 || n_rot > c->head_dim || n_rot % KERNEL_WIDTH_UNIT)
        return error_set(k->err, ST_UNSUPPORTED, "%s: rotation of a part of a head that is no "
                         "multiple of %d is not supported", bundle_path(k->b), KERNEL_WIDTH_UNIT);
    if (n_rot != c->head_dim && row->permuted)
        return error_set(k->err, ST_UNSUPPORTED, "%s: rotation of a part of a head is not "
                         "supported in this family", bundle_path(k->b));
    c->n_rot = (uint32_t)n_rot;
    if (!(c->rope_base > 1) || (row->local_base && !(c->rope_base_window > 1)))
        return error_set(k->err, ST_INVALID, "%s: %s.rope.freq_base is out of range",
                         bundle_path(k->b), k->arch);
    return ST_OK;
}

/* Which layers have a window, which no rotation: the file's word, else the family's. */
static enum status read_layers(const struct keys *k, const struct arch_row *row,
                               struct model_config *c)
{
    uint64_t window = 0, but = row->window_but, n = 0, m = 0;
    char windows[128], ropes[128];
    snprintf(windows, sizeof windows, "%s.attention.sliding_window_pattern", k->arch);
    snprintf(ropes, sizeof ropes, "%s.rope.layer_pattern", k->arch);
    get_u64(k, "attention.sliding_window", &window);
    bool each = bundle_array_len(k->b, windows, &n), rope = bundle_array_len(k->b, ropes, &m);
    if (!each)
        bundle_u64(k->b, windows, &but);
    if ((each && n < c->n_layer) || (rope && m < c->n_layer) || window > 1 << 30)
        return error_set(k->err, ST_INVALID, "%s: windows or rotations of too few layers",
                         bundle_path(k->b));
    bool any = false, on = false;
    for (uint32_t i = 0; i < c->n_layer; i++) {
        bool has = each ? bundle_array_bool(k->b, windows, i, &on) && on
                        : row->window_all || (but && (i + 1) % but);
        bool still = rope ? bundle_array_bool(k->b, ropes, i, &on) && !on
                          : row->no_rope && (i + 1) % row->no_rope == 0;
        has = has && window;
        any = any || has;
        c->layer[i] = (uint8_t)((has ? LAYER_WINDOW : 0) | (still ? LAYER_NO_ROPE : 0));
    }
    c->window = any ? (uint32_t)window : 0;
    return ST_OK;
}

/* x with so many bits of mantissa, to the nearest even. */
static float rounded(double x, int bits)
{
    int exp;
    double frac = frexp(x, &exp);
    return (float)ldexp(rint(ldexp(frac, bits)), exp - bits);
}

/* Scales and caps.  The embedding's scale is rounded as the weights beside it are: that is how
 * such models were trained. */
static enum status read_scales(const struct keys *k, const struct arch_row *row, enum dtype embed,
                               struct model_config *c)
{
    bool large = row->large && c->n_layer == row->large;
    double by = large ? (double)c->width / c->n_head : c->head_dim, score = 0, logit = 0;
    double scale = 0;
    get_f64(k, "attn_logit_softcapping", &score);
    get_f64(k, "final_logit_softcapping", &logit);
    get_f64(k, "attention.scale", &scale);
    if (!(score >= 0 && score < 1e6 && logit >= 0 && logit < 1e6 && scale >= 0 && scale < 1e6))
        return error_set(k->err, ST_INVALID, "%s: a scale or cap is out of range",
                         bundle_path(k->b));
    /* The square root is correctly rounded, so the scale is the same everywhere. */
    c->scale = scale > 0 ? (float)scale : 1.0f / __builtin_sqrtf((float)by);
    c->score_cap = (float)score;
    c->logit_cap = (float)logit;
    if (row->scaled_embed)
        c->embed_scale = rounded(__builtin_sqrt(c->width), embed == DT_BF16 ? 8
                                                         : embed == DT_F16 ? 11 : 24);
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
                              .qkv_bias = row->qkv_bias, .qk_norm = row->qk_norm,
                              .post_norm = row->post_norm, .gelu = row->gelu };
    uint64_t n_expert = 0;
    if (get_u64(&k, "expert_count", &n_expert) && n_expert)
        return error_set(err, ST_UNSUPPORTED, "%s: a mixture of experts is not supported",
                         bundle_path(b));
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
    if ((st = read_rope(&k, row, &c)) || (st = read_layers(&k, row, &c)) ||
        (st = read_scales(&k, row, embed->dtype, &c)) || (st = check_shapes(&k, &c)))
        return st;
    *ret = c;
    return ST_OK;
}

struct attn_shape model_attn_shape(const struct model_config *c)
{
    return (struct attn_shape){ .n_head = c->n_head, .n_kv_head = c->n_kv_head,
                                .head_dim = c->head_dim, .scale = c->scale };
}

uint32_t model_widest(const struct model_config *c)
{
    uint32_t q = c->n_head * c->head_dim, most = c->width > c->n_ff ? c->width : c->n_ff;
    return q > most ? q : most;
}
