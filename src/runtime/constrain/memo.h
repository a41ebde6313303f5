/* memo.h - what a leaf state allows of a vocabulary, kept for all patterns and requests.
 *
 * A token either ends inside the leaf, or passes an exit: a trie node where the leaf may end.
 *
 *      in a string:   a|b|c       row: tokens that stay inside
 *                     a|b|"|,     exit at the node of `ab"`, with label 0
 *
 * The entry depends on the leaf's state alone.  What may follow an exit depends on the config and is
 * walked there.  A string has an exit in front of each quote; its tokens are kept by what stands
 * behind the quote (tails of atlas.h), which is walked once for all of them.
 *
 * A leaf of blanks can end behind each of them, so there is a second kind of entry: what a leaf
 * allows behind any run of blanks, with their number beside each token.
 *
 * Entries are found by the 128-bit identity of the state's future, are immutable and counted; over
 * the byte budget all of them are dropped. */
#ifndef RUNTIME_CONSTRAIN_MEMO_H
#define RUNTIME_CONSTRAIN_MEMO_H

#include <pthread.h>
#include <stdatomic.h>

#include "compiler/pattern/automaton.h"
#include "compiler/pattern/terminal.h"
#include "runtime/constrain/atlas.h"

enum { CPS_ANY = 254 };         /* as an upper bound: none */

struct leaf_exit {
    struct byte_set kids;       /* bytes of the nodes right below */
    uint32_t node;
    uint32_t token;             /* one that begins with the path to the node */
    uint16_t cps;               /* code points read, in loops */
    uint16_t label;
};

struct leaf_mask {
    atomic_uint       n_ref;
    struct hash128    key;
    struct leaf_mask *next;
    size_t            bytes;
    bool              pinned;
    struct leaf_mask *inside;   /* counted: tokens that stay inside are those of another entry */
    uint32_t         *row;      /* tokens that stay inside, or NULL */
    uint32_t         *id;       /* [n_id] and these */
    uint8_t          *id_cps;   /* [n_id] loops: code points begun; behind blanks: how many */
    uint32_t          n_id;
    struct leaf_exit *exit;     /* [n_exit] in the order of nodes */
    uint32_t          n_exit;
    uint32_t          n_label;  /* labels of exits are below */
    bool              exits_all;        /* too many exits to list: walk the configs instead */
    uint32_t         *quoted;   /* by rank: tokens whose first quote is an exit; NULL: none are */
    uint8_t          *quoted_cps;       /* [n_rank] loops: code points before it */
    bool              blank;    /* its exits are all runs of blank_lo to blank_hi blanks, with one label */
    uint8_t           blank_lo, blank_hi;
};

/* An entry as a state uses it: of a loop, code points up to its bounds; of any text but a few, the
 * entry of any text without the exits of those few. */
struct leaf_view {
    struct leaf_mask *l;        /* counted; NULL: the state has no entry */
    struct leaf_mask *minus;    /* counted, or NULL */
    uint32_t          lo, hi;   /* loops; else 0 and CPS_ANY */
    uint32_t          minus_lo, minus_hi;
};

struct leaf_memo;

struct leaf_memo *leaf_memo_new(size_t max_bytes);      /* NULL: out of memory */
void              leaf_memo_free(struct leaf_memo *m);
void              leaf_memo_clear(struct leaf_memo *m);
void              leaf_memo_bound(struct leaf_memo *m, size_t max_bytes);
/* Entries made while this is on stay, whatever the budget. */
void              leaf_memo_pin(struct leaf_memo *m, bool on);

/* The entry of a leaf state, found or walked; the caller closes the view.  None: the state has no
 * identity, or memory is out. */
struct leaf_view leaf_mask_get(const struct vocab *v, struct family *f, uint32_t q);
/* The same of tokens that begin with blanks, read from behind them. */
struct leaf_view leaf_mask_behind_blanks(const struct vocab *v, struct family *f, uint32_t q);
void             leaf_view_close(struct leaf_view *w);
struct leaf_mask *leaf_mask_ref(struct leaf_mask *l);
void             leaf_mask_unref(struct leaf_mask *l);

#endif
