/* sampler.c - one row of logits to one token.
 *
 * Everything that is summed is summed in the order of ids, and the noise of a token depends on its
 * id, not on its rank: the same row and key give the same token whatever stood in the batch.
 *
 * Drawing is argmax of score + Gumbel noise, which needs no normalised probabilities (Gumbel, 1954;
 * in language models Kool et al., 2019).  The noise needs two logarithms, so a token is skipped
 * when even its uniform number could not lift it over the best one so far: a token d below the
 * best wins only if u > exp(-exp(-d)), and for that a table by whole d is enough.
 *
 * A device may draw by itself and must choose the same token (kernels/cuda/draw.cu): exponentials
 * and logarithms are those of base/exact.h, and shares are added as integers. */
#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/bitset.h"
#include "base/exact.h"
#include "runtime/sample/sampler_int.h"

const struct sampling sampling_default = {
    .temp = 1.0,
    .top_p = 1.0,
    .top_k = -1,
    .repetition_penalty = 1.0,
};

static const double GREEDY_BELOW = 1e-6;    /* temperature (LANGUAGE 6.2) */

enum status sampler_new(uint32_t n_vocab, struct sampler **ret, struct error *err)
{
    struct sampler *s = mem_zalloc(sizeof *s);
    if (!s)
        return error_nomem(err);
    s->n_vocab = n_vocab;
    s->logit = mem_calloc(n_vocab, sizeof *s->logit);
    s->seen = mem_calloc(bitset_words(n_vocab), sizeof *s->seen);
    s->count = mem_calloc(n_vocab, sizeof *s->count);
    s->cand = mem_calloc(n_vocab, sizeof *s->cand);
    s->spare = mem_calloc(n_vocab, sizeof *s->spare);
    if (!s->logit || !s->seen || !s->count || !s->cand || !s->spare) {
        sampler_free(s);
        return error_nomem(err);
    }
    *ret = s;
    return ST_OK;
}

void sampler_free(struct sampler *s)
{
    if (!s)
        return;
    mem_free(s->logit);
    mem_free(s->seen);
    mem_free(s->count);
    mem_free(s->cand);
    mem_free(s->spare);
    mem_free(s);
}

/* ---- penalties and bias ---- */

static void repeat_once(struct sampler *s, uint32_t id, float penalty)
{
    if (id >= s->n_vocab || bitset_has(s->seen, id))
        return;
    bitset_add(s->seen, id);
    s->logit[id] = s->logit[id] > 0 ? s->logit[id] / penalty : s->logit[id] * penalty;
}

/* Each id that stands in the prompt or the value is penalised once (Keskar et al., 2019). */
static void penalise_repetition(struct sampler *s, const struct sample_input *in, float penalty)
{
    for (uint32_t i = 0; i < in->n_prompt; i++)
        repeat_once(s, in->prompt[i], penalty);
    for (uint32_t i = 0; i < in->n_generated; i++)
        repeat_once(s, in->generated[i], penalty);
    memset(s->seen, 0, bitset_words(s->n_vocab) * sizeof *s->seen);
}

static void count_generated(struct sampler *s, const struct sample_input *in)
{
    for (uint32_t i = 0; i < in->n_generated; i++)
        if (in->generated[i] < s->n_vocab)
            s->count[in->generated[i]]++;
}

/* What a generated token loses, once: its count is gone afterwards. */
static float take_penalty(struct sampler *s, const struct sampling *p, uint32_t id)
{
    float x = (float)(p->freq_penalty * s->count[id] + p->presence_penalty);
    s->count[id] = 0;
    return x;
}

static void penalise_generated(struct sampler *s, const struct sampling *p,
                               const struct sample_input *in)
{
    count_generated(s, in);
    for (uint32_t i = 0; i < in->n_generated; i++) {
        uint32_t id = in->generated[i];
        if (id < s->n_vocab && s->count[id])
            s->logit[id] -= take_penalty(s, p, id);
    }
}

static void adjust(struct sampler *s, const struct sampling *p, const struct sample_input *in)
{
    memcpy(s->logit, in->logits, s->n_vocab * sizeof *s->logit);
    if (p->repetition_penalty != 1.0)
        penalise_repetition(s, in, (float)p->repetition_penalty);
    if (p->freq_penalty != 0.0 || p->presence_penalty != 0.0)
        penalise_generated(s, p, in);
    for (uint32_t i = 0; i < p->n_bias; i++)
        if (p->bias_id[i] < s->n_vocab)
            s->logit[p->bias_id[i]] += p->bias[i];
}

/* ---- the same as lists, for a device that draws ---- */

static void list_once(struct sampler *s, uint32_t id, struct sample_edits *e)
{
    if (id >= s->n_vocab || bitset_has(s->seen, id))
        return;
    bitset_add(s->seen, id);
    e->edit[e->n_repeat++] = (struct sample_edit){ .id = id };
}

enum status sampler_edits(struct sampler *s, const struct sampling *p,
                          const struct sample_input *in, struct sample_edits *ret,
                          struct error *err)
{
    *ret = (struct sample_edits){ .edit = ret->edit };
    if (p->n_bias > s->n_vocab)
        return error_set(err, ST_LIMIT, "%u biases for a vocabulary of %u", p->n_bias, s->n_vocab);
    if (p->repetition_penalty != 1.0) {
        for (uint32_t i = 0; i < in->n_prompt; i++)
            list_once(s, in->prompt[i], ret);
        for (uint32_t i = 0; i < in->n_generated; i++)
            list_once(s, in->generated[i], ret);
        memset(s->seen, 0, bitset_words(s->n_vocab) * sizeof *s->seen);
    }
    struct sample_edit *at = ret->edit + ret->n_repeat;
    if (p->freq_penalty != 0.0 || p->presence_penalty != 0.0) {
        count_generated(s, in);
        for (uint32_t i = 0; i < in->n_generated; i++) {
            uint32_t id = in->generated[i];
            if (id < s->n_vocab && s->count[id])
                at[ret->n_minus++] = (struct sample_edit){ id, take_penalty(s, p, id) };
        }
    }
    at += ret->n_minus;
    for (uint32_t i = 0; i < p->n_bias; i++)
        if (p->bias_id[i] < s->n_vocab)
            at[ret->n_plus++] = (struct sample_edit){ p->bias_id[i], p->bias[i] };
    return ST_OK;
}

/* ---- candidates ---- */

static void add_candidate(struct sampler *s, uint32_t id)
{
    s->cand[s->n_cand++] = (struct candidate){ s->logit[id], id };
}

static void collect_masked(struct sampler *s, const uint32_t *mask)
{
    size_t n_word = bitset_words(s->n_vocab);
    for (size_t w = 0; w < n_word; w++)
        for (uint32_t bits = mask[w]; bits; bits &= bits - 1) {
            uint32_t id = (uint32_t)(w * 32) + (uint32_t)__builtin_ctz(bits);
            if (id < s->n_vocab)
                add_candidate(s, id);
        }
}

/* Corrections come as a short list; they are merged so that ids stay ascending. */
static void merge_extra(struct sampler *s, const struct sample_input *in)
{
    for (uint32_t i = 0; i < in->n_extra; i++) {
        uint32_t id = in->extra[i], at = s->n_cand;
        if (id >= s->n_vocab || bitset_has(in->mask, id))
            continue;
        while (at > 0 && s->cand[at - 1].id > id)
            at--;
        if (at > 0 && s->cand[at - 1].id == id)
            continue;
        memmove(&s->cand[at + 1], &s->cand[at], (s->n_cand - at) * sizeof *s->cand);
        s->cand[at] = (struct candidate){ s->logit[id], id };
        s->n_cand++;
    }
}

enum status sample_failed(enum sample_fault f, struct error *err)
{
    switch (f) {
    case SAMPLE_FINE:
        return ST_OK;
    case SAMPLE_NO_TOKEN:
        return error_code(err, ST_FAILED, "R0402", "the constraint allows no token here");
    case SAMPLE_NOT_A_NUMBER:
        return error_code(err, ST_FAILED, "R0705", "the model's output is not a number");
    default:
        return error_code(err, ST_FAILED, "R0705", "the model's output is not finite");
    }
}

static enum status collect(struct sampler *s, const struct sample_input *in, struct error *err)
{
    s->n_cand = 0;
    if (in->mask) {
        collect_masked(s, in->mask);
        merge_extra(s, in);
    } else {
        for (uint32_t id = 0; id < s->n_vocab; id++)
            add_candidate(s, id);
    }
    if (s->n_cand == 0)
        return sample_failed(SAMPLE_NO_TOKEN, err);

    s->best = -INFINITY;
    for (uint32_t i = 0; i < s->n_cand; i++) {
        if (isnan(s->cand[i].score))
            return sample_failed(SAMPLE_NOT_A_NUMBER, err);
        if (s->cand[i].score > s->best)
            s->best = s->cand[i].score;
    }
    if (isinf(s->best))
        return sample_failed(SAMPLE_NOT_FINITE, err);
    return ST_OK;
}

/* ---- drawing ---- */

static uint32_t first_best(const struct sampler *s)
{
    for (uint32_t i = 0; i < s->n_cand; i++)
        if (s->cand[i].score == s->best)
            return s->cand[i].id;
    return s->cand[0].id;
}

enum { N_LEVEL = 24 };          /* beyond exp(-exp(-23)) no 32-bit uniform number is left */

/* A little low, by more than anything here is rounded: what is skipped could not have won, so the
 * choice is that of the plain argmax. */
static void fill_levels(double level[N_LEVEL])
{
    for (int d = 0; d < N_LEVEL; d++)
        level[d] = exact_exp(-exact_exp(-(double)d)) - 1e-6;
}

/* Of the 32-bit words of one block, four ids share it: id / 4 is in the counter. */
static uint32_t draw(const struct sampler *s, struct rng_key key, uint64_t index)
{
    double level[N_LEVEL], best = -INFINITY;
    uint32_t word[4], block = UINT32_MAX, chosen = 0;
    bool filled = false;
    fill_levels(level);
    for (uint32_t i = 0; i < s->n_cand; i++) {
        const struct candidate *c = &s->cand[i];
        double below = best - c->score;
        if (below >= N_LEVEL)
            continue;
        if (!filled || block != c->id / 4) {
            block = c->id / 4;
            filled = true;
            rng_block(key, index << 32 | block, word);
        }
        double u = ((double)word[c->id % 4] + 0.5) * 0x1p-32;
        if (below > 0 && u < level[(int)below])
            continue;
        double noisy = c->score - exact_log(-exact_log(u));
        if (noisy > best || (noisy == best && c->id < chosen)) {
            best = noisy;
            chosen = c->id;
        }
    }
    return chosen;
}

bool sample_greedy(const struct sampling *p)
{
    return p->temp < GREEDY_BELOW;
}

enum status sampler_draw(struct sampler *s, const struct sampling *p, const struct sample_input *in,
                         uint32_t *ret_id, struct error *err)
{
    if (in->n_vocab != s->n_vocab)
        return error_set(err, ST_INVALID, "a row of %u logits for a vocabulary of %u", in->n_vocab,
                         s->n_vocab);
    adjust(s, p, in);
    enum status st = collect(s, in, err);
    if (st != ST_OK)
        return st;
    if (sample_greedy(p)) {
        *ret_id = first_best(s);
        return ST_OK;
    }
    for (uint32_t i = 0; i < s->n_cand; i++)
        s->cand[i].score /= p->temp;
    s->best /= p->temp;
    if (p->top_k >= 1 && (uint32_t)p->top_k < s->n_cand)
        filter_top_k(s, (uint32_t)p->top_k);
    if (p->top_p < 1.0)
        filter_top_p(s, p->top_p);
    if (p->min_p > 0.0)
        filter_min_p(s, p->min_p);
    *ret_id = draw(s, in->key, in->index);
    return ST_OK;
}
