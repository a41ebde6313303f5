/* atlas.c - making the rows of a vocabulary, and joining them. */
#include "runtime/constrain/atlas.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/array.h"

/* ---- tokens --------------------------------------------------------------------------------- */

/* Bytes of the code point that begins so; 0: none does. */
static uint32_t cp_size(uint8_t b)
{
    return b < 0x80 ? 1 : b >= 0xc2 && b <= 0xdf ? 2 : b >= 0xe0 && b <= 0xef ? 3 : b >= 0xf0 && b <= 0xf4 ? 4 : 0;
}

/* Whether the second byte can stand behind the first: no overlong forms, no surrogates. */
static bool second_fits(uint8_t a, uint8_t b)
{
    if ((b & 0xc0) != 0x80)
        return false;
    return a == 0xe0 ? b >= 0xa0 : a == 0xed ? b < 0xa0 : a == 0xf0 ? b >= 0x90 : a == 0xf4 ? b < 0x90 : true;
}

/* Counts the code points that begin; false where the bytes are no beginning of UTF-8 text. */
static bool count_cps(struct slice s, uint32_t *ret)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len;) {
        uint8_t b = (uint8_t)s.ptr[i];
        uint32_t size = cp_size(b);
        if (!size)
            return false;
        n++;
        for (uint32_t k = 1; k < size && i + k < s.len; k++) {
            uint8_t c = (uint8_t)s.ptr[i + k];
            if (k == 1 ? !second_fits(b, c) : (c & 0xc0) != 0x80)
                return false;
        }
        i += size;
    }
    *ret = n;
    return true;
}

static void note_token(struct atlas *a, uint32_t id, struct slice s)
{
    uint32_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        uint8_t b = (uint8_t)s.ptr[i];
        bitset_add(b < 0x80 ? a->has + (128u + b) * a->words : a->high, id);
        if (b >= 0xc0)
            bitset_add(a->leads + (b - 0xc0u) * a->words, id);
        if (!i && b < 0x80)
            bitset_add(a->starts + b * a->words, id);
    }
    if (!count_cps(s, &n))
        bitset_add(a->ill, id);
    a->cps[id] = (uint8_t)(n < 254 ? n : 254);
}

static void note_tokens(struct atlas *a, const struct vocab *v)
{
    for (uint32_t id = 0; id < v->n_id; id++)
        if (bitset_has(v->cont_row, id))
            note_token(a, id, vocab_bytes(v, id));
    for (uint32_t k = 127; k > 0; k--) {
        uint32_t *row = a->has + k * a->words;
        memcpy(row, a->has + 2 * k * a->words, a->words * sizeof *row);
        bitset_or(row, a->has + (2 * k + 1) * a->words, a->words);
    }
    for (uint32_t id = 0; id < v->n_id; id++)
        if (bitset_has(v->cont_row, id) && !bitset_has(a->ill, id) && a->cps[id] < a->n_upto)
            bitset_add(a->upto + a->cps[id] * a->words, id);
    for (uint32_t k = 1; k < a->n_upto; k++)
        bitset_or(a->upto + k * a->words, a->upto + (k - 1) * a->words, a->words);
}

static uint16_t kind_of(uint8_t b)
{
    static const char *const few[] = { " ", "\"", "\\", "_", "-", ".", "/", ",:", "()[]{}<>" };
    if (b < 0x20 || (b >= 0x7f && b < 0xc0))
        return b < 0x20 || b == 0x7f ? 1 << 0 : KIND_INNER;
    if (b >= 0xc0)
        return KIND_UP;
    if ((b | 0x20) >= 'a' && (b | 0x20) <= 'z')
        return b & 0x20 ? 1 << 3 : 1 << 4;
    if (b >= '0' && b <= '9')
        return 1 << 5;
    for (uint32_t k = 0; k < sizeof few / sizeof few[0]; k++)
        if (strchr(few[k], b))
            return (uint16_t)(1 << (6 + k));
    return 1 << 15;
}

uint16_t byte_kinds_some(const struct atlas *a, struct byte_set s)
{
    uint16_t kinds = 0;
    for (uint32_t k = 0; k < 16; k++)
        kinds |= (uint16_t)(byte_set_meets(a->kind[k], s) << k);
    return kinds;
}

uint16_t byte_kinds_all(const struct atlas *a, struct byte_set s)
{
    return (uint16_t)~byte_kinds_some(a, (struct byte_set){ ~s.lo, ~s.hi, ~s.up });
}

/* Whether below a node come `left` more bytes of the code point that `lead` began, and fitting text. */
static bool rest_fits(const struct atlas *a, const struct vocab *v, uint32_t node, uint8_t lead, uint32_t left)
{
    for (uint32_t k = node + 1; k < node + v->node[node].subtree; k += v->node[k].subtree) {
        uint8_t b = (uint8_t)v->node[k].byte;
        if (lead ? !second_fits(lead, b) : (b & 0xc0) != 0x80)
            return false;
        if (left == 1 ? !a->fits[k] : !rest_fits(a, v, k, 0, left - 1))
            return false;
    }
    return true;
}

static bool node_fits(const struct atlas *a, const struct vocab *v, uint32_t node)
{
    for (uint32_t k = node + 1; k < node + v->node[node].subtree; k += v->node[k].subtree) {
        uint8_t b = (uint8_t)v->node[k].byte;
        uint32_t size = cp_size(b);
        if (!size || (size == 1 ? !a->fits[k] : !rest_fits(a, v, k, b, size - 1)))
            return false;
    }
    return true;
}

static void note_order(struct atlas *a, const struct vocab *v)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < v->n_node; i++) {
        a->order_at[i] = n;
        for (uint32_t t = trie_token(&v->node[i]); t != TOKEN_NONE; t = trie_twin(v, &v->node[i], t))
            a->order[n++] = t;
    }
    a->order_at[v->n_node] = n;
}

static void note_nodes(struct atlas *a, const struct vocab *v)
{
    for (uint32_t b = 0; b < 256; b++) {
        struct byte_set *kind = &a->kind[__builtin_ctz(kind_of((uint8_t)b))];
        *kind = byte_set_join(*kind, byte_set_of((uint8_t)b));
    }
    for (uint32_t i = v->n_node; i-- > 0;) {
        struct byte_set s = i ? byte_set_of((uint8_t)v->node[i].byte) : (struct byte_set){ 0, 0, 0 };
        a->deep[i] = (uint8_t)v->node[i].depth;
        a->kinds[i] = i ? byte_kinds_some(a, s) : 0;
        for (uint32_t k = i + 1; k < i + v->node[i].subtree; k += v->node[k].subtree) {
            s = byte_set_join(s, a->below[k]);
            a->kinds[i] |= a->kinds[k];
            if (a->deep[k] > a->deep[i])
                a->deep[i] = a->deep[k];
        }
        a->below[i] = s;
        a->fits[i] = node_fits(a, v, i);
    }
}

struct byte_set trie_kids(const struct trie_node *n, uint32_t node)
{
    struct byte_set s = { 0, 0, 0 };
    for (uint32_t i = node + 1; i < node + n[node].subtree; i += n[i].subtree)
        s = byte_set_join(s, byte_set_of((uint8_t)n[i].byte));
    return s;
}

static bool is_blank(uint8_t b)
{
    return b == ' ' || b == '\n' || b == '\t' || b == '\r';
}

static bool note_blanks(struct atlas *a, const struct vocab *v)
{
    for (uint32_t i = 1; i < v->n_node;) {
        if (!is_blank((uint8_t)v->node[i].byte)) {
            i += v->node[i].subtree;
            continue;
        }
        struct blank_node *b = array_push(&a->blank, &a->n_blank, &a->cap_blank, sizeof *b);
        if (!b)
            return false;
        *b = (struct blank_node){ i, v->node[i].depth, trie_kids(v->node, i) };
        i++;
    }
    return true;
}

/* ---- tails ---------------------------------------------------------------------------------- */

struct tail {
    struct slice text;
    uint32_t     id;
};

static int by_tail(const void *a, const void *b)
{
    const struct tail *x = a, *y = b;
    int c = slice_cmp(x->text, y->text);
    return c ? c : (x->id > y->id) - (x->id < y->id);
}

static bool tail_push(struct atlas *a, uint32_t *cap, uint32_t *cap_rank, uint8_t byte, uint32_t depth,
                      uint32_t rank)
{
    uint32_t n_rank = a->n_tail;
    struct trie_node *n = array_push(&a->tail, &a->n_tail, cap, sizeof *n);
    uint16_t *first = array_push(&a->tail_rank, &n_rank, cap_rank, sizeof *first);
    if (!n || !first)
        return false;
    *n = (struct trie_node){ .byte = byte, .depth = depth & 0xff, .token = TRIE_NO_TOKEN };
    *first = (uint16_t)rank;
    return true;
}

static bool lay_tails(struct atlas *a, const struct tail *t, uint32_t n)
{
    uint32_t path[TRIE_TOKEN_MAX + 1] = { 0 }, depth = 0, cap = 0, cap_rank = 0;
    struct slice last = { "", 0 };
    if (!tail_push(a, &cap, &cap_rank, 0, 0, 0))
        return false;
    for (uint32_t i = 0; i < n; i++) {
        struct slice s = t[i].text;
        uint32_t same = 0;
        while (same < last.len && same < s.len && last.ptr[same] == s.ptr[same])
            same++;
        for (; depth > same; depth--)
            a->tail[path[depth]].subtree = a->n_tail - path[depth];
        while (depth < s.len) {
            if (!tail_push(a, &cap, &cap_rank, (uint8_t)s.ptr[depth], depth + 1, i))
                return false;
            path[++depth] = a->n_tail - 1;
        }
        a->rank_id[i] = t[i].id;
        a->rank[t[i].id] = (uint16_t)i;
        last = s;
    }
    for (;; depth--) {
        a->tail[path[depth]].subtree = a->n_tail - path[depth];
        if (!depth)
            break;
    }
    uint32_t n_rank = a->n_tail;
    uint16_t *end = array_push(&a->tail_rank, &n_rank, &cap_rank, sizeof *end);
    if (end)
        *end = (uint16_t)n;
    return end != NULL;
}

/* The same tokens by what stands before the quote. */
static bool lay_prefixes(struct atlas *a, const struct vocab *v, struct tail *t, uint32_t n)
{
    a->prefix_rank = mem_alloc((n + 1ul) * sizeof *a->prefix_rank);
    for (uint32_t i = 0; i < n; i++) {
        struct slice s = vocab_bytes(v, t[i].id);
        t[i].text = slice_sub(s, 0, slice_find(s, SLICE("\"")) + 1);
    }
    if (n)
        qsort(t, n, sizeof *t, by_tail);
    for (uint32_t i = 0; a->prefix_rank && i < n; i++) {
        a->prefix_rank[i] = a->rank[t[i].id];
        if (!i || !slice_eq(t[i].text, t[i - 1].text)) {
            struct quote_prefix *x = array_push(&a->prefix, &a->n_prefix, &a->cap_prefix, sizeof *x);
            if (!x)
                return false;
            *x = (struct quote_prefix){ t[i].text, i, 0 };
        }
        a->prefix[a->n_prefix - 1].n++;
    }
    return a->prefix_rank != NULL;
}

/* Vocabularies with more quotes than ranks have no tails: their exits are walked one by one. */
static bool note_tails(struct atlas *a, const struct vocab *v)
{
    memset(a->rank, 0xff, (v->n_id + 1ul) * sizeof *a->rank);
    const uint32_t *quoted = a->has + (128u + '"') * a->words;
    uint32_t n = (uint32_t)bitset_count(quoted, a->words), k = 0;
    if (n >= ATLAS_NO_RANK)
        return true;
    struct tail *t = mem_alloc((n + 1ul) * sizeof *t);
    a->rank_id = mem_alloc((n + 1ul) * sizeof *a->rank_id);
    bool ok = t && a->rank_id;
    for (uint32_t id = 0; ok && id < v->n_id; id++) {
        if (!bitset_has(quoted, id))
            continue;
        struct slice s = vocab_bytes(v, id);
        size_t at = slice_find(s, SLICE("\"")) + 1;
        t[k++] = (struct tail){ slice_sub(s, at, s.len - at), id };
    }
    if (ok && n)
        qsort(t, n, sizeof *t, by_tail);
    ok = ok && lay_tails(a, t, n) && lay_prefixes(a, v, t, n);
    a->n_rank = ok ? n : 0;
    mem_free(t);
    return ok;
}

/* ---- life ----------------------------------------------------------------------------------- */

enum status atlas_new(const struct vocab *v, struct atlas **ret, struct error *err)
{
    struct atlas *a = mem_zalloc(sizeof *a);
    if (!a)
        return error_nomem(err);
    a->words = bitset_words(v->n_logit) + 1;
    a->n_upto = v->longest + 1 < UPTO_MAX ? v->longest + 1 : UPTO_MAX;
    a->has = mem_calloc(256 * a->words, sizeof *a->has);
    a->high = mem_calloc(a->words, sizeof *a->high);
    a->leads = mem_calloc(64 * a->words, sizeof *a->leads);
    a->ill = mem_calloc(a->words, sizeof *a->ill);
    a->upto = mem_calloc(a->n_upto * a->words, sizeof *a->upto);
    a->cps = mem_calloc(v->n_id + 1ul, 1);
    a->starts = mem_calloc(128 * a->words, sizeof *a->starts);
    a->below = mem_calloc(v->n_node + 1ul, sizeof *a->below);
    a->deep = mem_calloc(v->n_node + 1ul, 1);
    a->kinds = mem_calloc(v->n_node + 1ul, sizeof *a->kinds);
    a->fits = mem_calloc(v->n_node + 1ul, sizeof *a->fits);
    a->order = mem_alloc((v->n_id + 1ul) * sizeof *a->order);
    a->order_at = mem_alloc((v->n_node + 1ul) * sizeof *a->order_at);
    a->rank = mem_alloc((v->n_id + 1ul) * sizeof *a->rank);
    if (!a->has || !a->high || !a->leads || !a->ill || !a->upto || !a->cps || !a->starts || !a->below ||
        !a->deep || !a->kinds || !a->fits || !a->order || !a->order_at || !a->rank) {
        atlas_free(a);
        return error_nomem(err);
    }
    note_tokens(a, v);
    note_nodes(a, v);
    note_order(a, v);
    if (!note_tails(a, v) || !note_blanks(a, v)) {
        atlas_free(a);
        return error_nomem(err);
    }
    *ret = a;
    return ST_OK;
}

void atlas_free(struct atlas *a)
{
    if (!a)
        return;
    mem_free(a->has);
    mem_free(a->high);
    mem_free(a->leads);
    mem_free(a->ill);
    mem_free(a->upto);
    mem_free(a->cps);
    mem_free(a->starts);
    mem_free(a->below);
    mem_free(a->deep);
    mem_free(a->kinds);
    mem_free(a->fits);
    mem_free(a->order);
    mem_free(a->order_at);
    mem_free(a->tail);
    mem_free(a->tail_rank);
    mem_free(a->blank);
    mem_free(a->rank_id);
    mem_free(a->prefix);
    mem_free(a->prefix_rank);
    mem_free(a->rank);
    mem_free(a);
}

/* ---- joining rows --------------------------------------------------------------------------- */

static bool has_byte(struct byte_set s, uint32_t b)
{
    return (b < 64 ? s.lo >> b : s.hi >> (b - 64)) & 1;
}

/* Rows whose union is the tokens with some byte of lo..hi, as nodes of the tree. */
static uint32_t cover(uint32_t lo, uint32_t hi, uint16_t *node, uint32_t n)
{
    for (lo += 128, hi += 129; lo < hi; lo /= 2, hi /= 2) {
        if (lo & 1)
            node[n++] = (uint16_t)lo++;
        if (hi & 1)
            node[n++] = (uint16_t)--hi;
    }
    return n;
}

void atlas_add_staying(const struct vocab *v, const struct class_of_state *c, uint32_t *row)
{
    const struct atlas *a = v->atlas;
    uint16_t node[256];
    const uint32_t *out[400];
    uint32_t n = 0;
    for (uint32_t b = 0; b < 128; b++) {
        if (has_byte(c->stay, b))
            continue;
        uint32_t hi = b;
        while (hi < 127 && !has_byte(c->stay, hi + 1))
            hi++;
        n = cover(b, hi, node, n);
        b = hi;
    }
    for (uint32_t i = 0; i < n; i++)
        out[i] = a->has + node[i] * a->words;
    if (!c->stay.up)
        out[n++] = a->high;
    else
        out[n++] = a->ill;
    for (uint32_t i = 0; c->stay.up && i < 64; i++)
        if (!(c->stay.up >> i & 1))
            out[n++] = a->leads + i * a->words;
    for (uint32_t b = 0; b < 128; b++)
        if (has_byte(c->not_first, b))
            out[n++] = a->starts + b * a->words;
    const uint32_t *upto = c->hi < a->n_upto ? a->upto + c->hi * a->words : v->cont_row;
    size_t words = bitset_words(v->n_logit);
    enum { BLOCK = 512 };           /* words: the rows pass through the cache once, a block at a time */
    for (size_t from = 0; from < words; from += BLOCK) {
        size_t len = words - from < BLOCK ? words - from : BLOCK;
        uint32_t some[BLOCK];
        memcpy(some, out[0] + from, len * sizeof *some);
        for (uint32_t i = 1; i < n; i++)
            bitset_or(some, out[i] + from, len);
        for (size_t k = 0; k < len; k++)
            some[k] = ~some[k];
        bitset_and(some, v->cont_row + from, len);
        bitset_and(some, upto + from, len);
        bitset_or(row + from, some, len);
    }
}

void atlas_add_upto(const struct atlas *a, const uint32_t *from, uint32_t hi, uint32_t *row)
{
    size_t words = a->words - 1;
    if (hi + 1 >= a->n_upto) {
        bitset_or(row, from, words);
        return;
    }
    const uint32_t *upto = a->upto + hi * a->words;
    enum { BLOCK = 512 };
    uint32_t some[BLOCK];
    for (size_t at = 0; at < words; at += BLOCK) {
        size_t len = words - at < BLOCK ? words - at : BLOCK;
        memcpy(some, from + at, len * sizeof *some);
        bitset_and(some, upto + at, len);
        bitset_or(row + at, some, len);
    }
}
