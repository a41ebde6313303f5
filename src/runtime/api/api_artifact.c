/* api_artifact.c - programs built ahead of time: .sglc files written and opened. */
#include "runtime/api/api_int.h"

#include <string.h>

#include "base/alloc.h"
#include "compiler/artifact.h"
#include "compiler/bytecode_pack.h"

/* Compiles from the files inside, as another build or other options want it. */
static enum status build_again(struct artifact *a, const struct compile_opts *opts,
                               struct diag_list *diags,
                               struct module **ret, struct str *ret_ir, struct error *err)
{
    struct compile_opts inner = *opts;
    inner.name = a->file[0].name;
    inner.text = a->file[0].text;
    inner.loader = (struct loader){ artifact_load, a };
    return compile_module(&inner, diags, ret, ret_ir, err);
}

enum status api_artifact_open(const struct compile_opts *opts, struct diag_list *diags,
                              struct module **ret,
                              struct str *ret_ir, struct error *err)
{
    struct artifact a;
    enum status st = artifact_read(opts->text, &a, err);
    if (st != ST_OK)
        return st;
    if (opts->env) {
        st = error_code(err, ST_INVALID, "R0101",
                        "a compiled program cannot be an entry of the prompt");
    } else if (ret_ir || opts->n_no_opt || opts->cost) {
        st = build_again(&a, opts, diags, ret, ret_ir, err);
    } else if (!a.module.len) {
        diag_add(diags, "R0105", NULL, (struct span){ 0, 0 },
                 "%s was built by another version: compiled again from the source inside",
                 opts->name);
        st = build_again(&a, opts, diags, ret, ret_ir, err);
    } else if (module_unpack(a.module, ret, err) != ST_OK) {
        st = error_code(err, ST_SYNTAX, "R0101", "%s is damaged: build it again", opts->name);
    }
    artifact_free(&a);
    return st;
}

static enum status pack(const sgl_source *source, struct file_recorder *files, struct slice text,
                        const struct module *m, struct str *out, struct error *err)
{
    struct artifact_file *list = mem_calloc(files->n + 1u, sizeof *list);
    if (!list)
        return error_nomem(err);
    list[0] = (struct artifact_file){ "", { "", 0 }, source->name ? source->name : "<stdin>",
                                      text };
    if (files->n)
        memcpy(list + 1, files->file, files->n * sizeof *list);
    struct artifact a = { .file = list, .n_file = files->n + 1 };
    enum status st = artifact_write(&a, m, out, err);
    mem_free(list);
    return st;
}

sgl_status sgl_module_build(sgl_runtime *rt, const sgl_source *source, char **ret_bytes,
                            size_t *ret_len,
                            sgl_diagnostics **ret_diags, sgl_error *err)
{
    (void)rt;
    struct file_recorder files = { 0 };
    struct str text = { 0 }, out = { 0 };
    struct error why = { 0 };
    sgl_module *module = NULL;
    sgl_status st = api_compile_recorded(source, &files, &text, &module, ret_diags, err);
    if (st == SGL_OK) {
        enum status packed = pack(source, &files, str_slice(&text), module->m, &out, &why);
        st = packed == ST_OK ? api_take_text(&out, ret_bytes, ret_len, err) : api_error(packed,
                                                                                        &why, err);
    }
    if (st != SGL_OK)
        str_free(&out);
    str_free(&text);
    recorder_free(&files);
    sgl_module_unref(module);
    return st;
}
