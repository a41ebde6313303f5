/* regex_tree.h - the parsed form of a regular expression, between regex_parse.c and regex.c. */
#ifndef COMPILER_PATTERN_REGEX_TREE_H
#define COMPILER_PATTERN_REGEX_TREE_H

#include "base/arena.h"
#include "compiler/pattern/charset.h"
#include "compiler/pattern/regex.h"

enum rx_kind { RX_SET, RX_CAT, RX_ALT, RX_REP, RX_BEGIN, RX_END, RX_AHEAD };

struct rx {
    enum rx_kind  kind;
    bool          negative;         /* AHEAD */
    bool          nullable;         /* may be passed without reading */
    bool          asserts;          /* contains BEGIN, END or AHEAD */
    bool          begins;           /* contains BEGIN */
    uint32_t      lo, hi;           /* REP */
    uint32_t      off;              /* where it stands in the text */
    uint32_t      n;
    struct rx   **kid;              /* [n] */
    struct range *range;            /* SET: [n] */
};

enum { RX_TEXT_MAX = 65536, RX_NEST_MAX = 500, RX_BOUND_MAX = 1 << 20, RX_UNROLL_MAX = 64 };

enum status regex_parse(struct arena *a, struct slice text, enum regex_dialect dialect,
                        uint32_t flags, struct rx **ret, struct error *err);

#endif
