/* diag.h - diagnostics for the writer of a program: collected while compiling, rendered on demand.
 *
 * Every message has a code from diag_codes.h.  Texts are formatted into the arena of the list.
 * A list is filled by one thread.  Rendering shows the line with carets (LANGUAGE.md 16.1). */
#ifndef FRONTEND_DIAG_H
#define FRONTEND_DIAG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "frontend/source.h"

enum diag_severity { DIAG_ERROR, DIAG_WARNING, DIAG_NOTE };

struct diag_label {
    const struct source *source;
    struct span          at;
    const char          *text;
};

struct diag_edit {              /* machine-applicable: replace `at` by `text` */
    struct span at;
    const char *text;
};

struct diag {
    const char           *code;     /* "E0103" */
    enum diag_severity    severity;
    const struct source  *source;
    struct span           at;
    const char           *message;
    const char           *caret;    /* text behind the caret line, or NULL */
    struct diag_label    *label;
    uint32_t              n_label, cap_label;
    const char          **note;
    uint32_t              n_note, cap_note;
    struct diag_edit     *edit;
    uint32_t              n_edit, cap_edit;
};

struct diag_list {
    struct arena *arena;
    struct diag **at;
    uint32_t      n, cap;
    uint32_t      n_error, n_warning;
};

void diag_list_init(struct diag_list *l, struct arena *arena);
void diag_list_free(struct diag_list *l);       /* the array; texts are the arena's */

/* Adds one; the severity comes from the code.  The result takes notes; never NULL-checked by
 * callers: when memory is out a static diagnostic is returned and the arena is marked failed. */
struct diag *diag_add(struct diag_list *l, const char *code, const struct source *src,
                      struct span at, const char *fmt, ...) __attribute__((format(printf, 5, 6)));
/* Something worth knowing, without a code: shown by `check` only. */
struct diag *diag_add_note(struct diag_list *l, const struct source *src, struct span at, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
void diag_caret(struct diag_list *l, struct diag *d, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_note(struct diag_list *l, struct diag *d, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void diag_label(struct diag_list *l, struct diag *d, const struct source *src, struct span at,
                const char *fmt, ...) __attribute__((format(printf, 5, 6)));
void diag_edit(struct diag_list *l, struct diag *d, struct span at, const char *text);

void diag_drop(struct diag_list *l, const char *code);  /* removes the warnings of that code */
void diag_lose(struct diag_list *l, struct diag *d);    /* counts and frees; the caller takes it out of `at` */
/* Removes errors of characters and syntax in from..to: what stands there was read the wrong way. */
void diag_drop_between(struct diag_list *l, const struct source *src, uint32_t from, uint32_t to);
void diag_limit(struct diag_list *l, uint32_t n);       /* keeps the first n errors */
void diag_deny(struct diag_list *l);            /* makes warnings errors */
void diag_sort(struct diag_list *l);            /* by source order, errors of one place once */
/* `color`: ANSI colours. */
void diag_render(const struct diag *d, bool color, struct str *out);
void diag_render_json(const struct diag *d, struct str *out);       /* one object, one line */

/* Registry. */
const char *diag_code_sentence(const char *code);       /* NULL: no such code */
uint32_t    diag_n_code(void);
const char *diag_code_at(uint32_t i);

#endif
