/* constraint_data.h - the insides of a constraint, for the files of this folder. */
#ifndef RUNTIME_CONSTRAIN_CONSTRAINT_DATA_H
#define RUNTIME_CONSTRAIN_CONSTRAINT_DATA_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/hashmap.h"
#include "base/intern.h"
#include "compiler/pattern/automaton.h"
#include "runtime/constrain/trie.h"

struct memo_row;

/* Tails (atlas.h) that can be read from one config, by rank; of those in `doubt` only the whole token
 * tells. */
struct tail_set {
    uint32_t *live, *doubt;
};

/* What is known of the configs of one family; rows of a config do not depend on who asks. */
struct memo {
    struct idmap     at;        /* follow text and config -> row number */
    struct memo_row *row;
    uint32_t         n_row, cap_row;
    struct idmap     tails_at;  /* config -> number of its tails */
    struct tail_set *tails;
    uint32_t         n_tails, cap_tails;
    struct arena     arena;
    size_t           bytes;     /* of rows, beside the arena */
};

/* A family with its masks, shared by the matchers that began with it. */
struct drive {
    atomic_uint     n_ref;
    pthread_mutex_t lock;       /* around the family and the memo */
    struct family  *f;
    struct memo     memo;
    struct intern   follow;     /* texts behind values that matchers named */
};

struct constraint {
    atomic_uint             n_ref;
    const struct vocab     *v;
    struct pattern         *p;
    pthread_mutex_t         lock;       /* around `drive` and `min_tokens` */
    struct drive           *drive;      /* the one that new matchers take */
    uint32_t                min_tokens; /* 0 while not measured, or where that failed */
    bool                    measured;
    struct constraint_table *table;
    struct hash128          key;
    uint64_t                used;       /* clock of the table */
    struct constraint      *next;
};

enum status constraint_drive(struct constraint *c, struct drive **ret, struct error *err);
void        drive_unref(struct drive *d);
struct constraint *constraint_ref(struct constraint *c);

struct mask_out;

/* Adds every token whose bytes lead from `config` to a living config, walked config by config.
 * False: the family failed or memory is out. */
bool mask_walk_plain(const struct vocab *v, struct family *f, uint32_t config, uint32_t *row);
/* The same, leaf by leaf with the memo of leaves. */
bool mask_by_leaves(struct mask_out *o, struct memo *m, uint32_t config);
/* Sets the row to the tokens of a config and of the text behind the value (id 0: none), from the memo
 * or walked.  False: failed. */
bool mask_config(struct drive *d, const struct vocab *v, uint32_t config, uint32_t follow_id,
                 struct slice follow, uint32_t *row);
/* Adds tokens that begin with `rest`, taken as read before the config, or end inside it. */
bool mask_healed(struct drive *d, const struct vocab *v, struct slice rest, uint32_t config,
                 uint32_t *row);
/* Adds tokens that leave the value into the text behind it. */
bool mask_follow(struct mask_out *o, uint32_t config, struct slice follow);
/* The tails of a config, found or walked; NULL: failed.  Valid until the next call. */
const struct tail_set *memo_tails(struct memo *m, struct mask_out *o, uint32_t config);
void memo_free(struct memo *m);
/* Makes the masks that are met first (ahead.c).  False: failed, the drive may have too. */
bool masks_ahead(struct drive *d, const struct vocab *v);

#endif
