/* embed.h - a text file compiled in: what tools/embed.py writes one row of. */
#ifndef BASE_EMBED_H
#define BASE_EMBED_H

#include <stddef.h>

struct embed_file {
    const char *name;       /* base name without suffix, sorted in its table */
    const char *text;       /* NUL-terminated */
    size_t      len;
};

#endif
