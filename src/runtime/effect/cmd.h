/* cmd.h - runs a program without a shell and collects what it writes. */
#ifndef RUNTIME_EFFECT_CMD_H
#define RUNTIME_EFFECT_CMD_H

#include <stdatomic.h>
#include <stdint.h>

#include "base/error.h"
#include "base/str.h"

struct cmd {
    char *const  *argv;             /* NULL-terminated */
    struct slice  input;            /* its standard input */
    uint64_t      timeout_ms;       /* 0: none */
    _Atomic bool *cancel;           /* set by another thread to stop it; may be NULL */
    struct str    output;           /* what it wrote; the caller frees it */
    int           exit_code;        /* -1: ended by a signal */
};

/* Blocks until the program has ended.  ST_NOT_FOUND, ST_IO, ST_TIMEOUT, ST_CANCELLED, ST_LIMIT;
 * an exit code other than 0 is ST_OK here. */
enum status command_run(struct cmd *c, struct error *err);

#endif
