/* runner.h - a step on a thread of its own, so that the scheduler's can do something meanwhile.
 *
 *      scheduler   build | begin | events, callbacks, new requests, order | wait | tokens | ...
 *      runner                    | forward . . . . . . . . . . . . . . .  |
 *
 * One batch at a time.  Between begin and wait the batch, what it points to and the logits are the
 * runner's; nobody else may use the backend. */
#ifndef RUNTIME_SCHED_RUNNER_H
#define RUNTIME_SCHED_RUNNER_H

#include "runtime/backend/backend.h"

struct runner;

enum status runner_new(struct backend *backend, struct runner **ret, struct error *err);
void        runner_free(struct runner *r);      /* nothing runs; NULL is fine */

void        runner_begin(struct runner *r, const struct batch *batch, float *logits);
enum status runner_wait(struct runner *r, uint64_t *ret_ns, struct error *err);

#endif
