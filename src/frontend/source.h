/* source.h - owns the text of one module, and turns byte offsets into lines when someone reads them. */
#ifndef FRONTEND_SOURCE_H
#define FRONTEND_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"

/* `text` is what the lexer sees: BOM skipped, \r\n as \n, NUL-terminated. */
struct source {
    const char  *name;          /* as shown in messages: a path or "<stdin>", "<-e>" */
    struct slice text;
    uint32_t    *line;          /* [n_line] offset of each line's first byte */
    uint32_t     n_line;
};

struct place {
    uint32_t line;              /* from 1 */
    uint32_t col;               /* code points, from 1 */
};

/* Copies name and text into the arena.  Spans are 32-bit: a text over 64 MiB is ST_LIMIT. */
enum status source_new(struct arena *arena, const char *name, struct slice text,
                       struct source **ret, struct error *err);
struct place source_place(const struct source *s, uint32_t off);
struct slice source_line(const struct source *s, uint32_t line);     /* without its newline */

#endif
