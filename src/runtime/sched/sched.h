/* sched.h - the scheduler: one thread that owns requests, timelines' pages, the prefix tree and
 * the device.
 *
 * Everything reaches it through its queue.  It computes in steps; requests join and leave at every
 * step; rows of decoding and chunks of prompts share one.  Within a fixed build and device the
 * tokens of a request depend on nothing but the request (reference: determinism). */
#ifndef RUNTIME_SCHED_SCHED_H
#define RUNTIME_SCHED_SCHED_H

#include "runtime/backend/backend.h"
#include "runtime/cache/events.h"
#include "runtime/sched/order.h"
#include "runtime/sched/request.h"

struct sched;

struct sched_opts {
    struct backend         *backend;        /* the owner's; outlives the scheduler */
    const struct tokenizer *tokenizer;      /* may be NULL in tests that give `bytes` */
    struct vocab           *vocab;
    const uint32_t         *end_token;
    uint32_t                n_end_token;
    uint32_t                max_running;    /* 0: 64 */
    uint32_t                step_tokens;    /* prompt rows of a step; 0: chosen */
    uint32_t                itl_target_ms;  /* decoding comes so often, whatever is read; 0: no target */
    uint64_t                max_queued_tokens;      /* prompts beyond it are refused; 0: none */
    struct order_opts       order;
    enum radix_policy       evict;
    struct events          *events;         /* of the cache: sealed once a step; NULL: told to nobody */
    uint32_t                pin_percent;    /* of the pool that hard pins may keep; 0: chosen, ... */
    bool                    no_pins;        /* ... none */
    bool                    no_cache, no_force;
    bool                    strict;         /* who is admitted is never retracted */
    bool                    overlap;        /* steps run on a thread of their own */
    bool                    no_tree;        /* only prompts that are equal as a whole share */
    bool                    no_pending;     /* a prefix is not shared while it is being computed */
    uint32_t                mask_workers;   /* threads that fill masks; 0: the scheduler does */
    uint32_t                mask_patience_us;   /* what a step waits for them when others go on */
    bool                    check_steps;    /* every invariant after every step (tests) */
};

struct sched_stats {
    uint64_t prompt_tokens, cached_tokens, computed_tokens, generated_tokens, forced_tokens;
    uint64_t steps, requests, failed, cancelled, retracted;
    uint64_t evicted_pages, copied_pages, pins_refused;
    uint64_t miss_cold, miss_evicted, miss_namespace, miss_boundary, miss_logprobs;
    uint32_t pages_total, pages_free, pages_cached, pages_held;
    uint32_t running, waiting;
    uint64_t prefill_ns, decode_ns, mask_ns, sample_ns;
    uint64_t masks;                         /* filled for rows of constraints ... */
    uint64_t masks_shared;                  /* ... rows that took another's ... */
    uint64_t masks_late;                    /* ... and rows that slipped a step for theirs */
};

enum status sched_new(const struct sched_opts *opts, struct sched **ret, struct error *err);
/* Cancels what runs, ends the thread.  All timelines must be dropped or have an open request. */
void        sched_free(struct sched *s);

void sched_submit(struct sched *s, struct request *r);
void sched_poke(struct sched *s, struct timeline *tl);      /* something was cancelled */
void sched_drop(struct sched *s, struct timeline *tl);      /* takes the timeline */

void sched_read_stats(struct sched *s, struct sched_stats *ret);
/* Asks the thread to check itself; waits for the answer. */
bool sched_check(struct sched *s, struct error *err);
/* Forgets all that is cached and not pinned hard, also what contexts keep between their requests;
 * waits for it.  ST_STATE while requests run or wait. */
enum status sched_flush(struct sched *s, struct error *err);

#endif
