/* matcher.h - one constraint against one vocabulary, for one timeline.
 *
 * vocab   (one a tokenizer)         bytes of all tokens as a trie; immutable
 * constraint (one a pattern, vocab) automaton bound to the vocabulary, with its mask memo; counted
 * matcher (one a request)           where a generation stands; one thread at a time
 *
 * A token is in the mask if and only if its bytes lead to a config that has a completion.  Masks
 * are exact, whatever the memo holds.  A matcher that fails gives no mask: its request ends. */
#ifndef RUNTIME_CONSTRAIN_MATCHER_H
#define RUNTIME_CONSTRAIN_MATCHER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "compiler/pattern/pattern.h"
#include "runtime/tokenizer/tokenizer.h"

struct vocab;
struct constraint;
struct matcher;

/* n_logit: width of a mask row, at least the tokenizer's vocabulary. */
enum status vocab_new(const struct tokenizer *t, uint32_t n_logit, struct vocab **ret,
                      struct error *err);
/* From plain byte strings (tests, benches); empty strings are unused ids. */
enum status vocab_from_bytes(const struct slice *bytes, uint32_t n, uint32_t n_logit,
                             struct vocab **ret, struct error *err);
void     vocab_free(struct vocab *v);
uint32_t vocab_n_logit(const struct vocab *v);
/* Forgets what was learnt of constraints; rows made of the vocabulary alone stay (benchmarks). */
void     vocab_forget(struct vocab *v);
struct slice vocab_token_bytes(const struct vocab *v, uint32_t id);     /* empty: none */
/* The longest token that `text` begins with, or TOKEN_NONE. */
uint32_t vocab_longest(const struct vocab *v, struct slice text);

/* Counted table of constraints by pattern_source_hash, thread-safe.  max_bytes (0: 192 MiB) bounds
 * what is kept: three quarters constraints, one quarter masks of leaves, which the vocabulary has. */
struct constraint_table;
enum status constraint_table_new(struct vocab *v, size_t max_bytes, struct constraint_table **ret,
                                 struct error *err);
void        constraint_table_free(struct constraint_table *t);
/* Compiles, or finds what was compiled before.  Any thread; long work: not the scheduler's. */
enum status constraint_get(struct constraint_table *t, const struct pattern_source *src,
                           struct constraint **ret, struct error *err);
void        constraint_unref(struct constraint *c);
struct pattern *constraint_pattern(struct constraint *c);
const struct vocab *constraint_vocab(const struct constraint *c);
/* Tokens that the shortest value needs (greedy split of the shortest text); 0 where none could be
 * found within the budgets. */
uint32_t    constraint_min_tokens(struct constraint *c);

struct matcher_opts {
    struct slice  heal;         /* bytes taken back from the prompt: read before the value begins */
    struct slice  follow;       /* constant text behind the value: a token may leave the value into it */
    bool          open_end;     /* no follow text: any token that begins with a byte that is no letter,
                                   digit, _ or >= 0x80 and cannot be read ends the value (6.3 rule 3) */
};

enum status matcher_new(struct constraint *c, const struct matcher_opts *opts, struct matcher **ret,
                        struct error *err);
void        matcher_free(struct matcher *m);

/* Fills row [bitset_words(n_logit)].  End tokens are the caller's affair: it allows them exactly
 * where matcher_may_stop says so.  ST_FAILED (R0402) when nothing is allowed and it may not stop. */
enum status matcher_mask(struct matcher *m, uint32_t *row, struct error *err);

enum matcher_step {
    MATCHER_INSIDE,         /* the value goes on */
    MATCHER_LEFT,           /* the token left the value: its last n_left bytes are behind it */
    MATCHER_REFUSED,        /* not allowed; the matcher is unchanged */
};
enum matcher_step matcher_accept(struct matcher *m, uint32_t token, uint32_t *ret_n_left);
/* Bytes as if from a token; all or nothing. */
bool     matcher_accept_bytes(struct matcher *m, struct slice bytes);
bool     matcher_may_stop(const struct matcher *m);     /* satisfied here */
bool     matcher_must_stop(const struct matcher *m);    /* satisfied, and nothing can follow */
bool     matcher_in_value(const struct matcher *m);     /* healing bytes are read */
uint32_t matcher_n_accepted(const struct matcher *m);
void     matcher_rollback(struct matcher *m, uint32_t n_tokens);
enum status matcher_clone(const struct matcher *m, struct matcher **ret, struct error *err);

/* Bytes with a single possible continuation from here on (may be none), up to `max`. */
void matcher_forced(struct matcher *m, size_t max, struct str *out);
/* Tokens for those bytes that no allowed token could span (reference: canonical-safe with
 * look-back); *context is text before them that splitting may look at. */
enum status matcher_forced_tokens(struct matcher *m, const struct tokenizer *t, struct slice context,
                                  struct token_list *out, struct error *err);
/* Shortest completion, and an upper bound of its length in tokens. */
enum status matcher_close(struct matcher *m, struct str *out, struct error *err);
uint32_t    matcher_close_tokens(struct matcher *m);

/* Longest run of whole tokens at the end of `tail` (ids[0..n), at most 4) such that some token
 * begins with its bytes and goes on as the constraint allows (5.3 "Healing"); 0: none.
 * constraint NULL: anything is allowed. */
uint32_t heal_count(const struct vocab *v, struct constraint *c, const uint32_t *ids, uint32_t n,
                    bool *ret_useful);

/* Free text has no matcher, but healing still must spell the bytes taken back: a token is allowed
 * if it continues `rest` (begins with it, or is a beginning of it). */
void heal_mask(const struct vocab *v, struct slice rest, uint32_t *row);

#endif
