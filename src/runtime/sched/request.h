/* request.h - one prepared piece of work: tokens in, a value or scores out.
 *
 * The engine tokenises, heals and compiles, and fills a request; from submit to its end the
 * request, its timeline's tokens and its matcher belong to the scheduler thread.  Every request
 * ends exactly once, through on_end, whatever happens to it:
 *
 *      WAITING --admit--> RUNNING --> ended
 *         ^                  |
 *         `---- retract -----'        (pages go to the tree; sampled tokens are kept)
 */
#ifndef RUNTIME_SCHED_REQUEST_H
#define RUNTIME_SCHED_REQUEST_H

#include "base/rng.h"
#include "runtime/backend/backend.h"
#include "runtime/constrain/matcher.h"
#include "runtime/constrain/stop.h"
#include "runtime/sample/sampler.h"
#include "runtime/sched/score.h"
#include "runtime/sched/timeline.h"

enum request_kind { REQUEST_GEN, REQUEST_SCORE, REQUEST_PREFILL };

enum request_end { END_NONE, END_COMPLETE, END_EOS, END_TEXT, END_STOP, END_CLOSED, END_LENGTH };

struct request_top {
    uint32_t id;
    float    logprob;
};

struct request_token {
    uint32_t id;
    float    logprob;           /* NAN: not known */
    bool     forced;
    uint32_t n_byte;            /* of its text in token_text */
    uint32_t off;
    uint32_t top, n_top;        /* in request.top */
};

struct score_job;

struct request {
    struct inbox_item  item;
    enum request_kind  kind;
    struct timeline   *tl;
    void              *user;
    void             (*on_chunk)(struct request *r, struct slice text);     /* or NULL */
    /* Ends the request; the receiver frees it.  err is NULL when st is ST_OK. */
    void             (*on_end)(struct request *r, enum status st, const struct error *err);
    const atomic_bool *cancel;  /* set by anybody, then sched_poke; NULL: never cancelled */

    int32_t            priority;
    uint64_t           tenant;              /* whose share it is counted against; 0: everybody's */
    uint32_t           weight;              /* of the tenant's share, in thousandths; 0: 1000 */
    uint64_t           deadline_ms;
    uint64_t           submit_ns;

    /* gen; what is pointed to is the engine's and outlives the request */
    struct matcher    *matcher;             /* NULL: any text */
    struct pattern    *pattern;             /* of the matcher: checks where a stop text stands */
    struct stop       *stop;                /* NULL: none */
    struct slice       heal;                /* bytes taken back: spelled first */
    struct slice       follow;              /* as the matcher was told: two that read the same ... */
    bool               open_end;            /* ... under equal ones have equal masks */
    bool               keep_left;           /* a token that leaves the value stays (known text follows) */
    bool               whole;               /* refused when max tokens do not fit behind the context */
    bool               cut;                 /* max ends the value where it is, whole or not */
    bool               strict, ignore_eos, force, logprobs;
    uint32_t           max, min, n_top;     /* max 0: up to the window */
    struct sampling    sampling;
    struct rng_key     key;
    uint32_t           first_index;         /* of the draws */
    const uint32_t    *stop_token;
    uint32_t           n_stop_token;

    /* score */
    struct score_opts  score;

    /* ---- results, good in on_end ---- */
    enum request_end   end;
    struct str         value;               /* bytes of the value */
    struct str         token_text;          /* bytes of its tokens, one after the other */
    struct request_token *token;
    uint32_t           n_token, cap_token;
    struct request_top *top;
    uint32_t           n_top_kept, cap_top;
    uint32_t           n_head;              /* bytes of token 0 that belong to the prompt */
    uint32_t           n_forced;
    uint32_t           n_ahead;             /* bytes of following text already in the context */
    uint32_t           n_loose;             /* tokens at the end that later text may split anew */
    struct slice       stop_text;           /* in token_text */
    uint32_t           stop_id;             /* or TOKEN_NONE */
    double             logprob;
    struct score_result scored;
    uint32_t           n_prompt, n_cached, n_generated;
    /* Of the cached ones: those that another request was computing just then, and those that came
     * with a fork.  The rest was computed before. */
    uint32_t           n_shared, n_forked;
    uint32_t           n_retracted;         /* times it gave its pages up */
    /* Why prompt tokens were not found when the request was first admitted (see radix_misses):
     * never seen, taken back for room, known to other namespaces only, in a page that was not
     * whole, and known but wanted for their logits.  Only an operator may be shown
     * miss_namespace by itself: it tells what others have asked. */
    uint32_t           miss_cold, miss_evicted, miss_namespace, miss_boundary, miss_logprobs;
    uint64_t           admit_ns, first_ns, end_ns;

    /* ---- the scheduler's ---- */
    uint64_t           seq;                 /* order of admission; names it in the cache */
    uint64_t           arrival;
    int32_t            urge;                /* greatest priority of it and those that wait for it */
    uint64_t           urge_ms;             /* earliest of their deadlines */
    uint32_t           n_found;             /* tokens that the tree had when last looked, ... */
    uint64_t           found_round;         /* ... in this round of admission */
    uint32_t           n_pass;              /* rounds that admitted others instead */
    uint32_t           n_jumped;            /* requests admitted before it when it did not fit */
    uint32_t           tenant_at;           /* the order's */
    bool               joined, overdue, by_text;
    uint64_t           share;
    uint32_t           n_alike;
    double             rank;
    struct hold        hold;
    uint32_t           n_kv;                /* tokens computed, or in the step being built */
    uint32_t           n_match;             /* tokens found in the tree at admission */
    bool               tail_tried;          /* the unfinished page was looked for */
    uint32_t           row, n_row;          /* in the step being built */
    uint32_t           logit, n_logit, logit_pos;
    uint32_t           n_computed;          /* prompt rows this request computed itself, each once: */
    uint32_t           n_counted;           /* those before it are counted, or were found */
    uint32_t           n_ready_found;       /* tokens of the first match that were computed */
    bool               noted;               /* n_ready_found is known */
    uint32_t           reserved;            /* pages that its growth may need yet */
    uint32_t           n_gen;               /* tokens since the value began: index of the draw */
    uint32_t           heal_left;
    uint32_t           n_value;             /* tokens that count towards max */
    uint32_t           value_pos;           /* place of token 0 in the context */
    size_t             n_min_byte;          /* value bytes when `min` was reached */
    size_t             stop_from, stop_earliest;
    size_t             n_sent;              /* bytes of the value handed to on_chunk */
    struct detok       detok;
    bool               finishing;           /* only rows for log-probabilities are missing */
    bool               ended;
    bool               stream_due;          /* its last text was not shown yet */
    uint32_t           n_ctx_fail;          /* tokens to cut to when it fails */
    struct score_job  *job;
    struct mask_job   *mask;                /* of the last row; NULL: none was begun */
    float             *late_logits;         /* [n_vocab] of a row whose mask was not there in its step */
    bool               drawn;               /* the device drew its token, or says why not: */
    struct backend_drawn draw;
    struct request    *next_ended;          /* on_end is called when nobody uses it any more */
    enum status        status;
    struct error       error;
};

void request_init(struct request *r, enum request_kind kind, struct timeline *tl);
/* Frees what results and scheduling own; not the request, not what the engine lent. */
void request_clear(struct request *r);

#endif
