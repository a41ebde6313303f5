/* load.c - reads a vocabulary out of a model file's metadata.
 *
 * What is read is checked here (lengths, kinds) so that vocab_build works on sound input.  What a
 * file asks for beyond byte-level and SentencePiece vocabularies is refused by name. */
#include <inttypes.h>

#include "base/alloc.h"
#include "runtime/tokenizer/vocab.h"

#define KEY "tokenizer.ggml."

static enum status read_strings(const struct bundle *b, const char *key, bool needed,
                                struct slice **ret, uint32_t *ret_n, struct error *err)
{
    uint64_t n = 0;
    *ret = NULL;
    *ret_n = 0;
    if (!bundle_array_len(b, key, &n) || n == 0) {
        if (!needed)
            return ST_OK;
        return error_set(err, ST_INVALID, "%s: no %s", bundle_path(b), key);
    }
    if (n > TOKENIZER_MAX_VOCAB)
        return error_set(err, ST_LIMIT, "%s: %" PRIu64 " entries in %s, at most %d are read",
                         bundle_path(b), n, key, TOKENIZER_MAX_VOCAB);
    struct slice *all = mem_calloc(n, sizeof *all);
    if (!all)
        return error_nomem(err);
    if (!bundle_array_strs(b, key, all, n)) {
        mem_free(all);
        return error_set(err, ST_INVALID, "%s: %s is not a list of strings", bundle_path(b), key);
    }
    *ret = all;
    *ret_n = (uint32_t)n;
    return ST_OK;
}

static enum status read_kinds(const struct bundle *b, uint32_t n, uint8_t **ret, struct error *err)
{
    uint64_t n_kind = 0;
    *ret = NULL;
    if (!bundle_array_len(b, KEY "token_type", &n_kind))
        return ST_OK;
    if (n_kind != n)
        return error_set(err, ST_INVALID, "%s: %" PRIu64 " token types for %u tokens",
                         bundle_path(b), n_kind, n);
    uint8_t *kind = mem_alloc(n);
    if (!kind)
        return error_nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        uint64_t k = 0;
        if (!bundle_array_u64(b, KEY "token_type", i, &k) || k < TOKEN_NORMAL || k > TOKEN_BYTE) {
            mem_free(kind);
            return error_set(err, ST_INVALID, "%s: token %u has no valid type", bundle_path(b), i);
        }
        kind[i] = (uint8_t)k;
    }
    *ret = kind;
    return ST_OK;
}

static uint32_t read_id(const struct bundle *b, const char *key)
{
    uint64_t id;
    return bundle_u64(b, key, &id) && id < TOKEN_NONE ? (uint32_t)id : TOKEN_NONE;
}

static enum status read_scores(const struct bundle *b, uint32_t n, float **ret, struct error *err)
{
    uint64_t n_score = 0;
    *ret = NULL;
    if (!bundle_array_len(b, KEY "scores", &n_score) || n_score != n)
        return error_set(err, ST_INVALID, "%s: %" PRIu64 " scores for %u tokens", bundle_path(b),
                         n_score, n);
    float *score = mem_calloc(n, sizeof *score);
    if (!score)
        return error_nomem(err);
    for (uint32_t i = 0; i < n; i++) {
        double x;
        if (!bundle_array_f64(b, KEY "scores", i, &x)) {
            mem_free(score);
            return error_set(err, ST_INVALID, "%s: the scores are no numbers", bundle_path(b));
        }
        score[i] = (float)x;
    }
    *ret = score;
    return ST_OK;
}

/* What the normaliser of a SentencePiece vocabulary may do beyond writing blanks. */
static enum status check_spm(const struct bundle *b, struct error *err)
{
    uint64_t n;
    bool removes;
    if (bundle_array_len(b, KEY "precompiled_charsmap", &n) && n > 0)
        return error_set(err, ST_UNSUPPORTED, "%s: a tokenizer with a map of characters is not "
                         "supported", bundle_path(b));
    if (bundle_bool(b, KEY "remove_extra_whitespaces", &removes) && removes)
        return error_set(err, ST_UNSUPPORTED, "%s: a tokenizer that removes blanks is not "
                         "supported", bundle_path(b));
    return ST_OK;
}

static enum status check_model(const struct bundle *b, enum vocab_model *ret_model,
                               struct slice *ret_pre, struct error *err)
{
    struct slice model;
    *ret_pre = SLICE("");
    *ret_model = VOCAB_BPE;
    if (!bundle_str(b, KEY "model", &model))
        return error_set(err, ST_INVALID, "%s: no tokenizer", bundle_path(b));
    if (slice_is(model, "llama")) {
        *ret_model = VOCAB_SPM;
        return check_spm(b, err);
    }
    if (!slice_is(model, "gpt2"))
        return error_set(err, ST_UNSUPPORTED, "%s: the tokenizer \"%.*s\" is not supported",
                         bundle_path(b), (int)(model.len < 64 ? model.len : 64), model.ptr);
    if (!bundle_str(b, KEY "pre", ret_pre))
        return error_set(err, ST_UNSUPPORTED, "%s: the pre-tokenizer is not named", bundle_path(b));
    return ST_OK;
}

static void read_rules(const struct bundle *b, struct vocab_spec *spec)
{
    bool yes;
    spec->bos = read_id(b, KEY "bos_token_id");
    spec->eos = read_id(b, KEY "eos_token_id");
    spec->unk = read_id(b, KEY "unknown_token_id");
    spec->adds_bos = bundle_bool(b, KEY "add_bos_token", &yes) ? yes : -1;
    spec->prefix_space = !bundle_bool(b, KEY "add_space_prefix", &yes) || yes;
}

enum status tokenizer_load(const struct bundle *b, struct tokenizer **ret, struct error *err)
{
    struct slice pre, *name = NULL, *merge = NULL;
    uint8_t *kind = NULL;
    char *pre_text = NULL;
    float *score = NULL;
    struct vocab_spec spec = { 0 };

    enum status st = check_model(b, &spec.model, &pre, err);
    if (st == ST_OK)
        st = read_strings(b, KEY "tokens", true, &name, &spec.n_name, err);
    if (st == ST_OK)
        st = read_kinds(b, spec.n_name, &kind, err);
    if (st == ST_OK && spec.model == VOCAB_SPM)
        st = read_scores(b, spec.n_name, &score, err);
    else if (st == ST_OK)
        st = read_strings(b, KEY "merges", false, &merge, &spec.n_merge, err);
    if (st == ST_OK && !(pre_text = mem_strndup(pre.ptr, pre.len)))
        st = error_nomem(err);
    if (st == ST_OK) {
        spec.pre = pre_text;
        spec.name = name;
        spec.kind = kind;
        spec.merge = merge;
        spec.score = score;
        read_rules(b, &spec);
        st = vocab_build(&spec, ret, err);
    }
    mem_free(pre_text);
    mem_free(name);
    mem_free(merge);
    mem_free(kind);
    mem_free(score);
    return st;
}
