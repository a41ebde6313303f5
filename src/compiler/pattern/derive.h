/* derive.h - what is left of a language after one code point, and questions about languages. */
#ifndef COMPILER_PATTERN_DERIVE_H
#define COMPILER_PATTERN_DERIVE_H

#include "compiler/pattern/expr.h"

/* Lengths; SIZE_MAX: none, or no bound. */
static inline size_t add_size(size_t a, size_t b)
{
    return a > SIZE_MAX - b ? SIZE_MAX : a + b;
}

/* Disjoint ascending ranges with the language that remains; a code point in none has none. */
struct arc_list expr_arcs(struct expr_pool *p, uint32_t e);
/* The same without the arcs into empty languages. */
struct arc_list expr_live_arcs(struct expr_pool *p, uint32_t e);
/* The arc that reads cp, or NULL. */
const struct arc *arc_find(struct arc_list l, uint32_t cp);

/* Whether the language has a word at all.  A search; spends work. */
bool expr_live(struct expr_pool *p, uint32_t e);
/* Every text is the beginning of a word: any text may come before what the language asks for. */
bool expr_open(struct expr_pool *p, uint32_t e);
bool expr_contains(struct expr_pool *p, uint32_t e, struct slice text);

/* Bytes of the shortest word, spelled raw or inside a JSON string; SIZE_MAX for the empty language.
 * A label costs nothing. */
size_t expr_shortest(struct expr_pool *p, uint32_t e, bool json);
/* No word is shorter, told without a search: of an intersection what its longest kid takes, of
 * complements nothing is asked. */
size_t expr_at_least(struct expr_pool *p, uint32_t e, bool json);
/* Some word is not longer, told by what searches have left; SIZE_MAX: none is known. */
size_t expr_at_most(struct expr_pool *p, uint32_t e, bool json);
/* Code points of the longest word; SIZE_MAX when there is no bound. */
size_t expr_longest(struct expr_pool *p, uint32_t e);
/* Number of words, at most cap. */
uint32_t expr_words(struct expr_pool *p, uint32_t e, uint32_t cap);

unsigned cp_bytes(uint32_t cp, bool json);

#endif
