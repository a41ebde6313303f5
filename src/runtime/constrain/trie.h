/* trie.h - a vocabulary as a flat trie of bytes, for the files of this folder.
 *
 * Nodes lie in depth-first order, children by byte, so a walk is one pass over an array and a dead
 * branch is skipped by its length:
 *
 *      node   byte  token  subtree (nodes below and itself)  depth (bytes read here)
 *
 * Where few bytes lead on, looking at the children alone is less: they are listed beside the nodes.
 *
 * Node 0 is the root.  Ids with equal bytes form a chain; the trie names the first. */
#ifndef RUNTIME_CONSTRAIN_TRIE_H
#define RUNTIME_CONSTRAIN_TRIE_H

#include "base/bitset.h"
#include "runtime/constrain/matcher.h"

struct trie_node {
    uint32_t byte : 8;
    uint32_t token : 23;        /* TRIE_NO_TOKEN: none ends here */
    uint32_t twins : 1;         /* other ids have the same bytes */
    uint32_t depth : 8;         /* at most 255: longer tokens are never allowed */
    uint32_t subtree : 24;
};

enum { TRIE_NO_TOKEN = 0x7fffff, TRIE_TOKEN_MAX = 255, VOCAB_MAX = 1u << 20 };

struct leaf_memo;
struct atlas;

struct vocab {
    struct atlas     *atlas;            /* rows by what tokens are made of */
    struct leaf_memo *memo;             /* what leaf states allow; locks itself */
    struct trie_node *node;
    uint32_t          n_node;
    uint32_t         *kid_at;           /* [n_node + 1] where its children begin in */
    uint8_t          *kid_byte;         /* [n_node] bytes of children, ascending, and */
    uint32_t         *kid;              /* their nodes */
    uint32_t          n_id;             /* ids with bytes are below this */
    uint32_t          n_logit;
    uint32_t         *next_dup;         /* [n_id] another id with the same bytes, TOKEN_NONE */
    uint32_t         *off;              /* [n_id + 1] bytes of ids in text */
    char             *text;
    uint32_t         *open_row;         /* tokens that may end a value from outside (open_end) */
    uint32_t         *cont_row;         /* tokens of one or more whole bytes: all ordinary ones */
    uint32_t          longest;          /* bytes of the longest token in the trie */
    uint32_t          byte_token[256];  /* one-byte tokens, TOKEN_NONE */
};

static inline struct slice vocab_bytes(const struct vocab *v, uint32_t id)
{
    if (id >= v->n_id)
        return (struct slice){ "", 0 };
    return (struct slice){ v->text + v->off[id], v->off[id + 1] - v->off[id] };
}

/* The ids that end at a node, one after the other; TOKEN_NONE: no more. */
static inline uint32_t trie_token(const struct trie_node *n)
{
    return n->token == TRIE_NO_TOKEN ? TOKEN_NONE : n->token;
}

static inline uint32_t trie_twin(const struct vocab *v, const struct trie_node *n, uint32_t id)
{
    return n->twins ? v->next_dup[id] : TOKEN_NONE;
}

/* A byte that cannot go on with a word: what begins with it may end a value from outside. */
static inline bool byte_ends_word(uint8_t b)
{
    bool word = (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z') || b == '_';
    return !word && b < 0x80;
}

/* Makes the entries that nearly every constraint asks for. */
enum status vocab_warm(struct vocab *v, struct error *err);

/* The child of a node by byte, 0 when there is none. */
static inline uint32_t trie_child(const struct vocab *v, uint32_t node, uint8_t byte)
{
    const uint8_t *from = v->kid_byte + v->kid_at[node];
    const uint8_t *at = memchr(from, byte, v->kid_at[node + 1] - v->kid_at[node]);
    return at ? v->kid[at - v->kid_byte] : 0;
}

/* The node of a text, or 0. */
uint32_t trie_find(const struct vocab *v, struct slice text);
/* Ids of the longest tokens that spell `text` from its start; bytes without a token count one. */
uint32_t vocab_greedy_count(const struct vocab *v, struct slice text);

#endif
