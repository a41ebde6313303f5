/* engine.h - the seam between programs and models: open, session, plan, events.
 *
 * An engine is a loaded model (local), a server somewhere else (remote, later) or a list of
 * answers (scripted).  A session is one context on it.  Every call returns at once; what takes
 * time is answered by an event through the plan's sink.  What an engine cannot do shows in its
 * abilities and is refused, never done differently in silence.
 *
 * A session has at most one open plan; while it is open the session belongs to it and every other
 * call on it is ST_STATE.  Sessions are used by one thread at a time; engines by any. */
#ifndef RUNTIME_ENGINE_ENGINE_H
#define RUNTIME_ENGINE_ENGINE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/pool.h"
#include "runtime/engine/plan.h"

struct engine;
struct session;

struct engine_opts {
    const char  *model;             /* path of a model file */
    const char  *device;            /* "auto", "cpu", ... */
    int          n_thread;          /* 0: one a core */
    uint32_t     context;           /* 0: the model's */
    uint32_t     n_page;            /* 0: chosen */
    uint32_t     max_batch_tok;     /* 0: chosen */
    uint32_t     step_tokens;       /* prompt tokens of a step; 0: all that a batch can hold */
    uint32_t     max_running;       /* sequences decoded at once; 0: 64 */
    uint32_t     constraint_mb;     /* MiB kept of constraints and their masks; 0: chosen */
    const char  *order;             /* of the queue: "hrrn" (NULL), "fcfs", "lpm", "dfs", "random" */
    uint32_t     max_wait_ms;       /* then a request is overdue and comes first; 0: 10 s */
    uint32_t     max_passes;        /* rounds that may admit others before it; 0: 256 */
    const char  *evict;             /* what goes first: "lru" (NULL), "lfu", "fifo", "slru",
                                       "priority", "next-use" */
    int          pin_percent;       /* of the pool that hard pins may keep; 0: chosen, -1: none */
    const char  *kv_events;         /* where to tell which pages the cache has (see cache/kv_events.h) */
    bool         kv_events_maps;    /* events with names for their fields */
    int          mask_workers;      /* threads that fill masks; 0: chosen, -1: none */
    int          mask_patience_us;  /* a step's wait for them when others go on; 0: chosen, -1: none */
    uint32_t     itl_target_ms;     /* fewer prompt tokens in a step while decoding ones come less often
                                       than this; 0: no target */
    uint64_t     max_queued_tokens; /* of waiting prompts, then ST_FULL; 0: no bound */
    const char  *admission;         /* "expected" (NULL): room for likely answers, and who runs may be
                                       set back; "strict": room for the longest, nobody is */
    bool         overlap;           /* work for the next step beside the running one */
    bool         no_cache;          /* no prefix tree (benches) */
    bool         no_force;          /* no forced tokens (benches) */
    bool         no_tree;           /* only prompts that are equal as a whole share (benches) */
    bool         no_pending;        /* nothing is shared while it is being computed (benches) */
    bool         check_steps;       /* every invariant of the cache after every step (tests) */
    bool         text_only;         /* tokenizer and chat template only: no backend, no sessions */
    /* progress of loading, 0..1; on the calling thread */
    void       (*progress)(void *ctx, double share, const char *what);
    void        *progress_ctx;
};

struct engine_info {
    const char *kind;               /* "local", "scripted" */
    const char *model;              /* name */
    const char *arch;
    const char *device;
    uint32_t    context;
    uint32_t    pool_tokens;        /* tokens whose KV fits at once; 0: not known */
    uint32_t    n_vocab;
    bool        can_score, can_fork, can_constrain, can_tokens;
    bool        has_role[PLAN_N_ROLE];
    enum json_spelling spelling;    /* of JSON values in programs: from the manifest */
    const char *think_open, *think_close, *think_off;   /* of its thinking channel, or NULL */
    double      load_ms;
};

struct engine_stats {
    uint64_t prompt_tokens;         /* tokens asked for as prompt */
    uint64_t cached_tokens;         /* ... found in the tree */
    uint64_t computed_tokens;       /* rows that went through the model as prompt */
    uint64_t generated_tokens;
    uint64_t forced_tokens;
    uint64_t forked_sessions;
    uint64_t steps;
    uint64_t requests, failed, cancelled, retracted;
    uint64_t evicted_pages, copied_pages;
    uint64_t pins_refused;          /* hard pins beyond the budget */
    /* prompt tokens that were not found, by the reason (see request.h) */
    uint64_t miss_cold, miss_evicted, miss_namespace, miss_boundary, miss_logprobs;
    uint32_t pages_total, pages_free, pages_cached, pages_held;
    uint32_t running, waiting;
    double   prefill_ms, decode_ms; /* time inside forward, by what the batch held */
    double   mask_ms, sample_ms;
    uint64_t masks, masks_shared, masks_late;   /* filled; taken from a row at the same place; after
                                                   their step */
};

/* ---- opening ---- */
enum status engine_open_local(const struct engine_opts *opts, struct engine **ret,
                              struct error *err);

/* Answers a hole of the scripted engine.  Called where the plan stands, in program order.
 * Sets *ret_text (and probs for select and score) or fails with a code and kind. */
struct scripted_hole {
    const struct hole *hole;
    struct slice       context;     /* text of the context so far, as `.text` gives it */
};
struct scripted_answer {
    struct slice text;              /* the value's text, or the chosen option */
    double      *prob;              /* [n_option] or NULL */
};
typedef enum status (*scripted_fn)(void *ctx, const struct scripted_hole *hole, struct arena *arena,
                                   struct scripted_answer *ret, struct error *err);
enum status engine_open_scripted(scripted_fn answer, void *ctx, struct engine **ret,
                                 struct error *err);
/* From now on plans are held, and each call of the second answers one of them, drawn by the seed,
 * on the calling thread; false: none is held.  For tests of what may depend on no order. */
void engine_scripted_hold(struct engine *e, uint64_t seed);
bool engine_scripted_release(struct engine *e);
uint32_t engine_scripted_held(struct engine *e);

struct engine *engine_ref(struct engine *e);
void engine_unref(struct engine *e);        /* the last one cancels what runs and closes */

const struct engine_info *engine_info(const struct engine *e);
void engine_stats(struct engine *e, struct engine_stats *ret);
/* True when every page is free, cached or held as counted, and nothing runs ("idle check"). */
bool engine_check(struct engine *e, struct error *err);
/* Forgets what is cached and not pinned hard.  ST_STATE while plans run. */
enum status engine_flush(struct engine *e, struct error *err);

/* ---- sessions ---- */
/* What an engine keeps of a session between its plans: like all else; after all else is given up;
 * or not given up before a time, while the engine's budget for that lasts (then: the second). */
enum session_pin { SESSION_UNPINNED, SESSION_PINNED_SOFT, SESSION_PINNED_HARD };

struct session_opts {
    bool             bare;          /* no BOS in front: the caller's markup brings it */
    const char      *salt;          /* cache namespace, or NULL */
    enum session_pin pin;
    uint32_t         pin_ms;        /* of a hard pin, from the end of each plan on */
};

enum status session_new(struct engine *e, const struct session_opts *opts, struct session **ret,
                        struct error *err);
/* A copy that shares every computed page; the parent's appended text need not be computed. */
enum status session_fork(struct session *s, struct session **ret, struct error *err);
void        session_drop(struct session *s);    /* cancels an open plan; NULL is fine */
/* The same, with what is known of its text: it may come again; it will hardly, so that its pages
 * are the first to go; it will not, and they go now.  What others share stays. */
enum session_end { SESSION_KEEP, SESSION_LOW, SESSION_DISCARD };
void        session_drop_as(struct session *s, enum session_end end);

struct session_mark {
    uint32_t n_tok;                 /* tokens before the mark ... */
    uint32_t n_tail;                /* ... and bytes of the token that the mark cuts */
    uint32_t n_op;                  /* operations before it (engines that keep text) */
    uint32_t turn;                  /* which turn is open there (engines that keep tokens) */
};
enum status session_mark(struct session *s, struct session_mark *ret, struct error *err);
enum status session_rollback(struct session *s, const struct session_mark *m, struct error *err);
uint32_t    session_n_tok(const struct session *s);     /* tokens in the context */

/* ---- plans ---- */
/* Takes the plan.  Anything wrong is answered by PLAN_FAILED, so that callers have one path;
 * only ST_STATE (a plan is open already) comes back at once, and then the plan is freed. */
enum status session_submit(struct session *s, struct plan *p, struct error *err);
void        session_cancel(struct session *s);          /* PLAN_FAILED with ST_CANCELLED follows */

/* ---- text ---- */
struct token_list;
enum status engine_encode(struct engine *e, struct slice text, bool markup, struct token_list *ret,
                          struct error *err);
/* Appends the bytes of the ids; control tokens by name when `control`. */
enum status engine_decode(struct engine *e, const uint32_t *id, uint32_t n, bool control,
                          struct str *ret, struct error *err);
/* Appends the rendering of a conversation to a plan (MARKUP and TEXT pieces). */
enum status engine_chat(struct engine *e, const json_t *messages, const json_t *tools,
                        const json_t *vars, bool add_generation_prompt, struct plan *into,
                        struct error *err);
/* The same as plain text. */
enum status engine_chat_text(struct engine *e, const json_t *messages, const json_t *tools,
                             const json_t *vars, bool add_generation_prompt, struct str *ret,
                             struct error *err);
/* Renders a conversation with any template, without a model.  `vars` may carry bos_token, eos_token,
 * add_generation_prompt and now, beside variables of the template. */
enum status engine_template_render(struct slice template_text, const json_t *messages,
                                   const json_t *tools, const json_t *vars, struct str *ret,
                                   struct error *err);
/* Compiles a constraint now and keeps it; errors as pattern_compile (before a program starts).
 * ret_min_tokens: tokens of its shortest value. */
enum status engine_check_constraint(struct engine *e, const struct pattern_source *src,
                                    uint32_t *ret_min_tokens, struct error *err);
/* Marker texts of a role, for showing a prompt; false when the model has none. */
bool engine_role_text(struct engine *e, enum plan_role role, struct slice *ret_open,
                      struct slice *ret_close);

#endif
