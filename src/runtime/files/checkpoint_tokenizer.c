/* checkpoint_tokenizer.c - tokenizer.json to the keys of a GGUF file.
 *
 * Two forms are read: byte-level BPE, whose split is recognised by its expression, and BPE with
 * bytes to fall back to, which is SentencePiece written down as merges.  The rank of the first
 * merge that makes a token stands for its score there.  Everything else is refused by name. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "runtime/files/checkpoint_int.h"

enum { MAX_VOCAB = 1 << 22 };

/* Kinds of tokens as GGUF files count them. */
enum { KIND_NORMAL = 1, KIND_UNKNOWN, KIND_CONTROL, KIND_USER, KIND_UNUSED, KIND_BYTE };

struct form {
    struct bundle *b;
    const json_t  *root, *model;
    bool           is_spm;
    struct slice  *name;        /* [n] */
    int32_t       *kind;        /* [n] */
    uint32_t       n;
    struct error  *err;
};

static enum status refuse(const struct form *f, enum status st, const char *what,
                          const char *which)
{
    return error_set(f->err, st, "%s: tokenizer.json: %s%.64s", f->b->path, what,
                     which ? which : "(unnamed)");
}

static const char *type_of(const json_t *v)
{
    return json_string_value(json_object_get(v, "type"));
}

static bool is_type(const json_t *v, const char *type)
{
    const char *has = type_of(v);
    return has && strcmp(has, type) == 0;
}

/* ---- the rules before the merges ---- */

/* Part i of a Sequence, or the thing itself as its only part. */
static const json_t *part(const json_t *v, const char *list, size_t i)
{
    if (is_type(v, "Sequence"))
        return json_array_get(json_object_get(v, list), i);
    return i == 0 && json_is_object(v) ? v : NULL;
}

static const json_t *find_part(const json_t *v, const char *list, const char *type)
{
    const json_t *p;
    for (size_t i = 0; (p = part(v, list, i)); i++)
        if (is_type(p, type))
            return p;
    return NULL;
}

#define LEAD "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|"
#define TAIL "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"

/* The name that GGUF files have for a split, or NULL. */
static const char *split_name(const json_t *root, const json_t *model)
{
    const json_t *pre = json_object_get(root, "pre_tokenizer");
    const json_t *first = part(pre, "pretokenizers", 0), *second = part(pre, "pretokenizers", 1);
    if (part(pre, "pretokenizers", 2) || !first)
        return NULL;
    const json_t *norm = json_object_get(root, "normalizer");
    bool composes = is_type(norm, "NFC");
    if (json_is_object(norm) && !composes)
        return NULL;
    const json_t *level = second ? second : first;
    if (!is_type(level, "ByteLevel") || json_is_true(json_object_get(level, "add_prefix_space")))
        return NULL;
    bool own_split = !json_is_false(json_object_get(level, "use_regex"));
    if (!second)
        return own_split && !composes ? "gpt-2" : NULL;
    if (is_type(first, "Digits"))
        return own_split && !composes && json_is_true(json_object_get(first, "individual_digits"))
             ? "smollm" : NULL;
    const char *regex = json_string_value(json_object_get(json_object_get(first, "pattern"),
                                                          "Regex"));
    const char *behaviour = json_string_value(json_object_get(first, "behavior"));
    if (!is_type(first, "Split") || !regex || !behaviour || strcmp(behaviour, "Isolated") != 0 ||
        own_split)
        return NULL;
    if (composes && strcmp(regex, LEAD "\\p{N}" TAIL) == 0)
        return "qwen2";
    bool whole = json_is_true(json_object_get(model, "ignore_merges"));
    return !composes && whole && strcmp(regex, LEAD "\\p{N}{1,3}" TAIL) == 0 ? "llama-bpe" : NULL;
}

/* Whether a blank is put in front of a text; ST_UNSUPPORTED for rules beyond writing blanks. */
static enum status spm_rules(const struct form *f, bool *ret_prefix)
{
    const json_t *norm = json_object_get(f->root, "normalizer"), *p;
    const json_t *pre = json_object_get(f->root, "pre_tokenizer");
    *ret_prefix = false;
    for (size_t i = 0; (p = part(norm, "normalizers", i)); i++) {
        if (is_type(p, "Prepend"))
            *ret_prefix = true;
        else if (!is_type(p, "Replace"))
            return refuse(f, ST_UNSUPPORTED, "this normaliser is not supported: ", type_of(p));
    }
    const json_t *meta = find_part(pre, "pretokenizers", "Metaspace");
    const char *scheme = json_string_value(json_object_get(meta, "prepend_scheme"));
    if (meta)
        *ret_prefix = scheme ? strcmp(scheme, "never") != 0
                             : !json_is_false(json_object_get(meta, "add_prefix_space"));
    else if (json_is_object(pre) && !is_type(pre, "Split"))
        return refuse(f, ST_UNSUPPORTED, "this split is not supported: ", type_of(pre));
    return ST_OK;
}

static enum status put_rules(const struct form *f)
{
    struct slice model = f->is_spm ? SLICE("llama") : SLICE("gpt2");
    bundle_put_str(f->b, "tokenizer.ggml.model", model);
    if (f->is_spm) {
        bool prefix;
        enum status st = spm_rules(f, &prefix);
        bundle_put_bool(f->b, "tokenizer.ggml.add_space_prefix", prefix);
        return st;
    }
    const char *pre = split_name(f->root, f->model);
    if (!pre)
        return refuse(f, ST_UNSUPPORTED, "the split or normaliser is not supported",  "");
    bundle_put_str(f->b, "tokenizer.ggml.pre", slice_of(pre));
    return ST_OK;
}

/* ---- the vocabulary ---- */

static enum status take_id(const struct form *f, const json_t *v, uint32_t *ret)
{
    if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) >= MAX_VOCAB)
        return refuse(f, ST_INVALID, "a token has no usable id", "");
    *ret = (uint32_t)json_integer_value(v);
    return ST_OK;
}

/* The size of the vocabulary: behind the highest id, and at least that of the embedding. */
static enum status count(struct form *f, const json_t *config, const json_t *vocab,
                         const json_t *added)
{
    const char *name;
    json_t *v;
    size_t i;
    uint32_t id, n = 0;
    enum status st;
    json_object_foreach((json_t *)vocab, name, v) {
        if ((st = take_id(f, v, &id)))
            return st;
        n = id + 1 > n ? id + 1 : n;
    }
    json_array_foreach(added, i, v) {
        if ((st = take_id(f, json_object_get(v, "id"), &id)))
            return st;
        n = id + 1 > n ? id + 1 : n;
    }
    json_int_t embedded = json_integer_value(json_object_get(config, "vocab_size"));
    if (embedded > n && embedded <= MAX_VOCAB)
        n = (uint32_t)embedded;
    if (n == 0)
        return refuse(f, ST_INVALID, "no tokens", "");
    f->n = n;
    f->name = arena_array(&f->b->own, n, sizeof *f->name);
    f->kind = arena_array(&f->b->own, n, sizeof *f->kind);
    return f->name && f->kind ? ST_OK : error_nomem(f->err);
}

static int32_t kind_of(const struct form *f, const char *name, const char *unk)
{
    if (!f->is_spm)
        return KIND_NORMAL;
    if (unk && strcmp(name, unk) == 0)
        return KIND_UNKNOWN;
    return strlen(name) == 6 && strncmp(name, "<0x", 3) == 0 && name[5] == '>' ? KIND_BYTE
                                                                               : KIND_NORMAL;
}

static enum status fill(struct form *f, const json_t *vocab, const json_t *added)
{
    const char *name, *unk = json_string_value(json_object_get(f->model, "unk_token"));
    json_t *v;
    size_t i;
    uint32_t id;
    json_object_foreach((json_t *)vocab, name, v) {
        take_id(f, v, &id);
        if (f->kind[id])
            return refuse(f, ST_INVALID, "two tokens have one id: ", name);
        f->name[id] = slice_of(name);
        f->kind[id] = kind_of(f, name, unk);
    }
    json_array_foreach(added, i, v) {
        const json_t *text = json_object_get(v, "content");
        take_id(f, json_object_get(v, "id"), &id);
        if (!json_is_string(text))
            return refuse(f, ST_INVALID, "an added token has no text", "");
        f->name[id] = (struct slice){ json_string_value(text), json_string_length(text) };
        if (f->kind[id] != KIND_UNKNOWN && f->kind[id] != KIND_BYTE)
            f->kind[id] = json_is_true(json_object_get(v, "special")) ? KIND_CONTROL : KIND_USER;
        if (f->kind[id] == KIND_UNKNOWN)
            bundle_put_u64(f->b, "tokenizer.ggml.unknown_token_id", id);
    }
    for (id = 0; id < f->n; id++)
        if (!f->kind[id]) {
            f->kind[id] = KIND_UNUSED;
            f->name[id] = slice_of(arena_printf(&f->b->own, "[PAD%u]", id));
        }
    return f->b->own.failed ? error_nomem(f->err) : ST_OK;
}

/* ---- merges ---- */

/* Both forms of a merge: "left right", and a list of the two. */
static bool merge_sides(const json_t *m, struct slice *left, struct slice *right)
{
    if (json_array_size(m) == 2) {
        const json_t *l = json_array_get(m, 0), *r = json_array_get(m, 1);
        *left = (struct slice){ json_string_value(l), json_string_length(l) };
        *right = (struct slice){ json_string_value(r), json_string_length(r) };
        return left->len && right->len;
    }
    struct slice all = { json_string_value(m), json_string_length(m) };
    size_t blank = slice_find(all, SLICE(" "));
    if (!all.ptr || blank == SIZE_MAX || blank == 0 || blank + 1 >= all.len)
        return false;
    *left = slice_sub(all, 0, blank);
    *right = slice_sub(all, blank + 1, all.len);
    return true;
}

static enum status put_merges(const struct form *f, const json_t *merges)
{
    size_t n = json_array_size(merges);
    if (n > MAX_VOCAB)
        return refuse(f, ST_LIMIT, "too many merges", "");
    struct slice *text = mem_calloc(n + 1, sizeof *text);
    enum status st = text ? ST_OK : error_nomem(f->err);
    for (size_t i = 0; i < n && st == ST_OK; i++) {
        struct slice l, r;
        if (!merge_sides(json_array_get(merges, i), &l, &r))
            st = refuse(f, ST_INVALID, "a merge is not a pair", "");
        else
            text[i] = slice_of(arena_printf(&f->b->own, "%.*s %.*s", (int)l.len, l.ptr,
                                            (int)r.len, r.ptr));
    }
    if (st == ST_OK)
        bundle_put_strs(f->b, "tokenizer.ggml.merges", text, (uint32_t)n);
    mem_free(text);
    return st;
}

static enum status put_scores(const struct form *f, const json_t *vocab, const json_t *merges)
{
    float *score = mem_calloc(f->n, sizeof *score);
    struct str joined = { 0 };
    enum status st = score ? ST_OK : error_nomem(f->err);
    for (uint32_t i = 0; score && i < f->n; i++)
        score[i] = -INFINITY;
    for (size_t i = 0; i < json_array_size(merges) && st == ST_OK; i++) {
        struct slice l, r;
        if (!merge_sides(json_array_get(merges, i), &l, &r)) {
            st = refuse(f, ST_INVALID, "a merge is not a pair", "");
            break;
        }
        str_cut(&joined, 0);
        str_add_slice(&joined, l);
        str_add_slice(&joined, r);
        const json_t *id = joined.failed ? NULL : json_object_get(vocab, joined.ptr);
        if (joined.failed)
            st = error_nomem(f->err);
        else if (!id)
            st = refuse(f, ST_INVALID, "a merge makes no token: ", joined.ptr);
        else if (isinf(score[json_integer_value(id)]))
            score[json_integer_value(id)] = -(float)(i + 1);
    }
    if (st == ST_OK)
        bundle_put_array(f->b, "tokenizer.ggml.scores", BE_F32, score, f->n);
    str_free(&joined);
    mem_free(score);
    return st;
}

/* ---- begin and end ---- */

static const char *token_text(const json_t *from, const char *name)
{
    const json_t *v = json_object_get(from, name);
    return json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);
}

/* By its text, or by the number (or the first of the numbers) in config.json. */
static void put_named(const struct form *f, const json_t *config, const json_t *names,
                      const char *text_key, const char *id_key, const char *key)
{
    const char *text = token_text(names, text_key);
    for (uint32_t i = 0; text && i < f->n; i++)
        if (f->kind[i] != KIND_UNUSED && slice_is(f->name[i], text)) {
            bundle_put_u64(f->b, key, i);
            return;
        }
    const json_t *id = json_object_get(config, id_key);
    if (json_is_array(id))
        id = json_array_get(id, 0);
    if (json_is_integer(id) && json_integer_value(id) >= 0 && json_integer_value(id) < f->n)
        bundle_put_u64(f->b, key, (uint64_t)json_integer_value(id));
}

/* The template for one text begins with a special token. */
static bool template_adds_bos(const json_t *root)
{
    const json_t *t = find_part(json_object_get(root, "post_processor"), "processors",
                                "TemplateProcessing");
    return json_object_get(json_array_get(json_object_get(t, "single"), 0), "SpecialToken") != NULL;
}

static void put_ends(const struct form *f, const json_t *config, const json_t *names)
{
    put_named(f, config, names, "bos_token", "bos_token_id", "tokenizer.ggml.bos_token_id");
    put_named(f, config, names, "eos_token", "eos_token_id", "tokenizer.ggml.eos_token_id");
    const json_t *adds = json_object_get(names, "add_bos_token");
    bundle_put_bool(f->b, "tokenizer.ggml.add_bos_token",
                    json_is_boolean(adds) ? json_is_true(adds) : template_adds_bos(f->root));
}

enum status checkpoint_tokenizer(struct bundle *b, const json_t *config, const json_t *tokenizer,
                                 const json_t *tokenizer_config, struct error *err)
{
    struct form f = { .b = b, .root = tokenizer, .err = err,
                      .model = json_object_get(tokenizer, "model") };
    const json_t *vocab = json_object_get(f.model, "vocab");
    const json_t *merges = json_object_get(f.model, "merges");
    const json_t *added = json_object_get(tokenizer, "added_tokens");
    f.is_spm = json_is_true(json_object_get(f.model, "byte_fallback"));
    if (!is_type(f.model, "BPE"))
        return refuse(&f, ST_UNSUPPORTED, "this kind of vocabulary is not supported: ",
                      type_of(f.model));
    if (!json_is_object(vocab) || !json_is_array(merges))
        return refuse(&f, ST_INVALID, "no vocabulary or no merges", "");
    enum status st;
    if ((st = put_rules(&f)) || (st = count(&f, config, vocab, added)) ||
        (st = fill(&f, vocab, added)) ||
        (st = f.is_spm ? put_scores(&f, vocab, merges) : put_merges(&f, merges)))
        return st;
    bundle_put_strs(b, "tokenizer.ggml.tokens", f.name, f.n);
    bundle_put_array(b, "tokenizer.ggml.token_type", BE_I32, f.kind, f.n);
    put_ends(&f, config, tokenizer_config);
    return b->own.failed ? error_nomem(err) : ST_OK;
}
