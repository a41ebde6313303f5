/* repl_int.h - shared by the prompt loop and its commands. */
#ifndef CLI_REPL_INT_H
#define CLI_REPL_INT_H

#include <sgl/sgl.h>

#include "cli/repl.h"
#include "cli/repl_line.h"

struct repl {
    const struct repl_opts *opts;
    sgl_engine       *engine;       /* a reference of our own */
    sgl_prompt       *prompt;
    struct repl_line *line;
    int               interrupt[2]; /* pipe: Ctrl-C writes, the loop reads */
    char             *pending;      /* lines of an unfinished entry */
    char            **entry;        /* what was entered and ran, for :save */
    size_t            n_entry;
    bool              show_time;
    bool              failed;       /* some entry did */
    bool              leaving;
};

/* Runs one whole entry.  False: it is not finished, more lines are needed. */
bool repl_enter(struct repl *r, const char *text, size_t len);
/* A line that begins with ':'. */
void repl_command(struct repl *r, const char *line);
/* A prompt over the engine in force, in place of the old one; false: a message was printed. */
bool repl_restart(struct repl *r);
void repl_forget_entries(struct repl *r, size_t keep);

#endif
