/* team.h - a fixed set of threads that share out numbered pieces of work.
 *
 * A job is one or two phases of numbered shares.  Members take the next number until none is
 * left; a phase begins when every share of the one before is done, and a job ends when every
 * share of the last phase is.  Nobody waits for a member that took nothing: where other programs
 * hold a core, the caller goes on alone at its own speed instead of waiting for a thread that
 * does not run.  Waiting is spinning for some tens of microseconds, then sleeping.
 *
 * One thread at a time calls team_run; members call nothing but kernels. */
#ifndef KERNELS_CPU_TEAM_H
#define KERNELS_CPU_TEAM_H

#include <stdint.h>

#include "base/error.h"

struct team;

enum { TEAM_PHASES = 2 };

struct team_job {
    void    *arg;
    uint32_t n_share[TEAM_PHASES];                                  /* 0: no such phase */
    void   (*share[TEAM_PHASES])(void *arg, uint32_t share, int member);
};

enum status team_new(int n_thread, struct team **ret, struct error *err);   /* 0: one a core */
void        team_free(struct team *t);                                      /* NULL is fine */
int         team_size(const struct team *t);

/* Runs all shares of all phases; returns when they are done. */
void        team_run(struct team *t, const struct team_job *job);

#endif
