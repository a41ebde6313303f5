/* output.h - what sglrun says and where: results to standard output, everything else to standard error. */
#ifndef CLI_OUTPUT_H
#define CLI_OUTPUT_H

#include <sgl/sgl.h>

#include "cli/options.h"

/* Colour on standard error: a terminal, and NO_COLOR is not set. */
bool output_color(void);

void output_error(const sgl_error *err);                /* "sglrun: CODE: text" */
/* Diagnostics from `least` up; as text, or one JSON object a line on standard output. */
void output_diagnostics(const sgl_diagnostics *d, sgl_severity least, bool json);

/* Progress of loads and downloads on one line of a terminal; nothing elsewhere. */
bool output_progress(void *ctx, double share, uint64_t done, uint64_t total, const char *what);
void output_progress_end(void);

/* The whole file, or standard input for "-"; NULL: a message was printed.  Freed by free. */
char *output_read(const char *path, size_t *ret_len);

/* Writes a file whole: beside it first, then in its place.  False: a message was printed. */
bool output_replace(const char *path, const char *text, size_t len);

/* The engine that the options ask for, with progress; false: a message was printed. */
bool output_engine(const struct options *o, bool text_only, sgl_engine **ret);
/* The same where one can do without: true too, with *ret_none, when no model was named and the
 * default one is not here; that is said. */
bool output_engine_if(const struct options *o, sgl_engine **ret, bool *ret_none);

#endif
