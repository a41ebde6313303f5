/* test_tokens.c - texts of smollm2.json under each split, against the ids of the reference, and back.
 *
 * The vocabulary is that of the default model; without it the test is skipped (77). */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/utf8.h"
#include "runtime/files/models.h"
#include "runtime/tokenizer/vocab.h"

enum { SKIP = 77 };

struct tally {
    unsigned n_case, n_bad;
};

static bool same_ids(const struct token_list *l, const json_t *want)
{
    if (l->n != json_array_size(want))
        return false;
    for (uint32_t i = 0; i < l->n; i++)
        if (l->id[i] != (uint32_t)json_integer_value(json_array_get(want, i)))
            return false;
    return true;
}

/* Decoding gives the text back, byte for byte (in NFC where the model reads that), unless the
 * vocabulary cannot write it. */
static bool same_text(const struct tokenizer *t, const struct token_list *l, struct slice text,
                      bool composed)
{
    struct str out = { 0 }, nfc = { 0 };
    utf8_nfc(text, &nfc);
    if (composed)
        text = str_slice(&nfc);
    struct detok d = { 0 };
    bool writable = true;
    for (size_t i = 0; i < text.len; i++)
        writable = writable && tokenizer_has_byte(t, (uint8_t)text.ptr[i]);
    for (uint32_t i = 0; i < l->n; i++)
        detok_push(&d, tokenizer_bytes(t, l->id[i]), &out);
    detok_flush(&d, &out);
    bool same = !writable || slice_eq(str_slice(&out), text);
    str_free(&out);
    str_free(&nfc);
    return same;
}

static void check(struct tally *tally, const struct tokenizer *t, const char *name, bool markup,
                  const json_t *texts, const json_t *ids)
{
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *s = json_array_get(texts, i);
        struct slice text = { json_string_value(s), json_string_length(s) };
        struct token_list l = { 0 };
        struct error err = { 0 };
        enum status st = tokenizer_encode(t, text, markup ? ENCODE_MARKUP : ENCODE_DATA, true, &l,
                                          &err);
        bool good = st == ST_OK && same_ids(&l, json_array_get(ids, i)) &&
                    (markup || same_text(t, &l, text, strcmp(name, "qwen2") == 0));
        tally->n_case++;
        tally->n_bad += !good;
        if (!good)
            printf("%s differs: %.*s %s\n", name, (int)text.len, text.ptr, err.text);
        token_list_free(&l);
    }
}

/* The default model's vocabulary under another split. */
static enum status with_split(const struct bundle *b, const char *pre, struct tokenizer **ret,
                              struct error *err)
{
    uint64_t n = 0, n_merge = 0, kind = 0;
    bundle_array_len(b, "tokenizer.ggml.tokens", &n);
    bundle_array_len(b, "tokenizer.ggml.merges", &n_merge);
    struct slice *name = mem_calloc(n, sizeof *name), *merge = mem_calloc(n_merge, sizeof *merge);
    uint8_t *kinds = mem_alloc(n);
    if (!name || !merge || !kinds)
        exit(1);
    bundle_array_strs(b, "tokenizer.ggml.tokens", name, n);
    bundle_array_strs(b, "tokenizer.ggml.merges", merge, n_merge);
    for (uint64_t i = 0; i < n; i++) {
        bundle_array_u64(b, "tokenizer.ggml.token_type", i, &kind);
        kinds[i] = (uint8_t)kind;
    }
    struct vocab_spec spec = { .pre = pre, .name = name, .kind = kinds, .n_name = (uint32_t)n,
                               .merge = merge, .n_merge = (uint32_t)n_merge, .bos = TOKEN_NONE,
                               .eos = TOKEN_NONE, .adds_bos = -1 };
    enum status st = vocab_build(&spec, ret, err);
    mem_free(name);
    mem_free(merge);
    mem_free(kinds);
    return st;
}

int main(int argc, char **argv)
{
    static const char *const splits[] = { "smollm", "gpt-2", "llama-bpe", "qwen2" };
    struct str path = { 0 };
    struct error err = { 0 };
    struct bundle *b = NULL;
    struct tokenizer *t = NULL;
    struct tally tally = { 0, 0 };
    json_error_t at;
    json_t *all = argc == 2 ? json_load_file(argv[1], JSON_ALLOW_NUL, &at) : NULL;
    if (!all)
        return 2;
    if (models_find(NULL, &path, &err) != ST_OK) {
        printf("%s\n", err.text);
        json_decref(all);
        return SKIP;
    }
    if (bundle_open(path.ptr, &b, &err) != ST_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    const json_t *texts = json_object_get(all, "texts");
    for (int i = 0; i < 4; i++) {
        if (with_split(b, splits[i], &t, &err) != ST_OK) {
            printf("%s: %s\n", splits[i], err.text);
            return 1;
        }
        check(&tally, t, splits[i], false, texts, json_object_get(all, splits[i]));
        tokenizer_free(t);
    }
    if (tokenizer_load(b, &t, &err) != ST_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    check(&tally, t, "markup", true, texts, json_object_get(all, "markup"));
    tokenizer_free(t);
    bundle_close(b);
    str_free(&path);
    json_decref(all);
    printf("golden-tokens: %u cases, %u differ\n", tally.n_case, tally.n_bad);
    return tally.n_case == 0 || tally.n_bad ? 1 : 0;
}
