/* test_bundle.c - the reader of model files: what it hands out, and what it refuses. */
#include <check.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/files/bundle.h"
#include "runtime/model/synth.h"
#include "suites.h"

static struct str synthetic(enum dtype t)
{
    struct synth_opts o = synth_defaults("llama", t, 7);
    struct str bytes = { 0 };
    ck_assert_int_eq(synth_gguf(&o, &bytes, NULL), ST_OK);
    return bytes;
}

START_TEST(metadata_and_tensors)
{
    struct str bytes = synthetic(DT_Q4_1);
    struct bundle *b = NULL;
    ck_assert_int_eq(bundle_open_memory((uint8_t *)bytes.ptr, bytes.len, &b, NULL), ST_OK);
    struct slice s;
    uint64_t n;
    double x;
    bool flag;
    ck_assert(bundle_str(b, "general.architecture", &s) && slice_is(s, "llama"));
    ck_assert(bundle_u64(b, "llama.block_count", &n) && n == 2);
    ck_assert(bundle_f64(b, "llama.block_count", &x) && x == 2);
    ck_assert(bundle_f64(b, "llama.rope.freq_base", &x) && x == 1000);
    ck_assert(bundle_u64(b, "llama.rope.freq_base", &n) && n == 1000);
    ck_assert(!bundle_u64(b, "llama.attention.layer_norm_rms_epsilon", &n));
    ck_assert(!bundle_str(b, "llama.block_count", &s));
    ck_assert(!bundle_bool(b, "llama.block_count", &flag));
    ck_assert(!bundle_u64(b, "no.such.key", &n));
    ck_assert(bundle_array_len(b, "tokenizer.ggml.tokens", &n) && n == 264);
    ck_assert(bundle_array_str(b, "tokenizer.ggml.tokens", 65, &s) && slice_is(s, "A"));
    ck_assert(bundle_array_str(b, "tokenizer.ggml.tokens", 263, &s) && slice_is(s, "<|start|>"));
    ck_assert(!bundle_array_str(b, "tokenizer.ggml.tokens", 264, &s));
    ck_assert(bundle_array_u64(b, "tokenizer.ggml.token_type", 263, &n) && n == 3);
    const struct bundle_tensor *t = bundle_tensor(b, "blk.1.ffn_down.weight");
    ck_assert_ptr_nonnull(t);
    ck_assert(t->dim[0] == 64 && t->dim[1] == 96 && t->dtype == DT_Q4_1);
    ck_assert_uint_eq(t->size, 64 * 96 / 32 * 20);
    ck_assert_ptr_null(bundle_tensor(b, "blk.2.ffn_down.weight"));
    bundle_close(b);
    str_free(&bytes);
}
END_TEST

/* Every prefix of a file is refused with a sentence, and nothing is left behind. */
START_TEST(truncated)
{
    struct str bytes = synthetic(DT_Q8_0);
    int64_t live = mem_live_blocks();
    for (size_t n = 0; n < bytes.len; n += n < 12000 ? 1 : 997) {
        uint8_t *copy = mem_alloc(n ? n : 1);       /* a sanitizer sees reads behind it */
        memcpy(copy, bytes.ptr, n);
        struct bundle *b = NULL;
        struct error err = { 0 };
        ck_assert_int_ne(bundle_open_memory(copy, n, &b, &err), ST_OK);
        ck_assert(err.text[0] != 0);
        mem_free(copy);
    }
    ck_assert_int_eq(mem_live_blocks(), live);
    str_free(&bytes);
}
END_TEST

static void put(struct str *s, const void *p, size_t n)
{
    str_add(s, p, n);
}

static void put_name(struct str *s, const char *name)
{
    put(s, &(uint64_t){ strlen(name) }, 8);
    str_adds(s, name);
}

static struct str head(uint64_t n_tensor, uint64_t n_key)
{
    struct str s = { 0 };
    put(&s, "GGUF", 4);
    put(&s, &(uint32_t){ 3 }, 4);
    put(&s, &n_tensor, 8);
    put(&s, &n_key, 8);
    return s;
}

static enum status opened(struct str *s, struct error *err)
{
    struct bundle *b = NULL;
    enum status st = bundle_open_memory((uint8_t *)s->ptr, s->len, &b, err);
    bundle_close(b);
    str_free(s);
    return st;
}

static void put_tensor(struct str *s, uint64_t d0, uint64_t d1, uint32_t type, uint64_t off)
{
    put_name(s, "t");
    put(s, &(uint32_t){ 2 }, 4);
    put(s, &d0, 8);
    put(s, &d1, 8);
    put(s, &type, 4);
    put(s, &off, 8);
}

START_TEST(hostile)
{
    struct error err = { 0 };
    struct str s = head(UINT64_MAX, 0);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);
    s = head(0, UINT64_MAX / 2);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(0, 1);                         /* a string longer than the file */
    put(&s, &(uint64_t){ UINT64_MAX - 7 }, 8);
    put(&s, "0123456789", 10);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(0, 1);                         /* an array longer than the file */
    put_name(&s, "a");
    put(&s, &(uint32_t){ 9 }, 4);
    put(&s, &(uint32_t){ 8 }, 4);
    put(&s, &(uint64_t){ 1ull << 61 }, 8);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(1, 0);                         /* sizes whose product overflows */
    put_tensor(&s, 1ull << 40, 1ull << 40, 0, 0);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(1, 0);                         /* rows that are no whole number of blocks */
    put_tensor(&s, 33, 1, 2, 0);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(1, 0);                         /* an offset beyond everything */
    put_tensor(&s, 32, 1, 2, UINT64_MAX - 31);
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);

    s = head(1, 0);                         /* a known type that is not read is named */
    put_tensor(&s, 256, 1, 10, 0);
    ck_assert_int_eq(opened(&s, &err), ST_UNSUPPORTED);
    ck_assert_ptr_nonnull(strstr(err.text, "Q2_K"));

    s = head(0, 0);
    s.ptr[4] = 9;
    ck_assert_int_eq(opened(&s, &err), ST_UNSUPPORTED);
    str_adds(&s, "PK\003\004 not a model");
    ck_assert_int_eq(opened(&s, &err), ST_INVALID);
}
END_TEST

Suite *suite_bundle(void)
{
    Suite *s = suite_create("bundle");
    TCase *t = tcase_create("gguf");
    tcase_set_timeout(t, 60);
    tcase_add_test(t, metadata_and_tensors);
    tcase_add_test(t, truncated);
    tcase_add_test(t, hostile);
    suite_add_tcase(s, t);
    return s;
}
