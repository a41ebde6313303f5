/* pairs.h - candidate merges, taken out best first: by rank, then by place.
 *
 * Of two equal merges the left one goes first, as the reference tokenizers do it. */
#ifndef RUNTIME_TOKENIZER_PAIRS_H
#define RUNTIME_TOKENIZER_PAIRS_H

#include <stdbool.h>
#include <stdint.h>

struct merge_pair {
    uint32_t rank;
    uint32_t at;            /* index of the left symbol */
    uint32_t left, right;   /* what the two symbols were when it was pushed */
    uint32_t merged;        /* the token they become */
};

struct merge_pairs {        /* zeroed is empty */
    struct merge_pair *pair;
    uint32_t           n, cap;
};

/* False: out of memory. */
bool              pairs_push(struct merge_pairs *h, struct merge_pair p);
struct merge_pair pairs_pop(struct merge_pairs *h);                         /* n > 0 */
void              pairs_free(struct merge_pairs *h);

#endif
