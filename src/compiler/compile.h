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
/* The same names again, to go back to or to go on from. */
enum status compile_env_copy(const struct compile_env *env, struct compile_env **ret, struct error *err);
/* Every name that an entry can use: of earlier entries, their declarations, the library.
 * `member`: names that can stand behind a dot instead. */
enum status compile_env_names(const struct compile_env *env, bool member,
                              void (*name)(void *ctx, struct slice name), void *ctx);

/* Counts the tokens of texts where a tokenizer is at hand. */
struct token_counter {
    uint32_t  (*count)(void *ctx, struct slice text);   /* UINT32_MAX: it cannot be told */
    void       *ctx;
    uint32_t    turn[4];            /* markers of a turn of each role */
    const char *model;
};

struct compile_opts {
    const char         *name;       /* of the source: a path, "<stdin>", "<-e>" */
    struct slice        text;
    struct loader       loader;
    struct compile_env *env;        /* not NULL: an entry of a prompt loop; it learns new names */
    const char *const  *no_opt;     /* names of passes left out */
    uint32_t            n_no_opt;
    bool                probe;      /* the environment learns nothing */
    bool                deny;       /* warnings are errors */
    bool                keep_ir;    /* ret_ir is filled */
    bool                cost;       /* W0701 */
    struct str         *ret_cost;   /* worst-case tokens and contexts of each function; NULL: not wanted */
    const struct token_counter *counter;        /* for them; NULL: constant text counts in bytes */
};

/* ST_OK with *ret_module set when no error was found; ST_FAILED with diagnostics otherwise (the
 * module is then NULL).  Diagnostics live in the list's arena.  ret_ir (may be NULL) receives the
 * text of the IR when asked for. */
enum status compile_module(const struct compile_opts *opts, struct diag_list *diags,
                           struct module **ret_module, struct str *ret_ir, struct error *err);

/* Names of passes that can be switched off, in their order; NULL behind the last.  "all" is known
 * as well. */
const char *pass_name(uint32_t i);
bool        pass_known(const char *name);

/* The constant beginnings of contexts; n_tok (or NULL) has their tokens, one a prefix. */
void show_prefix(const struct module *m, const uint32_t *n_tok, bool color, struct str *out);

#endif
