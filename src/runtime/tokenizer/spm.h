/* spm.h - the merges of a SentencePiece vocabulary: whole runs of text, by score. */
#ifndef RUNTIME_TOKENIZER_SPM_H
#define RUNTIME_TOKENIZER_SPM_H

#include "runtime/tokenizer/pairs.h"
#include "runtime/tokenizer/vocab.h"

struct spm_symbol;

/* Scratch memory of one encode call, reused from run to run.  Zeroed is empty. */
struct spm_work {
    struct spm_symbol *symbol;
    uint32_t           n_symbol, cap_symbol;
    struct merge_pairs pairs;
};

/* Appends the ids of one run without added tokens; the text need not be UTF-8. */
enum status spm_encode(const struct tokenizer *t, struct spm_work *w, struct slice run,
                       struct token_list *out, struct error *err);
void        spm_work_free(struct spm_work *w);

/* Where a score stands among the ranks: the best first, and equal scores equal. */
uint32_t    spm_rank(float score);

#endif
