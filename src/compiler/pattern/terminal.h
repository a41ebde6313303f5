/* terminal.h - the byte automaton of one leaf of a rule: an expression or a number set, spelled
 * as UTF-8 or as a JSON string, built state by state as bytes arrive.
 *
 *      "na|me"        AT  residual  --byte--> AT, CONT (inside a code point), ESC, HEX, LOW, DONE
 *
 * A state is a number; equal futures of the same leaf have equal numbers.  TERM_DEAD has no
 * future.  Every other state can be completed.  Rows of transitions are made for states that are
 * stepped often. */
#ifndef COMPILER_PATTERN_TERMINAL_H
#define COMPILER_PATTERN_TERMINAL_H

#include "compiler/pattern/derive.h"
#include "compiler/pattern/num.h"

enum { TERM_NONE = 0, TERM_DEAD = 1 };

enum term_enc {
    ENC_RAW,            /* the text itself */
    ENC_JSON,           /* a JSON string with its quotes, any spelling */
    ENC_CANON,          /* a JSON string with its quotes, the one canonical spelling */
};

enum term_flag { TERM_ACCEPT = 1, TERM_MORE = 2 };

struct term_state {
    uint8_t   kind, enc, left, flags;
    uint8_t   n_step, size;
    uint32_t  e;            /* expression, or number automaton */
    uint32_t  v;            /* bits of the unfinished code point, or state of the number automaton */
    uint32_t *row;          /* [256] next states, TERM_NONE unknown; NULL while rarely used */
};

struct terminals {
    struct expr_pool   ex;
    struct term_state *st;
    uint32_t           n, cap;
    uint32_t          *slot;
    uint32_t           n_slot;
    struct num_dfa   **num;
    uint32_t           n_num, cap_num;
    uint32_t           n_row;
};

enum status terminals_init(struct terminals *t, uint64_t work_limit, struct error *err);
void        terminals_free(struct terminals *t);
size_t      terminals_bytes(const struct terminals *t);
static inline bool terminals_failed(const struct terminals *t) { return t->ex.failed != ST_OK; }

uint32_t terminal_start(struct terminals *t, uint32_t expr, enum term_enc enc);
uint32_t terminal_text(struct terminals *t, struct slice utf8);         /* raw, one text */
uint32_t terminal_number(struct terminals *t, const struct num_set *set, const struct num_spelling *sp);
uint32_t terminal_step(struct terminals *t, uint32_t q, uint8_t byte);

static inline bool terminal_accepts(const struct terminals *t, uint32_t q)
{
    return t->st[q].flags & TERM_ACCEPT;
}

static inline bool terminal_more(const struct terminals *t, uint32_t q)
{
    return t->st[q].flags & TERM_MORE;
}

/* Labels of an accepting state, ascending; a leaf without labels has label 0. */
struct arc_list terminal_labels(struct terminals *t, uint32_t q, bool *ret_plain);
/* Bytes of the shortest text of the leaf from q on, 0 where it accepts. */
size_t terminal_shortest(struct terminals *t, uint32_t q);
/* The same, reading at least one byte; and that way, appended, where work stays below a bound. */
size_t terminal_further(struct terminals *t, uint32_t q);
bool   terminal_complete(struct terminals *t, uint32_t q, uint64_t work_most, struct str *out);
bool   terminal_has_labels(const struct terminals *t, uint32_t q);
/* The state with only those texts left that end in the label; TERM_DEAD: none does. */
uint32_t terminal_restrict(struct terminals *t, uint32_t q, uint32_t label);
/* ---- for masks ---- */

/* Identity of the state's future within one token, in any pattern.  False: it has none. */
bool terminal_key(struct terminals *t, uint32_t q, struct hash128 *ret);

/* A state that loops on a set: lo..hi code points of it may follow.  *ret_base is the same without
 * bounds, *ret_key its identity. */
struct terminal_loop {
    uint32_t       lo, hi, base;
    bool           json;
    struct hash128 key;
};
bool terminal_loop(struct terminals *t, uint32_t q, struct terminal_loop *ret);

/* The state without bounds from above that cannot matter within `longest` code points. */
uint32_t terminal_unbounded(struct terminals *t, uint32_t q, uint32_t longest);

/* A JSON string of texts that can always go on, but for a few: *ret_base are the texts, *ret_words the
 * few.  False: not so. */
bool terminal_excludes(struct terminals *t, uint32_t q, uint32_t *ret_base, uint32_t *ret_words);

/* A JSON string in which any text may still be read: *ret_base is the state of any text. */
bool terminal_open(struct terminals *t, uint32_t q, uint32_t *ret_base);

/* Bytes that begin a code point: ASCII, and from 0xc0 up. */
struct lead_bytes {
    uint64_t ascii[2], up;
};

/* Between code points, where most of what can be read are code points of one set, over and over:
 * every text of at most `hi` of them that does not begin with one of `not_first` may be read.  Any
 * other text that may be read has a byte of `lead`, or begins with more than hi of them (`beyond`).
 * Beyond ASCII the set is all code points that begin with one of some bytes.  False: no such set. */
struct terminal_class {
    struct lead_bytes stay, not_first, lead;
    uint32_t          hi;       /* EXPR_INF: any number */
    bool              beyond;
};
bool terminal_class(struct terminals *t, uint32_t q, struct terminal_class *ret);

/* In a JSON string: bytes all of whose code points lead from q back to q. */
struct lead_bytes terminal_stays(struct terminals *t, uint32_t q);

/* Adds the bytes that may be read from q; any other byte leads to TERM_DEAD. */
void terminal_first(struct terminals *t, uint32_t q, uint32_t set[8]);

/* A JSON string between two code points, without labels: a quote read here ends it. */
bool terminal_in_string(const struct terminals *t, uint32_t q);

/* The row of known steps, made if need be; NULL where rows are used up. */
const uint32_t *terminal_row_new(struct terminals *t, uint32_t q);

static inline const uint32_t *terminal_row(struct terminals *t, uint32_t q)
{
    return t->st[q].row ? t->st[q].row : terminal_row_new(t, q);
}

size_t terminal_longest(struct terminals *t, uint32_t q);
/* The texts that are left, or the kind of number, for dumps. */
void     terminal_dump(const struct terminals *t, uint32_t q, struct str *out);

#endif
