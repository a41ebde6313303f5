/* pretok.h - the named first splits of byte-level vocabularies: text to pieces that no merge crosses.
 *
 * A split is a regular expression, compiled once and matched by PCRE2.  It only cuts text for the
 * tokenizer; it never decides what a model may write.  Immutable after pretok_new. */
#ifndef RUNTIME_TOKENIZER_PRETOK_H
#define RUNTIME_TOKENIZER_PRETOK_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct pretok;

/* What a name of `tokenizer.ggml.pre` stands for. */
struct pretok_row {
    const char *name;
    const char *pattern;
    bool        ignore_merges;      /* a piece that is a token as a whole is that token */
    bool        adds_bos;           /* where the file does not say */
    bool        composes;           /* text is brought to NFC first */
};

/* NULL when the name is not known. */
const struct pretok_row *pretok_find(struct slice name);

enum status pretok_new(const struct pretok_row *row, struct pretok **ret, struct error *err);
void        pretok_free(struct pretok *p);          /* NULL is fine */

/* A walk over the pieces of one text of valid UTF-8.  Zeroed is closed. */
struct pretok_walk {
    const struct pretok *p;
    struct slice         text;
    size_t               off;
    void                *match;     /* PCRE2's match data, of this walk alone */
    void                *context;
};

enum status pretok_open(const struct pretok *p, struct pretok_walk *w, struct error *err);
void        pretok_text(struct pretok_walk *w, struct slice text);      /* begins a text */
/* ST_END after the last piece. */
enum status pretok_next(struct pretok_walk *w, struct slice *ret_piece, struct error *err);
void        pretok_close(struct pretok_walk *w);

#endif
