/* api_int.h - what the files behind the two public headers share: handles and conversions.
 *
 * A public handle is a small struct around an inner one.  Counts of modules, engines and values
 * are atomic, so that a host may keep handles on several threads; everything else belongs to one
 * thread at a time, as the headers say. */
#ifndef RUNTIME_API_API_INT_H
#define RUNTIME_API_API_INT_H

#include <sgl/sgl.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "compiler/compile.h"
#include "runtime/engine/engine.h"
#include "runtime/value/value.h"
#include "runtime/vm/vm.h"

/* ---- errors and texts ---- */
/* Fills *to (may be NULL) and returns the public status. */
sgl_status api_error(enum status st, const struct error *from, sgl_error *to);
sgl_status api_fail(sgl_error *to, enum status st, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
sgl_status api_nomem(sgl_error *to);
void       api_copy_error(const struct error *from, sgl_error *to);
/* Hands the bytes out as a C string; SGL_NOMEM when the builder has failed. */
sgl_status api_take_text(struct str *s, char **ret_text, size_t *ret_len, sgl_error *err);
/* A copy of the host's config over our defaults: only the bytes that both know. */
void       api_take_config(void *own, size_t own_size, const void *given);

/* ---- handles ---- */
struct sgl_runtime {
    struct vm *vm;
    void     (*log)(void *ctx, int level, const char *line);
    void      *log_ctx;
};

struct api_func {                   /* what a host can name of a module */
    sgl_function info;
    sgl_param   *param;             /* [info.n_params] */
    uint32_t     func;              /* in the module */
};

struct sgl_module {
    _Atomic uint32_t refs;
    struct module   *m;
    struct arena     arena;         /* owns func and its C strings */
    struct api_func *func;          /* [n_func] */
    uint32_t         n_func;
    struct str       ir;            /* when the source asked to keep it */
    struct str       cost;          /* ... to say what it may cost */
    struct api_pins *pins;          /* static prefixes on engines; NULL: out of memory, none are kept */
};

struct sgl_diagnostics {
    struct arena     arena;
    struct diag_list list;
};

struct sgl_engine {
    _Atomic uint32_t refs;
    struct engine   *e;
};

/* The handle of a value that its caller gives away; NULL: out of memory (v is released). */
sgl_value *api_value_take(struct value v);
struct value api_value(const sgl_value *v);         /* borrowed */

/* Compiles an entry of a prompt loop; probe: the names stay as they are. */
sgl_status api_compile_entry(const sgl_source *source, struct compile_env *env, bool probe, sgl_module **ret,
                             sgl_diagnostics **ret_diags, sgl_error *err);

/* The same, noting the files that were read and the text of the main one, for an artifact. */
struct file_recorder;
sgl_status api_compile_recorded(const sgl_source *source, struct file_recorder *files, struct str *ret_text,
                                sgl_module **ret, sgl_diagnostics **ret_diags, sgl_error *err);
/* opts->text is an artifact: its module, or one compiled from the files inside (R0105). */
enum status api_artifact_open(const struct compile_opts *opts, struct diag_list *diags, struct module **ret,
                              struct str *ret_ir, struct error *err);

/* A run of one function; env is the prompt loop's or NULL. */
sgl_status api_run_new(sgl_runtime *rt, sgl_module *module, uint32_t func, sgl_engine *engine,
                       struct run_env *env, const sgl_run_config *config, sgl_run **ret,
                       sgl_error *err);

/* ---- static prefixes (api_bind.c) ---- */
struct api_pins;
struct api_pins *api_pins_new(void);                /* NULL: out of memory */
void             api_pins_free(struct api_pins *p); /* NULL is fine */
/* Begins to compute the prefixes that a call of `func` can reach; waits for nothing.  e may be NULL. */
void             api_bind(sgl_module *module, struct engine *e, uint32_t func);

/* Binds the externs of the module that the library offers. */
sgl_status api_bind_library(sgl_run *run, const struct module *m, const sgl_library *lib, sgl_error *err);

/* ---- generations ---- */
struct session;
/* Fills the hole of a plan from a request; the prompt is the caller's matter. */
sgl_status api_fill_hole(const sgl_request *r, struct plan *p, uint64_t *ret_seed, sgl_error *err);
void       api_take_request(sgl_request *own, const sgl_request *given);

/* A call over a session: submits the plan (which it takes).  owns_session: dropped with the call. */
sgl_status api_call_start(struct engine *e, struct session *s, bool owns_session, struct plan *p,
                          uint64_t seed, sgl_call **ret, sgl_error *err);

#endif
