/* sgl_engine.h - the engine without the language: open a model, keep contexts, generate, score.
 *
 * sgl.h (programs) includes this header.  Both compile as C99 and as C++.
 *
 * Rules for the whole interface.
 *   - Every function that can fail returns an sgl_status, fills the caller's sgl_error (which may
 *     be NULL) and sets its results on SGL_OK only.
 *   - Handles are opaque.  One handle is used by one thread at a time; different handles may be
 *     used from different threads.  Engines and runtimes may be used from any thread at any time.
 *   - Nothing here blocks for the model: work is started, and events are pulled or waited for
 *     through a file descriptor or a wake-up function.
 *   - The library never exits, prints, or installs a signal handler.
 *   - Config structs are filled with defaults by their _init function, so that a host compiled
 *     against an older header keeps working.
 *   - A `char *` handed out through `ret_...` belongs to the caller and is freed by sgl_free. */
#ifndef SGL_ENGINE_H
#define SGL_ENGINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SGL_VERSION_MAJOR 0
#define SGL_VERSION_MINOR 1
#define SGL_VERSION_PATCH 0

const char *sgl_version(void);              /* "0.1.0" */
const char *sgl_build(void);                /* compiler, build type and devices, for people */

/* ---- status and errors ---- */

typedef enum sgl_status {
    SGL_OK,
    SGL_NOMEM,
    SGL_INVALID,
    SGL_SYNTAX,
    SGL_NOT_FOUND,
    SGL_IO,
    SGL_UNSUPPORTED,
    SGL_LIMIT,
    SGL_FULL,
    SGL_STATE,
    SGL_CANCELLED,
    SGL_TIMEOUT,
    SGL_PENDING,            /* nothing yet: ask again after a wake-up */
    SGL_END,                /* there is no more */
    SGL_FAILED,
    SGL_INTERNAL
} sgl_status;

typedef struct sgl_error {
    sgl_status status;
    char       code[12];        /* "R0502", or empty; explained by sgl_explain */
    char       pointer[128];    /* JSON pointer into a schema, or empty */
    uint32_t   offset, length;  /* bytes of the input that are wrong; length 0: not known */
    char       text[512];       /* one sentence */
} sgl_error;

const char *sgl_status_text(sgl_status status);

/* ---- memory ---- */

/* realloc semantics: ptr NULL allocates, size 0 frees.  Set once, before any other call. */
typedef void *(*sgl_alloc_fn)(void *ctx, void *ptr, size_t old_size_hint, size_t size);
void sgl_set_allocator(sgl_alloc_fn fn, void *ctx);
void sgl_free(void *ptr);

/* ---- models on disk ---- */

/* share 0..1, or below 0 when it is not known; total and done in bytes (0: not known).
 * Returning false cancels. */
typedef bool (*sgl_progress_fn)(void *ctx, double share, uint64_t done, uint64_t total,
                                const char *what);

/* A path for a name of the table, or for a path that exists.  name NULL: the default model.
 * SGL_NOT_FOUND names the command that would get it. */
sgl_status sgl_model_find(const char *name, char **ret_path, sgl_error *err);
sgl_status sgl_model_pull(const char *name, sgl_progress_fn progress, void *ctx, char **ret_path,
                          sgl_error *err);
/* JSON array of {name, path|null, size, url|null, licence, terms|null}; with a name or path of a
 * model: one object that holds its manifest with the source of each field. */
sgl_status sgl_model_list(const char *name, char **ret_json, sgl_error *err);

/* ---- engines ---- */

typedef struct sgl_engine sgl_engine;

typedef struct sgl_engine_config {
    size_t          struct_size;    /* set by _init */
    const char     *model;          /* name or path; NULL: the default model */
    const char     *device;         /* "auto" (default), "cpu", "cuda", "cuda:1" */
    int             threads;        /* 0: one a core */
    uint32_t        context;        /* tokens; 0: the model's */
    uint32_t        pages;          /* KV pages of 16 tokens; 0: chosen */
    uint32_t        max_batch_tokens;   /* rows of one step; 0: chosen */
    uint32_t        max_running;    /* sequences decoded at once; 0: 64 */
    bool            text_only;      /* tokenizer and chat template only: no weights, no sessions */
    bool            no_cache;       /* no sharing of prefixes */
    bool            no_forced;      /* no forced tokens */
    sgl_progress_fn progress;       /* of loading */
    void           *progress_ctx;
    uint32_t        constraint_cache_mb;    /* MiB kept of constraints and their masks; 0: 192 */
    const char     *order;          /* of the queue: "hrrn" (NULL), "fcfs", "lpm", "dfs", "random" */
    const char     *evict;          /* "lru" (NULL), "lfu", "fifo", "slru", "priority", "next-use" */
    uint32_t        max_wait_ms;    /* then a request is overdue and comes first; 0: 10,000 */
    uint32_t        max_passes;     /* rounds that may admit others before it; 0: 256 */
    uint32_t        step_tokens;    /* prompt tokens of a step; 0: all that a batch can hold */
    int             pin_percent;    /* of the KV pages that hard pins may keep; 0: 25, as far as the
                                       model's window fits beside them; -1: none */
    const char     *kv_events;      /* "tcp://ADDR:PORT": tells there which pages the cache has; NULL:
                                       nobody */
    bool            kv_events_maps; /* with maps for the events, not arrays */
    const char     *admission;      /* "expected" (NULL): room for likely answers, who runs may be set
                                       back; "strict": room for the longest, nobody is */
    bool            overlap;        /* work for the next step beside the running one; costs more than it
                                       gives on what was measured */
    uint32_t        itl_target_ms;  /* fewer prompt tokens in a step while decoding ones come less often
                                       than this; 0: no target */
    uint64_t        max_queued_tokens;  /* of waiting prompts, then SGL_FULL; 0: no bound */
    bool            no_tree;        /* only prompts that are equal as a whole share (for comparison) */
    bool            no_pending;     /* nothing is shared while it is being computed (for comparison) */
} sgl_engine_config;

void sgl_engine_config_init(sgl_engine_config *config);

sgl_status  sgl_engine_open(const sgl_engine_config *config, sgl_engine **ret, sgl_error *err);
sgl_engine *sgl_engine_ref(sgl_engine *engine);
void        sgl_engine_unref(sgl_engine *engine);   /* the last one cancels what runs; NULL is fine */

typedef struct sgl_engine_info {
    const char *model, *arch, *device;
    uint32_t    context, vocab;
    double      load_ms;
    bool        has_chat_template;
} sgl_engine_info;

void sgl_engine_get_info(sgl_engine *engine, sgl_engine_info *ret);

typedef struct sgl_engine_stats {
    uint64_t prompt_tokens, cached_tokens, computed_tokens, generated_tokens, forced_tokens;
    uint64_t forks, steps, requests, failed, cancelled, retracted, evicted_pages, copied_pages;
    uint32_t pages_total, pages_free, pages_cached, pages_held, running, waiting;
    double   prefill_ms, decode_ms, mask_ms, sample_ms;
    /* prompt tokens that were computed, by why the cache did not have them: never seen, evicted,
     * known in another namespace, in a page that was not whole, known but with logits wanted */
    uint64_t miss_cold, miss_evicted, miss_namespace, miss_boundary, miss_logprobs;
} sgl_engine_stats;

void       sgl_engine_get_stats(sgl_engine *engine, sgl_engine_stats *ret);
/* SGL_OK when nothing runs and every page is accounted for. */
sgl_status sgl_engine_check(sgl_engine *engine, sgl_error *err);
/* Forgets what is cached and not pinned for a time; SGL_STATE while requests run. */
sgl_status sgl_engine_flush(sgl_engine *engine, sgl_error *err);

/* ---- text ---- */

/* ids: freed by sgl_free.  markup: names of control tokens become their ids. */
sgl_status sgl_tokenize(sgl_engine *engine, const char *text, size_t len, bool markup,
                        uint32_t **ret_ids, size_t *ret_n, sgl_error *err);
/* Bytes of the ids, which need not be whole characters; control tokens by name when `control`. */
sgl_status sgl_detokenize(sgl_engine *engine, const uint32_t *ids, size_t n, bool control,
                          char **ret_text, size_t *ret_len, sgl_error *err);
/* The model's chat template over a conversation, all JSON texts; tools and vars may be NULL. */
sgl_status sgl_chat_text(sgl_engine *engine, const char *messages, const char *tools,
                         const char *vars, bool add_generation_prompt, char **ret_text,
                         sgl_error *err);
/* Any chat template.  vars: an object of further variables (bos_token, eos_token,
 * add_generation_prompt, `now` as unix seconds for strftime_now, ...). */
sgl_status sgl_template_render(const char *template_text, size_t len, const char *messages,
                               const char *tools, const char *vars, char **ret_text,
                               size_t *ret_len, sgl_error *err);

/* ---- constraints on their own ---- */

/* What a text must be, compiled to an automaton over bytes.  Needs no engine.  docs/constraints.md
 * says what is read, keyword by keyword, and what is refused. */
typedef struct sgl_pattern sgl_pattern;

typedef enum sgl_pattern_kind {
    SGL_PATTERN_REGEX,          /* the whole text matches */
    SGL_PATTERN_JSON_SCHEMA,
    SGL_PATTERN_GRAMMAR,        /* GBNF or Lark */
    SGL_PATTERN_TAGS            /* structural tags: a JSON object */
} sgl_pattern_kind;

/* A refusal has a code, and the JSON pointer or the offset of what is refused. */
sgl_status sgl_pattern_new(sgl_pattern_kind kind, const char *text, size_t len, sgl_pattern **ret,
                           sgl_error *err);
void       sgl_pattern_free(sgl_pattern *pattern);      /* NULL is fine */
/* *ret_at: the first byte that cannot stand there; the length, where the text is accepted or ends
 * too early.  SGL_LIMIT: the automaton grew over its budget before the answer was known. */
sgl_status sgl_pattern_match(sgl_pattern *pattern, const char *text, size_t len, bool *ret_accepts,
                             size_t *ret_at, sgl_error *err);
/* For people: the size of the automaton, what may come first, and the shortest text.  With an
 * engine (text_only is enough) the tokens of its first mask; without, the bytes. */
sgl_status sgl_pattern_show(sgl_pattern *pattern, sgl_engine *engine, char **ret_text, sgl_error *err);

/* ---- one generation ---- */

/* What ends, shapes and samples a value.  Fields left alone by _init's defaults mean: the model's
 * own defaults, no limit but the window, no constraint. */
typedef struct sgl_request {
    size_t             struct_size;     /* set by _init */

    /* the prompt: exactly one of these for sgl_generate; none for sgl_session_generate */
    const char        *prompt;          /* raw text, control tokens off */
    size_t             prompt_len;
    const uint32_t    *ids;             /* token ids */
    size_t             n_ids;
    const char        *messages;        /* JSON array, rendered with the model's template */
    const char        *tools;           /* JSON array or NULL */
    const char        *template_vars;   /* JSON object or NULL */
    bool               continue_final;  /* the last message is an assistant's and is continued */

    uint32_t           max_tokens;      /* 0: up to the context; more than fits is refused */
    uint32_t           min_tokens;
    const char *const *stop;            /* texts */
    size_t             n_stop;
    const char *const *stop_regex;
    size_t             n_stop_regex;
    const uint32_t    *stop_ids;
    size_t             n_stop_ids;
    bool               ignore_eos;

    double             temperature;     /* NAN: the model's, else 1; below 1e-6 is greedy */
    double             top_p;           /* NAN: the model's, else 1 */
    int32_t            top_k;           /* INT32_MIN: the model's, else -1 (all) */
    double             min_p;           /* NAN: the model's, else 0 */
    double             frequency_penalty, presence_penalty;
    double             repetition_penalty;  /* NAN: the model's, else 1 */
    bool               has_seed;
    uint64_t           seed;            /* without has_seed one is drawn and reported */
    const uint32_t    *bias_ids;
    const float       *bias;
    size_t             n_bias;

    /* at most one constraint */
    const char        *regex;           /* whole match */
    const char        *json_schema;     /* JSON text */
    bool               json_object;     /* any JSON object */
    const char        *grammar;         /* GBNF or Lark */
    const char *const *choices;
    size_t             n_choices;
    bool               close;           /* reaching max_tokens closes a constrained value validly */

    bool               logprobs;
    uint32_t           top_logprobs;
    bool               stream;          /* SGL_CALL_TEXT events */
    const char        *cache_salt;      /* shares cache only with equal salts */
    int32_t            priority;
    uint64_t           deadline_ms;     /* from now; 0: none */
    const char        *structural_tag;  /* a constraint too: text with tags that hold values; JSON */
    const char        *tenant;          /* whose share of the engine it takes; NULL: everybody's */
    uint32_t           tenant_weight;   /* of that share, in thousandths; 0: 1000 */
} sgl_request;

void sgl_request_init(sgl_request *request);

typedef struct sgl_top {
    uint32_t    id;
    float       logprob;
    const char *bytes;
    size_t      n_bytes;
} sgl_top;

typedef struct sgl_token {
    uint32_t       id;
    float          logprob;     /* NAN when not asked for */
    bool           forced;      /* appended, not decoded */
    const char    *bytes;
    size_t         n_bytes;
    const sgl_top *top;
    size_t         n_top;
} sgl_token;

typedef struct sgl_result {
    const char      *text;      /* valid UTF-8, NUL-terminated, without the stop */
    size_t           text_len;
    const char      *finish;    /* "complete", "eos", "stop", "closed", "length", "text" */
    const char      *stop_text; /* the stop text that matched, or NULL */
    int64_t          stop_id;   /* the id that ended it, or -1 */
    const sgl_token *tokens;
    size_t           n_tokens;
    uint32_t         prompt_tokens, cached_tokens, completion_tokens, forced_tokens;
    uint64_t         seed;
    double           logprob;   /* sum, NAN when not asked for */
    /* sgl_session_score */
    const double    *probs;     /* [n_probs] in the order of the options */
    size_t           n_probs;
    double           queue_ms, prefill_ms, decode_ms, ttft_ms;
    /* cached_tokens, by where they came from: computed before, computed for another request just
     * then, inherited by a fork, read back from host memory */
    uint32_t         cached_device, cached_shared, cached_forked, cached_host;
    /* the other prompt tokens, by why they were computed: not in the cache, no longer in it, in a
     * page that was not whole, their logits were wanted */
    uint32_t         miss_cold, miss_evicted, miss_boundary, miss_logprobs;
    uint32_t         retractions;   /* times it gave its place up for others, and came back */
} sgl_result;

typedef struct sgl_call sgl_call;       /* one generation on its way */

typedef enum sgl_call_event_kind {
    SGL_CALL_TEXT,          /* more text, and the tokens that end in it */
    SGL_CALL_DONE,          /* result */
    SGL_CALL_FAILED         /* error */
} sgl_call_event_kind;

typedef struct sgl_call_event {
    sgl_call_event_kind kind;
    const char         *text;       /* TEXT: whole characters, never part of a stop text */
    size_t              text_len;
    const sgl_token    *tokens;     /* TEXT */
    size_t              n_tokens;
    const sgl_result   *result;     /* DONE; FAILED: what there was when the deadline came, or NULL */
    sgl_error           error;      /* FAILED */
} sgl_call_event;                   /* valid until the next sgl_call_next or sgl_call_free */

/* Wrong requests come back at once (SGL_INVALID, SGL_UNSUPPORTED, ... with the reason); what turns
 * out later is an SGL_CALL_FAILED event. */
sgl_status sgl_generate(sgl_engine *engine, const sgl_request *request, sgl_call **ret,
                        sgl_error *err);

/*     sgl_call_event ev;
 *     while (sgl_call_next(call, -1, &ev) == SGL_OK)
 *         if (ev.kind == SGL_CALL_TEXT)
 *             fwrite(ev.text, 1, ev.text_len, stdout);
 *     sgl_call_free(call);
 *
 * timeout in milliseconds, -1 for ever, 0 never waits.  SGL_OK with an event, SGL_PENDING when
 * none came in time, SGL_END after DONE or FAILED. */
sgl_status sgl_call_next(sgl_call *call, int timeout_ms, sgl_call_event *ret);
int        sgl_call_fd(sgl_call *call);     /* readable while events wait */
/* Called from a thread of the library after an event was queued; must return at once. */
void       sgl_call_set_wakeup(sgl_call *call, void (*fn)(void *ctx), void *ctx);
void       sgl_call_cancel(sgl_call *call); /* SGL_CALL_FAILED with SGL_CANCELLED follows */
void       sgl_call_free(sgl_call *call);   /* cancels what still runs; NULL is fine */

/* ---- contexts ---- */

typedef struct sgl_session sgl_session;

typedef enum sgl_role { SGL_SYSTEM, SGL_USER, SGL_ASSISTANT, SGL_TOOL } sgl_role;

sgl_status sgl_session_new(sgl_engine *engine, sgl_session **ret, sgl_error *err);
/* What it has read is given up after everything else; with keep_ms not before so long after each of
 * its calls, as far as the engine's pin_percent goes. */
sgl_status sgl_session_new_pinned(sgl_engine *engine, uint32_t keep_ms, sgl_session **ret,
                                  sgl_error *err);
/* Shares every computed page. */
sgl_status sgl_session_fork(sgl_session *session, sgl_session **ret, sgl_error *err);
void       sgl_session_free(sgl_session *session);
/* The same; its own text will not come again, and leaves the cache at once. */
void       sgl_session_discard(sgl_session *session);

/* Appending returns at once; the text is computed with the next generation. */
sgl_status sgl_session_append(sgl_session *session, const char *text, size_t len, sgl_error *err);
sgl_status sgl_session_append_markup(sgl_session *session, const char *text, size_t len,
                                     sgl_error *err);
sgl_status sgl_session_turn_open(sgl_session *session, sgl_role role, sgl_error *err);
sgl_status sgl_session_turn_close(sgl_session *session, sgl_error *err);

/* The value is appended to the session.  One call at a time a session. */
sgl_status sgl_session_generate(sgl_session *session, const sgl_request *request, sgl_call **ret,
                                sgl_error *err);
/* Probability of each option; nothing is appended. */
sgl_status sgl_session_score(sgl_session *session, const char *const *options, size_t n,
                             sgl_call **ret, sgl_error *err);

typedef struct sgl_mark { uint32_t opaque[6]; } sgl_mark;
sgl_status sgl_session_mark(sgl_session *session, sgl_mark *ret, sgl_error *err);
sgl_status sgl_session_rollback(sgl_session *session, const sgl_mark *mark, sgl_error *err);
uint32_t   sgl_session_tokens(const sgl_session *session);

#ifdef __cplusplus
}
#endif

#endif
