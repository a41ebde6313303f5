/* logprobs.c - log-probabilities of the model's untouched logits, in double precision, ids ascending. */
#include <math.h>
#include <string.h>

#include "runtime/sample/sampler_int.h"

double sampler_logsumexp(struct sampler *s, const float *logits)
{
    float best = -INFINITY;
    for (uint32_t i = 0; i < s->n_vocab; i++)
        if (logits[i] > best)
            best = logits[i];
    double sum = 0;
    for (uint32_t i = 0; i < s->n_vocab; i++)
        sum += exp((double)logits[i] - best);
    return best + log(sum);
}

double sampler_logprob(struct sampler *s, const float *logits, uint32_t id)
{
    return logits[id] - sampler_logsumexp(s, logits);
}

/* Insertion into a short sorted list: almost every id fails the first comparison. */
void sampler_top(struct sampler *s, const float *logits, uint32_t n, struct sample_top *ret)
{
    uint32_t have = 0;
    double norm = sampler_logsumexp(s, logits);
    for (uint32_t id = 0; id < s->n_vocab && n > 0; id++) {
        if (have == n && !(logits[id] > ret[n - 1].logprob))
            continue;
        uint32_t at = have < n ? have++ : n - 1;
        while (at > 0 && ret[at - 1].logprob < logits[id]) {
            ret[at] = ret[at - 1];
            at--;
        }
        ret[at] = (struct sample_top){ id, logits[id] };
    }
    for (uint32_t i = 0; i < n; i++)
        ret[i] = i < have ? (struct sample_top){ ret[i].id, (float)(ret[i].logprob - norm) }
                          : (struct sample_top){ 0, -INFINITY };
}
