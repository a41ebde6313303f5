/* sampler.h - a row of logits and a key to a token.
 *
 * Steps in this order (LANGUAGE.md 6.2): repetition penalty, frequency and presence penalties,
 * bias, mask, temperature, top-k, top-p, min-p, draw.  The draw is the argmax of logit + Gumbel
 * noise, the noise a function of (key, token index, token id) alone, so it depends neither on the
 * batch nor on the order of tokens.  Ties go to the lowest id. */
#ifndef RUNTIME_SAMPLE_SAMPLER_H
#define RUNTIME_SAMPLE_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/rng.h"

struct sampling {
    double   temp;                  /* below 1e-6: greedy */
    double   top_p;                 /* 1: off */
    int32_t  top_k;                 /* -1: off */
    double   min_p;                 /* 0: off */
    double   freq_penalty;
    double   presence_penalty;
    double   repetition_penalty;    /* 1: off */
    uint32_t n_bias;
    const uint32_t *bias_id;        /* [n_bias] */
    const float    *bias;           /* [n_bias] */
};

extern const struct sampling sampling_default;      /* temp 1, everything else off */

struct sample_input {
    const float     *logits;        /* [n_vocab], untouched */
    uint32_t         n_vocab;
    const uint32_t  *mask;          /* bit set: allowed; NULL: all */
    const uint32_t  *extra;         /* [n_extra] ids allowed beside the mask (corrections) */
    uint32_t         n_extra;
    const uint32_t  *prompt;        /* [n_prompt] ids for the repetition penalty */
    uint32_t         n_prompt;
    const uint32_t  *generated;     /* [n_generated] ids of this value */
    uint32_t         n_generated;
    struct rng_key   key;
    uint64_t         index;         /* counter of the draw: token index of this generation */
};

struct sample_top {
    uint32_t id;
    float    logprob;
};

/* What penalties and bias do to single logits, in this order: logits of the first ids are divided
 * (above 0) or multiplied by the repetition penalty; x is taken from the next; x is added to the
 * rest.  Ids of the first two lists stand there once. */
struct sample_edit {
    uint32_t id;
    float    x;
};

struct sample_edits {
    struct sample_edit *edit;       /* [3 * n_vocab] at most */
    uint32_t            n_repeat, n_minus, n_plus;
};

/* Why a row gives no token. */
enum sample_fault { SAMPLE_FINE, SAMPLE_NO_TOKEN, SAMPLE_NOT_A_NUMBER, SAMPLE_NOT_FINITE };

struct sampler;     /* scratch memory for one vocabulary; one thread at a time */

enum status sampler_new(uint32_t n_vocab, struct sampler **ret, struct error *err);
void        sampler_free(struct sampler *s);

/* ST_FAILED with R0402 when nothing is allowed, with R0705 when logits are not numbers. */
enum status sampler_draw(struct sampler *s, const struct sampling *p, const struct sample_input *in,
                         uint32_t *ret_id, struct error *err);

/* For a device that draws by itself: the steps before the mask as lists, into ret->edit. */
enum status sampler_edits(struct sampler *s, const struct sampling *p,
                          const struct sample_input *in, struct sample_edits *ret,
                          struct error *err);
enum status sample_failed(enum sample_fault f, struct error *err);      /* in words */
bool        sample_greedy(const struct sampling *p);

/* Log-probability of `id` under the untouched logits, in double precision, fixed order. */
double sampler_logprob(struct sampler *s, const float *logits, uint32_t id);
double sampler_logsumexp(struct sampler *s, const float *logits);
/* The n best under the untouched logits, descending, ties by id. */
void   sampler_top(struct sampler *s, const float *logits, uint32_t n, struct sample_top *ret);

#endif
