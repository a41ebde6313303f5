/* golden_ir.c - compiles every program of a folder and compares IR and bytecode with what is there.
 *
 *     golden_ir DIR [--update]
 *     golden_ir --read FILE...
 *
 * NAME.sgl is compiled; NAME.txt holds the listing of its IR, a line of dashes, and its bytecode.
 * A comment `// show: WORD...` in the program asks for other parts instead: ir, prefix, cost,
 * warnings, bytecode; `// no-opt: PASS` leaves a pass out.
 *
 * With --read the listing of each file's IR is read and printed again, which must give the same;
 * its bounds are found as well. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "compiler/compile.h"
#include "compiler/ir.h"

/* What stands behind a mark up to the end of its line; empty: no such mark. */
static struct slice marked(struct slice text, const char *mark)
{
    size_t at = slice_find(text, slice_of(mark));
    if (at == SIZE_MAX)
        return SLICE("");
    struct slice rest = slice_sub(text, at + strlen(mark), text.len);
    size_t end = slice_find(rest, SLICE("\n"));
    return slice_trim(end == SIZE_MAX ? rest : slice_sub(rest, 0, end));
}

static void part(struct str *out, struct slice text)
{
    if (out->len)
        str_adds(out, "--------\n");
    str_add_slice(out, text);
}

static bool wants(struct slice show, const char *word)
{
    return slice_find(show, slice_of(word)) != SIZE_MAX;
}

static void parts(const struct module *m, struct slice show, const struct diag_list *diags,
                  struct slice ir,
                  struct slice cost, struct str *out)
{
    struct str s = { 0 };
    if (wants(show, "ir"))
        part(out, ir);
    if (wants(show, "warnings"))
        for (uint32_t i = 0; i < diags->n; i++)
            diag_render(diags->at[i], false, &s);
    if (wants(show, "prefix"))
        show_prefix(m, NULL, false, &s);
    if (s.len)
        part(out, str_slice(&s));
    if (wants(show, "cost"))
        part(out, cost);
    str_cut(&s, 0);
    if (wants(show, "bytecode")) {
        bytecode_dump(m, &s);
        part(out, str_slice(&s));
    }
    str_free(&s);
}

static bool listing(const char *path, const char *name, struct str *out)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct str text = { 0 }, ir = { 0 }, cost = { 0 };
    struct error err = { 0 };
    struct module *m = NULL;
    diag_list_init(&diags, &arena);
    bool ok = fs_read(path, 1 << 20, &text, &err) == ST_OK;
    struct slice show = marked(str_slice(&text), "// show: "), no_opt = marked(str_slice(&text),
            "// no-opt: ");
    char pass[32];
    const char *left_out = pass;
    snprintf(pass, sizeof pass, "%.*s", (int)no_opt.len, no_opt.ptr);
    struct compile_opts opts = { .name = name, .text = str_slice(&text), .keep_ir = true,
                                 .no_opt = &left_out,
                                 .n_no_opt = no_opt.len > 0, .cost = wants(show, "cost"),
                                     .ret_cost = &cost };
    ok = ok && compile_module(&opts, &diags, &m, &ir, &err) == ST_OK;
    if (ok) {
        parts(m, show.len ? show : SLICE("ir bytecode"), &diags, str_slice(&ir), str_slice(&cost),
              out);
    } else {
        fprintf(stderr, "%s: %s\n", path, err.text);
        for (uint32_t i = 0; i < diags.n; i++)
            diag_render(diags.at[i], false, out);
        fprintf(stderr, "%s\n", out->ptr ? out->ptr : "");
    }
    module_unref(m);
    diag_list_free(&diags);
    arena_free(&arena);
    str_free(&text);
    str_free(&ir);
    str_free(&cost);
    return ok;
}

static bool compare(const char *dir, const char *name, bool update)
{
    struct str path = { 0 }, want = { 0 }, have = { 0 };
    struct error err = { 0 };
    str_addf(&path, "%s/%s", dir, name);
    bool ok = listing(path.ptr, name, &have);
    str_cut(&path, path.len - strlen(".sgl"));
    str_adds(&path, ".txt");
    if (ok && update)
        ok = fs_replace(path.ptr, str_slice(&have), &err) == ST_OK;
    else if (ok)
        ok = fs_read(path.ptr, 1 << 20, &want, &err) == ST_OK && slice_eq(str_slice(&want),
                str_slice(&have));
    printf("%s %s\n", ok ? "ok  " : "FAIL", name);
    str_free(&path);
    str_free(&want);
    str_free(&have);
    return ok;
}

/* ---- reading back ---- */

static enum status load(void *ctx, struct arena *a, const char *from, struct slice name,
                        const char **ret_name, struct slice *ret_text, struct error *err)
{
    (void)ctx;
    struct str path = { 0 }, text = { 0 }, dir = { 0 };
    fs_dirname(from, &dir);
    fs_join(dir.ptr, arena_strdup(a, name), &path);
    enum status st = fs_read(path.ptr, 1 << 26, &text, err);
    if (st == ST_OK) {
        *ret_name = arena_strdup(a, str_slice(&path));
        *ret_text = arena_slice(a, str_slice(&text));
    }
    str_free(&path);
    str_free(&text);
    str_free(&dir);
    return st;
}

/* The listing, read and printed again, is the same. */
static bool reads_back(const struct module *m, struct slice ir, const char *path)
{
    struct arena arena = { 0 };
    struct error err = { 0 };
    struct str again = { 0 };
    struct ir_func **func = NULL, *stub = arena_array(&arena, m->n_func + 1, sizeof *stub);
    struct ir_func **named = arena_array(&arena, m->n_func + 1, sizeof *named);
    uint32_t n = 0;
    for (uint32_t i = 0; i < m->n_func; i++) {
        stub[i].out = m->func[i];
        named[i] = &stub[i];
    }
    struct ir_names names = { m->konst, m->n_konst, m->gen, m->n_gen, named, m->n_func };
    bool ok = ir_read(ir, &names, &arena, &func, &n, &err) == ST_OK;
    for (uint32_t i = 0; ok && i < n; i++)
        ir_dump(func[i], &names, &again);
    if (!ok)
        printf("FAIL %s: %s\n", path, err.text);
    for (size_t i = 0; ok && i < ir.len; i++)
        if (i >= again.len || again.ptr[i] != ir.ptr[i]) {
            size_t from = i > 60 ? i - 60 : 0;
            printf("FAIL %s: other text when read back\n  wanted: %.*s\n  got:    %.*s\n", path,
                   (int)(ir.len - from < 120
                   ? ir.len - from : 120), ir.ptr + from, (int)(again.len - from < 120
                                                                ? again.len - from : 120),
                   again.len > from ? again.ptr + from : "");
            ok = false;
        }
    str_free(&again);
    arena_free(&arena);
    return ok && n == m->n_func;
}

/* Programs that have errors are passed over. */
static bool read_file(const char *path)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct str text = { 0 }, ir = { 0 }, cost = { 0 };
    struct error err = { 0 };
    struct module *m = NULL;
    diag_list_init(&diags, &arena);
    bool ok = fs_read(path, 1 << 26, &text, &err) == ST_OK;
    struct compile_opts opts = { .name = path, .text = str_slice(&text), .keep_ir = true,
                                 .loader = { load, NULL },
                                 .cost = true, .ret_cost = &cost };
    if (ok && compile_module(&opts, &diags, &m, &ir, &err) == ST_OK)
        ok = cost.len && reads_back(m, str_slice(&ir), path);
    module_unref(m);
    diag_list_free(&diags);
    arena_free(&arena);
    str_free(&text);
    str_free(&ir);
    str_free(&cost);
    return ok;
}

static int is_program(const struct dirent *e)
{
    size_t n = strlen(e->d_name);
    return n > 4 && strcmp(e->d_name + n - 4, ".sgl") == 0;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return 2;
    if (strcmp(argv[1], "--read") == 0) {
        int n_bad = 0;
        for (int i = 2; i < argc; i++)
            n_bad += !read_file(argv[i]);
        printf("%d programs, %d do not read back\n", argc - 2, n_bad);
        return n_bad != 0;
    }
    struct dirent **list;
    int n = scandir(argv[1], &list, is_program, alphasort), failed = 0;
    if (n <= 0)
        return 1;
    for (int i = 0; i < n; i++) {
        failed += !compare(argv[1], list[i]->d_name, argc > 2 && strcmp(argv[2], "--update") == 0);
        free(list[i]);
    }
    free(list);
    return failed != 0;
}
