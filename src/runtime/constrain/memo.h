/* memo.h - what a leaf state allows of a vocabulary, kept for all patterns and requests.
 *
 * A token either ends inside the leaf, or passes an exit: a trie node where the leaf may end.
 *
 *      in a string:   a|b|c       row: tokens that stay inside
 *                     a|b|"|,     exit at the node of `ab"`, with label 0
 *
 * The entry depends on the leaf's state alone.  What may follow an exit depends on the config and is
 * walked there; exits are few.  Entries are found by the 128-bit identity of the state's future, are
 * immutable and counted; over the byte budget all of them are dropped. */
#ifndef RUNTIME_CONSTRAIN_MEMO_H
#define RUNTIME_CONSTRAIN_MEMO_H

#include <pthread.h>
#include <stdatomic.h>

#include "compiler/pattern/automaton.h"
#include "compiler/pattern/terminal.h"
#include "runtime/constrain/trie.h"

struct leaf_exit {
    uint32_t node;
    uint32_t token;         /* one that begins with the path to the node */
    uint16_t cps;           /* code points read, in loops */
    uint8_t  labels;        /* bit i: label i may be taken */
};

struct leaf_mask {
    atomic_uint       n_ref;
    struct hash128    key;
    struct leaf_mask *next;
    size_t            bytes;
    uint32_t         *row;          /* dense, or NULL */
    uint32_t         *id;           /* [n_id] sparse, where row is NULL */
    uint32_t          n_id;
    struct leaf_exit *exit;
    uint32_t          n_exit;
    bool              exits_all;    /* too many exits to list: walk the configs instead */
    uint8_t          *cps;          /* [n_id of the vocabulary] loops: code points begun, 255 not in */
};

struct leaf_memo;

struct leaf_memo *leaf_memo_new(size_t max_bytes);      /* NULL: out of memory */
void              leaf_memo_free(struct leaf_memo *m);

/* The entry of a leaf state, found or walked; the caller unrefs it.  NULL: the state has no entry
 * (its labels are many, it has no identity) or memory is out. */
struct leaf_mask *leaf_mask_get(const struct vocab *v, struct family *f, uint32_t q);
void              leaf_mask_unref(struct leaf_mask *l);

/* Bytes that would end an excluded text, if the state is "any text but a few": the entry returned is
 * that of any text.  Format as in terminal_excludes. */
struct leaf_mask *leaf_mask_excluding(const struct vocab *v, struct family *f, uint32_t q,
                                      struct str *ret_excluded);

#endif
