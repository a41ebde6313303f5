/* module.h - the source files of a compilation: what each declares, what it imports.
 *
 *      main file --import--> lib.sgl --import--> std.vote
 *          \------------------------------------/^
 *
 * Every file is read once and has one struct mod.  A symbol is resolved when it is first used, so
 * declarations may stand in any order. */
#ifndef COMPILER_MODULE_H
#define COMPILER_MODULE_H

#include "base/hashmap.h"
#include "compiler/type.h"
#include "frontend/ast.h"
#include "frontend/source.h"

struct comp;

enum sym_kind { SYM_FN, SYM_PART, SYM_EXTERN, SYM_STRUCT, SYM_ENUM, SYM_ALIAS, SYM_CONST,
                SYM_IMPORT };

struct fparam {
    struct slice       name, doc;
    struct span        at;
    struct type       *type;
    const struct node *fallback;
    uint32_t           fallback_func;   /* compiled on demand; BC_NO_INDEX */
};

struct sym {
    enum sym_kind      kind;
    struct slice       name;
    struct span        at;
    struct mod        *mod;             /* where it is declared */
    const struct node *node;            /* DECL_* */
    enum { SYM_NEW, SYM_OPEN, SYM_DONE } state;
    bool               used;
    /* FN, PART, EXTERN */
    struct fparam     *param;
    uint32_t           n_param;
    struct type       *result;
    uint32_t           func;            /* index + 1 in the module */
    uint32_t           ext;             /* index + 1 in the module's externs */
    uint32_t           native;          /* native_id + 1: a library function */
    bool               pure, idempotent;
    struct slice       gives;           /* library: result over T, the elements of the first argument */
    bool               expanding;       /* a part that is being expanded */
    bool               looped;          /* ... that was found to call itself */
    /* STRUCT, ENUM, ALIAS, CONST */
    struct sdecl      *strct;
    struct edecl      *enm;
    struct type       *type;            /* ALIAS; CONST */
    uint32_t           konst;           /* CONST: index + 1; 0: evaluated by `func` */
    /* IMPORT */
    struct mod        *target;
};

struct mod {
    const struct source *source;
    struct slice         prefix;        /* of its names in messages; empty for the main file */
    const struct node   *ast;
    struct hashmap       name;          /* symbol by name */
    struct sym         **sym;           /* in source order */
    uint32_t             n_sym, cap_sym;
    bool                 is_std;        /* may use `any` and @native */
    bool                 loading;       /* a cycle leads here */
    bool                 has_main, has_statement;
    uint32_t             index;
};

/* Reads a file and everything it imports.  NULL: reported. */
struct mod *module_load_main(struct comp *c);
struct mod *module_load_std(struct comp *c, const char *name);     /* NULL: no such module */

struct sym *module_find(const struct mod *m, struct slice name);   /* NULL: none */

#endif
