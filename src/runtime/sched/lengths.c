/* lengths.c - see lengths.h. */
#include "runtime/sched/lengths.h"

enum { QUARTERS = 4, FEW = 8, FADE_AT = 512 };

/* The class is the power of two below the length and the two bits behind its first. */
static uint32_t class_of(uint32_t n)
{
    if (n < QUARTERS)
        return n;
    uint32_t log = 31 - (uint32_t)__builtin_clz(n);
    uint32_t at = (log - 1) * QUARTERS + ((n >> (log - 2)) & (QUARTERS - 1));
    return at < LENGTHS_CLASSES ? at : LENGTHS_CLASSES - 1;
}

/* The greatest length of a class. */
static uint32_t end_of(uint32_t at)
{
    if (at < QUARTERS)
        return at;
    uint32_t log = at / QUARTERS + 1;
    return ((QUARTERS + at % QUARTERS + 1) << (log - 2)) - 1;
}

void lengths_note(struct lengths *l, uint32_t n_tok)
{
    if (l->n >= FADE_AT) {
        l->n = 0;
        for (uint32_t i = 0; i < LENGTHS_CLASSES; i++)
            l->n += l->count[i] /= 2;
    }
    l->count[class_of(n_tok)]++;
    l->n++;
}

uint32_t lengths_high(const struct lengths *l)
{
    uint32_t seen = 0;
    if (l->n < FEW)
        return 0;
    for (uint32_t i = 0; i < LENGTHS_CLASSES; i++) {
        seen += l->count[i];
        if (seen * 10 >= l->n * 9)
            return end_of(i);
    }
    return end_of(LENGTHS_CLASSES - 1);
}
