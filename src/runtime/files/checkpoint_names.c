/* checkpoint_names.c - families, and their tensors under the names and in the order of GGUF files.
 *
 * A tensor whose name is not known is refused: a bias that nobody adds would be a wrong answer
 * that nobody sees. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "runtime/files/checkpoint_int.h"

static const struct family families[] = {
    { "llama", "llama", "silu", 0, 1e4, true, false, 0, 0, 0 },
    { "mistral", "llama", "silu", 0, 1e4, true, false, 0, 0, 0 },
    { "smollm3", "smollm3", "silu", 0, 2e6, true, false, 0, 0, 0 },
    { "qwen2", "qwen2", "silu", 0, 1e4, false, false, 0, 0, 0 },
    { "qwen3", "qwen3", "silu", 128, 1e4, false, false, 0, 0, 0 },
    { "phi3", "phi3", "silu", 0, 1e4, false, false, 0, 0, 0 },
    { "gemma2", "gemma2", "gelu_pytorch_tanh", 256, 1e4, false, true, 0, 0, 0 },
    { "gemma3_text", "gemma3", "gelu_pytorch_tanh", 256, 1e6, false, true, 8, 4, 131072 },
};

const struct family *family_find(struct slice type)
{
    for (size_t i = 0; i < sizeof families / sizeof *families; i++)
        if (slice_is(type, families[i].type))
            return &families[i];
    return NULL;
}

/* Of a layer: theirs, ours, ours in Gemma where it differs. */
static const struct { const char *source, *name, *gemma; } layer_names[] = {
    { "self_attn.q_proj", "attn_q", NULL },
    { "self_attn.k_proj", "attn_k", NULL },
    { "self_attn.v_proj", "attn_v", NULL },
    { "self_attn.o_proj", "attn_output", NULL },
    { "self_attn.qkv_proj", "attn_qkv", NULL },
    { "self_attn.q_norm", "attn_q_norm", NULL },
    { "self_attn.k_norm", "attn_k_norm", NULL },
    { "mlp.gate_proj", "ffn_gate", NULL },
    { "mlp.up_proj", "ffn_up", NULL },
    { "mlp.gate_up_proj", "ffn_up", NULL },
    { "mlp.down_proj", "ffn_down", NULL },
    { "input_layernorm", "attn_norm", NULL },
    { "post_attention_layernorm", "ffn_norm", "post_attention_norm" },
    { "pre_feedforward_layernorm", NULL, "ffn_norm" },
    { "post_feedforward_layernorm", NULL, "post_ffw_norm" },
};

static const char *layer_name(const struct family *f, struct slice source)
{
    for (size_t i = 0; i < sizeof layer_names / sizeof *layer_names; i++)
        if (slice_is(source, layer_names[i].source))
            return f->gemma && layer_names[i].gemma ? layer_names[i].gemma : layer_names[i].name;
    return NULL;
}

/* "model.layers.7.mlp.up_proj.weight" to "blk.7.ffn_up.weight"; false: not known. */
static bool our_name(const struct family *f, struct slice source, char *out, size_t size)
{
    static const struct { const char *source, *name; } ends[] = {
        { "model.embed_tokens.weight", "token_embd.weight" },
        { "model.norm.weight", "output_norm.weight" },
        { "lm_head.weight", "output.weight" },
    };
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (slice_is(source, ends[i].source))
            return snprintf(out, size, "%s", ends[i].name) > 0;
    struct slice prefix = SLICE("model.layers.");
    if (!slice_starts(source, prefix))
        return false;
    size_t at = prefix.len;
    uint32_t layer = 0;
    while (at < source.len && source.ptr[at] >= '0' && source.ptr[at] <= '9' && layer < 100000)
        layer = layer * 10 + (uint32_t)(source.ptr[at++] - '0');
    if (at == prefix.len || at >= source.len || source.ptr[at] != '.')
        return false;
    struct slice rest = slice_sub(source, at + 1, source.len);
    const char *kind = slice_ends(rest, SLICE(".weight")) ? ".weight"
                     : slice_ends(rest, SLICE(".bias")) ? ".bias" : NULL;
    const char *name = kind ? layer_name(f, slice_sub(rest, 0, rest.len - strlen(kind))) : NULL;
    return name && snprintf(out, size, "blk.%u.%s%s", layer, name, kind) > 0;
}

/* Tables of frequencies that old files carry and everybody computes; what is for images. */
static bool is_ignored(const struct config_shape *shape, struct slice source)
{
    if (shape->nested && (slice_starts(source, SLICE("vision_tower.")) ||
                          slice_starts(source, SLICE("multi_modal_projector."))))
        return true;
    return slice_ends(source, SLICE("rotary_emb.inv_freq"));
}

/* Row j * half + i of a head goes to 2 i + j. */
static enum status interleave(struct bundle *b, const struct config_shape *shape,
                              struct bundle_tensor *t, struct error *err)
{
    uint64_t d = shape->head_dim, half = d / 2;
    size_t row = t->size / t->dim[0];
    if (d == 0 || d % 2 || t->dim[0] % d)
        return error_set(err, ST_INVALID, "%s: tensor %.*s has no whole number of heads", b->path,
                         (int)t->name.len, t->name.ptr);
    uint8_t *copy = arena_alloc(&b->own, t->size);
    if (!copy)
        return error_nomem(err);
    for (uint64_t r = 0; r < t->dim[0]; r++) {
        uint64_t at = r % d;
        memcpy(copy + (r - at + 2 * (at % half) + at / half) * row, t->data + r * row, row);
    }
    t->data = copy;
    return ST_OK;
}

static float half_to_float(uint16_t h)
{
    int exp = h >> 10 & 31, frac = h & 1023;
    float x = exp == 31 ? (frac ? NAN : INFINITY)
            : exp == 0 ? ldexpf((float)frac, -24)
            : ldexpf((float)(frac | 1024), exp - 25);
    return h & 0x8000 ? -x : x;
}

static float element(enum dtype t, const uint8_t *p)
{
    uint16_t half;
    uint32_t bits;
    float x;
    if (t == DT_F32) {
        memcpy(&x, p, sizeof x);
        return x;
    }
    memcpy(&half, p, sizeof half);
    if (t == DT_F16)
        return half_to_float(half);
    bits = (uint32_t)half << 16;
    memcpy(&x, &bits, sizeof x);
    return x;
}

static enum status one_more(struct bundle *b, struct bundle_tensor *t, struct error *err)
{
    size_t width = dtype_block_bytes(t->dtype);
    uint64_t n = t->size / width;
    float *copy = arena_array(&b->own, n, sizeof *copy);
    if (!copy)
        return error_nomem(err);
    for (uint64_t i = 0; i < n; i++)
        copy[i] = 1.0f + element(t->dtype, t->data + i * width);
    t->dtype = DT_F32;
    t->size = n * sizeof *copy;
    t->data = (const uint8_t *)copy;
    return ST_OK;
}

/* What a GGUF file of the family has otherwise, and what does not lie where loads want it. */
static enum status convert(struct bundle *b, const struct config_shape *shape,
                           struct bundle_tensor *t, struct error *err)
{
    bool q_or_k = slice_ends(t->name, SLICE("attn_q.weight")) ||
                  slice_ends(t->name, SLICE("attn_k.weight"));
    if (shape->family->permuted && q_or_k)
        return interleave(b, shape, t, err);
    if (shape->family->gemma && slice_ends(t->name, SLICE("norm.weight")))
        return one_more(b, t, err);
    if ((uintptr_t)t->data % dtype_block_bytes(t->dtype) == 0)
        return ST_OK;
    t->data = arena_dup(&b->own, t->data, t->size);
    return t->data ? ST_OK : error_nomem(err);
}

enum status checkpoint_tensors(struct bundle *b, const struct config_shape *shape,
                               const struct source_list *list, struct error *err)
{
    for (uint32_t i = 0; i < list->n; i++) {
        struct bundle_tensor t = list->tensor[i].t;
        char name[96];
        struct slice own = SLICE("language_model.");
        if (shape->nested && slice_starts(t.name, own))
            t.name = slice_sub(t.name, own.len, t.name.len);
        if (is_ignored(shape, t.name) || (shape->tied && slice_is(t.name, "lm_head.weight")))
            continue;
        if (!our_name(shape->family, t.name, name, sizeof name))
            return error_set(err, ST_UNSUPPORTED, "%s: a %s model has no tensor %.*s",
                             list->tensor[i].shard, shape->family->type,
                             t.name.len > 200 ? 200 : (int)t.name.len, t.name.ptr);
        t.name = slice_of(name);
        enum status st = convert(b, shape, &t, err);
        if (st != ST_OK)
            return st;
        if (hashmap_get(&b->tensor_by_name, t.name, &(uint64_t){ 0 }))
            return error_set(err, ST_INVALID, "%s: tensor %s stands twice", b->path, name);
        if (!bundle_put_tensor(b, &t))
            return error_nomem(err);
    }
    return ST_OK;
}
