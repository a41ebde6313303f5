/* program.h - a program on its way from a file to a module, as several verbs need it. */
#ifndef CLI_PROGRAM_H
#define CLI_PROGRAM_H

#include <sgl/sgl.h>

#include "cli/options.h"

struct program {
    sgl_runtime *rt;
    sgl_module  *module;
    char        *text;
};

/* Compiles `path` ("-": standard input), or `code` under the name "<-e>".  Diagnostics from `least`
 * up are printed.  False: it does not compile, or cannot be read. */
bool program_open(struct program *p, const char *path, const char *code, const struct options *o,
                  bool keep_ir, sgl_severity least, size_t *ret_n_warning);
/* What only the engine's tokenizer can tell (E0421).  False: printed. */
bool program_fits(struct program *p, sgl_engine *engine, sgl_severity least, bool json,
                  size_t *ret_n_warning);
void program_close(struct program *p);

#endif
