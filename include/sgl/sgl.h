/* sgl.h - programs: compile a text, run its functions, follow their events.
 *
 *     #include <sgl/sgl.h>
 *
 *     sgl_runtime *rt;  sgl_engine *engine;  sgl_module *module;  sgl_run *run;
 *     sgl_runtime_new(NULL, &rt, &err);
 *     sgl_engine_open(&engine_config, &engine, &err);
 *     sgl_module_compile(rt, &source, &module, &diags, &err);
 *     sgl_run_new(rt, module, NULL, engine, &run_config, &run, &err);
 *     sgl_run_start(run, &err);
 *     while (sgl_run_next(run, -1, &ev) == SGL_OK)
 *         ...
 *
 * The rules at the top of sgl_engine.h hold here too. */
#ifndef SGL_H
#define SGL_H

#include "sgl_engine.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- runtime: the machine's thread and the background pool ---- */

typedef struct sgl_runtime sgl_runtime;

typedef struct sgl_runtime_config {
    size_t struct_size;
    void (*log)(void *ctx, int level, const char *line);    /* NULL: silent */
    void  *log_ctx;
} sgl_runtime_config;

void       sgl_runtime_config_init(sgl_runtime_config *config);
sgl_status sgl_runtime_new(const sgl_runtime_config *config, sgl_runtime **ret, sgl_error *err);
void       sgl_runtime_free(sgl_runtime *rt);   /* after its runs and modules; NULL is fine */

/* ---- modules ---- */

typedef struct sgl_module sgl_module;
typedef struct sgl_diagnostics sgl_diagnostics;

/* Reads a file named in a program.  `from` is the file that names it.  Results are allocated with
 * malloc-compatible sgl_dup and freed by the library. */
typedef sgl_status (*sgl_load_fn)(void *ctx, const char *from, const char *name, char **ret_name,
                                  char **ret_text, size_t *ret_len, sgl_error *err);
char *sgl_dup(const char *text, size_t len);

typedef struct sgl_source {
    size_t       struct_size;
    const char  *name;              /* path, or what messages shall show */
    const char  *text;              /* NULL: read from the file `name` */
    size_t       len;
    sgl_load_fn  load;              /* NULL: files beside the importing file */
    void        *load_ctx;
    const char *const *no_opt;      /* passes to leave out */
    size_t       n_no_opt;
    bool         keep_ir;           /* for sgl_module_show */
    bool         cost;
    bool         deny_warnings;     /* warnings are errors */
    sgl_engine  *engine;            /* with cost: constant text counts in its tokens, else in bytes; NULL: none */
} sgl_source;

void sgl_source_init(sgl_source *source);

/* SGL_FAILED when the program has errors: they are in *ret_diags, which is set in both cases
 * (warnings) and freed by sgl_diagnostics_free.  ret_diags may be NULL. */
sgl_status  sgl_module_compile(sgl_runtime *rt, const sgl_source *source, sgl_module **ret,
                               sgl_diagnostics **ret_diags, sgl_error *err);
/* Compiles into the bytes of a .sglc file (sgl_free), which sgl_module_compile opens like a source:
 * without parsing, as long as the same version of sgl opens it; else from the source inside. */
sgl_status  sgl_module_build(sgl_runtime *rt, const sgl_source *source, char **ret_bytes, size_t *ret_len,
                             sgl_diagnostics **ret_diags, sgl_error *err);
sgl_module *sgl_module_ref(sgl_module *module);
void        sgl_module_unref(sgl_module *module);

typedef enum sgl_severity { SGL_ERROR, SGL_WARNING, SGL_NOTE } sgl_severity;

typedef struct sgl_diagnostic {
    sgl_severity severity;
    const char  *code, *message, *file;
    uint32_t     line, col, end_line, end_col;      /* from 1, code points */
} sgl_diagnostic;

size_t     sgl_diagnostics_count(const sgl_diagnostics *d, sgl_severity severity);
size_t     sgl_diagnostics_total(const sgl_diagnostics *d);
void       sgl_diagnostics_get(const sgl_diagnostics *d, size_t i, sgl_diagnostic *ret);
typedef enum sgl_render { SGL_RENDER_TEXT, SGL_RENDER_COLOR, SGL_RENDER_JSON } sgl_render;
sgl_status sgl_diagnostics_render(const sgl_diagnostics *d, size_t i, sgl_render how,
                                  char **ret_text);
void       sgl_diagnostics_free(sgl_diagnostics *d);

typedef struct sgl_param {
    const char *name, *type, *doc;
    bool        required;
    bool        is_bool;
} sgl_param;

typedef struct sgl_function {
    const char *name, *result, *doc;
    size_t      n_params;
    bool        is_main, is_script, is_test;
    bool        is_eval;
    /* What a test or eval asks for; 0 and 1 elsewhere. */
    uint32_t    line;               /* from 1, of every function */
    uint32_t    runs;               /* of a test, each with the next seed */
    double      pass;               /* share of runs that must pass; the threshold of an eval */
    int64_t     seed;
    uint64_t    timeout_ms;         /* 0: none */
} sgl_function;

size_t     sgl_module_functions(const sgl_module *module);
void       sgl_module_function(const sgl_module *module, size_t i, sgl_function *ret);
void       sgl_module_param(const sgl_module *module, size_t function, size_t i, sgl_param *ret);
bool       sgl_module_runnable(const sgl_module *module);   /* has main or is a script */
bool       sgl_module_needs_model(const sgl_module *module);    /* some function asks a model */

/* What only a tokenizer can tell, before anything runs: a constant `max` below the shortest value of
 * its type (E0421).  SGL_FAILED when there is such an error; *ret_diags (may be NULL) is set as by
 * sgl_module_compile and must be freed before the module. */
sgl_status sgl_module_check(sgl_module *module, sgl_engine *engine, sgl_diagnostics **ret_diags,
                            sgl_error *err);

/* Computes the constant beginnings of the module's contexts (static prefixes) on the engine and
 * waits for them, so that the first call finds them there; a run does the same for what it can
 * reach, without waiting.  They stay in the engine's cache until everything else has been given
 * up, or the module is freed; until then the module keeps the engine open.  ret_tokens (may be
 * NULL): tokens that are kept.  What cannot be computed is only not there. */
sgl_status sgl_module_bind(sgl_module *module, sgl_engine *engine, size_t *ret_tokens,
                           sgl_error *err);

typedef enum sgl_show {
    SGL_SHOW_PROMPT, SGL_SHOW_IR, SGL_SHOW_BYTECODE, SGL_SHOW_TOKENS, SGL_SHOW_PREFIX,
    SGL_SHOW_SCHEMA,        /* one JSON object: "functions", "constraints", "$defs" */
    SGL_SHOW_GRAMMAR,       /* the automaton of every constraint */
    SGL_SHOW_COST,          /* worst-case tokens of each function (source.cost) */
} sgl_show;
/* engine: for SGL_SHOW_TOKENS, for the tokens of SGL_SHOW_PREFIX and for role markers of
 * SGL_SHOW_PROMPT; may be NULL otherwise. */
sgl_status sgl_module_show(sgl_module *module, sgl_show what, bool color, sgl_engine *engine,
                           char **ret_text, sgl_error *err);

sgl_status sgl_format(const char *text, size_t len, char **ret_text, size_t *ret_len,
                      sgl_error *err);
sgl_status sgl_explain(const char *code, char **ret_text, sgl_error *err);     /* code NULL: the list of codes */

/* ---- values ---- */

typedef struct sgl_value sgl_value;     /* immutable, counted */

typedef enum sgl_kind {
    SGL_NULL, SGL_BOOL, SGL_INT, SGL_FLOAT, SGL_STR, SGL_LIST, SGL_MAP, SGL_TUPLE, SGL_STRUCT,
    SGL_ENUM, SGL_OTHER
} sgl_kind;

sgl_kind    sgl_value_kind(const sgl_value *v);
const char *sgl_value_type(const sgl_value *v);             /* name of its type */
bool        sgl_value_bool(const sgl_value *v);
int64_t     sgl_value_int(const sgl_value *v);
double      sgl_value_float(const sgl_value *v);            /* of an int too */
const char *sgl_value_str(const sgl_value *v, size_t *ret_len);     /* of str and enum; else NULL */
size_t      sgl_value_len(const sgl_value *v);              /* elements, entries, fields */
const sgl_value *sgl_value_at(const sgl_value *v, size_t i);        /* borrowed; of a map its i-th value */
const sgl_value *sgl_value_get(const sgl_value *v, const char *key);   /* borrowed, or NULL */
const char *sgl_value_key(const sgl_value *v, size_t i, size_t *ret_len);   /* of entry or field i; borrowed, or NULL */
sgl_status  sgl_value_text(const sgl_value *v, char **ret_text, size_t *ret_len);   /* as ${v} */
sgl_status  sgl_value_json(const sgl_value *v, char **ret_text);
sgl_status  sgl_value_from_json(const char *json, size_t len, sgl_value **ret, sgl_error *err);
sgl_value  *sgl_value_ref(const sgl_value *v);
void        sgl_value_unref(sgl_value *v);

/* ---- host functions: `extern fn` without a binding ---- */

typedef struct sgl_host_call sgl_host_call;

/* Answers at once with sgl_host_return or sgl_host_fail and returns SGL_OK, or returns SGL_PENDING
 * and answers later from any thread.  Called on the machine's thread: it must not block. */
typedef sgl_status (*sgl_host_fn)(void *ctx, sgl_host_call *call);

const char      *sgl_host_name(const sgl_host_call *call);
size_t           sgl_host_args(const sgl_host_call *call);
const sgl_value *sgl_host_arg(const sgl_host_call *call, size_t i);     /* borrowed */
void             sgl_host_return(sgl_host_call *call, const char *json);    /* JSON of the result type */
void             sgl_host_return_text(sgl_host_call *call, const char *text, size_t len);
void             sgl_host_fail(sgl_host_call *call, const char *message);   /* kind Tool */

/* ---- libraries: host functions in a shared library, as `sglrun --load` takes them ---- */

typedef struct sgl_library sgl_library;

/* What such a library exports under the name `sgl_register` (in C++ as extern "C").  It names its
 * functions with sgl_library_add and returns SGL_OK:
 *
 *     sgl_status sgl_register(sgl_library *lib)
 *     {
 *         return sgl_library_add(lib, "city", city, NULL);
 *     } */
typedef sgl_status (*sgl_register_fn)(sgl_library *lib);
sgl_status sgl_library_add(sgl_library *lib, const char *ext, sgl_host_fn fn, void *ctx);

sgl_status sgl_library_load(const char *path, sgl_library **ret, sgl_error *err);
void       sgl_library_free(sgl_library *lib);      /* after the runs that use it; NULL is fine */

/* ---- runs ---- */

typedef struct sgl_run sgl_run;

typedef struct sgl_run_config {
    size_t             struct_size;
    bool               has_seed;
    uint64_t           seed;                /* drawn and reported when not given */
    const char *const *set;                 /* "temp=0.7": defaults of sampling */
    size_t             n_set;
    uint64_t           budget_tokens;       /* 0: none */
    uint64_t           budget_ms;
    uint64_t           budget_calls;
    const char *const *allow_read;          /* directories; NULL: nothing is readable */
    size_t             n_allow_read;
    const char *const *allow_write;
    size_t             n_allow_write;
    const char *const *allow_run;           /* programs */
    size_t             n_allow_run;
    const char *const *limits;              /* "contexts=1000" */
    size_t             n_limits;
    bool               stream;              /* SGL_EV_TEXT for every generation of the main strand */
    bool               values;              /* SGL_EV_VALUE for named values */
    bool               tests;               /* test and eval functions: mock and stub are legal */
    sgl_library *const *libraries;          /* bind the externs of the program that they name */
    size_t             n_libraries;
} sgl_run_config;

void sgl_run_config_init(sgl_run_config *config);

/* function NULL: main or the script.  engine may be NULL for programs that never ask a model:
 * the first generation then fails with R0103. */
sgl_status sgl_run_new(sgl_runtime *rt, sgl_module *module, const char *function,
                       sgl_engine *engine, const sgl_run_config *config, sgl_run **ret,
                       sgl_error *err);
/* The same by index of sgl_module_function: a test may be called like a function. */
sgl_status sgl_run_new_at(sgl_runtime *rt, sgl_module *module, size_t function, sgl_engine *engine,
                          const sgl_run_config *config, sgl_run **ret, sgl_error *err);
/* Arguments by parameter name, before start.  _text reads a flag's text (LANGUAGE: str verbatim,
 * numbers, bool, enum and literal texts, JSON for the rest); R0104. */
sgl_status sgl_run_arg_text(sgl_run *run, const char *name, const char *text, sgl_error *err);
sgl_status sgl_run_arg_json(sgl_run *run, const char *name, const char *json, sgl_error *err);
sgl_status sgl_run_bind(sgl_run *run, const char *ext, sgl_host_fn fn, void *ctx, sgl_error *err);
/* Missing arguments (R0104) and unbound externs (R0102) are found here. */
sgl_status sgl_run_start(sgl_run *run, sgl_error *err);

typedef enum sgl_event_kind {
    SGL_EV_PRINT,           /* text of print, in program order; to_stderr */
    SGL_EV_TEXT,            /* a piece of a generation (config.stream); inside `attempt` provisional: */
    SGL_EV_ROLLBACK,        /* an attempt failed: the last n_back bytes of this branch's TEXT events are
                               taken back, and all of branches that it forked meanwhile */
    SGL_EV_COMMIT,          /* the outermost attempt passed: what it has shown stays */
    SGL_EV_VALUE,           /* name and value (config.values) */
    SGL_EV_INPUT,           /* input() waits: answer with sgl_run_input */
    SGL_EV_NOTE,            /* a note for the operator: R0505, barriers, ... */
    SGL_EV_DONE,            /* result (owned by the run) */
    SGL_EV_FAILED           /* error, rendered message */
} sgl_event_kind;

typedef struct sgl_event {
    sgl_event_kind   kind;
    const char      *text;          /* PRINT, TEXT, NOTE; INPUT: the prompt; FAILED: rendered message */
    size_t           text_len;
    bool             to_stderr;
    const char      *name;          /* VALUE, TEXT */
    const char      *branch;        /* path such as "0.2", or "" */
    uint64_t         n_back;        /* ROLLBACK */
    const sgl_value *value;         /* VALUE, DONE */
    const char      *error_kind;    /* FAILED: "Truncated", "Budget", "Cancelled", ... */
    sgl_error        error;         /* FAILED */
    const char      *json;          /* the event as one JSON line */
} sgl_event;                        /* valid until the next sgl_run_next or sgl_run_free */

sgl_status sgl_run_next(sgl_run *run, int timeout_ms, sgl_event *ret);  /* as sgl_call_next */
int        sgl_run_fd(sgl_run *run);
void       sgl_run_set_wakeup(sgl_run *run, void (*fn)(void *ctx), void *ctx);
void       sgl_run_input(sgl_run *run, const char *text, size_t len);   /* text NULL: end of input */
void       sgl_run_cancel(sgl_run *run);        /* SGL_EV_FAILED with kind "Cancelled" follows */
void       sgl_run_free(sgl_run *run);          /* cancels what still runs; NULL is fine */

typedef struct sgl_run_stats {
    uint64_t seed;
    uint64_t prompt_tokens, cached_tokens, computed_tokens, generated_tokens, forced_tokens;
    uint64_t calls, branches;
    uint64_t at_once;               /* most calls that the model worked on at the same time */
    double   first_token_ms;        /* from sgl_run_start; below 0: none */
    double   total_ms, prefill_ms, decode_ms;
    bool     no_model;              /* the program asked for a model, and the run has none */
} sgl_run_stats;

void sgl_run_get_stats(const sgl_run *run, sgl_run_stats *ret);

/* ---- a prompt loop: entries that share one context and their names ---- */

typedef struct sgl_prompt sgl_prompt;

sgl_status sgl_prompt_new(sgl_runtime *rt, sgl_engine *engine, const sgl_run_config *config,
                          sgl_prompt **ret, sgl_error *err);
void       sgl_prompt_free(sgl_prompt *p);
/* Compiles one entry.  *ret_incomplete (then no run): more lines are needed.  The run is started
 * by the caller like any other; one at a time. */
sgl_status sgl_prompt_enter(sgl_prompt *p, const char *text, size_t len, bool *ret_incomplete,
                            sgl_run **ret_run, sgl_diagnostics **ret_diags, sgl_error *err);
/* A folder in which files are looked for that entries name and that are not in the current one. */
sgl_status sgl_prompt_add_folder(sgl_prompt *p, const char *folder, sgl_error *err);
sgl_status sgl_prompt_undo(sgl_prompt *p, sgl_error *err);      /* takes back one entry */
sgl_status sgl_prompt_reset(sgl_prompt *p, sgl_error *err);
/* A second prompt that begins as a copy of this one: context, names, entries. */
sgl_status sgl_prompt_fork(sgl_prompt *p, sgl_prompt **ret, sgl_error *err);
/* The type of an entry that is compiled and not run. */
sgl_status sgl_prompt_type(sgl_prompt *p, const char *text, size_t len, char **ret_type,
                           sgl_diagnostics **ret_diags, sgl_error *err);
/* The entries so far as a program: values that were shown are printed, `it` has names. */
sgl_status sgl_prompt_source(sgl_prompt *p, char **ret_text, sgl_error *err);
size_t     sgl_prompt_entries(const sgl_prompt *p);
const char *sgl_prompt_value_type(const sgl_prompt *p);     /* of the last entry's value; until the next one */
sgl_status sgl_prompt_text(sgl_prompt *p, char **ret_text, sgl_error *err);     /* roles visible */
uint32_t   sgl_prompt_tokens(sgl_prompt *p);
sgl_status sgl_prompt_set(sgl_prompt *p, const char *setting, sgl_error *err);  /* "temp=0.2", "seed=7" */
/* Texts that could stand at the end of `text`, for completion; a JSON array. */
sgl_status sgl_prompt_complete(sgl_prompt *p, const char *text, size_t len, char **ret_json);

#ifdef __cplusplus
}
#endif

#endif
