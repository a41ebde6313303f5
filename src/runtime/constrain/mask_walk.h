/* mask_walk.h - going down a trie with configs, and with the leaves of their threads.
 *
 * What lives goes to one of two places: tokens of the vocabulary's trie into a mask, or ranks of the
 * trie of tails (atlas.h) into a set. */
#ifndef RUNTIME_CONSTRAIN_MASK_WALK_H
#define RUNTIME_CONSTRAIN_MASK_WALK_H

#include "compiler/pattern/terminal.h"
#include "runtime/constrain/atlas.h"
#include "runtime/constrain/constraint_data.h"

/* Stepping a config makes a config for every byte that lives.  Within one token the leaves of its
 * threads say as much, and their steps are kept; only where a leaf ends is there a config to make. */
enum { LEAVES_MAX = 12 };

struct leaf_end {
    uint32_t node;
    uint16_t thread, label;
};

struct walk_todo {
    struct byte_set first;              /* bytes that can be read at the config */
    uint32_t        node, config;
    uint32_t        depth;              /* leaves left since the walk began */
};

/* Room that walks share, kept between masks. */
struct walk_room {
    struct leaf_end  *end;
    struct walk_todo *todo;
    uint32_t          n_end, cap_end, n_todo, cap_todo;
    uint32_t          q[TRIE_TOKEN_MAX + 2][LEAVES_MAX];
};

enum { LIST_MAX = 4096, BASES_MAX = 8 };

/* A mask at work: the row, and how it came about as long as that is short. */
struct mask_out {
    const struct vocab *v;
    struct family      *f;
    struct walk_room   *room;
    uint32_t           *row;
    struct leaf_mask   *base[BASES_MAX];        /* counted: rows that were added, up to base_hi */
    uint32_t            base_hi[BASES_MAX];
    uint32_t            n_base;
    uint32_t            n_id;                   /* tokens added one by one */
    uint32_t            id[LIST_MAX];
    bool                dense;                  /* something else was added, or too much to list */
};

static inline void mask_add(struct mask_out *o, uint32_t id)
{
    bitset_add(o->row, id);
    if (o->n_id < LIST_MAX)
        o->id[o->n_id++] = id;
    else
        o->dense = true;
}

/* All ids that end at a node. */
static inline void mask_add_node(struct mask_out *o, const struct trie_node *n)
{
    for (uint32_t t = trie_token(n); t != TOKEN_NONE; t = trie_twin(o->v, n, t))
        mask_add(o, t);
}

/* An empty walk_room; the other frees what walks put there. */
static inline void walk_room_open(struct walk_room *r)
{
    r->end = NULL;
    r->todo = NULL;
    r->n_end = r->cap_end = r->n_todo = r->cap_todo = 0;
}

void walk_room_close(struct walk_room *r);

/* A mask whose row is zeroed; the other gives up what was counted. */
void mask_out_open(struct mask_out *o, const struct vocab *v, struct family *f, struct walk_room *room,
                   uint32_t *row);
void mask_out_close(struct mask_out *o);
/* Adds the row of an entry, without tokens of more than `hi` code points. */
void mask_add_base(struct mask_out *o, struct leaf_mask *l, uint32_t hi);

/* Bytes that can be read at a config. */
struct byte_set config_first(struct family *f, uint32_t config);

/* Adds the tokens below `root` whose bytes live, read from `config`, which stands for the root.
 * `origin`: the config at the trie's root, from which a config in doubt is reached again exactly;
 * CONFIG_DEAD where nothing is left open.  False: the family failed or memory is out. */
bool mask_walk(struct mask_out *o, uint32_t root, uint32_t config, uint32_t origin);
/* Tokens of the vocabulary that have a byte of `lead`, which leads away from `config`; the others are
 * the caller's. */
bool mask_walk_leading(struct mask_out *o, uint32_t config, struct byte_set lead);

/* The tails that can be read from a config, by rank; of those in `doubt` only the whole token tells. */
bool tails_walk(struct mask_out *o, uint32_t config, uint32_t *live, uint32_t *doubt);

#endif
