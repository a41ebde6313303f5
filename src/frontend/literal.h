/* literal.h - what a literal's bytes mean: numbers, durations, escapes, dedent.
 *
 * Decoding happens once, when the tree is built; the lexer has only found the ends. */
#ifndef FRONTEND_LITERAL_H
#define FRONTEND_LITERAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/str.h"
#include "frontend/diag.h"
#include "frontend/token.h"

/* An unsigned magnitude; false when malformed or over 64 bits. */
bool literal_int(struct slice text, uint64_t *ret);
bool literal_float(struct slice text, double *ret);
bool literal_duration(struct slice text, int64_t *ret_ms);

struct literal_text {               /* one string while its pieces are decoded */
    struct arena        *arena;
    const struct source *source;
    struct diag_list    *diags;
    uint32_t             flags;     /* TOKEN_RAW, TOKEN_TRIPLE, TOKEN_BLOCK */
    struct slice         indent;    /* BLOCK: what stands before the closing quotes */
    bool                 bad;       /* an error has been reported */
};

/* A string from its opening to behind its closing quotes: reads the indentation of a block. */
void literal_begin(struct literal_text *t, struct span whole);
/* Bytes of the source between quotes, inserts and holes.  `first` and `last` piece of the string
 * lose the newlines that belong to the quotes of a block. */
struct slice literal_piece(struct literal_text *t, struct span at, bool first, bool last);
/* The inside of a STRING token, or between the quotes of a whole text. */
struct span literal_inside(const struct source *s, struct span whole, uint32_t flags);

#endif
