/* mask_walk.h - going down the trie with configs, and with the leaves of their threads. */
#ifndef RUNTIME_CONSTRAIN_MASK_WALK_H
#define RUNTIME_CONSTRAIN_MASK_WALK_H

#include "compiler/pattern/terminal.h"
#include "runtime/constrain/atlas.h"
#include "runtime/constrain/constraint_data.h"

/* Bytes that can be read at a config. */
struct byte_set config_first(struct family *f, uint32_t config);

/* Sets the tokens below `root` whose bytes live, read from `config`, which stands for the root.
 * `origin`: the config at the trie's root, from which a config in doubt is reached again exactly;
 * CONFIG_DEAD where nothing is left open.  False: the family failed or memory is out. */
bool mask_walk(const struct vocab *v, struct family *f, uint32_t root, uint32_t config, uint32_t origin,
               uint32_t *row);
/* Tokens of the vocabulary that have a byte of `lead`, which leads away from `config`; the others are
 * the caller's. */
bool mask_walk_leading(const struct vocab *v, struct family *f, uint32_t config, struct byte_set lead,
                       uint32_t *row);

/* Stepping a config makes a config for every byte that lives.  Within one token the leaves of its
 * threads say as much, and their steps are kept; only where a leaf ends is there a config to make. */
enum { LEAVES_MAX = 12 };

struct leaf_end {
    uint32_t node;
    uint16_t thread, label;
};

struct leaves {
    struct terminals *t;
    uint32_t          n;
    uint32_t          q[TRIE_TOKEN_MAX + 2][LEAVES_MAX];
    struct leaf_end  *end;
    uint32_t          n_end, cap_end;
    bool              failed;
};

/* False: the threads are many, or what a leaf has read must be known behind it. */
bool leaves_open(struct leaves *w, struct family *f, uint32_t config);
/* One byte from depth d - 1 to d; false: no thread reads it.  Ends are noted with `node` if there is
 * something below it.  *ret_goes: some thread goes on behind the byte. */
bool leaves_step(struct leaves *w, uint32_t d, uint8_t byte, uint32_t node, bool below, bool *ret_goes);

#endif
