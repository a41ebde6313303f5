/* atlas.h - rows of a vocabulary by what its tokens are made of; made once, never changed.
 *
 * A state that stays where it is for the bytes of a set S allows every token made of S alone.  Which
 * tokens those are is a few ORs of rows, whatever the size of the vocabulary; only tokens with some
 * other byte that leads on have to be walked, and the trie says below which nodes there are any.
 *
 *      has     a tree over the 128 ASCII bytes: row 128 + b holds tokens with byte b, row k the
 *              union of rows 2k and 2k + 1
 *      leads   the same of each byte that begins a longer code point
 *      upto    row k holds tokens in which at most k code points begin
 *      tails   what stands behind the first quote of a token: `","` and `x","` share the tail `,"`
 *      blanks  nodes whose path is blanks alone: white space between two parts of JSON */
#ifndef RUNTIME_CONSTRAIN_ATLAS_H
#define RUNTIME_CONSTRAIN_ATLAS_H

#include "runtime/constrain/trie.h"

/* Bytes below 0x80 and, in `up`, from 0xc0 on; bit 0 stands for NUL and for those between. */
struct byte_set {
    uint64_t lo, hi, up;
};

static inline struct byte_set byte_set_of(uint8_t b)
{
    if (b >= 0x80 && b < 0xc0)
        b = 0;
    return b < 64 ? (struct byte_set){ 1ull << b, 0, 0 } : b < 128 ? (struct byte_set){ 0, 1ull << (b - 64), 0 }
           : (struct byte_set){ 0, 0, 1ull << (b - 0xc0) };
}

static inline struct byte_set byte_set_join(struct byte_set a, struct byte_set b)
{
    return (struct byte_set){ a.lo | b.lo, a.hi | b.hi, a.up | b.up };
}

/* From 256 bits, one a byte. */
static inline struct byte_set byte_set_from(const uint32_t w[8])
{
    return (struct byte_set){ w[0] | (uint64_t)w[1] << 32 | ((w[4] | w[5]) != 0), w[2] | (uint64_t)w[3] << 32,
                              w[6] | (uint64_t)w[7] << 32 };
}

/* Whether there are more than n. */
static inline bool byte_set_over(struct byte_set s, int n)
{
    for (; n > 0 && s.lo; n--)
        s.lo &= s.lo - 1;
    for (; n > 0 && s.hi; n--)
        s.hi &= s.hi - 1;
    for (; n > 0 && s.up; n--)
        s.up &= s.up - 1;
    return s.lo | s.hi | s.up;
}

static inline bool byte_set_meets(struct byte_set a, struct byte_set b)
{
    return (a.lo & b.lo) | (a.hi & b.hi) | (a.up & b.up);
}

/* Sixteen kinds of bytes, a bit each: those with some byte in the set, or with all of theirs. */
struct atlas;
uint16_t byte_kinds_some(const struct atlas *a, struct byte_set s);
uint16_t byte_kinds_all(const struct atlas *a, struct byte_set s);
/* The kind of bytes inside a code point, and that of those which begin one. */
enum { KIND_INNER = 1 << 1, KIND_UP = 1 << 2 };

/* Bytes of the nodes right below one. */
struct byte_set trie_kids(const struct trie_node *n, uint32_t node);

enum { UPTO_MAX = 256 };

struct blank_node {             /* the path to `node` is `n` blanks */
    uint32_t        node, n;
    struct byte_set kids;
};

struct quote_prefix {           /* what stands before the first quote of tokens, quote included */
    struct slice text;
    uint32_t     first, n;      /* in prefix_rank */
};

struct atlas {
    size_t            words;
    uint32_t         *has;      /* [256] rows */
    uint32_t         *high;     /* tokens with a byte from 0x80 up */
    uint32_t         *leads;    /* [64] rows: tokens with the byte 0xc0 + i */
    uint32_t         *ill;      /* tokens that are no beginning of UTF-8 text */
    uint32_t         *upto;     /* [n_upto] rows */
    uint32_t          n_upto;
    uint8_t          *cps;      /* [n_id] code points begun, at most 254 */
    uint32_t         *starts;   /* [128] rows: tokens that begin with the byte */
    struct byte_set  *below;    /* [n_node] bytes of a node and of all nodes below it */
    uint8_t          *deep;     /* [n_node] depth of the deepest of them */
    uint16_t         *kinds;    /* [n_node] kinds of those bytes: less exact, and less to read */
    struct byte_set   kind[16]; /* bytes of each */
    bool             *fits;     /* [n_node] what lies below, read on from here, is UTF-8 text or the beginning of it */
    uint32_t         *order;    /* all tokens of the trie in the order of nodes, and */
    uint32_t         *order_at; /* [n_node + 1] where those at or behind a node begin in it */
    struct trie_node *tail;     /* [n_tail]; 0 is the empty tail */
    uint16_t         *tail_rank;        /* [n_tail + 1] rank of the first token with exactly this tail */
    uint32_t          n_tail;
    uint32_t         *rank_id;  /* [n_rank] tokens with a quote, by tail */
    uint32_t          n_rank;
    struct quote_prefix *prefix;        /* [n_prefix] */
    uint32_t          n_prefix, cap_prefix;
    uint16_t         *prefix_rank;      /* [n_rank] ranks of the tokens of each prefix */
    uint16_t         *rank;     /* [n_id] of a token, ATLAS_NO_RANK: no quote in it */
    struct blank_node *blank;   /* [n_blank] in the order of nodes */
    uint32_t          n_blank, cap_blank;
};

enum { ATLAS_NO_RANK = 0xffff };

enum status atlas_new(const struct vocab *v, struct atlas **ret, struct error *err);
void        atlas_free(struct atlas *a);

/* Adds the ranks of `n` nodes from `node` on. */
static inline void tail_ranks_add(const struct atlas *a, uint32_t node, uint32_t n, uint32_t *set)
{
    for (uint32_t r = a->tail_rank[node]; r < a->tail_rank[node + n]; r++)
        bitset_add(set, r);
}

/* Texts of code points of one set, as in struct terminal_class; `lo` and `hi` of the sets are ASCII. */
struct class_of_state {
    struct byte_set stay, not_first;
    uint32_t        hi;
};

/* Adds the tokens that are such texts, or the beginning of one inside a code point. */
void atlas_add_staying(const struct vocab *v, const struct class_of_state *c, uint32_t *row);
/* row |= from, tokens of more than `hi` code points left out. */
void atlas_add_upto(const struct atlas *a, const uint32_t *from, uint32_t hi, uint32_t *row);

#endif
