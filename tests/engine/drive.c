/* drive.c - see drive.h. */
#include "drive.h"

#include <string.h>
#include <unistd.h>

static void on_event(void *ctx, struct plan_event *ev)
{
    (void)ctx;
    struct drive *d = ev->user;
    if (ev->kind == PLAN_CHUNK) {
        str_add_slice(&d->chunks, ev->chunk);
        atomic_fetch_add(&d->n_chunk, 1);
        if (d->slow_us)
            usleep((useconds_t)d->slow_us);
        return;
    }
    d->ok = ev->kind == PLAN_DONE;
    d->result = ev->result;
    d->error = ev->error;
    sem_post(&d->done);
}

struct plan *drive_plan(struct drive *d)
{
    memset(d, 0, sizeof *d);
    sem_init(&d->done, 0, 0);
    struct plan *p = plan_new();
    REQUIRE(p);
    p->sink = on_event;
    p->user = d;
    return p;
}

void drive_submit(struct session *s, struct plan *p)
{
    struct error err;
    REQUIRE(session_submit(s, p, &err) == ST_OK);
}

void drive_wait(struct drive *d)
{
    while (sem_wait(&d->done) != 0)
        continue;
}

void drive_free(struct drive *d)
{
    plan_result_free(d->result);
    str_free(&d->chunks);
    sem_destroy(&d->done);
}

struct plan *drive_gen(struct drive *d, const char *text, uint32_t max, uint64_t seed)
{
    struct plan *p = drive_plan(d);
    if (text)
        plan_text(p, PLAN_TEXT, slice_of(text));
    hole_init(&p->hole, HOLE_GEN);
    p->hole.max = max;
    p->hole.temp = 1;
    p->hole.key = rng_key_seed(seed);
    p->hole.stream = true;
    return p;
}

bool drive_same(const struct plan_result *a, const struct plan_result *b)
{
    if (a->n_token != b->n_token || !slice_eq(a->text, b->text))
        return false;
    for (uint32_t i = 0; i < a->n_token; i++) {
        if (a->token[i].id != b->token[i].id)
            return false;
    }
    return true;
}
