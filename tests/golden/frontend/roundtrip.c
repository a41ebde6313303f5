/* roundtrip.c [--neat] FILE... - formats each program and compares what must stay: every token with
 * its bytes, the tree, every comment.  The formatted text formats to itself, ends its lines without
 * blanks, and has no two empty lines in a row.  A directory stands for the .sgl files in and below
 * it; a file there that is meant not to parse (`expect diagnostic`) is left out.
 *
 * With --neat the files are in the one style already: formatting changes nothing.
 *
 * Texts of several lines are copied as they are, so the rules for lines look at the others only. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/fs.h"
#include "frontend/format.h"
#include "frontend/lexer.h"
#include "frontend/parser.h"

struct reading {
    struct arena arena;
    struct str   tokens, comments, tree;
    uint32_t     n_error;
    struct str   errors;
};

static void add_comments(struct str *out, struct slice gap)
{
    size_t at;
    while ((at = slice_find(gap, SLICE("//"))) != SIZE_MAX) {
        gap = slice_sub(gap, at, gap.len);
        size_t end = slice_find(gap, SLICE("\n"));
        struct slice line = end == SIZE_MAX ? gap : slice_sub(gap, 0, end);
        while (line.len && (line.ptr[line.len - 1] == ' ' || line.ptr[line.len - 1] == '\t'))
            line.len--;
        str_add_slice(out, line);
        str_addc(out, '\n');
        gap = end == SIZE_MAX ? SLICE("") : slice_sub(gap, end, gap.len);
    }
}

static void read_tokens(struct reading *r, const struct source *s)
{
    struct lexer lx;
    struct token t;
    size_t end = 0;
    bool line_before = false;       /* the last line end of a text says nothing */
    lexer_init(&lx, s, NULL);
    for (;;) {
        if (!lexer_next(&lx, &t))
            abort();
        bool line_end = t.code == TK_NL && t.at.len == 0;
        if (t.code == TK_BEGIN) {
            end = t.at.off;
            continue;
        }
        if (t.code && !line_end) {
            add_comments(&r->comments, slice_sub(s->text, end, t.at.off - end));
            end = t.at.off + t.at.len;
        }
        if (!t.code)
            break;
        str_adds(&r->tokens, line_before ? "end of line\n" : "");
        line_before = line_end;
        if (line_end)
            continue;
        str_addf(&r->tokens, "%s ", token_name(t.code));
        str_add(&r->tokens, s->text.ptr + t.at.off, t.at.len);
        str_addc(&r->tokens, '\n');
    }
    add_comments(&r->comments, slice_sub(s->text, end, s->text.len - end));
    lexer_free(&lx);
}

static void read_program(struct reading *r, struct slice text)
{
    struct source *s;
    struct diag_list diags;
    struct parse_result parsed;
    *r = (struct reading){ .n_error = 0 };
    diag_list_init(&diags, &r->arena);
    if (source_new(&r->arena, "program", text, &s, NULL) != ST_OK ||
        parse_module(&r->arena, s, &diags, &parsed, NULL) != ST_OK)
        abort();
    r->n_error = diags.n_error;
    for (uint32_t i = 0; i < diags.n; i++)
        diag_render(diags.at[i], false, &r->errors);
    ast_dump(parsed.module, &r->tree);
    read_tokens(r, s);
    diag_list_free(&diags);
}

static void reading_free(struct reading *r)
{
    str_free(&r->tokens);
    str_free(&r->comments);
    str_free(&r->tree);
    str_free(&r->errors);
    arena_free(&r->arena);
}

/* Says where two texts part. */
static bool same(const char *file, const char *what, const struct str *a, const struct str *b)
{
    if (slice_eq(str_slice(a), str_slice(b)))
        return true;
    size_t i = 0, line = 0;
    while (i < a->len && i < b->len && a->ptr[i] == b->ptr[i])
        i++;
    for (line = i; line > 0 && a->ptr[line - 1] != '\n';)
        line--;
    printf("%s: other %s\n  was: %.100s\n  is:  %.100s\n", file, what, a->len ? a->ptr + line : "",
           b->len ? b->ptr + line : "");
    return false;
}

/* Blanks at line ends and double empty lines, but for lines inside a text. */
static bool clean(const char *file, const struct str *text)
{
    bool in_block = false;
    uint32_t empty = 0, n = 1;
    for (size_t at = 0; at < text->len; n++) {
        struct slice rest = slice_sub(str_slice(text), at, text->len);
        size_t end = slice_find(rest, SLICE("\n"));
        struct slice line = end == SIZE_MAX ? rest : slice_sub(rest, 0, end);
        at += line.len + 1;
        bool was = in_block;
        for (size_t i = 0; i + 3 <= line.len; i++)
            if (!strncmp(line.ptr + i, "\"\"\"", 3)) {
                in_block = !in_block;
                i += 2;
            }
        if (was || in_block) {
            empty = 0;
            continue;
        }
        empty = line.len ? 0 : empty + 1;
        char last = line.len ? line.ptr[line.len - 1] : 0;
        if (empty > 1 || last == ' ' || last == '\t') {
            printf("%s: line %u as formatted ends in a blank, or follows an empty one\n", file, n);
            return false;
        }
    }
    return true;
}

static bool round_trip(const char *file, bool neat)
{
    struct str text = { 0 }, once = { 0 }, twice = { 0 };
    struct error err = { 0 };
    struct reading before, after;
    if (fs_read(file, 1 << 26, &text, &err) != ST_OK) {
        printf("%s: %s\n", file, err.text);
        return false;
    }
    if (slice_find(str_slice(&text), SLICE("expect diagnostic: E")) != SIZE_MAX &&
        format_source(str_slice(&text), &once, &err) != ST_OK) {
        str_free(&text);
        return true;
    }
    str_cut(&once, 0);
    read_program(&before, str_slice(&text));
    enum status st = format_source(str_slice(&text), &once, &err);
    bool ok = before.n_error == 0 && st == ST_OK;
    if (!ok)
        printf("%s: does not parse: %s\n%s", file, err.text,
               before.errors.ptr ? before.errors.ptr : "");
    if (ok) {
        read_program(&after, str_slice(&once));
        ok = same(file, "tokens", &before.tokens, &after.tokens) &&
             same(file, "tree", &before.tree, &after.tree) &&
             same(file, "comments", &before.comments, &after.comments) && clean(file, &once);
        if (ok && neat)
            ok = same(file, "layout of what was neat", &text, &once);
        ok = format_source(str_slice(&once), &twice, &err) == ST_OK &&
             same(file, "text after formatting again", &once, &twice) && ok;
        reading_free(&after);
    }
    reading_free(&before);
    str_free(&text);
    str_free(&once);
    str_free(&twice);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static uint32_t walk(const char *path, bool neat, uint32_t depth, uint32_t *n);

static uint32_t walk_folder(DIR *d, const char *path, bool neat, uint32_t depth, uint32_t *n)
{
    enum { MOST = 4096 };
    char *name[MOST];
    uint32_t n_name = 0, failed = 0;
    for (struct dirent *e; (e = readdir(d)) && n_name < MOST;)
        if (e->d_name[0] != '.' && (name[n_name] = strdup(e->d_name)))
            n_name++;
    closedir(d);
    qsort(name, n_name, sizeof *name, by_name);
    for (uint32_t i = 0; i < n_name; i++) {
        char full[4096];
        snprintf(full, sizeof full, "%s/%s", path, name[i]);
        failed += walk(full, neat, depth + 1, n);
        free(name[i]);
    }
    return failed;
}

static uint32_t walk(const char *path, bool neat, uint32_t depth, uint32_t *n)
{
    enum { DEEPEST = 4 };
    DIR *d = depth < DEEPEST ? opendir(path) : NULL;
    size_t len = strlen(path);
    if (d)
        return walk_folder(d, path, neat, depth, n);
    if (len < 5 || strcmp(path + len - 4, ".sgl"))
        return 0;
    ++*n;
    return !round_trip(path, neat);
}

int main(int argc, char **argv)
{
    bool neat = argc > 1 && !strcmp(argv[1], "--neat");
    uint32_t n = 0, failed = 0;
    for (int i = neat ? 2 : 1; i < argc; i++)
        failed += walk(argv[i], neat, 0, &n);
    printf("%u programs, %u changed by formatting\n", n, failed);
    return failed || !n;
}
