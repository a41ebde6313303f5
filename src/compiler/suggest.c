/* suggest.c - the name that was probably meant.
 *
 * Candidates are given one by one; the nearest within a third of the word's length is kept, the
 * earlier of two.  A change, a missing or an extra letter and a swap of neighbours count one. */
#include "compiler/suggest.h"

#include <string.h>

enum { WORD_MAX = 40 };

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static uint32_t min3(uint32_t a, uint32_t b, uint32_t c)
{
    uint32_t m = a < b ? a : b;
    return m < c ? m : c;
}

static uint32_t distance(struct slice a, struct slice b)
{
    uint32_t row[3][WORD_MAX + 1];
    for (uint32_t k = 0; k <= b.len; k++)
        row[0][k] = k;
    for (uint32_t i = 1; i <= a.len; i++) {
        uint32_t *now = row[i % 3], *up = row[(i + 2) % 3], *before = row[(i + 1) % 3];
        now[0] = i;
        for (uint32_t k = 1; k <= b.len; k++) {
            char x = lower(a.ptr[i - 1]), y = lower(b.ptr[k - 1]);
            now[k] = min3(up[k] + 1, now[k - 1] + 1, up[k - 1] + (x != y));
            if (i > 1 && k > 1 && x == lower(b.ptr[k - 2]) && y == lower(a.ptr[i - 2]) &&
                before[k - 2] + 1 < now[k])
                now[k] = before[k - 2] + 1;
        }
    }
    return row[a.len % 3][b.len];
}

void suggest_try(struct suggest *s, struct slice name)
{
    if (!name.len || name.len > WORD_MAX || s->wanted.len > WORD_MAX || s->wanted.len < 3 ||
        slice_eq(name, s->wanted) || name.ptr[0] == '_')
        return;
    uint32_t most = s->best.len ? s->distance - 1 : (uint32_t)(s->wanted.len + 1) / 3;
    uint32_t by_len = (uint32_t)(name.len > s->wanted.len ? name.len - s->wanted.len
                                                          : s->wanted.len - name.len);
    if ((s->best.len && !s->distance) || by_len > most)
        return;
    uint32_t d = distance(s->wanted, name);
    if (d > most)
        return;
    s->best = name;
    s->distance = d;
}

void suggest_say(const struct suggest *s, struct comp *c, struct diag *d, struct span at)
{
    if (!d || !s->best.len)
        return;
    char text[WORD_MAX + 1] = { 0 };
    memcpy(text, s->best.ptr, s->best.len);
    diag_caret(c->diags, d, "did you mean `%s`?", text);
    diag_edit(c->diags, d, at, text);
}

void suggest_syms(struct suggest *s, const struct mod *m)
{
    for (uint32_t i = 0; m && i < m->n_sym; i++)
        suggest_try(s, m->sym[i]->name);
}

/* What a plain name could have been: of the blocks around, of the file, of the library. */
void suggest_name(struct suggest *s, const struct low *l)
{
    for (const struct low *at = l; at; at = at->up)
        for (const struct scope *k = at->scope; k; k = k->wall ? NULL : k->up)
            for (uint32_t i = k->n; i-- > 0;)
                suggest_try(s, k->b[i]->name);
    suggest_syms(s, l->mod);
    suggest_syms(s, l->c->prelude);
    library_suggest(s, NULL);
}
