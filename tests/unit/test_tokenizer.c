#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/tokenizer/vocab.h"
#include "suites.h"

/* All bytes as tokens 0..255 in the order of the byte alphabet, then merges and added tokens:
 *     256 "he"  257 "hel"  258 "lo"  259 "Ġhe"  260 <|end|> (control)  261 <tool> (user)
 *     262 <tool>> (user)  263 unused */
struct tiny {
    char         byte_text[256][3];
    struct slice name[264];
    uint8_t      kind[264];
};

static const struct slice merges[] = {
    { "h e", 3 }, { "he l", 4 }, { "l o", 3 }, { "\xc4\xa0 he", 5 },
};

static void byte_name(uint8_t b, char out[3], size_t *ret_len)
{
    uint32_t cp = b;
    if (b <= 0x20)
        cp = 0x100u + b;
    else if (b >= 0x7f && b <= 0xa0)
        cp = 0x121u + (b - 0x7fu);
    else if (b == 0xad)
        cp = 0x143;
    if (cp < 0x80) {
        out[0] = (char)cp;
        *ret_len = 1;
        return;
    }
    out[0] = (char)(0xc0 | cp >> 6);
    out[1] = (char)(0x80 | (cp & 0x3f));
    *ret_len = 2;
}

static struct tokenizer *make(const char *pre)
{
    static struct tiny v;
    for (int b = 0; b < 256; b++) {
        size_t len;
        byte_name((uint8_t)b, v.byte_text[b], &len);
        v.name[b] = (struct slice){ v.byte_text[b], len };
    }
    memset(v.kind, TOKEN_NORMAL, sizeof v.kind);
    static const char *const more[] = { "he", "hel", "lo", "\xc4\xa0he", "<|end|>", "<tool>",
                                        "<tool>>", "spare" };
    for (int i = 0; i < 8; i++)
        v.name[256 + i] = slice_of(more[i]);
    v.kind[260] = TOKEN_CONTROL;
    v.kind[261] = v.kind[262] = TOKEN_USER;
    v.kind[263] = TOKEN_UNUSED;
    struct vocab_spec spec = { .pre = pre, .name = v.name, .kind = v.kind, .n_name = 264,
                               .merge = merges, .n_merge = 4, .bos = 260, .eos = 260,
                               .adds_bos = -1 };
    struct tokenizer *t = NULL;
    struct error err = { 0 };
    ck_assert_msg(vocab_build(&spec, &t, &err) == ST_OK, "%s", err.text);
    return t;
}

static void expect(const struct tokenizer *t, struct slice text, enum encode_mode mode, int n, ...)
{
    struct token_list l = { 0 };
    struct error err = { 0 };
    va_list ap;
    ck_assert_int_eq(tokenizer_encode(t, text, mode, true, &l, &err), ST_OK);
    ck_assert_uint_eq(l.n, (unsigned)n);
    va_start(ap, n);
    for (int i = 0; i < n; i++)
        ck_assert_uint_eq(l.id[i], va_arg(ap, unsigned));
    va_end(ap);
    token_list_free(&l);
}

START_TEST(merges_by_rank)
{
    int64_t live = mem_live_blocks();
    struct tokenizer *t = make("gpt-2");
    expect(t, SLICE("hello"), ENCODE_DATA, 2, 257u, 258u);
    expect(t, SLICE("hell"), ENCODE_DATA, 2, 257u, (unsigned)'l');
    expect(t, SLICE("x hello"), ENCODE_DATA, 4, (unsigned)'x', (unsigned)' ', 257u, 258u);
    expect(t, SLICE("x hex"), ENCODE_DATA, 3, (unsigned)'x', 259u, (unsigned)'x');
    expect(t, SLICE(""), ENCODE_DATA, 0);
    expect(t, SLICE("\xff\xfe"), ENCODE_DATA, 2, 0xffu, 0xfeu);
    expect(t, SLICE("a\xc3"), ENCODE_DATA, 2, (unsigned)'a', 0xc3u);
    tokenizer_free(t);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

START_TEST(control_tokens_need_markup)
{
    struct tokenizer *t = make("gpt-2");
    expect(t, SLICE("<|end|>"), ENCODE_MARKUP, 1, 260u);
    struct token_list l = { 0 };
    ck_assert_int_eq(tokenizer_encode(t, SLICE("a<|end|>"), ENCODE_DATA, true, &l, NULL), ST_OK);
    ck_assert_uint_eq(l.n, 8);
    for (uint32_t i = 0; i < l.n; i++)
        ck_assert(!tokenizer_is_control(t, l.id[i]));
    token_list_free(&l);
    expect(t, SLICE("<tool>"), ENCODE_DATA, 1, 261u);
    expect(t, SLICE("<tool>>"), ENCODE_DATA, 1, 262u);
    expect(t, SLICE("<tool"), ENCODE_DATA, 5, (unsigned)'<', (unsigned)'t', (unsigned)'o',
           (unsigned)'o', (unsigned)'l');
    ck_assert_uint_eq(tokenizer_find_control(t, SLICE("<|end|>")), 260);
    ck_assert_uint_eq(tokenizer_find_control(t, SLICE("<tool>")), TOKEN_NONE);
    ck_assert_uint_eq(tokenizer_find_bytes(t, SLICE(" he")), 259);
    ck_assert_uint_eq(tokenizer_find_bytes(t, SLICE("<|end|>")), TOKEN_NONE);
    ck_assert(tokenizer_is_unused(t, 263) && tokenizer_is_unused(t, 264));
    ck_assert_uint_eq(tokenizer_bytes(t, 260).len, 0);
    ck_assert(slice_is(tokenizer_name(t, 260), "<|end|>"));
    tokenizer_free(t);
}
END_TEST

START_TEST(pieces_are_one_text)
{
    struct tokenizer *t = make("gpt-2");
    struct token_list l = { 0 };
    struct text_piece pieces[] = {
        { true, SLICE("<|end|>h") }, { false, SLICE("el<|end|>lo") }, { true, SLICE("<|e") },
        { false, SLICE("nd|>") }, { true, SLICE("<|en") }, { true, SLICE("d|>") },
    };
    ck_assert_int_eq(tokenizer_encode_pieces(t, pieces, 6, &l, NULL), ST_OK);
    ck_assert_uint_eq(l.id[0], 260);
    ck_assert_uint_eq(l.id[1], 257);        /* "hel" across the border */
    unsigned n_control = 0;
    for (uint32_t i = 0; i < l.n; i++)
        n_control += tokenizer_is_control(t, l.id[i]);
    ck_assert_uint_eq(n_control, 2);        /* the first and the last, none that data helped to spell */
    ck_assert_uint_eq(l.id[l.n - 1], 260);
    token_list_free(&l);
    tokenizer_free(t);
}
END_TEST

START_TEST(splits_by_name)
{
    struct tokenizer *t = make("llama-bpe");
    ck_assert(tokenizer_adds_bos(t) && tokenizer_bos(t) == 260 && tokenizer_eos(t) == 260);
    expect(t, SLICE("spare"), ENCODE_DATA, 5, (unsigned)'s', (unsigned)'p', (unsigned)'a',
           (unsigned)'r', (unsigned)'e');
    expect(t, SLICE("lo"), ENCODE_DATA, 1, 258u);
    uint64_t hash = tokenizer_hash(t);
    tokenizer_free(t);
    t = make("qwen2");
    ck_assert(!tokenizer_adds_bos(t));
    ck_assert(tokenizer_hash(t) != hash);
    tokenizer_free(t);
}
END_TEST

START_TEST(refuses_by_name)
{
    struct slice name = SLICE("a");
    struct slice bad[] = { SLICE("a b"), SLICE("ab"), SLICE("a "), SLICE("") };
    struct vocab_spec spec = { .pre = "deepseek-v9", .name = &name, .n_name = 1, .bos = TOKEN_NONE,
                               .eos = TOKEN_NONE, .adds_bos = -1 };
    struct tokenizer *t = NULL;
    struct error err = { 0 };
    ck_assert_int_eq(vocab_build(&spec, &t, &err), ST_UNSUPPORTED);
    ck_assert(strstr(err.text, "deepseek-v9"));
    spec.pre = "gpt-2";
    for (int i = 0; i < 4; i++) {
        spec.merge = &bad[i];
        spec.n_merge = 1;
        ck_assert_int_eq(vocab_build(&spec, &t, &err), ST_INVALID);
    }
    spec.n_name = 0;
    ck_assert_int_eq(vocab_build(&spec, &t, &err), ST_LIMIT);
}
END_TEST

START_TEST(long_words_stay_cheap)
{
    struct tokenizer *t = make("gpt-2");
    enum { N = 200000 };
    char *text = mem_alloc(2 * N);
    for (int i = 0; i < N; i++)
        memcpy(text + 2 * i, "he", 2);
    struct token_list l = { 0 };
    ck_assert_int_eq(tokenizer_encode(t, (struct slice){ text, 2 * N }, ENCODE_DATA, true, &l,
                                      NULL),
                     ST_OK);
    ck_assert_uint_eq(l.n, N);
    token_list_free(&l);
    mem_free(text);
    tokenizer_free(t);
}
END_TEST

START_TEST(detok_holds_back_halves)
{
    struct detok d = { 0 };
    struct str out = { 0 };
    detok_push(&d, SLICE("a\xe2\x82"), &out);
    ck_assert(slice_is(str_slice(&out), "a"));
    detok_push(&d, SLICE("\xac" "b"), &out);
    ck_assert(slice_is(str_slice(&out), "a\xe2\x82\xac" "b"));
    str_cut(&out, 0);
    detok_push(&d, SLICE("\xf0\x9f"), &out);
    detok_push(&d, SLICE("x"), &out);
    ck_assert(slice_is(str_slice(&out), "\xef\xbf\xbdx"));
    str_cut(&out, 0);
    detok_push(&d, SLICE("\xff\x80\xed\xa0\x80"), &out);
    ck_assert_uint_eq(out.len, 15);
    detok_push(&d, SLICE("\xe2"), &out);
    detok_flush(&d, &out);
    ck_assert_uint_eq(out.len, 18);
    detok_flush(&d, &out);
    ck_assert_uint_eq(out.len, 18);
    str_free(&out);
}
END_TEST

/* 0 <unk>  1 <s>  2 </s>  3..258 the bytes  259 blank  260 a  261 b  262 ab  263 "▁ab"  264 aba
 * 265 <tool> (user); of "ab", "▁ab" and "aba" the scores prefer the first. */
static enum status make_spm(bool prefix, bool with_bytes, float first, struct tokenizer **ret,
                            struct error *err)
{
    static const char *const more[] = { "\xe2\x96\x81", "a", "b", "ab", "\xe2\x96\x81" "ab", "aba",
                                        "<tool>" };
    char byte_text[256][8];
    struct slice name[266] = { SLICE("<unk>"), SLICE("<s>"), SLICE("</s>") };
    uint8_t kind[266] = { TOKEN_UNKNOWN, TOKEN_CONTROL, TOKEN_CONTROL };
    float score[266] = { 0 };
    for (int b = 0; b < 256; b++) {
        snprintf(byte_text[b], sizeof *byte_text, "<0x%02X>", (unsigned)b);
        name[3 + b] = slice_of(byte_text[b]);
        kind[3 + b] = with_bytes ? TOKEN_BYTE : TOKEN_UNUSED;
    }
    for (int i = 0; i < 7; i++) {
        name[259 + i] = slice_of(more[i]);
        kind[259 + i] = i == 6 ? TOKEN_USER : TOKEN_NORMAL;
        score[259 + i] = i < 3 ? -10.0f - (float)i : -1.0f - (float)i;
    }
    score[0] = first;
    struct vocab_spec spec = { .model = VOCAB_SPM, .name = name, .kind = kind, .n_name = 266,
                               .score = score, .prefix_space = prefix, .bos = 1, .eos = 2,
                               .unk = 0, .adds_bos = -1 };
    return vocab_build(&spec, ret, err);
}

START_TEST(sentencepiece_merges)
{
    int64_t live = mem_live_blocks();
    struct tokenizer *t = NULL;
    ck_assert_int_eq(make_spm(true, true, 0, &t, NULL), ST_OK);
    ck_assert(tokenizer_adds_bos(t));
    expect(t, SLICE("ab"), ENCODE_DATA, 1, 263u);
    expect(t, SLICE(""), ENCODE_DATA, 0);
    expect(t, SLICE("aba"), ENCODE_DATA, 2, 263u, 260u);
    expect(t, SLICE("baba"), ENCODE_DATA, 3, 259u, 261u, 264u);
    expect(t, SLICE("a\xff"), ENCODE_DATA, 3, 259u, 260u, 3u + 0xffu);
    expect(t, SLICE("\xe2\x96\x81"), ENCODE_DATA, 4, 259u, 3u + 0xe2u, 3u + 0x96u, 3u + 0x81u);
    /* A blank behind a control token, none behind an added one, and data spells no control. */
    expect(t, SLICE("<s>ab</s>"), ENCODE_MARKUP, 3, 1u, 263u, 2u);
    expect(t, SLICE("ab<tool>ab"), ENCODE_DATA, 3, 263u, 265u, 262u);
    expect(t, SLICE("<tool>"), ENCODE_DATA, 2, 259u, 265u);
    expect(t, SLICE("<s>"), ENCODE_DATA, 4, 259u, 3u + '<', 3u + 's', 3u + '>');
    struct token_list l = { 0 };
    ck_assert_int_eq(tokenizer_encode(t, SLICE("ab"), ENCODE_DATA, false, &l, NULL), ST_OK);
    ck_assert(l.n == 1 && l.id[0] == 262);
    token_list_free(&l);
    ck_assert(slice_is(tokenizer_bytes(t, 263), " ab"));
    ck_assert(slice_is(tokenizer_bytes(t, 3 + '\n'), "\n"));
    ck_assert_uint_eq(tokenizer_find_bytes(t, SLICE("a")), 260);
    ck_assert(tokenizer_has_byte(t, 0xff));
    uint64_t hash = tokenizer_hash(t);
    tokenizer_free(t);
    ck_assert_int_eq(make_spm(false, true, 0, &t, NULL), ST_OK);
    ck_assert(hash != tokenizer_hash(t));
    expect(t, SLICE("ab"), ENCODE_DATA, 1, 262u);
    expect(t, SLICE(" ab"), ENCODE_DATA, 1, 263u);
    tokenizer_free(t);
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

START_TEST(sentencepiece_without_bytes)
{
    int64_t live = mem_live_blocks();
    struct tokenizer *t = NULL;
    struct error err = { 0 };
    ck_assert_int_eq(make_spm(false, false, 0, &t, NULL), ST_OK);
    expect(t, SLICE("axyab\xff"), ENCODE_DATA, 4, 260u, 0u, 262u, 0u);     /* one for two */
    ck_assert(!tokenizer_has_byte(t, 'x') && tokenizer_has_byte(t, 'a'));
    tokenizer_free(t);
    ck_assert_int_eq(make_spm(false, true, nanf(""), &t, &err), ST_INVALID);
    ck_assert_str_eq(err.text, "token 0 has no score");
    ck_assert_int_eq(mem_live_blocks(), live);
}
END_TEST

Suite *suite_tokenizer(void)
{
    Suite *s = suite_create("tokenizer");
    TCase *c = tcase_create("tokenizer");
    tcase_set_timeout(c, 30);
    tcase_add_test(c, merges_by_rank);
    tcase_add_test(c, control_tokens_need_markup);
    tcase_add_test(c, pieces_are_one_text);
    tcase_add_test(c, splits_by_name);
    tcase_add_test(c, refuses_by_name);
    tcase_add_test(c, long_words_stay_cheap);
    tcase_add_test(c, detok_holds_back_halves);
    tcase_add_test(c, sentencepiece_merges);
    tcase_add_test(c, sentencepiece_without_bytes);
    suite_add_tcase(s, c);
    return s;
}
