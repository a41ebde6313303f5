/* synth.c - writes tiny random models in the file format that the loader reads.
 *
 * Weights are random blocks with scales near one over the root of the width, norms are random
 * around one and biases are not zero: flat or neutral weights would hide mistakes.  The bytes
 * depend on the options alone. */
#include "runtime/model/synth.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/utf8.h"
#include "kernels/blocks.h"

enum { ALIGN = 32, T_U32 = 4, T_F32 = 6, T_STR = 8, T_ARRAY = 9, N_PAIR = 6, N_SPECIAL = 2 };

static const char *const pairs[N_PAIR][2] = {
    { "t", "h" }, { "th", "e" }, { "i", "n" }, { "a", "n" }, { "an", "d" }, { "e", "r" },
};
static const char *const specials[N_SPECIAL] = { "<|end|>", "<|start|>" };

struct writer {
    const struct synth_opts *o;
    struct str               head;      /* keys, then tensor infos */
    struct str               infos;
    struct str               data;
    uint32_t                 n_key;
    uint32_t                 n_tensor;
    struct rng_key           key;
    uint64_t                 draw;
};

static double unit(struct writer *w)
{
    return rng_unit(w->key, w->draw++);
}

static void put(struct str *s, const void *p, size_t n)
{
    str_add(s, p, n);
}

static void put_u32(struct str *s, uint32_t x)
{
    put(s, &x, sizeof x);
}

static void put_u64(struct str *s, uint64_t x)
{
    put(s, &x, sizeof x);
}

static void put_text(struct str *s, const char *text, size_t n)
{
    put_u64(s, n);
    put(s, text, n);
}

static void key(struct writer *w, bool of_arch, const char *name, uint32_t type)
{
    struct str full = { 0 };
    str_addf(&full, "%s%s%s", of_arch ? w->o->arch : "", of_arch ? "." : "", name);
    put_text(&w->head, full.ptr ? full.ptr : "", full.len);
    put_u32(&w->head, type);
    w->head.failed |= full.failed;
    str_free(&full);
    w->n_key++;
}

static void key_u32(struct writer *w, bool of_arch, const char *name, uint32_t x)
{
    key(w, of_arch, name, T_U32);
    put_u32(&w->head, x);
}

/* Whether the model is of one of these families. */
static bool is_of(const struct synth_opts *o, const char *names)
{
    return strstr(names, o->arch) != NULL;
}

static void key_f32(struct writer *w, const char *name, float x)
{
    key(w, true, name, T_F32);
    put(&w->head, &x, sizeof x);
}

static void key_str(struct writer *w, const char *name, const char *text)
{
    key(w, false, name, T_STR);
    put_text(&w->head, text, strlen(text));
}

/* One byte as a character of the byte-level alphabet: printable ones stand for themselves. */
static uint32_t byte_char(uint32_t byte)
{
    uint32_t next = 256;
    for (uint32_t b = 0; b < 256; b++) {
        bool plain = (b >= 33 && b <= 126) || (b >= 161 && b <= 172) || b >= 174;
        if (b == byte)
            return plain ? b : next;
        next += !plain;
    }
    return 0;
}

static uint32_t n_vocab(const struct synth_opts *o)
{
    uint32_t least = 256 + N_PAIR + N_SPECIAL;
    return o->n_vocab > least ? o->n_vocab : least;
}

static void write_vocab(struct writer *w)
{
    key(w, false, "tokenizer.ggml.tokens", T_ARRAY);
    put_u32(&w->head, T_STR);
    put_u64(&w->head, n_vocab(w->o));
    for (uint32_t b = 0; b < 256; b++) {
        char text[4];
        int n = utf8_encode(byte_char(b), text);
        put_text(&w->head, text, (size_t)n);
    }
    struct str joined = { 0 };
    for (int i = 0; i < N_PAIR; i++) {
        str_cut(&joined, 0);
        str_addf(&joined, "%s%s", pairs[i][0], pairs[i][1]);
        put_text(&w->head, joined.ptr ? joined.ptr : "", joined.len);
    }
    for (int i = 0; i < N_SPECIAL; i++)
        put_text(&w->head, specials[i], strlen(specials[i]));
    for (uint32_t i = 256 + N_PAIR + N_SPECIAL; i < n_vocab(w->o); i++) {
        str_cut(&joined, 0);
        str_addf(&joined, "<|%u|>", i);
        put_text(&w->head, joined.ptr ? joined.ptr : "", joined.len);
    }

    key(w, false, "tokenizer.ggml.token_type", T_ARRAY);
    put_u32(&w->head, 5);
    put_u64(&w->head, n_vocab(w->o));
    for (uint32_t i = 0; i < n_vocab(w->o); i++)
        put_u32(&w->head, i < 256 + N_PAIR ? 1 : 3);

    key(w, false, "tokenizer.ggml.merges", T_ARRAY);
    put_u32(&w->head, T_STR);
    put_u64(&w->head, N_PAIR);
    for (int i = 0; i < N_PAIR; i++) {
        str_cut(&joined, 0);
        str_addf(&joined, "%s %s", pairs[i][0], pairs[i][1]);
        put_text(&w->head, joined.ptr ? joined.ptr : "", joined.len);
    }
    w->head.failed |= joined.failed;
    str_free(&joined);
    key_str(w, "tokenizer.ggml.model", "gpt2");
    key_str(w, "tokenizer.ggml.pre", "smollm");
    key_u32(w, false, "tokenizer.ggml.eos_token_id", 256 + N_PAIR);
    key_u32(w, false, "tokenizer.ggml.bos_token_id", 256 + N_PAIR + 1);
}

static void write_keys(struct writer *w)
{
    const struct synth_opts *o = w->o;
    key_str(w, "general.architecture", o->arch);
    key_str(w, "general.name", "synthetic");
    key_u32(w, true, "block_count", o->n_layer);
    key_u32(w, true, "context_length", o->context);
    key_u32(w, true, "embedding_length", o->width);
    key_u32(w, true, "feed_forward_length", o->n_ff);
    key_u32(w, true, "attention.head_count", o->n_head);
    key_u32(w, true, "attention.head_count_kv", o->n_kv_head);
    key_u32(w, true, "attention.key_length", o->head_dim);
    key_u32(w, true, "attention.value_length", o->head_dim);
    key_f32(w, "attention.layer_norm_rms_epsilon", 1e-5f);
    key_f32(w, "rope.freq_base", 1000.0f);      /* bends within few positions */
    if (is_of(o, "phi3 gemma2 gemma3"))
        key_u32(w, true, "attention.sliding_window", 40);
    if (is_of(o, "gemma2")) {
        key_f32(w, "attn_logit_softcapping", 2.0f);
        key_f32(w, "final_logit_softcapping", 5.0f);
    }
    write_vocab(w);
}

/* fp16 bits of a positive number between 2^-14 and 2; the low bits do not matter here. */
static uint16_t half_bits(double x)
{
    int exp;
    double frac = frexp(x, &exp);
    return (uint16_t)((exp + 14) << 10 | (int)((frac * 2 - 1) * 1024));
}

/* One block of random quants whose values have about the given size. */
static void random_block(struct writer *w, enum dtype t, double size, uint8_t *block)
{
    static const float levels[DT_N] = {
        [DT_Q8_0] = 74, [DT_Q4_0] = 4.6f, [DT_Q4_1] = 4.6f, [DT_Q5_0] = 9.2f, [DT_Q5_1] = 9.2f,
        [DT_Q4_K] = 146, [DT_Q5_K] = 290, [DT_Q6_K] = 1360,
    };
    size_t n = dtype_block_bytes(t);
    uint32_t bits[4];
    for (size_t i = 0; i < n; i += sizeof bits) {
        rng_block(w->key, w->draw++, bits);
        memcpy(block + i, bits, n - i < sizeof bits ? n - i : sizeof bits);
    }
    double d = size * (0.75 + 0.5 * unit(w)) / (double)(levels[t] > 0 ? levels[t] : 1);
    uint16_t dh = half_bits(d < 0x1p-13 ? 0x1p-13 : d);
    if (t == DT_Q6_K) {
        memcpy(((struct block_q6_k *)block)->d, &dh, sizeof dh);
        return;
    }
    memcpy(block, &dh, sizeof dh);
    double middle = t == DT_Q4_K || t == DT_Q5_K ? 0.5 * (t == DT_Q4_K ? 15 : 31) : 0;
    uint16_t mh = middle > 0 ? half_bits(d * middle)
                             : (uint16_t)(half_bits(d * (t == DT_Q4_1 ? 7.5 : 15.5)) | 0x8000u);
    if (t == DT_Q4_1 || t == DT_Q5_1 || middle > 0)
        memcpy(block + 2, &mh, sizeof mh);
}

static void random_floats(struct writer *w, enum dtype t, uint64_t n, double middle, double size)
{
    for (uint64_t i = 0; i < n; i++) {
        double x = middle + size * 3.46 * (unit(w) - 0.5);
        float f = (float)x;
        uint32_t bits;
        memcpy(&bits, &f, sizeof bits);
        uint16_t b16 = (uint16_t)(bits >> 16);
        uint16_t h = fabs(x) < 0x1p-13 ? 0 : (uint16_t)(half_bits(fabs(x)) | (x < 0 ? 0x8000u : 0));
        if (t == DT_F32)
            put(&w->data, &f, sizeof f);
        else
            put(&w->data, t == DT_BF16 ? &b16 : &h, sizeof h);
    }
}

static uint32_t type_id(enum dtype t)
{
    static const uint32_t id[] = {
        [DT_F32] = 0, [DT_F16] = 1, [DT_BF16] = 30, [DT_Q8_0] = 8, [DT_Q4_0] = 2, [DT_Q4_1] = 3,
        [DT_Q5_0] = 6, [DT_Q5_1] = 7, [DT_Q4_K] = 12, [DT_Q5_K] = 13, [DT_Q6_K] = 14,
    };
    return id[t];
}

static void info(struct writer *w, const char *name, enum dtype t, uint32_t n_out, uint32_t n_in)
{
    while (w->data.len % ALIGN)
        str_addc(&w->data, 0);
    put_text(&w->infos, name, strlen(name));
    put_u32(&w->infos, n_out ? 2 : 1);
    put_u64(&w->infos, n_in);
    if (n_out)
        put_u64(&w->infos, n_out);
    put_u32(&w->infos, type_id(t));
    put_u64(&w->infos, w->data.len);
    w->n_tensor++;
}

static void matrix(struct writer *w, const char *name, uint32_t n_out, uint32_t n_in)
{
    enum dtype t = w->o->dtype;
    uint8_t block[256];
    double size = 1.0 / sqrt((double)n_in);
    info(w, name, t, n_out, n_in);
    if (dtype_block_elems(t) == 1) {
        random_floats(w, t, (uint64_t)n_out * n_in, 0, size);
        return;
    }
    for (uint64_t i = 0; i < (uint64_t)n_out * n_in / dtype_block_elems(t); i++) {
        random_block(w, t, size, block);
        put(&w->data, block, dtype_block_bytes(t));
    }
}

static void vector(struct writer *w, const char *name, uint32_t n, double middle)
{
    info(w, name, DT_F32, 0, n);
    random_floats(w, DT_F32, n, middle, 0.3);
}

static void write_layer(struct writer *w, uint32_t i)
{
    const struct synth_opts *o = w->o;
    uint32_t q = o->n_head * o->head_dim, kv = o->n_kv_head * o->head_dim;
    const char *unfused = is_of(o, "phi3") ? "" : NULL;
    const struct {
        const char *name;
        uint32_t    n_out, n_in;
        double      middle;
        const char *arch;       /* of these families only */
    } t[] = {
        { "attn_norm.weight", 0, o->width, 1, NULL },
        { "ffn_norm.weight", 0, o->width, 1, NULL },
        { "attn_q.weight", q, o->width, 0, unfused },
        { "attn_k.weight", kv, o->width, 0, unfused },
        { "attn_v.weight", kv, o->width, 0, unfused },
        { "attn_qkv.weight", q + 2 * kv, o->width, 0, "phi3" },
        { "attn_q.bias", 0, q, 0, "qwen2" },
        { "attn_k.bias", 0, kv, 0, "qwen2" },
        { "attn_v.bias", 0, kv, 0, "qwen2" },
        { "attn_q_norm.weight", 0, o->head_dim, 1, "qwen3 gemma3" },
        { "attn_k_norm.weight", 0, o->head_dim, 1, "qwen3 gemma3" },
        { "attn_output.weight", o->width, q, 0, NULL },
        { "post_attention_norm.weight", 0, o->width, 1, "gemma2 gemma3" },
        { "ffn_gate.weight", o->n_ff, o->width, 0, unfused },
        { "ffn_up.weight", o->n_ff, o->width, 0, unfused },
        { "ffn_up.weight", 2 * o->n_ff, o->width, 0, "phi3" },
        { "ffn_down.weight", o->width, o->n_ff, 0, NULL },
        { "post_ffw_norm.weight", 0, o->width, 1, "gemma2 gemma3" },
    };
    struct str name = { 0 };
    for (size_t j = 0; j < sizeof t / sizeof *t; j++) {
        if (t[j].arch && !is_of(o, t[j].arch))
            continue;
        str_cut(&name, 0);
        str_addf(&name, "blk.%u.%s", i, t[j].name);
        if (t[j].n_out)
            matrix(w, name.ptr ? name.ptr : "", t[j].n_out, t[j].n_in);
        else
            vector(w, name.ptr ? name.ptr : "", t[j].n_in, t[j].middle);
    }
    w->data.failed |= name.failed;
    str_free(&name);
}

struct synth_opts synth_defaults(const char *arch, enum dtype dtype, uint64_t seed)
{
    bool large = dtype_block_elems(dtype) == QK_K;
    uint32_t n_layer = strcmp(arch, "gemma3") == 0 ? 6 : strcmp(arch, "smollm3") == 0 ? 4 : 2;
    return (struct synth_opts){ .arch = arch, .dtype = dtype, .seed = seed, .n_layer = n_layer,
                                .width = large ? 256 : 64, .n_head = large ? 8 : 2,
                                .n_kv_head = 1, .head_dim = 32, .n_ff = large ? 256 : 96,
                                .context = 512 };
}

enum status synth_gguf(const struct synth_opts *o, struct str *ret_bytes, struct error *err)
{
    struct writer w = { .o = o, .key = rng_key_seed(o->seed) };
    struct str out = { 0 };
    write_keys(&w);
    matrix(&w, "token_embd.weight", n_vocab(o), o->width);
    for (uint32_t i = 0; i < o->n_layer; i++)
        write_layer(&w, i);
    vector(&w, "output_norm.weight", o->width, 1);

    put(&out, "GGUF", 4);
    put_u32(&out, 3);
    put_u64(&out, w.n_tensor);
    put_u64(&out, w.n_key);
    str_add_slice(&out, str_slice(&w.head));
    str_add_slice(&out, str_slice(&w.infos));
    while (!out.failed && out.len % ALIGN)
        str_addc(&out, 0);
    str_add_slice(&out, str_slice(&w.data));
    bool failed = out.failed || w.head.failed || w.infos.failed || w.data.failed;
    str_free(&w.head);
    str_free(&w.infos);
    str_free(&w.data);
    if (failed) {
        str_free(&out);
        return error_nomem(err);
    }
    *ret_bytes = out;
    return ST_OK;
}
