/* num.h - sets of decimal numbers, and the automaton that reads exactly one of them.
 *
 * A set is an interval with decimal ends of any length, as they were written, and divisors; it is
 * exact, no double is involved.  Unions of sets are the caller's (one leaf each). */
#ifndef COMPILER_PATTERN_NUM_H
#define COMPILER_PATTERN_NUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/str.h"

enum { NUM_DIGITS = 360 };

/* sign * 0.d1d2d3... * 10^exp, without leading or trailing zeros; zero has n == 0. */
struct decimal {
    bool     negative;
    uint16_t n;
    int32_t  exp;
    uint8_t  digit[NUM_DIGITS];
};

bool decimal_read(struct slice text, struct decimal *ret);      /* a JSON number; false: too long */
int  decimal_cmp(const struct decimal *a, const struct decimal *b);
void decimal_write(const struct decimal *d, struct str *out);   /* plain, no exponent */
int  decimal_digit(const struct decimal *d, int32_t i);     /* i places before (>= 0) or behind the point */
bool decimal_is_integer(const struct decimal *d);
/* |d| * 10^places as an integer; false when it is none or over 2^63. */
bool decimal_scaled(const struct decimal *d, uint32_t places, uint64_t *ret);
bool decimal_multiple(const struct decimal *x, uint64_t m, uint32_t places);

uint64_t num_gcd(uint64_t a, uint64_t b);

enum { NUM_DIVISORS = 8, NUM_PLACES = 60 };

struct num_divisor {        /* multiples of m / 10^places */
    uint64_t m;
    uint32_t places;
    bool     negated;       /* and these are the numbers that are none */
};

struct num_set {
    bool               has_lo, has_hi, lo_open, hi_open;
    struct decimal     lo, hi;
    bool               empty;   /* the divisors contradict each other */
    uint32_t           n_div;
    struct num_divisor div[NUM_DIVISORS];
};

/* How a member may be written. */
struct num_spelling {
    int32_t max_int;        /* digits before the point, or -1 */
    int32_t min_frac;       /* digits behind it; 0: the point may be left out */
    int32_t max_frac;       /* -1: any number */
};

bool num_has(const struct num_set *s, const struct decimal *x);
/* s and t, with as few divisors as say the same; false when there are too many of them. */
bool num_meet(struct num_set *s, const struct num_set *t);
bool num_integer(const struct num_set *s);      /* multiples of an integer only */

struct num_dfa {
    uint64_t  key;          /* of the set and spelling it was made for */
    uint32_t  n, n_met;     /* states; those that were met before equal and dead ones went */
    uint32_t *next;         /* [n][NUM_SYMBOLS], 0 dead */
    uint16_t *dist;         /* [n] bytes to an accepting state */
    uint8_t  *accept;       /* [n] */
    uint8_t  *more;         /* [n] */
};

enum { NUM_SYMBOLS = 12, NUM_START = 1 };       /* 0-9 - . ; state 0 is dead */

static inline int num_symbol(uint8_t byte)
{
    return byte >= '0' && byte <= '9' ? byte - '0' : byte == '-' ? 10 : byte == '.' ? 11 : -1;
}

uint64_t    num_key(const struct num_set *s, const struct num_spelling *sp);
/* ST_LIMIT when it needs too many states.  An empty set gives n == 0. */
enum status num_dfa_new(const struct num_set *s, const struct num_spelling *sp,
                        struct num_dfa **ret, struct error *err);
void        num_dfa_free(struct num_dfa *d);

/* Joins states that read the same; false: out of memory. */
bool           num_join_states(struct num_dfa *d);
/* Equal names, equal futures, in any automaton. */
struct hash128 num_state_name(const struct num_dfa *d, uint32_t state);

#endif
