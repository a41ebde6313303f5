/* fake_backend.h - a device whose logits are a function of the whole token history.
 *
 * "KV" of a token is its id, kept in pages like real KV.  A row reads every position before it
 * through the page table that it was given, so any mistake of the cache (a page shared too far, a
 * stale page, a wrong copy) changes the logits and then the tokens. */
#ifndef TESTS_ENGINE_FAKE_BACKEND_H
#define TESTS_ENGINE_FAKE_BACKEND_H

#include "runtime/backend/backend.h"

struct fake_opts {
    uint32_t n_vocab, context, page_tokens, n_page, max_batch_tok, max_seq;
    uint32_t end_token;         /* its logit falls by `end_bias` */
    float    end_bias;
    int      step_us, row_us;   /* pretended time of a step, and of each of its rows */
    uint32_t fail_at;           /* this forward fails; 0: none */
    /* The logits behind this history, in place of drawn ones; NULL: drawn. */
    void   (*known)(const void *ctx, const uint32_t *tok, uint32_t n_tok, float *out);
    const void *known_ctx;
    bool     draws;             /* keeps its logits and draws tokens, as a GPU does */
};

struct backend *fake_backend_new(const struct fake_opts *opts);
uint64_t        fake_backend_rows(const struct backend *be);   /* rows computed so far */
/* Steps so far with more than half the rows that one may have. */
uint64_t        fake_backend_big_steps(const struct backend *be);
uint64_t        fake_backend_drawn(const struct backend *be);  /* tokens drawn so far */

#endif
