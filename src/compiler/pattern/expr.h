/* expr.h - regular languages over code points as hash-consed expressions.
 *
 * An expression is a number; equal structure gives equal numbers, so equality, memo tables and
 * states are comparisons of numbers.  Counted repetition is one node and is never unrolled.
 *
 * Beyond U+10FFFF lie labels: a "code point" EXPR_LABEL + i is the mark that alternative i of a
 * switch was read.  The byte automaton never reads one, it only asks which may come next; so
 * fifty keys of an object are one expression whose arms end in fifty labels.
 *
 *      "name" L0 | "nick" L1      after `n`:   "ame" L0 | "ick" L1
 *
 * The pool is sticky: once its budget or the memory is spent, `failed` says why, and every
 * operation gives EXPR_EMPTY, so that a failure can only make a language smaller. */
#ifndef COMPILER_PATTERN_EXPR_H
#define COMPILER_PATTERN_EXPR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/hash.h"
#include "base/hashmap.h"
#include "base/str.h"
#include "compiler/pattern/charset.h"

enum {
    EXPR_EMPTY = 0,         /* no word */
    EXPR_EPS = 1,           /* the empty word */
    EXPR_ANY = 2,           /* one code point */
    EXPR_ALL = 3,           /* every word */
    EXPR_LABEL = 0x110000,
    EXPR_COUNT_CAP = 300,   /* counts beyond it cannot be told apart within one token */
};

#define EXPR_INF UINT32_MAX

enum expr_kind { EX_EMPTY, EX_EPS, EX_SET, EX_CAT, EX_OR, EX_AND, EX_NOT, EX_REP, EX_FIX };

enum expr_flag {
    EXF_NULLABLE = 1,
    EXF_LOGIC = 2,          /* contains AND, NOT or FIX: emptiness needs a search */
    EXF_LABEL = 4,          /* contains a label */
    EXF_FIX = 8,            /* contains a recursive definition, which has a name in its pool only */
    EXF_ENDLESS = 16,       /* contains a repetition without an upper bound */
};

struct expr_node {
    uint8_t  kind, flags;
    uint16_t depth;         /* how deep taking a derivative goes down */
    uint32_t a, b, c;       /* SET: first range, count.  CAT: head, tail.  OR, AND: first kid,
                               count.  NOT: kid.  REP: kid, lo, hi.  FIX: number, body */
};

/* One arc of a derivative: reading any of lo..hi leaves `to`. */
struct arc {
    uint32_t lo, hi, to;
};

struct arc_list {
    const struct arc *arc;
    uint32_t          n;
};

struct expr_pool {
    struct arena      arena;        /* arcs */
    struct expr_node *node;
    struct arc_list  *arcs;         /* [n] computed derivatives; arc NULL: not yet */
    struct arc_list  *live_arcs;    /* [n] those to languages that are not empty */
    struct hash128   *hash;         /* [2n] identity across pools: exact, and with counts capped */
    uint8_t          *live;         /* [n] 0 unknown, 1 yes, 2 no */
    struct idmap      min;          /* shortest words found so far, see derive.h */
    struct idmap      least;        /* bounds of such words found so far */
    struct idmap      longest;      /* longest words of unions and intersections */
    struct idmap      open;         /* languages known to be open (1) or not (0), see derive.h */
    uint32_t          n, cap;
    uint32_t         *slot;         /* hash table of node ids + 1 */
    uint32_t          n_slot;
    uint32_t         *kid;          /* lists of OR and AND */
    uint32_t          n_kid, cap_kid;
    struct range     *range;        /* of sets */
    uint32_t          n_range, cap_range;
    uint32_t          ascii[128];   /* sets of one code point, 0 not made yet */
    uint32_t          nest;         /* depth of simplification at work */
    uint32_t          n_fix;
    uint64_t          work, work_limit;
    struct or_seen   *or_seen;      /* unions made lately, where there is much work; NULL: not yet */
    uint64_t          n_look;       /* parts of sequences measured, a few of which are a unit */
    enum status       failed;       /* ST_OK, ST_NOMEM, ST_LIMIT */
};

enum status expr_pool_init(struct expr_pool *p, uint64_t work_limit, struct error *err);
void        expr_pool_free(struct expr_pool *p);
size_t      expr_pool_bytes(const struct expr_pool *p);
bool        expr_work(struct expr_pool *p, uint64_t units);    /* false: the budget is spent */

uint32_t expr_set(struct expr_pool *p, const struct ranges *s);
uint32_t expr_range(struct expr_pool *p, uint32_t lo, uint32_t hi);
uint32_t expr_text(struct expr_pool *p, struct slice utf8);
uint32_t expr_cat(struct expr_pool *p, uint32_t a, uint32_t b);
uint32_t expr_or(struct expr_pool *p, const uint32_t *x, uint32_t n);
uint32_t expr_or2(struct expr_pool *p, uint32_t a, uint32_t b);
uint32_t expr_and(struct expr_pool *p, const uint32_t *x, uint32_t n);
uint32_t expr_and2(struct expr_pool *p, uint32_t a, uint32_t b);
uint32_t expr_not(struct expr_pool *p, uint32_t a);
uint32_t expr_rep(struct expr_pool *p, uint32_t a, uint32_t lo, uint32_t hi);
/* A recursive definition: make it, use it behind at least one code point, then define it. */
uint32_t expr_fix(struct expr_pool *p);
void     expr_fix_define(struct expr_pool *p, uint32_t fix, uint32_t body);
/* Union of texts (sorted copies are made inside), each followed by tail[i] (EXPR_EPS: none). */
uint32_t expr_choices(struct expr_pool *p, const struct slice *text, const uint32_t *tail, uint32_t n);

/* The same for windows of one list: what two windows share is made once.  Texts are the caller's. */
struct choices;
struct choices *choices_new(const struct slice *text, const uint32_t *tail, uint32_t n);  /* NULL: memory */
void            choices_free(struct choices *x);
/* Texts from .. to - 1 of the list. */
uint32_t        choices_expr(struct expr_pool *p, struct choices *x, uint32_t from, uint32_t to);

static inline bool expr_nullable(const struct expr_pool *p, uint32_t e)
{
    return p->node[e].flags & EXF_NULLABLE;
}

/* Equal hashes, equal languages (as far as one token can tell), in any pool.  False: it has none. */
bool expr_hash(const struct expr_pool *p, uint32_t e, struct hash128 *ret);

void expr_dump(const struct expr_pool *p, uint32_t e, struct str *out);

#endif
