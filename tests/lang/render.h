/* render.h - what a user reads of one program, for tests/docs/test_codes.py. */
#ifndef TESTS_LANG_RENDER_H
#define TESTS_LANG_RENDER_H

#include "base/str.h"
#include "runtime/engine/engine.h"

/* Prints to standard output what the command line would write to standard error: the diagnostics
 * of `check`; or, when there are none, what the run (then its tests) ended in.  The scripted
 * engine answers by `answer`.  Returns the exit status: 2 when the file cannot be read. */
int render_file(const char *file, struct slice text, scripted_fn answer, void *ctx);

#endif
