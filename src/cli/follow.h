/* follow.h - from a started run to an exit code: events to the two streams, Ctrl-C to a cancel. */
#ifndef CLI_FOLLOW_H
#define CLI_FOLLOW_H

#include <sgl/sgl.h>

struct follow_opts {
    bool json;          /* the result always as JSON */
    bool events;        /* every event as a JSON line on standard output, and nothing else there */
    bool stream;        /* pieces of generations to standard error as they come */
    bool no_result;     /* do not print the result */
};

/* Waits for the run's end; the run stays the caller's.  Ctrl-C cancels the run, a second one ends
 * the process. */
int follow_run(sgl_run *run, const struct follow_opts *opts);

/* Counters of a run and its engine, for --stats, on standard error. */
void follow_stats(const sgl_run *run, sgl_engine *engine);

#endif
