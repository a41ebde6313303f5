/* type.h - static types: what a value may be, how a type is written, and which fits where.
 *
 * A type is immutable and lives in the compile arena.  Structs and enums are equal when their
 * declaration is the same; everything else is compared by structure.  `any` is what the standard
 * library may write and what stands in for a type that could not be found out: it fits anywhere,
 * so that one mistake is reported once. */
#ifndef COMPILER_TYPE_H
#define COMPILER_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "compiler/pattern/shape.h"
#include "frontend/source.h"

enum type_kind {
    T_ANY, T_NEVER, T_NULL, T_BOOL, T_INT, T_FLOAT, T_STR, T_REGEX_STR, T_LIT, T_DURATION,
    T_REGEX, T_PATH, T_BYTES, T_RANGE, T_LIST, T_MAP, T_TUPLE, T_STRUCT, T_ENUM, T_UNION, T_OPT,
    T_CALL, T_TOOL, T_JSON, T_SCHEMA, T_GRAMMAR, T_CONTEXT, T_MARK, T_FN, T_BRANCHES, T_ERROR,
    T_TOKEN, T_MATCH, T_META, T_PARTIAL, T_VAR,
    T_N,
};

struct type;
struct node;
struct mod;
struct sym;

struct sfield {
    struct slice       name, key, doc;
    struct type       *type;
    const struct node *fallback;        /* default, or NULL */
    const struct node *check;           /* lambda of @check, or NULL */
    struct slice       check_text;
    bool               done;
    uint32_t           fallback_func, check_func;   /* compiled on demand; BC_NO_INDEX */
};

struct sdecl {                          /* a struct of the program, or a built-in one */
    struct slice   name;
    struct sfield *field;
    uint32_t       n;
    struct sym    *sym;                 /* NULL: built in, read by member name */
    struct shape  *shape;
    bool           shape_open;          /* being built: refer to it */
    uint32_t       rtype;               /* index + 1, once emitted */
    bool           overlap_done;        /* its unions have been looked at (constraint.c) */
    uint32_t       walk;                /* the last one that came by (lower_check.c) */
};

struct evariant {
    struct slice name, text, doc;
};

struct edecl {
    struct slice     name;
    struct evariant *variant;
    uint32_t         n;
    struct sym      *sym;
};

struct type {
    enum type_kind kind;
    bool           refined;
    int64_t        lo, hi;              /* INT; LIT bool and int: lo; STR LIST MAP: length, hi -1 none */
    double         flo, fhi;            /* FLOAT; LIT float: flo */
    int32_t        decimals;
    uint32_t       flags;               /* SHAPE_* */
    struct slice   text;                /* REGEX_STR, SCHEMA, GRAMMAR, LIT of a str; VAR: its name */
    enum type_kind lit;                 /* LIT: T_STR T_INT T_FLOAT T_BOOL */
    struct type  **elem;                /* LIST, OPT, BRANCHES, PARTIAL 1; MAP 2; TUPLE, UNION n; FN params, result */
    uint32_t       n;
    struct sdecl  *strct;
    struct edecl  *enm;
    struct sym   **tool;                /* CALL */
    uint32_t       n_tool;
    struct span    at;                  /* where it is written, for what is said of it; len 0: unknown */
    const struct mod *mod;
};

/* The types without arguments: one constant object a kind, never written. */
struct type *type_plain(enum type_kind kind);

/* Constructors give NULL when memory is out. */
struct type *type_make(struct arena *a, enum type_kind kind, uint32_t n_elem);
struct type *type_list(struct arena *a, struct type *elem);
struct type *type_map(struct arena *a, struct type *key, struct type *value);
struct type *type_opt(struct arena *a, struct type *t);     /* an optional stays one */
struct type *type_branches(struct arena *a, struct type *t);

void type_text(const struct type *t, struct str *out);

bool type_equal(const struct type *a, const struct type *b);

enum fit {
    FIT_NO,
    FIT_CHECK,          /* accepted, and checked or widened where it arrives */
    FIT_SAME,
};

enum fit type_fits(const struct type *from, const struct type *to);

/* The first type of LANGUAGE.md 3.3 rule 7 that fits both without a wanted type; NULL: none. */
struct type *type_common(struct arena *a, struct type *x, struct type *y);

const struct type *type_base(const struct type *t);    /* without refinement: int(0..9) is int */
bool type_is_data(const struct type *t);                /* may be JSON */
bool type_has_text(const struct type *t);               /* LANGUAGE.md 3.4 */
bool type_is_num(const struct type *t);
bool type_is_str(const struct type *t);
bool type_is_key(const struct type *t);                 /* of a map */
bool type_has_branches(const struct type *t);
struct type *type_no_null(const struct type *t);        /* without its null */

enum { TYPE_DEPTH_MAX = 64 };

#endif
