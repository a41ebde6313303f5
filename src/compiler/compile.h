/* compile.h - source text to a module: load, resolve, check, lower, passes, verify, emit.
 *
 * Nothing is read except through the loader, so that a host decides what a program may see while
 * it is compiled (imports, data(), schemas, grammars). */
#ifndef COMPILER_COMPILE_H
#define COMPILER_COMPILE_H

#include "compiler/bytecode.h"
#include "frontend/diag.h"

/* Reads a file named relative to the directory of `from` ("" for the current one).  ret_name is
 * the resolved name, the identity of the file; both results live in the arena. */
struct loader {
    enum status (*load)(void *ctx, struct arena *arena, const char *from, struct slice name,
                        const char **ret_name, struct slice *ret_text, struct error *err);
    void *ctx;
};

/* Names that an earlier entry of a prompt loop left behind: slots of the environment. */
struct compile_env;
enum status compile_env_new(struct compile_env **ret, struct error *err);
void        compile_env_free(struct compile_env *env);

struct compile_opts {
    const char         *name;       /* of the source: a path, "<stdin>", "<-e>" */
    struct slice        text;
    struct loader       loader;
    struct compile_env *env;        /* not NULL: an entry of a prompt loop; it learns new names */
    const char *const  *no_opt;     /* names of passes left out */
    uint32_t            n_no_opt;
    bool                keep_ir;    /* ret_ir is filled */
    bool                cost;       /* W0701 */
};

/* ST_OK with *ret_module set when no error was found; ST_FAILED with diagnostics otherwise (the
 * module is then NULL).  Diagnostics live in the list's arena.  ret_ir (may be NULL) receives the
 * text of the IR when asked for. */
enum status compile_module(const struct compile_opts *opts, struct diag_list *diags,
                           struct module **ret_module, struct str *ret_ir, struct error *err);

/* The prompt of every function with static, inserted and generated parts told apart (`show`). */
void show_prompt(const struct module *m, bool color, struct str *out);

#endif
