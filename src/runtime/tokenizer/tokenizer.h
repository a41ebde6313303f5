/* tokenizer.h - text to token ids and back, for one vocabulary.
 *
 * Bytes are the truth: every ordinary token is a byte string, and decoding is joining them.
 * Control (special) tokens have no bytes in text; encoding finds them by name only when asked to.
 * A tokenizer is immutable after load and may be used from any thread. */
#ifndef RUNTIME_TOKENIZER_TOKENIZER_H
#define RUNTIME_TOKENIZER_TOKENIZER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"
#include "runtime/files/bundle.h"

struct tokenizer;

enum { TOKEN_NONE = 0xffffffffu };

/* A growing list of ids; zeroed is empty. */
struct token_list {
    uint32_t *id;
    uint32_t  n;
    uint32_t  cap;
};

bool token_list_push(struct token_list *l, uint32_t id);    /* false: out of memory */
void token_list_free(struct token_list *l);

enum status tokenizer_load(const struct bundle *b, struct tokenizer **ret, struct error *err);
void        tokenizer_free(struct tokenizer *t);

enum encode_mode {
    ENCODE_DATA,        /* ordinary text: a control token's name is only text */
    ENCODE_MARKUP,      /* template text: names of control tokens become their ids */
};

/* Appends the ids of `text` to *out.  Any byte sequence can be encoded; no BOS is added.  A byte
 * for which the vocabulary has no token at all is left out, as its reference does (SmolLM2 has none
 * for 0x04 or 0xF1); tokenizer_has_byte says which.  A model that reads NFC gets it (Qwen2).
 * `at_start`: the text stands first in its context (matters for prefix-space vocabularies). */
enum status tokenizer_encode(const struct tokenizer *t, struct slice text, enum encode_mode mode,
                             bool at_start, struct token_list *out, struct error *err);

/* Text in pieces, as a chat template gives it.  The pieces are tokenised as one text, so that the
 * ids are those of the whole rendering, but names of control tokens count only where they lie in
 * markup from end to end. */
struct text_piece {
    bool         markup;
    struct slice text;
};

enum status tokenizer_encode_pieces(const struct tokenizer *t, const struct text_piece *piece,
                                    uint32_t n, struct token_list *out, struct error *err);

uint32_t tokenizer_n_vocab(const struct tokenizer *t);
/* The bytes that a token adds to a text; empty for control and unused tokens. */
struct slice tokenizer_bytes(const struct tokenizer *t, uint32_t id);
/* The name as the vocabulary writes it ("<|im_end|>"); for ordinary tokens their vocabulary text. */
struct slice tokenizer_name(const struct tokenizer *t, uint32_t id);
bool     tokenizer_is_control(const struct tokenizer *t, uint32_t id);     /* special, never text */
bool     tokenizer_is_unused(const struct tokenizer *t, uint32_t id);
uint32_t tokenizer_find_control(const struct tokenizer *t, struct slice name);     /* or TOKEN_NONE */
uint32_t tokenizer_find_bytes(const struct tokenizer *t, struct slice bytes);      /* ordinary token or TOKEN_NONE */
bool     tokenizer_has_byte(const struct tokenizer *t, uint8_t byte);    /* text with it can be encoded */
uint32_t tokenizer_bos(const struct tokenizer *t);          /* TOKEN_NONE when there is none */
uint32_t tokenizer_eos(const struct tokenizer *t);
bool     tokenizer_adds_bos(const struct tokenizer *t);     /* BOS is put first in a fresh context */
uint64_t tokenizer_hash(const struct tokenizer *t);         /* of vocabulary and rules */

/* Joins token bytes and hands out whole characters only.  Zeroed is empty; invalid bytes come
 * out as U+FFFD, one for each maximal bad sequence. */
struct detok {
    char     held[8];
    uint32_t n_held;
};

void detok_push(struct detok *d, struct slice bytes, struct str *out);
void detok_flush(struct detok *d, struct str *out);

#endif
