/* vocab.c - builds the tables of a vocabulary and answers questions about single tokens. */
#include "runtime/tokenizer/vocab.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hash.h"
#include "runtime/tokenizer/bytechar.h"
#include "runtime/tokenizer/spm.h"

bool token_list_push(struct token_list *l, uint32_t id)
{
    if (!array_reserve(&l->id, &l->cap, l->n + 1, sizeof *l->id))
        return false;
    l->id[l->n++] = id;
    return true;
}

void token_list_free(struct token_list *l)
{
    mem_free(l->id);
    *l = (struct token_list){ 0 };
}

static bool is_ordinary(uint8_t kind)
{
    return kind == TOKEN_NORMAL || kind == TOKEN_USER || kind == TOKEN_BYTE;
}

static bool is_control(uint8_t kind)
{
    return kind == TOKEN_CONTROL || kind == TOKEN_UNKNOWN;
}

/* "<0x0A>" to its byte, or -1. */
static int named_byte(struct slice name)
{
    static const char digits[] = "0123456789ABCDEF";
    if (name.len != 6 || memcmp(name.ptr, "<0x", 3) != 0 || name.ptr[5] != '>')
        return -1;
    const char *hi = memchr(digits, name.ptr[3], 16), *lo = memchr(digits, name.ptr[4], 16);
    return hi && lo ? (int)(hi - digits) * 16 + (int)(lo - digits) : -1;
}

/* Vocabulary text of SentencePiece: U+2581 is a blank.  True when there was one. */
static bool unspace(struct slice name, struct str *out)
{
    struct slice sign = SLICE("\xe2\x96\x81");
    bool any = false;
    for (size_t i = 0; i < name.len;) {
        bool is_sign = slice_starts(slice_sub(name, i, name.len), sign);
        str_addc(out, is_sign ? ' ' : name.ptr[i]);
        i += is_sign ? sign.len : 1;
        any |= is_sign;
    }
    return any;
}

/* The bytes of one token: vocabulary text decoded, or the text itself where it is not written in
 * the alphabet (added tokens of byte-level vocabularies never are). */
static bool set_bytes(struct tokenizer *t, uint32_t id, struct str *scratch)
{
    t->bytes[id] = (struct slice){ "", 0 };
    if (!is_ordinary(t->kind[id]))
        return true;
    bool decoded;
    str_cut(scratch, 0);
    if (t->model == VOCAB_SPM && t->kind[id] == TOKEN_BYTE) {
        str_addc(scratch, (char)named_byte(t->name[id]));
        decoded = true;
    } else if (t->model == VOCAB_SPM) {
        decoded = unspace(t->name[id], scratch);
    } else {
        decoded = t->kind[id] != TOKEN_USER && bytechar_decode(t->name[id], scratch);
    }
    t->bytes[id] = decoded ? arena_slice(&t->text, str_slice(scratch)) : t->name[id];
    return !scratch->failed && !t->text.failed;
}

static enum status copy_tokens(const struct vocab_spec *spec, struct tokenizer *t,
                               struct error *err)
{
    uint32_t n = spec->n_name;
    t->n_vocab = n;
    t->name = arena_array(&t->text, n, sizeof *t->name);
    t->bytes = arena_array(&t->text, n, sizeof *t->bytes);
    t->kind = arena_array(&t->text, n, sizeof *t->kind);
    if (t->text.failed)
        return error_nomem(err);

    struct str scratch = { 0 };
    bool ok = true;
    for (uint32_t i = 0; i < n && ok; i++) {
        t->name[i] = arena_slice(&t->text, spec->name[i]);
        t->kind[i] = spec->kind ? spec->kind[i] : TOKEN_NORMAL;
        if (t->model == VOCAB_SPM && t->kind[i] == TOKEN_BYTE && named_byte(t->name[i]) < 0) {
            str_free(&scratch);
            return error_set(err, ST_INVALID, "token %u stands for a byte, but is not called "
                             "<0x00> to <0xFF>", i);
        }
        ok = !t->text.failed && set_bytes(t, i, &scratch);
    }
    str_free(&scratch);
    return ok ? ST_OK : error_nomem(err);
}

/* Of tokens with the same bytes a normal one is what text becomes, else an added one, else that of
 * the byte; of equals the one with the lowest id.  The table is filled from behind, so that the
 * right one is the last to be put. */
static bool index_tokens(struct tokenizer *t)
{
    static const uint8_t worse_first[] = { TOKEN_BYTE, TOKEN_USER, TOKEN_NORMAL };
    for (int k = 0; k < 3; k++) {
        for (uint32_t i = t->n_vocab; i-- > 0;) {
            if (t->kind[i] != worse_first[k] || t->bytes[i].len == 0)
                continue;
            if (!hashmap_put(&t->by_bytes, t->bytes[i], i))
                return false;
            if (t->kind[i] == TOKEN_NORMAL && t->bytes[i].len > t->max_piece)
                t->max_piece = (uint32_t)t->bytes[i].len;
        }
    }
    for (uint32_t i = t->n_vocab; i-- > 0;)
        if (is_control(t->kind[i]) && !hashmap_put(&t->by_control, t->name[i], i))
            return false;
    for (int b = 0; b < 256; b++) {
        char c = (char)b;
        uint64_t id;
        bool found = hashmap_get(&t->by_bytes, (struct slice){ &c, 1 }, &id);
        t->byte_id[b] = found && t->kind[id] != TOKEN_USER ? (uint32_t)id : TOKEN_NONE;
    }
    for (uint32_t i = t->n_vocab; i-- > 0;)
        if (t->model == VOCAB_SPM && t->kind[i] == TOKEN_BYTE)
            t->byte_id[(uint8_t)t->bytes[i].ptr[0]] = i;
    return true;
}

static bool trie_add(struct tokenizer *t, uint32_t id)
{
    struct slice name = is_control(t->kind[id]) ? t->name[id] : t->bytes[id];
    uint32_t at = 0;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t byte = (uint8_t)name.ptr[i];
        uint32_t kid = t->node[at].child;
        while (kid && t->node[kid].byte != byte)
            kid = t->node[kid].sibling;
        if (!kid) {
            struct trie_node *n = array_push(&t->node, &t->n_node, &t->cap_node, sizeof *n);
            if (!n)
                return false;
            kid = t->n_node - 1;
            *n = (struct trie_node){ .byte = byte, .id = TOKEN_NONE,
                                     .sibling = t->node[at].child };
            t->node[at].child = kid;
        }
        at = kid;
    }
    if (at && t->node[at].id == TOKEN_NONE) {
        t->node[at].id = id;
        t->node[at].control = is_control(t->kind[id]);
        t->added_first[(uint8_t)name.ptr[0]] = true;
    }
    return true;
}

static bool index_added(struct tokenizer *t)
{
    struct trie_node *root = array_push(&t->node, &t->n_node, &t->cap_node, sizeof *root);
    if (!root)
        return false;
    root->id = TOKEN_NONE;
    for (uint32_t i = 0; i < t->n_vocab; i++)
        if ((is_control(t->kind[i]) || t->kind[i] == TOKEN_USER) && !trie_add(t, i))
            return false;
    return true;
}

uint32_t vocab_added_at(const struct tokenizer *t, struct slice text, bool markup, size_t *ret_len)
{
    uint32_t best = TOKEN_NONE;
    uint32_t at = 0;
    for (size_t i = 0; i < text.len; i++) {
        uint32_t kid = t->node[at].child;
        while (kid && t->node[kid].byte != (uint8_t)text.ptr[i])
            kid = t->node[kid].sibling;
        if (!kid)
            break;
        at = kid;
        if (t->node[at].id != TOKEN_NONE && (markup || !t->node[at].control)) {
            best = t->node[at].id;
            *ret_len = i + 1;
        }
    }
    return best;
}

/* One merge "left right": the first blank behind the first character parts them, because the
 * alphabet has no blank. */
static enum status add_merge(struct tokenizer *t, const struct hashmap *by_name,
                             struct slice merge, uint32_t rank, struct str *joined,
                             struct error *err)
{
    size_t blank = 1;
    while (blank < merge.len && merge.ptr[blank] != ' ')
        blank++;
    if (blank + 1 >= merge.len)
        return error_set(err, ST_INVALID, "merge %u is not a pair", rank);
    struct slice left = slice_sub(merge, 0, blank);
    struct slice right = slice_sub(merge, blank + 1, merge.len);
    str_cut(joined, 0);
    str_add_slice(joined, left);
    str_add_slice(joined, right);
    if (joined->failed)
        return error_nomem(err);

    uint64_t l, r, m;
    if (!hashmap_get(by_name, left, &l) || !hashmap_get(by_name, right, &r) ||
        !hashmap_get(by_name, str_slice(joined), &m))
        return error_set(err, ST_INVALID, "merge %u names a token that is not in the vocabulary",
                         rank);
    if (!is_ordinary(t->kind[m]))
        return ST_OK;               /* text never becomes a control token */
    if (!idmap_put(&t->pair, l << 32 | r, (uint64_t)rank << 32 | m))
        return error_nomem(err);
    return ST_OK;
}

static enum status add_merges(const struct vocab_spec *spec, struct tokenizer *t,
                              struct error *err)
{
    struct hashmap by_name = { 0 };
    struct str joined = { 0 };
    enum status st = ST_OK;
    /* From behind, as above: the lowest id and the lowest rank win. */
    for (uint32_t i = t->n_vocab; i-- > 0 && st == ST_OK;)
        if (!hashmap_put(&by_name, t->name[i], i))
            st = error_nomem(err);
    for (uint32_t i = spec->n_merge; i-- > 0 && st == ST_OK;)
        st = add_merge(t, &by_name, spec->merge[i], i, &joined, err);
    hashmap_free(&by_name);
    str_free(&joined);
    return st;
}

static enum status add_scores(const struct vocab_spec *spec, struct tokenizer *t,
                              struct error *err)
{
    t->rank = arena_array(&t->text, t->n_vocab, sizeof *t->rank);
    if (!t->rank)
        return error_nomem(err);
    for (uint32_t i = 0; i < t->n_vocab; i++) {
        if (isnan(spec->score[i]))
            return error_set(err, ST_INVALID, "token %u has no score", i);
        bool never = isinf(spec->score[i]) && spec->score[i] < 0;
        t->rank[i] = never ? TOKEN_NONE : spm_rank(spec->score[i]);
    }
    t->prefix_space = spec->prefix_space;
    t->unk = spec->unk < t->n_vocab ? spec->unk : TOKEN_NONE;
    return ST_OK;
}

static enum status add_rules(const struct vocab_spec *spec, struct tokenizer *t,
                             struct error *err)
{
    if (t->model == VOCAB_SPM) {
        t->adds_bos = spec->adds_bos != 0 && t->bos != TOKEN_NONE;
        return add_scores(spec, t, err);
    }
    const struct pretok_row *row = pretok_find(slice_of(spec->pre));
    t->adds_bos = (spec->adds_bos < 0 ? row->adds_bos : spec->adds_bos > 0) &&
                  t->bos != TOKEN_NONE;
    t->ignore_merges = row->ignore_merges;
    t->composes = row->composes;
    enum status st = add_merges(spec, t, err);
    return st == ST_OK ? pretok_new(row, &t->pretok, err) : st;
}

static uint64_t hash_spec(const struct vocab_spec *spec, const struct tokenizer *t)
{
    const char *rules = spec->model == VOCAB_BPE ? spec->pre : t->prefix_space ? "spm " : "spm";
    uint64_t h = hash_bytes(rules, strlen(rules));
    if (t->rank)
        h = hash_combine(h, hash_bytes(t->rank, t->n_vocab * sizeof *t->rank));
    for (uint32_t i = 0; i < t->n_vocab; i++)
        h = hash_combine(h, hash_combine(hash_bytes(t->name[i].ptr, t->name[i].len), t->kind[i]));
    for (uint32_t i = 0; i < spec->n_merge; i++)
        h = hash_combine(h, hash_bytes(spec->merge[i].ptr, spec->merge[i].len));
    return hash_combine(h, (uint64_t)t->bos << 32 | t->eos);
}

enum status vocab_build(const struct vocab_spec *spec, struct tokenizer **ret, struct error *err)
{
    if (spec->model == VOCAB_BPE && !pretok_find(slice_of(spec->pre)))
        return error_set(err, ST_UNSUPPORTED, "the pre-tokenizer \"%.64s\" is not supported",
                         spec->pre);
    if (spec->n_name == 0 || spec->n_name > TOKENIZER_MAX_VOCAB)
        return error_set(err, ST_LIMIT, "a vocabulary of %u tokens, 1 to %d are read",
                         spec->n_name, TOKENIZER_MAX_VOCAB);
    struct tokenizer *t = mem_zalloc(sizeof *t);
    if (!t)
        return error_nomem(err);
    t->model = spec->model;
    t->unk = TOKEN_NONE;

    enum status st = copy_tokens(spec, t, err);
    if (st != ST_OK)
        goto fail;
    if (!index_tokens(t) || !index_added(t)) {
        st = error_nomem(err);
        goto fail;
    }
    t->bos = spec->bos < t->n_vocab ? spec->bos : TOKEN_NONE;
    t->eos = spec->eos < t->n_vocab ? spec->eos : TOKEN_NONE;
    st = add_rules(spec, t, err);
    if (st != ST_OK)
        goto fail;
    t->hash = hash_spec(spec, t);
    *ret = t;
    return ST_OK;

fail:
    tokenizer_free(t);
    return st;
}

void tokenizer_free(struct tokenizer *t)
{
    if (!t)
        return;
    pretok_free(t->pretok);
    hashmap_free(&t->by_bytes);
    hashmap_free(&t->by_control);
    idmap_free(&t->pair);
    mem_free(t->node);
    arena_free(&t->text);
    mem_free(t);
}

uint32_t tokenizer_n_vocab(const struct tokenizer *t)
{
    return t->n_vocab;
}

struct slice tokenizer_bytes(const struct tokenizer *t, uint32_t id)
{
    return id < t->n_vocab ? t->bytes[id] : (struct slice){ "", 0 };
}

struct slice tokenizer_name(const struct tokenizer *t, uint32_t id)
{
    return id < t->n_vocab ? t->name[id] : (struct slice){ "", 0 };
}

bool tokenizer_is_control(const struct tokenizer *t, uint32_t id)
{
    return id < t->n_vocab && is_control(t->kind[id]);
}

bool tokenizer_is_unused(const struct tokenizer *t, uint32_t id)
{
    return id >= t->n_vocab || t->kind[id] == TOKEN_UNUSED;
}

uint32_t tokenizer_find_control(const struct tokenizer *t, struct slice name)
{
    uint64_t id;
    return hashmap_get(&t->by_control, name, &id) ? (uint32_t)id : TOKEN_NONE;
}

uint32_t tokenizer_find_bytes(const struct tokenizer *t, struct slice bytes)
{
    uint64_t id;
    return hashmap_get(&t->by_bytes, bytes, &id) ? (uint32_t)id : TOKEN_NONE;
}

bool tokenizer_has_byte(const struct tokenizer *t, uint8_t byte)
{
    return t->byte_id[byte] != TOKEN_NONE;
}

uint32_t tokenizer_bos(const struct tokenizer *t)
{
    return t->bos;
}

uint32_t tokenizer_eos(const struct tokenizer *t)
{
    return t->eos;
}

bool tokenizer_adds_bos(const struct tokenizer *t)
{
    return t->adds_bos;
}

uint64_t tokenizer_hash(const struct tokenizer *t)
{
    return t->hash;
}
