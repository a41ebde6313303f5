/* team.h - a fixed set of threads that run one function together.
 *
 * The caller is member 0.  Waiting is spinning for some tens of microseconds (a forward pass has
 * hundreds of joints, and a sleep costs a hundred times a spin), then sleeping on a futex.  Only
 * one thread may call team_run at a time; members call nothing but kernels. */
#ifndef KERNELS_CPU_TEAM_H
#define KERNELS_CPU_TEAM_H

#include <stdint.h>

#include "base/error.h"

struct team;

enum status team_new(int n_thread, struct team **ret, struct error *err);   /* 0: one a core */
void        team_free(struct team *t);                                      /* NULL is fine */
int         team_size(const struct team *t);

/* Runs fn(arg, member) on every member and returns when all are done. */
void        team_run(struct team *t, void (*fn)(void *arg, int member), void *arg);
/* Inside fn: all members wait for each other. */
void        team_barrier(struct team *t);
/* Inside fn: the next number of 0, 1, 2, .. that no member has yet; restarts at every team_run.
 * Members that each stop at the first number >= n have drawn n + team_size numbers together, so
 * after a barrier the next share of work begins there. */
uint32_t    team_next(struct team *t);

#endif
