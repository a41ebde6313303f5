/* pretok.c - the named first splits, over PCRE2.
 *
 * The vocabularies name their split ("llama-bpe"); the expressions below are those that their
 * makers published, with two changes that keep the meaning.  White space is spelled as a class,
 * because the blanks of \s differ between regex engines (U+180E is one in PCRE2 and none in
 * Unicode).  "Every number sign alone, then GPT-2" is one expression: a blank in front of a number
 * ends its segment there, so the look-ahead counts a number sign as an end.
 *
 * Matching runs under the JIT compiler where there is one; where its stack is too small for a
 * text, the interpreter takes over with the same answer. */
#define PCRE2_CODE_UNIT_WIDTH 8

#include "runtime/tokenizer/pretok.h"

#include <pcre2.h>

#include "base/alloc.h"

#define WS "\\x09-\\x0d\\x20\\x85\\xa0\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}" \
           "\\x{202f}\\x{205f}\\x{3000}"

#define SPLIT_GPT2                                                                      \
    "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^" WS "\\p{L}\\p{N}]+"              \
    "|[" WS "]+(?![^" WS "])|[" WS "]+"

#define SPLIT_DIGITS_GPT2                                                               \
    "\\p{N}|'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?[^" WS "\\p{L}\\p{N}]+"                 \
    "|[" WS "]+(?![^" WS "\\p{N}])|[" WS "]+"

/* The number sign rule is all that differs between the two. */
#define SPLIT_CL100K(number)                                                            \
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|" number                \
    "| ?[^" WS "\\p{L}\\p{N}]+[\\r\\n]*|[" WS "]*[\\r\\n]+|[" WS "]+(?![^" WS "])|[" WS "]+"

static const struct pretok_row rows[] = {
    { "gpt-2", SPLIT_GPT2, false, false, false },
    { "gpt2", SPLIT_GPT2, false, false, false },
    { "llama-bpe", SPLIT_CL100K("\\p{N}{1,3}"), true, true, false },
    { "llama-v3", SPLIT_CL100K("\\p{N}{1,3}"), true, true, false },
    { "llama3", SPLIT_CL100K("\\p{N}{1,3}"), true, true, false },
    { "qwen2", SPLIT_CL100K("\\p{N}"), false, false, true },
    { "smollm", SPLIT_DIGITS_GPT2, false, false, false },
};

struct pretok {
    pcre2_code            *code;
    pcre2_general_context *general;
};

const struct pretok_row *pretok_find(struct slice name)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (slice_is(name, rows[i].name))
            return &rows[i];
    return NULL;
}

static void *hook_alloc(size_t size, void *ctx)
{
    (void)ctx;
    return mem_alloc(size);
}

static void hook_free(void *ptr, void *ctx)
{
    (void)ctx;
    mem_free(ptr);
}

enum status pretok_new(const struct pretok_row *row, struct pretok **ret, struct error *err)
{
    struct pretok *p = mem_zalloc(sizeof *p);
    if (!p)
        return error_nomem(err);
    p->general = pcre2_general_context_create(hook_alloc, hook_free, NULL);
    if (!p->general) {
        pretok_free(p);
        return error_nomem(err);
    }

    pcre2_compile_context *cc = pcre2_compile_context_create(p->general);
    int code = 0;
    size_t at = 0;
    if (cc)
        p->code = pcre2_compile((PCRE2_SPTR)row->pattern, PCRE2_ZERO_TERMINATED,
                                PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C, &code, &at, cc);
    pcre2_compile_context_free(cc);
    if (!p->code) {
        pretok_free(p);
        if (!code)
            return error_nomem(err);
        return error_set(err, ST_INTERNAL, "the split \"%s\" does not compile: error %d at %zu",
                         row->name, code, at);
    }
    pcre2_jit_compile(p->code, PCRE2_JIT_COMPLETE);     /* without it the interpreter serves */
    *ret = p;
    return ST_OK;
}

void pretok_free(struct pretok *p)
{
    if (!p)
        return;
    pcre2_code_free(p->code);
    pcre2_general_context_free(p->general);
    mem_free(p);
}

enum status pretok_open(const struct pretok *p, struct pretok_walk *w, struct error *err)
{
    *w = (struct pretok_walk){ .p = p };
    w->match = pcre2_match_data_create(1, p->general);
    w->context = pcre2_match_context_create(p->general);
    if (!w->match || !w->context) {
        pretok_close(w);
        return error_nomem(err);
    }
    /* The expressions are linear on any text that a caller can hold; a long run of blanks may
     * take as many steps as it has bytes. */
    pcre2_set_match_limit(w->context, UINT32_MAX);
    pcre2_set_heap_limit(w->context, UINT32_MAX);
    pcre2_set_depth_limit(w->context, UINT32_MAX);
    return ST_OK;
}

void pretok_text(struct pretok_walk *w, struct slice text)
{
    w->text = text;
    w->off = 0;
}

enum status pretok_next(struct pretok_walk *w, struct slice *ret_piece, struct error *err)
{
    if (w->off >= w->text.len)
        return ST_END;

    PCRE2_SPTR text = (PCRE2_SPTR)w->text.ptr;
    int rc = pcre2_match(w->p->code, text, w->text.len, w->off, PCRE2_NO_UTF_CHECK, w->match,
                         w->context);
    if (rc == PCRE2_ERROR_JIT_STACKLIMIT)
        rc = pcre2_match(w->p->code, text, w->text.len, w->off, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT,
                         w->match, w->context);
    if (rc == PCRE2_ERROR_NOMEMORY)
        return error_nomem(err);
    if (rc < 0 && rc != PCRE2_ERROR_NOMATCH)
        return error_set(err, ST_INTERNAL, "splitting text failed: error %d", rc);

    const size_t *at = pcre2_get_ovector_pointer(w->match);
    size_t end = w->text.len;
    if (rc >= 0 && at[0] > w->off)
        end = at[0];                        /* what no alternative takes is a piece of its own */
    else if (rc >= 0 && at[1] > w->off)
        end = at[1];
    *ret_piece = slice_sub(w->text, w->off, end - w->off);
    w->off = end;
    return ST_OK;
}

void pretok_close(struct pretok_walk *w)
{
    pcre2_match_data_free(w->match);
    pcre2_match_context_free(w->context);
    *w = (struct pretok_walk){ 0 };
}
