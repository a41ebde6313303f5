/* checkpoint_config.c - config.json to the keys of a GGUF file.
 *
 * Both spellings are read: that of old files (rope_theta, rope_scaling with "type") and that of
 * transformers 5 (rope_parameters, one for each kind of layer where there are two).  What a file
 * leaves out is the family's default.  What we could not hand on is refused by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/files/checkpoint_int.h"

enum { MAX_WIDTH = 1 << 24, MAX_HEAD_DIM = 1024, MAX_LAYERS = 1024 };

struct config {
    struct bundle       *b;
    const json_t        *json;
    const struct family *family;
    struct error        *err;
};

static enum status refuse(const struct config *c, enum status st, const char *what,
                          const char *which)
{
    return error_set(c->err, st, "%s: config.json: %s%.64s", c->b->path, what, which);
}

static const char *key(const struct config *c, const char *name, char out[96])
{
    snprintf(out, 96, "%s.%s", c->family->arch, name);
    return out;
}

static void put_u64(const struct config *c, const char *name, uint64_t x)
{
    char k[96];
    bundle_put_u64(c->b, key(c, name, k), x);
}

static void put_f64(const struct config *c, const char *name, double x)
{
    char k[96];
    bundle_put_f64(c->b, key(c, name, k), x);
}

/* A whole number; 0 when it is absent or null. */
static enum status whole(const struct config *c, const char *name, uint64_t *ret)
{
    const json_t *v = json_object_get(c->json, name);
    *ret = 0;
    if (!v || json_is_null(v))
        return ST_OK;
    if (!json_is_integer(v) || json_integer_value(v) <= 0 || json_integer_value(v) > MAX_WIDTH)
        return refuse(c, ST_INVALID, "no usable number: ", name);
    *ret = (uint64_t)json_integer_value(v);
    return ST_OK;
}

static double number_or(const json_t *from, const char *name, double other)
{
    const json_t *v = json_object_get(from, name);
    return json_is_number(v) ? json_number_value(v) : other;
}

/* A model that reads images too keeps what is for texts in an object of its own: that is read. */
static enum status find_family(struct config *c, bool *ret_nested)
{
    const json_t *text = json_object_get(c->json, "text_config");
    const json_t *q = json_object_get(c->json, "quantization_config");
    const char *whole_type = json_string_value(json_object_get(c->json, "model_type"));
    *ret_nested = whole_type && strcmp(whole_type, "gemma3") == 0 && json_is_object(text);
    if (*ret_nested)
        c->json = text;
    const char *type = json_string_value(json_object_get(c->json, "model_type"));
    if (!type)
        return refuse(c, ST_INVALID, "no model_type", "");
    c->family = family_find(slice_of(type));
    if (!c->family)
        return refuse(c, ST_UNSUPPORTED, "models of this type are not read: ", type);
    if (json_is_object(q)) {
        const char *method = json_string_value(json_object_get(q, "quant_method"));
        return refuse(c, ST_UNSUPPORTED, "quantised weights are not read: ",
                      method ? method : "of no name");
    }
    const json_t *act = json_object_get(c->json, "hidden_act");
    const json_t *gemma_act = json_object_get(c->json, "hidden_activation");
    const char *name = json_string_value(json_is_string(gemma_act) ? gemma_act : act);
    if (name && strcmp(name, c->family->act) != 0)
        return refuse(c, ST_UNSUPPORTED, "this family has another activation than ", name);
    return ST_OK;
}

static enum status read_shape(const struct config *c, struct config_shape *ret)
{
    static const struct { const char *source, *name; } rows[] = {
        { "num_hidden_layers", "block_count" },
        { "hidden_size", "embedding_length" },
        { "intermediate_size", "feed_forward_length" },
        { "max_position_embeddings", "context_length" },
    };
    const struct family *f = c->family;
    uint64_t x, n_head, n_kv, dim, width;
    enum status st;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((st = whole(c, rows[i].source, &x)))
            return st;
        if (!x && strcmp(rows[i].name, "context_length") == 0)
            x = f->context;
        if (!x)
            return refuse(c, ST_INVALID, "no ", rows[i].source);
        put_u64(c, rows[i].name, x);
    }
    if ((st = whole(c, "hidden_size", &width)) || (st = whole(c, "num_attention_heads", &n_head)) ||
        (st = whole(c, "num_key_value_heads", &n_kv)) || (st = whole(c, "head_dim", &dim)))
        return st;
    n_head = n_head ? n_head : f->n_head;
    n_kv = n_kv ? n_kv : f->n_kv_head ? f->n_kv_head : n_head;
    if (!n_head)
        return refuse(c, ST_INVALID, "no num_attention_heads", "");
    if (!dim)
        dim = f->head_dim ? f->head_dim : width / n_head;
    if (dim == 0 || dim > MAX_HEAD_DIM)
        return refuse(c, ST_INVALID, "impossible attention heads", "");
    put_u64(c, "attention.head_count", n_head);
    put_u64(c, "attention.head_count_kv", n_kv);
    put_u64(c, "attention.key_length", dim);
    put_u64(c, "attention.value_length", dim);
    put_f64(c, "attention.layer_norm_rms_epsilon", number_or(c->json, "rms_norm_eps", 1e-6));
    ret->family = c->family;
    ret->head_dim = (uint32_t)dim;
    if (json_is_true(json_object_get(c->json, "use_bidirectional_attention")))
        return refuse(c, ST_UNSUPPORTED, "not supported: ", "use_bidirectional_attention");
    ret->tied = json_is_true(json_object_get(c->json, "tie_word_embeddings"));
    return ST_OK;
}

/* One flag a layer, of a list whose elements are numbers, or names of which one is meant. */
static enum status put_layers(const struct config *c, const char *source, const char *which,
                              const char *name)
{
    const json_t *list = json_object_get(c->json, source);
    uint64_t n_layer = 0;
    enum status st = whole(c, "num_hidden_layers", &n_layer);
    if (st != ST_OK || !json_is_array(list))
        return st;
    if (json_array_size(list) != n_layer || n_layer > MAX_LAYERS)
        return refuse(c, ST_INVALID, "another number of layers in ", source);
    uint8_t on[MAX_LAYERS];
    for (size_t i = 0; i < n_layer; i++) {
        const json_t *v = json_array_get(list, i);
        const char *text = json_string_value(v);
        if (which && text && strcmp(text, which) != 0 && strcmp(text, "full_attention") != 0)
            return refuse(c, ST_UNSUPPORTED, "layers of this kind are not read: ", text);
        on[i] = which ? text && strcmp(text, which) == 0 : json_integer_value(v) != 0;
    }
    char k[96];
    bundle_put_array(c->b, key(c, name, k), BE_BOOL, on, (uint32_t)n_layer);
    return ST_OK;
}

/* A window, and the layers that have it.  Families that name it and leave it off say so in
 * use_sliding_window; those that have it on some layers only, without a list, are Qwen's. */
static enum status read_window(const struct config *c)
{
    uint64_t window = 0, period = 0;
    const json_t *use = json_object_get(c->json, "use_sliding_window");
    const json_t *list = json_object_get(c->json, "layer_types");
    enum status st;
    if ((st = whole(c, "sliding_window", &window)) ||
        (st = whole(c, "sliding_window_pattern", &period)) ||
        (st = put_layers(c, "layer_types", "sliding_attention",
                         "attention.sliding_window_pattern")) ||
        (st = put_layers(c, "no_rope_layers", NULL, "rope.layer_pattern")))
        return st;
    bool qwen = strncmp(c->family->type, "qwen", 4) == 0 || strcmp(c->family->type, "smollm3") == 0;
    if (!window || (qwen && !json_is_true(use)))
        return ST_OK;
    if (qwen && !json_is_array(list))
        return refuse(c, ST_UNSUPPORTED, "a sliding window without a list of layers: ",
                      "use_sliding_window");
    put_u64(c, "attention.sliding_window", window);
    if (period && !json_is_array(list))
        put_u64(c, "attention.sliding_window_pattern", period);
    return ST_OK;
}

/* The divisors of frequencies that Llama 3 files have as a tensor. */
static enum status llama3_scaling(const struct config *c, const json_t *rope, double base,
                                  uint32_t n_rot)
{
    uint32_t half = n_rot / 2;
    double factor = number_or(rope, "factor", 0), low = number_or(rope, "low_freq_factor", 0);
    double high = number_or(rope, "high_freq_factor", 0);
    double context = number_or(rope, "original_max_position_embeddings", 0);
    if (!(factor >= 1) || !(low > 0) || !(high > low) || !(context >= 1) || half == 0)
        return refuse(c, ST_INVALID, "rope scaling llama3 lacks numbers", "");
    float *divisor = arena_array(&c->b->own, half, sizeof *divisor);
    if (!divisor)
        return error_nomem(c->err);
    for (uint32_t i = 0; i < half; i++) {
        double wave = 2 * 3.14159265358979323846 * pow(base, (double)i / half);
        double smooth = (context / wave - low) / (high - low);
        smooth = smooth < 0 ? 0 : smooth > 1 ? 1 : smooth;
        divisor[i] = (float)(1 / ((1 - smooth) / factor + smooth));
    }
    struct bundle_tensor t = { .name = SLICE("rope_freqs.weight"), .dtype = DT_F32, .n_dim = 1,
                               .dim = { half }, .data = (const uint8_t *)divisor,
                               .size = half * sizeof *divisor };
    return bundle_put_tensor(c->b, &t) ? ST_OK : error_nomem(c->err);
}

static enum status put_divisors(const struct config *c, const json_t *rope, const char *source,
                                const char *name, uint32_t n_rot)
{
    const json_t *list = json_object_get(rope, source);
    uint32_t half = n_rot / 2;
    if (!json_is_array(list) || json_array_size(list) != half || half == 0)
        return refuse(c, ST_INVALID,
                      "rope scaling longrope lacks a list of half of what turns: ", source);
    float *divisor = arena_array(&c->b->own, half, sizeof *divisor);
    if (!divisor)
        return error_nomem(c->err);
    for (uint32_t i = 0; i < half; i++) {
        divisor[i] = (float)json_number_value(json_array_get(list, i));
        if (!(divisor[i] > 0))
            return refuse(c, ST_INVALID, "a number in this list is not positive: ", source);
    }
    struct bundle_tensor t = { .name = slice_of(name), .dtype = DT_F32, .n_dim = 1,
                               .dim = { half }, .data = (const uint8_t *)divisor,
                               .size = half * sizeof *divisor };
    return bundle_put_tensor(c->b, &t) ? ST_OK : error_nomem(c->err);
}

/* The gain is on cosines and sines; it depends on how far the context was stretched. */
static enum status longrope_scaling(const struct config *c, const json_t *rope, uint32_t n_rot)
{
    double context = number_or(c->json, "max_position_embeddings", 0);
    double original = number_or(rope, "original_max_position_embeddings", context);
    original = number_or(c->json, "original_max_position_embeddings", original);
    if (!(original >= 2) || !(context >= 1))
        return refuse(c, ST_INVALID, "rope scaling longrope lacks numbers", "");
    double factor = number_or(rope, "factor", context / original);
    double gain = factor <= 1 ? 1 : sqrt(1 + log(factor) / log(original));
    enum status st = put_divisors(c, rope, "short_factor", "rope_factors_short.weight", n_rot);
    if (st == ST_OK)
        st = put_divisors(c, rope, "long_factor", "rope_factors_long.weight", n_rot);
    put_u64(c, "rope.scaling.original_context_length", (uint64_t)original);
    put_f64(c, "rope.scaling.attn_factor", number_or(rope, "attention_factor", gain));
    return st;
}

static enum status read_scaling(const struct config *c, const json_t *rope, double base,
                                uint32_t n_rot)
{
    const json_t *type = json_object_get(rope, "rope_type");
    const char *name = json_string_value(type ? type : json_object_get(rope, "type"));
    if (!name || strcmp(name, "default") == 0)
        return ST_OK;
    if (strcmp(name, "llama3") == 0)
        return llama3_scaling(c, rope, base, n_rot);
    if (strcmp(name, "longrope") == 0 || strcmp(name, "su") == 0)
        return longrope_scaling(c, rope, n_rot);
    if (strcmp(name, "linear") != 0)
        return refuse(c, ST_UNSUPPORTED, "rope scaling of this type is not read: ", name);
    char k[96];
    bundle_put_str(c->b, key(c, "rope.scaling.type", k), SLICE("linear"));
    put_f64(c, "rope.scaling.factor", number_or(rope, "factor", 1));
    return ST_OK;
}

static enum status read_rope(const struct config *c, uint32_t head_dim)
{
    const json_t *rope = json_object_get(c->json, "rope_parameters");
    const json_t *local = json_object_get(rope, "sliding_attention");
    if (json_object_get(rope, "full_attention"))
        rope = json_object_get(rope, "full_attention");
    double base = number_or(c->json, "rope_theta", c->family->base);
    base = number_or(rope, "rope_theta", base);
    if (!json_is_object(rope))
        rope = json_object_get(c->json, "rope_scaling");
    put_f64(c, "rope.freq_base", base);
    double near = number_or(c->json, "rope_local_base_freq", 1e4);
    if (strcmp(c->family->arch, "gemma3") == 0)
        put_f64(c, "rope.freq_base_swa", number_or(local, "rope_theta", near));
    double part = number_or(c->json, "partial_rotary_factor", 1);
    part = number_or(rope, "partial_rotary_factor", part);
    if (!(part > 0 && part <= 1))
        return refuse(c, ST_INVALID, "no usable number: ", "partial_rotary_factor");
    uint32_t n_rot = (uint32_t)(part * head_dim);
    put_u64(c, "rope.dimension_count", n_rot);
    return read_scaling(c, rope, base, n_rot);
}

static enum status read_gemma(const struct config *c)
{
    static const struct { const char *source, *name; } rows[] = {
        { "attn_logit_softcapping", "attn_logit_softcapping" },
        { "final_logit_softcapping", "final_logit_softcapping" },
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double x = number_or(c->json, rows[i].source, 0);
        if (x > 0)
            put_f64(c, rows[i].name, x);
    }
    double scalar = number_or(c->json, "query_pre_attn_scalar", 256);
    if (!(scalar > 0))
        return refuse(c, ST_INVALID, "no usable number: ", "query_pre_attn_scalar");
    put_f64(c, "attention.scale", 1 / sqrt(scalar));
    return ST_OK;
}

enum status checkpoint_config(struct bundle *b, const json_t *config, struct config_shape *ret,
                              struct error *err)
{
    struct config c = { b, config, NULL, err };
    enum status st;
    if ((st = find_family(&c, &ret->nested)) || (st = read_shape(&c, ret)) || (st = read_window(&c)) ||
        (st = read_rope(&c, ret->head_dim)))
        return st;
    if (c.family->gemma && (st = read_gemma(&c)))
        return st;
    bundle_put_str(b, "general.architecture", slice_of(c.family->arch));
    return b->own.failed ? error_nomem(err) : ST_OK;
}
