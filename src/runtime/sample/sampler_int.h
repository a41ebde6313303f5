/* sampler_int.h - scratch memory of a sampler, shared by the files of this folder only. */
#ifndef RUNTIME_SAMPLE_SAMPLER_INT_H
#define RUNTIME_SAMPLE_SAMPLER_INT_H

#include "runtime/sample/sampler.h"

/* A token that may still be drawn. */
struct candidate {
    double   score;         /* logit after penalties and bias, divided by the temperature */
    uint32_t id;
};

struct sampler {
    uint32_t          n_vocab;
    float            *logit;    /* [n_vocab] after penalties and bias */
    uint32_t         *seen;     /* [bitset_words(n_vocab)] ids met already; clear between calls */
    uint32_t         *count;    /* [n_vocab] of generated ids; zero between calls */
    struct candidate *cand;     /* [n_vocab] allowed tokens, ids ascending until a filter sorts them */
    struct candidate *spare;    /* [n_vocab] */
    uint32_t          n_cand;
    double            best;     /* largest score */
};

/* Each keeps a subset of s->cand; the largest score always stays. */
void filter_top_k(struct sampler *s, uint32_t k);
void filter_top_p(struct sampler *s, double p);
void filter_min_p(struct sampler *s, double min_p);

#endif
