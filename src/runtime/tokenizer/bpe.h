/* bpe.h - the merges of one piece of text. */
#ifndef RUNTIME_TOKENIZER_BPE_H
#define RUNTIME_TOKENIZER_BPE_H

#include "runtime/tokenizer/pairs.h"
#include "runtime/tokenizer/vocab.h"

struct bpe_symbol;

/* Scratch memory of one encode call, reused from piece to piece.  Zeroed is empty. */
struct bpe_work {
    struct bpe_symbol *symbol;
    uint32_t           n_symbol, cap_symbol;
    struct merge_pairs pairs;
};

/* Appends the ids of one piece.  A byte without a token is left out (tokenizer_has_byte). */
enum status bpe_encode(const struct tokenizer *t, struct bpe_work *w, struct slice piece,
                       struct token_list *out, struct error *err);
void        bpe_work_free(struct bpe_work *w);

#endif
