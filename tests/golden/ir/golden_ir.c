/* golden_ir.c - compiles every program of a folder and compares IR and bytecode with what is there.
 *
 *     golden_ir DIR [--update]
 *
 * NAME.sgl is compiled; NAME.txt holds the listing of its IR, a line of dashes, and its bytecode. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fs.h"
#include "compiler/compile.h"

static bool listing(const char *path, const char *name, struct str *out)
{
    struct arena arena = { 0 };
    struct diag_list diags;
    struct str text = { 0 }, ir = { 0 };
    struct error err = { 0 };
    struct module *m = NULL;
    diag_list_init(&diags, &arena);
    bool ok = fs_read(path, 1 << 20, &text, &err) == ST_OK;
    struct compile_opts opts = { .name = name, .text = str_slice(&text), .keep_ir = true };
    ok = ok && compile_module(&opts, &diags, &m, &ir, &err) == ST_OK;
    if (ok) {
        str_add_slice(out, str_slice(&ir));
        str_adds(out, "--------\n");
        bytecode_dump(m, out);
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
        ok = fs_read(path.ptr, 1 << 20, &want, &err) == ST_OK && slice_eq(str_slice(&want), str_slice(&have));
    printf("%s %s\n", ok ? "ok  " : "FAIL", name);
    str_free(&path);
    str_free(&want);
    str_free(&have);
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
