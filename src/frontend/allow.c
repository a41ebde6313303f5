/* allow.c - finds the comments and how far each reaches.
 *
 *      // sgl: allow W0406            in the gap between two tokens
 *      let a = select(["x", "yyyy"])  from the next token ...
 *      let b = ...                    ... to the NL of the same nesting
 *
 * The lexer knows what is a comment and what only looks like one inside a text, and where a
 * statement ends; so tokens are enough, and no tree is walked. */
#include "frontend/allow.h"

#include "base/alloc.h"
#include "base/array.h"
#include "frontend/lexer.h"

struct allow {
    struct slice codes;         /* "W0406, W0407" */
    uint32_t     from, to;      /* bytes that it covers; to 0: still open */
    uint32_t     nest;          /* brackets around the statement */
    bool         annot;         /* only annotations so far */
};

struct finder {
    const struct source *source;
    struct allow        *at;
    uint32_t             n, cap;
    uint32_t             n_begun;       /* the rest waits for its first token */
    bool                 failed;
};

static void look_for_comments(struct finder *f, uint32_t from, uint32_t to)
{
    struct slice gap = slice_sub(f->source->text, from, to - from);
    while (gap.len) {
        size_t end = slice_find(gap, SLICE("\n"));
        struct slice line = slice_sub(gap, 0, end == SIZE_MAX ? gap.len : end);
        gap = slice_sub(gap, line.len + 1, gap.len);
        size_t at = slice_find(line, SLICE("//"));
        line = slice_sub(line, at == SIZE_MAX ? line.len : at, line.len);
        if (!slice_starts(line, SLICE("// sgl: allow ")))
            continue;
        struct allow *a = array_push(&f->at, &f->n, &f->cap, sizeof *a);
        if (!a) {
            f->failed = true;
            return;
        }
        *a = (struct allow){ .codes = slice_sub(line, 14, line.len) };
    }
}

/* What a token ends and begins. */
static void meet(struct finder *f, const struct token *t, uint32_t nest_before, uint32_t nest)
{
    bool stop = t->code == TK_NL || t->code == 0;
    for (uint32_t i = 0; i < f->n_begun; i++) {
        struct allow *a = &f->at[i];
        if (a->to)
            continue;
        bool outside = nest < a->nest || t->code == 0;
        if (outside || (stop && nest == a->nest && !a->annot))
            a->to = t->at.off + (outside ? 0 : 1);
        else if (a->annot && nest_before == a->nest && (t->flags & TOKEN_NEWLINE) &&
                 t->code != TK_AT && !stop)
            a->annot = false;
    }
    if (stop)
        return;
    for (; f->n_begun < f->n; f->n_begun++) {
        struct allow *a = &f->at[f->n_begun];
        a->from = t->at.off;
        a->nest = nest_before;
        a->annot = t->code == TK_AT;
    }
}

static enum status find(struct finder *f)
{
    struct lexer lx;
    struct token t;
    uint32_t end = 0;
    lexer_init(&lx, f->source, NULL);
    do {
        uint32_t before = lx.n_nest;
        if (!lexer_next(&lx, &t))
            f->failed = true;
        if (f->failed)
            break;
        if (t.at.off > end)
            look_for_comments(f, end, t.at.off);
        meet(f, &t, before, lx.n_nest);
        if (t.at.off + t.at.len > end)
            end = t.at.off + t.at.len;
    } while (t.code);
    lexer_free(&lx);
    return f->failed ? ST_NOMEM : ST_OK;
}

static bool is_allowed(const struct finder *f, const struct diag *d)
{
    for (uint32_t i = 0; i < f->n_begun; i++)
        if (d->at.off >= f->at[i].from && d->at.off < f->at[i].to &&
            slice_find(f->at[i].codes, slice_of(d->code)) != SIZE_MAX)
            return true;
    return false;
}

enum status allow_apply(struct diag_list *l, const struct source *source, struct error *err)
{
    struct finder f = { .source = source };
    if (!l->n_warning || slice_find(source->text, SLICE("// sgl: allow ")) == SIZE_MAX)
        return ST_OK;
    enum status st = find(&f);
    uint32_t n = 0;
    for (uint32_t i = 0; i < l->n && st == ST_OK; i++) {
        struct diag *d = l->at[i];
        if (d->severity == DIAG_WARNING && d->source == source && is_allowed(&f, d))
            diag_lose(l, d);
        else
            l->at[n++] = d;
    }
    if (st == ST_OK)
        l->n = n;
    mem_free(f.at);
    return st == ST_OK ? ST_OK : error_nomem(err);
}
