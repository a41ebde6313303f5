/* repl_int.h - shared by the prompt loop and its commands. */
#ifndef CLI_REPL_INT_H
#define CLI_REPL_INT_H

#include <sgl/sgl.h>

#include "cli/repl.h"
#include "cli/repl_line.h"

/* A context with its names and entries; the first is "main", the others were forked. */
struct place {
    char       *name;
    sgl_prompt *prompt;
    size_t      from;               /* place that it was forked from; itself for the first */
    size_t      at;                 /* entries there at the time */
};

struct repl {
    const struct repl_opts *opts;
    sgl_engine       *engine;       /* a reference of our own */
    struct place     *place;
    size_t            n_place, here;
    sgl_prompt       *prompt;       /* place[here].prompt */
    struct repl_line *line;
    int               interrupt[2]; /* pipe: Ctrl-C writes, the loop reads */
    char             *pending;      /* lines of an unfinished entry */
    sgl_run_stats     spent;        /* summed over all entries */
    size_t            n_run;
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
void repl_forget_places(struct repl *r);
/* Names of the commands, for completion; NULL behind the last. */
const char *repl_command_name(size_t i);

#endif
