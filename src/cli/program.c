/* program.c - one compile, and what it said. */
#include "cli/program.h"

#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

bool program_open(struct program *p, const char *path, const char *code, const struct options *o,
                  bool keep_ir, sgl_severity least, size_t *ret_n_warning)
{
    sgl_error err;
    sgl_diagnostics *diags = NULL;
    sgl_source source;
    sgl_source_init(&source);
    source.name = code ? "<-e>" : path;
    source.no_opt = o->no_opt.at;
    source.n_no_opt = o->no_opt.n;
    source.keep_ir = keep_ir;
    source.cost = o->cost;
    source.engine = o->engine;
    source.deny_warnings = o->deny || o->deny_warnings;
    memset(p, 0, sizeof *p);

    if (code) {
        source.text = code;
        source.len = strlen(code);
    } else if (strcmp(path, "-") == 0) {
        p->text = output_read(path, &source.len);
        if (!p->text)
            return false;
        source.name = "<stdin>";
        source.text = p->text;
    }
    sgl_status st = sgl_runtime_new(NULL, &p->rt, &err);
    if (st == SGL_OK)
        st = sgl_module_compile(p->rt, &source, &p->module, &diags, &err);
    if (ret_n_warning)
        *ret_n_warning = diags ? sgl_diagnostics_count(diags, SGL_WARNING) : 0;
    output_diagnostics(diags, least, o->json && least > SGL_ERROR);
    if (st != SGL_OK && (!diags || sgl_diagnostics_count(diags, SGL_ERROR) == 0))
        output_error(&err);
    sgl_diagnostics_free(diags);
    if (st != SGL_OK)
        program_close(p);
    return st == SGL_OK;
}

bool program_fits(struct program *p, sgl_engine *engine, sgl_severity least, bool json,
                  size_t *ret_n_warning)
{
    sgl_error err;
    sgl_diagnostics *diags = NULL;
    sgl_status st = sgl_module_check(p->module, engine, &diags, &err);
    if (ret_n_warning && diags)
        *ret_n_warning += sgl_diagnostics_count(diags, SGL_WARNING);
    output_diagnostics(diags, least, json);
    if (st != SGL_OK && !diags)
        output_error(&err);
    sgl_diagnostics_free(diags);
    return st == SGL_OK;
}

void program_close(struct program *p)
{
    sgl_module_unref(p->module);
    sgl_runtime_free(p->rt);
    free(p->text);
    memset(p, 0, sizeof *p);
}
