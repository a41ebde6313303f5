/* show.h - what `show` tells of a frozen module: its prompts, its types as JSON Schema. */
#ifndef COMPILER_SHOW_H
#define COMPILER_SHOW_H

#include "compiler/bytecode.h"

enum show_kind {
    SHOW_FUNC,          /* a function begins: its name and place */
    SHOW_TEXT,          /* constant text */
    SHOW_INSERT,        /* an inserted value, as `${source}` */
    SHOW_CONTROL,       /* a control token, as `${source}` */
    SHOW_GEN,           /* a generation, as `$[name: type]` */
    SHOW_OPEN,          /* a turn of `role` opens; the text is its name */
    SHOW_CLOSE,
    SHOW_FLOW,          /* control parts or meets here: "if n > 2", "else", "end", "fork: ..." */
};

enum { SHOW_NO_ROLE = 0xffff };

struct show_piece {
    enum show_kind     kind;
    struct slice       text;    /* valid during the call */
    uint32_t           role;    /* OPEN, CLOSE: as in TURN_OPEN; SHOW_NO_ROLE: not known */
    const struct func *func;
};

typedef void (*show_fn)(void *ctx, const struct show_piece *piece);

/* Every function that writes into a context, piece by piece; tests are left out. */
enum status show_walk(const struct module *m, show_fn piece, void *ctx);

/* The automaton of every constraint, spaced.  Errors as pattern_compile. */
enum status show_grammar(const struct module *m, struct str *out, struct error *err);

/* One JSON object: parameters and result of every function that a host can call, every constraint
 * that a model answers under, and the structs they name in "$defs". */
void show_schema(const struct module *m, struct str *out);

#endif
