/* permit.h - what a run may touch: directories to read or write, programs to run. */
#ifndef RUNTIME_EFFECT_PERMIT_H
#define RUNTIME_EFFECT_PERMIT_H

#include <stdbool.h>
#include <stdint.h>

/* Whether the path lies in one of the directories, links followed; "*" allows any.  A file that
 * does not exist yet is judged by its directory. */
bool permit_path(const char *const *dir, uint32_t n, const char *path);
/* Whether the program is listed, by the name it is called with; "*" allows any. */
bool permit_program(const char *const *name, uint32_t n, const char *program);

#endif
