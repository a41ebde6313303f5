/* test_spm.c - texts under SentencePiece vocabularies, against the ids of the reference, and back.
 *
 *     test_spm GOLDENS.json VOCABULARY.gguf NAME
 *
 * Awkward texts are compared id by id; 10,000 random ones by a hash of each hundred, so that the
 * goldens stay small.  The random texts are those that make_spm.py makes. */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/tokenizer/tokenizer.h"

enum { GROUP = 100 };

static bool encode(const struct tokenizer *t, struct slice text, struct token_list *l)
{
    struct error err = { 0 };
    l->n = 0;
    if (tokenizer_encode(t, text, ENCODE_DATA, true, l, &err) == ST_OK)
        return true;
    printf("%s\n", err.text);
    return false;
}

/* The text comes back byte for byte, behind the blank that some vocabularies put in front. */
static bool comes_back(const struct tokenizer *t, const struct token_list *l, struct slice text,
                       bool prefix)
{
    struct str out = { 0 };
    for (uint32_t i = 0; i < l->n; i++)
        str_add_slice(&out, tokenizer_bytes(t, l->id[i]));
    struct slice got = str_slice(&out);
    if (prefix && text.len)
        got = got.len && got.ptr[0] == ' ' ? slice_sub(got, 1, got.len) : SLICE("?");
    bool same = slice_eq(got, text);
    str_free(&out);
    return same;
}

static unsigned awkward(const struct tokenizer *t, const json_t *texts, const json_t *ids,
                        bool prefix)
{
    struct token_list l = { 0 };
    unsigned n_bad = 0;
    for (size_t i = 0; i < json_array_size(texts); i++) {
        const json_t *s = json_array_get(texts, i), *want = json_array_get(ids, i);
        struct slice text = { json_string_value(s), json_string_length(s) };
        bool good = encode(t, text, &l) && l.n == json_array_size(want) &&
                    comes_back(t, &l, text, prefix);
        for (uint32_t k = 0; good && k < l.n; k++)
            good = l.id[k] == (uint32_t)json_integer_value(json_array_get(want, k));
        n_bad += !good;
        if (!good)
            printf("text %zu differs: %.*s\n", i, (int)text.len, text.ptr);
    }
    token_list_free(&l);
    return n_bad;
}

static uint32_t below(uint64_t *x, uint32_t n)
{
    *x = *x * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*x >> 33) % n;
}

static void random_text(uint64_t *rng, const json_t *fragments, struct str *out)
{
    static const uint32_t tops[] = { 0x80, 0x800, 0xd800 };
    uint32_t what = below(rng, 4), n = 1 + below(rng, 40);
    str_cut(out, 0);
    for (uint32_t i = 0; i < n; i++) {
        if (what == 0) {
            str_addc(out, "the ofandin is"[below(rng, 14)]);
        } else if (what == 1) {
            const json_t *f = json_array_get(fragments,
                                             below(rng, (uint32_t)json_array_size(fragments)));
            str_add(out, json_string_value(f), json_string_length(f));
        } else {
            uint32_t top = what == 3 ? 0x110000 : tops[below(rng, 3)];
            uint32_t cp = below(rng, top);
            str_add_cp(out, (cp >= 0xd800 && cp < 0xe000) || cp == 0x2581 ? 'x' : cp);
        }
    }
}

static void hash_ids(uint64_t *h, const struct token_list *l)
{
    for (uint32_t i = 0; i <= l->n; i++) {
        uint32_t id = i < l->n ? l->id[i] : TOKEN_NONE;
        for (int k = 0; k < 4; k++)
            *h = (*h ^ (id >> 8 * k & 0xff)) * 0x100000001b3u;
    }
}

static unsigned random_texts(const struct tokenizer *t, const json_t *fragments,
                             const json_t *hashes, bool prefix)
{
    struct token_list l = { 0 };
    struct str text = { 0 };
    uint64_t rng = 7;
    unsigned n_bad = 0;
    for (size_t g = 0; g < json_array_size(hashes); g++) {
        uint64_t h = 0xcbf29ce484222325u;
        char hex[17];
        for (int i = 0; i < GROUP; i++) {
            random_text(&rng, fragments, &text);
            if (!encode(t, str_slice(&text), &l) || !comes_back(t, &l, str_slice(&text), prefix))
                n_bad++;
            hash_ids(&h, &l);
        }
        snprintf(hex, sizeof hex, "%016llx", (unsigned long long)h);
        if (strcmp(hex, json_string_value(json_array_get(hashes, g))) != 0) {
            printf("a text of the hundred %zu differs\n", g);
            n_bad++;
        }
    }
    str_free(&text);
    token_list_free(&l);
    return n_bad;
}

int main(int argc, char **argv)
{
    struct error err = { 0 };
    struct bundle *b = NULL;
    struct tokenizer *t = NULL;
    json_error_t at;
    json_t *all = argc == 4 ? json_load_file(argv[1], JSON_ALLOW_NUL, &at) : NULL;
    if (!all)
        return 2;
    if (bundle_open(argv[2], &b, &err) != ST_OK || tokenizer_load(b, &t, &err) != ST_OK) {
        printf("%s\n", err.text);
        return 1;
    }
    char name[32];
    snprintf(name, sizeof name, "%s_random", argv[3]);
    bool prefix = strcmp(argv[3], "prefix") == 0;
    const json_t *hashes = json_object_get(all, name);
    unsigned n_bad = awkward(t, json_object_get(all, "texts"), json_object_get(all, argv[3]),
                             prefix);
    n_bad += random_texts(t, json_object_get(all, "fragments"), hashes, prefix);
    printf("golden-spm: %zu random texts, %u differ\n", json_array_size(hashes) * GROUP, n_bad);
    bool none = json_array_size(hashes) == 0;
    tokenizer_free(t);
    bundle_close(b);
    json_decref(all);
    return n_bad || none;
}
