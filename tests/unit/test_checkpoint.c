/* test_checkpoint.c - a checkpoint of safetensors says the same as a GGUF file of the same model, and
 * what is wrong with one is said in a sentence. */
#include <check.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "runtime/files/checkpoint.h"
#include "runtime/files/manifest.h"
#include "runtime/model/synth.h"
#include "runtime/tokenizer/tokenizer.h"
#include "suites.h"

static const struct { const char *ours, *theirs; } names[] = {
    { "attn_q.", "self_attn.q_proj." },      { "attn_k.", "self_attn.k_proj." },
    { "attn_v.", "self_attn.v_proj." },      { "attn_output.", "self_attn.o_proj." },
    { "attn_q_norm.", "self_attn.q_norm." }, { "attn_k_norm.", "self_attn.k_norm." },
    { "ffn_gate.", "mlp.gate_proj." },       { "ffn_up.", "mlp.up_proj." },
    { "ffn_down.", "mlp.down_proj." },       { "attn_norm.", "input_layernorm." },
    { "ffn_norm.", "post_attention_layernorm." }, { "attn_qkv.", "self_attn.qkv_proj." },
};

static void their_name(struct slice ours, bool fused, struct str *out)
{
    str_cut(out, 0);
    if (slice_is(ours, "token_embd.weight"))
        str_adds(out, "model.embed_tokens.weight");
    else if (slice_is(ours, "output_norm.weight"))
        str_adds(out, "model.norm.weight");
    else if (slice_is(ours, "output.weight"))
        str_adds(out, "lm_head.weight");
    for (size_t i = 0; i < sizeof names / sizeof *names && slice_starts(ours, SLICE("blk.")); i++) {
        struct slice rest = slice_sub(ours, 6, ours.len);
        if (slice_starts(rest, slice_of(names[i].ours)))
            str_addf(out, "model.layers.%c.%s%.*s", ours.ptr[4], names[i].theirs,
                     (int)(rest.len - strlen(names[i].ours)), rest.ptr + strlen(names[i].ours));
    }
    if (fused && slice_ends(ours, SLICE("ffn_up.weight"))) {
        str_cut(out, out->len - strlen("up_proj.weight"));
        str_adds(out, "gate_up_proj.weight");
    }
    ck_assert(out->len > 0);
}

/* Rows of q and k as transformers has them: those of a GGUF file of Llama are interleaved. */
static void put_data(const struct bundle_tensor *t, bool permuted, struct str *out)
{
    bool q_or_k = strstr(t->name.ptr, "attn_q.") == t->name.ptr + 6 ||
                  strstr(t->name.ptr, "attn_k.") == t->name.ptr + 6;
    size_t row = t->size / t->dim[0];
    for (uint64_t r = 0; r < t->dim[0]; r++) {
        uint64_t at = r % 32;
        uint64_t from = permuted && q_or_k ? r - at + 2 * (at % 16) + at / 16 : r;
        str_add(out, (const char *)t->data + from * row, row);
    }
}

static void wrap(const char *header, const struct str *data, struct str *out)
{
    uint64_t n = strlen(header);
    str_cut(out, 0);
    str_add(out, (const char *)&n, sizeof n);
    str_adds(out, header);
    str_add_slice(out, str_slice(data));
}

/* Every `step`th tensor from `first` as one file. */
static void put_shard(const struct bundle *b, uint32_t first, uint32_t step, struct str *out)
{
    struct str data = { 0 }, name = { 0 };
    struct slice arch;
    json_t *header = json_pack("{s:{s:s}}", "__metadata__", "format", "pt");
    bundle_str(b, "general.architecture", &arch);
    for (uint32_t i = first; i < bundle_n_tensor(b); i += step) {
        const struct bundle_tensor *t = bundle_tensor_at(b, i);
        json_t *shape = json_array();
        size_t begin = data.len;
        for (uint32_t d = 0; d < t->n_dim; d++)
            json_array_append_new(shape, json_integer((json_int_t)t->dim[d]));
        put_data(t, slice_is(arch, "llama") || slice_is(arch, "smollm3"), &data);
        their_name(t->name, slice_is(arch, "phi3"), &name);
        json_object_set_new(header, name.ptr,
                            json_pack("{s:s, s:o, s:[I, I]}", "dtype", dtype_name(t->dtype),
                                      "shape", shape, "data_offsets", (json_int_t)begin,
                                      (json_int_t)data.len));
    }
    char *text = json_dumps(header, JSON_COMPACT);
    wrap(text, &data, out);
    free(text);
    json_decref(header);
    str_free(&data);
    str_free(&name);
}

static char *index_text(const struct bundle *b)
{
    json_t *map = json_object();
    struct str name = { 0 };
    for (uint32_t i = 0; i < bundle_n_tensor(b); i++) {
        their_name(bundle_tensor_at(b, i)->name, false, &name);
        json_object_set_new(map, name.ptr, json_string(i % 2 ? "b.safetensors" : "a.safetensors"));
    }
    json_t *index = json_pack("{s:o}", "weight_map", map);
    char *text = json_dumps(index, 0);
    json_decref(index);
    str_free(&name);
    return text;
}

static char *config_text(const char *type)
{
    json_t *j = json_pack("{s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:f, s:f, s:i, s:s}",
                          "model_type", type, "num_hidden_layers",
                          strcmp(type, "smollm3") == 0 ? 4 : 2, "hidden_size", 64,
                          "intermediate_size", 96, "num_attention_heads", 2,
                          "num_key_value_heads", 1, "head_dim", 32,
                          "max_position_embeddings", 512, "rms_norm_eps", 1e-5, "rope_theta",
                          1000.0, "vocab_size", 264, "hidden_act", "silu");
    char *text = json_dumps(j, 0);
    json_decref(j);
    return text;
}

static char *tokenizer_text(const struct bundle *b)
{
    json_t *vocab = json_object(), *merges = json_array(), *added = json_array();
    struct slice s;
    uint64_t n = 0;
    bundle_array_len(b, "tokenizer.ggml.merges", &n);
    for (uint64_t i = 0; i < n && bundle_array_str(b, "tokenizer.ggml.merges", i, &s); i++)
        json_array_append_new(merges, json_stringn(s.ptr, s.len));
    for (uint64_t i = 0; i < 264 && bundle_array_str(b, "tokenizer.ggml.tokens", i, &s); i++) {
        char name[32];
        snprintf(name, sizeof name, "%.*s", (int)s.len, s.ptr);
        if (i < 262)
            json_object_set_new(vocab, name, json_integer((json_int_t)i));
        else
            json_array_append_new(added, json_pack("{s:I, s:s, s:b}", "id", (json_int_t)i,
                                                   "content", name, "special", 1));
    }
    json_t *j = json_pack("{s:o, s:n, s:{s:s, s:[{s:s, s:b}, {s:s, s:b}]}, s:{s:s, s:o, s:o}}",
                          "added_tokens", added, "normalizer", "pre_tokenizer", "type", "Sequence",
                          "pretokenizers", "type", "Digits", "individual_digits", 1, "type",
                          "ByteLevel", "add_prefix_space", 0, "model", "type", "BPE", "vocab",
                          vocab, "merges", merges);
    char *text = json_dumps(j, 0);
    json_decref(j);
    return text;
}

static const char NAMES[] = "{\"bos_token\": \"<|start|>\", \"eos_token\": {\"content\": \"<|end|>\"},"
                            " \"add_bos_token\": true, \"chat_template\": "
                            "[{\"name\": \"default\", \"template\": \"{{ bos_token }}\"}]}";

struct made {
    struct str               gguf, shard[2];
    char                    *config, *tokenizer;
    struct checkpoint_shard  shards[2];
    struct checkpoint        c;
    struct bundle           *b;         /* the GGUF file */
};

static void make(struct made *m, const char *arch, enum dtype dtype)
{
    struct synth_opts o = synth_defaults(arch, dtype, 7);
    *m = (struct made){ 0 };
    ck_assert_int_eq(synth_gguf(&o, &m->gguf, NULL), ST_OK);
    ck_assert_int_eq(bundle_open_memory((uint8_t *)m->gguf.ptr, m->gguf.len, &m->b, NULL), ST_OK);
    static const char *const files[] = { "a.safetensors", "b.safetensors" };
    for (uint32_t i = 0; i < 2; i++) {
        put_shard(m->b, i, 2, &m->shard[i]);
        m->shards[i] = (struct checkpoint_shard){ files[i], (uint8_t *)m->shard[i].ptr,
                                                  m->shard[i].len };
    }
    m->config = config_text(arch);
    m->tokenizer = tokenizer_text(m->b);
    m->c = (struct checkpoint){ .config = slice_of(m->config), .tokenizer = slice_of(m->tokenizer),
                                .tokenizer_config = SLICE(NAMES), .shard = m->shards,
                                .n_shard = 2 };
}

static void unmake(struct made *m)
{
    bundle_close(m->b);
    str_free(&m->gguf);
    str_free(&m->shard[0]);
    str_free(&m->shard[1]);
    free(m->config);
    free(m->tokenizer);
}

static void expect_same(const struct bundle *a, const struct bundle *b)
{
    ck_assert_uint_eq(bundle_n_tensor(a), bundle_n_tensor(b));
    for (uint32_t i = 0; i < bundle_n_tensor(a); i++) {
        const struct bundle_tensor *t = bundle_tensor_at(a, i);
        char name[96];
        snprintf(name, sizeof name, "%.*s", (int)t->name.len, t->name.ptr);
        const struct bundle_tensor *u = bundle_tensor(b, name);
        ck_assert_msg(u && u->dtype == t->dtype && u->size == t->size && u->n_dim == t->n_dim &&
                      memcmp(u->dim, t->dim, sizeof u->dim) == 0 &&
                      memcmp(u->data, t->data, t->size) == 0, "%s", name);
    }
}

static void expect_same_tokens(const struct bundle *a, const struct bundle *b)
{
    struct tokenizer *x = NULL, *y = NULL;
    struct error err = { 0 };
    ck_assert_int_eq(tokenizer_load(a, &x, &err), ST_OK);
    ck_assert_msg(tokenizer_load(b, &y, &err) == ST_OK, "%s", err.text);
    ck_assert_uint_eq(tokenizer_hash(x), tokenizer_hash(y));
    ck_assert(tokenizer_adds_bos(y));
    tokenizer_free(x);
    tokenizer_free(y);
}

START_TEST(same_as_gguf)
{
    static const char *const archs[] = { "llama", "qwen2", "qwen3", "smollm3", "phi3" };
    static const char *const keys[] = {
        "block_count", "embedding_length", "feed_forward_length", "attention.head_count",
        "attention.head_count_kv", "attention.key_length", "context_length", "rope.freq_base",
    };
    int64_t live = mem_live_blocks();
    for (int i = 0; i < 5; i++) {
        struct made m;
        struct bundle *b = NULL;
        struct error err = { 0 };
        make(&m, archs[i], i == 1 ? DT_F32 : DT_F16);
        ck_assert_msg(bundle_open_checkpoint(&m.c, &b, &err) == ST_OK, "%s", err.text);
        expect_same(m.b, b);
        expect_same_tokens(m.b, b);
        for (size_t k = 0; k < sizeof keys / sizeof *keys; k++) {
            char key[96];
            uint64_t x = 0, y = 0;
            snprintf(key, sizeof key, "%s.%s", archs[i], keys[k]);
            ck_assert_msg(bundle_u64(b, key, &y), "%s", key);
            ck_assert(!bundle_u64(m.b, key, &x) || x == y);
        }
        struct slice template;
        ck_assert(bundle_str(b, "tokenizer.chat_template", &template) &&
                  slice_is(template, "{{ bos_token }}"));
        bundle_close(b);
        unmake(&m);
    }
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

static void write_to(const char *dir, const char *name, struct slice bytes)
{
    struct str path = { 0 };
    fs_join(dir, name, &path);
    ck_assert_int_eq(fs_replace(path.ptr, bytes, NULL), ST_OK);
    str_free(&path);
}

static void remove_from(const char *dir, const char *name)
{
    struct str path = { 0 };
    fs_join(dir, name, &path);
    unlink(path.ptr);
    str_free(&path);
}

START_TEST(a_directory)
{
    int64_t live = mem_live_blocks();
    char dir[] = "/tmp/sgl-checkpoint-XXXXXX";
    struct made m;
    struct bundle *b = NULL;
    struct error err = { 0 };
    ck_assert_ptr_nonnull(mkdtemp(dir));
    make(&m, "qwen3", DT_BF16);
    ck_assert_int_eq(bundle_open(dir, &b, &err), ST_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "no config.json"));
    write_to(dir, "config.json", m.c.config);
    ck_assert_int_eq(bundle_open(dir, &b, &err), ST_NOT_FOUND);
    write_to(dir, "model.safetensors.index.json",
             SLICE("{\"weight_map\": {\"model.norm.weight\": \"../a.safetensors\"}}"));
    ck_assert_int_eq(bundle_open(dir, &b, &err), ST_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "no file in the directory"));
    write_to(dir, "model.safetensors.index.json",
             SLICE("{\"weight_map\": {\"x\": \"a.safetensors\", \"y\": \"b.safetensors\"}}"));
    write_to(dir, "a.safetensors", str_slice(&m.shard[0]));
    write_to(dir, "b.safetensors", str_slice(&m.shard[1]));
    ck_assert_int_eq(bundle_open(dir, &b, &err), ST_INVALID);
    ck_assert_ptr_nonnull(strstr(err.text, "not where the index says"));
    char *index = index_text(m.b);
    write_to(dir, "model.safetensors.index.json", slice_of(index));
    ck_assert_msg(bundle_open(dir, &b, &err) == ST_OK, "%s", err.text);
    expect_same(m.b, b);
    write_to(dir, "generation_config.json", SLICE("{\"eos_token_id\": [5, 6]}"));
    struct arena arena = { 0 };
    struct manifest manifest;
    ck_assert_int_eq(manifest_load(b, &arena, &manifest, &err), ST_OK);
    ck_assert(manifest.n_end_token == 2 && manifest.end_token[1] == 6 && manifest.context == 512);
    arena_free(&arena);
    bundle_close(b);
    static const char *const all[] = { "config.json", "model.safetensors.index.json",
                                       "a.safetensors", "b.safetensors", "generation_config.json" };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        remove_from(dir, all[i]);
    ck_assert_int_eq(rmdir(dir), 0);
    free(index);
    unmake(&m);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

static void expect_refusal(const struct checkpoint *c, const char *words)
{
    struct bundle *b = NULL;
    struct error err = { 0 };
    ck_assert_msg(bundle_open_checkpoint(c, &b, &err) != ST_OK, "accepted: %s", words);
    ck_assert_msg(strstr(err.text, words), "%s: %s", words, err.text);
}

START_TEST(wrong_headers)
{
    static const struct { const char *header, *words; } rows[] = {
        { "[]", "no JSON object" },
        { "{", "the header" },
        { "{\"a\": {}}", "has no dtype" },
        { "{\"a\": {\"dtype\": \"F8_E4M3\"}}", "F8_E4M3, which is not read" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": []}}", "an impossible rank" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [1,1,1,1,1]}}", "an impossible rank" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [0]}}", "an impossible size" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [4611686018427387904, 4]}}", "impossible size" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [2]}}", "has no place" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [8, 0]}}", "no place" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 9]}}", "outside" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 8]}}", "another size" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", "a hole" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [0, 4]}}", "8 bytes of data" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]},"
          " \"b\": {\"dtype\": \"F32\", \"shape\": [1], \"data_offsets\": [4, 8]}}", "over each other" },
        { "{\"a\": {\"dtype\": \"F32\", \"shape\": [2], \"data_offsets\": [0, 8]}}", "has no tensor a" },
    };
    int64_t live = mem_live_blocks();
    char *config = config_text("llama");
    struct str data = { 0 }, file = { 0 };
    str_add(&data, "12345678", 8);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        wrap(rows[i].header, &data, &file);
        struct checkpoint_shard s = { "x.safetensors", (uint8_t *)file.ptr, file.len };
        struct checkpoint c = { .config = slice_of(config), .shard = &s, .n_shard = 1 };
        expect_refusal(&c, rows[i].words);
    }
    struct checkpoint_shard s = { "x.safetensors", (const uint8_t *)"\xff\xff\xff\xff\0\0\0\0{}", 10 };
    struct checkpoint c = { .config = slice_of(config), .shard = &s, .n_shard = 1 };
    expect_refusal(&c, "longer than the file");
    s.size = 3;
    expect_refusal(&c, "too short");
    str_free(&data);
    str_free(&file);
    free(config);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

#define SHAPE "{\"model_type\": \"qwen2\", \"num_hidden_layers\": 2, \"hidden_size\": 64, "     \
              "\"intermediate_size\": 64, \"num_attention_heads\": 2, "                         \
              "\"max_position_embeddings\": 64, "

START_TEST(wrong_configs)
{
    static const struct { const char *config, *words; } rows[] = {
        { "", "no config.json" },
        { "[]", "config.json is no JSON object" },
        { "{}", "no model_type" },
        { "{\"model_type\": \"mamba\"}", "models of this type are not read: mamba" },
        { "{\"model_type\": \"llama\", \"quantization_config\": {\"quant_method\": \"gptq\"}}",
          "quantised weights are not read: gptq" },
        { "{\"model_type\": \"llama\", \"hidden_act\": \"relu\"}", "another activation than relu" },
        { "{\"model_type\": \"llama\", \"num_hidden_layers\": -1}", "num_hidden_layers" },
        { "{\"model_type\": \"llama\", \"num_hidden_layers\": 1}", "no hidden_size" },
        { "{\"model_type\": \"qwen3_moe\"}", "models of this type are not read: qwen3_moe" },
        { SHAPE "\"layer_types\": [\"full_attention\"]}", "another number of layers in layer_types" },
        { SHAPE "\"layer_types\": [\"full_attention\", \"linear_attention\"]}",
          "layers of this kind are not read: linear_attention" },
        { SHAPE "\"use_sliding_window\": true, \"sliding_window\": 8}",
          "a sliding window without a list of layers" },
        { SHAPE "\"rope_scaling\": {\"type\": \"yarn\", \"factor\": 4}}",
          "rope scaling of this type is not read: yarn" },
        { SHAPE "\"rope_scaling\": {\"type\": \"longrope\"}}", "lacks a list" },
        { SHAPE "\"rope_scaling\": {\"type\": \"longrope\","
          "\"original_max_position_embeddings\": 32, \"short_factor\": [1, 2]}}",
          "a list of half of what turns: short_factor" },
        { SHAPE "\"use_bidirectional_attention\": true}", "use_bidirectional_attention" },
    };
    int64_t live = mem_live_blocks();
    struct made m;
    make(&m, "llama", DT_F16);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        m.c.config = slice_of(rows[i].config);
        expect_refusal(&m.c, rows[i].words);
    }
    m.c.config = slice_of(m.config);
    m.c.tokenizer = SLICE("{\"model\": {\"type\": \"Unigram\"}}");
    expect_refusal(&m.c, "vocabulary is not supported: Unigram");
    m.c.tokenizer = SLICE("{\"model\": {\"type\": \"BPE\"}}");
    expect_refusal(&m.c, "no vocabulary");
    m.c.tokenizer = SLICE("{\"model\": {\"type\": \"BPE\", \"vocab\": {}, \"merges\": []}}");
    expect_refusal(&m.c, "the split");
    unmake(&m);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

/* SentencePiece written down as merges: ids 0 <unk>, 1 "▁", 2 a, 3 b, 4 ab, 5 "▁ab", 6 <0x0A>. */
START_TEST(sentencepiece_form)
{
    int64_t live = mem_live_blocks();
    struct made m;
    struct bundle *b = NULL;
    struct tokenizer *t = NULL;
    struct token_list l = { 0 };
    struct error err = { 0 };
    make(&m, "llama", DT_F16);
    m.c.tokenizer = SLICE(
        "{\"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\","
        "\"prepend\": \"\xe2\x96\x81\"}, {\"type\": \"Replace\"}]}, \"added_tokens\": "
        "[{\"id\": 0, \"content\": \"<unk>\", \"special\": true}, {\"id\": 7, \"content\": \"<t>\"}],"
        "\"model\": {\"type\": \"BPE\", \"byte_fallback\": true, \"unk_token\": \"<unk>\", \"vocab\":"
        "{\"<unk>\": 0, \"\xe2\x96\x81\": 1, \"a\": 2, \"b\": 3, \"ab\": 4, \"\xe2\x96\x81" "ab\": 5,"
        "\"<0x0A>\": 6}, \"merges\": [\"a b\", [\"\xe2\x96\x81\", \"ab\"]]}}");
    ck_assert_msg(bundle_open_checkpoint(&m.c, &b, &err) == ST_OK, "%s", err.text);
    ck_assert_msg(tokenizer_load(b, &t, &err) == ST_OK, "%s", err.text);
    ck_assert_uint_eq(tokenizer_n_vocab(t), 264);
    ck_assert_int_eq(tokenizer_encode(t, SLICE("ab<t>ab\nx"), ENCODE_DATA, true, &l, NULL), ST_OK);
    static const uint32_t want[] = { 5, 7, 4, 6, 0 };
    ck_assert(l.n == 5 && memcmp(l.id, want, sizeof want) == 0);
    token_list_free(&l);
    tokenizer_free(t);
    bundle_close(b);
    unmake(&m);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

/* Norms are stored as w and handed out as 1 + w; the names of the four norms of a block; two bases. */
START_TEST(gemma_form)
{
    static const char config[] =
        "{\"model_type\": \"gemma3_text\", \"num_hidden_layers\": 1, \"hidden_size\": 4,"
        "\"intermediate_size\": 4, \"num_attention_heads\": 1, \"max_position_embeddings\": 64,"
        "\"sliding_window\": 16, \"query_pre_attn_scalar\": 64, \"rope_parameters\":"
        "{\"full_attention\": {\"rope_theta\": 1000000, \"rope_type\": \"default\"},"
        "\"sliding_attention\": {\"rope_theta\": 10000}}}";
    static const char header[] =
        "{\"model.layers.0.post_attention_layernorm.weight\": {\"dtype\": \"F16\", \"shape\": [2],"
        "\"data_offsets\": [0, 4]}, \"model.layers.0.pre_feedforward_layernorm.weight\":"
        "{\"dtype\": \"BF16\", \"shape\": [2], \"data_offsets\": [4, 8]}}";
    /* halves 0.5 and -2; bfloat16 0.25 and -1 */
    struct str data = { 0 }, file = { 0 };
    str_add(&data, "\x00\x38\x00\xc0\x80\x3e\x80\xbf", 8);
    wrap(header, &data, &file);
    struct checkpoint_shard s = { "x.safetensors", (uint8_t *)file.ptr, file.len };
    struct checkpoint c = { .config = slice_of(config), .shard = &s, .n_shard = 1 };
    struct bundle *b = NULL;
    struct error err = { 0 };
    ck_assert_msg(bundle_open_checkpoint(&c, &b, &err) == ST_OK, "%s", err.text);
    const struct bundle_tensor *t = bundle_tensor(b, "blk.0.post_attention_norm.weight");
    const struct bundle_tensor *u = bundle_tensor(b, "blk.0.ffn_norm.weight");
    ck_assert(t && t->dtype == DT_F32 && t->size == 8 && u && u->dtype == DT_F32);
    float x[2], y[2];
    memcpy(x, t->data, sizeof x);
    memcpy(y, u->data, sizeof y);
    ck_assert(x[0] == 1.5f && x[1] == -1.0f && y[0] == 1.25f && y[1] == 0.0f);
    uint64_t n;
    double scale;
    ck_assert(bundle_u64(b, "gemma3.attention.key_length", &n) && n == 256);
    ck_assert(bundle_u64(b, "gemma3.attention.sliding_window", &n) && n == 16);
    ck_assert(bundle_u64(b, "gemma3.rope.freq_base", &n) && n == 1000000);
    ck_assert(bundle_u64(b, "gemma3.rope.freq_base_swa", &n) && n == 10000);
    ck_assert(bundle_f64(b, "gemma3.attention.scale", &scale) && scale == 0.125);
    bundle_close(b);
    str_free(&data);
    str_free(&file);
}
END_TEST

Suite *suite_checkpoint(void)
{
    Suite *s = suite_create("checkpoint");
    TCase *c = tcase_create("checkpoint");
    tcase_add_test(c, same_as_gguf);
    tcase_add_test(c, a_directory);
    tcase_add_test(c, wrong_headers);
    tcase_add_test(c, wrong_configs);
    tcase_add_test(c, sentencepiece_form);
    tcase_add_test(c, gemma_form);
    suite_add_tcase(s, c);
    return s;
}
