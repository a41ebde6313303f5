/* stop.h - stop texts over the bytes of a growing value, across token borders.
 *
 * Leftmost match wins, ties go to the text listed first.  What may still become a stop text is
 * held back from streams. */
#ifndef RUNTIME_CONSTRAIN_STOP_H
#define RUNTIME_CONSTRAIN_STOP_H

#include "base/error.h"
#include "base/str.h"
#include "compiler/pattern/pattern.h"

struct stop;

/* texts and regex patterns are copied; NULL result when there are none. */
enum status stop_new(const struct slice *text, uint32_t n_text, const struct slice *regex,
                     uint32_t n_regex, struct stop **ret, struct error *err);
void        stop_free(struct stop *s);

struct stop_hit {
    size_t   at;            /* where the stop begins, in bytes of the value */
    size_t   len;
    uint32_t which;         /* index: texts first, then regexes */
};

/* `value` is the whole value so far; `from` its length at the last call.  True: a stop was found
 * at or behind `earliest` (bytes before it do not count). */
bool   stop_find(struct stop *s, struct slice value, size_t from, size_t earliest,
                 struct stop_hit *ret);
/* Length of the value that is certainly not the beginning of a stop. */
size_t stop_safe(struct stop *s, struct slice value);

#endif
