/* plan.h - what a caller hands to an engine, and what it gets back: plain data.
 *
 * A plan is a list of context operations that ends in at most one hole.  The engine tokenises,
 * heals, compiles the constraint, decodes, and answers with events; no token ever reaches the
 * caller on its own.
 *
 *      MARKUP? | TEXT "Say hello" | TURN_CLOSE | TURN_OPEN assistant | ...   then   GEN max 24
 *
 * Memory: a plan and everything it points to live in the plan's own arena.  plan_new makes it,
 * engine_submit takes it (also when it fails), and the engine frees it after the last event.  A
 * result belongs to whoever receives the event and is freed by plan_result_free. */
#ifndef RUNTIME_ENGINE_PLAN_H
#define RUNTIME_ENGINE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/rng.h"
#include "base/str.h"
#include "compiler/pattern/pattern.h"

enum plan_op_kind {
    PLAN_TEXT,          /* bytes as data: names of control tokens are only text */
    PLAN_MARKUP,        /* bytes written by a template: control tokens count; seals before and behind */
    PLAN_TOKENS,        /* ids as they are (generated elsewhere); seals before and behind */
    PLAN_CONTROL,       /* one control token by its name (bytes) */
    PLAN_TURN_OPEN,     /* opens a turn of `role` with the model's own marker; seals */
    PLAN_TURN_CLOSE,    /* closes the open turn; seals */
    PLAN_SEAL,          /* fixes all but the last 4 tokens (fork, scratch) */
};

enum plan_role { PLAN_SYSTEM, PLAN_USER, PLAN_ASSISTANT, PLAN_TOOL, PLAN_N_ROLE };

struct plan_op {
    enum plan_op_kind kind;
    enum plan_role    role;
    struct slice      bytes;
    const uint32_t   *id;
    uint32_t          n_id;
};

enum hole_kind { HOLE_NONE, HOLE_GEN, HOLE_SELECT, HOLE_SCORE };
enum select_by { BY_JOINT, BY_MEAN, BY_GREEDY, BY_PMI, BY_SAMPLE };

/* What stands behind the value in its turn: decides where it ends (LANGUAGE.md 6.3) and the `end`
 * of an option (7.1). */
enum hole_next {
    NEXT_NONE,          /* nothing is known: raw text, end of program */
    NEXT_TEXT,          /* the constant text `follow` */
    NEXT_TURN_END,      /* the turn is closed behind the value */
};

struct hole {
    enum hole_kind kind;
    const char    *name;                /* of the hole or binding; scripted answers go by it; or NULL */

    /* the constraint; kind PATTERN_REGEX with empty text means none (any text) */
    bool                  constrained;
    struct pattern_source constraint;
    enum hole_next        next;
    struct slice          follow;       /* NEXT_TEXT: up to 64 bytes */

    uint32_t max, min;                  /* tokens of the value; max 0: up to the window */
    bool     strict;                    /* reaching max is R0401; else the value is closed */
    bool     cut;                       /* reaching max ends the value as it is, FINISH_LENGTH (wins) */
    bool     whole;                     /* max tokens that do not fit behind the context are refused; else
                                           the window is the limit */
    bool     heal;
    bool     ignore_eos;
    bool     force;                     /* append forced runs as prompt tokens */

    double   temp, top_p, min_p, freq_penalty, presence_penalty, repetition_penalty;
    int32_t  top_k;
    bool     use_model_defaults;        /* engines replace NAN / INT32_MIN fields by the manifest's */
    struct rng_key key;                 /* of this generation; the engine adds the token index ... */
    uint32_t first_index;               /* ... which begins here: draws of its thinking come before */

    const struct slice *stop;           uint32_t n_stop;
    const struct slice *stop_regex;     uint32_t n_stop_regex;
    const uint32_t     *stop_token;     uint32_t n_stop_token;
    const uint32_t     *bias_id;        const float *bias; uint32_t n_bias;
    const struct slice *bias_text;      /* [n_bias] texts that are exactly one token, or NULL */

    bool     logprobs;
    uint32_t top_logprobs;
    bool     stream;                    /* wants PLAN_CHUNK events */

    /* select and score */
    const struct slice *option;         uint32_t n_option;
    enum select_by      by;
};

enum plan_event_kind {
    PLAN_CHUNK,         /* more text of the value, whole characters, never part of a stop */
    PLAN_DONE,          /* the plan is finished; `result` is the receiver's */
    PLAN_FAILED,        /* so is this: `error`; when the deadline came, `result` has what there was */
};

enum finish { FINISH_NONE, FINISH_COMPLETE, FINISH_EOS, FINISH_TEXT, FINISH_STOP, FINISH_CLOSED,
              FINISH_LENGTH };

struct plan_top {
    uint32_t id;
    float    logprob;
};

struct plan_token {
    uint32_t id;
    float    logprob;                   /* NAN when not asked for */
    bool     forced;
    uint32_t text_off, text_len;        /* its bytes inside result->token_text */
    struct plan_top *top;
    uint32_t n_top;
};

struct plan_result {
    struct arena       arena;           /* owns everything below */
    enum finish        finish;
    struct slice       text;            /* the value's text, without stop text */
    struct slice       stop;            /* the stop text that matched, or empty */
    uint32_t           stop_token;      /* or 0xffffffff */
    struct plan_token *token;           /* of the value: ids are the truth of what was appended */
    uint32_t           n_token;
    struct slice       token_text;
    uint32_t           n_forced;
    double             logprob;         /* sum over the value's tokens, when asked for */
    uint32_t           option;          /* select: index of the chosen one */
    double            *prob;            /* select, score: [n_option] */
    uint32_t           n_prob;
    uint32_t           n_value_head;    /* leading bytes of token[0] that belong to the prompt (healing) */

    /* counters */
    uint32_t n_tok;                     /* tokens in the context now */
    uint32_t n_charged;                 /* tokens that this plan appended (budgets) */
    uint32_t n_prompt;                  /* tokens in the context before the value */
    uint32_t n_cached;                  /* ... of them found computed: */
    uint32_t n_shared;                  /* while another was computing them, */
    uint32_t n_forked;                  /* with the fork that made the context; the rest in the cache */
    /* ... and of the others, why they were not found (see request.h) */
    uint32_t miss_cold, miss_evicted, miss_namespace, miss_boundary, miss_logprobs;
    uint32_t n_retracted;               /* times that the pages were given up for others */
    uint32_t n_generated;
    double   queue_ms, prefill_ms, decode_ms, ttft_ms;
};

struct plan_event {
    enum plan_event_kind kind;
    void                *user;          /* of the plan */
    struct slice         chunk;         /* CHUNK: valid during the call */
    const struct plan_token *token;     /* CHUNK, with logprobs on: tokens whose text begins in it; */
    uint32_t             n_token;       /* ... their bytes by text_off inside `token_text` */
    struct slice         token_text;
    struct plan_result  *result;        /* DONE (never NULL), FAILED (may be NULL) */
    struct error         error;         /* FAILED: code R0401, R0402, R0502, R0503, R0705, E04xx ... */
};

/* Called on a thread of the engine: hands the event over and returns, never blocks. */
typedef void (*plan_sink)(void *sink_ctx, struct plan_event *ev);

struct plan {
    struct arena    arena;
    struct plan_op *op;
    uint32_t        n_op, cap_op;
    struct hole     hole;
    bool            prefill;    /* without a hole: done only when the KV of everything is computed */
    int32_t         priority;
    uint64_t        tenant;     /* whose share of the engine it takes; 0: everybody's */
    uint32_t        weight;     /* of that share, in thousandths; 0: 1000 */
    uint64_t        deadline_ms;/* clock_ms value; 0: none */
    plan_sink       sink;
    void           *sink_ctx;
    void           *user;
};

struct plan *plan_new(void);                            /* NULL: out of memory */
void plan_free(struct plan *p);                         /* of a plan that was not submitted */
void plan_text(struct plan *p, enum plan_op_kind kind, struct slice bytes);    /* copies */
void plan_tokens(struct plan *p, const uint32_t *id, uint32_t n);              /* copies */
void plan_turn(struct plan *p, enum plan_op_kind kind, enum plan_role role);
void plan_seal(struct plan *p);
/* Defaults of a gen hole: max 512, NAN/INT32_MIN sampling with use_model_defaults, heal, force. */
void hole_init(struct hole *h, enum hole_kind kind);
bool plan_ok(const struct plan *p);                     /* no allocation failed so far */

/* Nodes of the trie of distinct paths, each a run of 4-byte steps, the last one begun: what a choice
 * among them is charged (LANGUAGE.md 10.3).  Token ids are steps, and so are the tokens of `mock`. */
uint32_t plan_trie_nodes(const struct slice *path, uint32_t n);

void plan_result_free(struct plan_result *r);           /* NULL is fine */
const char *finish_name(enum finish f);                 /* "complete", "eos", ... */
void plan_dump(const struct plan *p, struct str *out);

#endif
