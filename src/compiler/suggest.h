/* suggest.h - the name that was probably meant, for messages about unknown ones. */
#ifndef COMPILER_SUGGEST_H
#define COMPILER_SUGGEST_H

#include "compiler/lower.h"

struct suggest {                /* begun with `wanted` alone */
    struct slice wanted;
    struct slice best;          /* empty: nothing is near */
    uint32_t     distance;
};

void suggest_try(struct suggest *s, struct slice name);
void suggest_syms(struct suggest *s, const struct mod *m);
void suggest_name(struct suggest *s, const struct low *l);
/* Names of the library: functions, or with a type the methods of its values (library.c). */
void library_suggest(struct suggest *s, const struct type *self);
void library_suggest_forms(struct suggest *s);

/* `did you mean` behind the caret, and the edit.  d may be NULL. */
void suggest_say(const struct suggest *s, struct comp *c, struct diag *d, struct span at);

#endif
