/* trie.c - making the flat trie: sort the tokens by bytes, then lay nodes in one pass. */
#include "runtime/constrain/trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"
#include "runtime/constrain/atlas.h"
#include "runtime/constrain/memo.h"

enum { LEAF_MEMO_BYTES = 64 << 20 };

struct entry {
    struct slice text;
    uint32_t     id;
};

static int by_text(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    int c = slice_cmp(x->text, y->text);
    if (c)
        return c;
    return (x->id > y->id) - (x->id < y->id);
}

static uint32_t *node_push(struct vocab *v, uint32_t *cap, uint8_t byte, uint32_t depth)
{
    struct trie_node *n = array_push(&v->node, &v->n_node, cap, sizeof *n);
    if (!n)
        return NULL;
    n->byte = byte;
    n->token = TRIE_NO_TOKEN;
    n->depth = depth & 0xff;
    return (uint32_t *)n;
}

/* path[d] is the node of the first d bytes of the token before; what is left is closed. */
static bool lay_nodes(struct vocab *v, const struct entry *e, uint32_t n)
{
    uint32_t path[TRIE_TOKEN_MAX + 1] = { 0 }, depth = 0, cap = 0;
    struct slice last = { "", 0 };
    if (!node_push(v, &cap, 0, 0))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct slice t = e[i].text;
        if (i && slice_eq(t, last)) {
            v->next_dup[e[i - 1].id] = e[i].id;
            v->node[path[depth]].twins = 1;
            continue;
        }
        uint32_t same = 0;
        while (same < last.len && same < t.len && last.ptr[same] == t.ptr[same])
            same++;
        while (depth > same) {
            v->node[path[depth]].subtree = v->n_node - path[depth];
            depth--;
        }
        while (depth < t.len) {
            uint8_t byte = (uint8_t)t.ptr[depth++];
            if (!node_push(v, &cap, byte, depth))
                return false;
            path[depth] = v->n_node - 1;
        }
        v->node[path[depth]].token = e[i].id;
        last = t;
        if (t.len > v->longest)
            v->longest = (uint32_t)t.len;
        if (t.len == 1)
            v->byte_token[(uint8_t)t.ptr[0]] = e[i].id;
    }
    for (;; depth--) {
        v->node[path[depth]].subtree = v->n_node - path[depth];
        if (!depth)
            return true;
    }
}

static bool list_kids(struct vocab *v)
{
    v->kid_at = mem_alloc((v->n_node + 1ul) * sizeof *v->kid_at);
    v->kid_byte = mem_alloc(v->n_node);
    v->kid = mem_alloc(v->n_node * sizeof *v->kid);
    if (!v->kid_at || !v->kid_byte || !v->kid)
        return false;
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n_node; i++) {
        v->kid_at[i] = n;
        for (uint32_t k = i + 1; k < i + v->node[i].subtree; k += v->node[k].subtree) {
            v->kid_byte[n] = (uint8_t)v->node[k].byte;
            v->kid[n++] = k;
        }
    }
    v->kid_at[v->n_node] = n;
    return true;
}

static enum status build(struct vocab *v, const struct slice *bytes, uint32_t n, struct error *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < n; i++)
        total += bytes[i].len;
    if (n > VOCAB_MAX || total > UINT32_MAX / 2)
        return error_set(err, ST_LIMIT, "the vocabulary is too large");
    size_t words = bitset_words(v->n_logit);
    struct entry *e = mem_alloc((n + 1ul) * sizeof *e);
    v->next_dup = mem_alloc((n + 1ul) * sizeof *v->next_dup);
    v->off = mem_alloc((n + 1ul) * sizeof *v->off);
    v->text = mem_alloc(total + 1);
    v->open_row = mem_calloc(words + 1, sizeof *v->open_row);
    v->cont_row = mem_calloc(words + 1, sizeof *v->cont_row);
    if (!e || !v->next_dup || !v->off || !v->text || !v->open_row || !v->cont_row) {
        mem_free(e);
        return error_nomem(err);
    }
    uint32_t n_entry = 0, at = 0;
    for (uint32_t i = 0; i < n; i++) {
        v->off[i] = at;
        if (bytes[i].len)
            memcpy(v->text + at, bytes[i].ptr, bytes[i].len);
        v->next_dup[i] = TOKEN_NONE;
        if (bytes[i].len && bytes[i].len <= TRIE_TOKEN_MAX) {
            e[n_entry++] = (struct entry){ { v->text + at, bytes[i].len }, i };
            bitset_add(v->cont_row, i);
            if (byte_ends_word((uint8_t)bytes[i].ptr[0]))
                bitset_add(v->open_row, i);
        }
        at += (uint32_t)bytes[i].len;
    }
    v->off[n] = at;
    v->n_id = n;
    qsort(e, n_entry, sizeof *e, by_text);
    bool ok = lay_nodes(v, e, n_entry) && list_kids(v);
    mem_free(e);
    if (!ok)
        return error_nomem(err);
    enum status st = atlas_new(v, &v->atlas, err);
    return st == ST_OK ? vocab_warm(v, err) : st;
}

enum status vocab_from_bytes(const struct slice *bytes, uint32_t n, uint32_t n_logit,
                             struct vocab **ret, struct error *err)
{
    struct vocab *v = mem_zalloc(sizeof *v);
    if (!v)
        return error_nomem(err);
    v->n_logit = n_logit > n ? n_logit : n;
    memset(v->byte_token, 0xff, sizeof v->byte_token);
    v->memo = leaf_memo_new(LEAF_MEMO_BYTES);
    enum status st = v->memo ? build(v, bytes, n, err) : error_nomem(err);
    if (st != ST_OK) {
        vocab_free(v);
        return st;
    }
    *ret = v;
    return ST_OK;
}

enum status vocab_new(const struct tokenizer *t, uint32_t n_logit, struct vocab **ret,
                      struct error *err)
{
    uint32_t n = tokenizer_n_vocab(t);
    struct slice *bytes = mem_calloc(n + 1ul, sizeof *bytes);
    if (!bytes)
        return error_nomem(err);
    for (uint32_t i = 0; i < n; i++)
        if (!tokenizer_is_control(t, i) && !tokenizer_is_unused(t, i))
            bytes[i] = tokenizer_bytes(t, i);
    enum status st = vocab_from_bytes(bytes, n, n_logit, ret, err);
    mem_free(bytes);
    return st;
}

void vocab_free(struct vocab *v)
{
    if (!v)
        return;
    leaf_memo_free(v->memo);
    atlas_free(v->atlas);
    mem_free(v->node);
    mem_free(v->kid_at);
    mem_free(v->kid_byte);
    mem_free(v->kid);
    mem_free(v->next_dup);
    mem_free(v->off);
    mem_free(v->text);
    mem_free(v->open_row);
    mem_free(v->cont_row);
    mem_free(v);
}

void vocab_forget(struct vocab *v)
{
    leaf_memo_clear(v->memo);
}

uint32_t vocab_n_logit(const struct vocab *v)
{
    return v->n_logit;
}

uint32_t trie_find(const struct vocab *v, struct slice text)
{
    uint32_t node = 0;
    for (size_t i = 0; i < text.len; i++)
        if (!(node = trie_child(v, node, (uint8_t)text.ptr[i])))
            return 0;
    return node;
}

struct slice vocab_token_bytes(const struct vocab *v, uint32_t id)
{
    return vocab_bytes(v, id);
}

uint32_t vocab_longest(const struct vocab *v, struct slice text)
{
    uint32_t node = 0, best = TOKEN_NONE;
    for (size_t i = 0; i < text.len; i++) {
        if (!(node = trie_child(v, node, (uint8_t)text.ptr[i])))
            break;
        if (v->node[node].token != TRIE_NO_TOKEN)
            best = v->node[node].token;
    }
    return best;
}

uint32_t vocab_greedy_count(const struct vocab *v, struct slice text)
{
    uint32_t n = 0;
    for (size_t at = 0; at < text.len; n++) {
        uint32_t token = vocab_longest(v, slice_sub(text, at, text.len));
        at += token == TOKEN_NONE ? 1 : vocab_bytes(v, token).len;
    }
    return n;
}
