/* events.h - what happened to the pages of the cache, as batches in a ring.
 *
 *      scheduler thread:  stored, removed, cleared ... seal        publisher: next, since
 *                         `------- one batch a step -------'       (any other thread)
 *
 * A page that holds the tokens of one block is told once it is computed, and once when it is taken
 * back.  A block has a 64-bit hash of its namespace and of all tokens up to its end, whatever the
 * tree's nodes are.  A batch is a msgpack array as KV-aware routers read it:
 *
 *      [time, [event ...]]
 *      ["BlockStored", [hash ...], parent or nil, [token ...], block size, nil, "GPU"]
 *      ["BlockRemoved", [hash ...], "GPU"]        ["AllBlocksCleared"]
 *
 * or with maps for events, whose fields have names: type, block_hashes, parent_block_hash,
 * token_ids, block_size, lora_id, medium.
 *
 * "GPU" is the name of the pool that the model reads, wherever that is.  The ring is bounded in
 * batches and bytes; the oldest go, and a gap in the numbers tells a subscriber. */
#ifndef RUNTIME_CACHE_EVENTS_H
#define RUNTIME_CACHE_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct events;

enum events_form { EVENTS_ARRAYS, EVENTS_MAPS };

/* n_batch 0: 10,000. */
enum status events_new(uint32_t n_batch, enum events_form form, struct events **ret,
                       struct error *err);
void        events_free(struct events *e);      /* NULL is fine */

/* ---- the scheduler's thread ---- */
/* n pages one behind the other, with P tokens each; `parent` is NULL at the beginning of a text. */
void events_stored(struct events *e, const uint64_t *parent, const uint64_t *hash, uint32_t n,
                   const uint32_t *tok, uint32_t page_tokens);
void events_removed(struct events *e, const uint64_t *hash, uint32_t n);
void events_cleared(struct events *e);
/* What was told since the last time becomes a batch, if there is anything. */
void events_seal(struct events *e);

/* ---- another thread ---- */
/* The first batch with a number of at least `seq`: its bytes are appended to out.  False: there is
 * none yet. */
bool events_read(struct events *e, uint64_t seq, uint64_t *ret_seq, struct str *out);
int  events_fd(const struct events *e);         /* readable when there may be new batches */
void events_woken(struct events *e);            /* makes it unreadable */
void events_wake(struct events *e);             /* makes it readable */

#endif
