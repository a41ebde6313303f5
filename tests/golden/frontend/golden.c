/* golden.c DIR [--update] - tokens, tree and diagnostics of each DIR/x.sgl against x.tokens, x.ast
 * and x.diag.  A differing file is named, with its first differing line. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/lexer.h"
#include "frontend/parser.h"

static void dump_tokens(const struct source *s, struct str *out)
{
    struct lexer lx;
    struct token t;
    lexer_init(&lx, s, NULL);
    do {
        if (!lexer_next(&lx, &t))
            exit(2);
        struct place p = source_place(s, t.at.off);
        str_addf(out, "%u:%u %s", p.line, p.col, token_name(t.code));
        for (uint32_t i = 0; i < t.at.len; i++) {
            char c = s->text.ptr[t.at.off + i];
            str_adds(out, i ? "" : " ");
            if (c == '\n')
                str_adds(out, "\\n");
            else
                str_addc(out, c);
        }
        str_addc(out, '\n');
    } while (t.code);
    lexer_free(&lx);
}

static bool read_file(const char *path, struct str *out)
{
    FILE *f = fopen(path, "rb");
    char part[4096];
    size_t n;
    if (!f)
        return false;
    while ((n = fread(part, 1, sizeof part, f)))
        str_add(out, part, n);
    fclose(f);
    return true;
}

static int compare(const char *base, const char *suffix, const struct str *got, bool update)
{
    char path[1024];
    struct str want = { 0 };
    snprintf(path, sizeof path, "%s.%s", base, suffix);
    if (update) {
        FILE *f = fopen(path, "wb");
        if (!f)
            return 1;
        fwrite(got->ptr ? got->ptr : "", 1, got->len, f);
        return fclose(f) != 0;
    }
    int differs = !read_file(path, &want) || !slice_eq(str_slice(&want), str_slice(got));
    uint32_t line = 1;
    for (size_t i = 0; differs && i < want.len && i < got->len && want.ptr[i] == got->ptr[i]; i++)
        line += want.ptr[i] == '\n';
    if (differs)
        printf("%s differs from line %u on; it is now:\n%s\n", path, line, got->ptr ? got->ptr : "");
    str_free(&want);
    return differs;
}

static int one(const char *dir, const char *name, bool update)
{
    char path[1024];
    struct arena arena = { 0 };
    struct source *s;
    struct diag_list diags;
    struct parse_result parsed;
    struct str text = { 0 }, tokens = { 0 }, tree = { 0 }, shown = { 0 };

    snprintf(path, sizeof path, "%s/%s", dir, name);
    diag_list_init(&diags, &arena);
    if (!read_file(path, &text) || source_new(&arena, name, str_slice(&text), &s, NULL) != ST_OK ||
        parse_module(&arena, s, &diags, &parsed, NULL) != ST_OK)
        return 1;
    diag_sort(&diags);
    dump_tokens(s, &tokens);
    ast_dump(parsed.module, &tree);
    for (uint32_t i = 0; i < diags.n; i++)
        diag_render(diags.at[i], false, &shown);
    path[strlen(path) - strlen(".sgl")] = 0;
    int failed = compare(path, "tokens", &tokens, update) + compare(path, "ast", &tree, update) +
                 compare(path, "diag", &shown, update);
    str_free(&text);
    str_free(&tokens);
    str_free(&tree);
    str_free(&shown);
    diag_list_free(&diags);
    arena_free(&arena);
    return failed;
}

int main(int argc, char **argv)
{
    bool update = argc > 2 && !strcmp(argv[2], "--update");
    DIR *d = argc > 1 ? opendir(argv[1]) : NULL;
    int failed = 0, n = 0;
    if (!d)
        return 2;
    for (struct dirent *e; (e = readdir(d));) {
        size_t len = strlen(e->d_name);
        if (len < 5 || strcmp(e->d_name + len - 4, ".sgl"))
            continue;
        failed += one(argv[1], e->d_name, update);
        n++;
    }
    closedir(d);
    printf("%d programs, %d files differ\n", n, failed);
    return failed || !n;
}
