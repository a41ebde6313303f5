/* source.c - keeps one module's text, normalised, with the offsets of its lines. */
#include "frontend/source.h"

#include <string.h>

#include "base/utf8.h"

enum { SOURCE_BYTES_MAX = 64 << 20 };

static const char bom[] = "\xEF\xBB\xBF";

/* \r\n becomes \n in place; gives the new length. */
static size_t join_line_ends(char *text, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++)
        if (text[i] != '\r' || i + 1 == len || text[i + 1] != '\n')
            text[n++] = text[i];
    text[n] = 0;
    return n;
}

static bool index_lines(struct arena *arena, struct source *s)
{
    uint32_t n = 1;
    for (size_t i = 0; i < s->text.len; i++)
        n += s->text.ptr[i] == '\n';
    s->line = arena_array(arena, n, sizeof *s->line);
    if (!s->line)
        return false;
    s->n_line = 1;
    for (size_t i = 0; i < s->text.len; i++)
        if (s->text.ptr[i] == '\n')
            s->line[s->n_line++] = (uint32_t)i + 1;
    return true;
}

enum status source_new(struct arena *arena, const char *name, struct slice text,
                       struct source **ret, struct error *err)
{
    if (text.len > SOURCE_BYTES_MAX)
        return error_set(err, ST_LIMIT, "%s: a source has at most 64 MiB", name);
    if (text.len >= 3 && !memcmp(text.ptr, bom, 3))
        text = slice_sub(text, 3, text.len);

    struct source *s = arena_zalloc(arena, sizeof *s);
    char *copy = arena_alloc(arena, text.len + 1);
    char *kept = arena_strdup(arena, slice_of(name));
    if (!s || !copy || !kept)
        return error_nomem(err);
    if (text.len)
        memcpy(copy, text.ptr, text.len);
    s->name = kept;
    s->text = (struct slice){ copy, join_line_ends(copy, text.len) };
    if (!index_lines(arena, s))
        return error_nomem(err);
    *ret = s;
    return ST_OK;
}

struct place source_place(const struct source *s, uint32_t off)
{
    if (off > s->text.len)
        off = (uint32_t)s->text.len;
    uint32_t lo = 0, hi = s->n_line;            /* line[lo] <= off < line[hi] */
    while (hi - lo > 1) {
        uint32_t mid = lo + (hi - lo) / 2;
        if (s->line[mid] <= off)
            lo = mid;
        else
            hi = mid;
    }
    uint32_t col = 1;                           /* bytes that begin a code point */
    for (uint32_t i = s->line[lo]; i < off; i++)
        col += ((unsigned char)s->text.ptr[i] & 0xC0) != 0x80;
    return (struct place){ lo + 1, col };
}

struct slice source_line(const struct source *s, uint32_t line)
{
    if (!line || line > s->n_line)
        return (struct slice){ 0 };
    uint32_t from = s->line[line - 1];
    size_t to = line < s->n_line ? s->line[line] - 1 : s->text.len;
    return slice_sub(s->text, from, to - from);
}
