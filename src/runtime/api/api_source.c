/* api_source.c - the entries of a prompt loop as a program that does the same.
 *
 *      1 + 2           let it_1 = 1 + 2
 *                      print(it_1)
 *      it * 2          print(it_1 * 2)
 *      user "Hi"       user "Hi"
 *
 * A value that was shown is printed; it gets a name only where a later entry says `it`. */
#include "runtime/api/api_prompt.h"

#include "frontend/lexer.h"
#include "frontend/parser.h"

/* Walks the tokens of a text; where `it` is a name of its own, gives its place.  Returns false at
 * the end. */
struct it_finder {
    struct lexer lx;
    struct token t, next;
    uint16_t     before;
    bool         failed;
};

static void advance(struct it_finder *f)
{
    f->before = f->t.code;
    f->t = f->next;
    if (f->t.code && !lexer_next(&f->lx, &f->next))
        f->failed = true;
}

static bool find_it(struct it_finder *f, const struct source *src, struct span *ret)
{
    while (!f->failed && f->t.code) {
        bool member = f->before == TK_DOT || f->before == TK_QDOT;
        bool is = f->t.code == TK_NAME && !member && f->next.code != TK_COLON &&
                  slice_is(slice_sub(src->text, f->t.at.off, f->t.at.len), "it");
        *ret = f->t.at;
        advance(f);
        if (is)
            return true;
    }
    return false;
}

static void begin_find(struct it_finder *f, const struct source *src)
{
    *f = (struct it_finder){ .before = 0 };
    lexer_init(&f->lx, src, NULL);
    if (!lexer_next(&f->lx, &f->t) || (f->t.code && !lexer_next(&f->lx, &f->next)))
        f->failed = true;
}

/* One entry while it is written. */
struct writing {
    struct arena     arena;
    struct source   *src;
    struct node     *ast;
    struct str      *out;
    uint32_t         it;            /* number behind `it` in this entry; 0: it says none */
};

static enum status open_entry(const struct prompt_entry *e, struct writing *w, struct error *err)
{
    struct diag_list diags;
    struct parse_result parsed = { 0 };
    diag_list_init(&diags, &w->arena);
    enum status st = source_new(&w->arena, "<entry>", (struct slice){ e->text, e->len }, &w->src,
                                err);
    if (st == ST_OK)
        st = parse_module(&w->arena, w->src, &diags, &parsed, err);
    w->ast = parsed.module;
    diag_list_free(&diags);
    return st;
}

/* src[from..to) with every `it` numbered. */
static enum status put_range(struct writing *w, size_t from, size_t to, struct error *err)
{
    struct it_finder f;
    struct span at;
    begin_find(&f, w->src);
    while (w->it && find_it(&f, w->src, &at)) {
        if (at.off < from || at.off >= to)
            continue;
        str_add_slice(w->out, slice_sub(w->src->text, from, at.off - from));
        str_addf(w->out, "it_%u", w->it);
        from = at.off + at.len;
    }
    str_add_slice(w->out, slice_sub(w->src->text, from, to - from));
    bool failed = f.failed;
    lexer_free(&f.lx);
    return failed ? error_nomem(err) : ST_OK;
}

static const struct node *last_statement(const struct node *ast)
{
    const struct node *last = NULL;
    for (uint32_t i = 0; ast && i < ast->u.list.n; i++)
        if (ast->u.list.at[i] && ast->u.list.at[i]->kind < AST_DECL_IMPORT)
            last = ast->u.list.at[i];
    return last;
}

/* `named`: the number that later entries know its value by, or 0. */
static enum status put_entry(const struct prompt_entry *e, uint32_t it, uint32_t named,
                             struct str *out, struct error *err)
{
    struct writing w = { .out = out, .it = it };
    enum status st = open_entry(e, &w, err);
    const struct node *last = st == ST_OK && e->value ? last_statement(w.ast) : NULL;
    if (st == ST_OK && !last)
        st = put_range(&w, 0, w.src->text.len, err);
    if (st == ST_OK && last) {
        size_t from = last->span.off, to = from + last->span.len;
        st = put_range(&w, 0, from, err);
        if (named)
            str_addf(out, "let it_%u = ", named);
        else
            str_adds(out, e->prints ? "print(" : "let _ = ");
        if (st == ST_OK)
            st = put_range(&w, from, to, err);
        str_adds(out, !named && e->prints ? ")" : "");
        if (named && e->prints)
            str_addf(out, "\nprint(it_%u)", named);
        if (st == ST_OK)
            st = put_range(&w, to, w.src->text.len, err);
    }
    str_addc(out, '\n');
    arena_free(&w.arena);
    return st;
}

static enum status says_it(const struct prompt_entry *e, bool *ret, struct error *err)
{
    struct writing w = { 0 };
    struct it_finder f;
    struct span at;
    enum status st = open_entry(e, &w, err);
    if (st == ST_OK) {
        begin_find(&f, w.src);
        *ret = find_it(&f, w.src, &at);
        lexer_free(&f.lx);
    }
    arena_free(&w.arena);
    return st;
}

/* Whether some entry says `it` before another value takes its place. */
static enum status is_used(const struct sgl_prompt *p, uint32_t i, bool *ret, struct error *err)
{
    enum status st = ST_OK;
    *ret = false;
    for (i++; i < p->n_entry && !*ret && st == ST_OK; i++) {
        if (!p->entry[i].ok)
            continue;
        st = says_it(&p->entry[i], ret, err);
        if (p->entry[i].value)
            break;
    }
    return st;
}

enum status prompt_source(const struct sgl_prompt *p, struct str *out, struct error *err)
{
    uint32_t it = 0;
    enum status st = ST_OK;
    for (uint32_t i = 0; i < p->n_entry && st == ST_OK; i++) {
        const struct prompt_entry *e = &p->entry[i];
        bool used = false;
        if (!e->ok)
            continue;
        if (e->value)
            st = is_used(p, i, &used, err);
        if (st == ST_OK)
            st = put_entry(e, it, used ? i + 1 : 0, out, err);
        it = e->value ? (used ? i + 1 : 0) : it;
    }
    return st;
}
