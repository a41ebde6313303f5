/* fuzz_tokenizer.c - any bytes through every split and SentencePiece, as data and as
 * markup, and back. */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "runtime/tokenizer/bytechar.h"
#include "runtime/tokenizer/vocab.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const splits[] = { "gpt-2", "smollm", "llama-bpe", "qwen2" };

/* All bytes, a few merges, a control token. */
static struct tokenizer *make(const char *pre)
{
    static char text[256][4];
    struct slice name[260];
    uint8_t kind[260];
    memset(kind, TOKEN_NORMAL, sizeof kind);
    for (uint32_t cp = 0x21; cp < 0x144; cp++) {
        int b = bytechar_byte(cp);
        if (b >= 0)
            name[b] = (struct slice){ text[b], (size_t)utf8_encode(cp, text[b]) };
    }
    name[256] = SLICE("th");
    name[257] = SLICE("the");
    name[258] = SLICE("<|x|>");
    name[259] = SLICE("<tool>");
    kind[258] = TOKEN_CONTROL;
    kind[259] = TOKEN_USER;
    struct slice merges[] = { SLICE("t h"), SLICE("th e") };
    struct vocab_spec spec = { .pre = pre, .name = name, .kind = kind, .n_name = 260,
                               .merge = merges, .n_merge = 2, .bos = TOKEN_NONE, .eos = TOKEN_NONE,
                               .adds_bos = -1 };
    struct tokenizer *t = NULL;
    enum status st = vocab_build(&spec, &t, NULL);
    assert(st == ST_OK);
    return t;
}

/* The bytes, a blank, a few pieces, as SentencePiece writes them. */
static struct tokenizer *make_spm(void)
{
    static const char *const more[] = { "\xe2\x96\x81", "t", "h", "th", "\xe2\x96\x81th", "<|x|>",
                                        "\xe2\x96\x81\xe2\x96\x81" };
    static char text[256][8];
    struct slice name[263];
    uint8_t kind[263];
    float score[263] = { 0 };
    memset(kind, TOKEN_BYTE, sizeof kind);
    for (int b = 0; b < 256; b++) {
        snprintf(text[b], sizeof *text, "<0x%02X>", (unsigned)b);
        name[b] = slice_of(text[b]);
    }
    for (int i = 0; i < 7; i++) {
        name[256 + i] = slice_of(more[i]);
        kind[256 + i] = i < 5 ? TOKEN_NORMAL : i == 5 ? TOKEN_CONTROL : TOKEN_USER;
        score[256 + i] = -(float)i;
    }
    struct vocab_spec spec = { .model = VOCAB_SPM, .name = name, .kind = kind, .n_name = 263,
                               .score = score, .bos = TOKEN_NONE, .eos = TOKEN_NONE,
                               .unk = TOKEN_NONE, .adds_bos = -1 };
    struct tokenizer *t = NULL;
    enum status st = vocab_build(&spec, &t, NULL);
    assert(st == ST_OK);
    return t;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { N_SPLIT = sizeof splits / sizeof *splits };
    static struct tokenizer *all[N_SPLIT + 1];
    struct slice text = { (const char *)data, size };
    for (int i = 0; i <= N_SPLIT; i++) {
        if (!all[i])
            all[i] = i < N_SPLIT ? make(splits[i]) : make_spm();
        struct token_list l = { 0 };
        struct str back = { 0 };
        enum status st = tokenizer_encode(all[i], text, ENCODE_DATA, true, &l, NULL);
        assert(st == ST_OK);
        for (uint32_t k = 0; k < l.n; k++)
            str_add_slice(&back, tokenizer_bytes(all[i], l.id[k]));
        bool composes = i < N_SPLIT && strcmp(splits[i], "qwen2") == 0;
        assert(composes || slice_eq(str_slice(&back), text));
        l.n = 0;
        st = tokenizer_encode(all[i], text, ENCODE_MARKUP, true, &l, NULL);
        assert(st == ST_OK);
        struct detok d = { 0 };
        str_cut(&back, 0);
        for (uint32_t k = 0; k < l.n; k++)
            detok_push(&d, tokenizer_bytes(all[i], l.id[k]), &back);
        detok_flush(&d, &back);
        assert(utf8_valid(str_slice(&back)));
        str_free(&back);
        token_list_free(&l);
    }
    return 0;
}
