/* vocab.c - builds the tables of a vocabulary and answers questions about single tokens. */
#include "runtime/tokenizer/vocab.h"

#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "base/hash.h"
#include "runtime/tokenizer/bytechar.h"

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

/* The bytes of one token: vocabulary text decoded, or the text itself where it is not written in
 * the alphabet (added tokens never are). */
static bool set_bytes(struct tokenizer *t, uint32_t id, struct str *scratch)
{
    t->bytes[id] = (struct slice){ "", 0 };
    if (!is_ordinary(t->kind[id]))
        return true;
    if (t->kind[id] == TOKEN_USER) {
        t->bytes[id] = t->name[id];
        return true;
    }
    str_cut(scratch, 0);
    if (!bytechar_decode(t->name[id], scratch)) {
        t->bytes[id] = t->name[id];
        return true;
    }
    t->bytes[id] = arena_slice(&t->text, str_slice(scratch));
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
        ok = !t->text.failed && set_bytes(t, i, &scratch);
    }
    str_free(&scratch);
    return ok ? ST_OK : error_nomem(err);
}

/* Of two tokens with the same bytes the normal one with the lowest id is the one that text becomes.
 * The tables are filled from behind, so that the right one is the last to be put. */
static bool index_tokens(struct tokenizer *t)
{
    for (int normal = 0; normal < 2; normal++) {
        for (uint32_t i = t->n_vocab; i-- > 0;) {
            bool is_user = t->kind[i] == TOKEN_USER;
            if (!is_ordinary(t->kind[i]) || is_user == normal || t->bytes[i].len == 0)
                continue;
            if (!hashmap_put(&t->by_bytes, t->bytes[i], i))
                return false;
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
    return true;
}

static bool trie_add(struct tokenizer *t, uint32_t id)
{
    struct slice name = t->name[id];
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

static uint64_t hash_spec(const struct vocab_spec *spec, const struct tokenizer *t)
{
    uint64_t h = hash_bytes(spec->pre, strlen(spec->pre));
    for (uint32_t i = 0; i < t->n_vocab; i++)
        h = hash_combine(h, hash_combine(hash_bytes(t->name[i].ptr, t->name[i].len), t->kind[i]));
    for (uint32_t i = 0; i < spec->n_merge; i++)
        h = hash_combine(h, hash_bytes(spec->merge[i].ptr, spec->merge[i].len));
    return hash_combine(h, (uint64_t)t->bos << 32 | t->eos);
}

enum status vocab_build(const struct vocab_spec *spec, struct tokenizer **ret, struct error *err)
{
    const struct pretok_row *row = pretok_find(slice_of(spec->pre));
    if (!row)
        return error_set(err, ST_UNSUPPORTED, "the pre-tokenizer \"%.64s\" is not supported",
                         spec->pre);
    if (spec->n_name == 0 || spec->n_name > TOKENIZER_MAX_VOCAB)
        return error_set(err, ST_LIMIT, "a vocabulary of %u tokens, 1 to %d are read",
                         spec->n_name, TOKENIZER_MAX_VOCAB);
    struct tokenizer *t = mem_zalloc(sizeof *t);
    if (!t)
        return error_nomem(err);

    enum status st = copy_tokens(spec, t, err);
    if (st != ST_OK)
        goto fail;
    if (!index_tokens(t) || !index_added(t)) {
        st = error_nomem(err);
        goto fail;
    }
    st = add_merges(spec, t, err);
    if (st != ST_OK)
        goto fail;
    st = pretok_new(row, &t->pretok, err);
    if (st != ST_OK)
        goto fail;

    t->ignore_merges = row->ignore_merges;
    t->bos = spec->bos < t->n_vocab ? spec->bos : TOKEN_NONE;
    t->eos = spec->eos < t->n_vocab ? spec->eos : TOKEN_NONE;
    t->adds_bos = (spec->adds_bos < 0 ? row->adds_bos : spec->adds_bos > 0) &&
                  t->bos != TOKEN_NONE;
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
