/* sched_int.h - the scheduler's own state, for the files of this folder.
 *
 *   sched.c     thread, inbox, the step            admit.c     queue, pages, retraction
 *   batch.c     which rows a step computes         generate.c  a row of logits to a token
 *   masks.c     what may be sampled                mask_jobs.c the same, beside the forward
 *   deliver.c   how a value ends               order.c     who is next
 *   runner.c    the forward, on its own thread lengths.c   answers of late, for admission
 *   pace.c      prompts beside decoding
 *   score.c     arithmetic of choosing             score_job.c rows of the options
 *   draw.c      tokens drawn where the logits are
 */
#ifndef RUNTIME_SCHED_SCHED_INT_H
#define RUNTIME_SCHED_SCHED_INT_H

#include <pthread.h>

#include "runtime/sched/pace.h"
#include "runtime/sched/runner.h"
#include "runtime/sched/sched.h"

enum {
    SCHED_MAX_LOGITS = 64,      /* rows of logits kept at once: bounds the buffer */
    SCHED_PASS_MAX = 8,         /* requests tried in a round, and admitted in all, behind one that
                                   does not fit */
    SCHED_LOOK_UPS = 64,        /* waiting requests looked up in the tree in a round */
    SCHED_STUCK_STEPS = 4,      /* steps without a row and without an end, ... */
    SCHED_ASIDE_ITEMS = 64,     /* things taken from the queue while a step runs */
};

/* Places in the line of next uses: requests by their arrival, then contexts without one. */
#define USE_LATER ((uint64_t)1 << 62)

struct sched {
    struct backend         *backend;
    const struct backend_info *info;
    const struct tokenizer *tokenizer;
    struct vocab           *vocab;
    uint32_t                end_token[16];
    uint32_t                n_end_token;
    uint32_t                max_running;
    uint64_t                max_queued_tokens;      /* of prompts that wait; 0: no bound */
    bool                    no_cache, no_force, check_steps;
    bool                    strict;         /* admission counts with the longest answer */
    uint32_t                n_still;        /* ... one after the other, until somebody makes room */
    bool                    announces;      /* eviction goes by next uses */
    bool                    no_tree, no_pending;

    struct runner          *runner;         /* NULL: steps run on this thread */
    struct queue           *inbox;
    struct inbox_item      *next_item;      /* taken from the queue, not looked at yet; or NULL */
    pthread_t               thread;
    bool                    stopping;
    struct inbox_item       stop_item;

    struct pages           *pages;
    struct radix           *radix;
    struct events          *events;         /* or NULL */
    struct timeline        *rest_first, *rest_last;     /* least recently used first, ... */
    struct timeline        *rest_pin;                   /* ... then, from this one on, the pinned */
    struct request        **running;        /* [n_running] in order of admission */
    uint32_t                n_running, cap_running;
    struct request        **reader;         /* [n_running] in the order of a step's prompt rows */
    uint32_t                cap_reader;
    bool                    urged;          /* some are more urgent than others */
    struct request        **waiting;        /* [n_waiting] best first, as of the last round */
    struct order           *order;
    uint64_t                n_round;        /* of admission */
    uint32_t                n_waiting, cap_waiting;
    bool                    in_order;       /* `waiting` was sorted for the next round already */
    uint32_t                n_stream_due;   /* requests with text that was not shown yet */
    uint64_t                next_seq, next_arrival;
    struct request         *ended_first, *ended_last;   /* finished, not yet told */

    /* the step being built */
    uint32_t               *tok;            /* [max_batch_tok] */
    uint32_t                n_row, n_decode_row;
    struct pace             pace;           /* of prompt rows */
    struct batch_seq       *seq;            /* [max_seq] */
    uint32_t                n_seq;
    uint32_t               *logit_row;      /* [SCHED_MAX_LOGITS] */
    uint32_t                n_logit;
    float                  *logits;         /* [SCHED_MAX_LOGITS, n_vocab] */
    bool                    has_prompt_rows;

    struct sampler         *sampler;
    struct mask_jobs       *masks;
    uint32_t               *mask;           /* one row */
    uint32_t               *text_mask;      /* tokens that are text, and end tokens */

    pthread_mutex_t         lock;           /* guards `shown` */
    struct sched_stats      shown;
    struct sched_stats      stats;          /* the thread's own */
    uint64_t                n_copied;
};

/* ---- admit.c ---- */
void     sched_set_pin_budget(struct sched *s, const struct sched_opts *opts);
bool     sched_enqueue(struct sched *s, struct request *r);
void     sched_admit(struct sched *s);
void     sched_foresee(struct sched *s);        /* puts the queue in order for the next round */
uint32_t sched_take_page(struct sched *s);      /* evicts and wakes resting timelines; or PAGE_NONE */
/* Pages for tokens up to n_tok; retracts younger requests when there are none.  False: `r` itself
 * was retracted or has ended. */
bool     sched_grow(struct sched *s, struct request *r, uint32_t n_tok);
void     sched_retract(struct sched *s, struct request *r);
/* Who gives its pages up first; NULL: only the oldest runs, which never does. */
struct request *sched_victim(const struct sched *s);
/* The one predicate of refusal: what can never run. */
enum status sched_possible(const struct sched *s, const struct request *r, struct error *err);
uint32_t sched_window(const struct sched *s);   /* most tokens a context can have here */

/* ---- batch.c ---- */
void batch_build(struct sched *s);
/* Place of the first token of r whose row of logits is needed, so that nothing from it on may be
 * taken from the cache.  Forced tokens have log-probabilities too, when somebody asked: the rows
 * before them count until they are known. */
uint32_t batch_first_wanted(const struct request *r);
/* Adds rows at the end of the step; returns the first row. */
uint32_t batch_add(struct sched *s, const uint32_t *tok, uint32_t n, uint32_t pos,
                   const uint32_t *page);
uint32_t batch_want_logits(struct sched *s, uint32_t row);
bool     batch_has_room(const struct sched *s, uint32_t n_logit);

/* ---- masks.c ---- */
/* Who may come next; *ret_row NULL: everything.  *ret_complete: nothing may, and the value is
 * whole. */
enum status mask_fill(struct sched *s, struct request *r, const uint32_t **ret_row,
                      bool *ret_complete, struct error *err);
bool        is_end_token(const struct sched *s, uint32_t id);

/* ---- mask_jobs.c ---- */
enum status mask_jobs_new(uint32_t n_job, size_t n_logit, uint32_t n_worker,
                          uint32_t patience_us, struct mask_jobs **ret, struct error *err);
void        mask_jobs_free(struct mask_jobs *m);    /* no request has a job; NULL is fine */
void        mask_jobs_begin(struct sched *s);       /* for the rows of the step that was built */
/* Of a request with a job: whether it is done, soon after the end of the device's work at most; */
bool        mask_jobs_ready(struct sched *s, struct request *r, uint64_t step_end_ns);
void        mask_jobs_wait(struct sched *s, struct request *r);     /* ... or until it is. */
/* The row of a job that is done; the request leaves it. */
enum status mask_jobs_take(struct sched *s, struct request *r, uint32_t *row, struct error *err);
/* The request ends: it waits for nothing, and a mask that is not done takes its matcher. */
void        mask_jobs_leave(struct sched *s, struct request *r);
void        mask_jobs_pause(struct request *r);     /* its row is lost; a job stays for the next one */

/* ---- generate.c ---- */
void generate_begin(struct sched *s, struct request *r);
void generate_fill(struct sched *s, struct request *r);     /* log-probabilities of forced tokens */
/* Uses the logits behind the last token: samples, forces, closes, ends. */
void generate_step(struct sched *s, struct request *r, const float *logits);
struct sample_input generate_input(const struct sched *s, const struct request *r,
                                   const float *logits, const uint32_t *mask);

/* ---- draw.c ---- */
bool        draw_on_device(const struct sched *s);
/* Behind a pass whose logits stayed on the device: draws there what can be, fetches the rest. */
enum status draw_rows(struct sched *s, struct error *err);

/* ---- deliver.c ---- */
void deliver_stream(struct request *r, bool last);
/* The same, while the next step runs where steps have a thread of their own. */
void deliver_soon(struct sched *s, struct request *r);
/* Ends the value at `n_value` bytes: cuts tokens, keeps what the last one has of the value. */
void deliver_end(struct sched *s, struct request *r, enum request_end end, size_t n_value);
/* Every request ends here: pages to rest or back, counters, on_end. */
void request_finish(struct sched *s, struct request *r, enum status st, const struct error *err);
void request_remove(struct sched *s, struct request *r);    /* out of running or waiting */

/* ---- score_job.c ---- */
enum status score_job_new(struct sched *s, struct request *r, struct error *err);
void        score_job_free(struct sched *s, struct score_job *job);
void        score_job_root(struct sched *s, struct request *r, const float *logits);
void        score_job_build(struct sched *s, struct request *r);
/* After the step; true when all rows are known. */
bool        score_job_collect(struct sched *s, struct request *r);
enum status score_job_solve(struct request *r, struct error *err);
void        score_job_keep(struct sched *s, struct request *r);     /* select: the option stays */
uint32_t    score_job_pages(const struct score_job *job);

#endif
