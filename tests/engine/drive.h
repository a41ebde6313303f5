/* drive.h - plans run to their end, one call each, for tests of the engine. */
#ifndef TESTS_ENGINE_DRIVE_H
#define TESTS_ENGINE_DRIVE_H

#include <semaphore.h>
#include <stdatomic.h>

#include "require.h"
#include "runtime/engine/engine.h"

/* A plan that is under way, and what came of it. */
struct drive {
    sem_t               done;
    struct str          chunks;
    atomic_uint         n_chunk;
    const atomic_bool  *busy;           /* likewise: ... */
    uint32_t            n_beside;       /* ... chunks that came while it was true */
    uint32_t            slow_us;        /* set after drive_gen: what taking a chunk costs */
    struct plan_result *result;
    struct error        error;
    bool                ok;
};

struct plan *drive_plan(struct drive *d);       /* with the drive as its sink */
void drive_submit(struct session *s, struct plan *p);
void drive_wait(struct drive *d);
void drive_free(struct drive *d);

/* text, then gen; sampled at temperature 1 under the key of `seed`. */
struct plan *drive_gen(struct drive *d, const char *text, uint32_t max, uint64_t seed);
bool drive_same(const struct plan_result *a, const struct plan_result *b);  /* token ids */

#endif
