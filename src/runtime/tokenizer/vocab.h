/* vocab.h - inside of the tokenizer folder: the tables of one vocabulary, and how they are built.
 *
 *     by id          name "Ġthe"   bytes " the"   kind normal
 *     by bytes       " the" -> id              ordinary tokens only
 *     pairs          (id, id) -> rank, id      the merges of a byte-level vocabulary
 *     rank           id -> rank                the scores of a SentencePiece vocabulary
 *     added trie     "<|im_end|>" -> id        tokens that are found in text before any split
 *
 * All text lies in the arena of the tokenizer; nothing points into the file it came from. */
#ifndef RUNTIME_TOKENIZER_VOCAB_H
#define RUNTIME_TOKENIZER_VOCAB_H

#include "base/arena.h"
#include "base/hashmap.h"
#include "runtime/tokenizer/pretok.h"
#include "runtime/tokenizer/tokenizer.h"

enum { TOKENIZER_MAX_VOCAB = 1 << 22 };

/* The numbers of `tokenizer.ggml.token_type`. */
enum token_kind {
    TOKEN_NORMAL = 1,
    TOKEN_UNKNOWN = 2,
    TOKEN_CONTROL = 3,
    TOKEN_USER = 4,         /* added, but ordinary text: found in any text before the split */
    TOKEN_UNUSED = 5,
    TOKEN_BYTE = 6,
};

enum vocab_model {
    VOCAB_BPE,              /* byte-level: names in the byte alphabet, a split, merges by rank */
    VOCAB_SPM,              /* SentencePiece: names with U+2581 for a blank, merges by score */
};

/* A node of the added-token trie: children are a list by `sibling`. */
struct trie_node {
    uint32_t child;         /* 0: none (node 0 is the root) */
    uint32_t sibling;
    uint32_t id;            /* token that ends here, or TOKEN_NONE */
    uint8_t  byte;
    bool     control;
};

struct tokenizer {
    enum vocab_model   model;
    struct arena       text;
    struct slice      *name;        /* [n_vocab] */
    struct slice      *bytes;       /* [n_vocab] */
    uint8_t           *kind;        /* [n_vocab] enum token_kind */
    uint32_t           n_vocab;
    struct hashmap     by_bytes;
    struct hashmap     by_control;
    struct idmap       pair;        /* left << 32 | right -> rank << 32 | merged */
    uint32_t          *rank;        /* [n_vocab] lower merges first; TOKEN_NONE: never (SPM) */
    uint32_t           max_piece;   /* bytes of the longest normal token */
    uint32_t           unk;         /* or TOKEN_NONE */
    bool               prefix_space;    /* a blank in front of a text, and behind control tokens */
    uint32_t           byte_id[256];
    struct trie_node  *node;
    uint32_t           n_node, cap_node;
    bool               added_first[256];    /* some added token begins with this byte */
    struct pretok     *pretok;
    bool               ignore_merges;
    bool               composes;
    uint32_t           bos, eos;
    bool               adds_bos;
    uint64_t           hash;
};

/* A vocabulary in memory.  Merges are written as in files: "left right" in vocabulary text.  A
 * score of minus infinity is that of a token to which no merge leads. */
struct vocab_spec {
    enum vocab_model    model;
    const char         *pre;        /* of VOCAB_BPE */
    const struct slice *name;       /* [n_name] */
    const uint8_t      *kind;       /* [n_name], or NULL: all normal */
    uint32_t            n_name;
    const struct slice *merge;      /* [n_merge] in order of rank */
    uint32_t            n_merge;
    const float        *score;      /* [n_name] of VOCAB_SPM */
    bool                prefix_space;
    uint32_t            bos, eos;   /* or TOKEN_NONE */
    uint32_t            unk;        /* of VOCAB_SPM, or TOKEN_NONE */
    int                 adds_bos;   /* -1: as usual for `pre`, or for the model */
};

/* Copies what it keeps. */
enum status vocab_build(const struct vocab_spec *spec, struct tokenizer **ret, struct error *err);

/* The longest added token at the head of `text`, or TOKEN_NONE; control tokens only with markup. */
uint32_t vocab_added_at(const struct tokenizer *t, struct slice text, bool markup, size_t *ret_len);

#endif
