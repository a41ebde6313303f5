/* chat.h - a model's chat template: whole conversations rendered, and its role markers probed.
 *
 * A rendering is a list of pieces, each either markup (written by the template; control tokens in
 * it count) or data (came from a message; tokenised with control tokens off), so that the text of
 * a user can never open a turn.  The template language is the Jinja subset of docs/internals/chat.md;
 * what is not supported is an error that names the construct. */
#ifndef RUNTIME_CHAT_CHAT_H
#define RUNTIME_CHAT_CHAT_H

#include <jansson.h>
#include <stdbool.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

struct chat;

/* bos and eos are the texts of those tokens ("" when there is none). */
enum status chat_new(struct slice template_text, struct slice bos, struct slice eos,
                     struct chat **ret, struct error *err);
void        chat_free(struct chat *c);

struct chat_piece {
    bool         markup;
    struct slice text;
};

struct chat_text {
    struct chat_piece *piece;
    uint32_t           n_piece;
};

struct chat_vars {
    const json_t *tools;                    /* array or NULL */
    const json_t *extra;                    /* object of further variables or NULL */
    bool          add_generation_prompt;
    int64_t       now;                      /* unix seconds for strftime_now; 0: the real time */
};

/* messages: an array of objects.  Pieces live in the arena.  ST_UNSUPPORTED, ST_INVALID (also for
 * raise_exception, with its text), ST_LIMIT (steps, output size). */
enum status chat_render(const struct chat *c, const json_t *messages, const struct chat_vars *vars,
                        struct arena *arena, struct chat_text *ret, struct error *err);

/* Role markers as the template writes them (LANGUAGE.md 5.2). */
enum chat_role { CHAT_SYSTEM, CHAT_USER, CHAT_ASSISTANT, CHAT_TOOL, CHAT_N_ROLE };

struct chat_markers {
    bool         has[CHAT_N_ROLE];
    struct slice open[CHAT_N_ROLE];         /* markup before the text of a turn */
    struct slice close[CHAT_N_ROLE];        /* markup behind it */
    struct slice start;                     /* markup before the first turn (a BOS name, say) */
    bool         system_in_user;            /* system text is folded into the first user turn ... */
    struct slice system_separator;          /* ... followed by this */
};

/* Probed once by chat_new; lives as long as the chat. */
const struct chat_markers *chat_markers(const struct chat *c);

struct slice chat_bos(const struct chat *c);            /* as given to chat_new */

#endif
