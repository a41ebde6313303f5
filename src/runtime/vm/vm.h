/* vm.h - the machine: runs of compiled modules as suspended tasks on one thread.
 *
 * A vm owns one thread.  A run is one call of a module's function by a host; what happens in it
 * reaches the host as events, pulled from any one thread:
 *
 *     run_start(vm, &opts, &run, &err);
 *     while (run_next(run, -1, &ev) == ST_OK) {
 *         switch (ev.kind) {
 *         case RUN_PRINT: ...
 *         case RUN_INPUT: run_answer_input(run, ev.request, text, false); break;
 *         case RUN_DONE: case RUN_FAILED: ...
 *         }
 *         run_event_free(&ev);
 *     }
 *     run_free(run);
 *
 * Values in events and calls share nothing with the run: they are the receiver's.  Nothing here
 * blocks except run_next with a timeout, run_free and vm_free. */
#ifndef RUNTIME_VM_VM_H
#define RUNTIME_VM_VM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "compiler/bytecode.h"
#include "runtime/engine/engine.h"
#include "runtime/value/value.h"

struct vm;
struct run;
struct run_env;
struct run_call;

enum status vm_new(struct vm **ret, struct error *err);
void        vm_free(struct vm *vm);         /* every run must be freed before; NULL is fine */

/* ---- host functions ---- */

/* Answers one call of an extern function.  Called on the machine's thread (on a pool thread when
 * `slow`).  Answers with run_call_answer or run_call_fail before it returns, or later from any
 * thread; exactly once.  fn NULL: the call arrives as an event RUN_EXTERN. */
typedef void (*run_extern_fn)(void *ctx, struct run_call *call);

struct run_extern {
    struct slice  name;         /* of the extern in the program */
    run_extern_fn fn;
    void         *ctx;
    bool          slow;
};

struct slice run_call_name(const struct run_call *c);
uint32_t     run_call_n_arg(const struct run_call *c);
struct value run_call_arg(const struct run_call *c, uint32_t i);        /* borrowed */
void         run_call_answer(struct run_call *c, struct value v);       /* takes v; ends the call */
void         run_call_fail(struct run_call *c, const char *kind, const char *text);     /* kind NULL: "Tool" */

/* ---- starting ---- */

struct run_setting {            /* --set name=value */
    struct slice name;
    struct slice text;
};

struct run_opts {
    struct module  *module;
    struct engine  *engine;         /* NULL: a program that generates outside `mock` fails with R0103 */
    uint32_t        func;           /* module->main_func, or any exported function or test */
    struct value    args;           /* MAP of parameter name to value, or null; taken by run_start, also
                                       when it fails.  Plain JSON-like values are fine: they are checked
                                       and converted to the parameters' types (R0104) */
    bool            has_seed;
    uint64_t        seed;           /* without has_seed one is picked; run_seed tells */
    const char *const *allow_read;  uint32_t n_allow_read;      /* directories */
    const char *const *allow_write; uint32_t n_allow_write;
    const char *const *allow_run;   uint32_t n_allow_run;       /* program names; "*" allows any */
    bool            allow_env;      /* io.env */
    uint64_t        budget_tokens, budget_ms, budget_calls;     /* 0: none */
    uint32_t        max_depth;      /* calls; 0: 256 */
    uint64_t        max_steps;      /* between model operations; 0: 10 million */
    uint32_t        max_contexts;   /* 0: 65536 */
    uint32_t        max_branches;   /* of one fork, and live at once; 0: 1 million */
    const struct run_setting *set;  uint32_t n_set;
    const struct run_extern *ext;   uint32_t n_ext;
    struct run_env *env;            /* prompt loop: slots and context that stay */
    bool            chunks;         /* wants RUN_CHUNK */
    bool            names;          /* wants RUN_VALUE */
    bool            no_input;       /* input() gives null at once */
    bool            priority;       /* reserved for callers that wait at a prompt */
    void          (*wake)(void *ctx);   /* after an event was added; any thread; must not call back in */
    void           *wake_ctx;
};

void        run_opts_init(struct run_opts *o);
/* Errors here are usage: unknown function, R0104 arguments, R0102 unbound extern. */
enum status run_start(struct vm *vm, const struct run_opts *opts, struct run **ret,
                      struct error *err);
/* The value of a parameter from its text on a command line (LANGUAGE.md 12.2). */
enum status run_arg_from_text(const struct module *m, uint32_t rtype, struct slice text,
                              struct value *ret, struct error *err);

/* ---- events ---- */

enum run_event_kind {
    RUN_PRINT,          /* text; to_stderr */
    RUN_CHUNK,          /* text of a generation as it comes; name of its hole, branch */
    RUN_ROLLBACK,       /* an attempt failed: the last n_back bytes of this branch's chunks are taken
                           back, and all chunks of branches that it forked since */
    RUN_COMMIT,         /* its outermost attempt passed: what it has shown stays */
    RUN_VALUE,          /* a named hole has its value */
    RUN_INPUT,          /* text is the prompt; answer with run_answer_input(request) */
    RUN_EXTERN,         /* call: answer with run_call_answer */
    RUN_NOTE,           /* text: R0505, dbg and the like; for standard error */
    RUN_DONE,           /* value is the result */
    RUN_FAILED,         /* failure */
};

struct run_failure {
    enum status          status;        /* ST_CANCELLED, ST_TIMEOUT (budgets), ST_FAILED, ... */
    char                 code[12];      /* "R0304" */
    struct slice         kind;          /* "Require" */
    struct slice         message;
    const struct source *source;        /* of the module; NULL: no place */
    struct span          at;
    struct slice         where;         /* "in even, called from main (a.sgl:3:5), branch 2" */
    struct slice         context;       /* last lines of the context, one a line, or empty */
    uint32_t             n_tok;         /* tokens in it, as far as the model has read it; of them */
    uint32_t             n_shared, n_generated; /* those that were there at the fork; the model's own */
    struct arena         arena;         /* owns the texts */
};

struct run_event {
    enum run_event_kind kind;
    struct slice        text;
    bool                to_stderr;
    struct slice        name;
    int32_t             branch;         /* of the task that caused it; -1: the main one */
    uint64_t            n_back;         /* ROLLBACK */
    uint32_t            request;
    struct value        value;
    struct run_call    *call;
    struct run_failure *failure;
    char               *owned;          /* storage of text and name */
};

/* ST_OK with an event; ST_TIMEOUT; ST_END behind RUN_DONE or RUN_FAILED.  timeout -1: for ever. */
enum status run_next(struct run *r, int timeout_ms, struct run_event *ret);
void        run_event_free(struct run_event *ev);
int         run_fd(const struct run *r);        /* eventfd, readable while events wait */
void        run_answer_input(struct run *r, uint32_t request, struct slice text, bool eof);
void        run_cancel(struct run *r);          /* ends in RUN_FAILED with ST_CANCELLED; any thread */
void        run_free(struct run *r);            /* cancels, waits for its end; NULL is fine */

struct run_stats {
    uint64_t prompt_tokens, cached_tokens, generated_tokens, forced_tokens, charged_tokens;
    uint32_t n_gen, n_select, n_score, n_branch, n_call;
    uint32_t n_at_once;         /* most generations and choices in flight at the same time */
    uint64_t n_op;              /* operations of bytecode */
    double   ttft_ms;           /* start of the run to the first token; 0: none came */
    double   first_plan_ttft_ms;/* the engine's own figure of the first generation */
    double   prefill_ms, decode_ms, wall_ms;
    bool     no_model;          /* it asked for a model, and the run has none */
};

uint64_t run_seed(const struct run *r);
void     run_get_stats(struct run *r, struct run_stats *ret);   /* exact after the last event */

/* Text of a result for standard output (LANGUAGE.md 12.2): bare values in text form, null empty,
 * the rest as JSON on one line; json: always JSON.  False: the value has no text. */
bool run_result_text(struct value v, bool json, struct str *out);

/* ---- prompt loop ---- Used by the host while no run has it. */

enum status run_env_new(struct engine *e, struct run_env **ret, struct error *err);     /* e may be NULL */
void        run_env_free(struct run_env *env);
enum status run_env_save(struct run_env *env, struct error *err);   /* before an entry: for undo */
bool        run_env_undo(struct run_env *env);                      /* back to the last save; false: none */
/* A copy that goes its own way from here: contexts share what they have, values are shared. */
enum status run_env_fork(struct run_env *env, struct run_env **ret, struct error *err);
void        run_env_reset(struct run_env *env);                     /* empty context, slots, saves */
bool        run_env_ok(const struct run_env *env);                  /* the last run did not fail */
void        run_env_prompt(struct run_env *env, bool markers, struct str *out);
/* Number of tokens and their pieces, one "id<TAB>text" a line. */
enum status run_env_tokens(struct run_env *env, struct str *out, uint32_t *ret_n, struct error *err);

#endif
