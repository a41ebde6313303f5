/* fake_model.c - see fake_model.h.  256 bytes, merges of a few common letter groups, three control
 * tokens; written as GGUF so that the real loader reads it. */
#include "fake_model.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

static const char *const chat_template =
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + "
    "'\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}";

/* Pairs in order of rank; every result is a token. */
static const char *const merge[] = {
    "t h", "i n", "e r", "a n", "o n", "r e", "a t", "e n", "o r", "i s", "l l", "o u", "s t",
    "\u0120 t", "\u0120 a", "\u0120 s", "\u0120 w", "\u0120 c", "\u0120 b", "\u0120 d", "\u0120 p",
    "\u0120 n", "\u0120 y", "\u0120 m", "\u0120t h", "\u0120th e", "th e", "in g", "an d",
    "\u0120a n", "e s", "\u0120 re", "\u0120y e", "\u0120ye s", "\u0120n o", "\u0120c at",
    "\u0120d o", "\u0120do g", "1 2", "3 4", "5 6", "1 0", "0 0", "\" :", "\u0120 \"", "{ \"",
};

static void put32(struct str *s, uint32_t x)
{
    str_add(s, (const char *)&x, sizeof x);
}

static void put64(struct str *s, uint64_t x)
{
    str_add(s, (const char *)&x, sizeof x);
}

static void put_text(struct str *s, const char *text)
{
    put64(s, strlen(text));
    str_adds(s, text);
}

static void key_text(struct str *s, const char *key, const char *value)
{
    put_text(s, key);
    put32(s, 8);
    put_text(s, value);
}

static void key_u32(struct str *s, const char *key, uint32_t value)
{
    put_text(s, key);
    put32(s, 4);
    put32(s, value);
}

/* The character that byte-level vocabularies write for a byte. */
static void byte_char(unsigned b, struct str *out)
{
    bool plain = (b >= '!' && b <= '~') || (b >= 0xa1 && b <= 0xac) || b >= 0xae;
    unsigned n = 0;
    for (unsigned c = 0; c < b; c++)
        n += !((c >= '!' && c <= '~') || (c >= 0xa1 && c <= 0xac) || c >= 0xae);
    str_add_cp(out, plain ? b : 256 + n);
}

struct bundle *fake_model_open(uint32_t *ret_n_vocab)
{
    static struct str file;
    struct str *s = &file;
    uint32_t n_merge = sizeof merge / sizeof *merge;
    uint32_t n_vocab = 3 + 256 + n_merge;
    str_cut(s, 0);
    str_adds(s, "GGUF");
    put32(s, 3);
    put64(s, 0);
    put64(s, 12);
    key_text(s, "general.architecture", "llama");
    key_text(s, "general.name", "fake");
    key_u32(s, "general.alignment", 32);
    key_u32(s, "llama.context_length", 4096);
    key_text(s, "tokenizer.ggml.model", "gpt2");
    key_text(s, "tokenizer.ggml.pre", "smollm");
    key_u32(s, "tokenizer.ggml.bos_token_id", FAKE_IM_START);
    key_u32(s, "tokenizer.ggml.eos_token_id", FAKE_IM_END);
    key_text(s, "tokenizer.chat_template", chat_template);

    put_text(s, "tokenizer.ggml.tokens");
    put32(s, 9), put32(s, 8), put64(s, n_vocab);
    put_text(s, "<|endoftext|>"), put_text(s, "<|im_start|>"), put_text(s, "<|im_end|>");
    for (unsigned b = 0; b < 256; b++) {
        struct str c = {0};
        byte_char(b, &c);
        put_text(s, c.ptr);
        str_free(&c);
    }
    for (uint32_t i = 0; i < n_merge; i++) {
        char text[32];
        size_t n = 0;
        for (const char *p = merge[i]; *p; p++) {
            if (*p != ' ')
                text[n++] = *p;
        }
        text[n] = 0;
        put_text(s, text);
    }
    put_text(s, "tokenizer.ggml.token_type");
    put32(s, 9), put32(s, 5), put64(s, n_vocab);
    for (uint32_t i = 0; i < n_vocab; i++)
        put32(s, i < 3 ? 3 : 1);
    put_text(s, "tokenizer.ggml.merges");
    put32(s, 9), put32(s, 8), put64(s, n_merge);
    for (uint32_t i = 0; i < n_merge; i++)
        put_text(s, merge[i]);

    struct bundle *b;
    struct error err;
    if (bundle_open_memory((const uint8_t *)s->ptr, s->len, &b, &err) != ST_OK) {
        fprintf(stderr, "fake model: %s\n", err.text);
        return NULL;
    }
    *ret_n_vocab = n_vocab;
    return b;
}
