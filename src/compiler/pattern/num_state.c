/* num_state.c - states of number automata: made few, and named by what they still read.
 *
 * Two sets of numbers differ in their first digits and then mostly read the same.  After equal states
 * are joined, the states met from one on in order of symbols are the same list in every automaton
 * that reads the same from there: its hash is the state's name. */
#include <string.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "compiler/pattern/num.h"

enum { JOIN_MAX = 512, NAME_MAX = 256 };

struct view {                   /* what a round tells states apart by */
    uint16_t own, to[NUM_SYMBOLS];
};

struct joiner {
    struct num_dfa *d;
    uint16_t        cls[JOIN_MAX], first[JOIN_MAX];     /* of a state; the first state of a class */
    struct view     view[JOIN_MAX];
    uint16_t        slot[2 * JOIN_MAX];
    uint32_t        n;          /* classes */
};

/* The class of states that look like s, numbered in order of states. */
static uint16_t class_of(struct joiner *j, uint32_t s)
{
    uint32_t k = (uint32_t)hash_bytes(&j->view[s], sizeof j->view[s]) % (2 * JOIN_MAX);
    for (; j->slot[k]; k = (k + 1) % (2 * JOIN_MAX)) {
        uint16_t c = (uint16_t)(j->slot[k] - 1);
        if (!memcmp(&j->view[j->first[c]], &j->view[s], sizeof j->view[s]))
            return c;
    }
    j->first[j->n] = (uint16_t)s;
    j->slot[k] = (uint16_t)++j->n;
    return (uint16_t)(j->n - 1);
}

/* One round: states of a class whose symbols lead to different classes part.  E. F. Moore, "Gedanken-
 * experiments on sequential machines", 1956. */
static bool part(struct joiner *j)
{
    uint32_t before = j->n;
    for (uint32_t s = 0; s < j->d->n; s++) {
        j->view[s].own = j->cls[s];
        for (uint32_t k = 0; k < NUM_SYMBOLS; k++)
            j->view[s].to[k] = j->cls[j->d->next[s * NUM_SYMBOLS + k]];
    }
    memset(j->slot, 0, sizeof j->slot);
    j->n = 0;
    for (uint32_t s = 0; s < j->d->n; s++)
        j->cls[s] = class_of(j, s);
    return j->n > before;
}

/* Classes take the place of states.  The dead state and the start come first, as they did. */
static void replace(struct joiner *j)
{
    struct num_dfa *d = j->d;
    for (uint32_t c = 0; c < j->n; c++) {
        uint32_t s = j->first[c];       /* not below c */
        for (uint32_t k = 0; k < NUM_SYMBOLS; k++)
            d->next[c * NUM_SYMBOLS + k] = j->cls[d->next[s * NUM_SYMBOLS + k]];
        d->dist[c] = d->dist[s];
        d->accept[c] = d->accept[s];
        d->more[c] = d->more[s];
    }
    d->n = j->n;
}

bool num_join_states(struct num_dfa *d)
{
    if (d->n <= NUM_START || d->n > JOIN_MAX)
        return true;
    struct joiner *j = mem_zalloc(sizeof *j);
    if (!j)
        return false;
    j->d = d;
    for (uint32_t s = 0; s < d->n; s++)
        j->cls[s] = d->accept[s] ? 2 : s && d->dist[s] != UINT16_MAX;
    while (part(j))
        ;
    replace(j);
    mem_free(j);
    return true;
}

struct hash128 num_state_name(const struct num_dfa *d, uint32_t state)
{
    uint16_t list[NAME_MAX], number[NAME_MAX] = { 0 }, text[NAME_MAX][NUM_SYMBOLS + 1];
    uint32_t n = 1;
    if (d->n > NAME_MAX) {
        uint64_t x[2] = { d->key, state };
        return hash128_bytes(x, sizeof x);
    }
    memset(text, 0, sizeof text[0]);
    list[0] = (uint16_t)state;
    number[state] = 1;
    for (uint32_t i = 0; i < n; i++) {
        text[i][NUM_SYMBOLS] = d->accept[list[i]];
        for (uint32_t k = 0; k < NUM_SYMBOLS; k++) {
            uint32_t to = d->next[list[i] * NUM_SYMBOLS + k];
            if (to && !number[to]) {
                number[to] = (uint16_t)(n + 1);
                list[n++] = (uint16_t)to;
            }
            text[i][k] = to ? number[to] : 0;
        }
    }
    return hash128_bytes(text, n * sizeof text[0]);
}
